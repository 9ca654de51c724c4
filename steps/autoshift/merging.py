"""Several values files become one tree, the way Helm merges its `-f` files.

Helm (pkg/cli/values/options.go, mergeMaps): a map merges into a map key by key; anything else, lists and
nulls included, replaces what was there. A null stays as null: AutoShift's chart renders it as a blank label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steps.autoshift.yamltext import Tree, parse
from steps.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steps.autoshift.source import SourceFile


def merge(base: dict[str, Tree], over: dict[str, Tree]) -> dict[str, Tree]:
    """Merge `over` into `base` and return the result; both stay as they are."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def read_values(values: Sequence[SourceFile]) -> tuple[dict[str, Tree], list[str]]:
    """Parse the files and merge them in order; also return warnings.

    Raises InvalidInputError for a file that is not well-formed or whose top level is not a map.
    """
    merged: dict[str, Tree] = {}
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
            merged = merge(merged, document)
    return merged, warnings
