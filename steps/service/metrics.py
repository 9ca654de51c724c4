"""The metrics for Prometheus: counters of this process's runs, and gauges of the present state.

Counters begin at 0 with every label that they can have, so that `increase()` counts the first event too.
Gauges are read from the records of runs on the volume, so that they know the last success after a restart.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily

from steps import errors
from steps.mirroring.ocmirror import reasons
from steps.mirroring.store import runs as records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.core import Metric

    from steps.mirroring.store.runs import Run
    from steps.mirroring.store.verified import Look
    from steps.service.fleet import Fleet
    from steps.service.overview import Overview

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

RESULTS = (records.SUCCEEDED, records.FAILED, records.STOPPED)
BUCKETS = (10, 60, 300, 900, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600, 16 * 3600, 24 * 3600, 48 * 3600)
"""Bounds in seconds: from a run without anything new to a first mirror of several releases."""

GAUGES: Final = {
    "oc_mirror_running": "1 while a run goes on.",
    "oc_mirror_ready": "1 if the next run could start.",
    "oc_mirror_failed_runs_in_a_row": "Runs that failed since the last success; held ones do not count.",
    "oc_mirror_generation": "The newest generation made or imported; 0 for none.",
    "oc_mirror_next_run_timestamp_seconds": "When the next run begins; absent while one goes on.",
    "oc_mirror_last_success_timestamp_seconds": "When the last success ended; absent before the first.",
    "oc_mirror_run_start_timestamp_seconds": "When the run in progress began; absent while none goes on.",
    "oc_mirror_run_images": "Images that the run in progress has to mirror; absent while it copies none.",
    "oc_mirror_run_images_done": "Images of these that are done: mirrored or failed.",
    "oc_mirror_run_received_bytes": "Bytes that the pod has received since these images began.",
    "oc_mirror_run_sent_bytes": "Bytes that the pod has sent since these images began.",
    "oc_mirror_run_moved_timestamp_seconds": "When the last of these images was done.",
    "oc_mirror_run_left_seconds": "How long the images take that are left, at the rate so far.",
    "oc_mirror_last_run_success": "1 if the last run succeeded.",
    "oc_mirror_last_run_timestamp_seconds": "When the last run ended.",
    "oc_mirror_last_run_duration_seconds": "How long the last run took.",
    "oc_mirror_last_run_bytes": "Bytes of archives that the last run made or took in.",
    "oc_mirror_last_run_failed_images": "Images that the last run could not mirror.",
    "oc_mirror_target_lost_images": "Images that the target has lost, as last verified; absent before.",
    "oc_mirror_target_verified_timestamp_seconds": "When the target was last verified; absent before.",
    "oc_mirror_fleet_timestamp_seconds": "When fleet-readiness last looked at clusters; absent before.",
    "oc_mirror_data_free_bytes": "Free bytes of the data volume.",
    "oc_mirror_data_capacity_bytes": "Bytes of the data volume.",
}
"""The gauges without labels, with their meaning, in the order of the reference."""
IMAGES, IMAGES_TEXT = (
    "oc_mirror_last_run_images",
    "Images that the last run mirrored, by kind, as oc-mirror counts.",
)
CLUSTER: Final = "oc_mirror_cluster_ready"
CLUSTER_TEXT: Final = "1 if fleet-readiness found the cluster ready for `release`, empty where none is named."
LABELS_OF_CLUSTER: Final = ("cluster", "registry", "release")
MOST_CLUSTERS: Final = 10_000
"""Series of clusters, the worst first."""
SERVICE_INFO = "What this service does, and where."
LABELS_OF_INFO = ("workflow", "target", "mirror_name", "schedule", "time_zone", "cluster", "commit")
COUNTERS: Final = {
    "oc_mirror_runs": "Runs that ended: succeeded, failed or stopped.",
    "oc_mirror_run_failures": "Runs that failed, by class of error, such as authentication or disk full.",
    "oc_mirror_archive_bytes": "Bytes of archives made or imported.",
    "oc_mirror_run_duration_seconds": "Duration of runs.",
}


def described() -> Iterator[tuple[str, str, str]]:
    """Return each metric for the reference: its name with labels, its type, its meaning."""
    labels = {"oc_mirror_runs": "{result}", "oc_mirror_run_failures": "{cause}"}
    *counters, histogram = COUNTERS.items()
    for name, text in counters:
        yield f"{name}_total{labels.get(name, '')}", "counter", text
    yield histogram[0], "histogram", histogram[1]
    for name, text in GAUGES.items():
        yield name, "gauge", text
    yield f"{IMAGES}{{kind}}", "gauge", IMAGES_TEXT
    yield f"{CLUSTER}{{{','.join(LABELS_OF_CLUSTER)}}}", "gauge", CLUSTER_TEXT
    yield f"oc_mirror_service_info{{{','.join(LABELS_OF_INFO)}}}", "gauge", SERVICE_INFO


class Metrics:
    """The metrics of one service, in a registry of their own."""

    def __init__(self, overview: Callable[[], Overview]) -> None:
        """Read the gauges from `overview()` at each scrape; counters grow by calls of `count`."""
        disable_created_metrics()  # type: ignore[no-untyped-call] # a series a counter, for nobody
        self._overview = overview
        self._registry = CollectorRegistry()
        self._runs = self._counter("oc_mirror_runs", "result")
        self._failures = self._counter("oc_mirror_run_failures", "cause")
        self._bytes = self._counter("oc_mirror_archive_bytes")
        name = "oc_mirror_run_duration_seconds"
        self._seconds = Histogram(name, COUNTERS[name], buckets=BUCKETS, registry=self._registry)
        for result in RESULTS:
            self._runs.labels(result)
        for cause in causes():
            self._failures.labels(cause)
        self._registry.register(self)  # an object with collect() and describe() is a collector

    def _counter(self, name: str, *labels: str) -> Counter:
        return Counter(name, COUNTERS[name], labels, registry=self._registry)

    def count(self, run: Run) -> None:
        """Count a run that has ended; ignore a run in progress."""
        if run.state == records.RUNNING:
            return
        self._runs.labels(run.state).inc()
        self._seconds.observe(run.seconds)
        self._bytes.inc(run.size)
        if run.state == records.FAILED:
            self._failures.labels(run.error).inc()

    def exposition(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def describe(self) -> list[Metric]:
        """Declare no metric in advance: which gauges exist depends on the runs so far."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges.

        Times are in seconds since 1970; what is not known, or never happened, is left out.
        """
        overview = self._overview()
        yield InfoMetricFamily(
            "oc_mirror_service",
            SERVICE_INFO,
            {
                "workflow": overview.request.workflow,
                "target": overview.request.target_registry,
                "mirror_name": overview.request.mirror_name,
                "schedule": overview.schedule.expression,
                "time_zone": overview.schedule.time_zone,
                "cluster": overview.identity.cluster,
                "commit": overview.identity.commit,
            },
        )
        values = {
            **_of_service(overview),
            **_of_progress(overview),
            **_of_last_run(overview.last),
            **_of_look(overview.own.look if overview.own else None),
            **_of_fleet(overview.fleet),
        }
        for name, text in GAUGES.items():
            if (value := values.get(name)) is not None:
                yield GaugeMetricFamily(name, text, value=value)
        if overview.last is not None:
            images = GaugeMetricFamily(IMAGES, IMAGES_TEXT, labels=["kind"])
            for kind, count in sorted(overview.last.images.items()):
                images.add_metric([kind], count)
            yield images
        if overview.fleet is not None:
            yield _clusters(overview.fleet)


def _of_service(overview: Overview) -> dict[str, float | None]:
    succeeded, current = overview.last_success, overview.current
    known = overview.capacity > 0
    return {
        "oc_mirror_running": float(current is not None),
        "oc_mirror_ready": float(not overview.problems),
        "oc_mirror_generation": overview.generation,
        "oc_mirror_failed_runs_in_a_row": len(overview.failing),
        "oc_mirror_next_run_timestamp_seconds": overview.next_run.timestamp() if overview.next_run else None,
        "oc_mirror_last_success_timestamp_seconds": _seconds(succeeded.finished) if succeeded else None,
        "oc_mirror_run_start_timestamp_seconds": _seconds(current.started) if current else None,
        "oc_mirror_data_free_bytes": overview.free if known else None,
        "oc_mirror_data_capacity_bytes": overview.capacity if known else None,
    }


def _of_progress(overview: Overview) -> dict[str, float | None]:
    so_far = overview.progress
    if so_far is None:
        return {}
    return {
        "oc_mirror_run_images": so_far.total,
        "oc_mirror_run_images_done": so_far.done,
        "oc_mirror_run_received_bytes": so_far.received,
        "oc_mirror_run_sent_bytes": so_far.sent,
        "oc_mirror_run_moved_timestamp_seconds": _seconds(so_far.moved),
        "oc_mirror_run_left_seconds": so_far.seconds_left,
    }


def _of_last_run(run: Run | None) -> dict[str, float | None]:
    """Return the values of the newest run that has ended."""
    if run is None:
        return {}
    return {
        "oc_mirror_last_run_success": float(run.state == records.SUCCEEDED),
        "oc_mirror_last_run_timestamp_seconds": _seconds(run.finished) if run.finished else None,
        "oc_mirror_last_run_duration_seconds": run.seconds if run.finished else None,
        "oc_mirror_last_run_bytes": run.size,
        "oc_mirror_last_run_failed_images": len(run.failed),
    }


def _of_look(look: Look | None) -> dict[str, float | None]:
    if look is None:
        return {}
    return {
        "oc_mirror_target_lost_images": len(look.missing),
        "oc_mirror_target_verified_timestamp_seconds": _seconds(look.finished),
    }


def _of_fleet(fleet: Fleet | None) -> dict[str, float | None]:
    return {"oc_mirror_fleet_timestamp_seconds": _seconds(fleet.made)} if fleet and fleet.made else {}


def _clusters(fleet: Fleet) -> Metric:
    clusters = GaugeMetricFamily(CLUSTER, CLUSTER_TEXT, labels=LABELS_OF_CLUSTER)
    listed = reversed(fleet.clusters[:MOST_CLUSTERS])  # of a name that stands twice the worst counts
    series = {(one.name, one.registry, one.wanted): one.is_ready for one in listed}
    for labels, ready in series.items():
        clusters.add_metric(labels, float(ready))
    return clusters


def causes() -> list[str]:
    """Return every class of error that a run can have: those of oc-mirror, and those of steps.errors."""
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and kind not in {errors.StepError, errors.MirrorError}
    ]
    ours = {errors.error_class(kind("", "")) for kind in kinds if issubclass(kind, errors.StepError)}
    return sorted({cause.name for cause in reasons.CAUSES} | ours)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
