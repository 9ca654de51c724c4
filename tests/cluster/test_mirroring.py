"""Mirroring for real in the cluster: images of the testbed's registry, archives on volumes, a target.

The image holds the stand-in, or the real oc-mirror where $OC_MIRROR names it. What waits for the clock of
Kubernetes takes its time: the CronJob about 3 minutes, the service about 3, the pipeline's three workflows 2.
"""

from __future__ import annotations

import json
import os
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

from tests.cluster.lab import RESTRICTED, Lab, make_lab
from tests.cluster.product import WORKLOADS, Product, install
from tests.conftest import ROOT
from tests.standin.oc_mirror import Image
from tests.standin.oc_mirror import Registry as Pusher
from tests.testbed.client import Cluster
from tests.testbed.layout import VOLUMES
from tests.testbed.registry import Registry
from tests.testbed.repositories import Repository

REAL = bool(os.environ.get("OC_MIRROR"))
EVERY_MINUTE = "* * * * *"
PLAIN_HTTP = {"source-tls-verify": "false", "destination-tls-verify": "false"}


@pytest.fixture(scope="module")
def source(registry: Registry) -> str:
    """A path of the testbed's registry with images to mirror (the stand-in would do without)."""
    prefix = f"source-{uuid.uuid4().hex[:8]}"
    pusher = Pusher(registry.host, verify=False)
    pusher.check()
    for name in ("team/app:v1", "team/app:v2", "team/db:v1"):
        repository, _, tag = name.partition(":")
        path = f"{prefix}/{repository}"
        pusher.push(Image(f"{registry.host}/{path}:{tag}", "additional", path, tag), path)
    return f"{registry.host}/{prefix}"


def imageset(source: str, *images: str) -> str:
    lines = "".join(f"  - name: {source}/{image}\n" for image in images)
    head = "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n"
    return f"{head}  additionalImages:\n{lines}"


def digest(registry: Registry, repository: str, tag: str) -> str:
    """The digest of an image in a registry; empty if it is not there."""
    answer = requests.head(
        f"{registry.url}/v2/{repository}/manifests/{tag}",
        headers={"Accept": "application/vnd.oci.image.manifest.v1+json"},
        timeout=10,
    )
    return answer.headers.get("Docker-Content-Digest", "") if answer.ok else ""


def volume(cluster: Cluster, namespace: str) -> Path:
    """The folder of the workload's volume, as the node has it."""
    claim = cluster.get("pvc", "oc-mirror-workspace", "-n", namespace)
    return VOLUMES / str(claim["spec"]["volumeName"])


def records(folder: Path, kind: str) -> list[dict[str, Any]]:
    """The records of generations (`generations`) or of runs (`runs`), oldest first."""
    pattern = "generations/[0-9]*/generation.json" if kind == "generations" else "runs/[0-9]*.json"
    return [json.loads(path.read_text()) for path in sorted(folder.glob(pattern))]


def eventually(what: str, condition: Callable[[], Any], *, seconds: float) -> Any:
    """Wait until `condition` gives something true, and return it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(1)
    raise TimeoutError(f"{what}: not within {seconds} s")


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
        text = ""
        for line in self._kubectl.stdout or ():
            text += line
            if line == "}\n":
                self._see(json.loads(text))
                text = ""

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
    deploy(lab, "minute", "cronjob", schedule="0 0 1 1 *")
    patch_cronjob(lab, slow="0" if REAL else "20", schedule=EVERY_MINUTE)
    with Watch.over(lab) as watch:
        eventually("a first run", lambda: watch.names, seconds=75)
        patch_cronjob(lab, slow="0")
        jobs = eventually("two runs", lambda: finished_jobs(lab, 2), seconds=180)
        patch_cronjob(lab, slow="0", suspend=True)
        eventually("rest", lambda: not lab.get("cronjob", "oc-mirror")["status"].get("active"), seconds=60)
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
    deploy(lab, "service", "deployment")
    service = Page(lab)
    eventually("a first generation", lambda: service.metric("oc_mirror_generation"), seconds=90)
    success = service.metric("oc_mirror_last_success_timestamp_seconds")
    assert '<h1 id="state">' in service.get("/")

    with Watch.over(lab) as watch:
        # A change of the pod template, as a new image is; from now on a run takes a while.
        lab.kubectl("set", "env", "deployment/oc-mirror", "STANDIN_SLOW=3")
        lab.kubectl("rollout", "status", "deployment/oc-mirror", "--timeout=120s")
        assert service.metric("oc_mirror_generation") >= 1
        assert service.metric("oc_mirror_last_success_timestamp_seconds") >= success
        assert service.metric("oc_mirror_next_run_timestamp_seconds") > success
        if not REAL:
            eventually("a run", lambda: service.metric("oc_mirror_running"), seconds=90)
            lab.kubectl("rollout", "restart", "deployment/oc-mirror")
            lab.kubectl("rollout", "status", "deployment/oc-mirror", "--timeout=120s")
            eventually("the next pod", lambda: "interrupted: going on now" in log_of_newest(lab), seconds=30)
        before = service.metric("oc_mirror_generation")
        eventually("one more", lambda: service.metric("oc_mirror_generation") > before, seconds=120)
    assert watch.most == 1
    assert len(watch.names) >= 2
    lab.kubectl("scale", "deployment/oc-mirror", "--replicas=0")
    lab.kubectl("wait", "pods", "--all", "--for=delete", "--timeout=120s")
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


# --- the three workflows, from the pipeline


@pytest.fixture(scope="module")
def product(
    cluster: Cluster, image: str, make_repository: Callable[[str, Path], Repository]
) -> Iterator[Product]:
    """The product, installed afresh; it needs no values here, but a URL that could be fetched."""
    values = make_repository("values-of-examples", ROOT / "examples" / "values")
    installed = install(cluster, values.url, image)
    installed.defaults |= {"imageset-configmap": "small", "deploy-mode": "job", **PLAIN_HTTP}
    yield installed
    installed.clean()


def use(product: Product, text: str) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "small", "namespace": WORKLOADS},
        "data": {"imageset.yaml": text},
    }
    product.cluster.apply(json.dumps(body))


def mirrored(product: Product, **parameters: str) -> str:
    """Run the pipeline and the Job it makes to their ends; return the Job's log."""
    run = product.succeed({name.replace("_", "-"): value for name, value in parameters.items()})
    job = f"job/{run.results['workload-name']}"
    done = product.cluster.kubectl(
        "wait", "--for=condition=Complete", job, "-n", WORKLOADS, "--timeout=120s", check=False
    )
    log = product.cluster.kubectl("logs", job, "-n", WORKLOADS).stdout
    assert done.returncode == 0, log
    return log


@pytest.mark.product
def test_to_disk_then_from_disk_by_the_same_volume_then_direct(
    product: Product, registry: Registry, source: str
) -> None:
    prefix = source.partition("/")[2]
    apart = f"air-gap-{uuid.uuid4().hex[:8]}"

    use(product, imageset(source, "team/app:v1", "team/db:v1"))
    assert "generation 1 (full" in mirrored(product, workflow="workflow-to-disk")
    use(product, imageset(source, "team/app:v2", "team/db:v1"))
    assert "generation 2 (continues 1" in mirrored(product, workflow="workflow-to-disk")
    folder = volume(product.cluster, WORKLOADS)
    for made in records(folder, "generations"):
        for file in made["files"]:
            archive = folder / "generations" / f"{made['sequence']:06d}" / file["name"]
            assert archive.stat().st_size == file["size"] > 0

    disk = f"{registry.host}/{apart}/disk"
    log = mirrored(product, workflow="workflow-from-disk", target_registry=disk)
    assert f"{disk} has taken in generation 1, 2" in log
    expect_images(registry, f"{apart}/disk/{prefix}", prefix, ["team/app:v1", "team/app:v2", "team/db:v1"])
    assert "has everything" in mirrored(product, workflow="workflow-from-disk", target_registry=disk)

    direct = f"{registry.host}/{apart}/direct"
    log = mirrored(product, workflow="workflow-direct", target_registry=direct)
    assert f"{direct} has all images" in log
    expect_images(registry, f"{apart}/direct/{prefix}", prefix, ["team/app:v2", "team/db:v1"])
    assert not registry.tags(f"{apart}/direct/{prefix}/team/other")
    assert [run["state"] for run in records(folder, "runs")] == ["succeeded"] * 5
    assert list((folder / "cluster-resources").glob("itms*.yaml"))


def expect_images(registry: Registry, target: str, source: str, images: list[str]) -> None:
    """Each image is in the target, by the source's digest; the stand-in makes up what it mirrors."""
    for image in images:
        repository, _, tag = image.partition(":")
        found = digest(registry, f"{target}/{repository}", tag)
        assert found, f"{target}/{image} is missing"
        if REAL:
            assert found == digest(registry, f"{source}/{repository}", tag)
