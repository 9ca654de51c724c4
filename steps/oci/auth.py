"""Logins of registries, as a pull secret has them.

The pull secret is a file in the format of `docker login` (kubernetes.io/dockerconfigjson). As in
containers/image, the login with the longest matching path counts: HOST/ORGANIZATION before HOST.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from steps.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

Login = tuple[str, str]
"""User name and password."""


@dataclass(frozen=True, slots=True)
class Logins:
    """User names and passwords by host, or host and path."""

    known: Mapping[str, Login] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path | None) -> Logins:
        """Read a pull secret; without the file there are no logins.

        Raises InvalidInputError for a file of another format.
        """
        if path is None or not path.is_file():
            return cls()
        try:
            auths: Any = json.loads(path.read_bytes())["auths"]
            logins = {key(name): _login(entry) for name, entry in auths.items()}
            return cls({name: login for name, login in logins.items() if any(login)})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidInputError(
                f"{path} is no pull secret ({type(error).__name__})",
                "create the Secret anew as type kubernetes.io/dockerconfigjson",
            ) from error

    def of(self, repository: str) -> Login | None:
        """Return user name and password for HOST[:PORT]/REPOSITORY, None where there is none."""
        found = longest_match(self.known, repository)
        return self.known[found] if found else None


def key(name: str) -> str:
    """Reduce `https://HOST/v1/`, as old clients write a registry into a pull secret, to `HOST`."""
    return name.partition("://")[2].partition("/")[0] if "://" in name else name.rstrip("/")


def longest_match(known: Collection[str], repository: str) -> str:
    """Return the longest of the `known` paths above HOST[:PORT]/REPOSITORY, empty where there is none."""
    path = repository
    while path and path not in known:
        path = path.rpartition("/")[0]
    return path


def basic(login: Login) -> str:
    """Render a login as the header Authorization (RFC 7617)."""
    return f"Basic {base64.b64encode(':'.join(login).encode()).decode()}"


def _login(entry: Any) -> Login:
    if entry.get("auth"):
        username, _, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
        return username, password
    return str(entry.get("username") or ""), str(entry.get("password") or "")
