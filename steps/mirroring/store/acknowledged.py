"""What other sides have, by their receipts: DATA/acknowledged.json.

Two kinds of receipts tell it. `received.json` on the media of exports says that the files of a generation
have arrived: shown to people, and nothing else goes by it (decision 34). The receipts of imports, which
`mirror --acknowledge` reads, say what a registry has: retention goes by these (decision 57).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pydantic import Field

from steps.errors import InvalidInputError
from steps.files import write_atomically
from steps.mirroring.store import records
from steps.mirroring.store.packing import Sha256
from steps.mirroring.store.records import Part, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from steps.mirroring.store.receipt import Receipt
    from steps.mirroring.store.received import Received

log = logging.getLogger(__name__)

ACKNOWLEDGED = "acknowledged.json"
_HINT = "move this file away, and acknowledge the newest receipt of each registry again"


class ConfirmedTarget(Part):
    """What a registry has by its newest receipt: the identities of `generations`, by number.

    `side` names the data directory over there. `number` and `written` are those of the receipt, which also
    said that `missing` are; `acknowledged` is when it was read here. Times are RFC 3339 in UTC.
    """

    target: str
    side: str
    generations: dict[int, Sha256] = Field(default_factory=dict)
    missing: str = ""
    number: int = 0
    written: str = ""
    acknowledged: str = ""

    def has(self, identity: str) -> bool:
        """Return whether the registry has a generation."""
        return identity in self.generations.values()

    def unconfirmed(self, receipt: Receipt, identities: Mapping[int, str]) -> list[int]:
        """Return the generations that a receipt confirms anew; none by one that is not newer than this."""
        if receipt.number <= self.number:
            return []
        return sorted(number for number, identity in identities.items() if not self.has(identity))


class AcknowledgedRecord(Record):
    """`arrived`: when a receipt first said that a generation has arrived (RFC 3339), by its identity."""

    arrived: dict[Sha256, str] = Field(default_factory=dict)
    targets: dict[str, ConfirmedTarget] = Field(default_factory=dict)


class Acknowledged:
    """DATA/acknowledged.json. Without it, nothing is known to have arrived."""

    def __init__(self, root: Path) -> None:
        """Work with the file in the data directory `root`."""
        self._path = root / ACKNOWLEDGED

    def arrived(self) -> dict[str, str]:
        """Return when a receipt first said that a generation has arrived, by the generation's identity."""
        try:
            return dict(self._read().arrived)
        except (OSError, InvalidInputError):
            return {}

    def targets(self) -> dict[str, ConfirmedTarget]:
        """Return what each registry has by its receipts, by what people call it.

        Raises InvalidInputError if the file cannot be understood.
        """
        known = list(self._read().targets.values())
        names = [one.target for one in known]
        return {
            one.target if names.count(one.target) == 1 else f"{one.target} (side {one.side})": one
            for one in known
        }

    def by_all(self) -> frozenset[str] | None:
        """Return the identities of the generations that every registry has; None where no receipt was read.

        Raises InvalidInputError if the file cannot be understood.
        """
        found = [frozenset(one.generations.values()) for one in self._read().targets.values()]
        return frozenset.intersection(*found) if found else None

    def add(self, received: Received, now: str) -> None:
        """Record what a medium's receipt says at the time `now`. A damaged file stays as it is."""
        try:
            before = self._read()
        except InvalidInputError as error:
            log.warning("%s; it is left as it is", error.reason)
            return
        arrived = _with(before.arrived, received.generations.values(), now)
        if arrived != before.arrived:
            self._write(before.changed(arrived=arrived))

    def unconfirmed(self, receipt: Receipt, identities: Mapping[int, str]) -> list[int]:
        """Return the numbers that `confirm` would return, and record nothing.

        Raises InvalidInputError if the file cannot be understood.
        """
        return _of_side(self._read(), receipt).unconfirmed(receipt, identities)

    def confirm(self, receipt: Receipt, identities: Mapping[int, str], now: str) -> list[int]:
        """Record that a receipt confirms generations; return the numbers that are new.

        The newest receipt of a registry alone counts: what it names no more is lost there, and one that is
        not newer changes nothing, whoever brings it again. Raises InvalidInputError if the file cannot be
        understood.
        """
        before = self._read()
        known = _of_side(before, receipt)
        if receipt.number <= known.number:
            return []
        changes: dict[str, object] = {
            "generations": dict(identities),
            "number": receipt.number,
            "written": receipt.written,
            "missing": receipt.missing,
            "acknowledged": now,
        }
        arrived = _with(before.arrived, identities.values(), now)
        after = known.model_copy(update=changes)
        self._write(before.changed(arrived=arrived, targets={**before.targets, _key(receipt): after}))
        return known.unconfirmed(receipt, identities)

    def forget(self, target: str) -> list[str]:
        """Forget the receipts of a registry, by what `targets` calls it, or of all its sides; return which.

        Raises InvalidInputError if the file cannot be understood.
        """
        before = self._read()
        gone = {name: one for name, one in self.targets().items() if target in {name, one.target}}
        left = {key: one for key, one in before.targets.items() if one not in gone.values()}
        if gone:
            self._write(before.changed(targets=left))
        return list(gone)

    def _read(self) -> AcknowledgedRecord:
        try:
            return records.read(AcknowledgedRecord, self._path, what="what receipts have said", hint=_HINT)
        except FileNotFoundError:
            return AcknowledgedRecord()

    def _write(self, record: AcknowledgedRecord) -> None:
        write_atomically(self._path, record.changed(format=records.FORMAT).as_json())


def _key(receipt: Receipt) -> str:
    return f"{receipt.side} {receipt.target}"


def _of_side(record: AcknowledgedRecord, receipt: Receipt) -> ConfirmedTarget:
    """Return what counts of the registry and data directory that a receipt is of; empty for a first one."""
    known = record.targets.get(_key(receipt))
    return known or ConfirmedTarget(target=receipt.target, side=receipt.side)


def _with(arrived: Mapping[str, str], identities: Iterable[str], now: str) -> dict[str, str]:
    return {**arrived, **{identity: now for identity in identities if identity not in arrived}}
