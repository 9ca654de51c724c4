"""Archives that somebody changed on their way, with the hash in the record corrected: none is used."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from steps.errors import InvalidInputError
from steps.mirroring.store.archives import check_members

if TYPE_CHECKING:
    from tests.unit.mirroring.conftest import Place

IDMS = b"""\
apiVersion: config.openshift.io/v1
kind: ImageDigestMirrorSet
metadata: {name: idms-release-0}
spec:
  imageDigestMirrors:
  - source: quay.io/openshift-release-dev/ocp-release
    mirrors: [evil.example.com/ocp-release]
"""


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.size, found.type, found.linkname = len(content), kind, link
    return found


def file(name: str, content: bytes = IDMS) -> Callable[[tarfile.TarFile], None]:
    return lambda tar: tar.addfile(member(name, content), io.BytesIO(content))


def special(name: str, kind: bytes, link: str = "") -> Callable[[tarfile.TarFile], None]:
    return lambda tar: tar.addfile(member(name, kind=kind, link=link))


PLANTED = {
    "resources": file("working-dir/cluster-resources/idms-oc-mirror.yaml"),
    "resources by another way": file("./working-dir/cluster-resources/x.yaml"),
    "a mapping": file("working-dir/dry-run/mapping.txt"),
    "a way out": file("working-dir/../../../x"),
    "an absolute path": file("/etc/cron.d/x"),
    "a folder of its own": file("targets/x/cluster-resources/idms.yaml"),
    "a symbolic link": special("working-dir/operator-catalogs", tarfile.SYMTYPE, "/etc"),
    "a hard link": special("working-dir/x", tarfile.LNKTYPE, "docker/x"),
    "a device": special("working-dir/x", tarfile.CHRTYPE),
    "a pipe": special("docker/x", tarfile.FIFOTYPE),
}


def plant(place: Place, change: Callable[[tarfile.TarFile], None]) -> None:
    """Add a member to the first archive, and correct its size and hash in the record."""
    (archive,) = (place.data / "generations/000001").glob("*.tar")
    with tarfile.open(archive, "a") as tar:
        change(tar)
    record = archive.with_name("generation.json")
    document = json.loads(record.read_text())
    content = archive.read_bytes()
    document["files"][0] |= {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    record.write_text(json.dumps(document))


@pytest.mark.parametrize("planted", PLANTED)
def test_a_member_that_no_archive_brings_is_refused_before_anything_is_unpacked(
    three: Place, disconnected: Place, planted: str, has: Callable[[str, str], bool], target: str
) -> None:
    shutil.copytree(three.data / "generations/000001", disconnected.data / "generations/000001")
    plant(disconnected, PLANTED[planted])
    ran = disconnected.mirror()
    assert ran.returncode == InvalidInputError.exit_code, ran.stderr
    assert "mirror_000001.tar holds" in ran.stderr
    assert "somebody has changed it" in ran.stderr
    assert not has(target, "team/app:v1")
    assert not (disconnected.data / "cluster-resources").exists()
    assert not (disconnected.data / "targets").exists()


def test_an_archive_as_oc_mirror_makes_it_is_accepted(three: Place) -> None:
    for archive in (three.data / "generations").glob("*/*.tar"):
        check_members(archive)


def test_a_header_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    """A pax header of half a gigabyte, of which only the first block is there."""
    header = bytearray(tarfile.TarInfo("pax").tobuf(tarfile.USTAR_FORMAT))
    header[124:136] = b"%011o\0" % (500 << 20)
    header[156:157] = b"x"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    path = tmp_path / "mirror_000001.tar"
    path.write_bytes(bytes(header) + b"\0" * 10240)
    with pytest.raises(InvalidInputError, match="a header of 524,288,000 bytes"):
        check_members(path)


@pytest.mark.parametrize("size", [-1, 1 << 80])
def test_a_size_that_no_file_has_is_refused(tmp_path: Path, size: int) -> None:
    header = bytearray(tarfile.TarInfo("docker/x").tobuf(tarfile.USTAR_FORMAT))
    header[124:136] = b"\xff" * 12 if size < 0 else b"\x80" + struct.pack(">11s", size.to_bytes(11, "big"))
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    path = tmp_path / "mirror_000001.tar"
    path.write_bytes(bytes(header) + b"\0" * 10240)
    with pytest.raises(InvalidInputError):
        check_members(path)


def test_the_size_of_a_large_file_stands_in_its_extended_header(tmp_path: Path) -> None:
    """Beyond 8 GiB Go writes it there alone, and 0 into the header of the file (archive/tar, PAX)."""
    content = b"no header of a tar file, but a layer" * 100
    large = tarfile.TarInfo("docker/x")
    extended = large._create_pax_generic_header({"size": str(len(content))}, tarfile.XHDTYPE, "utf-8")  # type: ignore[attr-defined]
    padding = b"\0" * (-len(content) % tarfile.BLOCKSIZE)
    path = tmp_path / "mirror_000001.tar"
    path.write_bytes(extended + large.tobuf(tarfile.USTAR_FORMAT) + content + padding + b"\0" * 1024)
    check_members(path)


def test_a_sparse_file_is_refused(tmp_path: Path) -> None:
    """A few bytes that would be written as many."""
    path = tmp_path / "mirror_000001.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        one = member("docker/x", b"0\n")
        one.pax_headers = {
            "GNU.sparse.major": "1",
            "GNU.sparse.minor": "0",
            "GNU.sparse.name": "docker/x",
            "GNU.sparse.realsize": str(300 << 20),
        }
        tar.addfile(one, io.BytesIO(b"0\n"))
    with pytest.raises(InvalidInputError, match="something other than a file"):
        check_members(path)


@pytest.mark.parametrize("content", [b"", b"no tar", b"\xff" * 2048])
def test_what_is_no_tar_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mirror_000001.tar"
    path.write_bytes(content)
    with pytest.raises(InvalidInputError):
        check_members(path)
