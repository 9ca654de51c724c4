"""Each rule that oc-mirror v2 has for its ImageSetConfiguration, broken once."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from textwrap import dedent, indent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.errors import InvalidInputError
from steps.imageset.describe import describe_imageset, openshift_versions, operator_count
from steps.imageset.imageset import ImageSet

HEAD = "apiVersion: mirror.openshift.io/v2alpha1\nkind: ImageSetConfiguration\n"
INDEX = "registry.redhat.io/redhat/redhat-operator-index:v4.18"
DIGEST = f"sha256:{'0' * 64}"
EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def check(text: str) -> ImageSet:
    return ImageSet.parse(text, "mine.yaml")


def mirror(text: str) -> str:
    return f"{HEAD}mirror:\n{indent(dedent(text).strip(), '  ')}\n"


def package(text: str, catalog: str = f"catalog: {INDEX}") -> str:
    """An ImageSet with one catalog and one package, written in flow style."""
    return mirror(f"operators:\n  - {{{catalog}, packages: [{{{text}}}]}}")


def channels(*fields: str) -> str:
    listed = ", ".join(f"{{name: {one}}}" for one in fields)
    return mirror(f"platform: {{channels: [{listed}]}}")


def channel(text: str) -> str:
    return mirror(f"platform: {{channels: [{{{text}}}]}}")


def refusal(text: str) -> str:
    with pytest.raises(InvalidInputError) as caught:
        check(text)
    return caught.value.reason


@pytest.mark.parametrize(
    "image",
    [
        f"name: 'quay.io/x/y@{DIGEST}'",
        f"name: 'a.b:5000/x/y:1@{DIGEST}'",
        f"name: 'a.b:5000/x/y@{DIGEST}', targetTag: v1",
        "name: 'oci:///data/images/y'",
    ],
)
def test_forms_of_images_that_oc_mirror_reads(image: str) -> None:
    assert check(mirror(f"additionalImages: [{{{image}}}]"))


def test_the_facts_of_an_imageset_are_what_it_mirrors() -> None:
    found = check(
        mirror(f"""
            platform:
              channels:
                - {{name: stable-4.18, minVersion: 4.18.20, maxVersion: 4.18.22}}
                - {{name: stable-4.20, minVersion: 4.20.1, maxVersion: 4.20.1}}
                - {{name: fast-4.21}}
            operators:
              - {{catalog: {INDEX}, packages: [{{name: a}}, {{name: b}}]}}
            additionalImages: [{{name: quay.io/x/y:1}}]
        """)
    )
    assert openshift_versions(found.mirror) == ("4.18.20-4.18.22", "4.20.1", "fast-4.21")
    assert operator_count(found.mirror) == 2
    assert [catalog.catalog for catalog in found.mirror.operators] == [INDEX]
    assert [image.name for image in found.mirror.additional_images] == ["quay.io/x/y:1"]
    assert found.warnings == ()


def test_without_releases_the_versions_are_those_of_the_catalogs() -> None:
    assert openshift_versions(check(package("name: a")).mirror) == ("4.18",)


def test_the_example_is_valid() -> None:
    assert operator_count(check((EXAMPLES / "custom-imageset.yaml").read_text()).mirror) == 2


def test_a_catalog_on_disk_and_nulls_are_fine() -> None:
    assert check(
        mirror("operators: [{catalog: 'oci:///catalogs/mine', packages: [{name: a}]}]\nhelm: {}\nsamples:")
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 documents instead of one"),
        ("a\n", "not a map"),
        (f"{HEAD}mirror: {{}}\n---\n{HEAD}", "2 documents"),
        ("mirror: {}\n", "kind is '', not 'ImageSetConfiguration'"),
        ("kind: DeleteImageSetConfiguration\n", "kind is 'DeleteImageSetConfiguration'"),
        (HEAD, "line 1: mirror is missing"),
        (mirror("platform: {graph: true}\nextra: 1"), "line 5: mirror.extra is not a field of oc-mirror v2"),
        (mirror("platform: [a]"), "line 4: mirror.platform is not a map"),
        (mirror("operators: {a: b}"), "line 4: mirror.operators is not a list"),
        (mirror("platform: {graph: 'true'}"), "mirror.platform.graph is true, which is not true or false"),
        (
            HEAD + "archiveSize: big\nmirror: {platform: {graph: true}}\n",
            "archiveSize is big, which is not a whole number",
        ),
        (HEAD + "archiveSize: -4\nmirror: {platform: {graph: true}}\n", "archiveSize is -4"),
        (channel("name: stable-4.18, minVersion: 4.18, maxVersion: 4.19"), "put it in quotes, '4.18'"),
        (channel("name: stable-4.18, minVersion: '4.18', maxVersion: '4.18.2'"), "makes oc-mirror panic"),
        (channel("type: ocp"), "mirror.platform.channels[0].name is missing"),
        (
            mirror("platform: {channels: [{name: stable-4.18}, {name: stable-4.18}]}"),
            "release channel stable-4.18 2 times",
        ),
        (mirror("platform: {channels: [{name: stable}, {name: stable-4.18}]}"), "must end in -X.Y"),
        (
            mirror("platform: {architectures: [amd64], platforms: [{os: linux, architecture: amd64}]}"),
            "exclude each other",
        ),
        (mirror("platform: {architectures: [x86_64]}"), "architectures[0] is x86_64, none of amd64"),
        (mirror("operators: [{packages: [{name: a}]}]"), "mirror.operators[0].catalog is missing"),
        (
            package("name: a", "catalog: registry/index"),
            "'registry/index', not an image reference with tag or digest",
        ),
        (mirror(f"operators: [{{catalog: {INDEX}}}, {{catalog: {INDEX}}}]"), f"catalog {INDEX} 2 times"),
        (package("name: a, channels: [{name: x}, {name: x}]"), "channel x 2 times"),
        (package("name: a}, {name: a"), "package a 2 times"),
        (
            package("name: a, minVersion: 1.0.0, channels: [{name: x, maxVersion: 1.2.0}]"),
            "both for itself and for a channel",
        ),
        (package("name: a, minVersion: '1.0'"), "minVersion is 1.0, not X.Y.Z"),
        (package("name: a, minVersion: 25.06.0"), "minVersion is 25.06.0, not X.Y.Z"),
        (
            package("name: a, defaultChannel: y, channels: [{name: x}]"),
            "defaultChannel is y, none of its channels (x)",
        ),
        (
            package("name: a, minVersion: 1.0.0", f"catalog: {INDEX}, full: true"),
            "in a catalog with full: true",
        ),
        (
            package("name: a", f"catalog: {INDEX}, targetCatalog: 'x:1'"),
            "targetCatalog must not contain a tag",
        ),
        (
            mirror("additionalImages: [{name: quay.io/x/y}]"),
            "additionalImages[0].name is 'quay.io/x/y', not an image",
        ),
        (mirror("additionalImages: [{name: 'quay.io/x/y:1 '}]"), "not an image reference"),
        (
            mirror("additionalImages: [{name: '[::1]:5000/x/y:1'}]"),
            "an IPv6 literal, which",
        ),
        (
            mirror("operators: [{catalog: '[2001:db8::1]/x/y:1'}]"),
            "an IPv6 literal, which",
        ),
        (mirror(f"additionalImages: [{{name: 'a.b:5000/x/y@{DIGEST}'}}]"), "HOST:PORT/NAME:TAG@DIGEST"),
        (mirror(f"additionalImages: [{{name: 'docker://a.b:5000/x@{DIGEST}'}}]"), "or a targetTag"),
        (mirror(f"operators: [{{catalog: 'a.b/x/y:1@{DIGEST}'}}]"), "has both tag and digest"),
        (mirror("helm: {repositories: [{name: a}]}"), "helm.repositories[0].url is missing"),
    ],
)
def test_what_oc_mirror_would_refuse_is_refused(text: str, said: str) -> None:
    reason = refusal(text)
    assert reason.startswith("mine.yaml: ")
    assert said in reason


@pytest.mark.parametrize("field", ["storageConfig", "targetName", "originalRef", "headsOnly"])
def test_a_field_of_version_1_is_refused_with_what_became_of_it(field: str) -> None:
    assert f"mirror.{field} is not a field of oc-mirror v2" in refusal(mirror(f"{field}: x"))


@pytest.mark.parametrize(
    "text", [HEAD.replace("v2alpha1", "v1alpha2") + "mirror: {}", HEAD + "storageConfig: {}"]
)
def test_an_imageset_of_version_1_is_told_from_a_mistake(text: str) -> None:
    assert "oc-mirror v1" in refusal(text)


def test_all_findings_come_at_once_with_their_lines() -> None:
    reason = refusal(mirror("platform:\n  graph: 1\n  chanels: []\noperators:\n  - {catalog: 4.18}"))
    assert all(f"line {line}: mirror." in reason for line in (5, 6, 8))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            channel("name: stable-4.18, maxVersion: 4.18.3"),
            "line 4: mirror.platform.channels[0].maxVersion: without minVersion",
        ),
        (channel("name: stable-4.18, type: ocpp"), "is neither ocp nor okd"),
        (mirror(f"operators: [{{catalog: {INDEX}}}]"), "lists no packages"),
        (
            channels("eus-4.18, minVersion: 4.18.22", "stable-4.20, minVersion: 4.20.12"),
            "line 4: mirror.platform.channels: oc-mirror finds no way from 4.18.22 in eus-4.18 to the newest "
            "in stable-4.20",
        ),
        (channels("fast-4.20, minVersion: 4.19.5, maxVersion: 4.19.5", "stable-4.19"), "no way from 4.19.5"),
    ],
)
def test_what_is_legal_but_rarely_meant_is_a_warning(text: str, said: str) -> None:
    (warning,) = check(text).warnings
    assert warning.startswith("mine.yaml, line ")
    assert said in warning


@pytest.mark.parametrize(
    "others",
    [
        ["stable-4.18, minVersion: 4.18.22", "eus-4.20"],
        ["fast-4.18, minVersion: 4.18.22", "fast-4.20"],
        ["eus-4.18", "stable-4.19"],
        ["eus-4.20, minVersion: 4.18.22, maxVersion: 4.20.12", "eus-4.18, minVersion: 4.18.30"],
        ["mine-4.18", "eus-4.20"],
    ],
)
def test_release_channels_that_may_do_are_not_warned_of(others: list[str]) -> None:
    assert check(channels(*others)).warnings == ()


def test_a_description_has_every_fact() -> None:
    text = describe_imageset(check(package("name: a") + "  additionalImages: [{name: 'x/y:1'}]\n"))
    assert all(word in text for word in ("4.18", "1 packages of 1 catalogs", INDEX, "Additional images  1"))


@given(st.text(alphabet="ab{}[]:,- \n'\"&*!4.", max_size=80))
def test_any_text_is_checked_or_refused_and_nothing_else(text: str) -> None:
    with suppress(InvalidInputError):
        check(HEAD + "mirror:\n  platform: {graph: true}\n  operators:\n    " + text)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "a", "4.18", "x:1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["platform", "operators", "channels", "packages", "name", "catalog", "minVersion"]
            ),
            inner,
        )
    ),
    max_leaves=12,
)


@given(_json)
def test_any_tree_is_checked_or_refused_and_nothing_else(tree: object) -> None:
    import json

    with suppress(InvalidInputError):
        check(f"kind: ImageSetConfiguration\nmirror: {json.dumps(tree)}\n")
