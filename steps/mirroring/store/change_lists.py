"""The change lists of a data directory: made of its records when asked for, and kept as runs have told them.

DATA/changes/NNNNNN.json                  what generation NNNNNN brings against the one before of its mirror
                                          name; NNNNNN.md is the same for people
DATA/changes/targets/TARGET/NNNNNN.json   what workflow-from-disk brings to a target, NNNNNN the newest
DATA/changes/targets/TARGET/TIME.json     what a direct run has brought
DATA/changes/…/NNNNNN-HASH.json           a list that another one has replaced since, as one that is held
DATA/changes/targets/TARGET/MIRROR.state  what the last direct run of a mirror name left, to compare with

They are kept outside the generations: those are carried across the gap as they were made.
"""

from __future__ import annotations

import hashlib
import logging
import os
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pydantic import Field

from steps.errors import InvalidInputError, NotFoundError, StepError
from steps.files import rename, write_atomically
from steps.imageset.diff import settings as imageset_settings
from steps.mirroring.store import changes_text, records
from steps.mirroring.store.changes import ChangeList, Gathered, Point, State, compare
from steps.mirroring.store.generations import newest_of, newest_of_each
from steps.mirroring.store.published import readable_name
from steps.mirroring.store.receipt import numbers_as_text
from steps.mirroring.store.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from steps.mirroring.store.contents import Contents
    from steps.mirroring.store.generations import Generation, Generations
    from steps.mirroring.store.imports import Imports
    from steps.mirroring.store.mirrored import Mirrored

log = logging.getLogger(__name__)

KEPT = 200
"""Lists in a folder; they are small but for the first."""
_WHAT = "a list of changes"
_HINT = "remove this file: the list is made anew where its generations are here"


class RunState(Record):
    """What a direct run left in a target when it ended: digest by image, empty where it is not known."""

    finished: str
    contents: dict[str, list[Any]]
    images: dict[str, str] = Field(default_factory=dict)
    complete: bool = True

    @property
    def state(self) -> State:
        """The state, to be compared."""
        unknown = (
            ()
            if self.complete
            else (f"all that the run of {self.finished} has, and its images: oc-mirror did not name all",)
        )
        return State(
            point=Point(run=self.finished),
            contents=(self.contents,),
            images=self.images if self.complete else None,
            unknown=unknown,
            is_partial=not self.complete,
        )


class ChangeLists:
    """The change lists of a data directory."""

    def __init__(self, root: Path, generations: Generations, imports: Imports, mirrored: Mirrored) -> None:
        """Work with `DATA/changes`, which need not exist yet, and with the records that lists are made of."""
        self.folder = root / "changes"
        self._generations, self._imports, self._mirrored = generations, imports, mirrored

    def folder_of(self, target: str) -> Path:
        """Return where the lists of a target lie; without one those of generations made here."""
        if not target:
            return self.folder
        told_apart = hashlib.sha256(target.encode()).hexdigest()[:8]
        return self.folder / "targets" / f"{readable_name(target)}-{told_apart}"

    def between(self, first: int | None, last: int | None) -> ChangeList:
        """Return what generation `last` (None: the newest) brings against `first`.

        None for `first`: against the newest before it of its mirror name, or against nothing. A list that was
        kept counts where a folder is not here any more. Raises NotFoundError for a number that no record has.
        """
        known = self._generations.ledger()
        if held := self._generations.held():
            known[held.sequence] = held
        if not known:
            raise NotFoundError(
                f"no generations under {self._generations.folder}",
                "give the data directory of workflow-to-disk or workflow-from-disk; after workflow-direct"
                " give --target-registry too",
            )
        after = _known(known, max(known) if last is None else last)
        before = self._before(known, after) if first is None else _known(known, first)
        listed = compare(self._state([before]) if before else None, self._state([after]))
        listed = self._with_settings(listed, [(before, after)] if before else [])
        if not listed.unknown or first is not None:
            return listed
        return self._kept_of(after) or listed

    def _before(self, known: Mapping[int, Generation], after: Generation) -> Generation | None:
        earlier = {number: one for number, one in known.items() if number < after.sequence}
        if not after.mirror_name:
            return earlier.get(max(earlier, default=0))
        return earlier.get(newest_of(after.mirror_name, earlier))

    def _kept_of(self, generation: Generation) -> ChangeList | None:
        kept = self.read(self.folder / f"{generation.sequence:06d}.json")
        return kept if kept and kept.identities == {generation.identity} else None

    def has(self, generation: Generation) -> bool:
        """Return whether a list of this generation, which was made here, is kept."""
        return self._kept_of(generation) is not None

    def set_aside(self, listed: ChangeList) -> None:
        """Give the list of a generation that is replaced another name: it is the newest one no more.

        Raises OSError where it cannot be renamed.
        """
        self._rename(self.path(listed))

    def pending(self, target: str, waiting: Iterable[Generation]) -> ChangeList:
        """Return what `waiting` bring to `target` against the newest that it has of the same mirror names."""
        waiting = list(waiting)
        listed = self._state(waiting)
        names = {one.mirror_name for one in waiting}
        if len(ending := newest_of_each(waiting)) < len(waiting):
            listed = replace(listed, lasting=self._state(ending))
        had = self._imported(target)
        pairs = []
        for name in names:
            before = newest_of(name, {one.sequence: one for one in had})
            its = [one for one in had if one.sequence == before]
            its += [one for one in waiting if one.mirror_name == name]
            pairs += list(pairwise(its))
        found = compare(self._had(target, had, names), listed).changed(target=target)
        return self._with_settings(found, pairs)

    def _with_settings(
        self, listed: ChangeList, pairs: Iterable[tuple[Generation, Generation]]
    ) -> ChangeList:
        """Add what the ImageSets of generations say otherwise; one that is not here has no images either."""
        found, unknown = [], []
        for before, after in sorted(pairs, key=lambda pair: pair[1].sequence):
            if not (self._generations.is_here(before) and self._generations.is_here(after)):
                continue
            try:
                old, new = self._generations.imageset(before), self._generations.imageset(after)
                found += imageset_settings(old, new)
            except InvalidInputError as error:
                unknown.append(f"settings of the ImageSet: {error.reason}")
        return listed.changed(
            settings=tuple(dict.fromkeys(found)), unknown=tuple(dict.fromkeys((*listed.unknown, *unknown)))
        )

    def _imported(self, target: str) -> list[Generation]:
        """Return the generations that a target has, as far as their records are here, oldest first."""
        imported, known = self._imports.of(target).generations, self._generations.ledger()
        return [one for number, one in known.items() if imported.get(number) == one.identity]

    def _had(self, target: str, here: Sequence[Generation], names: set[str]) -> State | None:
        """Return what a target has of these mirror names, as far as records tell; None: nothing."""
        newest = [one for one in newest_of_each(here) if "" in names or one.mirror_name in {"", *names}]
        told = {one.mirror_name: one.sequence for one in newest}
        compared_from = min((told.get(name, told.get("", 0)) for name in names), default=0)
        lost = max(self._imports.of(target).generations.keys() - {one.sequence for one in here}, default=0)
        had = self._state(newest) if newest else None
        if lost <= compared_from:
            return had
        why = (
            f"what {target} has: generation {lost} was imported, and its record is not here; so what is told"
            " as new may be there already"
        )
        had = had or State(point=Point(), contents=())
        return replace(had, images=None, blobs=None, unknown=(*had.unknown, why), is_partial=True)

    def _state(self, generations: Iterable[Generation]) -> State:
        gathered = Gathered()
        for one in generations:
            if not self._generations.is_here(one):
                gathered.add(one, None, "its folder is not here any more")
                continue
            try:
                gathered.add(one, self._generations.content_index(one))
            except InvalidInputError as error:
                gathered.add(one, None, error.reason)
        return gathered.state()

    def of_run(self, target: str, mirror_name: str, now: RunState) -> ChangeList:
        """Return what a direct run brings to `target` against the last one of the same mirror name."""
        before = self._last_run(target, mirror_name)
        return compare(before, now.state).changed(target=target)

    def _last_run(self, target: str, mirror_name: str) -> State | None:
        path = self._state_file(target, mirror_name)
        try:
            return records.read(RunState, path, what="what a run has left", hint="remove this file").state
        except FileNotFoundError:
            why = "its version did not keep them"
        except InvalidInputError as error:
            why = error.reason
        contents = self._mirrored.of(target, mirror_name)  # all that an earlier version has kept
        if not contents and not path.exists():
            return None
        unknown = (f"images of the run before: {why}",)
        return State(
            point=Point(),
            contents=(contents,),
            unknown=unknown if contents else (f"all that the run before has, and its images: {why}",),
            is_partial=not contents,
        )

    def _state_file(self, target: str, mirror_name: str) -> Path:
        return self.folder_of(target) / f"{mirror_name or 'unnamed'}.state"

    def keep_run(self, target: str, mirror_name: str, now: RunState) -> None:
        """Keep what a direct run left, for the next one to compare with."""
        write_atomically(self._state_file(target, mirror_name), now.as_json(indent=None))

    def keep(self, listed: ChangeList, target: str = "") -> Path:
        """Keep a list, for programs and for people, unless it lies there; return the path of the first.

        Raises OSError where it cannot be written.
        """
        path = self.path(listed, target)
        earlier = path.read_bytes() if path.is_file() else b""
        if earlier != listed.canonical:
            self._rename(path)  # somebody may have approved the other one
            write_atomically(path.with_suffix(".md"), changes_text.markdown(listed))
            write_atomically(path, listed.canonical)
        _make_newest(path)
        for old in sorted(path.parent.glob("[0-9]*.json"), key=_age)[:-KEPT]:
            old.with_suffix(".md").unlink(missing_ok=True)
            old.unlink(missing_ok=True)
        return path

    def path(self, listed: ChangeList, target: str = "") -> Path:
        """Return where a list lies that was written."""
        newest = listed.after.generations[-1].sequence if listed.after.generations else 0
        name = f"{newest:06d}" if newest else listed.after.run.replace("-", "").replace(":", "")
        return self.folder_of(target) / f"{name}.json"

    def _rename(self, path: Path) -> None:
        """Give the list at `path`, if there is one, a name by its hash."""
        if not path.is_file():
            return
        other = f"{path.stem}-{_sha256(path)[:12]}"
        for suffix in (".md", ".json"):
            if path.with_suffix(suffix).is_file():
                rename(path.with_suffix(suffix), path.with_name(f"{other}{suffix}"))

    def by_hash(self, sha256: str, target: str = "") -> ChangeList | None:
        """Return the list that was written with this hash; None where none was."""
        for path in self.folder_of(target).glob("[0-9]*.json"):
            with suppress(OSError):
                if path.stat().st_size <= records.LARGEST and _sha256(path) == sha256:
                    return self.read(path)
        return None

    def targets(self) -> list[ChangeList]:
        """Return the newest list that a run has written for each target."""
        newest = [_newest_in(folder) for folder in self._targets()]
        return [listed for path in newest if path and (listed := self.read(path))]

    def _targets(self) -> list[Path]:
        return sorted((self.folder / "targets").glob("*/"))

    def newest_kept(self, target: str) -> ChangeList | None:
        """Return the newest list that a run has written for `target`; None where there is none."""
        path = _newest_in(self.folder_of(target))
        return self.read(path) if path else None

    def read(self, path: Path) -> ChangeList | None:
        """Read a list that was kept; None where there is none that can be read."""
        try:
            return records.read(ChangeList, path, what=_WHAT, hint=_HINT)
        except (OSError, StepError) as error:
            if not isinstance(error, FileNotFoundError):
                log.warning("%s", error)
            return None


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _newest_in(folder: Path) -> Path | None:
    """Return the newest list of a folder that no other one has replaced; None where there is none."""
    return max((path for path in folder.glob("[0-9]*.json") if "-" not in path.stem), key=_age, default=None)


def _age(path: Path) -> tuple[int, str]:
    try:
        return path.stat().st_mtime_ns, path.name
    except OSError:  # pruned between the two
        return 0, path.name


def _make_newest(path: Path) -> None:
    """Make a file younger than all lists beside it: the clock may have been set back since those."""
    newest = max(path.parent.glob("[0-9]*.json"), key=_age)
    if newest != path:
        later = _age(newest)[0] + 1
        os.utime(path, ns=(later, later))


def _known(known: Mapping[int, Generation], number: int) -> Generation:
    if number in known:
        return known[number]
    raise NotFoundError(
        f"there is no generation {number}",
        f"give one of those on record: {numbers_as_text(known)}",
    )


def run_state(finished: str, contents: Contents, images: Mapping[str, str], *, complete: bool) -> RunState:
    """Make the record of what a direct run left."""
    return RunState(
        finished=finished, contents=contents, images=dict(sorted(images.items())), complete=complete
    )
