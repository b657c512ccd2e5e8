"""The Carrier port over a websocket: in virtual time, over streams in memory."""

from __future__ import annotations

from functools import partial

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock
from trio_websocket import ConnectionClosed, WebSocketConnection

from adapters.carriers.answering import AnsweredCall, CarrierLimits
from adapters.carriers.faults import MESSAGE_BYTES_MAX, Fault
from adapters.twilio.carrier import answer, answered
from adapters.twilio.protocol import CarrierStream
from effects.ports import Carrier, CarrierMessage, Dtmf, Mark, Media, Stop
from tests.twilio_kit import CALL, SOUND, Session, begin, dialled, dialled_raw, said_until_stop


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
        for text in (stream.stop(), stream.media(SOUND), stream.start()):
            await twilio.send_message(text)
        await trio.sleep(5)
    assert again == [Stop("the carrier ended the call")] * 2


@pytest.mark.parametrize(
    ("opening", "reason", "code", "after_s"),
    [
        ([], "no start within 10 s", 1008, 10.0),
        ([SOUND, "{", CarrierStream(CALL, account_sid="").media(SOUND)], "no start", 1008, 10.0),
        (["x" * (MESSAGE_BYTES_MAX + 1)], "1009", 1009, 0.0),
        (['{"event":"start"}'], "bad_start: start: Object missing required field", 1008, 0.0),
        ([CarrierStream(CALL, account_sid="").stop()], "ended the call", 1000, 0.0),
    ],
)
async def test_without_a_start_there_is_no_call(
    opening: list[str | bytes],
    reason: str,
    code: int,
    after_s: float,
    autojump_clock: MockClock,
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
            assert twilio.closed is not None
            assert twilio.closed.code == code
    assert session.info is None
    (entry,) = [entry for entry in logs if entry["event"] == "call_not_answered"]
    assert reason in entry["reason"]


async def test_silence_of_frames_ends_the_call(autojump_clock: MockClock) -> None:
    """A stream can die without a `stop`; marks that still come do not make it alive."""
    session = Session()
    async with dialled(session.on_websocket) as twilio:
        stream = await begin(twilio)
        await trio.sleep(9)
        await twilio.send_message(stream.media(SOUND))
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
        assert isinstance(carrier, AnsweredCall)
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
    """A `stop` that has arrived is the reason, however much is said into the closed socket."""
    said: list[CarrierMessage] = []

    async def session(carrier: Carrier) -> None:
        await trio.sleep(1)
        for _ in range(2000):
            carrier.send_audio(SOUND)
        said.append(await carrier.receive())

    async with dialled(lambda websocket: answer(websocket, session)) as twilio:
        stream = await begin(twilio)
        await twilio.send_message(stream.stop())
    assert said == [Stop("the carrier ended the call")]


async def test_a_stop_counts_even_when_it_was_our_writing_that_failed(
    autojump_clock: MockClock,
) -> None:
    """The writer meets the lost connection first; the reason is what had come before."""
    said: list[CarrierMessage] = []

    async def session(carrier: Carrier) -> None:
        for _ in range(5):
            carrier.send_audio(SOUND)
        await trio.sleep(3)
        said.append(await carrier.receive())

    stream = CarrierStream(CALL, account_sid="")
    on_websocket = partial(answer, on_call=session)
    async with dialled_raw(on_websocket, reading=False) as (socket, frames):
        await socket.send_all(frames.send_data(stream.start()) + frames.send_data(stream.stop()))
        await trio.sleep(1)
        await socket.aclose()
    assert said == [Stop("the carrier ended the call")]


async def test_a_carrier_that_reads_never_fills_the_outbox(autojump_clock: MockClock) -> None:
    """What has been written no longer counts."""
    stops: list[CarrierMessage] = []

    async def on_websocket(websocket: WebSocketConnection) -> None:
        limits = CarrierLimits(outbox_messages=3, outbox_bytes=1000)
        async with answered(websocket, limits) as carrier:
            for _ in range(100):
                carrier.send_audio(SOUND)
                carrier.send_mark("m")
                await trio.sleep(0.02)
            stops.append(await carrier.receive())

    async with dialled(on_websocket) as twilio:
        stream = await begin(twilio)
        for _ in range(200):
            await twilio.get_message()
        await twilio.send_message(stream.stop())
    assert stops == [Stop("the carrier ended the call")]
