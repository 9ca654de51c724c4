"""Keys, envelopes, statements and claims: what is signed verifies, and nothing else does."""

from __future__ import annotations

import base64
import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from steps.errors import InvalidInputError, NotFoundError
from steps.trust import bundle, dsse, folder
from steps.trust.dsse import Envelope, EnvelopeError
from steps.trust.keys import PrivateKey, PublicKey, TrustedKeys
from steps.trust.refusals import KeyFormatError, UntrustedSignatureError
from steps.trust.simple_signing import Claim, ClaimError
from steps.trust.statement import Statement, StatementError
from tests.unit.mirroring import apart

NOW = datetime(2026, 11, 27, tzinfo=UTC)
DIGEST = "a" * 64
SIGNATURES: list[Any] = [1, [1], [{}], [{"sig": 1}], [{"sig": "é"}], [{"sig": ""}] * 17]
KINDS: dict[str, Callable[[], Any]] = {
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


@pytest.fixture(params=KINDS)
def key(request: pytest.FixtureRequest) -> PrivateKey:
    return PrivateKey(KINDS[request.param]())


def trusted(*keys: PrivateKey, until: datetime | None = None) -> TrustedKeys:
    return TrustedKeys(tuple(PublicKey(f"key-{n}", key.public.key, until) for n, key in enumerate(keys)))


def pem(key: PrivateKey, passphrase: bytes | None = None) -> bytes:
    encryption = (
        serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    )
    return key.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


LOCKED = pem(PrivateKey(KINDS["p256"]()), b"secret")


def test_an_envelope_is_verified_by_the_key_that_signed_it(key: PrivateKey) -> None:
    envelope = Envelope.parse(dsse.seal(b"payload", key))
    other = PrivateKey(ed25519.Ed25519PrivateKey.generate())
    assert envelope.signer(trusted(other, key), NOW).name == "key-1"
    assert envelope.key_ids == ("",)
    with pytest.raises(UntrustedSignatureError, match=r"no trusted key has signed it; trusted: key-0 \("):
        envelope.signer(trusted(other), NOW)


def test_no_flipped_bit_of_an_envelope_verifies(key: PrivateKey) -> None:
    sealed = json.loads(dsse.seal(b"payload", key))
    payload = bytearray(b"payload")
    for bit in range(len(payload) * 8):
        changed = bytearray(payload)
        changed[bit // 8] ^= 1 << bit % 8
        envelope = Envelope.of({**sealed, "payload": base64.b64encode(changed).decode()})
        with pytest.raises(UntrustedSignatureError):
            envelope.signer(trusted(key), NOW)
    with pytest.raises(UntrustedSignatureError):
        Envelope.of({**sealed, "payloadType": "application/other"}).signer(trusted(key), NOW)


def test_a_key_verifies_until_it_ends(key: PrivateKey) -> None:
    envelope = Envelope.parse(dsse.seal(b"payload", key))
    keys = trusted(key, until=NOW)
    assert envelope.signer(keys, NOW - timedelta(seconds=1))
    with pytest.raises(UntrustedSignatureError, match="key key-0, which ended at 2026-11-27T00:00:00Z"):
        envelope.signer(keys, NOW)


def test_openssl_verifies_what_is_signed_and_makes_keys_that_sign(tmp_path: Path) -> None:
    private, public, signature, data = (tmp_path / name for name in ("k", "k.pub", "sig", "data"))
    generate: list[str | Path] = [
        "openssl",
        "genpkey",
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-out",
        private,
    ]
    subprocess.run([*generate, "-aes256", "-pass", "pass:secret"], check=True, capture_output=True)
    (tmp_path / "passphrase").write_text("secret\n")
    key = folder.signing_key(private, tmp_path / "passphrase", parameter="signing-key")
    public.write_bytes(key.public.pem())
    data.write_bytes(b"content")
    signature.write_bytes(key.sign(b"content"))
    verify: list[str | Path] = ["openssl", "dgst", "-sha256", "-verify", public, "-signature", signature]
    assert (
        subprocess.run([*verify, data], check=True, capture_output=True, text=True).stdout == "Verified OK\n"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no private key in PEM"),
        (b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n", "cosign's own format"),
        (b"x" * 70_000, "more than any key"),
        (pem(PrivateKey(ec.generate_private_key(ec.SECP256R1())), b"secret"), "needs a passphrase"),
    ],
)
def test_what_cannot_sign_is_refused_in_words(content: bytes, said: str) -> None:
    with pytest.raises(KeyFormatError, match=said):
        PrivateKey.parse(content)


def test_other_kinds_of_keys_cannot_sign() -> None:
    for other in (ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)):
        encoded = other.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with pytest.raises(KeyFormatError, match="neither ECDSA P-256 nor Ed25519"):
            PrivateKey.parse(encoded)


def test_a_wrong_passphrase_is_said(key: PrivateKey) -> None:
    with pytest.raises(KeyFormatError, match="the passphrase is another"):
        PrivateKey.parse(pem(key, b"secret"), b"wrong")
    with pytest.raises(KeyFormatError, match="it has no passphrase, and one is given"):
        PrivateKey.parse(pem(key), b"wrong")


def test_a_folder_has_keys_with_names_and_ends(tmp_path: Path, key: PrivateKey) -> None:
    (tmp_path / "..data").mkdir()
    (tmp_path / "spring.pub").write_bytes(key.public.pem())
    (tmp_path / "autumn.pem").write_bytes(PrivateKey(KINDS["p256"]()).public.pem())
    (tmp_path / "spring.until").write_text("2026-06-01\n")
    keys = folder.trusted_keys(tmp_path, parameter="trusted-keys")
    assert [(one.name, one.until) for one in keys] == [
        ("autumn", None),
        ("spring", datetime(2026, 6, 1, tzinfo=UTC)),
    ]
    (tmp_path / "spring.until").write_text("soon")
    with pytest.raises(InvalidInputError, match=r"spring.until holds no time: 'soon'"):
        folder.trusted_keys(tmp_path, parameter="trusted-keys")


@pytest.mark.parametrize("name", ["autumn.until", "spring.pub.until", "Spring.until"])
def test_an_end_of_no_key_is_refused_and_ends_none_in_silence(
    tmp_path: Path, key: PrivateKey, name: str
) -> None:
    (tmp_path / "spring.pub").write_bytes(key.public.pem())
    (tmp_path / name).write_text("2026-06-01")
    for read in (folder.trusted_keys, folder.release_keys):
        with pytest.raises(InvalidInputError, match=rf"{name} ends no key: there is no \S+.pub") as caught:
            read(tmp_path, parameter="trusted-keys")
        assert "NAME.until ends the key NAME.pub" in caught.value.hint


@pytest.mark.parametrize("name", ["spring.UNTIL", "spring.until.txt", "until", ".until", "spring.until~"])
def test_a_mistyped_end_is_refused(tmp_path: Path, key: PrivateKey, name: str) -> None:
    """Nothing but the name says what a file is for: the key would count on."""
    (tmp_path / "..2026_01_01").mkdir()
    (tmp_path / "until-june.pub").write_bytes(key.public.pem())
    (tmp_path / "spring.pub").write_bytes(PrivateKey(KINDS["p256"]()).public.pem())
    assert len(folder.trusted_keys(tmp_path, parameter="trusted-keys").keys) == 2
    (tmp_path / name).write_text("2026-06-01")
    for read in (folder.trusted_keys, folder.release_keys):
        with pytest.raises(InvalidInputError, match=re.escape(f"/{name} ends no key: ")):
            read(tmp_path, parameter="trusted-keys")


@pytest.mark.parametrize("name", ["autumn.pub", "spring.until", "autumn.asc"])
@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_what_is_no_file_is_no_key_and_no_end_and_is_told(
    tmp_path: Path, key: PrivateKey, name: str, kind: str
) -> None:
    (tmp_path / "spring.pub").write_bytes(key.public.pem())
    path = tmp_path / name
    if kind == "link":
        path.symlink_to("gone")
    elif kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    with pytest.raises(InvalidInputError, match=f"{name} cannot be used: it is no file, or a link that"):
        folder.release_keys(tmp_path, parameter="release-keys")
    if path.suffix != ".asc":
        with pytest.raises(InvalidInputError, match=f"{name} cannot be used: it is no file"):
            folder.trusted_keys(tmp_path, parameter="trusted-keys")


def unreadable(path: str, folder_of_keys: str) -> int:
    """Read keys where a file cannot be opened; 0 where that is told in words."""

    def hook(event: str, details: tuple[object, ...]) -> None:
        if event in {"open", "os.listdir", "os.scandir"} and str(details[0]) == path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    sys.addaudithook(hook)
    with pytest.raises(InvalidInputError, match=f"{path} cannot be read: Permission denied"):
        folder.trusted_keys(Path(folder_of_keys), parameter="trusted-keys")
    return 0


@pytest.mark.parametrize("name", ["spring.pub", "spring.until", "."])
def test_a_key_or_an_end_that_cannot_be_read_is_told(tmp_path: Path, key: PrivateKey, name: str) -> None:
    (tmp_path / "spring.pub").write_bytes(key.public.pem())
    (tmp_path / "spring.until").write_text("2026-06-01")
    ended = apart.run(unreadable, str(tmp_path / name), str(tmp_path))
    assert ended.returncode == 0, ended.stderr


def test_of_several_private_keys_none_is_taken(key: PrivateKey) -> None:
    with pytest.raises(KeyFormatError, match="it holds 2 keys; write the one that signs"):
        PrivateKey.parse(pem(key) + pem(PrivateKey(KINDS["p256"]())))


def test_one_key_by_two_names_has_one_end(tmp_path: Path, key: PrivateKey) -> None:
    (tmp_path / "spring.pub").write_bytes(key.public.pem())
    (tmp_path / "spring.until").write_text("2026-06-01")
    (tmp_path / "copy.pem").write_bytes(key.public.pem())
    said = "copy and spring are the same key, with different ends"
    with pytest.raises(InvalidInputError, match=said):
        folder.trusted_keys(tmp_path, parameter="trusted-keys")
    texts = {path.name: path.read_text() for path in tmp_path.iterdir()}
    with pytest.raises(InvalidInputError, match=f"ConfigMap 'x': {said}"):
        folder.keys_in(texts, where="ConfigMap 'x'")
    (tmp_path / "copy.until").write_text("2026-06-01T00:00:00Z")
    assert len(folder.trusted_keys(tmp_path, parameter="trusted-keys").keys) == 2


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00", "", "2027-01-32"])
def test_a_time_that_is_none_in_utc_is_told(tmp_path: Path, key: PrivateKey, time: str) -> None:
    (tmp_path / "spring.pub").write_bytes(key.public.pem())
    (tmp_path / "spring.until").write_text(time)
    with pytest.raises(InvalidInputError, match=r"spring.until holds no time"):
        folder.trusted_keys(tmp_path, parameter="trusted-keys")


def test_a_file_with_several_keys_is_refused_and_none_of_them_left_out(key: PrivateKey) -> None:
    with pytest.raises(KeyFormatError, match="it holds 2 keys; write each into a file of its own"):
        PublicKey.parse("both", key.public.pem() + PrivateKey(KINDS["p256"]()).public.pem())
    assert PublicKey.parse("windows", b"\xef\xbb\xbf" + key.public.pem().replace(b"\n", b"\r\n"))


@pytest.mark.parametrize("curve", [ec.SECP192R1, ec.SECP256K1, ec.BrainpoolP256R1])
def test_a_key_of_a_curve_that_clusters_do_not_read_vouches_for_nothing(
    curve: type[ec.EllipticCurve],
) -> None:
    odd = ec.generate_private_key(curve())
    content = odd.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with pytest.raises(KeyFormatError, match=f"of the curve {curve.name}, which clusters do not read"):
        PublicKey.parse("odd", content)


def test_a_folder_without_usable_keys_is_refused(tmp_path: Path, key: PrivateKey) -> None:
    with pytest.raises(NotFoundError, match="there is no folder"):
        folder.trusted_keys(tmp_path / "none", parameter="trusted-keys")
    with pytest.raises(NotFoundError, match="has no public key"):
        folder.trusted_keys(tmp_path, parameter="trusted-keys")
    (tmp_path / "mine.pub").write_bytes(pem(key))
    with pytest.raises(InvalidInputError, match="it is a private key; give the public one") as caught:
        folder.trusted_keys(tmp_path, parameter="trusted-keys")
    assert "BEGIN" not in str(caught.value)


@pytest.mark.parametrize(
    ("files", "said", "hint"),
    [
        ({}, "there is no file", "has to hold the private key in PEM under the name signing.key"),
        ({"key.pem": b"x"}, "signing.key; there are: key.pem", "under the name signing.key"),
        ({"signing.key": b"x"}, "it is no private key in PEM", "openssl genpkey"),
        ({"signing.key": LOCKED}, "it needs a passphrase", "the passphrase under the name passphrase"),
        ({"signing.key": LOCKED, "passphrase": b"wrong"}, "the passphrase is another", "name passphrase"),
        ({"signing.key": LOCKED, "password": b"secret"}, "it needs a passphrase", "the name passphrase"),
    ],
)
def test_a_private_key_that_cannot_be_used_is_told_with_the_name_that_is_looked_for(
    tmp_path: Path, files: dict[str, bytes], said: str, hint: str
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises((InvalidInputError, NotFoundError)) as caught:
        folder.signing_key(tmp_path / "signing.key", tmp_path / "passphrase", parameter="signing-key")
    assert said in caught.value.reason
    assert hint in caught.value.hint


@pytest.mark.parametrize("name", ["signing.key", "release.pub", "notes.txt"])
def test_a_private_key_among_texts_that_others_read_is_refused_under_any_name(
    key: PrivateKey, name: str
) -> None:
    texts = {"good.pub": key.public.pem().decode(), name: pem(key).decode()}
    with pytest.raises(InvalidInputError, match=f"ConfigMap 'x': {name} .* it is a private key") as caught:
        folder.keys_in(texts, where="ConfigMap 'x'")
    assert "make a new key" in caught.value.hint
    assert "BEGIN" not in str(caught.value)


@pytest.mark.parametrize("name", ["signing.key", "release.pub", "notes.txt"])
def test_a_private_key_in_a_folder_of_public_ones_is_refused_under_any_name(
    tmp_path: Path, key: PrivateKey, name: str
) -> None:
    (tmp_path / "good.pub").write_bytes(key.public.pem())
    (tmp_path / name).write_bytes(pem(key))
    for read in (folder.trusted_keys, folder.release_keys):
        with pytest.raises(InvalidInputError, match=f"{name} cannot be used: it is a private key") as caught:
            read(tmp_path, parameter="trusted-keys")
        assert "make a new key" in caught.value.hint


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b"null", b'{"payload": 1}', b"[" * 200_000]
    + [
        json.dumps({"payload": "", "payloadType": "", "signatures": signatures}).encode()
        for signatures in SIGNATURES
    ],
)
def test_what_is_no_envelope_is_refused(content: bytes) -> None:
    with pytest.raises(EnvelopeError):
        Envelope.parse(content)
    with pytest.raises(EnvelopeError):
        bundle.parse(content)


def test_a_statement_is_read_as_it_was_written() -> None:
    statement = Statement({"a": DIGEST, "b": "0" * 64}, "https://example.com/v1", {"x": [1]})
    assert Statement.parse(statement.as_bytes()) == statement


def test_subjects_without_a_name_are_told_apart_by_their_digests() -> None:
    """cosign 3 signs images so."""
    document = json.loads(Statement({"a": DIGEST}, "https://example.com/v1").as_bytes())
    document["subject"] = [{"digest": {"sha256": DIGEST}}, {"digest": {"sha256": "0" * 64}}]
    found = Statement.parse(json.dumps(document).encode())
    assert found.subjects == {f"sha256:{DIGEST}": DIGEST, f"sha256:{'0' * 64}": "0" * 64}


@pytest.mark.parametrize(
    "change",
    [
        {"_type": "other"},
        {"subject": [{"name": 1, "digest": {"sha256": DIGEST}}]},
        {"predicateType": 1},
        {"predicate": []},
        {"subject": []},
        {"subject": [{"name": "a", "digest": {"sha256": "x"}}]},
        {
            "subject": [
                {"name": "a", "digest": {"sha256": DIGEST}},
                {"name": "a", "digest": {"sha256": "0" * 64}},
            ]
        },
    ],
)
def test_what_is_no_statement_is_refused(change: dict[str, object]) -> None:
    document = json.loads(Statement({"a": DIGEST}, "https://example.com/v1").as_bytes())
    with pytest.raises(StatementError):
        Statement.parse(json.dumps({**document, **change}).encode())


def test_a_claim_is_read_as_it_was_written() -> None:
    claim = Claim("registry.example.com/a/b", f"sha256:{DIGEST}")
    assert Claim.parse(claim.as_bytes()) == claim
    for wrong in (
        b"",
        b"{}",
        claim.as_bytes().replace(b"sha256:a", b"sha256:g"),
        b'{"critical": {"type": 1}}',
    ):
        with pytest.raises(ClaimError):
            Claim.parse(wrong)
