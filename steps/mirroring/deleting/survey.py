"""What of a target's repositories may go: asked of the registry itself, tag by tag.

A manifest goes only if all its tags go, nothing that stays lists it, and no current ImageSet names its
digest. So what another release, another operator or a person has tagged stays, although we tagged it too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steps.mirroring import parallel
from steps.mirroring.deleting.removal import Kept, Victim
from steps.mirroring.ocmirror.placement import CONTENT, RELEASES
from steps.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from steps.mirroring.data.inventory import Image
    from steps.mirroring.deleting.removal import Doomed
    from steps.oci.access import Access

_ATTACHED = re.compile(r"sha256-([0-9a-f]{64})\.(?:sig|att|sbom)")
"""Tags of what cosign attaches to an image: worth nothing without it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of one repository is doomed, and what is needed: tags and digests."""

    doomed: set[str] = field(default_factory=set)
    needed: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in one repository: the digest of each tag, and what each index lists."""

    tags: Mapping[str, str]
    children: Mapping[str, tuple[str, ...]]
    present: frozenset[str] = frozenset()
    """Digests that were asked for by themselves and are there."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may go, in order, and what stays because something needs it: why, by digest."""

    victims: tuple[Victim, ...]
    stays: Mapping[str, str]
    shared: tuple[Kept, ...]
    met: frozenset[str]
    """The tags and digests of doomed images that are there at all."""


def look(
    access: Access, target: str, doomed: Iterable[Doomed], needed: Iterable[Image]
) -> dict[str, Verdict]:
    """Ask for every repository below `target` that holds something doomed; the verdicts by repository.

    Raises RegistryError for one that does not answer, RefusedError without the right to pull.
    """
    doomed, needed = list(doomed), list(needed)
    wanted: dict[str, Wanted] = defaultdict(Wanted)
    for one in doomed:
        for place in one.places:
            reference = Reference.parse_relative(place)
            wanted[reference.repository].doomed.add(reference.version)
    for image in needed:
        for place in image.places:
            reference = Reference.parse_relative(place)
            if reference.repository in wanted:
                wanted[reference.repository].needed.add(reference.version)
    origins = [Reference.find(image.origin) for image in needed]
    digests = {origin.digest for origin in origins if origin} - {""}
    contents = parallel.each(
        lambda name, check: _contents(access, f"{target}/{name}", wanted[name], check), sorted(wanted)
    )
    gone = _released(contents.get(RELEASES), wanted)
    return {
        name: judge(name, contents[name], one, needed_anywhere=digests, releases=gone)
        for name, one in wanted.items()
    }


def judge(
    repository: str,
    contents: Contents,
    wanted: Wanted,
    *,
    needed_anywhere: Iterable[str] = (),
    releases: Iterable[str] = (),
) -> Verdict:
    """Decide for one repository; `releases`: tags of doomed releases, with which their content's begin."""
    candidates = {digest for tag, digest in contents.tags.items() if tag in wanted.doomed}
    candidates |= wanted.doomed & contents.present
    stays = _staying(repository, contents, wanted, {*needed_anywhere, *wanted.needed}, releases)
    for tag, digest in contents.tags.items():
        if found := _ATTACHED.fullmatch(tag):
            subject = f"sha256:{found[1]}"
            if subject in candidates and subject not in stays:
                candidates.add(digest)
            else:
                stays.setdefault(digest, f"its tag {tag} belongs to an image that stays")
    for digest in list(stays):
        for child in contents.children.get(digest, ()):
            stays.setdefault(child, f"{digest} lists it, and stays")
    going = sorted(candidates - stays.keys(), key=lambda digest: (digest not in contents.children, digest))
    listed = [child for index in going for child in contents.children.get(index, ()) if child not in stays]
    tags = defaultdict(list)
    for tag, digest in contents.tags.items():
        tags[digest].append(tag)
    return Verdict(
        victims=tuple(
            Victim(repository=repository, digest=one, tags=tuple(sorted(tags[one])))
            for one in dict.fromkeys((*going, *listed))
        ),
        stays=stays,
        shared=tuple(
            Kept(repository=repository, digest=one, because=stays[one])
            for one in sorted(candidates & stays.keys())
        ),
        met=frozenset(wanted.doomed & {*contents.tags, *contents.present}),
    )


def _staying(
    repository: str, contents: Contents, wanted: Wanted, needed: set[str], releases: Iterable[str]
) -> dict[str, str]:
    """What is needed, or tagged by others, and why; without what these list."""
    there = {*contents.tags.values(), *contents.present}
    stays = dict.fromkeys(needed & there, "a current ImageSet names it")
    for tag, digest in contents.tags.items():
        if tag in needed:
            stays[digest] = f"a current ImageSet needs its tag {tag}"
        elif not _ATTACHED.fullmatch(tag) and not _ours(repository, tag, digest, wanted, releases):
            stays.setdefault(digest, f"its tag {tag} is not of these images")
    return stays


def _ours(repository: str, tag: str, digest: str, wanted: Wanted, releases: Iterable[str]) -> bool:
    """Whether a tag is of what is doomed; of a release, whose digest we know, it is the version."""
    if tag in wanted.doomed:
        return True
    if repository == CONTENT:
        return any(tag.startswith(f"{release}-") for release in releases)
    return repository == RELEASES and digest in wanted.doomed


def _released(contents: Contents | None, wanted: Mapping[str, Wanted]) -> list[str]:
    """The tags of the releases that are doomed, such as `4.18.1-x86_64`."""
    if contents is None:
        return []
    mine = wanted[RELEASES].doomed
    return [
        tag
        for tag, digest in contents.tags.items()
        if (tag in mine or digest in mine) and tag not in wanted[RELEASES].needed
    ]


def _contents(access: Access, name: str, wanted: Wanted, check: Callable[[], None]) -> Contents:
    with access.open(name) as repository:
        tags: dict[str, str] = {}
        indexes: set[str] = set()
        present: set[str] = set()
        digests = {version for version in wanted.doomed | wanted.needed if version.startswith("sha256:")}
        for version in (*repository.tags(), *sorted(digests)):
            check()
            found = repository.find(version)
            if found is None:
                continue
            if version in digests:
                present.add(found.digest)
            else:
                tags[version] = found.digest
            if found.is_index:
                indexes.add(found.digest)
        children = {digest: tuple(repository.children(digest)) for digest in indexes}
        return Contents(tags, children, frozenset(present))
