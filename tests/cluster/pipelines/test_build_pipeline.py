"""The build pipeline on the real Tekton with the real buildah, from nothing to a record; and its failures."""

from __future__ import annotations

import base64
import json
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from steps.image_trust.verification import verify
from steps.oci.access import Access
from steps.trust.dsse import Envelope
from steps.trust.keys import PrivateKey
from steps.trust.statement import Statement
from tests.cluster import task_pod
from tests.cluster.builds import PIPELINE, Workshop, derived, write_downloads, write_source
from tests.cluster.product import PIPELINES, WORKLOADS, Run, install
from tests.cluster.task_pod import Step
from tests.conftest import ROOT
from tests.signed_images import beside, new_key, private_pem, strict, trust
from tests.testbed import files, gitserver, images
from tests.testbed import registry as registries
from tests.testbed.client import Cluster
from tests.testbed.layout import CACHE, GIT_URL, NODE_ADDRESS
from tests.testbed.pki import self_signed
from tests.testbed.processes import run as run_program
from tests.testbed.registry import Registry
from tests.testbed.repositories import Repository

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
    """The first build there is, and beside it one of the same commit: each from nothing, one digest."""
    repository = workshop.image_url.partition("/")[2].rpartition(":")[0]
    assert workshop.registry.tags(repository) == []
    absent = workshop.product.cluster.kubectl(
        "get", "configmap", "oc-mirror-images", "-n", PIPELINES, check=False
    )
    assert absent.returncode
    with ThreadPoolExecutor() as pool:
        one, other = pool.map(lambda _: workshop.build(), range(2))
    assert one.results["IMAGE_DIGEST"] == other.results["IMAGE_DIGEST"]
    assert "true" in {one.results["changed"], other.results["changed"]}
    return one


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
            if container["name"] in {"step-buildah-build", "step-push-image"}:
                assert context["capabilities"]["add"] == ["SETFCAP"]
                assert not context.get("privileged")
            else:
                assert context["runAsNonRoot"]
    assert "UID 1000650001, root file system read-only." in first.log("smoke-test-image")


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


SIGNER = "oc-mirror-image-signing-key"
BUILDER_ID = "https://tekton.example.com/testbed"


@pytest.fixture(scope="module")
def signer(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> PrivateKey:
    """The key that signs, in the Secret that the build pipeline takes it from."""
    key = new_key()
    path = tmp_path_factory.mktemp("signer") / "signing.key"
    path.write_bytes(private_pem(key))
    secret = ("create", "secret", "generic", SIGNER, f"--from-file={path}", "-n", PIPELINES)
    workshop.product.cluster.kubectl(*secret)
    return key


@pytest.fixture(scope="module")
def second(workshop: Workshop, first: Run, signer: PrivateKey) -> Run:
    """The build of another commit, whose image has one file more; recorded in place of the first.

    It is signed in the first image, which was trusted before.
    """
    assert signer
    before = workshop.record()["data"]
    workshop.source.push(derived(first.results["image"], {"/new": "new"}), branch="next")
    signing = {"image_signing_secret": SIGNER, "signing_image": first.results["image"]}
    run = workshop.build(git_revision="next", build_args=[], builder_id=BUILDER_ID, **signing)
    assert run.results["IMAGE_DIGEST"] != before["image-digest"]
    return run


def test_a_new_image_keeps_the_one_before_in_annotations(workshop: Workshop, first: Run, second: Run) -> None:
    assert second.results["changed"] == "true"
    record = workshop.record()
    assert record["data"]["image-digest"] == second.results["IMAGE_DIGEST"]
    kept = record["metadata"]["annotations"]
    assert kept["oc-mirror-pipeline/previous-image-digest"] == first.results["IMAGE_DIGEST"]


def test_the_image_is_signed_by_one_that_was_trusted_before_and_lists_itself_without_the_key(
    workshop: Workshop, first: Run, second: Run, signer: PrivateKey
) -> None:
    assert "sign-image" not in {pod["metadata"]["labels"]["tekton.dev/pipelineTask"] for pod in first.pods()}
    pods = {pod["metadata"]["labels"]["tekton.dev/pipelineTask"]: pod for pod in second.pods()}
    containers = {one["name"]: one for one in pods["sign-image"]["spec"]["containers"]}
    listing, signing = containers["step-list-image-contents"], containers["step-sign-image"]
    assert (listing["image"], signing["image"]) == (second.results["image"], first.results["image"])
    secrets = {volume["name"] for volume in pods["sign-image"]["spec"]["volumes"] if "secret" in volume}
    assert secrets == {"image-signing-secret", "registry-secret"}
    mounts = {mount["mountPath"]: mount["name"] for mount in listing["volumeMounts"]}
    assert not secrets & set(mounts.values())
    assert mounts["/var/run/secrets/kubernetes.io/serviceaccount"] == "no-token"
    assert "attached a signature, provenance, the list of its contents" in second.log("sign-image")
    trusted = strict(signer, source=workshop.source.url, builder=BUILDER_ID)
    access = Access(tls_verify=False)
    found = verify(second.results["image"], trusted, access, revision=workshop.source.head("next"))
    assert found.commit == second.results["CHAINS-GIT_COMMIT"]
    contents = [one for one in beside(second.results["image"], "att", access) if "cyclonedx" in str(one)]
    statement = Statement.parse(Envelope.parse(contents[0].content).payload)
    names = {part["name"] for part in statement.predicate["components"]}
    assert {"oc-mirror", "oc-mirror-pipeline", "cryptography", "libc6"} <= names


@pytest.fixture
def image_trust(workshop: Workshop, signer: PrivateKey) -> Iterator[Callable[..., None]]:
    """A function that writes the ConfigMap of trust; it is gone after the test."""
    kubectl = workshop.product.cluster.kubectl

    def write(**changes: str) -> None:
        usual = {"source": workshop.source.url, "builder": BUILDER_ID, "registry_tls_verify": "false"}
        data = trust(signer, **(usual | changes))
        metadata = {"name": "oc-mirror-image-trust", "namespace": PIPELINES}
        manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        kubectl("apply", "-f", "-", input=json.dumps(manifest))

    yield write
    kubectl("delete", "configmap", "oc-mirror-image-trust", "-n", PIPELINES, "--ignore-not-found")


def test_a_signed_image_is_deployed_where_it_is_trusted_and_no_other_is(
    workshop: Workshop,
    second: Run,
    shared_data: Path,
    make_repository: Callable[[str, Path], Repository],
    image_trust: Callable[..., None],
) -> None:
    values = make_repository("signed-values", shared_data / "autoshift" / "single-file-2026-02")
    image = second.results["image"]
    parameters = {
        "values-git-url": values.url,
        "deploy-mode": "cronjob",
        "task-image": image,
        "storage-size": "1Gi",
    }
    workshop.product.clean()
    image_trust(builder="https://tekton.example.com/another")
    refused = workshop.product.run(parameters)
    assert not refused.succeeded
    said = refused.log("get-current-image")
    assert (
        f"{image} has no provenance that ConfigMap 'oc-mirror-pipeline/oc-mirror-image-trust' trusts" in said
    )
    assert f"it was built by {BUILDER_ID}, not by https://tekton.example.com/another" in said
    (pod,) = [one for one in refused.pods() if "get-current-image" in one["metadata"]["name"]]
    assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 15
    missing = ("get", "cronjob", "oc-mirror", "-n", WORKLOADS)
    assert workshop.product.cluster.kubectl(*missing, check=False).returncode

    image_trust()
    run = workshop.product.succeed(parameters)
    commit = second.results["CHAINS-GIT_COMMIT"]
    for task in ("get-current-image", "deploy-workload"):
        assert f"{image} is signed by the key key-0; built from {workshop.source.url}".removesuffix(
            ".git"
        ) in run.log(task)
        assert f"at {commit} by {BUILDER_ID}" in run.log(task)
    cronjob = workshop.product.get("cronjob", "oc-mirror", WORKLOADS)
    (container,) = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == image
    workshop.product.clean()


def test_neither_the_same_commit_again_nor_an_image_that_does_not_work_changes_the_record(
    workshop: Workshop, second: Run
) -> None:
    """Two builds side by side; the record stays as it is, its timestamp included."""
    before = workshop.record()
    program = "#!/bin/sh\necho there is nothing of that name\nexit 1\n"
    command = "/opt/oc-mirror-pipeline/bin/fetch-values"
    workshop.source.push(derived(second.results["image"], {command: program}), branch="broken")
    with ThreadPoolExecutor() as pool:
        again = pool.submit(workshop.build, git_revision="next", build_args=[])
        log = workshop.fail(git_revision="broken", build_args=[])
        assert again.result().results["IMAGE_DIGEST"] == second.results["IMAGE_DIGEST"]
    assert again.result().results["changed"] == "false"
    assert "'fetch-values --help' ends with exit code 1" in log
    assert "there is nothing of that name" in log
    assert "the image recorded before stays in use" in log
    assert workshop.record() == before


@pytest.fixture(scope="module")
def two(workshop: Workshop, small: Repository) -> dict[str, str]:
    """Two builds at once, which share a cache: digest by commit. What they build is no image of ours."""
    for colour in ("red", "blue"):
        small.push({"file": colour}, branch=colour)
    given = workshop.parameters(git_url=small.url, git_revision="red")
    del given["build-args"]  # none: what tkn has for an array without elements
    started = workshop.product.cluster.tkn(
        "pipeline",
        "start",
        PIPELINE,
        "--use-param-defaults",
        *(f"--param={name}={value}" for name, value in given.items()),
        f"--workspace=name=cache,claimName={CACHE_CLAIM}",
        "--serviceaccount=oc-mirror-pipeline",
        f"--namespace={PIPELINES}",
        "--output=name",
    )
    blue = workshop.start(git_url=small.url, git_revision="blue", build_args=[], cache=CACHE_CLAIM)
    digests = {}
    for name in (started.stdout.strip(), blue):
        ended = workshop.product.wait(name, seconds=600)
        assert not ended.succeeded  # there is no smoke-test-image in it
        assert "Using cache" not in ended.log("buildah-build")
        digests[ended.results["CHAINS-GIT_COMMIT"]] = ended.results["IMAGE_DIGEST"]
    return digests


@pytest.mark.usefixtures("first")
def test_two_builds_at_once_one_by_tkn_both_push_and_neither_is_recorded(
    workshop: Workshop, two: dict[str, str], small: Repository
) -> None:
    assert set(two) == {small.head("red"), small.head("blue")}
    assert len({*two.values(), workshop.record()["data"]["image-digest"]}) == 3


def test_layers_are_kept_where_a_cache_is_bound(
    workshop: Workshop, two: dict[str, str], small: Repository
) -> None:
    build: dict[str, Any] = {"git_url": small.url, "git_revision": "blue", "build_args": []}
    again = workshop.product.wait(workshop.start(**build, cache=CACHE_CLAIM))
    assert "Using cache" in again.log("buildah-build")
    assert again.results["IMAGE_DIGEST"] == two[small.head("blue")]
    # A mount that gives every file to fsGroup would end in the layers: such a cache is not used.
    changed = workshop.product.wait(workshop.start(**build, cache=CACHE_CLAIM, change_policy="Always"))
    assert "The files of the cache were changed: emptying it" in changed.log("buildah-build")
    assert changed.results["IMAGE_DIGEST"] == again.results["IMAGE_DIGEST"]


@dataclass(frozen=True)
class Failure:
    """Parameters that are wrong, the step that says so, and words that a person finds in its log."""

    step: str
    changes: dict[str, Any]
    words: list[str]


FETCH, BUILD, PUSH = "fetch-source", "buildah-build", "push-image"
FAILURES = {
    "wrong branch": Failure(FETCH, {"git_revision": "mian"}, ["no branch, tag or commit 'mian'"]),
    "an option as a revision": Failure(
        FETCH, {"git_revision": "--upload-pack=id"}, ["is not a branch, tag or commit"]
    ),
    "transport that runs": Failure(FETCH, {"git_url": "ext::sh -c id"}, ["git-url"]),
    "password in the URL": Failure(
        FETCH, {"git_url": "https://me:secret@example.com/x"}, ["carries credentials", "source-git-auth"]
    ),
    "no such repository": Failure(FETCH, {"git_url": f"{GIT_URL}/none.git"}, ["there is no Git repository"]),
    "no such folder": Failure(BUILD, {"context": "none"}, ["there is no folder 'none'"]),
    "a folder outside": Failure(BUILD, {"context": "../.."}, ["is not a path inside the repository"]),
    "no such Containerfile": Failure(BUILD, {"containerfile": "none"}, ["there is no 'none'"]),
    "no image reference": Failure(BUILD, {"image_url": "latest"}, ["is not HOST[:PORT]/PATH[:TAG]"]),
    "a build argument without a value": Failure(
        BUILD, {"build_args": ["--privileged"]}, ["is not NAME=VALUE"]
    ),
    "a boolean": Failure(BUILD, {"registry_tls_verify": "no"}, ["neither 'true' nor 'false'"]),
    "plain HTTP": Failure(
        PUSH, {"registry_tls_verify": "true"}, ["speaks plain HTTP", "registry-tls-verify"]
    ),
    "registry down": Failure(PUSH, {"image_url": f"{NODE_ADDRESS}:9/x/y:z"}, ["does not answer"]),
    "a base image that is not there": Failure(BUILD, {"containerfile": "absent"}, ["the build of 'absent'"]),
}
# One that the first step finds and one that buildah finds fail a whole run; the others are tried by their
# step.
WHOLE_RUNS = ("wrong branch", "a base image that is not there")


def build_steps(workshop: Workshop, changes: Mapping[str, tuple[str, dict[str, Any]]]) -> dict[str, Step]:
    """Steps of the Task buildah-build by case; each is given as the step's name and parameters."""
    return {
        case: Step("buildah-build", workshop.parameters(**{"build_args": [], **given}), step)
        for case, (step, given) in changes.items()
    }


@pytest.fixture(scope="module")
def failed_logs(workshop: Workshop, small: Repository) -> dict[str, str]:
    """The log of each failure: whole runs side by side, meanwhile all other steps in pods."""
    small.push({"absent": f"FROM {workshop.registry.host}/none:none\n"})

    def whole_run(case: str) -> str:
        return workshop.fail(**{"git_url": small.url, "build_args": [], **FAILURES[case].changes})

    def steps(step: str) -> dict[str, str]:
        cases = {
            case: (step, {"git_url": small.url, **failure.changes})
            for case, failure in FAILURES.items()
            if failure.step == step and case not in WHOLE_RUNS
        }
        given = {"git_url": small.url}
        before = {FETCH: [], BUILD: [FETCH], PUSH: [FETCH, BUILD]}[step]
        first = [*build_steps(workshop, {name: (name, given) for name in before}).values()]
        ended = task_pod.run(workshop.product.cluster, build_steps(workshop, cases), first=first)
        assert all(one.code for one in ended.values()), ended
        return {case: one.log for case, one in ended.items()}

    with ThreadPoolExecutor() as pool:
        whole = pool.map(whole_run, WHOLE_RUNS)
        return steps(FETCH) | steps(BUILD) | steps(PUSH) | dict(zip(WHOLE_RUNS, whole, strict=True))


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_says_what_is_wrong_and_what_to_do(failed_logs: dict[str, str], case: str) -> None:
    for words in [*FAILURES[case].words, "ERROR: ", "hint: "]:
        assert words in failed_logs[case], failed_logs[case]
    assert "me:secret" not in failed_logs[case]


@dataclass(frozen=True)
class Guarded:
    """What a build meets elsewhere: a source and registries that want something of whoever comes."""

    source: Repository
    registry: Registry
    full: Registry


GIT_LOGIN = {"username": "me", "password": "it's $(secret)"}


@pytest.fixture(scope="module")
def guarded(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A private source, a registry with a CA of its own and a login, and one whose disk is full."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "files").mkdir()
    for name, text in SMALL.items():
        (folder / "files" / name).write_text(text)
    certificate = self_signed(folder, f"IP:{NODE_ADDRESS}")
    disk = folder / "disk"
    disk.mkdir()
    run_program("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk)
    try:
        with (
            gitserver.serving(
                folder,
                username=GIT_LOGIN["username"],
                password=GIT_LOGIN["password"],
                address=NODE_ADDRESS,
            ) as git,
            registries.serving(
                username="user", password="right", address=NODE_ADDRESS, certificate=certificate
            ) as registry,
            registries.serving(address=NODE_ADDRESS, storage=disk) as full,
        ):
            source = Repository.create(git, "private", folder / "files")
            make_secrets(workshop, registry, certificate.with_name("certificate.pem"))
            yield Guarded(source, registry, full)
    finally:
        run_program("umount", disk)


def make_secrets(workshop: Workshop, registry: Registry, ca: Path) -> None:
    """The Secret of the source, three of registries, and the ConfigMap with the registry's CA."""
    create = partial(workshop.product.cluster.kubectl, "create", "-n", PIPELINES)
    literals = [f"--from-literal={name}={value}" for name, value in GIT_LOGIN.items()]
    create("secret", "generic", "private-git", *literals)
    logins = {
        "foreign": ("elsewhere.example.com", "user:right"),
        "wrong": (registry.host, "user:wrong"),
        "right": (registry.host, "user:right"),
    }
    for name, (host, login) in logins.items():
        auths = json.dumps({"auths": {host: {"auth": base64.b64encode(login.encode()).decode()}}})
        kind = "--type=kubernetes.io/dockerconfigjson"
        create("secret", "generic", f"{name}-login", kind, f"--from-literal=.dockerconfigjson={auths}")
    create("configmap", "build-ca", f"--from-file=ca-bundle.crt={ca}")


def test_what_guards_a_registry_is_told_apart(
    workshop: Workshop, small: Repository, guarded: Guarded
) -> None:
    """Logins that are missing, foreign and wrong; a CA that is not trusted; a disk without room."""
    private = {"git_url": small.url, "image_url": f"{guarded.registry.host}/x/y:z"}
    private |= {"registry_tls_verify": "true", "trusted_ca_configmap": "build-ca"}
    large = {"git_url": small.url, "git_revision": "large", "image_url": f"{guarded.full.host}/x/y:z"}
    small.push({"file": base64.b64encode(os.urandom(600_000)).decode()}, branch="large")
    cases = {
        "missing": private,
        "foreign": {**private, "registry_secret": "foreign-login"},
        "wrong": {**private, "registry_secret": "wrong-login"},
        "untrusted": {**private, "registry_secret": "right-login", "trusted_ca_configmap": "trusted-ca"},
        "full": large,
    }
    steps = build_steps(workshop, {case: (PUSH, given) for case, given in cases.items()})
    first = build_steps(workshop, {"fetch": (FETCH, large), "build": (BUILD, large)})
    ended = task_pod.run(workshop.product.cluster, steps, first=[*first.values()])
    host = guarded.registry.host
    words = {
        "missing": f"{host} asks for a login, and there is no Secret quay-registry-auth",
        "foreign": f"the Secret foreign-login has none for {host}",
        "wrong": "refuses the login of the Secret wrong-login",
        "untrusted": "the registry's certificate is not trusted",
        "full": f"cannot push {guarded.full.host}/x/y",
    }
    for case, said in words.items():
        assert ended[case].code == 6, ended[case].log
        assert said in ended[case].log, ended[case].log
        assert "user:wrong" not in ended[case].log
    full = ended["full"].log
    assert "the registry fails" in full or "no space left" in full, full


_LEAVE = """\
import os
folder = os.open("/", os.O_RDONLY)
try:
    os.chroot("/tmp")
    os.fchdir(folder)
    for _ in range(64):
        os.chdir("..")
    os.chroot(".")
except OSError as error:
    print("refused:", error.strerror)
for path in ("/tekton", "/var/run/pull-secret", "/var/run/registry-secret", "/source"):
    print(path, "is there" if os.path.exists(path) else "is not there")
"""


@pytest.mark.usefixtures("guarded")
def test_what_a_build_runs_stays_in_its_root_folder(workshop: Workshop, small: Repository) -> None:
    """What a Containerfile runs is root, and a root that may chroot leaves its root folder by that."""
    base = workshop.build_args[0].partition("=")[2]
    hostile = f"FROM {base}\nCOPY leave.py /leave.py\nRUN python3 /leave.py\n"
    small.push({"Containerfile": hostile, "leave.py": _LEAVE}, branch="hostile")
    name = workshop.start(
        git_url=small.url, git_revision="hostile", build_args=[], registry_secret="right-login"
    )
    log = workshop.log_of_build(name)
    assert "refused: Operation not permitted" in log
    assert "is there" not in log
    assert "/var/run/pull-secret is not there" in log


@pytest.mark.usefixtures("first")
def test_the_pod_that_builds_has_no_token(first: Run) -> None:
    (pod,) = (pod for pod in first.pods() if len(pod["spec"]["containers"]) == 3)
    for container in pod["spec"]["containers"]:
        (mount,) = (m for m in container["volumeMounts"] if "serviceaccount" in m["mountPath"])
        (volume,) = (v for v in pod["spec"]["volumes"] if v["name"] == mount["name"])
        assert "emptyDir" in volume


def test_a_private_source_is_built_into_a_private_registry_with_a_ca_of_its_own(
    workshop: Workshop, guarded: Guarded
) -> None:
    build: dict[str, Any] = {"git_url": guarded.source.url, "build_args": []}
    refused = build_steps(workshop, {"no secret": (FETCH, build)})
    log = task_pod.run(workshop.product.cluster, refused)["no secret"].log
    assert f"the Git server refuses access: {guarded.source.url}" in log
    assert "source-git-auth" in log
    name = workshop.start(
        **build,
        git_secret="private-git",
        image_url=f"{guarded.registry.host}/x/y:z",
        registry_secret="right-login",
        registry_tls_verify="true",
        trusted_ca_configmap="build-ca",
    )
    log = workshop.log_of_build(name)
    assert f"(commit {guarded.source.head()})" in log
    assert f"Pushed {guarded.registry.host}/x/y@" in log
    assert GIT_LOGIN["password"] not in log


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
