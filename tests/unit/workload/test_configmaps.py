"""The ConfigMaps hold everything, within the limit, and are equal for equal input."""

from __future__ import annotations

import base64
import gzip
import random
import re

import kubernetes_validate
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.cluster import KubernetesObject
from steps.errors import InvalidInputError
from steps.workload import names
from steps.workload.configmaps import LIMIT, config_sha256, configmap_fields, deployment_configmaps, texts_of

IMAGESET = "kind: ImageSetConfiguration\nmirror: {}\n"


def make(values: bytes | None, imageset: str = IMAGESET, commit: str = "c0ffee") -> list[KubernetesObject]:
    return deployment_configmaps(
        values=values, imageset=imageset, namespace="oc-mirror", commit=commit, source="https://git/x a.yaml"
    )


def read(configmap: KubernetesObject, key: str) -> str:
    """Read a key as the workload does: plain, else the compressed one beside it."""
    if key in configmap.get("data", {}):
        return str(configmap["data"][key])
    return gzip.decompress(base64.b64decode(configmap["binaryData"][f"{key}.gz"])).decode()


def stored(configmap: KubernetesObject) -> int:
    plain = sum(len(text.encode()) for text in configmap.get("data", {}).values())
    return plain + sum(len(base64.b64decode(text)) for text in configmap.get("binaryData", {}).values())


def test_values_and_imageset_make_the_three_configmaps_of_the_specification() -> None:
    config, imageset, values = make(b"a: 1\r\n")
    assert [m["metadata"]["name"] for m in (config, imageset, values)] == [
        "oc-mirror-config",
        "oc-mirror-imageset",
        "oc-mirror-values",
    ]
    assert config["data"] == {
        "imageset.yaml": IMAGESET,
        "values.yaml": "a: 1\r\n",
        "values-commit": "c0ffee",
    }
    assert imageset["data"] == {"imageset.yaml": IMAGESET}
    assert values["data"] == {"values.yaml": "a: 1\r\n"}
    for configmap in (config, imageset, values):
        assert configmap["metadata"]["labels"]["app.kubernetes.io/name"] == "oc-mirror"
        assert configmap["metadata"]["annotations"]["oc-mirror-pipeline/commit"] == "c0ffee"
        kubernetes_validate.validate(configmap, "1.34", strict=True)


def test_an_imageset_of_the_users_own_has_no_values_and_no_commit() -> None:
    config, imageset = make(None, commit="")
    assert config["data"] == imageset["data"] == {"imageset.yaml": IMAGESET}
    assert "oc-mirror-pipeline/commit" not in config["metadata"]["annotations"]


@given(st.text(), st.text())
def test_equal_input_makes_equal_objects_and_every_text_is_read_back(values: str, imageset: str) -> None:
    first = make(values.encode(), imageset)
    assert first == make(values.encode(), imageset)
    assert read(first[0], "values.yaml") == values
    assert read(first[0], "imageset.yaml") == imageset


@pytest.mark.parametrize("size", [LIMIT - len(IMAGESET), LIMIT - len(IMAGESET) + 1, LIMIT, 5 * LIMIT])
def test_what_does_not_fit_is_stored_compressed_and_whole(
    size: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    values = (b"label: 'true' # \xc3\xa4\n" * (size // 18 + 1))[: size - 1] + b"\n"
    config, _, alone = make(values, commit="")
    assert read(config, "values.yaml").encode() == values
    assert read(alone, "values.yaml").encode() == values
    assert all(stored(configmap) <= LIMIT for configmap in (config, alone))
    compressed = size + len(IMAGESET) > LIMIT
    assert ("values.yaml.gz" in config.get("binaryData", {})) is compressed
    assert ("stored compressed" in caplog.text) is compressed


def test_what_does_not_fit_even_compressed_is_refused_with_the_sizes() -> None:
    noise = random.Random(1).randbytes(3 * LIMIT // 2).hex().encode()
    with pytest.raises(InvalidInputError, match=rf"{len(noise)} bytes") as caught:
        make(noise)
    assert str(LIMIT) in caught.value.reason


def test_values_that_are_not_text_are_refused_with_the_place() -> None:
    with pytest.raises(InvalidInputError, match=r"not UTF-8 text \(byte 3\)"):
        make(b"a: \xff")


def test_the_config_digest_follows_the_imageset_and_nothing_else() -> None:
    assert config_sha256("a") != config_sha256("b")
    assert make(b"x")[1] == make(b"y")[1]


@pytest.mark.parametrize(
    ("run", "name"),
    [
        ("oc-mirror-incremental-x7k2p", "oc-mirror-incremental-x7k2p"),
        ("nightly-1", "oc-mirror-nightly-1"),
        ("a" * 53, "oc-mirror-" + "a" * 53),
    ],
)
def test_a_run_gives_its_name_to_its_object(run: str, name: str) -> None:
    assert names.run_object_name(run) == name


@given(st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,250}[a-z0-9])?", fullmatch=True))
def test_any_run_gives_a_name_that_kubernetes_takes_for_a_job_and_a_label(run: str) -> None:
    name = names.run_object_name(run)
    assert len(name) <= 63
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name)


def test_runs_that_differ_only_in_what_is_cut_or_replaced_get_different_names() -> None:
    runs = ["a" * 80, "a" * 81, "a.b", "a-b", "oc-mirror-", "oc-mirror--"]
    assert len({names.run_object_name(run) for run in runs}) == len(runs)


@given(st.dictionaries(st.sampled_from(["imageset.yaml", "values.yaml"]), st.text(), min_size=1))
def test_what_was_laid_out_is_read_back(texts: dict[str, str]) -> None:
    assert texts_of({"metadata": {"name": "c"}, **configmap_fields(texts, "c")}) == texts


def test_what_does_not_fit_is_read_back_too() -> None:
    texts = {"imageset.yaml": "- a line that repeats\n" * 60_000, "values.yaml": "small"}
    configmap = {"metadata": {"name": "c"}, **configmap_fields(texts, "c")}
    assert "imageset.yaml.gz" in configmap["binaryData"]
    assert texts_of(configmap) == texts


@pytest.mark.parametrize(
    "data",
    [
        b"plain text",
        gzip.compress(b"cut off")[:-4],
        gzip.compress(b"one") + gzip.compress(b"two"),
        gzip.compress(b"\xff\xfe"),
        gzip.compress(b"\0" * (64 * 1024 * 1024 + 1)),
    ],
    ids=["plain", "cut", "two", "no-text", "bomb"],
)
def test_what_is_no_compressed_text_is_refused(data: bytes) -> None:
    configmap = {
        "metadata": {"name": "mine"},
        "binaryData": {"imageset.yaml.gz": base64.b64encode(data).decode()},
    }
    with pytest.raises(InvalidInputError, match=r"ConfigMap mine: imageset.yaml.gz is not a compressed text"):
        texts_of(configmap)
