"""The update graph as the update service of a mirror would make it, and the way through it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steps.readiness.graph import (
    BlockedEdge,
    Gap,
    GraphData,
    Node,
    Path,
    Risk,
    UpdateGraph,
    graph_data,
    node_of,
)

CHANNEL = "stable-4.20"


def graph(
    edges: dict[str, list[str]], *, channel: list[str] | None = None, blocked: tuple[BlockedEdge, ...] = ()
) -> UpdateGraph:
    """A graph of releases, each with those before it."""
    nodes = {version: Node(version, tuple(previous)) for version, previous in edges.items()}
    listed = frozenset(channel if channel is not None else edges)
    return UpdateGraph("amd64", nodes, GraphData({CHANNEL: listed}, blocked))


def test_the_shortest_way_is_taken() -> None:
    found = graph({"4.19.1": [], "4.19.9": ["4.19.1"], "4.20.1": ["4.19.9"], "4.20.2": ["4.19.9", "4.20.1"]})
    assert found.path("4.19.1", "4.20.2", CHANNEL) == Path(("4.19.1", "4.19.9", "4.20.2"))


def test_an_edge_may_be_told_by_the_release_before() -> None:
    nodes = {"4.20.1": Node("4.20.1", following=("4.20.2",)), "4.20.2": Node("4.20.2")}
    found = UpdateGraph("amd64", nodes, GraphData({CHANNEL: frozenset(nodes)}))
    assert found.path("4.20.1", "4.20.2", CHANNEL) == Path(("4.20.1", "4.20.2"))


def test_a_release_may_name_its_channels_itself() -> None:
    nodes = {
        "4.20.1": Node("4.20.1", channels=("candidate-4.20",)),
        "4.20.2": Node("4.20.2", ("4.20.1",), channels=("candidate-4.20",)),
    }
    found = UpdateGraph("amd64", nodes, GraphData())
    assert found.path("4.20.1", "4.20.2", "candidate-4.20") == Path(("4.20.1", "4.20.2"))
    assert isinstance(found.path("4.20.1", "4.20.2", CHANNEL), Gap)


@pytest.mark.parametrize(
    ("pattern", "to", "open_"),
    [
        (r"4[.]19[.].*", "4.20.2", False),
        (r"^4[.]19[.]9[+]amd64$", "4.20.2", False),
        (r"19", "4.20.2", False),
        (r"^4[.]19[.]9$", "4.20.2", True),  # the architecture is a part of the version
        (r"^4[.]19[.]9[+]arm64$", "4.20.2", True),
        (r".*", "4.20.2+s390x", True),
        (r".*", "4.20.2+amd64", False),
        (r".*", "4.20.3", True),
        (r"(a+)+b", "4.20.2", False),  # nobody knows how long that takes: it counts as found
        (".*" * 9, "4.20.2", False),
        (r"4[.]18[.](1|2)?.*[+](amd64|arm64)", "4.20.2", True),
        (r"^4[.][[:digit:]]{2}[.]9[+]", "4.20.2", False),  # only the update service can read these
        (r"^4[.]19[.]9[+]amd64\z", "4.20.2", False),
        (r"(", "4.20.2", False),
        ("x" * 5000, "4.20.2", False),
    ],
)
def test_a_blocked_edge_is_found_by_an_expression_over_version_and_architecture(
    pattern: str, to: str, open_: bool
) -> None:
    edges = {"4.19.9": [], "4.20.2": ["4.19.9"]}
    found = graph(edges, blocked=(BlockedEdge(to, pattern),))
    assert isinstance(found.path("4.19.9", "4.20.2", CHANNEL), Path) == open_


def test_a_way_without_conditions_counts_before_a_shorter_one_with() -> None:
    risk = Risk("Slow", "It is slow.")
    edges = {"4.19.9": [], "4.20.1": ["4.19.9"], "4.20.2": ["4.19.9", "4.20.1"]}
    found = graph(edges, blocked=(BlockedEdge("4.20.2", r"^4[.]19", risk),))
    assert found.path("4.19.9", "4.20.2", CHANNEL) == Path(("4.19.9", "4.20.1", "4.20.2"))
    del edges["4.20.1"]
    found = graph(edges, blocked=(BlockedEdge("4.20.2", r"^4[.]19", risk),))
    assert found.path("4.19.9", "4.20.2", CHANNEL) == Path(
        ("4.19.9", "4.20.2"), (("4.19.9", "4.20.2", risk),)
    )


def test_a_gap_names_a_release_that_would_lead_on() -> None:
    edges = {"4.19.1": [], "4.20.2": ["4.19.9", "4.19.8", "4.20.1"]}
    channel = ["4.19.1", "4.19.8", "4.19.9", "4.20.1", "4.20.2"]
    found = graph(edges, channel=channel).path("4.19.1", "4.20.2", CHANNEL)
    assert isinstance(found, Gap)
    assert found.missing == "4.19.9", "the newest of the minor that runs"
    assert "such as 4.19.9" in found.why
    nothing = graph({"4.19.1": [], "4.20.2": []}).path("4.19.1", "4.20.2", CHANNEL)
    assert isinstance(nothing, Gap)
    assert (nothing.missing, nothing.why) == (
        "",
        f"no update leads from 4.19.1 to 4.20.2 in channel {CHANNEL}",
    )


def test_a_gap_that_a_blocked_edge_makes_is_told_as_that_and_names_what_can_be_reached() -> None:
    edges = {"4.19.1": [], "4.20.1": ["4.19.1"], "4.20.2": ["4.20.1", "4.19.9"]}
    channel = [*edges, "4.19.9"]
    blocked = BlockedEdge("4.20.2", ".*")
    found = graph(edges, channel=channel, blocked=(blocked,)).path("4.19.1", "4.20.2", CHANNEL)
    assert isinstance(found, Gap)
    assert (found.missing, found.reachable) == ("", ("4.20.1",)), "4.19.9 would not help: it is blocked, too"
    assert found.why.endswith(f"in channel {CHANNEL}: the graph data block the one from 4.20.1 to 4.20.2")
    blocked = BlockedEdge("4.20.2", r"^4[.]20[.]1[+]")
    found = graph(edges, channel=channel, blocked=(blocked,)).path("4.19.1", "4.20.2", CHANNEL)
    assert isinstance(found, Gap)
    assert found.missing == "4.19.9"


def test_what_is_not_there_or_not_in_the_channel_is_told() -> None:
    edges = {"4.19.1": [], "4.20.2": ["4.19.1"]}
    for start, end, channel, words in (
        ("4.19.1", "4.20.3", CHANNEL, "release 4.20.3 is not in the mirror"),
        ("4.19.2", "4.20.2", CHANNEL, "release 4.19.2 is not in the mirror"),
        ("4.19.1", "4.20.2", "eus-4.20", "channel eus-4.20 is not in the graph data, nor release 4.20.2"),
    ):
        found = graph(edges).path(start, end, channel)
        assert isinstance(found, Gap)
        assert found.why == words
    found = graph(edges, channel=["4.20.2"]).path("4.19.1", "4.20.2", CHANNEL)
    assert isinstance(found, Gap)
    assert found.why == f"channel {CHANNEL} does not have release 4.19.1"


VERSIONS = [f"4.{minor}.{patch}" for minor in (18, 19, 20) for patch in (1, 2, 3)]


@given(
    st.sets(st.sampled_from(list(itertools.combinations(VERSIONS, 2))), max_size=14),
    st.sets(st.sampled_from(VERSIONS)),
    st.sets(st.sampled_from(VERSIONS)),
)
@settings(max_examples=300, deadline=None)
def test_there_is_a_way_where_the_closure_of_the_edges_has_one(
    pairs: set[tuple[str, str]], there: set[str], channel: set[str]
) -> None:
    start, end = VERSIONS[0], VERSIONS[-1]
    edges = {version: [one for one, other in pairs if other == version] for version in there | {start, end}}
    usable = {one for one in edges if one in channel}
    reached = {(one, other) for one, other in pairs if {one, other} <= usable} | {
        (one, one) for one in usable
    }
    for middle, one, other in itertools.product(usable, usable, usable):
        if (one, middle) in reached and (middle, other) in reached:
            reached.add((one, other))
    found = graph(edges, channel=sorted(channel)).path(start, end, CHANNEL)
    assert isinstance(found, Path) == ((start, end) in reached)
    if isinstance(found, Path):
        assert all(pair in pairs for pair in itertools.pairwise(found.versions))


def test_files_that_cannot_be_read_are_passed_over() -> None:
    documents: list[tuple[str, Any]] = [
        ("channels", {"name": CHANNEL, "versions": ["4.20.1", "4.20.0-rc.1", "4.20.2+arm64"]}),
        ("channels", {"name": CHANNEL, "versions": ["4.20.7", 4, None]}),
        ("channels", {"name": CHANNEL, "versions": ["4.20.8", "4.20"]}),
        ("channels", {"name": CHANNEL, "versions": {"4.20.9": 1}}),
        ("channels", {"versions": ["4.20.2"]}),
        ("channels", "a text"),
        ("blocked-edges", {"to": 4, "from": ".*"}),
        (
            "blocked-edges",
            {"to": "4.20.2", "from": ".*", "name": "A", "message": "B\n  C", "url": "u", "matchingRules": []},
        ),
        ("blocked-edges", {"to": "4.20.3", "from": ".*", "name": "A"}),
    ]
    found = graph_data(documents)
    assert found.channels == {CHANNEL: frozenset({"4.20.1", "4.20.0-rc.1", "4.20.2+arm64"})}
    assert found.blocked == (BlockedEdge("4.20.2", ".*", Risk("A", "B C", "u")), BlockedEdge("4.20.3", ".*"))


@pytest.mark.parametrize(
    "metadata", [{}, {"kind": "other", "version": "4.20.1"}, {"kind": "cincinnati-metadata-v0"}]
)
def test_metadata_of_another_kind_are_refused(metadata: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="cincinnati-metadata-v0"):
        node_of(metadata)


def test_metadata_are_read_as_they_are_written() -> None:
    channels = {"io.openshift.upgrades.graph.release.channels": "a, b"}
    found = node_of(
        {
            "kind": "cincinnati-metadata-v0",
            "version": "4.20.2",
            "previous": ["4.20.1", 7],
            "next": None,
            "metadata": channels,
        }
    )
    assert found == Node("4.20.2", ("4.20.1",), (), ("a", "b"))


def test_a_channel_may_have_a_release_for_one_architecture_only() -> None:
    nodes = {"4.20.1": Node("4.20.1"), "4.20.2": Node("4.20.2", ("4.20.1",))}
    data = GraphData({CHANNEL: frozenset({"4.20.1", "4.20.2+arm64"})})
    for architecture, members in (("arm64", {"4.20.1", "4.20.2"}), ("amd64", {"4.20.1"})):
        assert UpdateGraph(architecture, nodes, data).in_channel(CHANNEL) == members
