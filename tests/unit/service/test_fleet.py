"""The service shows what fleet-readiness wrote: the same document, read anew when it is another."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from steps.readiness import gate, report
from steps.readiness.reasons import Cause, Reason
from steps.readiness.verdict import Judged, Verdict
from steps.service import page, status
from steps.service.fleet import Cluster, Fleet, FleetReader
from steps.service.holdings import Holdings
from steps.service.metrics import Metrics
from steps.service.page import View
from tests.unit.readiness.test_gate import MADE, row, verdict
from tests.unit.service.samples import FLEET, overview

VERDICTS = [
    verdict(row("edge-2")),
    verdict(row("edge-1"), Cause.SET, Cause.LOST, registry="two.example.com"),
    verdict(row("stores", kind="managed set"), Cause.NO_CURRENT),
]
DOCUMENT = report.document(VERDICTS, made=MADE)


def test_the_document_of_fleet_readiness_is_understood_the_worst_first(tmp_path: Path) -> None:
    read = FleetReader(tmp_path)
    assert read() is None
    assert FleetReader(None)() is None
    (tmp_path / "fleet.json").write_text(DOCUMENT)
    fleet = read()
    assert fleet is not None
    assert fleet.made == MADE
    assert fleet.counts == {"not ready": 1, "unknown": 1, "ready": 1}
    assert fleet.clusters == (
        Cluster(
            name="edge-1",
            registry="two.example.com",
            verdict="not ready",
            current="4.20.9",
            wanted="4.20.12",
            reason="lost in the registry: x",
            to_do=fleet.clusters[0].to_do,
        ),
        Cluster(
            name="managed set stores",
            registry="one.example.com",
            verdict="unknown",
            current="4.20.9",
            wanted="4.20.12",
            reason="what runs now is not known: x",
            to_do=fleet.clusters[1].to_do,
        ),
        Cluster(
            name="edge-2", registry="one.example.com", verdict="ready", current="4.20.9", wanted="4.20.12"
        ),
    )
    assert "workflow-verify-target" in fleet.clusters[0].to_do
    assert read() is fleet, "the same file is not read twice"
    (tmp_path / "new").write_text(report.document(VERDICTS[:1], made=MADE))
    (tmp_path / "new").replace(tmp_path / "fleet.json")
    after = read()
    assert after is not None
    assert after.counts == {"ready": 1}
    (tmp_path / "fleet.json").unlink()
    assert read() is None


def test_names_and_reasons_of_a_fleet_turn_no_direction_and_fill_no_page(tmp_path: Path) -> None:
    name = "edge\u202e\x07" + "x" * 5000
    reason = Reason(Cause.LOST, "y\u2066" * 5000, remedy="z\u202e" * 5000)
    told = Verdict(row(name), f"r\u202e{name}", Judged.of([reason]))
    (tmp_path / "fleet.json").write_text(report.document([told], made=MADE))
    fleet = FleetReader(tmp_path)()
    assert fleet is not None
    [one] = fleet.clusters
    shown = (one.name, one.registry, one.reason, one.to_do)
    assert all(text.isprintable() for text in shown)
    assert sum(map(len, shown)) < 5000


def test_a_large_fleet_is_read_as_the_config_map_has_it(tmp_path: Path) -> None:
    many = [verdict(row(f"edge-{n:05d}"), Cause.LOST) for n in range(4000)]
    manifest = gate.config_map(many, namespace="n", made=MADE, notes=[])
    [(name, _packed)] = manifest["binaryData"].items()
    (tmp_path / name).write_bytes(gzip.compress(report.document(many, made=MADE).encode()))
    fleet = FleetReader(tmp_path)()
    assert fleet is not None
    assert len(fleet.clusters) == 4000
    html = page.render(overview(fleet=fleet))
    assert "The first 200 of 4000, the worst first." in html
    assert len(html.encode()) < 250_000


def changed(**fields: Any) -> str:
    return json.dumps({**json.loads(DOCUMENT), **fields})


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        changed(format=2),
        changed(made="yesterday"),
        changed(made="2026-11-27T10:00:00"),
        changed(judgements=[]),
        changed(clusters=[{"cluster": "edge-1"}]),
        changed(clusters=[{**json.loads(DOCUMENT)["clusters"][0], "verdict": "splendid"}]),
    ],
)
def test_what_is_no_such_document_is_said_and_harms_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "fleet.json").write_text(content)
    fleet = FleetReader(tmp_path)()
    assert fleet is not None
    assert fleet.problem.startswith("fleet.json cannot be understood: ")
    it = overview(fleet=fleet)
    assert "What fleet-readiness has said cannot be read: fleet.json" in page.render(it)
    assert "oc_mirror_cluster_ready{" not in Metrics(lambda: it).exposition().decode()
    assert status.status_of(it, Holdings()).fleet.problem == fleet.problem  # type: ignore[union-attr]


def test_a_file_that_is_packed_and_cut_off_is_said(tmp_path: Path) -> None:
    (tmp_path / "fleet.json.gz").write_bytes(gzip.compress(DOCUMENT.encode())[:-20])
    fleet = FleetReader(tmp_path)()
    assert fleet is not None
    assert fleet.problem.startswith("fleet.json.gz cannot be understood")


class Rows(HTMLParser):
    """The clusters of the section, in their order, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.text = ""
        self._at_name = False
        section = html[html.index('id="fleet"') : html.index('id="downloads"')]
        self.feed(section)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._at_name = tag == "th" and ("scope", "row") in attrs

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._at_name:
            self.names.append(data)
            self._at_name = False


def test_the_page_shows_the_worst_first_and_finds_by_the_query() -> None:
    it = overview(fleet=FLEET)
    shown = Rows(page.render(it))
    assert shown.names == ["edge-1", "edge-7", "hub set hub", *(f"edge-{n}" for n in range(2, 7))]
    assert "1 not ready, 1 unknown, 1 ready with warnings, 5 ready" in shown.text
    assert "9 h ago" in shown.text
    assert "Mirror it again: workflow-direct" in shown.text
    for asked, names in (
        ("EDGE-7", ["edge-7"]),
        ("lost in", ["edge-1"]),
        ("registry.example.com", shown.names),
        ("4.19.5", ["edge-1"]),
        ("nowhere", []),
    ):
        view = View.of(f"clusters={asked.replace(' ', '+')}")
        assert Rows(page.render(it, view=view)).names == names, asked
    nothing = page.render(it, view=View(clusters="nowhere"))
    assert "Of no cluster is <strong>nowhere</strong> said." in nothing
    assert page.renewal(it, View(clusters="x")) == page.SELDOM
    assert View(clusters="a b", search="c").link(still=True) == "/?search=c&clusters=a+b&renew=off"
    assert 'id="fleet"' not in page.render(overview())


def test_nothing_of_it_becomes_markup() -> None:
    evil = "\"'><script>alert(1)</script>{{ 7 * 7 }}"
    texts = dict.fromkeys(("name", "registry", "current", "wanted", "reason", "to_do"), evil)
    one = Cluster(verdict="unknown", **texts)
    html = page.render(overview(fleet=Fleet(made=MADE, clusters=(one,))), view=View(clusters=evil[:20]))
    assert "<script" not in html
    assert Rows(html).text.count("{{ 7 * 7 }}") == len(texts)


def test_of_a_name_that_stands_twice_the_worst_is_the_series() -> None:
    twice = [
        Cluster(name="stores", registry="one.example.com", verdict=one) for one in ("not ready", "ready")
    ]
    it = overview(fleet=Fleet(made=MADE, clusters=tuple(twice)))
    found = {
        one.name: one for one in text_string_to_metric_families(Metrics(lambda: it).exposition().decode())
    }
    assert [one.value for one in found["oc_mirror_cluster_ready"].samples] == [0]


def test_each_cluster_is_a_series_and_the_age_is_one() -> None:
    unmanaged = Cluster(
        name="edge-8", registry="one.example.com", verdict="unknown", reason="the values name no release: x"
    )
    it = overview(fleet=replace(FLEET, clusters=(*FLEET.clusters, unmanaged)))
    text = Metrics(lambda: it).exposition().decode()
    families = {one.name: one for one in text_string_to_metric_families(text)}
    found = {
        (one.labels["cluster"], one.labels["registry"], one.labels["release"]): one.value
        for one in families["oc_mirror_cluster_ready"].samples
    }
    assert len(found) == 9
    not_ready = {name for (name, _registry, _release), value in found.items() if value == 0}
    assert not_ready == {"edge-1", "edge-7", "edge-8"}
    assert {name for name, _registry, release in found if not release} == {"edge-8"}, (
        "nobody asked for a step"
    )
    [made] = families["oc_mirror_fleet_timestamp_seconds"].samples
    assert made.value == datetime.fromisoformat(FLEET.made).timestamp()
    nothing = Metrics(overview).exposition().decode()
    assert "oc_mirror_cluster_ready" not in nothing
    assert "oc_mirror_fleet" not in nothing


def test_a_program_reads_counts_and_age() -> None:
    found = status.status_of(overview(fleet=FLEET), Holdings()).fleet
    assert found is not None
    assert (found.made, found.counts) == (FLEET.made, FLEET.counts)
    assert status.status_of(overview(), Holdings()).fleet is None
