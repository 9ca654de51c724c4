"""Other programs: their lines, their end, their children."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from steps import process
from steps.errors import NotFoundError
from tests.testbed.waiting import wait_until

SHELL = "/bin/sh"


def stream(script: str, lines: list[str], **more: float) -> int:
    return process.stream(
        [SHELL, "-c", script],
        each_line=lines.append,
        environment={"PATH": os.environ["PATH"]},
        **more,  # type: ignore[arg-type]
    )


def test_lines_of_both_streams_come_in_order() -> None:
    lines: list[str] = []
    assert stream("echo one; echo two >&2; printf three; exit 5", lines) == 5
    assert lines == ["one", "two", "three"]


def test_bytes_that_are_no_text_do_not_stop_it() -> None:
    lines: list[str] = []
    assert stream(r"printf 'a\377b\n'", lines) == 0
    assert lines == ["a�b"]


def test_a_signal_is_a_negative_code() -> None:
    assert stream("kill -9 $$", []) == -9


def test_the_program_has_the_umask_that_oc_mirror_wants() -> None:
    lines: list[str] = []
    stream("umask", lines)
    assert lines == ["0022"]


def test_what_interrupts_us_ends_the_program_and_its_children(tmp_path: Path) -> None:
    pids: list[int] = []

    def interrupt(line: str) -> None:
        pids.append(int(line))
        if len(pids) == 2:
            raise SystemExit(143)

    with pytest.raises(SystemExit):
        process.stream(
            [SHELL, "-c", "echo $$; sleep 60 & echo $!; wait"],
            each_line=interrupt,
            environment=dict(os.environ),
        )
    # They were told to end, and the kernel takes its time.
    wait_until(f"the end of {pids}", lambda: not any(map(_alive, pids)), timeout=30, interval=0.01)


def test_a_program_that_ignores_sigterm_is_killed_after_a_while() -> None:
    def interrupt(line: str) -> None:
        raise SystemExit(143)

    begun = time.monotonic()
    with pytest.raises(SystemExit):
        process.stream(
            [SHELL, "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"],
            each_line=interrupt,
            environment=dict(os.environ),
            grace=0.3,
        )
    assert 0.3 <= time.monotonic() - begun < 30


def test_a_program_that_does_not_exist_is_named() -> None:
    with pytest.raises(NotFoundError, match="'/nonexistent' cannot be started: No such file"):
        process.ask(["/nonexistent"], environment={})


def test_an_answer_that_does_not_come_is_not_waited_for() -> None:
    with pytest.raises(NotFoundError, match="no answer within"):
        process.ask([SHELL, "-c", "sleep 60"], environment=dict(os.environ), timeout=0.2)


def test_both_streams_of_an_answer_are_kept_apart() -> None:
    answer = process.ask([SHELL, "-c", "echo out; echo err >&2; exit 3"], environment=dict(os.environ))
    assert (answer.exit_code, answer.output, answer.errors) == (3, "out\n", "err\n")


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
