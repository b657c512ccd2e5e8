"""The Carrier port over one Twilio media stream.

    websocket ──> receive() ──> ServerStream ──> the session, in its own task
    send_*() ──> outbox ──> the writer ──> websocket

Reading needs no task of ours: whoever calls :meth:`TwilioCarrier.receive` waits on the
websocket itself. Writing needs one, because sending must never block. A third task sleeps
until the call has to end: because it ended, or because the caller's frames stopped coming.
(A deadline around each receive would do as well, at six microseconds a frame; the sleeper
wakes once in ten seconds.)

The outbox is bounded in messages and in bytes. It fills only when the carrier stops reading
for so long that the kernel's buffers are full too, and then the call is past saving: it ends.
A `clear` drops the audio that is still in the outbox and goes out next; the marks stay, after
it and in order, so that every mark comes back, as those already sent do.

What ends a call here, each as a :class:`~effects.ports.Stop` that says so: the carrier's
`stop`, a lost or closed websocket, a refused message after which it cannot go on (see
:mod:`adapters.twilio.protocol`), silence of frames, a full outbox, and our own hanging up.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection

from adapters.twilio.protocol import Fault, Refused, ServerStream
from effects.ports import CallInfo, Carrier, CarrierMessage, Media, ProviderRefused, Stop

log = structlog.get_logger()

# RFC 6455, section 7.4.1.
_CLOSE_NORMAL = 1000
_CLOSE_POLICY = 1008

_LOGGED_COUNTS = frozenset(10**power for power in range(10))
"""Which refusals of one kind are logged: a flood of garbage is not a flood of log lines."""


@dataclass(frozen=True, slots=True)
class CarrierLimits:
    """How long and how much one call may make us wait and keep."""

    start_s: float = 10.0
    """From the websocket's opening to `start`."""
    silence_s: float = 10.0
    """Between two frames of caller audio; a stream can die without a `stop`."""
    close_s: float = 2.0
    """For the closing handshake."""
    outbox_messages: int = 1000
    outbox_bytes: int = 1024 * 1024
    """What may wait to be written: some 90 s of speech, when the playout's lead is 0.2 s."""


class NotAnswered(Exception):
    """The websocket opened, but no call came of it; ``str()`` says why."""


PutThrough = Callable[[str, str], Awaitable[None]]
"""Has a live call, by its id, put through to a number or address. Raises :class:`ProviderError`."""


@asynccontextmanager
async def answered(
    websocket: WebSocketConnection,
    limits: CarrierLimits | None = None,
    put_through: PutThrough | None = None,
) -> AsyncIterator[TwilioCarrier]:
    """The call on an accepted websocket, from its `start` on; the session runs inside.

    ``put_through`` is how callers are transferred: a media stream cannot do it. Raises
    :class:`NotAnswered` if no usable `start` comes in time; the session may raise it, too, for a
    call that it does not want. Leaving the context, or cancelling it, closes the websocket within
    ``close_s``.
    """
    carrier = TwilioCarrier(websocket, limits or CarrierLimits(), put_through)
    try:
        await carrier._wait_for_start()
    except BaseException:
        await carrier._close()
        raise
    async with trio.open_nursery() as nursery:
        nursery.start_soon(carrier._write)
        nursery.start_soon(carrier._end_when_due)
        try:
            yield carrier
        except NotAnswered as error:
            carrier._end(str(error), code=_CLOSE_POLICY)
            raise
        finally:
            carrier._end("the session ended")
            await carrier._close()
            nursery.cancel_scope.cancel()


async def answer(
    websocket: WebSocketConnection,
    on_call: Callable[[Carrier], Awaitable[None]],
    limits: CarrierLimits | None = None,
    put_through: PutThrough | None = None,
) -> None:
    """Run ``on_call`` with the call on this websocket; no call, no ``on_call``."""
    try:
        async with answered(websocket, limits, put_through) as carrier:
            await on_call(carrier)
    except* NotAnswered as errors:
        log.warning("call_not_answered", reason=_first(errors))


def _first(errors: BaseExceptionGroup[NotAnswered]) -> str:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error)


class TwilioCarrier:
    """One answered call; made by :func:`answered`."""

    info: CallInfo
    refused: Counter[Fault]
    """How many messages of the carrier's were refused, by fault."""

    def __init__(
        self,
        websocket: WebSocketConnection,
        limits: CarrierLimits,
        put_through: PutThrough | None = None,
    ) -> None:
        self.refused = Counter()
        self._put_through = put_through
        self._websocket = websocket
        self._limits = limits
        self._stream = ServerStream()
        self._outbox: deque[tuple[bool, str]] = deque()  # is it audio?, text
        self._outbox_bytes = 0
        self._outbox_filled = trio.lowlevel.ParkingLot()
        self._stop: Stop | None = None
        self._ended = trio.Event()
        self._hasty = False
        self._close_code = _CLOSE_NORMAL
        # When the session began to wait for caller audio; None from having some until asking
        # for more, because a session that is slow to ask is not a carrier that is silent.
        self._waiting_since: float | None = None

    # --- reading

    async def receive(self) -> CarrierMessage:
        """See :class:`effects.ports.Carrier`. After the :class:`Stop` it is returned again.

        Cancelling loses no message.
        """
        if self._waiting_since is None:
            self._waiting_since = trio.current_time()
        while True:
            message = await self._next()
            if isinstance(message, Media):
                self._waiting_since = None
                return message
            if message is not None and not isinstance(message, CallInfo):
                return message

    async def _next(self) -> CallInfo | CarrierMessage | None:
        """What one websocket message says; None if it says nothing to us."""
        if self._stop is not None:
            await trio.lowlevel.checkpoint()
            return self._stop
        try:
            message = self._stream.receive(await self._websocket.get_message())
        except ConnectionClosed as closed:
            return self._end(_why_closed(closed))
        except Refused as refusal:
            self._count(refusal)
            return self._end(str(refusal), code=_CLOSE_POLICY) if refusal.ends_call else None
        if isinstance(message, Stop):
            return self._end(message.reason)
        return message

    def _count(self, refusal: Refused) -> None:
        self.refused[refusal.fault] += 1
        count = self.refused[refusal.fault]
        if count in _LOGGED_COUNTS:
            log.warning(
                "message_refused",
                call_id=self._stream.info.call_id if self._stream.info else None,
                fault=refusal.fault.value,
                detail=refusal.detail,
                count=count,
                ends_call=refusal.ends_call,
            )

    async def _wait_for_start(self) -> None:
        with trio.move_on_after(self._limits.start_s):
            while True:
                message = await self._next()
                if isinstance(message, CallInfo):
                    self.info = message
                    return
                if isinstance(message, Stop):
                    raise NotAnswered(message.reason)
        stop = self._end(f"no start within {self._limits.start_s:g} s", code=_CLOSE_POLICY)
        raise NotAnswered(stop.reason)

    # --- writing

    def send_audio(self, mulaw: bytes) -> None:
        """See :class:`effects.ports.Carrier`."""
        self._queue(True, self._stream.media(mulaw))

    def send_mark(self, name: str) -> None:
        """See :class:`effects.ports.Carrier`."""
        self._queue(False, self._stream.mark(name))

    def send_clear(self) -> None:
        """See :class:`effects.ports.Carrier`."""
        clear = self._stream.clear()
        kept = [(False, text) for audio, text in self._outbox if not audio and text != clear]
        self._outbox.clear()
        self._outbox_bytes = 0
        for audio, text in [(False, clear), *kept]:
            self._queue(audio, text)

    def _queue(self, audio: bool, text: str) -> None:
        if self._stop is not None or self._websocket.closed is not None:
            return  # nobody is there to hear it; receive() says, or has said, why
        limits = self._limits
        if (
            len(self._outbox) >= limits.outbox_messages
            or self._outbox_bytes + len(text) > limits.outbox_bytes
        ):
            self._end(
                f"the carrier reads too slowly: {len(self._outbox)} messages,"
                f" {self._outbox_bytes} bytes are waiting",
                hasty=True,
            )
            return
        self._outbox.append((audio, text))
        self._outbox_bytes += len(text)
        self._outbox_filled.unpark()

    async def _write(self) -> None:
        while True:
            while not self._outbox:
                await self._outbox_filled.park()
            _, text = self._outbox.popleft()
            self._outbox_bytes -= len(text)
            try:
                await self._websocket.send_message(text)
            except ConnectionClosed:
                return  # receive() comes to it, after a `stop` that may have arrived before

    # --- ending

    async def transfer(self, to: str) -> None:
        """See :class:`effects.ports.Carrier`. A media stream cannot put a caller through: that
        takes the carrier's REST interface."""
        if self._put_through is None:
            raise ProviderRefused("the media stream alone cannot put a caller through")
        await self._put_through(self.info.call_id, to)

    async def hang_up(self) -> None:
        """See :class:`effects.ports.Carrier`. What is in the outbox is not sent any more: to
        be heard to the end, wait for a last mark first."""
        self._end("we hung up")
        await self._close()

    def _end(self, reason: str, *, code: int = _CLOSE_NORMAL, hasty: bool = False) -> Stop:
        """Make this the end of the call, unless it has ended already; say what ended it.

        ``hasty`` means that the other side does not read: no closing handshake.
        """
        if self._stop is None:
            self._stop = Stop(reason)
            self._close_code = code
            self._hasty = hasty
            self._ended.set()
        return self._stop

    async def _end_when_due(self) -> None:
        """Close the websocket when the call has ended, which wakes whoever receives from it."""
        silence_s = self._limits.silence_s
        while not self._ended.is_set():
            now = trio.current_time()
            due = (now if self._waiting_since is None else self._waiting_since) + silence_s
            if due <= now:
                self._end(f"no audio from the carrier for {silence_s:g} s")
                break
            with trio.move_on_at(due):
                await self._ended.wait()
        await self._close()

    async def _close(self) -> None:
        """Close the websocket, in ``close_s`` at most, even when cancelled."""
        with trio.CancelScope(shield=True) as scope:
            scope.deadline = trio.current_time() + (0 if self._hasty else self._limits.close_s)
            reason = None if self._stop is None else self._stop.reason
            await self._websocket.aclose(self._close_code, reason)


def _why_closed(closed: ConnectionClosed) -> str:
    """What a closed websocket says of itself, for the journal."""
    if closed.reason is None:
        return "the websocket was closed"
    said = f" ({closed.reason.reason})" if closed.reason.reason else ""
    return f"the websocket was closed without a stop: {closed.reason.code}{said}"
