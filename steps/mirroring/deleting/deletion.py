"""workflow-delete-generate and workflow-delete-execute: a plan for a person to read, and its execution.

The registry is asked and told by its own protocol, not by `oc-mirror delete`: that deletes by tag, so
whatever the tag has come to mean, and every other tag of the same manifest with it (docs/decisions).
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from steps.errors import ConflictError, RegistryError
from steps.files import write_atomically
from steps.mirroring import parallel
from steps.mirroring.data.status import Done, timestamp
from steps.mirroring.deleting import needs, removal, survey
from steps.mirroring.deleting.removal import PLAN, Plan
from steps.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from steps.mirroring.data.inventory import Entry, Image
    from steps.mirroring.data.layout import Layout
    from steps.mirroring.deleting.removal import Doomed, Victim
    from steps.mirroring.request import Request

log = logging.getLogger(__name__)

COLLECT = (
    "the space comes back when the registry's garbage collection has run (docker-registry:"
    " `registry garbage-collect CONFIG` with no pushes meanwhile, never with --delete-untagged, which breaks"
    " images of several platforms; Quay does it by itself)"
)
_SHOWN = 10


def generate(layout: Layout, request: Request) -> Done:
    """Write the plan of what `request.target_registry` holds and no ImageSet of the request needs.

    Nothing is deleted. Raises NotFoundError where no run into this target is on record, ConflictError for an
    ImageSet that was never mirrored to it, RegistryError if it does not answer.
    """
    entries = needs.records(layout, request.target_registry)
    meanings = needs.meanings(request)
    needed = needs.needed(entries, meanings, request.target_registry)
    now = datetime.now(UTC)
    doomed = removal.doomed(entries, needed, older_than=request.older_than, now=now)
    _say_whose(entries, {*meanings, entries[-1].imageset})
    verdicts = _look(request, doomed, needed)
    found = [one for one in doomed if _is_there(one, verdicts)]
    victims = tuple(victim for _name, one in sorted(verdicts.items()) for victim in one.victims)
    kept = tuple(shared for _name, one in sorted(verdicts.items()) for shared in one.shared)
    plan = Plan(
        target=request.target_registry,
        made=timestamp(now),
        older_than="" if request.older_than is None else f"{request.older_than / timedelta(days=1):g}d",
        imagesets=tuple(sorted(meanings)),
        inventory=needs.identity(entries),
        counts=removal.counted(found, victims, kept),
        images=tuple(found),
        manifests=victims,
        kept=kept,
    )
    content = plan.as_json()
    path = layout.removal / PLAN
    write_atomically(path, content)
    log.info("to delete: %s", plan.summary)
    _show([f"{one.origin}, last needed {one.last_needed}" for one in found])
    for shared in kept[:_SHOWN]:
        log.info("stays: %s@%s: %s", shared.repository, shared.digest, shared.because)
    if not victims:
        return Done(summary=f"{plan.target} holds nothing that could go; {path} says so", unchanged=True)
    return Done(
        summary=f"nothing was deleted; the plan is {path}; to carry it out: workflow-delete-execute with"
        f" approved-plan-sha256 {removal.sha256(content.encode())}",
        images={name: count for name, count in plan.counts.items() if count},
    )


def execute(layout: Layout, request: Request) -> Done:
    """Carry out the plan whose hash was approved; may be killed anywhere and called again.

    Raises ConflictError for another plan or target, for an ImageSet that changed, a run since, or a manifest
    that something needs by now, all before anything is deleted; RegistryError if some could not be deleted.
    """
    approved, target = request.approved_plan_sha256, request.target_registry
    report = layout.removal / f"report-{approved[:12]}.json"
    if report.exists() and not (layout.removal / PLAN).exists():
        return Done(summary=f"that plan was carried out before: {report}", unchanged=True)
    plan = removal.load(layout, approved)
    entries = needs.records(layout, request.target_registry)
    meanings = needs.meanings(request)
    _check_current(plan, target, meanings, entries)
    needed = needs.needed(entries, meanings, target)
    verdicts = _look(request, plan.images, needed)
    for victim in plan.manifests:
        if because := verdicts[victim.repository].stays.get(victim.digest):
            raise ConflictError(
                f"the plan would delete {victim.repository}@{victim.digest}, but by now {because}",
                "make a new plan with workflow-delete-generate; nothing was deleted",
            )
    log.info("to delete: %s", plan.summary)
    if request.dry_run:
        _show(
            [f"{one.repository}@{one.digest} {' '.join(one.tags)}" for one in plan.manifests],
            len(plan.manifests),
        )
        return Done(summary=f"dry run: {plan.summary} would be deleted; nothing was")
    deleted, gone = _delete(request, plan.manifests)
    result = {
        "plan": approved,
        "target": target,
        "finished": timestamp(datetime.now(UTC)),
        "deleted": deleted,
        "gone before": gone,
        "counts": dict(plan.counts),
    }
    write_atomically(report, json.dumps(result, indent=1) + "\n")
    (layout.removal / PLAN).rename(layout.removal / f"executed-{approved[:12]}.json")
    log.info("%s", COLLECT)
    before = f" ({gone} were gone before)" if gone else ""
    return Done(
        summary=f"deleted {deleted} manifests from {target}{before}; the report is {report}",
        images={"manifests": deleted},
    )


def _say_whose(entries: Sequence[Entry], current: set[str]) -> None:
    last = {entry.imageset: entry.finished for entry in entries if entry.imageset not in current}
    for meaning, finished in last.items():
        log.info("not given, so not needed: the ImageSet %s, last mirrored %s", meaning[:12], finished)


def _check_current(plan: Plan, target: str, meanings: dict[str, str], entries: Sequence[Entry]) -> None:
    hint = "make a new plan with workflow-delete-generate, read it and approve its hash; nothing was deleted"
    if plan.target != target:
        raise ConflictError(f"the plan is for {plan.target}, not for {target}", hint)
    if set(plan.imagesets) != set(meanings):
        changed = [path for meaning, path in meanings.items() if meaning not in plan.imagesets]
        what = f"{', '.join(changed)} is not what it was" if changed else "fewer ImageSets are given than"
        raise ConflictError(f"the plan is outdated: {what} when it was made", hint)
    if plan.inventory != needs.identity(entries):
        raise ConflictError(f"the plan is outdated: {target} was mirrored to since it was made", hint)


def _look(request: Request, doomed: Sequence[Doomed], needed: Sequence[Image]) -> dict[str, survey.Verdict]:
    return survey.look(request.options.destination, request.target_registry, doomed, needed)


def _delete(request: Request, victims: Sequence[Victim]) -> tuple[int, int]:
    """Delete in order within each repository, several repositories at once; how many, and how many were
    gone.
    """
    access, target = request.options.destination, request.target_registry
    by_repository: dict[str, list[Victim]] = {}
    for victim in victims:
        by_repository.setdefault(victim.repository, []).append(victim)

    def clear(repository: str, check: Callable[[], None]) -> tuple[int, int]:
        deleted = gone = 0
        with access.open(f"{target}/{repository}") as opened:
            for victim in by_repository[repository]:
                check()
                if not opened.delete(victim.digest):
                    gone += 1
                elif opened.find(victim.digest) is None:
                    deleted += 1
                    log.info("deleted %s@%s %s", repository, victim.digest, " ".join(victim.tags))
                else:
                    raise RegistryError(
                        f"{repository}@{victim.digest} is still there although its deletion was accepted",
                        "look at the registry's settings for immutable tags or retention, then run again",
                    )
        return deleted, gone

    results = parallel.each(clear, by_repository).values()
    return sum(deleted for deleted, _gone in results), sum(gone for _deleted, gone in results)


def _is_there(image: Doomed, verdicts: Mapping[str, survey.Verdict]) -> bool:
    places = map(Reference.parse_relative, image.places)
    return any(place.version in verdicts[place.repository].met for place in places)


def _show(lines: Sequence[str], limit: int = _SHOWN) -> None:
    for line in lines[:limit]:
        log.info("  %s", line)
    if len(lines) > limit:
        log.info("  and %d more, see the plan", len(lines) - limit)
