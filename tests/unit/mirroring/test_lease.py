"""The second lock where the cluster does not give it; how it is held is tested on the real API server."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from steps.mirroring import lease
from steps.workload import names
from tests.unit.mirroring.conftest import Place
from tests.unit.mirroring.test_announce import Refusing, kubeconfig, refusing, write_kubeconfig

__all__ = ["kubeconfig", "refusing"]


@pytest.fixture(autouse=True)
def _nothing_said_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "_warned", set())


def test_without_the_right_a_run_goes_on_and_says_so_once(connected: Place, refusing: type[Refusing]) -> None:
    for _run in range(2):
        ran = connected.mirror("--lease=oc-mirror-data", "--namespace=mine")
        assert ran.returncode == 0, ran.stderr
        refused = [line for line in refusing.asked if "leases" in line]
        assert refused[0] == "GET /apis/coordination.k8s.io/v1/namespaces/mine/leases/oc-mirror-data"
        assert ran.stderr.count("is locked on its volume only, without a Lease") == (
            1 if len(refused) == 1 else 0
        )


def test_an_api_server_that_does_not_answer_stops_no_run(connected: Place, kubeconfig: Path) -> None:
    write_kubeconfig(kubeconfig, 1)
    begun = time.monotonic()
    ran = connected.mirror("--lease=oc-mirror-data", "--namespace=mine")
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("is locked on its volume only, without a Lease") == 1
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize("arguments", [["--namespace=mine"], ["--lease=oc-mirror-data"]])
def test_without_a_name_or_a_namespace_no_lease_is_asked_for(
    connected: Place, refusing: type[Refusing], arguments: list[str]
) -> None:
    assert connected.mirror(*arguments).returncode == 0
    assert not [line for line in refusing.asked if "leases" in line]


def test_each_claim_has_a_lease_of_its_own() -> None:
    claims = [names.CLAIM, "other", "a.b", "a-b", "x" * 253, "x" * 252 + "y"]
    found = [names.lease(claim) for claim in claims]
    assert found[:2] == ["oc-mirror-data", "oc-mirror-data-other"]
    assert len(set(found)) == len(claims)
    assert max(map(len, found)) <= 63
