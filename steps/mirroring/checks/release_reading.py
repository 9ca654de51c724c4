"""What the target has of releases and their signatures, where clusters would read it: facts, not judged.

Several repositories are asked at a time. What is missing is copied from where an image comes from, if that
may be asked. Nothing here is verified: see `steps.trust.releases`.
"""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeVar

from steps.errors import StepError
from steps.mirroring.checks import release_content
from steps.oci import attached
from steps.trust.releases import Release
from steps.trust.sigstore import Image, Signatures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from steps.mirroring.ocmirror.mirror_sets import MirrorSets
    from steps.oci.access import Access
    from steps.oci.reference import Reference
    from steps.oci.registry import Repository

AT_ONCE: Final = 8
"""Connections: enough to hide the network, few enough for any registry."""
_SHARE: Final = 25
"""Images of one repository that a connection asks for."""
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads from the `target`, where the `mirrors` lead; `gpg` has the GPG signatures by digest.

    `source` and `copies` are for what is missing: how to reach the origins, and whether the signatures of a
    repository (HOST/REPOSITORY) are to be copied. Without `source` nothing is copied. `copied` collects the
    images whose signatures were.
    """

    target: Access
    mirrors: MirrorSets
    gpg: Mapping[str, tuple[bytes, ...]]
    source: Access | None = None
    copies: Callable[[str], bool] = lambda _name: True
    copied: list[str] = field(default_factory=list)

    def release(self, name: str, digest: str, version: str = "") -> Release:
        """Return what there is of the release with that origin and digest."""
        [image] = self.images([(name, digest)])
        release = Release(image=image, version=version, gpg=self.gpg.get(digest, ()))
        if not image.signed:
            return release
        with self.target.open(image.place) as repository:
            one = next(iter(image.signed))
            try:
                says = release_content.version_of(repository, one)
            except StepError as error:
                return replace(release, image=replace(image, obstacle=error.reason))
            release = replace(release, version=version or says, says=says)
            if not release.needs_content():
                return release
            nothing: tuple[Reference, ...] = ()
            found = _answer_or(lambda: release_content.read(repository, one), otherwise=nothing)
        content = self.images((reference.name, reference.digest) for reference in found)
        return replace(release, content=tuple(content) or None)

    def images(self, wanted: Iterable[tuple[str, str]]) -> list[Image]:
        """Return what there is of images, each given by origin (HOST/REPOSITORY) and digest."""
        asked = list(dict.fromkeys(wanted))
        shares: dict[tuple[str, ...], list[tuple[str, str]]] = defaultdict(list)
        for name, digest in asked:
            shares[self.mirrors.places(name)].append((name, digest))
        tasks = [
            (places, images[start : start + _SHARE])
            for places, images in shares.items()
            for start in range(0, len(images), _SHARE)
        ]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = {
                (image.name, image.digest): image
                for images in pool.map(lambda task: self._share(*task), tasks)
                for image in images
            }
        return [found[one] for one in asked]

    def _share(self, places: tuple[str, ...], wanted: list[tuple[str, str]]) -> list[Image]:
        """Read images that clusters look for in the same places; the first place that has one counts."""
        left = [Image(name=name, digest=digest) for name, digest in wanted]
        found: list[Image] = []
        for place in places:
            left = [replace(image, place=place) for image in left]
            try:
                with self.target.open(place) as repository:
                    left = [self.read(repository, image) for image in left]
            except StepError as error:
                left = [replace(image, obstacle=error.reason) for image in left]
            found += [image for image in left if image.signed or image.obstacle]
            left = [image for image in left if not image.signed and not image.obstacle]
        return [*found, *left]

    def read(self, repository: Repository, image: Image) -> Image:
        """Return an image with what `repository` has of it, and of its signatures."""
        try:
            manifest = repository.find(image.digest)
            if manifest is None:
                return image
            digests = [image.digest]
            if manifest.is_index:
                listed = repository.platforms(image.digest)
                digests = [digest for digest in listed if repository.find(digest) is not None]
            return replace(
                image, signed={digest: self.signatures(repository, image.name, digest) for digest in digests}
            )
        except StepError as error:
            return replace(image, obstacle=error.reason)

    def signatures(self, repository: Repository, name: str, digest: str) -> Signatures:
        """Return the signatures of a manifest in `repository`, copied from its origin `name` if missing."""
        try:
            media_type, layers = attached.signatures(repository, digest)
            if not media_type and self._copied(repository, name, digest):
                media_type, layers = attached.signatures(repository, digest)
            referrers = 0 if media_type else attached.count_of_referrers(repository, digest)
        except StepError as error:
            return Signatures(obstacle=error.reason)
        return Signatures(media_type=media_type, layers=tuple(layers), referrers=referrers)

    def _copied(self, repository: Repository, name: str, digest: str) -> bool:
        """Copy the signatures of an image from its origin, if these are to be copied and are there."""
        if self.source is None or not self.copies(name):
            return False
        with self.source.open(name) as origin:
            done = _answer_or(lambda: attached.copy_signatures(origin, repository, digest), otherwise=False)
        if done:
            self.copied.append(f"{name}@{digest}")
        return done


def _answer_or(ask: Callable[[], _Result], otherwise: _Result) -> _Result:
    """Return what is answered, or `otherwise` where the registry does not answer as it should."""
    try:
        return ask()
    except StepError:
        return otherwise
