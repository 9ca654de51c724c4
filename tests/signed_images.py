"""Small images to sign, keys, and provenance as Tekton Chains shapes it; for two layers of tests.

Chains itself is not run: its predicates have the fields of its documentation (tektoncd/chains,
docs/predicate/slsa/v2.md and docs/slsa-provenance.md), and cosign or we sign them.
"""

from __future__ import annotations

import hashlib
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from steps.image_trust.policy import Policy
from steps.image_trust.signing import Build
from steps.oci import attached
from steps.oci.access import Access
from steps.oci.attached import Attached
from steps.trust.keys import PrivateKey
from tests.testbed.registry import Registry

SOURCE = "https://git.example.com/me/oc-mirror-pipeline"
COMMIT = "c0ffee" + "0" * 34
BUILDER = "https://tekton.example.com/oc-mirror"
CHAINS = "https://tekton.dev/chains/v2"
BUILD = Build(SOURCE, COMMIT, {"git-revision": "main"}, BUILDER, "oc-mirror-pipeline/build-x7k2p-sign-image")
SBOM = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": []}


def new_key() -> PrivateKey:
    return PrivateKey(ec.generate_private_key(ec.SECP256R1()))


def private_pem(key: PrivateKey) -> bytes:
    return key.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def trust(*keys: PrivateKey, **settings: str) -> dict[str, str]:
    """The data of a ConfigMap of trust: keys key-0, key-1, …, and settings (`_` for `-` in their names)."""
    data = {f"key-{number}.pub": key.public.pem().decode() for number, key in enumerate(keys)}
    return data | {name.replace("_", "-"): value for name, value in settings.items()}


def policy(*keys: PrivateKey, **settings: str) -> Policy:
    return Policy.read(trust(*keys, **settings), where="ConfigMap 'oc-mirror-pipeline/oc-mirror-image-trust'")


def strict(*keys: PrivateKey, source: str = SOURCE, builder: str = BUILDER, **settings: str) -> Policy:
    return policy(*keys, source=source, builder=builder, **settings)


def pushed(registry: Registry, content: bytes = b"") -> str:
    """An image in a repository of its own, by digest."""
    name = f"{registry.host}/me/{uuid.uuid4().hex[:12]}"
    with Access().open(name) as repository:
        layer = Attached("application/vnd.oci.image.layer.v1.tar", content or name.encode())
        return f"{name}@{attached.attach(repository, 'latest', [layer])}"


def digest_of(image: str) -> str:
    return image.partition("@")[2]


def beside(image: str, ending: str, access: Access | None = None) -> list[Attached]:
    """What lies at the tag of this ending."""
    with (access or Access()).open(image.partition("@")[0]) as repository:
        return attached.layers(repository, attached.tag(digest_of(image), ending))


def put_beside(image: str, ending: str, layers: list[Attached]) -> None:
    with Access().open(image.partition("@")[0]) as repository:
        attached.attach(repository, attached.tag(digest_of(image), ending), layers)


def chains_v1(source: str = SOURCE, commit: str = COMMIT, builder: str = CHAINS) -> dict[str, Any]:
    """The predicate of a PipelineRun in version 1."""
    sha256 = hashlib.sha256(b"an image of a step").hexdigest()
    definition = {"uri": "git+https://git.example.com/tekton/tasks.git", "digest": {"sha1": "d" * 40}}
    return {
        "buildDefinition": {
            "buildType": "https://tekton.dev/chains/v2/slsa",
            "externalParameters": {"runSpec": {"pipelineRef": {"name": "oc-mirror-build-pipeline"}}},
            "internalParameters": {"tekton-pipelines-feature-flags": {"EnableAPIFields": "beta"}},
            "resolvedDependencies": [
                {"name": "pipeline", **definition},
                {"name": "pipelineTask", **definition},
                {"uri": "oci://quay.io/buildah/stable", "digest": {"sha256": sha256}},
                {"name": "inputs/result", "uri": f"git+{source}.git", "digest": {"sha1": commit}},
            ],
        },
        "runDetails": {
            "builder": {"id": builder},
            "metadata": {"invocationId": str(uuid.uuid4()), "startedOn": "2026-11-27T02:00:00Z"},
            "byproducts": [{"name": "pipelineRunResults/image", "content": "InF1YXkuaW8i"}],
        },
    }


def chains_v02(source: str = SOURCE, commit: str = COMMIT, builder: str = CHAINS) -> dict[str, Any]:
    """The predicate of a TaskRun in version 0.2."""
    sha256 = hashlib.sha256(b"an image of a step").hexdigest()
    return {
        "builder": {"id": builder},
        "buildType": "tekton.dev/v1beta1/TaskRun",
        "invocation": {"configSource": {}, "parameters": {"image-url": "quay.io/me/oc-mirror:v1"}},
        "buildConfig": {"steps": [{"entryPoint": "buildah", "arguments": None}]},
        "metadata": {"completeness": {"parameters": False}, "reproducible": False},
        "materials": [
            {"uri": "oci://quay.io/buildah/stable", "digest": {"sha256": sha256}},
            {"uri": f"git+{source}.git", "digest": {"sha1": commit}},
        ],
    }


@dataclass(frozen=True)
class Cosign:
    """The real cosign with a key of ours that it has imported, in a folder of its own."""

    program: Path
    folder: Path

    @classmethod
    def with_key(cls, program: Path, folder: Path, key: PrivateKey) -> Cosign:
        (folder / "signing.key").write_bytes(private_pem(key))
        (folder / "signing.pub").write_bytes(key.public.pem())
        found = cls(program, folder)
        found.run("import-key-pair", "--key", "signing.key", "--output-key-prefix", "imported")
        return found

    def run(self, *arguments: str, fails: bool = False) -> str:
        """Run it, without any service of sigstore; what it says."""
        environment = {"HOME": str(self.folder), "PATH": "/usr/bin:/bin", "COSIGN_PASSWORD": ""}
        done = subprocess.run(
            [self.program, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert bool(done.returncode) is fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    def sign(self, image: str, *, tags: bool, name: str = "") -> None:
        """Sign an image, under another name where one is given."""
        identity = [f"--sign-container-identity={name}"] if name else []
        self.run("sign", *self._offline(tags), *identity, image)

    def attest(self, image: str, kind: str, predicate: Path, *, tags: bool) -> None:
        self.run("attest", *self._offline(tags), "--type", kind, "--predicate", str(predicate), image)

    def _offline(self, tags: bool) -> list[str]:
        offline = ["--yes", "--key=imported.key", "--tlog-upload=false", "--use-signing-config=false"]
        return [*offline, "--new-bundle-format=false"] if tags else offline

    def verify(self, image: str, *more: str, fails: bool = False) -> str:
        """`verify`, or another command of it with its options as `more`."""
        command, *options = more or ["verify"]
        known = ["--key=signing.pub", "--insecure-ignore-tlog=true"]
        return self.run(command, *known, *options, image, fails=fails)
