"""Command lines by the table: each command takes the parameters that the table gives it, and no others.

All that is wrong is told at once, since another run to find the next slip may take minutes.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steps import cli
from steps.errors import UsageError
from steps.parameters import contradictions, shared_settings
from steps.parameters.parameter import Group, Parameter, Values
from steps.parameters.table import of_command
from steps.parameters.table.tuning import SETTINGS
from steps.parameters.value_kinds import ALONE, SWITCHES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Mapping, Sequence

log = logging.getLogger(__name__)

HINT = "nothing was changed; the reference says what each parameter takes (docs/reference)"


def parse(
    command: str,
    argv: Sequence[str],
    description: str | None,
    *,
    results: tuple[str, ...] = (),
    problems: Iterable[str] = (),
) -> Values:
    """Parse and check the arguments of a command; `description` is shown by --help.

    What was given and has no effect is a warning in the log.

    `results` are the names of its Tekton results, `problems` what the caller found wrong elsewhere. Raises
    UsageError with all that is wrong. Where the command takes --settings, what is set there counts as given
    unless an argument says otherwise.
    """
    parameters = of_command(command)
    declared = parser(command, description, results=results)
    read, unknown = declared.parse_known_args(list(argv))
    given = vars(read)
    texts = {parameter.name: given[parameter.name] for parameter in parameters}
    found = [problem for problem in (declared.about_unknown(unknown), *problems) if problem]
    configured: dict[str, str] = {}
    if folder := texts.get(SETTINGS.name):
        configured, wrong = shared_settings.check(shared_settings.read(Path(folder)))
        found += wrong
    values, wrong = _check(command, parameters, _given(parameters, texts), configured)
    found += [*wrong, *contradictions.found_in(values)]
    if found:
        raise UsageError("; ".join(found), f"nothing was changed; '{command} --help' says what each takes")
    for warning in contradictions.without_effect(values):
        log.warning("%s", warning)
    values.results = {name: given[f"result-{name}"] for name in results}
    return values


def parser(command: str, description: str | None, *, results: tuple[str, ...] = ()) -> cli.Parser:
    """Declare the arguments of a command, grouped as in the reference."""
    made = cli.Parser(command, description)
    parameters = of_command(command)
    required = [parameter for parameter in parameters if _is_required(parameter, command)]
    needed = [f"--{parameter.name}={_metavar(parameter)}" for parameter in required]
    made.usage = " ".join((command, *needed, "[--OPTION=VALUE ...]"))
    for group in Group:
        members = [parameter for parameter in parameters if parameter.group is group]
        if members:
            titled = made.add_argument_group(group)
            for parameter in members:
                _declare(titled, parameter, command)
    if results:
        titled = made.add_argument_group("Results", "files to write results to (Tekton passes their paths)")
        for name in results:
            titled.add_argument(
                f"--result-{name}",
                type=Path,
                metavar="PATH",
                dest=f"result-{name}",
                help=f"where to write '{name}'",
            )
    return made


def _declare(group: argparse._ArgumentGroup, parameter: Parameter[Any], command: str) -> None:
    alone = ALONE.get(parameter.kind)
    group.add_argument(
        f"--{parameter.name}",
        dest=parameter.name,
        metavar=_metavar(parameter),
        action="append" if parameter.repeatable else "store",
        **({"nargs": "?", "const": alone} if alone else dict[str, Any]()),
        help=_help(parameter, parameter.default_of(command)).replace("%", "%%"),
    )


def _is_required(parameter: Parameter[Any], command: str) -> bool:
    return parameter.default_of(command) is None and not parameter.not_beside


def _metavar(parameter: Parameter[Any]) -> str:
    return "true|false" if parameter.kind in SWITCHES else parameter.name.rpartition("-")[2].upper()


def _help(parameter: Parameter[Any], default: str | None) -> str:
    """Return what a parameter does, its unit, and what applies where it is not given."""
    known = [f"unit: {parameter.unit}"] if parameter.unit else []
    if default:
        known.append(f"default: {default}")
    elif parameter.unset:
        known.append(f"not given: {parameter.unset}")
    return f"{parameter.help} ({'; '.join(known)})" if known else parameter.help


def _given(parameters: Iterable[Parameter[Any]], texts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the arguments give. An empty text gives nothing for a parameter that may be a setting."""
    return {
        parameter.name: texts[parameter.name]
        for parameter in parameters
        if texts[parameter.name] is not None and (texts[parameter.name] or not parameter.setting)
    }


def _check(
    command: str,
    parameters: Iterable[Parameter[Any]],
    given: Mapping[str, Any],
    configured: Mapping[str, str],
) -> tuple[Values, list[str]]:
    """Check each value alone; return those that are right, and a sentence for each that is wrong."""
    parsed: dict[Parameter[Any], Any] = {}
    problems: list[str] = []
    for parameter in parameters:
        name, default = parameter.name, parameter.default_of(command)
        if any(given.get(other) for other in parameter.not_beside):
            continue
        text = given.get(name, configured.get(name, default))
        try:
            if parameter.repeatable:
                parsed[parameter] = tuple(_each(parameter, text or ()))
            elif text or default is not None:
                parsed[parameter] = parameter.parse(text or "")
            elif text is None and name not in given:
                problems.append(_not_given(parameter))
            else:
                problems.append(f"{name} is empty")
        except ValueError as error:
            problems.append(f"{name} {error}" if text else f"{name} is empty")
    return Values(parsed, given), problems


def _each(parameter: Parameter[Any], texts: Iterable[str]) -> Iterator[Any]:
    """Parse each text. Raises ValueError for an empty one that counts: as a path it is the current folder."""
    for text in texts:
        value = parameter.parse(text)
        if not text and value is not None:
            raise ValueError("is empty")
        yield value


def _not_given(parameter: Parameter[Any]) -> str:
    if not parameter.not_beside:
        return f"--{parameter.name} is not given"
    return f"none of --{', --'.join((parameter.name, *parameter.not_beside))} is given"
