"""What fleet-readiness has said of the clusters: the document of ConfigMap oc-mirror-fleet, as it is mounted.

The service does not ask by itself: what clusters shall run stands in the values, which it does not have. So
the page says how old the verdicts are.
"""

from __future__ import annotations

import gzip
import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from steps.bounded import json_of
from steps.mirroring.notify import FLEET_DOCUMENT
from steps.mirroring.store import changes_text

if TYPE_CHECKING:
    from pathlib import Path

FORMAT: Final = 1
LARGEST: Final = 32 << 20
"""Bytes of the document, unpacked."""
LONGEST: Final = 2000
"""Characters of a reason, and of what to do about it."""
WORST_FIRST: Final = ("not ready", "unknown", "ready with warnings", "ready")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster at a registry: the verdict, and the worst reason with what to do about it, if there is one.

    `current` runs and `wanted` shall run; each is empty where nobody knows or names it.
    """

    name: str
    registry: str
    verdict: str
    current: str = ""
    wanted: str = ""
    reason: str = ""
    to_do: str = ""

    @property
    def is_ready(self) -> bool:
        """Whether it is ready, with warnings or without."""
        return self.verdict in WORST_FIRST[2:]

    def has(self, search: str) -> bool:
        """Return whether a text in small letters is a part of what is said of it."""
        said = (self.name, self.registry, self.verdict, self.current, self.wanted, self.reason)
        return search in " ".join(said).lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The verdicts, the worst first; `made` when they were true. `problem` says why they cannot be read."""

    made: str = ""
    clusters: tuple[Cluster, ...] = ()
    problem: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each verdict, the worst first, without those of which there are none."""
        found = [one.verdict for one in self.clusters]
        return {verdict: found.count(verdict) for verdict in WORST_FIRST if verdict in found}

    def matching(self, search: str) -> tuple[Cluster, ...]:
        """Return the clusters of which something has the text, in whichever letters."""
        return tuple(one for one in self.clusters if one.has(search.lower()))


@dataclass(slots=True)
class FleetReader:
    """Reads the document again where its file is another: Kubernetes replaces it some time after a change."""

    folder: Path | None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _seen: tuple[str, int, int] | None = None
    _fleet: Fleet | None = None

    def __call__(self) -> Fleet | None:
        """Return what is there; None where fleet-readiness has not written anything yet."""
        with self._lock:
            path, seen = self._path()
            if seen != self._seen:
                self._fleet, self._seen = _read(path) if path else None, seen
            return self._fleet

    def _path(self) -> tuple[Path | None, tuple[str, int, int] | None]:
        for name in (FLEET_DOCUMENT, f"{FLEET_DOCUMENT}.gz") if self.folder else ():
            path = self.folder / name  # type: ignore[operator]
            try:
                found = path.stat()
            except OSError:
                continue
            return path, (name, found.st_ino, found.st_mtime_ns)
        return None, None


def _read(path: Path) -> Fleet | None:
    try:
        return _fleet(json_of(_content(path), limit=LARGEST, what="the document"))
    except FileNotFoundError:
        return None
    except (OSError, EOFError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        return Fleet(problem=f"{path.name} cannot be understood: {str(error)[:200]}")


def _content(path: Path) -> bytes:
    if path.suffix == ".gz":
        with gzip.open(path) as packed:
            return packed.read(LARGEST + 1)
    with path.open("rb") as stream:
        return stream.read(LARGEST + 1)


def _fleet(document: Any) -> Fleet:
    if document["format"] != FORMAT:
        raise ValueError(f"it has format {document['format']}, this version reads {FORMAT}")
    made = str(document["made"])
    if datetime.fromisoformat(made).tzinfo is None:
        raise ValueError(f"'{made}' is no time of a zone")
    judgements = [_first(one["reasons"]) for one in document["judgements"]]
    clusters = [_cluster(one, judgements[one["judgement"]]) for one in document["clusters"]]
    order = {verdict: number for number, verdict in enumerate(WORST_FIRST)}
    return Fleet(
        made=made,
        clusters=tuple(sorted(clusters, key=lambda one: (order[one.verdict], one.name, one.registry))),
    )


def _first(reasons: list[Any]) -> tuple[str, str]:
    """Return the worst reason, which comes first, and what to do about it."""
    if not reasons:
        return "", ""
    what = f"{reasons[0]['cause']}: {reasons[0]['what']}"
    return changes_text.plain(what, LONGEST), changes_text.plain(str(reasons[0]["to_do"]), LONGEST)


def _cluster(entry: Any, reason: tuple[str, str]) -> Cluster:
    kind, name = str(entry["kind"]), str(entry["cluster"])
    if entry["verdict"] not in WORST_FIRST:
        raise ValueError(f"'{entry['verdict']}' is no verdict")
    return Cluster(
        name=changes_text.plain(name if kind == "cluster" else f"{kind} {name}"),
        registry=changes_text.plain(str(entry["registry"])),
        verdict=str(entry["verdict"]),
        current=changes_text.plain(str(entry["current"])),
        wanted=changes_text.plain(str(entry["wanted"])),
        reason=reason[0],
        to_do=reason[1],
    )
