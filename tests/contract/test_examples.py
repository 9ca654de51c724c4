"""The examples fit together: names that one object takes of another, and what Renovate looks for."""

from __future__ import annotations

import json
import re
from typing import Any

import kubernetes_validate
import pytest
import yaml

from steps.autoshift.operators import FEATURES
from steps.parameters.table import TABLE
from tests.conftest import ROOT
from tests.contract.tekton_files import documents, named, only

EXAMPLES = ROOT / "examples"
AUTOSHIFT = EXAMPLES / "gitops/autoshift/oc-mirror-pipeline"


def by_kind(*objects: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {found["kind"]: found for found in objects}


def test_the_page_is_reached_only_through_the_login() -> None:
    found = by_kind(*documents(EXAMPLES / "console/page-behind-login.yaml"))
    for kind in ("ServiceAccount", "Service", "Deployment"):
        kubernetes_validate.validate(found[kind], "1.34", strict=True)
    account, service, route = found["ServiceAccount"], found["Service"], found["Route"]
    [redirect] = (json.loads(text) for text in account["metadata"]["annotations"].values())
    assert redirect["reference"] == {"kind": "Route", "name": route["metadata"]["name"]}
    assert route["spec"]["to"]["name"] == service["metadata"]["name"]
    pod = found["Deployment"]["spec"]["template"]
    assert pod["metadata"]["labels"].items() >= service["spec"]["selector"].items()
    assert pod["spec"]["serviceAccountName"] == account["metadata"]["name"]
    [proxy] = pod["spec"]["containers"]
    page = only(EXAMPLES / "monitoring/service.yaml")
    assert f"--upstream=http://{page['metadata']['name']}:{page['spec']['ports'][0]['port']}" in proxy["args"]
    assert (
        not page["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    )  # the proxy is not the page
    assert {port["name"] for port in proxy["ports"]} == {service["spec"]["ports"][0]["targetPort"]}
    [certificate] = service["metadata"]["annotations"].values()
    assert certificate in {volume["secret"]["secretName"] for volume in pod["spec"]["volumes"]}


def test_the_proxy_of_the_page_passes_restricted_pod_security() -> None:
    pod = by_kind(*documents(EXAMPLES / "console/page-behind-login.yaml"))["Deployment"]["spec"]["template"][
        "spec"
    ]
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    [proxy] = pod["containers"]
    assert not proxy["securityContext"]["allowPrivilegeEscalation"]
    assert proxy["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_a_run_from_elsewhere_gives_each_task_what_it_takes() -> None:
    run = only(EXAMPLES / "git-resolver-run.yaml")
    version = yaml.safe_load((ROOT / "tekton/task-fetch-values.yaml").read_text())["metadata"]["labels"]
    tasks = run["spec"]["pipelineSpec"]["tasks"]
    assert len(tasks) == 2
    for task in tasks:
        where = {one["name"]: one["value"] for one in task["taskRef"]["params"]}
        declared = only(ROOT / where["pathInRepo"])
        assert where["revision"] == f"v{version['app.kubernetes.io/version']}"
        assert declared["metadata"]["name"] == task["name"]
        spec = declared["spec"]
        given = {one["name"] for one in task["params"]}
        assert given <= {one["name"] for one in spec["params"]}
        assert {one["name"] for one in spec["params"] if "default" not in one} <= given
        assert {one["name"] for one in task["workspaces"]} <= {one["name"] for one in spec["workspaces"]}
        for one in task["params"]:
            [parameter] = [parameter for parameter in TABLE if parameter.name == one["name"]]
            parameter.parse(one["value"])


def test_the_build_by_openshifts_tasks_signs_as_the_build_pipeline_does() -> None:
    example = only(EXAMPLES / "build-pipeline-openshift.yaml")["spec"]
    shipped = only(ROOT / "tekton/build-pipeline.yaml")["spec"]
    declared, ours = named(example["params"]), named(shipped["params"])
    for name in ("image-signing-secret", "signing-image", "builder-id", "registry-secret"):
        assert declared[name]["default"] == ours[name]["default"], name
    tasks, our_tasks = named(example["tasks"]), named(shipped["tasks"])
    assert tasks["sign-image"]["when"] == our_tasks["sign-image"]["when"]
    for name in ("smoke-test-image", "sign-image", "update-image-configmap"):
        assert set(tasks[name].get("runAfter", ())) >= set(our_tasks[name].get("runAfter", ())), name
        takes = only(ROOT / f"tekton/task-{name}.yaml")["spec"]["params"]
        given = named(tasks[name]["params"])
        assert set(given) <= {one["name"] for one in takes}, name
        assert {one["name"] for one in takes if "default" not in one} <= set(given), name
        for one in given.values():
            used = set(re.findall(r"\$\(params\.([\w-]+)\)", one["value"]))
            assert used <= set(declared), one
    assert named(tasks["sign-image"]["params"])["task-image"]["value"] == "$(params.signing-image)"


def test_the_policy_of_autoshift_leads_from_a_label_to_our_kustomization() -> None:
    generator = only(AUTOSHIFT / "policy-generator-config.yaml")
    placement = only(AUTOSHIFT / generator["policyDefaults"]["placement"]["placementPath"])
    [predicate] = placement["spec"]["predicates"]
    [wanted] = predicate["requiredClusterSelector"]["labelSelector"]["matchExpressions"]
    assert wanted["key"].removeprefix("autoshift.io/") in FEATURES  # or our own plan would warn of the label
    assert wanted == {"key": "autoshift.io/oc-mirror-pipeline", "operator": "In", "values": ["true"]}
    [manifests] = generator["policies"][0]["manifests"]
    [address] = only(AUTOSHIFT / manifests["path"] / "kustomization.yaml")["resources"]
    folder = re.fullmatch(r"https://github\.com/auto-shift/oc-mirror-pipeline//(\w+)\?ref=v[\d.]+", address)
    assert folder
    assert (ROOT / folder[1] / "Kustomization").is_file()


@pytest.mark.parametrize("image", ["alpine/git", "buildah/stable"])
def test_renovate_finds_the_images_that_we_name(image: str) -> None:
    [manager] = json.loads((ROOT / "renovate.json").read_text())["customManagers"]
    [file] = manager["managerFilePatterns"]
    [pattern] = manager["matchStrings"]
    path = next(
        path for path in (ROOT / "steps/parameters/table").iterdir() if re.search(file[2:-1], str(path))
    )
    found = re.finditer(pattern.replace("(?<", "(?P<"), path.read_text())
    assert any(match["depName"].endswith(image) and match["currentValue"] for match in found)
