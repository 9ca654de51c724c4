"""Records: read across versions, forwards and backwards."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from steps.errors import InvalidInputError
from steps.mirroring.store import Store, generations, records
from steps.mirroring.store.fingerprints import FingerprintRecord, Success
from steps.mirroring.store.generations import Generation
from steps.mirroring.store.imports import ImportedRecord, TargetImports
from steps.mirroring.store.inventory import InventoryEntry, InventoryImage
from steps.mirroring.store.journal import MIRRORING, Progress
from steps.mirroring.store.records import FORMAT, NewerFormatError, Record, UnreadableRecordError
from steps.mirroring.store.runs import Run
from steps.mirroring.workflows.deletion_plan import DeletionPlan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.mirroring.conftest import Place

NEVER = "2026-01-01T00:00:00Z"
GENERATION = Generation(
    sequence=1,
    predecessor=None,
    files=(),
    imageset_sha256="0",
    since=None,
    history_used=None,
    history_written=(),
    images={},
    oc_mirror="4.21",
    started=NEVER,
    finished=NEVER,
    host="here",
)
KINDS: list[Record] = [
    GENERATION,
    Run(workflow="workflow-direct", started=NEVER),
    Progress(phase=MIRRORING, started=NEVER, histories=()),
    InventoryEntry(
        target="r.example.com",
        imageset="0",
        finished=NEVER,
        images=(InventoryImage(origin="r/a:v1", kind="additional", places=("a:v1",)),),
    ),
    ImportedRecord(targets={"r.example.com": TargetImports(generations={1: "a"}, record_tag="t")}),
    FingerprintRecord(
        successes={"workflow-direct r": Success(parts={"a": "b"}, finished=NEVER, generation=0)}
    ),
    DeletionPlan(
        target="r.example.com",
        made=NEVER,
        older_than="",
        imagesets=(),
        inventory="0",
        counts={},
        images=(),
        manifests=(),
        kept=(),
    ),
]
each_kind = pytest.mark.parametrize("record", KINDS, ids=lambda record: type(record).__name__)


@each_kind
def test_a_record_says_its_format_first_and_is_read_as_it_was_written(record: Record) -> None:
    assert next(iter(json.loads(record.as_json()))) == "format"
    assert json.loads(record.as_json())["format"] == FORMAT
    assert records.parse(type(record), record.as_json()) == record


@each_kind
def test_fields_that_are_not_known_are_kept_and_written_again(record: Record) -> None:
    document = json.loads(record.as_json()) | {"colour": {"of": ["a", "later", "version"]}}
    read = records.parse(type(record), json.dumps(document))
    assert json.loads(read.as_json()) == document
    assert json.loads(read.changed(format=FORMAT).as_json()) == document


def test_fields_that_are_not_known_are_kept_inside_a_record_too() -> None:
    document = json.loads(KINDS[3].as_json())
    document["images"][0]["colour"] = "blue"
    assert json.loads(records.parse(InventoryEntry, json.dumps(document)).as_json()) == document


@each_kind
def test_a_newer_format_asks_for_a_newer_version_and_is_not_called_damaged(
    record: Record, tmp_path: Path
) -> None:
    path = tmp_path / "record.json"
    path.write_text(json.dumps(json.loads(record.as_json()) | {"format": FORMAT + 1}))
    with pytest.raises(InvalidInputError, match="needs a newer version of oc-mirror-pipeline") as error:
        records.read(type(record), path, what="a record", hint="copy it again")
    assert "update oc-mirror-pipeline" in error.value.hint
    with pytest.raises(NewerFormatError):
        records.parse(type(record), path.read_bytes())


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "Expecting value"),
        ("[1]", "not a JSON object"),
        ("[" * 100_000, "nested too deeply"),
        ('{"format": 0}', "format"),
        ('{"format": "new"}', "format"),
        ("{}", "workflow: Field required"),
        ('{"workflow": "w", "started": 1}', "started"),
        ('{"workflow": "w", "started": "yesterday"}', "started"),
    ],
)
def test_what_is_no_record_is_named(content: str, problem: str) -> None:
    with pytest.raises(UnreadableRecordError, match=problem):
        records.parse(Run, content)


def test_a_record_that_is_too_large_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "LARGEST", 10)
    with pytest.raises(UnreadableRecordError, match="more than any record"):
        records.parse(Run, b'{"workflow": "w"}')


def document_of(place: Place, number: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(record_of(place, number).read_text())
    return found


def record_of(place: Place, number: int) -> Path:
    return place.data / "generations" / f"{number:06d}" / "generation.json"


def test_a_successor_names_its_predecessor_by_the_hash_of_its_file(three: Place) -> None:
    for number in (1, 2):
        digest = hashlib.sha256(record_of(three, number).read_bytes()).hexdigest()
        assert generations.load(record_of(three, number)).identity == digest
        assert document_of(three, number + 1)["predecessor"] == {"sequence": number, "identity": digest}
        ledger = three.data / "ledger" / f"{number:06d}.json"
        assert ledger.read_bytes() == record_of(three, number).read_bytes()


def test_the_far_side_imports_generations_with_fields_of_a_later_version(arrived: Place, target: str) -> None:
    """Each record gets a field; so its identity changes, and with it what the next one names."""
    identity = ""
    for number in (1, 2, 3):
        document = document_of(arrived, number) | {"colour": "blue"}
        if document["predecessor"]:
            document["predecessor"]["identity"] = identity
        record_of(arrived, number).write_text(json.dumps(document))
        identity = hashlib.sha256(record_of(arrived, number).read_bytes()).hexdigest()
    ran = arrived.mirror()
    assert ran.returncode == 0, ran.stderr
    imported = json.loads((arrived.data / "imported.json").read_text())
    assert imported["targets"][target]["generations"]["3"] == identity


def test_the_far_side_does_not_call_a_generation_of_a_newer_format_damaged(arrived: Place) -> None:
    record_of(arrived, 2).write_text(json.dumps(document_of(arrived, 2) | {"format": FORMAT + 1}))
    ran = arrived.mirror()
    assert ran.returncode == 3
    assert "generation.json needs a newer version of oc-mirror-pipeline" in ran.stderr
    assert "copy" not in ran.stderr


@pytest.mark.parametrize(
    ("record", "read"),
    [
        ("targets/x/target.json", lambda store: store.published.all()),
        ("working-dir.json", lambda store: store.working_dir.clean(dry_run=True)),
        (
            "cache/.oc-mirror/.cache/docker/registry/v2/repositories/a/_manifests/tags/v1/current/link",
            lambda store: store.cache.tag("a", "v1"),
        ),
    ],
)
def test_a_record_that_the_volume_does_not_give_is_not_one_that_is_missing(
    tmp_path: Path, record: str, read: Callable[[Store], object]
) -> None:
    """What it tells of would be published twice, or removed. A folder is what cannot be read here."""
    read(Store(tmp_path))
    (tmp_path / record).mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        read(Store(tmp_path))


@pytest.mark.parametrize("name", ["../x", "two words", "A", "x" * 254, "a\n", "\u202e", "-"])
def test_a_generation_has_only_a_mirror_name_that_a_run_can_have(tmp_path: Path, name: str) -> None:
    """Others would end a run after its push, where a receipt takes no such name."""
    path = tmp_path / "generation.json"
    path.write_text(json.dumps({**GENERATION.document(), "mirror_name": name}))
    with pytest.raises(InvalidInputError, match="mirror_name"):
        generations.load(path)
