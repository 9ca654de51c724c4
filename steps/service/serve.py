"""Start the service: the loop that mirrors, and the web server with its routes."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import yaml

from steps.errors import StepError
from steps.mirroring import operation
from steps.mirroring.checks import preflight
from steps.mirroring.schedule import Schedule
from steps.mirroring.store import Store
from steps.mirroring.store.published import AUTOSHIFT_VALUES
from steps.parameters.table.schedule import TIME_ZONE
from steps.parameters.table.verification import VERIFY_SCHEDULE
from steps.parameters.value_kinds import Workflow
from steps.service import page, status, web
from steps.service.loop import Service, Verification
from steps.service.metrics import CONTENT_TYPE, Metrics
from steps.service.overview import own_of, published_in, resources_in
from steps.service.web import JSON, YAML, Response, text
from steps.yaml.values import values
from steps.yaml.writing import Dumper

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from steps.mirroring.request import Request
    from steps.mirroring.store.published import Published
    from steps.mirroring.store.runs import Watcher
    from steps.service.web import Routes

log = logging.getLogger(__name__)

ALL_RESOURCES, RESOURCE = "/cluster-resources.yaml", "/cluster-resources/"
TARGETS = "/targets/"
"""Below it each target of the data directory has both by the name of its folder, and AutoShift's block."""


def serve(request: Request, *, schedule: Schedule, port: int, watchers: Sequence[Watcher] = ()) -> NoReturn:
    """Serve until SIGTERM, and notify `watchers` of each run. Raises ConflictError if `port` is in use."""
    service = Service(
        request,
        schedule,
        mirror=lambda watcher: operation.run(request, watchers=[watcher], next_run=schedule.after).summary,
        verification=_verification(request),
        problems=lambda: preflight.problems(request),
    )
    metrics = Metrics(service.overview)
    service.watchers += [metrics.count, *watchers]
    server = web.start(port, routes(service, metrics, Store(request.data, request.cache)))
    try:
        log.info("listening on port %d", server.port)
        service.run()
    finally:
        server.close()


def _verification(request: Request) -> Verification | None:
    """Return how the target is verified besides; None where nobody asked for it."""
    expression = request.values[VERIFY_SCHEDULE]
    if not expression:
        return None
    verifying = replace(request, workflow=Workflow.VERIFY_TARGET, dry_run=False)
    return Verification(
        Schedule(expression, request.values[TIME_ZONE]),
        lambda watcher: operation.run(verifying, watchers=[watcher]).summary,
    )


def routes(service: Service, metrics: Metrics, store: Store) -> Routes:
    """Return the function that answers a path and a query.

    `store` is the data directory, with what it has for the clusters of each target. `/healthz` is 200 while
    the main thread lives, which mirrors. `/readyz` is 503, with a line for each problem, if the next run
    could not start.
    """
    main = threading.main_thread()
    fixed: dict[str, Callable[[], Response]] = {
        "/healthz": lambda: text(200, "ok") if main.is_alive() else text(500, "stopped"),
        "/readyz": lambda: _readiness(service.overview().problems),
        "/metrics": lambda: Response(200, metrics.exposition(), CONTENT_TYPE),
        status.RECEIPT: lambda: _receipt(service),
        "/status.json": lambda: Response(200, status.document(service.overview(), service.holdings()), JSON),
    }

    def answer(path: str, query: str) -> Response:
        if path == "/":
            return _page(service, page.View.of(query))
        if path in fixed:
            return fixed[path]()
        if path == ALL_RESOURCES or path.startswith(RESOURCE):
            own = own_of(published_in(store), service.request)
            return _of_target(store.published, own.folder if own else "", path)
        if path.startswith(TARGETS):
            folder, slash, rest = path.removeprefix(TARGETS).partition("/")
            return _of_target(store.published, folder, slash + rest)
        return text(404, f"there is {', '.join(('/', *fixed, ALL_RESOURCES))}")

    return answer


def _page(service: Service, view: page.View) -> Response:
    overview = service.overview()
    html = page.render(overview, service.holdings(), view).encode()
    return Response(200, html, "text/html; charset=utf-8", renew=page.renewal(overview, view))


def _receipt(service: Service) -> Response:
    receipt = service.holdings().receipt
    if receipt is None:
        return text(404, "there is none: workflow-from-disk writes one when it has imported something")
    return Response(200, receipt.content, JSON, download=receipt.name)


def _of_target(published: Published, folder: str, path: str) -> Response:
    """Return what `path` names of the target whose folder has that name, and of no other."""
    try:
        target = next((known for known in published.all() if known.folder.name == folder), None)
    except StepError as error:
        return text(500, error.reason)
    if target is None:
        return text(404, "there are no such files; the page at / lists those of each target")
    if path == ALL_RESOURCES:
        return _all_resources(target.resources)
    if path == f"/{AUTOSHIFT_VALUES}":
        return _file(target.autoshift_values)
    if path.startswith(RESOURCE):
        return _resource(target.resources, path.removeprefix(RESOURCE))
    return text(404, "there is no such file; the page at / lists them")


def _readiness(problems: tuple[str, ...]) -> Response:
    return text(503, *problems) if problems else text(200, "ok")


def _resource(folder: Path, name: str) -> Response:
    """Return the file `name`, but only if the page lists it, so that no path leads out of the folder."""
    if name not in {resource.name for resource in resources_in(folder)}:
        return text(404, "there is no such file; the page at / lists them")
    return _file(folder / name)


def _file(path: Path) -> Response:
    try:
        return Response(200, path.read_bytes(), YAML, download=path.name)
    except OSError:
        return text(404, "the files are being replaced: try again")


def _all_resources(folder: Path) -> Response:
    """Return all manifests as one file for `oc apply -f`, without documents that are not manifests."""
    documents: list[object] = []
    try:
        for resource in resources_in(folder):
            documents += filter(_is_manifest, values((folder / resource.name).read_bytes()))
    except (OSError, ValueError) as error:
        return text(500, f"the files cannot be put together: {' '.join(str(error).split())}")
    if not documents:
        return text(404, "nothing is published yet")
    body = yaml.dump_all(documents, Dumper=Dumper, sort_keys=False, explicit_start=True).encode()
    return Response(200, body, YAML, download=ALL_RESOURCES.removeprefix("/"))


def _is_manifest(document: object) -> bool:
    return isinstance(document, dict) and {"kind", "metadata"} <= set(document)
