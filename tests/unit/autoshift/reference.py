"""The rules of the generator again, slow and obvious: what each cluster needs, cluster by cluster.

It shares nothing with the product but the facts of `operators.py`. Labels come as plain dictionaries, a blank
is a blank, no file, no line, no provenance, no set algebra: for every cluster and set walk the labels and
note what must be there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from steps.autoshift.operators import OPERATORS


@dataclass
class RandomFleet:
    """A fleet as hypothesis draws it; a cluster names its set."""

    hubs: dict[str, dict[str, str | None]]
    managed: dict[str, dict[str, str | None]]
    clusters: dict[str, tuple[str, dict[str, str | None]]] = field(default_factory=dict)
    excluded: list[str] = field(default_factory=list)


def everything_needed(fleet: RandomFleet) -> set[tuple[str, str, str, str]]:
    """Return (minor, source, package, channel) for all that labels ask for."""
    needed = set()
    minors = {labels["openshift-version"] for _, labels in _everybody(fleet)}
    assert None not in minors
    for is_hub, labels in _everybody(fleet):
        minor = ".".join(str(labels["openshift-version"]).split(".")[:2])
        for label, default in OPERATORS.items():
            wanted = is_hub if label == "acm" else labels.get(label) == "true"
            wanted = wanted and not any(folder in fleet.excluded for folder in default.folders)
            if not wanted and not (is_hub and label == "gitops"):  # with which every hub is set up
                continue
            package = labels.get(f"{label}-subscription-name") or default.package
            usual = str(default.channel)
            if package in {
                "odf-operator",
                "lvms-operator",
            }:  # released with OpenShift, so no minor has a later one
                usual = min(usual, f"stable-{minor}")
            channel = labels.get(f"{label}-channel") or usual
            source = labels.get(f"{label}-source") or default.source
            needed.add((minor, source.removesuffix("-mirror"), package, channel))
    return needed


def _everybody(fleet: RandomFleet) -> list[tuple[bool, dict[str, str | None]]]:
    everybody = [(True, labels) for labels in fleet.hubs.values()]
    everybody += [(False, labels) for labels in fleet.managed.values()]
    for of, labels in fleet.clusters.values():
        of_set = fleet.hubs[of] if of in fleet.hubs else fleet.managed[of]
        everybody.append((of in fleet.hubs, {**of_set, **labels}))
    return everybody
