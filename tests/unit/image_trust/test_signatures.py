"""What we sign in a real registry is accepted by the policy that trusts us, and nothing else is."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from steps.errors import RegistryError, UntrustedError
from steps.image_trust import signing
from steps.image_trust.policy import Policy
from steps.image_trust.verification import Verified, verify
from steps.oci.access import Access
from steps.oci.attached import MOST, Attached
from steps.trust import dsse, provenance, simple_signing
from steps.trust.keys import PrivateKey
from steps.trust.statement import Statement
from tests import signed_images
from tests.signed_images import (
    BUILD,
    BUILDER,
    COMMIT,
    SBOM,
    SOURCE,
    beside,
    digest_of,
    policy,
    pushed,
    put_beside,
    strict,
)
from tests.testbed import registry as registries
from tests.testbed.registry import Registry

KEY = signed_images.new_key()
OTHER = signed_images.new_key()
DSSE = signing.ENVELOPE


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with registries.serving() as found:
        yield found


@pytest.fixture
def image(registry: Registry) -> str:
    return pushed(registry)


def sign(image: str, key: PrivateKey = KEY, trusted: Policy | None = None, **changes: Any) -> list[str]:
    return signing.sign(image, key, replace(BUILD, **changes), SBOM, Access(), trusted=trusted)


def refused(image: str, trusted: Policy, revision: str = "") -> str:
    with pytest.raises(UntrustedError) as caught:
        verify(image, trusted, Access(), revision=revision)
    assert image in caught.value.reason
    assert "docs/how-to/sign-the-image.md" in caught.value.hint
    return caught.value.reason


def test_a_signed_image_is_accepted_with_what_its_provenance_says(image: str) -> None:
    assert sign(image) == ["a signature", "provenance", "the list of its contents"]
    assert verify(image, policy(OTHER, KEY), Access()) == Verified("key-1")
    found = verify(image, strict(KEY), Access(), revision=COMMIT)
    assert found == Verified("key-0", BUILDER, SOURCE, COMMIT)
    assert verify(image, policy(KEY, source=SOURCE), Access(), revision="main") == found


def test_a_second_run_attaches_nothing(image: str) -> None:
    sign(image)
    before = beside(image, "sig"), beside(image, "att")
    assert sign(image, invocation="another") == []
    assert (beside(image, "sig"), beside(image, "att")) == before


def test_what_a_killed_run_left_out_is_added(image: str) -> None:
    """The signature is written first, in one piece."""
    sign(image)
    put_beside(image, "att", [])
    assert sign(image) == ["provenance", "the list of its contents"]
    sign(image)
    put_beside(image, "sig", [])
    assert sign(image) == ["a signature"]


def test_another_build_of_the_same_image_takes_the_place_of_the_one_before(image: str) -> None:
    sign(image)
    assert sign(image, commit="d" * 40) == ["provenance"]
    assert len(beside(image, "att")) == 2
    assert verify(image, strict(KEY), Access(), revision="d" * 40).commit == "d" * 40


def test_what_others_attached_stays(image: str) -> None:
    sign(image, OTHER)
    sign(image)
    assert len(beside(image, "sig")) == 2
    assert len(beside(image, "att")) == 4
    assert verify(image, strict(OTHER), Access()).signed_by == "key-0"
    assert sign(image, signed_images.new_key(), strict(KEY)) == ["the list of its contents"]


def test_an_image_without_a_signature_is_refused(image: str) -> None:
    said = refused(image, strict(KEY))
    assert "has no signature that ConfigMap 'oc-mirror-pipeline/oc-mirror-image-trust' trusts" in said
    assert "none is there, neither by tag nor among its referrers" in said


def test_the_signature_of_another_key_is_refused(image: str) -> None:
    sign(image, OTHER)
    assert "no trusted key has signed it; trusted: key-0" in refused(image, strict(KEY))


def test_a_key_that_has_ended_is_named(image: str) -> None:
    sign(image)
    data = signed_images.trust(KEY, source=SOURCE)
    ended = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    said = refused(image, Policy.read({**data, "key-0.until": ended}, where="x"))
    assert "signed by the key key-0, which ended at" in said
    assert verify(image, Policy.read({**data, "key-0.until": later}, where="x"), Access())


def test_the_new_key_is_accepted_beside_the_old_one_that_ended(image: str) -> None:
    sign(image, OTHER)
    sign(image)
    data = signed_images.trust(OTHER, KEY, source=SOURCE)
    found = verify(image, Policy.read({**data, "key-0.until": "2020-01-01"}, where="x"), Access())
    assert found.signed_by == "key-1"


def test_signature_and_attestations_of_another_image_are_refused(image: str, registry: Registry) -> None:
    other = pushed(registry)
    sign(other)
    put_beside(image, "sig", beside(other, "sig"))
    assert f"it is the signature of another image, {digest_of(other)}" in refused(image, policy(KEY))
    sign(image)
    put_beside(image, "att", beside(other, "att"))
    assert "it is about another image" in refused(image, strict(KEY))


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def test_a_flipped_bit_of_claim_signature_and_attestation_is_refused(image: str) -> None:
    sign(image)
    claims, attestations = beside(image, "sig"), beside(image, "att")
    put_beside(image, "sig", [replace(claims[0], content=flipped(claims[0].content))])
    refused(image, policy(KEY))
    raw = base64.b64decode(claims[0].annotations[simple_signing.SIGNATURE])
    changed = {simple_signing.SIGNATURE: base64.b64encode(flipped(raw)).decode()}
    put_beside(image, "sig", [replace(claims[0], annotations=changed)])
    refused(image, policy(KEY))
    put_beside(image, "sig", claims)
    assert verify(image, strict(KEY), Access())
    put_beside(image, "att", [replace(one, content=flipped(one.content)) for one in attestations])
    refused(image, strict(KEY))


@pytest.mark.parametrize(
    ("trusted", "revision", "said"),
    [
        (
            strict(KEY, source="https://git.example.com/eve/x"),
            "",
            f"it was built from {SOURCE}, not from https",
        ),
        (strict(KEY, builder="https://x"), "", f"it was built by {BUILDER}, not by https://x"),
        (strict(KEY), "e" * 40, f"it was built at the commit {COMMIT}, and {'e' * 40} is recorded"),
    ],
    ids=["source", "builder", "commit"],
)
def test_provenance_of_something_else_is_refused(
    image: str, trusted: Policy, revision: str, said: str
) -> None:
    sign(image)
    assert verify(image, policy(KEY), Access(), revision=revision)
    assert said in refused(image, trusted, revision)


def attest(image: str, predicate: object, *, kind: str = provenance.V1, key: PrivateKey = KEY) -> Attached:
    subjects = {"x": digest_of(image).removeprefix("sha256:")}
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": sha256}} for name, sha256 in subjects.items()],
        "predicateType": kind,
        "predicate": predicate,
    }
    return Attached(DSSE, dsse.seal(json.dumps(statement).encode(), key))


def two_sources() -> dict[str, Any]:
    predicate = BUILD.predicate()
    more = {"uri": "git+https://git.example.com/eve/x", "digest": {"gitCommit": COMMIT}}
    predicate["buildDefinition"]["resolvedDependencies"].append(more)
    return predicate


def no_source() -> dict[str, Any]:
    predicate = BUILD.predicate()
    del predicate["buildDefinition"]["resolvedDependencies"]
    return predicate


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda image: attest(image, two_sources()), "built from https://git.example.com/eve/x"),
        (lambda image: attest(image, no_source()), "it names no repository in Git"),
        (lambda image: attest(image, []), "a predicate that is no object"),
        (lambda image: attest(image, None), "it has no buildDefinition"),
        (lambda image: attest(image, BUILD.predicate(), kind=provenance.V02), "it has no builder"),
        (lambda image: attest(image, BUILD.predicate(), kind="https://x"), "none is there"),
        (lambda image: attest(image, BUILD.predicate(), key=OTHER), "no trusted key has signed it"),
        (lambda _image: Attached(DSSE, b"[" * 1000), "nested too deeply"),
        (lambda _image: Attached(DSSE, b"{}"), "it is no DSSE envelope"),
        (lambda _image: Attached(DSSE, dsse.seal(b"{}", KEY)), "it is no in-toto statement"),
        (
            lambda image: Attached(DSSE, dsse.seal(b"{}", KEY, payload_type="text/plain")),
            "it holds something else, 'text/plain'",
        ),
    ],
)
def test_attestations_that_prove_nothing_are_refused(
    image: str, make: Callable[[str], Attached], said: str
) -> None:
    sign(image)
    put_beside(image, "att", [make(image)])
    assert said in refused(image, strict(KEY))
    put_beside(image, "att", [make(image), attest(image, BUILD.predicate())])
    assert verify(image, strict(KEY), Access()), "one good provenance is enough"


@pytest.mark.parametrize(
    "claim",
    [
        Attached("text/plain", b"x"),
        Attached(simple_signing.MEDIA_TYPE, b"{}"),
        Attached(simple_signing.MEDIA_TYPE, b"{}", {simple_signing.SIGNATURE: "é"}),
        Attached(simple_signing.MEDIA_TYPE, b"{}", {simple_signing.SIGNATURE: "AAAA"}),
        Attached(
            simple_signing.MEDIA_TYPE,
            b"{}",
            {simple_signing.SIGNATURE: base64.b64encode(KEY.sign(b"{}")).decode()},
        ),
    ],
)
def test_what_is_no_claim_is_passed_over(image: str, claim: Attached) -> None:
    put_beside(image, "sig", [claim])
    refused(image, policy(KEY))
    sign(image)
    assert verify(image, policy(KEY), Access())


def test_a_list_of_contents_cannot_pass_for_provenance(image: str) -> None:
    """It is what the image says of itself: whoever wrote the image wrote it."""
    signing.sign(image, KEY, BUILD, BUILD.predicate(), Access(), trusted=None)
    kept = [one for one in beside(image, "att") if one.annotations["predicateType"] == signing.CYCLONEDX]
    assert len(kept) == 1
    put_beside(image, "att", kept)
    assert "none is there" in refused(image, strict(KEY))


def test_more_than_a_few_reasons_are_counted(image: str) -> None:
    put_beside(image, "sig", [Attached(f"text/{number}", b"x") for number in range(5)])
    said = refused(image, policy(KEY))
    assert said.count("it is of another type") == 3
    assert said.endswith("; and 2 more")


def test_attestations_that_cannot_be_read_matter_only_where_one_is_asked_for(image: str) -> None:
    sign(image)
    put_beside(image, "att", [Attached("text/plain", b"x", {})] * (MOST + 1))
    assert verify(image, policy(KEY), Access()).signed_by == "key-0"
    with pytest.raises(RegistryError, match="has no layers, or more than"):
        verify(image, strict(KEY), Access())


def test_provenance_of_an_unknown_version_is_named_and_a_commit_in_capitals_is_one(image: str) -> None:
    sign(image)
    with pytest.raises(UntrustedError, match="it was built at the commit"):
        verify(image, strict(KEY), Access(), revision="D" * 40)
    assert verify(image, strict(KEY), Access(), revision=COMMIT.upper()).commit == COMMIT
    kind = "https://slsa.dev/provenance/v3"
    subjects = {"x": digest_of(image).removeprefix("sha256:")}
    envelope = dsse.seal(Statement(subjects, kind, BUILD.predicate()).as_bytes(), KEY)
    put_beside(image, "att", [Attached(DSSE, envelope, {})])
    assert f"it is provenance of a kind that is not read, '{kind}'" in refused(image, strict(KEY))


def test_very_many_signatures_are_not_read(image: str) -> None:
    put_beside(image, "sig", [Attached("text/plain", b"x")] * (MOST + 1))
    with pytest.raises(RegistryError, match="more than 32"):
        verify(image, policy(KEY), Access())


def test_a_registry_that_does_not_answer_accepts_nothing() -> None:
    with pytest.raises(RegistryError):
        verify(f"127.0.0.1:9/me/x@sha256:{'a' * 64}", policy(KEY), Access().within(2))


def test_the_statement_of_our_provenance_is_about_the_digest(image: str) -> None:
    sign(image)
    envelope = dsse.Envelope.parse(beside(image, "att")[0].content)
    statement = Statement.parse(envelope.payload)
    assert statement.subjects == {image.partition("@")[0]: digest_of(image)[7:]}
