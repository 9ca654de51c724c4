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
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, TextIO, TypeVar

from steps import log_lines
from steps.errors import FileError, StepError, UsageError
from steps.results import write_results

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
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

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; raises UsageError for an argument that is not known, with the one that may be meant."""
        found, unknown = self.parse_known_args(args, namespace)
        if problem := self.about_unknown(unknown):
            self.error(problem)
        return found

    def about_unknown(self, unknown: Sequence[str]) -> str:
        """Return what is wrong with arguments that are not known, and what may be meant; empty for none."""
        if not unknown:
            return ""
        return f"unrecognized arguments: {' '.join(unknown)}{self._meant(unknown)}"

    def _meant(self, unknown: Sequence[str]) -> str:
        """Return the question after the argument that the first unknown one is nearly, if there is one."""
        import difflib

        known = {option.replace("-", ""): option for option in self._option_string_actions}
        given = unknown[0].partition("=")[0].replace("-", "").replace("_", "").lower()
        near = difflib.get_close_matches(given, known, n=1, cutoff=0.75)
        return f"; did you mean {known[near[0]]}?" if near else ""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError; argparse would print the whole usage, which buries the wrong argument."""
        raise UsageError(f"{self.prog}: {message}", f"see '{self.prog} --help' for its arguments")


class _WithResults(Protocol):
    """Parsed arguments of a Task, with the files that its results go to."""

    @property
    def results(self) -> Mapping[str, Path | None]: ...


def columns(stream: TextIO | None) -> int | None:
    """Return how many columns the terminal of `stream` has; None where it is none, as in a pod's log."""
    return shutil.get_terminal_size().columns if stream and stream.isatty() else None


def say(text: str) -> None:
    """Write a text to standard output; a character that it cannot take is written as `\\u2192`.

    Raises FileError if standard output is closed or cannot be written.
    """
    hint = "let it lead to a terminal, a file or a program that reads all of it"
    if sys.stdout is None:
        raise FileError("standard output is closed", hint)
    try:
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except OSError as error:
        # The interpreter flushes once more at its end: what is left goes nowhere.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise FileError(f"standard output cannot be written: {error.strerror}", hint) from error


@dataclass(frozen=True, slots=True)
class Answer:
    """A text for standard output, with the exit code of a command that did its work."""

    text: str
    exit_code: int


Inputs = TypeVar("Inputs")
TaskInputs = TypeVar("TaskInputs", bound=_WithResults)


@dataclass(frozen=True, slots=True)
class Entrypoint(Generic[Inputs]):
    """What a console script calls: `parse` makes typed arguments of argv, `run` does the work with them.

    `run` returns text for standard output, with an exit code where that is not 0, or None. `dated_in_a_pod`:
    the lines of its log have a time and a level where it runs in a pod.
    """

    parse: Callable[[list[str]], Inputs]
    run: Callable[[Inputs], str | Answer | None]
    dated_in_a_pod: bool = False

    def perform(self, argv: list[str]) -> int:
        """Parse, run, print what `run` returns, and return the exit code. Raises StepError."""
        said = self.run(self.parse(argv))
        if said is None:
            return 0
        answer = Answer(said, 0) if isinstance(said, str) else said
        say(f"{answer.text}\n")
        return answer.exit_code

    def __call__(self, argv: list[str] | None = None) -> int:
        """Perform; print an expected error in two lines; return the exit code.

        The last line of a pod's log is what people read, so the hint comes last. SIGTERM exits with 143 as
        the shell convention has it, after `finally` clauses have run.
        """
        log_lines.set_up(os.environ, dated_in_a_pod=self.dated_in_a_pod)
        signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
        try:
            return self.perform(sys.argv[1:] if argv is None else argv)
        except StepError as error:
            log.error(log_lines.ERROR, error.reason, error.hint)  # noqa: TRY400 - expected
            return error.exit_code
        except OSError as error:
            if error.filename is None:  # not about a file: a defect
                raise
            failure = FileError(
                f"{error.filename2 or error.filename}: {error.strerror}",
                "check that path, who may read and write it, and the room on its volume",
            )
            log.error(log_lines.ERROR, failure.reason, failure.hint)  # noqa: TRY400 - expected
            return failure.exit_code
        except KeyboardInterrupt:
            return 130
        finally:
            # The process ends: a last search for cycles among a library's objects would take 0.1 s of CPU.
            gc.freeze()


def entrypoint(
    parse: Callable[[list[str]], Inputs],
    run: Callable[[Inputs], str | Answer | None],
    *,
    dated_in_a_pod: bool = False,
) -> Entrypoint[Inputs]:
    """Make the `main` of a command whose `run` returns text for standard output, or None."""
    return Entrypoint(parse, run, dated_in_a_pod)


def task_entrypoint(
    parse: Callable[[list[str]], TaskInputs], run: Callable[[TaskInputs], Mapping[str, str]]
) -> Entrypoint[TaskInputs]:
    """Make the `main` of a Task: the results that `run` returns go to the files that `results` names."""

    def run_and_write(given: TaskInputs) -> None:
        write_results(given.results, run(given))

    return Entrypoint(parse, run_and_write)
