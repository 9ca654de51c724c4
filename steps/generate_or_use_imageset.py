"""Generate the ImageSet from the values files, or take the one that the user keeps in a ConfigMap.

Either is checked as oc-mirror itself would check it, before anything is mirrored. The summary in the log says
which clusters were found, what each asks for, and why each operator is there. On a laptop:

    generate-or-use-imageset --values-root=DIR --values-file-path=P --output-imageset=FILE
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from steps import cli
from steps.files import write_output
from steps.imageset.describe import openshift_versions, operator_count
from steps.inputs import choice, deployed, imageset_source, sharing, sizes, values_source
from steps.parameters import arguments
from steps.parameters.places import GENERATE
from steps.parameters.table import content as table

if TYPE_CHECKING:
    from pathlib import Path

    from steps.parameters.value_kinds import PlanForm

log = logging.getLogger("steps.generate_or_use_imageset")

RESULTS = ("source", "imageset-sha256", "openshift-versions", "operator-count")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Parsed arguments."""

    source: values_source.ValuesSource
    choice: choice.ImageSetChoice
    plan: PlanForm
    sizes: Path | None
    deployed: Path | None
    output: Path | None
    results: dict[str, Path | None]


def parse(argv: list[str]) -> Inputs:
    """Parse and check the arguments. Raises `UsageError` with all that is wrong."""
    given = arguments.parse(GENERATE, argv, __doc__, results=RESULTS)
    root = given[table.VALUES_ROOT]
    return Inputs(
        source=values_source.from_values(given, root=root),
        choice=choice.from_values(given, asks_hub=root is None),
        plan=given[table.PLAN],
        sizes=given[table.SIZES],
        deployed=given[table.DEPLOYED_IMAGESET],
        output=given[table.OUTPUT_IMAGESET],
        results=given.results,
    )


def run(given: Inputs) -> dict[str, str]:
    """Obtain, describe and store the ImageSet; return the results."""
    obtained = imageset_source.obtain(given.source, given.choice)
    obtained = replace(obtained, changes=deployed.changes_against(given.deployed, obtained.imageset))
    if obtained.plan:
        known = sizes.from_file(given.sizes) if given.sizes else sizes.from_cluster(given.choice.namespace)
        obtained = replace(obtained, plan=sizes.with_sizes(obtained.plan, known))
    if given.plan == "json":
        cli.say(obtained.describe("json"))
    else:
        log.info("%s", obtained.describe(given.plan, columns=cli.columns(sys.stderr)))
    if given.output:
        write_output(given.output, obtained.imageset.text)
        obtained.write_plan(given.output.parent)
    if given.source.workspace:
        sharing.share(given.source.workspace, obtained.imageset.text)
    log.info("ImageSet %s (sha256 %s).", obtained.source, obtained.imageset.sha256)
    mirror = obtained.imageset.mirror
    return {
        "source": obtained.source,
        "imageset-sha256": obtained.imageset.sha256,
        "openshift-versions": ",".join(openshift_versions(mirror)),
        "operator-count": str(operator_count(mirror)),
    }


main = cli.task_entrypoint(parse, run)
