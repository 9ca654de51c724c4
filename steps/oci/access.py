"""How registries are reached: the one way to open a repository, and whether a host answers at all."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from steps.errors import InvalidInputError
from steps.oci.options import ConnectionOptions
from steps.oci.reference import Reference, server_of
from steps.oci.schemes import is_local

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from steps.oci.registry import Repository


@dataclass(frozen=True)
class Access(ConnectionOptions):
    """Opens repositories, each with the same logins, trust and time."""

    def open(self, name: str) -> Repository:
        """Open the repository HOST[:PORT]/REPOSITORY, for use in one thread and in a `with`.

        Nothing is asked yet. Raises InvalidInputError for a name without registry and for a pull secret of
        another format, RegistryError for a CA bundle without certificates.
        """
        from steps.oci.registry import Repository  # late: the library for HTTP costs a tenth of a second

        reference = Reference.parse(name)
        if not reference.registry:
            raise InvalidInputError(
                f"'{name}' names no registry: its first part is not a host with a dot or a port",
                "write the host in full",
            )
        return Repository(reference, self)


def obstacle(host: str, patience: float = 4.0) -> str:
    """Say what keeps us from a registry, or from the proxy that leads to it; empty where nothing does.

    Without the library for HTTP, whose import costs more than this. A look-up of a name cannot be
    interrupted, so it is left to itself after `patience` seconds.
    """
    from urllib.request import getproxies, proxy_bypass

    known = getproxies()
    local = is_local(host)
    proxy = "" if local or proxy_bypass(server_of(host)) else known.get("https") or known.get("all") or ""
    there = server_of(host)
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}" if proxy else f"https://{there}/")
    found = ["no answer"]
    thread = threading.Thread(target=_connect, args=(parts, local, patience, found), daemon=True)
    thread.start()
    thread.join(patience)
    return f"{parts.hostname} cannot be reached: {found[0]}" if found[0] else ""


def _connect(parts: SplitResult, local: bool, patience: float, found: list[str]) -> None:
    import socket

    try:
        ports = [parts.port or {"http": 80, "https": 443}.get(parts.scheme, 1080)]
        if local and not parts.port:
            ports.append(80)
        for port in ports:
            found[0] = _refusal(socket.create_connection, (parts.hostname or "", port), patience)
            if not found[0]:
                return
    except ValueError as error:  # a port that is not a number
        found[0] = str(error)


def _refusal(connect: Callable[..., socket], address: tuple[str, int], patience: float) -> str:
    try:
        connect(address, timeout=patience).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""
