"""Words that are nearly a known one: keys and labels that AutoShift passes over without a word.

Near is what a slip of the finger makes: one letter more, less, other or swapped with its neighbour, two such
slips in a word of 7 letters and more, none in a word of 3. Upper case and lower case are alike here. A number
is no slip: `pool-2` is not meant to be `pool-1`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from steps.autoshift.operators import FEATURES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

# What AutoShift's subscriptions read beside an operator's label: `LABEL-SUFFIX`
# (components/operator-install; -install-plan-approval and -namespace until 2026-02).
SUFFIXES: Final = frozenset(
    {
        "channel",
        "install-plan-approval",
        "name",
        "namespace",
        "source",
        "source-namespace",
        "subscription-name",
        "version",
    }
)
# Labels that are not 'true' to switch something on and stand beside no operator's label
# (policies/stable/openshift-upgrade, disconnected-mirror and cluster-labels, autoshift/templates).
SETTINGS: Final = frozenset(
    {
        "cluster-type",
        "mirror-catalog-suffix",
        "openshift-upgrade-channel",
        "openshift-version",
        "policy-namespace",
    }
)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that `word` is nearly; None if it is one of them, or near none."""
    best: tuple[int, str] | None = None
    for other in known:
        if other == word:
            return None
        edits = _edits(word.lower(), other.lower(), _slips(other))
        if edits is not None and (best is None or (edits, other) < best):
            best = (edits, other)
    return best[1] if best and not _differ_by_number(word, best[1]) else None


def meant_label(label: str, operators: Collection[str]) -> str | None:
    """Return the label that `label` nearly is; None for a known label, or one that is like none.

    `operators` are the labels of all operators. A label that begins with the label of an operator or feature
    is a setting of it (`odf-ocs-storage-size`), unless it nearly is one that a subscription reads.
    """
    if label in operators or label in FEATURES or label in SETTINGS:
        return None
    if "_" in label:
        return _meant_with_hyphens(label.replace("_", "-"), operators)
    for owner in beginnings(label):
        if owner in operators:
            near = nearest(label.removeprefix(f"{owner}-"), SUFFIXES)
            return f"{owner}-{near}" if near else None
        if owner in FEATURES:
            return None
    for suffix in SUFFIXES:
        if label.endswith(f"-{suffix}") and (near := nearest(label.removesuffix(f"-{suffix}"), operators)):
            return f"{near}-{suffix}"
    return nearest(label, {*operators, *FEATURES, *SETTINGS})


def _meant_with_hyphens(label: str, operators: Collection[str]) -> str | None:
    """Return `label` if AutoShift reads it; some settings have an underscore (`aap-file_storage_size`)."""
    of_subscription = any(
        label.removesuffix(f"-{suffix}") in operators for suffix in SUFFIXES if label.endswith(f"-{suffix}")
    )
    return label if of_subscription or label in {*operators, *FEATURES, *SETTINGS} else None


def beginnings(label: str) -> Iterator[str]:
    """Yield the beginnings of a label, the longest first: `a-b`, `a` for `a-b-c`."""
    while "-" in label:
        label = label.rpartition("-")[0]
        yield label


def _slips(word: str) -> int:
    return 0 if len(word) < 4 else 1 if len(word) < 7 else 2


def _edits(one: str, other: str, limit: int) -> int | None:
    """Count letters inserted, left out, replaced, or swapped with their neighbour; None beyond `limit`.

    More than one slip counts only where the first letter is right.
    """
    if abs(len(one) - len(other)) > limit or not one or not other:
        return None
    if one[0] != other[0]:
        limit = min(limit, 1)
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        before, above, row = row, before, [i]
        for j, wanted in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and wanted == one[i - 2]:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return None
    return row[-1] if row[-1] <= limit else None


def _differ_by_number(one: str, other: str) -> bool:
    digits = re.compile(r"\d+")
    return one != other and digits.sub("", one) == digits.sub("", other)
