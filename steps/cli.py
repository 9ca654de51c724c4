"""What all entrypoints share: the parser, logging, and the way an error reaches a person.

Arguments are machine-written (`--name=$(params.name)`), so the parser refuses abbreviations and answers
a mistake in two lines, what is wrong and what to do, like every other error.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import shutil
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NoReturn, Protocol, TextIO, TypeVar

from steps.errors import StepError, UsageError
from steps.results import write_results

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

log = logging.getLogger("steps")


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are `UsageError`s."""

    def __init__(self, prog: str, description: str | None) -> None:
        """Name the command and show `description` (a module's docstring) in its help."""
        super().__init__(
            prog=prog,
            description=description,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        """Raise UsageError; argparse would print the whole usage, which buries the wrong argument."""
        raise UsageError(f"{self.prog}: {message}", f"see '{self.prog} --help' for its arguments")


class _WithResults(Protocol):
    """Parsed arguments of a Task, with the files that its results go to."""

    @property
    def results(self) -> Mapping[str, Path | None]: ...


def columns(stream: TextIO) -> int | None:
    """Return how many columns the terminal of `stream` has; None where it is none, as in a pod's log."""
    return shutil.get_terminal_size().columns if stream.isatty() else None


Inputs = TypeVar("Inputs")
TaskInputs = TypeVar("TaskInputs", bound=_WithResults)


@dataclass(frozen=True, slots=True)
class Entrypoint(Generic[Inputs]):
    """What a console script calls: `parse` makes typed arguments of argv, `run` does the work with them.

    `run` returns text for standard output, or None.
    """

    parse: Callable[[list[str]], Inputs]
    run: Callable[[Inputs], str | None]

    def perform(self, argv: list[str]) -> None:
        """Parse, run, and print what `run` returns. Raises StepError."""
        text = self.run(self.parse(argv))
        if text is not None:
            sys.stdout.write(f"{text}\n")

    def __call__(self, argv: list[str] | None = None) -> int:
        """Perform; print an expected error in two lines; return the exit code.

        The last line of a pod's log is what people read, so the hint comes last. SIGTERM exits with 143 as
        the shell convention has it, after `finally` clauses have run.
        """
        logging.basicConfig(
            level=os.environ.get("LOG_LEVEL", "INFO"), format="%(message)s", stream=sys.stderr
        )
        signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
        try:
            self.perform(sys.argv[1:] if argv is None else argv)
        except StepError as error:
            log.error("ERROR: %s\n  hint: %s", error.reason, error.hint)  # noqa: TRY400 - expected
            return error.exit_code
        except KeyboardInterrupt:
            return 130
        finally:
            # The process ends: a last search for cycles among a library's objects would take 0.1 s of CPU.
            gc.freeze()
        return 0


def entrypoint(
    parse: Callable[[list[str]], Inputs], run: Callable[[Inputs], str | None]
) -> Entrypoint[Inputs]:
    """Make the `main` of a command whose `run` returns text for standard output, or None."""
    return Entrypoint(parse, run)


def task_entrypoint(
    parse: Callable[[list[str]], TaskInputs], run: Callable[[TaskInputs], Mapping[str, str]]
) -> Entrypoint[TaskInputs]:
    """Make the `main` of a Task: the results that `run` returns go to the files that `results` names."""

    def run_and_write(given: TaskInputs) -> None:
        write_results(given.results, run(given))

    return Entrypoint(parse, run_and_write)
