"""What forges are asked and what they answer, by their documented APIs.

GitHub          docs.github.com/en/rest/pulls/pulls, 2022-11-28
GitLab          docs.gitlab.com/api/merge_requests, v4
Gitea, Forgejo  code.gitea.io/gitea v1.26.0, routers/api/v1/repo/pull.go
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from steps.errors import InvalidInputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(StrEnum):
    """Kinds of forges; `NONE` has no requests, so that only the branch is pushed."""

    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"
    NONE = "none"


KINDS_BY_HOST: Final = {"codeberg.org": Kind.GITEA}
_WEB_HOSTS: Final = {
    "ssh.github.com": "github.com",
    "www.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
}
"""Hosts for Git alone, such as for SSH at port 443, and where the API is looked for instead."""
_GITHUB_TENANTS: Final = ".ghe.com"
_HINT: Final = (
    "give publish-forge: github, gitlab, gitea (also for Forgejo), or none to push the branch alone"
)
PAGE: Final = 50
"""Requests in an answer; Gitea gives no more, and has no filter by the branch that is proposed."""


@dataclass(frozen=True, slots=True)
class Forge:
    """A repository at a forge: the address of its API, without a slash at the end, and its path."""

    kind: Kind
    api: str
    repository: str

    @classmethod
    def of(cls, url: str, kind: Kind | None = None, api: str = "") -> Forge:
        """Return where the API of a repository's URL is; without `kind` the host's name tells it.

        `api` is its address where that is another one. Raises UsageError where neither says it, and
        InvalidInputError for an `api` that is no address.
        """
        server, path = _parts(url)
        if kind is Kind.NONE:
            return cls(kind, "", path)
        host = (urlsplit(server).hostname or "").lower()
        kind = kind or _kind_of(host)
        if kind is None or not path:
            raise UsageError(f"publish-forge: it is not known which forge {url} is", _HINT)
        if api:
            prefix = f"{_path_of_api(api).rpartition('/api')[0].strip('/')}/"
            by_web = url.lower().startswith("http")  # over SSH no path has the prefix of the web server
            return cls(kind, api.rstrip("/"), path.removeprefix(prefix) if by_web else path)
        if host == "github.com" or host.endswith(_GITHUB_TENANTS):
            return cls(kind, f"https://api.{host}", path)
        return cls(kind, f"{server}{_API[kind]}", path)

    @property
    def requests_path(self) -> str:
        """The path of the repository's requests, below the API's address."""
        if self.kind is Kind.GITLAB:
            return f"projects/{quote(self.repository, safe='')}/merge_requests"
        return f"repos/{quote(self.repository)}/pulls"

    @property
    def headers(self) -> dict[str, str]:
        """What it wants besides the token."""
        if self.kind is Kind.GITHUB:
            return {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        return {"Accept": "application/json"}

    def question(self, branch: str, base: str, *, closed: bool, page: int) -> dict[str, str]:
        """Return the query for the requests of a branch, the newest first."""
        shown = {"page": str(page)}
        match self.kind:
            case Kind.GITHUB:
                owner = self.repository.partition("/")[0]
                state = "closed" if closed else "open"
                return shown | {
                    "head": f"{owner}:{branch}",
                    "base": base,
                    "state": state,
                    "per_page": str(PAGE),
                }
            case Kind.GITLAB:
                state = "closed" if closed else "opened"
                named = {"source_branch": branch, "target_branch": base}
                return shown | named | {"state": state, "per_page": str(PAGE)}
            case _:
                state = "closed" if closed else "open"
                sort = {"sort": "recentupdate"}
                return shown | sort | {"base_branch": base, "state": state, "limit": str(PAGE)}

    def read(self, found: Mapping[str, Any], branch: str, base: str) -> Found | None:
        """Read a request of an answer; None where it does not propose this repository's `branch` to `base`.

        Nor is one that was merged. Not every version of a forge filters as it is asked to. Raises KeyError or
        TypeError for what is no request.
        """
        if self.kind is Kind.GITLAB:
            same = (
                found["source_branch"] == branch and found["source_project_id"] == found["target_project_id"]
            )
            same = same and found["target_branch"] == base
            number, text, url = found["iid"], found.get("description"), found["web_url"]
            merged = found["state"] == "merged"
        else:
            head = found["head"]
            of_this = (head.get("repo") or {}).get("full_name", "").lower() == self.repository.lower()
            same = head["ref"] == branch and of_this and found["base"]["ref"] == base
            number, text, url = found["number"], found.get("body"), found["html_url"]
            merged = bool(found.get("merged_at"))
        if not same or merged:
            return None
        return Found(int(number), str(found["title"]), str(text or ""), str(url))

    def texts(self, title: str, body: str) -> dict[str, str]:
        """Return the fields of a request's texts."""
        return {"title": title, "description" if self.kind is Kind.GITLAB else "body": body}

    def branches(self, branch: str, base: str) -> dict[str, str]:
        """Return the fields that say which branch is proposed to which."""
        if self.kind is Kind.GITLAB:
            return {"source_branch": branch, "target_branch": base}
        return {"head": branch, "base": base}

    @property
    def renewal(self) -> str:
        """The method that changes a request."""
        return "PUT" if self.kind is Kind.GITLAB else "PATCH"

    @property
    def refuses_a_second(self) -> bool:
        """Whether it never has two open requests of a branch; Gitea looks for the first without a lock."""
        return self.kind is not Kind.GITEA

    @property
    def rights(self) -> str:
        """What the token must be allowed to do."""
        return _RIGHTS[self.kind]


@dataclass(frozen=True, slots=True)
class Found:
    """A request that a forge has."""

    number: int
    title: str
    body: str
    url: str


def _parts(url: str) -> tuple[str, str]:
    """Return the web address of a repository's server and its path there; empty for a folder."""
    if scp := re.fullmatch(r"[\w.-]+@([\w.-]+):/*([^:].*)", url):
        return _web(scp[1].lower()), _path(scp[2])
    split = urlsplit(url)
    host = split.hostname or ""
    if split.scheme in {"http", "https"}:
        return _web(host) if host in _WEB_HOSTS else f"{split.scheme}://{split.netloc}", _path(split.path)
    if split.scheme == "ssh" and host:
        return _web(f"[{host}]" if ":" in host else host), _path(split.path)
    return "", ""


def _web(host: str) -> str:
    return f"https://{_WEB_HOSTS.get(host, host)}"


def _path_of_api(api: str) -> str:
    """Return the path of an API's address; the address itself may be a secret's and is not shown."""
    try:
        split = urlsplit(api)
        usable = split.scheme in {"http", "https"} and split.hostname and (split.port or 443)
    except ValueError:
        usable = None
    if not usable or re.search(r"[\s@?#\x00-\x1f\x7f]", api):
        raise InvalidInputError(
            "the key api-url of the Secret that git-write-secret names is no address of an API",
            "write https://HOST/PATH, without user, password, '?' and '#'",
        )
    return split.path


def _path(text: str) -> str:
    return text.strip("/").removesuffix(".git")


def _kind_of(host: str) -> Kind | None:
    known = KINDS_BY_HOST.get(host)
    if host.endswith(_GITHUB_TENANTS):
        return Kind.GITHUB
    names = {"github": Kind.GITHUB, "gitlab": Kind.GITLAB, "gitea": Kind.GITEA, "forgejo": Kind.GITEA}
    named = {kind for name, kind in names.items() if name in host}
    return known or (named.pop() if len(named) == 1 else None)


_API: Final = {
    Kind.GITHUB: "/api/v3",
    Kind.GITLAB: "/api/v4",
    Kind.GITEA: "/api/v1",
}
_RIGHTS: Final = {
    Kind.GITHUB: "a fine-grained token for this repository with Contents and Pull requests: read and write",
    Kind.GITLAB: "a project access token with the role Developer and the scope api",
    Kind.GITEA: "a token with the scope write:repository, of an account that may write to the repository",
    Kind.NONE: "",
}
