"""What clusters accept of a target: DATA/accepted.json, the verdicts of the last look at its signatures."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from pydantic import Field

from steps.files import write_atomically
from steps.mirroring.store import records
from steps.mirroring.store.records import Part, Record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

log = logging.getLogger(__name__)

_WORSE: Final = ("accepted", "unknown", "not accepted")


class WrittenReason(Part):
    """Why a release is not accepted, or not known to be: the cause, of what, and what to do."""

    cause: str
    what: str
    to_do: str


class WrittenVerdict(Part):
    """What clusters of one minor version do with an update: `accepted`, `not accepted` or `unknown`."""

    state: str
    reasons: tuple[WrittenReason, ...] = ()


class JudgedRelease(Part):
    """A release in a target; `clusters` has the verdict by minor version, such as `4.21`."""

    version: str
    digest: str
    clusters: dict[str, WrittenVerdict]


class JudgedCatalog(Part):
    """A catalog in a target: its `origin`, and the `place` (HOST[:PORT]/REPOSITORY:TAG) that clusters pull.

    `key` names the given key that has signed it under the name of its origin; empty where none has.
    """

    origin: str
    place: str
    signed: bool
    key: str = ""


class Judgement(Part):
    """A look at a target: when (RFC 3339 in UTC), the releases, and who is signed of the rest.

    `signed` and `unsigned` count additional images and catalogs; `without` names those that are not signed,
    a thousand at most.
    """

    checked: str
    releases: tuple[JudgedRelease, ...] = ()
    signed: int = 0
    unsigned: int = 0
    without: tuple[str, ...] = ()
    catalogs: tuple[JudgedCatalog, ...] = ()


class AcceptedRecord(Record):
    """The judgements by target and mirror name; that of a look without a run has no mirror name."""

    targets: dict[str, dict[str, Judgement]] = Field(default_factory=dict)


class Accepted:
    """DATA/accepted.json."""

    def __init__(self, root: Path) -> None:
        """Work with the file in the data directory `root`."""
        self._path = root / "accepted.json"

    def of(self, target: str) -> tuple[JudgedRelease, ...]:
        """Return the releases of a target as they were last judged, the newest judgement of each."""
        judged = [release for one in self._judgements(target) for release in one.releases]
        found = {(release.version, release.digest): release for release in judged}
        return tuple(sorted(found.values(), key=lambda release: release.version))

    def catalogs(self, target: str) -> dict[str, JudgedCatalog]:
        """Return the catalogs of a target by place, the newest judgement of each."""
        return {catalog.place: catalog for one in self._judgements(target) for catalog in one.catalogs}

    def record(self, target: str, mirror_name: str, judgement: Judgement) -> None:
        """Record a judgement; one without a mirror name is of all, and takes the place of the others.

        A volume that cannot be written makes no run fail; it is logged.
        """
        before = self._read()
        kept = before.targets.get(target, {}) if mirror_name else {}
        targets = {**before.targets, target: {**kept, mirror_name: judgement}}
        try:
            write_atomically(self._path, before.changed(targets=targets).as_json(indent=None))
        except OSError as error:
            log.warning("%s cannot be written: %s", self._path, error.strerror)

    def _judgements(self, target: str) -> list[Judgement]:
        """Return the judgements of a target, the oldest first."""
        return sorted(self._read().targets.get(target, {}).values(), key=lambda one: one.checked)

    def _read(self) -> AcceptedRecord:
        return records.read_or_new(
            AcceptedRecord, self._path, "%s cannot be read, the next run writes it again: %s"
        )


def compact(releases: Iterable[JudgedRelease]) -> dict[str, dict[str, str]]:
    """Return the state by version (else digest) and minor version of clusters, for the record of a run.

    Of a version that is there for several architectures it is the worst state.
    """
    found: dict[str, dict[str, str]] = {}
    for release in releases:
        states = found.setdefault(release.version or release.digest, {})
        for minor, one in release.clusters.items():
            states[minor] = max(states.get(minor, one.state), one.state, key=_WORSE.index)
    return found
