"""Which values file holds a cluster or a cluster set, and so its block (pure).

A place is named by NAME, by SECTION.NAME where two sections have the name, and by FILE:SECTION.NAME where
several files do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from steps import units
from steps.autoshift.fleet import SECTIONS
from steps.autoshift.listing import few_paths
from steps.autoshift.releases import VERSION_LABEL
from steps.autoshift.spelling import nearest
from steps.errors import NotFoundError, UsageError
from steps.yaml.text import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from steps.yaml.source import SourceFile

BLOCK: Final = ("config", "disconnected")
_SHOWN: Final = 12


@dataclass(frozen=True, slots=True)
class Place:
    """Where a block belongs: a file, and the keys that lead to the block.

    `minor` is the version X.Y of OpenShift that its clusters run, by their labels; empty where none tells it.
    """

    file: str
    section: str
    name: str
    minor: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that lead to the block."""
        return (self.section, self.name, *BLOCK)

    def __str__(self) -> str:
        """SECTION.NAME, as in messages."""
        return f"{self.section}.{self.name}"


@dataclass(frozen=True, slots=True)
class _Entry:
    place: Place
    has_config: bool
    has_block: bool
    version: str
    cluster_set: str


def find(named: Iterable[str], files: Sequence[SourceFile]) -> list[Place]:
    """Return the places that are `named`, in the values `files`.

    Of several files that have an entry, the one counts that has the block, or else `config`. Raises
    NotFoundError for what no file has, UsageError for what several have, InvalidInputError for a file that
    is not well-formed.
    """
    entries = [entry for source in files for entry in _entries(source)]
    chosen = dict.fromkeys(_one(name, entries) for name in named)
    return [replace(place, minor=_minor(place, entries)) for place in chosen]


def _minor(place: Place, entries: list[_Entry]) -> str:
    """Return the last version that the label of a place names, or that of its cluster set."""
    own = [entry for entry in entries if entry.place.keys == place.keys]
    sets = {entry.cluster_set for entry in own} - {""}
    of_set = [entry for entry in entries if entry.place.section != "clusters" and entry.place.name in sets]
    labels = [entry.version for entry in (*own, *of_set) if entry.version]
    found = re.findall(r"(\d+\.\d+)(?:\.\d+)*", labels[0]) if labels else []
    return found[-1] if found else ""


def _entries(source: SourceFile) -> Iterator[_Entry]:
    for document in parse(source):
        for section in SECTIONS:
            found = document.get(section) if isinstance(document, dict) else None
            for name, entry in found.items() if isinstance(found, dict) else ():
                config: Any = entry.get("config") if isinstance(entry, dict) else None
                block = isinstance(config, dict) and config.get("disconnected") is not None
                yield _Entry(
                    Place(source.path, section, name),
                    isinstance(config, dict),
                    block,
                    version=_text(entry, "labels", VERSION_LABEL),
                    cluster_set=_text(entry, "config", "clusterSet"),
                )


def _text(entry: Any, *keys: str) -> str:
    for key in keys:
        entry = entry.get(key) if isinstance(entry, dict) else None
    return entry if isinstance(entry, str) else ""


def _one(named: str, entries: list[_Entry]) -> Place:
    file, _, rest = named.rpartition(":")
    section, _, name = rest.partition(".")
    if section not in SECTIONS or not name:  # a name may have dots itself
        section, name = "", rest
    fitting = [
        entry
        for entry in entries
        if entry.place.name == name
        and section in {"", entry.place.section}
        and file in {"", entry.place.file}
    ]
    if not fitting:
        raise _unknown(named, name, entries)
    if len(sections := {entry.place.section for entry in fitting}) > 1:
        choice = " or ".join(f"{file}{':' if file else ''}{one}.{name}" for one in sorted(sections))
        raise UsageError(f"publish-for: '{named}' is the name of more than one", f"write {choice}")
    for chosen in ([one for one in fitting if one.has_block], [one for one in fitting if one.has_config]):
        if len(chosen) == 1:
            return chosen[0].place
        fitting = chosen or fitting
    if len(fitting) > 1:
        files = [entry.place.file for entry in fitting]
        raise UsageError(
            f"publish-for: {fitting[0].place} stands in several files: {few_paths(files)}",
            f"name the one for the block: publish-for={files[0]}:{fitting[0].place}",
        )
    return fitting[0].place


def _unknown(named: str, name: str, entries: list[_Entry]) -> NotFoundError:
    known = list(dict.fromkeys(str(entry.place) for entry in entries))
    names = {place.rpartition(".")[2]: place for place in known}
    near = nearest(name, names)
    there = units.few(known, _SHOWN) or "none; check values-file-path"
    return NotFoundError(
        f"publish-for: no values file has a cluster or a cluster set '{named}'",
        f"did you mean {names[near]}?" if near else f"there are: {there}",
    )
