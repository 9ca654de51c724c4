"""The kinds of values: for each, the one function that checks a text and returns what it means.

Each raises ValueError with the rest of a sentence that begins with the parameter's name: "'0' is not a number
from 1 on".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar, get_args

if TYPE_CHECKING:
    from decimal import Decimal

    from steps.autoshift.catalog_sources import CatalogNames

T = TypeVar("T")
Kind = Callable[[str], T]
"""The check of a kind of value."""


class Workflow(StrEnum):
    """What `mirror` can do."""

    TO_DISK = "workflow-to-disk"
    FROM_DISK = "workflow-from-disk"
    DIRECT = "workflow-direct"
    PLAN_DELETION = "workflow-delete-generate"
    DELETE = "workflow-delete-execute"
    CLEANUP = "workflow-cleanup"
    VERIFY = "workflow-verify"
    VERIFY_TARGET = "workflow-verify-target"
    EXPORT = "export"
    """By `--export` alone, as the next by `--import`."""
    IMPORT = "import"
    ACKNOWLEDGE = "acknowledge"
    FORGET_TARGET = "forget-target"


class Signatures(StrEnum):
    """Whose signatures are copied."""

    AUTO = "auto"
    ALL = "all"
    NONE = "none"


class VerifySignatures(StrEnum):
    """What follows from signatures that clusters would not accept."""

    WARN = "warn"
    STRICT = "strict"
    ONLY = "only"
    NONE = "none"


class VerifyLayers(StrEnum):
    """Of which images the layers are asked for."""

    SAMPLE = "sample"
    ALL = "all"
    NONE = "none"


DeployMode = Literal["job", "cronjob", "deployment"]
CatalogMode = Literal["auto", "error", "warn", "off"]
PlanForm = Literal["full", "brief", "json"]
ForgeName = Literal["auto", "github", "gitlab", "gitea", "none"]

OC_MIRROR_KEYWORDS = (
    "cluster-resources",
    "dry-run",
    "graph-preparation",
    "helm",
    "hold-operator",
    "hold-release",
    "delete",
    "logs",
    "operator-catalogs",
    "release-images",
    "signatures",
)
"""oc-mirror's own folders: it refuses a destination whose path holds one (cli/executor.go, Validate)."""

_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\]"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REGISTRY = re.compile(rf"(?P<host>{_HOST})(?P<port>:[0-9]{{1,5}})?(?P<path>(?:/{_COMPONENT})*)")
_QUANTITY = re.compile(
    r"(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?P<suffix>[kMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?"
)
_SUFFIXES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18}
_SUFFIXES |= {f"{letter}i": 1024**power for power, letter in enumerate("KMGTPE", start=1)}
_EPOCH = date(1970, 1, 1)


def optional(kind: Kind[T]) -> Kind[T | None]:
    """Let an empty text mean "not given": a Tekton parameter cannot be left out, only left empty."""

    def parse(text: str) -> T | None:
        return kind(text) if text else None

    return parse


def text(value: str) -> str:
    """Take any text."""
    return value


def path(value: str) -> Path:
    """Take the path of a file or folder, which may be missing."""
    return Path(value)


def folder(value: str) -> Path:
    """Take the path of a folder, which may be missing but is no file."""
    found = Path(value)
    if found.is_file():
        raise ValueError(f"'{value}' is a file, not a folder")
    return found


def boolean(value: str) -> bool:
    """Parse `true` or `false`; `yes` and `1` are as often a mistake as meant."""
    if value not in {"true", "false"}:
        raise ValueError(f"'{value}' is neither 'true' nor 'false'")
    return value == "true"


optional_boolean = optional(boolean)


class Compared(NamedTuple):
    """Which generations are compared: `last` (None: the newest) with `first` (None: the one before it)."""

    first: int | None = None
    last: int | None = None


def compared(value: str) -> Compared:
    """Parse `newest`, the number of a generation, or two numbers as in `3..7`."""
    if value == NEWEST:
        return Compared()
    found = re.fullmatch(r"(?:(?P<first>[0-9]{1,6})\.\.)?(?P<last>[0-9]{1,6})", value)
    if not found:
        raise ValueError(f"'{value}' is neither '{NEWEST}' nor a generation nor two, such as 7 or 3..7")
    first = int(found["first"]) if found["first"] else None
    return Compared(first, int(found["last"]))


NEWEST = "newest"
optional_compared = optional(compared)
SWITCHES = frozenset({boolean, optional_boolean})
"""Kinds of which the name alone, as an argument, means true: `--dry-run`."""
ALONE: dict[Kind[Any], str] = {**dict.fromkeys(SWITCHES, "true"), optional_compared: NEWEST}
"""What the name alone means, by kind."""


def workflow(value: str) -> Workflow:
    """Parse the name of a workflow."""
    return Workflow(_choice(value, tuple(name for name in Workflow if name.startswith("workflow-"))))


def signatures(value: str) -> Signatures:
    """Parse whose signatures are copied."""
    return Signatures(_choice(value, tuple(Signatures)))


def verify_signatures(value: str) -> VerifySignatures:
    """Parse what follows from signatures that clusters would not accept."""
    return VerifySignatures(_choice(value, tuple(VerifySignatures)))


def verify_layers(value: str) -> VerifyLayers:
    """Parse of which images the layers are asked for."""
    return VerifyLayers(_choice(value, tuple(VerifyLayers)))


def deploy_mode(value: str) -> DeployMode:
    """Parse how the workload is deployed."""
    return _choice(value, get_args(DeployMode))  # type: ignore[return-value]


def catalog_mode(value: str) -> CatalogMode:
    """Parse how strictly operators are checked against their catalogs."""
    return _choice(value, get_args(CatalogMode))  # type: ignore[return-value]


def catalog_names(value: str) -> CatalogNames:
    """Parse which catalogs the CatalogSources of the clusters stand for: `NAME=CATALOG,…`."""
    from steps.autoshift.catalog_sources import parse_catalog_names  # late: few entrypoints know catalogs

    return parse_catalog_names(value)


def plan_form(value: str) -> PlanForm:
    """Parse how much of the plan is shown."""
    return _choice(value, get_args(PlanForm))  # type: ignore[return-value]


def number(value: str) -> int:
    """Parse a number from 0 on."""
    return _within(value, 0, None)


def positive(value: str) -> int:
    """Parse a number from 1 on."""
    return _within(value, 1, None)


def path_components(value: str) -> int:
    """Parse a number of path components from 2 on: with 1, oc-mirror makes paths that begin with `/`."""
    return _within(value, 2, None)


def log_level(value: str) -> str:
    """Parse how much oc-mirror says; at `error` it does not say what it copied, which `mirror` reads."""
    if value == "error":
        raise ValueError("'error' hides what was copied, which is read from oc-mirror's messages: use 'info'")
    return _choice(value, ("info", "debug", "trace"))


def up_to_ten(value: str) -> int:
    """Parse a number from 1 to 10, the range of oc-mirror's --parallel-images and --parallel-layers."""
    return _within(value, 1, 10)


def port(value: str) -> int:
    """Parse a TCP port; 0 lets the system choose."""
    try:
        return _within(value, 0, 65535)
    except ValueError:
        raise ValueError(f"'{value}' is not a port number") from None


def duration(value: str) -> int:
    """Parse a duration such as `90`, `60s`, `5m` or `1h` into seconds."""
    found = re.fullmatch(r"([0-9]{1,6})([smh]?)", value)
    if not found:
        raise ValueError(f"'{value}' is not a duration such as '60s', '5m' or '1h'")
    return int(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


def span(value: str) -> int:
    """Parse a duration of minutes or hours, into seconds; a bare number may be meant as minutes."""
    if re.fullmatch(r"[0-9]{1,6}", value) and int(value):
        raise ValueError(f"'{value}' has no unit: write {value}m for minutes, or {value}s for seconds")
    return duration(value)


def deadline(value: str) -> int:
    """Parse a duration in which something can be done, into seconds."""
    seconds = span(value)
    if not seconds:
        raise ValueError(f"'{value}' leaves no time; without a value it depends on the runs before")
    return seconds


def days(value: str) -> timedelta:
    """Parse a span of days or weeks, such as `90d` or `12w`."""
    if not re.fullmatch(r"[0-9]{1,5}[dw]", value):
        raise ValueError(f"'{value}' is not a span such as 90d or 12w")
    return timedelta(days=int(value[:-1]) * (7 if value.endswith("w") else 1))


def past_day(value: str) -> date:
    """Parse a day, YYYY-MM-DD, between 1970 and today in UTC."""
    return day_until(value, datetime.now(UTC).date())


def day_until(value: str, today: date) -> date:
    """Parse a day, YYYY-MM-DD, between 1970 and `today`.

    oc-mirror refuses another format, and silently misreads a day before 1970 (0001-01-01 is Go's zero time
    and means "no date") and one in the future.
    """
    try:
        day = date.fromisoformat(value) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value) else None
    except ValueError:
        day = None
    if day is None:
        raise ValueError(f"'{value}' is not a date of the form YYYY-MM-DD, such as {today.isoformat()}")
    if day < _EPOCH:
        raise ValueError(f"'{value}' is before 1970-01-01; for a full archive set incremental-mode to false")
    if day > today:
        raise ValueError(f"'{value}' lies in the future (today is {today.isoformat()} UTC)")
    return day


def schedule(value: str) -> str:
    """Parse a cron expression that a CronJob and our service read alike; write macros out."""
    from steps.parameters.cron import normal_schedule  # late: most entrypoints have no schedule

    return normal_schedule(value)


def time_zone(value: str) -> str:
    """Parse the name of a time zone of the IANA database."""
    from steps.parameters.cron import check_time_zone

    return check_time_zone(value)


def object_name(value: str) -> str:
    """Parse the name of a Kubernetes object (RFC 1123 subdomain); it can never be a path or an option."""
    if len(value) > 253 or not re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", value):
        raise ValueError(f"'{value}' is not a Kubernetes name (lower-case letters, digits, '-' and '.')")
    return value


def object_names(value: str) -> tuple[str, ...]:
    """Parse names of objects with commas between them; an empty text has none."""
    return tuple(object_name(name.strip()) for name in value.split(",")) if value else ()


def names(value: str) -> tuple[str, ...]:
    """Parse names with commas between them, each once; an empty text has none."""
    return tuple(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))


def bound_claim(value: str) -> str | None:
    """Parse the name of the claim that a run binds to a workspace; None where it binds none.

    Where an optional workspace is left out, Tekton makes `$(workspaces.NAME.path)` empty but leaves
    `$(workspaces.NAME.claim)` as it stands (tektoncd/pipeline pkg/reconciler/taskrun/resources/apply.go).
    """
    return None if not value or value.startswith("$(workspaces.") else object_name(value)


def resource_prefix(value: str) -> str:
    """Parse a text that names of resources can begin with."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", value):
        raise ValueError(f"'{value}' is not a prefix of lower-case letters, digits and '-' (at most 32)")
    return value


def run_name(value: str) -> str:
    """Parse the name of a triggered run, short enough for the names that are made of it."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?", value):
        raise ValueError(f"'{value[:80]}' is not the name of a run (at most 20 of a-z, 0-9, '-')")
    return value


def occasion(value: str) -> str:
    """Parse what sets a run apart from others of the same commit: a name such as a Job's, or a digest."""
    if not re.fullmatch(r"[A-Za-z0-9._:-]{0,253}", value):
        raise ValueError(f"'{value[:80]}' is not an occasion (letters, digits, '.', '_', ':', '-')")
    return value


def commit(value: str) -> str:
    """Parse a full commit hash (SHA-1 or SHA-256)."""
    if not re.fullmatch(r"[0-9a-f]{40}([0-9a-f]{24})?", value):
        raise ValueError(f"'{value[:80]}' is not a full commit hash")
    return value


def plan_sha256(value: str) -> str:
    """Parse the hash of a plan of deletion."""
    if not re.fullmatch(r"[0-9a-f]{64}", value):
        raise ValueError(f"'{value}' is not the sha256 of a plan, 64 digits from 0-9 and a-f")
    return value


def changes_sha256(value: str) -> str:
    """Parse the hash of a list of changes."""
    if not re.fullmatch(r"[0-9a-f]{64}", value):
        raise ValueError(f"'{value}' is not the sha256 of a list of changes, 64 digits from 0-9 and a-f")
    return value


def branch(value: str) -> str:
    """Parse the name of a branch (git-check-ref-format), without `refs/heads/`."""
    if (
        value.startswith(("-", "/", ".", "refs/"))
        or value.endswith(("/", ".", ".lock"))
        or re.search(r"[\s~^:?*\[\\\x00-\x1f\x7f]|\.\.|@\{|//|/\.|\.lock/", value)
        or len(value) > 200
        or value in {"HEAD", "@"}
    ):
        raise ValueError(f"'{value}' is not the name of a branch")
    return value


def forge(value: str) -> ForgeName:
    """Parse the kind of a forge."""
    return _choice(value, get_args(ForgeName))  # type: ignore[return-value]


def author(value: str) -> str:
    """Parse `NAME <EMAIL>`, as Git writes the author of a commit; some marks alone are no name."""
    named = re.fullmatch(r"([^<>\x00-\x1f\x7f]*[^<>\s\x00-\x1f\x7f]) <[^<>\s]+@[^<>\s]+>", value)
    if not named or not named[1].strip(" .,:;\"\\'"):
        raise ValueError(f"'{value}' is not NAME <EMAIL>")
    return value


def ca_reference(value: str) -> tuple[str, str, str]:
    """Parse NAME:KEY or NAME:KEY:NAMESPACE of a ConfigMap; the namespace is empty where none is given."""
    name, _, rest = value.partition(":")
    key, _, namespace = rest.partition(":")
    if not re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", key):
        raise ValueError(f"'{value}' is not NAME:KEY or NAME:KEY:NAMESPACE of a ConfigMap")
    return object_name(name), key, object_name(namespace) if namespace else ""


def places_of_values(value: str) -> tuple[str, ...]:
    """Parse NAME, SECTION.NAME or FILE:SECTION.NAME, separated by commas; an empty text has none."""
    found = names(value)
    for name in found:
        file, _, rest = name.rpartition(":")
        if not re.fullmatch(r"[^\s.:/]+(\.[^\s.:/]+)*", rest) or file.startswith(("/", "-")):
            raise ValueError(f"'{name}' is not NAME, SECTION.NAME or FILE:SECTION.NAME")
    return found


def http_url(value: str) -> str:
    """Parse an http or https URL without credentials."""
    if not re.fullmatch(r"https?://[^\s/@]+(/\S*)?", value):
        raise ValueError(f"'{value}' is not an http:// or https:// URL")
    return value


def image_by_digest(value: str) -> str:
    """Parse an image reference that names a digest; a tag alone may mean another image tomorrow."""
    from steps.oci.reference import Reference  # late: few entrypoints are given an image

    reference = Reference.find(value)
    if (
        reference is None
        or "/" not in reference.name
        or "://" in value
        or not re.fullmatch(r"sha256:[0-9a-f]{64}", reference.digest)
    ):
        raise ValueError(f"'{value}' is not an image by digest, HOST/PATH@sha256:…")
    return value


def registry(value: str) -> str:
    """Parse HOST[:PORT][/PATH] with a host that oc-mirror takes for one and a path that it accepts.

    A first part without dot or port is a path of docker.io to the container tools, unless it is `localhost`.
    """
    found = _REGISTRY.fullmatch(value)
    if "://" in value:
        raise ValueError(f"'{value}' has a scheme; leave '{value.split('://')[0]}://' out")
    if value.startswith("["):
        raise ValueError(
            f"'{value}' is an IPv6 literal, which oc-mirror cannot read: give that host a name, in DNS or"
            " /etc/hosts"
        )
    if not found:
        raise ValueError(
            f"'{value}' is not a registry HOST[:PORT][/PATH] (no tag, no digest, a path in lower case)"
        )
    if not found["port"] and "." not in found["host"] and found["host"] != "localhost":
        raise ValueError(
            f"'{value}' begins with '{found['host']}', which is no host name; add domain or port"
        )
    if found["port"] and not 0 < int(found["port"][1:]) < 2**16:
        raise ValueError(f"'{value}' has a port beyond 65535")
    return _without_keywords(value)


def site_name(value: str) -> str:
    """Parse the name of a site: of an object, and part of a path that oc-mirror is given."""
    return _without_keywords(object_name(value))


def _without_keywords(value: str) -> str:
    for word in OC_MIRROR_KEYWORDS:
        if word in value:
            raise ValueError(f"'{value}' contains '{word}', a name that oc-mirror keeps for itself")
    return value


def volume_size(value: str) -> str:
    """Check the size of a volume, a Kubernetes quantity of 1 Gi or more."""
    return _at_least(value, "1Gi", such_as="500Gi", meant="Gi")


def memory(value: str) -> str:
    """Check an amount of memory, a Kubernetes quantity of 64 Mi or more."""
    in_mebibytes = value.isdecimal() and len(value) > 2
    return _at_least(value, "64Mi", such_as="4Gi", meant="Mi" if in_mebibytes else "Gi")


def _at_least(value: str, least: str, *, such_as: str, meant: str) -> str:
    if bytes_of(value, such_as=such_as) >= bytes_of(least):
        return value
    if value.isdecimal():
        raise ValueError(
            f"'{value}' is {value} bytes, which is less than {least}; did you mean {value}{meant}?"
        )
    raise ValueError(f"'{value}' is less than {least}")


def bytes_of(value: str, *, such_as: str = "500Gi") -> Decimal:
    """Return the bytes of a Kubernetes quantity, which may be a fraction.

    The rules: k8s.io/apimachinery, pkg/api/resource, quantity.go. Milli and smaller are no size.
    """
    from decimal import Decimal  # late: few entrypoints are given a size

    found = _QUANTITY.fullmatch(value)
    if not found:
        near = re.fullmatch(r"([0-9]+) *([KMGTPE])i?B?", value, re.IGNORECASE)
        meant = f"; did you mean {near[1]}{near[2].upper()}i?" if near else ""
        raise ValueError(f"'{value}' is not a quantity such as {such_as}{meant}")
    suffix = found["suffix"] or ""
    scale = Decimal(_SUFFIXES[suffix]) if suffix in _SUFFIXES else Decimal(10) ** int(suffix[1:])
    result = Decimal(found["number"]) * scale
    if not 0 < result < 2**63:
        raise ValueError(f"'{value}' is not more than 0 and less than 8Ei")
    return result


def size(value: str) -> int:
    """Parse a size such as `25G` or `500Mi` into bytes, as `bytes_of` reads it."""
    return int(bytes_of(value))


def fs_group(value: str) -> int | str | None:
    """Parse `auto`, `none` (None) or a group's number."""
    if value == "auto":
        return value
    if value == "none":
        return None
    if not re.fullmatch(r"[0-9]{1,10}", value) or int(value) >= 2**31:
        raise ValueError(f"'{value}' is neither 'auto' nor 'none' nor a number")
    return int(value)


def _choice(value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        known = ", ".join(f"'{choice}'" for choice in choices)
        import difflib

        plain = value.lower().replace("_", "-").replace(" ", "-").strip("-")
        meant = [choice for choice in choices if f"-{choice}".endswith(f"-{plain}")]
        meant = meant or difflib.get_close_matches(plain, choices, n=1)
        guess = f"did you mean '{meant[0]}'? " if meant else ""
        raise ValueError(f"is an invalid choice: '{value}' ({guess}choose from {known})")
    return value


def _within(value: str, lowest: int, highest: int | None) -> int:
    found = int(value) if re.fullmatch(r"[0-9]{1,6}", value) else -1
    if found >= lowest and (highest is None or found <= highest):
        return found
    if highest is not None:
        raise ValueError(f"'{value}' is not a number from {lowest} to {highest}")
    raise ValueError(f"'{value}' is not a number" + (f" from {lowest} on" if lowest else ""))
