"""The check of a plan's operators against their catalogs in the registries (the parameter catalog-check).

The catalogs are read several at a time. A workspace keeps them by the digest of their image, so that a
catalog that has not changed costs two requests.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from steps.autoshift.operators import TABLE
from steps.cli import optional
from steps.errors import RegistryError
from steps.oci import AbsentError, Logins, UnreachableError, obstacle
from steps.oci.reference import Reference

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from steps.catalog.packages import Catalog

log = logging.getLogger("steps.inputs")

MODES: Final = ("auto", "error", "warn", "off")


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogCheck:
    """How to check operators against their catalogs.

    `mode`: `auto` checks if the registry can be read, `error` fails if it cannot, `warn` turns what the
    catalogs lack into warnings, `off` checks nothing. `authfile` is a pull secret, `workspace` the folder
    that keeps what was read; either may be None.
    """

    mode: str
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
        logins = Logins.read(self.authfile)
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
            from steps.inputs.catalog_reading import Reading  # late: what it imports costs 0.1 s

            reading = Reading(within_reach, logins=logins, ca_bundle=self.ca_bundle, workspace=self.workspace)
            results |= reading.all()
        return results

    def _log(self, found: Mapping[str, Catalog], failures: Mapping[str, RegistryError]) -> None:
        if found:
            log.info("Catalogs checked: %s.", ", ".join(sorted(found)))
        if failures:
            reasons = "; ".join(sorted({error.reason for error in failures.values()}))
            log.log(
                logging.WARNING if self.mode == "warn" else logging.INFO,
                "Catalogs not checked: %s. The built-in facts are used instead (%s).",
                reasons,
                TABLE,
            )


def add_arguments(group: argparse._ArgumentGroup) -> None:
    """Declare the arguments that `from_arguments` reads besides those of the values."""
    group.add_argument(
        "--catalog-check",
        choices=MODES,
        default="auto",
        help="auto checks operators against their catalogs where the registry can be read, error insists on "
        "it, warn only warns, off does without",
    )
    group.add_argument(
        "--authfile", type=optional(Path), metavar="FILE", help="pull secret for it, if the file exists"
    )


def from_arguments(arguments: argparse.Namespace) -> CatalogCheck:
    """Make the check from the arguments that `add_arguments` and `values_source` declare."""
    return CatalogCheck(
        mode=arguments.catalog_check,
        authfile=arguments.authfile,
        ca_bundle=arguments.ca_bundle,
        workspace=arguments.workspace,
    )
