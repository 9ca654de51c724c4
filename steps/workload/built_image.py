"""The ConfigMap oc-mirror-images, which records the image that the build pipeline made last.

Its five keys are the specification's ("Image ConfigMap"). The image is deployed by its digest, since its tag
may have moved. The image before it is kept in annotations, to roll back to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from steps.errors import InvalidInputError, NotFoundError, UsageError
from steps.oci.reference import Reference
from steps.workload import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steps.cluster import KubernetesObject

KEYS = ("image-name", "image-url", "image-digest", "git-revision", "build-timestamp")

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltImage:
    """An image and the build that made it, as recorded."""

    name: str
    url: str
    digest: str
    git_revision: str
    build_timestamp: str

    @property
    def reference(self) -> str:
        """The image by digest: `REPOSITORY@DIGEST`, without the tag of `url`."""
        return f"{repository(self.url)}@{self.digest}"

    def data(self) -> dict[str, str]:
        """Return the ConfigMap's five keys with their values."""
        values = (self.name, self.url, self.digest, self.git_revision, self.build_timestamp)
        return dict(zip(KEYS, values, strict=True))


def repository(url: str) -> str:
    """Return HOST[:PORT]/PATH of an image reference. Raises ValueError for any other text."""
    reference = Reference.find(url)
    if reference is None or "/" not in reference.name or "://" in url:
        raise ValueError(f"'{url}' is not an image reference HOST[:PORT]/PATH[:TAG]")
    return reference.name


def check_digest(digest: str) -> str:
    """Return `digest`. Raises ValueError if it is not `sha256:` and 64 hexadecimal digits."""
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f"'{digest}' is not 'sha256:' and 64 lower-case hexadecimal digits")
    return digest


def read_image(configmap: KubernetesObject | None, *, name: str, namespace: str) -> BuiltImage:
    """Read the recorded image.

    Raises NotFoundError without the ConfigMap, InvalidInputError if a key is missing or malformed. Both
    say how to run the build pipeline and how to record an image by hand.
    """
    build = "'oc create -f tekton/runs/build-pipelinerun.yaml'"
    if configmap is None:
        raise NotFoundError(
            f"there is no ConfigMap '{name}' in namespace '{namespace}': no image was built yet",
            f"build one with {build}, or record an image by hand: {_command(name, namespace)}",
        )
    data: Mapping[str, str] = configmap.get("data") or {}
    problems = [f"{key} is missing" for key in KEYS if not data.get(key, "").strip()]
    for key, check in (("image-url", repository), ("image-digest", check_digest)):
        try:
            if data.get(key, "").strip():
                check(data[key].strip())
        except ValueError as error:
            problems.append(f"{key} {error}")
    if problems:
        raise InvalidInputError(
            f"ConfigMap '{namespace}/{name}' does not describe an image: {'; '.join(problems)}",
            f"build again with {build}, or replace it by hand ('oc delete configmap {name} -n {namespace}', "
            f"then {_command(name, namespace)})",
        )
    return BuiltImage(**{_field(key): data[key].strip() for key in KEYS})


def new_image(*, name: str, url: str, digest: str, git_revision: str) -> BuiltImage:
    """Make the record of a build that finishes now (RFC 3339, UTC, in seconds). Raises UsageError."""
    try:
        repository(url)
        check_digest(digest)
    except ValueError as error:
        raise UsageError(
            f"the image to record is malformed: {error}", "pass on what the build reported, unchanged"
        ) from error
    for parameter, value in (("image-name", name), ("git-revision", git_revision)):
        if not value.strip() or len(value.splitlines()) > 1:
            raise UsageError(f"{parameter} is empty or has more than one line", f"give a {parameter}")
    timestamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return BuiltImage(name=name, url=url, digest=digest, git_revision=git_revision, build_timestamp=timestamp)


def same_build(configmap: KubernetesObject | None, image: BuiltImage) -> bool:
    """Tell whether the ConfigMap already records this image, whatever its build-timestamp."""
    recorded = (configmap or {}).get("data") or {}
    wanted = image.data()
    return bool(recorded.get("build-timestamp")) and all(
        recorded.get(key) == wanted[key] for key in KEYS if key != "build-timestamp"
    )


def image_configmap(
    image: BuiltImage, *, name: str, namespace: str, before: KubernetesObject | None
) -> KubernetesObject:
    """Make the ConfigMap, with the image before this one in annotations.

    `before` is the ConfigMap as it is in the cluster, None if there is none.
    """
    data = (before or {}).get("data") or {}
    annotations = ((before or {}).get("metadata") or {}).get("annotations") or {}
    if data.get("image-digest", image.digest) == image.digest:
        previous = {f"previous-{key}": annotations.get(f"{names.ANNOTATION}previous-{key}") for key in KEYS}
    else:
        previous = {f"previous-{key}": data.get(key) for key in KEYS}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": names.labels("image"),
            "annotations": names.annotate(**previous),
        },
        "data": image.data(),
    }


def _field(key: str) -> str:
    """Return the attribute of BuiltImage that holds a key of the ConfigMap."""
    return key.removeprefix("image-").replace("-", "_")


def _command(name: str, namespace: str) -> str:
    values = {
        "image-name": "oc-mirror-autoshift",
        "image-url": "REGISTRY/PATH:TAG",
        "image-digest": "sha256:DIGEST",
        "git-revision": "REVISION",
        "build-timestamp": "$(date -u +%Y-%m-%dT%H:%M:%SZ)",
    }
    literals = " ".join(f"--from-literal={key}={value}" for key, value in values.items())
    return f"'oc create configmap {name} -n {namespace} {literals}'"
