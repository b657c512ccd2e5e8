"""What a carrier is told, in which order, and how a call ends from our side."""

from __future__ import annotations

import json

import pytest
import trio
from trio.testing import MockClock
from trio_websocket import ConnectionClosed, WebSocketConnection

from adapters.carriers.answering import CarrierLimits, NotAnswered
from adapters.twilio.carrier import answer, answered
from adapters.twilio.protocol import CarrierStream
from effects.ports import Carrier, CarrierMessage, Media, Stop
from tests.twilio_kit import CALL, SOUND, Session, begin, dialled, dialled_raw, said_until_stop


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
                carrier.send_audio(SOUND)
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
                carrier.send_audio(SOUND)

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
        carrier.send_audio(SOUND)
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
