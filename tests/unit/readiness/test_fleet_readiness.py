"""The command against a real registry: what is missing is found, and told with what to do."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from steps import fleet_readiness
from steps.inputs import hub_state
from steps.mirroring import notify, summary
from steps.mirroring.publish import resources
from steps.mirroring.store import Store
from steps.mirroring.workflows.deletion_plan import Deletion, DeletionPlan
from steps.readiness import known
from tests.unit.readiness.conftest import Fleet
from tests.unit.readiness.site import Site

Capture = pytest.CaptureFixture[str]
MANAGED: dict[str, Any] = {
    "kind": "ManagedCluster",
    "metadata": {
        "name": "edge-1",
        "labels": {
            "openshiftVersion": "4.19.20",
            "cluster.open-cluster-management.io/clusterset": "stores",
        },
    },
}


def reasons(document: dict[str, Any]) -> dict[str, list[str]]:
    """What is said of the only cluster: what is the matter, by cause."""
    [row] = document["clusters"]
    found: dict[str, list[str]] = {}
    for reason in document["judgements"][row["judgement"]]["reasons"]:
        found.setdefault(reason["cause"], []).append(reason["what"])
    return found


def test_a_fleet_whose_next_step_is_mirrored_is_ready(fleet: Fleet, capsys: Capture) -> None:
    code, document = fleet.look(capsys=capsys)
    assert (code, document["ready"], document["format"]) == (0, True, 1)
    [row] = document["clusters"]
    assert row["cluster"] == "edge-1"
    assert (row["current"], row["current_from"], row["wanted"]) == ("4.19.5", "the hub", "4.20.12")
    assert row["verdict"] == "ready with warnings"
    assert reasons(document) == {"update in several steps": ["by way of 4.19.20"]}
    [judgement] = document["judgements"]
    assert judgement["path"] == ["4.19.5", "4.19.20", "4.20.12"]
    assert [(one["package"], one["version"]) for one in judgement["operators"]] == [
        ("quay-operator", "3.14.2")
    ]
    fleet.hub["edge-1"]["version"] = "4.19.20"
    code, document = fleet.look(capsys=capsys)
    assert (code, document["clusters"][0]["verdict"], reasons(document)) == (0, "ready", {})


def test_the_config_map_of_the_data_directory_says_what_the_data_directory_says(
    fleet: Fleet, capsys: Capture, tmp_path: Path
) -> None:
    fleet.site.delete("openshift/release", fleet.site.parts["4.20.12"][0])
    _code, by_data = fleet.look(capsys=capsys)
    text = summary.of_store(Store(tmp_path / "data")).as_json(indent=None)
    export = tmp_path / "inventory.json"
    for content in ({"inventory.json": text}, {"inventory.json": text, "much": "x" * notify.LARGEST}):
        export.write_text(json.dumps(notify.config_map(notify.INVENTORY, "oc-mirror", content)))
        arguments = [one for one in fleet.arguments("--json") if not one.startswith("--data=")]
        assert fleet_readiness.main([*arguments, f"--published={export}"]) == 17
        by_export = json.loads(capsys.readouterr().out)
        note = f"what was mirrored to {fleet.site.target} is told by an export, as of its run of"
        assert by_export["notes"] == [f"{note} 2026-11-27T10:00:00Z"]
        assert {**by_export, "made": "", "notes": []} == {**by_data, "made": ""}
        assert "lost in the registry" in reasons(by_export)


def test_the_inventory_of_a_later_version_is_not_guessed(
    fleet: Fleet, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    export = tmp_path / "inventory.json"
    later = notify.config_map(notify.INVENTORY, "oc-mirror", {"inventory.json": '{"format": 99}'})
    export.write_text(json.dumps(later))
    assert fleet_readiness.main(fleet.arguments(f"--published={export}")) == 3
    assert "inventory.json of oc-mirror-inventory cannot be used" in caplog.text


def test_the_table_says_what_is_missing_and_what_to_do(fleet: Fleet, capsys: Capture) -> None:
    [lost, *_] = fleet.site.parts["4.20.12"]
    fleet.site.delete("openshift/release", lost)
    assert fleet_readiness.main(fleet.arguments()) == 17
    printed = capsys.readouterr().out
    assert "1 cluster, 1 registry: 1 not ready" in printed
    assert f"NOT READY  edge-1  at {fleet.site.target}  4.19.5 > 4.19.20 > 4.20.12" in printed
    assert "lost in the registry: 1 of 3 images of release 4.20.12" in printed
    assert lost in printed
    assert "to do: workflow-verify-target with verify-layers=all and repair=true brings it back" in printed


def test_names_and_risks_move_no_cursor_and_make_no_lines(fleet: Fleet, capsys: Capture) -> None:
    fleet.hub["\x1b[31mx\nREADY  all"] = {"version": "4.19.5"}
    risk = {"name": "Risk\x1b[2J", "message": "m\x1b]0;x\x07", "url": "u", "matchingRules": []}
    versions = ["4.19.5", "4.19.20", "4.20.12"]
    fleet.site.graph_image({"stable-4.20": versions}, [{"to": "4.20.12", "from": ".*", **risk}])
    fleet_readiness.main(fleet.arguments())
    text = capsys.readouterr().out
    assert "\N{REPLACEMENT CHARACTER}[31mx\N{REPLACEMENT CHARACTER}READY  all" in text
    assert "Risk\N{REPLACEMENT CHARACTER}[2J: m" in text
    assert all(line.isprintable() for line in text.splitlines())


def test_what_was_deleted_on_purpose_is_told_as_deleted(fleet: Fleet, capsys: Capture) -> None:
    keeps = f"--workspace={fleet.folder / 'kept'}"
    assert fleet.look(keeps, capsys=capsys)[0] == 0
    [digest, *_] = fleet.site.parts["4.20.12"]
    fleet.site.delete("openshift/release", digest)
    deletion = Deletion(repository="openshift/release", digest=digest, tags=())
    plan = DeletionPlan(
        target=fleet.site.target,
        made="2026-11-27T10:00:00Z",
        older_than="0s",
        imagesets=(),
        inventory="x",
        counts={},
        images=(),
        manifests=(deletion,),
        kept=(),
    )
    folder = Store(fleet.folder / "data").deletion
    folder.mkdir(parents=True)
    (folder / "executed-0123456789ab.json").write_text(plan.as_json())
    code, document = fleet.look(keeps, capsys=capsys)  # though it was there within the hour
    assert (code, reasons(document)["deleted"]) == (17, ["1 of 3 images of release 4.20.12"])


def test_what_came_is_told_from_what_never_came(fleet: Fleet, capsys: Capture) -> None:
    [digest, *_] = fleet.site.parts["4.20.12"]
    fleet.site.delete("openshift/release", digest)
    del fleet.site.brought[f"openshift/release@{digest}"]
    _code, document = fleet.look(capsys=capsys)
    assert reasons(document)["asked for, and no run has brought it"] == ["1 of 3 images of release 4.20.12"]
    export = fleet.folder / "inventory.json"
    text = summary.of_store(Store(fleet.folder / "data")).changed(whole=False).as_json()
    export.write_text(json.dumps(notify.config_map(notify.INVENTORY, "oc-mirror", {"inventory.json": text})))
    assert fleet_readiness.main(without_data(fleet, f"--published={export}")) == 17
    document = json.loads(capsys.readouterr().out)
    assert reasons(document)["not in the registry"] == ["1 of 3 images of release 4.20.12"]


def without_data(fleet: Fleet, *more: str) -> list[str]:
    return [one for one in fleet.arguments("--json", *more) if not one.startswith("--data=")]


def published(fleet: Fleet, path: Path) -> Path:
    """The ConfigMap of a mirror as `oc get -o yaml` prints it."""
    files = resources.in_files(fleet.site.resources())
    path.write_text(
        yaml.safe_dump(
            notify.config_map("oc-mirror-cluster-resources", "oc-mirror", files, target=fleet.site.target)
        )
    )
    return path


def test_an_exported_configmap_takes_the_place_of_a_data_directory(
    fleet: Fleet, tmp_path: Path, capsys: Capture
) -> None:
    path = published(fleet, tmp_path / "published.yaml")
    fleet.hub["edge-1"]["version"] = "4.19.20"
    assert fleet_readiness.main(without_data(fleet, f"--published={path}")) == 0
    assert json.loads(capsys.readouterr().out)["clusters"][0]["verdict"] == "ready"
    fleet.site.delete("openshift/release", fleet.site.parts["4.20.12"][0])
    assert fleet_readiness.main(without_data(fleet, f"--published={path}")) == 17
    assert list(reasons(json.loads(capsys.readouterr().out))) == ["not in the registry"]


def test_a_registry_that_nobody_tells_of_leaves_it_unknown(fleet: Fleet, capsys: Capture) -> None:
    assert fleet_readiness.main(without_data(fleet, f"--target-registry={fleet.site.target}")) == 17
    document = json.loads(capsys.readouterr().out)
    assert document["clusters"][0]["verdict"] == "unknown"
    assert "what was published is not known" in reasons(document)


def test_where_nobody_names_a_registry_the_table_says_so(
    fleet: Fleet, tmp_path: Path, capsys: Capture
) -> None:
    """A data directory that no run has mirrored with knows none."""
    arguments = [*(one for one in without_data(fleet) if one != "--json"), f"--data={tmp_path}"]
    assert fleet_readiness.main(arguments) == 17
    assert capsys.readouterr().out.splitlines()[:5] == [
        "1 cluster, 0 registries: 1 unknown",
        "",
        "UNKNOWN  edge-1",
        "  its registry was not looked at: none is named by a run, by a parameter or by the values",
        "    to do: mirror first, or give target-registry",
    ]


def test_a_registry_that_does_not_answer_leaves_it_unknown(fleet: Fleet, capsys: Capture) -> None:
    nobody = Fleet(fleet.folder / "other", Site("127.0.0.1:9/none"), hub=fleet.hub, labels=fleet.labels)
    nobody.folder.mkdir()
    code, document = nobody.look(capsys=capsys)
    assert (code, document["clusters"][0]["verdict"]) == (17, "unknown")
    assert "the registry does not answer" in reasons(document)


def test_a_cluster_is_judged_at_the_registry_that_its_values_name(fleet: Fleet, capsys: Capture) -> None:
    host, _, path = fleet.site.target.partition("/")
    other = "--target-registry=127.0.0.1:9/other"
    fleet.hub["edge-1"]["version"] = "4.19.20"
    fleet.config = {"disconnected": {"mirrorRegistry": {"host": host, "path": path}}}
    code, document = fleet.look(other, f"--target-registry={fleet.site.target}", capsys=capsys)
    assert (code, [row["registry"] for row in document["clusters"]]) == (0, [fleet.site.target])
    fleet.config = {"disconnected": {"mirrorRegistry": {"host": "else.example.com"}}}
    code, document = fleet.look(capsys=capsys)
    assert (code, list(reasons(document))) == (17, ["its registry was not looked at"])
    fleet.config = {}
    code, document = fleet.look(other, f"--target-registry={fleet.site.target}", capsys=capsys)
    assert (code, sorted(row["verdict"] for row in document["clusters"])) == (17, ["ready", "unknown"])


def test_the_hub_may_tell_by_what_oc_prints(fleet: Fleet, tmp_path: Path, capsys: Capture) -> None:
    clusters = [
        managed("edge-1", "4.19.20", "stores"),
        managed("edge-2", "4.20.12", "stores"),
        managed("x", "4.18.1", "else"),
    ]
    path = tmp_path / "managed.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": clusters}))
    fleet.hub = {}
    code, document = fleet.look(f"--hub-state={path}", capsys=capsys)
    rows = {row["cluster"]: (row["verdict"], row["current"]) for row in document["clusters"]}
    assert (code, rows) == (
        0,
        {"edge-1": ("ready with warnings", "4.19.20"), "edge-2": ("ready with warnings", "4.20.12")},
    )
    assert document["notes"] == ["the values say nothing of cluster x"]


@pytest.mark.parametrize(
    ("change", "doubt"),
    [
        ({"openshiftVersion": ""}, "the hub tells no release of it"),
        (
            {"openshiftVersion": "4.20.0-0.nightly-2026-10-01-101010"},
            "the hub says that it runs 4.20.0-0.nightly-2026-10-01-101010, which is no release X.Y.Z",
        ),
        ({"claim": "4.20.1"}, "the hub tells two releases of it, 4.20.1 and 4.19.20, as while it is updated"),
        ({"name": "edge-9"}, "the hub does not know it"),
    ],
)
def test_it_is_said_why_nobody_knows_what_runs(
    fleet: Fleet, tmp_path: Path, capsys: Capture, change: dict[str, str], doubt: str
) -> None:
    cluster = json.loads(json.dumps(MANAGED))
    claim, cluster["metadata"]["name"] = change.pop("claim", ""), change.pop("name", "edge-1")
    cluster["metadata"]["labels"] |= change
    if claim:
        cluster["status"] = {"clusterClaims": [{"name": "version.openshift.io", "value": claim}]}
    path = tmp_path / "managed.json"
    path.write_text(json.dumps({"kind": "List", "items": [cluster]}))
    fleet.hub = {}
    arguments = fleet.arguments("--json", f"--hub-state={path}")
    values = tmp_path / "values/fleet.yaml"
    values.write_text(json.dumps(json.loads(values.read_text()) | {"clusters": {"edge-1": {"config": {}}}}))
    assert fleet_readiness.main(arguments) == 17
    document = json.loads(capsys.readouterr().out)
    [number] = [row["judgement"] for row in document["clusters"] if row["cluster"] == "edge-1"]
    said = document["judgements"][number]["reasons"]
    [reason] = [one for one in said if one["cause"] == "what runs now is not known"]
    assert reason["what"] == f"the way to 4.20.12 is not known: {doubt}"
    assert "oc get clusterversion" in reason["to_do"]


def test_values_that_stand_twice_and_another_set_on_the_hub_are_told(
    fleet: Fleet, tmp_path: Path, capsys: Capture
) -> None:
    fleet.hub["edge-1"] |= {"version": "4.19.20", "set": "others"}
    arguments = fleet.arguments("--json")
    cluster = "labels: {quay-channel: stable-3.14}\n    config: {clusterSet: stores}"
    text = yaml.safe_dump(json.loads((tmp_path / "values/fleet.yaml").read_text()))
    twice = f"clusters:\n  edge-1:\n    {cluster}\n  edge-1:\n    {cluster}\n"
    (tmp_path / "values/fleet.yaml").write_text(text + twice)
    assert fleet_readiness.main(arguments) == 0
    moves, doubled = json.loads(capsys.readouterr().out)["notes"]
    assert moves == "cluster edge-1 is in set others on the hub and judged in stores of the values"
    assert "edge-1" in doubled
    assert "fleet.yaml" in doubled


def test_a_cluster_of_two_sets_of_one_name_is_judged_in_both(fleet: Fleet, capsys: Capture) -> None:
    arguments = fleet.arguments("--json")
    values = fleet.folder / "values/fleet.yaml"
    document = json.loads(values.read_text())
    document["hubClusterSets"] = {"stores": {"labels": {"openshift-version": "4.20.99"}}}
    values.write_text(json.dumps(document))
    assert fleet_readiness.main(arguments) == 17
    [row] = json.loads(capsys.readouterr().out)["clusters"]
    assert (row["cluster"], row["verdict"]) == ("edge-1", "not ready")
    alone = [one for one in arguments if not one.startswith("--hub-state=")]
    assert fleet_readiness.main(alone) == 17
    rows = json.loads(capsys.readouterr().out)["clusters"]
    assert [(one["kind"], one["verdict"]) for one in rows] == [
        ("hub set", "not ready"),
        ("managed set", "unknown"),
    ]


def test_installed_operators_that_nobody_asks_for_are_named(fleet: Fleet, capsys: Capture) -> None:
    assert fleet.look(capsys=capsys)[1]["notes"] == []
    fleet.hub["edge-1"]["operators"] |= {"quay": "quay-operator.v3.14.1"}
    [note] = fleet.look(capsys=capsys)[1]["notes"]
    assert note == "the hub names installed operators that no values ask for: quay"


def test_a_hub_without_clusters_of_the_values_leaves_nothing_to_judge(
    fleet: Fleet, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "managed.json"
    path.write_text('{"kind": "List", "items": []}')
    fleet.hub = {}
    code, document = fleet.look(f"--hub-state={path}", capsys=capsys)
    assert (code, document["ready"], document["clusters"]) == (17, False, [])
    [note] = document["notes"]
    assert note.startswith("the hub knows no cluster of these values")


def managed(name: str, version: str, cluster_set: str) -> dict[str, Any]:
    labels = {"openshiftVersion": version, "cluster.open-cluster-management.io/clusterset": cluster_set}
    return {"kind": "ManagedCluster", "metadata": {"name": name, "labels": labels}, "status": {}}


def test_without_a_hub_the_former_values_say_what_runs(fleet: Fleet, tmp_path: Path, capsys: Capture) -> None:
    fleet.hub, fleet.version = {}, "4.19.20"
    fleet.arguments()
    values = tmp_path / "values"
    git(values, "init", "--quiet", "--initial-branch=main")
    git(values, "add", ".")
    git(values, "commit", "--quiet", "--message=before")
    fleet.version = "4.20.12"
    code, document = fleet.look("--former-revision=main", capsys=capsys)
    [row] = document["clusters"]
    assert (code, row["kind"], row["cluster"]) == (0, "managed set", "stores")
    assert (row["current"], row["current_from"]) == ("4.19.20", "the former values")
    code, document = fleet.look(capsys=capsys)
    assert (code, document["clusters"][0]["verdict"]) == (17, "unknown")
    assert list(reasons(document)) == ["what runs now is not known"]


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=me", "-c", "user.email=me@example.com"]
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True)


def test_a_second_look_asks_only_for_what_may_have_changed(
    fleet: Fleet, tmp_path: Path, capsys: Capture, caplog: pytest.LogCaptureFixture
) -> None:
    keeps = f"--workspace={tmp_path / 'kept'}"
    [digest, other] = fleet.site.parts["4.20.12"]

    def asked() -> tuple[int, int]:
        """Images that were asked for, and that were known."""
        caplog.clear()
        with caplog.at_level("INFO"):
            fleet.look(*options, capsys=capsys)
        [line] = [record for record in caplog.records if "were known" in record.getMessage()]
        return line.args[1:]  # type: ignore[index,return-value]

    options = [keeps]
    first, known = asked()
    assert (first > 10, known) == (True, 0)
    assert asked() == (1, first - 1), "the tag of the catalog is asked for again"
    fleet.site.delete("openshift/release", digest)
    assert asked() == (1, first - 1), "within the hour it is taken to be there"
    options = [keeps, "--fresh"]
    assert asked() == (first, 0)
    options = [keeps]
    assert asked() == (2, first - 2), "what was missing is asked for again"
    state = next((tmp_path / "kept/readiness").glob("*.json"))
    document = json.loads(state.read_text())
    document["present"][f"{fleet.site.target}/openshift/release"][f"{other} amd64"] -= 3601
    state.write_text(json.dumps(document))
    assert asked() == (3, first - 3), "what is older than an hour is asked for again"
    state.write_text("no json")
    assert asked() == (first, 0)


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ("{}", 3, "neither a list of ManagedClusters nor of the form"),
        ('{"kind": "List", "items": null}', 3, "neither a list of ManagedClusters nor of the form"),
        ('{"kind": "List", "items": ["x", 3]}', 3, "neither a list of ManagedClusters nor of the form"),
        ('{"kind": "List", "items": ' + "[" * 9999, 3, "nested too deeply"),
        ('{"format": 1, "clusters": {"a": {}, "a": {"set": "b"}}}', 3, "'a' stands there twice"),
        (
            json.dumps({"kind": "List", "items": [MANAGED, MANAGED]}).replace("4.19.20", "4.20.1", 1),
            3,
            "cluster 'edge-1' is there twice, and not the same is said of it",
        ),
        ('{"format": 2, "clusters": {}}', 3, "format 2, this version reads 1"),
        ('{"format": 1, "clusters": {"a": {"version": "4.20"}}}', 3, "not a release X.Y.Z"),
        ("[1, 2]", 3, "neither a list of ManagedClusters nor of the form"),
        (
            '{"kind": "List", "items": [{"kind": "Node", "metadata": {"name": "edge-1"}}]}',
            3,
            "it lists objects of kind Node, not ManagedClusters",
        ),
        (
            '{"format": 1, "clusters": {"a": {"operators": {"quay-operator": null}}}}',
            3,
            "cluster 'a' has no ClusterServiceVersion of quay-operator",
        ),
        (None, 4, "there is no file"),
    ],
)
def test_a_hub_state_that_is_none_is_refused(
    fleet: Fleet,
    tmp_path: Path,
    capsys: Capture,
    caplog: pytest.LogCaptureFixture,
    content: str | None,
    code: int,
    words: str,
) -> None:
    path = tmp_path / "state"
    if content is not None:
        path.write_text(content)
    assert fleet_readiness.main(fleet.arguments(f"--hub-state={path}")) == code
    assert words in caplog.text + capsys.readouterr().err


@pytest.mark.parametrize(("module", "limit"), [(hub_state, "LARGEST"), (known, "LARGEST_EXPORT")])
def test_a_file_without_an_end_is_refused(
    fleet: Fleet,
    capsys: Capture,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    limit: str,
) -> None:
    monkeypatch.setattr(module, limit, 1 << 20)
    option = "--hub-state" if module is hub_state else "--published"
    assert fleet_readiness.main(fleet.arguments(f"{option}=/dev/zero")) == 3
    assert "1,048,577 bytes, more than 1,048,576" in caplog.text + capsys.readouterr().err


def test_what_oc_prints_may_come_through_a_pipe(fleet: Fleet, capsys: Capture) -> None:
    reading, writing = os.pipe()
    clusters = {"edge-1": {"version": "4.20.12", "set": "stores"}}
    os.write(writing, json.dumps({"format": 1, "clusters": clusters}).encode())
    os.close(writing)
    code, document = fleet.look(f"--hub-state=/dev/fd/{reading}", capsys=capsys)
    os.close(reading)
    assert (code, [one["current"] for one in document["clusters"]]) == (0, ["4.20.12"])


def _exported(fleet: Fleet, **changes: Any) -> dict[str, Any]:
    """The ConfigMap oc-mirror-inventory, with changes to what it says of its target."""
    fleet.arguments()
    document = json.loads(summary.of_store(Store(fleet.folder / "data")).as_json())
    document["targets"][0] |= changes
    return notify.config_map(notify.INVENTORY, "oc-mirror", {"inventory.json": json.dumps(document)})


def _packed(fleet: Fleet) -> dict[str, Any]:
    files = resources.in_files(fleet.site.resources()) | {"much": "x" * notify.LARGEST}
    return notify.config_map("oc-mirror-cluster-resources", "oc-mirror", files, target=fleet.site.target)


def _cut(config_map: dict[str, Any]) -> dict[str, Any]:
    content = config_map["binaryData"]["idms.yaml.gz"]
    config_map["binaryData"]["idms.yaml.gz"] = content[: len(content) // 8 * 4]
    return config_map


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda fleet: {**_packed(fleet), "data": ["x"]}, "is damaged: its data are no files"),
        (
            lambda fleet: _cut(_packed(fleet)),
            "oc-mirror-cluster-resources is damaged: idms.yaml.gz cannot be",
        ),
        (lambda fleet: {**_packed(fleet), "metadata": {"annotations": ["x"]}}, "no ConfigMap with a target"),
        (lambda fleet: {**_packed(fleet), "metadata": ["x"]}, "no ConfigMap with a target"),
        (lambda fleet: _exported(fleet, target="http://x y/;"), "is of 'http://x y/;', which is no target"),
        (lambda fleet: _exported(fleet, target=""), "is of '', which is no target"),
        (lambda fleet: _exported(fleet, room=-5), "targets.0.room"),
    ],
)
def test_a_damaged_export_is_refused_and_not_judged_by(
    fleet: Fleet, caplog: pytest.LogCaptureFixture, made: Callable[[Fleet], dict[str, Any]], words: str
) -> None:
    path = fleet.folder / "export.json"
    path.write_text(json.dumps(made(fleet)))
    assert fleet_readiness.main(without_data(fleet, f"--published={path}")) == 3
    assert words in caplog.text


def test_what_several_say_of_one_registry_is_put_together(fleet: Fleet, capsys: Capture) -> None:
    """Two data directories mirrored to one registry: clusters apply what both publish."""
    fleet.hub["edge-1"]["version"] = "4.19.20"
    whole = _exported(fleet)
    text = json.loads(whole["data"]["inventory.json"])
    [target] = text["targets"]
    paths = []
    for number, names in enumerate((("idms.yaml",), ("idms.yaml", "itms.yaml"))):
        kept = {name: one for name, one in target["resources"].items() if (name in names) != bool(number)}
        assert kept
        text["targets"] = [{**target, "resources": kept}]
        paths.append(fleet.folder / f"{number}.json")
        whole["data"]["inventory.json"] = json.dumps(text)
        paths[-1].write_text(json.dumps(whole))
    for given, code in ((paths[:1], 17), (paths[1:], 17), (paths, 0)):
        assert fleet_readiness.main(without_data(fleet, *(f"--published={one}" for one in given))) == code
        capsys.readouterr()


def test_a_mirror_has_to_be_named(capsys: Capture, caplog: pytest.LogCaptureFixture) -> None:
    assert fleet_readiness.main(["--values-file-path=x"]) == 2
    assert (
        "none of --target-registry, --data, --published and --inventory-configmaps is given"
        in caplog.text + capsys.readouterr().err
    )


def test_a_file_that_exports_nothing_is_refused(
    fleet: Fleet, tmp_path: Path, capsys: Capture, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "published.yaml"
    path.write_text("kind: ConfigMap\nmetadata: {name: x}\n")
    assert fleet_readiness.main(fleet.arguments(f"--published={path}")) == 3
    assert "no ConfigMap with a target" in caplog.text + capsys.readouterr().err
