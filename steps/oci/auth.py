"""Logins of registries, as an authfile has them: a pull secret, or the file of `podman login`.

containers/image decides which entry counts (pkg/docker/config/config.go): the helper program that
`credHelpers` names for the registry; else the entry of the longest path, HOST/ORGANIZATION before HOST, an
empty one included; else an entry under an URL such as `https://HOST/v1/`. docker.io has three names.

oc-mirror, which reads by containers/image, uses less of an entry than other programs write: `auth`, and
`identitytoken` beside it. `Logins.unusable` says what it leaves out. We use all.
"""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from steps.bounded import json_of
from steps.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HELPER_PATIENCE: Final = 20.0
"""Seconds that a helper program gets."""
LARGEST: Final = 8 * 1024 * 1024
"""Bytes of an authfile; a Secret has 1 MiB at most."""
DOCKER_HUB: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
"""Names of one registry in authfiles (config.go, normalizeRegistry)."""
_IDENTITY: Final = "<token>"
"""The user name by which a helper program says that the secret is an identity token."""
_PROGRAM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What follows `docker-credential-` in the name of a helper program."""
_KEYS: Final = frozenset({"auths", "credHelpers", "credsStore"})
_HINT: Final = "create the Secret anew as type kubernetes.io/dockerconfigjson"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """User name and password, or a token.

    An identity token is exchanged for the registry's own (OAuth 2, refresh_token); a registry token is sent
    as it is.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        """Whether there is anything to log in with."""
        return bool(self.username or self.password or self.identity_token or self.registry_token)

    @property
    def basic(self) -> str:
        """The header Authorization (RFC 7617)."""
        return f"Basic {base64.b64encode(f'{self.username}:{self.password}'.encode()).decode()}"


@dataclass(frozen=True, slots=True)
class Logins:
    """The entries of an authfile: `entries` by host, or host and path; `helpers` by host."""

    entries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    helpers: Mapping[str, str] = field(default_factory=dict)
    store: str = ""

    @classmethod
    def read(cls, path: Path | None) -> Logins:
        """Read an authfile; without the file there are no logins.

        Raises InvalidInputError for a file of another format.
        """
        if path is None or not path.is_file():
            return cls()
        try:
            with path.open("rb") as stream:
                return cls.parse(json_of(stream.read(LARGEST + 1), limit=LARGEST))
        except (ValueError, OSError) as error:
            raise InvalidInputError(f"{path} is no pull secret ({type(error).__name__})", _HINT) from error
        except InvalidInputError as error:
            raise InvalidInputError(f"{path} is no pull secret: {error.reason}", error.hint) from error

    @classmethod
    def parse(cls, document: Any) -> Logins:
        """Take the logins from a parsed file. Raises InvalidInputError for another format."""
        if not isinstance(document, dict):
            raise InvalidInputError("it has no 'auths' mapping", _HINT)
        entries, helpers = document.get("auths") or {}, document.get("credHelpers") or {}
        if not isinstance(entries, dict) or not all(_is_entry(one) for one in entries.values()):
            raise InvalidInputError("it has no 'auths' mapping of registries to logins", _HINT)
        if not isinstance(helpers, dict) or not all(
            isinstance(name, str) and _PROGRAM.fullmatch(name) for name in helpers.values()
        ):
            raise InvalidInputError("it has no 'credHelpers' mapping of registries to programs", _HINT)
        if not document.keys() & _KEYS and _has_logins_at_the_top(document):
            raise InvalidInputError(
                "it has no 'auths' mapping: logins are at the top, as in a .dockercfg",
                'put all of it below one key: {"auths": {…}}',
            )
        for name, entry in entries.items():
            _login(name, entry or {})
        store = str(document.get("credsStore") or "")
        return cls({name: entry or {} for name, entry in entries.items()}, helpers, store)

    def of(self, repository: str) -> Login | None:
        """Return the login for HOST[:PORT]/REPOSITORY, None where there is none.

        Raises InvalidInputError for a helper program that is missing or fails.
        """
        registry = repository.partition("/")[0]
        if helper := self.helpers.get(registry):
            return _ask_helper(helper, registry)
        name = self.matching(repository)
        return _login(name, self.entries[name]) or None if name else None

    def matching(self, repository: str) -> str:
        """Return the key of the entry that counts for HOST[:PORT]/REPOSITORY, empty where there is none."""
        path = repository
        while path and path not in self.entries:
            path = path.rpartition("/")[0]
        if path:
            return path
        registry = _normal(repository.partition("/")[0])
        return next((name for name in self.entries if _normal(_host(name)) == registry), "")

    def unusable(self, repository: str) -> str:
        """Say why oc-mirror has no login for HOST[:PORT]/REPOSITORY; empty where it has one, or none is here.

        A helper program is not started.
        """
        registry = repository.partition("/")[0]
        if helper := self.helpers.get(registry):
            program = f"docker-credential-{helper}"
            return "" if shutil.which(program) else f"its helper program {program} is not installed here"
        name = self.matching(repository)
        entry = self.entries[name] if name else {}
        if not entry.get("auth"):
            fields = [one for one in ("username", "identitytoken", "registrytoken") if entry.get(one)]
            if fields:
                return f"its entry has '{fields[0]}' and no 'auth', which oc-mirror needs"
            return (
                f"oc-mirror does not read 'credsStore' ({self.store}), only 'auths' and 'credHelpers'"
                if self.store
                else ""
            )
        return "" if _login(name, entry) else "its 'auth' has no user name and password"


def _has_logins_at_the_top(document: Mapping[str, Any]) -> bool:
    return "auth" in document or any(
        isinstance(value, dict) and "auth" in value for value in document.values()
    )


def _is_entry(entry: Any) -> bool:
    return entry is None or (
        isinstance(entry, dict)
        and all(isinstance(entry.get(name, ""), str | None) for name in ("auth", "identitytoken"))
    )


def _host(name: str) -> str:
    """Reduce `https://HOST/v1/`, as old clients write a registry, to HOST; leave other keys as they are."""
    bare = name.removeprefix("http://").removeprefix("https://")
    return bare if bare == name else bare.partition("/")[0]


def _normal(registry: str) -> str:
    return "docker.io" if registry in DOCKER_HUB else registry


def _login(name: str, entry: Mapping[str, Any]) -> Login:
    """Read an entry; a password may have colons."""
    username, password = str(entry.get("username") or ""), str(entry.get("password") or "")
    if packed := entry.get("auth"):
        try:
            text = base64.b64decode("".join(str(packed).split()), validate=True).decode()
        except ValueError:
            raise InvalidInputError(f"its entry '{name}' has an 'auth' that is not base64", _HINT) from None
        username, colon, password = text.partition(":")
        if not colon:  # containers/image skips it, as docker does
            return Login()
    return Login(
        username=username,
        password=password.strip("\0"),
        identity_token=str(entry.get("identitytoken") or ""),
        registry_token=str(entry.get("registrytoken") or ""),
    )


def _ask_helper(helper: str, registry: str) -> Login | None:
    """Ask a helper program (docker/docker-credential-helpers, client/client.go, Get)."""
    program = f"docker-credential-{helper}"
    executable = shutil.which(program)
    if executable is None:
        raise InvalidInputError(
            f"the pull secret has the login for {registry} from the program {program}, which is not here",
            "give the pull secret an entry 'auths' for it, with 'auth', or use an image with that program",
        )
    try:
        answer = subprocess.run(
            [executable, "get"],
            input=registry.encode(),
            capture_output=True,
            timeout=HELPER_PATIENCE,
            check=False,
        )
        found = json_of(answer.stdout, limit=LARGEST) if answer.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise _helper_failed(program, registry) from error
    if found is None and b"credentials not found" in answer.stdout:
        return None
    if not isinstance(found, dict):
        raise _helper_failed(program, registry)
    username, secret = str(found.get("Username") or ""), str(found.get("Secret") or "")
    if username == _IDENTITY:
        return Login(identity_token=secret)
    return Login(username=username, password=secret)


def _helper_failed(program: str, registry: str) -> InvalidInputError:
    return InvalidInputError(
        f"{program} gives no login for {registry}",
        f"try it: echo {registry} | {program} get",
    )
