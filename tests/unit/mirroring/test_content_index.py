"""The index of content: what a generation stands for, and where its blobs are."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import tarfile
from typing import TYPE_CHECKING

from steps.mirroring.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from steps.mirroring.store.contents import ContentIndex
    from tests.unit.mirroring.conftest import Place


def index_of(place: Place, number: int) -> ContentIndex:
    generations = Store(place.data).generations
    index = generations.content_index(generations.present()[number])
    assert index is not None
    return index


def archived_in(place: Place, number: int) -> set[str]:
    """The digests of the blobs that lie in the archives of a generation."""
    digests = set()
    for path in Store(place.data).generations.archives(Store(place.data).generations.present()[number]):
        with tarfile.open(path) as tar:
            digests |= {f"sha256:{name.split('/')[-2]}" for name in tar.getnames() if name.endswith("/data")}
    return digests


def test_every_blob_of_every_image_is_said_to_be_where_it_is(three: Place) -> None:
    earlier: set[str] = set()
    for number in (1, 2, 3):
        index, here = index_of(three, number), archived_in(three, number)
        named = {
            digest for image in index.images for digest in (*image.manifests, *image.blobs, image.digest)
        }
        assert index.complete
        assert named == set(index.blobs)
        assert {digest for digest, blob in index.blobs.items() if blob.archived} == set(index.blobs) & here
        assert {digest for digest, blob in index.blobs.items() if not blob.archived} <= earlier
        earlier |= here
    assert any(not blob.archived for blob in index_of(three, 3).blobs.values()), "team/db is in the first"


def test_images_are_named_by_their_source_with_their_digest_and_sizes(three: Place) -> None:
    index = index_of(three, 3)
    assert [image.source.removeprefix("docker://") for image in index.images] == [
        f"{three.host}/team/app:v3",
        f"{three.host}/team/db:v1",
    ]
    cache = Store(three.data).cache
    for digest, blob in index.blobs.items():
        content = cache.blob(digest).read_bytes()
        assert len(content) == blob.size
        assert f"sha256:{hashlib.sha256(content).hexdigest()}" == digest


def test_its_hash_is_in_the_record_and_it_tells_no_time(three: Place) -> None:
    for folder in three.generations():
        content = (folder / "contents.json.gz").read_bytes()
        record = json.loads((folder / "generation.json").read_text())
        assert record["contents_sha256"] == hashlib.sha256(content).hexdigest()
        assert gzip.compress(gzip.decompress(content), mtime=0) == content


def copied(three: Place, disconnected: Place) -> Path:
    shutil.copytree(three.data / "generations", disconnected.data / "generations")
    return disconnected.data / "generations" / "000002" / "contents.json.gz"


def test_one_that_was_not_copied_is_missed_before_anything_is_pushed(
    three: Place, disconnected: Place
) -> None:
    copied(three, disconnected).unlink()
    ran = disconnected.mirror()
    assert ran.returncode == 3
    assert "generation 2: contents.json.gz is missing" in ran.stderr
    assert "running oc-mirror" not in ran.stderr


def test_one_that_was_damaged_is_named(three: Place, disconnected: Place) -> None:
    path = copied(three, disconnected)
    path.write_bytes(path.read_bytes()[:-1])
    ran = disconnected.mirror()
    assert ran.returncode == 3
    assert "generation 2: contents.json.gz is damaged" in ran.stderr


def test_one_that_unpacks_to_more_than_any_is_refused(three: Place, disconnected: Place) -> None:
    """Whoever made the archives also wrote the hash: that it fits proves nothing of the content."""
    path = copied(three, disconnected)
    path.write_bytes(gzip.compress(b" " * (65 << 20), compresslevel=9))
    record = path.with_name("generation.json")
    document = json.loads(record.read_text())
    document["contents_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    record.write_text(json.dumps(document))
    shutil.rmtree(path.parents[1] / "000003")
    ran = disconnected.mirror()
    assert ran.returncode == 3
    assert "more than any record" in ran.stderr
