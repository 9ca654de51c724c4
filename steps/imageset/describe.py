"""An ImageSet as a person reads it: what can be read off a file that was not generated here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steps.imageset.validate import ImageSetFacts


def describe_imageset(facts: ImageSetFacts) -> str:
    """Describe releases, catalogs, images and warnings, as aligned plain text."""
    rows = [
        ("OpenShift", ", ".join(facts.openshift_versions) or "none"),
        ("Operators", f"{facts.operator_count} packages of {len(facts.catalogs)} catalogs"),
        *(("", catalog) for catalog in facts.catalogs),
        ("Additional images", str(facts.image_count)),
    ]
    lines = ["ImageSet", *(f"  {name:<17}  {text}".rstrip() for name, text in rows)]
    if facts.warnings:
        lines += ["", "Warnings", *(f"  ! {warning}" for warning in facts.warnings)]
    return "\n".join(lines) + "\n"
