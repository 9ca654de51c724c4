"""Verify signature and provenance of an image, in each layout in which they may lie beside it.

    tag sha256-HEX.sig    claims about the image (cosign 1 and 2, Tekton Chains, and we)
    tag sha256-HEX.att    attestations in DSSE envelopes (the same)
    referrers             bundles, each with an envelope (cosign 3)

Whatever somebody else has attached is passed over: one good signature is enough, and one good provenance.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from steps import units
from steps.errors import UntrustedError
from steps.oci import attached
from steps.oci.reference import Reference
from steps.trust import bundle, dsse, provenance, simple_signing
from steps.trust.refusals import UntrustedSignatureError
from steps.trust.statement import Statement, StatementError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steps.image_trust.policy import Policy
    from steps.oci.access import Access
    from steps.oci.attached import Attached
    from steps.oci.registry import Repository
    from steps.trust.keys import PublicKey

SIGNED: Final = "https://sigstore.dev/cosign/sign/v1"
"""The type of the statement with which cosign 3 signs an image; it has no predicate."""
PATIENCE: Final = 120.0
"""Seconds for all questions about an image."""
_SHOWN: Final = 3
_HINT: Final = "docs/how-to/sign-the-image.md says how to sign it, and whom to trust; nothing was deployed"


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found: names of keys; repository, commit and builder where provenance was asked for."""

    signed_by: str
    built_by: str = ""
    source: str = ""
    commit: str = ""

    def __str__(self) -> str:
        """Say it in one line."""
        built = f"; built from {self.source} at {self.commit} by {self.built_by}" if self.built_by else ""
        return f"signed by the key {self.signed_by}{built}"


@dataclass(frozen=True, slots=True)
class Beside:
    """What lies beside an image."""

    claims: list[Attached]
    attestations: list[Attached]
    bundles: list[Attached]

    @classmethod
    def read(cls, repository: Repository, digest: str, *, attested: bool = True) -> Beside:
        """Read it all, a few megabytes, or all but the tag of attestations where nobody asks for these.

        Raises RegistryError, UnreadableError where it is larger.
        """
        return cls(
            attached.layers(repository, attached.tag(digest, "sig")),
            attached.layers(repository, attached.tag(digest, "att")) if attested else [],
            attached.referrers(repository, digest, bundle.MEDIA_TYPES),
        )


class _RefusalError(ValueError):
    """Why one thing beside an image does not count."""


_PASSED_OVER: Final = (
    _RefusalError,
    UntrustedSignatureError,
    dsse.EnvelopeError,
    StatementError,
    simple_signing.ClaimError,
    provenance.ProvenanceError,
)


@dataclass(frozen=True, slots=True)
class Question:
    """The image that is asked for, by which policy, at which time (UTC).

    `revision` is what was built: the provenance must be of the same commit where it is a whole one.
    """

    image: str
    digest: str
    policy: Policy
    now: datetime
    revision: str = ""

    @property
    def sha256(self) -> str:
        """The digest without its algorithm."""
        return self.digest.removeprefix("sha256:")


def verify(image: str, policy: Policy, access: Access, *, revision: str = "") -> Verified:
    """Verify an image, given by digest, and say what was found.

    Raises UntrustedError that says what is missing or wrong, RegistryError where it cannot be read.
    """
    reference = Reference.parse(image)
    with access.within(PATIENCE).open(reference.name) as repository:
        beside = Beside.read(repository, reference.digest, attested=policy.needs_provenance)
    question = Question(image, reference.digest, policy, datetime.now(UTC), revision.lower())
    found = Verified(signer(question, beside).name)
    return built(question, beside, found) if policy.needs_provenance else found


def signer(question: Question, beside: Beside) -> PublicKey:
    """Return the trusted key that signed the image. Raises UntrustedError."""
    refusals: list[str] = []
    for claim in beside.claims:
        try:
            return _claimed(question, claim)
        except _PASSED_OVER as error:
            refusals.append(f"a signature at the tag …{question.digest[-6:]}.sig: {error}")
    for one in beside.bundles:
        try:
            key, statement = opened(question, one)
        except _PASSED_OVER as error:
            refusals.append(f"a bundle among its referrers: {error}")
            continue
        if statement.predicate_type == SIGNED:
            return key
    raise _untrusted(question, "no signature", refusals)


def built(question: Question, beside: Beside, signed: Verified) -> Verified:
    """Add to `signed` what the first provenance says that the policy accepts. Raises UntrustedError."""
    refusals: list[str] = []
    found = [(f"an attestation at the tag …{question.digest[-6:]}.att", one) for one in beside.attestations]
    found += [("a bundle among its referrers", one) for one in beside.bundles]
    for where, one in found:
        try:
            key, statement = opened(question, one)
            if statement.predicate_type not in {provenance.V1, provenance.V02}:
                if provenance.is_some(statement.predicate_type):
                    kind = statement.predicate_type[:100]
                    refusals.append(f"{where}: it is provenance of a kind that is not read, {kind!r}")
                continue
            source, builder = _accepted(question, provenance.Provenance.of(statement))
        except _PASSED_OVER as error:
            refusals.append(f"{where}: {error}")
            continue
        by = signed.signed_by
        names = by if by == key.name else f"{by}, its provenance by {key.name}"
        return Verified(names, builder, source.repository, source.commit)
    raise _untrusted(question, "no provenance", refusals)


def opened(question: Question, one: Attached) -> tuple[PublicKey, Statement]:
    """Verify an envelope, and only then read the statement in it, which must be about the image.

    Raises ValueErrors of several kinds, with the reason in words.
    """
    parse = bundle.parse if one.media_type in bundle.MEDIA_TYPES else dsse.Envelope.parse
    envelope = parse(one.content)
    key = envelope.signer(question.policy.keys, question.now)
    if envelope.payload_type != dsse.IN_TOTO:
        raise _RefusalError(f"it holds something else, {envelope.payload_type[:100]!r}")
    statement = Statement.parse(envelope.payload)
    if question.sha256 not in statement.subjects.values():
        raise _RefusalError("it is about another image")
    return key, statement


def _claimed(question: Question, claim: Attached) -> PublicKey:
    if claim.media_type != simple_signing.MEDIA_TYPE:
        raise _RefusalError(f"it is of another type, {claim.media_type[:100]!r}")
    signature = dsse.decode(claim.annotations.get(simple_signing.SIGNATURE))
    signer = question.policy.keys.signer([signature], claim.content, question.now)
    signed = simple_signing.Claim.parse(claim.content)
    if signed.digest != question.digest:
        raise _RefusalError(f"it is the signature of another image, {signed.digest}")
    return signer


def _accepted(question: Question, found: provenance.Provenance) -> tuple[provenance.Source, str]:
    """Return source and builder where the policy accepts both. Raises _RefusalError."""
    policy, revision = question.policy, question.revision
    if policy.builders and found.builder not in policy.builders:
        wanted = " or ".join(sorted(policy.builders))
        raise _RefusalError(f"it was built by {found.builder[:200]}, not by {wanted}")
    if not found.sources:
        raise _RefusalError("it names no repository in Git")
    for source in found.sources:
        if source.repository not in policy.sources:
            trusted = " or ".join(sorted(policy.sources))
            raise _RefusalError(f"it was built from {source.repository[:200]}, not from {trusted}")
    if not provenance.full_commit(revision):
        return found.sources[0], found.builder
    for source in found.sources:
        if source.commit == revision:
            return source, found.builder
    commits = ", ".join(source.commit[:64] or "none" for source in found.sources)
    raise _RefusalError(f"it was built at the commit {commits}, and {revision} is recorded")


def _untrusted(question: Question, what: str, refusals: Iterable[str]) -> UntrustedError:
    listed = list(dict.fromkeys(refusals))
    none = "none is there, neither by tag nor among its referrers"
    why = units.few(listed, _SHOWN, joint="; ") or none
    return UntrustedError(f"{question.image} has {what} that {question.policy.where} trusts: {why}", _HINT)
