"""The page at `/`: an HTML document without scripts and without outside assets, also for screen readers."""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import metadata, resources
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from steps import units
from steps.mirroring.ocmirror import reasons
from steps.mirroring.store import runs as records
from steps.service import plot

if TYPE_CHECKING:
    from steps.mirroring.store.runs import Run
    from steps.service.overview import Overview

PLOTTED, LISTED = 24, 60
"""How many runs the charts and the table show."""

WORDS = {
    records.RUNNING: "Running",
    records.SUCCEEDED: "Succeeded",
    records.FAILED: "Failed",
    records.STOPPED: "Stopped",
    records.INTERRUPTED: "Interrupted",
}


@dataclass(frozen=True, slots=True)
class State:
    """The headline: `kind` (good, bad, busy, waiting) decides its colour and sign."""

    kind: str
    title: str
    detail: str


@dataclass(frozen=True, slots=True)
class Group:
    """Images that failed for the same cause, each with what needs it, and what to do about it."""

    cause: str
    hint: str
    images: tuple[tuple[str, str], ...]


def render(overview: Overview) -> str:
    """Return the HTML document."""
    zone = ZoneInfo(overview.schedule.time_zone)

    def when(text: str | datetime) -> str:
        return units.moment(_time(text), zone)

    def ago(text: str | datetime) -> str:
        return units.distance(_time(text), overview.now)

    return (
        _environment()
        .get_template("page.html")
        .render(
            it=overview,
            state=state_of(overview),
            failures=failures(overview.last) if overview.last else (),
            charts=charts(overview.runs, zone),
            runs=overview.runs[: -LISTED - 1 : -1],
            words=WORDS,
            version=metadata.version("oc-mirror-pipeline"),
            when=when,
            ago=ago,
            duration=units.duration,
            size=units.size,
        )
    )


def state_of(overview: Overview) -> State:
    """Return the headline of the service's state."""
    last = overview.last
    if (current := overview.current) is not None:
        return State("busy", "Mirroring", f"begun {units.distance(_time(current.started), overview.now)}")
    if overview.next_run is None:
        return State("busy", "Starting a run", "checking what it needs")
    if overview.problems:
        return State("bad", "Not ready", "the next run could not start; what keeps it is named below")
    if last is None:
        return State("waiting", "Waiting", "for its first run")
    return _after(last)


def _after(last: Run) -> State:
    if last.state == records.SUCCEEDED:
        return State("good", "Up to date" if last.unchanged else "Last run succeeded", last.message)
    if last.state == records.FAILED:
        return State("bad", "Last run failed", last.message)
    return State("waiting", f"Last run was {last.state}", last.message)


def failures(run: Run) -> tuple[Group, ...]:
    """Group the failed images of a run by cause, most frequent first, consequences of other failures last."""
    images = defaultdict(list)
    for image, cause in run.failed.items():
        images[cause].append((image, run.wanted_by.get(image, "")))
    order = sorted(images, key=lambda cause: (cause == reasons.SKIPPED.name, -len(images[cause]), cause))
    return tuple(Group(cause, reasons.named(cause).hint, tuple(sorted(images[cause]))) for cause in order)


def charts(runs: tuple[Run, ...], zone: ZoneInfo) -> dict[str, plot.Chart]:
    """Return charts of duration and size of the newest runs that mirrored something; no size if all are 0."""
    shown = [run for run in runs if run.state == records.SUCCEEDED and not run.unchanged and not run.dry_run]
    shown = shown[-PLOTTED:]
    if not shown:
        return {}
    labels = [_label(run, zone) for run in shown]
    found = {
        "Duration": plot.chart(
            [run.seconds for run in shown], labels, words=units.duration, tick=units.tick, steps=plot.TIME
        )
    }
    if any(run.size for run in shown):
        sizes = [run.size for run in shown]
        found["Size"] = plot.chart(sizes, labels, words=units.size, tick=units.size, steps=plot.DECIMAL)
    return found


def _time(text: str | datetime) -> datetime:
    return datetime.fromisoformat(text) if isinstance(text, str) else text


def _label(run: Run, zone: ZoneInfo) -> str:
    """Return the label below a run's bar: its generation, or its day if it has none."""
    if run.generations:
        first, last = run.generations[0], run.generations[-1]
        return f"{first}" if first == last else f"{first}–{last}"
    return f"{_time(run.started).astimezone(zone):%m-%d}"


def content_security_policy() -> str:
    """Return the policy that forbids the page everything but its style sheet, which it names by its hash."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:;"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("steps.service", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["style"] = _style()
    return environment


@cache
def _style() -> str:
    """Return the style sheet, which is part of the package and therefore not escaped."""
    return (resources.files("steps.service") / "page.css").read_text()
