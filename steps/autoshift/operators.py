"""The operators and features of AutoShift by their labels, with the defaults of the operators.

The table is used if the checkout has no policies (an external values repository). Its facts are those of
auto-shift/autoshiftv2 at 929a8558 (2026-08-21), `policies/*/DIR/manifests/**/kustomization.yaml`, and for
labels that later went away, of f4d4fbb2 (2025-10-01) and 6dd48edc^ (2026-02-19), `policies/DIR/values.yaml`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

TABLE: Final = "AutoShift as of 2026-08"
ACM: Final = "acm"  # has no label that enables it: every hub gets it

# What Kubernetes takes as the value of a label; package and channel names are of that form too.
LABEL_VALUE: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")

REDHAT: Final = "redhat-operators"
CERTIFIED: Final = "certified-operators"


@dataclass(frozen=True, slots=True)
class Default:
    """What AutoShift installs for an operator's label unless labels `LABEL-…` say otherwise.

    `channel` is None if the subscription names no channel: then OLM takes the default channel of the catalog.
    It may contain `{minor}` (operators released with OpenShift). `folders` are the names of its policy
    folders. `reads_channel` is False if the policy ignores the label `-channel`, `on_every_hub` is True if
    its placement chooses hubs whatever their labels. `origin` names the file, or the table.
    """

    package: str
    channel: str | None
    source: str = REDHAT
    folders: tuple[str, ...] = ()
    reads_channel: bool = True
    on_every_hub: bool = False
    origin: str = TABLE


def _known(package: str, channel: str, *folders: str, source: str = REDHAT) -> Default:
    return Default(package, channel, source, folders)


# label -> package, channel, policy folders (as excludePolicies and the path of a policy name them)
OPERATORS: Final[dict[str, Default]] = {
    "aap": _known("ansible-automation-platform-operator", "stable-2.6", "ansible-automation-platform"),
    "acm": _known("advanced-cluster-management", "release-2.16", "advanced-cluster-management"),
    "acs": _known("rhacs-operator", "stable", "advanced-cluster-security"),
    "cert-manager": _known("openshift-cert-manager-operator", "stable-v1", "cert-manager"),
    "cloudnative-pg": _known("cloudnative-pg", "stable-v1", "cloudnative-pg", source=CERTIFIED),
    "compliance": _known("compliance-operator", "stable", "openshift-compliance-operator"),
    "coo": _known(
        "cluster-observability-operator", "stable", "cluster-observability", "cluster-observabilty"
    ),
    "dev-hub": _known("rhdh", "fast-1.9", "developer-hub"),
    "dev-spaces": _known("devspaces", "stable", "dev-spaces"),
    "external-secrets-operator": _known(
        "openshift-external-secrets-operator", "stable-v1", "external-secrets-operator"
    ),
    "gitlab": _known("gitlab-operator-kubernetes", "stable", "gitlab", source=CERTIFIED),
    # Its policy says redhat-operators, which has no such package; every values file says certified-operators.
    "gitlab-runner": _known("gitlab-runner-operator", "stable", "gitlab-runner", source=CERTIFIED),
    "gitops": _known("openshift-gitops-operator", "gitops-1.21", "openshift-gitops"),
    "jfrog": _known("openshiftartifactoryha-operator", "alpha", "jfrog", source=CERTIFIED),
    "kiali": _known("kiali-ossm", "stable", "kiali"),
    "local-storage": _known("local-storage-operator", "stable", "local-storage"),
    "logging": _known("cluster-logging", "stable-6.5", "logging"),
    "loki": _known("loki-operator", "stable-6.5", "loki"),
    "lvm": _known("lvms-operator", "stable-{minor}", "lvm"),
    "metallb": _known("metallb-operator", "stable", "metallb"),
    "mtv": _known("mtv-operator", "release-v2.10", "mtv"),
    "nmstate": _known("kubernetes-nmstate-operator", "stable", "nmstate"),
    "node-feature-discovery": _known("nfd", "stable", "node-feature-discovery"),
    "node-maintenance": _known("node-maintenance-operator", "stable", "node-maintenance"),
    "odf": _known("odf-operator", "stable-{minor}", "openshift-data-foundation"),
    "opentelemetry": _known("opentelemetry-product", "stable", "opentelemetry"),
    "pipelines": _known("openshift-pipelines-operator-rh", "pipelines-1.21", "openshift-pipelines"),
    "quay": _known("quay-operator", "stable-3.18", "quay"),
    "servicemesh3": _known("servicemeshoperator3", "stable", "servicemesh3"),
    "servicemesh3operator": _known("servicemeshoperator3", "stable", "servicemesh3operator"),
    # In AutoShift's example values only; no policy installs it.
    "sriov": _known("sriov-network-operator", "stable"),
    "tas": _known("rhtas-operator", "stable", "trusted-artifact-signer"),
    "tempo": _known("tempo-product", "stable", "tempo"),
    "trident": _known("trident-operator", "stable", "trident", source=CERTIFIED),
    "virt": _known("kubevirt-hyperconverged", "stable", "openshift-virtualization"),
}

# The catalogs' own default channel where it has been the same from 4.16 to 4.22 (`{minor}`: of the catalog).
# The default of a package that is not here changes between releases, so a mirror must name one itself.
CATALOG_DEFAULTS: Final[dict[str, str]] = {
    **dict.fromkeys(
        (
            "cluster-observability-operator",
            "compliance-operator",
            "devspaces",
            "gitlab-operator-kubernetes",
            "gitlab-runner-operator",
            "kiali-ossm",
            "kubernetes-nmstate-operator",
            "kubevirt-hyperconverged",
            "local-storage-operator",
            "metallb-operator",
            "nfd",
            "node-maintenance-operator",
            "opentelemetry-product",
            "rhacs-operator",
            "rhtas-operator",
            "servicemeshoperator3",
            "sriov-network-operator",
            "tempo-product",
            "trident-operator",
        ),
        "stable",
    ),
    **dict.fromkeys(("openshift-gitops-operator", "openshift-pipelines-operator-rh"), "latest"),
    **dict.fromkeys(
        (
            "cephcsi-operator",
            "lvms-operator",
            "mcg-operator",
            "ocs-client-operator",
            "ocs-operator",
            "ocs-tls-profiles",
            "odf-csi-addons-operator",
            "odf-dependencies",
            "odf-external-snapshotter-operator",
            "odf-operator",
            "odf-prometheus-operator",
            "recipe",
            "rook-ceph-operator",
        ),
        "stable-{minor}",
    ),
    "cloudnative-pg": "stable-v1",
    "openshift-cert-manager-operator": "stable-v1",
    "openshift-external-secrets-operator": "stable-v1",
    "openshiftartifactoryha-operator": "alpha",
    "rhdh": "fast",
}

# Labels that are 'true' to switch on something that installs no operator of its own, and that do not begin
# with the label of an operator: the keys of the policies' placements (`autoshift.io/LABEL In ['true']`), and
# what their templates and AutoShift's values files add.
FEATURES: Final = frozenset(
    {
        "artifactory-db-backups",
        "autoshift-console",
        "cluster-install",
        "cluster-labels",
        "disable-default-catalogs",
        "disconnected-mirror",
        "imageregistry",
        "infra-machineconfigpool",
        "infra-node-config",
        "infra-nodes",
        "machine-health-checks",
        "machine-health-checks-infra",
        "machine-health-checks-storage",
        "machine-health-checks-worker",
        "manual-remediations",
        "master-nodes",
        "openshift-upgrade",
        "self-managed",
        "storage-nodes",
        "uwm",
        "vault",
        "vault-transit-provider",
        "worker-node-config",
        "worker-nodes",
        "workload-partitioning",
    }
)
