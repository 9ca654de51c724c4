"""Whether a registry speaks HTTPS or plain HTTP: asked once, and then known to all that ask it.

As containers/image does (docker/docker_client.go, detectPropertiesHelper): `GET /v2/` by HTTPS, and by HTTP
after it only where certificates are not verified. A registry on this machine is none of its own kind there,
nor here: many speak TLS.
"""

from __future__ import annotations

import ipaddress
import threading
from collections import defaultdict
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable


class Schemes:
    """What each registry speaks; for use in many threads."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._known: dict[str, str] = {}
        self._asking: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def of(self, server: str, ask: Callable[[], str]) -> str:
        """Return the scheme of HOST[:PORT]; `ask` finds it out, once. Raises what `ask` does."""
        if server not in self._known:
            with self._asking[server]:
                if server not in self._known:
                    self._known[server] = ask()
        return self._known[server]


def is_local(host: str) -> bool:
    """Return whether HOST[:PORT] is this machine, which is reached without a proxy."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
