"""Read the files below one folder and none outside it: a checkout, or a plain folder on a laptop."""

from __future__ import annotations

import fnmatch
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from steps.errors import InvalidInputError, NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

# Helm refuses larger charts' values in practice (the Secret of a release holds 1 MiB); this is generous.
MAXIMUM_BYTES = 16 * 1024 * 1024
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True)
class Tree:
    """The files below `root`, named by their path relative to it with `/` between the parts."""

    root: Path

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """All files, sorted; `.git` and other hidden folders are left out."""
        found = []
        for folder, folders, names in os.walk(self.root):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            base = os.path.relpath(folder, self.root)
            found += [name if base == "." else f"{base}/{name}" for name in names]
        return tuple(sorted(found))

    @cached_property
    def _real_root(self) -> str:
        return os.path.realpath(self.root)

    def read(self, path: str) -> bytes:
        """Return a file's bytes; links that lead out of the tree, and pointers of Git LFS, are refused."""
        # Texts, not Paths: a checkout has hundreds of policies, and a Path costs more than its file.
        location = os.path.join(self.root, path)  # noqa: PTH118
        real = os.path.realpath(location)
        if real != self._real_root and not real.startswith(os.path.join(self._real_root, "")):  # noqa: PTH118
            raise InvalidInputError(
                f"{path} is a link that leads out of the repository", "put the file itself there"
            )
        try:
            size = os.stat(location).st_size  # noqa: PTH116
            if size > MAXIMUM_BYTES:
                raise InvalidInputError(
                    f"{path} has {size:,} bytes, more than {MAXIMUM_BYTES:,}", "is this a values file?"
                )
            with open(location, "rb") as file:  # noqa: PTH123
                content = file.read()
        except OSError as error:
            raise NotFoundError(f"{path} cannot be read: {error.strerror}", "check the file") from error
        if content.startswith(_LFS_POINTER):
            raise InvalidInputError(
                f"{path} is kept by Git LFS: Git itself has only a pointer to it",
                "keep values files in Git: 'git lfs untrack' the pattern, and commit the file again",
            )
        return content

    def select(self, wanted: str, keep: Callable[[str], bool] = bool) -> list[str]:
        """Resolve a comma-separated list of files, folders and globs, in the order given.

        `keep` tells which paths are taken of what a folder or glob has; a file that is named is taken in any
        case. Files whose name begins with `_` are examples in AutoShift (values/clustersets/_example.yaml): a
        folder or glob leaves them out, naming one takes it. What a folder holds comes as AutoShift passes it
        to Helm: global files first, clusters last. Raises `NotFoundError` for a part that matches nothing
        and `UsageError` for one that leaves the tree.
        """
        parts = filter(None, (piece.strip() for piece in wanted.split(",")))
        selected = list(dict.fromkeys(path for part in parts for path in self._matches(part, keep)))
        if not selected:
            raise UsageError(
                "values-file-path is empty", "name a values file, or several with commas between"
            )
        return selected

    def _matches(self, part: str, keep: Callable[[str], bool]) -> list[str]:
        pure = PurePosixPath(part)
        if pure.is_absolute() or ".." in pure.parts or "\0" in part:
            raise UsageError(
                f"values-file-path: '{part}' leaves the repository", "give a path relative to its root"
            )
        path = str(pure)
        if (self.root / path).is_file():
            return [path]
        if (self.root / path).is_dir():
            prefix = "" if path == "." else f"{path}/"
            found = [name for name in self.paths if name.startswith(prefix) and _is_values(name)]
        else:
            found = [name for name in self.paths if _glob(name, path) and _is_values(name)]
        if not found:
            raise NotFoundError(f"values-file-path: there is no '{part}'", "check values-file-path")
        kept = [name for name in sorted(found, key=_helm_order) if keep(name)]
        if not kept:
            number = f"{len(found)} YAML files" if len(found) > 1 else "one YAML file"
            raise NotFoundError(
                f"values-file-path: '{part}' has {number} and no values file", "check values-file-path"
            )
        return kept


def _helm_order(path: str) -> tuple[bool, int, str]:
    return "clusters" in path.split("/")[:-1], path.count("/"), path


def _is_values(path: str) -> bool:
    return path.endswith((".yaml", ".yml")) and not PurePosixPath(path).name.startswith("_")


def _glob(path: str, pattern: str) -> bool:
    """Match part by part, so that `*` stays within one folder."""
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))
