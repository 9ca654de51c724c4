"""Makes what lies beside it: data directories and single records, as version 0.1 writes them.

    git worktree add --detach FOLDER COMMIT      COMMIT is WRITTEN_BY below, with this folder copied into it
    cd FOLDER && python -m tests.unit.mirroring.written_by_0_1.make

It runs `mirror` itself, with the stand-in for oc-mirror, against a registry. What it makes is kept for ever:
later versions must go on from it. So it makes nothing where `steps/` is not that of WRITTEN_BY. Times, ids of
processes and hashes that depend on them are others each time; the same files always make the same archive.

    NAME.tar.gz    data/            the data directory
                   registry/        what docker-registry holds then: the sources, and below `site/` the target
                   imageset.yaml    the ImageSet of its last run
                   approved         only for the deletion: the hash of the plan that was approved
    records/       a record of each kind, alone
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from tests.standin.oc_mirror import Image, Registry
from tests.unit.mirroring.conftest import Place
from tests.unit.mirroring.test_deletion import tag_again
from tests.unit.mirroring.test_receipt import LABEL, receipts
from tests.unit.mirroring.test_to_registry import carry
from tests.unit.mirroring.written_by_0_1.registry import PREFIX, SOURCE, TARGET, served

HERE = Path(__file__).parent
ROOT = HERE.parents[3]
WRITTEN_BY = "a5ab9fe54d3823c8e3ac5145c333059450d77100"
TO_DISK, FROM_DISK, DIRECT = "workflow-to-disk", "workflow-from-disk", "workflow-direct"
HOSTS = {TO_DISK: "connected.example.com", FROM_DISK: "disconnected.example.com", DIRECT: "mirror-0"}

RICH = f"""\
kind: ImageSetConfiguration
apiVersion: mirror.openshift.io/v2alpha1
mirror:
  platform:
    channels:
    - name: stable-4.18
      minVersion: 4.18.1
      maxVersion: 4.18.1
  operators:
  - catalog: {SOURCE}/redhat/redhat-operator-index:v4.18
    packages:
    - name: alpha
  helm:
    repositories:
    - name: charts
      url: https://charts.example.com
      charts:
      - name: web
        version: 1.2.3
  additionalImages:
"""


def side(folder: Path, workflow: str) -> Place:
    """Give the place that runs `workflow` in a folder with the parts of a fixture."""
    folder.mkdir(parents=True)
    arguments = [f"--workflow={workflow}"]
    if workflow != TO_DISK:
        arguments.append(f"--target-registry={TARGET}")
    program = str(HERE / "fuller_oc_mirror.py")
    return Place(folder / "data", folder / "imageset.yaml", program, SOURCE, arguments)


def copied(place: Place, folder: Path) -> Place:
    """Copy a place with everything beside it, so that what more is run there does not touch the fixture."""
    shutil.copytree(place.data.parent, folder, symlinks=True)
    return Place(
        folder / "data", folder / "imageset.yaml", place.oc_mirror, place.host, list(place.arguments)
    )


def run(place: Place, *more: str, moment: str = "end", exit_code: int = 0, **settings: str) -> None:
    """Run `mirror` to its end, or until it dies at `moment`; `settings` are those of the stand-in."""
    workflow = place.arguments[0].partition("=")[2]
    module = "tests.unit.mirroring.written_by_0_1.run"
    command = [sys.executable, "-m", module, HOSTS[workflow], moment, *place.command(*more)]
    environment = os.environ | {f"STANDIN_{name}": text for name, text in settings.items()}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    expected = exit_code if moment == "end" else -signal.SIGKILL
    if ended.returncode != expected:
        raise SystemExit(f"exit code {ended.returncode} instead of {expected}:\n{ended.stderr}")


def push(host: str, *images: str) -> None:
    """Push images to the source registry."""
    registry = Registry(host, verify=False)
    registry.check()
    for image in images:
        repository, _, tag = image.partition(":")
        registry.push(Image(f"{SOURCE}/{image}", "additional", repository, tag), repository)


def pack(place: Place, name: str) -> None:
    """Pack a place, so that the same files always give the same archive."""
    folder = place.data.parent
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(folder.rglob("*")):
            if path.name != "config.yml":
                tar.add(path, path.relative_to(folder), recursive=False, filter=_plain)
    (HERE / f"{name}.tar.gz").write_bytes(gzip.compress(content.getvalue(), mtime=0))


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mtime = member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def keep(source: Path | str, name: str) -> None:
    """Keep one record alone: a file, or a text."""
    text = source if isinstance(source, str) else source.read_text()
    (HERE / "records").mkdir(exist_ok=True)
    (HERE / "records" / name).write_text(text)


def only(place: Place, pattern: str) -> Path:
    """Find the only file of a data directory that matches."""
    [path] = place.data.glob(pattern)
    return path


def newest(place: Place, pattern: str) -> Path:
    """Find the file of a data directory that matches and has the last name."""
    return max(place.data.glob(pattern))


def make_to_disk(folder: Path) -> Place:
    """Archive three generations, as by a schedule, and pack them."""
    place = side(folder / "to-disk", TO_DISK)
    with served(folder / "to-disk" / "registry") as host:
        push(host, "team/app:v1", "team/app:v2", "team/app:v3", "team/db:v1")
        for version in ("v1", "v2", "v3"):
            place.names(f"team/app:{version}", "team/db:v1")
            run(place, "--skip-unchanged=true")
        pack(place, "to-disk-three-generations")
        more = copied(place, folder / "to-disk-more")
        run(more, "--skip-unchanged=true")
        keep(newest(more, "runs/*.json"), "run-unchanged.json")
    return place


def make_killed_to_disk(folder: Path) -> None:
    """Archive a generation, and kill the second run: where a kill is most dangerous, and near its end."""
    for phase, moment, slow in (
        ("mirroring", "finds:2:{data}/working-dir/.history/.history-*", "1"),
        ("archived", "renames:/generations/000002", "0"),
    ):
        place = side(folder / f"killed-{phase}", TO_DISK)
        with served(place.data.parent / "registry"):
            place.names("team/app:v1", "team/db:v1")
            run(place)
            place.names("team/app:v2", "team/db:v1")
            run(place, moment=moment.format(data=place.data), SLOW=slow)
            pack(place, f"to-disk-killed-{phase}")
        keep(only(place, "run/journal.json"), f"journal-{phase}.json")


def make_from_disk(folder: Path, connected: Place) -> None:
    """Take in two generations, carry the third there, and kill the run that takes it in."""
    place = side(folder / "from-disk", FROM_DISK)
    place.names("team/app:v3", "team/db:v1")
    with served(folder / "from-disk" / "registry") as host:
        carry(connected, place, 1, 2)
        run(place)
        carry(connected, place, 3)
        run(place, moment="says:1:Success copying .*/team/app:v3", SLOW="1")
        pack(place, "from-disk-half-imported")
        place_of_receipts = receipts(f"{host}/{PREFIX}")
        [tag] = place_of_receipts.tags()
        keep(f"{place_of_receipts.read_label(tag, LABEL)}\n", "receipt-in-target.json")
    keep(only(place, "intake/taken.json"), "taken.json")
    keep(only(place, "intake/receipts.json"), "receipts.json")
    keep(only(place, "inventory/*/*.json"), "inventory-of-target.json")
    keep(newest(place, "runs/*.json"), "run-killed.json")


def make_direct(folder: Path) -> None:
    """Mirror directly, as by a schedule, twice; kill a third run while it replaces the cluster resources."""
    place = side(folder / "direct", DIRECT)
    with served(folder / "direct" / "registry") as host:
        push(host, "team/app:v1", "team/app:v2", "team/db:v1")
        for version in ("v1", "v2"):
            place.names(f"team/app:{version}", "team/db:v1")
            run(place, "--skip-unchanged=true")
        pack(place, "direct")
    keep(only(place, "fingerprints.json"), "fingerprints.json")
    keep(newest(place, "runs/*.json"), "run-direct.json")
    more = copied(place, folder / "killed-publishing")
    with served(folder / "killed-publishing" / "registry"):
        more.names("team/app:v3", "team/db:v1")
        run(more, moment="renames:/cluster-resources")
        pack(more, "direct-killed-publishing")


def make_deletion(folder: Path) -> None:
    """Plan a deletion, approve it, and kill its execution when three manifests have gone."""
    place = side(folder / "deletion", DIRECT)
    with served(folder / "deletion" / "registry") as host:
        place.names("team/tool:v1", *(f"team/app:v{number}" for number in range(1, 9)))
        run(place)
        place.names("team/app:v9", "team/db:v1")
        run(place)
        tag_again(f"{host}/{PREFIX}", "team/app:v8", "somebody-elses")
        time.sleep(2)  # a record may be a second ahead, and what is to go has to be older than no time
        run(place, "--workflow=workflow-delete-generate", "--older-than=0d")
        plan = only(place, "removal/plan.json")
        keep(plan, "plan.json")
        approved = hashlib.sha256(plan.read_bytes()).hexdigest()
        (place.data.parent / "approved").write_text(f"{approved}\n")
        execute = ("--workflow=workflow-delete-execute", f"--approved-plan-sha256={approved}")
        run(place, *execute, moment="says:3:^deleted ")
        pack(place, "deletion-half-executed")
        more = copied(place, folder / "deletion-more")
        run(more, *execute)
    keep(only(more, "removal/executed-*.json"), "executed.json")
    keep(only(more, "removal/report-*.json"), "report.json")


def make_rich_records(folder: Path) -> None:
    """Archive releases, operators, charts and images, so that no part of a record is empty."""
    place = side(folder / "rich", TO_DISK)
    with served(folder / "rich" / "registry"):
        place.imageset.write_text(f"{RICH}  - name: {SOURCE}/team/app:v1\n")
        run(place, "--incremental-mode=false")
        keep(only(place, "generations/000001/generation.json"), "generation-full.json")
        place.imageset.write_text(f"{RICH}  - name: {SOURCE}/team/app:v2\n")
        run(place, "--dry-run=true")
        keep(newest(place, "runs/*.json"), "run-dry.json")
        for name in ("mapping.txt", "missing.txt"):
            keep(place.data / "planned" / name, f"planned-{name}")
        word = folder / "rich" / "last-word"
        word.touch()
        run(place, f"--termination-log={word}", exit_code=8, FAIL="operator,additional,helm")
        keep(newest(place, "runs/*.json"), "run-failed.json")
        keep(word, "status.json")
        run(place, "--schedule=0 2 * * *", "--once=true", "--skip-unchanged=false")
        keep(only(place, "generations/000002/generation.json"), "generation.json")
        keep(newest(place, "runs/*.json"), "run.json")
        keep(newest(place, "inventory/*/*.json"), "inventory.json")
        keep(place.data / "lock", "lock.json")


def main() -> None:
    """Make everything, unless the code is of another version."""
    same = subprocess.run(["git", "diff", "--quiet", WRITTEN_BY, "--", "steps"], cwd=ROOT, check=False)
    if same.returncode:
        raise SystemExit(f"steps/ is not that of {WRITTEN_BY}: other versions make no files of version 0.1")
    with tempfile.TemporaryDirectory(prefix="written-by-0-1-") as name:
        folder = Path(name)
        connected = make_to_disk(folder)
        make_killed_to_disk(folder)
        make_from_disk(folder, connected)
        make_direct(folder)
        make_deletion(folder)
        make_rich_records(folder)
    for path in sorted((HERE / "records").glob("*.json")):
        json.loads(path.read_text())


if __name__ == "__main__":
    main()
