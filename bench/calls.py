"""The callers: many simulated telephones in this process, and what crosses each one's wire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

import trio
from trio_websocket import WebSocketConnection

from adapters.carriers.whole_frames import FRAME_MS
from adapters.twilio.dialing import parse_address, websocket_over
from adapters.twilio.phone import talk
from adapters.twilio.recording import CallRecord, Observation
from adapters.twilio.script import AfterAgent, AtTime, IntoReply, Script, Utterance
from adapters.twilio.wire import decode_kind
from bench.scripted import INTERRUPTS, Spoken

Kind = Literal["media", "mark", "clear"]

GOLDEN = 0.6180339887498949
"""Its multiples, modulo 1, are spread evenly: times that differ from call to call and turn to
turn, and are the same in every run."""


def scattered(number: int) -> float:
    """The ``number``-th of a sequence that fills 0..1 evenly."""
    return number * GOLDEN % 1.0


def conversation(call: int, turns: int, utterances: Sequence[Spoken]) -> Script:
    """One caller's side: the cycle of utterances, over and over. Pauses and the moments of
    interruption are scattered."""
    said = []
    for turn in range(turns):
        share = scattered(call * turns + turn)
        spoken = utterances[turn % len(utterances)]
        if turn % len(utterances) == INTERRUPTS:
            said.append(Utterance(spoken.mulaw, IntoReply(into_reply_ms=1200 + 4000 * share)))
        else:
            said.append(Utterance(spoken.mulaw, AfterAgent(gap_ms=500 + 400 * share)))
    return Script(tuple(said), hang_up=AfterAgent(gap_ms=800), limit_ms=turns * 30_000)


def listener(utterances: Sequence[Spoken], hang_up_ms: float) -> Script:
    """A caller who asks once and then listens to the long answer until it is time to go."""
    return Script(
        (Utterance(utterances[0].mulaw, AfterAgent(gap_ms=500)),), hang_up=AtTime(hang_up_ms)
    )


@dataclass
class TappedCall:
    """One call as the telephone saw it. Times are seconds of trio's clock in this process;
    ``sent`` is what the telephone sent, ``received`` what reached it, in order."""

    record: CallRecord = field(default_factory=CallRecord)
    began_at: float = 0.0
    sent: list[tuple[float, str]] = field(default_factory=list)
    received: list[tuple[float, Kind]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """How long the call lasted."""
        return self.sent[-1][0] - self.sent[0][0]

    def arrived(self, kind: Kind) -> list[float]:
        """When messages of this kind came, in seconds of the call."""
        return [at - self.began_at for at, this in self.received if this == kind]


class _TimedStream(trio.abc.Stream):
    """A connection that knows when bytes last came out of it, and last went in. So the times
    are those of the wire, without what the telephone's own websocket takes."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self.came_at = self.went_at = 0.0

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        data = await self._stream.receive_some(max_bytes)
        self.came_at = trio.current_time()
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self.went_at = trio.current_time()
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()


class _Tap:
    """A websocket that notes what passes, and when it crossed the wire."""

    def __init__(
        self, websocket: WebSocketConnection, stream: _TimedStream, call: TappedCall
    ) -> None:
        self._websocket = websocket
        self._stream = stream
        self._call = call

    async def get_message(self) -> str | bytes:
        text: str | bytes = await self._websocket.get_message()
        kind = cast("Kind", decode_kind(text).event)
        self._call.received.append((self._stream.came_at, kind))
        return text

    async def send_message(self, text: str) -> None:
        await self._websocket.send_message(text)
        self._call.sent.append((self._stream.went_at, text))

    async def aclose(self) -> None:
        await self._websocket.aclose()


async def place_tapped(url: str, script: Script, call: TappedCall) -> None:
    """Place one call and fill ``call`` in."""

    def observe(seen: Observation) -> None:
        if seen.what == "started":
            call.began_at = trio.current_time() - seen.at_s

    address = parse_address(url)
    stream = _TimedStream(await trio.open_tcp_stream(address.host, address.port))
    async with websocket_over(stream, address) as websocket:
        tap = cast("WebSocketConnection", _Tap(websocket, stream, call))
        call.record = await talk(tap, script, observe=observe)


async def place_calls(url: str, scripts: Sequence[Script], within_s: float) -> list[TappedCall]:
    """Place calls side by side; they begin evenly over ``within_s``, and within the 20 ms of a
    frame, as strangers' calls do. Returns when all are over."""
    calls = [TappedCall() for _ in scripts]

    async def place(number: int) -> None:
        begins_s = within_s * number / len(scripts)
        phase_s = scattered(number) * FRAME_MS / 1000
        await trio.sleep(begins_s - begins_s % (FRAME_MS / 1000) + phase_s)
        await place_tapped(url, scripts[number], calls[number])

    async with trio.open_nursery() as nursery:
        for number in range(len(scripts)):
            nursery.start_soon(place, number)
    return calls
