"""Many demands for packages become one list of operators: each package once per catalog and minor."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from steps.autoshift.catalogs import INDEXES
from steps.autoshift.names import few, sorted_names
from steps.autoshift.operators import CATALOG_DEFAULTS
from steps.autoshift.plan import Channel, Operator
from steps.autoshift.requirements import doubt, required_packages
from steps.autoshift.subscription import Demand
from steps.autoshift.versions import minor_of, natural, order

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Asked: TypeAlias = "Mapping[tuple[str, Demand], set[str]]"
_Key: TypeAlias = tuple[str, str, str]  # minor, source, package


def unite(asked: Asked) -> tuple[tuple[Operator, ...], list[str]]:
    """Unite demands (minor, demand) -> who asks; add what they require. Return the operators and warnings."""
    everything, warnings = _with_requirements(asked)
    by_package: dict[_Key, list[tuple[Demand, set[str]]]] = defaultdict(list)
    for (minor, demand), who in everything.items():
        by_package[minor, demand.source, demand.package].append((demand, who))
    operators = [_operator(key, demands) for key, demands in by_package.items()]
    for operator in operators:
        warnings.extend(_beyond(operator))
    order_of_source = list(INDEXES)
    return (
        tuple(
            sorted(
                operators, key=lambda op: (natural(op.minor), order_of_source.index(op.source), op.package)
            )
        ),
        sorted(set(warnings)),
    )


def _with_requirements(asked: Asked) -> tuple[dict[tuple[str, Demand], set[str]], list[str]]:
    """Fill in `{minor}` and add required packages, asked for by whoever asks for what needs them."""
    everything: dict[tuple[str, Demand], set[str]] = defaultdict(set)
    warnings = []
    for (minor, demand), who in asked.items():
        channel = demand.channel and demand.channel.replace("{minor}", minor)
        pin = demand.pin
        if pin and channel and _is_later(pin, channel):
            warnings.append(
                f"{few(who)}: {demand.package} is pinned to {pin}, which channel {channel} cannot have; the "
                f"newest of the channel is mirrored: correct {demand.label}-channel or {demand.label}-version"
            )
            pin = None
        everything[minor, replace(demand, channel=channel, pin=pin)] |= who
        for package, needed in required_packages(demand.package, channel, minor):
            origin = f"required by {demand.package}{f' {channel}' if channel else ''}"
            everything[minor, Demand(demand.label, package, demand.source, needed, origin)] |= who
        if text := doubt(demand.package, channel):
            warnings.append(text)
    return everything, warnings


def _is_later(version: str, channel: str) -> bool:
    """Whether a channel named after a release (`release-v2.10`) is too old for a version (2.12.5)."""
    release = re.search(r"(\d+)\.(\d+)$", channel)
    return release is not None and order(minor_of(version)) > order(release[0])


def _operator(key: _Key, demands: list[tuple[Demand, set[str]]]) -> Operator:
    minor, source, package = key
    by_channel: dict[str, list[tuple[Demand, set[str]]]] = defaultdict(list)
    for demand, who in demands:
        if demand.channel is not None:
            by_channel[demand.channel].append((demand, who))
    channels = tuple(_channel(name, by_channel[name]) for name in sorted(by_channel, key=natural))
    usual = CATALOG_DEFAULTS.get(package, "").replace("{minor}", minor)
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
    pins = sorted({demand.pin for demand, _ in demands if demand.pin}, key=order)
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
    """Name channels that belong to a later OpenShift than their catalog, which therefore lacks them."""
    if CATALOG_DEFAULTS.get(operator.package) != "stable-{minor}":
        return []
    newest = f"stable-{operator.minor}"
    return [
        f"{few(channel.asked_by)}: {operator.package} {channel.name} is newer than OpenShift "
        f"{operator.minor}, whose catalog ends at {newest}; correct the channel"
        for channel in operator.channels
        if natural(channel.name) > natural(newest) and channel.name.startswith("stable-")
    ]
