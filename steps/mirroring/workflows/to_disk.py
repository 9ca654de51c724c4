"""workflow-to-disk: a new generation, or nothing.

Incremental mode: `true` leaves the choice of history to oc-mirror, `since-date` overrides it, `false` makes a
full archive. A run continues only an archive that became a generation here. Of any other nobody knows what it
needs at the target, so a full archive is made instead.
"""

from __future__ import annotations

import hashlib
import logging
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from steps.files import write_atomically
from steps.mirroring.checks import asked, estimate, space
from steps.mirroring.ocmirror import command, mapping
from steps.mirroring.store import archives, contents, history, inventory, sizes
from steps.mirroring.store.archives import Follower
from steps.mirroring.store.generations import Generation, Predecessor
from steps.mirroring.store.journal import ARCHIVED, HELD, MIRRORING, Progress
from steps.mirroring.store.runs import Done, timestamp
from steps.mirroring.workflows import acknowledge, changed, cleanup, hold, shared, signing
from steps.parameters.table.workflow import ALWAYS_ARCHIVE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date
    from pathlib import Path

    from steps.mirroring.ocmirror.output import Reading
    from steps.mirroring.request import Request
    from steps.mirroring.session import Session
    from steps.mirroring.store.archives import Archive
    from steps.mirroring.store.contents import ContentIndex
    from steps.mirroring.store.working_dir import Used

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What a run continues: oc-mirror's --since, the history it leads to, the generation that wrote that.

    Without a history and a generation the archive is full.
    """

    since: date | None
    history: str | None = None
    generation: Generation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """What a run of oc-mirror archived, and what it said.

    `histories` are the names of those that it wrote, `new_blobs` the digests that its base lacks.
    """

    reading: Reading
    files: tuple[Archive, ...]
    histories: tuple[str, ...]
    new_blobs: frozenset[str]


def run(session: Session) -> Done:
    """Archive what the ImageSet names and the history lacks; return what was made of it.

    Raises MirrorError if oc-mirror failed: then history and archives are as they were before; HeldError where
    what was made is to be held, and its list of changes is not approved yet.
    """
    store, imageset = session.store, session.given_imageset
    histories = store.history.written()
    ledger = store.generations.ledger()
    held = store.generations.held()  # where one is held, this is a dry run
    base = choose_base(session.request, histories, [*ledger.values(), *([held] if held else [])])
    acknowledge.warn_of_base(store, base.generation, ledger)
    write_atomically(store.imageset, imageset.content)
    if session.request.dry_run:
        return _dry_run(session, base)
    changed.catch_up(store)
    if base.history is None:
        space.check_full_archive(store)
    store.history.prepare(base.history)
    store.working_dir.prepare(imageset.mirror)
    shared.take_over(session)
    _let_the_second_pass(histories)
    progress = Progress(
        phase=MIRRORING, started=timestamp(datetime.now(UTC)), histories=tuple(histories), draft=None
    )
    archived = _archive(session, base, progress)
    used = store.working_dir.used(imageset.mirror, archived.reading, store.cache)
    index = contents.index(archived.reading, imageset.mirror, store.cache, archived=archived.new_blobs)
    draft = _generation(
        session, base, archived, used, progress, index=index, sequence=max(ledger, default=0) + 1
    )
    mirror_name = session.request.mirror_name
    newest = next((found for found in reversed(ledger.values()) if found.mirror_name == mirror_name), None)
    if not archived.new_blobs and newest and _may_go_without(session.request, newest, draft):
        store.discard(progress)
        return Done(
            summary=f"nothing is new since generation {newest.sequence}: no archive was made"
            " (--always-archive=true makes one)",
            unchanged=True,
        )
    return _publish(session, archived, draft, index=index, used=used, progress=progress)


def _publish(
    session: Session,
    archived: Archived,
    draft: Generation,
    *,
    index: ContentIndex,
    used: Used,
    progress: Progress,
) -> Done:
    """Make a generation of what was archived, or hold it. Raises HeldError as `run` does."""
    store, imageset, mirror_name = session.store, session.given_imageset, session.request.mirror_name
    # Before the journal: what a kill leaves in phase `archived`, the next run completes without this reading.
    store.inventory.add(
        archived.reading,
        target=inventory.ARCHIVES,
        imageset=imageset,
        mirror_name=mirror_name,
        generations=[draft.sequence],
    )
    signing.sign(session, draft, index)  # before the journal, too: a later run may have no key
    holds = hold.asked_for(session.request)
    progress = progress.changed(phase=HELD if holds else ARCHIVED, draft=draft)
    store.journal.write(progress)
    generation = hold.generation(session, progress) if holds else store.complete(progress)
    cleanup.after_run(store, mirror_name, imageset.mirror, used)
    if not holds:
        changed.after_to_disk(store, generation)
    return Done(
        summary=f"{generation.summary} is in {store.generations.path(generation.sequence)}",
        generations=(generation.sequence,),
        size=generation.size,
        images=generation.images,
    )


def choose_base(request: Request, histories: dict[str, datetime], generations: Iterable[Generation]) -> Base:
    """Decide what to continue (design of oc-mirror: see `history`), and log it."""
    since = request.since_date if request.incremental_mode else history.EVERYTHING
    name = history.chosen(histories, since)
    if name is None:
        log.info("full archive: %s", _why_full(request, histories))
        return Base(since=since)
    writer = next((generation for generation in generations if name in generation.history_written), None)
    if writer is None:
        log.warning("full archive: history %s was written by no generation of this data directory", name)
        return Base(since=history.EVERYTHING)
    age = datetime.now(UTC) - histories[name]
    words = (
        f"{str(age).split('.', 1)[0]} old"
        if age >= timedelta(0)
        else "from the future: the clock was set back"
    )
    log.info("incremental archive: continues generation %d (history %s, %s)", writer.sequence, name, words)
    return Base(since=since, history=name, generation=writer)


def _why_full(request: Request, histories: dict[str, datetime]) -> str:
    if not histories:
        return "there is no history yet"
    return f"no history is older than {request.since_date}" if request.incremental_mode else "as asked for"


def _dry_run(session: Session, base: Base) -> Done:
    store = session.store
    working_dir = store.scratch / "working-dir"
    session.oc_mirror.run(_arguments(session, store.scratch, base), working_dir=working_dir)
    lists = mapping.read(working_dir)
    archived = store.history.blobs(base.history)
    size = estimate.archive(store, lists[mapping.MAPPING], archived, session.source)
    return Done(summary=estimate.keep_lists(store, [lists], size))


def _archive(session: Session, base: Base, progress: Progress) -> Archived:
    """Run oc-mirror with the journal written; if it fails, undo what it did."""
    store = session.store
    store.journal.write(progress)
    try:
        with Follower(store.root) as follower:
            reading = session.oc_mirror.run(
                _arguments(session, store.root, base), working_dir=store.working_dir.path
            )
            asked.check(reading, session.given_imageset.mirror, store.working_dir.path)
            archives.check_complete(store.archives())
            written = tuple(name for name in store.history.written() if name not in progress.histories)
            blobs = frozenset[str]().union(*(store.history.blobs(name) for name in written))
            return Archived(
                reading=reading,
                files=follower.files(),
                histories=written,
                new_blobs=blobs - store.history.blobs(base.history),
            )
    except BaseException:
        with suppress(OSError):  # what cannot be moved now, the next run moves
            store.roll_back(progress)
            store.journal.close()
        raise


def _may_go_without(request: Request, newest: Generation, draft: Generation) -> bool:
    """Return whether an archive without new blobs may go: nobody asked for it, and it stands for the same.

    Where it is not known what one of them stands for, the archive stays.
    """
    asked_for = request.values[ALWAYS_ARCHIVE] or request.since_date or not request.incremental_mode
    return not asked_for and bool(draft.meaning) and draft.meaning == newest.meaning


def _generation(
    session: Session,
    base: Base,
    archived: Archived,
    used: Used,
    progress: Progress,
    *,
    index: ContentIndex,
    sequence: int,
) -> Generation:
    """Write the index of the generation to be, and make its record."""
    store, imageset, before = session.store, session.given_imageset, base.generation
    packed = index.packed()
    write_atomically(store.content_index, packed)
    described = contents.describe(
        archived.reading, imageset.mirror, store.working_dir.path, catalogs=used.catalogs
    )
    sizes.add(store.sizes, sizes.measure(imageset.mirror, index, store.working_dir.path, store.cache))
    return Generation(
        sequence=sequence,
        predecessor=None
        if before is None
        else Predecessor(sequence=before.sequence, identity=before.identity),
        files=archived.files,
        imageset_sha256=imageset.sha256,
        mirror_name=session.request.mirror_name,
        since=None if base.since is None else base.since.isoformat(),
        history_used=base.history,
        history_written=archived.histories,
        images={kind: done for kind, (done, _total) in archived.reading.counts.items()},
        oc_mirror=session.oc_mirror.program.version,
        started=progress.started,
        finished=timestamp(datetime.now(UTC)),
        host=socket.gethostname(),
        contents=described,
        contents_sha256=hashlib.sha256(packed).hexdigest(),
        meaning=contents.meaning(imageset.meaning, index, described, used),
    )


def _arguments(session: Session, destination: Path, base: Base) -> list[str]:
    return command.to_disk(
        session.oc_mirror.options,
        session.oc_mirror.program,
        imageset=session.store.imageset,
        destination=destination,
        cache=session.store.cache.folder,
        since=base.since,
        dry_run=session.request.dry_run,
    )


def _let_the_second_pass(histories: dict[str, datetime]) -> None:
    """Wait out the second in which the newest history was written: a history's name has no finer time."""
    now = datetime.now(UTC)
    if histories and max(histories.values()).replace(microsecond=0) == now.replace(microsecond=0):
        time.sleep(1 - now.microsecond / 1_000_000)
