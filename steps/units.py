"""Format sizes, durations, times and long lists for people."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, tzinfo

_SIZES = ("B", "kB", "MB", "GB", "TB", "PB")
_TIMES = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def size(count: float) -> str:
    """Format bytes with decimal units, as disks are sold and `mirror` logs them: 101 MB, 1.2 TB."""
    exponent = 0
    while count >= 999.5 and exponent < len(_SIZES) - 1:
        count, exponent = count / 1000, exponent + 1
    digits = 1 if count < 9.95 and exponent else 0
    return f"{count:.{digits}f}".removesuffix(".0") + f" {_SIZES[exponent]}"


def duration(seconds: float) -> str:
    """Format seconds in the largest unit and, below 10, the next: 4.2 s, 12 min, 3 h 20 min, 2 d 4 h."""
    if seconds < 9.95 and seconds != round(seconds):
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for (name, length), (lesser, part) in pairwise(_TIMES):
        if whole >= length:
            count, rest = divmod(whole, length)
            more = rest // part if count < 10 else 0
            return f"{count} {name}" + (f" {more} {lesser}" if more else "")
    return f"{whole} s"


def tick(seconds: float) -> str:
    """Format seconds in a single unit, for an axis: 30 min, 1.5 h."""
    name, length = next((unit for unit in _TIMES if seconds >= unit[1]), _TIMES[-1])
    return f"{seconds / length:.1f}".removesuffix(".0") + f" {name}"


def moment(time: datetime, zone: tzinfo) -> str:
    """Format a time in a zone, with the zone's abbreviation: 2026-11-23 02:00 CET."""
    return f"{time.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def distance(time: datetime, now: datetime) -> str:
    """Format how far `time` is from `now`: in 3 h 20 min, 2 d 4 h ago, now."""
    seconds = (time - now).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"in {duration(round(seconds))}" if seconds > 0 else f"{duration(round(-seconds))} ago"


def few(parts: Sequence[str], shown: int, *, joint: str = ", ") -> str:
    """Join the first `shown` parts of a list and count the others: `a, b and 4 more`, `a; b; and 4 more`.

    Empty for an empty list.
    """
    left = len(parts) - shown
    before = " " if joint == ", " else joint
    return joint.join(parts[:shown]) + (f"{before}and {left} more" if left > 0 else "")
