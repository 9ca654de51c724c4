"""Decide for each old object whether to keep, save, stop or remove it: one rule for each kind.

An object whose kind has no rule gets no finding, unless it carries the label of the old installation.
"""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Final

from steps.errors import InvalidInputError
from steps.imageset.imageset import ImageSet
from steps.migration.findings import Finding, Moment, Namespaces, command, keep, remove
from steps.migration.old_objects import OldObject, entries, mapping, text, texts
from steps.migration.translation import BUILD, DEPLOYMENT
from steps.workload import names
from steps.workload.configmaps import IMAGESET_KEY, VALUES_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

OUR_TASKS: Final = frozenset(
    {
        "buildah-build",
        "create-deployment-configmaps",
        "deploy-workload",
        "fetch-values",
        "generate-or-use-imageset",
        "get-current-image",
        "publish-to-git",
        "fleet-readiness",
        "sign-image",
        "smoke-test-image",
        "start-run",
        "update-image-configmap",
    }
)
ACCOUNT: Final = "oc-mirror-pipeline"
SHARED_CLAIM: Final = "oc-mirror-shared-workspace"
WRITTEN: Final = {names.CONFIG: IMAGESET_KEY, names.IMAGESET: IMAGESET_KEY, names.VALUES: VALUES_KEY}
"""ConfigMaps that both pipelines write in the workload's namespace, with the key that is worth saving."""
COPIED_SECRETS: Final = ("quay-registry-auth", "quayadmin")
"""Secrets that Task oc-mirror-deploy copied into the workload's namespace, besides the pull secret."""


def decide(objects: Iterable[OldObject], namespaces: Namespaces) -> Iterator[Finding]:
    """Yield the findings for all old objects.

    Of an object that was read twice the later one decides: the cluster's, which is read after the files.
    """
    for old in {str(old): old for old in objects}.values():
        if rule := _RULES.get(old.kind):
            yield from rule(old, namespaces)
        elif old.kind not in RUNS and _is_labelled(old):
            yield remove(old, "it is part of the old installation")


def _cluster_role_binding(old: OldObject, namespaces: Namespaces) -> Iterator[Finding]:
    accounts = [
        text(subject, "name")
        for subject in entries(old.body, "subjects")
        if text(subject, "namespace") == namespaces.pipelines
    ]
    role = text(old.body, "roleRef", "name")
    if ACCOUNT in accounts or (accounts and role == "cluster-admin"):
        why = (
            f"it gives {' and '.join(accounts)} the ClusterRole {role}. The new pipelines run as that "
            "account and need none of it; until it is gone they have it, too"
        )
        yield remove(old, why, Moment.SWITCH)


def _role(old: OldObject, _namespaces: Namespaces) -> Iterator[Finding]:
    if _is_named(old):
        reads = any("secrets" in texts(rule, "resources") for rule in entries(old.body, "rules"))
        yield remove(old, f"nothing new needs it{'; it lets Secrets be read' * reads}")


def _service_account(old: OldObject, namespaces: Namespaces) -> Iterator[Finding]:
    if (old.namespace, old.name) == (namespaces.pipelines, ACCOUNT):
        yield keep(old, "the new pipelines run as the same account")
    elif (old.namespace, old.name) == (namespaces.workloads, names.SERVICE_ACCOUNT):
        why = (
            "deploy-workload leaves an account that is there as it is, and this one lacks the pull secret; "
            "it makes a new one"
        )
        yield remove(old, why, Moment.SWITCH)


def _pipeline(old: OldObject, namespaces: Namespaces) -> Iterator[Finding]:
    """Decide about a Pipeline or a Task."""
    ours = {BUILD, DEPLOYMENT} if old.kind == "Pipeline" else OUR_TASKS
    if old.name in ours:
        why = "the new one has its name and takes its place: the two cannot stand side by side"
        save = f"{command('get', old, '-o', 'yaml')} > old-{old.kind.lower()}-{old.name}.yaml"
        yield Finding(old, Moment.BEFORE, "save", why, save)
    elif _is_named(old):
        yield remove(old, "nothing new refers to it")
    if old.name == "oc-mirror-deploy":
        for name in COPIED_SECRETS:
            metadata = {"name": name, "namespace": namespaces.workloads}
            yield from _secret(OldObject({"kind": "Secret", "metadata": metadata}, old.origin), namespaces)


def _config_map(old: OldObject, namespaces: Namespaces) -> Iterator[Finding]:
    data = mapping(old.body, "data")
    if (old.namespace, old.name) == (namespaces.pipelines, names.IMAGES):
        why = "its image has no command `mirror`, which the new workload runs: build or record a new one"
        yield Finding(old, Moment.APPLY, "remove", why, command("delete", old))
    elif old.name in WRITTEN and WRITTEN[old.name] in data:
        key = WRITTEN[old.name]
        path = "jsonpath={.data." + key.replace(".", r"\.") + "}"
        why = (
            "the new pipeline writes the same name, and an old CronJob that mounts it would mirror what is "
            f"new{_refusal(old)}"
        )
        save = f"{command('get', old, '-o', path)} > old-{old.name}-{key}"
        yield Finding(old, Moment.BEFORE, "save", why, save)
    elif IMAGESET_KEY in data:
        yield keep(old, f"an ImageSet of your own: imageset-configmap={old.name}{_refusal(old)}")


def _refusal(old: OldObject) -> str:
    """Return why the new pipeline would refuse the ImageSet in a ConfigMap; empty if it would accept it."""
    imageset = text(old.body, "data", IMAGESET_KEY)
    try:
        if imageset:
            ImageSet.parse(imageset, IMAGESET_KEY)
    except InvalidInputError as error:
        return f". It would be refused: {error.reason}"
    return ""


def _imageset(old: OldObject, namespaces: Namespaces) -> Iterator[Finding]:
    """Decide about an ImageSetConfiguration that was found as a file."""
    stem = old.origin.rsplit("/", 1)[-1].rsplit(".", 1)[0].replace("_", "-").lower()
    make = ["oc", "create", "configmap", stem, "-n", namespaces.workloads]
    make.append(f"--from-file={IMAGESET_KEY}={old.origin}")
    yield keep(old, f"{old.origin} is an ImageSet of your own: imageset-configmap={stem}", shlex.join(make))


def _workload(old: OldObject, namespaces: Namespaces) -> Iterator[Finding]:
    """Decide about a CronJob or a Deployment."""
    if old.namespace == namespaces.workloads and _is_named(old):
        suspend = json.dumps({"spec": {"suspend": True}})
        how = (
            command("patch", old, "-p", suspend)
            if old.kind == "CronJob"
            else command("scale", old, "--replicas=0")
        )
        why = "two that mirror fetch everything twice; stopped, it can be started again at once"
        yield Finding(old, Moment.SWITCH, "stop", why, how)
        yield remove(old, "the new workload takes its place")


def _job(old: OldObject, namespaces: Namespaces) -> Iterator[Finding]:
    owners = {text(owner, "kind") for owner in entries(old.body, "metadata", "ownerReferences")}
    if old.namespace == namespaces.workloads and _is_named(old) and "CronJob" not in owners:
        if mapping(old.body, "status").get("active"):
            wait = command("wait", old, "--for=condition=Complete", "--timeout=24h")
            yield Finding(old, Moment.SWITCH, "wait", "it still mirrors", wait)
        yield remove(old, "it has ended, or will have")


def _claim(old: OldObject, namespaces: Namespaces) -> Iterator[Finding]:
    if old.namespace == namespaces.pipelines and old.name in {names.CLAIM, SHARED_CLAIM}:
        why = (
            "it is used as it is. 'oc apply -f tekton/' says that it cannot be changed, leaves it alone and "
            "applies all else"
        )
        yield keep(old, why)
    elif (old.namespace, old.name) == (namespaces.workloads, names.CLAIM):
        yield keep(old, "the new workload's claim has this name and is made only where there is none")
    elif old.namespace == namespaces.workloads and _is_named(old):
        why = (
            "its archives come from no run that the new pipelines know: their first archive is a full one. "
            "Take in what you still need of it before"
        )
        yield remove(old, why)


def _trigger(old: OldObject, _namespaces: Namespaces) -> Iterator[Finding]:
    if _is_named(old):
        first = "; point the webhook to the new EventListener first" if old.kind == "EventListener" else ""
        yield remove(old, f"it starts the old pipeline{first}", Moment.SWITCH)


def _secret(old: OldObject, namespaces: Namespaces) -> Iterator[Finding]:
    """Decide about a Secret that a file holds or a Task copied; no Secret is read from the cluster."""
    if old.name in COPIED_SECRETS and old.namespace == namespaces.workloads:
        yield remove(old, "a copy, if it is there; the new workload uses its pull secret alone")
    else:
        yield keep(old, "the new pipelines use the Secret of this name, or leave it alone")


def _namespace(old: OldObject, namespaces: Namespaces) -> Iterator[Finding]:
    if old.name == namespaces.pipelines:
        yield keep(old, "the new pipelines live in it, too")
    elif old.name == namespaces.workloads:
        why = (
            "tekton/ enforces restricted Pod Security in it: old workloads go on on OpenShift; on plain "
            "Kubernetes their next pod is refused"
        )
        yield keep(old, why)


def _is_labelled(old: OldObject) -> bool:
    return text(old.body, "metadata", "labels", "autoshift.io/component").startswith("oc-mirror")


def _is_named(old: OldObject) -> bool:
    """Tell whether an object belongs to the old installation, by its label or, without it, by its name."""
    return _is_labelled(old) or old.name.startswith("oc-mirror-") or old.name == "run-oc-mirror"


RUNS: Final = frozenset({"PipelineRun"})
_RULES: Final[dict[str, Callable[[OldObject, Namespaces], Iterator[Finding]]]] = {
    "ClusterRoleBinding": _cluster_role_binding,
    "ConfigMap": _config_map,
    "CronJob": _workload,
    "Deployment": _workload,
    "EventListener": _trigger,
    "ImageSetConfiguration": _imageset,
    "Job": _job,
    "Namespace": _namespace,
    "PersistentVolumeClaim": _claim,
    "Pipeline": _pipeline,
    "Role": _role,
    "RoleBinding": _role,
    "Secret": _secret,
    "ServiceAccount": _service_account,
    "Task": _pipeline,
    "TriggerBinding": _trigger,
    "TriggerTemplate": _trigger,
}
