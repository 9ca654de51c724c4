"""What clusters accept: nothing that is tampered with, missing, or by another key is ever called accepted."""

from __future__ import annotations

import base64
import bz2
import itertools
import json
import random
import time
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pysequoia
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from steps.errors import InvalidInputError, NotFoundError
from steps.oci.attached import Attached
from steps.oci.manifests import digest_of
from steps.trust import claims, folder, gpg
from steps.trust.gpg import Keyring
from steps.trust.keys import PrivateKey, TrustedKeys
from steps.trust.refusals import UntrustedSignatureError
from steps.trust.releases import RELEASES, Release, ReleaseKeys, judge
from steps.trust.sigstore import Identity, Image, Signatures, refusal
from steps.trust.simple_signing import SIGNATURE, ClaimError
from steps.trust.verdicts import Cause, State
from tests.unit.trust.signers import (
    CONTENT,
    GPG_TYPE,
    SIGSTORE_TYPE,
    Signer,
    as_bytes,
    claim,
    with_signatures,
)

NOW = datetime(2026, 11, 27, tzinfo=UTC)
CASES = 10_000
MAKER, STRANGER, RETIRED = Signer(), Signer(), Signer()
KEYS = MAKER.keys
Change = Callable[[Image, random.Random], Image]


def flipped(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content))
    return content[:at] + bytes([content[at] ^ (1 << chance.randrange(8))]) + content[at + 1 :]


def layer_of(image: Image) -> Attached:
    return image.signed[image.digest].layers[0]


def with_layer(image: Image, layer: Attached) -> Image:
    signatures = image.signed[image.digest]
    return with_signatures(image, replace(signatures, layers=(layer,)))


def with_signature(image: Image, change: Callable[[bytes], bytes]) -> Image:
    layer = layer_of(image)
    signature = base64.b64encode(change(base64.b64decode(layer.annotations[SIGNATURE]))).decode()
    return with_layer(image, replace(layer, annotations={SIGNATURE: signature}))


def with_claim(image: Image, payload: bytes) -> Image:
    """Sign another payload, with the right key."""
    return with_layer(image, MAKER.layer(payload))


def text_of(image: Image) -> str:
    return as_bytes(claim(f"{image.name}:v1", image.digest)).decode()


def other_digest(chance: random.Random) -> str:
    return digest_of(chance.randbytes(8))


IMAGES: dict[str, Change] = {
    "tampered payload": lambda one, chance: with_layer(
        one, replace(layer_of(one), content=flipped(layer_of(one).content, chance))
    ),
    "tampered signature": lambda one, chance: with_signature(one, lambda it: flipped(it, chance)),
    "truncated payload": lambda one, chance: with_layer(
        one, replace(layer_of(one), content=layer_of(one).content[: chance.randrange(100)])
    ),
    "truncated signature": lambda one, chance: with_signature(one, lambda it: it[: chance.randrange(60)]),
    "missing": lambda one, _: with_signatures(one, Signatures()),
    "referrers only": lambda one, chance: with_signatures(one, Signatures(referrers=chance.randint(1, 9))),
    "unreadable": lambda one, _: with_signatures(one, Signatures(obstacle="no answer")),
    "other media type": lambda one, chance: with_signatures(
        one,
        replace(
            one.signed[one.digest],
            media_type=chance.choice(
                ["application/vnd.docker.distribution.manifest.v2+json", "text/html", "application/json"]
            ),
        ),
    ),
    "other layer type": lambda one, _: with_layer(one, replace(layer_of(one), media_type="text/plain")),
    "no layers": lambda one, _: with_signatures(one, replace(one.signed[one.digest], layers=())),
    "no annotation": lambda one, _: with_layer(one, replace(layer_of(one), annotations={})),
    "no base64": lambda one, _: with_layer(one, replace(layer_of(one), annotations={SIGNATURE: "é\n"})),
    "another key": lambda one, _: with_layer(one, STRANGER.layer(layer_of(one).content)),
    "several, none right": lambda one, chance: with_signatures(
        one,
        replace(
            one.signed[one.digest],
            layers=(
                STRANGER.layer(layer_of(one).content),
                MAKER.layer(as_bytes(claim(f"{one.name}:1", other_digest(chance)))),
                MAKER.layer(b"no claim"),
            ),
        ),
    ),
    "another digest": lambda one, chance: with_claim(
        one, as_bytes(claim(f"{one.name}:v1", other_digest(chance)))
    ),
    "another name": lambda one, chance: with_claim(
        one,
        as_bytes(
            claim(
                chance.choice(
                    [
                        one.name,  # without tag and digest: containers/image takes it for no image
                        f"{one.name}-evil:v1",
                        f"{one.name}/evil:v1",
                        f"mirror.example.com/{one.name}:v1",
                        f"docker://{one.name}:v1",
                        f"{one.name}:v1 ",
                        f"{one.name}:v1\n",
                        f"{one.name}:",
                        "",
                    ]
                ),
                one.digest,
            )
        ),
    ),
    "claim of the other kind": lambda one, _: with_claim(
        one, as_bytes(claim(f"{one.name}:v1", one.digest, GPG_TYPE))
    ),
    "a field twice": lambda one, chance: with_claim(
        one,
        text_of(one)
        .replace(
            '{"docker-manifest-digest"',
            f'{{"docker-manifest-digest": "{other_digest(chance)}", "docker-manifest-digest"',
            1,
        )
        .encode(),
    ),
    "a field more": lambda one, _: with_claim(one, text_of(one).replace("{", '{"more": 1, ', 1).encode()),
    "a field less": lambda one, _: with_claim(one, text_of(one).replace(', "optional": null', "").encode()),
    "another alphabet": lambda one, _: with_claim(one, text_of(one).encode("utf-16")),
    "a time with a fraction": lambda one, _: with_claim(
        one, as_bytes(claim(f"{one.name}:v1", one.digest, optional={"timestamp": 1.5}))
    ),
    "huge": lambda one, _: with_claim(one, text_of(one).encode() + b" " * (1 << 20)),
    "nested": lambda one, _: with_claim(one, b"[" * 100_000),
    "not led": lambda one, _: replace(one, place=""),
    "not there": lambda one, _: replace(one, signed={}),
    "not asked": lambda one, _: replace(one, obstacle="no answer", signed={}),
    "another origin": lambda one, _: replace(one, name="registry.example.com/own/release"),
    "one platform without": lambda one, chance: replace(
        one, signed={**one.signed, other_digest(chance): Signatures()}
    ),
}
"""What can be wrong with the signature of an image; each makes clusters refuse it."""


def bomb(kind: int) -> bytes:
    content = b"\0" * (64 << 20)
    if kind == 3:
        return bytes([0xA3, 3]) + bz2.compress(content)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15 if kind == 1 else 15)
    return bytes([0xA3, kind]) + packer.compress(content) + packer.flush()


BOMBS = [bomb(kind) for kind in (1, 2, 3)]


@cache
def with_a_retired_key() -> tuple[ReleaseKeys, Release]:
    """The keys with one more GPG key, which has ended, and a release that it signed before that."""
    release = RETIRED.release("4.20.1", digest_of(b"retired"))
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
    certificate = RETIRED.gpg.extract_certificate().set_expiration(end, RETIRED.gpg.certifier())
    both = Keyring.parse("both", bytes(MAKER.gpg.extract_certificate()) + bytes(certificate))
    while datetime.now(UTC) < end + timedelta(seconds=1):
        time.sleep(0.1)
    return replace(KEYS, gpg=(both,)), release


GPG: dict[str, Callable[[Release, random.Random], tuple[bytes, ...]]] = {
    "missing": lambda _one, _chance: (),
    "tampered": lambda one, chance: (harmed(one.gpg[0], chance),),
    "truncated": lambda one, chance: (one.gpg[0][: chance.randrange(len(one.gpg[0]))],),
    "another key": lambda one, _: (STRANGER.message(gpg_claim(one)),),
    "a key after its end": lambda one, _: (RETIRED.message(gpg_claim(one)),),
    "armored": lambda one, _: (pysequoia.sign(MAKER.gpg.signer(), gpg_claim(one)),),
    "another digest": lambda one, chance: (MAKER.message(gpg_claim(one, digest=other_digest(chance))),),
    "claim of the other kind": lambda one, _: (MAKER.message(gpg_claim(one, kind=SIGSTORE_TYPE)),),
    "no claim": lambda _one, chance: (MAKER.message(chance.randbytes(30)),),
    "a field more": lambda one, _: (MAKER.message(gpg_claim(one).replace(b"{", b'{"more": 1, ', 1)),),
    "without a name": lambda one, _: (MAKER.message(as_bytes(claim("", one.image.digest, GPG_TYPE))),),
    "twice signed": lambda one, _: (MAKER.message(one.gpg[0]),),
    "detached": lambda one, _: (
        pysequoia.sign(
            MAKER.gpg.signer(), gpg_claim(one), armor=False, mode=pysequoia.SignatureMode.DETACHED
        ),
    ),
    "cleartext": lambda one, _: (
        pysequoia.sign(MAKER.gpg.signer(), gpg_claim(one), mode=pysequoia.SignatureMode.CLEAR),
    ),
    "not signed": lambda one, _: (gpg_claim(one),),
    "huge": lambda one, _: (one.gpg[0] + b"\0" * (1 << 20),),
    "a bomb": lambda _one, chance: (chance.choice(BOMBS),),
    "several, none right": lambda one, chance: (
        b"",
        STRANGER.message(gpg_claim(one)),
        MAKER.message(gpg_claim(one, digest=other_digest(chance))),
    ),
}
"""What can be wrong with the GPG signatures of a release."""


def gpg_claim(release: Release, *, digest: str = "", kind: str = GPG_TYPE) -> bytes:
    return as_bytes(claim(f"{RELEASES}:v1", digest or release.image.digest, kind))


def harmed(message: bytes, chance: random.Random) -> bytes:
    """Flip a bit that is signed, or of the signature: name and time of the file inside are not."""
    start = message.index(b'{"critical"')
    return message[:start] + flipped(message[start:], chance)


def some_releases(chance: random.Random) -> list[Release]:
    return [
        MAKER.release(
            f"4.{minor}.{number}", other_digest(chance), (other_digest(chance), other_digest(chance))
        )
        for minor in (20, 21, 22)
        for number in range(20)
    ]


def changed(release: Release, part: str, what: str, chance: random.Random) -> Release:
    if part == "gpg":
        return replace(release, gpg=GPG[what](release, chance))
    if part == "release":
        return replace(release, image=IMAGES[what](release.image, chance))
    assert release.content
    content = list(release.content)
    at = chance.randrange(len(content))
    content[at] = IMAGES[what](content[at], chance)
    return replace(release, content=tuple(content))


def asked(part: str, what: str, release: Release) -> bool:
    """Whether clusters that may update to the release ask for this part, and what is wrong with it."""
    assert release.minor
    if part == "gpg":
        return True
    if part == "release":
        return release.minor >= (4, 21) or what in {"not led", "not there", "not asked"}
    return release.minor >= (4, 22)


def test_of_ten_thousand_releases_none_is_called_accepted_that_clusters_would_refuse() -> None:
    chance, (keys, _early) = random.Random(16), with_a_retired_key()
    kinds = [("", "")] * 12 + [("gpg", what) for what in GPG]
    kinds += [(part, what) for part in ("release", "content") for what in IMAGES]
    wrong: Counter[tuple[str, str, str]] = Counter()
    accepted, whole = 0, some_releases(chance)
    for number, (part, what) in zip(range(CASES), itertools.cycle(kinds)):
        release = chance.choice(whole)
        if part:
            release = changed(release, part, what, chance)
        should = not part or not asked(part, what, release)
        for verdict in judge(release, keys, NOW).values():
            accepted += verdict.state is State.ACCEPTED
            if (verdict.state is State.ACCEPTED) != should:
                wrong[part, what, str(verdict.reasons)[:200]] += 1
            assert bool(verdict.reasons) == (verdict.state is not State.ACCEPTED), number
    assert not wrong
    assert CASES // 2 < accepted < CASES * 3 // 2, "both kinds are in the corpus"


@pytest.mark.parametrize("kind", ["p256", "ed25519"])
def test_without_keys_nothing_is_accepted_and_what_is_wrong_is_said_all_the_same(kind: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1()) if kind == "p256" else ed25519.Ed25519PrivateKey.generate()
    maker = Signer(sigstore=PrivateKey(key))
    release = maker.release("4.22.1", digest_of(b"a"), (digest_of(b"b"),))
    assert {one.state for one in judge(release, maker.keys, NOW).values()} == {State.ACCEPTED}
    for verdict in judge(release, ReleaseKeys(), NOW).values():
        assert verdict.state is State.UNKNOWN
        assert {reason.cause for reason in verdict.reasons} == {Cause.NO_KEYS}
    missing = replace(release, image=with_signatures(release.image, Signatures()))
    assert {one.state for one in judge(missing, ReleaseKeys(), NOW).values()} == {State.NOT_ACCEPTED}
    half = replace(maker.keys, sigstore=None)
    assert {one.state for one in judge(release, half, NOW).values()} == {State.UNKNOWN}


@pytest.mark.parametrize(
    ("version", "minors"),
    [
        ("4.18.3", [(4, 17), (4, 18)]),
        ("4.21.0-rc.1", [(4, 20), (4, 21)]),
        ("4.22.9", [(4, 21), (4, 22)]),
        ("5.0.1", [(5, 0)]),
        ("", [(4, 20), (4, 21), (4, 22)]),
        ("x", [(4, 20), (4, 21), (4, 22)]),
    ],
)
def test_clusters_that_may_update_are_those_of_the_release_and_of_the_version_before(
    version: str, minors: list[tuple[int, int]]
) -> None:
    assert list(judge(MAKER.release(version, digest_of(b"a")), KEYS, NOW)) == minors


def test_a_release_without_sigstore_signature_is_accepted_up_to_4_20_only() -> None:
    states = {}
    for version in ("4.20.1", "4.21.1"):
        release = MAKER.release(version, digest_of(b"a"))
        release = replace(release, image=with_signatures(release.image, Signatures()))
        states[version] = {one.state for one in judge(release, KEYS, NOW).values()}
    assert states == {"4.20.1": {State.ACCEPTED}, "4.21.1": {State.NOT_ACCEPTED}}


def test_from_4_22_on_each_image_of_the_content_needs_its_signature() -> None:
    digests = tuple(digest_of(bytes([n])) for n in range(9))
    release = MAKER.release("4.22.1", digest_of(b"a"), digests)
    assert release.content
    unsigned = tuple(with_signatures(one, Signatures()) for one in release.content)
    [reason] = judge(replace(release, content=unsigned), KEYS, NOW)[4, 21].reasons
    assert reason.cause is Cause.NO_SIGSTORE
    assert reason.what.startswith("9 images of its content: ocp-v4.0-art-dev@sha256:")
    assert reason.what.endswith(" and 6 more")
    for content in (None, ()):
        verdict = judge(replace(release, content=content), KEYS, NOW)[4, 22]
        assert (verdict.state, verdict.reasons[0].cause) == (State.UNKNOWN, Cause.CONTENT)
    old = MAKER.release("4.21.1", digest_of(b"a"), digests)
    assert judge(replace(old, content=None), KEYS, NOW)[4, 21].state is State.ACCEPTED


def test_a_key_that_has_ended_does_not_count_and_its_successor_does() -> None:
    release = MAKER.release("4.21.1", digest_of(b"a"))
    assert KEYS.sigstore
    ended = TrustedKeys(tuple(replace(key, until=NOW - timedelta(days=1)) for key in KEYS.sigstore))
    verdict = judge(release, replace(KEYS, sigstore=ended), NOW)[4, 21]
    assert (verdict.state, verdict.reasons[0].cause) == (State.NOT_ACCEPTED, Cause.KEY_ENDED)
    both = TrustedKeys((*ended, *KEYS.sigstore))
    assert judge(release, replace(KEYS, sigstore=both), NOW)[4, 21].state is State.ACCEPTED


def test_of_a_gpg_key_that_has_ended_only_what_it_signed_before_counts() -> None:
    keys, early = with_a_retired_key()
    assert judge(early, keys, NOW)[4, 20].state is State.ACCEPTED
    late = replace(early, gpg=(RETIRED.message(gpg_claim(early)),))
    verdict = judge(late, keys, NOW)[4, 20]
    assert (verdict.state, verdict.reasons[0].cause) == (State.NOT_ACCEPTED, Cause.WRONG_GPG)
    assert judge(replace(late, gpg=(*late.gpg, *early.gpg)), keys, NOW)[4, 20].state is State.ACCEPTED


def test_one_right_signature_among_wrong_ones_is_enough() -> None:
    release = MAKER.release("4.21.1", digest_of(b"a"))
    layers = (STRANGER.layer(b"x"), Attached("text/plain", b""), layer_of(release.image))
    signatures = replace(release.image.signed[release.image.digest], layers=layers)
    release = replace(
        release,
        image=with_signatures(release.image, signatures),
        gpg=(b"", STRANGER.message(b"x"), *release.gpg),
    )
    assert judge(release, KEYS, NOW)[4, 21].state is State.ACCEPTED


def test_every_file_of_gpg_keys_must_have_signed_and_one_key_of_it_is_enough() -> None:
    release = MAKER.release("4.20.1", digest_of(b"a"))
    two = replace(KEYS, gpg=(MAKER.keyring, STRANGER.keyring))
    assert judge(release, two, NOW)[4, 20].state is State.NOT_ACCEPTED
    together = bytes(MAKER.gpg.extract_certificate()) + bytes(STRANGER.gpg.extract_certificate())
    one = replace(KEYS, gpg=(Keyring.parse("both", together),))
    assert judge(release, one, NOW)[4, 20].state is State.ACCEPTED
    signed_by_both = replace(release, gpg=(*release.gpg, STRANGER.message(gpg_claim(release))))
    assert judge(signed_by_both, two, NOW)[4, 20].state is State.ACCEPTED


def test_a_mirrors_own_name_is_taken_where_the_policy_remaps_it() -> None:
    name, digest = "mirror.example.com/ocp/release-images", digest_of(b"a")
    payload = as_bytes(claim(f"{RELEASES}:4.21.1-x86_64", digest))
    image = Image(name=name, digest=digest, place=name, signed={digest: MAKER.attach(payload)})
    found = refusal(image, image.signed[digest], KEYS.sigstore, NOW)
    assert found
    assert found.cause is Cause.ANOTHER_NAME
    for identity in (Identity(name, RELEASES), Identity("mirror.example.com", "quay.io")):
        found = refusal(image, image.signed[digest], KEYS.sigstore, NOW, identity)
        assert (found is None) == (identity.signed_prefix == RELEASES)
    assert Identity("a.b/c", "q.io/d").takes("a.b/c/e", "q.io/d/e:1")
    assert not Identity("a.b/c", "q.io/d").takes("a.b/cc", "q.io/dc:1")


@pytest.mark.parametrize("kind", [1, 2, 3])
def test_a_compressed_gpg_signature_is_read_as_one_that_is_not(kind: int) -> None:
    release = MAKER.release("4.20.1", digest_of(b"a"))
    packers: dict[int, Callable[[bytes], bytes]] = {
        1: lambda it: zlib.compress(it)[2:-4],
        2: zlib.compress,
        3: bz2.compress,
    }
    pack = packers[kind]
    packed = bytes([0xA3, kind]) + pack(release.gpg[0])
    assert judge(replace(release, gpg=(packed,)), KEYS, NOW)[4, 20].state is State.ACCEPTED
    again = bytes([0xA3, kind]) + pack(packed)
    with pytest.raises(UntrustedSignatureError, match="exactly one signature"):
        gpg.signed_by(again, MAKER.keyring)


def test_no_flipped_bit_of_a_gpg_signature_changes_what_it_says() -> None:
    release = MAKER.release("4.20.1", digest_of(b"a"))
    message, right = release.gpg[0], gpg.signed_by(release.gpg[0], MAKER.keyring)
    for at, bit in itertools.product(range(len(message)), (0, 7)):
        changed = message[:at] + bytes([message[at] ^ (1 << bit)]) + message[at + 1 :]
        try:
            assert gpg.signed_by(changed, MAKER.keyring) == right
        except UntrustedSignatureError:
            continue
        assert message.index(b'{"critical"') - 6 <= at < message.index(b'{"critical"'), "name and time only"


def test_a_claim_is_read_as_both_programs_read_it() -> None:
    document = claim("quay.io/a/b:1", digest_of(b"a"), GPG_TYPE)
    right: list[Any] = [None, {}, {"creator": "we"}, {"timestamp": 1483228800}]
    for optional in right:
        assert claims.parse(as_bytes({**document, "optional": optional}), claims.GPG)
    del document["optional"]
    assert claims.parse(as_bytes(document), claims.GPG)
    wrong: list[Any] = ["", [], {"creator": 1}, {"timestamp": "1"}, {"timestamp": 2**63}, {"more": 1}]
    for optional in wrong:
        with pytest.raises(ClaimError):
            claims.parse(as_bytes({**document, "optional": optional}), claims.GPG)
    with_more = claim("quay.io/a/b:1", digest_of(b"a"), optional={"more": 1, "creator": "we"})
    assert claims.parse(as_bytes(with_more), claims.SIGSTORE).digest == digest_of(b"a")


def test_the_keys_of_clusters_are_read_from_a_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="release-keys: there is no folder"):
        folder.release_keys(tmp_path / "none", parameter="release-keys")
    with pytest.raises(NotFoundError, match="has no public key"):
        folder.release_keys(tmp_path, parameter="release-keys")
    (tmp_path / "redhat.asc").write_text(str(MAKER.gpg.extract_certificate()))
    keys = folder.release_keys(tmp_path, parameter="release-keys")
    assert (keys.sigstore, [one.name for one in keys.gpg]) == (None, ["redhat"])
    (tmp_path / "openshift.pub").write_bytes(MAKER.sigstore.public.pem())
    (tmp_path / "beta.gpg").write_bytes(bytes(STRANGER.gpg.extract_certificate()))
    keys = folder.release_keys(tmp_path, parameter="release-keys")
    assert keys.sigstore
    assert [key.name for key in keys.sigstore] == ["openshift"]
    assert [one.name for one in keys.gpg] == ["beta", "redhat"]
    for content, words in (
        (str(MAKER.gpg).encode(), "it is a private key"),
        (bytes(MAKER.gpg), "it is a private key"),
        (b"no key", "no public key of GPG"),
        (b"-" * (2 << 20), "more than any keys"),
    ):
        (tmp_path / "redhat.asc").write_bytes(content)
        with pytest.raises(InvalidInputError, match=words):
            folder.release_keys(tmp_path, parameter="release-keys")


@pytest.mark.parametrize("ending", ["asc", "pub"])
def test_no_key_of_too_many_is_left_out_in_silence(ending: str, tmp_path: Path) -> None:
    for number in range(folder.MOST + 1):
        (tmp_path / f"{number}.{ending}").write_text("not read")
    with pytest.raises(InvalidInputError, match=r"has 101 keys, more than 100"):
        folder.release_keys(tmp_path, parameter="release-keys")


def test_a_verdict_can_be_written_and_each_cause_says_what_to_do() -> None:
    release = replace(MAKER.release("4.21.1", digest_of(b"a")), gpg=())
    [reason] = judge(release, KEYS, NOW)[4, 21].reasons
    assert json.dumps([reason.cause, reason.what, reason.to_do, str(reason)])
    assert reason.to_do.startswith("mirror it again")
    assert CONTENT != RELEASES
