"""The real cosign signs what stands for a release: our verdict and `cosign verify` agree, tampered or not.

They differ in three things, by intent, as nodes are stricter. These compare the name that was signed and the
type of the layer, and they read the tag `.sig` only, not bundles that refer to an image. What cosign verifies
all the same is not accepted then. No cluster is used here, only the program.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import requests

from steps.mirroring.checks.release_reading import Reader
from steps.mirroring.ocmirror.mirror_sets import MirrorSets
from steps.oci import attached
from steps.oci.access import Access
from steps.oci.manifests import INDEXES
from steps.trust.releases import RELEASES, judge
from steps.trust.simple_signing import SIGNATURE
from steps.trust.verdicts import Cause, State
from tests import signed_images
from tests.conftest import unavailable
from tests.signed_images import Cosign
from tests.standin import manners
from tests.standin.moody import Moody
from tests.testbed import registry as registries
from tests.testbed.layout import BIN
from tests.testbed.registry import Registry
from tests.unit.trust.signers import GPG_TYPE, Signer, as_bytes, claim

VERSION = "4.21.1"
MAKER = Signer(sigstore=signed_images.new_key())
NAME = f"{RELEASES}:{VERSION}-x86_64"


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with registries.serving() as found:
        yield found


@pytest.fixture(scope="module")
def cosign(tmp_path_factory: pytest.TempPathFactory) -> Cosign:
    return with_key(tmp_path_factory, MAKER)


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Cosign:
    return with_key(tmp_path_factory, Signer(sigstore=signed_images.new_key()))


def with_key(folders: pytest.TempPathFactory, signer: Signer) -> Cosign:
    program = BIN / "cosign"
    if not program.is_file():
        unavailable(f"there is no cosign at {program}: run make programs")
    return Cosign.with_key(program, folders.mktemp("cosign"), signer.sigstore)


@pytest.fixture
def release(registry: Registry) -> str:
    """An image that stands for a release, by the name of the mirror and its digest."""
    return signed_images.pushed(registry)


def verdict(image: str) -> tuple[State, set[Cause]]:
    """What clusters of 4.20 and 4.21, led to this mirror, do with the release; its GPG signature is there."""
    place, _, digest = image.partition("@")
    message = MAKER.message(as_bytes(claim(NAME, digest, GPG_TYPE)))
    reader = Reader(target=Access(), mirrors=MirrorSets({RELEASES: (place,)}), gpg={digest: (message,)})
    found = judge(reader.release(RELEASES, digest, VERSION), MAKER.keys, datetime.now(UTC))
    assert set(found) == {(4, 20), (4, 21)}
    [state] = {one.state for one in found.values()}
    return state, {reason.cause for one in found.values() for reason in one.reasons}


def test_what_cosign_signed_at_the_tag_is_accepted_and_verified(release: str, cosign: Cosign) -> None:
    cosign.verify(release, fails=True)
    assert verdict(release) == (State.NOT_ACCEPTED, {Cause.NO_SIGSTORE})
    cosign.sign(release, tags=True, name=NAME)
    cosign.verify(release)
    assert verdict(release) == (State.ACCEPTED, set())


def with_another_claim(image: str) -> None:
    [layer] = signed_images.beside(image, "sig")
    digest = signed_images.digest_of(image).encode()
    forged = replace(layer, content=layer.content.replace(digest, b"sha256:" + b"0" * 64))
    signed_images.put_beside(image, "sig", [forged])


def with_another_signature(image: str) -> None:
    [layer] = signed_images.beside(image, "sig")
    signature = bytearray(base64.b64decode(layer.annotations[SIGNATURE]))
    signature[-1] ^= 1
    forged = {SIGNATURE: base64.b64encode(signature).decode()}
    signed_images.put_beside(image, "sig", [replace(layer, annotations=forged)])


def without_any(image: str) -> None:
    with Access().open(image.partition("@")[0]) as repository:
        repository.delete(repository.digest(attached.tag(signed_images.digest_of(image), "sig")))


@pytest.mark.parametrize(
    ("tamper", "cause"),
    [
        (with_another_claim, Cause.WRONG_SIGSTORE),
        (with_another_signature, Cause.WRONG_SIGSTORE),
        (without_any, Cause.NO_SIGSTORE),
    ],
)
def test_after_a_tampering_both_refuse(
    release: str, cosign: Cosign, tamper: Callable[[str], None], cause: Cause
) -> None:
    cosign.sign(release, tags=True, name=NAME)
    tamper(release)
    cosign.verify(release, fails=True)
    assert verdict(release) == (State.NOT_ACCEPTED, {cause})


def test_the_signature_of_another_release_and_that_of_another_key_are_refused_by_both(
    release: str, registry: Registry, cosign: Cosign, stranger: Cosign
) -> None:
    other = signed_images.pushed(registry)
    cosign.sign(other, tags=True, name=NAME)
    signed_images.put_beside(release, "sig", signed_images.beside(other, "sig"))
    cosign.verify(release, fails=True)
    assert verdict(release) == (State.NOT_ACCEPTED, {Cause.ANOTHER_IMAGE})
    without_any(release)
    stranger.sign(release, tags=True, name=NAME)
    stranger.verify(release)
    cosign.verify(release, fails=True)
    assert verdict(release) == (State.NOT_ACCEPTED, {Cause.WRONG_SIGSTORE})
    cosign.sign(release, tags=True, name=NAME)
    cosign.verify(release)
    assert verdict(release) == (State.ACCEPTED, set()), "one of two signatures counts"


def test_clusters_compare_name_and_type_too_which_cosign_does_not(release: str, cosign: Cosign) -> None:
    cosign.sign(release, tags=True)
    cosign.verify(release)
    assert verdict(release) == (State.NOT_ACCEPTED, {Cause.ANOTHER_NAME})
    without_any(release)
    cosign.sign(release, tags=True, name=NAME)
    [layer] = signed_images.beside(release, "sig")
    signed_images.put_beside(release, "sig", [replace(layer, media_type="application/octet-stream")])
    cosign.verify(release)
    assert verdict(release) == (State.NOT_ACCEPTED, {Cause.WRONG_LAYOUT})


def test_a_bundle_that_refers_to_the_release_is_verified_by_cosign_and_not_read_by_nodes(
    release: str, registry: Registry, cosign: Cosign
) -> None:
    """By the tag that takes the place of the list of referrers, and by the list itself."""
    cosign.sign(release, tags=False, name=NAME)
    place, _, digest = release.partition("@")

    def index_of(repository: str, asked: str) -> bytes | None:
        url = f"{registry.url}/v2/{repository}/manifests/{asked.replace(':', '-')}"
        answer = requests.get(url, headers={"Accept": INDEXES[0]}, timeout=10)
        return answer.content if answer.ok else None

    with Moody(registry.host) as moody:
        moody.manners = [manners.has_referrers(index_of)]
        listing = f"{moody.host}/{place.partition('/')[2]}@{digest}"
        for image in (release, listing):
            cosign.verify(image)
            assert verdict(image) == (State.NOT_ACCEPTED, {Cause.ONLY_REFERRER})
        with Access().open(place) as repository:
            repository.delete(repository.digest(digest.replace(":", "-")))
        for image in (release, listing):
            cosign.verify(image, fails=True)
            assert verdict(image) == (State.NOT_ACCEPTED, {Cause.NO_SIGSTORE})
        cosign.sign(release, tags=True, name=NAME)
        for image in (release, listing):
            cosign.verify(image)
            assert verdict(image) == (State.ACCEPTED, set())
