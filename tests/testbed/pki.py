"""Certificates and kubeconfigs: a certificate authority of the cluster's own, made anew for each start."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import yaml

from tests.testbed.layout import (
    API_SERVICE_ADDRESS,
    API_URL,
    KUBECONFIGS,
    NODE_ADDRESS,
    NODE_NAME,
    PKI,
)
from tests.testbed.processes import run

if TYPE_CHECKING:
    from pathlib import Path

CA = PKI / "ca.crt"
SERVICE_ACCOUNT_KEY = PKI / "service-account.key"
SERVICE_ACCOUNT_PUBLIC_KEY = PKI / "service-account.pub"

_API_NAMES = ",".join(
    [
        "DNS:kubernetes",
        "DNS:kubernetes.default",
        "DNS:kubernetes.default.svc",
        "DNS:kubernetes.default.svc.cluster.local",
        f"IP:{API_SERVICE_ADDRESS}",
        f"IP:{NODE_ADDRESS}",
        "IP:127.0.0.1",
    ]
)
# File name: subject, alternative names. The subjects are the ones Kubernetes' built-in roles are bound to,
# so that every component runs with the rights it has on a real cluster and not with all of them.
_CERTIFICATES = {
    "apiserver": ("/CN=kube-apiserver", _API_NAMES),
    "apiserver-kubelet-client": ("/O=system:masters/CN=kube-apiserver-kubelet-client", ""),
    "kubelet-server": (f"/O=system:nodes/CN=system:node:{NODE_NAME}", f"DNS:{NODE_NAME},IP:{NODE_ADDRESS}"),
    "admin": ("/O=system:masters/CN=testbed-admin", ""),
    "controller-manager": ("/CN=system:kube-controller-manager", ""),
    "scheduler": ("/CN=system:kube-scheduler", ""),
    "kubelet": (f"/O=system:nodes/CN=system:node:{NODE_NAME}", ""),
    "kube-proxy": ("/CN=system:kube-proxy", ""),
    "coredns": ("/CN=system:coredns", ""),
}
_USERS = ("admin", "controller-manager", "scheduler", "kubelet", "kube-proxy", "coredns")


def crt(name: str) -> Path:
    """The certificate file of a component."""
    return PKI / f"{name}.crt"


def key(name: str) -> Path:
    """The key file of a component."""
    return PKI / f"{name}.key"


def kubeconfig(name: str) -> Path:
    """The kubeconfig of a component."""
    return KUBECONFIGS / f"{name}.yaml"


def self_signed(folder: Path, names: str) -> Path:
    """A server's certificate and key in one file, for `names` such as `DNS:example.com,IP:10.0.0.1`."""
    key_file, certificate = folder / "key.pem", folder / "certificate.pem"
    _openssl_new(key_file, certificate, "/CN=testbed", "-addext", f"subjectAltName={names}")
    both = folder / "both.pem"
    both.write_text(certificate.read_text() + key_file.read_text())
    return both


def create() -> None:
    """Make the authority, every certificate and every kubeconfig."""
    PKI.mkdir(parents=True, exist_ok=True)
    PKI.chmod(0o700)
    KUBECONFIGS.mkdir(parents=True, exist_ok=True)
    KUBECONFIGS.chmod(0o700)
    _openssl_req("ca", "/CN=testbed-ca", "-addext", "basicConstraints=critical,CA:true")
    with ThreadPoolExecutor() as pool:
        list(pool.map(_certificate, _CERTIFICATES))
    run("openssl", "genpkey", "-algorithm", "RSA", "-out", SERVICE_ACCOUNT_KEY)
    run("openssl", "pkey", "-in", SERVICE_ACCOUNT_KEY, "-pubout", "-out", SERVICE_ACCOUNT_PUBLIC_KEY)
    for user in _USERS:
        _write_kubeconfig(user)


def _certificate(name: str) -> None:
    subject, names = _CERTIFICATES[name]
    extensions = ["basicConstraints=critical,CA:false", "extendedKeyUsage=serverAuth,clientAuth"]
    if names:
        extensions.append(f"subjectAltName={names}")
    added = [word for extension in extensions for word in ("-addext", extension)]
    _openssl_req(name, subject, "-CA", str(CA), "-CAkey", str(key("ca")), *added)


def _openssl_req(name: str, subject: str, *extra: str) -> None:
    _openssl_new(key(name), crt(name), subject, *extra)


def _openssl_new(key_file: Path, certificate: Path, subject: str, *extra: str) -> None:
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", str(key_file), "-out", str(certificate)]
    run("openssl", "req", "-x509", *curve, *files, "-days", "3650", "-subj", subject, *extra)


def _write_kubeconfig(user: str) -> None:
    def inline(path: Path) -> str:
        return base64.b64encode(path.read_bytes()).decode()

    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "testbed", "cluster": {"server": API_URL, "certificate-authority-data": inline(CA)}}
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": inline(crt(user)),
                    "client-key-data": inline(key(user)),
                },
            }
        ],
        "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": user}}],
        "current-context": "testbed",
    }
    kubeconfig(user).write_text(yaml.safe_dump(content))
    kubeconfig(user).chmod(0o600)
