"""The testbed's command line."""

from __future__ import annotations

import argparse
import sys
import time

from tests import requirements
from tests.testbed import cluster, gitserver, images, storage
from tests.testbed.layout import BIN, GIT_ROOT, GIT_URL, KUBECONFIG, NODE_ADDRESS, REGISTRY, TestbedError
from tests.testbed.processes import running


def _build() -> int:
    if reason := cluster.obstacle():
        raise TestbedError(reason)
    requirements.install([requirements.CLUSTER], _say)
    cluster.build(_say)
    return 0


def _up() -> int:
    started = time.monotonic()
    fresh = cluster.up(_say)
    _say(f"{'up' if fresh else 'already up and healthy'}, {time.monotonic() - started:.1f} s")
    return _env()


def _down() -> int:
    cluster.down()
    return 0


def _status() -> int:
    for daemon in running():
        print(f"{daemon.name:<25}{daemon.pid or 'dead, see'}  {daemon.log}")
    well = cluster.healthy()
    print("healthy" if well else "not healthy")
    return 0 if well else 1


def _env() -> int:
    """Print what a shell needs: `eval "$(python -m tests.testbed env)"`."""
    print(f"export KUBECONFIG={KUBECONFIG}")
    print(f"export PATH={BIN}:$PATH")
    print(f"export TESTBED_NODE={NODE_ADDRESS}")
    print(f"export TESTBED_REGISTRY={REGISTRY}")
    print(f"export TESTBED_GIT_URL={GIT_URL}  TESTBED_GIT_ROOT={GIT_ROOT}")
    print(f"export TESTBED_BASE_IMAGE={images.BASE}")
    return 0


def _recycler() -> int:
    storage.recycle_forever()
    return 0


def _gitserver() -> int:
    gitserver.serve_forever()
    return 0


_COMMANDS = {
    "build": (_build, "install what is missing, build programs and images into the cache"),
    "up": (_up, "have a healthy cluster"),
    "down": (_down, "stop it and remove its state"),
    "status": (_status, "tell what runs; exit code 1 if it is not healthy"),
    "env": (_env, "print the shell variables to reach it"),
    "recycler": (_recycler, "internal: make released volumes fresh again, forever"),
    "gitserver": (_gitserver, "internal: serve the Git repositories, forever"),
}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Run one command; an expected failure is one message, not a traceback."""
    parser = argparse.ArgumentParser(prog="python -m tests.testbed", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (_, text) in _COMMANDS.items():
        commands.add_parser(name, help=text)
    requirements.enforce(requirements.CLUSTER)
    try:
        return _COMMANDS[parser.parse_args().command][0]()
    except (TestbedError, requirements.RequirementError) as error:
        _say(f"error: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
