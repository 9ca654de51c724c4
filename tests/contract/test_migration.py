"""What migrate-check names is there: every parameter it translates to, every Task it says is replaced."""

from __future__ import annotations

import yaml

from steps.migration import decisions, translation
from steps.parameters.value_kinds import Workflow
from tests.contract.tekton_files import PIPELINE_FILES, TASK_FILES

WORKLOAD = {"deploy-mode", "schedule", "time-zone", "workflow", "memory", "storage-size", "storage-class"}


def test_every_translated_parameter_is_one_of_the_deployment_pipeline() -> None:
    pipelines = {path.stem: yaml.safe_load(path.read_text()) for path in PIPELINE_FILES}
    declared = {param["name"] for param in pipelines["deployment-pipeline"]["spec"]["params"]}
    assert {*translation.SAME, *WORKLOAD} <= declared
    assert set(translation.WORKFLOWS.values()) <= set(Workflow)


def test_every_task_of_ours_is_known_to_take_an_old_ones_place() -> None:
    assert {path.stem.removeprefix("task-") for path in TASK_FILES} <= decisions.OUR_TASKS
