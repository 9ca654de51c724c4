"""What fleet-readiness takes besides the values: the mirrors, and what runs in the fleet."""

from __future__ import annotations

from steps.parameters import places
from steps.parameters import value_kinds as kinds
from steps.parameters.parameter import Group, Parameter

LOOKED_AT = Parameter(
    name="target-registry",
    kind=kinds.registry,
    help="HOST[:PORT][/PATH] of a mirror to look at; several times for several",
    group=Group.WHERE,
    where=places.JUDGING,
    unset="those that data and published name",
    repeatable=True,
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
)
PUBLISHED = Parameter(
    name="published",
    kind=kinds.path,
    help="File with the ConfigMap oc-mirror-inventory of a mirror, or oc-mirror-cluster-resources, as "
    "oc get -o yaml prints it, where there is no data directory; several times for several",
    group=Group.WHERE,
    where=places.JUDGING,
    repeatable=True,
)
HUB_STATE = Parameter(
    name="hub-state",
    kind=kinds.optional(kinds.path),
    help="File that says what runs in the clusters: the output of oc get managedclusters -o json, or the "
    "form in the reference",
    group=Group.VALUES,
    where=places.JUDGING,
    unset="what runs is taken from former-revision, or not known",
)
HUB = Parameter(
    name="hub",
    kind=kinds.boolean,
    help="true asks the hub that this runs in, or that the kubeconfig names, for its ManagedClusters; needs "
    "the right to list them",
    group=Group.VALUES,
    where=places.JUDGING,
    default="false",
    not_beside=("hub-state",),
)
FORMER_REVISION = Parameter(
    name="former-revision",
    kind=kinds.text,
    help="Branch, tag or commit of the values that are in force: what they name runs now in a cluster that "
    "the hub does not tell of",
    group=Group.VALUES,
    where=places.JUDGING,
)
ALL_LAYERS = Parameter(
    name="layers",
    kind=kinds.boolean,
    help="true asks the registry for every layer of every image, not for manifests alone",
    group=Group.HOW,
    where=places.JUDGING,
    default="false",
)
FRESH = Parameter(
    name="fresh",
    kind=kinds.boolean,
    help="true asks for all images again; else those that were there within the last hour are not asked "
    "for, where workspace keeps the answers",
    group=Group.HOW,
    where=places.JUDGING,
    default="false",
)
WITHOUT_SIGNATURES = Parameter(
    name="without-signatures",
    kind=kinds.boolean,
    help="true passes over the signatures of releases, which every verdict then warns of",
    group=Group.HOW,
    where=places.JUDGING,
    default="false",
)
JSON = Parameter(
    name="json",
    kind=kinds.boolean,
    help="true prints the verdicts as JSON, not as a table",
    group=Group.HOW,
    where=places.JUDGING,
    default="false",
)
