"""Fetching from real Git repositories: over file://, and over HTTP with and without a password."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from steps import repository
from steps.errors import GitError, InvalidInputError, UsageError
from steps.git_access import Credentials, Origin, ParameterNames, TransientGitError
from steps.repository import checkout, head
from tests.conftest import GitRepository
from tests.testbed.gitserver import serving

NOBODY = Credentials()
NAMES = ParameterNames(url="source-url", revision="source-revision", credentials="source-secret")


def origin(url: str, revision: str = "main", credentials: Credentials = NOBODY) -> Origin:
    return Origin(url, revision, credentials, NAMES)


def origin_of(repository: GitRepository, revision: str = "main", credentials: Credentials = NOBODY) -> Origin:
    return origin(f"file://{repository.path}", revision, credentials)


def test_a_branch_a_tag_and_a_commit_are_all_revisions(git_repository: GitRepository, tmp_path: Path) -> None:
    first = git_repository.commit({"a.yaml": "x: 1\n"})
    git_repository.git("tag", "v1")
    git_repository.git("tag", "--annotate", "--message=two", "v1-annotated")
    second = git_repository.commit({"a.yaml": "x: 2\n"})
    for revision, commit, content in (
        ("main", second, "x: 2\n"),
        ("v1", first, "x: 1\n"),
        ("v1-annotated", first, "x: 1\n"),
        (first, first, "x: 1\n"),
        (first[:10], first, "x: 1\n"),
        ("refs/heads/main", second, "x: 2\n"),
    ):
        fetched, folder = checkout(origin_of(git_repository, revision), tmp_path / f"to-{revision[-8:]}")
        assert fetched == commit
        assert (folder / "a.yaml").read_text() == content


def test_a_checkout_is_named_by_its_commit_and_has_no_git_folder(
    git_repository: GitRepository, tmp_path: Path
) -> None:
    commit = git_repository.commit({"a.yaml": "", "deep/er/b.yml": "", "README.md": "not needed"})
    _, folder = checkout(origin_of(git_repository), tmp_path)
    assert folder == tmp_path / commit
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == [
        "a.yaml",
        "deep/er/b.yml",
    ]
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".fetch")] == []


def test_an_earlier_checkout_stays_beside_a_new_one(git_repository: GitRepository, tmp_path: Path) -> None:
    git_repository.commit({"a.yaml": "x: 1\n"})
    _, before = checkout(origin_of(git_repository), tmp_path / "workspace")
    git_repository.commit({"a.yaml": "x: 2\n"})
    _, after = checkout(origin_of(git_repository), tmp_path / "workspace")
    assert (before / "a.yaml").read_text() == "x: 1\n"
    assert (after / "a.yaml").read_text() == "x: 2\n"


def test_a_commit_that_is_there_needs_no_server(git_repository: GitRepository, tmp_path: Path) -> None:
    commit = git_repository.commit({"a.yaml": ""})
    checkout(origin_of(git_repository), tmp_path / "workspace")
    gone = origin("file:///nowhere", commit)
    assert checkout(gone, tmp_path / "workspace")[0] == commit


def test_what_no_run_can_be_reading_is_removed(git_repository: GitRepository, tmp_path: Path) -> None:
    git_repository.commit({"a.yaml": ""})
    stale, killed, foreign = tmp_path / ("0" * 40), tmp_path / ".fetch-killed", tmp_path / "foreign"
    for folder in (stale, killed, foreign):
        folder.mkdir()
        yesterday = time.time() - repository.STALE_SECONDS - 60
        os.utime(folder, (yesterday, yesterday))
    checkout(origin_of(git_repository), tmp_path)
    assert not stale.exists()
    assert not killed.exists()
    assert foreign.exists()


def test_a_killed_fetch_is_removed_sooner_than_a_checkout_that_may_be_read(
    git_repository: GitRepository, tmp_path: Path
) -> None:
    """It may hold half a transfer, which is a good part of a small workspace."""
    git_repository.commit({"a.yaml": ""})
    earlier, killed, going = tmp_path / ("0" * 40), tmp_path / ".fetch-killed", tmp_path / ".fetch-going"
    for folder, age in ((earlier, 3 * 3600), (killed, 3 * 3600), (going, 1800)):
        folder.mkdir()
        os.utime(folder, (time.time() - age, time.time() - age))
    checkout(origin_of(git_repository), tmp_path)
    assert earlier.exists()
    assert not killed.exists()
    assert going.exists()


def test_a_wrong_branch_names_the_nearest(git_repository: GitRepository, tmp_path: Path) -> None:
    git_repository.commit({"a.yaml": ""})
    git_repository.git("branch", "release-4.20")
    with pytest.raises(GitError, match=r"no branch, tag or commit 'release-4\.21'") as caught:
        checkout(origin_of(git_repository, "release-4.21"), tmp_path / "workspace")
    assert caught.value.hint == "check source-revision; there are: release-4.20"


def test_a_revision_that_nobody_chose_may_be_the_default_branch(
    git_repository: GitRepository, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    commit = git_repository.commit({"a.yaml": "x"})
    git_repository.git("branch", "--move", "trunk")
    unchosen = replace(origin_of(git_repository), or_default_branch=True)
    assert repository.checkout(unchosen, tmp_path / "w")[0] == commit
    assert repository.head(unchosen) == commit
    assert "has no branch main, the default of source-revision: its default branch trunk" in caplog.text
    for chosen in (origin_of(git_repository), replace(unchosen, or_default_branch=False)):
        with pytest.raises(GitError, match="no branch, tag or commit 'main'"):
            repository.checkout(chosen, tmp_path / "w")
        with pytest.raises(GitError, match="no branch, tag or commit 'main'"):
            repository.head(chosen)


def test_a_default_branch_that_is_not_there_is_no_way_out(
    git_repository: GitRepository, tmp_path: Path
) -> None:
    git_repository.commit({"a.yaml": "x"})
    git_repository.git("checkout", "--quiet", "--detach")
    git_repository.git("branch", "--move", "main", "trunk")
    unchosen = replace(origin_of(git_repository), or_default_branch=True)
    with pytest.raises(GitError, match="no branch, tag or commit 'main'"):
        repository.checkout(unchosen, tmp_path / "w")


def test_an_unknown_commit_is_told(git_repository: GitRepository, tmp_path: Path) -> None:
    git_repository.commit({"a.yaml": ""})
    with pytest.raises(GitError, match="no branch, tag or commit"):
        checkout(origin_of(git_repository, "0123456789" * 4), tmp_path / "workspace")


def test_a_repository_with_sha_256_is_told(tmp_path: Path) -> None:
    bare = tmp_path / "sha256.git"

    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments]
        done = subprocess.run(command, cwd=bare, check=True, capture_output=True, text=True, input="")
        return done.stdout.strip()

    bare.mkdir()
    git("init", "--quiet", "--bare", "--object-format=sha256")
    git("update-ref", "refs/heads/main", git("commit-tree", git("mktree")))
    with pytest.raises(GitError, match="names its objects by SHA-256, which is not supported"):
        checkout(origin(f"file://{bare}"), tmp_path / "to")


def test_a_url_without_a_repository_is_told(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="there is no Git repository") as caught:
        checkout(origin(f"file://{tmp_path}/none"), tmp_path / "workspace")
    assert caught.value.hint.startswith("check source-url; ")


def test_a_server_that_does_not_answer_is_tried_again_and_then_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import stamina

    with stamina.set_testing(True, attempts=2), pytest.raises(TransientGitError, match="does not answer"):
        checkout(origin("http://127.0.0.1:9/x.git"), tmp_path)


@pytest.mark.parametrize(
    ("url", "hint"),
    [("http://127.0.0.1:9/x.git", "HTTPS_PROXY"), ("ssh://git@127.0.0.1:9/x.git", "no proxy is used")],
)
def test_a_server_that_is_not_there_is_told_in_our_words(
    url: str, hint: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import stamina

    with stamina.set_testing(True, attempts=2), pytest.raises(TransientGitError) as caught:
        repository.head(origin(url))
    assert caught.value.reason == f"the Git server does not answer: {url} (connection refused)"
    assert hint in caught.value.hint
    assert [record.getMessage() for record in caplog.records] == [f"no answer from {url}; attempt 2 of 4"]


def bare_copy(source: GitRepository, folder: Path) -> None:
    folder.mkdir()
    source.git("clone", "--quiet", "--bare", str(source.path), str(folder / "values.git"))


def secret(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, content in files.items():
        (folder / name.replace("_", "-" if name == "ssh_privatekey" else "_")).write_text(content)
    return folder


def test_http_with_a_password_from_a_mounted_secret(git_repository: GitRepository, tmp_path: Path) -> None:
    commit = git_repository.commit({"a.yaml": "x: 1\n"})
    bare_copy(git_repository, tmp_path / "served")
    good = Credentials(secret(tmp_path / "good", username="me", password="s3cret\n"))
    bad = Credentials(secret(tmp_path / "bad", username="me", password="wrong"))
    with serving(tmp_path / "served", username="me", password="s3cret") as server:
        url = server.repository_url("values")
        assert checkout(origin(url, "main", good), tmp_path / "a")[0] == commit
        for credentials in (bad, NOBODY):
            with pytest.raises(GitError, match="refuses access") as caught:
                checkout(origin(url, "main", credentials), tmp_path / "b")
            assert "the Secret that source-secret names" in caught.value.hint
            assert "s3cret" not in str(caught.value) + caught.value.hint


def test_a_private_key_without_known_hosts_is_refused(tmp_path: Path) -> None:
    credentials = Credentials(secret(tmp_path / "secret", ssh_privatekey="KEY"))
    with pytest.raises(InvalidInputError, match="known_hosts"):
        checkout(origin("git@example.com:me/values.git", "main", credentials), tmp_path / "workspace")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a.git",
        "http://10.0.0.1:3000/a/b",
        "ssh://git@example.com:22/a.git",
        "git@example.com:a/b.git",
        "/srv/git/a.git",
        "file:///srv/git/a.git",
        "./values",
    ],
)
def test_urls_that_only_fetch_are_accepted(url: str) -> None:
    assert origin(url).url == (str(Path(url).absolute()) if url.startswith(".") else url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "-oProxyCommand=id",
        "--upload-pack=touch /tmp/x",
        "ext::sh -c id",
        "fd::17",
        "git@example.com::x",
        "https://example.com/a b.git",
        "https://example.com/\n",
        "javascript://x",
        "example.com/a.git",
    ],
)
def test_urls_that_could_run_something_are_refused(url: str) -> None:
    with pytest.raises(UsageError, match="source-url"):
        origin(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://me:s3cret@example.com/a.git",
        "https://s3cret@example.com/a.git",
        "HTTPS://s3cret@example.com/a.git",
        "https://me%3As3cret%40example.com/a.git",
        "https://example.com/a.git?private_token=s3cret",
        "https://example.com/a.git%3Ftoken=s3cret",
        "https://example.com/a.git#s3cret",
        "ssh://git:s3cret@example.com/a.git",
        "git://s3cret@example.com/a.git",
        "me:s3cret@example.com:a/b.git",
        "ext::https://me:s3cret@example.com/a.git",
        "ftp://me:s3cret@example.com/a.git",
        "https://me:s3cret@example.com/a b.git",
    ],
)
def test_credentials_in_a_url_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError, match="source-url") as caught:
        origin(url)
    assert "s3cret" not in caught.value.reason + caught.value.hint


class Leading:
    """A web server that leads every request elsewhere, and remembers what it was sent."""

    def __init__(self, location: str = "{path}") -> None:
        self.location, self.authorized = location, list[str]()
        leading = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                leading.authorized += filter(None, [self.headers.get("Authorization")])
                self.send_response(302)
                self.send_header("Location", leading.location.format(path=self.path))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> Leading:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.mark.parametrize("act", [lambda given, _: head(given), checkout], ids=["head", "checkout"])
def test_a_redirect_to_another_server_is_refused_and_gets_no_password(
    act: Callable[[Origin, Path], object], tmp_path: Path
) -> None:
    credentials = Credentials(secret(tmp_path / "secret", username="me", password="s3cret"))
    with Leading() as other, Leading(f"{other.url}{{path}}") as first:
        with pytest.raises(GitError, match=f"leads from {first.url}/a.git to another one: {other.url}"):
            act(origin(f"{first.url}/a.git", "main", credentials), tmp_path / "workspace")
        assert other.authorized == []


def test_a_redirect_on_the_same_server_is_followed_with_the_password(
    git_repository: GitRepository, tmp_path: Path
) -> None:
    """As GitLab leads from a repository's page to its name with `.git`."""
    commit = git_repository.commit({"a.yaml": "x: 1\n"})
    bare_copy(git_repository, tmp_path / "served")
    credentials = Credentials(secret(tmp_path / "secret", username="me", password="s3cret"))
    with serving(
        tmp_path / "served", username="me", password="s3cret", moved={"/values": "/values.git"}
    ) as server:
        given = origin(f"{server.url}/values", "main", credentials)
        assert head(given) == commit
        assert checkout(given, tmp_path / "a")[0] == commit


@pytest.mark.parametrize(
    ("location", "words"), [("{path}", "in a circle"), ("/users/sign_in", "no repository")]
)
def test_a_redirect_that_leads_nowhere_is_refused(location: str, words: str, tmp_path: Path) -> None:
    with Leading(location) as server, pytest.raises(GitError, match=words):
        checkout(origin(f"{server.url}/a.git"), tmp_path)


def test_a_redirect_from_tls_to_plain_http_is_refused() -> None:
    with pytest.raises(GitError, match=r"to another one: http://example\.com"):
        origin("https://example.com/a.git").moved(
            "http://example.com/a.git/info/refs?service=git-upload-pack"
        )


@pytest.mark.parametrize(
    "revision", ["", "-x", "--upload-pack=x", "a b", "a..b", "a~1", "HEAD^", "a:b", "x\n", "@{u}"]
)
def test_revisions_that_are_no_name_are_refused(revision: str) -> None:
    with pytest.raises(UsageError, match="source-revision"):
        origin("/srv/git/a.git", revision)
