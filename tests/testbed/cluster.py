"""The whole cluster: up, down, and whether it is well."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.testbed import (
    binaries,
    control,
    gitserver,
    images,
    node,
    packages,
    pki,
    registry,
    runtime,
    storage,
    tekton,
)
from tests.testbed.layout import BIN, READY, STATE, TestbedError
from tests.testbed.processes import Daemon, run, running

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


def build(say: Say) -> None:
    """Build every program and image that is not in the cache yet."""
    for group in binaries.GROUPS:
        with _timed(f"programs of {group}", say):
            binaries.ensure(group)
    with _timed("images", say):
        images.ensure()


def up(say: Say) -> bool:
    """Have a healthy cluster; whether one had to be started."""
    if reason := packages.obstacle():
        raise TestbedError(reason)
    with binaries.locked("cluster"):
        if healthy():
            return False
        _down()
        _up(say)
        return True


def down() -> None:
    """Stop everything and remove the state; what was built stays in the cache."""
    with binaries.locked("cluster"):
        _down()


def healthy() -> bool:
    """Whether a cluster that once came up still is: all its processes, its node, and Tekton."""
    if not READY.exists():
        return False
    alive = {daemon.name for daemon in running() if daemon.pid}
    try:
        return alive.issuperset(_DAEMONS) and node.ready() and tekton.ready()
    except TestbedError:
        return False


def _up(say: Say) -> None:
    with _timed("packages", say):
        packages.ensure()
    build(say)
    with _timed("control plane and images", say):
        _link_programs()
        pki.create()
        with ThreadPoolExecutor() as pool:
            importing = pool.submit(_start_runtime)
            runtime.prepare_network()
            control.start()
            importing.result()
    with _timed("node, registry, Git server, storage", say):
        node.start()
        registry.start()
        gitserver.start()
        storage.start()
        node.wait_until_ready()
    with _timed("Tekton", say):
        tekton.install()
        tekton.wait_until_ready()
    READY.touch()


def _start_runtime() -> None:
    runtime.prepare_network()
    runtime.start()
    runtime.load_images(images.ensure())


def _down() -> None:
    READY.unlink(missing_ok=True)
    daemons = {daemon.name: daemon for daemon in running()}
    # The kubelet first, or it starts again what is being killed; containerd last, since the killing needs it.
    last = daemons.pop("containerd", None)
    for name in ("recycler", "kubelet"):
        if daemon := daemons.pop(name, None):
            _kill(daemon)
    with ThreadPoolExecutor() as pool:
        list(pool.map(_kill, daemons.values()))
    if last:
        if last.pid:
            runtime.kill_tasks()
        last.stop()
    runtime.restore_network()
    _unmount()
    _remove_state()


def _kill(daemon: Daemon) -> None:
    """No goodbyes: the state goes with it, and an API server's own shutdown takes ten seconds."""
    daemon.stop(how=signal.SIGKILL)


def _unmount() -> None:
    """Unmount what is left under the state folder, the innermost first."""
    prefix = f"{STATE}/"
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(prefix)), key=len, reverse=True):
        run("umount", "--lazy", mount, check=False)


def _remove_state() -> None:
    """Remove the folder, unless something is still mounted there: that would be deleted with it."""
    if f" {STATE}/" in Path("/proc/self/mounts").read_text():
        raise TestbedError(f"something under {STATE} cannot be unmounted; nothing there was deleted")
    shutil.rmtree(STATE, ignore_errors=True)


def _link_programs() -> None:
    """One folder with links to all programs, to be put on the PATH."""
    BIN.mkdir(parents=True, exist_ok=True)
    for group in ("kubernetes", "etcd", "coredns", "tkn"):
        for program in binaries.ensure(group).iterdir():
            (BIN / program.name).symlink_to(program)


@contextmanager
def _timed(what: str, say: Say) -> Iterator[None]:
    started = time.monotonic()
    yield
    say(f"{time.monotonic() - started:6.1f} s  {what}")
