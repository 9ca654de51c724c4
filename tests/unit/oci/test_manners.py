"""Registries in the field: each in its own manner, asked in ours."""

from __future__ import annotations

import base64
import json
import socket
import stat
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import stamina

from steps.errors import InvalidInputError, RegistryError
from steps.oci.access import Access, obstacle
from steps.oci.auth import Login, Logins
from steps.oci.failures import RefusedError
from steps.oci.reference import Reference, server_of
from steps.oci.schemes import is_local
from steps.oci.transport import challenges, wait_asked_for
from tests.standin import manners
from tests.standin.moody import Moody
from tests.testbed.pki import self_signed
from tests.testbed.registry import Registry, serving

BASIC = base64.b64encode(b"me:se:cret").decode()


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with serving() as found:
        with Access(tls_verify=False).open(f"{found.host}/team/app") as repository:
            repository.write_label("v1", "of", "app")
        yield found


@pytest.fixture
def moody(registry: Registry) -> Iterator[Moody]:
    with Moody(registry.host) as found:
        yield found


def secret(folder: Path, document: object) -> Path:
    path = folder / "auth.json"
    path.write_text(json.dumps(document))
    return path


# --- HTTPS or HTTP


@pytest.mark.parametrize("verify", [None, True, False])
@pytest.mark.parametrize("trusted", [True, False])
def test_a_registry_on_this_machine_with_tls_is_asked_by_tls(
    tmp_path: Path, verify: bool | None, trusted: bool
) -> None:
    certificate = self_signed(tmp_path, "IP:127.0.0.1")
    with serving(certificate=certificate) as found:
        access = Access(ca_bundle=certificate if trusted else None, tls_verify=verify)
        with access.open(f"{found.host}/team/app") as repository:
            if trusted or verify is False:
                repository.write_label("v1", "of", "app")
                assert repository.read_label("v1", "of") == "app"
            else:
                with pytest.raises(RegistryError, match="is not trusted"):
                    repository.find("v1")


@pytest.mark.parametrize("verify", [None, False])
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_registry_without_tls_is_asked_by_http(registry: Registry, verify: bool | None, name: str) -> None:
    port = registry.host.partition(":")[2]
    with Access(tls_verify=verify).open(f"{name}:{port}/team/app") as repository:
        assert repository.find("v1")


def test_a_registry_without_tls_is_refused_where_certificates_are_verified(registry: Registry) -> None:
    with (
        Access(tls_verify=True).open(f"{registry.host}/team/app") as repository,
        pytest.raises(RegistryError, match="speaks no TLS"),
    ):
        repository.find("v1")


def test_the_scheme_is_asked_for_once(moody: Moody) -> None:
    access = Access(tls_verify=False)
    for _time in range(3):
        with access.within(60).open(f"{moody.host}/team/app") as repository:
            assert repository.find("v1")
    assert [path for _method, path in moody.asked].count("/v2/") == 1


@pytest.mark.parametrize("status", [403, 404, 503])
def test_a_registry_whose_base_is_refused_is_still_asked_by_http(moody: Moody, status: int) -> None:
    moody.mood = lambda _method, path: status if path == "/v2/" else None
    with Access(tls_verify=False).open(f"{moody.host}/team/app") as repository:
        assert repository.find("v1")


@pytest.mark.parametrize(
    "local", ["localhost", "127.0.0.2:5000", "[::1]:5000", "a.localhost", "LOCALHOST:80"]
)
def test_names_of_this_machine(local: str) -> None:
    assert is_local(local)


@pytest.mark.parametrize(
    "other", ["127.example.com", "localhost.example.com:5000", "[2001:db8::1]", "10.0.0.1"]
)
def test_names_of_others(other: str) -> None:
    assert not is_local(other)


def test_no_proxy_is_asked_for_this_machine(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    assert obstacle(registry.host) == ""
    for verify in (None, False):
        with Access(tls_verify=verify).open(f"{registry.host}/team/app") as repository:
            assert repository.find("v1")


# --- docker.io


@pytest.mark.parametrize("host", ["docker.io", "index.docker.io"])
def test_docker_hub_has_a_server_of_another_name(host: str) -> None:
    assert server_of(host) == "registry-1.docker.io"
    assert str(Reference.parse(f"{host}/nginx:1").asked_for) == "docker.io/library/nginx:1"
    assert str(Reference.parse(f"{host}/team/app:1").asked_for) == "docker.io/team/app:1"
    assert str(Reference.parse("quay.io/nginx:1").asked_for) == "quay.io/nginx:1"


# --- HEAD


@pytest.mark.parametrize(
    "manner", [*map(manners.refuses_head, (400, 401, 403, 404, 405, 500, 501)), manners.says_little]
)
def test_what_head_does_not_answer_get_decides(moody: Moody, manner: manners.Manner) -> None:
    moody.manners = [manner]
    with Access(tls_verify=False).open(f"{moody.host}/team/app") as repository:
        found = repository.find("v1")
        assert found
        assert repository.find(found.digest) == found
        assert repository.find("v2") is None
    assert [method for method, _path in moody.asked].count("HEAD") == 1


def test_what_neither_answers_is_an_error(moody: Moody) -> None:
    moody.mood = lambda _method, path: 403 if "manifests" in path else None
    with Access(tls_verify=False).open(f"{moody.host}/team/app") as repository, pytest.raises(RefusedError):
        repository.find("v1")


# --- logins


@pytest.mark.parametrize(
    "entry", [{"auth": BASIC}, {"identitytoken": "i"}, {"auth": "dTo=", "identitytoken": "i"}]
)
def test_a_token_that_expires_is_renewed(moody: Moody, tmp_path: Path, entry: dict[str, str]) -> None:
    moody.manners = [manners.expires(2, lambda: f"http://{moody.host}/token", login="me:se:cret")]
    access = Access(secret(tmp_path, {"auths": {moody.host: entry}}), tls_verify=False)
    with access.open(f"{moody.host}/team/app") as repository:
        assert all(repository.find("v1") for _time in range(7))
        repository.write_label("v2", "of", "app")
    tokens = [method for method, path in moody.asked if path.startswith("/token")]
    assert len(tokens) > 5
    assert set(tokens) == {"GET"} if "identitytoken" not in entry else {"POST"}


def test_a_registry_token_is_sent_as_it_is(moody: Moody, tmp_path: Path) -> None:
    def wants(question: manners.Question) -> manners.Reply | None:
        if question.headers.get("authorization") == "Bearer given":
            return None
        return manners.Reply(401, {"WWW-Authenticate": 'Bearer realm="http://127.0.0.1:1/token"'})

    moody.manners = [wants]
    access = Access(secret(tmp_path, {"auths": {moody.host: {"registrytoken": "given"}}}), tls_verify=False)
    with access.open(f"{moody.host}/team/app") as repository:
        assert repository.find("v1")


def test_a_login_goes_to_no_other_host(registry: Registry, moody: Moody, tmp_path: Path) -> None:
    with Moody(registry.host) as storage:
        storage.manners = [manners.takes_no_login]
        there = f"http://localhost:{storage.server_port}"

        def wants(question: manners.Question) -> manners.Reply | None:
            known = question.headers.get("authorization") == f"Basic {BASIC}"
            return None if known else manners.Reply(401, {"WWW-Authenticate": 'Basic realm="x"'})

        moody.manners = [wants, manners.redirects(lambda: there)]
        access = Access(secret(tmp_path, {"auths": {moody.host: {"auth": BASIC}}}), tls_verify=False)
        with access.open(f"{moody.host}/team/app") as repository:
            assert repository.read_label("v1", "of") == "app"
        assert len(storage.asked) == 2


@pytest.mark.parametrize(
    "there", ["http://127.0.0.1:{port}", "http://localhost:{port}", "http://127.0.0.1:no"]
)
def test_an_upload_that_is_named_elsewhere_gets_no_login(
    registry: Registry, moody: Moody, tmp_path: Path, there: str
) -> None:
    """DELETE of a probe, PATCH and PUT of a receipt; another port is another server."""
    sent: list[str] = []

    def remembers(question: manners.Question) -> manners.Reply | None:
        sent.append(question.headers.get("authorization", ""))
        return manners.Reply(401, {"WWW-Authenticate": 'Basic realm="x"'})

    with Moody(registry.host) as other:
        other.manners = [remembers]
        location = f"{there.format(port=other.server_port)}/v2/team/app/blobs/uploads/1"

        def wants(question: manners.Question) -> manners.Reply | None:
            if question.headers.get("authorization") != f"Basic {BASIC}":
                return manners.Reply(401, {"WWW-Authenticate": 'Basic realm="x"'})
            return manners.Reply(202, {"Location": location}) if question.method == "POST" else None

        moody.manners = [wants]
        access = Access(secret(tmp_path, {"auths": {moody.host: {"auth": BASIC}}}), tls_verify=False)
        with stamina.set_testing(True), access.open(f"{moody.host}/team/app") as repository:
            repository.check_writable()
            with pytest.raises(RegistryError):
                repository.write_label("v2", "of", "app")
        assert not any(sent), "the login was sent to another server"
        assert sent or "no" in there


def test_the_challenge_that_we_can_meet_counts() -> None:
    bearer = 'Bearer realm="https://a/t?x=1,2",service=reg, scope="repository:a:pull,push"'
    both = f'Negotiate, {bearer}, Basic realm="r"'
    assert challenges(both) == [
        ("negotiate", {}),
        ("bearer", {"realm": "https://a/t?x=1,2", "service": "reg", "scope": "repository:a:pull,push"}),
        ("basic", {"realm": "r"}),
    ]
    assert challenges("") == []
    assert challenges('realm="x"') == []


def test_the_entry_that_containers_image_takes_is_taken() -> None:
    logins = Logins.parse(
        {
            "auths": {
                "https://index.docker.io/v1/": {"auth": BASIC},
                "quay.io": {"auth": BASIC},
                "quay.io/team": {},
                "https://old.example.com/v2/": {"auth": BASIC},
                "ghcr.io/team/app": {"auth": BASIC},
                "[::1]:5000": {"auth": BASIC},
                "null.example.com": None,
            }
        }
    )
    login = Login(username="me", password="se:cret")
    for name in ("docker.io/library/nginx", "registry-1.docker.io/a/b", "quay.io/other/app"):
        assert logins.of(name) == login
    for name in ("old.example.com/a", "ghcr.io/team/app", "[::1]:5000/a"):
        assert logins.of(name) == login
    for name in ("quay.io/team/app", "ghcr.io/team/other", "null.example.com/a", "example.com/a"):
        assert logins.of(name) is None
    assert "cret" not in repr(login)


@pytest.mark.parametrize(
    "document", [{}, {"auths": None}, {"auths": {}}, {"credHelpers": {}}, {"HttpHeaders": {}}]
)
def test_an_authfile_without_logins_is_one(document: object) -> None:
    assert Logins.parse(document).of("quay.io/team/app") is None


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"auths": 3},
        {"quay.io": {"auth": BASIC}},
        {"credHelpers": ["x"]},
        {"credHelpers": {"a.b": "../x"}},
    ],
)
def test_what_is_no_authfile_is_refused(document: object) -> None:
    with pytest.raises(InvalidInputError):
        Logins.parse(document)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ('{"Username": "me", "Secret": "se:cret"}', Login(username="me", password="se:cret")),
        ('{"Username": "<token>", "Secret": "i"}', Login(identity_token="i")),
    ],
)
def test_a_helper_program_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, found: Login
) -> None:
    program = tmp_path / "docker-credential-ours"
    program.write_text(f"#!/bin/sh\nread -r host\n[ $1:$host = get:quay.io ] && echo '{answer}'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    logins = Logins.parse({"credHelpers": {"quay.io": "ours"}, "auths": {"quay.io": {"auth": BASIC}}})
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(InvalidInputError, match="docker-credential-ours, which is not here"):
        logins.of("quay.io/team/app")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert logins.of("quay.io/team/app") == found
    program.write_text("#!/bin/sh\necho 'credentials not found in native keychain'; exit 1\n")
    assert logins.of("quay.io/team/app") is None
    program.write_text("#!/bin/sh\necho broken; exit 1\n")
    with pytest.raises(InvalidInputError, match="gives no login for"):
        logins.of("quay.io/team/app")


# --- busy


def test_a_busy_registry_says_when_in_seconds_or_by_a_date() -> None:
    assert wait_asked_for("7") == 7
    assert 30 < wait_asked_for(format_datetime(datetime.now(UTC) + timedelta(minutes=1), usegmt=True)) <= 60
    for nothing in ("", "soon", "Wed, 21 Oct 2015 07:28:00 GMT", "9" * 400, "-1"):
        assert wait_asked_for(nothing) == 0


@pytest.mark.parametrize("by_date", [True, False])
def test_a_busy_registry_is_asked_again(moody: Moody, by_date: bool) -> None:
    moody.manners = [manners.is_busy(2, by_date=by_date)]
    with (
        stamina.set_testing(True, attempts=3, cap=True),
        Access(tls_verify=False).open(f"{moody.host}/team/app") as repository,
    ):
        assert repository.find("v1")
        assert repository.find("v1")


class Counting(ThreadingHTTPServer):
    """A registry that has every manifest, and counts the connections that are made to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _HasAll)
        self.connections = 0

    def get_request(self) -> tuple[socket.socket, object]:
        self.connections += 1
        return super().get_request()


class _HasAll(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.oci.image.manifest.v1+json")
        self.send_header("Docker-Content-Digest", self.path.rpartition("/")[2])
        self.send_header("Content-Length", "400")
        self.end_headers()

    def log_request(self, *_arguments: object) -> None:
        pass


def test_many_images_of_a_repository_are_asked_for_over_one_connection() -> None:
    with Counting() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        access = Access(tls_verify=False)
        access.schemes.of(f"127.0.0.1:{server.server_port}", lambda: "http")
        with access.open(f"127.0.0.1:{server.server_port}/team/app") as repository:
            for number in range(20):
                assert repository.find(f"sha256:{number:064x}")
        server.shutdown()
    assert server.connections == 1
