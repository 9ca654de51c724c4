"""Log lines: how they look in a pod, on a terminal and elsewhere, and how an error is found in them again.

A pod's lines are read days later beside those of other pods, so each has a time and a level. A terminal shows
colours. A pipe or a file gets the text alone.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "ERROR: "
"""What the line of an error begins with where lines have no level."""
HINT = "hint:"
"""What the line after it begins with, two spaces in."""
ERROR = f"{PREFIX}%s\n  {HINT} %s"
"""The log's format of an error: its reason and its hint."""

_LEVELS = {logging.WARNING: "WARN", logging.CRITICAL: "ERROR"}
_COLOURS = {"WARN": "\x1b[33m", "ERROR": "\x1b[31m"}  # yellow and red, as ECMA-48 numbers them
_PLAIN = "\x1b[0m"
_CONTROL = re.compile(r"[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and line end (Unicode, Cc), and what turns the direction of writing (bidi)."""
_STAMPED_BY_OC_MIRROR = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\s{1,3}\[\w{1,8}\]\s{1,4}: ")
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ([A-Z]{4,5}) {1,2}")


def set_up(environment: Mapping[str, str], *, dated_in_a_pod: bool) -> None:
    """Send the log to standard error, in the form that fits a pod, a terminal or a pipe.

    `environment`: LOG_LEVEL names the least level that is shown, such as WARNING; INFO where it names none.
    NO_COLOR and TERM say whether a terminal takes colours. `dated_in_a_pod`: lines of a pod have a time and a
    level.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(environment, dated_in_a_pod))
    asked = environment.get("LOG_LEVEL", "INFO").upper()
    known = logging.getLevelNamesMapping()
    logging.basicConfig(level=known.get(asked, logging.INFO), handlers=[handler])
    if asked not in known:
        words = "LOG_LEVEL is none of DEBUG, INFO, WARNING, ERROR: INFO is taken"
        logging.getLogger(__name__).warning(words)


def _formatter(environment: Mapping[str, str], dated_in_a_pod: bool) -> logging.Formatter:
    if dated_in_a_pod and environment.get("KUBERNETES_SERVICE_HOST"):
        return _Dated()
    return _Coloured() if is_decorated(sys.stderr, environment) else _Harmless()


def is_decorated(stream: TextIO | None, environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether `stream` shows colours and a bar: a terminal without NO_COLOR does (no-color.org)."""
    if stream is None or not stream.isatty():
        return False
    return not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def printable(text: str, instead: str = "\N{REPLACEMENT CHARACTER}") -> str:
    """Return a text of others on one line, without characters that a terminal would obey."""
    return "".join(character if character.isprintable() else instead for character in text)


def last_error(text: str) -> tuple[str, str] | None:
    """Return reason and hint of the last error in a log, dated or not; None where it has none.

    The hint is empty where no line of that kind follows.
    """
    lines = [_read(line) for line in text.splitlines() if line.strip()]
    after = ""
    for level, words in reversed(lines):
        if words.startswith(PREFIX) or (level == "ERROR" and not words.startswith(HINT)):
            hint = after.removeprefix(HINT).strip() if after.startswith(HINT) else ""
            return words.removeprefix(PREFIX), hint
        after = words
    return None


def _read(line: str) -> tuple[str, str]:
    """Return level and words of a line; the level is empty where the line is not dated."""
    stamped = _STAMP.match(line)
    return (stamped[1], line[stamped.end() :].strip()) if stamped else ("", line.strip())


class _Harmless(logging.Formatter):
    """Replaces what a terminal would obey: a line may repeat names that came across a gap."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's text."""
        return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", super().format(record))


class _Dated(_Harmless):
    """Gives each line the time, in UTC and seconds, and the level."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's lines; what oc-mirror put before a line of its own is left out."""
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        stamp = f"{when} {_level(record):<5} "
        text = _STAMPED_BY_OC_MIRROR.sub("", super().format(record), count=1).removeprefix(PREFIX)
        return "\n".join(stamp + line for line in text.split("\n"))


class _Coloured(_Harmless):
    """Colours warnings and errors."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's text, in the colour of its level if it has one."""
        text = super().format(record)
        colour = _COLOURS.get(_level(record))
        return f"{colour}{text}{_PLAIN}" if colour else text


def _level(record: logging.LogRecord) -> str:
    return _LEVELS.get(record.levelno, record.levelname)
