"""Start the service: the loop that mirrors, and the web server with its routes."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, NoReturn

import yaml

from steps.mirroring import operation
from steps.mirroring.checks import preflight
from steps.mirroring.store import Store
from steps.service import page, web
from steps.service.loop import Service
from steps.service.metrics import CONTENT_TYPE, Metrics
from steps.service.overview import resources_in
from steps.service.web import YAML, Response, text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from steps.mirroring.request import Request
    from steps.mirroring.schedule import Schedule
    from steps.mirroring.store.runs import Watcher

log = logging.getLogger(__name__)

ALL_RESOURCES, RESOURCE = "/cluster-resources.yaml", "/cluster-resources/"


def serve(request: Request, *, schedule: Schedule, port: int, watchers: Sequence[Watcher] = ()) -> NoReturn:
    """Serve until SIGTERM, and notify `watchers` of each run. Raises ConflictError if `port` is in use."""
    service = Service(
        request,
        schedule,
        mirror=lambda watcher: operation.run(request, watchers=[watcher], next_run=schedule.after).summary,
        problems=lambda: preflight.problems(request),
    )
    metrics = Metrics(service.overview)
    service.watchers += [metrics.count, *watchers]
    server = web.start(port, routes(service, metrics, Store(request.data).resources.folder))
    try:
        log.info("listening on port %d", server.server_port)
        service.run()
    finally:
        server.shutdown()
        server.server_close()


def routes(service: Service, metrics: Metrics, resources: Path) -> Callable[[str], Response]:
    """Return the function that answers a path.

    `resources` is the folder of the cluster resources, which may be absent. `/healthz` is 200 while the main
    thread lives, which mirrors. `/readyz` is 503, with a line for each problem, if the next run could not
    start.
    """
    main = threading.main_thread()
    fixed: dict[str, Callable[[], Response]] = {
        "/": lambda: Response(200, page.render(service.overview()).encode(), "text/html; charset=utf-8"),
        "/healthz": lambda: text(200, "ok") if main.is_alive() else text(500, "stopped"),
        "/readyz": lambda: _readiness(service.overview().problems),
        "/metrics": lambda: Response(200, metrics.exposition(), CONTENT_TYPE),
        ALL_RESOURCES: lambda: _all_resources(resources),
    }

    def answer(path: str) -> Response:
        if path in fixed:
            return fixed[path]()
        if path.startswith(RESOURCE):
            return _resource(resources, path.removeprefix(RESOURCE))
        return text(404, f"there is {', '.join(fixed)}")

    return answer


def _readiness(problems: tuple[str, ...]) -> Response:
    return text(503, *problems) if problems else text(200, "ok")


def _resource(folder: Path, name: str) -> Response:
    """Return the file `name`, but only if the page lists it, so that no path leads out of the folder."""
    if name not in {resource.name for resource in resources_in(folder)}:
        return text(404, "there is no such file; the page at / lists them")
    try:
        return Response(200, (folder / name).read_bytes(), YAML, download=name)
    except OSError:
        return text(404, "the files are being replaced: try again")


def _all_resources(folder: Path) -> Response:
    """Return all manifests as one file for `oc apply -f`, without documents that are not manifests."""
    documents: list[object] = []
    try:
        for resource in resources_in(folder):
            documents += filter(_is_manifest, yaml.safe_load_all((folder / resource.name).read_bytes()))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        return text(500, f"the files cannot be put together: {' '.join(str(error).split())}")
    if not documents:
        return text(404, "there are none yet")
    body = yaml.safe_dump_all(documents, sort_keys=False, explicit_start=True).encode()
    return Response(200, body, YAML, download=ALL_RESOURCES.removeprefix("/"))


def _is_manifest(document: object) -> bool:
    return isinstance(document, dict) and {"kind", "metadata"} <= set(document)
