"""QR codes of receipts, for a terminal and as SVG (ISO/IEC 18004; segno draws them)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import segno

_QUIET: Final = 2
"""Light modules around the code on a terminal; the standard has four, and readers do with two."""
_INK, _PLAIN = "\x1b[97;40m", "\x1b[0m"
"""White on black, whatever the terminal's own colours are (ECMA-48): a block is a light module."""
_BLOCKS: Final = {(1, 1): " ", (0, 1): "\u2580", (1, 0): "\u2584", (0, 0): "\u2588"}
"""By two modules, one above the other, 1 for dark: full and half blocks."""


def svg(text: str) -> str:
    """Return the code as an SVG element, dark on light, without a size of its own and without styles."""
    drawn = _code(text).svg_inline(border=4, omitsize=True, dark="#000", light="#fff", svgclass="qr")
    return str(drawn)


def for_terminal(text: str, columns: int) -> str | None:
    """Return the code in lines of blocks; None where `columns` of a terminal are too few for it."""
    rows = [[*row] for row in _code(text).matrix_iter(border=_QUIET)]
    width = len(rows[0])
    if width > columns:
        return None
    rows += [[0] * width] * (len(rows) % 2)
    pairs = zip(rows[::2], rows[1::2], strict=True)
    lines = ("".join(_BLOCKS[bool(up), bool(down)] for up, down in zip(*pair, strict=True)) for pair in pairs)
    return "\n".join(f"{_INK}{line}{_PLAIN}" for line in lines)


def _code(text: str) -> segno.QRCode:
    import segno  # late: of use to few runs

    return segno.make_qr(text, error="l")
