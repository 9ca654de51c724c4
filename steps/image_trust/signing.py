"""Sign an image, and attach provenance and the list of its contents, in the layout of cosign's tags.

What others have attached stays. What is there already and counts is not made again, so that Tekton Chains
may do the same work, and a second run changes nothing.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from steps.errors import UntrustedError
from steps.image_trust.policy import Policy
from steps.image_trust.verification import PATIENCE, Beside, Question, Verified, built, opened, signer
from steps.oci import attached
from steps.oci.attached import Attached
from steps.oci.reference import Reference
from steps.trust import dsse, provenance, simple_signing
from steps.trust.statement import Statement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from steps.oci.access import Access
    from steps.oci.registry import Repository
    from steps.trust.keys import PrivateKey

CYCLONEDX: Final = "https://cyclonedx.org/bom"
ENVELOPE: Final = "application/vnd.dsse.envelope.v1+json"
_SHOWN: Final = 12


@dataclass(frozen=True, slots=True)
class Build:
    """What provenance says of a build: the source's URL and commit, parameters, builder, and which run."""

    source: str
    commit: str
    parameters: Mapping[str, str]
    builder: str
    invocation: str

    def predicate(self) -> dict[str, Any]:
        """Return the predicate of its provenance."""
        return provenance.predicate(
            source=self.source,
            commit=self.commit,
            parameters=self.parameters,
            builder=self.builder,
            invocation=self.invocation,
        )


def own_policy(key: PrivateKey, build: Build) -> Policy:
    """Return the policy that accepts what this key signs of this build, and nothing else."""
    from steps.trust.keys import TrustedKeys  # late: see there

    public = key.public
    return Policy(
        where="the key that signs",
        keys=TrustedKeys((replace(public, name=public.fingerprint[:_SHOWN]),)),
        sources=frozenset({provenance.normal(build.source)}),
        builders=frozenset({build.builder}),
        needs_provenance=True,
        tls_verify=None,
    )


def sign(
    image: str,
    key: PrivateKey,
    build: Build,
    sbom: Mapping[str, Any] | None,
    access: Access,
    *,
    trusted: Policy | None,
) -> list[str]:
    """Attach what is missing to an image, given by digest; return what was attached, in words.

    `trusted` says what of others counts. Raises RegistryError.
    """
    reference = Reference.parse(image)
    own = own_policy(key, build)
    question = Question(image, reference.digest, trusted or own, datetime.now(UTC), build.commit)
    done: list[str] = []
    with access.within(PATIENCE).open(reference.name) as repository:
        beside = Beside.read(repository, reference.digest)
        work = _Work(repository, reference, key, beside, Question(image, reference.digest, own, question.now))
        if not _holds(lambda: signer(question, beside)):
            work.sign()
            done.append("a signature")
        made: dict[str, Mapping[str, Any]] = {}
        if not _holds(lambda: built(question, beside, Verified(""))):
            made[provenance.V1] = build.predicate()
            done.append("provenance")
        if sbom is not None and not work.has(CYCLONEDX, sbom):
            made[CYCLONEDX] = sbom
            done.append("the list of its contents")
        if made:
            work.attest(made)
    return done


@dataclass(frozen=True, slots=True)
class _Work:
    """An image to sign, with what lies beside it; `own` asks for what this key has signed."""

    repository: Repository
    reference: Reference
    key: PrivateKey
    beside: Beside
    own: Question

    def sign(self) -> None:
        """Add the signature."""
        claim = simple_signing.Claim(self.reference.name, self.reference.digest).as_bytes()
        signature = base64.b64encode(self.key.sign(claim)).decode()
        layer = Attached(simple_signing.MEDIA_TYPE, claim, {simple_signing.SIGNATURE: signature})
        self._attach("sig", [*self.beside.claims, layer])

    def has(self, kind: str, predicate: Mapping[str, Any]) -> bool:
        """Return whether this key has attested this predicate already."""
        return any(found == (kind, predicate) for found in map(self._attested, self.beside.attestations))

    def attest(self, made: Mapping[str, Mapping[str, Any]]) -> None:
        """Add predicates by their types, in place of what this key has attested of these types before."""
        kept = [one for one in self.beside.attestations if (self._attested(one) or ("",))[0] not in made]
        for kind, predicate in made.items():
            subjects = {self.reference.name: self.own.sha256}
            envelope = dsse.seal(Statement(subjects, kind, predicate).as_bytes(), self.key)
            kept.append(Attached(ENVELOPE, envelope, {simple_signing.SIGNATURE: "", "predicateType": kind}))
        self._attach("att", kept)

    def _attested(self, one: Attached) -> tuple[str, Mapping[str, Any]] | None:
        """Return type and predicate of what this key has attested of this image, None for anything else."""
        try:
            _key, statement = opened(self.own, one)
        except ValueError:
            return None
        return statement.predicate_type, statement.predicate

    def _attach(self, ending: str, layers: list[Attached]) -> None:
        attached.attach(self.repository, attached.tag(self.reference.digest, ending), layers)


def _holds(question: Callable[[], object]) -> bool:
    try:
        question()
    except UntrustedError:
        return False
    return True
