"""Steps of our Tasks as containers of one pod: the same text, image, rights and mounts, without a run each.

What a step says of a wrong parameter does not depend on Tekton, and a dozen containers of one pod take no
longer than one run. That the parameters reach the step is proven by the runs that succeed, and by
tests/contract.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.cluster.product import PIPELINES, security_context
from tests.contract.tekton_files import TEKTON, named, only
from tests.testbed.client import Cluster
from tests.testbed.waiting import wait_until

_REFERENCE = re.compile(r"\$\((params|results|workspaces|context)\.([\w-]+)(?:\.(path|name|namespace))?\)")
_ARRAY = re.compile(r"^\$\(params\.([\w-]+)\[\*\]\)$")
RESULTS = "/results"


@dataclass(frozen=True)
class Step:
    """A step of a Task, the first unless named. Parameters that are not given have the Task's defaults."""

    task: str
    params: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""


@dataclass(frozen=True)
class Ended:
    """How a step ended."""

    code: int
    log: str


def run(
    cluster: Cluster,
    steps: Mapping[str, Step],
    *,
    first: Sequence[Step] = (),
    pod: Mapping[str, Any] | None = None,
) -> dict[str, Ended]:
    """Run steps side by side in one pod of the pipelines' namespace, each in a container of its own.

    `first` are the earlier steps of the same Task. They run before them all, and what they left is there, as
    in a run. `pod` is what a run's podTemplate would say.
    """
    growing = _Pod(pod or {}, shared=set(("source", "tmp", "storage")[: 3 if len(first) > 1 else len(first)]))
    names = {case: growing.add("containers", step) for case, step in steps.items()}
    for step in first:
        growing.add("initContainers", step)
    created = cluster.kubectl("create", "-f", "-", "-o", "name", input=json.dumps(growing.manifest))
    name = created.stdout.strip().partition("/")[2]
    where = ("-n", PIPELINES)
    wait_until(
        "the steps to end", lambda: set(_codes(cluster, name)) >= set(names.values()), timeout=300, interval=1
    )
    codes = _codes(cluster, name)
    ended = {
        case: Ended(codes[container], cluster.kubectl("logs", name, "-c", container, *where).stdout)
        for case, container in names.items()
    }
    cluster.kubectl("delete", "pod", name, *where, "--wait=false")
    return ended


def _codes(cluster: Cluster, pod: str) -> dict[str, int]:
    """The exit codes of the containers that have ended."""
    status = cluster.get("pod", pod, "-n", PIPELINES)["status"]
    return {
        container["name"]: container["state"]["terminated"]["exitCode"]
        for container in status.get("containerStatuses", [])
        if "terminated" in container["state"]
    }


class _Pod:
    """A pod that grows by one container for each step."""

    def __init__(self, template: Mapping[str, Any], *, shared: set[str]) -> None:
        self._shared = shared
        spec: dict[str, Any] = {
            "serviceAccountName": "oc-mirror-pipeline",
            "restartPolicy": "Never",
            "securityContext": security_context(),
            "containers": [],
            "initContainers": [],
            "volumes": [{"name": "results", "emptyDir": {}}],
            **template,
        }
        metadata = {"generateName": "oc-mirror-steps-", "namespace": PIPELINES}
        self.manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}

    def add(self, kind: str, step: Step) -> str:
        """Add a step; return its container's name."""
        spec: dict[str, Any] = self.manifest["spec"]  # type: ignore[assignment]
        task = only(TEKTON / f"task-{step.task}.yaml")["spec"]
        params = {name: param.get("default", "") for name, param in named(task["params"]).items()}
        if unknown := set(step.params) - set(params):
            raise ValueError(f"Task {step.task} has no parameter {', '.join(sorted(unknown))}")
        params |= step.params
        found = named(task["steps"])[step.name] if step.name else task["steps"][0]
        container = _merged(task.get("stepTemplate", {}), _filled(found, params))
        container["image"] = _filled(container["image"], params)
        container["name"] = name = f"{kind[:1]}{len(spec[kind])}"
        for of_tekton in ("computeResources", "timeout"):
            container.pop(of_tekton, None)
        for mount in container["volumeMounts"]:
            mount["name"] = self._own(name, mount["name"])
        container["volumeMounts"].append({"name": "results", "mountPath": RESULTS})
        known = {volume["name"] for volume in spec["volumes"]}
        for volume in _filled(task["volumes"], params):
            volume["name"] = self._own(name, volume["name"])
            if volume["name"] not in known:
                spec["volumes"].append(volume)
        spec[kind].append(container)
        return name

    def _own(self, container: str, volume: str) -> str:
        return volume if volume in self._shared else f"{volume}-{container}"


def _merged(template: Mapping[str, Any], step: Mapping[str, Any]) -> dict[str, Any]:
    """A step with what the Task says for all: lists are joined, else the step's value counts."""
    lists = {key: [*template.get(key, []), *step.get(key, [])] for key in ("env", "volumeMounts")}
    return json.loads(json.dumps({**template, **step, **lists}))  # type: ignore[no-any-return]


def _filled(value: Any, params: Mapping[str, Any]) -> Any:
    """The references of Tekton replaced as Tekton does; a workspace is not bound, a result is a file."""
    if isinstance(value, dict):
        return {key: _filled(part, params) for key, part in value.items()}
    if isinstance(value, list):
        whole = [_ARRAY.match(part) if isinstance(part, str) else None for part in value]
        parts = [
            params[array[1]] if array else [_filled(part, params)]
            for part, array in zip(value, whole, strict=True)
        ]
        return [part for several in parts for part in several]
    if not isinstance(value, str):
        return value

    def fill(found: re.Match[str]) -> str:
        kind, name, part = found.groups()
        context = PIPELINES if part == "namespace" else "steps"
        files = {"results": f"{RESULTS}/{name}", "workspaces": ""}
        filled = {"params": params.get(name), "context": context, **files}
        return str(filled[kind])

    return _REFERENCE.sub(fill, value)
