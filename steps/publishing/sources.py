"""What runs have published for a target: ConfigMaps of a cluster, or a data directory.

Both are written by whoever mirrors. So nothing is taken over as it stands: resources are read again by the
rule that lets them lead clusters to the target alone, and a list of changes is text for people.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from steps.bounded import NotJsonError, json_of
from steps.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError, StartError
from steps.mirroring import notify, publish
from steps.mirroring.publish import apply, resources
from steps.mirroring.request import SITES
from steps.mirroring.store import Store, cache_place, records
from steps.mirroring.store.changes import ChangeList
from steps.mirroring.store.published import AUTOSHIFT_VALUES
from steps.workload.configmaps import texts_of
from steps.workload.job_end import wait_for_job

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from steps.cluster import Cluster
    from steps.mirroring.publish.resources import Resource

log = logging.getLogger("steps.publishing")

_RUN_FIRST: Final = (
    "a run of workflow-direct or workflow-from-disk to that target publishes it; see why the last one did not"
)

_AGAIN: Final = (
    "nothing is proposed, since that would take mirrors from the clusters; a run of workflow-direct or"
    " workflow-from-disk writes it anew"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What is published for `target`: resources, and what the newest run changed, as far as it is known.

    `changes_text` is the list for people where the list itself is too large to be handed on, `fleet` the
    verdicts of fleet-readiness as JSON, without the time when they were made; empty where there are none.
    """

    target: str
    resources: list[Resource]
    changes: ChangeList | None = None
    changes_text: str = ""
    fleet: str = ""


def from_cluster(cluster: Cluster, namespace: str, target: str) -> Published:
    """Read the ConfigMaps that runs write.

    Raises NotFoundError where no run has published anything for the target, InvalidInputError where what was
    published is damaged, ForbiddenError, MirrorError for a resource that leads clusters elsewhere.
    """
    found = notify.resources_of(target, cluster, namespace)
    if not found:
        raise _nothing(namespace, target)
    files = {name: text for name, text in texts_of(found).items() if name != AUTOSHIFT_VALUES}
    changes, text = _changes(cluster, namespace, target)
    return Published(
        target=target,
        resources=_permitted(files, target, f"ConfigMap {namespace}/{found['metadata']['name']}"),
        changes=changes,
        changes_text=text,
        fleet=_fleet(cluster, namespace),
    )


def _permitted(files: Mapping[str, str], target: str, where: str) -> list[Resource]:
    """Return the resources that files hold, by the rule of what may be applied.

    Raises InvalidInputError for a damaged file, and where there are none at all: a request by these would
    take mirrors from the clusters. Raises MirrorError as that rule does.
    """
    for name, text in files.items():
        if not resources.is_whole(text):
            raise InvalidInputError(f"{where}: {name} is empty, cut off, or no list of resources", _AGAIN)
    if found := apply.permitted(files, target):
        return found
    raise InvalidInputError(f"{where} holds no resource for the clusters of {target}", _AGAIN)


def _nothing(namespace: str, target: str) -> NotFoundError:
    return NotFoundError(f"no run has published anything for {target} in namespace {namespace}", _RUN_FIRST)


def _changes(cluster: Cluster, namespace: str, target: str) -> tuple[ChangeList | None, str]:
    """Return the list of the newest run, and its text where the ConfigMap has no list."""
    found = cluster.get("ConfigMap", notify.CHANGES, namespace)
    if not found or notify.target_of(found) != target:
        return None, ""
    texts = texts_of(found)
    try:
        return records.parse(ChangeList, texts["changes.json"]), ""
    except (KeyError, ValueError):
        return None, texts.get("changes.md", "")


def _fleet(cluster: Cluster, namespace: str) -> str:
    """Return the verdicts of fleet-readiness; empty where there are none, or they may not be read."""
    try:
        found = cluster.get("ConfigMap", notify.FLEET, namespace)
    except ForbiddenError as error:
        log.info("The fleet's readiness is not published: %s", error.reason)
        return ""
    return timeless(texts_of(found).get(notify.FLEET_DOCUMENT, "")) if found else ""


def timeless(document: str) -> str:
    """Return the verdicts without the time when they were made: the same ones are the same bytes.

    Empty for what is no JSON object.
    """
    if not document:
        return ""
    try:
        found = json_of(document)
    except NotJsonError as error:
        log.warning("ConfigMap %s is not published: %s", notify.FLEET, error)
        return ""
    if not isinstance(found, dict):
        return ""
    kept = {key: value for key, value in found.items() if key != "made"}
    return json.dumps(kept, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def from_folder(folder: Path, target: str) -> Published:
    """Read a data directory; without a target its only one is taken.

    Raises NotFoundError where nothing is published, InvalidInputError where it is damaged, ConflictError
    where the target must be named.
    """
    store = Store(folder, cache_place.shared(folder))
    known = {published.target: published for published in store.published.all()}
    if not target and len(known) > 1:
        raise ConflictError(
            f"{folder} has what is published for several targets: {', '.join(sorted(known))}",
            "name one as target-registry",
        )
    target = target or next(iter(known), "")
    if target not in known:
        there = f"there are: {', '.join(sorted(known))}" if known else _sites_of(folder) or _RUN_FIRST
        raise NotFoundError(f"nothing is published for {target or 'any target'} in {folder}", there)
    place = known[target].resources
    try:
        files = known[target].files()
        if store.neighbours()[0] and all(map(resources.is_whole, files.values())):
            files = publish.together(store, target, known[target].mirrors())[0]
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{place} cannot be read: {error}", _AGAIN) from error
    return Published(
        target=target,
        resources=_permitted(files, target, str(place)),
        changes=store.changes.newest_kept(target),
    )


def _sites_of(folder: Path) -> str:
    """Return how to name the data directory of a site, where there are some; else nothing."""
    sites = sorted(path.name for path in (folder / SITES).glob("*/"))
    return f"name the data directory of a site: --data={folder / SITES / sites[0]}" if sites else ""


def wait(cluster: Cluster, namespace: str, job: str, timeout: float) -> None:
    """Wait until a Job has ended well.

    Raises StartError where it has failed, is gone, or has not ended in time.
    """
    state = wait_for_job(cluster, job, namespace, timeout=timeout)
    if state == "Complete":
        return
    logs = f"'oc logs -n {namespace} job/{job}' says why"
    if state == "Failed":
        raise StartError(f"nothing is published: Job {namespace}/{job} has failed", logs)
    if not state:
        raise StartError(
            f"nothing is published: there is no Job {namespace}/{job} any more",
            "start oc-mirror-publish-pipeline once a run has ended well",
        )
    raise StartError(
        f"nothing is published yet: Job {namespace}/{job} still runs after {timeout:g} s",
        "start oc-mirror-publish-pipeline once it has ended; publish-timeout, and the run's own timeout, let"
        " this one wait longer",
    )
