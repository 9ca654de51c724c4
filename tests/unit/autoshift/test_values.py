from __future__ import annotations

import pytest

from steps.autoshift.policies import is_policy_file
from steps.autoshift.values import values_candidates, values_document
from steps.yaml.source import SourceFile


@pytest.mark.parametrize(
    "path",
    [
        "policies/quay/values.yaml",
        "policies/stable/openshift-gitops/values.yaml",
        "policies/certified/trident/manifests/operator-install/kustomization.yaml",
        "policies/stable/kiali/manifests/kustomization.yaml",
        "policies/metallb/templates/policy-operator.yaml",
        "advanced-cluster-management/values.yaml",
    ],
)
def test_a_file_with_defaults_of_an_operator_is_one(path: str) -> None:
    assert is_policy_file(path)


@pytest.mark.parametrize(
    "path",
    [
        "autoshift/values.hub.yaml",
        "policies/README.md",
        "policies/quay/templates/policy-quay-config.yaml",
        "policies/quay/Chart.yaml",
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
