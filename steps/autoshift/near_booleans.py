"""Texts that look like 'true' but are not: AutoShift's placements compare with 'true' exactly.

Helm renders a plain `True` as 'true', and a plain `yes` as well; in quotes they stay what they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from steps.yaml.text import Misread

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NEARLY_TRUE: Final = frozenset({"True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"})


def labels_not_true(labels: Mapping[str, str]) -> Iterator[str]:
    """Yield the labels whose text looks like true, as Helm reads it too."""
    for label, text in labels.items():
        blanks = text != "true" and text.strip() == "true"
        if (text in NEARLY_TRUE or blanks) and not isinstance(text, Misread):
            yield label
