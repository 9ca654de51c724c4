"""One writer to a data directory.

oc-mirror locks nothing: a second process would delete the first one's archive and share its cache (its only
guard is a TCP port, which two pods do not share). So we hold an flock on DATA/lock; the kernel frees it when
its last holder is gone, however that ended. oc-mirror inherits the descriptor: should we be killed and it
live on for a moment, the directory stays locked until it has gone too.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from steps.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 10.0
"""Seconds to wait for the oc-mirror of a killed run: it dies at its next line of output, having no reader."""


@contextmanager
def exclusive(root: Path, *, purpose: str, patience: float | None = None) -> Iterator[int]:
    """Hold the data directory's lock and give its file descriptor.

    Raises ConflictError, naming the holder and since when, if it is not free within `patience` seconds
    (PATIENCE without it).
    """
    root.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _acquire(descriptor, root, PATIENCE if patience is None else patience)
        holder = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "purpose": purpose,
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, root: Path, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise ConflictError(
                    f"{root} is in use by {_holder(descriptor)}",
                    "wait until that run has ended, or give this one a data directory of its own",
                ) from None
            time.sleep(0.1)
        else:
            return


def _holder(descriptor: int) -> str:
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
        return f"{holder['purpose']}, process {holder['pid']} on {holder['host']}, since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
