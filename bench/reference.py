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
import trio.testing

from adapters.twilio.protocol import ServerStream
from effects.ports import CallInfo, CarrierMessage, JournalSink, Stop
from engine.journal import AnyLine
from engine.session import Desk, hold_call
from engine.simulation.providers import Scripted

GRACE_S = 60.0
"""Virtual time after the last message in which the call has to end."""


@dataclass
class Reference:
    """What the engine sent, in seconds of the call, and its journal."""

    audio: list[float] = field(default_factory=list)
    clears: list[float] = field(default_factory=list)
    lines: list[AnyLine] = field(default_factory=list)


class ReplayedCarrier:
    """A Carrier port that delivers recorded messages at their times, and notes what it is told
    to send. Times are in seconds, those of ``sent`` on the clock on which the call
    ``began_at``."""

    def __init__(
        self, sent: Sequence[tuple[float, str]], began_at: float, reference: Reference
    ) -> None:
        stream = ServerStream()
        self._messages: deque[tuple[float, CarrierMessage]] = deque()
        self._reference = reference
        self._start_s = trio.current_time()
        for at, text in sent:
            message = stream.receive(text)
            if isinstance(message, CallInfo):
                self.info = message
            elif message is not None:
                self._messages.append((at - began_at, message))

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

    async def hang_up(self) -> None:
        await trio.lowlevel.checkpoint()


class NoStore(Scripted):
    """Keeps nothing."""

    @asynccontextmanager
    async def open(self, call_id: str) -> AsyncIterator[JournalSink]:
        yield self

    def write(self, line: bytes) -> None:
        return


def replay_call(sent: Sequence[tuple[float, str]], began_at: float, desk: Desk) -> Reference:
    """Hold the call that these messages make, in virtual time, and return what came of it."""
    reference = Reference()

    async def hold() -> None:
        with trio.fail_after(sent[-1][0] - sent[0][0] + GRACE_S):
            async with trio.open_nursery() as nursery:
                carrier = ReplayedCarrier(sent, began_at, reference)
                await hold_call(desk, carrier, nursery, [reference.lines.append], "replayed")
                nursery.cancel_scope.cancel()

    trio.run(hold, clock=trio.testing.MockClock(autojump_threshold=0))
    return reference
