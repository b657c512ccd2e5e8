"""A telephone that calls a media-stream server as Twilio does, or as another carrier would.

    script ──> Caller ──> media every 20 ms ──> websocket ──> the server
    ears <── PlayoutBuffer, 20 ms at a time <── websocket <──┘

One loop keeps the time: its deadlines are multiples of 20 ms from the call's `start`, so a
late tick is followed by an early one and nothing drifts. At each tick it sends what the caller
said in the 20 ms before, echoes the marks that have been played, lets the next 20 ms of agent
audio begin, and asks the script what the caller does next. It runs on trio's clock: in real
time over sockets, and as fast as it can over in-memory streams under a MockClock.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

import trio
from trio_websocket import ConnectionClosed

from adapters.carriers.faults import Refused
from adapters.carriers.playout_buffer import PlayoutBuffer
from adapters.carriers.whole_frames import FRAME_BYTES, FRAME_MS
from adapters.twilio.dialing import dialled
from adapters.twilio.protocol import (
    AgentAudio,
    AgentMark,
    AgentMessage,
    CarrierStream,
)
from adapters.twilio.recording import (
    CallRecord,
    Ear,
    Observation,
    Outcome,
    Stretch,
    What,
)
from adapters.twilio.script import Caller, Script
from effects.ports import CallInfo
from states.mulaw import SILENCE, duration_ms

_QUIET_FRAME = SILENCE * FRAME_BYTES
_CLOSE_S = 2.0
_STUCK_S = 5.0
_FIRST_TIMESTAMP_MS = 120  # never 0 on a real call
_BUFFER_FULL = "buffer_full"


class Wire(Protocol):
    """What messages go over: a websocket, or what looks like one."""

    async def get_message(self) -> str | bytes:
        """The next one. Raises ``ConnectionClosed``."""
        ...

    async def send_message(self, message: str | bytes, /) -> None:
        """Raises ``ConnectionClosed``."""
        ...

    async def aclose(self) -> None:
        """Take leave."""
        ...


class CarrierEnd(Protocol):
    """A carrier's end of one call: makes its messages and judges the server's; no I/O. An empty
    message is none."""

    def opening(self) -> Sequence[str | bytes]:
        """What says whose call it is."""
        ...

    def media(self, mulaw: bytes) -> str | bytes:
        """The caller's next audio."""
        ...

    def dtmf(self, digit: str) -> str | bytes:
        """The caller pressed a key."""
        ...

    def mark(self, name: str) -> str | bytes:
        """The echo of the server's mark."""
        ...

    def closing(self) -> Sequence[str | bytes]:
        """What says that the call is over."""
        ...

    def receive(self, message: str | bytes) -> AgentMessage:
        """Take one message of the server's. Raises :class:`Refused`."""
        ...


async def place_call(
    url: str,
    script: Script,
    *,
    parameters: Mapping[str, str] | None = None,
    observe: Callable[[Observation], None] | None = None,
    connect_s: float = 5.0,
) -> CallRecord:
    """Call the server at ``url``, play the script to its end, and say what happened.

    ``parameters`` reach the server as the webhook's would. ``observe`` is told everything as
    it happens. Raises :class:`~adapters.twilio.dialing.CannotDial`. Cancelling hangs up
    without a `stop`, as a lost connection does.
    """
    async with dialled(url, connect_s=connect_s) as websocket:
        return await talk(websocket, script, parameters=parameters, observe=observe)


async def talk(
    websocket: Wire,
    script: Script,
    *,
    parameters: Mapping[str, str] | None = None,
    observe: Callable[[Observation], None] | None = None,
    end: CarrierEnd | None = None,
    call_id: str = "",
) -> CallRecord:
    """One call over a websocket that is open; it is closed at the end, within 2 s. The carrier is
    Twilio, unless there is the ``end`` of another.

    ``call_id`` is the id of the call, where somebody has given it one. A server that no longer
    reads is given up on 5 s after the script's ``limit_ms``.
    """
    call = CallInfo(call_id or _sid("CA"), _sid("MZ"), dict(parameters or {}))
    twilio = CarrierStream(call, account_sid=_sid("AC"), first_timestamp_ms=_FIRST_TIMESTAMP_MS)
    phone = _Phone(websocket, end or twilio, call.call_id, script, observe)
    async with trio.open_nursery() as nursery:
        nursery.cancel_scope.deadline = trio.current_time() + script.limit_ms / 1000 + _STUCK_S
        nursery.start_soon(phone.listen, nursery.cancel_scope)
        nursery.start_soon(phone.keep_time, nursery.cancel_scope)
    stuck = not phone.ended
    phone.end("server_closed", "it no longer reads")
    with trio.move_on_after(0 if stuck else _CLOSE_S):
        await websocket.aclose()
    return phone.record


def _sid(kind: str) -> str:
    return kind + secrets.token_hex(16)


class _Phone:
    """One call in progress."""

    def __init__(
        self,
        websocket: Wire,
        stream: CarrierEnd,
        call_id: str,
        script: Script,
        observe: Callable[[Observation], None] | None,
    ) -> None:
        self.record = CallRecord(call_id=call_id)
        self.ended = False
        self._websocket = websocket
        self._stream = stream
        self._observe = observe
        self._script = script
        self._caller = Caller(script)
        self._ear = Ear()
        self.record.heard = self._ear.heard
        self._buffer = PlayoutBuffer()
        self._started_at = trio.current_time()
        self._speaking: int | None = None
        self._speech_began_s = 0.0

    def _now_s(self) -> float:
        return trio.current_time() - self._started_at

    def _note(self, what: What, detail: str = "", at_s: float | None = None) -> None:
        observation = Observation(self._now_s() if at_s is None else at_s, what, detail)
        self.record.events.append(observation)
        if self._observe is not None:
            self._observe(observation)

    def end(self, outcome: Outcome, detail: str = "") -> None:
        """This is how the call ended, if it has not ended yet."""
        if self.ended:
            return
        self.ended = True
        self.record.finished = self._caller.finished
        self._note_speech(None)
        self.record.outcome = outcome
        self.record.detail = detail
        self._note("ended", f"{outcome}: {detail}" if detail else outcome)

    # --- what the server sends

    async def listen(self, call: trio.CancelScope) -> None:
        """Take the server's messages; end ``call`` when it closes."""
        while True:
            try:
                text = await self._websocket.get_message()
                message = self._stream.receive(text)
            except ConnectionClosed as closed:
                code = self.record.close_code = closed.reason.code if closed.reason else None
                self.end("server_closed", f"closed with {code}" if code else "it was lost")
                call.cancel()
                return
            except Refused as refusal:
                self._refuse(refusal.fault.value, str(refusal))
                continue
            if isinstance(message, AgentAudio):
                if not self._buffer.add_audio(message.mulaw):
                    self._refuse(_BUFFER_FULL, "ten minutes of audio are waiting already")
            elif isinstance(message, AgentMark):
                if self._buffer.add_mark(message.name):
                    await self._echo([message.name])
            else:
                self.record.clears.append(self._now_s())
                self._note("clear")
                self._caller.cleared()
                await self._echo(self._buffer.clear())

    def _refuse(self, fault: str, reason: str) -> None:
        self.record.refused[fault] += 1
        self._note("refused", reason)

    async def _send(self, *messages: str | bytes) -> None:
        # A closed websocket is for listen() to tell of, after what the server said before it.
        with suppress(ConnectionClosed):
            for message in messages:
                if message:
                    await self._websocket.send_message(message)

    async def _echo(self, marks: list[str]) -> None:
        for name in marks:
            self.record.marks.append((name, self._now_s()))
            self._note("mark", name)
            await self._send(self._stream.mark(name))

    # --- what the caller does

    def _note_speech(self, utterance: int | None) -> None:
        """From now on the caller says this utterance, or nothing."""
        if utterance == self._speaking:
            return
        now_s = self._now_s()
        if self._speaking is not None:
            length_s = duration_ms(self._script.utterances[self._speaking].mulaw) / 1000
            end_s = min(now_s, self._speech_began_s + length_s)
            self.record.said.append(Stretch(self._speech_began_s, end_s))
            self._note("speech_end", str(self._speaking), end_s)
        if utterance is not None:
            self._speech_began_s = now_s
            self._note("speech_start", str(utterance), now_s)
        self._speaking = utterance

    async def keep_time(self, call: trio.CancelScope) -> None:
        """The call from its opening to its closing, tick by tick; then end ``call``."""
        await self._send(*self._stream.opening())
        self._started_at = due = trio.current_time()
        self._note("started")
        spoken: bytes | None = None
        first = True
        while True:
            await trio.sleep_until(due)
            due += FRAME_MS / 1000
            now_ms = round(self._now_s() * 1000, 3)  # so that 50 ticks make one second
            if not first:
                await self._send(self._stream.media(spoken or _QUIET_FRAME))
            first = False
            frame, marks = self._buffer.tick()
            if heard := self._ear.hear(now_ms, frame):
                reply = self._ear.heard[-1]
                self._note(heard, "", reply.start_s if heard == "agent_start" else reply.end_s)
            await self._echo(marks)
            step = self._caller.step(now_ms, self._ear)
            for digit in step.keys:
                self._note("key", digit)
                await self._send(self._stream.dtmf(digit))
            if step.hangs_up:
                break
            self._note_speech(step.utterance)
            spoken = step.frame
            self.record.recording.add(spoken, frame)
        self.end("gave_up" if self._caller.gave_up else "hung_up")
        await self._send(*self._stream.closing())
        call.cancel()
