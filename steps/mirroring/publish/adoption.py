"""Whose is what an earlier version published for whichever target ran last? Answered if it is certain.

Nothing is guessed. Resources of another registry would send every node of a cluster there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steps.mirroring.publish import resources

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def owner(files: Mapping[str, str], *, block_target: str, known: Iterable[str]) -> str:
    """Return the target that `files` were made for; empty where that is not certain.

    `block_target` is the target that AutoShift's block beside them names, or empty; `known` are the targets
    that any record names. Every image that the files name must lie below the target, and below no longer one.
    """
    images = [image for document in resources.load(files) for image in resources.images(document)]
    targets = sorted({*known, block_target} - {""}, key=len)
    if not images:
        return block_target or (targets[0] if len(targets) == 1 else "")
    fitting = [target for target in targets if all(_lies_in(image, target) for image in images)]
    if not fitting or (block_target and fitting[-1] != block_target):
        return ""
    return fitting[-1] if block_target or len(fitting) == 1 else ""


def _lies_in(image: str, target: str) -> bool:
    return image == target or image.startswith(f"{target}/")
