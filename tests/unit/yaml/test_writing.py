"""What we write reads the same in Go."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from steps.yaml.writing import Dumper, FastDumper
from tests.conftest import ROOT

MISREAD = (
    "1e3 1234e56 5E01 1e+3 1e-3 -1e3 1.e3 .5e1 08 09 018 0_8 +08 -09 0o17 0O17 0o_3 0X1 0B1 -0X9 +.1 -.0 +_1"
    " 4_2e1 9e_7 0_X8E9 y Y n N"
)
"""Texts that PyYAML writes without quotes, and that Helm 3.16 takes for a number or a boolean."""


@pytest.mark.parametrize("dumper", [Dumper, FastDumper])
@pytest.mark.parametrize("text", MISREAD.split())
def test_what_go_takes_for_no_text_is_quoted(text: str, dumper: type[Dumper] | type[FastDumper]) -> None:
    assert yaml.dump({"tag": text}, Dumper=dumper) == f"tag: '{text}'\n"


@pytest.mark.parametrize("text", ["v4.20", "stable-6.1", "registry.example.com:5000/ocp", "5ef00d1", "yes-2"])
def test_all_else_is_written_as_before(text: str) -> None:
    assert yaml.dump({"tag": text}, Dumper=Dumper) == f"tag: {text}\n"


VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text(),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
)


@given(VALUES)
def test_what_is_written_reads_as_it_was(value: object) -> None:
    for dumper in (Dumper, FastDumper):
        assert yaml.safe_load(yaml.dump(value, Dumper=dumper)) == value


def test_nothing_of_ours_is_written_otherwise() -> None:
    others = [
        str(path)
        for path in (ROOT / "steps").rglob("*.py")
        if path != ROOT / "steps/yaml/writing.py"
        and any(word in path.read_text() for word in ("safe_dump", "yaml.SafeDumper", "yaml.CSafeDumper"))
    ]
    assert others == []
