"""What is looked for in a catalog, and how a file that may hold it is told at the speed of memory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for: packages by name, and whoever provides APIs (GROUP/VERSION/KIND)."""

    packages: frozenset[str] = frozenset()
    apis: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self.packages or self.apis)

    def pattern(self) -> re.Pattern[bytes]:
        """Make a pattern that every file with any of it has; each part begins with a literal, for speed."""
        kinds = {api.rpartition("/")[2] for api in self.apis}
        parts = [_field("package", self.packages), _field("name", self.packages), _field("kind", kinds)]
        return re.compile(b"|".join(part for part in parts if part))


def _field(name: str, values: Iterable[str]) -> bytes:
    """Match `name: value` of YAML as well as `"name": "value"` of JSON."""
    alternatives = b"|".join(re.escape(value).encode() for value in sorted(values))
    return (
        name.encode() + rb"""["']?\s*:\s*["']?(?:""" + alternatives + rb""")["'\s,}]"""
        if alternatives
        else b""
    )
