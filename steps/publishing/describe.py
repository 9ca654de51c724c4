"""The text of a request: what it changes, and what the newest run brought (pure).

Names come from catalogs and registries, and forges act on words: a mention notifies people, `closes #1`
closes an issue, a line that begins with a slash is a command at GitLab. So names stand in code, and what a
forge could take for a reference is parted by a space that has no width.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from steps.mirroring.store import changes_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from steps.publishing.sources import Published

LONGEST: Final = 60_000
"""Characters of a text: GitHub takes 65,536, the others more."""
_SHOWN: Final = 100
"""Points of a kind."""
_SPACE: Final = "\u200b"
_REFERENCES: Final = re.compile(
    r"(?<=[@#!&$%~^])(?=\w)|(?<=[Gg][Hh]-)(?=\d)|(?<=:/)(?=/)|(?m:^)[^\S\n]*(?=/)"
)


def title(target: str) -> str:
    """Return the title of the request, and the subject of its commit."""
    return f"Mirror {changes_text.plain(target)[:150]}: what clusters need to use it"


def body(
    published: Published,
    *,
    places: Iterable[str],
    dropped: Iterable[str],
    commit: str,
    assumed: Iterable[str] = (),
) -> str:
    """Return the text of the request in Markdown; `commit` is part of it."""
    lines = [
        f"What is mirrored to {_code(published.target)}, for the clusters that use it. `publish-to-git` of"
        " oc-mirror-pipeline wrote it, and writes this branch anew when the mirror changes.",
        "",
        f"* Commit: {commit}",
        *_points("`config.disconnected` of", places),
        *_points("Assumed, since no label openshift-version tells it:", assumed),
        *_points("No longer in the block:", dropped),
        "",
        _changes(published),
    ]
    return _bounded(harmless("\n".join(lines)))


def _points(what: str, names: Iterable[str]) -> Iterator[str]:
    """Give a point for each name; of very many the first ones, so that the list of changes has room."""
    names = list(names)
    yield from (f"* {what} {_code(one)}" for one in names[:_SHOWN])
    if len(names) > _SHOWN:
        yield f"* and {len(names) - _SHOWN} more"


def _changes(published: Published) -> str:
    if published.changes:
        return "#" + changes_text.markdown(published.changes)
    if published.changes_text:
        fence = "`" * max(4, 1 + max(map(len, re.findall("`+", published.changes_text)), default=0))
        return f"## What changes\n\n{fence}text\n{published.changes_text}\n{fence}"
    return "The list of what the newest run changed is not known."


def harmless(text: str) -> str:
    """Part what a forge could take for a mention, a reference, a link or a command."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _REFERENCES.sub(lambda found: f"{found[0]}{_SPACE}", lines)


def _bounded(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    end = text.rfind("\n", 0, LONGEST - 200)
    return f"{text[:end]}\n\nThe list is longer; the ConfigMap oc-mirror-changes has all of it."


def _code(name: str) -> str:
    return f"`{changes_text.plain(name).replace('`', chr(39))}`"
