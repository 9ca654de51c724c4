"""Where the values are, and what of them is mirrored."""

from __future__ import annotations

from steps.parameters import places
from steps.parameters import value_kinds as kinds
from steps.parameters.parameter import Group, Parameter

VALUES_GIT_URL = Parameter(
    name="values-git-url",
    kind=kinds.text,
    help="Git repository of the values files (https, http, ssh or git@HOST:PATH)",
    group=Group.VALUES,
    where=places.VALUES,
    default="https://github.com/auto-shift/autoshiftv2.git",
    needed_in=(places.PUBLISH, places.PUBLISHING, places.ASKING),
)
VALUES_GIT_REVISION = Parameter(
    name="values-git-revision",
    kind=kinds.text,
    help="Branch, tag or commit of the values repository; where the default is missing, its default branch",
    group=Group.VALUES,
    where=places.Where(
        pipelines=(places.DEPLOYMENT, places.PUBLISHING, places.ASKING),
        tasks=(*places.VALUES_TASKS, places.PUBLISH, places.READINESS),
        commands=(*places.VALUES_TASKS, places.PUBLISH),
    ),
    default="main",
    wired=dict.fromkeys((*places.IMAGESET_TASKS, places.READINESS), "$(tasks.fetch-values.results.commit)"),
)
PREVIEWED_REVISION = Parameter(
    name="values-git-revision",
    kind=kinds.text,
    help="Branch, tag or commit of the values repository",
    group=Group.VALUES,
    where=places.FROM_FOLDERS,
    unset="main of a repository; a folder is read as it is",
    task_argument="$(params.values-git-revision)",
)
VALUES_GIT_SECRET = Parameter(
    name="values-git-secret",
    kind=kinds.object_name,
    help="Secret with username and password (basic-auth) or ssh-privatekey and known_hosts (ssh-auth); "
    "used where it exists",
    group=Group.VALUES,
    where=places.Where(
        pipelines=(places.DEPLOYMENT, places.ASKING), tasks=(*places.VALUES_TASKS, places.READINESS)
    ),
    default="values-git-auth",
)
VALUES_GIT_SECRET_PATH = Parameter(
    name="values-git-secret-path",
    kind=kinds.optional(kinds.path),
    help="Folder of the mounted Secret: username and password, or ssh-privatekey and known_hosts",
    group=Group.VALUES,
    where=places.VALUES_PATHS,
    task_argument="/var/run/values-git-secret",
)
VALUES_FILE_PATH = Parameter(
    name="values-file-path",
    kind=kinds.text,
    help="Values file in the repository; several, separated by commas, are merged in that order as Helm "
    "does; a folder or glob takes all its values files; where the default is gone, AutoShift's "
    "global.yaml, hub.yaml and managed.yaml in autoshift/values",
    group=Group.VALUES,
    where=places.VALUES,
    default="autoshift/values.hub.yaml",
)
VALUES_ROOT = Parameter(
    name="values-root",
    kind=kinds.optional(kinds.path),
    help="Folder to read instead of a repository",
    group=Group.VALUES,
    where=places.Where(commands=(places.GENERATE,)),
    by_hand=True,
)
WORKSPACE = Parameter(
    name="workspace",
    kind=kinds.optional(kinds.path),
    help="Folder in which the Tasks of a run share files",
    group=Group.VALUES,
    where=places.VALUES_PATHS,
    task_argument="$(workspaces.shared-workspace.path)",
)

IMAGESET_CONFIGMAP = Parameter(
    name="imageset-configmap",
    kind=kinds.optional(kinds.object_name),
    help="ConfigMap in the workload's namespace whose key imageset.yaml is used instead of generating "
    "an ImageSet; values are not needed then",
    group=Group.WHAT,
    where=places.CHOOSING,
    wired={places.ASKING: ""},
)
OPENSHIFT_VERSION = Parameter(
    name="openshift-version",
    kind=kinds.text,
    help="OpenShift version X.Y, X.Y.Z or X.Y.Z-X.Y.Z (range or update path); overrides what the values "
    "name; needed where they name none",
    group=Group.WHAT,
    where=places.NEEDED,
)
CLUSTERS = Parameter(
    name="clusters",
    kind=kinds.names,
    help="Clusters of the values, separated by commas, whose needs are mirrored",
    group=Group.WHAT,
    where=places.IMAGESET,
    unset="with cluster-sets empty too, the whole fleet",
)
CLUSTER_SETS = Parameter(
    name="cluster-sets",
    kind=kinds.names,
    help="Cluster sets of the values, separated by commas, whose needs are mirrored, and those of their "
    "clusters",
    group=Group.WHAT,
    where=places.IMAGESET,
    unset="with clusters empty too, the whole fleet",
)
MIN_VERSION = Parameter(
    name="min-version",
    kind=kinds.text,
    help="X.Y.Z; mirrors OpenShift from this release on, up to max-version or the newest of "
    "openshift-version, or of its minor",
    group=Group.WHAT,
    where=places.IMAGESET,
)
MAX_VERSION = Parameter(
    name="max-version",
    kind=kinds.text,
    help="X.Y.Z; the last OpenShift release to mirror; needs min-version",
    group=Group.WHAT,
    where=places.IMAGESET,
)
OPERATORS_ONLY = Parameter(
    name="operators-only",
    kind=kinds.boolean,
    help="true mirrors operators without OpenShift itself",
    group=Group.WHAT,
    where=places.IMAGESET,
    default="false",
)
OPENSHIFT_ONLY = Parameter(
    name="openshift-only",
    kind=kinds.boolean,
    help="true mirrors OpenShift itself without operators and additional images",
    group=Group.WHAT,
    where=places.IMAGESET,
    default="false",
)
IMAGESET_OVERLAY = Parameter(
    name="imageset-overlay",
    kind=kinds.optional(kinds.text),
    help="YAML file in the values repository with fields of an ImageSet (images, helm, archiveSize "
    "...), merged over the generated one",
    group=Group.WHAT,
    where=places.IMAGESET,
)
CATALOG_CHECK = Parameter(
    name="catalog-check",
    kind=kinds.catalog_mode,
    help="Whether packages and channels are looked up in their catalogs: auto (where the registry can be "
    "read), error (always, else the run fails), warn (what is wrong is only a warning) or off",
    group=Group.WHAT,
    where=places.IMAGESET,
    default="auto",
)
CATALOG_SOURCES = Parameter(
    name="catalog-sources",
    kind=kinds.optional(kinds.catalog_names),
    help="Catalogs by the names of their CatalogSources on the clusters, NAME=CATALOG separated by commas: "
    "redhat-operators or another of OpenShift's, or HOST/PATH:TAG of one of your own, where {minor} is X.Y "
    "and the default tag is v{minor}",
    group=Group.WHAT,
    where=places.NEEDED,
)
IMAGESET_SHA256 = Parameter(
    name="imageset-sha256",
    kind=kinds.optional(kinds.text),
    help="Digest that generate-or-use-imageset reported; no other ImageSet is written or mirrored",
    group=Group.WHAT,
    where=places.Where(tasks=(places.CREATE,), commands=(places.CREATE, places.MIRROR)),
    wired={places.CREATE: "$(tasks.generate-or-use-imageset.results.imageset-sha256)"},
)
PLAN = Parameter(
    name="plan",
    kind=kinds.plan_form,
    help="What is shown of the plan: full, brief (totals, warnings, releases, catalogs), or json on standard "
    "output",
    group=Group.WHAT,
    where=places.Where(commands=(places.GENERATE, places.PREVIEW)),
    default="full",
    by_hand=True,
)
SIZES = Parameter(
    name="sizes",
    kind=kinds.optional(kinds.path),
    help="File sizes.json of a data directory of mirror: the plan then says what its packages weighed",
    group=Group.WHAT,
    where=places.Where(commands=(places.GENERATE, places.PREVIEW)),
    by_hand=True,
    unset="in the pipeline those that the last run reported, elsewhere none",
)
DEPLOYED_IMAGESET = Parameter(
    name="deployed-imageset",
    kind=kinds.optional(kinds.path),
    help="File with the ImageSet that is in use: plan.json then says what the new one changes",
    group=Group.WHAT,
    where=places.Where(commands=(places.GENERATE, places.PREVIEW)),
    by_hand=True,
    unset="changes are not known",
)
OUTPUT_IMAGESET = Parameter(
    name="output-imageset",
    kind=kinds.optional(kinds.path),
    help="File to write the ImageSet to, with plan.txt and plan.json beside it",
    group=Group.WHAT,
    where=places.Where(commands=(places.GENERATE,)),
    by_hand=True,
)
PREVIEWED_IMAGESET = Parameter(
    name="imageset",
    kind=kinds.optional(kinds.path),
    help="File with an ImageSet of your own, instead of generating one",
    group=Group.WHAT,
    where=places.PREVIEWING,
)
OUTPUT = Parameter(
    name="output",
    kind=kinds.path,
    help="Folder to write ImageSet, plan and manifests to",
    group=Group.RUN,
    where=places.PREVIEWING,
    default=None,
)
NAMESPACE = Parameter(
    name="namespace",
    kind=kinds.object_name,
    help="Namespace of the workload and its ConfigMaps",
    group=Group.WORKLOAD,
    where=places.Where(
        pipelines=(places.DEPLOYMENT, places.PUBLISHING, places.ASKING),
        tasks=(*places.IMAGESET_TASKS, places.DEPLOY, places.PUBLISH, places.READINESS),
        commands=(
            *places.IMAGESET_TASKS,
            places.DEPLOY,
            places.PREVIEW,
            places.APPLY,
            places.PUBLISH,
            places.READINESS,
        ),
    ),
    default="oc-mirror",
)
