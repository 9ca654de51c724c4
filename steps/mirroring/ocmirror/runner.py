"""One run of oc-mirror: started with the lock, its output passed on as it comes, its end understood."""

from __future__ import annotations

import logging
import os
import random
import shlex
import shutil
import socket
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps import process, units
from steps.errors import MirrorError
from steps.mirroring.ocmirror import command, outcome, progress, reasons
from steps.mirroring.ocmirror.progress import Counter

if TYPE_CHECKING:
    from pathlib import Path

    from steps.mirroring.ocmirror.command import Options, Version

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class OcMirror:
    """oc-mirror as it is installed here; `lock` is the descriptor of the lock that it inherits."""

    executable: str
    version: Version
    options: Options
    lock: int | None = None

    def run(self, arguments: list[str], *, working_dir: Path, quietly: bool = False) -> outcome.Reading:
        """Run it to its end and return what it said; `working_dir` is where it keeps its error lists.

        `quietly` keeps its words out of the log. Raises MirrorError if anything that was asked was not done.
        """
        level = logging.DEBUG if quietly else logging.INFO
        reading = outcome.Reading()
        earlier = _error_lists(working_dir)
        arguments = [*command.cache_port(_is_free, random.choice), *arguments]
        log.log(level, "running oc-mirror %s", shlex.join(arguments))
        with nullcontext(Counter()) if quietly else progress.shown() as counter:

            def take_in(line: str) -> None:
                text = reading.feed(line)
                counter.see(text)
                log.log(level, "%s", text)

            exit_code = process.stream(
                [self.executable, *arguments],
                each_line=take_in,
                environment=command.environment(os.environ, self.options),
                keep_open=[] if self.lock is None else [self.lock],
            )
        for path, _written in _error_lists(working_dir) - earlier:
            reading.note_failures(path.read_text(errors="replace").splitlines())
        try:
            outcome.check(exit_code, reading)
        except MirrorError as error:
            usage = shutil.disk_usage(working_dir.parent)
            if usage.free > usage.total / 100:
                raise
            # oc-mirror's cache then answers "500 Internal Server Error", which points the wrong way.
            full = f"the data volume is full ({units.size(usage.free)} free)"
            raise reasons.error(f"{error.reason}; {full}", reasons.DISK_FULL) from error
        return reading


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
