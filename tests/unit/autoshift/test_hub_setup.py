"""Every hub is set up with Argo CD, whatever its labels say (AutoShift, docs/quickstart.md)."""

from __future__ import annotations

from steps.autoshift.plan_text import describe_plan
from steps.autoshift.planning import plan_fleet

from .samples import channels, hub, managed, operator, packages, plan, source

GITOPS = "openshift-gitops-operator"
OFF = ("gitops: 'false'", "gitops-channel: ")
CHART = source(
    "gitops: {name: openshift-gitops-operator, channel: gitops-1.18, source: redhat-operators}",
    "openshift-gitops/values.yaml",
)


def test_a_hub_without_the_label_gets_what_its_chart_installs() -> None:
    found = plan_fleet([hub(*OFF)], [CHART])
    (channel,) = operator(found, GITOPS).channels
    assert channel.name == "gitops-1.18"
    assert channel.origin == "default of openshift-gitops/values.yaml for the set-up of a hub"
    assert str(operator(found, GITOPS).need) == "set-up of a hub"
    assert "set-up of a hub (default)" in describe_plan(found)
    assert found.warnings == ()


def test_the_chart_reads_no_label() -> None:
    labels = (
        "gitops: 'false'",
        "gitops-channel: gitops-1.21",
        "gitops-version: openshift-gitops-operator.v1.21.3",
    )
    (channel,) = operator(plan_fleet([hub(*labels)], [CHART]), GITOPS).channels
    assert (channel.name, channel.minimum) == ("gitops-1.18", "")


def test_a_chart_without_a_channel_takes_latest() -> None:
    """As until 2025-10: the template falls back to it."""
    chart = source("disableDefaultArgoCD: true", "openshift-gitops/values.yaml")
    assert channels(plan_fleet([hub(*OFF)], [chart]), GITOPS) == ["latest"]


def test_without_the_chart_its_channel_is_assumed_and_the_label_settles_it() -> None:
    found = plan(hub(*OFF))
    assert channels(found, GITOPS) == ["gitops-1.21"]
    (warning,) = found.warnings
    assert "no label says the channel of gitops" in warning
    assert "the default of AutoShift as of 2026-08 for the set-up of a hub" in warning
    settled = plan(hub("gitops: 'false'", "gitops-channel: gitops-1.20"))
    assert (channels(settled, GITOPS), settled.warnings) == (["gitops-1.20"], ())


def test_an_excluded_policy_does_not_take_it_away() -> None:
    found = plan_fleet([hub(), source("excludePolicies: [openshift-gitops]", "global.yaml")], [CHART])
    assert channels(found, GITOPS) == ["gitops-1.18"]


def test_a_hub_with_the_label_gets_it_from_the_policy_alone() -> None:
    found = plan(hub())
    assert channels(found, GITOPS) == ["gitops-1.19"]
    assert operator(found, GITOPS).need.labels == ("gitops",)


def test_a_managed_cluster_gets_it_by_its_label_alone() -> None:
    assert GITOPS not in packages(plan(managed("openshift-version: '4.20.12'")))
