"""Values files, from a revision of a Git repository or from a local folder."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from steps import repository
from steps.autoshift.policies import is_policy_file
from steps.autoshift.values import values_candidates
from steps.cli import optional
from steps.errors import NotFoundError
from steps.git_access import Credentials, Origin, ParameterNames
from steps.tree import Tree
from steps.yaml.source import SourceFile

if TYPE_CHECKING:
    import argparse

DEFAULT_URL = "https://github.com/auto-shift/autoshiftv2.git"
DEFAULT_PATH = "autoshift/values.hub.yaml"
PARAMETERS = ParameterNames(
    url="values-git-url", revision="values-git-revision", credentials="values-git-secret"
)
SHOWN = 30  # files in a hint


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuesSource:
    """Where the values files are: in the local folder `root` or, if that is None, in a Git repository."""

    url: str
    revision: str
    file_path: str
    root: Path | None
    workspace: Path | None
    credentials: Credentials

    def open(self) -> tuple[str, Tree]:
        """Return the commit (empty for a local folder) and the files.

        Raises `UsageError` for an unsafe URL or revision, `GitError`, and `NotFoundError` if there is no such
        folder.
        """
        if self.root:
            if not self.root.is_dir():
                raise NotFoundError(f"there is no folder {self.root}", "check the path of the values")
            return "", Tree(self.root)
        folder = (self.workspace or Path(tempfile.gettempdir())) / "values"
        origin = Origin(self.url, self.revision, self.credentials, PARAMETERS)
        commit, root = repository.checkout(origin, folder)
        return commit, Tree(root)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that `from_arguments` reads."""
    group = parser.add_argument_group("values")
    group.add_argument("--values-git-url", default=DEFAULT_URL, help="repository of the values files")
    group.add_argument("--values-git-revision", default="main", help="branch, tag or commit")
    group.add_argument(
        "--values-file-path",
        default=DEFAULT_PATH,
        help="values file in the repository; several with commas between are merged in that order as Helm "
        "merges; a folder or glob takes all its values files",
    )
    group.add_argument(
        "--values-git-secret-path",
        type=optional(Path),
        metavar="DIR",
        help="mounted Secret: username and password, or ssh-privatekey and known_hosts",
    )
    group.add_argument(
        "--ca-bundle", type=optional(Path), metavar="FILE", help="extra CAs, if the file exists"
    )
    group.add_argument("--workspace", type=optional(Path), metavar="DIR", help="where Tasks share files")


def from_arguments(arguments: argparse.Namespace, *, root: Path | None = None) -> ValuesSource:
    """Make the source from the arguments; a `root` replaces the repository."""
    return ValuesSource(
        url=arguments.values_git_url,
        revision=arguments.values_git_revision,
        file_path=arguments.values_file_path,
        root=root,
        workspace=arguments.workspace,
        credentials=Credentials(arguments.values_git_secret_path, arguments.ca_bundle),
    )


def read_values(tree: Tree, file_path: str) -> list[SourceFile]:
    """Read the values files that `file_path` selects. Raises `NotFoundError` with the files that exist."""
    try:
        return [SourceFile(path, tree.read(path)) for path in tree.select(file_path)]
    except NotFoundError as error:
        yaml_files = [path for path in tree.paths if path.endswith((".yaml", ".yml"))]
        found = values_candidates(tree.paths) or yaml_files
        there_are = f"there are: {', '.join(found[:SHOWN])}" if found else "there is no YAML file at all"
        raise NotFoundError(error.reason, f"check values-file-path; {there_are}") from error


def read_policies(tree: Tree) -> list[SourceFile]:
    """Read the policy files with the operators' defaults; only AutoShift's own repository has any."""
    return [SourceFile(path, tree.read(path)) for path in tree.paths if is_policy_file(path)]
