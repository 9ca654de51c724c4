"""Images by digest beside their version: asked of a real registry, written, and told."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from steps.oci.access import Access
from steps.oci.reference import Reference
from tests.conftest import ROOT
from tests.testbed import registry as registries
from tests.testbed.registry import Registry

PARAMETERS = Path("steps/parameters/table/image_build.py")
OTHERS = re.compile(
    r'^(?:ARG BASE_IMAGE=| +default=")((?:registry|docker|quay)[^"\s]+/(?:ubi9|alpine|buildah)/[^"\s]+)', re.M
)
VERSION = re.compile(r":v?\d+(\.\d+)+(@sha256:[0-9a-f]{64})?")


def pushed(registry: Registry, image: str, text: str) -> str:
    """Push an image with a label; return the digest that the registry names."""
    name, _, tag = image.rpartition(":")
    with Access().open(name) as repository:
        repository.write_label(tag, "text", text)
    path = f"{registry.url}/v2/{name.partition('/')[2]}/manifests/{tag}"
    kind = "application/vnd.oci.image.manifest.v1+json"
    return requests.head(path, headers={"Accept": kind}, timeout=10).headers["Docker-Content-Digest"]


def copied(root: Path, registry: Registry) -> list[str]:
    """The two files with images of our registry in place of the public ones; return these."""
    images = []
    for file in (Path("Containerfile"), PARAMETERS):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        text = (ROOT / file).read_text()
        for public in OTHERS.findall(text):
            reference = Reference.parse(public)
            images.append(f"{registry.host}/{reference.repository}:{reference.tag}")
            text = text.replace(public, images[-1])
        (root / file).write_text(text)
    return images


def renew(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tekton" / "renew_images.py"), str(root)]
    environment = {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_digests_are_written_beside_versions_and_changes_are_told(tmp_path: Path) -> None:
    with registries.serving() as registry:
        images = copied(tmp_path, registry)
        assert len(images) == 3
        digests = [pushed(registry, image, "first") for image in images]
        done = renew(tmp_path)
        assert done.returncode == 0, done.stderr
        texts = "".join((tmp_path / file).read_text() for file in ("Containerfile", PARAMETERS))
        for image, digest in zip(images, digests, strict=True):
            assert f"{image} → {image}@{digest}\n" in done.stdout
            assert f"{image}@{digest}" in texts
        again = renew(tmp_path)
        assert again.stdout.count("is as it was") == 3
        moved = pushed(registry, images[0], "second")
        assert f"{images[0]}@{digests[0]} → {images[0]}@{moved}\n" in renew(tmp_path).stdout


def test_an_image_that_cannot_be_asked_for_stays_and_is_told(tmp_path: Path) -> None:
    with registries.serving() as registry:
        images = copied(tmp_path, registry)
        pushed(registry, images[0], "first")
        before = (tmp_path / PARAMETERS).read_text()
        done = renew(tmp_path)
    assert done.returncode == 1
    assert done.stderr.count(" stays: ") == 2
    assert f"{images[0]} → " in done.stdout
    assert (tmp_path / PARAMETERS).read_text() == before


@pytest.mark.parametrize("file", ["Containerfile", PARAMETERS])
def test_the_images_of_others_have_a_version(file: Path) -> None:
    text = (ROOT / file).read_text()
    assert OTHERS.findall(text)
    assert all(VERSION.search(image) for image in OTHERS.findall(text))
