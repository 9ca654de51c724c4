"""The ConfigMap oc-mirror-settings: options that few need, as `data: {name: value}`.

deploy-workload checks it; the pod mounts it, where it exists, and `mirror` reads it at each start. What an
argument says wins. Which parameters may stand there is said by the table.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from steps.parameters import table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CONFIGMAP: Final = "oc-mirror-settings"


def read(folder: Path) -> dict[str, str]:
    """Read a ConfigMap as it is mounted: a file for each key. Without the folder nothing is set.

    Kubernetes keeps its own files there, whose names begin with `..`. A byte that is no UTF-8 is replaced, so
    that the check of the value refuses it.
    """
    if not folder.is_dir():
        return {}
    files = (file for file in folder.iterdir() if not file.name.startswith("..") and file.is_file())
    return {file.name: file.read_text(errors="replace") for file in sorted(files)}


def check(data: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return what is set, without what is left empty, and a sentence for each key or value that is wrong."""
    known = table.settings()
    right: dict[str, str] = {}
    problems: list[str] = []
    for name, value in data.items():
        text = value.strip()
        try:
            if name not in known:
                problems.append(f"ConfigMap {CONFIGMAP}: {name} {_unknown(name, list(known))}")
            elif text:
                known[name].parse(text)
                right[name] = text
        except ValueError as error:
            problems.append(f"ConfigMap {CONFIGMAP}: {name} {error}")
    return right, problems


def _unknown(name: str, known: list[str]) -> str:
    if any(parameter.name == name for parameter in table.TABLE):
        return "cannot be set there; give it as a parameter"
    near = difflib.get_close_matches(name, known, n=1)
    meant = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return f"is no setting; {meant}"
