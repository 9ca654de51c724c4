"""What of a target's repositories may be deleted: the registry itself is asked, tag by tag.

A manifest is deleted only if all its tags are, nothing that stays lists it, and no current ImageSet names its
digest. So what another release, another operator or a person has tagged stays, although we tagged it too.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steps.mirroring import parallel
from steps.mirroring.ocmirror.placement import CONTENT, RELEASES, tag_of, unjoined
from steps.mirroring.workflows.deletion_plan import Deletion, KeptManifest
from steps.oci.failures import UnlistedError, unlisted
from steps.oci.reference import ATTACHED, Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from steps.mirroring.store.inventory import InventoryImage
    from steps.mirroring.workflows.deletion_plan import Candidate
    from steps.oci.access import Access
    from steps.oci.registry import Repository


@dataclass(frozen=True, slots=True)
class References:
    """The tags and digests of one repository: those of candidates for deletion, and those that are needed.

    `by_v1` are tags that oc-mirror v1 gave to candidates, each with the digest that it must lead to.
    """

    candidates: set[str] = field(default_factory=set)
    needed: set[str] = field(default_factory=set)
    by_v1: set[tuple[str, str]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class RepositoryContent:
    """What is in one repository: the digest of each tag, and what each index lists."""

    tags: Mapping[str, str]
    children: Mapping[str, tuple[str, ...]]
    present: frozenset[str] = frozenset()
    """Digests that were asked for by themselves and are there."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What of one repository to delete, in order, and why the rest stays, by digest.

    `shared` are the manifests of candidates that stay; `found` are the tags and digests of candidates that
    are there at all.
    """

    deletions: tuple[Deletion, ...]
    stays: Mapping[str, str]
    shared: tuple[KeptManifest, ...]
    found: frozenset[str]


def inspect(
    access: Access,
    target: str,
    candidates: Iterable[Candidate],
    needed: Iterable[InventoryImage],
) -> dict[str, Decision]:
    """Inspect every repository below `target` that holds a candidate; return the decisions by repository.

    Raises RegistryError for one that does not answer, RefusedError without the right to pull.
    """
    needed = list(needed)
    asked: dict[str, References] = defaultdict(References)
    for candidate in candidates:
        for place in candidate.places:
            reference = Reference.parse_relative(place)
            asked[reference.repository].candidates.add(reference.version)
            if origin := Reference.find(candidate.origin):
                by_v1 = ((tag, origin.digest) for tag in candidate.v1_tags)
                asked[reference.repository].by_v1.update(by_v1)
    for image in needed:
        for place in image.in_target:
            reference = Reference.parse_relative(place)
            if reference.repository in asked:
                asked[reference.repository].needed.add(reference.version)
    origins = [Reference.find(image.origin) for image in needed]
    digests = {origin.digest for origin in origins if origin} - {""}
    contents = parallel.each(
        lambda name, check: _read(access, f"{target}/{name}", asked[name], check), sorted(asked)
    )
    releases = _release_tags(contents, asked)
    return {
        name: decide(name, contents[name], references, needed_anywhere=digests, releases=releases)
        for name, references in asked.items()
    }


def decide(
    repository: str,
    content: RepositoryContent,
    references: References,
    *,
    needed_anywhere: Iterable[str] = (),
    releases: Iterable[str] = (),
) -> Decision:
    """Decide for one repository.

    `needed_anywhere` are digests that a current ImageSet names; `releases` are the tags of the releases that
    are candidates, with which the tags of their content begin.
    """
    candidates = {digest for tag, digest in content.tags.items() if tag in references.candidates}
    candidates |= references.candidates & content.present
    by_v1 = {digest for tag, digest in content.tags.items() if (tag, digest) in references.by_v1}
    candidates |= by_v1
    stays = _staying(repository, content, references, {*needed_anywhere, *references.needed}, releases)
    _keep_listed(stays, content)
    subjects = {*candidates, *(child for index in candidates for child in content.children.get(index, ()))}
    for tag, digest in content.tags.items():
        if found := ATTACHED.fullmatch(tag):
            subject = f"sha256:{found[1]}"
            if subject in subjects and subject not in stays:
                candidates.add(digest)
            else:
                stays.setdefault(digest, f"its tag {tag} belongs to an image that stays")
    _keep_listed(stays, content)
    going = sorted(candidates - stays.keys(), key=lambda digest: (digest not in content.children, digest))
    listed = [child for index in going for child in content.children.get(index, ()) if child not in stays]
    tags = defaultdict(list)
    for tag, digest in content.tags.items():
        tags[digest].append(tag)
    return Decision(
        deletions=tuple(
            Deletion(repository=repository, digest=digest, tags=tuple(sorted(tags[digest])))
            for digest in dict.fromkeys((*going, *listed))
        ),
        stays=stays,
        shared=tuple(
            KeptManifest(repository=repository, digest=digest, because=stays[digest])
            for digest in sorted(candidates & stays.keys())
        ),
        found=frozenset(references.candidates & {*content.tags, *content.present, *map(tag_of, by_v1)}),
    )


def _keep_listed(stays: dict[str, str], content: RepositoryContent) -> None:
    for digest in list(stays):
        for child in content.children.get(digest, ()):
            stays.setdefault(child, f"{digest} lists it, and stays")


def _staying(
    repository: str,
    content: RepositoryContent,
    references: References,
    needed: set[str],
    releases: Iterable[str],
) -> dict[str, str]:
    """Return what is needed, or tagged by others, and why; without what these list."""
    there = {*content.tags.values(), *content.present}
    stays = dict.fromkeys(needed & there, "a current ImageSet names it")
    for tag, digest in content.tags.items():
        if tag in needed:
            stays[digest] = f"a current ImageSet needs its tag {tag}"
        elif not ATTACHED.fullmatch(tag) and not _is_candidate(repository, tag, digest, references, releases):
            stays.setdefault(digest, f"its tag {tag} is not of these images")
    return stays


def _is_candidate(
    repository: str, tag: str, digest: str, references: References, releases: Iterable[str]
) -> bool:
    """Return whether a tag is that of a candidate; the tag of a release, known by digest, is its version."""
    if tag in references.candidates or (tag, digest) in references.by_v1:
        return True
    if unjoined(repository) == CONTENT:
        return any(tag.startswith(f"{release}-") for release in releases)
    return unjoined(repository) == RELEASES and digest in references.candidates


def _release_tags(contents: Mapping[str, RepositoryContent], asked: Mapping[str, References]) -> list[str]:
    """Return the tags of the releases that are candidates, such as `4.18.1-x86_64`."""
    return [
        tag
        for name, content in contents.items()
        if unjoined(name) == RELEASES
        for tag, digest in content.tags.items()
        if asked[name].candidates & {tag, digest} and tag not in asked[name].needed
    ]


def _read(access: Access, name: str, references: References, check: Callable[[], None]) -> RepositoryContent:
    with access.open(name) as repository:
        tags: dict[str, str] = {}
        indexes: set[str] = set()
        present: set[str] = set()
        versions = references.candidates | references.needed
        digests = {version for version in versions if version.startswith("sha256:")}
        for version in (*_tags(repository, name, versions, digests), *sorted(digests)):
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
        return RepositoryContent(tags, children, frozenset(present))


def _tags(repository: Repository, name: str, versions: set[str], digests: set[str]) -> list[str]:
    """Return all tags of a repository.

    A list that is refused is taken for empty only where nothing of `versions` is there, and an empty list
    only where none of their tags is. Otherwise raises UnlistedError: what others have tagged is not known.
    """
    try:
        found = repository.tags()
        refusal, doubtful = unlisted(name, "its list is empty"), set() if found else versions - digests
    except UnlistedError as error:
        found, refusal, doubtful = [], error, versions
    for version in sorted(doubtful):
        if repository.find(version) is not None:
            raise refusal
    return found
