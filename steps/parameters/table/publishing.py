"""Putting what is mirrored back into Git."""

from __future__ import annotations

from steps.parameters import places
from steps.parameters import value_kinds as kinds
from steps.parameters.parameter import Group, Parameter

PUBLISH_TO_GIT = Parameter(
    name="publish-to-git",
    kind=kinds.boolean,
    help="true proposes what is mirrored to the values repository, as a pull or merge request, once the Job "
    "has ended well; needs the Secret of git-write-secret",
    group=Group.GIT,
    where=places.Where(pipelines=(places.DEPLOYMENT,)),
    default="false",
)
ENABLED = Parameter(
    name="enabled",
    kind=kinds.boolean,
    help="false publishes nothing; the deployment pipeline passes its publish-to-git here",
    group=Group.GIT,
    where=places.Where(tasks=(places.PUBLISH,), commands=(places.PUBLISH,)),
    default="true",
    wired={places.DEPLOYMENT: "$(params.publish-to-git)", places.PUBLISHING: '"true"'},
)
PUBLISH_FOR = Parameter(
    name="publish-for",
    kind=kinds.places_of_values,
    help="Clusters and cluster sets whose config.disconnected is written, separated by commas: NAME, "
    "SECTION.NAME, or FILE:SECTION.NAME",
    group=Group.GIT,
    where=places.PROPOSING,
    unset="no values file is changed, and only cluster-resources/ is written",
)
PUBLISH_CA_REF = Parameter(
    name="publish-ca-ref",
    kind=kinds.optional(kinds.ca_reference),
    help="ConfigMap on the hub with the CA of the registry, as caRef: NAME:KEY or NAME:KEY:NAMESPACE",
    group=Group.GIT,
    where=places.PROPOSING,
    unset="ca or caRef of the block stay as they are",
)
PUBLISH_BASE = Parameter(
    name="publish-base",
    kind=kinds.optional(kinds.branch),
    help="Branch that the request is for",
    group=Group.GIT,
    where=places.PROPOSING,
    unset="that of values-git-revision",
)
PUBLISH_BRANCH = Parameter(
    name="publish-branch",
    kind=kinds.optional(kinds.branch),
    help="Branch that is proposed; it belongs to publish-to-git alone",
    group=Group.GIT,
    where=places.PROPOSING,
    unset="oc-mirror/ and the name of the target",
)
PUBLISH_FORGE = Parameter(
    name="publish-forge",
    kind=kinds.forge,
    help="What serves the repository: github, gitlab, gitea (also for Forgejo), none (the branch is pushed, "
    "and no request opened), or auto, which goes by the name of the host",
    group=Group.GIT,
    where=places.PROPOSING,
    default="auto",
)
PUBLISH_AUTHOR = Parameter(
    name="publish-author",
    kind=kinds.author,
    help="Author of the commits: NAME <EMAIL>",
    group=Group.GIT,
    where=places.PROPOSING,
    default="oc-mirror-pipeline <oc-mirror-pipeline@localhost>",
)
PUBLISH_TIMEOUT = Parameter(
    name="publish-timeout",
    kind=kinds.span,
    help="How long to wait for the Job to end; the run's own timeout must be longer",
    group=Group.GIT,
    where=places.Where(pipelines=(places.DEPLOYMENT,), tasks=(places.PUBLISH,), commands=(places.PUBLISH,)),
    default="50m",
    unit="s, m or h",
    wired={places.PUBLISHING: "50m"},
)
GIT_WRITE_SECRET = Parameter(
    name="git-write-secret",
    kind=kinds.object_name,
    help="Secret that may write to the values repository: username and password (basic-auth) or "
    "ssh-privatekey and known_hosts (ssh-auth), and as token the forge's, where it is not the password",
    group=Group.GIT,
    where=places.Where(pipelines=(places.DEPLOYMENT, places.PUBLISHING), tasks=(places.PUBLISH,)),
    default="oc-mirror-git-write",
)
GIT_WRITE_SECRET_PATH = Parameter(
    name="git-write-secret-path",
    kind=kinds.optional(kinds.path),
    help="Folder of the mounted Secret: username and password, or ssh-privatekey and known_hosts; token, "
    "url, api-url",
    group=Group.GIT,
    where=places.Where(commands=(places.PUBLISH,)),
    task_argument="/var/run/git-write-secret",
)
PUBLISHED_DATA = Parameter(
    name="data",
    kind=kinds.optional(kinds.folder),
    help="Data directory of mirror to read, instead of the ConfigMaps of a cluster",
    group=Group.GIT,
    where=places.Where(commands=(places.PUBLISH,)),
    by_hand=True,
)
WORKLOAD_KIND = Parameter(
    name="workload-kind",
    kind=kinds.text,
    help="Kind of the workload; a Job is waited for",
    group=Group.GIT,
    where=places.Where(tasks=(places.PUBLISH,), commands=(places.PUBLISH,)),
    wired={
        places.DEPLOYMENT: "$(tasks.deploy-workload.results.workload-kind)",
        places.PUBLISHING: "",
    },
)
WORKLOAD_NAME = Parameter(
    name="workload-name",
    kind=kinds.text,
    help="Name of the workload",
    group=Group.GIT,
    where=places.Where(tasks=(places.PUBLISH,), commands=(places.PUBLISH,)),
    wired={
        places.DEPLOYMENT: "$(tasks.deploy-workload.results.workload-name)",
        places.PUBLISHING: "",
    },
)
