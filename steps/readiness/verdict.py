"""The verdict for a cluster and a target: what it needs, against what the target answered (pure).

`ready` only where each image was found whole where clusters look for it, and everything else was known. What
was not proven is `unknown`, and `unknown` is not ready.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from steps.readiness.reasons import ORDER, Cause, Reason, State, worst
from steps.trust.verdicts import Cause as SignatureCause
from steps.trust.verdicts import State as SignatureState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from steps.readiness.content import Release
    from steps.readiness.coverage import Coverage
    from steps.readiness.demands import Demand
    from steps.readiness.found import Found
    from steps.readiness.needs import ClusterNeed, Needs
    from steps.readiness.operators import Chosen
    from steps.readiness.presence import Answer
    from steps.readiness.wanted import Group, Wanted

OBSTACLES: Final = frozenset({Cause.NO_ANSWER, Cause.REFUSED})
SHOWN: Final = 3
"""Digests or places that a reason names."""
LONGEST: Final = 80
"""Characters of a list of platforms."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What is said of a need and a target: the state, why, the path of releases, and what OLM installs."""

    state: State
    reasons: tuple[Reason, ...]
    path: tuple[str, ...] = ()
    chosen: tuple[Chosen, ...] = ()

    @classmethod
    def of(cls, reasons: Iterable[Reason], path: Sequence[str] = (), chosen: Sequence[Chosen] = ()) -> Judged:
        """Make it of all that is the matter, the worst first."""
        found = sorted(dict.fromkeys(reasons), key=lambda one: ORDER.index(one.state), reverse=True)
        return cls(worst(one.state for one in found), tuple(found), tuple(path), tuple(chosen))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of a cluster at a registry."""

    cluster: ClusterNeed
    registry: str
    judged: Judged


def judge(demands: Mapping[Needs, Demand], found: Found) -> dict[Needs, Judged]:
    """Return what is said of each need at a target."""
    by_group: dict[int, tuple[Reason, ...]] = {}
    for demand in demands.values():
        for group in demand.groups:
            if id(group) not in by_group:
                by_group[id(group)] = tuple(_of_group(group, found))
    return {needs: _judged(demand, found, by_group) for needs, demand in demands.items()}


NOWHERE: Final = Reason(
    Cause.NOT_ASKED,
    "none is named by a run, by a parameter or by the values",
    remedy="mirror first, or give target-registry",
)
"""Why nothing is known of a cluster where there is no registry to look at."""


def verdicts(rows: Iterable[ClusterNeed], judged: Mapping[str, Mapping[Needs, Judged]]) -> list[Verdict]:
    """Return the verdicts of clusters at the registries that they use: that of their values, else at each."""
    found = []
    for row in rows:
        registries = [one for one in judged if not row.registry or _is_same(row.registry, one)]
        found += [
            Verdict(row, registry, _together(row, [judged[registry][one] for one in row.alternatives]))
            for registry in registries
        ]
        if not registries:
            reason = Reason(Cause.NOT_ASKED, f"its values name {row.registry}") if row.registry else NOWHERE
            found.append(Verdict(row, row.registry, Judged.of([reason])))
    return found


def _is_same(named: str, target: str) -> bool:
    """Return whether the registry that values name is a target: the same, or its host without a path."""
    return named == target or ("/" not in named and target.partition("/")[0] == named)


def _together(row: ClusterNeed, alternatives: Sequence[Judged]) -> Judged:
    if len(alternatives) == 1:
        return alternatives[0]
    reasons = [reason for one in alternatives for reason in one.reasons]
    reasons.append(Reason(Cause.SET, f"judged as a member of each of {', '.join(row.sets)}"))
    last = max(alternatives, key=lambda one: ORDER.index(one.state))
    return Judged.of(reasons, last.path, last.chosen)


def _judged(demand: Demand, found: Found, by_group: Mapping[int, tuple[Reason, ...]]) -> Judged:
    reasons = list(demand.reasons)
    for group in demand.groups:
        reasons += by_group[id(group)]
    reasons += _of_signatures(demand.judged, found)
    return Judged.of(reasons, demand.path, demand.chosen)


# --- images


def _of_group(group: Group, found: Found) -> Iterator[Reason]:
    """Yield what is the matter with images that belong together, a reason for each cause."""
    by_cause: dict[Cause, list[str]] = {}
    for image in group.images:
        cause, what = _of_image(image, group, found)
        if cause is not None:
            by_cause.setdefault(cause, []).append(what)
    for cause, names in by_cause.items():
        missing = list(dict.fromkeys(names))
        if group.spare:
            remedy = Reason(cause, "").to_do if cause in OBSTACLES else ""
            yield Reason(
                Cause.RUNNING, f"{group.what}: {cause}", tuple(missing[:SHOWN]), len(missing), remedy
            )
            continue
        if cause in OBSTACLES:
            yield Reason(cause, missing[0])
            continue
        what, of = group.what, len(group.images)
        if of > 1:
            what = f"{len(missing)} of {of} images of {what}"
        if cause is Cause.NOT_COVERED:
            what = f"{what}: {_led_astray(group, missing[0], found.coverage)}"
        yield Reason(cause, what, tuple(missing[:SHOWN]), len(missing))


def _led_astray(group: Group, name: str, coverage: Coverage) -> str:
    """Say where clusters look for an image that lies elsewhere in the mirror, or that they look nowhere."""
    image = next(one for one in group.images if name == f"{one.origin}{one.joint}{one.version}")
    by_tag = image.joint != "@"
    kind, other = ("ImageDigestMirrorSet", "ImageTagMirrorSet")[:: -1 if by_tag else 1]
    hiding = (coverage.by_tag if by_tag else coverage.by_digest).hiding(image.origin)
    if not image.places and hiding:
        return f"an {other} for {hiding} hides the {kind} with a shorter source; both have to name {hiding}"
    if not image.places:
        return f"no {kind} leads from {image.origin} to this mirror"
    return f"an {kind} leads to {', '.join(image.places[:SHOWN])}, and it lies in {image.usual}"


def _of_image(image: Wanted, group: Group, found: Found) -> tuple[Cause | None, str]:
    """Return what is the matter with an image, and what to call it; None if it is there.

    Of several places the first that has the image counts, as for a node: that it lacks a part there is seen
    too late for the next one (containers/image, docker/docker_image_src.go, newImageSource).
    """
    name = f"{image.origin}{image.joint}{image.version}"
    answers = {question.place: found.answers.get(question) for question in image.questions()}
    if any(answer is None for answer in answers.values()):
        return Cause.NO_ANSWER, f"{name} was not asked for"
    told = {
        place: answer for place, answer in answers.items() if answer and (answer.digest or answer.obstacle)
    }
    if first := next((answer for place, answer in told.items() if place in image.places), None):
        return _of_answer(first, image, name, found.known.expected.get(name, first.digest))
    if obstacle := next((answer for answer in told.values() if answer.obstacle), None):
        return obstacle.cause, obstacle.obstacle
    if told or not image.places:
        return Cause.NOT_COVERED, name
    return _gone(image, group, found), name


def _of_answer(answer: Answer, image: Wanted, name: str, expected: str) -> tuple[Cause | None, str]:
    """Return what is the matter with an image that is there, or that nobody could ask for."""
    if answer.obstacle:
        return answer.cause, answer.obstacle
    if answer.unfit:
        return Cause.UNFIT, f"{name} is for {answer.unfit[:LONGEST]}, not for linux/{image.architecture}"
    if answer.lacks:
        return Cause.INCOMPLETE, f"{name} without {', '.join(answer.lacks[:SHOWN])}"
    return (None, "") if answer.digest == expected else (Cause.OTHER_IMAGE, f"{name} is {answer.digest}")


def _gone(image: Wanted, group: Group, found: Found) -> Cause:
    """Return why an image is nowhere, by what runs have brought and deletions have taken."""
    known = found.known
    below = [
        f"{place.removeprefix(f'{known.target}/')}{image.joint}{image.version}"
        for place in (*image.places, image.usual)
    ]
    if any(place in known.deleted for place in below):
        return Cause.DELETED
    if any(place in known.brought for place in below):
        return Cause.LOST
    if known.imagesets is None or (group.asked_for and not (known.is_whole and known.brought)):
        return Cause.MISSING
    return Cause.NOT_BROUGHT if group.asked_for else Cause.NEVER_ASKED


# --- signatures


def _of_signatures(releases: Iterable[Release], found: Found) -> Iterator[Reason]:
    """Yield what is the matter with the signatures of releases, for clusters of the minors on the way."""
    for release in releases:
        if found.verdicts is None:
            yield Reason(Cause.SKIPPED, f"release {release.node.version}")
            continue
        by_minor = found.verdicts.get(release.digest)
        if by_minor is None:
            if found.coverage.is_known:
                what = f"release {release.node.version}: nobody looked at its signatures"
                yield Reason(Cause.UNVERIFIED, what)
            continue  # else it is said that nobody knows where clusters look for them
        seen = dict.fromkeys(
            (verdict.state, reason) for verdict in by_minor.values() for reason in verdict.reasons
        )
        for state, reason in seen:
            if state is SignatureState.ACCEPTED:
                continue
            cause = _CAUSES.get(reason.cause, Cause.SIGNATURE)
            yield Reason(
                cause, f"release {release.node.version}: {reason}", (release.digest,), 1, reason.to_do
            )


_CAUSES: Final = {
    SignatureCause.NO_KEYS: Cause.UNVERIFIED,
    SignatureCause.CONTENT: Cause.UNVERIFIED,
    SignatureCause.ORIGIN: Cause.UNVERIFIED,
    SignatureCause.NO_ANSWER: Cause.NO_ANSWER,
    SignatureCause.NOT_LED: Cause.NOT_COVERED,
    SignatureCause.NOT_THERE: Cause.LOST,
}
