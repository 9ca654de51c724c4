"""OpenShift's update channels: which there are, and which releases each of them has.

Sources: openshift/cincinnati-graph-data, channels/*.yaml (731d0424, 2026-08-21), and the OpenShift manual,
"Understanding update channels and releases". A channel has the releases of its own minor and of the minor
before it, from which clusters update; an EUS channel also those of the minor before that. EUS channels exist
for even minors. A release that is in an EUS channel is in the fast channel too; it is in the stable channel
until its minor enters the EUS phase. Engineering and release candidates are in candidate channels only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from steps.versions import precedence

KINDS: Final = ("stable", "fast", "eus", "candidate")
_NAME = re.compile(rf"({'|'.join(KINDS)})-(\d{{1,5}})\.(\d{{1,5}})")
_OF_A_MAJOR: Final = 100_000
_BEFORE: Final = {"5.0": "4.22"}
"""The minor before the first of a major: candidate-5.0 has the releases of 4.22 as well."""
_EUS_PHASE: Final = {(4, 12): (72, {81}), (4, 14): (52, {57, 58}), (4, 16): (56, set[int]())}
"""Minors in their EUS phase: the first release that is not in the stable channel, and later ones that are."""


@dataclass(frozen=True, slots=True, order=True)
class UpdateChannel:
    """A channel such as eus-4.20: `position` is that of its minor in the order of all minors."""

    position: int
    kind: str
    minor: str

    @classmethod
    def parse(cls, name: str) -> UpdateChannel:
        """Parse a name such as eus-4.20. Raises ValueError for any other text."""
        found = _NAME.fullmatch(name)
        if not found:
            raise ValueError(f"'{name}' is not a release channel such as stable-4.20")
        return cls.of(found[1], f"{found[2]}.{found[3]}")

    @classmethod
    def of(cls, kind: str, minor: str) -> UpdateChannel:
        """Return the channel of a kind for a minor, whether it exists or not."""
        return cls(position_of(minor), kind, minor)

    def __str__(self) -> str:
        """Return the channel's name."""
        return f"{self.kind}-{self.minor}"

    @property
    def major(self) -> str:
        """The major version, `4` of stable-4.20."""
        return self.minor.partition(".")[0]

    @property
    def exists(self) -> bool:
        """Whether there is such a channel, as far as its kind tells; of OpenShift 5 nothing is known yet."""
        return self.kind != "eus" or not passed_by_eus(self.position)

    def has(self, version: str) -> bool:
        """Tell whether the channel has a release, once it is out."""
        if "-" in version and self.kind != "candidate":
            return False
        if self.kind == "stable" and is_of_eus_phase(version):
            return False
        minor = minor_of(version)
        oldest = self.position - (2 if self.kind == "eus" else 1)
        within = oldest <= position_of(minor) <= self.position or minor == _BEFORE.get(self.minor)
        return self.exists and within

    def may_have(self, version: str) -> bool:
        """Tell whether the channel has a release, or may have it.

        Since 4.14 the other channels of even minors have had the releases of two minors before, too.
        """
        even = self.position % 2 == 0
        if self.has(version) or not even or (self.kind == "stable" and is_of_eus_phase(version)):
            return self.has(version)
        return UpdateChannel.of("eus", self.minor).has(version)


def home_of(version: str, kind: str) -> UpdateChannel:
    """Return the channel of a release's own minor, of a kind as far as that has the release.

    A minor (`4.19`) is one of its releases.
    """
    if "-" in version:
        kind = "candidate"
    elif kind == "stable" and is_of_eus_phase(version):
        kind = "eus"
    channel = UpdateChannel.of(kind, minor_of(version))
    return channel if channel.exists else UpdateChannel.of("stable", channel.minor)


def is_of_eus_phase(version: str) -> bool:
    """Tell whether a release is known to be in no stable channel, since its minor is in its EUS phase."""
    numbers = precedence(version)[0]
    if numbers[:2] not in _EUS_PHASE:
        return False
    first, in_stable = _EUS_PHASE[numbers[0], numbers[1]]
    return numbers[2] >= first and numbers[2] not in in_stable


def minor_of(version: str) -> str:
    """Return `4.18` of `4.18.22`."""
    return ".".join(version.split(".")[:2])


def position_of(minor: str) -> int:
    """Return a number that orders minors; those of a major follow each other without a gap, 4.20 is 20."""
    major, number = map(int, minor.split("."))
    return number + (major - 4) * _OF_A_MAJOR


def minor_at(position: int) -> str:
    """Return the minor at a position."""
    major, number = divmod(position, _OF_A_MAJOR)
    return f"{4 + major}.{number}"


def passed_by_eus(position: int) -> bool:
    """Tell whether the minor at a position is an odd one, which EUS updates only pass by."""
    return position < _OF_A_MAJOR and position % 2 == 1
