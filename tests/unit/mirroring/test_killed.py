"""Whatever kills a run, the next one goes on: no generation lost or torn, no blob that no archive holds."""

from __future__ import annotations

import os
import random
import shutil
import signal
import tarfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from steps.mirroring.store import Store, lock
from tests.standin.oc_mirror import Image
from tests.unit.mirroring import apart
from tests.unit.mirroring.conftest import REAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.mirroring.conftest import Place

KILLS = int(os.environ.get("MIRROR_KILLS", "8"))
"""For each workflow; a few in the suite, 200 to be sure."""
SERIES = [8] * (KILLS // 8) + [KILLS % 8] * (KILLS % 8 > 0)
"""So many on one data directory."""


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for an oc-mirror that a killed run has left, however slow the machine is."""
    monkeypatch.setattr(lock, "PATIENCE", 120.0)


def killed_at_step(place: Place, step: int) -> bool:
    """Run `mirror` and kill it before its `step`th change of a name in DATA; False if it ended."""
    ended = apart.killed_at_step(place.data, step, place.command())
    assert ended.returncode in {0, -signal.SIGKILL}, ended.stderr
    return ended.returncode != 0


def killed_after(place: Place, seconds: float, *, all_of_it: bool) -> None:
    """Run `mirror` and kill it after some time, whatever it does then.

    `all_of_it`: oc-mirror too, as a pod ends; else that is left to itself, as by the kernel out of memory.
    """
    process = apart.start(place.command())
    time.sleep(seconds)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    running = children.read_text().split() if all_of_it and children.exists() else []
    process.kill()
    for child in running:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(int(child), signal.SIGKILL)
    process.join()


def kill_often(place: Place, moments: random.Random, kills: int, longest: float) -> Iterator[int]:
    """Kill runs at random moments within `longest` seconds; before each its number is given."""
    for number in range(1, kills + 1):
        yield number
        killed_after(place, moments.uniform(0, longest), all_of_it=moments.random() < 0.5)


def duration(place: Place) -> float:
    """Seconds that a run takes here and now, from its start as a process to its end."""
    began = time.monotonic()
    ended = apart.mirror(place.command())
    assert ended.returncode == 0, ended.stderr
    return time.monotonic() - began


def check_whole(place: Place, *versions: str) -> None:
    """Everything a target needs of these versions is in the generations, whose chain and files are whole."""
    store = Store(place.data)
    made = store.generations.present()
    archived: set[str] = set()
    for generation in made.values():
        store.generations.verify([generation])
        before = generation.predecessor
        if before is not None:
            assert made[before.sequence].identity == before.identity
        for archive in store.generations.archives(generation):
            with tarfile.open(archive) as tar:
                archived |= {
                    f"sha256:{name.split('/')[-2]}" for name in tar.getnames() if name.endswith("/data")
                }
    assert list(made) == list(range(1, len(made) + 1))
    assert set(store.generations.ledger()) == set(made)
    known = {name for generation in made.values() for name in generation.history_written}
    assert set(store.history.written()) == known
    assert not store.archives()
    assert not (store.root / "run").exists()
    if not REAL:
        for version in versions:
            image = Image(f"{place.host}/team/app:{version}", "additional", "team/app", version)
            assert set(image.blobs) <= archived, f"blobs of {version} are in no generation"


PARTS = 6
"""Each takes every sixth step: together all of them, side by side on all cores."""


@pytest.mark.parametrize("part", range(1, PARTS + 1))
def test_killed_at_every_step_of_its_own(connected: Place, tmp_path: Path, part: int) -> None:
    assert connected.mirror().returncode == 0
    connected.data.rename(tmp_path / "before")
    connected.names("team/app:v2", "team/db:v1")
    for step in range(part, 100, PARTS):
        shutil.copytree(tmp_path / "before", connected.data)
        finished = not killed_at_step(connected, step)
        ran = connected.mirror()
        assert ran.returncode == 0, ran.stderr
        check_whole(connected, "v1", "v2")
        if finished:
            break
        shutil.rmtree(connected.data)
    assert 10 < step < 99 - PARTS, "the run did less than it should, or more"


@pytest.mark.parametrize("kills", SERIES)
def test_killed_at_any_moment_to_disk(
    connected: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: int
) -> None:
    monkeypatch.setenv("STANDIN_SLOW", "0.03")
    longest = duration(replace(connected, data=tmp_path / "undisturbed"))
    versions = []
    for number in kill_often(connected, random.Random(), kills, longest):
        versions.append(f"v{number}")
        connected.names(f"team/app:v{number}", "team/db:v1")
    ran = connected.mirror()
    assert ran.returncode == 0, ran.stderr
    check_whole(connected, versions[-1])


@pytest.mark.parametrize("kills", SERIES)
def test_killed_at_any_moment_from_disk(
    three: Place,
    disconnected: Place,
    tmp_path: Path,
    target: str,
    has: Callable[[str, str], bool],
    monkeypatch: pytest.MonkeyPatch,
    kills: int,
) -> None:
    monkeypatch.setenv("STANDIN_SLOW", "0.03")
    undisturbed = replace(
        disconnected,
        data=tmp_path / "undisturbed",
        arguments=[disconnected.arguments[0], f"--target-registry={target}-undisturbed"],
    )
    for place in (undisturbed, disconnected):
        shutil.copytree(three.data / "generations", place.data / "generations")
    longest = duration(undisturbed)
    for _number in kill_often(disconnected, random.Random(), kills, longest):
        pass
    ran = disconnected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert all(has(target, f"team/{image}") for image in ("app:v1", "app:v2", "app:v3", "db:v1"))
    assert "has everything" in disconnected.mirror().stderr


@pytest.mark.parametrize("kills", SERIES)
def test_killed_at_any_moment_direct(
    direct: Place,
    tmp_path: Path,
    target: str,
    has: Callable[[str, str], bool],
    monkeypatch: pytest.MonkeyPatch,
    kills: int,
) -> None:
    monkeypatch.setenv("STANDIN_SLOW", "0.03")
    undisturbed = replace(
        direct,
        data=tmp_path / "undisturbed",
        arguments=[direct.arguments[0], f"--target-registry={target}-undisturbed"],
    )
    longest = duration(undisturbed)
    for _number in kill_often(direct, random.Random(), kills, longest):
        pass
    ran = direct.mirror()
    assert ran.returncode == 0, ran.stderr
    assert has(target, "team/app:v1")
    assert has(target, "team/db:v1")
    assert list((direct.data / "cluster-resources").iterdir())


def test_sigterm_ends_oc_mirror_and_leaves_everything_at_rest(
    connected: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert connected.mirror().returncode == 0
    monkeypatch.setenv("STANDIN_SLOW", "60")
    connected.names("team/app:v2", "team/db:v1")
    with connected.start() as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "images to copy" in line or "discover the necessary images" in line:
                break
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
        assert process.wait() in ({143, 0} if REAL else {143})
    assert time.monotonic() - began < 30
    if not REAL:
        assert "ended by SIGTERM; the next run goes on from here" in rest
    assert not list(connected.data.glob("mirror_*.tar"))
    assert not _working_in(connected)
    monkeypatch.delenv("STANDIN_SLOW")
    ran = connected.mirror()
    assert ran.returncode == 0, ran.stderr
    check_whole(connected, "v2")


def _working_in(place: Place) -> list[str]:
    """The processes that still work in a data directory."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                line = Path("/proc", entry.name, "cmdline").read_text()
            except OSError:
                continue
            if f"file://{place.data}" in line:
                found.append(line.replace("\0", " "))
    return found
