"""OpenShift releases: the version requests of a cluster, their forms, and how several become one range.

A request is `4.18`, `4.18.22`, `4.18.10-4.18.22`, `4.18.10-`, or an update path from a minor to a later one:
`4.18.22-4.20.12`, `4.18.22-4.20`. What oc-mirror makes of a release channel (release/cincinnati.go): without
versions the head of the channel, with a minimum every release from there on, with both the range, with
`shortestPath` only the releases on the shortest update path, and with a maximum alone every release from the
channel's beginning, which nobody wants. So `X.Y` means the newest release of that minor, `X.Y.Z` that release
only, and a maximum never comes without a minimum.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from steps.autoshift.installation import Installation
from steps.autoshift.release_channels import (
    UpdateChannel,
    home_of,
    is_of_eus_phase,
    minor_at,
    minor_of,
    passed_by_eus,
    position_of,
)
from steps.errors import InvalidInputError
from steps.versions import precedence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from steps.autoshift.fleet import FleetCluster
    from steps.yaml.source import SourceFile

_NUMBER: Final = r"(?:0|[1-9]\d{0,4})"
_MINOR: Final = rf"{_NUMBER}\.{_NUMBER}"
_VERSION: Final = rf"{_MINOR}\.{_NUMBER}(?:-(?:ec|rc)\.\d{{1,4}})?"
_RANGE: Final = rf"({_VERSION})-({_VERSION}|{_MINOR})?"

FORMS: Final = (
    "X.Y (its newest release), X.Y.Z, X.Y.Z-X.Y.Z (a range, or across minors the update path), X.Y.Z-X.Y "
    "(the path to its newest release), or X.Y.Z- (to the newest of its minor)"
)
VERSION_LABEL: Final = "openshift-version"
UPGRADE_LABEL: Final = "openshift-upgrade"
UPGRADE_DEFAULTS: Final = {
    "openshift-upgrade-channel": "",
    "openshift-upgrade-upstream": "https://api.openshift.com/api/upgrades_info/v1/graph",
}
"""What AutoShift sets where a cluster that it upgrades lacks a label (policies/stable/openshift-upgrade,
manifests/clusterversion.yaml, 15e992e3). Its channel is another one in each version."""
_UPGRADE_POLICY: Final = re.compile(r"(?:^|/)openshift-upgrade/manifests/clusterversion\.yaml$")
_UPGRADE_DEFAULT: Final = re.compile(
    r'"autoshift\.io/(openshift-upgrade-\w+)"\s*\|\s*default\s+"([^"\s]{1,200})"'
)
MOST_MINORS: Final = 12
"""Minors of an update path; each has catalogs of its own. Nobody updates over so many at once."""


@dataclass(frozen=True, slots=True, order=True)
class VersionRequest:
    """The requested releases of a minor: from `low` to `high`; blank is the newest release of the minor.

    With a `low` of an earlier minor it is an update path, which ends in `minor`.
    """

    minor: str
    channel: str
    low: str = ""
    high: str = ""

    def __str__(self) -> str:
        """Return the request in the form in which it can be written."""
        if not self.low:
            return self.minor
        if self.is_path:
            return f"{self.low}-{self.high or self.minor}"
        return self.low if self.low == self.high else f"{self.low}-{self.high}"

    @property
    def is_path(self) -> bool:
        """Whether it leads from one minor to another."""
        return bool(self.low) and minor_of(self.low) != self.minor

    @property
    def is_single(self) -> bool:
        """Whether it is one release, if only the newest of its minor."""
        return self.low == self.high

    @property
    def minors(self) -> tuple[str, ...]:
        """The minors that clusters run for longer: of an update path not those that an EUS update passes by.

        From one even minor to the next the control plane goes through the odd one between; worker nodes and
        operators need not stop there (OpenShift manual, "Performing a Control Plane Only update").
        """
        if not self.is_path:
            return (self.minor,)
        start, end = position_of(minor_of(self.low)), position_of(self.minor)
        one_major = self.low.partition(".")[0] == self.minor.partition(".")[0]
        between = range(start + 1, end) if one_major else ()
        stops = [minor_at(position) for position in between if not passed_by_eus(position)]
        return (minor_of(self.low), *stops, self.minor)


@dataclass(frozen=True, slots=True)
class Span:
    """The range of a release channel that covers several requests; blank means not given."""

    low: str
    high: str
    shortest_path: bool


def parse_version_request(text: str, channel: str = "") -> VersionRequest:
    """Parse a version; raise ValueError that says what is wrong with it (without place and hint).

    `channel` is the release channel, or only its kind (`eus`). The default is `stable`, or `candidate` for an
    engineering or release candidate, which no other channel has, and `eus` for a release of the EUS phase;
    for a path the one that has both its ends.
    """
    if re.fullmatch(_MINOR, text):
        return VersionRequest(text, _channel(channel or "stable", text))
    if re.fullmatch(_VERSION, text):
        minor = minor_of(text)
        return VersionRequest(minor, _channel(channel or _usual(text), minor), text, text)
    if found := re.fullmatch(_RANGE, text):
        low, end = found[1], found[2] or minor_of(found[1])
        minor, high = minor_of(end), "" if re.fullmatch(_MINOR, end) else end
        way = position_of(minor) - position_of(minor_of(low))
        if way < 0 or (high and precedence(low) > precedence(high)):
            raise ValueError(f"'{text}' begins after its end")
        if way > MOST_MINORS and not UpdateChannel.of("candidate", minor).has(low):
            raise ValueError(
                f"'{text}' goes over more than {MOST_MINORS} minors, or to another major version"
            )
        return VersionRequest(minor, _channel(channel or _usual(low, end), minor), low, high)
    raise ValueError(f"'{text}' is not an OpenShift version")


def _usual(start: str, end: str = "") -> str:
    """Return the kind of the channel for a release, or for the path between two: eus for EUS updates."""
    if "-" in (end or start):
        return "candidate"
    if is_of_eus_phase(end or start):
        return "eus"
    way = position_of(minor_of(end or start)) - position_of(minor_of(start))
    return "eus" if way == 2 and passed_by_eus(position_of(minor_of(start)) + 1) else "stable"


def with_bounds(version: str, minimum: str, maximum: str) -> str:
    """Combine a minor with the bounds of AutoShift's generator (--min-version, --max-version) into a request.

    Blank means not given. Raises ValueError if version and bounds contradict each other, or for a maximum
    without a minimum: to oc-mirror that means all releases from the beginning of the channel.
    """
    if not minimum and not maximum:
        return version
    if not minimum:
        raise ValueError(f"max-version {maximum} needs a min-version: without one the whole channel comes")
    if version and not re.fullmatch(_MINOR, version):
        raise ValueError(
            f"openshift-version {version} is exact already; give X.Y, or no min- and max-version"
        )
    for name, bound in (("min-version", minimum), ("max-version", maximum)):
        if bound and not re.fullmatch(_VERSION, bound):
            raise ValueError(f"{name} {bound} is not a release X.Y.Z")
    if maximum and precedence(minimum) > precedence(maximum):
        raise ValueError(f"min-version {minimum} is later than max-version {maximum}")
    if version and position_of(minor_of(minimum)) > position_of(version):
        raise ValueError(f"min-version {minimum} is not of openshift-version {version}")
    if version and maximum and position_of(minor_of(maximum)) < position_of(version):
        raise ValueError(f"max-version {maximum} is not of openshift-version {version}")
    return f"{minimum}-{maximum or (version if version != minor_of(minimum) else '')}"


def put_right(request: VersionRequest) -> tuple[VersionRequest, str]:
    """Return a request with a channel that has its releases, and what is wrong with the one it named.

    The text is empty where nothing is wrong: a cluster may look ahead into the channel of a later minor.
    """
    named = UpdateChannel.parse(request.channel)
    end = request.high or request.minor
    start = end if request.is_path else request.low or request.minor
    # The newest release of a minor is the head of no other minor's channel.
    right = named.has(start) and named.has(end) and (request.high or named.minor == request.minor)
    if right:
        return request, ""
    channel = home_of(start, named.kind)
    better = replace(request, channel=str(channel))
    if named.may_have(start):
        return better, ""
    what = f"has no release {start}" if named.exists else "does not exist, as EUS is for even minors only"
    return better, f"release channel {named} {what}: {request} is taken from {channel}; correct the channel"


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
    up_to_head = any(not request.high for request in requests)
    on_path = len(requests) == 2 and all(request.is_single for request in requests)
    return Span(lows[0], "" if up_to_head else highs[-1], shortest_path=on_path)


def version_requests_of(
    cluster: FleetCluster, locate: Callable[[FleetCluster, str], str]
) -> frozenset[VersionRequest]:
    """Return the releases that a cluster requests: by its label, and by its installation.

    The label is the version to upgrade to if `openshift-upgrade` is 'true', in `openshift-upgrade-channel`
    (AutoShift policies/stable/openshift-upgrade). A cluster that AutoShift creates is first installed with
    the release that `config.clusterInstall` names. `locate` returns file and line of a label. Raises
    InvalidInputError for a malformed version.
    """
    requests = set()
    labels = cluster.labels
    if version := labels.get(VERSION_LABEL):
        upgrades = labels.get("openshift-upgrade") == "true"
        channel = labels.get("openshift-upgrade-channel", "") if upgrades else ""
        what = f"{VERSION_LABEL} of {cluster.entry}"
        requests.add(_request(version, channel, what, lambda: locate(cluster, VERSION_LABEL)))
    install = Installation.of(cluster)
    if install.version:
        what = f"{install.version_key} of {cluster.entry}"
        requests.add(_request(install.version, install.channel, what, lambda: ""))
    return frozenset(requests)


def upgrade_defaults(policies: Iterable[SourceFile]) -> dict[str, str]:
    """Return what AutoShift takes for each label of an upgrade that a cluster lacks, by its policies.

    Without the policy these are UPGRADE_DEFAULTS, of which an empty one is not known.
    """
    found = dict(UPGRADE_DEFAULTS)
    for source in policies:
        if _UPGRADE_POLICY.search(source.path):
            told = _UPGRADE_DEFAULT.findall(source.content.decode(errors="replace"))
            found |= {label: default for label, default in told if label in found}
    return found


def upgraded_by_default(cluster: FleetCluster, defaults: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the labels of an upgrade that a cluster lacks, with AutoShift's default of each.

    There are none if AutoShift does not upgrade the cluster. `defaults` are those of `upgrade_defaults`.
    """
    if cluster.labels.get(UPGRADE_LABEL) != "true":
        return ()
    return tuple((label, default) for label, default in defaults.items() if not cluster.labels.get(label))


def upgraded_inexactly(cluster: FleetCluster) -> str:
    """Return a label `openshift-version` that AutoShift upgrades by, and that is no release X.Y.Z; else "".

    Its policy writes the text into `desiredUpdate.version`, where only a release of the channel is taken.
    """
    version = cluster.labels.get(VERSION_LABEL, "")
    if cluster.labels.get(UPGRADE_LABEL) != "true" or re.fullmatch(_VERSION, version):
        return ""
    return str(version)


def _request(version: str, channel: str, what: str, where: Callable[[], str]) -> VersionRequest:
    try:
        return parse_version_request(version, channel)
    except ValueError as error:
        place = where()
        raise InvalidInputError(f"{place}{': ' if place else ''}{what}: {error}", f"write {FORMS}") from error


def _channel(channel: str, minor: str) -> str:
    """Return the full name of a channel, of which `channel` may be the kind only. Raises ValueError."""
    return str(UpdateChannel.parse(channel if "-" in channel else f"{channel}-{minor}"))
