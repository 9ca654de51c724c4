"""File-based catalogs: JSON or YAML documents, each with a `schema` (operator-registry, alpha/declcfg).

A catalog has hundreds of megabytes, of which a mirror needs a dozen packages. So each file is first searched
for the wanted names with regular expressions (`Query.patterns`), and parsed only if it holds one of them.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from steps.bounded import json_of
from steps.catalog.packages import Bundle, Content, Entry, Package
from steps.yaml.documents import documents

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_LONGEST_MESSAGE: Final = 200
"""Characters of what a constraint says of itself."""


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for in a catalog: packages by name, and providers of APIs (`GROUP/VERSION/KIND`).

    `whole` asks for what bundles install and how they lead to each other as well, which takes memory.
    """

    packages: frozenset[str] = frozenset()
    apis: frozenset[str] = frozenset()
    whole: bool = False

    def __bool__(self) -> bool:
        """Tell whether there is anything to look for."""
        return bool(self.packages or self.apis)

    def patterns(self) -> list[re.Pattern[bytes]]:
        """Make patterns of which at least one matches in every file that holds a wanted package or API.

        Each pattern begins with a literal, which `re` finds at 2 GB/s; joined into a single pattern they
        would be ten times as slow.
        """
        kinds = {api.rpartition("/")[2] for api in self.apis}
        fields = [("package", self.packages), ("name", self.packages), ("kind", kinds)]
        return [re.compile(_field(name, values)) for name, values in fields if values]


def packages_of(content: bytes, wanted: Query) -> dict[str, Package]:
    """Read the wanted packages, and the providers of wanted APIs, from the content of a file.

    Of a package that is spread over several files this returns a part; `merge` combines the parts. Raises
    ValueError for a file that is neither JSON nor YAML.
    """
    drafts: dict[str, _Draft] = defaultdict(_Draft)
    for blob in documents(content):
        _add(drafts, blob, whole=wanted.whole)
    packages = {name: draft.package(name) for name, draft in drafts.items()}
    return {
        name: package
        for name, package in packages.items()
        if name in wanted.packages or any(map(package.provides, wanted.apis))
    }


def merge(first: Package | None, second: Package) -> Package:
    """Combine two parts of a package; None is no part yet."""
    if first is None:
        return second
    return Package(
        name=first.name,
        default_channel=first.default_channel or second.default_channel,
        channels={**first.channels, **second.channels},
        bundles={**first.bundles, **second.bundles},
        entries={**first.entries, **second.entries},
    )


@dataclass(slots=True)
class _Draft:
    """A package whose documents are still being read."""

    default: str = ""
    channels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    bundles: dict[str, Bundle] = field(default_factory=dict)
    entries: dict[str, tuple[Entry, ...]] = field(default_factory=dict)

    def package(self, name: str) -> Package:
        return Package(name, self.default, self.channels, self.bundles, self.entries)


def _add(drafts: dict[str, _Draft], blob: Any, *, whole: bool) -> None:
    """Add a document of the catalog to the draft of its package; ignore documents of other schemas."""
    if not isinstance(blob, dict):
        return
    name = _text(blob, "name")
    match blob.get("schema"):
        case "olm.package":
            drafts[name].default = _text(blob, "defaultChannel")
        case "olm.channel":
            entries = tuple(_text(entry, "name") for entry in _list(blob, "entries"))
            draft = drafts[_text(blob, "package")]
            draft.channels[name] = entries
            if whole:
                draft.entries[name] = tuple(_entry(entry) for entry in _list(blob, "entries"))
        case "olm.bundle":
            content = _content(blob) if whole else None
            drafts[_text(blob, "package")].bundles[name] = _bundle(name, _list(blob, "properties"), content)


def _entry(entry: Any) -> Entry:
    skips = _list(entry, "skips") if isinstance(entry, dict) else []
    return Entry(
        name=_text(entry, "name"),
        replaces=_text(entry, "replaces"),
        skips=tuple(skip for skip in skips if isinstance(skip, str)),
        skip_range=_text(entry, "skipRange"),
    )


def _content(blob: Mapping[str, Any]) -> Content:
    """Return what a bundle installs. Its newest minor is a number where its author left out the quotes.

    One that is empty, or given twice, is kept so that it can be told from none: OLM takes it for an error.
    """
    limits, oldest = list[str](), ""
    for item in _list(blob, "properties"):
        value = item.get("value") if isinstance(item, dict) else None
        match _text(item, "type"):
            case "olm.maxOpenShiftVersion":
                limits.append(str(value).strip('"') or "''")
            case "olm.csv.metadata":
                oldest = _text(value, "minKubeVersion")
            case "olm.bundle.object":  # in its place, where the catalog is of an older opm
                oldest = oldest or _kubernetes_of(_text(value, "data"))
    return Content(
        image=_text(blob, "image"),
        related=tuple(filter(None, (_text(one, "image") for one in _list(blob, "relatedImages")))),
        newest_openshift=" and ".join(limits),
        oldest_kubernetes=oldest,
    )


def _kubernetes_of(data: str) -> str:
    """Return what a manifest of a bundle, JSON in base64, says of minKubeVersion: its CSV."""
    try:
        manifest = b64decode(data)
        if b"minKubeVersion" not in manifest:  # such as a custom resource definition of a megabyte
            return ""
        document = json_of(manifest)
    except ValueError:
        return ""
    is_it = isinstance(document, dict) and document.get("kind") == "ClusterServiceVersion"
    return _text(document.get("spec"), "minKubeVersion") if is_it else ""


def _bundle(name: str, properties: list[Any], content: Content | None) -> Bundle:
    values: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for item in properties:
        if isinstance(item, dict) and isinstance(item.get("value"), dict):
            values[_text(item, "type")].append(item["value"])
    constraints = [part for value in values["olm.constraint"] for part in _parts(value)]
    required = {
        (_text(value, "packageName"), _text(value, "versionRange"))
        for value in (*values["olm.package.required"], *_of_kind(constraints, "package"))
    }
    return Bundle(
        name=name,
        version=next((_text(value, "version") for value in values["olm.package"]), ""),
        requires=tuple(sorted(required)),
        needs=_apis([*values["olm.gvk.required"], *_of_kind(constraints, "gvk")]),
        provides=_apis(values["olm.gvk"]),
        content=content,
        unclear=tuple(dict.fromkeys(filter(None, map(_unclear, constraints)))),
        deprecated=any(_text(item, "type") == "olm.deprecated" for item in properties),
    )


def _parts(constraint: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the constraints of which `all` have to hold, in place of the one that joins them.

    The fields are those of operator-framework/api, pkg/constraints.
    """
    found: list[Mapping[str, Any]] = []
    left = [constraint]
    while left:
        one = left.pop(0)
        joined = one.get("all")
        if isinstance(joined, dict):
            left += [part for part in _list(joined, "constraints") if isinstance(part, dict)]
        else:
            found.append(one)
    return found


def _of_kind(constraints: list[Mapping[str, Any]], kind: str) -> list[Mapping[str, Any]]:
    return [one[kind] for one in constraints if isinstance(one.get(kind), dict)]


def _unclear(constraint: Mapping[str, Any]) -> str:
    """Say what kind of constraint it is, if it is one that is not evaluated here; else nothing."""
    if isinstance(constraint.get("package"), dict) or isinstance(constraint.get("gvk"), dict):
        return ""
    kind = next((one for one in ("any", "not", "none", "cel") if one in constraint), "of an unknown kind")
    said = _text(constraint, "failureMessage")[:_LONGEST_MESSAGE]
    return f"{kind}: {said}" if said else kind


def _apis(values: list[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(
        sorted({"/".join(_text(value, part) for part in ("group", "version", "kind")) for value in values})
    )


def _text(tree: Any, field_name: str) -> str:
    value = tree.get(field_name) if isinstance(tree, dict) else None
    return value if isinstance(value, str) else ""


def _list(tree: Mapping[str, Any], field_name: str) -> list[Any]:
    value = tree.get(field_name)
    return value if isinstance(value, list) else []


def _field(name: str, values: Collection[str]) -> bytes:
    """Return a pattern that matches `name: value` (YAML) and `"name": "value"` (JSON) for each value."""
    alternatives = b"|".join(re.escape(value).encode() for value in sorted(values))
    return (
        name.encode() + rb"""["']?\s*:\s*["']?(?:""" + alternatives + rb""")["'\s,}]"""
        if alternatives
        else b""
    )
