"""After a run: which catalogs and additional images in the target are signed, as clusters would find it.

An image counts as signed where it, or each image that it lists and that is there, has a signature at its tag
`.sig`. A signature that oc-mirror left out is copied as those of releases are. A catalog that oc-mirror
filtered is another image than the signed one. So it has no signature, and none is copied.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from steps.errors import StepError
from steps.mirroring import parallel
from steps.mirroring.ocmirror import placement
from steps.mirroring.store.accepted import JudgedCatalog, Judgement
from steps.oci.reference import Reference
from steps.trust import sigstore
from steps.trust.sigstore import Identity, Image

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steps.imageset.model import Catalog
    from steps.mirroring.checks.release_reading import Reader
    from steps.mirroring.request import Request
    from steps.mirroring.store.inventory import InventoryImage
    from steps.trust.keys import TrustedKeys

log = logging.getLogger(__name__)

MOST: Final = 1000
"""Names that are recorded."""
_SHOWN: Final = 5


def check(
    request: Request,
    reader: Reader,
    images: Iterable[InventoryImage],
    catalogs: Iterable[Catalog],
    keys: TrustedKeys | None,
) -> Judgement:
    """Look at the additional images among `images`, and at the `catalogs`; say which have no signature.

    `keys` are those of catalogs. The judgement that is returned has no time and no releases.
    """
    target = request.target_registry
    places = {
        one.origin: f"{target}/{one.in_target[0]}"
        for one in images
        if one.kind == "additional" and one.in_target
    }
    of_catalogs = {
        catalog.catalog: f"{target}/{place}" for catalog in catalogs if (place := _place(catalog, request))
    }
    places |= of_catalogs

    def look(origin: str, _check: object) -> JudgedCatalog | str | None:
        return _look(reader, origin, places[origin], keys if origin in of_catalogs else None)

    looks = parallel.each(look, places)
    found = [one for one in looks.values() if isinstance(one, JudgedCatalog)]
    unknown = [f"{origin} ({one})" for origin, one in sorted(looks.items()) if isinstance(one, str)]
    if unknown:
        log.warning(
            "%d of %d catalogs and additional images in %s may be signed or not: they cannot be read: %s",
            len(unknown),
            len(found) + len(unknown),
            target,
            ", ".join(unknown[:_SHOWN]) + (" …" if len(unknown) > _SHOWN else ""),
        )
    without = sorted(one.origin for one in found if not one.signed)
    if without:
        log.info(
            "%d of %d catalogs and additional images in %s have no signature%s: %s",
            len(without),
            len(found),
            target,
            ", and their sources have none to copy" if reader.source else "",
            ", ".join(without[:_SHOWN]) + (" …" if len(without) > _SHOWN else ""),
        )
    return Judgement(
        checked="",
        signed=len(found) - len(without),
        unsigned=len(without),
        without=tuple(without[:MOST]),
        catalogs=tuple(one for one in found if one.origin in of_catalogs),
    )


def _place(catalog: Catalog, request: Request) -> str:
    """Return REPOSITORY:TAG of a catalog below the target; empty where it has no tag there."""
    origin = Reference.find(catalog.catalog)
    tag = catalog.target_tag or (origin.tag if origin else "")
    place = request.nesting.join(catalog.target_catalog or placement.path_of(catalog.catalog))
    return f"{place}:{tag}" if tag else ""


def _look(reader: Reader, origin: str, place: str, keys: TrustedKeys | None) -> JudgedCatalog | str | None:
    """Look at one image; None where it is not there, and why where that is not known."""
    there, source = Reference.find(place), Reference.find(origin)
    if there is None or not there.version:
        return None
    name = source.name if source else origin
    try:
        with reader.target.open(there.name) as repository:
            manifest = repository.find(there.version)
            if manifest is None:
                return None
            itself = reader.signatures(repository, name, manifest.digest)
            image = Image(name=name, digest=manifest.digest, signed={manifest.digest: itself})
            if manifest.is_index:
                image = reader.read(repository, image)
    except StepError as error:
        return error.reason
    chosen = list(image.signed.values())
    if obstacle := next(filter(None, (image.obstacle, *(one.obstacle for one in (itself, *chosen)))), ""):
        return obstacle
    return JudgedCatalog(
        origin=origin,
        place=place,
        signed=bool(itself.media_type or (chosen and all(one.media_type for one in chosen))),
        key=_signer(replace(image, name=there.name), Identity(there.name, name, there.tag), keys),
    )


def _signer(image: Image, identity: Identity, keys: TrustedKeys | None) -> str:
    """Return the name of the key by which a node would take each manifest of an image; empty without one."""
    if keys is None:
        return ""
    from steps.trust.keys import TrustedKeys  # late: see there

    now = datetime.now(UTC)
    for key in keys:
        only = TrustedKeys((key,))
        refused = [
            sigstore.refusal(replace(image, digest=digest), signatures, only, now, identity)
            for digest, signatures in image.signed.items()
        ]
        if refused and not any(refused):
            return key.name
    return ""
