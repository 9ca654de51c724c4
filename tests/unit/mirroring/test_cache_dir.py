"""A cache that lies apart from the data directory, on a volume of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from steps.mirroring.store import Store, lock
from tests.unit.mirroring.conftest import Place, standin_only

Has = Callable[[str, str], bool]


@pytest.fixture
def apart(small_volume: Callable[[str], Path]) -> Path:
    """A folder on a volume of its own."""
    return small_volume("size=20m") / "cache"


def test_every_workflow_works_with_it(
    connected: Place, disconnected: Place, apart: Path, target: str, has: Has
) -> None:
    for place, name in ((connected, "there"), (disconnected, "here")):
        place.arguments.append(f"--cache-dir={apart / name}")
    for version in ("v1", "v2"):
        connected.names(f"team/app:{version}", "team/db:v1")
        ran = connected.mirror()
        assert ran.returncode == 0, ran.stderr
    assert "continues generation 1" in ran.stderr
    shutil.copytree(connected.data / "generations", disconnected.data / "generations")
    disconnected.names("team/app:v2", "team/db:v1")
    ran = disconnected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert has(target, "team/app:v2")
    for place, name in ((connected, "there"), (disconnected, "here")):
        assert not (place.data / "cache").exists()
        assert Store(place.data, apart / name).cache.tag("team/app", "v2")
    assert connected.mirror("--workflow=workflow-cleanup").returncode == 0
    assert not Store(connected.data, apart / "there").cache.tag("team/app", "v1")
    ran = disconnected.mirror("--workflow=workflow-delete-generate", "--cache-dir=")
    assert ran.returncode == 0, ran.stderr


def test_a_cache_that_lies_elsewhere_is_not_left_behind(connected: Place, tmp_path: Path) -> None:
    apart = tmp_path / "apart"
    assert connected.mirror().returncode == 0
    ran = connected.mirror(f"--cache-dir={apart}")
    assert ran.returncode == 5
    reason, hint = ran.stderr.splitlines()[-2:]
    assert f"the cache of {connected.data} is in {connected.data / 'cache'}" in reason
    assert f"mv {connected.data / 'cache'}/.oc-mirror {apart}/" in hint
    (connected.data / "cache" / ".oc-mirror").rename(apart / ".oc-mirror")
    ran = connected.mirror(f"--cache-dir={apart}")
    assert ran.returncode == 0, ran.stderr
    assert connected.mirror().returncode == 5, "and not back again"


def test_a_cache_whose_volume_is_not_mounted_is_noticed(connected: Place, tmp_path: Path) -> None:
    apart = tmp_path / "apart"
    assert connected.mirror(f"--cache-dir={apart}").returncode == 0
    apart.rename(tmp_path / "unmounted")
    ran = connected.mirror(f"--cache-dir={apart}")
    assert f"the cache in {apart} is empty" in ran.stderr


def test_two_data_directories_use_one_cache_in_turn(connected: Place, tmp_path: Path) -> None:
    apart = tmp_path / "apart"
    with lock.exclusive(apart, purpose="another run"):
        waiting = connected.start(f"--cache-dir={apart}")
        assert waiting.stderr
        words = f"waiting for {apart}, which is in use by another run, process {os.getpid()}"
        assert any(words in line for line in waiting.stderr)
        assert not (connected.data / "working-dir").exists()
    _output, errors = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, errors
    assert [path.name for path in connected.generations()] == ["000001"]


@standin_only
def test_a_full_volume_of_the_cache_is_named(
    connected: Place, small_volume: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN_BYTES", "3000000")
    volume = small_volume("size=4m")
    ran = connected.mirror(f"--cache-dir={volume / 'cache'}")
    assert ran.returncode == 8
    assert f"the volume of the cache {volume / 'cache'} is full" in ran.stderr
    assert "data volume is full" not in ran.stderr
