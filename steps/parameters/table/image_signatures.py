"""Signatures of images: which are copied, and whether clusters would accept the releases in the mirror."""

from __future__ import annotations

from typing import Final

from steps.parameters import places
from steps.parameters import value_kinds as kinds
from steps.parameters.parameter import Group, Parameter

PUBLIC_KEYS: Final = (
    "the public keys by which clusters verify releases: NAME.pub for sigstore, NAME.asc for GPG"
)
WITHOUT_PUBLIC_KEYS: Final = "nobody verifies, and no release counts as accepted"

SIGNATURES = Parameter(
    name="signatures",
    kind=kinds.optional(kinds.signatures),
    help="Which image signatures are copied: auto (of sources that have them and let them be read), all (a "
    "source without signatures is an error) or none",
    group=Group.HOW,
    where=places.MIRRORING,
    unset="auto",
    setting=True,
)
REMOVE_SIGNATURES = Parameter(
    name="remove-signatures",
    kind=kinds.optional_boolean,
    help="Former name of signatures: true is none, false is all",
    group=Group.HOW,
    where=places.MIRROR_ALONE,
    unset="as signatures says",
    setting=True,
)
VERIFY_SIGNATURES = Parameter(
    name="verify-signatures",
    kind=kinds.optional(kinds.verify_signatures),
    help="What follows where clusters would not accept an update to a release in the mirror: warn, strict "
    "(the run fails and publishes nothing), only (nothing is mirrored, and it fails), none (nobody looks)",
    group=Group.HOW,
    where=places.MIRRORING,
    unset="warn",
    setting=True,
)
RELEASE_KEYS = Parameter(
    name="release-keys",
    kind=kinds.optional(kinds.path),
    help=f"Folder with {PUBLIC_KEYS}",
    group=Group.ACCESS,
    where=places.VERIFYING,
    task_argument="/var/run/release-keys",
    unset=WITHOUT_PUBLIC_KEYS,
)
