"""Images that AutoShift's features run although no catalog names them, so no operator brings them.

The facts are those of auto-shift/autoshiftv2 at 929a8558, each with its file. GitLab's Redis is not here: its
policy uses the image of the GitOps operator, whose bundle names it (policies/certified/gitlab/README.md).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steps.autoshift.fleet import FleetCluster

FOLDERS: Final = {
    "autoshift-console": "autoshift-console",
    "jfrog": "jfrog",
    "node-feature-discovery": "node-feature-discovery",
    "vault": "vault",
}
_VAULT: Final = "1.17.2"  # of the chart that the policy takes, vault 0.28.1
_CONSOLE: Final = "quay.io/autoshift/autoshift-console-plugin"


@dataclass(frozen=True, slots=True, order=True)
class FeatureImage:
    """The reference of an image that a feature runs, and the AutoShift file that names it.

    `setting` is the path below a set or cluster of what in the values decides it; empty if nothing does.
    """

    name: str
    origin: str
    setting: tuple[str, ...] = field(default=(), compare=False)


def images_of(cluster: FleetCluster, minor: str, excluded_policies: frozenset[str]) -> Iterator[FeatureImage]:
    """Yield the images that the features of a cluster run on OpenShift `minor`."""
    enabled = {
        label
        for label, folder in FOLDERS.items()
        if cluster.labels.get(label) == "true" and folder not in excluded_policies
    }
    if "autoshift-console" in enabled and cluster.is_hub:
        yield _console(cluster, minor)
    if "node-feature-discovery" in enabled:
        yield FeatureImage(
            "registry.redhat.io/openshift4/ose-node-feature-discovery-rhel9:v4.22",
            "policies/stable/node-feature-discovery/manifests/node-feature-discovery-instance.yaml",
        )
    if "jfrog" in enabled:
        for name in (
            "registry.connect.redhat.com/jfrog/init:7.104.10",
            "releases-docker.jfrog.io/jfrog/router:7.149.1",
        ):
            yield FeatureImage(name, "scripts/known-additional-images.json")
    if "vault" in enabled:
        yield from _vault(cluster.labels.get("vault-version", _VAULT))


def _vault(version: str) -> Iterator[FeatureImage]:
    """Return the images of Vault: the label sets the server's tag, the agent keeps that of the chart."""
    origin = "policies/community/vault/manifests/vault/kustomization.yaml"
    yield FeatureImage(f"docker.io/hashicorp/vault:{version}", origin, ("labels", "vault-version"))
    if version != _VAULT:
        yield FeatureImage(f"docker.io/hashicorp/vault:{_VAULT}", origin)
    yield FeatureImage("docker.io/hashicorp/vault-k8s:1.4.2", "policies/community/vault/README.md")


def _console(cluster: FleetCluster, minor: str) -> FeatureImage:
    """Return the console plugin for the minor, or the image that config.autoshiftConsole names."""
    origin = "policies/community/autoshift-console/manifests/autoshift-console.yaml"
    settings = cluster.config.get("autoshiftConsole")
    settings = settings if isinstance(settings, dict) else {}
    image, repository = settings.get("image"), settings.get("repository")
    if isinstance(image, str) and image:
        return FeatureImage(image, origin, ("config", "autoshiftConsole", "image"))
    base = repository if isinstance(repository, str) and repository else _CONSOLE
    return FeatureImage(f"{base}:ocp{minor}", origin, ("config", "autoshiftConsole", "repository"))
