"""What can go wrong, each kind with its own exit code.

An error says what is wrong (`reason`) and what to do about it (`hint`); `cli.Entrypoint` prints both and
exits with `exit_code`. Anything that is not a `StepError` is a defect of ours and keeps its traceback.

    StepError
    ├── UsageError        2  an argument is unknown, missing or malformed
    ├── InvalidInputError 3  a file, label or object that a user wrote cannot be used
    ├── NotFoundError     4  something that was named does not exist
    ├── ConflictError     5  the state found contradicts what was asked for
    ├── RegistryError     6  a container registry refused or did not answer
    ├── GitError          7  a Git server, a repository or a forge refused or did not answer
    ├── MirrorError       8  oc-mirror failed
    ├── ClusterError      9  the Kubernetes API refused or did not answer
    ├── ForbiddenError   10  the account lacks a right
    ├── StartError       11  the workload, or a program of a new image, cannot start, or a Job has failed
    ├── NotMirroredError 12  oc-mirror ended well and left out a part of the ImageSet
    ├── FileError        13  a file, a folder or standard output cannot be read or written
    ├── DeadlineError    14  a run of the mirror was ended at its deadline
    ├── UntrustedError   15  a signature is missing, wrong, or by nobody who is trusted
    ├── HeldError        16  a run stopped before it published: its list of changes is not approved yet
    ├── NotReadyError    17  a cluster is not ready for its next step, or not known to be
    ├── LostError        18  a target has lost images that an earlier run had verified there
    └── ApprovalError    19  what was approved does not count: another list of changes or plan of deletion
                             lies there, or the plan is outdated
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


_CONTROL = re.compile(r"[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
"""Control characters (Unicode, Cc), line ends, and what turns the direction of writing (bidi)."""


def _line(text: str) -> str:
    return _CONTROL.sub(lambda found: " " if found[0].isspace() else "\N{REPLACEMENT CHARACTER}", text)


class StepError(Exception):
    """An expected failure: a reason, a hint, an exit code of its class."""

    exit_code = 1

    def __init__(self, reason: str, hint: str) -> None:
        """Keep `reason` (one line: what and where) and `hint` (one line: what to do).

        They may repeat names of others: what a terminal would obey is replaced, and each stays one line.
        """
        self.reason, self.hint = _line(reason), _line(hint)
        super().__init__(self.reason)


class UsageError(StepError):
    """An argument is unknown, missing or malformed."""

    exit_code = 2


class InvalidInputError(StepError):
    """A file, label or object that a user wrote cannot be used."""

    exit_code = 3


class NotFoundError(StepError):
    """Something that was named does not exist."""

    exit_code = 4


class ConflictError(StepError):
    """The state found contradicts what was asked for."""

    exit_code = 5


class RegistryError(StepError):
    """A container registry refused or did not answer."""

    exit_code = 6


class GitError(StepError):
    """A Git server, a repository or a forge refused or did not answer."""

    exit_code = 7


class MirrorError(StepError):
    """oc-mirror failed."""

    exit_code = 8

    def __init__(
        self,
        reason: str,
        hint: str,
        *,
        cause: str = "other",
        passing: bool = False,
        failed: Mapping[str, str] | None = None,
        wanted_by: Mapping[str, str] | None = None,
        blobs: Collection[str] = (),
    ) -> None:
        """Say more: the class of the failure (see `mirroring.ocmirror.reasons`), whether the same run may
        succeed later by itself, the images that failed, each with the class of its own failure, the
        operators and bundles that need such an image, in words, and the blobs that are damaged or missing,
        as far as they are named.
        """
        super().__init__(reason, hint)
        self.cause = cause
        self.passing = passing
        self.failed = dict(failed or {})
        self.wanted_by = dict(wanted_by or {})
        self.blobs = frozenset(blobs)


class NotMirroredError(MirrorError):
    """oc-mirror ended well and left out a part of what the ImageSet asks for."""

    exit_code = 12


class DeadlineError(MirrorError):
    """A run of the mirror was ended at its deadline."""

    exit_code = 14


class LostError(MirrorError):
    """A target has lost images that an earlier run had verified there."""

    exit_code = 18


class ClusterError(StepError):
    """The Kubernetes API refused or did not answer."""

    exit_code = 9


class ForbiddenError(ClusterError):
    """The account lacks a right."""

    exit_code = 10


class StartError(StepError):
    """The workload was created but cannot start or has failed, or a program of an image just built."""

    exit_code = 11


class FileError(StepError):
    """A file, a folder or standard output cannot be read or written."""

    exit_code = 13


class UntrustedError(StepError):
    """A signature is missing, wrong, or by nobody who is trusted."""

    exit_code = 15


class HeldError(StepError):
    """A run stopped before it published: its list of changes is not approved yet."""

    exit_code = 16


class NotReadyError(StepError):
    """A cluster is not ready for its next step, or not known to be."""

    exit_code = 17


class ApprovalError(StepError):
    """What was approved is not what lies there, a list of changes or plan of deletion, or is outdated."""

    exit_code = 19


def error_class(error: StepError) -> str:
    """Return the class of a failure in few words: oc-mirror's by `reasons`, others by the kind of error."""
    if isinstance(error, MirrorError):
        return error.cause
    words = re.findall(r"[A-Z][a-z]+", type(error).__name__.removesuffix("Error"))
    return " ".join(words).lower()
