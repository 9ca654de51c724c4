"""oc-mirror's working directory, kept to what the next run needs: oc-mirror archives all of it, every time.

oc-mirror removes nothing from it. Every digest that a catalog ever had stays, with three copies of it all
(operator/filtered_collector.go, imagebuilder/catalog_builder.go). A log, a pinned ImageSet and a file for its
cache's port stay of every run. A run reads of it (openshift/oc-mirror, internal/pkg/{operator,release,helm}):

    operator-catalogs/NAME/DIGEST/filtered-catalogs/FILTER/{digest,catalog-config}    here and from disk
    release-images/NAME/TAG                                                           here
    hold-release/NAME/TAG, signatures/, hold-release/cincinnati-graph-data            here and from disk
    helm/charts, helm/indexes                                from disk; here they are downloaded each time

Whatever else a run needs, it makes or fetches anew. So everything here can be killed and called again.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from steps import units
from steps.bounded import json_file
from steps.files import make_folder, move, rename, sync, write_atomically
from steps.mirroring.ocmirror.placement import Rules, path_of
from steps.mirroring.store import records
from steps.mirroring.store.records import Part, Record
from steps.oci.reference import Reference
from steps.versions import precedence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from steps.imageset.model import Mirror
    from steps.mirroring.ocmirror.output import Reading
    from steps.mirroring.store.cache import Cache

log = logging.getLogger(__name__)

CATALOGS = "operator-catalogs"
_RELEASES = ("hold-release", "release-images")
_GRAPH_BLOBS = "graph-preparation/blobs/sha256"
_KEPT_LOGS = 100
"""Files of earlier runs; a run leaves four at most."""


class Used(Part):
    """What a run read of the working directory: folders below it, sorted.

    `catalogs` are NAME/DIGEST below operator-catalogs, `releases` NAME/TAG below hold-release; None where
    oc-mirror did not name its images.
    """

    catalogs: tuple[str, ...] = ()
    releases: tuple[str, ...] | None = None


class UsedRecord(Record):
    """DATA/working-dir.json: what the last run of each mirror used, by the mirror's name."""

    mirrors: dict[str, Used] = Field(default_factory=dict)


class WorkingDir:
    """The working directory of to-disk and direct, in `path`; earlier runs' logs lie in `logs`."""

    def __init__(self, root: Path) -> None:
        """Work with the working directory of the data directory `root`; it need not exist yet."""
        self.path = root / "working-dir"
        self.logs = root / "logs"
        self._record = root / "working-dir.json"

    def prepare(self, mirror: Mirror) -> None:
        """Leave in it what a run by `mirror` may read; to be called with the lock held, before the run.

        Logs and pinned ImageSets of earlier runs go to DATA/logs.
        """
        self._set_logs_aside()
        uses = self._uses().values()
        self._remove([*self._transient(), *self._old_catalogs(uses, _catalog_counts(mirror))])

    def lend_catalog(self, catalog: str, digest: str, cache: Cache) -> bool:
        """Put the blobs of a whole catalog where oc-mirror would fetch them to, as far as the cache has them.

        oc-mirror fetches a catalog that it has not filtered yet into its working directory, but no blob that
        is there (operator/catalog_handler.go, EnsureCatalogInOCIFormat). Returns whether there was one.
        """
        folder = self.path / CATALOGS / _component(catalog) / digest.partition(":")[2]
        if any(folder.glob("filtered-catalogs/*/digest")):
            return False
        parts = cache.parts(digest)
        if not parts or cache.damaged(parts):
            return False
        _link(parts.values(), folder / "catalog-image/blobs/sha256", name=lambda path: path.parent.name)
        return True

    def lend_releases(self, mirror: Mirror, others: Iterable[WorkingDir]) -> int:
        """Take over from `others` the releases that a run by `mirror` may read; return how many.

        oc-mirror fetches none that has its folder (release/local_stored_collector.go). Of the image that the
        graph is laid upon, it fetches no blob that is there.
        """
        count = 0
        for other in others:
            for folder in sorted((other.path / "release-images").glob("*/*/")):
                target = self.path / folder.relative_to(other.path)
                if target.exists() or not (folder / "index.json").is_file() or not _wants(mirror, folder):
                    continue
                unfinished = self._record.parent / "scratch" / "release"
                shutil.rmtree(unfinished, ignore_errors=True)
                shutil.copytree(folder, unfinished, copy_function=_link_or_copy)
                make_folder(target.parent)
                rename(unfinished, target)
                count += 1
            if mirror.platform.graph and (blobs := other.path / _GRAPH_BLOBS).is_dir():
                _link(blobs.iterdir(), self.path / _GRAPH_BLOBS, name=lambda path: path.name)
        return count

    def tidy(self, name: str, mirror: Mirror, used: Used) -> None:
        """Leave in it what the mirror `name` has `used` in its last run, by `mirror`, and what others have.

        To be called when the run's result is complete.
        """
        uses = {**self._uses(), name: used}
        write_atomically(self._record, UsedRecord(mirrors=uses).as_json(indent=1))
        self._remove(
            [
                *self._old_catalogs(uses.values(), _catalog_counts(mirror)),
                *self._whole_catalogs(),
                *self._old_releases(uses.values()),
            ]
        )

    def clean(self, *, dry_run: bool) -> int:
        """Remove what no mirror's last run has used; return the bytes. A dry run only counts them."""
        uses = self._uses().values()
        found = [*self._transient(), *self._whole_catalogs(), *self._old_releases(uses)]
        if uses:
            found += self._old_catalogs(uses, Counter())
        return sum(map(_size, _outermost(found))) if dry_run else self._remove(found)

    def used(self, mirror: Mirror, reading: Reading, cache: Cache) -> Used:
        """Return what a run by `mirror` has used, as far as oc-mirror names it in `reading`."""
        releases = {
            folder
            for folder in map(release_folder, reading.copied)
            if any((self.path / parent / folder).is_dir() for parent in _RELEASES)
        }
        # Where none is found although there are some, oc-mirror has named them in another way.
        told = reading.names_all and (releases or not mirror.platform.channels)
        return Used(
            catalogs=tuple(sorted(set(_catalogs_read(mirror, reading, cache)))),
            releases=tuple(sorted(releases)) if told else None,
        )

    def filters(self) -> set[str]:
        """Return the names of the filters by which catalogs are here; its cache has a catalog under each."""
        return {path.name for path in (self.path / CATALOGS).glob("*/*/filtered-catalogs/*/")}

    def _uses(self) -> dict[str, Used]:
        try:
            return records.parse(UsedRecord, self._record.read_bytes()).mirrors
        except FileNotFoundError:
            return {}
        except ValueError as error:
            log.warning("%s is not readable (%s): the newest catalogs are kept", self._record, error)
            return {}

    def _set_logs_aside(self) -> None:
        left = [*(self.path / "logs").glob("*"), *self.path.glob("*isc_pinned_*.yaml")]
        if not left:
            return
        make_folder(self.logs)
        for path in left:
            move(path, self.logs / path.name)
        for path in _newest_first(self.logs.iterdir())[_KEPT_LOGS:]:
            path.unlink(missing_ok=True)

    def _transient(self) -> list[Path]:
        """Return what each run makes anew."""
        names = ("containers", "dry-run", "helm/charts", "helm/indexes")
        found = [path for name in names if (path := self.path / name).exists()]
        return [*found, *_unreached(self.path / "graph-preparation")]

    def _old_catalogs(self, uses: Iterable[Used], counts: Counter[str]) -> list[Path]:
        """Return the catalogs that are not used; of a name that is used less often than it counts, the newest
        are not among them.
        """
        used = {folder for use in uses for folder in use.catalogs}
        found: list[Path] = []
        for name in (self.path / CATALOGS).glob("*/"):
            folders = _newest_first(name.glob("*/"))
            others = [folder for folder in folders if f"{name.name}/{folder.name}" not in used]
            known = len(folders) - len(others)
            found += others[max(counts[name.name] - known, 0) :]
        return found

    def _whole_catalogs(self) -> list[Path]:
        """Return the whole catalogs of which oc-mirror has taken a part; it reads the part only."""
        found = []
        for folder in (self.path / CATALOGS).glob("*/*/"):
            filters = [path.parent for path in folder.glob("filtered-catalogs/*/digest")]
            whole = [folder / "catalog-image", folder / "catalog-config"] if filters else []
            whole += [path / "filtered-catalog-image" for path in filters]
            found += [path for path in whole if path.exists()]
        return found

    def _old_releases(self, uses: Iterable[Used]) -> list[Path]:
        """Return the releases that are not used; none where a run did not name what it used."""
        uses = list(uses)
        if not uses or any(use.releases is None for use in uses):
            return []
        used = {folder for use in uses for folder in use.releases or ()}
        return [
            folder
            for parent in _RELEASES
            for folder in (self.path / parent).glob("*/*/")
            if f"{folder.parent.name}/{folder.name}" not in used
        ]

    def _remove(self, paths: Iterable[Path]) -> int:
        freed = 0
        for path in _outermost(paths):
            freed += _size(path)
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        if freed:
            log.info("removed %s from %s, which no run needs any more", units.size(freed), self.path)
        return freed


def _wants(mirror: Mirror, folder: Path) -> bool:
    """Return whether a run by `mirror` may read a release, by its folder: `ocp-release/4.18.22-x86_64`."""
    if f"{folder.parent.name}/{folder.name}" == release_folder(mirror.platform.release):
        return True
    version = precedence(folder.name.rpartition("-")[0])
    return any(
        precedence(channel.min_version) <= version <= precedence(channel.max_version)
        for channel in mirror.platform.channels
        if channel.min_version and channel.max_version
    )


def _link(sources: Iterable[Path], folder: Path, *, name: Callable[[Path], str]) -> None:
    """Put files into a folder under their `name`, unless it has them; each appears whole or not at all."""
    make_folder(folder)
    unfinished = folder / ".unfinished"
    unfinished.unlink(missing_ok=True)  # as a kill may have left it
    for source in sources:
        target = folder / name(source)
        if not target.exists():
            _link_or_copy(str(source), str(unfinished))
            rename(unfinished, target)


def _link_or_copy(source: str, target: str) -> None:
    """Link a blob, whose content its name tells and nobody changes; copy what else there is, to the disk."""
    if "/blobs/" in source:
        with suppress(OSError):  # on another volume, or one without links
            os.link(source, target)
            return
    shutil.copyfile(source, target)
    sync(Path(target))


def release_folder(origin: str) -> str:
    """Return where oc-mirror unpacks a release, NAME/TAG (release/local_stored_collector.go)."""
    return origin.rpartition("/")[2].replace(":", "/")


def _catalog_counts(mirror: Mirror) -> Counter[str]:
    """Return how many catalogs an ImageSet has by the name of their folder, their path's last part."""
    return Counter(_component(catalog.catalog) for catalog in mirror.operators)


def _component(catalog: str) -> str:
    return path_of(catalog).rpartition("/")[2]


def _catalogs_read(mirror: Mirror, reading: Reading, cache: Cache) -> Iterator[str]:
    """Give the catalogs by digest, as oc-mirror names them (from 4.22 on), or as its cache has their tags."""
    rules = Rules.of(mirror)
    for origin in reading.copied:
        reference = Reference.find(origin)
        if reference and path_of(origin) in rules.catalogs:
            digest = reference.digest or cache.find(rules.cached(origin))
            if digest:
                yield f"{_component(origin)}/{digest.partition(':')[2]}"


def _newest_first(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def _outermost(paths: Iterable[Path]) -> list[Path]:
    """Return each path once, without those that lie below another of them."""
    distinct = set(paths)
    return [path for path in distinct if distinct.isdisjoint(path.parents)]


def _size(path: Path) -> int:
    if not path.is_dir():
        return path.lstat().st_size
    return sum(file.lstat().st_size for file in path.rglob("*") if not file.is_dir())


def _unreached(layout: Path) -> list[Path]:
    """Return the blobs of an OCI image layout that its index does not lead to; none of a damaged layout."""
    blobs = layout / "blobs/sha256"
    try:
        reached = _reached(layout / "index.json", blobs)
        return [path for path in blobs.iterdir() if path.name not in reached]
    except (OSError, ValueError):
        return []


def _reached(index: Path, blobs: Path) -> set[str]:
    """Return the names of the blobs that an index leads to. Raises OSError, or ValueError for damage."""
    reached = set[str]()
    ahead = [index]
    while ahead:
        path = ahead.pop()
        document: dict[str, Any] = json_file(path)
        try:
            config = document.get("config")
            parts = [*(document.get("manifests") or []), *(document.get("layers") or []), config]
            named = [(str(part["digest"]), str(part["mediaType"])) for part in parts if part]
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is no manifest") from error
        for digest, kind in named:
            name = digest.partition(":")[2]
            if not name.isalnum():
                raise ValueError(f"{path} names a blob {digest!r}")
            if name not in reached:
                reached.add(name)
                ahead += [blobs / name] if "manifest" in kind or "index" in kind else []
    return reached
