"""How a simulated call ends when the server ends it, or will not behave."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import numpy as np
import pytest
import trio
from trio.testing import MockClock, lockstep_stream_pair, memory_stream_pair
from trio_websocket import ConnectionClosed, WebSocketConnection
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Request

from adapters.twilio.dialing import websocket_over
from adapters.twilio.phone import place_call, talk
from adapters.twilio.script import AtTime, Script, Utterance
from effects.ports import Carrier
from states.mulaw import from_pcm16
from tests.twilio_kit import ADDRESS, call, dialled

LOUD = from_pcm16(np.full(8000, 8000, np.int16))  # a second


async def test_the_server_may_hang_up(autojump_clock: MockClock) -> None:
    """The record says so, with the close code, and what was being said is cut there."""

    async def session(carrier: Carrier) -> None:
        await trio.sleep(1)
        await carrier.hang_up()

    record = await call(session, Script((Utterance(LOUD * 9, AtTime(500)),)))
    assert (record.outcome, record.detail) == ("server_closed", "closed with 1000")
    assert (record.close_code, record.finished) == (1000, False)
    (said,) = record.said
    assert said.end_s == pytest.approx(1.0, abs=0.021)


@pytest.mark.parametrize(
    ("words", "answers", "finished"), [(1, True, True), (1, False, False), (2, True, False)]
)
async def test_whether_the_caller_was_finished(
    words: int, answers: bool, finished: bool, autojump_clock: MockClock
) -> None:
    """Who has said everything and heard something after it has had what they called for."""

    async def session(carrier: Carrier) -> None:
        await trio.sleep(2)
        if answers:
            carrier.send_audio(LOUD[:800])
        await trio.sleep(1)
        await carrier.hang_up()

    said = tuple(Utterance(LOUD, AtTime(500 + 2000 * number)) for number in range(words))
    record = await call(session, Script(said))
    assert (record.outcome, record.finished) == ("server_closed", finished)


async def test_both_sides_may_hang_up_at_once(autojump_clock: MockClock) -> None:
    """A call ends once, whoever was first."""

    async def session(carrier: Carrier) -> None:
        await trio.sleep(1)
        await carrier.hang_up()

    for _ in range(20):  # trio orders what happens at one time at random
        record = await call(session, Script(hang_up=AtTime(1000)))
        ended = [event.detail for event in record.events if event.what == "ended"]
        assert len(ended) == 1
        assert ended[0].startswith(record.outcome)


async def test_a_server_that_pings_at_the_end_does_no_harm(autojump_clock: MockClock) -> None:
    """trio-websocket's reader dies of answering it; the call has ended all the same."""
    server = WSConnection(ConnectionType.SERVER)

    async def serve_raw(stream: trio.abc.Stream) -> None:
        closing = False
        while not closing:
            server.receive_data(bytes(await stream.receive_some()))
            for event in server.events():
                if isinstance(event, Request):
                    await stream.send_all(server.send(AcceptConnection()))
                closing = closing or isinstance(event, CloseConnection)
        await stream.send_all(b"\x89\x00")  # a ping
        await trio.sleep_forever()

    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_raw, ours)
        async with websocket_over(theirs, ADDRESS) as websocket:
            record = await talk(websocket, Script(hang_up=AtTime(100)))
        nursery.cancel_scope.cancel()
    assert record.outcome == "hung_up"


async def test_a_server_that_stops_reading_is_given_up_on(autojump_clock: MockClock) -> None:
    """The phone's sending is then stuck, and its clock with it; the call ends all the same."""

    async def accept_and_stall(stream: trio.abc.Stream) -> None:
        server = WSConnection(ConnectionType.SERVER)
        server.receive_data(bytes(await stream.receive_some()))
        assert [type(event) for event in server.events()] == [Request]
        await stream.send_all(server.send(AcceptConnection()))
        await trio.sleep_forever()

    began = trio.current_time()
    ours, theirs = lockstep_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(accept_and_stall, ours)
        async with websocket_over(theirs, ADDRESS) as websocket:
            record = await talk(websocket, Script(limit_ms=10_000))
        nursery.cancel_scope.cancel()
    assert (record.outcome, record.detail) == ("server_closed", "it no longer reads")
    assert trio.current_time() - began == pytest.approx(10 + 5)


async def test_a_server_that_closes_at_once_has_taken_the_call() -> None:
    """The websocket was opened, so it is no failure to dial, even if nothing was said."""

    async def accept_and_close(stream: trio.abc.Stream) -> None:
        server = WSConnection(ConnectionType.SERVER)
        server.receive_data(bytes(await stream.receive_some()))
        assert [type(event) for event in server.events()] == [Request]
        await stream.send_all(server.send(AcceptConnection()))

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(
            partial(trio.serve_tcp, accept_and_close, 0, host="127.0.0.1")
        )
        url = f"ws://127.0.0.1:{listener.socket.getsockname()[1]}/"
        for _ in range(20):  # trio orders what happens at one time at random
            record = await place_call(url, Script())
            assert (record.outcome, record.detail) == ("server_closed", "closed with 1006")
        nursery.cancel_scope.cancel()


async def test_what_twilio_would_warn_of_is_counted(autojump_clock: MockClock) -> None:
    """A server's wrong messages are refused one by one, and the call goes on."""
    said = [
        '{"event":"clear","streamSid":"MZother"}',
        '{"event":"media","media":{"payload":"AAAA"}}',
        "garbage",
    ]

    async def on_websocket(websocket: WebSocketConnection) -> None:
        await websocket.get_message()
        for text in said:
            await websocket.send_message(text)
        with suppress(ConnectionClosed):
            while True:
                await websocket.get_message()

    async with dialled(on_websocket) as websocket:
        record = await talk(websocket, Script(hang_up=AtTime(1000)))
    assert record.outcome == "hung_up"
    assert record.refused == {"other_stream": 1, "malformed": 2}
