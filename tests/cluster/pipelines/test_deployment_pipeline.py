"""The deployment pipeline on the real Tekton: from values in Git to a workload, and every way it fails."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import task_pod
from tests.cluster.lab import NEVER
from tests.cluster.product import (
    BOTH,
    PIPELINES,
    RANDOM_UID,
    WORKLOADS,
    Product,
    Run,
    install,
    packages,
    permit,
    restrict,
    security_context,
)
from tests.cluster.task_pod import Step
from tests.conftest import ROOT
from tests.testbed.client import Cluster
from tests.testbed.repositories import Repository
from tests.testbed.waiting import wait_until

L1 = {"values-file-path": "autoshift/values.hub.yaml", "openshift-version": "4.18.22"}
L2 = {"values-file-path": "autoshift/values.hub.yaml"}
L3 = {
    "values-file-path": "autoshift/values/global.yaml,"
    "autoshift/values/clustersets/hub.yaml,autoshift/values/clustersets/managed.yaml"
}


@pytest.fixture(scope="module")
def repositories(
    make_repository: Callable[[str, Path], Repository], shared_data: Path
) -> dict[str, Repository]:
    """AutoShift's three layouts, each as a repository of its own."""
    folders = {"L1": "single-file-2025-09", "L2": "single-file-2026-02", "L3": "split-2026-08"}
    return {
        name: make_repository(f"values-{name.lower()}", shared_data / "autoshift" / folder)
        for name, folder in folders.items()
    }


@pytest.fixture(scope="module")
def installed(cluster: Cluster, image: str, repositories: dict[str, Repository]) -> Product:
    """The product, installed afresh."""
    found = install(cluster, repositories["L3"].url, image)
    found.defaults.update(L3)
    permit(cluster, WORKLOADS, "pull-secrets", "oc-mirror-pull-secret", "none-such")
    return found


@pytest.fixture
def product(installed: Product) -> Product:
    """The product without a workload of another test."""
    installed.clean()
    return installed


def container(workload: dict[str, Any]) -> dict[str, Any]:
    """The workload's one container, whatever its kind."""
    spec = workload["spec"]
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    (found,) = spec["template"]["spec"]["containers"]
    return dict(found)


def check_workload(product: Product, run: Run, repository: Repository, kind: str, version: str) -> None:
    """The run of a repository ended in this kind of workload, for this version of OpenShift."""
    assert run.results["workload-kind"] == kind
    assert run.results["commit"] == repository.head()
    assert run.results["image"] == product.image
    imageset = product.imageset()
    (channel,) = imageset["mirror"]["platform"]["channels"]
    assert channel["minVersion"] == channel["maxVersion"] == version
    found = packages(imageset)
    assert {"advanced-cluster-management", "multicluster-engine", "odf-operator", "rhacs-operator"} <= set(
        found
    )
    assert not set(found) & {"acs", "odf", "gitops", "dev-spaces"}

    workload = product.get(kind, run.results["workload-name"])
    main = container(workload)
    assert main["image"] == product.image
    assert main["command"] == ["mirror"]
    assert {"--workflow=workflow-to-disk", "--incremental-mode=true", "--data=/data"} <= set(main["args"])
    assert {mount["mountPath"] for mount in main["volumeMounts"]} >= {
        "/config",
        "/data",
        "/var/run/pull-secret",
    }
    assert product.get("pvc", "oc-mirror-workspace")["spec"]["resources"]["requests"]["storage"] == "1Gi"


def test_tekton_can_be_applied_twice(installed: Product) -> None:
    installed.cluster.kubectl("apply", "-f", str(ROOT / "tekton"))
    restrict(installed.cluster)


def test_the_first_layout_ends_in_a_job_without_workspaces_with_the_imageset_of_a_laptop(
    product: Product, repositories: dict[str, Repository], tmp_path: Path
) -> None:
    """A run without workspaces fetches and generates again in each Task, and so does preview-deployment."""
    parameters = {**L1, "values-git-url": repositories["L1"].url, "deploy-mode": "job"}
    run = product.succeed(parameters, workspaces={})
    check_workload(product, run, repositories["L1"], "Job", "4.18.22")
    preview = Path(sys.executable).with_name("preview-deployment")
    given = [f"--{name}={value}" for name, value in parameters.items()]
    subprocess.run([preview, *given, f"--output={tmp_path}"], check=True, capture_output=True)
    imageset = (tmp_path / "imageset.yaml").read_bytes()
    assert run.results["imageset-sha256"] == hashlib.sha256(imageset).hexdigest()


def test_the_second_layout_ends_in_a_cronjob_by_tkn_and_unchanged_input_changes_nothing(
    product: Product, repositories: dict[str, Repository]
) -> None:
    parameters = {
        **L2,
        "values-git-url": repositories["L2"].url,
        "deploy-mode": "cronjob",
        "storage-size": "1Gi",
        "schedule": NEVER,
    }
    told_by_an_earlier_run(product, {"rhacs-operator": 1_500_000_000})
    started = product.cluster.tkn(
        "pipeline",
        "start",
        "oc-mirror-deployment-pipeline",
        "--use-param-defaults",
        *(f"--param={name}={value}" for name, value in parameters.items()),
        *(f"--workspace=name={name},claimName={claim}" for name, claim in BOTH.items()),
        "--serviceaccount=oc-mirror-pipeline",
        f"--pod-template={ROOT / 'tests' / 'cluster' / 'pod-template.yaml'}",
        f"--namespace={PIPELINES}",
        "--output=name",
    )
    run = product.wait(started.stdout.strip())
    assert run.succeeded, run.log()
    check_workload(product, run, repositories["L2"], "CronJob", "4.20.12")
    assert "Size of the packages in an earlier run: 1.5 GB" in run.log("generate-or-use-imageset")
    names = [
        ("configmap", "oc-mirror-config"),
        ("configmap", "oc-mirror-imageset"),
        ("configmap", "oc-mirror-values"),
        ("cronjob", "oc-mirror"),
        ("pvc", "oc-mirror-workspace"),
        ("serviceaccount", "oc-mirror"),
    ]

    def versions() -> list[str]:
        return [product.get(*name)["metadata"]["resourceVersion"] for name in names]

    before = versions()
    assert product.succeed(parameters).results["config-changed"] == "false"
    assert versions() == before


def told_by_an_earlier_run(product: Product, sizes: dict[str, int]) -> None:
    """Leave in the cluster what the workload leaves there of the packages of a catalog."""
    catalogs = {"registry.redhat.io/redhat/redhat-operator-index:v4.20": sizes}
    status = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "oc-mirror-status", "namespace": WORKLOADS},
        "data": {"sizes.json": json.dumps({"format": 2, "catalogs": catalogs})},
    }
    product.cluster.kubectl(
        "apply", "--server-side", "--force-conflicts", "-f", "-", input=json.dumps(status)
    )


def test_the_third_layout_ends_in_a_deployment_that_a_changed_imageset_rolls(
    product: Product, repositories: dict[str, Repository]
) -> None:
    parameters = {"deploy-mode": "deployment", "schedule": "@daily"}
    run = product.succeed(parameters)
    check_workload(product, run, repositories["L3"], "Deployment", "4.22.8")
    before = product.get("deployment", "oc-mirror")["metadata"]["generation"]
    run = product.succeed({**parameters, "operators-only": "true"})
    assert run.results["config-changed"] == "true"
    assert product.get("deployment", "oc-mirror")["metadata"]["generation"] == before + 1


@dataclass(frozen=True)
class FinishedJob:
    """One whole run in mode job: the pipeline's pods, the Job, and what it wrote to its log."""

    pods: list[dict[str, Any]]
    job: dict[str, Any]
    log: str


@pytest.fixture(scope="module")
def finished_job(installed: Product) -> FinishedJob:
    installed.clean()
    run = installed.succeed({"deploy-mode": "job"})
    job = f"job/{run.results['workload-name']}"
    installed.cluster.kubectl("wait", "--for=condition=Complete", job, "-n", WORKLOADS, "--timeout=240s")
    log = installed.cluster.kubectl("logs", job, "-n", WORKLOADS).stdout
    return FinishedJob(run.pods(), installed.get("job", run.results["workload-name"]), log)


def test_every_pod_ran_restricted_and_with_a_random_uid(
    installed: Product, finished_job: FinishedJob
) -> None:
    assert len(finished_job.pods) == 5
    for pod in finished_job.pods:
        assert pod["spec"]["securityContext"]["runAsUser"] == RANDOM_UID
        for step in pod["spec"]["containers"]:
            assert step["securityContext"]["readOnlyRootFilesystem"] is True
            assert step["securityContext"]["runAsNonRoot"] is True
    for name in (PIPELINES, WORKLOADS):
        labels = installed.cluster.get("namespace", name)["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_a_job_mirrors_to_the_volume_and_completes(finished_job: FinishedJob) -> None:
    assert "generations/" in finished_job.log


def test_the_workload_runs_with_a_random_uid_too_and_a_killed_pod_is_replaced(
    finished_job: FinishedJob, product: Product
) -> None:
    """As OpenShift's restricted-v2 would have it; plain Kubernetes lets the image's own user run."""
    spec = finished_job.job["spec"]
    kept = {key: spec[key] for key in ("template", "backoffLimit", "podFailurePolicy") if key in spec}
    kept["template"]["metadata"] = {}
    kept["template"]["spec"]["securityContext"] |= security_context()
    (mirror,) = kept["template"]["spec"]["containers"]
    mirror.setdefault("env", []).append({"name": "STANDIN_SLOW", "value": "0.2"})
    metadata = {"name": "random-uid", "namespace": WORKLOADS}
    product.create({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": kept})
    kubectl, pods = product.cluster.kubectl, ("pod", "-l", "job-name=random-uid", "-n", WORKLOADS)
    wait_until("a pod", lambda: bool(product.cluster.get(*pods)["items"]))
    kubectl("wait", *pods, "--for=jsonpath={.status.containerStatuses[0].started}=true", "--timeout=240s")
    kubectl("delete", *pods, "--grace-period=0", "--force")
    kubectl("wait", "--for=condition=Complete", "job/random-uid", "-n", WORKLOADS, "--timeout=240s")
    assert "nothing is new since generation" in kubectl("logs", "job/random-uid", "-n", WORKLOADS).stdout


@dataclass(frozen=True)
class Failure:
    """Parameters that are wrong, the Task that says so, and words that a person finds in its log."""

    task: str
    parameters: dict[str, str]
    words: list[str]


FAILURES = {
    "wrong branch": Failure(
        "fetch-values",
        {"values-git-revision": "mian"},
        ["no branch, tag or commit 'mian'", "there are: main"],
    ),
    "wrong path": Failure(
        "fetch-values",
        {"values-file-path": "autoshift/values.sbx.yaml"},
        ["there is no 'autoshift/values.sbx.yaml'", "autoshift/values/clustersets/hub.yaml"],
    ),
    "path that leaves": Failure(
        "fetch-values", {"values-file-path": "../../etc/passwd"}, ["leaves the repository"]
    ),
    "transport that runs": Failure("fetch-values", {"values-git-url": "ext::sh -c id"}, ["use https://"]),
    "no version": Failure(
        "generate-or-use-imageset", {"openshift-version": "4.x"}, ["openshift-version", "4.x"]
    ),
    "boolean": Failure(
        "generate-or-use-imageset",
        {"operators-only": "yes"},
        ["operators-only", "neither 'true' nor 'false'"],
    ),
    "missing image ConfigMap": Failure(
        "get-current-image",
        {"image-configmap": "oc-mirror-none"},
        ["oc-mirror-none", "tekton/runs/build-pipelinerun.yaml"],
    ),
    "missing ImageSet": Failure(
        "generate-or-use-imageset",
        {"imageset-configmap": "none-such"},
        ["no ConfigMap none-such in namespace oc-mirror", "oc create configmap none-such"],
    ),
    "bad cron": Failure(
        "deploy-workload", {"deploy-mode": "cronjob", "schedule": "61 2 * * *"}, ["schedule", "minute"]
    ),
    "bad date": Failure("deploy-workload", {"since-date": "2025-02-30"}, ["since-date", "2025-02-30"]),
    "no target": Failure(
        "deploy-workload", {"workflow": "workflow-direct"}, ["workflow-direct", "target-registry"]
    ),
    "missing pull secret": Failure(
        "deploy-workload",
        {"pull-secret": "none-such", "deploy-mode": "job", "start-timeout": "40s"},
        ["none-such", "oc create secret generic none-such"],
    ),
    "forbidden namespace": Failure(
        "create-deployment-configmaps",
        {"namespace": "default"},
        ["in namespace 'default'", "examples/rolebinding-other-namespace.yaml"],
    ),
}
# One that the first Task finds and one that a later Task finds fail a whole run; the others are tried by
# their step.
WHOLE_RUNS = ("wrong branch", "forbidden namespace")


@pytest.fixture(scope="module")
def failed_logs(installed: Product) -> dict[str, str]:
    """The log of each failure: whole runs side by side, meanwhile all other steps in one pod."""
    installed.clean()

    def log_of(case: str) -> str:
        return installed.fail(FAILURES[case].parameters)

    with ThreadPoolExecutor() as pool:
        whole = pool.map(log_of, WHOLE_RUNS)
        ended = task_pod.run(
            installed.cluster,
            {
                case: Step(failure.task, needed(failure.task, installed) | failure.parameters)
                for case, failure in FAILURES.items()
                if case not in WHOLE_RUNS
            },
        )
        assert all(step.code for step in ended.values()), ended
        return {case: step.log for case, step in ended.items()} | dict(zip(WHOLE_RUNS, whole, strict=True))


def needed(task: str, product: Product) -> dict[str, str]:
    """What the pipeline hands to a Task, so that nothing but the wrong parameter is wrong."""
    if task == "get-current-image":
        return {}
    if task == "deploy-workload":
        return {"image": product.image, "storage-size": "1Gi"}
    return {"values-git-url": product.defaults["values-git-url"], **L3}


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_says_what_is_wrong_and_what_to_do(failed_logs: dict[str, str], case: str) -> None:
    log = failed_logs[case]
    for words in [*FAILURES[case].words, "ERROR: ", "hint: "]:
        assert words in log, log
    assert "Traceback" not in log


def test_a_run_that_failed_leaves_no_job(failed_logs: dict[str, str], installed: Product) -> None:
    assert "none-such" in failed_logs["missing pull secret"]
    assert installed.cluster.get("jobs", "-n", WORKLOADS)["items"] == []


def reasons(product: Product, selector: str) -> list[str]:
    """Tekton's reasons of TaskRuns, such as Pending, Running or Succeeded; none for one that is still new."""
    found = product.cluster.get("taskruns", "-n", PIPELINES, "-l", selector)["items"]
    conditions = [run.get("status", {}).get("conditions", []) for run in found]
    return [one["reason"] for of_run in conditions for one in of_run]


@pytest.mark.restarts_apiserver
def test_an_api_server_that_restarts_in_mid_run_is_survived(product: Product) -> None:
    """In the last Task, which writes most: between Tasks it can be Tekton itself that does not survive it."""
    name = product.start({"deploy-mode": "job"})
    selector = f"tekton.dev/pipelineRun={name},tekton.dev/pipelineTask=deploy-workload"
    wait_until("deploy-workload to run", lambda: "Running" in reasons(product, selector), timeout=240)
    product.cluster.restart_apiserver()
    run = product.wait(name, seconds=600)
    assert run.succeeded, f"{run.status['conditions'][0]['message']}\n{run.log()}"


@pytest.mark.usefixtures("finished_job")  # it has written the ConfigMaps
def test_a_retried_taskrun_finds_its_own_job_again(product: Product) -> None:
    """Two TaskRuns of one name, as a retry is: the second finds what the first one made."""
    body: dict[str, Any] = {
        "apiVersion": "tekton.dev/v1",
        "kind": "TaskRun",
        "metadata": {"name": "oc-mirror-retried", "namespace": PIPELINES},
        "spec": {
            "taskRef": {"name": "deploy-workload"},
            "params": [{"name": "image", "value": product.image}, {"name": "storage-size", "value": "1Gi"}],
            "serviceAccountName": "oc-mirror-pipeline",
        },
    }
    uids = []
    for _ in range(2):
        product.create(body)
        done = ("wait", "--for=condition=Succeeded", "taskrun/oc-mirror-retried", "-n", PIPELINES)
        product.cluster.kubectl(*done, "--timeout=240s")
        (job,) = product.cluster.get("jobs", "-n", WORKLOADS)["items"]
        uids.append(job["metadata"]["uid"])
        product.cluster.kubectl("delete", "taskrun", "oc-mirror-retried", "-n", PIPELINES, "--wait")
    assert uids[0] == uids[1]


def test_a_killed_task_is_no_obstacle_to_a_run_with_a_custom_imageset_without_workspaces(
    product: Product,
) -> None:
    """The run is exactly as shipped: no values, no URL that could be reached, no volume."""
    name = product.start({"deploy-mode": "job"})
    selector = f"tekton.dev/pipelineRun={name},tekton.dev/pipelineTask=generate-or-use-imageset"
    pods, kubectl = ("pods", "-n", PIPELINES, "-l", selector), product.cluster.kubectl
    wait_until("the Task's pod", lambda: bool(product.cluster.get(*pods)["items"]))
    kubectl("delete", *pods, "--grace-period=0", "--force")
    product.wait(name)
    product.clean()
    custom = ROOT / "examples" / "custom-imageset.yaml"
    kubectl("delete", "configmap", "production-imageset", "-n", WORKLOADS, "--ignore-not-found")
    create = ("create", "configmap", "production-imageset", f"--from-file=imageset.yaml={custom}")
    kubectl(*create, "-n", WORKLOADS)
    body = yaml.safe_load((ROOT / "tekton" / "runs" / "custom-imageset.yaml").read_text())
    run = product.wait(product.create(body))
    assert run.succeeded, run.log()
    assert product.get("configmap", "oc-mirror-imageset")["data"]["imageset.yaml"] == custom.read_text()
    assert product.get("job", run.results["workload-name"])
