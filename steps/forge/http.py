"""How a forge is asked: within limits of time and bytes, and nobody else is shown the token.

The token stands in a header and nowhere else: in no URL, log line or error. No redirect is followed: it could
lead the token to another host, and a repository that has moved is to be named by its new URL.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from steps.bounded import NotJsonError, json_of
from steps.errors import GitError, InvalidInputError
from steps.git_access import TransientGitError
from steps.log_lines import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import requests

    from steps.forge.kinds import Forge

TIMEOUT: Final = (3.05, 30.0)
"""Seconds to connect, and to wait for bytes."""
DEADLINE: Final = 60.0
"""Seconds for a whole answer, however slowly it comes."""
LARGEST: Final = 8 << 20
"""Bytes of an answer: 50 requests with the longest texts."""
_SHOWN: Final = 300
WRONG_PLACE: Final = (
    "check values-git-url and publish-forge; the key api-url of the Secret names another address"
)


@dataclass(frozen=True, slots=True)
class Access:
    """The token, and the CA bundle where the system's does not count."""

    token: str
    ca_bundle: Path | None = None

    def __post_init__(self) -> None:
        """Refuse a token that no header can hold; it is not shown."""
        if not re.fullmatch(r"[\x21-\x7e]{1,4096}", self.token):
            raise InvalidInputError(
                "the token in the Secret that git-write-secret names is empty, has several lines, or has"
                " characters that no token has",
                "put it into the key token, or password, of the Secret",
            )

    def __repr__(self) -> str:
        """Keep the token out of whatever prints this."""
        return "Access(…)"


class Refusal(Exception):  # noqa: N818 - an answer, which the caller may understand
    """An answer that is no success: its status, and what the forge says."""

    def __init__(self, status: int, said: str) -> None:
        """Keep both."""
        super().__init__(status, said)
        self.status, self.said = status, said


class Client:
    """Asks one forge."""

    def __init__(self, forge: Forge, access: Access) -> None:
        """Connect to nothing yet."""
        import requests

        self._forge, self._access = forge, access
        self._session = requests.Session()
        if (bundle := access.ca_bundle) and bundle.is_file() and bundle.stat().st_size:
            self._session.verify = str(bundle)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def ask(
        self, method: str, path: str, query: dict[str, str] | None = None, body: dict[str, str] | None = None
    ) -> Any:
        """Send a request and return what the forge answers.

        Raises Refusal where the forge does not do what it is asked and the caller may know why, GitError in
        words for a login that is refused, for too many requests, and for what is no answer of a forge,
        TransientGitError where nobody answers.
        """
        import requests
        from urllib3.exceptions import HTTPError

        try:
            with self._session.request(
                method,
                f"{self._forge.api}/{path}",
                params=query,
                json=body,
                headers=self._forge.headers,
                auth=self._authorize,
                timeout=TIMEOUT,
                allow_redirects=False,
                stream=True,
            ) as answer:
                return self._understood(answer, _content(answer))
        except requests.exceptions.SSLError:
            raise GitError(
                f"the certificate of {self._host} is not trusted",
                "put its CA into the ConfigMap that trusted-ca-configmap names (key ca-bundle.crt)",
            ) from None
        except (requests.RequestException, HTTPError, OSError) as error:
            raise TransientGitError(
                f"{self._host} does not answer ({type(error).__name__})",
                "check HTTPS_PROXY and NO_PROXY if the way out is a proxy, and run publish-to-git again: the"
                " branch is pushed",
            ) from None
        except ValueError:  # such as a Location that is no address
            raise GitError(
                f"what answers at {self._forge.api} is no {self._forge.kind}: it does not keep to HTTP",
                WRONG_PLACE,
            ) from None

    def _masked(self, text: str) -> str:
        """Take the token out of what a forge says: it was shown it."""
        return text.replace(self._access.token, "…")

    @property
    def _host(self) -> str:
        return urlsplit(self._forge.api).netloc

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        # As `auth`, so that no ~/.netrc takes its place.
        request.headers["Authorization"] = f"Bearer {self._access.token}"
        return request

    def _understood(self, answer: requests.Response, content: bytes) -> Any:
        status = answer.status_code
        if answer.is_redirect or 300 <= status < 400:
            to = urlsplit(answer.headers.get("Location", ""))
            raise GitError(
                f"{self._host} leads from {self._forge.repository} to another place:"
                f" {self._masked(f'{to.netloc or self._host}{to.path[:200]}')}",
                "give the URL that the repository has now as values-git-url; nothing is sent to another host",
            )
        try:
            found = json_of(content, limit=LARGEST, what="it") if content.strip() else None
        except NotJsonError as error:
            if 200 <= status < 300:
                raise GitError(
                    f"what answers at {self._forge.api} is no {self._forge.kind}: {error}",
                    WRONG_PLACE,
                ) from None
            found = None
        if 200 <= status < 300:
            return found
        said = self._masked(_said(found))
        self._check_limits(answer, said)
        if status in {401, 403}:
            raise GitError(
                f"{self._host} refuses the token for {self._forge.repository}: HTTP {status} {said}".rstrip(),
                f"put into the Secret that git-write-secret names {self._forge.rights}",
            )
        if status == 404:
            raise GitError(
                f"{self._host} has no repository {self._forge.repository}, does not show it to this token, or"
                " takes no requests for it",
                f"check values-git-url and publish-forge; what is needed is {self._forge.rights}",
            )
        if status >= 500:
            raise TransientGitError(
                f"{self._host} has a fault of its own: HTTP {status} {said}".rstrip(),
                "run publish-to-git again later: the branch is pushed",
            )
        raise Refusal(status, said)

    def _check_limits(self, answer: requests.Response, said: str) -> None:
        """Raise GitError for too many requests, with the time from which on the forge answers again."""
        headers = answer.headers
        exhausted = "0" in {headers.get("X-RateLimit-Remaining"), headers.get("RateLimit-Remaining")}
        # GitHub's secondary limits are told in words alone.
        limited = answer.status_code == 403 and (
            exhausted or "Retry-After" in headers or "rate limit" in said
        )
        if answer.status_code != 429 and not limited:
            return
        again = ""
        if (after := headers.get("Retry-After", "")).isdecimal():
            again = f" for {min(int(after), 86400)} s"
        elif (reset := headers.get("X-RateLimit-Reset") or headers.get("RateLimit-Reset") or "").isdecimal():
            again = f" until {datetime.fromtimestamp(min(int(reset), 2**33), UTC):%Y-%m-%dT%H:%M:%SZ}"
        raise GitError(
            f"{self._host} takes no more requests of this token{again}",
            "run publish-to-git again later: the branch is pushed, and only the request is missing",
        )


def _content(answer: requests.Response) -> bytes:
    """Read an answer within the limits of bytes and time. Raises OSError beyond them."""
    deadline, content = time.monotonic() + DEADLINE, b""
    # read1 returns what has come: a deadline that is looked at once a block has no effect on single bytes.
    while part := answer.raw.read1(64 << 10, decode_content=True):
        content += part
        if len(content) > LARGEST:
            raise OSError("the answer is too large")
        if time.monotonic() > deadline:
            raise TimeoutError("the answer is too slow")
    return content


def _said(found: Any) -> str:
    """Return what a forge says of a failure, on one line.

    GitHub and Gitea say `message`, and `errors`; GitLab says `error` and `error_description`, or `message`,
    which may be a list, or a map of fields.
    """
    if not isinstance(found, dict):
        return ""
    keys = ("message" if found.get("message") else "error", "error_description", "errors")
    words = " ".join(part for key in keys for part in _texts(found.get(key)) if part)
    return printable(words, " ")[:_SHOWN].strip()


def _texts(part: Any) -> Iterator[str]:
    """Give the texts in a part of an answer: itself, those of a list, `message` or all fields of a map."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, list):
        for one in part:
            yield from _texts(one)
    elif isinstance(part, dict) and isinstance(part.get("message"), str):
        yield part["message"]
    elif isinstance(part, dict):
        for key, one in part.items():
            yield from (f"{key} {text}" for text in _texts(one))
