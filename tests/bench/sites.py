"""Measure what twenty sites fetch that share a cache: `OC_MIRROR=… python -m tests.bench.sites`.

Each site asks for packages and additional images that others ask for too, and for some of its own. A counting
registry stands before the source. The floor is one run by all that the sites ask for together; quoted are the
bytes that the source sent, as a ratio to it. The stand-in makes its images up and fetches nothing.

Found with the real program (August 2026): 1.004 for twenty sites. Without what is taken over from the cache
and from other sites (`steps/mirroring/workflows/shared.py`), 1.43 for three: each fetches the catalog.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.bench.nights import INDEX, layer, package, push, size
from tests.standin.moody import Moody
from tests.standin.oc_mirror import Registry
from tests.unit.mirroring.conftest import MIRROR, STANDIN, serve_registry

OC_MIRROR = os.environ.get("OC_MIRROR", str(STANDIN))
SITES = int(os.environ.get("SITES", "20"))
PACKAGES = IMAGES = SITES + 4
"""How many there are; a site takes the first two, and three of its own that its neighbours have, too."""
IMAGE = int(os.environ.get("IMAGE_BYTES", "600000"))
CATALOG = 4_000_000
AIM = 1.02


def fill(host: str, named: str) -> None:
    """Push a catalog of PACKAGES packages, their images, and IMAGES others; images are named at `named`."""
    registry = Registry(host, verify=False)
    registry.check()
    files = {}
    for number in range(PACKAGES):
        name = f"operator-{number}"
        files[f"configs/{name}/catalog.json"] = package(named, name, ["1.0.0"])
        for part in ("bundle", "operand"):
            push(registry, f"{name}/{part}", "v1.0.0", content(f"{name} {part}"), {})
    for number in range(IMAGES):
        push(registry, f"team/app-{number}", "v1", content(f"app {number}"), {})
    rest = package(named, "other", ["1.0.0"], random.Random(0).randbytes(CATALOG // 2).hex())
    files["configs/other/catalog.json"] = rest
    push(
        registry,
        INDEX,
        "v4.18",
        layer(files),
        {"operators.operatorframework.io.index.configs.v1": "/configs"},
    )


def content(name: str) -> bytes:
    return layer({"content": random.Random(name).randbytes(IMAGE)})


def wanted(site: int) -> list[int]:
    """Return the numbers of the packages and images that a site asks for."""
    return sorted({0, 1, *range(site + 2, site + 5)})


def write_imageset(path: Path, host: str, numbers: Iterable[int]) -> None:
    numbers = list(numbers)
    packages = "".join(f"    - name: operator-{number}\n" for number in numbers)
    images = "".join(f"  - name: {host}/team/app-{number}:v1\n" for number in numbers)
    path.write_text(
        "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  operators:\n"
        f"  - catalog: {host}/{INDEX}:v4.18\n    packages:\n{packages}  additionalImages:\n{images}"
    )


def mirror(imageset: Path, data: Path, *more: str) -> None:
    command = [*MIRROR, "--workflow=workflow-to-disk", f"--data={data}", f"--imageset={imageset}", *more]
    command += [f"--oc-mirror={OC_MIRROR}", "--source-tls-verify=false", "--signatures=none"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])


def taken(source: Moody) -> list[tuple[str, int]]:
    """Return what the source has sent since the last call."""
    sent, source.sent = source.sent, []
    return sent


def told(what: str, sent: Sequence[tuple[str, int]], floor: int) -> int:
    """Print what was sent, as a ratio to the floor; return the bytes."""
    total = sum(size for _path, size in sent)
    blobs = [(path, size) for path, size in sent if "/blobs/" in path]
    again = sum(size for _path, size in blobs) - sum(dict(blobs).values())
    print(
        f"{what:24} {total / 1e6:8.1f} MB {total / (floor or total or 1):6.3f}   {len(sent):5} answers,"
        f" {len(blobs):4} blobs, {again / 1e6:.1f} MB of them again",
        flush=True,
    )
    return total


def main() -> int:
    """Run the union, then the sites, and say whether the aim is met."""
    with (
        tempfile.TemporaryDirectory(prefix="sites-", dir=os.environ.get("BENCH_DIR")) as name,
        serve_registry(Path(name, "registry")) as upstream,
        Moody(upstream) as source,
    ):
        return measure(Path(name), upstream, source)


def measure(work: Path, upstream: str, source: Moody) -> int:
    fill(upstream, source.host)
    imageset = work / "imageset.yaml"
    write_imageset(imageset, source.host, sorted({one for site in range(SITES) for one in wanted(site)}))
    mirror(imageset, work / "union")
    floor = told("all in one run", taken(source), 0)
    if not floor:
        print("the stand-in fetches nothing: name the real program, OC_MIRROR=…")
        return 0
    total = []
    for site in range(SITES):
        write_imageset(imageset, source.host, wanted(site))
        mirror(imageset, work / "data", f"--site=site-{site:02}")
        total += (sent := taken(source))
        told(f"site {site}", sent, floor)
    bytes_of_all = told(f"{SITES} sites", total, floor)
    archives = [size(folder, "*.tar") for folder in sorted((work / "data/sites").glob("*/generations"))]
    print(f"archives: {', '.join(f'{one / 1e6:.1f}' for one in archives)} MB")
    print(f"ratio {bytes_of_all / floor:.3f} (aim: {AIM})")
    return 0 if bytes_of_all <= AIM * floor else 1


if __name__ == "__main__":
    sys.exit(main())
