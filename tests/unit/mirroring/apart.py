"""`mirror` in a process of its own, which may be killed: a fork of one that has imported it.

To import it anew takes ten times as long as a run.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from steps.mirror import main

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])
NAMES = frozenset({"os.rename", "os.mkdir", "os.remove", "os.rmdir"})
"""The calls that change a name."""


@dataclass(frozen=True)
class Ended:
    """How a process ended, as `subprocess` says it, and what it wrote to stderr."""

    returncode: int
    stderr: str


def run(function: Callable[..., int], *arguments: Any) -> Ended:
    """Call a function of a module in a process of its own, in this environment; it returns the exit code."""
    with tempfile.NamedTemporaryFile() as errors:
        process = _CONTEXT.Process(target=_begin, args=(errors.name, dict(os.environ), function, arguments))
        process.start()
        process.join()
        code = process.exitcode
        process.close()
        assert code is not None
        return Ended(code, errors.read().decode())


def mirror(command: Sequence[str]) -> Ended:
    """Run `mirror`."""
    return run(_mirror, list(command))


def start(command: Sequence[str]) -> BaseProcess:
    """Start `mirror`; what it writes goes nowhere."""
    process = _CONTEXT.Process(target=_begin, args=(os.devnull, dict(os.environ), _mirror, [list(command)]))
    process.start()
    return process


def _mirror(command: list[str]) -> int:
    return main(command)


def _begin(errors: str, environment: dict[str, str], function: Callable[..., int], arguments: Any) -> None:
    for number, file in ((1, os.devnull), (2, errors)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_APPEND), number)
    os.environ.clear()
    os.environ.update(environment)
    sys.exit(function(*arguments))


def killed_at_step(data: Path, step: int, command: Sequence[str]) -> Ended:
    """Run `mirror` and kill it before its `step`th change of a name in DATA (0: never)."""
    return run(_count_names, str(data), step, "", list(command))


def steps_of(data: Path, command: Sequence[str]) -> tuple[Ended, int]:
    """Run `mirror` undisturbed, and count its changes of names in DATA."""
    with tempfile.NamedTemporaryFile() as file:
        ended = run(_count_names, str(data), 0, file.name, list(command))
        return ended, int(file.read())


def _count_names(data: str, step: int, file: str, command: list[str]) -> int:
    made = 0

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal made
        if event in NAMES:  # the last argument is a folder's descriptor, by which rmtree names files, or -1
            made += str(arguments[0]).startswith(data) or arguments[-1] not in {-1, None}
            if made == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    code = main(command)
    if file:
        Path(file).write_text(str(made))
    return code


def killed_at_file(word: str, step: int, command: Sequence[str]) -> Ended:
    """Run `mirror` and kill it before its `step`th change of a file with that word in its path."""
    return run(_count_files, word, step, list(command))


def _count_files(word: str, step: int, command: list[str]) -> int:
    made = 0

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal made
        if event in {"open", "os.rename", "os.mkdir", "os.remove"} and word in str(arguments[0]):
            made += event != "open" or arguments[2] & os.O_CREAT != 0
            if made == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    return main(command)
