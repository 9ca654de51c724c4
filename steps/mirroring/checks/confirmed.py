"""What a receipt confirms: if it is one, who vouches for it, and if its generations were made here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from steps.errors import ConflictError, InvalidInputError, NotFoundError, UntrustedError
from steps.mirroring.store.receipt import ReceiptError, Sealed, digest_of, numbers_as_text, numbers_in
from steps.trust.refusals import UntrustedSignatureError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steps.mirroring.store.generations import Generation
    from steps.mirroring.store.receipt import Receipt
    from steps.trust.keys import TrustedKeys


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A receipt that counts: the identities of its generations by number, and who vouches, in words."""

    receipt: Receipt
    identities: Mapping[int, str]
    signed_by: str

    @property
    def words(self) -> str:
        """What it says, for people."""
        one = self.receipt
        said = f"{one.target} has generation {one.generations}"
        return f"receipt {one.number} of {one.written}, {self.signed_by}: {said}"


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges receipts by the keys that are trusted (None: anybody may say it) and by what was made here.

    `parameter` is the one that names the receipts, for the messages.
    """

    parameter: str
    keys: TrustedKeys | None
    ledger: Mapping[int, Generation]

    def confirmed(self, content: bytes, where: str) -> Confirmed:
        """Return what a receipt confirms; `where` says where it lies.

        Raises InvalidInputError for what is no receipt, UntrustedError for one that no trusted key has
        signed, NotFoundError for generations that were never made here, ConflictError for those of others.
        """
        try:
            sealed = Sealed.parse(content)
        except ReceiptError as error:
            raise InvalidInputError(
                f"{self.parameter}: {where} is no receipt: {error}",
                "give receipts/NNNN.json of the other side, or the text of its code, scanned or typed",
            ) from None
        signed_by = self._vouched_for(sealed, where)
        return Confirmed(sealed.receipt, self._identities(sealed.receipt, where), signed_by)

    def _vouched_for(self, sealed: Sealed, where: str) -> str:
        if self.keys is None:
            return "with a signature that nobody checked" if sealed.signatures else "without a signature"
        hint = "ask the other side for a signed one (its parameter signing-key), or give its public key"
        if not sealed.signatures:
            raise UntrustedError(f"{self.parameter}: the receipt in {where} is not signed", hint)
        try:
            return f"signed by {sealed.signer(self.keys, datetime.now(UTC)).name}"
        except UntrustedSignatureError as error:
            raise UntrustedError(f"{self.parameter}: the receipt in {where}: {error}", hint) from None

    def _identities(self, receipt: Receipt, where: str) -> dict[int, str]:
        numbers = numbers_in(receipt.generations)
        about = f"{self.parameter}: {where}"
        if unknown := [number for number in numbers if number not in self.ledger]:
            raise NotFoundError(
                f"{about}: this data directory never made generation {numbers_as_text(unknown)}",
                "it belongs to the data directory that the media for that registry were exported from",
            )
        identities = {number: self.ledger[number].identity for number in numbers}
        others = [number for number, identity in receipt.newest.items() if identities[number] != identity]
        if others or digest_of(identities) != receipt.digest:
            which = f"another generation {numbers_as_text(others)}" if others else "other earlier generations"
            raise ConflictError(
                f"{about}: {receipt.target} has {which} than this data directory made",
                "it belongs to another data directory; nothing of it was recorded",
            )
        return identities
