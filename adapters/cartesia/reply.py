"""One reply on one socket, clause by clause, so that the voice carries on from each to the next.

    clause ── say, flush ──> Cartesia ── chunk, timestamps … flush_done ──> Speech … ends_clause

The next clause is asked for as soon as the one before it sounds: then no gap is heard between
them, and an interruption wastes little. A context expires one second after its last audio
("Contexts and Continuations"), which a reply that waits for a tool outlives: it goes on in
another context.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import uuid4

import trio

from adapters.cartesia import messages
from adapters.cartesia.messages import Chunk, Done, Failed, FlushDone, Heard, Timestamps, parse
from adapters.cartesia.reading import Reading
from adapters.cartesia.settings import CartesiaSettings
from adapters.refusals import refusal
from adapters.sockets import Socket
from effects.ports import Clause, ProviderError, ProviderLost, ProviderTimeout, Speech, Timing
from states import mulaw

VENDOR = "cartesia"
KEY_VARIABLE = "CARTESIA_API_KEY"

CONTEXT_S = 0.5
"""A context in which nothing was heard for so long is not gone on with: on its way, the next
clause might find it expired."""

CANCEL_S = 0.1
"""For the vendor to stop; what then still comes is dropped with its socket."""


class Reply:
    """Says clauses into ``speech``. Used for one reply, by one task."""

    def __init__(
        self,
        socket: Socket,
        settings: CartesiaSettings,
        speech: Callable[[Speech], Awaitable[None]],
    ) -> None:
        self._socket = socket
        self._settings = settings
        self._speech = speech
        self._context = ""
        """The context that is open; empty if there is none."""
        self._sounded_ms = 0.0
        """How much audio of the context has come."""
        self._heard_at = 0.0
        self._asked: Clause | None = None
        """The clause that was asked for last, in the context that is open."""
        self._is_sending = False

    async def say(self, clauses: trio.MemoryReceiveChannel[Clause]) -> None:
        """Say all clauses, in order. Raises :class:`ProviderError`. After it the socket is as it
        was, but for late messages that nobody waits for."""
        async for clause in clauses:
            following: Clause | None = clause
            while following is not None:
                following = await self._say(following, clauses)
        if self._context and not self._is_stale():
            await self._send(messages.end(self._settings, self._context))

    async def cancel(self) -> bool:
        """Break off; does its work even where it is cancelled. Returns whether the socket can
        serve another: that is so if the vendor says within ``CANCEL_S`` that it has stopped."""
        if self._is_sending:
            return False  # in mid-message
        with trio.move_on_after(CANCEL_S, shield=True):
            try:
                if self._context:
                    await self._send(messages.cancel(self._context))
                while self._context and not isinstance(await self._receive(), Done | Failed):
                    pass
            except ProviderError:
                return False
            return True
        return False

    async def _say(
        self, clause: Clause, clauses: trio.MemoryReceiveChannel[Clause]
    ) -> Clause | None:
        """Say one clause. Returns the next if that was asked for meanwhile."""
        if not _has_words(clause):
            await self._speech(Speech(clause.index, b"", ends_clause=True))
            return None
        if self._asked is not clause:
            await self._ask(clause)
        following: Clause | None = None
        reading = Reading(clause.spoken, self._sounded_ms)
        timings: tuple[Timing, ...] = ()
        sounded = False
        while True:
            match await self._receive():
                case Chunk(data=audio):
                    sounded = sounded or bool(audio)
                    self._sounded_ms += len(audio) / mulaw.BYTES_PER_MS
                    following = following or await self._ask_ahead(clauses)
                    await self._speech(Speech(clause.index, audio, False, timings))
                    timings = ()
                case Timestamps(word_timestamps=words):
                    timings += reading.follow(words)
                # One that comes before there is sound belongs to the clause before: the service
                # marks the end of each text and of each flush, or only one of the two.
                case FlushDone() if sounded:
                    break
                case Done() if sounded:
                    self._forget()
                    break
                case Done() | Failed() as over:
                    if sounded or not self._sounded_ms:
                        raise _failure(over)
                    await self._ask_again(clause)  # the context had expired after all
                    reading = Reading(clause.spoken, 0.0)
        await self._speech(Speech(clause.index, b"", True, timings))
        return following

    async def _ask_ahead(self, clauses: trio.MemoryReceiveChannel[Clause]) -> Clause | None:
        """Ask for the next clause if there is one by now."""
        try:
            clause = clauses.receive_nowait()
        except (trio.WouldBlock, trio.EndOfChannel):
            return None
        if _has_words(clause):
            await self._ask(clause)
        return clause

    async def _ask_again(self, clause: Clause) -> None:
        self._forget()
        await self._ask(clause)

    async def _ask(self, clause: Clause) -> None:
        if not self._context or self._is_stale():
            self._forget()
            self._context, self._heard_at = uuid4().hex, trio.current_time()
        self._asked = clause
        await self._send(messages.say(self._settings, self._context, clause.spoken))
        await self._send(messages.flush(self._settings, self._context))

    def _forget(self) -> None:
        """The context is over."""
        self._context, self._sounded_ms, self._asked = "", 0.0, None

    def _is_stale(self) -> bool:
        return trio.current_time() - self._heard_at > CONTEXT_S

    async def _send(self, message: str) -> None:
        self._is_sending = True
        await self._socket.send(message)
        self._is_sending = False

    async def _receive(self) -> Heard:
        """What comes next of the open context. What is left of others is dropped."""
        with trio.move_on_after(self._settings.answer_s):
            while True:
                message = parse(await self._socket.receive())
                if isinstance(message, Failed) and not message.context_id:
                    raise _failure(message)
                if message is not None and message.context_id == self._context:
                    self._heard_at = trio.current_time()
                    return message
        raise ProviderTimeout(f"{VENDOR} was silent for {self._settings.answer_s:g} s")


def _has_words(clause: Clause) -> bool:
    return any(map(str.isalnum, clause.spoken))


def _failure(over: Done | Failed) -> ProviderError:
    if isinstance(over, Done):
        return ProviderLost(f"{VENDOR} ended before it had said everything")
    return refusal(VENDOR, over.status_code, over.reason, KEY_VARIABLE)
