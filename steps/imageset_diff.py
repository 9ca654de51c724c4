"""Say in words what one ImageSet adds, changes and removes against another.

    imageset-diff OLD NEW

Comments, order and layout do not count. Prints a line for each difference, or that there is none; exits with
0 either way, as differences are no error.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from steps import cli
from steps.errors import NotFoundError
from steps.imageset.diff import diff_imagesets
from steps.yaml.source import SourceFile, decode


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


def run(given: Inputs) -> list[str]:
    """Return the differences, a line each. Raises `NotFoundError` and `InvalidInputError`."""
    return diff_imagesets(_read(given.old), _read(given.new))


def _read(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotFoundError(f"{path} cannot be read: {error.strerror}", "name an ImageSet file") from error
    return decode(SourceFile(str(path), content))


def body(argv: list[str]) -> None:
    """Parse, compare, print."""
    differences = run(parse(argv))
    sys.stdout.write("\n".join(differences or ["no difference"]) + "\n")


def main() -> NoReturn:
    """Console script."""
    sys.exit(cli.run(body))
