"""Container images written as archives, without a builder: a layer, a configuration, a manifest.

An image with one static program in it is three small files in a tar. Writing them here takes
milliseconds, where a builder's commit takes seconds for each of a dozen images.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


# To be changed with what is written here: archives made in an older way are then made again.
RECIPE = "2"
# Without a date buildah takes no later build for one on the same base, and reuses no layer.
_EPOCH = "1970-01-01T00:00:00Z"


def write_image(
    archive: Path,
    reference: str,
    layer: Path,
    *,
    entrypoint: list[str] | None = None,
    env: dict[str, str] | None = None,
    user: str = "",
) -> None:
    """Write a docker-archive with one layer, given as an uncompressed tar.

    It is stored compressed, fast rather than small: importing hashes and copies every byte several times.
    """
    settings: dict[str, Any] = {"Env": [f"{key}={value}" for key, value in (env or {}).items()], "User": user}
    if entrypoint:
        settings["Entrypoint"] = entrypoint
    digest = f"sha256:{_sha256(layer)}"
    image = {
        "architecture": "amd64",
        "os": "linux",
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [digest]},
        "created": _EPOCH,
        "history": [{"created": _EPOCH, "created_by": "tests.testbed"}],
    }
    config = json.dumps(image, sort_keys=True).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": [reference], "Layers": ["layer.tar"]}]).encode()
    packed = layer.with_suffix(".gz")
    with layer.open("rb") as source, gzip.GzipFile(packed, "wb", compresslevel=1, mtime=0) as target:
        shutil.copyfileobj(source, target)
    with tarfile.open(archive, "w") as tar:
        tar.add(packed, "layer.tar")
        for member, content in ((name, config), ("manifest.json", manifest)):
            info = tarfile.TarInfo(member)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    packed.unlink()


def program_layer(layer: Path, program: Path, inside: str, links: Iterable[str] = ()) -> None:
    """A layer with one program at the absolute path `inside`, and links to it beside it.

    Nothing in it depends on the clock, so the same program gives the same image.
    """
    with tarfile.open(layer, "w") as tar:
        for parent in reversed(Path(inside).parents[:-1]):
            folder = tarfile.TarInfo(str(parent).lstrip("/"))
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(folder)
        info = tarfile.TarInfo(inside.lstrip("/"))
        info.size, info.mode = program.stat().st_size, 0o755
        with program.open("rb") as content:
            tar.addfile(info, content)
        for link in links:
            info = tarfile.TarInfo(str(Path(inside).with_name(link)).lstrip("/"))
            info.type, info.linkname = tarfile.SYMTYPE, Path(inside).name
            tar.addfile(info)


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
