"""Generated fleets and mirrors, each with holes whose effect is known because they were made so.

A world is built in which the next step of a cluster works. Then holes are made in it, and each says what it
does to the cluster: nothing (it hits what the cluster does not need), a warning, not known, or not ready, and
by which cause. Nothing here asks the product what it thinks.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from steps.autoshift.releases import VersionRequest
from steps.autoshift.subscriptions import OperatorRequest
from steps.catalog.packages import Bundle, Catalog, Content, Entry, Package
from steps.imageset.imageset import ImageSet
from steps.readiness.content import Release
from steps.readiness.found import Found
from steps.readiness.graph import BlockedEdge, GraphData, Node, Risk
from steps.readiness.known import Known
from steps.readiness.needs import Needs
from steps.readiness.presence import Answer, Question
from steps.readiness.reasons import Cause, Reason
from steps.trust.releases import RELEASES
from steps.trust.verdicts import Cause as SignatureCause
from steps.trust.verdicts import Reason as SignatureReason
from steps.trust.verdicts import Verdict
from tests.unit.readiness.site import imageset
from tests.unit.trust.signers import CONTENT

TARGET = "registry.example.com:8443/mirror"
INDEX = "registry.redhat.io/redhat/redhat-operator-index"
PLATFORMS = ("amd64", "arm64")
IMAGE = "docker.io/hashicorp/vault"

REQUEST = VersionRequest("4.20", "stable-4.20")
OPERATOR = OperatorRequest("op", "op", "redhat-operators", "stable", "")

READY, WARNED, UNKNOWN, BROKEN = "ready", "warned", "unknown", "broken"
WORST = (READY, WARNED, UNKNOWN, BROKEN)
NO_ANSWER = Reason(Cause.NO_ANSWER, "it does not answer")
ASKED_FOR = ImageSet.recorded(
    imageset(f"{INDEX}:v4.20", images=[f"{IMAGE}:1.17.2"]).encode(), "corpus"
).mirror


@dataclass
class Stored:
    """A manifest in a repository; `children` are the manifests of an index, by digest with their platform."""

    digest: str
    children: dict[str, str] = field(default_factory=dict)


@dataclass
class World:
    """A mirror and a cluster. `way` are the releases that the cluster goes through, `spare` others."""

    random: random.Random
    architecture: str
    way: list[str]
    spare: list[str]
    previous: dict[str, list[str]]
    channel: str = "stable-4.20"
    members: set[str] = field(default_factory=set)
    blocked: list[BlockedEdge] = field(default_factory=list)
    has_graph: bool = True
    releases: dict[str, Release] = field(default_factory=dict)
    brought: set[str] = field(default_factory=set)
    stored: dict[str, dict[str, Stored]] = field(default_factory=dict)
    lost_layers: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    digest_mirrors: dict[str, str] = field(default_factory=dict)
    second_mirrors: dict[str, str] = field(default_factory=dict)
    tag_mirrors: dict[str, str] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)
    catalogs: dict[str, Catalog | Reason | None] = field(default_factory=dict)
    verdicts: dict[str, dict[tuple[int, int], Verdict]] = field(default_factory=dict)
    published: bool = True
    current: str = ""
    request: VersionRequest = REQUEST
    operator: OperatorRequest = OPERATOR
    installed: str = ""
    expected: dict[str, str] = field(default_factory=dict)

    # --- what the registry does

    def put(self, place: str, key: str, digest: str, *, index: bool = False) -> None:
        children = {self.digest(): f"linux/{one}" for one in PLATFORMS} if index else {}
        repository = self.stored.setdefault(f"{TARGET}/{place}", {})
        repository[key] = repository[digest] = Stored(digest, children)
        self.brought.add(f"{place}{'@' if ':' in key else ':'}{key}")
        repository |= {child: Stored(child) for child in children}

    def answer(self, question: Question) -> Answer:
        if question.place in self.silent:
            return Answer(obstacle="it does not answer")
        repository = self.stored.get(question.place, {})
        found = repository.get(question.version)
        if found is None:
            return Answer()
        chosen = [
            child
            for child, platform in found.children.items()
            if question.architecture == "multi" or platform.endswith(question.architecture)
        ]
        if found.children and not chosen:
            return Answer(found.digest, unfit=", ".join(found.children.values()))
        lacks = [child for child in chosen if child not in repository]
        lacks += [one for one in [found.digest, *chosen] if one in self.lost_layers]
        return Answer(found.digest, tuple(lacks))

    def digest(self) -> str:
        return f"sha256:{self.random.getrandbits(256):064x}"

    # --- what is found

    def found(self) -> Found:
        sets = [
            _set("ImageDigestMirrorSet", "imageDigestMirrors", self.digest_mirrors),
            _set("ImageDigestMirrorSet", "imageDigestMirrors", self.second_mirrors),
            _set("ImageTagMirrorSet", "imageTagMirrors", self.tag_mirrors),
        ]
        sets += [{"kind": "CatalogSource", "spec": {"image": image}} for image in self.sources]
        service = {
            "releases": f"{TARGET}/openshift/release-images",
            "graphDataImage": f"{TARGET}/openshift/graph-image:latest",
        }
        sets.append({"kind": "UpdateService", "spec": service})
        known = Known(
            target=TARGET,
            resources=tuple(sets) if self.published else None,
            imagesets=(ASKED_FOR,),
            brought=frozenset(self.brought),
            expected=self.expected,
        )
        channels = {
            self.channel: frozenset(self.members),
            "stable-4.21": frozenset({*self.members, "4.21.1"}),
        }
        return Found(
            known=known,
            releases={(one.node.version, one.architecture): one for one in self.releases.values()},
            graph=GraphData(channels, tuple(self.blocked)) if self.has_graph else None,
            no_graph=None if self.has_graph else Reason(Cause.NO_GRAPH, "there is none"),
            catalogs=self.catalogs,
            verdicts=self.verdicts,
        )

    def needs(self) -> Needs:
        return Needs(
            target=self.request,
            also=(),
            current=self.current,
            architecture=self.architecture,
            operators=frozenset({self.operator}),
            installed=((self.operator.package, self.installed),) if self.installed else (),
            knows_operators=bool(self.installed),
            images=(f"{IMAGE}:1.17.2",),
        )

    # --- operators

    @property
    def place(self) -> str:
        return f"{TARGET}/redhat/redhat-operator-index:v4.20"

    @property
    def package(self) -> Package:
        catalog = self.catalogs[self.place]
        assert isinstance(catalog, Catalog)
        package = catalog.packages["op"]
        assert package
        return package

    def change(self, **changes: Any) -> None:
        catalog = self.catalogs[self.place]
        assert isinstance(catalog, Catalog)
        catalog.packages["op"] = replace(self.package, **changes)

    def change_bundle(self, name: str, **changes: Any) -> None:
        bundle = self.package.bundles[name]
        assert bundle.content
        content = replace(bundle.content, **changes)
        self.change(bundles={**self.package.bundles, name: replace(bundle, content=content)})

    def visited(self) -> list[str]:
        """The bundles that OLM installs: all after the installed one, as each replaces the one before."""
        names = list(self.package.bundles)
        return names[names.index(self.installed) + 1 :] if self.installed else names[-1:]


def _set(kind: str, key: str, mirrors: dict[str, str]) -> dict[str, Any]:
    entries = [{"source": source, "mirrors": [f"{TARGET}/{place}"]} for source, place in mirrors.items()]
    return {"kind": kind, "spec": {key: entries}}


ACCEPTED = Verdict.of([])


def world(seed: int) -> World:
    """A world in which the next step works."""
    dice = random.Random(seed)
    architecture = dice.choice(["amd64", "amd64", "arm64", "multi"])
    length = dice.randint(1, 4)
    low = dice.randint(1, 9)
    minors = [*sorted(dice.choice([18, 19, 20]) for _ in range(length - 1)), 20]
    way = [f"4.{minor}.{low + number * 3}" for number, minor in enumerate(minors)]
    if len(way) > 1 and way[0].startswith("4.20"):
        way[0] = f"4.19.{low}"
    previous: dict[str, list[str]] = {way[0]: []}
    for before, after in pairwise(way):
        previous[after] = [before, f"4.17.{dice.randint(1, 9)}"]
    spare = [f"4.20.{low + 40}", f"4.18.{low + 60}"]
    previous |= {spare[0]: [way[-1]], spare[1]: []}
    made = World(dice, architecture, way, spare, previous, members={*way, *spare})
    for version in [*way, *spare]:
        _release(made, version)
    made.digest_mirrors = {
        RELEASES: "openshift/release-images",
        CONTENT: "openshift/release",
        "registry.redhat.io/op": "op",
    }
    made.tag_mirrors = {"docker.io/hashicorp": "hashicorp"}
    made.put("hashicorp/vault", "1.17.2", made.digest(), index=dice.random() < 0.5)
    made.current = way[0]
    made.request = VersionRequest("4.20", "stable-4.20", way[-1], way[-1])
    _operator(made)
    return made


def _release(made: World, version: str) -> None:
    digest, parts = made.digest(), [made.digest() for _ in range(made.random.randint(2, 4))]
    made.put("openshift/release-images", f"{version}-x", digest, index=made.architecture == "multi")
    for part in parts:
        made.put("openshift/release", part, part, index=made.architecture == "multi")
    content = tuple((CONTENT, part) for part in parts)
    made.releases[version] = Release(
        digest, Node(version, tuple(made.previous[version])), made.architecture, content
    )
    minor = int(version.split(".")[1])
    made.verdicts[digest] = {(4, minor - 1): ACCEPTED, (4, minor): ACCEPTED}


def _operator(made: World) -> None:
    """A package whose bundles replace each other, and another that its head requires."""
    dice, bundles, entries = made.random, dict[str, Bundle](), list[Entry]()
    for number in range(dice.randint(2, 4)):
        name = f"op.v1.{number}.0"
        bundles[name] = _bundle(made, name, f"1.{number}.0")
        entries.append(Entry(name, replaces=entries[-1].name if entries else ""))
    head = bundles[entries[-1].name]
    if dice.random() < 0.5:
        bundles[head.name] = replace(head, requires=(("dep", ">=1.0.0 <2.0.0"),))
    names = tuple(entry.name for entry in entries)
    package = Package("op", "stable", {"stable": names}, bundles, {"stable": tuple(entries)})
    dep = _bundle(made, "dep.v1.4.0", "1.4.0")
    required = Package(
        "dep", "stable", {"stable": (dep.name,)}, {dep.name: dep}, {"stable": (Entry(dep.name),)}
    )
    made.catalogs[made.place] = Catalog(
        made.place, made.digest(), {"op": package, "dep": required}, {}, ("dep", "op")
    )
    made.put("redhat/redhat-operator-index", "v4.20", made.digest(), index=True)
    made.sources = [made.place]
    made.installed = dice.choice(["", *names])


def _bundle(made: World, name: str, version: str) -> Bundle:
    origins = [f"registry.redhat.io/op/{part}" for part in ("bundle", "operator", "operand")]
    images = []
    for number, origin in enumerate(origins):
        digest = made.digest()
        made.put(origin.partition("/")[2], digest, digest, index=number > 0)
        images.append(f"{origin}@{digest}")
    return Bundle(name, version, content=Content(images[0], tuple(images)))


# --- holes: each changes a world, and returns what that does to the cluster; None where it cannot be made

Effect = tuple[str, frozenset[Cause]]
Hole = Callable[[World], Effect | None]


def broken(*causes: Cause) -> Effect:
    return BROKEN, frozenset(causes)


def _goes(made: World) -> list[str]:
    """The releases whose content the cluster needs: all after the first, or the only one."""
    return made.way[1:] or made.way


def lost_content(made: World) -> Effect:
    part = made.random.choice(made.releases[made.random.choice(_goes(made))].content)[1]
    del made.stored[f"{TARGET}/openshift/release"][part]
    return broken(Cause.LOST)


def lost_content_of_another_release(made: World) -> Effect:
    for version in made.spare:
        for _name, part in made.releases[version].content:
            del made.stored[f"{TARGET}/openshift/release"][part]
    return READY, frozenset()


def lost_content_of_what_runs(made: World) -> Effect | None:
    if len(made.way) < 2:
        return None
    del made.stored[f"{TARGET}/openshift/release"][made.releases[made.way[0]].content[0][1]]
    return WARNED, frozenset({Cause.RUNNING})


def lost_layer(made: World) -> Effect:
    part = made.random.choice(made.releases[made.random.choice(_goes(made))].content)[1]
    stored = made.stored[f"{TARGET}/openshift/release"][part]
    made.lost_layers.add(made.random.choice([*stored.children] or [part]))
    return broken(Cause.INCOMPLETE)


def lost_platform(made: World) -> Effect | None:
    """An index of an operator without the image of the cluster's architecture, or of another."""
    content = made.package.bundles[list(made.package.bundles)[-1]].content
    assert content
    name, _, digest = content.related[-1].partition("@")
    repository = made.stored[f"{TARGET}/{name.partition('/')[2]}"]
    child, platform = made.random.choice(list(repository[digest].children.items()))
    del repository[child]
    hit = made.architecture == "multi" or platform.endswith(made.architecture)
    return broken(Cause.INCOMPLETE) if hit else (READY, frozenset())


def _forget(made: World, version: str) -> None:
    release = made.releases.pop(version)
    repository = made.stored[f"{TARGET}/openshift/release-images"]
    for key in [key for key, one in repository.items() if one.digest == release.digest]:
        del repository[key]


def deleted_target(made: World) -> Effect | None:
    _forget(made, made.way[-1])
    return broken(Cause.NEVER_ASKED, Cause.OTHER_MINOR)


def never_brought(made: World) -> Effect:
    """The ImageSet asks for it, and the run that should have brought it failed there."""
    part = made.random.choice(made.releases[made.random.choice(_goes(made))].content)[1]
    del made.stored[f"{TARGET}/openshift/release"][part]
    made.brought.discard(f"openshift/release@{part}")
    return broken(Cause.NOT_BROUGHT)


def gap(made: World) -> Effect | None:
    if len(made.way) < 3:
        return None
    _forget(made, made.random.choice(made.way[1:-1]))
    return broken(Cause.NO_PATH)


def gap_with_a_way_around(made: World) -> Effect | None:
    """What follows the missing release can be reached from what is before it."""
    if len(made.way) < 3:
        return None
    place = made.random.randrange(1, len(made.way) - 1)
    before, missing, after = made.way[place - 1 : place + 2]
    if missing not in made.releases or after not in made.releases:
        return None
    one = made.releases[after]
    made.releases[after] = replace(one, node=replace(one.node, previous=(*one.node.previous, before)))
    _forget(made, missing)
    return READY, frozenset()


def what_runs_is_not_mirrored(made: World) -> Effect | None:
    if len(made.way) < 2:
        return None
    _forget(made, made.way[0])
    return broken(Cause.NO_PATH)


def spare_release_deleted(made: World) -> Effect:
    _forget(made, made.spare[0])
    return READY, frozenset()


def blocked(made: World) -> Effect | None:
    if len(made.way) < 2:
        return None
    place = made.random.randrange(1, len(made.way))
    pattern = made.way[place - 1].replace(".", "[.]")
    made.blocked.append(BlockedEdge(made.way[place], f"^{pattern}[+].*$"))
    return broken(Cause.NO_PATH)


def blocked_from_elsewhere(made: World) -> Effect:
    made.blocked.append(BlockedEdge(made.way[-1], r"4[.]16[.].*"))
    made.blocked.append(BlockedEdge(f"{made.way[-1]}+s390x", ".*"))
    return READY, frozenset()


def conditional(made: World) -> Effect | None:
    if len(made.way) < 2:
        return None
    risk = Risk("SomethingBreaks", "In some clusters something breaks.", "https://example.com/risk")
    made.blocked.append(BlockedEdge(made.random.choice(made.way[1:]), ".*", risk))
    return WARNED, frozenset({Cause.CONDITIONAL})


def out_of_channel(made: World) -> Effect | None:
    if len(made.way) < 2:
        return None
    made.members.discard(made.random.choice(made.way))
    return broken(Cause.NO_PATH)


def another_architecture(made: World) -> Effect:
    other = "ppc64le"
    for version, release in made.releases.items():
        made.releases[version] = replace(release, architecture=other)
    return broken(Cause.NEVER_ASKED)


def other_digest(made: World) -> Effect | None:
    """Somebody pushed another release under the tag: nobody has signed it."""
    version = made.way[-1]
    if len(made.way) < 2 or version not in made.releases:
        return None
    release = made.releases[version]
    digest = made.digest()
    made.put("openshift/release-images", f"{version}-x", digest)
    made.releases[version] = replace(release, digest=digest)
    reasons = [
        SignatureReason(SignatureCause.NO_GPG, digest),
        SignatureReason(SignatureCause.NO_SIGSTORE, digest),
    ]
    made.verdicts[digest] = dict.fromkeys(made.verdicts[release.digest], Verdict.of(reasons))
    return broken(Cause.SIGNATURE)


def _sign(made: World, cause: SignatureCause) -> bool:
    if len(made.way) < 2:
        return False
    digest = (
        made.releases[made.random.choice(made.way[1:])].digest if set(made.way) <= set(made.releases) else ""
    )
    if digest not in made.verdicts:
        return False
    made.verdicts[digest] = {**made.verdicts[digest]}
    minor = made.random.choice(list(made.verdicts[digest]))
    made.verdicts[digest][minor] = Verdict.of([SignatureReason(cause, "x")])
    return True


def unsigned(made: World) -> Effect | None:
    causes = [
        SignatureCause.NO_GPG,
        SignatureCause.WRONG_SIGSTORE,
        SignatureCause.ONLY_REFERRER,
        SignatureCause.KEY_ENDED,
    ]
    return broken(Cause.SIGNATURE) if _sign(made, made.random.choice(causes)) else None


def unverified(made: World) -> Effect | None:
    return (UNKNOWN, frozenset({Cause.UNVERIFIED})) if _sign(made, SignatureCause.NO_KEYS) else None


def never_verified(made: World) -> Effect | None:
    if len(made.way) < 2:
        return None
    made.verdicts.clear()
    return UNKNOWN, frozenset({Cause.UNVERIFIED})


def unknown_current(made: World) -> Effect:
    made.current = ""
    return UNKNOWN, frozenset({Cause.NO_CURRENT})


def no_graph(made: World) -> Effect | None:
    made.has_graph = False
    return (UNKNOWN, frozenset({Cause.NO_GRAPH})) if len(made.way) > 1 else (READY, frozenset())


def silent(made: World) -> Effect:
    made.silent.add(f"{TARGET}/openshift/release")
    return UNKNOWN, frozenset({Cause.NO_ANSWER})


def silent_elsewhere(made: World) -> Effect:
    made.silent.add(f"{TARGET}/team/app")
    return READY, frozenset()


def unpublished(made: World) -> Effect:
    made.published = False
    return UNKNOWN, frozenset({Cause.NOT_PUBLISHED})


def wrong_scope(made: World) -> Effect:
    source = made.random.choice(list(made.digest_mirrors))
    made.digest_mirrors[f"{source}-other"] = made.digest_mirrors.pop(source)
    return broken(Cause.NOT_COVERED)


def longer_scope_elsewhere(made: World) -> Effect:
    """A longer source counts before the right one, and leads where nothing is."""
    made.digest_mirrors["registry.redhat.io/op/operator"] = "nothing/here"
    return broken(Cause.NOT_COVERED)


def led_elsewhere(made: World) -> Effect:
    source = made.random.choice(list(made.digest_mirrors))
    made.digest_mirrors[source] = "another/path"
    return broken(Cause.NOT_COVERED)


def no_tag_mirror(made: World) -> Effect:
    made.tag_mirrors.clear()
    return broken(Cause.NOT_COVERED)


def lost_image(made: World) -> Effect:
    made.stored[f"{TARGET}/hashicorp/vault"].clear()
    return broken(Cause.LOST)


def other_image(made: World) -> Effect:
    """The generation that was imported has another image of this tag, or the same."""
    there = made.stored[f"{TARGET}/hashicorp/vault"]["1.17.2"].digest
    same = made.random.random() < 0.5
    made.expected[f"{IMAGE}:1.17.2"] = there if same else made.digest()
    return (READY, frozenset()) if same else broken(Cause.OTHER_IMAGE)


def no_catalog_source(made: World) -> Effect:
    made.sources = [f"{TARGET}/redhat/redhat-operator-index:v4.19"]
    return broken(Cause.NOT_COVERED)


def no_catalog(made: World) -> Effect:
    made.catalogs[made.place] = None
    return broken(Cause.LOST)


def unreadable_catalog(made: World) -> Effect:
    made.catalogs[made.place] = NO_ANSWER
    return UNKNOWN, frozenset({Cause.NO_ANSWER})


def catalog_without_platform(made: World) -> Effect:
    """A sparse index: the image of the cluster's architecture, or of another, is not there."""
    repository = made.stored[f"{TARGET}/redhat/redhat-operator-index"]
    child, platform = made.random.choice(list(repository["v4.20"].children.items()))
    del repository[child]
    hit = made.architecture == "multi" or platform.endswith(made.architecture)
    return broken(Cause.INCOMPLETE) if hit else (READY, frozenset())


def catalog_for_other_platforms(made: World) -> Effect | None:
    if made.architecture == "multi":
        return None
    made.stored[f"{TARGET}/redhat/redhat-operator-index"]["v4.20"].children = {made.digest(): "linux/s390x"}
    return broken(Cause.UNFIT)


def first_mirror_is_not_whole(made: World) -> Effect | None:
    """The first of two mirrors has the index of an image and not the image: nodes ask no other then."""
    part = made.random.choice(made.releases[made.random.choice(_goes(made))].content)[1]
    stored = made.stored[f"{TARGET}/openshift/release"][part]
    other = made.stored.setdefault(f"{TARGET}/other", {})
    if stored.children:
        other[part] = stored
    made.second_mirrors[CONTENT] = "openshift/release"
    made.digest_mirrors[CONTENT] = "other"
    return broken(Cause.INCOMPLETE) if stored.children else (READY, frozenset())


def no_package(made: World) -> Effect:
    catalog = made.catalogs[made.place]
    assert isinstance(catalog, Catalog)
    catalog.packages["op"] = None
    return broken(Cause.NEVER_ASKED)


def no_channel(made: World) -> Effect:
    made.operator = replace(made.operator, channel="stable-9")
    return broken(Cause.NO_OPERATOR)


def lost_bundle_image(made: World) -> Effect | None:
    bundles = made.visited() or [made.installed]
    content = made.package.bundles[made.random.choice(bundles)].content
    assert content
    name, _, digest = made.random.choice(content.images).partition("@")
    del made.stored[f"{TARGET}/{name.partition('/')[2]}"][digest]
    return broken(Cause.LOST)


def lost_image_of_an_earlier_bundle(made: World) -> Effect | None:
    names = list(made.package.bundles)
    earlier = names[: names.index(made.installed)] if made.installed else names[:-1]
    if not earlier:
        return None
    content = made.package.bundles[earlier[-1]].content
    assert content
    name, _, digest = content.image.partition("@")
    del made.stored[f"{TARGET}/{name.partition('/')[2]}"][digest]
    return READY, frozenset()


def broken_chain(made: World) -> Effect | None:
    """The head replaces a version that nobody has."""
    names = list(made.package.bundles)
    if not made.installed or made.installed == names[-1]:
        return None
    entries = list(made.package.entries["stable"])
    entries[-1] = Entry(names[-1], replaces="op.v0.9.9")
    entries = [*entries[:-2], replace(entries[-2], skips=()), entries[-1]] if len(entries) > 2 else entries
    made.change(entries={"stable": tuple(entries)})
    return broken(Cause.NO_OPERATOR)


def skipped_over(made: World) -> Effect | None:
    """The head skips to from any version, so what is between is not needed."""
    names = list(made.package.bundles)
    if not made.installed or names.index(made.installed) > len(names) - 3:
        return None
    between = made.package.bundles[names[-2]].content
    assert between
    name, _, digest = between.image.partition("@")
    del made.stored[f"{TARGET}/{name.partition('/')[2]}"][digest]
    entries = [
        *made.package.entries["stable"][:-1],
        Entry(names[-1], replaces=names[-2], skip_range=">=1.0.0 <1.9.0"),
    ]
    made.change(entries={"stable": tuple(entries)})
    return READY, frozenset()


def between_is_skipped(made: World) -> Effect | None:
    """The head skips what leads from the installed version to it: OLM installs that no more."""
    names = list(made.package.bundles)
    if not made.installed or names.index(made.installed) > len(names) - 3:
        return None
    entries = made.package.entries["stable"]
    made.change(entries={"stable": (*entries[:-1], replace(entries[-1], skips=(names[-2],)))})
    return broken(Cause.NO_OPERATOR)


def a_later_one_is_installed(made: World) -> Effect | None:
    scopes = {one: where for one, where in made.digest_mirrors.items() if "redhat.io/op" in one}
    if not made.installed or scopes != {"registry.redhat.io/op": "op"}:  # its images are not asked for
        return None
    made.installed = "op.v2.0.0"
    return WARNED, frozenset({Cause.LATER_INSTALLED})


def pinned_away(made: World) -> Effect:
    made.operator = replace(made.operator, pinned_csvs=("op.v7.7.7",))
    return broken(Cause.NO_OPERATOR)


def needs_a_later_kubernetes(made: World) -> Effect | None:
    if not made.visited():
        return None
    made.change_bundle(made.visited()[-1], oldest_kubernetes=made.random.choice(["1.34.0", "1.40.1"]))
    return broken(Cause.NEEDS_LATER)


def needs_a_kubernetes_that_nobody_knows(made: World) -> Effect | None:
    """A patch release of the minor's own Kubernetes, or what OLM cannot read."""
    if not made.visited():
        return None
    version = made.random.choice(["1.33.7", "1.20", "v1.20.0", "latest", "'"])
    made.change_bundle(made.visited()[-1], oldest_kubernetes=version)
    return UNKNOWN, frozenset({Cause.UNCLEAR})


def needs_this_kubernetes(made: World) -> Effect:
    made.change_bundle(
        list(made.package.bundles)[-1], oldest_kubernetes=made.random.choice(["1.33.0", "1.20.1", "1.33.0-0"])
    )
    return READY, frozenset()


def forbids_the_minor(made: World) -> Effect | None:
    for name in made.package.bundles:
        made.change_bundle(
            name, newest_openshift=made.random.choice(["4.19", "4.17.0", "nonsense", "4.20.3", "''"])
        )
    if made.current.startswith("4.20."):  # it keeps no cluster from another release of the minor that runs
        return READY, frozenset()
    return broken(Cause.FORBIDS_MINOR)


def allows_the_minor(made: World) -> Effect:
    for name in made.package.bundles:
        made.change_bundle(name, newest_openshift=made.random.choice(["4.20", "4.21", "5.0"]))
    return READY, frozenset()


def required_is_missing(made: World) -> Effect | None:
    head = list(made.package.bundles)[-1]
    catalog = made.catalogs[made.place]
    if not made.package.bundles[head].requires or not isinstance(catalog, Catalog):
        return None
    catalog.packages["dep"] = None
    return broken(Cause.REQUIRED)


def required_is_not_the_newest(made: World) -> Effect | None:
    """The head of the only channel is out of range, and what it replaces is in it."""
    head = list(made.package.bundles)[-1]
    catalog = made.catalogs[made.place]
    if not made.package.bundles[head].requires or not isinstance(catalog, Catalog):
        return None
    dep = catalog.packages["dep"]
    assert dep
    later = replace(dep.bundles["dep.v1.4.0"], name="dep.v2.0.0", version="2.0.0")
    entries = (*dep.entries["stable"], Entry(later.name, replaces="dep.v1.4.0"))
    bundles = {**dep.bundles, later.name: later}
    channels = {"stable": tuple(bundles)}
    catalog.packages["dep"] = replace(dep, bundles=bundles, channels=channels, entries={"stable": entries})
    return READY, frozenset()


def required_is_elsewhere(made: World) -> Effect | None:
    """What is required is in another catalog that clusters are given, or nobody knows."""
    head = list(made.package.bundles)[-1]
    catalog = made.catalogs[made.place]
    if not made.package.bundles[head].requires or not isinstance(catalog, Catalog):
        return None
    other = f"{TARGET}/redhat/certified-operator-index:v4.20"
    known = made.random.random() < 0.5
    dep = catalog.packages["dep"]
    catalog.packages["dep"] = None
    made.catalogs[other] = Catalog(other, made.digest(), {"dep": dep}) if known else NO_ANSWER
    made.sources.append(other)
    return (READY, frozenset()) if known else (UNKNOWN, frozenset({Cause.UNCLEAR}))


def constraint_that_olm_evaluates(made: World) -> Effect:
    for name, bundle in made.package.bundles.items():
        made.change(bundles={**made.package.bundles, name: replace(bundle, unclear=("cel: needs a GPU",))})
    return UNKNOWN, frozenset({Cause.UNCLEAR})


def image_of_required_is_lost(made: World) -> Effect | None:
    head = made.package.bundles[list(made.package.bundles)[-1]]
    catalog = made.catalogs[made.place]
    if not head.requires or not isinstance(catalog, Catalog) or not (dep := catalog.packages["dep"]):
        return None
    content = dep.bundles["dep.v1.4.0"].content
    assert content
    name, _, digest = content.image.partition("@")
    del made.stored[f"{TARGET}/{name.partition('/')[2]}"][digest]
    return broken(Cause.LOST)


def _holes(*names: str) -> tuple[Hole, ...]:
    return tuple(globals()[name] for name in names)


OF_OPERATORS = _holes(
    "no_catalog_source",
    "no_catalog",
    "unreadable_catalog",
    "catalog_without_platform",
    "catalog_for_other_platforms",
    "no_package",
    "no_channel",
    "lost_bundle_image",
    "lost_image_of_an_earlier_bundle",
    "lost_platform",
    "broken_chain",
    "skipped_over",
    "between_is_skipped",
    "a_later_one_is_installed",
    "pinned_away",
    "needs_a_later_kubernetes",
    "needs_a_kubernetes_that_nobody_knows",
    "needs_this_kubernetes",
    "forbids_the_minor",
    "allows_the_minor",
    "required_is_missing",
    "required_is_not_the_newest",
    "required_is_elsewhere",
    "constraint_that_olm_evaluates",
    "image_of_required_is_lost",
)
OF_RELEASES = _holes(
    "lost_content",
    "lost_content_of_another_release",
    "lost_content_of_what_runs",
    "lost_layer",
    "deleted_target",
    "never_brought",
    "gap",
    "gap_with_a_way_around",
    "what_runs_is_not_mirrored",
    "spare_release_deleted",
    "blocked",
    "blocked_from_elsewhere",
    "conditional",
    "out_of_channel",
    "another_architecture",
    "other_digest",
    "unsigned",
    "unverified",
    "never_verified",
    "unknown_current",
    "no_graph",
    "silent",
    "silent_elsewhere",
    "unpublished",
    "wrong_scope",
    "longer_scope_elsewhere",
    "led_elsewhere",
    "first_mirror_is_not_whole",
    "no_tag_mirror",
    "lost_image",
    "other_image",
)
HOLES = (*OF_RELEASES, *OF_OPERATORS)


def case(seed: int) -> tuple[World, str, list[tuple[str, Effect]]]:
    """A world with no hole, one, or two that do not meet; its truth, the worst; and what was done."""
    made = world(seed)
    dice = random.Random(hashlib.sha256(str(seed).encode()).digest())
    chosen = [dice.choice([None, *HOLES])]
    if dice.random() < 0.25:
        chosen = [dice.choice(OF_RELEASES), dice.choice(OF_OPERATORS)]
    done = [(hole.__name__, effect) for hole in chosen if hole and (effect := hole(made))]
    truth = max((effect[0] for _name, effect in done), key=WORST.index, default=READY)
    return made, truth, done
