"""Every workflow with either line of oc-mirror: the one that came with OpenShift, and 2.x after it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.unit.mirroring.conftest import standin_only

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.mirroring.conftest import Place

pytestmark = standin_only


@pytest.fixture(autouse=True, params=["4.18.30", "4.22.16", "2.0.0"])
def _line(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDIN_VERSION", request.param)


def test_to_disk_and_from_disk(
    connected: Place, disconnected: Place, target: str, has: Callable[[str, str], bool]
) -> None:
    assert connected.mirror("--dry-run=true").returncode == 0
    for version in ("v1", "v2"):
        connected.names(f"team/app:{version}", "team/db:v1")
        ran = connected.mirror()
        assert ran.returncode == 0, ran.stderr
    assert "continues generation 1" in ran.stderr
    shutil.copytree(connected.data / "generations", disconnected.data / "generations")
    ran = disconnected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert has(target, "team/app:v2")


def test_direct_and_deletion(direct: Place, target: str, has: Callable[[str, str], bool]) -> None:
    for version in ("v1", "v2"):
        direct.names(f"team/app:{version}", "team/db:v1")
        ran = direct.mirror()
        assert ran.returncode == 0, ran.stderr
        assert has(target, f"team/app:{version}")
    assert "verified" in ran.stderr
    ran = direct.mirror("--workflow=workflow-delete-generate")
    assert ran.returncode == 0, ran.stderr
    assert "team/app:v1" in (direct.data / "removal" / "plan.json").read_text()
