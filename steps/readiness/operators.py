"""What OLM would install of the operators of a need, and whether these go with its OpenShift (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from steps.autoshift.catalog_sources import INDEXES
from steps.autoshift.release_channels import minor_of, position_of
from steps.catalog.packages import Catalog
from steps.oci.reference import Reference
from steps.readiness import olm
from steps.readiness.reasons import RUNS, Cause, Reason
from steps.readiness.required import Requirements
from steps.readiness.wanted import Group, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from steps.autoshift.subscriptions import OperatorRequest
    from steps.catalog.packages import Bundle, Package
    from steps.readiness.found import Found
    from steps.readiness.needs import Needs

_LIMIT: Final = re.compile(r"v?(\d{1,3})\.(\d{1,3})(?:\.0)?")
_SAME: Final = {"4.23": "5.0"}
"""Minors that OLM takes for another one: these are one release."""
LONGEST: Final = 120
"""Characters of what a catalog says, in a reason."""
HUB: Final = "docker.io"
"""The registry of images that name none, as nodes take it."""
_KUBERNETES_OF_4: Final = 13
"""OpenShift 4.N has Kubernetes 1.(N+13)."""
_KUBERNETES_OF_5: Final = (1, 36)
"""What OpenShift 5 has at least: 5.0 is 4.23."""
_KUBERNETES: Final = re.compile(r"(\d{1,3})\.(\d{1,4})\.(\d{1,4})(?:[-+].*)?")


@dataclass(frozen=True, slots=True)
class Chosen:
    """An operator: its catalog's place, its channel, the version that is to stay, and images of all on the
    way.

    Version and channel are empty where nothing can be installed.
    """

    package: str
    channel: str
    version: str
    catalog: str
    groups: tuple[Group, ...] = ()
    reasons: tuple[Reason, ...] = ()


@dataclass(slots=True)
class Operators:
    """Works out what OLM installs from the catalogs of a target; `wanted` says where clusters look for it."""

    found: Found
    wanted: Callable[[Reference, str], Wanted]
    _known: dict[tuple[object, ...], Chosen] = field(default_factory=dict)
    _groups: dict[tuple[str, str, str], Group] = field(default_factory=dict)

    def of(self, needs: Needs, reasons: list[Reason]) -> list[Chosen]:
        """Return what OLM installs for a need, by package; what is the matter is added to `reasons`."""
        if not needs.operators:
            return []
        if not needs.minor:
            names = ", ".join(sorted({one.package for one in needs.operators})[:3])
            reasons.append(Reason(Cause.NO_RELEASE, f"which catalog {names} come from is not known"))
            return []
        installed = dict(needs.installed)
        chosen = []
        for request in sorted(needs.operators, key=lambda one: (one.package, one.channel or "", one.source)):
            before = minor_of(needs.current) if needs.current else ""
            name = installed.get(request.package, "")
            key = (request, needs.minor, before, name, needs.architecture, needs.block, needs.sources)
            if key not in self._known:
                self._known[key] = self._choose(request, needs, name, before)
            chosen.append(self._known[key])
            reasons += self._known[key].reasons
        if not needs.knows_operators and needs.current:
            reasons.append(
                Reason(Cause.INSTALLED, "the way from the installed versions of operators was not looked at")
            )
        return chosen

    def _choose(self, request: OperatorRequest, needs: Needs, installed: str, before: str) -> Chosen:
        place = self.found.coverage.catalog(request.source, needs.minor)
        catalog = self.found.catalogs.get(place)
        if not isinstance(catalog, Catalog):
            return Chosen(
                request.package, "", "", place, (), (self._no_catalog(request, place, catalog, needs.minor),)
            )
        reasons: list[Reason] = []
        if not self.found.coverage.leads_to_catalog(place):
            reasons.append(Reason(Cause.NOT_COVERED, f"no CatalogSource leads to {place}", (place,), 1))
        reasons += self._led(request, place, needs)
        package = catalog.package(request.package)
        if package is None:
            what = f"operator {request.package} is not in {place}"
            remedy = f"mirror the catalog from values that enable it: {RUNS}"
            return Chosen(
                request.package, "", "", place, (), (*reasons, Reason(Cause.NEVER_ASKED, what, (), 0, remedy))
            )
        channel = request.channel or package.default_channel
        way = olm.way(package, channel, installed=installed, pins=request.pinned_csvs)
        if way.obstacle:
            reasons.append(Reason(Cause.NO_OPERATOR, f"{way.obstacle}, in {place}"))
        stays = way.steps[-1] if way.steps else package.bundles.get(installed)
        bundles = way.steps or ((stays,) if stays else ())
        if way.ahead:
            reasons.append(Reason(Cause.LATER_INSTALLED, f"{way.ahead}, in {place}"))
        reasons += self._limits(bundles, needs)
        if not bundles and not way.obstacle and not way.ahead:
            reasons.append(_stays_unseen(installed, place))
        if before and position_of(before) < position_of(needs.minor):
            reasons += self._blocks(request, installed, tuple(reversed(needs.minors)))
        groups = [self._catalog(place, needs.architecture)]
        groups += [self._group(bundle, place, needs.architecture) for bundle in bundles]
        groups += self._required(catalog, bundles, needs, reasons)
        version = stays.version if stays else ""
        return Chosen(request.package, channel, version, place, tuple(groups), tuple(reasons))

    def _led(self, request: OperatorRequest, place: str, needs: Needs) -> Iterator[Reason]:
        """Yield where AutoShift leads a Subscription, by the values, if that is not to a catalog's place."""
        if needs.block is None:
            yield from self._named(request, place, needs)
        if needs.block is None or request.source not in INDEXES:
            return
        led = dict(needs.block).get(request.source)
        if led != place:
            entry = f"config.disconnected.catalogs of the values has {led or 'no entry'} for {request.source}"
            yield Reason(Cause.LED_ELSEWHERE, f"{entry}; {place} was looked at", (place,), 1)

    def _named(self, request: OperatorRequest, place: str, needs: Needs) -> Iterator[Reason]:
        """Yield that a label names a CatalogSource of this mirror, and that it is one for another catalog."""
        named, name = self.found.coverage.named, dict(needs.sources).get(request.label, "")
        if place in named.get(name, {place}):
            return
        right = sorted(one for one, images in named.items() if place in images)
        label = f"label {request.label}-source"
        what = f"{label} names {name}, which is {', '.join(sorted(named[name]))}; {place} was looked at"
        remedy = f"let {label} name {right[0]}" if right else ""
        yield Reason(Cause.LED_ELSEWHERE, what, (place,), 1, remedy)

    def _no_catalog(self, request: OperatorRequest, place: str, answer: object, minor: str) -> Reason:
        """Return why a catalog cannot be looked at: `answer` says it, or is None where it is not there."""
        what = f"catalog {place}, for {request.package}"
        if isinstance(answer, Reason):
            return answer
        known = self.found.known
        below = place.removeprefix(f"{known.target}/")
        if below in known.deleted:
            return Reason(Cause.DELETED, what, (place,), 1)
        if known.imagesets is None:
            return Reason(Cause.MISSING, what, (place,), 1)
        name = Reference.parse(place).name
        named = [
            catalog
            for mirror in known.imagesets
            for catalog in mirror.operators
            if (origin := Reference.find(catalog.catalog)) and self.found.coverage.usual(origin.name) == name
        ]
        tags = {
            one.target_tag or reference.tag for one in named if (reference := Reference.find(one.catalog))
        }
        if Reference.parse(place).tag in tags:
            was_there = self.found.coverage.is_known and self.found.coverage.leads_to_catalog(place)
            return Reason(Cause.LOST if was_there else Cause.NOT_BROUGHT, what, (place,), 1)
        if "" in tags:
            what = f"{what}: an ImageSet names it by digest, so that nobody knows for which minor it is"
            remedy = f"give it targetTag: v{minor} in the ImageSet, and mirror it again"
            return Reason(Cause.NO_CATALOG, what, (place,), 1, remedy)
        cause = Cause.OTHER_MINOR if named else Cause.NEVER_ASKED
        return Reason(
            cause, what, (place,), 1, f"mirror it with openshift-version={minor}, or values that name it"
        )

    def _limits(self, bundles: Iterable[Bundle], needs: Needs) -> Iterator[Reason]:
        """Yield what forbids a bundle on the OpenShift minor of a need, and images that nobody can look for.

        A limit that it has for OpenShift keeps no cluster from another release of the minor that it runs.
        """
        minor = needs.minor
        stays = bool(needs.current) and minor_of(needs.current) == minor
        for bundle in bundles:
            yield from _no_references(bundle)
            if lacking := needs_kubernetes(bundle, minor):
                yield lacking
            if not stays and forbids(bundle, minor):
                yield _forbidden(bundle, minor)

    def _blocks(self, request: OperatorRequest, installed: str, minors: tuple[str, ...]) -> Iterator[Reason]:
        """Yield why OLM would not let the cluster go on to a minor: what is installed forbids it.

        `minors` are those on the way. At each OLM updates the operator by the catalog of that minor, where
        the mirror has it. Where it is not known what is installed, the catalog of the first minor says what
        may be.
        """
        packages = [self._package(request, minor) for minor in minors]
        there = {name: one for package in packages if package for name, one in package.bundles.items()}
        name = installed
        for package, (_here, following) in zip(packages, pairwise(minors), strict=False):
            now = there.get(name)
            last = _last(package, request, name) or now
            if last and forbids(last, following):
                yield _forbidden(last, following)
                return
            if now and forbids(now, following):
                what = f"{now.name} forbids OpenShift {following}; OLM updates it to {last and last.name}"
                yield Reason(Cause.UPDATE_FIRST, what)
            elif name and not last:
                yield Reason(
                    Cause.LIMIT, f"{name}, of which no catalog in the mirror says it, for {following}"
                )
                return
            name = last.name if last else name

    def _package(self, request: OperatorRequest, minor: str) -> Package | None:
        catalog = self.found.catalogs.get(self.found.coverage.catalog(request.source, minor))
        return catalog.package(request.package) if isinstance(catalog, Catalog) else None

    def _required(
        self, catalog: Catalog, bundles: Iterable[Bundle], needs: Needs, reasons: list[Reason]
    ) -> Iterator[Group]:
        """Yield what OLM installs because these bundles require it, and what that requires in turn."""
        others = {
            place: self.found.catalogs.get(place)
            for place in self.found.coverage.catalogs_beside(catalog.reference)
        }
        requirements = Requirements(others)
        for here, bundle in requirements.of(catalog, bundles):
            reasons += self._limits([bundle], needs)
            yield self._group(bundle, here.reference, needs.architecture)
        reasons += requirements.reasons

    def _group(self, bundle: Bundle, place: str, architecture: str) -> Group:
        """Return the images of a bundle; equal ones are one object, so that they are judged once."""
        key = (bundle.name, place, architecture)
        if key not in self._groups:
            references = [Reference.find(text) for text in (bundle.content.images if bundle.content else ())]
            named = [one if one.registry else replace(one, registry=HUB) for one in references if one]
            images = [self.wanted(one, architecture) for one in named]
            if images and bundle.content and bundle.content.image:  # of the bundle only the files are read
                images[0] = replace(images[0], runs=False)
            self._groups[key] = Group(f"operator {bundle.name}", tuple(dict.fromkeys(images)))
        return self._groups[key]

    def _catalog(self, place: str, architecture: str) -> Group:
        """Return the image of a catalog, which runs in the cluster; no mirror set leads to it."""
        key = ("", place, architecture)
        if key not in self._groups:
            image = Reference.parse(place)
            wanted = Wanted(image.name, image.version, architecture, (image.name,), image.name, runs=True)
            self._groups[key] = Group(f"catalog {place}", (wanted,))
        return self._groups[key]


def _last(package: Package | None, request: OperatorRequest, installed: str) -> Bundle | None:
    """Return what OLM would install last by a catalog, None for nothing."""
    if package is None:
        return None
    channel = request.channel or package.default_channel
    steps = olm.way(package, channel, installed=installed, pins=request.pinned_csvs).steps
    return steps[-1] if steps else None


def forbids(bundle: Bundle, minor: str) -> bool:
    """Return whether OLM would keep a cluster with this bundle from going to a minor.

    A limit that cannot be read forbids every minor, and so does one that names more than a minor
    (operator-lifecycle-manager, pkg/controller/operators/openshift/helpers.go).
    """
    limit = bundle.content.newest_openshift if bundle.content else ""
    if not limit:
        return False
    found = _LIMIT.fullmatch(limit)
    newest = f"{found[1]}.{found[2]}" if found else "0.0"
    return position_of(_SAME.get(newest, newest)) < position_of(_SAME.get(minor, minor))


def _no_references(bundle: Bundle) -> Iterator[Reason]:
    """Yield which images of a bundle are named so that nobody can pull them."""
    for text in bundle.content.images if bundle.content else ():
        if Reference.find(text) is None:
            what = f"{bundle.name} names the image {text[:LONGEST]}, which is no reference of one"
            yield Reason(Cause.UNCLEAR, what)


def _stays_unseen(installed: str, place: str) -> Reason:
    """Say that OLM leaves what is installed, and that its images are not known."""
    what = f"operator {installed} stays, and is not in {place}, so that its images were not looked for"
    return Reason(Cause.RUNNING, what, remedy="mirror this version as well: new nodes need its images")


def _forbidden(bundle: Bundle, minor: str) -> Reason:
    limit = bundle.content.newest_openshift if bundle.content else ""
    if not _LIMIT.fullmatch(limit):
        what = f"{bundle.name} has olm.maxOpenShiftVersion {limit[:40]}, which is no minor, so that OLM"
        return Reason(Cause.FORBIDS_MINOR, f"{what} lets the cluster go to none")
    return Reason(Cause.FORBIDS_MINOR, f"{bundle.name} supports OpenShift up to {limit}, not {minor}")


def needs_kubernetes(bundle: Bundle, minor: str) -> Reason | None:
    """Return why OLM would not install a bundle with the Kubernetes of a minor, or why nobody knows.

    OLM reads three numbers without a `v` (minKubeVersionStatus in pkg/controller/operators/olm,
    requirements.go), and takes all else as not met.
    """
    needed = bundle.content.oldest_kubernetes if bundle.content else ""
    if not needed:
        return None
    what = f"{bundle.name} needs Kubernetes {needed[:40]}"
    version = _KUBERNETES.fullmatch(needed)
    if not version:
        return Reason(Cause.UNCLEAR, f"{what}, which OLM cannot read as a version")
    asked, patch = (int(version[1]), int(version[2])), int(version[3])
    is_4 = minor.startswith("4.")
    has = (1, position_of(minor) + _KUBERNETES_OF_4) if is_4 else _KUBERNETES_OF_5
    if asked > has and is_4:
        return Reason(Cause.NEEDS_LATER, f"{what}, which OpenShift {minor} does not have")
    if asked > has or (asked == has and patch):
        return Reason(Cause.UNCLEAR, f"{what}; whether OpenShift {minor} has it is not known")
    return None
