"""The kinds that are touched, and where the API serves them.

Some only migrate-check reads, with its user's own rights; those of a mirror are applied by request. These
paths are stable (Triggers' `v1beta1` is its newest), so nothing is discovered. A kind that is not here cannot
be touched.
"""

from __future__ import annotations

from typing import Literal, NamedTuple
from urllib.parse import quote

Kind = Literal[
    "ClusterVersion",
    "ConfigMap",
    "CronJob",
    "Deployment",
    "Event",
    "Job",
    "Lease",
    "PersistentVolumeClaim",
    "PipelineRun",
    "Pod",
    "ServiceAccount",
    "ClusterRoleBinding",
    "CatalogSource",
    "ClusterCatalog",
    "ImageDigestMirrorSet",
    "ImageTagMirrorSet",
    "UpdateService",
    "EventListener",
    "ManagedCluster",
    "Pipeline",
    "Role",
    "RoleBinding",
    "Task",
    "TriggerBinding",
    "TriggerTemplate",
]


class Resource(NamedTuple):
    """Where the API serves a kind."""

    group: str
    version: str
    plural: str

    @property
    def full_name(self) -> str:
        """The name as RBAC and kubectl write it, such as `jobs.batch`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str | None, name: str | None) -> str:
        """Return the URL path of the collection, or of an object in it."""
        parts = ["", "apis", self.group, self.version] if self.group else ["", "api", self.version]
        if namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name:
            parts.append(quote(name, safe=""))
        return "/".join(parts)


RESOURCES = {
    "ClusterVersion": Resource("config.openshift.io", "v1", "clusterversions"),  # only on OpenShift
    "ConfigMap": Resource("", "v1", "configmaps"),
    "CronJob": Resource("batch", "v1", "cronjobs"),
    "Deployment": Resource("apps", "v1", "deployments"),
    "Event": Resource("", "v1", "events"),
    "Job": Resource("batch", "v1", "jobs"),
    "Lease": Resource("coordination.k8s.io", "v1", "leases"),
    "PersistentVolumeClaim": Resource("", "v1", "persistentvolumeclaims"),
    "PipelineRun": Resource("tekton.dev", "v1", "pipelineruns"),
    "Pod": Resource("", "v1", "pods"),
    "ServiceAccount": Resource("", "v1", "serviceaccounts"),
    "ManagedCluster": Resource(
        "cluster.open-cluster-management.io", "v1", "managedclusters"
    ),  # only on a hub
    # Only read, by migrate-check:
    "CatalogSource": Resource("operators.coreos.com", "v1alpha1", "catalogsources"),
    "ClusterCatalog": Resource("olm.operatorframework.io", "v1", "clustercatalogs"),  # from OpenShift 4.18 on
    "ImageDigestMirrorSet": Resource("config.openshift.io", "v1", "imagedigestmirrorsets"),
    "ImageTagMirrorSet": Resource("config.openshift.io", "v1", "imagetagmirrorsets"),
    "UpdateService": Resource("updateservice.operator.openshift.io", "v1", "updateservices"),  # an operator's
    "ClusterRoleBinding": Resource("rbac.authorization.k8s.io", "v1", "clusterrolebindings"),
    "EventListener": Resource("triggers.tekton.dev", "v1beta1", "eventlisteners"),
    "Pipeline": Resource("tekton.dev", "v1", "pipelines"),
    "Role": Resource("rbac.authorization.k8s.io", "v1", "roles"),
    "RoleBinding": Resource("rbac.authorization.k8s.io", "v1", "rolebindings"),
    "Task": Resource("tekton.dev", "v1", "tasks"),
    "TriggerBinding": Resource("triggers.tekton.dev", "v1beta1", "triggerbindings"),
    "TriggerTemplate": Resource("triggers.tekton.dev", "v1beta1", "triggertemplates"),
}
