"""Run git within limits of time, memory and bytes. The only importer of `git`.

What a server sends can be any number of bytes, and may have no end. So each call has a time limit. After it
the whole process group ends, as git leaves the transfer to other programs. The kernel bounds each file that
git writes (ulimit -f); git keeps a transfer in one file (fetch.unpackLimit), so this bounds what it receives.
The kernel also bounds the memory of each process (ulimit -d).
"""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, BinaryIO, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import git

RECEIVED: Final = 512 << 20
"""Bytes of one transfer: a fleet's values are a few MB, but not every server can leave other files out."""
MEMORY: Final = 192 << 20
"""Bytes of each process: the Tasks that fetch have 256 MiB."""
ANSWER: Final = 32 << 20
"""Bytes of an answer that is kept: the branches and tags of the largest repositories are 10 MB."""
FETCH_SECONDS: Final = 600.0
SECONDS: Final = 120.0
"""The limit of every call but a transfer."""
_ERRORS: Final = 64 << 10

_SETTINGS: Final = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.bigFileThreshold=1m",  # larger files are hashed piece by piece, not in memory
    "core.deltaBaseCacheLimit=8m",
    "pack.threads=1",
    "fetch.unpackLimit=1",
    "transfer.bundleURI=false",  # a server could name any other one
    "fetch.recurseSubmodules=false",
    "submodule.recurse=false",
    "gc.auto=0",  # would outlive the call
    "maintenance.auto=false",
)
_OF_ANOTHER: Final = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
)
"""Variables by which git tells what it starts of its repository (`git rev-parse --local-env-vars`)."""
_LIMITED: Final = """trap '' XFSZ; ulimit -f "$1"; test "$2" = 0 || ulimit -d "$2"; unset $3
shift 3; exec "$@\""""
"""A shell sets the limits: code of ours between fork and exec could block on a lock of another thread.

Without the signal, the write fails, and git says so.
"""


class GitFailedError(Exception):
    """git ended with an error; `stderr` is what it said, or at least its end."""

    def __init__(self, stderr: str) -> None:
        """Remember what git said."""
        super().__init__(stderr)
        self.stderr = stderr


class GitTimeoutError(GitFailedError):
    """git did not end in time."""

    def __init__(self, stderr: str, seconds: float) -> None:
        """Remember the limit, too."""
        super().__init__(stderr)
        self.seconds = seconds


class GitAnswerError(GitFailedError):
    """git's answer has more bytes than we keep."""


@dataclass(frozen=True, slots=True)
class Git:
    """The program git in a folder, with the variables of `environment` beside our own.

    `settings` are options of configuration for every call, each NAME=VALUE. `local`: the server is a part of
    the call, on this machine, and so the memory has no limit.
    """

    folder: Path
    environment: Mapping[str, str]
    settings: tuple[str, ...] = ()
    local: bool = False

    def ask(self, *arguments: str, given: bytes = b"", seconds: float | None = None) -> str:
        """Run git to its end and return its output, as text that may have surrogates for what is no UTF-8.

        Raises GitFailedError, GitTimeoutError, or GitAnswerError above `ANSWER` bytes.
        """
        with self.start(*arguments, given=given, seconds=seconds) as output:
            answer = output.read(ANSWER + 1)
            if len(answer) > ANSWER:
                raise GitAnswerError(f"git {arguments[0]} answers with more than {ANSWER:,} bytes")
        return answer.decode(errors="surrogateescape")

    @contextmanager
    def start(self, *arguments: str, given: bytes = b"", seconds: float | None = None) -> Iterator[IO[bytes]]:
        """Start git with `given` as its input; give its output, and let nothing of it run on afterwards.

        Raises GitFailedError or GitTimeoutError on leaving, save where the caller's own error ends the call.
        """
        with cast("BinaryIO", tempfile.TemporaryFile()) as source:
            source.write(given)
            source.seek(0)
            running = _Running(self._child(source, arguments), seconds or SECONDS)
            try:
                yield running.output
                running.wait()
            finally:
                running.end()

    def _child(self, source: BinaryIO, arguments: tuple[str, ...]) -> git.Git.AutoInterrupt:
        import git

        blocks, kilobytes = RECEIVED // 512, 0 if self.local else MEMORY // 1024
        foreign = " ".join(name for name in _OF_ANOTHER if name not in self.environment)
        limited = ("sh", "-c", _LIMITED, "limited", str(blocks), str(kilobytes), foreign)
        settings = (part for setting in (*_SETTINGS, *self.settings) for part in ("-c", setting))
        program = git.Git(self.folder)
        program.update_environment(**self.environment)
        return program.execute(
            [*limited, "git", *settings, *arguments], source, as_process=True, start_new_session=True
        )


class _Running:
    """One call: a timer ends it, and a thread keeps the end of what it says of errors."""

    def __init__(self, child: git.Git.AutoInterrupt, seconds: float) -> None:
        self._child, self._seconds, self._late = child, seconds, False
        self._errors = b""
        self.output: IO[bytes] = child.stdout
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._timer = threading.Timer(seconds, self._expire)
        self._listener.start()
        self._timer.start()

    def wait(self) -> None:
        """Wait for a good end; what is left of the output is dropped. Raises GitFailedError."""
        while self.output.read(1 << 20):
            pass
        code = self._child.proc.wait() if self._child.proc else 0
        self._listener.join()
        said = self._errors.decode(errors="replace")
        if self._late:
            raise GitTimeoutError(said, self._seconds)
        if code < 0:
            raise GitFailedError(f"{said}\nfatal: git died of signal {-code}")
        if code:
            raise GitFailedError(said)

    def end(self) -> None:
        """End what is left of the process group."""
        self._timer.cancel()
        self._kill()
        self._child.proc.wait() if self._child.proc else None
        self._listener.join()
        self.output.close()
        self._child.stderr.close()

    def _expire(self) -> None:
        self._late = True
        self._kill()

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)

    def _listen(self) -> None:
        while part := self._child.stderr.read1(_ERRORS):
            self._errors = (self._errors + part)[-_ERRORS:]
