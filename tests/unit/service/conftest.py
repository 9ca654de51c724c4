"""The same places to mirror in as the tests of mirroring have."""

from __future__ import annotations

from tests.unit.mirroring.conftest import _clean_environment, connected, oc_mirror, source

__all__ = ["_clean_environment", "connected", "oc_mirror", "source"]
