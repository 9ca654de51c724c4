"""from-disk: which pending generations one run of oc-mirror imports together.

A run walks every image that its ImageSet names, however few of them are new; so generations are imported
one by one only where nothing else is right. One run does for generations whose ImageSets differ in nothing
but `additionalImages` (and the archives' size): it names the images of them all, and of the rest the newest
state, which is what a direct run at that moment would have mirrored. Where platform, operators, charts or
blocked images differ, what an earlier ImageSet alone names is pushed by that ImageSet, from its own archive:
only that holds the catalogs it was made with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steps.imageset.imageset import ImageSet
    from steps.mirroring.store.generations import Generation


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one run imports: oc-mirror gets the last generation, those before go into its cache.

    `imageset` is for all of them, `newest` that of the last one.
    """

    generations: tuple[Generation, ...]
    imageset: ImageSet
    newest: ImageSet

    @property
    def numbers(self) -> str:
        """The generations' numbers, for people."""
        return ", ".join(str(generation.sequence) for generation in self.generations)


def plan(waiting: Iterable[tuple[Generation, ImageSet]]) -> list[Batch]:
    """Put generations (oldest first, each with its ImageSet) into as few batches as lose nothing."""
    batches: list[Batch] = []
    for generation, imageset in waiting:
        together = joined(batches[-1].imageset, imageset) if batches else None
        if together is None:
            batches.append(Batch(generations=(generation,), imageset=imageset, newest=imageset))
        else:
            generations = (*batches[-1].generations, generation)
            batches[-1] = Batch(generations=generations, imageset=together, newest=imageset)
    return batches


def joined(earlier: ImageSet, later: ImageSet) -> ImageSet | None:
    """Make an ImageSet for both; None where one run cannot do for both.

    All that the files say is compared, fields that only a newer version knows included.
    """
    if earlier.content == later.content:
        return later
    first, second = earlier.document(), later.document()
    before, after = _take_images(first), _take_images(second)
    if first != second:
        return None
    dropped = [image for image in before if image not in after]
    if not dropped:
        return later
    document = later.document()
    document["mirror"]["additionalImages"] = after + dropped
    return later.with_document(document)


def _take_images(document: dict[str, Any]) -> list[Any]:
    """Take the additional images out of a document, and what does not matter to a target."""
    document.pop("archiveSize", None)
    images: list[Any] = document["mirror"].pop("additionalImages", None) or []
    return images
