"""The workload's objects in the cluster."""

from __future__ import annotations

from steps.parameters import kinds
from steps.parameters.parameter import Group, Parameter
from steps.parameters.places import (
    BUILD,
    BUILDAH,
    CREATE,
    CURRENT_IMAGE,
    DEPLOY,
    DEPLOYMENT,
    FETCH,
    GENERATE,
    PREVIEW,
    SMOKE,
    START_RUN,
    UPDATE,
    VALUES_TASKS,
)

STORAGE_SIZE = Parameter(
    name="storage-size",
    kind=kinds.quantity,
    help="Size of the workload's volume where it is created",
    group=Group.WORKLOAD,
    default="500Gi",
    unit="bytes, or Mi, Gi, Ti",
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW),
)
STORAGE_CLASS = Parameter(
    name="storage-class",
    kind=kinds.optional(kinds.object_name),
    help="StorageClass of that volume",
    group=Group.WORKLOAD,
    unset="the cluster's default",
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW),
)
CLAIM_NAME = Parameter(
    name="claim-name",
    kind=kinds.bound_claim,
    help="Claim of that volume",
    group=Group.WORKLOAD,
    unset="oc-mirror-workspace",
    commands=(DEPLOY, PREVIEW),
    task_argument="$(workspaces.mirror-data.claim)",
)
MEMORY = Parameter(
    name="memory",
    kind=kinds.quantity,
    help="Memory of the workload's container; large catalogs need more",
    group=Group.WORKLOAD,
    default="4Gi",
    unit="bytes, or Mi, Gi",
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW),
)
FS_GROUP = Parameter(
    name="fs-group",
    kind=kinds.fs_group,
    help="Group of the workload's volume: auto (left to OpenShift, 1001 elsewhere), none, or a number",
    group=Group.WORKLOAD,
    default="auto",
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW),
)
START_TIMEOUT = Parameter(
    name="start-timeout",
    kind=kinds.duration,
    help="How long to watch the first pod for what keeps it from starting",
    group=Group.WORKLOAD,
    default="60s",
    unit="s, m or h",
    pipelines=(DEPLOYMENT,),
    tasks=(DEPLOY,),
    commands=(DEPLOY,),
)
PULL_SECRET = Parameter(
    name="pull-secret",
    kind=kinds.object_name,
    help="Secret of type kubernetes.io/dockerconfigjson in the workload's namespace; one of that name "
    "in the pipelines' own lets them read catalogs",
    group=Group.ACCESS,
    default="oc-mirror-pull-secret",
    pipelines=(DEPLOYMENT,),
    tasks=(GENERATE, CREATE, DEPLOY),
    commands=(DEPLOY, PREVIEW),
)
TRUSTED_CA_CONFIGMAP = Parameter(
    name="trusted-ca-configmap",
    kind=kinds.object_name,
    help="ConfigMap whose key ca-bundle.crt holds extra CAs; used where it exists",
    group=Group.ACCESS,
    default="trusted-ca",
    pipelines=(DEPLOYMENT, BUILD),
    tasks=(*VALUES_TASKS, DEPLOY, BUILDAH, START_RUN),
    commands=(DEPLOY, PREVIEW),
)
CONFIG_SHA256 = Parameter(
    name="config-sha256",
    kind=kinds.optional(kinds.text),
    help="Digest that create-deployment-configmaps reported; a change rolls the Deployment",
    group=Group.RUN,
    tasks=(DEPLOY,),
    commands=(DEPLOY, PREVIEW),
    wired={DEPLOY: "$(tasks.create-deployment-configmaps.results.config-sha256)"},
)
RUN_NAME = Parameter(
    name="run-name",
    kind=kinds.text,
    help="Name of the run, which its Job carries",
    group=Group.RUN,
    default=None,
    commands=(DEPLOY,),
    task_argument="$(context.taskRun.name)",
)
PREVIEWED_RUN_NAME = Parameter(
    name="run-name",
    kind=kinds.text,
    help="Name of the run, which its Job carries",
    group=Group.RUN,
    default="preview",
    commands=(PREVIEW,),
)
IMAGE = Parameter(
    name="image",
    kind=kinds.image_by_digest,
    help="Image of the workload, by digest",
    group=Group.IMAGE,
    default=None,
    tasks=(DEPLOY,),
    commands=(DEPLOY,),
    wired={DEPLOY: "$(tasks.get-current-image.results.image)"},
)
PREVIEWED_IMAGE = Parameter(
    name="image",
    kind=kinds.optional(kinds.image_by_digest),
    help="Image of the workload, by digest",
    group=Group.IMAGE,
    unset="as recorded in the cluster",
    commands=(PREVIEW,),
)
IMAGE_CONFIGMAP = Parameter(
    name="image-configmap",
    kind=kinds.object_name,
    help="ConfigMap in which the build pipeline records the image",
    group=Group.IMAGE,
    default="oc-mirror-images",
    pipelines=(DEPLOYMENT, BUILD),
    tasks=(CURRENT_IMAGE, UPDATE),
    commands=(CURRENT_IMAGE, UPDATE),
)
PIPELINE_NAMESPACE = Parameter(
    name="namespace",
    kind=kinds.object_name,
    help="Namespace of the pipelines, in which the run is",
    group=Group.RUN,
    default="oc-mirror-pipeline",
    commands=(CURRENT_IMAGE, UPDATE, START_RUN),
    task_argument="$(context.taskRun.namespace)",
)
TASK_IMAGE = Parameter(
    name="task-image",
    kind=kinds.text,
    help="Image that holds the steps and oc-mirror, by digest or exact version",
    group=Group.IMAGE,
    default="quay.io/autoshift/oc-mirror-autoshift:v0.1.0",
    pipelines=(DEPLOYMENT,),
    tasks=(FETCH, CURRENT_IMAGE, GENERATE, CREATE, DEPLOY, SMOKE, UPDATE, START_RUN),
    wired=dict.fromkeys((SMOKE, UPDATE, START_RUN), "$(tasks.buildah-build.results.image)"),
)
