"""The Carrier port over AudioSocket, and the TCP port on which Asterisk opens it.

Asterisk plays what it gets at once, knows no marks, and takes nothing back. So the agent's audio
waits here: it is sent 20 ms at a time, as it is to be heard; a clear empties what waits, and a
mark comes back when what was sent before it should have been played.

    send_audio() ──> PlayoutBuffer ── 20 ms, every 20 ms ──> Asterisk
    receive() <── marks ──┘
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

import structlog
import trio

from adapters.asterisk import packets
from adapters.carriers.answering import (
    AnsweredCall,
    CarrierLimits,
    LineLost,
    OnCall,
    PutThrough,
    hold,
)
from adapters.carriers.playout_buffer import PlayoutBuffer
from adapters.carriers.whole_frames import FRAME_BYTES, FRAME_MS
from adapters.front.server import Listening, listen
from effects.ports import CallInfo, CarrierMessage, Mark
from states.mulaw import SILENCE

log = structlog.get_logger()

_READ_BYTES = 4096
_LATE_S = 0.1
"""Who is later than this does not catch up: it would be heard as a rush of words."""


class AudioSocketCarrier(AnsweredCall):
    """One call on a connection of Asterisk's."""

    def __init__(
        self,
        stream: trio.abc.Stream,
        limits: CarrierLimits | None = None,
        put_through: PutThrough | None = None,
    ) -> None:
        super().__init__(limits or CarrierLimits(), put_through)
        self._stream = stream
        self._packets = packets.Packets()
        self._protocol = packets.ServerStream()
        self._buffer = PlayoutBuffer()
        self._buffer_news = trio.lowlevel.ParkingLot()
        self._returned: deque[Mark] = deque()
        self._reading = trio.CancelScope()
        self._sending = trio.Lock()
        self._left = False

    # --- reading

    async def _take(self) -> CallInfo | CarrierMessage | None:
        while not self._returned:
            packet = self._packets.next()
            if packet is not None:
                return self._protocol.receive(packet)
            with trio.CancelScope() as self._reading:  # a mark may be back before the next packet
                try:
                    data = await self._stream.receive_some(_READ_BYTES)
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    raise LineLost("the connection was lost") from None
                if not data:
                    raise LineLost("the connection was closed without a hang-up")
                self._packets.add(data)
        await trio.lowlevel.checkpoint()
        return self._returned.popleft()

    def _return(self, marks: Iterable[str]) -> None:
        self._returned.extend(map(Mark, marks))
        if self._returned:
            self._reading.cancel()

    # --- writing

    def send_audio(self, mulaw: bytes) -> None:
        """See :class:`effects.ports.Carrier`."""
        if self._stop is not None or not mulaw:
            return
        if self._is_full(len(mulaw)) or not self._buffer.add_audio(mulaw):
            self._overrun(self._buffer.waiting, self._buffer.waiting_bytes)
        self._buffer_news.unpark()

    def send_mark(self, name: str) -> None:
        """See :class:`effects.ports.Carrier`."""
        if self._stop is not None:
            return
        if self._is_full(0):
            self._overrun(self._buffer.waiting, self._buffer.waiting_bytes)
        elif self._buffer.add_mark(name):
            self._return([name])

    def send_clear(self) -> None:
        """See :class:`effects.ports.Carrier`. What is not on the wire yet is never heard."""
        self._return(self._buffer.clear())

    def _is_full(self, more_bytes: int) -> bool:
        limits = self._limits
        too_many = self._buffer.waiting >= limits.outbox_messages
        return too_many or self._buffer.waiting_bytes + more_bytes > limits.outbox_bytes

    async def _write(self) -> None:
        """Let the agent's audio be heard as time goes by."""
        due = trio.current_time()
        while True:
            frame, marks = self._buffer.tick()
            self._return(marks)
            if not frame:
                await self._buffer_news.park()
                due = trio.current_time()
                continue
            sent = await self._send(packets.audio(frame.ljust(FRAME_BYTES, SILENCE)))
            if not sent:
                return  # receive() comes to it, after an end that may have arrived before
            due = max(due + FRAME_MS / 1000, trio.current_time() - _LATE_S)
            await trio.sleep_until(due)

    async def _send(self, packet: packets.Packet) -> bool:
        async with self._sending:
            if self._left:
                return False
            try:
                await self._stream.send_all(packets.encode(packet))
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return False
        return True

    # --- ending

    async def _close_line(self) -> None:
        try:
            await self._send(packets.Packet(packets.HANG_UP))
            self._left = True
        finally:
            await trio.aclose_forcefully(self._stream)


async def answer(
    stream: trio.abc.Stream,
    on_call: OnCall,
    limits: CarrierLimits | None = None,
    put_through: PutThrough | None = None,
) -> None:
    """Run ``on_call`` with the call on this connection; no call, no ``on_call``. The connection is
    closed then."""
    await hold(AudioSocketCarrier(stream, limits, put_through).open(), on_call)


async def serve_audiosocket(
    host: str,
    port: int,
    on_call: OnCall,
    *,
    calls: int = 100,
    admit: Callable[[], bool] = lambda: True,
    limits: CarrierLimits | None = None,
    put_through: PutThrough | None = None,
    shared: bool = False,
    task_status: trio.TaskStatus[Listening] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Take calls over AudioSocket until cancelled, or drained and the last of them is over.

    ``on_call`` runs once for each call, and the call ends when it returns. No more than ``calls``
    connections are taken at once, and none while ``admit`` says no: Asterisk goes on in its
    dialplan then. Port 0 takes any free one; ``shared`` says that other workers listen there, too,
    each of which gets its share of calls. ``task_status`` gets the address. Raises
    :class:`~adapters.front.server.PortBusy` or
    :class:`~adapters.front.server.CannotListen`. Cancelling cancels every call, which may take the
    bounded time of its own end.
    """
    taken = 0

    async def handle(stream: trio.SocketStream) -> None:
        nonlocal taken
        if taken >= calls or not admit():
            log.warning("connection_turned_away", connections=taken)
            await stream.aclose()
            return
        taken += 1
        try:
            await answer(stream, on_call, limits, put_through)
        except* Exception as errors:
            log.exception("call_failed", exc_info=errors)
        finally:
            taken -= 1
            await trio.aclose_forcefully(stream)

    listeners = await listen(host, port, shared=shared, keys="audiosocket.")
    bound_host, bound_port = listeners[0].socket.getsockname()[:2]
    async with trio.open_nursery() as connections:
        with trio.CancelScope() as accepting:
            task_status.started(Listening(bound_host, bound_port, accepting.cancel))
            await trio.serve_listeners(handle, listeners, handler_nursery=connections)
