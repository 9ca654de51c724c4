"""The plan as text: what a person reads before a mirror run."""

from __future__ import annotations

from pathlib import Path

from steps.autoshift.plan import describe_plan
from steps.autoshift.planning import plan_fleet
from steps.yaml.source import SourceFile

from .samples import cluster, hub, managed, plan

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "values"
FILES = ("global.yaml", "clustersets/hub.yaml", "clustersets/managed.yaml", "clusters/edge-1.yaml")


def test_the_samples_of_our_own_read_like_this() -> None:
    files = [SourceFile(path, (EXAMPLES / path).read_bytes()) for path in FILES]
    lines = describe_plan(plan_fleet(files)).splitlines()
    assert lines[:16] == [
        "Values: global.yaml, clustersets/hub.yaml, clustersets/managed.yaml, clusters/edge-1.yaml",
        "",
        "Clusters found",
        "  hub set      hub                    OpenShift 4.20.12 (stable-4.20)",
        "  managed set  stores                 OpenShift 4.18.22 (stable-4.18)",
        "  cluster      edge-1  of set stores  OpenShift 4.18.24 (stable-4.18)",
        "",
        "OpenShift releases",
        "  stable-4.18  4.18.22 to 4.18.24, shortest upgrade path  for managed set stores, cluster edge-1",
        "  stable-4.20  4.20.12                                    for hub set hub",
        "",
        "Operators from registry.redhat.io/redhat/redhat-operator-index:v4.18 (5)",
        "  cluster-logging              stable-6.2    label logging, for managed set stores",
        "  compliance-operator          stable 1.7.1  label compliance, for managed set stores",
        "  kubernetes-nmstate-operator  stable        label nmstate (channel: default of AutoShift as of "
        "2026-08), for cluster edge-1",
        "  loki-operator                stable-6.2    label loki, for managed set stores",
    ]
    assert not any("developer-hub" in line or "rhdh" in line for line in lines)  # excluded by global.yaml


def test_a_large_fleet_is_counted_where_it_is_not_listed() -> None:
    clusters = [cluster(f"c{number}", of="hub") for number in range(60)]
    text = describe_plan(plan(hub(), *clusters))
    assert "  and 21 more clusters\n" in text
    assert "c59" not in text


def test_versions_are_said_in_words() -> None:
    sets = (hub("quay: 'true'", "quay-channel: stable-3.16"), managed("openshift-version: '4.18'"))
    text = describe_plan(plan(*sets, cluster("a", "quay-version: quay-operator.v3.16.1", of="hub")))
    assert "stable-4.18  its newest release  for managed set managed" in text
    assert "stable-3.16 from 3.16.1" in text


def test_an_operator_without_known_channel_says_that_the_catalog_decides() -> None:
    labels = ("florp: 'true'", "florp-name: florp-operator", "florp-source: community-operators")
    text = describe_plan(plan(hub(*labels)))
    assert "florp-operator  (catalog's default)  label florp, for hub set hub" in text


def test_images_and_warnings_have_their_sections() -> None:
    text = describe_plan(plan(hub("jfrog: 'true'", "node-feature-discovery: 'true'", "blorp: 'true'")))
    assert "  registry.connect.redhat.com/jfrog/init:7.104.10" in text
    assert "ose-node-feature-discovery-rhel9:v4.22" in text
    assert "\nWarnings\n  ! hub set hub: label blorp is 'true'" in text
    assert max(map(len, text.partition("\nWarnings\n")[2].splitlines())) <= 114
