"""A registry of the tests' own, and the command against it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from steps import fleet_readiness
from tests.unit.mirroring.conftest import serve_registry
from tests.unit.mirroring.test_acceptance import MAKER
from tests.unit.readiness.site import CATALOG, Site, bundle, channel, imageset, package


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve_registry(tmp_path_factory.mktemp("readiness")) as found:
        yield found


@pytest.fixture
def site(host: str) -> Site:
    """An empty target."""
    return Site(f"{host}/mirror-{uuid.uuid4().hex[:12]}")


@dataclass
class Fleet:
    """Values with a hub set and the clusters of a set, a hub's word on them, and the command."""

    folder: Path
    site: Site
    version: str = "4.20.12"
    hub: dict[str, dict[str, Any]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    catalogs: tuple[str, ...] = (f"{CATALOG}:v4.20",)
    images: tuple[str, ...] = ()
    more: dict[str, str] = field(default_factory=dict)
    """Fields of each catalog in the ImageSet."""

    def arguments(self, *more: str) -> list[str]:
        values = self.folder / "values"
        values.mkdir(exist_ok=True)
        entry = {"labels": {"openshift-version": self.version, **self.labels}, "config": self.config}
        (values / "fleet.yaml").write_text(json.dumps({"managedClusterSets": {"stores": entry}}))
        arguments = [f"--values-git-url={values}", "--values-file-path=fleet.yaml"]
        if self.hub:
            state = self.folder / "hub.json"
            clusters = {name: {"set": "stores", **one} for name, one in self.hub.items()}
            state.write_text(json.dumps({"format": 1, "clusters": clusters}))
            arguments.append(f"--hub-state={state}")
        data = self.site.publish(
            self.folder / "data", imageset(*self.catalogs, images=self.images, more=self.more)
        )
        keys = self.folder / "keys"
        keys.mkdir(exist_ok=True)
        (keys / "openshift.pub").write_bytes(MAKER.sigstore.public.pem())
        (keys / "redhat.asc").write_text(str(MAKER.gpg.extract_certificate()))
        return [*arguments, f"--data={data}", f"--release-keys={keys}", *more]

    def look(self, *more: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
        """Run the command with --json; return its exit code and its document."""
        capsys.readouterr()
        code = fleet_readiness.main(self.arguments("--json", *more))
        printed = capsys.readouterr()
        assert printed.out, printed.err
        return code, json.loads(printed.out)


@pytest.fixture
def fleet(tmp_path: Path, site: Site) -> Fleet:
    """A fleet whose next step is mirrored: from 4.19.5 by way of 4.19.20 to 4.20.12, with one operator."""
    site.release("4.19.5")
    site.release("4.19.20", ["4.19.5"])
    site.release("4.20.12", ["4.19.20"])
    site.graph_image({"stable-4.20": ["4.19.5", "4.19.20", "4.20.12"]})
    first = [
        site.image("registry.redhat.io/quay/bundle", content=b"1"),
        site.image("registry.redhat.io/quay/quay", content=b"1"),
    ]
    second = [
        site.image("registry.redhat.io/quay/bundle", content=b"2"),
        site.image("registry.redhat.io/quay/quay", content=b"2", architectures=["amd64", "arm64"]),
    ]
    site.catalog(
        "4.20",
        package(
            "quay-operator",
            "stable-3.14",
            channel("quay-operator", "stable-3.14", "3.14.1", "3.14.2"),
            bundle("quay-operator", "3.14.1", first),
            bundle("quay-operator", "3.14.2", second),
        ),
    )
    labels = {"quay": "true", "quay-channel": "stable-3.14", "quay-source": "redhat-operators"}
    hub = {"edge-1": {"version": "4.19.5", "operators": {"quay-operator": "quay-operator.v3.14.1"}}}
    return Fleet(tmp_path, site, hub=hub, labels=labels)
