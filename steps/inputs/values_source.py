"""Values files, from a revision of a Git repository or from a local folder."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from steps import repository
from steps.errors import NotFoundError
from steps.git_access import Credentials, Origin, ParameterNames
from steps.parameters.table import content as table
from steps.parameters.table.mirror_run import CA_BUNDLE
from steps.tree import Tree
from steps.yaml.source import SourceFile

if TYPE_CHECKING:
    from steps.parameters.parameter import Values

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


def from_values(given: Values, *, root: Path | None = None, revision: str | None = None) -> ValuesSource:
    """Collect where the values are; `root` overrides the repository, `revision` what was given for it."""
    return ValuesSource(
        url=given[table.VALUES_GIT_URL],
        revision=revision or given[table.VALUES_GIT_REVISION],
        file_path=given[table.VALUES_FILE_PATH],
        root=root,
        workspace=given[table.WORKSPACE],
        credentials=Credentials(given[table.VALUES_GIT_SECRET_PATH], given[CA_BUNDLE]),
    )


def read_values(tree: Tree, file_path: str) -> list[SourceFile]:
    """Read the values files that `file_path` selects. Raises `NotFoundError` with the files that exist."""
    try:
        return [SourceFile(path, tree.read(path)) for path in tree.select(file_path)]
    except NotFoundError as error:
        from steps.autoshift.values import values_candidates  # late, as below: fetch-values reads no YAML

        yaml_files = [path for path in tree.paths if path.endswith((".yaml", ".yml"))]
        found = values_candidates(tree.paths) or yaml_files
        there_are = f"there are: {', '.join(found[:SHOWN])}" if found else "there is no YAML file at all"
        raise NotFoundError(error.reason, f"check values-file-path; {there_are}") from error


def read_policies(tree: Tree) -> list[SourceFile]:
    """Read the policy files with the operators' defaults; only AutoShift's own repository has any."""
    from steps.autoshift.policies import is_policy_file

    return [SourceFile(path, tree.read(path)) for path in tree.paths if is_policy_file(path)]
