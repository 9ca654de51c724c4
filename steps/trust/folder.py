"""Keys in files: a folder of public keys, as a ConfigMap is mounted, and a private key with its passphrase.

NAME.pub or NAME.pem    a public key in PEM; NAME is what messages call it
NAME.until              the time at which it ends (RFC 3339, or a date: its first moment in UTC); optional
NAME.asc or NAME.gpg    public keys of GPG, armored or not; only where releases are verified
NAME.catalogs.pub       as NAME.pub, a key of catalogs and of nothing else; only there, too
"""

from __future__ import annotations

import importlib.util
import platform
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from steps.errors import InvalidInputError, NotFoundError
from steps.trust.gpg import LARGEST_KEYS, Keyring
from steps.trust.refusals import KeyFormatError, PassphraseError
from steps.trust.releases import ReleaseKeys

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from steps.trust.keys import PrivateKey, PublicKey, TrustedKeys

LARGEST: Final = 64 << 10
"""Bytes that are read of a file."""

MOST: Final = 100
"""Public keys in a folder."""
_NAMED: Final = 5
"""Files that a message names."""
_ENDINGS: Final = (".pub", ".pem")
_END: Final = ".until"
_NEW_KEY: Final = "remove it, and make a new key: whoever reads this could have signed with the old one"
_GPG_ENDINGS: Final = (".asc", ".gpg")
_OF_CATALOGS: Final = ".catalogs"


def trusted_keys(folder: Path, *, parameter: str) -> TrustedKeys:
    """Read the public keys of a folder, sorted by name. `parameter` is named in errors.

    Raises NotFoundError without the folder or without a key in it, InvalidInputError for what is no key.
    """
    _check_library(parameter)
    if not folder.is_dir():
        raise NotFoundError(
            f"{parameter}: there is no folder {folder}", "name the folder with the public keys"
        )
    _check_private(folder, parameter)
    paths = _files(folder, _ENDINGS, parameter)
    if not paths:
        raise NotFoundError(
            f"{parameter}: {folder} has no public key", "put one there in PEM, in a file NAME.pub"
        )
    _check_ends(paths, folder, parameter)
    return _trusted(paths, folder, parameter)


def release_keys(folder: Path, *, parameter: str) -> ReleaseKeys:
    """Read the keys by which clusters verify releases and catalogs: in PEM, and of GPG. Kinds may lack.

    Raises NotFoundError without the folder or without a key in it, InvalidInputError for what is no key.
    """
    _check_library(parameter)
    if folder.is_dir():
        _check_private(folder, parameter)
    pem, gpg = _files(folder, _ENDINGS, parameter), _files(folder, _GPG_ENDINGS, parameter)
    if not gpg and not pem:
        trusted_keys(folder, parameter=parameter)  # says what is missing
    _check_ends(pem, folder, parameter)
    _check_number(gpg, folder, parameter)
    found = []
    for path in gpg:
        try:
            found.append(Keyring.parse(path.stem, _read(path, LARGEST_KEYS)))
        except KeyFormatError as error:
            raise InvalidInputError(
                f"{parameter}: {path} cannot be used: {error}",
                "write it with: gpg --armor --export KEY > NAME.asc",
            ) from None
    of_catalogs = [path for path in pem if path.stem.endswith(_OF_CATALOGS)]
    of_releases = [path for path in pem if path not in of_catalogs]
    return ReleaseKeys(
        sigstore=_trusted(of_releases, folder, parameter) if of_releases else None,
        gpg=tuple(found),
        catalogs=_trusted(of_catalogs, folder, parameter) if of_catalogs else None,
    )


def _files(folder: Path, endings: tuple[str, ...], parameter: str) -> list[Path]:
    """Return the files of these endings. Raises InvalidInputError for what is none, such as a broken link."""
    paths = [path for path in _entries(folder) if path.suffix in endings]
    if odd := [path for path in paths if not path.is_file()]:
        raise InvalidInputError(
            f"{parameter}: {odd[0]} cannot be used: it is no file, or a link that leads to none",
            "put the file there itself, or remove it",
        )
    return paths


def _trusted(paths: list[Path], folder: Path, parameter: str) -> TrustedKeys:
    from steps.trust.keys import TrustedKeys  # late: see there

    _check_number(paths, folder, parameter)
    keys = TrustedKeys(tuple(_public(path, parameter) for path in paths))
    _check_one_end(keys, f"{parameter}: {folder}")
    return keys


def _check_number(paths: list[Path], folder: Path, parameter: str) -> None:
    if len(paths) > MOST:
        raise InvalidInputError(
            f"{parameter}: {folder} has {len(paths)} keys, more than {MOST}", "remove those that have ended"
        )


def _check_private(folder: Path, parameter: str) -> None:
    """Raise InvalidInputError for a private key under any name: others read this folder, or ConfigMap."""
    for path in _entries(folder):
        content = b""
        with suppress(OSError, InvalidInputError):  # unread, it gives nothing away
            content = _read(path) if path.is_file() else b""
        if b"PRIVATE KEY" in content:
            raise InvalidInputError(
                f"{parameter}: {path} cannot be used: it is a private key; give the public one", _NEW_KEY
            )


def _check_ends(paths: list[Path], folder: Path, parameter: str) -> None:
    """Raise InvalidInputError for an end of no key: somebody relies on it, and the key would count on.

    It may be a mistyped one, such as NAME.UNTIL or NAME.until.txt.
    """
    names = {path.stem for path in paths}
    ends = {path for path in _files(folder, (_END,), parameter) if path.stem in names}
    for path in _entries(folder):
        if _END[1:] not in path.name.lower() or path in ends or path.suffix in (*_ENDINGS, *_GPG_ENDINGS):
            continue
        lacking = f"{path.stem}.pub or {path.stem}.pem"
        why = f"there is no {lacking}" if path.suffix == _END else "only a file NAME.until does"
        raise InvalidInputError(
            f"{parameter}: {path} ends no key: {why}",
            "NAME.until ends the key NAME.pub: rename it, or remove it if its key is gone; a key of GPG has"
            " its end in itself",
        )


def _check_one_end(keys: TrustedKeys, where: str) -> None:
    """Raise InvalidInputError where one key has two names and two ends: the later end would count."""
    first: dict[str, PublicKey] = {}
    for key in keys:
        other = first.setdefault(key.fingerprint, key)
        if other.until != key.until:
            raise InvalidInputError(
                f"{where}: {other.name} and {key.name} are the same key, with different ends",
                "remove one of the two, or give both the same end",
            )


def keys_in(texts: Mapping[str, str], *, where: str) -> TrustedKeys:
    """Read the public keys among texts by the same names. `where` is named in errors, as in "ConfigMap 'x'".

    Raises NotFoundError without a key, InvalidInputError for what is none, and for a private key under any
    name: others read these texts.
    """
    _check_library(where)
    from steps.trust.keys import TrustedKeys  # late: see there

    if private := [name for name, text in texts.items() if "PRIVATE KEY" in text]:
        raise InvalidInputError(
            f"{where}: {private[0]} cannot be used: it is a private key; give the public one",
            _NEW_KEY,
        )
    names = sorted(name for name in texts if name.endswith(_ENDINGS))
    if not names:
        raise NotFoundError(f"{where} has no public key", "put one there in PEM, under the name NAME.pub")
    if len(names) > MOST:
        raise InvalidInputError(f"{where} has {len(names)} keys, more than {MOST}", "remove those that ended")
    keys = []
    for name in names:
        stem = name.rpartition(".")[0]
        until = f"{stem}{_END}"
        end = _time(texts[until], f"{where}: {until}") if until in texts else None
        keys.append(_parsed(stem, texts[name].encode(), end, f"{where}: {name}"))
    trusted = TrustedKeys(tuple(keys))
    _check_one_end(trusted, where)
    return trusted


def signing_key(path: Path, passphrase: Path | None, *, parameter: str) -> PrivateKey:
    """Read the private key of a file. Raises NotFoundError without it, InvalidInputError for what is none."""
    _check_library(parameter)
    from steps.trust.keys import PrivateKey  # late: see there

    try:
        words = _read(passphrase).rstrip(b"\r\n") if passphrase is not None and passphrase.is_file() else None
        return PrivateKey.parse(_read(path), words)
    except FileNotFoundError:
        raise NotFoundError(
            f"{parameter}: there is no file {path}{_instead(path.parent)}",
            f"the folder, or the Secret, has to hold the private key in PEM under the name {path.name}",
        ) from None
    except PassphraseError as error:
        name = passphrase.name if passphrase is not None else "passphrase"
        raise InvalidInputError(
            f"{parameter}: {path} cannot be used: {error}",
            f"the folder, or the Secret, has to hold the passphrase under the name {name}; without one, none",
        ) from None
    except KeyFormatError as error:
        raise InvalidInputError(
            f"{parameter}: {path} cannot be used: {error}",
            "make one with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
        ) from None


def _instead(folder: Path) -> str:
    """Return the names of the files that are there, for a message; none of their content."""
    names = [path.name for path in _entries(folder) if path.is_file()]
    return f"; there are: {', '.join(names[:_NAMED])}" if names else ""


def _check_library(parameter: str) -> None:
    """Raise InvalidInputError where the library for keys is not there (see pyproject.toml)."""
    if importlib.util.find_spec("cryptography") is None:
        raise InvalidInputError(
            f"{parameter}: this machine ({platform.machine()}) has no Python package cryptography",
            "run it on another architecture, or leave this parameter out",
        )


def _public(path: Path, parameter: str) -> PublicKey:
    until = _until(path.with_suffix(_END), parameter)
    return _parsed(path.stem, _read(path), until, f"{parameter}: {path}")


def _parsed(name: str, content: bytes, until: datetime | None, where: str) -> PublicKey:
    from steps.trust.keys import PublicKey  # late: see there

    try:
        return PublicKey.parse(name, content, until=until)
    except KeyFormatError as error:
        raise InvalidInputError(
            f"{where} cannot be used: {error}",
            "write it with: openssl pkey -in PRIVATE -pubout -out NAME.pub",
        ) from None


def _until(path: Path, parameter: str) -> datetime | None:
    if not path.is_file():
        return None
    return _time(_read(path).decode(errors="replace"), f"{parameter}: {path}")


def _time(text: str, where: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.strip())
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # in UTC it may lie before the year 1, or after 9999
        raise InvalidInputError(
            f"{where} holds no time: {text.strip()[:40]!r}",
            "write it as in 2027-01-31 or 2027-01-31T12:00:00Z",
        ) from None


def _entries(folder: Path) -> list[Path]:
    """Return what lies in a folder, sorted; nothing without it. Raises InvalidInputError, unreadable."""
    try:
        return sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        raise _unreadable(folder, error) from None


def _read(path: Path, limit: int = LARGEST) -> bytes:
    """Return the beginning of a file. Raises FileNotFoundError, InvalidInputError for an unreadable one."""
    try:
        with path.open("rb") as stream:
            return stream.read(limit + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> InvalidInputError:
    return InvalidInputError(
        f"{path} cannot be read: {error.strerror}", "let the user that this runs as read it"
    )
