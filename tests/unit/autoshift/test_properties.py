"""Random fleets: against the slow reference, and properties that hold for all of them."""

from __future__ import annotations

import re

import yaml
from hypothesis import given
from hypothesis import strategies as st

from steps.autoshift.operators import OPERATORS
from steps.autoshift.plan_text import describe_plan
from steps.autoshift.planning import plan_fleet
from steps.autoshift.values import merge, read_values
from steps.imageset.describe import operator_count
from steps.imageset.generate import generate_imageset
from steps.imageset.imageset import ImageSet
from steps.yaml.source import SourceFile
from steps.yaml.text import Tree

from .reference import RandomFleet, everything_needed

_LABELS = (
    "acm",
    "acs",
    "odf",
    "quay",
    "trident",
    "gitlab-runner",
    "servicemesh3",
    "servicemesh3operator",
    "lvm",
)
_SOURCES = ("redhat-operators", "certified-operators", "redhat-operators-mirror", "community-operators")
_blank = st.sampled_from(["", None])
_channel = st.sampled_from(["stable", "stable-4.18", "fast-1.10", "release-2.16", "3.10", "on"])


@st.composite
def _labels(draw: st.DrawFn, *, version: bool) -> dict[str, str | None]:
    labels: dict[str, str | None] = {}
    for label in draw(st.lists(st.sampled_from(_LABELS), unique=True, max_size=5)):
        labels[label] = draw(st.sampled_from(["true", "true", "false", ""]))
        for suffix, values in (
            ("channel", _channel),
            ("source", st.sampled_from(_SOURCES)),
            ("subscription-name", st.sampled_from(["renamed-operator", "rhacs-operator"])),
        ):
            if draw(st.booleans()):
                labels[f"{label}-{suffix}"] = draw(_blank | values)
    if version or draw(st.booleans()):
        labels["openshift-version"] = draw(st.sampled_from(["4.18.22", "4.18.3", "4.20.12", "4.22"]))
    return labels


@st.composite
def _fleets(draw: st.DrawFn) -> RandomFleet:
    hubs = draw(st.dictionaries(st.sampled_from(["hub", "hub-2"]), _labels(version=True), min_size=1))
    managed = draw(st.dictionaries(st.sampled_from(["stores", "labs"]), _labels(version=True)))
    names = st.sampled_from([*hubs, *managed])
    own = st.tuples(names, _labels(version=False))
    clusters = draw(st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), own))
    folders = sorted({folder for default in OPERATORS.values() for folder in default.folders})
    return RandomFleet(hubs, managed, clusters, draw(st.lists(st.sampled_from(folders), max_size=2)))


def _tree(fleet: RandomFleet) -> dict[str, object]:
    return {
        "hubClusterSets": {name: {"labels": labels} for name, labels in fleet.hubs.items()},
        "managedClusterSets": {name: {"labels": labels} for name, labels in fleet.managed.items()},
        "clusters": {
            name: {"config": {"clusterSet": of}, "labels": labels}
            for name, (of, labels) in fleet.clusters.items()
        },
        "excludePolicies": fleet.excluded,
    }


def _yaml(tree: object, *, sort_keys: bool = False) -> bytes:
    return yaml.dump(tree, Dumper=yaml.CSafeDumper, sort_keys=sort_keys).encode()


def _files(fleet: RandomFleet) -> list[SourceFile]:
    return [SourceFile("fleet.yaml", _yaml(_tree(fleet)))]


_REQUIRED = ("required by ",)


@given(_fleets())
def test_a_plan_asks_for_just_what_the_clusters_get(fleet: RandomFleet) -> None:
    planned = {
        (operator.minor, operator.source, operator.package, channel.name)
        for operator in plan_fleet(_files(fleet)).operators
        for channel in operator.channels
        if any(not origin.startswith(_REQUIRED) for origin in channel.origin.split("; "))
    }
    assert planned == everything_needed(fleet)


@given(_fleets())
def test_every_plan_makes_a_valid_imageset_and_can_be_described(fleet: RandomFleet) -> None:
    plan = plan_fleet(_files(fleet))
    text = generate_imageset(plan)
    mirror = ImageSet.parse(text, "generated").mirror
    catalogs = [catalog.catalog for catalog in mirror.operators]
    assert catalogs == list(dict.fromkeys(operator.catalog for operator in plan.operators))
    assert operator_count(mirror) == len({operator.package for operator in plan.operators})
    written = yaml.load(text, Loader=yaml.CSafeLoader)["mirror"].get("operators", [])
    assert [
        (p["name"], [c["name"] for c in p.get("channels", [])]) for c in written for p in c["packages"]
    ] == [(operator.package, [channel.name for channel in operator.channels]) for operator in plan.operators]
    assert all(operator.package in describe_plan(plan) for operator in plan.operators)


@given(_fleets())
def test_the_order_of_keys_in_a_file_does_not_matter(fleet: RandomFleet) -> None:
    backwards = _yaml(dict(reversed(_tree(fleet).items())))
    sideways = _yaml(_tree(fleet), sort_keys=True)
    plans = [plan_fleet([SourceFile("fleet.yaml", text)]) for text in (backwards, sideways)]
    assert [re.sub(r", line \d+", "", str(plan)) for plan in plans[:1]] == [
        re.sub(r", line \d+", "", str(plan)) for plan in plans[1:]
    ]
    assert generate_imageset(plans[0]) == generate_imageset(plans[1])


@given(_fleets())
def test_a_fleet_in_many_files_plans_as_in_one(fleet: RandomFleet) -> None:
    parts = [
        SourceFile(f"{section}-{name}.yaml", _yaml({section: {name: body}}))
        for section, bodies in _tree(fleet).items()
        if isinstance(bodies, dict)
        for name, body in bodies.items()
    ]
    parts.append(SourceFile("global.yaml", _yaml({"excludePolicies": fleet.excluded})))
    assert plan_fleet(parts).operators == plan_fleet(_files(fleet)).operators
    assert plan_fleet(parts).releases == plan_fleet(_files(fleet)).releases


@given(_fleets(), st.sampled_from(["4.18", "4.20.12", "4.18.3-4.18.22"]))
def test_the_parameter_leaves_one_minor_and_one_channel(fleet: RandomFleet, version: str) -> None:
    plan = plan_fleet(_files(fleet), openshift_version=version)
    assert plan.minors == (version[:4],)
    assert len(plan.releases) == 1
    assert {operator.minor for operator in plan.operators} <= {version[:4]}


# Merging

_keys = st.sampled_from("abc")
_values: st.SearchStrategy[Tree] = st.recursive(
    st.none() | st.sampled_from(["1", "2"]) | st.lists(st.sampled_from(["x", "y"]), max_size=2),
    lambda inner: st.dictionaries(_keys, inner, max_size=3),
    max_leaves=8,
)
_maps = st.dictionaries(_keys, _values, max_size=3)


def _paths(tree: dict[str, Tree], prefix: tuple[str, ...] = ()) -> dict[tuple[str, ...], bool]:
    """Return every path of a tree, with whether there is a map."""
    found = {}
    for key, value in tree.items():
        found[(*prefix, key)] = isinstance(value, dict)
        if isinstance(value, dict):
            found |= _paths(value, (*prefix, key))
    return found


@given(_maps, _maps, _maps)
def test_merging_is_associative_where_maps_meet_maps(
    a: dict[str, Tree], b: dict[str, Tree], c: dict[str, Tree]
) -> None:
    """Helm's merge is not if another value comes between two maps, so such trees are left out."""
    shapes: dict[tuple[str, ...], bool] = {}
    for tree in (a, b, c):
        for path, is_map in _paths(tree).items():
            if shapes.setdefault(path, is_map) != is_map:
                return
    assert merge(merge(a, b), c) == merge(a, merge(b, c))


@given(_maps, _maps)
def test_merging_keeps_what_only_one_has_and_takes_the_later_of_what_both_have(
    a: dict[str, Tree], b: dict[str, Tree]
) -> None:
    merged = merge(a, b)
    assert merged.keys() == a.keys() | b.keys()
    for key in merged:
        if key not in b:
            assert merged[key] == a[key]
        elif not isinstance(b[key], dict) or not isinstance(a.get(key), dict):
            assert merged[key] == b[key]


@given(_maps, _maps)
def test_merging_changes_neither_of_its_inputs(a: dict[str, Tree], b: dict[str, Tree]) -> None:
    before = repr((a, b))
    merge(a, b)
    assert repr((a, b)) == before


@given(st.lists(_maps, min_size=1, max_size=3))
def test_files_are_merged_in_the_order_given(trees: list[dict[str, Tree]]) -> None:
    merged, _ = read_values([SourceFile(str(number), _yaml(tree)) for number, tree in enumerate(trees)])
    expected: dict[str, Tree] = {}
    for tree in trees:
        expected = merge(expected, tree)
    assert merged == expected
