"""What follows workflow-from-disk: a receipt to bring back, which says what the target has.

Everything in it is read from records, so a run that was killed before it wrote one leaves that to the next
run, also to one that has nothing to import.
"""

from __future__ import annotations

import logging
import secrets
from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING

from steps.mirroring.store.receipt import compose
from steps.mirroring.store.runs import timestamp

if TYPE_CHECKING:
    from pathlib import Path

    from steps.mirroring.store import Store
    from steps.mirroring.store.receipt import Receipt, Sealed
    from steps.trust.keys import PrivateKey

log = logging.getLogger(__name__)


def issue(store: Store, target: str, key: PrivateKey | None = None) -> Path | None:
    """Write a receipt of what `target` has, signed with `key` if given; return its path.

    None where nothing was imported, or where the volume takes no file: the next run writes it then. The
    newest receipt stays where it says the same, by the same key.
    """
    if not store.imports.of(target).generations:
        return None
    last = store.receipt_folder.newest(target)
    receipt = _receipt(store, target, last[1] if last else None)
    if last and last[1].receipt.says_the_same(receipt) and last[1].is_by(key.public if key else None):
        return last[0]
    try:
        path = store.receipt_folder.write(receipt, key)
    except OSError as error:
        log.warning("no receipt was written, the next run does it: %s", error)
        return None
    log.info(
        "receipt %d%s: %s has generation %s%s; bring %s back, for mirror --acknowledge=FILE",
        receipt.number,
        ", signed" if key else "",
        target,
        receipt.generations,
        f", and lacks {receipt.missing}" if receipt.missing else "",
        path,
    )
    return path


def _receipt(store: Store, target: str, last: Sealed | None) -> Receipt:
    """Make a receipt; mirror names of generations that are not here any more are those of the `last` one."""
    imported, here = store.imports.of(target).generations, store.generations.present()
    between = range(min(imported), max(imported))
    names = {here[number].mirror_name for number in imported if number in here}
    any_last = store.receipt_folder.newest()
    return compose(
        imported,
        number=store.receipt_folder.next_number(),
        side=any_last[1].receipt.side if any_last else secrets.token_hex(4),
        target=target,
        written=timestamp(datetime.now(UTC)),
        missing=[number for number in between if number not in imported and number not in here],
        mirror_names={*names, *(last.receipt.mirror_names if last else ())},
        version=metadata.version("oc-mirror-pipeline"),
    )
