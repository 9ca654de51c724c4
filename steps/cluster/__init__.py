"""The one way to the Kubernetes API; nothing outside this package imports `kubernetes`."""

from steps.cluster.client import Change, Cluster, KubernetesObject
from steps.cluster.kinds import Kind
from steps.cluster.lease import Lease

__all__ = ["Change", "Cluster", "Kind", "KubernetesObject", "Lease"]
