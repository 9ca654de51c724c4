"""What a person meant and AutoShift passes over: each case is refused or warned of, with its place."""

from __future__ import annotations

import pytest

from steps.autoshift.plan import FleetPlan
from steps.autoshift.planning import plan_fleet
from steps.autoshift.spelling import meant_label, nearest
from steps.errors import InvalidInputError
from steps.yaml.source import SourceFile

from .samples import cluster, hub, managed, plan, source

VERSION = "      openshift-version: '4.20.12'\n"


def warning(plan: FleetPlan, *words: str) -> str:
    (found,) = (text for text in plan.warnings if all(word in text for word in words))
    return found


def refusal(text: str) -> str:
    with pytest.raises(InvalidInputError) as caught:
        plan_fleet([source(text)])
    return f"{caught.value.reason} | {caught.value.hint}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "hubClusterSet:\n  hub:\n    labels:\n" + VERSION,
            "values.yaml, line 1: 'hubClusterSet' stands where AutoShift does not read it | did you mean "
            "'hubClusterSets'?",
        ),
        (
            "hubClusterSets: {hub: {labels: {a: b}}}\nmanagedClustersets:\n  m:\n    labels:\n" + VERSION,
            "line 2: 'managedClustersets' stands where AutoShift does not read it | did you mean "
            "'managedClusterSets'?",
        ),
        ("hubClusterSets: {hub: }\nexcludePolicy: [quay]\n", "line 2: 'excludePolicy' stands where"),
        ("hubClusterSets: {hub: }\nlabels:\n  acs: 'true'\n", "line 2: 'labels' stands where"),
        (
            "hubClusterSets:\n  hub:\n    label:\n" + VERSION,
            "values.yaml, line 3: hubClusterSets.hub has 'label', which AutoShift does not read | did you "
            "mean 'labels'?",
        ),
        (
            "hubClusterSets:\n  hub:\n  labels:\n    acs: 'true'\n",
            "line 4: hubClusterSets.labels has no 'labels' but acs, which AutoShift does not read | indent "
            "'labels' to stand below the name of its set or cluster",
        ),
        (
            "hubClusterSets:\n  hub:\n    acs: 'true'\n    quay: 'true'\n",
            "line 3: hubClusterSets.hub has no 'labels' but acs, quay, which AutoShift does not read | write "
            "these below hub.labels",
        ),
    ],
)
def test_labels_that_autoshift_would_not_read_are_refused(text: str, words: str) -> None:
    assert words in refusal(text)


@pytest.mark.parametrize(
    ("label", "meant"),
    [
        ("logging-chanel: stable-6.2", "logging-channel"),
        ("acm-chanle: release-2.15", "acm-channel"),
        ("quay-subscripton-name: quay-operator", "quay-subscription-name"),
        ("gitops-verison: x.v1.2.3", "gitops-version"),
        ("loging-channel: stable-6.2", "logging-channel"),
        ("Openshift-Version: '4.20.1'", "openshift-version"),
        ("self-manged: 'true'", "self-managed"),
        ("complience: 'true'", "compliance"),
        ("ACS: 'true'", "acs"),
        ("dev_hub_channel: fast-1.9", "dev-hub-channel"),
        ("openshift_version: '4.20.1'", "openshift-version"),
    ],
)
def test_a_label_that_is_nearly_another_is_warned_of_once_with_its_place(label: str, meant: str) -> None:
    found = plan(hub(label))
    name = label.partition(":")[0]
    assert found.warnings == (
        f"clustersets/hub.yaml, line 5: hub set hub: label {name} is none that AutoShift reads; did you mean "
        f"'{meant}'?",
    )


def test_without_any_version_the_error_names_the_label_that_is_nearly_it() -> None:
    with pytest.raises(InvalidInputError, match=r"no label openshift-version.*line 4.*openshift-verison"):
        plan(managed("openshift-verison: '4.20.12'"))


@pytest.mark.parametrize(
    "label",
    [
        "odf-ocs-storage-size",  # a setting of an operator
        "infra-nodes-zones",  # a setting of a feature
        "openshift-ai-version",  # of an operator that the values describe
        "metallb-pool-2",
        "team",
        "ocs",
        "acs-resource",
        "acs-file_storage_size",
    ],
)
def test_a_label_of_somebody_else_is_not_a_misspelled_one(label: str) -> None:
    operators = {"acs", "odf", "metallb", "logging", "openshift-ai", "tempo"}
    assert meant_label(label, operators) is None


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("labels", None),
        ("label", "labels"),
        ("lables", "labels"),
        ("Labels", "labels"),
        ("values", None),
        ("zone-2", None),
        ("zone1", "zone-1"),
        ("xoneX1", None),
    ],
)
def test_near_is_what_a_slip_of_the_finger_makes(word: str, meant: str | None) -> None:
    assert nearest(word, ("labels", "zone-1")) == meant


def test_acm_on_a_managed_set_and_against_it_on_a_hub_have_no_effect() -> None:
    found = plan(hub("acm: 'false'"), managed("acm: 'true'"), cluster("c", "acm: 'true'", of="managed"))
    assert warning(found, "on hub sets only").startswith(
        "clustersets/managed.yaml, line 4: managed set managed, cluster c: label acm has no effect"
    )
    assert "clustersets/hub.yaml, line 5: hub set hub" in warning(found, "every hub gets this operator")
    assert plan(hub("acm: 'true'"), managed("acm: 'false'")).warnings == (
        "managed set managed: no label openshift-version: its operators are mirrored for every minor found",
    )


def test_a_policy_folder_that_is_not_there_excludes_nothing() -> None:
    names = source("excludePolicies: [nosuch, developer-hubb, quay]")
    found = plan(hub(), names)
    assert "values.yaml, line 1: excludePolicies names 'nosuch'" in warning(found, "'nosuch'")
    assert "did you mean 'developer-hub'?" in warning(found, "developer-hubb")
    assert len(found.warnings) == 2
    own = SourceFile("policies/nosuch/placement.yaml", b"kind: Placement\n")
    with_checkout = plan_fleet([hub(), names], [own]).warnings
    assert [text.split("'")[1] for text in with_checkout] == ["developer-hubb", "quay"]


def test_a_feature_without_a_subscription_has_no_use_for_its_name() -> None:
    found = plan(hub("vault: 'true'", "vault-subscription-name: vault-operator"))
    assert "line 6: hub set hub: label vault-subscription-name has no effect" in warning(found, "vault-sub")


def test_keys_of_a_set_or_cluster_that_autoshift_does_not_read_are_warned_of() -> None:
    text = """
        hubClusterSets:
          hub:
            openshift-version: 4.20.12
            labels: {openshift-version: 4.20.12}
            annotations: {a: b}
            selfManage: true
        clusters:
          c:
            clusterSet: hub
            config: {clusterset: hub, clusterInstall: {openshiftversion: 4.20.1}}
    """
    found = plan(source(text))
    assert "line 4: hub set hub" in warning(found, "'openshift-version' has no effect", "labels.openshift-")
    assert "line 6: hub set hub" in warning(found, "'annotations' has no effect")
    assert "line 7: hub set hub" in warning(found, "'selfManage' has no effect", "'labels.self-managed'")
    assert "line 10: cluster c" in warning(found, "did you mean 'config.clusterSet'?")
    assert "line 11: cluster c" in warning(found, "config.clusterset has no effect", "'clusterSet'")
    assert warning(found, "config.clusterInstall.openshiftversion", "'openshiftVersion'")


def test_labels_below_config_are_warned_of() -> None:
    config = "{labels: {acs: x}, quay: 'true', acs: {a: b}}"
    text = f"hubClusterSets:\n  hub:\n    config:\n      {config}\n"
    found = plan(hub(), source(text))
    assert [text.partition(" has")[0] for text in found.warnings] == [
        "values.yaml, line 4: hub set hub: config.labels",
        "values.yaml, line 4: hub set hub: config.quay",
    ]


def test_keys_above_all_sets_that_look_like_labels_or_sets_are_warned_of() -> None:
    text = (
        "openshift-version: '4.20.12'\nspokeSets: {a: {labels: {}}}\nx-anchors: {a: {labels: {}}}\nfoo: 1\n"
    )
    found = plan(hub(), source(text, "global.yaml"))
    assert "global.yaml, line 1: 'openshift-version' has no effect here" in found.warnings[0]
    assert "global.yaml, line 2: 'spokeSets' looks like cluster sets" in found.warnings[1]
    assert len(found.warnings) == 2


def test_without_any_section_the_key_that_looks_like_one_is_named() -> None:
    assert "no cluster set and no cluster (hubClusterSets, managedClusterSets, clusters), but spokes |" in (
        refusal("spokes: {a: {labels: {}}}\nother: {a: b}\n")
    )


def test_a_mistake_of_many_clusters_is_one_warning() -> None:
    clusters = [cluster(f"c{number}", "quay-chanel: x", of="hub") for number in range(30)]
    (found,) = plan(hub(), *clusters).warnings
    assert found.startswith("clusters/c0.yaml, line 5: cluster c0, cluster c1")
    assert "and 25 more: label quay-chanel" in found
