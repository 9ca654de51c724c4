"""What a hub is first installed with: the two charts that come before any label counts.

AutoShift's `advanced-cluster-management/` and `openshift-gitops/` (at the root of its checkout) subscribe to
the channel in their own values.yaml (docs/quickstart.md, templates/*-sub.yaml). The policies take over
afterwards. A hub that is installed from the mirror needs that channel too, and nothing else would say so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from steps.yaml.text import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from steps.autoshift.plan import Operator
    from steps.yaml.source import SourceFile

BOOTSTRAP_FILES: Final = frozenset(
    {"advanced-cluster-management/values.yaml", "openshift-gitops/values.yaml"}
)


def bootstrap_gaps(files: Sequence[SourceFile], operators: Sequence[Operator]) -> list[str]:
    """Name each bootstrap chart whose channel is not mirrored although its package is, for a hub."""
    return [
        f"{path} installs {package} from {channel} when a hub is first set up, but no label asks for that "
        "channel, so it is not mirrored; give chart and label the same channel"
        for path, package, channel in _subscriptions(files)
        for operator in operators
        if operator.package == package
        and any(name.startswith("hub set ") for name in operator.asked_by)
        and channel not in {mirrored.name for mirrored in operator.channels}
    ]


def _subscriptions(files: Sequence[SourceFile]) -> Iterator[tuple[str, str, str]]:
    for source in files:
        if source.path not in BOOTSTRAP_FILES:
            continue
        for document in parse(source):
            for entry in document.values() if isinstance(document, dict) else ():
                if not isinstance(entry, dict):
                    continue
                name, channel = entry.get("name"), entry.get("channel")
                if isinstance(name, str) and isinstance(channel, str):
                    yield source.path, name, channel
