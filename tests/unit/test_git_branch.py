"""Proposing a change on a branch, to real repositories: over file://, and over HTTP with rights."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from steps.errors import ConflictError, GitError, InvalidInputError, UsageError
from steps.git_access import Credentials, Origin, ParameterNames
from steps.git_branch import Branch, Change, propose
from steps.tree import Tree
from tests.conftest import GitRepository
from tests.testbed.gitserver import serving

NAMES = ParameterNames(url="values-git-url", revision="publish-base", credentials="git-write-secret")
BRANCH = Branch(name="oc-mirror/registry", subject="Mirror it", author="Me <me@example.com>")
FILES = {"values.yaml": b"a: 2  # kept\r\n", "cluster-resources/r/idms.yaml": b"---\nkind: X\n"}


class Upstream:
    """A bare repository that people push to, and the work tree of one of them."""

    def __init__(self, work: GitRepository, bare: Path) -> None:
        self.work, self.bare = work, bare
        work.commit(
            {
                "values.yaml": b"a: 1  # kept\r\n",
                "other/big.bin": b"x" * 4096,
                "cluster-resources/r/itms.yaml": b"---\nkind: Old\n",
                "cluster-resources/other/idms.yaml": b"---\nkind: Other\n",
                "run.sh": b"#!/bin/sh\n",
            }
        )
        work.git("clone", "--quiet", "--bare", str(work.path), str(bare))
        for key in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
            self.git("config", key, "true")
        work.git("remote", "add", "origin", str(bare))

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.bare, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def push(self, *arguments: str) -> None:
        self.work.git("push", "--quiet", "origin", *arguments)

    def head(self, branch: str = BRANCH.name) -> str:
        return self.git("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}")

    def branches(self) -> list[str]:
        return self.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()

    def file(self, path: str, branch: str = BRANCH.name) -> bytes:
        found = subprocess.run(
            ["git", "show", f"{branch}:{path}"], cwd=self.bare, check=True, capture_output=True
        )
        return found.stdout

    def files(self, branch: str = BRANCH.name) -> list[str]:
        return self.git("ls-tree", "-r", "--name-only", branch).split("\n")

    def origin(self, revision: str = "main", url: str = "", secret: Path | None = None) -> Origin:
        return Origin(url or f"file://{self.bare}", revision, Credentials(secret), NAMES)


@pytest.fixture
def upstream(git_repository: GitRepository, tmp_path: Path) -> Upstream:
    return Upstream(git_repository, tmp_path / "values.git")


def wanted(files: dict[str, bytes] | None = None) -> Callable[[Tree], Change]:
    return lambda _tree: Change(files=FILES if files is None else files, folders=("cluster-resources/r",))


def test_a_change_is_one_commit_on_the_base(upstream: Upstream) -> None:
    seen = list[tuple[str, ...]]()

    def change(tree: Tree) -> Change:
        seen.append(tree.paths)
        assert tree.read("values.yaml") == b"a: 1  # kept\r\n"
        return wanted()(tree)

    found = propose(upstream.origin(), BRANCH, change)
    assert found.pushed
    assert found.base == "main"
    assert found.commit == upstream.head()
    assert found.paths == ("cluster-resources/r/idms.yaml", "cluster-resources/r/itms.yaml", "values.yaml")
    assert upstream.git("rev-parse", f"{BRANCH.name}~") == upstream.head("main")
    assert upstream.file("values.yaml") == FILES["values.yaml"]
    assert upstream.files() == [
        "cluster-resources/other/idms.yaml",
        "cluster-resources/r/idms.yaml",
        "other/big.bin",
        "run.sh",
        "values.yaml",
    ]
    assert (
        upstream.git("log", "-1", "--format=%an <%ae> %cn %s", BRANCH.name)
        == "Me <me@example.com> Me Mirror it"
    )
    assert "values.yaml" in seen[0]
    assert "run.sh" not in seen[0]


def test_a_base_may_be_named_in_full(upstream: Upstream) -> None:
    found = propose(upstream.origin("refs/heads/main"), BRANCH, wanted())
    assert (found.base, found.commit) == ("main", upstream.head())


@pytest.mark.parametrize("where", [".", "file"])
def test_a_folder_may_be_named_from_here(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.chdir(upstream.bare if where == "." else upstream.bare.parent)
    url = where if where == "." else f"./{upstream.bare.name}"
    found = propose(upstream.origin(url=url), BRANCH, wanted())
    assert found.commit == upstream.head()


def test_where_a_hook_of_git_starts_us_its_repository_is_another(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git tells a hook, and what rebase --exec starts, of the repository that it works on."""
    work = upstream.work.path
    for name, value in {
        "GIT_DIR": work / ".git",
        "GIT_WORK_TREE": work,
        "GIT_INDEX_FILE": work / ".git/index",
        "GIT_OBJECT_DIRECTORY": work / ".git/nowhere",
        "GIT_CONFIG_PARAMETERS": "'core.bare=false'",
        "GIT_NAMESPACE": "other",
    }.items():
        monkeypatch.setenv(name, str(value))
    before = sorted(path.name for path in (work / ".git").iterdir())
    found = propose(upstream.origin(), BRANCH, wanted())
    assert sorted(path.name for path in (work / ".git").iterdir()) == before
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"):
        monkeypatch.delenv(name)
    assert found.commit == upstream.head()


def test_the_same_again_does_nothing(upstream: Upstream) -> None:
    first = propose(upstream.origin(), BRANCH, wanted())
    second = propose(upstream.origin(), BRANCH, wanted())
    assert second == replace(first, pushed=False)


def test_without_a_difference_there_is_no_branch(upstream: Upstream) -> None:
    same = {"values.yaml": b"a: 1  # kept\r\n", "cluster-resources/r/itms.yaml": b"---\nkind: Old\n"}
    found = propose(upstream.origin(), BRANCH, wanted(same))
    assert (found.commit, found.pushed, found.paths) == ("", False, ())
    assert upstream.branches() == ["main"]


def test_another_change_replaces_our_own_commit(upstream: Upstream) -> None:
    first = propose(upstream.origin(), BRANCH, wanted())
    second = propose(upstream.origin(), BRANCH, wanted({**FILES, "values.yaml": b"a: 3\n"}))
    assert second.pushed
    assert first.commit != second.commit == upstream.head()
    assert upstream.git("rev-parse", f"{BRANCH.name}~") == upstream.head("main")


def test_a_base_that_moved_elsewhere_leaves_the_branch_alone(upstream: Upstream) -> None:
    first = propose(upstream.origin(), BRANCH, wanted())
    upstream.work.commit({"run.sh": b"#!/bin/sh\ntrue\n"})
    upstream.push("main")
    assert propose(upstream.origin(), BRANCH, wanted()) == replace(first, pushed=False)


def test_a_base_that_changed_the_same_file_is_the_new_parent(upstream: Upstream) -> None:
    propose(upstream.origin(), BRANCH, wanted())
    upstream.work.commit({"values.yaml": b"a: 1  # kept\r\nb: 1\r\n"})
    upstream.push("main")

    def change(tree: Tree) -> Change:
        text = tree.read("values.yaml").replace(b"a: 1", b"a: 2")
        return Change(files={"values.yaml": text}, folders=())

    found = propose(upstream.origin(), BRANCH, change)
    assert found.pushed
    assert upstream.git("rev-parse", f"{BRANCH.name}~") == upstream.head("main")
    assert upstream.file("values.yaml") == b"a: 2  # kept\r\nb: 1\r\n"


def test_after_a_merge_nothing_is_left_to_propose(
    upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    propose(upstream.origin(), BRANCH, wanted())
    upstream.work.git("fetch", "--quiet", "origin", BRANCH.name)
    upstream.work.git("merge", "--quiet", "--no-ff", "--message=merged", "FETCH_HEAD")
    upstream.push("main")
    assert propose(upstream.origin(), BRANCH, wanted()).commit == ""
    assert caplog.text == ""


@pytest.mark.parametrize("way", ["--no-ff", "--ff-only"])
def test_what_was_merged_and_taken_back_is_proposed_on_the_new_base(upstream: Upstream, way: str) -> None:
    """The old commit is part of the base: no forge opens a request for it."""
    first = propose(upstream.origin(), BRANCH, wanted())
    upstream.work.git("fetch", "--quiet", "origin", BRANCH.name)
    upstream.work.git("merge", "--quiet", way, "FETCH_HEAD")
    upstream.work.git("revert", "--no-edit", *(["--mainline=1"] if way == "--no-ff" else []), "HEAD")
    upstream.push("main")
    found = propose(upstream.origin(), BRANCH, wanted())
    assert found == replace(first, commit=found.commit, pushed=True)
    assert upstream.git("rev-parse", f"{BRANCH.name}~") == upstream.head("main")
    assert propose(upstream.origin(), BRANCH, wanted()) == replace(found, pushed=False)


@pytest.mark.parametrize("kind", ["file", "link", "submodule"])
@pytest.mark.parametrize("place", ["cluster-resources", "cluster-resources/r"])
def test_what_stands_where_a_folder_belongs_is_not_removed(upstream: Upstream, kind: str, place: str) -> None:
    work = upstream.work
    work.git("rm", "-r", "--quiet", place)
    entries = {
        "file": f"100644,{work.git('rev-parse', 'HEAD:run.sh')}",
        "link": f"120000,{work.git('rev-parse', 'HEAD:values.yaml')}",
        "submodule": f"160000,{work.git('rev-parse', 'HEAD')}",
    }
    work.git("update-index", "--add", "--cacheinfo", f"{entries[kind]},{place}")
    work.git("commit", "--quiet", "--message=ours")
    upstream.push("main")
    with pytest.raises(InvalidInputError, match=f"^{place} is a file, a link or a submodule in") as caught:
        propose(upstream.origin(), BRANCH, wanted())
    assert caught.value.hint == f"rename {place} in the repository"
    assert upstream.branches() == ["main"]


def test_a_folder_where_a_file_belongs_is_not_removed(upstream: Upstream) -> None:
    upstream.work.commit({"oc-mirror/fleet.json/ours.txt": b"x"})
    upstream.push("main")
    with pytest.raises(InvalidInputError, match=r"^oc-mirror/fleet.json is a folder in"):
        propose(upstream.origin(), BRANCH, wanted({"oc-mirror/fleet.json": b"{}"}))


def test_a_submodule_where_a_file_belongs_is_not_written_through(upstream: Upstream) -> None:
    head = upstream.head("main")
    upstream.work.git("update-index", "--add", "--cacheinfo", f"160000,{head},cluster-resources/r/idms.yaml")
    upstream.work.git("commit", "--quiet", "--message=ours")
    upstream.push("main")
    with pytest.raises(InvalidInputError, match=r"idms.yaml is a submodule"):
        propose(upstream.origin(), BRANCH, wanted())


@pytest.mark.parametrize("path", [":(top)x.yaml", "a b/*.yaml", "[x].yaml", "new\nline.yaml", "-x.yaml"])
def test_a_path_is_no_pattern(upstream: Upstream, path: str) -> None:
    upstream.work.commit({path: b"a: 1\n", "a b/other.yaml": b"a: 1\n", "x.yaml": b"a: 1\n"})
    (upstream.work.path / path).chmod(0o755)
    upstream.work.git("commit", "--quiet", "--all", "--message=mode")
    upstream.push("main")
    found = propose(upstream.origin(), BRANCH, lambda _tree: Change(files={path: b"a: 2\n"}))
    assert found.paths == (path,)
    changed = upstream.git("diff-tree", "-r", "--raw", "main", found.commit)
    assert changed.startswith(":100755 100755 ")


def test_an_empty_repository_is_told(upstream: Upstream) -> None:
    subprocess.run(["git", "init", "--quiet", "--bare", "empty.git"], cwd=upstream.bare.parent, check=True)
    origin = upstream.origin(url=f"file://{upstream.bare.parent}/empty.git")
    for one in (origin, replace(origin, or_default_branch=True)):
        with pytest.raises(GitError, match="is empty: it has no branch") as caught:
            propose(one, BRANCH, wanted())
        assert caught.value.hint == "push the values there first"


@pytest.mark.parametrize("other", ["oc-mirror", "oc-mirror/registry/x"])
def test_a_branch_that_leaves_no_room_for_ours_is_told(upstream: Upstream, other: str) -> None:
    upstream.push(f"main:refs/heads/{other}")
    with pytest.raises(GitError, match="cannot have the branch oc-mirror/registry") as caught:
        propose(upstream.origin(), BRANCH, wanted())
    assert "delete that branch" in caught.value.hint


def test_a_branch_that_proposes_what_is_outdated_is_told(
    upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    propose(upstream.origin(), BRANCH, wanted())
    before = upstream.head()
    same = {"cluster-resources/r/itms.yaml": b"---\nkind: Old\n"}
    assert propose(upstream.origin(), BRANCH, wanted(same)).commit == ""
    assert "proposes what is not needed any more" in caplog.text
    assert upstream.head() == before


def test_what_somebody_else_pushed_is_never_replaced(upstream: Upstream) -> None:
    propose(upstream.origin(), BRANCH, wanted())
    work = upstream.work
    work.git("fetch", "--quiet", "origin", BRANCH.name)
    work.git("checkout", "--quiet", "-b", "mine", "FETCH_HEAD")
    kinds: dict[str, Callable[[], object]] = {
        "added": lambda: work.commit({"values.yaml": b"a: mine\n"}),
        "amended": lambda: (
            (work.path / "values.yaml").write_bytes(b"a: amended\n"),
            work.git("commit", "--quiet", "--all", "--amend", "--no-edit"),
        ),
    }
    for kind, act in kinds.items():
        work.git("reset", "--quiet", "--hard", "FETCH_HEAD")
        act()
        upstream.push("--force", f"mine:{BRANCH.name}")
        theirs = upstream.head()
        with pytest.raises(ConflictError, match=r"is by t <t@example.com>") as caught:
            propose(upstream.origin(), BRANCH, wanted({"values.yaml": b"a: 9\n"}))
        assert theirs[:12] in caught.value.reason, kind
        assert "publish-branch" in caught.value.hint
        assert upstream.head() == theirs


def test_two_purposes_with_one_branch_do_not_replace_each_other(upstream: Upstream) -> None:
    one, two = (replace(BRANCH, purpose=f"registry.example.com/{name}") for name in ("a-b", "a/b"))
    first = propose(upstream.origin(), one, wanted())
    assert propose(upstream.origin(), one, wanted()) == replace(first, pushed=False)
    assert propose(upstream.origin(), one, wanted({"values.yaml": b"a: 5\n"})).pushed
    head = upstream.head()
    with pytest.raises(ConflictError, match=r"what is mirrored to registry.example.com/a-b, and") as caught:
        propose(upstream.origin(), two, wanted({"values.yaml": b"a: 7\n"}))
    assert "publish-branch of its own" in caught.value.hint
    assert upstream.head() == head
    upstream.git("update-ref", "refs/heads/main", head)
    assert propose(upstream.origin(), two, wanted({"values.yaml": b"a: 7\n"})).pushed, (
        "the first one is merged"
    )


def test_a_branch_of_others_is_not_taken_over(upstream: Upstream) -> None:
    upstream.push(f"main:{BRANCH.name}")
    with pytest.raises(ConflictError, match="is not replaced"):
        propose(upstream.origin(), BRANCH, wanted())


def test_the_base_is_never_the_branch_also_where_its_head_is_a_commit_of_ours(upstream: Upstream) -> None:
    propose(upstream.origin(), BRANCH, wanted())
    upstream.git("update-ref", "refs/heads/main", f"refs/heads/{BRANCH.name}")
    merged = upstream.head("main")
    for origin in (upstream.origin(), replace(upstream.origin("none"), or_default_branch=True)):
        with pytest.raises(UsageError, match="is the branch that the request is for"):
            propose(origin, replace(BRANCH, name="main"), wanted({"values.yaml": b"a: 9\n"}))
    assert upstream.head("main") == merged


def test_whoever_pushes_between_look_and_push_keeps_the_branch(upstream: Upstream) -> None:
    def change(tree: Tree) -> Change:
        upstream.push("--force", f"main:{BRANCH.name}")
        return wanted()(tree)

    with pytest.raises(ConflictError, match="somebody pushed to it now"):
        propose(upstream.origin(), BRANCH, change)
    assert upstream.head() == upstream.head("main")


def test_a_push_that_was_heard_although_its_answer_was_lost_counts(upstream: Upstream) -> None:
    """As if an attempt before had pushed it."""
    expected = propose(upstream.origin(), replace(BRANCH, name="other"), wanted()).commit

    def change(tree: Tree) -> Change:
        upstream.git("update-ref", f"refs/heads/{BRANCH.name}", expected)
        return wanted()(tree)

    assert propose(upstream.origin(), BRANCH, change).commit == expected


def test_a_file_that_is_a_link_is_not_written_through(upstream: Upstream) -> None:
    (upstream.work.path / "values.yaml").unlink()
    (upstream.work.path / "values.yaml").symlink_to("other/values.yaml")
    upstream.work.commit({"other/values.yaml": b"a: 1\n"})
    upstream.push("main")
    with pytest.raises(InvalidInputError, match=r"values\.yaml is a link"):
        propose(upstream.origin(), BRANCH, wanted())


def test_the_mode_of_a_file_stays(upstream: Upstream) -> None:
    propose(upstream.origin(), BRANCH, wanted({"run.sh": b"#!/bin/sh\ntrue\n"}))
    assert upstream.git("ls-tree", BRANCH.name, "run.sh").startswith("100644")
    (upstream.work.path / "run.sh").chmod(0o755)
    upstream.work.commit({"run.sh": b"#!/bin/sh\nfalse\n"})
    upstream.push("main")
    propose(upstream.origin(), BRANCH, wanted({"run.sh": b"#!/bin/sh\nexit\n"}))
    assert upstream.git("ls-tree", BRANCH.name, "run.sh").startswith("100755")


def test_a_commit_or_a_tag_is_no_base(upstream: Upstream) -> None:
    with pytest.raises(UsageError, match="is a commit") as caught:
        propose(upstream.origin(upstream.head("main")), BRANCH, wanted())
    assert "publish-base" in caught.value.hint
    upstream.git("tag", "v1", "main")
    with pytest.raises(GitError, match=r"has no branch 'v1'$") as missing:
        propose(upstream.origin("v1"), BRANCH, wanted())
    assert "there are: main" in missing.value.hint


def test_the_default_branch_serves_where_nobody_chose_one(upstream: Upstream) -> None:
    upstream.git("branch", "--move", "main", "trunk")
    upstream.git("symbolic-ref", "HEAD", "refs/heads/trunk")
    found = propose(replace(upstream.origin(), or_default_branch=True), BRANCH, wanted())
    assert (found.base, found.pushed) == ("trunk", True)


def secret(folder: Path, username: str, password: str) -> Path:
    folder.mkdir()
    (folder / "username").write_text(username)
    (folder / "password").write_text(f"{password}\n")
    return folder


def test_over_http_a_writer_may_push_and_a_reader_is_told(upstream: Upstream, tmp_path: Path) -> None:
    root = upstream.bare.parent
    writer, reader = secret(tmp_path / "w", "writer", "s3cret"), secret(tmp_path / "r", "reader", "read-0nly")
    with serving(root, username="writer", password="s3cret", reader=("reader", "read-0nly")) as server:
        url = server.repository_url("values")
        with pytest.raises(GitError, match="the Git server refuses access to a push: http") as caught:
            propose(upstream.origin(url=url, secret=reader), BRANCH, wanted())
        assert "the account of git-write-secret write" in caught.value.hint
        assert "archived" in caught.value.hint
        assert "read-0nly" not in f"{caught.value.reason} {caught.value.hint}"
        assert upstream.branches() == ["main"]
        assert propose(upstream.origin(url=url, secret=writer), BRANCH, wanted()).pushed
    assert upstream.file("values.yaml") == FILES["values.yaml"]


def test_a_server_that_filters_nothing_is_served_as_well(upstream: Upstream) -> None:
    upstream.git("config", "uploadpack.allowFilter", "false")
    assert propose(upstream.origin(), BRANCH, wanted()).pushed
    assert not propose(upstream.origin(), BRANCH, wanted()).pushed


def test_a_hook_that_refuses_is_told_in_its_own_words(upstream: Upstream, tmp_path: Path) -> None:
    hook = upstream.bare / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    words = r"\nerror:\nerror: GitLab: s3cret is not allowed to push here.\n"  # as Gitea frames it
    hook.write_text(f"#!/bin/sh\nprintf '{words}' >&2\nexit 1\n")
    hook.chmod(0o755)
    (tmp_path / "password").write_text("s3cret\n")
    with pytest.raises(GitError, match="oc-mirror/registry: GitLab: … is not allowed to push here") as caught:
        propose(upstream.origin(secret=tmp_path), BRANCH, wanted())
    assert "publish-branch" in caught.value.hint
    assert "s3cret" not in caught.value.reason


PROGRAM = """
import sys
from pathlib import Path
from tests.unit.test_git_branch import BRANCH, FILES, NAMES
from steps.git_access import Credentials, Origin
from steps.git_branch import Change, propose

origin = Origin(sys.argv[1], "main", Credentials(), NAMES)
propose(origin, BRANCH, lambda _tree: Change(files=FILES, folders=("cluster-resources/r",)))
"""


def test_killed_at_any_call_of_git_the_next_run_comes_to_the_same_end(
    upstream: Upstream, tmp_path: Path
) -> None:
    """A git of ours counts its calls and kills its caller in the one that is told."""
    expected = propose(upstream.origin(), BRANCH, wanted()).commit
    real, counter = shutil.which("git"), tmp_path / "calls"
    (scratch := tmp_path / "scratch").mkdir()
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/sh\necho x >> {counter}\n"
        f'test "$(wc -l < {counter})" = "$KILL_AT" && kill -9 "$CALLER"\nexec {real} "$@"\n'
    )
    program.chmod(0o755)

    def run(kill_at: int) -> int:
        counter.unlink(missing_ok=True)
        code = f"import os; os.environ['CALLER'] = str(os.getpid())\n{PROGRAM}"
        environment = {
            **os.environ,
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "KILL_AT": str(kill_at),
            "TMPDIR": str(scratch),
        }
        command = [sys.executable, "-c", code, f"file://{upstream.bare}"]
        return subprocess.run(
            command, env=environment, capture_output=True, check=False, timeout=120
        ).returncode

    upstream.git("update-ref", "-d", f"refs/heads/{BRANCH.name}")
    assert run(0) == 0
    calls = len(counter.read_text().splitlines())
    assert calls > 8
    every = os.environ.get("FAULTS") == "all"
    for number in range(1, calls + 1) if every else (2, calls // 2, calls - 2, calls - 1, calls):
        upstream.git("update-ref", "-d", f"refs/heads/{BRANCH.name}")
        assert run(number) == -9, number
        assert sorted(scratch.iterdir()), "what git works with, and a copy of a private key"
        assert run(0) == 0
        assert sorted(scratch.iterdir()) == [], number
        upstream.git("update-ref", "-d", f"refs/heads/{BRANCH.name}")
        assert propose(upstream.origin(), BRANCH, wanted()).commit == expected
        assert upstream.head() == expected


def test_over_ssh_the_key_of_the_secret_pushes(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a program called ssh that is told what ssh is told, and runs the server's part on this machine."""
    told = tmp_path / "told"
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {told}\nwhile test $# -gt 1; do shift; done\nexec sh -c "$1"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    folder = tmp_path / "secret"
    folder.mkdir()
    (folder / "ssh-privatekey").write_text("KEY\n")
    (folder / "known_hosts").write_text("git.example.com ssh-ed25519 AAAA\n")
    url = f"ssh://git@git.example.com{upstream.bare}"
    assert propose(upstream.origin(url=url, secret=folder), BRANCH, wanted()).pushed
    assert upstream.file("values.yaml") == FILES["values.yaml"]
    for line in told.read_text().splitlines():
        assert "-o StrictHostKeyChecking=yes" in line
        assert f"UserKnownHostsFile={folder}/known_hosts" in line
    assert "git-receive-pack" in told.read_text()
