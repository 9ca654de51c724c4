from __future__ import annotations

import re
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.imageset import diff
from steps.imageset.imageset import ImageSet

OLD = dedent("""
    apiVersion: mirror.openshift.io/v2alpha1
    kind: ImageSetConfiguration
    mirror:
      platform:
        graph: true
        channels:
          - {name: stable-4.18, minVersion: 4.18.20, maxVersion: 4.18.20}
      operators:
        - catalog: registry.redhat.io/redhat/redhat-operator-index:v4.18
          packages:
            - {name: quay-operator, defaultChannel: stable-3.16, channels: [{name: stable-3.16}]}
            - {name: rhacs-operator, channels: [{name: stable}]}
      additionalImages:
        - name: quay.io/example/tool:1
""")
CATALOG = "registry.redhat.io/redhat/redhat-operator-index:v4.18"


def diff_imagesets(old: str, new: str) -> list[str]:
    before = ImageSet.recorded(old.encode(), "old") if old else None
    return diff.diff_imagesets(before, ImageSet.recorded(new.encode(), "new"))


def test_an_imageset_does_not_differ_from_itself_in_another_order_and_layout() -> None:
    other = OLD.replace("            - {name: rhacs-operator, channels: [{name: stable}]}\n", "").replace(
        "          packages:\n",
        "          packages: # a comment\n            - name: rhacs-operator\n"
        "              channels:\n              - name: 'stable'\n",
    )
    assert diff_imagesets(OLD, OLD) == []
    assert diff_imagesets(OLD, other) == []


def test_a_release_that_moves_is_a_change() -> None:
    assert diff_imagesets(OLD, OLD.replace("4.18.20", "4.18.22")) == [
        "changed: OpenShift release channel stable-4.18: 4.18.20 → 4.18.22"
    ]


def test_a_channel_that_moves_is_a_change_of_its_operator() -> None:
    assert diff_imagesets(OLD, OLD.replace("stable-3.16", "stable-3.17")) == [
        f"changed: operator quay-operator from {CATALOG}: stable-3.16; default channel stable-3.16 → "
        "stable-3.17; default channel stable-3.17"
    ]


def test_what_comes_and_goes_is_named_with_what_it_is() -> None:
    new = OLD.replace("rhacs-operator", "odf-operator").replace("tool:1", "tool:2")
    assert diff_imagesets(OLD, new) == [
        "added: image quay.io/example/tool:2",
        f"added: operator odf-operator from {CATALOG} (stable)",
        "removed: image quay.io/example/tool:1",
        f"removed: operator rhacs-operator from {CATALOG} (stable)",
    ]


def test_a_setting_without_words_of_its_own_is_named_by_its_path() -> None:
    new = OLD.replace("graph: true", "graph: false") + "archiveSize: 20\n"
    assert diff_imagesets(OLD, new) == ["added: archiveSize (20)", "changed: platform.graph: true → false"]


def test_everything_is_new_against_nothing() -> None:
    assert len(diff_imagesets("", OLD)) == 5
    assert all(line.startswith("added: ") for line in diff_imagesets("", OLD))


def test_a_field_that_only_a_newer_version_knows_is_named_too() -> None:
    new = OLD.replace("graph: true", "graph: true\n    newer: {a: [on]}")
    assert diff_imagesets(OLD, new) == ["added: platform.newer.a[true]"]


@given(
    st.sampled_from(["stable-3.16", "rhacs-operator", "4.18.20", "tool:1"]),
    st.text("abc", min_size=3),
)
def test_a_difference_read_backwards_swaps_what_comes_and_goes(part: str, other: str) -> None:
    new = OLD.replace(part, other)
    forth, back = diff_imagesets(OLD, new), diff_imagesets(new, OLD)
    count = [sum(line.startswith(word) for line in forth) for word in ("added", "removed", "changed")]
    assert forth
    assert [sum(line.startswith(word) for line in back) for word in ("removed", "added", "changed")] == count


HEAD = "apiVersion: mirror.openshift.io/v2alpha1\nkind: ImageSetConfiguration\nmirror:\n  "
LISTS = [
    "platform: {architectures: [amd64, arm64]}",
    "blockedImages: [{name: 'a/b:1'}, {name: 'a/c:1'}]",
    "samples: [{newer: 1}, {newer: 2}]",
    "additionalImages: [{name: 'a/b:1', platforms: [{os: linux, architecture: x}, {os: linux}]}]",
    "helm: {repositories: [{name: r, url: u, charts: [{name: c, version: '1'}, {name: c, version: '2'}]}]}",
]


@pytest.mark.parametrize("text", LISTS)
def test_the_order_of_no_list_shows_and_each_entry_that_goes_does(text: str) -> None:
    first, second = re.findall(r"\{[^{}\[\]]*\}|amd64|arm64", text)[:2]
    exchanged = text.replace(first, "#").replace(second, first).replace("#", second)
    assert exchanged != text
    assert diff_imagesets(HEAD + text, HEAD + exchanged) == []
    assert changes(HEAD + text, HEAD + exchanged) == NOTHING
    less = diff_imagesets(HEAD + text, HEAD + text.replace(f"{first}, ", ""))
    assert less
    assert not any(line.startswith("added") for line in less)
    assert changes(HEAD + text, HEAD + text.replace(f"{first}, ", "")) != NOTHING


def test_an_image_that_is_blocked_no_more_is_not_told_as_others_that_changed() -> None:
    before = f"{HEAD}blockedImages: [{{name: 'a/b:1'}}, {{name: 'a/c:1'}}]"
    assert diff_imagesets(before, before.replace("{name: 'a/b:1'}, ", "")) == [
        "removed: blockedImages[a/b:1]"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "operators: [{catalog: 'r/c:1', packages: [{name: p, newer: 1}]}]",
        "operators: [{catalog: 'r/c:1', packages: [{name: p, channels: [{name: s, newer: 1}]}]}]",
        "additionalImages: [{name: 'a/b:1', targetRepo: '1'}, {name: 'a/b:1', targetRepo: y}]",
        "platform: {channels: [{name: s, minVersion: '1'}, {name: s, minVersion: '3'}]}",
        "helm: {repositories: [{name: r, url: '1'}]}",
    ],
)
def test_no_field_is_lost_be_it_unknown_or_of_an_entry_that_stands_there_twice(text: str) -> None:
    other = text.replace("1'}", "2'}").replace("newer: 1", "newer: 2")
    assert diff_imagesets(HEAD + text, HEAD + other)
    assert changes(HEAD + text, HEAD + other) != NOTHING


def test_each_difference_is_one_line_that_no_terminal_obeys() -> None:
    [line, _gone] = diff_imagesets(OLD, OLD.replace("quay.io/example/tool:1", r'"a\u202e\e[31mb\n:1"'))
    assert line.startswith("added: image a")
    assert line.isprintable()


# --- the same for programs


def changes(old: str, new: str) -> dict[str, Any]:
    before, after = (ImageSet.recorded(text.encode(), "an ImageSet") for text in (old, new))
    return diff.changes(before, after)


NOTHING: dict[str, Any] = {
    **{
        part: {"added": [], "updated": [], "removed": []}
        for part in ("releases", "operators", "charts", "additional")
    },
    "other": [],
}


def test_programs_are_told_that_nothing_changes() -> None:
    assert changes(OLD, OLD) == NOTHING


def test_programs_are_told_each_channel_with_its_versions() -> None:
    new = OLD.replace("4.18.20}", "4.18.22}").replace("stable-3.16}]", "stable-3.17, minVersion: 3.17.1}]")
    new = new.replace("{name: stable}", "{name: stable, maxVersion: 4.8.0}")
    new = new.replace("platform:\n", "platform:\n    architectures: [amd64]\n")
    operator = {"catalog": CATALOG, "package": "quay-operator"}
    acs = {"catalog": CATALOG, "package": "rhacs-operator", "channel": "stable"}
    assert changes(OLD, new) == {
        **NOTHING,
        "releases": {
            "added": [],
            "updated": [{"channel": "stable-4.18", "before": "4.18.20", "after": "from 4.18.20 to 4.18.22"}],
            "removed": [],
        },
        "operators": {
            "added": [{**operator, "channel": "stable-3.17", "before": None, "after": "from 3.17.1"}],
            "updated": [{**acs, "before": "", "after": "to 4.8.0"}],
            "removed": [{**operator, "channel": "stable-3.16", "before": "", "after": None}],
        },
        "other": ["added: platform.architectures[amd64]"],
    }


def test_programs_are_told_images_charts_and_whatever_else_differs() -> None:
    new = OLD.replace("tool:1", "tool:2").replace("defaultChannel: stable-3.16", "defaultChannel: x")
    new += (
        "  helm:\n    repositories:\n    - {name: r, url: 'https://r', charts: [{name: c, version: '1.2'}]}\n"
    )
    new += "    local: [{name: mine, path: /charts/mine}]\n"
    new += "archiveSize: 4\n"
    found = changes(OLD, new)
    assert found["additional"] == {
        "added": ["quay.io/example/tool:2"],
        "updated": [],
        "removed": ["quay.io/example/tool:1"],
    }
    assert found["charts"] == {"added": ["c-1.2", "mine"], "updated": [], "removed": []}
    assert found["other"] == [
        "added: archiveSize (4)",
        f"changed: operator quay-operator from {CATALOG}: default channel stable-3.16 → default channel x",
    ]
    moved = changes(new, new.replace("https://r", "https://s").replace("tool:2'", "tool:2', targetTag: y"))
    assert moved["charts"]["updated"] == [
        {"name": "c-1.2", "before": "url https://r", "after": "url https://s"}
    ]


def test_programs_are_told_a_whole_catalog_and_an_operator_without_channels() -> None:
    new = OLD.replace("channels: [{name: stable}]", "minVersion: '4'")
    gone = {"catalog": CATALOG, "package": "rhacs-operator"}
    assert changes(OLD, new)["operators"] == {
        "added": [{**gone, "channel": "", "before": None, "after": "from 4"}],
        "updated": [],
        "removed": [{**gone, "channel": "stable", "before": "", "after": None}],
    }
    whole = new.replace(f"- catalog: {CATALOG}\n", f"- catalog: quay.io/a/b:v1\n    - catalog: {CATALOG}\n")
    assert changes(new, whole)["other"] == ["added: catalog quay.io/a/b:v1 (every package)"]


@given(
    st.sampled_from(["4.18.20", "stable-3.16", "quay-operator", "tool:1", "graph: true"]), st.integers(1, 9)
)
def test_programs_are_told_something_wherever_people_are(what: str, number: int) -> None:
    new = OLD.replace(what, f"graph: {number > 4}".lower() if "graph" in what else f"{what}{number}")
    assert (changes(OLD, new) == NOTHING) == (diff_imagesets(OLD, new) == [])
    assert changes(new, OLD) == NOTHING or changes(new, OLD) != changes(OLD, new)
