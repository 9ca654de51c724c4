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
from steps.trust.releases import CONTENTS, RELEASES, ReleaseKeys, judge
from steps.trust.verdicts import Cause, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from steps.imageset.model import Catalog
    from steps.mirroring.request import Request
    from steps.mirroring.session import Session
    from steps.mirroring.store.inventory import InventoryImage
    from steps.oci.access import Access
    from steps.trust.releases import Minor, Release
    from steps.trust.verdicts import Verdict

log = logging.getLogger(__name__)

PATIENCE: Final = 1800.0
"""Seconds for all questions to registries together."""
_KEY: Final = re.compile(r"(sha256)-([0-9a-f]{64})-\d{1,9}")
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Named:
    """A release as it was found in the target: its origin HOST/REPOSITORY, digest, and version if known."""

    name: str
    digest: str
    version: str


def keys_of(request: Request) -> ReleaseKeys:
    """Read the keys that were given; none where none were. Raises as `release_keys` does."""
    folder = request.values[RELEASE_KEYS]
    return release_keys(folder, parameter=RELEASE_KEYS.name) if folder else ReleaseKeys()


def check(
    session: Session,
    images: Iterable[InventoryImage],
    resources: Iterable[Mapping[str, Any]],
    catalogs: Iterable[Catalog] = (),
) -> Judgement:
    """Judge the releases among `images` of the target by the `resources` that clusters get, and say it.

    Of the other images, and of the `catalogs`, it is said which have no signature. Raises InvalidInputError
    and NotFoundError for keys that cannot be used.
    """
    request, now, keys = session.request, datetime.now(UTC), keys_of(session.request)
    if request.values[VERIFY_SIGNATURES] is VerifySignatures.NONE:
        return Judgement(checked=timestamp(now))
    known, documents = list(images), list(resources)
    reader = _reader(session, documents)
    judged: list[JudgedRelease] = []
    for named in _named(known, reader.target, request.target_registry):
        release = reader.release(named.name, named.digest, named.version)
        verdicts = judge(release, keys, now)
        _say(release, verdicts)
        judged.append(_written(release, verdicts))
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


def _named(images: Iterable[InventoryImage], access: Access, target: str) -> list[Named]:
    """Return the releases among images of the target, the images of their content left out."""
    found: dict[str, Named] = {}
    for image in images:
        origin = Reference.find(image.origin)
        if image.kind != "release" or origin is None or origin.name in CONTENTS:
            continue
        digest = (
            origin.digest if origin.digest and origin.name == RELEASES else _digest(image, access, target)
        )
        if digest:
            named = Named(origin.name, digest, origin.tag.rpartition("-")[0])
            if named.version or digest not in found:
                found[digest] = named
    return sorted(found.values(), key=lambda one: (one.version, one.digest))


def _digest(image: InventoryImage, access: Access, target: str) -> str:
    """Return the digest of a release in the target; empty where it is none, or is not there."""
    for place, joined in zip(image.places, image.in_target, strict=True):
        if not placement.is_release([place]) or not place.startswith(placement.RELEASES):
            continue
        reference = Reference.parse(f"{target}/{joined}")
        try:
            with access.open(reference.name) as repository:
                manifest = repository.find(reference.version)
        except StepError as error:
            log.warning("%s: %s", reference.name, error.reason)
            continue
        if manifest is not None:
            return manifest.digest
    return ""


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


def _written(release: Release, verdicts: Mapping[Minor, Verdict]) -> JudgedRelease:
    return JudgedRelease(
        version=release.version,
        digest=release.image.digest,
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
