"""What arrives from a registry: counted, timed, with its digest; and whom to trust."""

from __future__ import annotations

import hashlib
import re
import ssl
import time
from typing import TYPE_CHECKING, Any, Final

from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from steps.errors import RegistryError
from steps.oci.access import UnreachableError

if TYPE_CHECKING:
    from pathlib import Path

BLOCK: Final = 1024 * 1024
_SYSTEM: Final = re.compile(r"\[Errno -?\d+\] ([^'\")]+)")
"""What the operating system said, at the bottom of a chain of errors."""


class Stream:
    """The bytes of an answer: counted, timed, and with their digest."""

    def __init__(self, raw: Any, deadline: float, limit: int, name: str) -> None:
        """Wrap urllib3's answer; `limit` in bytes, `name` for messages."""
        self._raw, self._deadline, self._left, self._name = raw, deadline, limit, name
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """Digest of all that was read so far."""
        return f"sha256:{self._hash.hexdigest()}"

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes, all without one. Raises RegistryError (UnreachableError for a break)."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(BLOCK), b""))
        if time.monotonic() > self._deadline:
            raise late(self._name)
        try:
            data: bytes = self._raw.read(size)
        except HTTPError as error:
            raise broken(error, self._name) from error
        self._left -= len(data)
        if self._left < 0:
            raise RegistryError(f"{self._name} is larger than anything of its kind", "is it a catalog?")
        self._hash.update(data)
        return data

    def drain(self) -> None:
        """Read to the end, so that the digest is that of the whole."""
        while self.read(BLOCK):
            pass


class TrustingAdapter(HTTPAdapter):
    """Trusts what the machine trusts, as Go's programs do, and a bundle of CAs besides; or anything."""

    def __init__(self, bundle: Path | None, *, verify: bool = True) -> None:
        """Load the bundle, if there is one. Raises RegistryError where it holds no certificate."""
        self._context = ssl.create_default_context()
        if not verify:
            self._context.check_hostname = False
            self._context.verify_mode = ssl.CERT_NONE
        try:
            if bundle:
                self._context.load_verify_locations(bundle)
        except (ssl.SSLError, OSError) as error:
            raise RegistryError(
                f"{bundle} holds no certificate that can be read", "put PEM certificates into it"
            ) from error
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Trust the bundle in connections of our own."""
        super().init_poolmanager(*arguments, ssl_context=self._context, **options)

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> Any:
        """Trust the bundle behind a proxy too."""
        return super().proxy_manager_for(*arguments, ssl_context=self._context, **options)


def broken(error: Exception, name: str, host: str = "") -> RegistryError:
    """Make the error for a connection that broke, or never was; what is one already stays."""
    if isinstance(error, RegistryError):
        return error
    reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    if found := _SYSTEM.search(str(error)):
        reason = found[1]
    what = f"{host} does not answer for {name}" if host else f"{name} arrives incomplete"
    return UnreachableError(f"{what}: {reason}", "check network and proxy; try again")


def late(name: str) -> RegistryError:
    """Make the error for a deadline that has passed."""
    return RegistryError(f"{name} took too long to read", "try later, or set catalog-check to off")
