"""Defaults of operators from the policies of the same checkout: what that revision of AutoShift installs.

Policies have three forms, all of AutoShift itself:
* `policies/DIR/values.yaml`: `KEY: {name, channel, source}` (until 2026-02; openshift-gitops still);
* `policies/DIR/templates/*operator*.yaml`: which labels the subscription reads, and which KEY it falls back
  to. In 2025-09 the templates of odf and lvm named no channel at all, so the label `-channel` had no effect;
* `policies/*/DIR/**/kustomization.yaml`: `valuesInline.subscription` with each label and its default (since).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from steps.autoshift.operators import LABEL_VALUE, OPERATORS, REDHAT, Default
from steps.yaml.source import SourceFile, decode
from steps.yaml.text import Tree, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from steps.autoshift.plan import Operator

# Where AutoShift keeps an operator's defaults: `policies/DIR/values.yaml` and its templates until 2026-02,
# `policies/{stable,certified,community}/DIR/**/kustomization.yaml` since (openshift-gitops is still a chart);
# and at the root the values of the two bootstrap charts.
_POLICY_FILE = re.compile(
    r"^(?:advanced-cluster-management|openshift-gitops)/values\.yaml$"
    r"|(?:^|/)policies/(?:[^/]+/){1,4}(?:values\.yaml|kustomization\.yaml)$"
    r"|(?:^|/)policies/(?:[^/]+/){1,2}templates/[^/]*operator[^/]*\.yaml$"
)
_BOOTSTRAP_FILES: Final = frozenset(
    {"advanced-cluster-management/values.yaml", "openshift-gitops/values.yaml"}
)
_LABEL_DEFAULT = re.compile(r'"autoshift\.io/([a-z0-9_-]+)"\s*\|\s*default\s+"([^"]*)"')
_TEMPLATE_LABEL = re.compile(r'"autoshift\.io/([a-z0-9_-]+?)-(?:subscription-name|channel|source)"')
_TEMPLATE_KEY = re.compile(r"\.Values\.(\w+)\.(?:name|source)\b")
_FOLDER = re.compile(r"(?:^|/)policies/(?:(?:stable|certified|community)/)?([^/]+)/")
_SUFFIXES = ("-subscription-name", "-name", "-channel", "-source")

# Until 2b4e949a (2025-10-02) the values of operators had this key, and the templates of two operators did not
# read the label `-channel`.
_OLD_KEY = "installPlanApproval"
_ONCE_WITHOUT_CHANNEL = frozenset({"odf", "lvm"})
_LABEL_OF_FOLDER: Final = {folder: label for label, known in OPERATORS.items() for folder in known.folders}


def is_policy_file(path: str) -> bool:
    """Tell whether a path of a checkout (`/` between its parts) may have defaults of operators."""
    return _POLICY_FILE.search(path) is not None


def read_policies(policies: Sequence[SourceFile]) -> dict[str, Default]:
    """Return the defaults that the policies give, by label; empty if there are no policies.

    Skips files without defaults. Raises InvalidInputError for a file of defaults that is not YAML.
    """
    templates = dict(_templates(policies))
    defaults: dict[str, Default] = {}
    for source in sorted(policies, key=lambda source: source.path):
        folder = folder_of(source.path)
        if source.path.endswith("/kustomization.yaml") and b"subscription:" in source.content:
            found = dict(_from_kustomization(source, folder))
        elif source.path.endswith("/values.yaml") and b"source" in source.content:
            found = dict(_from_values(source, folder, templates.get(folder)))
        else:
            continue
        defaults.update(found)
    return defaults


def bootstrap_gaps(files: Sequence[SourceFile], operators: Sequence[Operator]) -> list[str]:
    """Warn of bootstrap charts whose channel is not mirrored although a hub's label mirrors their package.

    A hub is first installed with two charts, `advanced-cluster-management/` and `openshift-gitops/` at the
    root of AutoShift's checkout, which subscribe to the channel in their own values.yaml (docs/quickstart.md,
    templates/*-sub.yaml) before the policies take over. No label names that channel.
    """
    return [
        f"{path} installs {package} from {channel} when a hub is first set up, but no label asks for that "
        "channel, so it is not mirrored; give chart and label the same channel"
        for path, package, channel in _bootstrap_subscriptions(files)
        for operator in operators
        if operator.package == package
        and any(name.startswith("hub set ") for name in operator.asked_by)
        and channel not in {mirrored.name for mirrored in operator.channels}
    ]


def _bootstrap_subscriptions(files: Sequence[SourceFile]) -> Iterator[tuple[str, str, str]]:
    """Yield path, package and channel of the subscriptions of the bootstrap charts."""
    for source in files:
        if source.path not in _BOOTSTRAP_FILES:
            continue
        for document in parse(source):
            for entry in document.values() if isinstance(document, dict) else ():
                if not isinstance(entry, dict):
                    continue
                name, channel = entry.get("name"), entry.get("channel")
                if isinstance(name, str) and isinstance(channel, str):
                    yield source.path, name, channel


def folder_of(path: str) -> str:
    """Return the policy folder of a path, as `excludePolicies` names it."""
    found = _FOLDER.search(path)
    return found[1] if found else ""


def _templates(policies: Sequence[SourceFile]) -> Iterator[tuple[str, str]]:
    for source in policies:
        if "/templates/" in source.path and b"subscription:" in source.content:
            yield folder_of(source.path), decode(source)


def _from_kustomization(source: SourceFile, folder: str) -> Iterator[tuple[str, Default]]:
    for document in parse(source):
        for chart in _list(_get(document, "helmCharts")):
            subscription = _get(_get(chart, "valuesInline"), "subscription")
            name = _LABEL_DEFAULT.search(_text(_get(subscription, "name")))
            if not name or not LABEL_VALUE.fullmatch(name[2]):
                continue
            channel = _text(_get(subscription, "channel"))
            with_default = _LABEL_DEFAULT.search(channel)
            catalog = _LABEL_DEFAULT.search(_text(_get(subscription, "source")))
            yield (
                _stem(name[1]),
                Default(
                    package=name[2],
                    channel=_name(with_default[2] if with_default else channel),
                    source=catalog[2] if catalog else REDHAT,
                    folders=(folder,),
                    reads_channel=with_default is not None,
                    origin=source.path,
                ),
            )


def _from_values(source: SourceFile, folder: str, template: str | None) -> Iterator[tuple[str, Default]]:
    for document in parse(source):
        for key, entry in document.items() if isinstance(document, dict) else ():
            package, channel = _text(_get(entry, "name")), _text(_get(entry, "channel"))
            if not LABEL_VALUE.fullmatch(package) or not (channel or _get(entry, "source")):
                continue
            label = _label(folder, key, template)
            default = Default(
                package=package,
                channel=_name(channel),
                source=_text(_get(entry, "source")) or REDHAT,
                folders=(folder,),
                origin=source.path,
            )
            if not _reads_channel(label, entry, template):
                default = replace(default, channel=None, reads_channel=False)
            yield label, default


def _label(folder: str, key: str, template: str | None) -> str:
    """Return the label of an entry in a values.yaml: from its template, the folder, or else its key."""
    if template and key in _TEMPLATE_KEY.findall(template) and (read := _TEMPLATE_LABEL.search(template)):
        return read[1]
    return _LABEL_OF_FOLDER.get(folder) or re.sub(r"(?<=[a-z0-9])([A-Z])", r"-\1", key).lower()


def _reads_channel(label: str, entry: Tree, template: str | None) -> bool:
    """Tell whether the policy reads `LABEL-channel`; without a template, by the age of its entry."""
    if template:
        return f'"autoshift.io/{label}-channel"' in template
    return not (label in _ONCE_WITHOUT_CHANNEL and _get(entry, _OLD_KEY) is not None)


def _stem(label: str) -> str:
    """Return the label of an operator from one of its labels `LABEL-SUFFIX`."""
    for suffix in _SUFFIXES:
        if label.endswith(suffix):
            return label.removesuffix(suffix)
    return label


def _name(text: str) -> str | None:
    """Return the name of a channel; None if the text is empty, or a template that only Helm can evaluate."""
    return text if LABEL_VALUE.fullmatch(text) else None


def _get(tree: Tree, key: str) -> Tree:
    return tree.get(key) if isinstance(tree, dict) else None


def _list(tree: Tree) -> list[Tree]:
    return tree if isinstance(tree, list) else []


def _text(tree: Tree) -> str:
    return tree if isinstance(tree, str) else ""
