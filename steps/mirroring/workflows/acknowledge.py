"""mirror --acknowledge: read a receipt that was brought back, and record what the registry over there has.

Retention goes by it (`cleanup.prune`), and so do the page and a warning before an archive is made. Exports do
not: each medium has a receipt of its own (decision 34).
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from steps import units
from steps.errors import ConflictError, InvalidInputError, NotFoundError, UntrustedError
from steps.mirroring.checks import vouching
from steps.mirroring.store.receipt import (
    LARGEST_READ,
    ReceiptError,
    Sealed,
    digest_of,
    numbers_as_text,
    numbers_in,
)
from steps.mirroring.store.runs import Done, timestamp
from steps.parameters.table import mirror_run as table
from steps.trust.refusals import UntrustedSignatureError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from steps.mirroring.request import Request
    from steps.mirroring.store import Store
    from steps.mirroring.store.acknowledged import ConfirmedTarget
    from steps.mirroring.store.generations import Generation
    from steps.mirroring.store.receipt import Receipt
    from steps.trust.keys import TrustedKeys

log = logging.getLogger(__name__)


def run(request: Request, store: Store) -> Done:
    """Record what a receipt confirms and log what is still to bring; a dry run records nothing.

    Raises InvalidInputError for what is no receipt, UntrustedError for one that no trusted key has signed,
    NotFoundError for generations that were never made here, ConflictError for those of others, and for keys
    that cannot be used what `vouching.trusted_keys` raises.
    """
    given = request.values[table.ACKNOWLEDGE]
    if given is None:
        raise ValueError("there is a file to acknowledge")
    sealed = _read(given)
    signed_by = _vouched_for(sealed, vouching.trusted_keys(request), given)
    ledger = store.generations.ledger()
    receipt = sealed.receipt
    identities = _confirmed(receipt, ledger)
    before = {one.side: one for one in store.acknowledged.targets().values() if one.target == receipt.target}
    _log_earlier(receipt, before)
    now = timestamp(datetime.now(UTC))
    if request.dry_run:
        known = before.get(receipt.side)
        new = [number for number, one in identities.items() if known is None or not known.has(one)]
    else:
        new = sorted(store.acknowledged.confirm(receipt, identities, now))
    log.info(
        "receipt %d of %s, %s: %s has generation %s",
        receipt.number,
        receipt.written,
        signed_by,
        receipt.target,
        receipt.generations,
    )
    if not request.dry_run:
        _log_still_to_bring(store, ledger)
    words = "would be confirmed" if request.dry_run else "is confirmed"
    summary = f"generation {numbers_as_text(new)} {words}" if new else "nothing new"
    return Done(summary=f"{receipt.target}: {summary}", unchanged=not new)


def forget(request: Request, store: Store) -> Done:
    """Forget the receipts of a registry that exists no more. Raises NotFoundError if there are none."""
    target = request.values[table.FORGET_TARGET] or ""
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


def _read(path: Path) -> Sealed:
    """Read a receipt from a file, or from standard input for `-`."""
    where = "standard input" if str(path) == "-" else str(path)
    try:
        if str(path) == "-":
            content = sys.stdin.buffer.read(LARGEST_READ + 1)
        else:
            with path.open("rb") as stream:
                content = stream.read(LARGEST_READ + 1)
        return Sealed.parse(content)
    except FileNotFoundError:
        raise NotFoundError(
            f"acknowledge: there is no file {path}",
            "name the file that was brought back, or - for standard input",
        ) from None
    except IsADirectoryError:
        raise InvalidInputError(
            f"acknowledge: {path} is a folder", "name the file in it, receipts/NNNN.json of the other side"
        ) from None
    except ReceiptError as error:
        raise InvalidInputError(
            f"acknowledge: {where} is no receipt: {error}",
            "give receipts/NNNN.json of the other side, or the text of its code as it was scanned or typed",
        ) from None


def _vouched_for(sealed: Sealed, keys: TrustedKeys | None, path: Path) -> str:
    """Return who vouches for a receipt, in words. Raises UntrustedError if nobody does who is trusted."""
    if keys is None:
        return "with a signature that nobody checked" if sealed.signatures else "without a signature"
    hint = "ask the other side for a signed one (its parameter signing-key), or give its public key"
    if not sealed.signatures:
        raise UntrustedError(f"acknowledge: the receipt in {path} is not signed", hint)
    try:
        return f"signed by {sealed.signer(keys, datetime.now(UTC)).name}"
    except UntrustedSignatureError as error:
        raise UntrustedError(f"acknowledge: the receipt in {path}: {error}", hint) from None


def _confirmed(receipt: Receipt, ledger: Mapping[int, Generation]) -> dict[int, str]:
    """Return the identities of a receipt's generations, by number. Raises if they are not those made here."""
    numbers = numbers_in(receipt.generations)
    if unknown := [number for number in numbers if number not in ledger]:
        raise NotFoundError(
            f"acknowledge: this data directory never made generation {numbers_as_text(unknown)}",
            "give the --data that the media for that registry were exported from",
        )
    identities = {number: ledger[number].identity for number in numbers}
    others = [number for number, identity in receipt.newest.items() if identities[number] != identity]
    if others or digest_of(identities) != receipt.digest:
        which = f"another generation {numbers_as_text(others)}" if others else "other earlier generations"
        raise ConflictError(
            f"acknowledge: {receipt.target} has {which} than this data directory made",
            "the receipt belongs to another data directory: give that as --data; nothing was recorded",
        )
    return identities


def _log_earlier(receipt: Receipt, before: Mapping[str, ConfirmedTarget]) -> None:
    known = before.get(receipt.side)
    if known and receipt.number < known.number:
        log.info(
            "receipt %d is older than receipt %d, which was acknowledged before: nothing is taken back",
            receipt.number,
            known.number,
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
