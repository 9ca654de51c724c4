"""Versions: their forms, their order, and how several become one range."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.autoshift.versions import Span, parse_wish, span_of, within

_exact = st.builds("4.18.{}".format, st.integers(0, 40))
_wishes = st.sampled_from(["4.18", "4.18.7-", "4.18.3-4.18.9"]) | _exact


def numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def covers(span: Span, version: str) -> bool:
    low = not span.low or numbers(version) >= numbers(span.low)
    return low and (not span.high or numbers(version) <= numbers(span.high))


@given(st.sets(_wishes, min_size=1, max_size=4))
def test_a_span_covers_every_release_that_is_wished_for(texts: set[str]) -> None:
    wishes = {parse_wish(text) for text in texts}
    span = span_of(wishes)
    for wish in wishes:
        assert not wish.low or covers(span, wish.low)
        assert not wish.high or covers(span, wish.high)
        assert wish.high or not span.high, "who wants the newest must not be cut off"
    assert not span.high or span.low, "a maximum alone is the whole channel"


@given(st.sets(_wishes, min_size=1, max_size=4))
def test_a_shortest_path_joins_just_two_releases(texts: set[str]) -> None:
    wishes = {parse_wish(text) for text in texts}
    if span_of(wishes).shortest_path:
        assert len(wishes) == 2
        assert all(wish.low == wish.high for wish in wishes)


@given(_wishes)
def test_a_wish_is_written_as_it_was_asked_for(text: str) -> None:
    assert str(parse_wish(text)) == text


@pytest.mark.parametrize(
    ("version", "minimum", "maximum", "text"),
    [
        ("4.18", "", "", "4.18"),
        ("", "", "", ""),
        ("4.18.3", "", "", "4.18.3"),
        ("4.18", "4.18.3", "", "4.18.3-"),
        ("4.18", "4.18.3", "4.18.9", "4.18.3-4.18.9"),
        ("", "4.18.3", "4.18.9", "4.18.3-4.18.9"),
    ],
)
def test_bounds_are_combined_with_the_version(version: str, minimum: str, maximum: str, text: str) -> None:
    assert within(version, minimum, maximum) == text


@pytest.mark.parametrize(
    ("version", "minimum", "maximum"),
    [("4.18", "", "4.18.9"), ("4.18.3", "4.18.1", ""), ("4.18", "4.19.1", "")],
)
def test_bounds_that_contradict_are_refused(version: str, minimum: str, maximum: str) -> None:
    with pytest.raises(ValueError, match="version"):
        within(version, minimum, maximum)
