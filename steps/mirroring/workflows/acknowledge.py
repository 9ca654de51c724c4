"""Receipts that were brought back: record what the registries over there have.

`mirror --acknowledge` reads one. workflow-to-disk and workflow-cleanup read all that lie in the folder of
`receipts`, before they remove any generation (decision 65). Retention goes by them (`cleanup.prune`), and so
do the page and a warning before an archive is made. Exports do not: each medium has a receipt of its own
(decision 34).
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from steps import units
from steps.errors import InvalidInputError, NotFoundError, StepError
from steps.mirroring.checks import vouching
from steps.mirroring.checks.confirmed import Judge
from steps.mirroring.store.receipt import LARGEST_READ, numbers_as_text, numbers_in
from steps.mirroring.store.runs import Done, timestamp
from steps.parameters.table.carrying import ACKNOWLEDGE, FORGET_TARGET, RECEIPTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from steps.mirroring.checks.confirmed import Confirmed
    from steps.mirroring.request import Request
    from steps.mirroring.store import Store
    from steps.mirroring.store.acknowledged import ConfirmedTarget
    from steps.mirroring.store.generations import Generation
    from steps.mirroring.store.receipt import Receipt

log = logging.getLogger(__name__)

MOST_FILES: Final = 2000
"""Files in the folder of receipts; a ConfigMap takes about half of that."""


def run(request: Request, store: Store) -> Done:
    """Record what a receipt confirms and log what is still to bring; a dry run records nothing.

    Raises what `Judge.confirmed` raises, NotFoundError without the file, and for keys that cannot be used
    what `vouching.trusted_keys` raises.
    """
    given = request.values[ACKNOWLEDGE]
    if given is None:
        raise ValueError("there is a file to acknowledge")
    content, where = _read(given)
    ledger = store.generations.ledger()
    one = Judge(ACKNOWLEDGE.name, vouching.trusted_keys(request), ledger).confirmed(content, where)
    _log_earlier(one, _known(store, one.receipt))
    new = _record(store, one, dry_run=request.dry_run)
    log.info("%s", one.words)
    if not request.dry_run:
        _log_still_to_bring(store, ledger)
    summary = _summary(new, dry_run=request.dry_run)
    return Done(summary=f"{one.receipt.target}: {summary}", unchanged=not new)


def all_in_folder(request: Request, store: Store) -> bool:
    """Acknowledge the receipts in the folder of `receipts`; return whether generations may be removed then.

    One that is refused is told, and confirms nothing. It may be of a registry that lacks what all others
    have, so nothing may go until it is replaced or taken away. A dry run records nothing. Raises
    NotFoundError without the folder, InvalidInputError for one with too many files, and for keys that cannot
    be used what `vouching.trusted_keys` raises.
    """
    folder = request.values[RECEIPTS]
    if folder is None:
        return True
    ledger = store.generations.ledger()
    judge = Judge(RECEIPTS.name, vouching.trusted_keys(request), ledger)
    found = [_judged(judge, path) for path in _files(folder)]
    counted = sorted(filter(None, found), key=lambda one: one.receipt.number)
    try:
        are_new = [_count(store, one, dry_run=request.dry_run) for one in counted]
        if any(are_new) and not request.dry_run:
            _log_still_to_bring(store, ledger)
    except InvalidInputError as error:  # what receipts have said before cannot be read: that fails no archive
        log.warning("no generation is removed: %s; %s", error.reason, error.hint)
        return False
    if known := are_new.count(False):
        log.info("%d receipt%s nothing new", known, " says" if known == 1 else "s say")
    all_count = None not in found
    if not all_count and request.keep_generations is not None:
        log.warning("no generation is removed: a receipt was refused; replace it, or take it away")
    return all_count


def _files(folder: Path) -> list[Path]:
    """Return what lies in a folder, without what Kubernetes keeps there for itself (`..data`)."""
    if not folder.is_dir():
        raise NotFoundError(
            f"{RECEIPTS.name}: there is no folder {folder}", "name the folder with the receipts"
        )
    found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    if len(found) > MOST_FILES:
        raise InvalidInputError(
            f"{RECEIPTS.name}: more than {MOST_FILES:,} files lie in {folder}",
            "keep the newest receipt of each registry there: it says what the earlier ones have said",
        )
    return found


def _judged(judge: Judge, path: Path) -> Confirmed | None:
    """Return what a receipt confirms; None where it is refused, which is told."""
    if not path.is_file():  # a pipe would be waited for
        log.warning("%s: %s is no file", judge.parameter, path.name)
        return None
    try:
        return judge.confirmed(_content(path), path.name)
    except StepError as error:
        log.warning("%s; %s", error.reason, error.hint)
    except OSError as error:
        log.warning("%s: %s cannot be read: %s", judge.parameter, path.name, error.strerror)
    return None


def _count(store: Store, one: Confirmed, *, dry_run: bool) -> bool:
    """Let a receipt count: record and log what it confirms; return whether any of it is new."""
    before = _known(store, one.receipt)
    known = before.get(one.receipt.side)
    new = _record(store, one, dry_run=dry_run)
    if known and one.receipt.number <= known.number:
        _log_not_counted(one, known)
        return False
    _log_earlier(one, before)
    log.info("%s; %s", one.words, _summary(new, dry_run=dry_run))
    return True


def _record(store: Store, one: Confirmed, *, dry_run: bool) -> list[int]:
    """Record what a receipt confirms, unless in a dry run; return the numbers that are new."""
    if dry_run:
        return store.acknowledged.unconfirmed(one.receipt, one.identities)
    return store.acknowledged.confirm(one.receipt, one.identities, timestamp(datetime.now(UTC)))


def _known(store: Store, receipt: Receipt) -> dict[str, ConfirmedTarget]:
    """Return what receipts of registries of the same name have said before, by side."""
    return {one.side: one for one in store.acknowledged.targets().values() if one.target == receipt.target}


def _summary(new: list[int], *, dry_run: bool) -> str:
    if not new:
        return "nothing new"
    return f"generation {numbers_as_text(new)} {'would be confirmed' if dry_run else 'is confirmed'}"


def forget(request: Request, store: Store) -> Done:
    """Forget the receipts of a registry that exists no more. Raises NotFoundError if there are none."""
    target = request.values[FORGET_TARGET] or ""
    known = store.acknowledged.targets()
    gone = [name for name, one in known.items() if target in {name, one.target}]
    if not gone:
        raise NotFoundError(
            f"forget-target: no receipt of {target} was acknowledged",
            f"there are: {', '.join(known) or 'none'}",
        )
    if not request.dry_run:
        store.acknowledged.forget(target)
    words = "would be forgotten" if request.dry_run else "are forgotten"
    return Done(summary=f"the receipts of {', '.join(gone)} {words}; retention waits for it no longer")


def warn_of_base(store: Store, generation: Generation | None, ledger: Mapping[int, Generation]) -> None:
    """Say which registries have not confirmed what an archive is about to continue.

    It warns where that is not here any more, either, so that nobody can bring it.
    """
    chain = _chain(generation, ledger)
    try:
        targets = store.acknowledged.targets()
    except InvalidInputError as error:  # it makes no archive worse
        log.warning("%s", error.reason)
        return
    for name, target in targets.items():
        lacking = [number for number, one in chain.items() if not target.has(one.identity)]
        gone = [number for number in lacking if not store.generations.path(number).is_dir()]
        if gone:
            log.warning(
                "the archive continues generation %s, which %s has not confirmed and which is not here any"
                " more: if it did not arrive, make a full archive (incremental-mode false)",
                numbers_as_text(gone),
                name,
            )
        elif lacking:
            log.info("%s has not confirmed generation %s yet", name, numbers_as_text(lacking))


def _read(path: Path) -> tuple[bytes, str]:
    """Return the content of a file, or of standard input for `-`, and what to call it."""
    if str(path) == "-":
        return sys.stdin.buffer.read(LARGEST_READ + 1), "standard input"
    try:
        return _content(path), str(path)
    except FileNotFoundError:
        raise NotFoundError(
            f"acknowledge: there is no file {path}",
            "name the file that was brought back, or - for standard input",
        ) from None
    except IsADirectoryError:
        raise InvalidInputError(
            f"acknowledge: {path} is a folder", "name the file in it, receipts/NNNN.json of the other side"
        ) from None


def _content(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(LARGEST_READ + 1)


def _log_earlier(one: Confirmed, before: Mapping[str, ConfirmedTarget]) -> None:
    """Say what a receipt means beside those that were acknowledged before."""
    receipt = one.receipt
    known = before.get(receipt.side)
    if known and receipt.number < known.number:
        log.info(
            "receipt %d is older than receipt %d, which was acknowledged before: it changes nothing",
            receipt.number,
            known.number,
        )
        _log_not_counted(one, known)
    elif known and (lost := known.generations.keys() - one.identities.keys()):
        meaning = "the earlier one counts" if receipt.number == known.number else "it is confirmed no more"
        log.warning(
            "receipt %d of %s does not name generation %s, which receipt %d named: %s",
            receipt.number,
            receipt.target,
            numbers_as_text(lost),
            known.number,
            meaning,
        )
    if others := before.keys() - {receipt.side}:
        log.warning(
            "%s has receipts of another data directory over there, too (side %s): both count; if that is no"
            " more, mirror --forget-target='%s (side %s)'",
            receipt.target,
            ", ".join(sorted(others)),
            receipt.target,
            min(others),
        )


def _log_not_counted(one: Confirmed, known: ConfirmedTarget) -> None:
    """Say which generations a receipt names in vain, since it is not newer than the one that counts."""
    receipt = one.receipt
    if vain := one.identities.keys() - known.generations.keys():
        log.warning(
            "receipt %d of %s names generation %s, and receipt %d, which counts, does not: not confirmed; if"
            " that side was set back to an earlier state, mirror --forget-target='%s'",
            receipt.number,
            receipt.target,
            numbers_as_text(vain),
            known.number,
            receipt.target,
        )


def _log_still_to_bring(store: Store, ledger: Mapping[int, Generation]) -> None:
    here = store.generations.present()
    for name, target in store.acknowledged.targets().items():
        lacking = [one for one in here.values() if not target.has(one.identity)]
        if lacking:
            numbers = numbers_as_text(one.sequence for one in lacking)
            size = units.size(sum(one.size for one in lacking))
            log.info("still to bring to %s: generation %s, %s", name, numbers, size)
        else:
            log.info("%s has all %d generations that are here", name, len(here))
        missing = numbers_in(target.missing)
        unmade = [
            one
            for one in missing
            if one in ledger and one not in here and not target.has(ledger[one].identity)
        ]
        if unmade:
            log.warning(
                "%s says that it lacks generation %s, which is not here any more: if it needs that, make a"
                " full archive (incremental-mode false)",
                name,
                numbers_as_text(unmade),
            )


def _chain(generation: Generation | None, ledger: Mapping[int, Generation]) -> dict[int, Generation]:
    """Return a generation and all that it continues, as far as records tell."""
    found: dict[int, Generation] = {}
    while generation is not None and generation.sequence not in found:
        found[generation.sequence] = generation
        before = generation.predecessor
        generation = ledger.get(before.sequence) if before else None
    return found
