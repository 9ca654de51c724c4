"""publish-to-git as a command: from a data directory to a branch and a request, against real servers.

Git is served over HTTP with rights; the forge is the small server of test_forge, in GitHub's shapes.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from steps import publish_to_git
from steps.forge import Kind
from tests.conftest import GitRepository
from tests.testbed.gitserver import serving as serving_git
from tests.unit.publishing.samples import TARGET, catalog_source, changes, mirror_set, publish
from tests.unit.test_forge import TOKEN, Server, serving

VALUES = """\
# The fleet
managedClusterSets:
  managed:
    labels:
      disconnected-mirror: 'true'   # they use the mirror
clusters:
  edge-1: {}
"""
BRANCH = "oc-mirror/registry.example.com-5000-ocp"


@dataclass
class Site:
    """A repository of values, its server, the forge, and a data directory."""

    bare: Path
    git_url: str
    forge: Server
    secret: Path
    data: Path

    def arguments(self, *more: str) -> list[str]:
        return [
            f"--values-git-url={self.git_url}",
            "--values-file-path=values.yaml",
            f"--data={self.data}",
            f"--git-write-secret-path={self.secret}",
            "--publish-forge=github",
            "--publish-for=managed,edge-1",
            "--publish-ca-ref=bundle:ca.crt",
            *more,
        ]

    def run(self, *more: str) -> int:
        return publish_to_git.main(self.arguments(*more))

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.bare, check=True, capture_output=True, text=True)
        return done.stdout

    def branches(self) -> list[str]:
        return self.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()


@pytest.fixture
def site(git_repository: GitRepository, tmp_path: Path) -> Iterator[Site]:
    git_repository.commit({"values.yaml": VALUES, "README.md": "ours\n"})
    bare = tmp_path / "served" / "group" / "values.git"
    bare.parent.mkdir(parents=True)
    git_repository.git("clone", "--quiet", "--bare", str(git_repository.path), str(bare))
    secret = tmp_path / "secret"
    secret.mkdir()
    publish(tmp_path / "data")
    with (
        serving(Kind.GITHUB) as forge,
        serving_git(tmp_path / "served", username="robot", password=TOKEN) as server,
    ):
        for name, text in {
            "username": "robot",
            "password": TOKEN,
            "api-url": f"{forge.url}/api/v3",
        }.items():
            (secret / name).write_text(f"{text}\n")
        yield Site(bare, f"{server.url}/group/values.git", forge, secret, tmp_path / "data")


def test_from_a_data_directory_to_a_request(
    site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    results = [f"--result-commit={tmp_path / 'commit'}", f"--result-request-url={tmp_path / 'url'}"]
    assert site.run(*results) == 0
    values = site.git("show", f"{BRANCH}:values.yaml")
    read = yaml.safe_load(values)
    for entry in (read["managedClusterSets"]["managed"], read["clusters"]["edge-1"]):
        block = entry["config"]["disconnected"]
        assert block["mirrorRegistry"]["host"] == "registry.example.com:5000"
        assert block["mirrorRegistry"]["caRef"] == {"name": "bundle", "key": "ca.crt"}
        assert block["catalogs"][0]["imagePath"] == "redhat/redhat-operator-index"
    assert "disconnected-mirror: 'true'   # they use the mirror\n" in values
    assert site.git("ls-tree", "-r", "--name-only", BRANCH).split() == [
        "README.md",
        "cluster-resources/registry.example.com-5000-ocp/catalog-sources.yaml",
        "cluster-resources/registry.example.com-5000-ocp/idms.yaml",
        "values.yaml",
    ]
    [request] = site.forge.requests
    assert request["head"]["ref"] == BRANCH
    assert request["base"]["ref"] == "main"
    assert site.git("rev-parse", BRANCH).strip() in request["body"]
    assert (tmp_path / "commit").read_text() == site.git("rev-parse", BRANCH).strip()
    assert (tmp_path / "url").read_text() == request["html_url"]
    assert TOKEN not in caplog.text
    assert site.run() == 0
    assert site.forge.methods() == ["GET", "POST", "GET"]


def test_the_next_run_renews_the_request_with_its_list(site: Site) -> None:
    assert site.run() == 0
    store = publish(site.data, mirror_set(), catalog_source(tag="v4.21"))
    store.changes.keep(changes("4.21.3"), TARGET)
    assert site.run() == 0
    [request] = site.forge.requests
    assert "4.21.3" in request["body"]
    assert site.git("rev-parse", BRANCH).strip() in request["body"]
    assert "tag: v4.21" in site.git("show", f"{BRANCH}:values.yaml")


def test_what_is_assumed_stands_in_the_log_and_in_the_request(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    found = [mirror_set(), catalog_source(tag="v4.20"), catalog_source(tag="v4.21")]
    found[2]["metadata"]["name"] += "-21"
    publish(site.data, *found)
    assert site.run() == 0
    line = (
        "catalog redhat-operators with tag v4.21, the newest of v4.20, v4.21 (values.yaml: clusters.edge-1)"
    )
    assert f"assumed, since no label openshift-version tells it: {line}" in caplog.text
    assert f"* Assumed, since no label openshift-version tells it: `{line}`" in site.forge.text()
    values = yaml.safe_load(site.git("show", f"{BRANCH}:values.yaml"))
    catalogs = values["clusters"]["edge-1"]["config"]["disconnected"]["catalogs"]
    assert [one["tag"] for one in catalogs] == ["v4.21"]


def test_killed_between_push_and_request_the_next_run_opens_it(site: Site) -> None:
    site.forge.instead = lambda _method: (500, {}, {})
    import stamina

    with stamina.set_testing(True, attempts=1):
        assert site.run() == 7
    assert site.branches() == ["main", BRANCH]
    site.forge.instead = lambda _method: None
    assert site.run() == 0
    assert len(site.forge.requests) == 1


def test_after_the_merge_nothing_is_asked_of_the_forge(site: Site, tmp_path: Path) -> None:
    assert site.run() == 0
    site.git("update-ref", "refs/heads/main", f"refs/heads/{BRANCH}")
    site.forge.seen.clear()
    assert site.run(f"--result-commit={tmp_path / 'commit'}") == 0
    assert site.forge.seen == []
    assert (tmp_path / "commit").read_text() == ""


def test_without_a_forge_the_branch_is_pushed_alone(site: Site) -> None:
    assert site.run("--publish-forge=none", "--publish-branch=mirror", "--publish-for=") == 0
    assert site.branches() == ["main", "mirror"]
    assert site.forge.seen == []
    assert site.git("show", "mirror:values.yaml") == VALUES


def test_false_does_nothing(site: Site) -> None:
    assert site.run("--enabled=false") == 0
    assert site.branches() == ["main"]


def fails(site: Site, caplog: pytest.LogCaptureFixture, *more: str) -> tuple[int, str]:
    code = site.run(*more)
    said = caplog.text
    caplog.clear()
    assert "Traceback" not in said
    assert TOKEN not in said
    assert site.branches() == ["main"]
    assert site.forge.seen == []
    return code, said


def test_what_is_wrong_is_told_before_anything_is_pushed(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    for more, expected, words in (
        (("--publish-for=nobody",), 4, "no values file has a cluster or a cluster set 'nobody'"),
        (("--publish-ca-ref=",), 3, "the block names no CA of the registry"),
        (("--target-registry=other.example.com",), 4, "nothing is published for other.example.com"),
        (("--publish-forge=auto",), 2, "it is not known which forge"),
        (("--publish-base=missing",), 7, "has no branch 'missing'"),
        (("--values-file-path=missing.yaml",), 4, "there is no 'missing.yaml'"),
        (("--publish-branch=a..b",), 2, "is not the name of a branch"),
    ):
        code, said = fails(site, caplog, *more)
        assert (code, words in said) == (expected, True), said


def test_a_secret_for_another_repository_is_shown_to_nobody(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    (site.secret / "url").write_text("https://git.example.com/fleet/values.git\n")
    code, said = fails(site, caplog)
    assert (code, "is for https://git.example.com/fleet/values.git" in said) == (5, True)
    (site.secret / "url").write_text("https://robot:s3cret@git.example.com/fleet/values.git\n")
    code, said = fails(site, caplog)
    assert (code, "is for https://…@git.example.com/fleet/values.git" in said) == (5, True)
    assert "s3cret" not in said
    (site.secret / "url").write_text(site.git_url.removesuffix(".git"))
    assert site.run() == 0


def test_a_secret_without_a_token_is_told(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    (site.secret / "password").unlink()
    code, said = fails(site, caplog)
    assert (code, "has no token, nor a password" in said) == (3, True)


def test_what_leads_clusters_elsewhere_is_published_nowhere(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    folder = next((site.data / "targets").glob("*/cluster-resources"))
    text = (folder / "idms.yaml").read_text()
    (folder / "idms.yaml").write_text(re.sub(r"registry\.example\.com:5000/ocp", "evil.example.com", text))
    code, said = fails(site, caplog)
    assert (code, "leads clusters to evil.example.com" in said) == (8, True)


@pytest.mark.parametrize(
    "content", [b"", b"---\n", b"---\nkind: [", b"---\n- a\n", b"---\nkind: ImageDigestMirrorSet\n", b"\xff"]
)
def test_a_damaged_file_does_not_take_the_mirrors_from_the_clusters(
    site: Site, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    [file] = (site.data / "targets").glob("*/cluster-resources/idms.yaml")
    file.write_bytes(content)
    code, said = fails(site, caplog)
    assert code == 3
    assert "idms.yaml is empty, cut off, or no list of resources" in said or "cannot be read" in said
    assert site.branches() == ["main"]


def test_without_any_resource_nothing_is_proposed(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    for file in (site.data / "targets").glob("*/cluster-resources/*"):
        file.unlink()
    code, said = fails(site, caplog)
    assert (code, "holds no resource for the clusters of" in said) == (3, True)
    assert site.branches() == ["main"]


def test_of_a_data_directory_with_sites_one_is_to_be_named(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    north = site.data.parent / "all/sites/north"
    north.parent.mkdir(parents=True)
    site.data = site.data.rename(north).parents[1]
    code, said = fails(site, caplog)
    assert (code, f"name the data directory of a site: --data={north}" in said) == (4, True)
    site.data = north
    assert site.run() == 0


def test_of_several_targets_one_is_named(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    publish(site.data, target="second.example.com/mirror")
    code, said = fails(site, caplog)
    assert (code, "what is published for several targets" in said) == (5, True)
    assert site.run(f"--target-registry={TARGET}") == 0
    assert site.branches() == ["main", BRANCH]
