"""Several targets and ImageSets on one data directory: a cluster gets all of its target, and nothing else."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from steps.errors import ForbiddenError
from steps.mirroring import notify
from steps.mirroring.checks import skip
from steps.mirroring.publish import apply, autoshift, resources
from steps.mirroring.publish.union import differences, union
from steps.mirroring.request import DIRECT
from steps.mirroring.store import Store
from steps.mirroring.store.published import UNNAMED, readable_name
from steps.mirroring.store.runs import SUCCEEDED, Run
from tests.unit.mirroring.conftest import standin_only
from tests.unit.mirroring.test_deletion import EXECUTE, GENERATE, approved, plan_of
from tests.unit.mirroring.test_to_registry import carry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from steps.mirroring.store.published import PublishedTarget
    from tests.unit.mirroring.conftest import Place


def published(place: Place, target: str) -> PublishedTarget:
    found = Store(place.data).published.of(target)
    assert found is not None
    return found


def mirrors_of(files: dict[str, str]) -> dict[str, list[str]]:
    """The mirrors of each source in published files."""
    documents = [document for text in files.values() for document in yaml.safe_load_all(text)]
    return {
        entry["source"]: entry["mirrors"]
        for document in documents
        for entry in document["spec"].get("imageTagMirrors", [])
    }


def elsewhere(place: Place, target: str) -> Place:
    """The same place with another target."""
    return replace(place, arguments=[*place.arguments[:1], f"--target-registry={target}"])


def write(imageset: Path, *lines: str) -> None:
    imageset.write_text("kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n")
    with imageset.open("a") as stream:
        stream.writelines(f"  {line}\n" for line in lines)


# --- several targets


def test_each_target_has_its_own_resources_whichever_ran_last(direct: Place, target: str) -> None:
    other = f"{target}-2"
    assert direct.mirror().returncode == 0
    before = published(direct, target).files()
    assert mirrors_of(before) == {f"{direct.host}/team": [f"{target}/team"]}
    ran = elsewhere(direct, other).mirror()
    assert ran.returncode == 0, ran.stderr
    assert mirrors_of(published(direct, other).files()) == {f"{direct.host}/team": [f"{other}/team"]}
    assert published(direct, target).files() == before
    for one in (target, other):
        block = published(direct, one).autoshift_values.read_text()
        assert autoshift.target_of(block) == one


def test_the_usual_path_is_there_for_one_target_and_for_no_other_number(direct: Place, target: str) -> None:
    assert direct.mirror().returncode == 0
    copy, block = direct.data / "cluster-resources", direct.data / "autoshift-disconnected.yaml"
    assert {path.name: path.read_text() for path in copy.iterdir()} == published(direct, target).files()
    assert block.read_text() == published(direct, target).autoshift_values.read_text()
    ran = elsewhere(direct, f"{target}-2").mirror()
    assert ran.returncode == 0, ran.stderr
    assert not copy.exists()
    assert not block.exists()
    assert f"{copy} and {block.name} were copies for a single target" in ran.stderr
    shutil.rmtree(published(direct, target).folder)
    assert elsewhere(direct, f"{target}-2").mirror().returncode == 0
    assert mirrors_of({path.name: path.read_text() for path in copy.iterdir()}) == {
        f"{direct.host}/team": [f"{target}-2/team"]
    }


def test_from_disk_too(three: Place, disconnected: Place, target: str) -> None:
    carry(three, disconnected, 1, 2, 3)
    assert disconnected.mirror().returncode == 0
    before = published(disconnected, target).files()
    assert elsewhere(disconnected, f"{target}/below").mirror().returncode == 0
    assert published(disconnected, target).files() == before
    assert mirrors_of(published(disconnected, f"{target}/below").files()) == {
        f"{three.host}/team": [f"{target}/below/team"]
    }


def test_only_what_is_the_targets_own_is_applied(
    direct: Place, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied: list[list[resources.Resource]] = []
    monkeypatch.setattr(apply, "apply", applied.append)
    assert direct.mirror("--apply-cluster-resources=true").returncode == 0
    assert elsewhere(direct, f"{target}-2").mirror("--apply-cluster-resources=true").returncode == 0
    again = direct.mirror("--apply-cluster-resources=true", "--skip-unchanged=true")
    assert again.returncode == 0, again.stderr
    assert [mirrors_of(resources.in_files(manifests)) for manifests in applied] == [
        {f"{direct.host}/team": [f"{one}/team"]} for one in (target, f"{target}-2", target)
    ]


def test_each_target_has_a_config_map_of_its_own(
    direct: Place, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, dict[str, Any]] = {}

    class Cluster:
        def apply(self, manifest: dict[str, Any]) -> None:
            told[manifest["metadata"]["name"]] = manifest

    notifier = notify.Notifier(Cluster(), "mine", Store(direct.data))  # type: ignore[arg-type]
    monkeypatch.setattr(notify, "notifier", lambda *_arguments: notifier)
    assert direct.mirror().returncode == 0
    assert elsewhere(direct, f"{target}-2").mirror().returncode == 0
    names = ["oc-mirror-cluster-resources", f"oc-mirror-cluster-resources-{readable_name(target)}-2"]
    assert [name for name in told if "resources" in name] == names
    for name, one in zip(names, (target, f"{target}-2"), strict=True):
        assert told[name]["metadata"]["annotations"]["oc-mirror-pipeline/target"] == one
        assert mirrors_of({"itms.yaml": told[name]["data"]["itms.yaml"]}) == {
            f"{direct.host}/team": [f"{one}/team"]
        }


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("registry.example.com:8443/mirror", "registry.example.com-8443-mirror"),
        ("Registry.Example.com/a__b/c", "registry.example.com-a-b-c"),
        ("[::1]:5000/x", "1-5000-x"),
        ("a.b-.c/d", "a.b-c-d"),
    ],
)
def test_a_folder_is_named_after_its_target(target: str, name: str) -> None:
    assert readable_name(target) == name


def test_targets_with_one_readable_name_are_kept_apart(tmp_path: Path) -> None:
    store = Store(tmp_path)
    targets = ["a.b:80/c", "a.b-80/c", "a.b/80-c", f"a.b/{'c' * 300}", f"a.b/{'c' * 301}"]
    for target in targets:
        store.published.replace(target, mirrors={}, files={"idms.yaml": target}, autoshift_values=target)
    assert len(store.published.all()) == len(targets)
    for target in targets:
        found = store.published.of(target)
        assert found is not None
        assert found.files() == {"idms.yaml": target}
        assert len(found.folder.name) <= 100
    assert [one.record.plain_name for one in store.published.all()].count(True) == 1


def test_a_folder_that_does_not_say_whose_it_is_is_never_used(direct: Place, target: str) -> None:
    assert direct.mirror().returncode == 0
    assert elsewhere(direct, f"{target}-2").mirror().returncode == 0
    folder = published(direct, target).folder
    (folder / "target.json").unlink()
    ran = direct.mirror("--dry-run=true")
    assert ran.returncode == 0, ran.stderr
    assert "nothing says for which target it is" in ran.stderr
    assert not folder.exists()
    assert Store(direct.data).published.of(target) is None
    assert list((direct.data / "quarantine").glob("targets-*"))


# --- what the version before published at DATA/cluster-resources


def leave_as_before(place: Place, target: str) -> dict[str, str]:
    """Make the data directory as the version without targets left it, which ran for `target` last."""
    one = published(place, target)
    copy = place.data / "cluster-resources"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(one.resources, copy)
    shutil.copy(one.autoshift_values, place.data)
    shutil.rmtree(place.data / "targets")
    return {path.name: path.read_text() for path in copy.iterdir()}


def test_what_was_published_before_is_taken_over(direct: Place, target: str) -> None:
    assert direct.mirror().returncode == 0
    before = leave_as_before(direct, target)
    assert direct.mirror("--dry-run=true").returncode == 0
    assert published(direct, target).files() == before
    assert list(published(direct, target).mirrors()) == [UNNAMED]
    assert direct.mirror().returncode == 0
    assert list(published(direct, target).mirrors()) == ["imageset"]


def test_of_two_targets_that_one_takes_it_over_which_it_leads_to(direct: Place, target: str) -> None:
    other = f"{target}/below"
    assert direct.mirror().returncode == 0
    assert elsewhere(direct, other).mirror().returncode == 0
    before = leave_as_before(direct, other)
    assert direct.mirror("--dry-run=true").returncode == 0
    assert published(direct, other).files() == before
    assert Store(direct.data).published.of(target) is None


@pytest.mark.parametrize("contradiction", ["block", "resources", "no block"])
def test_what_belongs_to_no_certain_target_is_set_aside(
    direct: Place, target: str, contradiction: str
) -> None:
    other = f"{target}/below"
    assert direct.mirror().returncode == 0
    assert elsewhere(direct, other).mirror().returncode == 0
    leave_as_before(direct, other)
    block, itms = direct.data / "autoshift-disconnected.yaml", direct.data / "cluster-resources/itms.yaml"
    if contradiction == "block":  # as a kill before the renames left it
        block.write_text(autoshift.render([], target))
    elif contradiction == "resources":
        itms.write_text(itms.read_text().replace(other, f"{target}-9"))
    else:
        block.unlink()
    ran = direct.mirror("--dry-run=true")
    assert ran.returncode == 0, ran.stderr
    assert "it is not certain for which target they are" in ran.stderr
    assert not (direct.data / "cluster-resources").exists()
    assert not Store(direct.data).published.all()
    assert list((direct.data / "quarantine").glob("cluster-resources-*/cluster-resources/itms.yaml"))
    assert direct.mirror().returncode == 0
    assert published(direct, target).files()


# --- several ImageSets


def named(place: Place, name: str, *lines: str) -> Place:
    """The same place with another file for the ImageSet."""
    imageset = place.imageset.with_name(f"{name}.yaml")
    write(imageset, *lines)
    return replace(place, imageset=imageset)


def image(place: Place, name: str) -> tuple[str, str]:
    return "additionalImages:", f"- name: {place.host}/{name}"


def moved(place: Place, name: str, repository: str) -> tuple[str, str, str]:
    return (*image(place, name), f"  targetRepo: {repository}")


def test_a_second_imageset_adds_to_what_is_published(direct: Place, target: str) -> None:
    one = named(direct, "one", *moved(direct, "team/app:v1", "first/app"))
    two = named(direct, "two", *moved(direct, "team/db:v1", "second/db"))
    assert one.mirror().returncode == 0
    ran = two.mirror()
    assert ran.returncode == 0, ran.stderr
    lines = [line for line in ran.stderr.splitlines() if line.startswith("for the clusters of ")]
    added = f"{direct.host}/team/db from {target}/second/db"
    assert lines == [f"for the clusters of {target} added: ImageTagMirrorSet itms-generic-0, {added}"]
    assert ran.stderr.index(lines[0]) < ran.stderr.index("resources for the clusters of")
    both = {
        f"{direct.host}/team/app": [f"{target}/first/app"],
        f"{direct.host}/team/db": [f"{target}/second/db"],
    }
    assert mirrors_of(published(direct, target).files()) == both
    assert list(published(direct, target).mirrors()) == ["one", "two"]
    assert one.mirror().returncode == 0
    assert mirrors_of(published(direct, target).files()) == both


def test_a_changed_imageset_replaces_its_own_resources_only(direct: Place, target: str) -> None:
    one = named(direct, "one", *moved(direct, "team/app:v1", "first/app"))
    two = named(direct, "two", *moved(direct, "team/db:v1", "second/db"))
    assert one.mirror().returncode == 0
    assert two.mirror().returncode == 0
    write(one.imageset, *moved(direct, "team/app:v1", "third/app"))
    ran = one.mirror()
    assert ran.returncode == 0, ran.stderr
    assert mirrors_of(published(direct, target).files()) == {
        f"{direct.host}/team/app": [f"{target}/third/app"],
        f"{direct.host}/team/db": [f"{target}/second/db"],
    }
    assert "changed: ImageTagMirrorSet itms-generic-0" in ran.stderr


def test_a_name_can_be_given(direct: Place, target: str) -> None:
    assert direct.mirror("--mirror-name=production").returncode == 0
    assert list(published(direct, target).mirrors()) == ["production"]
    [run] = Store(direct.data).runs.all()
    assert run.mirror_name == "production"
    [entry] = Store(direct.data).inventory.of(target)
    assert entry.mirror_name == "production"


def test_two_imagesets_come_through_one_chain_of_archives(
    connected: Place, disconnected: Place, target: str, has: Callable[[str, str], bool]
) -> None:
    one = named(connected, "one", *moved(connected, "team/app:v1", "first/app"))
    two = named(connected, "two", *moved(connected, "team/db:v1", "second/db"))
    for place in (one, two):
        ran = place.mirror()
        assert ran.returncode == 0, ran.stderr
    write(one.imageset, *moved(connected, "team/app:v2", "first/app"))
    assert one.mirror().returncode == 0
    record = json.loads((connected.generations()[1] / "generation.json").read_text())
    assert (record["mirror_name"], record["predecessor"]["sequence"]) == ("two", 1)
    carry(connected, disconnected, 1, 2, 3)
    ran = disconnected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("running oc-mirror") == 3
    assert has(target, "first/app:v1")
    assert has(target, "first/app:v2")
    assert has(target, "second/db:v1")
    assert list(published(disconnected, target).mirrors()) == ["one", "two"]
    assert mirrors_of(published(disconnected, target).files()) == {
        f"{connected.host}/team/app": [f"{target}/first/app"],
        f"{connected.host}/team/db": [f"{target}/second/db"],
    }


def test_a_mirror_whose_folder_is_removed_is_published_no_more(direct: Place, target: str) -> None:
    one = named(direct, "one", *moved(direct, "team/app:v1", "first/app"))
    two = named(direct, "two", *moved(direct, "team/db:v1", "second/db"))
    assert one.mirror().returncode == 0
    assert two.mirror().returncode == 0
    shutil.rmtree(published(direct, target).folder / "mirrors" / "one")
    ran = two.mirror("--dry-run=true")
    assert ran.returncode == 0, ran.stderr
    assert "removed: ImageTagMirrorSet itms-generic-0" in ran.stderr
    assert mirrors_of(published(direct, target).files()) == {
        f"{direct.host}/team/db": [f"{target}/second/db"]
    }


def test_the_deletion_of_an_imageset_takes_its_resources_with_it(direct: Place, target: str) -> None:
    one = named(direct, "one", *moved(direct, "team/app:v1", "first/app"))
    two = named(direct, "two", *moved(direct, "team/db:v1", "second/db"))
    assert one.mirror().returncode == 0
    assert two.mirror().returncode == 0
    assert two.mirror(GENERATE, f"--also-imageset={one.imageset}").returncode == 0
    assert plan_of(two)["retired_mirrors"] == []
    assert two.mirror(GENERATE).returncode == 0
    assert plan_of(two)["retired_mirrors"] == ["one"]
    ran = two.mirror(EXECUTE, approved(two))
    assert ran.returncode == 0, ran.stderr
    assert mirrors_of(published(direct, target).files()) == {
        f"{direct.host}/team/db": [f"{target}/second/db"]
    }
    assert two.mirror(GENERATE, "--older-than=1d").returncode == 0
    assert plan_of(two)["retired_mirrors"] == []


def operator(name: str, *more: str) -> list[str]:
    catalog = "- catalog: registry.redhat.io/redhat/redhat-operator-index:v4.18"
    return ["operators:", catalog, *(f"  {line}" for line in more), "  packages:", f"  - name: {name}"]


@standin_only
def test_one_catalog_in_two_imagesets_is_one_image_in_the_target_and_this_is_said(
    direct: Place, connected: Place
) -> None:
    one = named(direct, "one", *operator("alpha"))
    two = named(direct, "two", *operator("beta"))
    assert one.mirror().returncode == 0
    ran = two.mirror()
    assert ran.returncode == 0, ran.stderr
    assert (
        "'two' and 'one' filter the catalog registry.redhat.io/redhat/redhat-operator-index:v4.18"
        in ran.stderr
    )
    assert "that of the last run, now without alpha" in ran.stderr
    archiving = [replace(connected, imageset=place.imageset) for place in (one, two)]
    assert "filter the catalog" not in archiving[0].mirror().stderr
    assert "filter the catalog" in archiving[1].mirror().stderr
    write(two.imageset, *operator("beta", "targetTag: v4.18-two"))
    assert "filter the catalog" not in two.mirror().stderr
    assert "filter the catalog" not in archiving[1].mirror().stderr


def test_one_place_for_two_images_is_said(direct: Place) -> None:
    assert named(direct, "one", *moved(direct, "team/app:v1", "same/place")).mirror().returncode == 0
    ran = named(direct, "two", *moved(direct, "team/db:v1", "same/place")).mirror()
    assert ran.returncode == 0, ran.stderr
    assert f"put {direct.host}/team/db:v1 and {direct.host}/team/app:v1 to the same place" in ran.stderr


def resource(kind: str, **spec: Any) -> str:
    document = {"apiVersion": "x/v1", "kind": kind, "metadata": {"name": "one"}, "spec": spec}
    return f"---\n{yaml.safe_dump(document)}"


def test_the_same_name_with_another_content_is_said_and_the_first_name_counts() -> None:
    first, second = (resource("CatalogSource", image="r/i:v1", priority=number) for number in (1, 2))
    files, conflicts = union({"b": {"x.yaml": second}, "a": {"x.yaml": first}})
    assert yaml.safe_load(files["catalog-sources.yaml"])["spec"]["priority"] == 1
    assert conflicts == ["CatalogSource one of 'b' differs from that of 'a', which is published"]
    assert union({"a": {"x.yaml": first}, "b": {"x.yaml": first}})[1] == []


def test_signatures_of_all_are_published() -> None:
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "s"}}
    parts = {
        name: {"signatures.yaml": yaml.safe_dump(config_map | {"binaryData": {f"sha256-{name}-1": name}})}
        for name in ("aa", "bb")
    }
    files, conflicts = union(parts)
    assert yaml.safe_load(files["signatures.yaml"])["binaryData"] == {
        "sha256-aa-1": "aa",
        "sha256-bb-1": "bb",
    }
    assert not conflicts
    assert differences(parts["aa"], files) == ["added: ConfigMap s, sha256-bb-1"]


def test_a_config_map_that_the_role_does_not_name_says_how_to_let_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(tmp_path)
    for target in ("one.example.com", "two.example.com"):
        store.published.replace(target, mirrors={}, files={}, autoshift_values="")

    class Cluster:
        def apply(self, manifest: dict[str, Any]) -> None:
            if manifest["metadata"]["name"].endswith("two.example.com"):
                raise ForbiddenError("may not patch configmaps", "ask somebody")

    run = Run(workflow=DIRECT, started="", state=SUCCEEDED, target="two.example.com")
    notify.Notifier(Cluster(), "mine", store)(run)  # type: ignore[arg-type]
    record = caplog.records[-1]
    name = "oc-mirror-cluster-resources-two.example.com"
    assert f"oc create role {name} -n mine --verb=get,patch" in record.getMessage()
    assert f"oc create rolebinding {name} -n mine --role={name}" in record.getMessage()


def test_runs_of_two_imagesets_are_skipped_each_by_its_own_success(
    direct: Place, connected: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skip, "fingerprint_of", lambda imageset, **_more: {"ImageSet": imageset.sha256})
    for place in (direct, connected):
        one = named(place, "one", *image(place, "team/app:v1"))
        two = named(place, "two", *image(place, "team/db:v1"))
        for imageset in (one, two, one, two):
            ran = imageset.mirror("--skip-unchanged=true")
            assert ran.returncode == 0, ran.stderr
            runs = Store(place.data).runs.all()
        assert [run.unchanged for run in runs] == [False, False, True, True]
        write(one.imageset, *image(place, "team/app:v2"))
        assert "running oc-mirror" in one.mirror("--skip-unchanged=true").stderr
        assert "running oc-mirror" not in two.mirror("--skip-unchanged=true").stderr


def test_the_newest_generation_of_each_imageset_is_kept(connected: Place) -> None:
    one = named(connected, "one", *image(connected, "team/app:v1"))
    two = named(connected, "two", *image(connected, "team/db:v1"))
    assert one.mirror().returncode == 0
    for number in (2, 3):
        write(two.imageset, *image(connected, f"team/app:v{number}"))
        ran = two.mirror("--incremental-mode=false", "--keep-generations=1")
        assert ran.returncode == 0, ran.stderr
    assert [path.name for path in connected.generations()] == ["000001", "000003"]


def test_a_late_generation_is_followed_by_the_newest_of_its_own_imageset(
    connected: Place, disconnected: Place, target: str, has: Callable[[str, str], bool]
) -> None:
    one = named(connected, "one", *moved(connected, "team/app:v1", "first/app"))
    two = named(connected, "two", *moved(connected, "team/db:v1", "third/db"))
    assert one.mirror().returncode == 0
    write(one.imageset, *moved(connected, "team/app:v2", "second/app"))
    for place in (one, two):
        ran = place.mirror("--incremental-mode=false")
        assert ran.returncode == 0, ran.stderr
    carry(connected, disconnected, 2, 3)
    assert disconnected.mirror().returncode == 0
    before = mirrors_of(published(disconnected, target).files())
    carry(connected, disconnected, 1)
    ran = disconnected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.splitlines()[-1] == f"{target} has imported generation 1, 2"
    assert has(target, "first/app:v1")
    after = mirrors_of(published(disconnected, target).files())
    assert after.keys() == before.keys()
    assert all(set(before[source]) <= set(after[source]) for source in before)


def test_what_another_imageset_has_does_not_supersede(
    connected: Place, disconnected: Place, target: str
) -> None:
    one = named(connected, "one", *image(connected, "team/app:v1"))
    two = named(connected, "two", *image(connected, "team/app:v1"), *image(connected, "team/db:v1")[1:])
    for place in (one, two):
        assert place.mirror("--incremental-mode=false").returncode == 0
    carry(connected, disconnected, 2)
    assert disconnected.mirror().returncode == 0
    carry(connected, disconnected, 1)
    assert disconnected.mirror().returncode == 0
    assert list(published(disconnected, target).mirrors()) == ["one", "two"]


def test_resources_that_are_lost_are_published_again_by_an_import(
    three: Place, disconnected: Place, target: str
) -> None:
    carry(three, disconnected, 1, 2, 3)
    assert disconnected.mirror().returncode == 0
    before = published(disconnected, target).files()
    shutil.rmtree(disconnected.data / "targets")
    shutil.rmtree(disconnected.data / "cluster-resources")
    ran = disconnected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "generation 3 is imported again" in ran.stderr
    assert published(disconnected, target).files() == before
    shutil.rmtree(disconnected.data / "targets")
    shutil.rmtree(disconnected.data / "cluster-resources")
    shutil.rmtree(disconnected.data / "generations" / "000003")
    shutil.rmtree(disconnected.data / "generations" / "000002")
    shutil.rmtree(disconnected.data / "generations" / "000001")
    ran = disconnected.mirror()
    assert ran.returncode == 0, ran.stderr
    assert "generation 3, which it imported last, is not here: bring it again" in ran.stderr
