"""Several values files become one tree, the way Helm merges its `-f` files.

Helm (pkg/cli/values/options.go, mergeMaps): a map merges into a map key by key; anything else, lists and
nulls included, replaces what was there. A null stays as null: AutoShift's chart renders it as a blank label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steps.errors import InvalidInputError
from steps.yaml.text import Tree, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steps.yaml.source import SourceFile


class Merger:
    """Merges maps one after another into `result`, and changes none of them.

    A map is copied when something is first merged into it, not at every merge: a fleet may have a file a
    cluster, and copying all clusters for each would take the square of their number.
    """

    def __init__(self) -> None:
        """Begin with an empty map."""
        self.result: dict[str, Tree] = {}
        self._ours: dict[int, dict[str, Tree]] = {}  # kept alive, so that an id means one map

    def add(self, over: dict[str, Tree]) -> None:
        """Merge `over` into the result."""
        self._absorb(self.result, over)

    def _absorb(self, base: dict[str, Tree], over: dict[str, Tree]) -> None:
        for key, value in over.items():
            below = base.get(key)
            if isinstance(below, dict) and isinstance(value, dict):
                if id(below) not in self._ours:
                    below = dict(below)
                    self._ours[id(below)] = below
                    base[key] = below
                self._absorb(below, value)
            else:
                base[key] = value


def merge(base: dict[str, Tree], over: dict[str, Tree]) -> dict[str, Tree]:
    """Merge `over` into `base` and return the result; both stay as they are."""
    merger = Merger()
    merger.add(base)
    merger.add(over)
    return merger.result


def read_values(values: Sequence[SourceFile]) -> tuple[dict[str, Tree], list[str]]:
    """Parse the files and merge them in order; also return warnings.

    Raises InvalidInputError for a file that is not well-formed or whose top level is not a map.
    """
    merger = Merger()
    warnings = []
    for source in values:
        documents = [document for document in parse(source) if document is not None]
        if len(documents) > 1:
            warnings.append(
                f"{source.path} has {len(documents)} YAML documents: Helm reads only the first, all are used "
                "here; make each a file of its own"
            )
        for document in documents:
            if not isinstance(document, dict):
                kind = "a list" if isinstance(document, list) else "a single text"
                raise InvalidInputError(
                    f"{source.path}: the top level is {kind}, not a map",
                    "name an AutoShift values file (hubClusterSets, managedClusterSets, clusters)",
                )
            merger.add(document)
    return merger.result, warnings
