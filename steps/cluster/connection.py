"""Find the API server and the credentials. Imported late: the library costs 0.3 s of CPU."""

from __future__ import annotations

import os

from kubernetes.client import ApiClient, Configuration
from kubernetes.config import ConfigException, load_incluster_config, load_kube_config
from kubernetes.dynamic import DynamicClient
from yaml import YAMLError

from steps.cluster.patience import PatientRetry, RefusalDoubt
from steps.errors import ClusterError

USER_AGENT = "oc-mirror-pipeline"


def new_client(*, patient: bool = True) -> DynamicClient:
    """Make a client without discovery; nothing is sent yet.

    `patient` waits for an API server that restarts; otherwise a request is repeated once.

    Raises ClusterError where there is neither a pod's ServiceAccount nor a usable kubeconfig.
    """
    configuration = Configuration()
    _load(configuration)
    if patient:
        configuration.retries = PatientRetry(doubt=RefusalDoubt())
    else:
        configuration.retries = PatientRetry(doubt=RefusalDoubt(attempts=0), total=1, read=0)
    client = ApiClient(configuration)
    client.user_agent = USER_AGENT
    return DynamicClient(client, discoverer=_no_discovery)


def _no_discovery(_client: DynamicClient, _cache_file: str | None) -> None:
    """Take the place of the library's discovery, which would ask the API server for its kinds."""


def _load(configuration: Configuration) -> None:
    """Fill in server, CA and credentials; the pod's own account first: a Task's pod has nothing else."""
    hint = "run it in a pod with a ServiceAccount, or set KUBECONFIG to a file that works for 'oc get pods'"
    try:
        if os.environ.get("KUBERNETES_SERVICE_HOST"):
            load_incluster_config(client_configuration=configuration)
        else:
            load_kube_config(client_configuration=configuration, persist_config=False)
    except (ConfigException, YAMLError, OSError, TypeError, AttributeError, KeyError, ValueError) as error:
        # The library walks into a misshapen kubeconfig without looking; hence the last four.
        reason = " ".join(str(error).split())
        raise ClusterError(f"no Kubernetes cluster to talk to: {reason}", hint) from error
