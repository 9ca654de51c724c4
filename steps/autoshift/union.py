"""Many demands for packages become one list of operators: each package once per catalog and minor."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from steps.autoshift.catalogs import INDEXES, catalog_reference
from steps.autoshift.names import few, sorted_names
from steps.autoshift.operators import CATALOG_DEFAULTS
from steps.autoshift.plan import Channel, Operator
from steps.autoshift.resolving import Resolver
from steps.catalog.dependencies import lack
from steps.versions import natural, precedence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from steps.autoshift.subscription import Demand
    from steps.catalog.packages import Catalog

Asked: TypeAlias = "Mapping[tuple[str, Demand], set[str]]"
_Key: TypeAlias = tuple[str, str, str]  # minor, source, package


@dataclass(frozen=True, slots=True)
class Union:
    """The operators, what is doubtful about them, and what the catalogs do not have of them."""

    operators: tuple[Operator, ...]
    warnings: tuple[str, ...]
    lacks: tuple[str, ...]


def unite(asked: Asked, catalogs: Mapping[str, Catalog]) -> Union:
    """Unite demands (minor, demand) -> who asks; add what they require.

    `catalogs` are those that were read, by reference; for the others the built-in facts serve.
    """
    warnings: list[str] = []
    by_package: dict[_Key, list[tuple[Demand, set[str]]]] = defaultdict(list)
    for (minor, demand), who in _with_requirements(asked, Resolver(catalogs, asked, warnings)).items():
        by_package[minor, demand.source, demand.package].append((demand, who))
    operators, lacks = [], []
    for key, demands in by_package.items():
        catalog = catalogs.get(catalog_reference(key[1], key[0]))
        operator = _operator(key, demands, catalog)
        operators.append(operator)
        if catalog is None:
            warnings.extend(_beyond(operator))
        elif text := lack(catalog, operator.package, [channel.name for channel in operator.channels]):
            lacks.append(f"{text}; asked for by {few(operator.asked_by)} ({operator.reason})")
    order_of_source = list(INDEXES)
    operators.sort(key=lambda op: (natural(op.minor), order_of_source.index(op.source), op.package))
    return Union(tuple(operators), tuple(sorted(set(warnings))), tuple(sorted(lacks)))


def _with_requirements(asked: Asked, resolver: Resolver) -> dict[tuple[str, Demand], set[str]]:
    """Settle all demands and what these require in turn, asked for by whoever asks for what needs them."""
    everything: dict[tuple[str, Demand], set[str]] = defaultdict(set)
    waiting = deque((minor, demand, who) for (minor, demand), who in asked.items())
    while waiting:
        minor, demand, who = waiting.popleft()
        for settled in resolver.settle(minor, demand, who):
            known = everything[minor, settled]
            if not who <= known:
                known |= who
                waiting.extend((minor, needed, who) for needed in resolver.required(minor, settled, who))
    return everything


def _operator(key: _Key, demands: list[tuple[Demand, set[str]]], catalog: Catalog | None) -> Operator:
    minor, source, package = key
    found = catalog.package(package) if catalog else None
    by_channel: dict[str, list[tuple[Demand, set[str]]]] = defaultdict(list)
    for demand, who in demands:
        if demand.channel is not None:
            by_channel[demand.channel].append((demand, who))
    channels = tuple(_channel(name, by_channel[name]) for name in sorted(by_channel, key=natural))
    usual = found.default_channel if found else CATALOG_DEFAULTS.get(package, "").replace("{minor}", minor)
    return Operator(
        minor=minor,
        source=source,
        package=package,
        channels=channels,
        default_channel=channels[-1].name if channels and usual not in by_channel else None,
        asked_by=sorted_names(name for _, who in demands for name in who),
        reason=_reason([demand for demand, _ in demands]),
    )


def _channel(name: str, demands: list[tuple[Demand, set[str]]]) -> Channel:
    """Restrict a channel to the pinned versions; where anybody is not pinned, up to its head."""
    pins = sorted({demand.pin for demand, _ in demands if demand.pin}, key=precedence)
    free = any(demand.pin is None for demand, _ in demands)
    return Channel(
        name=name,
        asked_by=sorted_names(asker for _, who in demands for asker in who),
        origin="; ".join(sorted({demand.origin for demand, _ in demands})),
        minimum=pins[0] if pins else "",
        maximum=pins[-1] if pins and not free else "",
    )


def _reason(demands: Iterable[Demand]) -> str:
    """Why a package is there: its labels, or what requires it (an enabled label says more)."""
    required = {demand.origin for demand in demands if demand.origin.startswith("required by ")}
    labels = {demand.label for demand in demands if demand.origin not in required}
    return f"label {', '.join(sorted(labels))}" if labels else "; ".join(sorted(required))


def _beyond(operator: Operator) -> list[str]:
    """Name channels that belong to a later OpenShift than their catalog, which therefore lacks them.

    Those that somebody asked for: what they require follows when they are corrected.
    """
    if CATALOG_DEFAULTS.get(operator.package) != "stable-{minor}":
        return []
    newest = f"stable-{operator.minor}"
    return [
        f"{few(channel.asked_by)}: {operator.package} {channel.name} is newer than OpenShift "
        f"{operator.minor}, whose catalog ends at {newest}; correct the channel"
        for channel in operator.channels
        if natural(channel.name) > natural(newest)
        and channel.name.startswith("stable-")
        and not all(origin.startswith("required by ") for origin in channel.origin.split("; "))
    ]
