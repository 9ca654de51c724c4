"""Measure how long the way back to Git takes beside the runs before it: `python -m tests.bench.publish`.

The runs are the deployment pipeline, and the Job that it deploys, with two small images: the shortest runs
that there are, and so the largest share for publish-to-git. The aim is a request after at most 1.2 times the
seconds up to the Job's end. Quoted are medians, in whole seconds as Kubernetes and Gitea tell them.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from tests.cluster.product import build_image, install
from tests.cluster.publishing import VALUES, Publishing
from tests.testbed import binaries, gitea
from tests.testbed import cluster as testbed
from tests.testbed.client import Cluster
from tests.testbed.registry import Registry

ROUNDS = 3
AIM = 1.2


def main() -> int:
    """Measure and print."""
    testbed.up(print)
    cluster = Cluster.testbed()
    programs = binaries.ensure("gitea")
    with (
        tempfile.TemporaryDirectory() as folder,
        gitea.serving(programs, Path(folder, "gitea"), address=cluster.node_address) as server,
    ):
        url = server.repository("values", {"values.yaml": VALUES})
        product = install(cluster, url, build_image(Path(tempfile.mkdtemp(dir=folder))))
        site = Publishing.prepare(product, server, url, Registry(cluster.registry), Path(folder))
        rounds, target = [], site.target()
        for number in range(ROUNDS + 1):
            product.clean()
            run = site.mirror(target)
            [request] = site.requests()
            if number:  # the first round warms up
                rounds.append(site.times(run, request))
            site.withdraw(request)
    runs, requested = (statistics.median(one[part] for one in rounds) for part in (0, 1))
    print(f"start to the Job's end {runs:6.1f} s")
    print(f"start to the request   {requested:6.1f} s")
    print(f"ratio {requested / runs:.2f}, aim {AIM}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
