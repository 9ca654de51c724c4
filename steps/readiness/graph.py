"""Which updates the update service of a mirror would offer, and the path from one release to another (pure).

As openshift/cincinnati builds its graph (graph-builder, plugins release-scrape-dockerv2,
openshift-secondary-metadata-parse, edge-add-remove and channel-filter; 0a5a84a6): releases are the images of
the repository with their `release-metadata` (kind cincinnati-metadata-v0), an edge leads to a release from
each of its `previous` and to each of its `next` that are there. The graph data say which channels have a
release (channels/*.yaml). A file of blocked-edges takes edges away by a regular expression that is searched
in the version before, with `+ARCHITECTURE` behind it; where it has a name, a message and rules, the edge
stays and is recommended under a condition only.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from steps.autoshift.release_channels import minor_of
from steps.versions import precedence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

LONGEST_PATTERN: Final = 4096
"""Characters of a regular expression in the graph data; those of OpenShift have a hundred."""
LONGEST_VERSION: Final = 64
_VERSION: Final = re.compile(r"\d{1,18}(?:\.\d{1,18}){2}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?")
_LOOPS: Final = re.compile(r"\)[*+{]")
SHOWN: Final = 3
"""Releases that a gap names."""
_MOST_LOOPS: Final = 8
"""Repetitions in an expression. The update service searches in linear time, Python does not."""
_CHANNELS: Final = "io.openshift.upgrades.graph.release.channels"


@dataclass(frozen=True, slots=True)
class Risk:
    """Why an update is recommended under a condition only: `always`, or where a query says so."""

    name: str
    message: str
    url: str = ""
    always: bool = False


@dataclass(frozen=True, slots=True)
class BlockedEdge:
    """A file of blocked-edges: updates to `to` from versions in which `pattern` is found.

    Without a risk there is no such update at all.
    """

    to: str
    pattern: str
    risk: Risk | None = None


@dataclass(frozen=True, slots=True)
class GraphData:
    """The versions of each channel, and the blocked edges."""

    channels: Mapping[str, frozenset[str]] = field(default_factory=dict)
    blocked: tuple[BlockedEdge, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """A release in the mirror, of one architecture, as its metadata say."""

    version: str
    previous: tuple[str, ...] = ()
    following: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Path:
    """The releases from the first to the last, and risks on the way, each with two of these versions."""

    versions: tuple[str, ...]
    risks: tuple[tuple[str, str, Risk], ...] = ()


@dataclass(frozen=True, slots=True)
class Gap:
    """Why there is no path, and the release that would have to be in the mirror, empty if none is known.

    `reachable` are the newest releases of the minor to which there is a path.
    """

    why: str
    missing: str = ""
    reachable: tuple[str, ...] = ()


@dataclass(frozen=True)
class UpdateGraph:
    """The graph of one architecture (amd64, arm64 … or multi)."""

    architecture: str
    nodes: Mapping[str, Node]
    data: GraphData

    def in_channel(self, channel: str) -> set[str]:
        """Return the releases of the mirror that a channel has."""
        listed, built = self.data.channels.get(channel, frozenset()), f"+{self.architecture}"
        return {
            version
            for version, node in self.nodes.items()
            if version in listed or f"{version}{built}" in listed or channel in node.channels
        }

    def newest(self, minor: str, channel: str) -> str:
        """Return the newest release of a minor that the mirror has in a channel; empty if there is none."""
        found = [version for version in self.in_channel(channel) if minor_of(version) == minor]
        return max(found, key=precedence, default="")

    def path(self, start: str, end: str, channel: str) -> Path | Gap:
        """Return the shortest path, one without conditions if there is any, or why there is none."""
        there = self.in_channel(channel)
        for version in (end, start):
            if version not in self.nodes:
                return Gap(f"release {version} is not in the mirror", version)
        for version in (end, start):
            if version not in there:
                what = "does not have" if channel in self._named_channels else "is not in the graph data, nor"
                return Gap(f"channel {channel} {what} release {version}")
        return (
            self._shortest(start, end, there, conditional=False)
            or self._shortest(start, end, there, conditional=True)
            or self._gap(start, end, there, channel)
        )

    @cached_property
    def _named_channels(self) -> set[str]:
        named = {channel for node in self.nodes.values() for channel in node.channels}
        return named | set(self.data.channels)

    @cached_property
    def _blocked(self) -> Mapping[str, list[BlockedEdge]]:
        """The files of blocked edges that are about this architecture, by the release that they lead to."""
        blocked: dict[str, list[BlockedEdge]] = defaultdict(list)
        for edge in self.data.blocked:
            to, _, architecture = edge.to.partition("+")
            if architecture in {"", self.architecture}:
                blocked[to].append(edge)
        return blocked

    @cached_property
    def _edges(self) -> Mapping[str, Mapping[str, tuple[Risk, ...]]]:
        """The updates from each release, with their risks."""
        found: dict[str, dict[str, tuple[Risk, ...]]] = defaultdict(dict)
        for start, end in self._raw_edges():
            risks = self._risks(start, end)
            if risks is not None:
                found[start][end] = risks
        return found

    def _risks(self, start: str, end: str) -> tuple[Risk, ...] | None:
        """Return the risks of an update, None where it is blocked without a condition."""
        hits = [
            edge
            for edge in self._blocked.get(end, ())
            if _matches(edge.pattern, f"{start}+{self.architecture}")
        ]
        risks = tuple(edge.risk for edge in hits if edge.risk)
        return risks if len(risks) == len(hits) else None

    def _raw_edges(self) -> Iterator[tuple[str, str]]:
        for node in self.nodes.values():
            yield from ((before, node.version) for before in node.previous if before in self.nodes)
            yield from ((node.version, after) for after in node.following if after in self.nodes)

    def _shortest(self, start: str, end: str, there: set[str], *, conditional: bool) -> Path | None:
        def following(here: str) -> list[str]:
            edges = self._edges.get(here, {})
            taken = [after for after in edges if after in there and (conditional or not edges[after])]
            return sorted(taken, key=precedence, reverse=True)

        versions = _way(start, end, following)
        risks = [(one, other, risk) for one, other in pairwise(versions) for risk in self._edges[one][other]]
        return Path(tuple(versions), tuple(risks)) if versions else None

    def _gap(self, start: str, end: str, there: set[str], channel: str) -> Gap:
        """Say which release is missing between two, one that leads on to the end, or what blocks the way."""
        leading, waiting = {end}, [end]
        while waiting:
            here = waiting.pop()
            for before in self.nodes[here].previous:
                if before in there and before not in leading and end in self._reach(before):
                    leading.add(before)
                    waiting.append(before)
        listed = self.data.channels.get(channel, frozenset())
        absent = {
            before
            for here in leading
            for before in self.nodes[here].previous
            if before not in self.nodes and before in listed and precedence(start) < precedence(before)
            if self._risks(before, here) is not None
        }
        if not absent:
            blocked = self._first_blocked(start, end, there)
            why = f": the graph data block the one from {' to '.join(blocked)}" if blocked else ""
            return Gap(
                f"no update leads from {start} to {end} in channel {channel}{why}",
                reachable=self._reachable(start, there, minor_of(end)),
            )
        near = [version for version in absent if minor_of(version) == minor_of(start)]
        lowest = min(map(minor_of, absent), key=lambda minor: precedence(f"{minor}.0"))
        missing = max(near or [one for one in absent if minor_of(one) == lowest], key=precedence)
        return Gap(
            f"no update leads from {start} to {end} in channel {channel}: the mirror lacks a release between "
            f"them, such as {missing}",
            missing,
        )

    def _first_blocked(self, start: str, end: str, there: set[str]) -> tuple[str, str] | None:
        """Return the first update that is blocked, where there would be a way if none was; else nothing."""
        following: dict[str, list[str]] = defaultdict(list)
        for one, other in self._raw_edges():
            if {one, other} <= there:
                following[one].append(other)
        way = _way(start, end, following.__getitem__)
        return next((pair for pair in pairwise(way) if self._risks(*pair) is None), None)

    def _reachable(self, start: str, there: set[str], minor: str) -> tuple[str, ...]:
        """Return the newest releases of a minor to which updates lead, the newest first."""
        reached = self._reach(start, there) - {start}
        found = [version for version in reached if minor_of(version) == minor]
        return tuple(sorted(found, key=precedence, reverse=True)[:SHOWN])

    def _reach(self, start: str, within: set[str] | None = None) -> set[str]:
        """Return a release and those to which updates lead, over releases `within` a set if one is given."""
        found, waiting = {start}, [start]
        while waiting:
            for after in self._edges.get(waiting.pop(), {}):
                if after not in found and (within is None or after in within):
                    found.add(after)
                    waiting.append(after)
        return found


def _way(start: str, end: str, following: Callable[[str], Iterable[str]]) -> list[str]:
    """Return the shortest way between two releases, the first found of several; empty where there is none."""
    before: dict[str, str] = {start: ""}
    waiting = deque([start])
    while waiting and end not in before:
        here = waiting.popleft()
        for after in following(here):
            if after not in before:
                before[after] = here
                waiting.append(after)
    if end not in before:
        return []
    way = [end]
    while before[way[-1]]:
        way.append(before[way[-1]])
    return way[::-1]


def node_of(metadata: Mapping[str, object]) -> Node:
    """Read a release's metadata. Raises ValueError for anything but kind cincinnati-metadata-v0."""
    version = metadata.get("version")
    is_version = isinstance(version, str) and 0 < len(version) <= LONGEST_VERSION
    if metadata.get("kind") != "cincinnati-metadata-v0" or not is_version:
        raise ValueError("it is not of kind cincinnati-metadata-v0, or has no version")
    more = metadata.get("metadata")
    channels = more.get(_CHANNELS) if isinstance(more, dict) else None
    listed = channels.split(",") if isinstance(channels, str) else []
    return Node(
        version=str(version),
        previous=_texts(metadata.get("previous")),
        following=_texts(metadata.get("next")),
        channels=tuple(filter(None, (channel.strip() for channel in listed))),
    )


def graph_data(documents: Iterable[tuple[str, object]]) -> GraphData:
    """Collect the graph data from its files, each with its folder: `channels` or `blocked-edges`.

    The update service passes over a file that it cannot read, so that is done here, too: one of a channel as
    a whole if one of its versions is none. An expression that only the service can read is kept.
    """
    channels: dict[str, frozenset[str]] = {}
    blocked: list[BlockedEdge] = []
    for folder, document in documents:
        if not isinstance(document, dict):
            continue
        if folder == "channels" and isinstance(document.get("name"), str):
            known, versions = channels.get(document["name"], frozenset()), document.get("versions")
            if isinstance(versions, list) and all(map(_is_version, versions)):
                channels[document["name"]] = known | frozenset(versions)
        elif folder == "blocked-edges" and (edge := _blocked_edge(document)):
            blocked.append(edge)
    return GraphData(channels, tuple(blocked))


def _blocked_edge(document: Mapping[str, object]) -> BlockedEdge | None:
    to, pattern = document.get("to"), document.get("from")
    if not isinstance(to, str) or not isinstance(pattern, str):
        return None
    name, message, url = (document.get(key) for key in ("name", "message", "url"))
    rules = document.get("matchingRules")
    if (
        isinstance(name, str)
        and isinstance(message, str)
        and isinstance(url, str)
        and isinstance(rules, list)
    ):
        always = any(isinstance(rule, dict) and rule.get("type") == "Always" for rule in rules)
        return BlockedEdge(to, pattern, Risk(name, " ".join(message.split()), url, always))
    return BlockedEdge(to, pattern)


def _matches(pattern: str, version: str) -> bool:
    """Search for an expression.

    One that could take for ever to search for, or that cannot be read here, counts as found: the update
    service searches with the crate regex of Rust.
    """
    if _LOOPS.search(pattern) or sum(map(pattern.count, "*+{")) > _MOST_LOOPS:
        return True
    compiled = _compiled(pattern)
    return compiled is None or compiled.search(version) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    if len(pattern) > LONGEST_PATTERN or "[:" in pattern:  # a class [[:digit:]] is something else in Python
        return None
    try:
        return re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return None


def _is_version(value: object) -> bool:
    return isinstance(value, str) and _VERSION.fullmatch(value) is not None


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value if isinstance(item, str)) if isinstance(value, list) else ()
