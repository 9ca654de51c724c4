"""from-disk: which pending generations one run of oc-mirror takes in together.

A run walks every image that its ImageSet names, however few of them are new; so generations are taken in one
by one only where nothing else is right. One run does for generations whose ImageSets differ in nothing but
`additionalImages` (and the archives' size): it names the images of them all, and of the rest the newest
state, which is what a direct run at that moment would have mirrored. Where platform, operators, charts or
blocked images differ, what an earlier ImageSet alone names is pushed by that ImageSet, from its own archive:
only that holds the catalogs it was made with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from steps.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steps.mirroring.data.generations import Generation


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one run takes in: the last generation is handed to oc-mirror, those before go into its cache."""

    generations: tuple[Generation, ...]
    imageset: bytes

    @property
    def numbers(self) -> str:
        """The generations' numbers, for people."""
        return ", ".join(str(one.sequence) for one in self.generations)


def plan(waiting: Iterable[tuple[Generation, bytes]]) -> list[Batch]:
    """Put generations (oldest first, each with its ImageSet) into as few batches as lose nothing.

    Raises InvalidInputError for an ImageSet that is not YAML.
    """
    batches: list[Batch] = []
    for generation, imageset in waiting:
        together = joined(batches[-1].imageset, imageset) if batches else None
        if together is None:
            batches.append(Batch(generations=(generation,), imageset=imageset))
        else:
            batches[-1] = Batch(generations=(*batches[-1].generations, generation), imageset=together)
    return batches


def joined(earlier: bytes, later: bytes) -> bytes | None:
    """An ImageSet for both; None where one run cannot do for both."""
    if earlier == later:
        return later
    first, second = _parse(earlier), _parse(later)
    before, after = _images(first), _images(second)
    if first != second:
        return None
    dropped = [image for image in before if image not in after]
    if not dropped:
        return later
    document = _parse(later)
    document["mirror"]["additionalImages"] = after + dropped
    return yaml.safe_dump(document, sort_keys=False).encode()


def _images(document: dict[str, Any]) -> list[Any]:
    """Take the additional images out of an ImageSet, and what does not matter to a target."""
    document.pop("archiveSize", None)
    images: list[Any] = document["mirror"].pop("additionalImages", None) or []
    return images


def _parse(imageset: bytes) -> dict[str, Any]:
    try:
        document = yaml.safe_load(imageset)
    except yaml.YAMLError as error:
        document, problem = None, " ".join(str(error).split())
    else:
        problem = "it has no 'mirror' mapping"
    if not isinstance(document, dict) or not isinstance(document.get("mirror"), dict):
        raise InvalidInputError(
            f"the ImageSet of a generation cannot be read: {problem}",
            "copy the generation's whole folder again",
        )
    return document
