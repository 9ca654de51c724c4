"""The real names: through a proxy, over TLS, with a CA of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from steps.errors import RegistryError
from steps.inputs.catalog_check import CatalogCheck
from tests.testbed.pki import self_signed
from tests.testbed.registry import Registry
from tests.unit.catalog.front import before, proxy_to
from tests.unit.catalog.index_images import catalog, package, push

NAME = "registry.redhat.io"
WANTED = {f"{NAME}/redhat/redhat-operator-index:v4.20": frozenset({"quay-operator"})}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificate and key of the registry's name, signed by itself."""
    return self_signed(tmp_path_factory.mktemp("tls"), f"DNS:{NAME}")


def check(ca_bundle: Path | None) -> CatalogCheck:
    return CatalogCheck(mode="error", authfile=None, ca_bundle=ca_bundle, workspace=None)


def test_proxy_and_ca_lead_to_the_registry(
    registry: Registry, certificate: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    quay = package("quay-operator", {"stable-3.16": ["3.16.1"]})
    push(registry, "redhat/redhat-operator-index:v4.20", [catalog(quay)])
    asked: list[str] = []
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with before(registry, certificate) as front, proxy_to(front.host, asked) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        (found,) = check(certificate).read(WANTED).values()
        assert found.package("quay-operator")
        assert set(asked) == {f"{NAME}:443"}
        with pytest.raises(
            RegistryError, match=r"certificate of registry\.redhat\.io is not trusted"
        ) as caught:
            check(None).read(WANTED)
        assert "trusted-ca" in caught.value.hint
        (tmp_path / "empty.pem").write_text("no certificate")
        with pytest.raises(RegistryError, match="holds no certificate"):
            check(tmp_path / "empty.pem").read(WANTED)


def test_a_proxy_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with pytest.raises(RegistryError, match=r"127\.0\.0\.1 cannot be reached"):
        check(None).read(WANTED)
