"""The Pipelines fit their Tasks, the sample runs fit the Pipelines, and all of it fits the specification."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from steps.parameters.table import TABLE
from steps.workload import names
from steps.workload.pod import PORT
from tests.contract.tekton_files import (
    PIPELINE_FILES,
    PROJECT,
    RUN_FILES,
    TASK_FILES,
    TEKTON,
    documents,
    named,
    only,
    references,
)

TASKS = {only(path)["metadata"]["name"]: only(path) for path in TASK_FILES}
PIPELINES = {only(path)["metadata"]["name"]: only(path) for path in PIPELINE_FILES}

# Every parameter that the specification's examples use.
SPECIFIED = {
    "values-git-url",
    "values-file-path",
    "operators-only",
    "openshift-version",
    "imageset-configmap",
    "incremental-mode",
    "since-date",
    "deploy-mode",
    "schedule",
    "workflow",
    "target-registry",
    "dry-run",
}

OF_THE_CLUSTER = {
    "Namespace",
    "ClusterRole",
    "ClusterRoleBinding",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}

each_pipeline = pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=PIPELINES)
each_run = pytest.mark.parametrize("path", RUN_FILES, ids=lambda path: path.stem)


def test_the_deployment_pipeline_has_every_parameter_of_the_specification() -> None:
    parameters = named(PIPELINES["oc-mirror-deployment-pipeline"]["spec"]["params"])
    assert set(parameters) >= SPECIFIED
    assert all("default" in parameter for parameter in parameters.values())


@each_pipeline
def test_tasks_get_what_they_declare_and_nothing_else(pipeline: dict[str, Any]) -> None:
    for task in pipeline["spec"]["tasks"]:
        declared = named(TASKS[task["taskRef"]["name"]]["spec"].get("params"))
        given = named(task.get("params"))
        assert set(given) <= set(declared), task["name"]
        assert {name for name, p in declared.items() if "default" not in p} <= set(given), task["name"]
        workspaces = named(TASKS[task["taskRef"]["name"]]["spec"].get("workspaces"))
        assert set(named(task.get("workspaces"))) == set(workspaces), task["name"]


@each_pipeline
def test_no_parameter_of_a_task_is_out_of_the_users_reach(pipeline: dict[str, Any]) -> None:
    for task in pipeline["spec"]["tasks"]:
        declared = named(TASKS[task["taskRef"]["name"]]["spec"].get("params"))
        assert set(named(task.get("params"))) == set(declared), task["name"]


@each_pipeline
def test_parameters_mean_the_same_in_pipeline_and_task(pipeline: dict[str, Any]) -> None:
    parameters = named(pipeline["spec"]["params"])
    for task in pipeline["spec"]["tasks"]:
        declared = named(TASKS[task["taskRef"]["name"]]["spec"].get("params"))
        for given in task["params"]:
            if given["value"] == f"$(params.{given['name']})":
                theirs, ours = declared[given["name"]], parameters[given["name"]]
                assert theirs["description"] == ours["description"], given["name"]
                if "default" in ours:
                    assert theirs.get("default", ours["default"]) == ours["default"], given["name"]


@each_pipeline
def test_every_reference_has_something_to_refer_to(pipeline: dict[str, Any]) -> None:
    spec = pipeline["spec"]
    tasks = {task["name"]: TASKS[task["taskRef"]["name"]] for task in spec["tasks"]}
    for reference in references(spec):
        parts = reference.split(".")
        if parts[0] == "params":
            assert parts[1] in named(spec["params"]), reference
        elif parts[0] == "tasks":
            assert parts[3] in named(tasks[parts[1]]["spec"]["results"]), reference
        else:
            pytest.fail(f"unknown kind of reference: {reference}")


@each_pipeline
def test_every_parameter_of_the_pipeline_is_used_and_described(pipeline: dict[str, Any]) -> None:
    spec = pipeline["spec"]
    used = {r.split(".")[1] for r in references(spec["tasks"]) if r.startswith("params.")}
    assert used == set(named(spec["params"]))
    for group in ("params", "workspaces", "results"):
        assert all(item["description"].strip() for item in spec.get(group, []))
    assert pipeline["metadata"]["labels"]["app.kubernetes.io/version"] == PROJECT["version"]


def test_fetching_and_reading_the_image_run_side_by_side() -> None:
    tasks = named(PIPELINES["oc-mirror-deployment-pipeline"]["spec"]["tasks"])
    for name in ("fetch-values", "get-current-image"):
        assert "runAfter" not in tasks[name]
        assert not any(r.startswith("tasks.") for r in references(tasks[name]))


def test_whatever_apply_takes_has_a_name_and_a_namespace() -> None:
    for path in sorted(TEKTON.glob("*.yaml")):
        for document in documents(path):
            metadata = document["metadata"]
            assert "generateName" not in metadata, path
            assert metadata["name"]
            if document["kind"] not in OF_THE_CLUSTER:
                assert metadata["namespace"] in {"oc-mirror-pipeline", "oc-mirror"}, path


def test_the_service_is_reached_only_from_where_it_is_wanted() -> None:
    policy = only(TEKTON / "40-networkpolicy.yaml")
    kubernetes_validate.validate(policy, "1.34", strict=True)
    spec = policy["spec"]
    assert policy["metadata"]["namespace"] == "oc-mirror"
    assert spec["podSelector"]["matchLabels"].items() <= names.labels("deployment").items()
    assert spec["policyTypes"] == ["Ingress"]  # registries may be anywhere
    (rule,) = spec["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": PORT}]
    own, *others = rule["from"]
    assert own == {"podSelector": {}}
    assert all(set(peer) == {"namespaceSelector"} and peer["namespaceSelector"] for peer in others)
    listed = [e for peer in others for e in peer["namespaceSelector"].get("matchExpressions", [])]
    assert {(e["key"], e["operator"]) for e in listed} == {("kubernetes.io/metadata.name", "In")}
    admitted = {value for expression in listed for value in expression["values"]}
    assert {"openshift-monitoring", "openshift-user-workload-monitoring", "monitoring"} <= admitted


def test_namespaces_come_first_by_file_name() -> None:
    first = sorted(TEKTON.glob("*.yaml"))[0]
    assert {document["kind"] for document in documents(first)} == {"Namespace"}


def test_rights_are_narrow() -> None:
    kinds = set()
    for path in sorted(TEKTON.glob("**/*.yaml")):
        for document in documents(path):
            kinds.add(document["kind"])
            for rule in document.get("rules", []):
                assert "*" not in [*rule["verbs"], *rule["resources"], *rule["apiGroups"]], path
                assert "secrets" not in rule["resources"], path
                assert "escalate" not in rule["verbs"], path
    assert "Role" in kinds
    assert "Secret" not in kinds


def test_what_is_allowed_on_the_whole_cluster_is_to_read_three_things() -> None:
    """The hub's version; and, opt-in, Tekton's own interceptors and shared bindings. Never a Secret."""
    found = [
        document
        for path in sorted(TEKTON.glob("**/*.yaml"))
        for document in documents(path)
        if document["kind"].startswith("Cluster")
    ]
    role, binding, triggers_role, triggers_binding = found
    assert role["rules"] == [
        {
            "apiGroups": ["config.openshift.io"],
            "resources": ["clusterversions"],
            "resourceNames": ["version"],
            "verbs": ["get"],
        }
    ]
    assert triggers_role["rules"] == [
        {
            "apiGroups": ["triggers.tekton.dev"],
            "resources": ["clusterinterceptors", "clustertriggerbindings"],
            "verbs": ["get", "list", "watch"],
        }
    ]
    for clusterrole, bound in ((role, binding), (triggers_role, triggers_binding)):
        assert clusterrole["kind"] == bound["roleRef"]["kind"] == "ClusterRole"
        assert "aggregationRule" not in clusterrole
        assert bound["kind"] == "ClusterRoleBinding"
        assert bound["roleRef"]["name"] == clusterrole["metadata"]["name"]
    assert subjects(binding) == {"oc-mirror-pipeline", "pipeline"}
    assert subjects(triggers_binding) == {"oc-mirror-triggers"}


def subjects(binding: dict[str, Any]) -> set[str]:
    """The accounts of a binding, all in the pipelines' namespace."""
    assert all(
        s["kind"] == "ServiceAccount" and s["namespace"] == "oc-mirror-pipeline" for s in binding["subjects"]
    )
    return {s["name"] for s in binding["subjects"]}


@each_run
def test_a_run_uses_what_its_pipeline_offers(path: Path) -> None:
    run = only(path)
    spec = run["spec"]
    pipeline = PIPELINES[spec["pipelineRef"]["name"]]
    assert run["metadata"]["generateName"].endswith("-")
    assert set(named(spec["params"])) <= set(named(pipeline["spec"]["params"]))
    for one in spec["params"]:
        [parameter] = [
            found
            for found in TABLE
            if found.name == one["name"] and spec["pipelineRef"]["name"] in found.pipelines
        ]
        for value in one["value"] if parameter.array else [one["value"]]:
            parameter.parse(value)
    assert set(named(spec.get("workspaces"))) <= set(named(pipeline["spec"].get("workspaces")))
    # Tekton v1 refuses spec.serviceAccountName, which the specification's examples use.
    assert "serviceAccountName" not in spec
    accounts = {
        "oc-mirror-publish-pipeline": "oc-mirror-publish",
        "oc-mirror-readiness-pipeline": "oc-mirror-readiness",
    }
    account = accounts.get(pipeline["metadata"]["name"], "oc-mirror-pipeline")
    assert spec["taskRunTemplate"]["serviceAccountName"] == account


def test_the_images_that_are_the_default_are_permitted_to_runs_that_events_start() -> None:
    text = (TEKTON / "12-admission.yaml").read_text()
    found = re.search(r"allowed-task-images'\]\s+\.orValue\('([^']*)'\)", text)
    assert found
    permitted = set(found[1].split(","))
    for pipeline in PIPELINES.values():
        for parameter in pipeline["spec"]["params"]:
            if parameter["name"].endswith("-image"):
                repository = parameter["default"].partition("@")[0].rpartition(":")[0]
                assert repository in permitted, parameter["name"]
