"""containerd with its network: state, socket and images all under the testbed's own folder."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tests.testbed import images
from tests.testbed.layout import (
    BRIDGE,
    CNI,
    CONTAINERD,
    CONTAINERD_SOCKET,
    NETWORK,
    NODE_ADDRESS,
    POD_CIDR,
    REGISTRY,
)
from tests.testbed.processes import Daemon, run
from tests.testbed.waiting import wait_until

if TYPE_CHECKING:
    import subprocess

# restrict_oom_score_adj and disable_apparmor: a sandboxed machine grants neither.
_CONFIG = f"""\
version = 2
root = "{CONTAINERD / "root"}"
state = "{CONTAINERD / "state"}"
[grpc]
  address = "{CONTAINERD_SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{images.PAUSE}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{CNI}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      Root = "{CONTAINERD / "runc"}"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{CONTAINERD / "registries"}"
"""
_REGISTRY_HOST = f"""\
server = "http://{REGISTRY}"
[host."http://{REGISTRY}"]
  capabilities = ["pull", "resolve"]
"""
_NETWORK = {
    "cniVersion": "0.4.0",
    "name": NETWORK,
    "plugins": [
        {
            "type": "bridge",
            "bridge": BRIDGE,
            "isGateway": True,
            "hairpinMode": True,  # a pod may reach itself through its Service
            "ipam": {
                "type": "host-local",
                "dataDir": str(CNI / "data"),
                "ranges": [[{"subnet": POD_CIDR}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        },
    ],
}
# One rule for all pods: the plugin's own would be one chain a pod, made and removed by a dozen programs each
# time.
MASQUERADE = ("POSTROUTING", "-s", POD_CIDR, "!", "-d", POD_CIDR, "-j", "MASQUERADE")
_SYSCTLS = ("net/ipv4/ip_forward", "net/bridge/bridge-nf-call-iptables")


def start() -> None:
    """Bring up the node's address and containerd; `load_images` comes next."""
    prepare_network()
    CONTAINERD.mkdir(parents=True, exist_ok=True)
    (CONTAINERD / "config.toml").write_text(_CONFIG)
    hosts = CONTAINERD / "registries" / REGISTRY
    hosts.mkdir(parents=True, exist_ok=True)
    (hosts / "hosts.toml").write_text(_REGISTRY_HOST)
    CNI.mkdir(parents=True, exist_ok=True)
    (CNI / "10-testbed.conflist").write_text(json.dumps(_NETWORK))
    Daemon("containerd", ["containerd", "--config", str(CONTAINERD / "config.toml")]).start()
    wait_until("containerd", lambda: ctr("version").returncode == 0)


def load_images(archives: list[Path]) -> None:
    """Import the archives, several at once."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(images.load, archives))


def prepare_network() -> None:
    """The node's address on the loopback interface, and the kernel switches that pods' traffic needs."""
    run("ip", "addr", "replace", f"{NODE_ADDRESS}/32", "dev", "lo")
    if run("iptables", "-t", "nat", "-C", *MASQUERADE, check=False).returncode:
        run("iptables", "-t", "nat", "-A", *MASQUERADE)
    for name in _SYSCTLS:
        switch = Path("/proc/sys") / name
        if switch.exists() and switch.read_text().strip() != "1":
            switch.write_text("1")


def ctr(*args: str) -> subprocess.CompletedProcess[str]:
    """Speak to the testbed's containerd, in the namespace the kubelet uses."""
    return run("ctr", "-a", CONTAINERD_SOCKET, "-n", "k8s.io", *args, check=False, timeout=20)
