"""Files that contradict each other: both places of a value are named, and many are counted."""

from __future__ import annotations

from steps.autoshift.overrides import ENTRIES

from .samples import channels, hub, plan, source


def test_a_value_that_changes_between_files_is_warned_of_with_both_places() -> None:
    labels = "{openshift-version: 4.20.12, gitops-channel: gitops-1.19}"
    first = source(f"hubClusterSets: {{hub: {{labels: {labels}}}}}", "global.yaml")
    second = source("hubClusterSets:\n  hub:\n    labels:\n      acm-channel: release-2.17\n", "a.yaml")
    third = source("hubClusterSets:\n  hub:\n    labels:\n\n      acm-channel: release-2.16\n", "b.yaml")
    found = plan(first, second, third)
    assert channels(found, "advanced-cluster-management") == ["release-2.16"]
    assert found.warnings == (
        "hubClusterSets.hub: a value differs between files, of which the last counts: labels.acm-channel is "
        "'release-2.17' in a.yaml, line 4, and 'release-2.16' in b.yaml, line 5; name the files of one fleet "
        "only",
    )


def test_many_values_of_a_set_are_counted() -> None:
    first, second = (
        source(
            "hubClusterSets:\n  hub:\n    labels:\n"
            "      openshift-version: 4.20.12\n      acm-channel: release-2.15\n"
            "      gitops-channel: gitops-1.19\n"
            + "".join(f"      acs-key-{number}: {value}\n" for number in range(39))
            + f"      quay-channel: stable-{value}\n",
            f"{value}.yaml",
        )
        for value in ("one", "other")
    )
    (warning,) = plan(first, second).warnings
    assert warning.startswith("hubClusterSets.hub: 40 values differ between files")
    assert (
        "counts: labels.quay-channel is 'stable-one' in one.yaml, line 46, and 'stable-other' in" in warning
    )
    assert "labels.acs-key-0 is 'one' in one.yaml, line 7, and 'other' in other.yaml, line 7;" in warning
    assert "; and 37 more; name the files" in warning


def test_many_sets_are_counted() -> None:
    names = [f"set{number}" for number in range(ENTRIES + 2)]
    first, second = (
        source(
            "managedClusterSets:\n" + "".join(f"  {name}: {{labels: {{a: {value}}}}}\n" for name in names),
            f"{value}.yaml",
        )
        for value in ("one", "other")
    )
    warnings = [text for text in plan(hub(), first, second).warnings if "between files" in text]
    assert len(warnings) == ENTRIES + 1
    assert warnings[-1].endswith("managedClusterSets.set5, managedClusterSets.set6")


def test_what_files_add_to_each_other_or_say_alike_is_no_contradiction() -> None:
    first = source("hubClusterSets: {hub: }\nmanagedClusterSets: {m: {labels: {a: b}}}\nx: 1\n", "a.yaml")
    second = source("managedClusterSets: {m: {labels: {a: b, c: d}}}\nx: 2\n", "b.yaml")
    assert not [text for text in plan(first, hub(), second).warnings if "between files" in text]


def test_lists_and_maps_that_are_replaced_are_named_as_such() -> None:
    first = source("hubClusterSets: {hub: {config: {a: [1], b: {c: d}}}}", "a.yaml")
    second = source("hubClusterSets: {hub: {config: {a: [2], b: }}}", "b.yaml")
    (warning,) = plan(first, hub(), second).warnings
    assert "config.a is a list in a.yaml, line 1, and a list in b.yaml, line 1" in warning
    assert "config.b is a map in a.yaml, line 1, and blank in b.yaml, line 1" in warning
