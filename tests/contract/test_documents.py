"""What the documents say is so: output, links, tables, examples."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from steps import errors, preview_deployment
from tests.conftest import ROOT
from tests.contract.tekton_files import TEKTON, documents

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
COMMANDS = {name: module.partition(":")[0] for name, module in PROJECT["scripts"].items()}
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md")])


def test_the_readme_shows_what_make_run_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    recipe = re.search(r"^run:.*\n\t\$\(BIN\)/preview-deployment (.*)$", Path("Makefile").read_text(), re.M)
    assert recipe
    *arguments, output = recipe[1].split()
    assert output == "--output=build/preview"
    preview_deployment.main.perform([*arguments, f"--output={tmp_path}"])
    printed = capsys.readouterr().out.replace(str(tmp_path), "build/preview").splitlines()
    shown = re.search(r"```text\n(.*?)```", Path("README.md").read_text(), re.S)
    assert shown
    position = 0
    for line in shown[1].splitlines():
        if line.strip() != "…":
            assert line in printed[position:], f"make run no longer prints: {line}"
            position += printed[position:].index(line) + 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_the_reference_is_that_of_the_yaml() -> None:
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert not done.returncode, done.stderr


def test_every_exit_code_is_documented() -> None:
    page = (ROOT / "docs" / "reference" / "exit-codes.md").read_text()
    documented = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", page, re.M) for code in row.split(",")}
    kinds: list[type[errors.StepError]] = [errors.StepError]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    raised = {
        kind.exit_code for kind in kinds if kind.__module__ == "steps.errors" and kind is not errors.StepError
    }
    assert documented == raised | {0, 130, 143}


def test_every_example_and_section_of_the_specification_is_on_its_page(shared_data: Path) -> None:
    text = (shared_data.parent / "spec" / "NEW-PIPELINE-ARCHITECTURE.md").read_text()
    page = (ROOT / "docs" / "reference" / "from-the-specification.md").read_text()
    headings = re.findall(r"^(##+) (.*)$", text, re.M)
    examples = [it for _, it in headings if re.match(r"\d\. ", it)]
    sections = [re.sub(r"^[^A-Z]+", "", it) for level, it in headings if level == "##"]
    rows = re.findall(r"^\| ([^|]+) \|", page, re.M)
    assert len(examples) == 5
    assert not [it for it in (*examples, *sections) if it not in rows and it != "Usage Examples"]


def test_every_parameter_has_an_anchor_of_its_own_and_the_reference_links_to_it() -> None:
    for name in ("pipelines", "tasks", "mirror", "settings", "commands"):
        page = (ROOT / "docs" / "reference" / f"{name}.md").read_text()
        anchors = re.findall(r'<a id="([^"]+)"></a>', page)
        assert len(anchors) == len(set(anchors)) > 10, name
        assert re.findall(r"^\| <a .*?`\]\(#([^)]+)\) \|", page, re.M) == anchors, name
    assert 'id="deployment-pipeline-schedule"' in (ROOT / "docs/reference/pipelines.md").read_text()


def test_rights_in_another_namespace_are_those_in_ours() -> None:
    ours = [d for d in documents(TEKTON / "10-rbac.yaml") if d["metadata"].get("namespace") == "oc-mirror"]
    theirs = documents(ROOT / "examples" / "rolebinding-other-namespace.yaml")
    for document in theirs:
        assert document["metadata"]["namespace"] == "my-mirror"
        document["metadata"]["namespace"] = "oc-mirror"
        for subject in document.get("subjects", []):
            if subject["namespace"] == "my-mirror":  # the workload's own account
                subject["namespace"] = "oc-mirror"
    assert theirs == ours


def test_every_command_of_the_specification_to_look_at_runs_is_documented(shared_data: Path) -> None:
    """Under "Monitoring and Troubleshooting"; tests/cluster/pipelines/test_documents.py runs them."""
    text = (shared_data.parent / "spec" / "NEW-PIPELINE-ARCHITECTURE.md").read_text()
    section = text.partition("Monitoring and Troubleshooting\n")[2].partition("\n## ")[0]
    commands = [
        line for block in re.findall(r"```bash\n(.*?)```", section, re.S) for line in block.splitlines()
    ]
    written = (ROOT / "docs" / "how-to" / "monitor.md").read_text().splitlines()
    assert len([line for line in commands if line.startswith(("oc ", "tkn "))]) == 11
    assert not [line for line in commands if line and line not in written]


def command_lines(page: Path) -> list[str]:
    """The logical lines of a page's bash blocks."""
    blocks = re.findall(r"```bash\n(.*?)```", page.read_text(), re.S)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_is_one_that_a_shell_can_read(page: Path) -> None:
    for block in re.findall(r"```bash\n(.*?)```", page.read_text(), re.S):
        done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)
        assert not done.returncode, f"{done.stderr}\n{block}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_argument_of_our_commands_is_one_they_take(
    page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for line in command_lines(page):
        found = re.search(rf"(?:^|\s|/)({'|'.join(COMMANDS)})\s+(-.*)", line)
        if found:
            with pytest.raises(SystemExit):
                importlib.import_module(COMMANDS[found[1]]).parse(["--help"])
            known = capsys.readouterr().out
            for option in re.findall(r"(?<=\s)(--[a-z0-9-]+)", f" {found[2].partition(' #')[0]}"):
                assert re.search(rf"{option}\b(?!-)", known), f"{found[1]} {option}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_parameter_of_a_run_is_one_of_its_pipeline(page: Path) -> None:
    for line in command_lines(page):
        if started := re.search(r"tkn pipeline start (\S+)", line):
            path = TEKTON / f"{started[1].removeprefix('oc-mirror-')}.yaml"
            declared = {param["name"] for param in yaml.safe_load(path.read_text())["spec"]["params"]}
            given = set(re.findall(r"--param=([a-z0-9-]+)=", line))
            assert given <= declared, f"{started[1]}: {given - declared}"


def test_no_run_of_the_documents_is_written_as_tekton_refuses_it() -> None:
    for page in PAGES:
        for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.S):
            for document in yaml.safe_load_all(block):
                if isinstance(document, dict) and document.get("kind") == "PipelineRun":
                    assert "serviceAccountName" not in document["spec"], page
