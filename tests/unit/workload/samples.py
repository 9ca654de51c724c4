"""Settings that the tests of this folder start from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from steps.workload.settings import Settings

IMAGE = "quay.io/autoshift/oc-mirror-autoshift@sha256:" + "0a" * 32
SETTINGS = Settings(
    image=IMAGE,
    mode="job",
    workflow="workflow-to-disk",
    namespace="oc-mirror",
    claim_name="oc-mirror-workspace",
    pull_secret="oc-mirror-pull-secret",
    run_name="oc-mirror-run-x7k2p",
    storage_size="500Gi",
    schedule="0 2 * * *",
    config_sha256="c0ffee",
)


def settings(**changes: Any) -> Settings:
    return replace(SETTINGS, **changes)
