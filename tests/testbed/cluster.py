"""The whole cluster: up, down, and whether it is well."""

from __future__ import annotations

import platform
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests import requirements
from tests.testbed import (
    binaries,
    control,
    files,
    gitserver,
    images,
    leftovers,
    node,
    pki,
    registry,
    runtime,
    storage,
    tekton,
)
from tests.testbed.layout import BIN, READY, STATE, TestbedError
from tests.testbed.processes import running
from tests.testbed.waiting import wait_until

Say = Callable[[str], None]

_DAEMONS = (
    "containerd",
    "coredns",
    "etcd",
    "gitserver",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubelet",
    "recycler",
    "registry",
)


def obstacle() -> str | None:
    """Why no testbed can be had on this machine, or None."""
    if platform.machine() != "x86_64":
        return f"the testbed is only known to work on x86_64, this is {platform.machine()}"
    if reason := requirements.obstacle():
        return f"the testbed needs root on Debian, and {reason}"
    return binaries.obstacle()


def build(say: Say) -> list[Path]:
    """Build every program and image that is not in the cache yet; the archives of the images that a node
    needs.

    Compiling keeps the processors busy, so that what waits for the network meanwhile costs hardly any time.
    """
    with ThreadPoolExecutor() as pool:
        waiting: list[Future[Any]] = [
            pool.submit(binaries.download, "tekton"),
            pool.submit(binaries.download, "gitea"),
            pool.submit(files.ensure_wheels),
            pool.submit(images.ensure_base),
            pool.submit(images.ensure_builder),
        ]
        for group in binaries.GROUPS:
            with _timed(f"programs of {group}", say):
                binaries.ensure(group)
        with _timed("images", say):
            for begun in waiting:
                begun.result()
            return images.ensure()


def up(say: Say) -> bool:
    """Have a healthy cluster; whether one had to be started."""
    if reason := obstacle():
        raise TestbedError(reason)
    with binaries.locked("cluster"):
        if _recovers():
            return False
        _down()
        _up(say)
        return True


def down() -> None:
    """Stop everything and remove the state; what was built stays in the cache."""
    with binaries.locked("cluster"):
        _down()


def healthy() -> bool:
    """Whether all is well now: the processes, the node, and Tekton."""
    try:
        return _complete() and node.ready() and tekton.ready()
    except TestbedError:
        return False


def _recovers() -> bool:
    """Whether it is well, or is so soon: after a restart of the API server nothing seems ready for a while.

    Others may be using it, so it is only replaced when it is really broken.
    """
    if not _complete():
        return False
    try:
        wait_until("the cluster to recover", healthy, timeout=90, interval=1)
    except TestbedError:
        return False
    return True


def _complete() -> bool:
    """Whether it once came up, of these versions, and all its processes live."""
    if not READY.exists() or READY.read_text() != _fingerprint():
        return False
    return {daemon.name for daemon in running() if daemon.pid}.issuperset(_DAEMONS)


def _up(say: Say) -> None:
    requirements.install([requirements.CLUSTER], say)
    archives = build(say)
    _link_programs()
    pki.create()
    runtime.start()
    with ThreadPoolExecutor() as pool:
        importing = pool.submit(runtime.load_images, archives)
        with _timed("control plane", say):
            control.start()
        with _timed("node, registry, Git server, storage", say):
            node.start()
            registry.start()
            gitserver.start()
            storage.start()
            node.wait_until_ready()
        with _timed("images into containerd", say):
            importing.result()
    with _timed("Tekton", say):
        tekton.install()
        tekton.wait_until_ready()
    READY.write_text(_fingerprint())


def _fingerprint() -> str:
    """What the cluster was made of: one of other versions is not the one that was asked for."""
    return " ".join([*map(binaries.key, binaries.GROUPS), images.base_key()])


def _down() -> None:
    """Kill without goodbyes: the state goes, too, and an API server's own shutdown takes ten seconds."""
    READY.unlink(missing_ok=True)
    daemons = running()
    # The kubelet and containerd first, or they start again what is being killed.
    for daemon in sorted(daemons, key=lambda daemon: daemon.name not in {"kubelet", "containerd"}):
        daemon.stop(how=signal.SIGKILL)
    leftovers.kill_containers()
    leftovers.remove_networks()
    leftovers.unmount()
    shutil.rmtree(STATE, ignore_errors=True)


def _link_programs() -> None:
    """One folder with links to all programs, to be put on the PATH."""
    BIN.mkdir(parents=True, exist_ok=True)
    for group in ("kubernetes", "etcd", "coredns", "tkn", "cosign"):
        for program in binaries.ensure(group).iterdir():
            (BIN / program.name).symlink_to(program)


@contextmanager
def _timed(what: str, say: Say) -> Iterator[None]:
    started = time.monotonic()
    yield
    say(f"{time.monotonic() - started:6.1f} s  {what}")
