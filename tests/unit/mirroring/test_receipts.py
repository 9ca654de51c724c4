"""A receipt tells the connected side what the registry over there has: retention goes by it."""

from __future__ import annotations

import base64
import json
import os
import pty
import shutil
import signal
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from steps.mirroring.store import Store
from steps.mirroring.store.generations import load
from steps.mirroring.store.receipt import Receipt, Sealed, compose
from steps.mirroring.workflows import receipts
from steps.trust.keys import PrivateKey
from tests import qr
from tests.unit.mirroring import apart
from tests.unit.mirroring.conftest import MIRROR, Place
from tests.unit.mirroring.test_receipt_code import modules
from tests.unit.mirroring.test_retention import numbers
from tests.unit.mirroring.test_to_registry import carry
from tests.unit.trust.test_trust import pem


def killed_at(step: int, word: str, *arguments: str) -> bool:
    """Run `mirror` and kill it before its `step`th change of a file with that word; False if it ended."""
    ended = apart.killed_at_file(word, step, arguments)
    assert ended.returncode in {0, -signal.SIGKILL}, ended.stderr
    return ended.returncode != 0


@pytest.fixture
def near(three: Place, tmp_path: Path) -> Place:
    """The connected side with three generations, each of which continues the one before."""
    shutil.copytree(three.data, tmp_path / "near", symlinks=True)
    return replace(three, data=tmp_path / "near", arguments=[])


def receipts_of(place: Place) -> list[Path]:
    return Store(place.data).receipt_folder.paths()


def newest(place: Place) -> Receipt:
    return Sealed.parse(receipts_of(place)[-1].read_bytes()).receipt


def confirmed(place: Place) -> dict[str, list[int]]:
    return {name: sorted(one.generations) for name, one in Store(place.data).acknowledged.targets().items()}


def identity(place: Place, number: int) -> str:
    return load(place.data / f"generations/{number:06d}/generation.json").identity


def bring(
    place: Place, tmp_path: Path, *sequences: int, target: str, side: str = "0123abcd", number: int = 1
) -> Path:
    """A receipt as a registry of that name would write it for generations of `place`."""
    ledger = Store(place.data).generations.ledger()
    known = {sequence: ledger[sequence].identity for sequence in sequences}
    made = compose(known, number=number, side=side, target=target, written="2026-11-27T10:00:00Z")
    path = tmp_path / f"{side}-{number}.json"
    path.write_text(made.as_json())
    return path


# --- the side that imports


def test_an_import_writes_a_receipt_of_all_that_the_target_has(
    three: Place, disconnected: Place, target: str
) -> None:
    carry(three, disconnected, 1, 2)
    ran = disconnected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert f"receipt 1: {target} has generation 1-2; bring" in ran.stderr
    first = newest(disconnected)
    assert (first.target, first.generations, first.missing, first.number) == (target, "1-2", "", 1)
    assert first.newest == {number: identity(three, number) for number in (1, 2)}
    assert first.mirror_names == ("imageset",)
    assert disconnected.mirror().returncode == 0
    assert len(receipts_of(disconnected)) == 1, "nothing is new, so the receipt stays"
    carry(three, disconnected, 3)
    assert disconnected.mirror().returncode == 0
    assert newest(disconnected).generations == "1-3"
    assert newest(disconnected).side == first.side


def test_a_dry_run_writes_none(three: Place, disconnected: Place) -> None:
    carry(three, disconnected, 1)
    assert disconnected.mirror("--dry-run=true").returncode == 0
    assert receipts_of(disconnected) == []


def test_a_receipt_names_what_is_missing_in_between(connected: Place, disconnected: Place) -> None:
    for version in ("v1", "v2", "v3"):
        connected.names(f"team/app:{version}")
        assert connected.mirror("--incremental-mode=false").returncode == 0
    carry(connected, disconnected, 1, 3)
    assert disconnected.mirror().returncode == 0
    assert (newest(disconnected).generations, newest(disconnected).missing) == ("1,3", "2")


def test_wherever_an_import_is_killed_the_next_run_leaves_a_whole_receipt(
    three: Place, disconnected: Place
) -> None:
    carry(three, disconnected, 1, 2, 3)
    assert disconnected.mirror().returncode == 0
    whole = newest(disconnected)
    for step in range(1, 9):
        shutil.rmtree(disconnected.data / "receipts")
        killed = killed_at(step, "/receipts", *disconnected.command())
        assert disconnected.mirror().returncode == 0
        found = newest(disconnected)
        assert found.says_the_same(whole.changed(side=found.side))
        assert not list((disconnected.data / "receipts").glob(".*"))
        if not killed:
            assert step > 2
            return
    raise AssertionError("a receipt has fewer steps")


def test_a_receipt_that_cannot_be_written_fails_no_import_and_the_next_run_writes_it(
    three: Place, disconnected: Place
) -> None:
    carry(three, disconnected, 1)
    (disconnected.data / "receipts").symlink_to("nowhere")
    ran = disconnected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "no receipt was written, the next run does it" in ran.stderr
    (disconnected.data / "receipts").unlink()
    assert disconnected.mirror().returncode == 0
    assert newest(disconnected).generations == "1"


def test_a_key_that_comes_later_signs_what_was_said_before(
    disconnected: Place, three: Place, target: str
) -> None:
    carry(three, disconnected, 1)
    assert disconnected.mirror().returncode == 0
    store, key = Store(disconnected.data), PrivateKey(ec.generate_private_key(ec.SECP256R1()))
    path = receipts.issue(store, target, key)
    assert path is not None
    assert path.name == "0002.json"
    assert Sealed.parse(path.read_bytes()).is_by(key.public)
    assert receipts.issue(store, target, key) == path


def test_a_terminal_shows_the_code_and_a_pipe_does_not(three: Place, disconnected: Place) -> None:
    carry(three, disconnected, 1)
    command = [*MIRROR, *disconnected.command()]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "PYTHONIOENCODING": "utf-8"}
    piped = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert piped.stdout == ""
    leader, follower = pty.openpty()
    with subprocess.Popen(command, stdout=follower, stderr=subprocess.DEVNULL, env=environment) as process:
        os.close(follower)
        shown = b""
        try:
            while piece := os.read(leader, 65536):
                shown += piece
        except OSError:  # the other end is closed
            pass
    assert process.returncode == 0
    os.close(leader)
    (text,) = qr.read(qr.enlarged(modules(shown.decode().replace("\r", "").strip("\n"))))
    assert Sealed.parse(text.encode()).receipt == newest(disconnected)


# --- the side that is told


def test_a_receipt_comes_back_and_says_what_is_still_to_bring(
    near: Place, three: Place, disconnected: Place, target: str
) -> None:
    carry(three, disconnected, 1, 2)
    assert disconnected.mirror().returncode == 0
    path = receipts_of(disconnected)[0]
    assert "would be confirmed" in near.mirror(f"--acknowledge={path}", "--dry-run=true").stderr
    assert confirmed(near) == {}
    ran = near.mirror(f"--acknowledge={path}")
    assert ran.returncode == 0, ran.stderr
    assert f"without a signature: {target} has generation 1-2" in ran.stderr
    assert f"still to bring to {target}: generation 3, " in ran.stderr
    assert ran.stderr.splitlines()[-1] == f"{target}: generation 1-2 is confirmed"
    assert confirmed(near) == {target: [1, 2]}
    again = near.mirror(f"--acknowledge={path}")
    assert again.stderr.splitlines()[-1] == f"{target}: nothing new"


def test_the_text_of_the_code_and_standard_input_do_as_well(
    near: Place, three: Place, disconnected: Place, target: str, tmp_path: Path
) -> None:
    carry(three, disconnected, 1, 2, 3)
    assert disconnected.mirror().returncode == 0
    scanned = Sealed.parse(receipts_of(disconnected)[0].read_bytes()).code
    command = [*MIRROR, f"--data={near.data}", "--acknowledge=-"]
    subprocess.run(command, input=scanned, text=True, check=True, capture_output=True)
    assert confirmed(near) == {target: [1, 2, 3]}


def test_with_trusted_keys_only_a_receipt_that_one_of_them_signed_counts(
    near: Place, three: Place, disconnected: Place, target: str, tmp_path: Path
) -> None:
    far, other = (PrivateKey(ec.generate_private_key(ec.SECP256R1())) for _ in range(2))
    for name, key in (("far", far), ("other", other)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "signing.key").write_bytes(pem(key))
        (tmp_path / f"{name}-keys").mkdir()
        (tmp_path / f"{name}-keys/{name}.pub").write_bytes(key.public.pem())
    carry(three, disconnected, 1, 2)
    assert disconnected.mirror().returncode == 0
    ran = disconnected.mirror(f"--signing-key={tmp_path / 'far'}")
    assert ran.returncode == 0, ran.stderr
    assert "receipt 2, signed: " in ran.stderr
    unsigned, signed = receipts_of(disconnected)
    trusted = f"--trusted-keys={tmp_path / 'far-keys'}"
    ran = near.mirror(f"--acknowledge={unsigned}", trusted)
    assert ran.returncode == 15
    assert f"the receipt in {unsigned} is not signed" in ran.stderr
    ran = near.mirror(f"--acknowledge={signed}", f"--trusted-keys={tmp_path / 'other-keys'}")
    assert ran.returncode == 15
    assert "no trusted key has signed it; trusted: other (" in ran.stderr
    envelope = json.loads(signed.read_text())
    payload = base64.b64decode(envelope["payload"]).replace(b'"missing":""', b'"missing":"9"')
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps({**envelope, "payload": base64.b64encode(payload).decode()}))
    assert near.mirror(f"--acknowledge={changed}", trusted).returncode == 15
    (tmp_path / "far-keys/far.until").write_text("2026-01-01")
    ran = near.mirror(f"--acknowledge={signed}", trusted)
    assert ran.returncode == 15
    assert "which ended at 2026-01-01T00:00:00Z" in ran.stderr
    (tmp_path / "far-keys/far.until").unlink()
    assert confirmed(near) == {}
    typed = tmp_path / "typed.txt"
    typed.write_text(Sealed.parse(signed.read_bytes()).code.lower())
    ran = near.mirror(f"--acknowledge={typed}", trusted)
    assert ran.returncode == 0, ran.stderr
    assert f"signed by far: {target} has generation 1-2" in ran.stderr
    assert "with a signature that nobody checked" in near.mirror(f"--acknowledge={signed}").stderr


def test_another_data_directorys_receipt_is_refused(near: Place, connected: Place, tmp_path: Path) -> None:
    assert connected.mirror().returncode == 0
    ran = near.mirror(f"--acknowledge={bring(connected, tmp_path, 1, target='r.example.com')}")
    assert ran.returncode == 5
    assert "r.example.com has another generation 1 than this data directory made" in ran.stderr
    path = bring(near, tmp_path, 1, 2, 3, target="r.example.com")
    path.write_text(path.read_text()[:-4])
    assert near.mirror(f"--acknowledge={path}").returncode == 3, "half a file"
    changed = json.loads(bring(near, tmp_path, 1, 2, 3, target="r.example.com").read_text())
    path.write_text(json.dumps({**changed, "digest": "0" * 64}))
    ran = near.mirror(f"--acknowledge={path}")
    assert ran.returncode == 5
    assert "has other earlier generations than" in ran.stderr
    path.write_text(json.dumps({**changed, "generations": "1-4,90-99999"}))
    ran = near.mirror(f"--acknowledge={path}")
    assert ran.returncode == 4
    assert "this data directory never made generation 4,90-99999" in ran.stderr
    assert near.mirror(f"--acknowledge={tmp_path / 'none'}").returncode == 4
    assert near.mirror(f"--acknowledge={tmp_path}").returncode == 3
    assert not (near.data / "acknowledged.json").exists()


def test_an_older_receipt_changes_nothing(near: Place, tmp_path: Path) -> None:
    target = "r.example.com"
    near.mirror(f"--acknowledge={bring(near, tmp_path, 1, 2, target=target, number=9)}")
    for numbers_of_it in ([1], [1, 2, 3]):
        ran = near.mirror(f"--acknowledge={bring(near, tmp_path, *numbers_of_it, target=target, number=8)}")
        said = "receipt 8 is older than receipt 9, which was acknowledged before: it changes nothing"
        assert said in ran.stderr
        assert confirmed(near) == {target: [1, 2]}
        assert Store(near.data).acknowledged.targets()[target].number == 9
    assert (
        "receipt 8 of r.example.com names generation 3, and receipt 9, which counts, does not" in ran.stderr
    )
    assert "set back to an earlier state, mirror --forget-target='r.example.com'" in ran.stderr


def test_what_a_registry_has_lost_since_stays_here_also_where_an_old_receipt_comes_again(
    near: Place, tmp_path: Path
) -> None:
    """A courier who brings the receipt of last month again removes no archive."""
    target = "r.example.com"
    first = bring(near, tmp_path, 1, 2, target=target, number=1)
    near.mirror(f"--acknowledge={first}")
    later = bring(near, tmp_path, 1, 3, target=target, number=2)
    assert near.mirror(f"--acknowledge={later}", "--dry-run=true").returncode == 0
    assert confirmed(near) == {target: [1, 2]}
    ran = near.mirror(f"--acknowledge={later}")
    said = "receipt 2 of r.example.com does not name generation 2, which receipt 1 named: it is confirmed no"
    assert said in ran.stderr
    assert "still to bring to r.example.com: generation 2" in ran.stderr
    near.mirror(f"--acknowledge={first}")
    assert confirmed(near) == {target: [1, 3]}
    assert near.mirror(*CLEAN).returncode == 0
    assert numbers(near) == [2, 3], "generation 2 was named by an earlier receipt only"
    other = bring(near, tmp_path, 3, target=target, number=2)
    ran = near.mirror(f"--acknowledge={other}")
    assert "does not name generation 1, which receipt 2 named: the earlier one counts" in ran.stderr
    assert confirmed(near) == {target: [1, 3]}


def test_wherever_it_is_killed_the_same_command_again_records_it(near: Place, tmp_path: Path) -> None:
    path = bring(near, tmp_path, 1, 2, target="r.example.com")
    for step in range(1, 9):
        (near.data / "acknowledged.json").unlink(missing_ok=True)
        killed = killed_at(step, "acknowledged.json", *near.command(f"--acknowledge={path}"))
        assert confirmed(near) in ({}, {"r.example.com": [1, 2]})
        assert near.mirror(f"--acknowledge={path}").returncode == 0
        assert confirmed(near) == {"r.example.com": [1, 2]}
        assert not list(near.data.glob(".acknowledged*"))
        if not killed:
            assert step > 1
            return
    raise AssertionError("it has fewer steps")


def test_what_the_mediums_receipt_says_and_what_is_confirmed_lie_side_by_side(
    near: Place, tmp_path: Path
) -> None:
    near.mirror(f"--acknowledge={bring(near, tmp_path, 1, target='r.example.com')}")
    received = {"format": 2, "generations": {"2": identity(near, 2)}, "in_part": {}}
    (tmp_path / "stick").mkdir()
    (tmp_path / "stick/received.json").write_text(json.dumps(received))
    assert near.mirror(f"--export={tmp_path / 'stick'}").returncode == 0
    assert confirmed(near) == {"r.example.com": [1]}
    assert set(Store(near.data).acknowledged.arrived()) == {identity(near, 1), identity(near, 2)}
    assert (tmp_path / "stick/generations/000001/generation.json").exists(), (
        "an export goes by its medium alone"
    )
    (near.data / "acknowledged.json").write_text("no record")
    ran = near.mirror(f"--export={tmp_path / 'stick'}")
    assert ran.returncode == 0
    assert "is not what receipts have said" in ran.stderr
    assert (near.data / "acknowledged.json").read_text() == "no record", (
        "what retention goes by is not replaced"
    )


# --- retention


CLEAN = ("--workflow=workflow-cleanup", "--keep-generations=1")


def test_without_a_receipt_a_chain_stays_and_with_one_what_is_confirmed_goes(
    near: Place, tmp_path: Path
) -> None:
    assert near.mirror(*CLEAN).returncode == 0
    assert numbers(near) == [1, 2, 3], "each continues the one before"
    near.mirror(f"--acknowledge={bring(near, tmp_path, 1, target='r.example.com')}")
    ran = near.mirror(*CLEAN)
    assert ran.returncode == 0, ran.stderr
    assert numbers(near) == [2, 3]
    assert "removed generation 1: every registry has confirmed it" in ran.stderr
    assert (
        "generation 2 stays although keep-generations is 1: r.example.com has not confirmed it" in ran.stderr
    )
    near.mirror(f"--acknowledge={bring(near, tmp_path, 1, 2, 3, target='r.example.com', number=2)}")
    assert near.mirror(*CLEAN, "--dry-run=true").returncode == 0
    assert numbers(near) == [2, 3]
    ran = near.mirror(*CLEAN)
    assert numbers(near) == [3], "the newest stays, confirmed or not"
    assert "stays although" not in ran.stderr


def test_what_is_not_confirmed_stays_even_where_no_kept_one_needs_it(
    connected: Place, tmp_path: Path
) -> None:
    for _run in range(3):
        assert connected.mirror("--incremental-mode=false").returncode == 0
    connected.mirror(f"--acknowledge={bring(connected, tmp_path, 2, target='r.example.com')}")
    connected.arguments = []
    assert connected.mirror(*CLEAN).returncode == 0
    assert numbers(connected) == [1, 3]


def test_with_two_registries_only_what_both_have_goes_until_one_is_forgotten(
    near: Place, tmp_path: Path
) -> None:
    near.mirror(f"--acknowledge={bring(near, tmp_path, 1, 2, target='one.example.com')}")
    near.mirror(f"--acknowledge={bring(near, tmp_path, 1, target='two.example.com', side='11111111')}")
    ran = near.mirror(*CLEAN)
    assert numbers(near) == [2, 3]
    assert (
        "generation 2 stays although keep-generations is 1: two.example.com has not confirmed" in ran.stderr
    )
    assert "one.example.com has not" not in ran.stderr
    ran = near.mirror("--forget-target=three.example.com")
    assert ran.returncode == 4
    assert "there are: one.example.com, two.example.com" in ran.stderr
    assert near.mirror("--forget-target=two.example.com", "--dry-run=true").returncode == 0
    assert len(confirmed(near)) == 2
    assert near.mirror("--forget-target=two.example.com").returncode == 0
    near.mirror(*CLEAN)
    assert numbers(near) == [3]


def test_registries_of_one_name_on_two_islands_are_two(near: Place, tmp_path: Path) -> None:
    near.mirror(f"--acknowledge={bring(near, tmp_path, 1, 2, target='registry:5000')}")
    ran = near.mirror(f"--acknowledge={bring(near, tmp_path, 1, target='registry:5000', side='11111111')}")
    assert "mirror --forget-target='registry:5000 (side 0123abcd)'" in ran.stderr
    assert confirmed(near) == {"registry:5000 (side 0123abcd)": [1, 2], "registry:5000 (side 11111111)": [1]}
    near.mirror(*CLEAN)
    assert numbers(near) == [2, 3]
    near.mirror("--forget-target=registry:5000 (side 11111111)")
    assert confirmed(near) == {"registry:5000": [1, 2]}


def test_a_damaged_file_removes_nothing_and_fails_no_archive(near: Place) -> None:
    (near.data / "acknowledged.json").write_text('{"format": 2, "targets": {"x": 1}}')
    ran = near.mirror(*CLEAN)
    assert ran.returncode == 0, ran.stderr
    assert "no generation is removed: " in ran.stderr
    assert numbers(near) == [1, 2, 3]
    near.arguments = ["--workflow=workflow-to-disk"]
    near.imageset = near.data.parent / "other.yaml"
    near.names("team/app:v4")
    ran = near.mirror("--keep-generations=1")
    assert ran.returncode == 0, ran.stderr
    assert numbers(near) == [1, 2, 3, 4]
    ran = near.mirror("--acknowledge=/dev/null")
    assert ran.returncode == 3


def test_an_archive_that_continues_what_nobody_can_bring_is_warned_of(near: Place, tmp_path: Path) -> None:
    near.mirror(f"--acknowledge={bring(near, tmp_path, 1, target='r.example.com')}")
    near.arguments = ["--workflow=workflow-to-disk"]
    near.imageset = tmp_path / "other.yaml"
    near.names("team/app:v4")
    ran = near.mirror()
    assert "r.example.com has not confirmed generation 2-3 yet" in ran.stderr
    shutil.rmtree(near.data / "generations/000002")
    near.names("team/app:v5")
    ran = near.mirror()
    assert ran.returncode == 0, ran.stderr
    assert (
        "the archive continues generation 2, which r.example.com has not confirmed and which is not here any"
        " more: if it did not arrive, make a full archive (incremental-mode false)" in ran.stderr
    )


def test_there_is_one_thing_at_a_time(near: Place) -> None:
    ran = near.mirror("--acknowledge=x", "--export=y")
    assert ran.returncode == 2
    assert "export and acknowledge are both given: do one after the other" in ran.stderr
    ran = near.mirror("--acknowledge=x", "--schedule=0 2 * * *")
    assert "acknowledge is done once: leave schedule out" in ran.stderr


def test_times_are_utc(near: Place, tmp_path: Path) -> None:
    near.mirror(f"--acknowledge={bring(near, tmp_path, 1, target='r.example.com')}")
    known = Store(near.data).acknowledged.targets()["r.example.com"]
    when = datetime.fromisoformat(known.acknowledged)
    assert abs((datetime.now(UTC) - when).total_seconds()) < 60
    assert known.written == "2026-11-27T10:00:00Z"
