"""Of which sources a run copies the signatures: decided before it, and again where the run shows otherwise.

Not every registry has signatures, and many answer the question for one so that oc-mirror fails to copy the
image itself (see `registries_d`). So with signatures=auto each repository that the ImageSet names is asked
once, for one image. What a catalog leads to is known to oc-mirror only: there, all but the known signers
count as without. Where a run fails for signatures all the same, it is made again without those.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from steps import units
from steps.errors import MirrorError, StepError
from steps.files import write_atomically
from steps.mirroring import parallel
from steps.mirroring.ocmirror import placement, reasons, registries_d
from steps.mirroring.ocmirror.registries_d import SIGNERS, Rules
from steps.mirroring.request import FROM_DISK
from steps.oci.access import obstacle
from steps.oci.reference import Reference
from steps.parameters.value_kinds import Signatures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from steps.imageset.model import Mirror
    from steps.mirroring.ocmirror.registries_config import RegistriesConfig
    from steps.mirroring.session import Session
    from steps.mirroring.store.runs import Done
    from steps.oci.access import Access

log = logging.getLogger(__name__)

PATIENCE: Final = 60.0
"""Seconds for all questions together; what is not answered by then counts as without."""
MOST_RUNS: Final = 3
KNOWN: Final = Rules(default=False, namespaces=dict.fromkeys(SIGNERS, True))
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class _Answer:
    """Whether the image that was asked for is signed; `obstacle` says why none can be copied from there."""

    signed: bool = False
    obstacle: str = ""


def sparing(session: Session, workflow: Callable[[Session], Done]) -> Done:
    """Call a workflow with signatures as decided; with auto again without those that made it fail.

    Raises the MirrorError of the last run.
    """
    for left in reversed(range(MOST_RUNS)):
        try:
            return workflow(session)
        except MirrorError as error:
            fewer = _without(session, error) if left else None
            if fewer is None:
                raise
            session.store.recover(now=datetime.now(UTC))
            session = fewer
    raise AssertionError("the last run returns or raises")


def decided(session: Session) -> Session:
    """Decide of which sources signatures are copied, say it, and return the session that does so."""
    wanted, program = session.request.options.signatures, session.oc_mirror.program
    own = session.request.options.registries
    if wanted is Signatures.NONE:
        if own.has_rules:
            log.warning("registries.d of registries-config has no effect: signatures=none copies none")
        return session
    if not program.copies_signatures:
        log.info("oc-mirror %s copies no signatures: it has not the options for it", program.version)
        return session
    rules = Rules(default=wanted is Signatures.ALL, own=own.namespaces, own_default=own.default)
    if wanted is Signatures.AUTO:
        rules = replace(rules, namespaces=KNOWN.namespaces)
        if session.imageset is not None and session.request.workflow != FROM_DISK:
            rules = _without_known(session, rules)
            rules = _ask_all(rules, _sources(session.imageset.mirror, own), session.source)
    return _with_rules(session, rules)


def _with_rules(session: Session, rules: Rules) -> Session:
    """Write the file for oc-mirror and return the session that uses it."""
    if host := session.request.target_registry.partition("/")[0]:
        rules = rules.with_target(host)
    folder = session.store.registries_d
    write_atomically(folder / registries_d.FILE, rules.render())
    options = replace(session.oc_mirror.options, registries_d=folder)
    return replace(session, oc_mirror=replace(session.oc_mirror, options=options), signatures=rules)


def _without(session: Session, error: MirrorError) -> Session | None:
    """Return the session without the signatures that made a run fail; None where they did not, or must not.

    From disk all come from oc-mirror's cache, so that it is the target that does not take them.
    """
    if session.signatures is None or session.request.options.signatures is not Signatures.AUTO:
        return None
    images = [image for image, cause in error.failed.items() if cause == reasons.SIGNATURES.name]
    refused = [image for image, cause in error.failed.items() if cause == reasons.TARGET_SIGNATURES.name]
    repositories = {found.name for image in images if (found := Reference.find(image))}
    if refused or (session.request.workflow == FROM_DISK and images):
        log.warning(
            "%s does not take the signatures of %s: all images are mirrored without signatures",
            session.request.target_registry,
            _some(refused or images),
        )
        options = replace(session.oc_mirror.options, registries_d=None)
        return replace(session, oc_mirror=replace(session.oc_mirror, options=options), signatures=None)
    copied = {name for name in repositories if session.signatures.copies(name)}
    if not copied:
        return None
    for host, names in _by_host(copied).items():
        log.warning(
            "%s: the signatures of %s cannot be copied: mirrored again, without them", host, _some(names)
        )
    strangers = [name for name in copied if not KNOWN.copies(name)]  # known signers are always asked again
    session.store.unsigned.add(strangers, datetime.now(UTC))
    return _with_rules(session, session.signatures.without(copied))


def _without_known(session: Session, rules: Rules) -> Rules:
    """Leave out what an earlier run of this data directory could not copy, and say it."""
    known = session.store.unsigned.known(datetime.now(UTC))
    for host, names in _by_host(known).items():
        seen = max(known[name] for name in names)
        log.info("%s: no signatures of %s, as a run of %s showed", host, _some(names), f"{seen:%Y-%m-%d}")
    return rules.without(known)


def _sources(mirror: Mirror, own: RegistriesConfig) -> Iterator[Reference]:
    """Return the images that an ImageSet names, from where they are read: a registries.conf may say it.

    registries.d counts for that place (containers/image, docker/docker_image_src.go, physicalRef).
    """
    for image in placement.named(mirror):
        for place in own.places(image.name) if image.version else ():
            if found := Reference.find(place):
                yield replace(found, tag=image.tag, digest=image.digest)


def _ask_all(rules: Rules, sources: Iterable[Reference], access: Access) -> Rules:
    """Ask each repository of `sources` that no rule is about; return rules for them, too."""
    images: dict[str, Reference] = {}
    for image in sources:
        if not rules.decides(image.name):
            images.setdefault(image.name, image)
    access = access.within(PATIENCE)
    hosts = parallel.each(lambda host, _check: obstacle(host), {image.registry for image in images.values()})
    answers = parallel.each(lambda name, _check: _ask(images[name], access, hosts), images)
    found = dict(rules.namespaces)
    for host, names in sorted(_by_host(images).items()):
        own = {name: answers[name] for name in names}
        _say(host, own)
        found |= _of_host(host, own)
    return replace(rules, namespaces=found)


def _ask(image: Reference, access: Access, obstacles: dict[str, str]) -> _Answer:
    if obstacles[image.registry]:
        return _Answer(obstacle=obstacles[image.registry])
    try:
        with access.open(image.name) as repository:
            answer = repository.signature(image.digest or repository.digest(image.tag))
            return _Answer(answer.there, answer.obstacle)
    except StepError as error:
        return _Answer(obstacle=error.reason)


def _of_host(host: str, answers: dict[str, _Answer]) -> dict[str, bool]:
    """Return the rules for a host: as its repositories, or for each of them where they differ."""
    lacking = [name for name, answer in answers.items() if answer.obstacle]
    if not lacking:
        return {host: True}
    return {host: False, **{name: True for name in answers if name not in lacking}}


def _say(host: str, answers: dict[str, _Answer]) -> None:
    """Say once for a host what its images are mirrored without, and why."""
    lacking = [name for name, answer in answers.items() if answer.obstacle]
    if lacking:
        which = "its images are" if len(lacking) == len(answers) else f"{_some(lacking)} is"
        log.warning(
            "%s: no signatures can be read there (%s): %s mirrored without; signatures=all insists",
            host,
            answers[lacking[0]].obstacle,
            which,
        )
    elif not any(answer.signed for answer in answers.values()):
        log.info(
            "%s: no signature found of %s; those of its images that have one are mirrored with it",
            host,
            _some(answers),
        )


def _by_host(names: Iterable[str]) -> dict[str, list[str]]:
    found = defaultdict(list)
    for name in sorted(names):
        found[name.partition("/")[0]].append(name)
    return dict(found)


def _some(names: Iterable[str]) -> str:
    return units.few(sorted(names), _SHOWN)
