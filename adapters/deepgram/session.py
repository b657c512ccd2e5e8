"""One call's speech-to-text: a connection at a time, and a new one where one is lost.

    sound ── _send ──> Line ──> Deepgram
               │ Backlog: not finalised yet, to be sent again
    heard <── Segments <── _receive <── Line

While there is no connection nothing is taken from ``sound``, whose queue is bounded and drops the
oldest. So it is while Deepgram takes its audio too slowly; reading does not wait for that. A
connection that owes us a message and sends none is as good as lost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import structlog
import trio

from adapters.deepgram.backlog import Backlog
from adapters.deepgram.lines import FluxLine, Line, NovaLine
from adapters.deepgram.messages import VENDOR, Complaint, Message, UtteranceEnd, Words, told
from adapters.deepgram.segments import Segments
from adapters.deepgram.settings import DeepgramSettings
from adapters.secrets import quoted
from adapters.sockets import Endpoint, Socket, SocketClosed, open_socket
from effects.ports import (
    Frame,
    Heard,
    Offset,
    Onset,
    ProviderError,
    ProviderLost,
    ProviderRefused,
    Sound,
)

log = structlog.get_logger()

FINISH_S = 1.0
"""For the last words after the sound has ended."""
UNDECIDED_MS = 1000
"""Where nothing was understood, words may still come of so much of the latest audio."""


class Session:
    """Speech-to-text of one call; ``run`` it once."""

    def __init__(
        self,
        endpoint: Endpoint,
        settings: DeepgramSettings,
        sound: trio.MemoryReceiveChannel[Sound],
        heard: Callable[[Heard], None],
    ) -> None:
        self._endpoint = endpoint
        self._settings = settings
        self._sound = sound
        self._heard = heard
        self._backlog = Backlog(settings.replay_ms)
        self._segments = Segments()
        self._was_open = False
        self._is_over = False
        self._failures = 0
        """Connections in a row that were lost, or not opened, before anything was final."""
        self._speaking = False
        self._paused = False
        """The caller did, and their last words are not final."""
        self._voice_ms = 0.0
        """Until when they did."""
        self._answered = True
        """Something was reported since they last began."""
        self._listening = trio.CancelScope()
        """Waits for the next message; its deadline is when one is due."""

    async def run(self) -> None:
        """Transcribe until ``sound`` ends. Raises :class:`~effects.ports.ProviderError`."""
        while not self._is_over:
            try:
                async with open_socket(self._endpoint) as socket:
                    await self._converse(socket)
            except ProviderRefused:
                raise
            except ProviderError as lost:
                await self._before_next_try(lost)
        self._report(self._segments.close())

    async def _before_next_try(self, lost: ProviderError) -> None:
        """Raises what it is told of if there is no next try: a call that never had a connection
        has another provider sooner."""
        if not self._was_open:
            raise lost
        tries, self._failures = self._settings.reconnect_tries, self._failures + 1
        if self._failures > tries:
            raise ProviderLost(f"{VENDOR} is lost after {tries} tries: {lost}") from lost
        log.warning("speech_to_text_lost", vendor=VENDOR, why=str(lost), failures=self._failures)
        if self._failures > 1:
            await trio.sleep(self._settings.reconnect_wait_ms / 1000 * 2 ** (self._failures - 2))

    async def _converse(self, socket: Socket) -> None:
        """Use one connection until the sound is over. Raises what ended it sooner."""
        line = self._line(socket)
        replay = self._to_replay()
        self._was_open = True
        self._listening = trio.CancelScope()
        ended: ProviderError | None = None
        async with trio.open_nursery() as nursery:
            with trio.CancelScope() as patience:
                nursery.start_soon(self._send, line, replay, patience)
                ended = await self._receive(line)
            nursery.cancel_scope.cancel()
        if ended and not self._is_over:
            raise ended

    def _line(self, socket: Socket) -> Line:
        settings = self._settings
        if settings.is_flux:
            return FluxLine(socket, silence_ms=settings.keep_alive_s * 1000)
        return NovaLine(socket, finalize=settings.finalize_at_offset)

    def _to_replay(self) -> list[Frame]:
        """What is not finalised is heard again. Where its beginning is gone the words so far
        stand, and only what came after them is heard again."""
        dropped_ms = self._backlog.dropped_ms
        words = self._segments.open
        if dropped_ms:
            log.warning("audio_not_replayed", vendor=VENDOR, dropped_ms=dropped_ms)
            if words:
                self._backlog.forget(words.through_ms)
        self._segments.reconnected(keep=dropped_ms > 0)
        return self._backlog.replay()

    async def _send(self, line: Line, replay: Iterable[Frame], patience: trio.CancelScope) -> None:
        try:
            for frame in replay:
                await line.send(frame.mulaw)
            if self._paused:
                await self._ask(line)
            await self._pass_on(line)
            self._is_over = True
            patience.deadline = trio.current_time() + FINISH_S
            await line.finish(is_open=self._segments.open is not None)
        except SocketClosed:
            pass  # receiving says why

    async def _pass_on(self, line: Line) -> None:
        """Send the sound until it ends. A frame is noted before it is sent, so that none is lost
        with a connection."""
        while True:
            item: Sound | None = None
            with trio.move_on_after(self._settings.keep_alive_s):
                try:
                    item = await self._sound.receive()
                except trio.EndOfChannel:
                    return
            match item:
                case Frame():
                    if item.mulaw:
                        self._backlog.add(item)
                        await line.send(item.mulaw)
                        if self._speaking and line.reports_speech:
                            self._expect()
                case Onset():
                    self._speaking, self._paused = True, False
                    self._answered = False
                case Offset(at_ms):
                    self._speaking, self._paused = False, True
                    self._voice_ms = at_ms
                    self._listening.deadline = math.inf
                    await self._ask(line)
                case None:
                    self._backlog.add_silence(await line.keep_alive())

    async def _ask(self, line: Line) -> None:
        """For the final words, where that is answered."""
        if await line.speech_ended():
            self._expect()

    def _expect(self) -> None:
        """A message is due, from now on or since it was first."""
        due = trio.current_time() + self._settings.answer_s
        self._listening.deadline = min(self._listening.deadline, due)

    async def _receive(self, line: Line) -> ProviderError:
        """Report what is heard until the connection ends; why it did."""
        while True:
            message: Message | None = None
            try:
                with self._listening:
                    message = await line.receive()
            except SocketClosed as closed:
                return told(closed)
            if self._listening.cancelled_caught:
                return ProviderLost(f"{VENDOR} said nothing for {self._settings.answer_s:g} s")
            self._listening = trio.CancelScope()
            match message:
                case Words():
                    self._take(message)
                case UtteranceEnd():
                    self._report(self._segments.utterance_end())
                case Complaint(why, fatal=True):
                    return ProviderLost(f"{VENDOR} gave up: {quoted(why)}")
                case Complaint(why):
                    log.warning("vendor_complains", vendor=VENDOR, why=quoted(why))

    def _take(self, words: Words) -> None:
        through_ms = self._backlog.call_ms(words.through_ms)
        self._report(self._segments.take(words, through_ms))
        heard_ms = through_ms if words.final else through_ms - UNDECIDED_MS
        if not (self._answered or self._speaking) and heard_ms >= self._voice_ms:
            self._report(self._segments.nothing(through_ms))
        if words.final:
            self._failures = 0
            self._paused = False
            self._backlog.settle(words.through_ms)
        elif not self._segments.open:
            self._backlog.settle(words.through_ms - UNDECIDED_MS)

    def _report(self, heard: Iterable[Heard]) -> None:
        for words in heard:
            self._answered = True
            self._heard(words)
