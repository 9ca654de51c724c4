"""Catalogs and additional images: a missing signature is copied or named; policies for signed catalogs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml

from steps.imageset.model import Catalog
from steps.mirroring.checks import other_images
from steps.mirroring.checks.release_reading import Reader
from steps.mirroring.ocmirror.mirror_sets import MirrorSets
from steps.mirroring.ocmirror.placement import Nesting
from steps.mirroring.publish import policies
from steps.mirroring.request import Request
from steps.mirroring.store.accepted import JudgedCatalog
from steps.oci import attached
from steps.trust.keys import TrustedKeys
from tests.standin.moody import Moody
from tests.standin.oc_mirror import Image, Registry
from tests.unit.mirroring.conftest import Place, serve_registry, standin_only
from tests.unit.mirroring.test_acceptance import ACCESS, MAKER, attach, layer, push, push_index
from tests.unit.trust.signers import Signer

STRANGER = Signer()
ORIGIN, TARGET = "registry.example.com/redhat/index", "mirror.example.com:5000/ocp"
PEM = {"redhat.catalogs": MAKER.sigstore.public.pem()}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve_registry(tmp_path_factory.mktemp("others")) as host:
        yield host


@pytest.fixture
def source(registry: str) -> Iterator[str]:
    """A source with a signed image and a signed catalog, and an image and a catalog without a signature."""
    with Moody(registry) as moody:
        server = Registry(registry, verify=False)
        server.check()
        for repository in ("team/app", "team/db", "index/signed", "index/plain"):
            content = f"{moody.host}/{repository}:v1"
            if repository.startswith("index"):
                content += " at 1"  # so the stand-in mirrors it
            image = Image(content, "additional", repository, "v1")
            server.push(image, repository)
            if repository in {"team/app", "index/signed"}:
                attach(f"{moody.host}/{repository}", image.manifest, f"{moody.host}/{repository}")
        yield moody.host


def write(place: Place, source: str) -> None:
    text = "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  operators:\n"
    text += "".join(
        f"  - catalog: {source}/{name}:v1\n    packages:\n    - name: some\n"
        for name in ("index/signed", "index/plain")
    )
    text += f"  additionalImages:\n  - name: {source}/team/app:v1\n  - name: {source}/team/db:v1\n"
    place.imageset.write_text(text)


def keys(folder: Path) -> str:
    folder = folder / "keys"
    folder.mkdir(exist_ok=True)
    (folder / "redhat.catalogs.pub").write_bytes(PEM["redhat.catalogs"])
    return f"--release-keys={folder}"


def judgement(place: Place, target: str) -> dict[str, Any]:
    [found] = json.loads((place.data / "accepted.json").read_text())["targets"][target].values()
    return cast("dict[str, Any]", found)


def is_signed(target: str, name: str) -> bool:
    with ACCESS.open(f"{target}/{name}") as repository:
        return repository.signature(repository.digest("v1")).there


@standin_only
def test_workflow_direct_copies_what_the_source_has_and_names_what_it_has_not(
    direct: Place, target: str, source: str
) -> None:
    write(direct, source)
    ran = direct.mirror("--signatures=all")
    assert ran.returncode == 0, ran.stderr
    assert "2 signatures that oc-mirror left out were copied from the source" in ran.stderr
    said = f"2 of 4 catalogs and additional images in {target} have no signature, and their sources have none"
    assert f"{said} to copy: {source}/index/plain:v1, {source}/team/db:v1" in ran.stderr
    for name, expected in {"team/app": True, "index/signed": True, "team/db": False}.items():
        assert is_signed(target, name) == expected
    found = judgement(direct, target)
    assert (found["signed"], found["unsigned"]) == (2, 2)
    assert found["without"] == [f"{source}/index/plain:v1", f"{source}/team/db:v1"]
    ran = direct.mirror("--signatures=all")
    assert "were copied" not in ran.stderr


@standin_only
def test_what_cannot_be_looked_at_is_named_and_counts_as_neither(
    direct: Place, target: str, source: str
) -> None:
    write(direct, source)
    assert direct.mirror("--signatures=all").returncode == 0
    with ACCESS.open(f"{target}/team/app") as repository:
        version = attached.tag(repository.digest("v1"), "sig")
        attached.attach(repository, version, [attached.Attached("text/plain", b"x")] * (attached.MOST + 1))
    ran = direct.mirror("--verify-signatures=only")
    assert ran.returncode == 0, ran.stderr
    said = f"1 of 4 catalogs and additional images in {target} may be signed or not: they cannot be read"
    assert f"{said}: {source}/team/app:v1 ({version} has no layers, or more than" in ran.stderr
    assert (judgement(direct, target)["signed"], judgement(direct, target)["unsigned"]) == (1, 2)


@standin_only
def test_what_is_not_to_be_copied_is_named_only(direct: Place, target: str, source: str) -> None:
    write(direct, source)
    ran = direct.mirror("--signatures=none")
    assert ran.returncode == 0, ran.stderr
    assert f"4 of 4 catalogs and additional images in {target} have no signature" in ran.stderr
    assert not is_signed(target, "team/app")


@standin_only
def test_across_the_gap_it_is_named_only(
    connected: Place, disconnected: Place, target: str, source: str
) -> None:
    write(connected, source)
    assert connected.mirror("--signatures=all").returncode == 0
    for folder in connected.generations():
        shutil.copytree(folder, disconnected.data / "generations" / folder.name)
    ran = disconnected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert f"4 of 4 catalogs and additional images in {target} have no signature: {source}/" in ran.stderr
    assert not is_signed(target, "team/app")


@standin_only
def test_policies_are_written_for_the_signed_catalog_and_stay_after_a_look(
    direct: Place, target: str, source: str, tmp_path: Path
) -> None:
    write(direct, source)
    ran = direct.mirror("--signatures=all", keys(tmp_path))
    assert ran.returncode == 0, ran.stderr
    for _look in range(2):
        [folder] = (direct.data / "targets").glob("*/policies")
        assert sorted(path.name for path in folder.iterdir()) == [
            "catalog-policy-4.17-to-4.19.yaml",
            "catalog-policy-4.20-and-later.yaml",
            "registries.d.yaml",
        ]
        [policy] = yaml.safe_load_all((folder / "catalog-policy-4.20-and-later.yaml").read_text())
        assert policy["spec"]["scopes"] == [f"{target}/index/signed"]
        assert policy["spec"]["policy"]["signedIdentity"]["remapIdentity"] == {
            "prefix": f"{target}/index/signed",
            "signedPrefix": f"{source}/index/signed",
        }
        assert yaml.safe_load((folder / "registries.d.yaml").read_text())["docker"] == {
            f"{target}/index/plain": {"use-sigstore-attachments": False},
            f"{target}/index/signed": {"use-sigstore-attachments": True},
        }
        ran = direct.mirror("--verify-signatures=only", keys(tmp_path))
        assert ran.returncode == 0, ran.stderr
    ran = direct.mirror("--signatures=all")
    assert ran.returncode == 0
    assert f"{target}/index/signed: its policy is not written any more" in ran.stderr
    assert not list(folder.glob("catalog-policy*")), "no key was given, and none is invented"


# --- which key has signed a catalog, as a node and catalogd would find it


def looked(registry: str, place: str, trusted: TrustedKeys | None, *, tag: str = "v1") -> JudgedCatalog:
    reader = Reader(target=ACCESS, mirrors=MirrorSets(), gpg={})
    request = SimpleNamespace(target_registry=registry, nesting=Nesting())
    catalog = Catalog(catalog=f"{ORIGIN}:v1", target_catalog=place, target_tag=tag)
    [found] = other_images.check(cast("Request", request), reader, (), [catalog], trusted).catalogs
    return found


def of(*signers: Signer, until: datetime | None = None) -> TrustedKeys:
    return TrustedKeys(
        tuple(replace(one.sigstore.public, name=f"key-{n}", until=until) for n, one in enumerate(signers))
    )


def test_the_key_that_signed_a_catalog_is_found_by_name_tag_and_digest(registry: str) -> None:
    place = f"{registry}/keys/index"
    digest = push(place, [layer({"a": b"x"})], tag="v1")
    push(place, [layer({"a": b"x"})], tag="other")

    def key(trusted: TrustedKeys | None, tag: str = "v1") -> tuple[bool, str]:
        found = looked(registry, "keys/index", trusted, tag=tag)
        return found.signed, found.key

    assert key(of(MAKER)) == (False, "")
    attach(place, digest, ORIGIN, MAKER)
    assert key(of(STRANGER, MAKER)) == (True, "key-1")
    assert key(of(STRANGER)) == (True, "")
    assert key(None) == (True, "")
    assert key(of(MAKER, until=datetime.now(UTC) - timedelta(days=1))) == (True, "")
    assert key(of(MAKER), tag="other") == (True, ""), "nodes compare the tag, which was not signed"
    attach(place, digest, f"{ORIGIN}-other", MAKER)
    assert key(of(MAKER)) == (True, ""), "it was signed under another name"


def test_of_a_catalog_for_several_architectures_each_that_is_there_needs_the_signature(registry: str) -> None:
    place = f"{registry}/several/index"
    two = [push(place, [layer({"a": bytes([n])})]) for n in range(2)]
    index = push_index(place, two)
    with ACCESS.open(place) as repository:
        media_type, content = repository.typed_manifest(index)
        repository.put_bytes("v1", content, media_type)
    attach(place, index, ORIGIN)
    assert looked(registry, "several/index", None).signed
    assert looked(registry, "several/index", of(MAKER)).key == "", "nodes do not look at the index's"
    attach(place, two[0], ORIGIN)
    assert looked(registry, "several/index", of(MAKER)).key == ""
    attach(place, two[1], ORIGIN)
    assert looked(registry, "several/index", of(MAKER)).key == "key-0"
    with ACCESS.open(place) as repository:
        repository.delete(repository.digest(attached.tag(index, "sig")))
    assert looked(registry, "several/index", of(MAKER)).signed


# --- policies, from what is published and what is known of it


def source_of(place: str) -> dict[str, Any]:
    return {"kind": "CatalogSource", "spec": {"image": f"{TARGET}/{place}"}}


def judged(*known: tuple[str, bool, str]) -> dict[str, JudgedCatalog]:
    return {
        f"{TARGET}/{place}": JudgedCatalog(
            origin=f"{ORIGIN}:{place.rpartition(':')[2]}",
            place=f"{TARGET}/{place}",
            signed=signed,
            key=key,
        )
        for place, signed, key in known
    }


@pytest.mark.parametrize(
    ("known", "written"),
    [
        ([("index:v1", True, "redhat.catalogs"), ("index:v2", True, "redhat.catalogs")], True),
        ([("index:v1", True, "redhat.catalogs"), ("index:v2", False, "")], False),
        ([("index:v1", True, "redhat.catalogs")], False),
        ([("index:v1", True, "gone"), ("index:v2", True, "gone")], False),
    ],
    ids=["both signed", "one filtered", "one unknown", "a key that is not given any more"],
)
def test_a_policy_is_about_a_repository_so_every_catalog_in_it_must_be_signed(
    known: list[tuple[str, bool, str]], written: bool
) -> None:
    documents = [source_of("index:v1"), source_of("index:v2")]
    catalogs = policies.by_repository(documents, judged(*known))
    files = policies.catalog_policies(catalogs, PEM)
    assert bool(files) == written
    if written:
        old, new = (yaml.safe_load(text) for _name, text in sorted(files.items()))
        assert [one["apiVersion"].rpartition("/")[2] for one in (old, new)] == ["v1alpha1", "v1"]
        assert new["metadata"]["name"] == "mirror-catalog-1-redhat.catalogs"
        assert "Nothing applies this file" in files["catalog-policy-4.20-and-later.yaml"]
    text = policies.registries_d(MirrorSets(), catalogs)
    assert yaml.safe_load(text)["docker"] == {f"{TARGET}/index": {"use-sigstore-attachments": True}}


def test_where_nothing_is_signed_nothing_is_written() -> None:
    catalogs = policies.by_repository([source_of("index:v1")], judged(("index:v1", False, "")))
    assert policies.catalog_policies(catalogs, PEM) == {}
    assert policies.registries_d(MirrorSets(), catalogs) == ""
