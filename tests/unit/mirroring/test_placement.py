"""Where oc-mirror's cache has an image, as the real program puts it there."""

from __future__ import annotations

import pytest

from steps.imageset.model import Catalog, Mirror
from steps.mirroring.ocmirror.placement import Rules

INDEX = "registry.redhat.io/redhat/redhat-operator-index"
DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("origin", "place"),
    [
        (f"docker://{INDEX}:v4.18", "redhat/redhat-operator-index:v4.18"),
        # So 4.22 and later name it; the cache has it under its tag nevertheless.
        (f"docker://{INDEX}@{DIGEST}", f"redhat/redhat-operator-index@{DIGEST}"),
        ("registry.example.com/certified/index:v4.18", "ours/certified:4.18"),
        (f"registry.example.com/certified/index@{DIGEST}", f"ours/certified@{DIGEST}"),
        ("docker://localhost:24816/openshift/graph-image:latest", "openshift/graph-image:latest"),
        ("registry.example.com/team/app:v1", "team/app:v1"),
    ],
)
def test_catalogs_and_the_graph_have_places_in_the_cache(origin: str, place: str) -> None:
    catalogs = (
        Catalog(catalog=f"{INDEX}:v4.18"),
        Catalog(
            catalog="registry.example.com/certified/index:v4.18",
            target_catalog="ours/certified",
            target_tag="4.18",
        ),
    )
    rules = Rules.of(Mirror(operators=catalogs))
    assert rules.cached(origin) == (place,)
    assert bool(rules.places(origin, "team")) is ("team/" in origin), "a target has its own catalogs"
