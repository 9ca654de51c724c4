"""Write what the documents repeat of the code, or with --check say which of them is stale.

docs/reference/{pipelines,tasks}.md come from the Tekton files and the table of parameters, the tables of
mirror.md, settings.md and commands.md from that table, the causes of readiness.md from its code, the objects
of configmaps.md from the code that writes them, the tables of service.md from the service,
docs/decisions/index.md from the titles of the decisions, the home page from README.md.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from steps.parameters.parameter import Group
from steps.parameters.table import TABLE, of_command
from steps.parameters.table import settings as table_of_settings
from steps.readiness import reasons
from steps.service import metrics, status
from steps.workload import built_image, configmaps, names

if TYPE_CHECKING:
    from collections.abc import Callable

    from steps.parameters.parameter import Parameter

ROOT = Path(__file__).resolve().parent.parent
HEADER = (
    "<!-- Written by docs/generate.py from tekton/*.yaml and steps/parameters/table: change those, then run "
    "`make docs`. -->\n"
)
DECISIONS = """<!-- Written by docs/generate.py from the titles of the files beside it. -->
# Decisions

What was decided, why, and what it costs; ten lines each, in the order they were made.
"""
COMMANDS = ("preview-deployment", "fleet-readiness", "migrate-check", "send-event", "apply-cluster-resources")
"""Those that no Task runs, besides `mirror`, which has a page of its own."""
REPOSITORY = "https://github.com/auto-shift/oc-mirror-pipeline/tree/main"
TITLES = {"workspaces": "Workspaces", "results": "Results"}


def table(kind: str, items: list[dict[str, Any]]) -> str:
    """One Markdown table of the workspaces or results of an object."""
    lines = [f"**{TITLES[kind]}**", "", "| name | meaning |", "|---|---|"]
    lines += [f"| `{item['name']}` | {cell(item['description'])} |" for item in items]
    return "\n".join(lines) + "\n"


def parameter_tables(
    parameters: list[Parameter[Any]],
    default_of: Callable[[Parameter[Any]], str | None],
    *,
    anchor: str,
    prefix: str = "",
) -> str:
    """A Markdown table for each group of parameters, headed by what a person wants with them.

    Each parameter can be linked to as ANCHOR-NAME.
    """
    parts = []
    for group in Group:
        members = [parameter for parameter in parameters if parameter.group is group]
        if members:
            lines = [f"**{group}**", "", "| name | default | unit | meaning |", "|---|---|---|---|"]
            lines += [
                parameter_row(parameter, default_of(parameter), prefix, anchor) for parameter in members
            ]
            parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def parameter_row(parameter: Parameter[Any], default: str | None, prefix: str, anchor: str) -> str:
    """One line of such a table."""
    if default is None:
        known = "(needed)"
    elif default:
        known = f"`{default}`"
    else:
        known = f"(empty: {parameter.unset})" if parameter.unset else "(empty)"
    target = f"{anchor}-{parameter.name}"
    cells = (
        f'<a id="{target}"></a>[`{prefix}{parameter.name}`](#{target})',
        cell(known),
        parameter.unit,
        cell(parameter.help),
    )
    return f"| {' | '.join(cells)} |"


def cell(text: str) -> str:
    """A text as it may stand in a table."""
    return " ".join(text.split()).replace("|", "\\|")


def section(document: dict[str, Any]) -> str:
    """One object's chapter."""
    spec, place = document["spec"], document["metadata"]["name"]
    parts = [f"## {place}\n", " ".join(spec["description"].split()) + "\n"]
    declared = [p for p in TABLE if place in {*p.pipelines, *p.tasks}]
    if declared:
        parts.append(
            parameter_tables(
                declared, lambda parameter: parameter.declared_default(place), anchor=anchor_of(place)
            )
        )
    parts += [table(kind, spec[kind]) for kind in TITLES if spec.get(kind)]
    return "\n".join(parts)


def anchor_of(place: str) -> str:
    """What the anchors of a Pipeline or Task begin with, such as deployment-pipeline or fetch-values."""
    return place.removeprefix("oc-mirror-")


def page(title: str, pattern: str) -> str:
    """One page of all objects whose files match."""
    files = sorted((ROOT / "tekton").glob(pattern))
    documents = [yaml.safe_load(path.read_text()) for path in files]
    return "\n".join([HEADER, f"# {title}\n", *map(section, documents)])


def decisions() -> str:
    """The list of decisions, by their titles."""
    titles = {path.name: path.read_text().splitlines()[0] for path in (ROOT / "docs/decisions").glob("0*.md")}
    lines = [
        f"* [{title.removeprefix('# ').split('. ', 1)[1]}]({name})" for name, title in sorted(titles.items())
    ]
    return "\n".join([DECISIONS, *lines]) + "\n"


def objects() -> dict[str, str]:
    """Each ConfigMap that we write, as the code makes it of sample content; by its name."""
    build = built_image.BuiltImage(
        name="oc-mirror-autoshift",
        url="quay.io/autoshift/oc-mirror-autoshift:v0.1.0",
        digest="sha256:" + "d" * 64,
        git_revision="main",
        build_timestamp="2025-09-23T15:30:44Z",
    )
    record = built_image.image_configmap(
        build, name=names.IMAGES, namespace=names.PIPELINE_NAMESPACE, before=None
    )
    deployment = configmaps.deployment_configmaps(
        values=b"# The values, as they are in Git\nhubClusterSets: {}\n",
        imageset="# Generated, or your own\nkind: ImageSetConfiguration\n",
        namespace=names.WORKLOAD_NAMESPACE,
        commit="c" * 40,
        source="https://github.com/auto-shift/autoshiftv2.git autoshift/values/clustersets/hub.yaml",
    )
    return {
        made["metadata"][
            "name"
        ]: f"```yaml\n{yaml.dump(made, Dumper=_Dumper, sort_keys=False, width=110)}```\n"
        for made in (record, *deployment)
    }


def home() -> str:
    """The first part of README.md, with links as they are from docs/ and from a site."""
    shown = _read(ROOT / "README.md").partition("<!-- The site's home page ends here")[0]
    in_docs = shown.replace("](docs/", "](")
    return re.sub(r"\]\(((?:tests|examples)/[^)]+)\)", rf"]({REPOSITORY}/\1)", in_docs)


def command_table(command: str) -> str:
    """The arguments of a command."""
    parameters = of_command(command)
    return parameter_tables(
        parameters, lambda parameter: parameter.default_of(command), anchor=command, prefix="--"
    )


def settings_table() -> str:
    """What the ConfigMap oc-mirror-settings may hold."""
    return parameter_tables(
        list(table_of_settings().values()), lambda parameter: parameter.default, anchor="setting"
    )


def metrics_table() -> str:
    """The metrics of the service."""
    lines = ["| metric | type | meaning |", "|---|---|---|"]
    lines += [f"| `{name}` | {kind} | {cell(text)} |" for name, kind, text in metrics.described()]
    return "\n".join(lines) + "\n"


def status_tables() -> str:
    """The fields of /status.json, a table for each object in it."""
    kinds = (
        (status.Status, "The document"),
        (status.RunStatus, "`running`, `last_run`, `last_success`"),
        (status.ProgressStatus, "`progress`"),
        (status.IdentityStatus, "`identity`"),
        (status.ChangesStatus, "`changes`"),
        (status.ReceiptStatus, "`receipt`"),
        (status.FleetStatus, "`fleet`"),
        (status.TargetStatus, "each of `targets`"),
    )
    parts = []
    for kind, title in kinds:
        lines = [f"**{title}**", "", "| field | meaning |", "|---|---|"]
        lines += [f"| `{name}` | {cell(str(f.description))} |" for name, f in kind.model_fields.items()]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def causes_table() -> str:
    """Why a cluster is not ready, not known to be, or ready with a warning."""
    ordered = sorted(
        reasons.Cause, key=lambda cause: reasons.ORDER.index(reasons.state_of(cause)), reverse=True
    )
    lines = ["| cause | verdict | what to do, where nothing more precise is known |", "|---|---|---|"]
    lines += [
        f"| `{cause}` | {reasons.state_of(cause)} | {cell(reasons.TO_DO[cause])} |" for cause in ordered
    ]
    return "\n".join(lines) + "\n"


def filled(text: str, blocks: dict[str, str]) -> str:
    """Put each block between its two marks; every block has its marks and the other way round."""
    marks = re.findall(r"<!-- generated: (\S+) -->", text)
    if sorted(marks) != sorted(blocks):
        raise SystemExit(f"marks {sorted(marks)} are not those of {sorted(blocks)}")
    return re.sub(
        r"(<!-- generated: (\S+) -->\n).*?(<!-- end -->)",
        lambda found: f"{found[1]}{blocks[found[2]]}{found[3]}",
        text,
        flags=re.S,
    )


def main(argv: list[str]) -> int:
    """Write the pages, or compare them."""
    reference = ROOT / "docs/reference"
    names_of_pages = ("configmaps", "mirror", "settings", "commands", "service", "readiness")
    configmaps, mirror, settings, commands, service, readiness = (
        reference / f"{name}.md" for name in names_of_pages
    )
    pages = {
        configmaps: filled(_read(configmaps), objects()),
        mirror: filled(_read(mirror), {"arguments": command_table("mirror")}),
        settings: filled(_read(settings), {"settings": settings_table()}),
        commands: filled(_read(commands), {name: command_table(name) for name in COMMANDS}),
        readiness: filled(_read(readiness), {"causes": causes_table()}),
        service: filled(_read(service), {"metrics": metrics_table(), "status": status_tables()}),
        ROOT / "docs/index.md": filled(_read(ROOT / "docs/index.md"), {"home": home()}),
        ROOT / "docs/decisions/index.md": decisions(),
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


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, as a person would."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, "|" if "\n" in text else None
    ),
)


def _read(path: Path) -> str:
    return path.read_text() if path.is_file() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
