"""The connection survives an API server that restarts, and says clearly when there is none."""

from __future__ import annotations

import contextlib
import json
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
import yaml
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError

from steps.cluster import Cluster
from steps.cluster.patience import PatientRetry, RefusalDoubt
from steps.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class HalfStarted(BaseHTTPRequestHandler):
    """Answers 503, or another `refusal`, for as long as `failures` last, then with a ConfigMap."""

    failures = 0
    refusal = 503

    def do_GET(self) -> None:
        failing = type(self).failures > 0
        type(self).failures -= 1
        body = json.dumps({"kind": "ConfigMap", "path": self.path}).encode()
        self.send_response(self.refusal if failing else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # The client reads KUBECONFIG when it is first imported, so the tests set the location it then took.
    path = tmp_path / "config"
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    return path


@pytest.fixture
def server(kubeconfig: Path) -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), HalfStarted) as http:
        write_kubeconfig(kubeconfig, http.server_port)
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield http
        http.shutdown()


def write_kubeconfig(path: Path, port: int, scheme: str = "http") -> None:
    cluster = {"name": "c", "cluster": {"server": f"{scheme}://127.0.0.1:{port}"}}
    context = {"name": "x", "context": {"cluster": "c", "user": "u"}}
    content = {
        "current-context": "x",
        "clusters": [cluster],
        "contexts": [context],
        "users": [{"name": "u", "user": {}}],
    }
    path.write_text(yaml.safe_dump(content))


def test_a_server_that_is_only_half_started_is_asked_again(
    server: ThreadingHTTPServer, caplog: pytest.LogCaptureFixture
) -> None:
    HalfStarted.failures = 2
    found = Cluster.connect().get("ConfigMap", "a", "b")
    assert found is not None
    assert found["path"] == "/api/v1/namespaces/b/configmaps/a"
    assert "HTTP 503" in caplog.text


def test_a_server_that_does_not_know_the_roles_yet_is_asked_again_and_believed_if_it_lasts(
    server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientRetry, "sleep", lambda *_: None)  # the pauses, not the attempts
    monkeypatch.setattr(HalfStarted, "refusal", 403)
    HalfStarted.failures = 4
    cluster = Cluster.connect()
    assert cluster.get("ConfigMap", "a", "b")
    for asked in (5, 1):  # the second time at once
        HalfStarted.failures = 100
        with pytest.raises(ClusterError, match="refused"):
            cluster.get("ConfigMap", "a", "b")
        assert HalfStarted.failures == 100 - asked


def test_a_client_that_is_not_patient_believes_a_refusal_at_once(
    server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HalfStarted, "refusal", 403)
    HalfStarted.failures = 100
    with pytest.raises(ClusterError, match="refused"):
        Cluster.connect(patient=False).get("ConfigMap", "a", "b")
    assert HalfStarted.failures == 99


def test_a_server_that_is_down_for_a_moment_is_waited_for(kubeconfig: Path) -> None:
    HalfStarted.failures = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), HalfStarted, bind_and_activate=False) as http:
        http.server_bind()  # the port is ours, and nobody listens there yet
        write_kubeconfig(kubeconfig, http.server_port)

        def start_late() -> None:
            time.sleep(0.5)
            http.server_activate()
            http.handle_request()

        thread = threading.Thread(target=start_late)
        thread.start()
        assert Cluster.connect().get("ConfigMap", "a", "b")
        thread.join()


def test_a_server_that_stays_down_is_an_error_that_names_it(
    kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientRetry, "sleep", lambda *_: None)  # the pauses, not the attempts
    write_kubeconfig(kubeconfig, 9)
    with pytest.raises(ClusterError, match=r"127\.0\.0\.1:9 does not answer") as caught:
        Cluster.connect().get("ConfigMap", "a", "b")
    assert "refused" in caught.value.reason


def test_something_else_at_the_servers_address_is_told(kubeconfig: Path) -> None:
    class Proxy(HalfStarted):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>log in</html>")

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as http:
        write_kubeconfig(kubeconfig, http.server_port)
        threading.Thread(target=http.serve_forever, daemon=True).start()
        with pytest.raises(ClusterError, match="is no Kubernetes API server"):
            Cluster.connect().get("ConfigMap", "a", "b")
        http.shutdown()


def test_a_certificate_that_nobody_vouches_for_is_told_at_once(kubeconfig: Path, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    make = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=localhost",
        "-days",
        "2",
    ]
    subprocess.run([*make, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer(("127.0.0.1", 0), HalfStarted) as http:
        http.socket = context.wrap_socket(http.socket, server_side=True)
        http.handle_error = lambda *_: None  # type: ignore[method-assign] # the client hangs up
        write_kubeconfig(kubeconfig, http.server_port, scheme="https")
        threading.Thread(target=http.serve_forever, daemon=True).start()
        begun = time.monotonic()
        with pytest.raises(ClusterError, match="certificate verify failed"):
            Cluster.connect().get("ConfigMap", "a", "b")
        assert time.monotonic() - begun < 20  # with patience it would take twice as long
        http.shutdown()


def test_the_pauses_add_up_to_more_than_a_restart_takes() -> None:
    retry, total, refused = PatientRetry(doubt=RefusalDoubt()), 0.0, ConnectTimeoutError("connection refused")
    with contextlib.suppress(MaxRetryError):
        while total < 1000:
            retry = retry.increment("GET", "/", error=refused)
            total += retry.get_backoff_time()
    assert 30 <= total <= 60


@pytest.mark.parametrize("content", ["", "{", "a: [", "clusters: 3\n"])
def test_a_kubeconfig_that_cannot_be_used_is_one_clear_error(kubeconfig: Path, content: str) -> None:
    kubeconfig.write_text(content)
    with pytest.raises(ClusterError, match="no Kubernetes cluster to talk to") as caught:
        Cluster.connect()
    assert "KUBECONFIG" in caught.value.hint
