"""YAML with its types: what crashes libyaml or grows without end is refused before nodes are made."""

from __future__ import annotations

import pytest

from steps.yaml.text import NotYamlError
from steps.yaml.values import value, values

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


def test_scalars_have_the_types_of_yaml() -> None:
    assert values("a: 1\nb: yes\nc: '1'\n---\n- null\n") == [{"a": 1, "b": True, "c": "1"}, [None]]
    assert value("a: &x {b: 1}\nc:\n  <<: *x\n") == {"a": {"b": 1}, "c": {"b": 1}}
    assert value("") is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[" * 120_000, "nested deeper"),
        ("- " * 120_000, "nested deeper"),
        (LAUGHS, "aliases stand for"),
        ("a: 2024-99-99", "not valid YAML"),
        ("? [a]\n: 1", "not a text"),
        ("a: !!python/object:os.system x", "not valid YAML"),
        ("a: " + "9" * 5000, "not valid YAML"),
        (b"\xff\xff", "not valid YAML"),
        ("a: *a", "no complete anchor"),
        ("&a [*a]", "no complete anchor"),
        ("a: [\n", "line 2"),
    ],
)
def test_what_is_not_read_is_one_error(content: bytes | str, problem: str) -> None:
    with pytest.raises(NotYamlError, match=problem):
        values(content)


def test_a_file_is_measured_first() -> None:
    with pytest.raises(NotYamlError, match="4 bytes, more than 3"):
        values("a: 1", limit=3)
    with pytest.raises(NotYamlError, match="more than one document"):
        value("a: 1\n---\nb: 2\n")
