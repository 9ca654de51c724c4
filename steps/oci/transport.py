"""How registries are asked: trust, logins, attempts; what arrives is counted, timed and hashed.

Everything is bounded: a few seconds to see that a registry answers at all, half a minute for a silent one,
three attempts for what fails for want of a network, a deadline for all of it.
"""

from __future__ import annotations

import hashlib
import logging
import ssl
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

import requests
import stamina
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import parse_dict_header
from urllib3.exceptions import HTTPError

from steps.errors import RegistryError
from steps.oci import manifests
from steps.oci.access import is_local
from steps.oci.auth import basic
from steps.oci.failures import BusyError, UnreachableError, UnreadableError, broken, explain_status, late

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from steps.oci.access import Access
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


class Transport:
    """Requests about one repository; for use in one thread."""

    def __init__(self, reference: Reference, access: Access) -> None:
        """Connect to nothing yet. Raises what `Access.open` does."""
        self.registry = reference.registry
        self._login = access.logins.of(reference.name)
        self._deadline = access.deadline
        self._authorization = ""
        self._verify = verify = access.tls_verify
        local = is_local(self.registry)
        scheme = "http" if verify is None and local else "https"
        self._base = f"{scheme}://{self.registry}/v2/{reference.repository}"
        self._session = requests.Session()
        self._session.auth = _no_netrc  # the pull secret alone counts, not ~/.netrc
        if access.ca_file or verify is not None:
            self._session.mount("https://", TrustingAdapter(access.trust))
        if verify is False:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        if verify is not None:
            self._session.trust_env = not local  # as Go: no proxy to this machine

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

    def ask(self, method: str, path: str, name: str, accept: str = "*/*") -> requests.Response:
        """Send a request and return its answer, whatever its status; logs in where the registry asks."""
        try:
            answer = self.send(f"{self._base}/{path}", name, accept, method)
        except requests.exceptions.SSLError:  # of `verify=False`: there is no TLS at all
            self._base = self._base.replace("https://", "http://", 1)
            answer = self.send(f"{self._base}/{path}", name, accept, method)
        if answer.status_code == requests.codes.unauthorized:
            answer.close()
            if authorization := self._answer(answer.headers.get("WWW-Authenticate", ""), name):
                self._authorization = authorization
                answer = self.send(f"{self._base}/{path}", name, accept, method)
        return answer

    def put(self, url: str, content: bytes, media_type: str, name: str) -> None:
        """Write to a path of the repository, or to the URL that an upload was given."""
        url = url if "://" in url else f"{self._base}/{url}"
        with self.send(
            url, name, "*/*", "PUT", data=content, more_headers={"Content-Type": media_type}
        ) as answer:
            if answer.status_code == requests.codes.not_found:
                raise RegistryError(f"{name} forgot an upload that was begun", "try again")
            if not answer.ok:
                raise self.failure(answer, f"writing to {name}")

    def send(
        self, url: str, name: str, accept: str = "*/*", method: str = "GET", **options: Any
    ) -> requests.Response:
        """Send one request. Raises UnreachableError without an answer, RegistryError for a certificate."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise late(name)
        headers = {"Accept": accept, "Accept-Encoding": "identity", **options.pop("more_headers", {})}
        if self._verify is False:  # said of each: a session's own word yields to REQUESTS_CA_BUNDLE
            options["verify"] = False
        if self._authorization and "auth" not in options:
            headers["Authorization"] = self._authorization
        timeout = (min(CONNECT, left), min(SILENCE, left))
        try:
            return self._session.request(
                method, url, headers=headers, stream=True, timeout=timeout, allow_redirects=True, **options
            )
        except requests.exceptions.SSLError as error:
            if self._verify is False and url.startswith(f"{self._base}/") and url.startswith("https:"):
                raise
            raise self._distrust(error) from error
        except (requests.RequestException, ValueError) as error:
            if time.monotonic() >= self._deadline:
                raise late(name) from error
            raise broken(error, name, self.registry) from error

    def stream(self, answer: requests.Response, limit: int, name: str) -> Stream:
        """Read an answer as it arrives, within the deadline; `limit` in bytes."""
        return Stream(answer.raw, self._deadline, limit, name)

    def failure(self, answer: requests.Response, name: str) -> RegistryError:
        """Make the error for an answer other than success."""
        error = explain_status(answer.status_code, name, self.registry, has_login=bool(self._login))
        after = answer.headers.get("Retry-After", "")
        if isinstance(error, BusyError) and after.isdecimal() and len(after) < 6:
            error.seconds = float(after)
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
        return RegistryError(
            f"the certificate of {self.registry} is not trusted",
            "put its CA into the ConfigMap trusted-ca, key ca-bundle.crt",
        )

    def _answer(self, challenge: str, name: str) -> str:
        """Return what the challenge of a 401 asks for: basic auth, or a token from where it says."""
        scheme, _, text = challenge.partition(" ")
        if scheme.lower() == "basic":
            return basic(self._login) if self._login else ""
        fields = parse_dict_header(text)  # type: ignore[no-untyped-call]
        realm = str(fields.get("realm") or "")
        if scheme.lower() != "bearer" or (
            urlsplit(realm).scheme == "http" and self._base.startswith("https")
        ):
            return ""  # never a password in the clear
        asked = {key: fields[key] for key in ("service", "scope") if fields.get(key)}
        with self.send(realm, name, params=asked, auth=self._login or _no_netrc) as answer:
            if answer.status_code != requests.codes.ok:
                raise self.failure(answer, name)
            token = manifests.parse(self.stream(answer, LARGEST_TOKEN, name).read())
        found = token.get("token") or token.get("access_token")
        return f"Bearer {found}" if found else ""


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


def trust(bundle: Path | None, *, verify: bool = True) -> ssl.SSLContext:
    """Trust what the machine trusts, as Go's programs do, and the CAs of `bundle` besides; or anything.

    Raises RegistryError for a bundle that holds no certificate.
    """
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        if bundle:
            context.load_verify_locations(bundle)
    except (ssl.SSLError, OSError) as error:
        raise RegistryError(
            f"{bundle} holds no certificate that can be read", "put PEM certificates into it"
        ) from error
    return context


def _no_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
