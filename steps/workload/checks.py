"""What a parameter of the deployment must look like; each check raises ValueError, the rest of a sentence.

They run before the cluster is touched, so that a slip costs seconds and not a failed run of the workload.
"""

from __future__ import annotations

import argparse
import re
from decimal import Decimal
from typing import TYPE_CHECKING

from steps.cli import kubernetes_name
from steps.mirroring.ocmirror.command import KEYWORDS
from steps.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Mapping

PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")

_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\]"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REGISTRY = re.compile(rf"(?P<host>{_HOST})(?P<port>:[0-9]{{1,5}})?(?P<path>(?:/{_COMPONENT})*)")
_QUANTITY = re.compile(
    r"(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?P<suffix>[kMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?"
)
_SUFFIXES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18}
_SUFFIXES |= {f"{letter}i": 1024**power for power, letter in enumerate("KMGTPE", start=1)}


def check_image(image: str) -> str:
    """Return an image reference that names a digest; a tag alone may mean another image tomorrow."""
    reference = Reference.find(image)
    if (
        reference is None
        or "/" not in reference.name
        or "://" in image
        or not re.fullmatch(r"sha256:[0-9a-f]{64}", reference.digest)
    ):
        raise ValueError(f"'{image}' is not an image by digest, HOST/PATH@sha256:…")
    return image


def name(text: str) -> str:
    """Return the name of an object; ValueError if Kubernetes would not take it."""
    try:
        return kubernetes_name(text)
    except argparse.ArgumentTypeError as error:
        raise ValueError(f"is wrong: {error}") from error


def count(text: str) -> int:
    """Return a number from 1 on."""
    if not re.fullmatch(r"[0-9]{1,6}", text) or int(text) < 1:
        raise ValueError(f"'{text}' is not a number from 1 on")
    return int(text)


def name_list(text: str) -> tuple[str, ...]:
    """Return the names of objects in a list by comma."""
    return tuple(name(one.strip()) for one in text.split(","))


def check_registry(registry: str) -> str:
    """Return HOST[:PORT][/PATH] with a host that oc-mirror takes for one and a path that it accepts.

    A first part without dot or port is a path of docker.io to the container tools, unless it is `localhost`.
    """
    found = _REGISTRY.fullmatch(registry)
    if "://" in registry:
        raise ValueError(f"'{registry}' has a scheme; leave '{registry.split('://')[0]}://' out")
    if not found:
        raise ValueError(f"'{registry}' is not HOST[:PORT][/PATH] (no tag, no digest, a path in lower case)")
    if not found["port"] and "." not in found["host"] and found["host"] != "localhost":
        raise ValueError(
            f"'{registry}' begins with '{found['host']}', which is no host name; add domain or port"
        )
    if found["port"] and not 0 < int(found["port"][1:]) < 2**16:
        raise ValueError(f"'{registry}' has a port beyond 65535")
    for word in KEYWORDS:
        if word in registry:
            raise ValueError(f"'{registry}' contains '{word}', a name that oc-mirror keeps for itself")
    return registry


def quantity(text: str) -> Decimal:
    """Value of a Kubernetes quantity such as `500Gi`, in its unit; more than 0 and at most 8 Ei.

    The rules: k8s.io/apimachinery, pkg/api/resource, quantity.go. Milli and smaller are no size.
    """
    found = _QUANTITY.fullmatch(text)
    if not found:
        raise ValueError(f"'{text}' is not a quantity such as 500Gi")
    suffix = found["suffix"] or ""
    scale = Decimal(_SUFFIXES[suffix]) if suffix in _SUFFIXES else Decimal(10) ** int(suffix[1:])
    value = Decimal(found["number"]) * scale
    if not 0 < value < 2**63:
        raise ValueError(f"'{text}' is not more than 0 and less than 8Ei")
    return value


def fs_group(text: str) -> int | str | None:
    """Parse `auto`, `none` (None) or a group's number."""
    if text == "auto":
        return text
    if text == "none":
        return None
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) >= 2**31:
        raise ValueError(f"'{text}' is neither 'auto' nor 'none' nor a number")
    return int(text)


def proxy_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The proxy variables of `environment`, in either case, for the workload.

    A proxy URL with a password in it is refused, unquoted: anybody who may read the workload could read it.
    """
    wanted = [*PROXY_VARIABLES, *map(str.lower, PROXY_VARIABLES)]
    found = {name: environment[name] for name in wanted if environment.get(name)}
    for name, value in found.items():
        if name.upper() != "NO_PROXY" and "@" in value:
            raise ValueError(
                f"{name} carries a user name or password, which the workload's objects would show"
            )
    return found
