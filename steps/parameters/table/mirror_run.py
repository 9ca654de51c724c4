"""How, where to and when to mirror; tuning and upkeep: what `mirror` takes, and the workload for it."""

from __future__ import annotations

from steps.parameters import places
from steps.parameters import value_kinds as kinds
from steps.parameters.parameter import Group, Parameter

WORKFLOW = Parameter(
    name="workflow",
    kind=kinds.workflow,
    help="workflow-to-disk, workflow-from-disk, workflow-direct; or workflow-delete-generate, "
    "workflow-delete-execute, workflow-cleanup, workflow-verify, as a Job only; or workflow-verify-target",
    group=Group.HOW,
    where=places.MIRRORING,
    default="workflow-to-disk",
    needed_in=(places.MIRROR,),
    not_beside=("export", "import", "changes", "acknowledge", "forget-target", "verify", "verify-target"),
)
IMAGESET = Parameter(
    name="imageset",
    kind=kinds.optional(kinds.path),
    help="File with the ImageSet, or FILE.gz beside it where FILE is not there; from-disk needs none",
    group=Group.HOW,
    where=places.MIRROR_ALONE,
    pod_argument="/config/imageset.yaml",
)
MIRROR_NAME = Parameter(
    name="mirror-name",
    kind=kinds.optional(kinds.object_name),
    help="Name of what the ImageSet mirrors; several ImageSets of one data directory need a name each",
    group=Group.HOW,
    where=places.MIRRORING,
    unset="the name of imageset-configmap, else generated; `mirror` alone takes that of the ImageSet's file",
)
DATA = Parameter(
    name="data",
    kind=kinds.folder,
    help="Data directory with archives, history and cache; it must persist",
    group=Group.HOW,
    where=places.MIRROR_ALONE,
    default=None,
    pod_argument="/data",
    not_beside=("verify",),
)
SITE = Parameter(
    name="site",
    kind=kinds.optional(kinds.object_name),
    help="Name of a disconnected site: its data directory is sites/NAME in the data directory, whose cache "
    "all sites share",
    group=Group.HOW,
    where=places.MIRRORING,
)
CACHE_DIR = Parameter(
    name="cache-dir",
    kind=kinds.optional(kinds.folder),
    help="Folder for oc-mirror's cache, to keep it on another volume than the data directory",
    group=Group.HOW,
    where=places.MIRROR_ALONE,
    unset="cache in the data directory",
    setting=True,
)
INCREMENTAL_MODE = Parameter(
    name="incremental-mode",
    kind=kinds.boolean,
    help="true archives what is new since the last archive, false everything",
    group=Group.HOW,
    where=places.MIRRORING,
    default="true",
)
SINCE_DATE = Parameter(
    name="since-date",
    kind=kinds.optional(kinds.past_day),
    help="YYYY-MM-DD; archives everything new since the last archive made before that day",
    group=Group.HOW,
    where=places.MIRRORING,
)
DRY_RUN = Parameter(
    name="dry-run",
    kind=kinds.boolean,
    help="true only reports what would be mirrored",
    group=Group.HOW,
    where=places.MIRRORING,
    default="false",
)
CHECK = Parameter(
    name="check",
    kind=kinds.boolean,
    help="true only checks that a run could start",
    group=Group.HOW,
    where=places.MIRROR_ALONE,
    default="false",
)
SKIP_UNCHANGED = Parameter(
    name="skip-unchanged",
    kind=kinds.optional_boolean,
    help="true ends a run at once where nothing changed since the last success",
    group=Group.HOW,
    where=places.MIRRORING,
    unset="true for cronjob and deployment, false for job",
    setting=True,
)
ALWAYS_ARCHIVE = Parameter(
    name="always-archive",
    kind=kinds.boolean,
    help="true makes an archive although nothing is new since the last one",
    group=Group.HOW,
    where=places.MIRROR_ALONE,
    default="false",
    setting=True,
)
SIGNATURES = Parameter(
    name="signatures",
    kind=kinds.optional(kinds.signatures),
    help="Which image signatures are copied: auto (of sources that have them and let them be read), all (a "
    "source without signatures is an error) or none",
    group=Group.HOW,
    where=places.MIRRORING,
    unset="auto",
    setting=True,
)
REMOVE_SIGNATURES = Parameter(
    name="remove-signatures",
    kind=kinds.optional_boolean,
    help="Former name of signatures: true is none, false is all",
    group=Group.HOW,
    where=places.MIRROR_ALONE,
    unset="as signatures says",
    setting=True,
)
VERIFY_SIGNATURES = Parameter(
    name="verify-signatures",
    kind=kinds.optional(kinds.verify_signatures),
    help="What follows where clusters would not accept an update to a release in the mirror: warn, strict "
    "(the run fails and publishes nothing), only (nothing is mirrored, and it fails), none (nobody looks)",
    group=Group.HOW,
    where=places.MIRRORING,
    unset="warn",
    setting=True,
)
RELEASE_KEYS = Parameter(
    name="release-keys",
    kind=kinds.optional(kinds.path),
    help="Folder with the public keys by which clusters verify releases: NAME.pub for sigstore, NAME.asc "
    "for GPG",
    group=Group.ACCESS,
    where=places.VERIFYING,
    task_argument="/var/run/release-keys",
    unset="nobody verifies, and no release counts as accepted",
)
STRICT_ARCHIVE = Parameter(
    name="strict-archive",
    kind=kinds.optional_boolean,
    help="true fails where one file exceeds the ImageSet's archiveSize; else it gets an archive of its own",
    group=Group.HOW,
    where=places.MIRROR_ALONE,
    unset="false",
    oc_mirror="--strict-archive={}",
    setting=True,
)
REGISTRIES_CONFIG = Parameter(
    name="registries-config",
    kind=kinds.optional(kinds.path),
    help="Folder with a configuration of registries of your own: registries.conf, policy.json, and *.yaml "
    "for registries.d",
    group=Group.ACCESS,
    where=places.MIRROR_ALONE,
)
ENVIRONMENT = Parameter(
    name="environment",
    kind=kinds.optional(kinds.path),
    help="Folder with a file for each variable that oc-mirror gets, such as UPDATE_URL_OVERRIDE",
    group=Group.ACCESS,
    where=places.MIRROR_ALONE,
)
OC_MIRROR = Parameter(
    name="oc-mirror",
    kind=kinds.text,
    help="The program oc-mirror",
    group=Group.HOW,
    where=places.MIRROR_ALONE,
    default="oc-mirror",
)

TARGET_REGISTRY = Parameter(
    name="target-registry",
    kind=kinds.optional(kinds.registry),
    help="HOST[:PORT][/PATH] to mirror to; needed by the workflows that push or delete",
    group=Group.WHERE,
    where=places.TARGETED,
    needed_in=(places.APPLY, places.PUBLISHING),
)
RESOURCE_PREFIX = Parameter(
    name="resource-prefix",
    kind=kinds.optional(kinds.resource_prefix),
    help="Put before the names of all cluster resources (IDMS, CatalogSource and the like), for a "
    "cluster with several mirrors",
    group=Group.WHERE,
    where=places.MIRRORING,
    setting=True,
)
APPLY_CLUSTER_RESOURCES = Parameter(
    name="apply-cluster-resources",
    kind=kinds.optional_boolean,
    help="true applies them to this cluster after workflow-from-disk or workflow-direct, by a pod of its "
    "own; needs examples/apply-cluster-resources.yaml",
    group=Group.WHERE,
    where=places.MIRRORING,
    unset="they are not applied",
    setting=True,
)

MAX_NESTED_PATHS = Parameter(
    name="max-nested-paths",
    kind=kinds.optional(kinds.path_components),
    help="How many path components the target allows, those of target-registry included; further ones are "
    "joined with -",
    group=Group.WHERE,
    where=places.MIRRORING,
    unset="any number",
    unit="components",
    oc_mirror="--max-nested-paths={}",
    setting=True,
)

DEPLOY_MODE = Parameter(
    name="deploy-mode",
    kind=kinds.deploy_mode,
    help="job (once), cronjob (on a schedule) or deployment (a service that mirrors on a schedule)",
    group=Group.WHEN,
    where=places.WORKLOAD,
    default="job",
)
SCHEDULE = Parameter(
    name="schedule",
    kind=kinds.optional(kinds.schedule),
    help="Cron expression, for cronjob and deployment; with it `mirror` stays and mirrors then",
    group=Group.WHEN,
    where=places.SCHEDULING,
    task_default="0 2 * * 0",
)
TIME_ZONE = Parameter(
    name="time-zone",
    kind=kinds.time_zone,
    help="Time zone of the schedule, a name of the IANA database such as Europe/Berlin",
    group=Group.WHEN,
    where=places.SCHEDULING,
    default="UTC",
    empty_is_default=True,
)
ONCE = Parameter(
    name="once",
    kind=kinds.boolean,
    help="true mirrors now and ends, as one run of a schedule that another keeps, such as a CronJob",
    group=Group.WHEN,
    where=places.MIRROR_ALONE,
    default="false",
)

PARALLEL_IMAGES = Parameter(
    name="parallel-images",
    kind=kinds.optional(kinds.up_to_ten),
    help="Images at a time, 1 to 10",
    group=Group.TUNING,
    where=places.MIRRORING,
    unset="oc-mirror's own default",
    unit="images",
    oc_mirror="--parallel-images={}",
    setting=True,
)
PARALLEL_LAYERS = Parameter(
    name="parallel-layers",
    kind=kinds.optional(kinds.up_to_ten),
    help="Layers of an image at a time, 1 to 10",
    group=Group.TUNING,
    where=places.MIRRORING,
    unset="oc-mirror's own default",
    unit="layers",
    oc_mirror="--parallel-layers={}",
    setting=True,
)
IMAGE_TIMEOUT = Parameter(
    name="image-timeout",
    kind=kinds.optional(kinds.span),
    help="For one image with all its retries, such as 90m",
    group=Group.TUNING,
    where=places.MIRRORING,
    unset="oc-mirror's own default, 10m",
    unit="s, m or h",
    oc_mirror="--image-timeout={}s",
    setting=True,
)
RETRY_TIMES = Parameter(
    name="retry-times",
    kind=kinds.optional(kinds.number),
    help="Retries of one transfer",
    group=Group.TUNING,
    where=places.MIRRORING,
    unset="oc-mirror's own default",
    unit="retries",
    oc_mirror="--retry-times={}",
    setting=True,
)
RETRY_DELAY = Parameter(
    name="retry-delay",
    kind=kinds.optional(kinds.duration),
    help="Delay between two retries of one transfer, such as 30s",
    group=Group.TUNING,
    where=places.MIRROR_ALONE,
    unset="oc-mirror's own: 1, 2, 4, 8, 16 s",
    unit="s, m or h",
    oc_mirror="--retry-delay={}s",
    setting=True,
)
LOG_LEVEL = Parameter(
    name="log-level",
    kind=kinds.optional(kinds.log_level),
    help="How much oc-mirror says: info, debug or trace",
    group=Group.TUNING,
    where=places.MIRROR_ALONE,
    unset="info",
    oc_mirror="--log-level={}",
    setting=True,
)
RUN_RETRIES = Parameter(
    name="run-retries",
    kind=kinds.number,
    help="How often a run is repeated that failed because of the network",
    group=Group.TUNING,
    where=places.MIRRORING,
    default="3",
    task_default="",
    empty_is_default=True,
    unset="3",
    unit="runs",
    setting=True,
)
RUN_DEADLINE = Parameter(
    name="run-deadline",
    kind=kinds.optional(kinds.deadline),
    help="How long a run may take, such as 24h; then oc-mirror is ended and the run fails",
    group=Group.TUNING,
    where=places.MIRRORING,
    unset="72h for a first run, then four times the longest run so far, between 12h and 72h",
    unit="s, m or h",
)
SETTINGS = Parameter(
    name="settings",
    kind=kinds.optional(kinds.path),
    help="Folder with a file for each setting, as ConfigMap oc-mirror-settings is mounted; an argument "
    "has precedence",
    group=Group.TUNING,
    where=places.MIRROR_ALONE,
    pod_argument="/config-settings",
)

EXPORT = Parameter(
    name="export",
    kind=kinds.optional(kinds.folder),
    help="Only put the generations that the other side lacks into this folder, such as that of a USB stick",
    group=Group.CARRYING,
    where=places.MIRROR_ALONE,
)
VOLUME_SIZE = Parameter(
    name="volume-size",
    kind=kinds.optional(kinds.size),
    help="Divide the export into volumes of this size, folders volume-001, volume-002 …, such as 25G",
    group=Group.CARRYING,
    where=places.MIRROR_ALONE,
    unset="one volume of any size",
    unit="k, M, G, Ki, Mi, Gi",
)
VOLUME = Parameter(
    name="volume",
    kind=kinds.optional(kinds.positive),
    help="Write this volume of the export only, for one medium after the other",
    group=Group.CARRYING,
    where=places.MIRROR_ALONE,
    unset="all volumes",
)
IMPORT = Parameter(
    name="import",
    kind=kinds.path,
    help="Only take in the generations from this folder, written by --export or copied; may be repeated",
    group=Group.CARRYING,
    where=places.MIRROR_ALONE,
    repeatable=True,
)
ACKNOWLEDGE = Parameter(
    name="acknowledge",
    kind=kinds.optional(kinds.path),
    help="Only read this receipt of the other side, or - for standard input: what it confirms, retention may "
    "remove",
    group=Group.CARRYING,
    where=places.MIRROR_ALONE,
)
RECEIPTS = Parameter(
    name="receipts",
    kind=kinds.optional(kinds.path),
    help="Folder with receipts that were brought back, all of which workflow-to-disk and workflow-cleanup "
    "acknowledge before they remove a generation",
    group=Group.CARRYING,
    where=places.MIRROR_ALONE,
    unset="retention goes by what --acknowledge has read",
)
FORGET_TARGET = Parameter(
    name="forget-target",
    kind=kinds.optional(kinds.text),
    help="Only forget the receipts of this target registry, which exists no more: retention waits for it no "
    "longer",
    group=Group.CARRYING,
    where=places.MIRROR_ALONE,
)

CHANGES = Parameter(
    name="changes",
    kind=kinds.optional_compared,
    help="Only print what a generation brings against another, as A..B, or B alone against the one before; "
    "without a value the newest",
    group=Group.CHANGES,
    where=places.MIRROR_ALONE,
)
MARKDOWN = Parameter(
    name="markdown",
    kind=kinds.boolean,
    help="true prints what --changes tells as Markdown, for a change board",
    group=Group.CHANGES,
    where=places.MIRROR_ALONE,
    default="false",
)
JSON = Parameter(
    name="json",
    kind=kinds.boolean,
    help="true prints what --changes tells or --verify has found as JSON",
    group=Group.CHANGES,
    where=places.MIRROR_ALONE,
    default="false",
)
VERIFY = Parameter(
    name="verify",
    kind=kinds.path,
    help="Only check chain, hashes and signatures of the generations in this folder, such as that of a USB "
    "stick, and write nothing; may be repeated",
    group=Group.CARRYING,
    where=places.MIRROR_ALONE,
    repeatable=True,
)
SIGNING_KEY = Parameter(
    name="signing-key",
    kind=kinds.optional(kinds.path),
    help="Folder with the private key that signs new generations: signing.key (PEM, ECDSA P-256 or Ed25519), "
    "and passphrase where it has one",
    group=Group.CARRYING,
    where=places.MIRROR_ALONE,
    unset="generations are not signed",
)
TRUSTED_KEYS = Parameter(
    name="trusted-keys",
    kind=kinds.optional(kinds.path),
    help="Folder with the public keys of those whose generations are imported: NAME.pub (PEM), and "
    "NAME.until with the time at which it ends",
    group=Group.CARRYING,
    where=places.MIRROR_ALONE,
    unset="nobody vouches for generations",
)
REQUIRE_SIGNATURE = Parameter(
    name="require-signature",
    kind=kinds.optional_boolean,
    help="true refuses generations that no trusted key has signed, false takes unsigned ones",
    group=Group.CARRYING,
    where=places.MIRRORING,
    unset="true with trusted-keys, and where the target has imported signed ones",
    setting=True,
)
RUNNING_IMAGE = Parameter(
    name="running-image",
    kind=kinds.optional(kinds.text),
    help="Image that mirror runs in, which the signed statement about a generation names",
    group=Group.RUN,
    where=places.MIRROR_ALONE,
)

HOLD = Parameter(
    name="hold",
    kind=kinds.optional_boolean,
    help="true stops workflow-to-disk and workflow-from-disk before they publish, until the list of what "
    "changes is approved",
    group=Group.CHANGES,
    where=places.MIRRORING,
    unset="nothing is held",
    setting=True,
)
APPROVED_CHANGES_SHA256 = Parameter(
    name="approved-changes-sha256",
    kind=kinds.optional(kinds.changes_sha256),
    help="Hash of the list of changes that a held run may publish",
    group=Group.CHANGES,
    where=places.MIRRORING,
    setting=True,
)
REPLACE_HELD = Parameter(
    name="replace-held",
    kind=kinds.boolean,
    help="true lets a run of workflow-to-disk replace the generation that is held, by one that it makes anew",
    group=Group.CHANGES,
    where=places.MIRROR_ALONE,
    default="false",
    setting=True,
)

VERIFY_TARGET = Parameter(
    name="verify-target",
    kind=kinds.boolean,
    help="Only ask whether the target still has what earlier runs had verified there: the same as "
    "workflow-verify-target",
    group=Group.UPKEEP,
    where=places.MIRROR_ALONE,
    default="false",
)
VERIFY_LAYERS = Parameter(
    name="verify-layers",
    kind=kinds.optional(kinds.verify_layers),
    help="Of which images workflow-verify-target asks for the layers too: sample (64, others each time), all "
    "or none",
    group=Group.UPKEEP,
    where=places.MIRRORING,
    unset="sample",
    setting=True,
)
REPAIR = Parameter(
    name="repair",
    kind=kinds.optional_boolean,
    help="true mirrors again what workflow-verify-target finds missing, and nothing else",
    group=Group.UPKEEP,
    where=places.MIRRORING,
    unset="nothing is mirrored",
)
VERIFY_SCHEDULE = Parameter(
    name="verify-schedule",
    kind=kinds.optional(kinds.schedule),
    help="Cron expression: when the service verifies its target besides mirroring, by time-zone",
    group=Group.WHEN,
    where=places.MIRRORING,
    unset="never",
    setting=True,
)
KEEP_GENERATIONS = Parameter(
    name="keep-generations",
    kind=kinds.optional(kinds.positive),
    help="How many of the newest generations of archives to keep, and with them all that they continue",
    group=Group.UPKEEP,
    where=places.MIRRORING,
    unset="all are kept",
    unit="generations",
)
ALSO_IMAGESET_CONFIGMAPS = Parameter(
    name="also-imageset-configmaps",
    kind=kinds.object_names,
    help="ConfigMaps, separated by commas, with further ImageSets whose images are still needed; for "
    "deletion and cleanup",
    group=Group.UPKEEP,
    where=places.WORKLOAD,
)
ALSO_IMAGESET = Parameter(
    name="also-imageset",
    kind=kinds.path,
    help="File with a further ImageSet whose images are still needed, for deletion and cleanup; may be "
    "repeated",
    group=Group.UPKEEP,
    where=places.MIRROR_ALONE,
    repeatable=True,
)
OLDER_THAN = Parameter(
    name="older-than",
    kind=kinds.optional(kinds.days),
    help="workflow-delete-generate plans only images that no ImageSet has needed for this long, such as 90d",
    group=Group.UPKEEP,
    where=places.MIRRORING,
    unset="all is planned",
    unit="d or w",
)
DELETE_V1_IMAGES = Parameter(
    name="delete-v1-images",
    kind=kinds.boolean,
    help="true lets workflow-delete-generate plan the tags as well that oc-mirror v1 gave to the same images",
    group=Group.UPKEEP,
    where=places.MIRROR_ALONE,
    default="false",
    setting=True,
)
APPROVED_PLAN_SHA256 = Parameter(
    name="approved-plan-sha256",
    kind=kinds.optional(kinds.plan_sha256),
    help="Hash of the plan that workflow-delete-execute is to carry out",
    group=Group.UPKEEP,
    where=places.MIRRORING,
)

AUTHFILE = Parameter(
    name="authfile",
    kind=kinds.optional(kinds.path),
    help="File with the pull secret",
    group=Group.ACCESS,
    where=places.Where(
        commands=(
            places.CURRENT_IMAGE,
            places.GENERATE,
            places.CREATE,
            places.DEPLOY,
            places.PREVIEW,
            places.MIRROR,
            places.READINESS,
        )
    ),
    task_argument="/var/run/pull-secret/.dockerconfigjson",
    pod_argument="/var/run/pull-secret/.dockerconfigjson",
)
CA_BUNDLE = Parameter(
    name="ca-bundle",
    kind=kinds.optional(kinds.path),
    help="File with extra CA certificates; used where it is there and not empty",
    group=Group.ACCESS,
    where=places.Where(
        commands=(
            *places.VALUES_TASKS,
            places.CURRENT_IMAGE,
            places.DEPLOY,
            places.PREVIEW,
            places.SIGN,
            places.START_RUN,
            places.PUBLISH,
            places.MIRROR,
            places.READINESS,
        )
    ),
    task_argument="/var/run/trusted-ca/ca-bundle.crt",
    pod_argument="/var/run/trusted-ca/ca-bundle.crt",
)
SOURCE_TLS_VERIFY = Parameter(
    name="source-tls-verify",
    kind=kinds.boolean,
    help="false accepts any certificate of the source registries",
    group=Group.ACCESS,
    where=places.MIRRORING,
    default="true",
)
DESTINATION_TLS_VERIFY = Parameter(
    name="destination-tls-verify",
    kind=kinds.boolean,
    help="false accepts any certificate, or plain HTTP, of the target registry",
    group=Group.ACCESS,
    where=places.ASKING_TARGETS,
    default="true",
)

CLUSTER_NAME = Parameter(
    name="cluster-name",
    kind=kinds.optional(kinds.text),
    help="Name of the cluster that the service runs in, for its page and /status.json",
    group=Group.RUN,
    where=places.MIRROR_ALONE,
    unset="they name no cluster",
    setting=True,
)
FLEET = Parameter(
    name="fleet",
    kind=kinds.optional(kinds.path),
    help="Folder with fleet.json, as ConfigMap oc-mirror-fleet of fleet-readiness is mounted, for the page "
    "and the metrics of the service",
    group=Group.RUN,
    where=places.MIRROR_ALONE,
    unset="they say nothing of clusters",
    pod_argument="/config-fleet",
)
LISTEN_PORT = Parameter(
    name="listen-port",
    kind=kinds.port,
    help="Port of the service: page, metrics, probes",
    group=Group.RUN,
    where=places.MIRROR_ALONE,
    default="8080",
)
TOLD_NAMESPACE = Parameter(
    name="namespace",
    kind=kinds.optional(kinds.object_name),
    help="Namespace in which ConfigMaps and Events report runs; outside a pod by the kubeconfig",
    group=Group.RUN,
    where=places.MIRROR_ALONE,
    unset="in a pod its own, else none",
)
LEASE = Parameter(
    name="lease",
    kind=kinds.optional(kinds.object_name),
    help="Lease of that namespace that a run holds as a second lock on the data directory",
    group=Group.RUN,
    where=places.MIRROR_ALONE,
    unset="none; the pods have one for each claim",
)
TERMINATION_LOG = Parameter(
    name="termination-log",
    kind=kinds.path,
    help="File that the run's record is written to, as the pod's termination message, if it exists",
    group=Group.RUN,
    where=places.MIRROR_ALONE,
    default="/dev/termination-log",
)
