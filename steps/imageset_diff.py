"""Say in words what one ImageSet adds, changes and removes against another.

    imageset-diff [--exit-code] OLD NEW

Comments, order and layout do not count. Prints a line for each difference, or that there is none; exits with
0 either way, as differences are no error. With --exit-code it exits with 1 where there are any. /dev/null is
an ImageSet that names nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from steps import cli
from steps.imageset.diff import diff_imagesets
from steps.inputs import deployed

if TYPE_CHECKING:
    from steps.imageset.imageset import ImageSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Parsed arguments."""

    old: Path
    new: Path
    exit_code: bool


def parse(argv: list[str]) -> Inputs:
    """Parse the arguments. Raises `UsageError`."""
    parser = cli.Parser("imageset-diff", __doc__)
    parser.add_argument("old", type=Path, help="the earlier ImageSetConfiguration")
    parser.add_argument("new", type=Path, help="the later one")
    parser.add_argument("--exit-code", action="store_true", help="exit with 1 where the two differ")
    arguments = parser.parse_args(argv)
    return Inputs(old=arguments.old, new=arguments.new, exit_code=arguments.exit_code)


def run(given: Inputs) -> cli.Answer:
    """Return the differences, a line each. Raises `NotFoundError` and `InvalidInputError`."""
    differences = diff_imagesets(_read(given.old), _read(given.new))
    return cli.Answer("\n".join(differences or ["no difference"]), int(given.exit_code and bool(differences)))


def _read(path: Path) -> ImageSet | None:
    """Return the ImageSet of a file, None for /dev/null."""
    return None if path == Path(os.devnull) else deployed.read(path)


main = cli.entrypoint(parse, run)
