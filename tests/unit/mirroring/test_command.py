"""What oc-mirror is called with."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from steps.errors import InvalidInputError
from steps.mirroring.ocmirror import command
from steps.mirroring.ocmirror.command import Options
from steps.mirroring.ocmirror.program import Program, parse_help
from steps.parameters.value_kinds import OC_MIRROR_KEYWORDS
from tests.standin import oc_mirror as standin

NEWEST = Program("oc-mirror", "v0.0.0-unknown", {**parse_help(standin.usage()), "--remove-signatures": ""})
PLACES: dict[str, Any] = {"imageset": Path("/d/i.yaml"), "cache": Path("/d/cache"), "dry_run": False}


PASSED_ON = ("--parallel-images=2", "--parallel-layers=3", "--image-timeout=5400s", "--retry-times=1")


def all_three(options: Options, program: Program) -> list[list[str]]:
    return [
        command.to_disk(options, program, destination=Path("/d"), since=date(2026, 1, 2), **PLACES),
        command.from_disk(options, program, archives=Path("/d/in"), target="r/ns", **PLACES),
        command.direct(options, program, workspace=Path("/d"), target="r/ns", **PLACES),
    ]


@pytest.mark.parametrize("number", range(3))
def test_oc_mirror_understands_what_it_is_told(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    options = Options(authfile=Path("/a.json"), passed_on=PASSED_ON, registries_d=Path("/r"))
    arguments = all_three(options, NEWEST)[number]
    assert arguments[0] == "--v2"
    assert "--cache-dir=/d/cache" in arguments
    assert "--image-timeout=5400s" in arguments
    parsed = standin.parse(arguments)
    standin.validate(parsed)
    assert parsed.remove_signatures is False
    assert getattr(parsed, "registries.d") == "/r"


def test_only_archives_have_a_since_date() -> None:
    archive, *others = all_three(Options(), NEWEST)
    assert "--since=2026-01-02" in archive
    assert not any("since" in argument for arguments in others for argument in arguments)


def test_tls_is_verified_where_each_workflow_talks() -> None:
    options = Options(source_tls_verify=False, destination_tls_verify=True)
    archive, push, both = all_three(options, NEWEST)
    assert [one for one in archive if "tls" in one] == ["--src-tls-verify=false"]
    assert [one for one in push if "tls" in one] == ["--dest-tls-verify=true"]
    assert [one for one in both if "tls" in one] == ["--src-tls-verify=false", "--dest-tls-verify=true"]


def test_nothing_that_was_not_given_is_passed() -> None:
    for arguments in all_three(Options(), NEWEST):
        assert not any(
            argument.startswith(("--authfile", "--parallel", "--image-timeout", "--retry", "--dry-run"))
            for argument in arguments
        )


@pytest.mark.parametrize("word", OC_MIRROR_KEYWORDS)
def test_paths_that_oc_mirror_refuses_are_refused_with_its_word(word: str) -> None:
    path = f"/pvc/{word}-2/data"
    with pytest.raises(InvalidInputError, match=f"contains '{standin._keyword(path)}'"):
        command.check_path(Path(path))


def test_the_cache_variable_is_taken_away_and_the_ca_added() -> None:
    base = {"OC_MIRROR_CACHE": "/x", "HOME": "/h"}
    assert command.environment(base, Options()) == {"HOME": "/h"}
    with_ca = command.environment(base, Options(ca_bundle=Path("/ca.crt")))
    assert with_ca == {"HOME": "/h", "SSL_CERT_FILE": "/ca.crt"}


def test_the_cache_gets_a_port_that_is_free_and_stays_so() -> None:
    ports = iter([20001, 20002, 20003])
    assert command.cache_port(lambda port: port == 20002, lambda _range: next(ports)) == ["--port=20002"]
    assert command.cache_port(lambda _port: False, lambda ports: ports[0]) == []
    (argument,) = command.cache_port(lambda _port: True, random.choice)
    assert 20000 <= int(argument.removeprefix("--port=")) < 32768, "no outgoing connection takes it meanwhile"
