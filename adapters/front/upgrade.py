"""From an HTTP connection to a websocket.

The request has been read by h11, and trio-websocket wants to read it too. So it is given a
handshake made of the parts that count, and then the rest of the connection. Two facts about
the library behind it (wsproto 1.3) shape the stream in between: it throws away whatever it
reads between a handshake and its acceptance, so nothing is passed on until then; and it
decodes the Host header as a domain name, which raises on a bad one, so it gets ours.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
import trio
from trio_websocket import WebSocketConnection, wrap_server_stream
from wsproto.utilities import LocalProtocolError

from adapters.front.http import Request, Response, plain

log = structlog.get_logger()

_VERSION = "13"
_KEY_BYTES = 16  # RFC 6455, section 4.1
_QUEUED_MESSAGES = 16
_ACCEPT_S = 5.0


def why_not(request: Request) -> Response | None:
    """The refusal of a request for a websocket's path, or None if it may be upgraded.

    A browser says which page's script asks (``Origin``), and lets any page ask any server; so a
    page gets in only from the host that it asks for. Carriers are no browsers, and name none.
    """
    if request.method != "GET":
        return plain(405, "this path takes GET", allow="GET")
    wants = [word.strip().lower() for word in request.headers.get("connection", "").split(",")]
    if "upgrade" not in wants or request.headers.get("upgrade", "").lower() != "websocket":
        return plain(426, "this path takes websockets", upgrade="websocket", connection="upgrade")
    if request.headers.get("sec-websocket-version") != _VERSION:
        return plain(426, f"websocket version {_VERSION} is needed", sec_websocket_version=_VERSION)
    if not _is_key(request.headers.get("sec-websocket-key", "")):
        return plain(400, "sec-websocket-key: 16 bytes in base64 are needed")
    origin = request.headers.get("origin")
    if origin is not None and not _is_of(origin, request.headers.get("host", "")):
        return plain(403, "not for the pages of another host")
    return None


def _is_of(origin: str, host: str) -> bool:
    """Whether an Origin header names the host (and port) that the request was sent to."""
    return bool(host) and origin.lower() in (f"http://{host.lower()}", f"https://{host.lower()}")


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == _KEY_BYTES
    except (binascii.Error, ValueError):
        return False


@asynccontextmanager
async def upgraded(
    stream: trio.abc.Stream, request: Request, unread: bytes, message_bytes_max: int
) -> AsyncIterator[WebSocketConnection]:
    """The websocket that ``request`` asks for (and :func:`why_not` allows), accepted.

    ``unread`` is what came after the request. No compression: frames of 20 ms do not shrink
    enough to pay for it. Leaving the context stops reading; close the websocket before, and
    the stream after.
    """
    handshake = (
        f"GET {request.path} HTTP/1.1\r\nHost: front\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: {_VERSION}\r\n"
        f"Sec-WebSocket-Key: {request.headers['sec-websocket-key']}\r\n\r\n"
    )
    gate = _Gate(stream, handshake.encode("ascii"), unread)
    async with trio.open_nursery() as nursery:
        yield await nursery.start(_read_websocket, gate, message_bytes_max)
        nursery.cancel_scope.cancel()


async def _read_websocket(
    gate: _Gate,
    message_bytes_max: int,
    task_status: trio.TaskStatus[WebSocketConnection],
) -> None:
    """Run the websocket's reader in a nursery of its own.

    It dies of an error when the peer pings while we are closing (trio-websocket 0.12 answers
    what can no longer be answered). That must end the reading, not what runs beside it.
    """
    try:
        async with trio.open_nursery() as nursery:
            with trio.fail_after(_ACCEPT_S):
                proposal = await wrap_server_stream(
                    nursery,
                    gate,
                    message_queue_size=_QUEUED_MESSAGES,
                    max_message_size=message_bytes_max,
                )
                websocket = await proposal.accept()
            gate.open()
            task_status.started(websocket)
    except* LocalProtocolError as errors:
        log.info("websocket_reader_died", errors=[str(error) for error in errors.exceptions])


class _Gate(trio.abc.Stream):
    """A stream that begins with a handshake, then waits, then goes on where it left off."""

    def __init__(self, stream: trio.abc.Stream, handshake: bytes, unread: bytes) -> None:
        self._stream = stream
        self._handshake = handshake
        self._unread = unread
        self._opened = trio.Event()
        self._passing = False

    def open(self) -> None:
        """Let through what comes after the handshake."""
        self._opened.set()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        if self._passing:  # first, because it is asked for every frame
            return await self._stream.receive_some(max_bytes)
        if self._handshake:
            await trio.lowlevel.checkpoint()
            handshake, self._handshake = self._handshake, b""
            return handshake
        await self._opened.wait()
        self._passing = True
        return self._unread or await self._stream.receive_some(max_bytes)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()
