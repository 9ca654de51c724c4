"""Small values files, and shortcuts to read a plan."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

from steps.autoshift.planning import plan_fleet
from steps.yaml.source import SourceFile

if TYPE_CHECKING:
    from steps.autoshift.plan import FleetPlan, Operator


# Said by every hub of the tests, so that nothing is assumed of what each hub has.
EVERY_HUB = ("acm-channel: release-2.16", "gitops: 'true'", "gitops-channel: gitops-1.19")


def source(text: str, path: str = "values.yaml") -> SourceFile:
    return SourceFile(path, dedent(text).encode())


def hub(*labels: str, version: str = "4.20.12") -> SourceFile:
    """A hub set named hub with these labels (`acs: 'true'`), a version, and what every hub should say."""
    said = {label.partition(":")[0] for label in labels}
    usual = [label for label in EVERY_HUB if label.partition(":")[0] not in said]
    return _set("hubClusterSets", "hub", [f"openshift-version: '{version}'", *labels, *usual])


def managed(*labels: str) -> SourceFile:
    """A managed set named managed with these labels."""
    return _set("managedClusterSets", "managed", list(labels))


def cluster(name: str, *labels: str, of: str = "managed") -> SourceFile:
    """A cluster of a set, with these labels."""
    lines = [f"      {label}\n" for label in labels]
    text = f"clusters:\n  {name}:\n    config: {{clusterSet: {of}}}\n    labels:\n{''.join(lines)}"
    return SourceFile(f"clusters/{name}.yaml", text.encode())


def _set(section: str, name: str, labels: list[str]) -> SourceFile:
    text = f"{section}:\n  {name}:\n    labels:\n" + "".join(f"      {label}\n" for label in labels)
    return SourceFile(f"clustersets/{name}.yaml", text.encode())


def plan(*files: SourceFile, version: str | None = None) -> FleetPlan:
    return plan_fleet(files, openshift_version=version)


def operator(plan: FleetPlan, package: str, minor: str | None = None) -> Operator:
    (found,) = (op for op in plan.operators if op.package == package and minor in {None, op.minor})
    return found


def packages(plan: FleetPlan) -> set[str]:
    return {operator.package for operator in plan.operators}


def channels(plan: FleetPlan, package: str, minor: str | None = None) -> list[str]:
    return [channel.name for channel in operator(plan, package, minor).channels]
