"""What the table says of a parameter, and values by parameter."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from steps.parameters.places import PREVIEW

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from steps.parameters.places import Where

T = TypeVar("T")


class Group(StrEnum):
    """What a person wants with a parameter: the headings of the reference, in its order."""

    VALUES = "Where the values are"
    WHAT = "What to mirror"
    HOW = "How to mirror"
    WHERE = "Where to"
    WHEN = "When"
    TUNING = "Tuning"
    CARRYING = "Carrying generations across a gap"
    CHANGES = "What changed, and its approval"
    UPKEEP = "Upkeep: generations, deletion, cleanup"
    GIT = "What is mirrored, back into Git"
    ACCESS = "Logins and certificates"
    WORKLOAD = "The workload in the cluster"
    SOURCE = "What to build"
    IMAGE = "The image"
    RUN = "The run"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parameter(Generic[T]):
    """One parameter, wherever it occurs; its name stands once in each Pipeline, Task and command.

    `kind` checks a text (see `value_kinds`). `default` is a text too: None has none, so that the parameter
    must be given, and an empty one means "not given". With `empty_is_default` an empty text counts as the
    default. Pipelines and Tasks declare `task_default` instead, if there is one. `help` is one sentence,
    `unset` what happens where nothing is given, `unit` what a number counts or may end with.

    `where` says where it occurs. A Task hands its parameter to the command of its name; where it has no such
    parameter it gives `task_argument`. A Pipeline hands its parameter to its Tasks, or what `wired` says for
    the Task, or for the Pipeline. The pod of the workload gives `mirror` its `pod_argument` in any case.
    `needed_in` names places to which it must be given although it has a default elsewhere. `oc_mirror` is the
    argument that `mirror` gives oc-mirror for a value, such as `--retry-times={}`.

    `not_beside` names parameters that make this one needless; where one of them is given it has no effect.
    `setting`: it may stand in the ConfigMap oc-mirror-settings, too. `by_hand`: a person gives it, no Task.
    `repeatable`: an argument may be given several times. `array`: a list in Tekton.
    """

    name: str
    kind: Callable[[str], T]
    help: str
    group: Group
    where: Where
    default: str | None = ""
    task_default: str | None = None
    unset: str = ""
    unit: str = ""
    needed_in: tuple[str, ...] = ()
    wired: Mapping[str, str] = field(default_factory=dict)
    task_argument: str = ""
    pod_argument: str = ""
    oc_mirror: str = ""
    not_beside: tuple[str, ...] = ()
    setting: bool = False
    empty_is_default: bool = False
    repeatable: bool = False
    array: bool = False
    by_hand: bool = False

    @property
    def pipelines(self) -> tuple[str, ...]:
        """The Pipelines that declare it."""
        return self.where.pipelines

    @property
    def tasks(self) -> tuple[str, ...]:
        """The Tasks that declare it."""
        return self.where.tasks

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that take it."""
        return self.where.commands

    def default_of(self, command: str) -> str | None:
        """Return the default as an argument of a command; None where it must be given.

        The preview of a deployment has the pipeline's, so that it shows what the pipeline would do.
        """
        if command == PREVIEW and self.task_default is not None and PREVIEW not in self.needed_in:
            return self.task_default
        return None if command in self.needed_in else self.default

    def declared_default(self, place: str) -> str | None:
        """Return the default as a parameter of a Pipeline or Task; None where it must be given."""
        return self.default_of(place) if self.task_default is None else self.task_default

    def parse(self, text: str) -> T:
        """Check a text; raises ValueError, the rest of a sentence that begins with the parameter's name."""
        if not text and self.empty_is_default:
            return self.kind(self.default or "")
        return self.kind(text)


class Values:
    """Checked values of parameters, by parameter; of one that was not given, its default."""

    def __init__(
        self,
        parsed: Mapping[Parameter[Any], Any] | None = None,
        texts: Mapping[str, str] | None = None,
        results: Mapping[str, Path | None] | None = None,
    ) -> None:
        """Take the values, the texts that were given (by name, none of them empty), and paths of results."""
        self._parsed = dict(parsed or {})
        self.texts = dict(texts or {})
        self.results = dict(results or {})

    def __getitem__(self, parameter: Parameter[T]) -> T:
        """Return its value, typed by its kind."""
        if parameter in self._parsed:
            return cast("T", self._parsed[parameter])
        return parameter.parse(parameter.default or "")

    def all(self, parameter: Parameter[T]) -> tuple[T, ...]:
        """Return the values of a parameter that may be repeated."""
        return tuple(self._parsed.get(parameter, ()))

    def __contains__(self, parameter: Parameter[Any]) -> bool:
        """Return whether the command that the values were given to takes the parameter."""
        return parameter in self._parsed

    def __eq__(self, other: object) -> bool:
        """Compare the values, whether given or defaults."""
        return isinstance(other, Values) and self._parsed == other._parsed

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Show the values by name."""
        return f"Values({ {parameter.name: value for parameter, value in self._parsed.items()} })"
