"""What an archive does not carry is refused before it is made."""

from __future__ import annotations

import pytest

from tests.unit.mirroring.conftest import REAL, Place

HEAD = "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n"
CATALOG = "  operators:\n  - catalog: registry.example.com/redhat/redhat-operator-index:v4.18\n"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("  helm:\n    local:\n    - name: web\n      path: /charts/web.tgz\n", "chart /charts/web.tgz"),
        (
            f"{CATALOG}    targetCatalogSourceTemplate: /templates/cs.yaml\n",
            "targetCatalogSourceTemplate /templates/cs.yaml",
        ),
    ],
)
def test_a_local_file_is_refused_before_the_archive_is_made(connected: Place, text: str, named: str) -> None:
    connected.imageset.write_text(HEAD + text)
    ran = connected.mirror()
    assert ran.returncode == 3
    assert f"the archive would not carry {named}, which the other side reads again" in ran.stderr
    assert "running oc-mirror" not in ran.stderr


def test_a_catalog_that_is_taken_whole_is_warned_of(connected: Place) -> None:
    connected.imageset.write_text(f"{HEAD}{CATALOG}    full: true\n")
    ran = connected.mirror()
    assert REAL or ran.returncode == 0, ran.stderr  # the real program finds no such catalog
    assert "redhat-operator-index:v4.18 is taken whole (full: true)" in ran.stderr
