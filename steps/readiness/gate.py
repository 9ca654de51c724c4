"""ConfigMap oc-mirror-fleet: the verdicts, and flat keys that a gate before a wave can read (pure)."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import re
from typing import TYPE_CHECKING, Any, Final

from steps.mirroring import notify
from steps.mirroring.lease import LABELS
from steps.readiness import report
from steps.readiness.reasons import worst

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from steps.readiness.needs import ClusterNeed
    from steps.readiness.verdict import Verdict

log = logging.getLogger(__name__)

LARGEST: Final = 400_000
"""Bytes of the document as it stands; a larger one is compressed."""
PACKED: Final = 500_000
"""Bytes of the compressed document; one that is larger is made brief."""
ROOM: Final = 1_450_000
"""Bytes of it as the API server keeps it, names of fields twice: an object of etcd may have 1.5 MiB."""
MOST: Final = 5000
"""Clusters and sets that have keys of their own."""
_MORE: Final = 20
"""Bytes of an entry besides its name, twice, and its value."""
_KEY: Final = re.compile(r"[-._a-zA-Z0-9]{1,200}")


def config_map(
    verdicts: Sequence[Verdict], *, namespace: str, made: str, notes: Iterable[str]
) -> dict[str, Any]:
    """Make the ConfigMap; `made` is RFC 3339 in UTC."""
    manifest: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": notify.FLEET, "namespace": namespace, "labels": dict(LABELS)},
    }
    notes = list(notes)
    content = report.document(verdicts, made=made, notes=notes)
    if len(content.encode()) <= LARGEST:
        written = {notify.FLEET_DOCUMENT: content}
        return manifest | {"data": keys(verdicts, made=made, taken=_kept(written)) | written}
    packed = _packed(content)
    if len(packed) > PACKED:
        packed = _packed(report.document(verdicts, made=made, notes=notes, brief=True))
        log.warning("%s: %s", notify.FLEET, report.BRIEF)
    written = {f"{notify.FLEET_DOCUMENT}.gz": packed}
    return manifest | {"data": keys(verdicts, made=made, taken=_kept(written)), "binaryData": written}


def _packed(content: str) -> str:
    return base64.b64encode(gzip.compress(content.encode(), mtime=0)).decode()


def _kept(data: Mapping[str, str]) -> int:
    """Return the bytes that the API server keeps for entries, with the names of the fields that we manage."""
    return sum(2 * len(key) + len(json.dumps(value)) + _MORE for key, value in data.items())


def keys(verdicts: Sequence[Verdict], *, made: str, taken: int = 0) -> dict[str, str]:
    """Return the flat keys, as many as there is room for beside `taken` bytes.

    A cluster that has none is not ready; of several registries the worst counts.

    made, ready (true or false), verdict (the worst)
    verdict.CLUSTER, release.CLUSTER           the verdict, and the release that it is about
    set-verdict.SET, set-release.SET           of a set whose clusters nobody names
    """
    found = {
        "made": made,
        "ready": str(report.is_ready(verdicts)).lower(),
        "verdict": report.worst_of(verdicts),
    }
    by_cluster: dict[tuple[bool, str], list[Verdict]] = {}
    for one in verdicts:  # a hub set and a managed set of one name have the same keys
        by_cluster.setdefault((one.cluster.kind == "cluster", one.cluster.name), []).append(one)
    taken += _kept(found)
    for number, many in enumerate(by_cluster.values()):
        its = dict(_of_cluster(many[0].cluster, str(worst(one.judged.state for one in many))))
        taken += _kept(its)
        if number >= MOST or taken > ROOM:
            log.warning("%s has keys for the first %d of %d clusters", notify.FLEET, number, len(by_cluster))
            break
        found |= its
    return found


def _of_cluster(cluster: ClusterNeed, said: str) -> Iterator[tuple[str, str]]:
    prefix = "" if cluster.kind == "cluster" else "set-"
    if _KEY.fullmatch(cluster.name):
        yield f"{prefix}verdict.{cluster.name}", said
        yield f"{prefix}release.{cluster.name}", report.wanted_by(cluster)
