"""Unite the operator requests of a fleet: a list with each package once per catalog and minor."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from steps.autoshift.catalog_sources import INDEXES, catalog_place, catalog_reference, order_of
from steps.autoshift.listing import few, sorted_names
from steps.autoshift.operators import CATALOG_DEFAULTS
from steps.autoshift.plan import Channel, Need, Operator
from steps.autoshift.requirements import COMPANIONS, Resolver
from steps.versions import natural, precedence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from steps.autoshift.subscriptions import OperatorRequest
    from steps.catalog.packages import Catalog, Package

Asked: TypeAlias = "Mapping[tuple[str, OperatorRequest], set[str]]"
_Key: TypeAlias = tuple[str, str, str]  # minor, source, package
_Requests: TypeAlias = "list[tuple[OperatorRequest, set[str]]]"  # each with the names of those who ask


@dataclass(frozen=True, slots=True)
class Union:
    """The operators; warnings about them, what the catalogs lack of them, and notes, a sentence each.

    `unchecked` are the references of the catalogs that were not read.
    """

    operators: tuple[Operator, ...]
    warnings: tuple[str, ...]
    lacks: tuple[str, ...]
    notes: tuple[str, ...]
    unchecked: tuple[str, ...]


def unite(asked: Asked, catalogs: Mapping[str, Catalog]) -> Union:
    """Unite all requests and what they require.

    `asked` maps (minor, request) to the names of those who ask. `catalogs` are the catalogs that were read,
    by reference; for the others the built-in facts decide.
    """
    warnings: list[str] = []
    by_package: dict[_Key, _Requests] = defaultdict(list)
    resolver = Resolver(catalogs, asked, warnings)
    for (minor, request), who in _with_requirements(asked, resolver).items():
        by_package[*catalog_place(request.source, minor), request.package].append((request, who))
    operators, lacks = [], []
    for key, requests in by_package.items():
        catalog = catalogs.get(catalog_reference(key[1], key[0]))
        operator = _operator(key, requests, catalog)
        operators.append(operator)
        warnings.extend(_unknown_channels(operator, requests))
        if catalog is None:
            warnings.extend(_too_new_channels(operator))
        elif text := _lack(catalog, operator):
            lacks.append(f"{text}; asked for by {few(operator.asked_by)} ({operator.need})")
        else:
            warnings.extend(_left_out_heads(operator, catalog.package(operator.package)))
    warnings += resolver.assumptions()
    operators.sort(key=lambda op: (natural(op.minor), order_of(op.source), op.package))
    return Union(
        operators=tuple(operators),
        warnings=tuple(sorted(set(warnings))),
        lacks=tuple(sorted(lacks)),
        notes=tuple(_missing_companions(operators)),
        unchecked=tuple(dict.fromkeys(op.catalog for op in operators if op.catalog not in catalogs)),
    )


def _unknown_channels(operator: Operator, requests: _Requests) -> Iterator[str]:
    """Warn of requests whose channel is not known: no label names it, and no catalog was read."""
    who = sorted_names(name for request, who in requests if request.channel is None for name in who)
    if not who:
        return
    settled = f"; set {operator.need.labels[0]}-channel" if operator.need.labels else ""
    if operator.channels:
        names = ", ".join(channel.name for channel in operator.channels)
        mirrored = f"only the channels that others need are mirrored ({names})"
    else:
        mirrored = "oc-mirror takes the newest version of each of its channels"
    yield f"{few(who)}: which channel of {operator.package} is installed is not known, so {mirrored}{settled}"


def _left_out_heads(operator: Operator, package: Package | None) -> Iterator[str]:
    """Warn of channels that are pinned to versions before their newest one."""
    for channel in operator.channels:
        head = package.head(channel.name) if package else None
        if head and channel.maximum and precedence(channel.maximum) < precedence(head.version):
            labels = " and ".join(f"{label}-version" for label in channel.need.labels)
            yield (
                f"{few(channel.asked_by)}: {operator.package} {channel.name} is pinned to {channel.maximum}, "
                f"and nothing later is mirrored; the newest of the channel is {head.version}: raise {labels} "
                "to get it"
            )


def _missing_companions(operators: Sequence[Operator]) -> Iterator[str]:
    """Yield a note for each operator that usually comes with others, which are not mirrored for its minor."""
    mirrored = {(operator.minor, operator.package) for operator in operators}
    for operator in operators:
        usual = COMPANIONS.get(operator.package, ()) if operator.minor else ()
        if missing := [name for name in usual if not {(operator.minor, name), ("", name)} & mirrored]:
            yield (
                f"{few(operator.asked_by)}: {operator.package} does not require {', '.join(missing)}, but "
                f"usually comes with it; not mirrored for OpenShift {operator.minor}, as no label asks for it"
            )


def _lack(catalog: Catalog, operator: Operator) -> str:
    """Return a sentence about what a catalog does not have of an operator; empty if it has all."""
    from steps.catalog.dependencies import describe_lack  # late: of a catalog that was read

    return describe_lack(catalog, operator.package, [channel.name for channel in operator.channels])


def _with_requirements(asked: Asked, resolver: Resolver) -> dict[tuple[str, OperatorRequest], set[str]]:
    """Resolve all requests, and in turn what they require, with the names of those who need each."""
    everything: dict[tuple[str, OperatorRequest], set[str]] = defaultdict(set)
    waiting = deque((minor, request, who) for (minor, request), who in asked.items())
    # A request is followed again whenever further names need it, so that these reach all that it requires.
    # The sets of names only grow, so this ends even if packages require each other.
    while waiting:
        minor, request, who = waiting.popleft()
        for resolved in resolver.resolve(minor, request, who):
            known = everything[minor, resolved]
            if not who <= known:
                known |= who
                requirements = resolver.requirements(minor, resolved, who)
                waiting.extend((minor, required, who) for required in requirements)
    return everything


def _operator(key: _Key, requests: _Requests, catalog: Catalog | None) -> Operator:
    minor, source, package = key
    found = catalog.package(package) if catalog else None
    by_channel: dict[str, _Requests] = defaultdict(list)
    for request, who in requests:
        if request.channel is not None:
            by_channel[request.channel].append((request, who))
    channels = tuple(_channel(name, by_channel[name]) for name in sorted(by_channel, key=natural))
    # Where the default channel is not certain to be mirrored, the highest channel takes its place.
    if found:
        usual = found.default_channel
    elif source in INDEXES:
        usual = CATALOG_DEFAULTS.get(package, "").replace("{minor}", minor)
    else:  # nobody knows the defaults of a catalog of one's own
        usual = ""
    return Operator(
        minor=minor,
        source=source,
        package=package,
        channels=channels,
        default_channel=channels[-1].name if channels and usual not in by_channel else None,
        asked_by=sorted_names(name for _, who in requests for name in who),
        need=_need(request for request, _ in requests),
    )


def _channel(name: str, requests: _Requests) -> Channel:
    """Return a channel from the lowest to the highest pinned version, or to the head without a pin."""
    versions = {request.pinned_version for request, _ in requests}
    pins = sorted((version for version in versions if version), key=precedence)
    free = None in versions
    return Channel(
        name=name,
        asked_by=sorted_names(asker for _, who in requests for asker in who),
        need=_need(request for request, _ in requests),
        origin="; ".join(sorted({request.origin for request, _ in requests})),
        minimum=pins[0] if pins else "",
        maximum=pins[-1] if pins and not free else "",
    )


def _need(requests: Iterable[OperatorRequest]) -> Need:
    labels, required_by, of_setup = set(), set(), False
    for request in requests:
        if request.required_by:
            required_by.add(request.required_by)
        elif request.of_setup:
            of_setup = True
        else:
            labels.add(request.label)
    return Need(tuple(sorted(labels)), tuple(sorted(required_by, key=natural)), of_setup)


def _too_new_channels(operator: Operator) -> list[str]:
    """Warn of requested channels of a later OpenShift than that of their catalog, which therefore lacks them.

    Required channels are left out: they change when the channel that requires them is corrected.
    """
    if operator.source not in INDEXES or CATALOG_DEFAULTS.get(operator.package) != "stable-{minor}":
        return []
    newest = f"stable-{operator.minor}"
    return [
        f"{few(channel.asked_by)}: {operator.package} {channel.name} is newer than OpenShift "
        f"{operator.minor}, whose catalog ends at {newest}; correct the channel"
        for channel in operator.channels
        if natural(channel.name) > natural(newest)
        and channel.name.startswith("stable-")
        and channel.need.asked
    ]
