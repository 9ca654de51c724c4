"""Semantic versions and ranges as OLM compares them (github.com/blang/semver, its README on ranges)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Item = TypeVar("Item")
Key: TypeAlias = "tuple[tuple[int, ...], bool, tuple[tuple[int, int, str], ...]]"

_VERSION = re.compile(r"v?(\d{1,18})\.(\d{1,18})\.(\d{1,18})(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")
_OPERATOR = re.compile(r">=|<=|!=|==|=|>|<|!")
_WILD = re.compile(r"(\d{1,18})\.(?:(\d{1,18})\.)?[xX*](?:\.[xX*])?")
_LOWEST: Final[Key] = ((), False, ())


def key(version: str) -> Key:
    """Give a key that sorts versions by precedence; what is no version sorts lowest."""
    found = _VERSION.fullmatch(version)
    if not found:
        return _LOWEST
    numbers = tuple(int(number) for number in found.group(1, 2, 3))
    parts = tuple(map(_identifier, filter(None, (found[4] or "").split("."))))
    return numbers, not parts, parts


def _identifier(text: str) -> tuple[int, int, str]:
    """Numeric identifiers sort below alphanumeric ones, and by their value."""
    return (0, int(text), "") if re.fullmatch(r"\d{1,18}", text) else (1, 0, text)


def newest(items: Iterable[Item], *, version: Callable[[Item], str]) -> Item | None:
    """Return the item of the highest version, None of none."""
    return max(items, key=lambda item: key(version(item)), default=None)


def satisfies(version: str, wanted: str) -> bool:
    """Whether a version lies in a range; alternatives by `||`, conditions that all hold by blanks.

    A range that cannot be read excludes nothing: OLM would have refused the bundle that has it.
    """
    joined = re.sub(r"([<>=!])\s+", r"\1", wanted)
    return any(
        all(_holds(version, condition) for condition in alternative.split())
        for alternative in joined.split("||")
    )


def _holds(version: str, condition: str) -> bool:
    found = _OPERATOR.match(condition)
    operator = found[0] if found else "="
    limit = condition[len(operator) :] if found else condition
    if wild := _WILD.fullmatch(limit):
        major, minor = int(wild[1]), wild[2]
        low = f"{major}.{minor or 0}.0"
        high = f"{major}.{int(minor) + 1}.0" if minor else f"{major + 1}.0.0"
        if operator in {"=", "=="}:
            return key(low) <= key(version) < key(high)
        limit = high if operator in {">", "<="} else low
        operator = {">": ">=", "<=": "<"}.get(operator, operator)
    there, bound = key(version), key(limit)
    if bound == _LOWEST:
        return True
    return {
        "=": there == bound,
        "==": there == bound,
        "!": there != bound,
        "!=": there != bound,
        ">": there > bound,
        ">=": there >= bound,
        "<": there < bound,
        "<=": there <= bound,
    }[operator]
