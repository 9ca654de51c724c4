"""How far a run has come, the last lines of its log, and what direct runs and receipts leave for people."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path

import pytest

from steps.mirroring import last_lines
from steps.mirroring.ocmirror.output import Counter
from steps.mirroring.store import Store
from steps.mirroring.store.progress import RunProgress, _Meter, network_bytes
from steps.mirroring.store.received import Received
from steps.mirroring.store.runs import Run
from tests.testbed.waiting import wait_until
from tests.unit.mirroring.conftest import Place

DEV = """Inter-|   Receive  |  Transmit
 face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier
    lo: 999999 5000 0 0 0 0 0 0 999999 5000 0 0 0 0 0 0
  eth0: 1000 7 0 0 0 0 0 0 300 4 0 0 0 0 0 0
  eth1:50 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0
"""


def test_bytes_are_those_of_the_network_without_the_local_interface(tmp_path: Path) -> None:
    (tmp_path / "dev").write_text(DEV)
    assert network_bytes(tmp_path / "dev") == (1050, 307)
    (tmp_path / "other").write_text("a\nb\nno numbers: here\n")
    assert network_bytes(tmp_path / "other") == (0, 0)
    assert network_bytes(tmp_path / "absent") == (0, 0)


def test_images_bytes_rate_and_time_left_are_measured() -> None:
    now, network = [1000.0], [(5000, 100)]
    counter = Counter(total=0)
    meter = _Meter(counter, network=lambda: network[0], clock=lambda: now[0])
    now[0], counter.total = 1010.0, 100
    meter.read()
    now[0], counter.done, network[0] = 1020.0, 20, (25_000, 600)
    found = meter.read()
    assert (found.total, found.done, found.received, found.sent) == (100, 20, 20_000, 500)
    assert found.rate == 2050.0
    assert found.images_a_second == 2.0
    assert found.seconds_left == 40.0
    now[0] = 1600.0
    assert meter.read().moved == found.moved, "nothing was done since then"
    counter.archiving = True
    assert meter.read().seconds_left is None


def test_the_file_is_there_while_oc_mirror_runs_and_goes_with_it(tmp_path: Path) -> None:
    store, counter = Store(tmp_path), Counter(total=7, done=3)
    with store.progress.kept(counter, interval=0.01):
        found = wait_until("the file", store.progress.read, interval=0.01, tolerate=())
    assert found is not None
    assert (found.total, found.done) == (7, 3)
    assert not (tmp_path / "progress.json").exists()
    assert store.progress.read() is None


def test_a_run_that_is_over_at_once_writes_nothing(tmp_path: Path) -> None:
    with Store(tmp_path).progress.kept(Counter(total=7)):
        pass
    assert not list(tmp_path.iterdir())


def test_a_volume_that_cannot_be_written_costs_nothing_but_the_display(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with Store(tmp_path / "file").progress.kept(Counter(total=7), interval=0.01):
        time.sleep(0.05)


@pytest.mark.parametrize("content", ["", "[]", '{"format": 99}', '{"began": 1}'])
def test_a_damaged_file_says_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "progress.json").write_text(content)
    assert Store(tmp_path).progress.read() is None


def test_a_field_of_a_later_version_is_no_obstacle(tmp_path: Path) -> None:
    record = RunProgress(began="2026-11-23T12:00:00Z", moved="", written="2026-11-23T12:01:00Z", total=2)
    (tmp_path / "progress.json").write_text(json.dumps({**record.document(), "later": 1}))
    found = Store(tmp_path).progress.read()
    assert found is not None
    assert found.total == 2


SECRETS = (
    "GET https://user:hunter2@registry.example.com/v2/",
    "Authorization: Bearer hunter2",
    'error: {"auth": "hunter2"}',
    "https://bucket.example.com/blob?X-Amz-Signature=hunter2&x=1",
    "token=hunter2 was refused",
    "password: hunter2",
    '{"identitytoken":"hunter2"}',
)


@pytest.mark.parametrize("line", SECRETS)
def test_no_secret_is_in_the_last_lines(line: str) -> None:
    assert "hunter2" not in last_lines.without_secrets(line)
    assert "***" in last_lines.without_secrets(line)


def test_the_last_lines_are_few_short_and_timed() -> None:
    logger = logging.getLogger("steps.test")
    with last_lines.kept() as last:
        for number in range(50):
            logger.warning("line %d\n\x1b[31mred\x1b[0m %s", number, "x" * 5000)
    logger.warning("after the run")
    assert len(last.lines) == last_lines.KEPT
    assert last.lines[-2].endswith("Z line 49")
    assert "red xxx" in last.lines[-1]
    assert max(map(len, last.lines)) <= last_lines.LONGEST + 10
    assert "after the run" not in str(last.lines)


def test_ordinary_lines_stay_as_they_are() -> None:
    line = "[INFO] : error mirroring image registry.example.com/a@sha256:4f6a authentication required"
    assert last_lines.without_secrets(line) == line


def test_a_record_without_a_log_is_read_and_a_short_last_word_leaves_it_out() -> None:
    old = '{"format": 2, "workflow": "workflow-to-disk", "started": "2026-11-23T12:00:00Z"}'
    assert Run.parse(old).log == ()
    run = Run.parse(old).changed(log=tuple(f"line {number}" for number in range(400)), message="why")
    short = Run.parse(run.bounded(600))
    assert short.message == "why"
    assert short.log[-1:] in {(), ("line 399",)}


def test_what_receipts_say_is_kept_with_the_time_of_the_first(tmp_path: Path) -> None:
    acknowledged = Store(tmp_path).acknowledged
    one, two = "a" * 64, "b" * 64
    acknowledged.add(Received(generations={1: one}), "2026-11-23T12:00:00Z")
    acknowledged.add(Received(generations={1: one, 2: two}), "2026-11-24T12:00:00Z")
    assert acknowledged.arrived() == {one: "2026-11-23T12:00:00Z", two: "2026-11-24T12:00:00Z"}
    (tmp_path / "acknowledged.json").write_text("no record")
    assert acknowledged.arrived() == {}


def test_what_direct_runs_brought_is_kept_by_target_and_mirror_name(tmp_path: Path) -> None:
    mirrored = Store(tmp_path).mirrored
    mirrored.record("one.example.com", "fleet", {"releases": ["4.18.22"]})
    mirrored.record("one.example.com", "edge", {"releases": ["4.20.12"]})
    mirrored.record("one.example.com", "fleet", {"releases": ["4.18.24"]})
    assert mirrored.of("one.example.com", "fleet") == {"releases": ["4.18.24"]}
    assert mirrored.of("one.example.com", "edge") == {"releases": ["4.20.12"]}
    assert mirrored.of("two.example.com", "fleet") == {}


def test_a_direct_run_records_what_it_brought(direct: Place, target: str) -> None:
    assert direct.mirror().returncode == 0
    found = Store(direct.data).mirrored.of(target, "imageset")
    assert found["additional"]
    assert found.keys() == {"releases", "operators", "additional", "charts"}
