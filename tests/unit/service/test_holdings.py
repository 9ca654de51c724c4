"""What the mirror holds and who the service is, read from a real data directory; and /status.json of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from steps.mirroring.notify import HELD
from steps.mirroring.request import DIRECT, FROM_DISK, TO_DISK, Request
from steps.mirroring.store import Store
from steps.mirroring.store import runs as records
from steps.mirroring.store.receipt import Sealed, compose
from steps.mirroring.store.received import Received
from steps.mirroring.store.runs import Run
from steps.mirroring.workflows import receipts
from steps.service import holdings, page, status
from steps.service.holdings import HoldingsReader, Operator
from steps.service.identity import Identity, identity_of
from steps.service.overview import TargetFiles, published_in
from tests.conftest import ROOT
from tests.unit.mirroring.test_records import GENERATION
from tests.unit.service.samples import (
    CHANGED,
    HOLDINGS,
    failed_run,
    holdings_of,
    nightly_runs,
    overview,
    states,
)

CONTENTS: dict[str, list[Any]] = {
    "releases": ["4.18.9", "4.18.24"],
    "operators": [
        {"package": "odf-operator", "channel": "stable-4.20", "version": "4.20.2", "bundle": "odf.v4.20.2"},
        {"package": "odf-operator", "channel": "stable-4.20", "version": "4.20.10", "bundle": "odf.v4.20.10"},
        {"package": "old", "channel": "", "version": "", "bundle": "old.v1"},
        "of a later version",
    ],
    "additional": ["registry.example.com/ubi:1"],
    "charts": ["podinfo-6"],
}


def write_generation(data: Path, sequence: int, **changes: Any) -> str:
    """Put a generation into the data directory; return its identity."""
    record = {
        **GENERATION.document(),
        "sequence": sequence,
        "predecessor": None,
        "contents": CONTENTS,
        **changes,
    }
    folder = data / "generations" / f"{sequence:06d}"
    folder.mkdir(parents=True)
    (folder / "generation.json").write_text(json.dumps(record))
    return Store(data).generations.present()[sequence].identity


def read(data: Path, workflow: Any, target: str = "") -> holdings.Holdings:
    return HoldingsReader(Request(workflow=workflow, data=data, target_registry=target), Store(data))()


def test_releases_and_operators_are_those_of_the_newest_generation(tmp_path: Path) -> None:
    write_generation(tmp_path, 1, contents={"releases": ["4.17.1"]})
    write_generation(tmp_path, 2)
    found = read(tmp_path, TO_DISK)
    assert found.releases == ("4.18.24", "4.18.9"), "numbers by value, the newest first"
    assert found.operators == (
        Operator(package="odf-operator", channel="stable-4.20", versions=("4.20.10", "4.20.2")),
        Operator(package="old", channel="", versions=("old.v1",)),
    )
    assert (found.additional, found.charts) == (("registry.example.com/ubi:1",), ("podinfo-6",))


def test_a_generation_is_waiting_then_exported_then_taken_by_its_receipt(tmp_path: Path) -> None:
    identities = {number: write_generation(tmp_path, number) for number in (1, 2, 3)}
    store = Store(tmp_path)
    run = Run(
        workflow="export",
        started="2026-11-22T09:00:00Z",
        finished="2026-11-22T09:30:00Z",
        state=records.SUCCEEDED,
        generations=(1, 2),
    )
    store.runs.write(store.runs.folder / "20261122T090000.000000Z-1.json", run)
    store.acknowledged.add(Received(generations={1: identities[1]}), "2026-11-23T10:00:00Z")
    found = [(one.sequence, one.state, one.since) for one in read(tmp_path, TO_DISK).generations]
    assert found == [
        (3, holdings.WAITING, ""),
        (2, holdings.EXPORTED, "2026-11-22T09:30:00Z"),
        (1, holdings.TAKEN, "2026-11-23T10:00:00Z"),
    ]


def acknowledge(store: Store, identities: dict[int, str], *numbers: int, target: str) -> None:
    known = {number: identities[number] for number in numbers}
    made = compose(known, number=1, side="0123abcd", target=target, written="2026-11-23T10:00:00Z")
    store.acknowledged.confirm(made, known, "2026-11-24T10:00:00Z")


def test_what_registries_have_by_their_receipts_is_not_to_be_carried(tmp_path: Path) -> None:
    identities = {number: write_generation(tmp_path, number) for number in (1, 2, 3)}
    store = Store(tmp_path)
    acknowledge(store, identities, 1, 2, target="one.example.com")
    acknowledge(store, identities, 1, target="two.example.com")
    found = read(tmp_path, TO_DISK)
    assert [(one.sequence, one.state, one.since) for one in found.generations] == [
        (3, holdings.WAITING, ""),
        (2, holdings.BY_SOME, "2026-11-24T10:00:00Z"),
        (1, holdings.CONFIRMED, "2026-11-24T10:00:00Z"),
    ]
    html = page.render(overview(), found)
    assert "<strong>2</strong> of 3" in html
    assert "in the registry of the other side, by its receipt" in html
    assert "in some registries of other sides, by their receipts" in html


def test_the_receipt_of_the_target_is_shown_and_offered(tmp_path: Path) -> None:
    write_generation(tmp_path, 1)
    store = Store(tmp_path)
    assert read(tmp_path, FROM_DISK, "registry.example.com").receipt is None
    for target in ("registry.example.com", "other.example.com"):
        store.imports.record(target, [store.generations.present()[1]])
        receipts.issue(store, target)
    found = read(tmp_path, FROM_DISK, "registry.example.com")
    assert found.receipt is not None
    assert found.receipt.name == "0001.json"
    assert found.receipt.content == (tmp_path / "receipts/0001.json").read_bytes()
    assert read(tmp_path, TO_DISK).receipt is None
    it = overview(request=Request(workflow=FROM_DISK, data=tmp_path, target_registry="registry.example.com"))
    html = page.render(it, found)
    assert "registry.example.com has generation 1, as of" in html
    assert found.receipt.svg in html
    said = json.loads(status.document(it, found))["receipt"]
    assert (said["path"], said["generations"]) == ("/receipt.json", "1")
    assert Sealed.parse(said["code"].encode()).receipt.target == "registry.example.com"
    assert json.loads(status.document(it, holdings.Holdings()))["receipt"] is None


def test_on_the_other_side_the_target_decides(tmp_path: Path) -> None:
    write_generation(tmp_path, 1)
    write_generation(tmp_path, 2, contents={"releases": ["4.99.0"]})
    store = Store(tmp_path)
    store.imports.record("registry.example.com", [store.generations.present()[1]])
    found = read(tmp_path, FROM_DISK, "registry.example.com")
    states = [(one.sequence, one.state) for one in found.generations]
    assert states == [(2, holdings.WAITING), (1, holdings.IMPORTED)]
    assert "4.99.0" not in found.releases, "it is not in the target yet"


def test_a_direct_mirror_holds_what_its_last_run_brought(tmp_path: Path) -> None:
    Store(tmp_path).mirrored.record("registry.example.com", "", CONTENTS)
    assert read(tmp_path, DIRECT, "registry.example.com").releases == ("4.18.24", "4.18.9")
    assert not read(tmp_path, DIRECT, "other.example.com").known


def test_records_that_cannot_be_read_are_said_and_keep_no_page_from_being_shown(tmp_path: Path) -> None:
    write_generation(tmp_path, 1)
    (tmp_path / "generations/000001/generation.json").write_text("no record")
    found = read(tmp_path, TO_DISK)
    assert "is not the record of a generation" in found.problem
    assert "It cannot be read" in page.render(overview(), found)


def test_the_volume_is_read_once_a_minute_at_most(tmp_path: Path) -> None:
    now = [0.0]
    request = Request(workflow=TO_DISK, data=tmp_path)
    reader = HoldingsReader(request, Store(tmp_path), clock=lambda: now[0])
    assert not reader().known
    write_generation(tmp_path, 1)
    assert not reader().known
    now[0] = 61.0
    assert reader().known


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("ACM", []),
        ("GitOps", ["openshift-gitops-operator"]),
        ("2.15.1", ["advanced-cluster-management"]),
        ("stable-6.2", ["cluster-logging"]),
    ],
)
def test_a_search_looks_into_names_channels_and_versions(search: str, found: list[str]) -> None:
    assert [operator.package for operator in HOLDINGS.matching(search).operators] == found


def test_the_page_keeps_the_search_when_it_renews_itself_and_can_be_stopped() -> None:
    view = page.View.of("search=git%22ops&renew=off&x=1")
    assert view == page.View(search='git"ops', still=True)
    html = page.render(overview(), HOLDINGS, view)
    assert 'value="git&#34;ops"' in html
    assert '<input type="hidden" name="renew" value="off">' in html
    assert 'href="/?search=git%22ops"' in html
    assert page.renewal(overview(), view) == 0
    assert page.renewal(overview(), page.View()) == page.SELDOM
    assert page.renewal(states()["running"], page.View()) == page.OFTEN
    assert page.renewal(states()["running"], page.View(search="x")) == page.SELDOM


@pytest.mark.parametrize("query", ["", "&" * 500, "search=" + "x" * 10_000, "search=%00%ff", "a=b&a=c;d"])
def test_any_query_is_a_view(query: str) -> None:
    assert len(page.View.of(query).search) <= page.SEARCH


def test_a_long_list_is_bounded() -> None:
    many = holdings.Holdings(additional=tuple(f"registry.example.com/{number}" for number in range(5000)))
    html = page.render(overview(), many)
    assert "The first 200 of 5000." in html
    assert len(html) < 150_000


def test_the_page_and_the_status_tell_what_the_newest_run_changed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.changes.keep(CHANGED)
    found = read(tmp_path, TO_DISK).changes
    assert found == HOLDINGS.changes
    assert found is not None
    html = page.render(overview(), HOLDINGS)
    assert "<summary>OpenShift releases: 1 new, 1 goes</summary>" in html
    assert "compliance-operator stable 1.7.1; goes: 1.7.0" in html
    assert CHANGED.sha256 in html
    told = status.status_of(overview(), HOLDINGS).changes
    assert told is not None
    assert (told.generations, told.against, told.sha256) == ([14], [13], CHANGED.sha256)
    assert told.lines[1] == "  OpenShift releases (1 new, 1 goes): +4.20.12; -4.20.11"
    assert "What changed" not in page.render(overview()), "of a mirror that has told nothing"


def test_who_the_service_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POD_NAME", "oc-mirror-1")
    request = Request(workflow=TO_DISK, data=tmp_path, imageset=tmp_path / "imageset.yaml")
    assert identity_of(request).commit == ""
    (tmp_path / "values-commit").write_text(f"{'c' * 40}\n")
    assert identity_of(request) == Identity(pod="oc-mirror-1", commit="c" * 40)
    (tmp_path / "values-commit").write_text("<script>")
    assert identity_of(request).commit == ""


def published(tmp_path: Path, *runs: Run) -> TargetFiles:
    store = Store(tmp_path)
    store.published.replace(
        "registry.example.com", mirrors={}, files={"a.yaml": "kind: A"}, autoshift_values=""
    )
    return published_in(store, runs)[0]


def run_of(workflow: str, started: str, state: str = records.SUCCEEDED, **more: Any) -> Run:
    return Run(workflow=workflow, started=started, state=state, target="registry.example.com", **more)


def test_files_are_safe_after_a_run_that_verified_and_not_after_a_deletion(tmp_path: Path) -> None:
    good = run_of("workflow-direct", "2026-11-20T02:00:00Z")
    failed = run_of("workflow-direct", "2026-11-21T02:00:00Z", records.FAILED)
    dry = run_of("workflow-delete-execute", "2026-11-21T03:00:00Z", dry_run=True)
    deleted = run_of("workflow-delete-execute", "2026-11-22T02:00:00Z", records.FAILED)
    again = run_of("workflow-from-disk", "2026-11-23T02:00:00Z")
    assert not published(tmp_path).is_safe
    assert not published(tmp_path, failed).is_safe
    after = published(tmp_path, good, failed, dry)
    assert after.is_safe
    assert after.verified == good
    unsafe = published(tmp_path, good, failed, deleted)
    assert not unsafe.is_safe
    assert "Do not apply yet" in page.render(overview(published=(unsafe,)))
    assert published(tmp_path, good, deleted, again).is_safe


def test_the_page_says_which_clusters_accept_an_update(tmp_path: Path) -> None:
    looked = run_of(
        "workflow-direct",
        "2026-11-20T02:00:00Z",
        mirror_name="one",
        accepted={"4.21.3": {"4.20": "accepted", "4.21": "not accepted"}},
    )
    other = run_of(
        "workflow-direct", "2026-11-21T02:00:00Z", mirror_name="two", accepted={"4.20.1": {"4.20": "unknown"}}
    )
    unchanged = run_of("workflow-direct", "2026-11-22T02:00:00Z", mirror_name="one", unchanged=True)
    found = published(tmp_path, looked, other, unchanged)
    assert list(found.accepted) == ["4.21.3", "4.20.1"]
    html = " ".join(page.render(overview(published=(found,))).split())
    assert "Updates that clusters accept" in html
    assert (
        '<strong>4.21.3</strong> <span class="good">4.20: accepted</span>, <span class="bad">4.21: not'
        in html
    )
    assert '<span class="waiting">4.20: unknown</span>' in html
    assert "Updates that clusters accept" not in page.render(overview(published=(published(tmp_path),)))


def test_of_a_release_that_two_mirror_names_have_the_newest_look_counts(tmp_path: Path) -> None:
    looks = [
        run_of(
            "workflow-direct",
            f"2026-11-{day}T02:00:00Z",
            mirror_name=name,
            accepted={"4.20.1": {"4.20": said}},
        )
        for day, name, said in (
            (20, "one", "accepted"),
            (21, "two", "accepted"),
            (22, "one", "not accepted"),
        )
    ]
    assert published(tmp_path, *looks).accepted == {"4.20.1": {"4.20": "not accepted"}}


def test_failures_in_a_row_are_those_since_the_last_success() -> None:
    stopped = failed_run().changed(state=records.STOPPED)
    it = overview(runs=(failed_run(), *nightly_runs(), failed_run(), stopped, failed_run()))
    assert len(it.failing) == 2
    assert overview().failing == ()


def test_a_run_that_waits_for_its_approval_is_no_failure() -> None:
    it = states()["held"]
    assert it.last
    assert it.last.error == HELD
    assert it.failing == ()
    html = page.render(it, holdings_of("held"))
    assert "failed run" not in html
    assert html.count("Held</span>") == 1
    assert 'class="value failed"' not in html
    assert "oc get configmap oc-mirror-changes -n oc-mirror" in html


def test_every_cause_that_names_an_object_leads_to_a_command_that_only_reads() -> None:
    it = overview(runs=(failed_run(),))
    html = page.render(it)
    assert "oc get secret oc-mirror-pull-secret -n oc-mirror" in html
    assert "oc logs -n oc-mirror oc-mirror-6d5f7c9b8-x2x7k" in html
    assert not {"delete", "apply -f", "edit"} & set(html.partition("Where to look")[2][:900].split())


FIELDS = {
    "format", "version", "now", "identity", "workflow", "target", "mirror_name", "schedule", "time_zone",
    "next_run", "problems", "running", "progress", "last_run", "last_success", "failed_in_a_row",
    "failing_since", "data_free", "data_capacity", "releases", "operators", "additional_images", "charts",
    "generations", "targets",
}  # fmt: skip
"""Of format 1. One may be added; where one goes, `format` rises."""


@pytest.mark.parametrize("name", states())
def test_the_status_has_the_fields_of_its_format(name: str) -> None:
    found = json.loads(status.document(states()[name], HOLDINGS))
    assert found["format"] == status.FORMAT == 1
    assert found.keys() >= FIELDS
    reference = (ROOT / "docs/reference/service.md").read_text()
    assert not [field for field in found if f"| `{field}` |" not in reference]


def test_the_status_says_what_the_page_says() -> None:
    failed = json.loads(status.document(states()["failed"], HOLDINGS))
    assert failed["failed_in_a_row"] == 7
    assert failed["failing_since"] == "2026-11-17T11:00:00Z"
    assert failed["last_run"]["error"] == "authentication"
    assert len(failed["last_run"]["log"]) == 12
    assert failed["operators"][0]["versions"] == ["2.15.1", "2.15.0"]
    assert failed["generations"][2]["state"] == "taken"
    running = json.loads(status.document(states()["running"], HOLDINGS))
    assert (running["progress"]["done"], running["progress"]["total"]) == (214, 608)
    assert running["running"]["state"] == "running"
    direct = json.loads(status.document(states()["direct"], HOLDINGS))
    assert direct["targets"][0]["safe_to_apply"] is True
