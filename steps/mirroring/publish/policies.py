"""Policies by which clusters verify what they pull by the mirror's own name: files for people, never applied.

The policy `openshift` of clusters is about images by their origin. An UpdateService, or an installation from
the mirror, names the mirror itself; then a policy of one's own has to say under which name the image was
signed: `RemapIdentity` (openshift/api, config/v1/types_image_policy.go). Its name must not begin with
`openshift`. Up to 4.19 there is v1alpha1 only, in clusters with TechPreviewNoUpgrade.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, Final

import yaml

from steps.mirroring.checks.acceptance import keys_of
from steps.mirroring.ocmirror import placement
from steps.mirroring.ocmirror.mirror_sets import MirrorSets
from steps.mirroring.ocmirror.registries_d import DEFAULT, KEY, NAMESPACES
from steps.mirroring.publish import resources
from steps.trust.releases import CONTENTS, RELEASES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from steps.mirroring.request import Request
    from steps.mirroring.store import Store
    from steps.mirroring.store.accepted import Judgement

_PREFIX: Final = re.compile(r"(?:[^/:]+\.[^/:]+(?::\d+)?|localhost(?::\d+)?)(?:/.*)?")
"""What the API takes for a name in RemapIdentity: its host has a dot, or is localhost."""
_VERSIONS: Final = (
    ("4.17-to-4.19", "config.openshift.io/v1alpha1", (RELEASES,)),
    ("4.20-and-4.21", "config.openshift.io/v1", (RELEASES,)),
    ("4.22", "config.openshift.io/v1", (RELEASES, *CONTENTS)),
)
"""Versions of clusters, the API that they have, and the origins that their own policy is about."""
_HEAD: Final = """\
# For clusters of OpenShift {versions} that name the mirror itself, by an UpdateService or an installation.
# Nothing applies this file: read docs/how-to/signatures.md first, and try it in one cluster.
"""


def publish(store: Store, request: Request, judgement: Judgement) -> None:
    """Write the policies beside what is published for the target of `request`, if there is any."""
    target = request.target_registry
    published = store.published.of(target)
    if published is None:
        return
    keys = keys_of(request).sigstore
    mirrors = MirrorSets.of(resources.load(published.files()))
    found = image_policies(mirrors, {key.name: key.pem() for key in keys or ()})
    if text := registries_d(mirrors, target, judgement.unsigned_catalogs):
        found["registries.d.yaml"] = text
    store.published.write_policies(target, found)


def image_policies(mirrors: MirrorSets, keys: Mapping[str, bytes]) -> dict[str, str]:
    """Return a file for each range of versions, with a ClusterImagePolicy for each key and repository.

    Empty without keys (none is invented), or where the mirror has a name that the API does not take.
    """
    files = {}
    for versions, api, origins in _VERSIONS:
        places = {place: origin for origin in origins for place in mirrors.places(origin)[:1]}
        documents = [
            _policy(api, f"mirror-{number}-{name}"[:63].rstrip("-."), place, origin, pem)
            for number, (place, origin) in enumerate(places.items(), 1)
            if _PREFIX.fullmatch(place)
            for name, pem in list(keys.items())[:1]
        ]
        if documents:
            text = "".join(f"---\n{yaml.safe_dump(one, sort_keys=False, width=2**16)}" for one in documents)
            files[f"cluster-image-policy-{versions}.yaml"] = _HEAD.format(versions=versions) + text
    return files


def registries_d(mirrors: MirrorSets, target: str, unsigned_catalogs: Iterable[str]) -> str:
    """Return a file for registries.d: where signatures are read in the mirror, and where there are none.

    Empty without a release. The machine config operator writes one like it for the scopes of policies.
    """
    found: dict[str, Any] = {}
    for origin in (RELEASES, *CONTENTS):
        for place in mirrors.places(origin):
            found[place] = {KEY: True}
    if not found:
        return ""
    for catalog in unsigned_catalogs:
        found[f"{target}/{placement.path_of(catalog)}"] = {KEY: False}
    document = {DEFAULT: {KEY: False}, NAMESPACES: dict(sorted(found.items()))}
    return yaml.safe_dump(document, sort_keys=False)


def _policy(api: str, name: str, place: str, origin: str, pem: bytes) -> dict[str, Any]:
    name = re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-.")
    return {
        "apiVersion": api,
        "kind": "ClusterImagePolicy",
        "metadata": {"name": name},
        "spec": {
            "scopes": [place],
            "policy": {
                "rootOfTrust": {
                    "policyType": "PublicKey",
                    "publicKey": {"keyData": base64.b64encode(pem).decode()},
                },
                "signedIdentity": {
                    "matchPolicy": "RemapIdentity",
                    "remapIdentity": {"prefix": place, "signedPrefix": origin},
                },
            },
        },
    }
