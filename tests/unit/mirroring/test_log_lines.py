"""The log of `mirror` as it is read: in a pod, on a terminal, in a pipe."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

from steps.log_lines import last_error
from tests.unit.mirroring.conftest import MIRROR, Place, standin_only

DATED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (INFO |WARN |ERROR) ")
POD = {"KUBERNETES_SERVICE_HOST": "127.0.0.1"}
FAILS = {"STANDIN_FAIL": "additional"}
IN_VAIN = "--target-registry=registry.example.com/a"
"""An argument that workflow-to-disk warns of."""
RED, YELLOW = "\x1b[31m", "\x1b[33m"


def environment(**more: str) -> dict[str, str]:
    cleared = {"NO_COLOR", "LOG_LEVEL", "KUBERNETES_SERVICE_HOST"}
    return {
        **{name: value for name, value in os.environ.items() if name not in cleared},
        "TERM": "xterm",
        **more,
    }


def piped(*arguments: str, **more: str) -> list[str]:
    """What `mirror` writes into a pipe."""
    done = subprocess.run(
        [*MIRROR, *arguments], env=environment(**more), capture_output=True, text=True, check=False
    )
    return done.stderr.splitlines()


def on_a_terminal(*arguments: str, **more: str) -> str:
    """What `mirror` writes to a terminal."""
    master, slave = pty.openpty()
    with subprocess.Popen([*MIRROR, *arguments], env=environment(**more), stderr=slave, close_fds=True):
        os.close(slave)
        written = b""
        try:
            while part := os.read(master, 65536):
                written += part
        except OSError:  # how Linux says that the other end is closed
            pass
    os.close(master)
    return written.decode()


def test_every_line_of_a_pod_has_a_time_and_a_level_and_that_of_oc_mirror_is_not_repeated(
    connected: Place,
) -> None:
    lines = piped(*connected.command(), **POD)
    assert len(lines) > 10
    assert [line for line in lines if not DATED.match(line)] == []
    words = [DATED.sub("", line) for line in lines]
    assert any("workflow mode: mirrorToDisk" in line for line in words)
    assert not [line for line in words if re.search(r"\d{4}/\d\d/\d\d|\[INFO\]", line)]


@standin_only
def test_warnings_and_errors_are_told_apart(connected: Place) -> None:
    lines = piped(*connected.command(IN_VAIN), **POD, **FAILS)
    levels = {DATED.match(line)[1].strip() for line in lines}  # type: ignore[index]
    assert levels == {"INFO", "WARN", "ERROR"}
    reason, hint = lines[-2:]
    assert " ERROR oc-mirror ended with exit code" in reason
    assert " ERROR   hint: " in hint


def test_a_pipe_gets_the_text_alone(tmp_path: Path) -> None:
    reason, hint = piped(f"--data={tmp_path}", "--workflow=direct")
    assert reason.startswith("ERROR: ")
    assert hint.startswith("  hint: ")


@standin_only
def test_a_terminal_shows_colours_and_a_bar(connected: Place) -> None:
    shown = on_a_terminal(*connected.command(IN_VAIN), **FAILS)
    assert f"{RED}ERROR: oc-mirror ended" in shown
    assert YELLOW in shown
    assert "━" in shown


@standin_only
@pytest.mark.parametrize("more", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "a dumb terminal"])
def test_a_terminal_that_wants_neither_gets_neither(connected: Place, more: dict[str, str]) -> None:
    shown = on_a_terminal(*connected.command(IN_VAIN), **more, **FAILS)
    assert "ERROR: oc-mirror ended" in shown
    assert "\x1b" not in shown
    assert "━" not in shown


def test_a_level_that_does_not_exist_is_told_and_not_taken(tmp_path: Path) -> None:
    said = piped(f"--data={tmp_path}", "--workflow=direct", LOG_LEVEL="loud")
    assert said[0] == "LOG_LEVEL is none of DEBUG, INFO, WARNING, ERROR: INFO is taken"
    assert said[1].startswith("ERROR: ")


@pytest.mark.parametrize("pod", [True, False])
def test_an_error_is_found_again_in_the_log(tmp_path: Path, pod: bool) -> None:
    lines = piped(f"--data={tmp_path}", "--workflow=direct", **(POD if pod else {}))
    found = last_error("\n".join(["something before", *lines, ""]))
    assert found is not None
    reason, hint = found
    assert "did you mean 'workflow-direct'" in reason
    assert "'mirror --help' says what each takes" in hint


def test_a_log_without_an_error_has_none() -> None:
    assert last_error("2026-11-26T00:00:00Z INFO  all is well\nhint: none\n") is None
