"""The Go programs of the cluster, built from their modules and kept outside the repository.

Each folder of `go/` is one module with `tool` lines: what is built, and from which version, is said there
alone, and `go.sum` makes the proxy's answers verifiable.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.testbed.layout import CACHE
from tests.testbed.processes import run

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = Path(__file__).parent / "go"
_VERSION_PACKAGE = "k8s.io/component-base/version"
# Kubernetes takes its version from the linker alone, and Tekton refuses a cluster that states none.
_STAMPS = {
    "kubernetes": f" -X {_VERSION_PACKAGE}.gitVersion=v1.34.2"
    f" -X {_VERSION_PACKAGE}.gitMajor=1 -X {_VERSION_PACKAGE}.gitMinor=34",
}
# The manifests lie in the same modules as the programs; they are copied next to them, so that a warm
# start needs neither Go nor its module cache.
_MANIFESTS = {
    "tekton": "github.com/tektoncd/pipeline",
    "triggers": "github.com/tektoncd/triggers",
}
GROUPS = ("kubernetes", "etcd", "coredns", "tekton", "triggers", "tkn")


def obstacle() -> str | None:
    """Why what is not built yet cannot be built, or None."""
    if shutil.which("go") or all(_folder(group).is_dir() for group in GROUPS):
        return None
    return "the testbed needs the Go toolchain: Kubernetes and Tekton are built from their modules"


def ensure(group: str) -> Path:
    """The folder with a group's programs, built first if need be.

    It is built aside and renamed, so a killed build leaves nothing that looks finished; a lock keeps
    two test runs from building the same thing at once.
    """
    folder = _folder(group)
    if folder.is_dir():
        return folder
    with locked(f"build-{group}"):
        if folder.is_dir():
            return folder
        with building(folder) as aside:
            _build(group, aside)
            if group in _MANIFESTS:
                config = _module_folder(group, _MANIFESTS[group]) / "config"
                shutil.copytree(config, aside / "config", copy_function=shutil.copyfile)
                run("chmod", "-R", "u+w", aside / "config")
    return folder


@contextmanager
def building(folder: Path) -> Iterator[Path]:
    """A temporary folder that becomes `folder` if the body ends well and vanishes otherwise."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield aside
        aside.chmod(0o755)
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold a lock between processes; the kernel lets go of it when its holder dies."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def key(group: str) -> str:
    """What a group's programs depend on."""
    digest = hashlib.sha256(repr(_command(group)).encode())
    for name in ("go.mod", "go.sum"):
        digest.update((SOURCES / group / name).read_bytes())
    return digest.hexdigest()[:12]


def _folder(group: str) -> Path:
    return CACHE / f"{group}-{key(group)}"


def _command(group: str) -> list[str]:
    return ["go", "build", "-trimpath", "-ldflags", f"-s -w{_STAMPS.get(group, '')}"]


def _build(group: str, folder: Path) -> None:
    env = {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly -buildvcs=false"}
    # A low priority: a build takes minutes, and whoever shares the machine should not feel it.
    command = ["nice", "-n", "10", *_command(group), "-o", f"{folder}{os.sep}", "tool"]
    run(*command, env=env, cwd=SOURCES / group)
    built = [path for path in folder.iterdir() if path.is_file()]
    if group == "etcd":
        built[0].rename(folder / "etcd")  # its package is called server


def _module_folder(group: str, module: str) -> Path:
    said = run("go", "list", "-m", "-f", "{{.Path}}@{{.Version}}", module, cwd=SOURCES / group)
    downloaded = run("go", "mod", "download", "-json", said.stdout.strip(), cwd=SOURCES / group)
    return Path(json.loads(downloaded.stdout)["Dir"])
