"""Provenance names builder and sources in both versions, and one repository has one form whatever its URL."""

from __future__ import annotations

import json
from typing import Any

import pytest

from steps.trust import provenance
from steps.trust.provenance import Provenance, ProvenanceError, Source, normal
from steps.trust.statement import Statement
from tests.signed_images import BUILD, BUILDER, CHAINS, COMMIT, SOURCE, chains_v02, chains_v1

SUBJECTS = {"quay.io/me/x": "a" * 64}


def read(kind: str, predicate: dict[str, Any]) -> Provenance:
    return Provenance.of(Statement.parse(Statement(SUBJECTS, kind, predicate).as_bytes()))


def test_what_we_write_is_read_as_it_was_meant() -> None:
    predicate = BUILD.predicate()
    assert read(provenance.V1, predicate) == Provenance(BUILDER, (Source(SOURCE, COMMIT),))
    assert predicate["buildDefinition"]["externalParameters"] == {"source": SOURCE, "git-revision": "main"}


@pytest.mark.parametrize(
    ("kind", "predicate"), [(provenance.V1, chains_v1()), (provenance.V02, chains_v02())], ids=["v1", "v0.2"]
)
def test_of_chains_the_sources_count_and_neither_images_nor_definitions(
    kind: str, predicate: dict[str, Any]
) -> None:
    assert read(kind, predicate) == Provenance(CHAINS, (Source(SOURCE, COMMIT),))


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com/me/x",
        "git+https://git.example.com/me/x.git",
        "git+https://GIT.example.com/me/x.git.git",
        "https://git.example.com/me/x/",
        "https://someone@git.example.com/me/x.git",
        "git+https://git.example.com/me/x@refs/heads/main",
        "HTTPS://git.example.com/me/x",
        "https://git.example.com:443/me/x",
        "https://someone:secret@git.example.com:443/me/x.git/",
    ],
)
def test_forms_of_one_url_are_one(url: str) -> None:
    assert normal(url) == "https://git.example.com/me/x"


@pytest.mark.parametrize(
    "url",
    [
        "git@host:me/x.git",
        "ssh://git@host/me/x",
        "git+ssh://host/me/x.git",
        "ssh://git@host:22/me/x",
        "ssh://git:secret@HOST/me/x",
    ],
)
def test_forms_of_one_url_of_ssh_are_one(url: str) -> None:
    assert normal(url) == "ssh://host/me/x"


@pytest.mark.parametrize(
    "url",
    [
        "http://git.example.com/me/x",
        "https://git.example.com:8443/me/x",
        "https://git.example.com/me/x/../y",
        "https://git.example.com/me/x@eve/y",
        "https://git.example.com/me/x@refs/heads/../../../eve/y.git",
        "https://git.example.com/me/x@refs/heads/%2e%2e/%2E%2E/%2e%2e/eve/y",
        "https://git.example.com/me/x@refs/heads/main\\..\\y",
        "https://git.example.com/me/x?y",
        "https://git.example.com@eve.example.com/me/x",
        "https://eve.example.com/https://git.example.com/me/x",
        "ssh://eve@git.example.com/me/x",
        "ssh://eve:secret@git.example.com/me/x",
        "https://git.example.com:80/me/x",
        "http://git.example.com:443/me/x",
        "https://git.example.com:x@eve.example.com/me/x",
        "https://git.example.com:443@eve.example.com/me/x",
        "https://a@git.example.com@eve.example.com/me/x",
        "git.example.com:443@eve.example.com/me/x",
        "https://https://git.example.com/me/x",
        "ssh:///git.example.com/me/x",
        "https://git.example.com:443443/me/x",
        "nothing of this kind",
        "",
    ],
)
def test_another_url_stays_another(url: str) -> None:
    assert normal(url) != "https://git.example.com/me/x"
    assert normal(url) != normal("ssh://git@git.example.com/me/x")


def without(*path: str) -> dict[str, Any]:
    predicate = json.loads(json.dumps(chains_v1()))
    place = predicate
    for name in path[:-1]:
        place = place[name]
    del place[path[-1]]
    return dict(predicate)


@pytest.mark.parametrize(
    ("kind", "predicate", "said"),
    [
        (provenance.V1, {}, "it has no buildDefinition"),
        (provenance.V1, without("runDetails"), "it has no runDetails"),
        (provenance.V1, without("runDetails", "builder"), "it has no builder"),
        (provenance.V1, without("runDetails", "builder", "id"), "it names no builder"),
        (provenance.V02, chains_v1(), "it has no builder"),
        ("https://cyclonedx.org/bom", {}, "it is no provenance but 'https://cyclonedx.org/bom'"),
    ],
)
def test_what_is_no_provenance_is_refused(kind: str, predicate: dict[str, Any], said: str) -> None:
    with pytest.raises(ProvenanceError, match=said):
        read(kind, predicate)


@pytest.mark.parametrize("listed", [None, 1, {}, [], [1], [{}], [{"uri": 1}], [{"uri": "x", "digest": 1}]])
def test_a_list_of_dependencies_that_is_none_names_no_source(listed: object) -> None:
    predicate = chains_v1()
    predicate["buildDefinition"]["resolvedDependencies"] = listed
    assert read(provenance.V1, predicate).sources == ()


def test_a_source_without_a_commit_is_a_source_all_the_same() -> None:
    predicate = chains_v02()
    predicate["materials"] = [{"uri": "git+https://eve.example.com/x", "digest": {}}]
    assert read(provenance.V02, predicate).sources == (Source("https://eve.example.com/x", ""),)
