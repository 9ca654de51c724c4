"""What the accounts of the pipelines may not do: asked of the real API server as each account, by each rule.

Each case changes one thing of an object that is admitted, and only asks (`--dry-run=server`).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml

from steps.parameters.value_kinds import DeployMode
from steps.workload import applier, configmaps, names, objects
from steps.workload.settings import FS_GROUP, Settings
from tests.cluster.listener import TRIGGERS
from tests.cluster.product import PIPELINES, WORKLOADS, Product, install
from tests.conftest import ROOT
from tests.testbed.client import Cluster
from tests.testbed.waiting import eventually
from tests.unit.workload import samples

Object = dict[str, Any]
Change = Callable[[Object], object]

RUNNER, WORKLOAD = f"{PIPELINES}:oc-mirror-pipeline", f"{WORKLOADS}:oc-mirror"
LISTENER, STARTER = f"{PIPELINES}:oc-mirror-triggers", f"{PIPELINES}:oc-mirror-starter"
OTHER_IMAGE = "quay.io/somebody/else@sha256:" + "0a" * 32


@pytest.fixture(scope="module")
def product(cluster: Cluster, image: str) -> Product:
    """tekton/ and tekton/triggers/ as applied; the policies are in force."""
    found = install(cluster, "http://unused", image)
    cluster.kubectl("apply", "-f", str(TRIGGERS))
    refused = replace_image(workload(image, "job"), OTHER_IMAGE)
    by_policy = "ValidatingAdmissionPolicy"  # not for want of a right: the API server is late with both
    eventually("the policies", lambda: by_policy in ask(found, RUNNER, refused), timeout=60)
    eventually("the rights", lambda: not ask(found, LISTENER, task_run()), timeout=60)
    return found


def ask(product: Product, account: str, manifest: Object) -> str:
    """Ask whether an account may create an object; the refusal, empty where it may."""
    asked = product.cluster.kubectl(
        "create",
        "--dry-run=server",
        f"--as=system:serviceaccount:{account}",
        "-f",
        "-",
        input=json.dumps(manifest),
        check=False,
    )
    return asked.stderr if asked.returncode else ""


def settings(image: str, mode: DeployMode) -> Settings:
    mirror = {"workflow": "workflow-direct", "target-registry": "registry.example.com/mirror"}
    given = samples.settings(mirror=mirror, applies=True, registries_config="oc-mirror-registries")
    given = replace(given, signing_key="oc-mirror-signing-key", trusted_keys="oc-mirror-trusted-keys")
    given = replace(given, receipts="oc-mirror-receipts")
    return replace(given, image=image, mode=mode, fs_group=FS_GROUP, time_zone="UTC")


def workload(image: str, mode: DeployMode) -> Object:
    return objects.workload_object(settings(image, mode))


def pod_of(manifest: Object) -> Object:
    spec = manifest["spec"]
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    found: Object = spec["template"]["spec"]
    return found


def container(manifest: Object) -> Object:
    found: Object = pod_of(manifest)["containers"][0]
    return found


def replace_image(manifest: Object, image: str) -> Object:
    container(manifest)["image"] = image
    return manifest


def volume(**source: Any) -> Change:
    return lambda manifest: pod_of(manifest)["volumes"].append({"name": "more", **source})


def signing_volume(manifest: Object) -> Object:
    found: Object = next(one for one in pod_of(manifest)["volumes"] if one["name"] == "signing-key")
    return found


def signing_mount(manifest: Object) -> Object:
    found: Object = next(one for one in container(manifest)["volumeMounts"] if one["name"] == "signing-key")
    return found


def mount(path: str, **more: Any) -> Change:
    return lambda manifest: container(manifest)["volumeMounts"].append(
        {"name": "data", "mountPath": path, **more}
    )


def variable(**entry: Any) -> Change:
    return lambda manifest: container(manifest)["env"].append(entry)


def as_tmp_of_a_claim(manifest: Object) -> None:
    [tmp] = [one for one in pod_of(manifest)["volumes"] if one["name"] == "tmp"]
    tmp |= {"persistentVolumeClaim": {"claimName": "oc-mirror-workspace"}}
    del tmp["emptyDir"]


WORKLOAD_RULES: dict[str, tuple[Change, str]] = {
    "another name": (lambda m: m["metadata"].update(name="nginx"), "create only the workload oc-mirror"),
    "a pod without our label": (
        lambda m: m["spec"]["template"]["metadata"]["labels"].pop("app.kubernetes.io/managed-by"),
        "carry the labels",
    ),
    "a label of somebody else": (
        lambda m: m["metadata"]["labels"].update({"app.kubernetes.io/part-of": "billing"}),
        "carry the labels",
    ),
    "a second container": (
        lambda m: pod_of(m)["containers"].append({**container(m), "name": "second"}),
        "one container",
    ),
    "an init container": (
        lambda m: pod_of(m).update(initContainers=[{**container(m), "name": "first"}]),
        "no init container",
    ),
    "another account": (lambda m: pod_of(m).update(serviceAccountName="builder"), "not as builder"),
    "the account that applies": (
        lambda m: pod_of(m).update(serviceAccountName="oc-mirror-apply"),
        "not as oc-mirror-apply",
    ),
    "no account": (lambda m: pod_of(m).pop("serviceAccountName"), "not as default"),
    "another program": (lambda m: container(m).update(command=["sh"]), "runs 'mirror'"),
    "no command": (lambda m: container(m).pop("command"), "runs 'mirror'"),
    "another oc-mirror": (lambda m: container(m)["args"].append("--oc-mirror=/data/x"), "no other program"),
    "an argument that is no option": (lambda m: container(m)["args"].append("x"), "is an option"),
    "a variable": (variable(name="PYTHONPATH", value="/data"), "no variables but"),
    "another home": (
        lambda m: container(m)["env"][0].update(name="HOME", value="/data"),
        "no variables but",
    ),
    "a variable of a Secret": (
        variable(name="HTTP_PROXY", valueFrom={"secretKeyRef": {"name": "x", "key": "y"}}),
        "no variables but",
    ),
    "all variables of a Secret": (
        lambda m: container(m).update(envFrom=[{"secretRef": {"name": "x"}}]),
        "no variables but",
    ),
    "a projected token": (
        volume(projected={"sources": [{"serviceAccountToken": {"path": "token"}}]}),
        "a Secret, a ConfigMap, a claim or an empty folder",
    ),
    "another Secret": (volume(secret={"secretName": "router-certs"}), "the Secret router-certs"),
    "another signing key": (
        lambda m: signing_volume(m)["secret"].update(secretName="router-certs"),
        "may not sign with the key of Secret router-certs",
    ),
    "another Secret in the signing key's place": (
        lambda m: signing_mount(m).update(name="pull-secret"),
        "could replace a program",
    ),
    "another ConfigMap": (volume(configMap={"name": "kube-root-ca.crt"}), "the ConfigMap kube-root-ca.crt"),
    "another claim": (
        volume(persistentVolumeClaim={"claimName": "database"}),
        "may not use the claim database",
    ),
    "a volume in the place of a program": (mount("/usr/local/bin"), "could replace a program"),
    "a part of a volume": (mount("/local-files", subPath="x"), "could replace a program"),
    "a claim as /tmp": (as_tmp_of_a_claim, "could replace a program"),
    "a hook": (
        lambda m: container(m).update(lifecycle={"preStop": {"exec": {"command": ["sh"]}}}),
        "no hook",
    ),
    "a probe that runs a program": (
        lambda m: container(m).update(livenessProbe={"exec": {"command": ["sh"]}}),
        "no probe but of its page",
    ),
    "a further pull secret": (
        lambda m: pod_of(m).update(imagePullSecrets=[{"name": "x"}]),
        "no further pull secret",
    ),
    "a node": (lambda m: pod_of(m).update(nodeName="control-plane-0"), "uses no host's namespace"),
    "the node's network": (lambda m: pod_of(m).update(hostNetwork=True), "uses no host's namespace"),
    "another repository": (lambda m: replace_image(m, OTHER_IMAGE), "the repository that ConfigMap"),
    "an image without its digest": (
        lambda m: replace_image(m, container(m)["image"].partition("@")[0] + "@latest"),
        "an image by digest",
    ),
}


@pytest.mark.parametrize("mode", ["job", "cronjob", "deployment"])
def test_what_the_pipelines_make_is_admitted(product: Product, mode: DeployMode) -> None:
    given = settings(product.image, mode)
    made = [
        objects.workload_object(given),
        applier.deployment(given),
        objects.check_job(given),
        objects.service_account(given),
        objects.service_account(given, names.APPLIER),
        objects.volume_claim(given),
        *configmaps.deployment_configmaps(
            values=b"{}", imageset="{}", namespace=WORKLOADS, commit="", source="x"
        ),
    ]
    for manifest in made:
        assert not ask(product, RUNNER, manifest), manifest


@pytest.mark.parametrize("change", WORKLOAD_RULES)
def test_the_pipelines_deploy_nothing_but_the_workload(product: Product, change: str) -> None:
    alter, said = WORKLOAD_RULES[change]
    manifest = workload(product.image, "job")
    alter(manifest)
    assert said in ask(product, RUNNER, manifest)


@pytest.mark.parametrize("mode", ["cronjob", "deployment"])
def test_the_rules_hold_for_every_kind_of_workload(product: Product, mode: DeployMode) -> None:
    for change in (
        "another name",
        "a label of somebody else",
        "another program",
        "another Secret",
        "another repository",
    ):
        alter, said = WORKLOAD_RULES[change]
        manifest = workload(product.image, mode)
        alter(manifest)
        assert said in ask(product, RUNNER, manifest), change


def test_the_pod_that_applies_gets_no_volume(product: Product) -> None:
    manifest = applier.deployment(settings(product.image, "deployment"))
    volume(secret={"secretName": "oc-mirror-pull-secret"})(manifest)
    assert "oc-mirror-apply" in ask(product, RUNNER, manifest)


def config_map(name: str, namespace: str = WORKLOADS, **changes: Any) -> Object:
    labels = names.labels("configuration")
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        **changes,
    }


def account(**changes: Any) -> Object:
    return {**objects.service_account(samples.settings()), **changes}


def claim(name: str = "oc-mirror-more", **spec: Any) -> Object:
    made = objects.volume_claim(samples.settings(claim_name=name))
    made["spec"] |= spec
    return made


def annotated(manifest: Object) -> Object:
    manifest["metadata"]["annotations"] = {"eks.amazonaws.com/role-arn": "x"}
    return manifest


def unlabelled(manifest: Object) -> Object:
    del manifest["metadata"]["labels"]
    return manifest


OTHER_RULES: dict[str, tuple[str, Object, str]] = {
    "a ConfigMap of another name": (RUNNER, config_map("trusted-ca"), "write no ConfigMap trusted-ca"),
    "a ConfigMap of the pipelines' namespace": (
        RUNNER,
        config_map("oc-mirror-triggered-runs", PIPELINES),
        "write no ConfigMap",
    ),
    "a ConfigMap of the workload's": (WORKLOAD, config_map("oc-mirror-config"), "the workload writes no"),
    "a ConfigMap without our label": (
        RUNNER,
        unlabelled(config_map("oc-mirror-values")),
        "carries the label",
    ),
    "an account of another name": (
        RUNNER,
        account(metadata={**account()["metadata"], "name": "builder"}),
        "create only the accounts",
    ),
    "an account with a role of the cloud": (RUNNER, annotated(account()), "without annotations"),
    "an account with another pull secret": (
        RUNNER,
        account(imagePullSecrets=[{"name": "router-certs"}]),
        "pulls with a Secret",
    ),
    "a claim of another name": (RUNNER, claim("database"), "create no claim database"),
    "a claim to somebody's volume": (RUNNER, claim(volumeName="pv-of-somebody"), "a new, empty volume"),
    "a claim to a copy of another": (
        RUNNER,
        claim(dataSource={"kind": "PersistentVolumeClaim", "name": "database"}),
        "a new, empty volume",
    ),
}


@pytest.mark.parametrize("case", OTHER_RULES)
def test_what_else_the_accounts_write_is_ours(product: Product, case: str) -> None:
    who, manifest, said = OTHER_RULES[case]
    assert said in ask(product, who, manifest)


def test_an_image_of_another_repository_is_not_recorded_in_the_place_of_ours(product: Product) -> None:
    recorded = product.get("configmap", "oc-mirror-images", PIPELINES)
    url = recorded["data"]["image-url"]
    other = {**recorded["data"], "image-url": "quay.io/somebody/else:latest"}
    newer = {**recorded["data"], "image-url": url.rpartition(":")[0] + ":newer"}

    def record(data: Object) -> str:
        manifest = config_map("oc-mirror-images", PIPELINES, data=data)
        asked = product.cluster.kubectl(
            "apply",
            "--server-side",
            "--force-conflicts",
            "--dry-run=server",
            f"--as=system:serviceaccount:{RUNNER}",
            "-f",
            "-",
            input=json.dumps(manifest),
            check=False,
        )
        return asked.stderr if asked.returncode else ""

    assert "an administrator deletes that ConfigMap first" in record(other)
    assert not record(newer)


def task_run() -> Object:
    """What the TriggerTemplate of tekton/triggers makes."""
    documents = list(yaml.safe_load_all((TRIGGERS / "30-eventlistener.yaml").read_text()))
    [template] = [one for one in documents if one["kind"] == "TriggerTemplate"]
    run: Object = copy.deepcopy(template["spec"]["resourcetemplates"][0])
    run["metadata"] = {"generateName": "x-", "namespace": PIPELINES}
    run["spec"]["params"] = [one for one in run["spec"]["params"] if "$(" not in one["value"]]
    return run


def pipeline_run(key: str = "deployment") -> Object:
    """What start-run makes of 20-runs.yaml."""
    configmap = yaml.safe_load((TRIGGERS / "20-runs.yaml").read_text())
    run: Object = yaml.safe_load(configmap["data"][f"{key}.yaml"])
    run["metadata"] = {"generateName": "x-", "namespace": PIPELINES}
    return run


def with_image(name: str, value: str) -> Change:
    def change(run: Object) -> None:
        others = [one for one in run["spec"]["params"] if one["name"] != name]
        run["spec"]["params"] = [*others, {"name": name, "value": value}]

    return change


SPEC = {"steps": [{"name": "x", "image": "busybox", "script": "true"}]}
STARTED_RULES: dict[str, tuple[str, Callable[[], Object], Change, str]] = {
    "a PipelineRun of the listener": (LISTENER, pipeline_run, lambda _run: None, ""),
    "a TaskRun of the starter": (STARTER, task_run, lambda _run: None, ""),
    "a specification in a TaskRun": (
        LISTENER,
        task_run,
        lambda run: (run["spec"].pop("taskRef"), run["spec"].update(taskSpec=SPEC)),
        "no specification of its own",
    ),
    "a specification in a PipelineRun": (
        STARTER,
        pipeline_run,
        lambda run: (
            run["spec"].pop("pipelineRef"),
            run["spec"].update(pipelineSpec={"tasks": [{"name": "x", "taskSpec": SPEC}]}),
        ),
        "no specification of its own",
    ),
    "a Task from elsewhere": (
        LISTENER,
        task_run,
        lambda run: run["spec"].update(taskRef={"resolver": "git", "params": []}),
        "no specification of its own",
    ),
    "another Task": (
        LISTENER,
        task_run,
        lambda run: run["spec"]["taskRef"].update(name="deploy-workload"),
        "the Task start-run",
    ),
    "another Pipeline": (
        STARTER,
        pipeline_run,
        lambda run: run["spec"]["pipelineRef"].update(name="somebodys"),
        "that only the pipelines of oc-mirror-pipeline",
    ),
    "a TaskRun as another account": (
        LISTENER,
        task_run,
        lambda run: run["spec"].update(serviceAccountName="oc-mirror-pipeline"),
        "the account of oc-mirror-pipeline",
    ),
    "a PipelineRun as another account": (
        STARTER,
        pipeline_run,
        lambda run: run["spec"]["taskRunTemplate"].update(serviceAccountName="builder"),
        "the account of builder",
    ),
    "one Task as another account": (
        STARTER,
        lambda: pipeline_run("build"),
        lambda run: run["spec"]["taskRunSpecs"][0].update(serviceAccountName="builder"),
        "builder",
    ),
    "a Secret as a workspace": (
        STARTER,
        pipeline_run,
        lambda run: run["spec"]["workspaces"].append({"name": "x", "secret": {"secretName": "x"}}),
        "no Secret and no ConfigMap",
    ),
    "a volume for its pods": (
        STARTER,
        pipeline_run,
        lambda run: run["spec"]["taskRunTemplate"].update(
            podTemplate={"volumes": [{"name": "x", "secret": {"secretName": "x"}}]}
        ),
        "get no volumes",
    ),
    "a variable for its pods": (
        STARTER,
        pipeline_run,
        lambda run: run["spec"]["taskRunTemplate"].update(
            podTemplate={"env": [{"name": "PYTHONPATH", "value": "/x"}]}
        ),
        "no variables but those of a proxy",
    ),
    "another image for start-run": (
        LISTENER,
        task_run,
        with_image("task-image", "quay.io/somebody/else:latest"),
        "allowed-task-images",
    ),
    "another image for the steps": (
        STARTER,
        pipeline_run,
        with_image("task-image", "quay.io:443/autoshift/oc-mirror-autoshift:v0.1.0"),
        "allowed-task-images",
    ),
    "another image for the build": (
        STARTER,
        lambda: pipeline_run("build"),
        with_image("buildah-image", "quay.io/buildah/stable/else:v1"),
        "allowed-task-images",
    ),
    "an image that was built gets the key": (
        STARTER,
        lambda: pipeline_run("build"),
        with_image("signing-image", f"quay.io/autoshift/oc-mirror-autoshift@sha256:{'a' * 64}"),
        "allowed-signing-images",
    ),
    "the key in the place of another Secret": (
        STARTER,
        lambda: pipeline_run("build"),
        with_image("git-secret", "oc-mirror-image-signing-key"),
        "is given in image-signing-secret only",
    ),
    "the login that writes in the place of another Secret": (
        STARTER,
        pipeline_run,
        with_image("values-git-secret", "oc-mirror-git-write"),
        "is given in git-write-secret only",
    ),
}


def test_what_the_triggers_start_is_admitted(product: Product) -> None:
    for who, run in ((LISTENER, task_run()), (STARTER, pipeline_run()), (STARTER, pipeline_run("build"))):
        assert not ask(product, who, run), run
    for sample in ("readiness", "publish"):  # with accounts of their own, by schedules
        run = yaml.safe_load((ROOT / "tekton" / "runs" / f"{sample}-pipelinerun.yaml").read_text())
        assert not ask(product, STARTER, run), run


@pytest.mark.parametrize("case", STARTED_RULES)
def test_what_the_triggers_start_is_what_is_shipped(product: Product, case: str) -> None:
    who, make, alter, said = STARTED_RULES[case]
    run = make()
    alter(run)
    refused = ask(product, who, run)
    assert refused
    assert said in refused


def test_an_administrator_permits_more_by_annotations_which_applying_tekton_again_keeps(
    product: Product,
) -> None:
    manifest = workload(product.image, "job")
    volume(secret={"secretName": "mine"})(manifest)
    volume(configMap={"name": "team-a-registries"})(manifest)
    pod_of(manifest)["volumes"][-1]["name"] = "yet-more"
    kubectl = product.cluster.kubectl
    prefix = "oc-mirror-pipeline/allowed-"
    more = (
        f"{prefix}pull-secrets=oc-mirror-pull-secret, mine",
        f"{prefix}configmaps=oc-mirror-*,trusted-ca,team-*",
    )
    kubectl("annotate", "namespace", WORKLOADS, *more)
    try:
        kubectl("apply", "-f", str(ROOT / "tekton" / "00-namespaces.yaml"))
        eventually("the annotations", lambda: not ask(product, RUNNER, manifest), timeout=60)
    finally:
        kubectl("annotate", "namespace", WORKLOADS, f"{prefix}pull-secrets-", f"{prefix}configmaps-")


def test_every_rule_is_refused_by_a_case_here() -> None:
    """The rules without words of their own would show up here as soon as one is added."""
    documents = yaml.safe_load_all((ROOT / "tekton" / "12-admission.yaml").read_text())
    policies = [one for one in documents if one["kind"] == "ValidatingAdmissionPolicy"]
    rules = sum(len(policy["spec"]["validations"]) for policy in policies)
    said = {text for _, text in WORKLOAD_RULES.values()} | {text for *_, text in OTHER_RULES.values()}
    said |= {text for *_, text in STARTED_RULES.values()}
    assert len(said) >= rules
