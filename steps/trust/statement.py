"""in-toto statements (in-toto/attestation, spec/v1/statement.md): what is claimed, and of which files."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from steps.bounded import json_of

if TYPE_CHECKING:
    from collections.abc import Mapping

TYPE: Final = "https://in-toto.io/Statement/v1"
FORMER_TYPE: Final = "https://in-toto.io/Statement/v0.1"
"""What older programs write, Tekton Chains among them; it has the same fields."""
LARGEST: Final = 16 << 20
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class StatementError(ValueError):
    """The bytes are no in-toto statement; the text says why."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement: `subjects` has the sha256 (64 hexadecimal digits) of each subject by its name.

    A subject without a name, as cosign's signatures have it, is there by its digest (`sha256:HEX`).
    """

    subjects: Mapping[str, str]
    predicate_type: str
    predicate: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, content: bytes) -> Statement:
        """Read a statement. Raises StatementError; a name that stands twice is refused, too."""
        try:
            document = json_of(content, limit=LARGEST, each_once=True)
        except ValueError as error:
            raise StatementError(str(error)) from None
        if not isinstance(document, dict) or document.get("_type") not in {TYPE, FORMER_TYPE}:
            raise StatementError("it is no in-toto statement")
        kind, predicate = document.get("predicateType"), document.get("predicate")
        if not isinstance(kind, str) or not isinstance(predicate, dict | None):
            raise StatementError("it has no predicate type, or a predicate that is no object")
        return cls(_subjects(document.get("subject")), kind, predicate or {})

    def as_bytes(self) -> bytes:
        """Return the statement as it is signed: JSON with sorted keys."""
        subjects = [
            {"name": name, "digest": {"sha256": sha256}} for name, sha256 in sorted(self.subjects.items())
        ]
        document = {
            "_type": TYPE,
            "subject": subjects,
            "predicateType": self.predicate_type,
            "predicate": self.predicate,
        }
        return json.dumps(document, sort_keys=True, ensure_ascii=False).encode()


def _subjects(listed: object) -> dict[str, str]:
    if not isinstance(listed, list) or not listed:
        raise StatementError("it has no subjects")
    found: dict[str, str] = {}
    for one in listed:
        name = one.get("name") if isinstance(one, dict) else None
        digests = one.get("digest") if isinstance(one, dict) else None
        sha256 = digests.get("sha256") if isinstance(digests, dict) else None
        if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
            raise StatementError("a subject of it lacks a sha256")
        if name is None:
            name = f"sha256:{sha256}"
        if not isinstance(name, str):
            raise StatementError("the name of a subject of it is no text")
        if found.setdefault(name, sha256) != sha256:
            raise StatementError(f"it names {name[:200]} twice")
    return found
