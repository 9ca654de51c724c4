"""Every answer of a registry is read as an image, or refused with a clear error."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.catalog.layers import folder_of, likely_layers
from steps.errors import RegistryError
from steps.oci.manifests import Image, is_index, of_platform, parse

KEYS = st.sampled_from(
    ["manifests", "layers", "config", "digest", "platform", "os", "architecture", "mediaType", "history"]
)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["linux", "amd64", "sha256:0", "/configs"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, TREES))
def test_no_answer_makes_a_traceback(tree: dict[str, Any]) -> None:
    assert set(likely_layers(tree, 3, folder_of(tree))) <= {0, 1, 2}
    with suppress(RegistryError):
        if is_index(tree):
            of_platform(tree, "x")
    with suppress(RegistryError):
        assert Image.of("x", "sha256:0", tree).config.digest.startswith("sha256:")


@given(st.binary())
def test_what_is_no_object_is_an_empty_one(content: bytes) -> None:
    assert isinstance(parse(content), dict)


def test_no_depth_ends_the_process() -> None:
    assert parse(b"[" * 100_000) == {}


def test_the_image_of_the_platform_is_taken() -> None:
    entries = [
        {"digest": f"sha256:{name}", "platform": {"os": "linux", "architecture": name}}
        for name in ("arm64", "amd64", "s390x")
    ]
    assert of_platform({"manifests": entries}, "x") == "sha256:amd64"
    with pytest.raises(RegistryError, match="no image for linux/amd64"):
        of_platform({"manifests": entries[:1]}, "x")
