"""An ImageSetConfiguration of oc-mirror v1 (v1alpha2) as one of v2, where nothing is lost by it.

v1alpha2 is openshift/oc-mirror v1/pkg/api/v1alpha2/types_config.go. What v2 keeps has the same names; its
state moved from `storageConfig` to the working directory; what has no counterpart is refused rather than
dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

from steps.errors import InvalidInputError
from steps.imageset.model import API_VERSION, GONE, Configuration, Model, fields_of
from steps.yaml.writing import FastDumper

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Said nothing in v1 that v2 does not do by itself.
_DROPPED: Final = frozenset({"storageConfig", "headsOnly", "originalRef", "skipDependencies"})


def convert_v1alpha2(document: Mapping[str, Any], *, origin: str) -> str:
    """Rewrite an ImageSet of oc-mirror v1 for v2; comments are not kept.

    v1 followed the dependencies of operators, v2 does not: packages that others need have to be added by
    hand, and the first line of the result says so. Raises InvalidInputError naming every field without
    counterpart.
    """
    lost = list(_without_counterpart(document, Configuration, ""))
    if lost:
        raise InvalidInputError(
            f"{origin}: cannot be converted for oc-mirror v2 without loss: {'; '.join(lost)}",
            "write an ImageSetConfiguration v2alpha1 by hand",
        )
    kept = {"apiVersion": API_VERSION} | _keep(document)
    kept["apiVersion"] = API_VERSION
    body: str = yaml.dump(kept, Dumper=FastDumper, sort_keys=False, allow_unicode=True)
    return f"# Converted from v1alpha2. oc-mirror v2 adds no dependencies: list what operators need.\n{body}"


def _keep(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _keep(value) for key, value in tree.items() if key not in _DROPPED}
    return [_keep(item) for item in tree] if isinstance(tree, list) else tree


def _without_counterpart(tree: Any, kind: type, path: str) -> Iterator[str]:
    if isinstance(tree, list):
        for index, item in enumerate(tree):
            yield from _without_counterpart(item, kind, f"{path}[{index}]")
    if not isinstance(tree, dict) or not issubclass(kind, Model):
        return
    known = fields_of(kind)
    for key, value in tree.items():
        inner = f"{path}.{key}" if path else str(key)
        if key in known:
            yield from _without_counterpart(value, known[key].type, inner)
        elif key not in _DROPPED:
            yield f"{inner} ({GONE.get(str(key), 'unknown')})"
