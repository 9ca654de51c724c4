"""How connections to registries are made: logins, trust and time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

from steps.errors import RegistryError
from steps.oci.auth import Logins
from steps.oci.schemes import Schemes

if TYPE_CHECKING:
    import ssl
    from pathlib import Path


@dataclass(frozen=True)
class ConnectionOptions:
    """Logins, trust and time for questions to registries.

    `authfile` is a pull secret, and `ca_bundle` has CAs besides those of the machine; both files may be
    missing. `tls_verify` is as in containers/image: True asks for a certificate that the machine or
    `ca_bundle` vouches for, False takes any, or plain HTTP where there is no TLS. None is as True, but plain
    HTTP is taken from this machine where it speaks no TLS. `deadline` is a time of `time.monotonic` for all
    that is opened. `schemes` remembers what each registry speaks.
    """

    authfile: Path | None = None
    ca_bundle: Path | None = None
    tls_verify: bool | None = None
    deadline: float = float("inf")
    schemes: Schemes = field(default_factory=Schemes, compare=False, repr=False)

    def within(self, seconds: float) -> Self:
        """Return the same options, with a deadline `seconds` from now."""
        return replace(self, deadline=time.monotonic() + seconds)

    @cached_property
    def logins(self) -> Logins:
        """The logins of the pull secret, read once. Raises InvalidInputError for another format."""
        return Logins.read(self.authfile)

    @cached_property
    def trust(self) -> ssl.SSLContext:
        """Whose certificates count; made once, since it costs 0.04 s of CPU and a run opens hundreds.

        Raises RegistryError for a bundle without certificates.
        """
        return trust(self.ca_file, verify=self.tls_verify is not False)

    @property
    def ca_file(self) -> Path | None:
        """The bundle of CAs if it exists and is not empty."""
        bundle = self.ca_bundle
        return bundle if bundle and bundle.is_file() and bundle.stat().st_size else None


def trust(bundle: Path | None, *, verify: bool = True) -> ssl.SSLContext:
    """Trust what the machine trusts, as Go's programs do, and the CAs of `bundle` besides; or anything.

    Raises RegistryError for a bundle that holds no certificate.
    """
    import ssl

    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        if bundle:
            context.load_verify_locations(bundle)
    except (ssl.SSLError, OSError) as error:
        raise RegistryError(
            f"{bundle} holds no certificate that can be read", "put PEM certificates into it"
        ) from error
    return context
