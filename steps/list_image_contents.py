"""List what this image holds, as CycloneDX 1.6: packages of its system, Python packages, oc-mirror.

The Task sign-image runs it in the image that was built, without a key and without a token.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps import cli
from steps.files import write_output
from steps.image_trust import sbom
from steps.oci.reference import Reference
from steps.parameters import arguments
from steps.parameters.places import LIST_CONTENTS
from steps.parameters.table import image_build as table

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Parsed arguments."""

    image: Reference
    sbom: Path


def parse(argv: list[str]) -> Inputs:
    """Parse and check the arguments. Raises `UsageError` with all that is wrong."""
    given = arguments.parse(LIST_CONTENTS, argv, __doc__)
    return Inputs(image=Reference.parse(given[table.BUILT_IMAGE]), sbom=given[table.WRITTEN_SBOM])


def run(given: Inputs) -> None:
    """Write the list. Raises InvalidInputError, FileError."""
    write_output(given.sbom, json.dumps(sbom.listed(given.image), indent=1))


main = cli.entrypoint(parse, run)
