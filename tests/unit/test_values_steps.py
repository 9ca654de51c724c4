"""fetch-values, generate-or-use-imageset and preview-deployment, as one runs them on a laptop."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from steps import fetch_values, generate_or_use_imageset, preview_deployment
from steps.errors import FileError, InvalidInputError, NotFoundError, StepError, UsageError
from tests.conftest import ROOT, GitRepository

VALUES = """\
hubClusterSets:
  hub:
    labels:
      openshift-version: '4.20.12'
      acm-channel: release-2.15
      gitops: 'true'
      gitops-subscription-name: openshift-gitops-operator
      gitops-channel: gitops-1.19
      gitops-source: redhat-operators
"""


@pytest.fixture
def values_repository(git_repository: GitRepository) -> GitRepository:
    git_repository.commit({"values/hub.yaml": VALUES, "README.md": "hello"})
    return git_repository


def test_fetch_values_writes_every_result_and_shares_the_checkout(
    values_repository: GitRepository, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    workspace = tmp_path / "workspace"
    fetch_values.main.perform(
        [
            f"--values-git-url=file://{values_repository.path}",
            "--values-file-path=values/hub.yaml",
            f"--workspace={workspace}",
            *(f"--result-{name}={results / name}" for name in fetch_values.RESULTS),
        ]
    )
    commit = values_repository.git("rev-parse", "HEAD")
    written = {path.name: path.read_text() for path in results.iterdir()}
    assert written == {
        "commit": commit,
        "url": f"file://{values_repository.path}",
        "CHAINS-GIT_URL": f"git+file://{values_repository.path}",
        "CHAINS-GIT_COMMIT": commit,
    }
    assert (workspace / "values" / commit / "values" / "hub.yaml").read_text() == VALUES


def test_fetch_values_lists_the_values_files_that_are_there(
    values_repository: GitRepository, tmp_path: Path
) -> None:
    with pytest.raises(NotFoundError, match=r"there is no 'autoshift/values\.hub\.yaml'") as caught:
        fetch_values.main.perform(
            [f"--values-git-url=file://{values_repository.path}", f"--workspace={tmp_path}"]
        )
    assert "values/hub.yaml" in caught.value.hint


def test_fetch_values_fetches_nothing_for_an_imageset_of_ones_own(tmp_path: Path) -> None:
    fetch_values.main.perform(
        [
            "--values-git-url=http://127.0.0.1:9/unreachable.git",
            "--imageset-configmap=production-imageset",
            f"--workspace={tmp_path}",
            f"--result-commit={tmp_path / 'commit'}",
        ]
    )
    assert (tmp_path / "commit").read_text() == ""


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("--values-git-url=ext::sh -c id", "values-git-url"),
        ("--values-git-revision=--upload-pack=id", "values-git-revision"),
        ("--values-file-path=../x.yaml", "leaves the repository"),
        ("--values-file=x", "unrecognized"),
    ],
)
def test_unsafe_or_unknown_arguments_are_refused(
    values_repository: GitRepository, tmp_path: Path, argument: str, words: str
) -> None:
    arguments = [f"--values-git-url=file://{values_repository.path}", f"--workspace={tmp_path}", argument]
    with pytest.raises(UsageError, match=words):
        fetch_values.main.perform(arguments)


def test_the_imageset_is_shared_under_its_digest(values_repository: GitRepository, tmp_path: Path) -> None:
    output = tmp_path / "imageset.yaml"
    generate_or_use_imageset.main.perform(
        [
            f"--values-git-url=file://{values_repository.path}",
            "--values-file-path=values/hub.yaml",
            f"--workspace={tmp_path / 'workspace'}",
            f"--output-imageset={output}",
            f"--result-imageset-sha256={tmp_path / 'sha256'}",
            f"--result-operator-count={tmp_path / 'count'}",
        ]
    )
    digest = (tmp_path / "sha256").read_text()
    shared = tmp_path / "workspace" / "imagesets" / f"{digest}.yaml"
    assert shared.read_text() == output.read_text()
    assert yaml.safe_load(output.read_text())["kind"] == "ImageSetConfiguration"
    assert (tmp_path / "count").read_text() == "3"  # ACM, its multicluster-engine, GitOps


def test_preview_writes_what_the_pipeline_would_apply(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    preview_deployment.main.perform(
        [
            f"--values-git-url={ROOT / 'examples' / 'values'}",
            "--values-file-path=.",
            "--deploy-mode=cronjob",
            "--schedule=0 2 * * *",
            f"--output={tmp_path}",
        ]
    )
    printed = capsys.readouterr().out
    assert "CronJob oc-mirror in namespace oc-mirror: workflow-to-disk on '0 2 * * *'" in printed
    objects = {
        (document["kind"], document["metadata"]["name"]): document
        for path in sorted((tmp_path / "manifests").glob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text())
    }
    assert set(objects) == {
        ("ConfigMap", "oc-mirror-config"),
        ("ConfigMap", "oc-mirror-imageset"),
        ("ConfigMap", "oc-mirror-values"),
        ("CronJob", "oc-mirror"),
        ("PersistentVolumeClaim", "oc-mirror-workspace"),
        ("ServiceAccount", "oc-mirror"),
    }
    text = (tmp_path / "imageset.yaml").read_text()
    assert objects["ConfigMap", "oc-mirror-config"]["data"]["imageset.yaml"] == text


def test_a_second_preview_leaves_nothing_of_the_first(tmp_path: Path) -> None:
    common = [
        f"--values-git-url={ROOT / 'examples' / 'values'}",
        "--values-file-path=.",
        f"--output={tmp_path}",
    ]
    preview_deployment.main.perform([*common, "--deploy-mode=job"])
    foreign = tmp_path / "manifests" / "mine.yaml"
    foreign.write_text("kept: true\n")
    preview_deployment.main.perform([*common, "--deploy-mode=deployment", "--schedule=@daily"])
    names = {path.name for path in (tmp_path / "manifests").iterdir()}
    assert "job-oc-mirror-preview.yaml" not in names
    assert {"deployment-oc-mirror.yaml", "mine.yaml"} <= names


def test_preview_takes_an_imageset_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    custom = ROOT / "examples" / "custom-imageset.yaml"
    preview_deployment.main.perform([f"--imageset={custom}", f"--output={tmp_path}"])
    assert (tmp_path / "imageset.yaml").read_text() == custom.read_text()
    assert not (tmp_path / "manifests" / "configmap-oc-mirror-values.yaml").exists()
    assert "Job oc-mirror-preview" in capsys.readouterr().out


def test_preview_of_a_revision_reads_git_and_not_the_disk(
    values_repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (values_repository.path / "values" / "hub.yaml").write_text("broken: [")
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "temporary"))
    common = [f"--values-git-url={values_repository.path}", "--values-file-path=values/hub.yaml"]
    preview_deployment.main.perform([*common, "--values-git-revision=main", f"--output={tmp_path / 'out'}"])
    with pytest.raises(InvalidInputError, match=r"values/hub\.yaml"):
        preview_deployment.main.perform([*common, f"--output={tmp_path / 'out'}"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--deploy-mode=cronjob", "--schedule=61 * * * *"],
        ["--workflow=workflow-direct"],
        ["--since-date=2025-02-30"],
        ["--imageset=/no/such/file"],
        ["--values-git-url=/no/such/folder"],
        ["--values-file-path=none.yaml"],
        ["--openshift-version=four"],
    ],
)
def test_a_preview_that_fails_writes_nothing(tmp_path: Path, arguments: list[str]) -> None:
    common = [f"--values-git-url={ROOT / 'examples' / 'values'}", "--values-file-path=."]
    with pytest.raises(StepError) as caught:
        preview_deployment.main.perform([*common, *arguments, f"--output={tmp_path / 'out'}"])
    assert caught.value.hint
    assert not (tmp_path / "out").exists()


SPLIT: dict[str, str | bytes] = {
    "autoshift/values/global.yaml": "autoshiftGitBranchTag: main\n",
    "autoshift/values/clustersets/hub.yaml": VALUES,
    "autoshift/values/clustersets/managed.yaml": "managedClusterSets: {managed: {labels: {quay: 'true'}}}\n",
    "autoshift/values/clustersets/hub-sno.yaml": VALUES.replace("2.15", "2.16"),
}


def preview(repository: GitRepository, output: Path, *arguments: str) -> None:
    url = f"--values-git-url=file://{repository.path}"
    preview_deployment.main.perform([url, "--catalog-check=off", f"--output={output}", *arguments])


def test_where_autoshift_has_no_file_of_the_default_any_more_its_successors_are_taken_by_all(
    git_repository: GitRepository,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "temporary"))
    git_repository.commit(SPLIT)
    note = (
        "autoshift/values.hub.yaml, the default of values-file-path, is not in this revision; "
        "autoshift/values/global.yaml,autoshift/values/clustersets/hub.yaml,"
        "autoshift/values/clustersets/managed.yaml is taken instead"
    )
    preview(git_repository, tmp_path)
    printed = capsys.readouterr().out
    assert "Values: autoshift/values/global.yaml, autoshift/values/clustersets/hub.yaml," in printed
    assert note in printed.replace("\n", " ")
    assert "hub-sno" not in printed
    manifest = yaml.safe_load((tmp_path / "manifests" / "configmap-oc-mirror-values.yaml").read_text())
    assert "autoshift/values/clustersets/managed.yaml" in manifest["data"]["values.yaml"]
    assert "autoshift/values/global.yaml," in str(manifest["metadata"]["annotations"])
    common = [f"--values-git-url=file://{git_repository.path}", f"--workspace={tmp_path}"]
    for command, arguments in (
        (fetch_values.main, common),
        (generate_or_use_imageset.main, [*common, "--catalog-check=off"]),
    ):
        caplog.clear()
        command.perform(arguments)
        assert caplog.messages[0] == note


@pytest.mark.parametrize("missing", ["autoshift/values/clustersets/hub.yaml", "autoshift/values.sbx.yaml"])
def test_what_else_is_missing_is_still_an_error(
    git_repository: GitRepository, tmp_path: Path, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "temporary"))
    files: dict[str, str | bytes] = {name: text for name, text in SPLIT.items() if name != missing}
    git_repository.commit(files)
    asked = "autoshift/values.sbx.yaml" if "sbx" in missing else "autoshift/values.hub.yaml"
    with pytest.raises(NotFoundError, match=f"there is no '{asked}'") as caught:
        preview(git_repository, tmp_path, f"--values-file-path={asked}")
    assert "autoshift/values/clustersets/managed.yaml" in caught.value.hint


FOREIGN: dict[str, str | bytes] = {
    ".gitlab-ci.yml": "stages: [build]\n",
    "playbook.yaml": "- hosts: all\n  tasks: []\n",
    "overlay.yaml": "mirror: {additionalImages: [{name: quay.io/a/b:1}]}\narchiveSize: 4\n",
    "deploy/objects.yaml": "kind: Secret\n---\nkind: ConfigMap\nclusters: {}\n",
    "kubeconfig.yaml": "apiVersion: v1\nkind: Config\nclusters: []\n",
    "broken.yaml": "{{ if }}\n\tx: [\n",
    "chart/values.yaml": "replicas: 1\ncluster: {name: a}\n",
    "inventory.yaml": "clusters:\n  # of two sites\n  - name: a\n  - name: b\n",
    "policies/cluster-labels/values.yaml": "hubClusterSets: {hub: {labels: {acs: 'true'}}}\n",
}


def test_of_a_folder_other_yaml_is_left_out_with_a_word(
    git_repository: GitRepository,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "temporary"))
    values = {"hub.yaml": VALUES, "one-line.yml": "{clusters: {c: {config: {clusterSet: hub}}}}\n"}
    git_repository.commit({**values, **FOREIGN})
    preview(git_repository, tmp_path, "--values-file-path=.", "--imageset-overlay=overlay.yaml")
    printed = capsys.readouterr().out.replace("\n", " ")
    assert "Values: hub.yaml, one-line.yml " in printed
    assert (
        "Left out of values-file-path, as no values: .gitlab-ci.yml, broken.yaml, chart/values.yaml"
        in printed
    )
    assert "and 4 more" in printed
    assert "rhacs-operator" not in printed
    assert "quay.io/a/b:1" in (tmp_path / "imageset.yaml").read_text()


@pytest.mark.parametrize("name", ["playbook.yaml", "broken.yaml", "chart/values.yaml"])
def test_other_yaml_that_is_named_is_refused(
    git_repository: GitRepository, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "temporary"))
    git_repository.commit({**FOREIGN, "hub.yaml": "x: 1\n"})
    with pytest.raises(InvalidInputError, match=name):
        preview(git_repository, tmp_path, f"--values-file-path={name}")


def test_a_folder_without_values_and_a_misspelled_section_in_one_are_errors(
    git_repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "temporary"))
    git_repository.commit(
        {"a/x.yaml": "x: 1\n", "a/y.yaml": "- 1\n", "b/hub.yaml": "hubClusterSet: {hub: }\n"}
    )
    with pytest.raises(NotFoundError, match="'a' has 2 YAML files and no values file"):
        preview(git_repository, tmp_path, "--values-file-path=a")
    with pytest.raises(InvalidInputError, match=r"b/hub\.yaml, line 1: 'hubClusterSet'"):
        preview(git_repository, tmp_path, "--values-file-path=b")
    git_repository.commit({"b/hub.yaml": "hubClusterSets:\n  hub: [\n"})
    with pytest.raises(InvalidInputError, match=r"b/hub\.yaml, line 3: not valid YAML"):
        preview(git_repository, tmp_path, "--values-file-path=b")


@pytest.mark.parametrize(
    "output", ["file", "with-folders", "with-a-file", "/proc/preview"], ids=lambda path: path.strip("/")
)
def test_a_preview_that_cannot_be_written_is_an_error(tmp_path: Path, output: str) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "with-folders" / "imageset.yaml").mkdir(parents=True)
    (tmp_path / "with-a-file").mkdir()
    (tmp_path / "with-a-file" / "manifests").write_text("x")
    common = [f"--values-git-url={ROOT / 'examples' / 'values'}", "--values-file-path=."]
    with pytest.raises(FileError, match="cannot be written"):
        preview_deployment.main.perform([*common, f"--output={tmp_path / output}"])


def test_a_preview_leaves_foreign_things_among_its_manifests_alone(tmp_path: Path) -> None:
    (tmp_path / "manifests" / "folder.yaml").mkdir(parents=True)
    (tmp_path / "manifests" / "bytes.yaml").write_bytes(b"\xff")
    common = [f"--values-git-url={ROOT / 'examples' / 'values'}", "--values-file-path=."]
    preview_deployment.main.perform([*common, f"--output={tmp_path}"])
    assert (tmp_path / "manifests" / "bytes.yaml").read_bytes() == b"\xff"


def test_the_preview_has_the_schedule_of_the_pipeline_where_none_is_given(tmp_path: Path) -> None:
    given = [f"--values-git-url={ROOT / 'examples' / 'values'}", "--values-file-path=."]
    preview_deployment.main.perform([*given, f"--output={tmp_path}", "--deploy-mode=cronjob"])
    cronjob = yaml.safe_load((tmp_path / "manifests" / "cronjob-oc-mirror.yaml").read_text())
    pipeline = yaml.safe_load((ROOT / "tekton" / "deployment-pipeline.yaml").read_text())
    [schedule] = [one for one in pipeline["spec"]["params"] if one["name"] == "schedule"]
    assert cronjob["spec"]["schedule"] == schedule["default"]


def test_a_target_that_a_workflow_does_not_push_to_is_a_warning_in_log_and_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    given = [f"--values-git-url={ROOT / 'examples' / 'values'}", "--values-file-path=."]
    target = "--target-registry=registry.example.com/mirror"
    preview_deployment.main.perform([*given, f"--output={tmp_path}", target])
    said = "target-registry registry.example.com/mirror has no effect"
    assert f"{said}: workflow-to-disk pushes nothing" in caplog.text
    assert said in capsys.readouterr().out
    preview_deployment.main.perform([*given, f"--output={tmp_path}", target, "--workflow=workflow-direct"])
    assert "no effect" not in capsys.readouterr().out


def test_a_word_that_is_no_folder_and_no_url_is_refused_as_that(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder 'nowhere' here"):
        preview_deployment.main.perform(["--values-git-url=nowhere", f"--output={tmp_path}"])


@pytest.mark.parametrize("argument", ["--deploymode=job", "--deploy_mode=job", "--deploy-mod"])
def test_an_argument_that_is_nearly_right_is_named(argument: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"did you mean --deploy-mode\?"):
        preview_deployment.main.perform([argument, f"--output={tmp_path}"])


@pytest.mark.parametrize(("argument", "meant"), [("--dry-run", "true"), ("--dry-run=false", "false")])
def test_the_name_of_a_switch_alone_means_true(argument: str, meant: str) -> None:
    given = preview_deployment.parse([argument, "--output=x", "--values-git-url=/x"])
    assert given.settings.mirror["dry-run"] == meant
