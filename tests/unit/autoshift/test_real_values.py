"""Every real values file against a table worked out by hand.

The tables come from reading the files: each label that is 'true', its `-channel` (or the policy's default
where the label is blank or missing), and what ACM and ODF need. None of it was taken from the generator's
output.
"""

from __future__ import annotations

import pytest

from steps.autoshift.plan import FleetPlan
from steps.autoshift.planning import plan_fleet
from steps.imageset.describe import openshift_versions, operator_count
from steps.imageset.generate import generate_imageset
from steps.imageset.imageset import ImageSet

from .shared import catalog, policies, values

L1, L2, L3 = "single-file-2025-09", "single-file-2026-02", "split-2026-08"
HUB, HUBS = "autoshift/values.hub.yaml", "autoshift/values.hubofhubs.yaml"
SPLIT = "autoshift/values/"
L3_HUB = (f"{SPLIT}global.yaml", f"{SPLIT}clustersets/hub.yaml")
L3_ALL = (*L3_HUB, f"{SPLIT}clustersets/managed.yaml")

ODF = (
    "odf-operator",
    "cephcsi-operator",
    "mcg-operator",
    "ocs-client-operator",
    "ocs-operator",
    "odf-csi-addons-operator",
    "odf-prometheus-operator",
    "recipe",
    "rook-ceph-operator",
)
ODF_418 = (*ODF, "odf-dependencies")
ODF_420 = (*ODF_418, "odf-external-snapshotter-operator")
ODF_422 = (*ODF_420, "ocs-tls-profiles")


def same(packages: tuple[str, ...], *channels: str) -> dict[str, set[str]]:
    return {package: set(channels) for package in packages}


OBSERVED_BOTH = {
    "rhacs-operator": {"stable"},
    "cluster-observability-operator": {"stable"},
    "compliance-operator": {"stable"},
}
L1_COMMON = OBSERVED_BOTH | {
    "advanced-cluster-management": {"release-2.14"},
    "multicluster-engine": {"stable-2.9"},
    "openshift-gitops-operator": {"latest"},
    "devspaces": {"stable"},
    "devworkspace-operator": {"fast"},
    "rhdh": {"fast"},
    "openshift-pipelines-operator-rh": {"latest"},
    "rhtas-operator": {"stable"},
    "quay-operator": {"stable-3.13"},
    "loki-operator": {"stable-6.2"},
    "cluster-logging": {"stable-6.2"},
}
L2_HUB = OBSERVED_BOTH | {
    "advanced-cluster-management": {"release-2.15"},
    "multicluster-engine": {"stable-2.10"},
    "ansible-automation-platform-operator": {"stable-2.6"},
    "openshift-gitops-operator": {"gitops-1.19"},
    "tempo-product": {"stable"},
    "kiali-ossm": {"stable"},
    "servicemeshoperator3": {"stable-3.2"},
    "devspaces": {"stable"},
    "devworkspace-operator": {"fast"},
    "rhdh": {"fast-1.8"},
    "openshift-pipelines-operator-rh": {"pipelines-1.21"},
    "rhtas-operator": {"stable"},
    "quay-operator": {"stable-3.16"},
    "loki-operator": {"stable-6.4"},
    "cluster-logging": {"stable-6.4"},
    **same(ODF_420, "stable-4.20"),
}
L3_MANAGED = OBSERVED_BOTH | {
    "openshift-gitops-operator": {"gitops-1.21"},
    "node-maintenance-operator": {"stable"},
    "tempo-product": {"stable"},
    "kiali-ossm": {"stable"},
    "servicemeshoperator3": {"stable"},
    "opentelemetry-product": {"stable"},
    "openshift-external-secrets-operator": {"stable-v1"},
    "loki-operator": {"stable-6.6"},
    "cluster-logging": {"stable-6.6"},
    **same(ODF_422, "stable-4.22"),
}
L3_HUB_TABLE = L3_MANAGED | {
    "advanced-cluster-management": {"release-2.17"},
    "multicluster-engine": {"stable-2.17"},
    "ansible-automation-platform-operator": {"stable-2.7"},
    "devspaces": {"stable"},
    "devworkspace-operator": {"fast"},
    "rhdh": {"fast-1.10"},
    "openshift-pipelines-operator-rh": {"pipelines-1.23"},
    "rhtas-operator": {"stable"},
    "quay-operator": {"stable-3.18"},
    "openshift-cert-manager-operator": {"stable-v1"},
}
# 24 operators switched on by the cluster itself. It names few channels, so most are the policies' defaults.
L3_CLUSTER = L3_MANAGED | {
    "ansible-automation-platform-operator": {"stable-2.6"},
    "metallb-operator": {"stable"},
    "lvms-operator": {"stable-4.22"},
    "local-storage-operator": {"stable"},
    "kubernetes-nmstate-operator": {"stable"},
    "devspaces": {"stable"},
    "devworkspace-operator": {"fast"},
    "rhdh": {"fast-1.10"},  # dev-hub-channel comes from the set, which itself switches dev-hub off
    "openshift-pipelines-operator-rh": {"pipelines-1.23"},
    "rhtas-operator": {"stable"},
    "quay-operator": {"stable-3.18"},
    "kubevirt-hyperconverged": {"stable"},
    "mtv-operator": {"release-v2.10"},
    "nfd": {"stable"},
    "sriov-network-operator": {"stable"},
}

CASES = {
    # The policies of 2025-09 ignore odf-channel, so the catalog's own stable-4.18 is what a cluster gets.
    "2025-09 hub": (
        (L1, (HUB,), "4.18.22"),
        L1_COMMON | {"metallb-operator": {"stable"}} | same(ODF_418, "stable-4.18"),
    ),
    "2025-09 hub of hubs": (
        (L1, (HUBS,), "4.18.22"),
        L1_COMMON | same(ODF, "stable-4.17", "stable-4.18") | {"odf-dependencies": {"stable-4.18"}},
    ),
    "2026-02 hub": ((L2, (HUB,), None), L2_HUB),
    "2026-08 hub": ((L3, L3_HUB, None), L3_HUB_TABLE),
    "2026-08 managed": ((L3, (L3_ALL[2],), None), L3_MANAGED),
    "2026-08 hub and managed": ((L3, L3_ALL, None), L3_HUB_TABLE),
    "2026-08 example set": (
        (L3, (f"{SPLIT}clustersets/_example.yaml",), None),
        {
            "advanced-cluster-management": {"release-2.17"},
            "multicluster-engine": {"stable-2.17"},
            "openshift-gitops-operator": {"gitops-1.21"},
            "trident-operator": {"stable"},
        },
    ),
}
VERSIONS = {L1: "4.18.22", L2: "4.20.12", L3: "4.22.8"}


def plan_of(layout: str, paths: tuple[str, ...], version: str | None) -> FleetPlan:
    return plan_fleet(values(layout, *paths), policies(layout), openshift_version=version)


def table_of(plan: FleetPlan) -> dict[str, set[str]]:
    return {operator.package: {channel.name for channel in operator.channels} for operator in plan.operators}


@pytest.mark.parametrize("case", CASES)
def test_a_real_file_gives_the_packages_and_channels_worked_out_by_hand(case: str) -> None:
    (layout, paths, version), expected = CASES[case]
    assert table_of(plan_of(layout, paths, version)) == expected


@pytest.mark.parametrize("case", CASES)
def test_a_real_file_gives_the_release_it_names(case: str) -> None:
    (layout, paths, version), _ = CASES[case]
    (release,) = plan_of(layout, paths, version).releases
    exact = VERSIONS[layout]
    assert (release.channel, release.minimum, release.maximum) == (f"stable-{exact[:4]}", exact, exact)


@pytest.mark.parametrize("case", CASES)
def test_every_package_of_a_real_file_is_in_the_catalog_of_its_minor(case: str) -> None:
    (layout, paths, version), _ = CASES[case]
    for operator in plan_of(layout, paths, version).operators:
        index = operator.catalog.rpartition("/")[2].partition(":")[0]
        assert operator.package in catalog(index, operator.minor)


@pytest.mark.parametrize("case", CASES)
def test_a_real_file_gives_an_imageset_that_is_valid_and_complete(case: str) -> None:
    (layout, paths, version), expected = CASES[case]
    imageset = ImageSet.parse(generate_imageset(plan_of(layout, paths, version)), case)
    assert operator_count(imageset.mirror) == len(expected)
    assert openshift_versions(imageset.mirror) == (VERSIONS[layout],)
    assert imageset.warnings == ()


@pytest.mark.parametrize("case", CASES)
def test_a_default_channel_is_named_just_where_the_catalogs_own_is_not_mirrored(case: str) -> None:
    (layout, paths, version), _ = CASES[case]
    for operator in plan_of(layout, paths, version).operators:
        index = operator.catalog.rpartition("/")[2].partition(":")[0]
        usual = catalog(index, operator.minor)[operator.package]
        names = {channel.name for channel in operator.channels}
        if usual not in names:
            assert operator.default_channel in names, operator
        else:
            assert operator.default_channel in {None, usual}, operator


def test_a_cluster_gets_its_own_operators_and_those_of_its_set() -> None:
    paths = (L3_ALL[2], f"{SPLIT}clusters/_example.yaml")
    plan = plan_of(L3, paths, None)
    assert table_of(plan) == L3_CLUSTER
    of_cluster = {op.package for op in plan.operators if "cluster my-cluster-name" in op.asked_by}
    assert "node-maintenance-operator" not in of_cluster  # the cluster switches it off, its set keeps it
    assert "metallb-operator" in of_cluster
    assert "advanced-cluster-management" not in table_of(plan)  # acm-channel alone makes no hub


def test_the_console_plugin_is_mirrored_for_the_hub_that_switches_it_on() -> None:
    (image,) = plan_of(L3, L3_ALL, None).images
    assert image.image.name == "quay.io/autoshift/autoshift-console-plugin:ocp4.22"
    assert image.asked_by == ("hub set hub",)


def test_who_asks_is_said_for_each_operator() -> None:
    asked = {operator.package: operator.asked_by for operator in plan_of(L3, L3_ALL, None).operators}
    assert asked["quay-operator"] == ("hub set hub",)
    assert asked["rhacs-operator"] == ("hub set hub", "managed set managed")
    assert asked["multicluster-engine"] == ("hub set hub",)


def test_a_pin_of_one_set_only_restricts_the_channel_from_below() -> None:
    """managed pins kiali to 2.27.2; hub takes whatever is newest."""
    kiali = next(op for op in plan_of(L3, L3_ALL, None).operators if op.package == "kiali-ossm")
    assert (kiali.channels[0].minimum, kiali.channels[0].maximum) == ("2.27.2", "")


def test_a_pin_of_all_sets_restricts_the_channel_to_it() -> None:
    plan = plan_of(L3, L3_ALL, None)
    maintenance = next(op for op in plan.operators if op.package == "node-maintenance-operator")
    assert (maintenance.channels[0].minimum, maintenance.channels[0].maximum) == ("5.7.1", "5.7.1")


def test_the_only_surprise_of_2025_09_is_that_a_policy_ignores_its_label() -> None:
    (warning,) = plan_of(L1, (HUB,), "4.18.22").warnings
    assert "the policy ignores odf-channel" in warning


def test_the_only_surprise_of_2026_02_is_that_its_bootstrap_charts_lag_behind_the_labels() -> None:
    acm, gitops = plan_of(L2, (HUB,), None).warnings
    assert "advanced-cluster-management from release-2.14 when a hub is first set up" in acm
    assert "openshift-gitops-operator from gitops-1.18 when a hub is first set up" in gitops


def test_2026_08_has_no_surprise() -> None:
    assert plan_of(L3, L3_ALL, None).warnings == ()
