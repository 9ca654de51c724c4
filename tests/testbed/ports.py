"""Ports for programs that are told theirs: each is one program's alone, from before it starts to its end."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.testbed.layout import TestbedError

if TYPE_CHECKING:
    from collections.abc import Iterator

PORTS = range(12_000, 20_000)
"""Below those that Linux gives to connections and to servers without a port (ip(7), ip_local_port_range)."""
_LOCKS = Path(tempfile.gettempdir()) / f"testbed-ports-{os.getuid()}"


@contextmanager
def reserved(address: str = "127.0.0.1") -> Iterator[int]:
    """Give a port of `address` at which nobody listens, and to no other process of the tests meanwhile.

    To ask the kernel for a free one and to let it go is no way: until the program listens, which takes it a
    moment, the kernel may give it to somebody else. Raises TestbedError if none is free.
    """
    _LOCKS.mkdir(exist_ok=True)
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        with (_LOCKS / str(port)).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if _is_free(address, port):
                yield port
                return
    raise TestbedError(f"no port of {address} is free from {PORTS.start} to {PORTS.stop - 1}")


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
