"""Which file has a cluster or a cluster set."""

from __future__ import annotations

import pytest

from steps.errors import InvalidInputError, NotFoundError, UsageError
from steps.parameters.value_kinds import author, branch, ca_reference, places_of_values
from steps.publishing.place import find
from steps.yaml.source import SourceFile


def files(**texts: str) -> list[SourceFile]:
    return [SourceFile(f"{name}.yaml", text.encode()) for name, text in texts.items()]


FLEET = files(
    hub="hubClusterSets:\n  hub:\n    labels: {}\n",
    managed="managedClusterSets:\n  managed:\n    config: {disconnected: {useIDMS: true}}\n  prod:\n",
    edge="clusters:\n  edge-1: {}\n  hub: {}\nmanagedClusterSets:\n  managed:\n    labels: {}\n",
)


def test_a_name_alone_is_enough_where_it_is_the_only_one() -> None:
    found = find(["edge-1", "prod", "edge-1"], FLEET)
    assert [(one.file, *one.keys[:2]) for one in found] == [
        ("edge.yaml", "clusters", "edge-1"),
        ("managed.yaml", "managedClusterSets", "prod"),
    ]


def test_a_name_may_have_dots() -> None:
    dotted = files(a="clusters:\n  edge.example: {}\n  b: {}\nmanagedClusterSets:\n  clusters.b: {}\n")
    for named in places_of_values("edge.example,clusters.edge.example,managedClusterSets.clusters.b"):
        [found] = find([named], dotted)
        assert named in {found.name, str(found)}
    assert [str(one) for one in find(["clusters.b"], dotted)] == ["clusters.b"]


@pytest.mark.parametrize(
    ("named", "minor"),
    [
        ("clusters.own", "4.20"),
        ("clusters.of-set", "4.19"),
        ("clusters.path", "4.20"),
        ("clusters.blank", "4.19"),
        ("clusters.alone", ""),
        ("clusters.odd", ""),
        ("managed", "4.19"),
    ],
)
def test_the_version_of_a_place_is_that_of_its_label_or_of_its_set(named: str, minor: str) -> None:
    fleet = files(
        sets="managedClusterSets:\n  managed:\n    labels: {openshift-version: '4.19.12'}\n",
        a="clusters:\n"
        "  own:\n    labels: {openshift-version: 4.20}\n    config: {clusterSet: managed}\n"
        "  of-set:\n    config: {clusterSet: managed}\n"
        "  path:\n    labels: {openshift-version: '4.18.22-4.20.12'}\n"
        "  blank:\n    labels: {openshift-version: ''}\n    config: {clusterSet: managed}\n"
        "  alone:\n    config: {clusterSet: none}\n"
        "  odd:\n    labels: [openshift-version]\n    config: 3\n",
    )
    assert [one.minor for one in find([named], fleet)] == [minor]


def test_of_several_files_the_one_with_the_block_counts() -> None:
    assert [one.file for one in find(["managed"], FLEET)] == ["managed.yaml"]
    assert [one.file for one in find(["edge.yaml:managedClusterSets.managed"], FLEET)] == ["edge.yaml"]


def test_what_is_not_certain_is_refused_with_the_choice() -> None:
    with pytest.raises(UsageError, match="the name of more than one") as caught:
        find(["hub"], FLEET)
    assert caught.value.hint == "write clusters.hub or hubClusterSets.hub"
    both = files(edge="clusters:\n  x: {}\nhubClusterSets:\n  x: {}\n")
    with pytest.raises(UsageError, match="the name of more than one") as in_file:
        find(["edge.yaml:x"], both)
    assert in_file.value.hint == "write edge.yaml:clusters.x or edge.yaml:hubClusterSets.x"
    twice = files(a="clusters:\n  x: {}\n", b="clusters:\n  x: {}\n")
    with pytest.raises(UsageError, match=r"clusters\.x stands in several files: a.yaml, b.yaml") as several:
        find(["x"], twice)
    assert "publish-for=a.yaml:clusters.x" in several.value.hint


def test_a_name_that_no_file_has_is_refused_with_the_nearest() -> None:
    with pytest.raises(NotFoundError, match="no values file has a cluster or a cluster set 'manged'") as near:
        find(["manged"], FLEET)
    assert near.value.hint == "did you mean managedClusterSets.managed?"
    with pytest.raises(NotFoundError) as far:
        find(["clusters.nothing-like-it"], FLEET)
    assert far.value.hint.startswith("there are: hubClusterSets.hub, ")


def test_a_broken_file_is_named_with_its_line() -> None:
    with pytest.raises(InvalidInputError, match=r"a\.yaml, line 2"):
        find(["x"], files(a="clusters:\n\tx: {}\n"))


def test_the_kinds_of_values_refuse_what_git_and_kubernetes_would() -> None:
    assert places_of_values("a, clusters.b ,v/x.yaml:clusters.c,") == (
        "a",
        "clusters.b",
        "v/x.yaml:clusters.c",
    )
    assert places_of_values("") == ()
    assert ca_reference("bundle:ca.crt") == ("bundle", "ca.crt", "")
    assert ca_reference("bundle:ca.crt:policies") == ("bundle", "ca.crt", "policies")
    assert branch("oc-mirror/registry.example.com-5000") == "oc-mirror/registry.example.com-5000"
    assert author("A B <a@b>") == "A B <a@b>"
    for kind, wrong in (
        (places_of_values, "/etc/passwd:clusters.a"),
        (places_of_values, "a b"),
        (ca_reference, "bundle"),
        (ca_reference, "Bundle:key"),
        (branch, "--upload-pack=x"),
        (branch, "a..b"),
        (branch, "refs/heads/a"),
        (branch, "HEAD"),
        (branch, "@"),
        (places_of_values, "a..b"),
        (branch, "a b"),
        (branch, "a.lock"),
        (author, "A B"),
        (author, "A\nB <a@b>"),
        (author, ".'\\ <a@b>"),
    ):
        with pytest.raises(ValueError, match="is not"):
            kind(wrong)
