"""Say in words what one ImageSet adds, changes and removes against another.

    imageset-diff OLD NEW

Comments, order and layout do not count. Prints a line for each difference, or that there is none; exits with
0 either way, as differences are no error.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from steps import cli
from steps.errors import NotFoundError
from steps.imageset.diff import diff_imagesets
from steps.imageset.imageset import ImageSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Parsed arguments."""

    old: Path
    new: Path


def parse(argv: list[str]) -> Inputs:
    """Parse the arguments. Raises `UsageError`."""
    parser = cli.Parser("imageset-diff", __doc__)
    parser.add_argument("old", type=Path, help="the earlier ImageSetConfiguration")
    parser.add_argument("new", type=Path, help="the later one")
    arguments = parser.parse_args(argv)
    return Inputs(old=arguments.old, new=arguments.new)


def run(given: Inputs) -> str:
    """Return the differences, a line each. Raises `NotFoundError` and `InvalidInputError`."""
    return "\n".join(diff_imagesets(_read(given.old), _read(given.new)) or ["no difference"])


def _read(path: Path) -> ImageSet | None:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotFoundError(f"{path} cannot be read: {error.strerror}", "name an ImageSet file") from error
    return ImageSet.recorded(content, str(path)) if content.strip() else None


main = cli.entrypoint(parse, run)
