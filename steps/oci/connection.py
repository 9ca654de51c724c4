"""A connection to one repository of a registry: trust, logins, retries; what is asked over it is `client`'s.

Everything is bounded: a few seconds to see that a registry answers at all, half a minute for a silent one,
three attempts for what fails for want of a network, a deadline for all of it.
"""

from __future__ import annotations

import base64
import logging
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

import requests
import stamina
import urllib3
from requests.utils import parse_dict_header

from steps.errors import RegistryError
from steps.oci.access import BusyError, Logins, UnreachableError, explain_status, is_local
from steps.oci.arrival import Stream, TrustingAdapter, broken, late
from steps.oci.images import parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

log = logging.getLogger("steps.oci")
# stamina says of each retry only that there is one; ours say why.
logging.getLogger("stamina").setLevel(logging.ERROR)

Result = TypeVar("Result")

TIMEOUT: Final = (3.05, 30)  # seconds to connect, and to wait for bytes
ATTEMPTS: Final = 3
LONGEST_PAUSE: Final = 20  # seconds, whatever the registry asks for
LARGEST_TOKEN: Final = 1024 * 1024


class Connection:
    """To one repository; for use in one thread."""

    def __init__(
        self,
        name: str,
        *,
        logins: Logins,
        ca_bundle: Path | None,
        deadline: float,
        verify: bool | None = None,
    ) -> None:
        """`name` is HOST[:PORT]/REPOSITORY, `deadline` a time of `time.monotonic`.

        `verify` as containers/image has it: true asks for a certificate that the machine or `ca_bundle`
        vouches for, false takes any, or plain HTTP where there is no TLS. Without it, this machine is spoken
        to by plain HTTP, and any other as with true.
        """
        self._host, _, self._repository = name.partition("/")
        self._login = logins.of(self._host, self._repository)
        self._deadline = deadline
        self._authorization = ""
        self._verify = verify
        scheme = "http" if verify is None and is_local(self._host) else "https"
        self._base = f"{scheme}://{self._host}/v2/{self._repository}"
        self._session = requests.Session()
        self._session.auth = _no_netrc  # the pull secret alone counts, not ~/.netrc
        bundle = ca_bundle if ca_bundle and ca_bundle.is_file() and ca_bundle.stat().st_size else None
        if bundle or verify is not None:
            self._session.mount("https://", TrustingAdapter(bundle, verify=verify is not False))
        if verify is False:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        if verify is not None:
            self._session.trust_env = not is_local(self._host)  # as Go: no proxy to this machine

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _retrying(self, attempt: Callable[[], Result]) -> Result:
        failure: RegistryError | None = None
        for trial in stamina.retry_context(on=_pause, attempts=ATTEMPTS, wait_initial=0.5, timeout=None):
            with trial:
                if failure:
                    log.info("%s; trying again", failure.reason)
                try:
                    return attempt()
                except RegistryError as error:
                    failure = error
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _get(self, path: str, name: str, accept: str = "*/*", method: str = "GET") -> requests.Response:
        """Ask for something; raises for any answer but success."""
        answer = self._ask(method, path, name, accept)
        if not answer.ok:
            answer.close()
            raise self._failure(answer, name)
        return answer

    def _ask(self, method: str, path: str, name: str, accept: str = "*/*") -> requests.Response:
        """Send a request and return its answer, whatever its status; logs in where the registry asks."""
        try:
            answer = self._send(f"{self._base}/{path}", name, accept, method)
        except requests.exceptions.SSLError:  # of `verify=False`: there is no TLS at all
            self._base = self._base.replace("https://", "http://", 1)
            answer = self._send(f"{self._base}/{path}", name, accept, method)
        if answer.status_code == requests.codes.unauthorized:
            answer.close()
            if authorization := self._answer(answer.headers.get("WWW-Authenticate", ""), name):
                self._authorization = authorization
                answer = self._send(f"{self._base}/{path}", name, accept, method)
        return answer

    def _send(
        self, url: str, name: str, accept: str, method: str = "GET", **options: Any
    ) -> requests.Response:
        if time.monotonic() > self._deadline:
            raise late(name)
        headers = {"Accept": accept, "Accept-Encoding": "identity", **options.pop("more_headers", {})}
        if self._verify is False:  # said of each: a session's own word yields to REQUESTS_CA_BUNDLE
            options["verify"] = False
        if self._authorization and "auth" not in options:
            headers["Authorization"] = self._authorization
        try:
            return self._session.request(
                method, url, headers=headers, stream=True, timeout=TIMEOUT, allow_redirects=True, **options
            )
        except requests.exceptions.SSLError as error:
            if self._verify is False and url.startswith(f"{self._base}/") and url.startswith("https:"):
                raise
            if "certificate" not in str(error):
                raise RegistryError(
                    f"{self._host} speaks no TLS", "set source- or destination-tls-verify to false"
                ) from error
            raise RegistryError(
                f"the certificate of {self._host} is not trusted",
                "put its CA into the ConfigMap trusted-ca, key ca-bundle.crt",
            ) from error
        except (requests.RequestException, ValueError) as error:
            raise broken(error, name, self._host) from error

    def _answer(self, challenge: str, name: str) -> str:
        """Return what the challenge of a 401 asks for: basic auth, or a token from where it says."""
        scheme, _, text = challenge.partition(" ")
        if scheme.lower() == "basic":
            return _basic(self._login) if self._login else ""
        fields = parse_dict_header(text)  # type: ignore[no-untyped-call]
        realm = str(fields.get("realm") or "")
        if scheme.lower() != "bearer" or (
            urlsplit(realm).scheme == "http" and self._base.startswith("https")
        ):
            return ""  # never a password in the clear
        asked = {key: fields[key] for key in ("service", "scope") if fields.get(key)}
        with self._send(realm, name, "*/*", params=asked, auth=self._login or _no_netrc) as answer:
            if answer.status_code != requests.codes.ok:
                raise self._failure(answer, name)
            token = parse(Stream(answer.raw, self._deadline, LARGEST_TOKEN, name).read())
        found = token.get("token") or token.get("access_token")
        return f"Bearer {found}" if found else ""

    def _failure(self, answer: requests.Response, name: str) -> RegistryError:
        error = explain_status(answer.status_code, name, self._host, has_login=bool(self._login))
        after = answer.headers.get("Retry-After", "")
        if isinstance(error, BusyError) and after.isdecimal() and len(after) < 6:
            error.seconds = float(after)
        return error


def _pause(error: Exception) -> bool | float:
    """Whether to try again, or after how many seconds."""
    if isinstance(error, BusyError) and error.seconds:
        return min(error.seconds, LONGEST_PAUSE)
    return isinstance(error, BusyError | UnreachableError)


def _basic(login: tuple[str, str]) -> str:
    return f"Basic {base64.b64encode(':'.join(login).encode()).decode()}"


def _no_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
