"""The node: kubelet, kube-proxy and the cluster's DNS, again as plain processes of the host."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from tests.testbed import control, pki
from tests.testbed.layout import (
    BIN,
    CONTAINERD_SOCKET,
    DNS_ADDRESS,
    NODE_ADDRESS,
    NODE_NAME,
    POD_CIDR,
    STATE,
)
from tests.testbed.processes import Daemon
from tests.testbed.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

_KUBELET: dict[str, Any] = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "kind": "KubeletConfiguration",
    "address": NODE_ADDRESS,
    "authentication": {
        "anonymous": {"enabled": False},
        "webhook": {"enabled": True},
        "x509": {"clientCAFile": str(pki.CA)},
    },
    "authorization": {"mode": "Webhook"},
    "tlsCertFile": str(pki.crt("kubelet-server")),
    "tlsPrivateKeyFile": str(pki.key("kubelet-server")),
    "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
    "podLogsDir": str(STATE / "pod-logs"),
    "clusterDNS": [DNS_ADDRESS],
    "clusterDomain": "cluster.local",
    "resolvConf": "",
    "cgroupDriver": "cgroupfs",
    "failCgroupV1": False,
    "failSwapOn": False,
    "oomScoreAdj": 0,
    "serializeImagePulls": False,
    # The images exist nowhere else, and the disk is shared with everybody: neither may be cleaned up for.
    "imageGCHighThresholdPercent": 100,
    "evictionHard": {"memory.available": "100Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
}
_PROXY: dict[str, Any] = {
    "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
    "kind": "KubeProxyConfiguration",
    "mode": "iptables",
    "clusterCIDR": POD_CIDR,
    "clientConnection": {"kubeconfig": str(pki.kubeconfig("kube-proxy"))},
    "healthzBindAddress": "127.0.0.1:10256",
    "metricsBindAddress": "127.0.0.1:10249",
    "hostnameOverride": NODE_NAME,
    # The machine's own limits stay as they are: a sandbox refuses to have them changed.
    "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
}
# Outside names go where the machine itself asks for them.
_COREFILE = f"""\
.:53 {{
    bind {NODE_ADDRESS}
    errors
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {pki.kubeconfig("coredns")}
        fallthrough in-addr.arpa
    }}
    forward . /etc/resolv.conf
    cache 5
}}
"""
_DNS = f"""\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: "testbed:coredns"}}
rules:
  - {{apiGroups: [""], resources: [services, pods, namespaces], verbs: [list, watch]}}
  - {{apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: "testbed:coredns"}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "testbed:coredns"}}
subjects:
  - {{apiGroup: rbac.authorization.k8s.io, kind: User, name: "system:coredns"}}
---
apiVersion: v1
kind: Service
metadata: {{name: kube-dns, namespace: kube-system}}
spec:
  clusterIP: {DNS_ADDRESS}
  ports:
    - {{name: dns, port: 53, protocol: UDP}}
    - {{name: dns-tcp, port: 53, protocol: TCP}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: kube-dns-testbed
  namespace: kube-system
  labels: {{kubernetes.io/service-name: kube-dns}}
addressType: IPv4
endpoints:
  - addresses: ["{NODE_ADDRESS}"]
    conditions: {{ready: true}}
ports:
  - {{name: dns, port: 53, protocol: UDP}}
  - {{name: dns-tcp, port: 53, protocol: TCP}}
"""


def start() -> None:
    """Start the three and the objects DNS needs; `wait_until_ready` comes next."""
    folder = STATE / "node"
    folder.mkdir(parents=True, exist_ok=True)
    _kubelet(folder).start()
    _proxy(folder).start()
    control.apply(_DNS)
    corefile = folder / "Corefile"
    corefile.write_text(_COREFILE)
    Daemon("coredns", [str(BIN / "coredns"), "-conf", str(corefile)]).start()


def wait_until_ready() -> None:
    """Return once the node takes pods and every namespace's default account exists."""
    wait_until("the node to be Ready", ready, timeout=90)
    account = ("get", "serviceaccount", "default", "-n", "default", "-o", "name")
    wait_until("the default service account", lambda: bool(control.kubectl(*account)))


def ready() -> bool:
    """Whether the API server calls the node Ready."""
    node = json.loads(control.kubectl("get", "node", NODE_NAME, "-o", "json"))
    return any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])


def _kubelet(folder: Path) -> Daemon:
    config = folder / "kubelet.yaml"
    config.write_text(yaml.safe_dump(_KUBELET))
    argv = [
        str(BIN / "kubelet"),
        f"--config={config}",
        f"--kubeconfig={pki.kubeconfig('kubelet')}",
        f"--hostname-override={NODE_NAME}",
        f"--node-ip={NODE_ADDRESS}",
        f"--root-dir={STATE / 'kubelet'}",
    ]
    return Daemon("kubelet", argv)


def _proxy(folder: Path) -> Daemon:
    config = folder / "kube-proxy.yaml"
    config.write_text(yaml.safe_dump(_PROXY))
    return Daemon("kube-proxy", [str(BIN / "kube-proxy"), f"--config={config}"])
