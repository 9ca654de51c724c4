"""The parts of a released image as CycloneDX: what the image lists of itself, with oc-mirror's Go modules.

The image lists its packages by its own command, `list-image-contents` (steps/image_trust/sbom.py). It has no
tool for the list of modules that the Go toolchain writes into a program; the machine of the release has one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from steps.image_trust.sbom import purl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

PROGRAM = "oc-mirror"


def write(listed: str, version: str, made: datetime, go: str) -> str:
    """Return the SBOM of a release as JSON.

    `listed` is the image's own list, `made` the time of the release's commit, `go` what `go version -m` says
    of oc-mirror; where that is empty, the SBOM names no modules of it.
    """
    bom = json.loads(listed)
    root = bom["metadata"]["component"]
    root["version"] = version
    bom["metadata"]["timestamp"] = made.isoformat()
    modules = {one["bom-ref"]: one for one in _modules(go)}
    bom["components"] += [modules[ref] for ref in sorted(modules)]
    bom["dependencies"].append({"ref": PROGRAM, "dependsOn": sorted(modules)})
    return json.dumps(bom, indent=2) + "\n"


def _modules(go: str) -> Iterator[dict[str, Any]]:
    """The component of each module that `go version -m` prints; of a replaced one, its replacement's."""
    module: dict[str, Any] = {}
    for line in go.splitlines():
        fields = line.split()
        if len(fields) < 3 or fields[0] not in {"mod", "dep", "=>"}:
            continue
        if fields[0] != "=>" and module:
            yield module
        namespace, _, name = fields[1].lower().rpartition("/")
        url = purl("golang", namespace, name, fields[2])
        module = {"type": "library", "bom-ref": url, "name": fields[1], "version": fields[2], "purl": url}
    if module:
        yield module
