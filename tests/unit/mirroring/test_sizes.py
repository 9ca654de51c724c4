"""What packages weigh: recorded by a run, for the plan of the next ImageSet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from steps.inputs import sizes as plan_sizes
from tests.standin.oc_mirror import Image
from tests.unit.mirroring.conftest import standin_only

if TYPE_CHECKING:
    from tests.unit.mirroring.conftest import Place

HEAD = "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n"
CATALOG = "registry.example.com/redhat/redhat-operator-index:v4.18"

pytestmark = standin_only


def names(place: Place, *packages: str) -> None:
    lines = "".join(f"    - name: {package}\n" for package in packages)
    place.imageset.write_text(f"{HEAD}  operators:\n  - catalog: {CATALOG}\n    packages:\n{lines}")


def weight(package: str) -> int:
    """Bytes of the bundle's blobs, which is the only image that the stand-in's catalogs name."""
    name = f"registry.example.com/{package}/{package}-bundle:v1"
    return sum(map(len, Image(name, "operator", f"{package}/{package}-bundle", "v1").blobs.values()))


def test_a_run_records_what_its_packages_weigh_and_keeps_those_of_earlier_ones(
    connected: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = {name: {"stable": ["1.0.0"]} for name in ("alpha", "beta")}
    monkeypatch.setenv("STANDIN_CATALOG", json.dumps(packages))
    names(connected, "alpha")
    assert connected.mirror().returncode == 0
    record = connected.data / "sizes.json"
    assert plan_sizes.from_file(record) == {CATALOG: {"alpha": weight("alpha")}}
    names(connected, "beta")
    assert connected.mirror().returncode == 0
    assert plan_sizes.from_file(record) == {CATALOG: {"alpha": weight("alpha"), "beta": weight("beta")}}


def test_a_damaged_record_is_begun_anew(connected: Place) -> None:
    (connected.data / "sizes.json").parent.mkdir(exist_ok=True)
    (connected.data / "sizes.json").write_text("{")
    ran = connected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "sizes.json is started again" in ran.stderr
    assert plan_sizes.from_file(connected.data / "sizes.json") == {}
