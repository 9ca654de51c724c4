"""Names, labels and annotations of what the pipelines write into the cluster.

The names of the ConfigMaps and of the claim are the specification's ("ConfigMap Management"); the labels are
Kubernetes' recommended ones (kubernetes.io/docs/concepts/overview/working-with-objects/common-labels).
"""

from __future__ import annotations

import hashlib
import re

PIPELINE_NAMESPACE = "oc-mirror-pipeline"
WORKLOAD_NAMESPACE = "oc-mirror"

CONFIG = "oc-mirror-config"
IMAGESET = "oc-mirror-imageset"
VALUES = "oc-mirror-values"
IMAGES = "oc-mirror-images"
CLAIM = "oc-mirror-workspace"
LEASE = "oc-mirror-data"
WORKLOAD = "oc-mirror"
SERVICE_ACCOUNT = "oc-mirror"
APPLIER = "oc-mirror-apply"
"""The Deployment that applies what is mirrored to its own cluster, and its account."""

ANNOTATION = "oc-mirror-pipeline/"
LONGEST_NAME = 63
"""Of a Job: its pods carry the name as a label value."""


def labels(component: str) -> dict[str, str]:
    """Return the labels of an object of ours; `component` says which part of the whole it is."""
    return {
        "app.kubernetes.io/name": "oc-mirror",
        "app.kubernetes.io/part-of": "oc-mirror-pipeline",
        "app.kubernetes.io/managed-by": "oc-mirror-pipeline",
        "app.kubernetes.io/component": component,
    }


def annotate(**values: str | None) -> dict[str, str]:
    """Annotations under our prefix, `config_sha256` as `config-sha256`; those without a value left out."""
    return {f"{ANNOTATION}{name.replace('_', '-')}": value for name, value in values.items() if value}


def digest(text: str) -> str:
    """SHA-256 of a text, 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def lease(claim: str) -> str:
    """Name the Lease of a claim. The Role of the workload's account names that of the default claim."""
    return LEASE if claim == CLAIM else run_object_name(claim, prefix=f"{LEASE}-")


def run_object_name(run: str, *, prefix: str = f"{WORKLOAD}-") -> str:
    """Name the object that belongs to a run: always the same for the same run, so that a retry finds it.

    A run that is called `oc-mirror-…` itself does not get the prefix twice. A dot, good in a run's name, is
    not in a Job's; a name that had to be changed or cut ends in a hash of the whole.
    """
    given = run.removeprefix(f"{WORKLOAD}-")
    plain = re.sub(r"[^a-z0-9-]", "-", given.lower()).strip("-")
    name = prefix + plain
    if plain and plain == given and len(name) <= LONGEST_NAME:
        return name
    tail = f"-{digest(run)[:8]}"
    return name[: LONGEST_NAME - len(tail)].rstrip("-") + tail
