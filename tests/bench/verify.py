"""Measure how soon four altered or unsigned generations are refused: `python -m tests.bench.verify`.

What is quoted is the ratio of a refusal to one sha256 pass over the archives. The refusal does not grow with
the archives.
"""

from __future__ import annotations

import hashlib
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from steps.errors import UntrustedError
from steps.mirroring.checks.vouching import Policy
from steps.mirroring.store import archives, statements
from steps.mirroring.store.archives import Archive
from steps.mirroring.store.generations import Generation
from steps.mirroring.workflows import audit
from steps.mirroring.workflows.findings import Verdict
from steps.trust.keys import PrivateKey, PublicKey, TrustedKeys

NUMBER, SIZE, ROUNDS = 4, 250_000_000, 5


def make(folder: Path, sequence: int, key: PrivateKey) -> Path:
    """A signed generation with one archive of SIZE bytes."""
    place = folder / f"{sequence:06d}"
    place.mkdir()
    with (place / "mirror_000001.tar").open("wb") as stream:
        stream.truncate(SIZE)
    (sha256,) = archives.sha256_of([place / "mirror_000001.tar"])
    (place / "imageset.yaml").write_bytes(b"kind")
    record = Generation(
        sequence=sequence,
        predecessor=None,
        files=(Archive(name="mirror_000001.tar", size=SIZE, sha256=sha256),),
        imageset_sha256=hashlib.sha256(b"kind").hexdigest(),
        since=None,
        history_used=None,
        history_written=(),
        images={},
        oc_mirror="",
        started="",
        finished="",
        host="",
    )
    (place / "generation.json").write_text(record.as_json())
    signed = statements.sign(record, statements.Origin(workflow="workflow-to-disk"), key)
    (place / "generation.intoto.jsonl").write_bytes(signed)
    return place


def seconds(policy: Policy, folder: Path, verdict: Verdict) -> float:
    """How long the audit of a folder takes, which has to end in a verdict for all."""
    began = time.monotonic()
    found = audit.verify([folder], policy, {})
    assert {one.verdict for one in found.findings} == {verdict}
    assert (found.exit_code == UntrustedError.exit_code) == (verdict is Verdict.UNTRUSTED)
    return time.monotonic() - began


def main() -> int:
    key = PrivateKey(ec.generate_private_key(ec.SECP256R1()))
    trusted = TrustedKeys((PublicKey("trusted", key.public.key),))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        places = [make(folder, sequence, key) for sequence in range(1, NUMBER + 1)]
        policy = Policy(trusted, lenient=False, now=datetime.now(UTC))
        took: dict[str, list[float]] = {"whole": [], "altered": [], "unsigned": []}
        for _round in range(ROUNDS):
            took["whole"].append(seconds(policy, folder, Verdict.TRUSTED))
        for place in places:
            (place / "imageset.yaml").write_bytes(b"find")
        for _round in range(ROUNDS):
            took["altered"].append(seconds(policy, folder, Verdict.UNTRUSTED))
        for place in places:
            (place / "generation.intoto.jsonl").unlink()
        for _round in range(ROUNDS):
            took["unsigned"].append(seconds(policy, folder, Verdict.UNTRUSTED))
    medians = {what: statistics.median(values) for what, values in took.items()}
    print(f"{NUMBER} generations of {SIZE / 1e6:.0f} MB, medians of {ROUNDS}")
    for what, value in medians.items():
        print(f"{what:10} {value * 1000:9.1f} ms   1/{medians['whole'] / value:,.0f} of reading them")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
