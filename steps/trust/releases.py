"""Will clusters accept an update to a release? Judged by what they verify, with their keys (pure).

    GPG        the cluster-version operator, before an update: a ConfigMap has a signature of the release's
               digest (openshift/library-go, pkg/verify)
    sigstore   nodes, whenever they pull an image in the scope of the ClusterImagePolicy `openshift`: see
               `sigstore`

The scope of that policy (openshift/cluster-update-keys, branches release-4.20, -4.21 and -4.22): none that
counts up to 4.20, where it is a technology preview; the release image from 4.21 on; from 4.22 on the images
of its content as well. A cluster on the way to a release gets the policy of that release before it is there,
so the stricter of the two counts.

A verdict is `accepted` only where everything that is asked for was verified. What cannot be known is
`unknown`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from steps.trust import claims, sigstore
from steps.trust.gpg import signed_by
from steps.trust.refusals import UntrustedSignatureError
from steps.trust.simple_signing import ClaimError
from steps.trust.verdicts import Cause, Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from steps.trust.gpg import Keyring
    from steps.trust.keys import TrustedKeys
    from steps.trust.sigstore import Image

Minor = tuple[int, int]
"""A minor version of OpenShift, such as (4, 21)."""

RELEASES: Final = "quay.io/openshift-release-dev/ocp-release"
CONTENTS: Final = (
    "quay.io/openshift-release-dev/ocp-v4.0-art-dev",
    "quay.io/openshift-release-dev/ocp-v5.0-art-dev",
)
OF_RELEASES: Final[Minor] = (4, 21)
"""From this version on the policy asks for the signature of the release image."""
OF_CONTENTS: Final[Minor] = (4, 22)
"""From this version on it asks for those of the images of its content, too."""
NEWEST: Final[tuple[Minor, ...]] = ((4, 20), (4, 21), (4, 22))
"""Whose clusters are meant where the version of a release is not known."""
_VERSION: Final = re.compile(r"(\d{1,3})\.(\d{1,3})(?:\.|$)")
_SHOWN: Final = 3


def minor_of(version: str) -> Minor | None:
    """Return the minor version of `4.21.3`, `4.21` or `4.21.0-rc.1`; None for what is no version."""
    found = _VERSION.match(version)
    return (int(found[1]), int(found[2])) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release in the mirror: `image` itself, the images of its `content` (None: not known), and its GPG
    signatures, as a ConfigMap has them. `version` is that of its tag, `says` what the image itself says; each
    is empty where it is not known.
    """

    image: Image
    version: str = ""
    says: str = ""
    content: tuple[Image, ...] | None = None
    gpg: tuple[bytes, ...] = ()

    @property
    def label(self) -> str:
        """Its version, else the beginning of its digest."""
        return self.version or self.image.digest[:19]

    @property
    def minor(self) -> Minor | None:
        """Its minor version, None where it is not known."""
        return minor_of(self.version)

    @property
    def minors(self) -> tuple[Minor, ...]:
        """The versions of clusters that may update to it: the one before, and its own."""
        own = self.minor
        if own is None:
            return NEWEST
        return ((own[0], own[1] - 1), own) if own[1] else (own,)

    def needs_content(self) -> bool:
        """Return whether the signatures of its content are asked for."""
        return (self.minor or NEWEST[-1]) >= OF_CONTENTS


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseKeys:
    """The keys of clusters: of the policy `openshift`, and of the cluster-version operator.

    None, or empty, where they were not given. Every keyring must have signed, as the operator wants it. Those
    of `catalogs` count for no release.
    """

    sigstore: TrustedKeys | None = None
    gpg: tuple[Keyring, ...] = ()
    catalogs: TrustedKeys | None = None


def judge(release: Release, keys: ReleaseKeys, now: datetime) -> dict[Minor, Verdict]:
    """Return the verdict for clusters of each minor version that may update to a release."""
    by_gpg = [*_itself(release), *_gpg(release, keys)]
    led = _led([release.image])
    by_release = [*led, *_sigstore([release.image], keys, now, "the release image")]
    by_content = _content(release, keys, now) if release.needs_content() else []
    found = {}
    for minor in release.minors:
        asked = max(minor, release.minor or minor)
        reasons = [*by_gpg, *(by_release if asked >= OF_RELEASES else led)]
        found[minor] = Verdict.of([*reasons, *(by_content if asked >= OF_CONTENTS else ())])
    return found


def _itself(release: Release) -> list[Reason]:
    """Return that a release is another than its tag says: then nobody has looked at the one that is meant.

    A tag may leave out the end of the version, such as `-multi`.
    """
    by_tag, says = sorted((release.version, release.says), key=len)
    if not by_tag or says == by_tag or says.startswith((f"{by_tag}-", f"{by_tag}+")):
        return []
    where = f"the tag of {release.version} leads to {release.image.digest[:19]}, which is {release.says}"
    return [Reason(Cause.ANOTHER_RELEASE, where)]


def _gpg(release: Release, keys: ReleaseKeys) -> list[Reason]:
    """Return what is wrong with the signatures that the cluster-version operator verifies."""
    if not release.gpg:
        return [Reason(Cause.NO_GPG, f"signatures.yaml has none of {release.image.digest[:19]}")]
    if not keys.gpg:
        return [Reason(Cause.NO_KEYS, "nobody has verified the GPG signature")]
    return [reason for keyring in keys.gpg if (reason := _refusal(release, keyring))]


def _refusal(release: Release, keyring: Keyring) -> Reason | None:
    """Return why no signature counts for a keyring; None where one does."""
    refused: list[Reason] = []
    for message in release.gpg:
        try:
            claim = claims.parse(signed_by(message, keyring), claims.GPG)
        except (UntrustedSignatureError, ClaimError) as error:
            refused.append(Reason(Cause.WRONG_GPG, str(error)))
            continue
        if claim.digest == release.image.digest:
            return None
        refused.append(Reason(Cause.ANOTHER_IMAGE, f"the GPG signature is of {claim.digest[:19]}"))
    return refused[0]


def _content(release: Release, keys: ReleaseKeys, now: datetime) -> list[Reason]:
    if not release.content:
        return [Reason(Cause.CONTENT, "the release image does not tell what it consists of")]
    return [*_led(release.content), *_sigstore(release.content, keys, now, "images of its content")]


def _led(images: Iterable[Image]) -> list[Reason]:
    """Return what clusters are not led to, or not find there."""
    reasons: dict[Cause, list[str]] = defaultdict(list)
    for image in images:
        if not image.place:
            reasons[Cause.NOT_LED].append(f"no mirror set leads from {image.name} to it")
        elif image.obstacle:
            reasons[Cause.NO_ANSWER].append(image.obstacle)
        elif not image.signed:
            reasons[Cause.NOT_THERE].append(f"{image.place} lacks {image.digest[:19]}")
    return [Reason(cause, _some(list(dict.fromkeys(words)))) for cause, words in reasons.items()]


def _sigstore(images: Iterable[Image], keys: ReleaseKeys, now: datetime, what: str) -> list[Reason]:
    """Return what is wrong with the signatures that nodes verify: a reason for each cause."""
    reasons: dict[Cause, list[str]] = defaultdict(list)
    count = 0
    for image in images:
        count += 1
        if image.name not in {RELEASES, *CONTENTS}:
            reasons[Cause.ORIGIN].append(image.name)
            continue
        for digest, signatures in image.signed.items():
            reason = sigstore.refusal(replace(image, digest=digest), signatures, keys.sigstore, now)
            if reason:
                reasons[reason.cause].append(reason.what)
    found = []
    for cause, words in reasons.items():
        of = what if count == 1 else f"{len(words)} {what}"
        found.append(Reason(cause, f"{of}: {_some(list(dict.fromkeys(words)))}"))
    return found


def _some(words: list[str]) -> str:
    more = f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
    return f"{'; '.join(words[:_SHOWN])}{more}"
