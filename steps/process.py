"""Other programs: started from argument lists, watched line by line, ended for certain.

The only importer of subprocess. A program runs in a process group of its own, since oc-mirror 4.19 and 4.20
start the real work in a second process that a signal to the first would not reach.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steps.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

GRACE = 20.0
"""Seconds between SIGTERM and SIGKILL: less than the 30 that Kubernetes leaves a pod by default."""

UMASK = 0o022
"""What oc-mirror asks for; files of other modes make it warn, and fail a second user of the volume."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a short-lived program said."""

    exit_code: int
    output: str
    errors: str


def ask(command: Sequence[str], *, environment: Mapping[str, str], timeout: float = 60.0) -> Answer:
    """Run a short-lived program for at most `timeout` seconds and return its exit code and output.

    Raises NotFoundError if it cannot be started or does not end in time.
    """
    with _start(command, environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        try:
            output, errors = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            _end(child, grace=1.0)
            raise NotFoundError(
                f"'{command[0]}' gave no answer within {timeout:g} s",
                "run the same command by hand to see what it waits for",
            ) from None
        except BaseException:
            _end(child, grace=1.0)
            raise
    return Answer(exit_code=child.returncode, output=output, errors=errors)


def stream(
    command: Sequence[str],
    *,
    each_line: Callable[[str], None],
    environment: Mapping[str, str],
    keep_open: Iterable[int] = (),
    grace: float = GRACE,
) -> int:
    """Run a program, hand over each line of its output (both streams, in order) and return its exit code.

    A negative code is the number of the signal that killed it. `keep_open` are file descriptors that it
    inherits, so that a lock outlives us as long as the program does. Whatever ends the waiting, SIGTERM
    included, ends the program: SIGTERM first, SIGKILL `grace` seconds later. Raises NotFoundError if it
    cannot be started.
    """
    with _start(
        command, environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=tuple(keep_open)
    ) as child:
        try:
            assert child.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
            for line in child.stdout:
                each_line(line.rstrip("\n"))
            return child.wait()
        except BaseException:
            _end(child, grace=grace)
            raise


def _start(command: Sequence[str], environment: Mapping[str, str], **settings: Any) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(
            list(command),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            umask=UMASK,
            **settings,
        )
    except OSError as error:
        raise NotFoundError(
            f"'{command[0]}' cannot be started: {error.strerror}",
            "install it, or name the executable file with its full path",
        ) from error


def _end(child: subprocess.Popen[str], *, grace: float) -> None:
    """End the whole process group; a second signal while waiting only shortens the wait."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
    try:
        child.wait(grace)
    except subprocess.TimeoutExpired:
        pass
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
