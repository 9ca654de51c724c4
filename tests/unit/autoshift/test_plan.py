"""What labels turn into: one rule a test, each on the smallest values that show it."""

from __future__ import annotations

import pytest

from steps.autoshift.plan import FleetPlan
from steps.autoshift.plan_text import describe_plan
from steps.autoshift.planning import ReadCatalogs, plan_fleet
from steps.catalog.packages import Bundle, Catalog, Package
from steps.errors import InvalidInputError
from steps.yaml.source import SourceFile

from .samples import channels, cluster, hub, managed, operator, packages, plan, source
from .shared import catalog

ACM = {"advanced-cluster-management", "multicluster-engine", "openshift-gitops-operator"}


def warned(plan: FleetPlan, *words: str) -> bool:
    return any(all(word in warning for word in words) for warning in plan.warnings)


def refusal(*files: SourceFile, version: str | None = None) -> InvalidInputError:
    with pytest.raises(InvalidInputError) as caught:
        plan_fleet(files, openshift_version=version)
    return caught.value


# Enabling


@pytest.mark.parametrize("value", ["'true'", "true", "True", "TRUE"])
def test_true_enables_quoted_or_as_yaml_has_it(value: str) -> None:
    assert packages(plan(hub(f"acs: {value}"))) == {"rhacs-operator"} | ACM


@pytest.mark.parametrize("value", ["'false'", "false", "''", "", "~"])
def test_false_and_blank_do_not_enable_and_are_no_surprise(value: str) -> None:
    found = plan(hub(f"acs: {value}"))
    assert packages(found) == ACM
    assert found.warnings == ()


@pytest.mark.parametrize("value", ["'True'", "'trueish'", "'yes'", "'1'", "'true '"])
def test_what_only_looks_like_true_does_not_enable_and_is_warned_of(value: str) -> None:
    found = plan(hub(f"acs: {value}"))
    assert packages(found) == ACM
    assert warned(found, "label acs is", "not 'true'", "hub set hub")


def test_a_plain_on_is_what_helm_makes_of_it_with_a_warning() -> None:
    found = plan(hub("acs: on"))
    assert "rhacs-operator" in packages(found)
    assert warned(found, "label acs of hub set hub is on without quotes", "reads as true")


def test_acm_is_on_every_hub_without_a_label_and_on_nothing_else() -> None:
    found = plan(hub(), managed("acm: 'true'", "acm-channel: release-2.16"))
    assert channels(found, "advanced-cluster-management") == ["release-2.16"]  # the default, on the hub
    assert operator(found, "advanced-cluster-management").asked_by == ("hub set hub",)


def test_a_hub_gets_acm_even_where_a_label_says_false() -> None:
    assert packages(plan(hub("acm: 'false'"))) == ACM


def test_feature_labels_are_no_operators() -> None:
    labels = ("acm-observability: 'true'", "infra-nodes: '3'", "aap-hub-disabled: 'true'", "uwm: 'true'")
    found = plan(hub(*labels, "gitops-dev-team-blue: 'true'"))
    assert packages(found) == ACM
    assert found.warnings == ()


def test_an_enabled_label_that_nobody_knows_is_warned_of() -> None:
    found = plan(hub("florp: 'true'"), managed("florp: 'true'"))
    assert packages(found) == ACM
    assert warned(found, "label florp is 'true'", "hub set hub, managed set managed")


@pytest.mark.parametrize(
    "siblings",
    [
        ("florp-subscription-name: florp-operator",),
        ("florp-channel: beta", "florp-source: community-operators"),
    ],
)
def test_an_unknown_label_with_the_siblings_of_an_operator_is_one(siblings: tuple[str, ...]) -> None:
    found = plan(hub("florp: 'true'", "florp-source: community-operators", *siblings[:1]))
    assert packages(found) & {"florp", "florp-operator"}


# Package, channel, catalog


def test_a_subscription_name_renames_the_package() -> None:
    assert "acs-next" in packages(plan(hub("acs: 'true'", "acs-subscription-name: acs-next")))


@pytest.mark.parametrize("label", ["trident", "acs", "compliance"])
def test_the_label_name_names_the_package_too(label: str) -> None:
    assert "renamed" in packages(plan(hub(f"{label}: 'true'", f"{label}-name: renamed")))


@pytest.mark.parametrize("value", ["''", "", "~"])
def test_a_blank_channel_is_autoshifts_default(value: str) -> None:
    assert channels(plan(hub("logging: 'true'", f"logging-channel: {value}")), "cluster-logging") == [
        "stable-6.5"
    ]


def test_a_channel_that_reads_like_a_number_stays_as_written() -> None:
    found = plan(hub("quay: 'true'", "quay-channel: 3.10"))
    assert channels(found, "quay-operator") == ["3.10"]
    assert warned(found, "label quay-channel", "3.10 without quotes", "reads as 3.1")


@pytest.mark.parametrize(
    ("source_label", "catalog"),
    [
        ("certified-operators", "registry.redhat.io/redhat/certified-operator-index:v4.20"),
        ("community-operators", "registry.redhat.io/redhat/community-operator-index:v4.20"),
        ("redhat-operators-mirror", "registry.redhat.io/redhat/redhat-operator-index:v4.20"),
        ("certified-operators-inner", "registry.redhat.io/redhat/certified-operator-index:v4.20"),
        ("cs-redhat-operator-index-v4-20", "registry.redhat.io/redhat/redhat-operator-index:v4.20"),
        ("''", "registry.redhat.io/redhat/redhat-operator-index:v4.20"),
    ],
)
def test_a_source_is_mapped_back_to_its_upstream_catalog(source_label: str, catalog: str) -> None:
    found = plan(hub("acs: 'true'", f"acs-source: {source_label}", "mirror-catalog-suffix: inner"))
    assert operator(found, "rhacs-operator").catalog == catalog


def test_a_catalog_of_somebodys_own_is_not_mirrored_but_warned_of() -> None:
    found = plan(hub("acs: 'true'", "acs-source: acme-catalog"))
    assert packages(found) == ACM
    assert warned(found, "operator acs comes from catalog source 'acme-catalog'")


def test_a_misspelt_catalog_is_refused_with_line_and_the_right_name() -> None:
    error = refusal(hub("acs: 'true'", "acs-source: redhat-operator"))
    assert error.reason.startswith(
        "clustersets/hub.yaml, line 6: acs-source of hub set hub is 'redhat-operator'"
    )
    assert "did you mean 'redhat-operators'" in error.hint


def test_a_value_that_no_label_can_have_is_refused_with_its_line() -> None:
    error = refusal(hub("acs: 'true'", "acs-channel: 'stable 4'"))
    assert error.reason.startswith("clustersets/hub.yaml, line 6: acs-channel of hub set hub is 'stable 4'")


def test_the_same_package_under_two_labels_stands_once() -> None:
    found = plan(
        hub("servicemesh3: 'true'", "servicemesh3operator: 'true'", "servicemesh3-channel: stable-3.2")
    )
    assert channels(found, "servicemeshoperator3") == ["stable", "stable-3.2"]
    assert operator(found, "servicemeshoperator3").default_channel is None  # the catalog's own is among them


def test_a_default_channel_is_the_highest_where_the_catalogs_own_is_left_out() -> None:
    found = plan(
        hub("quay: 'true'", "quay-channel: stable-3.9"), managed("quay: 'true'", "quay-channel: stable-3.10")
    )
    assert channels(found, "quay-operator") == ["stable-3.9", "stable-3.10"]
    assert operator(found, "quay-operator").default_channel == "stable-3.10"


def test_an_excluded_policy_takes_its_operator_away() -> None:
    files = [hub("acs: 'true'", "quay: 'true'"), source("excludePolicies: [stable/quay]\n", "global.yaml")]
    assert packages(plan(*files)) == {"rhacs-operator"} | ACM


def test_a_later_file_replaces_the_list_of_excluded_policies() -> None:
    files = [
        hub("acs: 'true'", "quay: 'true'"),
        source("excludePolicies: [quay]\n"),
        source("excludePolicies: []\n"),
    ]
    assert "quay-operator" in packages(plan(*files))


# Cluster over cluster set


def test_a_cluster_wins_over_its_set_and_a_blank_takes_away() -> None:
    sets = managed("openshift-version: '4.20.12'", "acs: 'true'", "quay: 'true'", "quay-channel: stable-3.9")
    found = plan(sets, cluster("edge", "acs: ''", "quay-channel: stable-3.10", "nmstate: 'true'"))
    assert operator(found, "rhacs-operator").asked_by == ("managed set managed",)
    assert channels(found, "quay-operator") == ["stable-3.9", "stable-3.10"]
    assert operator(found, "kubernetes-nmstate-operator").asked_by == ("cluster edge",)


def test_a_cluster_like_its_set_asks_for_nothing_of_its_own() -> None:
    found = plan(managed("openshift-version: '4.20.12'", "acs: 'true'"), cluster("edge", "infra-nodes: '3'"))
    assert operator(found, "rhacs-operator").asked_by == ("managed set managed",)
    assert [release.asked_by for release in found.releases] == [("managed set managed",)]


def test_a_cluster_of_a_hub_set_is_a_hub() -> None:
    found = plan(hub(), cluster("hub-2", "acm-channel: release-2.15", of="hub"))
    assert channels(found, "advanced-cluster-management") == ["release-2.15", "release-2.16"]
    assert channels(found, "multicluster-engine") == ["stable-2.10", "stable-2.11"]


def test_a_cluster_that_names_no_set_counts_as_a_member_of_each() -> None:
    files = [
        hub("quay-channel: stable-3.9"),
        managed("openshift-version: '4.20.12'", "quay-channel: stable-3.10"),
    ]
    lonely = source("clusters:\n  lonely:\n    labels: {quay: 'true'}\n", "lonely.yaml")
    found = plan(*files, lonely)
    assert channels(found, "quay-operator") == ["stable-3.9", "stable-3.10"]
    assert warned(found, "cluster lonely names no config.clusterSet", "hub, managed")
    assert [cluster.sets for cluster in found.clusters if cluster.kind == "cluster"] == [("hub", "managed")]


def test_a_cluster_of_a_set_that_no_file_has_counts_by_its_own_labels() -> None:
    found = plan(hub(), cluster("edge", "openshift-version: '4.20.12'", "acs: 'true'", of="elsewhere"))
    assert operator(found, "rhacs-operator").asked_by == ("cluster edge",)
    assert warned(found, "cluster edge belongs to set 'elsewhere'")


def test_settings_under_config_are_not_labels() -> None:
    text = "hubClusterSets: {hub: {config: {acs: 'true', quay: {enabled: 'true'}}}}"
    assert packages(plan(source(text), version="4.20")) == ACM


# OpenShift versions


def test_each_minor_has_a_channel_and_catalogs_with_the_operators_of_those_who_run_it() -> None:
    found = plan(hub("acs: 'true'"), managed("openshift-version: '4.18.22'", "quay: 'true'", "acs: 'true'"))
    assert [(r.channel, r.minimum, r.maximum) for r in found.releases] == [
        ("stable-4.18", "4.18.22", "4.18.22"),
        ("stable-4.20", "4.20.12", "4.20.12"),
    ]
    assert {(op.minor, op.package) for op in found.operators if op.package not in ACM} == {
        ("4.18", "rhacs-operator"),
        ("4.18", "quay-operator"),
        ("4.20", "rhacs-operator"),
    }
    assert {op.minor for op in found.operators if op.package in ACM} == {"4.20"}


def test_a_set_without_version_gets_its_operators_in_every_minor_with_a_warning() -> None:
    found = plan(hub(), cluster("a", "openshift-version: '4.18.1'", of="hub"), managed("acs: 'true'"))
    assert {op.minor for op in found.operators if op.package == "rhacs-operator"} == {"4.18", "4.20"}
    assert warned(found, "managed set managed: no label openshift-version")


def test_without_any_version_the_parameter_is_asked_for() -> None:
    error = refusal(managed("acs: 'true'"))
    assert "no label openshift-version" in error.reason
    assert "parameter openshift-version" in error.hint


def test_the_parameter_takes_the_place_of_the_labels_and_says_so() -> None:
    found = plan(hub("acs: 'true'"), version="4.18.22")
    assert found.minors == ("4.18",)
    assert found.openshift_versions == ("4.18.22",)
    assert warned(found, "openshift-version 4.18.22 takes the place of 4.20.12")


@pytest.mark.parametrize(
    ("version", "low", "high"),
    [
        ("4.18", "", ""),
        ("4.18.22", "4.18.22", "4.18.22"),
        ("4.18.3-4.18.22", "4.18.3", "4.18.22"),
        ("4.18.3-", "4.18.3", ""),
    ],
)
def test_a_version_is_a_minor_a_release_or_a_range(version: str, low: str, high: str) -> None:
    (release,) = plan(managed("acs: 'true'"), version=version).releases
    assert (release.channel, release.minimum, release.maximum) == ("stable-4.18", low, high)


@pytest.mark.parametrize(
    "version",
    [
        "4",
        "v4.18",
        "4.18.x",
        "4.19.2-4.18.1",
        "4.19.2-4.18",
        "4.18.5-4.18.2",
        "4.018",
        "latest",
        "4.18 ",
        "4.1.1-4.20.1",
    ],
)
def test_a_version_that_is_none_is_refused(version: str) -> None:
    assert "openshift-version" in refusal(hub(), version=version).reason


def test_a_version_label_that_is_none_is_refused_with_its_line() -> None:
    error = refusal(
        source("# fleet\nhubClusterSets:\n  hub:\n    labels:\n      openshift-version: 'new'\n", "h.yaml")
    )
    assert (
        error.reason == "h.yaml, line 5: openshift-version of hub set hub: 'new' is not an OpenShift version"
    )


def test_two_releases_of_a_minor_are_joined_by_the_shortest_path() -> None:
    (release,) = plan(hub(), cluster("a", "openshift-version: '4.20.9'", of="hub")).releases
    assert (release.minimum, release.maximum, release.shortest_path) == ("4.20.9", "4.20.12", True)


def test_three_releases_of_a_minor_take_the_whole_range() -> None:
    clusters = [cluster(f"c{z}", f"openshift-version: '4.20.{z}'", of="hub") for z in (9, 10)]
    (release,) = plan(hub(), *clusters).releases
    assert (release.minimum, release.maximum, release.shortest_path) == ("4.20.9", "4.20.12", False)


def test_a_whole_minor_beside_a_release_goes_up_to_the_head() -> None:
    (release,) = plan(hub(), cluster("a", "openshift-version: '4.20'", of="hub")).releases
    assert (release.minimum, release.maximum, release.shortest_path) == ("4.20.12", "", True)


def test_a_release_candidate_is_looked_for_in_its_channel() -> None:
    assert plan(hub(version="4.22.0-rc.1")).releases[0].channel == "candidate-4.22"


def test_the_upgrade_channel_counts_where_upgrades_are_switched_on() -> None:
    labels = ("openshift-upgrade-channel: eus-4.20",)
    assert plan(hub(*labels)).releases[0].channel == "stable-4.20"
    assert plan(hub("openshift-upgrade: 'true'", *labels)).releases[0].channel == "eus-4.20"


def test_a_created_cluster_brings_its_release_and_architecture() -> None:
    text = """
        clusters:
          new:
            config:
              clusterSet: hub
              clusterInstall: {createCluster: CREATE, openshiftVersion: 4.20.5, cpuArch: aarch64,
              openshiftChannel: fast}
    """
    found = plan(hub(), source(text.replace("CREATE", "'true'")))
    assert [(r.channel, r.minimum) for r in found.releases] == [
        ("fast-4.20", "4.20.5"),
        ("stable-4.20", "4.20.12"),
    ]
    assert found.architectures == ("amd64", "arm64")


def test_a_cluster_that_is_there_already_keeps_its_architecture_but_not_the_release_it_began_with() -> None:
    found = plan(hub(), installation("createCluster: 'false', openshiftVersion: 4.20.5, cpuArch: aarch64"))
    assert found.architectures == ("amd64", "arm64")
    assert [release.minimum for release in found.releases] == ["4.20.12"]


@pytest.mark.parametrize(
    ("image_set", "version", "architectures"),
    [
        ("img4.20.9-multi-appsub", "4.20.9", ("amd64", "multi")),
        ("img4.20.9-x86-64-appsub", "4.20.9", ("amd64",)),
        ("img4.20.9-arm64-appsub", "4.20.9", ("amd64", "arm64")),
        ("img4.21.0-ec.3-multi-appsub", "4.21.0-ec.3", ("amd64", "multi")),
        ("openshift-image-set-4.20.9", "4.20.9", ("amd64", "s390x")),
        ("openshift-v4.20.9", "4.20.9", ("amd64", "s390x")),
    ],
)
def test_the_name_of_a_cluster_image_set_is_a_version_and_an_architecture(
    image_set: str, version: str, architectures: tuple[str, ...]
) -> None:
    """It takes the place of openshiftVersion and, where it says so, of cpuArch."""
    found = plan(
        hub(version="4.20.1"),
        installation(
            f"createCluster: 'true', openshiftVersion: 4.20.5, cpuArch: s390x, clusterImageSet: {image_set}"
        ),
    )
    assert version in found.openshift_versions
    assert "4.20.5" not in found.openshift_versions
    assert found.architectures == architectures
    assert warned(found, "cluster new", f"'{image_set}' takes the place of openshiftVersion 4.20.5")


def test_a_cluster_image_set_that_tells_no_release_is_warned_of() -> None:
    found = plan(
        hub(), installation("createCluster: 'true', openshiftVersion: 4.20.5, clusterImageSet: prod-june")
    )
    assert "4.20.5" in found.openshift_versions
    assert warned(found, "clusterImageSet 'prod-june' does not tell its release: openshiftVersion 4.20.5")
    found = plan(hub(), installation("createCluster: 'true', clusterImageSet: prod-june"))
    assert warned(found, "clusterImageSet 'prod-june' does not tell its release: no release is mirrored")


@pytest.mark.parametrize("value", ["'True'", "'yes'", "'TRUE'"])
def test_what_only_looks_like_true_creates_no_cluster_and_is_warned_of(value: str) -> None:
    found = plan(hub(), installation(f"createCluster: {value}, openshiftVersion: 4.20.5"))
    assert found.openshift_versions == ("4.20.12",)
    assert warned(found, "cluster new", "createCluster is ", "not 'true': AutoShift does not create it")


def test_a_plain_yes_creates_the_cluster_as_helm_reads_it_with_a_warning() -> None:
    found = plan(hub(), installation("createCluster: yes, openshiftVersion: 4.20.5"))
    assert "4.20.5" in found.openshift_versions
    assert warned(found, "cluster new", "createCluster is yes without quotes, which Helm reads as true")


def test_a_label_of_a_feature_that_only_looks_like_true_is_warned_of() -> None:
    found = plan(hub("openshift-upgrade: 'Yes'", "openshift-upgrade-channel: eus-4.20"))
    assert found.releases[0].channel == "stable-4.20"
    assert warned(found, "hub set hub", "label openshift-upgrade is 'Yes', not 'true'")
    assert warned(plan(hub("infra-nodes: 'true '")), "label infra-nodes is 'true ', not 'true'")
    assert len([text for text in plan(hub("acs: 'True'")).warnings if "label acs is" in text]) == 1


def test_boot_images_of_an_architecture_that_no_cluster_has_are_warned_of() -> None:
    images = "{disconnected: {osImages: [{openshiftVersion: '4.20', cpuArchitecture: aarch64}, {url: a}]}}"
    hub_set = source(f"hubClusterSets: {{hub: {{labels: {{openshift-version: 4.20.1}}, config: {images}}}}}")
    found = plan(hub_set)
    assert found.architectures == ("amd64",)
    assert warned(found, "hub set hub", "osImages has images of aarch64", "set config.clusterInstall.cpuArch")
    for architecture in ("arm64", "multi"):
        found = plan(hub_set, installation(f"cpuArch: {architecture}"))
        assert not warned(found, "osImages")


def test_a_set_that_is_upgraded_from_a_minor_that_nobody_names_has_a_note() -> None:
    upgrade = "openshift-upgrade: 'true'"
    (note,) = (note for note in plan(hub(upgrade)).notes if "openshift-upgrade" in note)
    assert note == (
        "hub set hub: openshift-upgrade leads to 4.20.12; for clusters of an earlier minor, give parameter "
        "openshift-version=X.Y.Z-4.20.12, which mirrors the way"
    )
    older = cluster("a", "openshift-version: '4.19.3'", of="hub")
    assert not any("leads to 4.20.12" in note for note in plan(hub(upgrade), older).notes)
    assert not any("openshift-upgrade" in note for note in plan(hub(upgrade), version="4.19.3-4.20.12").notes)
    assert not any("openshift-upgrade" in note for note in plan(hub()).notes)


def installation(settings: str) -> SourceFile:
    """A cluster named new of the hub set, with these settings under config.clusterInstall."""
    return source(f"clusters: {{new: {{config: {{clusterSet: hub, clusterInstall: {{{settings}}}}}}}}}")


# Several minors (which channels are written for them: test_update_paths.py)


def test_clusters_that_follow_eus_are_mirrored_on_one_update_path() -> None:
    eus = ("openshift-upgrade: 'true'", "openshift-upgrade-channel: eus-4.")
    found = plan(
        hub(eus[0], f"{eus[1]}20", "acs: 'true'"),
        managed(eus[0], f"{eus[1]}18", "openshift-version: '4.18.22'", "quay: 'true'"),
    )
    (release,) = found.releases
    assert (release.channel, release.minimum, release.maximum) == ("eus-4.20", "4.18.22", "4.20.12")
    assert release.shortest_path
    assert release.asked_by == ("hub set hub", "managed set managed")
    assert not warned(found, "OpenShift")
    assert found.minors == ("4.18", "4.20")


def test_a_hub_on_its_way_between_two_eus_minors_is_looked_for_in_stable() -> None:
    """Its ClusterVersion names a channel of the kind eus, and 4.19 has none."""
    found = plan_fleet([managed("acs: 'true'")], openshift_version="4.19.5", release_channel="eus")
    assert [release.channel for release in found.releases] == ["stable-4.19"]
    assert not warned(found, "release channel")


def test_a_path_as_version_brings_the_catalogs_of_the_minors_that_clusters_run() -> None:
    """On the way from 4.18 to 4.20 no node stays at 4.19, so no operator is installed from its catalog."""
    for version in ("4.18.22-4.20.12", "4.18.22-4.20"):
        found = plan(managed("acs: 'true'"), version=version)
        assert found.minors == ("4.18", "4.20")
        assert [operator.minor for operator in found.operators] == ["4.18", "4.20"]
        assert found.openshift_versions == (version,)
    assert plan(managed("acs: 'true'"), version="4.17.3-4.19.5").minors == ("4.17", "4.18", "4.19")
    assert plan(managed("acs: 'true'"), version="4.18.22-4.21.5").minors == ("4.18", "4.20", "4.21")


@pytest.mark.parametrize(
    ("version", "channel", "instead", "said"),
    [
        ("4.20.12", "eus-4.18", "eus-4.20", "eus-4.18 has no release 4.20.12"),
        ("4.19.5", "eus-4.19", "stable-4.19", "eus-4.19 does not exist"),
        ("4.16.5", "stable-4.20", "stable-4.16", "stable-4.20 has no release 4.16.5"),
        ("4.22.0-rc.1", "stable-4.22", "candidate-4.22", "stable-4.22 has no release 4.22.0-rc.1"),
        ("4.16.60", "stable-4.16", "eus-4.16", "stable-4.16 has no release 4.16.60"),
    ],
)
def test_a_channel_that_lacks_the_release_is_warned_of_and_another_taken(
    version: str, channel: str, instead: str, said: str
) -> None:
    labels = ("openshift-upgrade: 'true'", f"openshift-upgrade-channel: {channel}")
    found = plan(hub(*labels, version=version))
    assert [(release.channel, release.minimum) for release in found.releases] == [(instead, version)]
    assert warned(found, "hub set hub", said, f"taken from {instead}")


@pytest.mark.parametrize(
    ("version", "channel", "written"),
    [
        ("4.20.12", "stable-4.21", "stable-4.21"),  # it has the minor before, to update from
        ("4.18.22", "eus-4.20", "eus-4.20"),
        ("4.18.22", "stable-4.20", "stable-4.18"),  # which surely has it
        ("4.18", "eus-4.20", "eus-4.18"),  # the newest of 4.18 is not the newest of eus-4.20
        ("4.16.60", "", "eus-4.16"),  # the stable channel ended before
    ],
)
def test_a_cluster_may_look_ahead_into_a_later_channel(version: str, channel: str, written: str) -> None:
    labels = ("openshift-upgrade: 'true'", f"openshift-upgrade-channel: {channel}")
    found = plan(hub(*labels, version=version))
    assert found.warnings == ()
    assert [release.channel for release in found.releases] == [written]


# What operators need


@pytest.mark.parametrize(
    ("acm", "engine"),
    [("2.13", "2.8"), ("2.14", "2.9"), ("2.15", "2.10"), ("2.16", "2.11"), ("2.17", "2.17")],
)
def test_the_multicluster_engine_follows_acm(acm: str, engine: str) -> None:
    assert channels(plan(hub(f"acm-channel: release-{acm}")), "multicluster-engine") == [f"stable-{engine}"]


def test_an_acm_whose_engine_is_not_known_is_warned_of() -> None:
    assert warned(
        plan(hub("acm-channel: release-2.19")), "multicluster-engine channel goes with", "release-2.19"
    )


@pytest.mark.parametrize(
    ("odf", "since", "not_yet"),
    [
        ("4.15", "mcg-operator", "rook-ceph-operator"),
        ("4.15", "ocs-operator", "ocs-client-operator"),
        ("4.15", "odf-csi-addons-operator", "odf-prometheus-operator"),
        ("4.16", "rook-ceph-operator", "cephcsi-operator"),
        ("4.17", "cephcsi-operator", "odf-dependencies"),
        ("4.18", "odf-dependencies", "odf-external-snapshotter-operator"),
        ("4.20", "odf-external-snapshotter-operator", "ocs-tls-profiles"),
        ("4.22", "ocs-tls-profiles", "odf-compose-operator"),
    ],
)
def test_odf_brings_the_packages_of_its_own_release(odf: str, since: str, not_yet: str) -> None:
    found = plan(hub("odf: 'true'", f"odf-channel: stable-{odf}", version=f"{odf}.1"))
    assert channels(found, since) == [f"stable-{odf}"]
    assert not_yet not in packages(found)


@pytest.mark.parametrize(
    ("package", "needs"),
    [
        ("devspaces", {"devworkspace-operator": "fast"}),
        ("web-terminal", {"devworkspace-operator": "fast"}),
        (
            "rhcl-operator",
            {"authorino-operator": "stable", "dns-operator": "stable", "limitador-operator": "stable"},
        ),
        ("odf-multicluster-orchestrator", {"odr-hub-operator": "stable-4.20"}),
    ],
)
def test_an_operator_brings_what_it_requires_from_the_catalog_of_its_minor(
    package: str, needs: dict[str, str]
) -> None:
    labels = ("florp: 'true'", f"florp-subscription-name: {package}", "florp-source: redhat-operators")
    found = plan(hub(*labels))
    for name, channel in needs.items():
        assert channels(found, name) == [channel]
        assert operator(found, name).need.labels == ()
        assert catalog("redhat-operator-index", "4.20")[name] == channel


MINORS = ("4.16", "4.17", "4.18", "4.19", "4.20", "4.21", "4.22")


@pytest.mark.parametrize("minor", MINORS)
@pytest.mark.parametrize(
    "package", ["devspaces", "web-terminal", "rhcl-operator", "odf-multicluster-orchestrator", "odf-operator"]
)
def test_what_an_operator_requires_is_in_the_catalog_of_its_minor(package: str, minor: str) -> None:
    labels = ("florp: 'true'", f"florp-subscription-name: {package}", "florp-source: redhat-operators")
    brought = [op for op in plan(hub(*labels, version=f"{minor}.1")).operators if not op.need.asked]
    assert len(brought) > 1  # the engine of ACM is one of them
    listed = catalog("redhat-operator-index", minor)
    assert {op.package for op in brought} <= set(listed)
    assert all(
        op.channels[0].name == listed[op.package] for op in brought if op.package != "multicluster-engine"
    )


def test_a_plan_without_catalogs_says_so_in_its_first_lines() -> None:
    text = describe_plan(plan(hub("acs: 'true'")))
    assert "Not checked against catalogs" in text.splitlines()[:4]


def test_operators_that_usually_come_together_are_a_note_until_they_do() -> None:
    gpu = (
        "gpu: 'true'",
        "gpu-subscription-name: gpu-operator-certified",
        "gpu-channel: stable",
        "gpu-source: certified-operators",
    )
    (note,) = plan(hub(*gpu)).notes
    assert note.startswith("hub set hub: gpu-operator-certified does not require nfd")
    nfd = ("node-feature-discovery: 'true'", "node-feature-discovery-channel: stable")
    assert plan(hub(*gpu, *nfd)).notes == ()
    assert not warned(plan(hub(*gpu)), "nfd")
    assert "\nNotes\n  - hub set hub: gpu-operator-certified" in describe_plan(plan(hub(*gpu)))


def test_openshift_ai_names_all_that_it_usually_comes_with() -> None:
    rhods = ("rhoai: 'true'", "rhoai-subscription-name: rhods-operator", "rhoai-source: redhat-operators")
    (note,) = plan(hub(*rhods)).notes
    assert "authorino-operator, serverless-operator, servicemeshoperator" in note


def test_a_channel_later_than_its_openshift_is_warned_of_once_and_not_for_all_that_it_requires() -> None:
    found = plan(hub("odf: 'true'", "odf-channel: stable-4.22"))
    (text,) = [warning for warning in found.warnings if "is newer than" in warning]
    assert "odf-operator stable-4.22 is newer than OpenShift 4.20" in text


# Pins


def test_a_certain_pin_restricts_the_channel_to_it() -> None:
    found = plan(hub("acs: 'true'", "acs-version: rhacs-operator.v4.9.1"))
    assert [(c.minimum, c.maximum) for c in operator(found, "rhacs-operator").channels] == [
        ("4.9.1", "4.9.1")
    ]


@pytest.mark.parametrize(
    "pin",
    [
        "aap-operator.v2.6.0-0.178",
        "odf-operator.v4.20.1-rhodf",
        "nfd.4.20.0-202608122145",
        "x.v25.06.0",
        "4.9",
    ],
)
def test_a_pin_that_does_not_tell_its_version_is_warned_of_and_restricts_nothing(pin: str) -> None:
    found = plan(hub("acs: 'true'", f"acs-version: '{pin}'"))
    assert [(c.minimum, c.maximum) for c in operator(found, "rhacs-operator").channels] == [("", "")]
    assert warned(found, "the pin of acs", pin)


def test_pins_under_config_win_over_the_label() -> None:
    text = """
        hubClusterSets:
          hub:
            config: {quay: {versions: [quay-operator.v3.17.1, quay-operator.v3.17.10]}}
            labels: {openshift-version: 4.20.1, quay: 'true', quay-channel: stable-3.17, quay-version:
            quay-operator.v3.17.0}
    """
    (channel,) = operator(plan(source(text)), "quay-operator").channels
    assert (channel.minimum, channel.maximum) == ("3.17.1", "3.17.10")


def test_a_pin_too_new_for_its_channel_is_warned_of_and_left_out() -> None:
    found = plan(hub("mtv: 'true'", "mtv-channel: release-v2.10", "mtv-version: mtv-operator.v2.12.5"))
    assert operator(found, "mtv-operator").channels[0].minimum == ""
    assert warned(found, "mtv-operator is pinned to 2.12.5, which channel release-v2.10 cannot have")


def read(package: Package) -> ReadCatalogs:
    """Catalogs of which Red Hat's for 4.20 was read, as far as this package."""
    reference = "registry.redhat.io/redhat/redhat-operator-index:v4.20"
    found = Catalog(reference, "sha256:0", {package.name: package})
    return lambda wanted: {reference: found} if reference in wanted else {}


QUAY = Package(
    "quay-operator",
    "stable-3.16",
    {"stable-3.16": ("quay-operator.v3.16.0", "quay-operator.v3.16.1")},
    {
        f"quay-operator.v{version}": Bundle(f"quay-operator.v{version}", version)
        for version in ("3.16.0", "3.16.1")
    },
)


def test_a_pin_that_leaves_out_the_newest_version_is_warned_of() -> None:
    labels = ("quay: 'true'", "quay-channel: stable-3.16", "quay-version: quay-operator.v3.16.0")
    found = plan_fleet([hub(*labels)], read_catalogs=read(QUAY))
    assert warned(
        found, "hub set hub: quay-operator stable-3.16 is pinned to 3.16.0", "3.16.1", "raise quay-version"
    )
    newest = ("quay: 'true'", "quay-channel: stable-3.16", "quay-version: quay-operator.v3.16.1")
    assert not warned(plan_fleet([hub(*newest)], read_catalogs=read(QUAY)), "quay")


def test_a_pin_beside_a_cluster_without_one_leaves_nothing_out() -> None:
    labels = ("quay: 'true'", "quay-channel: stable-3.16")
    pinned = cluster("a", "quay-version: quay-operator.v3.16.0", of="hub")
    assert not warned(plan_fleet([hub(*labels), pinned], read_catalogs=read(QUAY)), "quay")


def test_an_unknown_channel_is_warned_of_with_the_label_that_settles_it() -> None:
    florp = ("florp: 'true'", "florp-subscription-name: florp-operator", "florp-source: community-operators")
    found = plan(hub(*florp))
    assert operator(found, "florp-operator").channels == ()
    assert warned(
        found, "hub set hub: which channel of florp-operator", "each of its channels", "florp-channel"
    )
    beside = plan(hub(*florp), managed("openshift-version: '4.20.12'", *florp, "florp-channel: beta"))
    assert channels(beside, "florp-operator") == ["beta"]
    assert warned(beside, "hub set hub: which channel of florp-operator", "only the channels", "(beta)")


def test_a_catalog_that_was_read_names_the_channel() -> None:
    labels = ("florp: 'true'", "florp-subscription-name: quay-operator", "florp-source: redhat-operators")
    found = plan_fleet([hub(*labels)], read_catalogs=read(QUAY))
    assert channels(found, "quay-operator") == ["stable-3.16"]
    assert warned(found, "quay-operator stable-3.16 is assumed, the default channel of its catalog")
    assert "registry.redhat.io/redhat/redhat-operator-index:v4.20" not in found.unchecked


# Images


def test_features_bring_their_images_for_the_minor_of_who_asks() -> None:
    found = plan(hub("autoshift-console: 'true'", "vault: 'true'", "vault-version: '1.18.0'"))
    assert [image.image.name for image in found.images] == [
        "docker.io/hashicorp/vault-k8s:1.4.2",
        "docker.io/hashicorp/vault:1.17.2",  # the agent, whose tag the label does not set
        "docker.io/hashicorp/vault:1.18.0",
        "quay.io/autoshift/autoshift-console-plugin:ocp4.20",
    ]


def test_the_console_plugin_is_of_hubs_only() -> None:
    assert plan(managed("openshift-version: '4.20.1'", "autoshift-console: 'true'")).images == ()


# Shapes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n", "v.yaml: the top level is a list, not a map"),
        ("hello\n", "v.yaml: the top level is a single text, not a map"),
        ("a: 1\n", "v.yaml: no cluster set and no cluster"),
        ("", "v.yaml: no cluster set and no cluster"),
        ("hubClusterSets: [hub]\n", "v.yaml, line 1: hubClusterSets is not a map"),
        (
            "hubClusterSets:\n  hub: on\n",
            "v.yaml, line 2: hubClusterSets.hub is not a map with 'labels' and 'config'",
        ),
        ("clusters:\n  a:\n    labels: []\n", "v.yaml, line 3: clusters.a.labels is not a map"),
        ("clusters:\n  a:\n    labels:\n      b: {}\n", "v.yaml, line 4: clusters.a.labels.b is not a text"),
        ("clusters:\n  a:\n    config: x\n", "v.yaml, line 3: clusters.a.config is not a map"),
        (
            "clusters:\n  a:\n    config: {clusterSet: []}\n",
            "v.yaml, line 3: clusters.a.config.clusterSet is not",
        ),
        ("clusters: {a: {}}\nexcludePolicies: x\n", "v.yaml, line 2: excludePolicies is not a list"),
    ],
)
def test_a_wrong_shape_is_refused_with_file_line_and_path(text: str, said: str) -> None:
    assert refusal(source(text, "v.yaml")).reason.startswith(said)


def test_an_empty_set_and_null_sections_are_fine() -> None:
    assert (
        packages(plan(source("hubClusterSets: {hub: }\nmanagedClusterSets:\nclusters: ~\n"), version="4.20"))
        == ACM
    )


def test_documents_of_one_file_are_merged_with_a_warning() -> None:
    text = (
        "hubClusterSets: {hub: {labels: {acs: true}}}\n---\nhubClusterSets: {hub: {labels: {acs: false}}}\n"
    )
    found = plan(source(text), version="4.20")
    assert packages(found) == ACM
    assert warned(found, "values.yaml has 2 YAML documents")


def test_a_warning_of_many_clusters_is_one_line() -> None:
    clusters = [cluster(f"c{n}", "florp: 'true'", of="hub") for n in range(12)]
    (warning,) = plan(hub(), *clusters).warnings
    assert warning.startswith(
        "cluster c0, cluster c1, cluster c2, cluster c3, cluster c4 and 7 more: label florp"
    )


def test_an_architecture_that_does_not_exist_is_refused() -> None:
    install = "{createCluster: true, openshiftVersion: 4.20.1, cpuArch: vax}"
    error = refusal(source(f"clusters: {{a: {{config: {{clusterInstall: {install}}}}}}}"))
    assert error.reason == "config.clusterInstall.cpuArch of cluster a is 'vax'"


def test_an_image_of_ones_own_for_the_console_plugin_is_taken() -> None:
    config = "{autoshiftConsole: {image: 'quay.io/me/plugin@sha256:0'}}"
    text = f"hubClusterSets: {{hub: {{config: {config}, labels: {{autoshift-console: true}}}}}}"
    assert [image.image.name for image in plan(source(text), version="4.20").images] == [
        "quay.io/me/plugin@sha256:0"
    ]


# Chosen sets and clusters


FLEET = (
    hub(),
    managed("openshift-version: '4.18.22'", "loki: 'true'"),
    cluster("edge-north", "acs: 'true'"),
    cluster("edge-south", "kiali: 'true'"),
)


def chosen(*clusters: str, sets: tuple[str, ...] = ()) -> FleetPlan:
    return plan_fleet(FLEET, clusters=clusters, cluster_sets=sets)


def test_a_chosen_cluster_has_what_its_set_needs_and_nothing_of_others() -> None:
    found = chosen("edge-north")
    assert packages(found) == {"loki-operator", "rhacs-operator"}
    assert found.minors == ("4.18",)
    assert [str(one.name) for one in found.clusters] == ["edge-north"]


def test_a_chosen_set_counts_with_all_its_clusters() -> None:
    assert packages(chosen(sets=("managed",))) == {"loki-operator", "rhacs-operator", "kiali-ossm"}
    assert packages(chosen("edge-south", sets=("hub",))) == {"loki-operator", "kiali-ossm"} | ACM


def test_of_none_chosen_all_count() -> None:
    assert chosen() == plan(*FLEET)


def test_a_chosen_name_that_nothing_has_is_refused_with_the_nearest() -> None:
    with pytest.raises(InvalidInputError, match="the parameter clusters names edge-noth, which no") as caught:
        chosen("edge-noth")
    assert caught.value.hint == "did you mean 'edge-north'?"
    with pytest.raises(InvalidInputError, match="the parameter cluster-sets names edge-north") as caught:
        chosen(sets=("edge-north",))
    assert caught.value.hint == "there are: hub, managed"
