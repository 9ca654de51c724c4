"""Who vouches for generations: the keys that are given, and what they refuse before an archive is read.

With trusted-keys each generation that waits must be signed by one of them. Without, nobody vouches; but where
a target has once imported signed generations, unsigned ones are only imported by require-signature=false.
"""

from __future__ import annotations

import logging
import re
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from steps.errors import UntrustedError
from steps.mirroring.store import statements
from steps.mirroring.store.medium import Volume
from steps.mirroring.store.statements import UnsignedError
from steps.parameters.table.generation_signatures import REQUIRE_SIGNATURE, SIGNING_KEY, TRUSTED_KEYS
from steps.trust import folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from steps.mirroring.request import Request
    from steps.mirroring.store import Store
    from steps.mirroring.store.generations import Generation
    from steps.mirroring.store.statements import Vouched
    from steps.trust.keys import PrivateKey, TrustedKeys

log = logging.getLogger(__name__)

KEY_FILE: Final = "signing.key"
PASSPHRASE_FILE: Final = "passphrase"  # noqa: S105 - the name of the file


def signing_key(request: Request) -> PrivateKey | None:
    """Return the key to sign with; None without one. Raises NotFoundError, InvalidInputError."""
    place = request.values[SIGNING_KEY]
    if place is None:
        return None
    return folder.signing_key(place / KEY_FILE, place / PASSPHRASE_FILE, parameter=SIGNING_KEY.name)


def warn_of_readers(request: Request) -> None:
    """Warn of a key to sign with, or its passphrase, that everybody on this machine can read.

    Files of a mounted Secret are links, and who reads them is for the pod to say.
    """
    place = request.values[SIGNING_KEY]
    paths = [] if place is None else [place / KEY_FILE, place / PASSPHRASE_FILE]
    for path in paths:
        if path.is_file() and not path.is_symlink() and path.stat().st_mode & stat.S_IROTH:
            log.warning("signing-key: everybody on this machine can read %s; chmod go= %s", path, path)


def trusted_keys(request: Request) -> TrustedKeys | None:
    """Return the keys that are trusted; None if none are given. Raises NotFoundError, InvalidInputError."""
    place = request.values[TRUSTED_KEYS]
    return None if place is None else folder.trusted_keys(place, parameter=TRUSTED_KEYS.name)


@dataclass(frozen=True, slots=True)
class Policy:
    """Which generations are taken: signed by `keys`, if there are any.

    `lenient`: unsigned ones, too, which somebody has asked for; a wrong signature is refused all the same.
    """

    keys: TrustedKeys | None
    lenient: bool
    now: datetime

    @classmethod
    def of(cls, request: Request, *, once_signed: Iterable[str] = ()) -> Policy:
        """Make the policy of a run; `once_signed` are the targets that have imported signed generations.

        Raises UntrustedError where these ask for signatures and no keys are given, and for keys what
        `trusted_keys` raises.
        """
        keys, required = trusted_keys(request), request.values[REQUIRE_SIGNATURE]
        before = ", ".join(once_signed)
        if keys is None and before and required is not False:
            raise UntrustedError(
                f"{before} has imported signed generations before, and trusted-keys is not given",
                "give --trusted-keys=FOLDER; or --require-signature=false, to import what nobody vouches for",
            )
        if before and required is False:
            log.warning(
                "%s has imported signed generations before; require-signature=false takes unsigned ones",
                before,
            )
        return cls(keys, lenient=required is False, now=datetime.now(UTC))

    def vouched(self, sequence: int, place: Path, read: Callable[[str], bytes | None]) -> Vouched | None:
        """Return a generation that is signed; None for one that is taken although it is not.

        Raises UntrustedError.
        """
        if self.keys is None:
            return None
        try:
            return statements.verify(sequence, place, read, self.keys, self.now)
        except UnsignedError:
            if not self.lenient:
                raise
            log.warning("generation %d is not signed: nobody vouches for it", sequence)
            return None


def check(request: Request, store: Store) -> None:
    """Check the generations that a target lacks before anything else of them is read, in less than a second.

    Raises UntrustedError, and for keys that cannot be used what `trusted_keys` raises.
    """
    ours = store.imports.of(request.target_registry)
    policy = Policy.of(request, once_signed=[request.target_registry] if ours.signed else [])
    lacking = [number for number in _numbers(store) if number not in ours.generations]
    vouched_for(store, policy, lacking, known=ours.generations)


def check_waiting(
    request: Request, store: Store, waiting: Iterable[Generation], *, once_signed: bool
) -> bool:
    """Check the generations that are imported now; return whether all are signed, and say by whom.

    `once_signed`: the target or its record says that it has imported signed ones. Raises UntrustedError.
    """
    target = request.target_registry
    policy = Policy.of(request, once_signed=[target] if once_signed else [])
    numbers = [generation.sequence for generation in waiting]
    if policy.keys is None:
        words = ", ".join(map(str, numbers))
        log.info("nobody vouches for generation %s: trusted-keys is not given", words)
        return False
    vouched = vouched_for(store, policy, numbers, known=store.imports.of(target).generations)
    for one in vouched:
        made = one.generation.finished
        log.info("generation %d, made %s, is signed by %s", one.generation.sequence, made, one.key.name)
    return len(vouched) == len(numbers)


def vouched_for(
    store: Store, policy: Policy, numbers: Iterable[int], *, known: Mapping[int, str]
) -> list[Vouched]:
    """Return those of the generations that are signed, with the chain between them checked.

    `known` are the identities of those that were imported before. Raises UntrustedError.
    """
    if policy.keys is None:
        return []
    identities, found = dict(known), list["Vouched"]()
    for number in sorted(numbers):
        place = store.generations.path(number)
        if one := policy.vouched(number, place, Volume(place).content):
            statements.check_chain(one, place, identities)
            identities[number] = one.generation.identity
            found.append(one)
    return found


def _numbers(store: Store) -> list[int]:
    """Return the numbers of the generations that are here, by the names of their folders."""
    names = (path.name for path in store.generations.folder.glob("[0-9]*/"))
    return sorted(int(name) for name in names if re.fullmatch(r"[0-9]{6}", name))
