"""The table of parameters agrees with itself, with the Tekton files, and with the code that reads it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from steps.parameters import arguments, places, shared_settings
from steps.parameters.parameter import Parameter
from steps.parameters.table import MODULES, TABLE, content, other_commands
from steps.parameters.table.schedule import SCHEDULE, TIME_ZONE
from tests.conftest import ROOT
from tests.contract.tekton_files import STEP_TASK_FILES, named, only

each_parameter = pytest.mark.parametrize("parameter", TABLE, ids=lambda parameter: parameter.name)
each_task = pytest.mark.parametrize("path", STEP_TASK_FILES, ids=lambda path: path.stem)


def test_every_module_of_the_table_is_in_it() -> None:
    """Another module of the folder would be imported by name, and its parameters be none of any command."""
    there = {path.stem for path in (ROOT / "steps" / "parameters" / "table").glob("*.py")} - {"__init__"}
    assert Counter(module.__name__.rpartition(".")[2] for module in MODULES) == Counter(there)


def test_the_tekton_files_are_those_of_the_table() -> None:
    done = subprocess.run(
        [sys.executable, "tekton/generate.py", "--check"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert not done.returncode, done.stderr


def test_a_name_stands_once_in_each_pipeline_task_and_command() -> None:
    for kind in ("pipelines", "tasks", "commands"):
        found = Counter((place, parameter.name) for parameter in TABLE for place in getattr(parameter, kind))
        assert not [entry for entry, times in found.items() if times > 1], kind


def test_the_namespace_that_a_run_is_in_has_one_name() -> None:
    found = {parameter.name for parameter in TABLE if "taskRun.namespace" in parameter.task_argument}
    assert found == {other_commands.OLD_PIPELINE_NAMESPACE.name}


def test_every_place_is_known() -> None:
    known = {value for name, value in vars(places).items() if name.isupper() and isinstance(value, str)}
    for parameter in TABLE:
        found = {*parameter.pipelines, *parameter.tasks, *parameter.commands, *parameter.wired}
        assert found, parameter.name
        assert found <= known, parameter.name
        assert set(parameter.needed_in) <= found, parameter.name


@each_parameter
def test_every_default_is_a_right_value(parameter: Parameter[Any]) -> None:
    if parameter.default is not None and not parameter.repeatable:
        parameter.parse(parameter.default)
    if parameter.task_default is not None:
        parameter.parse(parameter.task_default)


@each_task
def test_a_task_gives_its_command_every_argument(path: Path) -> None:
    """Not taken from the generator: what the command takes against what the file passes."""
    task = only(path)
    name = task["metadata"]["name"]
    results = tuple(named(task["spec"]["results"]))
    taken = {
        option
        for action in arguments.parser(name, None, results=results)._actions
        for option in action.option_strings
    }
    by_hand = {
        f"--{parameter.name}" for parameter in TABLE if parameter.by_hand and name in parameter.commands
    }
    passed = {argument.partition("=")[0] for argument in task["spec"]["steps"][-1]["args"]}
    assert passed == taken - by_hand - {"-h", "--help"}


@each_parameter
def test_what_a_task_hands_on_is_a_parameter_of_its_pipeline_or_wired(parameter: Parameter[Any]) -> None:
    pipelines = {places.DEPLOYMENT, places.PUBLISHING, places.ASKING, places.BUILD}
    if not parameter.pipelines and not pipelines & set(parameter.wired):
        assert set(parameter.tasks) == set(parameter.wired)
    assert set(parameter.wired) - pipelines <= set(parameter.tasks)


@each_parameter
def test_what_shapes_the_imageset_is_given_to_all_that_make_it(parameter: Parameter[Any]) -> None:
    if places.GENERATE in parameter.tasks:
        assert places.CREATE in parameter.tasks
    if places.GENERATE in parameter.commands and not parameter.by_hand:
        assert places.CREATE in parameter.commands
        assert parameter is content.VALUES_GIT_REVISION or places.PREVIEW in parameter.commands


@each_parameter
def test_what_the_workload_passes_on_is_taken_by_mirror(parameter: Parameter[Any]) -> None:
    if parameter.where.to_mirror:
        assert {places.DEPLOY, places.PREVIEW, places.MIRROR} <= set(parameter.commands)
    if parameter.pod_argument or parameter.oc_mirror or parameter.setting:
        assert places.MIRROR in parameter.commands
    if (
        places.DEPLOY in parameter.commands
        and places.MIRROR in parameter.commands
        and not parameter.where.to_mirror
        and not parameter.pod_argument
    ):
        assert parameter in {SCHEDULE, TIME_ZONE}, "the pod must be told"


@each_parameter
def test_a_setting_is_not_given_unless_somebody_gives_it(parameter: Parameter[Any]) -> None:
    """So that the ConfigMap can say it: a Task's default must not count as given."""
    if parameter.setting:
        assert parameter.default is not None
        assert all(parameter.declared_default(place) == "" for place in parameter.tasks)
        assert not parameter.needed_in
        assert shared_settings.check({parameter.name: ""}) == ({}, [])


def constants(module: ModuleType) -> dict[str, Parameter[Any]]:
    return {name: value for name, value in vars(module).items() if isinstance(value, Parameter)}


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__)
def test_every_parameter_is_read(module: ModuleType) -> None:
    """By the command that takes it; what only Tasks have, or oc-mirror, is passed on by the table."""
    table = ROOT / "steps" / "parameters" / "table"
    code = "\n".join(path.read_text() for path in (ROOT / "steps").rglob("*.py") if path.parent != table)
    for name, parameter in constants(module).items():
        if parameter.commands and not parameter.oc_mirror:
            assert re.search(rf"\b{name}\b", code), f"{module.__name__}.{name} is read nowhere"
