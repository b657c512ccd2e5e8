"""The same call where computing costs nothing: what the engine adds is measured against it.

Every message that a telephone sent is played to the engine again, at the time it was sent, in
virtual time. The policy is the same, the providers take the same time, the voice detector judges
the same windows; but no step, no socket and no queue takes any. What the real call was later than
this one is what the engine added.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

from adapters.twilio.protocol import ServerStream
from effects.ears import Ears
from effects.ports import (
    CallInfo,
    CarrierMessage,
    Frame,
    JournalSink,
    Media,
    Onset,
    Stop,
    VadStream,
)
from engine.journal import AnyLine
from engine.session import Desk, hold_call
from engine.simulation.providers import Scripted
from engine.simulation.schedule import JumpingClock
from states import mulaw
from states.settings import Settings

GRACE_S = 60.0
"""Virtual time after the last message in which the call has to end."""


@dataclass
class Reference:
    """What the engine sent, in seconds of the call, and its journal."""

    audio: list[float] = field(default_factory=list)
    clears: list[float] = field(default_factory=list)
    lines: list[AnyLine] = field(default_factory=list)


def spoken_by(
    sent: Sequence[tuple[float, str]], began_at: float
) -> tuple[CallInfo, list[tuple[float, CarrierMessage]]]:
    """Whose call this is, and what its telephone said after that, in seconds of the call.
    Times of ``sent`` are those of the clock on which the call ``began_at``."""
    stream = ServerStream()
    taken = [(at - began_at, stream.receive(text)) for at, text in sent]
    (info,) = (message for _, message in taken if isinstance(message, CallInfo))
    return info, [
        (at_s, message)
        for at_s, message in taken
        if message is not None and not isinstance(message, CallInfo)
    ]


def onsets_detected(
    messages: Sequence[tuple[float, CarrierMessage]], voice: VadStream
) -> list[float]:
    """When the caller began to speak, in the voice detector's own judgement."""
    ears = Ears(voice, Settings())
    onsets = []
    for at_s, message in messages:
        if isinstance(message, Media):
            frame = Frame(message.mulaw, at_s * 1000 - mulaw.duration_ms(message.mulaw))
            onsets += [edge.at_ms / 1000 for edge in ears.frame(frame) if isinstance(edge, Onset)]
    return onsets


class ReplayedCarrier:
    """A Carrier port that delivers recorded messages at their times, and notes what it is told
    to send."""

    def __init__(
        self,
        info: CallInfo,
        messages: Sequence[tuple[float, CarrierMessage]],
        reference: Reference,
    ) -> None:
        self.info = info
        self._messages = deque(messages)
        self._reference = reference
        self._start_s = trio.current_time()

    def _now_s(self) -> float:
        return trio.current_time() - self._start_s

    async def receive(self) -> CarrierMessage:
        if not self._messages:
            await trio.lowlevel.checkpoint()
            return Stop("the recording is over")
        at_s, message = self._messages[0]
        await trio.sleep_until(self._start_s + at_s)
        self._messages.popleft()
        return message

    def send_audio(self, mulaw: bytes) -> None:
        self._reference.audio.append(self._now_s())

    def send_mark(self, name: str) -> None:
        return  # its echo is among the recorded messages

    def send_clear(self) -> None:
        self._reference.clears.append(self._now_s())

    async def transfer(self, to: str) -> None:
        """Nobody is put through here."""

    async def hang_up(self) -> None:
        await trio.lowlevel.checkpoint()


class NoStore(Scripted):
    """Keeps nothing."""

    @asynccontextmanager
    async def open(self, call_id: str) -> AsyncIterator[JournalSink]:
        yield self

    def write(self, line: bytes) -> None:
        return


def replay_call(
    info: CallInfo, messages: Sequence[tuple[float, CarrierMessage]], desk: Desk
) -> Reference:
    """Hold the call that these messages make, in virtual time, and return what came of it."""
    reference = Reference()

    async def hold() -> None:
        with trio.fail_after(messages[-1][0] + GRACE_S):
            async with trio.open_nursery() as nursery:
                carrier = ReplayedCarrier(info, messages, reference)
                await hold_call(desk, carrier, nursery, [reference.lines.append], "replayed")
                nursery.cancel_scope.cancel()

    trio.run(hold, clock=JumpingClock())
    return reference
