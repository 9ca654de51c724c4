"""Measure the YAML files of a commit, and only then write them to a folder.

The commit is in a bare repository, and its files are nowhere yet: 2 MB of a transfer can be 400 MB of files,
and a tree of 1 kB can have a billion of them. git lists and prints them, and no more. We write them, so
nothing of the repository has an effect: no hook, attribute, filter or submodule. A link is written as it is,
after all files; `steps.tree` follows none that leads out.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final, NamedTuple

from steps.errors import GitError
from steps.tree import MAXIMUM_BYTES
from steps.units import size as in_words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from steps.git_command import Git

log = logging.getLogger("steps.repository")

FILES: Final = 20_000
"""YAML files of one checkout; AutoShift's own repository has 700."""
FOLDERS: Final = 2 * FILES
BYTES: Final = 128 << 20
"""Bytes of all of them."""
ENTRIES: Final = 1_000_000
"""Files and folders of a repository, YAML or not."""
LONGEST_PATH: Final = 1024
"""Bytes; with the folder before it, it stays below the 4,096 of Linux."""
DEEPEST: Final = 64
LONGEST_LINK: Final = 4095
LONGEST_RECORD: Final = 1 << 20
_WANTED: Final = (b".yaml", b".yml")
_LINK: Final = b"120000"
_MODES: Final = (_LINK, b"100644", b"100755", b"100664")  # the last is of early versions of git
_NO_NAMES: Final = ("", ".", "..", ".git")
_SHOWN: Final = 3


class Entry(NamedTuple):
    """A file or link of a commit."""

    path: str
    blob: str
    link: bool


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit in a bare repository; messages name it by `place`, and their hint is `advice`."""

    git: Git
    name: str
    place: str
    advice: str

    def wanted(self) -> list[Entry]:
        """Return its YAML files and links. Raises GitError where there are too many, or too long paths."""
        found, odd, folders = list[Entry](), list[str](), set[str]()
        with self.git.start("ls-tree", "-r", "-t", "-z", "--full-tree", self.name) as output:
            listed = self._yaml(output)
            for path, blob, link in listed:
                if (text := _usable(path)) is None:
                    odd.append(ascii(os.fsdecode(path)))
                    continue
                found.append(Entry(text, blob, link))
                _add_folders(text, folders)
                if len(found) + len(odd) > FILES:
                    count = len(found) + len(odd) + sum(1 for _ in listed)
                    raise self._refused(f"{count:,} YAML files, more than {FILES:,}")
                if len(folders) > FOLDERS:
                    raise self._refused(f"more than {FOLDERS:,} folders with YAML files")
        _left_out(odd, "their names cannot be shown")
        return found

    def measured(self, entries: list[Entry]) -> list[Entry]:
        """Return what is small enough to be read. Raises GitError where all together is more than we take."""
        sizes = self._sizes({entry.blob for entry in entries})
        kept, large = list[Entry](), list[str]()
        for entry in entries:
            size = sizes[entry.blob]
            if size > (LONGEST_LINK if entry.link else MAXIMUM_BYTES):
                large.append(f"{entry.path} ({in_words(size)})")
            else:
                kept.append(entry)
        if (total := sum(sizes[entry.blob] for entry in kept)) > BYTES:
            largest = max(kept, key=lambda entry: sizes[entry.blob])
            raise self._refused(
                f"{len(kept):,} YAML files of {total:,} bytes in all, more than {BYTES:,}; the largest is "
                f"{largest.path} with {sizes[largest.blob]:,}"
            )
        _left_out(large, f"no values file has more than {in_words(MAXIMUM_BYTES)}")
        return kept

    def write(self, entries: list[Entry], folder: Path) -> None:
        """Write `entries` below the new folder. Raises GitError where two have one path, and for a full disk.

        All folders come first and all links last, so nothing is written through a link.
        """
        ordered = sorted(entries, key=lambda entry: entry.link)
        given = "".join(f"{entry.blob}\n" for entry in ordered).encode()
        try:
            folder.mkdir()
            for inner in {os.path.dirname(entry.path) for entry in ordered}:  # noqa: PTH120 - thousands
                (folder / inner).mkdir(parents=True, exist_ok=True)
            with self.git.start("cat-file", "--batch", given=given) as output:
                for entry in ordered:
                    _write(folder / entry.path, _next_blob(output), entry.link)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise GitError(
                f"cannot write the files of {self.place}: {reason}",
                f"check that {folder.parent.parent} is writable and not full",
            ) from error

    def _yaml(self, output: IO[bytes]) -> Iterator[tuple[bytes, str, bool]]:
        """Give path, object and whether it is a link, of each YAML file that `git ls-tree` prints."""
        for number, record in enumerate(self._records(output)):
            if number == ENTRIES:
                raise self._refused(f"more than {ENTRIES:,} files and folders")
            head, _, path = record.partition(b"\t")
            mode, _kind, blob = head.split(b" ")
            if not path.endswith(_WANTED) or mode not in _MODES:
                continue
            if len(path) > LONGEST_PATH or path.count(b"/") > DEEPEST:
                raise self._refused(
                    f"a YAML file whose path has {len(path):,} bytes and {path.count(b'/'):,} folders, more "
                    f"than {LONGEST_PATH:,} or {DEEPEST}"
                )
            yield path, blob.decode("ascii"), mode == _LINK

    def _records(self, output: IO[bytes]) -> Iterator[bytes]:
        """Give what ends with NUL in `output`, of which no more than a path's length is kept."""
        rest = b""
        while part := output.read(64 << 10):
            *whole, rest = (rest + part).split(b"\0")
            yield from whole
            if len(rest) > LONGEST_RECORD:
                raise self._refused(f"a path of more than {LONGEST_RECORD:,} bytes")

    def _sizes(self, blobs: set[str]) -> dict[str, int]:
        given = "".join(f"{blob}\n" for blob in blobs).encode()
        found = {}
        with self.git.start("cat-file", "--batch-check", given=given) as output:
            for line in output:
                name, kind, *size = line.decode("ascii").split()
                if kind != "blob":
                    raise self._refused(f"the file {name}, which is {kind}")
                found[name] = int(size[0])
        return found

    def _refused(self, what: str) -> GitError:
        return GitError(f"{self.place} has {what}; nothing is checked out", self.advice)


def _usable(path: bytes) -> str | None:
    """Return the path as text; None if it cannot be shown, or names something else than it seems to."""
    try:
        text = path.decode()
    except UnicodeDecodeError:
        return None
    parts = text.split("/")
    return text if text.isprintable() and not any(part.lower() in _NO_NAMES for part in parts) else None


def _add_folders(path: str, folders: set[str]) -> None:
    """Add the folders of a path, inner ones first: what is above one that is there, is there, too."""
    while (path := path.rpartition("/")[0]) and path not in folders:
        folders.add(path)


def _next_blob(output: IO[bytes]) -> bytes:
    """Return the next object that `git cat-file --batch` prints. Raises ValueError where it is none."""
    _name, _kind, size = output.readline(200).split()
    content = output.read(int(size) + 1)
    if len(content) != int(size) + 1:
        raise ValueError("git ended before the last file")
    return content[:-1]


def _write(path: Path, content: bytes, link: bool) -> None:
    if link:
        path.symlink_to(os.fsdecode(content))
        return
    with path.open("xb") as file:
        file.write(content)


def _left_out(what: list[str], why: str) -> None:
    if what:
        more = f" and {len(what) - _SHOWN:,} more" if len(what) > _SHOWN else ""
        log.warning("Left out of the checkout: %s%s; %s.", ", ".join(what[:_SHOWN]), more, why)
