"""Signed generations: what is signed, what is refused before an archive is read, and what is remembered."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from steps.mirroring.store import Store, statements
from steps.trust import dsse
from steps.trust.dsse import Envelope
from steps.trust.keys import PrivateKey
from steps.trust.statement import Statement
from tests.unit.mirroring import apart
from tests.unit.mirroring.conftest import Place

UNTRUSTED = 15
NAMES = ("generation.json", "imageset.yaml", "contents.json.gz", "generation.intoto.jsonl")
"""The small files of a generation."""


def make_key(folder: Path, name: str, *, passphrase: bytes = b"") -> Path:
    """Make a folder with a private key, and its public key NAME.pub in the folder `trusted` beside it."""
    place = folder / name
    place.mkdir(parents=True)
    private = ed25519.Ed25519PrivateKey.generate() if passphrase else ec.generate_private_key(ec.SECP256R1())
    closed = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, closed)
    (place / "signing.key").write_bytes(pem)
    if passphrase:
        (place / "passphrase").write_bytes(passphrase + b"\n")
    (folder / "trusted").mkdir(exist_ok=True)
    (folder / f"trusted/{name}.pub").write_bytes(PrivateKey(private).public.pem())
    return place


@dataclass
class Signed:
    """A connected side with three signed generations, of which the third continues the second."""

    made: Place
    keys: Path

    @property
    def trusted(self) -> Path:
        return self.keys / "trusted"


@pytest.fixture(scope="session")
def signed_once(tmp_path_factory: pytest.TempPathFactory, oc_mirror: str, source: str) -> Signed:
    """Not to be changed."""
    folder = tmp_path_factory.mktemp("signed")
    key = make_key(folder / "keys", "release-2026")
    make_key(folder / "keys", "release-2027", passphrase=b"correct horse")
    place = Place(
        folder / "data", folder / "imageset.yaml", oc_mirror, source, ["--workflow=workflow-to-disk"]
    )
    (folder / "values-commit").write_text("c" * 40)
    (folder / "values-repository").write_text("https://git.example.com/values.git")
    image = f"registry.example.com/mirror@sha256:{'1' * 64}"
    for version in ("v1", "v2", "v3"):
        place.names(f"team/app:{version}", "team/db:v1")
        ran = place.mirror(f"--signing-key={key}", f"--running-image={image}")
        assert ran.returncode == 0, ran.stderr
    return Signed(place, folder / "keys")


@pytest.fixture
def signed(signed_once: Signed, tmp_path: Path) -> Signed:
    """One of one's own."""
    shutil.copytree(signed_once.made.data, tmp_path / "made")
    shutil.copytree(signed_once.keys, tmp_path / "keys")
    made = signed_once.made
    return Signed(Place(tmp_path / "made", made.imageset, made.oc_mirror, made.host), tmp_path / "keys")


@pytest.fixture
def arrived(signed: Signed, disconnected: Place) -> Place:
    """The disconnected side, with the signed generations and the keys to verify them."""
    shutil.copytree(signed.made.data / "generations", disconnected.data / "generations")
    disconnected.arguments.append(f"--trusted-keys={signed.trusted}")
    return disconnected


@pytest.fixture
def archives_read(arrived: Place) -> Iterator[Callable[[], bool]]:
    """Tells whether an archive of the disconnected side was opened."""
    opened: list[str] = []

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and watching and str(arguments[0]).endswith(".tar"):
            opened.append(str(arguments[0]))

    watching = [True]
    sys.addaudithook(look)
    yield lambda: bool(opened)
    watching.clear()


def folder_of(place: Place, sequence: int) -> Path:
    return place.data / f"generations/{sequence:06d}"


def statement(place: Place, sequence: int) -> Statement:
    sealed = (folder_of(place, sequence) / "generation.intoto.jsonl").read_bytes()
    return Statement.parse(Envelope.parse(sealed).payload)


def key_of(signed: Signed, name: str = "release-2026") -> PrivateKey:
    return PrivateKey.parse((signed.keys / name / "signing.key").read_bytes())


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def resign(folder: Path, key: PrivateKey, **changes: Any) -> None:
    """Sign the statement of a generation again with other contents, as its maker's key could."""
    path = folder / "generation.intoto.jsonl"
    before = Statement.parse(Envelope.parse(path.read_bytes()).payload)
    after = Statement(
        subjects=changes.get("subjects", before.subjects),
        predicate_type=changes.get("predicate_type", before.predicate_type),
        predicate={**before.predicate, **changes.get("predicate", {})},
    )
    path.write_bytes(dsse.seal(after.as_bytes(), key))


def refused(place: Place, *more: str) -> str:
    ran = place.mirror(*more)
    assert ran.returncode == UNTRUSTED, ran.stderr
    return ran.stderr


# --- what is signed


def test_the_statement_names_every_file_of_the_generation_by_its_hash(signed: Signed) -> None:
    for number in (1, 2, 3):
        folder = folder_of(signed.made, number)
        subjects = statement(signed.made, number).subjects
        there = {path.name for path in folder.iterdir()} - {"generation.intoto.jsonl"}
        assert subjects.keys() == there
        for name, sha256 in subjects.items():
            assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256


def test_the_predicate_says_who_made_it_and_from_what(signed: Signed) -> None:
    found = statement(signed.made, 3)
    record = json.loads((folder_of(signed.made, 3) / "generation.json").read_text())
    assert found.predicate_type == "https://github.com/auto-shift/oc-mirror-pipeline/generation/v1"
    assert found.predicate == {
        "sequence": 3,
        "predecessor": record["predecessor"],
        "mirrorName": "imageset",
        "workflow": "workflow-to-disk",
        "builder": {
            "name": "oc-mirror-pipeline",
            "version": found.predicate["builder"]["version"],
            "image": f"registry.example.com/mirror@sha256:{'1' * 64}",
            "key": key_of(signed).public.fingerprint,
        },
        "ocMirror": record["oc_mirror"],
        "values": {"repository": "https://git.example.com/values.git", "commit": "c" * 40},
        "catalogs": [],
        "run": {"started": record["started"], "finished": record["finished"], "host": record["host"]},
    }


def test_without_a_key_nothing_is_signed(connected: Place) -> None:
    assert connected.mirror().returncode == 0
    assert {path.name for path in folder_of(connected, 1).iterdir()} == {*NAMES[:3], "mirror_000001.tar"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("signing.key", b"nonsense", "it is no private key in PEM"),
        ("signing.key", None, "there is no file"),
        ("passphrase", b"another", "or the passphrase is another"),
        ("passphrase", None, "it needs a passphrase"),
    ],
)
def test_a_key_that_cannot_be_used_is_told_before_anything_is_mirrored(
    connected: Place, signed: Signed, name: str, content: bytes | None, said: str
) -> None:
    place = signed.keys / "release-2027" / name
    place.unlink() if content is None else place.write_bytes(content)
    for more in ([], ["--check=true"]):
        ran = connected.mirror(f"--signing-key={place.parent}", *more)
        assert ran.returncode == (4 if said.startswith("there") else 3)
        assert f"signing-key: {said}" in ran.stderr or said in ran.stderr
        assert "PRIVATE KEY" not in ran.stderr
    assert not connected.generations()


def test_a_key_that_everybody_can_read_is_told(connected: Place, signed: Signed) -> None:
    place = signed.keys / "release-2027"
    for name, mode in (("signing.key", 0o640), ("passphrase", 0o604)):
        (place / name).chmod(mode)
    ran = connected.mirror(f"--signing-key={place}")
    assert ran.returncode == 0, ran.stderr
    [told] = [line for line in ran.stderr.splitlines() if "can read" in line]
    assert (
        told
        == f"signing-key: everybody on this machine can read {place}/passphrase; chmod go= {place}/passphrase"
    )
    (place / "passphrase").rename(signed.keys / "elsewhere")
    (place / "passphrase").symlink_to(signed.keys / "elsewhere")
    assert "can read" not in connected.mirror(f"--signing-key={place}").stderr, "as in a pod"


def test_a_key_with_a_passphrase_signs(connected: Place, signed: Signed) -> None:
    ran = connected.mirror(f"--signing-key={signed.keys}/release-2027")
    assert ran.returncode == 0, ran.stderr
    sealed = Envelope.parse((folder_of(connected, 1) / "generation.intoto.jsonl").read_bytes())
    key = PrivateKey.parse((signed.keys / "release-2027/signing.key").read_bytes(), b"correct horse")
    assert key.public.verifies(sealed.signatures[0], sealed.signed)


def test_a_run_that_is_killed_at_any_step_leaves_a_signed_generation(
    connected: Place, signed: Signed
) -> None:
    """The next run, which has no key any more, ends what the killed one began."""
    connected.arguments.append(f"--signing-key={signed.keys}/release-2026")
    unsigned = Place(connected.data, connected.imageset, connected.oc_mirror, connected.host)
    keys = vouching_keys(signed)
    made_by_the_next, step = 0, 1
    while step < 200:
        shutil.rmtree(connected.data, ignore_errors=True)
        ended = apart.killed_at_step(connected.data, step, connected.command())
        if ended.returncode == 0:
            break
        archived = '"archived"' in _text(connected.data / "run/journal.json")
        if archived or folder_of(connected, 1).exists():
            assert unsigned.mirror("--workflow=workflow-cleanup").returncode == 0
            made_by_the_next += archived
            folder = folder_of(connected, 1)
            read = lambda name: (folder / name).read_bytes()  # noqa: B023, E731 - used at once
            statements.verify(1, folder, read, keys, datetime.now(UTC))
        step += 3
    assert made_by_the_next > 2


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def vouching_keys(signed: Signed) -> Any:
    from steps.trust.folder import trusted_keys

    return trusted_keys(signed.trusted, parameter="trusted-keys")


# --- what is taken, and what is refused


def test_signed_generations_are_imported_and_the_log_says_by_whom(
    arrived: Place, target: str, has: Callable[[str, str], bool]
) -> None:
    ran = arrived.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "is signed by release-2026" in ran.stderr
    assert has(target, "team/app:v3")
    assert Store(arrived.data).imports.of(target).signed


def test_without_trusted_keys_a_line_says_that_nobody_vouches(arrived: Place, target: str) -> None:
    arrived.arguments.pop()
    ran = arrived.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "nobody vouches for generation 1, 2, 3" in ran.stderr
    assert not Store(arrived.data).imports.of(target).signed


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("where", ["start", "middle", "end"])
def test_a_flipped_bit_in_a_small_file_is_refused_before_an_archive_is_read(
    arrived: Place, archives_read: Callable[[], bool], name: str, where: str
) -> None:
    path = folder_of(arrived, 2) / name
    size = len(path.read_bytes())
    flip(path, {"start": 0, "middle": size // 2, "end": size - 3}[where])
    said = refused(arrived)
    assert f"generation 2: {path}" in said
    assert "was changed: its sha256 is" in said or "cannot be trusted" in said
    assert not archives_read()


def test_a_flipped_bit_in_an_archive_is_found_by_the_hash_that_was_signed(
    arrived: Place, target: str, has: Callable[[str, str], bool]
) -> None:
    path = folder_of(arrived, 2) / "mirror_000001.tar"
    flip(path, path.stat().st_size // 2)
    ran = arrived.mirror()
    assert ran.returncode == 3
    assert "generation 2: mirror_000001.tar is damaged" in ran.stderr
    assert not has(target, "team/app:v1")


def test_an_archive_of_another_hash_in_the_record_is_refused(arrived: Place) -> None:
    """Who changes the archive can change the record, but not the statement."""
    archive, record = (folder_of(arrived, 2) / name for name in ("mirror_000001.tar", "generation.json"))
    before = hashlib.sha256(archive.read_bytes()).hexdigest()
    flip(archive, archive.stat().st_size // 2)
    after = hashlib.sha256(archive.read_bytes()).hexdigest()
    record.write_text(record.read_text().replace(before, after))
    assert f"{record} was changed" in refused(arrived)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_refused(arrived: Place, name: str) -> None:
    (folder_of(arrived, 3) / name).unlink()
    assert ("is not signed" if name == NAMES[3] else f"{name} is missing") in refused(arrived)


@pytest.mark.parametrize("name", [*NAMES, "mirror_000001.tar"])
@pytest.mark.parametrize("with_keys", [True, False])
def test_a_folder_in_place_of_a_file_is_refused_in_words(arrived: Place, name: str, with_keys: bool) -> None:
    if not with_keys:
        arrived.arguments.pop()
        if name == NAMES[3]:
            return  # nobody asks for it
    path = folder_of(arrived, 2) / name
    path.unlink()
    path.mkdir()
    for arguments in ((), (f"--import={arrived.data}/generations", f"--data={arrived.data.parent}/other")):
        ran = arrived.mirror(*arguments)
        assert ran.returncode == 3, ran.stderr
        assert "000002" in ran.stderr
        assert name in ran.stderr


@pytest.mark.parametrize("name", NAMES)
def test_a_link_or_a_pipe_in_place_of_a_file_is_refused_without_waiting(arrived: Place, name: str) -> None:
    path = folder_of(arrived, 3) / name
    path.unlink()
    os.mkfifo(path)
    assert arrived.mirror().returncode in {3, UNTRUSTED}
    path.unlink()
    path.symlink_to("/dev/zero")
    assert arrived.mirror().returncode in {3, UNTRUSTED}


def test_a_generation_of_a_stranger_is_refused_by_name(arrived: Place, signed: Signed) -> None:
    make_key(signed.keys / "elsewhere", "stranger")
    stranger = PrivateKey.parse((signed.keys / "elsewhere/stranger/signing.key").read_bytes())
    resign(folder_of(arrived, 2), stranger)
    said = refused(arrived)
    assert "generation 2:" in said
    assert "no trusted key has signed it; trusted: release-2026 (" in said


def test_two_keys_serve_while_one_takes_the_place_of_another(arrived: Place, signed: Signed) -> None:
    new = PrivateKey.parse((signed.keys / "release-2027/signing.key").read_bytes(), b"correct horse")
    resign(folder_of(arrived, 3), new)
    ran = arrived.mirror("--dry-run=true")
    assert ran.returncode == 0, ran.stderr
    assert "generation 2, made" in ran.stderr
    assert "is signed by release-2027" in ran.stderr
    (signed.trusted / "release-2026.pub").unlink()
    assert "generation 1:" in refused(arrived)


def test_a_key_counts_until_its_end(arrived: Place, signed: Signed) -> None:
    end = signed.trusted / "release-2026.until"
    end.write_text((datetime.now(UTC) + timedelta(hours=1)).isoformat())
    assert arrived.mirror("--dry-run=true").returncode == 0
    end.write_text("2026-01-31")
    said = refused(arrived)
    assert "signed by the key release-2026, which ended at 2026-01-31T00:00:00Z" in said
    assert "with the key that has taken its place; or correct NAME.until" in said


def test_swapped_generations_are_refused(arrived: Place) -> None:
    two, three = folder_of(arrived, 2), folder_of(arrived, 3)
    two.rename(two.with_name("other"))
    three.rename(two)
    two.with_name("other").rename(three)
    assert "it is about generation 3" in refused(arrived)


def test_another_signed_generation_in_the_place_of_a_predecessor_is_refused(
    arrived: Place, signed: Signed, tmp_path: Path
) -> None:
    """Made in another data directory, with the same key."""
    other = Place(tmp_path / "other", signed.made.imageset, signed.made.oc_mirror, signed.made.host)
    for _run in (1, 2):
        arguments = ["--workflow=workflow-to-disk", "--always-archive=true", "--incremental-mode=false"]
        assert other.mirror(*arguments, f"--signing-key={signed.keys}/release-2026").returncode == 0
    shutil.rmtree(folder_of(arrived, 2))
    shutil.copytree(folder_of(other, 2), folder_of(arrived, 2))
    said = refused(arrived)
    assert "the generation continues generation 2 of identity" in said
    assert "and here is another 2" in said


def test_an_imported_predecessor_counts_too(arrived: Place, signed: Signed, target: str) -> None:
    shutil.move(folder_of(arrived, 3), signed.keys / "later")
    assert arrived.mirror().returncode == 0
    shutil.move(signed.keys / "later", folder_of(arrived, 3))
    record = json.loads((arrived.data / "imported.json").read_text())
    record["targets"][target]["generations"]["2"] = "0" * 64
    (arrived.data / "imported.json").write_text(json.dumps(record))
    shutil.rmtree(folder_of(arrived, 2))
    assert f"and here is another 2, of identity {'0' * 64}" in refused(arrived)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"predicate_type": "https://slsa.dev/provenance/v1"}, "it is about something else"),
        ({"predicate": {"sequence": 3}}, "it is about generation 3"),
        ({"predicate": {"predecessor": None}}, "it says that the generation is full"),
        ({"predicate": {"run": 7}}, "its predicate cannot be read"),
        ({"subjects": {"imageset.yaml": "0" * 64}}, "imageset.yaml was changed"),
    ],
)
def test_a_statement_that_contradicts_the_record_is_refused_whoever_signed_it(
    arrived: Place, signed: Signed, changes: dict[str, Any], said: str
) -> None:
    resign(folder_of(arrived, 2), key_of(signed), **changes)
    assert said in refused(arrived)


def test_subjects_and_the_files_of_the_record_must_be_the_same(arrived: Place, signed: Signed) -> None:
    for change in ({"mirror_000002.tar": "0" * 64}, {"mirror_000001.tar": "1" * 64}):
        subjects = {**statement(arrived, 2).subjects, **change}
        resign(folder_of(arrived, 2), key_of(signed), subjects=subjects)
        assert f"do not name the same files: {next(iter(change))}" in refused(arrived)
    subjects = {name: sha for name, sha in subjects.items() if name != "generation.json"}
    resign(folder_of(arrived, 2), key_of(signed), subjects=subjects)
    assert "it does not speak of generation.json" in refused(arrived)


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[" * 100_000, b'{"payloadType": "text/plain", "payload": "", "signatures": []}', b"\xff"],
)
def test_what_is_no_envelope_is_refused(arrived: Place, content: bytes) -> None:
    (folder_of(arrived, 2) / "generation.intoto.jsonl").write_bytes(content)
    assert "generation.intoto.jsonl cannot be trusted" in refused(arrived)


def test_what_is_not_signed_is_not_parsed(arrived: Place) -> None:
    """A record that would unpack to gigabytes, or takes a parser down, is only hashed."""
    (folder_of(arrived, 2) / "contents.json.gz").write_bytes(gzip.compress(bytes(10_000_000)))
    (folder_of(arrived, 3) / "generation.json").write_bytes(b"[" * 1_000_000)
    assert "contents.json.gz was changed" in refused(arrived)


# --- once signed, always signed


def strip(place: Place, *numbers: int) -> None:
    for number in numbers:
        (folder_of(place, number) / "generation.intoto.jsonl").unlink()


def test_unsigned_generations_are_taken_only_where_somebody_says_so(
    arrived: Place, target: str, has: Callable[[str, str], bool]
) -> None:
    strip(arrived, 2)
    assert "generation 2 is not signed" in refused(arrived)
    ran = arrived.mirror("--require-signature=false")
    assert ran.returncode == 0, ran.stderr
    assert "generation 2 is not signed: nobody vouches for it" in ran.stderr
    assert has(target, "team/app:v3")
    assert not Store(arrived.data).imports.of(target).signed, "not all were signed"


def test_a_wrong_signature_is_refused_even_where_unsigned_generations_are_taken(arrived: Place) -> None:
    flip(folder_of(arrived, 2) / "generation.json", 10)
    assert "generation.json was changed" in refused(arrived, "--require-signature=false")


def test_once_signed_always_signed(arrived: Place, signed: Signed, target: str) -> None:
    shutil.move(folder_of(arrived, 3), signed.keys / "later")
    assert arrived.mirror().returncode == 0
    shutil.move(signed.keys / "later", folder_of(arrived, 3))
    strip(arrived, 3)
    trusted = arrived.arguments.pop()
    said = refused(arrived)
    assert f"{target} has imported signed generations before, and trusted-keys is not given" in said
    ran = arrived.mirror("--require-signature=false")
    assert ran.returncode == 0, ran.stderr
    assert "has imported signed generations before; require-signature=false takes unsigned ones" in ran.stderr
    arrived.arguments.append(trusted)
    assert Store(arrived.data).imports.of(target).signed, "still"


def test_the_target_itself_remembers_that_it_was_signed(
    arrived: Place, signed: Signed, target: str, tmp_path: Path
) -> None:
    """The data directory is lost; a new one of the same target asks for signatures, too."""
    assert arrived.mirror().returncode == 0
    fresh = Place(
        tmp_path / "fresh", arrived.imageset, arrived.oc_mirror, arrived.host, arrived.arguments[:2]
    )
    shutil.copytree(signed.made.data / "generations", fresh.data / "generations")
    strip(fresh, 1, 2, 3)
    assert f"{target} has imported signed generations before" in refused(fresh)
    assert "generation 1 is not signed" in refused(fresh, f"--trusted-keys={signed.trusted}")


def test_require_signature_needs_keys(arrived: Place, connected: Place) -> None:
    arrived.arguments.pop()
    ran = arrived.mirror("--require-signature=true")
    assert ran.returncode == 2
    assert "require-signature needs trusted-keys" in ran.stderr
    assert connected.mirror("--require-signature=true", "--dry-run=true").returncode == 0


@pytest.mark.parametrize(
    ("change", "said", "code"),
    [
        (shutil.rmtree, "trusted-keys: there is no folder", 4),
        (lambda folder: [path.unlink() for path in folder.iterdir()], "has no public key", 4),
        (lambda folder: (folder / "release-2026.pub").write_text("x"), "it is no public key in PEM", 3),
        (lambda folder: (folder / "release-2026.until").write_text("soon"), "holds no time: 'soon'", 3),
    ],
)
def test_keys_that_cannot_be_used_are_told(
    arrived: Place, signed: Signed, change: Callable[[Path], object], said: str, code: int
) -> None:
    change(signed.trusted)
    ran = arrived.mirror("--check=true")
    assert ran.returncode == code
    assert said in ran.stderr


# --- what is hostile, whether it is signed or not


@pytest.fixture
def unvouched(arrived: Place) -> Place:
    """The disconnected side without the keys."""
    arrived.arguments.pop()
    return arrived


def rewrite(folder: Path, **changes: Any) -> None:
    """Change fields of a generation's record."""
    path = folder / "generation.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}))


@pytest.mark.parametrize("name", NAMES[:3])
def test_without_keys_a_pipe_or_a_device_is_neither_waited_for_nor_read_to_its_end(
    unvouched: Place, name: str
) -> None:
    path = folder_of(unvouched, 3) / name
    path.unlink()
    os.mkfifo(path)
    assert unvouched.mirror().returncode == 3
    path.unlink()
    path.symlink_to("/dev/zero")
    ran = unvouched.mirror()
    assert ran.returncode == 3
    assert f"{name} is" in ran.stderr


def test_a_pipe_in_a_generation_that_was_imported_is_not_waited_for(arrived: Place) -> None:
    """It is not verified again, since nothing of it is imported."""
    assert arrived.mirror().returncode == 0
    (folder_of(arrived, 2) / "generation.json").unlink()
    os.mkfifo(folder_of(arrived, 2) / "generation.json")
    ran = arrived.mirror()
    assert ran.returncode == 3
    assert "000002/generation.json is no file" in ran.stderr


@pytest.mark.parametrize("number", [0, -1, 1_000_000, 10**12])
def test_a_number_that_no_generation_has_is_refused(unvouched: Place, number: int) -> None:
    """0 was taken for something that was imported before, and 10^12 ended the run that had imported it."""
    for other in (2, 3):
        shutil.rmtree(folder_of(unvouched, other))
    rewrite(folder_of(unvouched, 1), sequence=number)
    folder_of(unvouched, 1).rename(folder_of(unvouched, abs(number)))
    ran = unvouched.mirror()
    assert ran.returncode == 3
    assert "generation.json is not the record of a generation: sequence: Input should be" in ran.stderr


def test_an_archive_that_a_record_names_twice_is_refused(unvouched: Place) -> None:
    folder = folder_of(unvouched, 3)
    rewrite(folder, files=json.loads((folder / "generation.json").read_bytes())["files"] * 2)
    ran = unvouched.mirror()
    assert ran.returncode == 3
    assert "an archive stands there twice" in ran.stderr


def test_what_a_terminal_would_obey_is_not_repeated(unvouched: Place) -> None:
    rewrite(folder_of(unvouched, 3), images={"\x1b[2J\x1b]0;owned\x07\nall is well \u202e": "x"})
    (folder_of(unvouched, 2) / "mirror_\x1b[2J.tar").touch()
    ran = unvouched.mirror()
    assert ran.returncode == 3
    assert "\nall is well" not in ran.stderr
    assert "\N{REPLACEMENT CHARACTER}[2J" in ran.stderr
    assert not {"\x1b", "\x07", "\u202e"} & set(ran.stderr)


def test_a_statement_of_many_megabytes_is_not_hashed_for_each_key(arrived: Place) -> None:
    path = folder_of(arrived, 2) / "generation.intoto.jsonl"
    sealed = json.loads(path.read_bytes())
    path.write_text(
        json.dumps({**sealed, "payload": "A" * (5 << 20), "signatures": sealed["signatures"] * 16})
    )
    assert "more than any of ours" in refused(arrived)
    with path.open("ab") as stream:
        stream.truncate(65 << 20)  # larger than any record: not taken for an unsigned generation
    assert "more than any of ours" in refused(arrived, "--require-signature=false")


def test_of_very_many_or_long_subjects_some_are_named(arrived: Place, signed: Signed) -> None:
    subjects = {f"file-{number:04d}{'x' * 1000}": "0" * 64 for number in range(1000)}
    resign(folder_of(arrived, 2), key_of(signed), subjects={**statement(arrived, 2).subjects, **subjects})
    said = refused(arrived)
    assert "do not name the same files: file-0000" in said
    assert "and 995 more" in said
    assert len(said) < 4000


def test_a_field_that_stands_twice_is_refused_in_envelope_and_statement(
    arrived: Place, signed: Signed
) -> None:
    """Of two, cosign may take another one than we."""
    path = folder_of(arrived, 2) / "generation.intoto.jsonl"
    sealed = path.read_text()
    path.write_text('{"payload": "e30=", ' + sealed[1:])
    assert "'payload' stands there twice" in refused(arrived)
    payload = Envelope.parse(sealed.encode()).payload
    path.write_bytes(dsse.seal(b'{"subject": [], ' + payload[1:], key_of(signed)))
    assert "'subject' stands there twice" in refused(arrived)
