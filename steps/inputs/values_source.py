"""Values files, from a revision of a Git repository or from a local folder."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from steps.errors import NotFoundError, StepError
from steps.git_access import Credentials, Origin, ParameterNames
from steps.parameters.table import content as table
from steps.parameters.table.access import CA_BUNDLE
from steps.tree import Tree
from steps.yaml.source import SourceFile

if TYPE_CHECKING:
    from steps.parameters.parameter import Values

PARAMETERS = ParameterNames(
    url="values-git-url", revision="values-git-revision", credentials="values-git-secret"
)
SHOWN = 30  # files in a hint
_HUB = "autoshift/values/clustersets/hub.yaml"
_SUCCESSORS = ("autoshift/values/global.yaml", _HUB, "autoshift/values/clustersets/managed.yaml")

log = logging.getLogger("steps.inputs")


@dataclass(frozen=True, slots=True)
class ValuesFiles:
    """Values files in the order of merging, with the `values-file-path` that names them.

    `notes` are sentences: what was taken instead of another file, and what was left out.
    """

    path: str
    files: tuple[SourceFile, ...]
    notes: tuple[str, ...] = ()


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
        unchosen = self.revision == table.VALUES_GIT_REVISION.default
        origin = Origin(self.url, self.revision, self.credentials, PARAMETERS, or_default_branch=unchosen)
        from steps import repository  # late: a local folder needs no Git

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


def read_values(tree: Tree, file_path: str) -> ValuesFiles:
    """Read the values files that `file_path` selects, and log what was not as it asks.

    Of a folder or glob, files that are no values are left out. Raises `NotFoundError` with the values files
    that exist.
    """
    path, note = _instead_of_default(tree, file_path)
    found: dict[str, SourceFile] = {}
    left_out: list[str] = []

    def keep(name: str) -> bool:
        from steps.autoshift.fleet import TOP_KEYS  # late: fetch-values reads no YAML where files are named
        from steps.autoshift.values import is_values

        try:
            found[name] = SourceFile(name, tree.read(name))
            kept = is_values(found[name], TOP_KEYS)
        except StepError:  # a link that leads nowhere or out of the repository
            kept = False
        if not kept:
            left_out.append(name)
        return kept

    try:
        paths = tree.select(path, keep)
        files = tuple(found.get(name) or SourceFile(name, tree.read(name)) for name in paths)
    except NotFoundError as error:
        raise NotFoundError(error.reason, f"check values-file-path; {_there_are(tree)}") from error
    notes = tuple(filter(None, (note, _left_out(sorted(set(left_out) - set(paths))))))
    for text in notes:
        log.info("%s", text)
    return ValuesFiles(path, files, notes)


def _instead_of_default(tree: Tree, file_path: str) -> tuple[str, str]:
    """Return which files to read, and why if they are others than `file_path`.

    AutoShift had the file of the default until 2026-02-19 (6dd48edc). Where it is missing and the folder that
    took its place is there, the files of the same fleet are taken: the hub, its managed clusters, and what
    both share.
    """
    default = table.VALUES_FILE_PATH.default
    if file_path != default or default in tree.paths or _HUB not in tree.paths:
        return file_path, ""
    path = ",".join(name for name in _SUCCESSORS if name in tree.paths)
    return (
        path,
        f"{default}, the default of values-file-path, is not in this revision; {path} is taken instead",
    )


def _left_out(paths: list[str]) -> str:
    if not paths:
        return ""
    from steps.autoshift.listing import few_paths

    return f"Left out of values-file-path, as no values: {few_paths(paths)}"


def _there_are(tree: Tree) -> str:
    from steps.autoshift.values import values_candidates

    yaml_files = [path for path in tree.paths if path.endswith((".yaml", ".yml"))]
    found = values_candidates(tree.paths) or yaml_files
    return f"there are: {', '.join(found[:SHOWN])}" if found else "there is no YAML file at all"


def read_policies(tree: Tree) -> list[SourceFile]:
    """Read the policy files with the operators' defaults; only AutoShift's own repository has any."""
    from steps.autoshift.policies import is_policy_file

    return [SourceFile(path, tree.read(path)) for path in tree.paths if is_policy_file(path)]
