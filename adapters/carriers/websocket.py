"""The Carrier port over a websocket; what its messages look like is a dialect's business.

The outbox is bounded in messages and in bytes. It fills only when the carrier stops reading
for so long that the kernel's buffers are full too, and then the call is past saving: it ends.
A clear drops the audio that is still in the outbox and goes out next; the marks stay, after
it and in order, so that every mark comes back, as those already sent do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection

from adapters.carriers.answering import (
    AnsweredCall,
    CarrierLimits,
    LineLost,
    OnCall,
    PutThrough,
    hold,
)
from effects.ports import CallInfo, CarrierMessage, Mark

# RFC 6455, section 7.4.1.
_CLOSE_NORMAL = 1000
_CLOSE_POLICY = 1008

_PIECE_BYTES = 32_000
"""Of audio, in one message: 4 s. Carriers take no message of any length."""


class Dialect(ABC):
    """Our end of one carrier's messages: no I/O. It keeps the little state that the rules need."""

    paused: bool = False
    """Whether the carrier wants no more audio for now."""

    @abstractmethod
    def receive(self, message: str | bytes) -> CallInfo | CarrierMessage | None:
        """Take one message: the call's info for the first, None for what is nothing to the
        session. Raises :class:`~adapters.carriers.faults.Refused`, and nothing else."""

    @abstractmethod
    def media(self, mulaw: bytes) -> str | bytes:
        """Play this to the caller, after what was sent before. Empty if it is kept for later."""

    def rest(self) -> str | bytes:
        """What was kept of the audio, now that it has to go out."""
        return b""

    @abstractmethod
    def mark(self, name: str) -> str:
        """Say when all that was sent before has been played."""

    @abstractmethod
    def clear(self) -> str:
        """Throw away what has not been played."""

    def marks_lost(self) -> list[str]:
        """The marks that, after a clear, this carrier will not bring back."""
        return []


class WebSocketCarrier(AnsweredCall):
    """One call on a websocket that was accepted."""

    def __init__(
        self,
        websocket: WebSocketConnection,
        dialect: Dialect,
        limits: CarrierLimits | None = None,
        put_through: PutThrough | None = None,
    ) -> None:
        super().__init__(limits or CarrierLimits(), put_through)
        self._websocket = websocket
        self._dialect = dialect
        self._outbox: deque[tuple[bool, str | bytes]] = deque()  # is it audio?, message
        self._outbox_bytes = 0
        self._outbox_news = trio.lowlevel.ParkingLot()
        self._returned: deque[Mark] = deque()

    async def _take(self) -> CallInfo | CarrierMessage | None:
        if self._returned:
            await trio.lowlevel.checkpoint()
            return self._returned.popleft()
        try:
            message = await self._websocket.get_message()
        except ConnectionClosed as closed:
            raise LineLost(_why_closed(closed)) from None
        was_paused = self._dialect.paused
        taken = self._dialect.receive(message)
        if was_paused:
            self._outbox_news.unpark()
        return taken

    # --- writing

    def send_audio(self, mulaw: bytes) -> None:
        """See :class:`effects.ports.Carrier`."""
        for at in range(0, len(mulaw), _PIECE_BYTES):
            self._queue(True, self._dialect.media(mulaw[at : at + _PIECE_BYTES]))

    def send_mark(self, name: str) -> None:
        """See :class:`effects.ports.Carrier`."""
        self._queue(True, self._dialect.rest())
        self._queue(False, self._dialect.mark(name))

    def send_clear(self) -> None:
        """See :class:`effects.ports.Carrier`."""
        clear = self._dialect.clear()
        kept = [(False, said) for audio, said in self._outbox if not audio and said != clear]
        self._outbox.clear()
        self._outbox_bytes = 0
        for audio, said in [(False, clear), *kept]:
            self._queue(audio, said)
        self._returned.extend(map(Mark, self._dialect.marks_lost()))

    def _queue(self, audio: bool, message: str | bytes) -> None:
        if not message or self._stop is not None or self._websocket.closed is not None:
            return  # nobody is there to hear it; receive() says, or has said, why
        limits = self._limits
        if (
            len(self._outbox) >= limits.outbox_messages
            or self._outbox_bytes + len(message) > limits.outbox_bytes
        ):
            self._overrun(len(self._outbox), self._outbox_bytes)
            return
        self._outbox.append((audio, message))
        self._outbox_bytes += len(message)
        self._outbox_news.unpark()

    async def _write(self) -> None:
        while True:
            while not self._outbox or (self._dialect.paused and self._outbox[0][0]):
                await self._outbox_news.park()
            _, message = self._outbox.popleft()
            self._outbox_bytes -= len(message)
            try:
                await self._websocket.send_message(message)
            except ConnectionClosed:
                return  # receive() comes to it, after an end that may have arrived before

    # --- ending

    async def _close_line(self) -> None:
        code = _CLOSE_POLICY if self._at_fault else _CLOSE_NORMAL
        await self._websocket.aclose(code, None if self._stop is None else self._stop.reason)


def _why_closed(closed: ConnectionClosed) -> str:
    """What a closed websocket says of itself, for the journal."""
    if closed.reason is None:
        return "the websocket was closed"
    said = f" ({closed.reason.reason})" if closed.reason.reason else ""
    return f"the websocket was closed without a stop: {closed.reason.code}{said}"


# --- calls on websockets


def answered(
    dialect: Callable[[], Dialect],
    websocket: WebSocketConnection,
    limits: CarrierLimits | None = None,
    put_through: PutThrough | None = None,
) -> AbstractAsyncContextManager[AnsweredCall]:
    """The call on an accepted websocket, from the message that begins it; the session runs inside
    (see :meth:`~adapters.carriers.answering.AnsweredCall.open`).

    ``put_through`` is how callers are transferred: a websocket with their sound cannot do it.
    """
    return WebSocketCarrier(websocket, dialect(), limits, put_through).open()


async def answer(
    dialect: Callable[[], Dialect],
    websocket: WebSocketConnection,
    on_call: OnCall,
    limits: CarrierLimits | None = None,
    put_through: PutThrough | None = None,
) -> None:
    """Run ``on_call`` with the call on this websocket; no call, no ``on_call``."""
    await hold(answered(dialect, websocket, limits, put_through), on_call)
