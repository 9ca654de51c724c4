"""mirror --verify and workflow-verify: chain, hashes and signatures of generations, wherever they lie.

It needs no registry and no oc-mirror, and writes nothing, so a medium may be mounted read-only. What lies
there is hostile: it is read as `medium` reads, signatures first. Of a generation that nobody who is trusted
has signed no archive is read.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from steps.errors import InvalidInputError, UntrustedError
from steps.log_lines import printable
from steps.mirroring.checks.vouching import Policy
from steps.mirroring.store import copies, generations, statements
from steps.mirroring.store.copies import PartLackingError
from steps.mirroring.store.generations import RECORD, STATEMENT
from steps.mirroring.store.runs import Done
from steps.mirroring.workflows.arriving import SMALL
from steps.mirroring.workflows.findings import Audit, Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from steps.mirroring.request import Request
    from steps.mirroring.store import Store
    from steps.mirroring.store.copies import Copy, Extras
    from steps.mirroring.store.generations import Generation

log = logging.getLogger(__name__)


def run(request: Request, store: Store) -> Done:
    """Verify the generations of a data directory, and log the table.

    Raises UntrustedError, InvalidInputError with the first that is not as it should be, NotFoundError without
    any generation.
    """
    known = {number: one.identity for number, one in store.generations.ledger().items()}
    for target in store.imports.targets():
        known |= store.imports.of(target).generations
    policy = Policy.of(request, once_signed=store.imports.signed_targets())
    found = verify([store.generations.folder], policy, known)
    for line in found.table().splitlines()[:-1]:
        log.info("%s", line)
    if error := found.error:
        raise error
    return Done(summary=found.summary, size=sum(one.record.size for one in found.findings if one.record))


def of_media(request: Request, folders: Sequence[Path]) -> Audit:
    """Verify what lies in folders, together. Raises NotFoundError for one without generations."""
    return verify([folder.absolute() for folder in folders], Policy.of(request), {})


def verify(folders: Sequence[Path], policy: Policy, known: Mapping[int, str]) -> Audit:
    """Verify what lies in folders; `known` are identities of generations that need not be there."""
    unreadable: list[str] = []
    identities, findings = dict(known), list[Finding]()
    for copy in copies.found_in(folders, unreadable):
        finding = Finding(copy)
        _look(finding, policy, identities)
        findings.append(finding)
    _hash([one for one in findings if one.verdict in {Verdict.TRUSTED, Verdict.WHOLE}])
    return Audit(folders, findings, [printable(text) for text in unreadable], _extras(folders, findings))


def _extras(folders: Iterable[Path], findings: Iterable[Finding]) -> Extras:
    """Return what lies in folders and no generation names; of one without a record that counts, nothing."""
    own: set[Path] = set()
    whole: set[Path] = set()
    for finding in findings:
        if finding.record is None or finding.verdict is Verdict.UNTRUSTED:
            whole |= finding.copy.folders()
        else:
            own |= finding.copy.own({RECORD, STATEMENT, *finding.record.sha256s})
    return copies.extras(folders, own, whole)


def _look(finding: Finding, policy: Policy, identities: dict[int, str]) -> None:
    """Look at the small files of a generation, and at its place in the chain."""
    copy = finding.copy
    try:
        for name in SMALL:
            if name in copy.sizes:  # perhaps on another medium, which is not the same as missing
                copy.pieces(name)
        vouched = policy.vouched(copy.sequence, copy.place, copy.read)
        if vouched:
            finding.record, finding.verdict = vouched.generation, Verdict.TRUSTED
            finding.signer, finding.key = vouched.key.name, vouched.key.fingerprint
            statements.check_chain(vouched, copy.place, identities)
        else:
            claim = statements.claim(copy.read(STATEMENT))
            finding.claimed = claim.key if claim else ""
            finding.record = generations.decode(copy.read(RECORD) or b"", copy.place / RECORD)
        _check_place(finding, identities)
    except UntrustedError as error:
        finding.fails(Verdict.UNTRUSTED, error.reason)
    except PartLackingError as lacking:
        finding.fails(Verdict.INCOMPLETE, f"generation {copy.sequence}: not here: {lacking}")
    except FileNotFoundError:
        finding.fails(Verdict.DAMAGED, f"generation {copy.sequence}: {copy.place} has no {RECORD}")
    except InvalidInputError as error:
        finding.fails(Verdict.DAMAGED, f"generation {copy.sequence}: {error.reason}")


def _check_place(finding: Finding, identities: dict[int, str]) -> None:
    """Check number, identity and predecessor of a record, and add it to the identities."""
    record, copy = finding.record, finding.copy
    if record is None:
        return
    where = f"generation {copy.sequence}"
    wrong = Verdict.UNTRUSTED if finding.signer else Verdict.DAMAGED
    if record.sequence != copy.sequence:
        finding.fails(wrong, f"{where}: {copy.place} holds generation {record.sequence}")
    if copy.identity and copy.identity != record.identity:
        finding.fails(wrong, f"{where}: the packing list names another record")
    for name in _listed_otherwise(copy, record):
        finding.fails(wrong, f"{where}: the packing list names another {name} than its record")
    before = record.predecessor
    finding.alone = before is not None and before.sequence not in identities
    if before is not None and identities.get(before.sequence, before.identity) != before.identity:
        finding.fails(wrong, f"{where} continues another generation {before.sequence} than the one here")
    identities[record.sequence] = record.identity


def _listed_otherwise(copy: Copy, record: Generation) -> list[str]:
    """Return the files of which a packing list says something else than the record: no import takes these."""
    sizes = {file.name: file.size for file in record.files}
    return [
        name
        for name, sha256 in record.sha256s.items()
        if copy.sums.get(name, set()) - {(sizes.get(name, copy.sizes.get(name, 0)), sha256)}
    ]


def _hash(findings: Iterable[Finding]) -> None:
    """Compare size and sha256 of every file of generations, spread over the cores."""
    stop = threading.Event()
    tasks = [
        (finding, name, sha256)
        for finding in findings
        if finding.record
        for name, sha256 in finding.record.sha256s.items()
    ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            found = list(pool.map(lambda task: _compare(task, stop), tasks))
        except BaseException:
            stop.set()
            raise
    for (finding, name, _sha256), problem in zip(tasks, found, strict=True):
        if problem:
            finding.fails(problem[0], f"generation {finding.copy.sequence}: {name} {problem[1]}")


def _compare(task: tuple[Finding, str, str], stop: threading.Event) -> tuple[Verdict, str] | None:
    """Return what is wrong with a file; None where it is right."""
    finding, name, sha256 = task
    try:
        found = _sha256(finding, name, stop)
    except PartLackingError as lacking:
        return Verdict.INCOMPLETE, f"is not all here: {lacking}"
    except FileNotFoundError:
        return Verdict.DAMAGED, "is missing"
    except InvalidInputError as error:
        return Verdict.DAMAGED, f"cannot be read: {error.reason}"
    except OSError as error:
        return Verdict.DAMAGED, f"cannot be read: {error.strerror}"
    return None if found == sha256 else (Verdict.DAMAGED, f"is damaged (its sha256 is {found})")


def _sha256(finding: Finding, name: str, stop: threading.Event) -> str:
    """Return the sha256 of a file whose size is that of its record."""
    sizes = {file.name: file.size for file in finding.record.files} if finding.record else {}
    pieces = finding.copy.pieces(name)
    size = sum(piece.size for piece in pieces)
    if size != sizes.get(name, size):
        raise InvalidInputError(f"it has {size} bytes instead of {sizes[name]}", "copy it again")
    digest = hashlib.sha256()
    for piece in pieces:
        for chunk in copies.chunks(piece):
            digest.update(chunk)
            if stop.is_set():
                return ""
    return digest.hexdigest()
