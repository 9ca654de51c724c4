"""What was mirrored to a target, and what was published for its clusters: by a data directory, or an export.

The export is the ConfigMap `oc-mirror-inventory`, in YAML or JSON, as `oc get` prints it. The ConfigMap
`oc-mirror-cluster-resources…` of a target will do as well. It has what is published, but not what runs have
brought, so that for a missing image it cannot be said whether anybody asked for it.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from steps.bounded import content_of
from steps.errors import InvalidInputError
from steps.imageset.imageset import ImageSet
from steps.mirroring import notify, summary
from steps.mirroring.publish import resources
from steps.mirroring.store import records
from steps.mirroring.store.published import AUTOSHIFT_VALUES
from steps.mirroring.summary import Summary
from steps.oci.reference import Reference
from steps.yaml.values import values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from steps.imageset.model import Mirror
    from steps.mirroring.summary import TargetSummary

LARGEST: Final = 16 << 20
"""Bytes of a file of an export, unpacked."""
LARGEST_EXPORT: Final = 64 << 20
"""Bytes of an export: a List of ConfigMaps, of which each has two million at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a target, HOST[:PORT][/PATH].

    `resources` are those that its clusters apply, None where that is not known. `imagesets` are what runs
    asked for, None where that is not known. `is_whole` is False where `brought` was left out of an export.
    `exported` is the time of the last run that a copy knows of, empty for what is read where it is written.
    The rest is as in `TargetSummary`.
    """

    target: str
    resources: tuple[Mapping[str, Any], ...] | None = None
    imagesets: tuple[Mirror, ...] | None = None
    brought: frozenset[str] = frozenset()
    deleted: frozenset[str] = frozenset()
    expected: Mapping[str, str] = field(default_factory=dict)
    room: int = 0
    is_whole: bool = True
    exported: str = ""


def of_summary(said: TargetSummary, *, is_whole: bool = True, exported: bool = False) -> Known:
    """Return what a data directory, or the ConfigMap made of it, knows of a target.

    `is_whole` is that of `Summary`; `exported` tells that it is a copy, which may be old. Raises
    InvalidInputError for resources that are none.
    """
    return Known(
        target=_checked(said.target),
        resources=None if said.resources is None else _loaded(said.resources, said.target),
        imagesets=None if said.imagesets is None else tuple(_imagesets(said.imagesets)),
        brought=frozenset(said.brought),
        deleted=frozenset(said.deleted),
        expected=said.expected,
        room=said.room,
        is_whole=is_whole,
        exported=said.finished if exported else "",
    )


def of_files(paths: Iterable[Path]) -> list[Known]:
    """Return what exported ConfigMaps say. Raises InvalidInputError for a file that is none."""
    return [known for path in paths for known in _of_file(path)]


def of_config_map(document: Any, *, exported: bool = False) -> list[Known]:
    """Return what a ConfigMap says that a run has written; nothing where it is another object.

    `exported` is as in `of_summary`.

    Raises InvalidInputError for an inventory that cannot be read.
    """
    if not isinstance(document, dict) or document.get("kind") != "ConfigMap":
        return []
    metadata = document.get("metadata")
    name = str(metadata.get("name"))[:80] if isinstance(metadata, dict) else ""
    files = _files(document, name)
    if inventory := files.get(summary.KEY):
        said = _summary(inventory)
        return [of_summary(one, is_whole=said.whole, exported=exported) for one in said.targets]
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    if not isinstance(annotations, dict) or not (target := notify.target_of(document)):
        return []
    files.pop(AUTOSHIFT_VALUES, None)
    return [Known(target=_checked(target), resources=_loaded(files, target))]


def together(found: Iterable[Known]) -> dict[str, Known]:
    """Return what is known by target; what several say of one target is put together.

    The clusters of a target apply what each of its data directories publishes. Of an image by tag nothing is
    expected where they contradict each other, as nobody knows which run was the last.
    """
    targets: dict[str, Known] = {}
    for one in found:
        other = targets.get(one.target)
        targets[one.target] = _joined(other, one) if other else one
    return targets


def _joined(one: Known, other: Known) -> Known:
    agreed = {
        name: digest
        for name, digest in {**one.expected, **other.expected}.items()
        if digest == one.expected.get(name, digest)
    }
    return Known(
        target=one.target,
        resources=_both(one.resources, other.resources),
        imagesets=_both(one.imagesets, other.imagesets),
        brought=one.brought | other.brought,
        deleted=one.deleted | other.deleted,
        expected=agreed,
        room=one.room or other.room,
        is_whole=one.is_whole and other.is_whole,
        exported=min(filter(None, (one.exported, other.exported)), default=""),
    )


def _both(one: tuple[Any, ...] | None, other: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
    return other if one is None else (*one, *(other or ()))


def _checked(target: str) -> str:
    """Return a target that an export names. Raises InvalidInputError for what is none."""
    reference = Reference.find(f"{target}/x")
    if reference is None or not reference.registry or reference.name != f"{target}/x":
        raise InvalidInputError(
            f"an export is of '{target[:80]}', which is no target HOST[:PORT][/PATH]",
            "read it again from its cluster",
        )
    return target


def _loaded(files: Mapping[str, str], target: str) -> tuple[Mapping[str, Any], ...]:
    """Read resources. Others wrote them: what has the kind of one, and not its form, is refused."""
    found = tuple(resources.load(files))
    for one in found:
        spec = one.get("spec") or {}
        key = resources.MIRRORS.get(str(one.get("kind")), "")
        entries = spec.get(key) or [] if isinstance(spec, dict) else None
        if not isinstance(entries, list) or not all(map(_is_entry, entries)):
            raise InvalidInputError(
                f"a resource of {target} cannot be understood: {str(one.get('kind'))[:80]}",
                "a run of mirror publishes it anew; compare what is there with its data directory",
            )
    return found


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("mirrors") or [], list)


def _summary(text: str) -> Summary:
    try:
        return records.parse(Summary, text)
    except ValueError as error:
        raise InvalidInputError(
            f"{summary.KEY} of {notify.INVENTORY} cannot be used: {error}",
            "read it again from its cluster; a newer version of fleet-readiness reads newer ones",
        ) from error


def _of_file(path: Path) -> list[Known]:
    try:
        documents = values(content_of(path, limit=LARGEST_EXPORT), limit=LARGEST_EXPORT)
    except ValueError as error:
        raise _no_export(path, str(error)) from error
    lists = [document.get("items") if isinstance(document, dict) else None for document in documents]
    listed = [one for items in lists if isinstance(items, list) for one in items]
    found = [known for one in (*documents, *listed) for known in of_config_map(one, exported=True)]
    if not found:
        raise _no_export(path, "no ConfigMap with a target")
    return found


def _no_export(path: Path, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"{path} is no export of what is published: {why}",
        "write it by `oc get configmap oc-mirror-inventory -n oc-mirror -o yaml`",
    )


def _files(document: Mapping[str, Any], name: str) -> dict[str, str]:
    """Return the files of a ConfigMap of that name. Raises InvalidInputError for a damaged one."""
    data, packed = document.get("data") or {}, document.get("binaryData") or {}
    if not isinstance(data, dict) or not isinstance(packed, dict):
        raise _damaged(name, "its data are no files")
    files = {str(key): str(text) for key, text in data.items()}
    for key, text in packed.items():
        try:
            files[str(key).removesuffix(".gz")] = _unpacked(text)
        except (binascii.Error, OSError, EOFError, zlib.error, ValueError, TypeError) as error:
            raise _damaged(name, f"{str(key)[:80]} cannot be unpacked") from error
    return files


def _unpacked(text: str) -> str:
    with gzip.open(io.BytesIO(base64.b64decode(text, validate=True))) as stream:
        content = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError("it is too large")
    return content.decode()


def _damaged(name: str, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"ConfigMap {name} is damaged: {why}",
        f"read it again from its cluster: oc get configmap {name} -n oc-mirror -o yaml",
    )


def _imagesets(texts: Mapping[str, str]) -> list[Mirror]:
    found = []
    for name, text in texts.items():
        with suppress(InvalidInputError):  # empty where it is not known
            found.append(ImageSet.recorded(text.encode(), name).mirror)
    return found
