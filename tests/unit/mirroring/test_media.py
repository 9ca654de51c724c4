"""mirror --export and --import: generations on media, whole or in parts, killed, damaged."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps import mirror
from steps.mirroring.store import Store, packing
from steps.mirroring.store.packing import LARGEST_PART, PackedFile, PackedGeneration, PackingList, ranges
from tests.unit.mirroring import apart
from tests.unit.mirroring.conftest import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SHA256 = hashlib.sha256(b"").hexdigest()


@pytest.fixture
def made(three: Place, tmp_path: Path) -> Place:
    """A connected side of its own with three generations."""
    shutil.copytree(three.data, tmp_path / "made")
    return Place(tmp_path / "made", three.imageset, three.oc_mirror, three.host)


@pytest.fixture
def far(tmp_path: Path, made: Place) -> Place:
    """A disconnected side without anything."""
    return Place(tmp_path / "far", made.imageset, made.oc_mirror, made.host)


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def check_arrived(made: Place, far: Place, *numbers: int) -> None:
    """These generations, and no others, are over there, byte by byte, and nothing half."""
    folder = far.data / "generations"
    assert sorted(path.name for path in folder.iterdir()) == [f"{number:06d}" for number in numbers]
    for number in numbers:
        assert files(folder / f"{number:06d}") == files(made.data / f"generations/{number:06d}")


def size_of(place: Place) -> int:
    return sum(map(len, files(place.data / "generations").values()))


def export(place: Place, medium: Path, *more: str) -> str:
    ran = place.mirror(f"--export={medium}", *more)
    assert ran.returncode == 0, ran.stderr
    return ran.stderr


def take_in(place: Place, *folders: Path, code: int = 0) -> str:
    ran = place.mirror(*(f"--import={folder}" for folder in folders))
    assert ran.returncode == code, ran.stderr
    return ran.stderr


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def test_generations_go_there_by_a_medium_and_into_the_registry(
    made: Place, disconnected: Place, tmp_path: Path, target: str, has: Callable[[str, str], bool]
) -> None:
    medium = tmp_path / "stick"
    printed = export(made, medium)
    for path, content in files(made.data / "generations").items():
        assert f"generations/{path}  {len(content)} bytes" in printed
        assert f"sha256:{hashlib.sha256(content).hexdigest()}" in printed
    assert files(medium / "generations") == files(made.data / "generations")
    upkeep = Place(disconnected.data, made.imageset, made.oc_mirror, made.host)
    assert "generation 1, 2, 3 is in" in take_in(upkeep, medium)
    check_arrived(made, disconnected, 1, 2, 3)
    assert disconnected.mirror().returncode == 0
    assert has(target, "team/app:v3")
    assert [run.workflow for run in Store(made.data).runs.all()][-1] == "export"
    assert next(run.workflow for run in Store(disconnected.data).runs.all()) == "import"


def test_both_spellings_and_a_workflow_beside_them(made: Place, far: Place, tmp_path: Path) -> None:
    for number, arguments in enumerate(
        (["--export", f"{tmp_path}/0"], [f"--export={tmp_path}/1", "--workflow=workflow-to-disk"])
    ):
        assert made.mirror(*arguments).returncode == 0
        assert (tmp_path / f"{number}/generations/000003/generation.json").exists()
    assert len(made.generations()) == 3
    assert far.mirror("--import", str(tmp_path / "0"), "--import", str(tmp_path / "1")).returncode == 0
    check_arrived(made, far, 1, 2, 3)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "none of --workflow, --export, --import, --changes, --acknowledge, --forget-target, --verify,"),
        (["--export=x", "--import=y"], "export and import are both given"),
        (["--import=y", "--volume-size=25G"], "give --export=FOLDER too"),
        (["--export=y", "--volume=2"], "volume needs a volume-size"),
        (["--export=y", "--volume-size=25G", "--schedule=0 2 * * *"], "leave schedule out"),
        (["--export=y", "--volume-size=25 GB"], "volume-size '25 GB' is not a quantity"),
    ],
)
def test_what_contradicts_itself_is_refused(made: Place, arguments: list[str], said: str) -> None:
    ran = made.mirror(*arguments)
    assert ran.returncode == 2
    assert said in ran.stderr


def test_what_the_other_side_has_received_is_not_exported_again(
    made: Place, far: Place, tmp_path: Path
) -> None:
    later = tmp_path / "later"
    (made.data / "generations/000003").rename(later)
    medium = tmp_path / "stick"
    export(made, medium)
    (medium / "holiday.jpg").write_bytes(b"not ours")
    (medium / "generations/000001/note.txt").write_bytes(b"not ours")
    take_in(far, medium)
    assert "the other side has received generation 1, 2" in export(made, medium)
    later.rename(made.data / "generations/000003")
    export(made, medium)
    assert (medium / "holiday.jpg").exists()
    assert (medium / "generations/000001/note.txt").exists()
    assert not (medium / "generations/000002").exists()
    assert (
        PackingList.model_validate_json((medium / "packing-list.json").read_text()).generations[0].sequence
        == 3
    )
    take_in(far, medium)
    shutil.rmtree(medium / "generations")
    check_arrived(made, far, 1, 2, 3)
    (medium / "received.json").unlink()
    assert "generations/000001" in export(made, medium)


def test_several_volumes_in_any_order_and_read_only(made: Place, far: Place, tmp_path: Path) -> None:
    medium = tmp_path / "staging"
    size = size_of(made) // 3
    export(made, medium, f"--volume-size={size}")
    volumes = sorted(path for path in medium.iterdir() if path.name.startswith("volume-"))
    assert len(volumes) >= 3
    assert not (medium / "packing-list.json").exists()
    for volume in volumes:
        assert sum(map(len, files(volume).values())) <= size
        done = subprocess.run(
            ["sha256sum", "--check", "--strict", "packing-list.txt"],
            cwd=volume,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    *rest, first = volumes
    discs = []
    for number, volume in enumerate([first, *rest]):  # each on a disc of its own, which is only read
        disc = shutil.copytree(volume, tmp_path / f"disc{number}")
        (disc / "received.json").mkdir()  # as good as read-only, for root too
        before = files(disc)
        said = take_in(far, disc)
        assert files(disc) == before
        assert ("received.json back in its place" in said) == Store(far.data).received.path.exists()
        discs.append(disc)
        left = [other.name for other in rest[number:]]
        for name in left:
            assert re.search(rf"still lacks .*{name}/generations/00000\d/", said), said
        assert ("still lacks" in said) == bool(left)
    check_arrived(made, far, 1, 2, 3)
    assert "no new generation is whole" in take_in(far, *discs)


def test_a_read_only_medium_is_enough(made: Place, far: Place, small_volume: Callable[[str], Path]) -> None:
    medium = small_volume(f"size={3 * size_of(made)}")
    export(made, medium)
    small_volume("remount,ro")
    assert f"carry {far.data}/received.json back" in take_in(far, medium)
    check_arrived(made, far, 1, 2, 3)
    small_volume("remount,rw")
    shutil.copy(far.data / "received.json", medium)
    assert "the other side has received generation 1, 2, 3" in export(made, medium)


def test_one_medium_after_the_other_gives_the_same_volumes(made: Place, tmp_path: Path) -> None:
    size = f"--volume-size={size_of(made) // 2}"
    export(made, tmp_path / "all", size)
    volumes = sorted(path.name for path in (tmp_path / "all").iterdir())
    for number, name in enumerate(volumes, start=1):
        said = export(made, tmp_path / f"stick{number}", size, f"--volume={number}")
        assert [path.name for path in (tmp_path / f"stick{number}").iterdir()] == [name]
        assert files(tmp_path / f"stick{number}" / name) == files(tmp_path / "all" / name)
        assert f"1 of {len(volumes)} volumes" in said
    ran = made.mirror(f"--export={tmp_path}/more", size, f"--volume={len(volumes) + 1}")
    assert ran.returncode == 3
    assert f"the export has {len(volumes)}" in ran.stderr


def test_one_stick_carries_all_in_several_journeys(
    made: Place, far: Place, small_volume: Callable[[str], Path]
) -> None:
    stick = small_volume(f"size={size_of(made) * 2 // 3 // 4096 * 4096}")
    volume = [f"--volume-size={size_of(made) // 3}", "--volume=1"]
    said, journeys = "", 0
    while "the other side has received generation 1, 2, 3" not in said:
        said = export(made, stick, *volume)
        take_in(far, stick)
        journeys += 1
        assert journeys < 10
    assert journeys > 3
    check_arrived(made, far, 1, 2, 3)
    assert sorted(path.name for path in stick.iterdir()) == ["received.json", "volume-001"]


def test_what_arrived_in_part_and_was_lost_is_exported_again(made: Place, far: Place, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    volume = [f"--volume-size={size_of(made) // 3}", "--volume=1"]
    export(made, stick, *volume)
    take_in(far, stick)
    export(made, stick, *volume)
    shutil.rmtree(far.data)
    assert "which an earlier medium carried" in take_in(far, stick)
    export(made, stick)
    take_in(far, stick)
    check_arrived(made, far, 1, 2, 3)


def test_another_division_replaces_the_earlier_one(made: Place, far: Place, tmp_path: Path) -> None:
    medium, size = tmp_path / "staging", size_of(made)
    export(made, medium, f"--volume-size={size // 4}")
    export(made, medium, f"--volume-size={size // 2}")
    fresh = tmp_path / "fresh"
    export(made, fresh, f"--volume-size={size // 2}")
    assert files(medium) == files(fresh)
    export(made, medium)
    assert files(medium / "generations") == files(made.data / "generations")
    assert not list(medium.glob("volume-*"))
    take_in(far, fresh)
    check_arrived(made, far, 1, 2, 3)


def test_a_dry_run_prints_the_list_and_writes_nothing(made: Place, far: Place, tmp_path: Path) -> None:
    assert "volume-001/generations/000001/generation.json" in export(
        made, tmp_path / "stick", f"--volume-size={size_of(made) // 2}", "--dry-run=true"
    )
    assert not (tmp_path / "stick").exists()
    export(made, tmp_path / "stick")
    ran = far.mirror(f"--import={tmp_path / 'stick'}", "--dry-run=true")
    assert "would be taken in" in ran.stderr
    assert not (far.data / "generations").exists()


@pytest.mark.parametrize("layout", [".", "generations", "generations/000001"])
def test_plain_copies_are_taken_in(made: Place, far: Place, tmp_path: Path, layout: str) -> None:
    shutil.copytree(made.data / "generations", tmp_path / "disk/generations")
    take_in(far, tmp_path / "disk" / layout)
    check_arrived(made, far, *([1] if layout.endswith("1") else [1, 2, 3]))


def test_what_is_damaged_is_named_with_its_volume_and_repaired_by_the_next_export(
    made: Place, far: Place, tmp_path: Path
) -> None:
    medium, size = tmp_path / "staging", f"--volume-size={size_of(made) // 2}"
    export(made, medium, size)
    second = PackingList.model_validate_json((medium / "volume-002/packing-list.json").read_text())
    part = max(second.here(), key=lambda item: item.part.size)
    flip(medium / part.where)
    gone = min(second.here(), key=lambda item: item.part.size)
    (medium / gone.where).unlink()
    said = take_in(far, medium, code=3)
    assert f"damaged: {gone.where}" in said or f"; {gone.where}" in said or f"{gone.where} (at" in said
    assert part.where in said
    assert not (far.data / f"generations/{part.generation.sequence:06d}").exists()
    export(made, medium, size)
    take_in(far, medium)
    check_arrived(made, far, 1, 2, 3)


def test_a_damaged_generation_over_there_is_repaired(made: Place, far: Place, tmp_path: Path) -> None:
    export(made, tmp_path / "stick")
    take_in(far, tmp_path / "stick")
    flip(far.data / "generations/000002/mirror_000001.tar")
    (far.data / "generations/000002/generation.json").write_text("{")
    (far.data / "generations/000003/imageset.yaml").unlink()
    assert "generation 2, 3 is in" in take_in(far, tmp_path / "stick")
    check_arrived(made, far, 1, 2, 3)


def test_a_damaged_plain_copy_is_named_and_the_rest_taken_in(made: Place, far: Place, tmp_path: Path) -> None:
    disk = shutil.copytree(made.data / "generations", tmp_path / "disk/generations")
    flip(disk / "000001/mirror_000001.tar")
    flip(disk / "000002/imageset.yaml")
    said = take_in(far, tmp_path / "disk", code=3)
    assert f"{disk}/000001/mirror_000001.tar" in said
    assert f"{disk}/000002/imageset.yaml is damaged" in said
    assert [path.name for path in (far.data / "generations").glob("[0-9]*")] == ["000003"]
    take_in(far, made.data)
    check_arrived(made, far, 1, 2, 3)


def test_a_plain_copy_without_its_record_is_named_and_a_folder_of_somebody_else_is_not(
    made: Place, far: Place, tmp_path: Path
) -> None:
    shutil.copytree(made.data / "generations", tmp_path / "stick")
    (tmp_path / "stick/000002/generation.json").unlink()
    (tmp_path / "stick/202611").mkdir()
    (tmp_path / "stick/202611/photo.jpg").write_bytes(b"x")
    printed = take_in(far, tmp_path / "stick", code=3)
    assert f"damaged: {tmp_path}/stick/000002 has no generation.json that can be read" in printed
    assert "202611" not in printed
    check_arrived(made, far, 1, 3)


def with_a_bad_sector(arguments: list[str]) -> int:
    """Run `mirror` where a file cannot be opened."""
    bad, *more = arguments

    def hook(event: str, details: tuple[object, ...]) -> None:
        if event == "open" and str(details[0]) == bad:
            raise OSError(errno.EIO, os.strerror(errno.EIO), bad)

    sys.addaudithook(hook)
    return mirror.main(more)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("name", ["generation.json", "contents.json.gz", "mirror_000001.tar"])
def test_what_of_a_medium_cannot_be_read_is_named_and_the_rest_taken_in(
    made: Place, far: Place, tmp_path: Path, name: str, packed: bool
) -> None:
    stick = tmp_path / "stick"
    if packed:
        export(made, stick)
    else:
        shutil.copytree(made.data / "generations", stick / "generations")
    bad = f"{stick}/generations/000002/{name}"
    ended = apart.run(with_a_bad_sector, [bad, *far.command(f"--import={stick}")])
    assert ended.returncode == 3, ended.stderr
    assert bad in ended.stderr
    assert "cannot be read: " in ended.stderr
    assert "all else was taken in" in ended.stderr
    check_numbers(far, "000001", "000003")


def check_numbers(place: Place, *names: str) -> None:
    whole = [path.name for path in (place.data / "generations").iterdir() if path.name.isdecimal()]
    assert sorted(whole) == [*names]


def test_a_damaged_archive_of_ours_is_not_exported(made: Place, tmp_path: Path) -> None:
    flip(made.data / "generations/000002/mirror_000001.tar")
    for more in ([], [f"--volume-size={size_of(made) // 5}"]):
        ran = made.mirror(f"--export={tmp_path / 'stick'}", *more)
        assert ran.returncode == 3
        assert "000002/mirror_000001.tar is damaged" in ran.stderr
    assert not list((tmp_path / "stick").rglob("*.partial"))
    assert not (tmp_path / "stick/generations/000002/mirror_000001.tar").exists()


def test_a_generation_that_every_target_has_is_not_taken_in(made: Place, far: Place, tmp_path: Path) -> None:
    store = Store(far.data)
    known = Store(made.data).generations.present()
    store.imports.record("one.example.com", [known[1], known[2]])
    store.imports.record("two.example.com", [known[1]])
    export(made, tmp_path / "stick")
    assert "generation 1 is not needed" in take_in(far, tmp_path / "stick")
    check_arrived(made, far, 2, 3)
    received = json.loads((tmp_path / "stick/received.json").read_text())
    assert set(received["generations"]) == {"1", "2", "3"}


def test_media_of_two_data_directories_are_not_mixed(made: Place, far: Place, tmp_path: Path) -> None:
    export(made, tmp_path / "stick")
    record = made.data / "generations/000002/generation.json"
    record.write_text(record.read_text().replace('"oc_mirror"', '"other": 1, "oc_mirror"', 1))
    ran = made.mirror(f"--export={tmp_path / 'stick'}")
    assert ran.returncode == 5
    assert "another generation 2 than this side made" in ran.stderr
    export(made, tmp_path / "other")
    assert "different generations 2" in take_in(far, tmp_path / "stick", tmp_path / "other", code=5)
    take_in(far, tmp_path / "stick")
    assert "is not the generation 2 that is here" in take_in(far, tmp_path / "other", code=5)


def test_a_medium_that_is_too_small_is_said_before_anything_is_written(
    made: Place, small_volume: Callable[[str], Path]
) -> None:
    medium = small_volume(f"size={size_of(made) // 2 // 4096 * 4096}")
    ran = made.mirror(f"--export={medium}")
    assert ran.returncode == 3
    assert re.search(r"the medium at .* is too small: .* are free, .* are needed", ran.stderr)
    assert "--volume-size" in ran.stderr
    assert not list(medium.iterdir())


def test_a_medium_that_takes_no_large_file_is_said_and_keeps_no_half(made: Place, tmp_path: Path) -> None:
    medium = tmp_path / "stick"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(map(len, files(made.data / "generations").values()))
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest // 2, hard))
    try:
        ran = made.mirror(f"--export={medium}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert ran.returncode == 3
    assert "cannot hold a file of this size" in ran.stderr
    here = files(made.data / "generations")
    assert all(here[name] == content for name, content in files(medium / "generations").items())
    export(made, medium)
    assert files(medium / "generations") == here


def test_a_medium_that_fills_up_meanwhile_is_said(
    made: Place, small_volume: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    medium = small_volume(f"size={size_of(made) // 2 // 4096 * 4096}")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10**12, 0, 10**12))
    ran = made.mirror(f"--export={medium}")
    assert ran.returncode == 3
    assert "the medium is full" in ran.stderr
    assert not list(medium.rglob("*.partial"))
    monkeypatch.undo()
    small_volume(f"remount,size={3 * size_of(made)}")
    export(made, medium)
    assert files(medium / "generations") == files(made.data / "generations")


@pytest.mark.parametrize("at", ["generations", "generations/000001", "generations/000001/mirror_000001.tar"])
def test_no_link_on_a_medium_is_followed(made: Place, far: Place, tmp_path: Path, at: str) -> None:
    medium, victim = tmp_path / "stick", tmp_path / "victim"
    export(made, medium)
    (medium / at).rename(victim)
    (medium / at).symlink_to(victim)
    before = files(victim) if victim.is_dir() else victim.read_bytes()
    said = take_in(far, medium, code=3)
    assert "is a link or not a plain file" in said or "is missing" in said
    assert not (far.data / "generations/000001").exists()
    made.mirror(f"--export={medium}")
    assert (files(victim) if victim.is_dir() else victim.read_bytes()) == before


def hostile(medium: Path) -> Iterator[tuple[str, str]]:
    good = (medium / "packing-list.json").read_text()
    document = json.loads(good)
    file = document["generations"][0]["files"][0]
    for name in ("../../escaped", "/escaped", "a/../../b", "..", "", ".hidden", "a\nb", "x" * 300):
        yield name, good.replace(json.dumps(file["name"]), json.dumps(name), 1)
    yield "sequence", good.replace('"sequence": 1', '"sequence": -1', 1)
    yield "beyond", good.replace('"offset": 0', '"offset": 99999999999', 1)
    yield "bytes", "\0" * 100
    yield "deep", "[" * 100_000
    part = json.dumps(file["parts"][0])
    assert part in good
    yield "parts", good.replace(part, ", ".join([part] * 10_001), 1)
    yield "number", good.replace('"size": ', '"size": 1e400, "x": ', 1)


def test_a_hostile_list_is_refused_in_words(made: Place, far: Place, tmp_path: Path) -> None:
    medium = tmp_path / "stick"
    export(made, medium)
    good = (medium / "packing-list.json").read_text()
    for case, content in hostile(medium):
        assert content != good, case
        (medium / "packing-list.json").write_text(content)
        shutil.rmtree(far.data, ignore_errors=True)
        said = take_in(far, medium, code=3)
        assert "is not a packing list" in said, case
        assert not list(tmp_path.rglob("escaped"))


def test_a_list_that_claims_more_than_there_is_takes_no_room(made: Place, far: Place, tmp_path: Path) -> None:
    medium = tmp_path / "stick"
    export(made, medium)
    document = json.loads((medium / "packing-list.json").read_text())
    for file in document["generations"][0]["files"]:
        file["size"] = file["parts"][0]["size"] = 2**50
    (medium / "packing-list.json").write_text(json.dumps(document))
    said = take_in(far, medium, code=3)
    assert "damaged" in said
    assert not (far.data / "generations/000001").exists()
    assert (far.data / "generations/000002").exists()


def test_a_folder_without_anything_of_ours_is_said(far: Place, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "holds no generation" in take_in(far, tmp_path / "empty", code=4)
    assert "there is no folder" in take_in(far, tmp_path / "absent", code=4)
    ran = far.mirror(f"--export={tmp_path / 'empty'}")
    assert ran.returncode == 4
    assert "run workflow-to-disk first" in ran.stderr


def test_the_volume_over_there_is_looked_at_first(
    made: Place, tmp_path: Path, small_volume: Callable[[str], Path]
) -> None:
    export(made, tmp_path / "stick")
    data = small_volume(f"size={size_of(made) // 2 // 4096 * 4096}")
    said = take_in(Place(data, made.imageset, made.oc_mirror, made.host), tmp_path / "stick", code=3)
    assert "are to come" in said
    assert not (data / "generations").exists()


def test_the_data_directory_is_locked(made: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steps.mirroring.store.lock.PATIENCE", 0.0)
    with Store(made.data).locked(purpose="test"):
        assert made.mirror(f"--export={tmp_path / 'stick'}").returncode == 5


def killed(place: Place, step: int, folder: str, arguments: list[str]) -> bool:
    """Run `mirror` in a child of this process, killed before its `step`th change of a name below `folder`.

    False if it ended before.
    """
    child = os.fork()
    if not child:
        left = step

        def count(event: str, given: tuple[object, ...]) -> None:
            nonlocal left
            written = event == "open" and isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR)
            if event in {"os.rename", "os.mkdir", "os.remove", "os.rmdir"} or written:
                left -= str(given[0]).startswith(folder)
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        os._exit(place.mirror(*arguments).returncode)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in {0, -signal.SIGKILL}
    return status != 0


def whole_or_not_there(medium: Path, expected: dict[str, bytes]) -> None:
    for name, content in files(medium).items():
        if not name.endswith(".partial") and name in expected:
            assert content == expected[name], name


@pytest.mark.parametrize("divided", [False, True])
def test_an_export_killed_at_every_step_is_finished_by_the_next(
    made: Place, tmp_path: Path, *, divided: bool
) -> None:
    medium, fresh = tmp_path / "stick", tmp_path / "fresh"
    more = [f"--volume-size={size_of(made) // 2}"] if divided else []
    export(made, fresh, *more)
    expected = files(fresh)
    step = 0
    while killed(made, step := step + 1, str(medium), [f"--export={medium}", *more]):
        whole_or_not_there(medium, expected)
        export(made, medium, *more)
        assert files(medium) == expected
        shutil.rmtree(medium)
    assert step > 20


def test_an_import_killed_at_every_step_is_finished_by_the_next(
    made: Place, far: Place, tmp_path: Path
) -> None:
    medium = tmp_path / "stick"
    export(made, medium, f"--volume-size={size_of(made) // 2}")
    step = 0
    while killed(far, step := step + 1, f"{far.data}/generations", [f"--import={medium}"]):
        for folder in (far.data / "generations").glob("[0-9]*"):
            assert files(folder) == files(made.data / "generations" / folder.name)
        take_in(far, medium)
        check_arrived(made, far, 1, 2, 3)
        shutil.rmtree(far.data)
        (medium / "received.json").unlink(missing_ok=True)
    assert step > 20


def test_a_repair_killed_at_every_step_is_finished_by_the_next(
    made: Place, far: Place, tmp_path: Path
) -> None:
    medium, whole = tmp_path / "stick", tmp_path / "whole"
    export(made, medium)
    take_in(far, medium)
    flip(far.data / "generations/000002/mirror_000001.tar")
    (far.data / "generations/000002/generation.json").write_text("{")
    shutil.copytree(far.data, whole)
    step = 0
    while killed(far, step := step + 1, f"{far.data}/generations", [f"--import={medium}"]):
        take_in(far, medium)
        check_arrived(made, far, 1, 2, 3)
        shutil.rmtree(far.data)
        shutil.copytree(whole, far.data)
    assert step > 5


def packed(*sizes: int) -> list[PackedGeneration]:
    return [
        PackedGeneration(
            sequence=number,
            identity=SHA256,
            files=(PackedFile(name="mirror_000001.tar", size=size, sha256=SHA256, parts=()),),
        )
        for number, size in enumerate(sizes, start=1)
    ]


def test_no_part_is_larger_than_fat32_takes() -> None:
    for size in (None, 25 * 10**9):
        (file,) = packing.divide(packed(10 * 2**30), size).generations[0].files
        assert [part.size for part in file.parts] == [
            LARGEST_PART,
            LARGEST_PART,
            10 * 2**30 - 2 * LARGEST_PART,
        ]
        assert [part.number for part in file.parts] == [1, 2, 3]


@given(
    st.lists(st.integers(0, 20 * 2**30), min_size=1, max_size=6),
    st.one_of(st.none(), st.integers(10**9, 30 * 10**9)),
)
def test_volumes_hold_all_and_none_is_too_full(sizes: list[int], volume_size: int | None) -> None:
    listed = packing.divide(packed(*sizes), volume_size)
    for size, generation in zip(sizes, listed.generations, strict=True):
        (file,) = generation.files
        parts = [(part.offset, part.offset + part.size) for part in file.parts]
        assert ranges(parts) == [(0, size)]
        assert sum(part.size for part in file.parts) == size
    for volume in listed.volumes:
        there = listed.changed(volume=volume)
        assert volume_size is None or sum(i.part.size for i in there.here()) + there.room <= volume_size
    if volume_size:
        assert len(listed.volumes) <= 1 + sum(sizes) // (volume_size - 10**6)


def test_a_volume_that_is_too_small_is_refused(made: Place, tmp_path: Path) -> None:
    ran = made.mirror(f"--export={tmp_path / 'stick'}", "--volume-size=100")
    assert ran.returncode == 2
    assert "volume-size 100 is too small" in ran.stderr
    assert not (tmp_path / "stick").exists()
