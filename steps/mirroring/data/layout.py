"""The data directory: where everything of a mirror lies, under one root.

    DATA/working-dir/            oc-mirror's own, with .history (to-disk and direct)
    DATA/mirror_NNNNNN.tar       only while a to-disk run writes them; then moved to
    DATA/generations/NNNNNN/     mirror_*.tar, imageset.yaml, generation.json; what is carried across the gap
    DATA/ledger/NNNNNN.json      every generation ever made here, kept when its folder is carried away
    DATA/run/                    the run in progress: its ImageSet and its journal
    DATA/cache/                  oc-mirror's cache, kept, so that nothing is fetched twice
    DATA/intake/                 from-disk: archives being taken in, and taken.json, what each target has
    DATA/scratch/                dry runs: oc-mirror deletes archives beside its destination even then
    DATA/planned/                mapping.txt and missing.txt of the last dry run
    DATA/cluster-resources/      IDMS, ITMS, CatalogSources… of the last run that pushed everything
    DATA/autoshift-disconnected.yaml  the same for AutoShift's values
    DATA/runs/                   a record of each run: when, what, how it went
    DATA/set-aside/              what interrupted runs left behind
    DATA/inventory/              what each run brought where; nothing is deleted that is not in it
    DATA/removal/                the plan of what to delete, and what came of it
    DATA/fingerprints.json       by what each workflow's last success was made
    DATA/lock

No path that oc-mirror is given holds one of the words it refuses there (cli/executor.go, Validate).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

ARCHIVES = "mirror_*.tar"
"""oc-mirror's pattern for its archives (archive/const.go), also of those it deletes before a run."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths below the data directory's root (absolute)."""

    root: Path

    @classmethod
    def at(cls, directory: Path) -> Layout:
        """Lay out `directory`, made absolute: oc-mirror's `file://` takes no relative path safely."""
        return cls(directory.absolute())

    @property
    def working_dir(self) -> Path:
        """oc-mirror's working directory of to-disk and direct."""
        return self.root / "working-dir"

    @property
    def history(self) -> Path:
        """oc-mirror's record of the blobs it has archived."""
        return self.working_dir / ".history"

    @property
    def cache(self) -> Path:
        """Given to oc-mirror as --cache-dir."""
        return self.root / "cache"

    @property
    def cached_registry(self) -> Path:
        """The registry's files in it: what an archive's `docker/` is unpacked to (consts/const.go)."""
        return self.cache / ".oc-mirror/.cache"

    @property
    def generations(self) -> Path:
        """The finished archives, one numbered folder each."""
        return self.root / "generations"

    @property
    def ledger(self) -> Path:
        """A copy of each generation's record."""
        return self.root / "ledger"

    @property
    def run(self) -> Path:
        """The run in progress."""
        return self.root / "run"

    @property
    def journal(self) -> Path:
        """How far the to-disk run in progress has come."""
        return self.run / "journal.json"

    @property
    def imageset(self) -> Path:
        """The ImageSet of the run in progress: the mounted one may change under it."""
        return self.run / "imageset.yaml"

    @property
    def intake(self) -> Path:
        """Archives that from-disk hands to oc-mirror, and oc-mirror's working directory beside them."""
        return self.root / "intake"

    @property
    def taken(self) -> Path:
        """Which generations each target registry has taken in."""
        return self.intake / "taken.json"

    @property
    def receipts(self) -> Path:
        """Under which name each target keeps a copy of that."""
        return self.intake / "receipts.json"

    @property
    def scratch(self) -> Path:
        """Destination of dry runs."""
        return self.root / "scratch"

    @property
    def planned(self) -> Path:
        """What the last dry run said would be mirrored."""
        return self.root / "planned"

    @property
    def cluster_resources(self) -> Path:
        """What a cluster applies to use the mirror."""
        return self.root / "cluster-resources"

    @property
    def next_resources(self) -> Path:
        """The same while it is put together; hidden, so that nobody applies half of it."""
        return self.root / ".cluster-resources.next"

    @property
    def last_resources(self) -> Path:
        """The same while the next one takes its place."""
        return self.root / ".cluster-resources.last"

    @property
    def autoshift_values(self) -> Path:
        """What AutoShift needs to know of the mirror."""
        return self.root / "autoshift-disconnected.yaml"

    @property
    def runs(self) -> Path:
        """The records of runs, see `status`."""
        return self.root / "runs"

    @property
    def inventory(self) -> Path:
        """What each run has brought where."""
        return self.root / "inventory"

    @property
    def removal(self) -> Path:
        """The plan of what to delete, and what came of earlier ones; without a word that oc-mirror keeps."""
        return self.root / "removal"

    @property
    def set_aside(self) -> Path:
        """Leftovers of interrupted runs."""
        return self.root / "set-aside"

    @property
    def fingerprints(self) -> Path:
        """By what each workflow's last success was made."""
        return self.root / "fingerprints.json"

    @property
    def lock(self) -> Path:
        """Held by the one process that may write."""
        return self.root / "lock"

    def generation(self, sequence: int) -> Path:
        """The folder of a finished generation."""
        return self.generations / f"{sequence:06d}"

    def incoming(self, sequence: int) -> Path:
        """The same while it is put together; hidden, so that nobody takes it for a generation."""
        return self.generations / f".{sequence:06d}"

    def leaving(self, sequence: int) -> Path:
        """The same while it is removed; hidden as well."""
        return self.generations / f".leaving-{sequence:06d}"

    def archives(self) -> list[Path]:
        """The archives that lie where oc-mirror writes them, and where its next run would delete them."""
        return sorted(self.root.glob(ARCHIVES))
