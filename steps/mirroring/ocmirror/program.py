"""The program oc-mirror as it is installed: its version, and the options that it says it has.

Two lines of it exist. Up to 4.22 it came with OpenShift and had OpenShift's numbers; since October 2026 it is
a product of its own and began again with 2.0.0. So a number says little: what a program can do is read from
`oc-mirror --v2 --help`. The number counts only where it alone tells something: 4.16 and 4.17 end with exit
code 0 and an archive although images failed (openshift/oc-mirror, release-4.17, v2/internal/pkg/cli).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from steps import process
from steps.bounded import json_of
from steps.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

OLDEST: Final = (4, 18)
"""The oldest of the 4.x line."""
NEEDED: Final = (
    "--authfile",
    "--cache-dir",
    "--config",
    "--dest-tls-verify",
    "--dry-run",
    "--from",
    "--log-level",
    "--port",
    "--since",
    "--src-tls-verify",
    "--workspace",
)
"""Options that runs of ours always need; all programs from 4.18 on have them."""
REMOVE_SIGNATURES: Final = "--remove-signatures"
REGISTRIES_D: Final = "--registries.d"
POLICY: Final = "--policy"
SECURE_POLICY: Final = "--secure-policy"
SIGNATURE_OPTIONS: Final = (REMOVE_SIGNATURES, REGISTRIES_D)
"""Both exist from 4.19 on; 4.18 copies no signatures."""
_WAY_OUT: Final = "use an image with another oc-mirror (docs/how-to/build-the-image.md)"
_OPTION = re.compile(r"\s+(?:-\w, )?(--[\w.-]+)(?: \S+)?\s{2,}(.*)")
_DEFAULT = re.compile(r"\(default \"?(.*?)\"?\)$")


@dataclass(frozen=True, slots=True)
class Program:
    """One oc-mirror: `version` as it calls itself, and `options`, each with the default that its help names.

    A default is empty where the help names none, as for `false`, 0 and an empty text. `commit` is what
    the program says it was built from; empty where it says nothing.
    """

    executable: str
    version: str
    options: Mapping[str, str]
    commit: str = ""

    def has(self, option: str) -> bool:
        """Return whether the program has an option, such as `--remove-signatures`."""
        return option in self.options

    @property
    def copies_signatures(self) -> bool:
        """Whether it can copy signatures, and be told of which sources."""
        return all(self.has(option) for option in SIGNATURE_OPTIONS)

    def require(self, argument: str, wanted_by: str) -> None:
        """Refuse an argument whose option the program lacks; `wanted_by` says who asked for it.

        Raises InvalidInputError.
        """
        option = argument.partition("=")[0]
        if not self.has(option):
            raise InvalidInputError(
                f"oc-mirror {self.version} ({self.executable}) has no option {option}: {wanted_by} needs it",
                f"leave {wanted_by} out, or {_WAY_OUT}",
            )


def inspect(executable: str, environment: Mapping[str, str]) -> Program:
    """Ask a program for its version and its options.

    Raises NotFoundError if it is no oc-mirror, InvalidInputError if it is too old for us.
    """
    answer = process.ask([executable, "version", "--output", "json"], environment=environment)
    said = answer.output or answer.errors
    version = parse_version(said)
    answer = process.ask([executable, "--v2", "--help"], environment=environment)
    options = parse_help(f"{answer.output}\n{answer.errors}")
    if lacking := [option for option in NEEDED if option not in options]:
        raise InvalidInputError(
            f"oc-mirror {version} ({executable}) has no option {', '.join(lacking)}: every run needs it",
            f"{_WAY_OUT}: 4.18 and later, and 2.0 and later, have it",
        )
    return Program(executable, version, options, commit=_commit(said))


def parse_version(output: str) -> str:
    """Read `oc-mirror version --output json`.

    Raises NotFoundError if that is no answer of oc-mirror, InvalidInputError for one of the 4.x line that is
    older than 4.18. Other numbers, and a build without one, are of no concern.
    """
    try:
        text = str(json_of(output[output.index("{") :])["clientVersion"]["gitVersion"])
    except (ValueError, KeyError, TypeError):
        raise NotFoundError(
            f"oc-mirror did not tell its version; it said: {' '.join(output.split())[:200] or 'nothing'}",
            "check that --oc-mirror names oc-mirror itself, built for this machine",
        ) from None
    found = re.match(r"v?4\.(\d{1,9})\.", text)
    if found and (4, int(found[1])) < OLDEST:
        raise InvalidInputError(
            f"oc-mirror {text} is older than {OLDEST[0]}.{OLDEST[1]}: it may call a failed run a success",
            f"{_WAY_OUT}: 4.18 or newer, or 2.0 or newer",
        )
    return text


def _commit(output: str) -> str:
    return str(json_of(output[output.index("{") :])["clientVersion"].get("gitCommit", ""))


def parse_help(text: str) -> dict[str, str]:
    """Read the options of `oc-mirror --v2 --help`, each with its default; empty for anything else."""
    found = {}
    for line in text.splitlines():
        if option := _OPTION.fullmatch(line.rstrip()):
            default = _DEFAULT.search(option[2])
            found[option[1]] = default[1] if default else ""
    return found
