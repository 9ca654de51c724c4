"""YAML as text: what stays, what is refused, and that nothing else than an InvalidInputError comes out."""

from __future__ import annotations

from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from steps.errors import InvalidInputError
from steps.yaml.source import SourceFile
from steps.yaml.text import ALIAS_LIMIT, DEPTH_LIMIT, Misread, Tree, parse
from tests.unit.autoshift.samples import source


def only(text: str) -> Tree:
    (document,) = parse(source(text))
    return document


def refusal(content: bytes) -> str:
    with pytest.raises(InvalidInputError) as caught:
        parse(SourceFile("fleet.yaml", content))
    return caught.value.reason


@pytest.mark.parametrize(
    "text", ["4.20", "3.10", "on", "yes", "010", "1e3", "2026-01-02", "0x1F", "1_000", "12"]
)
def test_a_plain_scalar_stays_the_text_that_was_written(text: str) -> None:
    assert only(f"key: {text}") == {"key": text}


@pytest.mark.parametrize("text", ["true", "True", "TRUE"])
def test_a_yaml_true_becomes_the_text_that_helm_renders(text: str) -> None:
    assert only(f"key: {text}") == {"key": "true"}


def test_a_quoted_scalar_is_never_a_boolean_or_a_null() -> None:
    assert only("a: 'True'\nb: '~'\nc: ''\n") == {"a": "True", "b": "~", "c": ""}


@pytest.mark.parametrize("text", ["", "~", "null", "NULL"])
def test_a_plain_null_is_nothing(text: str) -> None:
    assert only(f"key: {text}") == {"key": None}


@pytest.mark.parametrize(("text", "helm"), [("3.10", "3.1"), ("4.0", "4"), ("on", "true"), ("off", "false")])
def test_a_scalar_that_helm_reads_otherwise_says_how(text: str, helm: str) -> None:
    tree = only(f"key: {text}")
    assert isinstance(tree, dict)
    value = tree["key"]
    assert isinstance(value, Misread)
    assert value.helm == helm


@pytest.mark.parametrize("text", ["4.22", "4.22.8", "stable", "3", "-1"])
def test_a_scalar_that_helm_reads_alike_is_not_marked(text: str) -> None:
    tree = only(f"key: {text}")
    assert isinstance(tree, dict)
    assert not isinstance(tree["key"], Misread)


def test_byte_order_mark_carriage_returns_tabs_and_quotes_in_comments_do_not_matter() -> None:
    content = b"\xef\xbb\xbfa: '1' # don't\t\"mind\"\r\n# it's a comment\r\nb: '2'\r\n"
    assert parse(SourceFile("x", content)) == [{"a": "1", "b": "2"}]


def test_anchors_aliases_and_merge_keys_are_followed() -> None:
    tree = only("base: &b {a: '1', b: '1'}\nover: {<<: *b, b: '2'}\nsame: *b\n")
    assert isinstance(tree, dict)
    assert tree["over"] == {"a": "1", "b": "2"}
    assert tree["same"] == tree["base"]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("{<<: *b, x: '2'}", {"x": "2", "y": "1"}),
        ("{x: '2', <<: *b}", {"x": "1", "y": "1"}),
        ("{x: '2', <<: [{x: '7'}, *b]}", {"x": "7", "y": "1"}),
        ("{<<: *b, x: '3', <<: {y: '9'}}", {"x": "3", "y": "9"}),
        ("{<<: {x: '8'}, x: '3', <<: *b, y: '4'}", {"x": "1", "y": "4"}),
    ],
)
def test_what_is_inherited_replaces_what_stands_before_it_as_in_helm(text: str, read: dict[str, str]) -> None:
    """Seen with Helm 3.16: it puts the entries of `<<` into the map where it meets them."""
    tree = only(f"base: &b {{x: '1', y: '1'}}\nmap: {text}\n")
    assert isinstance(tree, dict)
    assert tree["map"] == read


def test_several_documents_come_in_order_and_an_empty_one_is_nothing() -> None:
    assert parse(source("a: '1'\n---\n---\nb: '2'\n")) == [{"a": "1"}, None, {"b": "2"}]
    assert parse(source("")) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a:\n  b: 1\n  b: 2\n", "fleet.yaml, line 3: key 'b' stands twice in one map"),
        (b"a: 1\n\tb: 2\n", "fleet.yaml, line 2: not valid YAML"),
        (b"a: *gone\n", "fleet.yaml, line 1: alias '*gone' has no complete anchor"),
        (b"a: &a [*a]\n", "fleet.yaml, line 1: alias '*a' has no complete anchor"),
        (b"a: 1\n? [x]\n: 2\n", "fleet.yaml, line 2: the key of a map is not a text"),
        (b"a: &a x\n*a : 1\n", "fleet.yaml, line 2: the key of a map is not a text"),
        (b"a: 1\nb: \xff\n", "fleet.yaml, line 2: not UTF-8 (byte 0xff)"),
        (b"a: [1, 2\n", "not valid YAML: while parsing a flow sequence"),
        (b"a: \x00\n", "fleet.yaml: not valid YAML"),
        (b"[" * (DEPTH_LIMIT + 1), "nested deeper than"),
    ],
)
def test_what_is_not_well_formed_is_refused_with_file_and_line(content: bytes, said: str) -> None:
    assert said in refusal(content)


def test_aliases_that_explode_are_refused_before_they_do() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 20)]
    assert f"more than {ALIAS_LIMIT} nodes" in refusal("\n".join(lines).encode())


@given(st.binary(max_size=300))
def test_any_bytes_are_parsed_or_refused_and_nothing_else(content: bytes) -> None:
    with suppress(InvalidInputError):
        assert isinstance(parse(SourceFile("x", content)), list)


@given(st.text(alphabet="ab:-?&*!|>'\"%@`{}[],# \n\t<~.1é", max_size=60))
def test_any_text_is_parsed_or_refused_and_nothing_else(text: str) -> None:
    with suppress(InvalidInputError):
        assert isinstance(parse(SourceFile("x", text.encode())), list)


_texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8)
_trees = st.recursive(
    st.none() | _texts,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(_texts.filter(lambda t: t != "<<"), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(_trees)
def test_what_pyyaml_writes_with_quotes_is_read_back_as_it_was(tree: Tree) -> None:
    """An independent writer; quoted, so that no scalar is anything but text."""
    text = yaml.safe_dump(tree, default_style="'", allow_unicode=True).replace("!!null 'null'", "null")
    assert parse(SourceFile("x", text.encode())) in ([tree], [])


def test_a_scalar_of_a_megabyte_is_a_text_like_another() -> None:
    tree = only(f"key: '{'x' * 1_000_000}'\n")
    assert isinstance(tree, dict)
    assert len(str(tree["key"])) == 1_000_000
