"""Asks each target once for the whole fleet: what it has, then for the images that this makes needed."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from steps.catalog.packages import Catalog
from steps.errors import RegistryError, StepError
from steps.mirroring.checks import acceptance
from steps.mirroring.checks.release_reading import Reader
from steps.oci.access import obstacle
from steps.oci.failures import AbsentError, PartAbsentError, UnlistedError, UnreadableError
from steps.oci.reference import Reference
from steps.readiness import content, kept, presence, required
from steps.readiness.demands import Demands, judged_by, questions_of
from steps.readiness.found import Found
from steps.readiness.reasons import Cause, Reason
from steps.trust import releases as trust
from steps.trust.sigstore import Image
from steps.versions import natural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from steps.oci.access import Access
    from steps.readiness.content import Release
    from steps.readiness.demands import Demand
    from steps.readiness.graph import GraphData
    from steps.readiness.kept import Kept
    from steps.readiness.known import Known
    from steps.readiness.needs import Needs
    from steps.readiness.presence import Question
    from steps.trust.releases import Minor, ReleaseKeys
    from steps.trust.verdicts import Verdict

log = logging.getLogger(__name__)

AT_ONCE: Final = 8
"""Releases that are read at a time."""
MOST_RELEASES: Final = 2000
LIST_TAGS: Final = "let the login list tags: the update service of this mirror lists them too"
ReadCatalogs: TypeAlias = "Callable[[Mapping[str, frozenset[str]]], Mapping[str, Catalog | RegistryError]]"
"""Takes packages by the reference of their catalog; returns what was read of each, or why it was not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How to look at targets.

    `keys` verify signatures; None passes over them. `folder` keeps answers for an hour, `fresh` asks for all
    of them anew. `layers` asks for every layer as well.
    """

    access: Access
    read_catalogs: ReadCatalogs
    keys: ReleaseKeys | None
    folder: Path | None = None
    fresh: bool = False
    layers: bool = False

    def at(self, known: Known, needs: Iterable[Needs]) -> tuple[Found, dict[Needs, Demand]]:
        """Ask a target for all that the needs ask of it; nothing is judged."""
        now, needed = time.time(), list(needs)
        remembered = kept.read(self.folder, known.target)
        if self.fresh:
            remembered.present.clear()
        found = Found(known=known)
        if why := obstacle(known.target.partition("/")[0]):
            return _silent(found, needed, why)
        self._read_releases(found, remembered)
        self._read_graph(found, remembered)
        self._read_catalogs(found, needed)
        demands = Demands(found)
        demanded = {one: demands.of(one) for one in needed}
        self._ask(found, demanded.values(), remembered, now)
        found.verdicts = self._verdicts(found, judged_by(demanded.values()).values())
        kept.write(self.folder, known.target, remembered)
        return found, demanded

    def _read_releases(self, found: Found, remembered: Kept) -> None:
        place = found.coverage.releases
        try:
            with self.access.open(place) as repository:
                tags = [tag for tag in repository.tags() if content.is_release_tag(tag)]
        except StepError as error:
            remedy = LIST_TAGS if isinstance(error, UnlistedError) else ""
            found.no_releases = Reason(presence.cause_of(error), error.reason, remedy=remedy)
            return
        if len(tags) > MOST_RELEASES:
            log.warning("%s has %d releases; the newest %d are read", place, len(tags), MOST_RELEASES)
            tags = sorted(tags, key=natural, reverse=True)[:MOST_RELEASES]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(lambda tag: self._release(place, tag, remembered), tags))
        read = [one for one in answers if not isinstance(one, Reason)]
        found.releases = {(one.node.version, one.architecture): one for one in read}
        found.unread = {
            tag: reason
            for tag, one in zip(tags, answers, strict=True)
            if (reason := _unread(f"{place}:{tag}", one))
        }
        remembered.releases |= {one.digest: one for one in read}

    def _release(self, place: str, tag: str, remembered: Kept) -> Release | Reason:
        try:
            with self.access.open(place) as repository:
                digest = repository.digest(tag)
                return remembered.releases.get(digest) or content.read_release(repository, digest)
        except UnreadableError as error:
            return Reason(Cause.OTHER_IMAGE, f"{place}:{tag} is no release: {error.reason}")
        except PartAbsentError as error:
            return Reason(Cause.INCOMPLETE, f"{place}:{tag}: {error.reason}")
        except StepError as error:
            return Reason(presence.cause_of(error), error.reason)

    def _read_graph(self, found: Found, remembered: Kept) -> None:
        image = Reference.find(found.coverage.graph_image)
        if image is None or not image.registry:
            what = f"{found.coverage.graph_image} is no reference of an image"
            found.no_graph = Reason(Cause.NO_GRAPH, what)
            return
        digest = ""
        try:
            with self.access.open(image.name) as repository:
                digest = repository.digest(image.version)
                known: GraphData | None = remembered.graphs.get(digest)
                found.graph = known or content.read_graph(repository, digest)
                remembered.graphs[digest] = found.graph
        except StepError as error:
            is_read = isinstance(error, AbsentError | UnreadableError)
            cause = Cause.NO_GRAPH if is_read else presence.cause_of(error)
            found.no_graph = Reason(cause, error.reason)
        remembered.limit(
            releases=[one.digest for one in found.releases.values()], graphs=[digest], now=time.time()
        )

    def _read_catalogs(self, found: Found, needs: Iterable[Needs]) -> None:
        wanted = _catalogs_of(found, needs)
        found.catalogs = {place: _catalog(one) for place, one in self.read_catalogs(wanted).items()}
        more = _catalogs_beside(found, wanted)
        if more:
            read = {place: _catalog(one) for place, one in self.read_catalogs(more).items()}
            found.catalogs = {**found.catalogs, **read}

    def _ask(self, found: Found, demands: Iterable[Demand], remembered: Kept, now: float) -> None:
        questions = questions_of(demands)
        known = {} if self.layers else remembered.answers(questions - _deleted(found, questions), now)
        asked = presence.ask(self.access, questions - known.keys(), layers=self.layers)
        remembered.keep(asked, now)
        found.answers = {**known, **asked}
        log.info("%s: asked for %d images, %d were known", found.known.target, len(asked), len(known))

    def _verdicts(
        self, found: Found, releases: Iterable[Release]
    ) -> dict[str, Mapping[Minor, Verdict]] | None:
        if self.keys is None:
            return None
        resources = found.known.resources
        if resources is None:  # nobody says where clusters look for them
            return {}
        signed = acceptance.gpg_signatures(resources)
        judged = {
            one: trust.Release(
                image=Image(name=trust.RELEASES, digest=one.digest),
                version=one.node.version,
                gpg=signed.get(one.digest, ()),
            )
            for one in releases
        }
        content = [pair for one, release in judged.items() if release.needs_content() for pair in one.content]
        wanted = [*((trust.RELEASES, one.digest) for one in judged), *content]
        reader = Reader(target=self.access, mirrors=found.coverage.by_digest, gpg=signed)
        images = dict(zip(dict.fromkeys(wanted), reader.images(wanted), strict=True))
        now = datetime.now(UTC)
        return {
            one.digest: trust.judge(_with_images(one, release, images), self.keys, now)
            for one, release in judged.items()
        }


def _with_images(
    one: Release, release: trust.Release, images: Mapping[tuple[str, str], Image]
) -> trust.Release:
    """Return a release with what was read of its image, and of its content where that counts."""
    content = tuple(images[pair] for pair in one.content) if release.needs_content() else None
    return replace(release, image=images[trust.RELEASES, one.digest], content=content or None)


def _deleted(found: Found, questions: Iterable[Question]) -> set[Question]:
    """Return the questions about images that a run has deleted: that one was there tells nothing any more."""
    deleted, path = found.known.deleted, f"{found.known.target}/"
    return {one for one in questions if f"{one.place.removeprefix(path)}@{one.version}" in deleted}


def _catalogs_of(found: Found, needs: Iterable[Needs]) -> dict[str, frozenset[str]]:
    """Return the catalogs to read, with the packages that are needed of each."""
    wanted: dict[str, set[str]] = {}
    for one in needs:
        for minor in one.minors:
            for operator in one.operators:
                place = found.coverage.catalog(operator.source, minor)
                if minor == one.minor or place in found.coverage.catalogs:
                    wanted.setdefault(place, set()).add(operator.package)
    return {place: frozenset(packages) for place, packages in wanted.items()}


def _catalogs_beside(found: Found, wanted: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Return the catalogs in which to look for what operators require and their own catalog does not have."""
    more: dict[str, frozenset[str]] = {}
    for place, one in found.catalogs.items():
        lacks = required.absent([one]) if isinstance(one, Catalog) else frozenset[str]()
        for other in found.coverage.catalogs_beside(place) if lacks else ():
            more[other] = more.get(other, wanted.get(other, frozenset())) | lacks
    return more


def _silent(found: Found, needs: list[Needs], why: str) -> tuple[Found, dict[Needs, Demand]]:
    """Return what is known of a target that does not answer: it is asked nothing more."""
    found.no_releases = found.no_graph = reason = Reason(Cause.NO_ANSWER, why)
    found.catalogs = dict.fromkeys(_catalogs_of(found, needs), reason)
    demands = Demands(found)
    demanded = {one: demands.of(one) for one in needs}
    found.answers = dict.fromkeys(questions_of(demanded.values()), presence.Answer(obstacle=why))
    return found, demanded


def _unread(place: str, one: Release | Reason) -> Reason | None:
    """Return why a tag does not lead to the release that it names; None if it does."""
    if isinstance(one, Reason):
        return one
    if place.endswith(f":{content.tag_of(one.node.version, one.architecture)}"):
        return None
    return Reason(Cause.OTHER_IMAGE, f"{place} is release {one.node.version} for {one.architecture}")


def _catalog(read: Catalog | RegistryError) -> Catalog | Reason | None:
    match read:
        case Catalog():
            return read
        case PartAbsentError():
            return Reason(Cause.INCOMPLETE, f"catalog: {read.reason}")
        case AbsentError():
            return None
        case UnreadableError():
            return Reason(Cause.UNREADABLE, read.reason)
    return Reason(presence.cause_of(read), read.reason)
