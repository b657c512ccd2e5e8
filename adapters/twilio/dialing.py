"""Dialling a media-stream server; and when that fails, one line that says why.

CannotDial      what was dialled, what happened, what to do
├── BadAddress  not a websocket address, or no such host
├── NothingThere  nobody listens there
├── NotOurs     something answers, but not with a websocket
├── NotNow      a server that takes no calls at the moment
├── HungUpAtOnce  it takes the connection and closes it
└── NoAnswer    it says nothing in the time allowed
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast
from urllib.parse import urlsplit

import h11
import structlog
import trio
from trio_websocket import ConnectionRejected, WebSocketConnection, wrap_client_stream
from wsproto.utilities import LocalProtocolError, ProtocolError

from adapters.twilio.protocol import AGENT_MESSAGE_BYTES_MAX

log = structlog.get_logger()

_QUEUED_MESSAGES = 64
_HTTP = b"HTTP/"


class CannotDial(Exception):
    """No call came about; ``str()`` is one line: what was dialled, what happened, what to do."""


class BadAddress(CannotDial):
    """Not a websocket address, or no such host."""


class NothingThere(CannotDial):
    """Nobody listens there."""


class NotOurs(CannotDial):
    """Something answers, but not with a websocket."""


class NotNow(CannotDial):
    """A server that takes no calls at the moment."""


class HungUpAtOnce(CannotDial):
    """It takes the connection and closes it."""


class NoAnswer(CannotDial):
    """It says nothing in the time allowed."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a media-stream server is."""

    host: str
    port: int
    path: str
    tls: bool = False

    @property
    def authority(self) -> str:
        """Host and port, as a URL and a Host header have them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{'wss' if self.tls else 'ws'}://{self.authority}{self.path}"


def parse_address(url: str) -> Address:
    """``ws://`` or ``wss://``, a host, perhaps a port and a path. Raises :class:`BadAddress`.

    A query is dropped, because Twilio drops it: data travel in the call's parameters.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadAddress(f"{url}: {error}: give it as ws://host:port/path") from None
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise BadAddress(f"{url} is not a websocket address: give it as ws://host:port/path")
    if not (parts.path.isascii() and parts.path.isprintable() and " " not in parts.path):
        raise BadAddress(f"{url}: its path has characters that a path cannot have: encode them")
    tls = parts.scheme == "wss"
    default_port = 443 if tls else 80
    return Address(parts.hostname, default_port if port is None else port, parts.path or "/", tls)


@asynccontextmanager
async def dialled(url: str, *, connect_s: float = 5.0) -> AsyncIterator[WebSocketConnection]:
    """An open websocket to this server. Raises :class:`CannotDial` before the body, and
    closes the connection after it; close the websocket in the body."""
    address = parse_address(url)
    stream = await _connect(address, connect_s)
    async with websocket_over(stream, address, connect_s=connect_s) as websocket:
        yield websocket


async def _connect(address: Address, connect_s: float) -> trio.abc.Stream:
    try:
        with trio.move_on_after(connect_s):
            stream = await trio.open_tcp_stream(address.host, address.port)
            return await _secured(stream, address.host) if address.tls else stream
    except (socket.gaierror, UnicodeError) as error:
        raise BadAddress(f"{address}: no such host: check the name") from error
    except trio.BrokenResourceError as error:
        why = error.__cause__ or "the connection was closed"
        raise NotOurs(f"{address}: no secure connection: {why}: is it ws:// there?") from error
    except OSError as error:
        raise NothingThere(
            f"{address}: nothing takes calls there ({_os_reason(error)}): start the server, or"
            " give the address it prints"
        ) from error
    raise NoAnswer(f"{address}: no connection within {connect_s:g} s: check host and port")


async def _secured(stream: trio.SocketStream, host: str) -> trio.abc.Stream:
    secure = trio.SSLStream(
        stream, ssl.create_default_context(), server_hostname=host, https_compatible=True
    )
    try:
        await secure.do_handshake()
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return secure


def _os_reason(error: OSError) -> str:
    # Several addresses tried (IPv6, IPv4) make a group of errors; the last one says enough.
    group = error.__cause__
    last = group.exceptions[-1] if isinstance(group, BaseExceptionGroup) else error
    return os.strerror(last.errno) if isinstance(last, OSError) and last.errno else str(last)


@asynccontextmanager
async def websocket_over(
    stream: trio.abc.Stream, address: Address, *, connect_s: float = 5.0
) -> AsyncIterator[WebSocketConnection]:
    """The same over a stream that is connected already, which is closed at the end."""
    failure: CannotDial | None = None
    async with stream, trio.open_nursery() as nursery:
        try:
            websocket = await nursery.start(_read_websocket, stream, address, connect_s)
        except CannotDial as error:
            failure = error
        else:
            yield websocket
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def _read_websocket(
    stream: trio.abc.Stream,
    address: Address,
    connect_s: float,
    task_status: trio.TaskStatus[WebSocketConnection],
) -> None:
    """Shake hands and run the websocket's reader, in a nursery of its own: its errors come
    out of there as a group, to be made into one :class:`CannotDial`."""
    watched = _Watched(stream)
    try:
        async with trio.open_nursery() as nursery:
            with trio.fail_after(connect_s):
                websocket = await wrap_client_stream(
                    nursery,
                    cast("trio.SocketStream", watched),  # any stream does
                    address.authority,
                    address.path,
                    message_queue_size=_QUEUED_MESSAGES,
                    max_message_size=AGENT_MESSAGE_BYTES_MAX,
                )
            watched.opened = True
            task_status.started(websocket)
    except ExceptionGroup as errors:
        error = errors.exceptions[0]
        if watched.opened and isinstance(error, LocalProtocolError):
            # A ping while we are closing: trio-websocket answers what cannot be answered.
            log.info("websocket_reader_died", error=str(error))
        elif watched.opened:
            raise
        else:
            raise _explain(error, address, connect_s) from error


def _explain(error: Exception, address: Address, connect_s: float) -> CannotDial:
    if isinstance(error, _EndOfStream):
        return HungUpAtOnce(
            f"{address}: it takes the connection and hangs up: is that port a call server's?"
        )
    if isinstance(error, trio.TooSlowError):
        return NoAnswer(f"{address}: no answer within {connect_s:g} s: is it a call server's port?")
    if isinstance(error, ConnectionRejected):
        if error.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            return NotNow(
                f"{address}: it takes no calls now ({_status(error.status_code)}): it may still be"
                " loading; try again in a moment"
            )
        return NotOurs(
            f"{address}: it answers {_status(error.status_code)}, not a websocket: check port"
            " and path"
        )
    if isinstance(error, (_NotHttp, ProtocolError, h11.ProtocolError)):
        return NotOurs(f"{address}: what answers there is no websocket server: check the port")
    raise error


def _status(code: int) -> str:
    try:
        return f"HTTP {code} {HTTPStatus(code).phrase}"
    except ValueError:
        return f"HTTP {code}"


class _EndOfStream(Exception):
    """The connection ended before the handshake did, for which trio-websocket waits on."""


class _NotHttp(Exception):
    """What came first cannot become an HTTP reply, for whose end h11 would wait."""


class _Watched(trio.abc.Stream):
    """A stream that before it is opened neither ends quietly nor waits for the hopeless."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._begun = False
        self.opened = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        if self.opened:
            return await self._stream.receive_some(max_bytes)
        try:
            data = await self._stream.receive_some(max_bytes)
        except trio.BrokenResourceError:
            if self.opened:  # since this began to wait
                raise
            raise _EndOfStream from None
        if not data:
            await trio.lowlevel.checkpoint()  # an open handshake may be about to be noticed
            if not self.opened:
                raise _EndOfStream
        elif not self._begun and not data.startswith(_HTTP[: len(data)]):
            raise _NotHttp
        self._begun = True
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()
