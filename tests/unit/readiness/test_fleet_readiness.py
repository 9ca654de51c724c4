"""The command against a real registry: what is missing is found, and told with what to do."""

from __future__ import annotations

from typing import Any

import pytest

from steps import fleet_readiness
from tests.unit.readiness.conftest import Fleet

Capture = pytest.CaptureFixture[str]


def reasons(document: dict[str, Any]) -> dict[str, list[str]]:
    """What is said of the only cluster: what is the matter, by cause."""
    [row] = document["clusters"]
    found: dict[str, list[str]] = {}
    for reason in document["judgements"][row["judgement"]]["reasons"]:
        found.setdefault(reason["cause"], []).append(reason["what"])
    return found


def test_a_fleet_whose_next_step_is_mirrored_is_ready(fleet: Fleet, capsys: Capture) -> None:
    code, document = fleet.look(capsys=capsys)
    assert (code, document["ready"], document["format"]) == (0, True, 1)
    [row] = document["clusters"]
    assert row["cluster"] == "edge-1"
    assert (row["current"], row["current_from"], row["wanted"]) == ("4.19.5", "the hub", "4.20.12")
    assert row["verdict"] == "ready with warnings"
    assert reasons(document) == {"update in several steps": ["by way of 4.19.20"]}
    [judgement] = document["judgements"]
    assert judgement["path"] == ["4.19.5", "4.19.20", "4.20.12"]
    assert [(one["package"], one["version"]) for one in judgement["operators"]] == [
        ("quay-operator", "3.14.2")
    ]
    fleet.hub["edge-1"]["version"] = "4.19.20"
    code, document = fleet.look(capsys=capsys)
    assert (code, document["clusters"][0]["verdict"], reasons(document)) == (0, "ready", {})


def test_the_table_says_what_is_missing_and_what_to_do(fleet: Fleet, capsys: Capture) -> None:
    [lost, *_] = fleet.site.parts["4.20.12"]
    fleet.site.delete("openshift/release", lost)
    assert fleet_readiness.main(fleet.arguments()) == 17
    printed = capsys.readouterr().out
    assert "1 cluster, 1 registry: 1 not ready" in printed
    assert f"NOT READY  edge-1  at {fleet.site.target}  4.19.5 > 4.19.20 > 4.20.12" in printed
    assert "lost in the registry: 1 of 3 images of release 4.20.12" in printed
    assert lost in printed
    assert (
        "to do: mirror it again: workflow-direct, or workflow-from-disk, with skip-unchanged=false" in printed
    )
