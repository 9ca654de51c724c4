"""The release channels of a fleet, so that oc-mirror can walk from the lowest release to the highest.

What oc-mirror v2 does with several channels (release/cincinnati.go, getCrossChannelDownloads, and
core-cincinnati.go): it takes the channel with the lowest minimum and the one with the highest maximum, and
adds an update path between these two releases. Inside one channel that is the shortest path. From one channel
to another it goes to the newest release of the first one, then, counting minors up by one and keeping the
kind of the first channel, to the newest of each channel between, and so to the highest release. Where a
channel between does not exist it gives up on all releases. So it cannot walk

* from an EUS channel over more than one minor: eus-4.18 to any 4.20 leads to eus-4.19, which does not exist;
* from a channel to one of an earlier minor: fast-4.20 for a release of 4.19, to a later one in stable-4.19;
* from one major version to the next.

It also gives up where the newest release of a channel is not in the next one yet, and that one's newest not
in the last. Releases reach the fast channel of the next minor days after that of their own, so from fast it
is not asked to go over more than one minor either. Stable channels of earlier minors hardly change any more.

The others of the channels do not matter to the walk.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from steps.autoshift.listing import sorted_names
from steps.autoshift.plan import Release, UpdatePath
from steps.autoshift.release_channels import (
    UpdateChannel,
    home_of,
    is_of_eus_phase,
    minor_at,
    minor_of,
    position_of,
)
from steps.autoshift.releases import Span, span_of
from steps.errors import InvalidInputError
from steps.versions import natural, precedence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from steps.autoshift.releases import VersionRequest

_Asked: TypeAlias = "dict[VersionRequest, set[str]]"  # none is a path; each with the names of who asks
_STEPS: Final = 200
"""Each step moves a release to the channel of a later or of its own minor: few suffice, or none will do."""
_WIDER: Final = {"eus": "fast", "stable": "fast", "fast": "candidate"}
"""Another channel that has all that one has of its own minor."""
_NEWEST: Final = precedence("99999.0.0")


@dataclass(frozen=True, slots=True)
class ReleaseChannels:
    """The release channels to mirror, the path that oc-mirror adds by itself, and warnings."""

    releases: tuple[Release, ...]
    update_path: UpdatePath | None = None
    warnings: tuple[str, ...] = ()


def release_channels(requests: Mapping[VersionRequest, set[str]]) -> ReleaseChannels:
    """Unite all requests to release channels that oc-mirror can walk.

    `requests` have the names of those who ask. Raises InvalidInputError where no channels will do.
    """
    channels = _walkable(_single(requests))
    releases = []
    for channel, asked in sorted(channels.asked.items(), key=lambda item: natural(str(item[0]))):
        span = span_of(set(asked))
        names = sorted_names(name for who in asked.values() for name in who)
        instead_of = tuple(sorted(channels.instead_of[channel] - {str(channel)}))
        releases.append(Release(str(channel), span.low, span.high, span.shortest_path, names, instead_of))
    return ReleaseChannels(tuple(releases), _path(channels), tuple(channels.warnings))


def lacks_way(spans: Mapping[UpdateChannel, Span]) -> str:
    """Say between which channels of an ImageSet oc-mirror finds no way; empty if it does."""
    walks = (walk for walk in _walks_between(spans) if not walk.is_possible) if spans else iter(())
    return next((_lack_of(walk) for walk in walks), "")


def _single(requests: Mapping[VersionRequest, set[str]]) -> _Asked:
    """Return both ends of each update path instead of it, in the channel of the path where that has them."""
    asked: _Asked = defaultdict(set)
    for request, who in requests.items():
        for one in _ends(request):
            asked[one] |= who
    return asked


def _ends(request: VersionRequest) -> Iterator[VersionRequest]:
    if not request.is_path:
        yield request
        return
    channel = UpdateChannel.parse(request.channel)
    start = channel if channel.has(request.low) else home_of(request.low, channel.kind)
    yield replace(request, minor=minor_of(request.low), channel=str(start), high=request.low)
    yield replace(request, low=request.high)


@dataclass(slots=True)
class _Channels:
    """The requests by channel; `instead_of` are the channels that some of them stood in before."""

    asked: dict[UpdateChannel, _Asked] = field(default_factory=dict)
    instead_of: dict[UpdateChannel, set[str]] = field(default_factory=lambda: defaultdict(set))
    warnings: list[str] = field(default_factory=list)

    def move(self, request: VersionRequest, source: UpdateChannel, target: UpdateChannel) -> None:
        """Move a request from one channel to another."""
        who = self.asked[source].pop(request)
        if not self.asked[source]:
            del self.asked[source]
        self.instead_of[target] |= {str(source), *self.instead_of[source]}
        moved = replace(request, channel=str(target))
        asked = self.asked.setdefault(target, {})
        asked[moved] = asked.get(moved, set()) | who


def _walkable(asked: _Asked) -> _Channels:
    """Move requests between channels until oc-mirror can walk from any first to any last channel."""
    channels = _Channels()
    for request, who in asked.items():
        channels.asked.setdefault(UpdateChannel.parse(request.channel), {})[request] = who
    for _step in range(_STEPS):
        walks = [walk for walk in _walks(channels) if not walk.is_sure]
        if walks:
            _mend(channels, walks[0])
        elif not any(_keep_one_path(channels, channel) for channel in [*channels.asked]):
            return channels
    raise _impossible(next(_walks(channels)))


@dataclass(frozen=True, slots=True)
class _Walk:
    """What oc-mirror does from the lowest release, in channel `first`, to the highest, in channel `last`."""

    first: UpdateChannel
    last: UpdateChannel
    start: str
    end: str

    @property
    def is_possible(self) -> bool:
        """Whether the channels between exist."""
        minors = self.last.position - self.first.position
        furthest = 1 if self.first.kind == "eus" else minors
        return self.first == self.last or (self.first.major == self.last.major and 0 <= minors <= furthest)

    @property
    def is_sure(self) -> bool:
        """Whether oc-mirror does not give up either where a release is not in the next channel yet."""
        near = self.last.position - self.first.position <= 1
        return self.is_possible and (near or self.first.kind != "fast" or self.first == self.last)


def _walks(channels: _Channels) -> Iterator[_Walk]:
    """Yield the walks that oc-mirror may choose.

    Of equal releases it takes any channel; and which release the newest of a channel is, it knows alone.
    """
    yield from _walks_between({channel: span_of(set(asked)) for channel, asked in channels.asked.items()})


def _walks_between(spans: Mapping[UpdateChannel, Span]) -> Iterator[_Walk]:
    for first in sorted(_ends_of(spans, lowest=True)):
        for last in sorted(_ends_of(spans, lowest=False)):
            yield _Walk(first, last, spans[first].low, spans[last].high)


def _ends_of(spans: Mapping[UpdateChannel, Span], *, lowest: bool) -> list[UpdateChannel]:
    """Return the channels that may have the lowest, or highest, release of all."""
    versions = {channel: span.low if lowest else span.high for channel, span in spans.items()}
    positions = {
        channel: position_of(minor_of(version)) if version else channel.position
        for channel, version in versions.items()
    }
    choose = min if lowest else max
    position = choose(positions.values())
    there = [channel for channel in positions if positions[channel] == position]
    known = [precedence(versions[channel]) for channel in there if versions[channel]]
    return [
        channel
        for channel in there
        if not versions[channel] or precedence(versions[channel]) == choose(known)
    ]


def _keep_one_path(channels: _Channels, channel: UpdateChannel) -> bool:
    """Leave of several minors in a channel an update path alone, from the lowest release to the highest.

    A range over minors would be some fifty releases. What else is requested goes to other channels. Where
    oc-mirror can walk to this channel from those of earlier minors, all of these go there instead. Returns
    whether anything was moved.
    """
    asked = channels.asked.get(channel, {})
    earlier = [request for request in asked if request.minor != channel.minor]
    if not earlier or len({request.minor for request in asked}) == 1:
        return False
    lowest = min(asked, key=lambda one: (precedence(one.low) if one.low else _NEWEST, one))
    highest = max(asked, key=lambda one: (precedence(one.high) if one.high else _NEWEST, one))
    if len(asked) == 2 and lowest.is_single and highest.is_single:
        return False
    walkable = channel.kind != "eus" and lowest.minor.partition(".")[0] == channel.major
    if walkable or not lowest.is_single or channel.kind not in _WIDER:
        for request in earlier:
            channels.move(request, channel, home_of(request.minor, channel.kind))
        return True
    if not highest.is_single:
        end = replace(highest, low=highest.high)
        asked[end] = asked.get(end, set()) | asked[highest]
    ends = {lowest, *(one for one in asked if one.is_single and one.high == highest.high)}
    for request in [one for one in asked if one not in ends]:
        own = home_of(request.minor, channel.kind)
        beside = UpdateChannel.of(_WIDER[channel.kind], channel.minor)
        channels.move(request, channel, beside if own == channel else own)
    return True


def _mend(channels: _Channels, walk: _Walk) -> None:
    """Move requests of the first channel, so that this walk is not needed. Raises InvalidInputError."""
    first, last = walk.first, walk.last
    if first.major != last.major:
        if not walk.start or not last.has(walk.start):
            raise _impossible(walk)
        _join(channels, walk, last)
    elif first.position > last.position:
        for request in [one for one in channels.asked[first] if one.minor != first.minor]:
            channels.move(request, first, home_of(request.minor, first.kind))
    elif eus := _eus_way(list(channels.asked[first]), walk):
        _join(channels, walk, eus)
    else:
        for request in [one for one in channels.asked[first] if one.low in {"", walk.start}]:
            late = any(is_of_eus_phase(version) for version in (request.low, request.high))
            kind = "candidate" if late else "stable"
            home = home_of(request.low or request.minor, kind)
            channels.move(request, first, home)
            channels.warnings.append(_doubt(request, walk, home))


def _doubt(request: VersionRequest, walk: _Walk, home: UpdateChannel) -> str:
    risk = "may lack it" if home.kind == "stable" else "adds candidates on the way"
    end = f"{walk.end or 'the newest'} in {walk.last}"
    return (
        f"OpenShift {request} is taken from {home}, which {risk}, not from {walk.first}: oc-mirror finds no "
        f"way from there to {end}; if the run does not find it, mirror it by a deployment of its own"
    )


def _eus_way(requests: list[VersionRequest], walk: _Walk) -> UpdateChannel | None:
    """Return the next EUS channel if one update path can begin in it, at the lowest release."""
    first, last = walk.first, walk.last
    minors = last.position - first.position
    channel = UpdateChannel.of("eus", minor_at(first.position + 2))
    lowest = [request for request in requests if request.low == walk.start or not request.low]
    begins = len(lowest) == 1 and lowest[0].is_single and bool(walk.start) and channel.has(walk.start)
    # A release that is new in fast or candidate is not in the EUS channel yet, which may not be there yet.
    near = minors == 3 or (minors == 2 and last.kind in {"eus", "stable"})
    return channel if begins and near else None


def _join(channels: _Channels, walk: _Walk, target: UpdateChannel) -> None:
    """Move the lowest release to a later channel, and there the highest of the stable channel beside it."""
    for request in [request for request in channels.asked[walk.first] if request.low == walk.start]:
        channels.move(request, walk.first, target)
    if walk.last != target and walk.last.position == target.position:
        beside = channels.asked.get(walk.last, {})
        for request in [one for one in beside if one.is_single and one.high == walk.end]:
            channels.move(request, walk.last, target)


def _lack_of(walk: _Walk) -> str:
    start, end = (version or "the newest" for version in (walk.start, walk.end))
    return f"oc-mirror finds no way from {start} in {walk.first} to {end} in {walk.last}"


def _impossible(walk: _Walk) -> InvalidInputError:
    return InvalidInputError(
        f"{_lack_of(walk)}: one ImageSet cannot hold both",
        "mirror them by two deployments, each with the values files of its own clusters, or with its own "
        "openshift-version",
    )


def _path(channels: _Channels) -> UpdatePath | None:
    """Return the path that oc-mirror adds from one channel to another; None inside a single one."""
    walk = next(_walks(channels), None)
    if walk is None or walk.first == walk.last or (walk.start and walk.start == walk.end):
        return None
    minors = range(walk.first.position, walk.last.position)
    through = [UpdateChannel.of(walk.first.kind, minor_at(position)) for position in minors]
    return UpdatePath(walk.start, walk.end, tuple(map(str, [*through, walk.last])))
