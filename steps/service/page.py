"""The page at `/`: an HTML document without scripts and without outside assets, also for screen readers."""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import metadata, resources
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from steps import units
from steps.mirroring.notify import HELD
from steps.mirroring.ocmirror import reasons
from steps.mirroring.store import runs as records
from steps.service import holdings, plot
from steps.service.advice import looks
from steps.service.holdings import Holdings, Operator

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steps.mirroring.store.runs import Run
    from steps.service.overview import Overview

PLOTTED, LISTED, OPEN = 24, 60, 10
"""How many runs the charts and the table show, and how many of these are not folded away."""
FOUND = 200
"""How many lines of what the mirror holds are shown."""
CODE_LINE = 60
"""Characters of a line of a receipt's code."""
SEARCH = 100
"""Characters of a search."""
OFTEN, SELDOM = 30, 300
"""Seconds until the page renews itself: while a run goes, and else or where somebody reads what was found."""

WORDS = {
    records.RUNNING: "Running",
    records.SUCCEEDED: "Succeeded",
    records.FAILED: "Failed",
    records.STOPPED: "Stopped",
    records.INTERRUPTED: "Interrupted",
}


GENERATION_WORDS = {
    holdings.CONFIRMED: "in the registry of the other side, by its receipt",
    holdings.BY_SOME: "in some registries of other sides, by their receipts",
    holdings.TAKEN: "the other side has it, by its receipt",
    holdings.EXPORTED: "on a medium, without a receipt yet,",
    holdings.WAITING: "not carried or imported yet",
    holdings.IN_PART: "arrived in part",
    holdings.IMPORTED: "in the target",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a reader asks for: `still` that the page does not renew itself.

    `search` is a text to look for in the mirror, `clusters` one to look for in what is said of clusters.
    """

    search: str = ""
    clusters: str = ""
    still: bool = False

    @classmethod
    def of(cls, query: str) -> Self:
        """Read the query of a URL; what is not known in it is passed over."""
        given = dict(parse_qsl(query, max_num_fields=10, errors="replace")) if query.count("&") < 10 else {}
        search, clusters = (
            "".join(filter(str.isprintable, given.get(name, "")))[:SEARCH].strip()
            for name in ("search", "clusters")
        )
        return cls(search=search, clusters=clusters, still=given.get("renew") == "off")

    def link(self, *, still: bool) -> str:
        """Return the address of the same view that stands still, or renews itself."""
        values = {"search": self.search, "clusters": self.clusters, "renew": "off" if still else ""}
        query = urlencode({name: value for name, value in values.items() if value})
        return f"/?{query}" if query else "/"


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


def renewal(overview: Overview, view: View) -> int:
    """Return after how many seconds the page renews itself; 0 where the reader wants it to stand still."""
    if view.still:
        return 0
    return OFTEN if overview.next_run is None and not (view.search or view.clusters) else SELDOM


def render(overview: Overview, holds: Holdings | None = None, view: View | None = None) -> str:
    """Return the HTML document; without `holds` and `view`, of a mirror that holds nothing, as it opens."""
    zone = ZoneInfo(overview.schedule.time_zone)
    holds, view = holds or Holdings(), view or View()
    groups = failures(overview.last) if overview.last else ()

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
            view=view,
            renewal=renewal(overview, view),
            failures=groups,
            looks=looks(overview, _causes(overview, groups)),
            holds=holds,
            found=holds.matching(view.search) if view.search else holds,
            clusters=overview.fleet.matching(view.clusters) if overview.fleet else (),
            most=FOUND,
            code_lines=_code_lines(holds.receipt.code) if holds.receipt else (),
            charts=charts(overview.runs, zone),
            runs=overview.runs[: -LISTED - 1 : -1],
            open_runs=OPEN,
            words=WORDS,
            held=HELD,
            progress_of_generation=GENERATION_WORDS,
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
        return State("busy", "Mirroring", _going_on(overview, current))
    if overview.next_run is None:
        return State("busy", "Starting a run", "checking what it needs")
    if overview.problems:
        return State("bad", "Not ready", "the next run could not start; the reasons are below")
    if last is None:
        return State("waiting", "Waiting", "for its first run")
    return _after(last, overview)


def _going_on(overview: Overview, current: Run) -> str:
    """Return how long a run has been going, and after how many that failed."""
    since = f"for {units.duration(round((overview.now - _time(current.started)).total_seconds()))}"
    failed = len(overview.failing)
    if not failed:
        return since
    return f"{since}, after {failed} run{'s' * (failed > 1)} in a row that failed"


def _after(last: Run, overview: Overview) -> State:
    if last.state == records.SUCCEEDED:
        return State("good", "Up to date" if last.unchanged else "Last run succeeded", last.message)
    if last.error == HELD:
        return State("waiting", "Waiting for approval", last.message)
    if last.state == records.FAILED:
        count = len(overview.failing)
        title = "Last run failed" if count == 1 else f"The last {count} runs failed"
        return State("bad", title, last.message)
    return State("waiting", f"Last run was {last.state}", last.message)


def failures(run: Run) -> tuple[Group, ...]:
    """Group the failed images of a run by cause, most frequent first, consequences of other failures last."""
    images = defaultdict(list)
    for image, cause in run.failed.items():
        images[cause].append((image, run.wanted_by.get(image, "")))
    order = sorted(images, key=lambda cause: (cause == reasons.SKIPPED.name, -len(images[cause]), cause))
    return tuple(Group(cause, reasons.named(cause).hint, tuple(sorted(images[cause]))) for cause in order)


def _causes(overview: Overview, groups: tuple[Group, ...]) -> list[str]:
    """Return the causes of the last failure, the most frequent first."""
    return [group.cause for group in groups] or ([overview.last.error] if overview.last else [])


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart by what it shows, for a narrow screen and, where it is the only one, for a wide one."""

    title: str
    narrow: plot.Chart
    wide: plot.Chart | None


def charts(runs: tuple[Run, ...], zone: ZoneInfo) -> tuple[Figure, ...]:
    """Return charts of duration and size of the newest runs that mirrored something or failed.

    There is no chart of sizes if all are 0.
    """
    ended = [run for run in runs if run.state in {records.SUCCEEDED, records.FAILED}]
    shown = [run for run in ended if not run.unchanged and not run.dry_run][-PLOTTED:]
    if not shown:
        return ()
    points = [
        plot.Point(_day(run, zone), _name(run, zone), run.state == records.FAILED and run.error != HELD)
        for run in shown
    ]
    seconds, sizes = [run.seconds for run in shown], [float(run.size) for run in shown]
    with_size = any(sizes)

    def durations(width: int) -> plot.Chart:
        return plot.chart(
            seconds, points, words=units.duration, tick=units.tick, steps=plot.TIME, width=width
        )

    found = [Figure("Duration", durations(plot.WIDTH), None if with_size else durations(plot.WIDE))]
    if with_size:
        size = plot.chart(sizes, points, words=units.size, tick=units.size, steps=plot.DECIMAL)
        found.append(Figure("Size of the archives", size, None))
    return tuple(found)


def _time(text: str | datetime) -> datetime:
    return datetime.fromisoformat(text) if isinstance(text, str) else text


def _operator_lines(operators: Iterable[Operator]) -> list[tuple[str, str, str]]:
    """Return a line for each operator: its package, its channel, its versions."""
    return [(one.package, one.channel, ", ".join(one.versions)) for one in operators]


def _code_lines(code: str) -> tuple[str, ...]:
    """Return the text of a code in lines that can be read out and typed."""
    return tuple(code[start : start + CODE_LINE] for start in range(0, len(code), CODE_LINE))


def _day(run: Run, zone: ZoneInfo) -> str:
    """Return the label below a run's bar, such as 23 Nov."""
    started = _time(run.started).astimezone(zone)
    return f"{started.day} {started:%b}"


def _name(run: Run, zone: ZoneInfo) -> str:
    """Return what a run's tooltip calls it: its time, and its generations if it has any."""
    name = f"{_time(run.started).astimezone(zone):%Y-%m-%d %H:%M}"
    if run.generations:
        first, last = run.generations[0], run.generations[-1]
        name += f", generation {first}" if first == last else f", generations {first}–{last}"
    return name


def content_security_policy() -> str:
    """Return the policy that forbids the page everything but its search and its style sheet.

    It names the style sheet by its hash.
    """
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:;"
        " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
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
    environment.filters["map_lines"] = _operator_lines
    environment.filters["plain_lines"] = lambda texts: [(text, "", "") for text in texts]
    return environment


@cache
def _style() -> str:
    """Return the style sheet, which is part of the package and therefore not escaped."""
    return (resources.files("steps.service") / "page.css").read_text()
