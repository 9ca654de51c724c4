"""Write `params:` and `args:` of the Tekton files from the table of parameters, or --check them.

Only these blocks are written; everything else in the files, comments too, stays as it is.
"""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steps.parameters import places
from steps.parameters.parameter import Group
from steps.parameters.table import TABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from steps.parameters.parameter import Parameter

FOLDER = Path(__file__).resolve().parent
WIDTH = 112
PIPELINES = {
    places.DEPLOYMENT: "deployment-pipeline.yaml",
    places.PUBLISHING: "publish-pipeline.yaml",
    places.ASKING: "readiness-pipeline.yaml",
    places.BUILD: "build-pipeline.yaml",
}


def ordered(members: Callable[[Parameter[Any]], bool]) -> list[Parameter[Any]]:
    """Return the parameters of a place by group, as in the reference; in a group, as in the table."""
    return [
        parameter for group in Group for parameter in TABLE if parameter.group is group and members(parameter)
    ]


def declarations(place: str) -> list[str]:
    """Return the `params:` of a Pipeline or Task, with the groups as comments where there are several."""
    parameters = ordered(lambda parameter: place in {*parameter.pipelines, *parameter.tasks})
    several = len({parameter.group for parameter in parameters}) > 1
    lines: list[str] = []
    group = None
    for parameter in parameters:
        if several and parameter.group is not group:
            lines.append(f"    # {parameter.group}")
        group = parameter.group
        lines += declaration(parameter, place)
    return lines


def declaration(parameter: Parameter[Any], place: str) -> list[str]:
    """Return the lines of a parameter of a Pipeline or Task."""
    default = parameter.declared_default(place)
    text = parameter.help + (f"; empty: {parameter.unset}" if parameter.unset and default == "" else "")
    lines = [
        f"    - name: {parameter.name}",
        f"      type: {'array' if parameter.array else 'string'}",
        "      description: >-",
        *textwrap.wrap(
            text,
            WIDTH,
            initial_indent=" " * 8,
            subsequent_indent=" " * 8,
            break_on_hyphens=False,
            break_long_words=False,
        ),
    ]
    if default is not None:
        lines.append("      default: []" if parameter.array else f'      default: "{default}"')
    return lines


def arguments(task: str) -> list[str]:
    """The `args:` of a Task's step. An argument that nothing gives is a mistake in the table."""
    lines = []
    for parameter in ordered(lambda parameter: task in parameter.commands and not parameter.by_hand):
        value = f"$(params.{parameter.name})" if task in parameter.tasks else parameter.task_argument
        if not value:
            raise SystemExit(f"{task}: the table does not say what the Task gives --{parameter.name}")
        lines.append(f"        - --{parameter.name}={value}")
    return lines


def handed_on(pipeline: str, task: str) -> list[str]:
    """The `params:` that a Pipeline gives one of its Tasks."""
    lines = []
    for parameter in ordered(lambda parameter: task in parameter.tasks):
        wired = parameter.wired.get(task, parameter.wired.get(pipeline))
        value = f"$(params.{parameter.name})" if wired is None else wired
        if wired is None and pipeline not in parameter.pipelines:
            raise SystemExit(f"{pipeline} has no parameter {parameter.name} for {task}")
        lines.append(f"        - name: {parameter.name}")
        if parameter.array:
            lines += ["          value:", f"            - $(params.{parameter.name}[*])"]
        else:
            lines.append(f"          value: {value}" if value else '          value: ""')
    return lines


def replaced(text: str, heading: str, block: list[str], *, after: str = "") -> str:
    """Put `block` below the first line `heading` after `after`, in place of what is indented deeper there."""
    lines = text.splitlines()
    start = lines.index(after) if after else 0
    head = lines.index(heading, start)
    depth = len(heading) - len(heading.lstrip())
    end = next(
        (
            number
            for number, line in enumerate(lines[head + 1 :], start=head + 1)
            if line.strip() and len(line) - len(line.lstrip()) <= depth
        ),
        len(lines),
    )
    return "\n".join([*lines[: head + 1], *block, *lines[end:]]) + "\n"


def results(text: str) -> list[str]:
    """The arguments that give the command the files of its results, as the file has them."""
    return re.findall(r"^        - --result-.*$", text, re.M)


def pages() -> Iterator[tuple[Path, str, str]]:
    """Each file with the text that it has and the one that it should have."""
    for task in (*places.STEP_TASKS, places.BUILDAH):
        path = FOLDER / f"task-{task}.yaml"
        before = path.read_text()
        text = replaced(before, "  params:", declarations(task))
        if task in places.STEP_TASKS:
            text = replaced(text, "      args:", [*arguments(task), *results(text)])
        yield path, before, text
    for pipeline, name in PIPELINES.items():
        path = FOLDER / name
        before = path.read_text()
        text = replaced(before, "  params:", declarations(pipeline))
        for task in re.findall(r"^    - name: (\S+)\n      taskRef:$", text, re.M):
            text = replaced(text, "      params:", handed_on(pipeline, task), after=f"        name: {task}")
        yield path, before, text


def main(argv: list[str]) -> int:
    """Write the files, or compare them."""
    stale = {path: text for path, before, text in pages() if before != text}
    if argv == ["--check"]:
        if stale:
            names = ", ".join(path.name for path in stale)
            sys.stderr.write(f"stale: {names}; run 'make docs' and commit the result\n")
        return 1 if stale else 0
    for path, text in stale.items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
