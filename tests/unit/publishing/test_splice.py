"""The block in a values file: only it changes, and every other byte stays."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as some

from steps.errors import InvalidInputError
from steps.publishing import block
from steps.publishing.block import CaReference
from steps.publishing.splice import put
from steps.yaml.source import SourceFile

MIRROR: dict[str, Any] = {
    "mirrorRegistry": {
        "host": "registry.example.com:5000",
        "path": "ocp",
        "releaseImage": "openshift/release-images",
        "mirrors": [
            {"source": "quay.io/openshift-release-dev/ocp-release", "mirror": "ocp/openshift/release-images"},
            {"source": "registry.redhat.io/rhacm2", "mirror": "ocp/rhacm2"},
        ],
        "tagMirrors": [{"source": "docker.io/hashicorp", "mirror": "ocp/hashicorp"}],
    },
    "useIDMS": True,
    "catalogs": [
        {"source": "redhat-operators", "imagePath": "redhat/redhat-operator-index", "tag": "v4.20"},
        {"source": "certified-operators", "imagePath": "redhat/certified-operator-index", "tag": "v4.20"},
    ],
}
CA = CaReference("cluster-ca-bundle", "ca-bundle.crt", "policies")
PATH = ("managedClusterSets", "managed", "config", "disconnected")


def written(text: str | bytes, path: tuple[str, ...] = PATH, mirror: dict[str, Any] = MIRROR) -> bytes:
    content = text if isinstance(text, bytes) else text.encode()
    source = SourceFile("values.yaml", content)
    return put(source, {path: lambda there: block.merged(there, mirror, CA, "here")[0]})


def at(content: bytes, path: tuple[str, ...] = PATH) -> Any:
    found = yaml.load(content.decode("utf-8-sig"), Loader=yaml.CSafeLoader)
    for key in path:
        found = found[key]
    return found


def changed(before: str | bytes, after: bytes) -> tuple[list[str], list[str]]:
    """The lines that went and that came."""
    old = before if isinstance(before, bytes) else before.encode()
    lines = list(
        difflib.ndiff(old.decode().splitlines(keepends=True), after.decode().splitlines(keepends=True))
    )
    return [line[2:] for line in lines if line[0] == "-"], [line[2:] for line in lines if line[0] == "+"]


def expected(**more: Any) -> dict[str, Any]:
    registry = {**MIRROR["mirrorRegistry"], "caRef": CA.fields}
    return {**MIRROR, "mirrorRegistry": registry, **more}


def test_a_set_without_config_gets_it_before_its_other_keys() -> None:
    text = """\
# The fleet
managedClusterSets:
  managed:   # all of them
    # What is installed
    labels:
      odf: 'true'   # storage
"""
    after = written(text)
    went, came = changed(text, after)
    assert went == []
    assert "".join(came).startswith("    config:\n      disconnected:\n        mirrorRegistry:\n")
    assert after.decode().index("config:") < after.decode().index("# What is installed")
    assert at(after) == expected()
    assert written(after) == after


@pytest.mark.parametrize(
    "entry",
    ["managed:", "managed:  # nothing yet", "managed: ~", "managed: {}", "managed: null # later"],
)
def test_an_empty_set_gets_the_block(entry: str) -> None:
    text = f"managedClusterSets:\n  {entry}\nclusters:\n  a: {{}}\n"
    after = written(text)
    assert at(after) == expected()
    assert after.endswith(b"\nclusters:\n  a: {}\n")
    assert after.decode().count("#") == text.count("#")
    assert written(after) == after


def test_config_keeps_what_it_has() -> None:
    text = """\
managedClusterSets:
  managed:
    config:
        # Monitoring
        uwm: {enabled: true}
    labels: {odf: 'true'}
"""
    after = written(text)
    assert changed(text, after)[0] == []
    assert "\n        disconnected:\n" in after.decode()
    assert at(after) == expected()


BLOCK = """\
managedClusterSets:
  managed:
    config:
      disconnected:
        # Our registry
        mirrorRegistry:
          host: 'registry.example.com:5000'    # with its port
          path: "old"
          ca: |
            -----BEGIN CERTIFICATE-----

            MII=
            -----END CERTIFICATE-----
          mirrors:  # of Red Hat
            # what clusters run
            - source: quay.io/openshift-release-dev/ocp-release   # releases
              mirror: ocp/openshift/release-images
            - source: docker.io
          # tags follow
        disableDefaultCatalogs: true   # theirs
        catalogs:
          - source: redhat-operators
            displayName: 'Red Hat, mirrored'
            imagePath: redhat/redhat-operator-index
            tag: v4.19
            publisher: Red Hat
            updateInterval: 30m
          - {source: mine, imagePath: mine/index, tag: v1}
        osImages:
          - openshiftVersion: '4.20'
            version: '420.86'
            url: https://example.com/rhcos.iso
    labels:
      disconnected-mirror: 'true'
"""


def test_of_a_block_only_what_differs_changes() -> None:
    after = written(BLOCK)
    text = after.decode()
    for kept in (
        "# Our registry",
        "host: 'registry.example.com:5000'    # with its port",
        "            -----BEGIN CERTIFICATE-----\n\n            MII=\n",
        "mirrors:  # of Red Hat",
        "# what clusters run",
        "- source: quay.io/openshift-release-dev/ocp-release   # releases",
        "# tags follow",
        "disableDefaultCatalogs: true   # theirs",
        "- openshiftVersion: '4.20'",
    ):
        assert kept in text, text
    found = at(after)
    assert found["mirrorRegistry"]["path"] == "ocp"
    assert found["mirrorRegistry"]["mirrors"] == MIRROR["mirrorRegistry"]["mirrors"]
    assert found["catalogs"][0] == {
        "source": "redhat-operators",
        "displayName": "Red Hat, mirrored",
        "imagePath": "redhat/redhat-operator-index",
        "tag": "v4.20",
        "publisher": "Red Hat",
        "updateInterval": "30m",
    }
    assert "- source: quay.io/openshift-release-dev/ocp-release   # releases" not in changed(BLOCK, after)[0]
    assert block.dropped(at(BLOCK.encode()), found) == ["catalog mine", "mirror of docker.io"]
    assert written(after) == after


def test_what_the_mirror_no_longer_has_goes() -> None:
    first = written("managedClusterSets:\n  managed:\n    labels: {}\n")
    registry = {key: part for key, part in MIRROR["mirrorRegistry"].items() if key != "tagMirrors"}
    less = {**MIRROR, "mirrorRegistry": registry}
    after = written(first, mirror=less)
    assert "tagMirrors" not in after.decode()
    assert changed(first, after)[1] == []
    assert written(after, mirror=MIRROR) != after


LISTS = """\
managedClusterSets:
  managed:
    config:
      disconnected:
        mirrorRegistry:
          host: registry.example.com:5000
          path: ocp
          releaseImage: openshift/release-images
          mirrors:
          # the operators first
          - mirror: ocp/rhacm2   # by hand
            source: registry.redhat.io/rhacm2
          # gone by now
          - source: quay.io/gone  # this as well
            mirror: ocp/gone
          # then releases
          - {source: quay.io/openshift-release-dev/ocp-release, mirror: ocp/old}  # flow
          # the end
          tagMirrors:
          - {source: docker.io/hashicorp, mirror: ocp/hashicorp, extra: 1}
          caRef: {name: cluster-ca-bundle, key: ca-bundle.crt, namespace: policies}
        useIDMS: true
        catalogs:
            # Red Hat's
            - source: redhat-operators
              imagePath: redhat/redhat-operator-index
              tag: v4.19   # the minor of the hub
              publisher: 'Red Hat'  # shown
            # more later"""


def test_in_a_list_only_the_entries_that_differ_change() -> None:
    after = written(LISTS)
    went, came = changed(LISTS, after)
    assert went == [
        "          - source: quay.io/gone  # this as well\n",
        "            mirror: ocp/gone\n",
        "          - {source: quay.io/openshift-release-dev/ocp-release, mirror: ocp/old}  # flow\n",
        "          - {source: docker.io/hashicorp, mirror: ocp/hashicorp, extra: 1}\n",
        "              tag: v4.19   # the minor of the hub\n",
    ]
    assert came == [
        "          - {source: quay.io/openshift-release-dev/ocp-release,"
        " mirror: ocp/openshift/release-images}  # flow\n",
        "          - {source: docker.io/hashicorp, mirror: ocp/hashicorp}\n",
        "              tag: v4.20   # the minor of the hub\n",
        "            - source: certified-operators\n",
        "              imagePath: redhat/certified-operator-index\n",
        "              tag: v4.20\n",
    ]
    assert after.endswith(b"            # more later")
    assert written(after) == after
    crlf = LISTS.replace("\n", "\r\n").encode()
    assert written(crlf) == after.replace(b"\n", b"\r\n")


def test_a_new_entry_stands_behind_those_that_are_there() -> None:
    one, two, three = ({"source": f"quay.io/{name}", "mirror": f"ocp/{name}"} for name in "abc")

    def mirrors(*entries: dict[str, str]) -> dict[str, Any]:
        return {**MIRROR, "mirrorRegistry": {**MIRROR["mirrorRegistry"], "mirrors": list(entries)}}

    first = written("managedClusterSets:\n  managed: {}\n", mirror=mirrors(two))
    assert written(first, mirror=mirrors(one, two, three)) != first
    found = at(written(first, mirror=mirrors(one, two, three)))["mirrorRegistry"]["mirrors"]
    assert found == [two, one, three], "what stands there keeps its place"
    again = written(written(first, mirror=mirrors(one, two, three)), mirror=mirrors(two))
    assert again == first


def test_crlf_bom_and_a_missing_last_line_end_stay() -> None:
    text = b"\xef\xbb\xbf" + BLOCK.replace("\n", "\r\n").encode().rstrip()
    after = written(text)
    assert after.startswith(b"\xef\xbb\xbfmanagedClusterSets:\r\n")
    assert not re.search(rb"[^\r]\n", after)
    assert after.endswith(b"disconnected-mirror: 'true'")
    assert at(after)["mirrorRegistry"]["path"] == "ocp"
    assert at(after)["mirrorRegistry"]["ca"].count("\n") == 4


def test_a_file_in_flow_style_stays_in_flow_style() -> None:
    for text in (
        "managedClusterSets: {managed: {labels: {odf: 'true'}}, other: {}}\n",
        "managedClusterSets: {managed: {config: {uwm: 1}, labels: {}}}\n",
        "managedClusterSets: {managed: {}}  # later\n",
        '{"managedClusterSets": {"managed": {"config": {"disconnected": {"useIDMS": false}}}}}\n',
        "managedClusterSets: {managed: {config: {disconnected: {useIDMS: false,\n catalogs: []}}}}\n",
    ):
        after = written(text)
        assert at(after)["mirrorRegistry"] == expected()["mirrorRegistry"], text
        assert written(after) == after
        assert after.count(b"#") == text.count("#")


def test_braces_of_several_lines_keep_their_comments() -> None:
    text = (
        "managedClusterSets:\n  managed:\n    config:\n      disconnected: {  # ours\n"
        "        mirrorRegistry: {host: old},  # 'the old one'\n        useIDMS: false\n      }  # end\n"
    )
    after = written(text)
    assert at(after) == expected(useIDMS=False)
    assert re.findall("#.*", after.decode()) == ["# ours", "# 'the old one'", "# end"]
    assert written(after) == after


def test_a_comment_beside_a_value_that_changes_stays() -> None:
    text = (
        "managedClusterSets:\n  managed:\n    config:\n      disconnected:\n        mirrorRegistry:\n"
        "          host: >-  # folded\n            old\n          path:  # below\n            old#er\n"
    )
    after = written(text).decode()
    assert "          host: registry.example.com:5000  # folded\n          path: ocp  # below\n" in after


OF_THE_BASE = "x: &base\n  disconnected: {mirrorRegistry: {host: other}}\nmanagedClusterSets:\n  managed:\n"


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        (
            "config:\n      <<: *base  # all\n      z: 1",
            "config:\n      <<: *base  # all\n      disconnected:\n",
        ),
        (
            "config:\n      a: 1\n      <<: *base",
            "config:\n      a: 1\n      <<: *base\n      disconnected:\n",
        ),
        ("config: {<<: *base, z: 1}", "config: {<<: *base, disconnected: {"),
        ("<<: {labels: {}}", "<<: {labels: {}}\n    config:\n      disconnected:\n"),
    ],
)
def test_a_new_key_stands_behind_what_is_inherited(config: str, wanted: str) -> None:
    """Helm takes the value of `<<` for a key that stands before it."""
    after = written(f"{OF_THE_BASE}    {config}\n")
    assert wanted in after.decode()
    assert at(after)["mirrorRegistry"]["host"] == MIRROR["mirrorRegistry"]["host"]
    assert written(after) == after


def test_a_block_may_inherit_what_is_not_the_mirrors() -> None:
    base = "x: &base\n  useIDMS: false\n  disableDefaultCatalogs: true\n"
    text = f"{base}managedClusterSets:\n  managed:\n    config:\n      disconnected:\n        <<: *base\n"
    after = written(text)
    assert at(after) == expected(useIDMS=False, disableDefaultCatalogs=True)
    assert after.decode().startswith(f"{text}        mirrorRegistry:\n")
    assert written(after) == after


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("managedClusterSets:\n  managed: &all\n    labels: {}\n  other: *all\n", "line 2: .* has an anchor"),
        ("x: &c {uwm: 1}\nmanagedClusterSets:\n  managed:\n    config: *c\n", "has an anchor, and an alias"),
        (
            "x: &b\n  config: {uwm: 1}\nmanagedClusterSets:\n  managed:\n    <<: *b\n    labels: {}\n",
            "would change another place",
        ),
        (
            "managedClusterSets:\n  managed:\n    config:\n      disconnected:\n        mirrorRegistry:\n"
            "          mirrors: &m [{source: a}]\n          ca: x\n          tagMirrors: *m\n",
            "has an anchor|could not be read|would change",
        ),
        ("managedClusterSets:\n  managed:\n\tlabels: {}\n", "line 3: not valid YAML"),
        ("managedClusterSets:\n  managed:\n    a: 1\n    a: 2\n", "line 4: key 'a' stands twice"),
        (
            "managedClusterSets:\n  managed:\n    config: {\n      # later\n    }\n",
            "line 3: a comment stands in braces",
        ),
        (
            f"{OF_THE_BASE}    config:\n      disconnected: {{}}\n      <<: *base\n",
            "line 6: 'disconnected' stands before '<<'",
        ),
        (
            "x: &b {mirrors: [{source: a}], tagMirrors: []}\nmanagedClusterSets:\n  managed:\n    config:\n"
            "      disconnected:\n        mirrorRegistry:\n          mirrors: []\n          <<: *b\n",
            "line 7: 'mirrors' stands before '<<'",
        ),
        (
            "x: &b {title: ours}\nmanagedClusterSets:\n  managed:\n    config:\n      disconnected:\n"
            "        catalogs:\n          - source: gone\n          - source: redhat-operators\n"
            "            <<: *b\n        mirrorRegistry: {releaseImage: [a, # b\n          c]}\n",
            "line 10: a comment stands in braces",
        ),
        ("managedClusterSets: {managed: {config: {disconnected: 'no'}}}\n", "a value where a map belongs"),
        ("managedClusterSets: {managed: {config: {disconnected: [x]}}}\n", "a value where a map belongs"),
        ("managedClusterSets:\n  managed: 3\n", "line 2: there is a value where a map belongs"),
        ("managedClusterSets:\n  managed: [1]\n", "a value where a map belongs"),
        ("managedClusterSets: {managed: {}}\n---\nx: 1\n", "holds 2 YAML documents"),
        ("", "holds nothing"),
        ("clusters: {a: {}}\n", "there is no managedClusterSets"),
        ("managedClusterSets: {managed: {config: {disconnected: {catalogs: 3}}}}\n", "no list"),
    ],
)
def test_what_cannot_be_changed_alone_is_refused_with_file_and_line(text: str, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words) as caught:
        written(text)
    assert re.search("values.yaml|here", caught.value.reason)
    assert caught.value.hint


def test_anchors_elsewhere_do_not_matter() -> None:
    text = """\
x-common: &common {odf: 'true'}
managedClusterSets:
  managed:
    config:
      uwm: &uwm {enabled: true}
      other: *uwm
    labels: *common
  second:
    labels: *common
"""
    after = written(text)
    assert changed(text, after)[0] == []
    assert at(after) == expected()


def test_an_alias_at_the_end_of_a_block_is_passed_over() -> None:
    text = """\
x: &os [{openshiftVersion: '4.20', version: '1', url: u}]
managedClusterSets:
  managed:
    config:
      disconnected:
        mirrorRegistry: {host: a, ca: b}
        catalogs: []
        osImages: *os
    labels: {}
"""
    after = written(text)
    assert at(after)["osImages"][0]["version"] == "1"
    assert after.endswith(b"        osImages: *os\n    labels: {}\n")


def test_without_a_ca_it_is_refused_as_autoshift_would() -> None:
    source = SourceFile("values.yaml", b"managedClusterSets:\n  managed: {}\n")
    with pytest.raises(InvalidInputError, match="names no CA") as caught:
        put(source, {PATH: lambda there: block.merged(there, MIRROR, None, "managedClusterSets.managed")[0]})
    assert "publish-ca-ref" in caught.value.hint


@pytest.mark.parametrize(
    ("minor", "there", "tag", "is_assumed"),
    [
        ("4.19", "v4.20", "v4.19", False),
        ("4.1", "v4.9", "v4.9", False),
        ("4.21", "v4.9", "v4.9", False),
        ("4.21", "v4.8", "v4.20", True),
        ("", "v4.19", "v4.19", False),
        ("", "", "v4.20", True),
    ],
)
def test_of_several_catalogs_of_one_source_the_clusters_get_one(
    minor: str, there: str, tag: str, is_assumed: bool
) -> None:
    """AutoShift names a CatalogSource by its source: two would take turns for ever."""
    index = {"source": "redhat-operators", "imagePath": "redhat/redhat-operator-index"}
    mirror = {**MIRROR, "catalogs": [{**index, "tag": f"v4.{number}"} for number in (19, 20, 9)]}
    block_there = {"catalogs": [{**index, "tag": there, "publisher": "us"}]} if there else {}
    new, lines = block.merged(block_there, mirror, CA, "here", minor)
    assert new["catalogs"] == [{**index, "tag": tag, **({"publisher": "us"} if there else {})}]
    assert block.dropped(block_there, new) == []
    assert lines == (
        ["catalog redhat-operators with tag v4.20, the newest of v4.19, v4.20, v4.9"] * is_assumed
    )


SECTIONS = ("hubClusterSets", "managedClusterSets", "clusters")


def entries_of(content: bytes) -> list[tuple[str, str]]:
    tree = yaml.load(content.decode("utf-8-sig"), Loader=yaml.CSafeLoader)
    if not isinstance(tree, dict):
        return []
    return [
        (section, name)
        for section in SECTIONS
        if isinstance(tree.get(section), dict)
        for name in tree[section]
    ]


def check_entry(content: bytes, section: str, name: str) -> None:
    """Write the block for an entry: nothing else differs, and a second time nothing at all."""
    path = (section, name, "config", "disconnected")
    after = written(content, path)
    before_tree, after_tree = (
        yaml.load(text.decode("utf-8-sig"), Loader=yaml.CSafeLoader) for text in (content, after)
    )
    assert at(after, path)["mirrorRegistry"]["mirrors"] == MIRROR["mirrorRegistry"]["mirrors"]
    after_tree[section][name]["config"].pop("disconnected")
    place = before_tree[section][name] or {}
    if isinstance(place.get("config"), dict):
        place["config"].pop("disconnected", None)
    else:
        place["config"] = {}
    before_tree[section][name] = place
    assert after_tree == before_tree
    assert written(after, path) == after
    assert after.count(b"\r\n") - content.count(b"\r\n") in {0, after.count(b"\n") - content.count(b"\n")}
    less = {**MIRROR, "catalogs": MIRROR["catalogs"][:1]}
    if (
        b"publisher" not in content and b"between" not in content
    ):  # what a user has put to an entry goes with it
        assert written(written(after, path, less), path) == after


def test_every_entry_of_autoshifts_own_files_can_be_written(shared_data: Path) -> None:
    tried = 0
    for file in sorted((shared_data / "autoshift").rglob("*.yaml")):
        if "policies" in file.parts:
            continue
        content = file.read_bytes()
        for section, name in entries_of(content):
            check_entry(content, section, name)
            tried += 1
    assert tried > 10


NAMES = some.sampled_from(["managed", "edge-1", "größe", "🚀", "a b"])
SCALARS = some.sampled_from(
    ["'true'", "4.20", "", "~", '"x # y"', "plain  # said", "|\n{i}  text\n{i}  more"]
)
LINES = some.sampled_from(["", "{i}# a comment", "   "])


@some.composite
def values_files(draw: some.DrawFn) -> tuple[bytes, str, str]:
    """A values file in one of many styles, with the entry to write."""
    step = draw(some.sampled_from([1, 2, 4]))
    newline = draw(some.sampled_from(["\n", "\r\n"]))
    text = draw(some.sampled_from(["", "# head\n", "---\n", "autoshiftGitBranchTag: main\n"]))
    names = draw(some.lists(NAMES, min_size=1, max_size=3, unique=True))
    section = draw(some.sampled_from(SECTIONS))
    text += f"{section}:\n"
    for name in names:
        text += draw(LINES).replace("{i}", " " * step) + "\n"
        text += f"{' ' * step}'{name}':{draw(some.sampled_from(['', '   # said']))}\n"
        text += draw(bodies(step))
    content = text.replace("\n", newline)
    if draw(some.booleans()):
        content = content.rstrip()
    mark = b"\xef\xbb\xbf" if draw(some.booleans()) else b""
    return mark + content.encode(), section, draw(some.sampled_from(names))


@some.composite
def bodies(draw: some.DrawFn, step: int) -> str:
    indent = " " * (2 * step)
    text = ""
    for key in draw(some.permutations(["labels", "config", "zz"])):
        if draw(some.booleans()):
            continue
        text += draw(LINES).replace("{i}", indent) + "\n"
        text += f"{indent}{key}:\n"
        inner = indent + " " * step
        if key == "config" and draw(some.booleans()):
            text += existing(draw, inner, step)
        for number in range(draw(some.integers(0, 2))):
            value = draw(SCALARS).replace("{i}", inner)
            text += f"{inner}key-{number}: {value}\n"
            text += draw(LINES).replace("{i}", inner) + "\n"
    return text


def existing(draw: some.DrawFn, indent: str, step: int) -> str:
    """A block that a user has written, in parts."""
    inner, deeper = indent + " " * step, indent + " " * 2 * step
    dash = inner if draw(some.booleans()) else deeper
    parts = [
        f"{inner}mirrorRegistry:  # ours\n{deeper}host: old # port\n{deeper}ca: |\n{deeper}  x\n",
        f"{inner}catalogs:\n{dash}- source: redhat-operators\n{dash}  publisher: 'Red Hat'\n",
        f"{inner}catalogs:  # of Red Hat\n{dash}# first\n{dash}- tag: v4.1 # one\n"
        f"{dash}  source: redhat-operators\n{dash}# between\n"
        f"{dash}-   source: certified-operators # two\n{dash}# last\n",
        f"{inner}useIDMS: false\n",
        f"{inner}osImages: [ {{version: '1'}} ]  # by hand\n",
        f"{inner}# a comment\n",
    ]
    chosen = draw(some.lists(some.sampled_from(parts), unique_by=lambda part: part.strip().partition(":")[0]))
    return f"{indent}disconnected:\n" + "".join(chosen)


@settings(max_examples=int(os.environ.get("SPLICE_EXAMPLES", "100")), deadline=None)
@given(values_files())
def test_any_style_is_written_and_nothing_else_changes(made: tuple[bytes, str, str]) -> None:
    content, section, name = made
    check_entry(content, section, name)
    after = written(content, (section, name, "config", "disconnected"))
    comments = re.findall(rb"#[^\r\n]*", content)
    assert [one for one in comments if one not in after] == []


SEVERAL = (
    "clusters:\n  a:\n    config: {}\n  b:  # second\n    labels: {}\n  c:\nhubClusterSets: {hub: {}}\n",
    "clusters: {a: {config: {disconnected: {useIDMS: false}}}, b: {config: {x: 1}}, c: {labels: {}}}\n"
    "hubClusterSets: {hub: null}\n",
    "clusters:\n  a:\n  b:\n  c:\nhubClusterSets:\n  hub:",
)


@pytest.mark.parametrize("text", SEVERAL)
def test_several_places_of_a_file_are_written_at_once_as_one_after_the_other(text: str) -> None:
    places = [("clusters", name) for name in ("c", "a", "b")] + [("hubClusterSets", "hub")]
    paths: list[tuple[str, ...]] = [(*place, "config", "disconnected") for place in places]
    one_by_one = text.encode()
    for path in paths:
        one_by_one = written(one_by_one, path)
    made = block.merged({}, MIRROR, CA, "here")[0]
    wanted = {path: lambda there: {**made, **there} for path in paths}
    assert put(SourceFile("values.yaml", text.encode()), wanted) == one_by_one
