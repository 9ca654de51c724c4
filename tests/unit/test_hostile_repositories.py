"""Real repositories that are made to fill a disk, to take for ever, or to do something when fetched."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from steps import git_command, git_files, repository
from steps.errors import GitError, InvalidInputError
from steps.git_access import Credentials, Origin, ParameterNames
from steps.git_command import Git, GitFailedError, GitTimeoutError
from steps.repository import checkout, head
from steps.tree import Tree
from tests.conftest import GitRepository
from tests.testbed.gitserver import serving
from tests.testbed.waiting import wait_until
from tests.unit.oci.silent import Silent

NAMES = ParameterNames(url="source-url", revision="source-revision", credentials="source-secret")
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def origin(url: str) -> Origin:
    return Origin(url, "main", Credentials(), NAMES)


def stored(repository: GitRepository, kind: str, content: bytes) -> str:
    """Store an object as it is, right or wrong; return its name."""
    done = subprocess.run(
        ["git", "hash-object", "-t", kind, "-w", "--literally", "--stdin"],
        cwd=repository.path,
        input=content,
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().strip()


def tree_of(repository: GitRepository, *entries: tuple[str, bytes, str]) -> str:
    """A tree of entries (mode, name, object), which may be no valid one."""
    content = b"".join(f"{mode} ".encode() + name + b"\0" + bytes.fromhex(o) for mode, name, o in entries)
    return stored(repository, "tree", content)


def committed(repository: GitRepository, tree: str) -> Origin:
    """Make `tree` the files of the branch main."""
    stored(repository, "tree", b"")
    repository.git("update-ref", "refs/heads/main", repository.git("commit-tree", "-m", "x", tree))
    return origin(f"file://{repository.path}")


def refusal(given: Origin, workspace: Path) -> GitError:
    """Fetch, which must be refused within a moment, even of a busy machine, and leave nothing behind."""
    begun = time.monotonic()
    with pytest.raises(GitError) as caught:
        checkout(given, workspace)
    assert list(workspace.iterdir()) == []
    assert time.monotonic() - begun < 120
    return caught.value


def bomb(repository: GitRepository, leaf: tuple[str, bytes, str], *, times: int, levels: int) -> Origin:
    """A few trees, each of which has the one before it under many names."""
    tree = tree_of(repository, leaf)
    for _level in range(levels):
        tree = tree_of(repository, *(("40000", b"%04d" % n, tree) for n in range(times)))
    return committed(repository, tree)


def test_more_files_than_a_checkout_may_have_are_counted_and_not_written(
    git_repository: GitRepository, tmp_path: Path
) -> None:
    blob = stored(git_repository, "blob", b"x: 1\n")
    error = refusal(bomb(git_repository, ("100644", b"a.yaml", blob), times=150, levels=2), tmp_path / "w")
    assert error.reason.endswith("has 22,500 YAML files, more than 20,000; nothing is checked out")
    assert error.hint == "give the values a repository of their own, and name it as source-url"


@pytest.mark.parametrize("empty", [True, False])
def test_a_few_trees_that_stand_for_billions_of_entries_are_refused(
    empty: bool, git_repository: GitRepository, tmp_path: Path
) -> None:
    blob = stored(git_repository, "blob", b"x: 1\n")
    leaf = ("40000", b"a", stored(git_repository, "tree", b"")) if empty else ("100644", b"a.txt", blob)
    error = refusal(bomb(git_repository, leaf, times=100, levels=6), tmp_path / "w")
    assert "more than 1,000,000 files and folders" in error.reason


@pytest.mark.parametrize("filters", ["true", "false"])
def test_files_are_measured_before_they_are_written(
    filters: str, git_repository: GitRepository, tmp_path: Path
) -> None:
    """136 MB that are 140 kB on their way, from a server that can leave files out and one that cannot."""
    git_repository.commit({f"z{number}.yaml": b"0" * (13 << 20) + b"%d" % number for number in range(10)})
    git_repository.git("config", "core.bigFileThreshold", "1m")  # no deltas: they would only take time here
    git_repository.git("config", "uploadpack.allowFilter", filters)
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "values.git").symlink_to(git_repository.path / ".git")
    with serving(tmp_path / "served") as server:
        error = refusal(origin(server.repository_url("values")), tmp_path / "w")
    assert "10 YAML files of 136,314,890 bytes in all, more than 134,217,728" in error.reason
    assert "with 13,631,489" in error.reason


def test_a_file_that_no_reader_would_take_is_left_out_and_named(
    git_repository: GitRepository, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    git_repository.commit({"a.yaml": "x: 1\n", "crds/large.yaml": b"0" * (17 << 20)})
    _, folder = checkout(origin(f"file://{git_repository.path}"), tmp_path / "w")
    assert Tree(folder).paths == ("a.yaml",)
    assert "Left out of the checkout: crds/large.yaml (18 MB)" in caplog.text


def test_a_transfer_ends_at_its_limit(
    git_repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_command, "RECEIVED", 256 << 10)
    git_repository.commit({"a.yaml": "x: 1\n", "large.bin": os.urandom(4 << 20)})
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "values.git").symlink_to(git_repository.path / ".git")
    with serving(tmp_path / "served") as server:
        error = refusal(origin(server.repository_url("values")), tmp_path / "w")
    assert type(error) is GitError, "another attempt would end alike"
    assert error.reason.startswith("the Git server sends more than 536,870,912 bytes")


def test_what_takes_too_much_memory_is_said(
    git_repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A delta: its base and its result are held whole."""
    monkeypatch.setattr(git_command, "MEMORY", 40 << 20)
    zeros = b"0" * (24 << 20)
    git_repository.commit({"a.yaml": zeros + b"a", "b.yaml": zeros + os.urandom(20000)})
    git_repository.git("repack", "-a", "-d", "--quiet")
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "values.git").symlink_to(git_repository.path / ".git")
    with serving(tmp_path / "served") as server:
        error = refusal(origin(server.repository_url("values")), tmp_path / "w")
    assert error.reason.startswith("git needs more than the 201,326,592 bytes of memory"), error.reason


@pytest.mark.parametrize("act", ["checkout", "head"])
def test_a_server_that_never_answers_is_left_in_time(
    act: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        *((repository, "FETCH_SECONDS") if act == "checkout" else (git_command, "SECONDS")), 0.5
    )
    with Silent() as server:
        given = origin(f"http://{server.host}/a.git")
        begun = time.monotonic()
        with pytest.raises(GitError, match=r"does not finish within 0\.5 s: http://127\.0\.0\.1") as caught:
            checkout(given, tmp_path) if act == "checkout" else head(given)
        assert time.monotonic() - begun < 10
        assert "git ls-remote" in caught.value.hint


def program(folder: Path) -> Git:
    return Git(folder, {"GIT_CONFIG_NOSYSTEM": "1"})


def test_what_git_started_ends_with_it(tmp_path: Path) -> None:
    alias = f"alias.x=!sleep 60 & echo $! > {tmp_path}/pid; sleep 60"
    for seconds in (0.5, 5, 30):  # a busy machine may not have started it before the end
        with pytest.raises(GitTimeoutError):
            program(tmp_path).ask("-c", alias, "x", seconds=seconds)
        if (tmp_path / "pid").is_file() and (child := (tmp_path / "pid").read_text().strip()):
            break
    stat = Path(f"/proc/{child}/stat")
    wait_until("its end", lambda: not stat.exists() or " Z " in stat.read_text(), timeout=30, interval=0.01)


def test_an_answer_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_command, "ANSWER", 1000)
    with pytest.raises(GitFailedError, match="more than 1,000 bytes"):
        program(tmp_path).ask("-c", "alias.x=!yes", "x")


def test_errors_without_end_do_not_fill_the_memory(tmp_path: Path) -> None:
    with pytest.raises(GitFailedError) as caught:
        program(tmp_path).ask("-c", "alias.x=!head -c 3000000 /dev/zero >&2; echo last >&2; exit 1", "x")
    assert caught.value.stderr.endswith("last\n")
    assert len(caught.value.stderr) <= git_command._ERRORS


def test_nothing_of_a_repository_has_an_effect(git_repository: GitRepository, tmp_path: Path) -> None:
    """Attributes, filters, submodules: the files are the committed bytes, and nothing is started."""
    blob = "$Id$ ü\n".encode()
    git_repository.commit({"a.yaml": blob, "sub/b.yaml": "x: 1\n"})
    git_repository.git("config", "core.attributesFile", "/dev/null")
    submodule = f'[submodule "s"]\n\tpath = s\n\turl = ext::touch% {tmp_path}/started\n'
    attributes = "*.yaml ident eol=crlf working-tree-encoding=UTF-16 filter=lfs diff=lfs merge=lfs\n"
    for name, content in ((".gitattributes", attributes), (".gitmodules", submodule)):
        written = stored(git_repository, "blob", content.encode())
        git_repository.git("update-index", "--add", "--cacheinfo", f"100644,{written},{name}")
    commit = git_repository.git("rev-parse", "HEAD")
    git_repository.git("update-index", "--add", "--cacheinfo", f"160000,{commit},s")
    given = committed(git_repository, git_repository.git("write-tree"))
    _, folder = checkout(given, tmp_path / "w")
    assert (folder / "a.yaml").read_bytes() == blob
    assert Tree(folder).paths == ("a.yaml", "sub/b.yaml")
    assert not (folder / "s").exists()
    assert not (tmp_path / "started").exists()


def test_a_users_template_brings_no_hook(
    git_repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = tmp_path / "template" / "hooks"
    hooks.mkdir(parents=True)
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
        (hooks / name).chmod(0o755)
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(hooks.parent))
    git_repository.commit({"a.yaml": "x: 1\n"})
    checkout(origin(f"file://{git_repository.path}"), tmp_path / "w")
    assert not (tmp_path / "started").exists()


def test_links_are_kept_and_lead_nowhere_outside(git_repository: GitRepository, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (git_repository.path / "out.yaml").symlink_to("/etc/passwd")
    (git_repository.path / "in.yaml").symlink_to("a.yaml")
    git_repository.commit({"a.yaml": "x: 1\n"})
    _, folder = checkout(origin(f"file://{git_repository.path}"), tmp_path / "w")
    assert Tree(folder).read("in.yaml") == b"x: 1\n"
    with pytest.raises(InvalidInputError, match="a link that leads out"):
        Tree(folder).read("out.yaml")


def test_nothing_is_written_through_a_link(git_repository: GitRepository, tmp_path: Path) -> None:
    """A tree with one name twice: a link that leads out, and a folder with files and links."""
    outside = tmp_path / "outside"
    outside.mkdir()
    blob = stored(git_repository, "blob", b"x: 1\n")
    link = stored(git_repository, "blob", str(outside).encode())
    for mode in ("100644", "120000"):
        inner = tree_of(git_repository, (mode, b"b.yaml", blob))
        tree = tree_of(git_repository, ("120000", b"a.yaml", link), ("40000", b"a.yaml", inner))
        error = refusal(committed(git_repository, tree), tmp_path / "w")
        assert "File exists" in error.reason
        assert list(outside.iterdir()) == []


@pytest.mark.parametrize("name", [b"..", b".git", b".GIT", b".", b"x\ny", b"\xff", b"\x1b[2J"])
def test_a_name_that_is_no_name_is_left_out(
    name: bytes, git_repository: GitRepository, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blob = stored(git_repository, "blob", b"x: 1\n")
    inner = tree_of(git_repository, ("100644", b"b.yaml", blob))
    tree = tree_of(git_repository, ("100644", b"a.yaml", blob), ("40000", name, inner))
    _, folder = checkout(committed(git_repository, tree), tmp_path / "w")
    assert [str(path.relative_to(folder)) for path in folder.rglob("*")] == ["a.yaml"]
    assert "Left out of the checkout: '" in caplog.text
    assert caplog.text.isascii()
    assert sorted(path.name for path in (tmp_path / "w").iterdir()) == [folder.name]


@pytest.mark.parametrize("depth", [git_files.DEEPEST + 1, 5_000])
def test_folders_in_folders_have_an_end(depth: int, git_repository: GitRepository, tmp_path: Path) -> None:
    path = "d/" * depth + "a.yaml"
    commit = "commit refs/heads/main\ncommitter t <t@example.com> 0 +0000\ndata 0\n"
    given = f"{commit}M 100644 inline {path}\ndata 0\n\n".encode()
    subprocess.run(["git", "fast-import", "--quiet"], cwd=git_repository.path, input=given, check=True)
    error = refusal(origin(f"file://{git_repository.path}"), tmp_path / "w")
    assert f"and {depth:,} folders, more than 1,024 or 64" in error.reason
