"""A repository is opened in one way; a registry that stays silent is left in time, and may be asked again."""

from __future__ import annotations

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
import stamina

from steps.errors import InvalidInputError, RegistryError
from steps.oci import transport
from steps.oci.access import Access
from steps.oci.auth import Login
from steps.oci.failures import UnreachableError
from tests.testbed.pki import self_signed
from tests.testbed.waiting import wait_until
from tests.unit.catalog.front import before
from tests.unit.oci.silent import Silent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.testbed.registry import Registry


@pytest.fixture
def silent() -> Iterator[Silent]:
    with Silent() as server:
        yield server


@pytest.mark.parametrize("tls_verify", [None, True, False])
def test_a_registry_that_takes_a_connection_and_stays_silent_may_answer_later(
    silent: Silent, tls_verify: bool | None
) -> None:
    begin = time.monotonic()
    access = Access(tls_verify=tls_verify).within(1)
    with access.open(f"{silent.host}/team/app") as repository, pytest.raises(UnreachableError) as caught:
        repository.check_writable()
    assert 0.9 < time.monotonic() - begin < 10  # SILENCE alone would be half a minute
    assert caught.value.reason == f"writing to {silent.host}/team/app took too long"
    assert "catalog" not in caught.value.hint
    assert silent.connections <= 1  # not asked again: there is no time for it


def test_a_silent_registry_is_asked_three_times_where_there_is_time(
    silent: Silent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "SILENCE", 0.2)
    with (
        stamina.set_testing(True, attempts=3),
        Access().open(f"{silent.host}/team/app") as repository,
        pytest.raises(UnreachableError, match="does not answer for"),
    ):
        repository.find("v1")
    wait_until("three questions", lambda: silent.connections >= 3, interval=0.01)  # it takes them in a thread
    assert silent.connections == 3


def test_after_the_deadline_nothing_is_asked(silent: Silent) -> None:
    access = Access().within(-1)
    with access.open(f"{silent.host}/team/app") as repository, pytest.raises(UnreachableError):
        repository.tags()
    assert silent.connections == 0


def test_a_name_without_registry_is_refused() -> None:
    for name in ("team/app", "mirror/team/app"):
        with pytest.raises(InvalidInputError, match="names no registry"):
            Access().open(name)
    with pytest.raises(InvalidInputError, match="is not a repository"):
        Access().open("quay.io/Team/app")


def test_the_login_of_the_longest_path_is_taken(tmp_path: Path) -> None:
    secret = tmp_path / "auth.json"
    auths = {
        "quay.io": {"username": "a", "password": "1"},
        "quay.io/team": {"username": "b", "password": "2"},
    }
    secret.write_text(json.dumps({"auths": auths}))
    logins = Access(secret).logins
    assert logins.of("quay.io/team/app") == Login(username="b", password="2")
    assert logins.of("quay.io/teams/app") == Login(username="a", password="1")
    assert logins.of("quay.io:443/team/app") is None
    assert Access(tmp_path / "none").logins.of("quay.io/team/app") is None


def test_a_bundle_that_is_missing_or_empty_is_as_none(tmp_path: Path) -> None:
    empty = tmp_path / "empty.crt"
    empty.touch()
    assert Access(ca_bundle=empty).ca_file is None
    assert Access(ca_bundle=tmp_path / "none").ca_file is None
    empty.write_text("x")
    assert Access(ca_bundle=empty).ca_file == empty


def test_a_certificate_for_another_name_is_told_from_one_of_an_unknown_authority(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path, "DNS:other.example.com,IP:10.0.0.9")
    with before(cast("Registry", None), certificate) as front:
        with pytest.raises(RegistryError, match="is for another name") as caught:
            Access(ca_bundle=certificate, tls_verify=True).open(f"{front.host}/team/app").find("v1")
        assert "another CA does not help" in caught.value.hint
        with pytest.raises(RegistryError, match="is not trusted") as caught:
            Access(tls_verify=True).open(f"{front.host}/team/app").find("v1")
        assert "put its CA" in caught.value.hint


def test_repositories_share_one_trust(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("no certificate")
    assert (access := Access()).trust is access.trust
    with pytest.raises(RegistryError, match="holds no certificate"):
        Access(ca_bundle=tmp_path / "ca.crt").open("quay.io/team/app")


def test_many_threads_share_one_trust(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path, "IP:127.0.0.1")
    with before(cast("Registry", None), certificate) as front:  # it answers itself, no registry is asked
        front.answer = lambda _request: (200, {}, b'{"schemaVersion": 2}')
        access = Access(ca_bundle=certificate, tls_verify=True)

        def read(number: int) -> bytes:
            with access.open(f"{front.host}/team/app-{number}") as repository:
                return repository.manifest("v1")[1]

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(read, range(24))) == [b'{"schemaVersion": 2}'] * 24
        with (
            Access(tls_verify=True).open(f"{front.host}/team/app") as repository,
            pytest.raises(RegistryError, match="is not trusted"),
        ):
            repository.manifest("v1")
        with Access(tls_verify=False).open(f"{front.host}/team/app") as repository:
            assert repository.manifest("v1")


def test_the_port_of_another_program_is_named() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # so that nobody else listens there
        host = f"127.0.0.1:{nobody.getsockname()[1]}"
        with (
            stamina.set_testing(True, attempts=1),
            Access().open(f"{host}/team/app") as repository,
            pytest.raises(UnreachableError, match=f"{host} does not answer for .*refused"),
        ):
            repository.find("v1")
