"""--skip-unchanged: a run that would find nothing new ends in seconds, without oc-mirror; not when in doubt.

A fingerprint has a hash for each thing that decides what a run mirrors: the ImageSet and what it leads to
outside. Catalogs and additional images count by the digest of their tag, releases by the nodes and edges of
their channels' graph (release/cincinnati.go asks the same), charts by their repositories' indexes. What a
catalog or release refers to is named by digest in it. The fingerprint is taken before the run, so that what
changes while the run lasts is new to the next one.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from steps import units
from steps.bounded import json_of
from steps.errors import RegistryError, StepError
from steps.mirroring.checks import verify
from steps.mirroring.ocmirror import placement
from steps.mirroring.request import DIRECT, TO_DISK
from steps.mirroring.store import generations, history
from steps.mirroring.store.fingerprints import Success
from steps.mirroring.store.published import UNNAMED
from steps.mirroring.store.runs import Done, timestamp
from steps.oci.reference import Reference
from steps.parameters.environment import KNOWN, PROXIES
from steps.parameters.table.target import APPLY_CLUSTER_RESOURCES, MAX_NESTED_PATHS, RESOURCE_PREFIX
from steps.yaml.values import values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from steps.imageset.imageset import ImageSet
    from steps.imageset.model import Helm, Mirror, Platform
    from steps.mirroring.ocmirror.registries_config import RegistriesConfig
    from steps.mirroring.session import Session
    from steps.mirroring.store import Store
    from steps.mirroring.store.inventory import InventoryImage
    from steps.oci.access import Access

log = logging.getLogger(__name__)

SAMPLE: Final = 48
"""Images that a target is asked for; others each time, so that a loss is noticed sooner or later."""
GRAPHS: Final = {
    "ocp": "https://api.openshift.com/api/upgrades_info/v1/graph",
    "okd": "https://origin-release.ci.openshift.org/graph",
}
GRAPH_DATA: Final = "https://api.openshift.com/api/upgrades_info/graph-data"
GRAPH_BASE: Final = "registry.access.redhat.com/ubi9/ubi:latest"
"""What the graph image is made of (release/graph.go)."""
PATIENCE: Final = 20.0
"""Seconds for all parts together; what takes longer is in doubt."""
AT_ONCE: Final = 16
_SHOWN: Final = 5
"""Changed parts that the log names."""

Fingerprint = dict[str, str]
"""A hash or digest for each part, by its name."""


def applies(session: Session) -> bool:
    """Return whether this run may be skipped at all: not if it was asked for something of its own."""
    request = session.request
    plain = request.incremental_mode and request.since_date is None
    return (
        request.skip_unchanged
        and not request.dry_run
        and (request.workflow == DIRECT or (request.workflow == TO_DISK and plain))
    )


def take(session: Session) -> Fingerprint | None:
    """Return the fingerprint of what the run would mirror by; None where a part of it is unknown."""
    settings = {
        "oc-mirror": session.oc_mirror.program.version,
        "registries-config": _told_by(session.request.options.registries),
        "environment": _variables(),
        "signatures": _sha256(session.signatures.render().encode()) if session.signatures else "",
        "target": session.request.target_registry,
        "max-nested-paths": str(session.request.values[MAX_NESTED_PATHS] or ""),
        "resource-prefix": session.request.values[RESOURCE_PREFIX] or "",
        "apply-cluster-resources": str(session.request.values[APPLY_CLUSTER_RESOURCES] or ""),
    }
    try:
        return fingerprint_of(session.given_imageset, source=session.source, settings=settings)
    except DoubtError as doubt:
        log.info("whether anything changed cannot be told: %s", doubt)
        return None


def _told_by(registries: RegistriesConfig) -> str:
    """Return a hash of a user's registries.conf and policy; what registries.d says is with the signatures."""
    if not registries.has_conf and registries.policy is None:
        return ""
    told = [registries.registries, registries.policy]
    return _sha256(json.dumps(told, sort_keys=True, default=str).encode())


def _variables() -> str:
    """Return a hash of the variables that decide what oc-mirror finds; of the proxies none."""
    told = {name: os.environ[name] for name in KNOWN if name not in PROXIES and os.environ.get(name)}
    return _sha256(json.dumps(told, sort_keys=True).encode()) if told else ""


def answer(session: Session, found: Fingerprint) -> Done | None:
    """Return the result without running oc-mirror; None if it has to run, with the reason in the log."""
    request = session.request
    before = session.store.fingerprints.last(request.workflow, request.target_registry, request.mirror_name)
    if before is None:
        return None
    changed = sorted(name for name in {*before.parts, *found} if before.parts.get(name) != found.get(name))
    if changed:
        log.info("changed since the run of %s: %s", before.finished, units.few(changed, _SHOWN))
        return None
    try:
        doubt = _doubt(session, before)
    except StepError as error:
        doubt = error.reason
    if doubt:
        log.info("nothing changed since the run of %s, but %s", before.finished, doubt)
        return None
    return Done(
        summary=f"unchanged since {before.finished}: oc-mirror was not run (--skip-unchanged=false runs it)",
        unchanged=True,
    )


def record(session: Session, found: Fingerprint, done: Done) -> None:
    """Record by what this run was made."""
    now = timestamp(datetime.now(UTC))
    request = session.request
    newest = generations.newest_of(request.mirror_name, session.store.generations.ledger())
    success = Success(parts=found, finished=now, generation=max(done.generations, default=newest))
    session.store.fingerprints.record(request.workflow, request.target_registry, request.mirror_name, success)


def _doubt(session: Session, before: Success) -> str:
    """Return why what the last success made may not be there any more; empty if it is."""
    if session.request.workflow == TO_DISK:
        return _generation_doubt(session.store, before.generation, session.request.mirror_name)
    target = session.request.target_registry
    if doubt := _publication_doubt(session) or _loss(session.store, target):
        return doubt
    meaning = session.given_imageset.meaning
    entries = [entry for entry in session.store.inventory.of(target) if entry.imageset == meaning]
    if not entries or not entries[-1].complete:
        return f"what {target} has is not known in full"
    lacking = missing(session, [*entries[-1].images, *entries[-1].earlier])
    return f"{target} lacks {lacking}" if lacking else ""


def _publication_doubt(session: Session) -> str:
    store, target = session.store, session.request.target_registry
    published = store.published.of(target)
    if published is None or not {session.request.mirror_name, UNNAMED} & {*published.record.mirrors}:
        return f"nothing is published for {target}"
    return "" if store.published.copy_is_current() else f"{store.published.copy} is not what it was"


def _loss(store: Store, target: str) -> str:
    """Return what the last look at a target found missing that no run has brought back since."""
    found = store.verified.last_look(target)
    return f"{target} has lost {next(iter(found.missing))}" if found and found.missing else ""


def missing(session: Session, images: list[InventoryImage]) -> str:
    """Return an image, of a sample, that the target has in none of its places; empty if it has them all."""
    known = [image for image in images if image.places]
    return _missing(session, random.sample(known, min(SAMPLE, len(known))))


def _missing(session: Session, images: list[InventoryImage]) -> str:
    """Return the first image that the target has in none of its places; empty if it has them all."""
    target = session.request.target_registry
    places = {
        image.origin: [Reference.parse(f"{target}/{place}") for place in image.in_target] for image in images
    }
    wanted = [reference for references in places.values() for reference in references]
    absent = verify.absent(session.target, wanted)
    lacking = (origin for origin, some in places.items() if all(image.place in absent for image in some))
    return next(lacking, "")


def _generation_doubt(store: Store, sequence: int, mirror_name: str) -> str:
    ledger = store.generations.ledger()
    newest = ledger.get(max(ledger, default=0))
    if newest is None or generations.newest_of(mirror_name, ledger) != sequence:
        return f"the newest generation is not {sequence}, which it made"
    if not store.generations.path(sequence).is_dir():
        return f"generation {sequence} is not here any more"
    if history.chosen(store.history.written(), None) not in newest.history_written:
        return "the history is not the one that it wrote"
    return ""


class DoubtError(Exception):
    """A part cannot be told."""


def fingerprint_of(imageset: ImageSet, *, source: Access, settings: Mapping[str, str]) -> Fingerprint:
    """Ask for every part, all at once. `settings` are what else decides what a run makes.

    Raises DoubtError with the first part that cannot be told.
    """
    parts = dict(_parts(imageset.mirror, source.within(PATIENCE)))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = dict(zip(parts, pool.map(_told, parts, parts.values()), strict=True))
    own = {name: value for name, value in settings.items() if value}
    return {"ImageSet": imageset.sha256, **own, **answers}


def _parts(mirror: Mirror, access: Access) -> Iterator[tuple[str, Callable[[], str]]]:
    texts = placement.texts(mirror)
    if mirror.platform.graph:
        texts.append(GRAPH_BASE)
        yield GRAPH_DATA, partial(_graph_data, access)
    for text in texts:
        yield text, partial(_digest, text, access)
    for architecture in _architectures(mirror.platform):
        for channel in mirror.platform.channels:
            kind = "okd" if channel.type == "okd" else "ocp"
            yield (
                f"channel {channel.name} ({architecture})",
                partial(_graph, kind, channel.name, architecture, access),
            )
    for catalog in mirror.operators:
        if template := catalog.target_catalog_source_template:
            yield f"template {template}", partial(_file, template)
    yield from _charts(mirror.helm, access)


def _charts(helm: Helm, access: Access) -> Iterator[tuple[str, Callable[[], str]]]:
    for repository in helm.repositories:
        url = f"{repository.url.rstrip('/')}/index.yaml"
        yield url, partial(_index, url, access)
    for chart in helm.local:
        yield f"chart {chart.path}", partial(_file, chart.path)


def _architectures(platform: Platform) -> list[str]:
    """Return whose graph oc-mirror asks for: with platforms that of the multi-architecture releases."""
    return ["multi"] if platform.platforms else list(platform.architectures) or ["amd64"]


def _told(name: str, ask: Callable[[], str]) -> str:
    try:
        found = ask()
    except (RegistryError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise DoubtError(f"{name}: {getattr(error, 'reason', error)}") from error
    if not found:
        raise DoubtError(f"{name}: nothing tells whether it changed")
    return found


def _digest(text: str, access: Access) -> str:
    reference = Reference.find(text)
    if reference is None or not reference.registry or not reference.version:
        raise ValueError("it is in no registry that can be asked")
    if reference.is_pinned:
        return reference.version
    with access.open(reference.name) as repository:
        return repository.digest(reference.version)


def _graph(kind: str, channel: str, architecture: str, access: Access) -> str:
    """Return a hash of a channel's releases and updates, whatever order the server gives them in."""
    from steps.oci.download import LARGEST, fetch

    base = os.environ.get("UPDATE_URL_OVERRIDE") or GRAPHS[kind]
    url = f"{base}?{urlencode({'arch': architecture, 'channel': channel}, quote_via=quote)}"
    graph = json_of(fetch(url, access), limit=LARGEST, what="the answer")
    nodes = [(str(node["version"]), str(node["payload"])) for node in graph["nodes"]]
    edges = [(nodes[start][0], nodes[end][0]) for start, end in graph.get("edges") or []]
    conditional = [
        (str(edge["from"]), str(edge["to"]))
        for group in graph.get("conditionalEdges") or []
        for edge in group.get("edges") or []
    ]
    return _sha256(json.dumps([sorted(nodes), sorted(edges), sorted(conditional)]).encode())


def _graph_data(access: Access) -> str:
    from steps.oci.download import entity_tag

    return entity_tag(GRAPH_DATA, access)


def _index(url: str, access: Access) -> str:
    from steps.oci.download import LARGEST, fetch

    [document] = values(fetch(url, access), limit=LARGEST)
    return _sha256(json.dumps(document["entries"], sort_keys=True, default=str).encode())


def _file(path: str) -> str:
    return _sha256(Path(path).read_bytes())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
