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
from steps.mirroring.publish.permitted import Permitted, sources_of

ANNOTATIONS = {"createdAt": "2026-11-23T11:42:02Z", "createdBy": "oc-mirror v2", "oc-mirror_version": "v0"}
HOST = "registry.example.com:8443"
TARGET = f"{HOST}/mirror"


def idms(name: str, *pairs: tuple[str, str], kind: str = "ImageDigestMirrorSet") -> dict[str, Any]:
    key = "imageDigestMirrors" if kind == "ImageDigestMirrorSet" else "imageTagMirrors"
    return {
        "apiVersion": "config.openshift.io/v1",
        "kind": kind,
        "metadata": {"name": name, "annotations": dict(ANNOTATIONS), "creationTimestamp": None},
        "spec": {key: [{"source": source, "mirrors": [f"{TARGET}/{mirror}"]} for source, mirror in pairs]},
    }


def canonical(found: dict[str, bytes], **given: Any) -> dict[str, str]:
    return resources.canonical(found, Permitted(target=TARGET, sources=None).of, **given)


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
        "binaryData": {signature(key): text for key, text in data.items()},
    }


def signature(key: str) -> str:
    """The key `sha256-HEX-N` for `sha256_aa_1`."""
    _, digit, number = key.split("_")
    return f"sha256-{digit * 32}-{number}"


def write(*documents: dict[str, Any]) -> bytes:
    return yaml.safe_dump_all(documents, explicit_start=True).encode()


def read(text: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(text))


def test_nothing_that_changes_with_each_run_is_published() -> None:
    files = canonical({"idms-oc-mirror.yaml": write(idms("idms-release-0", ("b", "m/b")))}, earlier={})
    assert list(files) == ["idms.yaml"]
    assert "2026" not in files["idms.yaml"]
    assert read(files["idms.yaml"])[0]["metadata"] == {"name": "idms-release-0"}


def test_annotations_of_a_template_stay() -> None:
    one = catalog("cs-a", f"{TARGET}/x:1")
    one["metadata"]["annotations"]["mine"] = "yes"
    permitted = Permitted(target=TARGET, sources=None, templates=True)
    files = resources.canonical({"cs-a.yaml": write(one)}, permitted.of, earlier={})
    assert read(files["catalog-sources.yaml"])[0]["metadata"]["annotations"] == {"mine": "yes"}


def test_a_prefix_makes_every_name_unique() -> None:
    found = {
        "idms-oc-mirror.yaml": write(idms("idms-release-0"), idms("idms-operator-0")),
        "cs-a.yaml": write(catalog("cs-a", f"{TARGET}/x:1")),
        "signature-configmap.yaml": write(signatures(sha256_aa_1="b25l")),
        "signature-configmap.json": b"{}",
    }
    files = canonical(found, prefix="blue", earlier={})
    names = [one["metadata"]["name"] for text in files.values() for one in read(text)]
    assert sorted(names) == [
        "blue-cs-a",
        "blue-idms-operator-0",
        "blue-idms-release-0",
        "blue-mirrored-release-signatures",
    ]


def test_the_mirrors_of_one_source_come_together_in_their_order() -> None:
    one = idms("idms-generic-0", ("quay.io/a", "z/a"), ("quay.io/a", "b/a"), ("docker.io/b", "z/b"))
    files = canonical({"idms-oc-mirror.yaml": write(one)}, earlier={})
    assert read(files["idms.yaml"])[0]["spec"]["imageDigestMirrors"] == [
        {"source": "docker.io/b", "mirrors": [f"{TARGET}/z/b"]},
        {"source": "quay.io/a", "mirrors": [f"{TARGET}/z/a", f"{TARGET}/b/a"]},
    ]


def test_signatures_of_earlier_releases_stay_whatever_number_a_run_gave_them() -> None:
    first = canonical(
        {"signature-configmap.yaml": write(signatures(sha256_aa_1="b25l", sha256_bb_2="dHdv"))}, earlier={}
    )
    second = canonical(
        {"signature-configmap.yaml": write(signatures(sha256_bb_1="dHdv", sha256_cc_2="dHJl"))}, earlier=first
    )
    [merged] = read(second["signatures.yaml"])
    assert merged["binaryData"] == {
        signature("sha256_aa_1"): "b25l",
        signature("sha256_bb_1"): "dHdv",
        signature("sha256_cc_1"): "dHJl",
    }
    assert merged["metadata"]["labels"] == {"release.openshift.io/verification-signatures": ""}
    third = canonical({"idms-oc-mirror.yaml": write(idms("idms-generic-0"))}, earlier=second)
    assert third["signatures.yaml"] == second["signatures.yaml"]


def test_a_changed_prefix_keeps_one_name_for_the_signatures() -> None:
    first = canonical(
        {"signature-configmap.yaml": write(signatures(sha256_aa_1="b25l"))}, prefix="blue", earlier={}
    )
    second = canonical({}, prefix="green", earlier=first)
    assert [one["metadata"]["name"] for one in read(second["signatures.yaml"])] == [
        "green-mirrored-release-signatures"
    ]


@pytest.mark.parametrize("content", [b"{", b"- a", b"kind: X\n", b"\xff\xfe\x00"])
def test_what_is_no_resource_is_refused(content: bytes) -> None:
    with pytest.raises(MirrorError, match=r"cs-a.yaml is not a list of resources"):
        canonical({"cs-a.yaml": content}, earlier={})


EVIL = "evil.example.com"


@pytest.mark.parametrize(
    "planted",
    [
        {
            **idms("idms-release-0"),
            "spec": {"imageDigestMirrors": [{"source": "q", "mirrors": [f"{EVIL}/r"]}]},
        },
        {
            **idms("idms-release-0"),
            "spec": {"imageDigestMirrors": [{"source": "q", "mirrors": [f"{TARGET}.{EVIL}/r"]}]},
        },
        {**idms("idms-release-0"), "spec": {"imageDigestMirrors": [{"source": "q", "mirrors": [HOST]}]}},
        catalog("cs-a", f"{EVIL}/redhat/index:v4.18"),
        {
            "apiVersion": "olm.operatorframework.io/v1",
            "kind": "ClusterCatalog",
            "metadata": {"name": "cc-a"},
            "spec": {"source": {"type": "Image", "image": {"ref": f"{EVIL}/i:1"}}},
        },
        {
            "apiVersion": "updateservice.operator.openshift.io/v1",
            "kind": "UpdateService",
            "metadata": {"name": "update-service-oc-mirror", "namespace": "openshift-update-service"},
            "spec": {"releases": f"{EVIL}/r", "graphDataImage": f"{TARGET}/openshift/graph-image:latest"},
        },
    ],
)
def test_what_leads_clusters_elsewhere_is_refused(planted: dict[str, Any]) -> None:
    good = idms("idms-generic-0", ("quay.io/a", "a"))
    with pytest.raises(MirrorError, match=r"x\.yaml: \w+ [\w-]+ leads clusters to .*, which is not below"):
        canonical({"a.yaml": write(good), "x.yaml": write(planted)}, earlier={})


@pytest.mark.parametrize(
    "planted",
    [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "all"},
            "subjects": [{"kind": "Group", "name": "system:unauthenticated"}],
        },
        {**idms("idms-a"), "apiVersion": "config.example.com/v1"},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "kube-root-ca.crt"},
            "data": {"x": "y"},
        },
        {
            **signatures(sha256_aa_1="b25l"),
            "metadata": {"name": "mirrored-release-signatures", "namespace": "x"},
        },
        {
            **catalog("cs-a", f"{TARGET}/a:1"),
            "metadata": {"name": "../a", "namespace": "openshift-marketplace"},
        },
    ],
)
def test_what_oc_mirror_never_makes_is_left_out(
    planted: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    good = write(idms("idms-generic-0", ("quay.io/a", "a")))
    assert canonical({"a.yaml": good, "x.yaml": write(planted)}, earlier={}) == canonical(
        {"a.yaml": good}, earlier={}
    )
    assert "x.yaml" in caplog.text
    assert "not published" in caplog.text


def test_only_fields_that_oc_mirror_makes_are_published(caplog: pytest.LogCaptureFixture) -> None:
    """The empty icon is Go's; Secrets, settings of pods and the namespace are somebody else's."""
    one = catalog("cs-a", f"{TARGET}/a:1")
    one["spec"] |= {
        "icon": {"base64data": "", "mediatype": ""},
        "secrets": ["all"],
        "grpcPodConfig": {"x": "y"},
    }
    one["metadata"] |= {"namespace": "kube-system", "labels": {"a": "b"}, "finalizers": ["x"]}
    files = canonical({"cs-a.yaml": write(one)}, earlier={})
    assert read(files["catalog-sources.yaml"]) == [
        {
            "apiVersion": "operators.coreos.com/v1alpha1",
            "kind": "CatalogSource",
            "metadata": {"name": "cs-a", "namespace": "openshift-marketplace"},
            "spec": {"sourceType": "grpc", "image": f"{TARGET}/a:1"},
        }
    ]
    assert "grpcPodConfig, secrets of CatalogSource is not published" in caplog.text


def test_a_source_that_the_run_did_not_bring_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    permitted = Permitted(
        target=TARGET,
        sources=sources_of(
            [
                "docker://quay.io/openshift-release-dev/ocp-release@sha256:" + "a" * 64,
                "docker.io/library/redis:7",
            ]
        ),
    )
    one = idms(
        "idms-release-0",
        ("quay.io/openshift-release-dev/ocp-release", "openshift/release-images"),
        ("docker.io/library", "library"),
        ("quay.io", "all"),
        ("registry.redhat.io/openshift4", "openshift4"),
    )
    files = resources.canonical({"idms-oc-mirror.yaml": write(one)}, permitted.of, earlier={})
    assert [entry["source"] for entry in read(files["idms.yaml"])[0]["spec"]["imageDigestMirrors"]] == [
        "docker.io/library",
        "quay.io/openshift-release-dev/ocp-release",
    ]
    assert "registry.redhat.io/openshift4 is not published" in caplog.text


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
    expected = canonical({"idms.yaml": write(*documents)}, earlier={})
    assert canonical({"idms.yaml": write(*shuffled)}, earlier={}) == expected
    again = {name: text.encode() for name, text in expected.items()}
    assert canonical(again, earlier=expected) == expected


def test_autoshift_gets_paths_below_its_host_and_sources_by_their_names() -> None:
    block = autoshift.render(
        [
            idms(
                "idms-release-0",
                ("quay.io/openshift-release-dev/ocp-release", "openshift/release-images"),
                ("quay.io/openshift-release-dev/ocp-v4.0-art-dev", "openshift/release"),
            ),
            idms("itms-generic-0", ("docker.io/library", "library"), kind="ImageTagMirrorSet"),
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


def test_the_block_says_that_of_several_catalogs_of_a_source_one_is_to_be_kept() -> None:
    found = [catalog(f"cs-{tag}", f"{HOST}/redhat/redhat-operator-index:v4.{tag}") for tag in (19, 20)]
    assert "keep the one for the clusters' version" in autoshift.render(found, HOST)
    assert "keep the one for the clusters' version" not in autoshift.render(found[:1], HOST)


def test_a_mirror_without_path_has_none_in_the_block() -> None:
    block = autoshift.render([catalog("cs-a", f"{HOST}/redhat/certified-operator-index:v4.18")], HOST)
    found = yaml.safe_load(block)["config"]["disconnected"]
    assert found["mirrorRegistry"] == {"host": HOST, "mirrors": []}
    assert found["catalogs"] == [
        {"source": "certified-operators", "imagePath": "redhat/certified-operator-index", "tag": "v4.18"}
    ]


def test_an_image_at_the_top_of_a_registry_has_its_mirror_in_the_block() -> None:
    """oc-mirror names the registry alone then, and AutoShift takes "" for its host."""
    entry = {"source": "registry.example.org", "mirrors": [HOST]}
    found = {"kind": "ImageTagMirrorSet", "spec": {"imageTagMirrors": [entry]}}
    registry = yaml.safe_load(autoshift.render([found], HOST))["config"]["disconnected"]["mirrorRegistry"]
    assert registry["tagMirrors"] == [{"source": "registry.example.org", "mirror": ""}]
