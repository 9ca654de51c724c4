"""Every reader of data that is not ours ends with an error of its own for whatever it is given.

Each reader gets mutations of a document that it reads: other bytes, nesting, other types, huge numbers. By
default 2,000 in all; READER_FUZZ=1000000 makes it a million. The seed is fixed, READER_SEED sets another.
"""

from __future__ import annotations

import atexit
import copy
import gzip
import io
import json
import os
import random
import shutil
import tarfile
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from steps.catalog.fbc import Query, packages_of
from steps.catalog.layers import Search, folder_of, likely_layers
from steps.catalog.packages import from_json
from steps.cluster import refusals
from steps.errors import StepError
from steps.imageset.imageset import ImageSet
from steps.inputs import sizes
from steps.migration import old_objects
from steps.mirroring.ocmirror import registries_config
from steps.mirroring.ocmirror.output import Counter, Reading
from steps.mirroring.ocmirror.program import parse_version
from steps.mirroring.publish import resources
from steps.mirroring.publish.autoshift import target_of
from steps.mirroring.store import (
    contents,
    generations,
    imports,
    inventory,
    lock,
    records,
    runs,
    working_dir,
)
from steps.mirroring.store.cache import Cache
from steps.mirroring.workflows import deletion_plan, import_record
from steps.oci import failures, manifests
from steps.oci.auth import Logins
from steps.triggering.templates import read_template
from steps.workload import startup
from steps.yaml.values import values
from tests.unit.catalog.index_images import as_json, layer, package

if TYPE_CHECKING:
    from collections.abc import Callable

SCRATCH = Path(tempfile.mkdtemp(prefix="readers-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)
INPUTS = int(os.environ.get("READER_FUZZ", "2000"))
SEED = os.environ.get("READER_SEED", "14")

DIGEST = "sha256:" + "0" * 64
CHILD = "sha256:" + "1" * 64
MANIFEST = {
    "schemaVersion": 2,
    "mediaType": manifests.MANIFESTS[0],
    "manifests": [{"digest": DIGEST, "size": 1, "platform": {"os": "linux", "architecture": "amd64"}}],
    "config": {"digest": DIGEST, "mediaType": "a", "size": 2},
    "layers": [{"digest": DIGEST, "mediaType": "a+gzip", "size": 2}],
}
CONFIG = {"config": {"Labels": {"a": "b"}}, "history": [{"created_by": "/configs", "empty_layer": False}]}
IMAGESET = {
    "kind": "ImageSetConfiguration",
    "apiVersion": "mirror.openshift.io/v2alpha1",
    "mirror": {
        "platform": {"channels": [{"name": "stable-4.20", "minVersion": "4.20.1"}], "graph": True},
        "operators": [
            {"catalog": "r.io/a/b:v4.20", "packages": [{"name": "a", "channels": [{"name": "b"}]}]}
        ],
        "additionalImages": [{"name": "r.io/a/b:1"}],
    },
}
RUN = {"format": 2, "workflow": "w", "started": "2026-01-01T00:00:00Z", "message": "m", "hint": "h"}
POLICY = {"default": [{"type": "reject"}], "transports": {"docker": {"a": [{"type": "reject"}]}}}
IDMS = {
    "apiVersion": "config.openshift.io/v1",
    "kind": "ImageDigestMirrorSet",
    "metadata": {"name": "idms", "annotations": {"a": "b"}},
    "spec": {"imageDigestMirrors": [{"source": "a/b", "mirrors": ["t/b"]}]},
}
TEMPLATE = {
    "kind": "PipelineRun",
    "spec": {
        "pipelineRef": {"name": "p"},
        "params": [{"name": "git-url", "value": "https://g/r"}, {"name": "git-revision", "value": "main"}],
    },
}
LOG = (
    "2026/01/01 [INFO] : images to copy 12\n[ERROR] : [Executor] a\n1 / 2 release images mirrored\n"
    "error mirroring image a (Operator bundles: [b] - Operators: [c]) error: d\nF0101 a 1 b] c\n"
    "Success copying a to b\nworkflow mode: mirrorToDisk\nhttps://u:p@host/\n"
)


def of_image(content: bytes) -> None:
    """Read a manifest or an index as the registry's client does."""
    manifest = manifests.parse(content)
    manifests.is_index(manifest)
    manifests.listed(manifest, "n")
    manifests.of_platform(manifest, "n")
    manifests.Image.of("n", DIGEST, manifest)


def of_config(content: bytes) -> None:
    """Read an image's configuration."""
    config = manifests.parse(content)
    likely_layers(config, 1, folder_of(config))


def of_catalog(content: bytes) -> None:
    """Read a file of a catalog; NotYamlError and ValueError are its documented errors."""
    packages_of(content, Query(frozenset({"a"}), frozenset({"g/v/K"})))


def of_log(content: bytes) -> None:
    """Read lines of oc-mirror's log."""
    counter, reading = Counter(), Reading()
    for line in content.decode(errors="replace").splitlines():
        counter.see(reading.feed(line))
    counter.text()


def of_yaml_file(name: str) -> Callable[[bytes], object]:
    """Read a file of registries.conf's folder: what is wrong comes back as sentences."""
    return lambda content: registries_config.check({name: text_of(content)}, "o")


def text_of(content: bytes) -> str:
    return content.decode(errors="replace")


def of_resources(content: bytes) -> None:
    """Read what oc-mirror wrote for the cluster."""
    for _name, document in resources._read({"idms.yaml": content}):
        yaml.safe_dump(document)
    resources.load({"idms.yaml": text_of(content)})


def of_template(content: bytes) -> None:
    """Read a trigger's template from its ConfigMap."""
    read_template({"data": {"deploy.yaml": text_of(content)}}, run="deploy", name="n", namespace="s")


def of_objects(content: bytes) -> None:
    """Read a file of an old installation."""
    list(old_objects._objects(content))


def of_layer(content: bytes) -> None:
    """Read a layer."""
    Search("an image", "configs", Query(frozenset({"a"}))).read(io.BytesIO(content))


def of_cache(content: bytes) -> None:
    """Read an image in the cache, and clean the cache by it."""
    cache = Cache(SCRATCH / "cache")
    for name, data in ((DIGEST, content), (CHILD, dumped(MANIFEST | {"manifests": None}))):
        write(cache.blob(name), data)
    repository = SCRATCH / "cache/.oc-mirror/.cache/docker/registry/v2/repositories/a/b/_manifests"
    write(repository / "tags/1/current/link", DIGEST.encode())
    (repository / "revisions/sha256" / DIGEST[7:]).mkdir(parents=True, exist_ok=True)
    reading = Reading(copied={"docker://r.io/a/b:1": "cache"})
    contents.index(reading, ImageSet.parse(AS_YAML, "f").mirror, cache, archived=())
    cache.remove({"a/b": {"1"}}, among=["a/b"], dry_run=True)


def of_layout(content: bytes) -> None:
    """Look for what an image layout's index does not lead to; what the index names is of the same content."""
    for name in ("index.json", f"blobs/sha256/{DIGEST[7:]}", f"blobs/sha256/{CHILD[7:]}"):
        write(SCRATCH / "layout" / name, content)
    working_dir._unreached(SCRATCH / "layout")


def of_holder(content: bytes) -> None:
    """Read who holds a lock."""
    write(SCRATCH / "lock", content)
    lock._holder(SCRATCH)


def of_references(content: bytes) -> None:
    """Read which version a release has."""
    write(SCRATCH / "hold-release/b/1/release-manifests/image-references", content)
    contents._version("docker://r.io/a/b:1", SCRATCH)


def of_record(kind: type[records.Record]) -> Callable[[bytes], object]:
    return lambda content: records.parse(kind, content)


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def dumped(document: object) -> bytes:
    return json.dumps(document).encode()


AS_YAML = yaml.safe_dump(IMAGESET).encode()
READERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "manifest": (of_image, dumped(MANIFEST)),
    "configuration": (of_config, dumped(CONFIG)),
    "cache": (of_cache, dumped(MANIFEST | {"manifests": [{"digest": CHILD, "size": 1}]})),
    "layout": (
        of_layout,
        dumped({"schemaVersion": 2, "manifests": [{"digest": CHILD, "size": 1, "mediaType": "a.manifest"}]}),
    ),
    "lock": (of_holder, dumped({"purpose": "a", "pid": 1, "host": "h", "since": "s"})),
    "image-references": (of_references, dumped({"metadata": {"name": "4.20.1"}})),
    "termination": (lambda content: startup._termination(text_of(content)), dumped(RUN)),
    "status": (lambda content: refusals._status(text_of(content)), dumped({"kind": "Status", "code": 500})),
    "refusal": (failures.misunderstood, dumped({"errors": [{"code": "DENIED", "message": "no"}]})),
    "logins": (
        lambda content: Logins.parse(manifests.parse(content)),
        dumped({"auths": {"r.io": {"auth": "YTpi"}}, "credHelpers": {"h": "x"}, "credsStore": "s"}),
    ),
    "imageset": (lambda content: ImageSet.parse(content, "f"), AS_YAML),
    "recorded imageset": (lambda content: ImageSet.recorded(content, "f"), AS_YAML),
    "generation": (of_record(generations.Generation), dumped({"format": 2, "sequence": 1, "files": []})),
    "run": (of_record(runs.Run), dumped(RUN)),
    "imports": (
        of_record(imports.ImportedRecord),
        dumped({"format": 2, "targets": {"t": {"generations": {}}}}),
    ),
    "inventory": (of_record(inventory.InventoryEntry), dumped({"format": 2, "images": [["a", "b"]]})),
    "plan": (of_record(deletion_plan.DeletionPlan), dumped({"format": 2, "target": "t", "images": []})),
    "index": (
        lambda content: contents.unpack(gzip.compress(content, 1), Path("p")),
        dumped({"format": 2, "images": [], "blobs": {DIGEST: {"size": 1}}, "complete": True}),
    ),
    "packed index": (lambda content: contents.unpack(content, Path("p")), gzip.compress(b'{"format": 2}')),
    "receipt": (lambda content: import_record._parse(text_of(content)), dumped({"1": "a", "2": "b"})),
    "sizes": (lambda content: sizes._parse(content, "f"), dumped({"catalogs": {"c": {"p": 5}}})),
    "catalog": (of_catalog, as_json(package("a", {"stable": ["1.0.0"]}))),
    "catalog as yaml": (
        of_catalog,
        b"schema: olm.package\nname: a\ndefaultChannel: b\n---\nschema: olm.channel\n",
    ),
    "kept catalog": (
        lambda content: from_json(manifests.parse(content), "r", DIGEST),
        dumped({"format": 1, "digest": DIGEST, "names": ["a"], "providers": {"k": ["a"]}, "packages": {}}),
    ),
    "layer": (of_layer, layer({"configs/a/x.json": as_json(package("a", {"stable": ["1.0.0"]}))})),
    "log": (of_log, LOG.encode()),
    "version": (
        lambda content: parse_version(text_of(content)),
        dumped({"clientVersion": {"gitVersion": "4.20.0"}}),
    ),
    "policy": (of_yaml_file(registries_config.POLICY), dumped(POLICY)),
    "registries.conf": (
        of_yaml_file(registries_config.CONF),
        b'[[registry]]\nprefix = "a"\nlocation = "b"\n[[registry.mirror]]\nlocation = "c"\n',
    ),
    "registries.d": (of_yaml_file("x.yaml"), b"docker:\n  r.io:\n    use-sigstore-attachments: true\n"),
    "resources": (of_resources, yaml.safe_dump(IDMS).encode()),
    "autoshift": (
        lambda content: target_of(text_of(content)),
        b"config:\n  disconnected:\n    mirrorRegistry: {host: a, path: b}\n",
    ),
    "template": (of_template, yaml.safe_dump(TEMPLATE).encode()),
    "old objects": (of_objects, yaml.safe_dump({"kind": "List", "items": [IDMS]}).encode()),
    "values": (values, AS_YAML),
}
UNREADABLE = (records.UnreadableRecordError,)
ERRORS: dict[str, tuple[type[Exception], ...]] = {
    **dict.fromkeys(("generation", "run", "imports", "inventory", "plan"), UNREADABLE),
    # What Search, the registry's client and read_folder turn into an error with the name of the file.
    **dict.fromkeys(("catalog", "catalog as yaml", "values", "old objects"), (ValueError,)),
    "layer": (tarfile.TarError, EOFError, OSError, ValueError),
}
"""Errors that are none of StepError, by reader: each is documented there, and caught by who calls it."""
STRANGE: tuple[Any, ...] = (
    None, True, 0, -1, 10**30, 1e308, "", "\0", "ü" * 50, "a" * 5000, [], {}, [[]], {"": None}, "../..",
    "1e999",
)  # fmt: skip
PIECES = (
    b"[" * 3000, b"{" * 300, b'{"a":' * 2000, b"- " * 3000, b"9" * 5000, b"1e999", b"NaN", b"\0", b"\xff\xfe",
    b'"\\ud800"', b"&a [*a]", b"*a", b"<<: ", b"!!int ", b"!!timestamp x", b"2024-99-99", b"\n---\n", b"? ",
    b"\xef\xbb\xbf", b"\r", b"'", b'"', b": ", b".inf", b"0x_", b"0b", b"1:99", b"=", b"\x85",
    b"!!python/name:os",
)  # fmt: skip


def mutated(seed: bytes, chance: random.Random) -> bytes:
    """Return other bytes in some places, or the same document with something strange in one place."""
    if chance.random() < 0.5 and (changed := _otherwise(seed, chance)) is not None:
        return changed
    found = bytearray(seed)
    for _time in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(len(found) + 1)
        match chance.randrange(4):
            case 0:
                found[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del found[at : at + chance.randrange(1, 20)]
            case 2:
                found[at:at] = chance.choice(PIECES)
            case _:
                found[at : at + chance.randrange(12)] = chance.choice(PIECES)
    return bytes(found)


def _otherwise(seed: bytes, chance: random.Random) -> bytes | None:
    try:
        tree = yaml.load(seed, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError):
        return None
    if not isinstance(tree, dict):
        return None
    places: list[tuple[Any, Any]] = []
    todo: list[Any] = [copy.deepcopy(tree)]
    root = todo[0]
    while todo:
        node = todo.pop()
        for key, inner in list(node.items() if isinstance(node, dict) else enumerate(node)):
            places.append((node, key))
            if isinstance(inner, dict | list):
                todo.append(inner)
    holder, key = chance.choice(places)
    holder[key] = chance.choice(STRANGE)
    if isinstance(holder, dict) and chance.random() < 0.1:
        holder[chance.choice(("", "a" * 300, "../x", "\u2028"))] = chance.choice(STRANGE)
    return dumped(root)


@pytest.mark.parametrize("name", READERS)
def test_whatever_a_reader_is_given_its_error_is_its_own(name: str) -> None:
    read, seed = READERS[name]
    for number in range(max(1, INPUTS // len(READERS))):
        content = mutated(seed, random.Random(f"{SEED} {name} {number}"))
        try:
            read(content)
        except StepError:
            continue
        except Exception as error:
            if isinstance(error, ERRORS.get(name, ())):
                continue
            raise AssertionError(f"{name} {number}: {error!r} for {content[:300]!r}") from error


@pytest.mark.parametrize("name", READERS)
def test_the_document_that_is_changed_is_one_that_is_read(name: str) -> None:
    """A reader that refused its seed at once would prove nothing; records here lack fields on purpose."""
    read, seed = READERS[name]
    try:
        read(seed)
    except records.UnreadableRecordError as error:
        assert "Field required" in str(error)  # noqa: PT017
    except StepError as error:
        assert "Field required" in error.reason or "no image" in error.reason  # noqa: PT017


def test_indexes_of_indexes_that_stand_for_billions_are_followed_once(tmp_path: Path) -> None:
    """40 documents, each of which names the next one 30 times: in an image layout and in a cache."""
    names = [f"{number:064x}" for number in range(40)]
    layout, cache = tmp_path / "layout", Cache(tmp_path / "cache")
    for name, inner in pairwise(names):
        part = {"digest": f"sha256:{inner}", "size": 1, "mediaType": manifests.INDEXES[0]}
        content = dumped({"manifests": [part] * 30})
        write(layout / "blobs/sha256" / name, content)
        write(cache.blob(f"sha256:{name}"), content)
    write(layout / "index.json", (layout / "blobs/sha256" / names[0]).read_bytes())
    write(layout / "blobs/sha256" / names[-1], dumped(MANIFEST | {"manifests": None}))
    write(layout / "blobs/sha256" / "unused", b"")
    assert [path.name for path in working_dir._unreached(layout)] == ["unused"]
    assert [digest for digest, _ in contents._manifests(f"sha256:{names[0]}", cache)] == [
        f"sha256:{name}" for name in names
    ]
