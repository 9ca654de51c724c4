"""Generate the ImageSet from the values files, or take the one that the user keeps in a ConfigMap.

Either is checked as oc-mirror itself would check it, before anything is mirrored. The summary in the log says
which clusters were found, what each asks for, and why each operator is there. On a laptop:

    generate-or-use-imageset --values-root=DIR --values-file-path=P --output-imageset=FILE
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from steps import cli
from steps.autoshift.plan import describe_plan
from steps.files import write_atomically
from steps.imageset.describe import describe_imageset
from steps.inputs import choice, imageset, sharing, values_source
from steps.results import result_paths

log = logging.getLogger("steps.generate_or_use_imageset")

RESULTS = ("source", "imageset-sha256", "openshift-versions", "operator-count")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Parsed arguments."""

    source: values_source.ValuesSource
    choice: choice.ImageSetChoice
    output: Path | None
    results: dict[str, Path | None]


def parse(argv: list[str]) -> Inputs:
    """Parse and check the arguments. Raises `UsageError`."""
    parser = cli.Parser("generate-or-use-imageset", __doc__)
    values_source.add_arguments(parser)
    parser.add_argument(
        "--values-root",
        type=cli.optional(Path),
        metavar="DIR",
        help="a folder to read instead of a repository",
    )
    choice.add_arguments(parser)
    parser.add_argument(
        "--output-imageset", type=cli.optional(Path), metavar="FILE", help="where to write it"
    )
    cli.add_results(parser, RESULTS)
    arguments = parser.parse_args(argv)
    return Inputs(
        source=values_source.from_arguments(arguments, root=arguments.values_root),
        choice=choice.from_arguments(arguments, asks_hub=arguments.values_root is None),
        output=arguments.output_imageset,
        results=result_paths(arguments, RESULTS),
    )


def run(given: Inputs) -> dict[str, str]:
    """Obtain, describe and store the ImageSet; return the results."""
    obtained = imageset.obtain(given.source, given.choice)
    log.info("%s", describe_plan(obtained.plan) if obtained.plan else describe_imageset(obtained.facts))
    if given.output:
        write_atomically(given.output, obtained.text)
    if given.source.workspace:
        sharing.share(given.source.workspace, obtained.text)
    log.info("ImageSet %s (sha256 %s).", obtained.source, obtained.sha256)
    return {
        "source": obtained.source,
        "imageset-sha256": obtained.sha256,
        "openshift-versions": ",".join(obtained.facts.openshift_versions),
        "operator-count": str(obtained.facts.operator_count),
    }


main = cli.task_entrypoint(parse, run)
