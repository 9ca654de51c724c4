"""workflow-from-disk and workflow-direct, against a real registry."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.unit.mirroring.conftest import standin_only

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.standin.moody import Moody
    from tests.unit.mirroring.conftest import Place

    Has = Callable[[str, str], bool]


def carry(connected: Place, disconnected: Place, *sequences: int) -> None:
    """Bring generations to the other side."""
    for sequence in sequences:
        name = f"{sequence:06d}"
        shutil.copytree(
            connected.data / "generations" / name,
            disconnected.data / "generations" / name,
            dirs_exist_ok=True,
        )


def test_pending_generations_are_taken_in_in_order_and_only_once(
    three: Place, disconnected: Place, target: str, has: Has
) -> None:
    carry(three, disconnected, 1)
    ran = disconnected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert has(target, "team/app:v1")
    assert not has(target, "team/app:v2")
    carry(three, disconnected, 2, 3)
    shutil.rmtree(disconnected.data / "generations" / "000001")
    ran = disconnected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.splitlines()[-1] == f"{target} has imported generation 2, 3"
    assert ran.stderr.count("running oc-mirror") == 1
    assert all(has(target, f"team/app:{version}") for version in ("v1", "v2", "v3"))
    assert list((disconnected.data / "cluster-resources").iterdir())
    ran = disconnected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert f"{target} has everything: generation 3" in ran.stderr
    assert "running oc-mirror" not in ran.stderr


def test_what_one_imageset_alone_names_is_pushed_by_that_imageset(
    three: Place, disconnected: Place, target: str, has: Has
) -> None:
    carry(three, disconnected, 1, 2, 3)
    folder = disconnected.data / "generations" / "000003"
    blocked = (folder / "imageset.yaml").read_text() + "  blockedImages:\n  - name: team/app:v2\n"
    changed = json.loads((folder / "generation.json").read_text())
    changed["imageset_sha256"] = hashlib.sha256(blocked.encode()).hexdigest()
    (folder / "imageset.yaml").write_text(blocked)
    (folder / "generation.json").write_text(json.dumps(changed))
    ran = disconnected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("running oc-mirror") == 2
    assert "in one run, by an ImageSet for all of them: generations 1, 2\n" in ran.stderr
    assert all(has(target, f"team/app:{version}") for version in ("v1", "v2", "v3"))


def test_a_run_that_failed_goes_on_where_it_stood(
    three: Place, disconnected: Place, moody_target: Moody, target: str, has: Has
) -> None:
    carry(three, disconnected, 1, 2, 3)
    moody_target.mood = lambda method, _path: 503 if method in {"PUT", "PATCH"} else None
    elsewhere = f"--target-registry={moody_target.host}/{target.rpartition('/')[2]}"
    ran = disconnected.mirror(elsewhere, "--signatures=none")  # else none is pushed: the preflight tries one
    assert ran.returncode == 8
    assert "unpacked generation 1 into the cache" in ran.stderr
    ran = disconnected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert re.search(r"unpacked generation 2 into the cache: \d+(\.\d)? k?B$", ran.stderr, re.MULTILINE)
    assert has(target, "team/app:v3")


@pytest.mark.parametrize("name", ["imageset.yaml", "mirror_000001.tar"])
def test_a_file_that_was_left_behind_is_named(three: Place, disconnected: Place, name: str) -> None:
    carry(three, disconnected, 1, 2)
    (disconnected.data / "generations" / "000002" / name).unlink()
    ran = disconnected.mirror()
    assert ran.returncode == 3
    assert f"generation 2: {name} is missing" in ran.stderr
    assert "running oc-mirror" not in ran.stderr


def test_an_imageset_that_was_changed_on_the_way_is_refused(three: Place, disconnected: Place) -> None:
    carry(three, disconnected, 1)
    with (disconnected.data / "generations" / "000001" / "imageset.yaml").open("a") as stream:
        stream.write("# changed\n")
    ran = disconnected.mirror()
    assert ran.returncode == 3
    assert "generation 1: imageset.yaml is damaged" in ran.stderr


def test_a_dry_run_of_several_generations_lists_the_images_of_all(three: Place, disconnected: Place) -> None:
    carry(three, disconnected, 1, 2, 3)
    ran = disconnected.mirror("--dry-run=true")
    assert ran.returncode == 0, ran.stderr
    assert "4 images would be mirrored" in ran.stderr


def test_another_target_gets_all_generations(
    three: Place, disconnected: Place, target: str, has: Has
) -> None:
    carry(three, disconnected, 1, 2, 3)
    assert disconnected.mirror().returncode == 0
    other = f"{target}/elsewhere"
    ran = disconnected.mirror(f"--target-registry={other}")
    assert ran.returncode == 0, ran.stderr
    assert all(has(other, f"team/app:{version}") for version in ("v1", "v2", "v3"))


def test_a_gap_is_refused_with_the_missing_numbers(three: Place, disconnected: Place) -> None:
    carry(three, disconnected, 3)
    ran = disconnected.mirror()
    assert ran.returncode == 3
    assert (
        "generation 3 continues generation 2, which is neither here nor imported; missing: 1 to 2"
        in ran.stderr
    )
    assert "running oc-mirror" not in ran.stderr


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: data[:-5000], "bytes instead of"),
        (lambda data: data[:5000] + b"X" + data[5001:], "is damaged"),
    ],
)
def test_damage_is_refused_before_anything_is_pushed(
    three: Place, disconnected: Place, damage: Callable[[bytes], bytes], reason: str
) -> None:
    carry(three, disconnected, 1, 2)
    archive = disconnected.data / "generations" / "000002" / "mirror_000001.tar"
    archive.write_bytes(damage(archive.read_bytes()))
    ran = disconnected.mirror()
    assert ran.returncode == 3
    assert "generation 2: mirror_000001.tar " in ran.stderr
    assert reason in ran.stderr
    assert "running oc-mirror" not in ran.stderr


def test_a_half_copied_generation_is_named(three: Place, disconnected: Place) -> None:
    carry(three, disconnected, 1)
    (disconnected.data / "generations" / "000001" / "generation.json").unlink()
    ran = disconnected.mirror()
    assert ran.returncode == 3
    assert "000001 has no generation.json: it was not copied completely" in ran.stderr


def test_archives_of_another_data_directory_are_not_mixed_in(
    three: Place, connected: Place, disconnected: Place
) -> None:
    carry(three, disconnected, 1)
    assert disconnected.mirror().returncode == 0
    assert connected.mirror().returncode == 0
    carry(connected, disconnected, 1)
    ran = disconnected.mirror()
    assert ran.returncode == 5
    assert "is not the generation 1 that was imported before" in ran.stderr


def test_nothing_to_take_in_is_said(disconnected: Place) -> None:
    ran = disconnected.mirror()
    assert ran.returncode == 4
    assert "copy the folder generations/" in ran.stderr


def test_a_dry_run_from_disk_pushes_nothing(three: Place, disconnected: Place, target: str, has: Has) -> None:
    carry(three, disconnected, 1, 2)
    ran = disconnected.mirror("--dry-run=true")
    assert ran.returncode == 0, ran.stderr
    assert not has(target, "team/app:v1")
    assert not (disconnected.data / "imported.json").exists()
    assert not (disconnected.data / "imports").exists()
    assert disconnected.mirror().returncode == 0
    assert has(target, "team/app:v2")


def test_since_date_has_no_effect_from_disk_and_this_is_said(three: Place, disconnected: Place) -> None:
    carry(three, disconnected, 1)
    ran = disconnected.mirror("--since-date=2026-01-01")
    assert ran.returncode == 0, ran.stderr
    assert "since-date has no effect on workflow-from-disk" in ran.stderr
    assert "--since=" not in ran.stderr


def test_direct_mirrors_and_keeps_the_cluster_resources(direct: Place, target: str, has: Has) -> None:
    ran = direct.mirror()
    assert ran.returncode == 0, ran.stderr
    assert has(target, "team/app:v1")
    assert has(target, "team/db:v1")
    assert f"{target} has all 2 images (oc-mirror counts 2 additional)" in ran.stderr
    assert list((direct.data / "cluster-resources").iterdir())
    assert direct.mirror().returncode == 0
    assert not direct.generations()


def test_a_direct_dry_run_pushes_nothing_not_even_the_graph(direct: Place, target: str, has: Has) -> None:
    text = direct.imageset.read_text().replace("mirror:\n", "mirror:\n  platform:\n    graph: true\n")
    direct.imageset.write_text(text)
    ran = direct.mirror("--dry-run=true")
    assert ran.returncode == 0, ran.stderr
    assert not has(target, "openshift/graph-image:latest")
    assert not has(target, "team/app:v1")
    assert "2 images would be mirrored" in ran.stderr
    assert not (direct.data / "working-dir").exists()


def test_a_target_that_does_not_answer_is_a_network_failure(direct: Place) -> None:
    ran = direct.mirror("--target-registry=127.0.0.1:1/mirror")
    assert ran.returncode == 6
    assert "127.0.0.1:1 does not answer" in ran.stderr.splitlines()[-2]
    assert "Connection refused" in ran.stderr.splitlines()[-2]
    assert "network" in ran.stderr.splitlines()[-1]


@standin_only
def test_what_failed_before_is_not_blamed_again(direct: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDIN_FAIL", "additional")
    assert "team/db:v1 (no such tag)" in direct.mirror().stderr.splitlines()[-2]
    ran = direct.mirror("--target-registry=127.0.0.1:1/mirror")
    assert "team/db" not in ran.stderr.splitlines()[-2]


def test_what_a_target_has_is_remembered_by_name(three: Place, disconnected: Place, target: str) -> None:
    carry(three, disconnected, 1, 2)
    assert disconnected.mirror().returncode == 0
    imported = json.loads((disconnected.data / "imported.json").read_text())["targets"]
    assert list(imported) == [target]
    assert list(imported[target]["generations"]) == ["1", "2"]


def test_a_generation_that_comes_late_is_taken_in_and_the_newest_again(
    connected: Place, disconnected: Place, target: str, has: Has
) -> None:
    connected.names("team/app:v1")
    assert connected.mirror().returncode == 0
    connected.names("team/app:v3")
    assert connected.mirror("--incremental-mode=false").returncode == 0
    carry(connected, disconnected, 2)
    assert disconnected.mirror().returncode == 0
    assert not has(target, "team/app:v1")
    carry(connected, disconnected, 1)
    newest = disconnected.data / "generations" / "000002"
    newest.rename(disconnected.data / "carried on")
    ran = disconnected.mirror()
    assert ran.returncode == 3
    assert "generation 1 comes late: generation 2 was imported before it and" in ran.stderr
    (disconnected.data / "carried on").rename(newest)
    ran = disconnected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.splitlines()[-1] == f"{target} has imported generation 1, 2"
    assert has(target, "team/app:v1")
    assert f"{target} has everything" in disconnected.mirror().stderr


def test_a_late_generation_that_a_newer_one_holds_is_named_as_superseded(
    connected: Place, disconnected: Place, target: str
) -> None:
    for argument in ("--incremental-mode=true", "--incremental-mode=false"):
        assert connected.mirror(argument).returncode == 0
    carry(connected, disconnected, 2)
    assert disconnected.mirror().returncode == 0
    carry(connected, disconnected, 1)
    ran = disconnected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "generation 1 is superseded: generation 2 holds all its images" in ran.stderr
    assert f"{target} has everything" in ran.stderr


def test_an_archive_that_the_record_does_not_name_is_left_alone(three: Place, disconnected: Place) -> None:
    carry(three, disconnected, 1)
    other = disconnected.data / "generations" / "000001" / "mirror_000002.tar"
    other.write_bytes(b"not hashed by anybody")
    ran = disconnected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert f"{other} is left alone: the record of generation 1 does not name it" in ran.stderr
    assert other.exists()
