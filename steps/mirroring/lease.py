"""A second lock on the data directory, where it is a claim of a cluster: a Lease of the API server.

The lock on the volume (`store.lock`) comes first. It frees itself when its holder is gone, but some volumes
that several nodes mount do not carry it from one to the other. A Lease does. Its holder renews it; who finds
it not renewed for LEASE_SECONDS takes it over. That time is measured here and not by the holder's clock,
which may differ from ours.

Without the right to it, or without an answer, a run goes on: it may well be the only one.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from steps.errors import ConflictError, ForbiddenError, StepError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steps.cluster import KubernetesObject, Lease

log = logging.getLogger(__name__)

LEASE_SECONDS: Final = 60
"""How long a run waits at most for one that was killed."""
RENEWAL = 15.0
"""Seconds between two renewals."""
PAUSE = 2.0
"""Seconds between two looks at a Lease that another has."""
LONG_AGO: Final = 10 * LEASE_SECONDS
"""Seconds by the holder's clock after which it is not waited for; clocks of nodes differ by less."""
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod's account is mounted, if it is."""
LABELS: Final = {"app.kubernetes.io/name": "oc-mirror", "app.kubernetes.io/part-of": "oc-mirror-pipeline"}
"""Of everything that a run writes into the cluster."""
_warned: set[str] = set()


def own_namespace() -> str:
    """Return the namespace of the pod that we are in, if it has an account there; else an empty text."""
    mounted = ACCOUNT / "namespace"
    return mounted.read_text().strip() if (ACCOUNT / "token").is_file() and mounted.is_file() else ""


@contextmanager
def held(name: str, namespace: str = "") -> Iterator[None]:
    """Hold the Lease `name` of `namespace`, by default the pod's own; nothing without a name or a namespace.

    Raises ConflictError if another holds it and renews it.
    """
    lease = _lease(name, namespace or own_namespace())
    if lease is None or not _taken(lease):
        yield
        return
    end = threading.Event()
    renewing = threading.Thread(target=_renew, args=(lease, end), daemon=True, name="lease")
    renewing.start()
    try:
        yield
    finally:
        end.set()
        renewing.join(RENEWAL)
        try:
            lease.release()
        except StepError as error:
            log.debug("Lease %s was not released and will expire: %s", name, error.reason)


def _lease(name: str, namespace: str) -> Lease | None:
    if not name or not namespace:
        return None
    from steps.cluster import Cluster, Lease  # of no use elsewhere, and takes a while

    holder = os.environ.get("POD_NAME") or socket.gethostname()
    try:
        cluster = Cluster.connect(patient=False)
    except StepError as error:
        _warn(error)
        return None
    return Lease(
        cluster=cluster, name=name, namespace=namespace, holder=holder, seconds=LEASE_SECONDS, labels=LABELS
    )


def _taken(lease: Lease) -> bool:
    """Take the Lease; return False where the cluster does not let us. Raises ConflictError as `held` does."""
    try:
        other = _take(lease)
    except StepError as error:
        _warn(error)
        return False
    if other:
        raise ConflictError(
            f"the data directory is in use by {other}, which renews Lease {lease.namespace}/{lease.name}",
            "wait until that run has ended: it is another pod with the same claim",
        )
    return True


def _take(lease: Lease) -> str:
    """Take the Lease once its last holder is done or dead; return that holder where it lives."""
    first: KubernetesObject | None = None
    since = time.monotonic()
    while True:
        found = lease.read()
        other = lease.other_holder(found)
        if found is None or not other or _is_dead(lease, found, first, since):
            if lease.take(found):
                return ""
        elif first is None:
            log.info("Lease %s still belongs to %s: waiting to see whether it is renewed", lease.name, other)
            first, since = found, time.monotonic()
        elif _version(found) != _version(first):
            return other
        time.sleep(PAUSE)


def _is_dead(lease: Lease, found: KubernetesObject, first: KubernetesObject | None, since: float) -> bool:
    """Tell whether a holder has not renewed its Lease for long, by what we saw since it was `first` seen."""
    if lease.age(found) > LONG_AGO:
        return True
    unchanged = first is not None and _version(found) == _version(first)
    return unchanged and time.monotonic() - since > LEASE_SECONDS


def _version(found: KubernetesObject) -> str:
    return str(found["metadata"]["resourceVersion"])


def _renew(lease: Lease, end: threading.Event) -> None:
    """Renew the Lease until the end; end this process where another has taken it over."""
    while not end.wait(RENEWAL):
        try:
            found = lease.read()
            if (other := lease.other_holder(found)) and not end.is_set():
                log.error(
                    "ERROR: %s has taken over Lease %s, which was not renewed in time\n"
                    "  hint: this run ends, so that two do not write; the next one goes on from here",
                    other,
                    lease.name,
                )
                os.kill(os.getpid(), signal.SIGTERM)
                return
            lease.take(found)
        except StepError as error:
            _warn(error)


def _warn(error: StepError) -> None:
    """Say once for each kind of error that the second lock is missing."""
    kind = type(error).__name__
    if kind not in _warned:
        _warned.add(kind)
        hint = f"; {error.hint}" if isinstance(error, ForbiddenError) else ""
        log.warning(
            "the data directory is locked on its volume only, without a Lease: %s%s", error.reason, hint
        )
