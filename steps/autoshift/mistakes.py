"""What AutoShift passes over without a word although somebody meant something by it: each is a warning.

Nothing here changes what is mirrored. A mistake of a thousand clusters is one warning, which names a few of
them and the place of the first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from steps.autoshift.fleet import TOP_KEYS, location, looks_like_sets
from steps.autoshift.listing import few
from steps.autoshift.operators import ACM, FEATURES, OPERATORS
from steps.autoshift.spelling import SETTINGS, meant_label, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from steps.autoshift.fleet import Fleet, FleetEntry
    from steps.autoshift.policies import Policies
    from steps.yaml.source import SourceFile
    from steps.yaml.text import Tree

LOCATED: Final = 20  # places looked up, each of which reads a file again
# What the generator reads below `config` and `config.clusterInstall`.
_CONFIG_KEYS: Final = ("autoshiftConsole", "clusterInstall", "clusterSet", "disconnected")
_INSTALL_KEYS: Final = ("cpuArch", "createCluster", "openshiftChannel", "openshiftVersion")
# The policy folders of AutoShift at 929a8558, 6dd48edc^ and f4d4fbb2, for values without a checkout.
_FOLDERS: Final = """
    advanced-cluster-management advanced-cluster-security ansible-automation-platform autoshift-console
    cert-manager cloudnative-pg cluster-config-maps cluster-install cluster-labels cluster-observability
    cluster-observabilty cluster-set-assignment dev-spaces developer-hub disconnected-mirror
    external-secrets-operator gitlab gitlab-runner gitops-dev infra-nodes jfrog kiali local-storage
    logging loki lvm machine-health-checks manual-remediations master-nodes metallb mtv nmstate
    node-feature-discovery node-maintenance openshift-compliance-operator openshift-data-foundation
    openshift-dns openshift-gitops openshift-image-registry openshift-pipelines openshift-upgrade
    openshift-virtualization opentelemetry policy-foundation quay servicemesh3 servicemesh3-ambient
    servicemesh3operator storage-nodes tempo trident trusted-artifact-signer user-workload-monitoring
    vault worker-nodes workload-partitioning
"""
_POLICY_FOLDERS: Final = frozenset(_FOLDERS.split())
# Keys of a set that AutoShift once read (policies/managed-autoshift, apps/day-1/cluster-labels).
_ONCE_READ: Final = frozenset({"autoshiftRepoUrl", "selfManaged"})


@dataclass(slots=True)
class _Found:
    """Mistakes by their text, with the names that each is about and the path of the first."""

    sources: Sequence[SourceFile]
    names: dict[str, list[str]] = field(default_factory=dict)
    paths: dict[str, list[str]] = field(default_factory=dict)

    def add(self, text: str, path: list[str], name: str = "") -> None:
        self.paths.setdefault(text, path)
        self.names.setdefault(text, []).extend([name] if name else [])

    def texts(self) -> Iterator[str]:
        for index, (text, path) in enumerate(sorted(self.paths.items())):
            place = f"{location(self.sources, path)}: " if index < LOCATED else ""
            whose = f"{few(self.names[text])}: " if self.names[text] else ""
            yield f"{place}{whose}{text}"


def misspelled_labels(fleet: Fleet, policies: Policies) -> dict[str, str]:
    """Return the labels of the fleet that are nearly another, with that other.

    A label with a `-subscription-name`, or with `-channel` and `-source`, is an operator's as well.
    """
    labels = fleet.labels
    named = {label.removesuffix("-subscription-name") for label in labels} - labels
    described = {label for label in labels if {f"{label}-channel", f"{label}-source"} <= labels}
    operators = {*policies.defaults, *policies.excluded, *OPERATORS, *named, *described}
    return {
        label: near
        for label in sorted(labels - policies.labels)
        if not label.startswith(policies.label_starts) and (near := meant_label(label, operators))
    }


def find_mistakes(
    values: Mapping[str, Tree],
    fleet: Fleet,
    sources: Sequence[SourceFile],
    policies: Policies,
    misspelled: Mapping[str, str],
) -> list[str]:
    """Return a warning for each mistake in the merged `values` of `sources`, with its place.

    `misspelled` are the labels that `misspelled_labels` returned.
    """
    found = _Found(sources)
    for key, value in values.items():
        _check_top_key(key, value, found)
    _check_excluded(fleet, policies, found)
    for entry in fleet.entries:
        _check_keys(entry, found)
        _check_labels(entry, misspelled, found)
        _check_hub_operators(entry, fleet, policies, found)
    return list(found.texts())


def _check_top_key(key: str, value: Tree, found: _Found) -> None:
    if key in {"config", *OPERATORS, *FEATURES, *SETTINGS}:
        where = key if key == "config" else f"labels.{key}"
        found.add(f"'{key}' has no effect here; it belongs below a set: hubClusterSets.NAME.{where}", [key])
    elif key not in TOP_KEYS and looks_like_sets(value) and not key.startswith(("x-", "_", ".")):
        known = ", ".join(TOP_KEYS[:3])
        found.add(f"'{key}' looks like cluster sets, but AutoShift reads only {known}", [key])


def _check_excluded(fleet: Fleet, policies: Policies, found: _Found) -> None:
    whose = "this checkout" if policies.folders else "AutoShift"
    folders = policies.folders or _POLICY_FOLDERS
    for name in sorted(fleet.excluded_policies - folders):
        near = nearest(name, folders)
        found.add(
            f"excludePolicies names '{name}', which is no policy folder of {whose}, so it excludes nothing"
            + (f"; did you mean '{near}'?" if near else ""),
            ["excludePolicies"],
        )


def _check_keys(entry: FleetEntry, found: _Found) -> None:
    for key in entry.others:
        if key in _ONCE_READ:
            continue
        home = "config" if key in _CONFIG_KEYS else "labels"
        label = nearest(key, (*OPERATORS, *FEATURES, *SETTINGS)) or key
        meant = nearest(key, ("config", "labels")) or f"{home}.{label}"
        found.add(
            f"'{key}' has no effect: of a set or cluster AutoShift reads only 'labels' and 'config'; did you "
            f"mean '{meant}'?",
            [*entry.path, key],
            str(entry),
        )
    for key, value in entry.config.items():
        is_labels = key == "labels" and isinstance(value, dict)
        if is_labels or (value == "true" and key in {*OPERATORS, *FEATURES}):
            text = f"config.{key} has no effect: labels stand beside config, below 'labels'"
            found.add(text, [*entry.path, "config", key], str(entry))
    install = entry.config.get("clusterInstall")
    for keys, known, path in (
        (entry.config, _CONFIG_KEYS, ["config"]),
        (install if isinstance(install, dict) else {}, _INSTALL_KEYS, ["config", "clusterInstall"]),
    ):
        for key in keys:
            if near := nearest(key, known):
                text = f"{'.'.join(path)}.{key} has no effect; did you mean '{near}'?"
                found.add(text, [*entry.path, *path, key], str(entry))


def _check_labels(entry: FleetEntry, misspelled: Mapping[str, str], found: _Found) -> None:
    for label in sorted(entry.labels.keys() & misspelled.keys()):
        text = f"label {label} is none that AutoShift reads; did you mean '{misspelled[label]}'?"
        found.add(text, [*entry.path, "labels", label], str(entry))
    for label in sorted(entry.labels):
        feature = label.removesuffix("-subscription-name")
        if feature != label and feature in FEATURES:
            found.add(
                f"label {label} has no effect: AutoShift installs {feature} without a subscription",
                [*entry.path, "labels", label],
                str(entry),
            )


def _check_hub_operators(entry: FleetEntry, fleet: Fleet, policies: Policies, found: _Found) -> None:
    """Warn of labels that say the opposite of what hubs get; no label decides that."""
    named = entry.labels.keys() & (policies.on_every_hub | {ACM})
    if not named:
        return
    sets = fleet.sets_of(entry) if entry.kind == "cluster" else [entry]
    on_hub = {one.kind == "hub set" for one in sets}
    if on_hub == {False} and entry.labels.get(ACM) == "true":
        text = "label acm has no effect: ACM is installed on hub sets only"
        found.add(text, [*entry.path, "labels", ACM], str(entry))
    if on_hub != {True}:
        return
    for label in sorted(named & policies.on_every_hub):
        if entry.labels[label] == "false":
            folders = [folder for default in policies.defaults[label] for folder in default.folders]
            found.add(
                f"label {label} has no effect: every hub gets this operator, unless excludePolicies names "
                f"{', '.join(folders)}",
                [*entry.path, "labels", label],
                str(entry),
            )
