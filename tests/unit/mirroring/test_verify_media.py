"""--verify and workflow-verify, and the import of signed generations: what lies on a medium is hostile."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from steps.mirroring.store import Store
from tests.conftest import unavailable
from tests.unit.mirroring.conftest import Place
from tests.unit.mirroring.test_signed_generations import (
    NAMES,
    UNTRUSTED,
    Signed,
    flip,
    folder_of,
    key_of,
    make_key,
    resign,
    signed,
    signed_once,
    strip,
)

__all__ = ["signed", "signed_once"]
CAPTURE = pytest.CaptureFixture[str]


@pytest.fixture
def medium(signed: Signed, tmp_path: Path) -> Path:
    """A stick with three signed generations."""
    ran = signed.made.mirror(f"--export={tmp_path}/stick")
    assert ran.returncode == 0, ran.stderr
    return tmp_path / "stick"


@pytest.fixture
def guard(signed: Signed, tmp_path: Path) -> Place:
    """Who has keys, and no data directory."""
    made = signed.made
    return Place(tmp_path / "none", made.imageset, made.oc_mirror, made.host)


@pytest.fixture
def far(signed: Signed, tmp_path: Path) -> Place:
    """The disconnected side."""
    made, trusted = signed.made, f"--trusted-keys={signed.trusted}"
    return Place(tmp_path / "far", made.imageset, made.oc_mirror, made.host, [trusted])


def verify(place: Place, signed: Signed | None, *folders: Path, code: int, capsys: CAPTURE) -> dict[str, Any]:
    """What --verify prints as JSON."""
    arguments = [f"--verify={folder}" for folder in folders]
    keys = [f"--trusted-keys={signed.trusted}"] if signed else []
    command = [one for one in place.command() if not one.startswith("--data=")]
    place = Place(place.data, place.imageset, place.oc_mirror, place.host)
    place.command = lambda *_more: [*command, *arguments, *keys, "--json"]  # type: ignore[method-assign]
    ran = place.mirror()
    printed = capsys.readouterr().out
    assert ran.returncode == code, (printed, ran.stderr)
    found: dict[str, Any] = json.loads(printed)
    assert found["format"] == 1
    assert found["exit_code"] == code
    return found


def verdicts(found: dict[str, Any]) -> list[str]:
    return [one["verdict"] for one in found["generations"]]


# --- --verify


def test_a_guard_verifies_a_medium_a_folder_and_a_data_directory(
    guard: Place, signed: Signed, medium: Path, capsys: CAPTURE
) -> None:
    for folder in (medium, signed.made.data, signed.made.data / "generations", folder_of(signed.made, 1)):
        found = verify(guard, signed, folder, code=0, capsys=capsys)
        assert set(verdicts(found)) == {"trusted"}
        assert found["generations"][0]["signed_by"] == {
            "name": "release-2026",
            "key": key_of(signed).public.fingerprint,
        }
    assert not guard.data.exists()


def test_the_table_says_what_who_when_and_how_it_is(guard: Place, signed: Signed, capsys: CAPTURE) -> None:
    strip(signed.made, 3)
    ran = guard.mirror(f"--verify={signed.made.data}", f"--trusted-keys={signed.trusted}")
    assert ran.returncode == UNTRUSTED
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["generation", "what", "size", "signed", "by", "made", "verdict"]
    assert lines[1].startswith("1           full")
    assert lines[2].startswith("2           continues 1")
    assert "release-2026" in lines[2]
    assert lines[3].endswith("untrusted")
    assert lines[-3].startswith("generation 3 is not signed")
    assert lines[-1] == f"generations in {signed.made.data}: 2 trusted, 1 untrusted"


def test_without_keys_hashes_and_chain_are_checked_and_the_claimed_key_is_named(
    guard: Place, signed: Signed, medium: Path, capsys: CAPTURE
) -> None:
    found = verify(guard, None, medium, code=0, capsys=capsys)
    assert verdicts(found) == ["whole"] * 3
    assert found["generations"][0]["signed_by"] is None
    assert found["generations"][0]["claimed_key"] == key_of(signed).public.fingerprint
    flip(medium / "generations/000002/mirror_000001.tar", 700)
    assert verdicts(verify(guard, None, medium, code=3, capsys=capsys)) == ["whole", "damaged", "whole"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("packed", [True, False])
def test_a_flipped_bit_in_a_small_file_is_untrusted(
    guard: Place, signed: Signed, medium: Path, name: str, packed: bool, capsys: CAPTURE
) -> None:
    place = medium if packed else signed.made.data / "generations"
    path = next(place.rglob(f"000002/{name}"))
    flip(path, path.stat().st_size // 2)
    found = verify(guard, signed, place, code=UNTRUSTED, capsys=capsys)
    assert verdicts(found) == ["trusted", "untrusted", "trusted"]
    assert name in found["generations"][1]["problems"][0]


def test_of_what_is_untrusted_no_archive_is_read(
    guard: Place, signed: Signed, medium: Path, capsys: CAPTURE
) -> None:
    """A read of the archive would wait for ever: a pipe stands in its place."""
    for number in (1, 2, 3):
        archive = medium / f"generations/{number:06d}/mirror_000001.tar"
        archive.unlink()
        os.mkfifo(archive)
        flip(medium / f"generations/{number:06d}/generation.json", 20)
    assert set(verdicts(verify(guard, signed, medium, code=UNTRUSTED, capsys=capsys))) == {"untrusted"}


@pytest.mark.parametrize("change", ["flip", "cut", "remove", "link", "pipe"])
def test_an_archive_that_is_not_what_was_signed_is_damaged(
    guard: Place, signed: Signed, medium: Path, change: str, capsys: CAPTURE
) -> None:
    archive = medium / "generations/000002/mirror_000001.tar"
    content = archive.read_bytes()
    archive.unlink()
    if change == "flip":
        archive.write_bytes(content[:-1] + b"\1")
    elif change == "cut":
        archive.write_bytes(content[:-1])
    elif change == "link":
        archive.symlink_to(folder_of(signed.made, 2) / archive.name)
    elif change == "pipe":
        os.mkfifo(archive)
    found = verify(guard, signed, medium, code=3, capsys=capsys)
    assert verdicts(found) == ["trusted", "damaged", "trusted"]
    assert "mirror_000001.tar" in found["generations"][1]["problems"][0]


def test_another_generation_in_the_chain_is_untrusted_without_keys_damaged(
    guard: Place, signed: Signed, tmp_path: Path, capsys: CAPTURE
) -> None:
    other = Place(tmp_path / "other", signed.made.imageset, signed.made.oc_mirror, signed.made.host)
    for _run in (1, 2):
        arguments = ["--workflow=workflow-to-disk", "--always-archive=true", "--incremental-mode=false"]
        assert other.mirror(*arguments, f"--signing-key={signed.keys}/release-2026").returncode == 0
    shutil.rmtree(folder_of(signed.made, 2))
    shutil.copytree(folder_of(other, 2), folder_of(signed.made, 2))
    folder = signed.made.data / "generations"
    assert verdicts(verify(guard, signed, folder, code=UNTRUSTED, capsys=capsys))[2] == "untrusted"
    assert verdicts(verify(guard, None, folder, code=3, capsys=capsys)) == ["whole", "whole", "damaged"]


def test_a_generation_without_its_predecessor_is_trusted_and_says_so(
    guard: Place, signed: Signed, capsys: CAPTURE
) -> None:
    shutil.rmtree(folder_of(signed.made, 2))
    found = verify(guard, signed, signed.made.data / "generations", code=0, capsys=capsys)
    assert [one["predecessor_here"] for one in found["generations"]] == [True, False]


def test_volumes_are_verified_together_and_one_alone_is_incomplete(
    guard: Place, signed: Signed, tmp_path: Path, capsys: CAPTURE
) -> None:
    size = sum(path.stat().st_size for path in (signed.made.data / "generations").rglob("*.tar"))
    ran = signed.made.mirror(f"--export={tmp_path}/sticks", f"--volume-size={size // 3 + 10_000}")
    assert ran.returncode == 0, ran.stderr
    volumes = sorted((tmp_path / "sticks").glob("volume-*"))
    assert len(volumes) > 2
    assert verdicts(verify(guard, signed, tmp_path / "sticks", code=0, capsys=capsys)) == ["trusted"] * 3
    assert verdicts(verify(guard, signed, *volumes, code=0, capsys=capsys)) == ["trusted"] * 3
    found = verify(guard, signed, volumes[0], code=3, capsys=capsys)
    assert "incomplete" in verdicts(found)
    assert "volume-002" in str(found["generations"])


def test_a_medium_that_is_mounted_read_only_is_verified_and_stays_as_it_is(
    guard: Place, signed: Signed, medium: Path, tmp_path: Path, capsys: CAPTURE
) -> None:
    if os.geteuid() != 0:
        unavailable("mounting read-only needs root")
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    subprocess.run(["mount", "--bind", medium, mounted], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", mounted], check=True)
        assert verdicts(verify(guard, signed, mounted, code=0, capsys=capsys)) == ["trusted"] * 3
    finally:
        subprocess.run(["umount", mounted], check=True)


def test_a_medium_without_anything_is_not_found(guard: Place, signed: Signed, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert guard.mirror(f"--verify={tmp_path}/empty").returncode == 4
    assert guard.mirror(f"--verify={tmp_path}/nowhere").returncode == 4


def test_a_name_that_a_terminal_would_obey_is_shown_without_effect(
    guard: Place, signed: Signed, medium: Path, capsys: CAPTURE
) -> None:
    path = medium / "generations/000002/generation.json"
    record = json.loads(path.read_text())
    record["images"] = {"\x1b[2J": "many"}
    path.write_text(json.dumps(record))
    guard.mirror(f"--verify={folder_of_medium(medium, 2)}")
    printed = capsys.readouterr().out
    assert "damaged" in printed
    assert "\x1b" not in printed
    odd = medium.rename(medium.parent / "\x1b[2Jstick")
    (signed.trusted / "release-2026.pub").rename(signed.trusted / "\x1b[2J\udcff.pub")
    guard.mirror(f"--verify={odd}", f"--trusted-keys={signed.trusted}")
    printed = capsys.readouterr().out
    assert "2 trusted" in printed
    assert "\x1b" not in printed


def folder_of_medium(medium: Path, sequence: int) -> Path:
    return medium / f"generations/{sequence:06d}"


# --- files that nobody vouches for


def extra(found: dict[str, Any], folder: Path) -> list[tuple[str, str, int | None]]:
    """What is listed, by its path below the folder; all of it was found."""
    listed = found["extra"]
    assert (listed["count"], listed["complete"]) == (len(listed["files"]), True)
    return [(str(Path(one["path"]).relative_to(folder)), one["kind"], one["size"]) for one in listed["files"]]


@pytest.mark.parametrize("packed", [True, False])
def test_files_that_nobody_vouches_for_are_listed_and_do_not_change_the_verdict(
    guard: Place, signed: Signed, medium: Path, packed: bool, capsys: CAPTURE
) -> None:
    place = medium if packed else medium.parent / "copy"
    if not packed:
        shutil.copytree(signed.made.data / "generations", place / "generations")
    assert extra(verify(guard, signed, place, code=0, capsys=capsys), place) == []
    (place / "autorun.exe").write_bytes(b"x" * 7)
    (place / "generations/000002/mirror_000009.tar").write_bytes(b"x" * 9)
    (place / "photos/2026").mkdir(parents=True)
    (place / "photos/2026/.hidden").write_bytes(b"")
    (place / "photos/link").symlink_to("/etc/passwd")
    (place / "photos/away").symlink_to("/etc")
    os.mkfifo(place / "pipe")
    found = verify(guard, signed, place, code=0, capsys=capsys)
    assert set(verdicts(found)) == {"trusted"}
    assert extra(found, place) == [
        ("autorun.exe", "file", 7),
        ("generations/000002/mirror_000009.tar", "file", 9),
        ("photos/2026/.hidden", "file", 0),
        ("photos/away", "link", None),
        ("photos/link", "link", None),
        ("pipe", "other", None),
    ]
    guard.mirror(f"--verify={place}", f"--trusted-keys={signed.trusted}")
    printed = capsys.readouterr().out
    assert "6 files that no generation names, 16 B; nobody vouches for them:\n" in printed
    assert f"  {place}/autorun.exe  7 B\n" in printed
    assert f"  {place}/photos/link  a link\n" in printed


def test_what_a_packing_list_names_and_nobody_signed_is_listed(
    guard: Place, signed: Signed, tmp_path: Path, capsys: CAPTURE
) -> None:
    (folder_of(signed.made, 1) / "note.txt").write_text("remember the milk")
    assert signed.made.mirror(f"--export={tmp_path}/stick").returncode == 0
    found = verify(guard, signed, tmp_path / "stick", code=0, capsys=capsys)
    assert extra(found, tmp_path / "stick") == [("generations/000001/note.txt", "file", 17)]


def test_volumes_and_what_an_import_has_left_are_no_extra_files(
    guard: Place, signed: Signed, far: Place, tmp_path: Path, capsys: CAPTURE
) -> None:
    size = sum(path.stat().st_size for path in (signed.made.data / "generations").rglob("*.tar"))
    sticks = tmp_path / "sticks"
    assert signed.made.mirror(f"--export={sticks}", f"--volume-size={size // 3 + 10_000}").returncode == 0
    assert far.mirror(f"--import={sticks}").returncode == 0
    assert list(sticks.rglob("received.json"))
    assert extra(verify(guard, signed, sticks, code=0, capsys=capsys), sticks) == []
    (sticks / "volume-002/more.tar").write_text("x")
    volumes = sorted(sticks.glob("volume-*"))
    found = verify(guard, signed, *volumes, code=0, capsys=capsys)
    assert extra(found, sticks) == [("volume-002/more.tar", "file", 1)]


def test_of_a_data_directory_only_its_generations_are_looked_through(
    guard: Place, signed: Signed, capsys: CAPTURE
) -> None:
    data = signed.made.data
    (data / "generations/note.txt").write_text("x")
    found = verify(guard, signed, data / "generations", code=0, capsys=capsys)
    assert extra(found, data) == [("generations/note.txt", "file", 1)]
    for lacking in ("none", "ledger"):  # the other side has no ledger
        shutil.rmtree(data / lacking, ignore_errors=True)
        found = verify(guard, signed, data, code=0, capsys=capsys)["extra"]
        assert ([Path(one["path"]).name for one in found["files"]], found["complete"]) == (
            ["note.txt"],
            False,
        )
    ran = signed.made.mirror("--workflow=workflow-verify", f"--trusted-keys={signed.trusted}")
    assert ran.returncode == 0, ran.stderr
    assert "1 file that no generation names, 1 B; nobody vouches for it:" in ran.stderr


@pytest.mark.parametrize("name", ["ledger", "runs"])
def test_a_medium_that_looks_like_a_data_directory_hides_nothing_from_a_guard(
    guard: Place, signed: Signed, medium: Path, capsys: CAPTURE, name: str
) -> None:
    (medium / "tool.exe").write_text("x")
    (medium / name).mkdir()
    found = verify(guard, signed, medium, code=0, capsys=capsys)["extra"]
    assert not found["complete"], "a guard that asks for it lets nothing pass"
    guard.mirror(f"--verify={medium}", f"--trusted-keys={signed.trusted}")
    printed = capsys.readouterr().out
    assert f"of the data directory {medium} only generations/ was looked through" in printed


@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"size": 2**40}])
def test_a_list_that_contradicts_what_was_signed_is_refused_by_the_guard_as_by_an_import(
    guard: Place, signed: Signed, medium: Path, capsys: CAPTURE, change: dict[str, Any]
) -> None:
    path = medium / "packing-list.json"
    listed = json.loads(path.read_text())
    files = listed["generations"][0]["files"]
    [file] = [one for one in files if one["name"].endswith(".tar")]
    files.append({**file, **change})
    path.write_text(json.dumps(listed))
    found = verify(guard, signed, medium, code=UNTRUSTED, capsys=capsys)
    said = f"generation 1: the packing list names another {file['name']} than its record"
    assert said in found["generations"][0]["problems"]


def test_a_part_that_is_not_read_is_an_extra_file(
    guard: Place, signed: Signed, medium: Path, capsys: CAPTURE
) -> None:
    """A list may name a second part for the same bytes of a signed file: no hash is compared with it."""
    path = medium / "packing-list.json"
    listed = json.loads(path.read_text())
    [file] = [one for one in listed["generations"][0]["files"] if one["name"].endswith(".tar")]
    file["parts"].append({**file["parts"][0], "number": 7})
    path.write_text(json.dumps(listed))
    (medium / f"generations/000001/{file['name']}.part-007").write_text("x")
    found = verify(guard, signed, medium, code=0, capsys=capsys)
    assert extra(found, medium) == [(f"generations/000001/{file['name']}.part-007", "file", 1)]


def test_of_many_extra_files_some_are_named_and_the_rest_counted(
    guard: Place, signed: Signed, medium: Path, capsys: CAPTURE, monkeypatch: pytest.MonkeyPatch
) -> None:
    (medium / "many").mkdir()
    for number in range(1200):
        (medium / f"many/{number:04d}\x1b[2J").write_text("x")
    found = verify(guard, signed, medium, code=0, capsys=capsys)["extra"]
    assert (found["count"], len(found["files"]), found["complete"]) == (1200, 1000, False)
    assert "\x1b" not in str(found)
    guard.mirror(f"--verify={medium}", f"--trusted-keys={signed.trusted}")
    printed = capsys.readouterr().out
    assert "1200 files that no generation names, 1.2 kB; nobody vouches for them:\n" in printed
    assert "  and 1180 more\n" in printed
    assert "\x1b" not in printed
    monkeypatch.setattr("steps.mirroring.store.copies.WALKED", 500)
    found = verify(guard, signed, medium, code=0, capsys=capsys)["extra"]
    assert not found["complete"]
    assert 0 < found["count"] < 500
    guard.mirror(f"--verify={medium}", f"--trusted-keys={signed.trusted}")
    assert "not all of it was looked through" in capsys.readouterr().out


def test_a_folder_that_cannot_be_looked_through_is_told(
    guard: Place, signed: Signed, medium: Path, capsys: CAPTURE, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folders in folders until their path is longer than a path may be, which no permission of root helps."""
    monkeypatch.chdir(medium)
    for _folder in range(30):
        Path("d" * 200).mkdir()
        os.chdir("d" * 200)
    Path("hidden").write_text("x")
    found = verify(guard, signed, medium, code=0, capsys=capsys)["extra"]
    assert (found["count"], found["complete"]) == (0, False)


def test_a_damaged_generation_is_one_finding_and_its_files_are_no_others(
    guard: Place, signed: Signed, medium: Path, capsys: CAPTURE
) -> None:
    flip(medium / "generations/000002/generation.json", 20)
    assert extra(verify(guard, signed, medium, code=UNTRUSTED, capsys=capsys), medium) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--verify=x", "--export=y"], "export and verify are both given: do one after the other"),
        (["--verify=x", "--schedule=0 2 * * *"], "verify is done once"),
        (["--workflow=workflow-cleanup", "--json"], "json is a form of what --verify or --changes prints"),
        (["--verify=x", "--require-signature=true"], "require-signature needs trusted-keys"),
        (["--verify="], "verify is empty"),  # it would be the current folder
        (["--verify=x", "--verify="], "verify is empty"),
        (["--import="], "import is empty"),
    ],
)
def test_what_contradicts_verify_is_refused(guard: Place, arguments: list[str], said: str) -> None:
    ran = guard.mirror(*arguments)
    assert ran.returncode == 2
    assert said in ran.stderr


# --- workflow-verify


def test_the_workflow_verifies_the_data_directory_and_keeps_a_record(signed: Signed) -> None:
    made = signed.made
    arguments = ["--workflow=workflow-verify", f"--trusted-keys={signed.trusted}"]
    ran = made.mirror(*arguments)
    assert ran.returncode == 0, ran.stderr
    assert "3 trusted" in ran.stderr
    flip(folder_of(made, 2) / "mirror_000001.tar", 700)
    ran = made.mirror(*arguments)
    assert ran.returncode == 3
    assert "generation 2: mirror_000001.tar is damaged" in ran.stderr
    flip(folder_of(made, 1) / "imageset.yaml", 7)
    assert made.mirror(*arguments).returncode == UNTRUSTED
    states = [(run.workflow, run.state) for run in Store(made.data).runs.all()][-3:]
    assert states == [
        ("workflow-verify", "succeeded"),
        ("workflow-verify", "failed"),
        ("workflow-verify", "failed"),
    ]


def test_the_workflow_knows_the_generations_that_were_carried_away(signed: Signed) -> None:
    made = signed.made
    shutil.rmtree(folder_of(made, 1))
    ledger = made.data / "ledger/000001.json"
    ledger.write_text(ledger.read_text().replace('"images"', '"pictures"').replace("{", '{"images": {},', 1))
    ran = made.mirror("--workflow=workflow-verify", f"--trusted-keys={signed.trusted}")
    assert ran.returncode == UNTRUSTED
    assert "and here is another 1" in ran.stderr


# --- --import


def test_signed_generations_are_taken_in_with_their_statements(
    far: Place, signed: Signed, medium: Path
) -> None:
    ran = far.mirror(f"--import={medium}")
    assert ran.returncode == 0, ran.stderr
    assert "generation 2 is signed by release-2026" in ran.stderr
    for number in (1, 2, 3):
        statement = folder_of(far, number) / "generation.intoto.jsonl"
        assert statement.read_bytes() == (folder_of(signed.made, number) / statement.name).read_bytes()


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("name", [*NAMES, "nothing"])
def test_a_changed_generation_is_refused_and_nothing_is_taken_in(
    far: Place, signed: Signed, medium: Path, name: str, packed: bool
) -> None:
    place = medium if packed else signed.made.data
    if name == "nothing":
        (place / "generations/000002/generation.intoto.jsonl").unlink()
        if packed:
            forget_in_list(medium, 2)
    else:
        flip(place / f"generations/000002/{name}", 30)
    ran = far.mirror(f"--import={place}")
    assert ran.returncode == UNTRUSTED, ran.stderr
    assert "generation 2" in ran.stderr
    assert not far.generations()


def forget_in_list(medium: Path, sequence: int) -> None:
    """Remove the statement from the packing list, as who removes it from the medium can."""
    path = medium / "packing-list.json"
    listed = json.loads(path.read_text())
    for generation in listed["generations"]:
        if generation["sequence"] == sequence:
            generation["files"] = [one for one in generation["files"] if one["name"] != NAMES[3]]
    path.write_text(json.dumps(listed))


def test_a_packing_list_that_names_another_archive_is_refused(far: Place, medium: Path) -> None:
    path = medium / "packing-list.json"
    listed = json.loads(path.read_text())
    archive = next(one for one in listed["generations"][1]["files"] if one["name"].endswith(".tar"))
    archive["sha256"] = archive["parts"][0]["sha256"] = "1" * 64
    path.write_text(json.dumps(listed))
    ran = far.mirror(f"--import={medium}")
    assert ran.returncode == UNTRUSTED
    assert "the packing list names another mirror_000001.tar than was signed" in ran.stderr


def test_archives_wait_for_the_medium_with_the_signature(far: Place, signed: Signed, tmp_path: Path) -> None:
    for number in (1, 3):
        shutil.rmtree(folder_of(signed.made, number))
    size = sum(path.stat().st_size for path in folder_of(signed.made, 2).iterdir())
    ran = signed.made.mirror(f"--export={tmp_path}/sticks", f"--volume-size={size // 2 + 10_000}")
    assert ran.returncode == 0, ran.stderr
    first, second, *_more = sorted((tmp_path / "sticks").glob("volume-*"))
    ran = far.mirror(f"--import={second}")
    assert ran.returncode == 0, ran.stderr
    assert "generation 2 waits for generation.intoto.jsonl" in ran.stderr
    assert not list(far.data.rglob("*.tar"))
    assert far.mirror(f"--import={first}").returncode == 0
    assert not folder_of(far, 2).exists()
    ran = far.mirror(f"--import={tmp_path}/sticks")
    assert ran.returncode == 0, ran.stderr
    assert folder_of(far, 2).exists()


@pytest.mark.parametrize("content", ["", "{", None])
def test_a_volume_without_its_list_is_damaged_and_not_called_unsigned(
    far: Place, guard: Place, signed: Signed, tmp_path: Path, content: str | None, capsys: CAPTURE
) -> None:
    ran = signed.made.mirror(f"--export={tmp_path}/stick", "--volume-size=60k")
    assert ran.returncode == 0, ran.stderr
    listed = tmp_path / "stick/volume-002/packing-list.json"
    listed.unlink()
    if content is not None:
        listed.write_text(content)
    ran = far.mirror(f"--import={tmp_path}/stick")
    assert ran.returncode == 3, ran.stderr
    assert "stick/volume-002/generations/000002 holds parts of files, and no packing list" in ran.stderr
    assert "is not signed" not in ran.stderr
    assert (content is None) != (f"{listed} is not a packing list" in ran.stderr)
    assert [path.name for path in far.generations() if path.name.isdecimal()] == ["000001"]
    found = verify(guard, signed, tmp_path / "stick", code=3, capsys=capsys)
    assert any("000002 holds parts of files" in text for text in found["unreadable"])
    assert "untrusted" not in verdicts(found)


def test_what_nobody_signed_is_left_out(far: Place, signed: Signed, tmp_path: Path) -> None:
    (folder_of(signed.made, 1) / "note.txt").write_text("remember the milk")
    assert signed.made.mirror(f"--export={tmp_path}/stick").returncode == 0
    ran = far.mirror(f"--import={tmp_path}/stick")
    assert ran.returncode == 0, ran.stderr
    assert "generation 1: left out, since nobody signed it: note.txt" in ran.stderr
    assert not (folder_of(far, 1) / "note.txt").exists()


def test_without_keys_all_is_taken_in_and_a_line_says_so(far: Place, medium: Path) -> None:
    far.arguments.clear()
    ran = far.mirror(f"--import={medium}")
    assert ran.returncode == 0, ran.stderr
    assert "nobody vouches for generation 1, 2, 3" in ran.stderr


def test_what_a_target_has_imported_signed_asks_for_keys_at_the_next_import(
    far: Place, medium: Path, target: str
) -> None:
    imported = {"format": 2, "targets": {target: {"generations": {}, "signed": True}}}
    far.data.mkdir()
    (far.data / "imported.json").write_text(json.dumps(imported))
    trusted = far.arguments.pop()
    ran = far.mirror(f"--import={medium}")
    assert ran.returncode == UNTRUSTED
    assert f"{target} has imported signed generations before" in ran.stderr
    assert far.mirror(f"--import={medium}", trusted).returncode == 0


def test_a_generation_of_a_stranger_is_refused_at_the_medium(
    far: Place, signed: Signed, tmp_path: Path
) -> None:
    from steps.trust.keys import PrivateKey

    make_key(signed.keys / "elsewhere", "stranger")
    stranger = PrivateKey.parse((signed.keys / "elsewhere/stranger/signing.key").read_bytes())
    resign(folder_of(signed.made, 3), stranger)
    assert signed.made.mirror(f"--export={tmp_path}/stick").returncode == 0
    ran = far.mirror(f"--import={tmp_path}/stick")
    assert ran.returncode == UNTRUSTED
    assert "generation 3:" in ran.stderr
    assert "no trusted key has signed it" in ran.stderr
