"""The seam to Git: a revision of a repository as a folder of files.

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
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from steps import files
from steps.errors import GitError
from steps.git_access import (
    NoSuchRevisionError,
    Origin,
    RedirectError,
    TransientGitError,
    explain,
    no_such_revision,
    took_too_long,
)
from steps.git_command import FETCH_SECONDS, Git, GitFailedError, GitTimeoutError
from steps.git_files import Commit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import stamina

ATTEMPTS = 4
log = logging.getLogger("steps.repository")

STALE_SECONDS = 24 * 3600
"""Nobody reads a checkout for longer than Tekton lets a run live."""

KILLED_SECONDS = 2 * 3600
"""No fetch takes as long, as its calls of git have limits: this one was killed."""

REDIRECTS = 3
"""A server may lead to a repository's other path so often."""

FULL_HASH = r"[0-9a-f]{40}([0-9a-f]{24})?"
"""A commit by its whole SHA-1 or SHA-256 hash."""


def checkout(origin: Origin, folder: Path) -> tuple[str, Path]:
    """Fetch `origin` below `folder`; return the commit and `FOLDER/COMMIT`, which holds its files.

    Shallow; only YAML files, and where the server can filter, no other file is sent. Where the revision is
    missing and nobody chose it, the repository's default branch is fetched. A commit that is already there is
    used as it is, without asking the server. Raises `GitError` with what the server said, in words, and where
    the commit has more or larger files than a checkout may have; then nothing of it stays.
    """
    if re.fullmatch(FULL_HASH, origin.revision):
        ready = folder / origin.revision
        if ready.is_dir():
            os.utime(ready)
            return origin.revision, ready
    folder.mkdir(parents=True, exist_ok=True)
    _remove_stale(folder)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as temporary:
        commit = or_default_branch(origin, lambda origin: _fetch(origin, Path(temporary)))
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

    A branch counts before a tag of its name, and a full commit is its own answer. Where the revision is
    missing and nobody chose it, the repository's default branch is asked for. Raises `GitError`.
    """
    if re.fullmatch(FULL_HASH, origin.revision):
        return origin.revision
    return or_default_branch(origin, _head)


def _head(origin: Origin) -> str:
    branch, tag = f"refs/heads/{origin.revision}", f"refs/tags/{origin.revision}"
    # An annotated tag is listed twice; the reference with ^{} is its commit.
    references = (branch, f"{tag}^{{}}", tag)
    with environment(origin) as (variables, scratch):
        command = Git(scratch, variables, local=origin.local)
        for attempt in attempts(origin):
            with attempt, explained(origin, command):
                found = list_references(command, "--quiet", origin.url, *references)
        for reference in references:
            if reference in found:
                return found[reference]
        raise no_such_revision(origin, _known_revisions(command, origin))


def or_default_branch(origin: Origin, action: Callable[[Origin], str]) -> str:
    """Do `action`; on the default branch, and saying so, where a revision that nobody chose is missing."""
    try:
        return following(origin, action)
    except NoSuchRevisionError:
        branch = following(origin, _default_branch) if origin.or_default_branch else ""
        if branch in {"", origin.revision}:
            raise
    log.info(
        "%s has no branch %s, the default of %s: its default branch %s is taken instead.",
        origin.url,
        origin.revision,
        origin.parameters.revision,
        branch,
    )
    return following(replace(origin, revision=branch), action)


def _default_branch(origin: Origin) -> str:
    """Return the branch that the repository's HEAD names; empty if it names none."""
    with environment(origin) as (variables, scratch):
        command = Git(scratch, variables, local=origin.local)
        for attempt in attempts(origin):
            with attempt, explained(origin, command):
                answer = command.ask("ls-remote", "--quiet", "--symref", origin.url, "HEAD")
    found = re.search(r"^ref: refs/heads/(\S+)\tHEAD$", answer, re.MULTILINE)
    return found[1] if found else ""


def following(origin: Origin, action: Callable[[Origin], str]) -> str:
    """Do `action`, again where the server says that the repository has another path.

    Raises GitError for a redirect that leaves the host, or does not end.
    """
    place = origin
    for _ in range(REDIRECTS + 1):
        try:
            return action(place)
        except RedirectError as error:
            place = place.moved(error.location)
    raise GitError(
        f"the Git server leads from {origin.url} in a circle",
        f"check {origin.parameters.url} with 'git ls-remote'",
    )


def _fetch(origin: Origin, folder: Path) -> str:
    """Fetch into a bare repository in `folder`, write the files to `tree` beside it; return the commit."""
    bare, tree = folder / "git", folder / "tree"
    with environment(origin) as (variables, _):
        command = Git(
            folder,
            {**variables, "GIT_DIR": str(bare)},
            settings=(f"remote.origin.url={origin.url}",),
            local=origin.local,
        )
        for attempt in attempts(origin):
            with attempt, explained(origin, command):
                for left in (bare, tree):  # of an attempt that failed or was redirected
                    shutil.rmtree(left, ignore_errors=True)
                command.ask("init", "--bare", "--quiet", "--template=", "--initial-branch=checkout")
                name = fetch_commit(command, origin.revision)
                commit = Commit(command, name, f"commit {name} of {origin.url}", origin.advice)
                wanted = commit.wanted()
                fetch_blobs(command, {entry.blob for entry in wanted})
                commit.write(commit.measured(wanted), tree)
    return name


_FETCH = ("fetch", "--quiet", "--filter=blob:none")


def fetch_commit(command: Git, revision: str) -> str:
    """Fetch the one commit; where a server refuses a bare hash, fetch the history without its files."""
    try:
        command.ask(*_FETCH, "--depth=1", "--no-tags", "origin", revision, seconds=FETCH_SECONDS)
        fetched = "FETCH_HEAD"
    except GitTimeoutError:
        raise
    except GitFailedError:
        if not re.fullmatch(r"[0-9a-f]{7,64}", revision):
            raise
        everything = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
        command.ask(*_FETCH, "origin", *everything, seconds=FETCH_SECONDS)
        fetched = revision
    return command.ask("rev-parse", "--verify", "--quiet", f"{fetched}^{{commit}}").strip()


def fetch_blobs(command: Git, blobs: set[str]) -> None:
    """Fetch files that a server left out, all at once; git does not ask the server where all are there."""
    if blobs:
        given = "".join(f"{blob}\n" for blob in sorted(blobs)).encode()
        options = ("--no-tags", "--no-write-fetch-head", "--stdin", "origin")
        command.ask(*_FETCH, *options, given=given, seconds=FETCH_SECONDS)


@contextmanager
def environment(origin: Origin) -> Iterator[tuple[dict[str, str], Path]]:
    """Give git's environment, and a scratch folder outside the workspace, where the private key is copied."""
    with (
        files.scratch("git-access") as scratch,
        origin.credentials.environment(origin.url, scratch) as variables,
    ):
        yield variables, scratch


@contextmanager
def explained(origin: Origin, command: Git) -> Iterator[None]:
    """Raise a failure of git as a GitError in words."""
    try:
        yield
    except GitTimeoutError as error:
        raise took_too_long(origin, error.seconds) from error
    except GitFailedError as error:
        if re.search(r"error: 30[1278]\b", error.stderr):
            raise RedirectError(_location(command, origin)) from error
        raise explain(error.stderr, origin, lambda: _known_revisions(command, origin)) from error


def _location(command: Git, origin: Origin) -> str:
    """Ask once more, for the header in which the server names the repository's place; empty without one."""
    tracing = {**command.environment, "GIT_TRACE_CURL": "1", "GIT_TRACE_CURL_NO_DATA": "1"}
    try:
        replace(command, environment=tracing).ask("ls-remote", "--quiet", origin.url)
    except GitFailedError as error:
        found = re.findall(r"<= Recv header: location: *(\S+)", error.stderr, re.IGNORECASE)
        return found[-1] if found else ""
    return ""


def _known_revisions(command: Git, origin: Origin) -> list[str]:
    """Return the names of the server's branches and tags, or nothing if it refuses to list them."""
    try:
        references = list_references(command, "--heads", "--tags", "--refs", origin.url)
    except GitFailedError:
        return []
    return [reference.split("/", 2)[2] for reference in references]


def list_references(command: Git, *arguments: str) -> dict[str, str]:
    """Run `git ls-remote`; return the commit or tag object of each reference."""
    lines = (line.split("\t") for line in command.ask("ls-remote", *arguments).splitlines())
    return {reference: commit for commit, reference in lines}


def attempts(origin: Origin) -> Iterator[stamina.Attempt]:
    """Yield four attempts within a minute where the network fails; say of each but the first which it is."""
    from stamina import retry_context

    # stamina says of each retry only that there is one.
    logging.getLogger("stamina").setLevel(logging.ERROR)
    for attempt in retry_context(on=TransientGitError, attempts=ATTEMPTS, wait_initial=1.0, timeout=60):
        if attempt.num > 1:
            log.warning("no answer from %s; attempt %d of %d", origin.url, attempt.num, ATTEMPTS)
        yield attempt


def _remove_stale(folder: Path) -> None:
    """Remove checkouts that no run can be reading any more, and what a killed fetch left behind."""
    for entry in _entries(folder):
        limit = KILLED_SECONDS if entry.name.startswith(".fetch-") else STALE_SECONDS
        with suppress(FileNotFoundError):
            if time.time() - entry.stat().st_mtime > limit:
                shutil.rmtree(entry, ignore_errors=True)


def _entries(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.is_dir() and re.fullmatch(rf"{FULL_HASH}|\.fetch-.*", entry.name):
            yield entry
