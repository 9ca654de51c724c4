"""Verdicts for people, as a table with the worst first, and for programs, as JSON (pure)."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from steps import units
from steps.log_lines import printable
from steps.readiness.reasons import ORDER, State, worst

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from steps.readiness.needs import ClusterNeed
    from steps.readiness.reasons import Reason
    from steps.readiness.verdict import Judged, Verdict

FORMAT: Final = 1
BRIEF: Final = (
    "this list was too long for its ConfigMap: operators, what is missing, and all reasons but the worst are"
    " left out; fleet-readiness --json has them"
)
SHOWN_CLUSTERS: Final = 40
"""Rows of the table; what is alike is one row."""
SHOWN_REASONS: Final = 5
"""Reasons of a row."""
SHOWN_NAMES: Final = 4
"""Clusters of a row by name."""


def table(verdicts: Sequence[Verdict], notes: Iterable[str] = ()) -> str:
    """Return the verdicts as text: a line that counts, then what is alike together, the worst first."""
    alike: dict[tuple[Any, ...], list[Verdict]] = {}
    for one in verdicts:
        alike.setdefault((one.registry, one.judged.state, one.judged.reasons, one.judged.path), []).append(
            one
        )
    groups = sorted(
        alike.values(),
        key=lambda many: (-ORDER.index(many[0].judged.state), -len(many), many[0].cluster.name),
    )
    lines = [summary(verdicts)]
    for many in groups[:SHOWN_CLUSTERS]:
        lines += ["", *_rows(many)]
    left = sum(len(many) for many in groups[SHOWN_CLUSTERS:])
    if left:
        lines += ["", f"and {left} more; --json names all"]
    lines += [f"note: {note}" for note in notes]
    return "\n".join(map(printable, lines))  # names and risks are of others


def summary(verdicts: Sequence[Verdict]) -> str:
    """Return how many clusters and registries there are, and how many verdicts of each kind."""
    counts = Counter(one.judged.state for one in verdicts)
    clusters = len({(one.cluster.kind, one.cluster.name) for one in verdicts})
    registries = len({one.registry for one in verdicts if one.registry})
    said = ", ".join(f"{counts[state]} {state}" for state in reversed(ORDER) if counts[state])
    where = f"{_many(clusters, 'cluster')}, {_many(registries, 'registry', 'registries')}"
    return f"{where}: {said or 'nothing to judge'}"


def is_ready(verdicts: Sequence[Verdict]) -> bool:
    """Return whether every cluster is ready, with warnings or without; False where there is no cluster."""
    return bool(verdicts) and all(one.judged.state in {State.READY, State.WARNINGS} for one in verdicts)


def worst_of(verdicts: Sequence[Verdict]) -> State:
    """Return the worst verdict; `unknown` where there is no cluster."""
    return worst(one.judged.state for one in verdicts) if verdicts else State.UNKNOWN


def counts_of(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """Return how many verdicts of each kind there are."""
    counts = Counter(one.judged.state for one in verdicts)
    return {str(state): counts[state] for state in ORDER}


def wanted_by(cluster: ClusterNeed) -> str:
    """Return the release that the values name for a cluster; empty where they name none."""
    target = cluster.alternatives[0].target
    return str(target) if target else ""


def document(
    verdicts: Sequence[Verdict], *, made: str, notes: Iterable[str] = (), brief: bool = False
) -> str:
    """Return the verdicts as JSON. `made` is RFC 3339 in UTC.

    What is alike is written once, as a judgement, to which clusters refer by its place in the list. `brief`
    leaves of a judgement the path, and the worst reason without what is missing; a note says so.
    """
    judgements = {id(one.judged): one.judged for one in verdicts}
    place_of = {name: place for place, name in enumerate(judgements)}
    return json.dumps(
        {
            "format": FORMAT,
            "made": made,
            "ready": is_ready(verdicts),
            "counts": counts_of(verdicts),
            "notes": [*notes, *([BRIEF] if brief else [])],
            "judgements": [(_brief if brief else _judgement)(judged) for judged in judgements.values()],
            "clusters": [_entry(one, place_of[id(one.judged)]) for one in verdicts],
        },
        indent=1,
        ensure_ascii=False,
    )


def _rows(alike: Sequence[Verdict]) -> list[str]:
    first = alike[0]
    names = [
        one.cluster.name if one.cluster.kind == "cluster" else f"{one.cluster.kind} {one.cluster.name}"
        for one in alike
    ]
    way = f"  {' > '.join(first.judged.path)}" if first.judged.path else ""
    where = f"  at {first.registry}" if first.registry else ""
    lines = [f"{str(first.judged.state).upper()}  {units.few(names, SHOWN_NAMES)}{where}{way}"]
    for reason in first.judged.reasons[:SHOWN_REASONS]:
        lines.append(f"  {reason}")
        if reason.missing:
            more = " …" if reason.count > len(reason.missing) else ""
            lines.append(f"    {', '.join(reason.missing)}{more}")
        lines.append(f"    to do: {reason.to_do}")
    left = len(first.judged.reasons) - SHOWN_REASONS
    return [*lines, f"  and {left} more reasons; --json names all"] if left > 0 else lines


def _judgement(judged: Judged) -> dict[str, Any]:
    return {
        "path": list(judged.path),
        "operators": [
            {"package": one.package, "channel": one.channel, "version": one.version, "catalog": one.catalog}
            for one in judged.chosen
        ],
        "reasons": [_reason(reason) for reason in judged.reasons],
    }


def _brief(judged: Judged) -> dict[str, Any]:
    reasons = [{**_reason(reason), "missing": []} for reason in judged.reasons[:1]]
    return {"path": list(judged.path), "operators": [], "reasons": reasons}


def _entry(verdict: Verdict, judgement: int) -> dict[str, Any]:
    cluster = verdict.cluster
    return {
        "cluster": cluster.name,
        "kind": cluster.kind,
        "sets": list(cluster.sets),
        "registry": verdict.registry,
        "verdict": str(verdict.judged.state),
        "current": cluster.current,
        "current_from": cluster.told_by,
        "wanted": wanted_by(cluster),
        "judgement": judgement,
    }


def _reason(reason: Reason) -> dict[str, Any]:
    return {
        "cause": str(reason.cause),
        "state": str(reason.state),
        "what": reason.what,
        "missing": list(reason.missing),
        "count": reason.count,
        "to_do": reason.to_do,
    }


def _many(number: int, one: str, several: str = "") -> str:
    return f"{number} {one if number == 1 else several or f'{one}s'}"
