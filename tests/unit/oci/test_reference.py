"""References are parsed by the rules of containers/image, and rendered so that they mean the same."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from steps.errors import InvalidInputError
from steps.oci.reference import LONGEST, InvalidReferenceError, Reference

DIGEST = "sha256:" + "0a" * 32

LETTERS = "abcz019"
words = st.text(LETTERS, min_size=1, max_size=4)
labels = st.builds("{}{}".format, words, st.sampled_from(["", "A", "-b", "--9"]))
hosts = st.lists(labels, min_size=1, max_size=3).map(".".join) | st.just("[fd00::1]")
registries = st.one_of(
    st.builds("{}:{}".format, hosts, st.integers(0, 65535)),
    st.builds("{}.{}".format, hosts.filter(lambda host: "[" not in host), labels),
    st.just("localhost"),
)
parts = st.builds("{}{}{}".format, words, st.sampled_from([".", "_", "__", "-", "---", ""]), words)
repositories = st.lists(parts, min_size=1, max_size=4).map("/".join)
tags = st.just("") | st.builds("{}{}".format, st.sampled_from("aZ0_"), st.text(LETTERS + "Z_.-", max_size=99))
hexadecimal = st.binary(min_size=32, max_size=32).map(bytes.hex)
digests = st.just("") | hexadecimal.map("sha256:{}".format) | hexadecimal.map("sha512:{0}{0}".format)
references = st.builds(Reference, registries, repositories, tags, digests)


@given(references)
def test_what_is_rendered_is_parsed_to_the_same(reference: Reference) -> None:
    assert Reference.parse(str(reference)) == reference
    assert Reference.parse(f"docker://{reference}") == reference


@given(repositories, tags, digests)
def test_an_image_below_a_target_is_parsed_to_the_same(repository: str, tag: str, digest: str) -> None:
    image = Reference("", repository, tag, digest)
    assert Reference.parse_relative(str(image)) == image
    first = repository.partition("/")[0]
    assume("/" not in repository or not ("." in first or first == "localhost"))
    assert Reference.parse(str(image)) == image


@given(references, registries)
def test_an_image_below_a_target_keeps_its_place(image: Reference, registry: str) -> None:
    assume(image.version)
    place = Reference("", image.repository, image.tag, image.digest).place
    found = Reference.parse(f"{registry}/mirror/{place}")
    assert (found.registry, found.repository) == (registry, f"mirror/{image.repository}")
    assert found.place == f"mirror/{place}"
    assert Reference.parse_relative(place).version == (image.tag or image.digest)


@given(st.text() | st.text("aZ0:/@._ -", max_size=60))
def test_any_text_is_refused_or_means_what_it_says(text: str) -> None:
    found = Reference.find(text)
    if found is None:
        with pytest.raises(InvalidReferenceError):
            Reference.parse(text)
    else:
        assert str(found) == text


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("quay.io/a/b:v1", Reference("quay.io", "a/b", "v1")),
        (f"docker://quay.io/a/b@{DIGEST}", Reference("quay.io", "a/b", "", DIGEST)),
        (f"host:5000/a/b:v1@{DIGEST}", Reference("host:5000", "a/b", "v1", DIGEST)),
        ("localhost/a", Reference("localhost", "a")),
        ("[::1]:5000/a:v1", Reference("[::1]:5000", "a", "v1")),
        ("Host/a:v1", Reference("Host", "a", "v1")),
        ("ubi9:latest", Reference("", "ubi9", "latest")),
        ("library/ubi9", Reference("", "library/ubi9")),
        ("my.org", Reference("", "my.org")),
        ("registry.svc:5000/a/b_c/d--e:v1.0", Reference("registry.svc:5000", "a/b_c/d--e", "v1.0")),
    ],
)
def test_the_first_part_is_a_registry_only_if_it_looks_like_one(text: str, reference: Reference) -> None:
    assert Reference.parse(text) == reference


def test_below_a_target_the_first_part_is_never_a_registry() -> None:
    assert Reference.parse_relative("my.org/app:v1") == Reference("", "my.org/app", "v1")


def test_a_digest_counts_before_a_tag_when_the_registry_is_asked() -> None:
    assert Reference("quay.io", "a", "v1", DIGEST).version == DIGEST
    assert Reference("quay.io", "a", "v1").version == "v1"
    assert Reference("quay.io", "a").version == ""
    assert Reference("quay.io", "a", "v1", DIGEST).is_pinned
    assert not Reference("quay.io", "a", "v1").is_pinned


def test_a_place_is_by_tag_where_there_is_one() -> None:
    assert Reference("quay.io", "a/b", "v1", DIGEST).place == "a/b:v1"
    assert Reference("quay.io", "a/b", "", DIGEST).place == f"a/b@{DIGEST}"
    assert Reference("quay.io", "a/b", "v1").name == "quay.io/a/b"
    assert Reference("", "a/b", "v1").name == "a/b"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("oci:///home/me/catalog", "has the transport 'oci'"),
        ("https://quay.io/a/b", "has the transport 'https'"),
        ("docker://docker://quay.io/a", "has the transport 'docker://docker'"),
        ("", "'' is not a repository"),
        ("quay.io/", "'' is not a repository"),
        ("quay.io/A/b", "'A/b' is not a repository"),
        ("quay.io/a//b", "'a//b' is not a repository"),
        ("quay.io/a b", "'a b' is not a repository"),
        ("quay.io/a:", "ends before its tag"),
        ("quay.io/a@", "ends before its digest"),
        ("quay.io/a:v1\n", "is not a tag"),
        ("quay.io/a:-1", "'-1' is not a tag"),
        (f"quay.io/a:{'x' * 129}", "is not a tag"),
        ("quay.io/a@sha256:12", "'sha256:12' is not a digest"),
        (f"quay.io/a@{DIGEST}@{DIGEST}", "is not a digest"),
        ("-quay.io/a", "'-quay.io' is not a registry"),
        ("quay.io:x/a", "'quay.io:x' is not a registry"),
        ("quay.io:123456/a", "'quay.io:123456' is not a registry"),
        (f"quay.io/{'a' * 256}", "is longer than 255 characters"),
        (f"{'a' * 256}.io/a", "is not a registry"),
        ("a" * (LONGEST + 1), f"is longer than {LONGEST} characters"),
    ],
)
def test_an_error_says_which_part_is_wrong(text: str, what: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Reference.parse(text)
    assert what in caught.value.reason
    assert len(caught.value.reason) < 400
    assert "HOST[:PORT]/REPOSITORY" in caught.value.hint
    assert isinstance(caught.value, ValueError)


def test_a_name_of_another_sort_is_no_registry() -> None:
    with pytest.raises(InvalidReferenceError, match="'quay' is not a registry"):
        Reference("quay", "a")


def test_a_long_hostile_text_is_refused_at_once() -> None:
    for text in ("a-" * 400, "a." * 120 + "/a", "a" * 900, "0:" * 500, f"q.io/{'a_' * 126}"):
        assert Reference.find(text) is None or str(Reference.find(text)) == text
