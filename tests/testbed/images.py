"""The images that exist only here: a pause, a shell, the Go programs, and a Debian with Python and Git.

They are kept as archives beside the built programs and imported into containerd when the node starts.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tests.testbed import archives, binaries
from tests.testbed.layout import CA_BUNDLE, CACHE, CONTAINERD_SOCKET, REGISTRY, STATE
from tests.testbed.processes import run

if TYPE_CHECKING:
    from collections.abc import Mapping

PAUSE = "testbed.local/pause:1"
SHELL = "testbed.local/shell:1"
PROJECT = "oc-mirror-autoshift"
BASE = "testbed.local/base:bookworm"
BUILDER = "testbed.local/buildah:bookworm"

_BASE_PACKAGES = "python3,python3-venv,git,ca-certificates,curl,openssh-client"
_BUILDER_PACKAGES = "ca-certificates,uidmap"
_BUILDER_EXTRA = (
    "buildah",
)  # depends on itself in a circle, which apt knows how to go round and debootstrap not
# What nobody misses at run time. A build in a pod copies all files of its base several times, so each counts.
_BASE_LITTER = (
    "usr/lib/python3.11/lib2to3",
    "usr/lib/x86_64-linux-gnu/gconv",
    "usr/lib/x86_64-linux-gnu/perl",
    "usr/share/doc",
    "usr/share/locale",
    "usr/share/man",
    "usr/share/perl",
    "usr/share/zoneinfo",
    "var/cache/apt",
    "var/cache/debconf",
    "var/lib/apt/lists",
    "var/lib/dpkg/info",
)


# Tekton's own choice, and numeric: or runAsNonRoot cannot be proven.
_NOBODY = "65532:65532"


def program(group: str, name: str) -> str:
    """The reference of the image of one Go program."""
    return f"testbed.local/{group}-{name}:1"


def ensure() -> list[Path]:
    """The archives of all images, made first if need be."""
    found = [_ensure_pause(), _ensure_shell(), ensure_base()]
    for group in ("tekton", "triggers"):
        found += _ensure_programs(group)
    return found


def load(archive: Path) -> None:
    """Import an archive into the node's containerd."""
    run("ctr", "-a", CONTAINERD_SOCKET, "-n", "k8s.io", "images", "import", "--no-unpack", archive)


def base_key() -> str:
    """What the base image depends on."""
    return _key(_BASE_PACKAGES)


def ensure_base() -> Path:
    """A Debian with Python, Git and the machine's own idea of whom to trust.

    Pods reach the package registries through NAT; where the machine trusts a CA of its own, they must too.
    """
    return _ensure_debian("base", BASE, _BASE_PACKAGES)


def ensure_builder() -> Path:
    """A Debian with buildah, in place of the public image; loaded only by the tests that build in a pod."""
    return _ensure_debian("buildah", BUILDER, _BUILDER_PACKAGES, _BUILDER_EXTRA)


def _key(packages: str, extra: tuple[str, ...] = ()) -> str:
    recipe = repr((packages, *extra, _BASE_LITTER, archives.RECIPE)).encode()
    return hashlib.sha256(recipe + CA_BUNDLE.read_bytes()).hexdigest()[:12]


def _ensure_debian(name: str, reference: str, packages: str, extra: tuple[str, ...] = ()) -> Path:
    """The archive of a minimal Debian with some packages; `extra` are those that only apt can install."""
    folder = CACHE / f"{name}-{_key(packages, extra)}"
    with binaries.locked(f"build-{name}"):
        if folder.is_dir():
            return folder / f"{name}.tar"
        with binaries.building(folder) as aside:
            root = aside / "root"
            options = ["--variant=minbase", f"--include={packages}"]
            run("debootstrap", *options, "bookworm", root, _mirror())
            if extra:
                env = {"DEBIAN_FRONTEND": "noninteractive"}
                run("chroot", root, "apt-get", "update", "-qq", env=env)
                run(
                    "chroot",
                    root,
                    "apt-get",
                    "install",
                    "-y",
                    "-qq",
                    "--no-install-recommends",
                    *extra,
                    env=env,
                )
            for litter in _BASE_LITTER:
                shutil.rmtree(root / litter, ignore_errors=True)
                (root / litter).mkdir(parents=True)
            (root / CA_BUNDLE.relative_to("/")).write_bytes(CA_BUNDLE.read_bytes())
            layer = aside / "layer.tar"
            run("tar", "--numeric-owner", "--one-file-system", "-C", root, "-cf", layer, ".")
            trust = ("REQUESTS_CA_BUNDLE", "PIP_CERT", "SSL_CERT_FILE")
            env = dict.fromkeys(trust, str(CA_BUNDLE))
            env["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
            archives.write_image(aside / f"{name}.tar", reference, layer, env=env)
            layer.unlink()
            shutil.rmtree(root)
    return folder / f"{name}.tar"


def build_project_image(
    repository: Path, tag: str, oc_mirror: Path, wheels: Path, build_args: Mapping[str, str] | None = None
) -> str:
    """Build the repository's Containerfile on our base image and push it; its reference by digest.

    `oc_mirror` is a folder with the archive that the build would otherwise download, `wheels` one with what
    pip would. The layers stay in the cache: another build repeats only what changed.
    """
    storage = ["--root", str(CACHE / f"layers-{base_key()}"), "--runroot", str(STATE / "buildah-run")]
    buildah = ["buildah", *storage, "--storage-driver", "overlay"]  # vfs copies 200 MB for each layer
    image = f"{REGISTRY}/{PROJECT}:{tag}"
    args = {"BASE_IMAGE": BASE, "OC_MIRROR_URL": "file:///oc-mirror", **(build_args or {})}
    args |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels"}
    mounts = {oc_mirror: "/oc-mirror", wheels: "/wheels"}
    options = [f"--build-arg={key}={value}" for key, value in args.items()]
    options += [f"--volume={outside}:{inside}:ro" for outside, inside in mounts.items()]
    with binaries.locked("layers"):
        if run(*buildah, "inspect", "--type=image", BASE, check=False).returncode:
            run(*buildah, "pull", f"docker-archive:{ensure_base()}")
        how = ["--isolation=chroot", "--layers", "--pull-never", "--format=docker"]
        run(*buildah, "bud", *how, *options, "--tag", image, "--file", "Containerfile", ".", cwd=repository)
        digest = STATE / f"digest-{tag}"
        options = ["--tls-verify=false", "--disable-compression", f"--digestfile={digest}"]
        run(*buildah, "push", *options, image, f"docker://{image}")
    return f"{REGISTRY}/{PROJECT}@{digest.read_text().strip()}"


def _mirror() -> str:
    """The mirror this machine's apt uses for the release itself, not for its security updates."""
    wanted = ["--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages"]
    for line in run("apt-get", "indextargets", *wanted).stdout.splitlines():
        label, uri = line.split(maxsplit=1)
        if label == "Debian":
            return uri
    return "http://deb.debian.org/debian"


def _ensure_pause() -> Path:
    """What holds a pod's namespaces; by default it would be a public image."""
    built = binaries.ensure("pause")
    folder = CACHE / f"image-{built.name}-{archives.RECIPE}"
    with binaries.locked("build-pause-image"):
        if not folder.is_dir():
            with binaries.building(folder) as aside:
                archives.program_layer(aside / "layer.tar", built / "pause", "/pause")
                archives.write_image(aside / "pause.tar", PAUSE, aside / "layer.tar", entrypoint=["/pause"])
    return folder / "pause.tar"


def _ensure_shell() -> Path:
    """What Tekton copies the scripts of steps with; by default it would be a public busybox."""
    busybox = Path("/bin/busybox")
    folder = CACHE / f"shell-{hashlib.sha256(busybox.read_bytes()).hexdigest()[:12]}"
    with binaries.locked("build-shell"):
        if not folder.is_dir():
            applets = [name for name in run(busybox, "--list").stdout.split() if name != "busybox"]
            with binaries.building(folder) as aside:
                archives.program_layer(aside / "layer.tar", busybox, "/bin/busybox", applets)
                env = {"PATH": "/bin"}
                archives.write_image(aside / "shell.tar", SHELL, aside / "layer.tar", env=env, user=_NOBODY)
    return folder / "shell.tar"


def _ensure_programs(group: str) -> list[Path]:
    """An image for each program of a group, laid out as Tekton's own releases are."""
    built = binaries.ensure(group)
    folder = CACHE / f"images-{built.name}-{archives.RECIPE}"
    with binaries.locked(f"build-images-{group}"):
        if not folder.is_dir():
            with binaries.building(folder) as aside:
                for path in (path for path in built.iterdir() if path.is_file()):
                    layer, inside = aside / "layer.tar", f"/ko-app/{path.name}"
                    archives.program_layer(layer, path, inside)
                    archives.write_image(
                        aside / f"{path.name}.tar",
                        program(group, path.name),
                        layer,
                        entrypoint=[inside],
                        env={"PATH": "/ko-app"},
                        user=_NOBODY,
                    )
                (aside / "layer.tar").unlink()
    return sorted(folder.glob("*.tar"))
