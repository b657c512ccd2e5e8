"""The one port: over real sockets where they are the point, else in memory and virtual time."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock, lockstep_stream_pair, memory_stream_pair

from adapters.carriers.answering import OnCall
from adapters.front.http import Handler, Request, Response
from adapters.front.server import (
    TWILIO,
    Admit,
    CannotListen,
    Front,
    FrontLimits,
    Listening,
    PortBusy,
    serve,
)
from adapters.twilio.dialing import Address
from effects.ports import Carrier, CarrierMessage, Media, Stop
from tests.twilio_kit import UPGRADE

ADDRESS = Address("server.test", 80, "/media")


class Calls:
    """An ``on_call`` that echoes audio and keeps what was said, by call."""

    def __init__(self) -> None:
        self.said: dict[str, list[CarrierMessage]] = {}

    async def __call__(self, carrier: Carrier) -> None:
        said = self.said.setdefault(carrier.info.call_id, [])
        while not said or not isinstance(said[-1], Stop):
            said.append(await carrier.receive())
            if isinstance(said[-1], Media):
                carrier.send_audio(said[-1].mulaw)


async def show(request: Request) -> Response:
    """A route that answers with what it was asked."""
    headers = ";".join(f"{name}={value}" for name, value in sorted(request.headers.items()))
    asked = f"{request.method} {request.path}?{request.query} {headers} "
    return Response(201, asked.encode() + request.body, "text/html", {"x-seen": "yes"})


async def fail(_: Request) -> Response:
    raise ValueError("a bug in a handler")


async def dawdle(_: Request) -> Response:
    await trio.sleep_forever()
    raise AssertionError


ROUTES: dict[tuple[str, str], Handler] = {
    ("GET", "/show"): show,
    ("POST", "/show"): show,
    ("GET", "/fail"): fail,
    ("GET", "/dawdle"): dawdle,
}


def front(
    on_call: OnCall | None = None, limits: FrontLimits | None = None, admit: Admit | None = None
) -> Front:
    return Front(on_call or Calls(), ROUTES, TWILIO, admit, limits or FrontLimits())


@asynccontextmanager
async def connected(
    to: Front, *, reading: bool = True
) -> AsyncIterator[trio.abc.HalfCloseableStream]:
    """A connection to this front, in memory; at the end the front must let go of it."""
    ours, theirs = memory_stream_pair() if reading else lockstep_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(to.handle, ours)
        yield theirs
        await theirs.aclose()


async def rest(stream: trio.abc.ReceiveStream) -> bytes:
    """All that comes until the other side closes."""
    return b"".join([bytes(data) async for data in stream])


async def asked(request: bytes, to: Front | None = None) -> bytes:
    """The whole answer to one request, after which the connection ends."""
    async with connected(to or front()) as stream:
        await stream.send_all(request)
        await stream.send_eof()
        return await rest(stream)


def head_of(answer: bytes) -> list[str]:
    return answer.partition(b"\r\n\r\n")[0].decode().lower().split("\r\n")


@asynccontextmanager
async def listening(on_call: OnCall) -> AsyncIterator[Listening]:
    """The real thing on a real port."""
    async with trio.open_nursery() as nursery:
        yield await nursery.start(partial(serve, "127.0.0.1", 0, on_call=on_call, routes=ROUTES))
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def open_connection(to: Listening) -> AsyncIterator[trio.SocketStream]:
    async with await trio.open_tcp_stream(to.host, to.port) as stream:
        yield stream


# --- HTTP


async def test_requests_over_a_real_socket() -> None:
    """One connection carries several requests; some arrive together, one arrives in pieces."""
    async with listening(Calls()) as bound, open_connection(bound) as stream:
        await stream.send_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
        for byte in b"GET /healthz HTTP/1.1\r\nHost: a\r\n":
            await stream.send_all(bytes([byte]))
        await stream.send_all(b"Connection: close\r\n\r\n")
        answer = await rest(stream)

    assert answer.count(b"HTTP/1.1 200 \r\n") == 3
    assert answer.endswith(b"\r\n\r\nok\n")


async def test_a_handler_gets_the_request_and_gives_the_reply(autojump_clock: MockClock) -> None:
    """Path, query, headers and body come through, and so do status, type and headers."""
    answer = await asked(
        b"POST /show?a=%20b HTTP/1.1\r\nHost: h\r\nX-Two: 1\r\nx-two: 2\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"
    )
    assert head_of(answer)[0] == "http/1.1 201 "
    assert "content-type: text/html" in head_of(answer)
    assert "x-seen: yes" in head_of(answer)
    body = b"POST /show?a=%20b host=h;transfer-encoding=chunked;x-two=1, 2 abcd"
    assert answer.endswith(b"\r\n\r\n" + body)
    assert f"content-length: {len(body)}" in head_of(answer)


async def test_head_is_get_without_the_body(autojump_clock: MockClock) -> None:
    """Health checkers use it; a reply after it has its body again."""
    answer = await asked(
        b"HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    )
    assert answer.count(b"content-length: 3\r\n") == 2
    assert answer.count(b"ok\n") == 1
    answer = await asked(b"HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\nhello?\r\n\r\n")
    assert answer.endswith(b"illegal request line\n")


async def test_a_body_that_waits_to_be_asked_for(autojump_clock: MockClock) -> None:
    """`Expect: 100-continue` is answered, or curl would wait a second."""
    async with connected(front()) as stream:
        await stream.send_all(
            b"POST /show HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
        )
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 100 ")
        await stream.send_all(b"body")
        assert (await stream.receive_some()).endswith(b"body")


@pytest.mark.parametrize(
    ("request_bytes", "status", "says"),
    [
        (b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", 404, "no such path"),
        (b"DELETE /show HTTP/1.1\r\nHost: a\r\n\r\n", 405, "allow: GET, POST"),
        (b"POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405, "allow: GET"),
        (b"hello?\r\n\r\n", 400, "connection: close"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", 400, "connection: close"),
        (b"GET /healthz HTTP/1.1\r\n\r\n", 400, "connection: close"),
        (b"GET /healthz HTTP/1.1\r\nHost: a", 400, "connection: close"),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20_000, 431, "connection: close"),
        (b"POST /show HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n", 413, "close"),
        (
            b"POST /show HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
            400,
            "close",
        ),
        (
            b"POST /show HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            + (b"1000\r\n" + b"x" * 4096 + b"\r\n") * 17,
            413,
            "connection: close",
        ),
        (b"GET /media HTTP/1.1\r\nHost: a\r\n\r\n", 426, "upgrade: websocket"),
        (b"POST /media HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405, "allow: GET"),
        (UPGRADE.replace(b"13", b"8") + b"\r\n", 426, "sec-websocket-version: 13"),
        (UPGRADE.replace(b"dGhl", b"dGh") + b"\r\n", 400, "sec-websocket-key: 16 bytes"),
        (UPGRADE.replace(b"dGhl", b"d\xc3\xbchl") + b"\r\n", 400, "sec-websocket-key: 16 bytes"),
        (UPGRADE.replace(b"/media", b"/show") + b"\r\n", 201, "x-seen: yes"),
    ],
)
async def test_what_a_client_gets_wrong_is_answered(
    request_bytes: bytes, status: int, says: str, autojump_clock: MockClock
) -> None:
    """A clear status, a line of text, and at once: never a hanging connection."""
    began = trio.current_time()
    answer = await asked(request_bytes)
    assert head_of(answer)[0] == f"http/1.1 {status} "
    assert says.lower() in answer.decode().lower()
    assert trio.current_time() == began


async def test_a_refused_client_that_goes_on_sending_reads_its_refusal() -> None:
    """A real socket with unread data is reset when closed, and that would eat the answer."""
    async with listening(Calls()) as bound, open_connection(bound) as stream:
        await stream.send_all(b"POST /show HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n")
        await stream.send_all(b"x" * 200_000)
        assert (await rest(stream)).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("at_once", "answer", "after_s"),
    [
        (None, b"", 10.0),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Drip: ", b"HTTP/1.1 408 ", 11.0),
        (
            b"POST /show HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n",
            b"HTTP/1.1 408 ",
            11.0,
        ),
    ],
)
async def test_slow_clients_are_dropped_in_bounded_time(
    at_once: bytes | None, answer: bytes, after_s: float, autojump_clock: MockClock
) -> None:
    """A client that drips its request holds its connection for seconds, not for ever."""
    began = trio.current_time()
    async with connected(front()) as stream, trio.open_nursery() as nursery:

        async def drip(said: bytes) -> None:
            with suppress(trio.BrokenResourceError):  # sooner or later nobody takes more
                while True:
                    await stream.send_all(said)
                    await trio.sleep(0.5)
                    said = b"x"

        if at_once is not None:
            nursery.start_soon(drip, at_once)
        got = await rest(stream)
        assert trio.current_time() - began <= after_s
        nursery.cancel_scope.cancel()
    assert got.startswith(answer)
    assert bool(got) == bool(answer)


async def test_an_idle_connection_is_let_go(autojump_clock: MockClock) -> None:
    """Between requests a client may wait half a minute."""
    async with connected(front()) as stream:
        await stream.send_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        await stream.receive_some()
        began = trio.current_time()
        assert await rest(stream) == b""
        assert trio.current_time() - began == pytest.approx(30)


async def test_a_client_that_does_not_read_is_let_go(autojump_clock: MockClock) -> None:
    """Its reply is waited for in bounded time."""
    began = trio.current_time()
    async with connected(front(), reading=False) as stream:
        await stream.send_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        await trio.sleep(10.5)
        with pytest.raises(trio.BrokenResourceError):
            await stream.send_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
    assert trio.current_time() - began == pytest.approx(10.5)


async def test_a_failing_handler_costs_one_request(autojump_clock: MockClock) -> None:
    """It is answered with 500 or 503, logged with its reason, and the connection goes on."""
    request = b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n"
    with capture_logs() as logs:
        answer = await asked(request % b"/fail" + request % b"/dawdle" + request % b"/healthz")
    statuses = [line for line in answer.decode().splitlines() if line.startswith("HTTP")]
    assert statuses == ["HTTP/1.1 500 ", "HTTP/1.1 503 ", "HTTP/1.1 200 "]
    assert [(entry["event"], entry["path"]) for entry in logs] == [
        ("request_failed", "/fail"),
        ("request_took_too_long", "/dawdle"),
    ]
    assert b"a bug in a handler" not in answer


async def test_one_connection_too_many_is_turned_away(autojump_clock: MockClock) -> None:
    """With 503; when another has ended there is room again."""
    crowded = front(limits=FrontLimits(connections=1))
    request = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    async with connected(crowded) as first:
        await first.send_all(request)
        await first.receive_some()
        assert (await asked(b"", crowded)).startswith(b"HTTP/1.1 503 ")
    assert (await asked(request, crowded)).startswith(b"HTTP/1.1 200 ")


# --- listening


async def test_a_busy_port_is_said_clearly() -> None:
    """Which port, where, and what to do."""
    async with listening(Calls()) as bound:
        with pytest.raises(PortBusy) as caught:
            await serve(bound.host, bound.port, on_call=Calls())
    assert str(caught.value) == (
        f"port {bound.port} on 127.0.0.1 is in use: stop the other program or choose --port"
        " (0 takes any free one)"
    )


async def test_the_error_comes_plain_out_of_a_nursery() -> None:
    """Whoever starts the server in a nursery can catch the error as it is."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        async with trio.open_nursery() as nursery:
            with pytest.raises(PortBusy):
                await nursery.start(
                    partial(serve, "127.0.0.1", other.getsockname()[1], on_call=Calls())
                )


@pytest.mark.parametrize(
    ("host", "port", "says"),
    [
        (
            "127.0.0.1",
            70_000,
            "port 70000 does not exist: choose --port up to 65535 (0 takes any free one)",
        ),
        ("192.0.2.1", 0, "cannot listen on port 0 of 192.0.2.1"),
        ("no such host", 0, "host no such host: "),
    ],
)
async def test_other_places_we_cannot_listen(host: str, port: int, says: str) -> None:
    """An error of our own with what to do, not an OSError."""
    with pytest.raises(CannotListen, match="choose") as caught:
        await serve(host, port, on_call=Calls())
    assert str(caught.value).startswith(says)


async def test_localhost_gets_one_port() -> None:
    """Two addresses, asked for any port, would be given two."""
    async with trio.open_nursery() as nursery:
        bound = await nursery.start(partial(serve, "localhost", 0, on_call=Calls()))
        async with open_connection(bound) as stream:
            await stream.send_all(b"GET /healthz HTTP/1.0\r\n\r\n")
            assert (await rest(stream)).endswith(b"ok\n")
        nursery.cancel_scope.cancel()
