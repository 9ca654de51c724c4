"""Whether a node takes an image by its sigstore signature, as containers/image decides it (pure).

A node reads the tag `sha256-HEX.sig` in the repository that it reads the image from, a mirror included
(docker/docker_image_src.go, appendSignaturesFromSigstoreAttachments). It does not ask for OCI referrers. Of
an index it verifies the image that it chooses, not the index (copy/copy.go and copy/single.go). One
signature that verifies by a key of the policy, for this digest and this name, is enough
(signature/policy_eval_sigstore.go).
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from steps.trust import claims
from steps.trust.simple_signing import MEDIA_TYPE, SIGNATURE, ClaimError
from steps.trust.verdicts import Cause, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from steps.oci.attached import Attached
    from steps.trust.keys import TrustedKeys

MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
"""The only type of manifest that nodes take at that tag."""
_REST: Final = re.compile(r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?")


@dataclass(frozen=True, slots=True)
class Signatures:
    """What lies at the tag `sha256-HEX.sig` of an image; `media_type` is empty where there is no such tag.

    `referrers` counts what names the image as its subject. `obstacle` says why it could not be read.
    """

    media_type: str = ""
    layers: tuple[Attached, ...] = ()
    referrers: int = 0
    obstacle: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image as clusters pull it: by its origin `name` (HOST/REPOSITORY) and `digest`.

    `place` is the repository that they are led to, empty where they are not led to the mirror. `signed` has
    the signatures of each manifest that nodes choose from, by its digest; empty where none is there.
    """

    name: str
    digest: str
    place: str = ""
    signed: Mapping[str, Signatures] = field(default_factory=dict)
    obstacle: str = ""

    @property
    def short(self) -> str:
        """Its name for people."""
        return f"{self.name.rpartition('/')[2]}@{self.digest[:19]}"


@dataclass(frozen=True, slots=True)
class Identity:
    """By which name an image must have been signed (containers-policy.json(5)).

    Without a `prefix` it is that by which it is pulled (matchRepoDigestOrExact); with one, `signed_prefix`
    takes its place first (remapIdentity). An image that is pulled by a `tag` must have been signed with the
    same; empty: it is pulled by digest.
    """

    prefix: str = ""
    signed_prefix: str = ""
    tag: str = ""

    def takes(self, name: str, reference: str) -> bool:
        """Return whether a claim about `reference` is one about the image that is pulled as `name`."""
        if self.prefix and (name == self.prefix or name.startswith(f"{self.prefix}/")):
            name = f"{self.signed_prefix}{name.removeprefix(self.prefix)}"
        rest = reference.removeprefix(name)
        if self.tag:
            return reference == f"{name}:{self.tag}"
        return reference.startswith(name) and bool(rest) and _REST.fullmatch(rest) is not None


PULLED: Final = Identity()


def refusal(
    image: Image,
    signatures: Signatures,
    keys: TrustedKeys | None,
    now: datetime,
    identity: Identity = PULLED,
) -> Reason | None:
    """Return why a node would refuse an image of `digest`; None where one signature is accepted."""
    if signatures.obstacle:
        return Reason(Cause.NO_ANSWER, signatures.obstacle)
    if not signatures.media_type:
        if signatures.referrers:
            return Reason(Cause.ONLY_REFERRER, f"{image.short} has {signatures.referrers}, and no tag .sig")
        return Reason(Cause.NO_SIGSTORE, image.short)
    if signatures.media_type != MANIFEST:
        return Reason(Cause.WRONG_LAYOUT, f"{image.short}: it is {signatures.media_type[:80]}")
    signing = [layer for layer in signatures.layers if layer.media_type == MEDIA_TYPE]
    if not signing:
        return Reason(Cause.WRONG_LAYOUT, f"{image.short}: no layer of it is a signature")
    refused = [_refused(layer, image, keys, now, identity) for layer in signing]
    return None if None in refused else min(filter(None, refused), key=_nearest)


def _nearest(reason: Reason) -> int:
    """Return how far a signature came: of several, the one that nearly counted is told."""
    order = (
        Cause.NO_KEYS,
        Cause.KEY_ENDED,
        Cause.ANOTHER_NAME,
        Cause.ANOTHER_IMAGE,
        Cause.WRONG_SIGSTORE,
        Cause.WRONG_LAYOUT,
    )
    return order.index(reason.cause)


def _refused(
    layer: Attached, image: Image, keys: TrustedKeys | None, now: datetime, identity: Identity
) -> Reason | None:
    """Return why one signature does not count; None where it does."""
    by_key = _by_key(layer, image, keys, now)
    if by_key is not None and by_key.cause in {Cause.WRONG_LAYOUT, Cause.WRONG_SIGSTORE}:
        return by_key
    try:
        claim = claims.parse(layer.content, claims.SIGSTORE)
    except ClaimError as error:
        return Reason(Cause.WRONG_SIGSTORE, f"{image.short}: {error}")
    if claim.digest != image.digest:
        return Reason(Cause.ANOTHER_IMAGE, f"{image.short}: it is of {claim.digest[:19]}")
    if not identity.takes(image.name, claim.reference):
        return Reason(Cause.ANOTHER_NAME, f"{image.short}: it was signed as {claim.reference[:200]}")
    return by_key


def _by_key(layer: Attached, image: Image, keys: TrustedKeys | None, now: datetime) -> Reason | None:
    """Return why no key counts for a signature; None where one does."""
    try:
        signature = base64.b64decode(layer.annotations.get(SIGNATURE, ""), validate=True)
    except (binascii.Error, ValueError):
        signature = b""
    if not signature:
        return Reason(Cause.WRONG_LAYOUT, f"{image.short}: it has no signature in base64")
    if keys is None:
        return Reason(Cause.NO_KEYS, "nobody has verified the sigstore signature")
    signers = [key for key in keys if key.verifies(signature, layer.content)]
    if not signers:
        return Reason(Cause.WRONG_SIGSTORE, f"{image.short}: no key of release-keys has made it")
    if all(key.ended(now) for key in signers):
        return Reason(Cause.KEY_ENDED, f"{image.short}: it is signed by {signers[0].name}")
    return None
