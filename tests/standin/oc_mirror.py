#!/usr/bin/env python3
"""A stand-in for oc-mirror v2: its files, messages and exit codes, over content that it makes up.

Faithful to shared knowledge of the real program (openshift/oc-mirror, main of August 2026): it refuses what
that refuses in the same words, deletes earlier archives at the start of every to-disk run (a dry one too),
keeps a cache in the layout of a registry, archives only blobs that the chosen history lacks, writes the history
before it closes the archive, says Goodbye on failure, and pushes real blobs and manifests to a real registry.
Only the standard library, so that it runs wherever Python does. Images are made up from their names: no
registry is read. What it does wrong on purpose is asked for by environment variables:

STANDIN_VERSION     the version that it is and whose options it has, such as 4.18.3 or 2.0.0 (default 4.20.0)
STANDIN_UPSTREAM    a number; the next one is a new version of every operator and every release (default 1)
STANDIN_BYTES       size of an image's own layer (default 2048)
STANDIN_CATALOG_BYTES  leave catalogs of that size in the working directory
STANDIN_SLOW        seconds to take for each image and each step of the archive
STANDIN_HANG        `polite`: say nothing more once an image is copied; `deaf`: and pass over SIGTERM, with a child
STANDIN_FAIL        kinds of which the last image fails, such as `operator,additional` (release ends the run)
STANDIN_FAIL_TIMES  a file with the number of runs in which they fail; later ones succeed
STANDIN_ERROR       the error text of those images
STANDIN_EXIT        exit code to use instead of the failure bits (0: as early 4.18 did)
STANDIN_PANIC       crash as a Go program does
STANDIN_DISK_FULL   run out of space: `archive` in the middle of the archive, `close` only at its last block
STANDIN_CATALOG     JSON of what every catalog has: {PACKAGE: {CHANNEL: [VERSION, …]}}; the rest is left out
STANDIN_SIGNATURES  ask the registries that images come from for signatures, which must be real ones by plain HTTP
STANDIN_RESOURCES   a folder whose files are put to the cluster resources, such as signatures of releases
STANDIN_PUSH        `none`: pretend that the target took everything
"""

# ruff: noqa: E501 - the messages are the real program's, word for word
from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import re
import shutil
import signal
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

TYPE_CHECKING = False  # every run starts it: modules that it can do without at first take as long as the rest
if TYPE_CHECKING:
    import tarfile
    from collections.abc import Iterator
    from typing import Any, NoReturn

KEYWORDS = [
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
]
RELEASES = "openshift/release-images"
BITS = {"release": 2, "operator": 4, "additional": 8, "helm": 16}
ADVICE = """.
\t Please review {} for a list of mirroring errors.
\t You may consider:
\t * removing images or operators that cause the error from the image set config, and retrying
\t * keeping the image set config (images are mandatory for you), and retrying
\t * mirroring the failing images manually, if retries also fail."""
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
TOP = {"kind", "apiVersion", "archiveSize", "mirror", "metadata"}
MIRROR = {"platform", "operators", "additionalImages", "helm", "blockedImages", "samples"}


def setting(name: str, default: str = "") -> str:
    return os.environ.get(f"STANDIN_{name}", default)


def pause() -> None:
    if setting("SLOW"):
        time.sleep(float(setting("SLOW")))


def hang() -> None:
    """Do nothing for ever, where this is asked for."""
    if setting("HANG") == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.fork()
    while setting("HANG"):
        time.sleep(1)


class ExitError(Exception):
    """The run ends with `code`; `message` is what the executor says last."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


LEVELS = {"error": {"ERROR"}, "info": {"ERROR", "WARN", "INFO"}}
LEVELS["debug"] = {*LEVELS["info"], "DEBUG"}
LEVELS["trace"] = {*LEVELS["debug"], "TRACE"}


class Log:
    """Coloured lines as oc-mirror's: to stderr at first, then to stdout and a file."""

    def __init__(self) -> None:
        self.file: Path | None = None
        self.level = "info"

    def __call__(self, message: str, level: str = "INFO") -> None:
        if level not in LEVELS[self.level]:
            return
        line = f"{datetime.now():%Y/%m/%d %H:%M:%S} \x1b[1;54m [{level}] \x1b[0m  : {message}\n"
        stream = sys.stderr if self.file is None else sys.stdout
        stream.write(line)
        stream.flush()
        if self.file is not None:
            with suppress(OSError), self.file.open("a") as copy:
                copy.write(line)


log = Log()


# --- the ImageSet: the block style of YAML that ImageSets are written in, and JSON ---


def load_yaml(text: str) -> Any:
    if text.lstrip().startswith("{"):
        return json.loads(text)
    lines = []
    for raw in text.splitlines():
        bare = re.sub(r"(^|\s)#.*$", "", raw).rstrip()
        if bare.strip() and bare.strip() != "---":
            lines.append((len(bare) - len(bare.lstrip()), bare.strip()))
    value, rest = _block(lines, 0)
    if rest < len(lines):
        raise ExitError(f"could not parse config: yaml: cannot read '{lines[rest][1]}'")
    return value


def _block(lines: list[tuple[int, str]], at: int) -> tuple[Any, int]:
    if at >= len(lines):
        return None, at
    indent = lines[at][0]
    if lines[at][1].startswith("- ") or lines[at][1] == "-":
        items = []
        while at < len(lines) and lines[at][0] == indent and lines[at][1].startswith("-"):
            inner = lines[at][1][1:].strip()
            if re.match(r"[\w.-]+:( |$)", inner):
                lines[at] = (indent + len(lines[at][1]) - len(inner), inner)
                item, at = _block(lines, at)
            else:
                item, at = _scalar(inner), at + 1
            items.append(item)
        return items, at
    mapping: dict[str, Any] = {}
    while at < len(lines) and lines[at][0] == indent and not lines[at][1].startswith("- "):
        found = re.match(r"([\w./:-]+?):(?: (.*))?$", lines[at][1])
        if not found:
            raise ExitError(f"could not parse config: yaml: cannot read '{lines[at][1]}'")
        at += 1
        if found[2]:
            mapping[found[1]] = _scalar(found[2].strip())
        elif at < len(lines) and (
            lines[at][0] > indent or (lines[at][0] == indent and lines[at][1][0] == "-")
        ):
            mapping[found[1]], at = _block(lines, at)
        else:
            mapping[found[1]] = None
    return mapping, at


def _scalar(text: str) -> Any:
    if text in {"true", "false"}:
        return text == "true"
    if text in {"{}", "[]", "null", "~"}:
        return {"{}": {}, "[]": []}.get(text)
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return int(text) if text.isdecimal() else text


def read_config(path: str) -> dict[str, Any]:
    try:
        document = load_yaml(Path(path).read_text())
    except OSError as error:
        raise ExitError(f"open {path}: {(error.strerror or '').lower()}") from None
    if not isinstance(document, dict) or "kind" not in document:
        raise ExitError("configuration missing `kind`")
    if document["kind"] != "ImageSetConfiguration":
        raise ExitError(f'cannot parse "{document["kind"]}" as "ImageSetConfiguration"')
    if "mirror" not in document:
        raise ExitError("configuration missing the `mirror` stanza")
    for known, section in ((TOP, document), (MIRROR, document["mirror"])):
        for name in section:
            if name not in known:
                raise ExitError(f'decode ImageSetConfiguration: json: unknown field "{name}"')
    return document


# --- images, made up ---


class Image:
    """An image: where it comes from, of which kind it is, where it goes, which operator needs it, its blobs."""

    def __init__(
        self,
        origin: str,
        kind: str,
        repository: str,
        tag: str,
        operator: str = "",
        platforms: tuple[str, ...] = (),
    ) -> None:
        self.origin, self.kind, self.repository, self.tag = origin, kind, repository, tag
        self.operator, self.platforms = operator, platforms
        size = int(setting("BYTES", "2048"))
        config = json.dumps(
            {"architecture": "amd64", "os": "linux", "config": {"Labels": {"of": self.origin}}}
        ).encode()
        layers = [
            b"the layer that all images share" * 40,
            hashlib.shake_256(self.origin.encode()).digest(size),
        ]
        descriptors = [_descriptor("application/vnd.oci.image.layer.v1.tar", layer) for layer in layers]
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": _descriptor("application/vnd.oci.image.config.v1+json", config),
                "layers": descriptors,
            }
        ).encode()
        self.manifest: str = digest(manifest)
        self.blobs: dict[str, bytes] = {digest(data): data for data in (*layers, config, manifest)}
        if self.platforms:
            self._make_sparse(_descriptor(MANIFEST, manifest))

    def _make_sparse(self, amd64: dict[str, Any]) -> None:
        """Put an index before the image: of its platforms, linux/amd64 alone is copied, if it is asked for."""
        arm64 = _descriptor(MANIFEST, b"an image for another platform")
        entries = [
            {**descriptor, "platform": {"os": "linux", "architecture": architecture}}
            for descriptor, architecture in ((amd64, "amd64"), (arm64, "arm64"))
        ]
        index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
        self.manifest = digest(index)
        self.blobs[self.manifest] = index

    @property
    def is_catalog(self) -> bool:
        return " at " in self.origin

    @property
    def is_graph(self) -> bool:
        return self.repository == "openshift/graph-image"

    @property
    def type(self) -> str:
        """As the log names it (api/v2alpha1/type_image.go)."""
        if self.kind == "operator":
            part = "Bundle" if self.repository.endswith("-bundle") else "RelatedImage"
            return f"operator{'Catalog' if self.is_catalog else part}"
        if self.is_graph:
            return "cincinnatiGraph"
        release = "ocpRelease" if self.repository == RELEASES else "ocpReleaseContent"
        return {"release": release, "additional": "generic", "helm": "helmImage"}[self.kind]

    @property
    def unknown(self) -> str:
        """What containers/image says of an image that its registry does not have."""
        name = self.origin.partition(" at ")[0]
        tag = name.rpartition("@")[2] if "@" in name else name.rpartition(":")[2]
        where = name.removesuffix(tag)[:-1]
        return f"initializing source docker://{name}: reading manifest {tag} in {where}: manifest unknown"


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _descriptor(media_type: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(data), "size": len(data)}


def _named(reference: str, kind: str, origin: str = "", platforms: tuple[str, ...] = ()) -> Image:
    name, _, hash_part = reference.partition("@")
    path, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        path, tag = name, hash_part.replace(":", "-")
    if not tag:
        raise ExitError(f"{reference} unable to parse image correctly : tag and digest are empty", BITS[kind])
    first, _, rest = path.partition("/")
    repository = rest if rest and ("." in first or ":" in first or first == "localhost") else path
    return Image(origin or reference, kind, repository, tag, platforms=platforms)


def _additional(entry: dict[str, Any]) -> Image:
    platforms = tuple(one["architecture"] for one in entry.get("platforms") or [])
    image = _named(entry["name"], "additional", platforms=platforms)
    image.repository = entry.get("targetRepo") or image.repository
    image.tag = entry.get("targetTag") or image.tag
    return image


def images_of(document: dict[str, Any], upstream: str, port: int) -> list[Image]:
    mirror = document["mirror"]
    found: list[Image] = []
    platform = mirror.get("platform") or {}
    for channel in platform.get("channels") or []:
        version = (
            channel.get("maxVersion")
            or channel.get("minVersion")
            or f"{channel['name'].split('-')[-1]}.{upstream}"
        )
        source = "quay.io/openshift-release-dev/ocp-release"
        found.append(
            Image(f"{source}:{version}-x86_64", "release", "openshift/release-images", f"{version}-x86_64")
        )
        for part in ("machine-os", "kube-apiserver"):
            tag = f"{version}-x86_64-{part}"
            content = Image(tag, "release", "openshift/release", tag)
            content.origin = f"quay.io/openshift-release-dev/ocp-v4.0-art-dev@{content.manifest}"
            found.append(content)
    if platform.get("graph"):
        found.append(Image("graph", "release", "openshift/graph-image", "latest"))
        found[-1].origin = f"localhost:{port}/openshift/graph-image:latest"
    for operator in mirror.get("operators") or []:
        catalog = operator["catalog"]
        index = _named(catalog, "operator", f"{catalog} at {upstream}")
        index.repository = operator.get("targetCatalog") or index.repository
        index.tag = operator.get("targetTag") or index.tag
        found.append(index)
        for package in operator.get("packages") or [{"name": "everything"}]:
            name = package["name"]
            if operator.get("packages") and setting("CATALOG") and name not in json.loads(setting("CATALOG")):
                continue  # as the real program: without a word
            for part in ("bundle", "operand"):
                image = f"{name}/{name}-{part}"
                found.append(
                    Image(
                        f"registry.example.com/{image}:v{upstream}", "operator", image, f"v{upstream}", name
                    )
                )
    found += map(_additional, mirror.get("additionalImages") or [])
    for repository in (mirror.get("helm") or {}).get("repositories") or []:
        for chart in repository.get("charts") or []:
            name, version = chart["name"], str(chart.get("version", "latest"))
            found.append(Image(f"charts.example.com/{name}:{version}", "helm", f"charts/{name}", version))
    blocked = [str(one["name"]) for one in mirror.get("blockedImages") or []]
    return [image for image in found if not any(re.search(pattern, image.origin) for pattern in blocked)]


# --- the cache: a registry's files ---


class Cache:
    def __init__(self, root: Path) -> None:
        self.root = root / ".oc-mirror" / ".cache"
        self.storage = self.root / "docker" / "registry" / "v2"
        self.root.mkdir(parents=True, exist_ok=True)

    def blob(self, name: str) -> Path:
        algorithm, _, value = name.partition(":")
        return self.storage / "blobs" / algorithm / value[:2] / value / "data"

    def link(self, image: Image) -> Path:
        return (
            self.storage
            / "repositories"
            / image.repository
            / "_manifests"
            / "tags"
            / image.tag
            / "current"
            / "link"
        )

    def has(self, image: Image) -> bool:
        return self.link(image).exists()

    def add(self, image: Image) -> None:
        for name, data in image.blobs.items():
            if not self.blob(name).exists():
                write(self.blob(name), data)
        revisions = self.link(image).parents[3] / "revisions"
        write(revisions / image.manifest.replace(":", "/") / "link", image.manifest.encode())
        write(self.link(image), image.manifest.encode())

    def signature(self, image: Image) -> Image | None:
        """The signature beside an image, as the cache has it; None where it has none, or not all of it."""
        found = Image(image.origin, image.kind, image.repository, signature_tag(image))
        try:
            return self.read(found)
        except OSError:
            return None

    def read(self, image: Image) -> Image:
        """The image as the cache has it; raises OSError with the registry's words if something is missing."""
        where = f"localhost:55000/{image.repository}"
        if not self.link(image).exists() or not self.blob(self.link(image).read_text()).exists():
            raise OSError(f"reading manifest {image.tag} in {where}: manifest unknown")
        image.manifest = self.link(image).read_text()
        manifest = self.blob(image.manifest).read_bytes()
        try:
            document = json.loads(manifest)
        except ValueError:
            text = "received unexpected HTTP status: 500 Internal Server Error"
            raise OSError(f"reading manifest {image.tag} in {where}: {text}") from None
        image.blobs = {image.manifest: manifest}
        for child in document.get("manifests") or []:
            if self.blob(child["digest"]).exists():  # the others are of platforms that were not asked for
                document = json.loads(self.blob(child["digest"]).read_bytes())
                image.blobs[child["digest"]] = self.blob(child["digest"]).read_bytes()
        for descriptor in (document["config"], *document["layers"]):
            wanted, path = descriptor["digest"], self.blob(descriptor["digest"])
            if not path.exists():
                raise OSError(f"reading blob {wanted}: fetching blob: blob unknown to registry")
            content = path.read_bytes()
            if digest(content) != wanted:
                raise OSError(_damaged(wanted, digest(content), is_config=descriptor is document["config"]))
            image.blobs[wanted] = content
        return image


def _damaged(wanted: str, found: str, *, is_config: bool) -> str:
    """What containers/image says of a blob that is another than it should be (seen with skopeo)."""
    if is_config:
        text = f"Download config.json digest {found} does not match expected {wanted}"
        return f"reading config blob {wanted}: {text}"
    place = 'Patch "http://127.0.0.1:5000/v2/app/blobs/uploads/a3ebc114-096c-4f07-92fd-be558511c6c9"'
    text = f"Digest did not match, expected {wanted}, got {found}"
    return f"writing blob: {place}: happened during read: {text}"


def write(path: Path, data: bytes) -> None:
    """As the registry writes: aside, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    aside.write_bytes(data)
    aside.rename(path)


# --- the history ---


class History:
    def __init__(self, working_dir: Path, since: str) -> None:
        self.directory = working_dir / ".history"
        self.directory.mkdir(parents=True, exist_ok=True)
        self.before = (
            None if since in {"", "0001-01-01"} else datetime.fromisoformat(since).replace(tzinfo=UTC)
        )

    def read(self) -> set[str]:
        newest: tuple[datetime, Path] | None = None
        for path in self.directory.iterdir():
            if not path.name.startswith(".history-"):
                continue
            try:
                written = datetime.fromisoformat(path.name.removeprefix(".history-"))
            except ValueError:
                text = f"unable to read history metadata from working-dir : error parsing time {path.name}"
                raise ExitError(text) from None
            if (self.before is None or written < self.before) and (newest is None or written > newest[0]):
                newest = (written, path)
        return set(newest[1].read_text().split()) if newest else set()

    def append(self, added: set[str]) -> None:
        name = f".history-{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        lines = sorted(self.read() | added)
        (self.directory / name).write_text("".join(f"{line}\n" for line in lines))


# --- the archive ---


def archive(run: Run, images: list[Image]) -> None:
    import tarfile

    log("📦 Preparing the tarball archive...")
    history, cache = History(run.working_dir, run.options.since), run.cache
    path = run.root / "mirror_000001.tar"
    with path.open("wb") as stream:
        tar = tarfile.TarFile(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT)
        _add_tree(tar, cache.storage / "repositories", cache.root)
        known = history.read()
        added: set[str] = set()
        for image in images:
            pause()
            signature = cache.signature(image) if copies_signatures(run) else None
            for name in (*image.blobs, *(signature.blobs if signature else ())):
                if name not in known | added:
                    tar.add(cache.blob(name), cache.blob(name).relative_to(cache.root), recursive=False)
                    added.add(name)
            if setting("DISK_FULL") == "archive":
                stream.flush()
                raise ExitError(
                    f"unable to add image blobs to the archive : write {path}: no space left on device"
                )
        _add_tree(tar, run.working_dir, run.root)
        tar.add(run.options.config, f"isc_{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
        history.append(added)
        pause()
        if setting("DISK_FULL") == "close":
            log(f"error closing archive writer : write {path}: no space left on device", "WARN")
            return
        tar.close()


def _add_tree(tar: tarfile.TarFile, folder: Path, relative_to: Path) -> None:
    import tarfile

    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()  # read at once: our own log grows meanwhile
            member = tarfile.TarInfo(str(path.relative_to(relative_to)))
            member.size, member.mode, member.mtime = len(data), 0o644, int(path.stat().st_mtime)
            tar.addfile(member, io.BytesIO(data))


METADATA = "internal/oc-mirror-version.json"
OTHER = "It is recommended to use the same oc-mirror version for both mirror-to-disk and disk-to-mirror."


def identity() -> dict[str, str]:
    return {"gitVersion": setting("VERSION", "4.20.0"), "gitCommit": "855b64a3"}


def check_identity(run: Run) -> None:
    """Warn where another program made the archive (version/metadata.go, CheckVersionMetadata)."""
    path, mine = run.working_dir / METADATA, identity()
    if not path.exists():
        text = "No oc-mirror version metadata found in this archive. Mirror-to-disk may have been run with an older oc-mirror release that did not record version information."
        log(f"⚠️  {text} {OTHER}", "WARN")
    elif (its := json.loads(path.read_text())) != mine:
        names = [f"version {one['gitVersion']} (commit {one['gitCommit']})" for one in (its, mine)]
        text = f"this archive was created with {names[0]}, but the current binary is {names[1]}"
        log(f"⚠️  oc-mirror version mismatch: {text}. {OTHER}", "WARN")


def unarchive(run: Run) -> None:
    import tarfile

    found = sorted(path for path in run.root.iterdir() if re.search(r"mirror_[0-9]{6}\.tar", path.name))
    if not found:
        raise ExitError(f'no tar archives matching "mirror_[0-9]{{6}}\\\\.tar" found in "{run.root}"')
    log("📦 Extracting mirror archive(s)...")
    for number, path in enumerate(found, 1):
        if path.stat().st_size == 0:
            raise ExitError(f'empty archive file "{path}"')
        print(f"Extracting chunk file ({number} / {len(found)}): {path}", flush=True)
        try:
            with tarfile.open(path) as tar:
                for member in tar:
                    inside = run.root if "working-dir" in member.name else run.cache.root
                    data = tar.extractfile(member)
                    if data is not None and not member.name.startswith("isc_"):
                        target = inside / member.name
                        target.parent.mkdir(parents=True, exist_ok=True)
                        target.write_bytes(data.read())
        except tarfile.TarError:
            raise ExitError(f"error reading archive {path}: unexpected EOF") from None
        pause()


# --- the target: a registry, spoken to by the OCI distribution protocol ---


class Registry:
    """A registry at HOST[:PORT]; with `verify` false any certificate will do, and plain HTTP as well."""

    def __init__(self, host: str, *, verify: bool, authfile: str = "") -> None:
        self.host, self.verify = host, verify
        self.authorization = self.bearer = ""
        if authfile:
            import base64

            entry = json.loads(Path(authfile).read_text()).get("auths", {}).get(host, {})
            user = base64.b64encode(f"{entry.get('username')}:{entry.get('password')}".encode()).decode()
            self.authorization = entry.get("auth") or (user if "username" in entry else "")
        self.base = f"https://{host}"

    def check(self) -> None:
        """See that it answers; as containers/image does, try HTTP after HTTPS where that is allowed."""
        try:
            self.call("GET", "/v2/")
        except OSError as error:
            if self.verify or "HTTP status" in str(error) or "unauthorized" in str(error):
                raise
            self.base = f"http://{self.host}"
            self.call("GET", "/v2/")

    def call(
        self,
        method: str,
        path: str,
        data: bytes | None = None,
        kind: str = "",
        *,
        missing: bool = False,
        patience: int = 4,
    ) -> str:
        """Make one request and return the Location it answers with; `missing`: 404 gives an empty text."""
        import ssl  # these cost half of the start, and an archive needs none of them
        import urllib.error
        import urllib.request

        url = path if "://" in path else self.base + path
        request = urllib.request.Request(url, data=data, method=method)
        if self.authorization:
            request.add_header("Authorization", self.bearer or f"Basic {self.authorization}")
        request.add_header("Content-Type", kind or "application/octet-stream")
        request.add_header("Accept", f"{MANIFEST}, */*")
        context = None
        if url.startswith("https:"):
            context = ssl.create_default_context() if self.verify else ssl._create_unverified_context()
        try:
            with urllib.request.urlopen(request, timeout=30, context=context) as answer:
                return str(answer.headers.get("Location") or url)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404 and missing:
                    return ""
                if patience and self._may_pass(error):
                    return self.call(method, path, data, kind, missing=missing, patience=patience - 1)
                if error.code == 401:
                    raise OSError("unauthorized: authentication required") from None
                raise OSError(self._refusal(error)) from None
        except ConnectionError:
            raise OSError(f'{method.title()} "{url}": EOF') from None
        except urllib.error.URLError as error:
            raise OSError(
                f'pinging container registry {self.host}: Get "{url}": {self._problem(error.reason)}'
            ) from None

    @staticmethod
    def _refusal(error: Any) -> str:
        """The registry's own words, behind those of its error code (distribution, registry/api/errcode)."""
        try:
            said = json.loads(error.read())["errors"][0]
        except (ValueError, KeyError, IndexError, TypeError):
            return f"received unexpected HTTP status: {error.code} {error.reason}"
        known = {"TAG_INVALID": "manifest tag did not match URI"}
        return f"{known.get(said['code'], said['code'].replace('_', ' ').lower())}: {said['message']}"

    def _may_pass(self, error: Any) -> bool:
        """Wait where the registry is busy, fetch a token where it wants one; False for what will not pass."""
        import urllib.request

        if error.code == 429:
            after = error.headers.get("Retry-After", "")
            time.sleep(int(after) if after.isdecimal() else 1)
            return True
        realm = re.match(r'Bearer realm="([^"]+)"', error.headers.get("WWW-Authenticate", ""))
        if error.code != 401 or not realm or not self.authorization:
            return False
        request = urllib.request.Request(realm[1], headers={"Authorization": f"Basic {self.authorization}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            self.bearer = f"Bearer {json.loads(answer.read())['access_token']}"
        return True

    def _problem(self, reason: object) -> str:
        """In the words of Go's net and crypto packages."""
        import ssl

        if isinstance(reason, ssl.SSLCertVerificationError):
            return "tls: failed to verify certificate: x509: certificate signed by unknown authority"
        if isinstance(reason, ssl.SSLError):
            return "http: server gave HTTP response to HTTPS client"
        if isinstance(reason, ConnectionRefusedError):
            return f"dial tcp {self.host}: connect: connection refused"
        return f"dial tcp: {reason}"

    def push(self, image: Image, repository: str) -> None:
        for name, data in image.blobs.items():
            if name != image.manifest and not self.call(
                "HEAD", f"/v2/{repository}/blobs/{name}", missing=True
            ):
                place = self.call("POST", f"/v2/{repository}/blobs/uploads/", b"")
                place = self.call("PATCH", place, data)
                joint = "&" if "?" in place else "?"
                self.call("PUT", f"{place}{joint}digest={name.replace(':', '%3A')}", b"")
        top = image.blobs[image.manifest]
        children = json.loads(top).get("manifests")
        for child in children or []:
            if content := image.blobs.get(child["digest"]):
                self.call("PUT", f"/v2/{repository}/manifests/{child['digest']}", content, MANIFEST)
        try:
            self.call("PUT", f"/v2/{repository}/manifests/{image.tag}", top, INDEX if children else MANIFEST)
        except OSError as error:
            if children and re.search(r"HTTP status: 400|blob unknown", str(error)):
                text = 'Manifest list was edited, but we cannot modify it: "Instructed to preserve digests"'
                raise OSError(text) from None
            raise


# --- signatures: registries.d (internal/pkg/registriesd) and the tags of sigstore (containers/image, docker/) ---

ATTACHMENTS = "use-sigstore-attachments"


def copies_signatures(run: Run) -> bool:
    """4.18 has no option for it and copies none."""
    return not getattr(run.options, "remove_signatures", True)


def signature_tag(image: Image) -> str:
    return f"{image.manifest.replace(':', '-')}.sig"


def prepare_registries_d(run: Run) -> None:
    """Put the given folder over the working directory's, and add a file for what none of them names."""
    folder = run.working_dir / "containers" / "registries.d"
    given = getattr(run.options, "registries.d", "")
    folder.mkdir(parents=True, exist_ok=True)
    if given:
        shutil.copytree(given, folder, dirs_exist_ok=True)
    wanted = ["default", f"localhost:{run.options.port}"]
    if run.target is not None:
        wanted.append("/".join(filter(None, (run.target.host, run.prefix))))
    documents = [load_yaml(path.read_text()) or {} for path in sorted(folder.glob("*")) if path.is_file()]
    named = [name for document in documents for name in (document.get("docker") or {})]
    for name in wanted:
        if name == "default":
            if not any(document.get("default-docker") for document in documents):
                write(folder / "default.yaml", f"default-docker:\n  {ATTACHMENTS}: true\n".encode())
        elif not any(name in one for one in named):
            write(folder / f"{name}.yaml", f"docker:\n  {name}:\n    {ATTACHMENTS}: true\n".encode())


def attachments(run: Run, repository: str) -> bool:
    """Whether signatures of a repository are copied; files in folders below do not count."""
    default: tuple[Any, Path] | None = None
    namespaces: dict[str, tuple[Any, Path]] = {}
    for path in sorted((run.working_dir / "containers" / "registries.d").glob("*.yaml")):
        document = load_yaml(path.read_text()) or {}
        start = "Error parsing signature storage configuration:"
        if document.get("default-docker"):
            if default:
                raise OSError(f'{start} "default-docker" defined both in "{default[1]}" and "{path}"')
            default = (document["default-docker"], path)
        for name, fields in (document.get("docker") or {}).items():
            if name in namespaces:
                other = namespaces[name][1]
                raise OSError(f'{start} "docker" namespace "{name}" defined both in "{other}" and "{path}"')
            namespaces[name] = (fields, path)
    while repository:
        if ATTACHMENTS in (namespaces.get(repository, ({}, path))[0] or {}):
            return bool(namespaces[repository][0][ATTACHMENTS])
        repository = repository.rpartition("/")[0]
    return bool(default and default[0].get(ATTACHMENTS))


def signature_in_source(run: Run, image: Image) -> Image | None:
    """Ask the registry that an image comes from for its signature; raises OSError where that goes wrong."""
    name = image.origin.partition(" at ")[0].partition("@")[0]
    name = name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name
    if not attachments(run, name) or not setting("SIGNATURES"):
        return None
    host, _, repository = name.partition("/")
    found = Image(image.origin, image.kind, image.repository, signature_tag(image))
    where = f"reading signatures: reading manifest {found.tag} in {name}: "
    status, manifest = ask(f"http://{host}/v2/{repository}/manifests/{found.tag}")
    if status == 404 and b"NAME_UNKNOWN" not in manifest:
        return None
    if status != 200:
        words = {404: "name unknown", 401: "unauthorized", 403: "denied"}
        raise OSError(f"{where}{words.get(status, f'received unexpected HTTP status: {status}')}")
    document = json.loads(manifest)
    found.manifest, found.blobs = digest(manifest), {digest(manifest): manifest}
    for descriptor in (document["config"], *document["layers"]):
        one = descriptor["digest"]
        found.blobs[one] = ask(f"http://{host}/v2/{repository}/blobs/{one}")[1]
    return found


def ask(url: str) -> tuple[int, bytes]:
    import urllib.error
    import urllib.request

    request = urllib.request.Request(url, headers={"Accept": f"{MANIFEST}, */*"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def push_signature(run: Run, image: Image, signature: Image) -> None:
    if run.target is None:
        return
    repository = "/".join(filter(None, (run.prefix, image.repository)))
    name = f"{run.target.host}/{repository}"
    if not attachments(run, name):
        raise OSError("writing signatures: writing sigstore attachments is disabled by configuration")
    try:
        run.target.push(signature, repository)
    except OSError as error:
        raise OSError(f"writing signatures: uploading manifest {signature.tag} to {name}: {error}") from None


# --- a run ---


class Run:
    """One run: its arguments and where it works."""

    target: Registry | None = None
    prefix = ""

    def __init__(self, options: argparse.Namespace, mode: str, root: Path) -> None:
        self.options, self.mode, self.root = options, mode, root
        self.working_dir = root / "working-dir"
        self.cache = Cache(Path(options.cache_dir))
        self.stamp = f"{datetime.now():%Y%m%d_%H%M%S}"


def complete(options: argparse.Namespace) -> Run:
    """What the real program does before it copies: folders made, its own results wiped, old archives removed."""
    document = read_config(options.config)
    destination, start = options.destination, options.destination.partition("://")[2]
    mode = (
        "mirrorToDisk"
        if destination.startswith("file://")
        else "diskToMirror"
        if options.from_
        else "mirrorToMirror"
    )
    root = Path(
        {"mirrorToDisk": start, "diskToMirror": options.from_, "mirrorToMirror": options.workspace}[
            mode
        ].removeprefix("file://")
    )
    run = Run(options, mode, root)
    (run.working_dir / "logs").mkdir(parents=True, exist_ok=True)
    log.file = run.working_dir / "logs" / f"oc-mirror-{run.stamp}.log"
    write(run.working_dir / "logs" / f"registry-{run.stamp}.log", b"")
    log(f"🔀 workflow mode: {mode} ")
    if not options.dry_run:
        shutil.rmtree(run.working_dir / "cluster-resources", ignore_errors=True)
    for name in ("signatures", "release-images", "operator-catalogs", "cluster-resources", "helm/charts"):
        (run.working_dir / name).mkdir(parents=True, exist_ok=True)
    if mode == "mirrorToDisk":
        for old in root.glob("mirror_*.tar"):
            old.unlink()
        History(run.working_dir, options.since)
    else:
        host, _, run.prefix = start.partition("/")
        run.target = Registry(host, verify=options.dest_tls_verify, authfile=options.authfile)
    options.document = document
    return run


def unpack_catalogs(run: Run) -> None:
    """Unpack catalogs whole, and filtered by the ImageSet, as far as the packages are in them."""
    if not setting("CATALOG"):
        return
    known: dict[str, dict[str, list[str]]] = json.loads(setting("CATALOG"))
    for operator in run.options.document["mirror"].get("operators") or []:
        name = operator["catalog"].rpartition("/")[2].partition("@")[0].partition(":")[0]
        folder = run.working_dir / "operator-catalogs" / name / digest(setting("CATALOG").encode())[7:]
        filtered = folder / "filtered-catalogs" / digest(json.dumps(operator).encode())[7:39]
        asked = {package["name"] for package in operator.get("packages") or []}
        for package, channels in known.items():
            text = "\n".join(map(json.dumps, _package(package, channels))).encode()
            write(folder / "catalog-config/configs" / package / "catalog.json", text)
            if not asked or package in asked:
                write(filtered / "catalog-config" / package / "catalog.json", text)


def _package(name: str, channels: dict[str, list[str]]) -> Iterator[dict[str, Any]]:
    """The documents of a package in a file-based catalog."""
    yield {"schema": "olm.package", "name": name, "defaultChannel": next(iter(channels))}
    for channel, versions in channels.items():
        entries = [{"name": f"{name}.v{version}"} for version in versions]
        yield {"schema": "olm.channel", "package": name, "name": channel, "entries": entries}
    for version in sorted({version for versions in channels.values() for version in versions}):
        yield {
            "schema": "olm.bundle",
            "package": name,
            "name": f"{name}.v{version}",
            "image": f"registry.example.com/{name}/{name}-bundle:v1",
            "properties": [{"type": "olm.package", "value": {"packageName": name, "version": version}}],
        }


def leave_catalogs(run: Run, images: list[Image]) -> None:
    """Leave what filtering leaves: of each catalog three copies of it all, and the part that was taken."""
    catalogs = {operator["catalog"] for operator in run.options.document["mirror"].get("operators") or []}
    for image in images:
        name = image.origin.partition(" at ")[0]
        if name not in catalogs:
            continue
        folder = run.working_dir / "operator-catalogs" / image.repository.rpartition("/")[2]
        folder /= image.manifest.partition(":")[2]
        filtered = folder / "filtered-catalogs" / hashlib.md5(image.origin.encode()).hexdigest()
        if (filtered / "digest").exists():
            continue
        whole = hashlib.shake_256(image.origin.encode()).digest(int(setting("CATALOG_BYTES")))
        for copy in (
            folder / "catalog-image",
            folder / "catalog-config/configs",
            filtered / "filtered-catalog-image",
        ):
            write(copy / "blob", whole)
        write(filtered / "digest", image.manifest.encode())


def collect(run: Run) -> list[Image]:
    say_what_is_collected(run.options.document["mirror"])
    marker = run.working_dir / "operator-catalogs" / "upstream"
    if run.mode != "diskToMirror":
        marker.write_text(setting("UPSTREAM", "1"))
        unpack_catalogs(run)
    images = images_of(run.options.document, marker.read_text() if marker.exists() else "1", run.options.port)
    log(f"[CollectAll] total additional images to copy {len(images)} ", "DEBUG")
    if run.mode != "diskToMirror" and setting("CATALOG_BYTES"):
        leave_catalogs(run, images)
    for image in images:
        if image.kind == "helm":
            chart = run.working_dir / "helm/charts" / f"{image.repository.partition('/')[2]}-{image.tag}.tgz"
            chart.parent.mkdir(parents=True, exist_ok=True)
            chart.touch()
        if image.repository == "openshift/release-images":
            folder = run.working_dir / "release-images" / "ocp-release" / image.tag
            if folder.exists() and not (folder / "index.json").exists():
                raise ExitError(
                    "[ReleaseImageCollector] failed to find release image in index", BITS["release"]
                )
            folder.mkdir(parents=True, exist_ok=True)
            pause()
            (folder / "index.json").write_text("{}")
        if image.repository.endswith("graph-image") and run.mode == "mirrorToMirror":
            push(run, image)
    if not images:
        log("❗ No images to mirror...", "WARN")
        raise ExitError("no images to copy")
    return images


def say_what_is_collected(mirror: dict[str, Any]) -> None:
    """cli/executor.go, CollectAll."""
    log("🕵  going to discover the necessary images...")
    platform, helm = mirror.get("platform") or {}, mirror.get("helm") or {}
    asked = {
        "release": platform.get("channels") or platform.get("release") or platform.get("graph"),
        "operator": mirror.get("operators"),
        "additional": mirror.get("additionalImages"),
        "helm": helm.get("repositories") or helm.get("local"),
    }
    for kind in (kind for kind, wanted in asked.items() if wanted):
        log(f"🔍 collecting {kind} images...")


def destination(run: Run, image: Image) -> str:
    """The repository of an image in the target; what exceeds --max-nested-paths is joined (image/image.go)."""
    path = "/".join(filter(None, (run.prefix, image.repository)))
    limit, parts = run.options.max_nested_paths, path.split("/")
    if not limit or len(parts) <= limit:
        return path
    return "/".join(["/".join(parts[: limit - 1]), "-".join(parts[limit - 1 :])])


def push(run: Run, image: Image) -> None:
    if run.target is not None and setting("PUSH") != "none":
        run.target.push(image, destination(run, image))


def fails_this_time() -> bool:
    """Whether STANDIN_FAIL counts in this run."""
    if not setting("FAIL_TIMES"):
        return True
    left = Path(setting("FAIL_TIMES"))
    number = int(left.read_text())
    left.write_text(str(max(number - 1, 0)))
    return number > 0


def copy(run: Run, image: Image, *, fails: bool) -> None:
    """Copy one image; raises OSError with the text of its failure."""
    pause()
    if fails:
        raise OSError(setting("ERROR", image.unknown))
    signature = None
    if copies_signatures(run) and run.mode != "diskToMirror":
        signature = signature_in_source(run, image)
    if run.mode == "mirrorToDisk":
        try:
            run.cache.add(image)
            if signature:
                run.cache.add(signature)
        except OSError:  # the cache is a registry: it tells its clients no more
            text = "writing blob: uploading layer chunked: received unexpected HTTP status: 500 Internal Server Error"
            raise OSError(text) from None
    else:
        push(run, run.cache.read(image) if run.mode == "diskToMirror" else image)
        if run.mode == "diskToMirror" and copies_signatures(run):
            signature = run.cache.signature(image)
        if signature:
            push_signature(run, image, signature)


def place(run: Run, image: Image) -> str:
    """Where an image went, as the log says it: its repository's parent (hostNamespace)."""
    if run.mode == "mirrorToDisk" or run.target is None:
        return "cache"
    return "/".join(filter(None, (run.target.host, destination(run, image).rpartition("/")[0]))) + "/"


def work(run: Run, images: list[Image]) -> int:
    """Copy all; list the failures, say the results and return the failure bits."""
    log("🚀 Start copying the images...")
    log(f"📌 images to copy {len(images)} ")
    kinds = [kind for kind in BITS if any(image.kind == kind for image in images)]
    failing = kinds if fails_this_time() else []
    doomed = {
        [image.origin for image in images if image.kind == kind][-1]
        for kind in failing
        if kind in setting("FAIL").split(",")
    }
    done, failures = dict.fromkeys(kinds, 0), []
    for image in images:
        try:
            copy(run, image, fails=image.origin in doomed)
        except OSError as error:
            log(f"Failed to copy {image.type} {image.origin}", "ERROR")
            bundle = f"{image.operator}.{image.tag}"
            belongs = (
                f" (Operator bundles: [{bundle}] - Operators: [{image.operator}])" if image.operator else ""
            )
            failures.append(f"error mirroring image {image.origin}{belongs} error: {error}")
            if image.kind == "release":
                break
        else:
            done[image.kind] += 1
            origin = image.origin.partition(" at ")[0]
            log(f"Success copying {origin} ➡️ {place(run, image)}")
            hang()
    log("=== Results ===")
    bits = 0
    for kind in kinds:
        total = sum(image.kind == kind for image in images)
        if done[kind] == total:
            log(f" ✓  {total} / {total} {kind} images mirrored successfully")
        else:
            bits |= BITS[kind]
            hint = f"Some {kind} images failed to be mirrored - please check the logs"
            log(f" ✗  {done[kind]} / {total} {kind} images mirrored: {hint}")
    if failures:
        errors = run.working_dir / "logs" / f"mirroring_errors_{run.stamp}.txt"
        errors.write_text("".join(f"{line}\n" for line in failures))
        for line in failures:
            log(f"[Worker] {line}", "ERROR")
    return bits


def dry_run(run: Run, images: list[Image]) -> None:
    folder = run.working_dir / "dry-run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    cache = f"docker://localhost:{run.options.port}"
    target = cache if run.target is None else f"docker://{run.target.host}"
    lines = [
        f"{f'{cache}/{image.repository}:{image.tag}' if run.mode == 'diskToMirror' else f'docker://{image.origin}'}"
        f"={target}/{image.repository if run.target is None else destination(run, image)}:{image.tag}"
        for image in images
    ]
    (folder / "mapping.txt").write_text("".join(f"{line}\n" for line in lines))
    missing = [line for line, image in zip(lines, images, strict=True) if not run.cache.has(image)]
    if missing and run.mode == "mirrorToDisk":
        (folder / "missing.txt").write_text("".join(f"{line}\n" for line in missing))
        log(
            f"⚠️  {len(missing)}/{len(images)} images necessary for mirroring are not available in the cache.",
            "WARN",
        )
    log(f"📄 list of all images for mirroring in : {folder / 'mapping.txt'}")


def cluster_resources(run: Run, images: list[Image]) -> None:
    """Write what a cluster applies (clusterresources/clusterresources.go): mirror sets, catalogs, update service."""
    if setting("RESOURCES"):
        for path in Path(setting("RESOURCES")).iterdir():
            write(run.working_dir / "cluster-resources" / path.name, path.read_bytes())
    mirrored = [image for image in images if not image.is_catalog and not image.is_graph]
    by_digest = [image for image in mirrored if "@" in image.origin or image.repository == RELEASES]
    by_tag = [
        image
        for image in mirrored
        if "@" not in image.origin or ":" in image.origin.rpartition("/")[2].partition("@")[0]
    ]
    log("📄 Generating cluster resources...")
    log(
        f"📄 {'Generating IDMS file...' if by_digest else 'No images by digests were mirrored. Skipping IDMS generation.'}"
    )
    _mirror_sets(run, "idms", "ImageDigestMirrorSet", "imageDigestMirrors", by_digest)
    log(
        f"📄 {'Generating ITMS file...' if by_tag else 'No images by tag were mirrored. Skipping ITMS generation.'}"
    )
    _mirror_sets(run, "itms", "ImageTagMirrorSet", "imageTagMirrors", by_tag)
    for catalog in (image for image in images if image.is_catalog):
        _catalog(run, catalog)
    graph = next((image for image in images if image.is_graph), None)
    release = next((image for image in images if image.repository == RELEASES), None)
    if graph and release:
        spec = {
            "graphDataImage": f"{_destination(run, graph)}:{graph.tag}",
            "releases": _destination(run, release),
            "replicas": 2,
        }
        document = _resource(
            run, "updateservice.operator.openshift.io/v1", "UpdateService", "update-service-oc-mirror", spec
        )
        document["metadata"]["namespace"] = "openshift-update-service"
        _write_resources(run, "updateService.yaml", [document])


def _destination(run: Run, image: Image) -> str:
    host = run.target.host if run.target else ""
    return "/".join(filter(None, (host, run.prefix, image.repository)))


def _mirror_sets(run: Run, name: str, kind: str, key: str, images: list[Image]) -> None:
    """One document for each category, a source for each namespace; a repository where the path is another."""
    found: dict[str, dict[str, list[str]]] = {}
    for image in images:
        source = re.sub(r":[^:/@]*$", "", image.origin.partition("@")[0])
        mirror = _destination(run, image)
        if mirror.endswith(source.partition("/")[2]):
            source, mirror = source.rpartition("/")[0], mirror.rpartition("/")[0]
        category = {"additional": "generic", "helm": "generic"}.get(image.kind, image.kind)
        mirrors = found.setdefault(category, {}).setdefault(source, [])
        if mirror not in mirrors:
            mirrors.append(mirror)
    documents = [
        _resource(
            run,
            "config.openshift.io/v1",
            kind,
            f"{name}-{category}-0",
            {key: [{"mirrors": mirrors, "source": source} for source, mirrors in sources.items()]},
        )
        for category, sources in found.items()
    ]
    if documents:
        _write_resources(run, f"{name}-oc-mirror.yaml", documents)


def _catalog(run: Run, image: Image) -> None:
    suffix = re.sub(r"[^a-z0-9-]", "-", image.tag[:12].lower())
    name = f"{image.repository.rpartition('/')[2]}-{suffix}".replace(".", "-")
    reference = f"{_destination(run, image)}:{image.tag}"
    source = _resource(
        run,
        "operators.coreos.com/v1alpha1",
        "CatalogSource",
        f"cs-{name}",
        {"image": reference, "sourceType": "grpc"},
    )
    source["metadata"]["namespace"] = "openshift-marketplace"
    _write_resources(run, f"cs-{name}.yaml", [source])
    spec = {"source": {"image": {"ref": reference}, "type": "Image"}}
    catalog = _resource(run, "olm.operatorframework.io/v1", "ClusterCatalog", f"cc-{name}", spec)
    _write_resources(run, f"cc-{name}.yaml", [catalog])


def _resource(run: Run, api: str, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    annotations = {
        "createdAt": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "createdBy": "oc-mirror v2",
        "oc-mirror_version": setting("VERSION", "4.20.0"),
    }
    metadata = {"annotations": annotations, "name": name}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}


def _write_resources(run: Run, file: str, documents: list[dict[str, Any]]) -> None:
    path = run.working_dir / "cluster-resources" / file
    path.write_text("".join(f"---\n{dump_yaml(document)}" for document in documents))
    log(f"{path} file created")


def dump_yaml(value: Any, indent: str = "") -> str:
    """Mappings, lists and scalars in block style."""
    lines = ""
    if isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                lines += f"{indent}- {dump_yaml(item, indent + '  ').lstrip()}"
            else:
                lines += f"{indent}- {json.dumps(item)}\n"
        return lines
    for key, item in value.items():
        if isinstance(item, dict):
            lines += f"{indent}{key}:\n{dump_yaml(item, indent + '  ')}"
        elif isinstance(item, list):
            lines += f"{indent}{key}:\n{dump_yaml(item, indent)}"
        else:
            lines += f"{indent}{key}: {json.dumps(item)}\n"
    return lines


def pin(run: Run) -> None:
    """Write the ImageSet with its catalogs by digest (from 4.22 on), as it is deleted, too, and which version this is (from 2.0 on)."""
    if version() < (4, 22):
        return
    stamp = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    log("Generating pinned configurations...")
    given = Path(run.options.config).read_bytes()
    deletes = [(b"kind: ImageSet", b"kind: DeleteImageSet"), (b"mirror:\n", b"delete:\n")]
    for kind, changes in (("isc", []), ("disc", deletes)):
        path, content = run.working_dir / f"{kind}_pinned_{stamp}.yaml", given
        for before, after in changes:
            content = content.replace(before, after)
        path.write_bytes(content)
        log(f"Pinned {kind.upper()} written to: {path}")
    if version() >= SECOND:
        write(run.working_dir / METADATA, json.dumps(identity()).encode())


def mirror(run: Run) -> None:
    if run.target is not None and setting("PUSH") != "none":
        try:
            run.target.check()
        except OSError as error:
            raise ExitError(
                f'checking registry "{run.target.host}" access: failed to authenticate: {error}'
            ) from None
    try:
        if run.mode == "diskToMirror":
            unarchive(run)
            if version() >= SECOND:
                check_identity(run)
        images = collect(run)
        if copies_signatures(run):
            prepare_registries_d(run)
        if run.options.dry_run:
            dry_run(run, images)
            return
        bits = work(run, images)
        if bits and (run.mode == "mirrorToDisk" or setting("EXIT") != "0"):
            listed = run.working_dir / "logs" / f"mirroring_errors_{run.stamp}.txt"
            text = f"[Worker] some errors occurred during the mirroring{ADVICE.format(listed)}"
            raise ExitError(text, bits)
        if run.mode != "diskToMirror":
            pin(run)
        if run.mode == "mirrorToDisk":
            archive(run, images)
        else:
            cluster_resources(run, images)
    finally:
        log("mirror time     : 1s")
        log("👋 Goodbye, thank you for using oc-mirror")


# --- the command line ---


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        found = re.search(r"unrecognized arguments: (--[\w-]+)", message)
        raise ExitError(f"unknown flag: {found[1]}" if found else message)


FIRST, SECOND = (4, 0), (9, 0)
"""The line that came with OpenShift, and the one that follows it with numbers from 2.0 on."""
OPTIONS: list[tuple[str, str, str, str, tuple[int, int]]] = [
    ("authfile", "string", "", "path of the authentication file. Default is ${XDG_RUNTIME_DIR}/containers/auth.json", FIRST),
    ("cache-dir", "string", "", "oc-mirror cache directory location. Default is $HOME", (4, 18)),
    ("config", "string", "", "Path to imageset configuration file", FIRST),
    ("dest-tls-verify", "", "true", "require HTTPS and verify certificates when talking to the container registry or daemon", FIRST),
    ("dry-run", "", "", "Print actions without mirroring images", FIRST),
    ("dry-run-manifest-lists", "", "", "Like --dry-run, but also includes manifest list sub-digests in mapping.txt (implies --dry-run, cannot be combined with --dry-run)", (4, 22)),
    ("from", "string", "", "Local storage directory for disk to mirror workflow", FIRST),
    ("ignore-release-signature", "", "", "Ignore release signature", (4, 19)),
    ("image-timeout", "duration", "10m0s", "Timeout for mirroring an image", FIRST),
    ("log-level", "string", '"info"', "Log level one of (info, debug, trace, error)", (4, 18)),
    ("max-nested-paths", "int", "", "Number of nested paths, for destination registries that limit nested paths", FIRST),
    ("parallel-images", "uint", "4", "Indicates the number of images mirrored in parallel", (4, 18)),
    ("parallel-layers", "uint", "5", "Indicates the number of image layers mirrored in parallel", (4, 18)),
    ("policy", "string", "", "Path to a trust policy file", (4, 19)),
    ("port", "uint16", "55000", "HTTP port used by oc-mirror's local storage instance", FIRST),
    ("registries.d", "DIR", "", "use registry configuration files in DIR (e.g. for container signature storage)", (4, 19)),
    ("remove-signatures", "", "", "Do not copy image signature", (4, 19)),
    ("retry-delay", "duration", "", "delay between 2 retries (default 0 uses exponential backoff, set value uses constant delay)", FIRST),
    ("retry-times", "int", "5", "the number of times to possibly retry", FIRST),
    ("rootless-storage-path", "string", "", "Override the default container rootless storage path (usually in etc/containers/storage.conf)", FIRST),
    ("secure-policy", "", "", "If set, will enable signature verification (secure policy for signature verification)", FIRST),
    ("since", "string", "", "Include all new content since specified date (format yyyy-MM-dd). When not provided, new content since previous mirroring is mirrored", FIRST),
    ("src-tls-verify", "", "true", "require HTTPS and verify certificates when talking to the container registry or daemon", FIRST),
    ("strict-archive", "", "", "If set, generates archives that are strictly less than archiveSize (set in the imageSetConfig). Mirroring will exit in error if a file being archived exceed archiveSize(GB)", FIRST),
    ("workspace", "string", "", "oc-mirror workspace where resources and internal artifacts are generated", FIRST),
]  # fmt: skip
"""Each option with its kind (none: true or false), its default, its text, and the version that first had it."""


def version() -> tuple[int, int]:
    """The version it plays, in the order of releases: 2.x comes after all of 4.x."""
    major, minor = (int(part) for part in setting("VERSION", "4.20.0").lstrip("v").split(".")[:2])
    return (4, minor) if major == 4 else (SECOND[0], minor)


def options_now() -> list[tuple[str, str, str, str]]:
    """The options of this version; 4.19 and 4.20 leave signatures out by default."""
    return [
        (name, kind, "true" if name == "remove-signatures" and version() < (4, 21) else default, text)
        for name, kind, default, text, first in OPTIONS
        if version() >= first
    ]


def usage() -> str:
    """The end of the real program's help, as cobra prints it."""
    rows = []
    for name, kind, default, text in options_now():
        short = {"config": "-c, ", "port": "-p, "}.get(name, "    ")
        shown = f"{text} (default {default})" if default else text
        rows.append((f"  {short}--{name} {kind}".rstrip(), shown))
    width = max(len(left) for left, _text in rows) + 3
    flags = "\n".join(f"{left:{width}}{text}" for left, text in rows)
    head = "Mirror OCP Release, operator catalog and additional images using a declarative configuration file as an input."
    return (
        f'{head}\n\nFlags:\n{flags}\n\nUse "oc-mirror [command] --help" for more information about a command.'
    )


def parse(argv: list[str]) -> argparse.Namespace:
    parser = Parser(allow_abbrev=False)
    parser.add_argument("destination")
    parser.add_argument("--v2", action="store_true")
    switches = set()
    for name, kind, default, _text in options_now():
        names = [f"-{name[0]}", f"--{name}"] if name in {"config", "port"} else [f"--{name}"]
        if not kind:
            switches.add(f"--{name}")
            parser.add_argument(*names, type=lambda text: text == "true", default=default == "true")
        elif kind in {"int", "uint", "uint16"}:
            parser.add_argument(*names, type=int, default=int(default or 0))
        else:
            parser.add_argument(*names, default=default.strip('"'))
    options = parser.parse_args([f"{one}=true" if one in switches else one for one in argv])
    options.from_ = getattr(options, "from")
    return options


def validate(options: argparse.Namespace) -> None:
    """Refuse what cli/executor.go refuses, in its order and words."""
    to_disk, to_registry = (
        options.destination.startswith("file://"),
        options.destination.startswith("docker://"),
    )
    where = "when destination is file://, mirrorToDisk workflow is assumed, and the "
    rules = (
        (options.workspace and not options.workspace.startswith("file://"), "when --workspace is used, it must have file:// prefix"),
        (options.log_level not in {"info", "debug", "trace", "error"}, f'"{options.log_level}": invalid log-level, it should be one of (info,debug,trace,error)'),
        (os.environ.get("OC_MIRROR_CACHE") and options.cache_dir, "either OC_MIRROR_CACHE or --cache-dir can be used but not both"),
        (not options.config, "use the --config flag it is mandatory"),
        (to_disk and options.from_, f"{where}--from argument is not needed"),
        (to_disk and _keyword(options.destination), f"the destination contains an internal oc-mirror keyword '{_keyword(options.destination)}'"),
        (options.from_ and "file://" not in options.from_, "when --from is used, it must have file:// prefix"),
        (options.from_ and _keyword(options.from_), f"the path set in --from flag contains an internal oc-mirror keyword '{_keyword(options.from_)}'"),
        (options.since and not _is_date(options.since), "--since flag needs to be in format yyyy-MM-dd"),
        (not 1 <= options.parallel_images <= 10, "the flag parallel-images must be between the range 1 to 10"),
        (not 1 <= options.parallel_layers <= 10, "the flag parallel-layers must be between the range 1 to 10"),
        (to_disk and options.workspace, f"{where}--workspace argument is not needed"),
        (
            to_registry and options.workspace and options.from_,
            "when destination is docker://, --from (assumes disk to mirror workflow) and --workspace (assumes mirror to mirror workflow) cannot be used together",
        ),
        (
            to_registry and not options.workspace and not options.from_,
            "when destination is docker://, either --from (assumes disk to mirror workflow) or --workspace (assumes mirror to mirror workflow) need to be provided",
        ),
        (
            not to_disk and not to_registry,
            "destination must have either file:// (mirror to disk) or docker:// (diskToMirror) protocol prefixes",
        ),
    )  # fmt: skip
    for broken, message in rules:
        if broken:
            raise ExitError(message)
    log.level = options.log_level
    options.cache_dir = options.cache_dir or os.environ.get("OC_MIRROR_CACHE") or os.environ["HOME"]


def _keyword(path: str) -> str:
    return next((word for word in KEYWORDS if word in path), "")


def _is_date(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y-%m-%d")
    except ValueError:
        return False
    return True


def main(argv: list[str]) -> int:  # noqa: PLR0911 - a refusal each
    if "version" in argv:
        log("👋 Hello, welcome to oc-mirror")
        print(json.dumps({"clientVersion": identity()}))
        return 0
    if "--v2" in argv and "--help" in argv:
        print(usage())
        return 0
    if "--v2" not in argv:
        text = "⚠️  the use of the flag --v1 or --v2 is mandatory, please use --v2 for the supported oc-mirror version"
        print(f"F1123 06:37:37.000000       1 main.go:53] {text}", file=sys.stderr)
        return 255
    try:
        log("👋 Hello, welcome to oc-mirror")
        log(f"⚙️  environment version: {setting('VERSION', '4.20.0')}")
        umask = os.umask(0)
        os.umask(umask)
        if umask != 0o022 and version() >= (4, 20):
            log(f"⚠️  Detected bad umask 00{umask:o} (oc-mirror requires a umask of 0022)", "WARN")
        options = parse(argv)
        validate(options)
        if setting("PANIC"):
            print(
                "panic: runtime error: index out of range [1]\n\ngoroutine 1 [running]:\nmain.main()",
                file=sys.stderr,
            )
            return 2
        mirror(complete(options))
    except ExitError as error:
        log(f"[Executor] {error} ", "ERROR")
        return int(setting("EXIT") or error.code)
    except OSError as error:
        log(f"[Executor] {error.filename}: {(error.strerror or str(error)).lower()} ", "ERROR")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
