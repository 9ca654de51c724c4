"""The page as text: what it says in each state, that all of it is escaped, and the numbers of its charts."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps import units
from steps.mirroring.store import runs as records
from steps.mirroring.store.runs import Run
from steps.service import page, plot
from steps.service.holdings import Holdings, Operator
from steps.service.identity import Identity
from steps.service.overview import ResourceFile, TargetFiles, resources_in
from tests.unit.service.samples import NOW, failed_run, nightly_runs, overview, states


@pytest.mark.parametrize(
    ("name", "headline"),
    [
        ("well", "Last run succeeded"),
        ("failed", "The last 7 runs failed"),
        ("running", "Mirroring"),
        ("new", "Waiting"),
        ("not ready", "Not ready"),
    ],
)
def test_the_headline_says_how_things_are(name: str, headline: str) -> None:
    html = page.render(states()[name])
    assert f'<h1 id="state">{headline}</h1>' in html
    assert f"<title>{headline} – oc-mirror</title>" in html


def test_a_stopped_run_and_one_about_to_start_are_told_apart() -> None:
    stopped = nightly_runs()[-1].changed(state=records.STOPPED, message="ended by a signal")
    assert page.state_of(overview(runs=(stopped,))).title == "Last run was stopped"
    assert page.state_of(overview(runs=(stopped,), next_run=None)).title == "Starting a run"
    unchanged = nightly_runs()[-1].changed(unchanged=True)
    assert page.state_of(overview(runs=(unchanged,))).title == "Up to date"


def test_a_run_that_is_held_waits_for_an_approval_and_has_not_failed() -> None:
    run = failed_run().changed(error="held", failed={}, message="generation 15 is held", hint="read the list")
    state = page.state_of(overview(runs=(*nightly_runs(), run)))
    assert (state.kind, state.title, state.detail) == (
        "waiting",
        "Waiting for approval",
        "generation 15 is held",
    )


def test_failed_images_stand_under_their_cause_with_what_to_do() -> None:
    groups = page.failures(failed_run())
    assert [(group.cause, len(group.images)) for group in groups] == [
        ("authentication", 2),
        ("not found", 1),
        ("skipped", 1),
    ]
    assert "pull secret" in groups[0].hint
    assert "blockedImages" in groups[1].hint


def test_a_failed_image_stands_with_the_operators_that_need_it() -> None:
    image = next(iter(failed_run().failed))
    run = failed_run().changed(wanted_by={image: "operator quay, bundle quay.v3.16.1"})
    html = page.render(overview(runs=(run,)))
    assert f'<li>{image} <span class="count">operator quay, bundle quay.v3.16.1</span>' in html


def test_a_failure_without_images_says_what_to_do_too() -> None:
    run = failed_run().changed(failed={}, hint="enlarge the volume", error="disk full")
    html = page.render(overview(runs=(run,)))
    assert "Enlarge the volume." in html


class Tags(HTMLParser):
    """Counts elements and collects text."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        assert not [name for name, _value in attrs if name.startswith("on") or name == "style"], attrs

    def handle_data(self, data: str) -> None:
        self.text.append(data)


EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp;{{ 7 * 7 }}"


def test_nothing_that_comes_from_outside_becomes_markup() -> None:
    run = failed_run().changed(message=EVIL, hint=EVIL, error=EVIL, failed={EVIL: EVIL}, images={EVIL: 1})
    evil = TargetFiles(target=EVIL, folder=EVIL, files=(ResourceFile(name=EVIL, size=1),))
    it = overview(runs=(run,), problems=(EVIL,), published=(evil, evil), next_run=NOW)
    tags = Tags()
    tags.feed(page.render(it))
    assert not {"script", "img", "iframe", "object", "form"} & set(tags.elements)
    assert EVIL in "".join(tags.text)
    assert "49" not in "".join(tags.text)


def test_no_log_release_operator_identity_or_search_becomes_markup() -> None:
    run = failed_run().changed(log=(EVIL,))
    identity = Identity(cluster=EVIL, namespace=EVIL, pod=EVIL, commit=EVIL)
    operator = Operator(package=EVIL, channel=EVIL, versions=(EVIL,))
    holdings = Holdings(
        releases=(EVIL,), operators=(operator,), additional=(EVIL,), charts=(EVIL,), problem=EVIL
    )
    tags = Tags()
    tags.feed(page.render(overview(runs=(run,), identity=identity), holdings, page.View(search=EVIL)))
    assert not {"script", "img", "iframe", "object"} & set(tags.elements)
    assert tags.elements.count("form") == 1
    assert "".join(tags.text).count(EVIL) >= 8


@given(st.text(), st.dictionaries(st.text(), st.text(), max_size=3))
def test_any_text_is_shown_as_text(message: str, failed: dict[str, str]) -> None:
    tags = Tags()
    tags.feed(page.render(overview(runs=(failed_run().changed(message=message, failed=failed),))))
    assert "script" not in tags.elements


def test_nothing_is_loaded_from_elsewhere() -> None:
    for it in states().values():
        html = page.render(it)
        for _attribute, target in re.findall(r'\s(href|src|xlink:href|action)="([^"]*)"', html):
            assert target.startswith(("/", "data:image/svg+xml,")), target
            assert not target.startswith("//")
        assert "@import" not in html
        assert "url(" not in html


def test_hundreds_of_runs_are_shown_in_part_and_that_is_said() -> None:
    html = page.render(overview(runs=nightly_runs(200)))
    assert html.count('<tr role="row">') == page.LISTED + 2
    assert html.count("<summary>50 earlier runs</summary>") == 1
    assert html.index("earlier runs") > html.index('<tr role="row">')
    assert "The newest 60 of 200 runs." in html
    assert html.count('class="bar"') == 2 * page.PLOTTED


def test_the_page_is_quick_and_small() -> None:
    assert len(page.render(overview(runs=nightly_runs(200))).encode()) < 100_000


def test_links_and_hidden_files_are_not_offered(tmp_path: Path) -> None:
    folder = tmp_path
    (folder / "idms.yaml").write_text("kind: X\n")
    (folder / ".hidden.yaml").write_text("x")
    (folder / "link.yaml").symlink_to("/etc/passwd")
    (folder / "folder").mkdir()
    assert resources_in(folder) == (ResourceFile(name="idms.yaml", size=8),)
    assert resources_in(folder / "absent") == ()


@given(st.lists(st.floats(0, 1e17), min_size=1, max_size=40))
def test_bars_lie_inside_the_chart_in_proportion(values: list[float]) -> None:
    chart = plot.chart(
        values,
        [plot.Point(str(n), str(n)) for n in range(len(values))],
        words=units.size,
        tick=units.size,
        steps=plot.DECIMAL,
    )
    assert 2 <= len(chart.grid) <= 6
    assert len({label for _y, label in chart.grid}) == len(chart.grid)
    for bar, value in zip(chart.bars, values, strict=True):
        assert chart.left <= bar.x
        assert bar.x + bar.width <= chart.right
        assert bar.width > 0
        assert plot.TOP - 0.01 <= bar.y <= chart.base
        assert (bar.height == 0) is (value == 0)
    tallest = max(range(len(values)), key=values.__getitem__)
    assert chart.bars[tallest].height == max(bar.height for bar in chart.bars)
    assert chart.bars[-1].label
    middles = [bar.label_x for bar in chart.bars if bar.label]
    assert all(right - left >= plot.LABEL / 2 for left, right in itertools.pairwise(middles))
    assert middles[-1] + plot.LABEL / 2 <= chart.width


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (1_540_000, "1.5 MB"),
        (999_999, "1 MB"),
        (182e9, "182 GB"),
        (9.96e9, "10 GB"),
        (2.5e18, "2500 PB"),
    ],
)
def test_sizes_in_words(count: float, words: str) -> None:
    assert units.size(count) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (4.23, "4.2 s"),
        (45, "45 s"),
        (60, "1 min"),
        (406, "6 min 46 s"),
        (6120, "1 h 42 min"),
        (39600, "11 h"),
        (187200, "2 d 4 h"),
        (9.96, "10 s"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert units.duration(seconds) == words


def test_distances_in_words() -> None:
    assert units.distance(NOW + timedelta(hours=13), NOW) == "in 13 h"
    assert units.distance(NOW - timedelta(minutes=12), NOW) == "12 min ago"
    assert units.distance(NOW, NOW) == "now"


def test_axis_labels_are_short() -> None:
    assert [units.tick(seconds) for seconds in (0, 30, 1800, 5400, 7200)] == [
        "0 s",
        "30 s",
        "30 min",
        "1.5 h",
        "2 h",
    ]


def test_a_direct_mirror_has_days_instead_of_generations() -> None:
    html = page.render(states()["direct"])
    assert html.count('class="broad"') == 1, "one chart alone takes the whole width"
    assert "Generation</th>" not in html
    assert "cluster-resources.yaml" in html
    assert isinstance(states()["direct"].runs[0], Run)


def test_files_of_another_target_are_offered_under_its_name() -> None:
    it = states()["direct"]
    other = TargetFiles(target="other.example.com", folder="other.example.com", files=())
    html = page.render(replace(it, published=(*it.published, other)))
    own, others = html.split("For the clusters of other registries")
    assert "registry.example.com:8443/mirror is to be used" in own
    assert 'other.example.com: <a href="/targets/other.example.com/cluster-resources.yaml"' in others
    alone = replace(it, published=(other,))
    assert alone.own is None
    assert 'href="/cluster-resources.yaml"' not in page.render(alone)


def test_a_service_without_target_offers_the_only_one_there_is() -> None:
    one, two = (TargetFiles(target=name, folder=name, files=()) for name in ("one", "two"))
    assert overview(published=(one,)).own == one
    assert overview(published=(one, two)).own is None
    assert overview(published=(one, two)).others == (one, two)


def test_a_target_that_has_lost_images_is_not_called_safe() -> None:
    html = page.render(states()["lost"])
    assert "has lost 2 images" in html
    assert "team/app:v1 and others" in html
    assert "Safe to apply" not in html
