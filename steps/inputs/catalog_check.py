"""The check of a plan's operators against their catalogs in the registries (the parameter catalog-check).

The catalogs are read several at a time. A workspace keeps them by the digest of their image, so that a
catalog that has not changed costs two requests.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from steps.autoshift.operators import NEWEST
from steps.errors import RegistryError
from steps.parameters.table.access import AUTHFILE, CA_BUNDLE
from steps.parameters.table.content import CATALOG_CHECK, WORKSPACE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from steps.catalog.packages import Catalog
    from steps.parameters.parameter import Values
    from steps.parameters.value_kinds import CatalogMode

log = logging.getLogger("steps.inputs")


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogCheck:
    """How to check operators against their catalogs.

    `mode`: `auto` checks if the registry can be read, `error` fails if it cannot, `warn` turns what the
    catalogs lack into warnings, `off` checks nothing. `authfile` is a pull secret, `workspace` the folder
    that keeps what was read; either may be None.
    """

    mode: CatalogMode
    authfile: Path | None
    ca_bundle: Path | None
    workspace: Path | None

    def read(self, wanted: Mapping[str, frozenset[str]]) -> dict[str, Catalog]:
        """Read packages from their catalogs; return the catalogs that could be read, by reference.

        Raises RegistryError for a catalog that could not be read: always with `error`, and with `auto` if the
        registry says that it does not have the catalog.
        """
        if self.mode == "off" or not wanted:
            return {}
        from steps.oci.failures import AbsentError  # late, as in _results: a check that is off asks nobody

        found: dict[str, Catalog] = {}
        failures: dict[str, RegistryError] = {}
        for reference, result in self._results(wanted).items():
            if not isinstance(result, RegistryError):
                found[reference] = result
            elif self.mode == "error" or (self.mode == "auto" and isinstance(result, AbsentError)):
                raise result
            else:
                failures[reference] = result
        self._log(found, failures)
        return found

    def _results(self, wanted: Mapping[str, frozenset[str]]) -> dict[str, Catalog | RegistryError]:
        """Return for each catalog what was read of it, or the error; ask no host that is out of reach."""
        from steps.oci.access import Access, obstacle
        from steps.oci.failures import UnreachableError
        from steps.oci.reference import Reference

        access = Access(self.authfile, self.ca_bundle)
        _ = access.logins  # a pull secret of another format is an error, even where no registry answers
        hosts = {reference: Reference.parse(reference).registry for reference in wanted}
        obstacles = {host: obstacle(host) for host in set(hosts.values())}
        hint = "check network and proxy, or set catalog-check to off"
        results: dict[str, Catalog | RegistryError] = {
            reference: UnreachableError(reason, hint)
            for reference in wanted
            if (reason := obstacles[hosts[reference]])
        }
        within_reach = {reference: names for reference, names in wanted.items() if reference not in results}
        if within_reach:
            from steps.inputs.catalog_reading import CatalogReader  # late: what it imports costs 0.1 s

            reader = CatalogReader(within_reach, access=access, workspace=self.workspace)
            results |= reader.read_all()
        return results

    def _log(self, found: Mapping[str, Catalog], failures: Mapping[str, RegistryError]) -> None:
        if found:
            log.info("Catalogs checked: %s.", ", ".join(sorted(found)))
        if failures:
            reasons = "; ".join(sorted({error.reason for error in failures.values()}))
            log.log(
                logging.WARNING if self.mode == "warn" else logging.INFO,
                "Catalogs not checked: %s. The built-in facts are used instead (of %s).",
                reasons,
                NEWEST,
            )


def from_values(given: Values) -> CatalogCheck:
    """Collect how catalogs are read."""
    return CatalogCheck(
        mode=given[CATALOG_CHECK],
        authfile=given[AUTHFILE],
        ca_bundle=given[CA_BUNDLE],
        workspace=given[WORKSPACE],
    )
