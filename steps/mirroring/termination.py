"""The last word of a run, where Kubernetes shows it: the pod's termination message.

The pods use FallbackToLogsOnError too, which takes the log's last lines; a file written by us says it
shorter, and says it on success as well.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from steps.mirroring.store.runs import RUNNING

if TYPE_CHECKING:
    from pathlib import Path

    from steps.mirroring.store.runs import Run

LIMIT = 4096
"""Bytes that the kubelet keeps (k8s.io/kubernetes, pkg/kubelet/container/runtime.go)."""


def write(path: Path, text: str) -> None:
    """Write `text` to the termination log, if there is one: outside a pod nothing is written anywhere."""
    if not path.exists() or not os.access(path, os.W_OK):
        return
    with suppress(OSError):  # a verdict that cannot be left is not a failure of the run
        path.write_bytes(text.encode()[:LIMIT])


def of_run(path: Path, run: Run) -> None:
    """Write the record of a run that has ended, as JSON."""
    if run.state != RUNNING:
        write(path, run.bounded(LIMIT))
