"""A Lease (coordination.k8s.io): held by one at a time, since the API server refuses an outdated version."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from steps.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steps.cluster.client import Cluster, KubernetesObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A Lease as `holder` sees it, who has to renew it within `seconds`."""

    cluster: Cluster
    name: str
    namespace: str
    holder: str
    seconds: int
    labels: Mapping[str, str]

    def read(self) -> KubernetesObject | None:
        """Return it as it is now; None if it is not there yet."""
        return self.cluster.get("Lease", self.name, self.namespace)

    def other_holder(self, found: KubernetesObject | None) -> str:
        """Return who else has it; empty if nobody has, or we have."""
        holder = self._holder(found)
        return "" if holder == self.holder else holder

    def age(self, found: KubernetesObject) -> float:
        """Return the seconds since its renewal, by the clocks of both; endless where it does not say when."""
        try:
            renewed = datetime.fromisoformat(str(found["spec"]["renewTime"]))
            return (datetime.now(UTC) - renewed).total_seconds()
        except (KeyError, TypeError, ValueError):
            return math.inf

    def take(self, found: KubernetesObject | None) -> bool:
        """Take it, or renew it, as it was found; return False if somebody has changed it since."""
        if found is None:
            return self.cluster.create_if_missing(self._manifest(self.holder))
        try:
            self._replace(found, self.holder)
        except ConflictError:
            return False
        return True

    def release(self) -> None:
        """Let it go if we have it."""
        found = self.read()
        if found and self._holder(found) == self.holder:
            self._replace(found, "")

    def _replace(self, found: KubernetesObject, holder: str) -> None:
        """Give it to `holder`. Raises ConflictError if somebody has changed it since it was found."""
        manifest = self._manifest(holder)
        manifest["metadata"]["resourceVersion"] = found["metadata"]["resourceVersion"]
        self.cluster.apply(manifest, quietly=True)

    def _holder(self, found: KubernetesObject | None) -> str:
        return str(((found or {}).get("spec") or {}).get("holderIdentity") or "")

    def _manifest(self, holder: str) -> KubernetesObject:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.name, "namespace": self.namespace, "labels": dict(self.labels)},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": self.seconds, "renewTime": now},
        }
