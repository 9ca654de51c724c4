"""What fleet-readiness takes besides the values: the mirrors, and what runs in the fleet."""

from __future__ import annotations

from steps.parameters import places
from steps.parameters import value_kinds as kinds
from steps.parameters.parameter import Group, Parameter
from steps.parameters.table import image_signatures

LOOKED_AT = Parameter(
    name="target-registry",
    kind=kinds.optional(kinds.registry),
    help="HOST[:PORT][/PATH] of a mirror to look at; several times for several",
    group=Group.WHERE,
    where=places.JUDGING,
    unset="those that data, published and inventory-configmaps name",
    repeatable=True,
    task_argument="$(params.target-registry)",
)
LOOKED_AT_IN_A_RUN = Parameter(
    name="target-registry",
    kind=kinds.optional(kinds.registry),
    help="HOST[:PORT][/PATH] of the only mirror to look at",
    group=Group.WHERE,
    where=places.Where(pipelines=(places.ASKING,), tasks=(places.READINESS,)),
    unset="those that inventory-configmaps name",
)
MIRRORED_BY = Parameter(
    name="data",
    kind=kinds.folder,
    help="Data directory of runs that mirrored to these registries: what was asked for, brought and "
    "published; several times for several",
    group=Group.WHERE,
    where=places.JUDGING,
    unset="what is not known makes a cluster unknown",
    repeatable=True,
    by_hand=True,
)
INVENTORIES = Parameter(
    name="inventory-configmaps",
    kind=kinds.object_names,
    help="ConfigMaps in the workload's namespace that say what runs mirrored, separated by commas",
    group=Group.WHERE,
    where=places.JUDGING_IN_A_RUN,
    task_default="oc-mirror-inventory",
)
PUBLISHED = Parameter(
    name="published",
    kind=kinds.path,
    help="File with the ConfigMap oc-mirror-inventory of a mirror, or oc-mirror-cluster-resources, as "
    "oc get -o yaml prints it, where there is no data directory; several times for several",
    group=Group.WHERE,
    where=places.JUDGING,
    repeatable=True,
    by_hand=True,
)
HUB_STATE = Parameter(
    name="hub-state",
    kind=kinds.optional(kinds.path),
    help="File that says what runs in the clusters: the output of oc get managedclusters -o json, or the "
    "form in the reference",
    group=Group.VALUES,
    where=places.JUDGING,
    unset="what runs is taken from hub or former-revision, or not known",
    by_hand=True,
)
CLUSTERS = Parameter(
    name="clusters",
    kind=kinds.names,
    help="Clusters that the question is about, separated by commas, such as those of a wave",
    group=Group.VALUES,
    where=places.JUDGING_IN_A_RUN,
    unset="with cluster-sets empty too, the whole fleet",
)
CLUSTER_SETS = Parameter(
    name="cluster-sets",
    kind=kinds.names,
    help="Cluster sets whose clusters the question is about, separated by commas",
    group=Group.VALUES,
    where=places.JUDGING_IN_A_RUN,
    unset="with clusters empty too, the whole fleet",
)
HUB = Parameter(
    name="hub",
    kind=kinds.boolean,
    help="true asks the hub that this runs in, or that the kubeconfig names, for its ManagedClusters; needs "
    "the right to list them",
    group=Group.VALUES,
    where=places.JUDGING_IN_A_RUN,
    default="false",
    not_beside=("hub-state",),
)
FORMER_REVISION = Parameter(
    name="former-revision",
    kind=kinds.text,
    help="Branch, tag or commit of the values that are in force: what they name runs now in a cluster that "
    "the hub does not tell of",
    group=Group.VALUES,
    where=places.JUDGING_IN_A_RUN,
)
ALL_LAYERS = Parameter(
    name="layers",
    kind=kinds.boolean,
    help="true asks the registry for every layer of every image, not for manifests alone",
    group=Group.HOW,
    where=places.JUDGING_IN_A_RUN,
    default="false",
)
FRESH = Parameter(
    name="fresh",
    kind=kinds.boolean,
    help="true asks for all images again; else those that were there within the last hour are not asked "
    "for, where workspace keeps the answers",
    group=Group.HOW,
    where=places.JUDGING_IN_A_RUN,
    default="false",
)
WITHOUT_SIGNATURES = Parameter(
    name="without-signatures",
    kind=kinds.boolean,
    help="true passes over the signatures of releases, which every verdict then warns of",
    group=Group.HOW,
    where=places.JUDGING_IN_A_RUN,
    default="false",
)
JSON = Parameter(
    name="json",
    kind=kinds.boolean,
    help="true prints the verdicts as JSON, not as a table",
    group=Group.HOW,
    where=places.JUDGING,
    default="false",
    by_hand=True,
)
UNLESS_READY = Parameter(
    name="fail-unless-ready",
    kind=kinds.boolean,
    help="true fails the run, with exit code 17, where a cluster that the question is about is not ready",
    group=Group.HOW,
    where=places.JUDGING_IN_A_RUN,
    default="true",
)
WRITTEN = Parameter(
    name="write-configmap",
    kind=kinds.boolean,
    help="true writes the verdicts of the whole fleet into ConfigMap oc-mirror-fleet of namespace",
    group=Group.HOW,
    where=places.JUDGING,
    default="false",
    task_argument="true",
)
RELEASE_KEYS_CONFIGMAP = Parameter(
    name="release-keys",
    kind=kinds.object_name,
    help=f"ConfigMap in the pipelines' namespace with {image_signatures.PUBLIC_KEYS}; used where it exists",
    group=Group.ACCESS,
    where=places.Where(pipelines=(places.ASKING,), tasks=(places.READINESS,)),
    default="oc-mirror-release-keys",
)
