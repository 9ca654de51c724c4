"""What the tests of real mirroring share: images of the testbed's registry, and the records on a volume.

The image of the product holds the stand-in, or the real oc-mirror where $OC_MIRROR names it.
"""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any

from tests.standin.oc_mirror import Image
from tests.standin.oc_mirror import Registry as Pusher
from tests.testbed.client import Cluster
from tests.testbed.layout import VOLUMES
from tests.testbed.registry import Registry

REAL = bool(os.environ.get("OC_MIRROR"))


def push_source(registry: Registry) -> str:
    """A path of the testbed's registry with images to mirror (the stand-in would do without)."""
    prefix = f"source-{uuid.uuid4().hex[:8]}"
    pusher = Pusher(registry.host, verify=False)
    pusher.check()
    for name in ("team/app:v1", "team/app:v2", "team/db:v1"):
        repository, _, tag = name.partition(":")
        path = f"{prefix}/{repository}"
        pusher.push(Image(f"{registry.host}/{path}:{tag}", "additional", path, tag), path)
    return f"{registry.host}/{prefix}"


def imageset(source: str, *images: str) -> str:
    """An ImageSet of some images (REPOSITORY:TAG) below a path."""
    lines = "".join(f"  - name: {source}/{image}\n" for image in images)
    head = "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n"
    return f"{head}  additionalImages:\n{lines}"


def volume(cluster: Cluster, namespace: str) -> Path:
    """The folder of the workload's volume, as the node has it."""
    claim = cluster.get("pvc", "oc-mirror-workspace", "-n", namespace)
    return VOLUMES / str(claim["spec"]["volumeName"])


def records(folder: Path, kind: str) -> list[dict[str, Any]]:
    """The records of generations (`generations`) or of runs (`runs`), oldest first."""
    pattern = "generations/[0-9]*/generation.json" if kind == "generations" else "runs/[0-9]*.json"
    return [json.loads(path.read_text()) for path in sorted(folder.glob(pattern))]
