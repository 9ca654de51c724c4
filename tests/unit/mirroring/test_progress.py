"""How far a run has come: plain lines in a pod, a bar on a terminal."""

from __future__ import annotations

import logging
import os
import pty
import re
import subprocess
import time
from typing import TYPE_CHECKING

from steps.mirroring.ocmirror import output
from steps.mirroring.ocmirror.output import Counter
from tests.unit.mirroring.conftest import MIRROR, standin_only

if TYPE_CHECKING:
    import pytest

    from tests.unit.mirroring.conftest import Place

SAID = "2026/11/23 11:42:02  [INFO]   : "


def counted(*, total: int, done: int, seconds: float) -> Counter:
    now = [100.0]
    counter = Counter(clock=lambda: now[0])
    counter.see(f"{SAID}📌 images to copy {total} ")
    now[0] += seconds
    for number in range(done):
        word = "Success copying" if number % 2 else "Failed to copy additional"
        counter.see(f"{SAID}{word} quay.io/a:{number} ➡️ cache")
    return counter


def test_what_debug_says_of_collecting_is_no_number_of_images_to_copy() -> None:
    counter = counted(total=5, done=1, seconds=10)
    for line in ("[CollectAll] total release images to copy 190 ", "images to copy (before duplicates) 7 "):
        counter.see(f"2026/11/23 11:42:02  [DEBUG]   : {line}")
    assert counter.total == 5
    assert counter.done == 1


def test_images_rate_and_time_left_are_told() -> None:
    assert counted(total=395, done=12, seconds=180).text() == (
        "12 of 395 images, 4.0 a minute, about 1 h 36 min left"
    )
    assert counted(total=3, done=2, seconds=10).text() == "2 of 3 images, 12.0 a minute, about a minute left"
    assert counted(total=3, done=3, seconds=10).text() == "3 of 3 images, 18.0 a minute"


def test_nothing_is_promised_before_there_is_a_rate() -> None:
    assert Counter().text() == ""
    assert counted(total=395, done=0, seconds=50).text() == "0 of 395 images"
    assert counted(total=395, done=1, seconds=0).text() == "1 of 395 images"


def test_the_archive_is_told_when_the_images_are_done() -> None:
    counter = counted(total=3, done=3, seconds=10)
    counter.see(f"{SAID}📦 Preparing the tarball archive...")
    assert counter.text() == "3 of 3 images, writing the archive"


def test_a_line_comes_at_intervals_even_when_oc_mirror_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), output.shown(interval=0.05, terminal=False) as counter:
        time.sleep(0.2)
        assert not caplog.records
        counter.see(f"{SAID}📌 images to copy 7 ")
        time.sleep(0.3)
    assert len(caplog.messages) >= 2
    assert set(caplog.messages) == {"progress: 0 of 7 images"}


def test_in_a_pod_no_control_character_is_written(connected: Place) -> None:
    process = subprocess.run(
        [*MIRROR, *connected.command()], capture_output=True, text=True, check=False, timeout=60
    )
    assert process.returncode == 0, process.stderr
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", process.stderr)


@standin_only
def test_on_a_terminal_a_bar_is_drawn_below_the_log(connected: Place) -> None:
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "STANDIN_SLOW": "0.3"}
    process = subprocess.Popen(
        [*MIRROR, *connected.command()], stdout=follower, stderr=follower, env=environment
    )
    os.close(follower)
    seen = b""
    while True:
        try:
            data = os.read(leader, 4096)
        except OSError:  # the other end is closed
            break
        if not data:
            break
        seen += data
    os.close(leader)
    assert process.wait(30) == 0, seen.decode(errors="replace")
    text = seen.decode(errors="replace")
    assert "1/2" in text
    assert "\x1b[" in text
    assert "generation 1 (full" in text
    assert "Success copying 127.0.0.1:5000/team/app:v1" in text
