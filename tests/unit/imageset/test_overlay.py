"""The user's own additions, merged over what was generated."""

from __future__ import annotations

from textwrap import dedent

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from steps.autoshift.planning import plan_fleet
from steps.errors import InvalidInputError
from steps.imageset.diff import diff_imagesets
from steps.imageset.generate import generate_imageset
from steps.imageset.imageset import ImageSet
from steps.imageset.overlay import Overlay, read_overlay
from steps.yaml.source import SourceFile

FLEET = b"""
hubClusterSets:
  hub:
    labels: {openshift-version: 4.20.12, acs: 'true', quay: 'true', quay-channel: stable-3.16}
"""
INDEX = "registry.redhat.io/redhat/redhat-operator-index:v4.20"


def overlay(text: str) -> Overlay:
    return read_overlay(SourceFile("imageset-overlay.yaml", dedent(text).encode()))


def generated(text: str | None = None) -> str:
    plan = plan_fleet([SourceFile("fleet.yaml", FLEET)])
    result = generate_imageset(plan, overlay=overlay(text) if text is not None else None)
    ImageSet.parse(result, "generated")
    return result


def differences(text: str) -> list[str]:
    return diff_imagesets(*(ImageSet.parse(one, "generated") for one in (generated(), generated(text))))


def test_images_helm_and_settings_are_added() -> None:
    text = """
        archiveSize: 8
        mirror:
          additionalImages: [{name: 'quay.io/me/tool:1'}]
          blockedImages: [{name: alpine}]
          helm: {repositories: [{name: r, url: https://example.com, charts: [{name: c, version: '1.10'}]}]}
    """
    mirror = yaml.safe_load(generated(text))["mirror"]
    assert mirror["additionalImages"] == [{"name": "quay.io/me/tool:1"}]
    assert mirror["blockedImages"] == [{"name": "alpine"}]
    assert mirror["helm"]["repositories"][0]["charts"] == [{"name": "c", "version": "1.10"}]
    assert yaml.safe_load(generated(text))["archiveSize"] == 8


def test_a_single_value_is_replaced_and_the_rest_stays() -> None:
    assert differences("mirror: {platform: {graph: false}}") == ["changed: platform.graph: true → false"]


def test_a_package_joins_the_catalog_of_the_same_name() -> None:
    text = f"mirror: {{operators: [{{catalog: '{INDEX}', packages: [{{name: web-terminal}}]}}]}}"
    assert differences(text) == [f"added: operator web-terminal from {INDEX}"]


def test_a_setting_of_a_package_joins_the_package_of_the_same_name() -> None:
    packages = (
        "[{name: quay-operator, channels: [{name: stable-3.16, minVersion: 3.16.1}, {name: stable-3.15}]}]"
    )
    (change,) = differences(f"mirror: {{operators: [{{catalog: '{INDEX}', packages: {packages}}}]}}")
    assert change.endswith("→ stable-3.15, stable-3.16 from 3.16.1; default channel stable-3.16")


def test_a_catalog_of_ones_own_is_added() -> None:
    text = "mirror: {operators: [{catalog: 'registry.example.com/own/index:v1', packages: [{name: mine}]}]}"
    assert differences(text) == ["added: operator mine from registry.example.com/own/index:v1"]


def test_platforms_take_the_place_of_generated_architectures_which_they_exclude() -> None:
    arm = "{labels: {openshift-version: 4.20.1}, config: {clusterInstall: {cpuArch: arm64}}}"
    plan = plan_fleet([SourceFile("values.yaml", f"clusters: {{a: {arm}}}".encode())])
    given = overlay("mirror: {platform: {platforms: [{os: linux, architecture: arm64}]}}")
    platform = yaml.safe_load(generate_imageset(plan, overlay=given))["mirror"]["platform"]
    assert platform["platforms"] == [{"os": "linux", "architecture": "arm64"}]
    assert "architectures" not in platform
    assert "architectures" in generate_imageset(plan)


def test_what_the_overlay_brings_says_where_it_is_from() -> None:
    text = generated("mirror: {additionalImages: [{name: 'quay.io/me/tool:1'}]}")
    assert "    # imageset-overlay.yaml\n    - name: quay.io/me/tool:1\n" in text
    assert "# Overlay: imageset-overlay.yaml\n" in text


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "mirror:\n", "kind: ImageSetConfiguration\nmirror: {}\n"]
)
def test_an_empty_overlay_changes_nothing(text: str) -> None:
    assert differences(text) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mirror: {images: []}", "line 1: mirror.images is not a field of oc-mirror v2"),
        ("storageConfig: {}", "storageConfig is not a field of oc-mirror v2 (v2 keeps its state"),
        ("archiveSize: big", "archiveSize is big, which is not a whole number"),
        ("mirror: {operators: [{packages: []}]}", "mirror.operators[0].catalog is missing"),
        ("kind: DeleteImageSetConfiguration", "kind is not ImageSetConfiguration"),
        ("- a", "an overlay is one map"),
        ("a: 1\n---\nb: 2\n", "an overlay is one map"),
        ("a: 1\na: 2\n", "line 2: key 'a' stands twice"),
        ("\narchiveSize: 0\n", "line 2: archiveSize is 0, which oc-mirror takes for its default"),
        ("mirror:\n  additionalImages:\n  - name: a b\n", "line 3: mirror.additionalImages[0].name is 'a b'"),
    ],
)
def test_a_wrong_overlay_is_refused_with_line_and_field(text: str, said: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        overlay(text)
    assert caught.value.reason.startswith("imageset-overlay.yaml")
    assert said in caught.value.reason


_images = st.lists(st.sampled_from(["a/b:1", "a/b:2", "c/d:1"]), unique=True)


@given(_images, st.booleans(), st.integers(1, 500))
def test_an_overlay_merged_twice_is_an_overlay_merged_once(names: list[str], graph: bool, size: int) -> None:
    tree = {
        "archiveSize": size,
        "mirror": {"additionalImages": [{"name": n} for n in names], "platform": {"graph": graph}},
    }
    text = yaml.safe_dump(tree)
    plan = plan_fleet([SourceFile("fleet.yaml", FLEET)])
    given_once = overlay(text)
    assert generate_imageset(plan, overlay=given_once) == generate_imageset(plan, overlay=given_once)
    assert yaml.safe_load(generated(text))["mirror"]["platform"]["graph"] is graph


def test_a_default_channel_of_the_generated_imageset_is_no_fault_of_the_overlay() -> None:
    packages = "[{name: quay-operator, defaultChannel: stable-3.16, channels: [{name: stable-3.15}]}]"
    text = f"mirror: {{operators: [{{catalog: '{INDEX}', packages: {packages}}}]}}"
    assert "stable-3.15" in generated(text)
