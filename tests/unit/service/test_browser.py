"""The page in a real browser, headless Chromium: in light and dark, wide and narrow, without JavaScript.

axe-core holds it against the rules of WCAG 2.2 that a machine can check, contrast among them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from steps.service import page, web
from steps.service.web import Response, text
from tests import qr
from tests.browser import LARGEST, PICTURES, chromium, grey
from tests.unit.service.samples import IMPORTED, holdings_of, states

WCAG = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],  # a third of the time of all
}
WIDTH_OF_PICTURES = 1280
WIDE, NARROW = 1180, 320
"""Pixels; 320 is the width at which WCAG (1.4.10) still wants no scrolling in two directions."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium, headless."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The page in each state at /STATE, sent by the real server with its headers."""
    pages = {f"/{name}": page.render(it, holdings_of(name)).encode() for name, it in states().items()}

    def routes(path: str, _query: str) -> Response:
        return Response(200, pages[path], "text/html; charset=utf-8") if path in pages else text(200, "")

    with web.start(0, routes) as running:
        yield running.port


@pytest.fixture
def visit(browser: Browser, port: int) -> Iterator[Any]:
    """Opens a state; fails the test if the browser asked for more than it, or had anything to complain of."""
    tabs: dict[tuple[str, int, bool], Page] = {}
    complaints, asked = [], []

    def open_(name: str, *, scheme: str = "light", width: int = WIDE, scripts: bool = False) -> Page:
        if (scheme, width, scripts) not in tabs:
            context = browser.new_context(
                viewport={"width": width, "height": 800},
                color_scheme="dark" if scheme == "dark" else "light",
                java_script_enabled=scripts,
                bypass_csp=scripts,  # axe is a script, and the page forbids all
            )
            tab = tabs[scheme, width, scripts] = context.new_page()
            tab.on("console", lambda message: complaints.append(message.text))
            tab.on("pageerror", lambda error: complaints.append(str(error)))
            tab.on("request", lambda request: asked.append(request.url))
        tab = tabs[scheme, width, scripts]
        tab.goto(f"http://127.0.0.1:{port}/{name}")
        return tab

    yield open_
    for tab in tabs.values():
        tab.context.close()
    assert complaints == []
    searches = (*(f"http://127.0.0.1:{port}/?{name}=" for name in ("search", "clusters")), "data:")
    assert {url for url in asked if not url.startswith(searches)} <= {
        f"http://127.0.0.1:{port}/{name.replace(' ', '%20')}" for name in states()
    }


@pytest.mark.parametrize(
    ("scheme", "width"),
    [("light", WIDE), ("light", 700), ("light", NARROW), ("dark", WIDE), ("dark", NARROW)],
)
def test_every_state_is_accessible_and_no_wider_than_the_screen(visit: Any, scheme: str, width: int) -> None:
    for name in states() if (scheme, width) == ("light", WIDE) else ("failed", "direct"):
        tab = visit(name, scheme=scheme, width=width, scripts=True)
        found = Axe().run(tab, options=WCAG)
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, name


def test_a_screen_reader_finds_landmarks_headings_charts_and_the_table(visit: Any) -> None:
    for width in (WIDE, NARROW):  # a table stays one where it is drawn as cards
        tab = visit("failed", width=width)
        for role in ("banner", "main", "contentinfo"):
            assert tab.get_by_role(role).count() == 1
        assert tab.get_by_role("heading", level=1).inner_text() == "The last 7 runs failed"
        headings = [heading.inner_text() for heading in tab.get_by_role("heading", level=2).all()]
        assert headings == [
            "What to do",
            "At a glance",
            "Generations",
            "What changed",
            "In the mirror",
            "For the clusters",
            "Trend",
            "History",
        ]
        assert (
            tab.get_by_role(
                "img", name="Duration Bar chart, oldest first. 2026-11-10 02:00, generation 1: 1 h 42 min"
            ).count()
            == 1
        )
        assert (
            tab.get_by_role(
                "img",
                name="Size of the archives Bar chart, oldest first. 2026-11-10 02:00, generation 1: 182 GB",
            ).count()
            == 1
        )
        assert tab.get_by_role("row").count() == 1 + page.OPEN, "the others are folded"
        assert tab.get_by_role("rowheader").first.inner_text() == "2026-11-23 12:00 CET"
        assert [header.inner_text() for header in tab.get_by_role("columnheader").all()][:2] == [
            "Started",
            "Result",
        ]


def test_dark_is_dark_and_light_is_light(visit: Any) -> None:
    def brightness(scheme: str) -> int:
        tab = visit("well", scheme=scheme, scripts=True)
        colour = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))

    assert brightness("dark") < 200
    assert brightness("light") > 600


def test_it_is_styled_under_its_own_policy(visit: Any) -> None:
    """Without scripts, by the style's hash: the bars have their colour, so nothing was blocked."""
    tab = visit("well")
    assert tab.locator(".state").bounding_box()["width"] > 800
    assert tab.locator("rect.value").count() == 2 * 14
    boxes = [rect.bounding_box() for rect in tab.locator("svg").first.locator("rect.value").all()]
    assert boxes[0]["height"] > 5 * boxes[-1]["height"]


@pytest.mark.parametrize(("scheme", "width"), [("light", WIDE), ("dark", NARROW)])
def test_the_code_of_the_receipt_is_read_from_the_screen(
    visit: Any, browser: Browser, scheme: str, width: int
) -> None:
    tab = visit("imported", scheme=scheme, width=width)
    assert tab.get_by_role("img", name="QR code of the receipt").count() == 1
    picture = tab.locator(".code").screenshot()
    assert IMPORTED.receipt is not None
    assert qr.read(grey(browser, picture)) == [IMPORTED.receipt.code]
    tab.get_by_text("The code as a text").click()
    typed = tab.get_by_label("The code of the receipt as a text").inner_text()
    assert "".join(typed.split()) == IMPORTED.receipt.code


def test_what_looks_like_a_script_in_an_image_name_is_read_and_not_run(visit: Any) -> None:
    tab = visit("hostile", scripts=True)
    assert tab.get_by_text("quay.io/team/<script>alert(1)</script>:v1").is_visible()
    assert tab.locator("script").count() == 0


SHOWN = [
    ("running", WIDTH_OF_PICTURES, "light"),
    ("running", 390, "light"),
    ("failed", WIDTH_OF_PICTURES, "light"),
    ("failed", 390, "light"),
    ("failed", WIDTH_OF_PICTURES, "dark"),
    ("held", WIDTH_OF_PICTURES, "light"),
    ("well", WIDTH_OF_PICTURES, "light"),
    ("well", 390, "dark"),
]


@pytest.mark.parametrize(("name", "width", "scheme"), SHOWN)
def test_the_pictures_of_the_documents_are_of_the_page(
    visit: Any, tmp_path: Path, name: str, width: int, scheme: str
) -> None:
    """UPDATE_PICTURES=1 writes them anew; else what is drawn now only has to have the same width."""
    tab = visit(name, scheme=scheme, width=width)
    picture = PICTURES / f"page-{name}-{width}{'-dark' * (scheme == 'dark')}.png"
    drawn = picture if os.environ.get("UPDATE_PICTURES") == "1" else tmp_path / picture.name
    drawn.parent.mkdir(exist_ok=True)
    height = 1000 if width == WIDTH_OF_PICTURES else 1500
    tab.screenshot(path=drawn, full_page=True, clip={"x": 0, "y": 0, "width": width, "height": height})
    for path in (picture, drawn):
        assert int.from_bytes(path.read_bytes()[16:20], "big") == width
        assert path.stat().st_size < LARGEST


def test_the_search_is_a_form_that_works_without_scripts(visit: Any) -> None:
    tab = visit("well")
    tab.get_by_role("searchbox").fill("gitops")
    with tab.expect_response("**/?search=gitops*") as answer:
        tab.get_by_role("button", name="Search").click()
    assert answer.value.status == 200, "the page's policy lets it ask"


def test_clusters_are_found_without_scripts_and_shown_in_a_picture(visit: Any, tmp_path: Path) -> None:
    tab = visit("direct", width=WIDTH_OF_PICTURES)
    picture = PICTURES / "page-clusters.png"
    drawn = picture if os.environ.get("UPDATE_PICTURES") == "1" else tmp_path / picture.name
    tab.locator("section[aria-labelledby=fleet]").screenshot(path=drawn)
    for path in (picture, drawn):
        assert path.stat().st_size < LARGEST
    rows = tab.locator("section[aria-labelledby=fleet]").get_by_role("rowheader")
    assert [row.inner_text() for row in rows.all()][:3] == ["edge-1", "edge-7", "hub set hub"]
    tab.get_by_label("Search clusters").fill("edge-1")
    with tab.expect_response("**/?clusters=edge-1*") as answer:
        tab.locator("section[aria-labelledby=fleet]").get_by_role("button", name="Search").click()
    assert answer.value.status == 200, "the page's policy lets it ask"
