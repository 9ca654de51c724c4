"""A cluster is told of runs; whatever it answers, no run fails. For what it stores see tests/cluster."""

from __future__ import annotations

import base64
import gzip
import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
import yaml

from steps.errors import InvalidInputError
from steps.mirroring import lease, notify, summary
from steps.mirroring.store import Store, records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.mirroring.conftest import Place


class Refusing(BaseHTTPRequestHandler):
    """Lets nobody do anything, as an API server does without a Role."""

    asked: list[str]

    def do_GET(self) -> None:
        type(self).asked.append(f"{self.command} {self.path}")
        body = b'{"kind":"Status","message":"configmaps is forbidden: User \\"x\\" cannot get resource"}'
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PATCH(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "kubeconfig"
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    return path


@pytest.fixture
def refusing(kubeconfig: Path) -> Iterator[type[Refusing]]:
    handler = type("Handler", (Refusing,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        write_kubeconfig(kubeconfig, http.server_port)
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield handler
        http.shutdown()


def write_kubeconfig(path: Path, port: int) -> None:
    document = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "u", "user": {}}],
    }
    path.write_text(yaml.safe_dump(document))


def test_without_the_right_a_run_warns_once_and_succeeds(connected: Place, refusing: type[Refusing]) -> None:
    ran = connected.mirror("--namespace=mine")
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("the cluster is not told") == 1
    assert "rolebinding-other-namespace.yaml" in ran.stderr
    assert len(refusing.asked) == 3  # of its status at its beginning and its end, and of what changed
    assert connected.generations()


def test_an_api_server_that_does_not_answer_costs_little_time(connected: Place, kubeconfig: Path) -> None:
    write_kubeconfig(kubeconfig, 1)
    began = time.monotonic()
    ran = connected.mirror("--namespace=mine")
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("the cluster is not told") == 1
    assert time.monotonic() - began < 15


def test_without_a_cluster_nothing_is_told_and_a_kubeconfig_left_alone(
    connected: Place, refusing: type[Refusing]
) -> None:
    assert connected.mirror().returncode == 0
    assert refusing.asked == []


def test_a_kubeconfig_that_is_none_does_not_fail_the_run(connected: Place, kubeconfig: Path) -> None:
    kubeconfig.write_text("clusters: 7\n")
    ran = connected.mirror("--namespace=mine")
    assert ran.returncode == 0, ran.stderr
    assert "the cluster is not told of this run" in ran.stderr


def test_a_pod_tells_its_own_namespace(
    tmp_path: Path, refusing: type[Refusing], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "ACCOUNT", tmp_path)
    assert notify.notifier(Store(tmp_path)) is None
    (tmp_path / "token").write_text("t")
    (tmp_path / "namespace").write_text("oc-mirror\n")
    assert notify.notifier(Store(tmp_path)) is not None


def test_a_plan_of_deletion_is_told_byte_by_byte(
    direct: Place, kubeconfig: Path, refusing: type[Refusing], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, dict[str, str]]] = []
    monkeypatch.setattr(
        notify.Notifier, "_publish", lambda _self, name, files, **_: told.append((name, files))
    )
    assert direct.mirror().returncode == 0
    assert direct.mirror("--workflow=workflow-delete-generate", "--namespace=mine").returncode == 0
    content = (direct.data / "removal/plan.json").read_bytes()
    files = {"plan.json": content.decode(), "sha256": hashlib.sha256(content).hexdigest()}
    assert told[-1] == ("oc-mirror-removal-plan", files)


def test_what_the_data_directory_knows_of_its_targets_is_told(
    direct: Place, kubeconfig: Path, refusing: type[Refusing], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, dict[str, str]]] = []
    monkeypatch.setattr(
        notify.Notifier, "_publish", lambda _self, name, files, **_: told.append((name, files))
    )
    assert direct.mirror("--namespace=mine", "--dry-run=true").returncode == 0
    assert "oc-mirror-inventory" not in dict(told)
    assert direct.mirror("--namespace=mine").returncode == 0
    store = Store(direct.data)
    files = dict(told)["oc-mirror-inventory"]
    assert files == {"inventory.json": summary.of_store(store).as_json(indent=None)}
    [said] = records.parse(summary.Summary, files["inventory.json"]).targets
    [published] = store.published.all()
    assert (said.target, said.resources) == (published.target, published.files())
    assert set(said.brought) >= {
        place
        for entry in store.inventory.of(said.target)
        for image in entry.images
        for place in image.in_target
    }


def test_too_many_places_are_left_out_and_too_much_else_is_refused() -> None:
    digests = tuple(f"repository@sha256:{hashlib.sha256(bytes([n])).hexdigest()}" for n in range(200))
    one = summary.TargetSummary(target="registry.example.com", brought=digests, resources={"idms.yaml": "x"})
    whole = summary.Summary(targets=(one,))
    assert records.parse(summary.Summary, summary.fitting(whole, 100_000)) == whole
    shortened = records.parse(summary.Summary, summary.fitting(whole, 1_000))
    assert (shortened.whole, shortened.targets) == (False, (one.changed(brought=()),))
    with pytest.raises(InvalidInputError, match="exceeds 20 bytes"):
        summary.fitting(whole, 20)


def test_what_changed_is_told_byte_by_byte_also_of_a_run_that_is_held(
    connected: Place, kubeconfig: Path, refusing: type[Refusing], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, dict[str, str]]] = []
    monkeypatch.setattr(
        notify.Notifier, "_publish", lambda _self, name, files, **_: told.append((name, files))
    )
    assert connected.mirror("--namespace=mine").returncode == 0
    first = dict(told)["oc-mirror-changes"]
    connected.names("team/app:v2", "team/db:v1")
    held = connected.mirror("--namespace=mine", "--hold=true")
    assert held.returncode == 16
    assert "the list of changes is in ConfigMap mine/oc-mirror-changes, too" in held.stderr
    content = (connected.data / "changes/000002.json").read_bytes()
    second = dict(told)["oc-mirror-changes"]
    assert second != first
    assert second["changes.json"].encode() == content
    assert second["sha256"] == hashlib.sha256(content).hexdigest()
    assert second["changes.md"] == (connected.data / "changes/000002.md").read_text()


def test_what_is_too_large_for_a_config_map_is_compressed() -> None:
    small = notify.config_map("a", "n", {"idms.yaml": "x"})
    assert small["data"] == {"idms.yaml": "x"}
    large = notify.config_map("a", "n", {"idms.yaml": "x" * 2_000_000})
    assert "data" not in large
    assert gzip.decompress(base64.b64decode(large["binaryData"]["idms.yaml.gz"])) == b"x" * 2_000_000
