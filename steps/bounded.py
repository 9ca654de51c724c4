"""JSON of others, read within limits: bytes, depth, digits of a number, and texts that can be written.

`json.loads` takes more than JSON (RFC 8259) and more than a program can go on with: `NaN`, numbers without
end, halves of surrogate pairs, NUL. It ends with RecursionError for `[[[[…`. Here all that is one error.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

LARGEST: Final = 16 << 20
"""Bytes of a document, where the caller names no other limit."""
DEEPEST: Final = 100
"""Levels of a document; manifests, configurations and records have about ten."""
_DIGITS: Final = 40
_UNWRITABLE = re.compile(r"[\ud800-\udfff]")
_UNUSABLE = re.compile(r"[\0\ud800-\udfff]")
_ESCAPED = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


class NotJsonError(ValueError):
    """A content is too large, nested too deeply, or no JSON; the text is a sentence."""


def json_of(
    content: bytes | str,
    *,
    limit: int = LARGEST,
    what: str = "it",
    with_nul: bool = False,
    each_once: bool = False,
) -> Any:
    """Parse one JSON value; `what` is the subject of the error, `limit` the most bytes.

    `with_nul` takes texts with NUL, as a message of another program may have it in a record of ours.
    `each_once` refuses an object that has a key twice, of which otherwise the last one counts.
    Raises NotJsonError, and nothing else.
    """
    if len(content) > limit:
        raise NotJsonError(f"{what} has {len(content):,} bytes, more than {limit:,}")
    try:
        text = content if isinstance(content, str) else content.decode(json.detect_encoding(content))
        text.encode()
        pairs = _each_once if each_once else None
        found = json.loads(
            text, parse_int=_whole, parse_float=_real, parse_constant=_refuse, object_pairs_hook=pairs
        )
    except RecursionError:
        raise _too_deep(what) from None
    except ValueError as error:
        raise NotJsonError(f"{what} is not JSON: {str(error)[:200]}") from None
    refused = _UNWRITABLE if with_nul else _UNUSABLE
    _check(found, what, refused if _ESCAPED.search(text) else None)
    return found


def content_of(path: Path, *, limit: int = LARGEST) -> bytes:
    """Read a file, pipe or device: no more than `limit` bytes, and one that tells of more.

    Raises OSError.
    """
    with path.open("rb") as stream:
        return stream.read(limit + 1)


def json_file(path: Path, *, limit: int = LARGEST) -> Any:
    """Parse a file, of which no more than `limit` bytes are read. Raises OSError, NotJsonError."""
    return json_of(content_of(path, limit=limit), limit=limit)


def _check(tree: object, what: str, refused: re.Pattern[str] | None) -> None:
    """Go through the tree level by level; look at its texts only where one may be `refused`."""
    level = [tree]
    texts = refused is not None
    for _depth in range(DEEPEST + texts):
        inner: list[object] = []
        for node in level:
            if isinstance(node, dict):
                inner += node.values()
                inner += node if texts else ()
            elif isinstance(node, list):
                inner += node
            elif refused and isinstance(node, str) and refused.search(node):
                raise NotJsonError(f"{what} has a text with NUL or half a surrogate pair")
        level = inner if texts else [node for node in inner if isinstance(node, dict | list)]
        if not level:
            return
    raise _too_deep(what)


def _too_deep(what: str) -> NotJsonError:
    return NotJsonError(f"{what} is nested too deeply: more than {DEEPEST} levels")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _value in pairs]
        raise ValueError(f"'{next(key for key in keys if keys.count(key) > 1)[:_DIGITS]}' stands there twice")
    return found


def _whole(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise ValueError(f"a number of {len(digits):,} digits")
    return int(digits)


def _real(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits[:_DIGITS]} is larger than any number")
    return number


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no number of JSON")
