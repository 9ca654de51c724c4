"""Values of a set or cluster that a later file replaces: mostly two fleets whose files were merged into one.

Helm lets the last file win without a word (pkg/cli/values/options.go). Whoever names a folder of samples gets
a mixture of all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from steps import units
from steps.autoshift.listing import few_paths
from steps.yaml.nodes import line_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from steps.yaml.source import SourceFile
    from steps.yaml.text import Tree

SHOWN: Final = 3  # values of a set or cluster whose places are named; the others are counted
ENTRIES: Final = 5  # sets and clusters that are described; the others are counted
_TELLING: Final = ("-channel", "-version", "-source")
_LONGEST: Final = 40  # characters of a value


@dataclass(frozen=True, slots=True)
class Override:
    """A value that a file replaces: its path in the values, both values, and the number of that file."""

    path: tuple[str, ...]
    before: Tree
    after: Tree
    file: int


def overrides(
    base: Mapping[str, Tree], over: Mapping[str, Tree], sections: Collection[str], file: int
) -> Iterator[Override]:
    """Yield what merging `over`, the file of that number, into `base` replaces in the sections' entries."""
    for section in sections:
        below, above = base.get(section), over.get(section)
        if isinstance(below, dict) and isinstance(above, dict):
            yield from _within(below, above, (section,), file)


def _within(
    base: Mapping[str, Tree], over: Mapping[str, Tree], path: tuple[str, ...], file: int
) -> Iterator[Override]:
    for key, value in over.items():
        below = base.get(key)
        inner = (*path, key)
        if isinstance(below, dict) and isinstance(value, dict):
            yield from _within(below, value, inner, file)
        elif key in base and below != value and len(inner) > 2:  # an entry itself may be null
            yield Override(inner, below, value, file)


def describe_overrides(found: Sequence[Override], sources: Sequence[SourceFile]) -> Iterator[str]:
    """Yield a warning for each set or cluster with replaced values: their number, and the places of a few."""
    by_entry: dict[tuple[str, ...], dict[tuple[str, ...], Override]] = {}
    for override in found:
        by_entry.setdefault(override.path[:2], {})[override.path] = override
    for entry, of_entry in list(by_entry.items())[:ENTRIES]:
        count = f"{len(of_entry)} values differ" if len(of_entry) > 1 else "a value differs"
        # What decides versions comes first, in the order of the files otherwise.
        telling = sorted(of_entry.values(), key=lambda override: not override.path[-1].endswith(_TELLING))
        shown = units.few([_described(override, sources) for override in telling], SHOWN, joint="; ")
        yield (
            f"{'.'.join(entry)}: {count} between files, of which the last counts: {shown}; "
            "name the files of one fleet only"
        )
    if len(by_entry) > ENTRIES:
        others = few_paths(".".join(entry) for entry in list(by_entry)[ENTRIES:])
        yield f"values of more sets and clusters differ between files, of which the last counts: {others}"


def _described(override: Override, sources: Sequence[SourceFile]) -> str:
    name = ".".join(override.path[2:])
    earlier = (_place(source, override.path) for source in reversed(sources[: override.file]))
    before = next(filter(None, earlier), "an earlier file")
    after = _place(sources[override.file], override.path) or sources[override.file].path
    return f"{name} is {_shown(override.before)} in {before}, and {_shown(override.after)} in {after}"


def _place(source: SourceFile, path: Sequence[str]) -> str:
    """Return `FILE, line N` of the key at `path`; empty if the file does not have it."""
    line = line_of(source, path)
    return f"{source.path}, line {line}" if line else ""


def _shown(value: Tree) -> str:
    if isinstance(value, dict | list):
        return "a map" if isinstance(value, dict) else "a list"
    return f"'{value[:_LONGEST]}'" if value else "blank"
