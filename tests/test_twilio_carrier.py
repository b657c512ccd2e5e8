"""The Carrier port over a websocket: in virtual time, over streams in memory."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock, lockstep_stream_pair, memory_stream_pair
from trio_websocket import ConnectionClosed, WebSocketConnection
from wsproto.frame_protocol import FrameProtocol

from adapters.front.http import HttpConnection, HttpLimits
from adapters.front.upgrade import upgraded
from adapters.twilio.carrier import CarrierLimits, NotAnswered, TwilioCarrier, answer, answered
from adapters.twilio.dialing import Address, websocket_over
from adapters.twilio.protocol import MESSAGE_BYTES_MAX, CarrierStream, Fault
from effects.ports import CallInfo, Carrier, CarrierMessage, Dtmf, Mark, Media, Stop

ADDRESS = Address("server.test", 80, "/media")
CALL = CallInfo("CA1", "MZ1", {"token": "abc"})
FRAME = bytes(160)
HANDSHAKE = (
    b"GET /media HTTP/1.1\r\nHost: server.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)

OnWebsocket = Callable[[WebSocketConnection], Awaitable[None]]


async def serve(stream: trio.abc.Stream, on_websocket: OnWebsocket) -> None:
    """Our end: what the front does with a request for a call."""
    connection = HttpConnection(stream, HttpLimits())
    request = await connection.next_request()
    assert request is not None
    async with (
        stream,
        upgraded(stream, request, connection.unread, MESSAGE_BYTES_MAX) as websocket,
    ):
        await on_websocket(websocket)


@asynccontextmanager
async def dialled(on_websocket: OnWebsocket) -> AsyncIterator[WebSocketConnection]:
    """Twilio's end of a websocket that our end serves with ``on_websocket``."""
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, ours, on_websocket)
        async with websocket_over(theirs, ADDRESS) as websocket:
            yield websocket
            await websocket.aclose()


@asynccontextmanager
async def dialled_raw(
    on_websocket: OnWebsocket, *, reading: bool = True
) -> AsyncIterator[tuple[trio.abc.Stream, FrameProtocol]]:
    """Twilio's end as a bare stream, whose client does only what the test says."""
    ours, theirs = memory_stream_pair() if reading else lockstep_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, ours, on_websocket)
        await theirs.send_all(HANDSHAKE)
        head = b""
        while b"\r\n\r\n" not in head:
            head += await theirs.receive_some()
        assert head.startswith(b"HTTP/1.1 101")
        yield theirs, FrameProtocol(client=True, extensions=[])


async def begin(websocket: WebSocketConnection) -> CarrierStream:
    stream = CarrierStream(CALL, account_sid="AC1")
    await websocket.send_message(stream.connected())
    await websocket.send_message(stream.start())
    return stream


async def said_until_stop(carrier: Carrier) -> list[CarrierMessage]:
    said: list[CarrierMessage] = []
    while not said or not isinstance(said[-1], Stop):
        said.append(await carrier.receive())
    return said


class Session:
    """A session that notes all that comes, and when the call was over."""

    def __init__(self) -> None:
        self.info: CallInfo | None = None
        self.said: list[CarrierMessage] = []
        self.stopped_at = -1.0

    async def __call__(self, carrier: Carrier) -> None:
        self.info = carrier.info
        self.said = await said_until_stop(carrier)
        self.stopped_at = trio.current_time()

    async def on_websocket(self, websocket: WebSocketConnection) -> None:
        await answer(websocket, self)

    @property
    def stop(self) -> str:
        assert isinstance(self.said[-1], Stop)
        return self.said[-1].reason


async def test_a_call_from_start_to_stop(autojump_clock: MockClock) -> None:
    """The session hears audio, keys and marks in their order, then the end."""
    session = Session()
    async with dialled(session.on_websocket) as twilio:
        stream = await begin(twilio)
        for text in (
            stream.media(b"\x01"),
            stream.dtmf("5"),
            stream.mark("m"),
            stream.media(b"\x02\x03"),
            stream.stop(),
        ):
            await twilio.send_message(text)
    assert session.info == CALL
    assert session.said == [
        Media(b"\x01"),
        Dtmf("5"),
        Mark("m"),
        Media(b"\x02\x03"),
        Stop("the carrier ended the call"),
    ]


async def test_after_the_stop_nothing_else_comes(autojump_clock: MockClock) -> None:
    """Whoever asks again gets the same Stop, even if the other side goes on talking."""
    again: list[CarrierMessage] = []

    async def session(carrier: Carrier) -> None:
        await said_until_stop(carrier)
        await trio.sleep(1)
        again.extend([await carrier.receive(), await carrier.receive()])

    async with dialled(lambda websocket: answer(websocket, session)) as twilio:
        stream = await begin(twilio)
        for text in (stream.stop(), stream.media(FRAME), stream.start()):
            await twilio.send_message(text)
        await trio.sleep(5)
    assert again == [Stop("the carrier ended the call")] * 2


@pytest.mark.parametrize(
    ("opening", "reason", "after_s"),
    [
        ([], "no start within 10 s", 10.0),
        ([FRAME, "{", CarrierStream(CALL, account_sid="").media(FRAME)], "no start within", 10.0),
        (["x" * (MESSAGE_BYTES_MAX + 1)], "1009", 0.0),
        (['{"event":"start"}'], "bad_start: start: Object missing required field", 0.0),
        (['{"event":"stop","stop":{},"sequenceNumber":"1","streamSid":""}'], "ended the call", 0.0),
    ],
)
async def test_without_a_start_there_is_no_call(
    opening: list[str | bytes], reason: str, after_s: float, autojump_clock: MockClock
) -> None:
    """No usable `start` in time: no session, the websocket is closed, the log says why."""
    session = Session()
    with capture_logs() as logs:
        began = trio.current_time()
        async with dialled(session.on_websocket) as twilio:
            for text in opening:
                await twilio.send_message(text)
            with pytest.raises(ConnectionClosed):
                await twilio.get_message()
            assert trio.current_time() - began == pytest.approx(after_s)
    assert session.info is None
    (entry,) = [entry for entry in logs if entry["event"] == "call_not_answered"]
    assert reason in entry["reason"]


async def test_silence_of_frames_ends_the_call(autojump_clock: MockClock) -> None:
    """A stream can die without a `stop`; marks that still come do not make it alive."""
    session = Session()
    async with dialled(session.on_websocket) as twilio:
        stream = await begin(twilio)
        await trio.sleep(9)
        await twilio.send_message(stream.media(FRAME))
        heard_at = trio.current_time()
        for _ in range(3):
            await trio.sleep(3)
            await twilio.send_message(stream.mark("m"))
        with pytest.raises(ConnectionClosed):
            await twilio.get_message()
    assert session.stop == "no audio from the carrier for 10 s"
    assert session.stopped_at - heard_at == pytest.approx(10, abs=0.01)


async def test_a_slow_session_is_not_a_silent_carrier(autojump_clock: MockClock) -> None:
    """Only time spent waiting for audio counts."""
    said: list[CarrierMessage] = []

    async def session(carrier: Carrier) -> None:
        said.append(await carrier.receive())
        await trio.sleep(60)
        said.extend(await said_until_stop(carrier))

    async with dialled(lambda websocket: answer(websocket, session)) as twilio:
        stream = await begin(twilio)
        for text in (stream.media(b"a"), stream.media(b"b"), stream.stop()):
            await twilio.send_message(text)
        await trio.sleep(61)
    assert said == [Media(b"a"), Media(b"b"), Stop("the carrier ended the call")]


async def test_garbage_is_counted_logged_sparsely_and_ignored(autojump_clock: MockClock) -> None:
    """A hundred bad messages cost no audio and three lines of log, which quote no payload."""
    counts: list[int] = []

    async def session(carrier: Carrier) -> None:
        assert await said_until_stop(carrier) == [
            Media(b"a"),
            Media(b"b"),
            Stop("the carrier ended the call"),
        ]
        assert isinstance(carrier, TwilioCarrier)
        counts.extend([carrier.refused[Fault.MALFORMED], carrier.refused[Fault.BINARY]])

    with capture_logs() as logs:
        async with dialled(lambda websocket: answer(websocket, session)) as twilio:
            stream = await begin(twilio)
            await twilio.send_message(stream.media(b"a"))
            for _ in range(100):
                await twilio.send_message('{"event":"media","media":{"payload":"secret!"}}')
            await twilio.send_message(b"\x00\x01")
            await twilio.send_message(stream.media(b"b"))
            await twilio.send_message(stream.stop())
            await trio.sleep(1)
    assert counts == [100, 1]
    refused = [entry for entry in logs if entry["event"] == "message_refused"]
    assert [(entry["fault"], entry["count"]) for entry in refused] == [
        ("malformed", 1),
        ("malformed", 10),
        ("malformed", 100),
        ("binary", 1),
    ]
    assert "secret" not in str(logs)


@pytest.mark.parametrize(
    ("said", "reason", "code"),
    [
        (CarrierStream(CALL, account_sid="").start(), "second_start: a stream starts once", 1008),
        ("x" * (MESSAGE_BYTES_MAX + 1), "closed without a stop: 1009", 1009),
    ],
)
async def test_what_cannot_go_on_ends_this_call(
    said: str, reason: str, code: int, autojump_clock: MockClock
) -> None:
    """The session gets a Stop that says why, and the carrier a close code that does."""
    session = Session()
    async with dialled(session.on_websocket) as twilio:
        await begin(twilio)
        await twilio.send_message(said)
        with pytest.raises(ConnectionClosed):
            await twilio.get_message()
        assert twilio.closed is not None
        assert twilio.closed.code == code
    assert reason in session.stop


async def test_a_lost_connection_is_a_stop(autojump_clock: MockClock) -> None:
    """Nothing is raised for what the other side does: the reason is in the Stop."""
    session = Session()
    async with dialled_raw(session.on_websocket) as (stream, frames):
        await stream.send_all(frames.send_data(CarrierStream(CALL, account_sid="").start()))
        await trio.sleep(1)
        await stream.aclose()
    assert session.stop == "the websocket was closed without a stop: 1006"


async def test_bytes_that_are_no_websocket_are_a_stop(autojump_clock: MockClock) -> None:
    """A broken frame ends the call it is in, by the book (RFC 6455, section 5.1: masking)."""
    session = Session()
    async with dialled_raw(session.on_websocket) as (stream, frames):
        await stream.send_all(frames.send_data(CarrierStream(CALL, account_sid="").start()))
        await stream.send_all(b"\x81\x05hello")
        await trio.sleep(1)
    assert "1002" in session.stop


async def test_a_stop_counts_even_when_the_socket_closes_with_it(
    autojump_clock: MockClock,
) -> None:
    """A `stop` that has arrived is the reason, though the writer already met the closing."""
    said: list[CarrierMessage] = []

    async def session(carrier: Carrier) -> None:
        await trio.sleep(1)
        for _ in range(3):
            carrier.send_audio(FRAME)
            await trio.sleep(0.02)
        said.append(await carrier.receive())

    async with dialled(lambda websocket: answer(websocket, session)) as twilio:
        stream = await begin(twilio)
        await twilio.send_message(stream.stop())
    assert said == [Stop("the carrier ended the call")]


async def test_audio_and_marks_go_out_in_order(autojump_clock: MockClock) -> None:
    """What is sent is written in the order in which it was sent."""

    async def session(carrier: Carrier) -> None:
        for number in range(20):
            carrier.send_audio(bytes([number]))
            carrier.send_mark(str(number))
        await said_until_stop(carrier)

    async with dialled(lambda websocket: answer(websocket, session)) as twilio:
        stream = await begin(twilio)
        sent = [json.loads(await twilio.get_message()) for _ in range(40)]
        await twilio.send_message(stream.stop())
    assert [message["event"] for message in sent] == ["media", "mark"] * 20
    assert [message["mark"]["name"] for message in sent[1::2]] == [str(n) for n in range(20)]


async def test_a_clear_overtakes_the_audio_and_keeps_the_marks(
    autojump_clock: MockClock,
) -> None:
    """Audio that was not written yet is dropped, `clear` goes out next, and every mark follows
    it, so that each one comes back; what is said afterwards is heard."""

    async def session(carrier: Carrier) -> None:
        carrier.send_audio(b"old")
        carrier.send_mark("a")
        carrier.send_clear()
        carrier.send_audio(b"older than the second clear")
        carrier.send_mark("b")
        carrier.send_clear()
        carrier.send_audio(b"new")
        carrier.send_mark("c")
        await said_until_stop(carrier)

    async with dialled(lambda websocket: answer(websocket, session)) as twilio:
        stream = await begin(twilio)
        caller_end = CarrierStream(CALL, account_sid="AC1")
        sent = [caller_end.receive(await twilio.get_message()) for _ in range(5)]
        await twilio.send_message(stream.stop())
    assert [repr(message) for message in sent] == [
        "AgentClear()",
        "AgentMark(name='a')",
        "AgentMark(name='b')",
        "AgentAudio(mulaw=b'new')",
        "AgentMark(name='c')",
    ]


@pytest.mark.parametrize(
    "limits", [CarrierLimits(outbox_messages=50), CarrierLimits(outbox_bytes=12_000)]
)
async def test_a_carrier_that_does_not_read_loses_the_call(
    limits: CarrierLimits, autojump_clock: MockClock
) -> None:
    """The outbox is bounded, sending never blocks, and the Stop comes at once."""
    stops: list[tuple[CarrierMessage, float]] = []

    async def on_websocket(websocket: WebSocketConnection) -> None:
        async with answered(websocket, limits) as carrier:
            await trio.sleep(1)
            began = trio.current_time()
            for _ in range(60):
                carrier.send_audio(FRAME)
            stops.append((await carrier.receive(), trio.current_time() - began))

    async with dialled_raw(on_websocket, reading=False) as (stream, frames):
        await stream.send_all(frames.send_data(CarrierStream(CALL, account_sid="").start()))
    ((stop, after_s),) = stops
    assert isinstance(stop, Stop)
    assert stop.reason.startswith("the carrier reads too slowly: ")
    assert after_s == 0


async def test_a_full_outbox_wakes_a_session_that_is_receiving(autojump_clock: MockClock) -> None:
    """The Stop reaches whoever waits for the carrier's next message, without delay."""
    session = Session()
    full_at = 0.0

    async def on_websocket(websocket: WebSocketConnection) -> None:
        nonlocal full_at
        async with (
            answered(websocket, CarrierLimits(outbox_messages=10)) as carrier,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(session, carrier)
            await trio.sleep(3)
            full_at = trio.current_time()
            for _ in range(20):
                carrier.send_audio(FRAME)

    async with dialled_raw(on_websocket, reading=False) as (stream, frames):
        await stream.send_all(frames.send_data(CarrierStream(CALL, account_sid="").start()))
    assert "too slowly" in session.stop
    assert session.stopped_at == full_at


async def test_hanging_up_closes_the_websocket(autojump_clock: MockClock) -> None:
    """It takes no time with a carrier that answers, may be done twice, and ends receiving."""
    after: list[CarrierMessage] = []

    async def session(carrier: Carrier) -> None:
        await carrier.hang_up()
        await carrier.hang_up()
        carrier.send_audio(FRAME)
        carrier.send_clear()
        after.append(await carrier.receive())

    began = trio.current_time()
    async with dialled(lambda websocket: answer(websocket, session)) as twilio:
        await begin(twilio)
        with pytest.raises(ConnectionClosed):
            await twilio.get_message()
        assert twilio.closed is not None
        assert twilio.closed.code == 1000
    assert after == [Stop("we hung up")]
    assert trio.current_time() == began


async def test_hanging_up_is_bounded_in_time(autojump_clock: MockClock) -> None:
    """A carrier that does not answer the closing is left after two seconds; and one that pings
    in the meantime does not harm the session (trio-websocket's reader dies of that)."""
    hung_up_after: list[float] = []

    async def session(carrier: Carrier) -> None:
        began = trio.current_time()
        await carrier.hang_up()
        await trio.sleep(1)
        hung_up_after.append(trio.current_time() - began)

    async def on_websocket(websocket: WebSocketConnection) -> None:
        await answer(websocket, session)

    for ping in (False, True):
        async with dialled_raw(on_websocket) as (stream, frames):
            await stream.send_all(frames.send_data(CarrierStream(CALL, account_sid="").start()))
            await stream.receive_some()
            if ping:
                await stream.send_all(frames.ping(b"are you there?"))
    assert hung_up_after == [3, 3]


async def test_cancelling_the_session_closes_in_bounded_time(autojump_clock: MockClock) -> None:
    """Cancellation takes the closing handshake's time at most, and leaves nothing behind."""
    began = trio.current_time()
    with trio.move_on_after(5) as scope:
        async with dialled_raw(lambda ws: answer(ws, _sleep)) as (stream, frames):
            await stream.send_all(frames.send_data(CarrierStream(CALL, account_sid="").start()))
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert trio.current_time() - began == pytest.approx(7)


async def _sleep(carrier: Carrier) -> None:
    await trio.sleep_forever()


async def test_receiving_may_be_cancelled_without_loss(autojump_clock: MockClock) -> None:
    """A session may wait for a message and something else at once."""
    said: list[CarrierMessage] = []

    async def session(carrier: Carrier) -> None:
        while not (said and isinstance(said[-1], Stop)):
            with trio.move_on_after(0.013):
                said.append(await carrier.receive())

    async with dialled(lambda websocket: answer(websocket, session)) as twilio:
        stream = await begin(twilio)
        for number in range(50):
            await trio.sleep(0.02)
            await twilio.send_message(stream.media(bytes([number])))
        await twilio.send_message(stream.stop())
        await trio.sleep(1)
    assert said[:-1] == [Media(bytes([number])) for number in range(50)]


async def test_not_answered_is_raised_to_whoever_asks(autojump_clock: MockClock) -> None:
    """`answered` raises where `answer` logs."""

    async def on_websocket(websocket: WebSocketConnection) -> None:
        with pytest.raises(NotAnswered, match="no start within 3 s"):
            async with answered(websocket, CarrierLimits(start_s=3)):
                raise AssertionError("there is no call")

    async with dialled(on_websocket):
        await trio.sleep(4)
