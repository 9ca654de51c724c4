"""The product as a user has it: tekton/ applied, an image recorded, and runs that one starts and reads."""

from __future__ import annotations

import base64
import gzip
import json
import os
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT, RUN
from tests.testbed import files, images
from tests.testbed.binaries import locked
from tests.testbed.client import Cluster
from tests.testbed.layout import CONTAINERD_SOCKET, STATE
from tests.testbed.processes import run

PIPELINES, WORKLOADS = "oc-mirror-pipeline", "oc-mirror"
RANDOM_UID = 1000770000
TASK_IMAGE = "quay.io/autoshift/oc-mirror-autoshift:v0.1.0"
BOTH = {"shared-workspace": "oc-mirror-shared-workspace", "mirror-data": "oc-mirror-workspace"}


def pack_oc_mirror(folder: Path) -> str:
    """Write the stand-in, or what $OC_MIRROR names, as oc-mirror is downloaded; return its checksum."""
    program = Path(os.environ.get("OC_MIRROR") or ROOT / "tests" / "standin" / "oc_mirror.py")
    archive = folder / "oc-mirror.rhel9.tar.gz"
    with gzip.GzipFile(archive, "wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as stream:
        stream.add(program, arcname="oc-mirror", filter=_undated)
    checksum = run("sha256sum", archive.name, cwd=folder).stdout
    (folder / "sha256sum.txt").write_text(checksum)
    return checksum.split()[0]


def _undated(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The same program, whenever it was checked out."""
    member.mtime = 0
    return member


def build_image(folder: Path) -> str:
    """Build and push the Containerfile with the stand-in as oc-mirror; load it under its default name too."""
    # Pinned as a user would pin it; without it the builder's cache could keep an older stand-in.
    pin = {"OC_MIRROR_SHA256": pack_oc_mirror(folder)}
    reference = images.build_project_image(ROOT, "test", folder, files.ensure_wheels(), pin)
    ctr = ["ctr", "-a", str(CONTAINERD_SOCKET), "-n", "k8s.io", "images"]
    run(*ctr, "pull", "--plain-http", reference)
    run(*ctr, "tag", "--force", reference, TASK_IMAGE)
    return reference


def build_image_once(folder: Path) -> str:
    """`build_image`, but once for all processes of one run of the tests."""
    name = os.environ.get(RUN) or os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
    built = STATE / "project-image" / name
    with locked("project-image"):
        if not built.exists():
            reference = build_image(folder)
            built.parent.mkdir(exist_ok=True)
            built.write_text(reference)
        return built.read_text()


def install(cluster: Cluster, values_url: str, image: str = "") -> Product:
    """Apply tekton/ as the README says, with the pull secret in place.

    With an image it is recorded, and restricted Pod Security enforced; without one none of ours exists.
    """
    both = (PIPELINES, WORKLOADS)  # in one command, which waits for both at once
    cluster.kubectl("delete", "namespace", *both, "--ignore-not-found", "--wait", "--timeout=240s")
    cluster.kubectl("apply", "-f", str(ROOT / "tekton"))
    auths = {"auths": {"registry.redhat.io": {"auth": base64.b64encode(b"user:password").decode()}}}
    secret = ("create", "secret", "generic", "oc-mirror-pull-secret", "--type=kubernetes.io/dockerconfigjson")
    cluster.kubectl(*secret, f"--from-literal=.dockerconfigjson={json.dumps(auths)}", "-n", WORKLOADS)
    product = Product(cluster, image, {"values-git-url": values_url, "storage-size": "1Gi"})
    if not image:
        return product
    restrict(cluster)
    repository, digest = image.split("@")
    data = {
        "image-name": "oc-mirror-autoshift",
        "image-url": f"{repository}:test",
        "image-digest": digest,
        "git-revision": "main",
        "build-timestamp": "2025-09-23T15:30:44Z",
    }
    literals = [f"--from-literal={key}={value}" for key, value in data.items()]
    cluster.kubectl("create", "configmap", "oc-mirror-images", *literals, "-n", PIPELINES)
    return product


def permit(cluster: Cluster, namespace: str, kind: str, *names: str) -> None:
    """Permit other names than the default, as docs/explanation/trust.md says; `kind` such as `claims`."""
    annotation = f"oc-mirror-pipeline/allowed-{kind}={','.join(names)}"
    cluster.kubectl("annotate", "namespace", namespace, annotation, "--overwrite")


@contextmanager
def tekton_defaults_kept(cluster: Cluster) -> Iterator[None]:
    """Give Tekton's defaults (the ConfigMap config-defaults) back as they were, whatever the block sets."""
    place = ("configmap", "config-defaults", "-n", "tekton-pipelines")
    before = cluster.get(*place).get("data", {})
    try:
        yield
    finally:
        patch = json.dumps([{"op": "add", "path": "/data", "value": before}])
        cluster.kubectl("patch", *place, "--type=json", "-p", patch)


def restrict(cluster: Cluster) -> None:
    """Enforce restricted Pod Security on the pipelines too, as the installation guide has it."""
    restricted = "pod-security.kubernetes.io/enforce=restricted"
    cluster.kubectl("label", "namespace", PIPELINES, restricted, "--overwrite")


@dataclass
class Run:
    """A PipelineRun that has ended."""

    cluster: Cluster
    name: str
    status: dict[str, Any]

    @property
    def succeeded(self) -> bool:
        return bool(self.status["conditions"][0]["status"] == "True")

    @property
    def results(self) -> dict[str, str]:
        return {result["name"]: result["value"] for result in self.status.get("results", [])}

    def log(self, task: str = "") -> str:
        """The log of one Task, or of all."""
        selector = f"tekton.dev/pipelineRun={self.name}"
        if task:
            selector += f",tekton.dev/pipelineTask={task}"
        arguments = ("logs", "-n", PIPELINES, "-l", selector, "--all-containers", "--tail=-1")
        for _ in range(10):
            asked = self.cluster.kubectl(*arguments, check=False)
            # A container that has just ended can be between two places for a moment.
            if not asked.returncode and "unable to retrieve container logs" not in asked.stdout:
                return asked.stdout
            time.sleep(1)
        raise AssertionError(f"no log of {self.name}: {asked.stderr}")

    def pods(self) -> list[dict[str, Any]]:
        # With a taskRun label: the pod that keeps Tasks on one node belongs to the run as well.
        selector = f"tekton.dev/pipelineRun={self.name},tekton.dev/taskRun"
        items: list[dict[str, Any]] = self.cluster.get("pods", "-n", PIPELINES, "-l", selector)["items"]
        return items

    def seconds(self) -> float:
        start, end = (
            time.mktime(time.strptime(self.status[key], "%Y-%m-%dT%H:%M:%SZ"))
            for key in ("startTime", "completionTime")
        )
        return end - start


@dataclass
class Product:
    """tekton/ as applied to a cluster, and the image that is recorded there."""

    cluster: Cluster
    image: str
    defaults: dict[str, str] = field(default_factory=dict)

    def start(
        self,
        parameters: Mapping[str, Any],
        *,
        workspaces: Mapping[str, str] = BOTH,
        pipeline: str = "oc-mirror-deployment-pipeline",
        account: str = "oc-mirror-pipeline",
        defaults: bool = True,
        pod_template: Mapping[str, Any] | None = None,
        accounts: Mapping[str, str] | None = None,
    ) -> str:
        """Create a PipelineRun as a user would, with a random UID as OpenShift would; return its name.

        `accounts` are those of Tasks that get another one.
        """
        body: dict[str, Any] = {
            "apiVersion": "tekton.dev/v1",
            "kind": "PipelineRun",
            "metadata": {"generateName": "oc-mirror-test-", "namespace": PIPELINES},
            "spec": {
                "pipelineRef": {"name": pipeline},
                "params": [
                    {"name": name, "value": value}
                    for name, value in {**(self.defaults if defaults else {}), **parameters}.items()
                ],
                "workspaces": [
                    {"name": name, "persistentVolumeClaim": {"claimName": claim}}
                    for name, claim in workspaces.items()
                ],
                "taskRunTemplate": {
                    "serviceAccountName": account,
                    "podTemplate": {"securityContext": security_context(), **(pod_template or {})},
                },
                "taskRunSpecs": [
                    {"pipelineTaskName": task, "serviceAccountName": account}
                    for task, account in (accounts or {}).items()
                ],
            },
        }
        return self.create(body)

    def create(self, body: dict[str, Any]) -> str:
        """`kubectl create` an object; return its name."""
        done = self.cluster.kubectl("create", "-f", "-", "-o", "name", input=json.dumps(body))
        return done.stdout.strip().split("/")[-1]

    def wait(self, name: str, *, seconds: float = 600) -> Run:
        """Wait until a run has ended, however it ended."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            # One question that is answered when the run ends; the API server may restart meanwhile.
            ended = (
                "wait",
                "--for=jsonpath={.status.completionTime}",
                f"pipelinerun/{name}",
                "-n",
                PIPELINES,
            )
            self.cluster.kubectl(*ended, f"--timeout={seconds:.0f}s", check=False, timeout=seconds + 30)
            asked = self.cluster.kubectl(
                "get", "pipelinerun", name, "-n", PIPELINES, "-o", "json", check=False
            )
            status = json.loads(asked.stdout).get("status", {}) if not asked.returncode else {}
            conditions = status.get("conditions") or [{}]
            if conditions[0].get("status") in {"True", "False"}:
                return Run(self.cluster, name, status)
            time.sleep(1)
        raise TimeoutError(f"{name} has not ended within {seconds} s")

    def run(self, parameters: Mapping[str, str], **how: Any) -> Run:
        """Start a run and wait for its end."""
        return self.wait(self.start(parameters, **how))

    def succeed(self, parameters: Mapping[str, str], **how: Any) -> Run:
        """Start a run that must succeed; its whole log is the failure's message."""
        ended = self.run(parameters, **how)
        assert ended.succeeded, f"{ended.status['conditions'][0]['message']}\n{ended.log()}"
        return ended

    def fail(self, parameters: Mapping[str, str], **how: Any) -> str:
        """Start a run that must fail; return its log."""
        ended = self.run(parameters, **how)
        assert not ended.succeeded, ended.log()
        return ended.log()

    def get(self, kind: str, name: str, namespace: str = WORKLOADS) -> dict[str, Any]:
        """One object."""
        found: dict[str, Any] = self.cluster.get(kind, name, "-n", namespace)
        return found

    def imageset(self, name: str = "oc-mirror-imageset", namespace: str = WORKLOADS) -> dict[str, Any]:
        """The ImageSet in a ConfigMap, parsed."""
        parsed: dict[str, Any] = yaml.safe_load(
            self.get("configmap", name, namespace)["data"]["imageset.yaml"]
        )
        return parsed

    def clean(self, namespace: str = WORKLOADS) -> None:
        """Remove every workload, as between two users."""
        self.cluster.kubectl(
            "delete", "jobs,cronjobs,deployments", "--all", "-n", namespace, "--cascade=foreground", "--wait"
        )


def security_context() -> dict[str, Any]:
    """What OpenShift's security context constraints set for a pod: a UID nobody knows, and its group."""
    return {"runAsUser": RANDOM_UID, "runAsGroup": 0, "fsGroup": RANDOM_UID}


def packages(imageset: dict[str, Any]) -> dict[str, list[str]]:
    """Package → channels, over all catalogs."""
    return {
        package["name"]: [channel["name"] for channel in package.get("channels", [])]
        for catalog in imageset["mirror"].get("operators", [])
        for package in catalog["packages"]
    }
