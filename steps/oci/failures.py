"""What can go wrong with a registry, each kind with its class, and the words for it.

UnreachableError and BusyError may pass by themselves: the same question can be answered a moment later.
"""

from __future__ import annotations

import re
from typing import Final

from steps.bounded import json_of
from steps.errors import RegistryError

_CODES: Final = frozenset(
    {
        "UNSUPPORTED",
        "UNAUTHORIZED",
        "DENIED",
        "UNAVAILABLE",
        "TOOMANYREQUESTS",
        "DIGEST_INVALID",
        "SIZE_INVALID",
        "NAME_INVALID",
        "TAG_INVALID",
        "NAME_UNKNOWN",
        "MANIFEST_UNKNOWN",
        "MANIFEST_INVALID",
        "MANIFEST_UNVERIFIED",
        "MANIFEST_BLOB_UNKNOWN",
        "BLOB_UNKNOWN",
        "BLOB_UPLOAD_UNKNOWN",
        "BLOB_UPLOAD_INVALID",
        "PAGINATION_NUMBER_INVALID",
        "RANGE_INVALID",
    }
)
"""Codes of errors (distribution/distribution, registry/api/errcode and v2); another counts as UNKNOWN."""
_LONGEST_WORDS: Final = 80
_SYSTEM: Final = re.compile(r"\[Errno -?\d+\] ([^'\")]+)")
"""What the operating system said, at the bottom of a chain of errors."""


class UnreachableError(RegistryError):
    """The registry, or the proxy before it, does not answer, or not in time."""


class DamagedError(UnreachableError):
    """What arrives is not what its digest names: on the way, or, if it stays so, where it is stored."""


class RefusedError(RegistryError):
    """The registry answers and does not let us in."""


class AbsentError(RegistryError):
    """The registry does not have the image."""


class PartAbsentError(AbsentError):
    """The registry has the image, and lacks one of its layers or its configuration."""


class UnlistedError(RegistryError):
    """The registry does not list the tags of a repository; it may have some."""


class UnreadableError(RegistryError):
    """The registry has it, but it is not an image that can be read here."""


class BusyError(RegistryError):
    """The registry asks to come back later; `seconds` says when, 0 where it does not say."""

    seconds: float = 0.0


def explain_status(status: int, what: str, host: str, *, has_login: bool) -> RegistryError:
    """Make the error for an HTTP status other than success."""
    if status in {401, 403}:
        login = "refuses the login of the pull secret" if has_login else "asks for a login"
        return RefusedError(
            f"{host} {login} for {what} (HTTP {status})",
            f"check that the pull secret has a valid entry for {host}",
        )
    if status == 404:
        return AbsentError(f"there is no {what}", "check its name and its tag or digest")
    if status == 429:
        return BusyError(f"{host} answers that there are too many requests, for {what}", "try later")
    if status >= 500:
        return UnreachableError(f"{host} answers HTTP {status} for {what}", "try later")
    return RegistryError(f"{host} answers HTTP {status} for {what}", "look at the registry's log")


def misunderstood(content: bytes) -> str:
    """Say what a 404 for a manifest says, where containers/image does not take it for "manifest unknown".

    Empty where it does: for that code, for an unknown code with the words "not found", and for a body without
    a code (docker/docker_client.go, isManifestUnknownError).
    """
    try:
        first = json_of(content)["errors"][0]
        code, message = str(first["code"]).upper(), str(first.get("message") or "")
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""
    if code == "MANIFEST_UNKNOWN" or (code not in _CODES and "not found" in message.lower()):
        return ""
    return (code if code in _CODES else message or code).lower().replace("_", " ")[:_LONGEST_WORDS]


def no_upload(status: int, host: str, name: str) -> RegistryError | None:
    """Make the error for an upload that is refused whatever the login; None for another status."""
    if status == 405:
        return RegistryError(
            f"{host} takes no uploads to {name} (HTTP 405): it is read-only",
            "switch it to writing, or name the registry that it is a mirror of",
        )
    if status == 400:
        return RegistryError(
            f"{host} refuses the name {name} (HTTP 400)",
            "if it takes no path of so many parts, set max-nested-paths, or shorten target-registry",
        )
    return None


def unlisted(name: str, why: str) -> UnlistedError:
    """Make the error for a repository whose tags cannot be known."""
    return UnlistedError(
        f"the registry does not list the tags of {name} ({why})",
        "what others have tagged is not known, so nothing is deleted there: delete in the registry itself",
    )


def broken(error: Exception, name: str, host: str = "") -> RegistryError:
    """Make the error for a connection that broke, or never was; a RegistryError stays what it is."""
    if isinstance(error, RegistryError):
        return error
    reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    if found := _SYSTEM.search(str(error)):
        reason = found[1]
    what = f"{host} does not answer for {name}" if host else f"{name} arrives incomplete"
    return UnreachableError(f"{what}: {reason}", "check network and proxy; try again")


def late(name: str) -> UnreachableError:
    """Make the error for a deadline that has passed."""
    return UnreachableError(
        f"{name} took too long", "see that the registry is up and not overloaded; try later"
    )
