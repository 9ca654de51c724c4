"""Parameters that `mirror` takes as they are: how hard to try, how much, what to do after. Empty: defaults.

They are checked here too, since a slip is better told by the pipeline than by a pod hours later.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from steps import cli
from steps.mirroring.delivery import resources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def _up_to_ten(text: str) -> None:
    if not text.isdecimal() or not 1 <= int(text) <= 10:
        raise ValueError(f"'{text}' is not a number from 1 to 10")


def _count(text: str) -> None:
    if not text.isdecimal():
        raise ValueError(f"'{text}' is not a number")


def _by(parse: Callable[[str], object]) -> Callable[[str], None]:
    """The same rule as that of an argument type."""

    def check(text: str) -> None:
        try:
            parse(text)
        except argparse.ArgumentTypeError as error:
            raise ValueError(str(error)) from None

    return check


CHECKS: Final[dict[str, Callable[[str], object]]] = {
    "parallel-images": _up_to_ten,
    "parallel-layers": _up_to_ten,
    "image-timeout": _by(cli.seconds),
    "retry-times": _count,
    "run-retries": _count,
    "skip-unchanged": _by(cli.boolean),
    "resource-prefix": resources.prefix,
    "apply-cluster-resources": _by(cli.boolean),
}
_HELP: Final = {
    "parallel-images": "images at a time, 1 to 10",
    "parallel-layers": "layers of an image at a time, 1 to 10",
    "image-timeout": "for one image with all its retries, such as 90m",
    "retry-times": "retries of one transfer",
    "run-retries": "how often to repeat a run that failed for want of a network",
    "resource-prefix": "to put before the names of cluster resources",
    "apply-cluster-resources": "true applies them, where the workload's account may",
    "skip-unchanged": "true ends a run at once where nothing changed; empty: for cronjob and deployment",
}


def add_arguments(add: Callable[..., object]) -> None:
    """Declare them, all optional."""
    for name in CHECKS:
        add(f"--{name}", default="", help=_HELP[name])


def given(arguments: argparse.Namespace) -> dict[str, str]:
    """Those that are not empty, by name."""
    found = {name: str(getattr(arguments, name.replace("-", "_"))) for name in CHECKS}
    return {name: text for name, text in found.items() if text}


def problems(found: dict[str, str]) -> Iterator[str]:
    """What is wrong with them, one line each."""
    for name, text in found.items():
        try:
            CHECKS[name](text)
        except ValueError as error:
            yield f"{name} {error}"
