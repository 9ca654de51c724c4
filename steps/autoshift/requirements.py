"""Packages that an operator needs although no label asks for them: oc-mirror resolves no dependencies.

Facts, each with its source:
* ACM installs the multicluster engine by a Subscription of its own. Its channel follows ACM's: 2.5 below it
  up to ACM 2.16 (stable-2.9 for 2.14 … stable-2.11 for 2.16), the same from 2.17 on; seen in the catalogs of
  4.16 to 4.19, whose defaults move together.
* ODF's bundle lists its packages in bundle/**/metadata/dependencies.yaml of red-hat-storage/odf-operator,
  branches release-4.16 … release-4.22; downstream noobaa-operator is mcg-operator and csi-addons is
  odf-csi-addons-operator. Rook is ocs-operator's own requirement in 4.16.
"""

from __future__ import annotations

import re
from typing import Final

ACM_PACKAGE: Final = "advanced-cluster-management"
ODF_PACKAGE: Final = "odf-operator"

_ODF_SINCE: Final = {
    "mcg-operator": (4, 16),
    "ocs-client-operator": (4, 16),
    "ocs-operator": (4, 16),
    "odf-csi-addons-operator": (4, 16),
    "odf-prometheus-operator": (4, 16),
    "recipe": (4, 16),
    "rook-ceph-operator": (4, 16),
    "cephcsi-operator": (4, 17),
    "odf-dependencies": (4, 18),
    "odf-external-snapshotter-operator": (4, 20),
    "ocs-tls-profiles": (4, 22),
}
_NEWEST_ACM: Final = 17  # the newest whose engine is known from a catalog


def required_packages(package: str, channel: str | None, minor: str) -> list[tuple[str, str | None]]:
    """List (package, channel) that `package` of `channel` needs in the catalog of `minor`.

    A channel of None is the catalog's default, for a channel whose name does not tell a version.
    """
    if package == ACM_PACKAGE:
        found = re.fullmatch(r"release-2\.(\d+)", channel or "")
        if not found:
            return [("multicluster-engine", None)]
        release = int(found[1])
        return [("multicluster-engine", f"stable-2.{release if release >= _NEWEST_ACM else release - 5}")]
    if package == ODF_PACKAGE:
        found = re.fullmatch(r"stable-(\d+)\.(\d+)", channel or "")
        version = (int(found[1]), int(found[2])) if found else tuple(int(part) for part in minor.split("."))
        return [
            (name, f"stable-{version[0]}.{version[1]}")
            for name, since in sorted(_ODF_SINCE.items())
            if version >= since
        ]
    return []


def doubt(package: str, channel: str | None) -> str | None:
    """Say what is not certain about the requirements of `package`, where anything is."""
    if package != ACM_PACKAGE:
        return None
    found = re.fullmatch(r"release-2\.(\d+)", channel or "")
    if found and int(found[1]) <= _NEWEST_ACM:
        return None
    return (
        f"which multicluster-engine channel goes with {package} {channel or 'of the default channel'} is not "
        "known; check the one chosen"
    )
