"""Translate the parameters and arguments of old runs and workloads into parameters of the new pipelines.

Sources of the old names (revision: see the package): parameters from
oc-mirror/pipeline/{01-pipeline,build-pipeline,deployment-pipeline}.yaml, workflows from
oc-mirror/entrypoint.sh, arguments as the two deploy Tasks wrote them.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from steps.migration.old_objects import OldObject, entries, mapping, text, texts
from steps.mirroring.request import DELETE, DIRECT, FROM_DISK, PLAN_DELETION, TO_DISK
from steps.parameters.cron import normal_schedule
from steps.workload import names

if TYPE_CHECKING:
    from collections.abc import Iterable

BUILD, DEPLOYMENT = "oc-mirror-build-pipeline", "oc-mirror-deployment-pipeline"
OLD_PIPELINE = "oc-mirror-build-deploy"

WORKFLOWS = {
    "mirror-to-disk": TO_DISK,
    "workflow-to-disk": TO_DISK,
    "disk-to-mirror": FROM_DISK,
    "workflow-from-disk": FROM_DISK,
    "mirror-to-mirror": DIRECT,
    "workflow-to-mirror": DIRECT,
    "workflow-direct": DIRECT,
    "delete-generate": PLAN_DELETION,
    "workflow-delete-generate": PLAN_DELETION,
    "workflow-cleanup": PLAN_DELETION,  # the old one made a plan; the new one of that name trims the volume
    "delete-execute": DELETE,
}
SAME = (
    "values-git-url",
    "values-git-revision",
    "values-file-path",
    "image-configmap",
    "imageset-configmap",
    "incremental-mode",
    "since-date",
    "openshift-version",
    "operators-only",
    "target-registry",
    "dry-run",
    "namespace",
)
"""Parameters whose name and meaning did not change."""

_PLACEHOLDER = "$("  # begins a value that only Tekton or Triggers would have filled in


@dataclass(frozen=True, slots=True)
class Translation:
    """Parameters of a new pipeline that do what the old objects `origins` did.

    `notes` say what has no counterpart.
    """

    origins: tuple[str, ...]
    pipeline: str
    params: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()


def from_run(old: OldObject) -> list[Translation]:
    """Translate a PipelineRun, or the runs in a TriggerTemplate; nothing for runs of other pipelines."""
    if old.kind == "TriggerTemplate":
        runs = entries(old.body, "spec", "resourcetemplates")
        return [translation for run in runs for translation in _run(run, str(old))]
    return _run(old.body, str(old))


def _run(body: dict[str, Any], origin: str) -> list[Translation]:
    pipeline = text(body, "spec", "pipelineRef", "name")
    given = {
        text(param, "name"): text(param, "value")
        for param in entries(body, "spec", "params")
        if _PLACEHOLDER not in text(param, "value")
    }
    notes = _run_notes(body)
    deployment = Translation((origin,), DEPLOYMENT, *_deployment(given, notes))
    build = Translation((origin,), BUILD, *_build(given))
    if pipeline == OLD_PIPELINE:
        both = [build, deployment]
    elif pipeline.startswith("oc-mirror-"):
        both = [build] if "build" in pipeline else [deployment]
    else:
        both = []
    return [translation for translation in both if translation.params]


def _run_notes(body: dict[str, Any]) -> list[str]:
    notes = []
    if text(body, "spec", "serviceAccountName"):
        notes.append("spec.serviceAccountName is now spec.taskRunTemplate.serviceAccountName")
    for workspace in entries(body, "spec", "workspaces"):
        claim = text(workspace, "persistentVolumeClaim", "claimName")
        if text(workspace, "name") == "mirror-data" and claim not in {"", names.CLAIM}:
            notes.append(f"bind {claim} to mirror-data again: the workload's claim takes its name")
    return notes


def _deployment(
    given: dict[str, str], notes: list[str]
) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    params: dict[str, str] = {name: given[name] for name in SAME if given.get(name)}
    for old, new in (("git-url", "values-git-url"), ("git-revision", "values-git-revision")):
        if given.get(old):
            params.setdefault(new, given[old])
    if file := given.get("values-file"):
        # The old Task looked below autoshift/ only.
        params.setdefault("values-file-path", f"autoshift/{file.removeprefix('autoshift/')}")
    if imageset := given.get("imageset-config"):
        notes.append(f"imageset-config {imageset}: put it into a ConfigMap, named by imageset-configmap")
    params |= _how(given.get("deploy-mode", ""), given.get("schedule", ""), notes)
    params |= _workflow(given.get("workflow", ""), notes)
    return _ordered(params), tuple(notes)


def _build(given: dict[str, str]) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    params = {name: given[name] for name in ("git-url", "git-revision") if given.get(name)}
    if given.get("image"):
        params["image-url"] = given["image"]
    elif given.get("image-registry"):
        name, tag = given.get("image-name") or "oc-mirror-autoshift", given.get("image-tag") or "latest"
        params["image-url"] = f"{given['image-registry']}/{name}:{tag}"
    notes = ("git-url: the Containerfile is now in the repository of oc-mirror-pipeline, not in AutoShift's",)
    return _ordered(params), notes


def from_workload(old: OldObject, others: Iterable[OldObject]) -> Translation:
    """Translate a Job, CronJob or Deployment.

    Of the old objects `others`, its claims give size and class of the storage, and its ConfigMaps the path of
    the values file.
    """
    spec = mapping(old.body, "spec", "jobTemplate", "spec") or mapping(old.body, "spec")
    pod = mapping(spec, "template", "spec")
    container = (entries(pod, "containers") or [{}])[0]
    notes: list[str] = []
    params = _how(old.kind.lower(), text(old.body, "spec", "schedule"), notes)
    if zone := text(old.body, "spec", "timeZone"):
        params["time-zone"] = zone
    params |= _arguments(texts(container, "args"), notes)
    if memory := text(container, "resources", "limits", "memory"):
        params["memory"] = memory
    if old.namespace not in {"", names.WORKLOAD_NAMESPACE}:
        params["namespace"] = old.namespace
    neighbours = [other for other in others if other.namespace == old.namespace]
    params |= _storage(pod, [other for other in neighbours if other.kind == "PersistentVolumeClaim"], notes)
    mounted = {text(volume, "configMap", "name") for volume in entries(pod, "volumes")}
    for other in neighbours:
        path = text(other.body, "metadata", "annotations", "autoshift.io/values-file")
        if other.kind == "ConfigMap" and other.name in mounted and path:
            params["values-file-path"] = path
    return Translation((str(old),), DEPLOYMENT, _ordered(params), tuple(notes))


def _how(mode: str, schedule: str, notes: list[str]) -> dict[str, str]:
    """Translate the mode and its schedule; a Job has none."""
    if mode not in {"cronjob", "deployment"}:
        return {"deploy-mode": mode} if mode == "job" else {}
    if mode == "deployment" and not schedule:
        notes.append("deploy-mode deployment needs a schedule now: it mirrors by itself instead of waiting")
        return {"deploy-mode": mode}
    try:
        return {"deploy-mode": mode, "schedule": normal_schedule(schedule)}
    except ValueError as error:
        notes.append(f"schedule {error}")
        return {"deploy-mode": mode}


def _workflow(word: str, notes: list[str]) -> dict[str, str]:
    if word in WORKFLOWS:
        return {"workflow": WORKFLOWS[word].value}
    if word:
        notes.append(f"workflow {word} has no counterpart among those of {DEPLOYMENT}")
    return {}


def _arguments(words: list[str], notes: list[str]) -> dict[str, str]:
    """Translate the arguments of an old container: its entrypoint script's, or oc-mirror's own."""
    params: dict[str, str] = {}
    if words and words[0] in WORKFLOWS:
        params["workflow"] = WORKFLOWS[words[0]].value
    elif words and words[0] == "oc-mirror":
        notes.append(
            "its arguments name no destination, so oc-mirror refused them: choose a workflow yourself"
            if not any("://" in word for word in words)
            else "its arguments are oc-mirror's own: choose the workflow that matches"
        )
    else:
        notes.append("its arguments name no workflow: it mirrored nothing by itself")
    values = dict(itertools.pairwise(words))
    if "--incremental" in words or "--since" in words:
        params["incremental-mode"] = "true"
    if day := values.get("--since"):
        params["since-date"] = day
    if registry := values.get("-r") or values.get("--registry"):
        params["target-registry"] = registry.removeprefix("docker://")
    if "--dry-run" in words:
        params["dry-run"] = "true"
    return params


def _storage(pod: dict[str, Any], claims: list[OldObject], notes: list[str]) -> dict[str, str]:
    """Translate the claims of a pod into one: the sum of their sizes, and their class if they have one."""
    used = {text(volume, "persistentVolumeClaim", "claimName") for volume in entries(pod, "volumes")}
    bodies = [claim.body for claim in claims if claim.name in used]
    sizes = [text(body, "spec", "resources", "requests", "storage") for body in bodies]
    numbers = [re.fullmatch(r"(\d+)Gi", size) for size in sizes]
    params = {}
    if sizes and all(numbers):
        params["storage-size"] = f"{sum(int(number[1]) for number in numbers if number)}Gi"
    elif sizes:
        notes.append(f"storage-size: as much as {' and '.join(sizes)} together")
    classes = {text(body, "spec", "storageClassName") for body in bodies}
    if len(classes) == 1 and (only := classes.pop()):
        params["storage-class"] = only
    return params


def merge_translations(translations: Iterable[Translation]) -> list[Translation]:
    """Merge translations that differ only in their origins, so that a hundred runs of a schedule are one."""
    by_content: dict[tuple[object, ...], Translation] = {}
    for translation in translations:
        key = (translation.pipeline, translation.params, translation.notes)
        same = by_content.get(key)
        origins = (*(same.origins if same else ()), *translation.origins)
        by_content[key] = replace(translation, origins=origins)
    return list(by_content.values())


def _ordered(params: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(params.items()))
