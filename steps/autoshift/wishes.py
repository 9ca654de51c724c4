"""Which OpenShift releases and architectures a cluster set or cluster wants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from steps.autoshift.versions import FORMS, Wish, parse_wish
from steps.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from steps.autoshift.fleet import Member
    from steps.yaml.text import Tree

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


def wishes_of(member: Member, locate: Callable[[Member, str], str]) -> frozenset[Wish]:
    """Return the releases a member names: its label, and the version it is installed with where we install
    it.

    The label is the version to upgrade to where `openshift-upgrade` is 'true', in `openshift-upgrade-channel`
    (AutoShift policies/stable/openshift-upgrade); a created cluster is first installed with
    `config.clusterInstall.openshiftVersion`, in `openshiftChannel` (policies/stable/cluster-install). Raises
    InvalidInputError for a version that is none.
    """
    wishes = set()
    labels = member.labels
    if version := labels.get(VERSION_LABEL):
        upgrades = labels.get("openshift-upgrade") == "true"
        channel = labels.get("openshift-upgrade-channel", "") if upgrades else ""
        wishes.add(
            _wish(
                version, channel, f"{VERSION_LABEL} of {member.group}", lambda: locate(member, VERSION_LABEL)
            )
        )
    install = created(member)
    version = _text(install, "openshiftVersion")
    if version:
        what = f"config.clusterInstall.openshiftVersion of {member.group}"
        wishes.add(_wish(version, _text(install, "openshiftChannel"), what, lambda: ""))
    return frozenset(wishes)


def architecture_of(member: Member) -> str:
    """Return a member's architecture in oc-mirror's words; x86_64 where AutoShift does not create it."""
    name = _text(created(member), "cpuArch") or "x86_64"
    if name not in ARCHITECTURES:
        raise InvalidInputError(
            f"config.clusterInstall.cpuArch of {member.group} is '{name}'",
            f"use one of {', '.join(ARCHITECTURES)}",
        )
    return ARCHITECTURES[name]


def created(member: Member) -> Mapping[str, Tree]:
    """Return `config.clusterInstall` of a cluster that AutoShift creates, else nothing."""
    install = member.config.get("clusterInstall")
    if isinstance(install, dict) and _text(install, "createCluster") == "true":
        return install
    return {}


def _wish(version: str, channel: str, what: str, where: Callable[[], str]) -> Wish:
    try:
        return parse_wish(version, channel)
    except ValueError as error:
        place = where()
        raise InvalidInputError(f"{place}{': ' if place else ''}{what}: {error}", f"write {FORMS}") from error


def _text(tree: Mapping[str, Tree], key: str) -> str:
    value = tree.get(key)
    return value if isinstance(value, str) else ""
