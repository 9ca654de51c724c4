"""The ground that all entrypoints stand on: arguments, errors, results, files."""

from __future__ import annotations

import argparse
import os
import re
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps import cli, errors
from steps.files import write_atomically
from steps.results import LIMIT, result_paths, write_results


def subclasses(kind: type[errors.StepError]) -> list[type[errors.StepError]]:
    return [kind, *(deep for child in kind.__subclasses__() for deep in subclasses(child))]


def test_every_kind_of_error_has_an_exit_code_of_its_own() -> None:
    kinds = [kind for kind in subclasses(errors.StepError) if kind.__module__ == "steps.errors"]
    codes = [kind.exit_code for kind in kinds]
    assert len(set(codes)) == len(codes) > 10
    for kind in kinds[1:]:
        assert re.search(rf"{kind.__name__} +{kind.exit_code} ", errors.__doc__ or ""), kind


def test_an_expected_error_is_two_lines_and_its_exit_code(caplog: pytest.LogCaptureFixture) -> None:
    def run(_argv: list[str]) -> None:
        raise errors.NotFoundError("no such thing", "make one")

    assert cli.entrypoint(list, run)([]) == 4
    assert caplog.messages == ["ERROR: no such thing\n  hint: make one"]


def test_a_defect_keeps_its_traceback() -> None:
    def run(_argv: list[str]) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cli.entrypoint(list, run)([])


def test_sigterm_runs_finally_clauses_and_exits_143() -> None:
    ended = []

    def run(_argv: list[str]) -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        finally:
            ended.append(True)

    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as caught:
            cli.entrypoint(list, run)([])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert caught.value.code == 143
    assert ended


def test_a_command_prints_the_text_that_run_returns(capsys: pytest.CaptureFixture[str]) -> None:
    def run(argv: list[str]) -> str | None:
        return " ".join(argv) or None

    assert cli.entrypoint(list, run)(["a", "plan"]) == 0
    assert cli.entrypoint(list, run)([]) == 0
    assert capsys.readouterr().out == "a plan\n"


@dataclass
class Inputs:
    results: dict[str, Path | None]


def test_a_task_writes_the_results_that_run_returns(tmp_path: Path) -> None:
    def parse(argv: list[str]) -> Inputs:
        return Inputs({"commit": Path(argv[0])})

    assert cli.task_entrypoint(parse, lambda _given: {"commit": "abc"})([str(tmp_path / "commit")]) == 0
    assert (tmp_path / "commit").read_text() == "abc"


@pytest.mark.parametrize("text", ["yes", "True", "1", "", "TRUE", "false "])
def test_booleans_are_true_or_false_and_nothing_else(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        cli.boolean(text)


def test_an_unknown_or_abbreviated_argument_is_a_usage_error() -> None:
    parser = cli.Parser("x", None)
    parser.add_argument("--values-file-path")
    for argv in (["--values-file=a"], ["--nope=1"], ["stray"]):
        with pytest.raises(errors.UsageError):
            parser.parse_args(argv)


@pytest.mark.parametrize(("text", "value"), [("90", 90), ("60s", 60), ("5m", 300), ("1h", 3600), ("0", 0)])
def test_durations(text: str, value: int) -> None:
    assert cli.seconds(text) == value


@pytest.mark.parametrize("text", ["", "-1s", "1d", "1.5h", "s", "1 m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        cli.seconds(text)


@given(st.text(max_size=30))
def test_a_kubernetes_name_is_never_a_path_or_an_option(text: str) -> None:
    try:
        name = cli.kubernetes_name(text)
    except argparse.ArgumentTypeError:
        return
    assert name[0].isalnum()
    assert "/" not in name


def test_results_are_written_without_a_newline_where_a_path_was_given(tmp_path: Path) -> None:
    parser = cli.Parser("x", None)
    cli.add_results(parser, ("commit", "CHAINS-GIT_URL"))
    arguments = parser.parse_args([f"--result-CHAINS-GIT_URL={tmp_path / 'url'}"])
    write_results(
        result_paths(arguments, ("commit", "CHAINS-GIT_URL")), {"commit": "c", "CHAINS-GIT_URL": "u"}
    )
    assert (tmp_path / "url").read_bytes() == b"u"
    assert sorted(tmp_path.iterdir()) == [tmp_path / "url"]


def test_an_undeclared_or_missing_result_is_a_defect(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="declared"):
        write_results({"a": None}, {"b": ""})
    with pytest.raises(ValueError, match="exceed"):
        write_results({"a": tmp_path / "a"}, {"a": "x" * LIMIT})
    assert not (tmp_path / "a").exists()


def test_a_failed_write_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "file"
    write_atomically(target, "old")

    def refuse(_source: str, _target: Path) -> None:
        raise OSError("no")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="no"):
        write_atomically(target, "new")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]
