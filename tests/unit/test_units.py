"""Lists in a line of text; sizes and times are tested with the page that shows them."""

from __future__ import annotations

import pytest

from steps import units


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a, b"),
        (["a", "b", "c"], "a, b and 1 more"),
        (["a", "b", "c", "d"], "a, b and 2 more"),
    ],
)
def test_of_a_long_list_the_first_are_named_and_the_others_counted(names: list[str], said: str) -> None:
    assert units.few(names, 2) == said


def test_whole_sentences_are_parted_before_the_count_too() -> None:
    assert units.few(["a is gone", "b is late", "c new"], 2, joint="; ") == "a is gone; b is late; and 1 more"
