"""What is looked for in a catalog, and how a file that may hold it is told at the speed of memory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for: packages by name, and whoever provides APIs (GROUP/VERSION/KIND)."""

    packages: frozenset[str] = frozenset()
    apis: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self.packages or self.apis)

    def patterns(self) -> list[re.Pattern[bytes]]:
        """Make patterns of which every file with any of it has one.

        Each begins with a literal, which is found at 2 GB/s; all of them as one pattern at a tenth of that.
        """
        kinds = {api.rpartition("/")[2] for api in self.apis}
        fields = [("package", self.packages), ("name", self.packages), ("kind", kinds)]
        return [re.compile(_field(name, values)) for name, values in fields if values]


def _field(name: str, values: Collection[str]) -> bytes:
    """Match `name: value` of YAML as well as `"name": "value"` of JSON."""
    alternatives = b"|".join(re.escape(value).encode() for value in sorted(values))
    return (
        name.encode() + rb"""["']?\s*:\s*["']?(?:""" + alternatives + rb""")["'\s,}]"""
        if alternatives
        else b""
    )
