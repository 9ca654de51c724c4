"""Trust across the gap by the deployment pipeline: signed, held, verified, judged; and refused if altered.

Every run is one of the whole pipeline, from an ImageSet of a user's own, with keys in a Secret and ConfigMaps
as docs/how-to/sign-generations.md and docs/how-to/change-board.md make them.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from steps.oci import attached
from steps.oci.access import Access
from steps.trust.keys import PrivateKey
from steps.trust.releases import RELEASES
from tests.cluster.mirrors import REAL, records, volume
from tests.cluster.product import WORKLOADS, Product, install
from tests.standin.oc_mirror import Image
from tests.testbed.client import Cluster
from tests.testbed.registry import Registry
from tests.testbed.waiting import eventually
from tests.unit.trust.signers import Signer, as_bytes, claim

pytestmark = pytest.mark.skipif(REAL, reason="the release of the ImageSet is made up by the stand-in")

VERSION = "4.21.1"
IMAGESET = """\
kind: ImageSetConfiguration
apiVersion: mirror.openshift.io/v2alpha1
mirror:
  platform:
    channels:
    - name: stable-4.21
  additionalImages:
  - name: quay.io/team/app:v1
"""
MAKER = Signer()
"""Who made OpenShift here; its keys are those that clusters have."""


@dataclass(frozen=True)
class Ended:
    """How the Job of a run ended: the exit code and the log of its newest pod, and how many pods it had."""

    code: int
    log: str
    pods: int


@dataclass
class Sides:
    """Both sides of the gap in one namespace: what one archives the other imports from the same volume."""

    product: Product
    target: str

    def run(self, workflow: str, **parameters: str) -> Ended:
        """Run the pipeline, which must succeed, and wait until its Job has ended, however."""
        run = self.product.succeed(self._given(workflow, parameters), workspaces={})
        return self._end_of(run.results["workload-name"])

    def refuse(self, workflow: str, **parameters: str) -> Ended:
        """Run the pipeline, whose Job must fail; if it fails at once, so does the run."""
        run = self.product.run(self._given(workflow, parameters), workspaces={})
        [job] = re.findall(r"^Job oc-mirror/(\S+) created$", run.log("deploy-workload"), re.MULTILINE)
        return self._end_of(job)

    def _given(self, workflow: str, parameters: Mapping[str, str]) -> dict[str, str]:
        given = {"imageset-configmap": "trust-imageset", "deploy-mode": "job", "workflow": workflow}
        return given | {name.replace("_", "-"): value for name, value in parameters.items()}

    def _end_of(self, job: str) -> Ended:
        cluster = self.product.cluster

        def ended() -> dict[str, Any] | None:
            status = self.product.get("job", job).get("status", {})
            over = {one["type"] for one in status.get("conditions", []) if one["status"] == "True"}
            return status if over & {"Complete", "Failed"} else None

        eventually(f"the end of {job}", ended, timeout=240)
        pods = cluster.get("pods", "-n", WORKLOADS, "-l", f"job-name={job}")["items"]
        newest = max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
        [container] = newest["status"]["containerStatuses"]
        log = cluster.kubectl("logs", newest["metadata"]["name"], "-n", WORKLOADS).stdout
        return Ended(container["state"]["terminated"]["exitCode"], log, len(pods))

    def status(self) -> dict[str, Any]:
        """What the newest run says of itself in the cluster."""
        data = self.product.get("configmap", "oc-mirror-status")["data"]
        found: dict[str, Any] = json.loads(data["status.json"])
        return found

    @property
    def generation(self) -> Path:
        """The first generation on the volume."""
        return volume(self.product.cluster, WORKLOADS) / "generations" / "000001"


@pytest.fixture(scope="module")
def sides(
    cluster: Cluster, image: str, registry: Registry, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sides]:
    """The product with a key that signs and has a passphrase, the key's public half, and OpenShift's keys."""
    product = install(cluster, "http://unused", image)
    folder = tmp_path_factory.mktemp("keys")
    add_keys(folder, create=lambda *what: cluster.kubectl("create", *what, "-n", WORKLOADS))
    target = f"{registry.host}/trust-{uuid.uuid4().hex[:8]}"
    sign_release(target)
    yield Sides(product, target)
    product.clean()


def add_keys(folder: Path, *, create: Callable[..., object]) -> None:
    """Make the files of the how-to, and the objects of them by its commands."""
    (folder / "imageset.yaml").write_text(IMAGESET)
    create("configmap", "trust-imageset", f"--from-file={folder / 'imageset.yaml'}")
    key = PrivateKey(ec.generate_private_key(ec.SECP256R1()))
    private, trusted, release = (folder / name for name in ("release-2026", "trusted", "release-keys"))
    for path in (private, trusted, release):
        path.mkdir()
    locked = serialization.BestAvailableEncryption(b"a passphrase")
    pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    (private / "signing.key").write_bytes(key.key.private_bytes(*pem, locked))
    (private / "passphrase").write_text("a passphrase\n")
    (trusted / "release-2026.pub").write_bytes(key.public.pem())
    (release / "openshift.pub").write_bytes(MAKER.sigstore.public.pem())
    (release / "redhat.asc").write_text(str(MAKER.gpg.extract_certificate()))
    create("secret", "generic", "oc-mirror-signing-key", f"--from-file={private}")
    create("configmap", "oc-mirror-trusted-keys", f"--from-file={trusted}")
    create("configmap", "oc-mirror-release-keys", f"--from-file={release}")


def sign_release(target: str) -> None:
    """Put the sigstore signature of the release where clusters will look for it; there is none by GPG."""
    digest = Image(f"{RELEASES}:{VERSION}-x86_64", "release", "", "").manifest
    layer = MAKER.layer(as_bytes(claim(f"{RELEASES}:{VERSION}", digest)))
    with Access(tls_verify=False).open(f"{target}/openshift/release-images") as repository:
        attached.attach(repository, attached.tag(digest, "sig"), [layer])


def test_a_generation_is_held_until_the_hash_of_its_list_is_approved_and_is_signed(sides: Sides) -> None:
    signing = {"hold": "true", "signing_key": "oc-mirror-signing-key"}
    held = sides.run("workflow-to-disk", **signing)
    assert (held.code, held.pods) == (16, 1), held.log
    changes = sides.product.get("configmap", "oc-mirror-changes")["data"]
    assert VERSION in changes["changes.md"]
    approved = hashlib.sha256(changes["changes.json"].encode()).hexdigest()
    assert f"approved-changes-sha256={approved}" in held.log
    assert not sides.generation.exists()

    published = sides.run("workflow-to-disk", **signing, approved_changes_sha256=approved)
    assert published.code == 0, published.log
    assert "was held and is approved" in published.log
    [made] = records(sides.generation.parent.parent, "generations")
    assert made["sequence"] == 1
    assert (sides.generation / "generation.intoto.jsonl").is_file()


def test_what_is_signed_is_verified_without_a_registry(sides: Sides) -> None:
    verified = sides.run("workflow-verify", trusted_keys="oc-mirror-trusted-keys")
    assert verified.code == 0, verified.log
    assert "release-2026" in verified.log
    assert "1 trusted" in verified.log


def test_an_import_takes_what_is_signed_and_says_which_clusters_accept_the_release(sides: Sides) -> None:
    imported = sides.run("workflow-from-disk", **importing(sides))
    assert imported.code == 0, imported.log
    assert "is signed by release-2026" in imported.log
    refused = f"OpenShift {VERSION}: clusters of 4.20 and 4.21 do not accept it: no GPG signature"
    assert refused in imported.log
    assert sides.status()["accepted"] == {VERSION: {"4.20": "not accepted", "4.21": "not accepted"}}


def importing(sides: Sides) -> dict[str, str]:
    """The parameters of the side that imports."""
    return {
        "target_registry": sides.target,
        "destination_tls_verify": "false",
        "trusted_keys": "oc-mirror-trusted-keys",
        "require_signature": "true",
        "release_keys": "oc-mirror-release-keys",
    }


def test_one_flipped_bit_is_refused_before_anything_is_pushed(sides: Sides, registry: Registry) -> None:
    path = sides.generation / "generation.intoto.jsonl"
    before = path.read_bytes()
    path.write_bytes(before[:100] + bytes([before[100] ^ 1]) + before[101:])
    other = {**importing(sides), "target_registry": f"{sides.target}/other"}
    refused = sides.refuse("workflow-from-disk", **other)
    path.write_bytes(before)
    assert (refused.code, refused.pods) == (15, 1), refused.log
    reason, hint = refused.log.strip().splitlines()[-2:]
    assert "generation.intoto.jsonl" in reason
    assert "hint: " in hint
    assert "Traceback" not in refused.log
    repository = f"{other['target_registry'].partition('/')[2]}/team/app"
    assert not registry.tags(repository)
