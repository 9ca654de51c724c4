"""Templates of the runs that events start: PipelineRuns in a ConfigMap, completed with a commit.

An event only says that a branch has moved. Pipeline, repository, parameters and account of the run come from
the ConfigMap, so that nothing of an event's text reaches a run but the commit.
"""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steps.errors import InvalidInputError, NotFoundError
from steps.workload import names
from steps.yaml.text import NotYamlError
from steps.yaml.values import value

if TYPE_CHECKING:
    from steps.cluster import KubernetesObject

LABEL = f"{names.ANNOTATION}run"
SOURCES = ("values-git", "git")
"""Prefixes of the Pipelines' parameters `PREFIX-url` and `PREFIX-revision`, which name a repository."""
_SHOWN = 12  # characters of a commit in a name, as Git shows it in long listings


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """The template of a PipelineRun: its spec, and the repository and branch whose newest commit it is for.

    `run` is its name in the ConfigMap, `source` the prefix (of SOURCES) of the parameters that hold `url` and
    `revision` (a branch or tag).
    """

    run: str
    spec: dict[str, Any]
    source: str
    url: str
    revision: str

    def manifest(self, *, commit: str, occasion: str, attempt: int, namespace: str) -> KubernetesObject:
        """Make the PipelineRun for a commit.

        Its name holds the run, the commit, and a digest of spec and occasion, so that the same event twice
        makes the same object. The attempt after a failed run has another name.
        """
        spec = copy.deepcopy(self.spec)
        for parameter in spec["params"]:
            if parameter["name"] == f"{self.source}-revision":
                parameter["value"] = commit
        text = json.dumps([spec, occasion], sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        suffix = f"-{attempt}" if attempt > 1 else ""
        return {
            "apiVersion": "tekton.dev/v1",
            "kind": "PipelineRun",
            "metadata": {
                "name": f"oc-mirror-{self.run}-{commit[:_SHOWN]}-{digest}{suffix}",
                "namespace": namespace,
                "labels": {**names.labels("run"), LABEL: self.run},
                "annotations": names.annotate(commit=commit, occasion=occasion or None),
            },
            "spec": spec,
        }


def read_template(configmap: KubernetesObject | None, *, run: str, name: str, namespace: str) -> Template:
    """Read the run's template from the ConfigMap's key `RUN.yaml`.

    Raises NotFoundError if there is no ConfigMap or key, InvalidInputError if the key holds no PipelineRun
    with a Pipeline, a repository and a branch.
    """
    data = (configmap or {}).get("data") or {}
    where = f"ConfigMap '{namespace}/{name}', key {run}.yaml"
    if configmap is None or f"{run}.yaml" not in data:
        known = ", ".join(sorted(key.removesuffix(".yaml") for key in data)) or "none"
        raise NotFoundError(
            f"there is no {where}: nothing says what to start",
            f"apply tekton/triggers/20-runs.yaml, or add the key; runs there: {known}",
        )
    try:
        document = value(data[f"{run}.yaml"])
    except NotYamlError as error:
        raise _unusable(where, f"no valid YAML ({error})") from error
    if not isinstance(document, dict) or document.get("kind") != "PipelineRun":
        raise _unusable(where, "no PipelineRun")
    return _template(run, document.get("spec"), where)


def _template(run: str, spec: Any, where: str) -> Template:
    pipeline = spec.get("pipelineRef") if isinstance(spec, dict) else None
    if not isinstance(spec, dict) or not isinstance(pipeline, dict) or not pipeline.get("name"):
        raise _unusable(where, "its spec.pipelineRef names no Pipeline")
    given = spec.get("params")
    if not isinstance(given, list) or not all(
        isinstance(p, dict) and isinstance(p.get("name"), str) for p in given
    ):
        raise _unusable(where, "its spec.params is no list of names and values")
    values = {parameter["name"]: parameter.get("value") for parameter in given}
    for source in SOURCES:
        url, revision = values.get(f"{source}-url"), values.get(f"{source}-revision")
        if isinstance(url, str) and isinstance(revision, str) and url and revision:
            return Template(run=run, spec=spec, source=source, url=url, revision=revision)
    raise _unusable(where, "its params name no repository and branch")


def _unusable(where: str, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"{where}: {why}",
        "write a PipelineRun with values-git-url and values-git-revision, or git-url and git-revision: "
        "tekton/triggers/20-runs.yaml has examples",
    )
