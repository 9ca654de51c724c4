"""Mirroring for real: the three workflows on one volume, and a CronJob and a service that run every minute.

What waits for the clock of Kubernetes takes some minutes.
"""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from steps.readiness import gate
from steps.readiness.reasons import Cause
from tests.cluster.lab import NEVER, RESTRICTED, Lab, make_lab
from tests.cluster.mirrors import REAL, imageset, push_source, records, volume
from tests.testbed.client import Cluster
from tests.testbed.registry import Registry
from tests.testbed.waiting import eventually
from tests.unit.readiness.test_gate import row, verdict

EVERY_MINUTE = "* * * * *"


@pytest.fixture(scope="module")
def source(registry: Registry) -> str:
    return push_source(registry)


@pytest.fixture
def lab(cluster: Cluster, make_namespace: Callable[..., str], image: str, tmp_path: Path, source: str) -> Lab:
    """A namespace with pull secret and an ImageSet of two small images."""
    made = make_lab(cluster, make_namespace(prefix="mirror", labels=RESTRICTED), image, tmp_path)
    made.add_configuration(imageset(source, "team/app:v1", "team/db:v1"))
    made.add_pull_secret()
    return made


def deploy(lab: Lab, run: str, mode: str, schedule: str = EVERY_MINUTE) -> None:
    """Each run is to mirror, though nothing is new."""
    lab.deploy(run, deploy_mode=mode, schedule=schedule, source_tls_verify="false", skip_unchanged="false")


class Watch:
    """Follows the namespace's pods: which ever ran a container, and how many at most at the same time."""

    def __init__(self, lab: Lab) -> None:
        self.most, self.names = 0, set[str]()
        self._running: set[str] = set()
        # One program that is told of each change: asking again and again would keep a core busy.
        watch = ["--watch", "--output-watch-events", "-o", "json"]
        command = ["kubectl", "get", "pods", "-n", lab.namespace, *watch]
        self._kubectl = subprocess.Popen(command, env=lab.cluster.env, stdout=subprocess.PIPE, text=True)

    def _follow(self) -> None:
        for line in self._kubectl.stdout or ():  # an event each
            self._see(json.loads(line))

    def _see(self, event: dict[str, Any]) -> None:
        pod = event["object"]
        statuses = pod.get("status", {}).get("containerStatuses", [])
        runs = event["type"] != "DELETED" and any("running" in status["state"] for status in statuses)
        name = pod["metadata"]["name"]
        (self._running.add if runs else self._running.discard)(name)
        self.names |= self._running
        self.most = max(self.most, len(self._running))

    @classmethod
    @contextmanager
    def over(cls, lab: Lab) -> Iterator[Watch]:
        watch = cls(lab)
        thread = threading.Thread(target=watch._follow)
        thread.start()
        try:
            yield watch
        finally:
            watch._kubectl.terminate()
            watch._kubectl.wait()
            thread.join()
            if watch._kubectl.stdout:
                watch._kubectl.stdout.close()


def test_a_cronjob_runs_every_minute_and_each_run_continues_the_last(lab: Lab) -> None:
    """The first run is slowed down beyond the next tick: Forbid holds, no two pods run at once."""
    archive_always(lab)
    deploy(lab, "minute", "cronjob", schedule=NEVER)
    patch_cronjob(lab, slow="0" if REAL else "20", schedule=EVERY_MINUTE)
    with Watch.over(lab) as watch:
        eventually("a first run", lambda: watch.names, timeout=240)
        patch_cronjob(lab, slow="0")
        jobs = eventually("two runs", lambda: finished_jobs(lab, 2), timeout=400)
        patch_cronjob(lab, slow="0", suspend=True)
        eventually("rest", lambda: not lab.get("cronjob", "oc-mirror")["status"].get("active"), timeout=240)
    assert watch.most == 1
    first, second = jobs[0], jobs[1]
    assert first["status"]["completionTime"] <= second["status"]["startTime"]
    if not REAL:
        assert seconds_between(first, "startTime", "completionTime") > 60, "there was a tick to be left out"
    made = records(volume(lab.cluster, lab.namespace), "generations")
    assert [one["sequence"] for one in made[:2]] == [1, 2]
    assert made[0]["predecessor"] is None
    assert made[1]["predecessor"]["sequence"] == 1
    assert made[1]["files"][0]["size"] < made[0]["files"][0]["size"]


def archive_always(lab: Lab) -> None:
    """Let each run make a generation: nothing is new in these tests."""
    lab.kubectl("create", "configmap", "oc-mirror-settings", "--from-literal=always-archive=true")


def patch_cronjob(lab: Lab, *, slow: str, **spec: object) -> None:
    """Change fields of the CronJob, and how long the stand-in takes for each image in pods to come."""
    env = [{"name": "STANDIN_SLOW", "value": slow}]
    containers = {"template": {"spec": {"containers": [{"name": "mirror", "env": env}]}}}
    patch = {"spec": {"jobTemplate": {"spec": containers}, **spec}}
    lab.kubectl("patch", "cronjob", "oc-mirror", "--type=strategic", "-p", json.dumps(patch))


def finished_jobs(lab: Lab, count: int) -> list[dict[str, Any]]:
    """The CronJob's finished Jobs, oldest first, once there are `count`."""
    jobs = [job for job in lab.get("jobs")["items"] if "completionTime" in job["status"]]
    return sorted(jobs, key=lambda job: str(job["status"]["startTime"])) if len(jobs) >= count else []


def seconds_between(job: dict[str, Any], begin: str, end: str) -> float:
    first, last = (time.strptime(job["status"][key], "%Y-%m-%dT%H:%M:%SZ") for key in (begin, end))
    return time.mktime(last) - time.mktime(first)


class Page:
    """The service of a Deployment, asked through the API server."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def get(self, path: str) -> str:
        """What the newest pod answers; empty while there is none that does."""
        pods = [pod for pod in self._lab.get("pods")["items"] if not pod["metadata"].get("deletionTimestamp")]
        for pod in sorted(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), reverse=True):
            raw = f"/api/v1/namespaces/{self._lab.namespace}/pods/{pod['metadata']['name']}:8080/proxy{path}"
            asked = self._lab.cluster.kubectl("get", "--raw", raw, check=False)
            if asked.returncode == 0:
                return asked.stdout
        return ""

    def metric(self, name: str) -> float:
        """A sample without labels; 0 if it is not there."""
        found = re.search(rf"^{name} (\S+)$", self.get("/metrics"), re.MULTILINE)
        return float(found[1]) if found else 0.0


def test_a_service_keeps_its_history_and_a_rollout_never_runs_two_writers(lab: Lab) -> None:
    archive_always(lab)
    said = [verdict(row("edge-1"), Cause.LOST)]
    lab.apply(gate.config_map(said, namespace=lab.namespace, made="2026-11-27T10:00:00Z", notes=[]))
    deploy(lab, "service", "deployment")
    service = Page(lab)
    eventually("a first generation", lambda: service.metric("oc_mirror_generation"), timeout=240)
    success = service.metric("oc_mirror_last_success_timestamp_seconds")
    assert '<h1 id="state">' in service.get("/")
    labels = 'cluster="edge-1",registry="one.example.com",release="4.20.12"'
    metric = f"oc_mirror_cluster_ready{{{labels}}} 0.0"
    assert metric in service.get("/metrics"), "what fleet-readiness has written is mounted"

    with Watch.over(lab) as watch:
        # A change of the pod template, as a new image is; from now on a run takes a while.
        lab.kubectl("set", "env", "deployment/oc-mirror", "STANDIN_SLOW=3")
        lab.kubectl("rollout", "status", "deployment/oc-mirror", "--timeout=240s")
        assert service.metric("oc_mirror_generation") >= 1
        assert service.metric("oc_mirror_last_success_timestamp_seconds") >= success
        following = "oc_mirror_next_run_timestamp_seconds"  # which is not there while a run goes on
        eventually("the next run", lambda: service.metric(following) > success, timeout=240)
        if not REAL:
            eventually("a run", lambda: service.metric("oc_mirror_running"), timeout=240)
            lab.kubectl("rollout", "restart", "deployment/oc-mirror")
            lab.kubectl("rollout", "status", "deployment/oc-mirror", "--timeout=240s")
            eventually("the next pod", lambda: "interrupted: going on now" in log_of_newest(lab), timeout=240)
        before = service.metric("oc_mirror_generation")
        eventually("one more", lambda: service.metric("oc_mirror_generation") > before, timeout=240)
    assert watch.most == 1
    assert len(watch.names) >= 2
    lab.kubectl("scale", "deployment/oc-mirror", "--replicas=0")
    lab.kubectl("wait", "pods", "--all", "--for=delete", "--timeout=240s")
    folder = volume(lab.cluster, lab.namespace)
    made = records(folder, "generations")
    assert [one["sequence"] for one in made] == list(range(1, len(made) + 1))
    assert [one["predecessor"] and one["predecessor"]["sequence"] for one in made[1:]] == [
        one["sequence"] for one in made[:-1]
    ]
    if not REAL:
        assert "stopped" in {run["state"] for run in records(folder, "runs")}


def log_of_newest(lab: Lab) -> str:
    pods = sorted(lab.get("pods")["items"], key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
    asked = lab.cluster.kubectl("-n", lab.namespace, "logs", pods[-1]["metadata"]["name"], check=False)
    return asked.stdout


# --- the three workflows


def mirrored(lab: Lab, run: str, **arguments: str) -> str:
    """Deploy a Job and wait for its end, which must be good; return its log."""
    tls = {"source_tls_verify": "false", "destination_tls_verify": "false"}
    lab.deploy(run, incremental_mode="true", **tls, **arguments)
    complete = ("wait", f"job/oc-mirror-{run}", "--for=condition=Complete", "--timeout=240s")
    done = lab.cluster.kubectl("-n", lab.namespace, *complete, check=False)
    log = lab.kubectl("logs", f"job/oc-mirror-{run}")
    assert done.returncode == 0, log
    return log


def test_to_disk_then_from_disk_by_the_same_volume_then_direct(
    lab: Lab, registry: Registry, source: str
) -> None:
    prefix = source.partition("/")[2]
    apart = f"air-gap-{uuid.uuid4().hex[:8]}"

    assert "generation 1 (full" in mirrored(lab, "one", workflow="workflow-to-disk")
    lab.add_configuration(imageset(source, "team/app:v2", "team/db:v1"))
    assert "generation 2 (continues 1" in mirrored(lab, "two", workflow="workflow-to-disk")
    folder = volume(lab.cluster, lab.namespace)
    for made in records(folder, "generations"):
        for file in made["files"]:
            archive = folder / "generations" / f"{made['sequence']:06d}" / file["name"]
            assert archive.stat().st_size == file["size"] > 0

    disk = {"workflow": "workflow-from-disk", "target_registry": f"{registry.host}/{apart}/disk"}
    assert f"{disk['target_registry']} has imported generation 1, 2" in mirrored(lab, "three", **disk)
    expect_images(registry, f"{apart}/disk/{prefix}", prefix, ["team/app:v1", "team/app:v2", "team/db:v1"])
    assert "has everything" in mirrored(lab, "four", **disk)

    direct = f"{registry.host}/{apart}/direct"
    log = mirrored(lab, "five", workflow="workflow-direct", target_registry=direct)
    assert f"{direct} has all 2 images" in log
    expect_images(registry, f"{apart}/direct/{prefix}", prefix, ["team/app:v2", "team/db:v1"])
    assert not registry.tags(f"{apart}/direct/{prefix}/team/other")
    assert [run["state"] for run in records(folder, "runs")] == ["succeeded"] * 5
    assert len(list((folder / "targets").glob("*/cluster-resources/itms.yaml"))) == 2
    assert not (folder / "cluster-resources").exists(), "it could be right for one of the two only"


def test_a_receipt_comes_into_a_run_by_a_configmap(lab: Lab, registry: Registry, source: str) -> None:
    target = f"{registry.host}/receipts-{uuid.uuid4().hex[:8]}"
    mirrored(lab, "one", workflow="workflow-to-disk")
    mirrored(lab, "two", workflow="workflow-from-disk", target_registry=target)
    folder = volume(lab.cluster, lab.namespace)
    (receipt,) = (folder / "receipts").glob("*.json")
    lab.kubectl("create", "configmap", "oc-mirror-receipts", "--from-literal=bad.txt=no receipt")
    refused = lab.refuse(2, "three", receipts="oc-mirror-receipts")
    assert "ConfigMap oc-mirror-receipts: bad.txt is no receipt" in refused
    lab.kubectl("delete", "configmap", "oc-mirror-receipts")
    lab.kubectl("create", "configmap", "oc-mirror-receipts", f"--from-file={receipt}")
    lab.add_configuration(imageset(source, "team/app:v2", "team/db:v1"))
    given = {"receipts": "oc-mirror-receipts", "keep_generations": "1"}
    log = mirrored(lab, "four", workflow="workflow-to-disk", **given)
    assert f"{target} has generation 1; generation 1 is confirmed" in log
    assert "removed generation 1: every registry has confirmed it" in log
    assert [made["sequence"] for made in records(folder, "generations")] == [2]


def test_two_sites_on_one_claim_share_its_cache(lab: Lab, source: str) -> None:
    to_disk = {"workflow": "workflow-to-disk"}
    assert "generation 1 (full" in mirrored(lab, "one", site="north", **to_disk)
    lab.add_configuration(imageset(source, "team/app:v2"))
    assert "generation 1 (full" in mirrored(lab, "two", site="south", **to_disk)
    log = mirrored(lab, "three", workflow="workflow-cleanup", site="south")
    assert "generations removed: none" in log
    folder = volume(lab.cluster, lab.namespace)
    for site in ("north", "south"):
        assert [made["sequence"] for made in records(folder / "sites" / site, "generations")] == [1]
    assert (folder / "cache/used-by").read_text().split() == ["../sites/north", "../sites/south"]
    assert not (folder / "generations").exists()
    assert sorted(path.name for path in folder.glob("cache/.oc-mirror/.cache/**/_manifests/tags/*")) == [
        "v1",
        "v1",
        "v2",
    ]


def expect_images(registry: Registry, target: str, source: str, images: list[str]) -> None:
    """Each image is in the target, by the source's digest; the stand-in makes up what it mirrors."""
    for image in images:
        repository, _, tag = image.partition(":")
        found = digest(registry, f"{target}/{repository}", tag)
        assert found, f"{target}/{image} is missing"
        if REAL:
            assert found == digest(registry, f"{source}/{repository}", tag)


def digest(registry: Registry, repository: str, tag: str) -> str:
    """The digest of an image in a registry; empty if it is not there."""
    answer = requests.head(
        f"{registry.url}/v2/{repository}/manifests/{tag}",
        headers={"Accept": "application/vnd.oci.image.manifest.v1+json"},
        timeout=10,
    )
    return answer.headers.get("Docker-Content-Digest", "") if answer.ok else ""
