"""The last lines of a run's log, for the record of a run that failed: so few that they are read at night."""

from __future__ import annotations

import logging
import re
from collections import deque
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from steps.mirroring.ocmirror import output

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT: Final = 20
"""Lines."""
LONGEST: Final = 300
"""Characters of a line."""
_SECRET = re.compile(
    r"((?:password|passwd|secret|token|signature|credential|identitytoken|\bauth)[\w-]*[\"']?\s{0,3}[=:]\s{0,3}[\"']?)"
    r"[^\s\"'&,;]+",
    re.IGNORECASE,
)
"""A value behind a name that is a secret's, as in a URL's query, in JSON or in an argument."""


class LastLines(logging.Handler):
    """Keeps the last lines that are logged, each with its time in UTC and without secrets."""

    def __init__(self) -> None:
        """Begin with no lines."""
        super().__init__()
        self._lines: deque[str] = deque(maxlen=KEPT)

    def emit(self, record: logging.LogRecord) -> None:
        """Take in what was logged."""
        moment = datetime.fromtimestamp(record.created, UTC)
        for line in record.getMessage().splitlines()[-KEPT:]:
            text = without_secrets(line)
            if text:
                self._lines.append(f"{moment:%H:%M:%S}Z {text}")

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines, oldest first."""
        return tuple(self._lines)


def without_secrets(line: str) -> str:
    """Return a line without colours, control characters and secrets, cut to LONGEST characters."""
    text = _SECRET.sub(r"\1***", output.clean(line[: output.LONGEST]))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


@contextmanager
def kept() -> Iterator[LastLines]:
    """Give the last lines of our log, which has oc-mirror's lines in it, while the block runs."""
    handler, logger = LastLines(), logging.getLogger("steps")
    logger.addHandler(handler)
    try:
        yield handler
    finally:
        logger.removeHandler(handler)
