"""What is published for the clusters of each target: replaced as a whole, so that nobody applies half of it.

    DATA/targets/NAME/target.json                  the target in full; NAME is made of it
    DATA/targets/NAME/mirrors/MIRROR/              an ImageSet, and the resources for it, by its mirror name
    DATA/targets/NAME/cluster-resources/           what a cluster applies to use the mirror: all of these
    DATA/targets/NAME/autoshift-disconnected.yaml  the same for AutoShift's values
    DATA/targets/NAME/policies/                    policies for clusters to verify the mirror, for people
    DATA/cluster-resources/, DATA/autoshift-disconnected.yaml
                                                   a copy of both, only while there is exactly one target

Up to version 0.1 the last two were all there was, whichever target they were of.
"""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from steps import files
from steps.files import write_atomically
from steps.mirroring.store import records
from steps.mirroring.store.records import NewerFormatError, Record, UnreadableRecordError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

log = logging.getLogger(__name__)

Files = dict[str, str]
"""Texts by file name."""

UNNAMED: Final = ""
"""The mirror name of what was published before there were mirror names."""
RESOURCES, AUTOSHIFT_VALUES = "cluster-resources", "autoshift-disconnected.yaml"
POLICIES: Final = "policies"
_RECORD, _MIRRORS, _IMAGESET = "target.json", "mirrors", "imageset.yaml"
_UNNAMED_FOLDER = "_unnamed"
_LONGEST = 100
"""Characters of a folder's name; a ConfigMap is named by it, too."""


class TargetRecord(Record):
    """target.json. `mirrors` are the mirror names that the published union was made of.

    `plain_name`: its ConfigMap has no folder's name behind the usual one. One target at most has this.
    """

    target: str
    mirrors: tuple[str, ...] = ()
    plain_name: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """What one ImageSet contributes: its resources, and the ImageSet as a text, empty where it is unknown."""

    files: Files
    imageset: str = ""


@dataclass(frozen=True, slots=True)
class PublishedTarget:
    """What is published for one target, in `folder`."""

    folder: Path
    record: TargetRecord

    @property
    def target(self) -> str:
        """HOST[:PORT][/PATH]."""
        return self.record.target

    @property
    def resources(self) -> Path:
        """The folder that a cluster applies."""
        return self.folder / RESOURCES

    @property
    def autoshift_values(self) -> Path:
        """The file with AutoShift's block."""
        return self.folder / AUTOSHIFT_VALUES

    def files(self) -> Files:
        """Return the resources that a cluster applies."""
        return _read(self.resources)

    def policies(self) -> Files:
        """Return the policies for its clusters."""
        return _read(self.folder / POLICIES)

    def mirrors(self) -> dict[str, Mirror]:
        """Return what each ImageSet contributes, by mirror name."""
        found = {}
        for folder in sorted((self.folder / _MIRRORS).glob("*/")):
            files = _read(folder)
            imageset = files.pop(_IMAGESET, "")
            name = UNNAMED if folder.name == _UNNAMED_FOLDER else folder.name
            found[name] = Mirror(files=files, imageset=imageset)
        return found


class Published:
    """What a data directory has published, by target."""

    def __init__(self, root: Path) -> None:
        """Work with what is published below the data directory `root`."""
        self._targets = root / "targets"
        self.copy = root / RESOURCES
        self.autoshift_copy = root / AUTOSHIFT_VALUES

    def all(self) -> list[PublishedTarget]:
        """Return every target that something is published for; a folder without a record is left out.

        Raises InvalidInputError for one that a newer version wrote, OSError for one that cannot be read.
        """
        found = []
        for folder in sorted(self._targets.glob("[!.]*/")):
            try:
                found.append(PublishedTarget(folder, records.parse(TargetRecord, _bytes(folder / _RECORD))))
            except NewerFormatError:
                records.read(TargetRecord, folder / _RECORD, what="a record of a target", hint="")
            except (FileNotFoundError, UnreadableRecordError):  # another error is the volume's
                continue
        return found

    def of(self, target: str) -> PublishedTarget | None:
        """Return what is published for `target`; None where that is nothing."""
        return next((known for known in self.all() if known.target == target), None)

    def nameless(self) -> list[Path]:
        """Return the folders that do not say whose they are."""
        known = {published.folder for published in self.all()}
        return [folder for folder in sorted(self._targets.glob("[!.]*/")) if folder not in known]

    def replace(
        self, target: str, *, mirrors: Mapping[str, Mirror], files: Mapping[str, str], autoshift_values: str
    ) -> PublishedTarget:
        """Publish `files`, the union of `mirrors`, in the place of what is there for `target`.

        What is there stays until the new folder is whole. A kill between the two renames is made good by
        `recover`.
        """
        known = self.all()
        before = next((published for published in known if published.target == target), None)
        folder = before.folder if before else self._targets / self._free_name(target)
        plain = before.record.plain_name if before else not any(one.record.plain_name for one in known)
        record = TargetRecord(target=target, mirrors=tuple(sorted(mirrors)), plain_name=plain)
        content = {_RECORD: record.as_json(), AUTOSHIFT_VALUES: autoshift_values}
        content |= {f"{RESOURCES}/{name}": text for name, text in files.items()}
        for path in (folder / POLICIES).glob("*"):  # they stay until others are written
            if path.is_file() and not path.is_symlink():
                content[f"{POLICIES}/{path.name}"] = path.read_text()
        for mirror_name, mirror in mirrors.items():
            place = f"{_MIRRORS}/{mirror_name or _UNNAMED_FOLDER}"
            content |= {f"{place}/{name}": text for name, text in mirror.files.items()}
            content[f"{place}/{_IMAGESET}"] = mirror.imageset
        _replace(folder, content, folders=[RESOURCES])
        self._copy_for_one_target()
        return PublishedTarget(folder, record)

    def write_policies(self, target: str, found: Mapping[str, str]) -> None:
        """Write the policies for the clusters of a target, texts by name, in the place of those there."""
        published = self.of(target)
        if published is None:
            return
        folder = published.folder / POLICIES
        for path in folder.glob("*"):
            if path.name not in found and path.is_file():
                path.unlink()
        for name, text in found.items():
            write_atomically(folder / name, text)

    def copy_is_current(self) -> bool:
        """Return whether DATA/cluster-resources is as it should be: the only target's, or not there."""
        targets = self.all()
        if len(targets) != 1:
            return not self.copy.exists()
        return self.copy.is_dir() and _read(self.copy) == targets[0].files()

    def recover(self) -> None:
        """Remove halves of new folders; bring back the last ones that nothing has replaced."""
        folders = {folder.with_name(folder.name[1:-5]) for folder in self._targets.glob(".*.last")}
        folders |= {folder.with_name(folder.name[1:-5]) for folder in self._targets.glob(".*.next")}
        for folder in (*sorted(folders), self.copy):
            _recover(folder)
        if len(self.all()) > 1:
            self._copy_for_one_target()

    def _copy_for_one_target(self) -> None:
        targets = self.all()
        if len(targets) == 1:
            _replace(self.copy, targets[0].files())
            write_atomically(self.autoshift_copy, targets[0].autoshift_values.read_text())
        elif self.copy.exists() or self.autoshift_copy.exists():
            shutil.rmtree(self.copy, ignore_errors=True)
            self.autoshift_copy.unlink(missing_ok=True)
            log.warning(
                "%s and %s were copies for a single target, and are removed: each target has its own in %s",
                self.copy,
                self.autoshift_copy.name,
                ", ".join(f"{published.folder} ({published.target})" for published in targets),
            )

    def _free_name(self, target: str) -> str:
        """Return a name for the folder of a new target, readable and not taken by another one."""
        name = readable_name(target)
        return _hashed(name, target) if (self._targets / name).exists() else name


def readable_name(target: str) -> str:
    """Return HOST[:PORT][/PATH] as a name for files and Kubernetes objects; two targets may have the same."""
    name = re.sub(r"[^a-z0-9]+", lambda found: "." if found[0] == "." else "-", target.lower()).strip("-.")
    return name if len(name) <= _LONGEST else _hashed(name, target)


def distinct_name(target: str) -> str:
    """Return a name as `readable_name` does, which no other target has."""
    return _hashed(readable_name(target), target)


def _hashed(name: str, target: str) -> str:
    return f"{name[: _LONGEST - 9].rstrip('-.')}-{hashlib.sha256(target.encode()).hexdigest()[:8]}"


def _bytes(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(records.LARGEST + 1)


def _read(folder: Path) -> Files:
    return {path.name: path.read_text() for path in sorted(folder.glob("*.yaml"))}


def _replace(folder: Path, content: Mapping[str, str], *, folders: Iterable[str] = ()) -> None:
    """Put a folder with `content`, texts by path, in the place of `folder`; `folders` are there at least."""
    following, last = _beside(folder)
    shutil.rmtree(following, ignore_errors=True)
    for name in ("", *folders):
        files.make_folder(following / name)
    for name, text in content.items():
        write_atomically(following / name, text)
    shutil.rmtree(last, ignore_errors=True)
    if folder.exists():
        files.rename(folder, last)
    files.rename(following, folder)
    shutil.rmtree(last, ignore_errors=True)


def _recover(folder: Path) -> None:
    following, last = _beside(folder)
    if not folder.exists() and last.exists():
        files.rename(last, folder)
    for leftover in (following, last):
        shutil.rmtree(leftover, ignore_errors=True)


def _beside(folder: Path) -> tuple[Path, Path]:
    """Return where the next and the last folder lie for a moment."""
    return folder.with_name(f".{folder.name}.next"), folder.with_name(f".{folder.name}.last")
