"""What CONTRIBUTING.md, SECURITY.md and the architecture name is there: paths, tests, commands, versions."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.contract.tekton_files import PROJECT

CONTRIBUTING = ROOT / "CONTRIBUTING.md"
ARCHITECTURE = ROOT / "docs" / "explanation" / "architecture.md"
PAGES = (CONTRIBUTING, ROOT / "SECURITY.md", ARCHITECTURE)
MAKEFILE = (ROOT / "Makefile").read_text()

SUFFIXES = (".cfg", ".css", ".html", ".md", ".mod", ".py", ".toml", ".txt", ".yaml", ".yml")
PLACEHOLDERS = ("NAME", "NNNN")
# Made by `make install` and by runs.
GENERATED = (".venv/", "build/")
# A label of Kubernetes, which has the form of a path.
NO_PATHS = {"app.kubernetes.io/version"}
# Whose versions are those of others, of the past, or made up.
NO_RELEASE = re.compile(r"^requirements|^CHANGELOG|^docs/decisions/|^tests/testbed/go/|/test_release\.py$")
KINDS_OF_CHANGES = {"Added", "Changed", "Deprecated", "Fixed", "Removed", "Security"}
REACHING_OUT = {
    "asyncio",
    "concurrent",
    "fcntl",
    "git",
    "http",
    "kubernetes",
    "logging",
    "multiprocessing",
    "os",
    "random",
    "requests",
    "shutil",
    "signal",
    "socket",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "time",
    "urllib",
    "urllib3",
}

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def code(page: Path) -> list[str]:
    """What stands between backticks, on lines of its own or within one."""
    text = page.read_text()
    fenced = re.findall(r"```bash\n(.*?)```", text, re.S)
    rest = re.sub(r"```.*?```", "", text, flags=re.S)
    return [*(line for block in fenced for line in block.splitlines()), *re.findall(r"`([^`]+)`", rest)]


def paths(page: Path) -> Iterator[tuple[str, str]]:
    """Each path of the repository that a page names, and the test in that file, if one is named."""
    for term in code(page):
        path, _, test = term.partition("::")
        if " " in path or path.startswith(("/", "$")) or path in NO_PATHS:
            continue
        if "/" not in path and not path.endswith(SUFFIXES):
            continue
        if not any(word in path for word in PLACEHOLDERS) and not path.startswith(GENERATED):
            yield path, test


def below_steps() -> set[str]:
    """Every package and module directly under steps/, as the architecture writes them."""
    found = {f"steps/{path.name}" for path in (ROOT / "steps").glob("*.py")} - {"steps/__init__.py"}
    return found | {f"steps/{path.parent.name}/" for path in (ROOT / "steps").glob("*/__init__.py")}


def rows() -> dict[str, list[str]]:
    """The architecture's tables of packages and modules: the other cells by the first."""
    lines = re.findall(r"^\| `(steps/[^`]+)` \| (.+) \|$", ARCHITECTURE.read_text(), re.M)
    assert len(lines) == len(dict(lines)), "one of them has two lines"
    return {name: cells.split(" | ") for name, cells in lines}


def recipe(target: str) -> list[str]:
    """The commands of a target of the Makefile, with the programs where they are."""
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.M)
    assert found, target
    return [line.strip().replace("$(BIN)", ".venv/bin") for line in found[1].splitlines()]


@each_page
def test_every_path_is_there(page: Path) -> None:
    named = list(paths(page))
    assert len(named) > 3
    for path, test in named:
        # The tables of the architecture name modules of a package by their file name alone.
        places = [ROOT] if page != ARCHITECTURE else [ROOT, *(ROOT / "steps").iterdir()]
        found = [hit for place in places for hit in place.glob(path.rstrip("/"))]
        assert found, f"{page.name} names {path}, which is not there"
        assert not path.endswith("/") or found[0].is_dir(), f"{page.name}: {path} is no folder"
        if test:
            assert f"\ndef {test}(" in found[0].read_text(), f"{page.name} names {path}::{test}"


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text()
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        else:
            assert (page.parent / target.partition("#")[0]).exists(), target


@each_page
def test_every_target_of_make_and_every_module_is_there(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.M))
    for command in code(page):
        for target in re.findall(r"\bmake ([a-z-]+)", command):
            assert target in targets, f"{page.name}: make {target}"
        for module in re.findall(r"python -m (tests[.\w]*)", command):
            place = ROOT / module.replace(".", "/")
            assert place.with_suffix(".py").is_file() or (place / "__main__.py").is_file(), module


def test_what_a_machine_must_have_is_what_the_readme_says() -> None:
    version = re.compile(r"\b(Go|Python) (\d+(?:\.\d+)+) or newer")
    wanted = set(version.findall((ROOT / "README.md").read_text()))
    assert len(wanted) == 2
    assert set(version.findall(CONTRIBUTING.read_text())) == wanted


def test_every_package_and_module_has_its_line_in_the_architecture() -> None:
    assert set(rows()) == below_steps()


def test_what_is_called_pure_imports_nothing_that_reaches_outside() -> None:
    pure = [name for name, cells in rows().items() if cells[-1].partition(";")[0] == "pure"]
    assert len(pure) > 3
    for name in pure:
        place = ROOT / name
        for path in place.rglob("*.py") if place.is_dir() else [place]:
            assert not imported(path) & REACHING_OUT, path


def imported(path: Path) -> set[str]:
    """The packages that a module imports, anywhere in it."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


def test_the_hooks_run_commands_of_make_check() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    assert {hook["id"] for hook in hooks} == {"ruff-check", "ruff-format", "yamllint", "mypy"}
    for hook in hooks:
        assert hook["entry"] in recipe("check")
        assert (hook["language"], hook["pass_filenames"]) == ("system", False)


def test_a_release_writes_its_version_into_every_file(tmp_path: Path) -> None:
    """The version that is there stands nowhere else, and what is generated fits the new one."""
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(lambda name: (ROOT / name).is_file(), names.splitlines()):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for command in (["git", "init", "--quiet"], ["git", "add", "."]):
        subprocess.run(command, cwd=tmp_path, check=True)
    program = "from pathlib import Path; import release; release.set_version(Path(), '98.7.6')"
    paths = os.pathsep.join([str(tmp_path), str(tmp_path / "tekton"), *sys.path])
    environment = {**os.environ, "PYTHONPATH": paths}
    for command in (["-c", program], ["tekton/generate.py", "--check"], ["docs/generate.py", "--check"]):
        subprocess.run([sys.executable, *command], cwd=tmp_path, check=True, env=environment)
    old = re.compile(rf"(?<![\w.])v?{re.escape(PROJECT['version'])}(?![\w.]|-\d)")
    changed = 0
    for name in names.splitlines():
        if not (tmp_path / name).is_file() or NO_RELEASE.search(name):
            continue
        text = (tmp_path / name).read_bytes().decode(errors="replace")
        changed += "98.7.6" in text
        assert not old.search(text), f"{name}: tekton/release.py has no pattern for this place of the version"
    assert changed > 20


def test_the_changelog_begins_with_what_is_not_released_yet() -> None:
    headings = re.findall(r"^(#{2,3}) (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert headings[0] == ("##", "Unreleased")
    assert {text for level, text in headings if level == "###"} <= KINDS_OF_CHANGES
