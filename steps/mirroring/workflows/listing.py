"""What a dry run of oc-mirror lists: what would be mirrored, and what of it the cache lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steps.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from steps.mirroring.store import Store

MAPPING, MISSING = "mapping.txt", "missing.txt"
"""oc-mirror's lists: what would be mirrored, and what of it the cache lacks (by to-disk only)."""

Lists = dict[str, list[str]]
"""The lines of these lists, by file."""


def read(working_dir: Path) -> Lists:
    """Return what a dry run in `working_dir` listed."""
    folder = working_dir / "dry-run"
    return {
        name: [line for line in (folder / name).read_text().splitlines() if line.strip()]
        if (folder / name).exists()
        else []
        for name in (MAPPING, MISSING)
    }


def keep(store: Store, runs: Iterable[Lists], estimate: str) -> str:
    """Keep what one dry run, or several in a row, listed; return a summary in one line with `estimate`."""
    counts = {}
    runs = list(runs)
    for name in (MAPPING, MISSING):
        lines = dict.fromkeys(line for lists in runs for line in lists[name])
        write_atomically(store.planned / name, "".join(f"{line}\n" for line in lines))
        counts[name] = len(lines)
    uncached = f", {counts[MISSING]} of them to be fetched" if counts[MISSING] else ""
    return (
        f"dry run: {counts[MAPPING]} images would be mirrored{uncached}; {estimate};"
        f" no archive, history or registry was changed; the list is {store.planned / MAPPING}"
    )
