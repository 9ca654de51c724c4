"""Run the commands of a document as a reader would: block by block, in one shell, as they are written."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """One fenced block of commands, and the output that the document shows after it (empty: none)."""

    where: str
    commands: str
    shown: tuple[str, ...]


def blocks(page: Path, *, chapter: str = "") -> Iterator[Block]:
    """The `bash` blocks of a page, or of one of its chapters, each with the `text` block that follows it."""
    text = page.read_text()
    found = [match for match in _BLOCK.finditer(text) if not chapter or _chapter(text, match) == chapter]
    for one, after in zip(found, [*found[1:], None], strict=True):
        if one[1] == "bash":
            shown = after[2].splitlines() if after and after[1] == "text" else []
            line = text.count("\n", 0, one.start()) + 1
            yield Block(f"{page.name}:{line}", one[2], tuple(shown))


def _chapter(text: str, match: re.Match[str]) -> str:
    """The title of the chapter that a block stands in."""
    titles = re.findall(r"^## (.*)$", text[: match.start()], re.M)
    return titles[-1] if titles else ""


@dataclass
class Shell:
    """A shell whose directory and exported variables last from block to block."""

    folder: Path
    env: Mapping[str, str]
    state: Path = field(init=False)

    def __post_init__(self) -> None:
        self.state = self.folder / ".state"
        self.state.write_text(f"cd {shlex.quote(str(self.folder))}\n")

    def run(self, block: Block, *, names: Mapping[str, str] | None = None, seconds: float = 300) -> str:
        """Run a block, with `<names>` filled in; it must succeed and print what the document shows."""
        commands = block.commands
        for name, value in (names or {}).items():
            commands = commands.replace(f"<{name}>", value)
        state = shlex.quote(str(self.state))
        script = f'set -euo pipefail\n. {state}\n{commands}\n(export -p; echo "cd $PWD") > {state}\n'
        # timeout(1) and not Python's: what was printed until then is what tells why.
        done = subprocess.run(
            ["timeout", str(seconds), "bash", "-c", script],
            env=dict(self.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert not done.returncode, f"{block.where}: exit code {done.returncode}\n{commands}\n{done.stdout}"
        missing = unprinted(block.shown, done.stdout.splitlines())
        assert not missing, f"{block.where}: does not print {missing!r}\n{done.stdout}"
        return done.stdout


def unprinted(shown: tuple[str, ...], printed: list[str]) -> str:
    """The first line of the document that the output lacks, in this order; `…` stands for anything."""
    position = 0
    for line in shown:
        pattern = re.compile(".*".join(re.escape(part) for part in line.strip().split("…")))
        rest = [at for at in range(position, len(printed)) if pattern.search(printed[at])]
        if not rest:
            return line
        position = rest[0] + 1
    return ""
