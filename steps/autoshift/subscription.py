"""One operator of one cluster: the package, channels, catalog and pins that its labels and defaults give.

The Subscription that AutoShift makes of them is in `components/operator-install` and each policy's
`valuesInline.subscription` (2026-08), or in `policies/DIR/templates/*operator*.yaml` before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps.autoshift.catalogs import INDEXES, meant_source, upstream_source
from steps.autoshift.operators import LABEL_VALUE, OPERATORS, Default
from steps.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from steps.autoshift.fleet import Member
    from steps.yaml.text import Tree


@dataclass(frozen=True, slots=True)
class Demand:
    """One package wanted from one catalog in one channel.

    `channel` None is the catalog's default, whatever that is; it may hold `{minor}`. `pins` are the names of
    the ClusterServiceVersions that a pinned cluster installs; `pin` is the version of one, once it is known.
    """

    label: str
    package: str
    source: str
    channel: str | None
    origin: str
    pins: tuple[str, ...] = ()
    pin: str | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """The labels `LABEL-…` of a member, with AutoShift's default for what they leave open (None: not known).

    `warn` takes a text and whom it concerns; `locate` says where a label of a member stands.
    """

    member: Member
    label: str
    default: Default | None
    warn: Callable[[str, Member], None]
    locate: Callable[[Member, str], str]

    def demands(self) -> Iterator[Demand]:
        """Yield what to mirror, nothing where the catalog is not OpenShift's. Raises InvalidInputError."""
        source = self._source()
        if source is None:
            return
        package = self._value("subscription-name") or self._value("name")
        package = package or (self.default.package if self.default else self.label)
        self._doubt(package, source)
        pins = self._pins()
        for channel, origin in self._channels():
            yield Demand(self.label, package, source, channel, origin, pins)

    def _channels(self) -> list[tuple[str | None, str]]:
        """Return the channels with where each was read; None is the catalog's own default."""
        written = self._value("channel")
        if self.default is None:
            return [(written or None, f"label {self.label}-channel" if written else "the catalog's default")]
        usual = (self.default.channel, f"default of {self.default.origin}")
        if not written:
            return [usual]
        labelled = (written, f"label {self.label}-channel")
        if self.default.reads_channel:
            return [labelled]
        self._warn(
            f"{self.default.origin}: the policy ignores {self.label}-channel and installs "
            f"{self.default.channel or 'the default channel of the catalog'}; both channels are mirrored"
        )
        return [usual, labelled]

    def _source(self) -> str | None:
        source = self._value("source") or (self.default.source if self.default else "")
        upstream = upstream_source(source, self.member.labels.get("mirror-catalog-suffix", "mirror"))
        if upstream is not None:
            return upstream
        if meant := meant_source(source):
            raise InvalidInputError(
                f"{self.locate(self.member, f'{self.label}-source')}: {self.label}-source of "
                f"{self.member.group} is '{source}', which is no catalog",
                f"did you mean '{meant}'? OpenShift has {', '.join(INDEXES)}",
            )
        self._warn(
            f"operator {self.label} comes from catalog source '{source}', which is not OpenShift's: nothing "
            "is mirrored for it; mirror that catalog by a custom ImageSet"
        )
        return None

    def _pins(self) -> tuple[str, ...]:
        names = _versions_in_config(self.member.config.get(self.label))
        return tuple(names or filter(None, [self.member.labels.get(f"{self.label}-version", "")]))

    def _doubt(self, package: str, source: str) -> None:
        """Warn where AutoShift itself is mistaken: a default catalog without the package, or no policy."""
        known = OPERATORS.get(self.label)
        if self.default is None or known is None:
            return
        if package == known.package and source != known.source and not self._value("source"):
            self._warn(
                f"{self.default.origin} takes {self.label} from {source}, which does not have {package}; "
                f"give {self.label}-source: {known.source}"
            )
        if not self.default.folders:
            self._warn(f"no policy of AutoShift installs {self.label}; {package} is mirrored all the same")

    def _value(self, suffix: str) -> str:
        """Return a label's text, '' where there is none. Raises InvalidInputError for what cannot be one."""
        label = f"{self.label}-{suffix}"
        text = self.member.labels.get(label, "")
        if text and not LABEL_VALUE.fullmatch(text):
            raise InvalidInputError(
                f"{self.locate(self.member, label)}: {label} of {self.member.group} is {text[:80]!r}, "
                "which no label can be",
                "use at most 63 letters, digits, '-', '_' and '.', a letter or digit first and last",
            )
        return text

    def _warn(self, text: str) -> None:
        self.warn(text, self.member)


def _versions_in_config(config: Tree) -> list[str]:
    """Return `config.LABEL.versions`: the ClusterServiceVersions that the policy allows."""
    versions = config.get("versions") if isinstance(config, dict) else None
    return [text for text in versions if isinstance(text, str)] if isinstance(versions, list) else []
