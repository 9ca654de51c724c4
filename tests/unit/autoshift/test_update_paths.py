"""Release channels that oc-mirror can walk: what is written for fleets of several minors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.autoshift.plan import UpdatePath
from steps.autoshift.releases import VersionRequest, parse_version_request, put_right
from steps.autoshift.update_paths import ReleaseChannels, release_channels
from steps.errors import InvalidInputError

from . import update_graph
from .update_graph import NEWEST, Asked

Written = tuple[str, str, str, bool]


def channels(*asked: str) -> ReleaseChannels:
    """The channels for requests such as `4.18.22 eus-4.18`, or `4.18.22` in its usual channel."""
    requests = dict[VersionRequest, set[str]]()
    for number, text in enumerate(asked):
        version, _, channel = text.partition(" ")
        request, _wrong = put_right(parse_version_request(version, channel))
        requests.setdefault(request, set()).add(f"set {number}")
    return release_channels(requests)


def written(*asked: str) -> list[Written]:
    """What is written: channel, minimum, maximum, and whether only the shortest path."""
    return [(one.channel, one.minimum, one.maximum, one.shortest_path) for one in channels(*asked).releases]


def alone(channel: str, version: str) -> Written:
    return (channel, version, version, False)


# What works is left as it is.


def test_stable_channels_are_walked_minor_by_minor() -> None:
    found = channels("4.18.22 stable-4.18", "4.20.12 eus-4.20")
    assert [(one.channel, one.minimum) for one in found.releases] == [
        ("eus-4.20", "4.20.12"),
        ("stable-4.18", "4.18.22"),
    ]
    # oc-mirror goes on from the head of stable-4.18 and that of stable-4.19 to 4.20.12.
    assert found.update_path == UpdatePath("4.18.22", "4.20.12", ("stable-4.18", "stable-4.19", "eus-4.20"))
    assert found.warnings == ()


def test_an_eus_channel_reaches_the_next_minor() -> None:
    found = channels("4.18.22 eus-4.18", "4.19.5 stable-4.19")
    assert [one.channel for one in found.releases] == ["eus-4.18", "stable-4.19"]
    assert found.update_path == UpdatePath("4.18.22", "4.19.5", ("eus-4.18", "stable-4.19"))


def test_one_channel_has_no_way_to_add() -> None:
    assert channels("4.18.22 stable-4.18", "4.18.30 stable-4.18").update_path is None


# The EUS way


@pytest.mark.parametrize("later", ["4.20.12 eus-4.20", "4.20.12 stable-4.20"])
def test_two_eus_minors_become_one_path_in_the_later_channel(later: str) -> None:
    found = channels("4.18.22 eus-4.18", later)
    (release,) = found.releases
    assert (release.channel, release.minimum, release.maximum) == ("eus-4.20", "4.18.22", "4.20.12")
    assert release.shortest_path
    assert release.asked_by == ("set 0", "set 1")
    assert "eus-4.18" in release.instead_of
    assert found.update_path is None
    assert found.warnings == ()


def test_the_newest_release_may_be_the_end_of_the_path() -> None:
    assert written("4.18.22 eus-4.18", "4.20 eus-4.20") == [("eus-4.20", "4.18.22", "", True)]


def test_other_releases_stay_beside_the_path() -> None:
    """Only the ends of a path are sure to lie on it; another of the last minor needs a channel of its own."""
    assert written("4.18.22 eus-4.18", "4.18.30 eus-4.18", "4.20.9 eus-4.20", "4.20.12 eus-4.20") == [
        alone("eus-4.18", "4.18.30"),
        ("eus-4.20", "4.18.22", "4.20.12", True),
        alone("fast-4.20", "4.20.9"),
    ]


def test_older_clusters_of_a_set_that_is_upgraded_are_the_start_of_its_path() -> None:
    """The label openshift-upgrade-channel of the set counts for a cluster with a version of its own."""
    assert written("4.20.12 eus-4.20", "4.18.22 eus-4.20") == [("eus-4.20", "4.18.22", "4.20.12", True)]


def test_three_minors_in_one_eus_channel_are_no_range_of_a_hundred_releases() -> None:
    assert written("4.18.22 eus-4.20", "4.19.7 eus-4.20", "4.20.12 eus-4.20") == [
        ("eus-4.20", "4.18.22", "4.20.12", True),
        alone("stable-4.19", "4.19.7"),
    ]


def test_three_minors_apart_the_way_begins_in_the_eus_channel_between() -> None:
    found = channels("4.18.22 eus-4.18", "4.21.3 stable-4.21")
    assert [(one.channel, one.minimum, one.maximum) for one in found.releases] == [
        ("eus-4.20", "4.18.22", "4.18.22"),
        ("stable-4.21", "4.21.3", "4.21.3"),
    ]
    assert found.update_path == UpdatePath("4.18.22", "4.21.3", ("eus-4.20", "stable-4.21"))


def test_a_fleet_of_three_minors_goes_the_eus_way_as_far_as_it_leads() -> None:
    assert written("4.16.5 eus-4.16", "4.18.22 eus-4.18", "4.19.5 stable-4.19") == [
        ("eus-4.18", "4.16.5", "4.18.22", True),
        alone("stable-4.19", "4.19.5"),
    ]


# No EUS way


def test_over_four_minors_the_way_is_that_of_stable_channels_with_a_warning() -> None:
    found = channels("4.16.5 eus-4.16", "4.18.22 eus-4.18", "4.20.12 eus-4.20")
    assert [(one.channel, one.minimum) for one in found.releases] == [
        ("eus-4.18", "4.18.22"),
        ("eus-4.20", "4.20.12"),
        ("stable-4.16", "4.16.5"),
    ]
    (warning,) = found.warnings
    assert "4.16.5 is taken from stable-4.16, which may lack it, not from eus-4.16" in warning


def test_a_release_of_the_eus_phase_goes_by_candidates_since_no_stable_channel_has_it() -> None:
    found = channels("4.16.60 eus-4.16", "4.20.12 eus-4.20")
    assert [one.channel for one in found.releases] == ["candidate-4.16", "eus-4.20"]
    assert "adds candidates on the way" in found.warnings[0]


def test_a_release_new_in_fast_or_candidate_is_not_looked_for_in_eus() -> None:
    assert written("4.18.22 eus-4.18", "4.20.12 fast-4.20") == [
        alone("fast-4.20", "4.20.12"),
        alone("stable-4.18", "4.18.22"),
    ]
    assert written("4.20.12 eus-4.20", "4.22.0-rc.1") == [
        alone("candidate-4.22", "4.22.0-rc.1"),
        alone("stable-4.20", "4.20.12"),
    ]


def test_ranges_and_newest_releases_have_no_known_start() -> None:
    assert written("4.18 eus-4.18", "4.20.12 eus-4.20") == [
        alone("eus-4.20", "4.20.12"),
        ("stable-4.18", "", "", False),
    ]
    assert written("4.18.10-4.18.22 eus-4.18", "4.20.12 eus-4.20") == [
        alone("eus-4.20", "4.20.12"),
        ("stable-4.18", "4.18.10", "4.18.22", False),
    ]


def test_an_older_release_in_a_later_channel_than_all_others_goes_back_to_its_own() -> None:
    """From fast-4.20, which has 4.19.5, there is no way to the later 4.19.20 of stable-4.19."""
    assert written("4.19.5 fast-4.20", "4.19.20 stable-4.19") == [
        alone("fast-4.19", "4.19.5"),
        alone("stable-4.19", "4.19.20"),
    ]


def test_the_first_minor_of_openshift_5_is_reached_in_its_channel_and_later_ones_are_refused() -> None:
    assert written("4.22.5", "5.0.0-ec.6") == [("candidate-5.0", "4.22.5", "5.0.0-ec.6", True)]
    assert written("4.22.5-5.0.3") == [("stable-5.0", "4.22.5", "5.0.3", True)]
    assert [one.channel for one in channels("4.22.5", "4.23.1").releases] == ["stable-4.22", "stable-4.23"]
    assert parse_version_request("4.22.5-5.0.3").minors == ("4.22", "5.0")
    with pytest.raises(InvalidInputError) as caught:
        channels("4.20.12", "5.0.3")
    assert "no way from 4.20.12 in stable-4.20 to 5.0.3 in stable-5.0" in caught.value.reason
    with pytest.raises(InvalidInputError) as caught:
        channels("4.22", "5.0.3")
    assert "no way from the newest in stable-4.22 to 5.0.3 in stable-5.0" in caught.value.reason
    assert "two deployments" in caught.value.hint


# Paths that a person asks for


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("4.18.22-4.20.12", [("eus-4.20", "4.18.22", "4.20.12", True)]),
        ("4.18.22-4.20", [("eus-4.20", "4.18.22", "", True)]),
        ("4.18.22-4.19.5", [("stable-4.19", "4.18.22", "4.19.5", True)]),
        ("4.17.3-4.19.5", [alone("stable-4.17", "4.17.3"), alone("stable-4.19", "4.19.5")]),
        ("4.18.22-4.21.3", [alone("stable-4.18", "4.18.22"), alone("stable-4.21", "4.21.3")]),
        ("4.21.3-4.22.0-rc.1", [("candidate-4.22", "4.21.3", "4.22.0-rc.1", True)]),
        ("4.18.22-4.20.12 stable-4.20", [alone("stable-4.18", "4.18.22"), alone("stable-4.20", "4.20.12")]),
    ],
)
def test_a_path_is_written_in_a_channel_that_has_both_its_ends(version: str, expected: list[Written]) -> None:
    assert written(version) == expected


# Whatever is asked for

_versions = st.tuples(st.integers(16, 21), st.integers(0, NEWEST), st.integers(0, 9), st.integers(0, 4))


@st.composite
def _requests(draw: st.DrawFn) -> str:
    minor, patch, more, ahead = draw(_versions)
    kind = draw(st.sampled_from(["stable", "eus", "fast", "candidate"]))
    version = f"4.{minor}.{patch}"
    later = f"4.{min(minor + ahead, 22)}"
    form = draw(
        st.sampled_from(
            [
                version,
                version,
                f"4.{minor}",
                f"{version}-",
                f"{version}-4.{minor}.{min(patch + more, NEWEST)}",
                f"{version}-{later}.{NEWEST}",
                f"{version}-{later}",
            ]
        )
    )
    channel = draw(st.sampled_from(["", f"{kind}-4.{minor}", f"{kind}-{later}"]))
    return f"{form} {channel}".strip()


@given(st.lists(_requests(), min_size=1, max_size=5))
def test_oc_mirror_can_walk_and_finds_all_that_is_asked_for(asked: list[str]) -> None:
    found = update_graph.mirrored([Asked(*one) for one in written(*asked)])
    for text in asked:
        low, high = _bounds(text.partition(" ")[0])
        assert {low, high} <= found, f"{text} in {written(*asked)}"


def _bounds(version: str) -> tuple[str, str]:
    """The lowest and the highest release that a version asks for, in the graph of these tests."""
    low, is_range, high = version.partition("-")
    if low.count(".") == 1:
        return f"{low}.{NEWEST}", f"{low}.{NEWEST}"
    if not is_range:
        return low, low
    end = high or low.rpartition(".")[0]
    return low, end if end.count(".") == 2 else f"{end}.{NEWEST}"


def test_the_oracle_gives_up_where_oc_mirror_does() -> None:
    """Each was tried with the program itself on a graph like this one."""
    for impossible in (
        [Asked("eus-4.18", "4.18.22", "4.18.22"), Asked("eus-4.20", "4.20.12", "4.20.12")],
        [Asked("fast-4.20", "4.19.5", "4.19.5"), Asked("stable-4.19", "4.19.20", "4.19.20")],
        [Asked("eus-4.20", "4.16.5", "4.20.12", shortest_path=True)],
        [Asked("eus-4.19")],
    ):
        with pytest.raises(update_graph.NoWayError):
            update_graph.mirrored(impossible)
    possible = [Asked("stable-4.18", "4.18.22", "4.18.22"), Asked("eus-4.20", "4.20.12", "4.20.12")]
    assert update_graph.mirrored(possible) == {"4.18.22", "4.18.30", "4.19.30", "4.20.12"}
