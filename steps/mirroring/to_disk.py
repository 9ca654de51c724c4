"""workflow-to-disk: a new generation, or nothing.

Incremental mode: `true` leaves the choice of history to oc-mirror, `since-date` overrides it, `false` makes a
full archive. What is continued must be an archive that became a generation here: of any other nobody could
tell what it needs at the target, so then a full archive is made.
"""

from __future__ import annotations

import logging
import socket
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from steps.files import write_atomically
from steps.mirroring.checks import estimate
from steps.mirroring.data import archives, contents, generations, history, inventory, journal, space
from steps.mirroring.data.follower import Follower
from steps.mirroring.data.journal import ARCHIVED, MIRRORING, Journal
from steps.mirroring.data.status import Done, timestamp
from steps.mirroring.delivery import products
from steps.mirroring.ocmirror import command

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from steps.imageset.imageset import ImageSet
    from steps.mirroring.data.generations import Generation
    from steps.mirroring.job import Job
    from steps.mirroring.ocmirror.outcome import Reading
    from steps.mirroring.request import Request

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """oc-mirror's --since, the history it leads to, and whose that is."""

    since: date | None
    history: str | None
    generation: Generation | None


def run(job: Job, imageset: ImageSet) -> Done:
    """Archive what `imageset` names and what the history lacks; return what came of it.

    Raises MirrorError if oc-mirror failed: then history and archives are as they were before.
    """
    layout = job.layout
    histories = history.recorded(layout.history)
    ledger = generations.ledger(layout)
    base = choose_base(job.request, histories, ledger)
    write_atomically(layout.imageset, imageset.content)
    if job.request.dry_run:
        arguments = _arguments(job, layout.scratch, base)
        job.oc_mirror.run(arguments, working_dir=layout.scratch / "working-dir")
        plan = products.read_plan(layout)
        known = layout.history / base.history if base.history else None
        size = estimate.archive(layout, plan["mapping.txt"], known, job.oc_mirror.options)
        return Done(summary=products.keep_plan(layout, [plan], size))
    if base.history is None:
        space.check_full_archive(layout)
    _let_the_second_pass(histories)
    started = timestamp(datetime.now(UTC))
    entry = Journal(phase=MIRRORING, started=started, histories=tuple(histories), draft={})
    journal.write(layout, entry)
    try:
        with Follower(layout.root) as follower:
            reading = job.oc_mirror.run(_arguments(job, layout.root, base), working_dir=layout.working_dir)
            archives.settle(layout.archives())
            files = follower.files()
    except BaseException:
        with suppress(OSError):  # what cannot be moved now, the next run takes back
            journal.take_back(layout, entry)
            journal.close(layout)
        raise
    draft = _draft(job, base, reading) | {
        "contents": contents.describe(reading, imageset.mirror, layout.working_dir),
        "files": [asdict(file) for file in files],
        "sequence": max(ledger, default=0) + 1,
        "imageset_sha256": imageset.sha256,
        "history_written": [name for name in history.recorded(layout.history) if name not in histories],
        "started": entry.started,
        "finished": timestamp(datetime.now(UTC)),
    }
    entry = replace(entry, phase=ARCHIVED, draft=draft)
    journal.write(layout, entry)
    inventory.note(
        layout,
        reading,
        target=inventory.ARCHIVES,
        imageset=imageset,
        generations=[draft["sequence"]],
    )
    generation = journal.complete(layout, entry)
    return Done(
        summary=f"{generation.summary} is in {layout.generation(generation.sequence)}",
        generations=(generation.sequence,),
        size=generation.size,
        images=generation.images,
    )


def choose_base(request: Request, histories: dict[str, datetime], ledger: dict[int, Generation]) -> Base:
    """Decide what to continue (design of oc-mirror: see `history`), and say so in the log."""
    since = request.since_date if request.incremental_mode else history.EVERYTHING
    name = history.chosen(histories, since)
    if name is None:
        log.info("full archive: %s", _why_full(request, histories))
        return Base(since=since, history=None, generation=None)
    writer = next((one for one in ledger.values() if name in one.history_written), None)
    if writer is None:
        log.warning("full archive: history %s was written by no generation of this data directory", name)
        return Base(since=history.EVERYTHING, history=None, generation=None)
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


def _arguments(job: Job, destination: Path, base: Base) -> list[str]:
    return command.to_disk(
        job.oc_mirror.options,
        job.oc_mirror.version,
        imageset=job.layout.imageset,
        destination=destination,
        cache=job.layout.cache,
        since=base.since,
        dry_run=job.request.dry_run,
    )


def _draft(job: Job, base: Base, reading: Reading) -> dict[str, Any]:
    before = base.generation
    return {
        "predecessor": None if before is None else {"sequence": before.sequence, "identity": before.identity},
        "since": None if base.since is None else base.since.isoformat(),
        "history_used": base.history,
        "images": {kind: done for kind, (done, _total) in reading.counts.items()},
        "oc_mirror": job.oc_mirror.version.text,
        "host": socket.gethostname(),
    }


def _let_the_second_pass(histories: dict[str, datetime]) -> None:
    """Wait out the second in which the newest history was written: a history's name has no finer time."""
    now = datetime.now(UTC)
    if histories and max(histories.values()).replace(microsecond=0) == now.replace(microsecond=0):
        time.sleep(1 - now.microsecond / 1_000_000)
