"""A sample of holes made in a real registry, each found by the command and told by its cause, then mended."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from steps.oci import attached
from steps.trust.releases import RELEASES
from tests.unit.mirroring.conftest import serve_registry
from tests.unit.mirroring.test_acceptance import ACCESS, layer, push
from tests.unit.readiness.conftest import Fleet
from tests.unit.readiness.site import CATALOG, Site, bundle, channel, package
from tests.unit.trust.signers import CONTENT, Signer

VAULT = "docker.io/hashicorp/vault"
READY, WARNED, UNKNOWN, BROKEN = "ready", "ready with warnings", "unknown", "not ready"


@dataclass
class Lab(Fleet):
    """A fleet whose next step works; what is done to its registry is mended after each test."""

    storage: Path = Path()
    operator: list[str] = field(default_factory=list)
    mends: list[Callable[[], object]] = field(default_factory=list)

    def lose(self, place: str, version: str) -> None:
        """Delete a manifest with its tags."""
        with ACCESS.open(f"{self.site.target}/{place}") as repository:
            media_type, content = repository.typed_manifest(version)
            found = repository.find(version)
            assert found
            tags = [tag for tag in repository.tags() if repository.digest(tag) == found.digest]
            repository.delete(found.digest)
        self.mends.append(lambda: self._put(place, [*tags, found.digest], content, media_type))

    def _put(self, place: str, versions: list[str], content: bytes, media_type: str) -> None:
        with ACCESS.open(f"{self.site.target}/{place}") as repository:
            for version in versions:
                repository.put_bytes(version, content, media_type)

    def lose_layer(self, place: str, digest: str) -> None:
        """Take a layer from under the registry."""
        with ACCESS.open(f"{self.site.target}/{place}") as repository:
            [one] = repository.image(digest).layers
        name = one.digest.removeprefix("sha256:")
        path = self.storage / f"docker/registry/v2/blobs/sha256/{name[:2]}/{name}/data"
        kept = path.rename(path.with_name("kept"))
        self.mends.append(lambda: kept.rename(path))

    def keep(self, place: str, tag: str) -> None:
        """Let a tag lead again to what it leads to now."""
        with ACCESS.open(f"{self.site.target}/{place}") as repository:
            media_type, content = repository.typed_manifest(tag)
        self.mends.append(lambda: self._put(place, [tag], content, media_type))

    def retag(self, place: str, tag: str) -> None:
        """Push something else under a tag."""
        self.keep(place, tag)
        push(f"{self.site.target}/{place}", [layer({"something": b"else"})], tag=tag)

    def move_tag(self, place: str, tag: str, to: str) -> None:
        """Let a tag lead to what another one leads to."""
        self.keep(place, tag)
        with ACCESS.open(f"{self.site.target}/{place}") as repository:
            media_type, content = repository.typed_manifest(to)
        self._put(place, [tag], content, media_type)

    def mend(self) -> None:
        for mend in reversed(self.mends):
            mend()
        self.mends.clear()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, list[str], Path]]:
    storage = tmp_path_factory.mktemp("storage")
    with serve_registry(storage) as host:
        site = Site(f"{host}/mirror")
        for version, previous in (
            ("4.19.5", []),
            ("4.19.20", ["4.19.5"]),
            ("4.20.12", ["4.19.20"]),
            ("4.20.13", []),
        ):
            site.release(version, previous)
        site.graph_image({"stable-4.20": ["4.19.5", "4.19.20", "4.20.12", "4.20.13"]})
        images = [site.image(f"registry.redhat.io/quay/{name}") for name in ("bundle", "old")]
        images += [site.image("registry.redhat.io/quay/quay", architectures=["amd64", "arm64"])]
        site.image(VAULT, tag="1.17.2")
        site.image("docker.io/hashicorp/vault-k8s", tag="1.4.2")
        first = bundle("quay-operator", "3.14.1", images[1:2])
        second = bundle("quay-operator", "3.14.2", [images[0], images[2]], requires={"helper": ">=1.0.0"})
        helper = site.image("registry.redhat.io/quay/helper")
        site.catalog(
            "4.20",
            package(
                "quay-operator",
                "stable",
                channel("quay-operator", "stable", "3.14.1", "3.14.2"),
                first,
                second,
            ),
            package(
                "helper", "stable", channel("helper", "stable", "1.2.0"), bundle("helper", "1.2.0", [helper])
            ),
        )
        yield site, [*images, helper], storage


@pytest.fixture
def lab(made: tuple[Site, list[str], Path], tmp_path: Path) -> Iterator[Lab]:
    site, operator, storage = made
    labels = {"quay": "true", "quay-channel": "stable", "quay-source": "redhat-operators", "vault": "true"}
    hub = {"edge-1": {"version": "4.19.20", "operators": {"quay-operator": "quay-operator.v3.14.1"}}}
    found = Lab(
        tmp_path,
        copy.deepcopy(site),
        hub=hub,
        labels=labels,
        images=(f"{VAULT}:1.17.2", "docker.io/hashicorp/vault-k8s:1.4.2"),
        storage=storage,
        operator=operator,
    )
    yield found
    found.mend()


def _digest(reference: str) -> str:
    return reference.partition("@")[2]


def _child(lab: Lab, number: int) -> tuple[str, str]:
    with ACCESS.open(f"{lab.site.target}/quay/quay") as repository:
        return "quay/quay", repository.children(_digest(lab.operator[2]))[number]


def _lose_on_the_way(lab: Lab) -> None:
    lab.hub["edge-1"]["version"] = "4.19.5"
    lab.lose(RELEASE, "4.19.20-x86_64")


def _push_another(lab: Lab) -> None:
    lab.keep(RELEASE, "4.20.12-x86_64")
    lab.site.release("4.20.12", ["4.19.20", "4.19.19"], sign=False)


Hole = Callable[[Lab], object]
INDEX = "redhat/redhat-operator-index"
RELEASE, PAYLOAD = "openshift/release-images", "openshift/release"
HOLES: dict[str, tuple[Hole, str, str]] = {
    "nothing": (lambda lab: None, READY, ""),
    "an image of the release": (
        lambda lab: lab.lose(PAYLOAD, lab.site.parts["4.20.12"][0]),
        BROKEN,
        "lost in the registry",
    ),
    "another image of it": (
        lambda lab: lab.lose(PAYLOAD, lab.site.parts["4.20.12"][1]),
        BROKEN,
        "lost in the registry",
    ),
    "an image of what runs": (
        lambda lab: lab.lose(PAYLOAD, lab.site.parts["4.19.20"][0]),
        WARNED,
        "what runs now is not whole in the registry",
    ),
    "an image of another release": (lambda lab: lab.lose(PAYLOAD, lab.site.parts["4.20.13"][0]), READY, ""),
    "an image of an earlier release": (lambda lab: lab.lose(PAYLOAD, lab.site.parts["4.19.5"][0]), READY, ""),
    "the release": (lambda lab: lab.lose(RELEASE, "4.20.12-x86_64"), BROKEN, "lost in the registry"),
    "what runs": (lambda lab: lab.lose(RELEASE, "4.19.20-x86_64"), BROKEN, "no update path"),
    "a release before": (lambda lab: lab.lose(RELEASE, "4.19.5-x86_64"), READY, ""),
    "a release on the way": (_lose_on_the_way, BROKEN, "no update path"),
    "something else under its tag": (
        lambda lab: lab.retag(RELEASE, "4.20.12-x86_64"),
        BROKEN,
        "another image under the same tag",
    ),
    "an earlier release under its tag": (
        lambda lab: lab.move_tag(RELEASE, "4.20.12-x86_64", "4.20.13-x86_64"),
        BROKEN,
        "another image under the same tag",
    ),
    "a layer of the release": (
        lambda lab: lab.lose_layer(RELEASE, lab.site.releases["4.20.12"]),
        BROKEN,
        "incomplete in the registry",
    ),
    "a layer of the catalog": (
        lambda lab: lab.lose_layer(INDEX, "v4.20"),
        BROKEN,
        "incomplete in the registry",
    ),
    "something else under the catalog's tag": (
        lambda lab: lab.retag(INDEX, "v4.20"),
        UNKNOWN,
        "what is there cannot be read",
    ),
    "another release under its tag": (_push_another, BROKEN, "signature missing or wrong"),
    "its sigstore signature, which no cluster before 4.21 asks for": (
        lambda lab: lab.lose(RELEASE, attached.tag(lab.site.releases["4.20.12"], "sig")),
        READY,
        "",
    ),
    "the signature of what runs": (
        lambda lab: lab.lose(RELEASE, attached.tag(lab.site.releases["4.19.20"], "sig")),
        READY,
        "",
    ),
    "its GPG signature": (
        lambda lab: lab.site.signatures.pop(lab.site.releases["4.20.12"]),
        BROKEN,
        "signature missing or wrong",
    ),
    "the GPG signature of another": (
        lambda lab: lab.site.signatures.pop(lab.site.releases["4.20.13"]),
        READY,
        "",
    ),
    "the graph image": (
        lambda lab: lab.lose("openshift/graph-image", _digest(lab.site.graph)),
        UNKNOWN,
        "the update graph is not known",
    ),
    "the update service": (
        lambda lab: setattr(lab.site, "graph", ""),
        WARNED,
        "no update service is published",
    ),
    "the catalog": (
        lambda lab: lab.lose("redhat/redhat-operator-index", "v4.20"),
        BROKEN,
        "lost in the registry",
    ),
    "the bundle's image": (
        lambda lab: lab.lose("quay/bundle", _digest(lab.operator[0])),
        BROKEN,
        "lost in the registry",
    ),
    "an image of the operator": (
        lambda lab: lab.lose("quay/quay", _digest(lab.operator[2])),
        BROKEN,
        "lost in the registry",
    ),
    "an image of what it requires": (
        lambda lab: lab.lose("quay/helper", _digest(lab.operator[3])),
        BROKEN,
        "lost in the registry",
    ),
    "an image of what is installed": (lambda lab: lab.lose("quay/old", _digest(lab.operator[1])), READY, ""),
    "its image for the architecture": (
        lambda lab: lab.lose(*_child(lab, 0)),
        BROKEN,
        "incomplete in the registry",
    ),
    "its image for another": (lambda lab: lab.lose(*_child(lab, 1)), READY, ""),
    "an additional image": (
        lambda lab: lab.lose("hashicorp/vault", "1.17.2"),
        BROKEN,
        "lost in the registry",
    ),
    "the scope of releases": (
        lambda lab: _rename(lab, RELEASES),
        BROKEN,
        "not covered by the mirror configuration",
    ),
    "the scope of their content": (
        lambda lab: _rename(lab, CONTENT),
        BROKEN,
        "not covered by the mirror configuration",
    ),
    "the scope of the operator": (
        lambda lab: _rename(lab, "registry.redhat.io/quay"),
        BROKEN,
        "not covered by the mirror configuration",
    ),
    "the way to the content": (
        lambda lab: lab.site.digest_mirrors.update({CONTENT: f"{lab.site.target}/elsewhere"}),
        BROKEN,
        "not covered by the mirror configuration",
    ),
    "the way to another registry": (
        lambda lab: lab.site.digest_mirrors.update({CONTENT: "other.example.com/openshift/release"}),
        BROKEN,
        "not covered by the mirror configuration",
    ),
    "a longer scope": (
        lambda lab: lab.site.digest_mirrors.update(
            {"registry.redhat.io/quay/quay": f"{lab.site.target}/none"}
        ),
        BROKEN,
        "not covered by the mirror configuration",
    ),
    "a scope of all subdomains": (
        lambda lab: lab.site.digest_mirrors.update(
            {"*.redhat.io": lab.site.target, "gone": lab.site.digest_mirrors.pop("registry.redhat.io/quay")}
        ),
        READY,
        "",
    ),
    "a mirror set of tags in place of one of digests": (
        lambda lab: lab.site.tag_mirrors.update(
            {"registry.redhat.io/quay": lab.site.digest_mirrors.pop("registry.redhat.io/quay")}
        ),
        BROKEN,
        "not covered by the mirror configuration",
    ),
    "a longer scope of tags, which hides that of digests": (
        lambda lab: lab.site.tag_mirrors.update(
            {"registry.redhat.io/quay/quay": f"{lab.site.target}/quay/quay"}
        ),
        BROKEN,
        "not covered by the mirror configuration",
    ),
    "a longer scope of digests, which hides that of tags": (
        lambda lab: lab.site.digest_mirrors.update({VAULT: f"{lab.site.target}/hashicorp/vault"}),
        BROKEN,
        "not covered by the mirror configuration",
    ),
    "a longer scope of tags, and the same of digests": (
        lambda lab: [
            mirrors.update({"registry.redhat.io/quay/quay": f"{lab.site.target}/quay/quay"})
            for mirrors in (lab.site.tag_mirrors, lab.site.digest_mirrors)
        ],
        READY,
        "",
    ),
    "a longer scope that leads to itself": (
        lambda lab: lab.site.digest_mirrors.update(
            {"registry.redhat.io/quay/quay": "registry.redhat.io/quay/quay"}
        ),
        READY,
        "",
    ),
    "a shorter scope": (
        lambda lab: lab.site.digest_mirrors.update({"registry.redhat.io": f"{lab.site.target}/none"}),
        READY,
        "",
    ),
    "the mirror of tags": (
        lambda lab: lab.site.tag_mirrors.clear(),
        BROKEN,
        "not covered by the mirror configuration",
    ),
    "the CatalogSource": (
        lambda lab: lab.site.catalogs.clear(),
        BROKEN,
        "not covered by the mirror configuration",
    ),
    "what runs, not told": (
        lambda lab: lab.hub["edge-1"].pop("version"),
        UNKNOWN,
        "what runs now is not known",
    ),
    "what is installed, not told": (
        lambda lab: lab.hub["edge-1"].pop("operators"),
        WARNED,
        "installed operators are not known",
    ),
    "a later installed version": (
        lambda lab: lab.hub["edge-1"].update(operators={"quay-operator": "quay-operator.v3.15.0"}),
        WARNED,
        "a later version of an operator is installed",
    ),
    "an installed version that leads nowhere": (
        lambda lab: lab.hub["edge-1"].update(operators={"quay-operator": "quay-operator.v2.0.0"}),
        BROKEN,
        "OLM finds no version",
    ),
    "a later release runs": (
        lambda lab: lab.hub["edge-1"].update(version="4.20.13"),
        WARNED,
        "a later release runs already",
    ),
    "a later release runs, which is not there": (
        lambda lab: lab.hub["edge-1"].update(version="4.20.99"),
        WARNED,
        "what runs now is not whole in the registry",
    ),
    "the same release runs": (lambda lab: lab.hub["edge-1"].update(version="4.20.12"), READY, ""),
    "two steps": (lambda lab: lab.hub["edge-1"].update(version="4.19.5"), WARNED, "update in several steps"),
    "a release that nobody asked for": (
        lambda lab: setattr(lab, "version", "4.20.99"),
        BROKEN,
        "never asked for",
    ),
    "a minor that nobody asked for": (
        lambda lab: setattr(lab, "version", "4.21.3"),
        BROKEN,
        "mirrored for another minor",
    ),
    "no release, and no catalog of what runs": (
        lambda lab: lab.labels.update({"openshift-version": ""}),
        BROKEN,
        "mirrored for another minor",
    ),
    "the newest of the minor has no way": (
        lambda lab: setattr(lab, "version", "4.20"),
        BROKEN,
        "no update path",
    ),
    "a channel without it": (
        lambda lab: lab.labels.update({"openshift-upgrade": "true", "openshift-upgrade-channel": "eus-4.20"}),
        BROKEN,
        "no update path",
    ),
    "an upgrade by AutoShift to no very release": (
        lambda lab: _upgraded(lab, "4.20.12-"),
        UNKNOWN,
        "the values name no release",
    ),
    "an upgrade by AutoShift to a release": (lambda lab: _upgraded(lab, "4.20.12"), READY, ""),
    "a service elsewhere": (
        lambda lab: lab.labels.update(
            {"openshift-upgrade": "true", "openshift-upgrade-channel": "stable-4.20"}
        ),
        UNKNOWN,
        "a default of AutoShift leads elsewhere",
    ),
    "a service of its own, in a channel that nobody tells": (
        lambda lab: _by_policy(lab, ""),
        UNKNOWN,
        "a default of AutoShift leads elsewhere",
    ),
    "a service of its own, in the channel of the policy": (
        lambda lab: _by_policy(lab, "stable-4.20"),
        READY,
        "",
    ),
    "a service of its own, in another channel of the policy": (
        lambda lab: _by_policy(lab, "stable-4.22"),
        UNKNOWN,
        "a default of AutoShift leads elsewhere",
    ),
    "another architecture": (
        lambda lab: lab.config.update({"clusterInstall": {"cpuArch": "aarch64"}}),
        BROKEN,
        "never asked for",
    ),
    "an operator that nobody asked for": (
        lambda lab: lab.labels.update({"acs": "true", "acs-channel": "stable"}),
        BROKEN,
        "never asked for",
    ),
    "a catalog that nobody asked for": (
        lambda lab: lab.labels.update({"quay-source": "certified-operators"}),
        BROKEN,
        "never asked for",
    ),
    "a channel that is not there": (
        lambda lab: lab.labels.update({"quay-channel": "stable-9"}),
        BROKEN,
        "OLM finds no version",
    ),
    "the default channel": (lambda lab: lab.labels.pop("quay-channel"), BROKEN, "OLM finds no version"),
    "a pin": (lambda lab: lab.labels.update({"quay-version": "quay-operator.v3.14.2"}), READY, ""),
    "a pin to what is installed": (
        lambda lab: lab.labels.update({"quay-version": "quay-operator.v3.14.1"}),
        READY,
        "",
    ),
    "a pin that is not there": (
        lambda lab: lab.labels.update({"quay-version": "quay-operator.v3.14.9"}),
        BROKEN,
        "OLM finds no version",
    ),
    "an operator of a catalog that nobody describes": (
        lambda lab: lab.labels.update({"quay-source": "our-own"}),
        UNKNOWN,
        "the catalog of an operator is not known",
    ),
    "an image that is none": (
        lambda lab: lab.labels.update({"vault-version": "1 17"}),
        BROKEN,
        "never asked for",
    ),
    "a catalog by digest": (
        lambda lab: _catalog_by_digest(lab, ""),
        UNKNOWN,
        "the catalog of an operator is not known",
    ),
    "a catalog by digest, with its tag": (
        lambda lab: _catalog_by_digest(lab, "v4.20"),
        READY,
        "",
    ),
    "AutoShift's block": (
        lambda lab: _block(lab, "redhat/redhat-operator-index", "v4.20"),
        READY,
        "",
    ),
    "AutoShift's block with the mirrors": (
        lambda lab: _mirrors(lab, {}),
        READY,
        "",
    ),
    "AutoShift's block without a mirror": (
        lambda lab: _mirrors(lab, {"mirrors": "registry.redhat.io/quay"}),
        WARNED,
        "the values lead images elsewhere",
    ),
    "AutoShift's block without a mirror of tags": (
        lambda lab: _mirrors(lab, {"tagMirrors": "docker.io/hashicorp"}),
        WARNED,
        "the values lead images elsewhere",
    ),
    "AutoShift's block of another minor": (
        lambda lab: _block(lab, "redhat/redhat-operator-index", "v4.19"),
        UNKNOWN,
        "the values lead an operator to another catalog",
    ),
    "AutoShift's block of another path": (
        lambda lab: _block(lab, "else/redhat-operator-index", "v4.20"),
        UNKNOWN,
        "the values lead an operator to another catalog",
    ),
    "AutoShift's block without the catalog": (
        lambda lab: _block(lab, "", ""),
        UNKNOWN,
        "the values lead an operator to another catalog",
    ),
    "a CatalogSource of this mirror, by its name": (
        lambda lab: _sources(lab, "cs-redhat-operator-index-v4-20"),
        READY,
        "",
    ),
    "the CatalogSource of another minor": (
        lambda lab: _sources(lab, "cs-redhat-operator-index-v4-19"),
        UNKNOWN,
        "the values lead an operator to another catalog",
    ),
    "a label that nobody knows": (
        lambda lab: lab.labels.update({"something-else": "true"}),
        WARNED,
        "a label is not known",
    ),
    "an image that nobody asked for": (
        lambda lab: lab.labels.update({"vault-version": "1.18.0"}),
        BROKEN,
        "never asked for",
    ),
}


def _catalog_by_digest(lab: Lab, tag: str) -> None:
    """An ImageSet that names the catalog by digest, with a path of its own in the mirror."""
    lab.catalogs = (f"{CATALOG}@sha256:{'1' * 64}",)
    lab.more = {"targetCatalog": "own/index", "targetTag": tag} if tag else {}
    place, [usual] = f"{lab.site.target}/own/index", lab.site.catalogs
    with ACCESS.open(f"{lab.site.target}/{INDEX}") as repository:
        image = repository.image("v4.20")
        media_type, content = repository.typed_manifest("v4.20")
        blobs = [repository.read_blob(one, 1 << 20) for one in (image.config, *image.layers)]
    with ACCESS.open(place) as repository:
        for blob in blobs:
            repository.push_blob(blob)
        repository.put_bytes("v4.20", content, media_type)
    lab.lose(INDEX, "v4.20")
    lab.site.catalogs[:] = [f"{place}:v4.20"] if tag else [usual]


def _block(lab: Lab, path: str, tag: str) -> None:
    host, _, below = lab.site.target.partition("/")
    entries = [{"source": "redhat-operators", "imagePath": path, "tag": tag}, {"source": "x"}, "x"]
    registry = {"host": host, "path": below}
    lab.config["disconnected"] = {"mirrorRegistry": registry, "catalogs": entries}
    lab.labels["disconnected-mirror"] = "true"


def _by_policy(lab: Lab, channel: str) -> None:
    """An upgrade without the label of its channel; AutoShift's policy in the checkout has a default."""
    lab.labels.update({"openshift-upgrade": "true", "openshift-upgrade-upstream": "https://osus"})
    if channel:
        folder = lab.folder / "values/policies/stable/openshift-upgrade/manifests"
        folder.mkdir(parents=True)
        label = 'index .ManagedClusterLabels "autoshift.io/openshift-upgrade-channel"'
        line = f'  {{{{- $channel := "{{{{hub {label} | default "{channel}" hub}}}}" }}}}\n'
        (folder / "clusterversion.yaml").write_text(f"object-templates-raw: |\n{line}")


def _upgraded(lab: Lab, version: str) -> None:
    labels = {"openshift-upgrade": "true", "openshift-upgrade-channel": "stable-4.20"}
    lab.labels.update({**labels, "openshift-upgrade-upstream": "https://osus"})
    lab.version = version
    lab.site.graph_image({"stable-4.20": ["4.19.20", "4.20.12"]})


def _mirrors(lab: Lab, without: dict[str, str]) -> None:
    """AutoShift's block with the mirrors that are published, but for one."""
    _block(lab, INDEX, "v4.20")
    found = {"mirrors": lab.site.digest_mirrors, "tagMirrors": lab.site.tag_mirrors}
    for key, mirrors in found.items():
        lab.config["disconnected"]["mirrorRegistry"][key] = [
            {"source": source, "mirror": mirror if source != without.get(key) else "elsewhere.example.com/x"}
            for source, mirror in mirrors.items()
        ]


def _sources(lab: Lab, name: str) -> None:
    """Name the CatalogSources as oc-mirror does, and one of them in the label of the operator."""
    [place] = lab.site.catalogs
    lab.site.catalogs[:] = [place, place.replace("v4.20", "v4.19")]
    lab.site.source_names = ["cs-redhat-operator-index-v4-20", "cs-redhat-operator-index-v4-19"]
    lab.labels["quay-source"] = name


def _rename(lab: Lab, source: str) -> None:
    lab.site.digest_mirrors[f"{source}-other"] = lab.site.digest_mirrors.pop(source)


def told(document: dict[str, Any]) -> tuple[str, set[str]]:
    [row] = document["clusters"]
    return row["verdict"], {reason["cause"] for reason in document["judgements"][row["judgement"]]["reasons"]}


@pytest.mark.parametrize("what", HOLES)
def test_each_hole_is_told_by_its_cause(lab: Lab, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    hole, verdict, cause = HOLES[what]
    hole(lab)
    code, document = lab.look(capsys=capsys)
    state, causes = told(document)
    assert (state, cause in causes or not causes if not cause else cause in causes) == (verdict, True), (
        document
    )
    assert code == (0 if verdict in {READY, WARNED} else 17)
    lab.mend()


def test_a_layer_that_is_lost_is_told_where_layers_are_asked_for(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    lab.lose_layer(PAYLOAD, lab.site.parts["4.20.12"][1])
    assert told(lab.look(capsys=capsys)[1]) == (READY, set())
    _code, document = lab.look("--layers", capsys=capsys)
    assert told(document) == (BROKEN, {"incomplete in the registry"})


def test_without_keys_nobody_has_verified_and_other_keys_refuse(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(lab.look("--release-keys=", capsys=capsys)[1]) == (UNKNOWN, {"signatures were not verified"})
    assert told(lab.look("--without-signatures", capsys=capsys)[1]) == (
        WARNED,
        {"signatures were not looked at"},
    )
    other = Signer()
    keys = lab.folder / "others"
    keys.mkdir()
    (keys / "a.pub").write_bytes(other.sigstore.public.pem())
    (keys / "a.asc").write_text(str(other.gpg.extract_certificate()))
    state, causes = told(lab.look(f"--release-keys={keys}", capsys=capsys)[1])
    assert (state, causes) == (BROKEN, {"signature missing or wrong"})


def test_from_4_22_on_the_content_has_to_be_signed_as_well(
    fleet: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.site.release("4.22.1")
    fleet.site.release("4.22.2", ["4.22.1"])
    fleet.site.graph_image({"stable-4.22": ["4.22.1", "4.22.2"]})
    fleet.version, fleet.labels = "4.22.2", {}
    fleet.hub = {"edge-1": {"version": "4.22.1"}}
    assert told(fleet.look(capsys=capsys)[1]) == (READY, set())
    fleet.site.delete(PAYLOAD, attached.tag(fleet.site.parts["4.22.2"][1], "sig"))
    assert told(fleet.look(capsys=capsys)[1]) == (BROKEN, {"signature missing or wrong"})
    fleet.site.sign("4.22.2")
    fleet.site.delete(RELEASE, attached.tag(fleet.site.releases["4.22.2"], "sig"))
    assert told(fleet.look(capsys=capsys)[1]) == (BROKEN, {"signature missing or wrong"})


def test_a_cluster_of_another_architecture_needs_all_that_runs_there_for_it(
    fleet: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    site = fleet.site
    site.release("4.20.11", architecture="arm64")
    site.release("4.20.12", ["4.20.11"], architecture="arm64")
    site.graph_image({"stable-4.20": ["4.20.11", "4.20.12"]})
    fleet.hub["edge-1"]["version"] = "4.20.11"
    fleet.config = {"clusterInstall": {"cpuArch": "arm64"}}

    def look() -> tuple[str, list[str]]:
        _code, document = fleet.look(capsys=capsys)
        reasons = document["judgements"][0]["reasons"]
        return document["clusters"][0]["verdict"], [one for reason in reasons for one in reason["missing"]]

    def offer(*names: str, architectures: Sequence[str]) -> None:
        images = [site.image(f"registry.redhat.io/op/{name}") for name in ("bundle", "one")]
        images += [site.image("registry.redhat.io/op/both", architectures=["amd64", "arm64"])]
        there = [image for image in images if image.partition("@")[0].rpartition("/")[2] in names]
        site.catalogs.clear()
        site.catalog(
            "4.20",
            package(
                "quay-operator",
                "stable-3.14",
                channel("quay-operator", "stable-3.14", "3.14.1"),
                bundle("quay-operator", "3.14.1", there),
            ),
            architectures=architectures,
        )

    offer("bundle", "both", architectures=["amd64", "arm64"])
    assert look() == (READY, []), "of a bundle only the files are read"
    offer("bundle", "both", architectures=[])
    place = f"{site.target}/{INDEX}:v4.20"
    assert look() == (BROKEN, [f"{place} is for linux/amd64, not for linux/arm64"])
    offer("bundle", "one", architectures=["amd64", "arm64"])
    verdict, [missing] = look()
    assert (verdict, missing.partition("@")[0]) == (BROKEN, "registry.redhat.io/op/one")
    assert missing.endswith("is for linux/amd64, not for linux/arm64")


def test_what_an_operator_requires_is_looked_for_in_the_other_catalogs_too(
    fleet: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    site, helper = fleet.site, fleet.site.image("registry.example.com/other/helper")
    site.catalogs.clear()
    own = bundle("quay-operator", "3.14.1", requires={"helper": ">=1.0.0 <2.0.0"})
    entries = channel("quay-operator", "stable-3.14", "3.14.1")
    site.catalog("4.20", package("quay-operator", "stable-3.14", entries, own))
    fleet.hub["edge-1"] = {"version": "4.19.20", "operators": {"quay-operator": "quay-operator.v3.14.1"}}
    state, causes = told(fleet.look(capsys=capsys)[1])
    assert (state, causes) == (BROKEN, {"what an operator requires is missing"})
    needed = [bundle("helper", "1.2.0", [helper]), bundle("helper", "2.0.0")]
    entries = channel("helper", "stable", "1.2.0", "2.0.0")
    other = "registry.redhat.io/redhat/certified-operator-index"
    site.catalog("4.20", package("helper", "stable", entries, *needed), index=other)
    assert told(fleet.look(capsys=capsys)[1]) == (READY, set())
    site.delete("other/helper", _digest(helper))
    assert told(fleet.look(capsys=capsys)[1]) == (BROKEN, {"lost in the registry"})
    site.delete(other.partition("/")[2], "v4.20")
    state, causes = told(fleet.look(capsys=capsys)[1])
    assert (state, causes) == (BROKEN, {"what an operator requires is missing"})
