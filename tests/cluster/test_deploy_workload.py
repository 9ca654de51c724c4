"""deploy-workload against the real API server: with the Role's rights, under restricted Pod Security."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.lab import IMAGESET, RESTRICTED, Lab, make_account, make_lab
from tests.testbed import images
from tests.testbed import registry as registries
from tests.testbed.client import Cluster
from tests.testbed.registry import Registry

WORKLOADS = "jobs,cronjobs,deployments"
SERVICE = {"deploy_mode": "deployment"}
NIGHTLY = {"deploy_mode": "cronjob"}


@pytest.fixture(scope="module")
def shell_image(registry: Registry) -> str:
    """An image with a numeric user and without `mirror`."""
    archive = next(path for path in images.ensure() if path.name == "shell.tar")
    return registries.push_archive(archive, "deploy/shell:1", registry.host)


@pytest.fixture(scope="module")
def root_image(registry: Registry) -> str:
    """An image that runs as root."""
    return registries.push_archive(images.ensure_base(), "deploy/root:1", registry.host)


@pytest.fixture
def bare(cluster: Cluster, make_namespace: Callable[..., str], image: str, tmp_path: Path) -> Lab:
    """A namespace with nothing but rights."""
    return make_lab(cluster, make_namespace(prefix="deploy", labels=RESTRICTED), image, tmp_path)


@pytest.fixture
def lab(bare: Lab) -> Lab:
    """A namespace with configuration and pull secret, so that a workload can start."""
    bare.add_configuration()
    bare.add_pull_secret()
    return bare


def container(workload: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = workload["spec"]["template"]["spec"]["containers"][0]
    return found


def versions(lab: Lab) -> dict[str, Any]:
    """What a change of ours would move: generations of workloads, versions of the rest."""
    items = lab.get("cronjobs,deployments,persistentvolumeclaims,serviceaccounts")["items"]
    return {
        f"{item['kind']}/{item['metadata']['name']}": item["metadata"].get("generation")
        or (item["spec"] if "spec" in item else item["metadata"]["resourceVersion"])
        for item in items
        if item["metadata"]["name"].startswith("oc-mirror")
    }


# --- what works


def test_a_job_runs_to_its_end_and_is_found_again_by_a_retry(lab: Lab) -> None:
    first = lab.deploy("oc-mirror-once")
    assert "Job " in first
    assert "created" in first
    lab.kubectl("wait", "job/oc-mirror-once", "--for=condition=Complete", "--timeout=240s")
    again = lab.deploy("oc-mirror-once")
    assert "is there already" in again
    assert lab.names("jobs") == ["Job/oc-mirror-once"]
    assert len(lab.get("pods", "-l", "job-name=oc-mirror-once")["items"]) == 1
    assert "generation 1" in lab.kubectl("logs", "job/oc-mirror-once")


def test_an_imageset_of_more_than_a_mebibyte_is_mirrored(bare: Lab) -> None:
    bare.add_pull_secret()
    bare.add_configuration(imageset=IMAGESET + f"# {'padding ' * 12}\n" * 12_000)
    assert list(bare.get("configmap", "oc-mirror-config")["binaryData"]) == ["imageset.yaml.gz"]
    bare.deploy("large")
    bare.kubectl("wait", "job/oc-mirror-large", "--for=condition=Complete", "--timeout=240s")


def test_a_cronjob_is_tried_first_and_a_second_run_changes_nothing(lab: Lab) -> None:
    log = lab.deploy("night-1", **NIGHTLY)
    assert "oc-mirror-check-night-1 created" in log
    assert lab.names(WORKLOADS) == ["CronJob/oc-mirror"]
    before = versions(lab)
    assert "CronJob " in lab.deploy("night-2", **NIGHTLY)
    assert versions(lab) == before
    lab.kubectl("create", "job", "now", "--from=cronjob/oc-mirror")
    lab.kubectl("wait", "job/now", "--for=condition=Complete", "--timeout=240s")


def test_a_deployment_becomes_ready_stays_as_it_is_and_is_rolled_by_a_changed_config(lab: Lab) -> None:
    lab.deploy("service-1", **SERVICE, config_sha256="one")
    lab.kubectl("rollout", "status", "deployment/oc-mirror", "--timeout=240s")
    pods, before = lab.names("pods"), versions(lab)
    log = lab.deploy("service-2", **SERVICE, config_sha256="one")
    assert "Deployment " in log
    assert " unchanged" in log
    assert (lab.names("pods"), versions(lab)) == (pods, before)
    lab.deploy("service-3", **SERVICE, config_sha256="two")
    lab.kubectl("rollout", "status", "deployment/oc-mirror", "--timeout=240s")
    assert lab.names("pods") != pods


def test_switching_the_mode_removes_the_other_workload_but_never_the_claim(lab: Lab) -> None:
    lab.deploy("a", **SERVICE)
    claim = lab.get("pvc", "oc-mirror-workspace")["metadata"]["uid"]
    service_pod = lab.names("pods")
    lab.deploy("b", **NIGHTLY)
    assert lab.names(WORKLOADS) == ["CronJob/oc-mirror"]
    assert not set(service_pod) & set(lab.names("pods"))
    lab.deploy("c")
    assert lab.names(WORKLOADS) == ["Job/oc-mirror-c"]
    lab.kubectl("wait", "job/oc-mirror-c", "--for=condition=Complete", "--timeout=240s")
    lab.deploy("d", **SERVICE)
    assert "Deployment/oc-mirror" in lab.names(WORKLOADS)
    assert lab.get("pvc", "oc-mirror-workspace")["metadata"]["uid"] == claim


def put_pending_job(lab: Lab, run: str, folder: Path) -> None:
    """The Job of another run, as deploy-workload makes it, whose pod stays pending: no node has its label."""
    (folder / "imageset.yaml").write_text(IMAGESET)
    given = {"imageset": str(folder / "imageset.yaml"), "output": str(folder / "preview"), "image": lab.image}
    subprocess.run(lab.command("preview-deployment", **given), check=True, capture_output=True)
    manifests = folder / "preview" / "manifests"
    (job,) = (yaml.safe_load(path.read_text()) for path in manifests.glob("job-*.yaml"))
    (account,) = (yaml.safe_load(path.read_text()) for path in manifests.glob("serviceaccount-*.yaml"))
    job["metadata"]["name"] = f"oc-mirror-{run}"
    job["spec"]["template"]["spec"]["nodeSelector"] = {"testbed": "none"}
    lab.apply(account, job)
    pending = ("pod", "-l", f"job-name=oc-mirror-{run}", "--for=jsonpath={.status.phase}=Pending")
    lab.kubectl("wait", f"job/oc-mirror-{run}", "--for=jsonpath={.status.active}=1", "--timeout=240s")
    lab.kubectl("wait", *pending, "--timeout=240s")


def test_a_pending_job_makes_way_for_a_service(lab: Lab, tmp_path: Path) -> None:
    put_pending_job(lab, "pending", tmp_path)
    assert "makes way" in lab.deploy("service", **SERVICE)
    assert lab.names(WORKLOADS) == ["Deployment/oc-mirror"]


def test_a_workload_that_is_still_on_its_way_out_is_waited_for(lab: Lab) -> None:
    lab.deploy("a", **SERVICE)
    first = lab.get("deployment", "oc-mirror")["metadata"]["uid"]
    lab.kubectl("delete", "deployment", "oc-mirror", "--cascade=foreground", "--wait=false")
    lab.deploy("b", **SERVICE)
    assert lab.get("deployment", "oc-mirror")["metadata"]["uid"] != first
    assert lab.names(WORKLOADS) == ["Deployment/oc-mirror"]


def test_every_argument_reaches_the_container(lab: Lab) -> None:
    log = lab.deploy(
        "direct",
        workflow="workflow-direct",
        target_registry="registry.example.com:443/mirror",
        incremental_mode="true",
        dry_run="true",
        since_date="2025-09-20",
        destination_tls_verify="false",
        claim_name="other-claim",
        start_timeout="0s",
    )
    assert "is not there yet after 0 s: it waits for " in log or "has started" in log
    found = container(lab.get("job", "oc-mirror-direct"))
    for argument in (
        "--workflow=workflow-direct",
        "--target-registry=registry.example.com:443/mirror",
        "--incremental-mode=true",
        "--dry-run=true",
        "--since-date=2025-09-20",
        "--source-tls-verify=true",
        "--destination-tls-verify=false",
    ):
        assert argument in found["args"]
    assert lab.names("pvc") == ["PersistentVolumeClaim/other-claim"]


def settings(**data: str) -> dict[str, Any]:
    """The ConfigMap of options that few need."""
    named = {name.replace("_", "-"): value for name, value in data.items()}
    metadata = {"name": "oc-mirror-settings"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": named}


def test_settings_are_checked_before_the_deployment_and_read_by_the_next_run(lab: Lab) -> None:
    lab.apply(settings(paralel_images="4"))
    log = lab.refuse(2, "typo", **NIGHTLY)
    assert "oc-mirror-settings: paralel-images is no setting; did you mean parallel-images?" in log
    assert lab.names(WORKLOADS) == []
    lab.kubectl("delete", "configmap", "oc-mirror-settings")
    lab.apply(settings(parallel_images="4", run_retries="0"))
    log = lab.deploy("night", **NIGHTLY, run_retries="1")
    assert "oc-mirror-settings: parallel-images is 4\n" in log
    assert "oc-mirror-settings: run-retries is 0; the parameter says 1, and wins" in log
    lab.apply(settings(parallel_images="40"))
    lab.kubectl("create", "job", "now", "--from=cronjob/oc-mirror")
    lab.kubectl("wait", "job/now", "--for=condition=Failed", "--timeout=240s")
    assert "oc-mirror-settings: parallel-images '40' is not a number from 1 to 10" in lab.kubectl(
        "logs", "job/now"
    )


def test_a_configmap_of_the_users_is_there_and_right_before_anything_is_deployed(lab: Lab) -> None:
    log = lab.refuse(4, "missing", **NIGHTLY, registries_config="mine")
    assert "registries-config: there is no ConfigMap 'mine' in namespace" in log
    mine = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "mine"},
        "data": {"policy.json": "{}"},
    }
    lab.apply(mine)
    log = lab.refuse(2, "wrong", **NIGHTLY, registries_config="mine")
    assert "ConfigMap mine: policy.json needs 'default'" in log
    assert lab.names(WORKLOADS) == []


def test_a_claim_that_is_there_is_used_and_its_smaller_size_told(lab: Lab) -> None:
    lab.deploy("a", start_timeout="60s")
    lab.kubectl("wait", "job/oc-mirror-a", "--for=condition=Complete", "--timeout=240s")
    log = lab.deploy("b", storage_size="2Gi")
    assert "has 1Gi, less than storage-size 2Gi" in log
    assert lab.get("pvc", "oc-mirror-workspace")["spec"]["resources"]["requests"]["storage"] == "1Gi"


# --- what cannot work


def test_another_job_that_still_mirrors_is_a_conflict_that_names_it(lab: Lab, tmp_path: Path) -> None:
    put_pending_job(lab, "first", tmp_path)
    log = lab.refuse(5, "second")
    assert "Job 'oc-mirror-first' still mirrors" in log
    assert "oc delete job oc-mirror-first" in log
    assert lab.names(WORKLOADS) == ["Job/oc-mirror-first"]


MISSING = {
    "configuration": ("the ConfigMap 'oc-mirror-config' does not exist", "create-deployment-configmaps"),
    "secret": ("the pull secret 'oc-mirror-pull-secret' does not exist", "oc create secret generic"),
    "key": ("has no key .dockerconfigjson", "oc create secret generic"),
}


@pytest.mark.parametrize(
    ("missing", "mode"), [("configuration", "job"), ("secret", "deployment"), ("key", "cronjob")]
)
def test_what_is_missing_is_named_with_the_command_that_brings_it(bare: Lab, missing: str, mode: str) -> None:
    if missing != "configuration":
        bare.add_configuration()
    if missing == "key":
        bare.add_pull_secret(key="config.json")
    elif missing != "secret":
        bare.add_pull_secret()
    log = bare.refuse(11, "run", deploy_mode=mode)
    for said in MISSING[missing]:
        assert said in log
    # A Job is taken away again, a CronJob never came; a Deployment starts by itself once the rest is there.
    assert bare.names(WORKLOADS) == (["Deployment/oc-mirror"] if mode == "deployment" else [])
    assert bare.names("pvc") == ["PersistentVolumeClaim/oc-mirror-workspace"]


def test_a_cronjob_that_could_not_start_leaves_the_old_workload_in_place(lab: Lab) -> None:
    lab.deploy("a", **SERVICE)
    pods = lab.names("pods")
    lab.kubectl("delete", "configmap", "oc-mirror-config")
    assert "oc-mirror-config" in lab.refuse(11, "b", **NIGHTLY)
    assert lab.names(WORKLOADS) == ["Deployment/oc-mirror"]
    assert lab.names("pods") == pods


def test_an_imageset_that_mirror_refuses_is_told_in_its_own_words(lab: Lab) -> None:
    lab.add_configuration(imageset="kind: Deployment\n")
    log = lab.refuse(11, "bad", **NIGHTLY)
    assert "container ended with exit code 3" in log
    assert "imageset.yaml" in log


def test_a_job_that_failed_before_anybody_saw_it_run_keeps_its_log(lab: Lab) -> None:
    lab.add_configuration(imageset="kind: Deployment\n")
    lab.deploy("bad", start_timeout="0s")
    lab.kubectl("wait", "--for=condition=Failed", "job/oc-mirror-bad", "--timeout=240s")
    assert "container ended with exit code 3" in lab.refuse(11, "bad")
    assert lab.names(WORKLOADS) == ["Job/oc-mirror-bad"]
    assert "imageset.yaml" in lab.kubectl("logs", "job/oc-mirror-bad")


def test_an_image_that_the_registry_does_not_have(lab: Lab) -> None:
    absent = lab.image.split("@", maxsplit=1)[0] + "@sha256:" + "0" * 64
    log = lab.refuse(11, "absent", image=absent)
    assert f"the registry does not have the image {absent}" in log
    assert lab.names(WORKLOADS) == []


def test_an_image_that_the_registry_keeps_for_itself(lab: Lab, cluster: Cluster) -> None:
    with registries.serving(username="user", password="secret", address=cluster.node_address) as private:
        name = f"{private.host}/private/mirror@sha256:" + "0" * 64
        log = lab.refuse_in_the_end(11, "private", image=name, start_timeout="8s")
    assert "ImagePull" in log
    assert private.host in log


def test_an_image_without_mirror(lab: Lab, shell_image: str) -> None:
    assert "has no 'mirror' that runs on this node" in lab.refuse(11, "shell", image=shell_image)


def test_an_image_that_runs_as_root(lab: Lab, root_image: str) -> None:
    assert "wants to run as root" in lab.refuse(11, "root", image=root_image)


def test_a_pod_that_no_node_can_take(lab: Lab) -> None:
    log = lab.refuse_in_the_end(11, "huge", memory="900Ti", start_timeout="4s")
    assert "no node takes its pod" in log
    assert "Insufficient memory" in log


@pytest.mark.parametrize("mode", ["job", "deployment"])
def test_a_quota_that_leaves_no_room(lab: Lab, mode: str) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "tiny"}}
    lab.apply({**quota, "spec": {"hard": {"requests.memory": "1Mi"}}})
    log = lab.refuse(11, "quota", deploy_mode=mode)
    assert "a quota of namespace" in log
    assert "exceeded quota: tiny" in log


def test_a_limit_range_that_forbids_the_pod(lab: Lab) -> None:
    limits = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "narrow"}}
    lab.apply({**limits, "spec": {"limits": [{"type": "Container", "max": {"memory": "16Mi"}}]}})
    assert "a limit range of namespace" in lab.refuse(11, "limit")


def test_a_storage_class_that_does_not_exist(lab: Lab) -> None:
    log = lab.refuse(11, "class", storage_class="no-such-class")
    assert "claim 'oc-mirror-workspace' stays pending" in log
    assert "oc get storageclass" in log or "oc describe pvc" in log


def test_a_workload_of_somebody_else_is_not_taken_over(lab: Lab) -> None:
    labels = {"app": "other"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "x", "image": "none"}]}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": pod}
    foreign = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "oc-mirror"}}
    lab.apply({**foreign, "spec": spec})
    assert "is not this pipeline's" in lab.refuse(5, "a", **SERVICE)
    assert "was not made by this pipeline and stays" in lab.deploy("b")
    assert "Deployment/oc-mirror" in lab.names(WORKLOADS)


def test_a_namespace_that_does_not_exist(lab: Lab, cluster: Cluster) -> None:
    done = lab.run(lab.deploy_command("x", namespace="no-such-namespace"))
    assert done.returncode == 10
    assert "examples/rolebinding-other-namespace.yaml" in done.stderr
    admin = Lab(cluster, "no-such-namespace", lab.image, cluster.kubeconfig)
    assert "there is no such namespace" in admin.refuse(4, "x")


def test_a_missing_right_names_verb_resource_and_namespace(
    cluster: Cluster, make_namespace: Callable[..., str], tmp_path: Path
) -> None:
    namespace = make_namespace(prefix="deploy")
    settings_only = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]
    kubeconfig = make_account(cluster, namespace, tmp_path, rules=settings_only)
    strange = Lab(cluster, namespace, "quay.io/a/b@sha256:" + "0" * 64, kubeconfig)
    log = strange.refuse(10, "x")
    assert f"'system:serviceaccount:{namespace}:runner' may not list jobs.batch" in log
    assert f"grant 'list' on 'jobs.batch' in namespace '{namespace}'" in log
    assert "examples/rolebinding-other-namespace.yaml" in log


def test_a_wrong_parameter_does_not_touch_the_cluster(bare: Lab) -> None:
    log = bare.refuse(2, "x", schedule="0 25 * * *", deploy_mode="cronjob")
    assert "wrong hour field '25'" in log
    assert bare.names(f"{WORKLOADS},pvc") == []


# --- what interrupts


@pytest.mark.restarts_apiserver
def test_an_api_server_that_restarts_in_mid_run_is_waited_for(lab: Lab) -> None:
    command = lab.deploy_command("restart", **NIGHTLY)
    with subprocess.Popen(command, env=lab.environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any(" created" in line for line in process.stderr), "it ended before it began"
        lab.cluster.restart_apiserver(outage=5)
        log = process.stderr.read()
    assert process.returncode == 0, log
    assert "trying again" in log
    assert lab.names("cronjobs") == ["CronJob/oc-mirror"]


@pytest.mark.parametrize("mode", ["job", "cronjob", "deployment"])
def test_killed_at_any_moment_and_run_again_it_ends_the_same(lab: Lab, mode: str) -> None:
    seeded = random.Random(mode)
    lab.deploy("before", **(SERVICE if mode == "cronjob" else NIGHTLY))
    for _ in range(6):
        command = lab.deploy_command("killed", deploy_mode=mode)
        with subprocess.Popen(command, env=lab.environment, stderr=subprocess.DEVNULL) as process:
            time.sleep(seeded.uniform(0.3, 2.5))
            process.send_signal(signal.SIGKILL)
    lab.deploy("killed", deploy_mode=mode)
    kind = {"job": "Job", "cronjob": "CronJob", "deployment": "Deployment"}[mode]
    assert lab.names(WORKLOADS) == [f"{kind}/oc-mirror-killed" if mode == "job" else f"{kind}/oc-mirror"]
    assert lab.names("pvc") == ["PersistentVolumeClaim/oc-mirror-workspace"]


def test_a_run_that_is_cancelled_takes_its_check_along(lab: Lab) -> None:
    command = lab.deploy_command("cancelled", **NIGHTLY)
    with subprocess.Popen(command, env=lab.environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "oc-mirror-check-cancelled created" in line:
                break
        process.terminate()
        log = process.stderr.read()
    assert process.returncode == 143
    assert "Traceback" not in log
    assert lab.names(WORKLOADS) == []


# --- the other entrypoints


def test_the_image_is_recorded_once_and_found_by_digest(bare: Lab, tmp_path: Path) -> None:
    digest = "sha256:" + "0a" * 32
    given = {
        "image_name": "oc-mirror-autoshift",
        "image_url": "quay.io/autoshift/oc-mirror-autoshift:latest",
        "image_digest": digest,
        "git_revision": "main",
    }
    missing = bare.run(bare.command("get-current-image"))
    assert missing.returncode == 4
    assert "oc create -f tekton/runs/build-pipelinerun.yaml" in missing.stderr

    seen = []
    for _ in range(2):
        result = tmp_path / "changed"
        done = bare.run(bare.command("update-image-configmap", **given, result_changed=str(result)))
        assert done.returncode == 0, done.stderr
        version = bare.get("configmap", "oc-mirror-images")["metadata"]["resourceVersion"]
        seen.append((result.read_text(), version))
    assert [changed for changed, _ in seen] == ["true", "false"]
    assert seen[0][1] == seen[1][1]

    image = tmp_path / "image"
    done = bare.run(bare.command("get-current-image", result_image=str(image)))
    assert done.returncode == 0, done.stderr
    assert image.read_text() == f"quay.io/autoshift/oc-mirror-autoshift@{digest}"

    other = "sha256:" + "1b" * 32
    bare.run(bare.command("update-image-configmap", **{**given, "image_digest": other}))
    annotations = bare.get("configmap", "oc-mirror-images")["metadata"]["annotations"]
    assert annotations["oc-mirror-pipeline/previous-image-digest"] == digest


SCHEDULES = ["*/15 8-18 * * MON-FRI", "0 0 1,15 jan,jul *", "5/20 * * * *", "0 0 29 2 *", "0 0 13 * 5"]


def test_kubernetes_takes_every_schedule_that_we_take(lab: Lab) -> None:
    lab.deploy("a", **NIGHTLY, start_timeout="0s")
    cronjob = lab.get("cronjob", "oc-mirror")
    for schedule in SCHEDULES:
        patch = json.dumps({"spec": {"schedule": schedule}})
        lab.kubectl("patch", "cronjob", "oc-mirror", "--dry-run=server", "--type=merge", "-p", patch)
    assert cronjob["spec"]["timeZone"] == "UTC"
