"""The objects of an old installation, read from files or handed over by the caller from a cluster.

Three of the old files are not valid YAML (text at column 0 inside a script); kubectl refuses them too. A file
that cannot be read is listed in `Installation.unread`, and the others are read all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steps.errors import NotFoundError
from steps.yaml.text import NotYamlError
from steps.yaml.values import values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

OURS = ("app.kubernetes.io/part-of", "oc-mirror-pipeline")
"""The label (key, value) of all objects that tekton/ and its runs make; the old installation never set it."""


@dataclass(frozen=True, slots=True)
class OldObject:
    """A Kubernetes object and where it was found: `origin` is a file's path, or `cluster`."""

    body: dict[str, Any]
    origin: str

    @property
    def kind(self) -> str:
        """The kind, without the API group."""
        return text(self.body, "kind")

    @property
    def namespace(self) -> str:
        """The namespace; empty if the object has none or the file does not name it."""
        return text(self.body, "metadata", "namespace")

    @property
    def name(self) -> str:
        """The name, or the `generateName` of an object without a name."""
        return text(self.body, "metadata", "name") or text(self.body, "metadata", "generateName")

    @property
    def is_ours(self) -> bool:
        """Whether the new pipelines made the object."""
        return text(self.body, "metadata", "labels", OURS[0]) == OURS[1]

    def __str__(self) -> str:
        """Return `KIND NAMESPACE/NAME`, or `KIND NAME` without a namespace."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Installation:
    """The objects that were read, and what could not be read (one line each: what and why)."""

    objects: tuple[OldObject, ...] = ()
    unread: tuple[str, ...] = ()

    def __add__(self, other: Installation) -> Installation:
        """Return the objects and the unread of both."""
        return Installation(self.objects + other.objects, self.unread + other.unread)


def read_folder(folder: Path) -> Installation:
    """Read every YAML file below `folder`.

    Raises NotFoundError if there is no such folder or no YAML file in it.
    """
    hint = "name the folder with the old pipeline's manifests, such as autoshiftv2/oc-mirror/pipeline"
    if not folder.is_dir():
        raise NotFoundError(f"there is no folder {folder}", hint)
    files = sorted(path for path in folder.rglob("*") if path.suffix in {".yaml", ".yml"} and path.is_file())
    if not files:
        raise NotFoundError(f"no YAML file is below {folder}", hint)
    objects: list[OldObject] = []
    unread: list[str] = []
    for path in files:
        name = str(path.relative_to(folder))
        try:
            objects += [OldObject(body, name) for body in _objects(path.read_bytes())]
        except (OSError, ValueError) as error:
            unread.append(f"{name}: {_problem(error)}")
    return Installation(tuple(objects), tuple(unread))


def text(tree: object, *path: str) -> str:
    """Return the text at a path of keys; empty if there is none, whatever the tree's shape."""
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree if isinstance(tree, str) else ""


def entries(tree: object, *path: str) -> list[dict[str, Any]]:
    """Return the maps in the list at a path of keys; empty if there is none."""
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return [item for item in tree if isinstance(item, dict)] if isinstance(tree, list) else []


def texts(tree: object, *path: str) -> list[str]:
    """Return the texts in the list at a path of keys; empty if there is none."""
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return [item for item in tree if isinstance(item, str)] if isinstance(tree, list) else []


def mapping(tree: object, *path: str) -> dict[str, Any]:
    """Return the map at a path of keys; empty if there is none."""
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree if isinstance(tree, dict) else {}


def _objects(content: bytes) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file, and the items of a List; skip other YAML documents."""
    documents: Iterable[object] = values(content)
    for document in documents:
        if isinstance(document, dict) and text(document, "kind").endswith("List"):
            yield from entries(document, "items")
        elif isinstance(document, dict) and text(document, "kind"):
            yield document


def _problem(error: Exception) -> str:
    if isinstance(error, NotYamlError) and error.line:
        return f"not valid YAML, line {error.line}: {error.what.removeprefix('not valid YAML: ')}"
    return " ".join(str(error).split())
