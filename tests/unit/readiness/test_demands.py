"""What a need asks of a mirror, where the corpus does not go: sets, installations, limits, obstacles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from steps.autoshift.planning import cluster_needs
from steps.autoshift.releases import VersionRequest
from steps.catalog.packages import Bundle, Catalog, Content
from steps.oci.access import Access
from steps.readiness import needs, operators, presence, report, verdict
from steps.readiness.presence import Question
from steps.readiness.reasons import Cause, Reason, State
from steps.readiness.verdict import Judged
from steps.yaml.source import SourceFile
from tests.unit.readiness import corpus
from tests.unit.readiness.corpus import World
from tests.unit.readiness.test_corpus import judged


def world(*, steps: int) -> World:
    """A world whose cluster goes so many steps, from 4.19, with the first bundle installed."""
    for seed in range(1000):
        made = corpus.world(seed)
        if (
            len(made.way) == steps + 1
            and made.way[0].startswith("4.19")
            and not made.package.bundles["op.v1.1.0"].requires
        ):
            made.installed = "op.v1.0.0"
            return made
    raise AssertionError("no such world")


def causes(said: Judged) -> set[Cause]:
    return {reason.cause for reason in said.reasons}


def test_an_operator_that_forbids_the_next_minor_and_that_olm_updates_first_is_a_warning() -> None:
    made = world(steps=1)
    made.change_bundle("op.v1.0.0", newest_openshift="4.19")
    assert Cause.FORBIDS_MINOR in causes(judged(made)), "nobody knows whether OLM updates it before"
    before = made.place.replace("v4.20", "v4.19")
    made.catalogs[before] = Catalog(before, "", {"op": made.package})
    said = judged(made)
    assert (said.state, causes(said)) == (State.WARNINGS, {Cause.UPDATE_FIRST})


def test_where_the_newest_of_the_minor_before_forbids_the_next_one_it_is_not_ready() -> None:
    made = world(steps=1)
    before = made.place.replace("v4.20", "v4.19")
    limits = {
        name: replace(bundle, content=bundle.content and replace(bundle.content, newest_openshift="4.19"))
        for name, bundle in made.package.bundles.items()
    }
    made.catalogs[before] = Catalog(before, "", {"op": replace(made.package, bundles=limits)})
    for installed in ("", "op.v1.0.0"):
        made.installed = installed
        assert Cause.FORBIDS_MINOR in causes(judged(made)), installed


def test_over_two_minors_the_catalog_between_takes_the_operator_along() -> None:
    """An operator that comes with each minor: 1.0 is for 4.18 and 4.19, 1.1 for 4.19 and 4.20."""
    made = next(
        one
        for one in map(corpus.world, range(1000))
        if one.way[0].startswith("4.18") and len(one.package.bundles) == 3
    )
    made.installed = "op.v1.0.0"
    made.change_bundle("op.v1.0.0", newest_openshift="4.19")
    made.change_bundle("op.v1.1.0", newest_openshift="4.20")
    whole = made.package
    said = judged(made)
    assert [one.what for one in said.reasons if one.cause is Cause.FORBIDS_MINOR] == [
        "op.v1.0.0 supports OpenShift up to 4.19, not 4.20"
    ]
    for minor, names in (("v4.18", ["op.v1.0.0"]), ("v4.19", ["op.v1.0.0", "op.v1.1.0"])):
        place = made.place.replace("v4.20", minor)
        kept = replace(
            whole,
            bundles={name: whole.bundles[name] for name in names},
            channels={"stable": tuple(names)},
            entries={"stable": whole.entries["stable"][: len(names)]},
        )
        made.catalogs[place] = Catalog(place, "", {"op": kept})
        made.sources.append(place)
    said = judged(made)
    assert said.state is State.WARNINGS, said
    assert [one.what for one in said.reasons if one.cause is Cause.UPDATE_FIRST] == [
        "op.v1.0.0 forbids OpenShift 4.20; OLM updates it to op.v1.1.0"
    ]


def test_of_an_installed_version_that_no_catalog_has_nobody_knows_what_it_allows() -> None:
    made = world(steps=1)
    *others, head = made.package.entries["stable"]
    made.change(entries={"stable": (*others, replace(head, skip_range=">=0.2.0 <1.0.0"))})
    made.installed = "op.v0.9.0"
    said = judged(made)
    assert (said.state, causes(said)) == (State.WARNINGS, {Cause.LIMIT}), said
    assert made.needs().minors == ("4.20", "4.19")


def test_an_image_of_an_operator_without_a_registry_is_one_of_docker_hub() -> None:
    made = world(steps=1)
    head = list(made.package.bundles)[-1]
    made.change_bundle(head, related=("mongo:4.2",))
    said = judged(made)
    assert (said.state, causes(said)) == (State.NOT_READY, {Cause.NOT_COVERED})
    assert [one.missing for one in said.reasons] == [("docker.io/library/mongo:4.2",)]


@pytest.mark.parametrize("text", ["quay.io/op/x@sha256:1234", "quay.io/UPPER/x:1", "${IMAGE}", "a b"])
def test_an_image_of_an_operator_that_nobody_can_look_for_is_told(text: str) -> None:
    made = world(steps=1)
    head = list(made.package.bundles)[-1]
    made.change_bundle(head, related=(text,))
    said = judged(made)
    assert (said.state, causes(said)) == (State.UNKNOWN, {Cause.UNCLEAR})
    assert said.reasons[0].what == f"{head} names the image {text}, which is no reference of one"


def test_an_image_whose_origin_is_the_target_is_looked_for_there() -> None:
    made = world(steps=1)
    head = list(made.package.bundles)[-1]
    own = f"{corpus.TARGET}/own/tool@sha256:{'5' * 64}"
    made.change_bundle(head, related=(own,))
    said = judged(made)
    assert said.state is State.NOT_READY
    assert [one.missing for one in said.reasons] == [(own,)]
    made.put("own/tool", own.partition("@")[2], own.partition("@")[2])
    assert judged(made).state is State.READY


def test_what_stays_installed_and_is_in_no_catalog_is_a_warning() -> None:
    made = world(steps=1)
    made.installed = list(made.package.bundles)[-1]
    made.change(bundles={name: one for name, one in made.package.bundles.items() if name != made.installed})
    said = judged(made)
    assert (said.state, causes(said)) == (State.WARNINGS, {Cause.RUNNING, Cause.LIMIT})
    assert f"operator {made.installed} stays, and is not in" in said.reasons[0].what


def test_a_limit_keeps_no_cluster_from_another_release_of_its_minor() -> None:
    for limit in ("4.18", "nonsense", "4.20.3", "''"):
        made = world(steps=1)
        for name in made.package.bundles:
            made.change_bundle(name, newest_openshift=limit)
        assert Cause.FORBIDS_MINOR in causes(judged(made)), limit
        earlier = made.releases.pop(made.way[0])
        made.current = made.way[0] = f"4.20.{99 if '4.20.0' in made.way else 0}"
        node = replace(earlier.node, version=made.current)
        made.releases[made.current] = replace(earlier, node=node)
        made.members.add(made.current)
        end = made.releases[made.way[1]]
        made.releases[made.way[1]] = replace(end, node=replace(end.node, previous=(made.current,)))
        assert judged(made).state is State.READY, limit


@pytest.mark.parametrize(
    ("limit", "minor", "forbids"),
    [
        ("4.20", "4.20", False),
        ("4.20.0", "4.20", False),
        ("4.20.3", "4.20", True),
        ("v4.21", "4.20", False),
        ("4.23", "5.0", False),  # OLM takes them for one
        ("5.0", "4.23", False),
        ("4.22", "5.0", True),
        ("4.19 and 4.20", "4.19", True),
    ],
)
def test_a_limit_is_read_as_olm_reads_it(limit: str, minor: str, *, forbids: bool) -> None:
    bundle = Bundle("op.v1.0.0", "1.0.0", content=Content("", newest_openshift=limit))
    assert operators.forbids(bundle, minor) is forbids


@pytest.mark.parametrize(
    ("version", "minor", "cause"),
    [
        ("1.33.0", "4.20", None),
        ("1.33.0-0", "4.20", None),
        ("1.33.4", "4.20", Cause.UNCLEAR),
        ("1.34.0", "4.20", Cause.NEEDS_LATER),
        ("2.0.0", "4.20", Cause.NEEDS_LATER),
        ("1.35.9", "5.1", None),
        ("1.37.0", "5.1", Cause.UNCLEAR),
        ("1.20", "4.20", Cause.UNCLEAR),
        ("v1.20.0", "4.20", Cause.UNCLEAR),
    ],
)
def test_the_kubernetes_that_a_bundle_needs_is_read_as_olm_reads_it(
    version: str, minor: str, cause: Cause | None
) -> None:
    bundle = Bundle("op.v1", "1.0.0", content=Content("", oldest_kubernetes=version))
    found = operators.needs_kubernetes(bundle, minor)
    assert (found and found.cause) == cause


def test_a_release_that_a_cluster_is_installed_with_has_to_be_there() -> None:
    made = world(steps=1)
    found, needed = made.found(), made.needs()
    for version, state in ((made.way[0], State.READY), ("4.19.99", State.NOT_READY)):
        also = VersionRequest("4.19", "stable-4.19", version, version)
        demand = verdict_of(made, replace(needed, also=(also,)))
        assert demand.state is state, demand
    assert found.coverage.is_known


def verdict_of(made: World, needed: needs.Needs) -> Judged:
    from steps.readiness.demands import Demands, questions_of

    found = made.found()
    demand = Demands(found).of(needed)
    found.answers = {question: made.answer(question) for question in questions_of([demand])}
    return verdict.judge({needed: demand}, found)[needed]


VALUES = """
managedClusterSets:
  a: {labels: {openshift-version: 4.20.12}}
  b: {labels: {openshift-version: 4.20.13}}
clusters:
  edge-1: {labels: {}, config: {}}
  edge-2: {labels: {}, config: {clusterSet: b}}
"""


def rows(*hub: needs.HubCluster) -> dict[str, needs.ClusterNeed]:
    found = list(cluster_needs([SourceFile("values.yaml", VALUES.encode())]))
    return {row.name: row for row in needs.fleet_needs(found, hub=list(hub) if hub else None)}


def test_a_cluster_whose_set_is_not_known_is_judged_as_a_member_of_each_and_the_worst_counts() -> None:
    found = rows()
    assert set(found) == {"edge-1", "edge-2"}, "the sets have clusters, so they do not stand for any"
    row = found["edge-1"]
    assert row.sets == ("a", "b")
    good, bad = Judged.of([]), Judged.of([Reason(Cause.LOST, "x")])
    [said] = verdict.verdicts([row], {"r": dict(zip(row.alternatives, (good, bad), strict=True))})
    assert (said.judged.state, causes(said.judged)) == (State.NOT_READY, {Cause.LOST, Cause.SET})
    told = rows(needs.HubCluster(name="edge-1", version="4.20.1", cluster_set="b"))["edge-1"]
    assert (told.sets, told.current, len(told.alternatives)) == (("b",), "4.20.1", 1)


def test_clusters_of_the_hub_are_members_of_the_sets_that_it_names_and_share_their_needs() -> None:
    hub = [
        needs.HubCluster(name=f"store-{number}", version="4.20.1", cluster_set="a") for number in range(100)
    ]
    found = rows(*hub)
    assert len(found) == 102
    assert {found[one.name].kind for one in hub} == {"cluster"}
    assert len(list(needs.distinct(found[one.name] for one in hub))) == 1
    assert found["edge-2"].current == ""


def test_the_table_is_bounded_and_names_the_worst_first() -> None:
    row = rows()["edge-2"]
    many = [
        verdict.Verdict(replace(row, name=f"c-{number}"), "r", Judged.of([Reason(Cause.LOST, str(number))]))
        for number in range(200)
    ]
    good = [verdict.Verdict(replace(row, name=f"good-{number}"), "r", Judged.of([])) for number in range(50)]
    text = report.table([*good, *many], ["a note"])
    assert text.startswith("250 clusters, 1 registry: 200 not ready, 50 ready\n\nNOT READY  c-0  at r")
    assert "and 210 more; --json names all" in text
    assert text.endswith("note: a note")
    assert len(text.splitlines()) < 200
    assert "READY  good-0, good-1, good-2, good-3 and 46 more  at r" in report.table(good)


def test_a_repository_that_cannot_be_asked_is_asked_once() -> None:
    questions = [Question("127.0.0.1:9/team/app", f"sha256:{number:064x}", "amd64") for number in range(30)]
    answers = presence.ask(Access(tls_verify=False).within(5), questions)
    assert len(answers) == 30
    assert all(answer.obstacle for answer in answers.values())


@pytest.mark.parametrize("content", ["{", '{"auths": {"registry.example.com": {"auth": "%"}}}'])
def test_a_pull_secret_that_cannot_be_read_is_an_obstacle(tmp_path: Path, content: str) -> None:
    path = tmp_path / "auth.json"
    path.write_text(content)
    question = Question("registry.example.com/team/app", "v1", "amd64")
    assert "no pull secret" in presence.ask(Access(path), [question])[question].obstacle
