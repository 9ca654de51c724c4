"""Version requests: their forms, and the range that covers several."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.autoshift.releases import Span, parse_version_request, span_of, with_bounds

_exact = st.builds("4.18.{}".format, st.integers(0, 40))
_requests = st.sampled_from(["4.18", "4.18.7-", "4.18.3-4.18.9"]) | _exact
_paths = st.sampled_from(["4.18.7-4.20.3", "4.18.7-4.19"])


def numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def covers(span: Span, version: str) -> bool:
    low = not span.low or numbers(version) >= numbers(span.low)
    return low and (not span.high or numbers(version) <= numbers(span.high))


@given(st.sets(_requests, min_size=1, max_size=4))
def test_a_span_covers_every_release_that_is_requested(texts: set[str]) -> None:
    requests = {parse_version_request(text) for text in texts}
    span = span_of(requests)
    for request in requests:
        assert not request.low or covers(span, request.low)
        assert not request.high or covers(span, request.high)
        assert request.high or not span.high, "who wants the newest must not be cut off"
    assert not span.high or span.low, "a maximum alone is the whole channel"


@given(st.sets(_requests, min_size=1, max_size=4))
def test_a_shortest_path_joins_just_two_releases(texts: set[str]) -> None:
    requests = {parse_version_request(text) for text in texts}
    if span_of(requests).shortest_path:
        assert len(requests) == 2
        assert all(request.low == request.high for request in requests)


@given(_requests | _paths)
def test_a_request_is_written_as_it_was_made(text: str) -> None:
    assert str(parse_version_request(text)) == text


@pytest.mark.parametrize(
    ("version", "minimum", "maximum", "text"),
    [
        ("4.18", "", "", "4.18"),
        ("", "", "", ""),
        ("4.18.3", "", "", "4.18.3"),
        ("4.18", "4.18.3", "", "4.18.3-"),
        ("4.18", "4.18.3", "4.18.9", "4.18.3-4.18.9"),
        ("", "4.18.3", "4.18.9", "4.18.3-4.18.9"),
        ("", "4.18.22", "4.20.12", "4.18.22-4.20.12"),
        ("4.18", "4.18.22", "4.20.12", "4.18.22-4.20.12"),
        ("4.20", "4.18.22", "4.20.12", "4.18.22-4.20.12"),
        ("4.20", "4.18.22", "", "4.18.22-4.20"),
    ],
)
def test_bounds_are_combined_with_the_version(version: str, minimum: str, maximum: str, text: str) -> None:
    assert with_bounds(version, minimum, maximum) == text


@pytest.mark.parametrize(
    ("version", "minimum", "maximum", "said"),
    [
        ("4.18", "", "4.18.9", "max-version 4.18.9 needs a min-version"),
        ("4.18.3", "4.18.1", "", "openshift-version 4.18.3 is exact already"),
        ("4.18", "4.19.1", "", "min-version 4.19.1 is not of openshift-version 4.18"),
        ("4.21", "4.18.1", "4.20.1", "max-version 4.20.1 is not of openshift-version 4.21"),
        ("", "4.20.12", "4.18.22", "min-version 4.20.12 is later than max-version 4.18.22"),
        ("", "4.18", "4.20.12", "min-version 4.18 is not a release X.Y.Z"),
        ("", "4.18.22", "new", "max-version new is not a release X.Y.Z"),
    ],
)
def test_bounds_that_contradict_are_refused_by_their_name(
    version: str, minimum: str, maximum: str, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        with_bounds(version, minimum, maximum)
