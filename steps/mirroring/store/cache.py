"""oc-mirror's cache: the storage of a registry, whose layout no other module knows.

The layout is that of the distribution registry's filesystem driver (registry/storage/paths.go): below
`docker/registry/v2` lie `repositories/NAME/{_manifests/tags,_manifests/revisions,_layers,_uploads}` and
`blobs/sha256/XX/HEX/data`. No registry runs on it while we work: the lock of the data directory sees to that.
"""

from __future__ import annotations

import logging
import os
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from steps import units
from steps.bounded import json_file
from steps.errors import InvalidInputError
from steps.mirroring.store.archives import COPY_WHOLE, check_members, sha256_of
from steps.oci.manifests import is_sound
from steps.oci.reference import ATTACHED, Reference
from steps.tar_members import BoundedMember, RefusedMemberError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

log = logging.getLogger(__name__)

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Freed:
    """How many tags were removed, and how many bytes with them."""

    tags: int
    size: int


class Cache:
    """The cache in `folder`, which is what oc-mirror is given as --cache-dir."""

    def __init__(self, folder: Path) -> None:
        """Work with the cache in `folder`, which need not exist yet."""
        self.folder = folder
        # What an archive's `docker/` is unpacked to (consts/const.go).
        self._storage = folder / ".oc-mirror/.cache"
        self._registry = self._storage / "docker/registry/v2"
        self._unfinished = self._storage / "unfinished"  # oc-mirror archives nothing of what lies there

    @property
    def holds_images(self) -> bool:
        """Whether anything was ever copied into it."""
        return self._registry.is_dir()

    def size(self) -> int:
        """Return the bytes of all its files."""
        total = 0
        for where, _folders, files in os.walk(self._storage):
            for name in files:
                try:
                    total += os.lstat(f"{where}/{name}").st_size
                except FileNotFoundError:
                    continue
        return total

    def blob(self, digest: str) -> Path:
        """Return where the blob with `digest` (sha256:HEX) lies, whether it is there or not."""
        return self._registry / self._place(digest)

    @staticmethod
    def _place(digest: str) -> str:
        value = digest.partition(":")[2]
        return f"blobs/sha256/{value[:2]}/{value}/data"

    def has(self, digest: str) -> bool:
        """Return whether the blob with `digest` (sha256:HEX) is there."""
        return self.blob(digest).is_file()

    def blobs(self) -> list[str]:
        """Return the digests of all blobs."""
        return [f"sha256:{path.name}" for path in self._registry.glob("blobs/sha256/*/*/")]

    def damaged(self, digests: Iterable[str]) -> list[str]:
        """Return which of these blobs are here and are not what their names say, or cannot be read."""
        here = [digest for digest in sorted(set(digests)) if self.has(digest)]
        paths = [self.blob(digest) for digest in here]
        try:
            found = sha256_of(paths)
        except OSError:
            found = [_sha256_if_readable(path) for path in paths]
        return [digest for digest, sha256 in zip(here, found, strict=True) if digest != f"sha256:{sha256}"]

    def restore(self, archive: Path, digests: Collection[str]) -> list[str]:
        """Bring back blobs from an archive, as far as it has them undamaged; return their digests.

        Raises InvalidInputError if the archive is none of oc-mirror's.
        """
        check_members(archive)
        places = {f"docker/registry/v2/{self._place(digest)}": digest for digest in digests}
        restored = []
        with tarfile.open(archive, "r:", tarinfo=BoundedMember) as tar:
            for entry in tar:
                if (digest := places.get(entry.name.removeprefix("./"))) and entry.isfile():
                    self._unpack(tar, entry)
                    if self.damaged([digest]):
                        self.blob(digest).unlink()
                    else:
                        restored.append(digest)
        return restored

    def tags(self, repository: str) -> list[str]:
        """Return the tags of a repository, sorted; none where there is no such repository."""
        return [path.name for path in _tags(self._registry / "repositories" / repository)]

    def tag(self, repository: str, tag: str) -> str:
        """Return the digest of a repository's tag; empty where there is none."""
        return _target(self._registry / "repositories" / repository / "_manifests/tags" / tag)

    def find(self, places: Iterable[str]) -> str:
        """Return the digest of an image in the first of its places that has it; empty where none has.

        A place is REPOSITORY:TAG or REPOSITORY@DIGEST.
        """
        for place in places:
            image = Reference.parse_relative(place)
            digest = image.digest or self.tag(image.repository, image.tag)
            if digest and self.has(digest):
                return digest
        return ""

    def manifest(self, digest: str) -> dict[str, Any]:
        """Return a manifest; empty where the cache has only its name, as after a differential archive.

        One that is damaged is logged, and empty as well.
        """
        try:
            document: dict[str, Any] = json_file(self.blob(digest))
            if is_sound(document):
                return document
        except FileNotFoundError:
            return {}
        except ValueError:
            pass
        log.warning("the manifest %s in the cache is damaged", digest)
        return {}

    def parts(self, digest: str) -> dict[str, Path]:
        """Return where the blobs of an image lie, by digest, with its manifests; none where one is missing.

        Of an index, only the images that are there count.
        """
        found: dict[str, Path] = {}
        for name in self._reached_from([digest]):
            manifest = self.manifest(name)
            if not manifest and name == digest:
                return {}
            named = [
                *(manifest.get("layers") or []),
                *([manifest["config"]] if manifest.get("config") else []),
            ]
            found |= {part["digest"]: self.blob(part["digest"]) for part in named}
            found |= {name: self.blob(name)} if manifest else {}
        return found if all(path.is_file() for path in found.values()) else {}

    def unpack(self, archive: Path) -> int:
        """Unpack the registry's files (`docker/…`) of an archive, as oc-mirror would; return their bytes.

        Each file appears whole or not at all, since a kill must leave no half blob under a blob's name. A
        file that is there in full is not written again. Raises InvalidInputError if the archive is no tar
        file of oc-mirror's.
        """
        unpacked = 0
        try:
            with tarfile.open(archive, "r:", tarinfo=BoundedMember) as tar:
                for entry in tar:
                    if entry.isfile() and entry.name.startswith("docker/"):
                        unpacked += self._unpack(tar, entry)
        except (tarfile.TarError, RefusedMemberError) as error:
            raise InvalidInputError(f"{archive} cannot be unpacked: {error}", COPY_WHOLE) from error
        return unpacked

    def _unpack(self, tar: tarfile.TarFile, entry: tarfile.TarInfo) -> int:
        name = PurePosixPath(entry.name)
        if ".." in name.parts:
            raise tarfile.TarError(f"it holds a file named {name}")
        path = self._storage / name
        # A blob is named by its hash, so a blob of that size is that blob. Links are small, and may change.
        if name.name == "data" and path.is_file() and path.stat().st_size == entry.size:
            return 0
        source = tar.extractfile(entry)
        if source is None or "_uploads" in name.parts:
            return 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._unfinished.mkdir(exist_ok=True)
        unfinished = self._unfinished / "file"
        with source, unfinished.open("wb") as stream:
            shutil.copyfileobj(source, stream, _CHUNK)
        # An fsync of each would take minutes. A file that a loss of power takes is too short: see above.
        unfinished.replace(path)
        return entry.size

    def remove_unfinished(self) -> None:
        """Remove the file that a kill has cut short.

        Version 0.1 wrote it beside its place. A cache is searched for these once, since it may be large.
        """
        if not self.holds_images:
            return
        if self._unfinished.is_dir():
            (self._unfinished / "file").unlink(missing_ok=True)
            return
        for path in self._registry.rglob("*.unfinished"):
            if path.stem in {"data", "link"}:
                path.unlink(missing_ok=True)
        self._unfinished.mkdir()

    def remove_uploads(self) -> None:
        """Remove the uploads that a killed run had begun.

        Nobody would ever finish them, and oc-mirror archives the cache's repositories whole
        (archive/archive.go, BuildArchive): with the real program, one kill doubled every archive after it.
        """
        size = 0
        for folder, names, _files in os.walk(self._registry / "repositories"):
            if "_uploads" in names:
                uploads = Path(folder, "_uploads")
                size += sum(path.stat().st_size for path in uploads.rglob("*") if path.is_file())
                shutil.rmtree(uploads)
            names[:] = [name for name in names if not name.startswith("_")]
        if size:
            log.info("removed %s of uploads that an interrupted run had not finished", units.size(size))

    def remove(
        self,
        images: Mapping[str, set[str]],
        *,
        among: Iterable[str],
        kept: Mapping[str, set[str]] | None = None,
        dry_run: bool = False,
    ) -> Freed:
        """Remove `images` (tags and digests by repository), and the blobs that no image has then.

        `among` names all repositories that runs have recorded: of others nothing is removed. A tag that is
        `kept` does not go with the digest of its image. The order is
        tags, manifests, blobs: what a kill leaves, another call removes.
        """
        repositories = [self._registry / "repositories" / name for name in sorted(set(among))]
        tags = [
            path
            for name, references in sorted(images.items())
            for path in _tags(self._registry / "repositories" / name)
            if path.name in references
            or (_target(path) in references and path.name not in (kept or {}).get(name, ()))
        ]
        attached = [path for repository in repositories for path in self._attached(repository, tags)]
        going = {*tags, *attached}
        manifests = [path for path in repositories for path in self._untagged(path, without=going)]
        blobs = self._unused_blobs(without=set(manifests)) if repositories else {}
        freed = Freed(len(tags), sum(blobs.values()))
        if dry_run:
            return freed
        for path in (*attached, *tags, *manifests):
            shutil.rmtree(path)
        for repository in repositories:
            for link in repository.glob("_layers/sha256/*/"):
                if link.name in blobs:
                    shutil.rmtree(link)
        for name in blobs:
            shutil.rmtree(self.blob(f"sha256:{name}").parent)
        return freed

    def _untagged(self, repository: Path, *, without: set[Path]) -> list[Path]:
        """Return the manifests that no tag leads to but `without`: oc-mirror tags all that it keeps."""
        reached = self._reached(path for path in _tags(repository) if path not in without)
        return [
            path
            for path in repository.glob("_manifests/revisions/sha256/*/")
            if f"sha256:{path.name}" not in reached
        ]

    def _attached(self, repository: Path, going: Iterable[Path]) -> list[Path]:
        """Return the tags of signatures whose images go with the tags `going`."""
        own = {path for path in going if path.parents[2] == repository}
        if not own:
            return []
        images = [path for path in _tags(repository) if not ATTACHED.fullmatch(path.name)]
        lost = self._reached(own) - self._reached(path for path in images if path not in own)
        return [
            path
            for path in _tags(repository)
            if (found := ATTACHED.fullmatch(path.name)) and f"sha256:{found[1]}" in lost
        ]

    def _reached(self, tags: Iterable[Path]) -> set[str]:
        """Return the digests that tags lead to, those that indexes list included."""
        return self._reached_from(map(_target, tags))

    def _reached_from(self, digests: Iterable[str]) -> set[str]:
        reached: set[str] = set()
        ahead = [*digests]
        while ahead:
            digest = ahead.pop()
            if digest not in reached:
                reached.add(digest)
                ahead += [child["digest"] for child in self.manifest(digest).get("manifests") or []]
        return reached

    def _unused_blobs(self, *, without: set[Path]) -> dict[str, int]:
        """Return the blobs that no manifest names but `without`: their bytes by hex digest."""
        used: set[str] = set()
        for revision in self._registry.glob("repositories/**/_manifests/revisions/sha256/*/"):
            if revision not in without:
                used.add(revision.name)
                manifest = self.manifest(f"sha256:{revision.name}")
                parts = [*(manifest.get("layers") or []), *(manifest.get("manifests") or [])]
                parts += [manifest["config"]] if manifest.get("config") else []
                used.update(part["digest"].removeprefix("sha256:") for part in parts)
        return {
            path.parent.name: path.stat().st_size
            for path in self._registry.glob("blobs/sha256/*/*/data")
            if path.parent.name not in used
        }


def _sha256_if_readable(path: Path) -> str:
    try:
        return sha256_of([path])[0]
    except OSError:
        return ""


def _tags(repository: Path) -> list[Path]:
    return sorted(repository.glob("_manifests/tags/*/"))


def _target(tag: Path) -> str:
    """Return the digest of a tag; empty for one that does not exist, or was being written at a kill."""
    try:
        return (tag / "current/link").read_text().strip()
    except FileNotFoundError:
        return ""
