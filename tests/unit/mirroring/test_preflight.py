"""What is looked at before a run: the pull secret, the target, the volume."""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from steps.errors import InvalidInputError
from steps.imageset.imageset import ImageSet
from steps.imageset.model import Mirror
from steps.mirroring.checks import preflight, space
from steps.mirroring.ocmirror import placement
from tests.standin.moody import Mood, Moody
from tests.unit.mirroring.conftest import Place, standin_only
from tests.unit.oci.silent import Silent

pytestmark = pytest.mark.usefixtures("without_waiting")
LOGIN = {"auth": "dXNlcjpwYXNz"}
CATALOG = "registry.redhat.io/redhat/redhat-operator-index:v4.18"


def imageset(*images: str, catalog: str = "", channel: str = "") -> Mirror:
    lines = ["kind: ImageSetConfiguration", "apiVersion: mirror.openshift.io/v2alpha1", "mirror:"]
    if channel:
        lines += ["  platform:", "    channels:", f"    - name: {channel}"]
    if catalog:
        lines += ["  operators:", f"  - catalog: {catalog}"]
    lines += ["  additionalImages:", *(f"  - name: {image}" for image in images)]
    return ImageSet.recorded("\n".join(lines).encode(), "imageset.yaml").mirror


@pytest.mark.parametrize(
    "key", ["registry.redhat.io", "registry.redhat.io/redhat", "https://registry.redhat.io/v1/"]
)
def test_a_login_counts_for_all_that_lies_below_it(tmp_path: Path, key: str) -> None:
    secret = tmp_path / "auth.json"
    secret.write_text(json.dumps({"auths": {key: LOGIN}}))
    preflight.check_coverage(secret, imageset(catalog=CATALOG))


@pytest.mark.parametrize(
    "auths", [{}, {"registry.redhat.io/other": LOGIN}, {"registry.redhat.io": {}}, {"redhat.io": LOGIN}]
)
def test_a_registry_that_wants_a_login_must_have_one(tmp_path: Path, auths: object) -> None:
    secret = tmp_path / "auth.json"
    secret.write_text(json.dumps({"auths": auths}))
    with pytest.raises(
        InvalidInputError, match=r"has no login for registry\.redhat\.io, which .*index needs"
    ) as it:
        preflight.check_coverage(secret, imageset(catalog=CATALOG))
    assert "pull-secret" in it.value.hint


def test_other_registries_are_only_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    secret = tmp_path / "auth.json"
    secret.write_text(json.dumps({"auths": {"quay.io/mine": LOGIN}}))
    with caplog.at_level(logging.WARNING):
        preflight.check_coverage(
            secret, imageset("quay.io/mine/a:v1", "ghcr.io/b/c:v1", channel="stable-4.18")
        )
    assert [record.args for record in caplog.records] == [("ghcr.io",), ("quay.io",)]


def test_a_helper_program_has_the_login_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "auth.json"
    secret.write_text(json.dumps({"credHelpers": {"registry.redhat.io": "ours"}}))
    with pytest.raises(InvalidInputError, match="its helper program docker-credential-ours is not installed"):
        preflight.check_coverage(secret, imageset(catalog=CATALOG))
    program = tmp_path / "docker-credential-ours"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    preflight.check_coverage(secret, imageset(catalog=CATALOG))


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"auths": {"registry.redhat.io": {}}, "credsStore": "x"}, "does not read 'credsStore'"),
        ({"auths": {"registry.redhat.io": {"username": "u", "password": "p"}}}, "'username' and no 'auth'"),
        ({"auths": {"registry.redhat.io": {"identitytoken": "t"}}}, "'identitytoken' and no 'auth'"),
        ({"auths": {"registry.redhat.io": {"registrytoken": "t"}}}, "'registrytoken' and no 'auth'"),
        ({"auths": {"registry.redhat.io": {"auth": "bm90aGluZw=="}}}, "no user name and password"),
        (
            {"auths": {"registry.redhat.io/redhat": {"username": "u"}, "registry.redhat.io": LOGIN}},
            "no 'auth'",
        ),
        ({}, "has no login for registry.redhat.io"),
    ],
)
def test_a_login_that_oc_mirror_does_not_read_is_said(tmp_path: Path, document: object, reason: str) -> None:
    secret = tmp_path / "auth.json"
    secret.write_text(json.dumps(document))
    preflight.check_authfile(secret)
    with pytest.raises(InvalidInputError, match=reason):
        preflight.check_coverage(secret, imageset(catalog=CATALOG))


def test_a_place_that_the_run_writes_to_anyway() -> None:
    assert placement.first_place(imageset("quay.io/a/b:v1")) == "a/b"
    assert (
        placement.first_place(imageset("quay.io/a/b:v1", catalog=CATALOG)) == "redhat/redhat-operator-index"
    )
    assert placement.first_place(imageset(channel="stable-4.18")) == "openshift/release-images"
    assert placement.first_place(imageset("oci:///x")) is None


def on(moody: Moody, place: Place) -> str:
    return f"--target-registry={moody.host}/{place.arguments[1].rpartition('/')[2]}"


@pytest.mark.parametrize(
    ("mood", "reason", "hint"),
    [
        (401, "asks for a login for writing to", "may push"),
        (403, "asks for a login for writing to", "may push"),
        (404, "has no place for", "create the organisation"),
        (503, "answers HTTP 503", "try later"),
        ("drop", "does not answer", "network"),
    ],
)
def test_a_target_that_lets_nobody_write_is_told_before_the_run(
    direct: Place, moody_target: Moody, tmp_path: Path, mood: Mood, reason: str, hint: str
) -> None:
    secret = tmp_path / "auth.json"
    secret.write_text(json.dumps({"auths": {"other.example.com": LOGIN}}))
    moody_target.mood = lambda method, _path: mood if method == "POST" else None
    ran = direct.mirror(on(moody_target, direct), f"--authfile={secret}")
    assert ran.returncode == 6, ran.stderr
    assert moody_target.host in ran.stderr.splitlines()[-2]
    assert reason in ran.stderr.splitlines()[-2]
    assert hint in ran.stderr.splitlines()[-1]
    assert "running oc-mirror" not in ran.stderr


def test_a_target_that_takes_a_connection_and_stays_silent_is_tried_again(
    direct: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "PATIENCE", 1)
    with Silent() as target:
        ran = direct.mirror(f"--target-registry={target.host}/mirror", "--run-retries=2")
    assert ran.returncode == 6, ran.stderr
    assert "retry 2 of 2" in ran.stderr
    assert target.connections
    assert f"{target.host}/mirror/team/app took too long" in ran.stderr.splitlines()[-2]
    assert "catalog-check" not in ran.stderr
    assert "running oc-mirror" not in ran.stderr


def test_a_target_that_answers_again_is_mirrored_to(
    direct: Place, moody_target: Moody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "PATIENCE", 4.0)
    slow = iter([6.0])
    moody_target.mood = lambda method, _path: next(slow, None) if method == "POST" else None
    ran = direct.mirror(on(moody_target, direct), "--run-retries=1")
    assert ran.returncode == 0, ran.stderr
    assert "retry 1 of 1 in about" in ran.stderr
    assert "(network) may pass" in ran.stderr


def test_no_upload_is_left_behind(direct: Place, moody_target: Moody) -> None:
    assert direct.mirror(on(moody_target, direct), "--check=true", "--signatures=none").returncode == 0
    assert [method for method, _path in moody_target.asked] == ["GET", "POST", "DELETE"]


def test_a_dry_run_asks_the_target_for_nothing(direct: Place, moody_target: Moody) -> None:
    moody_target.mood = lambda method, _path: 500 if method == "POST" else None
    assert direct.mirror(on(moody_target, direct), "--dry-run=true").returncode == 0


def test_a_target_without_tls_is_told_from_one_with_a_strange_certificate(direct: Place) -> None:
    ran = direct.mirror("--destination-tls-verify=true")
    assert ran.returncode == 6
    assert "speaks no TLS" in ran.stderr.splitlines()[-2]
    assert "destination-tls-verify" in ran.stderr.splitlines()[-1]


def test_archives_that_cannot_fit_are_refused_with_the_numbers(
    three: Place, disconnected: Place, small_volume: Callable[[str], Path]
) -> None:
    disconnected.data = small_volume("size=200k")
    (disconnected.data / "generations").symlink_to(three.data / "generations")
    if sum(path.stat().st_size for path in three.data.glob("generations/*/*.tar")) < 200_000:
        (disconnected.data / "filler").write_bytes(b"x" * 150_000)
    ran = disconnected.mirror()
    assert ran.returncode == 3
    assert "the archives to import have" in ran.stderr.splitlines()[-2]
    assert "enlarge the volume" in ran.stderr.splitlines()[-1]


def test_a_volume_without_inodes_is_refused(connected: Place, small_volume: Callable[[str], Path]) -> None:
    connected.data = small_volume("size=50m,nr_inodes=500")
    ran = connected.mirror()
    assert ran.returncode == 3
    assert "more files (inodes)" in ran.stderr.splitlines()[-2]


def test_volumes_that_do_not_count_inodes_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _path: SimpleNamespace(f_files=0, f_favail=0))
    space.check_files(tmp_path)


def test_a_read_only_volume_is_refused(connected: Place, small_volume: Callable[[str], Path]) -> None:
    connected.data = small_volume("size=50m,ro") / "data"
    ran = connected.mirror()
    assert ran.returncode == 3
    assert "Read-only file system" in ran.stderr.splitlines()[-2]
    assert "writable volume" in ran.stderr.splitlines()[-1]


@standin_only
def test_a_full_archive_that_may_not_fit_is_warned_of(
    connected: Place, small_volume: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN_BYTES", "3000000")
    connected.data = small_volume("size=16m")
    assert connected.mirror().returncode == 0
    ran = connected.mirror("--incremental-mode=false")
    assert "a full archive of all that would not fit" in ran.stderr
    assert ran.returncode == 8
    assert "full" in ran.stderr.splitlines()[-2]


def test_what_writes_to_no_target_is_checked_without_one(connected: Place) -> None:
    assert connected.mirror("--check=true").returncode == 0
    assert connected.mirror("--check=true", "--workflow=workflow-cleanup").returncode == 0


def test_an_imageset_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "imageset.yaml.gz").write_bytes(gzip.compress(bytes(80 * 1024 * 1024), compresslevel=1))
    with pytest.raises(InvalidInputError, match="has more than"):
        preflight.read_imageset(tmp_path / "imageset.yaml")


def test_an_imageset_that_another_run_has_put_in_its_place_is_not_mirrored(connected: Place) -> None:
    """A second run of the pipeline may write the ConfigMap while the pod of the first is still pending."""
    right = hashlib.sha256(connected.imageset.read_bytes()).hexdigest()
    connected.names("team/other:v1")
    ran = connected.mirror(f"--imageset-sha256={right}")
    assert ran.returncode == 5
    assert "is not the ImageSet of this run" in ran.stderr
    assert "oc-mirror-config" in ran.stderr
    assert connected.generations() == []
    connected.names("team/app:v1", "team/db:v1")
    assert connected.mirror(f"--imageset-sha256={right}").returncode == 0
