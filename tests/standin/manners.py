"""How registries other than docker-registry behave, by name: for `Moody`, before a real one.

Each is what a registry in the field was seen to do. A manner looks at a question and answers it itself
(`Reply`), has headers left out of the real answer (`Without`), or passes it on (None).
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import urlsplit

_MANIFEST = re.compile(r"/v2/(?P<repository>.+)/manifests/(?P<version>[^/?]+)$")
_REFERRERS = re.compile(r"/v2/(.+)/referrers/(sha256:[0-9a-f]{64})")
_FALL_BACK = re.compile(r"sha256-[0-9a-f]{64}")
_BLOB = re.compile(r"/v2/.+/blobs/sha256:[0-9a-f]{64}$")
_UPLOAD = re.compile(r"/v2/(?P<repository>.+)/blobs/uploads/")


@dataclass(frozen=True)
class Question:
    """A request: what it asks, and with which headers (lower case)."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Reply:
    """An answer of the manner itself."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Without:
    """The real answer without these headers (lower case)."""

    headers: frozenset[str]


Manner = Callable[[Question], Reply | Without | None]


def refusal(status: int, code: str, message: str = "", headers: Mapping[str, str] | None = None) -> Reply:
    """Make an error as the distribution specification has them."""
    body = json.dumps({"errors": [{"code": code, "message": message or code.lower()}]}).encode()
    return Reply(status, {"Content-Type": "application/json", **(headers or {})}, body)


def refuses_head(status: int) -> Manner:
    """HEAD of a manifest is refused, GET works (Nexus, proxies before registries)."""

    def manner(question: Question) -> Reply | None:
        if question.method == "HEAD" and _MANIFEST.match(question.path):
            return Reply(status)
        return None

    return manner


def says_little(question: Question) -> Without | None:
    """HEAD of a manifest tells neither digest nor kind."""
    if question.method == "HEAD" and _MANIFEST.match(question.path):
        return Without(frozenset({"docker-content-digest", "content-type"}))
    return None


def tells_no_sizes(question: Question) -> Reply | None:
    """HEAD of a blob tells a length of 0."""
    return Reply(200) if question.method == "HEAD" and _BLOB.match(question.path) else None


def is_busy(every: int = 5, *, by_date: bool = False) -> Manner:
    """Every so many questions HTTP 429, with the time in seconds or as a date.

    Questions with a body are let through: containers/image waits and asks again only without one.
    """
    count = itertools.count(1)

    def manner(question: Question) -> Reply | None:
        if question.body or question.method in {"PUT", "PATCH"} or next(count) % every:
            return None
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)
        return refusal(429, "TOOMANYREQUESTS", headers={"Retry-After": date if by_date else "1"})

    return manner


def expires(lasts: int, realm: Callable[[], str], login: str = "me:secret") -> Manner:
    """A token is good for so many questions only; it is given for a login, or for an identity token."""
    left: dict[str, int] = {}
    numbers, lock = itertools.count(1), threading.Lock()

    def manner(question: Question) -> Reply | None:
        with lock:
            if urlsplit(question.path).path == "/token":
                given = question.headers.get("authorization", "").removeprefix("Basic ")
                by_identity = b"grant_type=refresh_token" in question.body
                if not by_identity and base64.b64decode(given).decode() != login:
                    return refusal(401, "UNAUTHORIZED")
                token = f"token-{next(numbers)}"
                left[token] = lasts
                return Reply(200, {}, json.dumps({"access_token": token}).encode())
            token = question.headers.get("authorization", "").removeprefix("Bearer ")
            if left.get(token, 0) > 0:
                left[token] -= 1
                return None
        challenge = f'Bearer realm="{realm()}",service="manners"'
        return refusal(401, "UNAUTHORIZED", headers={"WWW-Authenticate": challenge})

    return manner


def has_no_signatures(question: Question) -> Reply | None:
    """No manifest under a tag of signatures, and the name unknown (registry.connect.redhat.com)."""
    found = _MANIFEST.match(question.path)
    if found and found["version"].endswith((".sig", ".att")) and question.method in {"GET", "HEAD"}:
        return refusal(404, "NAME_UNKNOWN", "name unknown")
    return None


def has_immutable_tags(exists: Callable[[str, str], bool]) -> Manner:
    """A tag is written once (Harbor, ECR, Quay); `exists` says of a repository whether it has a tag."""

    def manner(question: Question) -> Reply | None:
        found = _MANIFEST.match(question.path)
        if question.method != "PUT" or not found or found["version"].startswith("sha256:"):
            return None
        if not exists(found["repository"], found["version"]):
            return None
        text = f"The image tag '{found['version']}' already exists and cannot be overwritten"
        return refusal(409, "TAG_INVALID", text)

    return manner


def is_shallow(depth: int) -> Manner:
    """A repository has so many parts at most (Docker Hub, some of Artifactory)."""

    def manner(question: Question) -> Reply | None:
        found = _UPLOAD.match(question.path) or _MANIFEST.match(question.path)
        if found and found["repository"].count("/") >= depth and question.method in {"POST", "PUT"}:
            return refusal(400, "NAME_INVALID", "invalid repository name")
        return None

    return manner


def redirects(elsewhere: Callable[[], str]) -> Manner:
    """Blobs and manifests are read from another host (storage of a cloud), which refuses a login."""

    def manner(question: Question) -> Reply | None:
        if question.method == "GET" and (_BLOB.match(question.path) or _MANIFEST.match(question.path)):
            return Reply(307, {"Location": f"{elsewhere()}{question.path}"})
        return None

    return manner


def takes_no_login(question: Question) -> Reply | None:
    """What a redirect leads to: a signed URL, and an error for an Authorization beside it (S3)."""
    return refusal(400, "InvalidArgument") if "authorization" in question.headers else None


def takes_chunks_only(question: Question) -> Reply | None:
    """An upload in one POST or PUT is refused, chunks by PATCH are taken."""
    if question.method in {"POST", "PUT"} and _UPLOAD.match(question.path) and question.body:
        return refusal(405, "UNSUPPORTED", "the operation is unsupported")
    return None


def deletes_nothing(question: Question) -> Reply | None:
    """DELETE is not supported."""
    return refusal(405, "UNSUPPORTED") if question.method == "DELETE" else None


def lists_no_tags(status: int) -> Manner:
    """tags/list is refused."""

    def manner(question: Question) -> Reply | None:
        if "/tags/list" in question.path:
            return Reply(status, {"WWW-Authenticate": 'Basic realm="none"'} if status == 401 else {})
        return None

    return manner


def is_read_only(question: Question) -> Reply | None:
    """Nothing is written (a mirror, or a registry at work on its garbage)."""
    if question.method in {"POST", "PUT", "PATCH", "DELETE"}:
        return refusal(405, "UNSUPPORTED", "The operation is unsupported.")
    return None


def takes_sparse() -> Manner:
    """An index with manifests that are not there is taken (distribution 3, Quay): it is kept here."""
    kept: dict[tuple[str, str], tuple[str, str, bytes]] = {}

    def manner(question: Question) -> Reply | None:
        found = _MANIFEST.match(question.path)
        if not found:
            return None
        key = (found["repository"], found["version"])
        if question.method == "PUT" and b'"manifests"' in question.body:
            digest = f"sha256:{hashlib.sha256(question.body).hexdigest()}"
            entry = (digest, question.headers["content-type"], question.body)
            kept[key] = kept[found["repository"], digest] = entry
            return Reply(201, {"Docker-Content-Digest": digest})
        if key not in kept:
            return None
        if question.method == "DELETE":
            del kept[key]
            return Reply(202)
        digest, kind, content = kept[key]
        return Reply(200, {"Docker-Content-Digest": digest, "Content-Type": kind}, content)

    return manner


def has_referrers(index_of: Callable[[str, str], bytes | None]) -> Manner:
    """The question for referrers is answered (OCI 1.1), and no tag takes its place.

    `index_of` gives the list for a repository and a digest; None where it is empty.
    """
    kind = "application/vnd.oci.image.index.v1+json"
    empty = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": []}).encode()

    def manner(question: Question) -> Reply | None:
        if found := _REFERRERS.match(question.path):
            return Reply(200, {"Content-Type": kind}, index_of(*found.groups()) or empty)
        if (found := _MANIFEST.match(question.path)) and _FALL_BACK.fullmatch(found["version"]):
            return refusal(404, "MANIFEST_UNKNOWN")
        return None

    return manner
