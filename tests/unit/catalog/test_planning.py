"""Plans checked against real catalogs.

Packages and channels, dependencies, pins, and what a catalog lacks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from steps import create_deployment_configmaps, generate_or_use_imageset
from steps.autoshift.catalog_sources import INDEXES
from steps.errors import InvalidInputError, RegistryError
from steps.inputs import sharing
from steps.workload.names import digest
from tests.conftest import GitRepository
from tests.testbed.registry import Registry
from tests.unit.catalog.index_images import api, catalog, package, push, requires

Publish = Callable[..., None]


@pytest.fixture
def publish(registry: Registry, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Publish:
    """Publish packages as the catalog redhat-operators of 4.20, in a repository of the test's own."""
    repository = f"test{abs(hash(request.node.nodeid))}/redhat-operator-index"
    monkeypatch.setitem(INDEXES, "redhat-operators", f"{registry.host}/{repository}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def publish_packages(*packages: list[dict[str, Any]], minor: str = "4.20") -> None:
        push(registry, f"{repository}:v{minor}", [catalog(*packages)])

    return publish_packages


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "values"
    folder.mkdir()
    return folder


def generate(root: Path, labels: dict[str, str], *arguments: str) -> dict[str, Any]:
    """The packages by name, of a managed set with these labels."""
    everything = {"openshift-version": "4.20.12", **labels}
    (root / "v.yaml").write_text(yaml.safe_dump({"managedClusterSets": {"m": {"labels": everything}}}))
    output = root.parent / "imageset.yaml"
    generate_or_use_imageset.main.perform(
        [f"--values-root={root}", "--values-file-path=v.yaml", f"--output-imageset={output}", *arguments]
    )
    written = yaml.safe_load(output.read_text())
    (found,) = written["mirror"]["operators"]
    return {entry["name"]: entry for entry in found["packages"]}


def channels(entry: dict[str, Any]) -> list[str]:
    return [channel["name"] for channel in entry["channels"]]


QUAY = package("quay-operator", {"stable-3.16": ["3.16.0", "3.16.1"], "stable-3.15": ["3.15.4"]})


def test_the_catalogs_default_channel_takes_the_place_of_the_tables(root: Path, publish: Publish) -> None:
    publish(package("nfd", {"stable": ["4.20.1"], "fast": ["4.21.0"]}, default="fast"))
    labels = {"node-feature-discovery": "true", "node-feature-discovery-channel": "stable"}
    # Without catalogs `stable` counts as nfd's default, and nothing would be said.
    assert "defaultChannel" not in generate(root, labels, "--catalog-check=off")["nfd"]
    assert generate(root, labels)["nfd"]["defaultChannel"] == "stable"


def test_an_operator_without_a_channel_gets_the_default_by_name(root: Path, publish: Publish) -> None:
    publish(package("foo", {"beta": ["1.0.0"], "stable-2": ["2.0.0"]}, default="stable-2"))
    found = generate(root, {"foo": "true", "foo-subscription-name": "foo", "foo-source": "redhat-operators"})
    assert channels(found["foo"]) == ["stable-2"]
    assert "defaultChannel" not in found["foo"]


def test_what_is_required_is_added_in_turn_with_the_reason(
    root: Path, publish: Publish, caplog: pytest.LogCaptureFixture
) -> None:
    publish(
        package("quay-operator", {"stable-3.16": ["3.16.1"]}, every=[requires("a", ">=1.0.0 <2.0.0")]),
        package("a", {"v2": ["2.0.0"], "v1": ["1.5.0"]}, every=[api("Thing", required=True)]),
        package("b", {"stable-3.16": ["1.0.0"], "other": ["1.0.0"]}, default="other", every=[api("Thing")]),
        package("unused", {"x": ["1.0.0"]}),
    )
    with caplog.at_level(logging.INFO):
        found = generate(root, {"quay": "true", "quay-channel": "stable-3.16"})
    assert set(found) == {"quay-operator", "a", "b"}
    assert channels(found["a"]) == ["v1"]  # the default's newest, 2.0.0, is out of the range
    assert channels(found["b"]) == ["other"]
    text = (root.parent / "imageset.yaml").read_text()
    assert "required by quay-operator stable-3.16; for managed set m" in text
    assert "required by a v1; for managed set m" in text
    assert "Catalogs checked: " in caplog.text


def test_what_is_required_of_the_like_channel_comes_from_it(root: Path, publish: Publish) -> None:
    others = {"stable-4.19": ["4.19.9"], "stable-4.20": ["4.20.3"]}
    publish(
        package("odf-operator", {"stable-4.20": ["4.20.3"]}, every=[requires("ocs-operator", ">=4.20.0")]),
        package("ocs-operator", others, default="stable-4.19"),
    )
    found = generate(root, {"odf": "true", "odf-channel": "stable-4.20"})
    # Of the built-in table's eleven packages this catalog has one; the catalog knows.
    assert set(found) == {"odf-operator", "ocs-operator"}
    assert channels(found["ocs-operator"]) == ["stable-4.20"]


def test_a_channel_that_is_asked_for_anyway_does_for_what_is_required(root: Path, publish: Publish) -> None:
    publish(
        package("quay-operator", {"stable-3.16": ["3.16.1"]}, every=[requires("loki-operator", ">=6.0.0")]),
        package("loki-operator", {"stable-6.4": ["6.4.0"], "stable-6.5": ["6.5.0"]}, default="stable-6.5"),
    )
    labels = {"quay": "true", "quay-channel": "stable-3.16", "loki": "true", "loki-channel": "stable-6.4"}
    assert channels(generate(root, labels)["loki-operator"]) == ["stable-6.4"]


def test_requirements_that_nothing_fulfils_are_warned_of(
    root: Path, publish: Publish, caplog: pytest.LogCaptureFixture
) -> None:
    needs = [requires("gone", ">=1.0.0"), api("Nowhere", required=True), requires("a", ">=9.0.0")]
    publish(package("quay-operator", {"s": ["3.16.1"]}, every=needs), package("a", {"s": ["1.0.0"]}))
    with caplog.at_level(logging.INFO):
        found = generate(root, {"quay": "true", "quay-channel": "s"})
    assert set(found) == {"quay-operator", "a"}
    words = " ".join(caplog.text.split())
    assert "requires package gone, which" in words
    assert "needs the API example.com/v1/Nowhere, which nothing there provides" in words
    assert "requires a >=9.0.0, which is the newest of no channel" in words


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (
            {"quay": "true", "quay-channel": "stable-3.61"},
            r"no channel stable-3\.61; the nearest: stable-3\.16",
        ),
        (
            {"quay": "true", "quay-channel": "stable-3.16", "quay-subscription-name": "quay-operatr"},
            r"no package quay-operatr; the nearest: quay-operator; asked for by managed set m \(label quay\)",
        ),
    ],
)
def test_what_the_catalog_lacks_is_an_error_with_the_nearest_names(
    root: Path, publish: Publish, caplog: pytest.LogCaptureFixture, labels: dict[str, str], words: str
) -> None:
    publish(QUAY, package("loki-operator", {"stable-6.4": ["6.4.0"]}))
    for mode in ("auto", "error"):
        with pytest.raises(InvalidInputError, match=words) as caught:
            generate(root, labels, f"--catalog-check={mode}")
        assert "catalog-check" in caught.value.hint
    with caplog.at_level(logging.INFO):
        generate(root, labels, "--catalog-check=warn")
    assert "! " in caplog.text
    assert "the nearest" in " ".join(caplog.text.split())
    generate(root, labels, "--catalog-check=off")


def test_a_pin_is_certain_where_the_catalog_has_its_bundle(
    root: Path, publish: Publish, caplog: pytest.LogCaptureFixture
) -> None:
    documents = package("quay-operator", {"stable-3.16": ["3.16.0", "3.16.1-rc+build.7", "3.16.2"]})
    publish(yaml.safe_load(yaml.safe_dump(documents).replace("v3.16.1-rc+build.7", "v3.16.1-odd")))
    labels = {"quay": "true", "quay-channel": "stable-3.16", "quay-version": "quay-operator.v3.16.1-odd"}
    (channel,) = generate(root, labels)["quay-operator"]["channels"]
    assert channel["minVersion"] == channel["maxVersion"] == "3.16.1-rc+build.7"
    with caplog.at_level(logging.INFO):
        (channel,) = generate(root, labels, "--catalog-check=off")["quay-operator"]["channels"]
    assert "minVersion" not in channel
    assert "does not tell its version" in caplog.text


def test_a_pin_that_the_channel_does_not_have_is_warned_of(
    root: Path, publish: Publish, caplog: pytest.LogCaptureFixture
) -> None:
    publish(QUAY)
    labels = {"quay": "true", "quay-channel": "stable-3.16", "quay-version": "quay-operator.v3.15.4"}
    with caplog.at_level(logging.INFO):
        (channel,) = generate(root, labels)["quay-operator"]["channels"]
    assert "minVersion" not in channel
    assert "quay-operator is pinned to quay-operator.v3.15.4, which channel" in " ".join(caplog.text.split())


def test_a_pinned_bundles_own_requirements_count(root: Path, publish: Publish) -> None:
    versions = {"stable-3.16": ["3.16.0", "3.16.1"]}
    publish(
        package(
            "quay-operator", versions, v3_16_0=[requires("old", "1.0.0")], v3_16_1=[requires("new", "1.0.0")]
        ),
        package("old", {"s": ["1.0.0"]}),
        package("new", {"s": ["1.0.0"]}),
    )
    labels = {"quay": "true", "quay-channel": "stable-3.16"}
    assert set(generate(root, labels)) == {"quay-operator", "new"}
    pinned = {**labels, "quay-version": "quay-operator.v3.16.0"}
    assert set(generate(root, pinned)) == {"quay-operator", "old"}


def test_no_operators_ask_no_registry(
    root: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(INDEXES, "redhat-operators", "127.0.0.1:1/index")
    (root / "v.yaml").write_text("hubClusterSets: {hub: {labels: {openshift-version: 4.20.12}}}\n")
    output = root.parent / "out.yaml"
    arguments = [f"--values-root={root}", "--values-file-path=v.yaml", f"--output-imageset={output}"]
    generate_or_use_imageset.main.perform([*arguments, "--openshift-only=true", "--catalog-check=error"])
    assert output.exists()
    with pytest.raises(RegistryError):
        generate_or_use_imageset.main.perform([*arguments, "--catalog-check=error"])


@pytest.fixture
def repository(git_repository: GitRepository) -> GitRepository:
    labels = "openshift-version: 4.20.12, quay: 'true', quay-channel: stable-3.16"
    git_repository.commit({"v.yaml": f"managedClusterSets: {{m: {{labels: {{{labels}}}}}}}\n"})
    return git_repository


@pytest.mark.parametrize("shared", [True, False], ids=["workspace", "no-workspace"])
def test_both_tasks_come_to_the_same_bytes(
    repository: GitRepository, publish: Publish, tmp_path: Path, shared: bool
) -> None:
    publish(
        package("quay-operator", {"stable-3.16": ["3.16.1"]}, every=[requires("a", "")]),
        package("a", {"s": ["1.0.0"]}),
    )
    values = [
        f"--values-git-url=file://{repository.path}",
        "--values-file-path=v.yaml",
        *([f"--workspace={tmp_path / 'workspace'}"] if shared else []),
    ]
    result = tmp_path / "sha256"
    generate_or_use_imageset.main.perform([*values, f"--result-imageset-sha256={result}"])
    if shared:
        publish(package("quay-operator", {"stable-3.16": ["3.16.9"]}))  # moved on while the run goes on
    given = create_deployment_configmaps.parse([*values, f"--imageset-sha256={result.read_text()}"])
    _commit, _path, _document, chosen = create_deployment_configmaps._content(given)
    sharing.expect(chosen, given.imageset_sha256)
    assert digest(chosen) == result.read_text()
