"""What OLM installs from a channel, and on which way."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace

import pytest

from steps.catalog.fbc import Query, packages_of
from steps.catalog.packages import Bundle, Entry, Package, from_json, to_json
from steps.catalog.packages import Catalog as Read
from steps.readiness import olm
from tests.unit.catalog.index_images import as_json
from tests.unit.readiness.site import bundle, channel, package


def made(*entries: Entry, without: tuple[str, ...] = ()) -> Package:
    bundles = {
        entry.name: Bundle(entry.name, entry.name.removeprefix("op.v"))
        for entry in entries
        if entry.name not in without
    }
    return Package("op", "stable", {"stable": tuple(bundles)}, bundles, {"stable": entries})


def entry(version: str, replaces: str = "", *skips: str, skip_range: str = "") -> Entry:
    name = f"op.v{replaces}" if replaces else ""
    return Entry(f"op.v{version}", name, tuple(f"op.v{one}" for one in skips), skip_range)


CHAIN = (entry("1.0.0"), entry("1.1.0", "1.0.0"), entry("1.2.0", "1.1.0"))


def steps(found: olm.Way) -> list[str]:
    return [one.version for one in found.steps]


@pytest.mark.parametrize(
    ("entries", "installed", "expected"),
    [
        (CHAIN, "", ["1.2.0"]),
        (CHAIN, "op.v1.0.0", ["1.1.0", "1.2.0"]),
        (CHAIN, "op.v1.2.0", []),
        ((*CHAIN[:2], entry("1.2.0", "1.1.0", "1.0.0")), "op.v1.0.0", ["1.2.0"]),
        ((*CHAIN[:2], entry("1.2.0", "1.1.0", skip_range=">=0.9.0 <1.2.0")), "op.v1.0.0", ["1.2.0"]),
        ((entry("1.2.0", "1.1.0", skip_range=">=0.9.0 <1.2.0"),), "op.v0.9.5", ["1.2.0"]),
        ((entry("1.2.0", "1.1.0"),), "op.v1.1.0", ["1.2.0"]),  # filtered: what it replaces is not there
        ((entry("2.0.0-rc.1"),), "", ["2.0.0-rc.1"]),
        ((*CHAIN[:2], entry("1.2.0", "1.0.0", "1.1.0")), "op.v1.0.0", ["1.2.0"]),
        ((*CHAIN[:2], entry("1.2.0", "1.0.0", "1.1.0")), "op.v1.1.0", ["1.2.0"]),
    ],
)
def test_olm_goes_to_what_is_nearest_to_the_head(
    entries: tuple[Entry, ...], installed: str, expected: list[str]
) -> None:
    found = olm.way(made(*entries), "stable", installed=installed)
    assert (steps(found), found.obstacle) == (expected, "")


@pytest.mark.parametrize(
    ("installed", "pins", "expected", "obstacle"),
    [
        ("", ("op.v1.1.0",), ["1.1.0"], ""),
        ("", ("op.v1.0.0", "op.v1.1.0"), ["1.1.0"], ""),
        ("op.v1.0.0", ("op.v1.1.0",), ["1.1.0"], ""),
        ("op.v1.1.0", ("op.v1.1.0",), [], ""),
        (
            "op.v1.0.0",
            ("op.v1.2.0",),
            [],
            "OLM proposes op.v1.1.0, which the pin to op.v1.2.0 does not allow",
        ),
        ("op.v1.2.0", ("op.v1.1.0",), [], "no update of channel stable leads from op.v1.2.0 to op.v1.1.0"),
        ("", ("op.v7.0.0",), [], "channel stable of op does not have op.v7.0.0"),
    ],
)
def test_a_pin_lets_olm_go_no_further(
    installed: str, pins: tuple[str, ...], expected: list[str], obstacle: str
) -> None:
    found = olm.way(made(*CHAIN), "stable", installed=installed, pins=pins)
    assert steps(found) == expected
    assert obstacle in found.obstacle
    assert bool(obstacle) == bool(found.obstacle)


def deprecate(package: Package, *versions: str) -> Package:
    bundles = {
        name: replace(one, deprecated=one.version in versions) for name, one in package.bundles.items()
    }
    return replace(package, bundles=bundles)


@pytest.mark.parametrize(
    ("versions", "installed", "pins", "expected"),
    [
        (["1.0.0"], "", (), ["1.2.0"]),
        (["1.2.0"], "", (), ["1.1.0"]),
        (["1.2.0"], "op.v1.0.0", (), ["1.1.0"]),
        (["1.2.0"], "op.v1.1.0", (), []),
        (["1.0.0"], "op.v1.0.0", (), ["1.1.0", "1.2.0"]),
        (["1.0.0", "1.1.0", "1.2.0"], "op.v1.1.0", (), []),
    ],
)
def test_olm_installs_nothing_that_is_deprecated(
    versions: list[str], installed: str, pins: tuple[str, ...], expected: list[str]
) -> None:
    package = deprecate(made(*CHAIN), *versions)
    found = olm.way(package, "stable", installed=installed, pins=pins)
    assert (steps(found), found.obstacle) == (expected, "")
    wanted = olm.required(package, lambda bundle: True)
    left = [one for one in ("1.2.0", "1.1.0", "1.0.0") if one not in versions]
    assert (wanted and wanted.version) == (left[0] if left else None)


@pytest.mark.parametrize(
    ("versions", "installed", "pins", "words"),
    [
        (["1.0.0", "1.1.0", "1.2.0"], "", (), "every version in channel stable of op is deprecated"),
        (["1.0.0", "1.1.0", "1.2.0"], "op.v0.9.0", (), "every version in channel stable of op is deprecated"),
        (["1.1.0"], "op.v1.0.0", (), "leads from op.v1.0.0 to its head op.v1.2.0"),
        (["1.1.0"], "", ("op.v1.1.0",), "channel stable of op does not have op.v1.1.0"),
    ],
)
def test_where_only_deprecated_versions_lead_on_olm_goes_nowhere(
    versions: list[str], installed: str, pins: tuple[str, ...], words: str
) -> None:
    found = olm.way(deprecate(made(*CHAIN), *versions), "stable", installed=installed, pins=pins)
    assert words in found.obstacle


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (olm.way(made(*CHAIN), "fast"), "op has no channel fast there (it has stable)"),
        (olm.way(made(entry("1.0.0"), entry("1.1.0")), "stable"), "has no head, or more than one"),
        (
            olm.way(made(entry("1.0.0", "1.1.0"), entry("1.1.0", "1.0.0")), "stable"),
            "has no head, or more than one",
        ),
        (
            olm.way(made(*CHAIN, without=("op.v1.2.0",)), "stable"),
            "the head of channel stable of op is not in the catalog",
        ),
        (
            olm.way(made(*CHAIN, without=("op.v1.1.0",)), "stable", installed="op.v1.0.0"),
            "after op.v1.0.0 OLM goes to op.v1.1.0, which is not in the catalog",
        ),
        (
            olm.way(made(*CHAIN), "stable", installed="op.v0.1.0"),
            "no update of channel stable leads from op.v0.1.0 to its head op.v1.2.0",
        ),
        (  # what the head skips is no step any more (sortChannel)
            olm.way(made(*CHAIN[:2], entry("1.2.0", "1.1.0", "1.1.0")), "stable", installed="op.v1.0.0"),
            "no update of channel stable leads from op.v1.0.0 to its head op.v1.2.0",
        ),
        (
            olm.way(
                made(entry("1.0.0", "1.1.0"), entry("1.1.0", "1.0.0"), entry("1.2.0", "1.1.0")), "stable"
            ),
            "has a circle of bundles that replace each other, with op.v1.1.0",
        ),
    ],
)
def test_where_olm_cannot_go_it_is_said(found: olm.Way, words: str) -> None:
    assert words in found.obstacle


def test_a_later_version_than_the_head_stays() -> None:
    found = olm.way(made(*CHAIN), "stable", installed="op.v1.3.0")
    assert (found.steps, found.obstacle) == ((), "")
    assert found.ahead == (
        "op.v1.3.0 is installed, which is later than op.v1.2.0, the head of channel stable"
    )


@pytest.mark.parametrize(
    ("constraint", "requires", "needs", "unclear"),
    [
        ({"package": {"packageName": "a", "versionRange": ">1"}}, (("a", ">1"),), (), ()),
        ({"gvk": {"group": "g", "version": "v1", "kind": "K"}}, (), ("g/v1/K",), ()),
        (
            {"all": {"constraints": [{"package": {"packageName": "a"}}, {"cel": {"rule": "true"}}]}},
            (("a", ""),),
            (),
            ("cel",),
        ),
        (
            {"failureMessage": "needs one of two", "any": {"constraints": [{"package": {}}]}},
            (),
            (),
            ("any: needs one of two",),
        ),
        ({"not": {}}, (), (), ("not",)),
        ({"else": 1}, (), (), ("of an unknown kind",)),
        (
            {"all": {"constraints": ["x", {"all": 3}, {"all": {"constraints": None}}]}},
            (),
            (),
            ("of an unknown kind",),
        ),
    ],
)
def test_a_constraint_is_read_or_told(
    constraint: object, requires: object, needs: object, unclear: object
) -> None:
    document = bundle("op", "1.0.0")
    document["properties"].append({"type": "olm.constraint", "value": constraint})
    content = as_json(package("op", "stable", channel("op", "stable", "1.0.0"), document))
    read = packages_of(content, Query(frozenset({"op"})))
    found = read["op"].bundles["op.v1.0.0"]
    assert (found.requires, found.needs, found.unclear) == (requires, needs, unclear)
    catalog = Read("x", "sha256:1", dict(read))
    assert from_json(to_json(catalog), "x", "sha256:1") == catalog


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["4.20"], "4.20"),
        ([""], "''"),
        (["4.19", "4.20"], "4.19 and 4.20"),
        ([None], "None"),
        ([], ""),
    ],
)
def test_a_limit_that_olm_refuses_is_told_from_none(values: list[str | None], expected: str) -> None:
    document = bundle("op", "1.0.0")
    document["properties"] += [{"type": "olm.maxOpenShiftVersion", "value": one} for one in values]
    content = as_json(package("op", "stable", channel("op", "stable", "1.0.0"), document))
    found = packages_of(content, Query(frozenset({"op"}), whole=True))["op"].bundles["op.v1.0.0"].content
    assert found
    assert found.newest_openshift == expected


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ({"kind": "ClusterServiceVersion", "spec": {"minKubeVersion": "1.34.0"}}, "1.34.0"),
        ({"kind": "ClusterServiceVersion", "spec": {}}, ""),
        ({"kind": "ClusterServiceVersion", "spec": "minKubeVersion"}, ""),
        ({"kind": "ConfigMap", "spec": {"minKubeVersion": "1.34.0"}}, ""),
        (["minKubeVersion"], ""),
    ],
)
def test_an_older_catalog_has_the_kubernetes_that_it_needs_in_its_manifests(
    manifest: object, expected: str
) -> None:
    document = bundle("op", "1.0.0")
    data = b64encode(json.dumps(manifest).encode()).decode()
    values = [{"data": data}, {"data": "!"}, {"data": b64encode(b"minKubeVersion").decode()}, {"ref": "x"}, 3]
    document["properties"] += [{"type": "olm.bundle.object", "value": one} for one in values]
    content = as_json(package("op", "stable", channel("op", "stable", "1.0.0"), document))
    found = packages_of(content, Query(frozenset({"op"}), whole=True))["op"].bundles["op.v1.0.0"].content
    assert found
    assert found.oldest_kubernetes == expected


def test_that_a_bundle_is_deprecated_is_read_and_kept() -> None:
    document = bundle("op", "1.0.0")
    document["properties"] += [{"type": "olm.deprecated", "value": {}}]
    documents = [channel("op", "stable", "1.0.0", "1.1.0"), document, bundle("op", "1.1.0")]
    read = packages_of(as_json(package("op", "stable", *documents)), Query(frozenset({"op"})))
    assert [one.deprecated for one in read["op"].bundles.values()] == [True, False]
    catalog = Read("x", "sha256:1", dict(read))
    assert from_json(to_json(catalog), "x", "sha256:1") == catalog


def test_a_number_of_json_is_read_as_it_is_written() -> None:
    document = bundle("op", "1.0.0", newest="LIMIT")
    content = as_json(package("op", "stable", channel("op", "stable", "1.0.0"), document))
    content = content.replace(b'"LIMIT"', b"4.20")
    found = packages_of(content, Query(frozenset({"op"}), whole=True))["op"].bundles["op.v1.0.0"].content
    assert found
    assert found.newest_openshift == "4.20"


def test_what_bundles_install_is_read_and_kept_where_it_is_asked_for() -> None:
    documents = package(
        "op",
        "stable",
        channel(
            "op",
            "stable",
            "1.0.0",
            {"name": "op.v1.1.0", "replaces": "op.v1.0.0", "skips": ["op.v0.9.0"], "skipRange": "<1.1.0"},
        ),
        bundle("op", "1.0.0", ["r.example.com/a@sha256:1"]),
        bundle(
            "op",
            "1.1.0",
            ["r.example.com/a@sha256:2", "r.example.com/b@sha256:3"],
            newest="4.20",
            kubernetes="1.31.0",
        ),
    )
    content = as_json(documents)
    whole = packages_of(content, Query(frozenset({"op"}), whole=True))["op"]
    last = whole.bundles["op.v1.1.0"].content
    assert last
    assert (last.images, last.newest_openshift, last.oldest_kubernetes) == (
        ("r.example.com/a@sha256:2", "r.example.com/b@sha256:3"),
        "4.20",
        "1.31.0",
    )
    assert whole.entries["stable"][1] == Entry("op.v1.1.0", "op.v1.0.0", ("op.v0.9.0",), "<1.1.0")
    catalog = Read("x", "sha256:1", {"op": whole})
    assert from_json(to_json(catalog), "x", "sha256:1") == catalog
    usual = packages_of(content, Query(frozenset({"op"})))["op"]
    assert (usual.entries, usual.bundles["op.v1.1.0"].content) == ({}, None)
