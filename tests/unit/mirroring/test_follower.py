"""Hashes taken while an archive is written are those of what lies there in the end."""

from __future__ import annotations

import hashlib
import os
import random
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.mirroring.store import archives
from steps.mirroring.store.archives import INTERVAL, Archive, Follower
from tests.testbed.waiting import wait_until


def described(path: Path) -> Archive:
    content = path.read_bytes()
    return Archive(name=path.name, size=len(content), sha256=hashlib.sha256(content).hexdigest())


@given(steps=st.lists(st.tuples(st.sampled_from(["append", "shorten", "replace"]), st.binary(max_size=99))))
def test_whatever_happens_to_a_file_between_two_looks(
    steps: list[tuple[str, bytes]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("archives") / "mirror_000001.tar"
    path.touch()
    watcher = Follower(path.parent)
    for step, data in steps:
        if step == "append":
            with path.open("ab") as stream:
                stream.write(data)
        elif step == "shorten":
            os.truncate(path, path.stat().st_size // 2)
        else:
            (path.parent / "other").write_bytes(data)
            (path.parent / "other").replace(path)
        watcher._follow(path)
    with watcher:
        assert watcher.files() == (described(path),)


def test_archives_written_one_after_the_other_at_full_speed(tmp_path: Path) -> None:
    names = [tmp_path / f"mirror_{number:06d}.tar" for number in (1, 2, 3)]
    block = random.Random(1).randbytes(1 << 20)

    with Follower(tmp_path) as watcher:

        def reads_the_first() -> bool:
            return bool((state := watcher._read.get(names[0])) and state.offset)

        def write() -> None:
            for path in names:
                with path.open("wb") as stream:
                    for chunk in range(40):
                        stream.write(block)
                        time.sleep(0.002)
                        if (path, chunk) == (names[0], 20):  # however late it gets a turn
                            wait_until("a reading of what is half written", reads_the_first, interval=0.002)

        writer = threading.Thread(target=write)
        writer.start()
        writer.join()
        assert reads_the_first(), "nothing was read while it was written"
        assert watcher.files() == tuple(described(path) for path in names)


def test_what_is_flushed_meanwhile_is_still_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_FLUSH", 1000)
    path = tmp_path / "mirror_000001.tar"
    with Follower(tmp_path) as watcher:
        for number in range(20):
            with path.open("ab") as stream:
                stream.write(random.Random(number).randbytes(3333))
            time.sleep(INTERVAL / 5)
        assert watcher.files() == (described(path),)


def test_an_archive_renamed_away_is_not_told_of(tmp_path: Path) -> None:
    path = tmp_path / "mirror_000001.tar"
    path.write_bytes(b"of the run before")
    with Follower(tmp_path) as watcher:
        time.sleep(INTERVAL * 3)
        path.rename(tmp_path / "elsewhere.tar")
        assert watcher.files() == ()


def test_only_archives_are_followed(tmp_path: Path) -> None:
    for name in ("mirror_000001.tar", "mirror.log", "other.tar"):
        (tmp_path / name).write_bytes(name.encode())
    with Follower(tmp_path) as watcher:
        assert [file.name for file in watcher.files()] == ["mirror_000001.tar"]


def test_it_ends_at_once_though_much_is_unread(tmp_path: Path) -> None:
    path = tmp_path / "mirror_000001.tar"
    with path.open("wb") as stream:
        stream.truncate(20 << 30)
    began = time.monotonic()
    with Follower(tmp_path):
        time.sleep(INTERVAL * 3)
    assert time.monotonic() - began < 8  # reading 20 GiB takes longer
