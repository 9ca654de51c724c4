"""ConfigMap oc-mirror-fleet: the verdicts, and flat keys that a gate before a wave can read (pure)."""

from __future__ import annotations

import base64
import gzip
import logging
import re
from typing import TYPE_CHECKING, Any, Final

from steps.mirroring import notify
from steps.mirroring.lease import LABELS
from steps.readiness import report
from steps.readiness.reasons import worst

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from steps.readiness.needs import ClusterNeed
    from steps.readiness.verdict import Verdict

log = logging.getLogger(__name__)

LARGEST: Final = 400_000
"""Bytes of the document as it stands; a larger one is compressed. With keys and what the API server keeps of
them, an object of etcd may have 1.5 MiB."""
MOST: Final = 5000
"""Clusters and sets that have keys of their own."""
_KEY: Final = re.compile(r"[-._a-zA-Z0-9]{1,200}")


def config_map(
    verdicts: Sequence[Verdict], *, namespace: str, made: str, notes: Iterable[str]
) -> dict[str, Any]:
    """Make the ConfigMap; `made` is RFC 3339 in UTC."""
    manifest: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": notify.FLEET, "namespace": namespace, "labels": dict(LABELS)},
        "data": keys(verdicts, made=made),
    }
    content = report.document(verdicts, made=made, notes=notes)
    if len(content.encode()) <= LARGEST:
        manifest["data"][notify.FLEET_DOCUMENT] = content
    else:
        packed = gzip.compress(content.encode(), mtime=0)
        manifest["binaryData"] = {f"{notify.FLEET_DOCUMENT}.gz": base64.b64encode(packed).decode()}
    return manifest


def keys(verdicts: Sequence[Verdict], *, made: str) -> dict[str, str]:
    """Return the flat keys. A cluster that has none is not ready; of several registries the worst counts.

    made, ready (true or false), verdict (the worst)
    verdict.CLUSTER, release.CLUSTER           the verdict, and the release that it is about
    set-verdict.SET, set-release.SET           of a set whose clusters nobody names
    """
    found = {
        "made": made,
        "ready": str(report.is_ready(verdicts)).lower(),
        "verdict": report.worst_of(verdicts),
    }
    by_cluster: dict[tuple[str, str], list[Verdict]] = {}
    for one in verdicts:
        by_cluster.setdefault((one.cluster.kind, one.cluster.name), []).append(one)
    if len(by_cluster) > MOST:
        log.warning("%s has keys for the first %d of %d clusters", notify.FLEET, MOST, len(by_cluster))
    for many in list(by_cluster.values())[:MOST]:
        found |= dict(_of_cluster(many[0].cluster, str(worst(one.judged.state for one in many))))
    return found


def _of_cluster(cluster: ClusterNeed, said: str) -> Iterator[tuple[str, str]]:
    prefix = "" if cluster.kind == "cluster" else "set-"
    if _KEY.fullmatch(cluster.name):
        yield f"{prefix}verdict.{cluster.name}", said
        yield f"{prefix}release.{cluster.name}", report.wanted_by(cluster)
