"""Wait until something holds, or say what did not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from tests.testbed.layout import LOGS, TestbedError

if TYPE_CHECKING:
    from collections.abc import Callable

Found = TypeVar("Found")


def wait_until(
    what: str,
    check: Callable[[], Found],
    *,
    timeout: float = 120,
    interval: float = 0.2,
    tolerate: type[Exception] | tuple[type[Exception], ...] = Exception,
) -> Found:
    """Ask `check` every `interval` seconds until it returns something true, and return that.

    An exception of the kinds in `tolerate` counts as "not yet", any other is raised at once. Raises
    TestbedError after `timeout` seconds, with the last tolerated exception.
    """
    deadline = time.monotonic() + timeout
    last: object = "it never held"
    while time.monotonic() < deadline:
        try:
            if found := check():
                return found
        except tolerate as error:
            last = error
        time.sleep(interval)
    raise TestbedError(f"waited {timeout:.0f} s for {what}: {last}; logs are in {LOGS}")


def eventually(what: str, check: Callable[[], Found], *, timeout: float) -> Found:
    """Wait, a second at a time, for what the product does: an exception of `check` fails the test at once."""
    return wait_until(what, check, timeout=timeout, interval=1, tolerate=())
