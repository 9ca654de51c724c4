"""What AutoShift's block `config.disconnected` says of a mirror, where a user may have one already (pure).

What the mirror decides is written: where images and catalogs lie. All else of the block is the user's: `ca`,
`osImages`, `disableDefaultCatalogs`, the titles of catalogs. AutoShift (autoshift/templates,
_validate-cluster-install.tpl, 929a8558) renders nothing at all where mirrors have neither `ca` nor `caRef`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from steps.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_OF_THE_MIRROR: Final = ("host", "path", "releaseImage", "mirrors", "tagMirrors")
_CATALOG: Final = ("source", "imagePath", "tag")
_IDENTITIES: Final = (("source", "imagePath", "mirror", "tag"), ("source", "imagePath"), ("source",))
"""By which fields a catalog or mirror is taken for one that is there: the first that fit."""


@dataclass(frozen=True, slots=True)
class CaReference:
    """The ConfigMap on the hub with the registry's CA; AutoShift's default namespace is that of policies."""

    name: str
    key: str
    namespace: str = ""

    @property
    def fields(self) -> dict[str, str]:
        """The fields of `caRef`."""
        found = {"name": self.name, "key": self.key}
        return found | {"namespace": self.namespace} if self.namespace else found


def merged(
    there: Mapping[str, Any],
    mirror: Mapping[str, Any],
    ca: CaReference | None,
    where: str,
    minor: str = "",
) -> tuple[dict[str, Any], list[str]]:
    """Return the block that stands `there` with what the mirror decides; `mirror` is a block of its own.

    `minor` is the version X.Y of OpenShift that its clusters run, empty where that is not known. Besides, a
    line for each source of which nothing tells the catalog, so that one had to be assumed.

    Raises InvalidInputError where AutoShift would refuse the result for want of a CA, and for a block that
    is none.
    """
    registry, catalogs = there.get("mirrorRegistry") or {}, there.get("catalogs") or []
    if not isinstance(registry, dict) or not isinstance(catalogs, list):
        raise InvalidInputError(
            f"{where}: mirrorRegistry is no map, or catalogs is no list",
            "correct the block; AutoShift refuses it",
        )
    ours = {key: value for key, value in mirror["mirrorRegistry"].items() if key in _OF_THE_MIRROR}
    ours |= {key: _ordered(ours[key], registry.get(key)) for key in ("mirrors", "tagMirrors") if key in ours}
    kept = {key: value for key, value in registry.items() if key not in _OF_THE_MIRROR}
    order = [*registry, *ours]
    together = ours | kept | ({"caRef": ca.fields} if ca else {})
    if ours.get("mirrors") and not (together.get("ca") or together.get("caRef")):
        raise InvalidInputError(
            f"{where}: the block names no CA of the registry, and AutoShift refuses mirrors without one",
            "give publish-ca-ref=NAME:KEY[:NAMESPACE], the ConfigMap on the hub with the CA, or write ca or"
            " caRef into the block",
        )
    result = {
        "mirrorRegistry": {key: together[key] for key in sorted(together, key=_by(order))},
        "useIDMS": True,
    } | {key: value for key, value in there.items() if key not in {"mirrorRegistry", "catalogs"}}
    known = [one for one in catalogs if isinstance(one, dict)]
    chosen, assumed = _one_of_each(mirror.get("catalogs") or [], known, minor)
    if chosen:
        result["catalogs"] = _catalogs(chosen, known)
    return result, assumed


def _one_of_each(
    ours: list[dict[str, Any]], there: list[dict[str, Any]], minor: str
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return one catalog of each source, and which of them were assumed.

    AutoShift makes a CatalogSource of each entry and names it by its source. Of several, the one of the
    clusters' `minor` counts, else the one that stands there, else the newest.
    """
    chosen, lines = list[dict[str, Any]](), list[str]()
    for source in dict.fromkeys(one["source"] for one in ours):
        several = [one for one in ours if one["source"] == source]
        of_minor = [one for one in several if minor and re.match(rf"v?{re.escape(minor)}(?!\d)", one["tag"])]
        kept = [one for one in several if any(_agree(entry, one, _CATALOG) for entry in there)]
        newest = max(several, key=lambda one: [int(part) for part in re.findall(r"\d+", one["tag"])])
        chosen.append([*of_minor, *kept, newest][0])
        if len(several) > 1 and not of_minor and not kept:
            tags = ", ".join(one["tag"] for one in several)
            lines.append(f"catalog {source} with tag {newest['tag']}, the newest of {tags}")
    return chosen, lines


def _agree(one: Mapping[str, Any], other: Mapping[str, Any], fields: Iterable[str]) -> bool:
    return all(one.get(field) == other.get(field) for field in fields)


def dropped(there: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return what stood in the block and stands there no longer: a line for each catalog and mirror."""
    lines = [f"catalog {name}" for name in _sources(there, "catalogs") - _sources(new, "catalogs")]
    before, after = there.get("mirrorRegistry") or {}, new["mirrorRegistry"]
    for key, word in (("mirrors", "mirror"), ("tagMirrors", "tag mirror")):
        lines += [f"{word} of {name}" for name in _sources(before, key) - _sources(after, key)]
    return sorted(lines)


def _by(order: list[str]) -> Any:
    return lambda key: order.index(key) if key in order else len(order)


def _ordered(ours: list[dict[str, Any]], there: object) -> list[dict[str, Any]]:
    """Return our entries in the order in which they stand there, new ones last."""
    known = [one for one in there if isinstance(one, dict)] if isinstance(there, list) else []
    return sorted(ours, key=lambda entry: _place(entry, known))


def _place(entry: Mapping[str, Any], there: list[dict[str, Any]]) -> int:
    """Return the place of the entry that stands for ours there; behind all where none does."""
    return next(
        (place for fields in _IDENTITIES for place, one in enumerate(there) if _agree(one, entry, fields)),
        len(there),
    )


def _catalogs(ours: list[dict[str, Any]], there: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return our catalogs, each with what the user says of it besides."""
    found = []
    for catalog in _ordered(ours, there):
        place = _place(catalog, there)
        known = there[place] if place < len(there) else {}
        found.append({key: catalog.get(key, known.get(key)) for key in dict.fromkeys((*known, *catalog))})
    return found


def _sources(block: Mapping[str, Any], key: str) -> set[str]:
    entries = block.get(key)
    return {
        str(entry["source"])
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and "source" in entry
    }
