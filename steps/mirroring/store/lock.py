"""One writer to a data directory.

oc-mirror locks nothing: a second process would delete the first one's archive and share its cache (its only
guard is a TCP port, which two pods do not share). So we hold an flock on DATA/lock; the kernel frees it when
its last holder is gone, however that ended. oc-mirror inherits the descriptor: should we be killed and it
live on for a moment, the directory stays locked until it has gone too.

Somebody may remove DATA/lock while it is held, and the next run would lock another file of that name. So the
directory itself is locked as well, where its file system can (NFS cannot).
"""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import math
import os
import socket
import time
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from steps.bounded import json_of
from steps.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = logging.getLogger(__name__)

PATIENCE = 10.0
"""Seconds to wait for the oc-mirror of a killed run: it dies at its next line of output, having no reader."""


@contextmanager
def in_turn(folder: Path, *, purpose: str) -> Iterator[int]:
    """Hold the lock of a folder that several data directories share, once those before us are done."""
    with exclusive(folder, purpose=purpose, patience=math.inf) as descriptor:
        yield descriptor


@contextmanager
def exclusive(root: Path, *, purpose: str, patience: float | None = None) -> Iterator[int]:
    """Hold the data directory's lock and give its file descriptor.

    Raises ConflictError, naming the holder and since when, if it is not free within `patience` seconds
    (PATIENCE without it). Where `patience` has no end, it is said once what is waited for.
    """
    root.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + (PATIENCE if patience is None else patience)
    with ExitStack() as held:
        directory = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        held.callback(os.close, directory)
        with _unless_unsupported():
            _acquire(directory, root, deadline)
        descriptor = _acquire_file(root, deadline, held)
        holder = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "purpose": purpose,
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        yield descriptor


def _acquire_file(root: Path, deadline: float, held: ExitStack) -> int:
    """Lock DATA/lock, and once more where it was removed or replaced meanwhile; return its descriptor."""
    path = root / "lock"
    while True:
        with ExitStack() as opened:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            opened.callback(os.close, descriptor)
            _acquire(descriptor, root, deadline)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), path.stat()):
                    held.push(opened.pop_all())
                    return descriptor


@contextmanager
def _unless_unsupported() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}:
            raise


def _acquire(descriptor: int, root: Path, deadline: float) -> None:
    said = deadline < math.inf
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not said:
                log.info("waiting for %s, which is in use by %s", root, _holder(root))
                said = True
            if time.monotonic() > deadline:
                raise ConflictError(
                    f"{root} is in use by {_holder(root)}",
                    "wait until that run has ended, or give this one a data directory of its own",
                ) from None
            time.sleep(0.1)
        else:
            return


def _holder(root: Path) -> str:
    try:
        with (root / "lock").open("rb") as stream:
            holder = json_of(stream.read(4096))
        return f"{holder['purpose']}, process {holder['pid']} on {holder['host']}, since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
