"""Measure fleet-readiness against its floor: `python -m tests.bench.readiness [REGISTRIES]`.

A thousand clusters of five sets, twenty mirrors with 2,500 images each, in a registry on this machine. The
floor is one bare HEAD for each image, by as many connections. The images lie in the registry's storage as it
lays them out itself, since pushing 50,000 would take longer than all the rest.
"""

from __future__ import annotations

import http.client
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from steps.oci.manifests import MANIFESTS, digest_of
from steps.readiness.presence import AT_ONCE
from tests.unit.mirroring.conftest import serve_registry
from tests.unit.mirroring.test_acceptance import MAKER
from tests.unit.readiness.site import CATALOG, Site, bundle, channel, imageset, package
from tests.unit.trust.signers import CONTENT

CLUSTERS, REGISTRIES, SETS = 1000, 20, 5
RELEASES, PARTS = 10, 200
PACKAGES, IMAGES = 25, 20
LIMIT, MEMORY = 120.0, 1 << 30
"""Seconds, and bytes."""
COMMAND = (sys.executable, "-c", "import sys; from steps.fleet_readiness import main; sys.exit(main())")


@dataclass
class Storage:
    """The storage of a docker-registry: manifests that are put into it without asking."""

    root: Path
    written: list[tuple[str, str]] = field(default_factory=list)

    def put(self, repository: str, number: int) -> str:
        content = json.dumps(
            {"schemaVersion": 2, "mediaType": MANIFESTS[0], "number": f"{repository} {number}"}
        ).encode()
        digest = digest_of(content)
        name = digest.removeprefix("sha256:")
        blob = self.root / "blobs/sha256" / name[:2] / name
        link = self.root / "repositories" / repository / "_manifests/revisions/sha256" / name
        for folder in (blob, link):
            folder.mkdir(parents=True, exist_ok=True)
        (blob / "data").write_bytes(content)
        (link / "link").write_text(digest)
        self.written.append((repository, digest))
        return digest


def fill(site: Site, storage: Storage) -> None:
    """Fill a mirror: ten releases, each from the one before, and operators."""
    path = site.target.partition("/")[2]
    versions = [f"4.20.{number}" for number in range(1, RELEASES + 1)]
    for number, version in enumerate(versions):
        parts = [storage.put(f"{path}/openshift/release", number * PARTS + part) for part in range(PARTS)]
        site.release(version, versions[number - 1 : number], content=[f"{CONTENT}@{one}" for one in parts])
    site.graph_image({"stable-4.20": versions})
    documents = []
    for number in range(PACKAGES):
        name = f"operator-{number}"
        origin = f"registry.redhat.io/{name}/image"
        digests = [storage.put(f"{path}/{name}/image", image) for image in range(IMAGES)]
        site.digest_mirrors[f"registry.redhat.io/{name}"] = f"{site.target}/{name}"
        images = [f"{origin}@{digest}" for digest in digests]
        documents.append(
            package(name, "stable", channel(name, "stable", "1.0.0"), bundle(name, "1.0.0", images))
        )
    site.catalog("4.20", *documents)


def arguments(folder: Path, sites: list[Site]) -> list[str]:
    """Write values, what the hub knows, data directories and keys; return the arguments of the command."""
    labels = {f"operator-{number}": "true" for number in range(PACKAGES)}
    labels |= {f"operator-{number}-subscription-name": f"operator-{number}" for number in range(PACKAGES)}
    labels |= {f"operator-{number}-source": "redhat-operators" for number in range(PACKAGES)}
    labels |= {f"operator-{number}-channel": "stable" for number in range(PACKAGES)}
    sets = {
        f"set-{number}": {"labels": {**labels, "openshift-version": f"4.20.{RELEASES - number % 2}"}}
        for number in range(SETS)
    }
    values = folder / "values"
    values.mkdir(exist_ok=True)
    (values / "fleet.yaml").write_text(json.dumps({"managedClusterSets": sets}))
    clusters = {
        f"cluster-{number}": {"set": f"set-{number % SETS}", "version": f"4.20.{1 + number % 2}"}
        for number in range(CLUSTERS)
    }
    hub = folder / "hub.json"
    hub.write_text(json.dumps({"format": 1, "clusters": clusters}))
    keys = folder / "keys"
    keys.mkdir(exist_ok=True)
    (keys / "openshift.pub").write_bytes(MAKER.sigstore.public.pem())
    (keys / "redhat.asc").write_text(str(MAKER.gpg.extract_certificate()))
    data = [
        f"--data={site.publish(folder / f'data-{number}', imageset(f'{CATALOG}:v4.20'))}"
        for number, site in enumerate(sites)
    ]
    return [
        f"--values-git-url={values}",
        "--values-file-path=fleet.yaml",
        f"--hub-state={hub}",
        f"--release-keys={keys}",
        "--json",
        *data,
    ]


def floor(host: str, images: list[tuple[str, str]]) -> float:
    """Ask for each image once, and do nothing else; seconds."""

    def ask(share: list[tuple[str, str]]) -> None:
        connection = http.client.HTTPConnection(host)
        for repository, digest in share:
            connection.request(
                "HEAD", f"/v2/{repository}/manifests/{digest}", headers={"Accept": MANIFESTS[0]}
            )
            if connection.getresponse().read() or not digest:
                raise RuntimeError("an answer to HEAD has no content")

    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(ask, [images[start::AT_ONCE] for start in range(AT_ONCE)]))
    return time.monotonic() - began


def look(given: list[str]) -> tuple[float, float, int]:
    """Run the command; seconds, seconds of CPU, and the most bytes of memory of any run so far."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    ran = subprocess.run([*COMMAND, *given], capture_output=True, text=True, check=False, env=os.environ)
    seconds = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ran.returncode != 0:
        raise RuntimeError(f"exit code {ran.returncode}: {ran.stderr[-2000:]}{ran.stdout[:2000]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, cpu, after.ru_maxrss * 1024


def main() -> int:
    registries = int(sys.argv[1]) if len(sys.argv) > 1 else REGISTRIES
    with (
        tempfile.TemporaryDirectory(prefix="bench-readiness-") as name,
        serve_registry(Path(name) / "storage") as host,
    ):
        folder = Path(name)
        storage = Storage(folder / "storage/docker/registry/v2")
        sites = [Site(f"{host}/mirror-{number}") for number in range(registries)]
        for site in sites:
            fill(site, storage)
        images = len(storage.written)
        given = arguments(folder, sites)
        least = floor(host, storage.written)
        quarter = [one for one in given if not one.startswith("--data=")] + [
            one for one in given if one.startswith("--data=")
        ][: max(registries // 4, 1)]
        part, _cpu, _memory = look(quarter)
        full, cpu, memory = look(given)
        kept = [*given, f"--workspace={folder / 'kept'}"]
        first, _cpu, _memory = look(kept)
        again, _cpu, _memory = look(kept)
    print(f"{CLUSTERS} clusters, {registries} registries, {images:,} images")
    print(f"floor, bare HEADs: {least:.1f} s")
    print(f"a look: {full:.1f} s, {full / least:.1f} times the floor, {cpu:.1f} s of CPU, {memory >> 20} MiB")
    print(f"a quarter of the registries: {part:.1f} s")
    print(f"with answers kept: {first:.1f} s, and again within the hour {again:.1f} s")
    return 0 if full <= LIMIT and memory <= MEMORY and again < full else 1


if __name__ == "__main__":
    sys.exit(main())
