"""Webhooks as the three kinds of Git servers send them: payloads, headers, signatures; and a hook for that.

As a program (`python -m tests.testbed.webhooks URL KEY`) it is a repository's post-receive hook.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import requests

from tests.testbed.layout import REPOSITORY
from tests.testbed.repositories import Repository

Payload = dict[str, Any]


def payload(
    after: str, files: list[str], *, ref: str = "refs/heads/main", before: str = "0" * 39 + "1"
) -> Payload:
    """What all three have in common."""
    commit = {"id": after, "message": "a change", "added": [], "modified": files, "removed": []}
    return {"ref": ref, "before": before, "after": after, "commits": [commit]}


def github(url: str, content: Payload, key: str) -> requests.Response:
    """Post as GitHub does: HMAC-SHA256 of the body."""
    body = json.dumps({**content, "deleted": False, "repository": {"full_name": "me/values"}}).encode()
    headers = {"X-GitHub-Event": "push", "X-Hub-Signature-256": f"sha256={_hmac(body, key)}"}
    return _post(url, body, headers)


def gitlab(url: str, content: Payload, key: str) -> requests.Response:
    """Post as GitLab does: the key itself in a header, at most 20 commits."""
    more = {"object_kind": "push", "checkout_sha": content["after"], "total_commits_count": 1}
    return _post(
        url, json.dumps({**content, **more}).encode(), {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": key}
    )


def gitea(url: str, content: Payload, key: str) -> requests.Response:
    """Post as Gitea and Forgejo do: signed like GitHub, lists of files that can be null."""
    content = {**content, "total_commits": 1, "commits": [{**c, "added": None} for c in content["commits"]]}
    body = json.dumps(content).encode()
    headers = {
        "X-Gitea-Event": "push",
        "X-Gitea-Signature": _hmac(body, key),
        "X-GitHub-Event": "push",
        "X-Hub-Signature-256": f"sha256={_hmac(body, key)}",
    }
    return _post(url, body, headers)


SERVERS: dict[str, Callable[[str, Payload, str], requests.Response]] = {
    "github": github,
    "gitlab": gitlab,
    "gitea": gitea,
}


def install(repository: Repository, url: str, key: str) -> None:
    """Have the repository post each push to `url`, as a webhook would; what it is told goes to the pusher."""
    hook = repository.bare / "hooks" / "post-receive"
    hook.write_text(
        f"#!/bin/sh\nexport PYTHONPATH='{REPOSITORY}'\n"
        f"exec '{sys.executable}' -m tests.testbed.webhooks '{url}' '{key}'\n"
    )
    hook.chmod(0o755)


def uninstall(repository: Repository) -> None:
    """Post no more."""
    (repository.bare / "hooks" / "post-receive").unlink(missing_ok=True)


def main(url: str, key: str) -> None:
    """Be the hook: post what standard input says was pushed."""
    for line in sys.stdin:
        before, after, ref = line.split()
        diff = subprocess.run(
            ["git", "diff", "--name-only", before, after], capture_output=True, text=True, check=True
        )
        github(url, payload(after, diff.stdout.split(), ref=ref, before=before), key).raise_for_status()


def _hmac(body: bytes, key: str) -> str:
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def _post(url: str, body: bytes, headers: dict[str, str]) -> requests.Response:
    headers = {"Content-Type": "application/json", **headers}
    answer = requests.post(url, data=body, headers=headers, timeout=30)
    answer.raise_for_status()
    return answer


if __name__ == "__main__":
    main(*sys.argv[1:])
