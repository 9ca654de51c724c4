"""Runs `mirror` on a host of a given name, and kills it, with its oc-mirror, at a given moment.

    python -m tests.unit.mirroring.written_by_0_1.run HOST MOMENT ARGUMENT…

The moments: `end` (it is not killed), `says:NUMBER:PATTERN` (so many lines of its log match), `renames:PATH`
(just before a file or folder gets a name that ends so), `finds:NUMBER:PATTERN` (so many files match).
"""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any


def die() -> None:
    """Kill oc-mirror and this process, as the end of a pod does."""
    for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(int(child), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


class Listener(logging.Handler):
    """Dies at a line of the log."""

    def __init__(self, number: int, pattern: str) -> None:
        super().__init__()
        self.left, self.pattern = number, re.compile(pattern)

    def emit(self, record: logging.LogRecord) -> None:
        self.left -= bool(self.pattern.search(record.getMessage()))
        if self.left == 0:
            die()


def prepare(moment: str) -> None:
    """See that the process dies at this moment."""
    kind, _, rest = moment.partition(":")
    if kind == "says":
        number, _, pattern = rest.partition(":")
        logging.getLogger("steps").addHandler(Listener(int(number), pattern))
    elif kind == "renames":

        def watch(event: str, arguments: tuple[Any, ...]) -> None:
            if event == "os.rename" and str(arguments[1]).endswith(rest):
                die()

        sys.addaudithook(watch)
    elif kind == "finds":
        number, _, pattern = rest.partition(":")

        def look() -> None:
            while len(list(Path(pattern).parent.glob(Path(pattern).name))) < int(number):
                time.sleep(0.01)
            die()

        threading.Thread(target=look, daemon=True).start()


if __name__ == "__main__":
    host_name = sys.argv[1]
    socket.gethostname = lambda: host_name
    prepare(sys.argv[2])
    del sys.argv[1:3]
    from steps.mirror import main

    sys.exit(main())
