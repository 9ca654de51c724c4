"""Try out the image that this runs in: every command of ours starts, and so do oc-mirror and git.

The build pipeline runs it in the image just built, with a UID that the image does not know and a read-only
root, as the workload will run; only an image that passes is recorded.
"""

from __future__ import annotations

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps import cli
from steps.errors import NotFoundError, StartError
from steps.parameters import arguments
from steps.parameters.places import SMOKE
from steps.process import ask

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger("steps.smoke_test_image")

RESULTS = ("commands",)
DISTRIBUTION = "oc-mirror-pipeline"
PATIENCE = 60.0  # seconds for one command


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Parsed arguments."""

    results: dict[str, Path | None]


def parse(argv: list[str]) -> Inputs:
    """Parse the arguments. Raises `UsageError`."""
    return Inputs(results=arguments.parse(SMOKE, argv, __doc__, results=RESULTS).results)


def commands() -> list[list[str]]:
    """Return every command of the installed package with `--help`, then the programs that they drive."""
    from importlib.metadata import entry_points

    ours = [
        point.name
        for point in entry_points(group="console_scripts")
        if point.dist and point.dist.name == DISTRIBUTION
    ]
    return [*([name, "--help"] for name in sorted(ours)), ["git", "--version"], ["oc-mirror", "version"]]


def run(_given: Inputs) -> dict[str, str]:
    """Run them all and return the results. Raises StartError that names each one that failed."""
    wanted = commands()
    read_only = bool(os.statvfs("/").f_flag & os.ST_RDONLY)
    log.info("UID %d, root file system %s.", os.getuid(), "read-only" if read_only else "writable")
    with ThreadPoolExecutor(max_workers=4) as pool:
        failures = [failure for failure in pool.map(_failure, wanted) if failure]
    if failures:
        raise StartError(
            f"the image does not work: {'; '.join(failures)}",
            "correct the source and build again; the image recorded before stays in use",
        )
    log.info("All %d commands start.", len(wanted))
    return {"commands": str(len(wanted))}


def _failure(command: list[str]) -> str:
    """Return in one line what is wrong with a command, or an empty text."""
    shown = " ".join(command)
    try:
        answer = ask(command, environment=os.environ, timeout=PATIENCE)
    except NotFoundError as error:
        return error.reason
    if answer.exit_code:
        said = (answer.errors or answer.output).strip().splitlines() or ["no message"]
        return f"'{shown}' ends with exit code {answer.exit_code} ({said[-1]})"
    if command[1:] == ["--help"] and not answer.output.startswith(f"usage: {command[0]}"):
        return f"'{shown}' does not show its usage"
    log.info("%s: %s", shown, (answer.output.strip().splitlines() or [""])[0])
    return ""


main = cli.task_entrypoint(parse, run)
