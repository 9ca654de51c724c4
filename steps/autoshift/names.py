"""How those who ask for something are listed: sets before clusters, numbers in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from steps.versions import natural

if TYPE_CHECKING:
    from collections.abc import Iterable

NAMED: Final = 5  # how many are named before "and N more"


def sorted_names(who: Iterable[str]) -> tuple[str, ...]:
    """Sort `hub set x`, `managed set x` and `cluster x`, without doubles."""
    return tuple(sorted(set(who), key=lambda name: (name.startswith("cluster "), natural(name))))


def few_paths(paths: Iterable[str]) -> str:
    """Join the paths of files in their order; a fleet may have one for each of ten thousand clusters."""
    listed = list(paths)
    more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
    return ", ".join(listed[:NAMED]) + more


def few(who: Iterable[str]) -> str:
    """Join names for one line of text."""
    names = sorted_names(who)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
