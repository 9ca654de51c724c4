"""What `mirror` does instead of a workflow, it does alone."""

from __future__ import annotations

from itertools import combinations

import pytest

from steps import mirror
from steps.errors import UsageError
from steps.parameters.contradictions import ACTIONS
from steps.parameters.parameter import Group
from steps.parameters.table import of_command
from steps.parameters.table.workflow import WORKFLOW

ALONE = {
    "export": "x",
    "import": "x",
    "acknowledge": "x",
    "forget-target": "r.example.com",
    "verify": "x",
    "changes": "2",
    "verify-target": "true",
}
MORE = {"verify-target": "--target-registry=r.example.com"}


def parsed(*names: str, more: str = "") -> mirror.Inputs:
    given = [f"--{name}={ALONE[name]}" for name in names] + [MORE[name] for name in names if name in MORE]
    return mirror.parse([*given, *filter(None, [more]), *([] if "verify" in names else ["--data=data"])])


def test_every_parameter_that_stands_instead_of_a_workflow_is_known() -> None:
    assert {one.name for one in ACTIONS} == ALONE.keys() == set(WORKFLOW.not_beside)
    only = {one.name for one in of_command("mirror") if one.help.startswith("Only ")}
    assert only == ALONE.keys(), "the help of each begins so"
    assert {one.group for one in ACTIONS} <= {Group.CARRYING, Group.CHANGES, Group.UPKEEP}


def test_a_target_may_be_verified_on_a_schedule() -> None:
    assert parsed("verify-target", more="--schedule=0 2 * * *").schedule is not None


@pytest.mark.parametrize("name", sorted(ALONE.keys() - MORE.keys()))
def test_each_is_taken_alone_and_refused_on_a_schedule_and_beside_a_check(name: str) -> None:
    parsed(name)
    with pytest.raises(UsageError, match=f"{name} is done once: leave schedule out"):
        parsed(name, more="--schedule=0 2 * * *")
    with pytest.raises(UsageError, match=f"{name} and check are both given: do one after the other"):
        parsed(name, more="--check")


@pytest.mark.parametrize(("first", "second"), list(combinations(ALONE, 2)))
def test_two_of_them_are_refused(first: str, second: str) -> None:
    with pytest.raises(UsageError, match=f"{first} and {second} are both given: do one after the other"):
        parsed(first, second)


def test_three_of_them_are_named_together() -> None:
    with pytest.raises(UsageError, match="export and verify and changes are all given"):
        parsed("verify", "changes", "export")


@pytest.mark.parametrize(
    ("names", "more", "form"),
    [
        (["changes"], "", "text"),
        (["changes"], "--json", "json"),
        (["changes"], "--markdown", "markdown"),
        (["verify"], "--json", "json"),
    ],
)
def test_an_answer_has_one_form(names: list[str], more: str, form: str) -> None:
    assert parsed(*names, more=more).form == form


@pytest.mark.parametrize(
    ("names", "more", "said"),
    [
        (["verify"], "--markdown", "markdown is a form of what --changes prints: give it too"),
        (["export"], "--json", "json is a form of what --verify or --changes prints"),
    ],
)
def test_a_form_without_an_answer_is_refused(names: list[str], more: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parsed(*names, more=more)


def test_two_forms_of_an_answer_are_refused() -> None:
    with pytest.raises(UsageError, match="json and markdown are both given"):
        mirror.parse(["--changes", "--data=data", "--json", "--markdown"])
