"""The Tekton files as data, for the tests of this folder."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT

TEKTON = ROOT / "tekton"
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TASK_FILES = sorted(TEKTON.glob("task-*.yaml"))
# Without a step of ours: it builds the image that ours run in.
BUILD_TASK = TEKTON / "task-buildah-build.yaml"
STEP_TASK_FILES = [path for path in TASK_FILES if path != BUILD_TASK]
PIPELINE_FILES = sorted(TEKTON.glob("*-pipeline.yaml"))
RUN_FILES = sorted((TEKTON / "runs").glob("*.yaml"))
REFERENCE = re.compile(r"\$\(([^()]+)\)")


def documents(path: Path) -> list[dict[str, Any]]:
    """All objects of a file."""
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def only(path: Path) -> dict[str, Any]:
    """The one object of a file."""
    (document,) = documents(path)
    return document


def strings(value: object) -> Iterator[str]:
    """Every text anywhere in a structure."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from strings(part)


def references(value: object) -> set[str]:
    """Every `$(…)` anywhere in a structure, without the brackets and without the `[*]` of an array."""
    return {found.removesuffix("[*]") for text in strings(value) for found in REFERENCE.findall(text)}


def named(items: list[dict[str, Any]] | None) -> dict[str, dict[str, Any]]:
    """A list of named things by their names."""
    return {item["name"]: item for item in items or []}
