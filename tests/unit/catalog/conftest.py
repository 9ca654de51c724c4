"""A registry of the tests' own, and the way entrypoints read catalogs from it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import stamina

from steps.inputs.catalog_check import CatalogCheck
from steps.parameters.value_kinds import CatalogMode
from tests.conftest import unavailable
from tests.testbed.registry import Registry, serving
from tests.unit.catalog.front import Front, before

Check = Callable[..., CatalogCheck]


def _needs_registry() -> None:
    if shutil.which("docker-registry") is None:
        unavailable("there is no program docker-registry: see `make programs`")


@pytest.fixture(scope="session")
def registry() -> Iterator[Registry]:
    _needs_registry()
    with serving() as found:
        yield found


@pytest.fixture(scope="session")
def closed_registry() -> Iterator[Registry]:
    """A registry that requires a login."""
    _needs_registry()
    with serving(username="me", password="secret") as found:
        yield found


@pytest.fixture
def front(registry: Registry) -> Iterator[Front]:
    with before(registry) as found:
        yield found


@pytest.fixture
def at_once() -> Iterator[None]:
    """Make repeated requests follow each other without a pause."""
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Return a function that makes checks, by default without a workspace.

    It ignores the machine's proxies.
    """
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")

    def make(
        mode: CatalogMode = "error", *, authfile: Path | None = None, workspace: Path | None = None
    ) -> CatalogCheck:
        return CatalogCheck(mode=mode, authfile=authfile, ca_bundle=None, workspace=workspace)

    return make
