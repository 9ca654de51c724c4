"""What the tests call from outside the project: each program, what brings it, and the layers that need it.

This is the only list. `make programs` (tests/prepare.py) installs from it, and `enforce` stops a test that
starts a program which does not stand here. `.ci/run` removes the packages first, so that one that is missing
here is noticed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.testbed.layout import STATE

ROOT = Path(__file__).resolve().parent.parent
MEMORY = Path("/dev/shm")
"""A file system in memory, where the tests of a layer may have their folders (tests/layers.py)."""

UNIT, CONTRACT, CLUSTER = LAYERS = ("unit", "contract", "cluster")

# How a program comes onto the machine.
BEFORE = "before"  # it has to be there before: the README says so
ESSENTIAL = "essential"  # neither Debian nor what has to be there before can be without it
DEBIAN = "debian"  # `install` brings the Debian package
MODULES = "modules"  # the testbed builds it from Go modules


class RequirementError(Exception):
    """Something that the tests need cannot be had; the message says what, and how to get it."""


@dataclass(frozen=True)
class Requirement:
    """One program, or one other file, that tests need.

    `names` are what is called; `package` brings them. `file` tells that a package is there where no program
    does.
    """

    names: tuple[str, ...]
    package: str
    layers: tuple[str, ...] = LAYERS
    source: str = DEBIAN
    file: str = ""

    @property
    def present(self) -> bool:
        """Whether it is on this machine."""
        if self.file:
            return Path(self.file).exists()
        return all(shutil.which(name, path=_PATH) for name in self.names)


def _need(names: str, package: str, *layers: str, source: str = DEBIAN, file: str = "") -> Requirement:
    return Requirement(tuple(names.split()), package, layers or LAYERS, source, file)


REQUIREMENTS = (
    _need("git", "git", source=BEFORE),
    _need("go", "the Go toolchain, 1.26.5 or newer", CLUSTER, source=BEFORE),
    # Compiles the SQLite of the testbed's Gitea.
    _need("gcc", "gcc, with the headers of the C library", CLUSTER, source=BEFORE),
    _need("", "ca-certificates", source=BEFORE, file="/etc/ssl/certs/ca-certificates.crt"),
    _need("bash", "bash", source=ESSENTIAL),
    _need("sh", "dash", source=ESSENTIAL),
    _need("echo nice sha256sum timeout", "coreutils", source=ESSENTIAL),
    _need("mount umount", "mount", UNIT, CLUSTER, source=ESSENTIAL),
    _need("tar", "tar", CLUSTER, source=ESSENTIAL),
    _need("chroot", "coreutils", CLUSTER, source=ESSENTIAL),
    _need("apt-get", "apt", CLUSTER, source=ESSENTIAL),
    _need("dpkg-query", "dpkg", UNIT, source=ESSENTIAL),
    _need("openssl", "openssl", UNIT, CLUSTER, source=ESSENTIAL),  # ca-certificates depends on it
    _need("docker-registry", "docker-registry", UNIT, CLUSTER),
    _need("htpasswd", "apache2-utils", UNIT, CLUSTER),
    _need("rsync", "rsync", UNIT),
    _need("gpg gpg-agent", "gnupg", UNIT),
    _need("chromium", "chromium", UNIT),
    _need("", "fonts-dejavu-core", UNIT, file="/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"),
    _need("", "libzbar0", UNIT, file="/usr/share/doc/libzbar0"),  # reads QR codes (tests/qr.py)
    _need("buildah", "buildah", CLUSTER),
    _need("busybox", "busybox-static", CLUSTER),
    _need("conntrack", "conntrack", CLUSTER),  # kube-proxy calls it
    _need("containerd ctr", "containerd", CLUSTER),
    _need("", "containernetworking-plugins", CLUSTER, file="/usr/lib/cni/bridge"),
    _need("debootstrap", "debootstrap", CLUSTER),
    _need("ip", "iproute2", CLUSTER),
    _need("iptables", "iptables", CLUSTER),
    _need("runc", "runc", CLUSTER),  # containerd calls it
    _need("skopeo", "skopeo", CLUSTER),
    _need(
        "kubectl kube-apiserver kube-controller-manager kube-scheduler",
        "k8s.io/kubernetes",
        CLUSTER,
        source=MODULES,
    ),
    _need("kubelet kube-proxy", "k8s.io/kubernetes", CLUSTER, source=MODULES),
    _need("etcd", "go.etcd.io/etcd", CLUSTER, source=MODULES),
    _need("coredns", "github.com/coredns/coredns", CLUSTER, source=MODULES),
    _need("tkn", "github.com/tektoncd/cli", CLUSTER, source=MODULES),
    _need("gitea", "code.gitea.io/gitea", CLUSTER, source=MODULES),
)

# Where Debian keeps an administrator's programs, which a plain user's PATH lacks.
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def needed(layers: Iterable[str] = LAYERS, *, source: str = DEBIAN) -> list[Requirement]:
    """What some layers need from one source."""
    wanted = set(layers)
    return [one for one in REQUIREMENTS if one.source == source and wanted.intersection(one.layers)]


def missing(layers: Iterable[str] = LAYERS, *, source: str = DEBIAN) -> list[str]:
    """The packages of a source that some layers need and this machine lacks, sorted."""
    return sorted({one.package for one in needed(layers, source=source) if not one.present})


def obstacle() -> str | None:
    """Why nothing can be installed on this machine, or None."""
    if not Path("/etc/debian_version").exists():
        return "this is not Debian"
    if os.geteuid() != 0:
        return "this is not root"
    return None


def install(layers: Iterable[str] = LAYERS, say: Callable[[str], None] = print) -> None:
    """Install the Debian packages that some layers need and this machine lacks; say in one line which.

    Raises RequirementError where they cannot be installed, or where something is missing that has to be there
    before. Services that Debian would start are of no use here and stay off.
    """
    layers = tuple(layers)
    if before := missing(layers, source=BEFORE):
        raise RequirementError(f"has to be there before: {', '.join(before)} (README, section Working on it)")
    packages = missing(layers)
    if not packages:
        say("Debian packages: all there")
        return
    if reason := obstacle():
        raise RequirementError(
            f"missing: {', '.join(packages)} (names of Debian packages). This step installs them as root on "
            f"Debian only, and {reason}: install them with your system's package manager"
        )
    say(f"Debian packages: installing {' '.join(packages)}")
    _apt_get("update")
    _apt_get("install", "--yes", "--no-install-recommends", *packages)
    if still := missing(layers):
        raise RequirementError(f"installed, but their programs are not where expected: {', '.join(still)}")


def _apt_get(*arguments: str) -> None:
    """Run apt-get; a failure carries its own words."""
    patient = ("-qq", "--option=Acquire::Retries=3", "--option=DPkg::Lock::Timeout=300")
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    command = ["apt-get", *patient, *arguments]
    done = subprocess.run(
        command,
        env={**os.environ, **quiet},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-2000:]
        raise RequirementError(f"{' '.join(command)}: exit code {done.returncode}\n{said}")


_layer = ""
_enforced = False


def enforce(layer: str) -> None:
    """From now on, let this process start only programs that stand in the table for `layer`.

    Programs of the project, of its virtual environment and of the testbed are free, and so is what a test
    made itself in a temporary folder. Everything else raises RequirementError where it is started.
    """
    global _layer, _enforced  # noqa: PLW0603 - an audit hook lasts as long as its process
    _layer = layer
    if not _enforced:
        sys.addaudithook(_check)
        _enforced = True


def _check(event: str, arguments: tuple[object, ...]) -> None:
    if event == "subprocess.Popen" and _layer:
        program, _arguments, _folder, environment = arguments
        path = (environment or os.environ).get("PATH", os.defpath)  # type: ignore[attr-defined]
        check_program(os.fsdecode(program), _layer, path)  # type: ignore[arg-type]


def check_program(program: str, layer: str, path: str = _PATH) -> None:
    """Raise RequirementError if `layer` may not start `program`, a path or a name that is looked up in
    `path`.

    A program that does not exist is left to the system, which refuses it.
    """
    if Path(program).name in {name for one in REQUIREMENTS if layer in one.layers for name in one.names}:
        return
    found = shutil.which(program, path=path)
    if found is None or found in _own_programs():
        return
    if any(Path(found).is_relative_to(folder) for folder in _own_folders()):
        return
    raise RequirementError(
        f"a test of layer '{layer}' starts {program}, which tests/requirements.py does not name for it: "
        "add it there, with the package that brings it"
    )


def _own_programs() -> set[str]:
    """The interpreter, by each of its names, and the oc-mirror that the user names."""
    return {sys.executable, os.path.realpath(sys.executable), os.environ.get("OC_MIRROR", "")}


def _own_folders() -> tuple[Path, ...]:
    return ROOT, Path(sys.prefix), Path(tempfile.gettempdir()), MEMORY, STATE
