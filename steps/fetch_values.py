"""Fetch a revision of the values repository and say which commit it is.

With a workspace the checkout stays there, named by its commit, for the Tasks that follow. A run that uses
its own ImageSet (imageset-configmap) needs no values: nothing is fetched, and `commit` and `url` are empty.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps import cli
from steps.inputs import values_source
from steps.parameters import arguments
from steps.parameters.places import FETCH
from steps.parameters.table.content import IMAGESET_CONFIGMAP

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger("steps.fetch_values")

RESULTS = ("commit", "url", "CHAINS-GIT_URL", "CHAINS-GIT_COMMIT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Parsed arguments."""

    source: values_source.ValuesSource
    imageset_configmap: str | None
    results: dict[str, Path | None]


def parse(argv: list[str]) -> Inputs:
    """Parse and check the arguments. Raises `UsageError` with all that is wrong."""
    given = arguments.parse(FETCH, argv, __doc__, results=RESULTS)
    return Inputs(
        source=values_source.from_values(given),
        imageset_configmap=given[IMAGESET_CONFIGMAP],
        results=given.results,
    )


def run(given: Inputs) -> dict[str, str]:
    """Fetch, check that the values files are there, and return the results."""
    if given.imageset_configmap:
        log.info("No values needed: the ImageSet comes from ConfigMap %s.", given.imageset_configmap)
        return dict.fromkeys(RESULTS, "")
    source = given.source
    commit, tree = source.open()
    files = values_source.read_values(tree, source.file_path).files
    log.info(
        "Fetched %s at %s (commit %s): %d values files.", source.url, source.revision, commit, len(files)
    )
    return {
        "commit": commit,
        "url": source.url,
        "CHAINS-GIT_URL": f"git+{source.url}",
        "CHAINS-GIT_COMMIT": commit,
    }


main = cli.task_entrypoint(parse, run)
