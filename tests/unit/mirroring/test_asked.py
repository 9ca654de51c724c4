"""What the ImageSet asks for and nothing was mirrored for fails the run, before anything is made of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from steps.errors import NotMirroredError
from steps.imageset.imageset import ImageSet
from steps.mirroring.checks import asked
from steps.mirroring.ocmirror.output import Reading
from tests.standin.oc_mirror import Image
from tests.standin.oc_mirror import Registry as Pusher
from tests.testbed.registry import Registry, serving
from tests.unit.catalog.index_images import catalog, package, push
from tests.unit.mirroring.conftest import REAL, Place

PACKAGES = {
    "quay-operator": {"stable-3.10": ["3.10.1", "3.10.0"], "stable-3.9": ["3.9.1", "3.9.0-7.1"]},
    "odf-operator": {"stable-4.18": ["4.18.0"]},
}


@pytest.fixture
def catalogs(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A catalog by its tag: the real program reads it, the stand-in makes it up."""
    monkeypatch.setenv("STANDIN_CATALOG", json.dumps(PACKAGES))
    if not REAL:
        yield "127.0.0.1:5000/redhat/index:v4.18"
        return
    with serving() as registry:
        yield publish(registry)


def publish(registry: Registry) -> str:
    pusher = Pusher(registry.host, verify=False)
    pusher.check()
    found = []
    for name, channels in PACKAGES.items():
        bundle = f"{registry.host}/{name}/{name}-bundle:v1"
        pusher.push(Image(bundle, "operator", f"{name}/{name}-bundle", "v1"), f"{name}/{name}-bundle")
        documents = package(name, channels)
        for document in documents:
            if document["schema"] == "olm.bundle":
                document |= {"image": bundle, "relatedImages": [{"name": "bundle", "image": bundle}]}
            for entry, older in zip(
                document.get("entries", []), document.get("entries", [])[1:], strict=False
            ):
                entry["replaces"] = older["name"]
        found.append(documents)
    push(registry, "redhat/index:v4.18", [catalog(*found)], multi=False)
    return f"{registry.host}/redhat/index:v4.18"


def write(place: Place, index: str, *packages: dict[str, Any]) -> None:
    operator = {"catalog": index, **({"packages": list(packages)} if packages else {})}
    document = {
        "kind": "ImageSetConfiguration",
        "apiVersion": "mirror.openshift.io/v2alpha1",
        "mirror": {"operators": [operator]},
    }
    place.imageset.write_text(yaml.safe_dump(document, sort_keys=False))


QUAY: dict[str, Any] = {"name": "quay-operator"}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a package": ({"name": "odf-opperator"}, "has no package odf-opperator; the nearest: odf-operator"),
    "a channel": (
        {"name": "quay-operator", "channels": [{"name": "stable-3.10"}, {"name": "stable-3.99"}]},
        "has no channel stable-3.99; the nearest: stable-3.9",
    ),
    "a range in a channel": (
        {
            "name": "quay-operator",
            "channels": [{"name": "stable-3.10"}, {"name": "stable-3.9", "minVersion": "3.9.5"}],
        },
        "has no version from 3.9.5 in channel stable-3.9 (it has 3.9.1, 3.9.0-7.1)",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_the_catalog_does_not_have_fails_before_there_is_a_generation(
    connected: Place, catalogs: str, kind: str
) -> None:
    wrong, reason = WRONG[kind]
    write(connected, catalogs, *([QUAY] if wrong["name"] != QUAY["name"] else []), wrong)
    ran = connected.mirror()
    assert ran.returncode == 12
    assert reason in ran.stderr
    assert catalogs in ran.stderr
    assert not connected.generations()
    assert not connected.histories()
    assert not list(connected.data.glob("mirror_*.tar"))
    write(connected, catalogs, QUAY)
    assert connected.mirror().returncode == 0


def test_what_the_catalog_does_not_have_fails_before_resources_are_published(
    direct: Place, catalogs: str
) -> None:
    write(direct, catalogs, QUAY, {"name": "nothing-like-it"})
    ran = direct.mirror()
    assert ran.returncode == 12
    assert "has no package nothing-like-it" in ran.stderr
    assert not (direct.data / "cluster-resources").exists()


def test_what_is_left_open_is_not_asked_for(connected: Place, catalogs: str) -> None:
    write(connected, catalogs)
    assert connected.mirror().returncode == 0


@pytest.mark.parametrize(
    ("limits", "fails"),
    [
        ({"minVersion": "3.9.0", "maxVersion": "3.9.0"}, True),  # 3.9.0-7.1 is before it
        ({"minVersion": "3.9.0-0", "maxVersion": "3.9.0"}, True),
        ({"minVersion": "3.9.0-0", "maxVersion": "3.9.0-9"}, False),
        ({"minVersion": "3.9.1", "maxVersion": "3.9.1"}, False),
        ({"maxVersion": "3.9.5"}, False),
        ({"maxVersion": "3.8.9"}, True),
        ({"minVersion": "3.10.0"}, True),
        ({}, False),
    ],
)
def test_ranges_are_those_of_oc_mirror(tmp_path: Path, limits: dict[str, str], fails: bool) -> None:
    for name, channels in PACKAGES.items():
        path = tmp_path / f"operator-catalogs/index/abc/catalog-config/configs/{name}/catalog.json"
        path.parent.mkdir(parents=True)
        path.write_text("\n".join(map(json.dumps, package(name, channels))))
    wanted = _operator({"name": "quay-operator", "channels": [{"name": "stable-3.9", **limits}]})
    assert complains(tmp_path, operators=[wanted]) is fails
    elsewhere = _operator({"name": "quay-operator", "minVersion": "9.0.0"})
    assert complains(tmp_path, operators=[elsewhere])
    assert not complains(tmp_path, operators=[{**elsewhere, "catalog": "quay.io/other/catalog:v1"}])


def _operator(*packages: dict[str, Any]) -> dict[str, Any]:
    return {"catalog": "quay.io/redhat/index:v1", "packages": list(packages)}


def test_images_charts_and_channels_are_asked_for_too(tmp_path: Path) -> None:
    images = [{"name": "quay.io/a/b:v1"}, {"name": "docker://quay.io/c/d:v1"}]
    charts = [{"name": "r", "url": "https://charts", "charts": [{"name": "app"}]}]
    said = ["quay.io/a/b:v1", "docker://quay.io/c/d:v1"]
    assert not complains(tmp_path, said, additionalImages=images)
    assert complains(tmp_path, said[:1], additionalImages=images)
    blocked = {"additionalImages": images, "blockedImages": [{"name": "quay.io/c/.*"}]}
    assert not complains(tmp_path, said[:1], **blocked)
    assert complains(tmp_path, helm={"repositories": charts})
    (tmp_path / "helm/charts").mkdir(parents=True)
    (tmp_path / "helm/charts/app-1.2.3.tgz").touch()
    assert not complains(tmp_path, helm={"repositories": charts})
    both = {"channels": [{"name": "stable-4.18"}, {"name": "stable-4.19"}]}
    release = "quay.io/openshift-release-dev/ocp-release:4.18.1-x86_64"
    assert complains(tmp_path, [release], platform=both)
    assert not complains(tmp_path, [release], platform={"channels": both["channels"][:1]})
    assert complains(tmp_path, platform=both)


def complains(working_dir: Path, copied: list[str] | None = None, **mirror: Any) -> bool:
    document = {
        "kind": "ImageSetConfiguration",
        "apiVersion": "mirror.openshift.io/v2alpha1",
        "mirror": mirror,
    }
    imageset = ImageSet.parse(yaml.safe_dump(document).encode(), "imageset.yaml")
    reading = Reading()
    for origin in copied or []:
        reading.feed(f"2026/11/23 11:28:37 [INFO] : Success copying {origin} ➡️ cache")
    if any("ocp-release" in origin for origin in copied or []):
        reading.feed(" ✓  1 / 1 release images mirrored successfully")
    try:
        asked.check(reading, imageset.mirror, working_dir)
    except NotMirroredError:
        return True
    return False
