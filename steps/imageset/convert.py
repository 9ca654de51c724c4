"""An ImageSetConfiguration of oc-mirror v1 (v1alpha2) as one of v2, where nothing is lost by it.

v1alpha2 is openshift/oc-mirror v1/pkg/api/v1alpha2/types_config.go. What v2 keeps has the same names; its
state moved from `storageConfig` to the working directory; what has no counterpart is refused rather than
dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

from steps.errors import InvalidInputError
from steps.imageset.schema import API_VERSION, GONE, IMAGESET, Fields, Many, Shape
from steps.yaml.source import SourceFile
from steps.yaml.text import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

# Said nothing in v1 that v2 does not do by itself.
_DROPPED: Final = frozenset({"storageConfig", "headsOnly", "originalRef", "skipDependencies"})


def convert_v1alpha2(text: str, *, origin: str) -> str:
    """Rewrite an ImageSet of oc-mirror v1 for v2; comments are not kept.

    v1 followed the dependencies of operators, v2 does not: packages that others need have to be added by
    hand, and the first line of the result says so. Raises InvalidInputError naming every field without
    counterpart.
    """
    parse(SourceFile(origin, text.encode()))  # refuses what is not well-formed, with its line
    tree = _load(text, origin)
    lost = list(_without_counterpart(tree, IMAGESET, ""))
    if lost:
        raise InvalidInputError(
            f"{origin}: cannot be converted for oc-mirror v2 without loss: {'; '.join(lost)}",
            "write an ImageSetConfiguration v2alpha1 by hand",
        )
    kept = {"apiVersion": API_VERSION} | {key: _keep(tree[key]) for key in tree if key not in _DROPPED}
    kept["apiVersion"] = API_VERSION
    body: str = yaml.dump(kept, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True)
    return f"# Converted from v1alpha2. oc-mirror v2 adds no dependencies: list what operators need.\n{body}"


def _load(text: str, origin: str) -> dict[str, Any]:
    try:
        tree = yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError) as error:  # a tag that nobody knows, a date that is none
        reason = f"{origin}: not valid YAML: {' '.join(str(error).split())}"
        raise InvalidInputError(reason, "remove tags (!name) and put dates in quotes") from error
    return tree if isinstance(tree, dict) else {}


def _keep(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _keep(value) for key, value in tree.items() if key not in _DROPPED}
    return [_keep(item) for item in tree] if isinstance(tree, list) else tree


def _without_counterpart(tree: Any, shape: Shape, path: str) -> Iterator[str]:
    if isinstance(shape, Fields) and isinstance(tree, dict):
        for key, value in tree.items():
            inner = f"{path}.{key}" if path else str(key)
            if key in shape.fields:
                yield from _without_counterpart(value, shape.fields[key], inner)
            elif key not in _DROPPED:
                yield f"{inner} ({GONE.get(str(key), 'unknown')})"
    elif isinstance(shape, Many) and isinstance(tree, list):
        for index, item in enumerate(tree):
            yield from _without_counterpart(item, shape.item, f"{path}[{index}]")
