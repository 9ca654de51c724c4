"""--skip-unchanged: nothing is done where nothing changed, and everything where that is in doubt."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from steps import mirror
from steps.imageset.imageset import ImageSet
from steps.mirroring.checks import skip
from steps.mirroring.checks.skip import DoubtError
from steps.mirroring.ocmirror.command import Options
from tests.standin.moody import Moody
from tests.standin.oc_mirror import Image, Registry
from tests.unit.mirroring.conftest import Place

pytestmark = pytest.mark.usefixtures("without_waiting")
SKIP = "--skip-unchanged=true"


@pytest.fixture
def upstream(_targets: str) -> Iterator[Moody]:
    """A real source registry, also for the stand-in, which never looks into it."""
    with Moody(_targets) as registry:
        for tag in ("v1", "v2"):
            push(registry, "team/app", tag)
        push(registry, "team/db", "v1")
        yield registry


@pytest.fixture
def archiving(connected: Place, upstream: Moody) -> Place:
    """A connected side that has mirrored once."""
    connected.host = upstream.host
    connected.names("team/app:v1", "team/db:v1")
    assert connected.mirror(SKIP).returncode == 0
    return connected


@pytest.fixture
def copying(direct: Place, upstream: Moody) -> Place:
    """A direct mirror that has run once."""
    direct.host = upstream.host
    direct.names("team/app:v1", "team/db:v1")
    assert direct.mirror(SKIP).returncode == 0
    return direct


def push(registry: Moody, repository: str, tag: str, content: str = "") -> None:
    client = Registry(registry.host, verify=False)
    client.check()
    client.push(
        Image(content or f"{registry.host}/{repository}:{tag}", "additional", repository, tag), repository
    )


def skipped(place: Place, *more: str) -> bool:
    ran = place.mirror(SKIP, *more)
    assert ran.returncode == 0, ran.stderr
    return "running oc-mirror" not in ran.stderr


def test_a_run_with_nothing_new_starts_no_oc_mirror(archiving: Place) -> None:
    ran = archiving.mirror(SKIP)
    assert ran.returncode == 0
    assert "unchanged since" in ran.stderr.splitlines()[-1]
    assert "running oc-mirror" not in ran.stderr
    assert len(archiving.generations()) == 1


def test_direct_as_well(copying: Place) -> None:
    assert skipped(copying)


def test_a_moved_tag_is_a_change(archiving: Place, upstream: Moody) -> None:
    push(upstream, "team/app", "v1", "something else")
    try:
        ran = archiving.mirror(SKIP)
        assert "changed since the run of 20" in ran.stderr
        assert f"{upstream.host}/team/app:v1" in ran.stderr
        assert "running oc-mirror" in ran.stderr
        assert skipped(archiving)
    finally:
        push(upstream, "team/app", "v1")


def test_another_imageset_is_a_change(archiving: Place) -> None:
    archiving.names("team/app:v2", "team/db:v1")
    assert not skipped(archiving)
    assert skipped(archiving)


@pytest.mark.parametrize("mood", [401, 404, 500, "drop"])
def test_a_source_that_does_not_tell_leaves_a_doubt(
    archiving: Place, upstream: Moody, mood: int | str
) -> None:
    upstream.mood = lambda _method, _path: mood
    ran = archiving.mirror(SKIP)
    assert "whether anything changed cannot be told" in ran.stderr
    assert "running oc-mirror" in ran.stderr


def test_a_run_that_failed_does_not_count(archiving: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    archiving.names("team/app:v2", "team/db:v1")
    monkeypatch.setenv("STANDIN_FAIL", "additional")
    if archiving.mirror(SKIP).returncode == 8:  # the real program has no such fault
        monkeypatch.delenv("STANDIN_FAIL")
        assert not skipped(archiving)


@pytest.mark.parametrize(
    "argument", ["--incremental-mode=false", "--since-date=2020-01-01", "--dry-run=true"]
)
def test_what_is_asked_for_is_done(archiving: Place, argument: str) -> None:
    assert not skipped(archiving, argument)


@pytest.mark.parametrize("loss", ["generations", "working-dir/.history", "ledger", "fingerprints.json"])
def test_what_is_lost_here_is_made_again(archiving: Place, loss: str) -> None:
    path = archiving.data / loss
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    if loss == "ledger":
        shutil.rmtree(archiving.data / "generations")
    assert not skipped(archiving)


def test_a_damaged_memory_is_no_memory(archiving: Place) -> None:
    (archiving.data / "fingerprints.json").write_text('{"workflow-to-disk": {"parts": 1}}')
    assert not skipped(archiving)


def test_an_image_that_the_target_lost_is_copied_again(
    copying: Place, target: str, has: Callable[[str, str], bool]
) -> None:
    host, _, path = target.partition("/")
    client = Registry(host, verify=False)
    client.check()
    image = Image(f"{copying.host}/team/app:v1", "additional", "team/app", "v1")
    client.call("DELETE", f"/v2/{path}/team/app/manifests/{image.manifest}")
    assert not has(target, "team/app:v1")
    ran = copying.mirror(SKIP)
    assert f"{target} lacks {copying.host}/team/app:v1" in ran.stderr.replace("docker://", "")
    assert has(target, "team/app:v1")


def test_lost_cluster_resources_are_made_again(copying: Place) -> None:
    shutil.rmtree(copying.data / "cluster-resources")
    assert not skipped(copying)


def test_another_target_is_another_matter(copying: Place, target: str) -> None:
    assert not skipped(copying, f"--target-registry={target}-2")
    assert skipped(copying, f"--target-registry={target}-2")


def test_other_names_for_the_cluster_resources_are_a_change(copying: Place) -> None:
    assert not skipped(copying, "--resource-prefix=lab")
    assert skipped(copying, "--resource-prefix=lab")


def test_scheduled_runs_skip_and_single_ones_do_not() -> None:
    base = ["--workflow=workflow-to-disk", "--imageset=x", "--data=/data"]
    assert not mirror.parse(base).request.skip_unchanged
    assert mirror.parse([*base, "--schedule=0 2 * * *"]).request.skip_unchanged
    assert not mirror.parse([*base, "--schedule=0 2 * * *", "--skip-unchanged=false"]).request.skip_unchanged


# --- parts that no stand-in mirrors by


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server, and the folder that it serves."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None: ...

    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", folder
        server.shutdown()
        thread.join()


def parts(mirror_section: str) -> dict[str, str]:
    imageset = f"kind: ImageSetConfiguration\nmirror:\n{mirror_section}".encode()
    found = skip.fingerprint_of(ImageSet.parse(imageset, "mine.yaml"), source=Options().source, settings={})
    found.pop("ImageSet")
    return found


CHANNEL = "  platform:\n    architectures: [arm64]\n    channels:\n    - name: stable-4.18\n"


def graph(*versions: str, edges: list[list[int]] | None = None) -> str:
    nodes = [{"version": one, "payload": f"quay.io/r@sha256:{one}"} for one in versions]
    return json.dumps({"nodes": nodes, "edges": edges or [], "conditionalEdges": []})


def test_the_release_graph_counts_by_what_it_says(
    served: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, folder = served
    monkeypatch.setenv("UPDATE_URL_OVERRIDE", f"{url}/graph")
    (folder / "graph").write_text(graph("4.18.1", "4.18.2", edges=[[0, 1]]))
    before = parts(CHANNEL)
    assert list(before) == ["channel stable-4.18 (arm64)"]
    (folder / "graph").write_text(graph("4.18.2", "4.18.1", edges=[[1, 0]]))
    assert parts(CHANNEL) == before, "the same graph in another order"
    (folder / "graph").write_text(graph("4.18.1", "4.18.2", "4.18.3", edges=[[0, 1]]))
    assert parts(CHANNEL) != before
    (folder / "graph").write_text(graph("4.18.1", "4.18.2"))
    assert parts(CHANNEL) != before


def test_with_platforms_the_graph_of_multi_architecture_releases_counts(
    served: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oc-mirror takes no other release then (GetReleaseReferenceImages in release/cincinnati.go)."""
    url, folder = served
    monkeypatch.setenv("UPDATE_URL_OVERRIDE", f"{url}/graph")
    (folder / "graph").write_text(graph("4.18.1"))
    platforms = "    platforms: [{os: linux, architecture: arm64}]\n"
    assert list(parts(CHANNEL.replace("    architectures: [arm64]\n", platforms))) == [
        "channel stable-4.18 (multi)"
    ]


@pytest.mark.parametrize(
    "answer", ["", "{}", "<html>", '{"nodes": [{}]}', '{"nodes": [], "edges": [[0, 1]]}']
)
def test_a_graph_that_is_none_leaves_a_doubt(
    served: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    url, folder = served
    monkeypatch.setenv("UPDATE_URL_OVERRIDE", f"{url}/graph")
    (folder / "graph").write_text(answer)
    with pytest.raises(DoubtError, match=r"stable-4\.18"):
        parts(CHANNEL)


def test_a_chart_repository_counts_by_its_entries(served: tuple[str, Path]) -> None:
    url, folder = served
    helm = f"  helm:\n    repositories:\n    - name: r\n      url: {url}/charts/\n"
    helm += "      charts:\n      - name: a\n"
    (folder / "charts").mkdir()
    index = folder / "charts/index.yaml"
    index.write_text("apiVersion: v1\ngenerated: monday\nentries: {a: [{version: 1.0.0}]}\n")
    before = parts(helm)
    index.write_text("apiVersion: v1\ngenerated: tuesday\nentries: {a: [{version: 1.0.0}]}\n")
    assert parts(helm) == before
    index.write_text("apiVersion: v1\ngenerated: tuesday\nentries: {a: [{version: 1.0.1}]}\n")
    assert parts(helm) != before
    index.unlink()
    with pytest.raises(DoubtError, match="404"):
        parts(helm)


def test_a_pinned_image_is_asked_for_nowhere() -> None:
    digest = f"sha256:{'0' * 64}"
    image = f"registry.invalid/a/b@{digest}"
    assert parts(f"  additionalImages:\n  - name: {image}\n") == {image: digest}


@pytest.mark.parametrize("catalog", ["oci:///var/catalog", "registry.invalid/a/b:v1", "ubi9:latest"])
def test_what_no_registry_tells_leaves_a_doubt(catalog: str) -> None:
    with pytest.raises(DoubtError):
        parts(f"  operators:\n  - catalog: {catalog}\n")
