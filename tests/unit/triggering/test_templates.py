"""Which PipelineRun an event starts, and the errors of unusable templates."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from steps.errors import InvalidInputError, NotFoundError
from steps.triggering.templates import Template, read_template
from tests.contract.tekton_files import TEKTON, documents

COMMIT = "a" * 40
SPEC: dict[str, Any] = {
    "pipelineRef": {"name": "oc-mirror-deployment-pipeline"},
    "params": [
        {"name": "values-git-url", "value": "https://example.com/values.git"},
        {"name": "values-git-revision", "value": "main"},
        {"name": "deploy-mode", "value": "cronjob"},
    ],
}


def read(document: object, run: str = "deployment") -> Template:
    text = document if isinstance(document, str) else yaml.safe_dump(document)
    configmap = {"data": {f"{run}.yaml": text}}
    return read_template(configmap, run=run, name="runs", namespace="here")


def manifest(spec: dict[str, Any] = SPEC, occasion: str = "", attempt: int = 1) -> dict[str, Any]:
    template = read({"kind": "PipelineRun", "spec": spec})
    return template.manifest(commit=COMMIT, occasion=occasion, attempt=attempt, namespace="here")


def test_a_run_is_named_by_its_commit_and_carries_it_as_its_revision() -> None:
    run = manifest()
    assert run["metadata"]["name"].startswith(f"oc-mirror-deployment-{COMMIT[:12]}-")
    values = {parameter["name"]: parameter["value"] for parameter in run["spec"]["params"]}
    assert values == {
        "values-git-url": "https://example.com/values.git",
        "values-git-revision": COMMIT,
        "deploy-mode": "cronjob",
    }


def test_the_same_event_asks_for_the_same_run_and_any_other_for_another() -> None:
    other = {**SPEC, "params": [*SPEC["params"][:2], {"name": "deploy-mode", "value": "job"}]}
    assert manifest() == manifest()
    found = [manifest(), manifest(other), manifest(occasion="tick-1"), manifest(attempt=2)]
    assert len({run["metadata"]["name"] for run in found}) == len(found)


def test_names_stay_short_enough_for_the_pods_that_are_named_after_them() -> None:
    template = read({"kind": "PipelineRun", "spec": SPEC}, run="a" * 20)
    run = template.manifest(commit=COMMIT, occasion="", attempt=99, namespace="here")
    assert len(run["metadata"]["name"]) <= 63


def test_the_template_itself_stays_as_it_is() -> None:
    before = yaml.safe_dump(SPEC)
    manifest()
    assert yaml.safe_dump(SPEC) == before


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("a: [", "no valid YAML"),
        ("just text", "no PipelineRun"),
        ({"kind": "Pipeline", "spec": SPEC}, "no PipelineRun"),
        ({"kind": "PipelineRun"}, "names no Pipeline"),
        ({"kind": "PipelineRun", "spec": {**SPEC, "pipelineRef": {}}}, "names no Pipeline"),
        ({"kind": "PipelineRun", "spec": {**SPEC, "params": "x"}}, "no list of names and values"),
        ({"kind": "PipelineRun", "spec": {**SPEC, "params": SPEC["params"][1:]}}, "no repository and branch"),
        (
            {"kind": "PipelineRun", "spec": {**SPEC, "params": [{"name": "git-url", "value": ["x"]}]}},
            "no repository and branch",
        ),
    ],
)
def test_what_is_no_template_is_refused_in_words(document: object, words: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read(document)
    assert words in caught.value.reason
    assert "here/runs" in caught.value.reason


@pytest.mark.parametrize("configmap", [None, {"data": {"build.yaml": "x"}}])
def test_a_missing_template_names_those_that_are_there(configmap: dict[str, Any] | None) -> None:
    with pytest.raises(NotFoundError) as caught:
        read_template(configmap, run="deployment", name="runs", namespace="here")
    assert "deployment.yaml" in caught.value.reason
    assert ("build" if configmap else "none") in caught.value.hint


def test_the_templates_that_are_shipped_can_be_used() -> None:
    (configmap,) = documents(TEKTON / "triggers" / "20-runs.yaml")
    runs = {key.removesuffix(".yaml") for key in configmap["data"]}
    assert runs == {"deployment", "build"}
    for run in runs:
        template = read_template(configmap, run=run, name="runs", namespace="here")
        assert template.revision == "main"
