"""Finds the open request of a branch, and renews it or opens one.

Each attempt begins by looking, so that a request whose answer was lost is found and not opened twice.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from steps.errors import GitError
from steps.forge.http import WRONG_PLACE, Client, Refusal
from steps.git_access import TransientGitError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import stamina

    from steps.forge.http import Access
    from steps.forge.kinds import Forge, Found

log = logging.getLogger("steps.forge")

ATTEMPTS: Final = 3
_PAGES: Final = 20
_THERE_ALREADY: Final = (409, 422)
"""How a forge refuses a second request for a branch: GitLab and Gitea, and GitHub."""
_DRAFT: Final = re.compile(r"\s*(?:[\[(](?:draft|wip)[\])]:?|(?:draft|wip):|draft -)\s*", re.IGNORECASE)
"""How GitLab and Gitea mark a draft: at the beginning of its title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Which branch is proposed to which, in which words; `commit` is the branch's head, and part of the body.

    `new`: the commit was pushed just now.
    """

    branch: str
    base: str
    title: str
    body: str
    commit: str
    new: bool


@dataclass(frozen=True, slots=True)
class Request:
    """A request by its address, and what was done: `opened`, `renewed`, `unchanged` or `closed`."""

    url: str
    done: str


def open_or_renew(forge: Forge, access: Access, proposal: Proposal) -> Request:
    """Open the request of a branch, or renew the one that is open and tells of another commit.

    A request that a person closed without merging is not opened again for the same commit. Raises GitError in
    words.
    """
    client = Client(forge, access)
    try:
        for attempt in _attempts(forge):
            with attempt:
                try:
                    return _once(client, forge, proposal)
                except Refusal as error:
                    raise GitError(
                        f"{forge.repository}: the forge does not take the request: HTTP {error.status}"
                        f" {error.said}".rstrip(),
                        f"check that requests are allowed there; what is needed is {forge.rights}",
                    ) from None
        raise AssertionError("the last attempt returns or raises")
    finally:
        client.close()


def _once(client: Client, forge: Forge, proposal: Proposal) -> Request:
    if found := _open_one(client, forge, proposal):
        return _renewed(client, forge, proposal, found)
    if not proposal.new:
        for closed in _listed(client, forge, proposal, closed=True):
            if proposal.commit in closed.body:
                return Request(closed.url, "closed")
    texts = forge.texts(proposal.title, proposal.body)
    fields = texts | forge.branches(proposal.branch, proposal.base)
    try:
        answer = client.ask("POST", forge.requests_path, body=fields)
    except Refusal as refusal:
        # Another run may have opened it since we looked.
        found = _open_one(client, forge, proposal) if refusal.status in _THERE_ALREADY else None
        if found is None:
            raise
        return _renewed(client, forge, proposal, found)
    made = _read(forge, answer, proposal)
    if made is None:
        raise GitError(
            f"{forge.api} has not opened what it was asked to", "look at the repository's requests"
        )
    return _unless_twice(client, forge, proposal, made)


def _unless_twice(client: Client, forge: Forge, proposal: Proposal, made: Found) -> Request:
    """Close the request that was just made where another run has opened an earlier one: Gitea takes both."""
    if forge.refuses_a_second:
        return Request(made.url, "opened")
    first = min(_listed(client, forge, proposal, closed=False), key=lambda one: one.number, default=made)
    if first.number >= made.number:
        return Request(made.url, "opened")
    client.ask(forge.renewal, f"{forge.requests_path}/{made.number}", body={"state": "closed"})
    return _renewed(client, forge, proposal, first)


def _open_one(client: Client, forge: Forge, proposal: Proposal) -> Found | None:
    return next(_listed(client, forge, proposal, closed=False), None)


def _renewed(client: Client, forge: Forge, proposal: Proposal, found: Found) -> Request:
    """Write the texts of an open request anew; a draft stays one."""
    if proposal.commit in found.body:
        return Request(found.url, "unchanged")
    mark = _DRAFT.match(found.title)
    texts = forge.texts(f"{mark[0] if mark else ''}{proposal.title}", proposal.body)
    client.ask(forge.renewal, f"{forge.requests_path}/{found.number}", body=texts)
    return Request(found.url, "renewed")


def _listed(client: Client, forge: Forge, proposal: Proposal, *, closed: bool) -> Iterator[Found]:
    """Give the requests of the branch, the newest first."""
    for page in range(1, _PAGES + 1):
        query = forge.question(proposal.branch, proposal.base, closed=closed, page=page)
        answer = client.ask("GET", forge.requests_path, query)
        if not isinstance(answer, list):
            raise _no_forge(forge)
        read = (_read(forge, one, proposal) for one in answer)
        yield from (found for found in read if found)
        if not answer:
            return


def _read(forge: Forge, answer: Any, proposal: Proposal) -> Found | None:
    try:
        return forge.read(answer, proposal.branch, proposal.base)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _no_forge(forge) from None


def _no_forge(forge: Forge) -> GitError:
    return GitError(f"what answers at {forge.api} is no {forge.kind}", WRONG_PLACE)


def _attempts(forge: Forge) -> Iterator[stamina.Attempt]:
    from stamina import retry_context

    # stamina says of each retry only that there is one.
    logging.getLogger("stamina").setLevel(logging.ERROR)
    for attempt in retry_context(on=TransientGitError, attempts=ATTEMPTS, wait_initial=1.0, timeout=180):
        if attempt.num > 1:
            log.warning("no answer from %s; attempt %d of %d", forge.api, attempt.num, ATTEMPTS)
        yield attempt
