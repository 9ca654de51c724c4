"""The operators that a cluster installs, with package, channels, catalog and pins, from labels and defaults.

An operator is installed where its label is exactly 'true' (every placement says `In ['true']`), and ACM on
each hub. The Subscription that AutoShift makes is in `components/operator-install` and each policy's
`valuesInline.subscription` (2026-08), or in `policies/DIR/templates/*operator*.yaml` before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from steps.autoshift.catalog_sources import INDEXES, CatalogNames, misspelled_source
from steps.autoshift.near_booleans import NEARLY_TRUE
from steps.autoshift.operators import ACM, CATALOG_DEFAULTS, FEATURES, GITOPS, LABEL_VALUE, OPERATORS, Default
from steps.autoshift.spelling import beginnings
from steps.errors import InvalidInputError
from steps.yaml.text import Misread

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from steps.autoshift.fleet import FleetCluster
    from steps.autoshift.policies import Policies
    from steps.yaml.text import Tree

# What only the label of an operator has beside it; `LABEL-name` may be of anything.
_OF_SUBSCRIPTIONS: Final = ("-subscription-name", "-channel", "-source", "-version")
_OF_CATALOG: Final = "the catalog's default"
_NEARLY_TRUE: Final = NEARLY_TRUE | {"1", "enabled"}


@dataclass(frozen=True, slots=True)
class OperatorRequest:
    """A package that is requested from a catalog, in a channel.

    `channel` is None for the catalog's default channel; `origin` says where its name is from, and `assumed`
    that neither a label nor a policy of the checkout tells it. `pinned_csvs` are the names of the
    ClusterServiceVersions that a pinned cluster installs; `pinned_version` is the version of one of them,
    once it is known. `required_by` is the package that requires this one, with its channel; empty for what
    the label itself asks for. `of_setup` says that a hub is set up with it, whatever the label says.
    """

    label: str
    package: str
    source: str
    channel: str | None
    origin: str
    assumed: bool = False
    pinned_csvs: tuple[str, ...] = ()
    pinned_version: str | None = None
    required_by: str = ""
    of_setup: bool = False


@dataclass(frozen=True, slots=True)
class SubscriptionReader:
    """Reads the operator requests of clusters from their labels.

    `policies` are those of the checkout, with the built-in defaults for labels that it does not know. `warn`
    takes a text and the cluster that it is about; `locate` returns file and line of a cluster's label;
    `catalogs` knows the catalogs by the names of their CatalogSources; `misspelled` are labels of which
    somebody else warns. `hub_setup` is the GitOps operator of the chart that sets up a hub.
    """

    policies: Policies
    hub_setup: Default
    warn: Callable[[str, FleetCluster], None]
    locate: Callable[[FleetCluster, str], str]
    catalogs: CatalogNames
    misspelled: Collection[str] = ()

    def requests(self, cluster: FleetCluster) -> frozenset[OperatorRequest]:
        """Return the operator requests of a cluster. Raises InvalidInputError for an impossible label."""
        labels = set(self._operators(cluster))
        found = {
            request
            for label in labels
            for default in self.policies.defaults.get(label, (None,))
            for request in self._requests(cluster, label, default)
        }
        if cluster.is_hub and GITOPS not in labels:
            found |= self._of_hub_setup(cluster)
        return frozenset(found)

    def without_catalog(self, cluster: FleetCluster, requests: Iterable[OperatorRequest]) -> list[str]:
        """Return the labels of operators that a cluster installs and for which there is no request.

        They come from a catalog that nobody describes. `requests` are those of the cluster.
        """
        return sorted(set(self._operators(cluster)) - {request.label for request in requests})

    def strange(self, cluster: FleetCluster) -> list[str]:
        """Return the labels of a cluster that are 'true' and that nobody knows."""
        known = {ACM, *self.policies.excluded, *self.policies.defaults}
        return sorted(
            label
            for label, text in cluster.labels.items()
            if text == "true"
            and label not in known
            and not self._is_setting(cluster, label)
            and not _describes_subscription(cluster.labels, label)
        )

    def _requests(
        self, cluster: FleetCluster, label: str, default: Default | None
    ) -> Iterator[OperatorRequest]:
        return Subscription(cluster, label, default, self.warn, self.locate, self.catalogs).requests()

    def _of_hub_setup(self, cluster: FleetCluster) -> set[OperatorRequest]:
        """Return what a hub is set up with: from its chart, which reads no label, or else as assumed."""
        if not self.hub_setup.assumed:
            kept = (f"{GITOPS}-source", "mirror-catalog-suffix")
            labels = {label: text for label, text in cluster.labels.items() if label in kept}
            cluster = replace(cluster, labels=labels, config={})
        setup = replace(self.hub_setup, origin=f"{self.hub_setup.origin} for the set-up of a hub")
        return {replace(request, of_setup=True) for request in self._requests(cluster, GITOPS, setup)}

    def _operators(self, cluster: FleetCluster) -> Iterator[str]:
        """Yield the labels of the operators that a cluster installs."""
        if cluster.is_hub:
            yield from self.policies.on_every_hub
        for label, text in cluster.labels.items():
            if label in self.policies.excluded or label == ACM or text == "false":
                continue
            if text != "true":
                if self._is_misread_true(cluster, label, text):
                    yield label
            elif label in self.policies.defaults:
                yield label
            elif self._is_setting(cluster, label):
                continue
            elif _describes_subscription(cluster.labels, label):
                yield label
            elif label not in self.misspelled:
                self.warn(
                    f"label {label} is 'true' but neither an operator nor a feature known here: nothing is "
                    f"mirrored for it; if it is an operator, add {label}-subscription-name, "
                    f"{label}-channel and {label}-source",
                    cluster,
                )

    def _is_setting(self, cluster: FleetCluster, label: str) -> bool:
        """Tell whether a label switches on something of a policy, and installs no operator of its own.

        That is a label whose beginning is the label of an operator (`acs-monitoring`), and one that the
        policies read; but none with the labels of a subscription.
        """
        if label in FEATURES:
            return True
        if any(f"{label}{suffix}" in cluster.labels for suffix in _OF_SUBSCRIPTIONS):
            return False
        return (
            label in self.policies.labels
            or label.startswith(self.policies.label_starts)
            or any(
                start in self.policies.defaults
                or start in self.policies.excluded
                or _describes_subscription(cluster.labels, start)
                for start in beginnings(label)
            )
        )

    def is_operator(self, cluster: FleetCluster, label: str) -> bool:
        """Tell whether a label stands for an operator, installed or not."""
        return label in self.policies.defaults or _describes_subscription(cluster.labels, label)

    def _is_misread_true(self, cluster: FleetCluster, label: str, text: str) -> bool:
        """Tell whether Helm renders a label that is written otherwise as 'true'; else warn of a near miss."""
        operator = label in self.policies.defaults or (
            text in _NEARLY_TRUE and _describes_subscription(cluster.labels, label)
        )
        if operator and isinstance(text, Misread) and text.helm == "true":
            return True  # Helm renders a plain `on` as 'true'; fleet.py warns of it
        if operator:
            self.warn(f"label {label} is '{text}', not 'true': AutoShift does not install it", cluster)
        return False


def _describes_subscription(labels: Mapping[str, str], label: str) -> bool:
    """Tell whether the labels `LABEL-…` describe a subscription: by package, or by channel and source."""
    return (
        f"{label}-subscription-name" in labels
        or f"{label}-name" in labels
        or (f"{label}-channel" in labels and f"{label}-source" in labels)
    )


@dataclass(frozen=True, slots=True)
class Subscription:
    """The labels `LABEL-…` of a cluster, and AutoShift's default for those that are missing (None: unknown).

    `warn` takes a text and the cluster that it is about; `locate` returns file and line of a cluster's label.
    """

    cluster: FleetCluster
    label: str
    default: Default | None
    warn: Callable[[str, FleetCluster], None]
    locate: Callable[[FleetCluster, str], str]
    catalogs: CatalogNames

    def requests(self) -> Iterator[OperatorRequest]:
        """Yield a request for each channel, none for a catalog that is not known.

        Raises InvalidInputError for a label that Kubernetes would refuse, and for a misspelled catalog.
        """
        source = self._source()
        if source is None:
            return
        package = self._value("subscription-name") or self._value("name")
        package = package or (self.default.package if self.default else self.label)
        self._warn_of_defaults(package, source)
        pins = self._pinned_csvs()
        for channel, origin, assumed in self._channels():
            yield OperatorRequest(self.label, package, source, channel, origin, assumed, pins)

    def _channels(self) -> list[tuple[str | None, str, bool]]:
        """Return the channels, each with the origin of its name and whether it is assumed.

        A channel of None is the catalog's default channel. It is certain where a policy names none and reads
        no label.
        """
        written = self._value("channel")
        labelled = (written, f"label {self.label}-channel", False)
        if self.default is None:
            return [labelled if written else (None, _OF_CATALOG, True)]
        if written and self.default.reads_channel:
            return [labelled]
        certain = not self.default.assumed or not self.default.reads_channel
        origin = f"default of {self.default.origin}" if self.default.channel else _OF_CATALOG
        usual = (self.default.channel, origin, not certain)
        if not written:
            return [usual]
        ignores = f"{self.default.origin}: the policy ignores {self.label}-channel and installs"
        if self.default.channel:
            self._warn(f"{ignores} {self.default.package} from {self.default.channel}")
            return [usual]
        usual_name = CATALOG_DEFAULTS.get(self.default.package, "").replace("{minor}", "X.Y")
        of_openshift = f" ({usual_name} of each OpenShift)" if "X.Y" in usual_name else ""
        self._warn(f"{ignores} the default channel of the catalog{of_openshift}; both are mirrored")
        return [usual, labelled]

    def _source(self) -> str | None:
        """Return the catalog of the subscription; None, with a warning, for one that nobody describes."""
        source = self._value("source") or (self.default.source if self.default else "")
        suffix = self.cluster.labels.get("mirror-catalog-suffix", "mirror")
        known = self.catalogs.source_of(source, suffix, self.cluster.config)
        if known is not None:
            return known
        if meant := misspelled_source(source, self.catalogs.mapped):
            raise InvalidInputError(
                f"{self.locate(self.cluster, f'{self.label}-source')}: {self.label}-source of "
                f"{self.cluster.entry} is '{source}', which is no catalog",
                f"did you mean '{meant}'? OpenShift has {', '.join(INDEXES)}",
            )
        self._warn(
            f"operator {self.label} comes from catalog source '{source}', which is not OpenShift's: nothing "
            f"is mirrored for it; say which catalog that is: catalog-sources={source}=HOST/PATH:TAG"
        )
        return None

    def _pinned_csvs(self) -> tuple[str, ...]:
        """Return the allowed ClusterServiceVersions: `config.LABEL.versions`, else label `LABEL-version`."""
        config = self.cluster.config.get(self.label)
        names = _texts(config.get("versions")) if isinstance(config, dict) else []
        return tuple(names or filter(None, [self.cluster.labels.get(f"{self.label}-version", "")]))

    def _warn_of_defaults(self, package: str, source: str) -> None:
        """Warn of mistakes in AutoShift itself: a default catalog without the package, or no policy."""
        known = OPERATORS.get(self.label)
        if self.default is None or known is None:
            return
        if package == known.package and source != known.source and not self._value("source"):
            self._warn(
                f"{self.default.origin} takes {self.label} from {source}, which does not have {package}; "
                f"give {self.label}-source: {known.source}"
            )
        if not self.default.folders:
            self._warn(
                f"no policy of {self.default.origin} installs {self.label}; "
                f"{package} is mirrored all the same"
            )

    def _value(self, suffix: str) -> str:
        """Return the text of label `LABEL-SUFFIX`, empty if there is none.

        Raises InvalidInputError for a text that Kubernetes accepts as no label's value.
        """
        label = f"{self.label}-{suffix}"
        text = self.cluster.labels.get(label, "")
        if text and not LABEL_VALUE.fullmatch(text):
            raise InvalidInputError(
                f"{self.locate(self.cluster, label)}: {label} of {self.cluster.entry} is {text[:80]!r}, "
                "which no label can be",
                "use at most 63 letters, digits, '-', '_' and '.', a letter or digit first and last",
            )
        return text

    def _warn(self, text: str) -> None:
        self.warn(text, self.cluster)


def _texts(tree: Tree) -> list[str]:
    return [text for text in tree if isinstance(text, str)] if isinstance(tree, list) else []
