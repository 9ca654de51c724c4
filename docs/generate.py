"""Write docs/reference/{pipelines,tasks}.md from the Tekton files, or with --check say if they are stale."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
HEADER = "<!-- Written by docs/generate.py from tekton/*.yaml: change those, then run `make docs`. -->\n"
TITLES = {"params": "Parameters", "workspaces": "Workspaces", "results": "Results"}


def table(kind: str, items: list[dict[str, Any]]) -> str:
    """One Markdown table; parameters have a default column."""
    lines = [f"**{TITLES[kind]}**", ""]
    if kind == "params":
        lines += ["| name | default | meaning |", "|---|---|---|"]
    else:
        lines += ["| name | meaning |", "|---|---|"]
    for item in items:
        cells = [f"`{item['name']}`"]
        if kind == "params":
            default = item.get("default")
            cells.append("(needed)" if default is None else f"`{default}`" if default else "(empty)")
        cells.append(" ".join(item["description"].split()).replace("|", "\\|"))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def section(document: dict[str, Any]) -> str:
    """One object's chapter."""
    spec = document["spec"]
    parts = [f"## {document['metadata']['name']}\n", " ".join(spec["description"].split()) + "\n"]
    parts += [table(kind, spec[kind]) for kind in TITLES if spec.get(kind)]
    return "\n".join(parts)


def page(title: str, pattern: str) -> str:
    """One page of all objects whose files match."""
    files = sorted((ROOT / "tekton").glob(pattern))
    documents = [yaml.safe_load(path.read_text()) for path in files]
    return "\n".join([HEADER, f"# {title}\n", *map(section, documents)])


def main(argv: list[str]) -> int:
    """Write the pages, or compare them."""
    pages = {
        ROOT / "docs/reference/pipelines.md": page("Pipelines", "*-pipeline.yaml"),
        ROOT / "docs/reference/tasks.md": page("Tasks", "task-*.yaml"),
    }
    if argv == ["--check"]:
        stale = [str(path.relative_to(ROOT)) for path, text in pages.items() if _read(path) != text]
        if stale:
            sys.stderr.write(f"stale: {', '.join(stale)}; run 'make docs' and commit the result\n")
        return 1 if stale else 0
    for path, text in pages.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return 0


def _read(path: Path) -> str:
    return path.read_text() if path.is_file() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
