"""publish-to-git against the real Gitea: its repositories over HTTP, its rights, its pull requests.

It needs no cluster.
"""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import stamina

from steps import publish_to_git
from tests.conftest import unavailable
from tests.testbed import binaries, gitea
from tests.testbed.gitea import OWNER, Gitea, proposed
from tests.unit.publishing.samples import TARGET, catalog_source, changes, mirror_set, publish

VALUES = "# The fleet\nmanagedClusterSets:\n  managed:\n    labels:\n      odf: 'true'  # storage\n"
BRANCH = "oc-mirror/registry.example.com-5000-ocp"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gitea]:
    programs = binaries.built("gitea")
    if programs is None:
        unavailable("there is no program gitea: see `make programs`")
    with gitea.serving(programs, tmp_path_factory.mktemp("gitea")) as found:
        found.user("robot")
        found.user("reader")
        yield found


@dataclass
class Repository:
    """A repository of values, and how the robot gets at it."""

    server: Gitea
    name: str
    url: str
    secret: Path
    data: Path

    def arguments(self) -> list[str]:
        return [
            f"--values-git-url={self.url}",
            "--values-file-path=values.yaml",
            f"--data={self.data}",
            f"--git-write-secret-path={self.secret}",
            "--publish-forge=gitea",
            "--publish-for=managed",
            "--publish-ca-ref=bundle:ca.crt",
        ]

    def publish(self, *more: str) -> int:
        with stamina.set_testing(True, attempts=1):
            return publish_to_git.main([*self.arguments(), *more])

    def requests(self, state: str = "open") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.server.api("GET", f"repos/{OWNER}/{self.name}/pulls?state={state}")
        return found

    def head(self, branch: str = BRANCH) -> str:
        return self.server.head(self.name, branch)

    def branches(self) -> set[str]:
        return {one["name"] for one in self.server.api("GET", f"repos/{OWNER}/{self.name}/branches")}

    def raw(self, path: str, branch: str = BRANCH) -> str:
        return self.server.file(self.name, path, branch)


@pytest.fixture
def repository(server: Gitea, tmp_path: Path) -> Repository:
    name = f"values-{uuid.uuid4().hex[:8]}"
    url = server.repository(name, {"values.yaml": VALUES})
    server.api("PUT", f"repos/{OWNER}/{name}/collaborators/robot", {"permission": "write"})
    server.api("PUT", f"repos/{OWNER}/{name}/collaborators/reader", {"permission": "read"})
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "username").write_text("robot")
    (secret / "password").write_text(server.token(f"of-{name}", "write:repository", user="robot"))
    (secret / "url").write_text(url)
    publish(tmp_path / "data").changes.keep(changes("4.20.12"), TARGET)
    return Repository(server, name, url, secret, tmp_path / "data")


def test_a_request_is_opened_and_renewed(repository: Repository) -> None:
    assert repository.publish() == 0
    [request] = repository.requests()
    assert request["base"]["ref"] == "main"
    assert request["head"] == {**request["head"], "ref": BRANCH, "sha": repository.head()}
    assert request["user"]["login"] == "robot"
    assert "4.20.12" in request["body"]
    assert repository.head() in request["body"]
    text = repository.raw("values.yaml")
    assert text.startswith("# The fleet\nmanagedClusterSets:\n  managed:\n    config:\n      disconnected:\n")
    assert text.endswith("    labels:\n      odf: 'true'  # storage\n")

    assert repository.publish() == 0
    [same] = repository.requests()
    assert proposed(same) == proposed(request)

    store = publish(repository.data, mirror_set(), catalog_source(tag="v4.21"))
    store.changes.keep(changes("4.21.3"), TARGET)
    assert repository.publish() == 0
    [renewed] = repository.requests()
    assert renewed["number"] == request["number"]
    assert "4.21.3" in renewed["body"]
    assert renewed["head"]["sha"] == repository.head() != request["head"]["sha"]


def test_after_the_merge_there_is_nothing_to_do(repository: Repository) -> None:
    assert repository.publish() == 0
    [request] = repository.requests()
    repository.server.merge(repository.name, request["number"], "squash")
    assert repository.raw("values.yaml", "main") == repository.raw("values.yaml")
    assert repository.publish() == 0
    assert repository.requests() == []


def test_what_was_merged_and_reverted_is_proposed_again(repository: Repository) -> None:
    """The forge opens no request for a commit that the base has already."""
    assert repository.publish() == 0
    [request] = repository.requests()
    repository.server.merge(repository.name, request["number"], "merge")
    token = (repository.secret / "password").read_text()
    work = repository.data / "work"

    def git(*arguments: str) -> None:
        subprocess.run(["git", "-c", "user.name=p", "-c", "user.email=p@example.com", *arguments], check=True)

    git("clone", "--quiet", repository.url.replace("://", f"://robot:{token}@"), str(work))
    git("-C", str(work), "revert", "--mainline=1", "--no-edit", "HEAD")
    git("-C", str(work), "push", "--quiet")
    assert repository.publish() == 0
    [again] = repository.requests()
    assert again["number"] != request["number"]
    assert again["head"]["sha"] == repository.head() != request["head"]["sha"]
    assert repository.publish() == 0
    assert [one["number"] for one in repository.requests()] == [again["number"]]


def test_a_draft_stays_one(repository: Repository) -> None:
    assert repository.publish() == 0
    [request] = repository.requests()
    path = f"repos/{OWNER}/{repository.name}/pulls/{request['number']}"
    repository.server.api("PATCH", path, {"title": f"WIP: {request['title']}"})
    publish(repository.data, mirror_set(), catalog_source(tag="v4.21"))
    assert repository.publish() == 0
    [renewed] = repository.requests()
    assert renewed["draft"] is True
    assert repository.head() in renewed["body"]


def test_runs_that_start_together_open_one_request(repository: Repository) -> None:
    code = "import sys; from steps.publish_to_git import main; sys.exit(main())"
    command = [sys.executable, "-c", code, *repository.arguments()]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _number in range(3)]
    said = [process.communicate(timeout=120)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], said
    assert len(repository.requests()) == 1


def test_what_a_person_closed_is_not_opened_again(repository: Repository) -> None:
    assert repository.publish() == 0
    [request] = repository.requests()
    number = request["number"]
    repository.server.api("PATCH", f"repos/{OWNER}/{repository.name}/pulls/{number}", {"state": "closed"})
    assert repository.publish() == 0
    assert repository.requests() == []
    publish(repository.data, mirror_set(), catalog_source(tag="v4.21"))
    assert repository.publish() == 0
    [again] = repository.requests()
    assert again["number"] != number


def test_a_mention_in_a_name_notifies_nobody_and_closes_nothing(repository: Repository) -> None:
    issue = repository.server.api("POST", f"repos/{OWNER}/{repository.name}/issues", {"title": "one"})
    hostile = (f"closes #{issue['number']}", f"@{OWNER}", f"fixes {OWNER}/{repository.name}#1")
    publish(repository.data).changes.keep(changes(*hostile), TARGET)
    assert repository.publish() == 0
    [request] = repository.requests()
    repository.server.merge(repository.name, request["number"], "merge")
    found = repository.server.api("GET", f"repos/{OWNER}/{repository.name}/issues/{issue['number']}")
    assert found["state"] == "open"
    timeline = f"repos/{OWNER}/{repository.name}/issues/{issue['number']}/timeline"
    assert [one["type"] for one in repository.server.api("GET", timeline) or []] == []


def test_somebody_elses_commit_on_the_branch_stays(
    repository: Repository, caplog: pytest.LogCaptureFixture
) -> None:
    assert repository.publish() == 0
    path = f"repos/{OWNER}/{repository.name}/contents/note.md"
    repository.server.api("POST", path, {"content": "aGk=", "branch": BRANCH})
    theirs = repository.head()
    publish(repository.data, mirror_set(), catalog_source(tag="v4.21"))
    assert repository.publish() == 5
    assert f"its newest commit {theirs[:12]} is by {OWNER}" in caplog.text
    assert repository.head() == theirs


@pytest.mark.parametrize(
    ("user", "scopes", "code", "words"),
    [
        ("reader", "write:repository", 7, "refuses the branch oc-mirror/"),
        ("robot", "read:repository", 7, "the Git server refuses access"),
    ],
)
def test_a_login_without_the_right_is_told(
    repository: Repository, caplog: pytest.LogCaptureFixture, user: str, scopes: str, code: int, words: str
) -> None:
    token = repository.server.token(f"weak-{repository.name}", scopes, user=user)
    (repository.secret / "username").write_text(user)
    (repository.secret / "password").write_text(token)
    assert repository.publish() == code
    assert words in caplog.text
    assert token not in caplog.text
    assert repository.branches() == {"main"}


def test_a_token_that_may_not_open_requests_leaves_the_branch_for_the_next_run(
    repository: Repository, caplog: pytest.LogCaptureFixture
) -> None:
    weak = repository.server.token(f"weak-{repository.name}", "read:repository", user="robot")
    (repository.secret / "token").write_text(weak)
    assert repository.publish() == 7
    assert "refuses the token for" in caplog.text
    assert "write:repository" in caplog.text
    assert weak not in caplog.text
    assert repository.requests() == []
    (repository.secret / "token").unlink()
    assert repository.publish() == 0
    assert len(repository.requests()) == 1
