"""Ten thousand generated fleets and mirrors: no wrong `ready`, and hardly a wrong `not ready`."""

from __future__ import annotations

import inspect
from collections import Counter

import pytest

from steps.readiness import verdict
from steps.readiness.demands import Demands, questions_of
from steps.readiness.reasons import Cause, State, state_of
from steps.readiness.verdict import Judged
from tests.unit.readiness import corpus
from tests.unit.readiness.corpus import BROKEN, READY, UNKNOWN, WARNED, World

CASES, PARTS = 10_000, 4
GOOD = {State.READY, State.WARNINGS}


def judged(made: World) -> Judged:
    """The product's word on a world."""
    found, needs = made.found(), made.needs()
    demand = Demands(found).of(needs)
    found.answers = {question: made.answer(question) for question in questions_of([demand])}
    return verdict.judge({needs: demand}, found)[needs]


@pytest.mark.parametrize("part", range(PARTS))
def test_no_case_is_ready_that_is_not_and_each_is_told_by_its_cause(part: int) -> None:
    wrong_ready, wrong_not_ready, wrong_cause = list[str](), list[str](), list[str]()
    truths, seen = Counter[str](), Counter[str]()
    for seed in range(part, CASES, PARTS):
        made, truth, done = corpus.case(seed)
        said = judged(made)
        truths[truth] += 1
        seen.update(name for name, _effect in done)
        what = f"{seed}: {done} is {truth}, said is {said}"
        if truth in {UNKNOWN, BROKEN} and said.state in GOOD:
            wrong_ready.append(what)
        if truth in {READY, WARNED} and said.state not in GOOD:
            wrong_not_ready.append(what)
        if len(done) == 1:
            [(_name, (effect, causes))] = done
            if causes and not causes & {reason.cause for reason in said.reasons}:
                wrong_cause.append(what)
            if (effect == BROKEN) != (said.state is State.NOT_READY):
                wrong_cause.append(what)
    assert not wrong_ready, wrong_ready[0]
    assert len(wrong_not_ready) <= CASES // PARTS // 100, wrong_not_ready[0]
    assert not wrong_cause, wrong_cause[0]
    assert min(truths[one] for one in (READY, WARNED, UNKNOWN, BROKEN)) > CASES // PARTS // 100, truths
    assert {hole.__name__ for hole in corpus.HOLES} <= seen.keys()


def test_every_hole_is_made() -> None:
    returning = {"Effect", "Effect | None"}
    named = {
        name
        for name, value in inspect.getmembers(corpus, inspect.isfunction)
        if value.__annotations__.get("return") in returning and value.__module__ == corpus.__name__
    }
    assert named - {"broken"} == {hole.__name__ for hole in corpus.HOLES}


def test_every_cause_of_not_ready_is_in_the_corpus_or_has_a_test_of_its_own() -> None:
    cases = (corpus.case(seed)[2] for seed in range(1000))
    made = {cause for done in cases for _name, (_effect, causes) in done for cause in causes}
    elsewhere = {Cause.DELETED, Cause.MISSING}  # test_fleet_readiness.py
    assert {cause for cause in Cause if state_of(cause) is State.NOT_READY} - made == elsewhere
