"""The real cosign verifies our statements, as a guard at the gap may do. It needs no cluster."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from steps.mirroring.store import statements
from steps.mirroring.store.archives import Archive
from steps.mirroring.store.generations import Generation, Predecessor
from steps.mirroring.store.statements import PREDICATE_TYPE
from steps.trust.keys import PrivateKey
from tests.conftest import unavailable
from tests.testbed.layout import BIN

FILES = {"imageset.yaml": b"kind", "contents.json.gz": b"index", "mirror_000001.tar": bytes(20_480)}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(params=["ECDSA P-256", "Ed25519"])
def key(request: pytest.FixtureRequest) -> PrivateKey:
    if request.param == "Ed25519":
        return PrivateKey(ed25519.Ed25519PrivateKey.generate())
    return PrivateKey(ec.generate_private_key(ec.SECP256R1()))


@pytest.fixture
def generation(tmp_path: Path, key: PrivateKey) -> Path:
    """A folder as to-disk makes it, with the public key beside it."""
    if not (BIN / "cosign").exists():
        unavailable("there is no program cosign: see `make programs`")
    record = Generation(
        sequence=2,
        predecessor=Predecessor(sequence=1, identity="1" * 64),
        files=(Archive(name="mirror_000001.tar", size=20_480, sha256=sha256(FILES["mirror_000001.tar"])),),
        imageset_sha256=sha256(FILES["imageset.yaml"]),
        contents_sha256=sha256(FILES["contents.json.gz"]),
        since=None,
        history_used=None,
        history_written=(),
        images={},
        oc_mirror="4.20.0",
        started="2026-11-27T10:00:00Z",
        finished="2026-11-27T11:00:00Z",
        host="here",
    )
    folder = tmp_path / "000002"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    (folder / "generation.json").write_text(record.as_json())
    origin = statements.Origin(workflow="workflow-to-disk", catalogs=(("a", f"sha256:{'0' * 64}"),))
    (folder / "generation.intoto.jsonl").write_bytes(statements.sign(record, origin, key))
    (tmp_path / "key.pub").write_bytes(key.public.pem())
    return folder


def accepts(folder: Path, name: str, *, bundle: bool = False, kind: str = PREDICATE_TYPE) -> bool:
    """Whether cosign accepts the statement for a file."""
    envelope = folder / "generation.intoto.jsonl"
    given = ["--signature", str(envelope)]
    if bundle:
        wrapped = {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"publicKey": {"hint": ""}},
            "dsseEnvelope": json.loads(envelope.read_text()),
        }
        (folder.parent / "bundle.json").write_text(json.dumps(wrapped))
        given = ["--bundle", str(folder.parent / "bundle.json")]
    public = folder.parent / "key.pub"
    command = [str(BIN / "cosign"), "verify-blob-attestation", f"--key={public}", f"--type={kind}"]
    command += [*given, "--insecure-ignore-tlog", str(folder / name)]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ("Verified OK" in asked.stderr) == (asked.returncode == 0), asked.stderr
    return asked.returncode == 0


@pytest.mark.parametrize("bundle", [False, True])
def test_cosign_accepts_every_file_of_a_generation_and_no_other(generation: Path, bundle: bool) -> None:
    for name in ("generation.json", *FILES):
        assert accepts(generation, name, bundle=bundle)
        path = generation / name
        content = path.read_bytes()
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
        assert not accepts(generation, name, bundle=bundle)


def test_cosign_refuses_an_altered_statement_and_another_key_and_type(generation: Path) -> None:
    assert not accepts(generation, "imageset.yaml", kind="https://slsa.dev/provenance/v1")
    envelope = generation / "generation.intoto.jsonl"
    content = bytearray(envelope.read_bytes())
    content[len(content) // 3] ^= 1
    envelope.write_bytes(content)
    assert not accepts(generation, "imageset.yaml")


def test_cosign_refuses_another_key(generation: Path) -> None:
    other = PrivateKey(ec.generate_private_key(ec.SECP256R1()))
    (generation.parent / "key.pub").write_bytes(other.public.pem())
    assert not accepts(generation, "imageset.yaml")
