"""What changed: what a generation or a run brings against the one before it, and what goes.

`compare` is pure: it is given two states and makes the list of what differs. The same two states make the
same bytes (`ChangeList.canonical`), so that their sha256 is what a person approves. A list says what a state
names, not what a registry holds: what "goes" is no longer mirrored, and nothing is deleted by it.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from steps import units, versions
from steps.mirroring.store.records import Part, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from steps.mirroring.store.contents import ContentIndex, Contents
    from steps.mirroring.store.generations import Generation

Channel = tuple[str, str]
"""An operator's package and channel."""
_SHOWN: Final = 3
"""Names of a kind that a message has."""


class NamedGeneration(Part):
    """A generation: its number, the identity of its record, its mirror name, and when it was made."""

    sequence: int
    identity: str
    mirror_name: str
    finished: str


class Point(Part):
    """What is compared: generations, oldest first, or a direct run by the time when it ended (RFC 3339)."""

    generations: tuple[NamedGeneration, ...] = ()
    run: str = ""


class Names(Part):
    """Names that are new, and that go."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class OperatorChange(Part):
    """An operator in a channel, with the versions of its bundles before and after, the newest first."""

    package: str
    channel: str
    before: tuple[str, ...]
    after: tuple[str, ...]


class OperatorChanges(Part):
    """Operators that are new, that have other versions, and that go."""

    added: tuple[OperatorChange, ...] = ()
    updated: tuple[OperatorChange, ...] = ()
    removed: tuple[OperatorChange, ...] = ()


class ImageChange(Part):
    """An image by the name of its source; a digest is empty where there is none, or where it is not known."""

    name: str
    before: str
    after: str


class ImageChanges(Part):
    """Images that are new, whose name stands for another digest, and that go."""

    added: tuple[ImageChange, ...] = ()
    updated: tuple[ImageChange, ...] = ()
    removed: tuple[ImageChange, ...] = ()


class Sizes(Part):
    """Bytes. `new` are those of the `new_blobs` blobs that were not there before, `total` those of all blobs.

    Each is None where it is not known. `archives` are the archives that bring them; 0 for a direct run.
    """

    new: int | None
    new_blobs: int | None
    total: int | None
    archives: int


class ChangeList(Record):
    """What `after` brings against `before`, None for nothing; `unknown` says what could not be compared.

    `settings` are sentences about what their ImageSets say otherwise of what both name (`imageset.diff`).
    `target` is the registry that it is brought to, empty for a list of what was made.
    """

    kind: Literal["ChangeList"] = "ChangeList"
    before: Point | None
    after: Point
    releases: Names
    operators: OperatorChanges
    charts: Names
    additional: Names
    images: ImageChanges
    sizes: Sizes
    settings: tuple[str, ...] = ()
    target: str = ""
    unknown: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the list as plain values, without `settings` and `target` where there are none."""
        found = super().document()
        empty = {name for name in ("settings", "target") if not getattr(self, name)}
        return {name: value for name, value in found.items() if name not in empty}

    @property
    def canonical(self) -> bytes:
        """The list as it is written and approved: the same list always has the same bytes."""
        return (json.dumps(self.document(), sort_keys=True, indent=1) + "\n").encode()

    @property
    def sha256(self) -> str:
        """The hash by which a list is approved: that of its file, as `sha256sum` prints it."""
        return hashlib.sha256(self.canonical).hexdigest()

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs, as far as it could be compared."""
        named = (self.releases, self.charts, self.additional, self.operators, self.images)
        return not self.unknown and not self.settings and not any(any(_parts(part)) for part in named)

    @property
    def identities(self) -> frozenset[str]:
        """The identities of the generations that it is about."""
        return frozenset(generation.identity for generation in self.after.generations)


def _parts(part: Part) -> Iterable[Any]:
    return (getattr(part, name) for name in type(part).model_fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a mirror has: as its records describe it, and each image's digest and each blob's size by name.

    `images` and `blobs` are None where they are not known, `unknown` says why. `is_partial`: `contents` may
    lack something. `lasting` is what is mirrored in the end, where several generations come at once and a
    later one drops what an earlier one has; None: all of it.
    """

    point: Point
    contents: tuple[Contents, ...]
    images: Mapping[str, str] | None = None
    blobs: Mapping[str, int] | None = None
    archives: int = 0
    unknown: tuple[str, ...] = ()
    is_partial: bool = False
    lasting: State | None = None


@dataclass(slots=True)
class Gathered:
    """Puts the state of several generations together: what any of them has, the later ones before."""

    generations: list[Generation] = field(default_factory=list)
    images: dict[str, str] = field(default_factory=dict)
    blobs: dict[str, int] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    is_partial: bool = False

    def add(self, generation: Generation, index: ContentIndex | None, problem: str = "") -> None:
        """Add a generation; without its index, `problem` says why."""
        self.generations.append(generation)
        if _lacks_names(generation, index):
            self.is_partial = True
            self.unknown.append(
                f"all that generation {generation.sequence} has: its record does not name all"
            )
        if index is None or not index.complete:
            why = problem or (
                "it was made by version 0.1" if index is None else "oc-mirror did not name them"
            )
            self.unknown.append(f"images of generation {generation.sequence}: {why}")
            return
        self.images |= {image.source.removeprefix("docker://"): image.digest for image in index.images}
        self.blobs |= {digest: blob.size for digest, blob in index.blobs.items()}

    def state(self) -> State:
        """Return what was added."""
        known = not self.unknown
        return State(
            point=Point(
                generations=tuple(
                    NamedGeneration(
                        sequence=one.sequence,
                        identity=one.identity,
                        mirror_name=one.mirror_name,
                        finished=one.finished,
                    )
                    for one in self.generations
                )
            ),
            contents=tuple(one.contents for one in self.generations),
            images=self.images if known else None,
            blobs=self.blobs if known else None,
            archives=sum(one.size for one in self.generations),
            unknown=tuple(self.unknown),
            is_partial=self.is_partial,
        )


def _lacks_names(generation: Generation, index: ContentIndex | None) -> bool:
    """Return whether `contents` lacks something: version 0.1 wrote none, some oc-mirrors do not name all."""
    if index is None or index.complete:
        return not generation.contents
    return len(index.images) < sum(generation.images.values())


def compare(before: State | None, after: State) -> ChangeList:
    """Return what `after` brings against `before`, and what of `before` it lacks; None has nothing."""
    earlier = before or State(point=Point(), contents=(), images={}, blobs={})
    lasting = after.lasting or after
    return ChangeList(
        before=before.point if before else None,
        after=after.point,
        releases=_names("releases", earlier, after, versions.natural),
        operators=_operators(
            _channels(earlier.contents),
            _channels(after.contents),
            _channels((*lasting.contents, *(earlier.contents if after.is_partial else ()))),
        ),
        charts=_names("charts", earlier, after),
        additional=_names("additional", earlier, after),
        images=_images(earlier.images, after.images, lasting.images),
        sizes=_sizes(earlier.blobs, after.blobs, after.archives),
        unknown=(*earlier.unknown, *after.unknown, *_perhaps_moved(earlier.images, lasting.images)),
    )


def _names(key: str, before: State, after: State, order: Callable[[str], Any] | None = None) -> Names:
    old, new = _all(key, before.contents), _all(key, after.contents)
    gone = set() if after.is_partial else old - _all(key, (after.lasting or after).contents)
    return Names(
        added=tuple(sorted(new - old, key=order)),
        removed=tuple(sorted(gone, key=order)),
    )


def _all(key: str, contents: Iterable[Contents]) -> set[str]:
    return {str(name).removeprefix("docker://") for one in contents for name in one.get(key, [])}


def _channels(contents: Iterable[Contents]) -> dict[Channel, tuple[str, ...]]:
    """Return the versions by package and channel, the newest first; of a bundle without one its name."""
    found: defaultdict[Channel, set[str]] = defaultdict(set)
    for one in contents:
        for bundle in one.get("operators", []):
            if isinstance(bundle, dict):
                texts = {key: str(value) for key, value in bundle.items()}
                channel = texts.get("package", ""), texts.get("channel", "")
                found[channel].add(texts.get("version") or texts.get("bundle", ""))
    return {
        channel: tuple(sorted(names, key=versions.natural, reverse=True))
        for channel, names in sorted(found.items())
    }


def _operators(
    before: Mapping[Channel, tuple[str, ...]],
    brought: Mapping[Channel, tuple[str, ...]],
    lasting: Mapping[Channel, tuple[str, ...]],
) -> OperatorChanges:
    def told(channel: Channel) -> tuple[str, ...]:
        """Return what there is after it: all that is brought, and of what was there what stays."""
        stays = lasting.get(channel, ())
        new = {name for name in brought.get(channel, ()) if name not in before.get(channel, ())}
        found = new | {name for name in before.get(channel, ()) if name in stays}
        return tuple(sorted(found, key=versions.natural, reverse=True))

    after = {channel: told(channel) for channel in sorted({*before, *brought})}

    def of(channels: Iterable[Channel]) -> tuple[OperatorChange, ...]:
        return tuple(
            OperatorChange(
                package=package,
                channel=channel,
                before=before.get((package, channel), ()),
                after=after[package, channel],
            )
            for package, channel in channels
        )

    return OperatorChanges(
        added=of(channel for channel in after if channel not in before),
        updated=of(
            channel
            for channel in after
            if after[channel] and before.get(channel, ()) and after[channel] != before[channel]
        ),
        removed=of(channel for channel in after if channel in before and not after[channel]),
    )


def _images(
    before: Mapping[str, str] | None, brought: Mapping[str, str] | None, lasting: Mapping[str, str] | None
) -> ImageChanges:
    if before is None or brought is None or lasting is None:
        return ImageChanges()

    def of(names: Iterable[str], after: Mapping[str, str]) -> tuple[ImageChange, ...]:
        return tuple(
            ImageChange(name=name, before=before.get(name, ""), after=after.get(name, ""))
            for name in sorted(names)
        )

    both = before.keys() & lasting.keys()
    moved = [
        name for name in both if "" not in {before[name], lasting[name]} and before[name] != lasting[name]
    ]
    return ImageChanges(
        added=of(brought.keys() - before.keys(), brought),
        updated=of(moved, lasting),
        removed=of(before.keys() - lasting.keys(), lasting),
    )


def _perhaps_moved(before: Mapping[str, str] | None, after: Mapping[str, str] | None) -> list[str]:
    """Say of how many images that both have it is not known whether they are the same."""
    if before is None or after is None:
        return []
    names = sorted(name for name in before.keys() & after.keys() if "" in {before[name], after[name]})
    if not names:
        return []
    return [
        f"whether {units.few(names, _SHOWN)} changed: the target did not tell a digest of "
        + ("it" if len(names) == 1 else "them")
    ]


def _sizes(before: Mapping[str, int] | None, after: Mapping[str, int] | None, archives: int) -> Sizes:
    if after is None:
        return Sizes(new=None, new_blobs=None, total=None, archives=archives)
    total = sum(after.values())
    if before is None:
        return Sizes(new=None, new_blobs=None, total=total, archives=archives)
    new = [size for digest, size in after.items() if digest not in before]
    return Sizes(new=sum(new), new_blobs=len(new), total=total, archives=archives)


def differences(approved: ChangeList, now: ChangeList) -> list[str]:
    """Return how a list differs from the one that was approved, in words; the most important first."""
    found = []
    for what, old, new in (
        ("generations", _generations(approved), _generations(now)),
        ("releases", _lines(approved.releases), _lines(now.releases)),
        ("operators", _operator_lines(approved), _operator_lines(now)),
        ("charts", _lines(approved.charts), _lines(now.charts)),
        ("additional images", _lines(approved.additional), _lines(now.additional)),
        ("images", _image_lines(approved), _image_lines(now)),
        ("settings", {*approved.settings}, {*now.settings}),
    ):
        found += [f"{what}: now {units.few(sorted(new - old), _SHOWN)}"] if new - old else []
        found += [f"{what}: no longer {units.few(sorted(old - new), _SHOWN)}"] if old - new else []
    if not found and approved.canonical != now.canonical:
        found.append("versions or digests that were there before, sizes, or what is not known")
    return found


def _generations(listed: ChangeList) -> set[str]:
    before = listed.before.generations if listed.before else ()
    compared = {f"against {one.sequence}" for one in before}
    return compared | {f"{one.sequence} ({one.identity[:12]})" for one in listed.after.generations}


def _lines(names: Names) -> set[str]:
    return {f"+{name}" for name in names.added} | {f"-{name}" for name in names.removed}


def _operator_lines(listed: ChangeList) -> set[str]:
    changes = listed.operators
    return {
        f"{one.package} {one.channel} {'/'.join(one.after) or 'gone'}"
        for one in (*changes.added, *changes.updated, *changes.removed)
    }


def _image_lines(listed: ChangeList) -> set[str]:
    changes = listed.images
    return {
        f"{one.name} {one.after or 'gone'}" for one in (*changes.added, *changes.updated, *changes.removed)
    }
