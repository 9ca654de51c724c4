"""The deployment pipeline on the real Tekton: from values in Git to a workload, and every way it fails."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.product import (
    BOTH,
    PIPELINES,
    RANDOM_UID,
    WORKLOADS,
    Product,
    Run,
    install,
    packages,
    restrict,
    security_context,
)
from tests.conftest import ROOT
from tests.testbed.client import Cluster
from tests.testbed.processes import wait_until
from tests.testbed.repositories import Repository

L1 = {"values-file-path": "autoshift/values.hub.yaml", "openshift-version": "4.18.22"}
L2 = {"values-file-path": "autoshift/values.hub.yaml"}
L3 = {
    "values-file-path": "autoshift/values/global.yaml,"
    "autoshift/values/clustersets/hub.yaml,autoshift/values/clustersets/managed.yaml"
}


pytestmark = pytest.mark.product


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
def product(cluster: Cluster, image: str, repositories: dict[str, Repository]) -> Product:
    """The product, installed afresh."""
    installed = install(cluster, repositories["L3"].url, image)
    installed.defaults.update(L3)
    return installed


@pytest.fixture(autouse=True)
def _no_workload_of_another_test(product: Product) -> None:
    product.clean()


def container(workload: dict[str, Any]) -> dict[str, Any]:
    """The workload's one container, whatever its kind."""
    spec = workload["spec"]
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    (found,) = spec["template"]["spec"]["containers"]
    return dict(found)


def test_tekton_can_be_applied_twice(product: Product) -> None:
    product.cluster.kubectl("apply", "-f", str(ROOT / "tekton"))
    restrict(product.cluster)


@pytest.mark.parametrize(
    ("layout", "parameters", "mode", "kind", "version"),
    [
        ("L1", L1, "job", "Job", "4.18.22"),
        ("L2", L2, "cronjob", "CronJob", "4.20.12"),
        ("L3", L3, "deployment", "Deployment", "4.22.8"),
    ],
)
def test_every_layout_and_mode_ends_in_a_workload(
    product: Product,
    repositories: dict[str, Repository],
    layout: str,
    parameters: dict[str, str],
    mode: str,
    kind: str,
    version: str,
) -> None:
    where = {"values-git-url": repositories[layout].url}
    run = product.succeed({**parameters, **where, "deploy-mode": mode, "schedule": "0 2 * * *"})

    assert run.results["workload-kind"] == kind
    assert run.results["commit"] == repositories[layout].head()
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


@dataclass(frozen=True)
class FinishedJob:
    """One whole run in mode job: the pipeline's pods, and what the workload wrote to its log."""

    run: Run
    pods: list[dict[str, Any]]
    log: str


@pytest.fixture(scope="module")
def finished_job(product: Product) -> FinishedJob:
    product.clean()
    run = product.succeed({"deploy-mode": "job"})
    job = f"job/{run.results['workload-name']}"
    product.cluster.kubectl("wait", "--for=condition=Complete", job, "-n", WORKLOADS, "--timeout=90s")
    return FinishedJob(run, run.pods(), product.cluster.kubectl("logs", job, "-n", WORKLOADS).stdout)


def test_every_pod_ran_restricted_and_with_a_random_uid(product: Product, finished_job: FinishedJob) -> None:
    assert len(finished_job.pods) == 5
    for pod in finished_job.pods:
        assert pod["spec"]["securityContext"]["runAsUser"] == RANDOM_UID
        for step in pod["spec"]["containers"]:
            assert step["securityContext"]["readOnlyRootFilesystem"] is True
            assert step["securityContext"]["runAsNonRoot"] is True
    for name in (PIPELINES, WORKLOADS):
        labels = product.cluster.get("namespace", name)["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_a_job_mirrors_to_the_volume_and_completes(finished_job: FinishedJob) -> None:
    assert "generations/" in finished_job.log


def test_the_workload_runs_with_a_random_uid_too(product: Product) -> None:
    """As OpenShift's restricted-v2 would have it; plain Kubernetes lets the image's own user run."""
    job = product.get("job", product.succeed({"deploy-mode": "job"}).results["workload-name"])
    product.clean()
    template = job["spec"]["template"]
    template["metadata"] = {}
    template["spec"]["securityContext"] |= security_context()
    product.create(
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "random-uid", "namespace": WORKLOADS},
            "spec": {"template": template, "backoffLimit": 0},
        }
    )
    complete = ("wait", "--for=condition=Complete", "job/random-uid", "-n", WORKLOADS, "--timeout=90s")
    product.cluster.kubectl(*complete)


def test_unchanged_input_changes_nothing(product: Product) -> None:
    parameters = {"deploy-mode": "cronjob", "schedule": "0 2 * * *"}
    product.succeed(parameters)
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
    run = product.succeed(parameters)
    assert run.results["config-changed"] == "false"
    assert versions() == before


def test_a_run_without_workspaces_gives_the_same_imageset(
    product: Product, finished_job: FinishedJob
) -> None:
    without = product.succeed({"deploy-mode": "job"}, workspaces={})
    assert without.results["imageset-sha256"] == finished_job.run.results["imageset-sha256"]
    assert without.results["commit"] == finished_job.run.results["commit"]


def test_a_custom_imageset_needs_neither_values_nor_workspaces(product: Product) -> None:
    custom = ROOT / "examples" / "custom-imageset.yaml"
    product.cluster.kubectl(
        "delete", "configmap", "production-imageset", "-n", WORKLOADS, "--ignore-not-found"
    )
    create = ("create", "configmap", "production-imageset", f"--from-file=imageset.yaml={custom}")
    product.cluster.kubectl(*create, "-n", WORKLOADS)
    body = yaml.safe_load((ROOT / "tekton" / "runs" / "custom-imageset.yaml").read_text())
    run = product.wait(product.create(body))  # exactly as shipped: no URL that could be reached, no volume
    assert run.succeeded, run.log()
    assert product.get("configmap", "oc-mirror-imageset")["data"]["imageset.yaml"] == custom.read_text()
    assert product.get("job", run.results["workload-name"])


def test_tkn_starts_the_pipeline_with_its_defaults(
    product: Product, repositories: dict[str, Repository]
) -> None:
    workspaces = [f"--workspace=name={name},claimName={claim}" for name, claim in BOTH.items()]
    pod_template = ROOT / "tests" / "cluster" / "pod-template.yaml"
    started = product.cluster.tkn(
        "pipeline",
        "start",
        "oc-mirror-deployment-pipeline",
        "--use-param-defaults",
        f"--param=values-git-url={repositories['L2'].url}",
        *workspaces,
        "--serviceaccount=oc-mirror-pipeline",
        f"--pod-template={pod_template}",
        f"--namespace={PIPELINES}",
        "--output=name",
    )
    run = product.wait(started.stdout.strip())
    assert run.succeeded, run.log()


def test_a_changed_imageset_rolls_the_deployment(product: Product) -> None:
    parameters = {"deploy-mode": "deployment", "schedule": "@daily"}
    product.succeed(parameters)
    before = product.get("deployment", "oc-mirror")["metadata"]["generation"]
    run = product.succeed({**parameters, "operators-only": "true"})
    assert run.results["config-changed"] == "true"
    assert product.get("deployment", "oc-mirror")["metadata"]["generation"] == before + 1


# What goes wrong, and the words that a person finds in the log.
FAILURES: dict[str, tuple[dict[str, str], list[str]]] = {
    "wrong branch": ({"values-git-revision": "mian"}, ["no branch, tag or commit 'mian'", "there are: main"]),
    "wrong path": (
        {"values-file-path": "autoshift/values.hub.yaml"},
        ["there is no 'autoshift/values.hub.yaml'", "autoshift/values/clustersets/hub.yaml"],
    ),
    "path that leaves": ({"values-file-path": "../../etc/passwd"}, ["leaves the repository"]),
    "transport that runs": (
        {"values-git-url": "ext::sh -c id"},
        ["cannot be fetched safely", "use https://"][1:],
    ),
    "no version": ({"openshift-version": "4.x"}, ["openshift-version", "4.x"]),
    "boolean": ({"operators-only": "yes"}, ["operators-only", "neither 'true' nor 'false'"]),
    "missing image ConfigMap": (
        {"image-configmap": "oc-mirror-none"},
        ["oc-mirror-none", "tekton/runs/build-pipelinerun.yaml"],
    ),
    "missing ImageSet": (
        {"imageset-configmap": "none-such"},
        ["no ConfigMap none-such in namespace oc-mirror", "oc create configmap none-such"],
    ),
    "bad cron": ({"deploy-mode": "cronjob", "schedule": "61 2 * * *"}, ["schedule", "minute"]),
    "bad date": ({"since-date": "2025-02-30"}, ["since-date", "2025-02-30"]),
    "no target": ({"workflow": "workflow-direct"}, ["workflow-direct", "target-registry"]),
    "forbidden namespace": (
        {"namespace": "default"},
        ["in namespace 'default'", "examples/rolebinding-other-namespace.yaml"],
    ),
}


@pytest.fixture(scope="module")
def failed_logs(product: Product) -> dict[str, str]:
    """All failing runs, three side by side: what two cores carry without waiting for each other."""

    def log_of(case: str) -> str:
        return product.fail(FAILURES[case][0])

    with ThreadPoolExecutor(max_workers=3) as pool:
        return dict(zip(FAILURES, pool.map(log_of, FAILURES), strict=True))


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_says_what_is_wrong_and_what_to_do(failed_logs: dict[str, str], case: str) -> None:
    log = failed_logs[case]
    for words in [*FAILURES[case][1], "ERROR: ", "hint: "]:
        assert words in log, log
    assert "Traceback" not in log


def test_a_missing_pull_secret_is_told_with_the_command_that_makes_it(product: Product) -> None:
    log = product.fail({"pull-secret": "none-such", "deploy-mode": "job", "start-timeout": "40s"})
    assert "none-such" in log
    assert "oc create secret generic none-such" in log
    assert product.cluster.get("jobs", "-n", WORKLOADS)["items"] == []


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
    wait_until("deploy-workload to run", lambda: "Running" in reasons(product, selector), timeout=120)
    product.cluster.restart_apiserver()
    run = product.wait(name, seconds=300)
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
        product.cluster.kubectl(*done, "--timeout=90s")
        (job,) = product.cluster.get("jobs", "-n", WORKLOADS)["items"]
        uids.append(job["metadata"]["uid"])
        product.cluster.kubectl("delete", "taskrun", "oc-mirror-retried", "-n", PIPELINES, "--wait")
    assert uids[0] == uids[1]


def test_a_killed_pod_of_the_workload_is_replaced_and_ends_well(product: Product) -> None:
    run = product.succeed({"deploy-mode": "job"})
    name = run.results["workload-name"]
    product.cluster.kubectl(
        "delete", "pod", "-l", f"job-name={name}", "-n", WORKLOADS, "--grace-period=0", "--force"
    )
    product.cluster.kubectl(
        "wait", "--for=condition=Complete", f"job/{name}", "-n", WORKLOADS, "--timeout=90s"
    )


def test_a_killed_task_is_no_obstacle_to_the_next_run(product: Product) -> None:
    name = product.start({"deploy-mode": "job"})
    selector = f"tekton.dev/pipelineRun={name},tekton.dev/pipelineTask=generate-or-use-imageset"
    pods = ("pods", "-n", PIPELINES, "-l", selector)
    wait_until("the Task's pod", lambda: bool(product.cluster.get(*pods)["items"]))
    product.cluster.kubectl("delete", "pod", "-n", PIPELINES, "-l", selector, "--grace-period=0", "--force")
    product.wait(name)
    product.clean()
    assert product.succeed({"deploy-mode": "job"}).results["workload-kind"] == "Job"
