"""A user's own configuration of registries: registries.conf, policy.json, and files for registries.d.

A folder or a ConfigMap with these keys. oc-mirror reads registries.conf by CONTAINERS_REGISTRIES_CONF
(internal/pkg/cli/executor.go), policy.json by `--policy` with `--secure-policy` (mirror/options.go), and
registries.d by `--registries.d`. Formats: containers-registries.conf(5), containers-policy.json(5),
containers-registries.d(5). What is checked here would fail hours later otherwise.
"""

from __future__ import annotations

import copy
import json
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from steps.bounded import json_of
from steps.mirroring.ocmirror.registries_d import DEFAULT, KEY, NAMESPACES
from steps.yaml.text import NotYamlError
from steps.yaml.values import value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CONF, POLICY = "registries.conf", "policy.json"
LARGEST: Final = 1024 * 1024
"""Characters of a file, as of a ConfigMap."""
_FIELDS: Final = {KEY, "lookaside", "lookaside-staging", "sigstore", "sigstore-staging"}
_ACCEPTED: Final = [{"type": "insecureAcceptAnything"}]


class WrongFileError(ValueError):
    """A file is not what its name says; the rest of a sentence that begins with the name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistriesConfig:
    """The checked files. `folder` is where they lie; None: none are given.

    `registries` are the tables `[[registry]]`, `namespaces` and `default` those of all files of registries.d.
    """

    folder: Path | None = None
    has_conf: bool = False
    registries: tuple[Mapping[str, Any], ...] = ()
    policy: Mapping[str, Any] | None = None
    namespaces: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    default: Mapping[str, Any] | None = None

    @property
    def has_rules(self) -> bool:
        """Whether there are files for registries.d."""
        return bool(self.namespaces) or self.default is not None

    @property
    def environment(self) -> dict[str, str]:
        """What oc-mirror's environment, and ours, must say."""
        path = self.folder / CONF if self.folder and self.has_conf else None
        return {} if path is None else {"CONTAINERS_REGISTRIES_CONF": str(path)}

    @property
    def keys(self) -> list[str]:
        """Paths of the key files that the policy names."""
        policy = self.policy or {}
        scopes = [
            scope for transport in policy.get("transports", {}).values() for scope in transport.values()
        ]
        requirements = [one for scope in [policy.get("default", []), *scopes] for one in scope]
        paths = [path for one in requirements for path in (one.get("keyPath"), *_list(one.get("keyPaths")))]
        return [path for path in paths if isinstance(path, str)]

    def places(self, name: str) -> list[str]:
        """Return from where HOST[:PORT]/REPOSITORY is read: its mirrors first, as registries.conf has them.

        `name` itself where nothing is said; nothing where it is blocked without a mirror.
        """
        table = max(
            (one for one in self.registries if _covers(_prefix(one), name)),
            key=lambda one: len(_prefix(one)),
            default=None,
        )
        if table is None:
            return [name]
        rest = "" if _prefix(table).startswith("*.") else name.removeprefix(_prefix(table))
        found = [f"{mirror['location']}{rest}" for mirror in table.get("mirror", [])]
        if table.get("blocked"):
            return found
        return [*found, f"{table['location']}{rest}" if table.get("location") else name]

    def policy_for(self, cache: str) -> str:
        """Return the policy as a text, by which oc-mirror's own cache HOST:PORT may be read."""
        document = copy.deepcopy(dict(self.policy or {}))
        document.setdefault("transports", {}).setdefault("docker", {})[cache] = _ACCEPTED
        return json.dumps(document, indent=1)


def check(
    data: Mapping[str, str], origin: str, *, folder: Path | None = None
) -> tuple[RegistriesConfig, list[str]]:
    """Read the files of `data`, by name; return what they say, and a sentence for each that is wrong."""
    found: dict[str, Any] = {}
    named: dict[str, str] = {}
    problems: list[str] = []
    for name, text in sorted(data.items()):
        try:
            _take_in(found, named, name, text)
        except WrongFileError as error:
            problems.append(f"{origin}: {name} {error}")
    return RegistriesConfig(folder=folder, **found), problems


def _take_in(found: dict[str, Any], named: dict[str, str], name: str, text: str) -> None:
    if len(text) > LARGEST:
        raise WrongFileError(f"is larger than {LARGEST} characters")
    if name == CONF:
        found |= {"registries": _read_conf(text), "has_conf": True}
    elif name == POLICY:
        found["policy"] = _read_policy(text)
    elif name.endswith(".yaml"):
        _merge(found, named, name, _read_rules(text))
    else:
        raise WrongFileError(
            f"is not one of its files; known are {CONF}, {POLICY}, and NAME.yaml for registries.d"
        )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _prefix(table: Mapping[str, Any]) -> str:
    return str(table.get("prefix") or table.get("location") or "")


def _covers(prefix: str, name: str) -> bool:
    if prefix.startswith("*."):
        return name.partition("/")[0].partition(":")[0].endswith(prefix[1:])
    return name == prefix or name.startswith(f"{prefix}/")


def _read_conf(text: str) -> tuple[Mapping[str, Any], ...]:
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise WrongFileError(f"is not TOML: {error}") from error
    if "registries" in document:
        raise WrongFileError("has [registries], the format of version 1; write [[registry]] tables")
    tables = document.get("registry", [])
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise WrongFileError("has a 'registry' that is no list of tables: write [[registry]]")
    for table in tables:
        mirrors = table.get("mirror", [])
        if not isinstance(mirrors, list) or not all(
            isinstance(one, dict) and isinstance(one.get("location"), str) for one in mirrors
        ):
            raise WrongFileError("has a [[registry.mirror]] without a location")
        if not _prefix(table):
            raise WrongFileError("has a [[registry]] with neither prefix nor location")
        if any(not isinstance(table.get(key, ""), str) for key in ("prefix", "location")):
            raise WrongFileError("has a [[registry]] whose prefix or location is no text")
    return tuple(tables)


def _read_policy(text: str) -> Mapping[str, Any]:
    try:
        document = json_of(text, what="the text")
    except ValueError as error:
        raise WrongFileError(f"is not JSON that can be used: {error}") from error
    if not isinstance(document, dict) or document.keys() - {"default", "transports"}:
        raise WrongFileError("must be an object with 'default' and 'transports' only")
    if not _is_requirements(document.get("default")):
        raise WrongFileError('needs \'default\', a list of requirements such as [{"type": "reject"}]')
    transports = document.get("transports", {})
    if not isinstance(transports, dict) or not all(isinstance(one, dict) for one in transports.values()):
        raise WrongFileError("has 'transports' that are no objects")
    for scopes in transports.values():
        for scope, requirements in scopes.items():
            if not _is_requirements(requirements):
                raise WrongFileError(f"has no list of requirements for '{scope}'")
    return document


def _is_requirements(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and "type" in one for one in value)
    )


def _read_rules(text: str) -> dict[str, Any]:
    try:
        document = value(text)
    except NotYamlError as error:
        raise WrongFileError(f"is not YAML: {error}") from error
    document = {} if document is None else document
    if not isinstance(document, dict) or document.keys() - {DEFAULT, NAMESPACES}:
        raise WrongFileError(f"must have {DEFAULT} and {NAMESPACES} only")
    namespaces = document.get(NAMESPACES) or {}
    if not isinstance(namespaces, dict):
        raise WrongFileError(f"has a '{NAMESPACES}' that is no map of namespaces")
    for name, fields in {**namespaces, DEFAULT: document.get(DEFAULT) or {}}.items():
        if not isinstance(fields, dict) or fields.keys() - _FIELDS:
            raise WrongFileError(f"has other fields for '{name}' than {', '.join(sorted(_FIELDS))}")
        if not isinstance(fields.get(KEY, True), bool):
            raise WrongFileError(f"has a {KEY} for '{name}' that is neither true nor false")
    return document


def _merge(found: dict[str, Any], named: dict[str, str], name: str, document: Mapping[str, Any]) -> None:
    """Put one file of registries.d to the others. Raises WrongFileError for what two of them name."""
    fields = {str(key): value for key, value in (document.get(NAMESPACES) or {}).items()}
    for key in [*fields, *([DEFAULT] if document.get(DEFAULT) else [])]:
        if key in named:
            raise WrongFileError(f"names '{key}', as {named[key]} does")
        named[key] = name
    found["namespaces"] = {**found.get("namespaces", {}), **fields}
    if document.get(DEFAULT):
        found["default"] = document[DEFAULT]
