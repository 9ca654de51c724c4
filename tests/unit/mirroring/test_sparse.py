"""Indexes of which only the asked platforms are mirrored: verified for what they are, refused in time."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator

import pytest
import requests

from steps.mirroring.checks import verify
from steps.mirroring.ocmirror.platforms import Platforms
from steps.mirroring.store import Store, contents
from steps.oci.access import Access
from steps.oci.reference import Reference
from tests.standin import manners
from tests.standin.moody import Moody
from tests.standin.oc_mirror import INDEX, MANIFEST, Image, Registry
from tests.testbed.registry import serving
from tests.unit.mirroring.conftest import REAL, Place

NAME = "team/multi:v1"


@pytest.fixture
def sparse(source: str) -> Iterator[str]:
    """An image of linux/amd64 and linux/arm64 in a registry; the stand-in makes it up."""
    if not REAL:
        yield f"{source}/{NAME}"
        return
    with serving() as found:
        registry = Registry(found.host, verify=False)
        registry.check()
        entries = []
        for architecture in ("amd64", "arm64"):
            image = Image(f"{found.host}/team/multi:{architecture}", "additional", "team/multi", architecture)
            registry.push(image, "team/multi")
            size = len(image.blobs[image.manifest])
            platform = {"os": "linux", "architecture": architecture}
            entries.append(
                {"mediaType": MANIFEST, "digest": image.manifest, "size": size, "platform": platform}
            )
        index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
        registry.call("PUT", "/v2/team/multi/manifests/v1", index, INDEX)
        yield f"{found.host}/{NAME}"


@pytest.fixture
def tolerant(moody_target: Moody) -> Moody:
    """A target that takes an index without its manifests."""
    moody_target.manners = [manners.takes_sparse()]
    return moody_target


def ask_for_one_platform(place: Place, image: str) -> None:
    platforms = "\n    platforms:\n    - os: linux\n      architecture: amd64"
    head = "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n"
    place.imageset.write_text(f"{head}  additionalImages:\n  - name: {image}{platforms}\n")


def test_a_target_that_refuses_a_sparse_index_is_noticed_before_anything_is_mirrored(
    direct: Place, sparse: str, target: str
) -> None:
    ask_for_one_platform(direct, sparse)
    ran = direct.mirror()
    assert ran.returncode == 6
    assert f"{target} refuses an index with platforms that are not there" in ran.stderr
    assert "running oc-mirror" not in ran.stderr


def test_a_sparse_index_is_verified_for_what_it_is(direct: Place, sparse: str, tolerant: Moody) -> None:
    ask_for_one_platform(direct, sparse)
    there = f"--target-registry={tolerant.host}/sparse-direct"
    ran = direct.mirror(there)
    assert ran.returncode == 0, ran.stderr
    assert "has all 1 images" in ran.stderr
    url = f"http://{tolerant.host}/v2/sparse-direct/team/multi/manifests"
    index = requests.get(f"{url}/v1", timeout=10).json()
    assert requests.delete(f"{url}/{index['manifests'][0]['digest']}", timeout=10).status_code == 202
    asked = Platforms({NAME: frozenset({"linux/amd64"})}, frozenset())
    image = Reference.parse(f"{tolerant.host}/sparse-direct/{NAME}")
    target = f"{tolerant.host}/sparse-direct"
    found = verify.without_platforms(Access(tls_verify=False), target, asked, [image])
    assert found == {f"sparse-direct/{NAME}": "without linux/amd64"}


def test_a_platform_is_missed_only_where_all_were_asked_for(
    direct: Place, sparse: str, tolerant: Moody
) -> None:
    """Of several mirror names the last word on the place counts, not that one of them asks for some."""
    ask_for_one_platform(direct, sparse)
    target = f"{tolerant.host}/sparse-look"
    there = f"--target-registry={target}"
    assert direct.mirror(there, "--mirror-name=some").returncode == 0
    assert direct.mirror("--workflow=workflow-verify-target", there).returncode == 0
    known = Store(direct.data).verified
    [record] = known.of(target)
    known.record(record.changed(mirror_name="whole", finished="9999-01-01T00:00:00Z"))
    ran = direct.mirror("--workflow=workflow-verify-target", there)
    assert ran.returncode == 18, ran.stderr
    assert f"{NAME} (lacks sha256:" in ran.stderr


def test_a_sparse_index_goes_to_disk_and_from_there(
    connected: Place, disconnected: Place, sparse: str, tolerant: Moody
) -> None:
    ask_for_one_platform(connected, sparse)
    assert connected.mirror().returncode == 0
    [folder] = connected.generations()
    path = folder / contents.INDEX
    found = contents.unpack(path.read_bytes(), path)
    assert found.complete
    assert [len(image.manifests) for image in found.images] == [1]
    shutil.copytree(folder.parent, disconnected.data / "generations")
    ran = disconnected.mirror()
    assert ran.returncode == 6
    assert "refuses an index with platforms" in ran.stderr
    ran = disconnected.mirror(f"--target-registry={tolerant.host}/sparse-from-disk")
    assert ran.returncode == 0, ran.stderr
    assert Store(disconnected.data).imports.of(f"{tolerant.host}/sparse-from-disk").newest == 1


def test_where_nothing_tells_which_platforms_are_asked_for_one_is_enough() -> None:
    found = Platforms(
        {"a:v1": frozenset({"linux/amd64", "linux/arm64"})}, frozenset({"linux/amd64", "linux/s390x"})
    )
    assert found.lack("a:v1", {"linux/amd64": True, "linux/arm64": False}) == "without linux/arm64"
    assert found.lack("a:v1", {"linux/amd64": True, "linux/arm64": True}) == ""
    assert found.lack("b:v1", {"linux/amd64": True, "linux/s390x": False}) == ""
    assert found.lack("b:v1", {"linux/amd64": False, "linux/arm64": True}) == "without linux/amd64"
    assert found.lack("b:v1", {"linux/arm64": False}) == ""
