"""Why an image or a run failed: the classes of error texts, and what a person can do about each.

The texts are those of containers/image, Go's net and crypto packages, oc-mirror itself, and registries:
distribution, Quay, Harbor, Nexus, Artifactory, ECR. containers/image writes an error of a registry as its
code in small letters (`name unknown`), with the registry's message where that is not the code's own, or as
`StatusCode: 405, "…"` where there is no code (docker/errors.go). The first class whose pattern is found
counts, so the order goes from the particular to the general.
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
    "check that the pull secret holds a valid login for that registry, with rights to pull or push; some"
    " registries answer the same to a path that is too deep for them (max-nested-paths)",
)
SIGNATURES = Cause(
    "signatures",
    "only the signatures of the image failed: set signatures to auto or none, or name the place where the"
    " source keeps them in registries-config; there is no need to block the image",
)
TARGET_SIGNATURES = Cause(
    "signatures refused",
    "the target takes no tag such as sha256-HEX.sig: allow it there, or set signatures to auto or none",
)
NESTING = Cause(
    "path too deep",
    "set max-nested-paths to the number of path components that the target allows, such as 2",
)
IMMUTABLE = Cause(
    "immutable tag",
    "the target lets no tag be written twice: exempt this path from that rule, or mirror to another path",
)
READ_ONLY_TARGET = Cause(
    "read-only registry",
    "end the target's read-only mode, or name another registry or repository in target-registry: a proxy"
    " cache or a group of repositories cannot be written to",
)
NO_REPOSITORY = Cause(
    "no repository",
    "create that repository, project or organisation in the target, or let it create them on push",
)
QUOTA = Cause(
    "quota", "raise the quota of that project or organisation in the target, or delete what is not needed"
)
TOO_LARGE = Cause(
    "layer too large",
    "let the target, or the proxy before it, accept larger requests (nginx: client_max_body_size)",
)
INCOMPLETE = Cause(
    "incomplete source",
    "the source lists an architecture, an attestation or a layer that it does not serve: name the platforms"
    " that you need (oc-mirror 2.x), take another version, or ask its maker",
)
NO_TAG = Cause(
    "no such tag",
    "correct the tag in the ImageSet; `skopeo list-tags docker://REPOSITORY` lists those that there are",
)
NOT_FOUND = Cause(
    "not found",
    "check the name and version in the ImageSet, and that the target has a place for it; put an"
    " image that its maker has withdrawn into blockedImages",
)
MISSING_BASE = Cause(
    "predecessor missing",
    "the archive continues an earlier one that this side has not imported: bring the earlier generations too",
)
DAMAGED = Cause(
    "damaged blob",
    "run again; if it fails again, check the volume of the cache and the memory of the machine, and whether"
    " the registry that the image comes from serves it whole",
)
TIMEOUT = Cause("timeout", "run again, with a longer image-timeout if large images failed", passing=True)
DISK_FULL = Cause(
    "disk full", "enlarge the volume of the data directory, or remove old generations, then run again"
)
READ_ONLY = Cause("not writable", "give the data directory a writable volume (and the pod an fsGroup)")
PLAIN_HTTP = Cause(
    "plain HTTP", "that registry speaks no TLS: set source- or destination-tls-verify to false"
)
CERTIFICATE_NAME = Cause(
    "certificate for another name",
    "name the registry as its certificate does, or give it a certificate for this name (subjectAltName);"
    " another CA does not help",
)
CERTIFICATE_EXPIRED = Cause(
    "certificate expired",
    "renew that registry's certificate; if it is still valid, correct the clock of this machine",
)
TLS = Cause(
    "TLS", "put the registry's CA into ConfigMap trusted-ca (ca-bundle.crt), or renew its certificate"
)
NETWORK = Cause(
    "network", "check that the registry is up and reachable from the pod, then run again", passing=True
)
PORT = Cause("port in use", "another program took the port of oc-mirror's cache: run again", passing=True)
SKIPPED = Cause("skipped", "one of the bundle's images failed: see the other images")
SPACE_RULE = Cause("archive size", "raise archiveSize in the ImageSet, or leave strict-archive out")
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
DEADLINE = Cause(
    "deadline",
    "see whether the registry, the network or the volume that it waited for hangs, then run again: what was"
    " fetched is kept; if it was slow and not stuck, set run-deadline to a longer time, such as 48h",
)
NOT_KEPT = Cause(
    "not in the target",
    "look for them in the registry's log, check that its garbage collection did not remove them, then run"
    " again",
)
OTHER = Cause("other", "see oc-mirror's messages in the log above")

_ABSENT = r"(?:manifest|name|blob) unknown|not found|\b404\b"
_WRITING = r"(?:initiating layer upload|uploading (?:manifest|layer)|writing (?:blob|manifest)).*?"
SPARSE = Cause(
    "sparse index",
    "the target refuses an index with platforms that are not there: remove 'platforms' from the ImageSet, or"
    " use a registry that takes them",
)
_PATTERNS = (
    (SPARSE, r"Manifest list was edited, but we cannot modify it"),
    (SKIPPED, r"skipping operator bundle"),
    (DISK_FULL, r"no space left on device|disk quota exceeded"),
    (
        TARGET_SIGNATURES,
        rf"(?:writing|copying|uploading) signatures?\b.*?(?:{_ABSENT}|unauthorized|denied|invalid|unsupported"
        r"|immutab|\b4(?:0[0-9]|1[0-9]|22)\b|is disabled)|cannot copy signatures",
    ),
    (
        SIGNATURES,
        rf"(?:reading|getting|fetching) signatures?\b.*?(?:{_ABSENT}|unauthorized"
        r"|denied|invalid|unsupported|\b40[0-9]\b)"
        r"|signatures? .*(?:not supported|unsupported)|MIME type for sigstore attachment",
    ),
    (READ_ONLY, r"read-only file system|^(?!.*(?:unauthorized|denied: )).*permission denied"),
    (PORT, r"is already bound and cannot be used|address already in use"),
    (PLAIN_HTTP, r"server gave HTTP response to HTTPS client"),
    (
        CERTIFICATE_NAME,
        r"certificate is (?:not )?valid for|is not valid for any names|cannot validate certificate for"
        r"|legacy Common Name|(?:hostname|IP address) mismatch",
    ),
    (CERTIFICATE_EXPIRED, r"certificate has expired|not yet valid"),
    (TLS, r"x509:|tls: |certificate"),
    (
        DAMAGED,
        r"Digest did not match, expected|Manifest does not match provided manifest digest"
        r"|config\.json digest \S+ does not match expected|error verifying sha256 checksum"
        # What its cache, a registry, says of a manifest that is none.
        r"|reading manifest \S+ in localhost:\d+/\S+: received unexpected HTTP status: 500",
    ),
    (MISSING_BASE, r"blob unknown to registry|\bin localhost:\d+/\S*: manifest unknown"),
    (INCOMPLETE, rf"copying image \d+/\d+ from manifest list: .*?(?:{_ABSENT})|fetching blob: blob unknown"),
    (
        IMMUTABLE,
        r"immutab|cannot be overwritten|tag\b.{0,200}\balready exists|does not allow (?:updating|redeploy)"
        r"|not allowed to redeploy|delete/overwrite artifact",
    ),
    (
        READ_ONLY_TARGET,
        r"\b405\b|read.?only mode|currently read.?only|registry is read.?only"
        rf"|{_WRITING}: unsupported\b|operation is unsupported",
    ),
    (
        NESTING,
        r"name invalid|invalid repository name|repository name must not|too many (?:path|nested|levels)",
    ),
    (QUOTA, r"exceeds? the (?:configured )?(?:upper )?limit|quota.{0,40}exceed|exceed.{0,40}quota|\b507\b"),
    (TOO_LARGE, r"\b413\b|entity too large"),
    (NO_REPOSITORY, rf"{_WRITING}(?:name unknown|does not exist)|project \S+ not found"),
    (
        AUTHENTICATION,
        r"unauthorized|authentication required|failed to authenticate: (?!.*(?:dial tcp|timeout))"
        r"|denied|\b40[13]\b|invalid username",
    ),
    (TIMEOUT, r"deadline exceeded|i/o timeout|handshake timeout|timed out"),
    (
        NETWORK,
        r"connection refused|connection reset|no such host|no route to host|network is unreachable|\bEOF\b"
        r"|broken pipe|\b(?:429|50[0-4])\b|too ?many ?requests|server misbehaving",
    ),
    (
        NO_TAG,
        r"reading manifest (?!sha256[:-])[\w.-]+ in \S+: (?:manifest unknown|not found|StatusCode: 404)",
    ),
    (NOT_FOUND, rf"{_ABSENT}|no such image"),
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
CAUSES = (*(cause for cause, _pattern in _PATTERNS), CRASH, KILLED, ENDED, DEADLINE, NOT_KEPT, OTHER)
"""Every class that a record may name."""
_COMPILED = tuple((cause, re.compile(pattern, re.IGNORECASE)) for cause, pattern in _PATTERNS)


def advice(error: str, *, from_archives: bool = True) -> Cause:
    """Return the class of an error text.

    Without `from_archives` images came from registries, and a blob that is unknown is one that these lack.
    """
    for cause, pattern in _COMPILED:
        if pattern.search(error):
            return INCOMPLETE if cause is MISSING_BASE and not from_archives else cause
    return OTHER


def error(
    text: str,
    cause: Cause,
    failed: Mapping[str, Cause] | None = None,
    wanted_by: Mapping[str, str] | None = None,
    blobs: Iterable[str] = (),
) -> MirrorError:
    """Make the error of a run that failed for one cause, or with these causes by image.

    `wanted_by` says which operators and bundles need a failed image, where oc-mirror said it; `blobs` are
    those that it named as damaged or missing.
    """
    causes = [reason for reason in (failed or {}).values() if reason is not SKIPPED] or [cause]
    return MirrorError(
        text,
        cause.hint,
        cause=cause.name,
        passing=all(reason.passing for reason in causes),
        failed={image: reason.name for image, reason in (failed or {}).items()},
        wanted_by=wanted_by,
        blobs=frozenset(blobs),
    )


def named(name: str) -> Cause:
    """Return the class of that name; a name that only a later version knows is `other`."""
    return next((cause for cause in CAUSES if cause.name == name), OTHER)


def commonest(causes: Iterable[Cause]) -> Cause:
    """Return the cause to advise on when images failed for several: the commonest, without consequences."""
    counted = Counter(cause for cause in causes if cause is not SKIPPED)
    return counted.most_common(1)[0][0] if counted else OTHER
