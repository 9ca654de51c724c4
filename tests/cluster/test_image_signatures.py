"""The real cosign verifies what we attach to an image, and we verify what cosign attached, in both layouts.

No cluster is used here, only the program. Tekton Chains is not run (it cannot be had): what it would write is
signed by cosign, in its layout and with its predicates (see tests/signed_images.py).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from steps.errors import UntrustedError
from steps.image_trust import signing
from steps.image_trust.verification import verify
from steps.oci.access import Access
from steps.trust.keys import PrivateKey
from tests import signed_images
from tests.conftest import unavailable
from tests.signed_images import BUILD, BUILDER, CHAINS, COMMIT, SBOM, SOURCE, Cosign, strict
from tests.testbed import registry as registries
from tests.testbed.layout import BIN
from tests.testbed.registry import Registry

TYPES = {"slsaprovenance1": signed_images.chains_v1, "slsaprovenance02": signed_images.chains_v02}

each_layout = pytest.mark.parametrize("tags", [True, False], ids=["tags", "bundles"])


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with registries.serving() as found:
        yield found


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    return signed_images.new_key()


@pytest.fixture(scope="module")
def cosign(key: PrivateKey, tmp_path_factory: pytest.TempPathFactory) -> Cosign:
    program = BIN / "cosign"
    if not program.is_file():
        unavailable(f"there is no cosign at {program}: run make programs")
    return Cosign.with_key(program, tmp_path_factory.mktemp("cosign"), key)


@pytest.fixture
def image(registry: Registry) -> str:
    return signed_images.pushed(registry)


def written(folder: Path, predicate: dict[str, Any]) -> Path:
    path = folder / "predicate.json"
    path.write_text(json.dumps(predicate))
    return path


def statements(said: str) -> list[dict[str, Any]]:
    """The statements that cosign prints, an envelope a line."""
    lines = [line for line in said.splitlines() if line.startswith('{"payload')]
    return [json.loads(base64.b64decode(json.loads(line)["payload"])) for line in lines]


def test_cosign_verifies_the_signature_provenance_and_contents_that_we_attach(
    image: str, key: PrivateKey, cosign: Cosign
) -> None:
    cosign.verify(image, fails=True)
    done = signing.sign(image, key, BUILD, SBOM, Access(), trusted=None)
    assert done == ["a signature", "provenance", "the list of its contents"]
    assert signed_images.digest_of(image) in cosign.verify(image)
    (provenance,) = statements(cosign.verify(image, "verify-attestation", "--type=slsaprovenance1"))
    assert provenance["subject"][0]["digest"]["sha256"] == signed_images.digest_of(image)[7:]
    assert provenance["predicate"]["runDetails"]["builder"]["id"] == BUILDER
    (listed,) = statements(cosign.verify(image, "verify-attestation", "--type=cyclonedx"))
    assert listed["predicate"] == SBOM
    cosign.verify(image, "verify-attestation", "--type=spdxjson", fails=True)


def test_cosign_refuses_an_image_that_another_key_signed(image: str, cosign: Cosign) -> None:
    other = signed_images.new_key()
    signing.sign(image, other, BUILD, SBOM, Access(), trusted=None)
    cosign.verify(image, fails=True)
    cosign.verify(image, "verify-attestation", "--type=slsaprovenance1", fails=True)


@each_layout
@pytest.mark.parametrize("kind", TYPES)
def test_what_cosign_signed_as_chains_does_is_accepted(
    image: str, key: PrivateKey, cosign: Cosign, tmp_path: Path, tags: bool, kind: str
) -> None:
    cosign.sign(image, tags=tags)
    with pytest.raises(UntrustedError, match="has no provenance"):
        verify(image, strict(key, builder=CHAINS), Access())
    cosign.attest(image, kind, written(tmp_path, TYPES[kind]()), tags=tags)
    found = verify(image, strict(key, builder=CHAINS), Access(), revision=COMMIT)
    assert str(found) == f"signed by the key key-0; built from {SOURCE} at {COMMIT} by {CHAINS}"
    for other in (strict(key), strict(key, builder=CHAINS, source="https://git.example.com/eve/x")):
        with pytest.raises(UntrustedError, match="has no provenance that ConfigMap"):
            verify(image, other, Access())
    with pytest.raises(UntrustedError, match="has no signature that ConfigMap"):
        verify(image, strict(signed_images.new_key()), Access())


@each_layout
def test_what_is_signed_by_cosign_already_is_not_signed_again(
    image: str, key: PrivateKey, cosign: Cosign, tmp_path: Path, tags: bool
) -> None:
    cosign.sign(image, tags=tags)
    cosign.attest(image, "slsaprovenance1", written(tmp_path, signed_images.chains_v1()), tags=tags)
    own = signed_images.new_key()
    trusted = strict(key, own, builder=f"{CHAINS} {BUILDER}")
    done = signing.sign(image, own, BUILD, SBOM, Access(), trusted=trusted)
    assert done == ["the list of its contents"]
    cosign.verify(image)
    cosign.verify(image, "verify-attestation", "--type=slsaprovenance1")


@each_layout
def test_cosigns_signatures_and_ours_stand_side_by_side(
    image: str, key: PrivateKey, cosign: Cosign, tmp_path: Path, tags: bool
) -> None:
    own = signed_images.new_key()
    signing.sign(image, own, BUILD, SBOM, Access(), trusted=None)
    cosign.sign(image, tags=tags)
    cosign.attest(image, "slsaprovenance1", written(tmp_path, signed_images.chains_v1()), tags=tags)
    assert verify(image, strict(own), Access()).built_by == BUILDER
    assert verify(image, strict(key, builder=CHAINS), Access()).built_by == CHAINS
    signing.sign(image, own, BUILD, SBOM, Access(), trusted=None)
    cosign.verify(image)
    cosign.verify(image, "verify-attestation", "--type=slsaprovenance1")
