"""The step that signs says what is wrong with its key before it asks the cluster or the registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from steps import sign_image
from steps.errors import InvalidInputError, NotFoundError, StepError, UsageError
from steps.image_trust.signing import Build
from tests.signed_images import new_key, private_pem


def arguments(folder: Path, **changes: str) -> list[str]:
    given = {
        "image": f"quay.io/me/oc-mirror@sha256:{'a' * 64}",
        "git-url": "git+https://git.example.com/me/x",
        "git-commit": "b" * 40,
        "git-revision": "main",
        "image-signing-secret": "signer",
        "image-signing-secret-path": str(folder),
        "sbom": str(folder / "sbom.json"),
        "run-name": "build-x7k2p-sign-image",
    } | {name.replace("_", "-"): text for name, text in changes.items()}
    return [f"--{name}={text}" for name, text in given.items()]


def failure(folder: Path) -> StepError:
    with pytest.raises(StepError) as caught:
        sign_image.main.perform(arguments(folder))
    return caught.value


def test_provenance_names_what_was_built_and_by_which_run(tmp_path: Path) -> None:
    assert sign_image.parse(arguments(tmp_path, builder_id="https://b")).build == Build(
        source="https://git.example.com/me/x",
        commit="b" * 40,
        parameters={"git-revision": "main", "context": ".", "containerfile": "Containerfile"},
        builder="https://b",
        invocation="oc-mirror-pipeline/build-x7k2p-sign-image",
    )


@pytest.mark.parametrize("wrong", [{"git_commit": "main"}, {"image": "quay.io/me/x:v1"}, {"sbom": ""}])
def test_what_is_malformed_is_refused(tmp_path: Path, wrong: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong)).replace("_", "-")):
        sign_image.parse(arguments(tmp_path, **wrong))


def test_a_secret_that_is_missing_is_named_with_the_command_that_makes_it(tmp_path: Path) -> None:
    error = failure(tmp_path)
    assert isinstance(error, NotFoundError)
    assert "no Secret 'signer' with signing.key or cosign.key" in error.reason
    assert "oc create secret generic signer -n oc-mirror-pipeline --from-file=signing.key" in error.hint


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"x", "it is no private key in PEM"),
        (b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n", "it is in cosign's own format"),
        (new_key().public.pem(), "it is no private key in PEM"),
    ],
)
def test_a_key_that_cannot_sign_is_named_by_its_secret(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "cosign.key").write_bytes(content)
    error = failure(tmp_path)
    assert isinstance(error, InvalidInputError)
    assert f"cosign.key of the Secret 'signer' cannot be used: {said}" in error.reason
    assert str(tmp_path) not in error.reason


def test_a_passphrase_for_a_key_that_has_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "signing.key").write_bytes(private_pem(new_key()))
    (tmp_path / "passphrase").write_text("words\n")
    assert (
        "signing.key of the Secret 'signer' cannot be used: it has no passphrase" in failure(tmp_path).reason
    )


def test_without_the_list_of_contents_nothing_is_signed(tmp_path: Path) -> None:
    (tmp_path / "signing.key").write_bytes(private_pem(new_key()))
    assert "sbom.json cannot be read: No such file" in failure(tmp_path).reason
