"""The Go programs of the cluster, built from their modules and kept outside the repository.

Each folder of `go/` is one module: its `tool` lines say what is built, its `require` lines from which
version, and `go.sum` makes the proxy's answers verifiable. Programs of one module share their dependencies,
so that each of these is compiled once.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.testbed.layout import CACHE
from tests.testbed.processes import run

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = Path(__file__).parent / "go"
_VERSION_PACKAGE = "k8s.io/component-base/version"
# Kubernetes takes its version from the linker alone, and Tekton refuses a cluster that states none.
_KUBERNETES_VERSION = (
    f" -X {_VERSION_PACKAGE}.gitVersion=v1.34.2"
    f" -X {_VERSION_PACKAGE}.gitMajor=1 -X {_VERSION_PACKAGE}.gitMinor=34"
)


@dataclass(frozen=True)
class _Group:
    """Programs that are built together: the tools of a module whose import paths begin with `prefix`.

    `manifests` is a module whose `folders` are copied beside the programs, so that a warm start needs neither
    Go nor its module cache. `tags` are those of the build; a program that needs `cgo` is compiled with gcc.
    What is no part of the `repr` is no part of `key` where it is not used.
    """

    module: str
    prefix: str
    stamps: str = ""
    manifests: str = ""
    folders: tuple[str, ...] = field(default=("config",), repr=False)
    tags: str = field(default="", repr=False)
    cgo: bool = field(default=False, repr=False)


_GROUPS = {
    "kubernetes": _Group("kubernetes", "k8s.io/kubernetes/", stamps=_KUBERNETES_VERSION),
    "etcd": _Group("kubernetes", "go.etcd.io/etcd/"),
    "coredns": _Group("kubernetes", "testbed/kubernetes/coredns"),
    "pause": _Group("kubernetes", "testbed/kubernetes/pause"),
    "tekton": _Group("tekton", "github.com/tektoncd/pipeline/", manifests="github.com/tektoncd/pipeline"),
    "triggers": _Group("tekton", "github.com/tektoncd/triggers/", manifests="github.com/tektoncd/triggers"),
    "tkn": _Group("tekton", "github.com/tektoncd/cli/"),
    "cosign": _Group("cosign", "github.com/sigstore/cosign/"),
    # Its pages would need npm; its API needs the texts and templates of its module only.
    "gitea": _Group(
        "gitea",
        "code.gitea.io/gitea",
        manifests="code.gitea.io/gitea",
        folders=("options", "templates"),
        tags="sqlite sqlite_unlock_notify",
        cgo=True,
    ),
}
GROUPS = tuple(_GROUPS)


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
            if module := _GROUPS[group].manifests:
                source = _module_folder(_GROUPS[group].module, module)
                for name in _GROUPS[group].folders:
                    shutil.copytree(source / name, aside / name, copy_function=shutil.copyfile)
                    run("chmod", "-R", "u+w", aside / name)
    return folder


def built(group: str) -> Path | None:
    """The folder with a group's programs; None where they are not built."""
    folder = _folder(group)
    return folder if folder.is_dir() else None


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
    digest = hashlib.sha256(repr((_GROUPS[group], _FLAGS)).encode() + _GROUPS[group].tags.encode())
    for path in sorted(path for path in (SOURCES / _GROUPS[group].module).rglob("*") if path.is_file()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def download(group: str) -> None:
    """Bring the modules that a group is built from, while another group is being compiled."""
    if not _folder(group).is_dir():
        tags = f"-tags={_GROUPS[group].tags}"
        run("go", "list", tags, "-deps", "tool", env=_environment(group), cwd=SOURCES / _GROUPS[group].module)


def _folder(group: str) -> Path:
    return CACHE / f"{group}-{key(group)}"


def _environment(group: str) -> dict[str, str]:
    cgo = "1" if _GROUPS[group].cgo else "0"
    return {"CGO_ENABLED": cgo, "GOWORK": "off", "GOFLAGS": "-mod=readonly -buildvcs=false"}


# Nobody debugs these programs: without debugging information a fifth of the compiler's time is saved.
_FLAGS = ("-trimpath", "-gcflags=all=-dwarf=false")


def _build(name: str, folder: Path) -> None:
    group = _GROUPS[name]
    source = SOURCES / group.module
    declared = json.loads(run("go", "mod", "edit", "-json", cwd=source).stdout)["Tool"]
    tools = [tool["Path"] for tool in declared if tool["Path"].startswith(group.prefix)]
    # A low priority: a build takes minutes, and whoever shares the machine should not feel it.
    command = ["nice", "-n", "10", "go", "build", f"-tags={group.tags}", *_FLAGS]
    linked = ("-ldflags", f"-s -w{group.stamps}")
    run(*command, *linked, "-o", f"{folder}{os.sep}", *tools, env=_environment(name), cwd=source)
    if (server := folder / "server").exists():
        server.rename(folder / "etcd")  # the package of etcd is called server


def _module_folder(source: str, module: str) -> Path:
    said = run("go", "list", "-m", "-f", "{{.Path}}@{{.Version}}", module, cwd=SOURCES / source)
    downloaded = run("go", "mod", "download", "-json", said.stdout.strip(), cwd=SOURCES / source)
    return Path(json.loads(downloaded.stdout)["Dir"])
