"""workflow-delete-generate and workflow-delete-execute: a plan for a person to read, and its execution.

The registry is asked by its own protocol, not by `oc-mirror delete`: that deletes by tag, so it deletes
whatever the tag means by now, and every other tag of the same manifest with it (docs/decisions).
"""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from steps.errors import ApprovalError, ConflictError, NotFoundError, RegistryError
from steps.files import rename, write_atomically
from steps.mirroring import parallel, publish
from steps.mirroring.checks.preflight import read_imageset
from steps.mirroring.store import neighbours
from steps.mirroring.store.runs import Done, timestamp
from steps.mirroring.workflows import deletion_plan, inspection, v1_tags
from steps.mirroring.workflows.deletion_plan import PLAN, DeletionPlan
from steps.oci.reference import Reference
from steps.parameters.table.upkeep import DELETE_V1_IMAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from steps.mirroring.request import Request
    from steps.mirroring.store import Store
    from steps.mirroring.store.inventory import InventoryEntry, InventoryImage
    from steps.mirroring.workflows.deletion_plan import Candidate, Deletion

log = logging.getLogger(__name__)

COLLECT = (
    "the space comes back when the registry's garbage collection has run (docker-registry:"
    " `registry garbage-collect CONFIG` with no pushes meanwhile, never with --delete-untagged, which breaks"
    " images of several platforms; Quay does it by itself)"
)
_SHOWN = 10


def generate(request: Request, store: Store) -> Done:
    """Write the plan of what `request.target_registry` holds and no ImageSet of the request needs.

    Nothing is deleted. Raises NotFoundError where no run into this target is on record, ConflictError for an
    ImageSet that was never mirrored to it and for a data directory out of reach that shares the cache,
    RegistryError if it does not answer.
    """
    entries = _entries(store, request.target_registry)
    imagesets = meanings(request)
    needed = _needed(entries, imagesets, request.target_registry)
    needed += _needed_elsewhere(store, request.target_registry)
    now = datetime.now(UTC)
    candidates = deletion_plan.candidates(entries, needed, older_than=request.older_than, now=now)
    if request.values[DELETE_V1_IMAGES]:
        candidates = v1_tags.added(candidates)
    _log_other_imagesets(entries, {*imagesets, entries[-1].imageset})
    retired = deletion_plan.retired_mirrors(
        entries, {*imagesets, entries[-1].imageset}, older_than=request.older_than, now=now
    )
    decisions = _inspect(request, candidates, needed)
    found = [candidate for candidate in candidates if _is_there(candidate, decisions)]
    ordered = [decision for _repository, decision in sorted(decisions.items())]
    deletions = tuple(deletion for decision in ordered for deletion in decision.deletions)
    kept = tuple(shared for decision in ordered for shared in decision.shared)
    plan = DeletionPlan(
        target=request.target_registry,
        made=timestamp(now),
        older_than="" if request.older_than is None else f"{request.older_than / timedelta(days=1):g}d",
        imagesets=tuple(sorted(imagesets)),
        inventory=_identity(entries),
        counts=deletion_plan.counted(found, deletions, kept),
        images=tuple(found),
        manifests=deletions,
        kept=kept,
        retired_mirrors=retired,
    )
    content = plan.as_json(indent=1)
    path = store.deletion / PLAN
    write_atomically(path, content)
    log.info("to delete: %s", plan.summary)
    _show([f"{candidate.origin}, last needed {candidate.last_needed}" for candidate in found])
    for shared in kept[:_SHOWN]:
        log.info("stays: %s@%s: %s", shared.repository, shared.digest, shared.because)
    if retired:
        log.info("cluster resources that go with them: those of the mirrors %s", ", ".join(retired))
    if not deletions:
        return Done(summary=f"{plan.target} holds nothing that could go; {path} says so", unchanged=True)
    return Done(
        summary=f"nothing was deleted; the plan is {path}; to carry it out: workflow-delete-execute with"
        f" approved-plan-sha256 {deletion_plan.sha256(content.encode())}",
        images={name: count for name, count in plan.counts.items() if count},
    )


def execute(request: Request, store: Store) -> Done:
    """Carry out the plan whose hash was approved; may be killed anywhere and called again.

    Raises ApprovalError for another plan, another target, an ImageSet that changed, a run since, or a
    manifest that something needs by now, all before anything is deleted; RegistryError if some could not be
    deleted.
    """
    approved, target, folder = request.approved_plan_sha256, request.target_registry, store.deletion
    report = folder / f"report-{approved[:12]}.json"
    if report.exists() and not (folder / PLAN).exists():
        return Done(summary=f"that plan was carried out before: {report}", unchanged=True)
    plan = deletion_plan.load(folder / PLAN, approved)
    entries = _entries(store, target)
    imagesets = meanings(request)
    _check_current(plan, target, imagesets, entries)
    needed = _needed(entries, imagesets, target) + _needed_elsewhere(store, target)
    decisions = _inspect(request, plan.images, needed)
    _check_still_unneeded(plan, decisions)
    log.info("to delete: %s", plan.summary)
    if request.dry_run:
        _show(
            [
                f"{deletion.repository}@{deletion.digest} {' '.join(deletion.tags)}"
                for deletion in plan.manifests
            ],
            len(plan.manifests),
        )
        return Done(summary=f"dry run: {plan.summary} would be deleted; nothing was")
    publish.retire(
        store, target, plan.retired_mirrors
    )  # before its images go: no cluster looks for them then
    deleted, gone = _delete(request, plan.manifests)
    _forget(store, target, plan)
    result = {
        "plan": approved,
        "target": target,
        "finished": timestamp(datetime.now(UTC)),
        "deleted": deleted,
        "gone before": gone,
        "counts": dict(plan.counts),
    }
    write_atomically(report, json.dumps(result, indent=1) + "\n")
    rename(folder / PLAN, folder / f"executed-{approved[:12]}.json")
    log.info("%s", COLLECT)
    before = f" ({gone} were gone before)" if gone else ""
    return Done(
        summary=f"deleted {deleted} manifests from {target}{before}; the report is {report}",
        images={"manifests": deleted},
    )


def _forget(store: Store, target: str, plan: DeletionPlan) -> None:
    """Take what was deleted out of what the target must have."""
    by_digest = {(one.repository, one.digest) for one in plan.manifests}
    store.verified.retire(target, plan.retired_mirrors)
    store.verified.forget(
        target,
        lambda image: (Reference.parse_relative(image.place).repository, image.digest) in by_digest,
    )


def meanings(request: Request) -> dict[str, str]:
    """Return the paths of the ImageSets of a request, by meaning. Raises what `read_imageset` raises."""
    paths = [path for path in (request.imageset, *request.also_imagesets) if path is not None]
    return {imageset.meaning: imageset.name for imageset in map(read_imageset, paths)}


def _entries(store: Store, target: str) -> list[InventoryEntry]:
    """Return the runs into `target`, oldest first. Raises NotFoundError where there is none."""
    entries = store.inventory.of(target)
    if not entries:
        raise NotFoundError(
            f"no run of this data directory has mirrored to {target}",
            "name the target as the runs did; only what they recorded is ever deleted",
        )
    return entries


def _identity(entries: Iterable[InventoryEntry]) -> str:
    """Return a hash of these records: another run changes it."""
    return hashlib.sha256(" ".join(entry.identity for entry in entries).encode()).hexdigest()


def _needed(
    entries: Sequence[InventoryEntry], imagesets: Mapping[str, str], target: str
) -> list[InventoryImage]:
    """Return what `imagesets` need of `target`, and the one that was mirrored last, whichever that is.

    It is what the newest run by each has brought. Raises ConflictError for an ImageSet that was never
    mirrored there as it is now, and for a run with an incomplete record.
    """
    newest = {entry.imageset: entry for entry in entries}
    for meaning, path in imagesets.items():
        if meaning not in newest:
            raise ConflictError(
                f"{path} was not mirrored to {target} as it is now: what it needs there is not known",
                "mirror with it first, then make a plan; or give the ImageSet that was mirrored",
            )
    return _images_of((newest[meaning] for meaning in {*imagesets, entries[-1].imageset}), target)


def _needed_elsewhere(store: Store, target: str) -> list[InventoryImage]:
    """Return what the data directories that share the cache need of `target`, such as those of other sites.

    It is what the newest run by each of their mirror names has brought. Raises ConflictError where one of
    them is out of reach, and for a run with an incomplete record.
    """
    known, unknown = store.neighbours()
    if unknown:
        raise ConflictError(
            f"what {', '.join(map(str, unknown))} needs of {target} is not known: it shares the cache, and is"
            " not there or empty",
            f"is its volume mounted? If it is gone for good, remove its folder, and its line from"
            f" {neighbours.record(store.cache.folder)}; nothing was deleted",
        )
    newest = [{one.mirror_name: one for one in other.inventory.of(target)} for other in known]
    return _images_of((entry for by_name in newest for entry in by_name.values()), target)


def _images_of(entries: Iterable[InventoryEntry], target: str) -> list[InventoryImage]:
    found: list[InventoryImage] = []
    for entry in entries:
        if not entry.complete:
            raise ConflictError(
                f"the run of {entry.finished} does not say all that it copied to {target}",
                "this version of oc-mirror does not name its images: mirror once with a newer one",
            )
        found += entry.images
    return found


def _log_other_imagesets(entries: Sequence[InventoryEntry], current: set[str]) -> None:
    last = {entry.imageset: entry.finished for entry in entries if entry.imageset not in current}
    for meaning, finished in last.items():
        log.info("not given, so not needed: the ImageSet %s, last mirrored %s", meaning[:12], finished)


def _check_current(
    plan: DeletionPlan, target: str, imagesets: Mapping[str, str], entries: Iterable[InventoryEntry]
) -> None:
    hint = "make a new plan with workflow-delete-generate, read it and approve its hash; nothing was deleted"
    if plan.target != target:
        raise ApprovalError(f"the plan is for {plan.target}, not for {target}", hint)
    if set(plan.imagesets) != set(imagesets):
        changed = [path for meaning, path in imagesets.items() if meaning not in plan.imagesets]
        what = f"{', '.join(changed)} is not what it was" if changed else "fewer ImageSets are given than"
        raise ApprovalError(f"the plan is outdated: {what} when it was made", hint)
    if plan.inventory != _identity(entries):
        raise ApprovalError(f"the plan is outdated: {target} was mirrored to since it was made", hint)


def _check_still_unneeded(plan: DeletionPlan, decisions: Mapping[str, inspection.Decision]) -> None:
    for deletion in plan.manifests:
        if because := decisions[deletion.repository].stays.get(deletion.digest):
            raise ApprovalError(
                f"the plan would delete {deletion.repository}@{deletion.digest}, but by now {because}",
                "make a new plan with workflow-delete-generate; nothing was deleted",
            )


def _inspect(
    request: Request, candidates: Iterable[Candidate], needed: Iterable[InventoryImage]
) -> dict[str, inspection.Decision]:
    return inspection.inspect(request.options.destination, request.target_registry, candidates, needed)


def _delete(request: Request, deletions: Iterable[Deletion]) -> tuple[int, int]:
    """Delete in order within each repository, several repositories at once.

    Returns how many manifests were deleted, and how many were gone before.
    """
    access, target = request.options.destination, request.target_registry
    by_repository: dict[str, list[Deletion]] = {}
    for deletion in deletions:
        by_repository.setdefault(deletion.repository, []).append(deletion)

    def clear(repository: str, check: Callable[[], None]) -> tuple[int, int]:
        deleted = gone = 0
        with access.open(f"{target}/{repository}") as opened:
            for deletion in by_repository[repository]:
                check()
                if not opened.delete(deletion.digest):
                    gone += 1
                elif opened.find(deletion.digest) is None:
                    deleted += 1
                    log.info("deleted %s@%s %s", repository, deletion.digest, " ".join(deletion.tags))
                else:
                    raise RegistryError(
                        f"{repository}@{deletion.digest} is still there although its deletion was accepted",
                        "look at the registry's settings for immutable tags or retention, then run again",
                    )
        return deleted, gone

    results = parallel.each(clear, by_repository).values()
    return sum(deleted for deleted, _gone in results), sum(gone for _deleted, gone in results)


def _is_there(candidate: Candidate, decisions: Mapping[str, inspection.Decision]) -> bool:
    places = map(Reference.parse_relative, candidate.places)
    return any(place.version in decisions[place.repository].found for place in places)


def _show(lines: Sequence[str], limit: int = _SHOWN) -> None:
    for line in lines[:limit]:
        log.info("  %s", line)
    if len(lines) > limit:
        log.info("  and %d more, see the plan", len(lines) - limit)
