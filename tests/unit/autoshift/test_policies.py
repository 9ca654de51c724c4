"""Defaults from the policies of the same checkout, in each of the forms that AutoShift has had."""

from __future__ import annotations

import re

from steps.autoshift.operators import CATALOG_DEFAULTS, OPERATORS
from steps.autoshift.plan import FleetPlan
from steps.autoshift.planning import plan_fleet
from steps.autoshift.policies import read_policies
from steps.yaml.source import SourceFile

from .samples import channels, hub, managed, operator, packages, source
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
    lines = [f"  {label.rpartition('-')[2]}: '{lookup(label, value_of(key, label))}'" for label in reads]
    text = "\n".join(["subscription:", f"  name: {{{{ .Values.{key}.name }}}}", *lines])
    return source(text, f"policies/{folder}/templates/policy-{folder}-operator-install.yaml")


def value_of(key: str, label: str) -> str:
    return f"{{{{ .Values.{key}.{label.rpartition('-')[2]} }}}}"


def test_a_template_says_which_label_its_values_belong_to() -> None:
    values = source(
        "thing: {name: thing-operator, channel: beta, source: redhat-operators}", "policies/x/values.yaml"
    )
    found = read_policies([template("x", "thing", "fancy-channel", "fancy-source"), values]).defaults
    assert list(found) == ["fancy"]
    assert (found["fancy"][0].package, found["fancy"][0].channel) == ("thing-operator", "beta")


def test_a_template_that_reads_no_channel_leaves_it_to_the_catalog() -> None:
    folder = "openshift-data-foundation"
    values = source(
        "odf: {name: odf-operator, channel: stable-4.17, source: x}", f"policies/{folder}/values.yaml"
    )
    ((default,),) = read_policies([template(folder, "odf", "odf-source"), values]).defaults.values()
    assert (default.channel, default.reads_channel) == (None, False)
    both = [template(folder, "odf", "odf-source", "odf-channel"), values]
    ((default,),) = read_policies(both).defaults.values()
    assert (default.channel, default.reads_channel) == ("stable-4.17", True)


def test_files_without_defaults_are_passed_over() -> None:
    others = [
        source(
            "kind: Kustomization\ngenerators: [policy-generator-config.yaml]",
            "policies/stable/quay/kustomization.yaml",
        ),
        source("masterNodes: {maxPods: 250}", "policies/master-nodes/values.yaml"),
    ]
    assert read_policies(others).defaults == {}


def policy(package: str, label: str, *, placed_by: str = "", compliance: str = "musthave") -> str:
    """An OperatorPolicy in full, with its placement on the clusters of a label; without one, on all hubs."""
    predicates = f"""
  predicates:
    - requiredClusterSelector:
        labelSelector:
          matchExpressions:
            - key: 'autoshift.io/{placed_by}'
              operator: In
              values:
              - 'true'"""
    return f"""
kind: OperatorPolicy
spec:
  complianceType: {compliance}
  subscription:
    # Source: label or default
    name: '{lookup(f"{label}-subscription-name", package)}'
    namespace: somewhere
    channel: >-
      {lookup(f"{label}-channel", "beta")}
    source: '{lookup(f"{label}-source", "redhat-operators")}'
    config:
      name: not-the-package
---
kind: Placement
spec:
  clusterSets:
  {{{{- range $clusterSet, $value := .Values.hubClusterSets }}}}
    - {{{{ $clusterSet }}}}
  {{{{- end }}}}{predicates if placed_by else ""}
---
kind: PlacementBinding
"""


LOKI = "policies/loki/templates/policy-loki-operator-install.yaml"


def test_several_operators_in_one_folder_are_all_read() -> None:
    """As in AutoShift's policies/loki/ at 37826f09, which installs the observability operator as well."""
    files = [
        SourceFile(LOKI, policy("loki-operator", "loki", placed_by="loki").encode()),
        SourceFile(
            "policies/loki/templates/policy-cluster-observ-op-install.yaml",
            policy("cluster-observability-operator", "coo", placed_by="coo").encode(),
        ),
    ]
    found = read_policies(files).defaults
    assert {label: [d.package for d in defaults] for label, defaults in found.items()} == {
        "loki": ["loki-operator"],
        "coo": ["cluster-observability-operator"],
    }
    assert packages(plan_fleet([hub("loki: 'true'")], files)) >= {"loki-operator"}


def test_several_operators_of_one_values_file_are_all_read() -> None:
    text = """
        loki: {name: loki-operator, channel: stable-6.2, source: redhat-operators}
        coo: {name: cluster-observability-operator, channel: development, source: redhat-operators}
    """
    found = plan_fleet([hub("loki: 'true'", "coo: 'true'")], [source(text, "policies/loki/values.yaml")])
    assert channels(found, "loki-operator") == ["stable-6.2"]
    assert channels(found, "cluster-observability-operator") == ["development"]


def test_a_label_that_installs_two_operators_brings_both() -> None:
    """As label rhbk did at ff8d0bb2, with Subscriptions that are no OperatorPolicies."""
    text = """
        kind: Subscription
        metadata:
          name: {{ .Values.NAME.name }}
        spec:
          channel: {{ .Values.NAME.channel }}
          name: {{ .Values.NAME.name }}
          source: {{ .Values.NAME.source }}
    """
    placement = policy("x", "rhbk", placed_by="rhbk").partition("---")[2]
    parts = [source(text.replace("NAME", name)).content.decode() for name in ("crunchy", "rhbk")]
    files = [
        SourceFile("policies/keycloak/templates/policy-two.yaml", "---".join([*parts, placement]).encode()),
        source(
            """
            crunchy: {name: crunchy-postgres-operator, channel: v5, source: certified-operators}
            rhbk: {name: rhbk-operator, channel: stable-v26.2, source: redhat-operators}
            """,
            "policies/keycloak/values.yaml",
        ),
    ]
    found = plan_fleet([hub("rhbk: 'true'")], files)
    assert channels(found, "crunchy-postgres-operator") == ["v5"]
    assert operator(found, "crunchy-postgres-operator").source == "certified-operators"
    assert channels(found, "rhbk-operator") == ["stable-v26.2"]


def test_the_placement_decides_where_its_label_is_not_the_one_of_the_settings() -> None:
    """As in policies/amq-broker-rhel9/ at e790dd55, whose placement was copied from quay."""
    files = [SourceFile("policies/amq/templates/a.yaml", policy("amq", "amq", placed_by="quay").encode())]
    assert "amq" in packages(plan_fleet([hub("quay: 'true'")], files))


def test_a_policy_that_removes_an_operator_does_not_install_it() -> None:
    text = policy("florp", "florp", placed_by="florp", compliance="mustnothave")
    assert read_policies([SourceFile(LOKI, text.encode())]).defaults == {}


def test_an_operator_whose_placement_has_no_label_is_on_every_hub() -> None:
    """As GitOps was until 28c8c0b8."""
    files = [SourceFile("policies/g/templates/g.yaml", policy("florp-operator", "florp").encode())]
    found = plan_fleet([hub(), managed("openshift-version: '4.20.12'")], files)
    assert operator(found, "florp-operator").asked_by == ("hub set hub",)


def test_a_plain_operator_policy_with_its_placement_beside_it_is_read() -> None:
    """As at c113c8a1, between the Helm templates and the shared chart."""
    operator_policy, _, placement = policy("florp-operator", "florp", placed_by="florp").partition("---")
    files = [
        SourceFile("policies/stable/florp/manifests/operator.yaml", operator_policy.encode()),
        SourceFile("policies/stable/florp/placement.yaml", placement.encode()),
    ]
    assert channels(plan_fleet([hub("florp: 'true'")], files), "florp-operator") == ["beta"]


def test_a_channel_that_a_policy_fixes_is_the_one_that_is_installed() -> None:
    text = policy("florp-operator", "florp", placed_by="florp").replace(
        lookup("florp-channel", "beta"), "7.x"
    )
    found = plan_fleet([hub("florp: 'true'", "florp-channel: gamma")], [SourceFile(LOKI, text.encode())])
    assert channels(found, "florp-operator") == ["7.x"]
    assert any(f"{LOKI}: the policy ignores florp-channel" in warning for warning in found.warnings)


# Settings


def test_a_label_that_begins_with_that_of_an_operator_is_a_setting() -> None:
    labels = ("acs-monitoring: 'true'", "nmstate-ovs-bridge-br1-allow-extra-patch-ports: 'true'")
    assert not unknown(plan_fleet([hub(*labels)]))


def test_a_setting_of_an_excluded_operator_is_a_setting() -> None:
    excluded = source("excludePolicies: [advanced-cluster-security]", "global.yaml")
    assert not unknown(plan_fleet([hub("acs: 'true'", "acs-monitoring: 'true'"), excluded]))


def test_a_label_that_begins_with_that_of_an_operator_of_the_values_is_a_setting() -> None:
    assert not unknown(plan_fleet([hub("florp-subscription-name: florp-operator", "florp-db: 'true'")]))


def test_a_label_that_policies_read_is_a_setting() -> None:
    reads = SourceFile(
        "policies/certs/templates/policy-certs.yaml",
        b"key: 'autoshift.io/certs'\n{{ if $label | hasPrefix \"autoshift.io/team-\" }}\n",
    )
    values = [hub("certs: 'true'", "team-blue: 'true'", "cert: 'true'")]
    assert unknown(plan_fleet(values, [reads])) == {"cert"}
    assert unknown(plan_fleet(values)) == {"cert", "certs", "team-blue"}


def test_a_label_that_installs_what_cannot_be_read_is_warned_of_all_the_same() -> None:
    """Only Helm could tell the package, so the label must not pass for a setting."""
    text = policy("x", "florp", placed_by="florp").replace(
        lookup("florp-subscription-name", "x"), '{{ include "package" . }}'
    )
    assert unknown(plan_fleet([hub("florp: 'true'")], [SourceFile(LOKI, text.encode())])) == {"florp"}


def test_a_label_with_a_channel_of_its_own_is_no_setting() -> None:
    assert unknown(plan_fleet([hub("quay-bridge: 'true'", "quay-bridge-channel: stable")])) == {"quay-bridge"}


def test_an_operator_whose_label_begins_with_that_of_another_is_one() -> None:
    found = plan_fleet([hub("gitlab: 'true'", "gitlab-runner: 'true'")])
    assert packages(found) >= {"gitlab-operator-kubernetes", "gitlab-runner-operator"}


def unknown(plan: FleetPlan) -> set[str]:
    """The labels that a plan warns of as unknown."""
    said = (re.search(r"label (\S+) is 'true' but neither", warning) for warning in plan.warnings)
    return {found[1] for found in said if found}


def test_the_built_in_table_is_what_the_policies_of_2026_08_say() -> None:
    """All but the catalog of gitlab-runner, where its policy is mistaken."""
    for label, (read,) in read_policies(policies("split-2026-08")).defaults.items():
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
    assert any("no policy of AutoShift as of 2026-08 installs sriov" in warning for warning in found.warnings)
