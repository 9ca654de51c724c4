"""Files that pods fetch over HTTP: a folder served for one test, and the wheels that our image is made of."""

from __future__ import annotations

import functools
import hashlib
import sys
import threading
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from tests.testbed import binaries
from tests.testbed.layout import CACHE, NODE_ADDRESS, REPOSITORY
from tests.testbed.processes import run

if TYPE_CHECKING:
    from collections.abc import Iterator

_REQUIREMENTS = ("requirements.txt", "requirements-build.txt")


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep quiet."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder on the node's address; give its URL."""
    handler = functools.partial(_Handler, directory=str(folder))
    server = ThreadingHTTPServer((NODE_ADDRESS, 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{NODE_ADDRESS}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ensure_wheels() -> Path:
    """A folder with every wheel that the Containerfile installs: a build in a pod needs no way out."""
    files = [REPOSITORY / name for name in _REQUIREMENTS]
    key = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
    folder = CACHE / f"wheels-{key}"
    with binaries.locked("wheels"):
        if not folder.is_dir():
            with binaries.building(folder) as aside:
                given = [f"--requirement={path}" for path in files]
                pip = (sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--no-deps")
                run(*pip, *given, "--dest", aside)
    return folder
