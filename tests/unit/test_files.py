"""Files that are whole or not there, names that last, and what kills leave."""

from __future__ import annotations

import ast
import fcntl
import os
import shutil
from pathlib import Path

import pytest

from steps import files
from steps.files import make_folder, remove_unfinished, rename, write_atomically
from tests.conftest import ROOT

LEFT = (
    ".run.json.ab12cd_9.unfinished",
    ".cache-dir.ab12cd_9",
    ".contents.json.gz.ab12cd_9",
    ".x.yaml.ab12cd_9",
)
NOT_OURS = (
    ".mirror_000001.tar.AbC123",  # rsync's
    ".x.json.swp",
    ".history-2026-11-23T06:37:37Z",
    "run.json.ab12cd_9",
    "notes.unfinished",
    ".partial",
    ".x.tar.ab12cd_9",
)
RENAMING = {"rename", "replace", "renames", "move"}
ALLOWED = {
    "steps/files.py": "the one place",
    "steps/repository.py": "a checkout that is lost is fetched again",
    "steps/mirroring/checks/volume.py": "a trial",
    "steps/mirroring/store/cache.py": "what a loss of power takes comes from the archive again",
}
"""Modules that rename by themselves, and why they may."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which names were given and what was brought to the disk, in order."""
    seen: list[str] = []
    fsync, replace = os.fsync, os.replace

    def spy_fsync(descriptor: int) -> None:
        seen.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        fsync(descriptor)

    def spy_replace(source: Path, target: Path) -> None:
        seen.append(f"rename {target.name}")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(os, "replace", spy_replace)
    return seen


def test_a_file_is_on_the_disk_before_its_name_and_its_folder_after_it(
    tmp_path: Path, calls: list[str]
) -> None:
    write_atomically(tmp_path / "a/b/file", "text")
    *folders, content, name, folder = calls
    assert folders == [f"sync {tmp_path.name}", "sync a"]
    assert content.startswith("sync .file.")
    assert (name, folder) == ("rename file", "sync b")
    assert (tmp_path / "a/b/file").read_text() == "text"


def test_a_folder_is_on_the_disk_with_those_in_it_before_its_name(tmp_path: Path, calls: list[str]) -> None:
    (tmp_path / "from/new/deep").mkdir(parents=True)
    (tmp_path / "to").mkdir()
    rename(tmp_path / "from/new", tmp_path / "to/last")
    assert calls[:3] == ["sync new", "sync deep", "rename last"]
    assert set(calls[3:]) == {"sync from", "sync to"}


def test_only_one_module_gives_names_that_have_to_last() -> None:
    found = set()
    for path in (ROOT / "steps").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            owner, name = ast.unparse(node.func.value), node.func.attr
            by_system = owner in {"os", "shutil"} and name in RENAMING
            by_path = name == "rename" or (name == "replace" and len(node.args) == 1 and not node.keywords)
            if owner != "files" and (by_system or by_path):
                found.add(str(path.relative_to(ROOT)))
    assert found == ALLOWED.keys() | found & {"steps/files.py"}


def test_what_a_kill_left_goes_and_nothing_else(tmp_path: Path) -> None:
    for name in (*LEFT, *NOT_OURS, "run.json"):
        (tmp_path / name).touch()
        (tmp_path / "deep/er").mkdir(parents=True, exist_ok=True)
        (tmp_path / "deep/er" / name).touch()
    (tmp_path / ".link.json.ab12cd_9.unfinished").symlink_to("run.json")
    (tmp_path / "outside").symlink_to(tmp_path / "deep")
    trial = tmp_path / ".trial.ab12cd_9.unfinished"
    trial.mkdir()
    (trial / "file").touch()
    remove_unfinished(tmp_path)
    stay = {*NOT_OURS, "run.json", ".link.json.ab12cd_9.unfinished", "outside", "deep"}
    assert {path.name for path in tmp_path.iterdir()} == stay
    assert {path.name for path in (tmp_path / "deep/er").iterdir()} == {*LEFT, *NOT_OURS, "run.json"}
    remove_unfinished(tmp_path, deep=True)
    assert {path.name for path in (tmp_path / "deep/er").iterdir()} == {*NOT_OURS, "run.json"}
    remove_unfinished(tmp_path / "nowhere")


def test_what_another_process_is_writing_stays(tmp_path: Path) -> None:
    path = tmp_path / LEFT[0]
    with path.open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        remove_unfinished(tmp_path)
        assert path.exists()
    remove_unfinished(tmp_path)
    assert not path.exists()


def test_a_writer_is_not_robbed_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process cleans up between any two steps of writing."""
    hold = files.hold

    def cleaned_before_it_is_locked(descriptor: int) -> bool | None:
        monkeypatch.setattr(files, "hold", hold)
        remove_unfinished(tmp_path)
        return hold(descriptor)

    monkeypatch.setattr(files, "hold", cleaned_before_it_is_locked)
    renamed = os.replace

    def cleaned_before_it_is_named(source: Path, target: Path) -> None:
        remove_unfinished(tmp_path)
        renamed(source, target)

    monkeypatch.setattr(os, "replace", cleaned_before_it_is_named)
    write_atomically(tmp_path / "file", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "text"


def test_of_the_machines_temporary_folders_only_ours_that_nobody_holds_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name in (
        ".git.abcdefgh.unfinished",
        ".other.abcdefgh.unfinished",
        ".git.json.abcdefgh",
        "git-abcdefgh",
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    (tmp_path / ".git.abcdefg2.unfinished").symlink_to(tmp_path / "git-abcdefgh")
    with files.scratch("git") as held, files.scratch("git") as other:
        assert held.is_dir()
        assert other.is_dir()
        left = {path.name for path in tmp_path.iterdir()} - {held.name, other.name}
    assert left == {
        ".other.abcdefgh.unfinished",
        ".git.json.abcdefgh",
        "git-abcdefgh",
        ".git.abcdefg2.unfinished",
    }
    assert {path.name for path in tmp_path.iterdir()} == left
    assert (tmp_path / "git-abcdefgh/file").exists()


def test_a_folder_is_made_once(tmp_path: Path, calls: list[str]) -> None:
    make_folder(tmp_path / "a")
    make_folder(tmp_path / "a")
    assert calls == [f"sync {tmp_path.name}"]
    shutil.rmtree(tmp_path / "a")
    (tmp_path / "a").touch()
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "a")
