"""Measure how archives and volume grow over thirty nights: `OC_MIRROR=… python -m tests.bench.nights`.

Every night one of two operators has a new version, and so the catalog a new digest. Bare oc-mirror archives
its whole working directory, with three copies of every catalog that it ever saw; the floor is its first
archive. Quoted are bytes as ratios to that floor, so the size of the made-up catalog does not matter.

Found with the real program (August 2026), a catalog of 2 MB and 17 kB of new images a night, as ratios to the
first archive: bare archives grow to 2.6 after three nights, 8.1 after ten and 23.9 after thirty; ours stay at
1.00 to 1.01. The archives of all nights with cache and working directory take 403 bare, 31 by us.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.standin.oc_mirror import MANIFEST, Registry, _descriptor, digest
from tests.unit.mirroring.conftest import MIRROR, STANDIN, serve_registry

OC_MIRROR = os.environ.get("OC_MIRROR", str(STANDIN))
NIGHTS = int(os.environ.get("NIGHTS", "30"))
CATALOG, IMAGE = 2_000_000, 8_000
"""Bytes of the catalog beside the two operators, and of each image."""
INDEX = "redhat/redhat-operator-index"


def layer(files: dict[str, bytes]) -> bytes:
    """Make a layer of these files."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(content.getvalue(), mtime=0)


def push(registry: Registry, repository: str, tag: str, content: bytes, labels: dict[str, str]) -> None:
    """Push an image of one layer."""
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": labels},
            "rootfs": {"type": "layers", "diff_ids": [digest(gzip.decompress(content))]},
        }
    ).encode()
    for blob in (config, content):
        place = registry.call("POST", f"/v2/{repository}/blobs/uploads/", b"")
        joint = "&" if "?" in place else "?"
        registry.call("PUT", f"{place}{joint}digest={digest(blob).replace(':', '%3A')}", blob)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _descriptor("application/vnd.oci.image.config.v1+json", config),
        "layers": [_descriptor("application/vnd.oci.image.layer.v1.tar+gzip", content)],
    }
    registry.call("PUT", f"/v2/{repository}/manifests/{tag}", json.dumps(manifest).encode(), MANIFEST)


def package(host: str, name: str, versions: list[str], description: str = "") -> bytes:
    """Make the file of a package in a catalog, with one channel."""
    entries = [{"name": f"{name}.v{version}"} for version in versions]
    for entry, before in zip(entries[1:], entries, strict=False):
        entry["replaces"] = before["name"]
    documents: list[dict[str, object]] = [
        {"schema": "olm.package", "name": name, "defaultChannel": "stable", "description": description},
        {"schema": "olm.channel", "package": name, "name": "stable", "entries": entries},
    ]
    documents += [
        {
            "schema": "olm.bundle",
            "name": f"{name}.v{version}",
            "package": name,
            "image": f"{host}/{name}/bundle:v{version}",
            "properties": [{"type": "olm.package", "value": {"packageName": name, "version": version}}],
            "relatedImages": [{"name": "operand", "image": f"{host}/{name}/operand:v{version}"}],
        }
        for version in versions
    ]
    return "\n".join(map(json.dumps, documents)).encode()


def renew(registry: Registry, host: str, night: int) -> None:
    """Publish the night's version of alpha, and a catalog that lists it."""
    for name, version in (("alpha", f"1.0.{night}"), ("beta", "1.0.0")):
        for part in ("bundle", "operand"):
            data = random.Random(f"{name} {part} {version}").randbytes(IMAGE)
            push(registry, f"{name}/{part}", f"v{version}", layer({part: data}), {})
    files = {
        "configs/alpha/catalog.json": package(host, "alpha", [f"1.0.{past}" for past in range(night + 1)]),
        "configs/beta/catalog.json": package(host, "beta", ["1.0.0"]),
        "configs/other/catalog.json": package(
            host, "other", ["1.0.0"], random.Random(night).randbytes(CATALOG // 2).hex()
        ),
    }
    label = {"operators.operatorframework.io.index.configs.v1": "/configs"}
    push(registry, INDEX, "v4.18", layer(files), label)


def size(folder: Path, pattern: str = "*") -> int:
    """Return the bytes of the files below `folder` that match."""
    return sum(path.lstat().st_size for path in folder.rglob(pattern) if path.is_file())


def main() -> int:
    """Run the nights by both, and print a table."""
    with tempfile.TemporaryDirectory(prefix="nights-") as name:
        work = Path(name)
        with serve_registry(work / "registry") as host:
            return measure(work, host)


def measure(work: Path, host: str) -> int:
    """Mirror night after night, bare and by `mirror`; print the archives' sizes and the volumes'."""
    registry = Registry(host, verify=False)
    registry.check()
    imageset = work / "imageset.yaml"
    imageset.write_text(
        "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  operators:\n"
        f"  - catalog: {host}/{INDEX}:v4.18\n    packages:\n    - name: alpha\n    - name: beta\n"
    )
    bare, ours = work / "bare", work / "ours"
    kept = work / "kept"
    plain = [OC_MIRROR, "--v2", f"--config={imageset}", f"--cache-dir={work / 'cache'}"]
    plain += ["--src-tls-verify=false", "--remove-signatures=true", f"file://{bare}"]
    wrapped = [*MIRROR, "--workflow=workflow-to-disk", f"--data={ours}", f"--imageset={imageset}"]
    wrapped += [f"--oc-mirror={OC_MIRROR}", "--source-tls-verify=false", "--signatures=none"]
    floor = 0
    print("night  bare archive  ours  bare volume  ours   (as ratios to the first bare archive)")
    for night in range(NIGHTS):
        os.environ |= {"STANDIN_UPSTREAM": str(night), "STANDIN_CATALOG_BYTES": str(CATALOG)}
        renew(registry, host, night)
        for command in (plain, wrapped):
            subprocess.run(command, check=True, capture_output=True)
        archive = bare / "mirror_000001.tar"
        floor = floor or archive.stat().st_size
        mine = size(ours / "generations" / f"{night + 1:06d}", "*.tar")
        kept.mkdir(exist_ok=True)
        row = [archive.stat().st_size, mine]
        shutil.move(archive, kept / f"{night:06d}.tar")
        row += [size(bare) + size(kept) + size(work / "cache"), size(ours)]
        print(f"{night + 1:5}  " + "  ".join(f"{value / floor:11.2f}" for value in row), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
