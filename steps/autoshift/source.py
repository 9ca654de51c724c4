"""The files the generator reads: which paths of a checkout matter, and the values files as one document.

Nothing here opens a file; the caller walks the checkout.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from steps.yaml.source import BOM

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from steps.yaml.source import SourceFile

# Where AutoShift keeps an operator's defaults: `policies/DIR/values.yaml` and its templates until 2026-02,
# `policies/{stable,certified,community}/DIR/**/kustomization.yaml` since (openshift-gitops is still a chart);
# and at the root the values of the two bootstrap charts.
_POLICY_FILE = re.compile(
    r"^(?:advanced-cluster-management|openshift-gitops)/values\.yaml$"
    r"|(?:^|/)policies/(?:[^/]+/){1,4}(?:values\.yaml|kustomization\.yaml)$"
    r"|(?:^|/)policies/(?:[^/]+/){1,2}templates/[^/]*operator[^/]*\.yaml$"
)
# Where values live in AutoShift (`autoshift/values.hub.yaml`, `autoshift/values/**`) and in an external
# repository (docs/external-values-repo.md: `global.yaml`, `clustersets/`, `clusters/`).
_VALUES_FILE = re.compile(
    r"(?:^|/)autoshift/values[^/]*\.ya?ml$"
    r"|(?:^|/)values/(?:global|(?:clustersets|clusters)/[^/]+)\.ya?ml$"
    r"|(?:^|/)(?:clustersets|clusters)/[^/]+\.ya?ml$"
    r"|^(?:global|values[^/]*)\.ya?ml$"
)


def is_policy_file(path: str) -> bool:
    """Whether a path of a checkout (`/` between its parts) may carry operator defaults."""
    return _POLICY_FILE.search(path) is not None


def values_candidates(paths: Iterable[str]) -> list[str]:
    """Pick the paths that look like values files, sorted; examples (`_name.yaml`) are left out."""
    return sorted(
        path for path in paths if _VALUES_FILE.search(path) and not path.rpartition("/")[2].startswith("_")
    )


def values_document(values: Sequence[SourceFile]) -> bytes:
    """Make the text of the ConfigMap key `values.yaml`: what was read, as it was written.

    One file stays byte for byte (without a byte order mark); several become a multi-document, each headed by
    `# Source: PATH` as in Helm's own output, in the order in which they were merged.
    """
    if len(values) == 1:
        return values[0].content.removeprefix(BOM)
    parts = []
    for source in values:
        content = source.content.removeprefix(BOM)
        end = b"" if content.endswith(b"\n") or not content else b"\n"
        parts.append(b"---\n# Source: " + source.path.encode() + b"\n" + content + end)
    return b"".join(parts)
