"""oc-mirror's history: which archive a new one continues (design: oc-mirror internal/pkg/history/history.go).

Each archive appends `.history-<RFC3339 UTC>`, the digests of all blobs archived so far. A run archives what
the newest of these files lacks; with `--since D` the newest one written strictly before D, 00:00 UTC, counts.
So auto-detection is to pass no `--since` at all: the date of the newest file would exclude that very file.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from steps import files
from steps.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

PREFIX = ".history-"
EVERYTHING = date(1970, 1, 1)
"""`--since` this day makes a full archive: no history is older. The cache still saves the downloads."""


class History:
    """oc-mirror's history: the file `.history-<time>` lists the digests of all blobs archived until then."""

    def __init__(self, folder: Path, *, kept: Path) -> None:
        """Work with oc-mirror's `folder`, and with `kept`, where those lie that the next run does not need.

        Neither need exist yet.
        """
        self._folder, self._kept = folder, kept

    def prepare(self, chosen: str | None) -> None:
        """Leave oc-mirror the history that its next run continues, and no other: it archives them all.

        Each lists every blob archived until then, so a year of them would be most of a small archive.
        """
        if chosen is not None and (self._kept / chosen).exists():
            files.make_folder(self._folder)
            files.rename(self._kept / chosen, self._folder / chosen)
        for path in self.paths_except([] if chosen is None else [chosen]):
            files.make_folder(self._kept)
            files.rename(path, self._kept / path.name)

    def paths_except(self, names: Iterable[str]) -> list[Path]:
        """Return the files of the histories that oc-mirror has, but these, sorted."""
        return sorted(path for path in self._folder.glob(f"{PREFIX}*") if path.name not in set(names))

    def paths_of(self, names: Iterable[str]) -> list[Path]:
        """Return where histories lie, as far as they are there."""
        found = [folder / name for name in names for folder in (self._folder, self._kept)]
        return [path for path in found if path.exists()]

    def blobs(self, name: str | None) -> set[str]:
        """Return the digests that a history lists; empty for None."""
        if name is None:
            return set()
        kept = self._kept / name
        return set((kept if kept.exists() else self._folder / name).read_text().split())

    def written(self) -> dict[str, datetime]:
        """Return when each history was written, by name, oldest first; empty where there is none.

        Raises InvalidInputError for a file that oc-mirror would take for a history and fail on, at the end.
        """
        found = {}
        for path in [*self._folder.glob(f"{PREFIX}*"), *self._kept.glob(f"{PREFIX}*")]:
            if not path.is_file():
                continue
            try:
                found[path.name] = _time(path.name)
            except ValueError:
                raise InvalidInputError(
                    f"{path}: a history file's name is {PREFIX} and a time such as 2026-11-23T06:37:37Z",
                    "move this file away: oc-mirror would fail on it after all downloads",
                ) from None
        return dict(sorted(found.items(), key=lambda item: item[1]))


def chosen(histories: Mapping[str, datetime], since: date | None) -> str | None:
    """Return the history that oc-mirror continues with `--since`; None if it will archive everything."""
    limit = None if since is None else datetime(since.year, since.month, since.day, tzinfo=UTC)
    names = [name for name, written in histories.items() if limit is None or written < limit]
    return names[-1] if names else None


def _time(name: str) -> datetime:
    text = name.removeprefix(PREFIX)
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", text):
        raise ValueError(text)
    return datetime.fromisoformat(text)
