"""Nodes that know their line, and the values that they stand for."""

from __future__ import annotations

import datetime as dt

import pytest

from steps.errors import InvalidInputError
from steps.yaml import nodes
from steps.yaml.nodes import line_of
from steps.yaml.source import SourceFile
from tests.unit.autoshift.samples import source


def test_the_line_of_a_key_is_found_in_the_last_document_that_has_it() -> None:
    file = source("a:\n  b:\n    c: 1\n---\nx: 1\n")
    assert line_of(file, ["a", "b", "c"]) == 3
    assert line_of(file, ["x"]) == 5
    assert line_of(file, ["a", "nothing"]) is None


def test_of_a_key_that_stands_twice_the_last_line_is_its_place() -> None:
    file = source("a:\n  b: 1\na:\n  b: 2\n  b: 3\n")
    assert line_of(file, ["a", "b"]) == 5
    assert list(nodes.repeated_keys(file)) == [("a.b", (4, 5)), ("a", (1, 3))]


def test_keys_below_an_alias_are_said_once() -> None:
    file = source("a: &x {k: 1, k: 2}\nb: *x\nc: [*x, *x]\n")
    assert list(nodes.repeated_keys(file)) == [("a.k", (1, 1))]


def test_where_an_anchor_stands_twice_no_line_is_told_and_typed_files_refuse_it() -> None:
    """YAML 1.2 allows it, so values keep it; libyaml's composer does not."""
    file = source("a: &x 1\nb: &x 2\nb: *x\n")
    assert line_of(file, ["b"]) is None
    assert list(nodes.repeated_keys(file)) == []
    with pytest.raises(InvalidInputError, match=r"values.yaml, line 2: an anchor stands twice"):
        nodes.compose(source("a: &x 1\nb: &x 2\n"))


def test_each_value_has_its_path_and_line() -> None:
    (node,) = nodes.compose(source("a:\n  - b: 1\n    c: &x [2]\n  - *x\n"))
    assert dict(nodes.lines(node)) == {
        "": 1,
        "a": 2,
        "a[0]": 2,
        "a[0].b": 2,
        "a[0].c": 3,
        "a[0].c[0]": 3,
        "a[1]": 3,
        "a[1][0]": 3,
    }


def test_documents_that_say_nothing_are_left_out() -> None:
    assert [nodes.line(node) for node in nodes.compose(source("---\n---\na: 1\n---\n~\n"))] == [3]


def test_what_the_reader_of_texts_refuses_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="nested deeper"):
        nodes.compose(SourceFile("x", b"[" * 100_000))


def test_plain_values_are_new_at_each_call() -> None:
    (node,) = nodes.compose(source("a: [1, on, 2026-01-02, '3']\n"))
    first = nodes.plain(node, "x")
    assert first == {"a": [1, True, dt.date(2026, 1, 2), "3"]}
    first["a"].clear()
    assert nodes.plain(node, "x")["a"]


@pytest.mark.parametrize("value", ["!mine x", "2026-13-45", "!!int x"])
def test_values_that_there_are_not_are_refused(value: str) -> None:
    (node,) = nodes.compose(source(f"a: {value}\n"))
    with pytest.raises(InvalidInputError, match=r"^x\.yaml: not valid YAML"):
        nodes.plain(node, "x.yaml")
