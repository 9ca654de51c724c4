"""The report, for a person and for a program: the same findings, in the order in which one acts on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from steps.migration.findings import Finding, Moment, Where
from steps.migration.inventory import mapping, text
from steps.migration.rules import judge
from steps.migration.translation import Translation, from_run, from_workload, merged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steps.migration.inventory import Found, Inventory

CLUSTER = "cluster"
"""The origin of what was read from a cluster."""
_WORKLOADS = frozenset({"CronJob", "Deployment", "Job"})
_SHOWN = 3  # origins named in one line


@dataclass(frozen=True, slots=True)
class Report:
    """All that is known of an old installation; empty where nothing of it is left."""

    findings: tuple[Finding, ...]
    translations: tuple[Translation, ...]
    unread: tuple[str, ...]
    unjudged: tuple[str, ...]
    """Objects in files that nothing is known of; a cluster holds many, which are not told."""


def make_report(inventory: Inventory, where: Where) -> Report:
    """Judge every old object, and translate every old run and workload into parameters."""
    old = [found for found in inventory.found if not found.is_ours]
    judged = list(judge(old, where))
    runs = [found for found in old if found.kind in {"PipelineRun", "TriggerTemplate"}]
    workloads = {str(one.found): one.found for one in judged if one.found.kind in _WORKLOADS}
    translated = [one for run in runs for one in from_run(run)]
    translated += [from_workload(found, old) for found in workloads.values()]
    judged += _runs([run for run in runs if run.kind == "PipelineRun" and run.origin == CLUSTER], where)
    known = {str(one.found) for one in judged} | {origin for one in translated for origin in one.origins}
    unjudged = [str(found) for found in old if found.origin != CLUSTER and str(found) not in known]
    order = list(Moment)
    judged.sort(key=lambda one: (order.index(one.moment), one.action, str(one.found)))
    return Report(tuple(judged), tuple(merged(translated)), inventory.unread, tuple(unjudged))


def _runs(runs: list[Found], where: Where) -> Iterator[Finding]:
    """Runs of old pipelines in the cluster: those in progress one by one, the rest by their pipeline."""
    by_pipeline: dict[str, list[Found]] = {}
    for run in runs:
        if not from_run(run):
            continue
        by_pipeline.setdefault(text(run.body, "spec", "pipelineRef", "name"), []).append(run)
        if not mapping(run.body, "status").get("completionTime"):
            watch = f"tkn pipelinerun logs -f {run.name} -n {where.pipelines}"
            yield Finding(run, Moment.SWITCH, "wait", "it is in progress", watch)
    for pipeline, group in by_pipeline.items():
        why = f"{len(group)} run{'s' * (len(group) > 1)} of {pipeline}; their logs go with them"
        command = f"oc delete pipelineruns -n {where.pipelines} -l tekton.dev/pipeline={pipeline}"
        yield Finding(group[0], Moment.LAST, "remove", why, command)


def as_text(report: Report) -> str:
    """Lay the report out for a person."""
    lines: list[str] = []
    for moment in Moment:
        group = [one for one in report.findings if one.moment is moment]
        if group:
            lines += ["", moment.value]
        for one in group:
            lines.append(f"  {one.action:9}{one.found}: {one.why}")
            lines += [f"           {one.do}"] if one.do else []
    for translation in report.translations:
        lines += ["", f"Parameters of {translation.pipeline} for {_origins(translation)}"]
        width = max((len(name) for name, _value in translation.params), default=0)
        lines += [f"  {name:{width}}  {value}" for name, value in translation.params]
        lines += [f"  note: {note}" for note in translation.notes]
    for title, rest in (("Not read", report.unread), ("Not judged", report.unjudged)):
        if rest:
            lines += ["", title, *(f"  {line}" for line in rest)]
    if not report.findings and not report.translations:
        lines = ["Nothing of the old pipeline was found.", *lines]
    return "\n".join(lines).lstrip("\n")


def as_yaml(report: Report) -> str:
    """Lay it out for a program; `params` can be pasted into a PipelineRun as they are."""
    tree: dict[str, Any] = {
        "findings": [
            {
                "kind": one.found.kind,
                "namespace": one.found.namespace,
                "name": one.found.name,
                "origin": one.found.origin,
                "when": one.moment.name.lower(),
                "action": one.action,
                "why": one.why,
                "command": one.do,
            }
            for one in report.findings
        ],
        "parameters": [
            {
                "origins": list(one.origins),
                "pipeline": one.pipeline,
                "params": [{"name": name, "value": value} for name, value in one.params],
                "notes": list(one.notes),
            }
            for one in report.translations
        ],
        "not-read": list(report.unread),
        "not-judged": list(report.unjudged),
    }
    return yaml.dump(tree, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=110)


def _origins(translation: Translation) -> str:
    first = translation.origins[:_SHOWN]
    more = len(translation.origins) - len(first)
    return ", ".join(first) + (f" and {more} more" if more else "")
