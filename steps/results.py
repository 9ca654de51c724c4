"""Tekton results: small files whose paths arrive as arguments `--result-NAME=PATH`.

A result that a Task declares and does not write fails whoever reads it, so an entrypoint declares its
results once and writes all of them or none. Tekton keeps all results of a pod in its 4096-byte
termination message (tektoncd/pipeline docs/tasks.md, "Larger Results"); ours stay far below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steps.files import write_output

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LIMIT = 3072


def write_results(paths: Mapping[str, Path | None], values: Mapping[str, str]) -> None:
    """Write each value to the path declared for it; skip the values whose path is None.

    `paths` and `values` have the same keys: a result that one of them lacks is a defect of ours.
    """
    if paths.keys() != values.keys():
        raise ValueError(f"results declared {sorted(paths)} but written {sorted(values)}")
    size = sum(len(name) + len(value.encode()) for name, value in values.items())
    if size > LIMIT:
        raise ValueError(f"results of {size} bytes exceed {LIMIT}: pass large data as files")
    for name, path in paths.items():
        if path is not None:
            write_output(path, values[name])
