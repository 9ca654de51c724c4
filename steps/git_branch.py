"""Proposes a change on a branch of its own: the part of the seam to Git that writes.

A proposal is one commit on the newest commit of the base. The same base and files make the same commit, so
whoever is killed at any moment begins again and comes to the same end. The branch is replaced only where its
head is such a commit: a trailer names the tree that we wrote, so a commit that somebody added or amended is
none. git itself checks that the head is still the one that was looked at (--force-with-lease).
"""

from __future__ import annotations

import logging
import re
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from steps import files, repository
from steps.errors import ConflictError, GitError, InvalidInputError, UsageError
from steps.git_access import NoSuchRevisionError, no_such_revision
from steps.git_command import FETCH_SECONDS, Git, GitFailedError
from steps.git_files import Commit
from steps.log_lines import printable
from steps.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    from steps.git_access import Origin

log = logging.getLogger("steps.repository")

_TRAILER: Final = "Published-Tree"
_PURPOSE: Final = "Published-For"
_SHOWN: Final = 80
_FILE: Final = "100644"
_NO_FILES: Final = {"120000": "link", "160000": "submodule"}
_REFUSED: Final = (
    r"\[remote rejected\]|pre-receive hook declined|protected branch|not allowed to (push|update)"
)
_BESIDE: Final = r"'refs/heads/[^']*' exists; cannot create|directory/file conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The files of a proposal by path; whatever else lies in `folders` is removed."""

    files: Mapping[str, bytes]
    folders: Collection[str] = ()

    @property
    def below(self) -> tuple[str, ...]:
        """How the paths in `folders` begin."""
        return tuple(f"{folder}/" for folder in self.folders)


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """The branch of a proposal, its commit's subject, and the author as `NAME <EMAIL>`.

    `purpose` tells proposals apart that are given one branch: none replaces that of another.
    """

    name: str
    subject: str
    author: str
    purpose: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """What became of a proposal: `commit` is the branch's head, empty where the base has all of it already.

    `base` is the branch that it is for, `pushed` whether the branch was made or replaced just now, `paths`
    what differs.
    """

    base: str
    commit: str = ""
    pushed: bool = False
    paths: tuple[str, ...] = ()


def propose(origin: Origin, branch: Branch, change: Callable[[Tree], Change]) -> Proposed:
    """Push what `change` makes of the files of the branch that `origin` names, unless it is there.

    `change` gets the YAML files of the base's newest commit. Raises UsageError where `origin` names no
    branch, ConflictError where somebody else has pushed to `branch`, InvalidInputError for a file that is a
    link, and GitError.
    """
    if re.fullmatch(repository.FULL_HASH, origin.revision):
        raise UsageError(
            f"{origin.parameters.revision}: a change is proposed to a branch, and {origin.revision[:12]} is a"
            " commit",
            "give publish-base, the branch that the clusters follow",
        )
    origin = replace(origin, revision=origin.revision.removeprefix("refs/heads/"))
    found = list[Proposed]()

    def attempt(place: Origin) -> str:
        # Also where the server's default branch takes the place of one that is missing.
        _check_apart(branch, place)
        with _Proposal.opened(place, branch) as proposal:
            found.append(proposal.perform(change))
        return found[-1].commit

    repository.or_default_branch(origin, attempt)
    return found[-1]


def _check_apart(branch: Branch, origin: Origin) -> None:
    """Refuse to propose a branch to itself: its head may be a commit of ours, which was merged."""
    if branch.name == origin.revision:
        raise UsageError(
            f"publish-branch: {branch.name} is the branch that the request is for",
            "name one that belongs to publish-to-git alone",
        )


@dataclass(frozen=True, slots=True)
class _Proposal:
    """A bare repository in `folder`, and the commits of both branches; `head` is empty for a new branch."""

    git: Git
    folder: Path
    origin: Origin
    branch: Branch
    base: str
    head: str

    @classmethod
    @contextmanager
    def opened(cls, origin: Origin, branch: Branch) -> Iterator[_Proposal]:
        """Ask for both heads and fetch them; the files of the base lie in the folder `tree` then."""
        with (
            files.scratch("git-branch") as folder,
            repository.environment(origin) as (variables, _),
        ):
            git = Git(
                folder,
                {
                    **variables,
                    "GIT_DIR": str(folder / "git"),
                    "GIT_INDEX_FILE": str(folder / "index"),
                    "GIT_LITERAL_PATHSPECS": "1",
                },
                settings=(f"remote.origin.url={origin.url}",),
                local=origin.local,
            )
            for attempt in repository.attempts(origin):
                with attempt, repository.explained(origin, git):
                    base, head = _fetched(git, origin, branch.name, folder)
            yield cls(git, folder, origin, branch, base, head)

    def perform(self, change: Callable[[Tree], Change]) -> Proposed:
        """Make the commit of what `change` gives, and push it unless the branch says the same."""
        wanted = change(Tree(self.folder / "tree"))
        base = Proposed(base=self.origin.revision)
        with repository.explained(self.origin, self.git):
            tree = self._write(wanted)
            paths = self._differences(self.base, tree)
            self._check_nothing_else(wanted, [path for path, _ in paths])
            if not paths:
                self._tell_of_leftover()
                return base
            self._check_ours()
            found = replace(base, paths=tuple(path for path, _ in paths))
            same = bool(self.head) and self._differences(f"{self.head}~", self.head) == paths
            if same and not self._merged():
                return replace(found, commit=self.head)
            commit = self._commit(tree)
        self._push(commit)
        return replace(found, commit=commit, pushed=True)

    def _write(self, change: Change) -> str:
        """Write the tree of the base with the change; return its name."""
        there = self._listed([*change.files, *change.below])
        lines = []
        for path in sorted(there.keys() | change.files.keys()):
            mode = there.get(path, _FILE)
            if mode in _NO_FILES and path in change.files:
                raise InvalidInputError(
                    f"{path} is a {_NO_FILES[mode]} in {self.origin.url}: it is not written through",
                    "name the file itself in values-file-path; in cluster-resources/ put a file there",
                )
            if path in change.files:
                blob = self.git.ask("hash-object", "-w", "--stdin", given=change.files[path]).strip()
                lines.append(f"{mode} {blob}\t{path}\0")
            elif path.startswith(change.below):
                lines.append(f"0 {'0' * len(self.base)}\t{path}\0")
        self.git.ask("read-tree", self.base)
        self.git.ask("update-index", "-z", "--index-info", given="".join(lines).encode())
        return self.git.ask("write-tree", "--missing-ok").strip()

    def _check_nothing_else(self, change: Change, paths: list[str]) -> None:
        """Refuse a change for which git would remove what is no part of it: a file in a folder's place."""
        for path in paths:
            if path in change.files or path.startswith(change.below):
                continue
            above = next((file for file in change.files if path.startswith(f"{file}/")), "")
            below = next((file for file in change.files if file.startswith(f"{path}/")), "a file")
            why = f"a file, a link or a submodule in {self.origin.url}: {below} cannot lie below it"
            if above:
                why = f"a folder in {self.origin.url}, and a file is to be written there"
            raise InvalidInputError(f"{above or path} is {why}", f"rename {above or path} in the repository")

    def _listed(self, paths: list[str]) -> dict[str, str]:
        """Return the modes of the base's files at these paths, and below those that end with a slash."""
        answer = self.git.ask("ls-tree", "-r", "-z", "--full-tree", self.base, "--", *paths)
        records = (record.partition("\t") for record in answer.split("\0") if record)
        return {path: head.split(" ")[0] for head, _, path in records}

    def _differences(self, before: str, after: str) -> list[tuple[str, str]]:
        """Return the paths that differ, each with what is there afterwards."""
        answer = self.git.ask("diff-tree", "-r", "-z", "--raw", "--no-renames", before, after)
        parts = [part for part in answer.split("\0") if part]
        found = []
        for head, path in zip(parts[::2], parts[1::2], strict=True):
            _, mode, _, blob, _ = head.split(" ")
            found.append((path, f"{mode} {blob}"))
        return found

    def _merged(self) -> bool:
        """Return whether the base has the branch's head, and what it brought was taken back since.

        A request for it would have nothing to merge. False where the server does not tell.
        """
        if self.git.ask("rev-parse", f"{self.head}~").strip() == self.base:
            return False
        date = self.git.ask("show", "--no-patch", "--format=%ct", self.head).strip()
        since = ("--filter=tree:0", "--no-tags", f"--shallow-since=@{date}")  # the commits alone
        try:
            self.git.ask(
                "fetch",
                "--quiet",
                *since,
                "origin",
                f"refs/heads/{self.origin.revision}",
                seconds=FETCH_SECONDS,
            )
        except GitFailedError:
            return False
        return not self.git.ask("rev-list", "--max-count=1", self.head, f"^{self.base}").strip()

    def _commit(self, tree: str) -> str:
        """Make the commit of a tree on the base: of the same tree always the same."""
        name, _, address = self.branch.author.rpartition(" <")
        date = self.git.ask("show", "--no-patch", "--format=%ct", self.base).strip()
        variables = dict[str, str]()
        for role in ("AUTHOR", "COMMITTER"):
            variables |= {
                f"GIT_{role}_NAME": name,
                f"GIT_{role}_EMAIL": address.removesuffix(">"),
                f"GIT_{role}_DATE": f"@{date} +0000",
            }
        git = replace(self.git, environment={**self.git.environment, **variables})
        purpose = f"{_PURPOSE}: {self.branch.purpose}\n" if self.branch.purpose else ""
        body = f"By publish-to-git of oc-mirror-pipeline.\n\n{purpose}{_TRAILER}: {tree}\n"
        message = f"{self.branch.subject}\n\n{body}"
        return git.ask("commit-tree", tree, "-p", self.base, given=message.encode()).strip()

    def _stranger(self) -> str:
        """Return who made the branch's head; empty where it is a commit of ours, as it was made."""
        head, _, message = self.git.ask("cat-file", "commit", self.head).partition("\n\n")
        lines = head.split("\n")
        trailer = re.search(rf"^{_TRAILER}: (\w+)$", message, re.MULTILINE)
        parents = sum(line.startswith("parent ") for line in lines)
        if trailer and f"tree {trailer[1]}" in lines and parents == 1:
            return ""
        who = next((line for line in lines if line.startswith("committer ")), "").partition(" ")[2]
        return printable(who.rpartition("> ")[0] + ">")[:_SHOWN]

    def _check_ours(self) -> None:
        """Refuse to replace a branch whose head is no commit of ours, or is for another purpose."""
        if not self.head:
            return
        if who := self._stranger():
            raise ConflictError(
                f"branch {self.branch.name} of {self.origin.url} is not replaced: its newest commit"
                f" {self.head[:12]} is by {who}, not by publish-to-git",
                "merge or close its request and delete the branch, or give another one as publish-branch",
            )
        message = self.git.ask("show", "--no-patch", "--format=%B", self.head)
        purpose = re.search(rf"^{_PURPOSE}: (.+)$", message, re.MULTILINE)
        if purpose and purpose[1] != self.branch.purpose and self._proposes_more():
            raise ConflictError(
                f"branch {self.branch.name} of {self.origin.url} is not replaced: it proposes what is"
                f" mirrored to {purpose[1][:_SHOWN]}, and that is not merged yet",
                "give each target-registry a publish-branch of its own, or merge that request first",
            )

    def _proposes_more(self) -> bool:
        """Return whether the branch, whose head is ours, proposes anything that the base does not have."""
        proposed = set(self._differences(f"{self.head}~", self.head))
        return bool(proposed & set(self._differences(self.base, self.head)))

    def _tell_of_leftover(self) -> None:
        """Warn of a branch of ours that proposes what the base does not have, and need not have."""
        if self.head and not self._stranger() and self._proposes_more():
            log.warning(
                "branch %s proposes what is not needed any more: close its request, and delete the branch",
                self.branch.name,
            )

    def _push(self, commit: str) -> None:
        """Push the commit to the branch, if that is still as it was."""
        reference = f"refs/heads/{self.branch.name}"
        lease = f"--force-with-lease={reference}:{self.head}"
        for attempt in repository.attempts(self.origin):
            with attempt, repository.explained(self.origin, self.git):
                try:
                    self.git.ask(
                        "push", "--no-verify", lease, "origin", f"{commit}:{reference}",
                        seconds=FETCH_SECONDS,
                    )  # fmt: skip
                except GitFailedError as error:
                    now = repository.list_references(self.git, "--quiet", self.origin.url, reference)
                    if now.get(reference) == commit:  # an attempt before this one was heard
                        return
                    raise self._push_refused(error, now.get(reference, "")) from error

    def _push_refused(self, error: GitFailedError, now: str) -> Exception:
        if now != self.head:
            return ConflictError(
                f"branch {self.branch.name} of {self.origin.url} is not replaced: somebody pushed to it now",
                "run publish-to-git again: it says whose commit that is",
            )
        if re.search(r"error: 403\b", error.stderr):
            return GitError(
                f"the Git server refuses access to a push: {self.origin.url} (HTTP 403)",
                "let the account of git-write-secret write to the repository; an archived one takes no push",
            )
        if re.search(_BESIDE, error.stderr):
            return GitError(
                f"{self.origin.url} cannot have the branch {self.branch.name}: there is a branch whose"
                " name is the beginning of it, or of whose name it is the beginning",
                "delete that branch, or give another one as publish-branch",
            )
        if re.search(_REFUSED, error.stderr):
            stderr = self.origin.credentials.masked(error.stderr)
            lines = re.findall(r"^(?:remote:(?: error:)?|\s*!)[ \t]*(\S.*)$", stderr, re.MULTILINE)
            said = [line for line in lines if line.strip() != "error:"]
            shown = "; ".join(" ".join(line.split())[:200] for line in said[:3])
            return GitError(
                f"{self.origin.url} refuses the branch {self.branch.name}: {shown}",
                "let the account of git-write-secret push to that branch, or give another one as"
                " publish-branch; the author that the server wants is publish-author",
            )
        return error


def _fetched(git: Git, origin: Origin, branch: str, folder: Path) -> tuple[str, str]:
    """Fetch the heads of both branches, and write the YAML files of the base; return the commits."""
    for left in ("git", "tree", "index"):  # of an attempt that failed or was redirected
        shutil.rmtree(folder / left, ignore_errors=True)
        (folder / left).unlink(missing_ok=True)
    git.ask("init", "--bare", "--quiet", "--template=", "--initial-branch=base")
    names = (f"refs/heads/{origin.revision}", f"refs/heads/{branch}")
    known = repository.list_references(git, "--quiet", origin.url, *names)
    if names[0] not in known:
        heads = repository.list_references(git, "--quiet", "--heads", origin.url)
        if not heads:
            raise NoSuchRevisionError(
                f"{origin.url} is empty: it has no branch to propose a change to",
                "push the values there first",
            )
        error = no_such_revision(origin, [name.removeprefix("refs/heads/") for name in heads])
        raise NoSuchRevisionError(f"{origin.url} has no branch '{origin.revision}'", error.hint)
    base = repository.fetch_commit(git, names[0])
    head = ""
    if names[1] in known:
        # Two commits: what the branch changes is compared with its parent.
        depth = ("fetch", "--quiet", "--filter=blob:none", "--depth=2", "--no-tags")
        git.ask(*depth, "origin", names[1], seconds=FETCH_SECONDS)
        head = git.ask("rev-parse", "--verify", "--quiet", "FETCH_HEAD^{commit}").strip()
    commit = Commit(git, base, f"commit {base} of {origin.url}", origin.advice)
    wanted = commit.wanted()
    repository.fetch_blobs(git, {entry.blob for entry in wanted})
    commit.write(commit.measured(wanted), folder / "tree")
    return base, head
