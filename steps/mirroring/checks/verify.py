"""After a run: is all that the ImageSet names in the target, by digest? oc-mirror's word is not taken for it.

A run leaves no list, so oc-mirror is asked for it by a dry run over what it has just unpacked: no archive is
read again and no layer moved. Then the target is asked for each image, several repositories at a time.
"""

from __future__ import annotations

import logging
import tarfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from steps import units
from steps.mirroring.ocmirror import mapping, reasons
from steps.mirroring.ocmirror.mapping import Expected
from steps.mirroring.ocmirror.platforms import Platforms
from steps.mirroring.store.archives import ARCHIVES
from steps.mirroring.store.runs import timestamp
from steps.mirroring.store.verified import VerifiedImage, VerifiedImages
from steps.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from steps.imageset.model import Mirror
    from steps.mirroring.session import Session
    from steps.oci.access import Access
    from steps.oci.registry import Repository

log = logging.getLogger(__name__)

AT_ONCE = 8
"""Connections: enough to hide the network, few enough for any registry."""
_SHARE = 50
"""Images of one repository that a connection asks for; a release alone has two hundred."""
_SHOWN = 5
"""Images that a message names."""
GRAPH = Reference("", "openshift/graph-image", "latest")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a registry says of an image: the digest of what is there, and what is wrong with it.

    `wrong` is empty for an image that is there as expected, else `missing` or `another: DIGEST`.
    """

    digest: str
    wrong: str


def verify(
    session: Session,
    listing: list[str],
    *,
    mirror: Mirror,
    working_dir: Path,
    more: Iterable[Reference] = (),
) -> tuple[VerifiedImage, ...]:
    """Check that the target has every image that a dry run with the arguments `listing` names, and `more`.

    `mirror` says which platforms of an index are asked for; `more` are images below the target. Returns the
    images as the target has them. Raises MirrorError that names those it
    lacks, RegistryError where the target does not answer, MirrorError where oc-mirror cannot list them.
    """
    session.oc_mirror.run(listing, working_dir=working_dir, quietly=True)
    lines = (working_dir / "dry-run" / "mapping.txt").read_text().splitlines()
    target = session.request.target_registry
    expected = mapping.expected(lines, target, session.store.cache.tag)
    expected += [Expected(Reference.parse(f"{target}/{image}")) for image in more]
    wanted = [one.image for one in expected]
    answers = ask(session.target, wanted)
    found = {place: answer.wrong for place, answer in answers.items() if answer.wrong}
    if platforms := Platforms.of(mirror):
        found |= without_platforms(session.target, target, platforms, wanted)
    if found:
        raise _lacking(target, found, len(wanted))
    log.info("verified: %s has all %d images", target, len(wanted))
    path = target.partition("/")[2]
    return tuple(
        VerifiedImage(
            place=one.image.place.removeprefix(f"{path}/"),
            digest=answers[one.image.place].digest,
            source=one.source,
        )
        for one in expected
    )


def recorded(session: Session, mirror_name: str, images: tuple[VerifiedImage, ...]) -> VerifiedImages:
    """Return the record of what a run of this session has verified."""
    return VerifiedImages(
        target=session.request.target_registry,
        mirror_name=mirror_name,
        workflow=session.request.workflow,
        finished=timestamp(datetime.now(UTC)),
        images=images,
    )


def empty_archive(staging: Path) -> None:
    """Put an archive of nothing in the place of those that were just unpacked: a dry run reads them all."""
    for path in staging.glob(ARCHIVES):
        path.unlink()
    tarfile.open(staging / "mirror_000001.tar", "w").close()


def absent(access: Access, wanted: Iterable[Reference]) -> dict[str, str]:
    """Return what is not there as expected, by `place`: what is `wrong` with it."""
    return {place: answer.wrong for place, answer in ask(access, wanted).items() if answer.wrong}


def ask(access: Access, wanted: Iterable[Reference]) -> dict[str, Answer]:
    """Ask for every image, by `place`. Raises RegistryError where a registry does not answer."""
    repositories: dict[str, list[Reference]] = defaultdict(list)
    for image in wanted:
        repositories[image.name].append(image)
    shares = [share for images in repositories.values() for share in _shares(images)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = pool.map(lambda share: _ask(access, share), shares)
        return {place: answer for found in answers for place, answer in found.items()}


def without_platforms(
    access: Access, target: str, platforms: Platforms, wanted: Iterable[Reference]
) -> dict[str, str]:
    """Return which indexes lack a platform that is asked for, by `place`."""
    path = target.partition("/")[2]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        images = list(wanted)
        lacks = pool.map(lambda image: _lack(access, image, path, platforms), images)
        return {image.place: lack for image, lack in zip(images, lacks, strict=True) if lack}


def _lack(access: Access, image: Reference, path: str, platforms: Platforms) -> str:
    with access.open(image.name) as repository:
        index = repository.find(image.digest or image.tag)
        if index is None or not index.is_index:
            return ""
        listed = repository.platforms(index.digest)
        there: dict[str, bool] = {}
        for digest, platform in listed.items():
            there[platform] = there.get(platform, False) or repository.find(digest) is not None
        return platforms.lack(image.place.removeprefix(f"{path}/"), there)


def _shares(images: list[Reference]) -> list[list[Reference]]:
    return [images[start : start + _SHARE] for start in range(0, len(images), _SHARE)]


def _ask(access: Access, images: list[Reference]) -> dict[str, Answer]:
    """Ask for images of one repository."""
    with access.open(images[0].name) as repository:
        return {image.place: _answer(repository, image) for image in images}


def _answer(repository: Repository, image: Reference) -> Answer:
    """Ask for one image. A tag made of a digest is for oc-mirror: clusters pull by digest."""
    by_digest = not image.tag or image.tag.startswith("sha256-")
    manifest = repository.find(image.digest if by_digest and image.digest else image.tag)
    if manifest is None:
        return Answer("", "missing")
    wrong = "" if image.digest in {"", manifest.digest} else f"another: {manifest.digest}"
    return Answer(manifest.digest, wrong)


def _lacking(target: str, found: dict[str, str], total: int) -> Exception:
    shown = units.few([f"{name} ({what})" for name, what in found.items()], _SHOWN)
    return reasons.error(
        f"{target} lacks {len(found)} of {total} images although oc-mirror copied them: {shown}",
        reasons.NOT_KEPT,
        dict.fromkeys(found, reasons.NOT_KEPT),
    )
