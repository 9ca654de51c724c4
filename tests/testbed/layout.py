"""Where the testbed's files are and which addresses it answers on: spelled once, here."""

from __future__ import annotations

import os
from pathlib import Path

STATE = Path(os.environ.get("TESTBED_STATE") or "/var/tmp/oc-mirror-pipeline-testbed")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "oc-mirror-pipeline" / "testbed"
REPOSITORY = Path(__file__).resolve().parents[2]

NODE_NAME = "testbed"
# A second address of the loopback interface: pods reach it through their gateway, nobody outside can.
NODE_ADDRESS = "10.97.255.1"
SERVICE_CIDR = "10.96.0.0/16"
POD_CIDR = "10.98.0.0/16"
API_SERVICE_ADDRESS = "10.96.0.1"
DNS_ADDRESS = "10.96.0.10"

API_URL = f"https://{NODE_ADDRESS}:6443"
ETCD_URL = "http://127.0.0.1:2379"
REGISTRY = f"{NODE_ADDRESS}:5000"
GIT_PORT = 5080
GIT_URL = f"http://{NODE_ADDRESS}:{GIT_PORT}"

PKI = STATE / "pki"
KUBECONFIGS = STATE / "kubeconfig"
KUBECONFIG = KUBECONFIGS / "admin.yaml"
LOGS = STATE / "logs"
RUN = STATE / "run"
BIN = STATE / "bin"
VOLUMES = STATE / "volumes"
GIT_ROOT = STATE / "git"
CONTAINERD = STATE / "containerd"
CONTAINERD_SOCKET = CONTAINERD / "containerd.sock"
CNI = STATE / "cni"
NETWORK = "testbed"
BRIDGE = "testbed0"
READY = STATE / "ready"

CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


class TestbedError(Exception):
    """The testbed cannot be had; the message says what failed and where its log is."""

    __test__ = False  # its name makes pytest look twice
