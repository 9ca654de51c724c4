"""What a verification of generations has found, and how it is told: as a table, and as JSON."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from steps import units
from steps.errors import InvalidInputError, StepError, UntrustedError
from steps.log_lines import printable
from steps.mirroring.store import copies, statements
from steps.mirroring.store.copies import Extras

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from steps.mirroring.store.copies import Copy, Extra
    from steps.mirroring.store.generations import Generation

FORMAT: Final = 1
"""Of the answer in JSON."""
SHOWN: Final = 20
"""Files that no generation names, in the table."""


class Verdict(StrEnum):
    """What is to be said of a generation."""

    TRUSTED = "trusted"
    """Whole, and signed by a trusted key."""
    WHOLE = "whole"
    """Whole, and nobody vouches for it: there are no trusted keys, or unsigned ones are taken."""
    INCOMPLETE = "incomplete"
    """A part of it lies on another medium."""
    DAMAGED = "damaged"
    UNTRUSTED = "untrusted"


@dataclass(slots=True)
class Finding:
    """What was found of a generation; `signer` and `key` are empty where nobody trusted has signed it.

    `claimed` is the key that a statement names which nobody has verified.
    """

    copy: Copy
    record: Generation | None = None
    verdict: Verdict = Verdict.WHOLE
    problems: list[str] = field(default_factory=list)
    signer: str = ""
    key: str = ""
    claimed: str = ""
    alone: bool = False
    """What it continues is not here."""

    def fails(self, verdict: Verdict, why: str) -> None:
        """Note a problem; the worst verdict counts."""
        order = list(Verdict)
        self.verdict = max(self.verdict, verdict, key=order.index)
        self.problems.append(printable(why))

    @property
    def what(self) -> str:
        """What it continues, for people."""
        if self.record is None:
            return "?"
        before = self.record.predecessor
        return "full" if before is None else f"continues {before.sequence}{' (not here)' * self.alone}"

    @property
    def made(self) -> str:
        """When it was made, in RFC 3339; empty where that is not known."""
        text = self.record.finished if self.record else ""
        return text if re.fullmatch(r"[0-9TZ:.+-]{10,40}", text) else ""

    def document(self) -> dict[str, Any]:
        """Return it as the answer in JSON has it."""
        record, before = self.record, self.record.predecessor if self.record else None
        return {
            "generation": self.copy.sequence,
            "folder": str(self.copy.place),
            "identity": record.identity if record else None,
            "continues": before.sequence if before else None,
            "predecessor_here": not self.alone,
            "size": record.size if record else None,
            "made": self.made or None,
            "signed_by": {"name": self.signer, "key": self.key} if self.signer else None,
            "claimed_key": self.claimed or None,
            "verdict": self.verdict,
            "problems": self.problems,
        }


@dataclass(frozen=True, slots=True)
class Audit:
    """The answer: what was found, generation by generation, and what cannot be read at all."""

    folders: Sequence[Path]
    findings: Sequence[Finding]
    unreadable: Sequence[str] = ()
    extras: Extras = field(default_factory=Extras)
    """What lies there and no generation names: told, and no reason to refuse the generations."""

    @property
    def exit_code(self) -> int:
        """0, or that of the error that says the same."""
        error = self.error
        return error.exit_code if error else 0

    @property
    def error(self) -> StepError | None:
        """The worst that was found; None where nothing is wrong."""
        bad = [one for one in self.findings if one.verdict is Verdict.UNTRUSTED]
        if bad:
            reason = f"{self.summary}; {bad[0].problems[0]}"
            return UntrustedError(reason, f"import none of these; {statements.AGAIN}")
        problems = [*self.unreadable, *(text for one in self.findings for text in one.problems)]
        if (
            any(one.verdict in {Verdict.DAMAGED, Verdict.INCOMPLETE} for one in self.findings)
            or self.unreadable
        ):
            hint = "copy what is damaged or missing again from where it was made: mirror --export"
            return InvalidInputError(f"{self.summary}; {problems[0]}", hint)
        return None

    @property
    def summary(self) -> str:
        """How many generations there are of each verdict, for people."""
        counts = Counter(one.verdict for one in self.findings)
        words = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
        return printable(f"generations in {', '.join(map(str, self.folders))}: {words or 'none'}")

    def table(self) -> str:
        """Return the answer for people: a table, what is wrong, and a summary."""
        head = ("generation", "what", "size", "signed by", "made", "verdict")
        rows = [head, *(_row(one) for one in self.findings)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        problems = [*self.unreadable, *(text for one in self.findings for text in one.problems)]
        vouched = any(one.verdict is Verdict.WHOLE for one in self.findings)
        note = [
            "nobody vouches for those that are only whole: trusted-keys is not given, or they are unsigned"
        ]
        return "\n".join(
            [*lines, "", *problems, *(note if vouched else []), *_extra_lines(self.extras), self.summary]
        )

    def document(self) -> dict[str, Any]:
        """Return the answer for programs (docs/reference/generation-statement.md)."""
        return {
            "format": FORMAT,
            "folders": [str(folder) for folder in self.folders],
            "exit_code": self.exit_code,
            "generations": [one.document() for one in self.findings],
            "unreadable": list(self.unreadable),
            "extra": {
                "count": self.extras.count,
                "size": self.extras.size,
                "complete": self.extras.walked
                and not self.extras.data
                and self.extras.count == len(self.extras.files),
                "files": [
                    {"path": printable(str(one.path)), "kind": one.kind, "size": one.size}
                    for one in self.extras.files
                ],
            },
        }

    def answer(self, *, as_json: bool) -> str:
        """Return the answer in the form that is asked for."""
        return json.dumps(self.document(), indent=2) if as_json else self.table()


def _row(one: Finding) -> tuple[str, ...]:
    size = units.size(one.record.size) if one.record else "?"
    unverified = f"{one.claimed[:12]}… (not verified)" if one.claimed else "-"
    signer = printable(one.signer) or unverified
    return str(one.copy.sequence), one.what, size, signer, one.made or "?", str(one.verdict)


def _extra_lines(extras: Extras) -> list[str]:
    """Tell of the files that no generation names, a few by name."""
    shown, count = extras.files[:SHOWN], extras.count
    words = "1 file that no generation names" if count == 1 else f"{count} files that no generation names"
    lines = [f"{words}, {units.size(extras.size)}; nobody vouches for {'it' if count == 1 else 'them'}:"]
    lines += [f"  {printable(str(one.path))}  {_size_of(one)}" for one in shown]
    lines += [f"  and {count - SHOWN} more"] if count > SHOWN else []
    rest = f"more than {copies.WALKED:,} files and folders lie there, or one cannot be read"
    end = [] if extras.walked else [f"not all of it was looked through: {rest}"]
    data = [
        f"of the data directory {printable(str(one))} only generations/ was looked through"
        for one in extras.data
    ]
    return [*(lines if count else []), *end, *data]


def _size_of(one: Extra) -> str:
    if one.size is not None:
        return units.size(one.size)
    return "a link" if one.kind == "link" else "neither file nor folder"
