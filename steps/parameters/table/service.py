"""The service, and what a run tells and holds in its cluster."""

from __future__ import annotations

from steps.parameters import places
from steps.parameters import value_kinds as kinds
from steps.parameters.parameter import Group, Parameter

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
