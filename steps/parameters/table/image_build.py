"""Building and recording the image, and starting runs."""

from __future__ import annotations

from steps.parameters import places
from steps.parameters import value_kinds as kinds
from steps.parameters.parameter import Group, Parameter

GIT_URL = Parameter(
    name="git-url",
    kind=kinds.text,
    help="Git repository of the source (https, http, ssh or git@HOST:PATH)",
    group=Group.SOURCE,
    where=places.BUILDING,
    default="https://github.com/auto-shift/oc-mirror-pipeline.git",
)
GIT_REVISION = Parameter(
    name="git-revision",
    kind=kinds.text,
    help="Branch, tag or full commit of the source",
    group=Group.SOURCE,
    where=places.Where(
        pipelines=(places.BUILD,),
        tasks=(places.BUILDAH, places.SIGN, places.UPDATE),
        commands=(places.SIGN, places.UPDATE),
    ),
    default="main",
    needed_in=(places.SIGN, places.UPDATE),
)
GIT_SECRET = Parameter(
    name="git-secret",
    kind=kinds.object_name,
    help="Secret with username and password (basic-auth) or ssh-privatekey and known_hosts (ssh-auth) "
    "of the source; used where it exists",
    group=Group.SOURCE,
    where=places.BUILDING,
    default="source-git-auth",
)
CONTEXT = Parameter(
    name="context",
    kind=kinds.text,
    help="Folder of the repository that is built",
    group=Group.SOURCE,
    where=places.BUILT,
    default=".",
)
CONTAINERFILE = Parameter(
    name="containerfile",
    kind=kinds.text,
    help="Containerfile, relative to the context",
    group=Group.SOURCE,
    where=places.BUILT,
    default="Containerfile",
)
BUILD_ARGS = Parameter(
    name="build-args",
    kind=kinds.text,
    help="Build arguments, each NAME=VALUE",
    group=Group.SOURCE,
    where=places.BUILDING,
    array=True,
)
IMAGE_URL = Parameter(
    name="image-url",
    kind=kinds.text,
    help="Where to push: HOST[:PORT]/PATH[:TAG]; a tag of the commit is pushed as well",
    group=Group.IMAGE,
    where=places.BUILDING,
    default="quay.io/autoshift/oc-mirror-autoshift:latest",
)
IMAGE_NAME = Parameter(
    name="image-name",
    kind=kinds.text,
    help="Name of the image",
    group=Group.IMAGE,
    where=places.Where(pipelines=(places.BUILD,), tasks=(places.UPDATE,), commands=(places.UPDATE,)),
    default="oc-mirror-autoshift",
)
PUSHED_IMAGE_URL = Parameter(
    name="image-url",
    kind=kinds.text,
    help="Repository and tag that was pushed",
    group=Group.IMAGE,
    where=places.RECORDING,
    default=None,
    wired={places.UPDATE: "$(tasks.buildah-build.results.IMAGE_URL)"},
)
IMAGE_DIGEST = Parameter(
    name="image-digest",
    kind=kinds.text,
    help="Digest that was pushed (sha256:…)",
    group=Group.IMAGE,
    where=places.RECORDING,
    default=None,
    wired={places.UPDATE: "$(tasks.buildah-build.results.IMAGE_DIGEST)"},
)
BUILT_IMAGE = Parameter(
    name="image",
    kind=kinds.image_by_digest,
    help="Image that was built, by digest",
    group=Group.IMAGE,
    where=places.Where(tasks=(places.SIGN,), commands=(places.SIGN, places.LIST_CONTENTS)),
    default=None,
    wired={places.SIGN: "$(tasks.buildah-build.results.image)"},
)
BUILT_GIT_URL = Parameter(
    name="git-url",
    kind=kinds.text,
    help="Git repository of the source that was built",
    group=Group.SOURCE,
    where=places.SIGNING,
    default=None,
    wired={places.SIGN: "$(tasks.buildah-build.results.CHAINS-GIT_URL)"},
)
BUILT_COMMIT = Parameter(
    name="git-commit",
    kind=kinds.commit,
    help="Commit that was built",
    group=Group.SOURCE,
    where=places.SIGNING,
    default=None,
    wired={places.SIGN: "$(tasks.buildah-build.results.commit)"},
)
SIGNING_IMAGE = Parameter(
    name="signing-image",
    kind=kinds.text,
    help="Image whose step signs, and so gets the key: one that you trust, by digest or exact version, not "
    "the one that is built",
    group=Group.IMAGE,
    where=places.Where(pipelines=(places.BUILD,)),
    default="quay.io/autoshift/oc-mirror-autoshift:v0.1.0",
)
IMAGE_SIGNING_SECRET = Parameter(
    name="image-signing-secret",
    kind=kinds.optional(kinds.object_name),
    help="Secret with the key that signs the image: signing.key (PEM, ECDSA P-256 or Ed25519), and "
    "passphrase if it has one; without a name in the build pipeline nothing is signed",
    group=Group.IMAGE,
    where=places.Where(pipelines=(places.BUILD,), tasks=(places.SIGN,), commands=(places.SIGN,)),
    needed_in=(places.SIGN,),
)
BUILDER_ID = Parameter(
    name="builder-id",
    kind=kinds.text,
    help="What the provenance names as the builder: a URL of your own",
    group=Group.IMAGE,
    where=places.Where(pipelines=(places.BUILD,), tasks=(places.SIGN,), commands=(places.SIGN,)),
    default="https://github.com/auto-shift/oc-mirror-pipeline",
)
SIGNING_SECRET_PATH = Parameter(
    name="image-signing-secret-path",
    kind=kinds.path,
    help="Folder of the mounted Secret with the key that signs",
    group=Group.ACCESS,
    where=places.Where(commands=(places.SIGN,)),
    default=None,
    task_argument="/var/run/image-signing-secret",
)
PUSH_AUTHFILE = Parameter(
    name="authfile",
    kind=kinds.optional(kinds.path),
    help="File with the login to push with",
    group=Group.ACCESS,
    where=places.Where(commands=(places.SIGN,)),
    task_argument="/var/run/registry-secret/.dockerconfigjson",
)
READ_SBOM = Parameter(
    name="sbom",
    kind=kinds.path,
    help="File that list-image-contents has written in the image that was built",
    group=Group.IMAGE,
    where=places.Where(commands=(places.SIGN,)),
    default=None,
    task_argument="/sbom/sbom.json",
)
WRITTEN_SBOM = Parameter(
    name="sbom",
    kind=kinds.path,
    help="File to write the list to",
    group=Group.IMAGE,
    where=places.Where(commands=(places.LIST_CONTENTS,)),
    default=None,
)
SIGNING_RUN = Parameter(
    name="run-name",
    kind=kinds.text,
    help="Name of the run, which the provenance names",
    group=Group.RUN,
    where=places.Where(commands=(places.SIGN,)),
    default=None,
    task_argument="$(context.taskRun.name)",
)
GIT_IMAGE = Parameter(
    name="git-image",
    kind=kinds.text,
    help="Image with git and a shell, which fetches the source",
    group=Group.IMAGE,
    where=places.BUILDING,
    default="docker.io/alpine/git:v2.47.2",
)
BUILDAH_IMAGE = Parameter(
    name="buildah-image",
    kind=kinds.text,
    help="Image with buildah and a shell, which builds",
    group=Group.IMAGE,
    where=places.BUILDING,
    default="quay.io/buildah/stable:v1.43.0",
)
REGISTRY_SECRET = Parameter(
    name="registry-secret",
    kind=kinds.object_name,
    help="Secret of type kubernetes.io/dockerconfigjson with the login to push with; used where it exists",
    group=Group.ACCESS,
    where=places.Where(pipelines=(places.BUILD,), tasks=(places.BUILDAH, places.SIGN)),
    default="quay-registry-auth",
)
BASE_PULL_SECRET = Parameter(
    name="pull-secret",
    kind=kinds.object_name,
    help="Secret of type kubernetes.io/dockerconfigjson to pull base images with; used where it exists",
    group=Group.ACCESS,
    where=places.BUILDING,
    default="oc-mirror-pull-secret",
)
REGISTRY_TLS_VERIFY = Parameter(
    name="registry-tls-verify",
    kind=kinds.boolean,
    help="false accepts any certificate, or plain HTTP, of the registries that are pulled from and pushed to",
    group=Group.ACCESS,
    where=places.BUILT,
    default="true",
)
REDEPLOY = Parameter(
    name="redeploy",
    kind=kinds.boolean,
    help="true starts the run deployment of tekton/triggers/20-runs.yaml once a new image is recorded",
    group=Group.RUN,
    where=places.Where(pipelines=(places.BUILD,)),
    default="false",
)
ENABLED = Parameter(
    name="enabled",
    kind=kinds.boolean,
    help="false starts nothing; the build pipeline passes its redeploy here",
    group=Group.RUN,
    where=places.STARTING,
    default="true",
    wired={places.START_RUN: "$(params.redeploy)"},
)
RUN = Parameter(
    name="run",
    kind=kinds.run_name,
    help="Which run: a key of runs-configmap, without .yaml",
    group=Group.RUN,
    where=places.STARTING,
    default="deployment",
    wired={places.START_RUN: "deployment"},
)
COMMIT = Parameter(
    name="commit",
    kind=kinds.optional(kinds.commit),
    help="Commit that was pushed",
    group=Group.RUN,
    where=places.STARTING,
    unset="the newest of the branch",
    wired={places.START_RUN: ""},
)
OCCASION = Parameter(
    name="occasion",
    kind=kinds.occasion,
    help="What else sets this run apart from others of the commit, such as the name of a schedule's Job",
    group=Group.RUN,
    where=places.STARTING,
    wired={places.START_RUN: "$(tasks.buildah-build.results.IMAGE_DIGEST)"},
)
RUNS_CONFIGMAP = Parameter(
    name="runs-configmap",
    kind=kinds.object_name,
    help="ConfigMap with the PipelineRuns that events start",
    group=Group.RUN,
    where=places.STARTING,
    default="oc-mirror-triggered-runs",
    wired={places.START_RUN: "oc-mirror-triggered-runs"},
)
HOLDER = Parameter(
    name="holder",
    kind=kinds.text,
    help="Name of this process, which no other one may have at the same time",
    group=Group.RUN,
    where=places.Where(commands=(places.START_RUN,)),
    default=None,
    task_argument="$(context.taskRun.name)",
)
TURN_TIMEOUT = Parameter(
    name="turn-timeout",
    kind=kinds.span,
    help="How long to wait for the run before",
    group=Group.RUN,
    where=places.STARTING,
    default="1h",
    unit="s, m or h",
    wired={places.START_RUN: "1h"},
)
REPOSITORY_GIT_SECRET = Parameter(
    name="git-secret",
    kind=kinds.object_name,
    help="Secret with username and password (basic-auth) or ssh-privatekey and known_hosts (ssh-auth) "
    "of the repository; used where it exists",
    group=Group.ACCESS,
    where=places.Where(tasks=(places.START_RUN,)),
    default="values-git-auth",
    wired={places.START_RUN: "values-git-auth"},
)
GIT_SECRET_PATH = Parameter(
    name="git-secret-path",
    kind=kinds.optional(kinds.path),
    help="Folder of the mounted Secret with the login to Git",
    group=Group.ACCESS,
    where=places.Where(commands=(places.START_RUN,)),
    task_argument="/var/run/git-secret",
)
