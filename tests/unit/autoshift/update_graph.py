"""OpenShift's update graph in small, and what oc-mirror v2 takes from it: an oracle for release channels.

The rules are those of oc-mirror's release/cincinnati.go, core-cincinnati.go and find.go (855b64a3), written
anew: slow, and with nothing of the product in it. Where oc-mirror may choose among equal channels, every
choice has to work.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

Version = tuple[int, int, int]
NEWEST = 30
MINORS = range(12, 23)


class NoWayError(Exception):
    """Oc-mirror gives up, and mirrors no release at all."""


@dataclass(frozen=True)
class Asked:
    """A channel of an ImageSet; blank versions as oc-mirror takes them."""

    name: str
    low: str = ""
    high: str = ""
    shortest_path: bool = False


def parse(text: str) -> Version:
    major, minor, patch = map(int, text.split("."))
    return major, minor, patch


def releases(channel: str) -> list[Version]:
    """A channel has its own minor and the one before; eus, of even minors only, also the one before that."""
    kind, _, name = channel.rpartition("-")
    minor = int(name.partition(".")[2])
    if minor not in MINORS or (kind == "eus" and minor % 2):
        return []
    oldest = minor - (2 if kind == "eus" else 1)
    return [(4, one, patch) for one in range(oldest, minor + 1) for patch in range(NEWEST + 1)]


def leads(start: Version, end: Version) -> bool:
    """An update goes to any later release of the minor, and to a release of the next that is not older."""
    return start < end and (end[1] == start[1] or (end[1] == start[1] + 1 and end[2] >= start[2]))


def path(channel: str, start: Version, end: Version) -> set[Version]:
    """The ends, and the shortest way between, if there is one."""
    there = releases(channel)
    if start not in there or end not in there:
        raise NoWayError(f"{start} or {end} is not in {channel}")
    before, waiting = {start: start}, deque([start])
    while waiting:
        one = waiting.popleft()
        for other in sorted((other for other in there if leads(one, other)), reverse=True):
            if other not in before:
                before[other] = one
                waiting.append(other)
    found = {start, end}
    one = end
    while one in before and one != start:
        found.add(one)
        one = before[one]
    return found


def newest(channel: str) -> Version:
    if not releases(channel):
        raise NoWayError(f"there is no channel {channel}")
    return releases(channel)[-1]


def walk(first: str, last: str, start: Version, end: Version) -> set[Version]:
    """The way from the lowest release, in one channel, to the highest, in another."""
    if first == last:
        return path(first, start, end)
    kind, _, name = first.rpartition("-")
    minor, target = int(name.partition(".")[2]), int(last.rpartition(".")[2])
    if minor == target:
        return path(last, start if start in releases(last) else end, end)
    found, here = path(first, start, newest(first)), newest(first)
    while minor != target:
        minor += 1
        channel = last if minor == target else f"{kind}-4.{minor}"
        there = end if minor == target else newest(channel)
        if here not in releases(channel):
            return found | path(last, there, there)
        found |= path(channel, here, there)
        here = there
    return found


def mirrored(asked: list[Asked]) -> set[str]:
    """All releases that oc-mirror mirrors. Raises NoWayError where it may give up."""
    ranges = {}
    found: set[Version] = set()
    for one in asked:
        high = parse(one.high) if one.high else newest(one.name)
        low = parse(one.low) if one.low else high
        ranges[one.name] = (low, high)
        within = {release for release in releases(one.name) if low <= release <= high}
        found |= path(one.name, low, high) if one.shortest_path else within
    low, high = min(low for low, _ in ranges.values()), max(high for _, high in ranges.values())
    if len(ranges) > 1:
        for first in [name for name in ranges if ranges[name][0] == low]:
            for last in [name for name in ranges if ranges[name][1] == high]:
                found |= walk(first, last, low, high)
    return {".".join(map(str, release)) for release in found}
