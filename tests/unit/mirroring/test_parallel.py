"""Several at once: all results, or the first failure at once."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from steps.mirroring import parallel


def test_every_result_comes_by_name() -> None:
    assert parallel.each(lambda name, _check: name.upper(), ["a", "b"]) == {"a": "A", "b": "B"}


def test_the_first_failure_is_told_and_stops_the_others() -> None:
    def work(name: str, check: Callable[[], None]) -> None:
        if name == "bad":
            raise OSError("the cause")
        for _step in range(1000):
            check()
            time.sleep(0.01)

    began = time.monotonic()
    with pytest.raises(OSError, match="the cause"):
        parallel.each(work, ["slow", "bad", *map(str, range(20))])
    assert time.monotonic() - began < 5
