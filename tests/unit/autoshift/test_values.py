from __future__ import annotations

import pytest

from steps.autoshift.policies import is_policy_file
from steps.autoshift.values import SHOWN, read_values, values_candidates, values_document
from steps.yaml.source import SourceFile


@pytest.mark.parametrize(
    "path",
    [
        "policies/quay/values.yaml",
        "policies/stable/openshift-gitops/values.yaml",
        "policies/certified/trident/manifests/operator-install/kustomization.yaml",
        "policies/stable/kiali/manifests/kustomization.yaml",
        "policies/metallb/templates/policy-operator.yaml",
        "policies/quay/templates/policy-quay-config.yaml",
        "policies/quay/templates/_labels.tpl",
        "policies/stable/quay/placement.yaml",
        "apps/day-1/quay/templates/policy-quay-operator-install.yaml",
        "advanced-cluster-management/values.yaml",
    ],
)
def test_a_file_of_a_policy_is_one(path: str) -> None:
    assert is_policy_file(path)


@pytest.mark.parametrize(
    "path",
    [
        "autoshift/values.hub.yaml",
        "policies/README.md",
        "policies/quay/Chart.yaml",
        "policies/quay/scripts/check.sh",
        "my-policies/quay/values.yaml",
        "charts/openshift-gitops/values.yaml",
    ],
)
def test_another_file_is_none(path: str) -> None:
    assert not is_policy_file(path)


def test_values_files_are_found_in_every_layout_and_examples_are_left_out() -> None:
    found = [
        "autoshift/values.hub.yaml",
        "autoshift/values/clusters/edge.yaml",
        "autoshift/values/clustersets/hub.yml",
        "autoshift/values/global.yaml",
        "clusters/edge.yaml",
        "clustersets/hub.yaml",
        "global.yaml",
    ]
    others = [
        "autoshift/values/clusters/_example.yaml",
        "policies/quay/values.yaml",
        "README.md",
        "autoshift/Chart.yaml",
    ]
    assert values_candidates([*reversed(found), *others]) == found


def test_one_file_stays_as_it_is_but_for_its_byte_order_mark() -> None:
    assert values_document([SourceFile("a.yaml", b"\xef\xbb\xbfa: 1\r\n")]) == b"a: 1\r\n"


def test_several_files_become_documents_that_say_where_they_are_from() -> None:
    files = [
        SourceFile("a.yaml", b"a: 1"),
        SourceFile("b/c.yaml", b"\xef\xbb\xbfb: 2\n"),
        SourceFile("d.yaml", b""),
    ]
    assert values_document(files) == (
        b"---\n# Source: a.yaml\na: 1\n---\n# Source: b/c.yaml\nb: 2\n---\n# Source: d.yaml\n"
    )


def test_of_a_key_that_stands_twice_the_last_one_counts_as_in_helm_and_both_lines_are_named() -> None:
    text = "hub:\n  acs: 'false'\n  quay: 'true'\n  acs: 'true'\nhub2:\n  a: 1\n  a: 2\n  a: 3\n"
    merged, warnings = read_values([SourceFile("a.yaml", text.encode())])
    assert merged == {"hub": {"acs": "true", "quay": "true"}, "hub2": {"a": "3"}}
    assert warnings == [
        "a.yaml, line 4: hub.acs stands in line 2 already: only line 4 counts, as in Helm; remove the others",
        "a.yaml, line 8: hub2.a stands in line 6 and 7 already: only line 8 counts, as in Helm; remove the "
        "others",
    ]


def test_a_key_that_stands_twice_is_named_where_its_line_cannot_be_told() -> None:
    merged, warnings = read_values([SourceFile("a.yaml", b"a: &x 1\nb: &x 2\nb: *x\n")])
    assert merged == {"a": "1", "b": "2"}
    assert warnings == ["a.yaml: b stands twice in one map: only the last counts, as in Helm"]


def test_of_a_map_that_stands_twice_the_first_is_replaced_and_not_merged() -> None:
    merged, warnings = read_values([SourceFile("a.yaml", b"a: {x: 1}\nb: [{k: 1, k: 2}]\na: {y: 1}\n")])
    assert merged == {"b": [{"k": "2"}], "a": {"y": "1"}}
    assert [warning.partition(" stands")[0] for warning in warnings] == [
        "a.yaml, line 2: b[0].k",
        "a.yaml, line 3: a",
    ]


def test_many_keys_that_stand_twice_are_counted() -> None:
    text = "".join(f"k{number}: 1\nk{number}: 2\n" for number in range(9))
    _, warnings = read_values([SourceFile("a.yaml", text.encode())])
    assert len(warnings) == SHOWN + 1
    assert warnings[-1] == f"a.yaml: {9 - SHOWN} more keys stand twice in one map"
