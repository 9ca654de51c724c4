"""Asks registries for images, each once: by digest or tag, with the parts that a cluster of an architecture
takes.

An image that an index lists has to be there as well: an index may be sparse. Layers are asked for only where
that is wanted: a registry takes no manifest whose layers it lacks, so they lack only where its storage lost
them.
"""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from steps.errors import StepError
from steps.oci.failures import AbsentError, DamagedError, RefusedError, UnreachableError, UnreadableError
from steps.readiness.content import MULTI
from steps.readiness.reasons import Cause

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steps.oci.access import Access
    from steps.oci.registry import Repository

AT_ONCE: Final = 16
"""Connections to one registry."""
USUAL: Final = "amd64"
_SHARE: Final = 100
"""Images of one repository that a connection asks for before it is closed."""


class Question(NamedTuple):
    """An image: where (HOST/REPOSITORY), its digest or tag, its architecture (`multi`: all).

    `runs`: it has to be for that architecture even where it is no index.
    """

    place: str
    version: str
    architecture: str
    runs: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The digest that is there, empty for nothing; the parts that are not; what kept us from asking.

    `unfit` says for which platform it is, where that is not the one that was asked for; `cause` what kind of
    obstacle there is.
    """

    digest: str = ""
    lacks: tuple[str, ...] = ()
    obstacle: str = ""
    unfit: str = ""
    cause: Cause = Cause.NO_ANSWER

    @property
    def is_whole(self) -> bool:
        """Whether the image is there with all its parts."""
        return bool(self.digest) and not self.lacks and not self.obstacle and not self.unfit


def ask(access: Access, questions: Iterable[Question], *, layers: bool = False) -> dict[Question, Answer]:
    """Ask several repositories at a time; `layers` asks for configurations and layers as well."""
    by_place: dict[str, list[Question]] = defaultdict(list)
    for question in dict.fromkeys(questions):
        by_place[question.place].append(question)
    shares = [
        asked[start : start + _SHARE] for asked in by_place.values() for start in range(0, len(asked), _SHARE)
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = pool.map(lambda share: _share(access, share, layers=layers), shares)
        return {question: answer for found in answers for question, answer in found}


def _share(access: Access, questions: list[Question], *, layers: bool) -> list[tuple[Question, Answer]]:
    """Ask for images of one repository; a registry that does not answer is asked once."""
    found: list[tuple[Question, Answer]] = []
    obstacle: Answer | None = None
    try:
        with access.open(questions[0].place) as repository:
            for question in questions:
                if obstacle:
                    found.append((question, obstacle))
                    continue
                try:
                    found.append((question, _answer(repository, question, layers=layers)))
                except DamagedError:
                    found.append((question, Answer(question.version, lacks=("the bytes of its digest",))))
                except StepError as error:
                    found.append((question, _obstacle(error)))
                    obstacle = found[-1][1] if isinstance(error, UnreachableError | RefusedError) else None
    except StepError as error:  # a name that no registry has, or a login that cannot be read
        found += [(question, _obstacle(error)) for question in questions[len(found) :]]
    return found


def _obstacle(error: StepError) -> Answer:
    return Answer(obstacle=error.reason, cause=cause_of(error))


def cause_of(error: StepError) -> Cause:
    """Return the cause of an error that kept us from asking."""
    return Cause.REFUSED if isinstance(error, RefusedError) else Cause.NO_ANSWER


def _answer(repository: Repository, question: Question, *, layers: bool) -> Answer:
    manifest = repository.find(question.version)
    if manifest is None:
        return Answer()
    chosen, lacks = [manifest.digest], list[str]()
    if manifest.is_index:
        listed = repository.platforms(manifest.digest)
        wanted = f"linux/{question.architecture}"
        chosen = [
            one for one, platform in listed.items() if question.architecture == MULTI or platform == wanted
        ]
        lacks = [one for one in chosen if repository.find(one) is None]
        if not chosen:
            return Answer(manifest.digest, unfit=", ".join(sorted(set(listed.values()))) or "no platform")
    elif question.runs and (question.architecture not in {USUAL, MULTI} or ":" not in question.version):
        lacks, unfit = _built_for(repository, question)
        if unfit:
            return Answer(manifest.digest, unfit=unfit)
    if layers and not lacks:
        parts = filter(None, map(repository.parts, chosen))
        lacks = [blob.digest for one in parts for blob in one.blobs if repository.flaw(blob)]
    return Answer(manifest.digest, tuple(lacks))


def _built_for(repository: Repository, question: Question) -> tuple[list[str], str]:
    """Return what lacks of an image that is no index, and its platform if another one is asked for.

    That costs two questions more. So an image by digest is taken to be for amd64, as nearly all of them are.
    """
    try:
        image = repository.image(question.version)
    except UnreadableError:  # what has no configuration has no platform
        return [], ""
    try:
        built = repository.config(image).get("architecture")
    except AbsentError:
        return [image.config.digest], ""
    return [], f"linux/{built}" if isinstance(built, str) and built not in {"", question.architecture} else ""
