"""The metrics for Prometheus: counters of this process's runs, and gauges of the present state.

Counters begin at 0 with every label that they can have, so that `increase()` counts the first event too.
Gauges are read from the records of runs on the volume, so that they know the last success after a restart.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily

from steps import errors
from steps.mirroring.ocmirror import reasons
from steps.mirroring.store import runs as records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.core import Metric

    from steps.mirroring.store.runs import Run
    from steps.service.overview import Overview

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

RESULTS = (records.SUCCEEDED, records.FAILED, records.STOPPED)
BUCKETS = (10, 60, 300, 900, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600, 16 * 3600, 24 * 3600, 48 * 3600)
"""Bounds in seconds: from a run without anything new to a first mirror of several releases."""


class Metrics:
    """The metrics of one service, in a registry of their own."""

    def __init__(self, overview: Callable[[], Overview]) -> None:
        """Read the gauges from `overview()` at each scrape; counters grow by calls of `count`."""
        self._overview = overview
        self._registry = CollectorRegistry()
        self._runs = Counter("oc_mirror_runs", "Runs that ended.", ["result"], registry=self._registry)
        self._failures = Counter(
            "oc_mirror_run_failures",
            "Runs that failed, by class of error.",
            ["cause"],
            registry=self._registry,
        )
        self._bytes = Counter(
            "oc_mirror_archive_bytes", "Bytes of archives made or imported.", registry=self._registry
        )
        self._seconds = Histogram(
            "oc_mirror_run_duration_seconds", "Duration of runs.", buckets=BUCKETS, registry=self._registry
        )
        for result in RESULTS:
            self._runs.labels(result)
        for cause in causes():
            self._failures.labels(cause)
        self._registry.register(self)  # an object with collect() and describe() is a collector

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

        Times are in seconds since 1970; the time of an event that never happened is left out.
        """
        overview = self._overview()
        yield InfoMetricFamily(
            "oc_mirror_service",
            "What this service does.",
            {
                "workflow": overview.request.workflow,
                "target": overview.request.target_registry,
                "mirror_name": overview.request.mirror_name,
                "schedule": overview.schedule.expression,
                "time_zone": overview.schedule.time_zone,
            },
        )
        yield _gauge("oc_mirror_running", "1 while a run goes on.", float(overview.current is not None))
        yield _gauge("oc_mirror_ready", "1 if the next run could start.", float(not overview.problems))
        yield _gauge("oc_mirror_generation", "The newest generation made or imported.", overview.generation)
        if overview.next_run is not None:
            yield _gauge(
                "oc_mirror_next_run_timestamp_seconds",
                "When the next run begins.",
                overview.next_run.timestamp(),
            )
        if overview.capacity:
            yield _gauge("oc_mirror_data_free_bytes", "Free bytes of the data volume.", overview.free)
            yield _gauge("oc_mirror_data_capacity_bytes", "Bytes of the data volume.", overview.capacity)
        if overview.last_success is not None:
            yield _gauge(
                "oc_mirror_last_success_timestamp_seconds",
                "When the last successful run ended.",
                _seconds(overview.last_success.finished),
            )
        if overview.last is not None:
            yield from _of_last_run(overview.last)


def causes() -> list[str]:
    """Return every class of error that a run can have: those of oc-mirror, and those of steps.errors."""
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and kind not in {errors.StepError, errors.MirrorError}
    ]
    ours = {errors.error_class(kind("", "")) for kind in kinds if issubclass(kind, errors.StepError)}
    return sorted({cause.name for cause in reasons.CAUSES} | ours)


def _of_last_run(run: Run) -> Iterator[Metric]:
    """Yield the gauges of the newest run that has ended."""
    name = "oc_mirror_last_run"
    yield _gauge(f"{name}_success", "1 if the last run succeeded.", float(run.state == records.SUCCEEDED))
    if run.finished:
        yield _gauge(f"{name}_timestamp_seconds", "When the last run ended.", _seconds(run.finished))
        yield _gauge(f"{name}_duration_seconds", "How long the last run took.", run.seconds)
    yield _gauge(f"{name}_bytes", "Bytes of archives that the last run made or took in.", run.size)
    yield _gauge(f"{name}_failed_images", "Images that the last run could not mirror.", len(run.failed))
    images = GaugeMetricFamily(f"{name}_images", "Images that the last run mirrored.", labels=["kind"])
    for kind, count in sorted(run.images.items()):
        images.add_metric([kind], count)
    yield images


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
