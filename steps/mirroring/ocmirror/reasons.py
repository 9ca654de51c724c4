"""Why an image or a run failed: the classes of error texts, and what a person can do about each.

The texts are those of containers/image, Go's net and crypto packages, the distribution registry and oc-mirror
itself. The first class whose pattern is found counts, so the order goes from the particular to the general.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps.errors import MirrorError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Cause:
    """A class of failure: its name, what to do, and whether the same run may succeed later by itself."""

    name: str
    hint: str
    passing: bool = False


AUTHENTICATION = Cause(
    "authentication",
    "check that the pull secret holds a valid login for that registry, with rights to pull or push",
)
NOT_FOUND = Cause(
    "not found",
    "check the name and version in the ImageSet; an image its maker withdrew goes to blockedImages",
)
MISSING_BASE = Cause(
    "predecessor missing",
    "the archive continues an earlier one that this side has not imported: bring the earlier generations too",
)
TIMEOUT = Cause("timeout", "run again, with a longer image-timeout if large images failed", passing=True)
DISK_FULL = Cause(
    "disk full", "enlarge the volume of the data directory, or remove old generations, then run again"
)
READ_ONLY = Cause("not writable", "give the data directory a writable volume (and the pod an fsGroup)")
PLAIN_HTTP = Cause(
    "plain HTTP", "that registry speaks no TLS: set source- or destination-tls-verify to false"
)
TLS = Cause(
    "TLS", "put the registry's CA into ConfigMap trusted-ca (ca-bundle.crt), or renew its certificate"
)
NETWORK = Cause(
    "network", "check that the registry is up and reachable from the pod, then run again", passing=True
)
PORT = Cause("port in use", "another program took the port of oc-mirror's cache: run again", passing=True)
SKIPPED = Cause("skipped", "one of the bundle's images failed: see the other images")
SPACE_RULE = Cause("archive size", "raise archiveSize in the ImageSet")
FILTER = Cause("catalog filter", "correct package, channel or versions of that operator in the ImageSet")
EMPTY = Cause(
    "nothing selected", "check names and versions in the ImageSet: nothing in the catalogs matches them"
)
CONFIGURATION = Cause("ImageSet", "correct the ImageSet as the message says")
CRASH = Cause(
    "crash",
    "this is a defect of oc-mirror: try another version, and report the log above to its makers",
)
KILLED = Cause(
    "killed",
    "most often the memory limit was exceeded: raise the workload's memory limit, then run again",
)
ENDED = Cause("ended", "run again: what was fetched is kept in the cache")
NOT_KEPT = Cause(
    "not in the target",
    "see whether the registry's log or its garbage collection tells of them, then run again",
)
OTHER = Cause("other", "see oc-mirror's messages in the log above")

_PATTERNS = (
    (SKIPPED, r"skipping operator bundle"),
    (DISK_FULL, r"no space left on device|disk quota exceeded"),
    (READ_ONLY, r"read-only file system|permission denied"),
    (PORT, r"is already bound and cannot be used|address already in use"),
    (PLAIN_HTTP, r"server gave HTTP response to HTTPS client"),
    (TLS, r"x509:|tls: |certificate"),
    (MISSING_BASE, r"blob unknown to registry"),
    (
        AUTHENTICATION,
        r"unauthorized|authentication required|failed to authenticate: (?!.*(?:dial tcp|timeout))"
        r"|denied|\b40[13]\b|invalid username",
    ),
    (TIMEOUT, r"deadline exceeded|i/o timeout|handshake timeout|timed out"),
    (
        NETWORK,
        r"connection refused|connection reset|no such host|no route to host|network is unreachable|\bEOF\b"
        r"|broken pipe|\b(?:429|50[0-4])\b|too many requests|server misbehaving",
    ),
    (NOT_FOUND, r"manifest unknown|name unknown|not found|\b404\b|no such image"),
    (SPACE_RULE, r"maxArchiveSize"),
    (
        FILTER,
        r"default channel|version range|Cannot be mixed with versionRange|multiple channel heads"
        r"|empty channel",
    ),
    (EMPTY, r"no images to copy|no related images found|no release images found"),
    (
        CONFIGURATION,
        r"invalid configuration|unknown field|could not parse config|failed to unmarshal config|decode ",
    ),
)
CAUSES = (*(cause for cause, _pattern in _PATTERNS), OTHER)
_COMPILED = tuple((cause, re.compile(pattern, re.IGNORECASE)) for cause, pattern in _PATTERNS)


def advice(error: str) -> Cause:
    """Return the class of an error text."""
    for cause, pattern in _COMPILED:
        if pattern.search(error):
            return cause
    return OTHER


def error(text: str, cause: Cause, failed: Mapping[str, Cause] | None = None) -> MirrorError:
    """Make the error of a run that failed for one cause, or with these causes by image."""
    causes = [reason for reason in (failed or {}).values() if reason is not SKIPPED] or [cause]
    return MirrorError(
        text,
        cause.hint,
        cause=cause.name,
        passing=all(reason.passing for reason in causes),
        failed={image: reason.name for image, reason in (failed or {}).items()},
    )


def named(name: str) -> Cause:
    """Return the class of that name; a name that only a later version knows is `other`."""
    return next((cause for cause in CAUSES if cause.name == name), OTHER)


def commonest(causes: Iterable[Cause]) -> Cause:
    """Return the cause to advise on when images failed for several: the commonest, without consequences."""
    counted = Counter(cause for cause in causes if cause is not SKIPPED)
    return counted.most_common(1)[0][0] if counted else OTHER
