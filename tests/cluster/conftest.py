"""The cluster that these tests run against: the testbed's, or the one $KUBECONFIG points to.

TESTBED=1 asks for the testbed even when $KUBECONFIG is set. Where no cluster can be had the tests skip and
say why; with REQUIRE_ALL_LAYERS=1 they fail instead, so that CI cannot be green for want of a cluster.

Two lanes run side by side (tests/layers.py). The tests in pipelines/ need the product's own namespaces, which
exist once: they share a lane, one after the other. All others make namespaces of their own and go where there
is room. Those marked `restarts_apiserver` disturb everybody: they come last and alone.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.cluster.product import build_image_once
from tests.conftest import unavailable
from tests.layers import uses_testbed
from tests.testbed import cluster as testbed
from tests.testbed.client import Cluster
from tests.testbed.gitserver import GitServer
from tests.testbed.layout import GIT_ROOT, GIT_URL
from tests.testbed.registry import Registry
from tests.testbed.repositories import Repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# While it follows a log tkn locks itself up now and then (tektoncd/cli#2484; half of 25 that followed one run
# did). The run goes on: what a reader does then, as docs/troubleshooting.md says, is ask once more.
_TKN = """\
#!/bin/sh
timeout 120 {tkn} "$@"
code=$?
[ $code = 124 ] || exit $code
exec {tkn} pipelinerun logs --last --namespace=oc-mirror-pipeline --exit-with-pipelinerun-error
"""
_CRDS = ("pipelineruns.tekton.dev", "taskruns.tekton.dev", "eventlisteners.triggers.tekton.dev")


class Lanes(LoadScopeScheduling):  # type: ignore[misc]
    """All tests in pipelines/ in one lane, one after the other; those of each other file together."""

    def _split_scope(self, nodeid: str) -> str:
        path = Path(nodeid.partition("::")[0])
        return str(path.parent if path.parent.name == "pipelines" else path)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Lanes:
    """Let xdist hand out tests by lane, whatever --dist says."""
    return Lanes(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put tests that restart the API server last."""
    items.sort(key=lambda item: item.get_closest_marker("restarts_apiserver") is not None)


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """A cluster with Tekton Pipelines and Triggers."""
    if given := _given_kubeconfig():
        return _foreign(given)
    if reason := testbed.obstacle():
        unavailable(reason)
    testbed.up(lambda text: _tell(request, text))
    return Cluster.testbed()


@pytest.fixture(scope="session")
def registry(cluster: Cluster) -> Registry:
    """The registry that the cluster's node pulls from."""
    if not cluster.registry:
        unavailable("a registry that the node trusts comes only with the testbed")
    return Registry(cluster.registry)


@pytest.fixture(scope="session")
def git_server(cluster: Cluster) -> GitServer:
    """The Git server that pods reach."""
    if not cluster.node_address:
        unavailable("a Git server that pods reach comes only with the testbed")
    return GitServer(GIT_URL, GIT_ROOT)


@pytest.fixture(scope="session")
def make_repository(git_server: GitServer) -> Callable[[str, Path], Repository]:
    """A factory: a repository of that name, with one commit of a folder's files, served to pods."""

    def make(name: str, files: Path) -> Repository:
        return Repository.create(git_server, name, files)

    return make


@pytest.fixture(scope="session")
def image(cluster: Cluster, registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The project's image by digest, with the stand-in as oc-mirror; the node has its default name too."""
    assert registry.host == cluster.registry
    return build_image_once(tmp_path_factory.mktemp("oc-mirror"))


@pytest.fixture
def make_namespace(cluster: Cluster) -> Iterator[Callable[..., str]]:
    """A factory of namespaces that go with the test: `make_namespace(name="", prefix="test", labels={})`."""
    yield from _namespaces(cluster)


@pytest.fixture(scope="module")
def make_module_namespace(cluster: Cluster) -> Iterator[Callable[..., str]]:
    """The same, for what all tests of a module share."""
    yield from _namespaces(cluster)


@pytest.fixture(scope="session")
def oc(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a user's shell, in which the documents' commands run as written: `oc` is kubectl."""
    folder = tmp_path_factory.mktemp("bin")
    kubectl, tkn = (shutil.which(name, path=cluster.env["PATH"]) for name in ("kubectl", "tkn"))
    assert kubectl
    assert tkn
    (folder / "oc").symlink_to(kubectl)
    (folder / "tkn").write_text(_TKN.format(tkn=tkn))
    (folder / "tkn").chmod(0o755)
    scripts = Path(sys.executable).parent
    return {**cluster.env, "PATH": f"{folder}:{scripts}:{cluster.env['PATH']}"}


@pytest.fixture
def namespace(make_namespace: Callable[..., str]) -> str:
    """A namespace of the test's own."""
    return make_namespace()


def _namespaces(cluster: Cluster) -> Iterator[Callable[..., str]]:
    made: list[str] = []

    def make(name: str = "", *, prefix: str = "test", labels: Mapping[str, str] | None = None) -> str:
        made.append(cluster.create_namespace(name, prefix=prefix, labels=labels))
        return made[-1]

    yield make
    for name in made:
        cluster.delete_namespace(name)


def _given_kubeconfig() -> Path | None:
    """The kubeconfig of a cluster that is not ours, if the tests were pointed to one."""
    return None if uses_testbed() else Path(os.environ["KUBECONFIG"])


def _foreign(kubeconfig: Path) -> Cluster:
    found = Cluster(kubeconfig)
    asked = found.kubectl("get", "crd", *_CRDS, "-o", "name", check=False)
    if asked.returncode:
        unavailable(f"the cluster of $KUBECONFIG has no Tekton: {asked.stderr.strip().splitlines()[-1]}")
    return found


def _tell(request: pytest.FixtureRequest, text: str) -> None:
    """Say it at once: a first start takes minutes, and silence looks like a hang."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(f"testbed: {text}", flush=True)
