"""The workload's objects in the cluster."""

from __future__ import annotations

from steps.parameters import places
from steps.parameters import value_kinds as kinds
from steps.parameters.parameter import Group, Parameter
from steps.parameters.table import carrying, generation_signatures, image_signatures, oc_mirror

STORAGE_SIZE = Parameter(
    name="storage-size",
    kind=kinds.volume_size,
    help="Size of the workload's volume where it is created",
    group=Group.WORKLOAD,
    where=places.WORKLOAD,
    default="500Gi",
    unit="Gi, Ti",
)
STORAGE_CLASS = Parameter(
    name="storage-class",
    kind=kinds.optional(kinds.object_name),
    help="StorageClass of that volume",
    group=Group.WORKLOAD,
    where=places.WORKLOAD,
    unset="the cluster's default",
)
CLAIM_NAME = Parameter(
    name="claim-name",
    kind=kinds.bound_claim,
    help="Claim of that volume",
    group=Group.WORKLOAD,
    where=places.Where(commands=(places.DEPLOY, places.PREVIEW)),
    unset="oc-mirror-workspace",
    task_argument="$(workspaces.mirror-data.claim)",
)
MEMORY = Parameter(
    name="memory",
    kind=kinds.memory,
    help="Memory of the workload's container; large catalogs need more",
    group=Group.WORKLOAD,
    where=places.WORKLOAD,
    default="4Gi",
    unit="Mi, Gi",
)
FS_GROUP = Parameter(
    name="fs-group",
    kind=kinds.fs_group,
    help="Group of the workload's volume: auto (left to OpenShift, 1001 elsewhere), none, or a number",
    group=Group.WORKLOAD,
    where=places.WORKLOAD,
    default="auto",
)
START_TIMEOUT = Parameter(
    name="start-timeout",
    kind=kinds.duration,
    help="How long to watch the first pod for what keeps it from starting",
    group=Group.WORKLOAD,
    where=places.Where(pipelines=(places.DEPLOYMENT,), tasks=(places.DEPLOY,), commands=(places.DEPLOY,)),
    default="60s",
    unit="s, m or h",
)
PULL_SECRET = Parameter(
    name="pull-secret",
    kind=kinds.object_name,
    help="Secret of type kubernetes.io/dockerconfigjson in the workload's namespace; one of that name "
    "in the pipelines' own lets them read catalogs, and signatures of our image",
    group=Group.ACCESS,
    where=places.Where(
        pipelines=(places.DEPLOYMENT, places.ASKING),
        tasks=(places.CURRENT_IMAGE, places.GENERATE, places.CREATE, places.DEPLOY, places.READINESS),
        commands=(places.DEPLOY, places.PREVIEW),
    ),
    default="oc-mirror-pull-secret",
)
TRUSTED_CA_CONFIGMAP = Parameter(
    name="trusted-ca-configmap",
    kind=kinds.object_name,
    help="ConfigMap whose key ca-bundle.crt holds extra CAs; used where it exists",
    group=Group.ACCESS,
    where=places.Where(
        pipelines=(places.DEPLOYMENT, places.PUBLISHING, places.ASKING, places.BUILD),
        tasks=(
            *places.VALUES_TASKS,
            places.CURRENT_IMAGE,
            places.DEPLOY,
            places.PUBLISH,
            places.READINESS,
            places.BUILDAH,
            places.SIGN,
            places.START_RUN,
        ),
        commands=(places.DEPLOY, places.PREVIEW),
    ),
    default="trusted-ca",
)
REGISTRIES_CONFIGMAP = Parameter(
    name="registries-config",
    kind=kinds.optional(kinds.object_name),
    help=f"ConfigMap with {oc_mirror.REGISTRIES_FILES}",
    group=Group.ACCESS,
    where=places.WORKLOAD,
)
RELEASE_KEYS_CONFIGMAP = Parameter(
    name="release-keys",
    kind=kinds.optional(kinds.object_name),
    help=f"ConfigMap with {image_signatures.PUBLIC_KEYS}",
    group=Group.ACCESS,
    where=places.WORKLOAD,
    unset=image_signatures.WITHOUT_PUBLIC_KEYS,
)
ENVIRONMENT_CONFIGMAP = Parameter(
    name="environment-configmap",
    kind=kinds.optional(kinds.object_name),
    help=f"ConfigMap with variables {oc_mirror.VARIABLES}",
    group=Group.ACCESS,
    where=places.WORKLOAD,
)
SIGNING_SECRET = Parameter(
    name="signing-key",
    kind=kinds.optional(kinds.object_name),
    help=f"Secret in the workload's namespace with {generation_signatures.PRIVATE_KEY}",
    group=Group.CARRYING,
    where=places.WORKLOAD,
    unset=generation_signatures.WITHOUT_PRIVATE_KEY,
)
TRUSTED_KEYS_CONFIGMAP = Parameter(
    name="trusted-keys",
    kind=kinds.optional(kinds.object_name),
    help=f"ConfigMap with {generation_signatures.PUBLIC_KEYS}",
    group=Group.CARRYING,
    where=places.WORKLOAD,
    unset=generation_signatures.WITHOUT_PUBLIC_KEYS,
)
RECEIPTS_CONFIGMAP = Parameter(
    name="receipts",
    kind=kinds.optional(kinds.object_name),
    help=f"ConfigMap with {carrying.ALL_RECEIPTS}",
    group=Group.CARRYING,
    where=places.WORKLOAD,
    unset="retention goes by those that were read before",
)
LOCAL_FILES_CONFIGMAP = Parameter(
    name="local-files-configmap",
    kind=kinds.optional(kinds.object_name),
    help="ConfigMap whose files the ImageSet names as /local-files/NAME: charts, templates of CatalogSources",
    group=Group.WORKLOAD,
    where=places.WORKLOAD,
)
LOCAL_FILES_CLAIM = Parameter(
    name="local-files-claim",
    kind=kinds.optional(kinds.object_name),
    help="The same from a PersistentVolumeClaim, mounted read-only",
    group=Group.WORKLOAD,
    where=places.WORKLOAD,
)
CONFIG_SHA256 = Parameter(
    name="config-sha256",
    kind=kinds.optional(kinds.text),
    help="Digest that create-deployment-configmaps reported; a change restarts the Deployment's pod",
    group=Group.RUN,
    where=places.Where(tasks=(places.DEPLOY,), commands=(places.DEPLOY, places.PREVIEW)),
    wired={places.DEPLOY: "$(tasks.create-deployment-configmaps.results.config-sha256)"},
)
RUN_NAME = Parameter(
    name="run-name",
    kind=kinds.text,
    help="Name of the run, which its Job carries",
    group=Group.RUN,
    where=places.Where(commands=(places.DEPLOY,)),
    default=None,
    task_argument="$(context.taskRun.name)",
)
PREVIEWED_RUN_NAME = Parameter(
    name="run-name",
    kind=kinds.text,
    help="Name of the run, which its Job carries",
    group=Group.RUN,
    where=places.PREVIEWING,
    default="preview",
)
IMAGE = Parameter(
    name="image",
    kind=kinds.image_by_digest,
    help="Image of the workload, by digest",
    group=Group.IMAGE,
    where=places.Where(tasks=(places.DEPLOY,), commands=(places.DEPLOY,)),
    default=None,
    wired={places.DEPLOY: "$(tasks.get-current-image.results.image)"},
)
PREVIEWED_IMAGE = Parameter(
    name="image",
    kind=kinds.optional(kinds.image_by_digest),
    help="Image of the workload, by digest",
    group=Group.IMAGE,
    where=places.PREVIEWING,
    unset="as recorded in the cluster",
)
IMAGE_CONFIGMAP = Parameter(
    name="image-configmap",
    kind=kinds.object_name,
    help="ConfigMap in which the build pipeline records the image",
    group=Group.IMAGE,
    where=places.Where(
        pipelines=(places.DEPLOYMENT, places.BUILD),
        tasks=(places.CURRENT_IMAGE, places.UPDATE),
        commands=(places.CURRENT_IMAGE, places.UPDATE),
    ),
    default="oc-mirror-images",
)
PIPELINE_NAMESPACE = Parameter(
    name="pipeline-namespace",
    kind=kinds.object_name,
    help="Namespace of the pipelines, in which the run is",
    group=Group.RUN,
    where=places.Where(
        commands=(places.CURRENT_IMAGE, places.DEPLOY, places.SIGN, places.UPDATE, places.START_RUN)
    ),
    default="oc-mirror-pipeline",
    task_argument="$(context.taskRun.namespace)",
)
IMAGE_TRUST = Parameter(
    name="image-trust",
    kind=kinds.object_name,
    help="ConfigMap with the public keys, sources and builders that are trusted for our image; the default "
    "is used where it exists",
    group=Group.IMAGE,
    where=places.Where(
        pipelines=(places.DEPLOYMENT, places.BUILD),
        tasks=(places.CURRENT_IMAGE, places.DEPLOY, places.SIGN),
        commands=(places.CURRENT_IMAGE, places.DEPLOY, places.SIGN),
    ),
    default="oc-mirror-image-trust",
)
TASK_IMAGE = Parameter(
    name="task-image",
    kind=kinds.text,
    help="Image that holds the steps and oc-mirror, by digest or exact version",
    group=Group.IMAGE,
    where=places.Where(
        pipelines=(places.DEPLOYMENT, places.PUBLISHING, places.ASKING),
        tasks=places.STEP_TASKS,
        commands=(places.CURRENT_IMAGE,),
    ),
    default="quay.io/autoshift/oc-mirror-autoshift:v0.1.0",
    wired={
        places.SIGN: "$(params.signing-image)",
        **dict.fromkeys(
            (places.SMOKE, places.UPDATE, places.START_RUN), "$(tasks.buildah-build.results.image)"
        ),
    },
)
