"""A real registry, Debian's docker-registry: one that the node pulls from, and more for a test's own use."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
import yaml

from tests.testbed import ports
from tests.testbed.layout import REGISTRY, STATE
from tests.testbed.processes import Daemon, run
from tests.testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Registry:
    """How to reach a registry; without `username` anybody may come, without `certificate` it speaks HTTP."""

    host: str
    username: str = ""
    password: str = ""
    certificate: Path | None = None

    @property
    def url(self) -> str:
        """The base of its API."""
        return f"{'https' if self.certificate else 'http'}://{self.host}"

    def tags(self, repository: str) -> list[str]:
        """The tags of a repository, none if there is no such repository."""
        auth = (self.username, self.password) if self.username else None
        answer = requests.get(f"{self.url}/v2/{repository}/tags/list", auth=auth, timeout=10)
        if answer.status_code == requests.codes.not_found:
            return []
        answer.raise_for_status()
        return answer.json()["tags"] or []


def start() -> None:
    """Start the node's registry and leave it running."""
    node = Registry(REGISTRY)
    _daemon("registry", node, STATE / "registry").start()
    wait_until("the registry", lambda: _answers(node))


@contextmanager
def serving(
    *,
    username: str = "",
    password: str = "",
    address: str = "127.0.0.1",
    port: int = 0,
    certificate: Path | None = None,
    storage: Path | None = None,
) -> Iterator[Registry]:
    """Another registry, gone at the end, on a port of its own unless one is given.

    Its files lie in `storage`. With basic auth if there is a user name, over TLS if there is a certificate
    (and its key, in one file).
    """
    with tempfile.TemporaryDirectory(prefix="testbed-registry-") as name, ExitStack() as held:
        port = port or held.enter_context(ports.reserved(address))
        found = Registry(f"{address}:{port}", username, password, certificate)
        daemon = _daemon(f"registry-{found.host.replace(':', '-')}", found, storage or Path(name))
        daemon.start()
        try:
            wait_until(f"the registry on {found.host}", lambda: _answers(found))
            yield found
        finally:
            daemon.stop()


def push_archive(archive: Path, name: str, host: str = REGISTRY) -> str:
    """Push a docker-archive as `name` (REPOSITORY:TAG); its reference by digest."""
    with tempfile.NamedTemporaryFile("r", prefix="testbed-digest-") as digest:
        options = ["--quiet", "--dest-tls-verify=false", "--digestfile", digest.name]
        run("skopeo", "copy", *options, f"docker-archive:{archive}", f"docker://{host}/{name}")
        return f"{host}/{name.rpartition(':')[0]}@{digest.read().strip()}"


def _daemon(name: str, registry: Registry, folder: Path) -> Daemon:
    folder.mkdir(parents=True, exist_ok=True)
    config: dict[str, Any] = {
        "version": 0.1,
        "log": {"accesslog": {"disabled": False}, "level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": {"addr": registry.host},
    }
    if registry.certificate:
        both = str(registry.certificate)
        config["http"]["tls"] = {"certificate": both, "key": both}
    if registry.username:
        entry = run("htpasswd", "-niB", registry.username, stdin=registry.password).stdout.strip()
        (folder / "htpasswd").write_text(f"{entry}\n")
        config["auth"] = {"htpasswd": {"realm": "testbed", "path": str(folder / "htpasswd")}}
    (folder / "config.yml").write_text(yaml.safe_dump(config))
    return Daemon(name, ["docker-registry", "serve", str(folder / "config.yml")])


def _answers(registry: Registry) -> bool:
    trusted = str(registry.certificate) if registry.certificate else True
    status = requests.get(f"{registry.url}/v2/", timeout=2, verify=trusted).status_code
    return status in {requests.codes.ok, requests.codes.unauthorized}
