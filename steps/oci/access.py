"""How to get into a container registry: logins from a pull secret, trust, and what refusals mean in words.

The pull secret is a file in the format of `docker login` (kubernetes.io/dockerconfigjson). As in
containers/image, the login with the longest matching path counts: HOST/ORGANIZATION before HOST.
"""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from steps.errors import InvalidInputError, RegistryError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class UnreachableError(RegistryError):
    """The registry, or the proxy before it, does not answer; perhaps a moment later."""


class RefusedError(RegistryError):
    """The registry answers and does not let us in."""


class AbsentError(RegistryError):
    """The registry does not have the image."""


class BusyError(RegistryError):
    """The registry asks to come back later; `seconds` says when, 0 where it does not say."""

    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Logins:
    """User names and passwords by host, or host and path."""

    known: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path | None) -> Logins:
        """Read a pull secret; none where there is no such file. Raises InvalidInputError for another file."""
        if path is None or not path.is_file():
            return cls()
        try:
            auths: Any = json.loads(path.read_bytes())["auths"]
            logins = {_key(name): _login(entry) for name, entry in auths.items()}
            return cls({name: login for name, login in logins.items() if any(login)})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidInputError(
                f"{path} is no pull secret ({type(error).__name__})",
                "create the Secret anew as type kubernetes.io/dockerconfigjson",
            ) from error

    def of(self, host: str, repository: str) -> tuple[str, str] | None:
        """Return user name and password for a repository, None where none is known."""
        path = f"{host}/{repository}"
        while path:
            if path in self.known:
                return self.known[path]
            path = path.rpartition("/")[0]
        return None


def _key(name: str) -> str:
    """Reduce `https://HOST/v1/`, as old clients write it, to `HOST`."""
    return name.partition("://")[2].partition("/")[0] if "://" in name else name.rstrip("/")


def _login(entry: Any) -> tuple[str, str]:
    if entry.get("auth"):
        username, _, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
        return username, password
    return str(entry.get("username") or ""), str(entry.get("password") or "")


def explain_status(status: int, what: str, host: str, *, has_login: bool) -> RegistryError:
    """Make the error for an HTTP status other than success."""
    if status in {401, 403}:
        login = "refuses the login of the pull secret" if has_login else "asks for a login"
        return RefusedError(
            f"{host} {login} for {what} (HTTP {status})",
            f"check that the pull secret has a valid entry for {host}",
        )
    if status == 404:
        return AbsentError(f"there is no {what}", "check the OpenShift version and the catalog's name")
    if status == 429:
        return BusyError(f"{host} answers that there are too many requests, for {what}", "try later")
    if status >= 500:
        return UnreachableError(f"{host} answers HTTP {status} for {what}", "try later")
    return RegistryError(f"{host} answers HTTP {status} for {what}", "look at the registry's log")


def is_local(host: str) -> bool:
    """Whether to speak plain HTTP, as container tools do with this machine only."""
    name = host.partition(":")[0]
    return name == "localhost" or name.startswith("127.")


def obstacle(host: str, patience: float = 4.0) -> str:
    """Say what keeps us from a registry, or from the proxy that leads to it; empty where nothing does.

    Without the libraries that speak to it, whose import costs more than this. A look-up of a name cannot be
    interrupted, so it is left to itself after `patience` seconds.
    """
    from urllib.request import getproxies, proxy_bypass

    scheme = "http" if is_local(host) else "https"
    known = getproxies()
    proxy = "" if proxy_bypass(host) else known.get(scheme) or known.get("all") or ""
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}" if proxy else f"{scheme}://{host}/")
    found = ["no answer"]
    thread = threading.Thread(target=_connect, args=(parts, patience, found), daemon=True)
    thread.start()
    thread.join(patience)
    return f"{parts.hostname} cannot be reached: {found[0]}" if found[0] else ""


def _connect(parts: SplitResult, patience: float, found: list[str]) -> None:
    import socket

    try:
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 1080)
        socket.create_connection((parts.hostname or "", port), timeout=patience).close()
        found[0] = ""
    except (OSError, ValueError) as error:  # ValueError: a port that is none
        found[0] = getattr(error, "strerror", None) or str(error)
