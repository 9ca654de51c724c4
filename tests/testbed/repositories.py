"""Git repositories for tests: made from a folder's files, and grown commit by commit."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.testbed.processes import run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.testbed.gitserver import GitServer

# A commit of the same files by the same call has the same hash, whoever runs the test.
_IDENTITY = {
    "GIT_AUTHOR_NAME": "Testbed",
    "GIT_AUTHOR_EMAIL": "testbed@example.com",
    "GIT_COMMITTER_NAME": "Testbed",
    "GIT_COMMITTER_EMAIL": "testbed@example.com",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}


@dataclass(frozen=True)
class Repository:
    """A bare repository and the URL it is served under."""

    bare: Path
    url: str

    @staticmethod
    def create(server: GitServer, name: str, files: Path, *, branch: str = "main") -> Repository:
        """A repository with one commit of a folder's files, in place of an older one of that name."""
        bare = server.root / f"{name}.git"
        shutil.rmtree(bare, ignore_errors=True)
        run("git", "init", "--quiet", "--bare", f"--initial-branch={branch}", bare, env=_IDENTITY)
        with tempfile.TemporaryDirectory(prefix="testbed-git-") as temporary:
            tree = Path(temporary) / "tree"
            shutil.copytree(files, tree, symlinks=True, ignore=shutil.ignore_patterns(".git"))
            run("git", "init", "--quiet", f"--initial-branch={branch}", tree, env=_IDENTITY)
            _commit(tree, bare, "first", branch)
        return Repository(bare, server.repository_url(name))

    def push(
        self, changes: Mapping[str, str | None], *, message: str = "change", branch: str = "main"
    ) -> str:
        """Commit changed files (None deletes one) on a branch, made from HEAD if new; the commit's hash."""
        with tempfile.TemporaryDirectory(prefix="testbed-git-") as temporary:
            tree = Path(temporary) / "tree"
            run("git", "clone", "--quiet", self.bare, tree, env=_IDENTITY)
            known = run("git", "rev-parse", "--verify", "--quiet", f"origin/{branch}", cwd=tree, check=False)
            start = "HEAD" if known.returncode else f"origin/{branch}"
            run("git", "checkout", "--quiet", "-B", branch, start, cwd=tree, env=_IDENTITY)
            for name, content in changes.items():
                path = tree / name
                if content is None:
                    path.unlink()
                else:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(content)
            return _commit(tree, self.bare, message, branch)

    def head(self, branch: str = "main") -> str:
        """The hash of a branch's newest commit."""
        return run("git", "rev-parse", branch, cwd=self.bare).stdout.strip()


def _commit(tree: Path, bare: Path, message: str, branch: str) -> str:
    run("git", "add", "--all", "--force", cwd=tree, env=_IDENTITY)
    run("git", "commit", "--quiet", "--allow-empty", "-m", message, cwd=tree, env=_IDENTITY)
    run("git", "push", "--quiet", bare, f"HEAD:refs/heads/{branch}", cwd=tree, env=_IDENTITY)
    return run("git", "rev-parse", "HEAD", cwd=tree).stdout.strip()
