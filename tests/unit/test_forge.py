"""Requests at forges: a small real HTTP server that answers in their documented shapes.

The shapes are those of docs.github.com (REST 2022-11-28, pulls) and docs.gitlab.com (v4, merge requests),
reduced to the fields that are read and some that are not. Neither of the two runs here; the real Gitea does,
in tests/cluster/test_gitea.py.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import stamina

from steps.errors import GitError, InvalidInputError, UsageError
from steps.forge import Access, Forge, Kind, Proposal, http, open_or_renew
from steps.git_access import TransientGitError

TOKEN = "t0ken-of-the-robot"
COMMIT = "a" * 40
PROPOSAL = Proposal(
    branch="oc-mirror/registry",
    base="main",
    title="Mirror it",
    body=f"* Commit: {COMMIT}",
    commit=COMMIT,
    new=True,
)

Answer = tuple[int, dict[str, str], Any]


@dataclass
class Server:
    """A forge of one repository, group/values, in the shapes of GitHub or GitLab."""

    kind: Kind
    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    seen: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    authorization: set[str] = field(default_factory=set)
    instead: Callable[[str], Answer | None] = lambda _method: None
    at_once: int = 1 << 20
    pause: float = 0.0

    @property
    def forge(self) -> Forge:
        return Forge.of(f"{self.url}/group/values.git", self.kind)

    def answer(self, method: str, path: str, body: dict[str, Any]) -> Answer:
        self.seen.append((method, path, body))
        if forced := self.instead(method):
            return forced
        target = urlsplit(path)
        base = {
            Kind.GITHUB: "/api/v3/repos/group/values/pulls",
            Kind.GITLAB: "/api/v4/projects/group%2Fvalues/merge_requests",
            Kind.GITEA: "/api/v1/repos/group/values/pulls",
        }[self.kind]
        if not target.path.startswith(base):
            return 404, {}, {"message": "Not Found"}
        query = {key: values[0] for key, values in parse_qs(target.query).items()}
        act: Callable[..., Answer] = getattr(self, f"{method.lower()}_{self.kind}")
        return act(query, target.path[len(base) + 1 :], body)

    def get_github(self, query: dict[str, str], _number: str, _body: dict[str, Any]) -> Answer:
        found = [
            one
            for one in reversed(self.requests)
            if one["state"] == query["state"]
            and f"group:{one['head']['ref']}" == query["head"]
            and one["base"]["ref"] == query["base"]
        ]
        return 200, {}, found if query["page"] == "1" else []

    def post_github(self, _query: dict[str, str], _number: str, body: dict[str, Any]) -> Answer:
        number = len(self.requests) + 1
        repo = {"full_name": "group/values", "private": True}
        made = {
            "url": f"{self.url}/api/v3/repos/group/values/pulls/{number}",
            "html_url": f"{self.url}/group/values/pull/{number}",
            "number": number,
            "state": "open",
            "title": body["title"],
            "body": body["body"],
            "merged_at": None,
            "draft": False,
            "head": {"label": f"group:{body['head']}", "ref": body["head"], "sha": COMMIT, "repo": repo},
            "base": {"label": f"group:{body['base']}", "ref": body["base"], "repo": repo},
        }
        self.requests.append(made)
        return 201, {}, made

    def patch_github(self, _query: dict[str, str], number: str, body: dict[str, Any]) -> Answer:
        self.requests[int(number) - 1].update(body)
        return 200, {}, self.requests[int(number) - 1]

    def get_gitea(self, query: dict[str, str], _number: str, _body: dict[str, Any]) -> Answer:
        """Without a filter by the branch that is proposed, 50 at once."""
        start = 50 * (int(query["page"]) - 1)
        found = [one for one in reversed(self.requests) if one["state"] == query["state"]]
        return 200, {}, found[start : start + 50]

    post_gitea, patch_gitea = post_github, patch_github

    def get_gitlab(self, query: dict[str, str], _number: str, _body: dict[str, Any]) -> Answer:
        found = [
            one
            for one in reversed(self.requests)
            if all(one[key] == query[key] for key in ("state", "source_branch", "target_branch"))
        ]
        return 200, {}, found if query["page"] == "1" else []

    def post_gitlab(self, _query: dict[str, str], _number: str, body: dict[str, Any]) -> Answer:
        iid = len(self.requests) + 1
        made = {
            "id": 1000 + iid,
            "iid": iid,
            "project_id": 7,
            "source_project_id": 7,
            "target_project_id": 7,
            "state": "opened",
            "sha": COMMIT,
            "web_url": f"{self.url}/group/values/-/merge_requests/{iid}",
            **body,
        }
        self.requests.append(made)
        return 201, {}, made

    def put_gitlab(self, _query: dict[str, str], iid: str, body: dict[str, Any]) -> Answer:
        self.requests[int(iid) - 1].update(body)
        return 200, {}, self.requests[int(iid) - 1]

    def close(self) -> None:
        for one in self.requests:
            one["state"] = "closed"

    def text(self) -> str:
        return str(self.requests[-1]["description" if self.kind is Kind.GITLAB else "body"])

    def methods(self) -> list[str]:
        return [method for method, _path, _body in self.seen]


@contextmanager
def serving(kind: Kind) -> Iterator[Server]:
    server = Server(kind)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            server.authorization.add(self.headers.get("Authorization", ""))
            status, headers, content = server.answer(self.command, self.path, body)
            raw = content if isinstance(content, bytes) else json.dumps(content, default=str).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            for start in range(0, len(raw), server.at_once):
                try:
                    self.wfile.write(raw[start : start + server.at_once])
                except OSError:  # the client has given up
                    return
                time.sleep(server.pause)

        do_POST = do_PATCH = do_PUT = do_GET  # noqa: N815 - the base class's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Keep quiet."""

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=web.serve_forever, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{web.server_address[1]}"
    try:
        yield server
    finally:
        web.shutdown()
        web.server_close()
        thread.join()


@pytest.fixture(params=[Kind.GITHUB, Kind.GITLAB])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with serving(request.param) as found, stamina.set_testing(True, attempts=2):
        yield found


def proposal(**changes: Any) -> Proposal:
    fields = {name: getattr(PROPOSAL, name) for name in ("branch", "base", "title", "body", "commit", "new")}
    return Proposal(**{**fields, **changes})


def test_a_request_is_opened_once_and_renewed_with_the_next_commit(server: Server) -> None:
    access = Access(TOKEN)
    first = open_or_renew(server.forge, access, PROPOSAL)
    assert first.done == "opened"
    assert first.url.endswith(("/pull/1", "/merge_requests/1"))
    assert open_or_renew(server.forge, access, PROPOSAL).done == "unchanged"
    assert server.methods() == ["GET", "POST", "GET"]
    second = proposal(commit="b" * 40, body=f"* Commit: {'b' * 40}", title="Other")
    renewed = open_or_renew(server.forge, access, second)
    assert (renewed.done, renewed.url) == ("renewed", first.url)
    assert "b" * 40 in server.text()
    assert server.requests[0]["title"] == "Other"
    assert len(server.requests) == 1
    assert server.authorization == {f"Bearer {TOKEN}"}


def test_what_a_person_closed_is_opened_again_only_for_something_new(server: Server) -> None:
    access = Access(TOKEN)
    open_or_renew(server.forge, access, PROPOSAL)
    server.close()
    assert open_or_renew(server.forge, access, proposal(new=False)).done == "closed"
    assert len(server.requests) == 1
    second = proposal(commit="b" * 40, body=f"* Commit: {'b' * 40}")
    assert open_or_renew(server.forge, access, second).done == "opened"
    assert len(server.requests) == 2


def test_a_request_from_a_fork_is_not_ours(server: Server) -> None:
    open_or_renew(server.forge, Access(TOKEN), PROPOSAL)
    if server.kind is Kind.GITHUB:
        server.requests[0]["head"]["repo"] = {"full_name": "stranger/values"}
    else:
        server.requests[0]["source_project_id"] = 8
    assert open_or_renew(server.forge, Access(TOKEN), PROPOSAL).done == "opened"
    assert len(server.requests) == 2


def test_a_request_to_another_base_is_not_ours_even_where_a_forge_does_not_filter(server: Server) -> None:
    open_or_renew(server.forge, Access(TOKEN), proposal(base="release"))
    listed = [dict(server.requests[0])]
    server.instead = lambda method: (200, {}, listed) if method == "GET" else None
    assert open_or_renew(server.forge, Access(TOKEN), PROPOSAL).done == "opened"
    assert len(server.requests) == 2


def test_a_request_whose_answer_was_lost_is_not_opened_twice(server: Server) -> None:
    lost = list[str]()

    def lose(method: str) -> Answer | None:
        if method == "POST" and not lost:
            lost.append(method)
            body = server.seen[-1][2]
            getattr(server, f"post_{server.kind}")({}, "", body)
            return 502, {}, {"message": "bad gateway"}
        return None

    server.instead = lose
    assert open_or_renew(server.forge, Access(TOKEN), PROPOSAL).done == "unchanged"
    assert len(server.requests) == 1


def test_a_request_that_another_run_opened_meanwhile_is_found(server: Server) -> None:
    raced = list[str]()

    def race(method: str) -> Answer | None:
        if method != "POST" or raced:
            return None
        raced.append(method)
        other = {**server.seen[-1][2], "body": "of another run", "description": "of another run"}
        getattr(server, f"post_{server.kind}")({}, "", other)
        status = 409 if server.kind is Kind.GITLAB else 422
        return status, {}, {"message": ["Another open merge request already exists: !1"]}

    server.instead = race
    assert open_or_renew(server.forge, Access(TOKEN), PROPOSAL).done == "renewed"
    assert len(server.requests) == 1
    assert COMMIT in server.text()


def test_where_a_forge_takes_two_requests_at_once_the_first_one_stays() -> None:
    """As the real Gitea does; behind many requests of others."""
    with serving(Kind.GITEA) as server:
        raced = list[str]()

        def race(method: str) -> Answer | None:
            if method == "POST" and not raced:
                raced.append(method)
                other = {**server.seen[-1][2], "body": "of another run"}
                server.post_gitea({}, "", other)
                for number in range(70):
                    server.post_gitea({}, "", {**other, "head": f"branch-{number}"})
            return None

        server.instead = race
        found = open_or_renew(server.forge, Access(TOKEN), PROPOSAL)
        assert (found.done, found.url) == ("renewed", f"{server.url}/group/values/pull/1")
        ours = [one for one in server.requests if one["head"]["ref"] == PROPOSAL.branch]
        assert [one["state"] for one in ours] == ["open", "closed"]
        assert COMMIT in ours[0]["body"]
        assert open_or_renew(server.forge, Access(TOKEN), PROPOSAL).done == "unchanged"


def test_what_was_closed_long_ago_is_not_opened_again_either() -> None:
    """Gitea has no filter by branch: behind ours there are many that others have closed since."""
    with serving(Kind.GITEA) as server, stamina.set_testing(True, attempts=1):
        closed = open_or_renew(server.forge, Access(TOKEN), PROPOSAL)
        for number in range(120):
            open_or_renew(server.forge, Access(TOKEN), proposal(branch=f"other-{number}"))
        server.close()
        again = open_or_renew(server.forge, Access(TOKEN), proposal(new=False))
        assert (again.done, again.url) == ("closed", closed.url)


@pytest.mark.parametrize("mark", ["Draft: ", "[WIP] ", "draft - ", "", "WIPER "])
def test_a_draft_stays_one(server: Server, mark: str) -> None:
    open_or_renew(server.forge, Access(TOKEN), PROPOSAL)
    server.requests[0]["title"] = f"{mark}Mirror it"
    second = proposal(commit="b" * 40, body=f"* Commit: {'b' * 40}", title="Mirror more")
    assert open_or_renew(server.forge, Access(TOKEN), second).done == "renewed"
    kept = "" if mark == "WIPER " else mark
    assert server.requests[0]["title"] == f"{kept}Mirror more"


@pytest.mark.parametrize(
    ("answer", "words", "hint"),
    [
        (
            (401, {}, {"message": "Bad credentials"}),
            "refuses the token .* HTTP 401 Bad credentials",
            "git-write",
        ),
        ((401, {}, {"message": f"who is {TOKEN}?"}), r"HTTP 401 who is …\?", "git-write"),
        (
            (301, {"Location": f"https://{TOKEN}@example.com/{TOKEN}"}, {}),
            "to another place: …@example.com/…$",
            "now",
        ),
        ((403, {}, {"message": "403 Forbidden"}), "refuses the token", "Pull requests|role Developer"),
        ((404, {}, {"message": "404 Project Not Found"}), "has no .* or takes no requests", "values-git-url"),
        (
            (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1700000000"}, {"message": "API rate"}),
            "takes no more requests of this token until 2023-11-14T22:13:20Z",
            "later",
        ),
        ((429, {"Retry-After": "77"}, {"message": "slow down"}), "no more requests .* for 77 s", "later"),
        (
            (422, {}, {"message": "Validation Failed", "errors": [{"message": "No commits between"}]}),
            "does not take the request: HTTP 422 Validation Failed No commits between",
            "requests are allowed",
        ),
        (
            (403, {}, {"message": "You have exceeded a secondary rate limit."}),
            "takes no more requests of this token$",
            "later",
        ),
        (
            (403, {}, {"error": "insufficient_scope", "error_description": "needs api"}),
            "HTTP 403 insufficient_scope needs api",
            "git-write",
        ),
        ((400, {}, {"message": "no", "errors": 3}), "HTTP 400 no$", "requests are allowed"),
        (
            (422, {}, {"message": {"base": ["is", "off"]}, "errors": ["taken", {"field": "head"}, None]}),
            "HTTP 422 base is base off taken field head$",
            "requests are allowed",
        ),
        ((302, {"Location": "http://[bad"}, {}), "it does not keep to HTTP", "publish-forge"),
        ((200, {}, b"<html>Sign in</html>"), "is no (github|gitlab): it is not JSON", "publish-forge"),
        ((200, {}, {"message": "hello"}), "is no (github|gitlab)", "publish-forge"),
        ((200, {}, [{"number": 1}]), "is no (github|gitlab)", "publish-forge"),
        (
            (301, {"Location": "https://elsewhere.example.com/x?y=z"}, {}),
            "leads from group/values to another place: elsewhere.example.com/x",
            "nothing is sent to another host",
        ),
    ],
)
def test_a_refusal_is_told_in_words(server: Server, answer: Answer, words: str, hint: str) -> None:
    server.instead = lambda _method: answer
    with pytest.raises(GitError, match=words) as caught:
        open_or_renew(server.forge, Access(TOKEN), PROPOSAL)
    assert re.search(hint, caught.value.hint), caught.value.hint
    assert TOKEN not in f"{caught.value.reason} {caught.value.hint} {caught.value!r}"
    assert caught.value.__cause__ is None
    assert not isinstance(caught.value, TransientGitError)


def test_no_redirect_carries_the_token_away(server: Server) -> None:
    with serving(server.kind) as other:
        server.instead = lambda _method: (
            307,
            {"Location": f"{other.url}/api/v3/repos/group/values/pulls"},
            {},
        )
        with pytest.raises(GitError, match="leads from"):
            open_or_renew(server.forge, Access(TOKEN), PROPOSAL)
        assert other.seen == []


def test_a_forge_with_a_fault_is_asked_again_and_then_told(server: Server) -> None:
    server.instead = lambda _method: (503, {}, {"message": "maintenance"})
    with pytest.raises(TransientGitError, match="has a fault of its own: HTTP 503 maintenance") as caught:
        open_or_renew(server.forge, Access(TOKEN), PROPOSAL)
    assert "the branch is pushed" in caught.value.hint
    assert server.methods() == ["GET", "GET"]


def test_an_answer_without_end_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LARGEST", 1 << 16)
    server.instead = lambda _method: (200, {}, b"[" + b" " * (1 << 20) + b"]")
    with pytest.raises(TransientGitError, match="does not answer"):
        open_or_renew(server.forge, Access(TOKEN), PROPOSAL)


def test_an_answer_that_drips_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "DEADLINE", 0.3)
    server.instead = lambda _method: (200, {}, b"[" + b" " * 200 + b"]")
    server.at_once, server.pause = 1, 0.05
    began = time.monotonic()
    with pytest.raises(TransientGitError, match="does not answer"):
        open_or_renew(server.forge, Access(TOKEN), PROPOSAL)
    assert time.monotonic() - began < 8  # all of it takes ten seconds


def test_a_forge_that_is_not_there_is_told() -> None:
    forge = Forge.of("http://127.0.0.1:9/group/values.git", Kind.GITHUB)
    with (
        stamina.set_testing(True, attempts=1),
        pytest.raises(TransientGitError, match="does not answer") as caught,
    ):
        open_or_renew(forge, Access(TOKEN), PROPOSAL)
    assert "HTTPS_PROXY" in caught.value.hint
    assert TOKEN not in repr(caught.value)


def test_a_netrc_does_not_take_the_tokens_place(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login other password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    open_or_renew(server.forge, Access(TOKEN), PROPOSAL)
    assert server.authorization == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize("token", ["", "two\nlines", "with blank", "ümlaut", "x" * 5000])
def test_a_token_that_no_header_can_hold_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(InvalidInputError, match="git-write-secret") as caught:
        Access(token)
    assert not token or token not in f"{caught.value.reason} {caught.value.hint}"
    assert TOKEN not in repr(Access(TOKEN))


@pytest.mark.parametrize(
    ("url", "kind", "api", "expected"),
    [
        ("https://github.com/o/r.git", None, "", ("github", "https://api.github.com", "o/r")),
        ("git@github.com:o/r.git", None, "", ("github", "https://api.github.com", "o/r")),
        ("https://github.example.com/o/r", None, "", ("github", "https://github.example.com/api/v3", "o/r")),
        ("https://gitlab.com/a/b/r.git", None, "", ("gitlab", "https://gitlab.com/api/v4", "a/b/r")),
        (
            "ssh://git@gitlab.example.com:2222/a/r.git",
            None,
            "",
            ("gitlab", "https://gitlab.example.com/api/v4", "a/r"),
        ),
        ("https://codeberg.org/o/r.git", None, "", ("gitea", "https://codeberg.org/api/v1", "o/r")),
        (
            "https://git.example.com:8443/o/r.git",
            Kind.GITEA,
            "",
            ("gitea", "https://git.example.com:8443/api/v1", "o/r"),
        ),
        (
            "https://example.com/gitea/o/r.git",
            Kind.GITEA,
            "https://example.com/gitea/api/v1/",
            ("gitea", "https://example.com/gitea/api/v1", "o/r"),
        ),
        (
            "git@example.com:gitea/r.git",
            Kind.GITEA,
            "https://example.com/gitea/api/v1",
            ("gitea", "https://example.com/gitea/api/v1", "gitea/r"),
        ),
        ("ssh://git@ssh.github.com:443/o/r.git", None, "", ("github", "https://api.github.com", "o/r")),
        ("https://www.github.com/o/r/", None, "", ("github", "https://api.github.com", "o/r")),
        ("https://acme.ghe.com/o/r.git", None, "", ("github", "https://api.acme.ghe.com", "o/r")),
        (
            "ssh://git@altssh.gitlab.com:443/a/b/r.git",
            None,
            "",
            ("gitlab", "https://gitlab.com/api/v4", "a/b/r"),
        ),
        ("ssh://git@[fd00::1]:22/o/r", Kind.GITEA, "", ("gitea", "https://[fd00::1]/api/v1", "o/r")),
        ("git@git.example.com:o/r.git", Kind.NONE, "", ("none", "", "o/r")),
    ],
)
def test_where_the_api_of_a_repository_is(
    url: str, kind: Kind | None, api: str, expected: tuple[str, str, str]
) -> None:
    found = Forge.of(url, kind, api)
    assert (found.kind, found.api, found.repository) == expected


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com/o/r.git",
        "https://github-mirror.gitlab.example.com/o/r.git",
        "/srv/values.git",
        "file:///srv/values.git",
    ],
)
def test_what_no_name_tells_is_asked_for(url: str) -> None:
    with pytest.raises(UsageError, match="publish-forge") as caught:
        Forge.of(url)
    assert "none" in caught.value.hint


@pytest.mark.parametrize(
    "api",
    [
        "git.example.com/api/v1",
        "https://robot:s3cret@git.example.com/api/v1",
        "file:///etc/s3cret",
        "https://",
        "https://[s3cret/api/v1",
        "https://git.example.com:99999/s3cret",
        "https://git.example.com/api/v1?token=s3cret",
        "https://git.example.com/\n/s3cret",
    ],
)
def test_an_address_that_is_none_is_refused_without_being_shown(api: str) -> None:
    with pytest.raises(InvalidInputError, match="api-url") as caught:
        Forge.of("https://git.example.com/o/r.git", Kind.GITEA, api)
    assert "s3cret" not in f"{caught.value.reason} {caught.value.hint}"
    assert caught.value.__cause__ is None
