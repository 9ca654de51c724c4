"""oc-mirror's history: which archive a new one continues (design: oc-mirror internal/pkg/history/history.go).

Each archive appends `.history-<RFC3339 UTC>`, the digests of all blobs archived so far. A run archives what
the newest of these files lacks; with `--since D` the newest one written strictly before D, 00:00 UTC, counts.
So auto-detection is to pass no `--since` at all: the date of the newest file would exclude that very file.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from steps.errors import InvalidInputError

if TYPE_CHECKING:
    from pathlib import Path

PREFIX = ".history-"
EVERYTHING = date(1970, 1, 1)
"""`--since` this day makes a full archive: no history is older. The cache still saves the downloads."""


def recorded(directory: Path) -> dict[str, datetime]:
    """The history files in `directory` by name, oldest first; empty where there is none.

    Raises InvalidInputError for a file that oc-mirror would take for a history and fail on, at the very end.
    """
    found = {}
    for path in directory.glob(f"{PREFIX}*"):
        if not path.is_file():
            continue
        try:
            found[path.name] = _written(path.name)
        except ValueError:
            raise InvalidInputError(
                f"{path}: a history file's name is {PREFIX} and a time such as 2026-11-23T06:37:37Z",
                "move this file away: oc-mirror would fail on it after all downloads",
            ) from None
    return dict(sorted(found.items(), key=lambda item: item[1]))


def chosen(histories: dict[str, datetime], since: date | None) -> str | None:
    """The history that oc-mirror continues; None if it will archive everything."""
    limit = None if since is None else datetime(since.year, since.month, since.day, tzinfo=UTC)
    names = [name for name, written in histories.items() if limit is None or written < limit]
    return names[-1] if names else None


def _written(name: str) -> datetime:
    text = name.removeprefix(PREFIX)
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", text):
        raise ValueError(text)
    return datetime.fromisoformat(text)
