"""What a run needs, checked before it starts: in seconds here, not hours later in oc-mirror's words.

Only what would fail for certain is an error; the rest is oc-mirror's to find out.
"""

from __future__ import annotations

import gzip
import logging
import os
import shutil
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from steps import units
from steps.bounded import json_of
from steps.errors import ConflictError, InvalidInputError, NotFoundError, RegistryError, StepError
from steps.files import UNFINISHED
from steps.imageset.imageset import ImageSet
from steps.mirroring.checks import acceptance, carried, space, takes_signatures, volume, vouching
from steps.mirroring.ocmirror import command, placement, program
from steps.mirroring.ocmirror.command import OcMirror
from steps.mirroring.ocmirror.platforms import Platforms
from steps.mirroring.request import DIRECT, FROM_DISK, TO_DISK
from steps.oci.auth import LARGEST, Logins
from steps.oci.failures import AbsentError, BusyError, RefusedError
from steps.oci.reference import Reference
from steps.parameters.table.content import IMAGESET_SHA256

if TYPE_CHECKING:
    from collections.abc import Callable

    from steps.imageset.model import Mirror
    from steps.mirroring.request import Request
    from steps.mirroring.store import Store
    from steps.oci.registry import Repository

_Subject = TypeVar("_Subject")
log = logging.getLogger(__name__)
CLOSED: Final = frozenset({"registry.redhat.io", "registry.connect.redhat.com"})
"""Registries that give nothing to the anonymous (access.redhat.com/RegistryAuthentication)."""
LARGEST_IMAGESET: Final = 64 * 1024 * 1024
"""Bytes of an ImageSet, unpacked."""
PATIENCE: Final = 30.0
"""Seconds for a target to answer, its retries included."""
_ARCHITECTURES: Final = ("linux/s390x", "linux/ppc64le", "linux/arm64", "linux/amd64")
_AUTHFILE: Final = (
    "the secret is of type kubernetes.io/dockerconfigjson, its key .dockerconfigjson: {'auths': {…}}"
)
_CERTIFICATES: Final = ("/etc/containers/certs.d", "/etc/docker/certs.d")
"""Where containers/image looks for CAs of one registry (containers-certs.d(5)); we do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What the check found: oc-mirror, and the ImageSet."""

    oc_mirror: OcMirror
    imageset: ImageSet | None

    @property
    def summary(self) -> str:
        """The answer to `--check`."""
        what = "" if self.imageset is None else f", ImageSet {self.imageset.name}"
        version = self.oc_mirror.program.version
        return f"ready: oc-mirror {version}{what}, pull secret and data directory are usable"


def check(request: Request, store: Store) -> Ready:
    """Check everything that a run of `request` needs, and write nothing that stays.

    Raises the StepError of the first thing that is missing or unusable.
    """
    if request.workflow != DIRECT:
        command.check_path(store.root)
    imageset = None if request.imageset is None else read_imageset(request.imageset)
    if imageset is not None and request.workflow in {TO_DISK, DIRECT}:
        _check_same(imageset, request.values[IMAGESET_SHA256])
    check_authfile(request.options.authfile)
    check_keys(request)
    acceptance.keys_of(request)
    if imageset is not None and request.workflow != FROM_DISK:
        check_coverage(request.options.authfile, imageset.mirror)
    if imageset is not None and request.workflow == TO_DISK:
        carried.check(imageset.mirror)
    check_writable(store.root)
    volume.check(store.root, links=request.workflow == FROM_DISK)
    volume.warn_of_local_locks(store.root)
    space.check_files(store.root)
    if store.cache_is_apart:
        check_writable(store.cache.folder, "the folder of the cache")
        space.check_files(store.cache.folder)
    store.history.written()
    environment = command.environment(os.environ, request.options)
    found = program.inspect(find(request.oc_mirror), environment)
    command.check_options(request.options, found)
    return Ready(oc_mirror=OcMirror(program=found, options=request.options), imageset=imageset)


def _check_same(imageset: ImageSet, sha256: str | None) -> None:
    """Check that an ImageSet is the one that was asked for. Raises ConflictError."""
    if sha256 and imageset.sha256 != sha256:
        raise ConflictError(
            f"{imageset.name} is not the ImageSet of this run: it has the sha256 {imageset.sha256[:12]}…, not"
            f" {sha256[:12]}…",
            "in a pod: another run of the pipeline has replaced ConfigMap oc-mirror-config before this Job"
            " began; start this run again when the other's Job has ended",
        )


def check_target(request: Request, store: Store, ready: Ready) -> None:
    """Check that the target of a run that writes to one answers and lets us write. Raises RegistryError."""
    if request.workflow in {FROM_DISK, DIRECT} and not request.dry_run:
        _check_push(request, store, ready)


def problems(request: Request) -> list[str]:
    """Return what keeps a run from starting, a line each; empty if nothing does. Quick enough for a probe."""
    found = []
    if request.imageset is not None:
        found.append(_reason(read_imageset, request.imageset))
    found.append(_reason(check_authfile, request.options.authfile))
    found.append(_reason(check_keys, request))
    found.append(_reason(check_writable, request.data.absolute()))
    found.append(_reason(find, request.oc_mirror))
    return [reason for reason in found if reason]


def find(oc_mirror: str) -> str:
    """Return the executable's full path. Raises NotFoundError."""
    executable = shutil.which(oc_mirror)
    if executable is None:
        raise NotFoundError(
            f"the program '{oc_mirror}' was not found" + ("" if "/" in oc_mirror else " on PATH"),
            "install oc-mirror, or name it with --oc-mirror; the project's image has it",
        )
    return executable


def check_authfile(path: Path | None) -> None:
    """Check the pull secret's form. Raises NotFoundError or InvalidInputError; never shows its content."""
    if path is None:
        return
    try:
        Logins.parse(_read_authfile(path))
    except InvalidInputError as error:
        raise InvalidInputError(f"pull secret {path}: {error.reason}", _AUTHFILE) from None


def _read_authfile(path: Path) -> Any:
    try:
        with path.open("rb") as stream:
            return json_of(stream.read(LARGEST + 1), limit=LARGEST)
    except FileNotFoundError:
        raise NotFoundError(f"no pull secret at {path}", "create the secret, or mount it there") from None
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else error
        raise InvalidInputError(f"it cannot be read: {what}", _AUTHFILE) from None


def check_keys(request: Request) -> None:
    """Check the keys that sign and that are trusted. Raises NotFoundError, InvalidInputError.

    None is ever shown.
    """
    vouching.signing_key(request)
    vouching.warn_of_readers(request)
    vouching.trusted_keys(request)


def check_writable(directory: Path, what: str = "the data directory") -> None:
    """Check that `directory` can be made and written to. Raises InvalidInputError."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory, prefix=".probe.", suffix=UNFINISHED) as probe:
            probe.write(b"\0" * 4096)
    except OSError as error:
        raise InvalidInputError(
            f"{what} {directory} cannot be written: {error.strerror}",
            f"give it a writable volume with free space; this process runs as UID {os.getuid()}"
            " and needs the volume's group (fsGroup)",
        ) from error


def _reason(check_one: Callable[[_Subject], object], subject: _Subject) -> str:
    try:
        check_one(subject)
    except StepError as error:
        return error.reason
    return ""


def check_coverage(authfile: Path | None, mirror: Mirror) -> None:
    """Check that the pull secret has a login for what the ImageSet names, and one that oc-mirror can use.

    Without `authfile` oc-mirror looks in several places, and a registries.conf may lead it elsewhere; then
    nothing is said. Raises InvalidInputError for registries that certainly want a login; warns of others.
    """
    if authfile is None or "CONTAINERS_REGISTRIES_CONF" in os.environ:
        return
    logins = Logins.read(authfile)
    images = [image.asked_for for image in placement.named(mirror)]
    for image in images:
        _check_usable(authfile, logins, image)
    bare = [image for image in images if not _has_login(logins, image)]
    if lacking := sorted({image.registry for image in bare if image.registry in CLOSED}):
        names = ", ".join(image.name for image in bare if image.registry in CLOSED)
        raise InvalidInputError(
            f"pull secret {authfile} has no login for {' and '.join(lacking)}, which {names} needs",
            f"add one (podman login --authfile FILE {lacking[0]}), or take the whole pull secret from"
            " console.redhat.com/openshift/install/pull-secret",
        )
    for host in sorted({image.registry for image in bare}):
        log.warning("the pull secret has no login for %s: it is read without one", host)


def _check_usable(authfile: Path | None, logins: Logins, image: Reference) -> None:
    """Refuse an entry of the pull secret that oc-mirror would not read, or fail with."""
    if reason := logins.unusable(image.name):
        raise InvalidInputError(
            f"pull secret {authfile} has no login for {image.registry} that oc-mirror can use: {reason}",
            f"write one that it can (podman login --authfile FILE {image.registry})",
        )


def _check_push(request: Request, store: Store, ready: Ready) -> None:
    """Check that the target answers and lets us write, by an upload that is begun and cancelled.

    It is begun in a repository that the run would write to anyway. Raises RegistryError and its kinds, with
    the registry's name; UnreachableError and BusyError may pass.
    """
    target, host = request.target_registry, request.target_registry.partition("/")[0]
    mirror = _pushed(request, store, ready.imageset)
    place = placement.first_place(mirror) if mirror else None
    if mirror is None or place is None:
        return
    path, options = request.nesting.join(place), request.options
    if options.authfile is not None:
        _check_usable(options.authfile, Logins.read(options.authfile), Reference.parse(f"{target}/{path}"))
    with options.destination.within(PATIENCE).open(f"{target}/{path}") as repository:
        try:
            repository.check_writable()
            if platforms := Platforms.of(mirror):
                _check_sparse(repository, target, platforms)
            takes_signatures.check(repository, request, ready.oc_mirror.program, mirror)
        except RefusedError as error:
            if options.authfile is None:  # oc-mirror then looks in places of its own
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


def _check_sparse(repository: Repository, target: str, platforms: Platforms) -> None:
    """Check that the target takes an index without some of its platforms. Raises RegistryError."""
    missing = next((one for one in _ARCHITECTURES if one not in platforms.all), "linux/none")
    if not repository.takes_sparse(min(platforms.all), missing):
        raise RegistryError(
            f"{target} refuses an index with platforms that are not there, and 'platforms' in the ImageSet"
            " makes such",
            "remove 'platforms' from the ImageSet, or use a registry that takes them (docker-registry from"
            " version 3 on, with validation.manifests.indexes.platforms: none)",
        )


def _pushed(request: Request, store: Store, imageset: ImageSet | None) -> Mirror | None:
    """Return what a run pushes by: from disk the newest generation's own ImageSet."""
    if request.workflow != FROM_DISK:
        return imageset.mirror if imageset else None
    try:
        newest = store.generations.newest_imageset()
    except InvalidInputError:  # damaged; the check of its hash says so
        return None
    return newest.mirror if newest else None


def _has_login(logins: Logins, reference: Reference) -> bool:
    if reference.registry in logins.helpers:
        return True
    found = logins.matching(reference.name)
    return bool(found and logins.entries[found])


def _has_certificates(host: str) -> bool:
    return any(Path(folder, host).is_dir() for folder in _CERTIFICATES)


def read_imageset(path: Path) -> ImageSet:
    """Read `path`, or `path.gz` beside it: what exceeds a ConfigMap's 1 MiB is stored compressed.

    Raises NotFoundError if neither is there, InvalidInputError with all that `ImageSet.parse` finds.
    """
    packed = path.with_name(path.name + ".gz")
    try:
        with path.open("rb") if path.is_file() else gzip.open(packed) as stream:
            content = stream.read(LARGEST_IMAGESET + 1)
    except FileNotFoundError:
        raise NotFoundError(
            f"no ImageSet at {path}, nor {packed.name} beside it",
            "name the file with --imageset; in a pod it comes from ConfigMap oc-mirror-config",
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInputError(
            f"ImageSet {path} cannot be read: {error}", "write the file again, readable for this process"
        ) from error
    if len(content) > LARGEST_IMAGESET:
        raise InvalidInputError(
            f"ImageSet {path} has more than {units.size(LARGEST_IMAGESET)}", "name another file by --imageset"
        )
    return ImageSet.parse(content, str(path))
