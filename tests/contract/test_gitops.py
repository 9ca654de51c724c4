"""The kustomizations and examples for GitOps name what is there."""

from __future__ import annotations

import pytest
import yaml

from tests.conftest import ROOT


@pytest.mark.parametrize("folder", ["tekton", "tekton/triggers"])
def test_a_kustomization_lists_every_file_that_apply_reads(folder: str) -> None:
    listed = yaml.safe_load((ROOT / folder / "Kustomization").read_text())["resources"]
    assert listed == sorted(path.name for path in (ROOT / folder).glob("*.yaml"))


def test_the_application_of_argo_cd_leads_to_the_kustomization() -> None:
    application = yaml.safe_load((ROOT / "examples/gitops/argocd-application.yaml").read_text())
    assert (ROOT / application["spec"]["source"]["path"] / "Kustomization").is_file()
    assert not application["spec"]["syncPolicy"]["automated"]["prune"]
