"""Releases signed by keys of our own, as Red Hat signs them: sigstore at the tag .sig, and by GPG."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass, field, replace
from typing import Any

import pysequoia
from cryptography.hazmat.primitives.asymmetric import ec

from steps.oci.attached import Attached
from steps.trust.gpg import Keyring
from steps.trust.keys import PrivateKey, PublicKey, TrustedKeys
from steps.trust.releases import RELEASES, Release, ReleaseKeys
from steps.trust.sigstore import MANIFEST, Image, Signatures
from steps.trust.simple_signing import MEDIA_TYPE, SIGNATURE

os.environ["RUST_BACKTRACE"] = "0"  # else each signature that is refused costs milliseconds
CONTENT = "quay.io/openshift-release-dev/ocp-v4.0-art-dev"
SIGSTORE_TYPE, GPG_TYPE = "cosign container image signature", "atomic container signature"


def claim(reference: str, digest: str, kind: str = SIGSTORE_TYPE, optional: Any = None) -> dict[str, Any]:
    critical = {
        "identity": {"docker-reference": reference},
        "image": {"docker-manifest-digest": digest},
        "type": kind,
    }
    return {"critical": critical, "optional": optional}


def as_bytes(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


@dataclass
class Signer:
    """The keys of one maker."""

    sigstore: PrivateKey = field(default_factory=lambda: PrivateKey(ec.generate_private_key(ec.SECP256R1())))
    gpg: pysequoia.Tsk = field(
        default_factory=lambda: pysequoia.Tsk.generate("maker", cipher_suite=pysequoia.CipherSuite.RSA2k)
    )

    @property
    def keyring(self) -> Keyring:
        return Keyring.parse("maker", bytes(self.gpg.extract_certificate()))

    @property
    def keys(self) -> ReleaseKeys:
        public = PublicKey("maker", self.sigstore.public.key)
        return ReleaseKeys(sigstore=TrustedKeys((public,)), gpg=(self.keyring,))

    def layer(self, payload: bytes) -> Attached:
        signature = base64.b64encode(self.sigstore.sign(payload)).decode()
        return Attached(MEDIA_TYPE, payload, {SIGNATURE: signature})

    def attach(self, payload: bytes) -> Signatures:
        return Signatures(media_type=MANIFEST, layers=(self.layer(payload),))

    def message(self, payload: bytes) -> bytes:
        return pysequoia.sign(self.gpg.signer(), payload, armor=False)

    def image(self, name: str, digest: str, *, place: str = "mirror.example.com/release") -> Image:
        payload = as_bytes(claim(f"{name}:4.22.1-x86_64", digest))
        return Image(name=name, digest=digest, place=place, signed={digest: self.attach(payload)})

    def release(self, version: str, digest: str, content: tuple[str, ...] = ()) -> Release:
        message = self.message(as_bytes(claim(f"{RELEASES}:{version}", digest, GPG_TYPE, {"creator": "we"})))
        return Release(
            image=self.image(RELEASES, digest),
            version=version,
            content=tuple(self.image(CONTENT, one) for one in content),
            gpg=(message,),
        )


def with_signatures(image: Image, signatures: Signatures) -> Image:
    return replace(image, signed={image.digest: signatures})
