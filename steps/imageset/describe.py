"""An ImageSet as a person reads it: what can be read off a file that was not generated here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steps.oci.reference import Reference

if TYPE_CHECKING:
    from steps.imageset.imageset import ImageSet
    from steps.imageset.model import Mirror, ReleaseChannel


def describe_imageset(imageset: ImageSet) -> str:
    """Describe releases, catalogs, images and warnings, as aligned plain text."""
    mirror = imageset.mirror
    catalogs = [catalog.catalog for catalog in mirror.operators]
    rows = [
        ("OpenShift", ", ".join(openshift_versions(mirror)) or "none"),
        ("Operators", f"{operator_count(mirror)} packages of {len(catalogs)} catalogs"),
        *(("", catalog) for catalog in catalogs),
        ("Additional images", str(len(mirror.additional_images))),
    ]
    lines = ["ImageSet", *(f"  {name:<17}  {text}".rstrip() for name, text in rows)]
    if imageset.warnings:
        lines += ["", "Warnings", *(f"  ! {warning}" for warning in imageset.warnings)]
    return "\n".join(lines) + "\n"


def openshift_versions(mirror: Mirror) -> tuple[str, ...]:
    """Return the releases in the file's order; without channels, the minor versions of the catalogs' tags.

    They are `4.18.22`, `4.18.10-4.18.22`, `stable-4.18` (a channel's head) or `4.18.10-` (up to the head).
    """
    versions = [_version(channel) for channel in mirror.platform.channels] or [
        tag.removeprefix("v")
        for catalog in mirror.operators
        if (reference := Reference.find(catalog.catalog)) and (tag := reference.tag).startswith("v")
    ]
    return tuple(dict.fromkeys(versions))


def _version(channel: ReleaseChannel) -> str:
    low, high = channel.min_version, channel.max_version
    if not low and not high:
        return channel.name
    return low if low == high else f"{low}-{high}"


def operator_count(mirror: Mirror) -> int:
    """Return the number of operators; an operator of several catalogs counts once."""
    return len({package.name for catalog in mirror.operators for package in catalog.packages})
