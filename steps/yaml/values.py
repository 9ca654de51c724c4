"""YAML with the types that YAML gives its scalars, within the limits of `text`: for files of Kubernetes.

libyaml builds nodes by recursion and crashes the process where a file is nested too deeply, so the events are
read first. A file is read twice for that; these files are small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

from steps.yaml import text
from steps.yaml.text import NotYamlError

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST: Final = 16 << 20
"""Bytes of a file, where the caller names no other limit: a ConfigMap holds 1 MiB."""


def values(content: bytes | str, *, limit: int = LARGEST) -> list[Any]:
    """Return the documents of a file. Raises NotYamlError, and nothing else."""
    if len(content) > limit:
        raise NotYamlError(f"{len(content):,} bytes, more than {limit:,}", "name a smaller file")
    try:
        for _document in text.documents(content, on_repeated_key=lambda _key: None):
            pass
        return list(_load(content))
    except NotYamlError:
        raise
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise NotYamlError(f"not valid YAML: {error.problem}", "correct the file", line) from None
    except (yaml.YAMLError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError) as error:
        # PyYAML's constructors raise what Python does: ValueError for the date 2024-99-99.
        raise NotYamlError(
            f"not valid YAML: {' '.join(str(error).split())[:200]}", "correct the file"
        ) from None
    except RecursionError:
        raise NotYamlError("it refers to itself", "write out the value") from None


def value(content: bytes | str, *, limit: int = LARGEST) -> Any:
    """Return the only document of a file; None for an empty file. Raises NotYamlError."""
    found = values(content, limit=limit)
    if len(found) > 1:
        raise NotYamlError("it has more than one document", "write one file for each")
    return found[0] if found else None


def _load(content: bytes | str) -> Iterator[Any]:
    yield from yaml.load_all(content, Loader=yaml.CSafeLoader)
