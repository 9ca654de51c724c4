"""A release up to its tag: what it writes, what it refuses, and that it goes on wherever it was ended."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.conftest import ROOT

CHANGELOG = """# Changelog

## Unreleased

### Added

- Charts are mirrored.

### Fixed

## 0.1.0 - 2026-01-02

- The first one.
"""
FILES = {
    ".gitignore": "build/\n__pycache__/\n",
    "pyproject.toml": '[project]\nname = "x"\nversion = "0.1.0"\n',
    "Containerfile": "ARG VERSION=0.1.0\nARG OC_MIRROR_VERSION=4.22.16\n",
    "tekton/task-x.yaml": 'app.kubernetes.io/version: "0.1.0"\ndefault: "a/oc-mirror-autoshift:v0.1.0"\n',
    "requirements.txt": "other==0.1.0\n",
    "CHANGELOG.md": CHANGELOG,
}
# What is built does not matter here: the release ends at the first program that builds.
NO_BUILD = "#!/bin/sh\necho nothing is built here >&2; exit 1\n"
# Ends the release, and itself, before or after the call of git with the number of the file `at`.
DEADLY_GIT = """#!/bin/sh
echo >> {folder}/calls
number=$(wc -l < {folder}/calls)
[ "$number" = "$(cat {folder}/before)" ] && kill -9 $PPID && exit 137
{git} "$@"; code=$?
[ "$number" = "$(cat {folder}/after)" ] && kill -9 $PPID
exit $code
"""


@dataclass(frozen=True)
class Project:
    """A small repository with the program that releases it."""

    root: Path
    programs: Path

    def git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.root), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def release(self, version: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(self.root / "tekton" / "release.py"), version]
        path = f"{self.programs}:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    def text(self, name: str) -> str:
        return (self.root / name).read_text()

    def commit(self, name: str, text: str) -> None:
        (self.root / name).write_text(text)
        self.git("commit", "--quiet", "--all", "--message=change")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Somebody")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "somebody@example.com")
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("buildah", "skopeo", "go"):
        write_program(programs / name, NO_BUILD)
    made = Project(tmp_path / "project", programs)
    (made.root / "tekton").mkdir(parents=True)
    for name, text in FILES.items():
        (made.root / name).write_text(text)
    for name in ("release.py", "sbom.py"):
        shutil.copy(ROOT / "tekton" / name, made.root / "tekton" / name)
    made.git("init", "--quiet", "--initial-branch=main")
    made.git("add", ".")
    made.git("commit", "--quiet", "--message=first")
    return made


def write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def check_released(project: Project) -> None:
    """Version 0.2.0 is committed once, tagged and checked out; nothing else is left."""
    assert project.git("log", "--format=%s") == "Release 0.2.0\nfirst"
    assert project.git("rev-parse", "v0.2.0^{commit}") == project.git("rev-parse", "main")
    assert project.git("cat-file", "-t", "v0.2.0") == "tag"
    assert project.git("branch", "--show-current") == "main"
    assert not project.git("status", "--porcelain")
    assert len(project.git("worktree", "list").splitlines()) == 1
    for name in ("pyproject.toml", "Containerfile", "tekton/task-x.yaml"):
        assert project.text(name) == FILES[name].replace("0.1.0", "0.2.0")
    assert project.text("requirements.txt") == FILES["requirements.txt"]
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    dated = f"## Unreleased\n\n## 0.2.0 - {today}\n\n### Added\n\n- Charts are mirrored.\n\n## 0.1.0 "
    assert re.sub(r"\d{4}-\d\d-\d\d", today, project.text("CHANGELOG.md")).count(dated) == 1


def test_a_release_is_one_commit_with_version_and_day_and_a_tag(project: Project) -> None:
    done = project.release("0.2.0")
    assert "main is at v0.2.0, commit " in done.stdout
    check_released(project)
    assert (
        done.stderr == "release: buildah bud --format=oci failed with exit code 1:\nnothing is built here\n"
    )
    assert done.returncode == 1
    again = project.release("0.2.0")
    assert "main is at v0.2.0 already" in again.stdout
    check_released(project)


def dirty(project: Project) -> None:
    (project.root / "new.txt").write_text("new")


def tagged(project: Project) -> None:
    project.git("tag", "--annotate", "--message=x", "v0.2.0")
    project.commit("Containerfile", "ARG VERSION=0.2.0\n")


def later_tag(project: Project) -> None:
    project.git("tag", "v0.10.0")


def later_version(project: Project) -> None:
    project.commit("pyproject.toml", '[project]\nversion = "0.3.0"\n')


def no_entry(project: Project) -> None:
    project.commit("CHANGELOG.md", CHANGELOG.replace("- Charts are mirrored.\n", ""))


def no_section(project: Project) -> None:
    project.commit("CHANGELOG.md", CHANGELOG.replace("## Unreleased\n", ""))


def detached(project: Project) -> None:
    project.git("checkout", "--quiet", "--detach")


@pytest.mark.parametrize(
    ("prepare", "version", "said"),
    [
        (dirty, "0.2.0", "the work tree has changes; commit them, or stash them:\n?? new.txt"),
        (tagged, "0.2.0", "v0.2.0 exists already, at commit "),
        (later_tag, "0.2.0", "0.2.0 is not newer than v0.10.0, the newest tag"),
        (later_tag, "0.10.0-rc.1", "0.10.0-rc.1 is not newer than v0.10.0, the newest tag"),
        (later_version, "0.2.0", "0.2.0 is older than 0.3.0 in pyproject.toml"),
        (no_entry, "0.2.0", "CHANGELOG.md has no entry under “Unreleased”: say what users will notice"),
        (no_section, "0.2.0", "CHANGELOG.md has no heading “## Unreleased”"),
        (detached, "0.2.0", "no branch is checked out"),
        (dirty, "", "“” is no version: give three numbers, as in VERSION=0.2.0"),
        (dirty, "v0.2.0", "“v0.2.0” is no version"),
    ],
)
def test_what_cannot_be_released_is_refused_and_nothing_changes(
    project: Project, prepare: Callable[[Project], None], version: str, said: str
) -> None:
    prepare(project)
    before = (
        project.git("for-each-ref"),
        project.git("rev-parse", "HEAD"),
        project.git("status", "--porcelain"),
    )
    done = project.release(version)
    assert done.returncode == 1
    assert done.stderr.startswith(f"release: {said}"), done.stderr
    after = (
        project.git("for-each-ref"),
        project.git("rev-parse", "HEAD"),
        project.git("status", "--porcelain"),
    )
    assert after == before
    assert len(project.git("worktree", "list").splitlines()) == 1


def test_a_first_release_may_have_the_version_that_is_there(project: Project) -> None:
    project.release("0.1.0")
    assert project.git("tag") == "v0.1.0"


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_release_that_is_killed_at_any_call_of_git_goes_on(
    project: Project, moment: str, tmp_path: Path
) -> None:
    first = project.git("rev-parse", "HEAD")
    git = shutil.which("git")
    ended = 0
    for number in range(1, 40):
        project.git("reset", "--quiet", "--hard", first)
        subprocess.run(
            ["git", "-C", str(project.root), "tag", "-d", "v0.2.0"], capture_output=True, check=False
        )
        (tmp_path / "calls").unlink(missing_ok=True)
        for when in ("before", "after"):
            (tmp_path / when).write_text(str(number if when == moment else 0))
        write_program(project.programs / "git", DEADLY_GIT.format(folder=tmp_path, git=git))
        killed = project.release("0.2.0").returncode == -9
        (project.programs / "git").unlink()
        if not killed:
            break  # every call up to the end of the release had its turn
        ended += 1
        project.release("0.2.0")
        check_released(project)
    assert ended > 12
