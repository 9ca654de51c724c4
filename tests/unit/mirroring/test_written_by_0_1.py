"""What version 0.1 left, today's code reads and goes on from: whole data directories, and single records.

The files lie in `written_by_0_1/`, whose `make` says how they came to be. They are never made anew: who began
with 0.1 has no others. The images in them are those that the stand-in makes up from their names.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from steps import mirror
from steps.errors import ConflictError
from steps.mirroring.schedule import Schedule
from steps.mirroring.store import Store, generations, lock
from steps.mirroring.store import runs as records
from steps.mirroring.store.records import FORMAT
from steps.mirroring.store.runs import Run
from steps.mirroring.workflows import deletion_plan
from steps.service import page
from steps.service.loop import Service
from steps.service.metrics import Metrics
from steps.workload.startup import Waiting
from tests.unit.mirroring.conftest import STANDIN, Place, standin_only
from tests.unit.mirroring.test_deletion import EXECUTE, GENERATE, approved, digest_of, plan_of
from tests.unit.mirroring.test_receipt import LABEL, receipts, taken
from tests.unit.mirroring.test_to_disk import blobs, record
from tests.unit.mirroring.test_to_registry import carry
from tests.unit.mirroring.written_by_0_1.registry import PREFIX, SOURCE, TARGET, served
from tests.unit.workload.test_startup import ended, observed, pod

pytestmark = [standin_only, pytest.mark.usefixtures("without_waiting")]

KEPT = Path(__file__).parent / "written_by_0_1"
RECORDS = KEPT / "records"
THREE, KILLED_MIRRORING, KILLED_ARCHIVED = (
    "to-disk-three-generations",
    "to-disk-killed-mirroring",
    "to-disk-killed-archived",
)
HALF, DIRECT, KILLED_PUBLISHING = "from-disk-half-imported", "direct", "direct-killed-publishing"
DELETION = "deletion-half-executed"
ALL = (THREE, KILLED_MIRRORING, KILLED_ARCHIVED, HALF, DIRECT, KILLED_PUBLISHING, DELETION)

CLEANUP, SKIP = "--workflow=workflow-cleanup", "--skip-unchanged=true"
NO_SIGNATURES = "--signatures=none"
"""As version 0.1 did with this oc-mirror; what signatures are copied by today is a change."""


@dataclass(frozen=True)
class Left:
    """A data directory that 0.1 left, as a place to go on in, and the registry as it was then."""

    place: Place
    registry: str

    @property
    def target(self) -> str:
        """HOST:PORT/PATH that leads to the target past the proxy."""
        return f"{self.registry}/{PREFIX}"

    def tags(self, *images: str) -> list[str]:
        """Those of REPOSITORY:TAG that the target has."""
        return [image for image in images if digest_of(self.target, image)]

    def runs(self) -> list[Run]:
        """The records of runs, oldest first."""
        return Store(self.place.data).runs.all()


Unpack = Callable[[str], Left]


@pytest.fixture
def unpack(tmp_path: Path) -> Iterator[Unpack]:
    """Unpacks what 0.1 left, by its name, and serves its registry under the names in its records."""
    with ExitStack() as registries:

        def left(name: str) -> Left:
            folder = tmp_path / name.replace("deletion", "removal")
            with tarfile.open(KEPT / f"{name}.tar.gz") as tar:
                tar.extraction_filter = getattr(tarfile, "data_filter", None)  # not every 3.11 has it
                tar.extractall(folder)
            workflow = re.match(r"to-disk|from-disk|", name)
            assert workflow
            arguments = [f"--workflow=workflow-{workflow[0] or 'direct'}"]
            if workflow[0] != "to-disk":
                arguments.append(f"--target-registry={TARGET}")
            place = Place(folder / "data", folder / "imageset.yaml", str(STANDIN), SOURCE, arguments)
            return Left(place, registries.enter_context(served(folder / "registry")))

        yield left


def beside(left: Left, name: str) -> Place:
    """Give a new far side whose target is another path of the same registry."""
    folder = left.place.data.parent
    arguments = [
        "--workflow=workflow-from-disk",
        f"--target-registry={TARGET.replace(PREFIX, name)}",
    ]
    return replace(left.place, data=folder / name, arguments=arguments)


def cached(place: Place) -> int:
    """Count the blobs in oc-mirror's cache."""
    return len(list((place.data / "cache").rglob("data")))


# --- to disk


@pytest.mark.parametrize("carried_away", [False, True], ids=["here", "carried away"])
def test_to_disk_continues_the_newest_generation(unpack: Unpack, carried_away: bool) -> None:
    place = unpack(THREE).place
    archived = blobs(place, 1) | blobs(place, 2) | blobs(place, 3)
    if carried_away:
        shutil.rmtree(place.data / "generations")
    place.names("team/app:v4", "team/db:v1")
    ran = place.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "incremental archive: continues generation 3" in ran.stderr
    assert record(place, 4)["predecessor"]["sequence"] == 3
    assert blobs(place, 4)
    assert not blobs(place, 4) & archived


def test_a_new_far_side_takes_in_generations_of_both_versions(unpack: Unpack) -> None:
    left = unpack(THREE)
    left.place.names("team/app:v4", "team/db:v1")
    assert left.place.mirror().returncode == 0
    far = beside(left, "elsewhere")
    carry(left.place, far, 1, 2, 3, 4)
    ran = far.mirror()
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.splitlines()[-1].endswith("has imported generation 1, 2, 3, 4")
    for image in ("app:v1", "app:v2", "app:v3", "app:v4", "db:v1"):
        assert digest_of(f"{left.registry}/elsewhere", f"team/{image}"), image


def test_a_run_that_was_killed_after_its_archive_is_completed(unpack: Unpack) -> None:
    left = unpack(KILLED_ARCHIVED)
    journal = json.loads((left.place.data / "run" / "journal.json").read_text())
    assert (journal["phase"], len(left.place.generations())) == ("archived", 2), "the folder is hidden"
    left.place.names("team/app:v3", "team/db:v1")
    ran = left.place.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "an interrupted run is now complete: generation 2 (continues 1" in ran.stderr
    assert record(left.place, 2) == {
        "format": FORMAT,
        "contents_sha256": "",
        "mirror_name": "",
        "meaning": "",
        **journal["draft"],
    }
    assert record(left.place, 3)["predecessor"]["sequence"] == 2
    far = beside(left, "elsewhere")
    carry(left.place, far, 1, 2, 3)
    assert far.mirror().returncode == 0
    assert digest_of(f"{left.registry}/elsewhere", "team/app:v2")
    assert [run.state for run in left.runs()] == [records.SUCCEEDED, records.INTERRUPTED, records.SUCCEEDED]


def test_a_run_that_was_killed_while_it_archived_is_taken_back(unpack: Unpack) -> None:
    left = unpack(KILLED_MIRRORING)
    journal = json.loads((left.place.data / "run" / "journal.json").read_text())
    kept, false = left.place.histories()
    assert (journal["phase"], journal["histories"]) == ("mirroring", [kept])
    ran = left.place.mirror()
    assert ran.returncode == 0, ran.stderr
    assert f"the run of {journal['started']} made no generation, the next one will" in ran.stderr
    assert record(left.place, 2)["history_used"] == kept
    assert false not in left.place.histories()
    assert len(left.place.histories()) == 2
    assert not list((left.place.data / "quarantine").iterdir())
    assert not (left.place.data / "set-aside").exists()
    far = beside(left, "elsewhere")
    carry(left.place, far, 1, 2)
    assert far.mirror().returncode == 0
    assert digest_of(f"{left.registry}/elsewhere", "team/app:v2")
    assert [run.state for run in left.runs()] == [records.SUCCEEDED, records.INTERRUPTED, records.SUCCEEDED]


@pytest.mark.parametrize(
    ("field", "changed", "said"),
    [
        ("finished", None, "unchanged since {finished}: oc-mirror was not run"),
        ("parts", {"ImageSet": "0"}, "changed since the run of {finished}: ImageSet, oc-mirror, "),
        ("generation", 2, "since the run of {finished}, but the newest generation is not 2, which it made"),
    ],
)
def test_to_disk_is_skipped_if_nothing_changed_since(
    unpack: Unpack, field: str, changed: object, said: str
) -> None:
    place = unpack(THREE).place
    path = place.data / "fingerprints.json"
    document = json.loads(path.read_text())
    if changed is not None:
        document["workflow-to-disk"][field] = changed
        path.write_text(json.dumps(document))
    ran = place.mirror(SKIP, NO_SIGNATURES)
    assert ran.returncode == 0, ran.stderr
    assert said.format(finished=document["workflow-to-disk"]["finished"]) in ran.stderr
    assert ("running oc-mirror" in ran.stderr) is (changed is not None)


def test_a_dry_run_replaces_the_lists_of_the_last_one(unpack: Unpack) -> None:
    place = unpack(THREE).place
    planned = place.data / "planned"
    planned.mkdir()
    for name in ("mapping.txt", "missing.txt"):
        shutil.copy(RECORDS / f"planned-{name}", planned / name)
    place.names("team/app:v4", "team/db:v1")
    ran = place.mirror("--dry-run=true")
    assert ran.returncode == 0, ran.stderr
    assert "2 images would be mirrored, 1 of them to be fetched" in ran.stderr
    assert [len((planned / name).read_text().splitlines()) for name in ("mapping.txt", "missing.txt")] == [
        2,
        1,
    ]
    assert len(place.generations()) == 3


# --- from disk


def test_from_disk_takes_in_only_what_was_missing(unpack: Unpack) -> None:
    left = unpack(HALF)
    assert taken(left.target) == [["1", "2"]], "the third was not taken in when the run was killed"
    ran = left.place.mirror()
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.splitlines()[-1] == f"{TARGET} has imported generation 3"
    assert ran.stderr.count("running oc-mirror") == 1
    assert "unpacked generation" not in ran.stderr
    assert left.tags("team/app:v1", "team/app:v2", "team/app:v3", "team/db:v1") == [
        "team/app:v1",
        "team/app:v2",
        "team/app:v3",
        "team/db:v1",
    ]
    assert taken(left.target) == [["1", "2", "3"]], "the receipt of 0.1 is continued, no other begun"
    ran = left.place.mirror()
    assert ran.returncode == 0, ran.stderr
    assert f"{TARGET} has everything: generation 3 was imported before" in ran.stderr
    assert "running oc-mirror" not in ran.stderr
    states = [run.state for run in left.runs()]
    assert states == [records.SUCCEEDED, records.INTERRUPTED, records.SUCCEEDED, records.SUCCEEDED]


def test_from_disk_takes_in_what_the_new_version_archived_and_cleans_up(unpack: Unpack) -> None:
    connected = unpack(THREE).place
    connected.names("team/app:v4", "team/db:v1")
    assert connected.mirror().returncode == 0
    connected.names("team/app:v5", "team/db:v1")
    assert connected.mirror("--incremental-mode=false").returncode == 0
    left = unpack(HALF)
    carry(connected, left.place, 4, 5)
    left.place.names("team/app:v5", "team/db:v1")
    ran = left.place.mirror()
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.splitlines()[-1] == f"{TARGET} has imported generation 3, 4, 5"
    assert len(left.tags(*(f"team/app:v{number}" for number in range(1, 6)))) == 5
    ran = left.place.mirror(CLEANUP, "--keep-generations=1")
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.splitlines()[-1].startswith("4 images and ")
    assert ran.stderr.splitlines()[-1].endswith("; generations removed: 1, 2, 3, 4")


def test_a_target_that_lost_its_images_gets_them_again(unpack: Unpack) -> None:
    left = unpack(HALF)
    shutil.rmtree(left.place.data.parent / "registry" / "docker")
    ran = left.place.mirror()
    assert ran.returncode == 0, ran.stderr
    assert f"{TARGET} has lost generation 1, 2: emptied, replaced or set back" in ran.stderr
    assert len(left.tags("team/app:v1", "team/app:v2", "team/app:v3")) == 3
    assert taken(left.target) == [["1", "2", "3"]]


def test_a_target_that_lost_its_receipt_gets_that_again(unpack: Unpack) -> None:
    left = unpack(HALF)
    shutil.rmtree(next((left.place.data.parent / "registry").rglob("oc-mirror-pipeline")))
    ran = left.place.mirror()
    assert ran.returncode == 0, ran.stderr
    assert f"{TARGET} has lost our record of what it imported, and nothing else" in ran.stderr
    assert ran.stderr.splitlines()[-1] == f"{TARGET} has imported generation 3"
    assert taken(left.target) == [["1", "2", "3"]]


# --- direct


def signatures(place: Place) -> set[str]:
    """The releases whose signatures are published."""
    text = (place.data / "cluster-resources" / "signatures.yaml").read_text()
    return set(re.findall(r"sha256-[0-9a-f]{64}", text))


def test_direct_runs_again_and_keeps_the_signatures_of_earlier_releases(unpack: Unpack) -> None:
    left = unpack(DIRECT)
    signed = signatures(left.place)
    left.place.names("team/app:v3", "team/db:v1")
    ran = left.place.mirror()
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.splitlines()[-1] == f"{TARGET} has all 2 images (oc-mirror counts 2 additional)"
    assert left.tags("team/app:v3")
    assert len(signed) == 2
    assert signatures(left.place) == signed


def test_direct_is_skipped_if_nothing_changed_and_the_target_has_it(unpack: Unpack) -> None:
    left = unpack(DIRECT)
    [before] = json.loads((left.place.data / "fingerprints.json").read_text()).values()
    ran = left.place.mirror(SKIP, NO_SIGNATURES)
    assert ran.returncode == 0, ran.stderr
    assert f"unchanged since {before['finished']}: oc-mirror was not run" in ran.stderr
    shutil.rmtree(next((left.place.data.parent / "registry").rglob(f"{PREFIX}/team/app")))
    ran = left.place.mirror(SKIP, NO_SIGNATURES)
    assert ran.returncode == 0, ran.stderr
    assert f"but {TARGET} lacks {SOURCE}/team/app:v2" in ran.stderr
    assert left.tags("team/app:v2")


def test_resources_that_a_killed_run_was_replacing_come_back(unpack: Unpack) -> None:
    left = unpack(KILLED_PUBLISHING)
    assert not (left.place.data / "cluster-resources").exists()
    ran = left.place.mirror("--dry-run=true")
    assert ran.returncode == 0, ran.stderr
    assert len(signatures(left.place)) == 2
    assert left.place.mirror().returncode == 0
    assert len(signatures(left.place)) == 2
    assert not [path.name for path in left.place.data.iterdir() if path.name.startswith(".")]


# --- deletion and cleaning up


def test_a_deletion_that_was_killed_is_completed_by_the_same_approval(unpack: Unpack) -> None:
    left = unpack(DELETION)
    approval = f"--approved-plan-sha256={(left.place.data.parent / 'approved').read_text().strip()}"
    plan = plan_of(left.place)
    doomed = [f"{part['repository']}:{tag}" for part in plan["manifests"] for tag in part["tags"]]
    there = len(left.tags(*doomed))
    assert 0 < there < len(doomed)
    ran = left.place.mirror(EXECUTE, approval)
    assert ran.returncode == 0, ran.stderr
    assert f"deleted {there} manifests from {TARGET} ({len(doomed) - there} were gone before)" in ran.stderr
    assert left.tags(*doomed) == []
    stays = ["team/app:v8", "team/app:somebody-elses", "team/app:v9", "team/db:v1"]
    assert left.tags(*stays) == stays
    ran = left.place.mirror(EXECUTE, approval)
    assert ran.returncode == 0, ran.stderr
    assert "that plan was carried out before" in ran.stderr
    assert left.runs()[-3].state == records.INTERRUPTED


def test_a_plan_is_outdated_by_a_run_since(unpack: Unpack) -> None:
    left = unpack(DELETION)
    assert left.place.mirror().returncode == 0
    ran = left.place.mirror(EXECUTE, approved(left.place))
    assert ran.returncode == 19
    assert f"the plan is outdated: {TARGET} was mirrored to since it was made" in ran.stderr


@pytest.mark.parametrize("name", [HALF, DIRECT])
def test_what_earlier_runs_brought_can_be_deleted(unpack: Unpack, name: str) -> None:
    left = unpack(name)
    left.place.names("team/app:v3", "team/db:v1")
    assert left.place.mirror().returncode == 0
    ran = left.place.mirror(GENERATE)
    assert ran.returncode == 0, ran.stderr
    origins = [image["origin"] for image in plan_of(left.place)["images"]]
    assert origins == [f"{SOURCE}/team/app:v1", f"{SOURCE}/team/app:v2"]
    assert left.place.mirror(EXECUTE, approved(left.place)).returncode == 0
    assert left.tags("team/app:v1", "team/app:v2", "team/app:v3") == ["team/app:v3"]


def test_cleaning_up_removes_what_only_earlier_runs_needed_and_archiving_goes_on(unpack: Unpack) -> None:
    place = unpack(THREE).place
    before = cached(place)
    ran = place.mirror(CLEANUP, "--keep-generations=1")
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.splitlines()[-1].startswith("2 images and ")
    assert ran.stderr.splitlines()[-1].endswith("; generations removed: none")
    assert cached(place) < before
    place.names("team/app:v4", "team/db:v1")
    assert place.mirror().returncode == 0
    assert record(place, 4)["predecessor"]["sequence"] == 3


def test_cleaning_up_keeps_what_an_archive_to_come_may_continue(unpack: Unpack) -> None:
    left = unpack(HALF)
    before = cached(left.place)
    ran = left.place.mirror(CLEANUP)
    assert ran.returncode == 5
    assert "was never mirrored as it is now" in ran.stderr, "the third generation is not recorded"
    left.place.names("team/app:v2", "team/db:v1")
    ran = left.place.mirror(CLEANUP, "--keep-generations=1")
    assert ran.returncode == 0, ran.stderr
    assert (
        "0 images and 0 B were removed from the cache, 0 B from oc-mirror's working directory;" in ran.stderr
    )
    assert cached(left.place) == before


@pytest.mark.parametrize("name", [DIRECT, DELETION])
def test_cleaning_up_after_direct_runs_finds_nothing_to_do(unpack: Unpack, name: str) -> None:
    left = unpack(name)
    ran = left.place.mirror(CLEANUP)
    assert ran.returncode == 0, ran.stderr
    assert "0 images and 0 B were removed from the cache" in ran.stderr


# --- the service


@pytest.mark.parametrize(
    ("name", "headline", "listed", "generation"),
    [
        (THREE, "Last run succeeded", ["Succeeded"] * 3, 3),
        (KILLED_MIRRORING, "Mirroring", ["Running", "Succeeded"], 1),
        (KILLED_ARCHIVED, "Mirroring", ["Running", "Succeeded"], 1),
        (HALF, "Mirroring", ["Running", "Succeeded"], 2),
        (DIRECT, "Last run succeeded", ["Succeeded"] * 2, 0),
        (KILLED_PUBLISHING, "Mirroring", ["Running", *["Succeeded"] * 2], 0),
        (DELETION, "Last run succeeded", ["Succeeded"] * 2, 0),
    ],
)
def test_the_page_and_the_metrics_show_the_runs(
    unpack: Unpack, name: str, headline: str, listed: list[str], generation: int
) -> None:
    left = unpack(name)
    newest = datetime.fromisoformat(left.runs()[-1].started)
    now = newest + timedelta(hours=1)
    service = Service(
        mirror.parse(left.place.command("--schedule=0 2 * * *")).request,
        Schedule.parse("0 2 * * *"),
        mirror=lambda _watcher: "",
        clock=lambda: now,
    )
    overview = service.overview()
    if headline != "Mirroring":
        overview = replace(overview, next_run=now)
    html = page.render(overview)
    assert f'<h1 id="state">{headline}</h1>' in html
    rows = re.findall(r'<tr role="row">(.*?)</tr>', html, re.DOTALL)
    words = "Running|Succeeded|Failed|Interrupted"
    assert [found[0] for row in rows if (found := re.search(words, row))] == listed
    if name in {THREE, HALF, DIRECT}:
        assert overview.last
        assert overview.last.message in html
    metrics = Metrics(lambda: overview).exposition().decode()
    assert f"oc_mirror_generation {generation}.0" in metrics
    finished = max(run.finished for run in overview.runs)
    assert re.search(r"oc_mirror_last_success_timestamp_seconds (\S+)", metrics)
    [seconds] = re.findall(r"\noc_mirror_last_success_timestamp_seconds (\S+)", metrics)
    assert datetime.fromtimestamp(float(seconds), UTC) == datetime.fromisoformat(finished)
    assert 'oc_mirror_last_run_images{kind="additional"}' in metrics


# --- single records


def fields(record: Any) -> Any:
    """A record that was read, as JSON has it."""
    return json.loads(json.dumps(record.document()))


def _run(_data: Path, path: Path) -> Any:
    return fields(Run.parse(path.read_bytes()))


def _entry(data: Path, path: Path) -> Any:
    target = json.loads(path.read_text())["target"]
    folder = data / "inventory" / hashlib.sha256(target.encode()).hexdigest()[:16]
    folder.mkdir(parents=True)
    shutil.copy(path, folder / "2026-11-25T181144Z-438f3c444249.json")
    [entry] = Store(data).inventory.of(target)
    return fields(entry)


def _plan(data: Path, path: Path) -> Any:
    (data / "removal").mkdir(parents=True)
    shutil.copy(path, data / "removal" / "plan.json")
    plan = deletion_plan.load(data / "removal" / "plan.json", hashlib.sha256(path.read_bytes()).hexdigest())
    return fields(plan)


def _taken(data: Path, path: Path) -> Any:
    (data / "intake").mkdir(parents=True)
    shutil.copy(path, data / "intake" / "taken.json")
    store = Store(data)
    return {
        target: {str(number): name for number, name in store.imports.of(target).generations.items()}
        for target in store.imports.targets()
    }


READERS: dict[str, Callable[[Path, Path], Any]] = {
    "generation.json": lambda _data, path: fields(generations.load(path)),
    "generation-full.json": lambda _data, path: fields(generations.load(path)),
    "run.json": _run,
    "run-direct.json": _run,
    "run-dry.json": _run,
    "run-failed.json": _run,
    "run-killed.json": _run,
    "run-unchanged.json": _run,
    "status.json": _run,
    "inventory.json": _entry,
    "inventory-of-target.json": _entry,
    "plan.json": _plan,
    "executed.json": _plan,
    "taken.json": _taken,
}


@pytest.mark.parametrize("name", READERS)
def test_every_field_of_a_record_arrives(tmp_path: Path, name: str) -> None:
    path = RECORDS / name
    assert READERS[name](tmp_path, path) == json.loads(path.read_text())


@pytest.mark.parametrize("kind", ["generation", "run", "inventory", "plan"])
def test_every_field_is_filled_in_a_record_of_its_kind(kind: str) -> None:
    documents = [json.loads(path.read_text()) for path in sorted(RECORDS.glob(f"{kind}*.json"))]
    empty = {name for name in documents[0] if not any(document[name] for document in documents)}
    assert documents
    assert not empty


def test_every_file_that_is_kept_is_read_by_a_test() -> None:
    """The journals and fingerprints are those in the data directories."""
    assert {path.name.removesuffix(".tar.gz") for path in KEPT.glob("*.tar.gz")} == set(ALL)
    other = {
        "fingerprints.json",
        "journal-archived.json",
        "journal-mirroring.json",
        "lock.json",
        "receipt-in-target.json",
        "receipts.json",
        "report.json",
    }
    assert {path.name for path in RECORDS.glob("*.json")} == READERS.keys() | other


def test_a_generation_keeps_the_name_by_which_all_others_know_it(unpack: Unpack) -> None:
    """Its successor, the list of a far side and the receipt in a target name it by a hash of what it says."""
    left = unpack(HALF)
    made = [generations.load(folder / "generation.json") for folder in left.place.generations()]
    names = [generation.identity for generation in made]
    successors = [record(left.place, number)["predecessor"]["identity"] for number in (2, 3)]
    assert names[:2] == successors
    for name in ("taken.json", "receipt-in-target.json"):
        document = json.loads((RECORDS / name).read_text())
        assert document.get(TARGET, document) == {"1": names[0], "2": names[1]}


def test_the_receipts_of_a_target_are_found_by_the_recorded_tag(unpack: Unpack) -> None:
    left = unpack(HALF)
    place_of_receipts = receipts(left.target)
    tag = json.loads((RECORDS / "receipts.json").read_text())[TARGET]
    assert place_of_receipts.tags() == [tag]
    kept = (RECORDS / "receipt-in-target.json").read_text().strip()
    assert place_of_receipts.read_label(tag, LABEL) == kept
    place_of_receipts.close()


def test_the_last_word_of_a_pod_is_understood() -> None:
    text = (RECORDS / "status.json").read_text()
    state = observed(pod(ended(8, text)))
    assert isinstance(state, Waiting), "the Job tries again"
    assert state.error
    written = json.loads(text)
    assert written["message"] in state.error.reason
    assert state.error.hint == written["hint"]


def test_who_has_a_data_directory_is_told_from_its_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    shutil.copy(RECORDS / "lock.json", path)
    holder = json.loads(path.read_text())
    with path.open("r+") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        said = "in use by {purpose}, process {pid} on {host}, since {since}".format(**holder)
        with (
            pytest.raises(ConflictError, match=re.escape(said)),
            lock.exclusive(Store(tmp_path).root, purpose="another", patience=0.0),
        ):
            pytest.fail("the lock was given twice")


def test_a_plan_with_a_report_was_carried_out(unpack: Unpack) -> None:
    """Of the report only its name is read, which holds the start of the plan's hash."""
    left = unpack(DELETION)
    report = json.loads((RECORDS / "report.json").read_text())
    plan = (RECORDS / "executed.json").read_bytes()
    assert deletion_plan.sha256(plan) == report["plan"]
    assert report["counts"] == json.loads(plan)["counts"]
    folder = left.place.data / "removal"
    (folder / "plan.json").rename(folder / f"executed-{report['plan'][:12]}.json")
    shutil.copy(RECORDS / "report.json", folder / f"report-{report['plan'][:12]}.json")
    before = left.tags(*(f"team/app:v{number}" for number in range(1, 9)))
    ran = left.place.mirror(EXECUTE, f"--approved-plan-sha256={report['plan']}")
    assert ran.returncode == 0, ran.stderr
    assert "that plan was carried out before" in ran.stderr
    assert left.tags(*before) == before
