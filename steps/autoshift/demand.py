"""What one cluster, or one cluster set, asks of a mirror: its labels turned into packages, versions and
images.

An operator is installed where its label is exactly 'true' (every placement says `In ['true']`), and ACM on
each hub. Package, channel and catalog come from the sibling labels, else from AutoShift's defaults.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from steps.autoshift.catalogs import INDEXES, meant_source, upstream_source
from steps.autoshift.operators import ACM, CATALOG_DEFAULTS, LABEL_VALUE, Default, is_feature
from steps.autoshift.yamltext import Misread
from steps.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from steps.autoshift.fleet import Member
    from steps.autoshift.yamltext import Tree

# A CSV name that ends in a plain semantic version (`trident-operator.v25.06.0` has a zero too many for one).
_CSV = re.compile(r"[a-z0-9][a-z0-9.-]*?\.v?((?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2})")
_NEARLY_TRUE: Final = frozenset({"True", "TRUE", "yes", "Yes", "on", "On", "1", "enabled"})


@dataclass(frozen=True, slots=True)
class Demand:
    """One package wanted from one catalog in one channel.

    `channel` None is the catalog's default, whatever that is; it may hold `{minor}`. `pin` is the version
    that a pinned cluster installs, None where nothing is pinned or the pin does not say the version.
    """

    label: str
    package: str
    source: str
    channel: str | None
    origin: str
    pin: str | None = None


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
        """Return all that the member's labels ask for."""
        found: set[Demand] = set()
        for label in self._operators(member):
            found.update(self._demands_of(member, label))
        return frozenset(found)

    def _operators(self, member: Member) -> Iterator[str]:
        labels = member.labels
        if member.is_hub and ACM not in self.excluded:
            yield ACM
        for label, text in labels.items():
            if label in self.excluded or label == ACM or text == "false" or is_feature(label):
                continue
            if text != "true":
                if self._is_old_true(member, label, text):
                    yield label
            elif label in self.defaults or _has_siblings(labels, label):
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

    def _demands_of(self, member: Member, label: str) -> Iterator[Demand]:
        default = self.defaults.get(label)
        source = self._source(member, label, default)
        if source is None:
            return
        package = self._value(member, f"{label}-subscription-name") or self._value(member, f"{label}-name")
        package = package or (default.package if default else label)
        written = channel = self._value(member, f"{label}-channel")
        origin = f"label {label}-channel"
        if not written:
            channel = (default.channel if default else None) or ""
            origin = f"default of {default.origin}" if default else "the catalog's default"
        pins = self._pins(member, label, package)
        if default and not default.reads_channel:
            usual, reason = (
                default.channel or CATALOG_DEFAULTS.get(package),
                f"{default.origin} reads no label",
            )
            yield from (Demand(label, package, source, usual, reason, pin) for pin in pins)
            if not written:
                return
            self.warn(
                f"{default.origin}: the policy ignores {label}-channel and installs "
                f"{default.channel or 'the default channel of the catalog'}; both channels are mirrored",
                member,
            )
        wanted = channel or CATALOG_DEFAULTS.get(package)
        yield from (Demand(label, package, source, wanted, origin, pin) for pin in pins)

    def _source(self, member: Member, label: str, default: Default | None) -> str | None:
        written = self._value(member, f"{label}-source")
        source = written or (default.source if default else "")
        upstream = upstream_source(source, member.labels.get("mirror-catalog-suffix", "mirror"))
        if upstream is None:
            where, meant = self.locate(member, f"{label}-source"), meant_source(source)
            if meant:
                raise InvalidInputError(
                    f"{where}: {label}-source of {member.group} is '{source}', which is no catalog",
                    f"did you mean '{meant}'? OpenShift has {', '.join(INDEXES)}",
                )
            self.warn(
                f"operator {label} comes from catalog source '{source}', which is not OpenShift's: nothing "
                "is mirrored for it; mirror that catalog by a custom ImageSet",
                member,
            )
        return upstream

    def _value(self, member: Member, label: str) -> str:
        text = member.labels.get(label, "")
        if text and not LABEL_VALUE.fullmatch(text):
            raise InvalidInputError(
                f"{self.locate(member, label)}: {label} of {member.group} is {text[:80]!r}, "
                "which no label can be",
                "use at most 63 letters, digits, '-', '_' and '.', a letter or digit first and last",
            )
        return text

    def _pins(self, member: Member, label: str, package: str) -> list[str | None]:
        """Return the pinned versions; one None where nothing is pinned or a pin does not tell its version."""
        names = _versions_in_config(member.config.get(label))
        names = names or [text for text in [member.labels.get(f"{label}-version", "")] if text]
        versions = [found[1] for name in names if (found := _CSV.fullmatch(name))]
        if names and len(versions) == len(names):
            return list(versions)
        if names:
            self.warn(
                f"the pin of {label} ({', '.join(names)}) does not tell its version of {package} for "
                "certain: the newest of the channel is mirrored; check that it is the one",
                member,
            )
        return [None]


def _has_siblings(labels: Mapping[str, str], label: str) -> bool:
    """Whether an unknown label describes a subscription: a package name, or both channel and source."""
    has = labels.keys()
    return (
        f"{label}-subscription-name" in has
        or f"{label}-name" in has
        or (f"{label}-channel" in has and f"{label}-source" in has)
    )


def _versions_in_config(config: Tree) -> list[str]:
    """Return `config.LABEL.versions`: the ClusterServiceVersions that the policy allows (L3)."""
    versions = config.get("versions") if isinstance(config, dict) else None
    return [text for text in versions if isinstance(text, str)] if isinstance(versions, list) else []
