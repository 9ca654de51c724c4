"""Sign the image that was just built, and attach provenance and the list of its contents beside it.

Only what is missing is attached: what image-trust accepts of Tekton Chains or of a run before stays as it is.
The key is never given to the image that was built; see docs/decisions/0060-*.md.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from steps import cli
from steps.cluster import Cluster
from steps.errors import InvalidInputError, NotFoundError
from steps.image_trust import gate, sbom, signing
from steps.image_trust.signing import Build
from steps.oci.access import Access
from steps.parameters import arguments
from steps.parameters.places import SIGN
from steps.parameters.table import deployment, image_build
from steps.parameters.table.access import CA_BUNDLE
from steps.trust import folder

if TYPE_CHECKING:
    from pathlib import Path

    from steps.trust.keys import PrivateKey

log = logging.getLogger("steps.sign_image")

RESULTS = ("attached",)
KEYS: Final = {"signing.key": "passphrase", "cosign.key": "cosign.password"}
"""Files of the Secret with the private key, each with the file of its passphrase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Parsed arguments; `secret` is the name of the Secret that is mounted at `secret_path`."""

    image: str
    build: Build
    secret: str
    secret_path: Path
    sbom: Path
    image_trust: str
    namespace: str
    access: Access
    results: dict[str, Path | None]


def parse(argv: list[str]) -> Inputs:
    """Parse and check the arguments. Raises `UsageError` with all that is wrong."""
    given = arguments.parse(SIGN, argv, __doc__, results=RESULTS)
    namespace = given[deployment.PIPELINE_NAMESPACE]
    parameters = (image_build.GIT_REVISION, image_build.CONTEXT, image_build.CONTAINERFILE)
    build = Build(
        source=given[image_build.BUILT_GIT_URL].strip().removeprefix("git+"),
        commit=given[image_build.BUILT_COMMIT],
        parameters={parameter.name: given[parameter] for parameter in parameters},
        builder=given[image_build.BUILDER_ID],
        invocation=f"{namespace}/{given[image_build.SIGNING_RUN]}",
    )
    return Inputs(
        image=given[image_build.BUILT_IMAGE],
        build=build,
        secret=given[image_build.IMAGE_SIGNING_SECRET] or "",
        secret_path=given[image_build.SIGNING_SECRET_PATH],
        sbom=given[image_build.READ_SBOM],
        image_trust=given[deployment.IMAGE_TRUST],
        namespace=namespace,
        access=Access(
            authfile=given[image_build.PUSH_AUTHFILE],
            ca_bundle=given[CA_BUNDLE],
            tls_verify=given[image_build.REGISTRY_TLS_VERIFY],
        ),
        results=given.results,
    )


def run(given: Inputs) -> dict[str, str]:
    """Attach what is missing, verify it as a deployment will, and return the results.

    Raises NotFoundError, InvalidInputError for the key, RegistryError, UntrustedError where image-trust
    would not accept the image.
    """
    key = _key(given)
    contents = sbom.read(given.sbom)
    trusted = gate.policy(Cluster.connect(), given.image_trust, given.namespace)
    done = signing.sign(given.image, key, given.build, contents, given.access, trusted=trusted)
    log.info("%s: %s", given.image, f"attached {', '.join(done)}" if done else "all is there already")
    asked = trusted or signing.own_policy(key, given.build)
    asked = replace(asked, tls_verify=given.access.tls_verify)
    gate.check(given.image, asked, given.access, revision=given.build.commit)
    return {"attached": ", ".join(done)}


def _key(given: Inputs) -> PrivateKey:
    parameter = image_build.IMAGE_SIGNING_SECRET.name
    for name, passphrase in KEYS.items():
        path = given.secret_path / name
        if path.is_file():
            try:
                return folder.signing_key(path, given.secret_path / passphrase, parameter=parameter)
            except InvalidInputError as error:
                reason = f"{parameter}: {name} of the Secret '{given.secret}' {_rest(error, path)}"
                raise InvalidInputError(reason, error.hint) from error
    raise NotFoundError(
        f"{parameter}: in namespace '{given.namespace}' there is no Secret '{given.secret}' with signing.key "
        "or cosign.key",
        f"create it: oc create secret generic {given.secret} -n {given.namespace} --from-file=signing.key",
    )


def _rest(error: InvalidInputError, path: Path) -> str:
    """Return what is wrong with the key, without the path in the pod."""
    return error.reason.partition(f"{path} ")[2] or error.reason


main = cli.task_entrypoint(parse, run)
