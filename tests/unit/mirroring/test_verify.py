"""After a run the target is asked for every image, by digest; only then resources are published."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

import pytest

from steps.mirroring.checks.verify import absent
from steps.mirroring.ocmirror.mapping import expected
from steps.mirroring.store import Store
from steps.oci.access import Access
from steps.oci.reference import Reference
from tests.standin.oc_mirror import Image, Registry
from tests.unit.mirroring.conftest import REAL, standin_only
from tests.unit.mirroring.test_to_registry import carry

if TYPE_CHECKING:
    from tests.unit.mirroring.conftest import Place

HEX = "a" * 64
HOST = "registry.example.com:8443"
TARGET = f"{HOST}/mirror"


def digest_of(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


@pytest.mark.parametrize(
    ("line", "image"),
    [
        (
            f"docker://quay.io/ops/a@sha256:{HEX}=docker://{TARGET}/ops/a:sha256-{HEX}",
            Reference(HOST, "mirror/ops/a", f"sha256-{HEX}", f"sha256:{HEX}"),
        ),
        (
            f"docker://quay.io/team/app:v1=docker://{TARGET}/team/app:v1",
            Reference(HOST, "mirror/team/app", "v1", ""),
        ),
        (
            f"docker://localhost:55000/team/app:v1=docker://{TARGET}/team/app:v1",
            Reference(HOST, "mirror/team/app", "v1", digest_of("team/app v1")),
        ),
        (
            f"docker://localhost:55000/ops/a:sha256-{HEX}=docker://{TARGET}/ops/a:sha256-{HEX}",
            Reference(HOST, "mirror/ops/a", f"sha256-{HEX}", digest_of(f"ops/a sha256-{HEX}")),
        ),
        (
            f"docker://quay.io/a/b:v1@sha256:{HEX}=docker://{TARGET}/a/b@sha256:{HEX}",
            Reference(HOST, "mirror/a/b", "", f"sha256:{HEX}"),
        ),
        (
            f"oci:///data/catalog=docker://{TARGET}/mine/catalog:v1",
            Reference(HOST, "mirror/mine/catalog", "v1", ""),
        ),
    ],
)
def test_a_line_of_the_mapping_is_read(line: str, image: Reference) -> None:
    [found] = expected([line, "\n"], TARGET, lambda name, tag: digest_of(f"{name} {tag}"))
    assert (found.image, found.source) == (image, line.partition("=")[0])


@pytest.mark.parametrize(
    "line",
    [
        "docker://registry.redhat.io/redhat/index@sha256:0=docker://localhost:55000/redhat/index:v4.18",
        f"docker://quay.io/a:v1=docker://{TARGET}-2/a:v1",
        "",
        "nonsense",
    ],
)
def test_what_goes_elsewhere_is_not_expected(line: str) -> None:
    assert expected([line], TARGET) == []


@standin_only
@pytest.mark.parametrize("workflow", ["direct", "from_disk"])
def test_a_target_that_lost_what_oc_mirror_pushed_is_no_success(
    workflow: str, three: Place, direct: Place, disconnected: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN_PUSH", "none")
    place = direct
    if workflow == "from_disk":
        place = disconnected
        carry(three, disconnected, 1)
    ran = place.mirror()
    assert ran.returncode == 8
    assert "lacks 2 of 2 images although oc-mirror copied them" in ran.stderr
    assert "team/db:v1 (missing)" in ran.stderr
    assert not (place.data / "cluster-resources").exists()
    run = Store(place.data).runs.last()
    assert run is not None
    assert run.error == "not in the target"
    assert len(run.failed) == 2
    monkeypatch.delenv("STANDIN_PUSH")
    ran = place.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "has all 2 images" in ran.stderr
    assert list((place.data / "cluster-resources").iterdir())


def test_missing_and_changed_images_are_told_apart_over_many_repositories(target: str) -> None:
    host, _, path = target.partition("/")
    registry = Registry(host, verify=False)
    registry.check()
    images = [
        Image(f"origin/{number}", "additional", f"{path}/team/app-{number % 3}", f"v{number}")
        for number in range(12)
    ]
    for image in images:
        registry.push(image, image.repository)
    wanted = [Reference(host, image.repository, image.tag, image.manifest) for image in images]
    hidden = [
        Reference(host, image.repository, f"sha256-{image.manifest[7:]}", image.manifest) for image in images
    ]  # by digest, though the tag is not there
    wrong = Reference(host, images[0].repository, "v0", images[1].manifest)
    lost = Reference(host, f"{path}/team/none", "v1", "")
    gone = Reference(host, images[0].repository, "", f"sha256:{HEX}")
    found = absent(Access(), [*wanted, *hidden, wrong, lost, gone])
    assert found == {
        wrong.place: f"another: {images[0].manifest}",
        lost.place: "missing",
        gone.place: "missing",
    }


def test_a_graph_image_is_verified_without_being_made_again(direct: Place, target: str) -> None:
    text = direct.imageset.read_text().replace("mirror:\n", "mirror:\n  platform:\n    graph: true\n")
    direct.imageset.write_text(text)
    if not REAL:
        ran = direct.mirror()
        assert ran.returncode == 0, ran.stderr
        assert "has all 3 images" in ran.stderr


def test_autoshift_values_lie_beside_the_resources_and_not_among_them(direct: Place, target: str) -> None:
    assert direct.mirror("--resource-prefix=blue").returncode == 0
    names = {path.name for path in (direct.data / "cluster-resources").iterdir()}
    assert names <= {"idms.yaml", "itms.yaml"}
    assert "name: blue-itms-generic-0" in (direct.data / "cluster-resources" / "itms.yaml").read_text()
    assert f"host: {target.partition('/')[0]}" in (direct.data / "autoshift-disconnected.yaml").read_text()


def test_the_published_folder_survives_a_kill_between_its_renames(direct: Place) -> None:
    assert direct.mirror().returncode == 0
    store = Store(direct.data)
    [published] = store.published.all()
    before = published.files()
    for folder in (published.folder, store.published.copy):
        last, following = (folder.with_name(f".{folder.name}.{one}") for one in ("last", "next"))
        folder.rename(last)
        shutil.copytree(last, following)
        store.published.recover()
        assert not following.exists()
        assert not last.exists()
    assert published.files() == before
    assert store.published.copy_is_current()


def test_a_prefix_that_no_name_could_have_is_refused(direct: Place) -> None:
    ran = direct.mirror("--resource-prefix=Blue_")
    assert ran.returncode == 2
    assert "not a prefix" in ran.stderr
