"""Everything that decides what the workload's objects look like, checked before the cluster is touched."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steps.parameters.table import TABLE, content, deployment
from steps.parameters.table.schedule import DEPLOY_MODE, SCHEDULE, TIME_ZONE
from steps.parameters.table.target import APPLY_CLUSTER_RESOURCES
from steps.parameters.table.tuning import RUN_DEADLINE
from steps.parameters.table.upkeep import ALSO_IMAGESET_CONFIGMAPS
from steps.parameters.table.workflow import MIRROR_NAME, WORKFLOW
from steps.parameters.value_kinds import Workflow
from steps.workload import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steps.parameters.parameter import Values
    from steps.parameters.value_kinds import DeployMode

PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")

FS_GROUP = 1001
"""Group that plain Kubernetes makes a new volume writable for; OpenShift picks one per namespace itself."""

GENERATED = "generated"
"""The mirror name of an ImageSet that the pipeline generates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One workload. Optional texts are None where not given, never empty.

    `mirror` are the arguments of `mirror`, by name, that are passed on as they were given, `also_imagesets`
    names of ConfigMaps, and `environment` the proxy variables. `shared_sha256` is the digest of the
    ConfigMap oc-mirror-settings and of those that the user names, empty without any: where it changes, a
    Deployment rolls. `run_deadline` is in seconds, 0 where not given. `applies`: a pod of its own applies to
    the cluster what is mirrored.
    """

    image: str
    mode: DeployMode
    namespace: str
    claim_name: str
    pull_secret: str
    run_name: str
    storage_size: str
    storage_class: str | None = None
    schedule: str | None = None
    time_zone: str = "UTC"
    mirror_name: str = GENERATED
    mirror: Mapping[str, str] = field(default_factory=dict)
    also_imagesets: tuple[str, ...] = ()
    config_sha256: str | None = None
    shared_sha256: str = ""
    applies: bool = False
    memory: str = "4Gi"
    trusted_ca: str = "trusted-ca"
    fs_group: int | str | None = "auto"
    environment: Mapping[str, str] = field(default_factory=dict)
    run_deadline: int = 0
    registries_config: str | None = None
    release_keys: str | None = None
    environment_configmap: str | None = None
    local_files_configmap: str | None = None
    local_files_claim: str | None = None
    signing_key: str | None = None
    trusted_keys: str | None = None
    receipts: str | None = None


def make_settings(values: Values, *, image: str, run_name: str, environment: Mapping[str, str]) -> Settings:
    """Make the settings of checked values; `environment` are the proxy variables of `proxies`."""
    return Settings(
        image=image,
        mode=values[DEPLOY_MODE],
        namespace=values[content.NAMESPACE],
        claim_name=values[deployment.CLAIM_NAME] or names.CLAIM,
        pull_secret=values[deployment.PULL_SECRET],
        run_name=run_name,
        storage_size=values[deployment.STORAGE_SIZE],
        storage_class=values[deployment.STORAGE_CLASS],
        schedule=values[SCHEDULE],
        time_zone=values[TIME_ZONE],
        mirror_name=values[MIRROR_NAME] or values[content.IMAGESET_CONFIGMAP] or GENERATED,
        mirror=_passed_on(values),
        also_imagesets=values[ALSO_IMAGESET_CONFIGMAPS],
        config_sha256=values[deployment.CONFIG_SHA256],
        applies=bool(values[APPLY_CLUSTER_RESOURCES]) and pushes(values[WORKFLOW]),
        memory=values[deployment.MEMORY],
        trusted_ca=values[deployment.TRUSTED_CA_CONFIGMAP],
        fs_group=values[deployment.FS_GROUP],
        environment=environment,
        run_deadline=values[RUN_DEADLINE] or 0,
        registries_config=values[deployment.REGISTRIES_CONFIGMAP],
        release_keys=values[deployment.RELEASE_KEYS_CONFIGMAP],
        environment_configmap=values[deployment.ENVIRONMENT_CONFIGMAP],
        local_files_configmap=values[deployment.LOCAL_FILES_CONFIGMAP],
        local_files_claim=values[deployment.LOCAL_FILES_CLAIM],
        signing_key=values[deployment.SIGNING_SECRET],
        trusted_keys=values[deployment.TRUSTED_KEYS_CONFIGMAP],
        receipts=values[deployment.RECEIPTS_CONFIGMAP],
    )


def pushes(workflow: str) -> bool:
    """Return whether a workflow pushes to a target, so that clusters can use what it leaves."""
    return workflow in {Workflow.FROM_DISK, Workflow.DIRECT}


def _passed_on(values: Values) -> dict[str, str]:
    """Return what the pod's `mirror` gets: the given value, or the default if no ConfigMap may set it."""
    return {
        parameter.name: text
        for parameter in TABLE
        if parameter.where.to_mirror
        and (text := values.texts.get(parameter.name, "" if parameter.setting else parameter.default or ""))
    }


def proxies(environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the workload's proxy variables from `environment`, in either case, and what is wrong with them.

    A proxy URL with a password in it is refused, unquoted: anybody who may read the workload could read it.
    """
    wanted = [*PROXY_VARIABLES, *map(str.lower, PROXY_VARIABLES)]
    found = {name: environment[name] for name in wanted if environment.get(name)}
    problems = [
        f"{name} carries a user name or password, which the workload's objects would show"
        for name, value in found.items()
        if name.upper() != "NO_PROXY" and "@" in value
    ]
    return found, problems
