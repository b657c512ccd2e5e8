"""Dialling what does not take calls: one clear line for each way in which it fails."""

from __future__ import annotations

import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from adapters.twilio.dialing import (
    BadAddress,
    CannotDial,
    HungUpAtOnce,
    NoAnswer,
    NothingThere,
    NotNow,
    NotOurs,
    dialled,
    parse_address,
    websocket_over,
)
from tests.twilio_kit import ADDRESS

Server = Callable[[trio.abc.Stream], Awaitable[None]]


@asynccontextmanager
async def listening(server: Server) -> AsyncIterator[str]:
    """The address of a server that is not ours."""
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, server, 0, host="127.0.0.1"))
        yield f"ws://127.0.0.1:{listener.socket.getsockname()[1]}/media"
        nursery.cancel_scope.cancel()


async def failure(url: str) -> CannotDial:
    with pytest.raises(CannotDial) as caught:
        async with dialled(url):
            raise AssertionError("nobody should have answered")
    assert "\n" not in str(caught.value)
    return caught.value


def answering(reply: bytes) -> Server:
    async def server(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(reply)

    return server


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://127.0.0.1/media", "http://127.0.0.1/media is not a websocket address"),
        ("127.0.0.1:8080", "is not a websocket address: give it as ws://host:port/path"),
        ("ws:///media", "is not a websocket address"),
        ("ws://h:99999/", "out of range"),
        ("ws://[::1/", "Invalid IPv6 URL"),
        ("ws://h/a b", "characters that a path cannot have"),
        ("ws://a..b/", "ws://a..b:80/: no such host: check the name"),
    ],
)
async def test_an_address_that_is_none(url: str, says: str) -> None:
    """It is found before anything is dialled."""
    error = await failure(url)
    assert isinstance(error, BadAddress)
    assert says in str(error)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("ws://h", "ws://h:80/"),
        ("wss://h/a/b", "wss://h:443/a/b"),
        ("ws://h:8080/media?token=1#x", "ws://h:8080/media"),
        ("ws://[::1]:8080/media", "ws://[::1]:8080/media"),
    ],
)
def test_an_address_is_read_as_twilio_reads_it(url: str, address: str) -> None:
    """With the usual ports, and without the query, which Twilio does not pass on."""
    assert str(parse_address(url)) == address


async def test_nobody_listens() -> None:
    """What was dialled, what happened, what to do."""
    async with listening(answering(b"")) as url:
        pass
    error = await failure(url)
    assert isinstance(error, NothingThere)
    assert str(error) == (
        f"{url}: nothing takes calls there (Connection refused): start the server, or give the"
        " address it prints"
    )


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (b"", HungUpAtOnce, "it takes the connection and hangs up"),
        (b"HTTP/1.1 101 ", HungUpAtOnce, "it takes the connection and hangs up"),
        (
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
            NotOurs,
            "it answers HTTP 404 Not Found, not a websocket: check port and path",
        ),
        (
            b"HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n",
            NotNow,
            "it takes no calls now (HTTP 503 Service Unavailable): it may still be loading; try"
            " again in a moment",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", NotOurs, "HTTP 200 OK"),
        (b"HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n", NotOurs, "it answers HTTP 799, not"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", NotOurs, "no websocket server: check the port"),
        (b"\x00" * 100_000, NotOurs, "no websocket server"),
        (b"HTTP/0.9 what?\r\n\r\n", NotOurs, "no websocket server"),
        (
            b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Accept: wrong\r\n\r\n",
            NotOurs,
            "no websocket server",
        ),
    ],
)
async def test_a_port_that_is_not_ours(reply: bytes, error: type[CannotDial], says: str) -> None:
    """It hangs up, answers HTTP, or says something else altogether."""
    async with listening(answering(reply)) as url:
        found = await failure(url)
    assert isinstance(found, error)
    assert str(found).startswith(f"{url}: ")
    assert says in str(found)


async def test_a_port_that_resets_the_connection() -> None:
    """As a proxy without a server behind it does."""

    async def reset(stream: trio.abc.Stream) -> None:
        assert isinstance(stream, trio.SocketStream)
        await stream.receive_some()
        # To linger for no time is to reset.
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async with listening(reset) as url:
        assert isinstance(await failure(url), HungUpAtOnce)


async def test_a_port_without_tls() -> None:
    """Asked for a secure connection, it is told that there is none."""
    async with listening(answering(b"HTTP/1.1 400 \r\n\r\n")) as url:
        error = await failure(url.replace("ws://", "wss://"))
    assert isinstance(error, NotOurs)
    assert "no secure connection" in str(error)


async def test_a_port_that_says_nothing(autojump_clock: MockClock) -> None:
    """Waiting for an answer is bounded."""
    ours, _theirs = memory_stream_pair()
    began = trio.current_time()
    with pytest.raises(NoAnswer, match="no answer within 5 s"):
        async with websocket_over(ours, ADDRESS):
            raise AssertionError
    assert trio.current_time() - began == pytest.approx(5)
