"""Documents of servers beside registries: the release graph, charts' indexes. Read once, within bounds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import requests

from steps.errors import RegistryError
from steps.oci.failures import broken, late
from steps.oci.options import trust
from steps.oci.transport import CONNECT, Stream, TrustingAdapter

if TYPE_CHECKING:
    from steps.oci.options import ConnectionOptions

LARGEST: Final = 64 * 1024 * 1024
SILENCE: Final = 10.0
"""Seconds to wait for bytes; less where the deadline is nearer."""


def fetch(url: str, options: ConnectionOptions) -> bytes:
    """Read a document within the deadline of `options`; `tls_verify` does not count, this is no registry.

    Raises RegistryError.
    """
    with _answer("GET", url, options) as answer:
        return Stream(answer.raw, options.deadline, LARGEST, url).read()


def entity_tag(url: str, options: ConnectionOptions) -> str:
    """Ask for what tells a document from an earlier one (RFC 9110, ETag); empty if the server has none.

    Raises RegistryError.
    """
    with _answer("HEAD", url, options) as answer:
        return str(answer.headers.get("ETag", ""))


def _answer(method: str, url: str, options: ConnectionOptions) -> requests.Response:
    left = options.deadline - time.monotonic()
    if left <= 0:
        raise late(url)
    session = requests.Session()
    session.mount("https://", TrustingAdapter(trust(options.ca_file)))
    headers = {"Accept": "application/json, */*;q=0.5", "Accept-Encoding": "identity"}
    timeout = (min(CONNECT, left), min(SILENCE, left))
    try:
        answer = session.request(
            method, url, headers=headers, stream=True, timeout=timeout, allow_redirects=True
        )
    except (requests.RequestException, ValueError) as error:
        raise broken(error, url) from error
    if not answer.ok:
        answer.close()
        raise RegistryError(f"{url} answers HTTP {answer.status_code}", "try later")
    return answer
