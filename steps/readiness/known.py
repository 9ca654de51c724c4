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

from steps.errors import InvalidInputError
from steps.imageset.imageset import ImageSet
from steps.mirroring import notify, summary
from steps.mirroring.publish import resources
from steps.mirroring.store import records
from steps.mirroring.store.published import AUTOSHIFT_VALUES
from steps.mirroring.summary import Summary
from steps.yaml.values import values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from steps.imageset.model import Mirror
    from steps.mirroring.summary import TargetSummary

LARGEST: Final = 16 << 20
"""Bytes of a file of an export, unpacked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a target, HOST[:PORT][/PATH].

    `resources` are those that its clusters apply, None where that is not known. `imagesets` are what runs
    asked for, None where that is not known. The rest is as in `TargetSummary`.
    """

    target: str
    resources: tuple[Mapping[str, Any], ...] | None = None
    imagesets: tuple[Mirror, ...] | None = None
    brought: frozenset[str] = frozenset()
    deleted: frozenset[str] = frozenset()
    expected: Mapping[str, str] = field(default_factory=dict)
    room: int = 0


def of_summary(said: TargetSummary) -> Known:
    """Return what a data directory, or the ConfigMap made of it, knows of a target.

    Raises InvalidInputError for resources that are none.
    """
    return Known(
        target=said.target,
        resources=None if said.resources is None else _loaded(said.resources, said.target),
        imagesets=None if said.imagesets is None else tuple(_imagesets(said.imagesets)),
        brought=frozenset(said.brought),
        deleted=frozenset(said.deleted),
        expected=said.expected,
        room=said.room,
    )


def of_files(paths: Iterable[Path]) -> list[Known]:
    """Return what exported ConfigMaps say. Raises InvalidInputError for a file that is none."""
    return [known for path in paths for known in _of_file(path)]


def of_config_map(document: Any) -> list[Known]:
    """Return what a ConfigMap says that a run has written; nothing where it is another object.

    Raises InvalidInputError for an inventory that cannot be read.
    """
    if not isinstance(document, dict) or document.get("kind") != "ConfigMap":
        return []
    files = _files(document)
    if inventory := files.get(summary.KEY):
        return [of_summary(one) for one in _summary(inventory).targets]
    if not isinstance(document.get("metadata"), dict) or not (target := notify.target_of(document)):
        return []
    files.pop(AUTOSHIFT_VALUES, None)
    return [Known(target=target, resources=_loaded(files, target))]


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
        documents = values(path.read_bytes())
    except ValueError as error:
        raise _no_export(path, str(error)) from error
    lists = [document.get("items") if isinstance(document, dict) else None for document in documents]
    listed = [one for items in lists if isinstance(items, list) for one in items]
    found = [known for one in (*documents, *listed) for known in of_config_map(one)]
    if not found:
        raise _no_export(path, "no ConfigMap with a target")
    return found


def _no_export(path: Path, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"{path} is no export of what is published: {why}",
        "write it by `oc get configmap oc-mirror-inventory -n oc-mirror -o yaml`",
    )


def _files(document: Mapping[str, Any]) -> dict[str, str]:
    files = {str(name): str(text) for name, text in (document.get("data") or {}).items()}
    for name, packed in (document.get("binaryData") or {}).items():
        with suppress(binascii.Error, OSError, EOFError, zlib.error, ValueError, TypeError):
            files[str(name).removesuffix(".gz")] = _unpacked(packed)
    return files


def _unpacked(text: str) -> str:
    with gzip.open(io.BytesIO(base64.b64decode(text, validate=True))) as stream:
        return stream.read(LARGEST).decode()


def _imagesets(texts: Mapping[str, str]) -> list[Mirror]:
    found = []
    for name, text in texts.items():
        with suppress(InvalidInputError):  # empty where it is not known
            found.append(ImageSet.recorded(text.encode(), name).mirror)
    return found
