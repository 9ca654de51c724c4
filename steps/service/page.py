"""The page at `/`: one HTML document without scripts or outside assets, for eyes and screen readers alike."""

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

from steps.mirroring.data import status
from steps.mirroring.ocmirror import reasons
from steps.service import plot, units

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steps.mirroring.data.status import Run
    from steps.service.overview import Overview

PLOTTED, LISTED = 24, 60
"""Runs in the charts and in the table."""

WORDS = {
    status.RUNNING: "Running",
    status.SUCCEEDED: "Succeeded",
    status.FAILED: "Failed",
    status.STOPPED: "Stopped",
    status.INTERRUPTED: "Interrupted",
}


@dataclass(frozen=True, slots=True)
class State:
    """The headline: a kind that has a colour and a sign (good, bad, busy, waiting), and the words."""

    kind: str
    title: str
    detail: str


@dataclass(frozen=True, slots=True)
class Group:
    """Images that failed for one cause, and what to do about it."""

    cause: str
    hint: str
    images: tuple[str, ...]


def render(overview: Overview) -> str:
    """The HTML document."""
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
            failures=failures(overview.last.failed) if overview.last else (),
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
    """How things are, in a line and a half."""
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
    if last.state == status.SUCCEEDED:
        return State("good", "Up to date" if last.unchanged else "Last run succeeded", last.message)
    if last.state == status.FAILED:
        return State("bad", "Last run failed", last.message)
    return State("waiting", f"Last run was {last.state}", last.message)


def failures(failed: Mapping[str, str]) -> tuple[Group, ...]:
    """The images that failed by cause, the commonest first; consequences of another failure come last."""
    images = defaultdict(list)
    for image, cause in failed.items():
        images[cause].append(image)
    order = sorted(images, key=lambda cause: (cause == reasons.SKIPPED.name, -len(images[cause]), cause))
    return tuple(Group(cause, reasons.named(cause).hint, tuple(sorted(images[cause]))) for cause in order)


def charts(runs: tuple[Run, ...], zone: ZoneInfo) -> dict[str, plot.Chart]:
    """Duration, and size where there is one, of the newest runs that made or took in something."""
    did = [run for run in runs if run.state == status.SUCCEEDED and not run.unchanged and not run.dry_run]
    did = did[-PLOTTED:]
    if not did:
        return {}
    labels = [_label(run, zone) for run in did]
    found = {
        "Duration": plot.chart(
            [run.seconds for run in did], labels, words=units.duration, tick=units.tick, steps=plot.TIME
        )
    }
    if any(run.size for run in did):
        sizes = [run.size for run in did]
        found["Size"] = plot.chart(sizes, labels, words=units.size, tick=units.size, steps=plot.DECIMAL)
    return found


def _time(text: str | datetime) -> datetime:
    return datetime.fromisoformat(text) if isinstance(text, str) else text


def _label(run: Run, zone: ZoneInfo) -> str:
    """What stands below a bar: the generation, or the day where there is none."""
    if run.generations:
        first, last = run.generations[0], run.generations[-1]
        return f"{first}" if first == last else f"{first}–{last}"
    return f"{_time(run.started).astimezone(zone):%m-%d}"


def content_security_policy() -> str:
    """Nothing may be loaded, run, framed or sent from the page; its style is allowed by its hash."""
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
    """The style sheet, which is ours and part of the package: it alone is not escaped."""
    return (resources.files("steps.service") / "page.css").read_text()
