"""How, where to and when to mirror; tuning and upkeep: what `mirror` takes, and the workload for it."""

from __future__ import annotations

from steps.parameters import kinds
from steps.parameters.parameter import Group, Parameter
from steps.parameters.places import (
    CREATE,
    DEPLOY,
    DEPLOYMENT,
    GENERATE,
    MIRROR,
    PREVIEW,
    START_RUN,
    VALUES_TASKS,
)

WORKFLOW = Parameter(
    name="workflow",
    kind=kinds.workflow,
    help="workflow-to-disk, workflow-from-disk, workflow-direct; or workflow-delete-generate, "
    "workflow-delete-execute, workflow-cleanup, as a Job only",
    group=Group.HOW,
    default="workflow-to-disk",
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW, MIRROR),
    needed_in=(MIRROR,),
    to_mirror=True,
)
IMAGESET = Parameter(
    name="imageset",
    kind=kinds.optional(kinds.path),
    help="File with the ImageSet, or FILE.gz beside it where FILE is not there; from-disk needs none",
    group=Group.HOW,
    commands=(MIRROR,),
    pod_argument="/config/imageset.yaml",
)
DATA = Parameter(
    name="data",
    kind=kinds.path,
    help="Data directory with archives, history and cache; it must persist",
    group=Group.HOW,
    default=None,
    commands=(MIRROR,),
    pod_argument="/data",
)
INCREMENTAL_MODE = Parameter(
    name="incremental-mode",
    kind=kinds.boolean,
    help="true archives what is new since the last archive, false everything",
    group=Group.HOW,
    default="true",
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW, MIRROR),
    to_mirror=True,
)
SINCE_DATE = Parameter(
    name="since-date",
    kind=kinds.optional(kinds.past_day),
    help="YYYY-MM-DD; archives everything new since the last archive made before that day",
    group=Group.HOW,
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW, MIRROR),
    to_mirror=True,
)
DRY_RUN = Parameter(
    name="dry-run",
    kind=kinds.boolean,
    help="true only reports what would be mirrored",
    group=Group.HOW,
    default="false",
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW, MIRROR),
    to_mirror=True,
)
CHECK = Parameter(
    name="check",
    kind=kinds.boolean,
    help="true only checks that a run could start",
    group=Group.HOW,
    default="false",
    commands=(MIRROR,),
)
SKIP_UNCHANGED = Parameter(
    name="skip-unchanged",
    kind=kinds.optional(kinds.boolean),
    help="true ends a run at once where nothing changed since the last success",
    group=Group.HOW,
    unset="true for cronjob and deployment, false for job",
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW, MIRROR),
    to_mirror=True,
    setting=True,
)
REMOVE_SIGNATURES = Parameter(
    name="remove-signatures",
    kind=kinds.optional(kinds.boolean),
    help="true leaves image signatures out",
    group=Group.HOW,
    unset="as this version of oc-mirror does by itself",
    commands=(MIRROR,),
    setting=True,
)
OC_MIRROR = Parameter(
    name="oc-mirror",
    kind=kinds.text,
    help="The program oc-mirror",
    group=Group.HOW,
    default="oc-mirror",
    commands=(MIRROR,),
)

TARGET_REGISTRY = Parameter(
    name="target-registry",
    kind=kinds.optional(kinds.registry),
    help="HOST[:PORT][/PATH] to mirror to; needed by all workflows but workflow-to-disk and workflow-cleanup",
    group=Group.WHERE,
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW, MIRROR),
    to_mirror=True,
)
RESOURCE_PREFIX = Parameter(
    name="resource-prefix",
    kind=kinds.optional(kinds.resource_prefix),
    help="Put before the names of all cluster resources (IDMS, CatalogSource and the like), for a "
    "cluster with several mirrors",
    group=Group.WHERE,
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW, MIRROR),
    to_mirror=True,
    setting=True,
)
APPLY_CLUSTER_RESOURCES = Parameter(
    name="apply-cluster-resources",
    kind=kinds.optional(kinds.boolean),
    help="true applies them to this cluster after workflow-from-disk or workflow-direct; needs "
    "examples/apply-cluster-resources.yaml",
    group=Group.WHERE,
    unset="they are not applied",
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW, MIRROR),
    to_mirror=True,
    setting=True,
)

DEPLOY_MODE = Parameter(
    name="deploy-mode",
    kind=kinds.deploy_mode,
    help="job (once), cronjob (on a schedule) or deployment (a service that mirrors on a schedule)",
    group=Group.WHEN,
    default="job",
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW),
)
SCHEDULE = Parameter(
    name="schedule",
    kind=kinds.optional(kinds.schedule),
    help="Cron expression, for cronjob and deployment; with it `mirror` stays and mirrors then",
    group=Group.WHEN,
    task_default="0 2 * * 0",
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW, MIRROR),
)
TIME_ZONE = Parameter(
    name="time-zone",
    kind=kinds.time_zone,
    help="Time zone of the schedule, a name of the IANA database such as Europe/Berlin",
    group=Group.WHEN,
    default="UTC",
    empty_is_default=True,
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW, MIRROR),
)
ONCE = Parameter(
    name="once",
    kind=kinds.boolean,
    help="true mirrors now and ends, as one run of a schedule that another keeps, such as a CronJob",
    group=Group.WHEN,
    default="false",
    commands=(MIRROR,),
)

PARALLEL_IMAGES = Parameter(
    name="parallel-images",
    kind=kinds.optional(kinds.up_to_ten),
    help="Images at a time, 1 to 10",
    group=Group.TUNING,
    unset="oc-mirror's own default",
    unit="images",
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW, MIRROR),
    to_mirror=True,
    oc_mirror="--parallel-images={}",
    setting=True,
)
PARALLEL_LAYERS = Parameter(
    name="parallel-layers",
    kind=kinds.optional(kinds.up_to_ten),
    help="Layers of an image at a time, 1 to 10",
    group=Group.TUNING,
    unset="oc-mirror's own default",
    unit="layers",
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW, MIRROR),
    to_mirror=True,
    oc_mirror="--parallel-layers={}",
    setting=True,
)
IMAGE_TIMEOUT = Parameter(
    name="image-timeout",
    kind=kinds.optional(kinds.duration),
    help="For one image with all its retries, such as 90m",
    group=Group.TUNING,
    unset="oc-mirror's own default, 10m",
    unit="s, m or h",
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW, MIRROR),
    to_mirror=True,
    oc_mirror="--image-timeout={}s",
    setting=True,
)
RETRY_TIMES = Parameter(
    name="retry-times",
    kind=kinds.optional(kinds.number),
    help="Retries of one transfer",
    group=Group.TUNING,
    unset="oc-mirror's own default",
    unit="retries",
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW, MIRROR),
    to_mirror=True,
    oc_mirror="--retry-times={}",
    setting=True,
)
RUN_RETRIES = Parameter(
    name="run-retries",
    kind=kinds.number,
    help="How often a run that failed for want of a network is made again",
    group=Group.TUNING,
    default="3",
    task_default="",
    empty_is_default=True,
    unset="3",
    unit="runs",
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW, MIRROR),
    to_mirror=True,
    setting=True,
)
SETTINGS = Parameter(
    name="settings",
    kind=kinds.optional(kinds.path),
    help="Folder with a file for each setting, as ConfigMap oc-mirror-settings is mounted; an argument "
    "wins over it",
    group=Group.TUNING,
    commands=(MIRROR,),
    pod_argument="/config-settings",
)

KEEP_GENERATIONS = Parameter(
    name="keep-generations",
    kind=kinds.optional(kinds.positive),
    help="How many of the newest generations of archives to keep, with all that they continue",
    group=Group.UPKEEP,
    unset="all are kept",
    unit="generations",
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW, MIRROR),
    to_mirror=True,
)
ALSO_IMAGESET_CONFIGMAPS = Parameter(
    name="also-imageset-configmaps",
    kind=kinds.object_names,
    help="ConfigMaps, by comma, with further ImageSets whose images are still needed; for deletion and "
    "cleanup",
    group=Group.UPKEEP,
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW),
)
ALSO_IMAGESET = Parameter(
    name="also-imageset",
    kind=kinds.path,
    help="File with a further ImageSet whose images are still needed, for deletion and cleanup; may be "
    "repeated",
    group=Group.UPKEEP,
    repeatable=True,
    commands=(MIRROR,),
)
OLDER_THAN = Parameter(
    name="older-than",
    kind=kinds.optional(kinds.days),
    help="workflow-delete-generate plans only what was not needed for so long, such as 90d",
    group=Group.UPKEEP,
    unset="all is planned",
    unit="d or w",
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW, MIRROR),
    to_mirror=True,
)
APPROVED_PLAN_SHA256 = Parameter(
    name="approved-plan-sha256",
    kind=kinds.optional(kinds.plan_sha256),
    help="Hash of the plan that workflow-delete-execute is to carry out",
    group=Group.UPKEEP,
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW, MIRROR),
    to_mirror=True,
)

AUTHFILE = Parameter(
    name="authfile",
    kind=kinds.optional(kinds.path),
    help="File with the pull secret",
    group=Group.ACCESS,
    commands=(GENERATE, CREATE, PREVIEW, MIRROR),
    task_argument="/var/run/pull-secret/.dockerconfigjson",
    pod_argument="/var/run/pull-secret/.dockerconfigjson",
)
CA_BUNDLE = Parameter(
    name="ca-bundle",
    kind=kinds.optional(kinds.path),
    help="File with extra CA certificates; used where it is there and not empty",
    group=Group.ACCESS,
    commands=(*VALUES_TASKS, PREVIEW, START_RUN, MIRROR),
    task_argument="/var/run/trusted-ca/ca-bundle.crt",
    pod_argument="/var/run/trusted-ca/ca-bundle.crt",
)
SOURCE_TLS_VERIFY = Parameter(
    name="source-tls-verify",
    kind=kinds.boolean,
    help="false accepts any certificate of the source registries",
    group=Group.ACCESS,
    default="true",
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW, MIRROR),
    to_mirror=True,
)
DESTINATION_TLS_VERIFY = Parameter(
    name="destination-tls-verify",
    kind=kinds.boolean,
    help="false accepts any certificate, or plain HTTP, of the target registry",
    group=Group.ACCESS,
    default="true",
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW, MIRROR),
    to_mirror=True,
)

LISTEN_PORT = Parameter(
    name="listen-port",
    kind=kinds.port,
    help="Port of the service: page, metrics, probes",
    group=Group.RUN,
    default="8080",
    commands=(MIRROR,),
)
TOLD_NAMESPACE = Parameter(
    name="namespace",
    kind=kinds.optional(kinds.object_name),
    help="Namespace to tell of runs, by ConfigMaps and Events; outside a pod with the kubeconfig",
    group=Group.RUN,
    unset="in a pod its own, else none",
    commands=(MIRROR,),
)
TERMINATION_LOG = Parameter(
    name="termination-log",
    kind=kinds.path,
    help="Where the last word goes, if the file is there",
    group=Group.RUN,
    default="/dev/termination-log",
    commands=(MIRROR,),
)
