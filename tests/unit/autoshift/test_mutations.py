"""Real values files with mistakes made in them: each gives a plan and a valid ImageSet, or an error.

`GENERATOR_MUTATIONS=20000` tries as many; the suite tries a few. A number makes its mistakes alone, so that
one that fails can be tried again: the failure names it.
"""

from __future__ import annotations

import json
import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from steps.autoshift.plan_document import plan_document
from steps.autoshift.plan_text import describe_plan
from steps.autoshift.planning import plan_fleet
from steps.errors import InvalidInputError
from steps.imageset.generate import generate_imageset
from steps.imageset.imageset import ImageSet
from steps.yaml.source import SourceFile

from .shared import policies, values

MUTATIONS = int(os.environ.get("GENERATOR_MUTATIONS", "300"))
LONGEST = 20
"""Seconds after which one hangs; each takes less than a tenth of a second."""
EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "values"
OURS = ("global.yaml", "clustersets/hub.yaml", "clustersets/managed.yaml", "clusters/edge-1.yaml")
L1, L2, L3 = "single-file-2025-09", "single-file-2026-02", "split-2026-08"
HUB = ("autoshift/values.hub.yaml",)
SPLIT = tuple(
    f"autoshift/values/{name}.yaml" for name in ("global", "clustersets/hub", "clustersets/managed")
)

WORDS = (
    "labels:",
    "config:",
    "clusters:",
    "hubClusterSets:",
    "'true'",
    "True",
    "yes",
    "~",
    "{}",
    "[]",
    "''",
    "- x",
    "4.20",
    "3.10",
    "4.18.22-4.20.12",
    "eus-4.20",
    "<<: *a",
    "&a",
    "!!binary x",
    "| ",
    "? x",
    "\t",
    "\x00",
    "\x85",
    "\u2028",
    "\ufeff",
    "🚀",
    "{{ x }}",
    "x" * 70,
    "9" * 400,
    "1e999",
    "2026-01-01",
    "0x1F",
    "1:30",
    "redhat-operators-mirror",
    "stable",
)


def cut_a_line(lines: list[str], chance: random.Random) -> None:
    del lines[chance.randrange(len(lines))]


def double_a_line(lines: list[str], chance: random.Random) -> None:
    at = chance.randrange(len(lines))
    lines.insert(chance.randrange(len(lines) + 1), lines[at])


def indent_a_line(lines: list[str], chance: random.Random) -> None:
    at = chance.randrange(len(lines))
    lines[at] = lines[at][2:] if chance.random() < 0.5 else f"  {lines[at]}"


def indent_a_block(lines: list[str], chance: random.Random) -> None:
    begin = chance.randrange(len(lines))
    for at in range(begin, min(len(lines), begin + chance.randrange(1, 20))):
        lines[at] = f"  {lines[at]}"


def change_a_value(lines: list[str], chance: random.Random) -> None:
    at = chance.randrange(len(lines))
    lines[at] = f"{lines[at].partition(':')[0]}: {chance.choice(WORDS)}"


def put_in_a_word(lines: list[str], chance: random.Random) -> None:
    at = chance.randrange(len(lines))
    where = chance.randrange(len(lines[at]) + 1)
    lines[at] = lines[at][:where] + chance.choice(WORDS) + lines[at][where:]


def change_a_character(lines: list[str], chance: random.Random) -> None:
    at = chance.randrange(len(lines))
    if lines[at]:
        where = chance.randrange(len(lines[at]))
        lines[at] = lines[at][:where] + chr(chance.randrange(32, 127)) + lines[at][where + 1 :]


def swap_two_lines(lines: list[str], chance: random.Random) -> None:
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]


def end_early(lines: list[str], chance: random.Random) -> None:
    del lines[chance.randrange(1, len(lines) + 1) :]


MISTAKES: tuple[Callable[[list[str], random.Random], None], ...] = (
    cut_a_line,
    double_a_line,
    indent_a_line,
    indent_a_block,
    change_a_value,
    put_in_a_word,
    change_a_character,
    swap_two_lines,
    end_early,
)


def mutated(source: SourceFile, chance: random.Random) -> SourceFile:
    """Make one to four mistakes in a file."""
    lines = source.content.decode().split("\n")
    for _ in range(chance.randrange(1, 5)):
        chance.choice(MISTAKES)(lines, chance)
        lines = lines or [""]
    return SourceFile(source.path, "\n".join(lines).encode())


@contextmanager
def _no_longer_than(seconds: int, what: str) -> Iterator[None]:
    def too_long(_number: int, _frame: object) -> None:
        pytest.fail(f"{what} takes longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def check(files: list[SourceFile], rules: list[SourceFile], number: int) -> bool:
    """Plan mutation `number` of the files; tell whether it was planned, not refused."""
    chance = random.Random(number)
    at = chance.randrange(len(files))
    tried = [mutated(one, chance) if index == at else one for index, one in enumerate(files)]
    what, said = f"mutation {number} of {files[at].path}", ""
    try:
        with _no_longer_than(LONGEST, what):
            plan = plan_fleet(tried, rules)
            text = generate_imageset(plan)
    except InvalidInputError as error:
        said = error.reason + error.hint
    except Exception as error:
        raise AssertionError(f"{what}: {error!r}") from error
    assert "\n" not in said, what
    if said:
        return False
    ImageSet.parse(text, what)
    assert describe_plan(plan)
    assert json.loads(plan_document(plan))["format"] == 1
    return True


def tried(files: list[SourceFile], rules: list[SourceFile], numbers: range) -> int:
    """Try mutations; return how many of them were planned."""
    return sum(check(files, rules, number) for number in numbers)


def test_mistakes_in_our_samples_are_planned_or_refused() -> None:
    files = [SourceFile(path, (EXAMPLES / path).read_bytes()) for path in OURS]
    planned = tried(files, [], range(MUTATIONS // 4))
    assert 0 < planned < MUTATIONS // 4, "some mistakes are harmless, some are not"


@pytest.mark.parametrize(("layout", "paths"), [(L1, HUB), (L2, HUB), (L3, SPLIT)])
def test_mistakes_in_real_files_are_planned_or_refused(layout: str, paths: tuple[str, ...]) -> None:
    version = b"\n      openshift-version: '4.18.22'"  # which the layout of 2025 has not
    files = [
        SourceFile(
            one.path, one.content.replace(b"labels:", b"labels:" + version) if layout == L1 else one.content
        )
        for one in values(layout, *paths)
    ]
    planned = tried(files, policies(layout), range(MUTATIONS // 4))
    assert 0 < planned < MUTATIONS // 4
