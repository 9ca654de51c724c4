"""What a node leaves in the kernel when it is killed and not drained: processes, networks, rules, mounts.

Nothing here needs containerd to be alive, so that a cluster that was killed half-way is cleaned up, too.
Only what names the testbed is touched: a machine may have other containers.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from pathlib import Path

from tests.testbed.layout import BIN, BRIDGE, CONTAINERD_SOCKET, NETWORK, NODE_ADDRESS, STATE, TestbedError
from tests.testbed.processes import run
from tests.testbed.runtime import MASQUERADE
from tests.testbed.waiting import wait_until

# Where libcni remembers what it attached; it knows no other place.
_ATTACHED = Path("/var/lib/cni/results")


def kill_containers() -> None:
    """Kill every shim of the testbed's containerd and the first process of each of its containers."""
    shims = _shims()
    for shim in shims:
        for pid in [*_children(shim), shim]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    wait_until("the containers to end", lambda: not _shims(), timeout=20)


def remove_networks() -> None:
    """Take back the pods' network namespaces and rules, the bridge and the node's address."""
    for record in list(_ATTACHED.glob(f"{NETWORK}-*")):
        attached = json.loads(record.read_text())
        for interface in attached.get("result", {}).get("interfaces", []):
            if space := interface.get("sandbox"):
                run("umount", space, check=False)
                Path(space).unlink(missing_ok=True)
        for file in _ATTACHED.glob(f"*-{attached['containerId']}-*"):
            file.unlink()
    # A program that is not installed has left nothing.
    if shutil.which("iptables"):
        _remove_rules()
    if shutil.which("ip"):
        run("ip", "link", "del", BRIDGE, check=False)
        run("ip", "addr", "del", f"{NODE_ADDRESS}/32", "dev", "lo", check=False)


def unmount() -> None:
    """Unmount what is left under the state folder, the innermost first."""
    for mount in sorted(_mounts(), key=len, reverse=True):
        run("umount", "--lazy", mount, check=False)
    if left := _mounts():
        # Deleting the folder now would delete what is mounted there.
        raise TestbedError(f"cannot be unmounted, so {STATE} stays: {' '.join(left)}")


def _mounts() -> list[str]:
    points = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [point for point in points if point.startswith(f"{STATE}/")]


def _shims() -> list[int]:
    """The live shims that belong to our containerd, by the socket each was told."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if "containerd-shim" in words[0] and str(CONTAINERD_SOCKET) in words:
                found.append(int(process.name))
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, children.read_text().split())
    return found


def _remove_rules() -> None:
    """Drop the address translation of our pods, and what kube-proxy wrote."""
    if (BIN / "kube-proxy").exists():
        run(BIN / "kube-proxy", "--cleanup", check=False, timeout=60)
    run("iptables", "-t", "nat", "-D", *MASQUERADE, check=False)
