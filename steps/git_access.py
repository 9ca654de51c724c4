"""Where a Git revision is, how to get in, and what a Git server's refusals mean in words.

Credentials come as the files of a mounted Secret: `username` and `password` (kubernetes.io/basic-auth) or
`ssh-privatekey` and `known_hosts` (kubernetes.io/ssh-auth). Git reads a password from these files when the
URL's own scheme, host and port ask for it, and never follows a redirect by itself: whoever answers for that
host could otherwise send the password, or the whole fetch, to another one.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit, urlunsplit

from steps.errors import GitError, InvalidInputError, UsageError
from steps.git_command import MEMORY, RECEIVED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

PROTOCOLS = ("https", "http", "ssh", "git", "file")
"""The transports git may use; `ext::` and remote helpers run commands and are never among them."""


_HELPER = """!f() {
  test "$1" = get || exit 0
  printf 'username=%s\\n' "$(cat "$OC_MIRROR_GIT_SECRET/username" 2>/dev/null || echo git)"
  printf 'password=%s\\n' "$(cat "$OC_MIRROR_GIT_SECRET/password")"
}; f"""
"""A credential helper (gitcredentials) that prints the files of the Secret; `$(…)` drops their line ends."""


class TransientGitError(GitError):
    """A failure of the network: the same call may succeed a moment later."""


class RedirectError(Exception):
    """The server says that the repository is at `location`."""

    def __init__(self, location: str) -> None:
        """Remember the location as the server names it; empty where it names none."""
        super().__init__(location)
        self.location = location


class NoSuchRevisionError(GitError):
    """The server answers, and has no such branch, tag or commit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterNames:
    """What the caller's parameters are called, so that a message names the one to correct."""

    url: str
    revision: str
    credentials: str
    ca_bundle: str = "trusted-ca-configmap"


@dataclass(frozen=True, slots=True)
class Credentials:
    """The folder of a mounted Secret and a CA bundle; either may be absent or empty."""

    secret: Path | None = None
    ca_bundle: Path | None = None

    @contextmanager
    def environment(self, url: str, scratch: Path) -> Iterator[dict[str, str]]:
        """Give the variables that git needs for `url`; private key copies in `scratch` vanish afterwards."""
        variables = {
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": ":".join(PROTOCOLS),
            "GIT_LFS_SKIP_SMUDGE": "1",
            "LC_ALL": "C",  # refusals are recognised by their English words
        }
        if self.ca_bundle and self.ca_bundle.is_file() and self.ca_bundle.stat().st_size:
            variables["GIT_SSL_CAINFO"] = str(self.ca_bundle)
        key = scratch / "ssh-key"
        try:
            variables |= self._http(url) if url.lower().startswith("http") else self._ssh(key)
            yield variables
        finally:
            key.unlink(missing_ok=True)

    def masked(self, text: str) -> str:
        """Return what a server said without the password, which it was shown and may repeat."""
        password = (self._read("password") or b"").decode(errors="replace").strip()
        return text.replace(password, "…") if password else text

    def _read(self, name: str) -> bytes | None:
        path = self.secret / name if self.secret else None
        return path.read_bytes() if path and path.is_file() else None

    def _http(self, url: str) -> dict[str, str]:
        """Follow no redirect, and let git ask for the password when the URL's own host wants it."""
        config = {"http.followRedirects": "false", "credential.helper": ""}
        if self.secret and (self.secret / "password").is_file():
            server = urlsplit(url)
            config[f"credential.{server.scheme}://{server.netloc}.helper"] = _HELPER
        variables = {"OC_MIRROR_GIT_SECRET": str(self.secret)}
        for number, (key, value) in enumerate(config.items()):
            variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        return variables | {"GIT_CONFIG_COUNT": str(len(config))}

    def _ssh(self, key: Path) -> dict[str, str]:
        private_key, known_hosts = self._read("ssh-privatekey"), self._read("known_hosts")
        if private_key is None:
            return {}
        if known_hosts is None:
            raise InvalidInputError(
                "the Git secret has an ssh-privatekey but no known_hosts, so the server cannot be verified",
                "add the key known_hosts with the output of: ssh-keyscan HOST",
            )
        # ssh refuses a key that others can read, and a mounted Secret is group-readable.
        descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(private_key.rstrip() + b"\n")
        hosts = shlex.quote(str(self.secret / "known_hosts")) if self.secret else ""
        options = f"-o IdentitiesOnly=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile={hosts}"
        return {"GIT_SSH_COMMAND": f"ssh -i {shlex.quote(str(key))} {options} -o BatchMode=yes"}


@dataclass(frozen=True, slots=True)
class Origin:
    """A revision of a repository, and how to get in; making one raises UsageError if it cannot be fetched.

    A folder that is named from here gets its whole path: git is started in another one.
    `or_default_branch`: nobody chose the revision, so the repository's own default branch serves as well.
    """

    url: str
    revision: str
    credentials: Credentials
    parameters: ParameterNames
    or_default_branch: bool = False

    def __post_init__(self) -> None:
        """Refuse a URL or revision that could run something or that holds a password."""
        _check_url(self.url, self.parameters)
        _check_revision(self.revision, self.parameters)
        if self.url.startswith("."):
            object.__setattr__(self, "url", str(Path(self.url).absolute()))

    @property
    def local(self) -> bool:
        """Whether the repository is a folder of this machine."""
        return self.url.startswith(("/", ".")) or self.url.lower().startswith("file:")

    @property
    def advice(self) -> str:
        """What to do about a repository that is too large."""
        return _ADVICE.format(self.parameters)

    def moved(self, location: str) -> Origin:
        """Return where a redirect of git's first request leads: the same repository at another path.

        Raises GitError where it leads to another host, to plain HTTP, or to no repository.
        """
        here, there = urlsplit(self.url), urlsplit(urljoin(f"{self.url}/", location))
        path, found, _rest = there.path.rpartition("/info/refs")
        if not found:
            raise GitError(
                f"the Git server leads from {self.url} to a page that is no repository",
                f"check {self.parameters.url}; a private one also looks like this without credentials "
                f"({self.parameters.credentials})",
            )
        upgraded = (here.scheme, there.scheme) == ("http", "https") and here.netloc == there.netloc
        if (here.scheme, here.netloc) != (there.scheme, there.netloc) and not upgraded:
            raise GitError(
                f"the Git server leads from {self.url} to another one: {there.scheme}://{there.netloc}",
                f"if that is right, give its URL as {self.parameters.url}",
            )
        return replace(self, url=urlunsplit((there.scheme, there.netloc, path, "", "")))


def _check_url(text: str, parameters: ParameterNames) -> None:
    """Credentials inside a URL would show in parameters, results and logs, so they are refused as well."""
    scheme = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*)://([^/?#]*)", text)
    scp_like = re.fullmatch(r"[\w.-]+@[\w.-]+:[^:].*", text)
    local = text.startswith(("/", "./", "../")) or text == "."
    if scheme and _carries_credentials(scheme[1].lower(), scheme[2], text[scheme.end() :]):
        raise UsageError(
            f"{parameters.url} carries credentials: a user, a password, or a part behind '?' or '#'",
            f"write scheme, host and path alone; credentials belong into the Secret that "
            f"{parameters.credentials} names (type basic-auth)",
        )
    if re.fullmatch(r"[\w.-]+(/[\w./-]*)?", text) and not local:
        raise UsageError(
            f"{parameters.url}: there is no folder '{text}' here, and a URL has a scheme",
            "name a folder that is there, or write https://HOST/PATH",
        )
    if re.search(r"[\s\x00-\x1f]", text) or not (
        (scheme and scheme[1].lower() in PROTOCOLS) or scp_like or local
    ):
        raise UsageError(
            f"{parameters.url}: '{_without_credentials(text)}' is not a URL that can be fetched safely",
            "use https://, http://, ssh://, git@HOST:PATH, or a path that begins with '/' or './'",
        )


def _carries_credentials(scheme: str, server: str, rest: str) -> bool:
    """Tell whether a URL has more than a server and a path; over ssh a user's name alone is none."""
    if scheme == "file":
        return "@" in server
    user = server.rpartition("@")[0] if "@" in server else None
    named = user is not None and not (scheme == "ssh" and re.fullmatch(r"[\w.-]+", user))
    return named or "%" in server or re.search(r"[?#]|%3f|%23", rest, re.IGNORECASE) is not None


def _without_credentials(text: str) -> str:
    """Return a text that is no URL of ours without what may be a password, for a message."""
    return re.sub(r"\S+@", "…@", text.partition("?")[0])


def _check_revision(text: str, parameters: ParameterNames) -> None:
    """Accept what can be a branch, tag or commit (git-check-ref-format)."""
    if (
        not text
        or text.startswith("-")
        or re.search(r"[\s~^:?*\[\\\x00-\x1f\x7f]|\.\.|@\{|//|/$|\.lock$", text)
    ):
        raise UsageError(
            f"{parameters.revision}: '{text}' is not a branch, tag or commit",
            "name a branch, a tag, or a commit by its full hash",
        )


_ADVICE = "give the values a repository of their own, and name it as {0.url}"

# What git says → what it means, what to do, whether the same call may succeed later. The first match counts.
_REFUSALS: tuple[tuple[str, str, str, bool], ...] = (
    (
        "File too large",  # the limit of steps.git_command
        f"the Git server sends more than {RECEIVED:,} bytes, which is the most that is taken",
        _ADVICE,
        False,
    ),
    (
        "mismatched algorithms",
        "the repository names its objects by SHA-256, which is not supported",
        "use a repository with Git's default, SHA-1, and name it as {0.url}",
        False,
    ),
    (
        r"[Oo]ut of memory|died of signal (9|11)\b",
        f"git needs more than the {MEMORY:,} bytes of memory that it may have",
        _ADVICE,
        False,
    ),
    (
        r"Authentication failed|could not read Username|Permission denied|HTTP.*\b40[13]\b|error: 40[13]|"
        r"HTTP Basic",
        "the Git server refuses access",
        "check the Secret that {0.credentials} names: username, password, or ssh-privatekey, known_hosts",
        False,
    ),
    (
        r"[Hh]ost key verification failed",
        "the Git server's host key is not the one in known_hosts",
        "compare with the output of ssh-keyscan HOST and update known_hosts in the Secret of {0.credentials}",
        False,
    ),
    (
        r"SSL certificate|certificate verif|self.signed certificate|unable to get local issuer",
        "the Git server's certificate is not trusted",
        "put its CA into the ConfigMap that {0.ca_bundle} names (key ca-bundle.crt)",
        False,
    ),
    (
        r"[Rr]epository .*not found|does not appear to be a git repository|error: 404|not a git repository",
        "there is no Git repository",
        "check {0.url}; a private one also looks like this without credentials ({0.credentials})",
        False,
    ),
    (
        r"Could not resolve host|Temporary failure in name resolution",
        "the Git server's name cannot be resolved",
        "check the host in {0.url}, the cluster's DNS, and HTTPS_PROXY if the way out is a proxy",
        True,
    ),
)

_UNANSWERED = (
    r"Failed to connect|Connection (refused|timed out|reset)|timed out|Network is unreachable|"
    r"Couldn't connect|early EOF|unexpected disconnect|RPC failed|error: 5\d\d|hung up"
)
_NO_ANSWERS = (
    (r"refused|Couldn't connect", "connection refused"),
    (r"timed out", "no answer in time"),
    (r"unreachable", "network unreachable"),
    (r"error: 5\d\d", "the server has a fault of its own"),
    (r"reset|early EOF|disconnect|RPC failed|hung up", "the connection ended early"),
)
"""How a server did not answer: what git says, and our words."""

_NO_SUCH_REVISION = r"find remote ref|not our ref|unadvertised object|Needed a single revision|bad object"


def explain(stderr: str, origin: Origin, known_revisions: Callable[[], Iterable[str]]) -> GitError:
    """Turn what git printed into an error that says what, where, and what to do.

    `known_revisions` is called for the branches and tags of the server only if the revision is wrong.
    """
    stderr = origin.credentials.masked(stderr)
    if re.search(_NO_SUCH_REVISION, stderr):
        return no_such_revision(origin, known_revisions())
    for pattern, what, hint, transient in _REFUSALS:
        if re.search(pattern, stderr):
            kind = TransientGitError if transient else GitError
            return kind(f"{what}: {origin.url} ({_last_line(stderr)})", hint.format(origin.parameters))
    if re.search(_UNANSWERED, stderr):
        return _no_answer(stderr, origin)
    return GitError(
        f"git failed on {origin.url}: {_last_line(stderr)}", "see the Git server's own log for more"
    )


def _no_answer(stderr: str, origin: Origin) -> TransientGitError:
    """Make the error for a server that cannot be reached, in our words: git's name the library beneath."""
    how = next((words for pattern, words in _NO_ANSWERS if re.search(pattern, stderr, re.IGNORECASE)), "")
    by_ssh = origin.url.startswith("ssh:") or "://" not in origin.url
    way = (
        "that the cluster lets SSH out (no proxy is used for it)"
        if by_ssh
        else "HTTPS_PROXY and NO_PROXY if the way out is a proxy"
    )
    return TransientGitError(
        f"the Git server does not answer: {origin.url}" + (f" ({how})" if how else ""),
        f"check host and port in {origin.parameters.url}, and {way}",
    )


def took_too_long(origin: Origin, seconds: float) -> GitError:
    """Make the error for a call of git that was ended."""
    return GitError(
        f"the Git server does not finish within {seconds:g} s: {origin.url}",
        f"check with 'git ls-remote' how fast it answers; a fleet's values are a few MB and take seconds "
        f"({origin.advice})",
    )


def no_such_revision(origin: Origin, known_revisions: Iterable[str]) -> NoSuchRevisionError:
    """Make the error for a revision that the server lacks; the hint lists the nearest, or the first eight."""
    known = sorted(known_revisions)
    near = difflib.get_close_matches(origin.revision, known, n=5, cutoff=0.5) or known[:8]
    choice = f"there are: {', '.join(near)}" if near else "a commit needs its full hash"
    return NoSuchRevisionError(
        f"{origin.url} has no branch, tag or commit '{origin.revision}'",
        f"check {origin.parameters.revision}; {choice}",
    )


def _last_line(stderr: str) -> str:
    """Return the last line of git's output that names a fault, or else its last line."""
    lines = [line.strip().strip("'") for line in stderr.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal:", "error:", "remote:"))]
    return (telling or lines or ["no message"])[-1]
