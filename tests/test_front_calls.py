"""Calls through the one port: upgrades, one call beside another, draining and closing."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock, memory_stream_pair
from wsproto.frame_protocol import FrameProtocol

from adapters.carriers.answering import OnCall
from adapters.front.http import Request, Response, plain
from adapters.front.server import TWILIO, Admit, Front, FrontLimits, Listening, serve
from adapters.twilio.dialing import NotOurs, dialled, websocket_over
from adapters.twilio.protocol import CarrierStream
from effects.ports import CallInfo, Carrier, CarrierMessage, Media, Stop
from tests.twilio_kit import ADDRESS, UPGRADE


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


def front(on_call: OnCall | None = None, admit: Admit | None = None) -> Front:
    return Front(on_call or Calls(), {}, TWILIO, admit, FrontLimits())


@asynccontextmanager
async def connected(to: Front) -> AsyncIterator[trio.abc.HalfCloseableStream]:
    """A connection to this front, in memory; at the end the front must let go of it."""
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(to.handle, ours)
        yield theirs
        await theirs.aclose()


@asynccontextmanager
async def listening(on_call: OnCall) -> AsyncIterator[Listening]:
    """The real thing on a real port."""
    async with trio.open_nursery() as nursery:
        yield await nursery.start(partial(serve, "127.0.0.1", 0, on_call=on_call))
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def open_connection(to: Listening) -> AsyncIterator[trio.SocketStream]:
    async with await trio.open_tcp_stream(to.host, to.port) as stream:
        yield stream


async def test_bytes_that_follow_the_upgrade_at_once_are_not_lost(
    autojump_clock: MockClock,
) -> None:
    """A client need not wait for the 101 before it speaks; and its head may be torn."""
    calls = Calls()
    stream = CarrierStream(CallInfo("CA1", "MZ1"), account_sid="AC1")
    frames = FrameProtocol(client=True, extensions=[])
    said = [stream.connected(), stream.start(), stream.media(b"a"), stream.stop()]
    everything = UPGRADE + b"\r\n" + b"".join(bytes(frames.send_data(text)) for text in said)
    for cut in (0, 10, len(UPGRADE) + 2, len(UPGRADE) + 3, len(everything) - 5):
        async with connected(front(calls)) as client:
            await client.send_all(everything[:cut])
            await trio.sleep(1)
            await client.send_all(everything[cut:])
            await trio.sleep(1)
        assert calls.said.pop("CA1") == [Media(b"a"), Stop("the carrier ended the call")]


async def test_no_compression_whatever_is_offered(autojump_clock: MockClock) -> None:
    """Deflating 20 ms of audio costs more than it saves."""
    async with connected(front()) as stream:
        await stream.send_all(
            UPGRADE + b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
            b"Sec-WebSocket-Protocol: audio\r\n\r\n"
        )
        head = bytes(await stream.receive_some()).lower()
    assert head.startswith(b"http/1.1 101 ")
    assert b"sec-websocket-extensions" not in head
    assert b"sec-websocket-protocol" not in head


async def test_a_call_may_be_refused_before_it_is_accepted(autojump_clock: MockClock) -> None:
    """``admit`` sees the request, its signature header for one, and answers in our place."""

    def admit(request: Request) -> Response | None:
        signed = request.headers.get("x-twilio-signature") == "good"
        return None if signed else plain(403, "not signed")

    guarded = front(admit=admit)
    async with connected(guarded) as stream:
        await stream.send_all(UPGRADE + b"\r\n")
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 403 ")
    async with connected(guarded) as stream:
        await stream.send_all(UPGRADE + b"X-Twilio-Signature: good\r\n\r\n")
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (b"http://server.test", 101),
        (b"https://SERVER.test", 101),
        (b"http://server.test:8765", 403),
        (b"http://server.test.example.com", 403),
        (b"http://example.com", 403),
        (b"ftp://server.test", 403),
        (b"null", 403),
        (b"", 403),
    ],
)
async def test_a_page_of_another_host_opens_no_call(
    origin: bytes, status: int, autojump_clock: MockClock
) -> None:
    """A browser lets any page open a websocket to anywhere, and says which page it is. Carriers
    say nothing of the kind."""
    async with connected(front()) as stream:
        await stream.send_all(UPGRADE + b"Origin: " + origin + b"\r\n\r\n")
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 %d " % status)


async def test_garbage_on_one_call_never_disturbs_another(autojump_clock: MockClock) -> None:
    """Two calls at once: one sends rubbish until it dies of it, the other hears its echo."""
    calls = Calls()
    shared = front(calls)
    async with (
        connected(shared) as good_stream,
        connected(shared) as bad_stream,
        websocket_over(good_stream, ADDRESS) as good,
        websocket_over(bad_stream, ADDRESS) as bad,
    ):
        good_end = CarrierStream(CallInfo("CAgood", "MZ1"), account_sid="AC1")
        bad_end = CarrierStream(CallInfo("CAbad", "MZ2"), account_sid="AC1")
        for websocket, end in ((good, good_end), (bad, bad_end)):
            await websocket.send_message(end.connected())
            await websocket.send_message(end.start())
        rubbish: list[str | bytes] = ["{", good_end.mark("theirs"), b"\xff", "[]", bad_end.start()]
        for number in range(50):
            await good.send_message(good_end.media(bytes([number])))
            if rubbish:
                await bad.send_message(rubbish.pop(0))
            echo = good_end.receive(await good.get_message())
            assert repr(echo) == f"AgentAudio(mulaw={bytes([number])!r})"
            await trio.sleep(0.02)
        await good.send_message(good_end.stop())
        await good.aclose()
    assert calls.said["CAbad"] == [Stop("second_start: a stream starts once")]
    assert len(calls.said["CAgood"]) == 51


@pytest.mark.parametrize(
    "error", [ValueError("a bug"), ExceptionGroup("two", [ValueError("a"), OSError("b")])]
)
async def test_a_failing_call_costs_one_call(error: Exception, autojump_clock: MockClock) -> None:
    """Whatever a session raises is logged, its websocket is closed, and the rest goes on."""

    async def session(carrier: Carrier) -> None:
        raise error

    shared = front(session)
    with capture_logs() as logs:
        async with connected(shared) as stream, websocket_over(stream, ADDRESS) as websocket:
            end = CarrierStream(CallInfo("CA1", "MZ1"), account_sid="AC1")
            await websocket.send_message(end.start())
            await trio.sleep(1)
            assert websocket.closed is not None
            assert websocket.closed.code == 1000
    assert [entry["event"] for entry in logs] == ["call_failed"]
    async with connected(shared) as stream:
        await stream.send_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await stream.receive_some()).endswith(b"ok\n")


async def test_a_call_over_a_real_socket() -> None:
    """A port of our choosing, an HTTP path beside it, and an echo through both ends."""
    calls = Calls()
    async with listening(calls) as bound:
        url = f"ws://{bound.host}:{bound.port}"
        with pytest.raises(NotOurs, match="HTTP 404 Not Found"):
            async with dialled(f"{url}/elsewhere"):
                pass
        async with dialled(f"{url}/media") as websocket:
            end = CarrierStream(CallInfo("CA1", "MZ1"), account_sid="AC1")
            for text in (end.connected(), end.start(), end.media(b"\x11" * 160)):
                await websocket.send_message(text)
            assert repr(end.receive(await websocket.get_message())).startswith("AgentAudio")
            await websocket.send_message(end.stop())
            await websocket.aclose()


async def test_draining_lets_calls_finish() -> None:
    """No new connections, idle ones end now, and serve returns when the last call has."""
    calls, returned = Calls(), trio.Event()
    async with trio.open_nursery() as nursery:

        async def run(task_status: trio.TaskStatus[Listening]) -> None:
            await serve("127.0.0.1", 0, on_call=calls, task_status=task_status)
            returned.set()

        bound = await nursery.start(run)
        async with (
            open_connection(bound) as idle,
            dialled(f"ws://{bound.host}:{bound.port}/media") as websocket,
        ):
            await idle.send_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            await idle.receive_some()
            end = CarrierStream(CallInfo("CA1", "MZ1"), account_sid="AC1")
            await websocket.send_message(end.start())
            await websocket.send_message(end.media(b"a"))
            await websocket.get_message()
            bound.drain()
            assert await idle.receive_some() == b""
            await websocket.send_message(end.media(b"b"))
            assert end.receive(await websocket.get_message())
            with pytest.raises(OSError, match="connect"):
                await trio.open_tcp_stream(bound.host, bound.port)
            assert not returned.is_set()
            await websocket.send_message(end.stop())
            await websocket.aclose()
        await returned.wait()
    assert calls.said["CA1"] == [Media(b"a"), Media(b"b"), Stop("the carrier ended the call")]


async def test_cancelling_leaves_nothing_running() -> None:
    """Calls and connections end with the server, and the port is free again."""
    before = trio.lowlevel.current_statistics().tasks_living
    async with (
        listening(Calls()) as bound,
        await trio.open_tcp_stream(bound.host, bound.port),
        dialled(f"ws://{bound.host}:{bound.port}/media") as websocket,
    ):
        end = CarrierStream(CallInfo("CA1", "MZ1"), account_sid="AC1")
        await websocket.send_message(end.start())
        await websocket.send_message(end.media(b"a"))
        await websocket.get_message()
        await websocket.aclose()
    assert trio.lowlevel.current_statistics().tasks_living == before
    with socket.create_server((bound.host, bound.port)):
        pass
