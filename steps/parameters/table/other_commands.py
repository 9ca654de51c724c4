"""Commands that no Task runs, besides `mirror` and preview-deployment."""

from __future__ import annotations

from steps.parameters import places
from steps.parameters import value_kinds as kinds
from steps.parameters.parameter import Group, Parameter

LISTENER_URL = Parameter(
    name="listener-url",
    kind=kinds.http_url,
    help="URL of the EventListener, such as http://el-oc-mirror:8080/schedule",
    group=Group.RUN,
    where=places.SENDING,
    default=None,
)
SECRET_FILE = Parameter(
    name="secret-file",
    kind=kinds.path,
    help="File with the key to sign with",
    group=Group.ACCESS,
    where=places.SENDING,
    default=None,
)
EVENT_RUN = Parameter(
    name="run",
    kind=kinds.object_name,
    help="Which run to start",
    group=Group.RUN,
    where=places.SENDING,
    default=None,
)
EVENT_OCCASION = Parameter(
    name="occasion",
    kind=kinds.text,
    help="What sets this event apart from others: the name of the Job",
    group=Group.RUN,
    where=places.SENDING,
    default=None,
)

MANIFESTS = Parameter(
    name="manifests",
    kind=kinds.optional(kinds.path),
    help="Folder with the old manifests",
    group=Group.WHERE,
    where=places.MIGRATING,
)
CLUSTER = Parameter(
    name="cluster",
    kind=kinds.boolean,
    help="true reads the cluster of your kubeconfig",
    group=Group.WHERE,
    where=places.MIGRATING,
    default="false",
)
OLD_PIPELINE_NAMESPACE = Parameter(
    name="pipeline-namespace",
    kind=kinds.object_name,
    help="Namespace of the old pipelines",
    group=Group.WHERE,
    where=places.MIGRATING,
    default="oc-mirror-pipeline",
)
OLD_NAMESPACE = Parameter(
    name="namespace",
    kind=kinds.object_name,
    help="Namespace of the old workloads",
    group=Group.WHERE,
    where=places.MIGRATING,
    default="oc-mirror",
)
REPORT = Parameter(
    name="output",
    kind=kinds.optional(kinds.path),
    help="File to write the report to, as YAML",
    group=Group.WHERE,
    where=places.MIGRATING,
)
