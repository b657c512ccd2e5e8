"""One connection's HTTP/1.1: requests out of it and replies into it, by h11, within limits.

Small on purpose: bodies are whole, but for a :class:`StreamedResponse`, a reply that goes on for
as long as its client takes it. What a client gets wrong is a :class:`BadRequest` with the status to
answer with:

    400   not HTTP, or HTTP that contradicts itself
    408   a head or a body that is not there in time (a slow loris among them)
    413   a body over ``body_bytes``
    431   a head over ``head_bytes``
    501   a transfer coding that nobody uses
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import h11
import trio

_READ_BYTES = 4096
_LINGER_BYTES = 256 * 1024
_BOTH_DONE = {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What one client may make us keep and wait for."""

    head_bytes: int = 16 * 1024
    body_bytes: int = 64 * 1024
    head_s: float = 10.0
    """From a request's first byte (on a new connection, from its opening) to its whole head."""
    body_s: float = 10.0
    idle_s: float = 30.0
    """Between two requests."""
    reply_s: float = 10.0
    """For a handler to answer, and again for the client to take the answer, or each part of it."""
    heartbeat_s: float = 15.0
    """Between two parts of a stream, before a heartbeat is sent."""
    linger_s: float = 1.0
    """For a client to stop sending after it was refused."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Header names are in lower case; of repeated ones, the values are joined by
    commas (RFC 9110, section 5.3). ``query`` is what follows the question mark, undecoded;
    ``parameters`` are what stands in the path for the names in its route."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Response:
    """One reply; its length and whether the connection stays open are added on the way."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


NextPart = Callable[[], Awaitable[bytes | None]]


async def no_more_parts() -> bytes | None:
    """That of an empty stream."""
    return None


@dataclass(frozen=True, slots=True)
class StreamedResponse(Response):
    """A reply that goes on: its body comes in parts, after which the connection is closed.

    ``next_part`` waits for the next part, and gives None at the end. It is asked when the client
    has taken the part before, so nothing piles up for a slow one: what is to be told next has to
    be where ``next_part`` finds it. While it waits it may be cancelled and asked again, and must
    lose nothing by it. ``heartbeat`` is sent where it waits for long: so proxies keep the
    connection. ``body`` stays empty.
    """

    next_part: NextPart = no_more_parts
    heartbeat: bytes = b""


Handler = Callable[[Request], Awaitable[Response]]
Routes = Mapping[tuple[str, str], Handler]
"""(method, path) to handler. A ``GET`` route answers ``HEAD`` too. A segment of a path may be a
name in braces, as in ``/session/{id}``: what stands there is the request's parameter of that name.
"""


class BadRequest(Exception):
    """The client's fault: ``status`` is the answer, ``str()`` its text."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        super().__init__(text)


def plain(status: int, text: str, **headers: str) -> Response:
    """A line of text; a header's underscores become hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, text.encode() + b"\n", headers=named)


class HttpConnection:
    """The server's end of one HTTP connection."""

    def __init__(self, stream: trio.abc.Stream, limits: HttpLimits) -> None:
        self._stream = stream
        self._limits = limits
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.head_bytes)
        self._is_head = False
        self._fresh = True
        self._answered = False
        self._idle: trio.CancelScope | None = None
        self._streaming: trio.CancelScope | None = None
        self.closing = False
        """Set to have the reply under way be the last."""

    @property
    def reusable(self) -> bool:
        """Whether another request may follow."""
        return self._h11.our_state is h11.IDLE and not self.closing

    @property
    def unread(self) -> bytes:
        """What has arrived after the last request."""
        return self._h11.trailing_data[0]

    def close_if_idle(self) -> None:
        """Expect no further request; one that is under way is still answered, but a stream ends
        here."""
        self.closing = True
        for waiting in (self._idle, self._streaming):
            if waiting is not None:
                waiting.cancel()

    def close_if_kept(self) -> None:
        """End the waiting for a further request, if one was answered before."""
        if self._answered and self._idle is not None:
            self._idle.cancel()

    async def next_request(self) -> Request | None:
        """The next request, or None if the client has no more.

        Raises :class:`BadRequest`, and trio's errors of a broken connection.
        """
        self._is_head = False
        try:
            if not await self._wait_for_first_byte():
                return None
            with trio.move_on_after(self._limits.head_s) as head_time:
                head = await self._head()
            if head_time.cancelled_caught:
                raise BadRequest(408, f"no whole request within {self._limits.head_s:g} s")
            if head is None:
                return None
            self._is_head = head.method == b"HEAD"
            with trio.move_on_after(self._limits.body_s) as body_time:
                body = await self._body(head)
            if body_time.cancelled_caught:
                raise BadRequest(408, f"no whole body within {self._limits.body_s:g} s")
        except h11.RemoteProtocolError as error:
            # After a colon h11 quotes the client, who is quoted neither to others nor in logs.
            why = str(error).partition(":")[0]
            raise BadRequest(error.error_status_hint, why) from None
        path, _, query = head.target.decode("ascii").partition("?")
        return Request(head.method.decode("ascii"), path, query, _joined(head), body)

    async def _wait_for_first_byte(self) -> bool:
        if self.unread:
            return True
        limit_s = self._limits.head_s if self._fresh else self._limits.idle_s
        self._fresh = False
        with trio.move_on_after(limit_s) as self._idle:
            try:
                data = await self._stream.receive_some(_READ_BYTES)
            finally:
                self._idle = None
            self._h11.receive_data(bytes(data))
            return bool(data)
        return False

    async def _read(self) -> None:
        self._h11.receive_data(bytes(await self._stream.receive_some(_READ_BYTES)))

    async def _head(self) -> h11.Request | None:
        while True:
            event = self._h11.next_event()
            if event is h11.NEED_DATA:
                await self._read()
            elif isinstance(event, h11.Request):
                return event
            else:  # ConnectionClosed: nothing else can stand where a request begins
                return None

    async def _body(self, head: h11.Request) -> bytes:
        too_long = BadRequest(413, f"a body may have {self._limits.body_bytes} bytes at most")
        for name, value in head.headers:
            if name == b"content-length" and int(value) > self._limits.body_bytes:
                raise too_long
        body = bytearray()
        while True:
            event = self._h11.next_event()
            if event is h11.NEED_DATA:
                if self._h11.they_are_waiting_for_100_continue:
                    go_ahead = h11.InformationalResponse(status_code=100, headers=[])
                    await self._stream.send_all(self._h11.send(go_ahead) or b"")
                await self._read()
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > self._limits.body_bytes:
                    raise too_long
            else:  # EndOfMessage
                return bytes(body)

    async def reply(self, response: Response) -> None:
        """Send one reply. Afterwards :attr:`reusable` says whether to go on.

        Raises trio's errors of a broken connection, a client that takes too long among them; of
        a stream in a group, and the errors of its ``next_part`` too. A client that goes away ends
        its stream, which is no error.
        """
        if self._h11.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return  # the client's mistake has left nothing that could be answered
        if isinstance(response, StreamedResponse) and self.closing:
            response = plain(503, "no more streams: this service stops")
        streamed = isinstance(response, StreamedResponse) and not self._is_head
        self.closing = self.closing or streamed
        headers = {"content-type": response.content_type, **response.headers}
        if not streamed:
            headers["content-length"] = str(len(response.body))
        if self.closing or self._h11.their_state in (h11.SEND_BODY, h11.ERROR):
            headers["connection"] = "close"
        start = h11.Response(status_code=response.status, headers=list(headers.items()))
        data = self._h11.send(start) or b""
        if isinstance(response, StreamedResponse) and streamed:
            await self._send_stream(data, response)
            return
        if not self._is_head:
            data += self._h11.send(h11.Data(data=response.body)) or b""
        await self._send(data + (self._h11.send(h11.EndOfMessage()) or b""))
        self._answered = True
        if self._h11.states == _BOTH_DONE:
            self._h11.start_next_cycle()

    async def _send(self, data: bytes) -> None:
        with trio.move_on_after(self._limits.reply_s) as reply_time:
            await self._stream.send_all(data)
        if reply_time.cancelled_caught:
            raise trio.BrokenResourceError("the client does not read its reply")

    async def _send_stream(self, head: bytes, response: StreamedResponse) -> None:
        whole = False
        async with trio.open_nursery() as nursery:
            self._streaming = nursery.cancel_scope
            nursery.start_soon(self._cancel_when_gone, nursery.cancel_scope)
            await self._send(head)
            while not whole:
                part = await self._next_part(response)
                whole = part is None
                data = h11.EndOfMessage() if part is None else h11.Data(data=part)
                await self._send(self._h11.send(data) or b"")
            nursery.cancel_scope.cancel()
        self._streaming = None

    async def _next_part(self, response: StreamedResponse) -> bytes | None:
        with trio.move_on_after(self._limits.heartbeat_s):
            return await response.next_part()
        return response.heartbeat

    async def _cancel_when_gone(self, scope: trio.CancelScope) -> None:
        """Nobody answers what a client sends during its stream: it is read to notice its end."""
        with suppress(trio.BrokenResourceError):
            while await self._stream.receive_some(_READ_BYTES):
                pass
        scope.cancel()

    async def linger(self) -> None:
        """Let a refused client read its refusal: a socket that is closed while data arrive on
        it is reset, and the reset overtakes the reply."""
        if isinstance(self._stream, trio.abc.HalfCloseableStream):
            await self._stream.send_eof()
        dropped = 0
        with trio.move_on_after(self._limits.linger_s):
            while dropped < _LINGER_BYTES:
                data = await self._stream.receive_some(_READ_BYTES)
                if not data:
                    return
                dropped += len(data)


def _joined(head: h11.Request) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in head.headers:
        name, value = raw_name.decode("ascii"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
