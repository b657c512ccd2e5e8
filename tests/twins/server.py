"""What all twins share: HTTP and websockets on one port, TLS, counts of what is open, and the
faults that can be asked of them.

    serve_twin ── one task a connection ──> Twin.refuses ──> Twin.http (replies piece by piece)
                                                  └────────> Twin.converse (a websocket)
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import parse_qs

import h11
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection

from adapters.front.http import Request
from adapters.front.upgrade import upgraded, why_not

MESSAGE_BYTES_MAX = 16 * 1024 * 1024
TORN_BYTES = 7
"""A torn connection delivers so many bytes at a time."""


@dataclass(slots=True)
class Faults:
    """What goes wrong. Changed at any time; holds from the next request or message on.

    ``refuse``: the HTTP status that requests and handshakes are answered with, and ``saying``
    the body (empty: the vendor's usual one for that status). ``stall_s``: silence before the first
    byte of an answer (before the handshake, for a websocket). ``lose_after``: the connection breaks
    after so many messages or pieces were sent on it. ``close_after``, ``close_code``,
    ``close_reason``: the websocket is closed in form instead. ``torn``: TCP delivers a few bytes at
    a time.
    """

    refuse: int = 0
    saying: str = ""
    stall_s: float = 0.0
    lose_after: int | None = None
    close_after: int | None = None
    close_code: int = 1011
    close_reason: str = ""
    torn: bool = False


class Lost(Exception):
    """Raised in a twin's handler when its fault says that the connection breaks now."""


class Reply:
    """The answer to one HTTP request, whole or piece by piece."""

    def __init__(self, twin: Twin, stream: trio.abc.Stream, http: h11.Connection) -> None:
        self._twin, self._stream, self._http = twin, stream, http
        self._pieces = 0
        self.begun = False

    async def whole(self, status: int, body: bytes, content_type: str = "application/json") -> None:
        """All of it at once."""
        headers = {"content-type": content_type, "content-length": str(len(body))}
        await self.begin(status, headers)
        await self._send(h11.Data(data=body))
        await self.end()

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """The head; without a length the body is chunked."""
        self.begun = True
        named = {**self._twin.headers(status), **headers}
        await self._send(h11.Response(status_code=status, headers=list(named.items())))

    async def piece(self, data: bytes) -> None:
        """A piece of the body."""
        await self._send(h11.Data(data=data))
        self._pieces += 1
        if self._pieces == self._twin.faults.lose_after:
            raise Lost

    async def end(self) -> None:
        """That was all."""
        await self._send(h11.EndOfMessage())

    async def hung_up(self) -> None:
        """Wait until the client is gone; for while it has nothing to say."""
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await self._stream.receive_some(1)

    async def _send(self, event: h11.Event) -> None:
        await self._stream.send_all(self._http.send(event) or b"")


class Conversation:
    """A websocket, with the faults of its twin."""

    def __init__(self, twin: Twin, websocket: WebSocketConnection, request: Request) -> None:
        self._twin, self._websocket = twin, websocket
        self.request = request
        self.query: dict[str, list[str]] = parse_qs(request.query)
        self._sent = 0

    async def send(self, message: str | bytes) -> None:
        """Raises :class:`Lost` where the fault says so, and ConnectionClosed."""
        await self._websocket.send_message(message)
        self._sent += 1
        faults = self._twin.faults
        if self._sent == faults.lose_after:
            raise Lost
        if self._sent == faults.close_after:
            await self._websocket.aclose(faults.close_code, faults.close_reason or None)
            raise Lost

    async def receive(self) -> str | bytes:
        """Raises ConnectionClosed."""
        return await self._websocket.get_message()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close in form."""
        await self._websocket.aclose(code, reason or None)


class Twin:
    """One vendor's server. Its subclasses say what it answers.

    ``key`` is the one key it takes. ``sockets`` counts the websockets that are open and
    ``connections`` the connections, ``accepted`` all that there ever were; ``requests`` holds the
    heads of all requests.
    """

    name = "twin"

    def __init__(self, key: str = "twin-key") -> None:
        self.key = key
        self.faults = Faults()
        self.sockets = 0
        self.connections = 0
        self.accepted = 0
        self.requests: list[Request] = []
        self.port = 0
        self.is_tls = False

    @property
    def http_url(self) -> str:
        """Where its HTTP is."""
        return f"http{'s' * self.is_tls}://localhost:{self.port}"

    @property
    def ws_url(self) -> str:
        """Where its websockets are."""
        return f"ws{'s' * self.is_tls}://localhost:{self.port}"

    def refuses(self, request: Request) -> tuple[int, bytes] | None:
        """The refusal of a request (a wrong key, mostly): status and body. None to serve it."""
        return None

    def headers(self, status: int) -> Mapping[str, str]:
        """What is in the head of every answer with this status."""
        return {}

    def error_body(self, status: int) -> bytes:
        """What the vendor says with an error status."""
        return b"{}"

    async def http(self, request: Request, reply: Reply) -> None:
        """Answer an HTTP request."""
        await reply.whole(404, self.error_body(404))

    async def converse(self, conversation: Conversation) -> None:
        """Serve a websocket until it is over."""
        await conversation.close(1008, "no websocket here")


AnyTwin = TypeVar("AnyTwin", bound=Twin)


@asynccontextmanager
async def open_twin(
    twin: AnyTwin, *, port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[AnyTwin]:
    """Serve a twin on localhost (any free port) while the body runs; then it is gone at once,
    connections and all. Raises OSError for a port that is taken."""
    listeners = await trio.open_tcp_listeners(port, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        twin.port = listeners[0].socket.getsockname()[1]
        twin.is_tls = tls is not None

        async def handle(stream: trio.SocketStream) -> None:
            await _serve(twin, trio.SSLStream(stream, tls, server_side=True) if tls else stream)

        nursery.start_soon(trio.serve_listeners, handle, listeners)
        try:
            yield twin
        finally:
            nursery.cancel_scope.cancel()


async def _serve(twin: Twin, stream: trio.abc.Stream) -> None:
    twin.connections += 1
    twin.accepted += 1
    try:
        torn = _Torn(stream, twin)
        while await _one_request(twin, torn):
            pass
    except* (Lost, trio.BrokenResourceError, trio.ClosedResourceError, h11.RemoteProtocolError):
        pass
    except* ConnectionClosed:
        pass
    finally:
        twin.connections -= 1
        await trio.aclose_forcefully(stream)


async def _one_request(twin: Twin, stream: trio.abc.Stream) -> bool:
    """Serve one request; whether another may follow on the connection."""
    http = h11.Connection(h11.SERVER)
    request = await _read(http, stream)
    if request is None:
        return False
    twin.requests.append(request)
    await trio.sleep(twin.faults.stall_s)
    reply = Reply(twin, stream, http)
    if twin.faults.refuse:
        said = twin.faults.saying.encode() or twin.error_body(twin.faults.refuse)
        await reply.whole(twin.faults.refuse, said)
    elif refusal := twin.refuses(request):
        await reply.whole(*refusal)
    elif "upgrade" in request.headers.get("connection", "").lower():
        await _websocket(twin, stream, request, reply, http.trailing_data[0])
        return False
    else:
        await twin.http(request, reply)
    return http.our_state is h11.DONE and http.their_state is h11.DONE


async def _websocket(
    twin: Twin, stream: trio.abc.Stream, request: Request, reply: Reply, unread: bytes
) -> None:
    if refusal := why_not(request):
        await reply.whole(refusal.status, refusal.body, refusal.content_type)
        return
    twin.sockets += 1
    try:
        async with upgraded(stream, request, unread, MESSAGE_BYTES_MAX) as websocket:
            await twin.converse(Conversation(twin, websocket, request))
            await websocket.aclose()
    finally:
        twin.sockets -= 1


async def _read(http: h11.Connection, stream: trio.abc.Stream) -> Request | None:
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(bytes(await stream.receive_some(65536)))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            path, _, query = head.target.decode().partition("?")
            headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
            return Request(head.method.decode(), path, query, headers, bytes(body))
        else:
            return None


class _Torn(trio.abc.Stream):
    """A stream that delivers what is sent in small pieces while its twin is torn."""

    def __init__(self, stream: trio.abc.Stream, twin: Twin) -> None:
        self._stream, self._twin = stream, twin

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if not self._twin.faults.torn:
            await self._stream.send_all(data)
            return
        for first in range(0, len(data), TORN_BYTES):
            await self._stream.send_all(data[first : first + TORN_BYTES])
            await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self._stream.receive_some(max_bytes)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()
