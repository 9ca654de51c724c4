"""Deletion in two phases, by Jobs on one volume: the plan as a ConfigMap, its approval, what is then gone."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.lab import RESTRICTED, Lab, make_lab
from tests.conftest import ROOT
from tests.contract.tekton_files import documents
from tests.testbed.client import Cluster
from tests.testbed.registry import Registry

IMAGESET = """\
kind: ImageSetConfiguration
apiVersion: mirror.openshift.io/v2alpha1
mirror:
  additionalImages:
  - name: registry.example.com/team/app:{version}
  - name: registry.example.com/team/db:v1
"""


@pytest.fixture
def lab(cluster: Cluster, make_namespace: Callable[..., str], image: str, tmp_path: Path) -> Lab:
    """A namespace with a pull secret, and the workload's own Role as tekton/ has it."""
    found = make_lab(cluster, make_namespace(prefix="removal", labels=RESTRICTED), image, tmp_path)
    found.add_pull_secret()
    theirs = documents(ROOT / "examples" / "rolebinding-other-namespace.yaml")
    own = [one for one in theirs if one["metadata"]["name"] == "oc-mirror-status"]
    for document in own:
        for subject in document.get("subjects", []):
            subject["namespace"] = found.namespace
    found.apply(*own)
    return found


def test_a_plan_is_made_approved_and_carried_out(lab: Lab, registry: Registry) -> None:
    place = f"removal-{uuid.uuid4().hex[:8]}"
    common = {"target_registry": f"{registry.host}/{place}", "destination_tls_verify": "false"}

    def run(name: str, workflow: str, **arguments: str) -> str:
        lab.deploy(name, workflow=workflow, **common, **arguments)
        lab.kubectl("wait", f"job/oc-mirror-{name}", "--for=condition=Complete", "--timeout=240s")
        return lab.kubectl("logs", f"job/oc-mirror-{name}")

    for version in ("v1", "v2"):
        lab.add_configuration(IMAGESET.format(version=version))
        run(f"mirror-{version}", "workflow-direct")
    assert registry.tags(f"{place}/team/app") == ["v1", "v2"]
    log = run("plan", "workflow-delete-generate")
    plan = lab.get("configmap", "oc-mirror-removal-plan")["data"]
    approved = hashlib.sha256(plan["plan.json"].encode()).hexdigest()
    assert plan["sha256"] == approved
    assert approved in log
    assert [one["tags"] for one in json.loads(plan["plan.json"])["manifests"]] == [["v1"]]
    never = {"workflow": "workflow-delete-execute", "approved_plan_sha256": approved, **common}
    assert "only deploy-mode job will do" in lab.refuse(2, "never", deploy_mode="cronjob", **never)
    assert registry.tags(f"{place}/team/app") == ["v1", "v2"]
    log = run("go", "workflow-delete-execute", approved_plan_sha256=approved)
    assert "deleted 1 manifests" in log
    assert registry.tags(f"{place}/team/app") == ["v2"]
    assert registry.tags(f"{place}/team/db") == ["v1"]
    assert "would be removed" in run("cleanup", "workflow-cleanup", dry_run="true")
