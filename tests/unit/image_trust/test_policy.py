"""A ConfigMap of trust that says something else than it seems to is refused, never read as trusting more."""

from __future__ import annotations

import pytest

from steps.errors import InvalidInputError, NotFoundError
from steps.image_trust.policy import Policy
from tests.signed_images import new_key, private_pem, trust

KEY = new_key()


def read(**changes: str) -> Policy:
    data = trust(KEY) | {name.replace("__", ".").replace("_", "-"): text for name, text in changes.items()}
    return Policy.read(data, where="ConfigMap 'x'")


def test_keys_alone_ask_for_a_signature() -> None:
    found = read()
    assert not found.needs_provenance
    assert [key.name for key in found.keys] == ["key-0"]
    assert (found.sources, found.builders, found.tls_verify) == (frozenset(), frozenset(), None)


def test_sources_ask_for_provenance_and_have_one_form() -> None:
    found = read(source="https://h/x.git\nssh://git@h/x\n", builder="https://a https://b")
    assert found.needs_provenance
    assert found.sources == {"https://h/x", "ssh://h/x"}
    assert found.builders == {"https://a", "https://b"}
    assert read(source="https://h/x", require="provenance\n") == read(source="https://h/x")


@pytest.mark.parametrize(("text", "expected"), [("false", False), ("true\n", True), ("", None)])
def test_the_registrys_certificate_counts_unless_it_is_said_otherwise(
    text: str, expected: bool | None
) -> None:
    assert read(registry_tls_verify=text).tls_verify is expected


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sources": "https://h/x"}, "'sources' is not known"),
        ({"require": "both"}, "require is 'both', and neither 'signature' nor 'provenance'"),
        ({"require": "provenance"}, "asks for provenance and names no source"),
        ({"require": "signature", "source": "https://h/x"}, "for which it does not ask"),
        ({"builder": "https://b"}, "for which it does not ask"),
        ({"registry_tls_verify": "no"}, "registry-tls-verify is 'no'"),
        ({"old__until": "2026-01-01"}, "'old.until' ends no key"),
        ({"source": " \n"}, "'source' is empty"),
        ({"builder": "", "source": "https://h/x"}, "'builder' is empty"),
        ({"key_0__until": "soon"}, "ConfigMap 'x': key-0.until holds no time: 'soon'"),
        ({"key_1__pub": "x"}, "ConfigMap 'x': key-1.pub cannot be used: it is no public key in PEM"),
        ({"key_1__pem": private_pem(KEY).decode()}, "it is a private key; give the public one"),
    ],
)
def test_what_cannot_be_meant_is_refused(changes: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read(**changes)
    assert said in caught.value.reason
    assert "ConfigMap 'x'" in caught.value.reason


def test_what_is_no_text_is_refused_and_not_left_out() -> None:
    """An editor that writes UTF-16 must not take the end of a key away."""
    with pytest.raises(InvalidInputError, match=r"'key-0.until' is not text in UTF-8"):
        Policy.read(trust(KEY), where="ConfigMap 'x'", binary=["key-0.until"])


def test_without_a_key_nobody_is_trusted() -> None:
    with pytest.raises(NotFoundError, match="ConfigMap 'x' has no public key"):
        Policy.read({}, where="ConfigMap 'x'")


def test_more_keys_than_anybody_has_are_refused() -> None:
    pem = KEY.public.pem().decode()
    with pytest.raises(InvalidInputError, match="has 101 keys"):
        Policy.read({f"k{number}.pub": pem for number in range(101)}, where="ConfigMap 'x'")
