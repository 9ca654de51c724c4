"""What changed: a generation or a run against the one before, as JSON, text, Markdown, and by --changes."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.mirroring import notify
from steps.mirroring.request import TO_DISK
from steps.mirroring.store import Store, changes_text, runs
from steps.mirroring.store.changes import ChangeList, Point, State, compare, differences
from steps.mirroring.store.runs import Run
from tests.unit.mirroring.conftest import MIRROR, Place, standin_only

Printed = Callable[..., tuple[int, str, str]]

CATALOG = "registry.example.com/redhat/index:v4.18"
HEAD = "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n"

SNAKES = "\U0001f40d" * 250
"""Four bytes each."""
names = st.text(max_size=400)
states = st.builds(
    lambda contents, images, blobs: State(point=Point(), contents=(contents,), images=images, blobs=blobs),
    st.fixed_dictionaries(
        {
            "releases": st.lists(names, max_size=4),
            "charts": st.lists(names, max_size=2),
            "additional": st.lists(names, max_size=3),
            "operators": st.lists(
                st.fixed_dictionaries(
                    {"package": names, "channel": names, "version": names, "bundle": names}
                ),
                max_size=4,
            ),
        }
    ),
    st.dictionaries(names, st.sampled_from(["", "sha256:a", "sha256:b"]), max_size=5),
    st.dictionaries(names, st.integers(min_value=0, max_value=2**50), max_size=5),
)


def state(
    images: dict[str, str] | None = None, blobs: dict[str, int] | None = None, **contents: Any
) -> State:
    return State(point=Point(), contents=(contents,), images=images or {}, blobs=blobs or {})


def operator(package: str, channel: str, version: str) -> dict[str, str]:
    return {"package": package, "channel": channel, "version": version, "bundle": f"{package}.v{version}"}


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """What `mirror --data=…` prints, with DATA alone: exit code, standard output, log."""

    def answer(place: Place, *more: str) -> tuple[int, str, str]:
        capsys.readouterr()
        bare = Place(place.data, place.imageset, place.oc_mirror, place.host)
        bare.command = lambda *arguments: [f"--data={place.data}", *arguments]  # type: ignore[method-assign]
        ran = bare.mirror(*more)
        return ran.returncode, capsys.readouterr().out, ran.stderr

    return answer


def test_each_kind_of_change_is_told_apart() -> None:
    before = state(
        {"r/app:v1": "sha256:1", "r/db:v1": "sha256:2", "r/old": "sha256:3"},
        {"sha256:1": 10, "sha256:2": 20},
        releases=["4.20.9", "4.20.10"],
        operators=[operator("quay", "stable", "1.9.0"), operator("gone", "fast", "1")],
        charts=["one-1"],
    )
    after = state(
        {"r/app:v1": "sha256:4", "r/db:v1": "sha256:2", "r/new": "sha256:5"},
        {"sha256:2": 20, "sha256:4": 7, "sha256:5": 5},
        releases=["4.20.11", "4.20.10"],
        operators=[
            operator("quay", "stable", "1.10.0"),
            operator("quay", "stable", "1.9.0"),
            operator("new", "alpha", "2"),
        ],
        additional=["docker://r/new"],
    )
    listed = compare(before, after)
    assert (listed.releases.added, listed.releases.removed) == (("4.20.11",), ("4.20.9",))
    assert (listed.charts.added, listed.charts.removed) == ((), ("one-1",))
    assert listed.additional.added == ("r/new",)
    assert [(one.package, one.after) for one in listed.operators.added] == [("new", ("2",))]
    assert [(one.package, one.before) for one in listed.operators.removed] == [("gone", ("1",))]
    [quay] = listed.operators.updated
    assert (quay.before, quay.after) == (("1.9.0",), ("1.10.0", "1.9.0"))
    assert [(one.name, one.before, one.after) for one in listed.images.updated] == [
        ("r/app:v1", "sha256:1", "sha256:4")
    ]
    assert [one.name for one in listed.images.added] == ["r/new"]
    assert [one.name for one in listed.images.removed] == ["r/old"]
    assert (listed.sizes.new, listed.sizes.new_blobs, listed.sizes.total) == (12, 2, 32)


@given(states, states)
def test_a_list_is_nothing_for_equal_states_and_its_reverse_for_exchanged_ones(
    one: State, other: State
) -> None:
    assert compare(one, one).is_empty or "" in (one.images or {}).values()
    there, back = compare(one, other), compare(other, one)
    assert there.images.added == tuple(
        change.model_copy(update={"before": change.after, "after": change.before})
        for change in back.images.removed
    )
    assert set(there.releases.added) == set(back.releases.removed)
    assert {(change.package, change.channel) for change in there.operators.updated} == {
        (change.package, change.channel) for change in back.operators.updated
    }


@given(states, states)
def test_a_list_is_read_back_as_it_was_written_and_has_one_hash(one: State, other: State) -> None:
    listed = compare(one, other)
    again = ChangeList.model_validate(json.loads(listed.canonical))
    assert again == listed
    assert again.sha256 == hashlib.sha256(listed.canonical).hexdigest()
    assert listed.canonical.isascii(), "nothing in a name moves a terminal's cursor"


@given(states, states)
def test_no_name_breaks_out_of_its_line_cell_or_code_span(one: State, other: State) -> None:
    listed = compare(one, other)
    for text in (changes_text.text(listed), changes_text.markdown(listed), *changes_text.brief(listed)):
        assert all(line.isprintable() for line in text.split("\n"))
        assert len(text.split("\n")) < 200
    for row in changes_text.markdown(listed).split("\n"):
        if row.startswith("| ") and row != "| | |":
            cells = re.fullmatch(r"\| (?:new|changed|goes) \| `([^`]*)` \|", row)
            assert cells, row
            assert not re.search(r"(?<!\\)\|", cells[1]), row


def test_a_bar_behind_a_backslash_stays_in_its_cell_and_words_outside_of_code_mark_up_nothing() -> None:
    named = "x\\|y <b>@everyone#1`|\u202e"
    before = replace(state(), point=Point(run=named), unknown=(named,))
    text = changes_text.markdown(compare(before, state({named: "sha256:1"})))
    [row] = [line for line in text.split("\n") if line.startswith("| new")]
    assert row.count("|") == 3
    for line in (line for line in text.split("\n") if "everyone" in line and line != row):
        assert not re.search(r"(?<!\\)[<>#`|]|@everyone", line.removeprefix("* ")), line
    assert "\u202e" not in text


def test_markdown_keeps_within_a_limit_of_bytes_and_says_what_it_left_out() -> None:
    many = {f"registry.example.com/{number:04d}/{SNAKES}": f"sha256:{number}" for number in range(900)}
    reasons = tuple(f"{number} {'?' * 290}" for number in range(900))
    listed = compare(replace(state(), unknown=reasons), state(many, releases=[*many]))
    text = changes_text.markdown_within(listed, 100_000)
    assert len(text.encode()) <= 100_000
    assert "more reasons" in text
    assert "more: the JSON of this list has all" in text
    assert f"`{listed.sha256}`" in text
    assert changes_text.markdown_within(listed, 10_000_000) == changes_text.markdown(listed)


def test_the_first_generation_brings_all_of_it_against_nothing(three: Place) -> None:
    listed = Store(three.data).changes.between(None, 1)
    assert listed.before is None
    assert [one.name for one in listed.images.added] == [
        f"{three.host}/team/app:v1",
        f"{three.host}/team/db:v1",
    ]
    assert listed.sizes.new == listed.sizes.total
    assert listed.sizes.archives == sum(
        path.stat().st_size for path in (three.data / "generations/000001").glob("*.tar")
    )


def test_a_later_generation_brings_what_the_one_before_lacks(three: Place) -> None:
    store = Store(three.data)
    listed = store.changes.between(None, 3)
    assert listed.before is not None
    assert [one.sequence for one in listed.before.generations] == [2]
    assert [one.name for one in listed.images.added] == [f"{three.host}/team/app:v3"]
    assert [one.name for one in listed.images.removed] == [f"{three.host}/team/app:v2"]
    index = store.generations.content_index(store.generations.present()[3])
    assert index is not None
    new = [blob.size for blob in index.blobs.values() if blob.archived]
    assert (listed.sizes.new, listed.sizes.new_blobs) == (sum(new), len(new))
    assert store.changes.between(1, 3).images.removed[0].name == f"{three.host}/team/app:v1"


def test_a_run_tells_at_its_end_and_keeps_the_list_outside_its_generation(connected: Place) -> None:
    assert connected.mirror().returncode == 0
    connected.names("team/app:v2", "team/db:v1")
    ran = connected.mirror()
    assert "what changed: generation 2 of imageset, against generation 1 of imageset: " in ran.stderr
    assert "  Images: 1 new, 1 goes" in ran.stderr
    kept = connected.data / "changes/000002.json"
    listed = Store(connected.data).changes.between(None, 2)
    assert kept.read_bytes() == listed.canonical
    assert f"the list: {kept}, sha256 {listed.sha256}" in ran.stderr
    assert f"`{listed.sha256}`" in kept.with_suffix(".md").read_text()
    assert not list((connected.data / "generations").rglob("*change*"))


@standin_only
def test_operators_and_releases_are_told_with_their_versions(
    printed: Printed, connected: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def imageset(*packages: str) -> None:
        lines = "".join(f"    - name: {package}\n" for package in packages)
        connected.imageset.write_text(f"{HEAD}  operators:\n  - catalog: {CATALOG}\n    packages:\n{lines}")

    monkeypatch.setenv(
        "STANDIN_CATALOG",
        json.dumps({"quay": {"stable-3.10": ["3.10.1"]}, "odf": {"stable-4.18": ["4.18.0"]}}),
    )
    imageset("quay", "odf")
    assert connected.mirror().returncode == 0
    monkeypatch.setenv("STANDIN_CATALOG", json.dumps({"quay": {"stable-3.10": ["3.10.2", "3.10.1"]}}))
    imageset("quay")
    ran = connected.mirror()
    assert ran.returncode == 0, ran.stderr
    code, text, _errors = printed(connected, "--changes")
    assert code == 0
    assert "  ~ quay stable-3.10 3.10.2\n" in text
    assert "  - odf stable-4.18 4.18.0\n" in text
    assert "Operators (1 changed, 1 goes): ~quay stable-3.10 3.10.2; -odf stable-4.18 4.18.0" in ran.stderr


def test_changes_are_printed_in_three_forms_from_the_data_alone(printed: Printed, three: Place) -> None:
    listed = Store(three.data).changes.between(None, 3)
    code, text, errors = printed(three, "--changes")
    assert (code, errors) == (0, "")
    assert text == changes_text.text(listed) + "\n"
    assert text.startswith("generation 3 of imageset, against generation 2 of imageset\n")
    _code, markdown, _errors = printed(three, "--changes=3", "--markdown")
    assert markdown == changes_text.markdown(listed)
    assert f"| new | `{three.host}/team/app:v3 sha256:" in markdown
    _code, document, _errors = printed(three, "--changes=2..3", "--json")
    assert document.encode() == listed.canonical
    assert json.loads(document)["format"] == 2


def test_asking_takes_no_lock_and_writes_nothing(three: Place, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(three.data, copy)
    shutil.rmtree(copy / "changes")
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*")}
    with Store(copy).locked(purpose="another run"):
        locked = {path: path.stat().st_mtime_ns for path in copy.rglob("*")}
        for path in (copy, *copy.rglob("*")):
            path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
        ended = subprocess.run(
            [*MIRROR, f"--data={copy}", "--changes"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PATH": "/nowhere"},
        )
    for path in (copy, *copy.rglob("*")):
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "team/app:v3" in ended.stdout
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*")} == locked
    assert before.keys() == locked.keys()


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ("--changes=9", 4, "there is no generation 9"),
        ("--changes=0..3", 4, "there is no generation 0"),
        ("--changes=last", 2, "'last' is neither 'newest' nor a generation nor two, such as 7 or 3..7"),
        ("--markdown", 2, "markdown is a form of what --changes prints: give it too"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_what_can(
    printed: Printed, three: Place, given: str, code: int, words: str
) -> None:
    found, text, errors = printed(three, given)
    assert (found, text) == (code, "")
    assert words in errors


def test_a_number_that_no_record_has_is_not_among_those_that_are_offered(
    printed: Printed, three: Place, tmp_path: Path
) -> None:
    copy = replace(three, data=tmp_path / "copy")
    shutil.copytree(three.data, copy.data)
    for path in (copy.data / "generations/000002", copy.data / "ledger/000002.json"):
        path.rename(tmp_path / path.name)
    code, _text, errors = printed(copy, "--changes=2")
    assert code == 4
    assert "there is no generation 2" in errors
    assert "give one of those on record: 1,3" in errors


def test_a_data_directory_without_generations_says_so(
    printed: Printed, tmp_path: Path, connected: Place
) -> None:
    code, _text, errors = printed(connected, "--changes")
    assert code == 4
    assert "no generations under" in errors
    assert not connected.data.exists()


def test_where_a_folder_was_carried_away_the_kept_list_answers(three: Place, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(three.data, copy)
    store = Store(copy)
    told = store.changes.between(None, 3)
    shutil.rmtree(copy / "generations/000002")
    assert store.changes.between(None, 3) == told
    shutil.rmtree(copy / "changes")
    listed = store.changes.between(None, 3)
    assert listed.unknown == ("images of generation 2: its folder is not here any more",)
    assert not listed.is_empty
    assert listed.sizes.new is None
    assert listed.sizes.total == told.sizes.total


def test_a_damaged_index_or_list_fails_no_run_and_is_named(connected: Place) -> None:
    assert connected.mirror().returncode == 0
    (connected.data / "generations/000001/contents.json.gz").write_bytes(b"no")
    (connected.data / "changes/000001.json").write_text("{")
    connected.names("team/app:v2", "team/db:v1")
    ran = connected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "not known: images of generation 1: generation 1: contents.json.gz is damaged" in ran.stderr


def test_generations_are_compared_with_those_of_their_own_mirror_name(connected: Place) -> None:
    for name, image in (("one", "team/app:v1"), ("two", "team/db:v1"), ("one", "team/app:v2")):
        connected.names(image)
        assert connected.mirror(f"--mirror-name={name}").returncode == 0
    listed = Store(connected.data).changes.between(None, 3)
    assert listed.before is not None
    assert [one.sequence for one in listed.before.generations] == [1]
    assert [one.name for one in listed.images.removed] == [f"{connected.host}/team/app:v1"]


def test_from_disk_tells_what_it_brings_to_its_target(printed: Printed, arrived: Place, target: str) -> None:
    later = arrived.data / "generations/000003"
    later.rename(arrived.data / "later")
    code, text, _errors = printed(arrived, "--changes", f"--target-registry={target}")
    assert code == 0
    assert text.startswith("generation 1, 2 of imageset, against nothing\n")
    ran = arrived.mirror()
    assert ran.returncode == 0, ran.stderr
    (arrived.data / "later").rename(later)
    code, waiting, _errors = printed(arrived, "--changes", f"--target-registry={target}")
    assert "generation 3 of imageset, against generation 2 of imageset" in waiting
    ran = arrived.mirror()
    assert "what changed: generation 3 of imageset, against generation 2 of imageset" in ran.stderr
    code, after, _errors = printed(arrived, "--changes", f"--target-registry={target}")
    assert after == waiting, "when nothing waits, what came last"


FAILING = """
import errno, os, sys
fails = int(sys.argv.pop(1))
def count(event, arguments):
    global fails
    if event == "os.rename" and str(arguments[1]).endswith(".md") and "/changes/" in str(arguments[1]):
        print("written:", arguments[1])
        fails -= 1
        if fails >= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
sys.addaudithook(count)
from steps.mirror import main
sys.exit(main())
"""


@pytest.mark.parametrize("fails", [0, 1, 2])
def test_from_disk_writes_its_list_once_and_again_where_that_failed(
    three: Place, disconnected: Place, target: str, fails: int
) -> None:
    for number in (1, 2):
        name = f"generations/{number:06d}"
        shutil.copytree(three.data / name, disconnected.data / name)
    command = [sys.executable, "-c", FAILING, str(fails), *disconnected.command()]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("written:") == min(fails + 1, 2)
    assert "what changed: generation 1, 2 of imageset, against nothing" in ran.stderr
    refused = "the list of changes cannot be written: No space left on device"
    assert ran.stderr.count(refused) == fails
    kept = Store(disconnected.data).changes.newest_kept(target)
    assert (kept is None) == (fails == 2)
    assert ("the list: " in ran.stderr) == (fails < 2)


def test_direct_runs_are_compared_with_the_run_before(printed: Printed, direct: Place, target: str) -> None:
    ran = direct.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "against nothing" in ran.stderr
    direct.names("team/app:v2", "team/db:v1")
    ran = direct.mirror()
    assert "  Images: 1 new, 1 goes" in ran.stderr
    code, document, _errors = printed(direct, "--changes", "--json")
    assert code == 0
    images = json.loads(document)["images"]
    [new] = images["added"]
    assert new["name"] == f"{direct.host}/team/app:v2"
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", new["after"]), "the target tells the digest of a tag"
    assert [one["name"] for one in images["removed"]] == [f"{direct.host}/team/app:v1"]
    assert (
        "nothing waits for elsewhere.example.com/x"
        in printed(direct, "--changes", "--target-registry=elsewhere.example.com/x")[2]
    )


def bring(place: Place, other: Place, *numbers: int) -> None:
    for number in numbers:
        name = f"generations/{number:06d}"
        shutil.copytree(place.data / name, other.data / name)


def images(listed: ChangeList) -> tuple[list[str], list[str]]:
    """What is new and what goes, without host."""
    return tuple(  # type: ignore[return-value]
        [one.name.partition("/")[2] for one in found]
        for found in (listed.images.added, listed.images.removed)
    )


def test_what_a_later_one_of_several_generations_drops_goes(
    connected: Place, disconnected: Place, target: str
) -> None:
    for named in (("app:v1", "db:v1", "app:v9"), ("app:v2", "db:v1"), ("app:v3", "app:v9")):
        connected.names(*(f"team/{name}" for name in named))
        assert connected.mirror().returncode == 0
    bring(connected, disconnected, 1)
    assert disconnected.mirror().returncode == 0
    bring(connected, disconnected, 2, 3)
    store = Store(disconnected.data)
    listed = store.changes.pending(target, store.imports.pending(target))
    assert images(listed) == (["team/app:v2", "team/app:v3"], ["team/app:v1", "team/db:v1"])
    assert [name.partition("/")[2] for name in listed.additional.removed] == ["team/app:v1", "team/db:v1"]


def test_a_damaged_record_of_the_run_before_is_named_and_is_not_nothing(direct: Place) -> None:
    assert direct.mirror().returncode == 0
    direct.names("team/app:v2", "team/db:v1")
    [kept] = (direct.data / "changes").rglob("*.state")
    for mirrored, words in (
        ("{}", "not known: all that the run before has, and its images: "),
        (None, "not known: images of the run before: "),
    ):
        kept.write_text("{")
        if mirrored:
            (direct.data / "mirrored.json").write_text(mirrored)
        ran = direct.mirror("--skip-unchanged=false")
        assert ran.returncode == 0, ran.stderr
        assert "against what has no record here" in ran.stderr
        assert f"{words}{kept} is not what a run has left"[:200] in ran.stderr


def test_settings_that_differ_are_a_part_of_the_list_and_none_leave_its_bytes_as_they_were() -> None:
    listed = compare(state(), state())
    assert b"settings" not in listed.canonical
    other = listed.changed(
        settings=("changed: image r/a: not restricted → targetTag x", "added: archiveSize (4)")
    )
    assert not other.is_empty
    assert ChangeList.model_validate(json.loads(other.canonical)) == other
    assert "~ image r/a: not restricted → targetTag x" in changes_text.text(other)
    assert "| new | `archiveSize (4)` |" in changes_text.markdown(other)
    assert differences(listed, other) == [
        "settings: now added: archiveSize (4), changed: image r/a: not restricted → targetTag x"
    ]


def test_an_imageset_that_is_damaged_leaves_its_settings_unknown(three: Place, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(three.data, copy)
    (copy / "generations/000002/imageset.yaml").write_text("kind: [")
    listed = Store(copy).changes.between(2, 3)
    assert listed.unknown == ("settings of the ImageSet: generation 2: imageset.yaml is damaged",)


def test_versions_of_generations_that_come_at_once_are_told_with_those_that_go() -> None:
    before = state(
        operators=[operator("p", "s", "1"), operator("p", "s", "2"), operator("q", "s", "1")],
        releases=["4.20.1", "4.20.2"],
    )
    last = state(operators=[operator("p", "s", "4")], releases=["4.20.1"])
    between = [operator("p", "s", "1"), operator("p", "s", "3"), operator("q", "s", "2")]
    first = state(operators=between, releases=["4.20.2", "4.20.3"])
    brought = replace(first, contents=(*first.contents, *last.contents), lasting=last)
    listed = compare(before, brought)
    assert (listed.releases.added, listed.releases.removed) == (("4.20.3",), ("4.20.2",))
    assert [(one.package, one.before, one.after) for one in listed.operators.updated] == [
        ("p", ("2", "1"), ("4", "3")),
        ("q", ("1",), ("2",)),
    ]


@pytest.mark.parametrize("left", [(), (1,)])
def test_what_was_imported_and_has_no_record_here_is_told_as_not_known(
    printed: Printed, three: Place, disconnected: Place, target: str, left: tuple[int, ...]
) -> None:
    bring(three, disconnected, 1, 2)
    assert disconnected.mirror().returncode == 0
    for number in {1, 2} - {*left}:
        shutil.rmtree(disconnected.data / f"generations/{number:06d}")
    bring(three, disconnected, 3)
    _code, text, _errors = printed(disconnected, "--changes", f"--target-registry={target}")
    assert "against nothing" not in text
    assert f"not known: what {target} has: generation 2 was imported, and its record is not here" in text
    assert "Images" not in text
    assert " new in " not in text


def test_retention_of_older_generations_leaves_nothing_unknown(
    three: Place, disconnected: Place, target: str
) -> None:
    bring(three, disconnected, 1, 2)
    assert disconnected.mirror("--keep-generations=1").returncode == 0
    shutil.rmtree(disconnected.data / "generations/000001", ignore_errors=True)
    bring(three, disconnected, 3)
    store = Store(disconnected.data)
    listed = store.changes.pending(target, store.imports.pending(target))
    assert listed.unknown == ()
    assert images(listed) == (["team/app:v3"], ["team/app:v2"])


def test_an_image_whose_digest_is_not_known_has_not_changed_but_may_have() -> None:
    before = state({"r/a:1": "sha256:1", "r/b:1": "", "r/c:1": "sha256:3", "r/d:1": ""})
    after = state({"r/a:1": "", "r/b:1": "", "r/c:1": "sha256:4", "r/e:1": ""})
    listed = compare(before, after)
    assert [one.name for one in listed.images.updated] == ["r/c:1"]
    assert [one.name for one in listed.images.added] == ["r/e:1"]
    assert listed.unknown == ("whether r/a:1, r/b:1 changed: the target did not tell a digest of them",)


def test_what_a_record_does_not_name_does_not_go() -> None:
    before = state(releases=["4.20.1"], operators=[operator("p", "s", "1")], additional=["r/a"])
    after = replace(state(operators=[operator("p", "s", "2")]), is_partial=True, unknown=("all",))
    listed = compare(before, after)
    assert (listed.releases.removed, listed.additional.removed) == ((), ())
    assert [(one.before, one.after) for one in listed.operators.updated] == [(("1",), ("2", "1"))]


def test_a_generation_whose_record_names_nothing_is_told_as_not_known(three: Place, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(three.data, copy)
    path = copy / "generations/000002/generation.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "contents": {}, "contents_sha256": "", "meaning": ""}))
    shutil.rmtree(copy / "ledger")
    listed = Store(copy).changes.between(2, 3)
    assert listed.unknown == (
        "all that generation 2 has: its record does not name all",
        "images of generation 2: it was made by version 0.1",
    )
    assert Store(copy).changes.between(3, 2).additional.removed == ()


def test_the_newest_list_is_the_one_that_was_told_last_whatever_the_clock_says(
    three: Place, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(three.data, copy)
    store = Store(copy)
    for number in (1, 2):
        os.utime(copy / f"changes/00000{number}.json", (4e9, 4e9 + number))
    store.changes.keep(store.changes.between(None, 3))
    newest = store.changes.newest_kept("")
    assert newest
    assert newest.after.generations[0].sequence == 3


def test_a_list_that_differs_from_the_approved_one_says_in_what() -> None:
    approved = compare(None, state({"r/a": "sha256:1"}, releases=["4.20.1"]))
    now = compare(None, state({"r/a": "sha256:2"}, releases=["4.20.1", "4.20.2"]))
    assert differences(approved, now) == [
        "releases: now +4.20.2",
        "images: now r/a sha256:2",
        "images: no longer r/a sha256:1",
    ]
    assert differences(approved, approved) == []
    heavier = compare(None, state({"r/a": "sha256:1"}, {"sha256:1": 2}, releases=["4.20.1"]))
    assert differences(approved, heavier) == [
        "versions or digests that were there before, sizes, or what is not known"
    ]


def test_lists_are_kept_in_bounds(three: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steps.mirroring.store.change_lists.KEPT", 2)
    copy = tmp_path / "copy"
    shutil.copytree(three.data, copy)
    store = Store(copy)
    (copy / "changes/000003.json").unlink()
    store.changes.keep(store.changes.between(None, 3))
    assert [path.name for path in sorted((copy / "changes").iterdir())] == [
        "000002.json",
        "000002.md",
        "000003.json",
        "000003.md",
    ]


def test_the_config_map_with_the_list_has_room_whatever_the_names_are(three: Place, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(three.data, data)
    store = Store(data)
    named = {f"{number:06d}{SNAKES}": "sha256:1" for number in range(1000)}
    listed = store.changes.between(None, 3)
    after = replace(state(named, releases=[*named], charts=[*named], additional=[*named]), point=listed.after)
    store.changes.keep(compare(None, after))
    written: list[dict[str, Any]] = []

    class Cluster:
        def apply(self, manifest: dict[str, Any]) -> None:
            written.append(manifest)

    notify.Notifier(Cluster(), "oc-mirror", store)(  # type: ignore[arg-type]
        Run(
            workflow=TO_DISK,
            started="2026-11-27T10:00:00Z",
            state=runs.SUCCEEDED,
            finished="2026-11-27T10:00:00Z",
        )
    )
    [found] = [one for one in written if one["metadata"]["name"] == "oc-mirror-changes"]
    assert found["data"].keys() == {"changes.md", "sha256"}
    assert sum(len(text.encode()) for text in found["data"].values()) < 1 << 19
