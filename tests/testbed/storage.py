"""Storage: `local` volumes prepared in advance, and a process that makes used ones fresh again.

Local volumes honour fsGroup as real storage does; the controller manager's own hostPath provisioner does
not, so a random UID could not write to what it makes.
"""

from __future__ import annotations

import json
import shutil
import sys
import time

from tests.testbed import control
from tests.testbed.layout import NODE_NAME, VOLUMES, TestbedError
from tests.testbed.processes import Daemon

COUNT = 40
_PAUSE = 2.0

_CLASS = """\
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: testbed
  annotations: {storageclass.kubernetes.io/is-default-class: "true"}
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: WaitForFirstConsumer
"""


def _volume(name: str) -> str:
    return f"""\
apiVersion: v1
kind: PersistentVolume
metadata: {{name: {name}}}
spec:
  storageClassName: testbed
  capacity: {{storage: 2Ti}}
  accessModes: [ReadWriteOnce, ReadWriteMany]
  persistentVolumeReclaimPolicy: Retain
  local: {{path: {VOLUMES / name}}}
  nodeAffinity:
    required:
      nodeSelectorTerms:
        - matchExpressions: [{{key: kubernetes.io/hostname, operator: In, values: [{NODE_NAME}]}}]
"""


def start() -> None:
    """Create the class, the volumes and the process that recycles them."""
    names = [f"testbed-{number:02}" for number in range(1, COUNT + 1)]
    for name in names:
        (VOLUMES / name).mkdir(parents=True, exist_ok=True)
    control.apply("---\n".join([_CLASS, *map(_volume, names)]))
    Daemon("recycler", [sys.executable, "-m", "tests.testbed", "recycler"]).start()


def recycle() -> list[str]:
    """Make every Released volume Available again, with an emptied folder; the names of those that were.

    The phase lags behind: a volume made fresh a moment ago may still be called Released, or be bound again by
    the time it is looked at. Only the claim that it was released by is taken from it, and only once.
    """
    volumes = json.loads(control.kubectl("get", "pv", "-o", "json"))["items"]
    released = {
        volume["metadata"]["name"]: volume["spec"]["claimRef"]["uid"]
        for volume in volumes
        if volume["status"].get("phase") == "Released" and "claimRef" in volume["spec"]
    }
    for name, claim in released.items():
        folder = VOLUMES / name
        # A new folder and not an emptied one: owner, group and mode that fsGroup set must go, too.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(exist_ok=True)
        patch = [
            {"op": "test", "path": "/spec/claimRef/uid", "value": claim},
            {"op": "remove", "path": "/spec/claimRef"},
        ]
        control.kubectl("patch", "pv", name, "--type=json", "-p", json.dumps(patch))
    return list(released)


def recycle_forever() -> None:
    """Be the recycler process: what a provisioner's reclaim policy Delete would be."""
    while True:
        try:
            if names := recycle():
                print("fresh again:", *names, flush=True)
        except TestbedError as error:  # the API server is being restarted, say
            print(error, file=sys.stderr, flush=True)
        time.sleep(_PAUSE)
