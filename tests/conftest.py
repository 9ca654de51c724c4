"""What several layers of tests share."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings

from tests import requirements

ROOT = Path(__file__).resolve().parent.parent
REQUIRE_ALL_LAYERS = os.environ.get("REQUIRE_ALL_LAYERS") == "1"
PHASES = "PYTEST_PHASES"
"""The environment variable that names the file for the duration of every phase of every test."""


RUN = "PYTEST_RUN"
"""The environment variable that tells the passes of one run of the layers that they belong together."""

# A slow machine is no defect: no property is timed.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Let a test start only programs that tests/requirements.py names for its layer."""
    layer = item.path.relative_to(ROOT / "tests").parts[0]
    requirements.enforce(layer if layer in requirements.LAYERS else "")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Write how long a phase took: seconds, phase, outcome, worker, test."""
    if (file := os.environ.get(PHASES)) and "PYTEST_XDIST_WORKER" not in os.environ:
        worker = getattr(report, "worker_id", "-")
        with Path(file).open("a", encoding="utf-8") as phases:
            phases.write(
                f"{report.duration:.2f}\t{report.when}\t{report.outcome}\t{worker}\t{report.nodeid}\n"
            )


def unavailable(reason: str) -> NoReturn:
    """Skip a test for want of something outside the project; fail it where every layer is required."""
    if REQUIRE_ALL_LAYERS:
        pytest.fail(f"REQUIRE_ALL_LAYERS=1, but {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real values files and catalog listings, beside the checkout or where $SHARED_DATA says."""
    folder = Path(os.environ.get("SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        unavailable(f"there is no folder of real data at {folder} (set SHARED_DATA)")
    return folder


@dataclass(frozen=True)
class GitRepository:
    """A real repository with a work tree."""

    path: Path

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", *identity, *arguments], cwd=self.path, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, files: dict[str, str | bytes], message: str = "change") -> str:
        for name, content in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.git("add", "--all", ".")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def git_repository(tmp_path: Path) -> GitRepository:
    repository = GitRepository(tmp_path / "repository")
    repository.path.mkdir()
    repository.git("init", "--quiet", "--initial-branch=main")
    return repository
