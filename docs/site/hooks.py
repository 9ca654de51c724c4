"""What the site takes from files that are not pages: the version, and the decisions for its menu."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Read the version from pyproject.toml, and list every decision below the index of decisions."""
    project = tomllib.loads(Path(config.config_file_path).with_name("pyproject.toml").read_text())["project"]
    config.extra["version"] = project["version"]
    docs = Path(config.docs_dir)
    pages = [str(path.relative_to(docs)) for path in sorted((docs / "decisions").glob("0*.md"))]
    for entry in config.nav or []:
        if isinstance(entry, dict) and entry.get("Decisions"):
            entry["Decisions"] = [entry["Decisions"], *pages]
    return config
