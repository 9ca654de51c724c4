"""Each Task's YAML and its Python entrypoint agree, and each Task keeps the house's rules."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from steps import list_image_contents
from tests.contract.tekton_files import (
    PROJECT,
    REFERENCE,
    STEP_TASK_FILES,
    TASK_FILES,
    TEKTON,
    named,
    only,
    references,
)

# A valid value for each parameter that has no default, and for what Tekton fills in.
SAMPLES = {
    "params.image": "quay.io/me/oc-mirror@sha256:" + "a" * 64,
    "params.values-git-url": "https://github.com/me/values.git",
    "params.image-url": "quay.io/me/oc-mirror:v1",
    "params.image-digest": "sha256:" + "a" * 64,
    "params.git-revision": "main",
    "params.git-url": "https://git.example.com/me/source",
    "params.git-commit": "a" * 40,
    "params.image-signing-secret": "oc-mirror-image-signing-key",
    "context.taskRun.name": "oc-mirror-deployment-x7k2p-deploy-workload",
    "context.taskRun.namespace": "oc-mirror-pipeline",
    "workspaces.shared-workspace.path": "/workspace/shared-workspace",
    "workspaces.mirror-data.claim": "oc-mirror-workspace",
}

each_task = pytest.mark.parametrize("path", STEP_TASK_FILES, ids=lambda path: path.stem)


def rendered_arguments(task: dict[str, Any], **overrides: str) -> list[str]:
    """The arguments of our step as Tekton would fill them in, with every parameter at its default."""
    defaults = {f"params.{p['name']}": p["default"] for p in task["spec"].get("params", []) if "default" in p}
    results = {f"results.{r['name']}.path": f"/tekton/results/{r['name']}" for r in task["spec"]["results"]}
    values = {**SAMPLES, **defaults, **results, **overrides}
    return [REFERENCE.sub(lambda m: values[m[1]], text) for text in our_step(task)["args"]]


def our_step(task: dict[str, Any]) -> dict[str, Any]:
    """The step that runs the command of the Task's name: the last one, in nearly all Tasks the only one."""
    *before, last = task["spec"]["steps"]
    assert not before or task["metadata"]["name"] == "sign-image"
    return dict(last)


def entrypoint(task: dict[str, Any]) -> Any:
    return importlib.import_module(f"steps.{task['metadata']['name'].replace('-', '_')}")


def test_there_are_the_tasks_of_the_specification() -> None:
    """The six that it names, the way back to Git, the build, test and signature, and what events start."""
    assert [path.stem for path in TASK_FILES] == [
        "task-buildah-build",
        "task-create-deployment-configmaps",
        "task-deploy-workload",
        "task-fetch-values",
        "task-fleet-readiness",
        "task-generate-or-use-imageset",
        "task-get-current-image",
        "task-publish-to-git",
        "task-sign-image",
        "task-smoke-test-image",
        "task-start-run",
        "task-update-image-configmap",
    ]


@each_task
def test_file_task_command_script_and_module_have_one_name(path: Path) -> None:
    task = only(path)
    name = task["metadata"]["name"]
    step = our_step(task)
    assert path.name == f"task-{name}.yaml"
    assert step["name"] == name
    assert step["command"] == [name]
    assert PROJECT["scripts"][name] == f"steps.{name.replace('-', '_')}:main"
    assert callable(entrypoint(task).main)


@each_task
def test_the_arguments_of_the_yaml_parse_with_the_defaults(path: Path) -> None:
    task = only(path)
    entrypoint(task).parse(rendered_arguments(task))


@each_task
def test_the_arguments_parse_without_workspaces(path: Path) -> None:
    task = only(path)
    unbound = {}
    for name in named(task["spec"].get("workspaces")):
        unbound[f"workspaces.{name}.path"] = ""
        # Seen on the real Tekton: of a workspace that is not bound, this one is left as it stands.
        unbound[f"workspaces.{name}.claim"] = f"$(workspaces.{name}.claim)"
    entrypoint(task).parse(rendered_arguments(task, **unbound))


@each_task
def test_declared_results_are_those_that_the_entrypoint_writes(path: Path) -> None:
    task = only(path)
    declared = tuple(named(task["spec"]["results"]))
    assert set(declared) == set(entrypoint(task).RESULTS)
    arguments = our_step(task)["args"]
    assert [a for a in arguments if a.startswith("--result-")] == [
        f"--result-{name}=$(results.{name}.path)" for name in declared
    ]


@each_task
def test_every_parameter_and_workspace_is_declared_and_used(path: Path) -> None:
    spec = only(path)["spec"]
    body = {key: value for key, value in spec.items() if key not in {"params", "results", "workspaces"}}
    used = references(body)
    assert {u.split(".")[1] for u in used if u.startswith("params.")} == set(named(spec.get("params")))
    assert {u.split(".")[1] for u in used if u.startswith("workspaces.")} == set(
        named(spec.get("workspaces"))
    )


@each_task
def test_each_argument_is_one_element_that_cannot_become_an_option(path: Path) -> None:
    for argument in our_step(only(path))["args"]:
        assert re.fullmatch(r"--[A-Za-z][\w-]*=.*", argument), argument


@each_task
def test_everything_is_described(path: Path) -> None:
    task = only(path)
    spec = task["spec"]
    assert spec["description"]
    for group in ("params", "results", "workspaces"):
        for item in spec.get(group, []):
            assert item["description"].strip(), item
            assert group == "workspaces" or item["type"] == "string"
    for name in [*named(spec.get("params")), *named(spec.get("workspaces"))]:
        assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name)
    assert task["metadata"]["labels"]["app.kubernetes.io/part-of"] == "oc-mirror-pipeline"
    for key in ("pipelines.minVersion", "displayName", "categories", "tags", "platforms"):
        assert task["metadata"]["annotations"][f"tekton.dev/{key}"]


@each_task
def test_the_pod_is_restricted_and_has_no_shell_text(path: Path) -> None:
    spec = only(path)["spec"]
    template = spec["stepTemplate"]
    assert template["securityContext"] == {
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert not any("script" in step or "securityContext" in step for step in spec["steps"][1:])
    assert "script" not in spec["steps"][0]
    assert template["image"] == "$(params.task-image)"


@each_task
def test_resources_are_bounded_where_it_matters(path: Path) -> None:
    resources = only(path)["spec"]["stepTemplate"]["computeResources"]
    assert resources["requests"]["memory"] == resources["limits"]["memory"]
    assert resources["requests"]["cpu"]
    assert "cpu" not in resources["limits"]


@each_task
def test_versions_agree(path: Path) -> None:
    task = only(path)
    assert task["apiVersion"] == "tekton.dev/v1"
    assert task["metadata"]["labels"]["app.kubernetes.io/version"] == PROJECT["version"]
    image = named(task["spec"]["params"])["task-image"]["default"]
    assert image.endswith(f":v{PROJECT['version']}")


@each_task
def test_secrets_are_optional_read_only_files(path: Path) -> None:
    spec = only(path)["spec"]
    for volume in spec["volumes"]:
        for source in ("secret", "configMap"):
            if source in volume:
                assert volume[source]["optional"] is True
                mounts = [*spec["stepTemplate"].get("volumeMounts", [])]
                mounts += [mount for step in spec["steps"] for mount in step.get("volumeMounts", [])]
                assert named(mounts)[volume["name"]]["readOnly"] is True
    assert not any("valueFrom" in variable for variable in spec["stepTemplate"]["env"])


def test_the_image_that_was_built_gets_neither_the_key_nor_a_login_nor_a_token() -> None:
    spec = only(TEKTON / "task-sign-image.yaml")["spec"]
    assert "volumeMounts" not in spec["stepTemplate"]
    listing, signing = spec["steps"]
    assert listing["image"] == "$(params.image)"
    assert "image" not in signing  # that of the Task
    mounted = {mount["mountPath"]: mount["name"] for mount in listing["volumeMounts"]}
    token = "/var/run/secrets/kubernetes.io/serviceaccount"
    assert mounted == {"/tmp": "tmp-of-built-image", "/sbom": "sbom", token: "no-token"}
    shared = set(mounted.values()) & set(named(signing["volumeMounts"]))
    assert shared == {"sbom"}
    assert named(signing["volumeMounts"])["sbom"]["readOnly"] is True


def test_the_command_that_lists_the_image_takes_what_its_step_gives() -> None:
    listing, _signing = only(TEKTON / "task-sign-image.yaml")["spec"]["steps"]
    name, *given = listing["command"]
    assert PROJECT["scripts"][name] == "steps.list_image_contents:main"
    list_image_contents.parse([REFERENCE.sub(lambda found: SAMPLES[found[1]], text) for text in given])
