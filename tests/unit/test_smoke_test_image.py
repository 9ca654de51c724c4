"""What smoke-test-image says of programs that start and of those that do not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from steps import smoke_test_image
from steps.errors import StartError
from tests.contract.tekton_files import PROJECT


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH, with a program for each command that answers as it should."""
    for command in smoke_test_image.commands():
        write(tmp_path / command[0], f"echo usage: {command[0]}")
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def write(path: Path, text: str) -> None:
    path.write_text(f"#!{os.path.realpath('/bin/sh')}\n{text}\n")
    path.chmod(0o755)


def test_every_command_of_ours_is_tried() -> None:
    tried = {command[0] for command in smoke_test_image.commands()}
    assert tried == {*PROJECT["scripts"], "git", "oc-mirror"}


def test_an_image_whose_commands_start_passes(programs: Path, tmp_path: Path) -> None:
    assert programs == tmp_path
    smoke_test_image.main.perform([f"--result-commands={tmp_path}/result"])
    assert (tmp_path / "result").read_text() == str(len(smoke_test_image.commands()))


def test_all_that_is_wrong_is_said_at_once(programs: Path) -> None:
    write(programs / "mirror", "echo broken import >&2; exit 1")
    write(programs / "deploy-workload", "echo hello")
    (programs / "git").unlink()
    with pytest.raises(StartError) as caught:
        smoke_test_image.run(smoke_test_image.parse([]))
    for words in (
        "'mirror --help' ends with exit code 1 (broken import)",
        "'deploy-workload --help' does not show its usage",
        "'git' cannot be started",
    ):
        assert words in caught.value.reason
