"""workflow-cleanup: what goes from cache and generations, and that mirroring goes on afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from steps.mirroring.store import Store
from tests.unit.mirroring.conftest import Place

CLEANUP = "--workflow=workflow-cleanup"
Has = Callable[[str, str], bool]


def tags(place: Place, repository: str) -> list[str]:
    """The tags of a repository in the cache."""
    root = Store(place.data).cache.folder / ".oc-mirror/.cache/docker/registry/v2/repositories"
    return sorted(path.name for path in (root / repository / "_manifests/tags").glob("*"))


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("data"))


def carry(source: Place, destination: Place) -> None:
    (destination.data / "generations").mkdir(parents=True, exist_ok=True)
    for folder in sorted((source.data / "generations").iterdir()):
        if not (destination.data / "generations" / folder.name).exists():
            shutil.copytree(folder, destination.data / "generations" / folder.name)


def mirror_two_versions(connected: Place) -> None:
    assert connected.mirror().returncode == 0
    connected.names("team/app:v2", "team/db:v1")
    assert connected.mirror("--incremental-mode=false").returncode == 0


def test_what_no_imageset_needs_goes_from_the_cache(connected: Place) -> None:
    mirror_two_versions(connected)
    cache = Store(connected.data).cache.folder
    before, histories = size(cache), connected.histories()
    ran = connected.mirror(CLEANUP, "--dry-run=true")
    assert ran.returncode == 0, ran.stderr
    assert "1 images and" in ran.stderr
    assert size(cache) == before
    ran = connected.mirror(CLEANUP)
    assert ran.returncode == 0, ran.stderr
    assert tags(connected, "team/app") == ["v2"]
    assert tags(connected, "team/db") == ["v1"]
    assert 0 < size(cache) < before
    assert connected.histories() == histories
    assert [path.name for path in connected.generations()] == ["000001", "000002"]
    ran = connected.mirror(CLEANUP)
    assert "0 images and 0 B were removed" in ran.stderr


def test_what_a_given_imageset_needs_stays(connected: Place) -> None:
    first = connected.imageset.with_name("first.yaml")
    first.write_text(connected.imageset.read_text())
    mirror_two_versions(connected)
    assert connected.mirror(CLEANUP, f"--also-imageset={first}").returncode == 0
    assert tags(connected, "team/app") == ["v1", "v2"]


def test_an_imageset_that_was_never_mirrored_is_refused(connected: Place) -> None:
    mirror_two_versions(connected)
    connected.names("team/db:v1")
    ran = connected.mirror(CLEANUP)
    assert ran.returncode == 5
    assert "was never mirrored as it is now" in ran.stderr
    assert tags(connected, "team/app") == ["v1", "v2"]


def test_generations_go_by_the_rules_of_their_chain(connected: Place) -> None:
    mirror_two_versions(connected)
    connected.names("team/app:v3", "team/db:v1")
    assert connected.mirror().returncode == 0
    ran = connected.mirror(CLEANUP, "--keep-generations=1", "--dry-run=true")
    assert "generations removed: 1" in ran.stderr
    assert len(connected.generations()) == 3
    ran = connected.mirror(CLEANUP, "--keep-generations=1")
    assert ran.returncode == 0, ran.stderr
    assert [path.name for path in connected.generations()] == ["000002", "000003"]


def test_mirroring_goes_on_after_it_on_both_sides(
    connected: Place, disconnected: Place, target: str, has: Has
) -> None:
    disconnected.imageset = disconnected.imageset.with_name("there.yaml")
    disconnected.names("team/app:v2", "team/db:v1")
    mirror_two_versions(connected)
    carry(connected, disconnected)
    assert disconnected.mirror().returncode == 0
    assert connected.mirror(CLEANUP).returncode == 0
    ran = disconnected.mirror(CLEANUP)
    assert ran.returncode == 0, ran.stderr
    assert tags(disconnected, "team/app") == ["v2"]
    connected.names("team/app:v3", "team/db:v1")
    assert connected.mirror().returncode == 0
    carry(connected, disconnected)
    ran = disconnected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert has(target, "team/app:v3")
    connected.names("team/app:v1", "team/db:v1")
    assert connected.mirror().returncode == 0
    carry(connected, disconnected)
    ran = disconnected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert has(target, "team/app:v1")


def test_what_the_chain_has_brought_since_its_last_full_archive_stays(
    three: Place, disconnected: Place
) -> None:
    carry(three, disconnected)
    assert disconnected.mirror().returncode == 0
    disconnected.imageset.write_bytes(three.imageset.read_bytes())
    assert disconnected.mirror(CLEANUP).returncode == 0
    assert tags(disconnected, "team/app") == ["v1", "v2", "v3"]


def test_an_empty_data_directory_is_clean(connected: Place) -> None:
    connected.imageset.unlink()
    connected.data.mkdir()
    command = [one for one in connected.command(CLEANUP) if not one.startswith("--imageset")]
    connected.command = lambda *more: command  # type: ignore[method-assign]
    ran = connected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "0 images" in ran.stderr


def test_killed_at_any_moment_and_run_again_it_ends_the_same(connected: Place, tmp_path: Path) -> None:
    mirror_two_versions(connected)
    before = tmp_path / "before"
    shutil.copytree(connected.data, before)
    assert connected.mirror(CLEANUP).returncode == 0
    clean = {path.relative_to(connected.data) for path in (connected.data / "cache").rglob("*")}
    for last in range(1, 1000):
        shutil.rmtree(connected.data)
        shutil.copytree(before, connected.data)
        if not _cut_short(connected, last):
            break
        assert connected.mirror(CLEANUP).returncode == 0
        assert {path.relative_to(connected.data) for path in (connected.data / "cache").rglob("*")} == clean
    assert last > 3


def _cut_short(place: Place, removals: int) -> bool:
    """Clean up, and die at the removal of this number; False where there are fewer."""
    left = iter(range(removals))
    remove = shutil.rmtree

    def dying(path: Path, **options: object) -> None:
        if "cache" in str(path):
            try:
                next(left)
            except StopIteration:
                raise KeyboardInterrupt from None
        remove(path, ignore_errors=bool(options))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("steps.mirroring.store.cache.shutil.rmtree", dying)
        return place.mirror(CLEANUP).returncode == 130
