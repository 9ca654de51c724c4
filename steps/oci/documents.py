"""What servers beside registries say: the release graph, charts' indexes. Read whole, within bounds, once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import requests

from steps.errors import RegistryError
from steps.oci.arrival import Stream, TrustingAdapter, broken

if TYPE_CHECKING:
    from pathlib import Path

LARGEST: Final = 64 * 1024 * 1024
TIMEOUT: Final = (3.05, 10)  # seconds to connect, and to wait for bytes


def fetch(url: str, *, ca_bundle: Path | None, deadline: float) -> bytes:
    """Read a document; `deadline` is a time of `time.monotonic`. Raises RegistryError."""
    with _answer("GET", url, ca_bundle, deadline) as answer:
        return Stream(answer.raw, deadline, LARGEST, url).read()


def entity_tag(url: str, *, ca_bundle: Path | None, deadline: float) -> str:
    """What a document's server says to tell it from an earlier one (RFC 9110, ETag); empty for nothing."""
    with _answer("HEAD", url, ca_bundle, deadline) as answer:
        return str(answer.headers.get("ETag", ""))


def _answer(method: str, url: str, ca_bundle: Path | None, deadline: float) -> requests.Response:
    if time.monotonic() > deadline:
        raise RegistryError(f"there was no time left for {url}", "try later")
    session = requests.Session()
    session.mount("https://", TrustingAdapter(ca_bundle))
    headers = {"Accept": "application/json, */*;q=0.5", "Accept-Encoding": "identity"}
    try:
        answer = session.request(
            method, url, headers=headers, stream=True, timeout=TIMEOUT, allow_redirects=True
        )
    except (requests.RequestException, ValueError) as error:
        raise broken(error, url) from error
    if not answer.ok:
        answer.close()
        raise RegistryError(f"{url} answers HTTP {answer.status_code}", "try later")
    return answer
