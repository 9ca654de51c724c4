"""The parameters that shape an ImageSet, as the entrypoints take them; preview and Task agree."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from steps import create_deployment_configmaps, generate_or_use_imageset, preview_deployment
from steps.autoshift.planning import NoVersionError
from steps.errors import InvalidInputError, NotFoundError, UsageError
from tests.conftest import GitRepository

VALUES = """\
hubClusterSets:
  hub:
    labels: {openshift-version: '4.20.12', gitops: 'true', vault: 'true'}
"""
NO_VERSION = "hubClusterSets: {hub: {labels: {gitops: 'true'}}}\n"
OVERLAY = """\
archiveSize: 8
mirror:
  additionalImages: [{name: 'quay.io/me/tool:1'}]
"""
V1 = """\
apiVersion: mirror.openshift.io/v1alpha2
kind: ImageSetConfiguration
storageConfig: {local: {path: ./metadata}}
mirror:
  additionalImages: [{name: 'quay.io/me/tool:1'}]
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "values"
    folder.mkdir()
    (folder / "hub.yaml").write_text(VALUES)
    (folder / "old.yaml").write_text(NO_VERSION)
    (folder / "imageset-overlay.yaml").write_text(OVERLAY)
    return folder


def generate(root: Path, *arguments: str, file: str = "hub.yaml") -> dict[str, Any]:
    output = root.parent / "imageset.yaml"
    generate_or_use_imageset.main.perform(
        [f"--values-root={root}", f"--values-file-path={file}", f"--output-imageset={output}", *arguments]
    )
    found: dict[str, Any] = yaml.safe_load(output.read_text())
    return found


def channels(imageset: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = imageset["mirror"]["platform"]["channels"]
    return found


def test_openshift_only_leaves_operators_and_images_out(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert set(generate(root)["mirror"]) == {"platform", "operators", "additionalImages"}
    caplog.clear()
    with caplog.at_level(logging.INFO):
        assert set(generate(root, "--openshift-only=true")["mirror"]) == {"platform"}
    assert "openshift-gitops-operator" not in caplog.text


def test_operators_only_leaves_openshift_out(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert set(generate(root, "--operators-only=true")["mirror"]) == {"operators", "additionalImages"}
    assert "OpenShift releases" not in caplog.text


def test_the_plan_stands_beside_the_imageset_and_goes_to_programs_alone(
    root: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        generate(root, "--plan=json")
    printed = capsys.readouterr().out
    document = json.loads(printed)
    assert document["releases"][0]["minVersion"] == "4.20.12"
    assert (root.parent / "plan.json").read_text() == printed
    text = (root.parent / "plan.txt").read_text()
    assert text.startswith("Plan: 1 cluster set, 1 release channel, ")
    assert "Plan: " not in caplog.text
    with caplog.at_level(logging.INFO):
        generate(root, "--plan=brief")
    assert "Plan: 1 cluster set" in caplog.text
    assert "Clusters found" not in caplog.text
    assert (root.parent / "plan.txt").read_text() == text, "a file has the whole plan"


def test_sizes_of_an_earlier_run_stand_in_the_plan(
    root: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """ACM and its engine come with GitOps on a hub; the earlier run had two of the three packages."""
    catalog = "registry.redhat.io/redhat/redhat-operator-index:v4.20"
    record = root.parent / "sizes.json"
    packages = {"openshift-gitops-operator": 1_500_000_000, "multicluster-engine": 900_000_000}
    record.write_text(json.dumps({"format": 2, "catalogs": {catalog: packages}}))
    with caplog.at_level(logging.INFO):
        generate(root, f"--sizes={record}")
    assert "Size of the packages in an earlier run: 2.4 GB; 1 package of unknown size" in caplog.text
    assert re.search(r"openshift-gitops-operator +\S+ +gitops \(assumed\) +1.5 GB  hub", caplog.text)
    assert "multicluster-engine (900 MB)" in caplog.text
    preview_deployment.main.perform(
        [
            f"--values-git-url={root}",
            "--values-file-path=hub.yaml",
            f"--output={root.parent / 'out'}",
            f"--sizes={record}",
            "--plan=json",
        ]
    )
    operators = json.loads(capsys.readouterr().out)["operators"]
    assert {operator["package"]: operator["size"] for operator in operators} == {
        "advanced-cluster-management": None,
        **packages,
    }


def test_the_plan_says_what_changes_against_the_imageset_in_use(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = root.parent / "before.yaml"
    generate(root)
    (root.parent / "imageset.yaml").rename(before)
    assert json.loads((root.parent / "plan.json").read_text())["changes"] is None
    (root / "hub.yaml").write_text(VALUES.replace("4.20.12", "4.20.13"))
    against = f"--deployed-imageset={before}"
    generate(root, against)
    changes = json.loads((root.parent / "plan.json").read_text())["changes"]
    nothing: dict[str, Any] = {"added": [], "updated": [], "removed": []}
    moved = {"channel": "stable-4.20", "before": "4.20.12", "after": "4.20.13"}
    assert changes == {
        "against": str(before),
        "releases": {**nothing, "updated": [moved]},
        **dict.fromkeys(("operators", "charts", "additional"), nothing),
        "other": [],
    }
    output = f"--output={root.parent / 'out'}"
    capsys.readouterr()
    preview_deployment.main.perform(
        [f"--values-git-url={root}", "--values-file-path=hub.yaml", output, against, "--plan=json"]
    )
    assert json.loads(capsys.readouterr().out)["changes"] == changes
    before.write_text("kind: List\nmirror: {}\n")
    with pytest.raises(InvalidInputError, match=r"before\.yaml is no ImageSetConfiguration \(kind 'List'"):
        generate(root, against)
    with pytest.raises(NotFoundError, match=r"none\.yaml cannot be read"):
        generate(root, "--deployed-imageset=none.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"catalogs": []}',
        '{"catalogs": {"c": {"p": -1}}}',
        '{"catalogs": {"c": 1}}',
        "[" * 99999,
    ],
)
def test_a_file_that_holds_no_sizes_is_refused(root: Path, text: str) -> None:
    record = root.parent / "sizes.json"
    record.write_text(text)
    with pytest.raises(InvalidInputError, match=r"sizes.json holds no sizes of packages"):
        generate(root, f"--sizes={record}")


def test_an_imageset_of_ones_own_has_no_plan(tmp_path: Path) -> None:
    own = tmp_path / "imageset.yaml"
    own.write_text(
        "apiVersion: mirror.openshift.io/v2alpha1\nkind: ImageSetConfiguration\n"
        "mirror: {additionalImages: [{name: 'quay.io/me/tool:1'}]}\n"
    )
    arguments = [f"--imageset={own}", f"--output={tmp_path / 'out'}"]
    preview_deployment.main.perform(arguments)
    assert not (tmp_path / "out/plan.txt").exists()
    with pytest.raises(UsageError, match="an ImageSet of your own has no plan"):
        preview_deployment.main.perform([*arguments, "--plan=json"])


def test_both_at_once_are_refused(root: Path) -> None:
    with pytest.raises(UsageError, match="operators-only and openshift-only"):
        generate(root, "--operators-only=true", "--openshift-only=true")


@pytest.mark.parametrize(
    ("arguments", "low", "high"),
    [
        (["--min-version=4.20.3"], "4.20.3", None),
        (["--min-version=4.20.3", "--max-version=4.20.9"], "4.20.3", "4.20.9"),
        (["--min-version=4.18.3", "--max-version=4.20.9"], "4.18.3", "4.20.9"),
        (["--openshift-version=4.18.3-4.20.9"], "4.18.3", "4.20.9"),
        (["--openshift-version=4.20", "--min-version=4.20.3"], "4.20.3", None),
        (["--openshift-version=4.20.3-4.20.9"], "4.20.3", "4.20.9"),
    ],
)
def test_bounds_become_a_range(root: Path, arguments: list[str], low: str, high: str | None) -> None:
    for file in ("hub.yaml", "old.yaml"):
        (channel,) = channels(generate(root, *arguments, file=file))
        assert (channel["minVersion"], channel.get("maxVersion")) == (low, high)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--max-version=4.20.9"], "needs a min-version"),
        (["--min-version=4.20.9", "--max-version=4.18.9"], "min-version 4.20.9 is later than max-version"),
        (["--min-version=4.18", "--max-version=4.20.9"], "min-version 4.18 is not a release X.Y.Z"),
        (["--openshift-version=4.19", "--min-version=4.20.9"], "is not of openshift-version"),
        (["--openshift-version=4.20.1", "--min-version=4.20.9"], "is exact already"),
    ],
)
def test_bounds_that_contradict_are_refused(root: Path, arguments: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        generate(root, *arguments)


def test_an_overlay_of_the_repository_is_merged_last(root: Path) -> None:
    imageset = generate(root, "--imageset-overlay=imageset-overlay.yaml")
    assert imageset["archiveSize"] == 8
    assert "quay.io/me/tool:1" in {image["name"] for image in imageset["mirror"]["additionalImages"]}


def test_a_missing_overlay_is_named_with_those_that_are_there(root: Path) -> None:
    with pytest.raises(NotFoundError, match=r"there is no 'overlay\.yaml'") as caught:
        generate(root, "--imageset-overlay=overlay.yaml")
    assert "imageset-overlay.yaml" in caught.value.hint


@pytest.mark.parametrize("path", ["/etc/passwd.yaml", "../x.yaml", "a\0.yaml", "notes.txt"])
def test_an_overlay_outside_the_repository_is_refused(root: Path, path: str) -> None:
    with pytest.raises(UsageError, match="imageset-overlay"):
        generate(root, f"--imageset-overlay={path}")


def test_what_an_overlay_breaks_is_said_with_its_name(root: Path) -> None:
    (root / "bad.yaml").write_text("mirror: {platform: {channels: [{name: stable-4.20, minVersion: '4'}]}}\n")
    with pytest.raises(InvalidInputError, match=r"^bad\.yaml: .* line 1: mirror\.platform\.channels\[0\]"):
        generate(root, "--imageset-overlay=bad.yaml")
    (root / "bad.yaml").write_text("mirror: {platform: {platforms: [{os: linux, architecture: amd64}]}}\n")
    generate(root, "--imageset-overlay=bad.yaml")
    index = "registry.redhat.io/redhat/redhat-operator-index:v4.20"
    packages = "[{name: openshift-gitops-operator, defaultChannel: nope}]"
    (root / "bad.yaml").write_text(f"mirror: {{operators: [{{catalog: '{index}', packages: {packages}}}]}}\n")
    with pytest.raises(InvalidInputError, match=r"ImageSet with bad\.yaml.*defaultChannel is nope") as caught:
        generate(root, "--imageset-overlay=bad.yaml", "--catalog-check=off")
    assert caught.value.hint == "correct these values or bad.yaml"


def test_preview_and_task_come_to_the_same_imageset(root: Path) -> None:
    arguments = ["--imageset-overlay=imageset-overlay.yaml", "--min-version=4.20.3", "--openshift-only=true"]
    generate(root, *arguments)
    preview_deployment.main.perform(
        [
            f"--values-git-url={root}",
            "--values-file-path=hub.yaml",
            *arguments,
            f"--output={root.parent / 'preview'}",
        ]
    )
    written = root.parent / "preview" / "imageset.yaml"
    assert written.read_bytes() == (root.parent / "imageset.yaml").read_bytes()


def test_both_tasks_read_the_same_choice() -> None:
    arguments = [
        "--openshift-version=4.20",
        "--min-version=4.20.3",
        "--max-version=4.20.9",
        "--operators-only=true",
        "--openshift-only=false",
        "--imageset-overlay=x.yaml",
        "--namespace=mirror",
    ]
    choice = generate_or_use_imageset.parse(arguments).choice
    assert create_deployment_configmaps.parse(arguments).choice == choice
    assert (choice.openshift_version, choice.overlay) == ("4.20.3-4.20.9", "x.yaml")


def test_an_imageset_of_version_1_is_refused_and_its_conversion_written(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text(V1)
    preview = [f"--output={tmp_path / 'out'}"]
    with pytest.raises(InvalidInputError, match="oc-mirror v1") as caught:
        preview_deployment.main.perform([f"--imageset={tmp_path / 'old.yaml'}", *preview])
    converted = tmp_path / "out" / "imageset-v2alpha1.yaml"
    assert str(converted) in caught.value.hint
    preview_deployment.main.perform([f"--imageset={converted}", *preview])


def test_without_a_cluster_the_parameter_is_asked_for(
    git_repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git_repository.commit({"old.yaml": NO_VERSION})
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    arguments = [f"--values-git-url=file://{git_repository.path}", "--values-file-path=old.yaml"]
    with pytest.raises(NoVersionError) as caught:
        generate_or_use_imageset.main.perform([*arguments, f"--workspace={tmp_path}"])
    assert "openshift-version" in caught.value.hint


def test_a_folder_on_a_laptop_asks_no_cluster(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kubeconfig").write_text("not: [a, kubeconfig")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    with pytest.raises(NoVersionError):
        generate(root, file="old.yaml")


def plan_of(root: Path, *arguments: str) -> dict[str, Any]:
    generate(root, "--catalog-check=off", *arguments)
    found: dict[str, Any] = json.loads((root.parent / "plan.json").read_text())
    return found


def test_the_plan_shows_what_an_overlay_brings_and_the_warnings_of_the_imageset_after_it(root: Path) -> None:
    whole = "mirror: {operators: [{catalog: 'quay.io/me/index:v1'}], platform: {graph: false}}\n"
    (root / "whole.yaml").write_text(whole)
    plan = plan_of(root, "--imageset-overlay=whole.yaml")
    assert plan["overlay"] == {
        "path": "whole.yaml",
        "changes": [
            "added: catalog quay.io/me/index:v1 (every package)",
            "changed: platform.graph: true → false",
        ],
    }
    assert any("whole.yaml" in text and "lists no packages" in text for text in plan["warnings"])
    text = (root.parent / "plan.txt").read_text()
    assert "\nOverlay whole.yaml\n  added: catalog quay.io/me/index:v1 (every package)\n" in text
    assert plan_of(root)["overlay"] is None


def test_an_overlay_may_be_all_there_is_and_may_change_nothing(root: Path) -> None:
    (root / "hub.yaml").write_text("managedClusterSets: {m: {labels: {openshift-version: '4.20.12'}}}\n")
    changes = plan_of(root, "--imageset-overlay=imageset-overlay.yaml", "--operators-only=true")["overlay"]
    assert changes["changes"] == ["added: archiveSize (8)", "added: image quay.io/me/tool:1"]
    (root / "empty.yaml").write_text("")
    plan_of(root, "--imageset-overlay=empty.yaml")
    assert "\nOverlay empty.yaml\n  changes nothing\n" in (root.parent / "plan.txt").read_text()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            VALUES.replace("'true'}", "'true', vault-version: '1 2'}"),
            r"'docker\.io/hashicorp/vault:1 2', not an image.*; from label vault-version of hub set hub, "
            r"hub\.yaml, line 3",
        ),
        (
            "hubClusterSets:\n  hub:\n    config:\n      autoshiftConsole: {image: no-tag}\n"
            "    labels: {openshift-version: '4.20.12', autoshift-console: 'true'}\n",
            r"from config\.autoshiftConsole\.image of hub set hub, hub\.yaml, line 4",
        ),
        (
            VALUES
            + "clusters:\n  c:\n    config: {clusterSet: hub}\n    labels:\n      vault-version: a b\n",
            r"from label vault-version of cluster c, hub\.yaml, line 8",
        ),
        (
            VALUES.replace("'true'}", "'true', vault-version: '1 2'}")
            + "managedClusterSets: {m: {labels: {vault-version: '1 2'}}}\n"
            "clusters: {c: {config: {clusterSet: m}, labels: {vault: 'true'}}}\n",
            r"from label vault-version of hub set hub, hub\.yaml, line 3",
        ),
    ],
)
def test_a_refused_field_names_the_values_that_it_is_from(root: Path, values: str, words: str) -> None:
    (root / "hub.yaml").write_text(values)
    with pytest.raises(InvalidInputError, match=words) as caught:
        generate(root, "--catalog-check=off")
    assert caught.value.hint == "correct these values"
