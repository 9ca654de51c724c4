"""The seam to Git: a revision of a repository as a folder of files. The only importer of `git`.

A checkout is named by its commit and appears whole or not at all, so several pipeline runs may share one
workspace: none replaces what another is reading.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from steps.errors import GitError, UsageError
from steps.git_access import Credentials, explain, suggest_revisions

if TYPE_CHECKING:
    from collections.abc import Iterator

    import git

log = logging.getLogger("steps.repository")

# The transports git may use; `ext::` and remote helpers run commands and are never among them.
PROTOCOLS = ("https", "http", "ssh", "git", "file")
# Nobody reads a checkout for longer than Tekton lets a run live.
STALE_SECONDS = 24 * 3600
# Values and policies are YAML; the rest of the repository is not fetched where the server can filter.
SPARSE_PATTERNS = "*.yaml\n*.yml\n"


def check_url(text: str) -> str:
    """Return `text` if git may fetch from it without running anything; else raise `UsageError`.

    Credentials inside a URL would show in parameters, results and logs, so they are refused as well.
    """
    scheme = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*)://", text)
    scp_like = re.fullmatch(r"[\w.-]+@[\w.-]+:[^:].*", text)
    local = text.startswith(("/", "./", "../")) or text == "."
    if re.search(r"[\s\x00-\x1f]", text) or not (
        (scheme and scheme[1].lower() in PROTOCOLS) or scp_like or local
    ):
        raise UsageError(
            f"values-git-url: '{text}' is not a URL that can be fetched safely",
            "use https://, http://, ssh://, git@HOST:PATH, or a path that begins with '/' or './'",
        )
    if scheme and re.match(r"[^/@]*:[^/@]*@", text[scheme.end() :]):
        raise UsageError(
            "values-git-url carries a password",
            "take it out and put it into the Secret that values-git-secret names (type basic-auth)",
        )
    return text


def check_revision(text: str) -> str:
    """Return `text` if it can be a branch, tag or commit; else raise `UsageError` (git-check-ref-format)."""
    if (
        not text
        or text.startswith("-")
        or re.search(r"[\s~^:?*\[\\\x00-\x1f\x7f]|\.\.|@\{|//|/$|\.lock$", text)
    ):
        raise UsageError(
            f"values-git-revision: '{text}' is not a branch, tag or commit",
            "name a branch, a tag, or a commit by its full hash",
        )
    return text


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a checkout comes from: the URL, the revision asked for, and how to get in."""

    url: str
    revision: str
    credentials: Credentials


def checkout(origin: Origin, folder: Path) -> tuple[str, Path]:
    """Fetch `origin` below `folder`; return the commit and `FOLDER/COMMIT`, which holds its files.

    Shallow; where the server can filter, only YAML files. A commit that is already there is used as it is,
    without asking the server. Raises `GitError` with what the server said, in words.
    """
    if re.fullmatch(r"[0-9a-f]{40}", origin.revision):
        ready = folder / origin.revision
        if ready.is_dir():
            os.utime(ready)
            return origin.revision, ready
    folder.mkdir(parents=True, exist_ok=True)
    _remove_stale(folder)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as temporary:
        commit = _fetch(origin, Path(temporary, "tree"))
        final = folder / commit
        if not final.is_dir():
            # A second fetch of the same commit may win this race; its files are the same.
            with suppress(FileExistsError, NotADirectoryError, OSError):
                Path(temporary, "tree").rename(final)
    if not final.is_dir():
        raise GitError(
            f"cannot write the checkout to {folder}", "check that the workspace is writable and not full"
        )
    os.utime(final)
    return commit, final


def head(origin: Origin) -> str:
    """Ask the server which commit a branch or tag names now; nothing is fetched.

    A branch counts before a tag of its name, and a full commit is its own answer. Raises `GitError`.
    """
    import stamina

    if re.fullmatch(r"[0-9a-f]{40}([0-9a-f]{24})?", origin.revision):
        return origin.revision
    wanted = [f"refs/heads/{origin.revision}", f"refs/tags/{origin.revision}"]
    with (
        tempfile.TemporaryDirectory(prefix="git-") as scratch,
        origin.credentials.environment(origin.url, Path(scratch)) as environment,
    ):
        run = _Git(Path(scratch), origin, environment)
        for attempt in stamina.retry_context(on=_is_transient, attempts=4, wait_initial=1.0, timeout=60):
            with attempt:
                # An annotated tag is listed twice; the one with ^{} is its commit.
                listing = run("ls-remote", "--quiet", origin.url, *wanted, f"{wanted[1]}^{{}}")
        named = {name: commit for commit, name in (line.split("\t") for line in listing.splitlines())}
        for name in (wanted[0], f"{wanted[1]}^{{}}", wanted[1]):
            if name in named:
                return named[name]
        raise explain("couldn't find remote ref", origin.url, origin.revision, run.branches)


def _fetch(origin: Origin, tree: Path) -> str:
    """Fetch and check out into the new folder `tree`; return the commit."""
    import stamina

    tree.mkdir()
    # Not in the workspace: a private key may lie there for as long as the fetch lasts.
    with (
        tempfile.TemporaryDirectory(prefix="git-") as scratch,
        origin.credentials.environment(origin.url, Path(scratch)) as environment,
    ):
        run = _Git(tree, origin, environment)
        run("init", "--quiet", "--initial-branch=checkout")
        # Written rather than set by `git sparse-checkout`, which would start a process of its own.
        (tree / ".git" / "info").mkdir(exist_ok=True)
        (tree / ".git" / "info" / "sparse-checkout").write_text(SPARSE_PATTERNS)
        run("remote", "add", "origin", origin.url)
        for attempt in stamina.retry_context(on=_is_transient, attempts=4, wait_initial=1.0, timeout=60):
            with attempt:
                commit = _fetch_commit(run, origin)
                run("-c", "core.sparseCheckout=true", "checkout", "--quiet", "--detach", commit)
    shutil.rmtree(tree / ".git")
    return commit


def _fetch_commit(run: _Git, origin: Origin) -> str:
    """Fetch the one commit; where a server refuses a bare hash, fetch the history without its files."""
    fetch = ("fetch", "--quiet", "--filter=blob:none")
    try:
        run(*fetch, "--depth=1", "--no-tags", "origin", origin.revision)
        target = "FETCH_HEAD"
    except GitError:
        if not re.fullmatch(r"[0-9a-f]{7,40}", origin.revision):
            raise
        run(*fetch, "origin", "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
        target = origin.revision
    return run("rev-parse", "--verify", "--quiet", f"{target}^{{commit}}").strip()


class _Git:
    """Runs git in one folder with one environment; its failures are `GitError`s."""

    def __init__(self, folder: Path, origin: Origin, environment: dict[str, str]) -> None:
        import git

        self._git: git.Git = git.Git(folder)
        self._git.update_environment(**environment)
        self._failure = git.GitCommandError
        self._origin = origin

    def __call__(self, *arguments: str) -> str:
        try:
            return str(self._git.execute(["git", *arguments]))
        except self._failure as error:
            raise explain(
                str(error.stderr), self._origin.url, self._origin.revision, self.branches
            ) from error

    def branches(self) -> str:
        """Say which branches and tags the server has that resemble the one asked for."""
        try:
            listing = str(
                self._git.execute(["git", "ls-remote", "--heads", "--tags", "--refs", self._origin.url])
            )
        except self._failure:
            return ""
        return suggest_revisions(listing, self._origin.revision)


def _is_transient(error: Exception) -> bool:
    return isinstance(error, GitError) and bool(getattr(error, "transient", False))


def _remove_stale(folder: Path) -> None:
    """Remove checkouts that no run can be reading any more, and what a killed fetch left behind."""
    for entry in _entries(folder):
        with suppress(FileNotFoundError):
            if time.time() - entry.stat().st_mtime > STALE_SECONDS:
                shutil.rmtree(entry, ignore_errors=True)


def _entries(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.is_dir() and re.fullmatch(r"[0-9a-f]{40}|\.fetch-.*", entry.name):
            yield entry
