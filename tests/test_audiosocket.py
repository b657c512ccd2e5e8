"""AudioSocket: packets, pacing, and the port on which calls come."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs
from trio.testing import MockClock, memory_stream_pair

from adapters.asterisk import packets
from adapters.asterisk.audiosocket import answer, serve_audiosocket
from adapters.asterisk.packets import Packet, Packets, ServerStream, encode
from adapters.carriers.answering import OnCall
from adapters.carriers.faults import Fault, Refused
from adapters.front.server import Listening, PortBusy
from adapters.twilio.phone import talk
from adapters.twilio.script import AtTime, KeyPress, Script, Utterance
from effects.ports import CallInfo, Carrier, Dtmf, Mark, Media, Stop
from tests.twilio_kit import Session, wait_for_stop
from tests.twins.asterisk import CALL_ID, AudioSocketEnd, AudioSocketWire

LOUD = b"\x20" * 8000
ID = Packet(packets.ID, CALL_ID.bytes)


def started() -> ServerStream:
    stream = ServerStream()
    stream.receive(ID)
    return stream


def test_packets_are_written_as_the_page_says() -> None:
    """Kind, length (big-endian), content; linear samples are little-endian."""
    assert encode(Packet(packets.HANG_UP)) == b"\x00\x00\x00"
    assert encode(packets.audio(b"\xff\x80")) == b"\x10\x00\x04\x00\x00\x7c\x7d"
    assert ServerStream().receive(ID) == CallInfo(str(CALL_ID), str(CALL_ID))
    assert started().receive(Packet(0x10, b"\x00\x00\x7c\x7d")) == Media(b"\xff\x80")
    assert started().receive(Packet(0x03, b"#")) == Dtmf("#")
    assert started().receive(Packet(0x00)) == Stop("the carrier ended the call")
    assert started().receive(Packet(0xFF, b"\x01")) == Stop("Asterisk reports error 01")


@pytest.mark.parametrize(
    ("packet", "fault"),
    [
        (ID, Fault.SECOND_START),
        (Packet(0x10, b"\x00"), Fault.MALFORMED),
        (Packet(0x12, bytes(640)), Fault.BAD_FORMAT),
        (Packet(0x03, b"A"), Fault.MALFORMED),
        (Packet(0x03, b"12"), Fault.MALFORMED),
        (Packet(0x03), Fault.MALFORMED),
        (Packet(0x42), Fault.UNKNOWN_EVENT),
    ],
)
def test_what_is_refused_in_the_call(packet: Packet, fault: Fault) -> None:
    """By its fault."""
    with pytest.raises(Refused) as caught:
        started().receive(packet)
    assert caught.value.fault == fault


def test_what_a_call_cannot_begin_or_go_on_with() -> None:
    """Sound before the id, an id that is none, anything after the end."""
    for packet, fault in [
        (Packet(packets.AUDIO, bytes(320)), Fault.OUT_OF_ORDER),
        (Packet(packets.KEY, b"1"), Fault.OUT_OF_ORDER),
        (Packet(packets.ID, b"short"), Fault.BAD_START),
    ]:
        with pytest.raises(Refused) as caught:
            ServerStream().receive(packet)
        assert caught.value.fault == fault
    stream = started()
    stream.receive(Packet(packets.HANG_UP))
    with pytest.raises(Refused, match="after_stop"):
        stream.receive(Packet(packets.AUDIO, bytes(320)))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=400)), max_size=8),
    st.lists(st.integers(1, 50), min_size=1),
)
def test_packets_may_come_in_any_pieces(said: list[tuple[int, bytes]], sizes: list[int]) -> None:
    """TCP knows no packets: what is read does not depend on where it was cut."""
    wire = b"".join(encode(Packet(kind, content)) for kind, content in said)
    reader, read, at = Packets(), [], 0
    while at < len(wire):
        size = sizes[at % len(sizes)]
        reader.add(wire[at : at + size])
        at += size
        while (packet := reader.next()) is not None:
            read.append((packet.kind, packet.content))
    assert read == said


async def test_what_was_sent_at_once_is_played_in_time(autojump_clock: MockClock) -> None:
    """A packet every 20 ms, in one piece, without drift, and none while there is nothing to say."""
    came: list[tuple[float, bytes]] = []

    async def session(carrier: Carrier) -> None:
        await trio.sleep(1)
        carrier.send_audio(LOUD * 2)
        await trio.sleep(4)
        carrier.send_audio(LOUD)
        await wait_for_stop(carrier)

    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer, ours, session)
        began = trio.current_time()
        await theirs.send_all(encode(ID))
        with trio.move_on_after(7):
            while True:
                data = await theirs.receive_some()
                came.append((trio.current_time() - began, bytes(data)))
        await theirs.aclose()
    wanted = [1 + number * 0.02 for number in range(100)] + [5 + n * 0.02 for n in range(50)]
    assert [at for at, _ in came] == pytest.approx(wanted, abs=1e-6)
    assert all(len(data) == 323 for _, data in came)


async def test_who_is_late_catches_up_a_little(autojump_clock: MockClock) -> None:
    """After a stall of a second five packets come at once, and not fifty."""
    came: list[float] = []

    async def session(carrier: Carrier) -> None:
        carrier.send_audio(LOUD * 3)
        await trio.sleep(0.5)
        autojump_clock.jump(1.0)
        await wait_for_stop(carrier)

    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer, ours, session)
        began = trio.current_time()
        await theirs.send_all(encode(ID))
        reader = Packets()
        while len(came) < 60:
            reader.add(await theirs.receive_some())
            while reader.next():
                came.append(trio.current_time() - began)
        await theirs.aclose()
    stalled = [at for at in came if at == pytest.approx(1.5, abs=0.001)]
    assert 2 <= len(stalled) <= 7
    assert came[-1] > 2.0


async def test_a_mark_wakes_a_session_that_hears_nothing(autojump_clock: MockClock) -> None:
    """A telephone may be silent on the wire: marks are told by the time that has gone by."""
    marks: list[tuple[str, float]] = []

    async def session(carrier: Carrier) -> None:
        began = trio.current_time()
        carrier.send_audio(LOUD)
        carrier.send_mark("a")
        carrier.send_audio(LOUD[:80])
        carrier.send_mark("b")
        while len(marks) < 2:
            message = await carrier.receive()
            assert isinstance(message, Mark)
            marks.append((message.name, trio.current_time() - began))

    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer, ours, session)
        await theirs.send_all(encode(ID))
    assert [name for name, _ in marks] == ["a", "b"]
    assert [at for _, at in marks] == pytest.approx([1.0, 1.02], abs=0.021)


# --- the port


class Calls:
    """Holds calls until they end; ``came`` tells of each."""

    def __init__(self) -> None:
        self.came = trio.Semaphore(0)
        self.stops: list[str] = []

    async def __call__(self, carrier: Carrier) -> None:
        session = Session()
        self.came.release()
        await session(carrier)
        self.stops.append(session.stop)


@asynccontextmanager
async def listening(on_call: OnCall, **others: Any) -> AsyncIterator[Listening]:
    """The real thing on a real port."""
    serve = partial(serve_audiosocket, "127.0.0.1", 0, on_call, **others)
    async with trio.open_nursery() as nursery:
        yield await nursery.start(serve)
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def dialled(port: Listening) -> AsyncIterator[trio.SocketStream]:
    """A connection that has said whose call it is."""
    async with await trio.open_tcp_stream(port.host, port.port) as stream:
        await stream.send_all(encode(ID))
        yield stream


async def until_closed(stream: trio.SocketStream) -> bytes:
    """What came until the other side closed, in whatever way."""
    came = b""
    with suppress(trio.BrokenResourceError):
        while data := await stream.receive_some():
            came += data
    return came


async def test_a_call_over_a_real_socket() -> None:
    """In real time: sound and a key arrive, what is said is heard, and the caller's hang-up ends
    it."""
    session = Session()

    async def on_call(carrier: Carrier) -> None:
        carrier.send_audio(LOUD[:1600])
        await session(carrier)

    async with listening(on_call) as port:
        stream = await trio.open_tcp_stream(port.host, port.port)
        script = Script((Utterance(LOUD[:1600], AtTime(0)),), (KeyPress("7", 100),), AtTime(500))
        record = await talk(AudioSocketWire(stream), script, end=AudioSocketEnd())
    assert session.info == CallInfo(str(CALL_ID), str(CALL_ID))
    assert Dtmf("7") in session.said
    assert session.stop == "the carrier ended the call"
    sound = [message.mulaw for message in session.said if isinstance(message, Media)]
    assert LOUD[:1600] in b"".join(sound)
    assert record.heard


async def test_one_too_many_is_turned_away() -> None:
    """A place that is free again is taken."""
    calls = Calls()
    async with listening(calls, calls=1) as port:
        async with dialled(port) as first:
            await calls.came.acquire()
            async with dialled(port) as second:
                assert await until_closed(second) == b""
            await first.send_all(encode(Packet(packets.HANG_UP)))
            assert await until_closed(first) == encode(Packet(packets.HANG_UP))
        async with dialled(port):
            await calls.came.acquire()
    assert calls.stops[0] == "the carrier ended the call"


async def test_nobody_is_let_in_while_no_call_is_taken() -> None:
    """Asterisk goes on in its dialplan: the connection is closed at once."""
    calls, taken = Calls(), [False]
    async with listening(calls, admit=lambda: taken[0]) as port:
        async with dialled(port) as stream:
            assert await until_closed(stream) == b""
        taken[0] = True
        async with dialled(port):
            await calls.came.acquire()


async def test_a_failing_call_costs_one_call() -> None:
    """It is logged, its connection is closed, and the port goes on."""

    async def fail(carrier: Carrier) -> None:
        raise ValueError("a bug")

    with capture_logs() as logs:
        async with listening(fail) as port:
            for _ in range(2):
                async with dialled(port) as stream:
                    assert await until_closed(stream) == encode(Packet(packets.HANG_UP))
    assert [one["event"] for one in logs].count("call_failed") == 2


async def test_a_drained_port_lets_its_calls_finish() -> None:
    """No new ones come in; it returns when the last is over."""
    calls = Calls()
    async with trio.open_nursery() as nursery:
        port: Listening = await nursery.start(partial(serve_audiosocket, "127.0.0.1", 0, calls))
        async with dialled(port) as stream:
            await calls.came.acquire()
            port.drain()
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(OSError, match="connect"):
                await trio.open_tcp_stream(port.host, port.port)
            await stream.send_all(encode(Packet(packets.HANG_UP)))
            await until_closed(stream)
    assert calls.stops == ["the carrier ended the call"]


async def test_workers_may_share_the_port() -> None:
    """Where they say so; otherwise it is in use, and the error names the setting."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            shared = partial(serve_audiosocket, "127.0.0.1", free, wait_for_stop, shared=True)
            await nursery.start(shared)
        with pytest.raises(PortBusy, match=r"audiosocket\.port"):
            await serve_audiosocket("127.0.0.1", free, wait_for_stop)
        nursery.cancel_scope.cancel()
