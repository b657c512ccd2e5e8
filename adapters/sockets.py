"""Websockets to vendors: opened within a time limit, their ends told as the ports' errors.

What the vendors' SDKs do with a socket of asyncio, the adapters do with one of these; the messages
are still the vendors' own. TLS contexts are costly (tens of milliseconds, in which no call gets a
frame), so there is one for the process.
"""

from __future__ import annotations

import functools
import logging
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

import h11
import structlog
import trio
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    HandshakeError,
    WebSocketConnection,
    wrap_client_stream,
)
from wsproto.utilities import LocalProtocolError

from adapters.refusals import refusal
from adapters.secrets import quoted
from effects.ports import ProviderLost, ProviderTimeout

log = structlog.get_logger()
# For debugging it logs why sockets were closed, in the words of the vendor, who may quote the key.
logging.getLogger("trio-websocket").setLevel(logging.INFO)

CLOSE_S = 0.1
"""For the farewell frame of a socket that is left; then its connection is dropped."""

MESSAGE_BYTES_MAX = 4 * 1024 * 1024
QUEUED_MESSAGES = 16


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a vendor's websocket is. ``vendor`` is its name in errors, ``key_variable`` the
    environment variable that holds the key. ``headers`` hold the key itself: they are never
    shown."""

    vendor: str
    url: str
    key_variable: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    connect_s: float = 5.0


class SocketClosed(ProviderLost):
    """The vendor closed the socket, with this code (RFC 6455, section 7.4; 1006 where the
    connection broke) and reason."""

    def __init__(self, vendor: str, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"{vendor} closed the connection ({code}{reason and f': {reason}'})")


class Socket:
    """An open websocket to a vendor. One task may receive while others send."""

    def __init__(
        self, vendor: str, connection: WebSocketConnection, stream: trio.abc.Stream
    ) -> None:
        self.vendor = vendor
        self._connection = connection
        self._stream = stream

    @property
    def is_open(self) -> bool:
        """Whether neither side has closed it, as far as is known."""
        return self._connection.closed is None

    async def send(self, message: str | bytes) -> None:
        """Send one message; waits while the vendor does not read. Raises :class:`SocketClosed`.
        A send that is cancelled half-way leaves the socket unusable: close it."""
        try:
            await self._connection.send_message(message)
        except ConnectionClosed as closed:
            raise self._lost(closed) from None

    async def receive(self) -> str | bytes:
        """The next message. Raises :class:`SocketClosed` after the last. Safe to cancel."""
        try:
            return await self._connection.get_message()
        except ConnectionClosed as closed:
            raise self._lost(closed) from None

    async def close(self) -> None:
        """Say goodbye, and drop the connection after ``CLOSE_S`` in any case. Idempotent; does
        its work even where it is cancelled."""
        with trio.move_on_after(CLOSE_S, shield=True):
            await self._connection.aclose()
        with trio.CancelScope(shield=True):  # it leaves a connection open that the vendor broke
            await trio.aclose_forcefully(self._stream)

    def _lost(self, closed: ConnectionClosed) -> SocketClosed:
        code = closed.reason.code if closed.reason else 1006
        reason = closed.reason.reason if closed.reason else None
        return SocketClosed(self.vendor, code, quoted(reason or ""))


@asynccontextmanager
async def open_socket(endpoint: Endpoint) -> AsyncIterator[Socket]:
    """A websocket to a vendor, closed when it is left.

    Raises :class:`ProviderTimeout` if it is not open in time, :class:`ProviderRefused` if the
    vendor will not have us, and :class:`ProviderLost` if nobody answers. What the body raises
    comes out as it is, and in no group.
    """
    failure: Exception | None = None
    try:
        async with trio.open_nursery() as nursery:
            socket: Socket = await nursery.start(_read, endpoint)
            try:
                yield socket
            finally:
                await socket.close()
                nursery.cancel_scope.cancel()
    except* Exception as errors:
        failure = errors.exceptions[0] if len(errors.exceptions) == 1 else errors
    if failure is not None:
        raise failure from failure.__cause__


async def _read(endpoint: Endpoint, task_status: trio.TaskStatus[Socket]) -> None:
    """Run a websocket's reader in a nursery of its own. Raises what :func:`open_socket` raises.

    It dies of an error when the peer pings while we are closing (trio-websocket 0.12 answers
    what can no longer be answered). That must end the reading, not what runs beside it.
    """
    failure: Exception | None = None
    socket: Socket | None = None
    try:
        async with trio.open_nursery() as reader:
            with trio.fail_after(endpoint.connect_s):
                socket = await _connect(endpoint, reader)
            task_status.started(socket)
    except* LocalProtocolError as errors:
        log.info("websocket_reader_died", vendor=endpoint.vendor)
        failure = _told(endpoint, errors.exceptions[0]) if socket is None else None
    except* Exception as errors:  # of the opening: a reader that has begun raises nothing else
        failure = _told(endpoint, errors.exceptions[0])
    finally:
        if socket is not None:  # who waited for it may be cancelled, and never have got it
            await socket.close()
    if failure is not None:
        raise failure from None


async def _connect(endpoint: Endpoint, reader: trio.Nursery) -> Socket:
    url = urlsplit(endpoint.url)
    stream: trio.abc.Stream | None = None
    try:
        stream = await _dial(url)
        connection = await wrap_client_stream(
            reader,
            stream,  # type: ignore[arg-type]  # a socket, or TLS over one
            url.netloc,
            (url.path or "/") + (f"?{url.query}" if url.query else ""),
            extra_headers=[(n.encode(), v.encode()) for n, v in endpoint.headers.items()],
            message_queue_size=QUEUED_MESSAGES,
            max_message_size=MESSAGE_BYTES_MAX,
        )
        return Socket(endpoint.vendor, connection, stream)
    except BaseException:
        if stream is not None:
            await trio.aclose_forcefully(stream)
        raise


def _told(endpoint: Endpoint, error: Exception) -> Exception:
    """An error of the opening, in the ports' words."""
    vendor = endpoint.vendor
    match error:
        case trio.TooSlowError():
            return ProviderTimeout(f"{vendor} did not answer within {endpoint.connect_s:g} s")
        case ConnectionRejected():
            said = (error.body or b"").decode(errors="replace")
            return refusal(vendor, error.status_code, said, endpoint.key_variable)
        case HandshakeError() | ConnectionClosed() | LocalProtocolError() | h11.ProtocolError():
            return ProviderLost(f"{vendor} answered, but not with a websocket")
        case OSError() | trio.BrokenResourceError():
            return ProviderLost(f"{vendor} cannot be reached: {_why(error)}")
    return error


async def _dial(url: SplitResult) -> trio.abc.Stream:
    host, is_tls = url.hostname or "", url.scheme == "wss"
    stream: trio.abc.Stream = await trio.open_tcp_stream(host, url.port or (443 if is_tls else 80))
    if is_tls:
        stream = trio.SSLStream(stream, _tls(), server_hostname=host, https_compatible=True)
    return stream


@functools.cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _why(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return _why(error.exceptions[0])
    if error.__cause__ is not None:
        return _why(error.__cause__)
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
