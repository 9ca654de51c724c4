"""OpenShift versions as people ask for them: `4.18`, `4.18.22`, `4.18.10-4.18.22`, `4.18.10-`.

What oc-mirror makes of a release channel (design: internal/pkg/release/cincinnati.go): without versions the
head of the channel, with a minimum everything from there on, with both the range, and with a maximum alone
everything from the channel's beginning, which nobody wants. So `X.Y` means the newest release of that minor,
`X.Y.Z` that one release, and a maximum never stands alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from steps.versions import precedence

_NUMBER: Final = r"(?:0|[1-9]\d{0,4})"
_VERSION: Final = rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-(?:ec|rc)\.\d{{1,4}})?"
_MINOR = re.compile(rf"{_NUMBER}\.{_NUMBER}")
_EXACT = re.compile(_VERSION)
_RANGE = re.compile(rf"({_VERSION})-({_VERSION})?")
_CHANNEL = re.compile(rf"(?:stable|fast|eus|candidate)-{_NUMBER}\.{_NUMBER}")

FORMS: Final = "X.Y (its newest release), X.Y.Z, X.Y.Z-X.Y.Z within one minor, or X.Y.Z- (to its newest)"


@dataclass(frozen=True, slots=True, order=True)
class Wish:
    """What somebody wants of one OpenShift minor: all from `low` to `high`; blank is the channel's head."""

    minor: str
    channel: str
    low: str = ""
    high: str = ""

    def __str__(self) -> str:
        """Write it the way it may be asked for."""
        if not self.low:
            return self.minor
        return self.low if self.low == self.high else f"{self.low}-{self.high}"


def parse_wish(text: str, channel: str = "") -> Wish:
    """Parse a version, or raise ValueError with what is wrong with it (no place, no hint).

    `channel` is the release channel, or only its kind (`eus`); `stable` by default, and `candidate` for an
    engineering or release candidate, which no other channel has.
    """
    if _MINOR.fullmatch(text):
        return Wish(text, _channel(channel or "stable", text))
    if _EXACT.fullmatch(text):
        minor = minor_of(text)
        return Wish(minor, _channel(channel or ("candidate" if "-" in text else "stable"), minor), text, text)
    if found := _RANGE.fullmatch(text):
        low, high = found[1], found[2] or ""
        if high and minor_of(low) != minor_of(high):
            raise ValueError(f"'{text}' spans two minors")
        if high and precedence(low) > precedence(high):
            raise ValueError(f"'{text}' begins after its end")
        return Wish(minor_of(low), _channel(channel or "stable", minor_of(low)), low, high)
    raise ValueError(f"'{text}' is not an OpenShift version")


def within(version: str, minimum: str, maximum: str) -> str:
    """Combine a minor with the bounds of AutoShift's generator (--min-version, --max-version) into one text.

    Blank is not given. Raises ValueError where the two say different things, or a maximum stands alone: for
    oc-mirror that is everything from the beginning of the channel on.
    """
    if not minimum and not maximum:
        return version
    if not minimum:
        raise ValueError(f"max-version {maximum} needs a min-version: without one the whole channel comes")
    if version and not _MINOR.fullmatch(version):
        raise ValueError(
            f"openshift-version {version} is exact already; give X.Y, or no min- and max-version"
        )
    if version and minor_of(minimum) != version:
        raise ValueError(f"min-version {minimum} is not of openshift-version {version}")
    return f"{minimum}-{maximum}"


def _channel(channel: str, minor: str) -> str:
    full = channel if "-" in channel else f"{channel}-{minor}"
    if not _CHANNEL.fullmatch(full):
        raise ValueError(f"'{channel}' is not a release channel such as stable-{minor}")
    return full


def minor_of(version: str) -> str:
    """Return `4.18` of `4.18.22`."""
    return ".".join(version.split(".")[:2])


@dataclass(frozen=True, slots=True)
class Span:
    """Several wishes for one channel as oc-mirror can express them; blank means not given."""

    low: str
    high: str
    shortest_path: bool


def span_of(wishes: set[Wish]) -> Span:
    """Cover all wishes: one release, a range, or from the lowest release to the head.

    Two releases need only what lies on the upgrade path between them; with more, a path could pass one by,
    so the whole range is taken.
    """
    lows = sorted((wish.low for wish in wishes if wish.low), key=precedence)
    highs = sorted((wish.high for wish in wishes if wish.high), key=precedence)
    if not lows:
        return Span("", "", shortest_path=False)
    single = [wish for wish in wishes if wish.low == wish.high]  # one release, or the head
    up_to_head = any(not wish.high for wish in wishes)
    on_path = len(single) == len(wishes) == 2
    return Span(lows[0], "" if up_to_head else highs[-1], shortest_path=on_path)
