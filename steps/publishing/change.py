"""All files of the change: values files with the block, and the resources of the target (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from steps.git_branch import Change
from steps.mirroring.publish import autoshift, resources
from steps.mirroring.store.published import RESOURCES, distinct_name, readable_name
from steps.publishing import block, place
from steps.publishing.splice import put

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from steps.publishing.block import CaReference
    from steps.publishing.place import Place
    from steps.publishing.sources import Published
    from steps.yaml.source import SourceFile

FLEET: Final = "oc-mirror/fleet.json"
"""Apart from what clusters apply: a GitOps tool takes every JSON file of a folder for an object."""


@dataclass(frozen=True, slots=True)
class Written:
    """The change, the places of the blocks in it, what stood in a block and stands there no longer.

    `assumed` is what nothing tells, and a person is to look at.
    """

    change: Change
    places: tuple[str, ...]
    dropped: tuple[str, ...]
    assumed: tuple[str, ...] = ()


def make(
    published: Published,
    values: Iterable[SourceFile],
    named: Iterable[str],
    ca: CaReference | None,
    *,
    folder: str,
) -> Written:
    """Return the change that brings what is published for a target into the values and into `folder`.

    Raises NotFoundError, UsageError and InvalidInputError for places and files, see `place` and `splice`.
    """
    sources = {source.path: source for source in values}
    mirror = autoshift.block(published.resources, published.target)
    found = place.find(named, list(sources.values()))
    dropped, assumed = list[str](), list[str]()

    def wanted(one: Place, there: Mapping[str, Any]) -> dict[str, Any]:
        where = f"{one.file}: {one}"
        new, guessed = block.merged(there, mirror, ca, where, one.minor)
        assumed.extend(f"{line} ({where})" for line in guessed)
        dropped.extend(f"{line} ({where})" for line in block.dropped(there, new))
        return new

    changed = {
        file: put(sources[file], {one.keys: partial(wanted, one) for one in found if one.file == file})
        for file in dict.fromkeys(one.file for one in found)
    }
    files = {
        f"{folder}/{name}": text.encode() for name, text in resources.in_files(published.resources).items()
    }
    if published.fleet:
        files[FLEET] = published.fleet.encode()
    return Written(
        Change(files={**changed, **files}, folders=(folder,)),
        tuple(f"{one.file}: {one}" for one in found),
        tuple(dropped),
        tuple(assumed),
    )


def folder_of(target: str, paths: Collection[str], read: Callable[[str], bytes]) -> str:
    """Return where the resources of a target lie in the repository, which has files at `paths`.

    Two targets may have the same readable name: who comes second has a hash behind it.
    """
    plain, distinct = (f"{RESOURCES}/{name(target)}" for name in (readable_name, distinct_name))
    if any(path.startswith(f"{distinct}/") for path in paths):
        return distinct
    texts = [read(path) for path in paths if path.startswith(f"{plain}/")]
    found = resources.load({str(number): text.decode(errors="replace") for number, text in enumerate(texts)})
    places = [place for resource in found for place in resources.images(resource)]
    own = any(place == target or place.startswith((f"{target}/", f"{target}:")) for place in places)
    return distinct if places and not own else plain
