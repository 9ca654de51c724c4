"""Every message that docs/troubleshooting.md quotes is one that the code, or a program named here, prints."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from tests.conftest import ROOT

VALUE = "\0"
"""What stands for a value in a template."""
SHORTEST = 6
"""Characters of a part of a quotation that say something by themselves."""
OWN_WORDS = 0.33
"""Of a part of a quotation that is matched with values in it: the share that the code says itself."""

OF_OTHERS = {
    "--showlog": "tkn",
    "logs -f": "kubectl",
    'unknown field "spec.serviceAccountName': "the API server",
    'is forbidden: violates PodSecurity "restricted:latest': "the API server",
    'violates PodSecurity "restricted:latest': "the API server",
    "is invalid: spec: Forbidden": "the API server",
    'no matches for kind "ValidatingAdmissionPolicy': "kubectl",
    "the repository that ConfigMap oc-mirror-images records": "tekton/12-admission.yaml",
    "unable to validate against any security context constraint": "OpenShift",
    "Pending": "the state of a pod",
    "Running": "the state of a run",
    "forbidden": "the API server",
    "clusterversions": "the API server",
    "CouldntGetPipeline": "Tekton",
    "CouldntGetTask": "Tekton",
    "-Hub-Signature-256 header set": "Tekton's interceptors",
    "Source image rejected": "oc-mirror",
}


def quoted() -> Iterator[str]:
    """What the first column of the tables quotes."""
    for line in (ROOT / "docs" / "troubleshooting.md").read_text().splitlines():
        if line.startswith("| ") and not line.startswith(("| you see", "|---")):
            yield from re.findall(r"`([^`]+)`", line.split(" | ")[0])


def parts(quotation: str) -> list[str]:
    """What of a quotation is said literally: between `…` and the names of values."""
    found = re.split(r"…|\b(?:X|N|HOST|NAME|URL|LABEL)\b|vX\.Y", quotation)
    return [part.strip(" '\"") for part in found if len(part.strip(" '\"")) >= SHORTEST]


@cache
def templates() -> tuple[str, ...]:
    """Every text of the code, with VALUE for what is filled in."""
    found = [text for path in ROOT.glob("steps/**/*.py") for text in texts(ast.parse(path.read_text()))]
    # Shell text of the Task that builds.
    build = (ROOT / "tekton" / "task-buildah-build.yaml").read_text()
    found += [re.sub(r"\$\w+", VALUE, line) for line in build.splitlines()]
    return tuple(" ".join(text.split()) for text in found)


def texts(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                value.value if isinstance(value, ast.Constant) else VALUE  # type: ignore[misc]
                for value in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.sub(r"%(?:\.\d+)?[sdrf]", VALUE, node.value)


def says(template: str, part: str) -> bool:
    """Whether a part of a quotation is a part of what a template makes, mostly in its own words."""
    if part in template:
        return True
    pieces = template.split(VALUE)
    if len(pieces) == 1 or not any(len(piece) > 3 and piece.strip() in part for piece in pieces):
        return False
    return any(
        covered(pieces[first : last + 1], part) >= OWN_WORDS * len(part)
        for first in range(len(pieces))
        for last in range(first + 1, len(pieces))
    )


def covered(pieces: list[str], part: str) -> int:
    """How many characters of `part` these pieces say, in their order; 0 where they do not all stand in it."""
    head = next((n for n in range(min(len(pieces[0]), len(part)), 0, -1) if pieces[0].endswith(part[:n])), 0)
    tail = next(
        (n for n in range(min(len(pieces[-1]), len(part)), 0, -1) if pieces[-1].startswith(part[-n:])), 0
    )
    at, said = head, head + tail
    for piece in pieces[1:-1]:
        place = part.find(piece, at, len(part) - tail)
        if place < 0:
            return 0
        at, said = place + len(piece), said + len(piece)
    return said


@pytest.mark.parametrize("quotation", sorted(set(quoted())))
def test_what_is_quoted_is_printed(quotation: str) -> None:
    for part in parts(quotation):
        assert part in OF_OTHERS or any(says(template, part) for template in templates()), part


def test_a_message_that_nobody_prints_is_noticed() -> None:
    assert not any(says(template, "the moon is made of cheese") for template in templates())
    assert says("label \0 is '\0', not 'true': AutoShift", "is 'True', not 'true'")
