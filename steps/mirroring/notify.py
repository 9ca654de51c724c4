"""Notifies a cluster of runs: ConfigMaps, an Event for a failure. None of it can make a run fail.

    oc-mirror-status             status.json: the last run, as in DATA/runs; sizes.json: what packages weigh,
                                 as in DATA, for the plan of the next ImageSet
    oc-mirror-cluster-resources  what is published for the clusters of a target, and AutoShift's block; for
                                 any further target of the data directory oc-mirror-cluster-resources-NAME
    oc-mirror-changes            changes.json, changes.md: what the newest run changed, or would if approved
    oc-mirror-inventory          inventory.json: what the data directory knows of all its targets, for
                                 fleet-readiness, which has no right on the claim
    oc-mirror-removal-plan       plan.json of workflow-delete-generate, byte by byte, to be read and approved

In the pod's namespace, with the pod's own account, which has a Role for these objects alone
(tekton/10-rbac.yaml); on a laptop in the namespace that is asked for, with the kubeconfig.

The pod's termination message is the last word of a run, where Kubernetes shows it. The pods use
FallbackToLogsOnError too, which takes the log's last lines; a file written by us says it shorter, and says it
on success as well.
"""

from __future__ import annotations

import base64
import gzip
import logging
import os
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from steps.errors import ForbiddenError, HeldError, StepError, error_class
from steps.mirroring import summary
from steps.mirroring.lease import LABELS, own_namespace
from steps.mirroring.request import DELETE, DIRECT, FROM_DISK, PLAN_DELETION, TO_DISK
from steps.mirroring.store import changes_text
from steps.mirroring.store.published import AUTOSHIFT_VALUES, distinct_name, readable_name
from steps.mirroring.store.runs import FAILED, RUNNING, SUCCEEDED
from steps.mirroring.workflows import deletion_plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from steps.cluster import Cluster, KubernetesObject
    from steps.mirroring.store import Store
    from steps.mirroring.store.published import PublishedTarget
    from steps.mirroring.store.runs import Run


log = logging.getLogger(__name__)

STATUS, RESOURCES = "oc-mirror-status", "oc-mirror-cluster-resources"
REMOVAL_PLAN, CHANGES = "oc-mirror-removal-plan", "oc-mirror-changes"
INVENTORY = "oc-mirror-inventory"
FLEET, FLEET_DOCUMENT = "oc-mirror-fleet", "fleet.json"
"""The ConfigMap that fleet-readiness writes beside these, and its key with the verdicts."""
HELD = error_class(HeldError("", ""))
"""The class of a run that stopped because its changes are to be approved."""
LARGEST = 1_000_000
"""Bytes of data; a ConfigMap may have 1 MiB with its metadata."""
LONGEST_MESSAGE = 1024
"""Characters of an Event's message (k8s.io/kubernetes, pkg/apis/core/validation/events.go)."""
LIMIT = 4096
"""Bytes that the kubelet keeps (k8s.io/kubernetes, pkg/kubelet/container/runtime.go)."""


class Notifier:
    """A watcher of runs that writes to a namespace of a cluster."""

    def __init__(self, cluster: Cluster, namespace: str, store: Store) -> None:
        """Notify `namespace` of what is mirrored in `store`."""
        self._cluster, self._namespace, self._store = cluster, namespace, store
        self._warned: set[str] = set()

    def __call__(self, run: Run) -> None:
        """Notify of a run that begins or has ended."""
        self._try("its status", lambda: self._publish(STATUS, self._status(run)))
        if run.state == FAILED:
            self._try("an event", lambda: self._cluster.create(_event(run, self._namespace)))
        if run.state == SUCCEEDED and run.workflow in {DIRECT, FROM_DISK} and not run.dry_run:
            self._try("the cluster resources", lambda: self._publish_resources(run.target))
        if run.workflow in {DIRECT, FROM_DISK, TO_DISK} and _has_changes(run):
            self._try("what changed", lambda: self._publish_changes(run.target))
        if _changes_targets(run):
            self._try("the inventory", self._publish_inventory)
        if run.state == SUCCEEDED and run.workflow == PLAN_DELETION:
            self._try("the plan of what to delete", self._publish_plan)

    def _status(self, run: Run) -> dict[str, str]:
        files = {"status.json": run.bounded(LARGEST // 2)}
        with suppress(OSError):
            sizes = self._store.sizes.read_text()
            if len(sizes.encode()) <= LARGEST // 2:
                files["sizes.json"] = sizes
        return files

    def _publish_plan(self) -> None:
        content = (self._store.deletion / deletion_plan.PLAN).read_bytes()
        self._publish(
            REMOVAL_PLAN, {deletion_plan.PLAN: content.decode(), "sha256": deletion_plan.sha256(content)}
        )

    def _publish_inventory(self) -> None:
        text = summary.fitting(summary.of_store(self._store), LARGEST)
        self._publish(INVENTORY, {summary.KEY: text})

    def _publish_changes(self, target: str) -> None:
        """Publish the newest list; of one that a ConfigMap cannot hold only what is for people."""
        listed = self._store.changes.newest_kept(target)
        if listed is None:
            return
        content = listed.canonical.decode()
        files = {"changes.json": content} if len(content) <= LARGEST // 2 else {}
        files |= {"changes.md": changes_text.markdown_within(listed, LARGEST // 3), "sha256": listed.sha256}
        self._publish(CHANGES, files, target=target)
        log.info("the list of changes is in ConfigMap %s/%s, too", self._namespace, CHANGES)

    def _publish_resources(self, target: str) -> None:
        published = self._store.published.of(target)
        if published is None:
            return
        name = resources_name(published)
        files = published.files() | {AUTOSHIFT_VALUES: published.autoshift_values.read_text()}
        try:
            self._publish(name, files, target=target, mirrors=",".join(published.record.mirrors))
        except ForbiddenError as error:
            if name == RESOURCES:
                raise
            raise ForbiddenError(f"of {target}: {error.reason}", _right_to(name, self._namespace)) from error

    def _publish(self, name: str, files: dict[str, str], **annotations: str) -> None:
        self._cluster.apply(config_map(name, self._namespace, files, **annotations))

    def _try(self, what: str, action: Callable[[], object]) -> None:
        try:
            action()
        except (StepError, OSError) as error:
            kind = f"{type(error).__name__} {getattr(error, 'hint', '')}"
            if kind not in self._warned:
                self._warned.add(kind)
                hint = f"; {error.hint}" if isinstance(error, ForbiddenError) else ""
                log.warning("the cluster is not told %s: %s%s", what, error, hint)


def _changes_targets(run: Run) -> bool:
    """Return whether a run that has ended may have changed what is in a target; a deletion does in parts."""
    if run.dry_run or run.state == RUNNING:
        return False
    return run.workflow == DELETE or (run.workflow in {DIRECT, FROM_DISK} and run.state == SUCCEEDED)


def _has_changes(run: Run) -> bool:
    """Return whether a run that has ended has told what it changed, or stopped until that is approved."""
    return not run.dry_run and not run.unchanged and (run.state == SUCCEEDED or run.error == HELD)


def notifier(store: Store, namespace: str = "") -> Notifier | None:
    """Return a notifier of `namespace`, or of the pod's own; None where there is neither."""
    namespace = namespace or own_namespace()
    if not namespace:
        return None
    from steps.cluster import Cluster

    try:
        return Notifier(Cluster.connect(patient=False), namespace, store)
    except StepError as error:
        log.warning("the cluster is not told of this run: %s", error.reason)
        return None


def resources_name(published: PublishedTarget) -> str:
    """Return the name of the ConfigMap with what is published for a target: each target has its own."""
    return RESOURCES if published.record.plain_name else f"{RESOURCES}-{published.folder.name}"


def target_of(config_map: KubernetesObject) -> str:
    """Return the target that a ConfigMap with published resources is for; empty where it does not say."""
    return str((config_map["metadata"].get("annotations") or {}).get("oc-mirror-pipeline/target") or "")


def resources_of(target: str, cluster: Cluster, namespace: str) -> KubernetesObject | None:
    """Return the ConfigMap with what is published for a target; None where no run has published anything.

    It has one of three names, see `resources_name`: the usual one, or that of one of the two folders that a
    target can have. Raises ForbiddenError where the account may not read the name that it has.
    """
    readable, distinct = (f"{RESOURCES}-{name(target)}" for name in (readable_name, distinct_name))
    taken = ""
    for name in (RESOURCES, readable, distinct):
        try:
            found = cluster.get("ConfigMap", name, namespace)
        except ForbiddenError as error:
            if name == RESOURCES:
                raise
            if not taken:  # a target takes the first name that is free: no run has published anything
                return None
            rights = f"--verb=get --resource=configmaps --resource-name={readable} --resource-name={distinct}"
            raise ForbiddenError(
                f"ConfigMap {namespace}/{taken} is of another target than {target}, and this account may not"
                f" read {name}",
                f"'oc create role {readable} -n {namespace} {rights}', and bind it to this account",
            ) from error
        if found and target_of(found) == target:
            return found
        taken = name if found else ""
    return None


def _right_to(name: str, namespace: str) -> str:
    """Return how to let the workload's account write a ConfigMap that its Role cannot name in advance."""
    role = (
        f"oc create role {name} -n {namespace} --verb=get,patch --resource=configmaps --resource-name={name}"
    )
    account = f"--role={name} --serviceaccount={namespace}:oc-mirror"
    return f"'{role}' and 'oc create rolebinding {name} -n {namespace} {account}' give the right"


def config_map(name: str, namespace: str, files: dict[str, str], **annotations: str) -> dict[str, Any]:
    """Make a ConfigMap of these files; what is too large for it is compressed, each file to NAME.gz."""
    manifest: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(LABELS)},
    }
    if annotations:
        manifest["metadata"]["annotations"] = {
            f"oc-mirror-pipeline/{key}": value for key, value in annotations.items()
        }
    if sum(len(text.encode()) for text in files.values()) <= LARGEST:
        return manifest | {"data": files}
    packed = {
        f"{key}.gz": base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
        for key, text in files.items()
    }
    return manifest | {"binaryData": packed}


def _event(run: Run, namespace: str) -> dict[str, Any]:
    """Make a Warning for the pod, or, outside a pod, for the ConfigMap with the run's status."""
    pod = os.environ.get("POD_NAME", "")
    concerned = {"apiVersion": "v1", "kind": "Pod" if pod else "ConfigMap", "name": pod or STATUS}
    if pod:
        concerned["uid"] = os.environ.get("POD_UID", "")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"oc-mirror.{uuid.uuid4().hex[:16]}", "namespace": namespace},
        "involvedObject": concerned | {"namespace": namespace},
        "type": "Warning",
        "reason": "MirrorHeld" if run.error == HELD else "MirrorFailed",
        "message": f"{run.workflow}: {run.message}; {run.hint}"[:LONGEST_MESSAGE],
        "source": {"component": "oc-mirror"},
        "reportingComponent": "oc-mirror",
        "reportingInstance": run.host,
        "firstTimestamp": run.finished,
        "lastTimestamp": run.finished,
        "count": 1,
    }


def write_last_word(path: Path, text: str) -> None:
    """Write `text` to the termination log, if there is one: outside a pod nothing is written anywhere."""
    if not path.exists() or not os.access(path, os.W_OK):
        return
    with suppress(OSError):  # a verdict that cannot be left is not a failure of the run
        path.write_bytes(text.encode()[:LIMIT])


def write_last_word_of(path: Path, run: Run) -> None:
    """Write the record of a run that has ended, as JSON."""
    if run.state != RUNNING:
        write_last_word(path, run.bounded(LIMIT))
