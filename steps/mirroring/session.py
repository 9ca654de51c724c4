"""What a workflow works with, made once for a run: the request, the data directory, the target, oc-mirror."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from steps.mirroring import lease
from steps.mirroring.request import DELETE, DIRECT, FROM_DISK, PLAN_DELETION, TO_DISK
from steps.parameters.table.service import LEASE, TOLD_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steps.imageset.imageset import ImageSet
    from steps.mirroring.ocmirror.command import OcMirror
    from steps.mirroring.ocmirror.registries_d import Rules
    from steps.mirroring.request import Request
    from steps.mirroring.store import Store
    from steps.mirroring.store.runs import Recorder
    from steps.oci.access import Access


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A run that holds the lock of the data directory, which is at rest.

    `imageset` is None for workflow-from-disk without one: the archives have their own. `signatures` says of
    which sources they are copied; None: of none.
    """

    request: Request
    store: Store
    oc_mirror: OcMirror
    imageset: ImageSet | None
    signatures: Rules | None = None

    @property
    def source(self) -> Access:
        """How to reach the registries that the ImageSet names."""
        return self.request.options.source

    @property
    def target(self) -> Access:
        """How to reach the target registry."""
        return self.request.options.destination

    @property
    def given_imageset(self) -> ImageSet:
        """The ImageSet of a workflow that cannot do without one."""
        if self.imageset is None:
            raise ValueError(f"{self.request.workflow} needs an ImageSet")
        return self.imageset

    @classmethod
    @contextmanager
    def open(
        cls,
        request: Request,
        store: Store,
        recorder: Recorder,
        *,
        oc_mirror: OcMirror,
        imageset: ImageSet | None,
    ) -> Iterator[Session]:
        """Lock the data directory and bring it to rest; what dry runs leave in it goes at the end.

        Raises ConflictError if another run has it, InvalidInputError if it cannot be brought to rest.
        """
        with locked(request, store, recorder) as locks:
            try:
                yield cls(
                    request=request,
                    store=store,
                    oc_mirror=replace(oc_mirror, locks=locks, watch=store.progress.kept),
                    imageset=imageset,
                )
            finally:
                store.clear_scratch()


@contextmanager
def locked(request: Request, store: Store, recorder: Recorder) -> Iterator[tuple[int, ...]]:
    """Hold the locks of a data directory at rest, and record that the run has begun; gives the descriptors.

    Raises as `Session.open` does.
    """
    namespace = request.values[TOLD_NAMESPACE] or ""
    fills_cache = request.workflow in {TO_DISK, FROM_DISK, DIRECT}
    with (
        store.locked(purpose=request.workflow, fills_cache=fills_cache) as locks,
        lease.held(request.values[LEASE] or "", namespace),
    ):
        recorder.begin()
        if request.workflow not in {PLAN_DELETION, DELETE}:
            store.settle_cache()
        store.recover(now=datetime.now(UTC))
        yield locks
