"""A list of changes as people read it: as text, as Markdown for a change board, and in a few lines for a log.

Names come from catalogs and registries, so nothing in them may end a line, a cell or a code span, or move a
terminal's cursor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from steps import units
from steps.log_lines import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from steps.mirroring.store.changes import ChangeList, ImageChange, OperatorChange, Point

IN_A_LOG, IN_MARKDOWN, IN_TEXT = 8, 1000, 1000
"""How many lines of a kind are shown; the list itself has all."""
LONGEST = 300
"""Characters of a name."""
_DIGEST = 19
"""Characters of a digest that are shown: `sha256:` and twelve more."""

Line = tuple[str, str]
"""A sign (`+` new, `~` other, `-` goes) and what it is about."""
_WORDS: Final = {"+": "new", "~": "changed", "-": "goes"}


def title(listed: ChangeList) -> str:
    """Return what is compared with what."""
    before = f"against {_point(listed.before)}" if listed.before else "against nothing"
    return f"{_point(listed.after)}, {before}"


def _point(point: Point) -> str:
    if not point.generations:
        return f"the run of {plain(point.run)}" if point.run else "what has no record here"
    names = sorted({one.mirror_name for one in point.generations} - {""})
    numbers = ", ".join(str(one.sequence) for one in point.generations)
    return f"generation {numbers}" + (f" of {plain(', '.join(names))}" if names else "")


def brief(listed: ChangeList) -> list[str]:
    """Return a few lines for the log of a run: what differs, but of images only how many."""
    lines = [f"what changed: {title(listed)}: {sizes(listed)}"]
    for heading, found in sections(listed):
        if not found:
            continue
        words = ", ".join(counts(found))
        if heading == "Images":
            lines.append(f"  {heading}: {words}")
            continue
        shown = [f"{sign}{name}" for sign, name in found[:IN_A_LOG]]
        more = [f"and {len(found) - IN_A_LOG} more"] if len(found) > IN_A_LOG else []
        lines.append(f"  {heading} ({words}): {'; '.join([*shown, *more])}")
    if listed.is_empty:
        lines.append("  nothing")
    return lines + [f"  not known: {plain(reason)}" for reason in unknown(listed, IN_A_LOG)]


def text(listed: ChangeList, limit: int = IN_TEXT) -> str:
    """Return the list for a terminal."""
    lines = [title(listed), *([f"  for {plain(listed.target)}"] if listed.target else [])]
    lines += [f"  {sizes(listed)}"]
    lines += [f"  not known: {plain(reason)}" for reason in unknown(listed, limit)]
    for heading, found in sections(listed):
        if found:
            lines += ["", f"{heading} ({', '.join(counts(found))})"]
            lines += [f"  {sign} {name}" for sign, name in found[:limit]]
            lines += [f"  and {len(found) - limit} more"] if len(found) > limit else []
    if listed.is_empty:
        lines += ["", "Nothing differs."]
    return "\n".join([*lines, "", f"sha256 of this list: {listed.sha256}"])


def markdown(listed: ChangeList, limit: int = IN_MARKDOWN) -> str:
    """Return the list for a change board."""
    lines = ["# What changes", "", f"{_escaped(_first_upper(title(listed)))}.", ""]
    lines += [f"* For {_code(plain(listed.target))}"] if listed.target else []
    lines += [f"* {_first_upper(sizes(listed))}"]
    lines += [f"* Not known: {_escaped(reason)}" for reason in unknown(listed, limit)]
    lines += [f"* sha256 of this list: `{listed.sha256}`"]
    for heading, found in sections(listed):
        if not found:
            continue
        lines += ["", f"## {heading}: {', '.join(counts(found))}", "", "| | |", "|---|---|"]
        lines += [f"| {_WORDS[sign]} | {_code(name)} |" for sign, name in found[:limit]]
        if len(found) > limit:
            lines += ["", f"And {len(found) - limit} more: the JSON of this list has all."]
    if listed.is_empty:
        lines += ["", "Nothing differs."]
    lines += [
        "",
        "What goes is no longer mirrored. It stays in registries until a plan of deletion removes it.",
    ]
    return "\n".join(lines) + "\n"


def markdown_within(listed: ChangeList, most: int) -> str:
    """Return the list for a change board in at most `most` bytes of UTF-8: fewer lines where they are long.

    One line of each kind is always there.
    """
    limit = IN_MARKDOWN
    while len((found := markdown(listed, limit)).encode()) > most and limit > 1:
        limit //= 2
    return found


def unknown(listed: ChangeList, limit: int) -> list[str]:
    """Return the first reasons why something is not known, and how many more there are."""
    more = len(listed.unknown) - limit
    return [*listed.unknown[:limit], *([f"and {more} more reasons"] if more > 0 else [])]


def sections(listed: ChangeList) -> Iterator[tuple[str, list[Line]]]:
    """Give the parts of a list with their lines."""
    for heading, names in (
        ("OpenShift releases", listed.releases),
        ("Helm charts", listed.charts),
        ("Additional images", listed.additional),
    ):
        lines = [("+", plain(name)) for name in names.added] + [("-", plain(name)) for name in names.removed]
        yield heading, lines
        if heading == "OpenShift releases":
            yield "Operators", _operators(listed)
    changes = listed.images
    yield (
        "Images",
        [
            *_images("+", changes.added),
            *_images("~", changes.updated),
            *_images("-", changes.removed),
        ],
    )
    yield "Settings of the ImageSet", [_setting(sentence) for sentence in listed.settings]


_SIGNS: Final = {"added": "+", "removed": "-"}


def _setting(sentence: str) -> Line:
    word, _, rest = sentence.partition(": ")
    return _SIGNS.get(word, "~"), plain(rest)


def _operators(listed: ChangeList) -> list[Line]:
    changes = listed.operators
    return [
        *(("+", f"{_operator(one)} {plain(', '.join(one.after))}") for one in changes.added),
        *(("~", f"{_operator(one)} {_versions(one)}") for one in changes.updated),
        *(("-", f"{_operator(one)} {plain(', '.join(one.before))}") for one in changes.removed),
    ]


def _operator(change: OperatorChange) -> str:
    return plain(f"{change.package} {change.channel}".strip())


def _versions(change: OperatorChange) -> str:
    new = [version for version in change.after if version not in change.before]
    gone = [version for version in change.before if version not in change.after]
    words = [plain(", ".join(new))] if new else []
    return "; ".join([*words, f"goes: {plain(', '.join(gone))}"] if gone else words)


def _images(sign: str, changes: Iterable[ImageChange]) -> list[Line]:
    return [(sign, f"{plain(one.name)} {_digests(one)}".rstrip()) for one in changes]


def _digests(change: ImageChange) -> str:
    """Return the digests of a change; none where the name has it."""
    digests = [plain(one)[:_DIGEST] for one in (change.before, change.after) if one]
    return (
        ""
        if any(one and one in change.name for one in (change.before, change.after))
        else " → ".join(digests)
    )


def sizes(listed: ChangeList) -> str:
    """Return how many bytes are new, are there in all, and are carried."""
    found = listed.sizes
    words = []
    if found.new is not None:
        blobs = f"{found.new_blobs} blob{'' if found.new_blobs == 1 else 's'}"
        words.append(f"{units.size(found.new)} new in {blobs}")
    if found.total is not None:
        words.append(f"{units.size(found.total)} in all")
    if found.archives:
        words.append(f"{units.size(found.archives)} of archives")
    return ", ".join(words) or "sizes are not known"


def counts(lines: Sequence[Line]) -> list[str]:
    """Return how many changes there are of each sign, in words."""
    counted = {sign: sum(1 for one, _name in lines if one == sign) for sign in _WORDS}
    return [f"{count} {_WORDS[sign]}" for sign, count in counted.items() if count]


def plain(name: str, longest: int = LONGEST) -> str:
    """Return a name on one line without characters that a terminal would obey, of bounded length."""
    shown = printable(name[: longest + 1])
    return f"{shown[:longest]}…" if len(shown) > longest else shown


def _first_upper(words: str) -> str:
    return words[:1].upper() + words[1:]


def _code(name: str) -> str:
    """Return a name as a code span in a cell of a table.

    A bar is shown as a broken one: behind a backslash in the name no escape would keep it in its cell.
    """
    return "`{}`".format(name.replace("`", "'").replace("|", "¦"))


def _escaped(words: str) -> str:
    """Return words that mark up nothing; no escape keeps a forge from taking a mention, so it is parted."""
    shown = "".join(f"\\{one}" if one in "\\`*_{}[]<>#|!~&" else one for one in plain(words))
    return shown.replace("@", "@ ")
