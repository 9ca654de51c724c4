from __future__ import annotations

from textwrap import dedent

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
    assert diff_imagesets(OLD, new) == ["added: platform.newer.a[0] (true)"]


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
