"""Files of several documents, JSON or YAML."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from steps.yaml.documents import documents
from steps.yaml.text import DEPTH_LIMIT


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": "1"}\n{"b": ["2"]}\n',
        b'{\n "a": "1"\n}\n{\n "b": [\n  "2"\n ]\n}\n',
        b"a: 1\n---\nb: [2]\n",
        b"---\na: '1'\n---\nb:\n- '2'\n",
        b"\xef\xbb\xbfa: 1\n---\nb: [2]\n",
        b'\xef\xbb\xbf{"a": "1"} {"b": ["2"]}',
    ],
)
def test_json_and_yaml_say_the_same(content: bytes) -> None:
    assert list(documents(content)) == [{"a": "1"}, {"b": ["2"]}]


def test_documents_before_the_broken_one_are_yielded() -> None:
    found = documents(b"a: 1\n---\nb: [\n")
    assert next(found) == {"a": "1"}
    with pytest.raises(ValueError, match="line 4: not valid YAML"):
        next(found)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: " + b"[" * (DEPTH_LIMIT + 1), "nested deeper than"),
        (b"a: " + b"[" * 100_000, "nested deeper than"),
        (b"{" + b'"a": {' * 100_000, "nested too deeply|delimiter|property name"),
        (b'{"a": ', "Expecting value"),
        (b"a: \xff\n", "not valid YAML"),
        (b"a: *gone\n", "has no complete anchor"),
    ],
)
def test_what_is_neither_is_a_value_error(content: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        list(documents(content))


@pytest.mark.parametrize("part", [b"{}", b"[]", b"0", b'""'])
def test_a_document_of_nothing_but_parts_is_refused_before_it_fills_the_memory(part: bytes) -> None:
    """Fifteen megabytes would take four hundred and fifty."""
    content = b'{"a": [' + b",".join([part] * 3_000_000) + b"]}"
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"JSON of .* parts in"):
            list(documents(content))
        assert tracemalloc.get_traced_memory()[1] < 2 * len(content)
    finally:
        tracemalloc.stop()


def test_a_large_document_of_texts_is_read() -> None:
    content = json.dumps({"names": [f"operator-{number}.v1.2.3" for number in range(300_000)]}).encode()
    (found,) = documents(content)
    assert len(found["names"]) == 300_000
