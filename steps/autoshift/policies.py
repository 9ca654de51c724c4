"""What the policies of a checkout say: the operators that they install, and the labels that they read.

AutoShift has written the subscription of an operator in several forms, which have the same lines in common:
* `policies/DIR/templates/*.yaml`, at first `apps/day-1/DIR/templates/*.yaml`: Helm templates with an
  OperatorPolicy (until 2026-07, openshift-gitops still) or a plain Subscription; the texts are
  `{{ .Values.KEY.name }}` from the `values.yaml` of DIR;
* `policies/{stable,certified,community}/DIR/manifests/**/operator.yaml`, a plain OperatorPolicy (2026-07);
* `policies/{stable,certified,community}/DIR/manifests/**/kustomization.yaml`, `valuesInline` of the chart
  `components/operator-install` (since).

A template is no YAML before Helm has rendered it. Therefore the lines are read as text: the block
`subscription:` (or the `spec:` of a Subscription) and its entries `name`, `channel` and `source`, each a
literal or a look-up of a label with a default.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from steps.autoshift.operators import ACM, LABEL_VALUE, OPERATORS, REDHAT, Default
from steps.yaml.text import Tree, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from steps.yaml.source import SourceFile


# The YAML files and templates of the policies, and at the root the values of the charts that set up a hub.
_POLICY_FILE = re.compile(
    r"^(?:advanced-cluster-management|openshift-gitops)/values\.yaml$"
    r"|(?:^|/)(?:policies|apps/day-\d)/(?:[^/]+/){1,5}(?!Chart\.yaml$)[^/]+\.(?:ya?ml|tpl)$"
)
_FOLDER = re.compile(r"(?:^|/)((?:policies/(?:(?:stable|certified|community)/)?|apps/day-\d/)([^/]+))/")

# A label that a placement, a template or a look-up names. One that ends in `-` begins the name of several.
_LABEL_READ = re.compile(rb"autoshift\.io/([A-Za-z0-9][A-Za-z0-9_.-]*)")
_SUBSCRIPTION = re.compile(
    r"^(?P<indent> *)(?:- )?subscription: *\r?\n(?P<block>(?:(?P=indent) +\S.*\n?|[ \t\r]*\n)*)"
    r"|^ *(?:- )?kind: Subscription *\r?\n(?:(?! *(?:kind|spec):).*\n)*?"
    r"(?P<spec> *)spec: *\r?\n(?P<fields>(?:(?P=spec) +\S.*\n?|[ \t\r]*\n)*)",
    re.MULTILINE,
)
_INSTALLS = re.compile(rb"^ *(?:- )?(?:kind: (?:OperatorPolicy|Subscription)\b|subscription:)", re.MULTILINE)
_ENTRY = re.compile(r"(name|channel|source): *(?:[>|][+-]?\s+)?(.*)", re.DOTALL)
_LOOKUP = re.compile(r"autoshift\.io/([a-z0-9_.-]+?)-(subscription-name|name|channel|source)\b(?!-)")
_DEFAULT = re.compile(r'\|\s*default\s+"([^"{]*)"')
_VALUE = re.compile(r"\.Values\.(\w+(?:\.\w+)*)")
_COMPLIANCE = re.compile(r"complianceType: *(\w+)")
_PLACEMENT = re.compile(r"^kind: Placement *\r?\n(.*?)(?=^---|\Z)", re.MULTILINE | re.DOTALL)
_PLACED_BY = re.compile(
    r"key: *['\"]?autoshift\.io/([A-Za-z0-9_.-]+)['\"]?\s+operator: *[Ii]n\s+values: *\s*- *['\"]?true\b"
)
_CLUSTER_TYPE: Final = "cluster-type"  # the label that AutoShift gives to every hub (value `hub`)

# Until 2b4e949a (2025-10-02) the values of operators had this key, and the templates of two operators did not
# read the label `-channel`.
_OLD_KEY: Final = "installPlanApproval"
_ONCE_WITHOUT_CHANNEL: Final = frozenset({"odf", "lvm"})


@dataclass(frozen=True)
class Policies:
    """What the policies of a checkout say.

    `defaults` are the operators that they install, by label; a label may install several. `labels` are the
    labels that they read, `label_starts` the beginnings of labels that they read by their beginning
    (`gitops-dev-team-`). `excluded` are labels of operators that are not installed because
    `excludePolicies` names all their folders. `folders` are the names of the policy folders.
    """

    defaults: Mapping[str, tuple[Default, ...]]
    labels: frozenset[str] = frozenset()
    label_starts: tuple[str, ...] = ()
    excluded: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()

    @cached_property
    def on_every_hub(self) -> frozenset[str]:
        """The labels of the operators that every hub gets, whatever the label says."""
        return frozenset(
            label
            for label, defaults in self.defaults.items()
            if label == ACM or any(default.on_every_hub for default in defaults)
        )

    def with_known(self, known: Mapping[str, Default], excluded_folders: frozenset[str]) -> Policies:
        """Return these policies with `known` defaults for other labels, without those of excluded folders."""
        everything = {label: (default,) for label, default in known.items()} | dict(self.defaults)
        left = {
            label: tuple(
                default for default in defaults if not excluded_folders.intersection(default.folders)
            )
            for label, defaults in everything.items()
        }
        installed = {label: defaults for label, defaults in left.items() if defaults}
        return replace(self, defaults=installed, excluded=frozenset(left.keys() - installed.keys()))


def is_policy_file(path: str) -> bool:
    """Tell whether a path of a checkout (`/` between its parts) may say something of operators and labels."""
    return _POLICY_FILE.search(path) is not None


def read_policies(files: Sequence[SourceFile]) -> Policies:
    """Read the policies of a checkout.

    A label that installs something which cannot be read is not among the labels, so that it is warned of.
    Skips files that say nothing of operators. Raises InvalidInputError for values of a policy that are not
    YAML.
    """
    by_folder: dict[str, list[SourceFile]] = defaultdict(list)
    for source in sorted(files, key=lambda source: source.path):
        if found := _FOLDER.search(source.path):
            by_folder[found[1]].append(source)
    defaults: dict[str, list[Default]] = defaultdict(list)
    not_read: set[str] = set()
    for folder in map(_Folder, by_folder.values()):
        for label, default in folder.operators():
            defaults[label] += [] if default in defaults[label] else [default]
        not_read |= folder.not_read
    labels = {label.decode() for source in files for label in _LABEL_READ.findall(source.content)} - not_read
    return Policies(
        {label: tuple(found) for label, found in defaults.items()},
        frozenset(label for label in labels if not label.endswith("-")),
        tuple(sorted(label for label in labels if label.endswith("-"))),
        folders=frozenset(folder_of(files[0].path) for files in by_folder.values()),
    )


def folder_of(path: str) -> str:
    """Return the policy folder of a path, as `excludePolicies` names it."""
    found = _FOLDER.search(path)
    return found[2] if found else ""


class _Folder:
    """The files of a policy folder.

    `not_read` are labels that install something which `operators` could not read.
    """

    def __init__(self, files: Sequence[SourceFile]) -> None:
        self._files = files
        self._name = folder_of(files[0].path)
        self._values: Tree = {}
        self._values_path = ""
        self.not_read: set[str] = set()
        for source in files:
            if source.path.endswith("/values.yaml") and re.search(rb"channel|source", source.content):
                self._values_path = source.path
                self._values = next((tree for tree in parse(source) if isinstance(tree, dict)), {})

    def operators(self) -> Iterator[tuple[str, Default]]:
        """Yield the operators that the folder installs, each with its label."""
        found = []
        for source in filter(self._is_rendered, self._files):
            of_file = list(self._of_file(source))
            found += of_file
            if not of_file and _INSTALLS.search(source.content) and b"mustnothave" not in source.content:
                self.not_read.update(_placed_by(self._placements(_lines(source))))
        yield from found or self._of_values()

    def _is_rendered(self, source: SourceFile) -> bool:
        """Tell whether a file may have subscriptions: a kustomization stands for the files beside it."""
        if b"ubscription" not in source.content or source.path.endswith("/values.yaml"):
            return False
        beside, _, name = source.path.rpartition("/")
        return all(
            name.encode() in other.content
            for other in self._files
            if other.path == f"{beside}/kustomization.yaml" != source.path
        )

    def _of_file(self, source: SourceFile) -> Iterator[tuple[str, Default]]:
        text = _lines(source)
        for block in _SUBSCRIPTION.finditer(text):
            entries = dict(_entries(block["block"] or block["fields"] or ""))
            package = self._text(entries.get("name", "")) if _names_package(entries) else ""
            compliance = _COMPLIANCE.findall(text, 0, block.start())
            if not LABEL_VALUE.fullmatch(package) or compliance[-1:] == ["mustnothave"]:
                continue
            placements = self._placements(text)
            label = _label(entries, placements) or self._label_of(package, _key(entries["name"]))
            channel = entries.get("channel", "")
            yield (
                label,
                Default(
                    package=package,
                    channel=_name(self._text(channel)),
                    source=self._text(entries.get("source", "")) or REDHAT,
                    folders=(self._name,),
                    reads_channel=f"{label}-channel" in channel,
                    on_every_hub=_on_every_hub(placements),
                    origin=self._values_path if _VALUE.search(channel) else source.path,
                ),
            )

    def _placements(self, text: str) -> list[str]:
        """Return the placements in the text of a file or, if it has none, those of the folder's own files."""
        own = _PLACEMENT.findall(text)
        beside = [source for source in self._files if "/placement" in source.path] if not own else []
        return own or [found for source in beside for found in _PLACEMENT.findall(_lines(source))]

    def _text(self, written: str) -> str:
        """Return what a template gives for a cluster without labels; empty if only Helm can tell."""
        if value := _VALUE.search(written):
            tree: Tree = self._values
            for key in value[1].split("."):
                tree = _get(tree, key)
            return _text(tree)
        if default := _DEFAULT.search(written):
            return default[1]
        return "" if "{{" in written else _literal(written)

    def _of_values(self) -> Iterator[tuple[str, Default]]:
        """Yield the operators of a values.yaml whose templates are not there."""
        entries = self._values.items() if isinstance(self._values, dict) else ()
        for key, entry in entries:
            package, channel = _text(_get(entry, "name")), _text(_get(entry, "channel"))
            if not LABEL_VALUE.fullmatch(package) or not (channel or _get(entry, "source")):
                continue
            label = self._label_of(package, key)
            reads_channel = not (label in _ONCE_WITHOUT_CHANNEL and _get(entry, _OLD_KEY) is not None)
            yield (
                label,
                Default(
                    package=package,
                    channel=_name(channel) if reads_channel else None,
                    source=_text(_get(entry, "source")) or REDHAT,
                    folders=(self._name,),
                    reads_channel=reads_channel,
                    origin=self._values_path,
                ),
            )

    def _label_of(self, package: str, key: str) -> str:
        """Return the label of an operator whose template does not tell it: the known one, or else its key."""
        known = [label for label, default in OPERATORS.items() if default.package == package]
        beside = [label for label in known if self._name in OPERATORS[label].folders]
        return next(iter(beside or known), re.sub(r"(?<=[a-z0-9])([A-Z])", r"-\1", key).lower())


def _lines(source: SourceFile) -> str:
    """Return the text of a template; what is not UTF-8 in it names nothing that is looked for."""
    return source.content.decode("utf-8", "replace")


def _entries(block: str) -> Iterator[tuple[str, str]]:
    """Yield name, channel and source of a block with their texts, which may go over several lines."""
    lines = [line for line in block.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    indent = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    text = "\n".join(line[indent:] for line in lines)
    for entry in re.split(r"\n(?=\S)", text):
        if found := _ENTRY.fullmatch(entry):
            yield found[1], found[2]


def _names_package(entries: Mapping[str, str]) -> bool:
    """Tell whether the entry `name` looks up a name, as it should, and no channel (so once by mistake)."""
    found = _LOOKUP.search(entries.get("name", ""))
    return found is None or found[2] in {"subscription-name", "name"}


def _label(entries: Mapping[str, str], placements: Sequence[str]) -> str:
    """Return the label that installs the operator of a block; empty if neither look-up nor placement tells.

    The placement decides where its label is another than the one whose settings are looked up.
    """
    stems = [found[1] for text in entries.values() if (found := _LOOKUP.search(text))]
    placed_by = _placed_by(placements)
    if stems and (stems[0] in placed_by or len(placed_by) != 1):
        return stems[0]
    return placed_by[0] if placed_by else next(iter(stems), "")


def _placed_by(placements: Iterable[str]) -> list[str]:
    """Return the labels that have to be 'true' for one of the placements."""
    found = (label for text in placements for label in _PLACED_BY.findall(text))
    return list(dict.fromkeys(found))


def _on_every_hub(placements: Sequence[str]) -> bool:
    """Tell whether placements choose all members of the hub sets, whatever their labels."""
    return any(
        set(_LABEL_READ.findall(text.encode())) <= {_CLUSTER_TYPE.encode()}
        and ("hubClusterSets" in text or _CLUSTER_TYPE in text)
        for text in placements
    )


def _key(name: str) -> str:
    """Return the key under which values.yaml has an operator, from the template of its name."""
    found = _VALUE.search(name)
    return found[1].split(".")[0] if found else _literal(name)


def _literal(written: str) -> str:
    """Return a plain or quoted text without the comment behind it."""
    return written.partition(" #")[0].strip().strip("'\"")


def _name(text: str) -> str | None:
    """Return the name of a channel; None if the text is empty, or a template that only Helm can evaluate."""
    return text if LABEL_VALUE.fullmatch(text) else None


def _get(tree: Tree, key: str) -> Tree:
    return tree.get(key) if isinstance(tree, dict) else None


def _text(tree: Tree) -> str:
    return tree if isinstance(tree, str) else ""
