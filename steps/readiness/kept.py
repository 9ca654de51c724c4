"""What is kept of a look at a target for an hour, so that a second look asks only for what may have changed.

    FOLDER/TARGET-HASH.json     digests that were there, with the time of the answer; releases and graph data
                                that were read, by the digest of their image

What a digest names never changes, so what was read of it is kept for good. That it is still there is taken
for granted for an hour; only a deletion can change it. Tags, and what was not there, are asked for every
time.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from steps.bounded import json_file
from steps.files import write_atomically
from steps.readiness.content import Release
from steps.readiness.graph import BlockedEdge, GraphData, Node, Risk
from steps.readiness.presence import Answer, Question

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

log = logging.getLogger(__name__)

FORMAT: Final = 2
FRESH: Final = 3600
"""Seconds for which an image that was there is taken to be there."""
LARGEST: Final = 64 << 20
"""Bytes of a file."""


@dataclass(slots=True)
class Kept:
    """What is kept of one target.

    `present` has the time (seconds since 1970) of each image that was there whole, by place and then by
    digest and architecture. `releases` and `graphs` are by the digest of their image.
    """

    present: dict[str, dict[str, int]] = field(default_factory=dict)
    releases: dict[str, Release] = field(default_factory=dict)
    graphs: dict[str, GraphData] = field(default_factory=dict)

    def answers(self, questions: Iterable[Question], now: float) -> dict[Question, Answer]:
        """Return the answers that still hold: of images by digest that were whole within the last hour."""
        return {
            question: Answer(question.version)
            for question in questions
            if now - FRESH < self.present.get(question.place, {}).get(_key(question), 0) <= now
        }

    def keep(self, answers: Mapping[Question, Answer], now: float) -> None:
        """Keep what was answered just now; forget what is no longer there, and what is too old."""
        for question, answer in answers.items():
            if question.version.startswith("sha256:") and answer.is_whole:
                self.present.setdefault(question.place, {})[_key(question)] = int(now)
            else:
                self.present.get(question.place, {}).pop(_key(question), None)

    def limit(self, *, releases: Iterable[str], graphs: Iterable[str], now: float) -> None:
        """Forget what is of no use any more: images asked for too long ago, releases that no tag leads to."""
        here = {
            place: {key: at for key, at in known.items() if at > now - FRESH}
            for place, known in self.present.items()
        }
        self.present = {place: known for place, known in here.items() if known}
        self.releases = {digest: self.releases[digest] for digest in releases if digest in self.releases}
        self.graphs = {digest: self.graphs[digest] for digest in graphs if digest in self.graphs}


def read(folder: Path | None, target: str) -> Kept:
    """Read what is kept of a target; nothing where there is none, or where it cannot be understood."""
    if folder is None:
        return Kept()
    try:
        document = json_file(_path(folder, target), limit=LARGEST)
        if document["format"] != FORMAT or document["target"] != target:
            return Kept()
        return Kept(
            present={
                str(place): {str(key): int(at) for key, at in known.items()}
                for place, known in document["present"].items()
            },
            releases={one["digest"]: _release(one) for one in document["releases"]},
            graphs={digest: _graph(one) for digest, one in document["graphs"].items()},
        )
    except FileNotFoundError:
        return Kept()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.info("what was kept of %s is not used: %s", target, error)
        return Kept()


def write(folder: Path | None, target: str, kept: Kept) -> None:
    """Keep it. A volume that cannot be written is no failure; it is logged."""
    if folder is None:
        return
    document = {
        "format": FORMAT,
        "target": target,
        "present": kept.present,
        "releases": [asdict(release) for release in kept.releases.values()],
        "graphs": {
            digest: {
                "channels": {name: sorted(versions) for name, versions in graph.channels.items()},
                "blocked": [asdict(edge) for edge in graph.blocked],
            }
            for digest, graph in kept.graphs.items()
        },
    }
    try:
        write_atomically(_path(folder, target), json.dumps(document, separators=(",", ":")))
    except OSError as error:
        log.warning("%s cannot be written: %s", _path(folder, target), error.strerror)


def _path(folder: Path, target: str) -> Path:
    return folder / f"{hashlib.sha256(target.encode()).hexdigest()[:16]}.json"


def _key(question: Question) -> str:
    return f"{question.version} {question.architecture}{' runs' if question.runs else ''}"


def _release(document: Any) -> Release:
    node = document["node"]
    return Release(
        digest=document["digest"],
        node=Node(
            node["version"], tuple(node["previous"]), tuple(node["following"]), tuple(node["channels"])
        ),
        architecture=document["architecture"],
        content=tuple((name, digest) for name, digest in document["content"]),
    )


def _graph(document: Any) -> GraphData:
    return GraphData(
        {name: frozenset(versions) for name, versions in document["channels"].items()},
        tuple(
            BlockedEdge(edge["to"], edge["pattern"], edge["risk"] and Risk(**edge["risk"]))
            for edge in document["blocked"]
        ),
    )
