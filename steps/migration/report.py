"""The report as text for a person and as YAML for a program, in the order in which to act on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from steps import units
from steps.migration.decisions import decide
from steps.migration.findings import Finding, Moment, Namespaces
from steps.migration.old_objects import mapping, text
from steps.migration.translation import Translation, from_run, from_workload, merge_translations
from steps.yaml.writing import FastDumper

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steps.migration.old_objects import Installation, OldObject

CLUSTER = "cluster"
"""The `origin` of an object that was read from a cluster."""
_WORKLOADS = frozenset({"CronJob", "Deployment", "Job"})
_SHOWN = 3  # origins named in one line


@dataclass(frozen=True, slots=True)
class Report:
    """Findings and translated parameters of an old installation; empty if nothing of it is left."""

    findings: tuple[Finding, ...]
    translations: tuple[Translation, ...]
    unread: tuple[str, ...]
    undecided: tuple[str, ...]
    """Objects in files that no rule covers; those of a cluster are not listed, since it holds many."""


def make_report(installation: Installation, namespaces: Namespaces) -> Report:
    """Decide about every old object, and translate every old run and workload into parameters."""
    objects = [old for old in installation.objects if not old.is_ours]
    findings = list(decide(objects, namespaces))
    runs = [old for old in objects if old.kind in {"PipelineRun", "TriggerTemplate"}]
    workloads = {str(finding.old): finding.old for finding in findings if finding.old.kind in _WORKLOADS}
    translations = [translation for run in runs for translation in from_run(run)]
    translations += [from_workload(workload, objects) for workload in workloads.values()]
    findings += _runs([r for r in runs if r.kind == "PipelineRun" and r.origin == CLUSTER], namespaces)
    covered = {str(finding.old) for finding in findings}
    covered.update(origin for translation in translations for origin in translation.origins)
    undecided = [str(old) for old in objects if old.origin != CLUSTER and str(old) not in covered]
    order = list(Moment)
    findings.sort(key=lambda finding: (order.index(finding.moment), finding.action, str(finding.old)))
    return Report(
        tuple(findings), tuple(merge_translations(translations)), installation.unread, tuple(undecided)
    )


def _runs(runs: list[OldObject], namespaces: Namespaces) -> Iterator[Finding]:
    """Yield a finding for each run in progress, and one for all runs of each old pipeline in the cluster."""
    by_pipeline: dict[str, list[OldObject]] = {}
    for run in runs:
        if not from_run(run):
            continue
        by_pipeline.setdefault(text(run.body, "spec", "pipelineRef", "name"), []).append(run)
        if not mapping(run.body, "status").get("completionTime"):
            watch = f"tkn pipelinerun logs -f {run.name} -n {namespaces.pipelines}"
            yield Finding(run, Moment.SWITCH, "wait", "it is in progress", watch)
    for pipeline, group in by_pipeline.items():
        why = f"{len(group)} run{'s' * (len(group) > 1)} of {pipeline}; their logs go with them"
        command = f"oc delete pipelineruns -n {namespaces.pipelines} -l tekton.dev/pipeline={pipeline}"
        yield Finding(group[0], Moment.LAST, "remove", why, command)


def as_text(report: Report) -> str:
    """Return the report as text."""
    lines: list[str] = []
    for moment in Moment:
        findings = [finding for finding in report.findings if finding.moment is moment]
        if findings:
            lines += ["", moment.value]
        for finding in findings:
            lines.append(f"  {finding.action:9}{finding.old}: {finding.why}")
            lines += [f"           {finding.do}"] if finding.do else []
    for translation in report.translations:
        lines += ["", f"Parameters of {translation.pipeline} for {_origins(translation)}"]
        width = max((len(name) for name, _value in translation.params), default=0)
        lines += [f"  {name:{width}}  {value}" for name, value in translation.params]
        lines += [f"  note: {note}" for note in translation.notes]
    for title, rest in (("Not read", report.unread), ("Not judged", report.undecided)):
        if rest:
            lines += ["", title, *(f"  {line}" for line in rest)]
    if not report.findings and not report.translations:
        lines = ["Nothing of the old pipeline was found.", *lines]
    return "\n".join(lines).lstrip("\n")


def as_yaml(report: Report) -> str:
    """Return the report as YAML; its `params` can be pasted into a PipelineRun."""
    tree: dict[str, Any] = {
        "findings": [
            {
                "kind": finding.old.kind,
                "namespace": finding.old.namespace,
                "name": finding.old.name,
                "origin": finding.old.origin,
                "when": finding.moment.name.lower(),
                "action": finding.action,
                "why": finding.why,
                "command": finding.do,
            }
            for finding in report.findings
        ],
        "parameters": [
            {
                "origins": list(translation.origins),
                "pipeline": translation.pipeline,
                "params": [{"name": name, "value": value} for name, value in translation.params],
                "notes": list(translation.notes),
            }
            for translation in report.translations
        ],
        "not-read": list(report.unread),
        "not-judged": list(report.undecided),
    }
    return yaml.dump(tree, Dumper=FastDumper, sort_keys=False, allow_unicode=True, width=110)


def _origins(translation: Translation) -> str:
    return units.few(translation.origins, _SHOWN)
