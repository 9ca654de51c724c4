"""The three ConfigMaps of a deployment: all that the workload mounts, the ImageSet, and the values.

A ConfigMap holds at most 1 MiB, all keys together (kubernetes.io/docs/concepts/configuration/configmap). Real
values of a large fleet can exceed that. A text that does not fit is stored gzip-compressed under `binaryData`
as NAME.gz, which the workload reads too; no text is ever cut.
"""

from __future__ import annotations

import base64
import gzip
import logging
import zlib
from typing import TYPE_CHECKING

from steps.errors import InvalidInputError
from steps.workload import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steps.cluster import KubernetesObject

log = logging.getLogger("steps.workload")

LIMIT = 1024 * 1024
UNPACKED_LIMIT = 64 * 1024 * 1024  # bytes; gzip packs text to about a tenth, so more is not a text
IMAGESET_KEY = "imageset.yaml"
VALUES_KEY = "values.yaml"
COMMIT_KEY, REPOSITORY_KEY = "values-commit", "values-repository"


def deployment_configmaps(
    *, values: bytes | None, imageset: str, namespace: str, commit: str, source: str, repository: str = ""
) -> list[KubernetesObject]:
    """Make oc-mirror-config, oc-mirror-imageset and, where there are values, oc-mirror-values.

    `commit`, `repository` (a URL; both empty with a user's ImageSet) and `source` (a URL and paths, or the
    name of a ConfigMap) say where the content comes from; put no credentials into them. Equal input gives
    equal objects.
    Raises InvalidInputError for values that are not UTF-8 and for content that does not fit even compressed.
    """
    texts = {IMAGESET_KEY: imageset}
    if values is not None:
        texts[VALUES_KEY] = _decode(values, source)
    # For the service's page and signed statements; the ImageSet alone decides whether a pod is replaced.
    texts |= {key: text for key, text in ((COMMIT_KEY, commit), (REPOSITORY_KEY, repository)) if text}
    contents = {names.CONFIG: texts, names.IMAGESET: {IMAGESET_KEY: imageset}}
    if values is not None:
        contents[names.VALUES] = {VALUES_KEY: texts[VALUES_KEY]}
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": names.labels("configuration"),
                "annotations": names.annotate(
                    commit=commit, source=source, sha256=names.digest("\0".join(content.values()))
                ),
            },
            **configmap_fields(content, f"ConfigMap {namespace}/{name}"),
        }
        for name, content in contents.items()
    ]


def config_sha256(imageset: str) -> str:
    """Return the SHA-256 of the ImageSet, which alone decides what the workload does."""
    return names.digest(imageset)


def configmap_fields(content: Mapping[str, str], origin: str) -> dict[str, dict[str, str]]:
    """Return texts as `data` and, until all fits, the largest of them compressed as `binaryData`.

    Raises InvalidInputError, with the sizes, if even that exceeds the limit.
    """
    plain = dict(content)
    packed: dict[str, bytes] = {}
    sizes = {name: len(text.encode()) for name, text in content.items()}

    def total() -> int:
        return sum(sizes[name] for name in plain) + sum(map(len, packed.values()))

    while total() > LIMIT and plain:
        name = max(plain, key=sizes.__getitem__)
        packed[f"{name}.gz"] = gzip.compress(plain.pop(name).encode(), mtime=0)
        log.info("%s: %s has %d bytes, stored compressed as %s.gz", origin, name, sizes[name], name)
    if total() > LIMIT:
        found = ", ".join(f"{name} {size} bytes" for name, size in sizes.items())
        raise InvalidInputError(
            f"{origin} would need {total()} bytes even compressed, a ConfigMap holds {LIMIT} ({found})",
            "name fewer values files, or split the fleet into several runs with namespaces of their own",
        )
    binary = {name: base64.b64encode(data).decode() for name, data in packed.items()}
    return {key: value for key, value in (("data", plain), ("binaryData", binary)) if value}


def texts_of(configmap: KubernetesObject) -> dict[str, str]:
    """Return the texts of a ConfigMap by name: those of `data`, and those of `binaryData` under NAME.gz.

    Raises InvalidInputError for a NAME.gz that is not a compressed UTF-8 text.
    """
    packed: dict[str, str] = configmap.get("binaryData") or {}
    texts = {
        key.removesuffix(".gz"): _unpack(content, configmap["metadata"]["name"], key)
        for key, content in packed.items()
        if key.endswith(".gz")
    }
    return texts | (configmap.get("data") or {})


def _unpack(content: str, name: str, key: str) -> str:
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)  # gzip's header and checksum
    try:
        text = unpacker.decompress(base64.b64decode(content), UNPACKED_LIMIT).decode()
        problem = "" if unpacker.eof and not unpacker.unused_data else "cut off, too large, or two in one"
    except (zlib.error, ValueError) as error:
        problem = str(error)
    if problem:
        raise InvalidInputError(
            f"ConfigMap {name}: {key} is not a compressed text: {problem}",
            f"make it by 'gzip FILE' and 'oc create configmap {name} --from-file={key}=FILE.gz'",
        )
    return text


def _decode(values: bytes, source: str) -> str:
    try:
        return values.decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"the values of {source} are not UTF-8 text (byte {error.start})", "store the file as UTF-8"
        ) from error
