"""Measure `mirror` against bare oc-mirror on the same content: `OC_MIRROR=… python -m tests.bench.mirror`.

Quoted are medians of alternating rounds, as a ratio, since absolute times say more about the machine. A
cold run fetches everything from a registry on loopback, the fastest network there is, and so the hardest
case; a warm one only archives. Then incremental against full, in time and bytes.

Bare oc-mirror leaves its archive in memory and deletes the one before; ours is on the disk when it ends,
beside its predecessors. So the floor is bare oc-mirror with its archives set aside, then an fsync, and with
the hashing one sha256 pass more (writing where a deleted file was, took a third of the time).

Found with the real program, two cores, over bare + fsync + sha256 pass: cold -4 to -14 % with 1.2 GB and
-21 % with 4.8 GB, warm -35 to -41 %: both go on beside the writing. Over bare + fsync, cold: -3 to +9 % and
-13 %. With nothing new an incremental archive has a two-thousandth of the bytes of a full one; with a third
of the images new, a third.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from steps.mirroring.store import archives
from steps.mirroring.store.archives import Archive
from tests.standin.oc_mirror import Image, Registry
from tests.unit.mirroring.conftest import MIRROR, STANDIN, serve_registry

OC_MIRROR = os.environ.get("OC_MIRROR", str(STANDIN))
IMAGES, SIZE = 24, 50_000_000
ROUNDS = 3
RENEWED = 8


def push_content(host: str) -> None:
    """Fill the source registry: IMAGES images of one large layer each, and newer versions of some."""
    os.environ["STANDIN_BYTES"] = str(SIZE)
    registry = Registry(host, verify=False)
    registry.check()
    for name in (*versions(1, IMAGES), *versions(2, RENEWED)):
        repository, _, tag = name.partition(":")
        registry.push(Image(f"{host}/{name}", "additional", repository, tag), repository)


def versions(number: int, count: int) -> list[str]:
    """Names of the images in their version `number`."""
    return [f"operator-{index}/bundle:v{number}" for index in range(count)]


def write_imageset(path: Path, host: str, images: list[str]) -> None:
    lines = "".join(f"  - name: {host}/{image}\n" for image in images)
    head = "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n"
    path.write_text(f"{head}  additionalImages:\n{lines}")


def bare(imageset: Path, data: Path, *more: str) -> None:
    """Oc-mirror alone."""
    command = [OC_MIRROR, "--v2", f"--config={imageset}", f"--cache-dir={data}/cache", *more]
    run([*command, "--src-tls-verify=false", "--remove-signatures=false", f"file://{data}"])


def ours(imageset: Path, data: Path, *more: str) -> None:
    """`mirror`, its interpreter's start included."""
    where = [f"--imageset={imageset}", f"--data={data}", f"--oc-mirror={OC_MIRROR}"]
    run([*MIRROR, "--workflow=workflow-to-disk", "--source-tls-verify=false", *where, *more])


def run(command: list[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def seconds(action: Callable[[], object]) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began


def one_round(folder: Path, imageset: Path) -> dict[str, float]:
    """Each in a data directory of its own, nothing left to write from before."""
    took: dict[str, float] = {}
    for name, action, full in (
        ("bare", bare, "--since=1970-01-01"),
        ("mirror", ours, "--incremental-mode=false"),
    ):
        data = folder / name
        data.mkdir()
        os.sync()
        for state, more in (("cold", ()), ("warm", (full,))):
            took[f"{name}, {state}"] = seconds(lambda: action(imageset, data, *more))  # noqa: B023 - at once
            if made := sorted(data.glob("mirror_*.tar")):  # where bare oc-mirror leaves them
                took[f"fsync, {state}"] = seconds(lambda: archives.check_complete(made))
                took[f"sha256 pass, {state}"] = seconds(lambda: archives.sha256_of(made))
                for archive in made:  # or its next run would delete them, and write where they were
                    archive.rename(archive.with_name(f"kept-{state}-{archive.name}"))
            os.sync()
        shutil.rmtree(data)
    return took


def compare_incremental(folder: Path, host: str) -> None:
    """The same data directory: full, nothing new, some renewed, full again from the cache."""
    imageset, data = folder / "imageset.yaml", folder / "incremental"
    renewed = versions(2, RENEWED) + versions(1, IMAGES)[RENEWED:]
    for name, images, more in (
        ("first run, full", versions(1, IMAGES), ()),
        ("nothing new", versions(1, IMAGES), ()),
        (f"{RENEWED} of {IMAGES} images new", renewed, ()),
        ("the same in full", renewed, ("--incremental-mode=false",)),
    ):
        write_imageset(imageset, host, images)
        os.sync()
        took = seconds(lambda: ours(imageset, data, *more))  # noqa: B023
        newest = max((data / "generations").glob("[0-9]*"))
        size = sum(path.stat().st_size for path in newest.glob("*.tar"))
        print(f"{name:28} {took:7.2f} s {size / 1e6:9.1f} MB")


def check_hashes(data: Path) -> None:
    """What was hashed while it was written is what lies there."""
    from steps.mirroring.store import Store

    store = Store(data)
    made = store.generations.present()
    store.generations.verify(made.values())
    files: list[Archive] = [file for one in made.values() for file in one.files]
    print(f"hashes of {len(files)} archives checked")


def main() -> int:
    print(f"oc-mirror: {'the stand-in' if str(STANDIN) == OC_MIRROR else 'the real program'}")
    with (
        tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name,
        serve_registry(Path(name, "source")) as host,
    ):
        folder = Path(name)
        push_content(host)
        imageset = folder / "imageset.yaml"
        write_imageset(imageset, host, versions(1, IMAGES))
        rounds = [one_round(folder, imageset) for _round in range(ROUNDS)]
        medians = {what: statistics.median(took[what] for took in rounds) for what in rounds[0]}
        for what, value in medians.items():
            print(f"{what:28} {value:7.2f} s   ({', '.join(f'{took[what]:.2f}' for took in rounds)})")
        for state in ("cold", "warm"):
            floor, parts = 0.0, ("bare", "fsync", "sha256 pass")
            for number, part in enumerate(parts, start=1):
                floor += medians[f"{part}, {state}"]
                over = medians[f"mirror, {state}"] / floor - 1
                print(f"overhead, {state}, over {' + '.join(parts[:number])}: {over:+.1%}")
        compare_incremental(folder, host)
        check_hashes(folder / "incremental")
    return 0


if __name__ == "__main__":
    sys.exit(main())
