"""What a dry run says of sizes is what the run then does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from steps.mirroring.checks import estimate
from steps.mirroring.ocmirror.command import Options
from steps.mirroring.store import Store
from tests.standin.moody import Moody
from tests.standin.oc_mirror import Image, Registry
from tests.unit.mirroring.conftest import Place

SIZE = 700_000


@pytest.fixture
def upstream(_targets: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Moody]:
    """A source registry with images of 0.7 MB each, also for the stand-in, which makes up the same ones."""
    monkeypatch.setenv("STANDIN_BYTES", str(SIZE))
    with Moody(_targets) as registry:
        client = Registry(registry.host, verify=False)
        client.check()
        for name in ("app:v1", "app:v2", "db:v1"):
            repository, tag = f"team/{name.partition(':')[0]}", name.partition(":")[2]
            client.push(Image(f"{registry.host}/team/{name}", "additional", repository, tag), repository)
        yield registry


@pytest.fixture
def archiving(connected: Place, upstream: Moody) -> Place:
    connected.host = upstream.host
    connected.names("team/app:v1", "team/db:v1")
    return connected


def said(place: Place) -> str:
    ran = place.mirror("--dry-run=true")
    assert ran.returncode == 0, ran.stderr
    return ran.stderr.splitlines()[-1]


def test_what_is_to_be_fetched_and_archived(archiving: Place) -> None:
    assert "about 1.4 MB to fetch, 1.4 MB to archive" in said(archiving)
    assert "which is enough" in said(archiving)
    assert archiving.mirror().returncode == 0
    assert "about 0 B to fetch, 0 B to archive" in said(archiving)
    archiving.names("team/app:v2", "team/db:v1")
    assert "about 701 kB to fetch, 701 kB to archive" in said(archiving)


def test_a_full_archive_needs_no_fetching(archiving: Place) -> None:
    assert archiving.mirror().returncode == 0
    archiving.arguments.append("--incremental-mode=false")
    assert "about 0 B to fetch, 1.4 MB to archive" in said(archiving)


def test_a_volume_that_is_too_small_is_told(archiving: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        total, used, free = 10_000_000, 9_000_000, 1_000_000

    monkeypatch.setattr("steps.mirroring.checks.space.shutil.disk_usage", lambda _path: Full)
    assert "too little" in said(archiving)


def test_direct_tells_the_size_of_all(direct: Place, upstream: Moody) -> None:
    direct.host = upstream.host
    direct.names("team/app:v1", "team/db:v1")
    assert "about 1.4 MB in all, less what the target has" in said(direct)


def test_from_disk_tells_the_size_of_the_archives(three: Place, disconnected: Place) -> None:
    disconnected.data.mkdir(parents=True)
    (disconnected.data / "generations").symlink_to(three.data / "generations")
    assert re.search(r"\d+(\.\d)? [kM]B of archives to import", said(disconnected))


def test_what_no_manifest_tells_is_counted_not_guessed(
    archiving: Place, upstream: Moody, tmp_path: Path
) -> None:
    upstream.mood = lambda _method, path: 404 if "/db/" in path else None
    lines = [f"docker://{upstream.host}/team/{name}=docker://x/team/{name}" for name in ("app:v1", "db:v1")]
    lines.append("oci:///var/catalog=docker://x/catalog:v1")
    sizes = estimate.measure(Store(tmp_path), lines, Options(source_tls_verify=False).source)
    assert sizes.untold == 2
    assert SIZE < sum(sizes.blobs.values()) < SIZE + 10_000


def test_an_index_counts_with_all_its_platforms(upstream: Moody, tmp_path: Path) -> None:
    client = Registry(upstream.host, verify=False)
    client.check()
    images = [
        Image(f"{upstream.host}/team/multi:{one}", "additional", "team/multi", one) for one in ("a", "b")
    ]
    for image in images:
        client.push(image, "team/multi")
    kind = "application/vnd.oci.image.index.v1+json"
    entries = ",".join(
        f'{{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":{len(one.blobs[one.manifest])},'
        f'"digest":"{one.manifest}"}}'
        for one in images
    )
    index = f'{{"schemaVersion":2,"mediaType":"{kind}","manifests":[{entries}]}}'.encode()
    client.call("PUT", "/v2/team/multi/manifests/all", index, kind)
    line = f"docker://{upstream.host}/team/multi:all=docker://x/team/multi:all"
    sizes = estimate.measure(Store(tmp_path), [line], Options(source_tls_verify=False).source)
    blobs = {name: len(data) for image in images for name, data in image.blobs.items()}
    assert blobs.items() <= sizes.blobs.items()
    assert len(sizes.blobs) == len(blobs) + 1
