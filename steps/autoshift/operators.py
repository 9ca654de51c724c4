"""The operators and features of AutoShift by their labels, with the defaults of each release.

The table is used if the checkout has no policies (an external values repository). Its facts are what
`steps.autoshift.policies` reads from auto-shift/autoshiftv2 at the tags v0.0.1 to v0.0.4, at f4d4fbb2
(2025-10-01, the last with the layout of 2025) and at 929a8558 (2026-08-21).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

ACM: Final = "acm"  # has no label that enables it: every hub gets it
GITOPS: Final = "gitops"  # every hub is set up with it, whatever the label says

# The releases of AutoShift, oldest first. Those without a number are states of its branch main.
RELEASES: Final = ("2025-09", "0.0.1", "0.0.2", "0.0.3", "0.0.4", "2026-08")
NEWEST: Final = RELEASES[-1]
_BRANCHES: Final = frozenset({"", "main", "latest"})  # `latest`: AutoShift's default of autoshiftOciVersion

# What Kubernetes takes as the value of a label; package and channel names are of that form too.
LABEL_VALUE: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")

REDHAT: Final = "redhat-operators"
CERTIFIED: Final = "certified-operators"


@dataclass(frozen=True, slots=True)
class Default:
    """What AutoShift installs for an operator's label unless labels `LABEL-…` say otherwise.

    `channel` is None if the subscription names no channel: then OLM takes the default channel of the catalog.
    `folders` are the names of its policy folders, none if no policy installs it. `reads_channel` is False if
    the policy ignores the label `-channel`, `on_every_hub` is True if its placement chooses hubs whatever
    their labels. `origin` names the file or, if `assumed`, the release whose default it is.
    """

    package: str
    channel: str | None
    source: str = REDHAT
    folders: tuple[str, ...] = ()
    reads_channel: bool = True
    on_every_hub: bool = False
    origin: str = ""
    assumed: bool = False


@dataclass(frozen=True, slots=True)
class _Known:
    """An operator of AutoShift.

    `channels` are pairs `RELEASE CHANNEL` with commas between: its default channel from that release on,
    which is the first to have it. `-` stands for a policy that names no channel and reads no label.
    """

    package: str
    channels: str
    folders: tuple[str, ...]
    source: str = REDHAT

    def default(self, release: str, origin: str) -> Default:
        """Return the default of a release, the first one there is if the release does not have it yet."""
        history = [pair.split() for pair in self.channels.split(", ")]
        so_far = [name for since, name in history if RELEASES.index(since) <= RELEASES.index(release)]
        channel = so_far[-1] if so_far else history[0][1]
        return Default(
            package=self.package,
            channel=None if channel == "-" else channel,
            source=self.source,
            folders=self.folders if so_far else (),
            reads_channel=channel != "-",
            origin=origin,
            assumed=True,
        )


def _known(package: str, channels: str, *folders: str, source: str = REDHAT) -> _Known:
    return _Known(package, channels, folders, source)


# label -> package, default channels, policy folders (as excludePolicies and the path of a policy name them)
_OPERATORS: Final[dict[str, _Known]] = {
    "aap": _known(
        "ansible-automation-platform-operator",
        "0.0.2 stable-2.5, 0.0.3 stable-2.6",
        "ansible-automation-platform",
    ),
    "acm": _known(
        "advanced-cluster-management",
        "2025-09 release-2.14, 0.0.3 release-2.15, 2026-08 release-2.16",
        "advanced-cluster-management",
    ),
    "acs": _known("rhacs-operator", "2025-09 stable", "advanced-cluster-security"),
    "cert-manager": _known("openshift-cert-manager-operator", "2026-08 stable-v1", "cert-manager"),
    "cloudnative-pg": _known("cloudnative-pg", "2026-08 stable-v1", "cloudnative-pg", source=CERTIFIED),
    "compliance": _known("compliance-operator", "2025-09 stable", "openshift-compliance-operator"),
    "coo": _known(
        "cluster-observability-operator", "2025-09 stable", "cluster-observability", "cluster-observabilty"
    ),
    "dev-hub": _known("rhdh", "2025-09 fast, 0.0.1 fast-1.8, 2026-08 fast-1.9", "developer-hub"),
    "dev-spaces": _known("devspaces", "2025-09 stable", "dev-spaces"),
    "external-secrets-operator": _known(
        "openshift-external-secrets-operator", "2026-08 stable-v1", "external-secrets-operator"
    ),
    "gitlab": _known("gitlab-operator-kubernetes", "2026-08 stable", "gitlab", source=CERTIFIED),
    # Its policy says redhat-operators, which has no such package; every values file says certified-operators.
    "gitlab-runner": _known("gitlab-runner-operator", "2026-08 stable", "gitlab-runner", source=CERTIFIED),
    "gitops": _known(
        "openshift-gitops-operator",
        "2025-09 latest, 0.0.1 gitops-1.18, 0.0.3 gitops-1.19, 2026-08 gitops-1.21",
        "openshift-gitops",
    ),
    "jfrog": _known("openshiftartifactoryha-operator", "2026-08 alpha", "jfrog", source=CERTIFIED),
    "kiali": _known("kiali-ossm", "0.0.2 stable", "kiali"),
    "local-storage": _known("local-storage-operator", "2025-09 stable", "local-storage"),
    "logging": _known(
        "cluster-logging", "2025-09 stable-6.2, 0.0.1 stable-6.4, 2026-08 stable-6.5", "logging"
    ),
    "loki": _known("loki-operator", "2025-09 stable-6.2, 0.0.1 stable-6.4, 2026-08 stable-6.5", "loki"),
    "lvm": _known(
        "lvms-operator", "2025-09 -, 0.0.1 stable-4.18, 0.0.3 stable-4.20, 2026-08 stable-4.22", "lvm"
    ),
    "metallb": _known("metallb-operator", "2025-09 stable", "metallb"),
    "mtv": _known("mtv-operator", "0.0.3 release-v2.9, 0.0.4 release-v2.10", "mtv"),
    "nmstate": _known("kubernetes-nmstate-operator", "2025-09 stable", "nmstate"),
    "node-feature-discovery": _known("nfd", "0.0.2 stable", "node-feature-discovery"),
    "node-maintenance": _known("node-maintenance-operator", "2026-08 stable", "node-maintenance"),
    "odf": _known(
        "odf-operator",
        "2025-09 -, 0.0.1 stable-4.18, 0.0.3 stable-4.20, 2026-08 stable-4.22",
        "openshift-data-foundation",
    ),
    "opentelemetry": _known("opentelemetry-product", "2026-08 stable", "opentelemetry"),
    "pipelines": _known(
        "openshift-pipelines-operator-rh",
        "2025-09 latest, 0.0.1 pipelines-1.20, 0.0.3 pipelines-1.21",
        "openshift-pipelines",
    ),
    "quay": _known(
        "quay-operator",
        "2025-09 stable-3.13, 0.0.1 stable-3.15, 0.0.3 stable-3.16, 2026-08 stable-3.18",
        "quay",
    ),
    "servicemesh3": _known("servicemeshoperator3", "0.0.2 stable", "servicemesh3"),
    "servicemesh3operator": _known("servicemeshoperator3", "2026-08 stable", "servicemesh3operator"),
    # In AutoShift's example values only; no policy installs it.
    "sriov": _known("sriov-network-operator", "2026-08 stable"),
    "tas": _known("rhtas-operator", "2025-09 stable", "trusted-artifact-signer"),
    "tempo": _known("tempo-product", "0.0.2 stable", "tempo"),
    "trident": _known("trident-operator", "2026-08 stable", "trident", source=CERTIFIED),
    "virt": _known("kubevirt-hyperconverged", "2025-09 stable", "openshift-virtualization"),
}


def known_operators(release: str = NEWEST, named: str = "") -> dict[str, Default]:
    """Return the defaults of a release by label; `named` is what the values name, if it is not a release."""
    of = f"AutoShift {release}" if "." in release else f"AutoShift as of {release}"
    origin = f"{of} (that of {named} is not known)" if named else of
    return {label: known.default(release, origin) for label, known in _OPERATORS.items()}


OPERATORS: Final = known_operators()


def release_of(named: str, labels: frozenset[str]) -> tuple[str, str]:
    """Return the release of AutoShift that values are for, and what they name if that is not known here.

    `named` is the release or branch that the values name, `labels` are all that they have. The layout of 2025
    has `-install-plan-approval` and no `-subscription-name` yet.
    """
    if (release := named.removeprefix("v")) in RELEASES:
        return release, ""
    if _has(labels, "-install-plan-approval") and not _has(labels, "-subscription-name"):
        return RELEASES[0], ""
    return NEWEST, "" if named in _BRANCHES else named


def _has(labels: frozenset[str], ending: str) -> bool:
    return any(label.endswith(ending) for label in labels)


# The catalogs' own default channel where it has been the same from 4.16 to 4.22 (`{minor}`: of the catalog).
# The default of a package that is not here changes between releases, so a mirror must name one itself.
CATALOG_DEFAULTS: Final[dict[str, str]] = {
    **dict.fromkeys(
        (
            "cluster-observability-operator",
            "authorino-operator",
            "compliance-operator",
            "devspaces",
            "dns-operator",
            "gitlab-operator-kubernetes",
            "gitlab-runner-operator",
            "kiali-ossm",
            "kubernetes-nmstate-operator",
            "kubevirt-hyperconverged",
            "limitador-operator",
            "local-storage-operator",
            "metallb-operator",
            "nfd",
            "node-maintenance-operator",
            "opentelemetry-product",
            "rhacs-operator",
            "rhcl-operator",
            "rhtas-operator",
            "servicemeshoperator3",
            "sriov-network-operator",
            "tempo-product",
            "trident-operator",
        ),
        "stable",
    ),
    **dict.fromkeys(("devworkspace-operator", "web-terminal"), "fast"),
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
            "odf-multicluster-orchestrator",
            "odf-operator",
            "odf-prometheus-operator",
            "odr-hub-operator",
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
        "oc-mirror-pipeline",  # ours: the policy of examples/gitops/autoshift
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
