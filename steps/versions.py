"""Compare versions: semantic versions and ranges as OLM does, and names that hold numbers.

OLM uses github.com/blang/semver (its README describes the ranges); so do oc-mirror and the release graph. The
PyPI package `semver` would replace `precedence` only: it knows no ranges, and raises for a version that is
not semantic, which in a catalog has to sort lowest.
"""

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


def precedence(version: str) -> Key:
    """Return a sort key by precedence (semver.org, item 11); a text that is not a version sorts lowest.

    A leading `v` and build metadata do not count.
    """
    found = _VERSION.fullmatch(version)
    if not found:
        return _LOWEST
    numbers = tuple(int(number) for number in found.group(1, 2, 3))
    parts = tuple(map(_identifier, filter(None, (found[4] or "").split("."))))
    return numbers, not parts, parts


def _identifier(text: str) -> tuple[int, int, str]:
    """Return the sort key of a pre-release identifier: numbers by value, below alphanumeric identifiers."""
    return (0, int(text), "") if re.fullmatch(r"\d{1,18}", text) else (1, 0, text)


def newest(items: Iterable[Item], *, version: Callable[[Item], str]) -> Item | None:
    """Return the item with the highest version, None if there are no items."""
    return max(items, key=lambda item: precedence(version(item)), default=None)


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """Return a sort key that compares numbers in names by value: `stable-6.9` before `stable-6.10`."""
    parts = re.findall(r"\d+|\D+", text)
    return tuple((int(part) if _is_number(part) else -1, part) for part in parts)


def _is_number(part: str) -> bool:
    """Return whether a part has a value: not a digit such as `²`, nor more digits than Python converts."""
    return part.isdecimal() and len(part) < _MOST_DIGITS


_MOST_DIGITS = 1000


def satisfies(version: str, version_range: str) -> bool:
    """Tell whether a version lies in a range, such as `>=1.0.0 <2.0.0 || 3.x`.

    `||` separates alternatives, blanks separate conditions that must all hold. A condition that cannot be
    read holds: OLM would have refused a bundle with such a range.
    """
    joined = re.sub(r"([<>=!])\s+", r"\1", version_range)
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
            return precedence(low) <= precedence(version) < precedence(high)
        limit = high if operator in {">", "<="} else low
        operator = {">": ">=", "<=": "<"}.get(operator, operator)
    number, bound = precedence(version), precedence(limit)
    if bound == _LOWEST:
        return True
    return {
        "=": number == bound,
        "==": number == bound,
        "!": number != bound,
        "!=": number != bound,
        ">": number > bound,
        ">=": number >= bound,
        "<": number < bound,
        "<=": number <= bound,
    }[operator]
