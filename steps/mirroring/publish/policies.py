"""Policies by which clusters verify what they pull by the mirror's own name: files for people, never applied.

The policy `openshift` of clusters is about images by their origin. An UpdateService, an installation from
the mirror, a CatalogSource and a ClusterCatalog name the mirror itself; then a policy of one's own has to say
under which name the image was signed: `RemapIdentity` (openshift/api, config/v1/types_image_policy.go). Its
name must not begin with `openshift`. Up to 4.19 there is v1alpha1 only, in clusters with
TechPreviewNoUpgrade.

The catalogs of OLM v1 are pulled by catalogd, by digest, with the policy.json of nodes and not with that of a
namespace (operator-framework/operator-controller, internal/shared/util/image/pull.go). So policies of
catalogs are for the whole cluster, too, and about repositories, not tags.
"""

from __future__ import annotations

import base64
import logging
import re
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import yaml

from steps.mirroring.checks.acceptance import keys_of
from steps.mirroring.ocmirror.mirror_sets import MirrorSets
from steps.mirroring.ocmirror.registries_d import DEFAULT, KEY, NAMESPACES
from steps.mirroring.publish import resources
from steps.oci.reference import Reference
from steps.trust.releases import CONTENTS, RELEASES
from steps.yaml.writing import Dumper

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from steps.mirroring.request import Request
    from steps.mirroring.store import Store
    from steps.mirroring.store.accepted import JudgedCatalog
    from steps.trust.keys import TrustedKeys

log = logging.getLogger(__name__)

_PREFIX: Final = re.compile(r"(?:[^/:]+\.[^/:]+(?::\d+)?|localhost(?::\d+)?)(?:/.*)?")
"""What the API takes for a name in RemapIdentity: its host has a dot, or is localhost."""
_VERSIONS: Final = (
    ("4.17-to-4.19", "config.openshift.io/v1alpha1", (RELEASES,)),
    ("4.20-and-4.21", "config.openshift.io/v1", (RELEASES,)),
    ("4.22", "config.openshift.io/v1", (RELEASES, *CONTENTS)),
)
"""Versions of clusters, the API that they have, and the origins that their own policy is about."""
_CATALOG_POLICY: Final = "catalog-policy-"
_OF_CATALOGS: Final = (
    ("4.17-to-4.19", "config.openshift.io/v1alpha1"),
    ("4.20-and-later", "config.openshift.io/v1"),
)
_HEAD: Final = """\
# For clusters of OpenShift {versions} {which}.
# Nothing applies this file: read docs/how-to/signatures.md first, and try it in one cluster.
"""


def publish(store: Store, request: Request) -> None:
    """Write the policies beside what is published for the target of `request`, if there is any."""
    target = request.target_registry
    published = store.published.of(target)
    if published is None:
        return
    keys, documents = keys_of(request), resources.load(published.files())
    mirrors = MirrorSets.of(documents)
    catalogs = by_repository(documents, store.accepted.catalogs(target))
    found = image_policies(mirrors, _pems(keys.sigstore))
    found |= catalog_policies(catalogs, _pems(keys.catalogs))
    for place in sorted(_scopes(published.policies()) - _scopes(found)):
        log.warning(
            "%s: its policy is not written any more: no given key has signed every catalog there; a cluster"
            " that has this policy refuses what is not signed",
            place,
        )
    if text := registries_d(mirrors, catalogs):
        found["registries.d.yaml"] = text
    store.published.write_policies(target, found)


def by_repository(
    documents: Iterable[resources.Resource], judged: Mapping[str, JudgedCatalog]
) -> dict[str, list[JudgedCatalog | None]]:
    """Return what is known of the catalogs that clusters are led to, by repository; None for one unknown."""
    found: dict[str, list[JudgedCatalog | None]] = defaultdict(list)
    for document in documents:
        if document["kind"] not in {"CatalogSource", "ClusterCatalog"}:
            continue
        for image in resources.images(document):
            if reference := Reference.find(image):
                found[reference.name].append(judged.get(image))
    return found


def catalog_policies(
    catalogs: Mapping[str, Iterable[JudgedCatalog | None]], keys: Mapping[str, bytes]
) -> dict[str, str]:
    """Return a file for each range of versions, with a ClusterImagePolicy for each repository of catalogs.

    Only for one in which the same given key has signed every catalog, under the same name: any other policy
    would keep a catalog from starting.
    """
    signers = {}
    for place, known in catalogs.items():
        by = {(one.key, _name(one.origin)) if one else ("", "") for one in known}
        if len(by) == 1 and (signer := by.pop())[0] in keys and _PREFIX.fullmatch(place):
            signers[place] = signer
    files = {}
    for versions, api in _OF_CATALOGS if signers else ():
        documents = [
            _policy(api, f"mirror-catalog-{number}-{key}", place, origin, keys[key])
            for number, (place, (key, origin)) in enumerate(sorted(signers.items()), 1)
        ]
        which = "that take signed catalogs from the mirror"
        files[f"{_CATALOG_POLICY}{versions}.yaml"] = _written(documents, versions, which)
    return files


def image_policies(mirrors: MirrorSets, keys: Mapping[str, bytes]) -> dict[str, str]:
    """Return a file for each range of versions, with a ClusterImagePolicy by the first key for each place.

    Empty without keys (none is invented), or where the mirror has a name that the API does not take.
    """
    files = {}
    for versions, api, origins in _VERSIONS:
        places = {place: origin for origin in origins for place in mirrors.places(origin)[:1]}
        documents = [
            _policy(api, f"mirror-{number}-{name}", place, origin, pem)
            for number, (place, origin) in enumerate(places.items(), 1)
            if _PREFIX.fullmatch(place)
            for name, pem in list(keys.items())[:1]
        ]
        if documents:
            which = "that name the mirror itself, by an UpdateService or an installation"
            files[f"cluster-image-policy-{versions}.yaml"] = _written(documents, versions, which)
    return files


def registries_d(mirrors: MirrorSets, catalogs: Mapping[str, Iterable[JudgedCatalog | None]]) -> str:
    """Return a file for registries.d: where signatures are read in the mirror, and where there are none.

    Empty where nothing is signed. The machine config operator writes one like it for the scopes of policies.
    """
    found: dict[str, Any] = {}
    for origin in (RELEASES, *CONTENTS):
        for place in mirrors.places(origin):
            found[place] = {KEY: True}
    for place, known in catalogs.items():
        found[place] = {KEY: any(one.signed for one in known if one)}
    if not any(one[KEY] for one in found.values()):
        return ""
    document = {DEFAULT: {KEY: False}, NAMESPACES: dict(sorted(found.items()))}
    return str(yaml.dump(document, Dumper=Dumper, sort_keys=False))


def _pems(keys: TrustedKeys | None) -> dict[str, bytes]:
    """Return the keys that have not ended, in PEM, by name."""
    now = datetime.now(UTC)
    return {key.name: key.pem() for key in keys or () if not key.ended(now)}


def _scopes(files: Mapping[str, str]) -> set[str]:
    """Return the repositories of catalogs that policies are about."""
    policies = [
        policy
        for name, text in files.items()
        if name.startswith(_CATALOG_POLICY)
        for policy in resources.documents(text)
    ]
    return {scope for policy in policies for scope in (policy.get("spec") or {}).get("scopes") or ()}


def _name(origin: str) -> str:
    """Return HOST/REPOSITORY of an image; empty for what is none of a registry."""
    reference = Reference.find(origin)
    return reference.name if reference else ""


def _written(documents: list[dict[str, Any]], versions: str, which: str) -> str:
    text = yaml.dump_all(documents, Dumper=Dumper, explicit_start=True, sort_keys=False, width=2**16)
    return _HEAD.format(versions=versions, which=which) + str(text or "")


def _policy(api: str, name: str, place: str, origin: str, pem: bytes) -> dict[str, Any]:
    name = re.sub(r"[^a-z0-9.-]+", "-", name.lower())[:63].strip("-.")
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
