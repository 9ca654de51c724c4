"""What a run has brought where, and with which versions."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from steps.errors import InvalidInputError
from steps.imageset.imageset import ImageSet
from steps.mirroring.ocmirror.output import Reading
from steps.mirroring.ocmirror.placement import CACHE, Rules
from steps.mirroring.store import Store, contents
from steps.mirroring.store.inventory import ARCHIVES, Inventory
from tests.unit.mirroring.conftest import REAL, Place, real_only

HEX = "b5dd8cbfeffdcf19ea20775eeee8fcf8fd925fe42778094d95657f67d088fd0c"
IMAGESET = b"""
kind: ImageSetConfiguration
mirror:
  operators:
  - catalog: registry.example.com/redhat/index:v4.18
  additionalImages:
  - name: quay.io/team/app:v1
  - name: quay.io/team/db@sha256:%s
    targetRepo: else/where
    targetTag: x1
""" % HEX.encode()
MIRROR = ImageSet.recorded(IMAGESET, "imageset.yaml").mirror


@pytest.mark.parametrize(
    ("origin", "namespace", "places"),
    [
        ("quay.io/team/app:v1", "team", ["team/app:v1"]),
        (f"quay.io/team/db@sha256:{HEX}", "else", ["else/where:x1"]),
        (f"docker://r.example.com:5000/ops/alpha@sha256:{HEX}", "ops", [f"ops/alpha:sha256-{HEX}"]),
        (f"r.example.com/ops/alpha:v1@sha256:{HEX}", "ops", ["ops/alpha:v1"]),
        ("docker://quay.io/ops/alpha:v1", "somewhere/else", []),
        ("docker://registry.example.com/redhat/index:v4.17", "redhat", []),
        ("docker://localhost:55000/openshift/graph-image:latest", "openshift", []),
        (
            "quay.io/openshift-release-dev/ocp-release:4.18.1-x86_64",
            "openshift",
            ["openshift/release-images:4.18.1-x86_64"],
        ),
        (
            f"quay.io/openshift-release-dev/ocp-v4.0-art-dev@sha256:{HEX}",
            "openshift",
            [f"openshift/release-images@sha256:{HEX}", f"openshift/release@sha256:{HEX}"],
        ),
    ],
)
def test_an_image_is_placed_by_the_rules_of_oc_mirror(origin: str, namespace: str, places: list[str]) -> None:
    assert list(Rules.of(MIRROR).places(origin, namespace)) == places


def test_where_oc_mirror_says_only_cache_a_release_is_looked_for_in_all_its_places() -> None:
    places = Rules.of(MIRROR).places("quay.io/openshift-release-dev/ocp-release:4.18.1-x86_64", CACHE)
    assert "openshift/release-images:4.18.1-x86_64" in places


def test_a_direct_run_is_recorded_with_the_place_of_every_image(direct: Place, target: str) -> None:
    assert direct.mirror().returncode == 0
    [entry] = Store(direct.data).inventory.of(target)
    assert entry.complete
    assert {place for image in entry.images for place in image.places} == {"team/app:v1", "team/db:v1"}
    assert {image.kind for image in entry.images} == {"additional"}


@real_only
def test_the_places_are_those_that_oc_mirror_itself_would_delete(direct: Place, target: str) -> None:
    direct.names("team/app:v1", "team/db:v1\n    targetRepo: else/where\n    targetTag: x1")
    assert direct.mirror().returncode == 0
    [entry] = Store(direct.data).inventory.of(target)
    config = direct.imageset.with_name("disc.yaml")
    text = direct.imageset.read_text()
    config.write_text(text.replace("ImageSetConf", "DeleteImageSetConf").replace("mirror:\n", "delete:\n"))
    folder = direct.data / "asked"
    command = [
        REAL,
        "delete",
        "--v2",
        "--generate",
        f"--config={config}",
        f"--workspace=file://{folder}",
    ]
    command += [f"--cache-dir={direct.data / 'cache'}", "--port=55123", f"docker://{target}"]
    subprocess.run([*command, "--dest-tls-verify=false"], check=True, capture_output=True)
    listed = yaml.safe_load((folder / "working-dir/delete/delete-images.yaml").read_text())["items"]
    assert {one["imageReference"] for one in listed} == {
        f"docker://{target}/{place}" for place in entry.places
    }


def test_an_image_of_an_earlier_generation_is_recorded_as_such(
    three: Place, disconnected: Place, target: str
) -> None:
    for number in ("000001", "000002", "000003"):
        source = three.data / "generations" / number
        destination = disconnected.data / "generations" / number
        destination.parent.mkdir(parents=True, exist_ok=True)
        destination.symlink_to(source)
    assert disconnected.mirror().returncode == 0
    [entry] = Store(disconnected.data).inventory.of(target)
    assert [image.places for image in entry.images] == [("team/app:v3",), ("team/db:v1",)]
    assert {image.places for image in entry.earlier} == {("team/app:v1",), ("team/app:v2",)}
    assert entry.generations == (1, 2, 3)


def test_a_record_that_is_none_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = store.inventory.folder("r.example.com") / "x.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    with pytest.raises(InvalidInputError, match=r"x\.json is not a record of a run"):
        store.inventory.of("r.example.com")


def test_a_generation_lists_releases_and_bundles_with_their_versions(tmp_path: Path) -> None:
    release, bundle = (
        "quay.io/openshift-release-dev/ocp-release:4.18.1-x86_64",
        f"r.example.com/o/b@sha256:{HEX}",
    )
    catalog = f"docker://registry.example.com/redhat/index@sha256:{'1' * 64}"
    reading = Reading()
    for origin in (release, f"docker://{bundle}", catalog, "quay.io/team/app:v1"):
        reading.feed(f"2026/11/23 11:28:37 [INFO] : Success copying {origin} ➡️ cache")
    folder = tmp_path / "operator-catalogs/index" / ("1" * 64) / "filtered-catalogs/f/catalog-config/alpha"
    folder.mkdir(parents=True)
    properties = [{"type": "olm.package", "value": {"packageName": "alpha", "version": "1.1.0"}}]
    documents = [
        {
            "schema": "olm.channel",
            "package": "alpha",
            "name": "stable",
            "entries": [{"name": "alpha.v1.1.0"}],
        },
        {
            "schema": "olm.bundle",
            "package": "alpha",
            "name": "alpha.v1.1.0",
            "image": bundle,
            "properties": properties,
        },
        {
            "schema": "olm.bundle",
            "package": "alpha",
            "name": "alpha.v1.0.0",
            "image": "r.example.com/not:this",
        },
    ]
    (folder / "catalog.json").write_text("\n".join(json.dumps(one, indent=1) for one in documents))
    found = contents.describe(reading, MIRROR, tmp_path)
    assert found["releases"] == ["4.18.1"]
    assert found["operators"] == [
        {"package": "alpha", "channel": "stable", "version": "1.1.0", "bundle": "alpha.v1.1.0"}
    ]
    assert found["additional"] == ["quay.io/team/app:v1"]


def test_a_bundle_is_in_the_channels_of_the_catalog_that_was_read(tmp_path: Path) -> None:
    """That of the run before lies beside it until the run has ended."""
    bundle = f"r.example.com/o/b@sha256:{HEX}"
    reading = Reading()
    for origin in (f"docker://{bundle}", "docker://registry.example.com/redhat/index:v4.18"):
        reading.feed(f"2026/11/23 11:28:37 [INFO] : Success copying {origin} ➡️ cache")
    for digest, channel in (("1" * 64, "stable-1"), ("2" * 64, "stable-2")):
        folder = tmp_path / f"operator-catalogs/index/{digest}/filtered-catalogs/f/catalog-config/alpha"
        folder.mkdir(parents=True)
        documents = [
            {"schema": "olm.channel", "package": "alpha", "name": channel, "entries": [{"name": "alpha.v1"}]},
            {
                "schema": "olm.bundle",
                "package": "alpha",
                "name": "alpha.v1",
                "image": bundle,
                "properties": [],
            },
        ]
        (folder / "catalog.json").write_text("\n".join(map(json.dumps, documents)))

    def channels(*used: str) -> list[str]:
        found = contents.describe(reading, MIRROR, tmp_path, catalogs=used)
        return [one["channel"] for one in found["operators"]]

    assert channels(f"index/{'2' * 64}") == ["stable-2"]
    assert channels(f"index/{'3' * 64}") == ["stable-1", "stable-2"], "where it is not known which was read"
    assert channels() == ["stable-1", "stable-2"]


def test_what_cannot_be_read_of_a_catalog_costs_the_run_nothing(tmp_path: Path) -> None:
    reading = Reading()
    reading.feed("x Success copying docker://registry.example.com/redhat/index:v4.18 ➡️ cache")
    folder = tmp_path / "operator-catalogs/index/1/filtered-catalogs/f/catalog-config/alpha"
    folder.mkdir(parents=True)
    (folder / "catalog.json").write_text('{"schema": ["cut')
    assert contents.describe(reading, MIRROR, tmp_path)["operators"] == []


def test_a_generation_has_its_record_whenever_the_run_was_ended(
    connected: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ended where the record is written; the next run would complete the generation without it."""
    assert connected.mirror().returncode == 0
    connected.names("team/app:v2", "team/db:v1")

    def end(*_arguments: object, **_more: object) -> None:
        raise SystemExit(143)

    with monkeypatch.context() as ended:
        ended.setattr(Inventory, "add", end)
        with pytest.raises(SystemExit):
            connected.mirror()
    assert connected.mirror().returncode == 0
    store = Store(connected.data)
    assert list(store.generations.present()) == [1, 2]
    brought = {image.origin for entry in store.inventory.of(ARCHIVES) for image in entry.images}
    assert f"{connected.host}/team/app:v2" in brought
