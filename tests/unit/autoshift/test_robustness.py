"""Any files give a plan, or an InvalidInputError that names a file; never a traceback."""

from __future__ import annotations

import yaml
from hypothesis import given
from hypothesis import strategies as st

from steps.autoshift.plan_text import describe_plan
from steps.autoshift.planning import plan_fleet
from steps.errors import InvalidInputError
from steps.imageset.generate import generate_imageset
from steps.imageset.imageset import ImageSet
from steps.yaml.source import SourceFile

_KEYS = [
    "hubClusterSets",
    "managedClusterSets",
    "clusters",
    "excludePolicies",
    "labels",
    "config",
    "clusterSet",
    "clusterInstall",
    "createCluster",
    "openshiftVersion",
    "openshiftChannel",
    "cpuArch",
    "versions",
    "autoshiftConsole",
    "image",
    "repository",
    "openshift-version",
    "openshift-upgrade",
    "openshift-upgrade-channel",
    "acs",
    "acs-channel",
    "acs-source",
    "acs-version",
    "acs-subscription-name",
    "odf",
    "odf-channel",
    "vault",
    "vault-version",
    "autoshift-console",
    "florp",
    "florp-name",
]
_TEXTS = [
    "true",
    "on",
    "hub",
    "stable",
    "stable-4.18",
    "release-2.15",
    "4.20",
    "4.20.12",
    "{minor}",
    "{}",
    "%s",
    "3.10",
    "x.v1.2.3",
    "redhat-operators",
    "redhat-operator",
    "acme",
    "arm64",
    "stable-x",
    "quay.io/a/b:1",
    "a\x1bb",
    "\u2028",
    "🚀",
]
_leaves = st.none() | st.booleans() | st.integers() | st.sampled_from(_TEXTS) | st.text(max_size=3)
_trees = st.recursive(
    _leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4),
    max_leaves=25,
)
_labels = st.dictionaries(st.sampled_from(_KEYS[14:]), _leaves, max_size=8)
_fleets = st.fixed_dictionaries(
    {"hubClusterSets": st.just({"hub": {"labels": {"openshift-version": "4.20.12"}}})},
    optional={
        "managedClusterSets": st.fixed_dictionaries(
            {"m": st.fixed_dictionaries({"labels": _labels}) | _trees}
        ),
        "clusters": st.fixed_dictionaries(
            {"c": st.fixed_dictionaries({"labels": _labels, "config": _trees})}
        ),
        "excludePolicies": _trees,
    },
)


def _file(path: str, tree: object) -> SourceFile:
    return SourceFile(path, yaml.dump(tree, Dumper=yaml.CSafeDumper, allow_unicode=True).encode())


def _plan_or_refusal(*values: SourceFile, policies: tuple[SourceFile, ...] = ()) -> None:
    said = ""
    try:
        plan = plan_fleet(values, policies)
        text = generate_imageset(plan)
        ImageSet.parse(text, "the generated ImageSet")
        assert describe_plan(plan)
    except InvalidInputError as error:
        said = error.reason + error.hint
    assert "\n" not in said, "an error is one line what, one line what to do"


@given(_trees)
def test_any_tree_is_planned_or_refused(tree: object) -> None:
    _plan_or_refusal(_file("fleet.yaml", tree))


@given(_fleets)
def test_any_labels_and_settings_are_planned_or_refused(tree: object) -> None:
    _plan_or_refusal(_file("fleet.yaml", tree))


@given(st.binary(max_size=200))
def test_any_bytes_are_planned_or_refused(content: bytes) -> None:
    _plan_or_refusal(SourceFile("fleet.yaml", content))


_templates = st.sampled_from(_TEXTS) | st.builds(
    '{{{{hub index .ManagedClusterLabels "autoshift.io/{}-{}" | default "{}" hub}}}}'.format,
    st.sampled_from(["acs", "odf", "florp"]),
    st.sampled_from(["channel", "subscription-name", "name", "source"]),
    st.sampled_from(["", "stable", "a b", "{}"]),
)


@given(
    st.dictionaries(
        st.sampled_from(["name", "channel", "source", "installPlanApproval"]), _templates | _trees
    ),
    st.dictionaries(st.sampled_from(["name", "channel", "source"]), _templates | _trees),
)
def test_any_policies_are_used_or_passed_over(entry: object, subscription: object) -> None:
    chart = {"helmCharts": [{"valuesInline": {"subscription": subscription}}]}
    fleet = {
        "hubClusterSets": {"hub": {"labels": {"openshift-version": "4.20.1", "acs": "true", "odf": "true"}}}
    }
    policies = (
        _file("policies/openshift-data-foundation/values.yaml", {"odf": entry, "source": entry}),
        _file("policies/stable/acs/manifests/kustomization.yaml", chart),
    )
    _plan_or_refusal(_file("fleet.yaml", fleet), policies=policies)
