"""Every workflow with targets that have other registries' manners: it works, or says why it cannot."""

from __future__ import annotations

import base64
import json
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from steps.mirroring.workflows import deletion_plan
from tests.standin import manners
from tests.standin.moody import Moody
from tests.unit.mirroring.conftest import Place, Ran, real_only

DIRECT, DRY, AGAIN, FROM_DISK = "direct", "dry-run", "direct again", "from-disk"
GENERATE, EXECUTE, CLEANUP = "delete-generate", "delete-execute", "cleanup"
ALL = (DRY, DIRECT, AGAIN, FROM_DISK, GENERATE, EXECUTE, CLEANUP)


@dataclass(frozen=True)
class Case:
    """A registry's manner, and which workflows it fails, with exit code and words."""

    make: Callable[[Moody], manners.Manner]
    fails: dict[str, tuple[int, str]] = field(default_factory=dict)
    skips: tuple[str, ...] = ()


def _has(moody: Moody) -> Callable[[str, str], bool]:
    from tests.standin.oc_mirror import Registry

    def has(repository: str, tag: str) -> bool:
        registry = Registry(moody.upstream, verify=False)
        registry.check()
        return bool(registry.call("HEAD", f"/v2/{repository}/manifests/{tag}", missing=True))

    return has


NO_TAGS = (6, "does not list the tags of")
READ_ONLY = (6, "takes no uploads to")
TOO_DEEP = (6, "refuses the name")
CASES = {
    "HEAD 404": Case(lambda _: manners.refuses_head(404)),
    "HEAD 405": Case(lambda _: manners.refuses_head(405)),
    "HEAD 401": Case(lambda _: manners.refuses_head(401)),
    "HEAD says little": Case(lambda _: manners.says_little),
    "busy": Case(lambda _: manners.is_busy(11)),
    "busy by date": Case(lambda _: manners.is_busy(11, by_date=True)),
    "tokens": Case(lambda moody: manners.expires(60, lambda: f"http://{moody.host}/token")),
    "no signatures": Case(lambda _: manners.has_no_signatures),
    "redirects": Case(lambda moody: manners.redirects(lambda: f"http://{moody.upstream}")),
    "chunks only": Case(lambda _: manners.takes_chunks_only),
    "immutable tags": Case(
        lambda moody: manners.has_immutable_tags(_has(moody)),
        {AGAIN: (8, "(immutable tag)")},
        (GENERATE, EXECUTE, CLEANUP),
    ),
    "shallow": Case(
        lambda _: manners.is_shallow(2),
        {DIRECT: TOO_DEEP, FROM_DISK: TOO_DEEP},
        (AGAIN, GENERATE, EXECUTE, CLEANUP),
    ),
    "read-only": Case(
        lambda _: manners.is_read_only,
        {DIRECT: READ_ONLY, FROM_DISK: READ_ONLY},
        (AGAIN, GENERATE, EXECUTE, CLEANUP),
    ),
    "no DELETE": Case(lambda _: manners.deletes_nothing, {EXECUTE: (6, "does not delete (HTTP 405)")}),
    "no tags (404)": Case(lambda _: manners.lists_no_tags(404), {GENERATE: NO_TAGS}, (EXECUTE,)),
    "no tags (405)": Case(lambda _: manners.lists_no_tags(405), {GENERATE: NO_TAGS}, (EXECUTE,)),
    "no tags (401)": Case(lambda _: manners.lists_no_tags(401), {GENERATE: (6, "the tags of")}, (EXECUTE,)),
}


@pytest.fixture
def run(
    direct: Place, disconnected: Place, three: Place, moody_target: Moody, tmp_path: Path
) -> Callable[[str], Ran]:
    """Run a workflow against the target, with its login."""
    authfile = tmp_path / "auth.json"
    auth = base64.b64encode(b"me:secret").decode()
    authfile.write_text(json.dumps({"auths": {moody_target.host: {"auth": auth}}}))
    name = f"m{uuid.uuid4().hex[:12]}"
    arguments = (f"--target-registry={moody_target.host}/{name}", f"--authfile={authfile}")

    def again() -> Ran:
        direct.names("team/app:v2", "team/db:v1")
        return direct.mirror(*arguments)

    def from_disk() -> Ran:
        folder = disconnected.data / "generations/000001"
        shutil.copytree(three.data / "generations/000001", folder)
        return disconnected.mirror(f"{arguments[0]}/from-disk", arguments[1])

    def execute() -> Ran:
        plan = (direct.data / "removal/plan.json").read_bytes()
        approval = f"--approved-plan-sha256={deletion_plan.sha256(plan)}"
        return direct.mirror("--workflow=workflow-delete-execute", *arguments, approval)

    known: dict[str, Callable[[], Ran]] = {
        DRY: lambda: direct.mirror(*arguments, "--dry-run=true"),
        DIRECT: lambda: direct.mirror(*arguments),
        AGAIN: again,
        FROM_DISK: from_disk,
        GENERATE: lambda: direct.mirror("--workflow=workflow-delete-generate", *arguments),
        EXECUTE: execute,
        CLEANUP: lambda: direct.mirror("--workflow=workflow-cleanup"),
    }
    return lambda workflow: known[workflow]()


@pytest.mark.usefixtures("without_waiting")
@pytest.mark.parametrize("name", CASES)
def test_every_workflow_works_with_every_manner_or_says_why_not(
    moody_target: Moody, run: Callable[[str], Ran], name: str
) -> None:
    case = CASES[name]
    moody_target.manners = [case.make(moody_target)]
    for workflow in ALL:
        if workflow in case.skips:
            continue
        ran = run(workflow)
        code, words = case.fails.get(workflow, (0, ""))
        assert ran.returncode == code, f"{workflow}: {ran.stderr}"
        assert words in ran.stderr, workflow
        assert "Traceback" not in ran.stderr


SOURCES = ("HEAD 404", "HEAD 405", "HEAD says little", "busy", "tokens", "redirects", "read-only")


@real_only
@pytest.mark.usefixtures("without_waiting")
@pytest.mark.parametrize("name", SOURCES)
def test_to_disk_works_with_every_manner_of_a_source(
    connected: Place, moody_source: Moody, tmp_path: Path, name: str
) -> None:
    moody_source.manners = [CASES[name].make(moody_source)]
    authfile = tmp_path / "auth.json"
    auth = base64.b64encode(b"me:secret").decode()
    authfile.write_text(json.dumps({"auths": {moody_source.host: {"auth": auth}}}))
    connected.host = moody_source.host
    connected.names("team/app:v1", "team/db:v1")
    given = (f"--authfile={authfile}", "--skip-unchanged=true")
    assert connected.mirror(*given, "--dry-run=true").returncode == 0
    ran = connected.mirror(*given)
    assert ran.returncode == 0, ran.stderr
    ran = connected.mirror(*given)
    assert "unchanged since" in ran.stderr
