"""A finding: one old object, what becomes of it, and when.

The order of the moments is the specification's ("Migration from Old Pipeline"): both side by side, then the
triggers, then the old one goes.
"""

from __future__ import annotations

import enum
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps.workload import names

if TYPE_CHECKING:
    from steps.migration.inventory import Found


class Moment(enum.Enum):
    """When something is to be done, in the words of the report."""

    KEEP = "Keep"
    BEFORE = "Before tekton/ is applied"
    APPLY = "When tekton/ is applied"
    SWITCH = "When the triggers are switched"
    LAST = "When the new pipelines have proven themselves"


@dataclass(frozen=True, slots=True)
class Finding:
    """One object and what to do with it: `why` is a sentence, `do` a shell command or empty."""

    found: Found
    moment: Moment
    action: str
    why: str
    do: str = ""


@dataclass(frozen=True, slots=True)
class Where:
    """The namespaces of the old installation."""

    pipelines: str = names.PIPELINE_NAMESPACE
    workloads: str = names.WORKLOAD_NAMESPACE


def keep(found: Found, why: str, do: str = "") -> Finding:
    """It stays."""
    return Finding(found, Moment.KEEP, "keep", why, do)


def remove(found: Found, why: str, moment: Moment = Moment.LAST) -> Finding:
    """It goes, by default when nothing needs it any more."""
    return Finding(found, moment, "remove", why, command("delete", found))


def command(verb: str, found: Found, *rest: str) -> str:
    """`oc VERB KIND NAME -n NAMESPACE …`, quoted: a name out of a file may be anything."""
    where = ("-n", found.namespace) if found.namespace else ()
    return shlex.join(["oc", verb, found.kind.lower(), found.name, *where, *rest])
