#!/usr/bin/env python3
"""The stand-in for oc-mirror, and what of the real program it lacks: files that a run leaves for us to read.

catalogs as they were filtered, charts            where the ImageSet names operators, and charts
signatures of a release, another by each ImageSet  in the cluster resources of a run to a registry
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[4]))

from tests.standin import oc_mirror

CATALOG = (
    {
        "schema": "olm.channel",
        "package": "alpha",
        "name": "stable",
        "entries": [{"name": "alpha.v1.1.0"}],
    },
    {
        "schema": "olm.bundle",
        "package": "alpha",
        "name": "alpha.v1.1.0",
        "image": "registry.example.com/alpha/alpha-bundle:v1",
        "properties": [{"type": "olm.package", "value": {"packageName": "alpha", "version": "1.1.0"}}],
    },
)


def add(argv: list[str]) -> None:
    """Add to the working directory of a run what the stand-in leaves out."""
    options = oc_mirror.parse(argv)
    root = options.workspace or options.from_ or options.destination
    working_dir = Path(root.removeprefix("file://")) / "working-dir"
    mirror = oc_mirror.read_config(options.config)["mirror"]
    if mirror.get("operators"):
        folder = working_dir / "operator-catalogs/index" / ("1" * 64) / "filtered-catalogs/f/catalog-config"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "catalog.json").write_text("\n".join(json.dumps(part) for part in CATALOG))
    for repository in (mirror.get("helm") or {}).get("repositories") or []:
        for chart in repository["charts"]:
            (working_dir / "helm/charts" / f"{chart['name']}-{chart['version']}.tgz").touch()
    if options.destination.startswith("docker://"):
        name = hashlib.sha256(Path(options.config).read_bytes()).hexdigest()
        resource = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": "mirrored-release-signatures",
                "namespace": "openshift-config-managed",
                "labels": {"release.openshift.io/verification-signatures": ""},
            },
            "binaryData": {f"sha256-{name}-1": "c2lnbmF0dXJl"},
        }
        path = working_dir / "cluster-resources" / "signature-configmap.yaml"
        path.write_text(json.dumps(resource) + "\n")


if __name__ == "__main__":
    exit_code = oc_mirror.main(sys.argv[1:])
    if exit_code == 0 and "--v2" in sys.argv and "--dry-run" not in sys.argv:
        add(sys.argv[1:])
    sys.exit(exit_code)
