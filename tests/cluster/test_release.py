"""A release of this project up to the push: all that it makes, and a real registry."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.conftest import ROOT
from tests.testbed import registry as registries
from tests.testbed.layout import BIN, REGISTRY
from tests.testbed.processes import run
from tests.testbed.registry import Registry

VERSION = "98.7.6"
NAME = "oc-mirror-autoshift"
# The image as all tests have it, in place of a build of minutes. A program of Go stands for oc-mirror.
CONTAINERFILE = """FROM {image}
COPY --chmod=0755 oc-mirror /usr/local/bin/oc-mirror
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.version="${{VERSION}}" org.opencontainers.image.revision="${{REVISION}}"
"""
STORAGE = """[storage]
driver = "overlay"
graphroot = "{folder}/storage"
runroot = "{folder}/run"
"""
INSECURE = """[[registry]]
location = "{host}"
insecure = true
"""


@dataclass(frozen=True)
class Desk:
    """Where somebody releases: a clone of the project, its remote, a registry, settings of the user."""

    root: Path
    remote: Path
    registry: Registry
    environment: dict[str, str]

    @property
    def image(self) -> str:
        return f"{self.registry.host}/tools/{NAME}"

    def git(self, *arguments: str) -> str:
        return run("git", "-C", self.root, *arguments, env=self.environment).stdout.strip()

    def release(self, *options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(self.root / "tekton/release.py"), VERSION, f"--registry={self.image}"]
        return run(*command, *options, cwd=self.root, env=self.environment, check=False)

    def product(self, pattern: str) -> Path:
        [found] = self.root.glob(f"build/release/v{VERSION}-*/{pattern}")
        return found

    def inspect(self, image: str, *options: str) -> Any:
        return json.loads(run("skopeo", "inspect", *options, image, env=self.environment).stdout)


@pytest.fixture(scope="module")
def desk(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A copy of the work tree as a repository with one commit, and an entry in the changelog."""
    folder = tmp_path_factory.mktemp("release")
    root, remote, home = folder / "project", folder / "remote.git", folder / "home"
    for name in run("git", "-C", ROOT, "ls-files").stdout.splitlines():
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
    shutil.copy(BIN / "etcd", root / "oc-mirror")
    (root / ".containerignore").unlink(missing_ok=True)
    (root / "Containerfile").write_text(CONTAINERFILE.format(image=image))
    changelog = root / "CHANGELOG.md"
    entry = "## Unreleased\n\n### Added\n\n- Something for the test.\n\n## 0.0.1 - 2026-01-02\n"
    changelog.write_text(changelog.read_text().replace("## Unreleased\n", entry))
    with registries.serving() as registry:
        settings = home / ".config" / "containers" / "registries.conf"
        settings.parent.mkdir(parents=True)
        settings.write_text("".join(INSECURE.format(host=host) for host in (REGISTRY, registry.host)))
        (home / "storage.conf").write_text(STORAGE.format(folder=folder / "containers"))
        (home / ".gitconfig").write_text("[user]\nname = Somebody\nemail = somebody@example.com\n")
        environment = {
            **os.environ,
            "HOME": str(home),
            "BUILDAH_ISOLATION": "chroot",
            "CONTAINERS_STORAGE_CONF": str(home / "storage.conf"),
            "PYTHONPATH": os.pathsep.join([str(root), *sys.path]),
        }
        made = Desk(root, remote, registry, environment)
        run("git", "init", "--quiet", "--bare", "--initial-branch=main", remote)
        made.git("init", "--quiet", "--initial-branch=main")
        made.git("remote", "add", "origin", str(remote))
        made.git("add", ".")
        made.git("commit", "--quiet", "--message=Everything")
        yield made


def check_products(desk: Desk) -> None:
    """All files are there and whole, and say what they are of."""
    commit = desk.git("rev-parse", f"v{VERSION}^{{commit}}")
    sums = re.findall(r"^(\w{64})  (\S+)$", desk.product("SHA256SUMS").read_text(), re.M)
    assert len(sums) == 5
    for checksum, name in sums:
        assert hashlib.sha256(desk.product(name).read_bytes()).hexdigest() == checksum
    about = desk.inspect(f"oci-archive:{desk.product('*.oci.tar')}")
    assert about["Labels"]["org.opencontainers.image.version"] == VERSION
    assert about["Labels"]["org.opencontainers.image.revision"] == commit
    with tarfile.open(desk.product("site-*.tar.gz")) as site:
        member = site.extractfile("site/index.html")
        assert member
        assert VERSION in member.read().decode()
    with tarfile.open(desk.product("catalog-*.tar.gz")) as catalog:
        task = catalog.extractfile(f"task/fetch-values/{VERSION}/fetch-values.yaml")
        assert task
        assert f'app.kubernetes.io/version: "{VERSION}"' in task.read().decode()
    assert desk.product("notes.md").read_text() == f"# {VERSION}\n\n### Added\n\n- Something for the test.\n"


def check_sbom(desk: Desk) -> None:
    """CycloneDX by its own schema, with every locked package, the system's packages and the modules of Go."""
    text = desk.product("*.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    sbom = json.loads(text)
    parts = {part["bom-ref"] for part in sbom["components"]}
    locked = re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements.txt").read_text(), re.M)
    assert len(locked) > 20
    for name, version in locked:
        assert f"pkg:pypi/{name.lower().replace('_', '-')}@{version}" in parts
    assert any(re.match(r"pkg:deb/debian/git@.*arch=amd64.*distro=debian-12", part) for part in parts)
    modules = run("go", "version", "-m", BIN / "etcd").stdout.split("\n")
    for module in (line.split("\t") for line in modules if line.startswith("\tdep\tgo.uber.org/zap\t")):
        assert f"pkg:golang/{module[2]}@{module[3]}" in parts
    depends = {one["ref"]: set(one.get("dependsOn", ())) for one in sbom["dependencies"]}
    assert any(ref.startswith("pkg:golang/go.uber.org/zap@") for ref in depends["oc-mirror"])
    assert set().union(*depends.values()) == parts
    checksum = hashlib.sha256((BIN / "etcd").read_bytes()).hexdigest()
    [program] = (part for part in sbom["components"] if part["name"] == "oc-mirror")
    assert program["hashes"] == [{"alg": "SHA-256", "content": checksum}]


def test_a_release_is_built_then_pushed_and_never_replaced(desk: Desk) -> None:
    first = desk.release()
    assert not first.returncode, first.stderr
    assert "nothing was pushed" in first.stdout
    assert not desk.registry.tags(f"tools/{NAME}")
    assert not run("git", "-C", desk.remote, "for-each-ref").stdout
    check_products(desk)
    check_sbom(desk)

    sbom = desk.product("*.cdx.json")
    before = sbom.read_text()
    sbom.unlink()
    second = desk.release("--push")
    assert not second.returncode, second.stderr
    assert f"{NAME}-v{VERSION}.oci.tar is there" in second.stdout  # what is whole is not made again
    assert sbom.read_text() == before
    assert desk.registry.tags(f"tools/{NAME}") == [f"v{VERSION}"]
    digest = desk.inspect(f"docker://{desk.image}:v{VERSION}")["Digest"]
    assert digest.removeprefix("sha256:") in before
    assert f"pushed {desk.image}:v{VERSION}@{digest}, and main and v{VERSION} to origin" in second.stdout
    pushed = run("git", "-C", desk.remote, "for-each-ref", "--format=%(refname)").stdout.split()
    assert pushed == ["refs/heads/main", f"refs/tags/v{VERSION}"]
    third = desk.release("--push")
    assert not third.returncode, third.stderr

    base = f"docker://{desk.image}:v{VERSION}"
    run("skopeo", "copy", "--quiet", "--format=v2s2", base, base, env=desk.environment)
    other = desk.inspect(base)["Digest"]
    assert other != digest
    refused = desk.release("--push")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"release: {desk.image}:v{VERSION} is another image ({other})")
    assert desk.inspect(base)["Digest"] == other
