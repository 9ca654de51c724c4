"""The plan as text and as JSON: what a person, or a program, reads before a mirror run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from steps.autoshift.plan_document import plan_document
from steps.autoshift.plan_text import describe_plan
from steps.autoshift.planning import plan_fleet
from steps.yaml.source import SourceFile

from .samples import cluster, hub, managed, plan, source

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "values"
FILES = ("global.yaml", "clustersets/hub.yaml", "clustersets/managed.yaml", "clusters/edge-1.yaml")


def test_the_samples_of_our_own_read_like_this() -> None:
    files = [SourceFile(path, (EXAMPLES / path).read_bytes()) for path in FILES]
    text = describe_plan(plan_fleet(files))
    lines = text.splitlines()
    assert (
        lines[0]
        == "Plan: 2 cluster sets, 1 cluster, 2 release channels, 21 packages of 3 catalogs, 1 warning"
    )
    assert (
        lines[1]
        == "Values: global.yaml, clustersets/hub.yaml, clustersets/managed.yaml, clusters/edge-1.yaml"
    )
    assert section(text, "OpenShift releases") == [
        "stable-4.18  4.18.22 to 4.18.24, shortest upgrade path  for stores, cluster edge-1",
        "stable-4.20  4.20.12                                    for hub",
        "oc-mirror adds the updates: 4.18.22, the newest of stable-4.18, the newest of stable-4.19, 4.20.12",
    ]
    catalog = "Operators from registry.redhat.io/redhat/redhat-operator-index:v4."
    assert section(text, f"{catalog}18: 5")[:5] == [
        "PACKAGE                      CHANNEL       LABEL              FOR",
        "cluster-logging              stable-6.2    logging            stores",
        "compliance-operator          stable 1.7.1  compliance         stores",
        "kubernetes-nmstate-operator  stable        nmstate (assumed)  cluster edge-1",
        "loki-operator                stable-6.2    loki               stores",
    ]
    assert section(text, f"{catalog}20: 4, and 11 that they require")[1:5] == [
        "advanced-cluster-management  release-2.15  acm     hub",
        "  brings from stable-2.10: multicluster-engine",
        "odf-operator                 stable-4.20   odf     hub",
        "  brings from stable-4.20: cephcsi-operator, mcg-operator, ocs-client-operator, ocs-operator,",
    ]
    assert section(text, "Clusters found") == [
        "hub set      hub                    OpenShift 4.20.12 (stable-4.20)",
        "managed set  stores                 OpenShift 4.18.22 (stable-4.18)",
        "cluster      edge-1  of set stores  OpenShift 4.18.24 (stable-4.18)",
    ]
    assert not any("developer-hub" in line or "rhdh" in line for line in lines)  # excluded by global.yaml


def section(text: str, title: str) -> list[str]:
    """The lines of a section, without the indentation that all of them have."""
    found = text.partition(f"\n{title}\n")[2]
    assert found, f"there is no section '{title}' in\n{text}"
    return [line.removeprefix("  ") for line in found.partition("\n\n")[0].splitlines()]


def test_totals_and_warnings_come_first_and_a_brief_plan_has_a_line_for_a_catalog() -> None:
    fleet = plan(hub("acs: 'true'", "blorp: 'true'"), managed("openshift-version: '4.18.3'", "odf: 'true'"))
    full, brief = describe_plan(fleet), describe_plan(fleet, brief=True)
    assert full.index("\nWarnings\n") < full.index("\nOpenShift releases\n")
    assert "label blorp is 'true'" in brief
    # Red Hat's catalogs of both minors: acs, GitOps, ACM with its engine; odf and what it requires in 4.18.
    assert section(brief, "Operators") == [
        "registry.redhat.io/redhat/redhat-operator-index:v4.18  1, and 9 that they require",
        "registry.redhat.io/redhat/redhat-operator-index:v4.20  3, and 1 that they require",
    ]
    assert "PACKAGE" not in brief
    assert "Clusters found" not in brief


def test_a_row_names_the_need_of_its_own_channel_only() -> None:
    """ODF in two channels: each brings its own packages; a label for one of them gives it a row."""
    labels = ("odf: 'true'", "odf-channel: stable-4.17")
    fleet = plan(
        hub(*labels, version="4.18.22"),
        cluster("edge", "openshift-version: '4.18.22'", "odf-channel: stable-4.18", of="hub"),
    )
    (lines,) = (
        section(describe_plan(fleet, columns=300), title)
        for title in describe_plan(fleet).splitlines()
        if title.startswith("Operators from")
    )
    assert "odf-operator                 stable-4.17   odf     hub" in lines
    assert "                             stable-4.18   odf     cluster edge" in lines
    (older,) = (line for line in lines if line.startswith("  brings from stable-4.17: "))
    (newer,) = (line for line in lines if line.startswith("  brings from stable-4.18: "))
    assert "odf-dependencies" not in older, "ODF has it from 4.18 on"
    assert "odf-dependencies" in newer


@pytest.mark.parametrize("columns", [80, 110, 200])
def test_lines_are_as_wide_as_the_terminal(columns: int) -> None:
    sets = [
        "hubClusterSets: {hub: {labels: {openshift-version: 4.20.12, odf: 'true'}}}",
        "managedClusterSets:",
    ]
    for number in range(15):
        sets += [f"  region-{number}:", "    labels: {openshift-version: 4.18.9, odf: 'true', quay: 'true'}"]
    sets += ["clusters:"]
    for number in range(60):
        sets += [f"  store-{number}:", f"    config: {{clusterSet: region-{number % 15}}}"]
        sets += ["    labels: {acs: 'true', blorp-with-a-long-name: 'true'}"]
    text = describe_plan(plan_fleet([source("\n".join(sets))]), columns=columns)
    assert max(map(len, text.splitlines())) <= columns
    assert "rhacs-operator" in text
    assert "60 clusters" in text


def test_a_large_fleet_is_counted_where_it_is_not_listed() -> None:
    alike = [cluster(f"c{number}", of="hub") for number in range(60)]
    others = [cluster(f"d{number}", "openshift-version: 4.20.13", of="hub") for number in range(60)]
    lines = section(describe_plan(plan(hub(), *alike, *others)), "Clusters found")
    assert lines[0].endswith("OpenShift 4.20.12 (stable-4.20), as 60 clusters of it")
    assert not any("  c1 " in line for line in lines)
    assert len(lines) == 1 + 40 + 1
    assert lines[-1] == "and 20 more clusters"


def test_versions_are_said_in_words() -> None:
    sets = (hub("quay: 'true'", "quay-channel: stable-3.16"), managed("openshift-version: '4.18'"))
    text = describe_plan(plan(*sets, cluster("a", "quay-version: quay-operator.v3.16.1", of="hub")))
    assert "stable-4.18  its newest release  for managed" in text
    assert "stable-3.16 from 3.16.1" in text


def test_an_operator_without_known_channel_says_what_oc_mirror_takes() -> None:
    labels = ("florp: 'true'", "florp-name: florp-operator", "florp-source: community-operators")
    text = describe_plan(plan(hub(*labels)))
    assert "florp-operator  (head of each)  florp  hub" in text


def test_images_and_warnings_have_their_sections() -> None:
    text = describe_plan(plan(hub("jfrog: 'true'", "node-feature-discovery: 'true'", "blorp: 'true'")))
    assert "  registry.connect.redhat.com/jfrog/init:7.104.10" in text
    assert "ose-node-feature-discovery-rhel9:v4.22" in text
    assert "\nWarnings\n  ! hub set hub: label blorp is 'true'" in text


def test_programs_read_the_plan_as_json() -> None:
    fleet = plan(hub("odf: 'true'", "blorp: 'true'"), cluster("edge", "quay: 'true'", of="hub"))
    document = json.loads(plan_document(fleet))
    assert document["format"] == 1
    assert document["clusters"][1] == {
        "kind": "cluster",
        "name": "edge",
        "sets": ["hub"],
        "openshift": [{"version": "4.20.12", "channel": "stable-4.20"}],
    }
    operators = {operator["package"]: operator for operator in document["operators"]}
    assert operators["odf-operator"]["labels"] == ["odf"]
    assert operators["ocs-operator"]["requiredBy"] == ["odf-operator stable-4.20"]
    assert operators["quay-operator"]["for"] == ["cluster edge"]
    assert operators["quay-operator"]["channels"][0]["name"] == "stable-3.18"
    assert any("blorp" in warning for warning in document["warnings"])
    assert document["releases"] == [
        {
            "channel": "stable-4.20",
            "minVersion": "4.20.12",
            "maxVersion": "4.20.12",
            "shortestPath": False,
            "insteadOf": [],
            "for": ["hub set hub"],
        }
    ]


def test_the_way_between_two_minors_and_what_a_channel_stands_for_are_shown() -> None:
    eus = ("openshift-upgrade: 'true'", "openshift-upgrade-channel: eus-4.")
    path = plan(hub(eus[0], f"{eus[1]}20"), managed("openshift-version: '4.18.22'", eus[0], f"{eus[1]}18"))
    assert section(describe_plan(path), "OpenShift releases") == [
        "eus-4.20  4.18.22 to 4.20.12, shortest upgrade path  for hub, managed; instead of eus-4.18"
    ]
    document = json.loads(plan_document(path))
    assert document["releases"][0]["insteadOf"] == ["eus-4.18"]
    assert document["updatePath"] is None
    newest = plan(hub(version="4.19"), managed("openshift-version: '4.18'"))
    assert section(describe_plan(newest), "OpenShift releases")[-1] == (
        "oc-mirror adds the updates: the newest of stable-4.18, the newest of stable-4.19"
    )
    assert json.loads(plan_document(newest))["updatePath"] == {
        "from": "",
        "to": "",
        "channels": ["stable-4.18", "stable-4.19"],
    }
