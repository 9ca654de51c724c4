"""catalog-check from inside a Task's pod: name, TLS, CA and login as at the registry that Red Hat keeps."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.product import PIPELINES, Product, install
from tests.conftest import unavailable
from tests.testbed.client import Cluster
from tests.testbed.layout import NODE_ADDRESS
from tests.testbed.pki import self_signed
from tests.testbed.registry import Registry, serving
from tests.testbed.repositories import Repository
from tests.unit.catalog.index_images import catalog, package, push, requires

NAME = "registry.redhat.io"
PASSWORD = "not-for-the-log"
VALUES = "managedClusterSets: {{m: {{labels: {{openshift-version: 4.20.12, {labels}}}}}}}\n"
ALIASES = {"hostAliases": [{"ip": NODE_ADDRESS, "hostnames": [NAME]}]}


@pytest.fixture(scope="module")
def redhat(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry that pods take for registry.redhat.io, with the catalog of 4.20, closed to strangers."""
    if not cluster.node_address:
        unavailable("only the testbed has an address for a registry that pods reach")
    certificate = self_signed(tmp_path_factory.mktemp("tls"), f"DNS:{NAME},IP:{NODE_ADDRESS}")
    with (
        pytest.MonkeyPatch.context() as patch,
        serving(
            username="me", password=PASSWORD, address=NODE_ADDRESS, port=443, certificate=certificate
        ) as found,
    ):
        patch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        patch.setenv("NO_PROXY", f"{NODE_ADDRESS},{os.environ.get('NO_PROXY', '')}")
        quay = package("quay-operator", {"stable-3.16": ["3.16.1"]}, every=[requires("needed", "")])
        needed = package("needed", {"fast": ["1.0.0"], "slow": ["1.0.0"]}, default="slow")
        push(found, "redhat/redhat-operator-index:v4.20", [catalog(quay, needed)])
        yield found


@pytest.fixture(scope="module")
def product(
    cluster: Cluster,
    image: str,
    redhat: Registry,
    make_repository: Callable[[str, Path], Repository],
    tmp_path_factory: pytest.TempPathFactory,
) -> Product:
    """The product with a fleet that wants Quay, and what its pods need to get into the registry."""
    values = tmp_path_factory.mktemp("values")
    for name, channel in (("good", "stable-3.16"), ("bad", "stable-3.61")):
        labels = f"quay: 'true', quay-channel: {channel}"
        (values / f"{name}.yaml").write_text(VALUES.format(labels=labels))
    installed = install(cluster, make_repository("catalog-check", values).url, image)
    assert redhat.certificate
    ca = f"--from-file=ca-bundle.crt={redhat.certificate.with_name('certificate.pem')}"
    cluster.kubectl("create", "configmap", "catalog-ca", ca, "-n", PIPELINES)
    installed.defaults |= {"trusted-ca-configmap": "catalog-ca", "catalog-check": "error"}
    return installed


def run(product: Product, values: str) -> tuple[bool, str]:
    """Whether the run succeeded, and what generate-or-use-imageset said."""
    parameters = {"values-file-path": values, "deploy-mode": "cronjob", "schedule": "0 2 * * *"}
    ended = product.run(parameters, pod_template=ALIASES)
    return ended.succeeded, ended.log("generate-or-use-imageset")


def let_in(product: Product, password: str) -> None:
    auth = base64.b64encode(f"me:{password}".encode()).decode()
    config = json.dumps({"auths": {NAME: {"auth": auth}}})
    secret: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "oc-mirror-pull-secret", "namespace": PIPELINES},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": config},
    }
    product.cluster.apply(json.dumps(secret))


def test_a_pod_checks_operators_against_their_catalog(product: Product) -> None:
    let_in(product, PASSWORD)
    succeeded, log = run(product, "good.yaml")
    assert succeeded, log
    assert f"Catalogs checked: {NAME}/redhat/redhat-operator-index:v4.20." in log
    assert PASSWORD not in log
    (operators,) = product.imageset()["mirror"]["operators"]
    found = {entry["name"]: entry for entry in operators["packages"]}
    assert set(found) == {"quay-operator", "needed"}
    assert [channel["name"] for channel in found["needed"]["channels"]] == ["slow"]

    succeeded, log = run(product, "bad.yaml")
    assert not succeeded
    assert "stable-3.61" in log
    assert "stable-3.16" in log


@pytest.mark.parametrize("password", ["", "wrong"], ids=["no-secret", "wrong-password"])
def test_a_registry_that_lets_nobody_in_is_said(product: Product, password: str) -> None:
    if password:
        let_in(product, password)
    else:
        product.cluster.kubectl(
            "delete", "secret", "oc-mirror-pull-secret", "-n", PIPELINES, "--ignore-not-found"
        )
    succeeded, log = run(product, "good.yaml")
    assert not succeeded
    assert NAME in log
    assert "hint:" in log
    assert "pull secret" in log or "pull-secret" in log
