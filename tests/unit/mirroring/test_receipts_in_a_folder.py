"""Receipts in the folder of `receipts`: a run acknowledges them all before it removes any generation."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from steps.mirroring.store.receipt import PAYLOAD_TYPE, Sealed
from steps.trust.dsse import seal
from steps.trust.keys import PrivateKey
from tests.unit.mirroring.test_receipts import CLEAN, bring, confirmed, killed_at, near
from tests.unit.mirroring.test_retention import numbers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.mirroring.conftest import Place

__all__ = ["near"]
ONE, TWO = "one.example.com", "two.example.com"
STAYS = "no generation is removed: a receipt was refused"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A ConfigMap as Kubernetes mounts it: the files are links into a folder of its own."""
    (tmp_path / "receipts/..data").mkdir(parents=True)
    return tmp_path / "receipts"


@pytest.fixture
def nightly(near: Place, folder: Path, tmp_path: Path) -> Place:
    """The connected side, every night: keep one generation, and go by what the folder holds."""
    imageset = tmp_path / "nightly.yaml"
    arguments = ["--workflow=workflow-to-disk", "--keep-generations=1", f"--receipts={folder}"]
    arguments.append("--mirror-name=imageset")  # as before: the newest of each name stays
    place = replace(near, imageset=imageset, arguments=arguments)
    place.names("team/app:v4")
    return place


def put(folder: Path, name: str, content: str | bytes) -> None:
    """Put a file into the ConfigMap."""
    file = folder / "..data" / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(f"..data/{name}")


def test_a_run_acknowledges_all_receipts_and_then_removes_what_they_confirm(
    nightly: Place, folder: Path, tmp_path: Path
) -> None:
    put(folder, "one.json", bring(nightly, tmp_path, 1, 2, target=ONE).read_text())
    two = bring(nightly, tmp_path, 1, 2, 3, target=TWO, side="11111111")
    put(folder, "two.txt", Sealed.parse(two.read_bytes()).code.lower())
    ran = nightly.mirror()
    assert ran.returncode == 0, ran.stderr
    assert confirmed(nightly) == {ONE: [1, 2], TWO: [1, 2, 3]}
    assert f"{ONE} has generation 1-2" in ran.stderr
    assert f"still to bring to {ONE}: generation 3, " in ran.stderr
    assert numbers(nightly) == [3, 4], "the newest, and what one of them lacks"
    assert "two.example.com has not confirmed generation" not in ran.stderr, "it was read before the archive"


def test_what_is_known_already_is_one_quiet_line(nightly: Place, folder: Path, tmp_path: Path) -> None:
    for number, sequences in ((1, (1,)), (2, (1, 2))):
        content = bring(nightly, tmp_path, *sequences, target=ONE, number=number).read_text()
        put(folder, f"{number:04d}.json", content)
    assert nightly.mirror().returncode == 0
    before = (nightly.data / "acknowledged.json").read_bytes()
    ran = nightly.mirror()
    assert ran.returncode == 0, ran.stderr
    assert [
        line for line in ran.stderr.splitlines() if "receipt" in line and "stays although" not in line
    ] == ["2 receipts say nothing new"]
    assert (nightly.data / "acknowledged.json").read_bytes() == before


def test_a_later_receipt_that_lacks_more_is_no_quiet_line(
    nightly: Place, folder: Path, tmp_path: Path
) -> None:
    put(folder, "1.json", bring(nightly, tmp_path, 1, 3, target=ONE).read_text())
    assert nightly.mirror().returncode == 0
    assert numbers(nightly) == [2, 4]
    shutil.rmtree(nightly.data / "generations/000002")
    later = json.loads(bring(nightly, tmp_path, 1, 3, target=ONE, number=2).read_text())
    put(folder, "1.json", json.dumps({**later, "missing": "2"}))
    ran = nightly.mirror()
    assert f"{ONE} has generation 1,3; nothing new" in ran.stderr
    assert f"{ONE} says that it lacks generation 2, which is not here any more" in ran.stderr
    assert "receipt says nothing new" in nightly.mirror().stderr


def test_a_run_that_finds_nothing_new_reads_them_too(nightly: Place, folder: Path, tmp_path: Path) -> None:
    assert nightly.mirror("--skip-unchanged=true").returncode == 0
    assert numbers(nightly) == [1, 2, 3, 4]
    put(folder, "a.json", bring(nightly, tmp_path, 1, 2, 3, 4, target=ONE).read_text())
    ran = nightly.mirror("--skip-unchanged=true")
    assert ran.returncode == 0, ran.stderr
    assert numbers(nightly) == [4]


def test_an_empty_folder_says_nothing(nightly: Place) -> None:
    ran = nightly.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "receipt" not in ran.stderr
    assert numbers(nightly) == [1, 2, 3, 4]


def _half(text: str) -> str:
    return text[: len(text) // 2]


def _of_another(text: str) -> str:
    return json.dumps({**json.loads(text), "digest": "0" * 64})


def _unmade(text: str) -> str:
    return json.dumps({**json.loads(text), "generations": "1-9"})


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_half, "bad.json is no receipt: "),
        (lambda _text: None, "receipts: bad.json is no file"),
        (lambda _text: "\x89PNG", "bad.json is no receipt: "),
        (_of_another, f"{TWO} has other earlier generations than this data directory made"),
        (_unmade, "this data directory never made generation 4-9"),
    ],
)
def test_a_bad_receipt_is_named_and_while_it_lies_there_nothing_is_removed(
    nightly: Place, folder: Path, tmp_path: Path, spoil: Callable[[str], str | None], said: str
) -> None:
    """Without it the registry that it is of counts for nothing, and what only that lacks would be removed."""
    put(folder, "good.json", bring(nightly, tmp_path, 1, 2, 3, target=ONE).read_text())
    content = bring(nightly, tmp_path, 1, 2, 3, target=TWO, side="11111111").read_text()
    spoiled = spoil(content)
    if spoiled is None:
        os.mkfifo(folder / "bad.json")
    else:
        put(folder, "bad.json", spoiled)
    ran = nightly.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "bad.json" in ran.stderr
    assert said in ran.stderr
    assert STAYS in ran.stderr
    assert numbers(nightly) == [1, 2, 3, 4], "the archive is made all the same"
    assert confirmed(nightly) == {ONE: [1, 2, 3]}
    nightly.arguments[0] = "--workflow=workflow-cleanup"
    ran = nightly.mirror()
    assert ran.returncode == 0, ran.stderr
    assert STAYS in ran.stderr
    assert numbers(nightly) == [1, 2, 3, 4]
    (folder / "bad.json").unlink()
    assert nightly.mirror().returncode == 0
    assert numbers(nightly) == [4]


def test_with_trusted_keys_only_signed_ones_count(nightly: Place, folder: Path, tmp_path: Path) -> None:
    key = PrivateKey(ec.generate_private_key(ec.SECP256R1()))
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/far.pub").write_bytes(key.public.pem())
    nightly.arguments.append(f"--trusted-keys={tmp_path / 'keys'}")
    receipt = Sealed.parse(bring(nightly, tmp_path, 1, 2, 3, target=ONE).read_bytes()).receipt
    put(folder, "a.json", receipt.as_json())
    ran = nightly.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "receipts: the receipt in a.json is not signed" in ran.stderr
    assert STAYS in ran.stderr
    assert confirmed(nightly) == {}
    put(folder, "a.json", seal(receipt.packed(), key, payload_type=PAYLOAD_TYPE))
    ran = nightly.mirror()
    assert f"signed by far: {ONE} has generation 1-3" in ran.stderr
    assert confirmed(nightly) == {ONE: [1, 2, 3]}
    assert numbers(nightly) == [4]


def test_a_dry_run_says_what_would_be_confirmed_and_records_nothing(
    nightly: Place, folder: Path, tmp_path: Path
) -> None:
    put(folder, "a.json", bring(nightly, tmp_path, 1, 2, target=ONE).read_text())
    ran = nightly.mirror("--dry-run=true")
    assert ran.returncode == 0, ran.stderr
    assert f"{ONE} has generation 1-2; generation 1-2 would be confirmed" in ran.stderr
    assert confirmed(nightly) == {}


def test_a_damaged_record_of_receipts_removes_nothing_and_fails_no_archive(
    nightly: Place, folder: Path, tmp_path: Path
) -> None:
    put(folder, "a.json", bring(nightly, tmp_path, 1, 2, 3, target=ONE).read_text())
    (nightly.data / "acknowledged.json").write_text("no record")
    ran = nightly.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "no generation is removed: " in ran.stderr
    assert numbers(nightly) == [1, 2, 3, 4]
    assert (nightly.data / "acknowledged.json").read_text() == "no record"


def test_a_folder_that_is_not_there_or_far_too_full_ends_the_run(
    nightly: Place, folder: Path, tmp_path: Path
) -> None:
    ran = nightly.mirror(f"--receipts={tmp_path / 'none'}")
    assert ran.returncode == 4
    assert f"receipts: there is no folder {tmp_path / 'none'}" in ran.stderr
    for number in range(2001):
        (folder / f"{number}.json").write_text("")
    ran = nightly.mirror()
    assert ran.returncode == 3
    assert "receipts: more than 2,000 files lie in" in ran.stderr
    assert numbers(nightly) == [1, 2, 3]


def test_wherever_it_is_killed_the_next_run_does_the_rest(near: Place, folder: Path, tmp_path: Path) -> None:
    for number, target in enumerate((ONE, TWO), start=1):
        content = bring(near, tmp_path, 1, 2, target=target, side=f"{number}" * 8).read_text()
        put(folder, f"{target}.json", content)
    clean = [*CLEAN, f"--receipts={folder}"]
    whole = near.data
    for step in range(1, 12):
        near.data = tmp_path / f"killed-{step}"
        shutil.copytree(whole, near.data, symlinks=True)
        killed = killed_at(step, "acknowledged.json", *near.command(*clean))
        if killed:
            assert numbers(near) == [1, 2, 3], "nothing goes before all are recorded"
        assert near.mirror(*clean).returncode == 0
        assert confirmed(near) == {ONE: [1, 2], TWO: [1, 2]}
        assert numbers(near) == [3]
        if not killed:
            assert step > 2
            return
    raise AssertionError("it has fewer steps")


def test_where_nothing_is_removed_they_have_no_effect_and_that_is_said(near: Place, folder: Path) -> None:
    near.arguments = ["--workflow=workflow-from-disk", "--target-registry=r.example.com"]
    ran = near.mirror(f"--receipts={folder}", "--check=true")
    assert "receipts has no effect: workflow-from-disk acknowledges none" in ran.stderr
    assert "receipts has no effect" not in near.mirror("--receipts=", "--check=true").stderr
