"""Who signs generations, whose are taken, and their check on a medium."""

from __future__ import annotations

from typing import Final

from steps.parameters import places
from steps.parameters import value_kinds as kinds
from steps.parameters.parameter import Group, Parameter

PRIVATE_KEY: Final = (
    "the private key that signs new generations: signing.key (PEM, ECDSA P-256 or Ed25519), and passphrase "
    "where it has one"
)
WITHOUT_PRIVATE_KEY: Final = "generations are not signed"
PUBLIC_KEYS: Final = (
    "the public keys of those whose generations are imported: NAME.pub (PEM), and NAME.until with the time "
    "at which it ends"
)
WITHOUT_PUBLIC_KEYS: Final = "nobody vouches for generations"

VERIFY = Parameter(
    name="verify",
    kind=kinds.path,
    help="Only check chain, hashes and signatures of the generations in this folder, such as that of a USB "
    "stick, and write nothing; may be repeated",
    group=Group.CARRYING,
    where=places.MIRROR_ALONE,
    repeatable=True,
)
SIGNING_KEY = Parameter(
    name="signing-key",
    kind=kinds.optional(kinds.path),
    help=f"Folder with {PRIVATE_KEY}",
    group=Group.CARRYING,
    where=places.MIRROR_ALONE,
    unset=WITHOUT_PRIVATE_KEY,
)
TRUSTED_KEYS = Parameter(
    name="trusted-keys",
    kind=kinds.optional(kinds.path),
    help=f"Folder with {PUBLIC_KEYS}",
    group=Group.CARRYING,
    where=places.MIRROR_ALONE,
    unset=WITHOUT_PUBLIC_KEYS,
)
REQUIRE_SIGNATURE = Parameter(
    name="require-signature",
    kind=kinds.optional_boolean,
    help="true refuses generations that no trusted key has signed, false takes unsigned ones",
    group=Group.CARRYING,
    where=places.MIRRORING,
    unset="true with trusted-keys, and where the target has imported signed ones",
    setting=True,
)
RUNNING_IMAGE = Parameter(
    name="running-image",
    kind=kinds.optional(kinds.text),
    help="Image that mirror runs in, which the signed statement about a generation names",
    group=Group.RUN,
    where=places.MIRROR_ALONE,
)
