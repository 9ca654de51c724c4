"""How long to wait for an API server that restarts: about 45 s, then give up with a clear error.

Every request of ours may be sent twice without harm: reads, applies and deletes are idempotent, and a
create whose answer was lost meets its own object. So all methods are retried, on broken connections as
well as on the statuses of an overloaded or half-started server. An internal error (HTTP 500) is among these:
`leader changed`, `request timed out`, a webhook that does not answer. Only one that blames the object itself
stays: so a server-side apply answers to a field that it does not know.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from urllib3.exceptions import MaxRetryError, SSLError
from urllib3.util.retry import Retry

if TYPE_CHECKING:
    from urllib3.connectionpool import ConnectionPool
    from urllib3.response import BaseHTTPResponse

log = logging.getLogger("steps.cluster")

# urllib3 warns of each retry with the whole URL; one line of ours at the first is enough.
logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)

_FORBIDDEN = 403
_INTERNAL = 500
_BLAMES_THE_OBJECT = re.compile(rb"typed patch|not declared in schema|unknown field|cannot unmarshal")
_BY_POLICY = b"ValidatingAdmissionPolicy"


@dataclass(slots=True)
class RefusalDoubt:
    """How often a client asks again after a refusal (HTTP 403), which a server that has just started gives to
    everybody until it knows the Roles.

    All requests of a client share one: when a refusal has outlasted the attempts, later ones are believed at
    once. The default takes seven seconds: attempts after 0, 1, 2 and 4.
    """

    attempts: int = 4


class PatientRetry(Retry):
    """Retries after 0, 1, 2, 4, 5, 5 … seconds, 12 times.

    Half as often where the server took the request and then said nothing, which takes longer to notice, and
    never after a wrong certificate, which stays so.
    """

    def __init__(self, *, doubt: RefusalDoubt, **options: Any) -> None:
        """Set our defaults; `new` passes all options when urllib3 makes the next one."""
        ours: dict[str, Any] = {
            "total": 12,
            "read": 6,
            "redirect": 0,
            "allowed_methods": None,
            "status_forcelist": (429, _INTERNAL, 502, 503, 504),
            "raise_on_status": False,
            "backoff_factor": 0.5,
            "backoff_max": 5,
        }
        super().__init__(**{**ours, **options})
        self.doubt = doubt

    def new(self, **changes: Any) -> PatientRetry:
        """Make the next one of the same request, as urllib3 does after each attempt."""
        return super().new(doubt=self.doubt, **changes)

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        """Say whether to ask again after a status: as urllib3 does, and after a refusal that is doubted."""
        if status_code != _FORBIDDEN:
            return super().is_retry(method, status_code, has_retry_after)
        refusals_before = sum(attempt.status == _FORBIDDEN for attempt in self.history)
        if refusals_before < self.doubt.attempts:
            return True
        self.doubt.attempts = 0
        return False

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: Any = None,
    ) -> PatientRetry:
        """Count an attempt, and log the first failure, which explains the pause after it."""
        if isinstance(error, SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise MaxRetryError(_pool, url or "", error)  # type: ignore[arg-type] # the pool is only kept
        if response is not None and _is_final(response):
            raise MaxRetryError(_pool, url or "")  # type: ignore[arg-type] # urllib3 gives the answer back
        if not self.history:
            cause = f"HTTP {response.status}" if response else type(error).__name__
            log.warning("the API server does not answer as it should (%s); trying again", cause)
        return super().increment(method, url, response, error, _pool, _stacktrace)


def _is_final(response: BaseHTTPResponse) -> bool:
    """Return whether a server that knows what it says blames the object: the same again gets the same."""
    if response.status == _FORBIDDEN:
        return _BY_POLICY in response.data
    return response.status == _INTERNAL and bool(_BLAMES_THE_OBJECT.search(response.data))
