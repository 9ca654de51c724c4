"""What a run leaves for the clusters of its target: what makes them use the mirror, and AutoShift's block.

Each ImageSet has its own, by its mirror name; a cluster applies the union of them, and of those of the other
sites that mirror to the same target. A run replaces those of its own mirror name, and nothing else.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from steps.errors import InvalidInputError, StepError
from steps.imageset.imageset import ImageSet
from steps.mirroring.checks import acceptance
from steps.mirroring.publish import autoshift, policies, resources
from steps.mirroring.publish.adoption import owner
from steps.mirroring.publish.permitted import Permitted, sources_of
from steps.mirroring.publish.shared_places import clashes
from steps.mirroring.publish.union import differences, union
from steps.mirroring.store.accepted import compact
from steps.mirroring.store.inventory import images_of
from steps.mirroring.store.published import UNNAMED, Mirror
from steps.parameters.table.target import RESOURCE_PREFIX

if TYPE_CHECKING:
    from collections.abc import Container, Mapping
    from datetime import datetime
    from pathlib import Path

    from steps.mirroring.ocmirror.output import Reading
    from steps.mirroring.session import Session
    from steps.mirroring.store import Store
    from steps.mirroring.store.published import Files, PublishedTarget

log = logging.getLogger(__name__)

_SHOWN = 40
_SIGNATURES = resources.FILES["ConfigMap"]


def made_by(working_dir: Path) -> dict[str, bytes]:
    """Return the resources that a run of oc-mirror made, by file name; its next start wipes them."""
    return {path.name: path.read_bytes() for path in (working_dir / "cluster-resources").glob("*.*")}


def publish(
    session: Session, made: Mapping[str, bytes], reading: Reading, *, mirror_name: str, imageset: ImageSet
) -> dict[str, dict[str, str]]:
    """Publish the resources of a run that pushed everything, and AutoShift's block, for the session's target.

    Of what the run `made` only what leads to the target counts, for images that oc-mirror named in `reading`.
    It takes the place of what was published of the same mirror name, and before there were mirror names. To
    be called once all images are verified. Returns which clusters accept which release (`accepted.compact`).
    Raises MirrorError for a file that is not a list of resources, or that leads clusters elsewhere,
    UntrustedError, before anything is published, for releases that clusters would refuse, with
    verify-signatures=strict.
    """
    target = session.request.target_registry
    before = session.store.published.of(target)
    mirrors = before.mirrors() if before else {}
    warn_of_clashes(mirror_name, imageset, imagesets(mirrors))
    signatures = "".join(
        mirrors[name].files.get(_SIGNATURES, "") for name in {mirror_name, UNNAMED} if name in mirrors
    )
    permitted = Permitted(
        target=target,
        sources=sources_of(reading.copied) if reading.names_all else None,
        templates=any(catalog.target_catalog_source_template for catalog in imageset.mirror.operators),
    )
    files = resources.canonical(
        made,
        permitted.of,
        prefix=session.request.values[RESOURCE_PREFIX] or "",
        earlier={_SIGNATURES: signatures},
    )
    mirrors.pop(UNNAMED, None)
    mirrors[mirror_name] = Mirror(files=files, imageset=imageset.text)
    together, _conflicts = union({name: mirror.files for name, mirror in mirrors.items()})
    copied = images_of(reading, target=target, imageset=imageset, nesting=session.request.nesting)
    judgement = acceptance.check(session, copied, resources.load(together), imageset.mirror.operators)
    session.store.accepted.record(target, mirror_name, judgement)
    acceptance.insist(session.request, judgement)
    _publish(session.store, target, mirrors)
    policies.publish(session.store, session.request)
    return compact(judgement.releases)


def warn_of_clashes(mirror_name: str, imageset: ImageSet, others: Mapping[str, ImageSet]) -> None:
    """Warn of what this ImageSet takes away from those of other mirror names, or they from it."""
    named = {name: other for name, other in others.items() if name not in {mirror_name, UNNAMED}}
    for clash in clashes(mirror_name, imageset, named):
        log.warning("%s", clash)


def imagesets(mirrors: Mapping[str, Mirror]) -> dict[str, ImageSet]:
    """Return the ImageSets that can be read, by mirror name."""
    found = {}
    for name, mirror in mirrors.items():
        with suppress(InvalidInputError):
            found[name] = ImageSet.recorded(mirror.imageset.encode(), name)
    return found


def retire(store: Store, target: str, names: Container[str]) -> None:
    """Publish for `target` without the resources of these mirror names."""
    published = store.published.of(target)
    if published is None:
        return
    mirrors = published.mirrors()
    left = {name: mirror for name, mirror in mirrors.items() if name not in names}
    if left != mirrors:
        _publish(store, target, left)


def bring_up_to_date(store: Store, now: datetime) -> None:
    """Take over what an earlier version published, and take out what somebody removed from `mirrors/`.

    To be called with the lock held. Whatever belongs to no certain target goes to quarantine.
    """
    if nameless := store.published.nameless():
        folder = store.set_aside(nameless, "targets", now)
        log.warning("%s: nothing says for which target it is: moved to %s", _names(nameless), folder)
    for published in store.published.all():
        mirrors = published.mirrors()
        if set(mirrors) != set(published.record.mirrors):
            _publish(store, published.target, mirrors)
    if not store.published.all() and store.published.copy.is_dir():
        _adopt(store, now)


def _adopt(store: Store, now: datetime) -> None:
    """Adopt what an earlier version published at DATA/cluster-resources, whose target no record says."""
    folder, block = store.published.copy, store.published.autoshift_copy
    files = {path.name: path.read_text() for path in sorted(folder.glob("*.yaml"))}
    known = {*store.inventory.targets(), *store.imports.targets()}
    block_target = autoshift.target_of(block.read_text()) if block.is_file() else ""
    target = owner(files, block_target=block_target, known=known)
    if not target:
        paths = [path for path in (folder, block) if path.exists()]
        quarantine = store.set_aside(paths, folder.name, now)
        log.warning(
            "%s: it is not certain for which target they are, so they are moved to %s, and nothing of them is"
            " used; the next run to a target publishes its own",
            _names(paths),
            quarantine,
        )
        return
    store.published.replace(
        target,
        mirrors={UNNAMED: Mirror(files=files)},
        files=files,
        autoshift_values=autoshift.render(resources.load(files), target),
    )
    log.info("%s, which an earlier version published, is that of %s", folder, target)


def _publish(store: Store, target: str, mirrors: Mapping[str, Mirror]) -> None:
    """Publish the union of `mirrors`; what differs from what is published is logged before it is written."""
    before = store.published.of(target)
    files, conflicts = together(store, target, mirrors)
    for conflict in conflicts:
        log.warning(
            "%s: %s; give one of the two ImageSets another targetCatalog or targetTag", target, conflict
        )
    lines = differences(before.files() if before else {}, files)
    for line in lines[:_SHOWN]:
        log.info("for the clusters of %s %s", target, line)
    if len(lines) > _SHOWN:
        log.info("for the clusters of %s and %d more changes", target, len(lines) - _SHOWN)
    published = store.published.replace(
        target,
        mirrors=mirrors,
        files=files,
        autoshift_values=autoshift.render(resources.load(files), target),
    )
    log.info(
        "resources for the clusters of %s are in %s, for the mirrors: %s",
        target,
        published.resources,
        ", ".join(name or "(without a name)" for name in sorted(mirrors)) or "none",
    )


def together(store: Store, target: str, mirrors: Mapping[str, Mirror]) -> tuple[Files, list[str]]:
    """Return the union of `mirrors`, and of what others that share the cache publish for this target.

    These are the other sites of the data directory. Besides, a sentence for each conflict.
    """
    own = {name: mirror.files for name, mirror in mirrors.items()}
    others: dict[str, Files] = {}
    for other in store.neighbours()[0]:
        try:
            published = other.published.of(target)
            found = {f"{other.root.name}/{name}": one.files for name, one in _mirrors(published).items()}
            union(found)
        except (OSError, UnicodeDecodeError, StepError) as error:
            what = f"what {other.root.name} publishes for {target} is left out"
            log.warning("%s, until a run of its own writes it anew: %s", what, error)
        else:
            others |= found
    if others:  # the same names whichever of them asks: in a conflict the first one counts
        own = {f"{store.root.name}/{name}": files for name, files in own.items()}
    return union({**own, **others})


def _mirrors(published: PublishedTarget | None) -> dict[str, Mirror]:
    return published.mirrors() if published else {}


def _names(paths: list[Path]) -> str:
    return ", ".join(map(str, paths))
