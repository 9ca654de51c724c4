"""The record of an image is read only if it is complete, and rewritten only for another image."""

from __future__ import annotations

import re

import pytest

from steps import get_current_image, update_image_configmap
from steps.cluster import KubernetesObject
from steps.errors import InvalidInputError, NotFoundError, UsageError
from steps.workload.built_image import KEYS, image_configmap, new_image, read_image, repository, same_build

DIGEST = "sha256:" + "0a" * 32
OTHER = "sha256:" + "1b" * 32


def recorded(**changes: str | None) -> KubernetesObject:
    data = {
        "image-name": "oc-mirror-autoshift",
        "image-url": "quay.io/autoshift/oc-mirror-autoshift:latest",
        "image-digest": DIGEST,
        "git-revision": "main",
        "build-timestamp": "2025-09-23T15:30:44Z",
    }
    changed = {**data, **{key.replace("_", "-"): value for key, value in changes.items()}}
    return {"metadata": {}, "data": {key: value for key, value in changed.items() if value is not None}}


def read(configmap: KubernetesObject | None) -> str:
    return read_image(configmap, name="oc-mirror-images", namespace="oc-mirror-pipeline").reference


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("quay.io/autoshift/oc-mirror-autoshift:latest", "quay.io/autoshift/oc-mirror-autoshift"),
        ("quay.io/autoshift/oc-mirror-autoshift", "quay.io/autoshift/oc-mirror-autoshift"),
        ("registry.svc:5000/a/b_c/d--e:v1.0", "registry.svc:5000/a/b_c/d--e"),
        (f"registry:5000/a@{OTHER}", "registry:5000/a"),
        (f"registry:5000/a:tag@{OTHER}", "registry:5000/a"),
    ],
)
def test_the_image_is_deployed_by_digest_from_its_repository_without_the_tag(url: str, expected: str) -> None:
    assert repository(url) == expected
    assert read(recorded(image_url=url)) == f"{expected}@{DIGEST}"


def test_without_the_configmap_both_remedies_are_named() -> None:
    with pytest.raises(NotFoundError) as caught:
        read(None)
    assert "oc create -f tekton/runs/build-pipelinerun.yaml" in caught.value.hint
    for key in KEYS:
        assert f"--from-literal={key}=" in caught.value.hint


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", [None, "", " \n"])
def test_a_half_filled_configmap_names_every_missing_key(key: str, value: str | None) -> None:
    with pytest.raises(InvalidInputError, match=f"{key} is missing"):
        read(recorded(**{key: value}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"image_url": "https://quay.io/a/b"},
        {"image_url": "latest"},
        {"image_url": "quay.io/A/b"},
        {"image_digest": "sha256:abc123..."},
        {"image_digest": DIGEST.upper()},
        {"image_digest": DIGEST + "0"},
    ],
)
def test_a_malformed_key_is_quoted(wrong: dict[str, str | None]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read(recorded(**wrong))
    assert str(next(iter(wrong.values()))) in caught.value.reason


def test_empty_data_is_a_half_filled_configmap() -> None:
    with pytest.raises(InvalidInputError, match="image-name is missing; image-url is missing"):
        read({"metadata": {}})


def test_the_same_build_is_recognised_whenever_it_was_recorded() -> None:
    image = new_image(
        name="oc-mirror-autoshift",
        url="quay.io/autoshift/oc-mirror-autoshift:latest",
        digest=DIGEST,
        git_revision="main",
    )
    assert same_build(recorded(), image)
    assert not same_build(recorded(git_revision="v2"), image)
    assert not same_build(recorded(build_timestamp=None), image)
    assert not same_build(None, image)


def test_the_image_before_is_kept_in_annotations_until_another_takes_its_place() -> None:
    first, second, third = (
        new_image(name="n", url="quay.io/a/b:latest", digest=digest, git_revision=revision)
        for digest, revision in ((DIGEST, "one"), (OTHER, "two"), (OTHER, "three"))
    )
    before: KubernetesObject | None = None
    written = []
    for image in (first, second, third):
        before = image_configmap(image, name="x", namespace="y", before=before)
        written.append(before["metadata"]["annotations"])
    assert written[0] == {}
    assert written[1]["oc-mirror-pipeline/previous-image-digest"] == DIGEST
    assert written[1]["oc-mirror-pipeline/previous-git-revision"] == "one"
    assert written[2] == written[1], "a rebuild of the same digest does not push out the image before"


def test_the_timestamp_is_rfc_3339_in_utc() -> None:
    image = new_image(name="n", url="quay.io/a/b", digest=DIGEST, git_revision="r")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", image.build_timestamp)


@pytest.mark.parametrize(
    ("argument", "value", "said"),
    [
        ("image-url", "docker://quay.io/a/b", "not an image reference"),
        ("image-digest", "latest", "64 lower-case"),
        ("image-name", "  ", "image-name is empty"),
        ("git-revision", "a\nb", "git-revision is empty or has more than one line"),
        ("pipeline-namespace", "No_Name", "not a Kubernetes name"),
    ],
)
def test_wrong_arguments_are_refused_before_the_cluster_is_touched(
    argument: str, value: str, said: str
) -> None:
    given = {"image-name": "n", "image-url": "quay.io/a/b:t", "image-digest": DIGEST, "git-revision": "main"}
    argv = [f"--{name}={text}" for name, text in {**given, argument: value}.items()]
    with pytest.raises(UsageError, match=said):
        update_image_configmap.parse(argv)


def test_a_newline_at_the_end_of_a_build_result_does_no_harm() -> None:
    given = update_image_configmap.parse(
        ["--image-name=n", "--image-url=quay.io/a/b:t\n", f"--image-digest={DIGEST}\n", "--git-revision=m"]
    )
    assert given.image.reference == f"quay.io/a/b@{DIGEST}"


def test_get_current_image_needs_no_argument() -> None:
    given = get_current_image.parse([])
    assert (given.image_configmap, given.namespace) == ("oc-mirror-images", "oc-mirror-pipeline")
