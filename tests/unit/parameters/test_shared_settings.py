"""The ConfigMap oc-mirror-settings: what it may say, what wins over it, and how a mistake in it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from steps import mirror
from steps.errors import UsageError
from steps.parameters import shared_settings
from steps.parameters.table.target import RESOURCE_PREFIX
from steps.parameters.table.tuning import RUN_RETRIES
from steps.parameters.value_kinds import Signatures

ENOUGH = ["--workflow=workflow-to-disk", "--imageset=/config/imageset.yaml", "--data=/data"]


def mounted(folder: Path, **data: str) -> list[str]:
    """Lay a ConfigMap out as Kubernetes mounts it: links into a folder that is replaced whole."""
    version = folder / "..2026_11_25"
    version.mkdir()
    (folder / "..data").symlink_to(version.name)
    for name, value in data.items():
        key = name.replace("_", "-")
        (version / key).write_text(value)
        (folder / key).symlink_to(f"..data/{key}")
    return [*ENOUGH, f"--settings={folder}"]


def test_what_is_set_reaches_the_run_and_oc_mirror(tmp_path: Path) -> None:
    argv = mounted(
        tmp_path, run_retries="7\n", parallel_images="4", image_timeout="90m", remove_signatures="true"
    )
    request = mirror.parse(argv).request
    assert request.values[RUN_RETRIES] == 7
    assert request.options.passed_on == ("--parallel-images=4", "--image-timeout=5400s")
    assert request.options.signatures is Signatures.NONE


def test_an_argument_wins_and_an_empty_one_is_none(tmp_path: Path) -> None:
    argv = mounted(tmp_path, run_retries="7", parallel_images="4", resource_prefix="blue")
    given = [*argv, "--run-retries=0", "--parallel-images=", "--resource-prefix="]
    request = mirror.parse(given).request
    assert request.values[RUN_RETRIES] == 0
    assert request.options.passed_on == ("--parallel-images=4",)
    assert request.values[RESOURCE_PREFIX] == "blue"


def test_an_argument_with_the_default_wins_too(tmp_path: Path) -> None:
    argv = mounted(tmp_path, run_retries="7", skip_unchanged="true")
    request = mirror.parse([*argv, "--run-retries=3", "--skip-unchanged=false"]).request
    assert request.values[RUN_RETRIES] == 3
    assert not request.skip_unchanged


@pytest.mark.parametrize("folder", ["missing", "empty"])
def test_without_the_configmap_nothing_is_set(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    found = mirror.parse([*ENOUGH, f"--settings={tmp_path / folder}"]).request
    assert found.options == mirror.parse(ENOUGH).request.options
    assert found.values[RUN_RETRIES] == 3


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("paralel-images", "4", "is no setting; did you mean parallel-images?"),
        ("colour", "blue", "is no setting; known are "),
        ("target-registry", "r.example.com", "cannot be set there; give it as a parameter"),
        ("parallel-images", "11", "'11' is not a number from 1 to 10"),
        ("image-timeout", "soon", "'soon' is not a duration such as"),
        ("apply-cluster-resources", "yes", "'yes' is neither 'true' nor 'false'"),
    ],
)
def test_a_mistake_is_told_with_configmap_key_and_what_is_right(
    tmp_path: Path, name: str, value: str, said: str
) -> None:
    _right, (problem,) = shared_settings.check({name: value})
    assert problem.startswith(f"ConfigMap oc-mirror-settings: {name} {said}")
    with pytest.raises(UsageError) as caught:
        mirror.parse(mounted(tmp_path, **{name: value}))
    assert caught.value.reason == problem


def test_a_mistake_counts_although_an_argument_wins(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="parallel-images '0'"):
        mirror.parse([*mounted(tmp_path, parallel_images="0"), "--parallel-images=2"])


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "retry-times").write_bytes(b"\xff1")
    with pytest.raises(UsageError, match="retry-times"):
        mirror.parse([*ENOUGH, f"--settings={tmp_path}"])
