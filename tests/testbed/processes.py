"""Commands that end, and daemons that outlive the process that started them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.testbed.layout import LOGS, REPOSITORY, RUN, TestbedError

if TYPE_CHECKING:
    from collections.abc import Mapping


def run(
    *argv: str | Path,
    stdin: str | None = None,
    check: bool = True,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; a failure carries the command's own words."""
    command = [str(part) for part in argv]
    done = subprocess.run(
        command,
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(env or {})},
        cwd=cwd,
        timeout=timeout,
    )
    if check and done.returncode:
        said = (done.stderr or done.stdout).strip()[-2000:]
        raise TestbedError(f"{' '.join(command[:6])}: exit code {done.returncode}\n{said}")
    return done


@dataclass(frozen=True)
class Daemon:
    """A background program, recorded by pid and start time so that a reused pid is never mistaken for it."""

    name: str
    argv: list[str]
    env: dict[str, str] = field(default_factory=dict)

    @property
    def record(self) -> Path:
        """The file that remembers the running process."""
        return RUN / f"{self.name}.json"

    @property
    def log(self) -> Path:
        """What the program prints; kept over restarts."""
        return LOGS / f"{self.name}.log"

    @staticmethod
    def load(name: str) -> Daemon:
        """The daemon as it was last started, by whichever process."""
        saved = json.loads((RUN / f"{name}.json").read_text())
        return Daemon(name, saved["argv"], saved["env"])

    def start(self) -> None:
        """Start in a session of its own, so that a Ctrl-C at the tests does not reach it."""
        self.record.parent.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **self.env},
                cwd=REPOSITORY,  # `python -m tests.testbed` is found from there alone
            )
        process.returncode = 0  # it outlives us on purpose: Popen must not warn that nobody waited
        saved = {"pid": process.pid, "started": _started(process.pid), "argv": self.argv, "env": self.env}
        self.record.write_text(json.dumps(saved))

    @property
    def pid(self) -> int | None:
        """The process id while the recorded process lives."""
        try:
            saved = json.loads(self.record.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        pid = int(saved["pid"])
        return pid if saved["started"] and _started(pid) == saved["started"] else None

    def stop(self, *, timeout: float = 10, how: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end, and make it after `timeout` seconds."""
        pid = self.pid
        if pid is not None:
            os.kill(pid, how)
            deadline = time.monotonic() + timeout
            while self.pid is not None:
                if time.monotonic() > deadline:
                    os.kill(pid, signal.SIGKILL)
                    deadline += timeout
                time.sleep(0.05)
        self.record.unlink(missing_ok=True)


def running() -> list[Daemon]:
    """Every recorded daemon, dead or alive."""
    return [Daemon.load(path.stem) for path in sorted(RUN.glob("*.json"))]


def _started(pid: int) -> str:
    """The kernel's start time of a process, '' once it is gone or only waits to be reaped."""
    process = Path(f"/proc/{pid}")
    try:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        # A first thread that has ended looks like that while others still hold the process's sockets.
        ended = fields[0] == "Z" and len(list((process / "task").iterdir())) <= 1
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if ended else fields[19]
