"""The table of what the tests call: it is whole, each layer keeps to it, and CI takes it away beforehand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import requirements
from tests.conftest import ROOT
from tests.layers import BY_NAME
from tests.requirements import BEFORE, CLUSTER, DEBIAN, LAYERS, REQUIREMENTS, UNIT, RequirementError
from tests.testbed import binaries, leftovers

CI = (ROOT / ".ci" / "run").read_text()


def test_a_program_that_is_not_in_the_table_is_not_started() -> None:
    """The guard that stands before every test of every layer."""
    with pytest.raises(RequirementError, match=r"starts getent, which tests/requirements\.py does not name"):
        subprocess.run(["getent", "hosts"], check=False)
    with pytest.raises(RequirementError, match="/usr/bin/getent"):
        subprocess.run(["/usr/bin/getent", "hosts"], check=False)


def test_what_is_in_the_table_or_our_own_is_started(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    for command in (
        ["git", "--version"],
        ["/usr/bin/git", "--version"],
        [sys.executable, "-c", ""],
        [str(own)],
    ):
        assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_name_is_looked_up_where_the_program_will_look(tmp_path: Path) -> None:
    own = tmp_path / "getent"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    subprocess.run(["getent"], env={"PATH": str(tmp_path)}, check=True)
    with pytest.raises(FileNotFoundError):
        subprocess.run(["/nonexistent"], check=False)


def test_a_program_of_another_layer_is_refused() -> None:
    requirements.check_program("debootstrap", CLUSTER)
    with pytest.raises(RequirementError, match="debootstrap"):
        requirements.check_program("debootstrap", UNIT)


def test_the_layers_of_the_table_are_those_that_run() -> None:
    assert tuple(BY_NAME) == LAYERS
    assert {layer for one in REQUIREMENTS for layer in one.layers} == set(LAYERS)
    assert all(one.names or one.file for one in REQUIREMENTS)


def test_every_program_that_the_testbed_builds_is_in_the_table() -> None:
    named = {name for one in REQUIREMENTS if one.source == requirements.MODULES for name in one.names}
    inside_pods = re.compile("/tektoncd/(pipeline|triggers)/|/pause$")
    modules = ("kubernetes", "tekton", "gitea")
    files = [(binaries.SOURCES / module / "go.mod").read_text() for module in modules]
    tools = [tool for file in files for tool in file.partition("\ntool (")[2].partition(")")[0].split()]
    tools += [tool for file in files for tool in re.findall(r"^tool ([^(\s]+)$", file, re.M)]
    assert named == {
        Path(tool.replace("/server/v3", "")).name for tool in tools if not inside_pods.search(tool)
    }


def test_ci_removes_every_package_that_the_install_step_brings() -> None:
    """Else a package that an earlier run left would hide that it is missing from the table."""
    purged = set(re.search(r"^PACKAGES=\((.*?)\)", CI, re.M | re.S)[1].split())  # type: ignore[index]
    assert {one.package for one in REQUIREMENTS if one.source == DEBIAN} == purged


def test_the_readme_names_what_has_to_be_there_before_and_no_more() -> None:
    text = (ROOT / "README.md").read_text().partition("## Working on it")[2]
    sentence = re.search(r"have to be there before: (.*?)\. On another", text, re.S)
    assert sentence
    for one in REQUIREMENTS:
        for name in one.names:
            assert bool(re.search(rf"\b{re.escape(name)}\b", sentence[1], re.I)) == (one.source == BEFORE), (
                name
            )


def test_what_is_missing_is_named_where_it_cannot_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "_PATH", "/nowhere")
    monkeypatch.setattr(requirements, "obstacle", lambda: "this is not root")
    with pytest.raises(RequirementError, match=r"has to be there before: git"):
        requirements.install([UNIT])
    monkeypatch.setattr(requirements, "REQUIREMENTS", [one for one in REQUIREMENTS if one.source == DEBIAN])
    with pytest.raises(
        RequirementError, match=r"missing: apache2-utils, chromium, docker-registry.*this is not root"
    ):
        requirements.install([UNIT])


def test_a_cluster_that_never_was_is_cleaned_up_without_any_program(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(leftovers, "_ATTACHED", tmp_path / "results")
    monkeypatch.setattr(leftovers, "CONTAINERD_SOCKET", tmp_path / "containerd.sock")
    monkeypatch.setattr(leftovers, "STATE", tmp_path / "state")
    leftovers.kill_containers()
    leftovers.remove_networks()
    leftovers.unmount()
