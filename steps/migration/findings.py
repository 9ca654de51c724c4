"""Findings: an old object, what to do with it, and when.

The moments are in the order of the specification ("Migration from Old Pipeline"): run both pipelines side by
side, switch the triggers, remove the old pipeline.
"""

from __future__ import annotations

import enum
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps.workload import names

if TYPE_CHECKING:
    from steps.migration.old_objects import OldObject


class Moment(enum.Enum):
    """When to act on a finding; the value is the heading in the report."""

    KEEP = "Keep"
    BEFORE = "Before tekton/ is applied"
    APPLY = "When tekton/ is applied"
    SWITCH = "When the triggers are switched"
    LAST = "When the new pipelines have proven themselves"


@dataclass(frozen=True, slots=True)
class Finding:
    """An old object and what to do with it: `why` is a sentence, `do` a shell command or empty."""

    old: OldObject
    moment: Moment
    action: str
    why: str
    do: str = ""


@dataclass(frozen=True, slots=True)
class Namespaces:
    """The namespaces of the old installation."""

    pipelines: str = names.PIPELINE_NAMESPACE
    workloads: str = names.WORKLOAD_NAMESPACE


def keep(old: OldObject, why: str, do: str = "") -> Finding:
    """Return a finding that keeps the object."""
    return Finding(old, Moment.KEEP, "keep", why, do)


def remove(old: OldObject, why: str, moment: Moment = Moment.LAST) -> Finding:
    """Return a finding that removes the object, by default after the switch to the new pipelines."""
    return Finding(old, moment, "remove", why, command("delete", old))


def command(verb: str, old: OldObject, *rest: str) -> str:
    """Return `oc VERB KIND NAME -n NAMESPACE …`, quoted for a shell, as a name may hold any character."""
    namespace = ("-n", old.namespace) if old.namespace else ()
    return shlex.join(["oc", verb, old.kind.lower(), old.name, *namespace, *rest])
