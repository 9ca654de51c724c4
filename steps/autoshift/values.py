"""Values files: which paths of a checkout they have, and how several become one tree.

Nothing here opens a file; the caller walks the checkout. Files merge the way Helm merges its `-f` files
(pkg/cli/values/options.go, mergeMaps): a map merges into a map key by key; any other value, lists and nulls
included, replaces the value before. A null stays null: AutoShift's chart renders it as a blank label.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from steps.autoshift.overrides import Override, describe_overrides, overrides
from steps.autoshift.policies import is_policy_file
from steps.autoshift.spelling import nearest
from steps.errors import InvalidInputError
from steps.yaml.nodes import repeated_keys
from steps.yaml.source import BOM
from steps.yaml.text import Tree, parse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from steps.yaml.source import SourceFile

# Where values live in AutoShift (`autoshift/values.hub.yaml`, `autoshift/values/**`) and in an external
# repository (docs/external-values-repo.md: `global.yaml`, `clustersets/`, `clusters/`).
_VALUES_FILE = re.compile(
    r"(?:^|/)autoshift/values[^/]*\.ya?ml$"
    r"|(?:^|/)values/(?:global|(?:clustersets|clusters)/[^/]+)\.ya?ml$"
    r"|(?:^|/)(?:clustersets|clusters)/[^/]+\.ya?ml$"
    r"|^(?:global|values[^/]*)\.ya?ml$"
)

# What AutoShift's chart reads beside `autoshift…` and the sections, at any time.
_GLOBAL_KEYS: Final = frozenset(
    {
        "excludePolicies",
        "gitopsNamespace",
        "policyGenerator",
        "policyNamespace",
        "policy_namespace",
        "selfManagedHubSet",
        "versionedClusterSets",
    }
)
_TOP_KEY = re.compile(
    rb"^(?:\xef\xbb\xbf)?[\"']?([A-Za-z][\w.-]*)[\"']?[ \t]*:(?=[ \t\r\n]|\Z)", re.MULTILINE
)
_LIST = re.compile(
    rb"^[\"']?([A-Za-z]+)[\"']?[ \t]*:[ \t]*(?:\[|(?:#[^\n]*)?\r?\n(?:[ \t]*(?:#[^\n]*)?\r?\n)*[ \t]*- )",
    re.MULTILINE,
)
SHOWN: Final = 5  # faults of one kind named in a file; the others are counted


def values_candidates(paths: Iterable[str]) -> list[str]:
    """Return the paths that look like values files, sorted, without examples (`_name.yaml`)."""
    return sorted(
        path for path in paths if _VALUES_FILE.search(path) and not path.rpartition("/")[2].startswith("_")
    )


def is_values(source: SourceFile, sections: Collection[str]) -> bool:
    """Tell whether a file of a folder is meant as values: by the keys at its top level, wherever it lies.

    These are `sections`, words that nearly are one (but not `cluster`, which is common), and the keys that
    AutoShift's chart reads besides (autoshift/templates). A Kubernetes object (`kind`), a list and whatever
    is not YAML are none, and neither are the values of policies, which are charts of their own with keys of
    the same names. A file that begins as values do and is broken further on is one, so that somebody says so.
    """
    if is_policy_file(source.path):
        return False
    keys = {key.decode() for key in _TOP_KEY.findall(source.content)} or _parsed_keys(source)
    if not keys.isdisjoint({"kind", "apiVersion"}):
        return False
    lists = {key.decode() for key in _LIST.findall(source.content)}
    return any(
        key not in lists if key in sections else key.startswith("autoshift") or key in _GLOBAL_KEYS
        for key in keys
    ) or any((nearest(key, sections) or "clusters") != "clusters" for key in keys)


def _parsed_keys(source: SourceFile) -> set[str]:
    """Return the top-level keys of a file that begins no line with one: in one line, or indented."""
    try:
        documents = parse(source, on_repeated_key=lambda _key: None)
    except InvalidInputError:
        return set()
    return {key for document in documents if isinstance(document, dict) for key in document}


def values_document(values: Sequence[SourceFile]) -> bytes:
    """Return the text of the ConfigMap key `values.yaml`: the files as they were written.

    A single file stays byte for byte (without a byte order mark). Several become a multi-document in the
    order of merging, each with the heading `# Source: PATH` as in Helm's own output.
    """
    if len(values) == 1:
        return values[0].content.removeprefix(BOM)
    parts = []
    for source in values:
        content = source.content.removeprefix(BOM)
        end = b"" if content.endswith(b"\n") or not content else b"\n"
        parts.append(b"---\n# Source: " + source.path.encode() + b"\n" + content + end)
    return b"".join(parts)


def read_values(
    values: Sequence[SourceFile], sections: Collection[str] = ()
) -> tuple[dict[str, Tree], list[str]]:
    """Parse the files and merge them in their order; return the merged map and warnings.

    Values in the entries of `sections` that a later file replaces are warned of. A key that stands twice in a
    map is warned of, and the last one counts, as in Helm. Raises InvalidInputError for a file that is not
    well-formed or whose top level is not a map.
    """
    merger = Merger()
    warnings: list[str] = []
    replaced: list[Override] = []
    words: dict[str, str] = {}
    for number, source in enumerate(values):
        repeated: list[str] = []
        parsed = parse(source, on_repeated_key=repeated.append, words=words)
        documents = [document for document in parsed if document is not None]
        if repeated:
            warnings += list(_repetitions(source)) or [
                f"{source.path}: {key} stands twice in one map: only the last counts, as in Helm"
                for key in repeated[:SHOWN]
            ]
        if len(documents) > 1:
            warnings.append(
                f"{source.path} has {len(documents)} YAML documents: Helm reads only the first, all are used "
                "here; make each a file of its own"
            )
        for document in documents:
            if not isinstance(document, dict):
                kind = "a list" if isinstance(document, list) else "a single text"
                raise InvalidInputError(
                    f"{source.path}: the top level is {kind}, not a map",
                    "name an AutoShift values file (hubClusterSets, managedClusterSets, clusters)",
                )
            replaced += overrides(merger.result, document, sections, number)
            merger.add(document)
    return merger.result, [*warnings, *describe_overrides(replaced, values)]


def _repetitions(source: SourceFile) -> Iterator[str]:
    """Warn of the keys that stand more than once in a map of a file, and of many of them only count."""
    found = [(path, lines) for path, lines in repeated_keys(source) if not path.endswith("<<")]
    for path, (*before, last) in found[:SHOWN]:
        earlier = " and ".join(map(str, before))
        yield (
            f"{source.path}, line {last}: {path} stands in line {earlier} already: only line {last} counts, "
            "as in Helm; remove the others"
        )
    if len(found) > SHOWN:
        yield f"{source.path}: {len(found) - SHOWN} more keys stand twice in one map"


def merge(base: dict[str, Tree], over: dict[str, Tree]) -> dict[str, Tree]:
    """Return `base` with `over` merged over it; change neither."""
    merger = Merger()
    merger.add(base)
    merger.add(over)
    return merger.result


class Merger:
    """Merges maps one after another into `result`, without changing any of them.

    A map is copied when something is first merged into it, not at every merge: a fleet may have a file for
    each cluster, and to copy all clusters for each file would take quadratic time.
    """

    def __init__(self) -> None:
        """Begin with an empty map."""
        self.result: dict[str, Tree] = {}
        # The copies made so far by id; holding them keeps their ids from being used again.
        self._copies: dict[int, dict[str, Tree]] = {}

    def add(self, over: dict[str, Tree]) -> None:
        """Merge `over` into the result."""
        self._merge_into(self.result, over)

    def _merge_into(self, base: dict[str, Tree], over: dict[str, Tree]) -> None:
        for key, value in over.items():
            below = base.get(key)
            if isinstance(below, dict) and isinstance(value, dict):
                if id(below) not in self._copies:
                    below = dict(below)
                    self._copies[id(below)] = below
                    base[key] = below
                self._merge_into(below, value)
            else:
                base[key] = value
