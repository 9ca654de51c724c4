"""Files of a catalog: whatever they hold, they are read or refused."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from steps.catalog.fbc import Query, packages_of


@given(st.binary())
def test_no_bytes_make_a_traceback_but_the_one_error(content: bytes) -> None:
    for data in (content, b"{" + content, b'{"schema": "olm.package", "name": "a"}' + content):
        try:
            packages_of(data, Query(frozenset({"a"})))
        except ValueError:
            continue
