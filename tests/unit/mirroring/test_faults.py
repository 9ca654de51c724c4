"""A run that ends, or whose disk fails, at any call of the file system: the next one makes it good.

    pytest tests/unit/mirroring/test_faults.py               a sample, spread evenly over each run
    FAULTS=all pytest tests/unit/mirroring/test_faults.py    every call; writes build/reports/faults.md
    FAULTS=100 …                                             100 of each run

After each fault the same command is run once more, undisturbed. What is there then has to be what there is
where nothing went wrong.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tarfile
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from steps.mirroring.store import Store
from tests.conftest import ROOT
from tests.unit.mirroring import apart, faulty
from tests.unit.mirroring.apart import Ended
from tests.unit.mirroring.conftest import Place, standin_only
from tests.unit.mirroring.faulty import KILL, KILLED
from tests.unit.mirroring.test_killed import check_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = standin_only

FAULTS: Final = os.environ.get("FAULTS", "4")
"""So many of each run, or `all`."""
ERROR: Final = "error"
ERRNOS: Final = ("ENOSPC", "EIO")
"""In turn."""
TO_DISK, FROM_DISK, DIRECT, EXPORT, IMPORT = "to-disk", "from-disk", "direct", "export", "import"
OURS_FOR_LONG: Final = {".oc-mirror", ".cache", ".history"}
"""Hidden names that are no leftovers: oc-mirror's."""
_VARIES: Final = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)?|\d{8}T[\d.]+Z?(?:-\d+)?|\b[0-9a-f]{8,64}\b|\b\d{8}_\d{6}\b"
)
"""Times and hashes; a run is never made twice in the same second."""
_NOT_COMPARED: Final = (
    *("runs", "logs", "quarantine", "history", "lock", "changes/targets"),
    *("working-dir", "cache", "imports/archives"),
)
"""Each run adds to them, or they are oc-mirror's."""

_COMPARED: Final = ("targets", "cluster-resources", "imported", "inventory")
"""Of these the content has to be the same, too."""


@dataclass
class Scenario:
    """A run to disturb. `begin` makes the state before it, `folders` are those whose calls count."""

    name: str
    place: Place
    tmp: Path
    target: str = ""
    more: list[str] = field(default_factory=list)
    media: list[Path] = field(default_factory=list)
    number: int = 0
    begin: Callable[[Scenario], object] = lambda _scenario: None
    check: Callable[[Scenario], object] = lambda _scenario: None

    def reset(self) -> None:
        """Make the state before the run anew, with a target of its own."""
        self.number += 1
        shutil.rmtree(self.place.data, ignore_errors=True)
        for medium in self.media:
            shutil.rmtree(medium, ignore_errors=True)
        if self.target:
            kept = [one for one in self.place.arguments if not one.startswith("--target-registry")]
            self.place = replace(self.place, arguments=[*kept, f"--target-registry={self.own_target}"])
        self.begin(self)

    @property
    def own_target(self) -> str:
        return f"{self.target}-{self.number}"

    def disturbed(self, mode: str, number: int) -> tuple[Ended, int]:
        """Run with a fault at a call (0: with none); return how it ended, and how many calls it made."""
        file = self.tmp / "calls"
        file.unlink(missing_ok=True)
        folders = ":".join(map(str, (self.place.data, *self.media)))
        fault = KILL if mode == KILL else ERRNOS[number % 2]
        arguments = [fault, str(number), str(file), folders, *self.place.command(*self.more)]
        ended = apart.run(faulty.main, arguments)
        return ended, int(file.read_text()) if file.exists() else 0

    def converged(self) -> Counter[str]:
        """Run undisturbed, check what is there, and return its names, without what varies."""
        ran = self.place.mirror(*self.more)
        assert ran.returncode == 0, ran.stderr
        assert "is no record" not in ran.stderr
        leftovers = [path for folder in (self.place.data, *self.media) for path in _leftovers(folder)]
        assert not leftovers
        _check_records(self.place.data)
        self.check(self)
        return self._state()

    def _state(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for folder in (self.place.data, *self.media):
            for path in folder.rglob("*"):
                name = str(path.relative_to(folder))
                if not name.startswith(_NOT_COMPARED):
                    found[_VARIES.sub("*", self._anonymous(name)) + self._content(name, path)] += 1
        return found

    def _anonymous(self, text: str) -> str:
        """Without the name of the target, which is another one each time."""
        return text.replace(self.own_target.rpartition("/")[2], "TARGET") if self.target else text

    def _content(self, name: str, path: Path) -> str:
        """What applies to clusters, and the records of what is where, have to be the same as well."""
        if not path.is_file() or not name.startswith(_COMPARED):
            return ""
        text = _VARIES.sub("*", self._anonymous(path.read_text()))
        return f" {hashlib.sha256(text.encode()).hexdigest()[:10]}"


def _leftovers(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        hidden = path.name.startswith(".") and path.name not in OURS_FOR_LONG and ".history" not in str(path)
        if hidden or path.name.endswith((".unfinished", ".partial", ".tmp")):
            yield str(path)


def _check_records(data: Path) -> None:
    """Every record can be read, and every generation is carried without anything that it does not name."""
    store = Store(data)
    for path in [*data.glob("*.json"), *data.glob("*/*.json"), *data.glob("inventory/*/*.json")]:
        json.loads(path.read_text())
    store.inventory.all()
    store.received.read()
    store.published.all()
    assert {run.state for run in store.runs.all()} <= {"succeeded", "failed", "interrupted"}
    present = store.generations.present().values()
    store.generations.verify(present)
    for generation in present:
        folder = store.generations.path(generation.sequence)
        names = {str(path.relative_to(folder)) for path in folder.rglob("*")}
        assert names == {*generation.sha256s, "generation.json"}


def _to_disk(tmp: Path, place: Place) -> Scenario:
    assert place.mirror().returncode == 0
    shutil.move(place.data, tmp / "before")
    place.names("team/app:v2", "team/db:v1")

    def check(scenario: Scenario) -> None:
        check_whole(scenario.place, "v1", "v2")
        assert len(Store(place.data).generations.present()) == 2

    return Scenario(
        TO_DISK,
        place,
        tmp,
        begin=lambda _scenario: shutil.copytree(tmp / "before", place.data),
        check=check,
    )


def _from_disk(
    tmp: Path, place: Place, target: str, three: Place, has: Callable[[str, str], bool]
) -> Scenario:
    def begin(scenario: Scenario) -> None:
        generations = scenario.place.data / "generations"
        shutil.copytree(three.data / "generations/000001", generations / "000001")
        assert scenario.place.mirror().returncode == 0
        for number in ("000002", "000003"):
            shutil.copytree(three.data / "generations" / number, generations / number)

    def check(scenario: Scenario) -> None:
        images = ("app:v1", "app:v2", "app:v3", "db:v1")
        assert all(has(scenario.own_target, f"team/{image}") for image in images)
        assert list(Store(scenario.place.data).imports.of(scenario.own_target).generations) == [1, 2, 3]
        assert "has everything" in scenario.place.mirror().stderr

    return Scenario(FROM_DISK, place, tmp, target=target, begin=begin, check=check)


def _direct(tmp: Path, place: Place, target: str, has: Callable[[str, str], bool]) -> Scenario:
    def begin(scenario: Scenario) -> None:
        scenario.place.names("team/app:v1", "team/db:v1")
        assert scenario.place.mirror().returncode == 0
        scenario.place.names("team/app:v2", "team/db:v1")

    def check(scenario: Scenario) -> None:
        assert all(has(scenario.own_target, f"team/{image}") for image in ("app:v1", "app:v2", "db:v1"))

    return Scenario(DIRECT, place, tmp, target=target, begin=begin, check=check)


def _export(tmp: Path, three: Place) -> Scenario:
    place, medium = replace(three, data=tmp / "here", arguments=[]), tmp / "medium"

    def begin(_scenario: Scenario) -> None:
        """The medium has an earlier export, in other parts, of what was there then."""
        shutil.copytree(three.data, place.data)
        medium.mkdir()
        shutil.move(place.data / "generations/000003", tmp / "later")
        assert place.mirror(f"--export={medium}", "--volume-size=30000").returncode == 0
        shutil.move(tmp / "later", place.data / "generations/000003")

    def check(_scenario: Scenario) -> None:
        far = replace(place, data=tmp / "far")
        assert far.mirror(f"--import={medium}").returncode == 0
        assert sorted(_files(far.data)) == sorted(_files(place.data))
        assert _files(far.data) == _files(place.data)
        shutil.rmtree(far.data)

    return Scenario(EXPORT, place, tmp, more=[f"--export={medium}"], media=[medium], begin=begin, check=check)


def _import(tmp: Path, three: Place) -> Scenario:
    kept, medium = tmp / "kept", tmp / "medium"
    near = replace(three, data=tmp / "near", arguments=[])
    shutil.copytree(three.data, near.data)
    assert near.mirror(f"--export={kept}").returncode == 0
    place = replace(three, data=tmp / "far", arguments=[])

    def check(_scenario: Scenario) -> None:
        assert _files(place.data) == _files(three.data)

    return Scenario(
        IMPORT,
        place,
        tmp,
        more=[f"--import={medium}"],
        media=[medium],
        begin=lambda _scenario: shutil.copytree(kept, medium),
        check=check,
    )


def _files(data: Path) -> dict[str, bytes]:
    folder = data / "generations"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def scenario(request: pytest.FixtureRequest, tmp_path: Path) -> Scenario:
    name: str = request.param
    given = request.getfixturevalue
    if name == TO_DISK:
        return _to_disk(tmp_path, given("connected"))
    if name == FROM_DISK:
        return _from_disk(tmp_path, given("disconnected"), given("target"), given("three"), given("has"))
    if name == DIRECT:
        return _direct(tmp_path, given("direct"), given("target"), given("has"))
    return (_export if name == EXPORT else _import)(tmp_path, given("three"))


def _chosen(calls: int) -> list[int]:
    """The numbers of the calls to disturb: all, or so many, spread evenly."""
    if FAULTS == "all":
        return list(range(1, calls + 1))
    wanted = min(int(FAULTS), calls)
    return [1 + round(number * (calls - 1) / max(wanted - 1, 1)) for number in range(wanted)]


@pytest.mark.parametrize("mode", [KILL, ERROR])
@pytest.mark.parametrize("scenario", [TO_DISK, FROM_DISK, DIRECT, EXPORT, IMPORT], indirect=True)
def test_whatever_call_goes_wrong_the_next_run_makes_it_good(scenario: Scenario, mode: str) -> None:
    scenario.reset()
    ended, calls = scenario.disturbed(mode, 0)
    assert ended.returncode == 0, ended.stderr
    undisturbed = scenario.converged()
    assert calls > 20, "so few calls: the run was not seen"
    bad, fell = [], 0
    for number in _chosen(calls):
        scenario.reset()
        ended, _calls = scenario.disturbed(mode, number)
        fell += ended.returncode != 0
        try:
            _check_end(mode, ended)
            found = scenario.converged()
            assert found == undisturbed, f"lost {undisturbed - found}, too many {found - undisturbed}"
        except (AssertionError, OSError, ValueError, tarfile.TarError) as error:
            what = re.search(r"fault: .*", ended.stderr)
            bad.append(f"{what[0] if what else number}: {error!r}"[:3000])
    _report(scenario.name, mode, len(_chosen(calls)), calls, fell, bad)
    assert not bad, f"{len(bad)} of {len(_chosen(calls))}:\n" + "\n\n".join(bad)


def _check_end(mode: str, ended: Ended) -> None:
    assert "Traceback" not in ended.stderr, ended.stderr[-3000:]
    if mode == KILL:
        assert ended.returncode in {0, KILLED}, ended.stderr
    elif ended.returncode:
        assert "ERROR: " in ended.stderr, ended.stderr
        assert "hint: " in ended.stderr, ended.stderr


def _report(name: str, mode: str, faults: int, calls: int, fell: int, bad: list[str]) -> None:
    """Add a line to the report: the run, the fault, so many of so many calls, and what came of them."""
    file = ROOT / "build/reports/faults.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    row = {"run": name, "fault": mode, "calls": calls, "faults": faults, "ended by it": fell, "bad": bad}
    with file.open("a") as stream:
        stream.write(json.dumps(row) + "\n")
