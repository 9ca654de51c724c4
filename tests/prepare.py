"""The step before any layer of tests: install and build everything that the layers need.

    python -m tests.prepare [LAYER …]    # `make programs`

On Debian as root it installs and builds, and says in one line what it installs. Elsewhere it says what is
missing and how to get it; with REQUIRE_ALL_LAYERS=1 it then fails.
"""

from __future__ import annotations

import os
import sys

from tests import requirements
from tests.layers import uses_testbed
from tests.requirements import CLUSTER, LAYERS, RequirementError
from tests.testbed import cluster
from tests.testbed.layout import TestbedError


def main(layers: list[str]) -> int:
    """Prepare some layers, or all; return 0 unless something is missing that is required."""
    if unknown := sorted(set(layers) - set(LAYERS)):
        print(
            f"error: there is no layer {', '.join(unknown)}; there are: {', '.join(LAYERS)}", file=sys.stderr
        )
        return 2
    required = os.environ.get("REQUIRE_ALL_LAYERS") == "1"
    try:
        prepare(layers or list(LAYERS))
    except (RequirementError, TestbedError) as error:
        print(f"{'error' if required else 'warning'}: {error}", file=sys.stderr, flush=True)
        return 1 if required else 0
    return 0


def prepare(layers: list[str]) -> None:
    """Install what is missing; build the testbed where its tests are wanted and no cluster is given."""
    with_testbed = CLUSTER in layers and uses_testbed()
    requirements.install(layers if with_testbed else [name for name in layers if name != CLUSTER], _say)
    if with_testbed:
        if reason := cluster.obstacle():
            raise TestbedError(f"the cluster's tests cannot run here: {reason}")
        cluster.build(_say)


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
