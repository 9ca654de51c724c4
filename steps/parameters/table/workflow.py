"""What a run does: its workflow, ImageSet and data directory, and how much of it."""

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
    kind=kinds.optional(kinds.site_name),
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
