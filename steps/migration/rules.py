"""What becomes of each old object: a rule for each kind. What no rule knows is not judged."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Final

from steps.errors import InvalidInputError
from steps.imageset.validate import check_imageset
from steps.migration.findings import Finding, Moment, Where, command, keep, remove
from steps.migration.inventory import Found, entries, mapping, text, texts
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
        "smoke-test-image",
        "start-run",
        "update-image-configmap",
    }
)
ACCOUNT: Final = "oc-mirror-pipeline"
SHARED_CLAIM: Final = "oc-mirror-shared-workspace"
WRITTEN: Final = {names.CONFIG: IMAGESET_KEY, names.IMAGESET: IMAGESET_KEY, names.VALUES: VALUES_KEY}
"""ConfigMaps that old and new both write in the workload's namespace, and what in them is worth saving."""
COPIED_SECRETS: Final = ("quay-registry-auth", "quayadmin")
"""What Task oc-mirror-deploy copied into the workload's namespace, besides the pull secret."""


def judge(objects: Iterable[Found], where: Where) -> Iterator[Finding]:
    """Judge every old object; of the same object from two places the later one, the cluster's, counts."""
    for found in {str(found): found for found in objects}.values():
        if rule := _RULES.get(found.kind):
            yield from rule(found, where)
        elif found.kind not in RUNS and _is_labelled(found):
            yield remove(found, "it is part of the old installation")


def _cluster_role_binding(found: Found, where: Where) -> Iterator[Finding]:
    accounts = [
        text(one, "name")
        for one in entries(found.body, "subjects")
        if text(one, "namespace") == where.pipelines
    ]
    role = text(found.body, "roleRef", "name")
    if ACCOUNT in accounts or (accounts and role == "cluster-admin"):
        why = (
            f"it gives {' and '.join(accounts)} the ClusterRole {role}. The new pipelines run as that "
            "account and need none of it; until it is gone they have it, too"
        )
        yield remove(found, why, Moment.SWITCH)


def _role(found: Found, _where: Where) -> Iterator[Finding]:
    if _is_named(found):
        reads = any("secrets" in texts(rule, "resources") for rule in entries(found.body, "rules"))
        yield remove(found, f"nothing new needs it{'; it lets Secrets be read' * reads}")


def _service_account(found: Found, where: Where) -> Iterator[Finding]:
    if (found.namespace, found.name) == (where.pipelines, ACCOUNT):
        yield keep(found, "the new pipelines run as the same account")
    elif (found.namespace, found.name) == (where.workloads, names.SERVICE_ACCOUNT):
        why = (
            "deploy-workload leaves an account that is there as it is, and this one lacks the pull secret; "
            "it makes a new one"
        )
        yield remove(found, why, Moment.SWITCH)


def _pipeline(found: Found, where: Where) -> Iterator[Finding]:
    """A Pipeline or a Task."""
    ours = {BUILD, DEPLOYMENT} if found.kind == "Pipeline" else OUR_TASKS
    if found.name in ours:
        why = "the new one has its name and takes its place: the two cannot stand side by side"
        save = f"{command('get', found, '-o', 'yaml')} > old-{found.kind.lower()}-{found.name}.yaml"
        yield Finding(found, Moment.BEFORE, "save", why, save)
    elif _is_named(found):
        yield remove(found, "nothing new refers to it")
    if found.name == "oc-mirror-deploy":
        for name in COPIED_SECRETS:
            metadata = {"name": name, "namespace": where.workloads}
            yield from _secret(Found({"kind": "Secret", "metadata": metadata}, found.origin), where)


def _config_map(found: Found, where: Where) -> Iterator[Finding]:
    data = mapping(found.body, "data")
    if (found.namespace, found.name) == (where.pipelines, names.IMAGES):
        why = "its image has no command `mirror`, which the new workload runs: build or record a new one"
        yield Finding(found, Moment.APPLY, "remove", why, command("delete", found))
    elif found.name in WRITTEN and WRITTEN[found.name] in data:
        key = WRITTEN[found.name]
        path = "jsonpath={.data." + key.replace(".", r"\.") + "}"
        why = (
            "the new pipeline writes the same name, and an old CronJob that mounts it would mirror what is "
            f"new{_verdict(found)}"
        )
        save = f"{command('get', found, '-o', path)} > old-{found.name}-{key}"
        yield Finding(found, Moment.BEFORE, "save", why, save)
    elif IMAGESET_KEY in data:
        yield keep(found, f"an ImageSet of your own: imageset-configmap={found.name}{_verdict(found)}")


def _verdict(found: Found) -> str:
    """What the new pipeline would say of an ImageSet, where it would refuse it."""
    imageset = text(found.body, "data", IMAGESET_KEY)
    try:
        if imageset:
            check_imageset(imageset, origin=IMAGESET_KEY)
    except InvalidInputError as error:
        return f". It would be refused: {error.reason}"
    return ""


def _imageset(found: Found, where: Where) -> Iterator[Finding]:
    """An ImageSetConfiguration as a file."""
    stem = found.origin.rsplit("/", 1)[-1].rsplit(".", 1)[0].replace("_", "-").lower()
    make = ["oc", "create", "configmap", stem, "-n", where.workloads]
    make.append(f"--from-file={IMAGESET_KEY}={found.origin}")
    yield keep(
        found, f"{found.origin} is an ImageSet of your own: imageset-configmap={stem}", shlex.join(make)
    )


def _workload(found: Found, where: Where) -> Iterator[Finding]:
    """A CronJob or Deployment."""
    if found.namespace == where.workloads and _is_named(found):
        suspend = json.dumps({"spec": {"suspend": True}})
        how = (
            command("patch", found, "-p", suspend)
            if found.kind == "CronJob"
            else command("scale", found, "--replicas=0")
        )
        why = "two that mirror fetch everything twice; stopped, it can be started again at once"
        yield Finding(found, Moment.SWITCH, "stop", why, how)
        yield remove(found, "the new workload takes its place")


def _job(found: Found, where: Where) -> Iterator[Finding]:
    owners = {text(owner, "kind") for owner in entries(found.body, "metadata", "ownerReferences")}
    if found.namespace == where.workloads and _is_named(found) and "CronJob" not in owners:
        if mapping(found.body, "status").get("active"):
            wait = command("wait", found, "--for=condition=Complete", "--timeout=24h")
            yield Finding(found, Moment.SWITCH, "wait", "it still mirrors", wait)
        yield remove(found, "it has ended, or will have")


def _claim(found: Found, where: Where) -> Iterator[Finding]:
    if found.namespace == where.pipelines and found.name in {names.CLAIM, SHARED_CLAIM}:
        why = (
            "it is used as it is. 'oc apply -f tekton/' says that it cannot be changed, leaves it alone and "
            "applies all else"
        )
        yield keep(found, why)
    elif (found.namespace, found.name) == (where.workloads, names.CLAIM):
        yield keep(found, "the new workload's claim has this name and is made only where there is none")
    elif found.namespace == where.workloads and _is_named(found):
        why = (
            "its archives come from no run that the new pipelines know: their first archive is a full one. "
            "Take in what you still need of it before"
        )
        yield remove(found, why)


def _trigger(found: Found, _where: Where) -> Iterator[Finding]:
    if _is_named(found):
        first = "; point the webhook to the new EventListener first" if found.kind == "EventListener" else ""
        yield remove(found, f"it starts the old pipeline{first}", Moment.SWITCH)


def _secret(found: Found, where: Where) -> Iterator[Finding]:
    """A Secret that a file holds or a Task copied; the cluster's are never read."""
    if found.name in COPIED_SECRETS and found.namespace == where.workloads:
        yield remove(found, "a copy, if it is there; the new workload uses its pull secret alone")
    else:
        yield keep(found, "the new pipelines use the Secret of this name, or leave it alone")


def _namespace(found: Found, where: Where) -> Iterator[Finding]:
    if found.name == where.pipelines:
        yield keep(found, "the new pipelines live in it, too")
    elif found.name == where.workloads:
        why = (
            "tekton/ enforces restricted Pod Security in it: old workloads go on on OpenShift; on plain "
            "Kubernetes their next pod is refused"
        )
        yield keep(found, why)


def _is_labelled(found: Found) -> bool:
    return text(found.body, "metadata", "labels", "autoshift.io/component").startswith("oc-mirror")


def _is_named(found: Found) -> bool:
    """Whether it is of the old installation by its label or, where that was lost, by its name."""
    return _is_labelled(found) or found.name.startswith("oc-mirror-") or found.name == "run-oc-mirror"


RUNS: Final = frozenset({"PipelineRun"})
_RULES: Final[dict[str, Callable[[Found, Where], Iterator[Finding]]]] = {
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
