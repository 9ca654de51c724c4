"""The program oc-mirror: what it is called with, and one run of it.

The rules and their sources (files of openshift/oc-mirror, internal/pkg/):
* `--v2` literally: `--v2=true` does not count, and up to 4.20 v1 runs without it (cmd/oc-mirror/main.go).
* `--cache-dir` always, with OC_MIRROR_CACHE unset: both together are refused, neither means $HOME.
* `--remove-signatures` always where it exists, since its default has changed between versions; signatures are
  copied only with a folder of ours for `--registries.d` (see `registries_d`).
* a destination whose path holds one of oc-mirror's own folder names is refused (cli/executor.go, Validate).
"""

from __future__ import annotations

import logging
import os
import random
import shlex
import shutil
import socket
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from steps import process, units
from steps.errors import InvalidInputError, MirrorError
from steps.files import write_atomically
from steps.mirroring.deadline import OverdueError
from steps.mirroring.ocmirror import output, reasons
from steps.mirroring.ocmirror.output import Counter
from steps.mirroring.ocmirror.program import (
    POLICY,
    REGISTRIES_D,
    REMOVE_SIGNATURES,
    SECURE_POLICY,
    SIGNATURE_OPTIONS,
)
from steps.mirroring.ocmirror.registries_config import RegistriesConfig
from steps.oci.access import Access
from steps.parameters.value_kinds import OC_MIRROR_KEYWORDS, Signatures

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from datetime import date

    from steps.mirroring.ocmirror.program import Program

CACHE_PORTS = range(20000, 32000)
"""Below the ports of outgoing connections, which begin at 32768."""
DEFAULT_PORT = "55000"
"""oc-mirror's own."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to mirror, whatever is mirrored; `passed_on` are oc-mirror's arguments that the table of parameters
    says, each `--NAME=VALUE`. `signatures` is what is wished; from it comes, when a run begins, the folder
    `registries_d`, which says of which sources they are copied. Without it none are. `registries` is the
    user's own configuration.
    """

    authfile: Path | None = None
    ca_bundle: Path | None = None
    source_tls_verify: bool = True
    destination_tls_verify: bool = True
    signatures: Signatures = Signatures.AUTO
    registries_d: Path | None = None
    registries: RegistriesConfig = field(default_factory=RegistriesConfig)
    passed_on: tuple[str, ...] = ()

    @property
    def source(self) -> Access:
        """How we reach the registries that oc-mirror reads from."""
        return Access(self.authfile, self.ca_bundle, self.source_tls_verify)

    @property
    def destination(self) -> Access:
        """How we reach the registry that oc-mirror writes to."""
        return Access(self.authfile, self.ca_bundle, self.destination_tls_verify)


def check_options(options: Options, program: Program) -> None:
    """Refuse what a user asked for and this oc-mirror cannot do. Raises InvalidInputError."""
    for argument in options.passed_on:
        program.require(argument, f"the parameter {argument.partition('=')[0].removeprefix('--')}")
    if options.signatures is Signatures.ALL:
        for option in SIGNATURE_OPTIONS:
            program.require(option, "the parameter signatures=all")
    if options.registries.has_rules:
        program.require(REGISTRIES_D, "registries.d in registries-config")
    if options.registries.policy is not None:
        for option in (POLICY, SECURE_POLICY):
            program.require(option, "policy.json in registries-config")


def check_path(directory: Path) -> None:
    """Refuse a data directory that oc-mirror would refuse, in words that say what to do.

    Raises InvalidInputError with the word found.
    """
    for word in OC_MIRROR_KEYWORDS:
        if word in str(directory):
            raise InvalidInputError(
                f"the data directory {directory} contains '{word}', a name that oc-mirror keeps for itself",
                "mount or choose the directory under another path",
            )


def to_disk(
    options: Options,
    program: Program,
    *,
    imageset: Path,
    destination: Path,
    cache: Path,
    since: date | None,
    dry_run: bool,
) -> list[str]:
    """Arguments that archive what `imageset` names below `destination` (mirrorToDisk)."""
    source = [f"--src-tls-verify={_word(options.source_tls_verify)}"]
    if since is not None:
        source.append(f"--since={since.isoformat()}")
    policy = _policy(options, destination)
    return [*_common(options, program, imageset, cache, dry_run), *source, *policy, f"file://{destination}"]


def from_disk(
    options: Options,
    program: Program,
    *,
    imageset: Path,
    archives: Path,
    cache: Path,
    target: str,
    dry_run: bool,
) -> list[str]:
    """Arguments that push the archives in `archives` to `target` (diskToMirror); never with --since."""
    destination = f"--dest-tls-verify={_word(options.destination_tls_verify)}"
    common = _common(options, program, imageset, cache, dry_run)
    return [*common, destination, f"--from=file://{archives}", f"docker://{target}"]


def direct(
    options: Options,
    program: Program,
    *,
    imageset: Path,
    workspace: Path,
    cache: Path,
    target: str,
    dry_run: bool,
) -> list[str]:
    """Arguments that copy from registries to `target` (mirrorToMirror); never with --since."""
    return [
        *_common(options, program, imageset, cache, dry_run),
        f"--src-tls-verify={_word(options.source_tls_verify)}",
        f"--dest-tls-verify={_word(options.destination_tls_verify)}",
        *_policy(options, workspace),
        f"--workspace=file://{workspace}",
        f"docker://{target}",
    ]


def _policy(options: Options, folder: Path) -> list[str]:
    """Return the arguments for a user's policy; from disk none, since what is in an archive was verified."""
    if options.registries.policy is None:
        return []
    return [f"{POLICY}={folder / 'policy.json'}", f"{SECURE_POLICY}=true"]


def cache_port(is_free: Callable[[int], bool], choose: Callable[[range], int]) -> list[str]:
    """Return the argument for the port of oc-mirror's cache, a registry: a free port, likely to stay free.

    Its own default is taken by any other oc-mirror on the machine, and lies in the range that Linux takes for
    outgoing connections (ip(7), ip_local_port_range), while oc-mirror binds it only after it has made some.
    It means it as a guard of the cache, which we guard by a lock. None where no port is found free.
    """
    chosen = next((port for _attempt in range(100) if is_free(port := choose(CACHE_PORTS))), None)
    return [] if chosen is None else [f"--port={chosen}"]


def environment(base: Mapping[str, str], options: Options) -> dict[str, str]:
    """Return oc-mirror's environment: ours without what contradicts the arguments, with the extra CA.

    Go reads SSL_CERT_FILE beside the system's certificate folders, so public registries stay trusted.
    """
    changed = {name: value for name, value in base.items() if name != "OC_MIRROR_CACHE"}
    if options.ca_bundle is not None:
        changed["SSL_CERT_FILE"] = str(options.ca_bundle)
    return changed


def _common(options: Options, program: Program, imageset: Path, cache: Path, dry_run: bool) -> list[str]:
    arguments = ["--v2", f"--config={imageset}", f"--cache-dir={cache}"]
    if not any(argument.startswith("--log-level=") for argument in options.passed_on):
        arguments.append("--log-level=info")  # what is read from it is said at this level
    if options.authfile is not None:
        arguments.append(f"--authfile={options.authfile}")
    if program.has(REMOVE_SIGNATURES):
        arguments.append(f"{REMOVE_SIGNATURES}={_word(options.registries_d is None)}")
    if options.registries_d is not None:
        arguments.append(f"{REGISTRIES_D}={options.registries_d}")
    arguments += options.passed_on
    if dry_run:
        arguments.append("--dry-run")
    return arguments


def _word(value: bool) -> str:
    return "true" if value else "false"


@dataclass(frozen=True, slots=True, kw_only=True)
class OcMirror:
    """oc-mirror as it is installed here; `locks` are the descriptors of the locks that it inherits.

    `watch` makes what is entered while oc-mirror runs with the counter of its images, unless it runs quietly.
    """

    program: Program
    options: Options
    locks: tuple[int, ...] = ()
    watch: Callable[[Counter], AbstractContextManager[None]] = lambda _counter: nullcontext()

    def run(self, arguments: list[str], *, working_dir: Path, quietly: bool = False) -> output.Reading:
        """Run it to its end and return what it said; `working_dir` is where it keeps its error lists.

        `quietly` keeps its words out of the log. Raises MirrorError if anything that was asked was not done.
        """
        level = logging.DEBUG if quietly else logging.INFO
        # An earlier run's files: those of other ports stay for ever, and two that name the same are an error.
        shutil.rmtree(working_dir / "containers" / "registries.d", ignore_errors=True)
        reading = output.Reading()
        earlier = _error_lists(working_dir)
        arguments = [*cache_port(_is_free, random.choice), *arguments]
        _write_policy(self.options.registries, arguments)
        log.log(level, "running oc-mirror %s", shlex.join(arguments))
        with ExitStack() as around:
            counter = Counter() if quietly else around.enter_context(output.shown())
            if not quietly:
                around.enter_context(self.watch(counter))

            def take_in(line: str) -> None:
                text = reading.feed(line)
                counter.see(text)
                log.log(level if quietly else output.level_of(text), "%s", text)

            try:
                exit_code = process.stream(
                    [self.program.executable, *arguments],
                    each_line=take_in,
                    environment=environment(os.environ, self.options),
                    keep_open=self.locks,
                )
            except OverdueError as late:
                late.doing = reading.last_words
                raise
        for path, _written in _error_lists(working_dir) - earlier:
            reading.note_failures(path.read_text(errors="replace").splitlines())
        try:
            output.check(exit_code, reading)
        except MirrorError as error:
            # oc-mirror's cache then answers "500 Internal Server Error", which points the wrong way.
            if full := _full_volume(working_dir.parent, arguments):
                raise reasons.error(f"{error.reason}; {full}", reasons.DISK_FULL) from error
            raise
        return reading


def _write_policy(registries: RegistriesConfig, arguments: list[str]) -> None:
    """Write the policy that a run is given: the user's, by which its cache at a new port may be read."""
    values = dict(one.split("=", 1) for one in arguments if "=" in one)
    if path := values.get(POLICY):
        port = values.get("--port", DEFAULT_PORT)
        write_atomically(Path(path), registries.policy_for(f"localhost:{port}"))


def _full_volume(data: Path, arguments: list[str]) -> str:
    """Return which volume of the run is full, in words; empty where none is."""
    cache = next(one.partition("=")[2] for one in arguments if one.startswith("--cache-dir="))
    for what, folder in (("data volume", data), (f"volume of the cache {cache}", Path(cache))):
        usage = shutil.disk_usage(folder) if folder.is_dir() else None
        if usage and usage.free <= usage.total / 100:
            return f"the {what} is full ({units.size(usage.free)} free)"
    return ""


def _is_free(port: int) -> bool:
    """Bind as oc-mirror's cache will, on all addresses, and let go."""
    try:
        socket.create_server(("", port), reuse_port=False).close()
    except OSError:
        return False
    return True


def _error_lists(working_dir: Path) -> set[tuple[Path, int]]:
    """oc-mirror's lists of failed images and when each was written; before 4.20 they share one name."""
    return {(path, path.stat().st_mtime_ns) for path in (working_dir / "logs").glob("mirroring_errors_*.txt")}
