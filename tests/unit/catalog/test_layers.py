"""Layers read from the topmost down come to the files that a container would see."""

from __future__ import annotations

import io
import tarfile
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.catalog.fbc import Query
from steps.catalog.layers import Search
from steps.catalog.packages import Catalog, from_json, to_json
from steps.errors import RegistryError
from tests.unit.catalog.index_images import as_json, layer, package

FOLDERS = ("a", "b")
FILES = [f"configs/{folder}/{name}.json" for folder in FOLDERS for name in ("x", "y")]
WHITEOUTS = [f"configs/.wh.{folder}" for folder in FOLDERS]
WHITEOUTS += [f"configs/{folder}/.wh.{name}.json" for folder in FOLDERS for name in ("x", "y")]
WHITEOUTS += [f"configs/{folder}/.wh..wh..opq" for folder in FOLDERS] + [".wh.configs"]
LAYERS = st.lists(st.sets(st.sampled_from([*FILES, *WHITEOUTS])), min_size=1, max_size=5)


def content(path: str, number: int) -> bytes:
    """Return a file with a package whose name is the path and whose channel is the layer."""
    if ".wh." in path:
        return b""
    return as_json(package(name(path), {f"layer-{number}": ["1.0.0"]}))


def name(path: str) -> str:
    return path.removesuffix(".json").replace("/", "-")


def seen(layers: list[set[str]]) -> dict[str, str]:
    """Return path and channel of each file that a container would see, worked out from the bottom up."""
    files: dict[str, str] = {}
    for number, paths in enumerate(layers):
        for path in paths:
            folder, _, last = path.rpartition("/")
            if last.startswith(".wh."):
                gone = (
                    folder if last == ".wh..wh..opq" else f"{folder}/{last.removeprefix('.wh.')}".lstrip("/")
                )
                files = {p: c for p, c in files.items() if p != gone and not p.startswith(f"{gone}/")}
        files |= {path: f"layer-{number}" for path in paths if ".wh." not in path}
    return files


@given(LAYERS)
def test_the_files_are_those_that_a_container_would_see(layers: list[set[str]]) -> None:
    search = Search("an image", "configs", Query(frozenset(map(name, FILES))))
    for number, paths in reversed(list(enumerate(layers))):
        search.read(io.BytesIO(layer({path: content(path, number) for path in sorted(paths)})))
    catalog = Catalog("an image", "sha256:0")
    search.add_to(catalog)
    found = {n: next(iter(p.channels)) for n, p in catalog.packages.items() if p}
    assert found == {name(path): channel for path, channel in seen(layers).items()}
    assert set(catalog.packages) == set(map(name, FILES))


@given(LAYERS)
def test_what_is_kept_is_what_was_read(layers: list[set[str]]) -> None:
    search = Search("an image", "configs", Query(frozenset(map(name, FILES)), frozenset({"g/v/K"})))
    search.read(io.BytesIO(layer({path: content(path, 0) for path in sorted(layers[0])})))
    catalog = Catalog("an image", "sha256:0")
    search.add_to(catalog)
    kept = to_json(catalog)
    assert from_json(kept, "an image", "sha256:0") == catalog
    assert from_json(kept, "an image", "sha256:1") is None


def header(kind: bytes, size: int, **pax: str) -> bytes:
    member = tarfile.TarInfo("configs/a/x.json")
    member.type, member.size, member.pax_headers = kind, size, pax
    return member.tobuf(tarfile.PAX_FORMAT if pax else tarfile.GNU_FORMAT)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, b"X"])
def test_an_extended_header_is_measured_before_it_is_read(kind: bytes) -> None:
    stream = io.BytesIO(header(kind, 32 << 20) + bytes(32 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(
            RegistryError, match="an image: a layer has an extended header of 33,554,432 bytes"
        ):
            Search("an image", "configs", Query(frozenset("a"))).read(stream)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "content",
    [
        header(tarfile.GNUTYPE_SPARSE, 0),
        header(tarfile.REGTYPE, 0, **{"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}),
        header(tarfile.REGTYPE, 0, **{"GNU.sparse.size": "9", "GNU.sparse.map": "0,9"}),
    ],
)
def test_a_sparse_file_is_refused(content: bytes) -> None:
    with pytest.raises(RegistryError, match="a layer has a sparse file"):
        Search("an image", "configs", Query(frozenset("a"))).read(io.BytesIO(content + bytes(10240)))
