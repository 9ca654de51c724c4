"""The same for many names at once, ended within a moment when one fails or a signal comes."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_Result = TypeVar("_Result")

AT_ONCE = 8
"""Enough to hide the network, few enough for any registry."""


class Stopped(Exception):  # noqa: N818 - no error: the one that stopped the others is told
    """Raised by `check` when another has failed."""


def each(work: Callable[[str, Callable[[], None]], _Result], names: Iterable[str]) -> dict[str, _Result]:
    """Call `work(name, check)` for each name, several at once; the results by name.

    `work` calls `check` between its steps. The first exception, SIGTERM's included, is raised once those
    at work have come to their next check.
    """
    stop = threading.Event()

    def check() -> None:
        if stop.is_set():
            raise Stopped

    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = {name: pool.submit(work, name, check) for name in names}
        try:
            ended, _waiting = wait(running.values(), return_when=FIRST_EXCEPTION)
            for task in ended:
                task.result()
        finally:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
    return {name: task.result() for name, task in running.items()}
