"""What a cluster applies to use the mirror: the same bytes for the same mirror, names of one's own."""

from __future__ import annotations

import random
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from steps.errors import MirrorError
from steps.mirroring.publish import autoshift, resources

ANNOTATIONS = {"createdAt": "2026-11-23T11:42:02Z", "createdBy": "oc-mirror v2", "oc-mirror_version": "v0"}
HOST = "registry.example.com:8443"
TARGET = f"{HOST}/mirror"


def idms(name: str, *pairs: tuple[str, str], kind: str = "ImageDigestMirrorSet") -> dict[str, Any]:
    key = "imageDigestMirrors" if kind == "ImageDigestMirrorSet" else "imageTagMirrors"
    return {
        "apiVersion": "config.openshift.io/v1",
        "kind": kind,
        "metadata": {"name": name, "annotations": dict(ANNOTATIONS), "creationTimestamp": None},
        "spec": {key: [{"source": source, "mirrors": [mirror]} for source, mirror in pairs]},
    }


def catalog(name: str, image: str) -> dict[str, Any]:
    return {
        "apiVersion": "operators.coreos.com/v1alpha1",
        "kind": "CatalogSource",
        "metadata": {
            "name": name,
            "namespace": "openshift-marketplace",
            "annotations": dict(ANNOTATIONS),
        },
        "spec": {"sourceType": "grpc", "image": image},
        "status": {},
    }


def signatures(**data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "mirrored-release-signatures",
            "namespace": "openshift-config-managed",
            "labels": {"release.openshift.io/verification-signatures": ""},
            "annotations": dict(ANNOTATIONS),
        },
        "binaryData": {key.replace("_", "-"): text for key, text in data.items()},
    }


def write(*documents: dict[str, Any]) -> bytes:
    return yaml.safe_dump_all(documents, explicit_start=True).encode()


def read(text: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(text))


def test_nothing_that_changes_with_each_run_is_published() -> None:
    files = resources.canonical(
        {"idms-oc-mirror.yaml": write(idms("idms-release-0", ("b", "m/b")))}, earlier={}
    )
    assert list(files) == ["idms.yaml"]
    assert "2026" not in files["idms.yaml"]
    assert read(files["idms.yaml"])[0]["metadata"] == {"name": "idms-release-0"}


def test_annotations_of_other_makers_stay() -> None:
    one = catalog("cs-a", "x")
    one["metadata"]["annotations"]["mine"] = "yes"
    files = resources.canonical({"cs-a.yaml": write(one)}, earlier={})
    assert read(files["catalog-sources.yaml"])[0]["metadata"]["annotations"] == {"mine": "yes"}


def test_a_prefix_makes_every_name_unique() -> None:
    found = {
        "idms-oc-mirror.yaml": write(idms("idms-release-0"), idms("idms-operator-0")),
        "cs-a.yaml": write(catalog("cs-a", "x")),
        "signature-configmap.yaml": write(signatures(sha256_aa_1="b25l")),
        "signature-configmap.json": b"{}",
    }
    files = resources.canonical(found, prefix="blue", earlier={})
    names = [one["metadata"]["name"] for text in files.values() for one in read(text)]
    assert sorted(names) == [
        "blue-cs-a",
        "blue-idms-operator-0",
        "blue-idms-release-0",
        "blue-mirrored-release-signatures",
    ]


def test_the_mirrors_of_one_source_come_together_in_their_order() -> None:
    one = idms("idms-generic-0", ("quay.io/a", "z/a"), ("quay.io/a", "b/a"), ("docker.io/b", "z/b"))
    files = resources.canonical({"idms-oc-mirror.yaml": write(one)}, earlier={})
    assert read(files["idms.yaml"])[0]["spec"]["imageDigestMirrors"] == [
        {"source": "docker.io/b", "mirrors": ["z/b"]},
        {"source": "quay.io/a", "mirrors": ["z/a", "b/a"]},
    ]


def test_signatures_of_earlier_releases_stay_whatever_number_a_run_gave_them() -> None:
    first = resources.canonical(
        {"signature-configmap.yaml": write(signatures(sha256_aa_1="b25l", sha256_bb_2="dHdv"))}, earlier={}
    )
    second = resources.canonical(
        {"signature-configmap.yaml": write(signatures(sha256_bb_1="dHdv", sha256_cc_2="dHJl"))}, earlier=first
    )
    [merged] = read(second["signatures.yaml"])
    assert merged["binaryData"] == {"sha256-aa-1": "b25l", "sha256-bb-1": "dHdv", "sha256-cc-1": "dHJl"}
    assert merged["metadata"]["labels"] == {"release.openshift.io/verification-signatures": ""}
    third = resources.canonical({"idms-oc-mirror.yaml": write(idms("idms-generic-0"))}, earlier=second)
    assert third["signatures.yaml"] == second["signatures.yaml"]


def test_a_changed_prefix_keeps_one_name_for_the_signatures() -> None:
    first = resources.canonical(
        {"signature-configmap.yaml": write(signatures(sha256_aa_1="b25l"))}, prefix="blue", earlier={}
    )
    second = resources.canonical({}, prefix="green", earlier=first)
    assert [one["metadata"]["name"] for one in read(second["signatures.yaml"])] == [
        "green-mirrored-release-signatures"
    ]


@pytest.mark.parametrize("content", [b"{", b"- a", b"kind: X\n", b"\xff\xfe\x00"])
def test_what_is_no_resource_is_refused(content: bytes) -> None:
    with pytest.raises(MirrorError, match=r"cs-a.yaml is no list of resources"):
        resources.canonical({"cs-a.yaml": content}, earlier={})


pairs = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("uvwxyz")), max_size=6)


@given(sets=st.dictionaries(st.sampled_from(["idms-a", "idms-b", "idms-c"]), pairs), seed=st.integers())
def test_order_of_documents_and_of_sources_changes_nothing(
    sets: dict[str, list[tuple[str, str]]], seed: int
) -> None:
    unique = {name: list(dict(entries).items()) for name, entries in sets.items()}
    documents = [idms(name, *entries) for name, entries in unique.items()]
    shuffled = [
        idms(name, *random.Random(seed).sample(entries, len(entries))) for name, entries in unique.items()
    ]
    random.Random(seed).shuffle(shuffled)
    expected = resources.canonical({"idms.yaml": write(*documents)}, earlier={})
    assert resources.canonical({"idms.yaml": write(*shuffled)}, earlier={}) == expected
    again = {name: text.encode() for name, text in expected.items()}
    assert resources.canonical(again, earlier=expected) == expected


def test_autoshift_gets_paths_below_its_host_and_sources_by_their_names() -> None:
    block = autoshift.render(
        [
            idms(
                "idms-release-0",
                ("quay.io/openshift-release-dev/ocp-release", f"{TARGET}/openshift/release-images"),
                ("quay.io/openshift-release-dev/ocp-v4.0-art-dev", f"{TARGET}/openshift/release"),
            ),
            idms("itms-generic-0", ("docker.io/library", f"{TARGET}/library"), kind="ImageTagMirrorSet"),
            catalog("cs-redhat-operator-index-v4-18", f"{TARGET}/redhat/redhat-operator-index:v4.18"),
            catalog("cs-mine-v1", f"{TARGET}/team/mine:v1"),
            catalog("cs-pinned", f"{TARGET}/team/pinned@sha256:{'0' * 64}"),
        ],
        TARGET,
    )
    assert yaml.safe_load(block) == {
        "config": {
            "disconnected": {
                "mirrorRegistry": {
                    "host": HOST,
                    "path": "mirror",
                    "releaseImage": "openshift/release-images",
                    "mirrors": [
                        {
                            "source": "quay.io/openshift-release-dev/ocp-release",
                            "mirror": "mirror/openshift/release-images",
                        },
                        {
                            "source": "quay.io/openshift-release-dev/ocp-v4.0-art-dev",
                            "mirror": "mirror/openshift/release",
                        },
                    ],
                    "tagMirrors": [{"source": "docker.io/library", "mirror": "mirror/library"}],
                },
                "useIDMS": True,
                "catalogs": [
                    {"source": "mine", "imagePath": "team/mine", "tag": "v1"},
                    {
                        "source": "redhat-operators",
                        "imagePath": "redhat/redhat-operator-index",
                        "tag": "v4.18",
                    },
                ],
            }
        }
    }


def test_a_mirror_without_path_has_none_in_the_block() -> None:
    block = autoshift.render([catalog("cs-a", f"{HOST}/redhat/certified-operator-index:v4.18")], HOST)
    found = yaml.safe_load(block)["config"]["disconnected"]
    assert found["mirrorRegistry"] == {"host": HOST, "mirrors": []}
    assert found["catalogs"] == [
        {"source": "certified-operators", "imagePath": "redhat/certified-operator-index", "tag": "v4.18"}
    ]
