"""catalog-check from inside a Task's pod: name, TLS, CA and login as at the registry that Red Hat keeps."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import task_pod
from tests.cluster.lab import NEVER
from tests.cluster.product import PIPELINES, WORKLOADS, Product, install, permit
from tests.cluster.task_pod import Step
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
    permit(cluster, WORKLOADS, "configmaps", "oc-mirror-*", "catalog-ca")
    installed.defaults |= {"trusted-ca-configmap": "catalog-ca", "catalog-check": "error"}
    return installed


def make_login(product: Product, name: str, password: str) -> None:
    auths = {NAME: {"auth": base64.b64encode(f"me:{password}".encode()).decode()}}
    secret: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": PIPELINES},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": json.dumps({"auths": auths})},
    }
    product.cluster.apply(json.dumps(secret))


def test_a_pod_checks_operators_against_their_catalog(product: Product) -> None:
    make_login(product, "oc-mirror-pull-secret", PASSWORD)
    parameters = {"values-file-path": "good.yaml", "deploy-mode": "cronjob", "schedule": NEVER}
    log = product.succeed(parameters, pod_template=ALIASES).log("generate-or-use-imageset")
    assert f"Catalogs checked: {NAME}/redhat/redhat-operator-index:v4.20." in log
    assert PASSWORD not in log
    (operators,) = product.imageset()["mirror"]["operators"]
    found = {entry["name"]: entry for entry in operators["packages"]}
    assert set(found) == {"quay-operator", "needed"}
    assert [channel["name"] for channel in found["needed"]["channels"]] == ["slow"]


@pytest.fixture(scope="module")
def refused(product: Product) -> dict[str, str]:
    """What the step says, by case, where the check fails."""
    make_login(product, "right-login", PASSWORD)
    make_login(product, "wrong-login", "wrong")
    cases = {
        "channel": {"values-file-path": "bad.yaml", "pull-secret": "right-login"},
        "no secret": {"values-file-path": "good.yaml", "pull-secret": "none-such"},
        "wrong password": {"values-file-path": "good.yaml", "pull-secret": "wrong-login"},
    }
    usual = {name: value for name, value in product.defaults.items() if name != "storage-size"}
    steps = {case: Step("generate-or-use-imageset", usual | given) for case, given in cases.items()}
    ended = task_pod.run(product.cluster, steps, pod=ALIASES)
    assert all(step.code for step in ended.values()), ended
    return {case: step.log for case, step in ended.items()}


def test_a_channel_that_the_catalog_does_not_have_is_said_with_those_it_has(
    refused: dict[str, str],
) -> None:
    assert "stable-3.61" in refused["channel"]
    assert "stable-3.16" in refused["channel"]


@pytest.mark.parametrize("case", ["no secret", "wrong password"])
def test_a_registry_that_lets_nobody_in_is_said(refused: dict[str, str], case: str) -> None:
    log = refused[case]
    assert NAME in log
    assert "hint:" in log
    assert "pull secret" in log or "pull-secret" in log
