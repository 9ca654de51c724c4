"""What kills left goes with the next run, wherever it lies; what is not ours stays."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from steps.mirroring.store import Store
from tests.unit.mirroring.conftest import Place

LEFT = ".record.json.ab12cd_9.unfinished"
OLD = ".record.json.ab12cd_9"
"""As version 0.1 named it."""
OURS = (
    "runs",
    "inventory/12ab",
    "removal",
    "generations/000001",
    "generations",
    "targets/x/mirrors/y",
    "ledger",
    ".",
)
NOT_OURS = ("working-dir", "quarantine/found-x", "logs")


@pytest.mark.parametrize("name", [LEFT, OLD])
def test_temporary_files_in_the_data_directory(connected: Place, name: str) -> None:
    assert connected.mirror().returncode == 0
    for folder in (*OURS, *NOT_OURS):
        (connected.data / folder).mkdir(parents=True, exist_ok=True)
        (connected.data / folder / name).write_text("{")
    ran = connected.mirror()
    assert ran.returncode == 0, ran.stderr
    left = {str(path.parent.relative_to(connected.data)) for path in connected.data.rglob(name)}
    assert left == set(NOT_OURS)


def test_no_generation_carries_them(connected: Place) -> None:
    """A kill while the files of a generation are put together."""
    assert connected.mirror().returncode == 0
    connected.names("team/app:v2", "team/db:v1")
    seal = Store(connected.data).generations
    (seal.folder / ".000002").mkdir()
    for name in (LEFT, OLD):
        (seal.folder / ".000002" / name).write_text("{")
    assert connected.mirror().returncode == 0
    folder = connected.data / "generations/000002"
    assert sorted(path.name for path in folder.iterdir()) == [
        "contents.json.gz",
        "generation.json",
        "imageset.yaml",
        "mirror_000001.tar",
    ]


def test_halves_of_blobs_in_the_cache(arrived: Place) -> None:
    assert arrived.mirror().returncode == 0
    store = Store(arrived.data).cache
    (blob,) = {store.blob(digest) for digest in store.blobs()[:1]}
    # As version 0.1 left them, once for all; then as this one does.
    shutil.rmtree(arrived.data / "cache/.oc-mirror/.cache/unfinished")
    (blob.parent / "data.unfinished").write_text("half")
    assert arrived.mirror().returncode == 0
    assert not (blob.parent / "data.unfinished").exists()
    half = arrived.data / "cache/.oc-mirror/.cache/unfinished/file"
    half.write_text("half")
    (blob.parent / "mine.unfinished").write_text("no leftover of ours")
    assert arrived.mirror().returncode == 0
    assert not half.exists()
    assert (blob.parent / "mine.unfinished").exists()
    assert blob.exists()


def test_halves_of_files_on_a_medium(three: Place, tmp_path: Path) -> None:
    shutil.copytree(three.data, tmp_path / "made")
    made = Place(tmp_path / "made", three.imageset, three.oc_mirror, three.host)
    medium = tmp_path / "medium"
    left = [
        medium / ".packing-list.json.partial",
        medium / "volume-002/.packing-list.txt.partial",
        medium / ".received.json.partial",
        medium / "generations/000001/.mirror_000001.tar.partial",
        medium / "volume-003/generations/000009/.mirror_000001.tar.part-001.partial",
    ]
    stay = [medium / ".film.partial", medium / "mine/.film.partial", medium / "generations/.partial/film"]
    for path in (*left, *stay):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
    (medium / "generations/away").symlink_to(medium / "mine")
    assert made.mirror(f"--export={medium}").returncode == 0
    assert [path for path in left if path.exists()] == []
    assert [path for path in stay if not path.exists()] == []
    assert not (medium / "volume-002").exists()


def test_a_trial_that_was_killed(connected: Place) -> None:
    assert connected.mirror().returncode == 0
    for name in (".trial-ab12cd_9", ".trial.ab12cd_9.unfinished"):
        (connected.data / name).mkdir()
        (connected.data / name / "2026-01-01T00:00:00Z").touch()
    assert connected.mirror().returncode == 0
    assert not list(connected.data.glob(".trial*"))
