"""The documentation as a site: it builds, and people without a network can read it from a folder.

A real browser opens the site's files, with every network forbidden to it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser import check_picture, chromium
from tests.conftest import ROOT

SCREEN: ViewportSize = {"width": 1280, "height": 800}
OPEN_SHADOWS = """
const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (options) { return attach.call(this, {...options, mode: "open"}) };
"""
"""The theme draws diagrams where no script can look; with this one can."""
TOO_WIDE = "codes => codes.filter(it => it.scrollWidth > it.clientWidth).map(it => it.innerText)"


MISTAKES = {
    "a link to nowhere": ("[there](how-to/nowhere.md)", "index.md", "how-to/nowhere.md"),
    "an anchor that is not there": (
        "[there](troubleshooting.md#no-such-symptom)",
        "index.md",
        "no-such-symptom",
    ),
    "a parameter that is not there": (
        "[there](reference/pipelines.md#deployment-pipeline-shedule)",
        "index.md",
        "pipeline-shedule",
    ),
    "a page that the navigation lacks": ("# A page", "how-to/unlisted.md", "how-to/unlisted.md"),
}
"""What is added to which page, and what the warning of it names."""


def build(folder: Path, texts: Iterable[tuple[str, str]] = ()) -> subprocess.CompletedProcess[str]:
    """Build a copy of the documents, as `make check` does, with each of `texts` added to its page."""
    shutil.copytree(ROOT / "docs", folder / "docs")
    for name in ("mkdocs.yml", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    for text, page in texts:
        with (folder / "docs" / page).open("a") as stream:
            stream.write(f"\n{text}\n")
    return subprocess.run(
        [Path(sys.executable).with_name("mkdocs"), "build", "--strict"],
        cwd=folder,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site as built."""
    folder = tmp_path_factory.mktemp("site")
    done = build(folder)
    assert not done.returncode, done.stderr
    return folder / "build/site"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    with chromium() as running:
        yield running


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A tab without a network; fails the test if a page asks for more than files, or has complaints."""
    context = browser.new_context(viewport=SCREEN, offline=True, color_scheme="light")
    context.add_init_script(OPEN_SHADOWS)
    asked, complaints = [], []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert not [url for url in asked if not url.startswith(("file:", "data:"))]
    assert complaints == []


@pytest.fixture(scope="module")
def refusal(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The warnings of a build with all mistakes; each of them alone makes a strict build fail."""
    done = build(tmp_path_factory.mktemp("refused"), [mistake[:2] for mistake in MISTAKES.values()])
    assert done.returncode
    warnings = re.findall(r"^WARNING .*(?:\n  .*)*", done.stderr, re.MULTILINE)
    assert f"Aborted with {len(warnings)} warnings in strict mode" in done.stdout
    return warnings


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_build_refuses(refusal: list[str], mistake: str) -> None:
    _text, page, said = MISTAKES[mistake]
    assert [warning for warning in refusal if page in warning and said in warning]


def test_only_what_is_to_be_read_is_published(site: Path) -> None:
    assert (site / "decisions/index.html").is_file()
    assert not [*site.rglob("*.py"), *site.rglob("*.md")]


def test_every_diagram_is_drawn_without_a_network(site: Path, tab: Page) -> None:
    pages = {path: path.read_text().count("```mermaid") for path in ROOT.glob("docs/**/*.md")}
    drawn = {path: count for path, count in pages.items() if count}
    assert len(drawn) > 1
    for path, count in drawn.items():
        tab.goto((site / path.relative_to(ROOT / "docs").with_suffix(".html")).as_uri())
        expect(tab.locator("pre.mermaid")).to_have_count(0)
        expect(tab.locator("div.mermaid svg")).to_have_count(count)
        for diagram in tab.locator("div.mermaid svg").all():
            box = diagram.bounding_box()
            assert box, path
            assert (box["width"] > 200, box["height"] > 50) == (True, True), path
            expect(diagram.locator(".node").first).to_be_visible()


def test_every_text_of_the_picture_of_the_way_stands_on_its_colour(tab: Page) -> None:
    """So it can be read on a light and on a dark page."""
    tab.goto((ROOT / "docs/images/way.svg").as_uri())
    nodes = tab.locator("g.node").all()
    assert len(nodes) > 8
    assert tab.locator("text").count() == tab.locator("g.node text").count()
    for node in nodes:
        place = node.locator("rect").bounding_box()
        for text in node.locator("text").all():
            box = text.bounding_box()
            assert box
            assert place
            assert place["x"] <= box["x"], text.inner_text()
            assert box["x"] + box["width"] <= place["x"] + place["width"], text.inner_text()


@pytest.mark.parametrize("page", ["index.html", "how-to/air-gap.html"])
def test_the_search_works_from_a_folder(site: Path, tab: Page, page: str) -> None:
    tab.goto((site / page).as_uri())
    tab.get_by_role("textbox", name="Search").fill("schedule")
    found = tab.locator(".md-search-result__link", has_text="Pipelines").first
    expect(found).to_be_visible()
    found.click()
    tab.wait_for_url(re.compile(r"^file:.*/reference/pipelines\.html"))


def test_dark_mode_can_be_chosen_and_stays(site: Path, tab: Page) -> None:
    def brightness() -> int:
        colour = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in re.findall(r"\d+", colour)[:3])

    tab.goto((site / "index.html").as_uri())
    assert brightness() > 600
    tab.get_by_title("Switch to dark mode").click()
    assert brightness() < 200
    tab.goto((site / "tutorial.html").as_uri())
    assert brightness() < 200
    tab.get_by_title("Switch to light mode").click()
    assert brightness() > 600


def test_no_block_of_code_is_wider_than_its_place(site: Path, browser: Browser) -> None:
    """Without scripts, because the style alone decides and pages load faster."""
    context = browser.new_context(viewport=SCREEN, offline=True, java_script_enabled=False)
    page = context.new_page()
    blocks = 0
    for path in sorted(site.rglob("*.html")):
        if "<pre>" in path.read_text():
            page.goto(path.as_uri())
            codes = page.locator("article pre > code")
            blocks += codes.count()
            assert codes.evaluate_all(TOO_WIDE) == [], path.relative_to(site)
    context.close()
    assert blocks > 50


def test_every_page_names_the_version_and_the_repository_and_has_every_part_in_its_menu(
    site: Path, tab: Page
) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for page in ("index.html", "decisions/index.html"):
        tab.goto((site / page).as_uri())
        header = tab.get_by_role("banner")
        link = header.locator("a.md-source").first
        expect(link).to_contain_text(f"version {project['version']}")
        assert link.get_attribute("href") == "https://github.com/auto-shift/oc-mirror-pipeline"
        parts = [it.strip() for it in tab.locator(".md-tabs__link").all_inner_texts()]
        assert parts[1:] == ["Tutorial", "How to", "Reference", "Explanation", "Troubleshooting", "Decisions"]
    decisions = tab.locator(".md-nav--primary a[href*='00']")
    assert decisions.count() == len(list(ROOT.glob("docs/decisions/0*.md")))


def test_the_scripts_of_others_have_the_versions_that_are_written_beside_them() -> None:
    scripts = json.loads((ROOT / "docs/site/package.json").read_text())["dependencies"]
    assert set(scripts) == {"@mermaid-js/tiny", "iframe-worker"}
    mermaid = (ROOT / "docs/site/assets/mermaid.tiny.js").read_text()
    assert f'"{scripts["@mermaid-js/tiny"]}"' in mermaid
    licences = (ROOT / "docs/site/assets/LICENSES.txt").read_text()
    assert all(name in licences for name in scripts)


@pytest.mark.parametrize(
    ("page", "picture", "scheme"),
    [
        ("index.html", "site-home.png", "light"),
        ("index.html", "site-home-dark.png", "dark"),
        ("tutorial.html", "site-tutorial.png", "light"),
        ("reference/pipelines.html", "site-reference.png", "light"),
    ],
)
def test_the_pictures_of_the_site(site: Path, tab: Page, page: str, picture: str, scheme: str) -> None:
    tab.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    tab.goto((site / page).as_uri())
    expect(tab.get_by_role("heading", level=1)).to_be_visible()
    assert tab.locator("body").get_attribute("data-md-color-scheme") == {"dark": "slate"}.get(
        scheme, "default"
    )
    check_picture(tab, picture)
