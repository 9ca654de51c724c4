"""Versions and ranges as OLM reads them, and names that hold numbers."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.versions import natural, newest, precedence, satisfies

# semver.org, item 11, in its order.
ORDERED = [
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.2.0",
    "1.10.0",
    "2.0.0",
]
NUMBERS = st.integers(0, 30)
VERSIONS = st.tuples(NUMBERS, NUMBERS, NUMBERS)


def test_versions_are_ordered_by_precedence() -> None:
    shuffled = [*ORDERED[1::2], *ORDERED[::2]]
    assert sorted(shuffled, key=precedence) == ORDERED
    assert precedence("1.0.0+a") == precedence("v1.0.0+b")
    assert newest([*ORDERED, "none", ""], version=str) == "2.0.0"
    assert newest([], version=str) is None


@pytest.mark.parametrize(
    ("version", "wanted", "expected"),
    [
        ("1.5.0", ">=1.0.0 <2.0.0", True),
        ("2.0.0", ">=1.0.0 <2.0.0", False),
        ("2.0.0", "> 1.0.0 <= 2.0.0", True),
        ("3.0.0", "<1.0.0 || >=3.0.0", True),
        ("2.0.0", "<1.0.0 || >=3.0.0", False),
        ("1.2.3", "1.2.3", True),
        ("1.2.4", "=1.2.3", False),
        ("1.2.4", "!=1.2.3", True),
        ("1.2.9", "1.2.x", True),
        ("1.3.0", "1.2.x", False),
        ("1.9.9", "1.x", True),
        ("2.0.0", ">1.x", True),
        ("1.9.9", ">1.x", False),
        ("1.9.9", "<=1.x", True),
        ("4.18.1-rhodf", ">=4.18.1", False),
        ("4.18.2-rhodf", ">=4.18.1", True),
        ("1.0.0", "", True),
        ("1.0.0", "whatever", True),
    ],
)
def test_ranges_mean_what_olm_takes_them_for(version: str, wanted: str, expected: bool) -> None:
    assert satisfies(version, wanted) is expected


@given(VERSIONS, VERSIONS, VERSIONS)
def test_a_range_is_the_comparison_of_its_numbers(
    number: tuple[int, int, int], low: tuple[int, int, int], high: tuple[int, int, int]
) -> None:
    texts = [".".join(map(str, version)) for version in (number, low, high)]
    assert satisfies(texts[0], f">={texts[1]} <{texts[2]}") is (low <= number < high)
    assert satisfies(texts[0], f"<{texts[1]} || >{texts[2]}") is (number < low or number > high)


@given(st.text(), st.text())
def test_no_text_makes_a_traceback(version: str, wanted: str) -> None:
    satisfies(version, wanted)


def test_a_pre_release_comes_before_its_release() -> None:
    versions = ["4.22.0-ec.2", "4.22.0-ec.10", "4.22.0-rc.1", "4.22.0", "4.22.1"]
    assert all(precedence(earlier) < precedence(later) for earlier, later in pairwise(versions))


def test_numbers_in_names_sort_as_numbers() -> None:
    names = ["fast", "stable", "stable-6.9", "stable-6.10"]
    assert all(natural(earlier) < natural(later) for earlier, later in pairwise(names))
