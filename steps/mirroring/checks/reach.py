"""Registries looked at before a run: does the pull secret cover what is named, does the target let us write.

Only what would fail for certain is an error; the rest is oc-mirror's to find out.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from steps.errors import InvalidInputError, RegistryError
from steps.mirroring.ocmirror import references
from steps.mirroring.request import FROM_DISK
from steps.oci.auth import key, longest_match
from steps.oci.failures import AbsentError, BusyError, RefusedError

if TYPE_CHECKING:
    from steps.imageset.model import Mirror
    from steps.mirroring.request import Request
    from steps.mirroring.store import Store
    from steps.oci.reference import Reference

log = logging.getLogger(__name__)

CLOSED: Final = frozenset({"registry.redhat.io", "registry.connect.redhat.com"})
"""Registries that give nothing to the anonymous (access.redhat.com/RegistryAuthentication)."""
PATIENCE: Final = 30.0
"""Seconds for a target to answer, its retries included."""
_CERTIFICATES: Final = ("/etc/containers/certs.d", "/etc/docker/certs.d")
"""Where containers/image looks for CAs of one registry (containers-certs.d(5)); we do not."""


def check_coverage(authfile: Path | None, mirror: Mirror) -> None:
    """See that the pull secret has a login for what the ImageSet names, by the longest path that matches.

    Without `authfile` oc-mirror looks in several places, and a registries.conf may lead it elsewhere; then
    nothing is said. Raises InvalidInputError for registries that certainly want a login; warns of others.
    """
    if authfile is None or "CONTAINERS_REGISTRIES_CONF" in os.environ:
        return
    document = json.loads(authfile.read_bytes())
    if document.get("credsStore"):
        return
    bare = [image for image in references.named(mirror) if not _has_login(document, image)]
    if lacking := sorted({image.registry for image in bare if image.registry in CLOSED}):
        names = ", ".join(image.name for image in bare if image.registry in CLOSED)
        raise InvalidInputError(
            f"pull secret {authfile} has no login for {' and '.join(lacking)}, which {names} needs",
            f"add one (podman login --authfile FILE {lacking[0]}), or take the whole pull secret from"
            " console.redhat.com/openshift/install/pull-secret",
        )
    for host in sorted({one.registry for one in bare}):
        log.warning("the pull secret has no login for %s: it is read without one", host)


def check_target(request: Request, store: Store, mirror: Mirror | None) -> None:
    """See that the target answers and lets us write, by an upload that is begun and cancelled.

    It is begun in a repository that the run would write to anyway. Raises RegistryError and its kinds, with
    the registry's name; UnreachableError and BusyError may pass.
    """
    target, host = request.target_registry, request.target_registry.partition("/")[0]
    path = _place(request, store, mirror)
    if path is None:
        return
    options = request.options
    with options.destination.within(PATIENCE).open(f"{target}/{path}") as repository:
        try:
            repository.check_writable()
        except RefusedError as error:
            if _helped(options.authfile):
                return
            raise RefusedError(
                error.reason,
                f"give the pull secret a login for {host} that may push to {target}",
            ) from error
        except AbsentError as error:
            raise AbsentError(
                f"{host} has no place for {target}/{path} (HTTP 404)",
                "create the organisation or project there first, or correct target-registry",
            ) from error
        except BusyError:
            raise
        except RegistryError as error:
            if "certificate" in error.reason and _has_certificates(host):
                log.warning("%s by us; oc-mirror has certificates of its own for it", error.reason)
                return
            raise


def _place(request: Request, store: Store, mirror: Mirror | None) -> str | None:
    if request.workflow == FROM_DISK:
        try:
            newest = store.generations.newest_imageset()
        except InvalidInputError:  # damaged; the check of its hash says so
            return None
        mirror = newest.mirror if newest else None
    return references.first_place(mirror) if mirror else None


def _helped(authfile: Path | None) -> bool:
    """Whether logins come from elsewhere too: helpers, or the files where oc-mirror looks without ours."""
    if authfile is None:
        return True
    document = json.loads(authfile.read_bytes())
    return bool(document.get("credsStore") or document.get("credHelpers"))


def _has_login(document: dict[str, Any], reference: Reference) -> bool:
    if reference.registry in (document.get("credHelpers") or {}):
        return True
    known = {key(name) for name, entry in document["auths"].items() if entry}
    return bool(longest_match(known, reference.name))


def _has_certificates(host: str) -> bool:
    return any(Path(folder, host).is_dir() for folder in _CERTIFICATES)
