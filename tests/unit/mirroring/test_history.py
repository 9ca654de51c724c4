"""Dates and histories: what an archive continues."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.errors import InvalidInputError
from steps.mirroring.store import history
from steps.mirroring.store.history import History
from tests.standin import oc_mirror as standin

if TYPE_CHECKING:
    from pathlib import Path

moments = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2030, 1, 1)).map(
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)


@given(
    moments=st.lists(moments, unique=True, max_size=6),
    since=st.none() | st.dates(date(2020, 1, 1), date(2030, 1, 1)),
)
def test_we_foresee_the_history_that_oc_mirror_chooses(
    tmp_path_factory: pytest.TempPathFactory, moments: list[datetime], since: date | None
) -> None:
    working_dir = tmp_path_factory.mktemp("working-dir")
    (working_dir / ".history").mkdir()
    for moment in moments:
        name = f".history-{moment:%Y-%m-%dT%H:%M:%SZ}"
        (working_dir / ".history" / name).write_text(name)
    expected = standin.History(working_dir, since.isoformat() if since else "").read()
    chosen = history.chosen(History(working_dir / ".history", kept=working_dir / "kept").written(), since)
    assert expected == ({chosen} if chosen else set())


def test_other_files_are_no_histories(tmp_path: Path) -> None:
    (tmp_path / "README").touch()
    (tmp_path / ".history-dir").mkdir()
    assert History(tmp_path, kept=tmp_path / "kept").written() == {}
    assert History(tmp_path / "missing", kept=tmp_path / "kept").written() == {}


@pytest.mark.parametrize(
    "name", [".history-", ".history-2026", ".history-2026-11-23", ".history-2026-11-23T06:37:37"]
)
def test_names_that_would_stop_oc_mirror_at_the_end_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(InvalidInputError, match="a history file's name"):
        History(tmp_path, kept=tmp_path / "kept").written()
