"""SLSA provenance of images: what was built, of which source, by whom; written as version 1, read as 0.2 too.

Sources: slsa-framework/slsa, spec/v1.0/provenance.md and spec/v0.2/provenance.md. Tekton Chains writes both
(tektoncd/chains, docs/slsa-provenance.md, docs/predicate/slsa/v2.md): in version 1 `resolvedDependencies`
name the source `inputs/result`, and the definitions of Pipeline and Tasks `pipeline`, `task`, `pipelineTask`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from steps.trust.statement import Statement

V1: Final = "https://slsa.dev/provenance/v1"
V02: Final = "https://slsa.dev/provenance/v0.2"
BUILD_TYPE: Final = "https://github.com/auto-shift/oc-mirror-pipeline/build/v1"
"""Ours; docs/how-to/sign-the-image.md says what its parameters are."""
_DEFINITIONS: Final = frozenset({"pipeline", "task", "pipelineTask"})
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SERVER: Final = r"(?P<server>[^/@:]+)"
_URL: Final = re.compile(
    rf"(?P<scheme>[a-zA-Z]+)://(?:(?P<user>[^/@:]+)(?::[^/@]*)?@)?{_SERVER}(?::(?P<port>\d+))?/+(?P<path>.+)"
)
_OF_SCP: Final = re.compile(rf"(?:(?P<user>[^/@:]+)@)?{_SERVER}[:/]/*(?P<path>.+)")
"""HOST:PATH, as scp has it (git-fetch(1), "GIT URLS")."""
_PORTS: Final = {"http": "80", "https": "443", "ssh": "22", "git": "9418"}
_REVISION: Final = re.compile(r"@refs/(?:heads|tags|pull)/(?!.*(?:\.\.|[%\\])).*")
"""What follows the URL in provenance; any other `@` may be a part of a path. With `..` it is no branch:
git would fetch another repository of the server than the one that is left.
"""


class ProvenanceError(ValueError):
    """A predicate says nothing of source and builder that can be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Source:
    """A repository, as `normal` writes it, and the commit of it (empty where none is named)."""

    repository: str
    commit: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who built something, and of which repositories in Git: those of the definitions left out."""

    builder: str
    sources: tuple[Source, ...]

    @classmethod
    def of(cls, statement: Statement) -> Provenance:
        """Read a statement of one of the two types. Raises ProvenanceError."""
        predicate = statement.predicate
        if statement.predicate_type == V1:
            definition, details = _object(predicate, "buildDefinition"), _object(predicate, "runDetails")
            listed = definition.get("resolvedDependencies")
        elif statement.predicate_type == V02:
            details, listed = predicate, predicate.get("materials")
        else:
            raise ProvenanceError(f"it is no provenance but {statement.predicate_type[:200]!r}")
        builder = _object(details, "builder").get("id")
        if not isinstance(builder, str) or not builder:
            raise ProvenanceError("it names no builder")
        return cls(builder, tuple(_sources(listed)))


def predicate(
    *, source: str, commit: str, parameters: Mapping[str, str], builder: str, invocation: str
) -> dict[str, Any]:
    """Make the predicate of a build of ours. `source` is the URL of the repository, as git takes it."""
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {"source": source, **parameters},
            "internalParameters": {},
            "resolvedDependencies": [
                {"name": "inputs/result", "uri": f"git+{source}", "digest": {"gitCommit": commit}}
            ],
        },
        "runDetails": {"builder": {"id": builder}, "metadata": {"invocationId": invocation}},
    }


def normal(repository: str) -> str:
    """Return one form for all URLs of a repository: without `git+`, revision, `.git` and a slash at the end.

    Password and usual port are left out, and a user where none can matter: of http, https, and `git`.
    `git@HOST:PATH` is written as `ssh://HOST/PATH`. A text that is no such URL stays as it is.
    """
    bare = repository.strip()
    text = _REVISION.sub("", bare.removeprefix("git+"))
    found = _URL.fullmatch(text) or (None if "://" in text else _OF_SCP.fullmatch(text))
    if not found:
        return bare
    parts = {"scheme": "ssh", "port": "", **{name: part or "" for name, part in found.groupdict().items()}}
    scheme, user = parts["scheme"].lower(), parts["user"]
    kept = "" if user in {"", "git"} or scheme.startswith("http") else f"{user}@"
    port = "" if parts["port"] in {"", _PORTS.get(scheme)} else f":{parts['port']}"
    path = parts["path"].rstrip("/")
    while path.endswith(".git"):
        path = path.removesuffix(".git")
    return f"{scheme}://{kept}{parts['server'].lower()}{port}/{path}"


def is_some(predicate_type: str) -> bool:
    """Return whether a type of predicates is one of provenance, perhaps of a version that is not read."""
    return "provenance" in predicate_type.lower()


def full_commit(revision: str) -> bool:
    """Return whether a revision is a whole commit, and no branch or tag."""
    return bool(_COMMIT.fullmatch(revision))


def _sources(listed: object) -> Iterator[Source]:
    """The dependencies that are commits in Git; images, files and definitions are others."""
    for one in listed if isinstance(listed, list) else []:
        if not isinstance(one, dict) or one.get("name") in _DEFINITIONS:
            continue
        uri, digest = one.get("uri"), one.get("digest")
        if not isinstance(uri, str) or not isinstance(digest, dict):
            continue
        commit = digest.get("gitCommit") or digest.get("sha1")
        if uri.startswith("git") or (commit and not uri.startswith(("oci:", "pkg:"))):
            yield Source(normal(uri), commit if isinstance(commit, str) else "")


def _object(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    if not isinstance(found, dict):
        raise ProvenanceError(f"it has no {name}")
    return found
