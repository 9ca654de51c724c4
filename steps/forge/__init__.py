"""The seam to forges: opens or renews the request that proposes a branch to another.

kinds      GitHub, GitLab, Gitea and Forgejo: what is asked, and what the answers are
http       how it is asked: within limits of time and bytes, and nobody else is shown the token
request    finds the open request of a branch, and renews it or opens one
"""

from __future__ import annotations

from steps.forge.http import Access
from steps.forge.kinds import Forge, Kind
from steps.forge.request import Proposal, Request, open_or_renew

__all__ = ["Access", "Forge", "Kind", "Proposal", "Request", "open_or_renew"]
