"""After a run, or at any time: will clusters accept updates to the releases in the target?

Asked before the resources for clusters are published, so that with verify-signatures=strict nothing is
published that leads clusters to a release that they would refuse.
"""

from __future__ import annotations

import base64
import binascii
import logging
import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from steps.errors import StepError, UntrustedError
from steps.mirroring.checks import other_images
from steps.mirroring.checks.release_reading import Reader
from steps.mirroring.ocmirror import placement
from steps.mirroring.ocmirror.mirror_sets import MirrorSets
from steps.mirroring.request import DIRECT
from steps.mirroring.store.accepted import JudgedRelease, Judgement, WrittenReason, WrittenVerdict
from steps.mirroring.store.runs import timestamp
from steps.oci.reference import Reference
from steps.parameters.table.image_signatures import RELEASE_KEYS, VERIFY_SIGNATURES
from steps.parameters.value_kinds import VerifySignatures
from steps.trust.folder import release_keys
from steps.trust.releases import CONTENTS, RELEASES, Release, ReleaseKeys, judge
from steps.trust.sigstore import Image
from steps.trust.verdicts import Cause, Reason, State, Verdict

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

    from steps.imageset.model import Catalog
    from steps.mirroring.request import Request
    from steps.mirroring.session import Session
    from steps.mirroring.store.inventory import InventoryImage
    from steps.oci.access import Access
    from steps.trust.releases import Minor

log = logging.getLogger(__name__)

PATIENCE: Final = 1800.0
"""Seconds for all questions to registries together."""
_KEY: Final = re.compile(r"(sha256)-([0-9a-f]{64})-\d{1,9}")
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Named:
    """A release as it was found in the target: its origin HOST/REPOSITORY, digest, and version if known.

    `lost`: why it was not found; then `digest` is empty, and `tag` is all that is known of it.
    """

    name: str
    digest: str
    version: str
    tag: str = ""
    lost: Reason | None = None

    def release(self, reader: Reader) -> Release:
        """Return what there is of it in the target."""
        if self.lost is None:
            return reader.release(self.name, self.digest, self.version)
        return Release(image=Image(name=self.name, digest=self.tag), version=self.version)

    def judged(self, release: Release, keys: ReleaseKeys, now: datetime) -> dict[Minor, Verdict]:
        """Return the verdicts about what there is of it."""
        if self.lost is None:
            return judge(release, keys, now)
        return {minor: Verdict.of([self.lost]) for minor in release.minors}


def keys_of(request: Request) -> ReleaseKeys:
    """Read the keys that were given; none where none were. Raises as `release_keys` does."""
    folder = request.values[RELEASE_KEYS]
    return release_keys(folder, parameter=RELEASE_KEYS.name) if folder else ReleaseKeys()


def check(
    session: Session,
    images: Iterable[InventoryImage],
    resources: Iterable[Mapping[str, Any]],
    catalogs: Iterable[Catalog] = (),
    *,
    needed: Container[str] | None = None,
) -> Judgement:
    """Judge the releases among `images` of the target by the `resources` that clusters get, and say it.

    A release of which the target has no image any more is not accepted where it is among the origins `needed`
    (None: all are). Else it is passed over: a plan of deletion may have removed it. Of the other images, and
    of the `catalogs`, it is said which have no signature. Raises InvalidInputError and NotFoundError for keys
    that cannot be used.
    """
    request, now, keys = session.request, datetime.now(UTC), keys_of(session.request)
    if request.values[VERIFY_SIGNATURES] is VerifySignatures.NONE:
        return Judgement(checked=timestamp(now))
    known, documents = list(images), list(resources)
    reader = _reader(session, documents)
    judged: list[JudgedRelease] = []
    for named in _named(known, reader.target, request.target_registry, needed):
        release = named.release(reader)
        verdicts = named.judged(release, keys, now)
        _say(release, verdicts)
        judged.append(_written(release, verdicts, named.digest))
    others = other_images.check(session.request, reader, known, catalogs, keys.catalogs)
    if reader.copied:
        log.info("%d signatures that oc-mirror left out were copied from the source", len(reader.copied))
    return others.changed(checked=timestamp(now), releases=tuple(judged))


def _reader(session: Session, resources: list[Mapping[str, Any]]) -> Reader:
    copies = session.signatures.copies if session.signatures else lambda _name: False
    asks = (
        session.request.workflow == DIRECT
        and session.request.values[VERIFY_SIGNATURES] is not VerifySignatures.ONLY
    )
    return Reader(
        target=session.target.within(PATIENCE),
        mirrors=MirrorSets.of(resources),
        gpg=gpg_signatures(resources),
        source=session.source.within(PATIENCE) if asks else None,
        copies=copies,
    )


def gpg_signatures(resources: Iterable[Mapping[str, Any]]) -> dict[str, tuple[bytes, ...]]:
    """Return the signatures that ConfigMaps have, by digest, as the cluster-version operator finds them."""
    found: dict[str, list[bytes]] = defaultdict(list)
    for resource in resources:
        if resource.get("kind") != "ConfigMap":
            continue
        for key, text in (resource.get("binaryData") or {}).items():
            if name := _KEY.fullmatch(str(key)):
                try:
                    found[f"{name[1]}:{name[2]}"].append(base64.b64decode(text, validate=True))
                except (binascii.Error, ValueError, TypeError):
                    continue
    return {digest: tuple(signatures) for digest, signatures in found.items()}


def _named(
    images: Iterable[InventoryImage], access: Access, target: str, needed: Container[str] | None
) -> list[Named]:
    """Return the releases among images of the target, the images of their content left out."""
    found: set[Named] = set()
    for image in images:
        origin = Reference.find(image.origin)
        if image.kind != "release" or origin is None or origin.name in CONTENTS:
            continue
        version = origin.tag.rpartition("-")[0]
        if origin.digest and origin.name == RELEASES:
            found.add(Named(origin.name, origin.digest, version))
            continue
        digest, lost = _digest(image, access, target)
        gone = lost is not None and lost.cause is Cause.NOT_THERE
        if digest or (lost and not (gone and needed is not None and image.origin not in needed)):
            label = version if digest else version or origin.version
            found.add(Named(origin.name, digest, label, origin.version, lost))
    versioned = {one.digest for one in found if one.version}
    once = {(one.name, one.digest or one.tag, one.version): one for one in found}
    left = [one for one in once.values() if one.version or not one.digest or one.digest not in versioned]
    return sorted(left, key=lambda one: (one.version, one.digest, one.tag))


def _digest(image: InventoryImage, access: Access, target: str) -> tuple[str, Reason | None]:
    """Return the digest of a release in the target, or why it has none there; neither for what is none."""
    lost: Reason | None = None
    for place, joined in zip(image.places, image.in_target, strict=True):
        if not placement.is_release([place]) or not place.startswith(placement.RELEASES):
            continue
        reference = Reference.parse(f"{target}/{joined}")
        try:
            with access.open(reference.name) as repository:
                manifest = repository.find(reference.version)
        except StepError as error:
            lost = Reason(Cause.NO_ANSWER, error.reason)
            continue
        if manifest is not None:
            return manifest.digest, None
        lost = lost or Reason(Cause.NOT_THERE, f"{reference.name} lacks {reference.version}")
    return "", lost


def _say(release: Release, verdicts: Mapping[Minor, Verdict]) -> None:
    """Say of a release in a line each which clusters accept an update to it, and why others do not."""
    states: dict[State, list[str]] = defaultdict(list)
    for minor, verdict in verdicts.items():
        states[verdict.state].append(_text(minor))
    if accepted := states[State.ACCEPTED]:
        log.info("OpenShift %s: clusters of %s accept it", release.label, " and ".join(accepted))
    for state, words in (
        (State.NOT_ACCEPTED, "do not accept it"),
        (State.UNKNOWN, "may not accept it, which is not known"),
    ):
        if not states[state]:
            continue
        reasons = dict.fromkeys(
            reason for verdict in verdicts.values() if verdict.state is state for reason in verdict.reasons
        )
        level = logging.INFO if {one.cause for one in reasons} == {Cause.NO_KEYS} else logging.WARNING
        log.log(
            level,
            "OpenShift %s: clusters of %s %s: %s; %s",
            release.label,
            " and ".join(states[state]),
            words,
            "; ".join(map(str, reasons)),
            "; ".join(dict.fromkeys(reason.to_do for reason in reasons)),
        )


def _text(minor: Minor) -> str:
    return f"{minor[0]}.{minor[1]}"


def _written(release: Release, verdicts: Mapping[Minor, Verdict], digest: str) -> JudgedRelease:
    return JudgedRelease(
        version=release.version,
        digest=digest,
        clusters={
            _text(minor): WrittenVerdict(
                state=verdict.state,
                reasons=tuple(
                    WrittenReason(cause=one.cause, what=one.what, to_do=one.to_do) for one in verdict.reasons
                ),
            )
            for minor, verdict in verdicts.items()
        },
    )


def insist(request: Request, found: Judgement) -> None:
    """Raise UntrustedError where the request insists and a release is not known to be accepted."""
    if request.values[VERIFY_SIGNATURES] not in {VerifySignatures.STRICT, VerifySignatures.ONLY}:
        return
    refused = list(_refused(found.releases))
    if refused:
        shown = ", ".join(refused[:_SHOWN]) + (" …" if len(refused) > _SHOWN else "")
        raise UntrustedError(
            f"{request.target_registry}: clusters do not accept, or may not: {shown}",
            "the lines above say why, and what to do; verify-signatures=warn publishes all the same",
        )


def _refused(releases: Iterable[JudgedRelease]) -> Iterator[str]:
    for release in releases:
        minors = [minor for minor, one in release.clusters.items() if one.state != State.ACCEPTED]
        if minors:
            yield f"OpenShift {release.version or release.digest[:19]} (clusters of {', '.join(minors)})"
