"""migrate-check on a folder: it reports every object of an old installation, each at its moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from steps import migrate_check
from steps.errors import FileError, NotFoundError, UsageError
from steps.migration.findings import Namespaces
from steps.migration.old_objects import Installation, OldObject
from steps.migration.report import CLUSTER, as_text, as_yaml, make_report
from tests.unit.migration.samples import FILES, IMAGESET, RUN


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        path = tmp_path / "old" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    return tmp_path / "old"


@pytest.fixture
def report(folder: Path, tmp_path: Path) -> dict[str, Any]:
    output = tmp_path / "report.yaml"
    migrate_check.run(migrate_check.parse([f"--manifests={folder}", f"--output={output}"]))
    parsed: dict[str, Any] = yaml.safe_load(output.read_text())
    return parsed


def said(report: dict[str, Any], kind: str, name: str) -> list[tuple[str, str]]:
    return [
        (entry["when"], entry["action"])
        for entry in report["findings"]
        if (entry["kind"], entry["name"]) == (kind, name)
    ]


def finding(report: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    (found,) = [entry for entry in report["findings"] if (entry["kind"], entry["name"]) == (kind, name)]
    return dict(found)


def parameters(report: dict[str, Any], origin: str, pipeline: str) -> dict[str, Any]:
    (found,) = [
        entry
        for entry in report["parameters"]
        if origin in entry["origins"] and entry["pipeline"] == pipeline
    ]
    return {**found, "params": {param["name"]: param["value"] for param in found["params"]}}


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("Namespace", "oc-mirror", [("keep", "keep")]),
        ("ServiceAccount", "oc-mirror-pipeline", [("keep", "keep")]),
        ("PersistentVolumeClaim", "oc-mirror-workspace", [("keep", "keep")]),
        ("ImageSetConfiguration", "", [("keep", "keep")]),
        ("ConfigMap", "oc-mirror-config", [("before", "save")]),
        ("Pipeline", "oc-mirror-deployment-pipeline", [("before", "save")]),
        ("Task", "get-current-image", [("before", "save")]),
        ("ConfigMap", "oc-mirror-images", [("apply", "remove")]),
        ("ClusterRoleBinding", "oc-mirror-pipeline-admin", [("switch", "remove")]),
        ("ServiceAccount", "oc-mirror", [("switch", "remove")]),
        ("EventListener", "oc-mirror-event-listener", [("switch", "remove")]),
        ("TriggerTemplate", "oc-mirror-trigger-template", [("switch", "remove")]),
        ("CronJob", "oc-mirror-cronjob", [("switch", "stop"), ("last", "remove")]),
        ("Pipeline", "oc-mirror-build-deploy", [("last", "remove")]),
        ("Task", "oc-mirror-deploy", [("last", "remove")]),
        ("Secret", "quayadmin", [("last", "remove")]),
        ("Role", "oc-mirror-workload", [("last", "remove")]),
        ("PersistentVolumeClaim", "oc-mirror-content", [("last", "remove")]),
    ],
)
def test_each_old_object_gets_its_finding(
    report: dict[str, Any], kind: str, name: str, expected: list[tuple[str, str]]
) -> None:
    assert said(report, kind, name) == expected


def test_nothing_of_the_folder_goes_unsaid(report: dict[str, Any], folder: Path) -> None:
    named = {(finding["kind"], finding["name"]) for finding in report["findings"]}
    translated = {origin for translation in report["parameters"] for origin in translation["origins"]}
    documents = [
        document
        for path in sorted(folder.glob("*.y*ml"))
        if path.name != "task-broken.yaml"
        for document in yaml.safe_load_all(path.read_text())
    ]
    for document in documents:
        found = OldObject(document, "file")
        assert (
            (found.kind, found.name) in named
            or str(found) in translated
            or str(found) in report["not-judged"]
        ), found
    assert report["not-judged"] == ["Pod oc-mirror-pipeline/trial"]
    (unread,) = report["not-read"]
    assert unread.startswith("task-broken.yaml: not valid YAML, line ")


def test_cluster_admin_is_named_with_what_it_means_for_the_new_pipelines(report: dict[str, Any]) -> None:
    found = finding(report, "ClusterRoleBinding", "oc-mirror-pipeline-admin")
    assert "oc-mirror-pipeline the ClusterRole cluster-admin" in found["why"]
    assert found["command"] == "oc delete clusterrolebinding oc-mirror-pipeline-admin"


def test_the_old_imageset_is_saved_and_what_v2_refuses_is_told(report: dict[str, Any]) -> None:
    found = finding(report, "ConfigMap", "oc-mirror-config")
    assert found["command"] == (
        r"oc get configmap oc-mirror-config -n oc-mirror -o 'jsonpath={.data.imageset\.yaml}'"
        " > old-oc-mirror-config-imageset.yaml"
    )
    assert "an ImageSetConfiguration of oc-mirror v1, refused by v2" in found["why"]


def test_a_run_of_the_old_pipeline_becomes_two(report: dict[str, Any]) -> None:
    origin = "PipelineRun oc-mirror-pipeline/oc-mirror-nightly"
    build = parameters(report, origin, "oc-mirror-build-pipeline")
    assert build["params"] == {
        "git-url": "https://git.example.com/fleet.git",
        "git-revision": "release",
        "image-url": "registry.example.com/mirror/oc-mirror:latest",
    }
    deployment = parameters(report, origin, "oc-mirror-deployment-pipeline")
    assert deployment["params"] == {
        "values-git-url": "https://git.example.com/fleet.git",
        "values-git-revision": "release",
        "values-file-path": "autoshift/values.sbx.yaml",
        "deploy-mode": "cronjob",
        "schedule": "0 0 * * *",
        "workflow": "workflow-to-disk",
    }
    assert any("taskRunTemplate" in note for note in deployment["notes"])
    assert any("test-imageset.yaml" in note for note in deployment["notes"])


def test_a_cronjob_becomes_parameters_with_its_volumes_and_memory(report: dict[str, Any]) -> None:
    found = parameters(report, "CronJob oc-mirror/oc-mirror-cronjob", "oc-mirror-deployment-pipeline")
    assert found["params"] == {
        "deploy-mode": "cronjob",
        "schedule": "0 2 * * 0",
        "workflow": "workflow-direct",
        "incremental-mode": "true",
        "since-date": "2025-09-20",
        "target-registry": "r.example.com/m",
        "dry-run": "true",
        "memory": "8Gi",
        "time-zone": "Europe/Berlin",
        "storage-size": "150Gi",
        "storage-class": "fast",
        "values-file-path": "autoshift/values.hub.yaml",
    }
    assert found["notes"] == []


def test_what_only_a_trigger_fills_in_is_no_parameter(report: dict[str, Any]) -> None:
    origin = "TriggerTemplate oc-mirror-pipeline/oc-mirror-trigger-template"
    found = parameters(report, origin, "oc-mirror-deployment-pipeline")
    assert found["params"] == {"deploy-mode": "job"}


@pytest.mark.parametrize(
    ("arguments", "note"),
    [
        (["oc-mirror", "-c", "config/imageset.yaml", "--incremental"], "name no destination"),
        (["oc-mirror", "-c", "c.yaml", "file:///content"], "choose the workflow that matches"),
        (["while true; do sleep 300; done"], "mirrored nothing by itself"),
    ],
)
def test_arguments_without_a_workflow_are_told(arguments: list[str], note: str) -> None:
    spec = {"template": {"spec": {"containers": [{"args": arguments}]}}}
    job = {"kind": "Job", "metadata": {"name": "oc-mirror-job-1", "namespace": "oc-mirror"}, "spec": spec}
    report = make_report(Installation((OldObject(job, CLUSTER),)), Namespaces())
    (translation,) = report.translations
    assert any(note in line for line in translation.notes)
    assert "workflow" not in dict(translation.params)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("mirror-to-disk", "workflow-to-disk"),
        ("disk-to-mirror", "workflow-from-disk"),
        ("workflow-to-mirror", "workflow-direct"),
        ("workflow-cleanup", "workflow-delete-generate"),
        ("delete-execute", "workflow-delete-execute"),
    ],
)
def test_old_workflows_have_new_names(old: str, new: str) -> None:
    run = yaml.safe_load(RUN.replace("mirror-to-disk", old))
    report = make_report(Installation((OldObject(run, "file"),)), Namespaces())
    assert [dict(translation.params).get("workflow") for translation in report.translations] == [None, new]


def test_what_still_runs_is_waited_for_and_runs_alike_are_said_once() -> None:
    run = yaml.safe_load(RUN)
    runs = [
        OldObject(
            {
                **run,
                "metadata": {**run["metadata"], "name": f"nightly-{number}"},
                "status": {"completionTime": "2025-09-23T15:30:44Z"} if number else {},
            },
            CLUSTER,
        )
        for number in range(100)
    ]
    report = make_report(Installation(tuple(runs)), Namespaces())
    assert [(finding.moment.name, finding.action) for finding in report.findings] == [
        ("SWITCH", "wait"),
        ("LAST", "remove"),
    ]
    assert report.findings[0].do == "tkn pipelinerun logs -f nightly-0 -n oc-mirror-pipeline"
    assert report.findings[1].why.startswith("100 runs of oc-mirror-build-deploy")
    assert len(report.translations) == 2
    assert "and 97 more" in as_text(report)


def test_what_the_new_pipelines_made_is_left_out() -> None:
    metadata = {"name": "oc-mirror-cronjob", "namespace": "oc-mirror"}
    ours = {"labels": {"app.kubernetes.io/part-of": "oc-mirror-pipeline"}}
    report = make_report(
        Installation((OldObject({"kind": "CronJob", "metadata": {**metadata, **ours}}, CLUSTER),)),
        Namespaces(),
    )
    assert as_text(report) == "Nothing of the old pipeline was found."


def test_a_name_out_of_a_file_is_no_shell_text() -> None:
    job = {"kind": "Job", "metadata": {"name": "oc-mirror-job-$(reboot)", "namespace": "oc-mirror"}}
    report = make_report(Installation((OldObject(job, "file"),)), Namespaces())
    assert report.findings[0].do == "oc delete job 'oc-mirror-job-$(reboot)' -n oc-mirror"


def test_the_cluster_counts_where_a_file_says_otherwise() -> None:
    metadata = {"name": "oc-mirror-images", "namespace": "oc-mirror-pipeline"}
    both = [OldObject({"kind": "ConfigMap", "metadata": metadata}, origin) for origin in ("file", CLUSTER)]
    (only,) = make_report(Installation(tuple(both)), Namespaces()).findings
    assert only.old.origin == CLUSTER


def test_other_namespaces_can_be_named(folder: Path, tmp_path: Path) -> None:
    inputs = migrate_check.parse([f"--manifests={folder}", "--namespace=elsewhere", "--output="])
    actions = {str(finding.old): finding.action for finding in migrate_check.check(inputs).findings}
    assert "CronJob oc-mirror/oc-mirror-cronjob" not in actions


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_a_folder_without_manifests_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFoundError, match=name):
        migrate_check.run(migrate_check.parse([f"--manifests={tmp_path / name}"]))


def test_nothing_to_read_is_an_error() -> None:
    with pytest.raises(UsageError, match="neither --manifests nor --cluster"):
        migrate_check.parse(["--manifests="])


_FIELD_NAMES = (
    "active",
    "annotations",
    "args",
    "claimName",
    "configMap",
    "containers",
    "imageset.yaml",
    "jobTemplate",
    "kind",
    "labels",
    "limits",
    "name",
    "namespace",
    "ownerReferences",
    "params",
    "pipelineRef",
    "resources",
    "resourcetemplates",
    "rules",
    "schedule",
    "spec",
    "subjects",
    "template",
    "timeZone",
    "value",
    "values.yaml",
    "volumes",
    "workspaces",
)
_trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["oc-mirror-x", "cronjob", "--since", "1Gi"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_FIELD_NAMES), inner, max_size=4)
    ),
    max_leaves=20,
)
_FIELDS = ("spec", "data", "subjects", "rules", "roleRef", "status", "metadata")


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "Role", "rules": [{"resources": 5}, None, 7]},
        {"kind": "Job", "spec": {"template": {"spec": {"containers": [{"args": 5}]}}}},
        {"kind": "Job", "spec": {"template": {"spec": {"containers": [{"args": "oc-mirror"}]}}}},
        {"kind": "CronJob", "spec": {"jobTemplate": [], "schedule": 7}},
        {"kind": "ConfigMap", "data": {"imageset.yaml": 5}},
        {"kind": "PipelineRun", "spec": {"pipelineRef": {"name": "oc-mirror-build-deploy"}, "params": 3}},
    ],
    ids=str,
)
def test_a_field_of_another_type_stops_no_report(body: dict[str, Any]) -> None:
    named = {**body, "metadata": {"name": "oc-mirror-x", "namespace": "oc-mirror"}}
    report = make_report(Installation((OldObject(named, "file"),)), Namespaces())
    assert report.findings or report.undecided


@given(
    st.sampled_from(["CronJob", "ConfigMap", "PipelineRun", "Role", "ClusterRoleBinding", "Job", "Task"]),
    st.data(),
)
def test_no_object_is_too_odd_for_a_report(kind: str, data: st.DataObject) -> None:
    body = {field: data.draw(_trees) for field in _FIELDS[:-1]} | {"kind": kind}
    body["metadata"] = {"name": "oc-mirror-x", "namespace": "oc-mirror", "labels": data.draw(_trees)}
    report = make_report(Installation((OldObject(body, "file"),)), Namespaces())
    assert yaml.safe_load(as_yaml(report))["not-read"] == []


def test_the_text_has_every_command(
    folder: Path, report: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    migrate_check.main.perform([f"--manifests={folder}"])
    printed = capsys.readouterr().out
    for finding in report["findings"]:
        assert finding["command"] in printed
    assert "Not read\n  task-broken.yaml" in printed
    assert IMAGESET not in printed


@pytest.mark.parametrize("output", [".", "file/report.yaml", "/proc/report.yaml"])
def test_a_report_that_cannot_be_written_is_an_error(folder: Path, tmp_path: Path, output: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileError, match="cannot be written"):
        migrate_check.main.perform([f"--manifests={folder}", f"--output={tmp_path / output}"])
