"""The union of what several ImageSets need of one target, and how it differs from what is published (pure).

Mirror sets of one name are merged by source, signatures by release. Of any other resource that two ImageSets
make under one name with another content, that of the first mirror name in alphabetical order counts, so that
the result does not depend on which ran last; it is reported.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from steps.mirroring.publish import resources

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from steps.mirroring.publish.resources import Resource

Key = tuple[str, str, str]
"""Kind, namespace and name."""


def union(mirrors: Mapping[str, Mapping[str, str]]) -> tuple[dict[str, str], list[str]]:
    """Return the files of all `mirrors` (files by mirror name) together, and a sentence for each conflict."""
    found: dict[Key, Resource] = {}
    makers: dict[Key, str] = {}
    conflicts = []
    for mirror_name, files in sorted(mirrors.items()):
        for resource in resources.load(files):
            key = _key(resource)
            if key not in found:
                found[key], makers[key] = resource, mirror_name
                continue
            found[key] = resources.together(found[key], resource)
            if resources.outline(found[key]) != resources.outline(resource):
                conflicts.append(
                    f"{key[0]} {key[2]} of {mirror_name!r} differs from that of {makers[key]!r},"
                    f" which is published"
                )
    return resources.in_files(found.values()), conflicts


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return a line for each thing that `after` adds, changes or removes against `before`, by file."""
    old, new = _parts(resources.load(before)), _parts(resources.load(after))
    lines = []
    for word, keys in (
        ("added", new.keys() - old.keys()),
        ("changed", {key for key in new.keys() & old.keys() if new[key] != old[key]}),
        ("removed", old.keys() - new.keys()),
    ):
        lines += [f"{word}: {_words(key, new.get(key, old.get(key)))}" for key in sorted(keys)]
    return lines


def _key(resource: Resource) -> Key:
    metadata = resource["metadata"]
    return str(resource["kind"]), str(metadata.get("namespace") or ""), str(metadata["name"])


def _parts(documents: Iterable[Resource]) -> dict[tuple[str, str, str], Any]:
    """Return what can differ, by kind, name and part: a mirror set by source, other resources as a whole."""
    found: dict[tuple[str, str, str], Any] = defaultdict(list)
    for document in documents:
        for part, content in _parts_of(document):
            kind, _namespace, name = _key(document)
            found[kind, name, part] = content
    return dict(found)


def _parts_of(document: Resource) -> Iterator[tuple[str, Any]]:
    entries = resources.entries(document)
    if entries is not None:
        yield from ((str(entry.get("source")), entry.get("mirrors")) for entry in entries)
    elif signatures := document.get("binaryData"):
        yield from ((str(key), content) for key, content in signatures.items())
    else:
        yield "", document


def _words(key: tuple[str, str, str], content: Any) -> str:
    kind, name, part = key
    if isinstance(content, list):
        return f"{kind} {name}, {part} from {', '.join(map(str, content))}"
    return f"{kind} {name}, {part}" if part else f"{kind} {name}"
