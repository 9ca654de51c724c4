"""From files to plan: read, merge, ask every cluster set and cluster, unite."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from steps.autoshift.bootstrap import bootstrap_gaps
from steps.autoshift.demand import Reader
from steps.autoshift.fleet import SECTIONS, Fleet, Member, place, read_fleet
from steps.autoshift.images import Image, images_of
from steps.autoshift.merging import read_values
from steps.autoshift.names import few, few_paths, sorted_names
from steps.autoshift.operators import OPERATORS
from steps.autoshift.plan import AdditionalImage, FleetPlan, FoundMember, Release
from steps.autoshift.policies import read_policies
from steps.autoshift.resolving import packages_wanted
from steps.autoshift.union import unite
from steps.autoshift.versions import FORMS, Wish, parse_wish, span_of
from steps.autoshift.wishes import VERSION_LABEL, architecture_of, wishes_of
from steps.errors import InvalidInputError
from steps.versions import natural

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from steps.autoshift.subscription import Demand
    from steps.catalog.packages import Catalog
    from steps.yaml.source import SourceFile

# Takes packages by the reference of their catalog; returns those catalogs that could be read, by reference.
ReadCatalogs: TypeAlias = "Callable[[Mapping[str, frozenset[str]]], Mapping[str, Catalog]]"
Need: TypeAlias = "tuple[str, Demand] | Image | Wish"  # the first is a package in the catalog of a minor


class NoVersionError(InvalidInputError):
    """Neither a label nor the parameter names an OpenShift version."""


def plan_fleet(
    values: Sequence[SourceFile],
    policies: Sequence[SourceFile] = (),
    *,
    openshift_version: str | None = None,
    operators_only: bool = False,
    openshift_only: bool = False,
    version_origin: str = "",
    release_channel: str = "",
    read_catalogs: ReadCatalogs | None = None,
) -> FleetPlan:
    """Plan what the fleet of `values` (merged in order) needs.

    `policies` are the files of the same checkout that `is_policy_file` picks. `openshift_version` (X.Y, X.Y.Z
    or a range within one minor) replaces what the labels say; it must be given where no label says any.
    `operators_only` plans no release and needs only the minor; `openshift_only` plans releases alone.
    `version_origin` says where `openshift_version` comes from if not from the parameter, `release_channel`
    the kind of its channel (`stable`, `eus` …). `read_catalogs` looks packages up in their catalogs; where it
    does not, or cannot, the built-in facts serve.

    Raises InvalidInputError, with file and line where a file is to blame; NoVersionError, which is one, where
    nobody names an OpenShift version.
    """
    merged, warnings = read_values(values)
    fleet = read_fleet(merged, values)
    notes = _Notes()
    given = _given(openshift_version, release_channel, version_origin or "the parameter openshift-version")
    members = _with_wishes(fleet, values, given, notes)
    minors = {wish.minor for _, wishes in members for wish in wishes}
    if not minors:
        purpose = "the catalogs" if operators_only else "the release and the catalogs"
        raise NoVersionError(
            f"{few_paths(source.path for source in values)}: no label {VERSION_LABEL}, "
            f"which decides {purpose}",
            f"give the parameter openshift-version: {FORMS}",
        )
    reader = None if openshift_only else _reader(fleet, values, policies, notes)
    asked = _ask(members, minors, reader, fleet.excluded_policies)
    wanted = {need: who for need, who in asked.items() if isinstance(need, Wish) and not operators_only}
    demands = {need: who for need, who in asked.items() if isinstance(need, tuple)}
    united = unite(demands, read_catalogs(packages_wanted(demands)) if demands and read_catalogs else {})
    return FleetPlan(
        sources=tuple(source.path for source in values),
        members=_found(members),
        minors=tuple(sorted(minors, key=natural)),
        releases=_releases(wanted),
        operators=united.operators,
        images=tuple(
            AdditionalImage(need, sorted_names(who))
            for need, who in sorted((need, who) for need, who in asked.items() if isinstance(need, Image))
        ),
        version_origin=version_origin,
        lacks=united.lacks,
        architectures=tuple(sorted({architecture_of(member) for member, _ in members})),
        warnings=(
            *warnings,
            *fleet.warnings,
            *notes.texts(),
            *united.warnings,
            *([] if openshift_only else bootstrap_gaps(policies, united.operators)),
        ),
    )


@dataclass(slots=True)
class _Notes:
    """Warnings by text, each with those whom it concerns, so that a thousand clusters make one line."""

    concerned: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, text: str, member: Member) -> None:
        self.concerned[text].add(str(member.group))

    def texts(self) -> list[str]:
        return [f"{few(who)}: {text}" for text, who in sorted(self.concerned.items())]


def _with_wishes(
    fleet: Fleet, values: Sequence[SourceFile], given: frozenset[Wish], notes: _Notes
) -> list[tuple[Member, frozenset[Wish]]]:
    """Pair every member with the releases it wants: the given ones, or its own."""
    paired = []
    for member in fleet.members():
        wishes = wishes_of(member, lambda member, label: _place(values, member, label))
        if given:
            if different := wishes - given:
                said, instead = (", ".join(sorted(map(str, those))) for those in (different, given))
                notes.add(f"the parameter openshift-version {instead} takes the place of {said}", member)
        elif not wishes:
            notes.add(f"no label {VERSION_LABEL}: its operators are mirrored for every minor found", member)
        paired.append((member, given or wishes))
    return paired


def _given(version: str | None, channel: str, origin: str) -> frozenset[Wish]:
    try:
        return frozenset({parse_wish(version, channel)}) if version else frozenset()
    except ValueError as error:
        hint = f"give the parameter openshift-version: {FORMS}"
        raise InvalidInputError(f"{origin}: {error}", hint) from error


def _reader(
    fleet: Fleet, values: Sequence[SourceFile], policies: Sequence[SourceFile], notes: _Notes
) -> Reader:
    defaults = OPERATORS | read_policies(policies)
    return Reader(
        defaults=defaults,
        excluded=frozenset(
            label
            for label, default in defaults.items()
            if fleet.excluded_policies.intersection(default.folders)
        ),
        warn=notes.add,
        locate=lambda member, label: _place(values, member, label),
    )


def _ask(
    members: Sequence[tuple[Member, frozenset[Wish]]],
    minors: set[str],
    reader: Reader | None,
    excluded_policies: frozenset[str],
) -> Mapping[Need, set[str]]:
    """Ask every member what it needs (without a reader, only of OpenShift).

    A cluster counts for what its set does not need already.
    """
    asked: dict[Need, set[str]] = defaultdict(set)
    of_sets: dict[str, set[Need]] = {}
    for member, wishes in members:
        needs: set[Need] = set(wishes)
        demands = reader.demands(member) if reader else ()
        for minor in ({wish.minor for wish in wishes} or minors) if reader else ():
            needs.update((minor, demand) for demand in demands)
            needs.update(images_of(member, minor, excluded_policies))
        if member.base is None:
            of_sets[str(member.group)] = needs
        else:
            needs -= of_sets[str(member.base)]
        for need in needs:
            asked[need].add(str(member.group))
    return asked


def _place(values: Sequence[SourceFile], member: Member, label: str) -> str:
    """Say where a label of a member stands: with the cluster itself, else with its set."""
    for group in filter(None, (member.group, member.base)):
        if label in group.labels:
            section = next(name for name, kind in SECTIONS.items() if kind == group.kind)
            return place(values, [section, group.name, "labels", label])
    return few_paths(source.path for source in values)


def _found(members: Sequence[tuple[Member, frozenset[Wish]]]) -> tuple[FoundMember, ...]:
    """List each set and cluster once, in the order of the fleet."""
    bases: dict[str, list[str]] = defaultdict(list)
    wishes_of_group: dict[str, set[Wish]] = defaultdict(set)
    for member, wishes in members:
        bases[str(member.group)] += [member.base.name] if member.base else []
        wishes_of_group[str(member.group)] |= wishes
    groups = {str(member.group): member.group for member, _ in members}
    return tuple(
        FoundMember(group.kind, group.name, tuple(bases[name]), tuple(sorted(wishes_of_group[name])))
        for name, group in groups.items()
    )


def _releases(asked: Mapping[Wish, set[str]]) -> tuple[Release, ...]:
    """Unite the wishes of each release channel."""
    by_channel: dict[str, set[Wish]] = defaultdict(set)
    for wish in asked:
        by_channel[wish.channel].add(wish)
    releases = []
    for channel, wishes in sorted(by_channel.items(), key=lambda item: natural(item[0])):
        span = span_of(wishes)
        who = sorted_names(name for wish in wishes for name in asked[wish])
        releases.append(Release(channel, span.low, span.high, span.shortest_path, who))
    return tuple(releases)
