"""The kustomizations and examples for GitOps name what is there."""

from __future__ import annotations

import re

import pytest
import yaml

from steps.mirroring import notify
from steps.readiness import gate
from steps.readiness.reasons import State
from tests.conftest import ROOT
from tests.unit.readiness.test_gate import row, verdict


@pytest.mark.parametrize("folder", ["tekton", "tekton/triggers"])
def test_a_kustomization_lists_every_file_that_apply_reads(folder: str) -> None:
    listed = yaml.safe_load((ROOT / folder / "Kustomization").read_text())["resources"]
    assert listed == sorted(path.name for path in (ROOT / folder).glob("*.yaml"))


WAVE, POLICY = ROOT / "examples/gitops/wave", ROOT / "examples/gitops/autoshift/oc-mirror-readiness"


def test_the_hook_of_a_wave_is_a_run_of_the_readiness_pipeline() -> None:
    hook, sample = (
        yaml.safe_load(path.read_text())
        for path in (WAVE / "presync.yaml", ROOT / "tekton/runs/readiness-pipelinerun.yaml")
    )
    assert hook["metadata"]["annotations"]["argocd.argoproj.io/hook"] == "PreSync"
    assert hook["spec"]["pipelineRef"] == sample["spec"]["pipelineRef"]
    assert hook["spec"]["taskRunTemplate"] == sample["spec"]["taskRunTemplate"]
    pipeline = yaml.safe_load((ROOT / "tekton/readiness-pipeline.yaml").read_text())
    declared = {parameter["name"]: parameter for parameter in pipeline["spec"]["params"]}
    assert {parameter["name"] for parameter in hook["spec"]["params"]} <= set(declared)
    assert declared["fail-unless-ready"]["default"] == "true", "else the hook would hold nothing up"
    application = yaml.safe_load((WAVE / "application.yaml").read_text())
    assert application["spec"]["syncPolicy"]["retry"]["limit"] == -1


def test_the_gate_of_autoshift_reads_the_keys_that_are_written_by_an_account_that_reads_no_more() -> None:
    template = yaml.safe_load((POLICY / "manifests/ready.yaml").read_text())["object-templates-raw"]
    written = gate.keys([verdict(row("edge-1"))], made="2026-11-27T10:00:00Z")
    assert f'"{notify.FLEET}"' in template
    for key in re.findall(r'printf "([a-z.-]+)%s"', template):
        assert f"{key}edge-1" in written
    assert set(re.findall(r'\$verdict "([^"]+)"', template)) == {State.READY, State.WARNINGS}
    config = yaml.safe_load((POLICY / "policy-generator-config.yaml").read_text())
    account, role, binding = yaml.safe_load_all((POLICY / "reader.yaml").read_text())
    named = config["policyDefaults"]["hubTemplateOptions"]["serviceAccountName"]
    assert named == account["metadata"]["name"] == binding["subjects"][0]["name"]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    [rule] = role["rules"]
    assert (rule["resources"], rule["resourceNames"]) == (["configmaps"], [notify.FLEET])
    for policy in config["policies"]:
        assert all((POLICY / one["path"]).exists() for one in policy["manifests"])


def test_the_application_of_argo_cd_leads_to_the_kustomization() -> None:
    application = yaml.safe_load((ROOT / "examples/gitops/argocd-application.yaml").read_text())
    assert (ROOT / application["spec"]["source"]["path"] / "Kustomization").is_file()
    assert not application["spec"]["syncPolicy"]["automated"]["prune"]
