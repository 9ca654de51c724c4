"""The model against the text: every field is read and written back; the identity is that of the bytes."""

from __future__ import annotations

import hashlib
import json
from textwrap import dedent

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from steps.errors import InvalidInputError
from steps.imageset.imageset import ImageSet
from steps.imageset.model import Configuration, Mirror, Model, fields_of
from steps.imageset.writing import write

ALL = dedent("""\
    apiVersion: mirror.openshift.io/v2alpha1
    kind: ImageSetConfiguration
    mirror:
      platform:
        graph: false
        architectures:
          - amd64
          - arm64
        channels:
          - name: stable-4.18
            type: ocp
            minVersion: '4.18.1'
            maxVersion: '4.18.2'
            shortestPath: true
            full: false
        release: quay.io/openshift-release-dev/ocp-release:4.18.1-x86_64
        kubeVirtContainer: true
      operators:
        - catalog: registry.redhat.io/redhat/redhat-operator-index:v4.18
          packages:
            - name: a
              defaultChannel: x
              channels:
                - name: x
                  minVersion: '1.0.0'
                  maxVersion: '1.1.0'
            - name: b
              minVersion: '1.0.0'
              maxVersion: '1.0.0'
          full: false
          targetCatalog: mine/index
          targetTag: v1
          targetCatalogSourceTemplate: '/template.yaml'
          skipDependencies: true
          platforms:
            - os: linux
              architecture: amd64
      additionalImages:
        - name: quay.io/a/b:v1
          targetRepo: x/y
          targetTag: v2
          platforms:
            - os: linux
              architecture: amd64
      blockedImages:
        - name: quay.io/c
      helm:
        repositories:
          - name: r
            url: https://example.com
            charts:
              - name: c
                version: '1.10'
                path: p
                imagePaths:
                  - '{.spec.image}'
                platforms:
                  - os: linux
                    architecture: amd64
        local:
          - name: l
            path: '/l.tgz'
      samples:
        - name: s
    archiveSize: 4
""")


def fields_in(tree: object) -> set[str]:
    if isinstance(tree, dict):
        return set(tree) | {name for value in tree.values() for name in fields_in(value)}
    return {name for item in tree for name in fields_in(item)} if isinstance(tree, list) else set()


def fields_below(model: type[Model]) -> set[str]:
    found = set()
    for field in fields_of(model).values():
        found |= {field.name} | (fields_below(field.type) if issubclass(field.type, Model) else set())
    return found


def test_every_field_is_read_and_written_back_as_it_was() -> None:
    assert fields_in(yaml.safe_load(ALL)) == fields_below(Configuration)
    assert "\n".join(write(ImageSet.parse(ALL, "all.yaml").configuration)) + "\n" == ALL


def test_what_is_recorded_reads_like_what_is_parsed() -> None:
    parsed, recorded = ImageSet.parse(ALL, "all.yaml"), ImageSet.recorded(ALL.encode(), "all.yaml")
    assert parsed.configuration == recorded.configuration
    assert parsed.document() == recorded.document() == yaml.safe_load(ALL)


def test_its_hash_is_that_of_the_bytes_whatever_they_are() -> None:
    content = b"\xef\xbb\xbf" + ALL.encode().replace(b"\n", b"\r\n")
    assert ImageSet.parse(content, "x").sha256 == hashlib.sha256(content).hexdigest()
    assert ImageSet.parse(content, "x").content == content


def meaning_of_0_1(content: bytes) -> str:
    """As version 0.1 computed it; records that it wrote name ImageSets by this."""
    document = yaml.safe_load(content)
    document.pop("archiveSize", None)
    return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()


@pytest.mark.parametrize(
    "text",
    [
        ALL,
        "kind: ImageSetConfiguration\nmirror: {platform: {graph: on, channels: }, operators: [], helm: {}}\n",
        "kind: X\nmirror: {additionalImages: [{name: &a x:1}, {name: y:1, targetTag: *a}]}\n",
        "kind: ImageSetConfiguration\nmirror: {additionalImages: [{name: x:1, targetTag: 2026-01-02}]}\n",
    ],
)
def test_its_meaning_is_that_of_version_0_1(text: str) -> None:
    assert ImageSet.recorded(text.encode(), "x").meaning == meaning_of_0_1(text.encode())


def test_its_meaning_has_no_comments_order_or_archive_size() -> None:
    backwards = yaml.safe_dump(
        {**dict(reversed(yaml.safe_load(ALL).items())), "archiveSize": 9}, sort_keys=False
    )
    assert ImageSet.parse("# x\n" + backwards, "x").meaning == ImageSet.parse(ALL, "y").meaning


def test_fields_of_a_newer_version_are_passed_over_and_kept_in_what_a_run_used() -> None:
    newer = ALL.replace("graph: false\n", "graph: true\n    newer: 1.5\n") + "newest: {a: }\n"
    with pytest.raises(InvalidInputError, match=r"platform\.newer is not a field"):
        ImageSet.parse(newer, "x")
    recorded = ImageSet.recorded(newer.encode(), "x")
    assert recorded.mirror.platform.graph
    without = recorded.without_graph()
    assert without.mirror == ImageSet.parse(ALL, "y").mirror
    assert without.document()["mirror"]["platform"]["newer"] == 1.5


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"kind: [", "x, line 2: not valid YAML"),
        (b"kind: x\n", "x cannot be read: it has no 'mirror' mapping"),
        (b"mirror: []\n", "x cannot be read: it has no 'mirror' mapping"),
        (b"", "x cannot be read: it has no 'mirror' mapping"),
        (b"mirror: {operators: {a: b}}\n", "x cannot be read: line 1: mirror.operators is not a list"),
        (b"mirror: " + b"[" * 100_000, "nested deeper"),
    ],
)
def test_what_a_run_cannot_have_used_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        ImageSet.recorded(content, "x", hint="copy it again")
    assert said in caught.value.reason
    assert caught.value.hint == "copy it again"


@pytest.mark.parametrize("end", ["---\n", "---\n# nothing\n", "...\n"])
def test_an_empty_document_after_it_does_not_matter(end: str) -> None:
    assert ImageSet.parse(ALL + end, "x").mirror == ImageSet.parse(ALL, "x").mirror


@pytest.mark.parametrize("size", ["0x10", "1_000", "1:30", "-4", "4.5", "'4'"])
def test_a_size_is_a_plain_number(size: str) -> None:
    with pytest.raises(InvalidInputError, match=r"line \d+: archiveSize is "):
        ImageSet.parse(ALL.replace("archiveSize: 4", f"archiveSize: {size}"), "x")


@pytest.mark.parametrize(("word", "graph"), [("True", True), ("on", True), ("No", False), ("off", False)])
def test_a_flag_is_what_yaml_takes_for_one(word: str, graph: bool) -> None:
    text = ALL.replace("graph: false", f"graph: {word}")
    assert ImageSet.parse(text, "x").mirror.platform.graph is graph


def test_a_merge_key_is_no_field() -> None:
    with pytest.raises(InvalidInputError, match=r"line 3: mirror\.<< is not a field"):
        ImageSet.parse("kind: ImageSetConfiguration\nmirror:\n  <<: {samples: []}\n", "x")


def test_nothing_said_is_an_empty_mirror() -> None:
    assert ImageSet.recorded(b"mirror: {platform: , operators: []}", "x").mirror == Mirror()


_names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Z"]), min_size=1, max_size=6)


@given(st.lists(_names, unique=True, max_size=5), st.booleans(), st.integers(1, 9999))
def test_what_is_written_is_read_back(names: list[str], graph: bool, size: int) -> None:
    mirror = {"platform": {"graph": graph}, "blockedImages": [{"name": name} for name in names]}
    text = yaml.safe_dump({"kind": "ImageSetConfiguration", "archiveSize": size, "mirror": mirror})
    configuration = ImageSet.parse(text, "x").configuration
    assert ImageSet.parse("\n".join(write(configuration)), "y").configuration == configuration
