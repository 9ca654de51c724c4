"""`repair` of workflow-verify-target: what a target has lost is mirrored again, and nothing else.

oc-mirror puts an additional image wherever `targetRepo` and `targetTag` say (additional/
local_stored_collector.go, resolveTargetRepoTag; from 4.22 on). It copies what is missing of an image whose
manifest is there. So an ImageSet of the lost images alone brings them back. They come from where the run that
brought them had read them: registries, or the cache of a from-disk run.

Catalogs that oc-mirror has filtered, the release graph, and images of some platforms are made in a whole run
only. The next run of the workflow brings these: it is not left out while a look has found something missing.

A layer of which the registry has a damaged copy stays: it says that it has it, so oc-mirror pushes none, and
docker-registry would drop what is pushed (distribution, registry/storage/blobwriter.go, moveBlob).
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from steps.errors import MirrorError, RegistryError
from steps.files import write_atomically
from steps.imageset.model import API_VERSION, KIND, AdditionalImage, Configuration, Mirror
from steps.imageset.writing import write
from steps.mirroring.checks import verify
from steps.mirroring.ocmirror.mapping import CACHE
from steps.mirroring.ocmirror.placement import CONTENT, RELEASES, path_of, tag_of
from steps.mirroring.request import FROM_DISK
from steps.mirroring.retries import retrying
from steps.mirroring.store.runs import timestamp
from steps.mirroring.workflows import direct, from_disk, verify_target
from steps.oci.reference import Reference
from steps.oci.registry import DAMAGED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from steps.mirroring.ocmirror.placement import Nesting
    from steps.mirroring.session import Session
    from steps.mirroring.store.runs import Done
    from steps.mirroring.store.verified import VerifiedImage, VerifiedImages

log = logging.getLogger(__name__)

VERSION: Final = "internal/oc-mirror-version.json"
"""Where oc-mirror 2.x looks for who made an archive, in its working directory."""
_CACHED: Final = "cache.invalid"
"""A registry for the name of an image that oc-mirror takes from its cache: only path and tag count then."""


def run(session: Session) -> Done:
    """Look, mirror again what is missing, and look at that again; record what is still missing.

    Raises LostError for it, also where oc-mirror failed, and what `verify_target.look` raises.
    """
    request, store = session.request, session.store
    found = verify_target.look(request, store)
    store.verified.looked(found)
    verify_target.tell(found)
    now = dict[str, str]()
    lost_ones = [place for place, what in found.missing.items() if not what.startswith(DAMAGED)]
    for record, lost in _of_their_records(store.verified.of(request.target_registry), lost_ones):
        now |= _mirror_again(session, record, lost)
    wrong = {place: now.get(place, what) for place, what in found.missing.items()}
    found = found.changed(
        finished=timestamp(datetime.now(UTC)),
        missing={place: what for place, what in wrong.items() if what},
        repaired=tuple(sorted(place for place, what in now.items() if not what)),
    )
    store.verified.looked(found)
    return verify_target.conclude(found, tried=True)


def _of_their_records(
    records: Sequence[VerifiedImages], missing: Collection[str]
) -> Iterator[tuple[VerifiedImages, list[VerifiedImage]]]:
    """Give each record, the last verified first, with those lost images for which it has the last word."""
    left = set(missing)
    for record in reversed(records):
        lost = [image for image in record.images if image.place in left]
        left -= {image.place for image in lost}
        if lost:
            yield record, lost


def alone(image: VerifiedImage, *, workflow: str, nesting: Nesting) -> AdditionalImage | None:
    """Return the entry of an ImageSet that brings just this image to its place; None where there is none."""
    source, place = Reference.find(image.source), Reference.parse_relative(image.place)
    if source is None or not source.registry or not place.tag:
        return None
    cached = CACHE.fullmatch(source.registry) is not None
    if cached != (workflow == FROM_DISK):  # what a direct run takes from the cache is made in that run
        return None
    if cached:
        name = f"{_CACHED}/{source.repository}:{source.tag}"
        fits = nesting.join(source.repository) == place.repository and source.tag == place.tag
        return AdditionalImage(name=name) if fits else None
    path = path_of(image.source)
    own = nesting.join(path) == place.repository
    known = (repository for repository in (CONTENT, RELEASES) if nesting.join(repository) == place.repository)
    where = "" if own else next(known, "" if nesting.room else place.repository)
    if not own and not where:
        return None
    tag = "" if place.tag == (source.tag or tag_of(source.digest)) else place.tag
    return AdditionalImage(
        name=str(source), target_repo=where, target_tag=tag or (place.tag if where else "")
    )


def _mirror_again(session: Session, record: VerifiedImages, lost: Iterable[VerifiedImage]) -> dict[str, str]:
    """Mirror those images of one mirror name again that can be mirrored alone.

    Returns by place what is wrong with them afterwards, empty for those that are whole. Where oc-mirror
    failed with some, this is logged, and the others count.
    """
    target, nesting = session.request.target_registry, session.request.nesting
    sparse = verify_target.is_sparse(session.store, target, record.mirror_name)
    entries: dict[str, AdditionalImage] = {}
    for image in lost:
        entry = None if sparse else alone(image, workflow=record.workflow, nesting=nesting)
        if entry is None:
            log.warning("%s is brought back by a whole run only: the next %s", image.place, record.workflow)
        else:
            entries[image.place] = entry
    if not entries:
        return {}
    log.info("mirroring again: %s", ", ".join(entries))
    _write_imageset(session, entries.values())
    try:
        retrying(session, partial(_run, session, record.workflow))
    except MirrorError as error:
        log.error("%s", error.reason.replace(f"{_CACHED}/", ""))  # noqa: TRY400 - no traceback
    return _settle(session, record, {image.place: image for image in record.images if image.place in entries})


def _settle(session: Session, record: VerifiedImages, again: Mapping[str, VerifiedImage]) -> dict[str, str]:
    """Look at what was mirrored again; return by place what is wrong, empty for what is whole.

    Where a tag leads to what its source has by now, that is what is expected from now on. No other image is:
    somebody else may have pushed it.
    """
    target = session.request.target_registry
    answers = verify_target.ask(session.target, target, again)
    wrong = {place: answer.wrong for place, answer in answers.items()}
    there = {place: again[place] for place, what in wrong.items() if not what}
    others = {place: answer.digest for place, answer in answers.items() if answer.wrong and answer.digest}
    for place in _moved_on(session, {place: again[place] for place in others}, others):
        log.warning(
            "%s is another image than before: its tag in the source now leads to %s", place, others[place]
        )
        there[place] = again[place].model_copy(update={"digest": others[place]})
    images = tuple(there.get(image.place, image) for image in record.images)
    if images != record.images:
        session.store.verified.write(record.changed(images=images))
    whole = dict.fromkeys(there, "")
    return wrong | whole | verify_target.ask_for_parts(session.target, target, there)


def _moved_on(session: Session, images: Mapping[str, VerifiedImage], digests: Mapping[str, str]) -> list[str]:
    """Return the places that have the digest which the tag of their source has now."""
    sources = {place: Reference.find(image.source) for place, image in images.items()}
    tags = {
        place: source
        for place, source in sources.items()
        if source and source.registry and not source.digest and not CACHE.fullmatch(source.registry)
    }
    found = []
    for place, source in tags.items():
        try:
            answer = verify.ask(session.source, [source])[source.place]
        except RegistryError as error:
            log.warning("what %s is now is not known: %s", source, error.reason)
            continue
        if answer.digest == digests[place]:
            found.append(place)
    return found


def _write_imageset(session: Session, images: Iterable[AdditionalImage]) -> None:
    document = Configuration(
        api_version=API_VERSION, kind=KIND, mirror=Mirror(additional_images=tuple(images))
    )
    write_atomically(session.store.imageset, "".join(f"{line}\n" for line in write(document)))


def _run(session: Session, workflow: str) -> None:
    """Run oc-mirror in scratch: what it leaves for the clusters tells of the lost images only."""
    store = session.store
    store.clear_scratch()
    store.scratch.mkdir(parents=True)
    if workflow == FROM_DISK:
        verify.empty_archive(store.scratch)
        _write_version(session)
        arguments = from_disk.arguments(session, store.scratch, dry_run=False)
    else:
        arguments = direct.arguments(session, workspace=store.scratch, dry_run=False)
    session.oc_mirror.run(arguments, working_dir=store.scratch / "working-dir")


def _write_version(session: Session) -> None:
    """Say that the archive of nothing is of this program (version/metadata.go, CheckVersionMetadata).

    Otherwise it warns that the archive was made by an older one.
    """
    program, path = session.oc_mirror.program, session.store.scratch / "working-dir" / VERSION
    path.parent.mkdir(parents=True)
    write_atomically(path, json.dumps({"gitVersion": program.version, "gitCommit": program.commit}))
