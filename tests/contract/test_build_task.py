"""The Task that builds: fixed shell texts, which no parameter can become a part of."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest
import yaml

from tests.contract.tekton_files import BUILD_TASK, PROJECT, TEKTON, documents, named, only, references

TASK = only(BUILD_TASK)
SPEC: dict[str, Any] = TASK["spec"]
STEPS = named(SPEC["steps"])

each_step = pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)


@each_step
def test_no_reference_stands_in_the_text_of_a_shell(step: dict[str, Any]) -> None:
    shell, options, text, name = step["command"]
    assert (shell, options, name) == ("sh", "-euc", step["name"])
    assert "script" not in step
    # Tekton fills in these, and Kubernetes the names of variables, wherever they stand.
    assert not re.search(r"\$\((params|workspaces|results|context|tasks|steps)\b", text)
    assert not set(re.findall(r"\$\((\w+)\)", text)) & set(named(step["env"]))
    assert "$$" not in text
    assert "eval" not in text


@each_step
def test_the_text_is_a_shell_program(step: dict[str, Any]) -> None:
    done = subprocess.run(["sh", "-n"], input=step["command"][2], text=True, capture_output=True, check=False)
    assert not done.returncode, done.stderr


def check_url(url: str) -> subprocess.CompletedProcess[str]:
    """Run the part of fetch-source that checks its parameters, which is all before it reads a Secret."""
    text = STEPS["fetch-source"]["command"][2].partition("secret=/var/run")[0]
    environment = {"GIT_URL": url, "GIT_REVISION": "main", "GIT_SECRET": "source-git-auth"}
    return subprocess.run(
        ["sh", "-euc", text, "fetch-source"], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a.git",
        "http://10.0.0.1:3000/a/b@c",
        "ssh://git@example.com:22/a.git",
        "git@example.com:a/b.git",
    ],
)
def test_the_source_may_be_at_a_plain_url(url: str) -> None:
    done = check_url(url)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "url",
    [
        "https://me:s3cret@example.com/a.git",
        "https://s3cret@example.com/a.git",
        "https://me%3As3cret%40example.com/a.git",
        "https://example.com/a.git?private_token=s3cret",
        "https://example.com/a.git%3Ftoken=s3cret",
        "https://example.com/a.git#s3cret",
        "ssh://git:s3cret@example.com/a.git",
        "HTTPS://s3cret@example.com/a.git",
        "ftp://me:s3cret@example.com/a.git",
        "ext::https://me:s3cret@example.com/a.git",
        "https://me:s3cret@example.com/a b.git",
        "s3cret",
    ],
)
def test_credentials_in_the_url_of_the_source_are_refused_and_not_repeated(url: str) -> None:
    done = check_url(url)
    assert done.returncode == 2, done.stdout
    assert "git-url" in done.stderr
    assert "s3cret" not in done.stdout + done.stderr


def test_every_parameter_result_and_workspace_is_used() -> None:
    used = references({key: value for key, value in SPEC.items() if key not in {"params", "results"}})
    for group, prefix in (("params", "params."), ("results", "results."), ("workspaces", "workspaces.")):
        assert {u.split(".")[1] for u in used if u.startswith(prefix)} == set(named(SPEC[group])), group
    for group in ("params", "results", "workspaces"):
        assert all(item["description"].strip() for item in SPEC[group])
    assert TASK["metadata"]["labels"]["app.kubernetes.io/version"] == PROJECT["version"]


def test_only_the_build_itself_is_root_and_only_with_setfcap() -> None:
    """What Pod Security `baseline` admits: nothing privileged, no capability that it does not list."""
    for step in ("buildah-build", "push-image"):
        security = STEPS[step]["securityContext"]
        assert set(security) == {"runAsUser", "runAsNonRoot", "capabilities"}
        assert (security["runAsUser"], security["runAsNonRoot"]) == (0, False)
        assert security["capabilities"]["add"] == ["SETFCAP"]
        # OpenShift's pipelines-scc refuses to add what Kubernetes gives by default, so no "drop: ALL" here.
        assert set(security["capabilities"]["drop"]) >= {"SYS_CHROOT", "MKNOD", "NET_RAW"}
    fetch = STEPS["fetch-source"]["securityContext"]
    assert fetch["runAsNonRoot"]
    assert fetch["runAsUser"]
    assert fetch["readOnlyRootFilesystem"]
    assert fetch["capabilities"] == {"drop": ["ALL"]}


def test_what_a_build_runs_may_not_leave_its_root_folder() -> None:
    (build,) = re.findall(r"buildah build ((?:.*\\\n)+)", STEPS["buildah-build"]["command"][2])
    assert "--isolation=chroot" in build
    assert "--cap-drop=CAP_SYS_CHROOT" in build


def test_each_login_is_mounted_in_the_one_step_that_needs_it() -> None:
    secrets = {volume["name"] for volume in SPEC["volumes"] if "secret" in volume}
    mounted = {name: secrets & set(named(step["volumeMounts"])) for name, step in STEPS.items()}
    assert mounted == {
        "fetch-source": {"git-secret"},
        "buildah-build": {"pull-secret"},
        "push-image": {"registry-secret"},
    }
    assert not secrets & set(named(SPEC["stepTemplate"]["volumeMounts"]))


def test_no_step_gets_the_token_of_an_account() -> None:
    """The admission plugin ServiceAccount mounts none where something is mounted already."""
    places = {mount["mountPath"]: mount["name"] for mount in SPEC["stepTemplate"]["volumeMounts"]}
    volume = named(SPEC["volumes"])[places["/var/run/secrets/kubernetes.io/serviceaccount"]]
    assert volume == {"name": volume["name"], "emptyDir": {}}


def test_the_builds_account_has_no_token_and_no_right() -> None:
    found = [d for path in sorted(TEKTON.glob("**/*.yaml")) for d in documents(path)]
    accounts = {d["metadata"]["name"]: d for d in found if d["kind"] == "ServiceAccount"}
    assert accounts["oc-mirror-build"]["automountServiceAccountToken"] is False
    assert "oc-mirror-build" not in [s["name"] for d in found for s in d.get("subjects", [])]
    runs = [only(TEKTON / "runs/build-pipelinerun.yaml")]
    runs += [yaml.safe_load(of["data"]["build.yaml"]) for of in found if "build.yaml" in of.get("data", {})]
    assert len(runs) == 2
    for run in runs:
        specs = {s["pipelineTaskName"]: s["serviceAccountName"] for s in run["spec"]["taskRunSpecs"]}
        assert specs["buildah-build"] == "oc-mirror-build"


def test_what_is_fetched_has_limits_of_time_and_size() -> None:
    assert STEPS["fetch-source"]["timeout"] == "15m0s"
    assert named(SPEC["volumes"])["source"]["emptyDir"] == {"sizeLimit": "2Gi"}
    assert "ulimit -f 2097152\n" in STEPS["fetch-source"]["command"][2]


def test_secrets_are_optional_read_only_files() -> None:
    mounts = [m for step in SPEC["steps"] for m in step["volumeMounts"]] + SPEC["stepTemplate"][
        "volumeMounts"
    ]
    for volume in SPEC["volumes"]:
        for source in ("secret", "configMap"):
            if source in volume:
                assert volume[source]["optional"] is True
                assert named(mounts)[volume["name"]]["readOnly"] is True
    assert not any("valueFrom" in variable for step in SPEC["steps"] for variable in step["env"])


@each_step
def test_memory_is_bounded(step: dict[str, Any]) -> None:
    resources = step["computeResources"]
    assert resources["requests"]["memory"] == resources["limits"]["memory"]
    assert "cpu" not in resources["limits"]


def test_its_images_are_named_by_version() -> None:
    for name in ("git-image", "buildah-image"):
        assert re.search(r":v\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?$", named(SPEC["params"])[name]["default"])
