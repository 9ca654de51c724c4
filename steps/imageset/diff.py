"""What changed between two ImageSets, in words: the first thing to read before a mirror run.

Both are reduced to statements (`operator X from CATALOG` → `stable-3.16`), and the statements are compared,
so the order of lists, comments and layout do not show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steps.imageset.imageset import ImageSet


def diff_imagesets(old: ImageSet | None, new: ImageSet | None) -> list[str]:
    """List what `new` adds, changes and removes against `old`, a sentence each; empty where nothing does.

    Without `old` everything is an addition, without `new` everything is removed.
    """
    before, after = _statements(old), _statements(new)
    added = [f"added: {_said(name, after[name])}" for name in after if name not in before]
    changed = [
        f"changed: {name}: {before[name] or 'not restricted'} → {after[name] or 'not restricted'}"
        for name in after
        if name in before and before[name] != after[name]
    ]
    removed = [f"removed: {_said(name, before[name])}" for name in before if name not in after]
    return sorted(added) + sorted(changed) + sorted(removed)


def _said(name: str, value: str) -> str:
    return f"{name} ({value})" if value else name


def _statements(imageset: ImageSet | None) -> dict[str, str]:
    """Say everything that an ImageSet says, fields that are unknown here included, as name → value."""
    tree = imageset.document() if imageset else {}
    mirror = _get(tree, "mirror")
    platform = _get(mirror, "platform")
    found = dict(_releases(platform)) | dict(_operators(mirror))
    found |= dict(_images(mirror))
    found |= dict(_flat(_without(platform, "channels"), "platform"))
    found |= dict(_flat(_without(mirror, "platform", "operators", "additionalImages"), ""))
    found |= dict(_flat(_without(tree, "mirror", "apiVersion", "kind"), ""))
    return found


def _releases(platform: Any) -> Iterator[tuple[str, str]]:
    for channel in _items(platform, "channels"):
        name = f"OpenShift release channel {_text(channel, 'name')}"
        rest = _rest(channel, "name", "type", "minVersion", "maxVersion")
        yield name, ", ".join(filter(None, (_range(channel) or "its newest release", rest)))


def _operators(mirror: Any) -> Iterator[tuple[str, str]]:
    for catalog in _items(mirror, "operators"):
        origin = _text(catalog, "catalog")
        settings = _rest(catalog, "catalog", "packages")
        if settings or not _items(catalog, "packages"):
            yield f"catalog {origin}", settings or "every package"
        for package in _items(catalog, "packages"):
            channels = sorted(_channel(channel) for channel in _items(package, "channels"))
            default = _text(package, "defaultChannel")
            parts = (", ".join(channels), _range(package), default and f"default channel {default}")
            yield f"operator {_text(package, 'name')} from {origin}", "; ".join(filter(None, parts))


def _channel(channel: Any) -> str:
    return f"{_text(channel, 'name')} {_range(channel)}".strip()


def _images(mirror: Any) -> Iterator[tuple[str, str]]:
    for image in _items(mirror, "additionalImages"):
        yield f"image {_text(image, 'name')}", _rest(image, "name")


def _range(entry: Any) -> str:
    low, high = _text(entry, "minVersion"), _text(entry, "maxVersion")
    if low and low == high:
        return low
    return " ".join(filter(None, (low and f"from {low}", high and f"to {high}")))


def _flat(tree: Any, path: str) -> Iterator[tuple[str, str]]:
    """Say each single value of what has no words of its own here."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _flat(value, f"{path}.{key}" if path else key)
    elif isinstance(tree, list):
        for index, item in enumerate(tree):
            yield from _flat(item, f"{path}[{index}]")
    elif tree is not None:
        yield path, _said_value(tree)


def _rest(entry: Any, *said: str) -> str:
    return ", ".join(f"{name} {value}" for name, value in _flat(_without(entry, *said), ""))


def _without(tree: Any, *keys: str) -> Any:
    return {key: tree[key] for key in tree if key not in keys} if isinstance(tree, dict) else None


def _get(tree: Any, key: str) -> Any:
    return tree.get(key) if isinstance(tree, dict) else None


def _items(tree: Any, key: str) -> list[Any]:
    value = _get(tree, key)
    return value if isinstance(value, list) else []


def _text(tree: Any, key: str) -> str:
    value = _get(tree, key)
    return "" if value is None or isinstance(value, dict | list) else _said_value(value)


def _said_value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
