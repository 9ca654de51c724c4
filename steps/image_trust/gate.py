"""What a Task asks before it goes on with an image: does the ConfigMap of trust accept it?"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from steps.errors import NotFoundError
from steps.image_trust.policy import Policy
from steps.image_trust.verification import verify

if TYPE_CHECKING:
    from steps.cluster import Cluster
    from steps.oci.access import Access

log = logging.getLogger("steps.image_trust")

CONFIGMAP: Final = "oc-mirror-image-trust"
"""The default; another name is one that somebody gave, so it must be there."""


def policy(cluster: Cluster, name: str, namespace: str) -> Policy | None:
    """Read the policy; None where the default ConfigMap is not there, and nothing is verified.

    Raises NotFoundError where another was named, InvalidInputError for one that cannot be used.
    """
    found = cluster.get("ConfigMap", name, namespace)
    if found:
        data, binary = found.get("data") or {}, found.get("binaryData") or {}
        return Policy.read(data, where=f"ConfigMap '{namespace}/{name}'", binary=sorted(binary))
    if name == CONFIGMAP:
        return None
    raise NotFoundError(
        f"image-trust: there is no ConfigMap '{name}' in namespace '{namespace}'",
        f"create it there: oc create configmap {name} -n {namespace} --from-file=FOLDER",
    )


def check(image: str, trusted: Policy | None, access: Access, *, revision: str = "") -> None:
    """Verify an image, given by digest, where there is a policy; say in the log what was found.

    Raises UntrustedError, RegistryError.
    """
    if trusted is None:
        log.info("%s: the signature is not looked at, for there is no ConfigMap %s", image, CONFIGMAP)
        return
    found = verify(image, trusted, replace(access, tls_verify=trusted.tls_verify), revision=revision)
    log.info("%s is %s", image, found)
