"""workflow-verify-target: what a target has lost is named, and mirrored again without a whole run."""

from __future__ import annotations

import json
import re
import shutil
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from steps.mirroring import summary
from steps.mirroring.ocmirror.placement import Nesting
from steps.mirroring.store import Store
from steps.mirroring.store.verified import Look, VerifiedImage, VerifiedImages
from steps.mirroring.workflows.repair import alone
from steps.oci.access import Access
from tests.standin.manners import tells_no_sizes
from tests.unit.mirroring.conftest import serve_registry, standin_only
from tests.unit.mirroring.test_deletion import EXECUTE, GENERATE, approved
from tests.unit.mirroring.test_to_registry import carry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.standin.moody import Moody
    from tests.unit.mirroring.conftest import Place, Ran

ACCESS = Access(tls_verify=False)
HEX = "a" * 64
ART = f"quay.io/openshift-release-dev/ocp-v4.0-art-dev@sha256:{HEX}"


def verify(place: Place, *more: str) -> Ran:
    return type(place)(place.data, place.imageset, place.oc_mirror, place.host, place.arguments[1:]).mirror(
        "--verify-target", *more
    )


def lose(target: str, image: str) -> None:
    repository, _, tag = image.partition(":")
    with ACCESS.open(f"{target}/{repository}") as opened:
        assert opened.delete(opened.digest(tag))


def look(data: Path) -> dict[str, Any]:
    [path] = data.glob("verified/*/look.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_a_target_that_has_everything_is_said_to(direct: Place) -> None:
    assert direct.mirror().returncode == 0
    ran = verify(direct)
    assert ran.returncode == 0, ran.stderr
    assert "has all 2 images, with all layers of 2" in ran.stderr
    assert look(direct.data)["missing"] == {}


def test_nobody_is_told_that_all_is_there_before_a_run_has_recorded_it(direct: Place) -> None:
    ran = verify(direct)
    assert ran.returncode == 4
    assert "has recorded what" in ran.stderr


def test_a_target_is_needed(direct: Place) -> None:
    direct.arguments = ["--workflow=workflow-direct"]
    assert "verify-target needs a target-registry" in verify(direct).stderr


@pytest.mark.parametrize("workflow", ["direct", "from_disk"])
def test_a_lost_image_is_named_and_mirrored_again_alone(
    workflow: str,
    three: Place,
    direct: Place,
    disconnected: Place,
    target: str,
    has: Callable[[str, str], bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STANDIN_VERSION", "2.0.0")
    place = direct
    if workflow == "from_disk":
        place = disconnected
        carry(three, disconnected, 1)
    assert place.mirror().returncode == 0
    lose(target, "team/db:v1")
    ran = verify(place)
    assert ran.returncode == 18, ran.stderr
    assert f"{target} lacks 1 of 2 images that it had: team/db:v1 (missing)" in ran.stderr
    assert look(place.data)["missing"] == {"team/db:v1": "missing"}
    published = sorted((place.data / "cluster-resources").iterdir())
    before = [path.read_bytes() for path in published]
    ran = verify(place, "--repair=true")
    assert ran.returncode == 0, ran.stderr
    assert "mirrored again: 1" in ran.stderr
    assert "version metadata" not in ran.stderr
    assert "version mismatch" not in ran.stderr
    assert not re.search("copying .*team/app", ran.stderr), "an image that was there is mirrored again"
    assert has(target, "team/db:v1")
    assert [path.read_bytes() for path in published] == before
    assert look(place.data)["repaired"] == ["team/db:v1"]
    assert verify(place).returncode == 0


def test_an_image_in_another_place_than_its_own_is_put_back_there(
    direct: Place, target: str, has: Callable[[str, str], bool]
) -> None:
    """As the content of a release is: by its digest, in a repository and under a tag that are not its own."""
    text = direct.imageset.read_text()
    where = "team/db:v1\n    targetRepo: openshift/release\n    targetTag: 4.20.1-x86_64-etcd"
    direct.imageset.write_text(text.replace("team/db:v1", where))
    assert direct.mirror().returncode == 0
    lose(target, "openshift/release:4.20.1-x86_64-etcd")
    assert verify(direct, "--repair").returncode == 0
    assert has(target, "openshift/release:4.20.1-x86_64-etcd")
    assert not has(target, "team/db:v1")


def test_a_tag_that_somebody_moved_is_named_and_put_back(direct: Place, target: str) -> None:
    assert direct.mirror().returncode == 0
    with ACCESS.open(f"{target}/team/db") as opened:
        right = opened.digest("v1")
        opened.write_label("v1", "somebody", "else")
    ran = verify(direct)
    assert ran.returncode == 18
    assert "team/db:v1 (another: sha256:" in ran.stderr
    assert verify(direct, "--repair").returncode == 0
    with ACCESS.open(f"{target}/team/db") as opened:
        assert opened.digest("v1") == right


@standin_only
def test_a_tag_that_a_repair_did_not_put_back_is_still_named(
    direct: Place, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """oc-mirror's word is not taken for it, and somebody's image does not become the one that is expected."""
    assert direct.mirror().returncode == 0
    with ACCESS.open(f"{target}/team/db") as opened:
        opened.write_label("v1", "somebody", "else")
    before = Store(direct.data).verified.of(target)
    monkeypatch.setenv("STANDIN_PUSH", "none")
    ran = verify(direct, "--repair")
    assert ran.returncode == 18, ran.stderr
    assert "team/db:v1 (another: sha256:" in ran.stderr
    assert Store(direct.data).verified.of(target) == before


@standin_only
@pytest.mark.parametrize("source_has", ["it", "another", "nothing"])
def test_only_what_the_source_has_becomes_the_image_that_is_expected(
    source_has: str, direct: Place, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tag of the source may have moved on. Any other image may be of somebody who pushed meanwhile."""
    direct.host = target.partition("/")[0]
    image = f"source-{uuid.uuid4().hex}/db:v1"
    direct.names(image)
    assert direct.mirror().returncode == 0
    before = Store(direct.data).verified.of(target)
    monkeypatch.setenv("STANDIN_BYTES", "4096")
    if source_has == "it":  # pushed to the registry itself, an image comes to the place that its name says
        arguments = ["--workflow=workflow-direct", f"--target-registry={direct.host}"]
        upstream = type(direct)(tmp_path / "u", direct.imageset, direct.oc_mirror, direct.host, arguments)
        assert upstream.mirror().returncode == 0
    elif source_has == "another":
        with ACCESS.open(f"{direct.host}/{image.partition(':')[0]}") as opened:
            opened.write_label("v1", "somebody", "else")
    lose(target, image)
    ran = verify(direct, "--repair")
    if source_has == "it":
        assert ran.returncode == 0, ran.stderr
        assert "its tag in the source now leads to" in ran.stderr
        assert verify(direct).returncode == 0
    else:
        assert ran.returncode == 18, ran.stderr
        assert f"{image} (another: sha256:" in ran.stderr
        assert Store(direct.data).verified.of(target) == before
        assert [*look(direct.data)["missing"]] == [image]


@standin_only
def test_of_a_place_that_two_mirror_names_have_the_newer_image_is_put_back(
    direct: Place, target: str
) -> None:
    """The older one's image is not what was missed, whatever it is."""
    text = direct.imageset.read_text()
    where = "\n    targetRepo: own/place\n    targetTag: v1"
    for name, image in (("a-older", "team/app:v1"), ("b-newer", "team/db:v1")):
        other = {"team/app:v1": "team/db:v1", "team/db:v1": "team/app:v1"}[image]
        direct.imageset.write_text(text.replace(f"  - name: {direct.host}/{other}\n", "").rstrip() + where)
        assert direct.mirror(f"--mirror-name={name}").returncode == 0
    with ACCESS.open(f"{target}/own/place") as opened:
        right = opened.digest("v1")
    lose(target, "own/place:v1")
    assert verify(direct, "--repair").returncode == 0
    with ACCESS.open(f"{target}/own/place") as opened:
        assert opened.digest("v1") == right


@standin_only
def test_an_image_that_fails_leaves_the_others_repaired(
    direct: Place, target: str, has: Callable[[str, str], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, image in (("a", "team/app:v1"), ("b", "team/db:v1"), ("c", "team/more:v1")):
        direct.names(image)
        assert direct.mirror(f"--mirror-name={name}").returncode == 0
        lose(target, image)
    times = direct.data.parent / "times"
    times.write_text("1")
    monkeypatch.setenv("STANDIN_FAIL", "additional")
    monkeypatch.setenv("STANDIN_FAIL_TIMES", str(times))
    ran = verify(direct, "--repair")
    assert ran.returncode == 18, ran.stderr
    assert "1 of 1 additional images not mirrored: 127.0.0.1:5000/team/more:v1" in ran.stderr
    assert [*look(direct.data)["missing"]] == ["team/more:v1"], (
        "the last one verified was the first one tried"
    )
    assert look(direct.data)["repaired"] == ["team/app:v1", "team/db:v1"]
    assert [has(target, f"team/{name}:v1") for name in ("app", "db", "more")] == [True, True, False]


def test_a_lost_layer_is_found_and_brought_back(direct: Place, target: str, tmp_path: Path) -> None:
    assert direct.mirror().returncode == 0
    with ACCESS.open(f"{target}/team/db") as opened:
        parts = opened.parts(opened.digest("v1"))
        assert parts is not None
        lost = parts.blobs[-1]
        delete_blob(target, "team/db", lost.digest)
        assert opened.flaw(lost) == f"lacks {lost.digest}"
    assert verify(direct, "--verify-layers=none").returncode == 0
    ran = verify(direct, "--verify-layers=all")
    assert ran.returncode == 18
    assert f"team/db:v1 (lacks {lost.digest})" in ran.stderr
    ran = verify(direct, "--verify-layers=all", "--repair")
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("lost: ") == ran.stderr.count(f"lost: team/db:v1 (lacks {lost.digest})\n") == 1
    assert f"workflow-verify-target, data in {direct.data}" in ran.stderr
    with ACCESS.open(f"{target}/team/db") as opened:
        assert opened.flaw(lost) == ""


def test_a_layer_that_was_cut_short_is_found_and_its_file_has_to_go_first(
    direct: Place, tmp_path: Path
) -> None:
    with serve_registry(tmp_path / "registry") as host:
        direct.arguments = ["--workflow=workflow-direct", f"--target-registry={host}/mirror"]
        assert direct.mirror().returncode == 0
        with ACCESS.open(f"{host}/mirror/team/db") as opened:
            parts = opened.parts(opened.digest("v1"))
        assert parts
        layer = parts.blobs[-1]
        file = (
            tmp_path
            / "registry/docker/registry/v2/blobs"
            / layer.digest.replace("sha256:", f"sha256/{layer.digest[7:9]}/")
        )
        file /= "data"
        whole = file.read_bytes()
        file.write_bytes(whole[:100])
        what = f"team/db:v1 (damaged: 100 of {len(whole)} bytes of {layer.digest})"
        lose(f"{host}/mirror", "team/app:v1")
        ran = verify(direct, "--verify-layers=all", "--repair")
        assert ran.returncode == 18
        assert f"still lost: {what}\n" in ran.stderr
        assert "mirroring again: team/app:v1\n" in ran.stderr
        assert "hint: a registry takes no other copy of what it has: remove the damaged file" in ran.stderr
        assert file.read_bytes() == whole[:100]
        file.unlink()
        ran = verify(direct, "--verify-layers=all", "--repair")
        assert ran.returncode == 0, ran.stderr
        assert file.read_bytes() == whole


def test_a_registry_that_tells_no_size_of_a_layer_has_none_cut_short(
    direct: Place, moody_target: Moody
) -> None:
    """Some registries and proxies answer HEAD of a blob with a length of 0."""
    direct.arguments = [
        "--workflow=workflow-direct",
        f"--target-registry={moody_target.host}/mirror-{uuid.uuid4()}",
    ]
    assert direct.mirror().returncode == 0
    moody_target.manners.append(tells_no_sizes)
    ran = verify(direct, "--verify-layers=all")
    assert ran.returncode == 0, ran.stderr
    assert "with all layers of 2" in ran.stderr


def delete_blob(target: str, repository: str, digest: str) -> None:
    import requests

    host, _, path = target.partition("/")
    answer = requests.delete(f"http://{host}/v2/{path}/{repository}/blobs/{digest}", timeout=10)
    assert answer.status_code == 202


def test_what_the_last_run_did_not_name_is_not_missed(direct: Place, target: str) -> None:
    assert direct.mirror().returncode == 0
    direct.names("team/app:v1")
    assert direct.mirror().returncode == 0
    lose(target, "team/db:v1")
    assert verify(direct).returncode == 0


def test_what_was_deleted_by_a_plan_is_not_missed(direct: Place, target: str) -> None:
    """The mirror `retired` is given up: its image goes by the plan of an ImageSet that does not name it."""
    direct.names("team/db:v1")
    assert direct.mirror("--mirror-name=retired").returncode == 0
    direct.names("team/app:v1")
    assert direct.mirror("--mirror-name=kept").returncode == 0
    store = Store(direct.data)
    assert {record.mirror_name for record in store.verified.of(target)} == {"kept", "retired"}
    assert direct.mirror(GENERATE).returncode == 0
    assert direct.mirror(EXECUTE, approved(direct)).returncode == 0
    assert verify(direct).returncode == 0
    assert {image.place for record in store.verified.of(target) for image in record.images} == {"team/app:v1"}


def test_what_is_deleted_or_changed_does_not_make_others_found(tmp_path: Path) -> None:
    """What the last look has found missing still is, so that no run is left out as unchanged meanwhile."""
    known = Store(tmp_path).verified
    images = tuple(
        VerifiedImage(place=place, digest=f"sha256:{HEX}") for place in ("a:v1", "b:v1", "c:v1", "d:v1")
    )
    record = VerifiedImages(
        target="host/x", mirror_name="m", workflow="workflow-direct", finished="2026", images=images
    )
    known.record(record)
    known.looked(Look(target="host/x", finished="2026", missing={"a:v1": "missing", "b:v1": "missing"}))
    known.forget("host/x", lambda image: image.place in {"b:v1", "d:v1"})
    known.write(known.of("host/x")[0])
    found = known.last_look("host/x")
    assert found is not None
    assert found.missing == {"a:v1": "missing"}
    known.record(record)
    found = known.last_look("host/x")
    assert found is not None
    assert found.missing == {}


@standin_only
def test_what_a_run_has_verified_tells_a_reader_which_image_a_tag_led_to(direct: Place, target: str) -> None:
    """fleet-readiness compares it with what the tag leads to by then, of a release too."""
    channel = "mirror:\n  platform:\n    channels:\n    - name: stable-4.20\n      maxVersion: 4.20.1\n"
    direct.imageset.write_text(direct.imageset.read_text().replace("mirror:\n", channel))
    assert direct.mirror().returncode == 0
    [known] = summary.of_store(Store(direct.data)).targets
    there = {}
    for place, name in {
        "team/app:v1": f"{direct.host}/team/app:v1",
        "team/db:v1": f"{direct.host}/team/db:v1",
        "openshift/release-images:4.20.1-x86_64": "quay.io/openshift-release-dev/ocp-release:4.20.1-x86_64",
    }.items():
        repository, _, tag = place.partition(":")
        with ACCESS.open(f"{target}/{repository}") as opened:
            there[name] = opened.digest(tag)
    assert known.expected == there


@standin_only
def test_a_lost_catalog_makes_the_next_run_a_whole_one(
    direct: Place, target: str, has: Callable[[str, str], bool]
) -> None:
    text = direct.imageset.read_text().replace(
        "mirror:\n", "mirror:\n  operators:\n  - catalog: registry.example.com/redhat/index:v4.20\n"
    )
    direct.imageset.write_text(text)
    assert direct.mirror("--skip-unchanged").returncode == 0
    lose(target, "redhat/index:v4.20")
    ran = verify(direct, "--repair")
    assert ran.returncode == 18
    assert "redhat/index:v4.20 is brought back by a whole run only" in ran.stderr
    ran = direct.mirror("--skip-unchanged")
    assert ran.returncode == 0
    assert has(target, "redhat/index:v4.20")
    assert verify(direct).returncode == 0


def test_a_target_whose_images_were_lost_imports_its_newest_generation_again(
    three: Place, disconnected: Place, target: str, has: Callable[[str, str], bool]
) -> None:
    carry(three, disconnected, 1)
    assert disconnected.mirror().returncode == 0
    lose(target, "team/db:v1")
    assert verify(disconnected).returncode == 18
    ran = disconnected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "has lost 1 images: generation 1 is imported again" in ran.stderr
    assert has(target, "team/db:v1")
    assert "everything" in disconnected.mirror().stderr


def test_with_the_cache_lost_what_earlier_generations_brought_is_unpacked_again(
    three: Place, disconnected: Place, target: str, has: Callable[[str, str], bool]
) -> None:
    carry(three, disconnected, 1, 2, 3)
    assert disconnected.mirror().returncode == 0
    shutil.rmtree(disconnected.data / "cache")
    lose(target, "team/db:v1")
    ran = verify(disconnected, "--repair")
    assert ran.returncode == 18
    assert "1 of 1 additional images not mirrored: team/db:v1 (" in ran.stderr
    ran = disconnected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "the cache lacks what generation 1, 2 brought: unpacked again" in ran.stderr
    assert "generation 3 is imported again" in ran.stderr
    assert "team/app:v1" not in ran.stderr.partition("running oc-mirror")[2], (
        "what is imported stays as it is"
    )
    assert has(target, "team/db:v1")
    assert verify(disconnected).returncode == 0


def test_what_the_cache_has_no_more_is_brought_by_the_next_run(
    three: Place, disconnected: Place, target: str, has: Callable[[str, str], bool]
) -> None:
    carry(three, disconnected, 1)
    assert disconnected.mirror().returncode == 0
    shutil.rmtree(disconnected.data / "cache")
    lose(target, "team/db:v1")
    ran = verify(disconnected, "--repair")
    assert ran.returncode == 18, ran.stderr
    assert "the next run of the workflow that brought them mirrors them" in ran.stderr
    assert "bring the earlier generations" not in ran.stderr
    assert disconnected.mirror().returncode == 0
    assert has(target, "team/db:v1")


@pytest.mark.parametrize(
    ("source", "place", "room", "entry"),
    [
        ("quay.io/team/app:v1", "team/app:v1", 0, ("quay.io/team/app:v1", "", "")),
        (f"quay.io/ops/a@sha256:{HEX}", f"ops/a:sha256-{HEX}", 0, (f"quay.io/ops/a@sha256:{HEX}", "", "")),
        (ART, "openshift/release:4.18.1-x86_64-etcd", 0, (ART, "openshift/release", "4.18.1-x86_64-etcd")),
        (ART, "openshift-release:4.18.1-x86_64-etcd", 1, (ART, "openshift/release", "4.18.1-x86_64-etcd")),
        ("quay.io/team/app:v1", "own/place:v2", 0, ("quay.io/team/app:v1", "own/place", "v2")),
        ("quay.io/team/app:v1", "own/place:v1", 0, ("quay.io/team/app:v1", "own/place", "v1")),
        ("quay.io/team/app:v1", "team-app:v1", 1, ("quay.io/team/app:v1", "", "")),
        ("quay.io/team/app:v1", "own-place:v1", 1, None),
        ("localhost:55000/redhat/index:sha-of-filter", "redhat/index:v4.20", 0, None),
        ("oci:///data/catalog", "mine/catalog:v1", 0, None),
        ("", "openshift/graph-image:latest", 0, None),
    ],
)
def test_where_an_image_is_mirrored_again_in_a_direct_run(
    source: str, place: str, room: int, entry: tuple[str, str, str] | None
) -> None:
    image = VerifiedImage(
        place=place,
        digest=f"sha256:{HEX}",
        source=source and f"docker://{source}".replace("docker://oci", "oci"),
    )
    found = alone(image, workflow="workflow-direct", nesting=Nesting(room))
    assert (found and (found.name, found.target_repo, found.target_tag)) == entry


@pytest.mark.parametrize(
    ("source", "place", "name"),
    [
        (
            "openshift/release:4.18.1-x86_64-etcd",
            "openshift/release:4.18.1-x86_64-etcd",
            "cache.invalid/openshift/release:4.18.1-x86_64-etcd",
        ),
        ("redhat/index:other", "redhat/index:v4.20", None),
    ],
)
def test_where_an_image_is_mirrored_again_from_the_cache(source: str, place: str, name: str | None) -> None:
    image = VerifiedImage(place=place, digest=f"sha256:{HEX}", source=f"docker://localhost:55000/{source}")
    found = alone(image, workflow="workflow-from-disk", nesting=Nesting())
    assert (found and found.name) == name
