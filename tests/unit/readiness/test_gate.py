"""The wave that a question is about, and the ConfigMap that a gate before it reads."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from steps import fleet_readiness
from steps.autoshift.releases import parse_version_request
from steps.errors import InvalidInputError, NotFoundError
from steps.mirroring import notify, summary
from steps.readiness import gate, known
from steps.readiness.needs import ClusterNeed, Needs
from steps.readiness.reasons import Cause, Reason
from steps.readiness.verdict import Judged, Verdict
from steps.readiness.wave import Wave
from tests.unit.readiness.conftest import Fleet

MADE = "2026-11-27T10:00:00Z"
NEED = Needs(
    target=parse_version_request("4.20.12"),
    also=(),
    current="4.20.9",
    architecture="amd64",
    operators=frozenset(),
    installed=(),
    knows_operators=False,
    images=(),
)


def row(name: str, *sets: str, kind: str = "cluster") -> ClusterNeed:
    return ClusterNeed(name=name, kind=kind, sets=sets, alternatives=(NEED,))


def verdict(cluster: ClusterNeed, *causes: Cause, registry: str = "one.example.com") -> Verdict:
    return Verdict(cluster, registry, Judged.of([Reason(cause, "x") for cause in causes]))


def test_a_gate_reads_for_each_cluster_the_worst_verdict_and_the_release_it_is_about() -> None:
    edge, shop = row("edge-1", "stores"), row("shop", kind="managed set")
    verdicts = [
        verdict(edge),
        verdict(edge, Cause.LOST, Cause.SET, registry="two.example.com"),
        verdict(row("edge-2"), Cause.SET),
        verdict(shop, Cause.NO_CURRENT),
        verdict(row("no key / at all")),
    ]
    assert gate.keys(verdicts, made=MADE) == {
        "made": MADE,
        "ready": "false",
        "verdict": "not ready",
        "verdict.edge-1": "not ready",
        "release.edge-1": "4.20.12",
        "verdict.edge-2": "ready with warnings",
        "release.edge-2": "4.20.12",
        "set-verdict.shop": "unknown",
        "set-release.shop": "4.20.12",
    }
    assert gate.keys([], made=MADE) == {"made": MADE, "ready": "false", "verdict": "unknown"}


def test_of_a_hub_set_and_a_managed_set_of_one_name_the_worst_counts() -> None:
    both = [
        verdict(row("stores", kind="hub set"), Cause.LOST),
        verdict(row("stores", kind="managed set")),
        verdict(row("stores")),
    ]
    found = gate.keys(both, made=MADE)
    assert (found["set-verdict.stores"], found["verdict.stores"]) == ("not ready", "ready")


def test_the_config_map_has_room_for_large_fleets(caplog: pytest.LogCaptureFixture) -> None:
    small = gate.config_map([verdict(row("edge-1"))], namespace="oc-mirror", made=MADE, notes=["n"])
    assert json.loads(small["data"]["fleet.json"])["clusters"][0]["cluster"] == "edge-1"
    assert (small["metadata"]["name"], small["metadata"]["namespace"]) == ("oc-mirror-fleet", "oc-mirror")
    many = [verdict(row(f"edge-of-a-long-name-{n:06d}", "stores")) for n in range(8000)]
    large = gate.config_map(many, namespace="oc-mirror", made=MADE, notes=[])
    content = gzip.decompress(base64.b64decode(large["binaryData"]["fleet.json.gz"]))
    assert len(json.loads(content)["clusters"]) == 8000
    assert large["data"]["ready"] == "true"
    assert len([key for key in large["data"] if key.startswith("verdict.")]) == 5000
    assert "keys for the first 5000 of 8000 clusters" in caplog.text
    kept = sum(map(len, large["data"]))  # the API server keeps the names of the fields once more
    assert len(json.dumps(large)) + 2 * kept < 1.5 * (1 << 20)
    assert all(re.fullmatch(r"[-._a-zA-Z0-9]+", key) for key in large["data"])


def test_a_wave_has_the_clusters_and_sets_that_it_names() -> None:
    fleet = [row("edge-1", "stores"), row("edge-2", "stores", "labs"), row("shop", kind="managed set")]

    def names(**wave: tuple[str, ...]) -> list[str]:
        return [one.name for one in Wave(**wave).of(fleet)]

    assert names() == ["edge-1", "edge-2", "shop"]
    assert names(clusters=("edge-1",)) == ["edge-1"]
    assert names(sets=("stores",)) == ["edge-1", "edge-2"]
    assert names(sets=("labs", "shop")) == ["edge-2", "shop"]
    assert names(clusters=("edge-1",), sets=("labs",)) == ["edge-1", "edge-2"]
    with pytest.raises(NotFoundError, match="clusters: neither the values nor the hub have edge-9, shop"):
        names(clusters=("edge-9", "edge-1", "shop"))
    with pytest.raises(NotFoundError, match="the hub have edge-1"):
        names(sets=("edge-1",))


def test_the_answer_is_about_the_wave(
    fleet: Fleet, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    fleet.hub["edge-2"] = {"version": "4.18.1"}
    assert fleet.look(capsys=capsys)[0] == 17
    code, document = fleet.look("--clusters=edge-1", capsys=capsys)
    assert (code, [one["cluster"] for one in document["clusters"]]) == (0, ["edge-1"])
    results = {name: tmp_path / name for name in fleet_readiness.RESULTS}
    paths = [f"--result-{name}={path}" for name, path in results.items()]
    assert fleet.look("--cluster-sets=stores", *paths, capsys=capsys)[0] == 17
    assert {name: path.read_text() for name, path in results.items()} == {
        "verdict": "not ready",
        "ready": "0",
        "ready-with-warnings": "1",
        "unknown": "0",
        "not-ready": "1",
    }
    assert fleet.look("--clusters=edge-2", "--fail-unless-ready=false", capsys=capsys)[0] == 0
    assert fleet_readiness.main(fleet.arguments("--clusters=edge-3")) == 4
    assert "neither the values nor the hub have edge-3" in caplog.text
    assert "there are: edge-1, edge-2" in caplog.text


@pytest.mark.parametrize(
    "resource",
    [
        "kind: CatalogSource\nspec: text\n",
        "kind: UpdateService\nspec: [1]\n",
        "kind: ImageDigestMirrorSet\nspec: {imageDigestMirrors: x}\n",
        "kind: ImageTagMirrorSet\nspec: {imageTagMirrors: [1]}\n",
        "kind: ImageDigestMirrorSet\nspec: {imageDigestMirrors: [{source: a, mirrors: b}]}\n",
    ],
)
def test_a_resource_in_a_config_map_that_is_none_is_refused(resource: str) -> None:
    text = f"apiVersion: v1\nmetadata: {{name: x}}\n{resource}"
    one = summary.TargetSummary(target="registry.example.com", resources={"a.yaml": text})
    content = summary.Summary(targets=(one,)).as_json()
    config_map = notify.config_map(notify.INVENTORY, "oc-mirror", {summary.KEY: content})
    with pytest.raises(InvalidInputError, match=r"a resource of registry\.example\.com cannot be understood"):
        known.of_config_map(config_map)


def kept_in_etcd(manifest: dict[str, Any]) -> int:
    """As JSON, with the names of the fields once more, as the API server keeps them."""
    return len(json.dumps(manifest)) + sum(len(key) + 10 for key in manifest["data"])


@pytest.mark.parametrize("length", [10, 60, 200])
def test_keys_of_long_names_leave_room_for_the_rest(length: int, caplog: pytest.LogCaptureFixture) -> None:
    many = [verdict(row(f"{number:06d}".ljust(length, "x")), Cause.LOST) for number in range(5000)]
    found = gate.config_map(many, namespace="oc-mirror", made=MADE, notes=[])
    assert kept_in_etcd(found) < 1.5 * (1 << 20)
    there = len([key for key in found["data"] if key.startswith("verdict.")])
    assert there == 5000 or f"keys for the first {there} of 5000 clusters" in caplog.text
    assert there > 1000


def test_judgements_that_are_all_different_are_made_brief_where_there_is_no_room() -> None:
    def lacking(cluster: ClusterNeed, number: int) -> Verdict:
        digests = tuple(f"sha256:{hashlib.sha256(b'%d %d' % (number, one)).hexdigest()}" for one in range(4))
        reasons = [Reason(cause, f"x{number}", digests, 4) for cause in (Cause.LOST, Cause.SET)]
        return Verdict(cluster, f"mirror-{number % 20}.example.com", Judged.of(reasons))

    many = [lacking(row(f"edge-{number // 20:04d}"), number) for number in range(20_000)]
    found = gate.config_map(many, namespace="oc-mirror", made=MADE, notes=["a note"])
    assert kept_in_etcd(found) < 1.5 * (1 << 20)
    content = json.loads(gzip.decompress(base64.b64decode(found["binaryData"]["fleet.json.gz"])))
    assert len(content["clusters"]) == 20_000
    assert content["notes"][0] == "a note"
    assert "too long for its ConfigMap" in content["notes"][1]
    [reason] = content["judgements"][0]["reasons"]
    assert (reason["missing"], reason["count"]) == ([], 4)
    assert len([key for key in found["data"] if key.startswith("verdict.")]) == 1000
