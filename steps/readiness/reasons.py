"""Why a cluster is not ready, or why nobody knows, or what else is to be seen to (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class State(StrEnum):
    """What is said of a cluster and a registry, the worst last."""

    READY = "ready"
    WARNINGS = "ready with warnings"
    UNKNOWN = "unknown"
    NOT_READY = "not ready"


class Cause(StrEnum):
    """What is the matter."""

    NEVER_ASKED = "never asked for"
    OTHER_MINOR = "mirrored for another minor"
    DELETED = "deleted"
    LOST = "lost in the registry"
    NOT_BROUGHT = "asked for, and no run has brought it"
    MISSING = "not in the registry"
    OTHER_IMAGE = "another image under the same tag"
    INCOMPLETE = "incomplete in the registry"
    UNFIT = "not for the architecture of the cluster"
    SIGNATURE = "signature missing or wrong"
    NOT_COVERED = "not covered by the mirror configuration"
    NO_PATH = "no update path"
    NO_OPERATOR = "OLM finds no version"
    FORBIDS_MINOR = "operator forbids the next minor"
    NEEDS_LATER = "operator needs a later OpenShift"
    REQUIRED = "what an operator requires is missing"
    REFUSED = "the registry refuses to answer"
    UNREADABLE = "what is there cannot be read"
    NO_ANSWER = "the registry does not answer"
    NOT_PUBLISHED = "what was published is not known"
    NO_CURRENT = "what runs now is not known"
    NO_RELEASE = "the values name no release"
    BY_DEFAULT = "a default of AutoShift leads elsewhere"
    NO_GRAPH = "the update graph is not known"
    NO_CATALOG = "the catalog of an operator is not known"
    LED_ELSEWHERE = "the values lead an operator to another catalog"
    UNCLEAR = "what an operator requires is not known"
    UNVERIFIED = "signatures were not verified"
    NOT_ASKED = "its registry was not looked at"
    CONDITIONAL = "update is recommended under a condition only"
    BY_WAY_OF = "update in several steps"
    LATER_RUNS = "a later release runs already"
    LATER_INSTALLED = "a later version of an operator is installed"
    UPDATE_FIRST = "operator has to be updated first"
    LIMIT = "whether an installed operator allows the next minor is not known"
    RUNNING = "what runs now is not whole in the registry"
    INSTALLED = "installed operators are not known"
    SET = "cluster set is not known"
    STRANGE = "a label is not known"
    NO_SERVICE = "no update service is published"
    SKIPPED = "signatures were not looked at"
    BLOCK = "the values lead images elsewhere"


UNKNOWN: Final = frozenset(
    {
        Cause.NO_ANSWER,
        Cause.REFUSED,
        Cause.UNREADABLE,
        Cause.NOT_PUBLISHED,
        Cause.NO_CURRENT,
        Cause.NO_RELEASE,
        Cause.BY_DEFAULT,
        Cause.NO_GRAPH,
        Cause.NO_CATALOG,
        Cause.LED_ELSEWHERE,
        Cause.UNCLEAR,
        Cause.UNVERIFIED,
        Cause.NOT_ASKED,
    }
)
"""Causes by which nothing is known."""
WARNINGS: Final = frozenset(
    {
        Cause.CONDITIONAL,
        Cause.BY_WAY_OF,
        Cause.LATER_RUNS,
        Cause.LATER_INSTALLED,
        Cause.UPDATE_FIRST,
        Cause.LIMIT,
        Cause.RUNNING,
        Cause.INSTALLED,
        Cause.SET,
        Cause.STRANGE,
        Cause.NO_SERVICE,
        Cause.SKIPPED,
        Cause.BLOCK,
    }
)
"""Causes by which a cluster is ready all the same."""
RUNS: Final = "workflow-direct, or workflow-to-disk and workflow-from-disk"
"""The runs that bring something to a registry."""
_AGAIN: Final = "workflow-direct, or workflow-from-disk, with skip-unchanged=false"
_BACK: Final = (
    "workflow-verify-target with verify-layers=all and repair=true brings it back, or says what does"
)
_STORAGE: Final = "look at the registry's storage and its garbage collection"
TO_DO: Final[Mapping[Cause, str]] = {
    Cause.NEVER_ASKED: f"mirror it by an ImageSet that names it: {RUNS}",
    Cause.OTHER_MINOR: "mirror it for this minor: deploy the ImageSet that these values give",
    Cause.DELETED: "mirror it again, by an ImageSet that names it; workflow-delete-execute deleted it",
    Cause.LOST: f"{_BACK}; {_STORAGE}",
    Cause.NOT_BROUGHT: f"see in the log of the last run what failed, then mirror it again: {_AGAIN}",
    Cause.MISSING: f"mirror it again, by an ImageSet that names it: {RUNS}",
    Cause.OTHER_IMAGE: f"find out who pushed it; {_BACK}",
    Cause.INCOMPLETE: f"{_BACK}; {_STORAGE}",
    Cause.UNFIT: "choose a version that its maker built for this architecture, or another image",
    Cause.SIGNATURE: "see the cause in docs/reference/verdicts.md; mirror again with signatures=auto",
    Cause.NOT_COVERED: "mirror it with this data directory, and apply all of its cluster-resources",
    Cause.NO_PATH: "mirror the releases between: openshift-version=CURRENT-TARGET",
    Cause.NO_OPERATOR: "compare channel and pin of the operator with the mirrored catalog, then mirror again",
    Cause.FORBIDS_MINOR: "mirror and install a version of the operator that supports the next minor first",
    Cause.NEEDS_LATER: "pin the operator to a version for this minor, or mirror the catalog of this minor",
    Cause.REQUIRED: f"mirror the ImageSet that these values give, which has what operators require: {RUNS}",
    Cause.NO_ANSWER: "look again when it answers",
    Cause.REFUSED: "see that the pull secret (--authfile, or pull-secret) has a login for it that may read",
    Cause.UNREADABLE: f"see what is stored under this name, then mirror it again: {RUNS}",
    Cause.NOT_PUBLISHED: "give --data, the data directory of its runs, or --published, an exported ConfigMap",
    Cause.NO_CURRENT: "give --hub-state, or --former-revision with the values that are in force",
    Cause.NO_RELEASE: "set the label openshift-version, or the parameter of that name",
    Cause.BY_DEFAULT: "set this label for the clusters that AutoShift upgrades",
    Cause.NO_GRAPH: "mirror with graph: true, and look at openshift/graph-image",
    Cause.NO_CATALOG: "say which catalog it is: catalog-sources=NAME=HOST/PATH:TAG",
    Cause.LED_ELSEWHERE: "put the block of this mirror into the values: publish-to-git does it",
    Cause.UNCLEAR: "see what it requires, and that the mirror has it, before you update",
    Cause.UNVERIFIED: "give --release-keys, the public keys by which clusters verify releases",
    Cause.NOT_ASKED: "name it by --target-registry, or give the data directory of its runs",
    Cause.CONDITIONAL: "read about the risk before you update",
    Cause.BY_WAY_OF: "let openshift-version name each of these releases in turn",
    Cause.LATER_RUNS: "raise openshift-version in the values",
    Cause.LATER_INSTALLED: "OLM leaves it; its images were not looked for, so see that the mirror has them",
    Cause.UPDATE_FIRST: "let OLM update it before the cluster",
    Cause.LIMIT: "see the condition Upgradeable of the cluster: oc get clusterversion version -o yaml",
    Cause.RUNNING: "mirror the release that runs as well: new nodes need it",
    Cause.INSTALLED: "give --hub-state with the operators of each cluster",
    Cause.STRANGE: "if it is an operator, add its labels -subscription-name, -channel and -source",
    Cause.SET: "name config.clusterSet in the values, or give --hub-state",
    Cause.NO_SERVICE: "mirror with graph: true, so that oc-mirror writes the UpdateService",
    Cause.SKIPPED: "leave out --without-signatures",
    Cause.BLOCK: "put the block of this mirror into the values, or let clusters apply what was published",
}
"""What to do about each, where nothing more precise is known."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that is the matter: of what, the first digests or places that are missing, and their number.

    `remedy` is what to do about it; empty for that of the cause.
    """

    cause: Cause
    what: str
    missing: tuple[str, ...] = ()
    count: int = 0
    remedy: str = ""

    @property
    def to_do(self) -> str:
        """What to do about it."""
        return self.remedy or TO_DO[self.cause]

    @property
    def state(self) -> State:
        """What it makes of a cluster."""
        return state_of(self.cause)

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.cause}: {self.what}"


def state_of(cause: Cause) -> State:
    """Return what a cause makes of a cluster."""
    if cause in WARNINGS:
        return State.WARNINGS
    return State.UNKNOWN if cause in UNKNOWN else State.NOT_READY


ORDER: Final = (State.READY, State.WARNINGS, State.UNKNOWN, State.NOT_READY)


def worst(states: Iterable[State]) -> State:
    """Return the worst of some states; ready for none."""
    return max(states, key=ORDER.index, default=State.READY)
