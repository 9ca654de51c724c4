"""The entrypoint: its arguments, its checks, its verdict."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from steps import mirror
from steps.errors import InvalidInputError, NotFoundError, UsageError
from steps.mirroring.checks import preflight
from steps.mirroring.checks.preflight import read_imageset
from steps.mirroring.store import Store
from steps.parameters import arguments as command_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.mirroring.conftest import Place

ENOUGH = ["--workflow=workflow-to-disk", "--imageset=/config/imageset.yaml", "--data=/data"]


def test_the_arguments_of_the_workload_parse() -> None:
    inputs = mirror.parse(
        [
            "--workflow=workflow-direct",
            "--imageset=/config/imageset.yaml",
            "--data=/data",
            "--target-registry=registry.example.com:443/mirror",
            "--incremental-mode=true",
            "--since-date=",
            "--dry-run=true",
            "--authfile=/var/run/pull-secret/.dockerconfigjson",
            "--ca-bundle=/var/run/trusted-ca/ca-bundle.crt",
            "--source-tls-verify=true",
            "--destination-tls-verify=false",
            "--schedule=0 2 * * *",
            "--listen-port=8080",
            "--parallel-images=8",
            "--image-timeout=90m",
        ]
    )
    assert inputs.request.target_registry == "registry.example.com:443/mirror"
    assert inputs.request.dry_run
    assert inputs.request.since_date is None
    assert inputs.request.options.passed_on == ("--parallel-images=8", "--image-timeout=5400s")
    assert not inputs.request.options.destination_tls_verify
    assert inputs.schedule is not None


def test_empty_texts_mean_not_given() -> None:
    optional = ("target-registry", "since-date", "authfile", "ca-bundle", "schedule", "parallel-images")
    inputs = mirror.parse([*ENOUGH, *(f"--{name}=" for name in optional)])
    assert inputs == mirror.parse(ENOUGH)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--workflow=workflow-sideways"], "invalid choice"),
        (["--workflow=workflow-direct"], "needs a target-registry"),
        (["--workflow=workflow-from-disk"], "needs a target-registry"),
        (["--imageset="], "needs an imageset"),
        (["--target-registry=docker://r/x"], "has a scheme"),
        (["--target-registry=mirror/foo"], "no host name"),
        (["--target-registry=registry.example.com:99999"], "beyond 65535"),
        (["--target-registry=registry.example.com/cluster-resources"], "oc-mirror keeps for itself"),
        (["--target-registry=registry.example.com/mirror:tag"], "not a registry"),
        (["--target-registry=-oProxy"], "not a registry"),
        (["--incremental-mode=yes"], "neither 'true' nor 'false'"),
        (["--incremental-mode=false", "--since-date=2026-01-01"], "contradicts"),
        (["--since-date=2027-99-01"], "not a date"),
        (["--schedule=61 * * * *"], "wrong minute"),
        (["--listen-port=99999"], "not a port"),
        (["--parallel-images=11"], "1 to 10"),
        (["--parallel-layers=0"], "1 to 10"),
        (["--retry-times=-1"], "not a number"),
        (["--image-timeout=soon"], "not a duration"),
        (["--incremental"], "unrecognized"),
    ],
)
def test_mistakes_are_named(arguments: list[str], reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        mirror.parse([*ENOUGH, *arguments])
    assert caught.value.hint


@pytest.mark.parametrize("content", [None, ""])
def test_a_ca_bundle_that_is_not_there_or_empty_is_not_used(tmp_path: Path, content: str | None) -> None:
    bundle = tmp_path / "ca.crt"
    if content is not None:
        bundle.write_text(content)
    assert mirror.parse([*ENOUGH, f"--ca-bundle={bundle}"]).request.options.ca_bundle is None
    bundle.write_text("-----BEGIN CERTIFICATE-----")
    assert mirror.parse([*ENOUGH, f"--ca-bundle={bundle}"]).request.options.ca_bundle == bundle


def test_a_check_changes_nothing_and_names_what_it_saw(connected: Place) -> None:
    ran = connected.mirror("--check=true")
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.startswith("ready: oc-mirror ")
    assert list(connected.data.iterdir()) == []


def test_the_verdict_is_left_for_kubernetes(connected: Place, tmp_path: Path) -> None:
    verdict = tmp_path / "termination-log"
    verdict.touch()
    assert connected.mirror(f"--termination-log={verdict}").returncode == 0
    assert json.loads(verdict.read_text())["message"].startswith("generation 1 (full")
    connected.imageset.unlink()
    assert connected.mirror(f"--termination-log={verdict}").returncode == 4
    record = json.loads(verdict.read_text())
    assert (record["state"], record["error"], record["exit_code"]) == ("failed", "not found", 4)
    assert record["message"].startswith("no ImageSet at")
    assert connected.mirror(f"--termination-log={verdict}", "--check=true").returncode == 4
    assert verdict.read_text().startswith("no ImageSet at")


@pytest.mark.parametrize("level", ["debug", "trace"])
def test_with_more_to_read_the_same_is_understood(direct: Place, level: str) -> None:
    ran = direct.mirror(f"--log-level={level}", "--strict-archive=true", "--retry-delay=1s")
    assert ran.returncode == 0, ran.stderr
    assert f"--log-level={level}" in ran.stderr
    assert "--strict-archive=true" in ran.stderr
    assert "--retry-delay=1s" in ran.stderr
    assert "[DEBUG]" in ran.stderr
    (entry,) = Store(direct.data).inventory.of(direct.arguments[1].partition("=")[2])
    assert len(entry.images) == 2


def test_without_a_termination_log_none_is_made(connected: Place, tmp_path: Path) -> None:
    assert connected.mirror(f"--termination-log={tmp_path / 'none'}").returncode == 0
    assert not (tmp_path / "none").exists()


def test_a_program_that_is_not_there_is_named(connected: Place) -> None:
    connected.oc_mirror = "/nonexistent/oc-mirror"
    ran = connected.mirror()
    assert ran.returncode == 4
    assert "'/nonexistent/oc-mirror' was not found" in ran.stderr


def test_a_program_that_is_not_oc_mirror_is_told(connected: Place) -> None:
    connected.oc_mirror = "/bin/echo"
    ran = connected.mirror()
    assert ran.returncode == 4
    assert "did not tell its version" in ran.stderr


def test_a_compressed_imageset_is_unpacked(tmp_path: Path) -> None:
    text = b"kind: ImageSetConfiguration\nmirror: {additionalImages: [{name: 'r/a:1'}]}\n"
    (tmp_path / "imageset.yaml.gz").write_bytes(gzip.compress(text))
    assert read_imageset(tmp_path / "imageset.yaml").content == text
    (tmp_path / "imageset.yaml").write_bytes(text + b"# newer\n")
    assert read_imageset(tmp_path / "imageset.yaml").content.endswith(b"# newer\n")


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-9], lambda data: b"no gzip", lambda data: data[:20] + data[30:]]
)
def test_a_damaged_compressed_imageset_is_refused(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    packed = gzip.compress(b"kind: ImageSetConfiguration\nmirror: {}\n" * 100)
    (tmp_path / "imageset.yaml.gz").write_bytes(damage(packed))
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read_imageset(tmp_path / "imageset.yaml")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "0 documents"),
        (b"- a", "not a map"),
        (b"kind: [", "imageset.yaml"),
        (b"kind: DeleteImageSetConfiguration", "kind is 'DeleteImageSetConfiguration'"),
        (b"kind: ImageSetConfiguration\nmirror: []", "mirror"),
        (b"kind: ImageSetConfiguration\nmirror: {}\nstorageConfig: {}", "v1"),
        (b"kind: \xff", "not UTF-8"),
    ],
)
def test_what_is_no_imageset_is_refused(tmp_path: Path, text: bytes, reason: str) -> None:
    path = tmp_path / "imageset.yaml"
    path.write_bytes(text)
    with pytest.raises(InvalidInputError, match=reason) as caught:
        read_imageset(path)
    assert str(path) in caught.value.reason


def test_the_graph_is_turned_off_and_nothing_else_changed(tmp_path: Path) -> None:
    document = {
        "kind": "ImageSetConfiguration",
        "apiVersion": "mirror.openshift.io/v2alpha1",
        "mirror": {
            "platform": {"graph": True, "channels": [{"name": "stable-4.20", "minVersion": "4.20.1"}]},
            "additionalImages": [{"name": "r/a:1"}],
        },
    }
    path = tmp_path / "imageset.yaml"
    path.write_text(yaml.safe_dump(document))
    changed = yaml.safe_load(read_imageset(path).without_graph().content)
    assert changed["mirror"]["platform"].pop("graph") is False
    del document["mirror"]["platform"]["graph"]  # type: ignore[index]
    assert changed == document
    path.write_text("kind: ImageSetConfiguration\nmirror: {additionalImages: [{name: r/a:1}]} # kept\n")
    assert read_imageset(path).without_graph().content == path.read_bytes()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ('{"auths": {"r": {"auth": "c2VjcmV0"}}', "not JSON"),
        ('["c2VjcmV0"]', "no 'auths' mapping"),
        ('{"auth": "c2VjcmV0"}', "no 'auths' mapping"),
        ('{"auths": ["c2VjcmV0"]}', "no 'auths' mapping"),
    ],
)
def test_a_pull_secret_that_is_none_is_refused_without_being_shown(
    tmp_path: Path, text: str, reason: str
) -> None:
    path = tmp_path / ".dockerconfigjson"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=reason) as caught:
        preflight.check_authfile(path)
    assert "c2VjcmV0" not in caught.value.reason + caught.value.hint
    path.write_text('{"auths": {"r": {"auth": "c2VjcmV0"}}}')
    preflight.check_authfile(path)


def test_a_missing_pull_secret_is_an_error(connected: Place) -> None:
    ran = connected.mirror("--authfile=/nonexistent/.dockerconfigjson")
    assert ran.returncode == 4
    assert "no pull secret at /nonexistent/.dockerconfigjson" in ran.stderr


def test_a_data_directory_that_cannot_be_made_is_named() -> None:
    with pytest.raises(InvalidInputError, match="cannot be written"):
        preflight.check_writable(Path("/proc/no/data"))


def test_a_missing_program_and_secret_make_the_probe_fail(connected: Place) -> None:
    inputs = mirror.parse(connected.command("--oc-mirror=/nonexistent", "--authfile=/nonexistent/secret"))
    assert [line.split(" at ")[0] for line in preflight.problems(inputs.request)] == [
        "no pull secret",
        "the program '/nonexistent' was not found",
    ]


def test_a_missing_imageset_file_names_both_places(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"imageset\.yaml, nor imageset\.yaml\.gz"):
        read_imageset(tmp_path / "imageset.yaml")


def test_every_argument_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "mirror.md").read_text()
    for action in command_lines.parser("mirror", None)._actions:
        for name in action.option_strings:
            assert name in {"-h", "--help"} or f"`{name}`" in page, name
