"""What an installed oc-mirror tells of itself: its version, and the options that it has."""

from __future__ import annotations

import json
import os
import stat
from datetime import date
from pathlib import Path

import pytest

from steps.errors import InvalidInputError, NotFoundError
from steps.mirroring.ocmirror import command, program
from steps.mirroring.ocmirror.command import Options
from tests.unit.mirroring.conftest import Place, standin_only

LINES = ["4.18.30", "4.20.0", "4.22.16", "2.0.0", "2.11.3"]


@pytest.fixture(params=LINES)
def line(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A version that the stand-in is."""
    monkeypatch.setenv("STANDIN_VERSION", request.param)
    return str(request.param)


def asked(oc_mirror: str) -> program.Program:
    return program.inspect(oc_mirror, os.environ)


def to_disk(options: Options, found: program.Program) -> list[str]:
    where = {"imageset": Path("/d/i.yaml"), "destination": Path("/d"), "cache": Path("/c")}
    return command.to_disk(options, found, since=date(2026, 1, 2), dry_run=False, **where)


@standin_only
@pytest.mark.parametrize(
    ("version", "can"),
    [
        ("4.18.30", False),
        ("4.19.2-202507", True),
        ("4.20.0", True),
        ("4.21.0", True),
        ("0.0.0-unknown", True),
        ("2.0.0", True),
        ("v2.1.0-202612", True),
    ],
)
def test_whether_signatures_are_copied_is_said_to_every_program_that_has_a_word_for_it(
    version: str, can: bool, oc_mirror: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN_VERSION", version)
    found = asked(oc_mirror)
    assert found.copies_signatures is can
    flags = [one for one in to_disk(Options(), found) if one.startswith("--re")]
    assert flags == (["--remove-signatures=true"] if can else [])
    if can:
        flags = [one for one in to_disk(Options(registries_d=Path("/r")), found) if one.startswith("--re")]
        assert flags == ["--remove-signatures=false", "--registries.d=/r"]


def test_the_options_of_the_program_at_hand_are_read(oc_mirror: str) -> None:
    found = asked(oc_mirror)
    assert found.has("--cache-dir")
    assert found.has("--remove-signatures")
    assert not found.has("--delete-id")
    assert found.options["--log-level"] == "info"
    assert found.options["--src-tls-verify"] == "true"


@standin_only
@pytest.mark.usefixtures("line")
def test_no_line_is_taken_for_an_old_one(connected: Place) -> None:
    ran = connected.mirror("--check=true")
    assert ran.returncode == 0, ran.stderr


@standin_only
def test_versions_that_hide_failures_are_refused(connected: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDIN_VERSION", "4.16.7")
    ran = connected.mirror()
    assert ran.returncode == 3
    assert "oc-mirror 4.16.7 is older than 4.18" in ran.stderr
    assert "running oc-mirror" not in ran.stderr


@standin_only
def test_an_option_that_the_program_lacks_is_refused_before_the_run(
    connected: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN_VERSION", "4.18.30")
    ran = connected.mirror("--remove-signatures=false")
    assert ran.returncode == 3
    assert "oc-mirror 4.18.30 (" in ran.stderr
    assert "has no option --remove-signatures: the parameter signatures=all needs it" in ran.stderr
    assert "leave the parameter signatures=all out, or use an image with another" in ran.stderr
    assert "running oc-mirror" not in ran.stderr
    assert connected.mirror("--remove-signatures=true").returncode == 0, "4.18 leaves them out anyway"


def test_what_is_passed_on_is_refused_where_the_program_lacks_it() -> None:
    found = program.Program("/bin/oc-mirror", "2.0.0", dict.fromkeys(program.NEEDED, ""))
    with pytest.raises(InvalidInputError, match=r"oc-mirror 2\.0\.0 .* has no option --image-timeout"):
        command.check_options(Options(passed_on=("--image-timeout=60s",)), found)


def test_a_program_without_what_every_run_needs_is_refused(tmp_path: Path) -> None:
    answer = json.dumps({"clientVersion": {"gitVersion": "v0.0.0-unknown"}})
    old = tmp_path / "oc-mirror"
    old.write_text(
        f"#!/bin/sh\nif [ $1 = version ]; then echo '{answer}'; else echo '      --from string   Local'; fi\n"
    )
    old.chmod(old.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(InvalidInputError, match=r"has no option --authfile, --cache-dir, .*every run needs"):
        program.inspect(str(old), os.environ)


@pytest.mark.parametrize("answer", ["", "usage: tar", "{}", '{"clientVersion": null}', "[1]"])
def test_a_program_that_is_not_oc_mirror_is_recognised(answer: str) -> None:
    with pytest.raises(NotFoundError, match="did not tell its version"):
        program.parse_version(answer)
