"""How fast, how patient and how talkative a run is, and the folder of the settings."""

from __future__ import annotations

from steps.parameters import places
from steps.parameters import value_kinds as kinds
from steps.parameters.parameter import Group, Parameter

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
