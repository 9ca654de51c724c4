"""Building and recording the image, and starting runs."""

from __future__ import annotations

from steps.parameters import kinds
from steps.parameters.parameter import Group, Parameter
from steps.parameters.places import BUILD, BUILDAH, START_RUN, UPDATE

GIT_URL = Parameter(
    name="git-url",
    kind=kinds.text,
    help="Git repository of the source (https, http, ssh or git@HOST:PATH)",
    group=Group.SOURCE,
    default="https://github.com/auto-shift/oc-mirror-pipeline.git",
    pipelines=(BUILD,),
    tasks=(BUILDAH,),
)
GIT_REVISION = Parameter(
    name="git-revision",
    kind=kinds.text,
    help="Branch, tag or full commit of the source",
    group=Group.SOURCE,
    default="main",
    pipelines=(BUILD,),
    tasks=(BUILDAH, UPDATE),
    commands=(UPDATE,),
    needed_in=(UPDATE,),
)
GIT_SECRET = Parameter(
    name="git-secret",
    kind=kinds.object_name,
    help="Secret with username and password (basic-auth) or ssh-privatekey and known_hosts (ssh-auth) "
    "of the source; used where it exists",
    group=Group.SOURCE,
    default="source-git-auth",
    pipelines=(BUILD,),
    tasks=(BUILDAH,),
)
CONTEXT = Parameter(
    name="context",
    kind=kinds.text,
    help="Folder of the repository that is built",
    group=Group.SOURCE,
    default=".",
    pipelines=(BUILD,),
    tasks=(BUILDAH,),
)
CONTAINERFILE = Parameter(
    name="containerfile",
    kind=kinds.text,
    help="Containerfile, relative to the context",
    group=Group.SOURCE,
    default="Containerfile",
    pipelines=(BUILD,),
    tasks=(BUILDAH,),
)
BUILD_ARGS = Parameter(
    name="build-args",
    kind=kinds.text,
    help="Build arguments, each NAME=VALUE",
    group=Group.SOURCE,
    array=True,
    pipelines=(BUILD,),
    tasks=(BUILDAH,),
)
IMAGE_URL = Parameter(
    name="image-url",
    kind=kinds.text,
    help="Where to push: HOST[:PORT]/PATH[:TAG]; a tag of the commit is pushed as well",
    group=Group.IMAGE,
    default="quay.io/autoshift/oc-mirror-autoshift:latest",
    pipelines=(BUILD,),
    tasks=(BUILDAH,),
)
IMAGE_NAME = Parameter(
    name="image-name",
    kind=kinds.text,
    help="Name of the image",
    group=Group.IMAGE,
    default="oc-mirror-autoshift",
    pipelines=(BUILD,),
    tasks=(UPDATE,),
    commands=(UPDATE,),
)
PUSHED_IMAGE_URL = Parameter(
    name="image-url",
    kind=kinds.text,
    help="Repository and tag that was pushed",
    group=Group.IMAGE,
    default=None,
    tasks=(UPDATE,),
    commands=(UPDATE,),
    wired={UPDATE: "$(tasks.buildah-build.results.IMAGE_URL)"},
)
IMAGE_DIGEST = Parameter(
    name="image-digest",
    kind=kinds.text,
    help="Digest that was pushed (sha256:…)",
    group=Group.IMAGE,
    default=None,
    tasks=(UPDATE,),
    commands=(UPDATE,),
    wired={UPDATE: "$(tasks.buildah-build.results.IMAGE_DIGEST)"},
)
GIT_IMAGE = Parameter(
    name="git-image",
    kind=kinds.text,
    help="Image with git and a shell, which fetches the source",
    group=Group.IMAGE,
    default="docker.io/alpine/git:v2.47.2",
    pipelines=(BUILD,),
    tasks=(BUILDAH,),
)
BUILDAH_IMAGE = Parameter(
    name="buildah-image",
    kind=kinds.text,
    help="Image with buildah and a shell, which builds",
    group=Group.IMAGE,
    default="quay.io/buildah/stable:v1.43.0",
    pipelines=(BUILD,),
    tasks=(BUILDAH,),
)
REGISTRY_SECRET = Parameter(
    name="registry-secret",
    kind=kinds.object_name,
    help="Secret of type kubernetes.io/dockerconfigjson with the login to push with; used where it exists",
    group=Group.ACCESS,
    default="quay-registry-auth",
    pipelines=(BUILD,),
    tasks=(BUILDAH,),
)
BASE_PULL_SECRET = Parameter(
    name="pull-secret",
    kind=kinds.object_name,
    help="Secret of type kubernetes.io/dockerconfigjson to pull base images with; registry-secret "
    "where it does not exist",
    group=Group.ACCESS,
    default="oc-mirror-pull-secret",
    pipelines=(BUILD,),
    tasks=(BUILDAH,),
)
REGISTRY_TLS_VERIFY = Parameter(
    name="registry-tls-verify",
    kind=kinds.boolean,
    help="false accepts any certificate, or plain HTTP, of the registries that are pulled from and pushed to",
    group=Group.ACCESS,
    default="true",
    pipelines=(BUILD,),
    tasks=(BUILDAH,),
)
REDEPLOY = Parameter(
    name="redeploy",
    kind=kinds.boolean,
    help="true starts the run deployment of tekton/triggers/20-runs.yaml once a new image is recorded",
    group=Group.RUN,
    default="false",
    pipelines=(BUILD,),
)
ENABLED = Parameter(
    name="enabled",
    kind=kinds.boolean,
    help="false starts nothing; the build pipeline passes its redeploy here",
    group=Group.RUN,
    default="true",
    tasks=(START_RUN,),
    commands=(START_RUN,),
    wired={START_RUN: "$(params.redeploy)"},
)
RUN = Parameter(
    name="run",
    kind=kinds.run_name,
    help="Which run: a key of runs-configmap, without .yaml",
    group=Group.RUN,
    default="deployment",
    tasks=(START_RUN,),
    commands=(START_RUN,),
    wired={START_RUN: "deployment"},
)
COMMIT = Parameter(
    name="commit",
    kind=kinds.optional(kinds.commit),
    help="Commit that was pushed",
    group=Group.RUN,
    unset="the newest of the branch",
    tasks=(START_RUN,),
    commands=(START_RUN,),
    wired={START_RUN: ""},
)
OCCASION = Parameter(
    name="occasion",
    kind=kinds.occasion,
    help="What else sets this run apart from others of the commit, such as the name of a schedule's Job",
    group=Group.RUN,
    tasks=(START_RUN,),
    commands=(START_RUN,),
    wired={START_RUN: "$(tasks.buildah-build.results.IMAGE_DIGEST)"},
)
RUNS_CONFIGMAP = Parameter(
    name="runs-configmap",
    kind=kinds.object_name,
    help="ConfigMap with the PipelineRuns that events start",
    group=Group.RUN,
    default="oc-mirror-triggered-runs",
    tasks=(START_RUN,),
    commands=(START_RUN,),
    wired={START_RUN: "oc-mirror-triggered-runs"},
)
HOLDER = Parameter(
    name="holder",
    kind=kinds.text,
    help="Name of this process, unique among its like",
    group=Group.RUN,
    default=None,
    commands=(START_RUN,),
    task_argument="$(context.taskRun.name)",
)
TURN_TIMEOUT = Parameter(
    name="turn-timeout",
    kind=kinds.duration,
    help="How long to wait for the run before",
    group=Group.RUN,
    default="1h",
    unit="s, m or h",
    tasks=(START_RUN,),
    commands=(START_RUN,),
    wired={START_RUN: "1h"},
)
REPOSITORY_GIT_SECRET = Parameter(
    name="git-secret",
    kind=kinds.object_name,
    help="Secret with username and password (basic-auth) or ssh-privatekey and known_hosts (ssh-auth) "
    "of the repository; used where it exists",
    group=Group.ACCESS,
    default="values-git-auth",
    tasks=(START_RUN,),
    wired={START_RUN: "values-git-auth"},
)
GIT_SECRET_PATH = Parameter(
    name="git-secret-path",
    kind=kinds.optional(kinds.path),
    help="Folder of the mounted Secret with the login to Git",
    group=Group.ACCESS,
    commands=(START_RUN,),
    task_argument="/var/run/git-secret",
)
