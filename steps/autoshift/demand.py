"""Which operators a cluster or cluster set gets, and so what it asks of a mirror.

An operator is installed where its label is exactly 'true' (every placement says `In ['true']`), and ACM on
each hub.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from steps.autoshift.operators import ACM, Default, is_feature
from steps.autoshift.subscription import Demand, Subscription
from steps.yaml.text import Misread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from steps.autoshift.fleet import Member

_NEARLY_TRUE: Final = frozenset({"True", "TRUE", "yes", "Yes", "on", "On", "1", "enabled"})


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads demands off members; `defaults` by label, `excluded` labels whose policy is switched off.

    `warn` takes a text and whom it concerns; `locate` says where a label of a member stands.
    """

    defaults: Mapping[str, Default]
    excluded: frozenset[str]
    warn: Callable[[str, Member], None]
    locate: Callable[[Member, str], str]

    def demands(self, member: Member) -> frozenset[Demand]:
        """Return all that the member's labels ask for. Raises InvalidInputError for one that cannot be."""
        return frozenset(
            demand
            for label in self._operators(member)
            for demand in Subscription(
                member, label, self.defaults.get(label), self.warn, self.locate
            ).demands()
        )

    def _operators(self, member: Member) -> Iterator[str]:
        if member.is_hub and ACM not in self.excluded:
            yield ACM
        for label, text in member.labels.items():
            if label in self.excluded or label == ACM or text == "false" or is_feature(label):
                continue
            if text != "true":
                if self._is_old_true(member, label, text):
                    yield label
            elif label in self.defaults or _has_siblings(member.labels, label):
                yield label
            else:
                self.warn(
                    f"label {label} is 'true' but neither an operator nor a feature known here: nothing is "
                    f"mirrored for it; if it is an operator, add {label}-subscription-name, "
                    f"{label}-channel and {label}-source",
                    member,
                )

    def _is_old_true(self, member: Member, label: str, text: str) -> bool:
        """Whether a label that is not 'true' is one in the end; warn where somebody may have meant it so."""
        operator = label in self.defaults or (text in _NEARLY_TRUE and _has_siblings(member.labels, label))
        if operator and isinstance(text, Misread) and text.helm == "true":
            return True  # Helm renders a plain `on` as 'true'; fleet.py warns of it
        if operator:
            self.warn(f"label {label} is '{text}', not 'true': AutoShift does not install it", member)
        return False


def _has_siblings(labels: Mapping[str, str], label: str) -> bool:
    """Whether an unknown label describes a subscription: a package name, or both channel and source."""
    return (
        f"{label}-subscription-name" in labels
        or f"{label}-name" in labels
        or (f"{label}-channel" in labels and f"{label}-source" in labels)
    )
