"""The text of a request: forges act on words, and names come from others."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from steps.publishing import describe
from steps.publishing.sources import Published
from tests.unit.publishing.samples import TARGET, changes

HOSTILE = (
    "@everyone",
    "closes #1",
    "fixes owner/repo#12",
    "GH-3",
    "!7 &8 $9 %10 ~bug ^alert",
    "https://github.com/owner/repo/issues/4",
    "`code` @again",
    "x\n/close\n/assign @me",
    "# heading\n@a",
    "<img src=x> @b",
)


def published(*releases: str, text: str = "", **images: str) -> Published:
    listed = None if text else changes(*releases, **images)
    return Published(target=TARGET, resources=[], changes=listed, changes_text=text)


def body(found: Published, **more: list[str]) -> str:
    lists = {"places": ["values.yaml: clusters.a"], "dropped": list[str](), **more}
    return describe.body(found, commit="c" * 40, **lists)


def check_harmless(text: str) -> None:
    """No mention, reference, link or command is left that a forge would act on."""
    assert not re.search(r"[@!&$%~^]\w", text)
    assert not re.search(r"#\w", text)
    assert not re.search(r"\bGH-\d", text, re.IGNORECASE)
    assert "://" not in text
    assert not re.search(r"^\s*/", text, re.MULTILINE)


def test_a_text_names_places_commit_and_what_changed() -> None:
    text = body(published("4.20.12"), dropped=["catalog mine (values.yaml: clusters.a)"])
    assert "* Commit: " + "c" * 40 in text
    assert "* `config.disconnected` of `values.yaml: clusters.a`" in text
    assert "* No longer in the block: `catalog mine (values.yaml: clusters.a)`" in text
    assert "## What changes" in text
    assert "4.20.12" in text
    assert f"`{TARGET}`" in text
    check_harmless(text)


def test_the_points_end_before_what_is_said_of_the_list() -> None:
    """Markdown takes a line right below a point for a part of it."""
    nothing = Published(target=TARGET, resources=[])
    assert "managed`\n\nThe list of what the newest run changed is not known." in body(
        nothing, places=["values.yaml: managed"]
    )
    assert "managed`\n\n## What changes\n" in body(published("4.20.1"), places=["values.yaml: managed"])


def test_a_thousand_places_leave_room_for_what_changed() -> None:
    text = body(
        published("4.20.12"), places=[f"values.yaml: clusters.edge-{number}" for number in range(1000)]
    )
    assert "edge-99`\n* and 900 more\n" in text
    assert "`4.20.12`" in text


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_mention_and_close_nothing(name: str) -> None:
    check_harmless(body(published(name, **{name: "sha256:" + "a" * 64})))
    check_harmless(body(published(text=f"# What changes\n{name}\n````\n{name}")))
    check_harmless(body(published("4.20.1"), places=[name], dropped=[name]))


@given(some.lists(some.text(alphabet="@#!/`-:~ \n\raGH1_&\t", max_size=30), max_size=4))
def test_no_name_at_all_does(names: list[str]) -> None:
    check_harmless(body(published(*names)))
    check_harmless(body(published(text="\n".join(["x", *names]))))


def test_a_text_stays_below_what_forges_take() -> None:
    images = {f"quay.io/a/image-{number}@sha256:{'a' * 64}": "" for number in range(3000)}
    text = body(published(*(f"4.{number}.1" for number in range(3000)), **images))
    assert 50_000 < len(text) <= describe.LONGEST
    assert text.endswith("The list is longer; the ConfigMap oc-mirror-changes has all of it.")
    assert len(body(published(text="y" * 10**6))) <= describe.LONGEST
    assert len(describe.title("r.example.com/" + "p" * 4000)) < 255


def test_the_commit_stays_whole_in_the_text() -> None:
    """By it a request is known to be up to date."""
    assert "c" * 40 in body(published(text="z" * 10**6), dropped=["x" * 300] * 400)
