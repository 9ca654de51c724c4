"""Copying generations by hand: the command that documents and messages give repairs what is damaged."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from steps.errors import InvalidInputError
from steps.mirroring.store import Store
from steps.mirroring.store.archives import COPY
from tests.conftest import ROOT, unavailable

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.mirroring.conftest import Place

PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
COPIES = sorted(
    {
        " ".join(line.split("#")[0].split())
        for page in PAGES
        for line in page.read_text().replace("\\\n", " ").splitlines()
        if line.startswith("rsync ")
    }
)


def test_the_documents_copy_as_the_messages_say() -> None:
    assert COPIES
    assert all(command.startswith(f"{COPY} ") for command in COPIES)


def test_no_document_and_no_message_names_a_copy_that_repairs_nothing() -> None:
    sources = [
        *PAGES,
        *ROOT.glob("steps/**/*.py"),
        *ROOT.glob("examples/**/*.yaml"),
        *ROOT.glob("tekton/**/*.yaml"),
    ]
    assert not [path for path in sources if re.search(r"--ignore-existing|--size-only", path.read_text())]


@pytest.mark.parametrize("command", COPIES)
def test_a_copy_repairs_what_is_damaged_over_there(three: Place, tmp_path: Path, command: str) -> None:
    if shutil.which("rsync") is None:
        unavailable("there is no program rsync: see `make programs`")
    *program, source, target = shlex.split(command)
    assert source.endswith("generations/")
    assert target.endswith("generations/")
    data = tmp_path / "disk"
    call = [*program, f"{three.data}/generations/", f"{data}/generations/"]
    data.mkdir()
    subprocess.run(call, check=True, capture_output=True)
    store = Store(data)
    store.generations.verify(store.generations.present().values())

    archive, original = (place / "generations/000002/mirror_000001.tar" for place in (data, three.data))
    content = bytearray(original.read_bytes())
    content[len(content) // 2] ^= 0xFF
    archive.write_bytes(content)
    shutil.copystat(original, archive)  # as a medium damages it: same size, same time
    (data / "generations/000003/mirror_000001.tar").write_bytes(b"cut short")
    with pytest.raises(InvalidInputError) as caught:
        store.generations.verify(store.generations.present().values())
    assert COPY in caught.value.hint

    subprocess.run(call, check=True, capture_output=True)
    store.generations.verify(store.generations.present().values())
    assert archive.read_bytes() == original.read_bytes()
    assert not list((data / "generations").rglob(".partial"))
