"""The build pipeline on the real Tekton with the real buildah, from nothing to a record; and its failures."""

from __future__ import annotations

import base64
import json
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.cluster.builds import PIPELINE, Workshop, write_downloads, write_source
from tests.cluster.product import PIPELINES, WORKLOADS, Run, install
from tests.conftest import ROOT
from tests.testbed import files, gitserver, images
from tests.testbed import registry as registries
from tests.testbed.client import Cluster
from tests.testbed.layout import CACHE, NODE_ADDRESS
from tests.testbed.pki import self_signed
from tests.testbed.processes import run as run_program
from tests.testbed.registry import Registry
from tests.testbed.repositories import Repository

pytestmark = pytest.mark.product

CACHE_CLAIM = "oc-mirror-shared-workspace"
SMALL = {
    "Containerfile": "FROM scratch\nCOPY file /file\n",
    "file": "x",
}


@pytest.fixture(scope="module")
def workshop(
    cluster: Cluster,
    registry: Registry,
    make_repository: Callable[[str, Path], Repository],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Workshop]:
    """tekton/ where no image of ours is recorded, pushing to a repository that does not exist yet."""
    source = tmp_path_factory.mktemp("source")
    write_source(source)
    repository = make_repository("source", source)
    product = install(cluster, "http://unused")
    # On the file system of the cached wheels, which are linked rather than copied.
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=".downloads-") as downloads:
        write_downloads(Path(downloads))
        image_url = f"{registry.host}/built/{uuid.uuid4().hex[:8]}:latest"
        with files.serving(Path(downloads)) as url:
            yield Workshop.open(product, registry, repository, image_url, url)


@pytest.fixture(scope="module")
def first(workshop: Workshop) -> Run:
    """The first build there is."""
    repository = workshop.image_url.partition("/")[2].rpartition(":")[0]
    assert workshop.registry.tags(repository) == []
    absent = workshop.product.cluster.kubectl(
        "get", "configmap", "oc-mirror-images", "-n", PIPELINES, check=False
    )
    assert absent.returncode
    return workshop.build()


@pytest.fixture(scope="module")
def small(
    make_repository: Callable[[str, Path], Repository], tmp_path_factory: pytest.TempPathFactory
) -> Repository:
    """A source that builds in a moment, and is no image of ours."""
    folder = tmp_path_factory.mktemp("small")
    for name, text in SMALL.items():
        (folder / name).write_text(text)
    return make_repository("small", folder)


def test_the_first_build_needs_no_image_of_ours(workshop: Workshop, first: Run) -> None:
    repository = workshop.image_url.rpartition(":")[0]
    digest = first.results["IMAGE_DIGEST"]
    assert first.results["IMAGE_URL"] == workshop.image_url
    assert first.results["image"] == f"{repository}@{digest}"
    assert first.results["CHAINS-GIT_COMMIT"] == workshop.source.head()
    assert first.results["CHAINS-GIT_URL"] == f"git+{workshop.source.url}"
    assert first.results["changed"] == "true"
    data = workshop.record()["data"]
    assert set(data) == {"image-name", "image-url", "image-digest", "git-revision", "build-timestamp"}
    assert (data["image-url"], data["image-digest"]) == (workshop.image_url, digest)
    tags = workshop.registry.tags(repository.partition("/")[2])
    assert set(tags) == {"latest", workshop.source.head()}
    images_used = {c["image"] for pod in first.pods() for c in pod["spec"]["containers"]}
    assert images_used == {images.BASE, images.BUILDER, first.results["image"]}


def test_only_buildah_ran_as_root_and_the_image_was_tried_with_a_random_uid(first: Run) -> None:
    for pod in first.pods():
        for container in pod["spec"]["containers"]:
            context = container["securityContext"]
            if container["name"] == "step-buildah-build":
                assert context["capabilities"] == {"add": ["SETFCAP"]}
                assert not context.get("privileged")
            else:
                assert context["runAsNonRoot"]
    assert "UID 1000650001, root file system read-only." in first.log("smoke-test-image")


@pytest.mark.usefixtures("first")
def test_a_second_build_of_the_same_commit_changes_nothing(workshop: Workshop) -> None:
    """The same digest, though built from nothing again; the record stays, its timestamp included."""
    before = workshop.record()
    again = workshop.build()
    assert again.results["IMAGE_DIGEST"] == before["data"]["image-digest"]
    assert again.results["changed"] == "false"
    assert workshop.record()["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


def test_the_built_image_is_what_the_deployment_pipeline_deploys(
    workshop: Workshop, first: Run, shared_data: Path, make_repository: Callable[[str, Path], Repository]
) -> None:
    values = make_repository("build-values", shared_data / "autoshift" / "single-file-2026-02")
    parameters = {
        "values-git-url": values.url,
        "deploy-mode": "cronjob",
        "task-image": first.results["image"],
        "storage-size": "1Gi",
    }
    workshop.product.succeed(parameters)
    cronjob = workshop.product.get("cronjob", "oc-mirror", WORKLOADS)
    (container,) = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert (
        container["image"]
        == workshop.record()["data"]["image-url"].rpartition(":")[0]
        + "@"
        + (workshop.record()["data"]["image-digest"])
    )


@pytest.mark.usefixtures("first")
def test_an_image_that_does_not_work_is_never_recorded(workshop: Workshop) -> None:
    before = workshop.record()
    broken = workshop.source.push({"steps/fetch_values.py": "import nothing_of_that_name\n"}, branch="broken")
    log = workshop.fail(git_revision=broken)
    assert "'fetch-values --help' ends with exit code 1" in log
    assert "nothing_of_that_name" in log
    assert "the image recorded before stays in use" in log
    assert workshop.record() == before


@pytest.mark.usefixtures("first")
def test_a_new_image_keeps_the_one_before_in_annotations(workshop: Workshop) -> None:
    before = workshop.record()["data"]
    workshop.source.push({"steps/extra.py": '"""Nothing."""\n'}, branch="next")
    run = workshop.build(git_revision="next")
    assert run.results["changed"] == "true"
    record = workshop.record()
    assert record["data"]["image-digest"] == run.results["IMAGE_DIGEST"] != before["image-digest"]
    kept = record["metadata"]["annotations"]
    assert kept["oc-mirror-pipeline/previous-image-digest"] == before["image-digest"]


def test_layers_are_kept_where_a_cache_is_bound(workshop: Workshop, small: Repository) -> None:
    build: dict[str, Any] = {
        "git_url": small.url,
        "cache": CACHE_CLAIM,
        "image_url": f"{workshop.registry.host}/cached/x:z",
        "build_args": [],
    }
    first, second = (workshop.product.wait(workshop.start(**build)) for _ in range(2))
    assert "Using cache" not in first.log("buildah-build")
    assert "Using cache" in second.log("buildah-build")
    assert first.results["IMAGE_DIGEST"] == second.results["IMAGE_DIGEST"]
    # A mount that gives every file to fsGroup would end in the layers: such a cache is not used.
    changed = workshop.product.wait(workshop.start(**build, change_policy="Always"))
    assert "The files of the cache were changed: emptying it" in changed.log("buildah-build")
    assert changed.results["IMAGE_DIGEST"] == first.results["IMAGE_DIGEST"]


def test_two_builds_at_once_both_push_and_one_record_remains(workshop: Workshop, small: Repository) -> None:
    """They share the cache too. What they build does not work as an image of ours, so nothing is recorded."""
    before = workshop.product.cluster.kubectl(
        "get", "configmap", "oc-mirror-images", "-n", PIPELINES, "-o", "yaml", check=False
    )
    for colour in ("red", "blue"):
        small.push({"file": colour}, branch=colour)
    names = [
        workshop.start(git_url=small.url, git_revision=colour, build_args=[], cache=CACHE_CLAIM)
        for colour in ("red", "blue")
    ]
    digests = set()
    for name in names:
        ended = workshop.product.wait(name, seconds=420)
        assert not ended.succeeded  # there is no smoke-test-image in it
        digests.add(ended.results["IMAGE_DIGEST"])
    assert len(digests) == 2
    after = workshop.product.cluster.kubectl(
        "get", "configmap", "oc-mirror-images", "-n", PIPELINES, "-o", "yaml", check=False
    )
    assert after.stdout == before.stdout


def test_tkn_starts_a_build(workshop: Workshop, small: Repository) -> None:
    given = workshop.parameters(git_url=small.url, build_args=[])
    del given["build-args"]
    started = workshop.product.cluster.tkn(
        "pipeline",
        "start",
        PIPELINE,
        "--use-param-defaults",
        *(f"--param={k}={v}" for k, v in given.items()),
        "--skip-optional-workspace",
        "--serviceaccount=oc-mirror-pipeline",
        f"--namespace={PIPELINES}",
        "--output=name",
    )
    ended = workshop.product.wait(started.stdout.strip())
    assert ended.results["CHAINS-GIT_COMMIT"] == small.head()


# What goes wrong before a registry is asked, and the words that a person finds in the log.
FAILURES: dict[str, tuple[dict[str, object], list[str]]] = {
    "wrong branch": ({"git_revision": "mian"}, ["no branch, tag or commit 'mian'"]),
    "an option as a revision": ({"git_revision": "--upload-pack=id"}, ["is not a branch, tag or commit"]),
    "transport that runs": ({"git_url": "ext::sh -c id"}, ["git-url"]),
    "password in the URL": (
        {"git_url": "https://me:secret@example.com/x"},
        ["carries a password", "source-git-auth"],
    ),
    "no such repository": ({"git_url": "http://10.97.255.1:5080/none.git"}, ["there is no Git repository"]),
    "no such folder": ({"context": "none"}, ["there is no folder 'none'"]),
    "a folder outside": ({"context": "../.."}, ["is not a path inside the repository"]),
    "no such Containerfile": ({"containerfile": "none"}, ["there is no 'none'"]),
    "no image reference": ({"image_url": "latest"}, ["is not HOST[:PORT]/PATH[:TAG]"]),
    "a build argument without a value": ({"build_args": ["--privileged"]}, ["is not NAME=VALUE"]),
    "a boolean": ({"registry_tls_verify": "no"}, ["neither 'true' nor 'false'"]),
    "plain HTTP": ({"registry_tls_verify": "true"}, ["speaks plain HTTP", "registry-tls-verify"]),
    "registry down": ({"image_url": f"{NODE_ADDRESS}:9/x/y:z"}, ["does not answer"]),
    "a base image that is not there": ({"containerfile": "absent"}, ["the build of 'absent'"]),
}


@pytest.fixture(scope="module")
def failed_logs(workshop: Workshop, small: Repository) -> dict[str, str]:
    """All failing builds of a small source, three side by side."""
    small.push({"absent": f"FROM {workshop.registry.host}/none:none\n"})

    def log_of(case: str) -> str:
        return workshop.fail(**{"git_url": small.url, "build_args": [], **FAILURES[case][0]})

    with ThreadPoolExecutor(max_workers=3) as pool:
        return dict(zip(FAILURES, pool.map(log_of, FAILURES), strict=True))


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_says_what_is_wrong_and_what_to_do(failed_logs: dict[str, str], case: str) -> None:
    for words in [*FAILURES[case][1], "ERROR: ", "hint: "]:
        assert words in failed_logs[case], failed_logs[case]
    assert "me:secret" not in failed_logs[case]


def make_login(workshop: Workshop, host: str, login: str) -> None:
    """The Secret quay-registry-auth, with a login for one host."""
    kubectl = workshop.product.cluster.kubectl
    kubectl("delete", "secret", "quay-registry-auth", "-n", PIPELINES, "--ignore-not-found")
    auths = {"auths": {host: {"auth": base64.b64encode(login.encode()).decode()}}}
    kubectl(
        "create",
        "secret",
        "generic",
        "quay-registry-auth",
        "-n",
        PIPELINES,
        "--type=kubernetes.io/dockerconfigjson",
        f"--from-literal=.dockerconfigjson={json.dumps(auths)}",
    )


def test_missing_foreign_and_wrong_logins_are_told_apart(workshop: Workshop, small: Repository) -> None:
    with registries.serving(username="user", password="right", address=NODE_ADDRESS) as private:
        build = {"git_url": small.url, "build_args": [], "image_url": f"{private.host}/x/y:z"}
        workshop.product.cluster.kubectl(
            "delete", "secret", "quay-registry-auth", "-n", PIPELINES, "--ignore-not-found"
        )
        log = workshop.fail(**build)
        assert f"{private.host} asks for a login, and there is no Secret quay-registry-auth" in log
        make_login(workshop, "elsewhere.example.com", "user:right")
        assert f"has none for {private.host}" in workshop.fail(**build)
        make_login(workshop, private.host, "user:wrong")
        log = workshop.fail(**build)
        assert "refuses the login of the Secret quay-registry-auth" in log
        assert "user:wrong" not in log
        make_login(workshop, private.host, "user:right")
        workshop.fail(**build)  # the node has no login: what was pushed cannot be tried out there
        assert private.tags("x/y")
        url = f"http://{private.host}/v2/x/y/tags/list"
        assert requests.get(url, timeout=5).status_code == requests.codes.unauthorized


def test_a_full_registry_is_named(workshop: Workshop, small: Repository, tmp_path: Path) -> None:
    """A real one whose disk has no room left."""
    disk = tmp_path / "disk"
    disk.mkdir()
    run_program("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk)
    try:
        with registries.serving(address=NODE_ADDRESS, storage=disk) as full:
            small.push({"file": base64.b64encode(os.urandom(600_000)).decode()}, branch="large")
            log = workshop.fail(
                git_url=small.url, git_revision="large", build_args=[], image_url=f"{full.host}/x/y:z"
            )
    finally:
        run_program("umount", disk)
    assert f"cannot push {full.host}/x/y" in log, log
    assert "the registry fails" in log or "no space left" in log, log


def test_a_registry_with_a_ca_of_its_own_is_trusted_where_that_is_given(
    workshop: Workshop, small: Repository, tmp_path: Path
) -> None:
    kubectl = workshop.product.cluster.kubectl
    certificate = self_signed(tmp_path, f"IP:{NODE_ADDRESS}")
    ca = f"--from-file=ca-bundle.crt={certificate.with_name('certificate.pem')}"
    kubectl("delete", "configmap", "build-ca", "-n", PIPELINES, "--ignore-not-found")
    kubectl("create", "configmap", "build-ca", ca, "-n", PIPELINES)
    with registries.serving(address=NODE_ADDRESS, certificate=certificate) as private:
        build = {"git_url": small.url, "build_args": [], "image_url": f"{private.host}/x/y:z"}
        build["registry_tls_verify"] = "true"
        assert "the registry's certificate is not trusted" in workshop.fail(**build)
        assert f"Pushed {private.host}/x/y@" in workshop.fail(**build, trusted_ca_configmap="build-ca")


def test_a_private_source_needs_its_secret(workshop: Workshop, tmp_path: Path) -> None:
    kubectl = workshop.product.cluster.kubectl
    (tmp_path / "files").mkdir()
    for name, text in SMALL.items():
        (tmp_path / "files" / name).write_text(text)
    kubectl("delete", "secret", "source-git-auth", "-n", PIPELINES, "--ignore-not-found")
    credentials = {"username": "me", "password": "it's $(secret)"}
    with gitserver.serving(tmp_path, **credentials, address=NODE_ADDRESS) as private:
        repository = Repository.create(private, "private", tmp_path / "files")
        build = {"git_url": repository.url, "build_args": []}
        log = workshop.fail(**build)
        assert f"the Git server refuses access: {repository.url}" in log
        assert "source-git-auth" in log
        literals = [f"--from-literal={name}={value}" for name, value in credentials.items()]
        kubectl("create", "secret", "generic", "source-git-auth", *literals, "-n", PIPELINES)
        log = workshop.fail(**build)  # it is no image of ours, but it is fetched and pushed
    assert f"(commit {repository.head()})" in log
    assert "Pushed " in log
    assert credentials["password"] not in log


def test_a_namespace_that_enforces_restricted_refuses_the_build_in_words(
    workshop: Workshop, small: Repository
) -> None:
    label = "pod-security.kubernetes.io/enforce"
    kubectl = workshop.product.cluster.kubectl
    kubectl("label", "namespace", PIPELINES, f"{label}=restricted", "--overwrite")
    try:
        name = workshop.start(git_url=small.url, build_args=[])
        ended = workshop.product.wait(name)
    finally:
        kubectl("label", "namespace", PIPELINES, f"{label}=baseline", "--overwrite")
    assert not ended.succeeded
    runs = workshop.product.cluster.get("taskruns", "-n", PIPELINES, "-l", f"tekton.dev/pipelineRun={name}")
    (run,) = runs["items"]
    assert 'violates PodSecurity "restricted' in run["status"]["conditions"][0]["message"]


@pytest.mark.usefixtures("workshop")
@pytest.mark.parametrize(
    "file",
    [
        "tekton/runs/build-pipelinerun.yaml",
        "examples/build-pipeline-openshift.yaml",
        "examples/triggers-ingress.yaml",
    ],
)
def test_what_is_shipped_beside_is_accepted_by_the_api_server(cluster: Cluster, file: str) -> None:
    cluster.kubectl("create", "--dry-run=server", "-f", str(ROOT / file))
