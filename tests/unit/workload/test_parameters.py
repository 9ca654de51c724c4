"""All parameters are checked before the cluster is touched, and all errors are reported at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from steps import deploy_workload
from steps.errors import UsageError
from steps.workload.pod import pod_template
from steps.workload.settings import Settings, proxies
from tests.unit.workload.samples import IMAGE


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


def parse(**changes: str) -> Settings:
    given = {"image": IMAGE, "run-name": "run-1", **{k.replace("_", "-"): v for k, v in changes.items()}}
    return deploy_workload.parse([f"--{name}={value}" for name, value in given.items()]).settings


def test_image_and_run_are_enough_for_a_job() -> None:
    found = parse()
    assert (found.mode, found.namespace) == ("job", "oc-mirror")
    assert (found.claim_name, found.pull_secret) == ("oc-mirror-workspace", "oc-mirror-pull-secret")
    assert (found.storage_class, found.schedule) == (None, None)
    assert found.mirror == {
        "workflow": "workflow-to-disk",
        "incremental-mode": "true",
        "dry-run": "false",
        "source-tls-verify": "true",
        "destination-tls-verify": "true",
    }


def test_every_parameter_arrives() -> None:
    found = parse(
        deploy_mode="cronjob",
        schedule="@daily",
        time_zone="Europe/Berlin",
        workflow="workflow-direct",
        incremental_mode="true",
        since_date="2025-09-20",
        target_registry="registry.example.com:443/mirror",
        dry_run="true",
        source_tls_verify="false",
        destination_tls_verify="false",
        namespace="mirror-lab",
        config_sha256="abc",
        claim_name="my-claim",
        storage_size="1Ti",
        storage_class="fast",
        pull_secret="my-secret",
        fs_group="2000",
        memory="8Gi",
        keep_generations="3",
        also_imageset_configmaps="first, second",
        older_than="90d",
        approved_plan_sha256="0a" * 32,
        parallel_images="8",
        image_timeout="90m",
        skip_unchanged="false",
        resource_prefix="blue",
        apply_cluster_resources="true",
    )
    assert found == Settings(
        image=IMAGE,
        mode="cronjob",
        schedule="0 0 * * *",
        time_zone="Europe/Berlin",
        namespace="mirror-lab",
        config_sha256="abc",
        applies=True,
        claim_name="my-claim",
        storage_size="1Ti",
        storage_class="fast",
        pull_secret="my-secret",
        fs_group=2000,
        memory="8Gi",
        also_imagesets=("first", "second"),
        mirror={
            "workflow": "workflow-direct",
            "incremental-mode": "true",
            "since-date": "2025-09-20",
            "target-registry": "registry.example.com:443/mirror",
            "dry-run": "true",
            "source-tls-verify": "false",
            "destination-tls-verify": "false",
            "keep-generations": "3",
            "older-than": "90d",
            "approved-plan-sha256": "0a" * 32,
            "parallel-images": "8",
            "image-timeout": "90m",
            "skip-unchanged": "false",
            "resource-prefix": "blue",
            "apply-cluster-resources": "true",
        },
        run_name="run-1",
    )


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "generated"),
        ({"imageset_configmap": "production-imageset"}, "production-imageset"),
        ({"imageset_configmap": "production-imageset", "mirror_name": "production"}, "production"),
    ],
)
def test_the_mirror_is_named_after_where_its_imageset_comes_from(changes: dict[str, str], name: str) -> None:
    pod = pod_template(parse(**changes), component="job", restart="Never")
    assert f"--mirror-name={name}" in pod["spec"]["containers"][0]["args"]


TO_COME = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
"""Also if midnight passes between the collection of the tests and this one."""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"image": "quay.io/a/b:latest"}, "image 'quay.io/a/b:latest' is not an image by digest"),
        ({"image": ""}, "image is empty"),
        ({"run_name": ""}, "run-name is empty"),
        ({"schedule": "0 25 * * *"}, "schedule '0 25 * * *' has a wrong hour field '25'"),
        ({"deploy_mode": "cronjob"}, "deploy-mode cronjob needs a schedule"),
        ({"deploy_mode": "deployment", "schedule": ""}, "deploy-mode deployment needs a schedule"),
        ({"time_zone": "CEST"}, "time-zone 'CEST' is no time zone of the IANA database"),
        ({"deploy_mode": "daemonset"}, "deploy-mode is an invalid choice: 'daemonset'"),
        ({"workflow": "mirror"}, "workflow is an invalid choice: 'mirror'"),
        ({"workflow": "workflow-direct"}, "workflow-direct needs a target-registry"),
        ({"workflow": "workflow-from-disk"}, "workflow-from-disk needs a target-registry"),
        ({"workflow": "workflow-delete-generate"}, "workflow-delete-generate needs a target-registry"),
        ({"workflow": "workflow-delete-execute"}, "workflow-delete-execute needs approved-plan-sha256"),
        (
            {"workflow": "workflow-delete-execute", "deploy_mode": "cronjob", "schedule": "@daily"},
            "workflow-delete-execute is done once, not on a schedule: only deploy-mode job will do",
        ),
        ({"workflow": "workflow-cleanup", "deploy_mode": "deployment"}, "only deploy-mode job will do"),
        ({"older_than": "90"}, "older-than '90' is not a span such as 90d"),
        ({"approved_plan_sha256": "abc"}, "approved-plan-sha256 'abc' is not the sha256 of a plan"),
        ({"keep_generations": "0"}, "keep-generations '0' is not a number from 1 on"),
        ({"parallel_images": "11"}, "parallel-images '11' is not a number from 1 to 10"),
        ({"image_timeout": "long"}, "image-timeout 'long' is not a duration"),
        ({"run_retries": "-1"}, "run-retries '-1' is not a number"),
        ({"resource_prefix": "Blue_"}, "resource-prefix 'Blue_' is not a prefix"),
        ({"apply_cluster_resources": "yes"}, "apply-cluster-resources 'yes' is neither"),
        ({"skip_unchanged": "yes"}, "skip-unchanged 'yes' is neither"),
        ({"also_imageset_configmaps": "a,,b"}, "also-imageset-configmaps '' is not a Kubernetes name"),
        ({"since_date": "yesterday"}, "since-date 'yesterday'"),
        ({"since_date": "2025-02-30"}, "since-date '2025-02-30'"),
        ({"since_date": "0001-01-01"}, "before 1970-01-01"),
        ({"since_date": TO_COME}, "future"),
        ({"since_date": "2025-09-20", "incremental_mode": "false"}, "since-date contradicts"),
        ({"incremental_mode": "yes"}, "'yes' is neither 'true' nor 'false'"),
        ({"storage_size": "500GB"}, "storage-size '500GB' is not a quantity"),
        ({"storage_size": "0"}, "storage-size '0' is not more than 0"),
        ({"storage_size": "-5Gi"}, "storage-size '-5Gi' is not a quantity"),
        ({"storage_size": ""}, "storage-size is empty"),
        ({"memory": "lots"}, "memory 'lots' is not a quantity"),
        ({"fs_group": "root"}, "fs-group 'root' is neither"),
        ({"claim_name": "../etc"}, "'../etc' is not a Kubernetes name"),
        ({"pull_secret": ""}, "pull-secret is empty"),
        ({"namespace": "A B"}, "'A B' is not a Kubernetes name"),
        ({"storage_class": "Fast"}, "'Fast' is not a Kubernetes name"),
        ({"start_timeout": "soon"}, "'soon' is not a duration"),
        ({"target_registry": "https://registry.example.com"}, "leave 'https://' out"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(changes: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(**changes)
    assert said in caught.value.reason
    assert "\n" not in caught.value.reason


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        parse(image="x", schedule="x", since_date="x", storage_size="x", target_registry="X Y", fs_group="x")
    for name in ("image", "schedule", "since-date", "storage-size", "target-registry", "fs-group"):
        assert f"{name} '" in caught.value.reason
    assert "nothing was changed" in caught.value.hint


def test_proxy_variables_in_either_case_are_handed_on_and_no_others() -> None:
    given = {"HTTPS_PROXY": "http://p:3128", "no_proxy": ".svc,10.0.0.0/8", "PATH": "/bin", "HTTP_PROXY": ""}
    assert proxies(given) == ({"HTTPS_PROXY": "http://p:3128", "no_proxy": ".svc,10.0.0.0/8"}, [])


@pytest.mark.parametrize("value", ["http://me:secret@p:3128", "me:secret@p:3128"])
def test_a_proxy_with_a_password_is_refused_without_repeating_it(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", value)
    with pytest.raises(UsageError, match="https_proxy carries a user name or password") as caught:
        parse()
    assert "secret" not in caught.value.reason + caught.value.hint
