"""What Prometheus reads: right numbers, names by its rules, nothing lost by a restart."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from steps.mirroring.store import runs as records
from steps.service.metrics import Metrics
from steps.service.metrics import described as described_metrics
from tests.unit.service.samples import NOW, failed_run, nightly_runs, overview, states

if TYPE_CHECKING:
    from steps.mirroring.store.runs import Run
    from steps.service.overview import Overview


def scrape(metrics: Metrics) -> dict[str, dict[str, float]]:
    """Sample name → labels in braces (empty without) → value."""
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        assert family.documentation, family.name
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def scraped(it: Overview, *runs: Run) -> dict[str, dict[str, float]]:
    metrics = Metrics(lambda: it)
    for run in runs:
        metrics.count(run)
    return scrape(metrics)


def test_runs_failures_bytes_and_durations_are_counted() -> None:
    good, bad = nightly_runs()[-1], failed_run()
    found = scraped(overview(), good, good, bad, bad.changed(state=records.RUNNING))
    assert found["oc_mirror_runs_total"] == {"result=succeeded": 2, "result=failed": 1, "result=stopped": 0}
    assert found["oc_mirror_run_failures_total"]["cause=authentication"] == 1
    assert found["oc_mirror_archive_bytes_total"][""] == 2 * good.size
    assert found["oc_mirror_run_duration_seconds_count"][""] == 3
    assert found["oc_mirror_run_duration_seconds_sum"][""] == 2 * good.seconds + bad.seconds


def test_every_cause_begins_at_zero_so_that_the_first_failure_is_an_increase() -> None:
    causes = scraped(overview())["oc_mirror_run_failures_total"]
    for cause in ("authentication", "disk full", "network", "other", "conflict", "invalid input"):
        assert causes[f"cause={cause}"] == 0
    assert "cause=step" not in causes, "the base class of errors is none itself"


def test_the_state_after_a_restart_is_that_of_the_records() -> None:
    found = scraped(overview(runs=(*nightly_runs(), failed_run())))
    assert found["oc_mirror_runs_total"]["result=failed"] == 0, "counted by an earlier process"
    assert found["oc_mirror_last_run_success"][""] == 0
    assert found["oc_mirror_last_run_failed_images"][""] == 4
    assert found["oc_mirror_last_run_duration_seconds"][""] == 600
    assert found["oc_mirror_last_run_timestamp_seconds"][""] == NOW.timestamp() - 50 * 60
    assert found["oc_mirror_generation"][""] == 14
    ended = NOW.timestamp() - 11 * 3600 + nightly_runs()[-1].seconds
    assert found["oc_mirror_last_success_timestamp_seconds"][""] == ended
    assert found["oc_mirror_next_run_timestamp_seconds"][""] == NOW.timestamp() + 13 * 3600
    assert found["oc_mirror_running"][""] == 0
    assert found["oc_mirror_ready"][""] == 1


def test_a_service_without_runs_claims_nothing() -> None:
    found = scraped(overview(runs=(), problems=("no pull secret",), next_run=None, capacity=0))
    assert found["oc_mirror_ready"][""] == 0
    for name in ("last_success_timestamp_seconds", "last_run_success", "next_run_timestamp_seconds"):
        assert f"oc_mirror_{name}" not in found
    assert "oc_mirror_data_free_bytes" not in found


def test_two_services_in_one_process_do_not_meet() -> None:
    first, second = Metrics(overview), Metrics(overview)
    first.count(failed_run())
    assert scrape(second)["oc_mirror_runs_total"]["result=failed"] == 0


def test_every_metric_is_one_that_is_described() -> None:
    """By name, type and text, as the reference has them; there are no others, and no `_created` series."""
    described = {name.partition("{")[0]: text for name, _kind, text in described_metrics()}
    seen: set[str] = set()
    for it in states().values():
        exposed = Metrics(partial(replace, it)).exposition().decode()
        assert "_created" not in exposed
        for family in text_string_to_metric_families(exposed):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            assert described[name] == family.documentation
            seen.add(name)
    assert seen == described.keys(), "each is there in some state"


def test_how_far_a_run_has_come_is_measured() -> None:
    found = scraped(states()["running"])
    assert found["oc_mirror_run_images"][""] == 608
    assert found["oc_mirror_run_images_done"][""] == 214
    assert found["oc_mirror_run_received_bytes"][""] == 34_100_000_000
    assert found["oc_mirror_run_moved_timestamp_seconds"][""] == NOW.timestamp() - 24
    assert found["oc_mirror_run_start_timestamp_seconds"][""] == NOW.timestamp() - 12 * 60
    assert round(found["oc_mirror_run_left_seconds"][""]) == 1208
    assert "oc_mirror_run_images" not in scraped(states()["well"])


def test_failures_in_a_row_are_counted() -> None:
    assert scraped(states()["failed"])["oc_mirror_failed_runs_in_a_row"][""] == 7
    assert scraped(states()["well"])["oc_mirror_failed_runs_in_a_row"][""] == 0
