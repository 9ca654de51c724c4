"""JSON of others: what is taken, and that everything else is one error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from steps.bounded import DEEPEST, NotJsonError, json_file, json_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b'{"a": [1, -2.5, null, true, "\\ud83d\\ude00"]}', {"a": [1, -2.5, None, True, "😀"]}),
        ('"ü"', "ü"),
        ('{"a": 1}'.encode("utf-16"), {"a": 1}),
        ("[" * DEEPEST + "]" * DEEPEST, None),
        (r'"a\\u0000"', r"a\u0000"),
    ],
)
def test_json_is_taken(content: bytes | str, found: object) -> None:
    assert found is None or json_of(content) == found
    json_of(content)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "not JSON"),
        (b"\xff\xfe\xfd", "not JSON"),
        (b'"\xed\xa0\x80"', "not JSON"),
        ("\ud800", "not JSON"),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "too deeply"),
        ('{"a":' * 200_000, "too deeply"),
        ("[" + "9" * 5000 + "]", "a number of 5,000 digits"),
        ("[1e999]", "larger than any number"),
        ("[NaN]", "no number of JSON"),
        (r'["\ud800"]', "half a surrogate pair"),
        (r'{"a\u0000": 1}', "NUL"),
        ("[" + "1," * 100 + "1]", "it has 203 bytes, more than 200"),
    ],
)
def test_what_a_program_cannot_go_on_with_is_refused(content: bytes | str, problem: str) -> None:
    with pytest.raises(NotJsonError, match=problem):
        json_of(content, limit=200 if "203" in problem else 4 << 20)


def test_no_more_of_a_file_is_read_than_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "zeros.json"
    with path.open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(NotJsonError, match="more than 100"):
        json_file(path, limit=100)


def test_nul_is_taken_where_it_is_allowed_and_half_a_surrogate_pair_never() -> None:
    assert json_of(b'{"a": "\\u0000"}', with_nul=True) == {"a": "\0"}
    with pytest.raises(NotJsonError, match="NUL"):
        json_of(b'{"a": "\\u0000"}')
    with pytest.raises(NotJsonError, match="surrogate"):
        json_of(b'{"a": "\\ud800"}', with_nul=True)
