"""The data directory as one object, `Store`: where everything of a mirror lies, and how it stays whole.

    DATA/working-dir/            oc-mirror's own, with the .history that the next run continues
    DATA/working-dir.json        what of it the last run of each mirror used
    DATA/history/                oc-mirror's earlier histories, for since-date
    DATA/logs/                   oc-mirror's logs and pinned ImageSets of earlier runs
    DATA/mirror_NNNNNN.tar       only while a to-disk run writes them; then moved to
    DATA/generations/NNNNNN/     mirror_*.tar, imageset.yaml, contents.json.gz, generation.json and, if it is
                                 signed, generation.intoto.jsonl: what is carried across the gap
    DATA/held/NNNNNN/            the same, of one that is not published before its list of changes is approved
    DATA/ledger/NNNNNN.json      every generation ever made here, kept when its folder is carried away
    DATA/run/                    the run in progress: its ImageSet, its journal, its signed statement
    DATA/registries.d/           of which sources the last run copied the signatures
    DATA/unsigned.json           repositories whose signatures could not be copied
    DATA/policy.json             a user's policy, as the last run was given it
    DATA/cache/                  oc-mirror's cache, kept, so that nothing is fetched twice
    DATA/cache/used-by           the data directories that share it
    DATA/sites/NAME/             a data directory of its own for each site; DATA/cache is also theirs
    DATA/cache-dir               where it is instead, if it lies apart
    DATA/imports/                from-disk: the archives being imported, and oc-mirror's working directory
    DATA/imported.json           from-disk: which generations each target has
    DATA/received.json           which generations `mirror --import` has taken in whole
    DATA/scratch/                dry runs: oc-mirror deletes archives beside its destination even then
    DATA/planned/                mapping.txt and missing.txt of the last dry run
    DATA/targets/NAME/           what is published for the clusters of a target: IDMS, ITMS, CatalogSources…
    DATA/cluster-resources/      a copy of that where there is only one target
    DATA/autoshift-disconnected.yaml  the same for AutoShift's values
    DATA/runs/                   a record of each run: when, what, how it went
    DATA/progress.json           while oc-mirror runs: how far it has come
    DATA/mirrored.json           which releases and operators direct runs brought where
    DATA/changes/                what each generation or run brought against the one before
    DATA/receipts/NNNN.json      from-disk: what a target has, to be brought back to the other side
    DATA/acknowledged.json       which generations other sides have, by their receipts
    DATA/quarantine/             what interrupted runs left behind
    DATA/inventory/              what each run brought where; nothing is deleted that is not in it
    DATA/removal/                the plan of deletion, and what came of it
    DATA/verified/               what targets had when runs verified them, and what they have lost since
    DATA/accepted.json           which releases of a target clusters accept, as signatures show
    DATA/fingerprints.json       by what each workflow's last success was made
    DATA/lock

No path that oc-mirror is given holds one of the words that it refuses there (cli/executor.go, Validate).
Version 0.1 called `imports` and `imported.json` `intake`, and `quarantine` `set-aside`.
"""

from __future__ import annotations

import logging
import shutil
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from steps import files, units
from steps.errors import InvalidInputError
from steps.mirroring.store import cache_place, lock, neighbours
from steps.mirroring.store.accepted import Accepted
from steps.mirroring.store.acknowledged import Acknowledged
from steps.mirroring.store.archives import ARCHIVES
from steps.mirroring.store.cache import Cache
from steps.mirroring.store.change_lists import ChangeLists
from steps.mirroring.store.fingerprints import Fingerprints
from steps.mirroring.store.generations import Generations
from steps.mirroring.store.history import History
from steps.mirroring.store.imports import Imports
from steps.mirroring.store.inventory import Inventory
from steps.mirroring.store.journal import ARCHIVED, HELD, Journal
from steps.mirroring.store.mirrored import Mirrored
from steps.mirroring.store.progress import ProgressFile
from steps.mirroring.store.published import Published
from steps.mirroring.store.receipt import ReceiptFolder
from steps.mirroring.store.received import ReceivedFile
from steps.mirroring.store.runs import Runs
from steps.mirroring.store.unsigned import Unsigned
from steps.mirroring.store.verified import Verified
from steps.mirroring.store.working_dir import WorkingDir

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime
    from pathlib import Path

    from steps.mirroring.store.generations import Generation
    from steps.mirroring.store.journal import Progress

log = logging.getLogger(__name__)

_WRITTEN_BY_US = (
    "changes",
    "cluster-resources",
    "generations",
    "held",
    "inventory",
    "ledger",
    "planned",
    "receipts",
    "registries.d",
    "removal",
    "runs",
    "targets",
    "verified",
)
"""Folders below DATA; what lies in others is oc-mirror's, or goes as a whole."""


class Store:
    """A data directory. Each attribute owns a part of it; nothing else knows where that part lies."""

    def __init__(self, directory: Path, cache: Path | None = None) -> None:
        """Open `directory`, which need not exist yet; oc-mirror's `file://` needs it absolute.

        `cache` is the folder of oc-mirror's cache where it lies apart.
        """
        root = self.root = directory.absolute()
        self.generations = Generations(root)
        self.imports = Imports(root, self.generations)
        self.received = ReceivedFile(root)
        self.receipt_folder = ReceiptFolder(root)
        self.acknowledged = Acknowledged(root)
        self.mirrored = Mirrored(root)
        self.accepted = Accepted(root)
        self.verified = Verified(root)
        self.changes = ChangeLists(root, self.generations, self.imports, self.mirrored)
        self.progress = ProgressFile(root)
        self.cache = Cache(cache.absolute() if cache else cache_place.inside(root))
        self.journal = Journal(root / "run")
        self.inventory = Inventory(root / "inventory")
        self.runs = Runs(root / "runs")
        self.published = Published(root)
        # The ImageSet of the run in progress: the mounted one may change under it.
        self.imageset = root / "run/imageset.yaml"
        self.content_index = root / "run/contents.json.gz"
        self.statement = root / "run/generation.intoto.jsonl"
        self.working_dir = WorkingDir(root)
        self.history = History(self.working_dir.path / ".history", kept=root / "history")
        self.sizes = root / "sizes.json"
        self.registries_d = root / "registries.d"
        self.unsigned = Unsigned(root / "unsigned.json")
        self.scratch = root / "scratch"
        self.staging = root / "imports/archives"
        self.planned = root / "planned"
        self.deletion = root / "removal"  # oc-mirror keeps the word `delete` for itself
        self.fingerprints = Fingerprints(root / "fingerprints.json")
        self._quarantine = root / "quarantine"

    @contextmanager
    def locked(self, *, purpose: str, fills_cache: bool = False) -> Iterator[tuple[int, ...]]:
        """Hold the locks of the data directory and of its cache; gives their descriptors, for oc-mirror to
        inherit.

        With `fills_cache` the folder of the cache is made. Other data directories may share the cache, and
        are waited for. Raises ConflictError, naming the holder and since when, if another run has the data
        directory.
        """
        with ExitStack() as held:
            descriptors = [held.enter_context(lock.exclusive(self.root, purpose=purpose))]
            if fills_cache or self.cache_is_apart:
                self.cache.folder.mkdir(parents=True, exist_ok=True)
            if self.cache.folder.is_dir():
                purpose = f"{purpose} in {self.root}"
                descriptors.append(held.enter_context(lock.in_turn(self.cache.folder, purpose=purpose)))
            yield tuple(descriptors)

    @property
    def cache_is_apart(self) -> bool:
        """Whether the cache lies outside the data directory."""
        return self.cache.folder != cache_place.inside(self.root)

    def settle_cache(self) -> None:
        """Record where the cache is, and in the cache, who uses it; to be called with the locks held.

        Raises ConflictError if the cache of earlier runs is elsewhere, and this one is empty.
        """
        cache_place.settle(self.root, self.cache, Cache(cache_place.last(self.root)))
        if self.cache.folder.is_dir():
            neighbours.join(self.root, self.cache.folder)

    def neighbours(self) -> tuple[list[Store], list[Path]]:
        """Return the other data directories that share the cache, and the folders of those out of reach."""
        known, unknown = neighbours.others(self.root, self.cache.folder)
        return [Store(folder, self.cache.folder) for folder in known], unknown

    def archives(self) -> list[Path]:
        """Return the archives that lie where oc-mirror writes them; its next run would delete them."""
        return sorted(self.root.glob(ARCHIVES))

    def recover(self, *, now: datetime) -> None:
        """Bring the data directory to rest: complete or undo an interrupted run, and remove its leftovers.

        To be called with the lock held, before oc-mirror runs: then nothing unfinished can still be in work.
        Can itself be interrupted and called again.
        """
        self._adopt_names_of_0_1()
        progress = self.journal.read()
        if progress is not None and progress.phase == ARCHIVED:
            log.info("an interrupted run is now complete: %s", self.complete(progress).summary)
        elif progress is not None and progress.phase == HELD:
            log.info("an interrupted run is now held: %s", self.hold(progress).summary)
        elif progress is not None:
            self.roll_back(progress)
        self.journal.close()
        if unknown := self.archives():
            folder = self._quarantine / f"found-{now:%Y%m%dT%H%M%SZ}"
            _move(unknown, folder)
            log.warning(
                "%s lay in %s and came from no run of ours: moved to %s, since oc-mirror would delete them",
                ", ".join(path.name for path in unknown),
                self.root,
                folder,
            )
        self.generations.remove_leftovers()
        self.published.recover()
        self.clear_scratch()
        self._remove_unfinished()
        _remove_unfinished_releases(self.working_dir.path)
        self.cache.remove_uploads()

    def _remove_unfinished(self) -> None:
        """Remove the temporary files that kills have left, where we write and nobody else does."""
        files.remove_unfinished(self.root)
        for name in _WRITTEN_BY_US:
            files.remove_unfinished(self.root / name, deep=True)
        files.remove_unfinished(self.cache.folder)
        self.cache.remove_unfinished()

    def complete(self, progress: Progress) -> Generation:
        """Make the archives of a run in phase `archived` a generation, and end the run."""
        if progress.draft is None:
            raise ValueError("a run in phase `archived` has the record of its generation")
        generation = self.generations.seal(progress.draft, written=self.archives(), run=self.imageset.parent)
        self.journal.close()
        self._empty_quarantine(generation)
        return generation

    def _empty_quarantine(self, generation: Generation) -> None:
        """Remove what runs left that made no generation, now that `generation` holds what was in it."""
        for pattern in ("interrupted-*", "replaced-*"):
            for folder in self._quarantine.glob(pattern):
                shutil.rmtree(folder)
                log.info("removed %s: generation %d holds what was in it", folder, generation.sequence)

    def hold(self, progress: Progress) -> Generation:
        """Put the archives of a run in phase `held` aside, unpublished, and end the run."""
        if progress.draft is None:
            raise ValueError("a run in phase `held` has the record of its generation")
        run = self.imageset.parent
        generation = self.generations.seal(progress.draft, written=self.archives(), run=run, hold=True)
        self.journal.close()
        return generation

    def publish_held(self, held: Generation) -> Generation:
        """Publish the generation that is held."""
        generation = self.generations.publish_held(held)
        self._empty_quarantine(generation)
        return generation

    def set_held_aside(self, held: Generation) -> None:
        """Undo the run that made the generation that is held, as `roll_back` does; a newer one replaces it.

        Its histories go first: they must not claim blobs that no archive holds.
        """
        folder = self._quarantine / f"replaced-{held.finished.replace(':', '')}"
        self.generations.forget_held(held)
        _move(self.history.paths_of(held.history_written), folder)
        archives = self.generations.held_folder(held)
        if held.size < shutil.disk_usage(self.root).free:
            files.rename(archives, folder / archives.name)
            outcome = f"in {folder} until another one is published"
        else:
            self.generations.remove_held(held)
            outcome = "removed, the volume is too small for both"
        log.warning("generation %d, which was held, is replaced; %s", held.sequence, outcome)

    def discard(self, progress: Progress) -> None:
        """Undo a run whose archive nobody needs: it stands for what the newest generation stands for."""
        for path in [*self.archives(), *self.history.paths_except(progress.histories)]:
            path.unlink()
            files.sync_folder(path.parent)
        self.journal.close()

    def roll_back(self, progress: Progress) -> None:
        """Undo a run that made no generation: its histories must not claim blobs that no archive holds.

        Its archives stay in quarantine until the next generation is made. All that is in them is in the cache
        as well, so where the volume has no room for them and the next archive, they are removed.
        """
        written = self.history.paths_except(progress.histories)
        archives = self.archives()
        if not written and not archives:
            return
        folder = self._quarantine / f"interrupted-{progress.started.replace(':', '')}"
        _move(written, folder)
        if sum(path.stat().st_size for path in archives) < shutil.disk_usage(self.root).free:
            _move(archives, folder)
            outcome = f"in {folder} until then"
        else:
            for path in archives:
                path.unlink()
            outcome = "removed, the volume is too small for both"
        log.warning(
            "the run of %s made no generation, the next one will; %s: %s",
            progress.started,
            ", ".join(path.name for path in [*written, *archives]),
            outcome,
        )

    def set_aside(self, paths: list[Path], what: str, now: datetime) -> Path:
        """Move `paths` into a folder of the quarantine, named after `what` they are; return it."""
        folder = self._quarantine / f"{what}-{now:%Y%m%dT%H%M%SZ}"
        _move(paths, folder)
        return folder

    def mend_cache(self, named: Collection[str], *, search: bool, now: datetime) -> bool:
        """Set damaged blobs of the cache aside, and bring back what it lacks from archives that are here.

        Looks at the blobs `named`; with `search` at all of them. Returns whether anything could be done.
        """
        if search:
            log.info("all of the cache is read for damaged blobs: %s", units.size(self.cache.size()))
        damaged = self.cache.damaged(self.cache.blobs() if search else named)
        if damaged:
            for earlier in self._quarantine.glob("damaged-blobs-*"):
                shutil.rmtree(earlier)
            folder = self.set_aside(
                [self.cache.blob(digest).parent for digest in damaged], "damaged-blobs", now
            )
            log.warning("damaged in the cache, moved to %s: %s", folder, ", ".join(damaged))
        restored = self._restore({digest for digest in {*named, *damaged} if not self.cache.has(digest)})
        return bool(damaged or restored)

    def _restore(self, digests: set[str]) -> set[str]:
        """Bring blobs back into the cache from the newest archives that have them; return which."""
        restored: set[str] = set()
        for generation in reversed(self.generations.present().values()):
            for archive in self.generations.archives(generation):
                if digests == restored:
                    return restored
                try:
                    found = self.cache.restore(archive, digests - restored)
                except (OSError, InvalidInputError) as error:
                    log.warning("%s is skipped: %s", archive, error)
                    continue
                if found:
                    log.info("from generation %d: %s", generation.sequence, ", ".join(found))
                restored |= set(found)
        return restored

    def clear_scratch(self) -> None:
        """Remove what a dry run left."""
        if self.scratch.exists():
            shutil.rmtree(self.scratch)

    def _adopt_names_of_0_1(self) -> None:
        former = self.root / "set-aside"
        if former.is_dir():
            _move(sorted(former.iterdir()), self._quarantine)
            former.rmdir()


def _remove_unfinished_releases(working_dir: Path) -> None:
    """Remove release-images/REPOSITORY/TAG folders without index.json.

    oc-mirror takes the mere folder for a finished copy (release/local_stored_collector.go,
    ensureReleaseInOCIFormat) and would fail on it for ever: "failed to find release image in index".
    """
    for folder in (working_dir / "release-images").glob("*/*/"):
        if not (folder / "index.json").exists():
            shutil.rmtree(folder)
            log.info("removed %s, a release image that an interrupted run had not finished", folder)


def _move(paths: list[Path], folder: Path) -> None:
    files.make_folder(folder)
    for path in paths:
        files.move(path, folder / path.name)
