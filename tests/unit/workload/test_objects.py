"""The objects are valid, equal for equal settings, restricted, and carry the contract with `mirror`."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from typing import Any

import kubernetes_validate
import pytest

from steps import apply_cluster_resources, errors, mirror
from steps.cluster import KubernetesObject
from steps.mirroring.deadline import AGAIN, LONGEST_RUN
from steps.mirroring.schedule import Schedule
from steps.mirroring.store.receipt import Sealed, compose
from steps.parameters.table.tuning import RUN_RETRIES
from steps.workload import applier, names, objects, user_files
from steps.workload.pod import TEMPLATE_LABEL
from tests.unit.workload.samples import settings

MODES = ("job", "cronjob", "deployment")


def make(mode: str, **changes: Any) -> KubernetesObject:
    return objects.workload_object(settings(mode=mode, **changes))


def template(workload: KubernetesObject) -> dict[str, Any]:
    spec = workload["spec"]
    found: dict[str, Any] = (spec["jobTemplate"]["spec"] if "jobTemplate" in spec else spec)["template"]
    return found


def container(workload: KubernetesObject) -> dict[str, Any]:
    found: dict[str, Any] = template(workload)["spec"]["containers"][0]
    return found


APPLIED = settings(
    mirror={"workflow": "workflow-direct", "target-registry": "registry.example.com/mirror"}, applies=True
)
EVERYTHING = [
    *(make(mode, fs_group=group) for mode, group in itertools.product(MODES, ["auto", None, 0])),
    objects.check_job(settings(mode="cronjob")),
    objects.volume_claim(settings(storage_class="fast")),
    objects.volume_claim(settings()),
    objects.service_account(settings()),
    objects.service_account(settings(), names.APPLIER),
    applier.deployment(APPLIED),
]


@pytest.mark.parametrize("manifest", EVERYTHING, ids=lambda manifest: manifest["kind"])
@pytest.mark.parametrize("version", ["1.30", "1.34"])
def test_every_object_fits_the_schema_of_kubernetes(manifest: KubernetesObject, version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)
    assert manifest["metadata"]["labels"]["app.kubernetes.io/name"] == "oc-mirror"
    assert manifest["metadata"]["namespace"] == "oc-mirror"


@pytest.mark.parametrize("mode", MODES)
def test_equal_settings_make_equal_objects(mode: str) -> None:
    assert make(mode) == make(mode)


@pytest.mark.parametrize("mode", MODES)
def test_the_pod_asks_for_no_right_that_restricted_forbids(mode: str) -> None:
    pod = template(make(mode))["spec"]
    security = pod["containers"][0]["securityContext"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert "runAsUser" not in pod["securityContext"] | security
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["readOnlyRootFilesystem"] is True
    assert pod["serviceAccountName"] == "oc-mirror"
    assert {next(iter(set(volume) - {"name"})) for volume in pod["volumes"]} == {
        "configMap",
        "secret",
        "persistentVolumeClaim",
        "emptyDir",
    }


@pytest.mark.parametrize("mode", MODES)
def test_the_arguments_are_those_that_mirror_takes(mode: str) -> None:
    workload = make(
        mode,
        time_zone="Asia/Tokyo",
        mirror={
            "workflow": "workflow-direct",
            "target-registry": "registry.example.com/mirror",
            "since-date": "2025-09-20",
            "dry-run": "true",
            "destination-tls-verify": "false",
        },
    )
    found = container(workload)
    assert found["command"] == ["mirror"]
    inputs = mirror.parse(found["args"])
    request = inputs.request
    assert request.workflow == "workflow-direct"
    assert request.target_registry == "registry.example.com/mirror"
    assert str(request.imageset) == "/config/imageset.yaml"
    assert str(request.data) == "/data"
    assert request.since_date == date(2025, 9, 20)
    assert (request.incremental_mode, request.dry_run) == (True, True)
    assert str(request.options.authfile) == "/var/run/pull-secret/.dockerconfigjson"
    assert "--ca-bundle=/var/run/trusted-ca/ca-bundle.crt" in found["args"]
    assert request.options.ca_bundle is None, "no such file outside the pod"
    assert (request.options.source_tls_verify, request.options.destination_tls_verify) == (True, False)
    assert inputs.schedule == (None if mode == "job" else Schedule("0 2 * * *", "Asia/Tokyo"))
    assert inputs.once == (mode == "cronjob")
    assert not inputs.check


def test_how_to_mirror_is_passed_on_as_it_was_given() -> None:
    tuning = {"parallel-images": "8", "parallel-layers": "2", "image-timeout": "90m", "retry-times": "9"}
    request = mirror.parse(container(make("job", mirror=tuning | {"run-retries": "0"}))["args"]).request
    assert request.values[RUN_RETRIES] == 0
    assert request.options.passed_on == (
        "--parallel-images=8",
        "--parallel-layers=2",
        "--image-timeout=5400s",
        "--retry-times=9",
    )


@pytest.mark.parametrize("mode", MODES)
def test_what_repeats_itself_skips_what_is_unchanged_unless_told_otherwise(mode: str) -> None:
    assert mirror.parse(container(make(mode))["args"]).request.skip_unchanged == (mode != "job")
    for word in ("true", "false"):
        found = container(make(mode, mirror={"skip-unchanged": word}))
        assert mirror.parse(found["args"]).request.skip_unchanged == (word == "true")


def test_what_the_arguments_name_is_mounted_there() -> None:
    found = container(make("job"))
    mounts = {mount["mountPath"]: mount for mount in found["volumeMounts"]}
    assert set(mounts) == {
        "/config",
        "/var/run/pull-secret",
        "/var/run/trusted-ca",
        "/config-settings",
        "/config-fleet",
        "/data",
        "/tmp",
    }
    writable = {path for path, mount in mounts.items() if not mount.get("readOnly")}
    assert writable == {"/data", "/tmp"}
    assert {"name": "HOME", "value": "/tmp"} in found["env"]
    assert {"name": "TMPDIR", "value": "/tmp"} in found["env"]


def own(mode: str, **named: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The mounts of a pod by path, each with its volume, and its arguments by name."""
    workload = make(mode, **named)
    volumes = {volume["name"]: volume for volume in template(workload)["spec"]["volumes"]}
    found = container(workload)
    mounts = {
        mount["mountPath"]: mount | volumes[mount["name"]] | {"name": ""} for mount in found["volumeMounts"]
    }
    return mounts, dict(argument.removeprefix("--").split("=", 1) for argument in found["args"])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("setting", "path", "argument"),
    [
        ("registries_config", "/config-registries-config", "registries-config"),
        ("environment_configmap", "/config-environment", "environment"),
        ("local_files_configmap", "/local-files", ""),
        ("trusted_keys", "/config-trusted-keys", "trusted-keys"),
        ("receipts", "/config-receipts", "receipts"),
    ],
)
def test_a_configmap_of_the_user_is_mounted_and_told(
    mode: str, setting: str, path: str, argument: str
) -> None:
    mounts, arguments = own(mode, **{setting: "mine"})
    assert mounts[path] == {
        "name": "",
        "mountPath": path,
        "readOnly": True,
        "configMap": {"name": "mine"},
    }
    assert arguments.get(argument, path) == path
    without, fewer = own(mode)
    assert path not in without
    assert argument not in fewer
    kubernetes_validate.validate(make(mode, **{setting: "mine"}), "1.34", strict=True)


@pytest.mark.parametrize("mode", MODES)
def test_a_claim_with_local_files_is_mounted_for_reading_only(mode: str) -> None:
    mounts, _arguments = own(mode, local_files_claim="charts")
    assert mounts["/local-files"]["readOnly"] is True
    claim = {"claimName": "charts", "readOnly": True}
    assert mounts["/local-files"]["persistentVolumeClaim"] == claim
    kubernetes_validate.validate(make(mode, local_files_claim="charts"), "1.34", strict=True)


@pytest.mark.parametrize("mode", MODES)
def test_a_secret_with_the_signing_key_is_mounted_and_told_with_the_image(mode: str) -> None:
    mounts, arguments = own(mode, signing_key="mine")
    assert mounts["/var/run/signing-key"]["secret"] == {"secretName": "mine"}
    assert mounts["/var/run/signing-key"]["readOnly"] is True
    assert arguments["signing-key"] == "/var/run/signing-key"
    assert arguments["running-image"] == settings().image
    without, fewer = own(mode)
    assert "/var/run/signing-key" not in without
    assert not fewer.keys() & {"signing-key", "running-image"}
    kubernetes_validate.validate(make(mode, signing_key="mine"), "1.34", strict=True)


def test_keys_that_cannot_be_used_are_told_before_the_workload_is_deployed() -> None:
    named = settings(trusted_keys="mine")
    assert user_files.configmaps(named) == {"trusted-keys": "mine"}
    empty = "trusted-keys: ConfigMap mine has no public key (put one there in PEM, under the name NAME.pub)"
    assert user_files.problems(named, {"trusted-keys": {}}) == [empty]
    (found,) = user_files.problems(named, {"trusted-keys": {"a.pub": "x"}})
    assert found.startswith(
        "trusted-keys: ConfigMap mine: a.pub cannot be used: it is no public key in PEM ("
    )


def test_what_is_no_receipt_is_told_before_the_workload_is_deployed() -> None:
    named = settings(receipts="mine")
    assert user_files.configmaps(named) == {"receipts": "mine"}
    assert user_files.problems(named, {"receipts": {}}) == [], "they may come later"
    known = {2: "b" * 64}
    made = compose(known, number=1, side="0123abcd", target="r", written="2026-11-27T10:00:00Z").as_json()
    found = {"a.json": made, "typed.txt": Sealed.parse(made.encode()).code, "half.json": made[:40]}
    (said,) = user_files.problems(named, {"receipts": found})
    assert said.startswith("ConfigMap mine: half.json is no receipt: ")


def test_what_is_wrong_in_the_users_configmaps_is_told_with_their_names() -> None:
    named = settings(registries_config="mine", environment_configmap="variables")
    assert user_files.configmaps(named) == {
        "registries-config": "mine",
        "environment-configmap": "variables",
    }
    found = {
        "registries-config": {"policy.json": "{}", "registries.conf": ""},
        "environment-configmap": {"UPDATE_URL_OVERIDE": "https://x.example", "NO_PROXY": "a"},
    }
    first, second = user_files.problems(named, found)
    assert first.startswith("ConfigMap variables: UPDATE_URL_OVERIDE is no variable")
    assert second.startswith("ConfigMap mine: policy.json needs 'default'")
    assert not user_files.problems(settings(), {})


def test_a_deletion_gets_its_plan_and_the_imagesets_that_are_needed_besides() -> None:
    workload = make(
        "job",
        also_imagesets=("first", "second"),
        mirror={
            "workflow": "workflow-delete-execute",
            "target-registry": "registry.example.com/mirror",
            "older-than": "12w",
            "approved-plan-sha256": "0a" * 32,
            "keep-generations": "3",
        },
    )
    found = container(workload)
    request = mirror.parse(found["args"]).request
    assert request.approved_plan_sha256 == "0a" * 32
    assert request.older_than == timedelta(weeks=12)
    assert request.keep_generations == 3
    mounted = {mount["mountPath"]: mount["name"] for mount in found["volumeMounts"] if mount.get("readOnly")}
    volumes = {volume["name"]: volume for volume in workload["spec"]["template"]["spec"]["volumes"]}
    assert [volumes[mounted[str(path.parent)]]["configMap"]["name"] for path in request.also_imagesets] == [
        "first",
        "second",
    ]


def test_the_check_is_the_pod_of_the_cronjob_with_one_more_argument() -> None:
    check, night = objects.check_job(settings(mode="cronjob")), make("cronjob")
    assert container(check)["args"] == [*container(night)["args"], "--check=true"]
    assert container(check) | {"args": []} == container(night) | {"args": []}
    assert template(check)["spec"]["volumes"] == template(night)["spec"]["volumes"]
    assert check["metadata"]["name"].startswith("oc-mirror-check-")


def test_memory_is_guaranteed_and_the_cpu_not_throttled() -> None:
    resources = container(make("job"))["resources"]
    assert resources["limits"] == {"memory": resources["requests"]["memory"]}
    assert resources["requests"]["cpu"]


def test_a_changed_config_rolls_the_deployment_and_names_its_pods_anew() -> None:
    before, after = (template(make("deployment", config_sha256=text))["metadata"] for text in "ab")
    assert before["annotations"]["oc-mirror-pipeline/config-sha256"] == "a"
    assert before["annotations"] != after["annotations"]
    assert before["labels"][TEMPLATE_LABEL] != after["labels"][TEMPLATE_LABEL]


@pytest.mark.parametrize("mode", ["cronjob", "deployment"])
def test_another_run_with_the_same_settings_changes_nothing(mode: str) -> None:
    assert make(mode, run_name="a") == make(mode, run_name="b")


def test_a_cronjob_never_runs_twice_at_once_and_keeps_its_history_short() -> None:
    spec = make("cronjob")["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    assert (spec["schedule"], spec["timeZone"]) == ("0 2 * * *", "UTC")
    assert make("cronjob", time_zone="Europe/Berlin")["spec"]["timeZone"] == "Europe/Berlin"
    assert 0 < spec["successfulJobsHistoryLimit"] <= spec["failedJobsHistoryLimit"] <= 5
    assert spec["startingDeadlineSeconds"] >= 60


def test_a_job_is_named_after_its_run_bounded_in_time_and_goes_after_a_week() -> None:
    workload = make("job", run_name="oc-mirror-direct-abc12")
    assert workload["metadata"]["name"] == "oc-mirror-direct-abc12"
    assert workload["metadata"]["annotations"]["oc-mirror-pipeline/run"] == "oc-mirror-direct-abc12"
    spec = workload["spec"]
    assert spec["ttlSecondsAfterFinished"] == 7 * 24 * 3600
    assert spec["activeDeadlineSeconds"] > LONGEST_RUN
    assert spec["backoffLimit"] > 0
    assert template(workload)["spec"]["restartPolicy"] == "Never"


def test_a_job_does_not_try_again_what_another_attempt_cannot_change() -> None:
    _, rule = make("job")["spec"]["podFailurePolicy"]["rules"]
    permanent = {
        errors.UsageError,
        errors.InvalidInputError,
        errors.NotFoundError,
        errors.NotMirroredError,
        errors.UntrustedError,
        errors.HeldError,
        errors.LostError,
        errors.ApprovalError,
    }
    assert rule["onExitCodes"]["values"] == sorted(error.exit_code for error in permanent)
    assert rule["action"] == "FailJob"


@pytest.mark.parametrize("mode", ["job", "cronjob"])
def test_kubernetes_ends_a_job_only_after_the_run_had_time_to_say_why_it_ends_itself(mode: str) -> None:
    for seconds in (60, LONGEST_RUN + 60, 10 * LONGEST_RUN):
        workload = make(mode, run_deadline=seconds)
        spec = workload["spec"]["jobTemplate"]["spec"] if mode == "cronjob" else workload["spec"]
        grace = template(workload)["spec"]["terminationGracePeriodSeconds"]
        assert spec["activeDeadlineSeconds"] > max(seconds, LONGEST_RUN) + grace + AGAIN


def test_a_deployment_has_one_writer_and_asks_the_service_how_it_is() -> None:
    workload = make("deployment")
    assert workload["spec"]["replicas"] == 1
    assert workload["spec"]["strategy"] == {"type": "Recreate"}
    found = container(workload)
    paths = {name: found[name]["httpGet"]["path"] for name in ("livenessProbe", "readinessProbe")}
    assert paths == {"livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    labels = template(workload)["metadata"]["labels"]
    assert workload["spec"]["selector"]["matchLabels"].items() <= labels.items()


@pytest.mark.parametrize(("given", "expected"), [("auto", 1001), (None, None), (0, 0), (2000, 2000)])
def test_fs_group_is_set_where_it_was_asked_for(given: int | str | None, expected: int | None) -> None:
    assert template(make("job", fs_group=given))["spec"]["securityContext"].get("fsGroup") == expected


def test_proxies_reach_the_container() -> None:
    found = container(make("job", environment={"HTTPS_PROXY": "http://p:3128"}))
    assert {"name": "HTTPS_PROXY", "value": "http://p:3128"} in found["env"]


def test_without_a_class_the_claim_leaves_it_to_the_cluster() -> None:
    assert "storageClassName" not in objects.volume_claim(settings())["spec"]
    assert objects.volume_claim(settings(storage_class="fast"))["spec"]["storageClassName"] == "fast"


def test_the_account_pulls_with_the_pull_secret_and_has_no_token() -> None:
    account = objects.service_account(settings(pull_secret="mine"))
    assert account["imagePullSecrets"] == [{"name": "mine"}]
    assert account["automountServiceAccountToken"] is False


def test_the_pod_that_applies_mounts_nothing_and_the_one_that_mirrors_does_not_apply() -> None:
    pod = template(applier.deployment(APPLIED))["spec"]
    (main,) = pod["containers"]
    assert pod["serviceAccountName"] == "oc-mirror-apply"
    assert pod["volumes"] == [{"name": "tmp", "emptyDir": {}}]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert main["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    given = apply_cluster_resources.parse(main["args"])
    assert (given.target, given.namespace) == ("registry.example.com/mirror", "oc-mirror")
    mirrors = container(objects.workload_object(APPLIED))
    assert "--apply-cluster-resources=false" in mirrors["args"]


def test_a_job_mirrors_only_the_imageset_that_it_was_deployed_with() -> None:
    """Others take what the ConfigMap holds: a later run of the pipeline writes it, and replaces them."""
    given = {
        mode: [one for one in container(make(mode))["args"] if one.startswith("--imageset-sha256")]
        for mode in ("job", "cronjob", "deployment")
    }
    assert given == {"job": ["--imageset-sha256=c0ffee"], "cronjob": [], "deployment": []}
