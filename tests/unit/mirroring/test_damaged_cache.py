"""A blob of oc-mirror's cache with wrong content: found where a run fails by it, and had again."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from steps.mirroring.store import Store
from tests.standin.oc_mirror import Image
from tests.unit.mirroring.conftest import Place, standin_only
from tests.unit.mirroring.test_killed import check_whole

pytestmark = standin_only

Has = Callable[[str, str], bool]
LAYER, CONFIG, MANIFEST = "layer", "config", "manifest"


def digest_of(place: Place, name: str, part: str = LAYER) -> str:
    """The digest of an image's own layer, its config or its manifest."""
    repository, _, tag = name.partition(":")
    image = Image(f"{place.host}/{name}", "additional", repository, tag)
    *_layers, own, config, manifest = image.blobs
    return {LAYER: own, CONFIG: config, MANIFEST: manifest}[part]


def damage(place: Place, digest: str) -> Path:
    """Give a blob of the cache other content of the same size."""
    blob = Store(place.data).cache.blob(digest)
    blob.write_bytes(bytes(byte ^ 1 for byte in blob.read_bytes()))
    return blob


def is_right(blob: Path, digest: str) -> bool:
    return digest == f"sha256:{hashlib.sha256(blob.read_bytes()).hexdigest()}"


def set_aside(place: Place) -> list[str]:
    return [path.name for path in (place.data / "quarantine").glob("damaged-blobs-*/*")]


def brought(three: Place, place: Place, *numbers: int) -> None:
    for number in numbers:
        name = f"generations/{number:06d}"
        shutil.copytree(three.data / name, place.data / name)


@pytest.mark.parametrize("part", [LAYER, CONFIG, MANIFEST])
def test_from_disk_it_comes_from_the_archive_again(
    three: Place, disconnected: Place, target: str, has: Has, part: str
) -> None:
    brought(three, disconnected, 1)
    assert disconnected.mirror().returncode == 0
    digest = digest_of(disconnected, "team/app:v1", part)
    blob = damage(disconnected, digest)
    brought(three, disconnected, 2, 3)
    other = replace(disconnected, arguments=[disconnected.arguments[0], f"--target-registry={target}-2"])
    ran = other.mirror()
    assert ran.returncode == 0, ran.stderr
    assert f"damaged in the cache, moved to {other.data}/quarantine/damaged-blobs-" in ran.stderr
    assert f"from generation 1: {digest}" in ran.stderr
    assert ran.stderr.count("all of the cache is read") == (part == MANIFEST)
    assert is_right(blob, digest)
    assert set_aside(other) == [digest.partition(":")[2]]
    assert all(has(f"{target}-2", f"team/{image}") for image in ("app:v1", "app:v2", "app:v3", "db:v1"))


def test_from_disk_it_waits_for_the_generation_that_has_it(
    three: Place, disconnected: Place, target: str, has: Has
) -> None:
    """The first generation was imported and carried away."""
    brought(three, disconnected, 1)
    assert disconnected.mirror().returncode == 0
    digest = digest_of(disconnected, "team/db:v1")
    blob = damage(disconnected, digest)
    shutil.rmtree(disconnected.data / "generations/000001")
    brought(three, disconnected, 2, 3)
    ran = disconnected.mirror()
    assert ran.returncode == 8, ran.stderr
    assert f"damaged in the cache, moved to {disconnected.data}/quarantine/damaged-blobs-" in ran.stderr
    assert "bring the earlier generations too" in ran.stderr
    assert not blob.exists()
    assert disconnected.mirror().returncode == 8
    brought(three, disconnected, 1)
    ran = disconnected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert f"from generation 1: {digest}" in ran.stderr
    assert is_right(blob, digest)
    assert has(target, "team/app:v3")


def test_an_archive_whose_blob_is_damaged_too_is_no_help(
    three: Place, disconnected: Place, target: str
) -> None:
    """The one here has another content, with the hash of it in its record."""
    brought(three, disconnected, 1)
    digest = digest_of(disconnected, "team/app:v1")
    assert disconnected.mirror().returncode == 0
    right = damage(disconnected, digest).read_bytes()
    right = bytes(byte ^ 1 for byte in right)
    archive = disconnected.data / "generations/000001/mirror_000001.tar"
    archive.write_bytes(archive.read_bytes().replace(right, b"\0" * len(right)))
    store = Store(disconnected.data)
    assert store.cache.damaged([digest]) == [digest]
    shutil.rmtree(store.cache.blob(digest).parent)
    assert store.cache.restore(archive, [digest]) == []
    assert not store.cache.has(digest)


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (
            'writing blob: Patch "http://127.0.0.1:5998/v2/app/blobs/uploads/a3e": happened during read:'
            " Digest did not match, expected {}, got sha256:" + "0" * 64,
            LAYER,
        ),
        ("reading config blob {0}: Download config.json digest a does not match expected {0}", CONFIG),
        (
            "reading manifest v1 in localhost:20123/team/app: received unexpected HTTP status: 500 Internal"
            " Server Error",
            MANIFEST,
        ),
    ],
)
def test_to_disk_it_is_fetched_again(
    connected: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: str, part: str
) -> None:
    assert connected.mirror().returncode == 0
    digest = digest_of(connected, "team/app:v1", part)
    blob = damage(connected, digest)
    connected.names("team/app:v1", "team/app:v2", "team/db:v1")
    (tmp_path / "left").write_text("1")
    monkeypatch.setenv("STANDIN_FAIL_TIMES", str(tmp_path / "left"))
    monkeypatch.setenv("STANDIN_FAIL", "additional")
    monkeypatch.setenv("STANDIN_ERROR", error.format(digest))
    ran = connected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("running oc-mirror") == 2
    assert ran.stderr.count("all of the cache is read") == (part == MANIFEST)
    assert set_aside(connected) == [digest.partition(":")[2]]
    assert is_right(blob, digest)
    check_whole(connected, "v1", "v2")


def test_what_a_source_serves_damaged_is_no_matter_of_the_cache(
    connected: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert connected.mirror().returncode == 0
    monkeypatch.setenv("STANDIN_FAIL", "additional")
    monkeypatch.setenv(
        "STANDIN_ERROR", f"Digest did not match, expected sha256:{'1' * 64}, got sha256:{'2' * 64}"
    )
    connected.names("team/app:v2", "team/db:v1")
    ran = connected.mirror()
    assert ran.returncode == 8
    assert ran.stderr.count("running oc-mirror") == 1
    assert "(damaged blob)" in ran.stderr
    assert "all of the cache is read" not in ran.stderr
    assert not set_aside(connected)
