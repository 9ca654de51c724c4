"""The catalog for Artifact Hub: its layout, its versions, and that Artifact Hub would list every object."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.contract.tekton_files import PIPELINE_FILES, PROJECT, TASK_FILES, only

VERSION = PROJECT["version"]
# What the release calls, by the program that runs it: tekton/ is no package.
WRITE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
import artifact_hub
try:
    artifact_hub.write(Path(sys.argv[1]), sys.argv[2], datetime(2026, 1, 2, tzinfo=UTC), Path(sys.argv[3]))
except artifact_hub.CatalogError as error:
    sys.exit(f"refused: {error}")
"""
# Those that Artifact Hub knows: PackageCategoryFromName in internal/hub/pkg.go.
CATEGORIES = {"ai-machine-learning", "database", "integration-delivery", "monitoring-logging", "networking"}
CATEGORIES |= {"security", "storage", "streaming-messaging", "skip-prediction"}


def write(tree: Path, version: str, archive: Path) -> str:
    """Write the catalog of a work tree; return what the program says."""
    command = [sys.executable, "-c", WRITE, str(tree), version, str(archive)]
    done = subprocess.run(command, cwd=ROOT / "tekton", check=False, capture_output=True, text=True)
    return done.stderr


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalog of this work tree, unpacked."""
    folder = tmp_path_factory.mktemp("catalog")
    assert not write(ROOT, VERSION, folder / "catalog.tar.gz")
    with tarfile.open(folder / "catalog.tar.gz") as archive:
        archive.extractall(folder / "unpacked", filter="data")
    return folder / "unpacked"


def packages(catalog: Path, kind: str) -> dict[str, Path]:
    """Each package as Artifact Hub finds it: folders in the folder of the kind, one version in each."""
    found = {}
    for folder in (path for path in (catalog / kind).iterdir() if path.is_dir()):
        [version] = folder.iterdir()
        assert version.name == VERSION
        found[folder.name] = version
    return found


@pytest.mark.parametrize(("kind", "sources"), [("task", TASK_FILES), ("pipeline", PIPELINE_FILES)])
def test_every_task_and_pipeline_is_where_artifact_hub_looks(
    catalog: Path, kind: str, sources: list[Path]
) -> None:
    found = packages(catalog, kind)
    assert set(found) == {only(path)["metadata"]["name"] for path in sources}
    for source in sources:
        before = only(source)
        name = before["metadata"]["name"]
        after = only(found[name] / f"{name}.yaml")
        check_listed(after, kind, name)
        del before["metadata"]["namespace"]
        for key in [key for key in after["metadata"]["annotations"] if key.startswith("artifacthub.io/")]:
            del after["metadata"]["annotations"][key]
        assert after == before


def check_listed(document: dict[str, Any], kind: str, name: str) -> None:
    """What Artifact Hub asks of an object, and what it shows of it."""
    metadata = document["metadata"]
    assert document["kind"].lower() == kind
    assert metadata["labels"]["app.kubernetes.io/version"] == VERSION
    assert document["spec"]["description"]
    annotations = metadata["annotations"]
    assert annotations["artifacthub.io/category"] in CATEGORIES
    assert annotations["artifacthub.io/license"] == PROJECT["license"]
    links = {link["name"]: link["url"] for link in yaml.safe_load(annotations["artifacthub.io/links"])}
    assert "support" in links
    page, _, anchor = links["documentation"].partition(f"/blob/v{VERSION}/")[2].partition("#")
    assert f"\n## {anchor}\n" in (ROOT / page).read_text()
    assert anchor == name


def test_every_page_names_all_parameters_and_what_else_is_needed(catalog: Path) -> None:
    tasks, pipelines = packages(catalog, "task"), packages(catalog, "pipeline")
    for name, folder in {**tasks, **pipelines}.items():
        page, spec = (folder / "README.md").read_text(), only(folder / f"{name}.yaml")["spec"]
        assert page.startswith("# ")
        for kind in ("params", "workspaces", "results"):
            for item in spec.get(kind, ()):
                assert f"\n| `{item['name']}` | " in page, (name, item["name"])
        rows = [line for line in page.splitlines() if line.startswith("|")]
        assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} <= {3, 4}
        assert "{" not in re.sub(r"`[^`]*`|\{minor\}", "", page)
        for path in re.findall(rf"/(?:blob|tree)/v{re.escape(VERSION)}/([^)#]+)", page):
            assert (ROOT / path).exists()
    for name, folder in pipelines.items():
        spec, page = only(folder / f"{name}.yaml")["spec"], (folder / "README.md").read_text()
        called = {task["taskRef"]["name"] for task in spec["tasks"] + spec.get("finally", [])}
        assert called <= set(tasks)
        assert all(f"`{task}`" in page for task in called)


def test_a_pipeline_has_the_examples_of_its_runs_as_samples(catalog: Path) -> None:
    samples = list(catalog.glob("pipeline/*/*/samples/*.yaml"))
    assert {path.name for path in samples} == {path.name for path in (ROOT / "tekton/runs").glob("*.yaml")}
    for path in samples:
        text = path.read_text()
        assert f"name: {path.parents[2].name}\n" in text
        assert list(yaml.safe_load_all(text))


def test_each_kind_of_repository_has_its_metadata(catalog: Path) -> None:
    for kind in ("task", "pipeline"):
        assert yaml.safe_load((catalog / kind / "artifacthub-repo.yml").read_text())["owners"] == []


def test_the_same_tree_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.tar.gz", "two.tar.gz"):
        assert not write(ROOT, VERSION, tmp_path / name)
    one, two = (tmp_path / name for name in ("one.tar.gz", "two.tar.gz"))
    with tarfile.open(one) as archive:
        assert {member.mtime for member in archive} == {1767312000}
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (f'version: "{VERSION}"', 'version: "0.0.9"', f"has version 0.0.9, not {VERSION}"),
        ("  description: >-\n    Start", "  other: >-\n    Start", "has no description"),
    ],
)
def test_what_artifact_hub_would_leave_out_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    shutil.copytree(ROOT / "tekton", tmp_path / "tekton")
    path = tmp_path / "tekton/task-start-run.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert f"refused: tekton/task-start-run.yaml {said}" in write(tmp_path, VERSION, tmp_path / "x.tar.gz")
