"""The table of parameters: an entry for each, with all that is said of it anywhere.

Each module has one subject, which its first line names. To add a parameter, add its entry to the module of
its subject and read `values[ENTRY]` where it has its effect; `make docs` writes it into the Tekton files and
the reference. Within a group the order there is that of `MODULES`, and in a module that of the entries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from steps.parameters.parameter import Parameter
from steps.parameters.table import (
    access,
    carrying,
    changes,
    content,
    deployment,
    generation_signatures,
    image_build,
    image_signatures,
    oc_mirror,
    other_commands,
    publishing,
    readiness,
    schedule,
    service,
    target,
    tuning,
    upkeep,
    verification,
    workflow,
)

if TYPE_CHECKING:
    from types import ModuleType


MODULES: Final[tuple[ModuleType, ...]] = (
    content,
    workflow,
    image_signatures,
    oc_mirror,
    target,
    schedule,
    tuning,
    carrying,
    generation_signatures,
    changes,
    verification,
    upkeep,
    access,
    service,
    deployment,
    publishing,
    image_build,
    other_commands,
    readiness,
)
TABLE: Final[tuple[Parameter[Any], ...]] = tuple(
    value for module in MODULES for value in vars(module).values() if isinstance(value, Parameter)
)


def of_command(command: str) -> list[Parameter[Any]]:
    """Return the parameters that a command takes."""
    return [parameter for parameter in TABLE if command in parameter.commands]


def settings() -> dict[str, Parameter[Any]]:
    """Return the parameters that may stand in the ConfigMap oc-mirror-settings, by name."""
    return {parameter.name: parameter for parameter in TABLE if parameter.setting}
