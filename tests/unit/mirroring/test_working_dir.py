"""oc-mirror's working directory between runs: no archive holds what neither its run nor a later one needs."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from steps.imageset.imageset import ImageSet
from steps.imageset.model import Mirror
from steps.mirroring.store import Store
from steps.mirroring.store.working_dir import Used
from tests.unit.mirroring.conftest import Place, standin_only

CLEANUP = "--workflow=workflow-cleanup"
HEAD = "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n"


def put(path: Path, size: int = 1000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)


def catalog(working_dir: Path, name: str, digest: str, *, age: int, filtered: str = "f" * 32) -> Path:
    """What oc-mirror leaves of a catalog, `age` seconds ago; all of it without `filtered`."""
    folder = working_dir / "operator-catalogs" / name / digest
    put(folder / "catalog-image/index.json")
    put(folder / "catalog-config/configs/alpha/catalog.json")
    if filtered:
        put(folder / "filtered-catalogs" / filtered / "digest")
        put(folder / "filtered-catalogs" / filtered / "catalog-config/alpha/catalog.json")
        put(folder / "filtered-catalogs" / filtered / "filtered-catalog-image/index.json")
    os.utime(folder, (1_800_000_000 - age, 1_800_000_000 - age))
    return folder


def imageset(*catalogs: str) -> ImageSet:
    lines = "".join(f"  - catalog: {name}\n    packages: [{{name: alpha}}]\n" for name in catalogs)
    return ImageSet.parse(f"{HEAD}  operators:\n{lines}".encode(), "imageset.yaml")


INDEX = "registry.example.com/redhat/redhat-operator-index"


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_of_a_catalog_that_was_used_the_part_stays_that_oc_mirror_reads_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folder = catalog(store.working_dir.path, "redhat-operator-index", "a" * 64, age=0)
    mirror = imageset(f"{INDEX}:v4.18").mirror
    store.working_dir.tidy("default", mirror, Used(catalogs=(f"redhat-operator-index/{'a' * 64}",)))
    assert files(folder) == [
        f"filtered-catalogs/{'f' * 32}/catalog-config/alpha/catalog.json",
        f"filtered-catalogs/{'f' * 32}/digest",
    ]


def test_a_catalog_that_is_taken_whole_stays_whole(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folder = catalog(store.working_dir.path, "redhat-operator-index", "a" * 64, age=0, filtered="")
    used = Used(catalogs=(f"redhat-operator-index/{'a' * 64}",))
    store.working_dir.tidy("default", imageset(f"{INDEX}:v4.18").mirror, used)
    assert files(folder) == ["catalog-config/configs/alpha/catalog.json", "catalog-image/index.json"]


def test_two_versions_of_one_index_stay_and_replaced_ones_go(tmp_path: Path) -> None:
    """Both lie under one name, and the one that does not change has the oldest folder."""
    store = Store(tmp_path)
    for digest, age in (("a", 300), ("b", 200), ("c", 100)):
        catalog(store.working_dir.path, "redhat-operator-index", digest * 64, age=age)
    used = Used(catalogs=tuple(f"redhat-operator-index/{digest * 64}" for digest in "ac"))
    mirror = imageset(f"{INDEX}:v4.18", f"{INDEX}:v4.20").mirror
    store.working_dir.tidy("default", mirror, used)
    names = {path.name[0] for path in (store.working_dir.path / "operator-catalogs").glob("*/*/")}
    assert names == {"a", "c"}
    store.working_dir.prepare(mirror)
    names = {path.name[0] for path in (store.working_dir.path / "operator-catalogs").glob("*/*/")}
    assert names == {"a", "c"}, "a run is prepared by what the last one used"


def test_what_another_mirror_uses_stays(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for digest in "ab":
        catalog(store.working_dir.path, "redhat-operator-index", digest * 64, age=0)
    mirror = imageset(f"{INDEX}:v4.18").mirror
    store.working_dir.tidy("one", mirror, Used(catalogs=(f"redhat-operator-index/{'a' * 64}",)))
    assert len(list((store.working_dir.path / "operator-catalogs").glob("*/*/"))) == 1
    catalog(store.working_dir.path, "redhat-operator-index", "b" * 64, age=0)
    store.working_dir.tidy("other", mirror, Used(catalogs=(f"redhat-operator-index/{'b' * 64}",)))
    assert len(list((store.working_dir.path / "operator-catalogs").glob("*/*/"))) == 2


def test_without_a_record_the_newest_catalogs_stay(tmp_path: Path) -> None:
    """As in a data directory of an earlier version."""
    store = Store(tmp_path)
    for digest, age in (("a", 300), ("b", 200), ("c", 100)):
        catalog(store.working_dir.path, "redhat-operator-index", digest * 64, age=age)
    catalog(store.working_dir.path, "dropped-index", "d" * 64, age=0)
    store.working_dir.prepare(imageset(f"{INDEX}:v4.18").mirror)
    assert [path.name[0] for path in (store.working_dir.path / "operator-catalogs").glob("*/*/")] == ["c"]


def test_logs_and_pinned_imagesets_are_set_aside_and_files_of_other_ports_go(tmp_path: Path) -> None:
    store = Store(tmp_path)
    working_dir = store.working_dir.path
    put(working_dir / "logs/registry-20261126_001202.log")
    put(working_dir / "isc_pinned_2026-11-26T00:12:03Z.yaml")
    put(working_dir / "disc_pinned_2026-11-26T00:12:03Z.yaml")
    put(working_dir / "containers/registries.d/localhost:24699.yaml")
    put(working_dir / "helm/charts/podinfo-6.0.0.tgz")
    put(working_dir / "signatures/4.18.1-sha256-abc")
    store.working_dir.prepare(Mirror())
    assert files(working_dir) == ["signatures/4.18.1-sha256-abc"]
    assert len(files(store.working_dir.logs)) == 3


def test_of_a_layout_only_what_its_index_leads_to_stays(tmp_path: Path) -> None:
    store = Store(tmp_path)
    layout = store.working_dir.path / "graph-preparation"
    manifest = {"layers": [{"digest": "sha256:11", "mediaType": "application/vnd.oci.image.layer.v1.tar"}]}
    index = {
        "manifests": [{"digest": "sha256:22", "mediaType": "application/vnd.oci.image.manifest.v1+json"}]
    }
    for name in ("11", "33"):
        put(layout / "blobs/sha256" / name)
    (layout / "blobs/sha256/22").write_text(json.dumps(manifest))
    (layout / "index.json").write_text(json.dumps(index))
    store.working_dir.prepare(Mirror())
    assert files(layout) == ["blobs/sha256/11", "blobs/sha256/22", "index.json"]
    (layout / "index.json").write_text("{")
    store.working_dir.prepare(Mirror())
    assert files(layout) == ["blobs/sha256/11", "blobs/sha256/22", "index.json"], "damaged: left alone"


def test_a_cleanup_removes_it_too_and_a_dry_run_only_counts(connected: Place) -> None:
    assert connected.mirror().returncode == 0
    working_dir = connected.data / "working-dir"
    folder = catalog(working_dir, "redhat-operator-index", "a" * 64, age=0)
    ran = connected.mirror(CLEANUP, "--dry-run=true")
    assert " B from oc-mirror's working directory" not in ran.stderr
    assert (folder / "catalog-image").is_dir()
    ran = connected.mirror(CLEANUP)
    assert ran.returncode == 0, ran.stderr
    assert not folder.exists(), "no run has used it"
    assert "0 B from oc-mirror's working directory" in connected.mirror(CLEANUP).stderr


def test_an_archive_has_no_history_but_the_one_that_it_continues(connected: Place) -> None:
    for version in ("v1", "v2", "v3"):
        connected.names(f"team/app:{version}")
        assert connected.mirror().returncode == 0
    with tarfile.open(connected.generations()[-1] / "mirror_000001.tar") as tar:
        names = [name for name in tar.getnames() if "/.history/" in name]
    assert len(names) == 1
    assert len(Store(connected.data).history.written()) == 3, "earlier ones serve since-date"


def test_nothing_new_makes_no_archive(connected: Place) -> None:
    assert connected.mirror().returncode == 0
    histories = connected.histories()
    ran = connected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "nothing is new since generation 1: no archive was made" in ran.stderr
    assert [path.name for path in connected.generations()] == ["000001"]
    assert connected.histories() == histories
    assert not list(connected.data.glob("mirror_*.tar"))
    assert not (connected.data / "quarantine").exists()


@standin_only
def test_nothing_new_of_a_fleet_makes_no_archive(connected: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Releases with their content, the graph, catalogs under names of their own: each in its own place."""
    mirror = """  platform:
    graph: true
    channels:
    - name: stable-4.18
      minVersion: 4.18.1
      maxVersion: 4.18.9
  operators:
  - catalog: registry.example.com/redhat/redhat-operator-index:v4.18
    packages:
    - name: alpha
  - catalog: registry.example.com/redhat/certified-operator-index:v4.18
    targetCatalog: ours/certified
    targetTag: "4.18"
    packages:
    - name: beta
"""
    connected.imageset.write_text(HEAD + mirror)
    assert connected.mirror().returncode == 0
    ran = connected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "nothing is new since generation 1: no archive was made" in ran.stderr
    monkeypatch.setenv("STANDIN_UPSTREAM", "2")
    assert connected.mirror().returncode == 0
    assert [path.name for path in connected.generations()] == ["000001", "000002"]


@pytest.mark.parametrize("argument", ["--always-archive=true", "--incremental-mode=false"])
def test_an_archive_that_is_asked_for_is_made(connected: Place, argument: str) -> None:
    assert connected.mirror().returncode == 0
    assert connected.mirror(argument).returncode == 0
    assert [path.name for path in connected.generations()] == ["000001", "000002"]


def test_an_imageset_that_names_less_makes_an_archive(connected: Place) -> None:
    """It brings no blob; but the other side has to learn what is needed now."""
    assert connected.mirror().returncode == 0
    connected.names("team/app:v1")
    assert connected.mirror().returncode == 0
    assert [path.name for path in connected.generations()] == ["000001", "000002"]
    assert connected.mirror().returncode == 0
    assert [path.name for path in connected.generations()] == ["000001", "000002"]


@standin_only
def test_ten_nights_make_archives_of_one_size(
    connected: Place, monkeypatch: pytest.MonkeyPatch, has: Callable[[str, str], bool]
) -> None:
    """One operator of two gets a new version every night; the catalog is a thousand times as large."""
    monkeypatch.setenv("STANDIN_CATALOG_BYTES", "200000")
    operators = "  - catalog: registry.example.com/redhat/redhat-operator-index:v4.18\n"
    operators += "    packages:\n    - name: alpha\n    - name: beta\n"
    connected.imageset.write_text(f"{HEAD}  operators:\n{operators}")
    sizes = []
    for night in range(1, 11):
        monkeypatch.setenv("STANDIN_UPSTREAM", str(night))
        assert connected.mirror().returncode == 0
        sizes.append((connected.generations()[-1] / "mirror_000001.tar").stat().st_size)
    assert max(sizes[1:]) <= sizes[0] * 1.05
