"""Values without the policies of their checkout: whose defaults are assumed, and what is said of it.

The channels are those of AutoShift's policies at its tags v0.0.1 to v0.0.4 (`policies/DIR/values.yaml`).
"""

from __future__ import annotations

import pytest

from steps.autoshift.plan import FleetPlan
from steps.autoshift.plan_text import describe_plan
from steps.autoshift.planning import plan_fleet

from .samples import channels, cluster, hub, managed, operator, plan, source


def about(found: FleetPlan, *words: str) -> list[str]:
    """The warnings with all of these words."""
    return [text for text in found.warnings if all(word in text for word in words)]


@pytest.mark.parametrize(
    ("named", "channel"),
    [
        ("autoshiftGitBranchTag: v0.0.1", "stable-6.4"),
        ("autoshiftGitBranchTag: 0.0.4", "stable-6.4"),
        ("autoshiftGitBranchTag: main", "stable-6.5"),
        ("autoshiftOciVersion: '0.0.2'", "stable-6.4"),
        ("autoshiftOciVersion: '0.0.2'\nautoshiftGitBranchTag: main", "stable-6.4"),
        ("autoshiftOciVersion: latest", "stable-6.5"),
        ("other: x", "stable-6.5"),
    ],
)
def test_the_defaults_are_those_of_the_release_that_the_values_name(named: str, channel: str) -> None:
    found = plan(hub("logging: 'true'"), source(named, "global.yaml"))
    assert channels(found, "cluster-logging") == [channel]


def test_an_assumed_channel_is_a_warning_with_its_source_and_the_label_that_settles_it() -> None:
    found = plan(
        hub("quay: 'true'"),
        managed("quay: 'true'", "openshift-version: '4.20.12'"),
        source("autoshiftGitBranchTag: v0.0.3", "global.yaml"),
    )
    assert about(found, "quay") == [
        "hub set hub, managed set managed: no label says the channel of quay: quay-operator stable-3.16 is "
        "assumed, the default of AutoShift 0.0.3; set quay-channel"
    ]
    assert "quay (assumed)" in describe_plan(found)


def test_a_release_that_is_not_known_is_said() -> None:
    found = plan(hub("quay: 'true'"), source("autoshiftGitBranchTag: our-branch", "global.yaml"))
    assert about(found, "default of AutoShift as of 2026-08 (that of our-branch is not known)")


def test_an_operator_that_the_release_does_not_have_is_said() -> None:
    found = plan(hub("tempo: 'true'"), source("autoshiftGitBranchTag: v0.0.1", "global.yaml"))
    assert about(found, "no policy of AutoShift 0.0.1 installs tempo")


@pytest.mark.parametrize(
    ("release", "minor", "channel"),
    [("main", "4.18", "stable-4.18"), ("main", "4.22", "stable-4.22"), ("v0.0.1", "4.20", "stable-4.18")],
)
def test_odf_has_no_channel_later_than_its_openshift(release: str, minor: str, channel: str) -> None:
    """The policy says one channel for every minor; the catalogs have it from that minor on."""
    found = plan(
        hub("odf: 'true'", version=f"{minor}.1"), source(f"autoshiftGitBranchTag: {release}", "g.yaml")
    )
    assert channels(found, "odf-operator") == [channel]
    (text,) = about(found, "the channel of odf")
    assert ("as OpenShift 4.18 has no stable-4.22" in text) == (channel != "stable-4.22" and minor == "4.18")


L1 = (
    "odf: 'true'",
    "odf-install-plan-approval: Automatic",
    "acm-channel: release-2.14",
    "odf-source: redhat-operators",
)


def test_the_layout_of_2025_ignores_the_channel_of_odf() -> None:
    found = plan(hub(*L1, "odf-channel: stable-4.17", version="4.18.22"))
    assert channels(found, "odf-operator") == ["stable-4.17", "stable-4.18"]
    assert about(found, "AutoShift as of 2025-09: the policy ignores odf-channel")
    assert not about(found, "no label says the channel of odf")


def test_the_layout_of_2025_installs_odf_of_each_minor() -> None:
    found = plan(
        hub(*L1, version="4.18.22"), cluster("edge", "openshift-version: '4.17.3'", of="hub"), version=None
    )
    assert channels(found, "odf-operator", "4.18") == ["stable-4.18"]
    assert channels(found, "odf-operator", "4.17") == ["stable-4.17"]
    assert operator(found, "odf-operator", "4.17").channels[0].origin == "the catalog's default"
    assert not about(found, "odf"), "that policy names no channel and reads no label: nothing is assumed"


def test_the_layout_of_2025_has_the_defaults_of_2025() -> None:
    found = plan(hub("gitops: 'true'", "gitops-channel: ", "gitops-install-plan-approval: Automatic"))
    assert channels(found, "openshift-gitops-operator") == ["latest"]


def test_a_policy_of_the_checkout_is_no_assumption() -> None:
    policy = source("quay: {name: quay-operator, channel: stable-3.9}", "policies/quay/values.yaml")
    found = plan_fleet([hub("quay: 'true'")], [policy])
    assert operator(found, "quay-operator").channels[0].origin == "default of policies/quay/values.yaml"
    assert not about(found, "quay")
