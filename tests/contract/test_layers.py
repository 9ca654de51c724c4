"""The last lines of `make test`: what passed, what it cost, and what must not be overlooked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import layers
from tests.layers import Layer, Outcome, is_well, read, show

REPORT = """\
<testsuites><testsuite>
<testcase classname="tests.a" name="test_quick" time="0.5"/>
<testcase classname="tests.a" name="test_slow" time="12.25"/>
<testcase classname="tests.b" name="test_broken" time="1"><failure message="x"/></testcase>
<testcase classname="tests.b" name="test_absent" time="0"><skipped message="no cluster"/></testcase>
</testsuite></testsuites>
"""


@pytest.fixture
def outcome(tmp_path: Path) -> Outcome:
    """A layer with two tests that passed, one that failed and one that was skipped; over its budget."""
    (tmp_path / "report.xml").write_text(REPORT)
    found = Outcome(Layer("unit", "everything", 60), seconds=75.4)
    read(tmp_path / "report.xml", found)
    return found


def test_a_report_is_counted(outcome: Outcome) -> None:
    assert (outcome.passed, outcome.failed, outcome.skipped) == (2, 1, {"no cluster": 1})
    assert outcome.tests["tests.a::test_slow"] == 12.25


def test_the_slowest_come_first_and_what_did_not_run_is_loud(
    outcome: Outcome, capsys: pytest.CaptureFixture[str]
) -> None:
    show([outcome])
    printed = capsys.readouterr().out
    assert printed.index("test_slow") < printed.index("test_broken") < printed.index("test_quick")
    assert "2 passed   1 failed   1 skipped" in printed
    assert "!!! THE LAYER 'unit' IS 15 s OVER ITS BUDGET of 60 s" in printed
    assert "!!! 1 test(s) of the layer 'unit' DID NOT RUN: no cluster" in printed


def test_a_layer_over_its_budget_is_still_green() -> None:
    assert is_well(Outcome(Layer("unit", "", 60), seconds=75, passed=1), required=True)


@pytest.mark.parametrize(
    "changed", [{"failed": 1}, {"skipped": {"no cluster": 1}}, {"passed": 0}, {"well": False}], ids=str
)
def test_a_required_layer_is_red_when_something_failed_or_did_not_run(changed: dict[str, object]) -> None:
    given: dict[str, object] = {"passed": 1, **changed}
    assert not is_well(Outcome(Layer("unit", "", 60), **given), required=True)  # type: ignore[arg-type]


def test_a_layer_that_may_be_absent_is_green_without_its_tests() -> None:
    assert is_well(Outcome(Layer("cluster", "", 60), skipped={"no cluster": 3}), required=False)


def test_an_unknown_layer_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert layers.main(["unti"]) == 2
    assert "there is no layer unti; there are: unit, contract, cluster" in capsys.readouterr().err
