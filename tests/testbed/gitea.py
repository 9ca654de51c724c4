"""The real Gitea, for one test: its API and its repositories over HTTP, with a database in a file.

It runs as root, as the tests do, which it has to be told. Its pages would need npm; nobody looks at them.
"""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.testbed import ports
from tests.testbed.waiting import wait_until

OWNER, PASSWORD = "fleet", "only-for-this-test-1"

_CONFIGURATION = """\
RUN_USER = {user}
RUN_MODE = prod
WORK_PATH = {folder}
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
[server]
HTTP_ADDR = {address}
HTTP_PORT = {port}
ROOT_URL = http://{address}:{port}/
STATIC_ROOT_PATH = {static}
DISABLE_SSH = true
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
PATH = {folder}/gitea.db
[repository]
ROOT = {folder}/repositories
[security]
INSTALL_LOCK = true
SECRET_KEY = for-this-test
[service]
REQUIRE_SIGNIN_VIEW = true
[log]
MODE = console
LEVEL = Warn
[actions]
ENABLED = false
[webhook]
ALLOWED_HOST_LIST = private
[indexer]
ISSUE_INDEXER_TYPE = db
"""


@dataclass(frozen=True)
class Gitea:
    """A running Gitea with the user `OWNER`."""

    url: str
    program: Path
    configuration: Path

    def api(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Ask the API as the owner."""
        answer = self._ask(method, path, body)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None

    def repository(self, name: str, files: dict[str, str]) -> str:
        """Make a private repository with a branch main; return its URL."""
        made = {"name": name, "private": True, "auto_init": True, "default_branch": "main"}
        self.api("POST", "user/repos", made)
        for path, content in files.items():
            text = base64.b64encode(content.encode()).decode()
            self.api("POST", f"repos/{OWNER}/{name}/contents/{path}", {"content": text, "branch": "main"})
        return f"{self.url}/{OWNER}/{name}.git"

    def change(self, name: str, path: str, content: str) -> str:
        """Commit a file to main as the web page does; return the commit, which the webhook gets."""
        where = f"repos/{OWNER}/{name}/contents/{path}"
        text = base64.b64encode(content.encode()).decode()
        old = self.api("GET", f"{where}?ref=main")["sha"]
        made = self.api("PUT", where, {"content": text, "sha": old, "branch": "main"})
        return str(made["commit"]["sha"])

    def head(self, name: str, branch: str) -> str:
        """Return the newest commit of a branch."""
        return str(self.api("GET", f"repos/{OWNER}/{name}/branches/{branch}")["commit"]["id"])

    def webhook(self, name: str, url: str, key: str) -> None:
        """Have it post each push, signed with `key`."""
        config = {"url": url, "content_type": "json", "secret": key}
        hook = {"type": "gitea", "config": config, "events": ["push"], "active": True}
        self.api("POST", f"repos/{OWNER}/{name}/hooks", hook)

    def file(self, name: str, path: str, branch: str) -> str:
        """Return a file of a branch of the owner's repository."""
        where = f"{self.url}/api/v1/repos/{OWNER}/{name}/raw/{path}"
        answer = requests.get(where, params={"ref": branch}, auth=(OWNER, PASSWORD), timeout=30)
        assert answer.ok, answer.text
        return answer.text

    def merge(self, name: str, number: int, way: str) -> None:
        """Merge a request of the owner's repository; `way` is "merge" or "squash".

        Gitea looks for conflicts in the background, after each push to either branch. Until then it answers
        405.
        """
        path, body = f"repos/{OWNER}/{name}/pulls/{number}/merge", {"Do": way}

        def answer() -> requests.Response | None:
            found = self._ask("POST", path, body)
            return None if found.status_code == requests.codes.method_not_allowed else found

        found = wait_until(f"the merge of request {number} of {name}", answer, timeout=60)
        assert found, f"{path}: {found}"

    def token(self, name: str, scopes: str, user: str = OWNER) -> str:
        """Make a token of a user."""
        return self.run(
            "admin", "user", "generate-access-token", "--username", user,
            "--token-name", name, "--scopes", scopes, "--raw",
        )  # fmt: skip

    def user(self, name: str, *more: str) -> None:
        """Make a user."""
        self.run(
            "admin", "user", "create", "--username", name, "--password", PASSWORD,
            "--email", f"{name}@example.com", "--must-change-password=false", *more,
        )  # fmt: skip

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> requests.Response:
        return requests.request(
            method, f"{self.url}/api/v1/{path}", json=body, auth=(OWNER, PASSWORD), timeout=30
        )

    def run(self, *arguments: str) -> str:
        """Run a command of the program; return the last line that it prints."""
        command = [str(self.program), *arguments, "--config", str(self.configuration)]
        done = subprocess.run(
            command,
            env=_environment(self.configuration),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return (done.stdout.strip().splitlines() or [""])[-1]


def proposed(request: dict[str, Any]) -> tuple[Any, ...]:
    """Return what people wrote of a request; Gitea renews the rest, as `mergeable`, in the background."""
    return request["number"], request["title"], request["body"], request["head"]["sha"]


@contextmanager
def serving(programs: Path, folder: Path, address: str = "127.0.0.1") -> Iterator[Gitea]:
    """Run it in `folder` on a port of its own, with the programs of the testbed; it ends with the body."""
    with ports.reserved(address) as port:
        yield from _serving(programs, folder, address, port)


def _serving(programs: Path, folder: Path, address: str, port: int) -> Iterator[Gitea]:
    configuration = folder / "custom" / "conf" / "app.ini"
    configuration.parent.mkdir(parents=True)
    configuration.write_text(
        _CONFIGURATION.format(user="root", folder=folder, address=address, port=port, static=programs)
    )
    found = Gitea(f"http://{address}:{port}", programs / "gitea", configuration)
    found.run("migrate")
    found.user(OWNER)
    log = (folder / "gitea.log").open("wb")
    command = [str(found.program), "web", "--config", str(configuration)]
    process = subprocess.Popen(command, env=_environment(configuration), stdout=log, stderr=log)
    try:
        wait_until("Gitea", lambda: requests.get(f"{found.url}/api/healthz", timeout=5).ok)
        yield found
    finally:
        process.terminate()
        process.wait(timeout=60)
        log.close()


def _environment(configuration: Path) -> dict[str, str]:
    folder = str(configuration.parents[2])
    return {"PATH": os.environ["PATH"], "HOME": folder, "GITEA_WORK_DIR": folder}
