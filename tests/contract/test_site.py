"""The documentation as a site: it builds, and the build fails on what a reader would stumble over."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


def build(folder: Path, text: str = "", page: str = "index.md") -> subprocess.CompletedProcess[str]:
    """Build a copy of the documents, as `make check` does, with `text` added to one page."""
    shutil.copytree(ROOT / "docs", folder / "docs")
    shutil.copy(ROOT / "mkdocs.yml", folder)
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


def test_the_site_builds_and_draws_its_diagrams(tmp_path: Path) -> None:
    done = build(tmp_path)
    assert not done.returncode, done.stderr
    page = (tmp_path / "build/site/explanation/architecture.html").read_text()
    drawn = (ROOT / "docs/explanation/architecture.md").read_text().count("```mermaid")
    assert page.count('<pre class="mermaid">') == drawn > 1
    assert (tmp_path / "build/site/decisions/index.html").is_file()
    assert not (tmp_path / "build/site/generate.py").exists()


@pytest.mark.parametrize(
    ("text", "page", "said"),
    [
        ("[there](how-to/nowhere.md)", "index.md", "how-to/nowhere.md"),
        ("[there](troubleshooting.md#no-such-symptom)", "index.md", "no-such-symptom"),
        ("# A page", "how-to/unlisted.md", "how-to/unlisted.md"),
    ],
    ids=["a link to nowhere", "an anchor that is not there", "a page that the navigation lacks"],
)
def test_the_build_refuses(tmp_path: Path, text: str, page: str, said: str) -> None:
    done = build(tmp_path, text, page)
    assert done.returncode
    assert said in done.stderr
