"""Serves the registries of the fixtures under the names that their records hold.

Records name the target, and hashes of records hold that name; but a test's registry has another port each
time. So the records hold names of documentation, and two proxies lead from any name to the registry: for HTTP
itself, since it answers for any host, and a tunnel for TLS, which it does not speak; `Place` allows that.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.catalog.front import proxy_to
from tests.unit.mirroring.conftest import serve_registry

SOURCE = "registry.example.com"
TARGET = "mirror.example.com:8443/site"
PREFIX = TARGET.partition("/")[2]
"""The path of the target: below it lie its repositories, in the same registry as those of the source."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve `folder` under every name for the time of a `with`; give the HOST:PORT that it really has."""
    with (
        serve_registry(folder) as host,
        proxy_to(host, []) as tunnel,
        pytest.MonkeyPatch.context() as environment,
    ):
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "all_proxy"):
            environment.delenv(name, raising=False)
        environment.setenv("http_proxy", f"http://{host}")
        environment.setenv("https_proxy", tunnel)
        environment.setenv("no_proxy", "127.0.0.1")
        yield host
