"""What the tests mirror with: oc-mirror (the stand-in, or the program that $OC_MIRROR names) and registries.

With the real program the ImageSets name images of a registry on loopback, which is why all tests use those.
"""

from __future__ import annotations

import io
import logging
import os
import shlex
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import stamina

from steps import mirror
from tests.conftest import unavailable
from tests.standin.moody import Moody
from tests.standin.oc_mirror import Image, Registry
from tests.testbed import ports
from tests.testbed.waiting import wait_until

STANDIN = Path(__file__).parents[2] / "standin" / "oc_mirror.py"
REAL = os.environ.get("OC_MIRROR", "")
MIRROR = (sys.executable, "-c", "import sys; from steps.mirror import main; sys.exit(main())")

standin_only = pytest.mark.standin_only
"""A test that asks the stand-in to break in a way of its own."""
real_only = pytest.mark.real_only
"""A test of what the stand-in does not do: it makes its images up."""


def pytest_report_header() -> str:
    return f"oc-mirror in the tests: {REAL or 'the stand-in'}; tests of the other alone are deselected"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of the other program: they are not skipped for want of something."""
    other = "standin_only" if REAL else "real_only"
    left_out = [item for item in items if item.get_closest_marker(other)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("STANDIN_") or name in {"OC_MIRROR_CACHE", "LOG_LEVEL"}:
            monkeypatch.delenv(name)
    # The stand-in finds this Python by PATH, not a version manager's shim, which takes as long as a run.
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)


@pytest.fixture(scope="session")
def oc_mirror(tmp_path_factory: pytest.TempPathFactory) -> str:
    return REAL or str(_start_of_standin(tmp_path_factory.mktemp("program")))


def _start_of_standin(folder: Path) -> Path:
    """Write a program that starts the stand-in fast, since every run of `mirror` starts it thrice.

    Python takes the compiled module, and no other packages. What the stand-in says of itself, which each run
    asks for first, is asked once, and kept as long as no test wants another version.
    """
    code = "import sys; sys.path.insert(0, {!r}); import oc_mirror; sys.exit(oc_mirror.main(sys.argv[1:]))"
    command = [sys.executable, "-S", "-E", "-c", code.format(str(STANDIN.parent))]
    answers = ""
    for asked in ("version --output json", "--v2 --help"):
        said = subprocess.run([*command, *asked.split()], check=True, capture_output=True, text=True)
        words = f"printf %s {shlex.quote(said.stdout)}; printf %s {shlex.quote(said.stderr)} >&2"
        answers += f"'{asked}') {words}; exit;;\n"
    program = folder / "oc-mirror"
    program.write_text(
        f'#!/bin/sh\n[ "$STANDIN_VERSION" ] || case "$*" in\n{answers}esac\nexec {shlex.join(command)} "$@"\n'
    )
    program.chmod(0o755)
    return program


@dataclass(frozen=True)
class Ran:
    """How a run of `mirror` ended, and what it logged."""

    returncode: int
    stderr: str


@dataclass
class Place:
    """A data directory and the command that mirrors with it."""

    data: Path
    imageset: Path
    oc_mirror: str
    host: str
    arguments: list[str] = field(default_factory=list)

    def names(self, *images: str) -> None:
        """Let the ImageSet name these images (REPOSITORY:TAG of the source registry)."""
        lines = [f"  - name: {self.host}/{image}\n" for image in images]
        head = "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n"
        self.imageset.write_text(f"{head}  additionalImages:\n{''.join(lines)}")

    def command(self, *more: str) -> list[str]:
        return [
            f"--data={self.data}",
            f"--imageset={self.imageset}",
            f"--oc-mirror={self.oc_mirror}",
            "--source-tls-verify=false",
            "--destination-tls-verify=false",
            "--retry-times=0",
            "--run-retries=0",
            *self.arguments,
            *more,
        ]

    def mirror(self, *more: str) -> Ran:
        """Run `mirror` in this process, to its end."""
        output = io.StringIO()
        handler = logging.StreamHandler(output)
        logger = logging.getLogger("steps")
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        before = signal.getsignal(signal.SIGTERM)
        try:
            return Ran(returncode=mirror.main(self.command(*more)), stderr=output.getvalue())
        finally:
            signal.signal(signal.SIGTERM, before)
            logger.removeHandler(handler)

    def start(self, *more: str) -> subprocess.Popen[str]:
        """Start `mirror` as a process of its own, to be killed."""
        return subprocess.Popen(
            [*MIRROR, *self.command(*more)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    def generations(self) -> list[Path]:
        return sorted((self.data / "generations").glob("*"))

    def histories(self) -> list[str]:
        return sorted(path.name for path in (self.data / "working-dir" / ".history").glob("*"))


@pytest.fixture
def connected(tmp_path: Path, oc_mirror: str, source: str) -> Place:
    """The connected side: mirrors to disk."""
    place = Place(
        tmp_path / "connected", tmp_path / "imageset.yaml", oc_mirror, source, ["--workflow=workflow-to-disk"]
    )
    place.names("team/app:v1", "team/db:v1")
    return place


@pytest.fixture(scope="session")
def three(tmp_path_factory: pytest.TempPathFactory, oc_mirror: str, source: str) -> Place:
    """A connected side with three generations, each with another version of one image; not to be changed."""
    folder = tmp_path_factory.mktemp("three")
    place = Place(
        folder / "data", folder / "imageset.yaml", oc_mirror, source, ["--workflow=workflow-to-disk"]
    )
    for version in ("v1", "v2", "v3"):
        place.names(f"team/app:{version}", "team/db:v1")
        assert place.mirror().returncode == 0
    return place


@pytest.fixture
def disconnected(tmp_path: Path, oc_mirror: str, source: str, target: str) -> Place:
    """The disconnected side: mirrors from disk to a registry of its own."""
    arguments = ["--workflow=workflow-from-disk", f"--target-registry={target}"]
    place = Place(tmp_path / "disconnected", tmp_path / "imageset.yaml", oc_mirror, source, arguments)
    place.names("team/app:v3", "team/db:v1")
    return place


@pytest.fixture
def arrived(three: Place, disconnected: Place) -> Place:
    """The disconnected side with the three generations of `three`; its next run pushes them."""
    shutil.copytree(three.data / "generations", disconnected.data / "generations")
    return disconnected


@pytest.fixture
def direct(tmp_path: Path, oc_mirror: str, source: str, target: str) -> Place:
    arguments = ["--workflow=workflow-direct", f"--target-registry={target}"]
    place = Place(tmp_path / "direct", tmp_path / "imageset.yaml", oc_mirror, source, arguments)
    place.names("team/app:v1", "team/db:v1")
    return place


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """HOST:PORT that the ImageSets name. The stand-in makes its images up, the real one pulls."""
    if not REAL:
        yield "127.0.0.1:5000"
        return
    with serve_registry(tmp_path_factory.mktemp("source")) as host:
        registry = Registry(host, verify=False)
        registry.check()
        for name in ("team/db:v1", *(f"team/app:v{number}" for number in range(1, 41))):
            repository, _, tag = name.partition(":")
            registry.push(Image(f"{host}/{name}", "additional", repository, tag), repository)
        yield host


@pytest.fixture(scope="session")
def _targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve_registry(tmp_path_factory.mktemp("targets")) as host:
        yield host


@pytest.fixture
def without_waiting() -> Iterator[None]:
    """stamina's own test mode: it tries as often as the code says, but does not wait."""
    with stamina.set_testing(True, attempts=100, cap=True):
        yield


@pytest.fixture
def moody_target(_targets: str) -> Iterator[Moody]:
    """A target registry that can be told to misbehave."""
    with Moody(_targets) as registry:
        yield registry


@pytest.fixture
def moody_source(source: str) -> Iterator[Moody]:
    """A source registry that can be told to misbehave; the stand-in reads none."""
    with Moody(source) as registry:
        yield registry


@pytest.fixture
def target(_targets: str) -> str:
    """HOST:PORT/PATH of a registry, the path as yet empty."""
    return f"{_targets}/mirror-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def small_volume(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a volume in memory with the given options; `remount,size=…` enlarges it."""
    if os.geteuid() != 0:
        unavailable("mounting a small volume needs root")
    folder = tmp_path / "volume"
    folder.mkdir()

    def mount(options: str) -> Path:
        if folder.is_mount() and "remount" not in options:
            subprocess.run(["umount", folder], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
        return folder

    yield mount
    if folder.is_mount():
        subprocess.run(["umount", folder], check=True)


@pytest.fixture
def has() -> Callable[[str, str], bool]:
    """Whether a registry (HOST:PORT/PATH) has REPOSITORY:TAG with all its blobs."""

    def answer(registry: str, image: str) -> bool:
        host, _, prefix = registry.partition("/")
        repository, _, tag = image.partition(":")
        server = Registry(host, verify=False)
        server.check()
        return bool(server.call("HEAD", f"/v2/{prefix}/{repository}/manifests/{tag}", missing=True))

    return answer


@contextmanager
def serve_registry(folder: Path) -> Iterator[str]:
    """Run docker-registry on a port of its own, for the time of a `with`; give HOST:PORT."""
    if shutil.which("docker-registry") is None:
        unavailable("there is no program docker-registry: see `make programs`")
    with ports.reserved() as port:
        host = f"127.0.0.1:{port}"
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "config.yml"
        config.write_text(
            f"version: 0.1\nlog: {{level: error}}\nhttp: {{addr: '{host}'}}\n"
            f"storage: {{filesystem: {{rootdirectory: '{folder}'}}, delete: {{enabled: true}}}}\n"
        )
        process = subprocess.Popen(
            ["docker-registry", "serve", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            what = f"the registry on {host}"
            wait_until(what, lambda: _answers(process, host), interval=0.05, tolerate=OSError)
            yield host
        finally:
            process.terminate()
            process.wait()


def _answers(process: subprocess.Popen[bytes], host: str) -> bool:
    assert process.poll() is None, "docker-registry has ended"
    Registry(host, verify=False).check()
    return True
