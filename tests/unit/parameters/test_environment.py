"""The variables that a user may give oc-mirror."""

from __future__ import annotations

import pytest

from steps.parameters import environment


def test_what_oc_mirror_reads_is_let_through() -> None:
    given = {
        "UPDATE_URL_OVERRIDE": "https://updates.example.com/graph\n",
        "OCP_SIGNATURE_URL": "http://signatures.example.com/",
        "OCP_SIGNATURE_VERIFICATION_PK": "/local-files/key.pgp",
        "VERSION_FILTER": "",
    }
    found, problems = environment.check(given, "ConfigMap mine")
    assert not problems
    assert found == {
        "UPDATE_URL_OVERRIDE": "https://updates.example.com/graph",
        "OCP_SIGNATURE_URL": "http://signatures.example.com/",
        "OCP_SIGNATURE_VERIFICATION_PK": "/local-files/key.pgp",
    }


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
def test_a_proxy_is_set_for_programs_of_either_habit(name: str) -> None:
    found, problems = environment.check({name: "http://proxy.example.com:3128"}, "it")
    assert not problems
    assert found == dict.fromkeys(("HTTPS_PROXY", "https_proxy"), "http://proxy.example.com:3128")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("UPDATE_URL_OVERIDE", "https://x", "did you mean UPDATE_URL_OVERRIDE?"),
        ("LD_PRELOAD", "/x.so", "known are UPDATE_URL_OVERRIDE"),
        ("PATH", "/bin", "is no variable that is let through"),
        ("CONTAINERS_REGISTRIES_CONF", "/x", "give a ConfigMap with registries.conf as registries-config"),
        ("OC_MIRROR_CACHE", "/x", "give cache-dir"),
        ("SSL_CERT_FILE", "/x", "trusted-ca-configmap"),
        ("UPDATE_URL_OVERRIDE", "ftp://x", "UPDATE_URL_OVERRIDE"),
        ("HTTPS_PROXY", "http://me:secret@proxy:3128", "carries a user name or password"),
        ("NO_PROXY", "a\nb", "is not one line"),
        ("VERSION_FILTER", "(", "is not a regular expression"),
        ("OCP_SIGNATURE_VERIFICATION_PK", "key.pgp", "is not an absolute path"),
    ],
)
def test_all_else_is_refused_by_name_and_without_its_value(name: str, value: str, words: str) -> None:
    found, problems = environment.check({name: value}, "ConfigMap mine")
    assert not found
    assert len(problems) == 1
    assert problems[0].startswith(f"ConfigMap mine: {name} ")
    assert words in problems[0]
    assert "secret" not in problems[0]
