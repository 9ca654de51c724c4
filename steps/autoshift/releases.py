"""OpenShift releases: the version requests of a cluster, their forms, and how several become one range.

A request is `4.18`, `4.18.22`, `4.18.10-4.18.22` or `4.18.10-`. What oc-mirror makes of a release channel
(design: internal/pkg/release/cincinnati.go): without versions the head of the channel, with a minimum every
release from there on, with both the range, and with a maximum alone every release from the channel's
beginning, which nobody wants. So `X.Y` means the newest release of that minor, `X.Y.Z` that release only, and
a maximum never comes without a minimum.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from steps.errors import InvalidInputError
from steps.versions import precedence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from steps.autoshift.fleet import FleetCluster
    from steps.yaml.text import Tree

_NUMBER: Final = r"(?:0|[1-9]\d{0,4})"
_VERSION: Final = rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-(?:ec|rc)\.\d{{1,4}})?"
_MINOR = re.compile(rf"{_NUMBER}\.{_NUMBER}")
_EXACT = re.compile(_VERSION)
_RANGE = re.compile(rf"({_VERSION})-({_VERSION})?")
_CHANNEL = re.compile(rf"(?:stable|fast|eus|candidate)-{_NUMBER}\.{_NUMBER}")

FORMS: Final = "X.Y (its newest release), X.Y.Z, X.Y.Z-X.Y.Z within one minor, or X.Y.Z- (to its newest)"
VERSION_LABEL: Final = "openshift-version"
# Names of config.clusterInstall.cpuArch (AutoShift docs/cluster-install.md) -> names of oc-mirror.
ARCHITECTURES: Final = {
    "x86_64": "amd64",
    "amd64": "amd64",
    "aarch64": "arm64",
    "arm64": "arm64",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
    "multi": "multi",
}


@dataclass(frozen=True, slots=True, order=True)
class VersionRequest:
    """The requested releases of an OpenShift minor: from `low` to `high`; blank is the channel's head."""

    minor: str
    channel: str
    low: str = ""
    high: str = ""

    def __str__(self) -> str:
        """Return the request in the form in which it can be written."""
        if not self.low:
            return self.minor
        return self.low if self.low == self.high else f"{self.low}-{self.high}"


@dataclass(frozen=True, slots=True)
class Span:
    """The range of a release channel that covers several requests; blank means not given."""

    low: str
    high: str
    shortest_path: bool


def parse_version_request(text: str, channel: str = "") -> VersionRequest:
    """Parse a version; raise ValueError that says what is wrong with it (without place and hint).

    `channel` is the release channel, or only its kind (`eus`). The default is `stable`, or `candidate` for an
    engineering or release candidate, which no other channel has.
    """
    if _MINOR.fullmatch(text):
        return VersionRequest(text, _channel(channel or "stable", text))
    if _EXACT.fullmatch(text):
        minor = minor_of(text)
        usual = "candidate" if "-" in text else "stable"
        return VersionRequest(minor, _channel(channel or usual, minor), text, text)
    if found := _RANGE.fullmatch(text):
        low, high = found[1], found[2] or ""
        if high and minor_of(low) != minor_of(high):
            raise ValueError(f"'{text}' spans two minors")
        if high and precedence(low) > precedence(high):
            raise ValueError(f"'{text}' begins after its end")
        return VersionRequest(minor_of(low), _channel(channel or "stable", minor_of(low)), low, high)
    raise ValueError(f"'{text}' is not an OpenShift version")


def with_bounds(version: str, minimum: str, maximum: str) -> str:
    """Combine a minor with the bounds of AutoShift's generator (--min-version, --max-version) into a request.

    Blank means not given. Raises ValueError if version and bounds contradict each other, or for a maximum
    without a minimum: to oc-mirror that means all releases from the beginning of the channel.
    """
    if not minimum and not maximum:
        return version
    if not minimum:
        raise ValueError(f"max-version {maximum} needs a min-version: without one the whole channel comes")
    if version and not _MINOR.fullmatch(version):
        raise ValueError(
            f"openshift-version {version} is exact already; give X.Y, or no min- and max-version"
        )
    if version and minor_of(minimum) != version:
        raise ValueError(f"min-version {minimum} is not of openshift-version {version}")
    return f"{minimum}-{maximum}"


def minor_of(version: str) -> str:
    """Return `4.18` of `4.18.22`."""
    return ".".join(version.split(".")[:2])


def span_of(requests: set[VersionRequest]) -> Span:
    """Cover all requests for a channel: by a single release, a range, or from the lowest release to the head.

    Two releases need only those on the upgrade path between them. With more, the path could leave one of them
    out, so the span is the whole range.
    """
    # A request without `high` goes up to the head of the channel, one without both is the head itself.
    lows = sorted((request.low for request in requests if request.low), key=precedence)
    highs = sorted((request.high for request in requests if request.high), key=precedence)
    if not lows:
        return Span("", "", shortest_path=False)
    single = [request for request in requests if request.low == request.high]  # one release, or the head
    up_to_head = any(not request.high for request in requests)
    on_path = len(single) == len(requests) == 2
    return Span(lows[0], "" if up_to_head else highs[-1], shortest_path=on_path)


def version_requests_of(
    cluster: FleetCluster, locate: Callable[[FleetCluster, str], str]
) -> frozenset[VersionRequest]:
    """Return the releases that a cluster requests: by its label, and by its installation.

    The label is the version to upgrade to if `openshift-upgrade` is 'true', in `openshift-upgrade-channel`
    (AutoShift policies/stable/openshift-upgrade). A cluster that AutoShift creates is first installed with
    `config.clusterInstall.openshiftVersion`, in `openshiftChannel` (policies/stable/cluster-install).
    `locate` returns file and line of a label. Raises InvalidInputError for a malformed version.
    """
    requests = set()
    labels = cluster.labels
    if version := labels.get(VERSION_LABEL):
        upgrades = labels.get("openshift-upgrade") == "true"
        channel = labels.get("openshift-upgrade-channel", "") if upgrades else ""
        what = f"{VERSION_LABEL} of {cluster.entry}"
        requests.add(_request(version, channel, what, lambda: locate(cluster, VERSION_LABEL)))
    install = _installation(cluster)
    if version := _text(install, "openshiftVersion"):
        what = f"config.clusterInstall.openshiftVersion of {cluster.entry}"
        requests.add(_request(version, _text(install, "openshiftChannel"), what, lambda: ""))
    return frozenset(requests)


def architecture_of(cluster: FleetCluster) -> str:
    """Return a cluster's architecture as oc-mirror names it.

    X86_64's if AutoShift does not create the cluster.
    """
    name = _text(_installation(cluster), "cpuArch") or "x86_64"
    if name not in ARCHITECTURES:
        raise InvalidInputError(
            f"config.clusterInstall.cpuArch of {cluster.entry} is '{name}'",
            f"use one of {', '.join(ARCHITECTURES)}",
        )
    return ARCHITECTURES[name]


def _installation(cluster: FleetCluster) -> Mapping[str, Tree]:
    """Return `config.clusterInstall` of a cluster that AutoShift creates, else an empty map."""
    install = cluster.config.get("clusterInstall")
    if isinstance(install, dict) and _text(install, "createCluster") == "true":
        return install
    return {}


def _request(version: str, channel: str, what: str, where: Callable[[], str]) -> VersionRequest:
    try:
        return parse_version_request(version, channel)
    except ValueError as error:
        place = where()
        raise InvalidInputError(f"{place}{': ' if place else ''}{what}: {error}", f"write {FORMS}") from error


def _channel(channel: str, minor: str) -> str:
    full = channel if "-" in channel else f"{channel}-{minor}"
    if not _CHANNEL.fullmatch(full):
        raise ValueError(f"'{channel}' is not a release channel such as stable-{minor}")
    return full


def _text(tree: Mapping[str, Tree], key: str) -> str:
    value = tree.get(key)
    return value if isinstance(value, str) else ""
