"""One answered call, whatever it came over: what every carrier does the same.

    the line ──> _take() ──> receive() ──> the session, in its own task
    send_*() ──> what waits ──> _write() ──> the line

Reading needs no task of ours: whoever calls :meth:`AnsweredCall.receive` waits on the line
itself. Writing needs one, because sending must never block. A third task sleeps until the call
has to end: because it ended, or because the caller's frames stopped coming. (A deadline around
each receive would do as well, at six microseconds a frame; the sleeper wakes once in ten seconds.)

What ends a call here, each as a :class:`~effects.ports.Stop` that says so: the carrier's own
end of it, a lost or closed line, a refused message after which it cannot go on (see
:mod:`adapters.carriers.faults`), silence of frames, too much that waits to be sent, and our own
hanging up.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import structlog
import trio

from adapters.carriers.faults import Fault, Refused
from effects.ports import CallInfo, Carrier, CarrierMessage, Media, ProviderRefused, Stop

log = structlog.get_logger()

_LOGGED_COUNTS = frozenset(10**power for power in range(10))
"""Which refusals of one kind are logged: a flood of garbage is not a flood of log lines."""


@dataclass(frozen=True, slots=True)
class CarrierLimits:
    """How long and how much one call may make us wait and keep."""

    start_s: float = 10.0
    """From the line's opening until it is said whose call it is."""
    silence_s: float = 10.0
    """Between two frames of caller audio; a stream can die without a word."""
    close_s: float = 2.0
    """For taking leave."""
    outbox_messages: int = 1000
    outbox_bytes: int = 1024 * 1024
    """What may wait to be written: some 90 s of speech, when the playout's lead is 0.2 s."""


class NotAnswered(Exception):
    """The line opened, but no call came of it; ``str()`` says why."""


class LineLost(Exception):
    """There is no more to read; ``str()`` says why."""


PutThrough = Callable[[str, str], Awaitable[None]]
"""Has a live call, by its id, put through to a number or address. Raises :class:`ProviderError`."""

OnCall = Callable[[Carrier], Awaitable[None]]


class AnsweredCall(ABC):
    """One answered call, behind :class:`effects.ports.Carrier`; lives in :meth:`open`."""

    info: CallInfo
    refused: Counter[Fault]
    """How many messages of the carrier's were refused, by fault."""

    def __init__(self, limits: CarrierLimits, put_through: PutThrough | None) -> None:
        self.refused = Counter()
        self._limits = limits
        self._put_through = put_through
        self._stop: Stop | None = None
        self._ended = trio.Event()
        self._hasty = False
        self._at_fault = False
        # When the session began to wait for caller audio; None from having some until asking
        # for more, because a session that is slow to ask is not a carrier that is silent.
        self._waiting_since: float | None = None

    # --- what each kind of line does its own way

    @abstractmethod
    async def _take(self) -> CallInfo | CarrierMessage | None:
        """What the next message says; None if it says nothing to the session. Cancelling loses no
        message. Raises :class:`Refused` and :class:`LineLost`."""

    @abstractmethod
    async def _write(self) -> None:
        """Write what waits, for as long as the call lasts."""

    @abstractmethod
    async def _close_line(self) -> None:
        """Take leave and close the line, more than once if need be."""

    @abstractmethod
    def send_audio(self, mulaw: bytes) -> None:
        """See :class:`effects.ports.Carrier`."""

    @abstractmethod
    def send_mark(self, name: str) -> None:
        """See :class:`effects.ports.Carrier`."""

    @abstractmethod
    def send_clear(self) -> None:
        """See :class:`effects.ports.Carrier`."""

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
        if self._stop is not None:
            await trio.lowlevel.checkpoint()
            return self._stop
        try:
            message = await self._take()
        except LineLost as lost:
            return self._end(str(lost))
        except Refused as refusal:
            self._count(refusal)
            return self._end(str(refusal), at_fault=True) if refusal.ends_call else None
        if isinstance(message, Stop):
            return self._end(message.reason)
        return message

    def _count(self, refusal: Refused) -> None:
        self.refused[refusal.fault] += 1
        count = self.refused[refusal.fault]
        if count in _LOGGED_COUNTS:
            info: CallInfo | None = getattr(self, "info", None)
            log.warning(
                "message_refused",
                call_id=info.call_id if info else None,
                fault=refusal.fault.value,
                detail=refusal.detail,
                count=count,
                ends_call=refusal.ends_call,
            )

    async def _wait_for_start(self) -> None:
        """Wait until it is known whose call it is. Raises :class:`NotAnswered`."""
        with trio.move_on_after(self._limits.start_s):
            while True:
                message = await self._next()
                if isinstance(message, CallInfo):
                    self.info = message
                    return
                if isinstance(message, Stop):
                    raise NotAnswered(message.reason)
        stop = self._end(f"no start within {self._limits.start_s:g} s", at_fault=True)
        raise NotAnswered(stop.reason)

    # --- ending

    async def transfer(self, to: str) -> None:
        """See :class:`effects.ports.Carrier`. A media stream cannot put a caller through: that
        takes another interface of the carrier's."""
        if self._put_through is None:
            raise ProviderRefused("the media stream alone cannot put a caller through")
        await self._put_through(self.info.call_id, to)

    async def hang_up(self) -> None:
        """See :class:`effects.ports.Carrier`. What waits to be sent is not sent any more: to
        be heard to the end, wait for a last mark first."""
        self._end("we hung up")
        await self._close()

    def _end(self, reason: str, *, at_fault: bool = False, hasty: bool = False) -> Stop:
        """Make this the end of the call, unless it has ended already; say what ended it.

        ``at_fault``: it is to be told that it did what is not allowed. ``hasty``: it does not
        read, so there is no leave to be taken.
        """
        if self._stop is None:
            self._stop = Stop(reason)
            self._at_fault = at_fault
            self._hasty = hasty
            self._ended.set()
        return self._stop

    def _overrun(self, messages: int, audio_bytes: int) -> None:
        self._end(
            f"the carrier reads too slowly: {messages} messages, {audio_bytes} bytes are waiting",
            hasty=True,
        )

    async def _end_when_due(self) -> None:
        """Close the line when the call has ended, which wakes whoever receives from it."""
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
        """Close the line, in ``close_s`` at most, even when cancelled."""
        with trio.CancelScope(shield=True) as scope:
            scope.deadline = trio.current_time() + (0 if self._hasty else self._limits.close_s)
            await self._close_line()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AnsweredCall]:
        """The call from its beginning on; the session runs inside.

        Raises :class:`NotAnswered` if it is not said in time whose call it is; the session may
        raise it, too, for a call that it does not want. Leaving the context, or cancelling it,
        closes the line within ``close_s``.
        """
        try:
            await self._wait_for_start()
        except BaseException:
            await self._close()
            raise
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write)
            nursery.start_soon(self._end_when_due)
            try:
                yield self
            except NotAnswered as error:
                self._end(str(error), at_fault=True)
                raise
            finally:
                self._end("the session ended")
                await self._close()
                nursery.cancel_scope.cancel()


async def hold(call: AbstractAsyncContextManager[Carrier], on_call: OnCall) -> None:
    """Run ``on_call`` with the call in this context; no call, no ``on_call``."""
    try:
        async with call as carrier:
            await on_call(carrier)
    except* NotAnswered as errors:
        log.warning("call_not_answered", reason=_first(errors))


def _first(errors: BaseExceptionGroup[NotAnswered]) -> str:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error)
