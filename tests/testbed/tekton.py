"""Tekton Pipelines and Triggers, installed from the manifests of the very modules they were built from."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from tests.testbed import binaries, control, images
from tests.testbed.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

_FIRST_DEPLOYMENTS = [
    "tekton-pipelines-controller",
    "tekton-pipelines-webhook",
    "tekton-events-controller",
    "tekton-triggers-controller",
    "tekton-triggers-webhook",
    "tekton-triggers-core-interceptors",
]
# Autoscaling needs a metrics server, and has nothing to scale to here.
_LEFT_OUT = {"webhook-hpa.yaml"}
_WEBHOOKS = "500-webhooks.yaml"
# Without it Tekton's own init containers are refused by the Pod Security level `restricted`.
_FLAGS = '{"data":{"set-security-context":"true"}}'
_PROBES = [
    """\
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: probe, namespace: default}
spec:
  steps: [{name: none, image: none}]
""",
    """\
apiVersion: triggers.tekton.dev/v1beta1
kind: TriggerBinding
metadata: {name: probe, namespace: default}
spec: {params: [{name: a, value: b}]}
""",
]


def install() -> None:
    """Apply everything, prerequisites first; `wait_until_ready` comes next.

    The webhooks are registered last: from then on the API server refuses what they cannot yet be asked about.
    """
    pipelines = binaries.ensure("tekton") / "config"
    triggers = binaries.ensure("triggers") / "config"
    control.apply(_manifests(pipelines / "100-namespace"))
    definitions = [*sorted((pipelines / "300-crds").glob("*.yaml")), *sorted(triggers.glob("300-*.yaml"))]
    control.apply(_join(definitions))
    late = [pipelines / _WEBHOOKS, triggers / _WEBHOOKS]
    rest = [path for path in sorted(pipelines.glob("*.yaml")) if path.name not in _LEFT_OUT]
    control.apply(_join([path for path in rest if path not in late]))
    control.kubectl("patch", "configmap", "feature-flags", "-n", "tekton-pipelines", "-p", _FLAGS)
    control.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
    after = {*definitions, *late}
    others = _join([path for path in sorted(triggers.glob("*.yaml")) if path not in after])
    for manifest in (others, _manifests(triggers / "interceptors")):
        # A kind that is established may not be served yet, for a moment.
        wait_until("Triggers to be applied", partial(_applied, manifest), timeout=60, interval=1)
    control.apply(_join(late))


def wait_until_ready() -> None:
    """Return once every controller runs and both webhooks really answer.

    A webhook that has just rolled out may refuse connections for a moment: its Service's rules follow.
    """
    names = [f"deployment/{name}" for name in _FIRST_DEPLOYMENTS]
    wait = ("wait", "--for=condition=Available", "-n", "tekton-pipelines", "--timeout=180s")
    control.kubectl(*wait, *names)
    for probe in _PROBES:
        wait_until("Tekton's webhooks", lambda probe=probe: _accepted(probe))  # type: ignore[misc]


def ready() -> bool:
    """Whether every controller is available, asked once."""
    jsonpath = "jsonpath={range .items[*]}{.metadata.name}={.status.availableReplicas} {end}"
    said = control.kubectl("get", "deployments", "-n", "tekton-pipelines", "-o", jsonpath, check=False)
    return all(f"{name}=1" in said.split() for name in _FIRST_DEPLOYMENTS)


def _applied(manifest: str) -> bool:
    control.apply(manifest)
    return True


def _accepted(manifest: str) -> bool:
    control.kubectl("apply", "--dry-run=server", "-f", "-", stdin=manifest)
    return True


def _manifests(folder: Path) -> str:
    return _join(sorted(folder.glob("*.yaml")))


def _join(files: list[Path]) -> str:
    return "\n---\n".join(_localized(path.read_text()) for path in files)


def _localized(text: str) -> str:
    """The manifest with images that exist here, the version it was released as, and eager probes."""
    text = re.sub(r"ko://github\.com/tektoncd/pipeline/cmd/(\w+)", images.program("tekton", r"\1"), text)
    text = re.sub(r"ko://github\.com/tektoncd/triggers/cmd/(\w+)", images.program("triggers", r"\1"), text)
    text = re.sub(r'("-shell-image", )"[^"]+"', rf'\1"{images.SHELL}"', text)
    return re.sub(r"(initialDelaySeconds|periodSeconds): \d+", r"\1: 1", text)
