"""The seam to an EventListener: post an event, signed as GitHub signs its own."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from typing import TYPE_CHECKING, Final

from steps.errors import ClusterError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests

log = logging.getLogger("steps.listener")
# stamina says of each retry only that there is one; ours say why.
logging.getLogger("stamina").setLevel(logging.ERROR)

TIMEOUT: Final = (3.05, 30)  # seconds to connect, and to wait for an answer
ATTEMPTS: Final = 6


def sign(body: bytes, key: bytes) -> str:
    """Make the value of X-Hub-Signature-256 (docs.github.com, "Validating webhook deliveries")."""
    return f"sha256={hmac.new(key, body, hashlib.sha256).hexdigest()}"


def post(url: str, content: Mapping[str, str], *, event: str, key: bytes) -> str:
    """Post an event and return the id that the listener gives it; repeated where the network fails.

    The listener answers before it looks at the signature: accepted does not mean that anything was started.
    Raises NotFoundError if it cannot be reached and ClusterError if it refuses.
    """
    import requests
    import stamina

    body = json.dumps(content, sort_keys=True).encode()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-Hub-Signature-256": sign(body, key),
    }
    try:
        for attempt in stamina.retry_context(on=_passing, attempts=ATTEMPTS, wait_initial=1.0, timeout=120):
            with attempt:
                if attempt.num > 1:
                    log.info("%s does not answer; trying again.", url)
                answer = _send(url, body, headers)
    except _BusyError as error:
        raise ClusterError(
            f"the EventListener at {url} answers HTTP {error}", "look at the log of its pod (el-oc-mirror)"
        ) from error
    except requests.RequestException as error:
        raise NotFoundError(
            f"no EventListener answers at {url} ({type(error).__name__})",
            "'oc apply -f tekton/triggers/', and check that its NetworkPolicy admits this pod",
        ) from error
    if answer.status_code != requests.codes.accepted:
        raise ClusterError(
            f"{url} answers HTTP {answer.status_code} instead of 202",
            "check that it is an EventListener's URL",
        )
    try:
        return str(answer.json()["eventID"])
    except (ValueError, KeyError, TypeError) as error:
        raise ClusterError(f"what answers at {url} is no EventListener", "check the URL") from error


def _send(url: str, body: bytes, headers: Mapping[str, str]) -> requests.Response:
    import requests

    answer = requests.post(url, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False)
    if answer.status_code >= requests.codes.server_error:
        raise _BusyError(answer.status_code)
    return answer


class _BusyError(Exception):
    """An HTTP status of 500 or more."""


def _passing(error: Exception) -> bool:
    import requests

    return isinstance(error, _BusyError | requests.ConnectionError | requests.Timeout)
