"""Lay out Tasks and Pipelines as a catalog that Artifact Hub reads, in an archive.

The layout, one folder for each kind of repository there: KIND/artifacthub-repo.yml, and in
KIND/NAME/VERSION/ the files NAME.yaml, README.md and, of a Pipeline, samples/*.yaml.

Source: github.com/artifacthub/hub, docs/tekton_annotations.md, docs/metadata/artifacthub-repo.yml and
internal/tracker/source/tekton/tekton.go at 0fdf954: folders by version, the label
app.kubernetes.io/version equal to the folder, a description, and an artifacthub-repo.yml for each URL.
"""

from __future__ import annotations

import gzip
import io
import re
import tarfile
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

PROJECT = "https://github.com/auto-shift/oc-mirror-pipeline"
KINDS = {"task": "task-*.yaml", "pipeline": "*-pipeline.yaml"}
# The IDs that Artifact Hub's control panel shows once the repositories are added; "" before that.
REPOSITORY_IDS = {"task": "", "pipeline": ""}
REPOSITORY = """\
# Read by Artifact Hub. With the repository's ID there, packages are marked as those of a verified publisher.
{id}owners: []
"""
# Artifact Hub takes one of eight categories, and reads links and the like as YAML within a text.
ANNOTATIONS = """    artifacthub.io/category: integration-delivery
    artifacthub.io/license: Apache-2.0
    artifacthub.io/links: |
      - name: documentation
        url: {project}/blob/v{version}/docs/reference/{kind}s.md#{name}
      - name: changes
        url: {project}/blob/v{version}/CHANGELOG.md
      - name: support
        url: {project}/issues
"""
README = """# {title}

{description}

```bash
kubectl apply --filename={name}.yaml --namespace=NAMESPACE
```

{needs}

{tables}
* [Reference]({project}/blob/v{version}/docs/reference/{kind}s.md#{name})
* [Changes]({project}/blob/v{version}/CHANGELOG.md)
"""
NEEDS = {
    "task": "The folder [tekton]({tekton}) of the project has the accounts and rights that it needs, and the "
    "Pipelines that run it.",
    "pipeline": "It runs these Tasks, which have to be in the same namespace: {tasks}. The folder "
    "[tekton]({tekton}) of the project has the accounts and rights that it needs.",
}


class CatalogError(Exception):
    """A Task or Pipeline that Artifact Hub would not list; the message says which, and why."""


def write(tree: Path, version: str, made: datetime, archive: Path) -> None:
    """Write the catalog of a work tree to a .tar.gz that is the same for the same tree and time.

    Raises CatalogError where an object has another version.
    """
    with (
        archive.open("wb") as file,
        # Without a name, which gzip would store: the archive is called otherwise until it is whole.
        gzip.GzipFile("", "wb", fileobj=file, mtime=int(made.timestamp())) as packed,
        tarfile.open(fileobj=packed, mode="w") as stream,
    ):
        for name, text in sorted(files(tree, version).items()):
            member = tarfile.TarInfo(name)
            content = text.encode()
            member.size, member.mtime = len(content), int(made.timestamp())
            stream.addfile(member, io.BytesIO(content))


def files(tree: Path, version: str) -> dict[str, str]:
    """Return each file of the catalog by its path. Raises CatalogError as `write` does."""
    found = {}
    for kind, pattern in KINDS.items():
        own = REPOSITORY_IDS[kind]
        found[f"{kind}/artifacthub-repo.yml"] = REPOSITORY.format(id=f"repositoryID: {own}\n" if own else "")
        for path in sorted((tree / "tekton").glob(pattern)):
            text = path.read_text()
            document = yaml.safe_load(text)
            check(document, path.name, version)
            name = document["metadata"]["name"]
            folder = f"{kind}/{name}/{version}"
            found[f"{folder}/{name}.yaml"] = manifest(text, kind, name, version)
            found[f"{folder}/README.md"] = readme(document, kind, version)
            for sample, run in runs_of(tree, name):
                found[f"{folder}/samples/{sample}"] = run
    return found


def check(document: dict[str, Any], file: str, version: str) -> None:
    """Raise CatalogError where Artifact Hub would leave the object out."""
    own = document["metadata"].get("labels", {}).get("app.kubernetes.io/version")
    if own != version:
        raise CatalogError(f"tekton/{file} has version {own}, not {version}")
    if not document["spec"].get("description"):
        raise CatalogError(f"tekton/{file} has no description")


def manifest(text: str, kind: str, name: str, version: str) -> str:
    """Return an object's YAML with annotations for Artifact Hub, and without a namespace."""
    own = ANNOTATIONS.format(project=PROJECT, version=version, kind=kind, name=name)
    text = re.sub(r"^  namespace: .+\n", "", text, count=1, flags=re.M)
    return re.sub(r"^  annotations:\n", lambda found: found[0] + own, text, count=1, flags=re.M)


def runs_of(tree: Path, pipeline: str) -> Iterator[tuple[str, str]]:
    """Each example of a run of a Pipeline: its file name and text."""
    for path in sorted((tree / "tekton/runs").glob("*.yaml")):
        text = path.read_text()
        if re.search(rf"^ +name: {re.escape(pipeline)}$", text, re.M):
            yield path.name, text


def readme(document: dict[str, Any], kind: str, version: str) -> str:
    """Return the page of an object: what it does, what it needs, parameters, workspaces, results."""
    metadata, spec = document["metadata"], document["spec"]
    tasks = sorted({task["taskRef"]["name"] for task in (*spec.get("tasks", ()), *spec.get("finally", ()))})
    return README.format(
        title=metadata["annotations"]["tekton.dev/displayName"],
        description=" ".join(spec["description"].split()),
        needs=NEEDS[kind].format(
            tekton=f"{PROJECT}/tree/v{version}/tekton", tasks=", ".join(f"`{task}`" for task in tasks)
        ),
        tables="\n".join(
            table(title, spec.get(title.lower(), [])) for title in ("Params", "Workspaces", "Results")
        ),
        name=metadata["name"],
        kind=kind,
        version=version,
        project=PROJECT,
    )


def table(title: str, items: list[dict[str, Any]]) -> str:
    """Return a table of parameters, workspaces or results, "" where there are none."""
    if not items:
        return ""
    defaults = title == "Params"
    lines = (
        ["| name | default | meaning |", "|---|---|---|"] if defaults else ["| name | meaning |", "|---|---|"]
    )
    for item in items:
        cells = [f"`{item['name']}`", default(item)] if defaults else [f"`{item['name']}`"]
        lines.append(f"| {' | '.join([*cells, cell(item['description'])])} |")
    return "\n".join([f"## {'Parameters' if defaults else title}", "", *lines, ""])


def default(parameter: dict[str, Any]) -> str:
    """Return what a table says of a parameter's default."""
    if "default" not in parameter:
        return "(needed)"
    return f"`{cell(parameter['default'])}`" if parameter["default"] else "(empty)"


def cell(text: str) -> str:
    """Return a text as it may stand in a table."""
    return " ".join(text.split()).replace("|", "\\|")
