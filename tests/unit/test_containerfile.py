"""Which oc-mirror the Containerfile fetches, and that it takes none but the right one."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT

PUBLIC = "https://mirror.openshift.com/pub"
OLD, NEW = "4.22.16", "2.0.0"


def stage() -> tuple[dict[str, str], str]:
    """The build arguments of the stage that fetches oc-mirror, with their defaults, and its script."""
    text = (ROOT / "Containerfile").read_text().partition(" AS oc-mirror\n")[2].partition("\nFROM ")[0]
    arguments = dict(re.findall(r"^ARG (\w+)=(.*)$", text, re.MULTILINE))
    return arguments, text.partition("\nRUN ")[2].replace("\\\n", "\n")


def packed() -> bytes:
    program = b"#!/bin/sh\necho fetched $1\n"
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        member = tarfile.TarInfo("oc-mirror")
        member.size = len(program)
        tar.addfile(member, io.BytesIO(program))
    return data.getvalue()


@dataclass
class Server:
    """What `curl` finds, by address; and the processor that the build runs on."""

    folder: Path
    machine: str = "x86_64"

    def put(self, url: str, data: bytes) -> None:
        path = self.folder / "served" / url.replace("/", "%")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)

    def build(self, **arguments: str) -> subprocess.CompletedProcess[str]:
        programs, work = self.folder / "bin", self.folder / "work"
        programs.mkdir(exist_ok=True)
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        served = self.folder / "served"
        curl = f'cp "{served}/$(echo "$url" | tr / %)" "$file"'
        (programs / "curl").write_text(
            '#!/bin/sh\nwhile [ $# -gt 1 ]; do [ "$1" = --output ] && file="$2"; shift; done\n'
            f'url="$1"\n{curl}\n'
        )
        (programs / "uname").write_text(f"#!/bin/sh\necho {self.machine}\n")
        for program in programs.iterdir():
            program.chmod(0o755)
        defaults, script = stage()
        path = f"{programs}:{os.environ['PATH']}"
        environment = {**defaults, **arguments, "PATH": path}
        return subprocess.run(
            ["sh", "-c", script], cwd=work, env=environment, capture_output=True, text=True, check=False
        )


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def sums(name: str, data: bytes) -> bytes:
    other, own = (hashlib.sha256(content).hexdigest() for content in (b"other", data))
    return f"{other}  other-{name}\n{own}  {name}\n".encode()


@pytest.mark.parametrize(
    ("version", "machine", "folder", "name"),
    [
        (OLD, "x86_64", f"openshift-v4/x86_64/clients/ocp/{OLD}", "oc-mirror.rhel9.tar.gz"),
        (OLD, "aarch64", f"openshift-v4/aarch64/clients/ocp/{OLD}", "oc-mirror.rhel9.tar.gz"),
        (NEW, "x86_64", f"cgw/oc-mirror/{NEW}", "oc-mirror-rhel9-linux-amd64.tar.gz"),
        (NEW, "aarch64", f"cgw/oc-mirror/{NEW}", "oc-mirror-rhel9-linux-arm64.tar.gz"),
        ("latest", "s390x", "cgw/oc-mirror/latest", "oc-mirror-rhel9-linux-s390x.tar.gz"),
    ],
)
def test_either_line_is_fetched_for_either_architecture(
    server: Server, version: str, machine: str, folder: str, name: str
) -> None:
    data = packed()
    server.machine = machine
    server.put(f"{PUBLIC}/{folder}/{name}", data)
    server.put(f"{PUBLIC}/{folder}/sha256sum.txt", sums(name, data))
    built = server.build(OC_MIRROR_VERSION=version)
    assert built.returncode == 0, built.stderr
    assert "fetched version" in built.stdout


def test_the_default_is_a_version_that_we_can_fetch(server: Server) -> None:
    data, name = packed(), "oc-mirror.rhel9.tar.gz"
    server.put(f"{PUBLIC}/openshift-v4/x86_64/clients/ocp/{stage()[0]['OC_MIRROR_VERSION']}/{name}", data)
    built = server.build(OC_MIRROR_SHA256=hashlib.sha256(data).hexdigest())
    assert built.returncode == 0, built.stderr


@pytest.fixture(scope="module")
def signer() -> Iterator[Signer]:
    """A new key; the agent of its folder ends with the folder."""
    with tempfile.TemporaryDirectory(prefix="gpg-") as folder:  # short: a socket lies there
        made = Signer(Path(folder))
        made.gpg("--passphrase=", "--quick-generate-key", "t@example.com", "ed25519", "sign", "never")
        made.key.write_bytes(made.gpg("--export"))
        yield made


@dataclass(frozen=True)
class Signer:
    """A key that signs checksums."""

    folder: Path

    @property
    def key(self) -> Path:
        return self.folder / "exported.asc"

    def gpg(self, *arguments: str, data: bytes = b"") -> bytes:
        command = ["gpg", f"--homedir={self.folder}", "--batch", "--pinentry-mode=loopback", *arguments]
        return subprocess.run(command, input=data, check=True, capture_output=True).stdout

    def sign(self, data: bytes) -> bytes:
        return self.gpg("--passphrase=", "--detach-sign", data=data)


NAME = "oc-mirror.rhel9.tar.gz"
FOLDER = f"{PUBLIC}/openshift-v4/x86_64/clients/ocp/{OLD}"


def test_a_good_signature_of_the_checksums_is_taken(server: Server, signer: Signer) -> None:
    data = packed()
    server.put(f"{FOLDER}/{NAME}", data)
    server.put(f"{FOLDER}/sha256sum.txt", sums(NAME, data))
    server.put(f"{FOLDER}/sha256sum.txt.gpg", signer.sign(sums(NAME, data)))
    built = server.build(OC_MIRROR_KEY=str(signer.key))
    assert built.returncode == 0, built.stderr
    assert "Good signature" in built.stderr
    assert "fetched version" in built.stdout


def test_checksums_that_somebody_else_signed_or_changed_are_not_taken(
    server: Server, signer: Signer, tmp_path: Path
) -> None:
    data = packed()
    server.put(f"{FOLDER}/{NAME}", data)
    server.put(f"{FOLDER}/sha256sum.txt", sums(NAME, data))
    server.put(f"{FOLDER}/sha256sum.txt.gpg", signer.sign(b"other checksums"))
    built = server.build(OC_MIRROR_KEY=str(signer.key))
    assert built.returncode != 0
    assert f"sha256sum.txt in {FOLDER} is not signed by a key of {signer.key}" in built.stderr
    assert "fetched" not in built.stdout


def test_signed_checksums_may_not_lose_their_signature(server: Server, signer: Signer) -> None:
    """Where OpenShift's clients lie there always is one; in a folder of one's own it may be missing."""
    data = packed()
    for folder in (FOLDER, "file:///mine"):
        server.put(f"{folder}/{NAME}", data)
        server.put(f"{folder}/sha256sum.txt", sums(NAME, data))
    built = server.build(OC_MIRROR_KEY=str(signer.key))
    assert built.returncode != 0
    assert f"no sha256sum.txt.gpg in {FOLDER}: give the checksum by OC_MIRROR_SHA256" in built.stderr
    pinned = server.build(OC_MIRROR_KEY=str(signer.key), OC_MIRROR_SHA256=hashlib.sha256(data).hexdigest())
    assert pinned.returncode == 0, pinned.stderr
    own = server.build(OC_MIRROR_KEY=str(signer.key), OC_MIRROR_URL="file:///mine")
    assert own.returncode == 0, own.stderr
    assert "no signature is checked: no sha256sum.txt.gpg in file:///mine" in own.stderr


def test_a_base_image_without_the_key_says_so(server: Server) -> None:
    data = packed()
    server.put(f"{FOLDER}/{NAME}", data)
    server.put(f"{FOLDER}/sha256sum.txt", sums(NAME, data))
    built = server.build(OC_MIRROR_KEY="/none")
    assert built.returncode == 0, built.stderr
    assert "no signature is checked: the base image has no gpg or no /none" in built.stderr


MACHINES = {"x86_64": "AMD64", "aarch64": "ARM64", "ppc64le": "PPC64LE", "s390x": "S390X"}


@pytest.mark.parametrize(("machine", "taken"), MACHINES.items())
def test_each_architecture_has_a_checksum_of_its_own(server: Server, machine: str, taken: str) -> None:
    data = packed()
    checksums = {f"OC_MIRROR_SHA256_{arch}": "0" * 64 for arch in MACHINES.values()}
    checksums[f"OC_MIRROR_SHA256_{taken}"] = hashlib.sha256(data).hexdigest()
    server.machine = machine
    for name in ("amd64", "arm64", "ppc64le", "s390x"):
        server.put(f"file:///mine/oc-mirror-rhel9-linux-{name}.tar.gz", data)
    built = server.build(OC_MIRROR_VERSION=NEW, OC_MIRROR_URL="file:///mine", **checksums)
    assert built.returncode == 0, built.stderr
    server.machine = "aarch64" if machine == "x86_64" else "x86_64"
    built = server.build(OC_MIRROR_VERSION=NEW, OC_MIRROR_URL="file:///mine", **checksums)
    assert built.returncode != 0
    assert "fetched" not in built.stdout


def test_another_file_than_the_checksum_names_is_not_taken(server: Server) -> None:
    server.put("file:///mine/my.tar.gz", packed())
    server.put("file:///mine/sha256sum.txt", sums("my.tar.gz", b"another"))
    built = server.build(OC_MIRROR_URL="file:///mine", OC_MIRROR_ARCHIVE="my.tar.gz")
    assert built.returncode != 0
    assert "my.tar.gz: FAILED" in built.stdout
    assert "fetched" not in built.stdout


def test_a_file_that_is_not_there_is_named(server: Server) -> None:
    built = server.build(OC_MIRROR_VERSION=NEW)
    assert built.returncode != 0
    name = "oc-mirror-rhel9-linux-amd64.tar.gz"
    assert f"no {name} in {PUBLIC}/cgw/oc-mirror/{NEW}: name folder and file by OC_MIRROR_URL" in built.stderr
    server.put("file:///mine/oc-mirror.rhel9.tar.gz", packed())
    server.put("file:///mine/sha256sum.txt", b"")
    built = server.build(OC_MIRROR_URL="file:///mine")
    assert "sha256sum.txt lacks oc-mirror.rhel9.tar.gz" in built.stderr
