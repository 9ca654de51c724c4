"""Catalogs read from a real registry: whole, by layers, with logins, and what happens where that fails."""

from __future__ import annotations

import base64
import json
import logging
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import yaml

from steps.errors import InvalidInputError, RegistryError
from steps.oci.failures import AbsentError, BusyError, RefusedError, UnreachableError
from tests.testbed.registry import Registry
from tests.unit.catalog.conftest import Check
from tests.unit.catalog.front import Front
from tests.unit.catalog.index_images import api, as_json, catalog, layer, package, push, requires

QUAY = package("quay-operator", {"stable-3.16": ["3.16.0", "3.16.1"], "stable-3.15": ["3.15.4"]})
LOKI = package("loki-operator", {"stable-6.4": ["6.4.0"]})


def test_only_what_is_wanted_is_kept(registry: Registry, check: Check) -> None:
    push(registry, "a/index:v4.20", [layer({"etc/os-release": b"UBI"}), catalog(QUAY, LOKI)])
    reference = f"{registry.host}/a/index:v4.20"
    (found,) = check().read({reference: frozenset({"quay-operator", "absent"})}).values()
    quay = found.package("quay-operator")
    assert quay
    assert quay.default_channel == "stable-3.16"
    assert sorted(quay.channels) == ["stable-3.15", "stable-3.16"]
    assert quay.bundles["quay-operator.v3.16.1"].version == "3.16.1"
    head = quay.head("stable-3.16")
    assert head
    assert head.version == "3.16.1"
    assert found.packages["absent"] is None
    assert "loki-operator" not in found.packages
    assert found.names == ("loki-operator", "quay-operator")


@pytest.mark.parametrize(
    "files",
    [
        {"configs/quay-operator/catalog.yaml": yaml.safe_dump_all(QUAY).encode()},
        {"configs/index.json": as_json([*LOKI, *QUAY], indent=None)},
        {"configs/index.yaml": yaml.safe_dump_all([*LOKI, *QUAY]).encode()},
        {"./configs/quay-operator/index.json": as_json(QUAY, indent=0)},
        {
            "configs/quay-operator/package.json": as_json(QUAY[:1]),
            "configs/quay-operator/channels.yaml": yaml.safe_dump_all(QUAY[1:3]).encode(),
            "configs/quay-operator/bundles/one.json": as_json(QUAY[3:]),
        },
        {"configs/elsewhere/catalog.json": b"\xef\xbb\xbf" + as_json(QUAY)},
    ],
    ids=["yaml", "one-file", "one-yaml", "flat-json", "spread", "other-folder"],
)
def test_every_form_of_a_file_based_catalog_reads_the_same(
    registry: Registry, check: Check, files: dict[str, bytes]
) -> None:
    push(registry, "forms/index:v1", [layer(files)])
    push(registry, "forms/index:v2", [catalog(QUAY)])
    references = [f"{registry.host}/forms/index:{tag}" for tag in ("v1", "v2")]
    found = check().read(dict.fromkeys(references, frozenset({"quay-operator"})))
    first, second = (found[reference].package("quay-operator") for reference in references)
    assert first is not None
    assert first == second


def test_an_upper_layer_hides_and_removes_what_is_below(registry: Registry, check: Check) -> None:
    newer = package("quay-operator", {"stable-3.17": ["3.17.0"]})
    top = {
        "configs/quay-operator/catalog.json": as_json(newer),
        "configs/.wh.loki-operator": b"",
        "configs/tempo-product/.wh..wh..opq": b"",
    }
    push(
        registry,
        "hidden/index:v1",
        [catalog(QUAY, LOKI, package("tempo-product", {"stable": ["1.0.0"]})), layer(top)],
    )
    wanted = frozenset({"quay-operator", "loki-operator", "tempo-product"})
    (found,) = check().read({f"{registry.host}/hidden/index:v1": wanted}).values()
    quay = found.package("quay-operator")
    assert quay
    assert list(quay.channels) == ["stable-3.17"]
    assert found.package("loki-operator") is None
    assert found.package("tempo-product") is None


def test_only_the_layers_that_can_hold_the_catalog_are_read(
    registry: Registry, front: Front, check: Check
) -> None:
    layers = [layer({"usr/bin/opm": b"x" * 9999}), catalog(QUAY), layer({"tmp/cache/pogreb": b"y" * 9999})]
    made_by = [
        "FROM ubi9",
        "ADD catalog /configs",
        'RUN ["/bin/opm", "serve", "/configs", "--cache-dir=/tmp/cache", "--cache-only"]',
    ]
    digests = push(registry, "cache/index:v1", layers, made_by=made_by)
    check().read({f"{front.host}/cache/index:v1": frozenset({"quay-operator"})})
    asked = " ".join(front.asked)
    assert [digest in asked for digest in digests] == [False, True, False]


def test_where_history_misleads_all_layers_are_read(registry: Registry, check: Check) -> None:
    made_by = ["COPY /work /", "RUN ls /configs"]
    push(registry, "odd/index:v1", [catalog(QUAY), layer({"tmp/x": b""})], made_by=made_by)
    (found,) = check().read({f"{registry.host}/odd/index:v1": frozenset({"quay-operator"})}).values()
    assert found.package("quay-operator")


def test_the_label_says_where_the_catalog_lies(registry: Registry, check: Check) -> None:
    files = {"opt/catalog/quay-operator/catalog.json": as_json(QUAY)}
    push(registry, "label/index:v1", [layer(files)], folder="/opt/catalog/", compress=False, multi=False)
    (found,) = check().read({f"{registry.host}/label/index:v1": frozenset({"quay-operator"})}).values()
    assert found.package("quay-operator")


def test_what_is_required_is_looked_up_in_turn(registry: Registry, check: Check) -> None:
    push(
        registry,
        "turn/index:v1",
        [
            catalog(
                package("a", {"s": ["1.0.0"]}, every=[requires("b", ">=1.0.0"), requires("none", "1.0.0")]),
                package("b", {"s": ["1.0.0"]}, every=[api("Thing", required=True), api("Own"), api("Own")]),
                package("c", {"s": ["1.0.0"]}, every=[api("Thing")]),
                package("d", {"s": ["1.0.0"]}, every=[api("Other")]),
            )
        ],
    )
    (found,) = check().read({f"{registry.host}/turn/index:v1": frozenset({"a"})}).values()
    assert {name for name, package in found.packages.items() if package} == {"a", "b", "c"}
    assert found.providers == {"example.com/v1/Thing": ("c",)}
    assert found.packages["none"] is None


def test_what_was_read_is_kept_by_digest(
    registry: Registry, front: Front, check: Check, tmp_path: Path
) -> None:
    (digest,) = push(registry, "kept/index:v1", [catalog(QUAY, LOKI)])
    reference = f"{front.host}/kept/index:v1"
    wanted = {reference: frozenset({"quay-operator"})}
    first = check(workspace=tmp_path).read(wanted)
    front.asked.clear()
    assert check(workspace=tmp_path).read(wanted) == first
    assert not any("blobs" in path for path in front.asked)
    more = check(workspace=tmp_path).read({reference: frozenset({"quay-operator", "loki-operator"})})
    assert more[reference].package("loki-operator")
    assert any(digest in path for path in front.asked)
    push(registry, "kept/index:v1", [catalog(package("quay-operator", {"stable-3.17": ["3.17.0"]}))])
    quay = check(workspace=tmp_path).read(wanted)[reference].package("quay-operator")
    assert quay
    assert list(quay.channels) == ["stable-3.17"]


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"format": 1, "digest": 3}', "\0", "[" * 100_000])
def test_what_is_kept_and_damaged_is_read_anew(
    registry: Registry, check: Check, tmp_path: Path, content: str
) -> None:
    push(registry, "spoilt/index:v1", [catalog(QUAY)])
    wanted = {f"{registry.host}/spoilt/index:v1": frozenset({"quay-operator"})}
    first = check(workspace=tmp_path).read(wanted)
    (kept,) = (tmp_path / "catalogs").iterdir()
    kept.write_text(content)
    assert check(workspace=tmp_path).read(wanted) == first
    assert json.loads(kept.read_text())["digest"]


# --- logins


def pull_secret(folder: Path, auths: object) -> Path:
    path = folder / ".dockerconfigjson"
    path.write_text(json.dumps({"auths": auths}))
    return path


def encoded(login: str) -> dict[str, str]:
    return {"auth": base64.b64encode(login.encode()).decode()}


def test_a_login_of_the_pull_secret_lets_us_in(
    closed_registry: Registry, check: Check, tmp_path: Path
) -> None:
    push(closed_registry, "closed/index:v1", [catalog(QUAY)])
    wanted = {f"{closed_registry.host}/closed/index:v1": frozenset({"quay-operator"})}
    for auths in (
        {closed_registry.host: encoded("me:secret")},
        {f"{closed_registry.host}/closed": {"username": "me", "password": "secret"}},
        {f"http://{closed_registry.host}/v1/": encoded("me:secret")},
        {closed_registry.host: encoded("me:wrong"), f"{closed_registry.host}/closed": encoded("me:secret")},
    ):
        (found,) = check(authfile=pull_secret(tmp_path, auths)).read(wanted).values()
        assert found.package("quay-operator")


def test_a_wrong_or_missing_login_is_said(closed_registry: Registry, check: Check, tmp_path: Path) -> None:
    wanted = {f"{closed_registry.host}/closed/index:v1": frozenset({"quay-operator"})}
    with pytest.raises(RefusedError, match=r"asks for a login .*HTTP 401"):
        check().read(wanted)
    with pytest.raises(RefusedError, match="refuses the login of the pull secret") as caught:
        check(authfile=pull_secret(tmp_path, {closed_registry.host: encoded("me:no")})).read(wanted)
    assert closed_registry.host in caught.value.hint
    assert check("auto").read(wanted) == {}


@pytest.mark.parametrize("content", ["", "[]", '{"auths": 3}', '{"auths": {"x": {"auth": "%"}}}', "\xff"])
def test_what_is_no_pull_secret_is_refused(check: Check, tmp_path: Path, content: str) -> None:
    path = tmp_path / "secret"
    path.write_text(content)
    with pytest.raises(InvalidInputError, match="is no pull secret"):
        check("auto", authfile=path).read({"127.0.0.1:1/a:v1": frozenset({"a"})})


def test_a_token_is_fetched_with_the_login_and_used(
    registry: Registry, front: Front, check: Check, tmp_path: Path
) -> None:
    push(registry, "token/index:v1", [catalog(QUAY)])
    realm = f'Bearer realm="http://{front.host}/token",service="front",scope="repository:token/index:pull"'

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes] | None:
        authorization = request.headers.get("Authorization", "")
        if request.path.startswith("/token"):
            if base64.b64decode(authorization.removeprefix("Basic ")) != b"me:secret":
                return 401, {}, b""
            assert "service=front" in request.path
            assert "scope=repository" in request.path
            return 200, {}, b'{"token": "a-token"}'
        return None if authorization == "Bearer a-token" else (401, {"WWW-Authenticate": realm}, b"")

    front.answer = answer
    wanted = {f"{front.host}/token/index:v1": frozenset({"quay-operator"})}
    (found,) = check(authfile=pull_secret(tmp_path, {front.host: encoded("me:secret")})).read(wanted).values()
    assert found.package("quay-operator")
    assert len([path for path in front.asked if path.startswith("/token")]) == 1
    with pytest.raises(RefusedError):
        check(authfile=pull_secret(tmp_path, {front.host: encoded("me:no")})).read(wanted)


# --- failures


def test_a_catalog_that_is_not_there_is_named(registry: Registry, check: Check) -> None:
    wanted = {f"{registry.host}/none/index:v9.9": frozenset({"a"})}
    for mode in ("auto", "error"):
        with pytest.raises(AbsentError, match=r"there is no .*none/index:v9\.9") as caught:
            check(mode).read(wanted)
        assert "the catalog's name" in caught.value.hint
    assert check("warn").read(wanted) == {}


def test_a_busy_registry_is_asked_again_when_it_says(registry: Registry, front: Front, check: Check) -> None:
    push(registry, "busy/index:v1", [catalog(QUAY)])
    wanted = {f"{front.host}/busy/index:v1": frozenset({"quay-operator"})}
    refusals = iter([True, False, True, *[False] * 20])
    busy = (429, {"Retry-After": "1"}, b"")
    front.answer = lambda request: busy if request.path != "/v2/" and next(refusals) else None
    begin = time.monotonic()
    assert check().read(wanted)
    assert time.monotonic() - begin > 1.9
    front.answer = lambda _: (429, {}, b"")
    with pytest.raises(BusyError, match="too many requests"):
        check().read(wanted)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("trouble", ["cut", "damage"])
def test_a_blob_that_arrives_broken_is_fetched_again(
    registry: Registry, front: Front, check: Check, trouble: str
) -> None:
    (digest,) = push(registry, f"{trouble}/index:v1", [catalog(QUAY)])
    wanted = {f"{front.host}/{trouble}/index:v1": frozenset({"quay-operator"})}
    troubles = iter([True, True, False])
    setattr(front, trouble, lambda path: digest in path and next(troubles))
    (found,) = check().read(wanted).values()
    assert found.package("quay-operator")
    setattr(front, trouble, lambda path: digest in path)
    with pytest.raises(UnreachableError, match=r"arrives incomplete|arrived damaged"):
        check().read(wanted)
    assert check("auto").read(wanted) == {}


def test_a_registry_that_takes_too_long_is_left(
    registry: Registry, front: Front, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(registry, "slow/index:v1", [catalog(QUAY)])
    monkeypatch.setattr("steps.inputs.catalog_reading.DEADLINE", 2)
    front.pause = 0.8
    with pytest.raises(RegistryError, match="took too long") as caught:
        check().read({f"{front.host}/slow/index:v1": frozenset({"quay-operator"})})
    assert "set catalog-check to off" in caught.value.hint


def test_an_image_that_cannot_be_read_is_perhaps_no_catalog(
    registry: Registry, front: Front, check: Check
) -> None:
    push(registry, "other/index:v1", [catalog(QUAY)])
    index = json.dumps({"manifests": [{"digest": f"sha256:{'0' * 64}", "platform": {"os": "windows"}}]})
    front.answer = lambda _: (200, {}, index.encode())
    with pytest.raises(RegistryError, match="has no image for linux/amd64") as caught:
        check().read({f"{front.host}/other/index:v1": frozenset({"quay-operator"})})
    assert "is it a catalog's index image?" in caught.value.hint


@pytest.mark.usefixtures("at_once")
def test_an_internal_error_of_the_registry_is_tried_again(
    registry: Registry, front: Front, check: Check, caplog: pytest.LogCaptureFixture
) -> None:
    push(registry, "inner/index:v1", [catalog(QUAY)])
    troubles = iter([True, True, *[False] * 20])
    front.answer = lambda _: (503, {}, b"") if next(troubles) else None
    with caplog.at_level(logging.INFO):
        assert check().read({f"{front.host}/inner/index:v1": frozenset({"quay-operator"})})
    assert "answers HTTP 503" in caplog.text
    assert "; trying again" in caplog.text


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"database/index.db": b"SQLite"}, "no folder /configs"),
        ({"configs/a/catalog.json": b'{"schema": "olm.package", "name": "a", '}, "no file-based catalog"),
        ({"configs/a/catalog.yaml": b"name: a\n\t- b: ["}, "no file-based catalog"),
        ({"configs/a/catalog.yaml": b"name: a \nx: " + b"[" * 100_000}, "no file-based catalog"),
        ({"configs/a/catalog.json": b'{"name": "a", "x": ' + b"[" * 100_000}, "no file-based catalog"),
    ],
    ids=["sqlite", "cut-json", "bad-yaml", "deep-yaml", "deep-json"],
)
def test_an_image_that_is_no_catalog_is_said_to_be_none(
    registry: Registry, check: Check, files: dict[str, bytes], words: str
) -> None:
    push(registry, "wrong/index:v1", [layer(files)])
    with pytest.raises(RegistryError, match=words):
        check().read({f"{registry.host}/wrong/index:v1": frozenset({"a"})})


def test_without_a_network_auto_gives_up_at_once_and_says_so_once(
    check: Check, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = {f"127.0.0.1:1/{name}/index:v1": frozenset({"a"}) for name in "abc"}
    begin = time.monotonic()
    with caplog.at_level(logging.INFO):
        assert check("auto").read(wanted) == {}
    assert time.monotonic() - begin < 8  # asking each of the three again would take longer
    assert len([r for r in caplog.records if "Catalogs not checked" in r.message]) == 1
    assert "The built-in facts are used instead" in caplog.text
    with pytest.raises(UnreachableError, match="cannot be reached"):
        check("error").read(wanted)


def test_a_name_that_nobody_answers_costs_a_few_seconds(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 192.0.2.0/24 is for documentation (RFC 5737): packets to it vanish, or are refused at once.
    monkeypatch.setenv("NO_PROXY", "*")
    begin = time.monotonic()
    assert check("auto").read({"192.0.2.1/a/index:v1": frozenset({"a"})}) == {}
    assert time.monotonic() - begin < 20  # the system itself gives up after minutes


def test_off_asks_nobody(front: Front, check: Check) -> None:
    assert check("off").read({f"{front.host}/a:v1": frozenset({"a"})}) == {}
    assert check("auto").read({}) == {}
    assert front.asked == []
