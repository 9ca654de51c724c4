"""After a run it is said which clusters accept an update to the releases in the target, or why not."""

from __future__ import annotations

import base64
import gzip
import io
import itertools
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from steps.mirroring.checks.release_reading import Reader
from steps.mirroring.ocmirror.mirror_sets import MirrorSets
from steps.mirroring.publish import policies
from steps.mirroring.store.accepted import JudgedRelease, WrittenVerdict, compact
from steps.oci import attached
from steps.oci.access import Access
from steps.oci.attached import Attached
from steps.oci.manifests import INDEXES, MANIFESTS, digest_of
from steps.trust.releases import RELEASES, judge
from steps.trust.sigstore import MANIFEST
from steps.trust.simple_signing import MEDIA_TYPE, SIGNATURE
from steps.trust.verdicts import Cause, State
from tests.standin.manners import Question, Reply, refusal
from tests.standin.moody import Moody
from tests.standin.oc_mirror import Image
from tests.unit.mirroring.conftest import Place, serve_registry, standin_only
from tests.unit.trust.signers import CONTENT, GPG_TYPE, Signer, as_bytes, claim

NOW = datetime.now(UTC)
MAKER = Signer()
ACCESS = Access(tls_verify=False)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve_registry(tmp_path_factory.mktemp("accepting")) as host:
        yield host


def image_of(version: str) -> Image:
    return Image(f"{RELEASES}:{version}-x86_64", "release", "openshift/release-images", f"{version}-x86_64")


def attach(place: str, digest: str, name: str, signer: Signer = MAKER) -> None:
    payload = as_bytes(claim(f"{name}:v1", digest))
    layer = signer.layer(payload)
    with ACCESS.open(place) as repository:
        attached.attach(repository, attached.tag(digest, "sig"), [layer])


@dataclass
class Lab:
    """A direct mirror of one release, with the keys of its maker."""

    place: Place
    target: str
    folder: Path
    version: str

    def keys(self) -> str:
        keys = self.folder / "release-keys"
        keys.mkdir(exist_ok=True)
        (keys / "openshift.pub").write_bytes(MAKER.sigstore.public.pem())
        (keys / "redhat.asc").write_text(str(MAKER.gpg.extract_certificate()))
        return f"--release-keys={keys}"

    def sign(self) -> None:
        attach(f"{self.target}/openshift/release-images", image_of(self.version).manifest, RELEASES)

    def record(self) -> dict[str, Any]:
        targets = json.loads((self.place.data / "accepted.json").read_text())["targets"]
        found: dict[str, Any] = targets[self.target]
        return found

    def states(self, name: str = "imageset") -> dict[str, str]:
        [release] = self.record()[name]["releases"]
        return {minor: one["state"] for minor, one in release["clusters"].items()}


@pytest.fixture
def lab(direct: Place, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    version = "4.21.1"
    direct.imageset.write_text(
        "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  platform:\n"
        "    channels:\n    - name: stable-4.21\n"
    )
    digest = image_of(version).manifest
    message = MAKER.message(as_bytes(claim(f"{RELEASES}:{version}", digest, GPG_TYPE)))
    resource = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "mirrored-release-signatures",
            "namespace": "openshift-config-managed",
            "labels": {"release.openshift.io/verification-signatures": ""},
        },
        "binaryData": {f"{digest.replace(':', '-')}-1": base64.b64encode(message).decode()},
    }
    made = tmp_path / "made"
    made.mkdir()
    (made / "signature-configmap.yaml").write_text(yaml.safe_dump(resource))
    monkeypatch.setenv("STANDIN_RESOURCES", str(made))
    return Lab(direct, target, tmp_path, version)


@standin_only
def test_a_signed_release_is_accepted_and_policies_lie_beside_what_is_published(lab: Lab) -> None:
    lab.sign()
    ran = lab.place.mirror(lab.keys(), "--verify-signatures=strict")
    assert ran.returncode == 0, ran.stderr
    assert "OpenShift 4.21.1: clusters of 4.20 and 4.21 accept it" in ran.stderr
    assert lab.states() == {"4.20": "accepted", "4.21": "accepted"}
    [run] = [json.loads(path.read_text()) for path in (lab.place.data / "runs").glob("*.json")]
    assert run["accepted"] == {"4.21.1": {"4.20": "accepted", "4.21": "accepted"}}
    [folder] = (lab.place.data / "targets").glob("*/policies")
    assert sorted(path.name for path in folder.iterdir()) == [
        "cluster-image-policy-4.17-to-4.19.yaml",
        "cluster-image-policy-4.20-and-4.21.yaml",
        "cluster-image-policy-4.22.yaml",
        "registries.d.yaml",
    ]
    one, *_ = yaml.safe_load_all((folder / "cluster-image-policy-4.20-and-4.21.yaml").read_text())
    assert one["spec"]["scopes"] == [f"{lab.target}/openshift/release-images"]
    assert not any("policy" in path.name for path in (lab.place.data / "cluster-resources").iterdir())


@standin_only
def test_no_policy_names_a_key_that_has_ended(lab: Lab) -> None:
    """The keys stand by name, and the old one comes first: nodes would refuse all that the new one signs."""
    lab.sign()
    keys = lab.keys()
    (lab.folder / "release-keys/2020.pub").write_bytes(Signer().sigstore.public.pem())
    (lab.folder / "release-keys/2020.until").write_text("2021-01-01")
    ran = lab.place.mirror(keys, "--verify-signatures=strict")
    assert ran.returncode == 0, ran.stderr
    [folder] = (lab.place.data / "targets").glob("*/policies")
    one, *_ = yaml.safe_load_all((folder / "cluster-image-policy-4.20-and-4.21.yaml").read_text())
    used = base64.b64decode(one["spec"]["policy"]["rootOfTrust"]["publicKey"]["keyData"])
    assert used == MAKER.sigstore.public.pem()


@standin_only
def test_without_keys_nobody_has_verified_and_the_run_goes_on(lab: Lab) -> None:
    lab.sign()
    ran = lab.place.mirror()
    assert ran.returncode == 0
    assert "clusters of 4.20 and 4.21 may not accept it, which is not known: no keys were given" in ran.stderr
    assert "give release-keys, the public keys that clusters use" in ran.stderr
    assert lab.states() == {"4.20": "unknown", "4.21": "unknown"}


@standin_only
def test_a_missing_signature_is_told_and_with_strict_nothing_is_published(lab: Lab) -> None:
    ran = lab.place.mirror(lab.keys(), "--verify-signatures=strict")
    assert ran.returncode == 15
    assert "clusters do not accept, or may not: OpenShift 4.21.1 (clusters of 4.20, 4.21)" in ran.stderr
    assert "no sigstore signature: the release image: ocp-release@sha256:" in ran.stderr
    assert not list((lab.place.data / "targets").glob("*/cluster-resources"))
    assert lab.states() == {"4.20": "not accepted", "4.21": "not accepted"}
    ran = lab.place.mirror(lab.keys())
    assert ran.returncode == 0
    assert list((lab.place.data / "targets").glob("*/cluster-resources/idms.yaml"))


@standin_only
def test_at_any_time_the_same_command_looks_only(lab: Lab) -> None:
    look = (lab.keys(), "--verify-signatures=only")
    ran = lab.place.mirror(*look)
    assert ran.returncode == 4, "nothing is published yet"
    lab.place.mirror("--verify-signatures=none")
    assert lab.place.mirror(*look).returncode == 15
    assert lab.states("") == {"4.20": "not accepted", "4.21": "not accepted"}
    lab.sign()
    ran = lab.place.mirror(*look)
    assert ran.returncode == 0, ran.stderr
    assert "clusters accept all 1 releases" in ran.stderr
    assert lab.states("") == {"4.20": "accepted", "4.21": "accepted"}


@standin_only
def test_a_release_that_is_gone_is_not_passed_over(lab: Lab) -> None:
    lab.sign()
    assert lab.place.mirror(lab.keys()).returncode == 0
    with ACCESS.open(f"{lab.target}/openshift/release-images") as repository:
        repository.delete(image_of(lab.version).manifest)
    ran = lab.place.mirror(lab.keys(), "--verify-signatures=only")
    assert ran.returncode == 15, ran.stderr
    assert "clusters of 4.20 and 4.21 do not accept it: image is not in the mirror" in ran.stderr
    assert lab.states("") == {"4.20": "not accepted", "4.21": "not accepted"}


@standin_only
def test_a_release_that_an_earlier_imageset_named_may_be_gone(lab: Lab) -> None:
    lab.sign()
    assert lab.place.mirror(lab.keys()).returncode == 0
    lab.place.names("team/app:v1")
    assert lab.place.mirror(lab.keys()).returncode == 0
    look = (lab.keys(), "--verify-signatures=only")
    assert "OpenShift 4.21.1" in lab.place.mirror(*look).stderr
    with ACCESS.open(f"{lab.target}/openshift/release-images") as repository:
        repository.delete(image_of(lab.version).manifest)
    ran = lab.place.mirror(*look)
    assert ran.returncode == 0, ran.stderr
    assert "has no release" in ran.stderr


@standin_only
def test_a_release_that_is_gone_is_called_by_its_tag_where_that_is_no_version(lab: Lab) -> None:
    assert lab.place.mirror(lab.keys()).returncode == 0
    for path in (lab.place.data / "inventory").rglob("*.json"):
        path.write_text(path.read_text().replace(f"ocp-release:{lab.version}-x86_64", "ocp-release:night"))
    with ACCESS.open(f"{lab.target}/openshift/release-images") as repository:
        repository.delete(image_of(lab.version).manifest)
    ran = lab.place.mirror(lab.keys(), "--verify-signatures=only")
    assert ran.returncode == 15, ran.stderr
    assert "OpenShift night: clusters of 4.20 and 4.21 and 4.22 do not accept it" in ran.stderr


def hides_the_release(question: Question) -> Reply | None:
    """A registry that forbids one tag, as behind a rule of a proxy."""
    wanted = question.path.endswith("/openshift/release-images/manifests/4.21.1-x86_64")
    return refusal(403, "DENIED") if wanted and question.method in {"GET", "HEAD"} else None


@standin_only
def test_a_release_that_the_registry_does_not_show_is_unknown(lab: Lab, moody_target: Moody) -> None:
    lab.sign()
    target = f"--target-registry={moody_target.host}/{lab.target.partition('/')[2]}"
    assert lab.place.mirror(target, lab.keys()).returncode == 0
    moody_target.manners = [hides_the_release]
    ran = lab.place.mirror(target, lab.keys(), "--verify-signatures=only")
    assert ran.returncode == 15, ran.stderr
    assert "may not accept it, which is not known: the registry does not answer" in ran.stderr


@standin_only
def test_a_release_that_does_not_say_which_it_is_is_unknown(lab: Lab, moody_target: Moody) -> None:
    lab.sign()
    target = f"--target-registry={moody_target.host}/{lab.target.partition('/')[2]}"
    assert lab.place.mirror(target, lab.keys()).returncode == 0
    with ACCESS.open(f"{lab.target}/openshift/release-images") as repository:
        config = json.loads(repository.manifest(image_of(lab.version).manifest)[1])["config"]["digest"]
    moody_target.manners = [lambda asked: refusal(403, "DENIED") if asked.path.endswith(config) else None]
    ran = lab.place.mirror(target, lab.keys(), "--verify-signatures=only")
    assert ran.returncode == 15, ran.stderr
    assert "may not accept it, which is not known: the registry does not answer" in ran.stderr


@standin_only
def test_a_release_whose_tag_was_moved_is_not_judged_by_the_image_that_lies_there_now(lab: Lab) -> None:
    """The other release is whole and signed, but it is not the one that clusters will ask for."""
    place = f"{lab.target}/openshift/release-images"
    other = push(place, [layer({"a": b"x"})], labels={"io.openshift.release": "4.21.0"})
    attach(place, other, RELEASES)
    lab.sign()
    message = MAKER.message(as_bytes(claim(f"{RELEASES}:4.21.0", other, GPG_TYPE)))
    made = lab.folder / "made/signature-configmap.yaml"
    resource = yaml.safe_load(made.read_text())
    resource["binaryData"][f"{other.replace(':', '-')}-1"] = base64.b64encode(message).decode()
    made.write_text(yaml.safe_dump(resource))
    assert lab.place.mirror(lab.keys()).returncode == 0
    with ACCESS.open(place) as repository:
        content = repository.manifest(other)[1]
        repository.put_bytes(f"{lab.version}-x86_64", content, MANIFESTS[0])
    ran = lab.place.mirror(lab.keys(), "--verify-signatures=only")
    assert ran.returncode == 15, ran.stderr
    assert f"tag of another release: the tag of 4.21.1 leads to {other[:19]}, which is 4.21.0" in ran.stderr


def test_of_several_architectures_the_worst_state_is_recorded() -> None:
    def judged(digest: str, state: str) -> JudgedRelease:
        return JudgedRelease(version="4.21.1", digest=digest, clusters={"4.21": WrittenVerdict(state=state)})

    for order in itertools.permutations(("accepted", "unknown", "not accepted")):
        found = compact([judged(str(number), state) for number, state in enumerate(order)])
        assert found == {"4.21.1": {"4.21": "not accepted"}}


@standin_only
def test_strict_without_keys_is_refused_and_so_is_a_folder_without_keys(lab: Lab, tmp_path: Path) -> None:
    assert lab.place.mirror("--verify-signatures=strict").returncode == 2
    assert lab.place.mirror("--verify-signatures=only", "--workflow=workflow-to-disk").returncode == 2
    assert lab.place.mirror(f"--release-keys={tmp_path / 'made'}").returncode == 4


def refuses_signatures(question: Question) -> Reply | None:
    wanted = question.method == "PUT" and ".sig" in question.path
    return refusal(400, "MANIFEST_INVALID", "manifest invalid") if wanted else None


@pytest.fixture
def picky(lab: Lab, moody_target: Moody) -> str:
    """The lab's target behind a registry that takes every image and no signature."""
    moody_target.manners = [refuses_signatures]
    return f"--target-registry={moody_target.host}/{lab.target.partition('/')[2]}"


@standin_only
def test_strict_stops_before_a_run_to_a_registry_that_takes_no_signatures(lab: Lab, picky: str) -> None:
    ran = lab.place.mirror(picky, lab.keys(), "--verify-signatures=strict")
    assert ran.returncode == 6, ran.stderr
    said, to_do = ran.stderr.splitlines()[-2:]
    host = picky.partition("=")[2]
    assert f"{host} takes no signatures of images: {host.partition('/')[0]} answers HTTP 400" in said
    assert f"{host}/openshift/release-images:sha256-" in said
    assert "ALLOWED_OCI_ARTIFACT_TYPES" in to_do
    assert "signatures=none" in to_do
    assert "running oc-mirror" not in ran.stderr


@standin_only
@pytest.mark.parametrize(
    ("arguments", "warned"),
    [
        ((), True),
        (("--signatures=all",), True),
        (("--signatures=none",), False),
        (("--verify-signatures=none",), False),
    ],
)
def test_otherwise_a_registry_that_takes_no_signatures_is_warned_of(
    lab: Lab, picky: str, arguments: tuple[str, ...], warned: bool
) -> None:
    ran = lab.place.mirror(picky, lab.keys(), *arguments)
    assert ran.returncode == 0, ran.stderr
    assert ("takes no signatures of images" in ran.stderr) == warned


@standin_only
@pytest.mark.parametrize("arguments", [("--signatures=none",), ()])
def test_strict_goes_on_where_no_release_needs_a_signature_of_this_kind(
    lab: Lab, picky: str, arguments: tuple[str, ...]
) -> None:
    """Clusters of 4.20 verify none, and nothing is carried with signatures=none; the verdict decides."""
    lab.place.imageset.write_text(lab.place.imageset.read_text().replace("4.21", "4.20"))
    ran = lab.place.mirror(picky, lab.keys(), "--verify-signatures=strict", *arguments)
    assert "running oc-mirror" in ran.stderr
    assert ("takes no signatures of images" in ran.stderr) == (not arguments)


@standin_only
def test_a_signature_that_was_tried_is_not_left_in_the_target(lab: Lab) -> None:
    assert lab.place.mirror("--check=true").returncode == 0
    with ACCESS.open(f"{lab.target}/openshift/release-images") as repository:
        assert repository.tags() == []


# --- the reader, against a real registry


def push(
    place: str,
    layers: list[bytes],
    *,
    tag: str = "",
    labels: dict[str, str] | None = None,
    architecture: str = "amd64",
) -> str:
    """Push an image; returns its digest."""
    config = as_bytes({"architecture": architecture, "os": "linux", "config": {"Labels": labels or {}}})
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFESTS[0],
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **described(config)},
        "layers": [
            {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", **described(one)} for one in layers
        ],
    }
    with ACCESS.open(place) as repository:
        for content in (config, *layers):
            repository.push_blob(content)
        content = as_bytes(manifest)
        return repository.put_bytes(tag or digest_of(content), content, MANIFESTS[0])


def push_index(place: str, digests: list[str], tag: str = "") -> str:
    """Push an index of images for amd64 and arm64; returns its digest."""
    entries = [
        {
            "mediaType": MANIFESTS[0],
            "digest": digest,
            "size": 1,
            "platform": {"os": "linux", "architecture": architecture},
        }
        for digest, architecture in zip(digests, ("amd64", "arm64"), strict=False)
    ]
    content = as_bytes({"schemaVersion": 2, "mediaType": INDEXES[0], "manifests": entries})
    with ACCESS.open(place) as repository:
        return repository.put_bytes(tag or digest_of(content), content, INDEXES[0])


def described(content: bytes) -> dict[str, Any]:
    return {"digest": digest_of(content), "size": len(content)}


def layer(files: dict[str, bytes]) -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(output.getvalue(), mtime=0)


def references(names: list[str]) -> bytes:
    tags = [
        {"name": f"part-{n}", "from": {"kind": "DockerImage", "name": name}} for n, name in enumerate(names)
    ]
    return as_bytes({"kind": "ImageStream", "metadata": {"name": "4.22.1"}, "spec": {"tags": tags}})


@dataclass
class Mirror:
    """A release of 4.22 in a real registry, with two images of its content, all signed."""

    host: str
    release: str
    parts: list[str]
    gpg: dict[str, tuple[bytes, ...]]

    @property
    def releases(self) -> str:
        return f"{self.host}/openshift/release-images"

    @property
    def contents(self) -> str:
        return f"{self.host}/openshift/release"

    @property
    def reader(self) -> Reader:
        return Reader(
            target=ACCESS,
            mirrors=MirrorSets({RELEASES: (self.releases,), CONTENT: (self.contents,)}),
            gpg=self.gpg,
        )


@pytest.fixture
def mirror(registry: str, request: pytest.FixtureRequest) -> Mirror:
    host = f"{registry}/{abs(hash(request.node.name))}"
    parts = [push(f"{host}/openshift/release", [layer({f"part-{n}": b"x"})]) for n in range(2)]
    listed = references([f"{CONTENT}@{digest}" for digest in parts])
    layers = [layer({"etc/os-release": b"x"}), layer({"release-manifests/image-references": listed})]
    release = push(f"{host}/openshift/release-images", layers, labels={"io.openshift.release": "4.22.1"})
    message = MAKER.message(as_bytes(claim(f"{RELEASES}:4.22.1", release, GPG_TYPE)))
    attach(f"{host}/openshift/release-images", release, RELEASES)
    for digest in parts:
        attach(f"{host}/openshift/release", digest, CONTENT)
    return Mirror(host, release, parts, {release: (message,)})


def states(mirror: Mirror, **changes: Any) -> tuple[set[State], set[Cause]]:
    reader = Reader(**{"target": ACCESS, "mirrors": mirror.reader.mirrors, "gpg": mirror.gpg, **changes})
    verdicts = judge(reader.release(RELEASES, mirror.release), MAKER.keys, NOW).values()
    return {one.state for one in verdicts}, {reason.cause for one in verdicts for reason in one.reasons}


def test_a_release_is_read_with_its_version_and_its_content(mirror: Mirror) -> None:
    release = mirror.reader.release(RELEASES, mirror.release)
    assert release.version == "4.22.1"
    assert release.content
    assert [image.digest for image in release.content] == mirror.parts
    assert states(mirror) == ({State.ACCEPTED}, set())


def test_what_lacks_in_the_registry_is_found(mirror: Mirror) -> None:
    with ACCESS.open(mirror.contents) as repository:
        tag = attached.tag(mirror.parts[1], "sig")
        found = repository.find(tag)
        assert found
        repository.delete(found.digest)
        assert states(mirror) == ({State.NOT_ACCEPTED}, {Cause.NO_SIGSTORE})
        repository.delete(mirror.parts[1])
    assert states(mirror) == ({State.NOT_ACCEPTED}, {Cause.NOT_THERE})


def test_mirror_sets_decide_where_clusters_look(mirror: Mirror) -> None:
    empty = f"{mirror.host}/empty"
    for mirrors, expected in (
        ({}, Cause.NOT_LED),
        ({RELEASES: (mirror.releases,)}, Cause.NOT_LED),
        ({RELEASES: (empty,), CONTENT: (mirror.contents,)}, Cause.NOT_THERE),
        ({RELEASES: (empty, mirror.releases), CONTENT: (mirror.contents,)}, None),
        (
            {
                "quay.io/openshift-release-dev": (empty,),
                RELEASES: (mirror.releases,),
                CONTENT: (mirror.contents,),
            },
            None,
        ),
    ):
        found, causes = states(mirror, mirrors=MirrorSets(mirrors))
        assert (found == {State.ACCEPTED}) == (expected is None)
        assert expected is None or expected in causes
    assert states(mirror, target=Access(tls_verify=True))[0] != {State.ACCEPTED}


def test_a_registry_that_does_not_answer_leaves_it_unknown(mirror: Mirror) -> None:
    nobody = "127.0.0.1:9/none"
    sets = MirrorSets({RELEASES: (nobody,), CONTENT: (nobody,)})
    found, causes = states(mirror, mirrors=sets, target=ACCESS.within(1))
    assert (found, Cause.NO_ANSWER in causes) == ({State.UNKNOWN}, True)


def test_a_signature_that_only_refers_to_the_image_does_not_count(mirror: Mirror) -> None:
    with ACCESS.open(mirror.releases) as repository:
        tag = repository.find(attached.tag(mirror.release, "sig"))
        assert tag
        repository.delete(tag.digest)
    entry = {"mediaType": MANIFESTS[0], "digest": digest_of(b"bundle"), "size": 1}
    content = as_bytes({"schemaVersion": 2, "mediaType": INDEXES[0], "manifests": [entry]})
    with ACCESS.open(mirror.releases) as repository:
        blank = push(mirror.releases, [b"bundle"])
        entry["digest"] = blank
        content = as_bytes({"schemaVersion": 2, "mediaType": INDEXES[0], "manifests": [entry]})
        repository.put_bytes(mirror.release.replace(":", "-"), content, INDEXES[0])
    found, causes = states(mirror)
    assert (found, causes) == ({State.NOT_ACCEPTED}, {Cause.ONLY_REFERRER})


def test_of_an_index_each_image_that_is_there_must_be_signed(mirror: Mirror) -> None:
    place = mirror.contents
    two = [push(place, [layer({"a": bytes([n])})]) for n in range(2)]
    index = push_index(place, two)
    attach(place, index, CONTENT)
    [image] = mirror.reader.images([(CONTENT, index)])
    assert {digest: bool(one.media_type) for digest, one in image.signed.items()} == dict.fromkeys(two, False)
    attach(place, two[0], CONTENT)
    [image] = mirror.reader.images([(CONTENT, index)])
    assert [bool(one.media_type) for one in image.signed.values()] == [True, False]


def test_a_signature_that_was_left_out_is_copied_byte_by_byte_from_the_source(mirror: Mirror) -> None:
    source, target = f"{mirror.host}/source/app", f"{mirror.host}/target/app"
    digest = push(source, [layer({"app": b"x"})])
    assert push(target, [layer({"app": b"x"})]) == digest
    attach(source, digest, source)
    sets = MirrorSets({source: (target,)})
    for copies, copied in ((False, 0), (True, 1), (True, 0)):
        wanted = {source: copies}
        reader = Reader(target=ACCESS, mirrors=sets, gpg={}, source=ACCESS, copies=wanted.__getitem__)
        [image] = reader.images([(source, digest)])
        assert len(reader.copied) == copied
    assert image.signed[digest].media_type == MANIFEST
    with ACCESS.open(source) as here, ACCESS.open(target) as there:
        tag = attached.tag(digest, "sig")
        assert here.digest(tag) == there.digest(tag)


@pytest.mark.parametrize(
    "content",
    [b"no json", b"[]", b"{}", as_bytes({"spec": {"tags": [{"from": {"name": "app:v1"}}]}}), None],
)
def test_a_release_image_that_does_not_tell_its_content_leaves_it_unknown(
    mirror: Mirror, content: bytes | None
) -> None:
    files = {"release-manifests/image-references": content} if content is not None else {"other": b"x"}
    digest = push(mirror.releases, [layer(files)], labels={"io.openshift.release": "4.22.1"})
    attach(mirror.releases, digest, RELEASES)
    message = MAKER.message(as_bytes(claim(f"{RELEASES}:4.22.1", digest, GPG_TYPE)))
    reader = Reader(target=ACCESS, mirrors=mirror.reader.mirrors, gpg={digest: (message,)})
    for verdict in judge(reader.release(RELEASES, digest), MAKER.keys, NOW).values():
        assert (verdict.state, verdict.reasons[0].cause) == (State.UNKNOWN, Cause.CONTENT)


def test_a_tag_that_holds_no_signatures_does_not_count(mirror: Mirror) -> None:
    tag = attached.tag(mirror.release, "sig")
    with ACCESS.open(mirror.releases) as repository:
        many = [Attached(MEDIA_TYPE, bytes([n]), {SIGNATURE: "AAAA"}) for n in range(40)]
        attached.attach(repository, tag, many)
    assert states(mirror) == ({State.UNKNOWN}, {Cause.NO_ANSWER})
    push(mirror.releases, [layer({"no": b"signature"})], tag=tag)
    assert states(mirror) == ({State.NOT_ACCEPTED}, {Cause.WRONG_LAYOUT})


def test_policies_name_the_mirror_and_under_which_name_it_was_signed() -> None:
    sets = MirrorSets(
        {
            RELEASES: ("mirror.example.com:5000/ocp/release-images",),
            CONTENT: ("mirror.example.com:5000/ocp/release",),
        }
    )
    files = policies.image_policies(sets, {"openshift": MAKER.sigstore.public.pem()})
    old, middle, new = (list(yaml.safe_load_all(text)) for _name, text in sorted(files.items()))
    assert [one["apiVersion"] for one in (*old, *middle)] == [
        "config.openshift.io/v1alpha1",
        "config.openshift.io/v1",
    ]
    assert [one["spec"]["scopes"] for one in new] == [
        ["mirror.example.com:5000/ocp/release-images"],
        ["mirror.example.com:5000/ocp/release"],
    ]
    policy = new[0]["spec"]["policy"]
    assert policy["signedIdentity"]["remapIdentity"] == {
        "prefix": "mirror.example.com:5000/ocp/release-images",
        "signedPrefix": RELEASES,
    }
    key = base64.b64decode(policy["rootOfTrust"]["publicKey"]["keyData"])
    assert key.startswith(b"-----BEGIN PUBLIC KEY-----")
    assert not any(one["metadata"]["name"].startswith("openshift") for one in (*old, *middle, *new))
    assert policies.image_policies(sets, {}) == {}
    assert policies.image_policies(MirrorSets({RELEASES: ("registry:5000/x",)}), {"k": key}) == {}
    certified = "mirror.example.com:5000/ocp/redhat/certified"
    rules = yaml.safe_load(policies.registries_d(sets, {certified: [None]}))
    assert rules["docker"][certified] == {"use-sigstore-attachments": False}
