"""Settings that the tests of this folder start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from steps.workload.settings import Settings

IMAGE = "quay.io/autoshift/oc-mirror-autoshift@sha256:" + "0a" * 32
SETTINGS = Settings(
    image=IMAGE,
    mode="job",
    namespace="oc-mirror",
    claim_name="oc-mirror-workspace",
    pull_secret="oc-mirror-pull-secret",
    run_name="oc-mirror-run-x7k2p",
    storage_size="500Gi",
    schedule="0 2 * * *",
    config_sha256="c0ffee",
    mirror={
        "workflow": "workflow-to-disk",
        "incremental-mode": "true",
        "dry-run": "false",
        "source-tls-verify": "true",
        "destination-tls-verify": "true",
    },
)


def settings(*, mirror: Mapping[str, str] | None = None, **changes: Any) -> Settings:
    return replace(SETTINGS, mirror={**SETTINGS.mirror, **(mirror or {})}, **changes)
