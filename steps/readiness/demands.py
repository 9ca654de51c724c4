"""What a need asks of a target, and what is the matter before any image is looked for (pure).

A release is asked for with all its content, each release on the path to it too; an operator with the images
of each bundle that OLM would install on the way, and so are the operators that it requires.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from steps.autoshift.release_channels import minor_of
from steps.mirroring.ocmirror.mirror_sets import MirrorSets, in_resources
from steps.mirroring.ocmirror.placement import RELEASES as PLACE_OF_RELEASES
from steps.oci.reference import Reference
from steps.readiness.content import tag_of
from steps.readiness.graph import Gap, GraphData, Path, UpdateGraph
from steps.readiness.operators import Operators
from steps.readiness.reasons import RUNS, Cause, Reason
from steps.readiness.wanted import Group, Wanted
from steps.trust.releases import RELEASES
from steps.versions import precedence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from steps.autoshift.releases import VersionRequest
    from steps.readiness.content import Release
    from steps.readiness.found import Found
    from steps.readiness.needs import Needs
    from steps.readiness.operators import Chosen
    from steps.readiness.presence import Question


SHOWN: Final = 3
"""Repositories that a reason names."""
LONGEST: Final = 200
"""Characters of what the values say, in a reason."""
SAY_WHAT_RUNS: Final = (
    "see what the cluster runs, by oc get clusterversion there; say it by --hub-state in the form of "
    "docs/reference/readiness.md, or look again when the hub knows it"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a need asks of a target: images, releases whose signatures count, and what is the matter already.

    `path` are the releases from what runs to what shall run; `chosen` what OLM installs.
    """

    reasons: tuple[Reason, ...]
    path: tuple[str, ...]
    groups: tuple[Group, ...]
    judged: tuple[Release, ...]
    chosen: tuple[Chosen, ...] = ()


@dataclass(slots=True)
class Demands:
    """Works out demands on one target; equal parts of several are the same objects."""

    found: Found
    _graphs: dict[str, UpdateGraph] = field(default_factory=dict)
    _groups: dict[tuple[str, bool, str], Group] = field(default_factory=dict)
    _where: dict[tuple[str, bool], tuple[tuple[str, ...], str]] = field(default_factory=dict)
    _paths: dict[tuple[str, str, str, str], Path | Gap] = field(default_factory=dict)
    _of_groups: dict[int, Mapping[tuple[str, str], Wanted]] = field(default_factory=dict)
    _operators: Operators = field(init=False)

    def __post_init__(self) -> None:
        """Prepare for operators."""
        self._operators = Operators(self.found, self.wanted)

    def of(self, needs: Needs) -> Demand:
        """Return what a need asks for."""
        reasons = [Reason(Cause.NO_CATALOG, f"label {label}") for label in needs.without_catalog]
        reasons += [Reason(Cause.STRANGE, f"label {label}") for label in needs.strange]
        if not self.found.coverage.is_known:
            reasons.append(
                Reason(Cause.NOT_PUBLISHED, f"nobody says what is published for {self.found.known.target}")
            )
        path, groups = self._release(needs, reasons)
        judged = [self.found.releases[version, needs.architecture] for version in path[1:] or path]
        for request in needs.also:
            end = self._end(request, needs.architecture, reasons)
            groups += [self._content(end, needs.architecture)] if end else []
        chosen = self._operators.of(needs, reasons)
        for one in chosen:
            groups += one.groups
        groups += self._images(needs, reasons)
        unique = tuple(dict.fromkeys(groups))
        reasons += self._by_block(needs, unique)
        return Demand(
            reasons=tuple(dict.fromkeys(reasons)),
            path=tuple(path),
            groups=unique,
            judged=tuple(judged if needs.current != (path[-1] if path else "") else ()),
            chosen=tuple(chosen),
        )

    # --- the release

    def _release(self, needs: Needs, reasons: list[Reason]) -> tuple[list[str], list[Group]]:
        """Return the path of releases that are there, with the groups of their content."""
        architecture = needs.architecture
        if needs.target is None:
            reasons.append(Reason(Cause.NO_RELEASE, "nobody says which release it shall run"))
            return [], []
        end = self._end(needs.target, architecture, reasons)
        if not needs.current:
            why = f": {needs.doubt}" if needs.doubt else ""
            remedy = SAY_WHAT_RUNS if needs.doubt else ""
            what = f"the way to {end or needs.target} is not known{why}"
            reasons.append(Reason(Cause.NO_CURRENT, what, remedy=remedy))
        if not end:
            return [], []
        if not needs.current or needs.current == end:
            return [end], [self._content(end, architecture)]
        if precedence(needs.current) > precedence(end):
            reasons.append(Reason(Cause.LATER_RUNS, f"{needs.current} runs, {end} is asked for"))
            if (needs.current, architecture) in self.found.releases:
                return [], [self._content(needs.current, architecture, spare=True)]
            if not self.found.no_releases:
                reasons.append(Reason(Cause.RUNNING, f"release {needs.current} is not in the mirror"))
            return [], []
        reasons += _by_default(needs)
        versions = self._way(needs, end, reasons)
        groups = [self._content(version, architecture) for version in versions[1:] or [end]]
        if len(versions) > 1:
            groups.append(self._content(versions[0], architecture, spare=True))
        return versions or [end], groups

    def _end(self, request: VersionRequest, architecture: str, reasons: list[Reason]) -> str:
        """Return the release that a request ends with, if the mirror has it; else add why it has not."""
        end = (
            request.high
            or self._graph(architecture).newest(request.minor, request.channel)
            or self._newest(request.minor, architecture)
        )
        if end and (end, architecture) in self.found.releases:
            self._compare(end, architecture, reasons)
            return end
        if self.found.no_releases:
            reasons.append(self.found.no_releases)
        elif unread := self.found.unread.get(tag_of(end or request.minor, architecture)):
            reasons.append(unread)
        else:
            reasons.append(self._absent(str(request), end, request.minor, architecture))
        return ""

    def _compare(self, version: str, architecture: str, reasons: list[Reason]) -> None:
        """Add that the tag of a release leads to another image than the one that was mirrored, if it does."""
        tag, digest = tag_of(version, architecture), self.found.releases[version, architecture].digest
        expected = self.found.known.expected.get(f"{RELEASES}:{tag}", digest)
        if digest != expected:
            reasons.append(Reason(Cause.OTHER_IMAGE, f"release {version}: it was {expected}", (digest,), 1))

    def _newest(self, minor: str, architecture: str) -> str:
        versions = [
            one
            for one, built_for in self.found.releases
            if built_for == architecture and minor_of(one) == minor
        ]
        return max(versions, key=precedence, default="")

    def _absent(self, request: str, end: str, minor: str, architecture: str) -> Reason:
        """Return why a release is not there."""
        known, what = self.found.known, f"release {end or request} for {architecture}"
        place = (
            f"{self.found.coverage.nesting.join(PLACE_OF_RELEASES)}:{tag_of(end or request, architecture)}"
        )
        remedy = f"mirror it with openshift-version={request}: {RUNS}"
        if place in known.deleted:
            return Reason(Cause.DELETED, what, (place,), 1)
        if place in known.brought:
            return Reason(Cause.LOST, what, (place,), 1)
        if end and self.found.coverage.asks_for_release(end, architecture):
            cause = Cause.NOT_BROUGHT if known.is_whole else Cause.MISSING
            return Reason(cause, what, (place,), 1)
        if not known.is_whole or (known.imagesets is None and not known.brought):
            return Reason(Cause.MISSING, what, (place,), 1, remedy)
        there = {minor_of(version) for version, built_for in self.found.releases if built_for == architecture}
        cause = Cause.OTHER_MINOR if there and minor not in there else Cause.NEVER_ASKED
        return Reason(cause, what, (place,), 1, remedy)

    def _way(self, needs: Needs, end: str, reasons: list[Reason]) -> list[str]:
        """Return the releases from what runs to `end`; empty, with a reason, where there is no way."""
        target = needs.target
        if target is None:
            return []
        if self.found.graph is None:
            reasons.append(self.found.no_graph or Reason(Cause.NO_GRAPH, "the graph image was not read"))
            return []
        if self.found.coverage.is_known and self.found.coverage.service is None:
            reasons.append(
                Reason(Cause.NO_SERVICE, f"clusters are not told of one for {self.found.known.target}")
            )
        key = (needs.architecture, needs.current, end, target.channel)
        if key not in self._paths:
            self._paths[key] = self._graph(needs.architecture).path(needs.current, end, target.channel)
        way = self._paths[key]
        if isinstance(way, Gap):
            knows_current = (needs.current, needs.architecture) in self.found.releases
            remedy = _way_out(way, needs.current, end, target.channel, knows_current=knows_current)
            reasons.append(Reason(Cause.NO_PATH, way.why, (way.missing,) if way.missing else (), 0, remedy))
            return []
        risks: dict[str, list[str]] = defaultdict(list)
        for start, after, risk in way.risks:
            risks[f"{risk.name}: {risk.message[:300]} ({risk.url})"].append(f"{start} to {after}")
        reasons += [Reason(Cause.CONDITIONAL, f"{', '.join(where)}: {text}") for text, where in risks.items()]
        if len(way.versions) > 2 and not target.is_path:
            reasons.append(Reason(Cause.BY_WAY_OF, f"by way of {', '.join(way.versions[1:-1])}"))
        return list(way.versions)

    def _graph(self, architecture: str) -> UpdateGraph:
        if architecture not in self._graphs:
            nodes = {
                version: release.node
                for (version, built_for), release in self.found.releases.items()
                if built_for == architecture
            }
            self._graphs[architecture] = UpdateGraph(architecture, nodes, self.found.graph or GraphData())
        return self._graphs[architecture]

    # --- images

    def wanted(self, image: Reference, architecture: str) -> Wanted:
        """Return an image that clusters pull, with the places they are led to."""
        name = image.asked_for.name if image.registry else image.name
        return self._wanted(name, image.version or "latest", architecture, runs=True)

    def _wanted(self, name: str, version: str, architecture: str, *, runs: bool = False) -> Wanted:
        """Return an image by its origin HOST/REPOSITORY, and its digest or tag."""
        key = (name, ":" not in version)
        if key not in self._where:
            coverage = self.found.coverage
            self._where[key] = (coverage.places(name, by_tag=key[1]), coverage.usual(name))
        return Wanted(name, version, architecture, *self._where[key], runs=runs)

    def _content(self, version: str, architecture: str, *, spare: bool = False) -> Group:
        key = (version, spare, architecture)
        if key not in self._groups:
            release = self.found.releases[version, architecture]
            pairs = [(RELEASES, release.digest), *release.content]
            images = tuple(self._wanted(name, digest, architecture) for name, digest in pairs)
            self._groups[key] = Group(f"release {version}", images, spare=spare)
        return self._groups[key]

    def _by_block(self, needs: Needs, groups: Iterable[Group]) -> Iterator[Reason]:
        """Yield that the mirrors of the values lead elsewhere than what was published, if they do.

        AutoShift makes mirror sets of them. Nobody knows whether a cluster has those that were published too.
        """
        if not needs.mirrors and not needs.tag_mirrors:
            return
        resources = in_resources(needs.mirrors, needs.tag_mirrors)
        led = {"@": MirrorSets.of(resources), ":": MirrorSets.for_tags(resources)}
        given = {"@": needs.mirrors, ":": needs.tag_mirrors}
        images = {key: one for group in groups for key, one in self._origins(group).items()}
        astray = [
            image.origin
            for (origin, joint), image in images.items()
            if given[joint] and not self.found.coverage.is_below(origin)
            if not {*image.places} & {*led[joint].places(origin)}
        ]
        if astray:
            what = f"the mirrors of config.disconnected do not lead from {astray[0]} to where it lies"
            yield Reason(Cause.BLOCK, what, tuple(astray[:SHOWN]), len(astray))

    def _origins(self, group: Group) -> Mapping[tuple[str, str], Wanted]:
        """Return an image of each origin of a group to which clusters are led; worked out once a group."""
        if id(group) not in self._of_groups:
            self._of_groups[id(group)] = {(one.origin, one.joint): one for one in group.images if one.places}
        return self._of_groups[id(group)]

    def _images(self, needs: Needs, reasons: list[Reason]) -> list[Group]:
        groups = []
        for text in needs.images:
            image = Reference.find(text)
            if image is None:
                what = f"image {text[:LONGEST]} is no reference of an image"
                reasons.append(
                    Reason(Cause.NEVER_ASKED, what, remedy="correct the label or the field that names it")
                )
                continue
            asked_for = not self.found.known.imagesets or self.found.coverage.own_image(text)
            groups.append(Group(f"image {text}", (self.wanted(image, needs.architecture),), asked_for))
        return groups


def _by_default(needs: Needs) -> Iterator[Reason]:
    """Yield what AutoShift's defaults make of an upgrade that goes another way than by this mirror."""
    channel = needs.target.channel if needs.target else ""
    if needs.inexact:
        what = f"AutoShift asks the cluster for release {needs.inexact}, as the label says, and there is none"
        yield Reason(Cause.NO_RELEASE, what, remedy="let the label openshift-version name a release X.Y.Z")
    for label, default in needs.by_default:
        if not default or default != channel:
            takes = default or "a channel that depends on its version"
            yield Reason(Cause.BY_DEFAULT, f"label {label} is missing, and AutoShift then takes {takes}")


def _way_out(gap: Gap, current: str, end: str, channel: str, *, knows_current: bool) -> str:
    """Return what to do where no updates lead from what runs to the end."""
    if gap.missing or not knows_current:
        return f"mirror with openshift-version={current}-{end}, which brings the releases between"
    if gap.reachable:
        return f"let openshift-version name a release to which updates lead: {', '.join(gap.reachable)}"
    return (
        f"compare the channel {channel} with where these releases are; mirror again with graph: true, if the "
        "update is newer than the graph data"
    )


def questions_of(demands: Iterable[Demand]) -> set[Question]:
    """Return all questions to the registry, each once."""
    groups = {id(group): group for demand in demands for group in demand.groups}
    return {question for group in groups.values() for image in group.images for question in image.questions()}


def judged_by(demands: Iterable[Demand]) -> Mapping[str, Release]:
    """Return the releases whose signatures count, by digest."""
    return {release.digest: release for demand in demands for release in demand.judged}
