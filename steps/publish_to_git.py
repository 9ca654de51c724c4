"""Propose what is mirrored to the Git repository that the clusters follow.

Writes AutoShift's block `config.disconnected` into the values, and what a cluster applies into
cluster-resources/TARGET/, on a branch of its own, and opens or renews a pull or merge request. Where the
repository says all that already, nothing is done. With --data it reads a data directory of mirror.

Exit codes: 3 a values file, the Secret or what is published cannot be used, 4 nothing is published or no
file has the cluster, 5 somebody else has pushed to the branch, or the Secret is for another repository, 7 the
Git server or the forge refused or did not answer, 8 a resource leads clusters elsewhere, 9 the API server
refused, 10 a right is missing, 11 the Job has failed or still runs.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from steps import cli, git_branch, units
from steps.errors import ConflictError, InvalidInputError, UsageError
from steps.forge import Access, Forge, Kind, Proposal, open_or_renew
from steps.git_access import Credentials, Origin, ParameterNames
from steps.git_branch import Branch
from steps.inputs.values_source import read_values
from steps.mirroring.store.published import readable_name
from steps.parameters import arguments
from steps.parameters.places import PUBLISH
from steps.parameters.table import content, publishing
from steps.parameters.table.access import CA_BUNDLE
from steps.parameters.table.target import TARGET_REGISTRY
from steps.publishing import change, describe, sources
from steps.publishing.block import CaReference

if TYPE_CHECKING:
    from pathlib import Path

    from steps.git_branch import Change, Proposed
    from steps.parameters.parameter import Values
    from steps.publishing.sources import Published
    from steps.tree import Tree

log = logging.getLogger("steps.publish_to_git")

RESULTS = ("commit", "request-url")
LARGEST_SECRET: Final = 64 << 10
"""Bytes of a file of the Secret that are read."""
SHOWN: Final = 6
"""Paths of a change that the log names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Parsed arguments; `secret` is the folder of the mounted Secret, `job` the Job to wait for, if any."""

    enabled: bool
    target: str
    data: Path | None
    namespace: str
    job: str
    timeout: int
    origin: Origin
    file_path: str
    places: tuple[str, ...]
    ca: CaReference | None
    branch: str
    author: str
    forge: Kind | None
    secret: Path | None
    results: dict[str, Path | None]


def parse(argv: list[str]) -> Inputs:
    """Parse and check the arguments. Raises `UsageError` with all that is wrong."""
    given = arguments.parse(PUBLISH, argv, __doc__, results=RESULTS)
    kind, forge = given[publishing.WORKLOAD_KIND], given[publishing.PUBLISH_FORGE]
    ca = given[publishing.PUBLISH_CA_REF]
    return Inputs(
        enabled=given[publishing.ENABLED],
        target=given[TARGET_REGISTRY] or "",
        data=given[publishing.PUBLISHED_DATA],
        namespace=given[content.NAMESPACE],
        job=given[publishing.WORKLOAD_NAME] if kind == "Job" else "",
        timeout=given[publishing.PUBLISH_TIMEOUT],
        origin=_origin(given),
        file_path=given[content.VALUES_FILE_PATH],
        places=given[publishing.PUBLISH_FOR],
        ca=CaReference(*ca) if ca else None,
        branch=given[publishing.PUBLISH_BRANCH] or "",
        author=given[publishing.PUBLISH_AUTHOR],
        forge=None if forge == "auto" else Kind(forge),
        secret=given[publishing.GIT_WRITE_SECRET_PATH],
        results=given.results,
    )


def _origin(given: Values) -> Origin:
    base = given[publishing.PUBLISH_BASE]
    revision = base or given[content.VALUES_GIT_REVISION]
    names = ParameterNames(
        url="values-git-url",
        revision="publish-base" if base else "values-git-revision",
        credentials="git-write-secret",
    )
    credentials = Credentials(given[publishing.GIT_WRITE_SECRET_PATH], given[CA_BUNDLE])
    unchosen = revision == content.VALUES_GIT_REVISION.default and not base
    return Origin(given[content.VALUES_GIT_URL], revision, credentials, names, or_default_branch=unchosen)


def run(given: Inputs) -> dict[str, str]:
    """Publish, and return the branch's head and the request; both empty where nothing is to be done.

    Raises the kinds of StepError that the exit codes tell.
    """
    nothing = dict.fromkeys(RESULTS, "")
    if not given.enabled:
        log.info("Nothing is published: enabled is false.")
        return nothing
    if not given.target and not given.data:
        raise UsageError("target-registry: name the registry that is mirrored to", arguments.HINT)
    _check_belongs(given)
    forge = Forge.of(given.origin.url, given.forge, _secret_file(given, "api-url"))
    access = _access(given, forge)
    published = _published(given)
    proposed, written = _push(given, published)
    if not proposed.commit:
        log.info("%s of %s has all of it already: nothing to propose.", proposed.base, given.origin.url)
        return nothing
    done = "is pushed" if proposed.pushed else "was pushed before"
    paths = units.few(proposed.paths, SHOWN)
    log.info("Branch %s, commit %s, %s: %s", _branch(given, published), proposed.commit, done, paths)
    if access is None:
        return {"commit": proposed.commit, "request-url": ""}
    proposal = Proposal(
        branch=_branch(given, published),
        base=proposed.base,
        title=describe.title(published.target),
        body=describe.body(
            published,
            places=written.places,
            dropped=written.dropped,
            commit=proposed.commit,
            assumed=written.assumed,
        ),
        commit=proposed.commit,
        new=proposed.pushed,
    )
    return {"commit": proposed.commit, "request-url": _request(forge, access, proposal)}


def _published(given: Inputs) -> Published:
    if given.data:
        return sources.from_folder(given.data, given.target)
    from steps.cluster import Cluster

    cluster = Cluster.connect()
    if given.job:
        sources.wait(cluster, given.namespace, given.job, given.timeout)
    return sources.from_cluster(cluster, given.namespace, given.target)


def _push(given: Inputs, published: Published) -> tuple[Proposed, change.Written]:
    written = list[change.Written]()

    def wanted(tree: Tree) -> Change:
        values = read_values(tree, given.file_path).files if given.places else ()
        folder = change.folder_of(published.target, tree.paths, tree.read)
        written.append(change.make(published, values, given.places, given.ca, folder=folder))
        return written[-1].change

    branch = Branch(
        name=_branch(given, published),
        subject=describe.title(published.target),
        author=given.author,
        purpose=" ".join(published.target.split()),
    )
    proposed = git_branch.propose(given.origin, branch, wanted)
    for line in written[-1].assumed:
        log.warning("assumed, since no label openshift-version tells it: %s", line)
    for line in written[-1].dropped:
        log.warning("no longer in the block, as the mirror does not have it: %s", line)
    return proposed, written[-1]


def _branch(given: Inputs, published: Published) -> str:
    return given.branch or f"oc-mirror/{readable_name(published.target)}"


def _request(forge: Forge, access: Access, proposal: Proposal) -> str:
    request = open_or_renew(forge, access, proposal)
    if request.done == "closed":
        log.warning("Request %s was closed: it is not opened again for the same commit.", request.url)
    else:
        log.info("Request %s is %s.", request.url, request.done)
    return request.url


def _access(given: Inputs, forge: Forge) -> Access | None:
    """Return the token for the forge; None where it has no requests."""
    if forge.kind is Kind.NONE:
        return None
    token = _secret_file(given, "token") or _secret_file(given, "password")
    if not token:
        raise InvalidInputError(
            "the Secret that git-write-secret names has no token, nor a password, for the forge",
            f"put into its key token {forge.rights}; publish-forge=none pushes the branch alone",
        )
    return Access(token, given.origin.credentials.ca_bundle)


def _check_belongs(given: Inputs) -> None:
    """Refuse a repository that the Secret is not for, where it says for which it is: its key `url`."""
    own = _secret_file(given, "url")
    if own and _same(own) != _same(given.origin.url):
        shown = re.sub(r"//[^/\s]*@", "//…@", own)  # a user and a password belong into other keys
        raise ConflictError(
            f"the Secret that git-write-secret names is for {shown}, and values-git-url is"
            f" {given.origin.url}",
            "give each repository a Secret of its own; nothing was sent",
        )


def _same(url: str) -> str:
    return url.rstrip("/").removesuffix(".git")


def _secret_file(given: Inputs, name: str) -> str:
    path = given.secret / name if given.secret else None
    if not path or not path.is_file():
        return ""
    with path.open("rb") as stream:
        return stream.read(LARGEST_SECRET).decode(errors="replace").strip()


main = cli.task_entrypoint(parse, run)
