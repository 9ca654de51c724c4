"""The ground that all entrypoints stand on: arguments, errors, results, files."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from steps import cli, errors
from steps.files import write_atomically, write_output
from steps.results import LIMIT, write_results
from tests.conftest import ROOT


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


def test_an_unknown_or_abbreviated_argument_is_a_usage_error() -> None:
    parser = cli.Parser("x", None)
    parser.add_argument("--values-file-path")
    for argv in (["--values-file=a"], ["--nope=1"], ["stray"]):
        with pytest.raises(errors.UsageError):
            parser.parse_args(argv)


def test_results_are_written_without_a_newline_where_a_path_was_given(tmp_path: Path) -> None:
    paths = {"commit": None, "CHAINS-GIT_URL": tmp_path / "url"}
    write_results(paths, {"commit": "c", "CHAINS-GIT_URL": "u"})
    assert (tmp_path / "url").read_bytes() == b"u"
    assert sorted(tmp_path.iterdir()) == [tmp_path / "url"]


def test_an_undeclared_or_missing_result_is_a_defect(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="declared"):
        write_results({"a": None}, {"b": ""})
    with pytest.raises(ValueError, match="exceed"):
        write_results({"a": tmp_path / "a"}, {"a": "x" * LIMIT})
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("place", ["folder", "file/below", "/proc/nothing/here", "/proc/here"])
def test_an_output_that_cannot_be_written_is_an_error_with_its_path(tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    with pytest.raises(errors.FileError, match=f"{place} cannot be written: "):
        write_output(tmp_path / place, "text")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_any_file_that_cannot_be_used_is_an_expected_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def run(_argv: list[str]) -> None:
        (tmp_path / "gone").read_bytes()

    assert cli.entrypoint(list, run)([]) == 13
    assert f"ERROR: {tmp_path / 'gone'}: No such file or directory\n  hint: " in caplog.text

    def fail(_argv: list[str]) -> None:
        raise OSError("of no file")

    with pytest.raises(OSError, match="of no file"):
        cli.entrypoint(list, fail)([])


SAYING = "import sys; from steps import cli; sys.exit(cli.entrypoint(list, lambda argv: '→' * 100_000)([]))"


@pytest.mark.parametrize(
    ("redirection", "encoding", "code", "printed", "words"),
    [
        ("", "utf-8", 0, "→", ""),
        ("", "ascii", 0, "\\u2192", ""),
        ("", "latin-1", 0, "\\u2192", ""),
        (">&-", "utf-8", 13, "", "ERROR: standard output is closed\n  hint: "),
        (
            ">/dev/full",
            "utf-8",
            13,
            "",
            "ERROR: standard output cannot be written: No space left on device\n",
        ),
        ("| true", "utf-8", 13, "", "ERROR: standard output cannot be written: Broken pipe\n"),
    ],
)
def test_what_standard_output_does_is_no_traceback(
    redirection: str, encoding: str, code: int, printed: str, words: str
) -> None:
    done = subprocess.run(
        ["bash", "-c", f'set -o pipefail; "$0" -c "$1" {redirection}', sys.executable, SAYING],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding},
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout.strip()) == (code, printed * 100_000)
    assert done.stderr.startswith(words)
    assert done.stderr.count("\n") == 2 * bool(words)


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
