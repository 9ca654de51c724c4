"""Runs `mirror` and lets its Nth call of the file system be its last one, or fail.

    main([MODE, N, FILE, FOLDER[:FOLDER…], ARGUMENT…])

For a process of its own (see `apart`): an audit hook stays as long as the process does. MODE is `kill`
(the process ends before the Nth call as by SIGKILL: no `finally`, no flush) or the name of an errno, such as
ENOSPC (the Nth call fails with it). With N = 0 nothing goes wrong. FILE gets the number of calls of a run
that was not killed. Calls count that touch a path below a FOLDER; for `kill` only those that change
something, since before a call that only reads all is as it was before. At an fsync the content is cut by half
before the end comes: that is what a kill between two writes leaves.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
from pathlib import Path
from typing import Any

from steps.mirror import main as mirror

BY_FOLDER = {"os.chmod", "os.mkdir", "os.remove", "os.rename", "os.rmdir"}
"""Their last argument is a folder's descriptor, by which rmtree names files; -1 where there is none."""
CHANGING = {*BY_FOLDER, "os.link", "os.symlink", "os.truncate", "os.utime"}
READING = {"os.listdir", "os.scandir"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
KILL = "kill"
KILLED = 137
"""The exit code of a kill, as a shell names it."""


class Faults:
    """Counts calls and lets one of them go wrong."""

    def __init__(self, mode: str, number: int, folders: list[str]) -> None:
        """Let the call `number` below `folders` go wrong as `mode` says."""
        self.mode, self.number, self.folders = mode, number, folders
        self.calls = 0
        self._lock = threading.Lock()
        self._fsync = os.fsync

    def install(self) -> None:
        """Begin to count. An audit hook stays as long as the process does."""
        sys.addaudithook(self._audit)
        os.fsync = self._synced  # type: ignore[assignment]

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in CHANGING or event in READING:
            path = arguments[event in {"os.link", "os.symlink"}]
            if self._below(path) or (event in BY_FOLDER and arguments[-1] not in {-1, None}):
                self._call(event, path, changes=event in CHANGING)
        elif event == "open" and self._below(arguments[0]):
            self._call(event, arguments[0], changes=bool(arguments[2] & WRITING))

    def _synced(self, descriptor: int) -> None:
        path = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115 - as above
        if self._below(path):
            self._call("fsync", path, changes=True, descriptor=descriptor)
        self._fsync(descriptor)

    def _below(self, path: Any) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return False
        text = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - Path() would be another call
        return any(text == folder or text.startswith(f"{folder}/") for folder in self.folders)

    def _call(self, event: str, path: Any, *, changes: bool, descriptor: int = -1) -> None:
        if self.mode == KILL and not changes:
            return
        with self._lock:
            self.calls += 1
            if self.calls != self.number:
                return
        os.write(2, f"\nfault: {self.mode} at call {self.number}, {event} {path}\n".encode())
        if self.mode == KILL:
            _cut(descriptor)
            os._exit(KILLED)
        code = getattr(errno, self.mode)
        raise OSError(code, os.strerror(code), path)


def _cut(descriptor: int) -> None:
    """Leave half of what was written, where the descriptor is one that writes."""
    try:
        os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
    except OSError:
        return


def main(argv: list[str]) -> int:
    """Run `mirror` with a fault."""
    mode, number, file, folders, *arguments = argv
    faults = Faults(mode, int(number), folders.split(":"))
    faults.install()
    try:
        return mirror(arguments)
    finally:
        faults.folders = []
        Path(file).write_text(str(faults.calls))
