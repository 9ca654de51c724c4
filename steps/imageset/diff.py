"""What changed between two ImageSets, in words: the first thing to read before a mirror run.

Both are reduced to statements (`operator X from CATALOG` → `stable-3.16`), and the statements are compared,
so the order of lists, comments and layout do not show. An entry of a list is known by its name or, where that
does not tell it from others, by all that it says.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, TypeVar

from steps.log_lines import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from steps.imageset.imageset import ImageSet


def diff_imagesets(old: ImageSet | None, new: ImageSet | None) -> list[str]:
    """List what `new` adds, changes and removes against `old`, a sentence each; empty where nothing does.

    Without `old` everything is an addition, without `new` everything is removed.
    """
    return _sentences(_statements(old), _statements(new))


def changes(old: ImageSet, new: ImageSet) -> dict[str, Any]:
    """Return the same for programs, as docs/reference/plan.md describes it.

    Release channels, channels of operators, charts and additional images have fields; the rest is `other`, in
    sentences.
    """
    before, after = _get(old.document(), "mirror"), _get(new.document(), "mirror")
    return {
        "releases": _parts(_by_channel(before), _by_channel(after), "channel"),
        "operators": _parts(
            _by_operator_channel(before), _by_operator_channel(after), "catalog", "package", "channel"
        ),
        "charts": _named(_together(_charts(before)), _together(_charts(after))),
        "additional": _named(_additional(before), _additional(after)),
        "other": _sentences(_others(old), _others(new)),
    }


def settings(old: ImageSet, new: ImageSet) -> list[str]:
    """List in sentences what else two ImageSets say of what both name, such as its place in the target."""
    found = changes(old, new)
    updated = [
        (f"{kind} {one['name']}", one["before"], one["after"])
        for kind, key in (("image", "additional"), ("chart", "charts"))
        for one in found[key]["updated"]
    ]
    before, after = ({name: said[side] for name, *said in updated} for side in (0, 1))
    return [*found["other"], *_sentences(before, after)]


Keyed = dict[tuple[str, ...], str]
"""What is said of each, by what tells it apart."""
_Key = TypeVar("_Key")


def _together(pairs: Iterable[tuple[_Key, str]]) -> dict[_Key, str]:
    """Return what is said of each; where a name stands there several times, all that is said of it."""
    found: defaultdict[_Key, list[str]] = defaultdict(list)
    for key, said in pairs:
        found[key].append(said)
    return {key: " and also ".join(sorted(said)) for key, said in found.items()}


def _parts(before: Keyed, after: Keyed, *fields: str) -> dict[str, list[dict[str, str | None]]]:
    def of(keys: list[tuple[str, ...]]) -> list[dict[str, str | None]]:
        return [
            {
                **dict(zip(fields, key, strict=True)),
                "before": before.get(key),
                "after": after.get(key),
            }
            for key in sorted(keys)
        ]

    return {
        "added": of([key for key in after if key not in before]),
        "updated": of([key for key in after if key in before and before[key] != after[key]]),
        "removed": of([key for key in before if key not in after]),
    }


def _named(before: dict[str, str], after: dict[str, str]) -> dict[str, list[Any]]:
    found = _parts(
        {(name,): said for name, said in before.items()},
        {(name,): said for name, said in after.items()},
        "name",
    )
    names = {part: [one["name"] for one in found[part]] for part in ("added", "removed")}
    return {**found, **names}


def _sentences(before: dict[str, str], after: dict[str, str]) -> list[str]:
    added = [f"added: {_said(name, after[name])}" for name in after if name not in before]
    changed = [
        f"changed: {name}: {before[name] or 'not restricted'} → {after[name] or 'not restricted'}"
        for name in after
        if name in before and before[name] != after[name]
    ]
    removed = [f"removed: {_said(name, before[name])}" for name in before if name not in after]
    return [printable(line) for line in sorted(added) + sorted(changed) + sorted(removed)]


def _said(name: str, value: str) -> str:
    return f"{name} ({value})" if value else name


def _statements(imageset: ImageSet | None) -> dict[str, str]:
    """Say everything that an ImageSet says, fields that are unknown here included, as name → value."""
    tree = imageset.document() if imageset else {}
    mirror = _get(tree, "mirror")
    found = _together([*_releases(_get(mirror, "platform")), *_operators(mirror), *_images(mirror)])
    return found | _settings(tree) | _together(_flat(_get(mirror, "helm"), "helm"))


def _others(imageset: ImageSet) -> dict[str, str]:
    """Say what `changes` has no field for."""
    tree = imageset.document()
    mirror = _get(tree, "mirror")
    packages = [
        (_operator(package, catalog), said)
        for catalog in _items(mirror, "operators")
        for package in _items(catalog, "packages")
        if _items(package, "channels") and (said := _of_package(package))
    ]
    helm = _get(mirror, "helm")
    whole = [
        (f"charts of Helm repository {_text(repository, 'name')}", f"all, {_rest(repository, 'name')}")
        for repository in _items(helm, "repositories")
        if not _items(repository, "charts")
    ]
    rest = _flat(_without(helm, "repositories", "local"), "helm")
    return _together([*_catalogs(mirror), *packages, *whole, *rest]) | _settings(tree)


def _settings(tree: Any) -> dict[str, str]:
    """Say each value that is neither of a release channel, a catalog, an image nor of Helm."""
    mirror = _get(tree, "mirror")
    return _together(
        [
            *_flat(_without(_get(mirror, "platform"), "channels"), "platform"),
            *_flat(_without(mirror, "platform", "operators", "additionalImages", "helm"), ""),
            *_flat(_without(tree, "mirror", "apiVersion", "kind"), ""),
        ]
    )


def _by_channel(mirror: Any) -> Keyed:
    return _together(((name,), said) for name, said in _channels(_get(mirror, "platform")))


def _by_operator_channel(mirror: Any) -> Keyed:
    """Say of each channel which versions; of a package without channels, whose channel is empty, as well."""
    return _together(
        ((_text(catalog, "catalog"), _text(package, "name"), _text(channel, "name")), said)
        for catalog in _items(mirror, "operators")
        for package in _items(catalog, "packages")
        for channel, said in [
            *((channel, _of_channel(channel)) for channel in _items(package, "channels")),
            *([] if _items(package, "channels") else [({}, _of_package(package))]),
        ]
    )


def _additional(mirror: Any) -> dict[str, str]:
    return _together(
        (_text(image, "name"), _rest(image, "name")) for image in _items(mirror, "additionalImages")
    )


def _charts(mirror: Any) -> Iterator[tuple[str, str]]:
    """Name each chart as its archive is named."""
    helm = _get(mirror, "helm")
    for repository in _items(helm, "repositories"):
        for chart in _items(repository, "charts"):
            rest = filter(None, (_rest(repository, "name", "charts"), _rest(chart, "name", "version")))
            yield _chart(chart), ", ".join(rest)
    for chart in _items(helm, "local"):
        yield _chart(chart), _rest(chart, "name", "version")


def _chart(chart: Any) -> str:
    return "-".join(filter(None, (_text(chart, "name"), _text(chart, "version"))))


def _releases(platform: Any) -> Iterator[tuple[str, str]]:
    for name, said in _channels(platform):
        yield f"OpenShift release channel {name}", said


def _channels(platform: Any) -> Iterator[tuple[str, str]]:
    for channel in _items(platform, "channels"):
        rest = _rest(channel, "name", "type", "minVersion", "maxVersion")
        yield _text(channel, "name"), ", ".join(filter(None, (_range(channel) or "its newest release", rest)))


def _catalogs(mirror: Any) -> Iterator[tuple[str, str]]:
    for catalog in _items(mirror, "operators"):
        settings = _rest(catalog, "catalog", "packages")
        if settings or not _items(catalog, "packages"):
            yield f"catalog {_text(catalog, 'catalog')}", settings or "every package"


def _operators(mirror: Any) -> Iterator[tuple[str, str]]:
    yield from _catalogs(mirror)
    for catalog in _items(mirror, "operators"):
        for package in _items(catalog, "packages"):
            channels = sorted(_channel(channel) for channel in _items(package, "channels"))
            yield (
                _operator(package, catalog),
                "; ".join(filter(None, (", ".join(channels), _of_package(package)))),
            )


def _operator(package: Any, catalog: Any) -> str:
    return f"operator {_text(package, 'name')} from {_text(catalog, 'catalog')}"


def _of_package(package: Any) -> str:
    """Say what counts for all channels of a package."""
    default = _text(package, "defaultChannel")
    rest = _rest(package, "name", "channels", "minVersion", "maxVersion", "defaultChannel")
    return "; ".join(filter(None, (_range(package), default and f"default channel {default}", rest)))


def _of_channel(channel: Any) -> str:
    return ", ".join(filter(None, (_range(channel), _rest(channel, "name", "minVersion", "maxVersion"))))


def _channel(channel: Any) -> str:
    return f"{_text(channel, 'name')} {_of_channel(channel)}".strip()


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
        names = Counter(map(_name, tree))
        for item in tree:
            name = _name(item)
            if name and names[name] == 1:
                yield f"{path}[{name}]", ""
                yield from _flat(_without(item, "name", "version"), f"{path}[{name}]")
            else:
                yield f"{path}[{_rest(item)}]", ""
    elif tree is not None:
        yield path, _said_value(tree)


def _name(entry: Any) -> str:
    """Name an entry of a list; several versions of a chart may stand there."""
    return f"{_text(entry, 'name')} {_text(entry, 'version')}".strip() if _text(entry, "name") else ""


def _rest(entry: Any, *said: str) -> str:
    """Say on one line what an entry says besides the fields `said`; of a single value, that value."""
    flat = _flat(_without(entry, *said) if isinstance(entry, dict) else entry, "")
    return ", ".join(sorted(f"{name} {value}".strip() for name, value in flat))


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
