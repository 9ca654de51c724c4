"""The real values files and catalog listings of the shared data; nothing of it is copied here."""

from __future__ import annotations

import os
from pathlib import Path

from steps.autoshift.policies import is_policy_file
from steps.yaml.source import SourceFile
from tests.conftest import unavailable

_BESIDE = Path(__file__).resolve().parents[4] / "shared" / "data"
DATA = Path(os.environ.get("SHARED_DATA", _BESIDE))


def need_data() -> None:
    """Skip where the shared data is absent; fail where every layer is required."""
    if not DATA.is_dir():
        unavailable(f"the real values and catalogs are not at {DATA} (SHARED_DATA)")


def values(layout: str, *paths: str) -> list[SourceFile]:
    need_data()
    return [SourceFile(path, (DATA / "autoshift" / layout / path).read_bytes()) for path in paths]


def policies(layout: str) -> list[SourceFile]:
    need_data()
    root = DATA / "autoshift" / layout
    paths = sorted(str(path.relative_to(root)) for path in root.rglob("*.yaml"))
    return [SourceFile(path, (root / path).read_bytes()) for path in paths if is_policy_file(path)]


def catalog(index: str, minor: str) -> dict[str, str]:
    """Return package -> default channel of e.g. `redhat-operator-index` for `4.18`."""
    need_data()
    lines = (DATA / "catalogs" / f"{index}-v{minor}.txt").read_text().splitlines()
    return {line.split()[0]: line.split()[-1] for line in lines if line.strip()}
