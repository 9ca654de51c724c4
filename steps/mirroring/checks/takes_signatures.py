"""Before a run that carries signatures: does the target take one, as oc-mirror and cosign write them?

A registry may take every image and refuse the OCI manifest at a tag `sha256-HEX.sig`, or give back another
one (Quay by its ALLOWED_OCI_ARTIFACT_TYPES; rules for tags). A run shows that after hours, or its verdicts
do. So one signature is tried, of an image that is nowhere.
"""

from __future__ import annotations

import base64
import logging
from typing import TYPE_CHECKING, Final

from steps.errors import RegistryError
from steps.oci import attached
from steps.oci.attached import Attached
from steps.oci.manifests import digest_of
from steps.oci.reference import Reference
from steps.parameters.table.image_signatures import VERIFY_SIGNATURES
from steps.parameters.value_kinds import Signatures, VerifySignatures
from steps.trust.releases import OF_RELEASES, minor_of
from steps.trust.simple_signing import MEDIA_TYPE, SIGNATURE, Claim

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steps.imageset.model import Mirror
    from steps.mirroring.ocmirror.program import Program
    from steps.mirroring.request import Request
    from steps.oci.registry import Repository

log = logging.getLogger(__name__)

_NOWHERE: Final = digest_of(b"oc-mirror-pipeline: an image that is nowhere")
"""The image whose signature is tried; the tag is the same in each registry, so that one stays at most."""
_PROBE: Final = Attached(
    MEDIA_TYPE,
    Claim("oc-mirror-pipeline.invalid/probe:none", _NOWHERE).as_bytes(),
    {SIGNATURE: base64.b64encode(b"verifies by no key").decode()},
)
_TO_DO: Final = (
    "let it take OCI manifests with layers of the type "
    f"{MEDIA_TYPE} at tags sha256-HEX.sig (Quay: FEATURE_GENERAL_OCI_SUPPORT, ALLOWED_OCI_ARTIFACT_TYPES); or"
    " mirror without signatures: signatures=none, or registries-config for single sources"
)


def check(repository: Repository, request: Request, program: Program, mirror: Mirror) -> None:
    """Try a signature in a repository that the run writes to, if it carries any; warn where it is refused.

    Raises RegistryError with verify-signatures=strict and a release that clusters would refuse without, and
    what keeps anything from being written there.
    """
    if not _carries(request, program):
        return
    refused = attached.refusal(repository, _NOWHERE, _PROBE)
    if refused is None:
        return
    reason = f"{request.target_registry} takes no signatures of images: {refused.reason}"
    if request.values[VERIFY_SIGNATURES] is VerifySignatures.STRICT and _needs_them(mirror):
        raise RegistryError(reason, _TO_DO)
    log.warning("%s; %s", reason, _TO_DO)


def _carries(request: Request, program: Program) -> bool:
    """Return whether a run may write signatures, and somebody wants to be told of them."""
    return (
        program.copies_signatures
        and request.options.signatures is not Signatures.NONE
        and request.values[VERIFY_SIGNATURES] is not VerifySignatures.NONE
    )


def _needs_them(mirror: Mirror) -> bool:
    """Return whether an ImageSet certainly names a release that clusters refuse without one."""
    return any((minor_of(version) or (0, 0)) >= OF_RELEASES for version in _releases(mirror))


def _releases(mirror: Mirror) -> Iterator[str]:
    """Give the newest version that each channel leads to, as far as the ImageSet tells."""
    for channel in mirror.platform.channels:
        yield channel.max_version or channel.name.rpartition("-")[2]
    if release := Reference.find(mirror.platform.release):
        yield release.tag
