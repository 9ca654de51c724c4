"""`config.clusterInstall`: how AutoShift creates a cluster, and of which architecture it is.

Source: AutoShift policies/stable/cluster-install/manifests/prereqs.yaml. A cluster is created where
`createCluster` is 'true', from the ClusterImageSet that `clusterImageSet` names, else from one of
`openshiftVersion` and `cpuArch`. A cluster that exists already keeps its architecture, whatever
`createCluster` says by now.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from steps.autoshift.near_booleans import NEARLY_TRUE
from steps.errors import InvalidInputError
from steps.yaml.text import Misread, text_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from steps.autoshift.fleet import FleetCluster
    from steps.yaml.text import Tree

# Names of cpuArch (AutoShift docs/cluster-install.md) -> names of oc-mirror.
ARCHITECTURES: Final = {
    "x86_64": "amd64",
    "amd64": "amd64",
    "aarch64": "arm64",
    "arm64": "arm64",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
    "multi": "multi",
}
_OF_IMAGE_SETS: Final = {**ARCHITECTURES, "x86-64": "amd64"}
# Names that ACM gives to its own ClusterImageSets: img4.20.9-x86-64-appsub, img4.21.0-ec.3-multi-appsub
# (stolostron/acm-hive-openshift-releases). AutoShift's are openshift-image-set-4.20.9.
_IMAGE_SET = re.compile(
    rf"(?:.*[^\d.])?(\d+\.\d+\.\d+(?:-(?:ec|rc)\.\d+)?)(?:[-_]({'|'.join(_OF_IMAGE_SETS)}))?(?![\d.]).*"
)


@dataclass(frozen=True, slots=True)
class Installation:
    """What `config.clusterInstall` of a cluster says; texts are blank where it says nothing.

    `version` and `channel` are those of a cluster that AutoShift creates, blank for any other; `version_key`
    is the key that named the version. `architecture` is oc-mirror's name, of whatever cluster.
    """

    version: str
    version_key: str
    channel: str
    architecture: str
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, cluster: FleetCluster) -> Installation:
        """Read the installation of a cluster. Raises InvalidInputError for an unknown architecture."""
        found = cluster.config.get("clusterInstall")
        install = found if isinstance(found, dict) else {}
        created = _is_created(install)
        image_set = text_at(install, "clusterImageSet")
        named = _IMAGE_SET.fullmatch(image_set)
        version = named[1] if named else text_at(install, "openshiftVersion")
        key = "clusterImageSet" if named else "openshiftVersion"
        return cls(
            version=version if created else "",
            version_key=f"config.clusterInstall.{key}",
            channel=text_at(install, "openshiftChannel"),
            architecture=(named and named[2] and _OF_IMAGE_SETS[named[2]]) or _architecture(install, cluster),
            warnings=tuple(_warnings(install, version, created=created)),
        )


def os_image_architectures(cluster: FleetCluster) -> set[str]:
    """Return the architectures, as in the values, for which a hub has boot images, to create clusters with.

    Source: AutoShift policies/stable/advanced-cluster-management/manifests/provisioning,
    `config.disconnected.osImages`.
    """
    disconnected = cluster.config.get("disconnected")
    images = disconnected.get("osImages") if isinstance(disconnected, dict) else None
    listed = images if isinstance(images, list) else []
    return {text_at(image, "cpuArchitecture") or "x86_64" for image in listed if isinstance(image, dict)}


def _is_created(install: Mapping[str, Tree]) -> bool:
    """Tell whether AutoShift creates the cluster; a plain `yes` is true to Helm."""
    create = install.get("createCluster")
    return create == "true" or (isinstance(create, Misread) and create.helm == "true")


def _architecture(install: Mapping[str, Tree], cluster: FleetCluster) -> str:
    name = text_at(install, "cpuArch") or "x86_64"
    if name not in ARCHITECTURES:
        raise InvalidInputError(
            f"config.clusterInstall.cpuArch of {cluster.entry} is '{name}'",
            f"use one of {', '.join(ARCHITECTURES)}",
        )
    return ARCHITECTURES[name]


def _warnings(install: Mapping[str, Tree], version: str, *, created: bool) -> Iterator[str]:
    create, image_set = text_at(install, "createCluster"), text_at(install, "clusterImageSet")
    key = "config.clusterInstall.createCluster"
    if created and create != "true":
        yield f"{key} is {create} without quotes, which Helm reads as true; taken as 'true': put it in quotes"
    elif create in NEARLY_TRUE:
        yield f"{key} is '{create}', not 'true': AutoShift does not create it; no release is mirrored"
    if not created or not image_set:
        return
    given = text_at(install, "openshiftVersion")
    what = f"config.clusterInstall.clusterImageSet '{image_set}'"
    if not _IMAGE_SET.fullmatch(image_set):
        instead = f"openshiftVersion {given} is mirrored" if given else "no release is mirrored for it"
        yield f"{what} does not tell its release: {instead}; check which release it stands for"
    elif given not in {"", version}:
        yield f"{what} takes the place of openshiftVersion {given}, which is not mirrored"
