"""Measure the look at signatures against its floor: `python -m tests.bench.signatures`.

A release of 4.22 with 200 images of its content, all signed, in a registry on this machine. The floor is one
HEAD for each image by as many connections. Quoted are medians of alternating rounds.
"""

from __future__ import annotations

import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from steps.mirroring.checks.release_reading import AT_ONCE, Reader
from steps.mirroring.ocmirror.mirror_sets import MirrorSets
from steps.trust.releases import RELEASES, judge
from steps.trust.verdicts import State
from tests.testbed.registry import serving
from tests.unit.mirroring.test_acceptance import ACCESS, MAKER, attach, layer, push, references
from tests.unit.trust.signers import CONTENT, GPG_TYPE, as_bytes, claim

IMAGES, ROUNDS, LIMIT = 200, 5, 5.0
"""`LIMIT`: seconds."""


def heads(place: str, digests: list[str]) -> float:
    """Ask for each image once; seconds."""

    def ask(share: list[str]) -> None:
        with ACCESS.open(place) as repository:
            for digest in share:
                repository.find(digest)

    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(ask, [digests[start::AT_ONCE] for start in range(AT_ONCE)]))
    return time.monotonic() - began


def look(reader: Reader, release: str) -> float:
    """Read and judge the release; seconds."""
    began = time.monotonic()
    verdicts = judge(reader.release(RELEASES, release), MAKER.keys, datetime.now(UTC))
    if {verdict.state for verdict in verdicts.values()} != {State.ACCEPTED}:
        raise RuntimeError(f"not accepted: {verdicts}")
    return time.monotonic() - began


def main() -> int:
    with serving() as registry:
        releases, contents = f"{registry.host}/openshift/release-images", f"{registry.host}/openshift/release"
        parts = [push(contents, [layer({f"part-{number}": b"x"})]) for number in range(IMAGES)]
        listed = references([f"{CONTENT}@{digest}" for digest in parts])
        labels = {"io.openshift.release": "4.22.1"}
        release = push(releases, [layer({"release-manifests/image-references": listed})], labels=labels)
        attach(releases, release, RELEASES)
        for digest in parts:
            attach(contents, digest, CONTENT)
        message = MAKER.message(as_bytes(claim(f"{RELEASES}:4.22.1", release, GPG_TYPE)))
        mirrors = MirrorSets({RELEASES: (releases,), CONTENT: (contents,)})
        reader = Reader(target=ACCESS, mirrors=mirrors, gpg={release: (message,)})
        rounds = [(heads(contents, parts), look(reader, release)) for _ in range(ROUNDS)]
    floor, full = (statistics.median(times) for times in zip(*rounds, strict=True))
    print(f"{IMAGES} images: {full:.2f} s, floor {floor:.2f} s, {full / floor:.1f} times the floor")
    return 0 if full <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
