"""What a run needs, checked before it starts: in seconds here, not hours later in oc-mirror's words."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from steps import process
from steps.errors import InvalidInputError, NotFoundError, StepError
from steps.mirroring.checks import reach, space
from steps.mirroring.ocmirror import command, imageset_file
from steps.mirroring.ocmirror.runner import OcMirror
from steps.mirroring.request import DIRECT, FROM_DISK

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from steps.imageset.imageset import ImageSet
    from steps.mirroring.request import Request
    from steps.mirroring.store import Store

_Subject = TypeVar("_Subject")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What the check found: oc-mirror, and the ImageSet."""

    oc_mirror: OcMirror
    imageset: ImageSet | None

    @property
    def summary(self) -> str:
        """The answer to `--check`."""
        what = "" if self.imageset is None else f", ImageSet {self.imageset.name}"
        version = self.oc_mirror.version.text
        return f"ready: oc-mirror {version}{what}, pull secret and data directory are usable"


def check(request: Request, store: Store) -> Ready:
    """Check everything that a run of `request` needs, and write nothing that stays.

    Raises the StepError of the first thing that is missing or unusable.
    """
    if request.workflow != DIRECT:
        command.check_path(store.root)
    imageset = None if request.imageset is None else imageset_file.read(request.imageset)
    check_authfile(request.options.authfile)
    if imageset is not None and request.workflow != FROM_DISK:
        reach.check_coverage(request.options.authfile, imageset.mirror)
    check_writable(store.root)
    space.check_files(store.root)
    store.history.written()
    executable = find(request.oc_mirror)
    environment = command.environment(os.environ, request.options)
    answer = process.ask([executable, "version", "--output", "json"], environment=environment)
    version = command.parse_version(answer.output or answer.errors)
    oc_mirror = OcMirror(executable=executable, version=version, options=request.options)
    return Ready(oc_mirror=oc_mirror, imageset=imageset)


def check_target(request: Request, store: Store, imageset: ImageSet | None) -> None:
    """Check that the target of a run that writes to one answers and lets us write. Raises RegistryError."""
    if request.workflow in {FROM_DISK, DIRECT} and not request.dry_run:
        reach.check_target(request, store, None if imageset is None else imageset.mirror)


def problems(request: Request) -> list[str]:
    """What keeps a run from starting, one line each; empty if nothing does. Quick enough for a probe."""
    found = []
    if request.imageset is not None:
        found.append(_reason(imageset_file.read, request.imageset))
    found.append(_reason(check_authfile, request.options.authfile))
    found.append(_reason(check_writable, request.data.absolute()))
    found.append(_reason(find, request.oc_mirror))
    return [reason for reason in found if reason]


def find(oc_mirror: str) -> str:
    """The executable's full path. Raises NotFoundError."""
    executable = shutil.which(oc_mirror)
    if executable is None:
        raise NotFoundError(
            f"the program '{oc_mirror}' was not found" + ("" if "/" in oc_mirror else " on PATH"),
            "install oc-mirror, or name it with --oc-mirror; the project's image has it",
        )
    return executable


def check_authfile(path: Path | None) -> None:
    """See that the pull secret is one. Raises NotFoundError or InvalidInputError; never shows its content."""
    if path is None:
        return
    hint = "the secret is of type kubernetes.io/dockerconfigjson, its key .dockerconfigjson: {'auths': {…}}"
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise NotFoundError(f"no pull secret at {path}", "create the secret, or mount it there") from None
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is not JSON"
        raise InvalidInputError(f"pull secret {path} cannot be read: {what}", hint) from None
    if not isinstance(document, dict) or not isinstance(document.get("auths"), dict):
        raise InvalidInputError(f"pull secret {path} has no 'auths' mapping", hint)


def check_writable(directory: Path) -> None:
    """See that `directory` can be made and written to. Raises InvalidInputError."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory) as probe:
            probe.write(b"\0" * 4096)
    except OSError as error:
        raise InvalidInputError(
            f"the data directory {directory} cannot be written: {error.strerror}",
            f"give it a writable volume with free space; this process runs as UID {os.getuid()}"
            " and needs the volume's group (fsGroup)",
        ) from error


def _reason(check_one: Callable[[_Subject], object], subject: _Subject) -> str:
    try:
        check_one(subject)
    except StepError as error:
        return error.reason
    return ""
