"""One port for everything: HTTP by a table of routes, and calls by websocket.

    serve ── one task a connection ──> HttpConnection ──> a route's handler ──> reply
                                             └── a media path ──> upgraded ──> on_call

trio-websocket could listen by itself, but it has no routes: it answers a plain GET with a bare
400 and keeps a task for it for a minute. So h11 reads every request, and trio-websocket gets
the connections that are upgraded.

What one connection does wrong, slowly or too often is answered (see
:mod:`adapters.front.http`) and costs that connection only. What goes wrong in a handler or
in a call is logged, and costs that request or that call only.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog
import trio
from trio_websocket import WebSocketConnection

from adapters.front.http import (
    BadRequest,
    HttpConnection,
    HttpLimits,
    Request,
    Response,
    Routes,
    StreamedResponse,
    plain,
)
from adapters.front.routes import RouteTable
from adapters.front.upgrade import upgraded, why_not
from adapters.twilio.carrier import answer
from adapters.twilio.protocol import MESSAGE_BYTES_MAX
from effects.ports import Carrier

log = structlog.get_logger()

OnCall = Callable[[Carrier], Awaitable[None]]
Admit = Callable[[Request], Response | None]
Answer = Callable[[WebSocketConnection, OnCall], Awaitable[None]]
"""How a carrier's websocket becomes a call: runs ``on_call`` with it, if it does."""

TWILIO: Mapping[str, Answer] = {"/media": answer}

LAST_S = 0.25
"""Who would rather not take a connection lets the other workers go first for so long."""

AT_ONCE_S = 0.001


@dataclass(frozen=True, slots=True)
class FrontLimits:
    """What all clients together may take up, and what each of them may."""

    connections: int = 1000
    """Calls and idle browsers alike; one more is answered with 503."""
    streams: int = 100
    """Replies that go on; of those, too, one more is answered with 503."""
    http: HttpLimits = field(default_factory=HttpLimits)


class CannotListen(Exception):
    """There is no listening where we were told to; ``str()`` says what to do."""


class PortBusy(CannotListen):
    """Another program has the port."""


@dataclass(frozen=True, slots=True)
class Listening:
    """What :func:`serve` reports when it has begun."""

    host: str
    port: int
    drain: Callable[[], None]
    """Take no more connections and let those that are here finish; then serve returns."""


async def healthz(_: Request) -> Response:
    """Alive, and able to say so."""
    return plain(200, "ok")


async def serve(
    host: str,
    port: int,
    *,
    on_call: OnCall,
    routes: Routes | None = None,
    media: Mapping[str, Answer] = TWILIO,
    admit: Admit | None = None,
    limits: FrontLimits | None = None,
    inherited: socket.socket | None = None,
    eager: Callable[[], bool] = lambda: True,
    task_status: trio.TaskStatus[Listening] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve HTTP and calls until cancelled or drained.

    ``on_call`` runs once for each answered call and the call ends when it returns.
    ``routes`` adds to ``GET /healthz``; ``media`` says at which path which carrier comes. ``admit``
    judges a request for a call before it is accepted: it returns a refusal, or None to let it in.
    Port 0 takes any free port (on the first address of ``host``); ``inherited`` is a socket that
    listens already, shared with other workers, to whom this one leaves what comes while it is not
    ``eager``. ``task_status`` gets the address. Raises :class:`PortBusy` or :class:`CannotListen`.
    Cancelling cancels every handler and call, each of which may take the bounded time of its own
    clean-up.
    """
    if inherited is None:
        listeners: Sequence[trio.SocketListener | _Considerate] = await _listen(host, port)
    else:
        listeners = [_Considerate(trio.socket.from_stdlib_socket(inherited), eager)]
    front = Front(on_call, routes or {}, media, admit, limits or FrontLimits())
    bound_host, bound_port = listeners[0].socket.getsockname()[:2]
    async with trio.open_nursery() as connections:
        with trio.CancelScope() as accepting:

            def drain() -> None:
                accepting.cancel()
                front.drain()

            task_status.started(Listening(bound_host, bound_port, drain))
            await trio.serve_listeners(front.handle, list(listeners), handler_nursery=connections)


class _Considerate(trio.abc.Listener[trio.SocketStream]):
    """A listener on a socket that other workers have, too."""

    def __init__(self, shared: trio.socket.SocketType, eager: Callable[[], bool]) -> None:
        self.socket = shared
        self._listener, self._eager = trio.SocketListener(shared), eager

    async def accept(self) -> trio.SocketStream:
        # Eagerness is asked when a connection is there, not when the wait for one begins.
        while True:
            await trio.lowlevel.wait_readable(self.socket)
            if not self._eager():
                await trio.sleep(LAST_S)
            with trio.move_on_after(AT_ONCE_S):  # another worker may have it by now
                return await self._listener.accept()

    async def aclose(self) -> None:
        await self._listener.aclose()


async def _listen(host: str, port: int) -> list[trio.SocketListener]:
    if not 0 <= port <= 65535:
        raise CannotListen(
            f"port {port} does not exist: choose --port up to 65535 (0 takes any free one)"
        )
    try:
        listeners = await trio.open_tcp_listeners(port, host=host)
    except socket.gaierror as error:
        raise CannotListen(f"host {host}: {error.strerror}: choose another --host") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortBusy(
                f"port {port} on {host} is in use: stop the other program or choose --port"
                " (0 takes any free one)"
            ) from error
        if error.errno == errno.EACCES:
            raise CannotListen(
                f"port {port} on {host} is not for us to use: choose --port above 1023"
            ) from error
        raise CannotListen(
            f"cannot listen on port {port} of {host}: {error.strerror}: choose another --host"
        ) from error
    if port == 0:  # each address would get a port of its own
        for extra in listeners[1:]:
            extra.socket.close()
        del listeners[1:]
    return listeners


class Front:
    """What :func:`serve` does with each connection, whatever it comes over."""

    def __init__(
        self,
        on_call: OnCall,
        routes: Routes,
        media: Mapping[str, Answer],
        admit: Admit | None,
        limits: FrontLimits,
    ) -> None:
        self._on_call = on_call
        self._routes = RouteTable({("GET", "/healthz"): healthz, **routes})
        self._media = media
        self._admit = admit
        self._limits = limits
        self._open: set[HttpConnection] = set()
        self._count = 0
        self._streams = 0
        self._draining = False

    def drain(self) -> None:
        """Have every HTTP connection end after its next reply, or now if it is idle or streams."""
        self._draining = True
        for connection in self._open:
            connection.close_if_idle()

    async def handle(self, stream: trio.abc.Stream) -> None:
        """Serve one connection to its end and close it. Raises nothing but cancellation."""
        self._count += 1
        connection = HttpConnection(stream, self._limits.http)
        self._open.add(connection)
        try:
            async with stream:
                if self._draining:
                    connection.close_if_idle()
                if self._count > self._limits.connections:
                    await self._turn_away(connection)
                else:
                    await self._serve(connection, stream)
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            log.debug("connection_lost")
        except* Exception as errors:
            log.exception("connection_failed", exc_info=errors)
        finally:
            self._open.discard(connection)
            self._count -= 1

    async def _turn_away(self, connection: HttpConnection) -> None:
        log.warning("connection_turned_away", connections=self._count)
        connection.closing = True
        await connection.reply(plain(503, "too many connections"))
        await connection.linger()

    async def _serve(self, connection: HttpConnection, stream: trio.abc.Stream) -> None:
        while True:
            try:
                request = await connection.next_request()
            except BadRequest as error:
                log.info("bad_request", status=error.status, reason=str(error))
                connection.closing = True
                await connection.reply(plain(error.status, str(error)))
                await connection.linger()
                return
            if request is None:
                return
            if answer := self._media.get(request.path):
                refusal = why_not(request) or (self._admit and self._admit(request))
                if refusal is None:
                    await self._call(stream, request, connection.unread, answer)
                    return
                log.info("call_refused", status=refusal.status)
                await connection.reply(refusal)
            else:
                await self._reply(connection, await self._answer(request))
            if not connection.reusable:
                return

    async def _reply(self, connection: HttpConnection, response: Response) -> None:
        if not isinstance(response, StreamedResponse):
            await connection.reply(response)
        elif self._streams >= self._limits.streams:
            log.warning("stream_turned_away", streams=self._streams)
            await connection.reply(plain(503, "too many streams", retry_after="10"))
        else:
            self._streams += 1
            try:
                await connection.reply(response)
            finally:
                self._streams -= 1

    async def _answer(self, request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        handler, parameters = self._routes.find(method, request.path)
        if handler is None:
            allowed = self._routes.methods(request.path)
            if not allowed:
                return plain(404, "no such path")
            return plain(405, "no such method here", allow=", ".join(allowed))
        if parameters:
            request = replace(request, parameters=parameters)
        try:
            with trio.move_on_after(self._limits.http.reply_s):
                return await handler(request)
        except Exception:
            log.exception("request_failed", method=method, path=request.path)
            return plain(500, "this request failed; the log has the reason")
        log.error("request_took_too_long", method=method, path=request.path)
        return plain(503, "this request took too long")

    async def _call(
        self, stream: trio.abc.Stream, request: Request, unread: bytes, answer: Answer
    ) -> None:
        async with upgraded(stream, request, unread, MESSAGE_BYTES_MAX) as websocket:
            try:
                await answer(websocket, self._on_call)
            except* Exception as errors:
                log.exception("call_failed", exc_info=errors)
