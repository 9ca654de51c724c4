"""How registries are asked: trust, logins, attempts; what arrives is counted, timed and hashed.

Everything is bounded: a few seconds to see that a registry answers at all, half a minute for a silent one,
three attempts for what fails for want of a network, a deadline for all of it.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit, urlunsplit

import requests
import stamina
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from steps.errors import RegistryError
from steps.oci import manifests
from steps.oci.failures import BusyError, UnreachableError, UnreadableError, broken, explain_status, late
from steps.oci.reference import server_of
from steps.oci.schemes import is_local

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from steps.oci.options import ConnectionOptions
    from steps.oci.reference import Reference

log = logging.getLogger("steps.oci")
# stamina says of each retry only that there is one; ours say why.
logging.getLogger("stamina").setLevel(logging.ERROR)

Result = TypeVar("Result")

CONNECT: Final = 3.05
"""Seconds to connect; less where the deadline is nearer."""
SILENCE: Final = 30.0
"""Seconds to wait for bytes; less where the deadline is nearer."""
ATTEMPTS: Final = 3
LONGEST_PAUSE: Final = 20
"""Seconds between attempts, whatever the registry asks for."""
LARGEST_TOKEN: Final = 1024 * 1024
BLOCK: Final = 1024 * 1024
LONGEST_HEADER: Final = 8192
_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_CHALLENGE: Final = re.compile(rf'({_WORD})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|({_WORD})(?=\s|,|$)')


class Transport:
    """Requests about one repository; for use in one thread."""

    def __init__(self, reference: Reference, options: ConnectionOptions) -> None:
        """Connect to nothing yet. Raises what `logins` and `trust` of the options do."""
        self.registry = reference.registry
        asked = reference.asked_for
        self._server, self._repository = server_of(asked.registry), asked.repository
        self._login = options.logins.of(asked.name)
        self._schemes = options.schemes
        self._deadline = options.deadline
        self._authorization = ""
        self._scheme = "https"
        self._verify = verify = options.tls_verify
        self._session = _Session()
        if options.ca_file or verify is not None:
            self._session.mount("https://", TrustingAdapter(options.trust))
        if verify is False:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._session.trust_env = not is_local(self._server)  # as Go: no proxy to this machine

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def retrying(self, attempt: Callable[[], Result]) -> Result:
        """Call `attempt` until it succeeds, three times at most; raise the error of the last one."""
        failure: RegistryError | None = None
        for trial in stamina.retry_context(on=self._pause, attempts=ATTEMPTS, wait_initial=0.5, timeout=None):
            with trial:
                if failure:
                    log.info("%s; trying again", failure.reason)
                try:
                    return attempt()
                except RegistryError as error:
                    failure = error
                    raise
        raise AssertionError("the last attempt returns or raises")

    def get(self, path: str, name: str, accept: str = "*/*", method: str = "GET") -> requests.Response:
        """Ask about `path` of the repository; raises RegistryError for any answer but success.

        `name` says in messages what is asked for.
        """
        answer = self.ask(method, path, name, accept)
        if not answer.ok:
            answer.close()
            raise self.failure(answer, name)
        return answer

    def ask(
        self, method: str, path: str, name: str, accept: str = "*/*", **options: Any
    ) -> requests.Response:
        """Send a request and return its answer, whatever its status; logs in where the registry asks.

        `path` is one of the repository, or the URL that an upload was given. A login that has expired since
        is made again.
        """
        self._decide_scheme(name)
        url = path if "://" in path else f"{self._base}/{path}"
        answer = self.send(url, name, accept, method, **options)
        if answer.status_code == requests.codes.unauthorized and self._is_ours(url):
            answer.close()
            if authorization := self._answer(answer.headers.get("WWW-Authenticate", ""), name):
                self._authorization = authorization
                answer = self.send(url, name, accept, method, **options)
        return answer

    def put(self, url: str, content: bytes, media_type: str, name: str) -> None:
        """Write to the URL that an upload was given."""
        headers = {"Content-Type": media_type}
        with self.ask("PUT", url, name, data=content, more_headers=headers) as answer:
            if answer.status_code == requests.codes.not_found:
                raise RegistryError(f"{name} forgot an upload that was begun", "try again")
            if not answer.ok:
                raise self.failure(answer, f"writing to {name}")

    def send(
        self, url: str, name: str, accept: str = "*/*", method: str = "GET", **options: Any
    ) -> requests.Response:
        """Send one request. Raises UnreachableError without an answer, RegistryError for a certificate."""
        headers = {"Accept": accept, **options.pop("more_headers", {})}
        if self._authorization and "auth" not in options and self._is_ours(url):
            headers["Authorization"] = self._authorization
        try:
            return self._send(method, url, name, headers, **options)
        except (requests.RequestException, ValueError) as error:
            raise self._explain(error, name) from error

    def _send(
        self, method: str, url: str, name: str, headers: dict[str, str], **options: Any
    ) -> requests.Response:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise late(name)
        if self._verify is False:  # said of each: a session's own word yields to REQUESTS_CA_BUNDLE
            options["verify"] = False
        timeout = (min(CONNECT, left), min(SILENCE, left))
        headers = {"Accept-Encoding": "identity", **headers}
        answer = self._session.request(
            method, url, headers=headers, stream=True, timeout=timeout, allow_redirects=True, **options
        )
        if method == "HEAD":  # nothing follows, but until that is read the connection is not free again
            _ = answer.content
        return answer

    def _explain(self, error: Exception, name: str) -> RegistryError:
        if isinstance(error, requests.exceptions.SSLError):
            return self._distrust(error)
        if time.monotonic() >= self._deadline:
            return late(name)
        return broken(error, name, self.registry)

    @property
    def _base(self) -> str:
        return f"{self._scheme}://{self._server}/v2/{self._repository}"

    def _decide_scheme(self, name: str) -> None:
        """Decide between HTTPS and HTTP, once for the registry, before the first question to it."""
        if self._verify is False or (self._verify is None and is_local(self._server)):
            self._scheme = self._schemes.of(self._server, lambda: self._find_scheme(name))

    def _find_scheme(self, name: str) -> str:
        """Ask by HTTPS, then by HTTP. Raises the error of HTTPS where neither is answered."""
        secure: RegistryError | None = None
        try:
            if self._answers("https", name):
                return "https"
        except (requests.RequestException, ValueError) as error:
            secure = self._explain(error, name)
            untrusted = isinstance(error, requests.exceptions.SSLError) and "certificate" in str(error)
            if untrusted or isinstance(error, requests.exceptions.ReadTimeout):  # silent, or TLS indeed
                raise secure from error
        try:
            if self._answers("http", name) or secure:
                return "http"
        except (requests.RequestException, ValueError) as error:
            if secure:
                raise secure from error
        return "https"

    def _answers(self, scheme: str, name: str) -> bool:
        """Return whether a registry answers; False for an answer of something else."""
        with self._send("GET", f"{scheme}://{self._server}/v2/", name, {}) as answer:
            return answer.status_code in {requests.codes.ok, requests.codes.unauthorized}

    def secured(self, url: str) -> str:
        """Return the URL of an upload by HTTPS, where a registry does not know that a proxy gives it TLS."""
        there = urlsplit(url)
        ours = there.hostname == urlsplit(f"//{self._server}").hostname
        if ours and there.scheme == "http" and self._scheme == "https":
            return urlunsplit(there._replace(scheme="https", netloc=self._server))
        return url

    def _is_ours(self, url: str) -> bool:
        """Return whether a URL has the registry's own scheme, host and port, so that it may see the login."""
        return _origin(url) == _origin(f"{self._scheme}://{self._server}")

    def stream(self, answer: requests.Response, limit: int, name: str) -> Stream:
        """Read an answer as it arrives, within the deadline; `limit` in bytes."""
        return Stream(answer.raw, self._deadline, limit, name)

    def failure(self, answer: requests.Response, name: str) -> RegistryError:
        """Make the error for an answer other than success."""
        error = explain_status(answer.status_code, name, self.registry, has_login=bool(self._login))
        if isinstance(error, BusyError):
            error.seconds = wait_asked_for(answer.headers.get("Retry-After", ""))
        return error

    def _pause(self, error: Exception) -> bool | float:
        """Return whether to try again, or after how many seconds (stamina's hook)."""
        if time.monotonic() >= self._deadline:
            return False
        if isinstance(error, BusyError) and error.seconds:
            return min(error.seconds, LONGEST_PAUSE)
        return isinstance(error, BusyError | UnreachableError)

    def _distrust(self, error: Exception) -> RegistryError:
        if "certificate" not in str(error):
            return RegistryError(
                f"{self.registry} speaks no TLS", "set source- or destination-tls-verify to false"
            )
        if "not valid for" in str(error) or "mismatch" in str(error):
            return RegistryError(
                f"the certificate of {self.registry} is for another name",
                "name the registry as its certificate does, or give it a certificate for this name"
                " (subjectAltName); another CA does not help",
            )
        if "has expired" in str(error) or "not yet valid" in str(error):
            return RegistryError(
                f"the certificate of {self.registry} has expired, or is not valid yet",
                "renew it; if it is still valid, correct the clock of this machine",
            )
        return RegistryError(
            f"the certificate of {self.registry} is not trusted",
            "put its CA into the ConfigMap trusted-ca, key ca-bundle.crt",
        )

    def _answer(self, header: str, name: str) -> str:
        """Return what a 401 asks for, basic auth or a token; empty where we have neither."""
        for scheme, fields in challenges(header):
            if scheme == "basic":
                return self._login.basic if self._login else ""
            if scheme == "bearer":
                return self._bearer(fields, name)
        return ""

    def _bearer(self, fields: dict[str, str], name: str) -> str:
        """Get a token (distribution, docs/spec/auth/token.md; by an identity token oauth.md)."""
        login, realm = self._login, fields.get("realm", "")
        if login and login.registry_token:
            return f"Bearer {login.registry_token}"
        if not realm.startswith("http") or (
            urlsplit(realm).scheme == "http" and self._base.startswith("https")
        ):
            return ""  # never a password in the clear
        asked = {key: fields[key] for key in ("service", "scope") if fields.get(key)}
        if login and login.identity_token:
            form = {
                **asked,
                "grant_type": "refresh_token",
                "refresh_token": login.identity_token,
                "client_id": "containers/image",
            }
            request = self.send(realm, name, method="POST", data=form, auth=_no_netrc)
        else:
            own = (login.username, login.password) if login else _no_netrc
            request = self.send(realm, name, params=asked, auth=own)
        with request as answer:
            if answer.status_code != requests.codes.ok:
                raise self.failure(answer, name)
            token = manifests.parse(self.stream(answer, LARGEST_TOKEN, name).read())
        found = token.get("token") or token.get("access_token")
        return f"Bearer {found}" if found else ""


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port of a URL (RFC 6454); of one that is none, what equals no registry's."""
    try:
        there = urlsplit(url)
        return there.scheme, there.hostname, there.port or {"https": 443, "http": 80}.get(there.scheme)
    except ValueError:
        return "", None, None


class _Session(requests.Session):
    """A session in which the pull secret alone counts, not ~/.netrc, after a redirect neither."""

    def __init__(self) -> None:
        super().__init__()
        self.auth = _no_netrc

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Take the login off what goes to another host, such as the storage of a cloud."""
        if "Authorization" in prepared_request.headers and self.should_strip_auth(  # type: ignore[no-untyped-call]
            response.request.url, prepared_request.url
        ):
            del prepared_request.headers["Authorization"]


def wait_asked_for(header: str) -> float:
    """Read Retry-After (RFC 9110, 10.2.3): seconds, or a date; 0 for one that is past or cannot be read."""
    if header.isdecimal() and len(header) < 6:
        return float(header)
    try:
        when = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    if when.tzinfo is None:  # "-0000": UTC
        when = when.replace(tzinfo=UTC)
    return max((when - datetime.now(UTC)).total_seconds(), 0.0)


def challenges(header: str) -> list[tuple[str, dict[str, str]]]:
    """Read WWW-Authenticate (RFC 9110, 11.6.1): schemes in lower case, each with its parameters."""
    found: list[tuple[str, dict[str, str]]] = []
    for match in _CHALLENGE.finditer(header[:LONGEST_HEADER]):
        name, quoted, bare, scheme = match.groups()
        if scheme:
            found.append((scheme.lower(), {}))
        elif found:
            found[-1][1][name.lower()] = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare
    return found


class Stream:
    """The bytes of an answer: counted, timed, and with their digest."""

    def __init__(self, raw: Any, deadline: float, limit: int, name: str) -> None:
        """Wrap urllib3's answer; `limit` in bytes, `name` for messages."""
        self._raw, self._deadline, self._left, self._name = raw, deadline, limit, name
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """Digest of all that was read so far."""
        return f"sha256:{self._hash.hexdigest()}"

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes, all without one.

        Raises UnreachableError for a connection that breaks and for a deadline that passes, UnreadableError
        for more bytes than the limit.
        """
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(BLOCK), b""))
        if time.monotonic() >= self._deadline:
            raise late(self._name)
        try:
            data: bytes = self._raw.read(size)
        except HTTPError as error:
            if time.monotonic() >= self._deadline:
                raise late(self._name) from error
            raise broken(error, self._name) from error
        self._left -= len(data)
        if self._left < 0:
            raise UnreadableError(
                f"{self._name} is larger than anything of its kind", "see what is stored under this name"
            )
        self._hash.update(data)
        return data

    def drain(self) -> None:
        """Read to the end, so that the digest is that of the whole."""
        while self.read(BLOCK):
            pass


class TrustingAdapter(HTTPAdapter):
    """Makes every connection, behind a proxy too, with the trust that it is given."""

    def __init__(self, context: ssl.SSLContext) -> None:
        """Keep the context, which several adapters may share."""
        self._context = context
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Trust in connections of our own."""
        super().init_poolmanager(*arguments, ssl_context=self._context, **options)

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> Any:
        """Trust in connections behind a proxy."""
        return super().proxy_manager_for(*arguments, ssl_context=self._context, **options)


def _no_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
