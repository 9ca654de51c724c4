"""What start-run and send-event take for arguments: nothing that could be an option, a path or shell text."""

from __future__ import annotations

from pathlib import Path

import pytest

from steps import send_event, start_run
from steps.errors import GitError, UsageError
from steps.git_access import Credentials, Origin, ParameterNames
from steps.repository import head
from tests.conftest import GitRepository

PARAMETERS = ParameterNames(url="git-url", revision="git-revision", credentials="git-secret")
NEEDED = ["--run=deployment", "--holder=me"]
HOSTILE = ["--help", "-x", "$(id)", "`id`", "a;b", "a b", "../x", "{}", "\n"]


@pytest.mark.parametrize("text", [*HOSTILE, "main", "abc123", "A" * 40])
def test_a_commit_is_a_full_hash_or_nothing(text: str) -> None:
    with pytest.raises(UsageError):
        start_run.parse([*NEEDED, f"--commit={text}"])


@pytest.mark.parametrize("text", [*HOSTILE, "", "UPPER", "a" * 21, "a.b", "a-"])
def test_a_run_is_a_short_plain_name(text: str) -> None:
    with pytest.raises(UsageError):
        start_run.parse([f"--run={text}", "--holder=me"])


@pytest.mark.parametrize("text", ["$(id)", "`id`", "a;b", "a b", "../x", "{}", "\n", "x" * 254])
def test_an_occasion_is_a_plain_word(text: str) -> None:
    with pytest.raises(UsageError):
        start_run.parse([*NEEDED, f"--occasion={text}"])


@pytest.mark.parametrize("text", ["", "yes", "True", "1"])
def test_enabled_is_true_or_false_and_nothing_else(text: str) -> None:
    assert not start_run.parse([*NEEDED, "--enabled=false"]).enabled
    with pytest.raises(UsageError, match="enabled"):
        start_run.parse([*NEEDED, f"--enabled={text}"])


def test_no_commit_means_the_newest() -> None:
    given = start_run.parse([*NEEDED, "--commit=", "--occasion="])
    assert given.commit is None
    assert given.occasion == ""


def test_the_head_of_a_branch_is_asked_of_the_server(git_repository: GitRepository) -> None:
    url = str(git_repository.path)
    first = git_repository.commit({"a": "1"})
    git_repository.git("tag", "-a", "v1", "-m", "one")
    git_repository.git("tag", "light")
    git_repository.git("branch", "x/main")
    second = git_repository.commit({"a": "2"})
    heads = {
        name: head(Origin(url, name, Credentials(), PARAMETERS))
        for name in ("main", "x/main", "v1", "light", first)
    }
    assert heads == {"main": second, "x/main": first, "v1": first, "light": first, first: first}


def test_a_branch_that_is_not_there_is_said_with_those_that_are(git_repository: GitRepository) -> None:
    git_repository.commit({"a": "1"})
    with pytest.raises(GitError) as caught:
        head(Origin(str(git_repository.path), "mian", Credentials(), PARAMETERS))
    assert "no branch, tag or commit 'mian'" in caught.value.reason
    assert "main" in caught.value.hint


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://user@host/x", "http:// x", "-x", ""])
def test_an_event_goes_to_a_web_address(url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        send_event.parse([f"--listener-url={url}", f"--secret-file={tmp_path}", "--run=a", "--occasion=b"])
