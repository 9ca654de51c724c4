"""The ConfigMap oc-mirror-image-trust: which keys, sources and builders are trusted for our images (pure).

NAME.pub, NAME.pem     a public key in PEM; NAME is what messages call it
NAME.until             when that key ends (RFC 3339, or a date)
source                 URLs of repositories, with blanks or lines between
builder                IDs of builders, in the same form
require                `signature`, or `provenance` as well; without it, provenance where `source` is given
registry-tls-verify    `false` takes any certificate of the registry, or plain HTTP
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from steps.errors import InvalidInputError
from steps.trust import folder
from steps.trust.provenance import normal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from steps.trust.keys import TrustedKeys

SIGNATURE: Final = "signature"
PROVENANCE: Final = "provenance"
HINT: Final = "see docs/how-to/sign-the-image.md for what it holds"
_LISTS: Final = ("source", "builder")
_SETTINGS: Final = (*_LISTS, "require", "registry-tls-verify")
_ENDINGS: Final = (".pub", ".pem", ".until")


@dataclass(frozen=True, slots=True)
class Policy:
    """Who is trusted. `sources` are as `provenance.normal` writes them; no `builders`: any builder is."""

    where: str
    keys: TrustedKeys
    sources: frozenset[str]
    builders: frozenset[str]
    needs_provenance: bool
    tls_verify: bool | None

    @classmethod
    def read(cls, data: Mapping[str, str], *, where: str, binary: Iterable[str] = ()) -> Policy:
        """Read the data of the ConfigMap; `where` names it in errors, `binary` are keys that hold no text.

        Raises InvalidInputError for a key that is not known, a value that is not, or settings that contradict
        each other; NotFoundError without a public key.
        """
        problems = [f"'{name}' is not known" for name in data if not _is_known(name)]
        problems += [f"'{name}' ends no key" for name in data if _ends_nothing(name, data)]
        problems += [f"'{name}' is empty" for name in _LISTS if name in data and not data[name].strip()]
        problems += [f"'{name}' is not text in UTF-8" for name in binary]
        sources = frozenset(map(normal, data.get("source", "").split()))
        builders = frozenset(data.get("builder", "").split())
        require = data.get("require", "").strip() or (PROVENANCE if sources else SIGNATURE)
        if require not in {SIGNATURE, PROVENANCE}:
            problems.append(f"require is {require!r}, and neither '{SIGNATURE}' nor '{PROVENANCE}'")
        elif require == PROVENANCE and not sources:
            problems.append("it asks for provenance and names no source")
        elif require == SIGNATURE and (sources or builders):
            problems.append("source and builder are looked up in the provenance, for which it does not ask")
        verify = data.get("registry-tls-verify", "").strip()
        if verify not in {"", "true", "false"}:
            problems.append(f"registry-tls-verify is {verify!r}, and neither 'true' nor 'false'")
        if problems:
            raise InvalidInputError(f"{where} cannot be used: {'; '.join(problems)}", HINT)
        return cls(
            where=where,
            keys=folder.keys_in(data, where=where),
            sources=sources,
            builders=builders,
            needs_provenance=require == PROVENANCE,
            tls_verify=None if not verify else verify == "true",
        )


def _is_known(name: str) -> bool:
    return name in _SETTINGS or name.endswith(_ENDINGS)


def _ends_nothing(name: str, data: Mapping[str, str]) -> bool:
    stem, _, ending = name.rpartition(".")
    return ending == "until" and f"{stem}.pub" not in data and f"{stem}.pem" not in data
