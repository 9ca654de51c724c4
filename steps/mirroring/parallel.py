"""Calls a function for many names at once; a failure or a signal ends all calls within a moment."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_Result = TypeVar("_Result")

AT_ONCE = 8
"""Enough to hide the network, few enough for any registry."""


class Stopped(Exception):  # noqa: N818 - not an error: the failure that stopped the others is raised
    """Raised by `check` when another has failed."""


def each(work: Callable[[str, Callable[[], None]], _Result], names: Iterable[str]) -> dict[str, _Result]:
    """Call `work(name, check)` for each name, several at once; return the results by name.

    `work` calls `check` between its steps. Raises the first exception, SIGTERM's included, as soon as the
    running calls have reached their next check.
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
