"""File-based catalogs: JSON or YAML documents, each with a `schema` (operator-registry, alpha/declcfg).

A catalog has hundreds of megabytes and a mirror needs a dozen packages of it. So a file is searched for the
names that are wanted first, at the speed of memory, and parsed only where one stands in it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from steps.catalog.facts import Bundle, Package
from steps.yaml.documents import documents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steps.catalog.wanted import Wanted


def packages_of(content: bytes, wanted: Wanted) -> dict[str, Package]:
    """Read the wanted packages, and the providers of wanted APIs, off one file.

    A package spread over several files comes in parts: `merge` puts them together. Raises ValueError for a
    file that is neither JSON nor YAML.
    """
    drafts: dict[str, _Draft] = defaultdict(_Draft)
    for blob in documents(content):
        _add(drafts, blob)
    packages = {name: draft.package(name) for name, draft in drafts.items()}
    return {
        name: package
        for name, package in packages.items()
        if name in wanted.packages or any(map(package.provides, wanted.apis))
    }


def merge(one: Package | None, other: Package) -> Package:
    """Put two parts of a package together."""
    if one is None:
        return other
    return Package(
        name=one.name,
        default_channel=one.default_channel or other.default_channel,
        channels={**one.channels, **other.channels},
        bundles={**one.bundles, **other.bundles},
    )


@dataclass(slots=True)
class _Draft:
    default: str = ""
    channels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    bundles: dict[str, Bundle] = field(default_factory=dict)

    def package(self, name: str) -> Package:
        return Package(name, self.default, self.channels, self.bundles)


def _add(drafts: dict[str, _Draft], blob: Any) -> None:
    if not isinstance(blob, dict):
        return
    name = _text(blob, "name")
    match blob.get("schema"):
        case "olm.package":
            drafts[name].default = _text(blob, "defaultChannel")
        case "olm.channel":
            entries = tuple(_text(entry, "name") for entry in _list(blob, "entries"))
            drafts[_text(blob, "package")].channels[name] = entries
        case "olm.bundle":
            drafts[_text(blob, "package")].bundles[name] = _bundle(name, _list(blob, "properties"))


def _bundle(name: str, properties: list[Any]) -> Bundle:
    values: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for item in properties:
        if isinstance(item, dict) and isinstance(item.get("value"), dict):
            values[_text(item, "type")].append(item["value"])
    required = {
        (_text(value, "packageName"), _text(value, "versionRange"))
        for value in values["olm.package.required"]
    }
    return Bundle(
        name=name,
        version=next((_text(value, "version") for value in values["olm.package"]), ""),
        requires=tuple(sorted(required)),
        needs=_apis(values["olm.gvk.required"]),
        provides=_apis(values["olm.gvk"]),
    )


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
