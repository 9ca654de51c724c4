"""Pushes and schedules on the real Triggers: what they start, what they do not, and what a storm leads to."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from tests.cluster.builds import Workshop, derived
from tests.cluster.listener import KEYS, Listener, deployment, listening
from tests.cluster.product import PIPELINES, WORKLOADS, install, packages
from tests.conftest import ROOT
from tests.testbed import webhooks
from tests.testbed.client import Cluster
from tests.testbed.registry import Registry
from tests.testbed.repositories import Repository
from tests.testbed.waiting import eventually

VALUES = "clustersets/hub.yaml"
STORM = int(os.environ.get("TRIGGERS_STORM", "12"))
"""Pushes at once; 50 to be sure."""


@pytest.fixture(scope="module")
def workshop(
    cluster: Cluster,
    registry: Registry,
    image: str,
    make_repository: Callable[[str, Path], Repository],
    tmp_path_factory: pytest.TempPathFactory,
) -> Workshop:
    """The product with no image recorded; start-run and send-event run in the default image."""
    folder = tmp_path_factory.mktemp("source")
    for name, text in derived(image, {"/pushed": "first"}).items():
        (folder / name).write_text(text)
    source = make_repository("pushed-source", folder)
    image_url = f"{registry.host}/pushed/{uuid.uuid4().hex[:8]}:latest"
    return Workshop.open(install(cluster, "http://unused"), registry, source, image_url, "http://unused")


@pytest.fixture(scope="module")
def values(make_repository: Callable[[str, Path], Repository]) -> Repository:
    return make_repository("pushed-values", ROOT / "examples" / "values")


@pytest.fixture(scope="module")
def listener(workshop: Workshop, values: Repository) -> Iterator[Listener]:
    runs = {
        "deployment": deployment(values),
        "build": workshop.parameters(git_revision="main", build_args=[]),
    }
    with listening(workshop.product, runs) as found:
        yield found


@pytest.fixture(scope="module")
def built(listener: Listener, workshop: Workshop, image: str) -> str:
    """A push to the source, posted by the server's own hook, has built, recorded and redeployed an image."""
    webhooks.install(workshop.source, f"{listener.url}/source", KEYS["github-source"])
    commit = workshop.source.push(derived(image, {"/pushed": "second"}))
    run = listener.product.wait(listener.run_of(commit, "build"), seconds=600)
    assert run.succeeded, run.log()
    digest = workshop.record()["data"]["image-digest"]
    eventually("the deployment of the new image", lambda: digest in occasions(listener), timeout=240)
    return run.results["image"]


def occasions(listener: Listener) -> list[str]:
    """What the runs of the deployment were started for, besides pushes."""
    annotations = [run["metadata"]["annotations"] for run in listener.runs()]
    return [str(one.get("oc-mirror-pipeline/occasion", "")) for one in annotations]


def test_a_push_of_values_ends_in_a_cronjob_that_mirrors_them_with_the_image_just_built(
    listener: Listener, values: Repository, built: str
) -> None:
    """The whole chain with no hand on it; then what the CronJob starts is waited for, not the clock."""
    webhooks.install(values, f"{listener.url}/values", KEYS["github-values"])
    hub = (ROOT / "examples" / "values" / VALUES).read_text()
    commit = values.push({VALUES: hub.replace("4.20.12", "4.20.14")})
    run = listener.product.wait(listener.run_of(commit), seconds=600)
    assert run.succeeded, run.log()
    assert run.results["commit"] == commit
    cronjob = listener.product.get("cronjob", "oc-mirror")
    (container,) = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == built == run.results["image"]
    imageset = listener.product.imageset("oc-mirror-config")
    assert "4.20.14" in json.dumps(imageset["mirror"]["platform"])
    assert "odf-operator" in packages(imageset)
    kubectl = listener.product.cluster.kubectl
    kubectl("create", "job", "tick", "--from=cronjob/oc-mirror", "-n", WORKLOADS)
    kubectl("wait", "--for=condition=Complete", "job/tick", "-n", WORKLOADS, "--timeout=240s")
    assert "generation " in kubectl("logs", "job/tick", "-n", WORKLOADS).stdout


@pytest.mark.usefixtures("built")
def test_a_new_image_was_deployed_by_itself(listener: Listener, workshop: Workshop) -> None:
    """redeploy: the run of the image's own digest, before any push of values."""
    assert workshop.record()["data"]["image-digest"] in occasions(listener)


@pytest.mark.parametrize("server", webhooks.SERVERS)
def test_each_kind_of_server_is_understood_and_its_signature_checked(listener: Listener, server: str) -> None:
    post, old = webhooks.SERVERS[server], webhooks.payload("1" * 40, [VALUES])
    before, everything = listener.starts(f"{server}-values"), listener.all_starts()
    begun = datetime.now(UTC).isoformat(timespec="seconds")
    for key in ("wrong", ""):
        post(f"{listener.url}/values", old, key)
    post(f"{listener.url}/values", webhooks.payload("1" * 40, ["README.md"]), KEYS[f"{server}-values"])
    post(f"{listener.url}/values", {**old, "ref": "refs/tags/v1"}, KEYS[f"{server}-values"])
    post(f"{listener.url}/elsewhere", old, KEYS[f"{server}-values"])
    post(f"{listener.url}/values", old, KEYS[f"{server}-values"])
    (start,) = eventually(
        "a start", lambda: set(listener.starts(f"{server}-values")) - set(before), timeout=240
    )
    assert listener.state(start) == "superseded"  # that commit is not the branch's newest
    assert listener.all_starts() - everything == {start}
    # Where docs/how-to/triggers.md says that one sees it; the listener itself is silent about it.
    interceptors = ("deploy/tekton-triggers-core-interceptors", "-n", "tekton-pipelines")
    told = listener.product.cluster.kubectl("logs", *interceptors, f"--since-time={begun}")
    refused = {"gitlab": "Invalid X-GitLab-Token"}.get(server, "payload signature check failed")
    assert refused in told.stdout
    assert "did not return true" in told.stdout


def test_an_event_without_any_signature_starts_nothing(listener: Listener) -> None:
    before = listener.all_starts()
    body = webhooks.payload("1" * 40, [VALUES])
    for path in ("values", "source", "schedule", ""):
        for headers in ({}, {"X-GitHub-Event": "push"}, {"X-Gitlab-Event": "Push Hook"}):
            requests.post(f"{listener.url}/{path}", json=body, headers=headers, timeout=10)
    time.sleep(3)
    assert listener.all_starts() == before


@pytest.mark.parametrize("commit", ["--help", "$(touch /tmp/x)", "main", '", "name": "x'])
def test_hostile_text_in_a_signed_event_is_refused_by_the_step(listener: Listener, commit: str) -> None:
    before, runs = listener.all_starts(), len(listener.runs())
    webhooks.github(f"{listener.url}/values", webhooks.payload(commit, [VALUES]), KEYS["github-values"])
    started = eventually("a start", lambda: listener.all_starts() - before, timeout=240)
    for start in started:
        assert listener.state(start) == "failed"
    assert len(listener.runs()) == runs


@pytest.mark.usefixtures("built")  # what is started can only deploy a recorded image
def test_the_same_commit_pushed_twice_starts_one_run(listener: Listener, values: Repository) -> None:
    webhooks.uninstall(values)
    commit = values.push({"global.yaml": (ROOT / "examples/values/global.yaml").read_text() + "# once\n"})
    before = listener.starts("github-values")
    for _ in range(2):
        webhooks.github(f"{listener.url}/values", webhooks.payload(commit, [VALUES]), KEYS["github-values"])
    name = listener.run_of(commit)
    starts = eventually(
        "two starts",
        lambda: found if len(found := set(listener.starts("github-values")) - set(before)) == 2 else set(),
        timeout=240,
    )
    assert sorted(listener.state(start) for start in starts) == ["existing", "started"]
    assert listener.product.wait(name).succeeded
    commits = [r["metadata"]["annotations"]["oc-mirror-pipeline/commit"] for r in listener.runs()]
    assert commits.count(commit) == 1


@pytest.mark.usefixtures("built")  # what is started can only deploy a recorded image
def test_a_storm_of_pushes_ends_in_the_newest_state_and_not_in_as_many_runs(
    listener: Listener, values: Repository
) -> None:
    webhooks.uninstall(values)
    before = {r["metadata"]["name"] for r in listener.runs()}
    starts = len(listener.starts("github-values"))
    hub = (ROOT / "examples" / "values" / VALUES).read_text()
    commits = [
        values.push({VALUES: hub.replace("4.20.12", f"4.20.{number}")}) for number in range(20, 20 + STORM)
    ]

    def post(commit: str) -> None:
        webhooks.github(f"{listener.url}/values", webhooks.payload(commit, [VALUES]), KEYS["github-values"])

    with ThreadPoolExecutor(max_workers=10) as pool:  # in any order
        list(pool.map(post, reversed(commits)))
    last = listener.product.wait(listener.run_of(commits[-1], seconds=600), seconds=600)
    assert last.succeeded, last.log()
    eventually("the storm", lambda: len(listener.starts("github-values")) == starts + STORM, timeout=240)
    states = [listener.state(start, 300) for start in listener.starts("github-values")[starts:]]
    assert states.count("superseded") == STORM - 1
    made = {r["metadata"]["name"] for r in listener.runs()} - before
    assert made == {last.name}
    version = f"4.20.{20 + STORM - 1}"
    assert version in json.dumps(listener.product.imageset("oc-mirror-config")["mirror"]["platform"])


@pytest.mark.usefixtures("built")  # what is started can only deploy a recorded image
def test_a_schedule_ticks_once_a_minute_it_names_and_starts_one_run(
    listener: Listener, values: Repository
) -> None:
    kubectl = listener.product.cluster.kubectl
    before = {r["metadata"]["name"] for r in listener.runs()}
    patch = {"spec": {"suspend": False, "schedule": "* * * * *"}}
    kubectl("patch", "cronjob", "oc-mirror-schedule", "-n", PIPELINES, "-p", json.dumps(patch))
    (job,) = eventually(
        "a Job", lambda: listener.started("jobs", "app.kubernetes.io/name=oc-mirror-schedule"), timeout=240
    )
    kubectl("patch", "cronjob", "oc-mirror-schedule", "-n", PIPELINES, "-p", '{"spec":{"suspend":true}}')
    name = job["metadata"]["name"]
    kubectl("wait", "--for=condition=Complete", f"job/{name}", "-n", PIPELINES, "--timeout=240s")
    (run,) = eventually(
        "a run", lambda: [r for r in listener.runs() if r["metadata"]["name"] not in before], timeout=240
    )
    assert run["metadata"]["annotations"]["oc-mirror-pipeline/occasion"] == name
    assert run["metadata"]["annotations"]["oc-mirror-pipeline/commit"] == values.head()
    assert listener.product.wait(run["metadata"]["name"]).succeeded


def test_the_listeners_account_reads_no_secret_and_starts_no_pipeline(listener: Listener) -> None:
    def may(account: str, *right: str) -> bool:
        who = f"--as=system:serviceaccount:{PIPELINES}:{account}"
        asked = listener.product.cluster.kubectl("auth", "can-i", *right, who, "-n", PIPELINES, check=False)
        return asked.stdout.strip() == "yes"

    for account in ("oc-mirror-triggers", "oc-mirror-starter"):
        for verb in ("get", "list", "watch"):
            assert not may(account, verb, "secrets")
            assert not may(account, verb, "secrets", "--all-namespaces")
        assert not may(account, "delete", "pipelineruns.tekton.dev")
        assert not may(account, "impersonate", "serviceaccounts")
        assert not may(account, "create", "pods")
    assert may("oc-mirror-triggers", "create", "taskruns.tekton.dev")
    assert not may("oc-mirror-triggers", "create", "pipelineruns.tekton.dev")
    assert may("oc-mirror-starter", "create", "pipelineruns.tekton.dev")
