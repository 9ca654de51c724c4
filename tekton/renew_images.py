"""Write the digests of the images of others beside their versions, and say what changed.

A version can be moved to another image; a digest cannot. The version stays as it is: raise it in the file
first if you want another one. `make renew-images` also writes the Tekton files and the reference anew. An
image whose registry cannot be asked stays as it was, and the exit code is 1.
"""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

from steps.errors import StepError
from steps.files import write_atomically
from steps.oci.access import Access
from steps.oci.reference import Reference

ROOT = Path(__file__).resolve().parent.parent
PARAMETERS = "steps/parameters/table/image_build.py"
PLACES = {
    "base image": ("Containerfile", r"(?m)^ARG BASE_IMAGE=(\S+)$"),
    "git-image": (PARAMETERS, r'(?s)name="git-image",.*?default="([^"]+)"'),
    "buildah-image": (PARAMETERS, r'(?s)name="buildah-image",.*?default="([^"]+)"'),
}
SECONDS = 60


def renewed(image: str) -> str:
    """Ask the registry for the digest of an image's tag; return the image with both. Raises StepError."""
    reference = replace(Reference.parse(image), digest="")
    with Access().within(SECONDS).open(reference.name) as repository:
        return f"{reference}@{repository.digest(reference.tag)}"


def main(root: Path = ROOT) -> int:
    """Renew all images below `root`."""
    failed = False
    for what, (file, pattern) in PLACES.items():
        text = (root / file).read_text()
        found = re.search(pattern, text)
        if found is None:
            raise SystemExit(f"{file} names no {what}")
        try:
            image = renewed(found[1])
        except StepError as error:
            print(f"{what}: {found[1]} stays: {error.reason}", file=sys.stderr)
            failed = True
            continue
        changed = image != found[1]
        print(f"{what}: {found[1]} → {image}" if changed else f"{what}: {image} is as it was")
        if changed:
            write_atomically(root / file, text[: found.start(1)] + image + text[found.end(1) :])
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
