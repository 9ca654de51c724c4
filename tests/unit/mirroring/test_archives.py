"""Archives laid into the cache, and which generations share a run."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from steps.errors import InvalidInputError
from steps.imageset.imageset import ImageSet
from steps.mirroring.store.cache import Cache
from steps.mirroring.workflows import from_disk

if TYPE_CHECKING:
    from pathlib import Path

BLOB = "docker/registry/v2/blobs/sha256/ab/abcd/data"
LINK = "docker/registry/v2/repositories/app/_manifests/tags/v1/current/link"


def tar(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as stream:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            stream.addfile(member, io.BytesIO(data))
    return path


def imageset(*images: str, **mirror: Any) -> bytes:
    named = [{"name": image} for image in images]
    document = {"kind": "ImageSetConfiguration", "mirror": mirror | {"additionalImages": named}}
    return yaml.safe_dump(document).encode()


def named(content: bytes) -> list[str]:
    return [image["name"] for image in yaml.safe_load(content)["mirror"]["additionalImages"]]


def test_only_the_registrys_files_are_laid_into_the_cache(tmp_path: Path) -> None:
    upload = "docker/registry/v2/repositories/app/_uploads/1/data"
    files = {BLOB: b"blob", LINK: b"sha256:abcd", upload: b"half", "working-dir/x": b"", "isc_now": b""}
    assert Cache(tmp_path / "cache").unpack(tar(tmp_path / "a.tar", files)) == 15
    storage = tmp_path / "cache/.oc-mirror/.cache"
    unpacked = {path for path in (tmp_path / "cache").rglob("*") if path.is_file()}
    assert unpacked == {storage / BLOB, storage / LINK}


def test_a_blob_that_is_there_in_part_is_written_again_and_a_tag_moves(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    storage = cache / ".oc-mirror/.cache"
    Cache(cache).unpack(tar(tmp_path / "a.tar", {BLOB: b"bl", LINK: b"sha256:old_"}))
    later = tar(tmp_path / "b.tar", {BLOB: b"blob", LINK: b"sha256:new_"})
    assert Cache(cache).unpack(later) == 15
    assert (storage / BLOB).read_bytes() == b"blob"
    assert (storage / LINK).read_bytes() == b"sha256:new_"
    assert Cache(cache).unpack(later) == len(b"sha256:new_")


def test_an_archive_cannot_write_outside_the_cache(tmp_path: Path) -> None:
    evil = tar(tmp_path / "a.tar", {"docker/../../escaped": b"x"})
    with pytest.raises(InvalidInputError, match=r"a\.tar cannot be unpacked"):
        Cache(tmp_path / "deep" / "cache").unpack(evil)
    assert not list(tmp_path.rglob("escaped"))


def test_an_archive_that_is_cut_short_is_an_error(tmp_path: Path) -> None:
    path = tar(tmp_path / "a.tar", {BLOB: bytes(100_000)})
    path.write_bytes(path.read_bytes()[:50_000])
    with pytest.raises(InvalidInputError, match="cannot be unpacked"):
        Cache(tmp_path / "cache").unpack(path)
    assert not list((tmp_path / "cache").rglob("data"))


def joined(earlier: bytes, later: bytes) -> bytes | None:
    together = from_disk.joined(ImageSet.recorded(earlier, "earlier"), ImageSet.recorded(later, "later"))
    return None if together is None else together.content


@given(st.lists(st.sampled_from("abcde"), unique=True), st.lists(st.sampled_from("abcde"), unique=True))
def test_a_joined_imageset_names_the_images_of_both(first: list[str], second: list[str]) -> None:
    together = joined(imageset(*first), imageset(*second))
    assert together is not None
    assert set(named(together)) == {*first, *second}
    assert len(named(together)) == len({*first, *second})


def test_an_image_that_goes_elsewhere_is_another_image() -> None:
    together = joined(imageset("a"), imageset("a").replace(b"name: a", b"name: a\n    targetTag: b"))
    assert together is not None
    assert named(together) == ["a", "a"]


@pytest.mark.parametrize(
    "difference",
    [
        {"platform": {"graph": True}},
        {"operators": [{"catalog": "r/c:v4.18"}]},
        {"blockedImages": [{"name": "a"}]},
        {"helm": {"local": []}},
    ],
)
def test_imagesets_that_differ_in_more_are_not_joined(difference: dict[str, Any]) -> None:
    assert joined(imageset("a"), imageset("a", **difference)) is None
    assert joined(imageset("a", **difference), imageset("a")) is None


def test_the_size_of_archives_is_no_difference() -> None:
    later = imageset("a") + b"archiveSize: 4\n"
    assert joined(imageset("a"), later) == later


def test_fields_of_a_newer_version_are_kept_in_a_joined_imageset() -> None:
    newer = [imageset(name).replace(b"mirror:", b"mirror:\n  newer: [1.5]", 1) for name in "ab"]
    together = joined(newer[0], newer[1])
    assert together is not None
    assert yaml.safe_load(together)["mirror"]["newer"] == [1.5]
    assert joined(newer[0], imageset("b")) is None
