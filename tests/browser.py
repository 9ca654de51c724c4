"""A real browser, the system's Chromium without a window, and the pictures that the documents show."""

from __future__ import annotations

import base64
import os
import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import ROOT, unavailable

PICTURES = ROOT / "docs" / "images"
LARGEST = 200_000
"""Bytes; everybody who clones the repository fetches every picture that there ever was."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Debian's Chromium; skips the test where there is none."""
    program = shutil.which("chromium")
    if program is None:
        unavailable("there is no program chromium: see `make programs`")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def check_picture(tab: Page, name: str) -> None:
    """Take the picture docs/images/NAME of what the tab shows, with UPDATE_PICTURES=1 to keep it.

    Without, the picture that is kept must be as wide and as high as what the tab shows, and small.
    """
    taken, path = tab.screenshot(animations="disabled"), PICTURES / name
    if os.environ.get("UPDATE_PICTURES") == "1":
        path.write_bytes(taken)
    assert path.is_file(), f"{name} is not there: run this test with UPDATE_PICTURES=1"
    assert size(path.read_bytes()) == size(taken), f"{name} is old: run this test with UPDATE_PICTURES=1"
    assert path.stat().st_size < LARGEST, name


def grey(browser: Browser, png: bytes) -> list[list[int]]:
    """Return the pixels of a picture: rows of values from 0, black, to 255, white."""
    tab = browser.new_page()
    values = tab.evaluate(
        """async (address) => {
            const image = new Image();
            image.src = address;
            await image.decode();
            const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
            canvas.drawImage(image, 0, 0);
            const pixels = canvas.getImageData(0, 0, image.width, image.height).data;
            return Array.from({length: image.width * image.height}, (_, place) =>
                Math.round((pixels[4 * place] + pixels[4 * place + 1] + pixels[4 * place + 2]) / 3));
        }""",
        f"data:image/png;base64,{base64.b64encode(png).decode()}",
    )
    tab.close()
    width, _height = size(png)
    return [values[start : start + width] for start in range(0, len(values), width)]


def size(png: bytes) -> tuple[int, int]:
    """Return width and height in pixels."""
    assert png.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", png[16:24])
    return width, height
