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
from steps.results import result_paths

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
    """Parse and check the arguments. Raises `UsageError`."""
    parser = cli.Parser("fetch-values", __doc__)
    values_source.add_arguments(parser)
    parser.add_argument(
        "--imageset-configmap",
        type=cli.optional(cli.kubernetes_name),
        help="the run's own ImageSet: values are not needed then",
    )
    cli.add_results(parser, RESULTS)
    arguments = parser.parse_args(argv)
    return Inputs(
        source=values_source.from_arguments(arguments),
        imageset_configmap=arguments.imageset_configmap,
        results=result_paths(arguments, RESULTS),
    )


def run(given: Inputs) -> dict[str, str]:
    """Fetch, check that the values files are there, and return the results."""
    if given.imageset_configmap:
        log.info("No values needed: the ImageSet comes from ConfigMap %s.", given.imageset_configmap)
        return dict.fromkeys(RESULTS, "")
    source = given.source
    commit, tree = source.open()
    files = values_source.read_values(tree, source.file_path)
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
