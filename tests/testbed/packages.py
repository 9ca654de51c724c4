"""Debian's part of the testbed: installed when missing, and only where that is allowed."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path

from tests.testbed.layout import TestbedError
from tests.testbed.processes import run

# Each package by a file only it provides: looking at files costs nothing, asking dpkg for each does.
PACKAGES = {
    "apache2-utils": "/usr/bin/htpasswd",
    "buildah": "/usr/bin/buildah",
    "busybox-static": "/bin/busybox",
    "ca-certificates": "/usr/sbin/update-ca-certificates",
    "conntrack": "/usr/sbin/conntrack",
    "containerd": "/usr/bin/containerd",
    "containernetworking-plugins": "/usr/lib/cni/bridge",
    "debootstrap": "/usr/sbin/debootstrap",
    "docker-registry": "/usr/bin/docker-registry",
    "gcc": "/usr/bin/gcc",
    "git": "/usr/bin/git",
    "iproute2": "/bin/ip",
    "iptables": "/usr/sbin/iptables",
    "libc6-dev": "/usr/include/stdio.h",
    "openssl": "/usr/bin/openssl",
    "runc": "/usr/sbin/runc",
    "skopeo": "/usr/bin/skopeo",
}


BROWSER = {
    "chromium": "/usr/bin/chromium",
    "fonts-dejavu-core": "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
}
"""What the tests of the service's page need; the cluster does not."""


def missing(packages: Mapping[str, str] = PACKAGES) -> list[str]:
    """The packages still to install."""
    return [name for name, file in packages.items() if not Path(file).exists()]


def obstacle() -> str | None:
    """Why no testbed can be had on this machine, or None."""
    if platform.machine() != "x86_64":
        return f"the testbed is only known to work on x86_64, this is {platform.machine()}"
    if not Path("/etc/debian_version").exists():
        return "the testbed needs Debian: its packages are part of it"
    if os.geteuid() != 0:
        return "the testbed needs root: it mounts, and writes iptables rules"
    return None


def ensure(packages: Mapping[str, str] = PACKAGES) -> None:
    """Install what is missing; services that Debian would start are of no use here and stay off."""
    if reason := obstacle():
        raise TestbedError(reason)
    names = missing(packages)
    if not names:
        return
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    run("apt-get", "update", "-qq", env=quiet)
    run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *names, env=quiet)
    if still := missing(packages):
        raise TestbedError(f"installed, but their files are not where expected: {', '.join(still)}")
