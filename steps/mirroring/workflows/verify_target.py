"""workflow-verify-target: does the target still have what earlier runs had verified there?

Each image is asked for by digest. Of a sample of them, or of all, their layers are asked for too. Nothing is
written but what was found. A service shows it, and the next run to this target is not left out as unchanged.
"""

from __future__ import annotations

import logging
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from steps import units
from steps.errors import LostError, NotFoundError
from steps.imageset.imageset import ImageSet
from steps.mirroring.checks import blobs, verify
from steps.mirroring.ocmirror import reasons
from steps.mirroring.ocmirror.platforms import Platforms
from steps.mirroring.store.runs import Done, timestamp
from steps.mirroring.store.verified import Look, newest
from steps.oci.failures import UnreadableError
from steps.oci.reference import Reference
from steps.oci.registry import DAMAGED
from steps.parameters.table.verification import VERIFY_LAYERS
from steps.parameters.value_kinds import VerifyLayers

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from steps.mirroring.checks.verify import Answer
    from steps.mirroring.request import Request
    from steps.mirroring.store import Store
    from steps.mirroring.store.verified import VerifiedImage
    from steps.oci.access import Access

log = logging.getLogger(__name__)

SAMPLE: Final = 64
"""Images whose layers are asked for; others each time, so that a loss is noticed sooner or later."""
_SHOWN: Final = 20
_NAMED: Final = 3
"""Images that the message names; the log has more."""
_BEFORE_REPAIR: Final = (
    "repair=true mirrors them again; the next run of the workflow that brought them mirrors what that leaves"
)
_AFTER_REPAIR: Final = (
    "the lines before say why each was not mirrored alone; the next run of the workflow that brought them"
    " mirrors them"
)
_DAMAGED: Final = (
    "a registry takes no other copy of what it has: remove the damaged file in its storage,"
    " then give repair=true"
)


def run(request: Request, store: Store) -> Done:
    """Look, and record what was found.

    Raises NotFoundError where no run has verified anything there, LostError that names what is missing.
    """
    found = look(request, store)
    store.verified.looked(found)
    return conclude(found)


def look(request: Request, store: Store) -> Look:
    """Ask the target for every image of the last good runs; return what is missing or changed there.

    Raises NotFoundError as `run` does, RegistryError where the target does not answer.
    """
    target = request.target_registry
    recorded = store.verified.of(target)
    if not recorded:
        raise NotFoundError(
            f"no run of {store.root} has recorded what {target} must have",
            "name the target as the runs did; after an update of this program, mirror to it once",
        )
    images = newest(recorded)
    names = {image.place: record.mirror_name for record in recorded for image in record.images}
    some = {name for name in set(names.values()) if is_sparse(store, target, name)}
    sparse = {place for place, name in names.items() if name in some}
    answers = ask(request.options.destination, target, images)
    missing = {place: answer.wrong for place, answer in answers.items() if answer.wrong}
    present = {place: image for place, image in images.items() if place not in missing}
    chosen = _chosen(present, request.values[VERIFY_LAYERS] or VerifyLayers.SAMPLE)
    missing |= ask_for_parts(request.options.destination, target, chosen, sparse=sparse)
    now = timestamp(datetime.now(UTC))
    return Look(
        target=target,
        finished=now,
        images=len(images),
        with_layers=len(chosen),
        missing=dict(sorted(missing.items())),
    )


def ask(access: Access, target: str, images: Mapping[str, VerifiedImage]) -> dict[str, Answer]:
    """Ask for the manifests of images, by place: what is there now, against what is recorded."""
    wanted = {
        place: Reference.parse(f"{target}/{place.partition('@')[0]}@{image.digest}")
        for place, image in images.items()
    }
    answers = verify.ask(access, wanted.values())
    return {place: answers[image.place] for place, image in wanted.items()}


def conclude(found: Look, *, tried: bool = False) -> Done:
    """Return what there is to say of a look; raises LostError where something is missing.

    `tried`: it was to be mirrored again.
    """
    layers = f", with all layers of {found.with_layers}" if found.with_layers else ""
    again = f"; mirrored again: {len(found.repaired)}" if found.repaired else ""
    if not found.missing:
        return Done(
            summary=f"{found.target} has all {found.images} images{layers}{again}",
            unchanged=not found.repaired,
        )
    lines = [f"{place} ({what})" for place, what in found.missing.items()]
    tell(found, "still lost" if tried else "lost")
    shown = f"{units.few(lines, _NAMED)}{again}"
    raise LostError(
        f"{found.target} lacks {len(lines)} of {found.images} images that it had: {shown}",
        _hint(found, tried=tried),
        cause=reasons.NOT_KEPT.name,
        failed=dict.fromkeys(found.missing, reasons.NOT_KEPT.name),
    )


def tell(found: Look, word: str = "lost") -> None:
    """Log what is missing, the first of it."""
    lines = [f"{place} ({what})" for place, what in found.missing.items()]
    for line in lines[:_SHOWN]:
        log.error("%s: %s", word, line)
    if len(lines) > _SHOWN:
        log.error("%s: %d more", word, len(lines) - _SHOWN)


def _hint(found: Look, *, tried: bool) -> str:
    damaged = [what.startswith(DAMAGED) for what in found.missing.values()]
    if all(damaged):
        return _DAMAGED
    hint = f"{_AFTER_REPAIR if tried else _BEFORE_REPAIR}. See in the registry's log who deleted them"
    return f"{hint}. Of what is damaged: {_DAMAGED}" if any(damaged) else hint


def is_sparse(store: Store, target: str, mirror_name: str) -> bool:
    """Return whether the ImageSet of a mirror name asks for some platforms of its images only."""
    published = store.published.of(target)
    mirror = published.mirrors().get(mirror_name) if published else None
    if mirror and mirror.imageset:
        with suppress(ValueError, LookupError):
            return bool(Platforms.of(ImageSet.recorded(mirror.imageset.encode(), mirror_name).mirror))
    return False


def _chosen(images: dict[str, VerifiedImage], layers: VerifyLayers) -> dict[str, VerifiedImage]:
    if layers is VerifyLayers.NONE:
        return {}
    if layers is VerifyLayers.ALL:
        return images
    return {place: images[place] for place in random.sample(sorted(images), min(SAMPLE, len(images)))}


def ask_for_parts(
    access: Access, target: str, images: Mapping[str, VerifiedImage], *, sparse: Collection[str] = ()
) -> dict[str, str]:
    """Ask for the layers of images, several repositories at a time; return what is wrong, by place.

    Of the images at the places `sparse` some platforms may be left out.
    """
    repositories: dict[str, dict[str, str]] = {}
    for place, image in images.items():
        repositories.setdefault(Reference.parse_relative(place).repository, {})[place] = image.digest

    def ask_in(repository: str) -> dict[str, str]:
        found, known = {}, set[str]()
        with access.open(f"{target}/{repository}") as opened:
            for place, digest in repositories[repository].items():
                try:
                    lost = blobs.lacking(opened, digest, sparse=place in sparse, known=known)
                except UnreadableError as error:
                    log.info("%s: its layers are not asked for: %s", place, error.reason)
                    continue
                if lost:
                    found[place] = lost
        return found

    with ThreadPoolExecutor(verify.AT_ONCE) as pool:
        return {place: what for found in pool.map(ask_in, repositories) for place, what in found.items()}
