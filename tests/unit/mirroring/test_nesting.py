"""--max-nested-paths: where images go, and that every check, plan and record knows it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.imageset.imageset import ImageSet
from steps.mirroring.ocmirror.placement import Nesting, Rules
from steps.mirroring.store import Store
from tests.unit.mirroring.conftest import Place, real_only, standin_only

Has = Callable[[str, str], bool]
HEAD = "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n"
COMPONENT = st.from_regex(r"[a-z]{1,3}", fullmatch=True)


@given(
    st.lists(COMPONENT, min_size=1, max_size=3),
    st.lists(COMPONENT, min_size=1, max_size=6),
    st.integers(2, 8),
)
def test_a_place_is_joined_as_oc_mirror_joins_the_whole_path(
    target: list[str], path: list[str], limit: int
) -> None:
    whole = [*target[1:], *path]  # the first part of the target is its host
    if limit <= len(target) - 1:
        return
    joined = (
        "/".join([*whole[: limit - 1], "-".join(whole[limit - 1 :])])
        if len(whole) > limit
        else "/".join(whole)
    )
    below = Nesting.below("/".join(target), limit).join(f"{'/'.join(path)}:v1")
    assert "/".join([*target[1:], below]) == f"{joined}:v1"


def test_without_a_limit_a_path_stays() -> None:
    assert Nesting.below("r/a", None).join("a/b/c/d:v1") == "a/b/c/d:v1"


def test_releases_are_told_from_other_images_where_all_paths_are_joined() -> None:
    rules = Rules.of(
        ImageSet.parse(f"{HEAD}  platform:\n    channels:\n    - name: stable-4.18\n".encode(), "x").mirror,
        Nesting(1),
    )
    digest = "sha256:" + "a" * 64
    assert rules.places(f"quay.io/openshift-release-dev/ocp-release@{digest}", "")[1:] == (
        f"openshift/release-images@{digest}",
        f"openshift/release@{digest}",
    )
    assert rules.places(f"quay.io/team/app@{digest}", "") == (f"team/app:sha256-{'a' * 64}",)


def limited(place: Place, target: str) -> None:
    """Let `place` mirror to `target`, which has one path component, with two in all."""
    assert target.count("/") == 1
    place.arguments.append("--max-nested-paths=2")


def test_direct_is_verified_where_the_images_really_are(direct: Place, target: str, has: Has) -> None:
    limited(direct, target)
    ran = direct.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "has all 2 images" in ran.stderr
    assert has(target, "team-app:v1")
    assert not has(target, "team/app:v1")


@real_only
def test_an_unchanged_run_is_skipped_by_what_is_in_the_joined_places(direct: Place, target: str) -> None:
    limited(direct, target)
    assert direct.mirror("--skip-unchanged=true").returncode == 0
    ran = direct.mirror("--skip-unchanged=true")
    assert ran.returncode == 0, ran.stderr
    assert "running oc-mirror" not in ran.stderr


def test_from_disk_and_deletion_and_cleanup(
    connected: Place, disconnected: Place, target: str, has: Has
) -> None:
    limited(disconnected, target)
    for version in ("v1", "v2"):
        connected.names(f"team/app:{version}", "team/db:v1")
        assert connected.mirror().returncode == 0
        shutil.copytree(connected.data / "generations", disconnected.data / "generations", dirs_exist_ok=True)
        disconnected.names(f"team/app:{version}", "team/db:v1")
        ran = disconnected.mirror()
        assert ran.returncode == 0, ran.stderr
    assert has(target, "team-app:v1")
    ran = disconnected.mirror("--workflow=workflow-cleanup")
    assert ran.returncode == 0, ran.stderr
    cache = Store(disconnected.data).cache
    assert cache.tag("team/app", "v2"), "what the target has stays in the cache"
    assert not disconnected.mirror("--workflow=workflow-delete-generate").returncode
    plan = disconnected.data / "removal" / "plan.json"
    document = json.loads(plan.read_bytes())
    assert [one["repository"] for one in document["manifests"]] == ["team-app"]
    assert document["manifests"][0]["tags"] == ["v1"]
    approved = hashlib.sha256(plan.read_bytes()).hexdigest()
    ran = disconnected.mirror("--workflow=workflow-delete-execute", f"--approved-plan-sha256={approved}")
    assert ran.returncode == 0, ran.stderr
    assert not has(target, "team-app:v1")
    assert has(target, "team-app:v2")


@standin_only
def test_releases_are_deleted_from_joined_repositories(direct: Place, target: str, has: Has) -> None:
    limited(direct, target)
    for version in ("4.18.1", "4.18.2"):
        channel = f"    - name: stable-4.18\n      minVersion: {version}\n      maxVersion: {version}\n"
        direct.imageset.write_text(f"{HEAD}  platform:\n    channels:\n{channel}")
        ran = direct.mirror()
        assert ran.returncode == 0, ran.stderr
    assert has(target, "openshift-release-images:4.18.1-x86_64")
    assert not direct.mirror("--workflow=workflow-delete-generate").returncode
    document = json.loads((direct.data / "removal" / "plan.json").read_bytes())
    assert "openshift-release-images" in {one["repository"] for one in document["manifests"]}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--max-nested-paths=1"], "max-nested-paths"),
        (
            ["--max-nested-paths=2", "--target-registry=r.example.com/a/b"],
            "leaves no room below target-registry",
        ),
        (["--log-level=error"], "hides what was copied"),
    ],
)
def test_what_cannot_work_is_refused_before_the_run(
    direct: Place, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = direct.mirror(*arguments)
    assert ran.returncode == 2
    assert words in ran.stderr + capsys.readouterr().err
