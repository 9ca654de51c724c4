"""The table of parameters: an entry for each, with all that is said of it anywhere.

To add a parameter, add its entry here and read `values[ENTRY]` where it has its effect; `make docs` writes it
into the Tekton files and the reference. The order of the entries is that of the Tekton files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from steps.parameters.parameter import Parameter
from steps.parameters.table import (
    content,
    deployment,
    image_build,
    mirror_run,
    other_commands,
    publishing,
    readiness,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


def _entries(*modules: ModuleType) -> Iterator[Parameter[Any]]:
    for module in modules:
        yield from (value for value in vars(module).values() if isinstance(value, Parameter))


TABLE: Final[tuple[Parameter[Any], ...]] = tuple(
    _entries(content, mirror_run, deployment, publishing, image_build, other_commands, readiness)
)


def of_command(command: str) -> list[Parameter[Any]]:
    """Return the parameters that a command takes."""
    return [parameter for parameter in TABLE if command in parameter.commands]


def settings() -> dict[str, Parameter[Any]]:
    """Return the parameters that may stand in the ConfigMap oc-mirror-settings, by name."""
    return {parameter.name: parameter for parameter in TABLE if parameter.setting}
