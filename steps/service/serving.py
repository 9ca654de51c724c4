"""Put together: the loop that mirrors, and what answers beside it."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, NoReturn

import yaml

from steps.mirroring import operation
from steps.mirroring.checks import preflight
from steps.mirroring.data.layout import Layout
from steps.service import page, server
from steps.service.loop import Service
from steps.service.metrics import CONTENT_TYPE, Metrics
from steps.service.overview import resources_in
from steps.service.server import YAML, Answer, text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from steps.mirroring.data.status import Watcher
    from steps.mirroring.request import Request
    from steps.mirroring.schedule import Schedule

log = logging.getLogger(__name__)

ALL, EACH = "/cluster-resources.yaml", "/cluster-resources/"


def serve(request: Request, *, schedule: Schedule, port: int, watchers: Sequence[Watcher] = ()) -> NoReturn:
    """Serve until SIGTERM, and tell `watchers` of each run. Raises ConflictError if `port` is taken."""
    service = Service(
        request,
        schedule,
        mirror=lambda watcher: operation.run(request, watchers=[watcher], next_run=schedule.after).summary,
        problems=lambda: preflight.problems(request),
    )
    metrics = Metrics(service.overview)
    service.watchers += [metrics.count, *watchers]
    web = server.start(port, routes(service, metrics, Layout.at(request.data).cluster_resources))
    try:
        log.info("listening on port %d", web.server_port)
        service.run()
    finally:
        web.shutdown()
        web.server_close()


def routes(service: Service, metrics: Metrics, resources: Path) -> Callable[[str], Answer]:
    """What answers each path. `resources` is the folder of the cluster resources, which may be absent.

    Health is the main thread's: it mirrors. `/readyz` is 503 with a line for each thing that keeps a run from
    starting.
    """
    main = threading.main_thread()
    fixed: dict[str, Callable[[], Answer]] = {
        "/": lambda: Answer(200, page.render(service.overview()).encode(), "text/html; charset=utf-8"),
        "/healthz": lambda: text(200, "ok") if main.is_alive() else text(500, "stopped"),
        "/readyz": lambda: _readiness(service.overview().problems),
        "/metrics": lambda: Answer(200, metrics.exposition(), CONTENT_TYPE),
        ALL: lambda: _together(resources),
    }

    def answer(path: str) -> Answer:
        if path in fixed:
            return fixed[path]()
        if path.startswith(EACH):
            return _one(resources, path.removeprefix(EACH))
        return text(404, f"there is {', '.join(fixed)}")

    return answer


def _readiness(problems: tuple[str, ...]) -> Answer:
    return text(503, *problems) if problems else text(200, "ok")


def _one(folder: Path, name: str) -> Answer:
    """One file, only if it is among those that the page lists: no path leads anywhere else."""
    if name not in {resource.name for resource in resources_in(folder)}:
        return text(404, "there is no such file; the page at / lists them")
    try:
        return Answer(200, (folder / name).read_bytes(), YAML, download=name)
    except OSError:
        return text(404, "the files are being replaced: try again")


def _together(folder: Path) -> Answer:
    """All manifests as one file for `oc apply -f`; what is no manifest is left out."""
    documents: list[object] = []
    try:
        for resource in resources_in(folder):
            found = yaml.safe_load_all((folder / resource.name).read_bytes())
            documents += [one for one in found if isinstance(one, dict) and {"kind", "metadata"} <= set(one)]
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        return text(500, f"the files cannot be put together: {' '.join(str(error).split())}")
    if not documents:
        return text(404, "there are none yet")
    body = yaml.safe_dump_all(documents, sort_keys=False, explicit_start=True).encode()
    return Answer(200, body, YAML, download=ALL.removeprefix("/"))
