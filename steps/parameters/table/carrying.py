"""Carrying generations across a gap: export, import and receipts."""

from __future__ import annotations

from typing import Final

from steps.parameters import places
from steps.parameters import value_kinds as kinds
from steps.parameters.parameter import Group, Parameter

ALL_RECEIPTS: Final = (
    "receipts that were brought back, all of which workflow-to-disk and workflow-cleanup acknowledge before "
    "they remove a generation"
)

EXPORT = Parameter(
    name="export",
    kind=kinds.optional(kinds.folder),
    help="Only put the generations that the other side lacks into this folder, such as that of a USB stick",
    group=Group.CARRYING,
    where=places.MIRROR_ALONE,
)
VOLUME_SIZE = Parameter(
    name="volume-size",
    kind=kinds.optional(kinds.size),
    help="Divide the export into volumes of this size, folders volume-001, volume-002 …, such as 25G",
    group=Group.CARRYING,
    where=places.MIRROR_ALONE,
    unset="one volume of any size",
    unit="k, M, G, Ki, Mi, Gi",
)
VOLUME = Parameter(
    name="volume",
    kind=kinds.optional(kinds.positive),
    help="Write this volume of the export only, for one medium after the other",
    group=Group.CARRYING,
    where=places.MIRROR_ALONE,
    unset="all volumes",
)
IMPORT = Parameter(
    name="import",
    kind=kinds.path,
    help="Only take in the generations from this folder, written by --export or copied; may be repeated",
    group=Group.CARRYING,
    where=places.MIRROR_ALONE,
    repeatable=True,
)
ACKNOWLEDGE = Parameter(
    name="acknowledge",
    kind=kinds.optional(kinds.path),
    help="Only read this receipt of the other side, or - for standard input: what it confirms, retention may "
    "remove",
    group=Group.CARRYING,
    where=places.MIRROR_ALONE,
)
RECEIPTS = Parameter(
    name="receipts",
    kind=kinds.optional(kinds.path),
    help=f"Folder with {ALL_RECEIPTS}",
    group=Group.CARRYING,
    where=places.MIRROR_ALONE,
    unset="retention goes by what --acknowledge has read",
)
FORGET_TARGET = Parameter(
    name="forget-target",
    kind=kinds.optional(kinds.text),
    help="Only forget the receipts of this target registry, which exists no more: retention waits for it no "
    "longer",
    group=Group.CARRYING,
    where=places.MIRROR_ALONE,
)
