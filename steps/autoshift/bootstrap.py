"""The charts that set up a hub before AutoShift's policies take over (docs/quickstart.md).

`advanced-cluster-management/` and `openshift-gitops/` at the root of the checkout each subscribe to the
channel in their own values.yaml (templates/*-sub.yaml). No label names that channel. Every hub has Argo CD
from such a chart, since Argo CD runs AutoShift, whether its label `gitops` is 'true' or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from steps.autoshift.operators import ACM, GITOPS, OPERATORS, REDHAT, Default
from steps.yaml.text import parse, text_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from steps.autoshift.plan import Operator
    from steps.yaml.source import SourceFile

# The values of the charts: label of the operator, its key, and the channel that the template falls back to.
CHARTS: Final = {
    "advanced-cluster-management/values.yaml": (ACM, "acm", ""),
    "openshift-gitops/values.yaml": (GITOPS, "gitops", "latest"),
}


def read_charts(files: Sequence[SourceFile]) -> dict[str, Default]:
    """Return what the charts of a checkout install, by the label of the operator."""
    found = {}
    for source in files:
        if source.path in CHARTS:
            label, key, usual = CHARTS[source.path]
            values = next((tree for tree in parse(source) if isinstance(tree, dict)), {})
            entry = values.get(key)
            entry = entry if isinstance(entry, dict) else {}
            if channel := text_at(entry, "channel") or usual:
                package = text_at(entry, "name") or OPERATORS[label].package
                catalog = text_at(entry, "source") or REDHAT
                folder = source.path.partition("/")[0]  # policy and chart have the same name
                found[label] = Default(package, channel, catalog, (folder,), origin=source.path)
    return found


def channel_gaps(charts: Mapping[str, Default], operators: Sequence[Operator]) -> list[str]:
    """Warn of charts whose channel is not mirrored although a hub's label mirrors their package."""
    return [
        f"{chart.origin} installs {chart.package} from {chart.channel} when a hub is first set up, but no "
        "label asks for that channel, so it is not mirrored; give chart and label the same channel"
        for chart in charts.values()
        for operator in operators
        if operator.package == chart.package
        and any(name.startswith("hub set ") for name in operator.asked_by)
        and chart.channel not in {mirrored.name for mirrored in operator.channels}
    ]
