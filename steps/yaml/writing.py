"""YAML that every reader takes for the same: how all YAML of ours is written.

PyYAML puts quotes round what it would take for a number or a boolean itself. The programs that read our files
are written in Go and take more for one: `1234e56` is a number, `08` is 8, `y` is true. So a tag that is the
beginning of a commit's hash would reach a cluster as another text. What Go takes for what was checked against
Helm 3.16 (sigs.k8s.io/yaml 1.4).
"""

from __future__ import annotations

import re
from typing import Final

import yaml

_NUMBER: Final = re.compile(
    r"[-+]?(?:_*0_*[oOxXbB][0-9A-Fa-f_]+|[._]*[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE]_*[-+]?[0-9_]+)?)$"
)
_BOOLEAN: Final = re.compile(r"[yYnN]$")


class Dumper(yaml.SafeDumper):
    """Writes plain values as PyYAML's safe dumper does, and quotes what Go takes for no text."""


class FastDumper(yaml.CSafeDumper):
    """The same in C; for what is large."""


for _dumper in (Dumper, FastDumper):
    _dumper.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-+._0123456789"))
    _dumper.add_implicit_resolver("tag:yaml.org,2002:bool", _BOOLEAN, list("yYnN"))
