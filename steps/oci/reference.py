"""References of container images: the only parser of them (pure).

    [docker://][HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]

The grammar is that of distribution/reference (regexp.go), which containers/image and so oc-mirror use. As
there (normalize.go, splitDockerDomain), the first part of a name is a registry only if it has a dot, a port
or an upper-case letter, or is `localhost`. Where no registry is named, container tools add `docker.io`, and
`library/` to a name of one part. Nothing here adds them: the reference stays as its author wrote it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from steps.errors import InvalidInputError

DOCKER_HUB: Final = frozenset({"docker.io", "index.docker.io"})
"""Names of one registry in references (normalize.go, defaultDomain and legacyDefaultDomain)."""

FORM: Final = "HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]"

LONGEST_REPOSITORY: Final = 255
"""Characters (distribution/reference, RepositoryNameTotalLengthMax)."""
LONGEST_REGISTRY: Final = 255
"""Characters: a name of DNS has 253 at most (RFC 1035), and as an URL's host with a port no more counts."""
LONGEST: Final = 1024
"""Characters of a whole reference, transport included; more is not read at all."""

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_REGISTRY: Final = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]{{1,5}})?")
_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_REPOSITORY: Final = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
ATTACHED: Final = re.compile(r"sha256-([0-9a-f]{64})\.(?:sig|att|sbom)")
"""Tags of what cosign attaches to the image of that digest: worth nothing without it."""
_DIGEST: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,128}")
_SHOWN: Final = 80


class InvalidReferenceError(InvalidInputError, ValueError):
    """A text is no reference of an image in a registry; also a ValueError, for those who parse arguments."""


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """An image in a registry. Raises InvalidReferenceError for a part that no registry accepts.

    `registry` is HOST[:PORT]; it is empty where none is named, as for an image below a target. `repository`
    is its path in the registry. `tag` and `digest` are empty where they are not given.
    """

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    def __post_init__(self) -> None:
        """Check each part."""
        if self.registry and not (
            len(self.registry) <= LONGEST_REGISTRY
            and _REGISTRY.fullmatch(self.registry)
            and _is_registry(self.registry)
        ):
            raise _invalid(self.registry, "is not a registry HOST[:PORT], a host with a dot or a port")
        if len(self.repository) > LONGEST_REPOSITORY:
            raise _invalid(self.repository, f"is longer than {LONGEST_REPOSITORY} characters")
        if not _REPOSITORY.fullmatch(self.repository):
            raise _invalid(
                self.repository, "is not a repository: lower-case letters, digits, '.', '_', '-', and '/'"
            )
        if self.tag and not _TAG.fullmatch(self.tag):
            raise _invalid(self.tag, "is not a tag: at most 128 letters, digits, '.', '_' and '-'")
        if self.digest and not _DIGEST.fullmatch(self.digest):
            raise _invalid(self.digest, "is not a digest such as sha256: and 64 hexadecimal digits")

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Parse a reference with or without registry, tag, digest and `docker://`.

        Raises InvalidReferenceError for anything else: another transport such as `oci://` names a folder or
        file, not an image in a registry.
        """
        if len(text) > LONGEST:
            raise _invalid(text, f"is longer than {LONGEST} characters")
        transport, separator, name = text.rpartition("://")
        if separator and transport != "docker":
            raise _invalid(text, f"has the transport '{transport[:_SHOWN]}', so it is in no registry")
        first, slash, rest = name.partition("/")
        if slash and _is_registry(first):
            return cls._parse(text, first, rest)
        return cls._parse(text, "", name)

    @classmethod
    def find(cls, text: str) -> Reference | None:
        """Parse as `parse` does; return None for what is no reference of an image in a registry."""
        try:
            return cls.parse(text)
        except InvalidReferenceError:
            return None

    @classmethod
    def parse_relative(cls, text: str) -> Reference:
        """Parse REPOSITORY[:TAG][@DIGEST] below a target: its first part is never taken for a registry.

        Raises InvalidReferenceError for anything else.
        """
        return cls._parse(text, "", text)

    @classmethod
    def _parse(cls, text: str, registry: str, rest: str) -> Reference:
        name, at, digest = rest.partition("@")
        head, slash, last = name.rpartition("/")
        last, colon, tag = last.partition(":")
        if (at and not digest) or (colon and not tag):
            raise _invalid(text, f"ends before its {'digest' if at and not digest else 'tag'}")
        try:
            return cls(registry, f"{head}{slash}{last}", tag, digest)
        except InvalidReferenceError as error:
            raise _invalid(text, f"is not an image reference {FORM}: {error.reason}") from error

    @property
    def name(self) -> str:
        """[REGISTRY/]REPOSITORY, without tag and digest."""
        return f"{self.registry}/{self.repository}" if self.registry else self.repository

    @property
    def version(self) -> str:
        """What a registry is asked for: the digest, else the tag; empty without both."""
        return self.digest or self.tag

    @property
    def is_pinned(self) -> bool:
        """Whether it always means the same image."""
        return bool(self.digest)

    @property
    def asked_for(self) -> Reference:
        """The reference as container tools ask for it: docker.io by one name, `library/` added."""
        if self.registry not in DOCKER_HUB:
            return self
        library = "" if "/" in self.repository else "library/"
        return replace(self, registry="docker.io", repository=f"{library}{self.repository}")

    @property
    def place(self) -> str:
        """REPOSITORY:TAG, or REPOSITORY@DIGEST without a tag: where to find it in its registry."""
        return f"{self.repository}:{self.tag}" if self.tag else f"{self.repository}@{self.digest}"

    def __str__(self) -> str:
        """Render it; `parse` reads this again, `parse_relative` where there is no registry."""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"


def server_of(registry: str) -> str:
    """Return the host that answers for a registry, for docker.io another (docker_client.go)."""
    return "registry-1.docker.io" if registry in DOCKER_HUB else registry


def _is_registry(first: str) -> bool:
    return "." in first or ":" in first or first == "localhost" or first != first.lower()


def _invalid(text: str, what: str) -> InvalidReferenceError:
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return InvalidReferenceError(f"'{shown}' {what}", f"write it as {FORM}")
