"""The objects of an old installation, read from files or handed over from a cluster.

Three of the old files are no YAML (text at column 0 inside a script), which kubectl refuses too; so a file
that cannot be read is told and does not stop the reading of the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from steps.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

OURS = ("app.kubernetes.io/part-of", "oc-mirror-pipeline")
"""The label of everything that tekton/ and its runs make; the old installation never set it."""


@dataclass(frozen=True, slots=True)
class Found:
    """One object, and where it was found: a file's path, or `cluster`."""

    body: dict[str, Any]
    origin: str

    @property
    def kind(self) -> str:
        """Its kind, without the API group."""
        return text(self.body, "kind")

    @property
    def namespace(self) -> str:
        """Its namespace; empty where it has none or the file does not say."""
        return text(self.body, "metadata", "namespace")

    @property
    def name(self) -> str:
        """Its name, or the `generateName` of an object that has none yet."""
        return text(self.body, "metadata", "name") or text(self.body, "metadata", "generateName")

    @property
    def is_ours(self) -> bool:
        """Whether the new pipelines made it."""
        return text(self.body, "metadata", "labels", OURS[0]) == OURS[1]

    def __str__(self) -> str:
        """Kind, namespace and name, as a person writes them."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Inventory:
    """What was found, and what could not be read (one line each: what and why)."""

    found: tuple[Found, ...] = ()
    unread: tuple[str, ...] = ()

    def __add__(self, other: Inventory) -> Inventory:
        """Both together."""
        return Inventory(self.found + other.found, self.unread + other.unread)


def read_folder(folder: Path) -> Inventory:
    """Read every YAML file below `folder`.

    Raises NotFoundError where there is no such folder or no YAML file in it.
    """
    hint = "name the folder with the old pipeline's manifests, such as autoshiftv2/oc-mirror/pipeline"
    if not folder.is_dir():
        raise NotFoundError(f"there is no folder {folder}", hint)
    files = sorted(path for path in folder.rglob("*") if path.suffix in {".yaml", ".yml"} and path.is_file())
    if not files:
        raise NotFoundError(f"no YAML file is below {folder}", hint)
    found: list[Found] = []
    unread: list[str] = []
    for path in files:
        name = str(path.relative_to(folder))
        try:
            found += [Found(body, name) for body in _objects(path.read_bytes())]
        except (yaml.YAMLError, UnicodeDecodeError, OSError, RecursionError, ValueError) as error:
            unread.append(f"{name}: {_problem(error)}")
    return Inventory(tuple(found), tuple(unread))


def text(tree: object, *path: str) -> str:
    """The text at a path of keys; empty where there is none, whatever the tree looks like."""
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree if isinstance(tree, str) else ""


def entries(tree: object, *path: str) -> list[dict[str, Any]]:
    """The maps in the list at a path of keys; empty where there is none."""
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return [item for item in tree if isinstance(item, dict)] if isinstance(tree, list) else []


def texts(tree: object, *path: str) -> list[str]:
    """The texts in the list at a path of keys; empty where there is none."""
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return [item for item in tree if isinstance(item, str)] if isinstance(tree, list) else []


def mapping(tree: object, *path: str) -> dict[str, Any]:
    """The map at a path of keys; empty where there is none."""
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree if isinstance(tree, dict) else {}


def _objects(content: bytes) -> Iterator[dict[str, Any]]:
    """The objects of one file, those of a List one by one; other YAML is passed over."""
    documents: Iterable[object] = list(yaml.load_all(content, Loader=yaml.CSafeLoader))
    for document in documents:
        if isinstance(document, dict) and text(document, "kind").endswith("List"):
            yield from entries(document, "items")
        elif isinstance(document, dict) and text(document, "kind"):
            yield document


def _problem(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f"not valid YAML, line {mark.line + 1}: {getattr(error, 'problem', None) or 'unreadable'}"
    return " ".join(str(error).split())
