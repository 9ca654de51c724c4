"""The control plane: etcd, API server, controller manager and scheduler as plain processes of the host."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from tests.testbed import binaries, pki
from tests.testbed.layout import (
    BIN,
    ETCD_URL,
    KUBECONFIG,
    NODE_ADDRESS,
    SERVICE_CIDR,
    STATE,
)
from tests.testbed.processes import Daemon, run
from tests.testbed.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path


def kubectl(*args: str, stdin: str | None = None, check: bool = True) -> str:
    """What kubectl prints, as the cluster's administrator."""
    return run(BIN / "kubectl", "--kubeconfig", KUBECONFIG, *args, stdin=stdin, check=check).stdout


def apply(manifest: str) -> None:
    """Apply server-side: Tekton's definitions are too large for the client's annotation."""
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifest)


def start() -> None:
    """Start all four, and wait until the API server says it is ready."""
    _etcd().start()
    _apiserver().start()
    wait_for_api()
    _controller_manager().start()
    _scheduler().start()


def restart_apiserver(outage: float = 0) -> None:
    """Kill the API server as a crash would, and start it again `outage` seconds later.

    Clients see refused connections meanwhile; whoever asks for a healthy cluster waits, by the lock.
    """
    with binaries.locked("cluster"):
        daemon = Daemon.load("kube-apiserver")
        daemon.stop(how=signal.SIGKILL)
        time.sleep(outage)
        daemon.start()
        wait_for_api()


def wait_for_api() -> None:
    """Return once the API server answers as ready, its bootstrap roles included."""
    wait_until("the API server", lambda: kubectl("get", "--raw", "/readyz") == "ok", timeout=90)


def _etcd() -> Daemon:
    # Nothing here outlives the machine, so nothing is worth an fsync.
    argv = [
        f"--data-dir={STATE / 'etcd'}",
        f"--listen-client-urls={ETCD_URL}",
        f"--advertise-client-urls={ETCD_URL}",
        "--listen-peer-urls=http://127.0.0.1:2380",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]
    return _daemon("etcd", argv)


def _apiserver() -> Daemon:
    argv = [
        f"--advertise-address={NODE_ADDRESS}",
        f"--bind-address={NODE_ADDRESS}",
        "--secure-port=6443",
        f"--etcd-servers={ETCD_URL}",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        f"--client-ca-file={pki.CA}",
        f"--tls-cert-file={pki.crt('apiserver')}",
        f"--tls-private-key-file={pki.key('apiserver')}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={pki.SERVICE_ACCOUNT_PUBLIC_KEY}",
        f"--service-account-signing-key-file={pki.SERVICE_ACCOUNT_KEY}",
        f"--kubelet-certificate-authority={pki.CA}",
        f"--kubelet-client-certificate={pki.crt('apiserver-kubelet-client')}",
        f"--kubelet-client-key={pki.key('apiserver-kubelet-client')}",
        # The node's name resolves nowhere, and without this `kubectl logs` asks for it.
        "--kubelet-preferred-address-types=InternalIP",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
    ]
    return _daemon("kube-apiserver", argv)


def _controller_manager() -> Daemon:
    config = pki.kubeconfig("controller-manager")
    argv = [
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        f"--root-ca-file={pki.CA}",
        f"--service-account-private-key-file={pki.SERVICE_ACCOUNT_KEY}",
        "--use-service-account-credentials=true",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
    ]
    return _daemon("kube-controller-manager", argv)


def _scheduler() -> Daemon:
    config = pki.kubeconfig("scheduler")
    argv = [
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
    ]
    return _daemon("kube-scheduler", argv)


def _daemon(name: str, flags: list[str]) -> Daemon:
    program: Path = BIN / name
    return Daemon(name, [str(program), *flags])
