"""Defaults from the policies of the same checkout, in each of the forms that AutoShift has had."""

from __future__ import annotations

from steps.autoshift.operators import CATALOG_DEFAULTS, OPERATORS
from steps.autoshift.planning import plan_fleet
from steps.autoshift.policies import read_policies
from steps.yaml.source import SourceFile

from .samples import channels, hub, operator, source
from .shared import catalog, policies

VALUES = source(
    "quay: {name: quay-operator, channel: stable-3.9, source: redhat-operators}", "policies/quay/values.yaml"
)


def lookup(label: str, default: str) -> str:
    """The template by which a policy reads a label, as AutoShift writes it."""
    return f'{{{{hub index .ManagedClusterLabels "autoshift.io/{label}" | default "{default}" hub}}}}'


KUSTOMIZATION = source(
    f"""
    helmCharts:
      - name: operator-install
        valuesInline:
          subscription:
            name: '{lookup("quay-subscription-name", "quay-next")}'
            channel: '{lookup("quay-channel", "stable-4.0")}'
            source: '{lookup("quay-source", "certified-operators")}-{{{{hub ternary hub}}}}'
    """,
    "policies/stable/quay/manifests/operator-install/kustomization.yaml",
)


def test_a_values_file_gives_the_default_of_its_folder() -> None:
    plan = plan_fleet([hub("quay: 'true'")], [VALUES])
    assert channels(plan, "quay-operator") == ["stable-3.9"]
    assert operator(plan, "quay-operator").channels[0].origin == "default of policies/quay/values.yaml"


def test_a_kustomization_gives_package_channel_and_catalog() -> None:
    plan = plan_fleet([hub("quay: 'true'")], [KUSTOMIZATION])
    assert channels(plan, "quay-next") == ["stable-4.0"]
    assert operator(plan, "quay-next").source == "certified-operators"


def test_a_label_wins_over_a_policy() -> None:
    plan = plan_fleet([hub("quay: 'true'", "quay-channel: stable-3.17")], [VALUES])
    assert channels(plan, "quay-operator") == ["stable-3.17"]


def test_a_policy_that_autoshift_does_not_know_makes_its_label_an_operator() -> None:
    policy = source(
        "newThing: {name: new-thing-operator, channel: beta, source: community-operators}",
        "policies/x/values.yaml",
    )
    plan = plan_fleet([hub("new-thing: 'true'")], [policy])
    assert channels(plan, "new-thing-operator") == ["beta"]


def template(folder: str, key: str, *reads: str) -> SourceFile:
    lines = [f"  {label.rpartition('-')[2]}: '{lookup(label, '{{ .Values.x.y }}')}'" for label in reads]
    text = "\n".join(["subscription:", f"  name: {{{{ .Values.{key}.name }}}}", *lines])
    return source(text, f"policies/{folder}/templates/policy-{folder}-operator-install.yaml")


def test_a_template_says_which_label_its_values_belong_to() -> None:
    values = source(
        "thing: {name: thing-operator, channel: beta, source: redhat-operators}", "policies/x/values.yaml"
    )
    assert list(read_policies([template("x", "thing", "fancy-channel", "fancy-source"), values])) == ["fancy"]


def test_a_template_that_reads_no_channel_leaves_it_to_the_catalog() -> None:
    folder = "openshift-data-foundation"
    values = source(
        "odf: {name: odf-operator, channel: stable-4.17, source: x}", f"policies/{folder}/values.yaml"
    )
    (default,) = read_policies([template(folder, "odf", "odf-source"), values]).values()
    assert (default.channel, default.reads_channel) == (None, False)
    (default,) = read_policies([template(folder, "odf", "odf-source", "odf-channel"), values]).values()
    assert (default.channel, default.reads_channel) == ("stable-4.17", True)


def test_files_without_defaults_are_passed_over() -> None:
    others = [
        source(
            "kind: Kustomization\ngenerators: [policy-generator-config.yaml]",
            "policies/stable/quay/kustomization.yaml",
        ),
        source("masterNodes: {maxPods: 250}", "policies/master-nodes/values.yaml"),
    ]
    assert read_policies(others) == {}


def test_the_built_in_table_is_what_the_policies_of_2026_08_say() -> None:
    """All but the catalog of gitlab-runner, where its policy is mistaken."""
    for label, read in read_policies(policies("split-2026-08")).items():
        known = OPERATORS[label]
        assert read.package == known.package
        assert read.channel == (known.channel or "").replace("{minor}", "4.22")
        assert read.source == known.source or label == "gitlab-runner"
        assert set(read.folders) <= set(known.folders)


def test_a_catalog_default_in_the_table_holds_in_every_catalog_that_has_the_package() -> None:
    for minor in ("4.16", "4.17", "4.18", "4.19", "4.20", "4.21", "4.22"):
        listed = catalog("certified-operator-index", minor) | catalog("redhat-operator-index", minor)
        for package, default in CATALOG_DEFAULTS.items():
            if package in listed:
                assert listed[package] == default.replace("{minor}", minor), (package, minor)


def test_a_default_catalog_that_lacks_the_package_is_warned_of() -> None:
    """AutoShift's own policy of gitlab-runner names redhat-operators, which has never had it."""
    found = plan_fleet([hub("gitlab-runner: 'true'")], policies("split-2026-08"))
    assert any("which does not have gitlab-runner-operator" in warning for warning in found.warnings)
    assert not plan_fleet(
        [hub("gitlab-runner: 'true'", "gitlab-runner-source: certified-operators")], policies("split-2026-08")
    ).warnings


def test_a_label_that_no_policy_reads_is_warned_of_and_mirrored() -> None:
    found = plan_fleet([hub("sriov: 'true'")])
    assert channels(found, "sriov-network-operator") == ["stable"]
    assert any("no policy of AutoShift installs sriov" in warning for warning in found.warnings)
