"""The to-disk run in progress, written down so that whatever kills it costs at most its own work.

oc-mirror advances its history before the archive is closed, and its next run deletes the archive. So between
the two lies the moment in which blobs count as archived and are in no archive. The journal closes it:

    mirroring   oc-mirror is at work. After a kill: its archive is set aside and its history taken back.
    archived    oc-mirror has ended well. After a kill: the archive becomes a generation, as it would have.
"""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from steps.errors import InvalidInputError
from steps.files import write_atomically
from steps.mirroring.data import generations, history, leftovers

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from steps.mirroring.data.generations import Generation
    from steps.mirroring.data.layout import Layout

log = logging.getLogger(__name__)

MIRRORING, ARCHIVED = "mirroring", "archived"


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """What is known of the run: its phase, the histories that were there before, and the record to be."""

    phase: str
    started: str
    histories: tuple[str, ...]
    draft: dict[str, Any]


def write(layout: Layout, journal: Journal) -> None:
    """Put the journal on the disk."""
    write_atomically(layout.journal, json.dumps(asdict(journal), indent=2) + "\n")


def close(layout: Layout) -> None:
    """End the run: nothing is in progress any more. The journal goes first, its ImageSet after it."""
    layout.journal.unlink(missing_ok=True)
    shutil.rmtree(layout.run, ignore_errors=True)


def recover(layout: Layout, *, now: datetime) -> None:
    """Bring the data directory to rest: finish or take back a run that was interrupted, set aside strangers.

    To be called with the lock held, before oc-mirror runs. Can itself be interrupted and called again.
    """
    journal = _read(layout)
    if journal is not None and journal.phase == ARCHIVED:
        log.info("an interrupted run is now complete: %s", complete(layout, journal).summary)
    elif journal is not None:
        take_back(layout, journal)
    close(layout)
    if strangers := layout.archives():
        folder = layout.set_aside / f"found-{now:%Y%m%dT%H%M%SZ}"
        _move(strangers, folder)
        log.warning(
            "%s lay in %s and came from no run of ours: moved to %s, since oc-mirror would delete them",
            ", ".join(path.name for path in strangers),
            layout.root,
            folder,
        )
    leftovers.remove(layout)


def take_back(layout: Layout, journal: Journal) -> None:
    """Undo a run that made no generation: its histories must not claim blobs that no archive holds.

    Its archives are set aside until the next generation is made; all that is in them is in the cache as well,
    so where the volume has no room for them and the next archive, they are removed.
    """
    written = [layout.history / name for name in _names(layout.history) if name not in journal.histories]
    archives = layout.archives()
    if not written and not archives:
        return
    folder = layout.set_aside / f"interrupted-{journal.started.replace(':', '')}"
    _move(written, folder)
    if sum(path.stat().st_size for path in archives) < shutil.disk_usage(layout.root).free:
        _move(archives, folder)
        fate = f"set aside in {folder} until then"
    else:
        for path in archives:
            path.unlink()
        fate = "removed, the volume is too small for both"
    names = ", ".join(path.name for path in [*written, *archives])
    log.warning("the run of %s made no generation, the next one will; %s: %s", journal.started, names, fate)


def complete(layout: Layout, journal: Journal) -> Generation:
    """Make the archives of a run in phase `archived` a generation, and end the run."""
    generation = generations.seal(layout, journal.draft)
    close(layout)
    for folder in layout.set_aside.glob("interrupted-*"):
        shutil.rmtree(folder)
        log.info("removed %s: generation %d holds what was in it", folder, generation.sequence)
    return generation


def _read(layout: Layout) -> Journal | None:
    try:
        document = json.loads(layout.journal.read_bytes())
        return Journal(**document | {"histories": tuple(document["histories"])})
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(
            f"{layout.journal} is not a journal of ours: {error}",
            "move this file away; archives beside it will be set aside, not deleted",
        ) from error


def _names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob(f"{history.PREFIX}*"))


def _move(paths: list[Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        shutil.move(path, folder / path.name)
