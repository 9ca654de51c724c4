"""Verdicts about releases: what is said of them, why, and what to do about it (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class State(StrEnum):
    """What is said of a release."""

    ACCEPTED = "accepted"
    NOT_ACCEPTED = "not accepted"
    UNKNOWN = "unknown"


class Cause(StrEnum):
    """Why a release is not accepted, or why nobody knows."""

    NO_GPG = "no GPG signature"
    WRONG_GPG = "GPG signature does not verify"
    NO_SIGSTORE = "no sigstore signature"
    ONLY_REFERRER = "sigstore signature only as a referrer"
    WRONG_LAYOUT = "sigstore signature cannot be read"
    WRONG_SIGSTORE = "sigstore signature does not verify"
    KEY_ENDED = "key has ended"
    ANOTHER_IMAGE = "signature of another image"
    ANOTHER_NAME = "signature for another name"
    NOT_LED = "clusters are not led to the mirror"
    NOT_THERE = "image is not in the mirror"
    ANOTHER_RELEASE = "tag of another release"
    NO_KEYS = "no keys were given"
    NO_ANSWER = "the registry does not answer"
    CONTENT = "content is not known"
    ORIGIN = "another origin"


UNKNOWN: Final = frozenset({Cause.NO_KEYS, Cause.NO_ANSWER, Cause.CONTENT, Cause.ORIGIN})
"""Causes by which nothing is known; by any other a release is not accepted."""
TO_DO: Final[Mapping[Cause, str]] = {
    Cause.NO_GPG: "mirror it again where oc-mirror can fetch the signature, and apply signatures.yaml",
    Cause.WRONG_GPG: "compare release-keys with the keys of the cluster, then mirror the release again",
    Cause.NO_SIGSTORE: "mirror with signatures=auto or all, and oc-mirror 4.19 or newer",
    Cause.ONLY_REFERRER: "copy the tag sha256-HEX.sig from the source; nodes read no referrers",
    Cause.WRONG_LAYOUT: "delete the tag sha256-HEX.sig in the mirror, and mirror again",
    Cause.WRONG_SIGSTORE: "compare release-keys with the policy of the cluster, then mirror it again",
    Cause.KEY_ENDED: "give the key that has taken its place",
    Cause.ANOTHER_IMAGE: "delete the tag sha256-HEX.sig in the mirror, and mirror again",
    Cause.ANOTHER_NAME: "mirror it from where it was signed",
    Cause.NOT_LED: "apply idms.yaml of the mirror, which has to name the origin of the release",
    Cause.NOT_THERE: "mirror the release again",
    Cause.ANOTHER_RELEASE: "find out who moved the tag, and mirror the release again",
    Cause.NO_KEYS: "give release-keys, the public keys that clusters use",
    Cause.NO_ANSWER: "run again when the registry answers",
    Cause.CONTENT: "run again; if it stays so, look at the release image in the mirror",
    Cause.ORIGIN: "look at the policies of the clusters for this origin",
}
"""What to do about each."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that is wrong or not known, and of what."""

    cause: Cause
    what: str

    @property
    def to_do(self) -> str:
        """What to do about it."""
        return TO_DO[self.cause]

    def __str__(self) -> str:
        """Say it as a part of a sentence."""
        return f"{self.cause}: {self.what}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether clusters of a minor version accept an update to a release."""

    state: State
    reasons: tuple[Reason, ...] = ()

    @classmethod
    def of(cls, reasons: Iterable[Reason]) -> Verdict:
        """Make the verdict of all that is wrong or not known."""
        found = tuple(dict.fromkeys(reasons))
        if not found:
            return cls(State.ACCEPTED)
        wrong = tuple(reason for reason in found if reason.cause not in UNKNOWN)
        unknown = tuple(reason for reason in found if reason.cause in UNKNOWN)
        return cls(State.NOT_ACCEPTED if wrong else State.UNKNOWN, (*wrong, *unknown))
