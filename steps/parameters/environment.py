"""Variables of the environment that a user may give oc-mirror: a ConfigMap with `data: {NAME: value}`.

deploy-workload checks it; the pod mounts it, and `mirror` takes it into its own environment, so that what we
ask and what oc-mirror asks is the same. Which names are let through: what oc-mirror reads
(openshift/oc-mirror, internal/pkg/release; net/http of Go for the proxies) and no parameter says.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final

from steps.parameters.value_kinds import http_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
KEY: Final = "OCP_SIGNATURE_VERIFICATION_PK"
"""The path of a file, which oc-mirror would do without if it were not there (release/signature.go)."""
LONGEST: Final = 32 * 1024
"""Characters of a value: NO_PROXY of a cluster may name many hosts."""
SAID_ELSEWHERE: Final = {
    "CONTAINERS_REGISTRIES_CONF": "give a ConfigMap with registries.conf as registries-config",
    "CONTAINERS_POLICY_JSON": "give a ConfigMap with policy.json as registries-config",
    "OC_MIRROR_CACHE": "give cache-dir",
    "REGISTRY_AUTH_FILE": "give the pull secret as pull-secret, or authfile",
    "DOCKER_CONFIG": "give the pull secret as pull-secret, or authfile",
    "SSL_CERT_FILE": "give the CA as trusted-ca-configmap, or ca-bundle",
    "SSL_CERT_DIR": "give the CA as trusted-ca-configmap, or ca-bundle",
    "HOME": "the workload sets it",
    "TMPDIR": "the workload sets it",
}
"""Names that other ways are for."""


def _url(value: str) -> None:
    http_url(value)


def _proxy(value: str) -> None:
    if "@" in value:
        raise ValueError(
            "carries a user name or password, which a ConfigMap must not hold: use a proxy that asks for none"
        )


def _path(value: str) -> None:
    if not value.startswith("/"):
        raise ValueError("is not an absolute path, such as that of a file below /local-files")


def _pattern(value: str) -> None:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from error


def _any(_value: str) -> None:
    """Take any text of one line."""


KNOWN: Final[Mapping[str, Callable[[str], None]]] = {
    "UPDATE_URL_OVERRIDE": _url,
    "OCP_SIGNATURE_URL": _url,
    KEY: _path,
    "VERSION_FILTER": _pattern,
    "HTTP_PROXY": _proxy,
    "HTTPS_PROXY": _proxy,
    "NO_PROXY": _any,
}
"""What is let through, each with the check of its value. Proxies may be written in lower case, too."""


def check(data: Mapping[str, str], origin: str) -> tuple[dict[str, str], list[str]]:
    """Return the variables, without those left empty, and a sentence for each name or value that is wrong.

    A proxy is set in upper and lower case: programs differ in which of them they read first.
    """
    right: dict[str, str] = {}
    problems: list[str] = []
    for name, value in data.items():
        text = value.strip()
        known = name.upper() if name.upper() in PROXIES else name
        if known not in KNOWN:
            problems.append(f"{origin}: {name} {_unknown(name)}")
        elif problem := _problem(known, text):
            problems.append(f"{origin}: {name} {problem}")
        elif text:
            right[name] = text
            if known in PROXIES:
                right.setdefault(name.upper(), text)
                right.setdefault(name.lower(), text)
    return right, problems


def _problem(known: str, text: str) -> str:
    if len(text) > LONGEST or not text.isprintable():
        return f"is not one line of at most {LONGEST} characters"
    try:
        if text:
            KNOWN[known](text)
    except ValueError as error:
        return str(error)
    return ""


def _unknown(name: str) -> str:
    if name in SAID_ELSEWHERE:
        return f"is not set by a variable: {SAID_ELSEWHERE[name]}"
    near = difflib.get_close_matches(name.upper(), KNOWN, n=1)
    meant = f"did you mean {near[0]}?" if near else f"known are {', '.join(KNOWN)}"
    return f"is no variable that is let through; {meant}"
