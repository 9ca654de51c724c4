"""The service's web server: it answers GET and HEAD with strict headers, and changes nothing.

Whoever reaches the port may open thousands of connections and leave them open. So each has a deadline, and
where there are too many, the oldest makes room for the newest. Probes wait for nobody: they have threads of
their own, and one answer serves all who ask at the same time.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from aiohttp.web import RequestHandler as Connection
from aiohttp.web import Response as Reply
from aiohttp.web import Server as ConnectionMaker

from steps.errors import ConflictError
from steps.service import page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from aiohttp.web import BaseRequest, StreamResponse

log = logging.getLogger(__name__)

Asked = tuple[str, str]
"""A path, without escapes, and a query as it was sent."""

TEXT = "text/plain; charset=utf-8"
YAML = "application/yaml; charset=utf-8"
JSON = "application/json"
METHODS = ("GET", "HEAD")
PROBES = ("/healthz", "/readyz")
"""What the kubelet asks for. It ends the pod, and the run in it, where it gets no answer."""
REQUEST_SECONDS = 10
"""Seconds from the connection to the last header of the request."""
ANSWER_SECONDS = 60
"""Seconds from there until the client has read the answer."""
WAITING = 400
"""Connections without a whole request; with those below they fit a process that may open 1,024 files."""
ANSWERING = 64
"""Connections whose answer is made or read: each holds an answer in memory."""
WORKERS = 2
"""Threads that make answers."""
ACCEPTED, BACKLOG = 64, 4096
"""Connections accepted in one go, and those that the kernel keeps for later, if its somaxconn allows."""
PIECE = 64 * 1024
"""Bytes of an answer that we, and the kernel, copy before the client reads."""
QUERY = 300
"""Characters of a query that are read."""
HEADERS, HEADER_BYTES = 64, 8192
"""How many headers a request may have, and how long each of them and its first line may be."""


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response; `kind` is its media type, `download` the file name to save it under, if any.

    `renew` are the seconds after which a browser asks again; 0: never.
    """

    code: int
    body: bytes
    kind: str = TEXT
    download: str = ""
    renew: int = 0


def text(code: int, *lines: str) -> Response:
    """Return a response of plain text lines."""
    return Response(code, "".join(f"{line}\n" for line in lines).encode())


Routes = Callable[[str, str], Response]
"""Returns the answer to a path and to what follows its `?`, of which QUERY characters are passed on."""


def start(port: int, routes: Routes) -> Server:
    """Start to answer GET and HEAD on `port` (0: any free port) with what `routes` returns.

    Raises ConflictError if the port is in use.
    """
    dual = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if dual else socket.AF_INET
    try:
        listening = socket.create_server(("", port), family=family, dualstack_ipv6=dual, backlog=BACKLOG)
    except OSError as error:
        raise ConflictError(
            f"cannot listen on port {port}: {error.strerror}", "choose another with --listen-port"
        ) from error
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, PIECE)  # its connections have the same
    return Server(listening, routes)


class Server:
    """A server on every address of the pod, IPv6 and IPv4; its threads end with the process."""

    def __init__(self, listening: socket.socket, routes: Routes) -> None:
        """Answer whoever connects to the socket."""
        self.port: int = listening.getsockname()[1]
        self._socket, self._routes = listening, routes
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="web")
        self._thread.start()

    def __enter__(self) -> Server:
        """Return the server, which is closed at the end of the block."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close the server."""
        self.close()

    def close(self) -> None:
        """Close the port and all connections."""
        with suppress(RuntimeError):  # it is closed already
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        answers = _Answers(self._routes)
        connections = _Connections(answers)
        server = await self._loop.create_server(connections, sock=self._socket, backlog=ACCEPTED)
        self._socket.listen(BACKLOG)  # asyncio has a single number for this and for ACCEPTED
        await self._end.wait()
        server.close()
        connections.abort()
        answers.close()


class _Connections(ConnectionMaker):
    """Makes the connections, each with a place that has a deadline."""

    def __init__(self, answers: _Answers) -> None:
        super().__init__(self._reply, handler_cancellation=True)
        self._answers = answers
        self._waiting = _Places(WAITING, REQUEST_SECONDS)
        self._answering = _Places(ANSWERING, ANSWER_SECONDS)
        self._probing = _Places(ANSWERING, ANSWER_SECONDS)

    def __call__(self) -> Connection:
        return _Connection(
            self,
            loop=asyncio.get_running_loop(),
            max_line_size=HEADER_BYTES,
            max_field_size=HEADER_BYTES,
            max_headers=HEADERS,
            lingering_time=0,
        )

    def connection_made(self, handler: Connection, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        self._waiting.take(handler, transport)

    def connection_lost(self, handler: Connection, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        for places in (self._waiting, self._answering, self._probing):
            places.leave(handler)

    def abort(self) -> None:
        """Hang up on everybody."""
        for places in (self._waiting, self._answering, self._probing):
            places.clear()

    async def _reply(self, request: BaseRequest) -> StreamResponse:
        self._waiting.leave(request.protocol)
        if request.method not in METHODS:
            return _reply(text(501, f"there is only {' and '.join(METHODS)}"))
        if request.can_read_body:
            return _reply(text(413, "a request has no body here"))
        try:
            asked = urlsplit(request.raw_path)
            path, query = unquote(asked.path), asked.query[:QUERY]
        except ValueError:
            return _reply(text(400, "this is not a path"))
        if request.transport is not None:
            places = self._probing if path in PROBES else self._answering
            places.take(request.protocol, request.transport)
        return _reply(await self._answers.of(path, query))


class _Connection(Connection):
    """A connection which answers a request that is not HTTP in our way, and says it in no log but debug's."""

    __slots__ = ()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it repeats what the client sent
    ) -> StreamResponse:
        log.debug("%s: %s", request.remote, exc)
        return _reply(text(status, "this is not an HTTP request"))


class _Places:
    """Places for connections, each for some seconds; where all are taken, the oldest makes room."""

    def __init__(self, count: int, seconds: float) -> None:
        self._count, self._seconds = count, seconds
        self._taken: dict[Connection, tuple[asyncio.Transport, asyncio.TimerHandle]] = {}

    def take(self, connection: Connection, transport: asyncio.Transport) -> None:
        deadline = asyncio.get_running_loop().call_later(self._seconds, transport.abort)
        self._taken[connection] = transport, deadline
        if len(self._taken) > self._count:
            self._abort(next(iter(self._taken)))

    def leave(self, connection: Connection) -> None:
        if connection in self._taken:
            self._taken.pop(connection)[1].cancel()

    def clear(self) -> None:
        for connection in [*self._taken]:
            self._abort(connection)

    def _abort(self, connection: Connection) -> None:
        transport, deadline = self._taken.pop(connection)
        deadline.cancel()
        transport.abort()


class _Answers:
    """Has answers made in threads, one for all who ask for the same at the same time."""

    def __init__(self, routes: Routes) -> None:
        self._loop, self._routes = asyncio.get_running_loop(), routes
        self._asked: dict[Asked, asyncio.Future[Response]] = {}
        self._pages, self._probes = self._workers(WORKERS), self._workers(len(PROBES))

    async def of(self, path: str, query: str) -> Response:
        """Return the answer of a path and its query; a probe's does not wait for others."""
        asked = (path, "" if path in PROBES else query)
        answer = self._asked.get(asked)
        if answer is None:
            if path not in PROBES and len(self._asked) >= ANSWERING:
                return text(503, "too many requests at the same time: try again")
            answer = self._asked[asked] = self._loop.create_future()
            (self._probes if path in PROBES else self._pages).put(asked)
        return await asyncio.shield(answer)

    def close(self) -> None:
        """Let the threads end."""
        for workers, count in ((self._pages, WORKERS), (self._probes, len(PROBES))):
            for _ in range(count):
                workers.put(None)

    def _workers(self, count: int) -> SimpleQueue[Asked | None]:
        """Start threads and return their queue; unlike an executor's, they keep no process from its end."""
        queue: SimpleQueue[Asked | None] = SimpleQueue()
        for _ in range(count):
            threading.Thread(target=self._work, args=(queue,), daemon=True, name="answers").start()
        return queue

    def _work(self, queue: SimpleQueue[Asked | None]) -> None:
        while (asked := queue.get()) is not None:
            try:
                answer = self._routes(*asked)
            except Exception:
                log.exception("a defect: no answer for a request")
                answer = text(500, "a defect: the log says more")
            with suppress(RuntimeError):  # the server was closed meanwhile
                self._loop.call_soon_threadsafe(self._say, asked, answer)

    def _say(self, asked: Asked, answer: Response) -> None:
        self._asked.pop(asked).set_result(answer)


def _reply(answer: Response) -> StreamResponse:
    reply = Reply(status=answer.code, body=_pieces(answer.body), headers=_headers(answer))
    reply.force_close()
    return reply


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    """Yield an answer a piece at a time: who does not read has no more than a piece copied for it."""
    for start in range(0, len(body), PIECE):
        yield body[start : start + PIECE]


def _headers(answer: Response) -> Mapping[str, str]:
    """Return the headers of a response, which forbid to guess its type, frame it, cache it or load assets."""
    headers = {
        "Server": "oc-mirror-pipeline",
        "Content-Type": answer.kind,
        "Content-Length": str(len(answer.body)),
        "Content-Security-Policy": page.content_security_policy(),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
    if answer.renew:
        headers["Refresh"] = str(answer.renew)
    if answer.download:
        headers["Content-Disposition"] = f'attachment; filename="{answer.download}"'
    return headers
