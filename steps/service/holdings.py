"""What the mirror holds: releases and operators with their versions, and the generations to be carried.

It is read from records of the data directory, which takes a while on a slow volume. So only the page and
/status.json ask for it, and its answer is kept for a minute.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from steps import versions
from steps.errors import StepError
from steps.mirroring.request import DIRECT, FROM_DISK, TO_DISK
from steps.mirroring.store import changes_text, receipt_code
from steps.mirroring.store import runs as records
from steps.mirroring.store.generations import newest_of
from steps.parameters.value_kinds import Workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from steps.mirroring.request import Request
    from steps.mirroring.store import Store
    from steps.mirroring.store.changes import ChangeList
    from steps.mirroring.store.changes_text import Line
    from steps.mirroring.store.contents import Contents
    from steps.mirroring.store.generations import Generation

log = logging.getLogger(__name__)

FRESH: Final = 60.0
"""Seconds for which an answer is kept."""
SHOWN: Final = 200
"""Changes of a kind that are shown."""
TAKEN, EXPORTED, WAITING, IN_PART, IMPORTED = "taken", "exported", "waiting", "in part", "imported"
CONFIRMED, BY_SOME = "confirmed", "confirmed by some"
"""How far a generation has come: a medium's receipt names it; it lies on a medium; it is still to be
carried, or to be imported into the target; a part of it has arrived; it is in the target; every registry of
other sides has it by its receipts; some of these have it."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Operator:
    """An operator of a channel, with the versions of its bundles."""

    package: str
    channel: str
    versions: tuple[str, ...]

    def has(self, search: str) -> bool:
        """Return whether a text in small letters is a part of what it is called."""
        return search in f"{self.package} {self.channel} {' '.join(self.versions)}".lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedGeneration:
    """A generation that is here: `size` in bytes, `state` one of the above since `since` (RFC 3339 or '')."""

    sequence: int
    made: str
    size: int
    continues: int | None
    state: str
    since: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Changes of a kind: how many in words, all of them in a number, and the first with their signs."""

    heading: str
    counts: str
    total: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The newest list of changes that a run has told, in words; `generations` are compared with `against`.

    `held`: it is not published before this list is approved.
    """

    generations: tuple[int, ...]
    run: str
    against: tuple[int, ...]
    sha256: str
    title: str
    sizes: str
    unknown: tuple[str, ...]
    kinds: tuple[Kind, ...]
    brief: tuple[str, ...]
    held: bool = False


def changes_of(listed: ChangeList | None, *, held: Generation | None = None) -> Changes | None:
    """Return what a page shows of a list, which may name every image of the mirror."""
    if listed is None:
        return None
    return Changes(
        generations=tuple(one.sequence for one in listed.after.generations),
        run=listed.after.run,
        against=tuple(one.sequence for one in listed.before.generations) if listed.before else (),
        sha256=listed.sha256,
        title=changes_text.title(listed),
        sizes=changes_text.sizes(listed),
        unknown=tuple(map(changes_text.plain, changes_text.unknown(listed, SHOWN))),
        kinds=tuple(
            Kind(
                heading=heading,
                counts=", ".join(changes_text.counts(lines)),
                total=len(lines),
                lines=tuple(lines[:SHOWN]),
            )
            for heading, lines in changes_text.sections(listed)
            if lines
        ),
        brief=tuple(changes_text.brief(listed)),
        held=held is not None and listed.identities == {held.identity},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptToCarry:
    """The newest receipt of the target, to be brought to the other side, as its file `name` with `content`.

    `code` is it as a text, `svg` as a picture of a QR code; `generations` and `missing` as in `Receipt`.
    """

    name: str
    content: bytes
    written: str
    generations: str
    missing: str
    is_signed: bool
    code: str
    svg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What the mirror holds, and what the newest run changed; `problem` says why something is not known."""

    releases: tuple[str, ...] = ()
    operators: tuple[Operator, ...] = ()
    additional: tuple[str, ...] = ()
    charts: tuple[str, ...] = ()
    generations: tuple[CarriedGeneration, ...] = ()
    changes: Changes | None = None
    receipt: ReceiptToCarry | None = None
    problem: str = ""

    @property
    def known(self) -> bool:
        """Whether a run has recorded what it brought."""
        return bool(self.releases or self.operators or self.additional or self.charts)

    def matching(self, search: str) -> Holdings:
        """Return what has `search` in its name or version, in small or capital letters."""
        wanted = search.lower()
        return Holdings(
            releases=tuple(release for release in self.releases if wanted in f"openshift {release}".lower()),
            operators=tuple(operator for operator in self.operators if operator.has(wanted)),
            additional=tuple(image for image in self.additional if wanted in image.lower()),
            charts=tuple(chart for chart in self.charts if wanted in chart.lower()),
            generations=self.generations,
            changes=self.changes,
            receipt=self.receipt,
            problem=self.problem,
        )


class HoldingsReader:
    """Reads the holdings of a data directory, at most once a minute; may be called from any thread."""

    def __init__(
        self, request: Request, store: Store, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Read from `store` what is of interest to the service of `request`."""
        self._request, self._store, self._clock = request, store, clock
        self._lock, self._kept = threading.Lock(), Holdings()
        self._until = float("-inf")

    def __call__(self) -> Holdings:
        """Return what the mirror holds."""
        with self._lock:
            if self._clock() >= self._until:
                self._kept, self._until = self._read(), self._clock() + FRESH
            return self._kept

    def _read(self) -> Holdings:
        try:
            found = _contents(self._request, self._store)
            return Holdings(
                releases=_versions_first(text for one in found for text in one.get("releases", [])),
                operators=_operators(found),
                additional=_sorted(text for one in found for text in one.get("additional", [])),
                charts=_sorted(text for one in found for text in one.get("charts", [])),
                generations=_carried(self._request, self._store),
                changes=changes_of(
                    self._store.changes.newest_kept(self._request.target_registry),
                    held=self._store.generations.held(),
                ),
                receipt=_receipt(self._request, self._store),
            )
        except (StepError, OSError) as error:
            log.warning("what the mirror holds cannot be read: %s", error)
            return Holdings(problem=getattr(error, "reason", str(error)))


def _contents(request: Request, store: Store) -> list[Contents]:
    """Return the content of the newest generations, or of the last direct run."""
    if request.workflow == DIRECT:
        return [store.mirrored.of(request.target_registry, request.mirror_name)]
    if request.workflow == FROM_DISK:
        return [generation.contents for generation in store.imports.newest_here(request.target_registry)]
    ledger = store.generations.ledger()
    newest = newest_of(request.mirror_name, ledger)
    return [ledger[newest].contents] if newest else []


def _operators(found: Iterable[Contents]) -> tuple[Operator, ...]:
    found_versions: dict[tuple[str, str], set[str]] = {}
    for contents in found:
        for bundle in contents.get("operators", []):
            if isinstance(bundle, dict):
                key = _text(bundle, "package"), _text(bundle, "channel")
                found_versions.setdefault(key, set()).add(_text(bundle, "version") or _text(bundle, "bundle"))
    return tuple(
        Operator(package=package, channel=channel, versions=_versions_first(texts))
        for (package, channel), texts in sorted(found_versions.items())
    )


def _text(values: dict[str, Any], name: str) -> str:
    return str(values.get(name, ""))


def _sorted(texts: Iterable[object]) -> tuple[str, ...]:
    return tuple(sorted({str(text) for text in texts}))


def _versions_first(texts: Iterable[object]) -> tuple[str, ...]:
    """Return versions without repetition, the newest first."""
    return tuple(sorted({str(text) for text in texts}, key=versions.natural, reverse=True))


def _carried(request: Request, store: Store) -> tuple[CarriedGeneration, ...]:
    """Return the generations whose folders are here, the newest first."""
    if request.workflow not in {TO_DISK, FROM_DISK}:
        return ()
    state = _state_in_target(request, store) if request.workflow == FROM_DISK else _state_on_the_way(store)
    return tuple(
        CarriedGeneration(
            sequence=generation.sequence,
            made=generation.finished,
            size=generation.size,
            continues=generation.predecessor.sequence if generation.predecessor else None,
            state=now,
            since=since,
        )
        for generation in reversed(store.generations.present().values())
        for now, since in [state(generation)]
    )


def _state_on_the_way(store: Store) -> Callable[[Generation], tuple[str, str]]:
    """Return how far a generation has come from here: by receipts of both kinds, and by exports."""
    arrived, targets = store.acknowledged.arrived(), store.acknowledged.targets().values()
    exported = {
        number: run.finished
        for run in store.runs.all()
        if run.workflow == Workflow.EXPORT and run.state == records.SUCCEEDED and not run.dry_run
        for number in run.generations
    }

    def state(generation: Generation) -> tuple[str, str]:
        having = [one for one in targets if one.has(generation.identity)]
        if having:
            state = CONFIRMED if len(having) == len(targets) else BY_SOME
            return state, arrived.get(generation.identity, "")
        if when := arrived.get(generation.identity):
            return TAKEN, when
        when = exported.get(generation.sequence)
        return (EXPORTED, when) if when else (WAITING, "")

    return state


def _receipt(request: Request, store: Store) -> ReceiptToCarry | None:
    """Return the newest receipt of the service's target; None where there is none."""
    if request.workflow != FROM_DISK:
        return None
    found = store.receipt_folder.newest(request.target_registry)
    if found is None:
        return None
    path, sealed = found
    return ReceiptToCarry(
        name=path.name,
        content=path.read_bytes(),
        written=sealed.receipt.written,
        generations=sealed.receipt.generations,
        missing=sealed.receipt.missing,
        is_signed=bool(sealed.signatures),
        code=sealed.code,
        svg=receipt_code.svg(sealed.code),
    )


def _state_in_target(request: Request, store: Store) -> Callable[[Generation], tuple[str, str]]:
    imported = store.imports.of(request.target_registry).generations
    in_part = store.received.read().in_part

    def state(generation: Generation) -> tuple[str, str]:
        if imported.get(generation.sequence) == generation.identity:
            return IMPORTED, ""
        return (IN_PART, "") if generation.sequence in in_part else (WAITING, "")

    return state
