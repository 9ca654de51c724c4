"""The Lease as a second lock, on the real API server and with the rights of the workload's Role.

Each pod has a volume of its own here: that is what two pods see of a volume whose locks do not reach the
other one. Takes about three minutes, in which it mostly waits.
"""

from __future__ import annotations

import json
import subprocess
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from steps.mirroring.lease import LEASE_SECONDS, PAUSE, RENEWAL
from tests.cluster.test_announce import Laptop
from tests.testbed.client import Cluster
from tests.testbed.layout import TestbedError
from tests.testbed.waiting import eventually, wait_until

NAME = "oc-mirror-data"
RUN = ("--workflow=workflow-to-disk", f"--lease={NAME}")


@pytest.fixture
def laptop(cluster: Cluster, namespace: str, tmp_path: Path) -> Laptop:
    return Laptop(cluster, namespace, tmp_path)


def lease(laptop: Laptop) -> dict[str, Any]:
    found: dict[str, Any] = laptop.cluster.get("lease", NAME, "-n", laptop.namespace)
    return found


def holder(laptop: Laptop) -> str:
    with suppress(TestbedError):  # it is not there yet
        return str(lease(laptop)["spec"].get("holderIdentity") or "")
    return ""


def hand_to(laptop: Laptop, name: str, age: float = 0) -> None:
    """Let somebody have renewed the Lease so many seconds ago."""
    renewed = (datetime.now(UTC) - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    document = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": NAME, "namespace": laptop.namespace},
        "spec": {"holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": renewed},
    }
    laptop.cluster.apply(json.dumps(document), "--force-conflicts")


def started(laptop: Laptop, pod: str, *more: str, **settings: str) -> subprocess.Popen[str]:
    """Start a run that takes long, and wait until it has the Lease."""
    process = subprocess.Popen(
        laptop.command(*RUN, *more),
        env=laptop.environment(POD_NAME=pod, STANDIN_SLOW="120", **settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )

    def has_it() -> bool:
        assert process.poll() is None
        return holder(laptop) == pod

    wait_until(f"the Lease of {pod}", has_it, tolerate=())
    return process


def test_a_run_has_the_lease_renews_it_and_lets_it_go(laptop: Laptop) -> None:
    with started(laptop, "pod-a") as process:
        first = lease(laptop)["spec"]["renewTime"]
        eventually("its renewal", lambda: lease(laptop)["spec"]["renewTime"] > first, timeout=LEASE_SECONDS)
        process.terminate()
        assert process.wait(60) == 143
    assert not holder(laptop)
    done = laptop.mirror(*RUN, POD_NAME="pod-b")
    assert done.returncode == 0, done.stderr
    assert "Lease" not in done.stderr
    assert not holder(laptop)


def test_a_second_run_is_refused_while_the_first_lives(laptop: Laptop) -> None:
    with started(laptop, "pod-a") as process:
        try:
            done = laptop.mirror(*RUN, f"--data={laptop.folder / 'other'}", POD_NAME="pod-b")
            assert done.returncode == 5, done.stderr
            where = f"Lease {laptop.namespace}/{NAME}"
            assert f"the data directory is in use by pod-a, which renews {where}" in done.stderr
            assert "running oc-mirror" not in done.stderr
            assert holder(laptop) == "pod-a"
        finally:
            process.terminate()
            process.wait(60)


def test_a_killed_run_is_followed_at_once_by_its_own_pod_and_soon_by_another(laptop: Laptop) -> None:
    for pod, longest in (("pod-a", LEASE_SECONDS / 2), ("pod-b", LEASE_SECONDS + PAUSE + 20.0)):
        # Each in a folder of its own: an oc-mirror that a killed run has started keeps the lock there.
        killed = f"--data={laptop.folder / f'killed-before-{pod}'}"
        with started(laptop, "pod-a", killed) as process:
            process.kill()
        assert holder(laptop) == "pod-a"
        begun = time.monotonic()
        done = laptop.mirror(*RUN, f"--data={laptop.folder / pod}", POD_NAME=pod)
        assert done.returncode == 0, done.stderr
        assert time.monotonic() - begun < longest
        assert not holder(laptop)


def test_who_died_long_ago_is_not_waited_for(laptop: Laptop) -> None:
    hand_to(laptop, "pod-a", age=24 * 3600)
    begun = time.monotonic()
    done = laptop.mirror(*RUN, POD_NAME="pod-b")
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - begun < LEASE_SECONDS / 2


def test_a_run_whose_lease_another_has_taken_ends(laptop: Laptop) -> None:
    with started(laptop, "pod-a") as process:
        hand_to(laptop, "pod-b")
        assert process.stderr is not None
        said = process.stderr.read()
        assert process.wait(RENEWAL + 60) == 143
    assert f"ERROR: pod-b has taken over Lease {NAME}" in said
    assert holder(laptop) == "pod-b"


def test_without_the_right_a_run_goes_on_and_says_so_once(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    done = Laptop(cluster, namespace, tmp_path, allowed=False).mirror(*RUN, POD_NAME="pod-a")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("is locked on its volume only, without a Lease: ") == 1
    assert "may not get leases.coordination.k8s.io" in done.stderr
