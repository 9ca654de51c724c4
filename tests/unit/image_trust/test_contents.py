"""The list of an image's contents is valid CycloneDX, and one that an image hands over is not believed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from steps import list_image_contents
from steps.errors import InvalidInputError
from steps.image_trust import sbom
from steps.oci.reference import Reference
from tests.conftest import ROOT

IMAGE = f"quay.io/me/oc-mirror@sha256:{'a' * 64}"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH, with an oc-mirror; Python packages are those of this interpreter."""
    folder = tmp_path / "bin"
    folder.mkdir()
    write(folder / "oc-mirror", "")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(sbom, "_TOPS", (Path(sys.prefix),))
    return folder


def write(path: Path, text: str) -> None:
    path.write_text(f"#!{os.path.realpath('/bin/sh')}\n{text}\n")
    path.chmod(0o755)


def listed(tmp_path: Path) -> dict[str, dict[str, object]]:
    """Run the command; its components by their reference, once the list is found valid."""
    path = tmp_path / "sbom.json"
    list_image_contents.main.perform([f"--image={IMAGE}", f"--sbom={path}"])
    text = path.read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document = sbom.read(path)
    assert document == json.loads(text)
    root = document["metadata"]["component"]
    assert root["bom-ref"] == IMAGE
    assert root["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    parts = {part["bom-ref"]: part for part in document["components"]}
    assert document["dependencies"] == [{"ref": IMAGE, "dependsOn": sorted(parts)}]
    for part in parts.values():
        if "purl" in part:
            url = PackageURL.from_string(part["purl"])
            assert (url.to_string(), url.version) == (part["purl"], part["version"])
    return parts


def test_python_packages_and_oc_mirror_are_listed(programs: Path, tmp_path: Path) -> None:
    parts = listed(tmp_path)
    assert parts["oc-mirror"]["hashes"]
    assert {"pytest", "PyYAML"} <= {part["name"] for part in parts.values()}
    assert not [ref for ref in parts if ref.startswith(("pkg:deb", "pkg:rpm"))]


# What the release calls, as the program that calls it does: tekton/ is no package.
RELEASED = """
import sys
from datetime import UTC, datetime
import sbom
listed, go = sys.stdin.read().split("---")
sys.stdout.write(sbom.write(listed, "0.2.0", datetime(2026, 11, 27, 14, tzinfo=UTC), go))
"""
GO = """\
/tmp/oc-mirror.partial: go1.26.3
\tpath\tgithub.com/openshift/oc-mirror/v2/cmd/oc-mirror
\tmod\tgithub.com/openshift/oc-mirror/v2\t(devel)\t
\tdep\tgithub.com/Masterminds/semver/v3\tv3.4.0\th1:x=
\tdep\tgithub.com/docker/distribution\tv2.8.3+incompatible\th1:x=
\tdep\tgo.podman.io/common\tv0.69.1
\t=>\tgithub.com/acme/common\tv0.3.1\th1:x=
\tbuild\t-compiler=gc
"""


def released(listed: dict[str, object], go: str) -> dict[str, Any]:
    """The list of a release, once it is found valid."""
    paths = os.pathsep.join([str(ROOT / "tekton"), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", RELEASED],
        input=f"{json.dumps(listed)}---{go}",
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(done.stdout) is None
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_a_release_adds_the_modules_of_oc_mirror_to_the_images_own_list(programs: Path) -> None:
    listed = sbom.listed(Reference.parse(IMAGE))
    document = released(listed, GO)
    metadata = document["metadata"]
    assert (metadata["timestamp"], metadata["component"]["version"]) == ("2026-11-27T14:00:00+00:00", "0.2.0")
    modules = [
        "pkg:golang/github.com/acme/common@v0.3.1",
        "pkg:golang/github.com/docker/distribution@v2.8.3%2Bincompatible",
        "pkg:golang/github.com/masterminds/semver/v3@v3.4.0",
        "pkg:golang/github.com/openshift/oc-mirror/v2@%28devel%29",
    ]
    assert document["components"] == [*listed["components"], *document["components"][-4:]]
    assert [part["purl"] for part in document["components"][-4:]] == modules
    assert [PackageURL.from_string(url).to_string() for url in modules] == modules
    assert document["dependencies"] == [*listed["dependencies"], {"ref": "oc-mirror", "dependsOn": modules}]


def test_a_program_that_is_not_of_go_has_no_modules(programs: Path) -> None:
    listed = sbom.listed(Reference.parse(IMAGE))
    assert released(listed, "")["components"] == listed["components"]


@pytest.mark.skipif(not shutil.which("dpkg-query"), reason="a system of another kind")
def test_the_packages_of_debian_are_listed(programs: Path, tmp_path: Path) -> None:
    (programs / "dpkg-query").symlink_to("/usr/bin/dpkg-query")
    parts = listed(tmp_path)
    debian = [part for ref, part in parts.items() if ref.startswith("pkg:deb/debian/")]
    assert {"dpkg", "git", "libc6"} <= {part["name"] for part in debian}


def test_the_packages_of_red_hat_are_listed_without_their_keys(programs: Path, tmp_path: Path) -> None:
    write(
        programs / "rpm",
        r"printf 'glibc\t0\t2.34-100.el9\tx86_64\tLGPL-2.1-or-later AND (GPL+)\n"
        r"shadow-utils\t2\t4.9-8.el9\tx86_64\tBSD and GPLv2+\ngpg-pubkey\t0\t1-2\t(none)\tpubkey\n'",
    )
    parts = [part for ref, part in listed(tmp_path).items() if ref.startswith("pkg:rpm/")]
    assert [part["name"] for part in parts] == ["glibc", "shadow-utils"]
    assert parts[0]["licenses"] == [{"license": {"name": "LGPL-2.1-or-later AND (GPL+)"}}]
    assert "epoch=2" in str(parts[1]["purl"])
    assert "epoch" not in str(parts[0]["purl"])


def test_a_package_manager_that_fails_is_an_error(programs: Path, tmp_path: Path) -> None:
    write(programs / "rpm", "exit 3")
    with pytest.raises(InvalidInputError, match="rpm cannot list the packages of this image: exit code 3"):
        sbom.listed(Reference.parse(IMAGE))


def test_the_same_image_gives_the_same_list(programs: Path) -> None:
    assert sbom.listed(Reference.parse(IMAGE)) == sbom.listed(Reference.parse(IMAGE))


def test_a_link_to_a_secret_is_not_followed(tmp_path: Path) -> None:
    """The image that was built writes the file, and the step that reads it can see Secrets."""
    secret = tmp_path / "secret.json"
    secret.write_text('{"bomFormat": "CycloneDX", "auths": {}}')
    link = tmp_path / "sbom.json"
    link.symlink_to(secret)
    with pytest.raises(InvalidInputError, match="cannot be read: Too many levels of symbolic links"):
        sbom.read(link)


def test_what_is_no_plain_file_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "sbom.json"
    os.mkfifo(pipe)
    with pytest.raises(InvalidInputError, match="is no plain file"):
        sbom.read(pipe)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not JSON"),
        (b"[]", "is no list of contents in CycloneDX"),
        (b'{"bomFormat": "SPDX"}', "is no list of contents in CycloneDX"),
        (b"[" * 1000, "nested too deeply"),
        (b" " * (sbom.LARGEST + 1), "more than 4,194,304"),
        (b'{"bomFormat": "CycloneDX", "x": NaN}', "is not JSON"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "sbom.json"
    path.write_bytes(content)
    with pytest.raises(InvalidInputError, match=said):
        sbom.read(path)


def test_a_list_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="cannot be read: No such file"):
        sbom.read(tmp_path / "sbom.json")
