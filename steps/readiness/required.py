"""What OLM installs besides, because an operator requires it (pure).

As operator-lifecycle-manager resolves it (pkg/controller/registry/resolver, resolver.go): a bundle is taken
from the catalog of the operator before any other, there from the default channel before any other, and of a
channel what is nearest to its head. It need not be the newest, if that is not in the range that is required.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steps.catalog.dependencies import foreign
from steps.catalog.packages import Catalog
from steps.readiness import olm
from steps.readiness.reasons import Cause, Reason
from steps.versions import satisfies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from steps.catalog.packages import Bundle


def absent(catalogs: Iterable[Catalog]) -> frozenset[str]:
    """Return the packages that bundles require and that their own catalog does not have."""
    return frozenset(
        name
        for catalog in catalogs
        for package in catalog.packages.values()
        for bundle in (package.bundles.values() if package else ())
        for name, _range in bundle.requires
        if catalog.package(name) is None
    )


@dataclass(slots=True)
class Requirements:
    """Looks for what bundles require, in their own catalog and then in the `others` that a cluster is given.

    `others` are by place: a reason says why one could not be read, None is one that is not there.
    """

    others: Mapping[str, Catalog | Reason | None]
    reasons: list[Reason] = field(default_factory=list)

    def of(self, catalog: Catalog, bundles: Iterable[Bundle]) -> Iterator[tuple[Catalog, Bundle]]:
        """Yield what these require, and what that requires in turn; add to `reasons` what is not there."""
        ahead, seen = [(catalog, bundle) for bundle in bundles], set[tuple[str, str]]()
        while ahead:
            here, bundle = ahead.pop()
            if (here.reference, bundle.name) in seen:
                continue
            seen.add((here.reference, bundle.name))
            found = list(self._of(here, bundle))
            yield from found
            ahead += found

    def _of(self, catalog: Catalog, bundle: Bundle) -> Iterator[tuple[Catalog, Bundle]]:
        for constraint in bundle.unclear:
            self.reasons.append(
                Reason(Cause.UNCLEAR, f"{bundle.name} has a constraint that OLM evaluates: {constraint}")
            )
        for name, versions in bundle.requires:
            what = f"{bundle.name} requires package {name}{f' {versions}' if versions else ''}"
            yield from self._package(catalog, name, versions, what)
        for api in foreign(bundle):
            yield from self._provider(catalog, api, f"{bundle.name} requires the API {api}")

    def _package(
        self, catalog: Catalog, name: str, versions: str, what: str
    ) -> Iterator[tuple[Catalog, Bundle]]:
        def fits(bundle: Bundle) -> bool:
            return not versions or satisfies(bundle.version, versions)

        found = _chosen(catalog, name, fits)
        for other in () if found else self._readable():
            found = found or _chosen(other, name, fits)
        if found:
            yield found
            return
        there = sorted(
            place.reference for place in (catalog, *self._readable()) if place.package(name) is not None
        )
        which = f"{', '.join(there)} has no such version in its channels" if there else "it is in no catalog"
        self._lacks(f"{what}: {which}", sure=True)

    def _provider(self, catalog: Catalog, api: str, what: str) -> Iterator[tuple[Catalog, Bundle]]:
        for name in sorted(catalog.providers.get(api, ())):
            found = _chosen(catalog, name, lambda bundle: api in bundle.provides)
            if found:
                yield found
                return
        self._lacks(f"{what}, which nothing in {catalog.reference} provides", sure=not self.others)

    def _lacks(self, what: str, *, sure: bool) -> None:
        """Add that something is not there, or that this is not known: `sure`, or a catalog was not read."""
        unread = sorted(place for place, one in self.others.items() if isinstance(one, Reason))
        if sure and not unread:
            self.reasons.append(Reason(Cause.REQUIRED, what))
            return
        others = ", ".join(unread or sorted(self.others))
        self.reasons.append(Reason(Cause.UNCLEAR, f"{what}; whether {others} has it is not known"))

    def _readable(self) -> list[Catalog]:
        return [one for _place, one in sorted(self.others.items()) if isinstance(one, Catalog)]


def _chosen(catalog: Catalog, name: str, fits: Callable[[Bundle], bool]) -> tuple[Catalog, Bundle] | None:
    package = catalog.package(name)
    bundle = olm.required(package, fits) if package else None
    return (catalog, bundle) if bundle else None
